//! What the log promises its callers, against a simple model in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::platform::disk::{File, RealDisk};
use crate::platform::sim_disk::{Failure, SimDisk};

pub(super) const STORE: StoreId = StoreId([7; 16]);
pub(super) const LIMITS: Limits = Limits { segment_bytes: 8192, cache_bytes: 300 };

pub(super) fn directory() -> &'static Path {
    Path::new("data/raft")
}

pub(super) fn disk() -> SimDisk {
    let disk = SimDisk::default();
    disk.create_directory(Path::new("data")).unwrap();
    disk
}

pub(super) fn open(disk: &SimDisk, flushing: Flushing) -> Result<RaftLog, Fault> {
    RaftLog::open_with(Arc::new(disk.clone()), directory(), STORE, LIMITS, flushing)
}

/// The names of the segments there are.
pub(super) fn segments(disk: &SimDisk) -> Vec<String> {
    let mut names = disk.list(directory()).unwrap();
    names.retain(|name| segment::parse_name(name).is_some());
    names.sort();
    names
}

pub(super) fn leader(term: u8) -> LeaderBytes {
    LeaderBytes([term; 16])
}

pub(super) fn entry(index: u64, term: u8, len: usize) -> Record {
    let payload: Vec<u8> = (0..len).map(|at| (at as u64 ^ index) as u8 ^ term).collect();
    let hash = xxhash_rust::xxh3::xxh3_64(&payload) ^ index;
    Record { index, leader: leader(term), payload: Bytes::from(payload), hash }
}

/// A callback, and where its result arrives.
pub(super) fn callback() -> (Flushed, mpsc::Receiver<Result<(), Fault>>) {
    let (sender, receiver) = mpsc::channel();
    (Box::new(move |result| drop(sender.send(result))), receiver)
}

/// One change of a log.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Term, and the lengths of the entries.
    Append(u8, Vec<usize>),
    /// Keeps this part of the entries, in 256ths.
    Truncate(u8),
    /// Forgets this part of the entries, in 256ths.
    Purge(u8),
    PurgeBeyond(u64, u8),
    Vote(u8, usize),
    Committed(u8),
    Reopen,
}

/// What a log should hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Model {
    pub purged: Option<(u64, LeaderBytes)>,
    pub entries: BTreeMap<u64, Record>,
    pub vote: Option<Bytes>,
    pub committed: Option<Bytes>,
}

impl Model {
    pub(super) fn of(log: &RaftLog) -> Self {
        let entries = log.read(0..u64::MAX, usize::MAX).unwrap();
        let model = Self {
            purged: log.extent().purged,
            entries: entries.into_iter().map(|entry| (entry.index, entry)).collect(),
            vote: log.vote(),
            committed: log.committed(),
        };
        assert_eq!(log.extent().last, model.last(), "what the log says of itself");
        model
    }

    pub(super) fn last(&self) -> Option<(u64, LeaderBytes)> {
        self.entries.values().next_back().map(|e| (e.index, e.leader)).or(self.purged)
    }

    fn at(&self, part: u8) -> Option<(u64, LeaderBytes)> {
        let skip = self.entries.len() * usize::from(part) / 256;
        self.entries.values().nth(skip).map(|entry| (entry.index, entry.leader))
    }

