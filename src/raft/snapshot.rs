//! Snapshots from node to node, over a stream of their own.
//!
//! The leader says what there is; the follower asks for runs of pages and says which ones it has
//! already; the leader sends the others. A transfer that breaks is simply started again: what has
//! arrived is known then. The follower keeps a few questions in flight, so the line stays busy and
//! the leader never holds more than a few runs in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{Either, select};
use openraft::Snapshot;
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use openraft::errors::{ReplicationClosed, StreamingError};
use openraft::raft::SnapshotResponse;
use openraft::{OptionalSend, RPCTypes};

use crate::model::error::Fault;
use crate::model::id::DatabaseId;
use crate::model::member::Member;
use crate::platform::clock;
use crate::platform::task;
use crate::raft::codec::Malformed;
use crate::raft::message::{self, SnapshotMessage};
use crate::raft::network::{Links, rpc_error};
use crate::raft::state_machine::SnapshotData;
use crate::raft::types::{TypeConfig, Vote};
use crate::raft::{Channel, DatabaseState, SnapshotSink, SnapshotSource, TransportError};

/// Pages in one question.
pub(super) const RUN_PAGES: u32 = 256;
/// Questions in flight.
const RUNS_MAX: usize = 4;
/// SQLite's page size here; only used to report progress in bytes.
const PAGE_BYTES: u64 = 4096;

/// How often a transfer that takes long says in the log how far it is.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Tells the operator how far a transfer is.
struct Report {
    /// Bytes.
    expected: u64,
    next: clock::Instant,
}

impl Report {
    fn begin(expected: u64) -> Self {
        tracing::info!("receiving the databases from the leader: {}", mebibytes(expected));
        Self { expected, next: clock::now().plus(REPORT_INTERVAL) }
    }

    fn arrived(&mut self, bytes: u64) {
        let now = clock::now();
        if now < self.next {
            return;
        }
        self.next = now.plus(REPORT_INTERVAL);
        let percent = bytes.saturating_mul(100).checked_div(self.expected).unwrap_or(100);
        let (done, all) = (mebibytes(bytes), mebibytes(self.expected));
        tracing::info!("receiving the databases from the leader: {percent} % ({done} of {all})");
    }

