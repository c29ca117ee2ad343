//! The leader's part: what was committed goes into the history's place, round by round.
//!
//! A round takes what it goes on from out of the place itself, so that a new leader has nothing to be
//! told. It reads the log, beside everything else: no write waits for it.

use std::time::Duration;

use crate::backup::copy;
use crate::backup::history::manifest::{
    FullCopy, HISTORY, History, Span, Start, description_of, hex, is_damaged, seal, unseal,
};
use crate::backup::history::point::written;
use crate::backup::history::segment::{Builder, Finished};
use crate::backup::history::{Keeping, now};
use crate::backup::objects::Objects;
use crate::backup::plan::Plan;
use crate::engine::{Engine, Limits, Staged, View};
use crate::model::error::Error;
use crate::model::id::{DatabaseId, LogIndex, Position};
use crate::model::read_level::ReadLevel;
use crate::platform::{clock, random, watch};

/// Bytes of the log that are read at once.
const READ_BYTES: usize = 4 << 20;
/// A segment is closed when it has this many.
const SEGMENT_BYTES: u64 = 64 << 20;
/// So much log isn't left until the next round: it might be gone by then.
const LOG_BYTES_LEFT: u64 = 16 << 20;
/// How often somebody looks how much log there is.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// While nothing is committed, that is said in the description this often.
const IDLE_MAX: Duration = Duration::from_mins(1);
/// Descriptions of more segments would take too long to write each time.
const SEGMENTS_MAX: usize = 10_000;

fn told(error: Error) -> String {
    error.message().to_owned()
}