    /// Does `step` to this model and to `log`; gives every state on the way, and whether the last
    /// of them was asked to be durable.
    pub(super) fn run(
        &mut self,
        step: &Step,
        log: &RaftLog,
        flushed: Flushed,
    ) -> (Vec<Self>, Result<(), Fault>) {
        let mut states = Vec::new();
        let result = match step {
            Step::Append(term, lens) => {
                let next = self.last().map_or(0, |(index, _)| index + 1);
                let records: Vec<_> =
                    lens.iter().zip(next..).map(|(len, index)| entry(index, *term, *len)).collect();
                for record in &records {
                    self.entries.insert(record.index, record.clone());
                    states.push(self.clone());
                }
                log.append(records, flushed)
            }
            Step::Truncate(part) => {
                let first = self.entries.keys().next().copied().unwrap_or(0);
                let last = self.at(*part).map(|(index, _)| index).filter(|last| *last > first);
                let last = last.or(self.purged.map(|(index, _)| index));
                self.entries.retain(|index, _| last.is_some_and(|last| *index <= last));
                log.truncate_after(last)
            }
            Step::Purge(part) => {
                let Some(last) = self.at(*part) else { return (states, Ok(())) };
                self.entries.retain(|index, _| *index > last.0);
                self.purged = Some(last);
                log.purge(last)
            }
            Step::PurgeBeyond(by, term) => {
                let last = (self.last().map_or(0, |(index, _)| index) + by, leader(*term));
                self.entries.clear();
                self.purged = Some(last);
                log.purge(last)
            }
            Step::Vote(byte, len) => {
                self.vote = Some(Bytes::from(vec![*byte; *len]));
                log.save_vote(Bytes::from(vec![*byte; *len]), flushed)
            }
            Step::Committed(byte) => {
                self.committed = Some(Bytes::from(vec![*byte; 24]));
                log.save_committed(Bytes::from(vec![*byte; 24]))
            }
            Step::Reopen => Ok(()),
        };
        states.push(self.clone());
        (states, result)
    }
}

pub(super) fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let lens = prop::collection::vec(prop_oneof![8 => 0..200usize, 1 => 0..12_000usize], 1..5);
    let step = prop_oneof![
        6 => (1..4u8, lens).prop_map(|(term, lens)| Step::Append(term, lens)),
        2 => any::<u8>().prop_map(Step::Truncate),
        2 => any::<u8>().prop_map(Step::Purge),
        1 => (1..5u64, 1..4u8).prop_map(|(by, term)| Step::PurgeBeyond(by, term)),
        1 => (any::<u8>(), 0..40usize).prop_map(|(byte, len)| Step::Vote(byte, len)),
        1 => any::<u8>().prop_map(Step::Committed),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_sequence_of_calls_leaves_what_the_model_has(steps in steps(30)) {
        for flushing in [Flushing::Inline, Flushing::Manual] {
            let disk = disk();
            let mut log = open(&disk, flushing).unwrap();
            let mut model = Model::default();
            for (at, step) in steps.iter().enumerate() {
                model.run(step, &log, callback().0).1.unwrap();
                if at % 3 == 0 {
                    log.flush();
                }
                prop_assert_eq!(&Model::of(&log), &model);
                if matches!(step, Step::Reopen) {
                    drop(log);
                    log = open(&disk, flushing).unwrap();
                    prop_assert_eq!(&Model::of(&log), &model);
                }
            }
            for index in model.entries.keys() {
                let read = log.read(*index..u64::MAX, 1).unwrap();
                prop_assert_eq!(&read, &[model.entries[index].clone()]);
            }
        }
    }
}

#[test]
fn a_log_on_a_real_disk_keeps_entries_and_the_vote_over_a_restart() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path().join("raft");
    let open = || RaftLog::open(Arc::new(RealDisk), &directory, STORE, LIMITS).unwrap();
    assert!(!RaftLog::exists(&RealDisk, &directory).unwrap());
    let log = open();
    let entries: Vec<_> = (0..100).map(|index| entry(index, 1, 500)).collect();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (sender, receiver) = mpsc::channel::<()>();
    for entry in &entries {
        let (order, sender, index) = (Arc::clone(&order), sender.clone(), entry.index);
        let flushed: Flushed = Box::new(move |result| {
            result.unwrap();
            order.lock().unwrap().push(index);
            drop(sender);
        });
        log.append(vec![entry.clone()], flushed).unwrap();
    }
    drop(sender);
    assert!(receiver.recv().is_err());
    assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
    assert_eq!(*log.flushed().borrow(), 99);
    let (flushed, saved) = callback();
    log.save_vote(Bytes::from_static(b"me"), flushed).unwrap();
    saved.recv().unwrap().unwrap();
    drop(log);
    assert!(RaftLog::exists(&RealDisk, &directory).unwrap());
    let log = open();
    assert_eq!(log.read(0..1000, usize::MAX).unwrap(), entries);
    assert_eq!(log.vote().unwrap(), &b"me"[..]);
    assert_eq!(*log.flushed().borrow(), 99);
}

