//! Waits a little before a batch begins, for those who are about to commit.
//!
//! A round of the quorum costs about the same for one transaction as for ten. Without a wait, whoever
//! comes first after a round has the next one for itself, and the others wait until it ends.
//! PostgreSQL has `commit_delay` and `commit_siblings` for the same (manual, section 20.5.1); here both
//! follow from what was seen last:
//!
//! - *Who may come*: private transactions that had a statement a short while ago and don't commit yet;
//!   and the clients of units that were answered with the last round, less those that have come since.
//! - *How long*: as long as the last round took and [`WAIT_MAX`] at the most, until all have come.
//! - *Whether at all*: a wait in which nobody came is followed by a batch that doesn't wait, the next
//!   such wait by two, and so on.
//!
//! A client alone never waits.

use std::time::Duration;

use super::Lane;
use crate::platform::clock::{self, Instant};

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_millis(1);
/// Whose last statement is longer ago isn't waited for: a client that thinks, or sleeps.
const RECENT: Duration = Duration::from_millis(5);
/// Batches at the most that don't wait because nobody came.
const SKIPPED_MAX: u32 = 64;

/// Whether a batch that could begin waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// From now on, for so long at the most.
    Begins(Duration),
    /// For so long at the most, as it was said before.
    GoesOn(Duration),
    /// It begins.
    Over,
}

/// What is known of those who may come.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// Units that were answered with the last round.
    answered: usize,
    /// Units that have come since.
    arrived: usize,
    /// What the last round took.
    round: Duration,
    /// The wait under way: until when, and how many waited when it began.
    wait: Option<(Instant, usize)>,
    /// The lane's thread looks again when the wait is over.
    pub(super) timed: bool,
    /// The next batch doesn't wait (any more).
    over: bool,
    /// Batches that don't wait after the last wait in which nobody came, and how many of them are
    /// still to come.
    skipped: u32,
    skips_left: u32,
}

impl Gather {
    /// A unit has come.
    pub(super) fn arrived(&mut self) {
        self.arrived += 1;
    }

    /// A round has ended: what it took, and how many units it had.
    pub(super) fn landed(&mut self, round: Duration, units: usize) {
        self.round = round;
        self.answered = units;
        self.arrived = 0;
    }

    /// A batch begins.
    pub(super) fn began(&mut self) {
        self.over = false;
    }

    /// Whether a batch that could begin waits. `busy`: private transactions that may come;
    /// `waiting`: what the batch would be made of.
    fn wait(&mut self, busy: usize, waiting: usize, now: Instant) -> Wait {
        let others = busy + self.answered.saturating_sub(self.arrived);
        if self.over {
            return Wait::Over;
        }
        let Some((until, before)) = self.wait else {
            if others == 0 {
                return Wait::Over;
            }
            if self.skips_left > 0 {
                self.skips_left -= 1;
                self.over = true;
                return Wait::Over;
            }
            let longest = WAIT_MAX.min(self.round);
            self.wait = Some((now.plus(longest), waiting));
            return Wait::Begins(longest);
        };
        let left = until.since(now);
        if others > 0 && !left.is_zero() {
            return Wait::GoesOn(left);
        }
        self.wait = None;
        self.over = true;
        let in_vain = waiting <= before;
        self.skipped = if in_vain { (2 * self.skipped).clamp(1, SKIPPED_MAX) } else { 0 };
        self.skips_left = self.skipped;
        Wait::Over
    }
}

impl Lane {
    /// Whether the batch that could begin now waits for others.
    pub(super) fn wait_for_others(&mut self) -> Wait {
        if self.alone > 0 {
            return Wait::Over;
        }
        let now = clock::now();
        let busy = self.shared.privates.busy(now, RECENT);
        self.gather.wait(busy, self.commits.len() + self.queue.len(), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Duration = Duration::from_micros(400);

    /// After a round with so many units.
    fn after(units: usize) -> Gather {
        let mut gather = Gather::default();
        gather.landed(ROUND, units);
        gather
    }

    #[test]
    fn a_client_alone_does_not_wait() {
        let mut gather = after(1);
        gather.arrived();
        assert_eq!(gather.wait(0, 1, clock::now()), Wait::Over);
    }

    #[test]
    fn a_batch_waits_until_all_have_come() {
        let (mut gather, now) = (after(2), clock::now());
        gather.arrived();
        assert_eq!(gather.wait(0, 1, now), Wait::Begins(ROUND));
        assert_eq!(gather.wait(0, 1, now.plus(ROUND / 2)), Wait::GoesOn(ROUND / 2));
        gather.arrived();
        assert_eq!(gather.wait(0, 2, now.plus(ROUND / 2)), Wait::Over);
    }

    #[test]
    fn a_batch_waits_for_transactions() {
        let (mut gather, now) = (after(0), clock::now());
        assert_eq!(gather.wait(1, 1, now), Wait::Begins(ROUND));
        assert_eq!(gather.wait(0, 2, now), Wait::Over);
        assert_eq!(gather.wait(1, 2, now), Wait::Over, "it was said, and the batch hasn't begun");
        gather.began();
        assert_eq!(gather.wait(1, 1, now), Wait::Begins(ROUND));
    }

    #[test]
    fn a_wait_is_as_long_as_a_round() {
        let (mut gather, now) = (after(1), clock::now());
        assert_eq!(gather.wait(0, 1, now), Wait::Begins(ROUND));
        assert_eq!(gather.wait(0, 2, now.plus(ROUND)), Wait::Over);
        gather.began();
        gather.landed(Duration::from_secs(1), 1);
        assert_eq!(gather.wait(0, 1, now), Wait::Begins(WAIT_MAX));
    }

    #[test]
    fn who_does_not_come_is_waited_for_less_and_less() {
        let (mut gather, now) = (after(0), clock::now());
        let mut in_vain = || {
            gather.began();
            let waits = gather.wait(1, 1, now) != Wait::Over;
            if waits {
                assert_eq!(gather.wait(1, 1, now.plus(ROUND)), Wait::Over, "nobody comes");
            }
            waits
        };
        let waits = (0..1000).filter(|_| in_vain()).count();
        assert!((1..=25).contains(&waits), "{waits} of 1000");
    }
}
