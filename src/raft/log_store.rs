//! openraft's log storage over [`RaftLog`].
//!
//! Invariants (openraft's contracts):
//! - `append` returns when its entries can be read, and reports them flushed after their fsync;
//! - `save_vote` returns after the fsync of the vote, and of everything that was given before it;
//! - all I/O is in the order of the calls: the log writes records one after the other.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};

use futures_util::{Stream, stream};
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};

use crate::model::error::Fault;
use crate::platform::mutant::mutant;
use crate::platform::task;
use crate::raft::codec;
use crate::raft::types::{
    Entry, LogId, TypeConfig, Vote, from_record, io_error, log_id, to_record,
};
use crate::raftlog::{LeaderBytes, RaftLog};

/// How much of the log is given at a time to those who can ask again. One entry may be larger.
const READ_BYTES: usize = 4 << 20;

/// The log as openraft wants it, and its own reader. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct LogStore {
    log: RaftLog,
    me: u64,
}

impl LogStore {
    pub(super) fn new(log: RaftLog, me: u64) -> Self {
        Self { log, me }
    }

    async fn read(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let records = if self.log.in_memory(range.start) {
            self.log.read(range, bytes_max)
        } else {
            let log = self.log.clone();
            task::blocking(move || log.read(range, bytes_max)).await
        };
        let records = records.map_err(io_error)?;
        records.iter().map(|record| from_record(record).map_err(io_error)).collect()
    }
}