#[test]
fn entries_are_readable_before_they_are_durable() {
    let disk = disk();
    let log = open(&disk, Flushing::Manual).unwrap();
    let (flushed, done) = callback();
    log.append(vec![entry(0, 1, 10)], flushed).unwrap();
    assert_eq!(log.read(0..5, 1).unwrap(), [entry(0, 1, 10)]);
    assert!(done.try_recv().is_err());
    log.flush();
    done.try_recv().unwrap().unwrap();
}

#[test]
fn one_sync_covers_everything_that_was_queued() {
    let disk = disk();
    let log = open(&disk, Flushing::Manual).unwrap();
    let (flushed, mut done): (Vec<_>, Vec<_>) = (0..10).map(|_| callback()).unzip();
    for (index, flushed) in (0..).zip(flushed) {
        log.append(vec![entry(index, 1, 100)], flushed).unwrap();
    }
    let before = disk.syncs();
    log.flush();
    assert_eq!(disk.syncs(), before + 1);
    assert!(done.drain(..).all(|done| done.try_recv().unwrap().is_ok()));
}

#[test]
fn flushed_never_runs_ahead_of_the_disk_when_the_end_is_replaced() {
    let log = open(&disk(), Flushing::Manual).unwrap();
    let flushed = log.flushed();
    log.append((0..10).map(|index| entry(index, 1, 8)).collect(), callback().0).unwrap();
    log.flush();
    assert_eq!(*flushed.borrow(), 9);
    log.append((10..12).map(|index| entry(index, 1, 8)).collect(), callback().0).unwrap();
    log.truncate_after(Some(4)).unwrap();
    assert_eq!(*flushed.borrow(), 4);
    log.append(vec![entry(5, 2, 8)], callback().0).unwrap();
    assert_eq!(*flushed.borrow(), 4);
    log.flush();
    assert_eq!(*flushed.borrow(), 5);
    log.purge((20, leader(3))).unwrap();
    assert_eq!(*flushed.borrow(), 20);
}

#[test]
fn a_byte_limit_gives_at_least_one_entry_and_then_stops() {
    let log = open(&disk(), Flushing::Inline).unwrap();
    log.append((0..20).map(|index| entry(index, 1, 100)).collect(), callback().0).unwrap();
    for from in [0, 10, 19] {
        assert_eq!(log.read(from..20, 0).unwrap().len(), 1, "from {from}");
    }
    let some = log.read(0..20, 1000).unwrap();
    assert!((2..=10).contains(&some.len()));
    assert!(log.read(20..30, 1000).unwrap().is_empty());
    assert!(!log.in_memory(0) && log.in_memory(19) && log.in_memory(20));
    let reversed = Range { start: 5, end: 3 };
    assert!(log.read(reversed, 1000).unwrap().is_empty());
}

#[test]
fn an_entry_larger_than_a_segment_gets_one_of_its_own() {
    let disk = disk();
    let log = open(&disk, Flushing::Inline).unwrap();
    let entries = [entry(0, 1, 100), entry(1, 1, 50_000), entry(2, 1, 100)];
    log.append(entries.to_vec(), callback().0).unwrap();
    assert_eq!(segments(&disk).len(), 3);
    assert_eq!(log.read(0..3, usize::MAX).unwrap(), entries);
    drop(log);
    assert_eq!(open(&disk, Flushing::Inline).unwrap().read(0..3, usize::MAX).unwrap(), entries);
}

#[test]
fn a_purge_deletes_the_segments_that_only_held_what_was_purged() {
    let disk = disk();
    let log = open(&disk, Flushing::Inline).unwrap();
    log.save_vote(Bytes::from_static(b"vote"), callback().0).unwrap();
    for index in 0..200 {
        log.append(vec![entry(index, 1, 500)], callback().0).unwrap();
    }
    let full = segments(&disk).len();
    assert!(full > 10);
    assert!(log.bytes_after(100) > 99 * 500 && log.bytes_after(100) < 99 * 1500);
    log.purge((150, leader(1))).unwrap();
    assert!(segments(&disk).len() < full / 2);
    log.purge((199, leader(1))).unwrap();
    assert_eq!(segments(&disk).len(), 1);
    assert_eq!(log.bytes_after(199), 0);
    drop(log);
    let log = open(&disk, Flushing::Inline).unwrap();
    assert_eq!(log.extent().last, Some((199, leader(1))));
    assert_eq!(log.vote().unwrap(), &b"vote"[..]);
    log.append(vec![entry(200, 1, 5)], callback().0).unwrap();
}

