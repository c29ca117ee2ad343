//! The databases as openraft's state machine.
//!
//! Invariants:
//! - an entry is applied only when this node's own log is durable up to it, so the database files
//!   never run ahead of the log;
//! - what is reported as applied after a restart is durable in the database files;
//! - an entry that a later one still needs is never before the durable point ([`History`]).

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::platform::watch;
use futures_util::{Stream, TryStreamExt};
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{OptionalSend, Snapshot};

use crate::model::command;
use crate::model::error::Fault;
use crate::model::id::LogIndex;
use crate::platform::disk::Disk;
use crate::platform::mutant::mutant;
use crate::platform::task;
use crate::raft::applied::Applied;
use crate::raft::history::History;
use crate::raft::state::{self, DurableState};
use crate::raft::types::{LogId, Payload, StoredMembership, TypeConfig, io_error};
use crate::raft::{DatabaseState, Databases, SnapshotSink, SnapshotSource};

/// A snapshot on its way.
pub(super) enum SnapshotData {
    /// A read view, to be streamed from.
    View(Arc<dyn SnapshotSource>),
    /// Everything has arrived; to be installed.
    Received { sink: Arc<dyn SnapshotSink>, databases: Vec<DatabaseState> },
    /// The database files themselves, after a checkpoint.
    Files,
}

impl fmt::Debug for SnapshotData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::View(_) => "View",
            Self::Received { .. } => "Received",
            Self::Files => "Files",
        })
    }
}

/// Where durable state goes. A checkpoint may end after a snapshot was installed: the file never
/// goes back.
#[derive(Debug, Clone)]
pub(super) struct StateFile {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    written: Arc<tokio::sync::Mutex<Option<LogId>>>,
}

impl StateFile {
    pub(super) fn new(disk: Arc<dyn Disk>, directory: PathBuf) -> Self {
        Self { disk, directory, written: Arc::default() }
    }

    async fn write(&self, state: DurableState) -> Result<(), Fault> {
        let mut written = self.written.lock().await;
        if state.applied < *written {
            return Ok(());
        }
        *written = state.applied;
        let (disk, directory) = (self.disk.clone(), self.directory.clone());
        task::blocking(move || state::write(&*disk, &directory, &state)).await
    }
}

/// Entries that are applied together, at the most.
const RUN_MAX: usize = 64;
/// Bytes of them, about.
const RUN_BYTES_MAX: usize = 64 << 10;

/// Committed commands that nobody on this node waits for.
#[derive(Default)]
struct Run {
    ids: Vec<LogId>,
    commands: Vec<(LogIndex, command::Command)>,
    bytes: usize,
}

impl Run {
    /// Whether it is to be applied now.
    fn push(&mut self, id: LogId, bytes: usize, command: command::Command) -> bool {
        self.ids.push(id);
        self.commands.push((LogIndex(id.index), command));
        self.bytes += bytes;
        self.ids.len() >= RUN_MAX || self.bytes >= RUN_BYTES_MAX
    }
}

/// openraft calls this from one task, one call at a time.
pub(super) struct StateMachine {
    databases: Arc<dyn Databases>,
    file: StateFile,
    /// The index up to which this node's log is durable.
    flushed: watch::Receiver<u64>,
    applied: Arc<Applied>,
    history: History,
    /// While openraft starts, the snapshot it is shown is what is durable: it takes that position
    /// for one that the log may be purged up to.
    starting: Option<SnapshotMetaOf<TypeConfig>>,
}

impl fmt::Debug for StateMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateMachine").field("history", &self.history).finish_non_exhaustive()
    }
}

impl StateMachine {
    pub(super) fn new(
        databases: Arc<dyn Databases>,
        file: StateFile,
        durable: DurableState,
        flushed: watch::Receiver<u64>,
        applied: Arc<Applied>,
    ) -> Self {
        applied.advance(durable.applied);
        let history = History::new(durable.applied, durable.membership.clone());
        let starting = Some(SnapshotMetaOf::<TypeConfig> {
            last_log_id: durable.applied,
            last_membership: durable.membership,
        });
        Self { databases, file, flushed, applied, history, starting }
    }

    /// openraft has started: from now on snapshots are read views of the databases as they are.
    pub(super) fn started(&mut self) {
        self.starting = None;
    }

    /// Reports a fault, and gives openraft the error it stops with.
    fn fail(&self, fault: Fault) -> io::Error {
        let error = io_error(fault.clone());
        self.databases.fault(fault);
        error
    }

    async fn wait_flushed(&mut self, index: u64) -> Result<(), io::Error> {
        while *self.flushed.borrow_and_update() < index {
            self.flushed.changed().await.map_err(|_| io_error("the log was closed"))?;
        }
        Ok(())
    }

