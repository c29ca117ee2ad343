//! What a private transaction may do while another one has the write slot and its client does nothing.
//!
//! It would wait for as long as that client likes, even if the two have nothing to do with each
//! other; for ever, if one program holds both and uses them in turn, as Flyway does. So it asks
//! whether its statement depends on what the holder has done so far: the statement is run on top of
//! that and undone, and if it comes out there as on the committed state it needn't wait.

use tokio::sync::oneshot;

use super::interactive::Replayed;
use super::{Lane, State};
use crate::engine::private::budget;
use crate::model::error::Fault;
use crate::model::statement::{Dialect, Statement};
use crate::sqlite::{Control, Outcome, RunError};

/// No client's savepoints nest so deep.
const DEPTH: u32 = u32::MAX;

/// A private transaction's question.
#[derive(Debug)]
pub(in crate::engine) struct Asking {
    /// What it has done so far.
    pub earlier: Vec<Replayed>,
    pub statement: Statement,
    /// How the statement comes out behind what the holder of the write slot has done so far. `None`
    /// if nobody holds it, or it fails, or what was done earlier comes out differently.
    pub reply: oneshot::Sender<Option<Outcome>>,
}

impl Lane {
    pub(super) fn on_asking(&mut self, asking: Asking) -> Result<(), Fault> {
        let outcome = match &self.state {
            State::Interactive(open) if open.dialect == Dialect::Postgres => {
                let number = open.number;
                self.running(Some(number), None);
                let ran = self.try_beside(&asking);
                self.ran();
                match ran {
                    Ok(outcome) => outcome,
                    Err(failed) => {
                        self.note(&failed)?;
                        None
                    }
                }
            }
            _ => None,
        };
        // Whoever doesn't wait any more has given up on it.
        let _ = asking.reply.send(outcome);
        Ok(())
    }

    /// Fails if the holder's transaction can't go on.
    fn try_beside(&mut self, asking: &Asking) -> Result<Option<Outcome>, RunError> {
        self.writer().savepoint(DEPTH)?;
        let outcome = match self.run_beside(asking) {
            Err(failed) if failed.transaction_lost || failed.fault.is_some() => return Err(failed),
            ran => ran.ok().flatten(),
        };
        self.writer().rollback_to(DEPTH)?;
        self.writer().release(DEPTH)?;
        Ok(outcome)
    }

    fn run_beside(&mut self, asking: &Asking) -> Result<Option<Outcome>, RunError> {
        for step in &asking.earlier {
            if let Replayed::Statement(statement, seen) = step
                && self.outcome(statement, &control(statement))? != *seen
            {
                return Ok(None);
            }
        }
        let outcome = self.outcome(&asking.statement, &control(&asking.statement))?;
        Ok(Some(outcome))
    }
}

/// SQLite ends the whole transaction if a statement that writes is stopped. These name their rows,
/// and are short.
fn control(statement: &Statement) -> Control {
    match statement.touch {
        Some(_) => Control::default(),
        None => budget(&Control::default()),
    }
}