#[test]
fn entries_that_do_not_follow_are_refused_and_the_callback_hears_of_it() {
    let log = open(&disk(), Flushing::Inline).unwrap();
    log.append(vec![entry(3, 1, 5)], callback().0).unwrap();
    for wrong in [vec![entry(3, 1, 5)], vec![entry(5, 1, 5)], vec![entry(4, 1, 5), entry(6, 1, 5)]]
    {
        let (flushed, done) = callback();
        assert!(log.append(wrong, flushed).is_err());
        assert!(done.try_recv().unwrap().is_err());
    }
    log.append(vec![entry(4, 1, 5)], callback().0).unwrap();
    log.purge((4, leader(1))).unwrap();
    assert!(log.truncate_after(Some(2)).is_err());
    assert!(log.save_vote(Bytes::from(vec![0; 2000]), callback().0).is_err());
}

#[test]
fn the_log_of_another_store_is_refused() {
    let disk = disk();
    drop(open(&disk, Flushing::Inline).unwrap());
    let other = StoreId([8; 16]);
    let opened = RaftLog::open(Arc::new(disk.clone()), directory(), other, LIMITS);
    assert!(opened.unwrap_err().message.contains("belongs to the data directory 0707"));
    open(&disk, Flushing::Inline).unwrap();
}

#[test]
fn a_missing_segment_is_refused() {
    let disk = disk();
    let log = open(&disk, Flushing::Inline).unwrap();
    log.append((0..100).map(|index| entry(index, 1, 500)).collect(), callback().0).unwrap();
    drop(log);
    let names = segments(&disk);
    for missing in &names[..names.len() - 1] {
        let disk = disk.copy();
        disk.remove(&directory().join(missing)).unwrap();
        assert!(open(&disk, Flushing::Inline).unwrap_err().message.contains("missing"));
    }
}

#[test]
fn after_a_failure_everything_is_refused_and_nothing_is_written_again() {
    for failure in [Failure::Broken, Failure::Full] {
        for after in 0..3 {
            let disk = disk();
            let log = open(&disk, Flushing::Inline).unwrap();
            log.append(vec![entry(0, 1, 50)], callback().0).unwrap();
            disk.fail_after(after, failure, false);
            let (flushed, done) = callback();
            log.append(vec![entry(1, 1, 50)], flushed).unwrap();
            // The third operation only notes what is durable by then.
            let durable = done.try_recv().unwrap().is_ok();
            assert_eq!(durable, after == 2);
            let fault = log.append(vec![entry(2, 1, 50)], callback().0).unwrap_err();
            assert_eq!(fault.message.contains("make space"), failure == Failure::Full);
            let operations = disk.operations();
            let (flushed, done) = callback();
            assert!(log.append(vec![entry(2, 1, 50)], flushed).is_err());
            assert!(done.try_recv().unwrap().is_err());
            assert!(log.save_vote(Bytes::new(), callback().0).is_err());
            assert!(log.purge((0, leader(1))).is_err());
            assert!(log.truncate_after(None).is_err());
            assert!(log.save_committed(Bytes::new()).is_err());
            drop(log);
            assert_eq!(disk.operations(), operations, "no second try");
            disk.power_loss(after);
            let log = open(&disk, Flushing::Inline).unwrap();
            assert_eq!(log.read(0..1, 1).unwrap(), [entry(0, 1, 50)]);
            if durable {
                assert_eq!(log.read(1..2, 1).unwrap(), [entry(1, 1, 50)]);
            }
        }
    }
}

