//! A database as it was, made from a history: the newest copy that isn't later, and then transaction by
//! transaction, with the checks that a node makes which applies them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::Xxh3;

use crate::backup::history::manifest::{
    FullCopy, HISTORY, History, Segment, Span, description_of, hex, unseal,
};
use crate::backup::history::point::{Point, written};
use crate::backup::history::segment::Parts;
use crate::backup::objects::Objects;
use crate::backup::plan::{Plans, Target};
use crate::backup::restore::Restore;
use crate::backup::source::{Source, Unpacking};
use crate::engine::{PageFile, read_position};
use crate::model::error::Fault;
use crate::model::id::{DatabaseId, TransactionId};
use crate::platform::disk::{Disk, File, RealDisk};
use crate::platform::task;

/// A place that a history is in.
#[derive(Debug)]
pub struct HistoryPlace(Target);

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Bytes that were read, and that are to be read.
    pub read: u64,
    pub expected: u64,
    /// The last transaction that the file has.
    pub transaction: u64,
}

/// A state that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Rebuilt {
    pub database: String,
    pub transaction: u64,
    /// When that was proposed; `None` if no transaction followed the copy.
    pub proposed: Option<String>,
}

impl HistoryPlace {
    /// Reads the text of a file of `-auto-backup`, which may be about several databases, or of `-auto-restore`.
    /// `duration` reads its durations.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn parse(
        text: &str,
        environment: &HashMap<String, String>,
        duration: fn(&str) -> Option<Duration>,
        database: Option<&str>,
    ) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        let target = if value.get("interval").is_some() {
            Plans::parse(text, environment, duration)?.place(database)?
        } else if database.is_some() {
            return Err("it is about one database: leave out -db".to_owned());
        } else {
            Restore::parse(text, environment, duration)?.from
        };
        Ok(Self(target))
    }

    /// What can be restored, as a text of several lines.
    ///
    /// # Errors
    /// A text for the operator.
    pub async fn describe(&self) -> Result<String, String> {
        let objects = Objects(&self.0);
        let kept = read(objects).await?;
        let mut text = format!("The database '{}', in {}:\n", kept.database, objects.place());
        for line in kept.lines() {
            text.push_str(&line);
            text.push('\n');
        }
        Ok(text)
    }

    /// Makes a file of the database as it was at a point. It is there as a whole or not at all.
    ///
    /// # Errors
    /// A text for the operator: what is wrong, and what can be done instead.
    pub async fn restore(
        &self,
        point: &str,
        path: &Path,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Rebuilt, String> {
        let point = Point::parse(point)?;
        let mut partial = path.as_os_str().to_owned();
        partial.push(".part");
        let partial = Path::new(&partial);
        let wrong = |error: std::io::Error| format!("write {}: {error}", partial.display());
        let file = RealDisk.open(partial, true).map_err(wrong)?;
        file.set_len(0).map_err(wrong)?;
        let made = async {
            let rebuilt = rebuild(&self.0, &point, file, progress).await?;
            let disk: Arc<dyn Disk> = Arc::new(RealDisk);
            let there = read_position(&disk, partial).map_err(|fault| fault.to_string())?;
            if there != TransactionId(rebuilt.transaction) {
                return Err(format!("the file says that it is at transaction {there}"));
            }
            RealDisk.rename(partial, path).map_err(wrong)?;
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            RealDisk.sync_directory(directory.unwrap_or(Path::new("."))).map_err(wrong)?;
            Ok(rebuilt)
        };
        let made = made.await;
        if made.is_err() {
            // What can't be removed is in nobody's way: it has another name.
            let _ = RealDisk.remove(partial);
        }
        made
    }
}

/// A history, as far as it can be read.
struct Kept {
    database: String,
    /// Oldest first.
    spans: Vec<Span>,
    /// Why some are not among them.
    problems: Vec<String>,
}

impl Kept {
    /// What can be restored, for the operator.
    fn lines(&self) -> Vec<String> {
        let problems = self.problems.iter().map(|problem| format!("  PROBLEM: {problem}"));
        ranges(&self.spans).into_iter().chain(problems).collect()
    }
}