/// The indexes in a range of any kind.
fn indexes(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        self.read(indexes(&range), usize::MAX).await
    }

    /// Entries are read a few MiB at a time: what is applied after a restart may be the whole log.
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let Range { start, end } = indexes(&range);
        let state = (self.clone(), start, Vec::new().into_iter());
        stream::unfold(state, move |(store, mut next, mut batch)| async move {
            if batch.len() == 0 && next < end {
                match store.read(next..end, READ_BYTES).await {
                    Ok(read) => batch = read.into_iter(),
                    Err(error) => return Some((Err(error), (store, end, batch))),
                }
            }
            let entry = batch.next()?;
            next = entry.log_id.index + 1;
            Some((Ok(entry), (store, next, batch)))
        })
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start..end, READ_BYTES).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.log.vote().map(codec::decode_vote).transpose().map_err(io_error)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let extent = self.log.extent();
        let id = |(index, leader): (u64, LeaderBytes)| log_id(codec::decode_leader(leader), index);
        Ok(LogState { last_purged_log_id: extent.purged.map(id), last_log_id: extent.last.map(id) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (sender, saved) = tokio::sync::oneshot::channel();
        let flushed = Box::new(move |result: Result<(), Fault>| drop(sender.send(result)));
        self.log.save_vote(codec::encode_vote(vote), flushed).map_err(io_error)?;
        if mutant("vote-not-waited-for") {
            return Ok(());
        }
        saved.await.map_err(io_error)?.map_err(io_error)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.log.save_committed(codec::encode_committed(committed)).map_err(io_error)
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        let committed = self.log.committed().map(codec::decode_committed).transpose();
        Ok(committed.map_err(io_error)?.flatten())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut own = false;
        let note = |entry: Entry| {
            own |= entry.log_id.committed_leader_id().node_id == self.me;
            to_record(&entry)
        };
        let records = entries.into_iter().map(note).collect();
        self.log.room().await;
        let flushed = Box::new(move |result: Result<(), Fault>| {
            callback.io_completed(result.map_err(io_error));
        });
        // A leader sends its entries to the others meanwhile; a follower can only wait.
        if own {
            self.log.append(records, flushed).map_err(io_error)
        } else {
            self.log.append_and_wait(records, flushed).map_err(io_error)
        }
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.log.truncate_after(last.map(|last| last.index)).map_err(io_error)
    }

    async fn purge(&mut self, last: LogId) -> io::Result<()> {
        let leader = codec::encode_leader(last.committed_leader_id());
        self.log.purge((last.index, leader)).map_err(io_error)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use futures_util::{FutureExt, TryStreamExt};
    use openraft::alias::{SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
    use openraft::entry::RaftEntry;
    use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
    use openraft::testing::log::{StoreBuilder, Suite};
    use openraft::type_config::TypeConfigExt;
    use openraft::{AsyncRuntime, Snapshot, StorageError};

    use super::*;
    use crate::model::command::{Command, Origin, PagesPart};
    use crate::model::id::{DatabaseId, Position, StoreId};
    use crate::platform::disk::Disk;
    use crate::platform::runtime::Runtime;
    use crate::platform::sim_disk::{Failure, SimDisk};
    use crate::raft::types::{EncodedCommand, LeaderId, Payload};
    use crate::raftlog::{Flushing, Limits};

    fn open(disk: &SimDisk, limits: Limits, flushing: Flushing) -> LogStore {
        let directory = Path::new("data/raft");
        disk.create_directory(Path::new("data")).unwrap();
        let disk = Arc::new(disk.clone());
        let log = RaftLog::open_with(disk, directory, StoreId([1; 16]), limits, flushing);
        LogStore::new(log.unwrap(), 1)
    }

    fn simulate<T>(future: impl Future<Output = T>) -> T {
        task::enter_simulation();
        Runtime::with_seed(1).block_on(future)
    }

    /// Remembers what was applied; enough for the suite's checks of state machines.
    #[derive(Debug, Clone, Default)]
    struct Applied(Arc<Mutex<(Option<LogId>, StoredMembershipOf<TypeConfig>)>>);

    impl Applied {
        fn snapshot(&self) -> SnapshotOf<TypeConfig, ()> {
            let (last_log_id, last_membership) = self.0.lock().unwrap().clone();
            let meta = SnapshotMetaOf::<TypeConfig> { last_log_id, last_membership };
            Snapshot { meta, snapshot: () }
        }
    }

    impl RaftSnapshotBuilder<TypeConfig> for Applied {
        type SnapshotData = ();
        async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<TypeConfig, ()>> {
            Ok(self.snapshot())
        }
    }

    impl RaftStateMachine<TypeConfig> for Applied {
        type SnapshotData = ();
        type SnapshotBuilder = Self;

        async fn applied_state(
            &mut self,
        ) -> io::Result<(Option<LogId>, StoredMembershipOf<TypeConfig>)> {
            Ok(self.0.lock().unwrap().clone())
        }

        async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
        where
            S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
        {
            while let Some((entry, _)) = entries.try_next().await? {
                let mut applied = self.0.lock().unwrap();
                applied.0 = Some(entry.log_id);
                if let Some(membership) = entry.get_membership() {
                    applied.1 = StoredMembershipOf::<TypeConfig>::new(applied.0, membership);
                }
            }
            Ok(())
        }

        async fn get_snapshot_builder(&mut self) -> Self {
            self.clone()
        }

        async fn install_snapshot(
            &mut self,
            meta: &SnapshotMetaOf<TypeConfig>,
            (): (),
        ) -> io::Result<()> {
            *self.0.lock().unwrap() = (meta.last_log_id, meta.last_membership.clone());
            Ok(())
        }

        async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<TypeConfig, ()>>> {
            Ok(Some(self.snapshot()).filter(|snapshot| snapshot.meta.last_log_id.is_some()))
        }
    }

    struct Builder(Limits);

    impl StoreBuilder<TypeConfig, LogStore, Applied, ()> for Builder {
        async fn build(&self) -> Result<((), LogStore, Applied), StorageError<TypeConfig>> {
            let store = open(&SimDisk::default(), self.0, Flushing::Inline);
            Ok(((), store, Applied::default()))
        }
    }

    #[test]
    fn openraft_finds_its_contract_kept_with_all_entries_in_memory() {
        let limits = Limits { segment_bytes: 1 << 20, cache_bytes: 1 << 20 };
        simulate(Suite::test_all(Builder(limits))).unwrap();
    }

    #[test]
    fn openraft_finds_its_contract_kept_with_entries_on_disk_in_many_segments() {
        let limits = Limits { segment_bytes: 4500, cache_bytes: 0 };
        simulate(Suite::test_all(Builder(limits))).unwrap();
    }

    const LIMITS: Limits = Limits { segment_bytes: 1 << 16, cache_bytes: 1 << 20 };

    fn entry(term: u64, index: u64, bytes: usize) -> Entry {
        let position = Position::default();
        let command = Command::Pages(PagesPart {
            database: DatabaseId::POSTGRES,
            base: position,
            txid: position.txid.next(),
            chain: position.chain,
            database_pages: 1,
            part: 0,
            last: true,
            origin: Origin::default(),
            proposed_at: 0,
            pages: Bytes::from(vec![index as u8; bytes]),
            notifications: Vec::new(),
        });
        Entry {
            log_id: log_id(LeaderId { term, node_id: 3 }, index),
            payload: Payload::Normal(EncodedCommand::new(&command)),
        }
    }

    /// Appends, and gives what the callback was told once it was called.
    async fn append(store: &mut LogStore, entries: Vec<Entry>) -> io::Result<()> {
        let (sender, flushed) = TypeConfig::oneshot();
        store.append(entries, IOFlushed::signal(sender)).await?;
        flushed.await.unwrap()
    }

    #[test]
    fn a_reopened_store_has_the_same_state() {
        simulate(async {
            let disk = SimDisk::default();
            let mut store = open(&disk, LIMITS, Flushing::Inline);
            let entries: Vec<_> = (0..9).map(|index| entry(2, index, 1000)).collect();
            let vote = Vote::new_committed(2, 3);
            store.save_vote(&vote).await.unwrap();
            append(&mut store, entries.clone()).await.unwrap();
            store.purge(entries[1].log_id).await.unwrap();
            store.save_committed(Some(entries[5].log_id)).await.unwrap();
            drop(store);
            let mut store = open(&disk, LIMITS, Flushing::Inline);
            assert_eq!(store.read_vote().await.unwrap(), Some(vote));
            assert_eq!(store.read_committed().await.unwrap(), Some(entries[5].log_id));
            assert_eq!(store.try_get_log_entries(..).await.unwrap(), entries[2..]);
            let state = store.get_log_state().await.unwrap();
            assert_eq!(state.last_purged_log_id, Some(entries[1].log_id));
            assert_eq!(state.last_log_id, Some(entries[8].log_id));
        });
    }

    #[test]
    fn entries_are_given_a_few_mebibytes_at_a_time_but_never_none() {
        simulate(async {
            let mut store = open(&SimDisk::default(), LIMITS, Flushing::Inline);
            let sizes = [1 << 20, 1 << 20, 5 << 20, 1 << 20, 100, 100];
            let entries = (0..).zip(sizes).map(|(index, size)| entry(1, index, size)).collect();
            append(&mut store, entries).await.unwrap();
            for (from, given) in [(0, 2), (1, 1), (2, 1), (3, 3), (6, 0)] {
                let entries = store.limited_get_log_entries(from, 100).await.unwrap();
                assert_eq!(entries.len(), given, "from {from}");
            }
            assert_eq!(store.try_get_log_entries(0..=5).await.unwrap().len(), 6);
        });
    }

    #[test]
    fn a_vote_is_saved_when_it_is_durable_and_not_before() {
        let disk = SimDisk::default();
        let mut store = open(&disk, LIMITS, Flushing::Manual);
        let log = store.log.clone();
        let vote = Vote::new(7, 3);
        let mut saved = Box::pin(store.save_vote(&vote));
        assert!(saved.as_mut().now_or_never().is_none());
        log.flush();
        saved.now_or_never().unwrap().unwrap();
        disk.power_loss(1);
        let mut store = open(&disk, LIMITS, Flushing::Manual);
        assert_eq!(store.read_vote().now_or_never().unwrap().unwrap(), Some(vote));
    }

    #[test]
    fn a_failed_fsync_reaches_openraft() {
        simulate(async {
            let disk = SimDisk::default();
            let mut store = open(&disk, LIMITS, Flushing::Inline);
            disk.fail_after(1, Failure::Broken, false);
            let error = append(&mut store, vec![entry(1, 0, 10)]).await.unwrap_err();
            assert!(error.to_string().contains("can't be written"), "{error}");
            assert!(store.save_vote(&Vote::new(1, 1)).await.is_err());
            assert!(append(&mut store, vec![entry(1, 1, 10)]).await.is_err());
        });
    }
}