#[test]
fn a_segment_that_cannot_be_made_is_a_fault_and_the_log_opens_again() {
    for after in 0..12 {
        let disk = disk();
        let log = open(&disk, Flushing::Inline).unwrap();
        let entries: Vec<_> = (0..8).map(|index| entry(index, 1, 400)).collect();
        log.append(entries.clone(), callback().0).unwrap();
        disk.fail_after(after, Failure::Full, false);
        let (flushed, done) = callback();
        let more: Vec<_> = (8..20).map(|index| entry(index, 1, 400)).collect();
        log.append(more.clone(), flushed).unwrap();
        let acknowledged = done.try_recv().unwrap().is_ok();
        assert_eq!(acknowledged, *log.full().borrow(), "operation {after}");
        drop(log);
        disk.process_death();
        let log = open(&disk, Flushing::Inline).unwrap();
        assert_eq!(log.read(0..8, usize::MAX).unwrap(), entries);
        if acknowledged {
            assert_eq!(log.read(8..99, usize::MAX).unwrap(), more);
        }
        let next = log.extent().last.unwrap().0 + 1;
        log.append(vec![entry(next, 2, 10)], callback().0).unwrap();
        let model = Model::of(&log);
        for seed in 0..8 {
            let disk = disk.fork();
            disk.power_loss(seed);
            let log = open(&disk, Flushing::Inline).unwrap();
            assert_eq!(Model::of(&log), model, "operation {after}, seed {seed}");
        }
    }
}

#[test]
fn a_full_disk_is_told_before_it_hurts_and_when_it_is_over() {
    let disk = disk();
    let log = open(&disk, Flushing::Inline).unwrap();
    let mut full = log.full();
    assert!(!*full.borrow_and_update());
    log.append(vec![entry(0, 1, 3500)], callback().0).unwrap();
    // The next segment is made of the spare one. There is no space for another.
    disk.set_full(true);
    let (flushed, done) = callback();
    log.append(vec![entry(1, 1, 1000)], flushed).unwrap();
    done.recv().unwrap().unwrap();
    assert!(full.has_changed().unwrap() && *full.borrow_and_update());
    assert!(!disk.list(directory()).unwrap().contains(&segment::SPARE_NAME.to_owned()));
    let (flushed, done) = callback();
    log.save_vote(Bytes::from_static(b"vote"), flushed).unwrap();
    done.recv().unwrap().unwrap();
    log.purge((1, leader(1))).unwrap();
    assert!(*full.borrow_and_update());
    disk.set_full(false);
    log.append(vec![entry(2, 1, 10)], callback().0).unwrap();
    assert!(!*full.borrow_and_update());
}

#[test]
fn a_fault_is_heard_of_though_the_disk_was_full_before() {
    let disk = disk();
    let log = open(&disk, Flushing::Inline).unwrap();
    log.append(vec![entry(0, 1, 3500)], callback().0).unwrap();
    disk.set_full(true);
    log.append(vec![entry(1, 1, 1000)], callback().0).unwrap();
    assert!(*log.full().borrow());
    disk.set_full(false);
    // Nobody waits for the spare segment.
    disk.fail_after(0, Failure::Refused, false);
    log.flush();
    assert!(!*log.full().borrow());
    log.append(vec![entry(2, 1, 10)], callback().0).unwrap_err();
}

#[test]
fn a_full_disk_is_asked_again_until_there_is_space() {
    let disk = disk();
    let log = RaftLog::open(Arc::new(disk.clone()), directory(), STORE, LIMITS).unwrap();
    disk.set_full(true);
    let (flushed, done) = callback();
    log.append((0..2).map(|index| entry(index, 1, 2500)).collect(), flushed).unwrap();
    done.recv().unwrap().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut full = log.full();
    runtime.block_on(full.wait_for(|full| *full)).unwrap();
    disk.set_full(false);
    runtime.block_on(full.wait_for(|full| !*full)).unwrap();
    let names = disk.list(directory()).unwrap();
    assert!(names.contains(&segment::SPARE_NAME.to_owned()));
}

/// A disk whose syncs say when they begin, and wait until they may go on.
#[derive(Debug)]
struct Gated<T>(T, Arc<Gate>);

#[derive(Debug)]
struct Gate(mpsc::SyncSender<()>, Mutex<mpsc::Receiver<()>>);