/// Keeps the history as `plan` says, until `stop` is set.
pub(in crate::backup) async fn run(
    engine: Engine,
    plan: Plan,
    keeping: Keeping,
    mut stop: watch::Receiver<bool>,
) {
    let mut keeper = Keeper { engine, plan, keeping, done: None };
    loop {
        tokio::select! {
            () = keeper.pause() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if !keeper.engine.is_leader() {
            // Another one keeps it now.
            keeper.done = None;
            continue;
        }
        let round = tokio::select! {
            round = keeper.round() => round,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        // One that has lost its office leaves the rest to the next.
        if round.is_ok() {
            keeper.engine.activity().last_upload.now();
        }
        if let Err(why) = round
            && keeper.engine.is_leader()
        {
            let place = keeper.place();
            keeper.engine.activity().uploads_failed.one();
            tracing::error!("the history at {place} could not be continued: {why}");
        }
    }
}

/// What the last round of this leader came to.
struct Done {
    database: DatabaseId,
    position: Position,
    next_index: LogIndex,
    /// When the description was written last.
    described: u64,
}

struct Keeper {
    engine: Engine,
    plan: Plan,
    keeping: Keeping,
    done: Option<Done>,
}

/// A history as it is in its place.
struct Kept {
    history: History,
    /// The last span, and its name.
    span: Option<(String, Span)>,
}

/// A copy on this node's disk.
struct Copied {
    file: Staged,
    /// XXH3-128.
    checksum: u128,
    position: Position,
    id: String,
    next_index: LogIndex,
    time: u64,
}

/// A span can't be continued.
struct Hole;

impl Keeper {
    fn objects(&self) -> Objects<'_> {
        Objects(&self.plan.target)
    }

    fn place(&self) -> String {
        self.objects().place()
    }

    /// Until the next round.
    async fn pause(&self) {
        let end = clock::now().plus(self.keeping.interval);
        loop {
            let left = end.remaining();
            if left.is_zero() {
                return;
            }
            clock::sleep(left.min(LOOK_INTERVAL)).await;
            let log = |done: &Done| self.engine.log_bytes_from(done.next_index);
            if self.done.as_ref().map_or(0, log) > LOG_BYTES_LEFT {
                return;
            }
        }
    }

    async fn view(&self, database: DatabaseId) -> Result<View, String> {
        let limits = Limits::default();
        self.engine.view(database, ReadLevel::Linearizable, &limits).await.map_err(told)
    }

    async fn round(&mut self) -> Result<(), String> {
        let name = &self.plan.database;
        let database = self.engine.database(name);
        let database = database.ok_or_else(|| format!("there is no database {name:?}"))?;
        // In this order: the log has from there on what the view doesn't see, and the view has what
        // was acknowledged by then.
        let next_index = self.engine.log_start(database).map_err(told)?;
        let time = now();
        let view = self.view(database).await?;
        let position = view.position();
        if self.done.as_ref().is_some_and(|done| {
            let idle = Duration::from_micros(time.saturating_sub(done.described));
            (done.database, done.position) == (database, position) && idle < IDLE_MAX
        }) {
            self.engine.activity().uploads_unchanged.one();
            return Ok(());
        }
        let Kept { history, span } = self.read().await?;
        let Some((name, span)) = span else {
            let copied = self.copy(view, next_index, time).await?;
            return self.begin(history, database, copied).await;
        };
        if self.is_full(&span, position, time) {
            // The view isn't held for longer than it takes to copy it.
            let copied = self.copy(view, next_index, time).await?;
            // To where the new span begins, so that there is nothing between them.
            let _ = self.extend(&name, span, database, position, time).await?;
            return self.begin(history, database, copied).await;
        }
        drop(view);
        let Ok(span) = self.extend(&name, span, database, position, time).await? else {
            let next_index = self.engine.log_start(database).map_err(told)?;
            let time = now();
            let copied = self.copy(self.view(database).await?, next_index, time).await?;
            return self.begin(history, database, copied).await;
        };
        let (next_index, described) = (span.next_index(), span.complete_until);
        self.done = Some(Done { database, position, next_index, described });
        Ok(())
    }

    /// Whether a new span is due.
    fn is_full(&self, span: &Span, position: Position, time: u64) -> bool {
        let age = Duration::from_micros(time.saturating_sub(span.copy.at));
        let changed = span.copy.position() != Some(position);
        changed && (age >= self.plan.interval || span.segments.len() >= SEGMENTS_MAX)
    }

    async fn read(&self) -> Result<Kept, String> {
        let objects = self.objects();
        let name = &self.plan.database;
        let Some(text) = objects.read(HISTORY).await? else {
            return Ok(Kept { history: History::new(name), span: None });
        };
        if is_damaged(&text) {
            return self.set_aside(text).await;
        }
        let history: History = unseal(HISTORY, &text)?;
        if history.database != *name {
            let other = &history.database;
            return Err(format!(
                "that is the history of the database {other:?}: take another place"
            ));
        }
        let Some(last) = history.spans.last().map(|last| last.name.clone()) else {
            return Ok(Kept { history, span: None });
        };
        let described = description_of(&last);
        let span = match objects.read(&described).await? {
            Some(text) => unseal(&described, &text),
            None => Err(format!("{described} is missing")),
        };
        match span {
            Ok(span) => Ok(Kept { history, span: Some((last, span)) }),
            Err(why) => {
                tracing::warn!("the history at {} goes on with a new copy: {why}", self.place());
                Ok(Kept { history, span: None })
            }
        }
    }

    /// Keeps a list that is damaged beside, and begins another: what it named is in its place, but nothing names it.
    async fn set_aside(&self, text: String) -> Result<Kept, String> {
        let aside = format!("history-damaged-{}.json", now());
        self.objects().write(&aside, text).await?;
        tracing::error!(
            "{HISTORY} at {} is damaged. It is kept as {aside}, and a new history begins with a full copy; \
             states from before it can be restored only from another copy of {HISTORY}",
            self.place()
        );
        Ok(Kept { history: History::new(&self.plan.database), span: None })
    }

    /// Adds to a span what was committed up to `position`. `Err(Hole)` if the log hasn't all of it.
    async fn extend(
        &self,
        name: &str,
        mut span: Span,
        database: DatabaseId,
        position: Position,
        time: u64,
    ) -> Result<Result<Span, Hole>, String> {
        let Some(end) = span.end().filter(|_| span.database_id == database.0) else {
            self.warn_of_hole(&span);
            return Ok(Err(Hole));
        };
        let mut builder = Builder::new(&self.engine, database, end, span.next_index()).await?;
        while builder.position() != position {
            let Some(full) = self.fill(&mut builder, position).await? else {
                self.warn_of_hole(&span);
                return Ok(Err(Hole));
            };
            if full {
                let (end, next_index) = (builder.position(), builder.next_index());
                let next = Builder::new(&self.engine, database, end, next_index).await?;
                let finished = std::mem::replace(&mut builder, next).finish().await?;
                self.add(name, &mut span, finished).await?;
                self.describe(name, &span).await?;
            }
        }
        self.add(name, &mut span, builder.finish().await?).await?;
        span.complete_until = span.complete_until.max(time);
        self.describe(name, &span).await?;
        Ok(Ok(span))
    }

    /// Reads the log until `position` is reached (`false`) or the segment is large enough (`true`);
    /// `None` if the log doesn't lead there.
    async fn fill(
        &self,
        builder: &mut Builder,
        position: Position,
    ) -> Result<Option<bool>, String> {
        let mut from = builder.next_index();
        loop {
            let read = self.engine.read_log(builder.database(), from, READ_BYTES).await?;
            let Some(logged) = read.filter(|logged| !logged.at_end) else { return Ok(None) };
            for part in &logged.parts {
                let whole = builder.push(part).await?;
                if builder.position() == position {
                    return Ok(Some(false));
                }
                if whole && builder.length() >= SEGMENT_BYTES {
                    return Ok(Some(true));
                }
            }
            from = logged.next;
        }
    }

    fn warn_of_hole(&self, span: &Span) {
        tracing::warn!(
            "the history of the database {:?} at {} goes on with a new copy: the log here doesn't have \
             what follows transaction {}. States after that one ({}) and before the new copy can't be \
             restored",
            self.plan.database,
            self.place(),
            span.last(),
            written(span.complete_until)
        );
    }

    async fn add(
        &self,
        name: &str,
        span: &mut Span,
        finished: Option<Finished>,
    ) -> Result<(), String> {
        let Some(Finished { file, mut segment }) = finished else { return Ok(()) };
        // Another leader that doesn't know yet that it is none writes under another name.
        let token = u32::from_be_bytes(random::bytes());
        segment.object = format!("{name}/{}-{}-{token:08x}.segment", segment.first, segment.last);
        let id = format!("{}-{}", segment.last, segment.chain);
        self.objects().put(&segment.object, file, &id).await?;
        let activity = self.engine.activity();
        activity.segments_made.one();
        activity.upload_bytes.add(segment.bytes);
        activity.last_upload_bytes.set(segment.bytes);
        span.segments.push(segment);
        Ok(())
    }

    async fn describe(&self, name: &str, span: &Span) -> Result<(), String> {
        if !self.engine.is_leader() {
            return Err("another node leads now".to_owned());
        }
        self.objects().write(&description_of(name), seal(span)?).await
    }

    /// Copies what a view shows, which was opened at `time`; the log has what follows from `next_index`
    /// on.
    async fn copy(&self, view: View, next_index: LogIndex, time: u64) -> Result<Copied, String> {
        let (position, id) = (view.position(), crate::backup::id(&view));
        let copied = copy::pages(&self.engine, view, self.plan.compress).await;
        let (file, checksum) = copied.map_err(told)?;
        Ok(Copied { file, checksum, position, id, next_index, time })
    }

    /// Begins a new span with a copy.
    async fn begin(
        &mut self,
        mut history: History,
        database: DatabaseId,
        copied: Copied,
    ) -> Result<(), String> {
        let Copied { file, checksum, position, id, next_index, time } = copied;
        let token = u32::from_be_bytes(random::bytes());
        let name = format!("{:020}-{token:08x}", position.txid.0);
        let suffix = if self.plan.compress { ".gz" } else { "" };
        let object = format!("{name}/copy.sqlite{suffix}");
        let bytes = file.length();
        let copy = FullCopy {
            object: object.clone(),
            bytes,
            checksum: hex(checksum),
            transaction: position.txid.0,
            chain: hex(position.chain.0),
            at: time,
            next_index: next_index.0,
        };
        self.objects().put(&object, file, &id).await?;
        self.describe(&name, &Span::new(database.0, copy)).await?;
        history.spans.push(Start { name, transaction: position.txid.0, at: time });
        let old = self.take_old(&mut history, time);
        self.objects().write(HISTORY, seal(&history)?).await?;
        self.done = Some(Done { database, position, next_index, described: time });
        let activity = self.engine.activity();
        activity.uploads_made.one();
        activity.upload_bytes.add(bytes);
        activity.last_upload_bytes.set(bytes);
        tracing::info!("the database was backed up to {}", self.place());
        self.remove(&old).await;
        Ok(())
    }

    /// Takes the spans away that are needed for nothing any more.
    fn take_old(&self, history: &mut History, time: u64) -> Vec<Start> {
        let Some(keep) = self.keeping.keep else { return Vec::new() };
        let since = time.saturating_sub(keep.as_micros() as u64);
        // The state at that time is made from the last copy before it.
        let first = history.spans.iter().rposition(|span| span.at <= since).unwrap_or(0);
        history.spans.drain(..first).collect()
    }

    /// Removes spans that nothing names any more.
    async fn remove(&self, old: &[Start]) {
        for start in old {
            if let Err(why) = self.remove_span(&start.name).await {
                let place = self.place();
                tracing::warn!("remove what is left below {}{}: {why}", place, start.name);
            }
        }
    }

    async fn remove_span(&self, name: &str) -> Result<(), String> {
        let (objects, described) = (self.objects(), description_of(name));
        let text = objects.read(&described).await?;
        let text = text.ok_or_else(|| format!("{described} is missing"))?;
        let span: Span = unseal(&described, &text)?;
        for segment in &span.segments {
            objects.remove(&segment.object).await?;
        }
        objects.remove(&span.copy.object).await?;
        objects.remove(&described).await?;
        objects.remove_directory(name).await;
        Ok(())
    }
}
