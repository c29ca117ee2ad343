//! What is brief: done in less time than it takes to hand it to another thread and its answer back
//! ([`super::driver`]).
//!
//! A statement is, if its text was seen to be short. Where it isn't after all, other tasks go on
//! without this thread (`task::let_others_run`), or, if it only reads, it is left to the lane's
//! own thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::gather::Wait;
use super::privates::is_shared;
use super::{Event, Lane, Queued, Request, State};
use crate::engine::cancel::Token;
use crate::engine::short::{CHECKS_MAX, Text};
use crate::model::error::Fault;
use crate::model::statement::Completion;
use crate::platform::clock::{self, Instant};
use crate::platform::task;
use crate::sqlite::{Control, Overdue, RunError};

/// Bytes of pages, as they are in the log, that can be applied briefly.
const BRIEF_BYTES_MAX: usize = 32 << 10;

impl Event {
    /// Whether it can be brief; [`Lane::is_brief`] knows more.
    pub(super) fn may_be_brief(&self) -> bool {
        match self {
            // They are only put into the queue.
            Self::Submit(_) | Self::Open(_) | Self::Commit(_) | Self::Enter(_) => true,
            Self::Recheck => true,
            Self::Statement { request, .. } => !matches!(
                request,
                Request::RunEach { .. } | Request::Catalog { .. } | Request::Replay { .. }
            ),
            Self::Apply { part, .. } => part.is_whole() && part.pages.len() <= BRIEF_BYTES_MAX,
            Self::ApplyRun { parts, .. } => {
                parts.iter().map(|(_, part)| part.pages.len()).sum::<usize>() <= BRIEF_BYTES_MAX
            }
            Self::ProposalFailed { .. }
            | Self::Leadership(_)
            | Self::Install(_)
            | Self::Ask(_)
            | Self::Between(_)
            | Self::Close { .. } => false,
        }
    }
}

impl Lane {
    /// Whether an event can be handled in less time than it takes to hand it to another thread.
    pub(super) fn is_brief(&self, event: &Event) -> bool {
        match event {
            Event::Statement { transaction, request } => match &self.state {
                State::Interactive(open) if open.number == *transaction => {
                    open.is_brief(request, &self.texts)
                }
                // It is refused.
                _ => true,
            },
            _ => event.may_be_brief(),
        }
    }

    /// [`Self::advance`], as long as it is brief. `false` if something is left to be done.
    pub(super) fn advance_here(&mut self) -> Result<bool, Fault> {
        let served = self.serve_here();
        self.note_landed();
        self.note_gate();
        served
    }

    fn serve_here(&mut self) -> Result<bool, Fault> {
        self.note_landed();
        if !matches!(self.state, State::Idle) || !self.may_begin() {
            return Ok(true);
        }
        if self.between.is_some() || self.closed.is_some() || self.fence.is_none() {
            return Ok(false);
        }
        self.unpark();
        if !self.commits.is_empty() {
            if let Some(served) = self.waits_here() {
                return Ok(served);
            }
            let brief = self.commits.front().is_some_and(|commit| commit.is_brief(&self.texts));
            if !brief || self.commits.len() + self.queue.len() > 1 {
                return Ok(false);
            }
            self.run_batch(false)?;
            return Ok(true);
        }
        match self.queue.front() {
            None => Ok(true),
            Some(Queued::Enter(_)) => Ok(false),
            Some(Queued::Open(_)) => {
                if self.shared.privates.close() {
                    self.open_next()?;
                    return Ok(self.queue.is_empty());
                }
                Ok(true)
            }
            Some(Queued::Unit(submission)) => {
                let brief = self.queue.len() == 1 && submission.is_brief(&self.texts);
                let shared = is_shared(&submission.unit);
                let exclusive = !shared && self.shared.privates.close();
                if shared || exclusive {
                    if let Some(served) = self.waits_here() {
                        return Ok(served);
                    }
                    if !brief {
                        return Ok(false);
                    }
                    self.run_batch(exclusive)?;
                }
                Ok(true)
            }
        }
    }

    /// If the batch that could begin waits for others: whether the thread watches the time already.
    fn waits_here(&mut self) -> Option<bool> {
        match self.wait_for_others() {
            Wait::Begins(_) => Some(false),
            Wait::GoesOn(_) => Some(self.gather.timed),
            Wait::Over => None,
        }
    }

    /// What a statement obeys where the lane runs now.
    pub(super) fn control(&self, token: &Token, deadline: Option<Instant>) -> Control {
        let stop = Some(self.shared.interrupted.clone());
        let control = Control { stop, ..token.control(deadline) };
        if !self.here {
            return control;
        }
        let checks_left = Arc::new(AtomicU32::new(CHECKS_MAX));
        Control { overdue: Some(Overdue { checks_left, then: task::let_others_run }), ..control }
    }

    /// Notes how long a statement took. `began`: `None` where nobody looks at the clock for it.
    pub(super) fn note_text(
        &mut self,
        text: Text,
        began: Option<Instant>,
        ran: &Result<Completion, RunError>,
        control: &Control,
    ) {
        if let (Some(began), Ok(completion)) = (began, ran) {
            self.texts.note(text, clock::now().since(began), completion.read_only);
        }
        let spent = |overdue: &Overdue| overdue.checks_left.load(Ordering::Relaxed) == 0;
        if control.overdue.as_ref().is_some_and(spent) {
            self.texts.strike(text);
        }
    }

    /// Where the lane runs on its own thread: the present moment.
    pub(super) fn began(&self) -> Option<Instant> {
        (!self.here).then(clock::now)
    }
}