async fn read(objects: Objects<'_>) -> Result<Kept, String> {
    let text = objects.read(HISTORY).await?;
    let text = text.ok_or_else(|| {
        format!(
            "there is no history in {}: \"point_in_time\" in the file of -auto-backup has one kept",
            objects.place()
        )
    })?;
    let history: History = unseal(HISTORY, &text)?;
    let (mut spans, mut problems) = (Vec::new(), Vec::new());
    for start in &history.spans {
        let name = description_of(&start.name);
        let read = match objects.read(&name).await {
            Ok(Some(text)) => unseal(&name, &text),
            Ok(None) => Err(format!("{name} is missing")),
            Err(why) => Err(format!("{name}: {why}")),
        };
        match read {
            Ok(span) => spans.push(span),
            Err(why) => problems.push(format!(
                "{why}. It has what follows transaction {} ({})",
                start.transaction,
                written(start.at)
            )),
        }
    }
    Ok(Kept { database: history.database, spans, problems })
}

/// Whether nothing is missing between a span and the next one.
fn joins(span: &Span, next: &Span) -> bool {
    span.database_id == next.database_id && span.passes(next.copy.position())
}

/// A line for each range without a hole, and for what is between them.
fn ranges(spans: &[Span]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = spans;
    while let Some(first) = rest.first() {
        let joined = rest.windows(2).take_while(|pair| joins(&pair[0], &pair[1])).count();
        let last = &rest[joined];
        if !lines.is_empty() {
            lines.push("  nothing between these".to_owned());
        }
        lines.push(format!(
            "  from transaction {} ({}) to transaction {} ({})",
            first.copy.transaction,
            written(first.copy.at),
            last.last(),
            written(last.complete_until)
        ));
        rest = &rest[joined + 1..];
    }
    lines
}

/// A span, and how far its segments are to be applied.
struct Chosen<'a> {
    span: &'a Span,
    /// The last transaction that may be applied, and the latest time that one may have.
    transaction: u64,
    time: u64,
}

/// What a point is made from.
fn choose<'a>(kept: &'a Kept, point: &Point) -> Result<Chosen<'a>, String> {
    let spans = &kept.spans;
    let refused = |why: String| format!("{why}. Can be restored:\n{}", kept.lines().join("\n"));
    let Some(last) = spans.last() else { return Err(refused("nothing is kept".to_owned())) };
    let missing = || refused(format!("{point} lies where a part of the history is missing"));
    let early = || refused(format!("{point} is before what is kept"));
    let late = |what: &str| refused(format!("{point} is after the last {what} that is kept"));
    match *point {
        Point::Latest => Ok(Chosen { span: last, transaction: u64::MAX, time: u64::MAX }),
        Point::Transaction(number) => {
            // A new cluster that goes on in the same place counts from the beginning.
            let has = |span: &&Span| (span.copy.transaction..=span.last()).contains(&number);
            match spans.iter().rfind(has) {
                Some(span) => Ok(Chosen { span, transaction: number, time: u64::MAX }),
                None if spans.iter().all(|span| number < span.copy.transaction) => Err(early()),
                None if spans.iter().all(|span| number > span.last()) => Err(late("transaction")),
                None => Err(missing()),
            }
        }
        Point::Time(time) => {
            let at = spans.iter().rposition(|span| span.copy.at <= time).ok_or_else(early)?;
            let (span, next) = (&spans[at], spans.get(at + 1));
            let whole = next.is_some_and(|next| joins(span, next));
            if time <= span.complete_until || whole {
                return Ok(Chosen { span, transaction: u64::MAX, time });
            }
            Err(if next.is_some() { missing() } else { late("time") })
        }
    }
}

impl Chosen<'_> {
    /// Whether something of a segment is needed.
    fn needs(&self, segment: &Segment) -> bool {
        segment.first <= self.transaction && segment.from <= self.time
    }
}

