//! Power losses, torn writes and flipped bits: nothing that was acknowledged vanishes silently.

use proptest::prelude::*;

use super::raftlog_test::*;
use super::*;
use crate::platform::sim_disk::{Failure, SimDisk};

/// A workload that touches everything: several segments, all kinds of records, deletions.
fn workload() -> Vec<Step> {
    use Step::*;
    vec![
        Vote(1, 20),
        Append(1, vec![40, 700, 40]),
        Committed(1),
        Append(1, vec![3000]),
        Append(1, vec![900, 0, 900]),
        Truncate(150),
        Append(2, vec![10, 20, 30, 2000]),
        Vote(2, 25),
        Append(2, vec![9000]),
        Append(2, vec![1, 2, 3]),
        Purge(100),
        Committed(2),
        Append(3, vec![4000, 100]),
        PurgeBeyond(10, 3),
        Append(3, vec![50]),
        Append(3, vec![60, 2500]),
        Truncate(0),
        Append(4, vec![70]),
    ]
}

/// Runs the workload until the disk fails. Returns the states that it went through, and how many
/// of them, from the first, were acknowledged last.
fn run(disk: &SimDisk, steps: &[Step], flush_every: usize) -> (Vec<Model>, usize) {
    let (mut states, mut acknowledged) = (vec![Model::default()], 0);
    let Ok(log) = open(disk, Flushing::Manual) else { return (states, acknowledged) };
    let mut model = Model::default();
    let mut waiting = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let (flushed, done) = callback();
        let (more, result) = model.run(step, &log, flushed);
        if result.is_err() {
            break;
        }
        states.extend(more);
        waiting.push((done, states.len() - 1));
        if at % flush_every == 0 {
            log.flush();
        }
        for (done, state) in &waiting {
            if matches!(done.try_recv(), Ok(Ok(()))) {
                acknowledged = *state;
            }
        }
    }
    // Everything that follows happens to a disk without power.
    let operations = disk.operations();
    disk.fail_after(0, Failure::Broken, true);
    drop(log);
    assert!(disk.operations() >= operations);
    (states, acknowledged)
}

fn recovered(disk: &SimDisk, states: &[Model], acknowledged: usize, what: &str) {
    let log = open(disk, Flushing::Inline).unwrap_or_else(|fault| panic!("{what}: {fault}"));
    let found = Model::of(&log);
    assert!(
        states[acknowledged..].contains(&found),
        "{what}: acknowledged {:#?}, found {found:#?}",
        states[acknowledged]
    );
    let next = found.last().map_or(0, |(index, _)| index + 1);
    log.append(vec![entry(next, 9, 100), entry(next + 1, 9, 5000)], callback().0).unwrap();
    let after = Model::of(&log);
    drop(log);
    disk.power_loss(next);
    let log = open(disk, Flushing::Inline).unwrap_or_else(|fault| panic!("{what}: {fault}"));
    assert_eq!(Model::of(&log), after, "{what}, and once more");
}

#[test]
fn a_power_loss_at_any_operation_loses_nothing_acknowledged() {
    for flush_every in [1, 3] {
        let whole = disk();
        let (states, acknowledged) = run(&whole, &workload(), flush_every);
        assert!(acknowledged + 5 > states.len());
        for at in 0..whole.operations() {
            for seed in 0..40 {
                let disk = disk();
                disk.fail_after(at, Failure::Broken, true);
                let (states, acknowledged) = run(&disk, &workload(), flush_every);
                disk.power_loss(seed * 1000 + at);
                let what = format!("flush every {flush_every}, operation {at}, seed {seed}");
                recovered(&disk, &states, acknowledged, &what);
            }
        }
    }
}

