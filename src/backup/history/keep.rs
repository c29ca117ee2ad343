//! The leader's part: what was committed goes into the history's place, round by round.
//!
//! A round takes what it goes on from out of the place itself, so that a new leader has nothing to be
//! told. It reads the log, beside everything else: no write waits for it.
//!
//! A full copy takes long, and the log doesn't wait for it. So what is committed meanwhile is kept at once: in the
//! span before, and the new span begins with the same segments.

use std::collections::BTreeSet;
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
            () = keeper.pause(keeper.done.as_ref().map(|done| done.next_index)) => {}
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
    last: Option<Growing>,
}

/// A span that is added to.
struct Growing {
    name: String,
    span: Span,
    /// Whether it is in its place: a span is described once its copy is there.
    described: bool,
}

/// What a new span begins with, before it is copied.
struct Beginning {
    database: DatabaseId,
    view: View,
    /// The log has from there on what the view doesn't see.
    next_index: LogIndex,
    /// When the view was opened.
    time: u64,
}

/// A copy on this node's disk.
struct Copied {
    file: Staged,
    /// XXH3-128.
    checksum: u128,
    id: String,
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

    /// Until the next round, which is to read the log from `next` on.
    async fn pause(&self, next: Option<LogIndex>) {
        let end = clock::now().plus(self.keeping.interval);
        loop {
            let left = end.remaining();
            if left.is_zero() {
                return;
            }
            clock::sleep(left.min(LOOK_INTERVAL)).await;
            if next.map_or(0, |next| self.engine.log_bytes_from(next)) > LOG_BYTES_LEFT {
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
        let Kept { history, last } = self.read().await?;
        let beginning = Beginning { database, view, next_index, time };
        let Some(mut growing) = last else {
            return self.renew(history, None, beginning).await;
        };
        if self.is_full(&growing.span, position, time) {
            return self.renew(history, Some(growing), beginning).await;
        }
        // It isn't held while the log is read.
        drop(beginning.view);
        if self.extend(&mut growing, database, position, time).await?.is_err() {
            let next_index = self.engine.log_start(database).map_err(told)?;
            let time = now();
            let view = self.view(database).await?;
            let beginning = Beginning { database, view, next_index, time };
            return self.renew(history, None, beginning).await;
        }
        let (next_index, described) = (growing.span.next_index(), growing.span.complete_until);
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
            return Ok(Kept { history: History::new(name), last: None });
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
            return Ok(Kept { history, last: None });
        };
        match self.span(&last).await {
            Ok(span) => {
                Ok(Kept { history, last: Some(Growing { name: last, span, described: true }) })
            }
            Err(why) => {
                tracing::warn!("the history at {} goes on with a new copy: {why}", self.place());
                Ok(Kept { history, last: None })
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
        Ok(Kept { history: History::new(&self.plan.database), last: None })
    }

    /// Adds to a span what was committed up to `position`. `Err(Hole)` if the log hasn't all of it.
    async fn extend(
        &self,
        growing: &mut Growing,
        database: DatabaseId,
        position: Position,
        time: u64,
    ) -> Result<Result<(), Hole>, String> {
        let end = growing.span.end().filter(|_| growing.span.database_id == database.0);
        let Some(end) = end else {
            self.warn_of_hole(&growing.span);
            return Ok(Err(Hole));
        };
        let mut builder =
            Builder::new(&self.engine, database, end, growing.span.next_index()).await?;
        while builder.position() != position {
            let Some(full) = self.fill(&mut builder, position).await? else {
                self.warn_of_hole(&growing.span);
                return Ok(Err(Hole));
            };
            if full {
                let (end, next_index) = (builder.position(), builder.next_index());
                let next = Builder::new(&self.engine, database, end, next_index).await?;
                let finished = std::mem::replace(&mut builder, next).finish().await?;
                self.add(growing, finished).await?;
                self.describe(growing).await?;
            }
        }
        self.add(growing, builder.finish().await?).await?;
        growing.span.complete_until = growing.span.complete_until.max(time);
        self.describe(growing).await?;
        Ok(Ok(()))
    }

    /// Adds to a span what is committed until `sent` is set, or the log hasn't all of it.
    async fn follow(
        &self,
        growing: &mut Growing,
        database: DatabaseId,
        mut sent: watch::Receiver<bool>,
    ) -> Result<(), String> {
        loop {
            tokio::select! {
                () = self.pause(Some(growing.span.next_index())) => {}
                _ = sent.wait_for(|sent| *sent) => return Ok(()),
            }
            let time = now();
            let position = self.view(database).await?.position();
            if self.extend(growing, database, position, time).await?.is_err() {
                return Ok(());
            }
        }
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

    async fn add(&self, growing: &mut Growing, finished: Option<Finished>) -> Result<(), String> {
        let Some(Finished { file, mut segment }) = finished else { return Ok(()) };
        // Another leader that doesn't know yet that it is none writes under another name.
        let token = u32::from_be_bytes(random::bytes());
        segment.object =
            format!("{}/{}-{}-{token:08x}.segment", growing.name, segment.first, segment.last);
        let id = format!("{}-{}", segment.last, segment.chain);
        self.objects().put(&segment.object, file, &id).await?;
        let activity = self.engine.activity();
        activity.segments_made.one();
        activity.upload_bytes.add(segment.bytes);
        activity.last_upload_bytes.set(segment.bytes);
        growing.span.segments.push(segment);
        Ok(())
    }

    async fn describe(&self, growing: &Growing) -> Result<(), String> {
        if !growing.described {
            return Ok(());
        }
        if !self.engine.is_leader() {
            return Err("another node leads now".to_owned());
        }
        self.objects().write(&description_of(&growing.name), seal(&growing.span)?).await
    }

    /// Begins a new span with a copy. What is committed meanwhile goes on into the span `before`, where there is one
    /// and the log leads on from it.
    async fn renew(
        &mut self,
        history: History,
        before: Option<Growing>,
        beginning: Beginning,
    ) -> Result<(), String> {
        let Beginning { database, view, next_index, time } = beginning;
        let position = view.position();
        let token = u32::from_be_bytes(random::bytes());
        let name = format!("{:020}-{token:08x}", position.txid.0);
        let suffix = if self.plan.compress { ".gz" } else { "" };
        let mut copy = FullCopy {
            object: format!("{name}/copy.sqlite{suffix}"),
            bytes: 0,
            checksum: String::new(),
            transaction: position.txid.0,
            chain: hex(position.chain.0),
            at: time,
            next_index: next_index.0,
        };
        let empty = Span::new(database.0, copy.clone());
        let (all_sent, sent) = watch::channel(false);
        let following = async {
            // To where the new span begins, so that there is nothing between them.
            let mut growing = match before {
                Some(mut growing) => {
                    let extended = self.extend(&mut growing, database, position, time).await?;
                    extended.is_ok().then_some(growing)
                }
                None => None,
            };
            let growing = growing.get_or_insert_with(|| Growing {
                name: name.clone(),
                span: empty,
                described: false,
            });
            let first = growing.span.segments.len();
            self.follow(growing, database, sent).await?;
            Ok((growing.span.segments.split_off(first), growing.span.complete_until))
        };
        let sending = async {
            let copied = self.copy(view).await?;
            copy.bytes = copied.file.length();
            copy.checksum = hex(copied.checksum);
            self.objects().put(&copy.object, copied.file, &copied.id).await?;
            let _ = all_sent.send(true);
            Ok::<_, String>(())
        };
        let ((), (segments, complete_until)) = tokio::try_join!(sending, following)?;
        let activity = self.engine.activity();
        activity.uploads_made.one();
        activity.upload_bytes.add(copy.bytes);
        activity.last_upload_bytes.set(copy.bytes);
        let mut span = Span::new(database.0, copy);
        span.segments = segments;
        span.complete_until = complete_until;
        self.begin(history, Growing { name, span, described: true }).await
    }

    async fn copy(&self, view: View) -> Result<Copied, String> {
        let id = crate::backup::id(&view);
        let copied = copy::pages(&self.engine, view, self.plan.compress).await;
        let (file, checksum) = copied.map_err(told)?;
        Ok(Copied { file, checksum, id })
    }

    /// Makes a span, whose objects are in their place, the last one of the history.
    async fn begin(&mut self, mut history: History, new: Growing) -> Result<(), String> {
        self.describe(&new).await?;
        let Growing { name, span, .. } = new;
        let (transaction, at) = (span.copy.transaction, span.copy.at);
        history.spans.push(Start { name, transaction, at });
        let old = self.take_old(&mut history, at);
        self.objects().write(HISTORY, seal(&history)?).await?;
        self.done = span.end().map(|position| Done {
            database: DatabaseId(span.database_id),
            position,
            next_index: span.next_index(),
            described: span.complete_until,
        });
        tracing::info!("the database was backed up to {}", self.place());
        self.remove(&old, &history).await;
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

    /// Removes spans that nothing names any more, but for what those that are left begin with.
    async fn remove(&self, old: &[Start], history: &History) {
        let mut starts = old.iter().chain(&history.spans).map(|start| start.name.as_str());
        let mut name = starts.next();
        for next in starts.take(old.len()) {
            if let Some(name) = name
                && let Err(why) = self.remove_span(name, next).await
            {
                tracing::warn!("remove what is left below {}{name}: {why}", self.place());
            }
            name = Some(next);
        }
    }

    async fn remove_span(&self, name: &str, next: &str) -> Result<(), String> {
        let objects = self.objects();
        let (span, next) = (self.span(name).await?, self.span(next).await?);
        let mut directories = BTreeSet::from([name]);
        for segment in span.segments.iter().filter(|segment| !next.segments.contains(segment)) {
            objects.remove(&segment.object).await?;
            directories.extend(segment.object.rsplit_once('/').map(|(directory, _)| directory));
        }
        objects.remove(&span.copy.object).await?;
        objects.remove(&description_of(name)).await?;
        for directory in directories {
            objects.remove_directory(directory).await;
        }
        Ok(())
    }

    async fn span(&self, name: &str) -> Result<Span, String> {
        let described = description_of(name);
        let text = self.objects().read(&described).await?;
        unseal(&described, &text.ok_or_else(|| format!("{described} is missing"))?)
    }
}
