//! The databases as the Raft log changes them: [`raft::Databases`].

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::engine::core::Core;
use crate::engine::lane::{Between, Event, Then};
use crate::engine::snapshot;
use crate::engine::store::{self, Entry};
use crate::model::command::{Applied, Command, PagesPart};
use crate::model::error::Fault;
use crate::model::id::{DatabaseId, LogIndex, Position};
use crate::platform::clock;
use crate::raft::{self, DatabaseState, SnapshotSink, SnapshotSource};
use crate::sqlite;

/// The WAL is copied into the database file when it is larger than this, in bytes.
const WAL_BYTES_MAX: u64 = 16 << 20;
/// Transactions between two looks at the WAL's size.
const TRANSACTIONS_UNCHECKED: u32 = 32;
/// How long to wait for readers that keep the WAL from being copied, before trying again.
const CHECKPOINT_RETRY: Duration = Duration::from_millis(200);

/// What Raft applies the log to.
#[derive(Debug)]
pub(super) struct Replica(pub Arc<Core>);

impl raft::Databases for Replica {
    fn apply(&self, index: LogIndex, command: Command) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(async move {
            match command {
                Command::Barrier => Ok(Applied::Done),
                Command::Pages(part) => {
                    let Some(entry) = self.0.store.get(part.database) else {
                        return Ok(Applied::Skipped);
                    };
                    let applied = entry.lane.apply(index, part).await?;
                    self.watch_wal(entry);
                    Ok(applied)
                }
                Command::CreateDatabase { id, name } => self.create(index, id, name).await,
                Command::DropDatabase { id } => self.drop_database(index, id).await,
            }
        })
    }

    fn apply_all(&self, commands: Vec<(LogIndex, Command)>) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            // One for each database: what happens to one is nothing to the others.
            let mut runs: Vec<Run> = Vec::new();
            for (index, command) in commands {
                match command {
                    Command::Pages(part) if part.is_whole() => {
                        let begun = runs.iter_mut().find(|run| {
                            run.first().is_some_and(|(_, first)| first.database == part.database)
                        });
                        match begun {
                            Some(run) if follows(run, &part) => run.push((index, part)),
                            Some(run) => {
                                let run = std::mem::replace(run, vec![(index, part)]);
                                self.apply_run(run).await?;
                            }
                            None => runs.push(vec![(index, part)]),
                        }
                    }
                    command => {
                        self.apply_runs(&mut runs).await?;
                        self.apply(index, command).await?;
                    }
                }
            }
            self.apply_runs(&mut runs).await
        })
    }

    fn positions(&self) -> BoxFuture<'_, Result<Vec<DatabaseState>, Fault>> {
        Box::pin(async move { Ok(states(&self.0)) })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            for entry in self.0.store.all() {
                self.0.settle(&entry).await?;
            }
            Ok(())
        })
    }

    fn needed_from(&self) -> Option<LogIndex> {
        self.0.store.all().iter().filter_map(|entry| entry.lane.shared.needed_from()).min()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn SnapshotSource>, Fault>> {
        Box::pin(async move { snapshot::source(&self.0).await })
    }

    fn receive(
        &self,
        databases: Vec<DatabaseState>,
    ) -> BoxFuture<'_, Result<Arc<dyn SnapshotSink>, Fault>> {
        Box::pin(async move { snapshot::sink(self.0.clone(), databases) })
    }

    fn fault(&self, fault: Fault) {
        (self.0.on_fault.0)(fault);
    }
}

impl Core {
    /// Returns when everything committed so far is durable in the database file. Readers may keep
    /// the WAL from being copied for as long as they read.
    pub(super) async fn settle(&self, entry: &Arc<Entry>) -> Result<(), Fault> {
        loop {
            let entry = entry.clone();
            let done = move || entry.with(sqlite::Database::checkpoint).transpose();
            let checkpoint = self.background.must(done).await?;
            if checkpoint.is_none_or(|checkpoint| checkpoint.complete) {
                return Ok(());
            }
            clock::sleep(CHECKPOINT_RETRY).await;
        }
    }