impl Disk for Gated<SimDisk> {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(Gated(self.0.open(path, create)?, Arc::clone(&self.1))))
    }
    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.0.list(directory)
    }
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.0.create_directory(path)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.0.sync_directory(path)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.0.exists(path)
    }
    fn length(&self, path: &Path) -> io::Result<u64> {
        self.0.length(path)
    }
}

impl File for Gated<Arc<dyn File>> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        // Once the test has let go of its ends, syncs run freely.
        let Gate(began, may_go_on) = &*self.1;
        if began.send(()).is_ok() {
            may_go_on.lock().unwrap().recv().ok();
        }
        self.0.sync_data()
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        self.0.allocate(length)
    }
}

#[test]
fn what_is_called_during_a_sync_is_seen_at_once_and_covered_by_the_next() {
    let (began_sender, began) = mpsc::sync_channel(0);
    let (go_on, go_on_receiver) = mpsc::channel();
    go_on.send(()).unwrap();
    let gate = Arc::new(Gate(began_sender, Mutex::new(go_on_receiver)));
    let disk = Arc::new(Gated(disk(), gate));
    let limits = Limits { segment_bytes: 1 << 16, cache_bytes: 0 };
    let making = std::thread::scope(|scope| {
        let opening = scope.spawn(|| RaftLog::open(disk, directory(), STORE, limits));
        began.recv().unwrap();
        opening.join().unwrap()
    });
    let log = making.unwrap();
    // Let go of before the log, so that a failed check does not leave it waiting.
    let (began, go_on) = (began, go_on);
    let mut flushed = log.flushed();
    let (callbacks, done): (Vec<_>, Vec<_>) = (0..4).map(|_| callback()).unzip();
    let mut callbacks = callbacks.into_iter();
    log.append((0..10).map(|at| entry(at, 1, 8)).collect(), callbacks.next().unwrap()).unwrap();
    began.recv().unwrap();
    // The disk is busy: these wait, and can be read.
    log.truncate_after(Some(4)).unwrap();
    for (index, callback) in (5..8).zip(callbacks) {
        log.append(vec![entry(index, 2, 8)], callback).unwrap();
        assert_eq!(log.read(index..9, 99).unwrap(), [entry(index, 2, 8)]);
    }
    assert!(done.iter().all(|done| done.try_recv().is_err()));
    go_on.send(()).unwrap();
    done[0].recv().unwrap().unwrap();
    began.recv().unwrap();
    assert_eq!(*flushed.borrow_and_update(), 4);
    assert_eq!(log.read(3..9, 9999).unwrap().len(), 5);
    assert_eq!(log.read(5..6, 9999).unwrap(), [entry(5, 2, 8)]);
    assert!(done[1..].iter().all(|done| done.try_recv().is_err()));
    go_on.send(()).unwrap();
    assert!(done[1..].iter().all(|done| done.recv().unwrap().is_ok()), "one sync for all three");
    assert_eq!(*flushed.borrow_and_update(), 7);
    drop((began, go_on));
}

#[test]
fn closing_flushes_what_is_queued() {
    let temporary = tempfile::tempdir().unwrap();
    let log = RaftLog::open(Arc::new(RealDisk), temporary.path(), STORE, LIMITS).unwrap();
    let (flushed, done) = callback();
    log.append(vec![entry(0, 1, 50)], flushed).unwrap();
    log.close();
    done.try_recv().unwrap().unwrap();
    log.close();
    assert!(log.save_committed(Bytes::new()).unwrap_err().message.contains("closed"));
}

#[test]
fn a_callback_may_drop_the_last_clone() {
    let temporary = tempfile::tempdir().unwrap();
    let log = RaftLog::open(Arc::new(RealDisk), temporary.path(), STORE, LIMITS).unwrap();
    let (sender, receiver) = mpsc::channel();
    let clone = log.clone();
    let flushed = Box::new(move |result| {
        drop(clone);
        drop(sender.send(result));
    });
    log.append(vec![entry(0, 1, 50)], flushed).unwrap();
    drop(log);
    receiver.recv().unwrap().unwrap();
}