    fn end(&self) {
        tracing::info!("received the databases ({}), installing", mebibytes(self.expected));
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// Why a transfer ended early, on either side.
#[derive(Debug)]
enum Broken {
    Transport(TransportError),
    /// Not now, or not like this: waiting may help.
    Refused(String),
    /// The follower has voted for a later leader.
    HigherVote(Vote),
    /// This node must stop.
    Fault(Fault),
}

impl From<TransportError> for Broken {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<Malformed> for Broken {
    fn from(error: Malformed) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

async fn send_message(channel: &mut dyn Channel, message: &SnapshotMessage) -> Result<(), Broken> {
    Ok(channel.send(message::encode_snapshot(message)).await?)
}

async fn receive_message(
    channel: &mut dyn Channel,
    stall: Duration,
) -> Result<SnapshotMessage, Broken> {
    let received = clock::timeout(stall, channel.receive()).await;
    let received = received.map_err(|clock::Elapsed| TransportError::TimedOut)??;
    let bytes =
        received.ok_or_else(|| TransportError::Network("the snapshot stream ended".to_owned()))?;
    Ok(message::decode_snapshot(bytes)?)
}

/// The leader's side, from the first message to the follower's last.
pub(super) async fn send(
    links: &Arc<Links>,
    target: &Member,
    vote: Vote,
    snapshot: SnapshotOf<TypeConfig, SnapshotData>,
    cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
    let transfer = std::pin::pin!(send_all(links, target, vote, snapshot));
    let broken = match select(transfer, std::pin::pin!(cancel)).await {
        Either::Left((Ok(vote), _)) => return Ok(SnapshotResponse::new(vote)),
        Either::Left((Err(broken), _)) => broken,
        Either::Right((closed, _)) => return Err(StreamingError::Closed(closed)),
    };
    let error = match broken {
        // openraft would start again at once after a timeout.
        Broken::Transport(TransportError::TimedOut) => {
            TransportError::Unreachable("no answer on the snapshot stream".to_owned())
        }
        Broken::Transport(error) => error,
        Broken::Refused(reason) => TransportError::Unreachable(reason),
        Broken::HigherVote(vote) => return Ok(SnapshotResponse::new(vote)),
        Broken::Fault(fault) => {
            links.databases.fault(fault.clone());
            return Err(StreamingError::Closed(ReplicationClosed::new(fault)));
        }
    };
    Err(rpc_error(links.me, target, RPCTypes::InstallSnapshot, links.stall(), error).into())
}

async fn send_all(
    links: &Arc<Links>,
    target: &Member,
    vote: Vote,
    snapshot: SnapshotOf<TypeConfig, SnapshotData>,
) -> Result<Vote, Broken> {
    let SnapshotData::View(source) = snapshot.snapshot else {
        return Err(Broken::Refused("this is not a snapshot to be read".to_owned()));
    };
    let _note = snapshot.meta.last_log_id.map(|id| links.note_sending(target.id, id.index));
    let opened = links.transport.open(target.clone(), true, links.timing.election_timeout_min);
    let mut channel = opened.await?;
    let header =
        SnapshotMessage::Header { vote, meta: snapshot.meta, databases: source.databases() };
    send_message(&mut *channel, &header).await?;
    loop {
        match receive_message(&mut *channel, links.stall()).await? {
            SnapshotMessage::Want { database, first, count, known } => {
                let run = (database, first, count.min(RUN_PAGES));
                let sent = send_run(&mut *channel, source.clone(), run, known).await?;
                links.add_sent(target.id, sent);
            }
            SnapshotMessage::Installed(vote) => return Ok(vote),
            SnapshotMessage::Refused(reason) => return Err(Broken::Refused(reason)),
            SnapshotMessage::Header { .. } | SnapshotMessage::Pages(_) => {
                return Err(Broken::Refused("unexpected message on a snapshot stream".to_owned()));
            }
        }
    }
}

/// Answers one question. Returns the pages' bytes as they count for progress.
async fn send_run(
    channel: &mut dyn Channel,
    source: Arc<dyn SnapshotSource>,
    (database, first, count): (DatabaseId, u32, u32),
    known: Vec<u64>,
) -> Result<u64, Broken> {
    let pages = task::blocking(move || source.pages(database, first, count, &known)).await?;
    send_message(channel, &SnapshotMessage::Pages(pages)).await?;
    Ok(u64::from(count) * PAGE_BYTES)
}

/// What has arrived with the follower: the leader's vote, and what to install.
pub(super) type Received = (Vote, SnapshotOf<TypeConfig, SnapshotData>);

/// Bytes so far, bytes expected; `None` while nothing is received.
pub(super) type Progress = Mutex<Option<(u64, u64)>>;

/// The follower's side, as far as the pages. `accept` looks at the header first; its `Err` is the
/// later vote that rules the leader out, or why the snapshot can't be taken.
///
/// # Errors
/// With what to tell the leader.
pub(super) async fn receive(
    channel: &mut dyn Channel,
    links: &Links,
    progress: &Progress,
    accept: impl FnOnce(&Vote, &SnapshotMetaOf<TypeConfig>) -> Result<(), Result<Vote, String>>,
) -> Result<Received, SnapshotMessage> {
    let received = receive_all(channel, links, progress, accept).await;
    *progress.lock().expect("nothing panics while it holds this lock") = None;
    received.map_err(|broken| match broken {
        Broken::Refused(reason) => SnapshotMessage::Refused(reason),
        Broken::HigherVote(vote) => SnapshotMessage::Installed(vote),
        Broken::Transport(error) => SnapshotMessage::Refused(format!("{error:?}")),
        Broken::Fault(fault) => {
            links.databases.fault(fault);
            SnapshotMessage::Refused("the node has stopped".to_owned())
        }
    })
}

async fn receive_all(
    channel: &mut dyn Channel,
    links: &Links,
    progress: &Progress,
    accept: impl FnOnce(&Vote, &SnapshotMetaOf<TypeConfig>) -> Result<(), Result<Vote, String>>,
) -> Result<Received, Broken> {
    let stall = links.stall();
    let SnapshotMessage::Header { vote, meta, databases: states } =
        receive_message(channel, stall).await?
    else {
        return Err(Broken::Refused("a snapshot stream begins with its header".to_owned()));
    };
    accept(&vote, &meta).map_err(|reason| match reason {
        Ok(vote) => Broken::HigherVote(vote),
        Err(reason) => Broken::Refused(reason),
    })?;
    let sink = links.databases.receive(states.clone()).await?;
    let expected = states.iter().map(|state| u64::from(state.pages) * PAGE_BYTES).sum();
    let mut arrived = 0;
    let mut questions = runs(&states);
    let mut in_flight = VecDeque::new();
    let mut report = Report::begin(expected);
    loop {
        report.arrived(arrived);
        *progress.lock().expect("nothing panics while it holds this lock") =
            Some((arrived, expected));
        while in_flight.len() < RUNS_MAX
            && let Some(run) = questions.next()
        {
            ask(channel, &sink, run).await?;
            in_flight.push_back(run);
        }
        let Some((database, _, count)) = in_flight.pop_front() else { break };
        let SnapshotMessage::Pages(pages) = receive_message(channel, stall).await? else {
            return Err(Broken::Refused("pages were expected".to_owned()));
        };
        let taker = sink.clone();
        if !task::blocking(move || taker.put(database, pages)).await? {
            return Err(Broken::Refused("a page arrived damaged".to_owned()));
        }
        arrived += u64::from(count) * PAGE_BYTES;
    }
    report.end();
    let data = SnapshotData::Received { sink, databases: states };
    Ok((vote, Snapshot { meta, snapshot: data }))
}

async fn ask(
    channel: &mut dyn Channel,
    sink: &Arc<dyn SnapshotSink>,
    (database, first, count): (DatabaseId, u32, u32),
) -> Result<(), Broken> {
    let asker = sink.clone();
    let known = task::blocking(move || asker.known(database, first, count)).await?;
    send_message(channel, &SnapshotMessage::Want { database, first, count, known }).await
}

/// All databases' pages, cut into runs: database, first page (from 1), pages.
fn runs(databases: &[DatabaseState]) -> impl Iterator<Item = (DatabaseId, u32, u32)> + use<> {
    let sizes: Vec<(DatabaseId, u32)> =
        databases.iter().map(|state| (state.id, state.pages)).collect();
    sizes.into_iter().flat_map(|(id, pages)| {
        (0..pages)
            .step_by(RUN_PAGES as usize)
            .map(move |before| (id, before + 1, RUN_PAGES.min(pages - before)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Position;

    #[test]
    fn runs_cover_every_page_once() {
        let state = |id, pages| DatabaseState {
            id: DatabaseId(id),
            name: String::new(),
            position: Position::default(),
            pages,
        };
        let found: Vec<_> = runs(&[state(5, 0), state(6, 257), state(7, 1)]).collect();
        let six = DatabaseId(6);
        assert_eq!(found, [(six, 1, 256), (six, 257, 1), (DatabaseId(7), 1, 1)]);
    }
}