    /// Copies what is in the WAL, as far as readers allow.
    fn copy_wal(&self, entry: &Entry) {
        if let Some(Err(fault)) = entry.with(sqlite::Database::checkpoint) {
            (self.on_fault.0)(fault);
        }
    }
}

/// Where all databases stand in the log.
fn states(core: &Core) -> Vec<DatabaseState> {
    let mut states: Vec<_> = core.store.all().iter().map(|entry| state(entry)).collect();
    states.push(core.store.last_id_state());
    states
}

/// Where a database stands in the log.
pub(super) fn state(entry: &Entry) -> DatabaseState {
    let position = entry.lane.shared.position();
    DatabaseState { id: entry.id, name: entry.name.clone(), position, pages: 0 }
}

/// Whole transactions of one database that follow each other.
type Run = Vec<(LogIndex, PagesPart)>;

/// Whether a transaction of the same database can be applied together with these.
fn follows(run: &Run, part: &PagesPart) -> bool {
    run.last().is_some_and(|(_, before)| {
        part.base == Position { txid: before.txid, chain: before.chain }
            && part.database_pages >= before.database_pages
    })
}

impl Replica {
    async fn apply_runs(&self, runs: &mut Vec<Run>) -> Result<(), Fault> {
        for run in runs.drain(..) {
            self.apply_run(run).await?;
        }
        Ok(())
    }

    async fn apply_run(&self, run: Run) -> Result<(), Fault> {
        let Some((_, first)) = run.first() else { return Ok(()) };
        let Some(entry) = self.0.store.get(first.database) else { return Ok(()) };
        entry.lane.apply_run(run).await?;
        self.watch_wal(entry);
        Ok(())
    }

    async fn create(
        &self,
        index: LogIndex,
        id: DatabaseId,
        name: String,
    ) -> Result<Applied, Fault> {
        // Here and not on another thread: the lane's thread must belong to the runtime. It is rare.
        let created = self.0.store.create(index, id, &name)?;
        if let Some(entry) = self.0.store.get(id) {
            self.0.introduce(&entry).await;
        }
        Ok(if created { Applied::Done } else { Applied::Skipped })
    }

    async fn drop_database(&self, index: LogIndex, id: DatabaseId) -> Result<Applied, Fault> {
        if id == DatabaseId::POSTGRES {
            return Ok(Applied::Skipped);
        }
        let Some(entry) = self.0.store.begin_drop(id) else { return Ok(Applied::Skipped) };
        entry.lane.close(store::dropped(), Then::Nothing).await;
        let core = self.0.clone();
        self.0.background.must(move || core.store.finish_drop(index, &entry)).await?;
        Ok(Applied::Done)
    }

    /// Copies the WAL, off the commit path, when it has grown.
    fn watch_wal(&self, entry: Arc<Entry>) {
        let shared = &entry.lane.shared;
        if shared.written.load(Ordering::Relaxed) < TRANSACTIONS_UNCHECKED {
            return;
        }
        shared.written.store(0, Ordering::Relaxed);
        if entry.wal_bytes() <= WAL_BYTES_MAX || entry.checkpointing.swap(true, Ordering::AcqRel) {
            return;
        }
        let core = self.0.clone();
        let job = {
            let entry = entry.clone();
            move || {
                core.copy_wal(&entry);
                // The WAL begins anew only if nothing was added since: what little was is
                // copied between two transactions.
                let last = entry.clone();
                let between = move || core.copy_wal(&last);
                entry.lane.send_soon(Event::Between(Between(Box::new(between))));
                entry.checkpointing.store(false, Ordering::Release);
            }
        };
        if self.0.background.submit(job).is_err() {
            // The queue is full of checkpoints: the next one comes by.
            entry.checkpointing.store(false, Ordering::Release);
        }
    }
}
