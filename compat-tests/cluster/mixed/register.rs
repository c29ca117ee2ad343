//! Registers: each value is written once, so linearizability can be decided in the time that sorting takes
//! (Gibbons and Korach, "Testing Shared Memories", 1997).
//!
//! A value was surely there from the first end of an operation on it to the last begin of one, if these are in
//! this order: a forward zone. Else it may have been there at one moment between: a backward zone. Forward zones
//! must not overlap, and no backward zone lies within one.

use std::collections::HashMap;

/// A value that was written, or read; `end` is missing if it isn't known whether it was done.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    pub start: u64,
    pub end: Option<u64>,
    pub value: u64,
    pub is_write: bool,
}

/// What is known about one value.
#[derive(Debug, Clone, Copy)]
struct Zone {
    value: u64,
    first_end: u64,
    last_start: u64,
    written: Option<u64>,
    certain: bool,
}

/// Checks the operations on one register, which begins as 0. Writes that certainly failed are left out.
pub fn check(operations: &[Operation]) -> Result<(), String> {
    let zero = Zone { value: 0, first_end: 0, last_start: 0, written: Some(0), certain: true };
    let mut zones = HashMap::from([(0, zero)]);
    for operation in operations {
        let (value, end) = (operation.value, operation.end.unwrap_or(u64::MAX));
        let fresh =
            Zone { value, first_end: u64::MAX, last_start: 0, written: None, certain: false };
        let zone = zones.entry(value).or_insert(fresh);
        zone.first_end = zone.first_end.min(end);
        zone.last_start = zone.last_start.max(operation.start);
        zone.certain |= operation.end.is_some();
        if operation.is_write {
            zone.written = Some(operation.start);
        }
    }
    // Nobody has seen it, and it may never have been.
    zones.retain(|_, zone| zone.certain);
    for zone in zones.values() {
        match zone.written {
            None => return Err(format!("{} was read, and never written", zone.value)),
            Some(written) if zone.first_end < written => {
                return Err(format!("{} was read before it was written", zone.value));
            }
            Some(_) => {}
        }
    }
    let (mut forward, backward): (Vec<Zone>, Vec<Zone>) =
        zones.into_values().partition(|zone| zone.first_end < zone.last_start);
    forward.sort_unstable_by_key(|zone| zone.first_end);
    for pair in forward.windows(2) {
        if pair[1].first_end < pair[0].last_start {
            return Err(format!("both were there, one after the other and back: {pair:?}"));
        }
    }
    for zone in backward {
        let next = forward.partition_point(|other| other.first_end < zone.last_start);
        let around = next.checked_sub(1).map(|at| forward[at]);
        if let Some(around) = around
            && zone.first_end < around.last_start
        {
            return Err(format!("{zone:?} was there while {around:?} was"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(start: u64, end: u64, value: u64) -> Operation {
        Operation { start, end: Some(end), value, is_write: true }
    }

    fn read(start: u64, end: u64, value: u64) -> Operation {
        Operation { is_write: false, ..write(start, end, value) }
    }

    fn unknown(start: u64, value: u64) -> Operation {
        Operation { end: None, ..write(start, 0, value) }
    }

    #[test]
    fn registers_that_hold_one_value_at_a_time_pass() {
        let at_once =
            [write(1, 9, 1), write(1, 9, 2), read(2, 3, 2), read(4, 5, 1), read(10, 11, 1)];
        assert_eq!(check(&at_once), Ok(()));
        // What had no known end may come late, or never.
        let late = [write(1, 2, 1), unknown(3, 2), read(4, 5, 1), read(8, 9, 2), unknown(1, 3)];
        assert_eq!(check(&late), Ok(()));
    }

    #[test]
    fn stale_lost_and_made_up_values_are_found() {
        let bad: [&[Operation]; 6] = [
            // A stale read, also of the beginning.
            &[write(1, 2, 1), write(3, 4, 2), read(5, 6, 1)],
            &[write(1, 2, 1), read(3, 4, 0)],
            // A value that comes back.
            &[write(1, 2, 1), write(1, 2, 2), read(3, 4, 1), read(5, 6, 2), read(7, 8, 1)],
            // Two that were read by turns.
            &[unknown(1, 1), unknown(1, 2), read(2, 3, 1), read(4, 5, 2), read(6, 7, 1)],
            // From nowhere, and from the future.
            &[read(1, 2, 7)],
            &[read(1, 2, 1), write(3, 4, 1)],
        ];
        for history in bad {
            assert!(check(history).is_err(), "{history:?}");
        }
    }
}