#[test]
fn a_dead_process_at_any_operation_loses_nothing_acknowledged() {
    let whole = disk();
    run(&whole, &workload(), 2);
    for at in 0..whole.operations() {
        let disk = disk();
        disk.fail_after(at, Failure::Full, true);
        let (states, acknowledged) = run(&disk, &workload(), 2);
        disk.process_death();
        recovered(&disk, &states, acknowledged, &format!("operation {at}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn any_sequence_of_calls_survives_any_power_loss(
        steps in steps(16),
        at in 0..80u64,
        seed in any::<u64>(),
        flush_every in 1..4usize,
    ) {
        let disk = disk();
        disk.fail_after(at, Failure::Broken, true);
        let (states, acknowledged) = run(&disk, &steps, flush_every);
        disk.power_loss(seed);
        recovered(&disk, &states, acknowledged, "after the power loss");
    }
}

#[test]
fn what_a_failed_sync_left_in_memory_alone_is_written_again() {
    for after in 0..4 {
        let disk = disk();
        let log = open(&disk, Flushing::Inline).unwrap();
        log.append(vec![entry(0, 1, 50)], callback().0).unwrap();
        disk.fail_after(after, Failure::Broken, false);
        log.append(vec![entry(1, 1, 50)], callback().0).unwrap();
        log.append(vec![entry(2, 1, 6000)], callback().0).ok();
        disk.process_death();
        drop(log);
        let log = open(&disk, Flushing::Inline).unwrap();
        let found = Model::of(&log);
        disk.power_loss(after);
        drop(log);
        let log = open(&disk, Flushing::Inline).unwrap();
        assert_eq!(Model::of(&log), found, "operation {after}");
    }
}

#[test]
fn a_power_loss_while_opening_loses_nothing() {
    let torn = disk();
    let log = open(&torn, Flushing::Manual).unwrap();
    log.append((0..4).map(|index| entry(index, 1, 100)).collect(), callback().0).unwrap();
    log.flush();
    log.append((4..8).map(|index| entry(index, 1, 700)).collect(), callback().0).unwrap();
    torn.fail_after(1, Failure::Broken, true);
    log.flush();
    for seed in 0..20 {
        for at in 0..6 {
            let disk = torn.copy();
            // A whole and a torn record after the acknowledged ones, and stale bytes behind them.
            let path = segment::path(directory(), 0);
            let mut bytes = disk.contents(&path);
            let end = 4096 + 4 * 176 + 72 + 776;
            bytes[end + 100..end + 600].fill(0x5a);
            disk.set_contents(&path, &bytes);
            disk.fail_after(at, Failure::Broken, true);
            drop(open(&disk, Flushing::Inline));
            disk.power_loss(seed);
            let log = open(&disk, Flushing::Inline).unwrap();
            assert_eq!(log.extent().last, Some((4, leader(1))), "operation {at}, seed {seed}");
        }
    }
}

/// A log with acknowledged entries 0 to 2 and a vote, and entries 3 and 4 written but not
/// acknowledged. Gives the offsets in its file where 3 begins and 4 ends.
fn torn_log() -> (SimDisk, usize, usize) {
    let disk = disk();
    let log = open(&disk, Flushing::Manual).unwrap();
    log.append((0..3).map(|index| entry(index, 1, 60)).collect(), callback().0).unwrap();
    log.save_vote(Bytes::from_static(b"vote"), callback().0).unwrap();
    log.flush();
    // The write succeeds, the sync after it doesn't.
    disk.fail_after(1, Failure::Broken, true);
    log.append(vec![entry(3, 1, 33), entry(4, 1, 90)], callback().0).unwrap();
    log.flush();
    disk.process_death();
    let begin = 4096 + 3 * 136 + 80 + 72;
    (disk, begin, begin + 112 + 168)
}

fn check_torn(disk: &SimDisk, what: &str) -> u64 {
    let log = open(disk, Flushing::Inline).unwrap_or_else(|fault| panic!("{what}: {fault}"));
    let last = log.extent().last.unwrap().0;
    assert!((2..=4).contains(&last), "{what}");
    let entries = log.read(0..10, usize::MAX).unwrap();
    let lens = [60, 60, 60, 33, 90];
    let expected: Vec<_> = (0..=last).map(|at| entry(at, 1, lens[at as usize])).collect();
    assert_eq!(entries, expected, "{what}");
    assert_eq!(log.vote().unwrap(), &b"vote"[..]);
    last
}

#[test]
fn a_tail_torn_at_any_byte_drops_only_what_was_not_acknowledged() {
    let (disk, begin, end) = torn_log();
    let path = segment::path(directory(), 0);
    let whole = disk.contents(&path);
    assert!(whole[end..].iter().all(|byte| *byte == 0) && whole[end - 8..end] != [0; 8]);
    assert_eq!(check_torn(&disk.copy(), "whole"), 4);
    for cut in begin..end {
        for garbage in [None, Some(0), Some(0xff)] {
            let disk = disk.copy();
            let mut bytes = whole.clone();
            match garbage {
                None => bytes.truncate(cut),
                Some(garbage) => bytes[cut..end].fill(garbage),
            }
            disk.set_contents(&path, &bytes);
            check_torn(&disk, &format!("cut at {cut} with {garbage:?}"));
        }
        // Only the bytes before the cut are missing.
        let disk = disk.copy();
        let mut bytes = whole.clone();
        bytes[begin..cut].fill(0);
        disk.set_contents(&path, &bytes);
        check_torn(&disk, &format!("lost before {cut}"));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_or_changes_nothing_acknowledged() {
    let disk = disk();
    let log = open(&disk, Flushing::Inline).unwrap();
    let mut model = Model::default();
    for step in [
        Step::Vote(5, 10),
        Step::Append(1, vec![30, 31]),
        Step::Append(2, vec![1800, 1500, 20]),
        Step::Truncate(200),
        Step::Append(3, vec![9, 600]),
        Step::Purge(20),
        Step::Append(3, vec![17]),
    ] {
        model.run(&step, &log, callback().0).1.unwrap();
    }
    // The process dies: nothing was closed.
    let names = segments(&disk);
    assert_eq!(names.len(), 2);
    let mut refused = 0;
    for name in names {
        let path = directory().join(name);
        let whole = disk.contents(&path);
        for at in 0..whole.len() {
            let disk = disk.copy();
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            disk.set_contents(&path, &bytes);
            match open(&disk, Flushing::Inline) {
                Ok(log) => assert_eq!(Model::of(&log), model, "{}, byte {at}", path.display()),
                Err(fault) => {
                    refused += 1;
                    assert!(fault.message.contains("corrupt"), "{fault}");
                    assert_eq!(disk.contents(&path), bytes, "a refused log is left alone");
                }
            }
        }
    }
    assert!(refused > 8192, "headers and records are refused: {refused}");
}

#[test]
fn a_flipped_bit_in_a_running_log_is_noticed_when_the_entry_is_read() {
    let disk = disk();
    let log = open(&disk, Flushing::Inline).unwrap();
    log.append((0..10).map(|index| entry(index, 1, 200)).collect(), callback().0).unwrap();
    let path = segment::path(directory(), 0);
    let mut bytes = disk.contents(&path);
    bytes[4096 + 100] ^= 1;
    disk.set_contents(&path, &bytes);
    assert!(log.read(0..1, 1).unwrap_err().message.contains("corrupt"));
    assert_eq!(log.read(1..2, 1).unwrap(), [entry(1, 1, 200)]);
}

#[test]
fn a_record_behind_a_torn_one_never_comes_back() {
    let (disk, begin, end) = torn_log();
    let path = segment::path(directory(), 0);
    let mut bytes = disk.contents(&path);
    bytes[begin + 80] ^= 1;
    disk.set_contents(&path, &bytes);
    // Entry 3 is torn, and 4 behind it is whole.
    let stale = bytes[begin + 112..end].to_vec();
    let log = open(&disk, Flushing::Inline).unwrap();
    assert_eq!(log.extent().last, Some((2, leader(1))));
    let bytes = disk.contents(&path);
    assert!(bytes[begin..].iter().all(|byte| *byte == 0), "a torn end is cleared");
    // Even if that write is lost: another entry 3 of the same length stands before it now.
    log.append(vec![entry(3, 2, 33)], callback().0).unwrap();
    drop(log);
    let mut bytes = disk.contents(&path);
    bytes[begin + 112..end].copy_from_slice(&stale);
    disk.set_contents(&path, &bytes);
    let log = open(&disk, Flushing::Inline).unwrap();
    assert_eq!(log.extent().last, Some((3, leader(2))));
}

#[test]
fn a_lost_write_that_was_acknowledged_is_corruption() {
    let disk = disk();
    let log = open(&disk, Flushing::Inline).unwrap();
    log.append(vec![entry(0, 1, 1000)], callback().0).unwrap();
    let path = segment::path(directory(), 0);
    let before = disk.contents(&path);
    log.append(vec![entry(1, 1, 1000)], callback().0).unwrap();
    log.append(vec![entry(2, 1, 1000)], callback().0).unwrap();
    drop(log);
    let mut bytes = disk.contents(&path);
    let second = 4096 + 1072 + 72;
    bytes[second..second + 1072].copy_from_slice(&before[second..second + 1072]);
    disk.set_contents(&path, &bytes);
    assert!(open(&disk, Flushing::Inline).unwrap_err().message.contains("corrupt"));
}