/// Makes the database as it was at a point in an empty file; durable.
pub(in crate::backup) async fn rebuild(
    target: &Target,
    point: &Point,
    file: Arc<dyn File>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Rebuilt, String> {
    let objects = Objects(target);
    let kept = read(objects).await?;
    let chosen = choose(&kept, point)?;
    let span = chosen.span;
    let needed: Vec<&Segment> =
        span.segments.iter().take_while(|segment| chosen.needs(segment)).collect();
    let bytes: u64 = needed.iter().map(|segment| segment.bytes).sum();
    let mut work = Work {
        objects,
        progress,
        now: Progress {
            read: 0,
            expected: span.copy.bytes + bytes,
            transaction: span.copy.transaction,
        },
        proposed: None,
    };
    let damaged = |fault: Fault| format!("the copy {} is of no use: {fault}", span.copy.object);
    work.fetch(&span.copy, &file).await?;
    let position = span.copy.position();
    let position = position.ok_or_else(|| format!("{} has no position", span.copy.object))?;
    let opened = task::blocking(move || PageFile::open(file, position)).await;
    let mut pages = opened.map_err(damaged)?;
    for segment in needed {
        let applied = work.apply(&chosen, segment, pages).await;
        pages = applied.map_err(|why| work.without(span, segment, &why))?;
    }
    let end = pages.position().txid.0;
    task::blocking(move || pages.finish()).await.map_err(|fault| fault.to_string())?;
    let proposed = work.proposed.map(written);
    Ok(Rebuilt { database: kept.database.clone(), transaction: end, proposed })
}

/// Begins to read an object that must be there.
async fn open(objects: Objects<'_>, object: &str) -> Result<Source, String> {
    let opened = objects.open(object).await;
    let opened = opened.map_err(|why| format!("{object} can't be read: {why}"))?;
    opened.ok_or_else(|| format!("{object} is missing in {}", objects.place()))
}

struct Work<'a> {
    objects: Objects<'a>,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    now: Progress,
    /// When the last transaction that was applied was proposed.
    proposed: Option<u64>,
}