    async fn apply_one(&mut self, id: LogId, payload: Payload) -> Result<command::Applied, Fault> {
        match payload {
            Payload::Blank => Ok(command::Applied::Done),
            Payload::Membership(membership) => {
                self.history.set_membership(StoredMembership::new(Some(id), membership));
                Ok(command::Applied::Done)
            }
            Payload::Normal(encoded) => {
                let command = encoded.decode()?;
                self.databases.apply(LogIndex(id.index), command).await
            }
        }
    }

    /// Applies what has gathered.
    async fn apply_run(&mut self, run: &mut Run) -> Result<(), io::Error> {
        let Some(last) = run.ids.last().copied() else { return Ok(()) };
        let Run { ids, commands, .. } = std::mem::take(run);
        self.wait_flushed(last.index).await?;
        self.applied.begin(last.index);
        self.databases.apply_all(commands).await.map_err(|fault| self.fail(fault))?;
        for id in ids {
            self.history.advance(id);
        }
        self.applied.advance(Some(last));
        Ok(())
    }

    fn point(&mut self) -> (Option<LogId>, StoredMembership) {
        self.history.point(self.databases.needed_from().map(|index| index.0))
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Checkpointer;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.history.applied(), self.history.membership().clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut run = Run::default();
        while let Some((entry, responder)) = entries.try_next().await? {
            let id = entry.log_id;
            match (entry.payload, responder) {
                (Payload::Normal(encoded), None) => {
                    let command = encoded.decode().map_err(|error| self.fail(error.into()))?;
                    if run.push(id, encoded.bytes().len(), command) {
                        self.apply_run(&mut run).await?;
                    }
                }
                (payload, responder) => {
                    self.apply_run(&mut run).await?;
                    self.wait_flushed(id.index).await?;
                    self.applied.begin(id.index);
                    let done =
                        self.apply_one(id, payload).await.map_err(|fault| self.fail(fault))?;
                    self.history.advance(id);
                    self.applied.advance(Some(id));
                    if let Some(responder) = responder {
                        responder.send(done);
                    }
                }
            }
        }
        self.apply_run(&mut run).await
    }

    async fn get_snapshot_builder(&mut self) -> Checkpointer {
        let (point, membership) = self.point();
        let positions = self.databases.positions().await;
        Checkpointer {
            databases: self.databases.clone(),
            file: self.file.clone(),
            state: positions.map(|databases| DurableState {
                applied: point,
                membership,
                databases,
            }),
        }
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Checkpointer> {
        let builder = self.get_snapshot_builder().await;
        let at_start = matches!(&builder.state, Ok(state) if state.applied.is_none());
        (force || !at_start).then_some(builder)
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<TypeConfig>,
        snapshot: SnapshotData,
    ) -> Result<(), io::Error> {
        let SnapshotData::Received { sink, databases } = snapshot else {
            return Err(io_error("only a snapshot from another node can be installed"));
        };
        sink.install().await.map_err(|fault| self.fail(fault))?;
        let state = DurableState {
            applied: meta.last_log_id,
            membership: meta.last_membership.clone(),
            databases,
        };
        self.file.write(state).await.map_err(|fault| self.fail(fault))?;
        self.history = History::new(meta.last_log_id, meta.last_membership.clone());
        self.applied.advance(meta.last_log_id);
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, SnapshotData>>, io::Error> {
        if let Some(meta) = self.starting.clone() {
            let durable = meta.last_log_id.is_some();
            return Ok(durable.then_some(Snapshot { meta, snapshot: SnapshotData::Files }));
        }
        let (point, membership) = self.point();
        if point.is_none() {
            return Ok(None);
        }
        let view = self.databases.snapshot().await.map_err(|fault| self.fail(fault))?;
        let meta = SnapshotMetaOf::<TypeConfig> { last_log_id: point, last_membership: membership };
        Ok(Some(Snapshot { meta, snapshot: SnapshotData::View(view) }))
    }
}

/// Makes a durable point: a checkpoint of the databases, then the state file. Runs beside apply.
pub(super) struct Checkpointer {
    databases: Arc<dyn Databases>,
    file: StateFile,
    state: Result<DurableState, Fault>,
}

impl fmt::Debug for Checkpointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpointer").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Checkpointer {
    async fn run(&mut self) -> Result<DurableState, Fault> {
        let state = self.state.clone()?;
        if !mutant("state-before-checkpoint") {
            self.databases.checkpoint().await?;
        }
        self.file.write(state.clone()).await?;
        Ok(state)
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Checkpointer {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, SnapshotData>, io::Error> {
        match self.run().await {
            Ok(state) => Ok(Snapshot {
                meta: SnapshotMetaOf::<TypeConfig> {
                    last_log_id: state.applied,
                    last_membership: state.membership,
                },
                snapshot: SnapshotData::Files,
            }),
            Err(fault) => {
                self.databases.fault(fault.clone());
                Err(io_error(fault))
            }
        }
    }
}
