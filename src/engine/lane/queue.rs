//! What waits for the writer, first come, first served.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::batch::Submission;
use super::interactive::Opening;
use super::{Refusal, privates};

/// A private transaction that waits until it may become active.
#[derive(Debug)]
pub(in crate::engine) struct Entering {
    pub number: u64,
    pub reply: oneshot::Sender<Result<(), Refusal>>,
}

#[derive(Debug)]
pub(super) enum Queued {
    Unit(Submission),
    Open(Opening),
    Enter(Entering),
}

impl Queued {
    /// Whether it keeps private transactions from becoming active while it waits.
    fn closes_gate(&self) -> bool {
        match self {
            Self::Unit(submission) => !privates::is_shared(&submission.unit),
            Self::Open(_) | Self::Enter(_) => true,
        }
    }

    pub(super) fn refuse(self, refusal: &Refusal) {
        match self {
            Self::Unit(submission) => submission.answer(Err(refusal.clone())),
            Self::Open(opening) => opening.answer(Err(refusal.clone())),
            // Whoever doesn't wait any more has given up on it.
            Self::Enter(entering) => drop(entering.reply.send(Err(refusal.clone()))),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Queued>,
    /// Of those, how many close the gate.
    closing: usize,
}

impl Queue {
    pub(super) fn push(&mut self, queued: Queued) {
        self.closing += usize::from(queued.closes_gate());
        self.waiting.push_back(queued);
    }

    pub(super) fn put_back(&mut self, queued: Queued) {
        self.closing += usize::from(queued.closes_gate());
        self.waiting.push_front(queued);
    }

    pub(super) fn front(&self) -> Option<&Queued> {
        self.waiting.front()
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        let queued = self.waiting.pop_front()?;
        self.closing -= usize::from(queued.closes_gate());
        Some(queued)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether something waits that closes the gate.
    pub(super) fn closes_gate(&self) -> bool {
        self.closing > 0
    }
}