impl Work<'_> {
    /// What can't be done without a segment, and what can.
    fn without(&self, span: &Span, segment: &Segment, why: &str) -> String {
        let before = span.segments.iter().take_while(|one| one.object != segment.object).last();
        let last = before.map_or(span.copy.transaction, |before| before.last);
        format!(
            "{why}. It has transactions {} to {}, from {} to {}. What is before it can be restored: \
             -to {last}",
            segment.first,
            segment.last,
            written(segment.from),
            written(segment.until),
        )
    }

    fn note(&mut self, bytes: usize) {
        self.now.read += bytes as u64;
        (self.progress)(self.now);
    }

    /// Brings the copy to the file, unpacked.
    async fn fetch(&mut self, copy: &FullCopy, file: &Arc<dyn File>) -> Result<(), String> {
        let mut source = open(self.objects, &copy.object).await?;
        let mut hash = Box::new(Xxh3::new());
        let (mut unpacking, mut bytes, mut offset) = (Unpacking::default(), 0, 0);
        let damaged = |why: &str| format!("the copy {} is damaged: {why}", copy.object);
        loop {
            let part = source.next().await.map_err(|why| damaged(&why))?;
            let unpacked = match &part {
                Some(part) => {
                    hash.update(part);
                    bytes += part.len() as u64;
                    unpacking.push(part)
                }
                None => std::mem::take(&mut unpacking).finish(),
            };
            let unpacked = unpacked.map_err(|why| damaged(&why))?;
            let (out, at) = (Arc::clone(file), offset);
            offset += unpacked.len() as u64;
            let written = task::blocking(move || out.write_all_at(&unpacked, at)).await;
            written.map_err(|error| format!("write the file: {error}"))?;
            match part {
                Some(part) => self.note(part.len()),
                None => break,
            }
        }
        if bytes != copy.bytes || hex(hash.digest128()) != copy.checksum {
            return Err(damaged("it isn't what was written"));
        }
        Ok(())
    }

    /// Applies a segment as far as it is wanted.
    async fn apply(
        &mut self,
        chosen: &Chosen<'_>,
        segment: &Segment,
        mut pages: PageFile,
    ) -> Result<PageFile, String> {
        let object = &segment.object;
        let damaged = |why: &str| format!("{object} is damaged: {why}");
        let mut source = open(self.objects, object).await?;
        let mut hash = Box::new(Xxh3::new());
        let (mut parts, mut bytes, mut wanted) = (Parts::default(), 0, true);
        let database = DatabaseId(chosen.span.database_id);
        while let Some(read) = source.next().await.map_err(|why| damaged(&why))? {
            hash.update(&read);
            bytes += read.len() as u64;
            parts.push(&read);
            while let Some(part) =
                parts.next(database, pages.position()).map_err(|w| damaged(&w))?
            {
                let late = part.txid.0 > chosen.transaction || part.proposed_at > chosen.time;
                wanted &= !late;
                if !wanted {
                    continue;
                }
                self.proposed = Some(part.proposed_at);
                let applied = task::blocking(move || pages.apply(&part).map(|()| pages)).await;
                pages = applied.map_err(|fault| damaged(&fault.to_string()))?;
            }
            self.now.transaction = pages.position().txid.0;
            self.note(read.len());
        }
        if bytes != segment.bytes || hex(hash.digest128()) != segment.checksum || !parts.is_at_end()
        {
            return Err(damaged("it isn't what was written"));
        }
        if wanted && Some(pages.position()) != segment.end() {
            return Err(damaged("it doesn't lead where it should"));
        }
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::history::manifest::FullCopy;

    /// From transaction `first` at `from` to `last` at `until`; chain values are numbers.
    fn span(first: u64, last: u64, (from, until): (u64, u64)) -> Span {
        let copy = FullCopy {
            object: "c".to_owned(),
            bytes: 0,
            checksum: hex(0),
            transaction: first,
            chain: hex(u128::from(first)),
            at: from,
            next_index: 1,
        };
        let segment = Segment {
            object: "s".to_owned(),
            bytes: 0,
            checksum: hex(0),
            first: first + 1,
            last,
            chain: hex(u128::from(last)),
            from,
            until,
            next_index: 2,
        };
        let mut span = Span::new(5, copy);
        if last > first {
            span.segments.push(segment);
        }
        span.complete_until = until;
        span
    }

    #[test]
    fn a_point_is_made_from_the_newest_copy_before_it_or_refused() {
        let spans = vec![
            span(10, 20, (100, 200)),
            // Follows the one before; the time between them belongs to that.
            span(20, 30, (210, 300)),
            // Something is missing before it.
            span(40, 40, (400, 450)),
            // Another cluster.
            span(1, 15, (500, 600)),
        ];
        let kept = Kept { database: "d".to_owned(), spans, problems: vec!["x".to_owned()] };
        let at = |point: Point| {
            choose(&kept, &point).map(|chosen| chosen.span.copy.at).map_err(|why| {
                assert!(
                    why.contains("from transaction 10 (") && why.contains("PROBLEM: x"),
                    "{why}"
                );
                let words =
                    ["is before what", "is after the last", "a part of the history is missing"];
                words.into_iter().find(|words| why.contains(words)).unwrap()
            })
        };
        let (early, late) = (Err("is before what"), Err("is after the last"));
        let missing = Err("a part of the history is missing");
        for (number, made) in [
            (0, early),
            (1, Ok(500)),
            (12, Ok(500)),
            (16, Ok(100)),
            (20, Ok(210)),
            (30, Ok(210)),
            (31, missing),
            (40, Ok(400)),
            (41, late),
        ] {
            assert_eq!(at(Point::Transaction(number)), made, "{number}");
        }
        for (time, made) in [
            (99, early),
            (100, Ok(100)),
            (205, Ok(100)),
            (210, Ok(210)),
            (300, Ok(210)),
            (301, missing),
            (400, Ok(400)),
            (450, Ok(400)),
            (499, missing),
            (600, Ok(500)),
            (601, late),
        ] {
            assert_eq!(at(Point::Time(time)), made, "{time}");
        }
        assert_eq!(at(Point::Latest), Ok(500));
        let lines = kept.lines();
        assert_eq!(lines.iter().filter(|line| line.contains("nothing between")).count(), 2);
        let empty = Kept { database: "d".to_owned(), spans: Vec::new(), problems: Vec::new() };
        assert!(choose(&empty, &Point::Latest).is_err());
    }
}
