//! BEGIN, COMMIT, ROLLBACK, savepoints, SET TRANSACTION, LOCK TABLE: what changes the state of a
//! transaction rather than data. The table at the top of `transaction` says what each does when.

use crate::model::error::{Error, SqlState};
use crate::platform::mutant::mutant;
use crate::session::transaction::{self, Phase};
use crate::session::{Session, Severity, settings};
use crate::sql::{Action, LockWait, TransactionModes};

impl Session {
    /// BEGIN, COMMIT, ROLLBACK, savepoints; the tag. The table at the top of `transaction` says
    /// what each does in each phase.
    pub(crate) async fn control(&mut self, action: &Action) -> Result<&'static str, Error> {
        match action {
            Action::Begin { modes, tag } => {
                self.begin(*modes)?;
                Ok(tag)
            }
            Action::Commit { chain } => {
                let next = self.chained(*chain, "COMMIT AND CHAIN")?;
                let tag = self.commit_block().await?;
                self.begin_chained(next);
                Ok(tag)
            }
            Action::Rollback { chain } => {
                let next = self.chained(*chain, "ROLLBACK AND CHAIN")?;
                if matches!(self.phase, Phase::Idle | Phase::Implicit) {
                    self.notice(Severity::Warning, transaction::no_transaction());
                }
                self.end(false).await;
                self.begin_chained(next);
                Ok("ROLLBACK")
            }
            Action::Lock { exclusive, wait, missing } => {
                self.require_block("LOCK TABLE")?;
                if let Some(error) = missing {
                    return Err(error.clone());
                }
                if *exclusive {
                    if self.modes.read_only {
                        return Err(transaction::read_only("LOCK TABLE"));
                    }
                    self.take_write_slot(*wait == LockWait::NoWait).await?;
                }
                Ok("LOCK TABLE")
            }
            Action::Savepoint(name) => {
                self.require_block("SAVEPOINT")?;
                let depth = self.savepoints.push(name.clone(), self.settings.save(), self.modes);
                if let Some(write) = &mut self.write {
                    write.savepoint(depth).await?;
                }
                Ok("SAVEPOINT")
            }
            Action::Release(name) => {
                self.require_block("RELEASE SAVEPOINT")?;
                let depth = self.savepoints.find(name)?;
                if let Some(write) = &mut self.write {
                    write.release(depth).await?;
                }
                self.savepoints.release(depth);
                self.ears.release(depth);
                self.locks.release_savepoint(depth);
                Ok("RELEASE")
            }
            Action::RollbackTo(name) => self.rollback_to(name).await,
            Action::SetTransaction { session, modes } => self.set_transaction(*session, *modes),
            _ => Err(Error::internal("not a transaction statement")),
        }
    }

    /// The modes of the transaction that AND CHAIN begins after this one.
    fn chained(&self, chain: bool, what: &str) -> Result<Option<TransactionModes>, Error> {
        if !chain {
            return Ok(None);
        }
        self.require_block(what)?;
        Ok(Some(TransactionModes {
            isolation: Some(self.modes.isolation),
            read_only: Some(self.modes.read_only),
            deferrable: Some(self.modes.deferrable),
        }))
    }

    fn begin_chained(&mut self, modes: Option<TransactionModes>) {
        if let Some(modes) = modes {
            self.start(Phase::Block, modes);
        }
    }

    fn begin(&mut self, modes: TransactionModes) -> Result<(), Error> {
        match self.phase {
            Phase::Idle => self.start(Phase::Block, modes),
            // What the script did before belongs to the block, as in PostgreSQL.
            Phase::Implicit => {
                self.phase = Phase::Block;
                self.set_modes(modes)?;
            }
            Phase::Block | Phase::Failed => {
                self.notice(Severity::Warning, transaction::already_in_transaction());
            }
        }
        Ok(())
    }

    async fn commit_block(&mut self) -> Result<&'static str, Error> {
        match self.phase {
            Phase::Failed => {
                let loss = self.loss.take().filter(|_| !mutant("loss-not-told"));
                self.end(false).await;
                return loss.map_or(Ok("ROLLBACK"), Err);
            }
            Phase::Block => {}
            Phase::Idle | Phase::Implicit => {
                self.notice(Severity::Warning, transaction::no_transaction());
            }
        }
        self.commit().await?;
        Ok("COMMIT")
    }

    fn require_block(&self, what: &str) -> Result<(), Error> {
        match self.phase {
            Phase::Block | Phase::Failed => Ok(()),
            Phase::Idle | Phase::Implicit => Err(transaction::only_in_block(what)),
        }
    }

    async fn rollback_to(&mut self, name: &str) -> Result<&'static str, Error> {
        self.require_block("ROLLBACK TO SAVEPOINT")?;
        if let Some(loss) = self.loss.take() {
            return Err(loss);
        }
        let depth = self.savepoints.find(name)?;
        if let Some(write) = &mut self.write {
            write.rollback_to(depth).await?;
        }
        self.epoch += 1;
        if let Some((saved, modes)) = self.savepoints.unwind_to(depth) {
            let saved = saved.clone();
            self.settings.restore(&saved);
            self.modes = modes;
        }
        self.ears.rollback_to(depth);
        self.locks.rollback_to(depth).await;
        self.phase = Phase::Block;
        Ok("ROLLBACK")
    }

    fn set_transaction(
        &mut self,
        session: bool,
        modes: TransactionModes,
    ) -> Result<&'static str, Error> {
        if session {
            let on = |flag: bool| Some(if flag { "on" } else { "off" });
            if let Some(level) = modes.isolation {
                let name = settings::isolation_name(level);
                self.settings.set("default_transaction_isolation", Some(name), false)?;
            }
            if let Some(flag) = modes.read_only {
                self.settings.set("default_transaction_read_only", on(flag), false)?;
            }
            if let Some(flag) = modes.deferrable {
                self.settings.set("default_transaction_deferrable", on(flag), false)?;
            }
            self.adopt_defaults();
        } else if self.phase == Phase::Block {
            self.set_modes(modes)?;
        } else {
            self.notice(Severity::Warning, transaction::only_in_block("SET TRANSACTION"));
        }
        Ok("SET")
    }

    pub(crate) fn set_modes(&mut self, modes: TransactionModes) -> Result<(), Error> {
        let changed = modes.isolation.is_some_and(|level| level != self.modes.isolation);
        if changed && (self.write.is_some() || self.view.is_some()) {
            return Err(Error::user(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "SET TRANSACTION ISOLATION LEVEL must be called before any query",
            ));
        }
        if modes.read_only == Some(false) && self.modes.read_only && self.view.is_some() {
            return Err(Error::user(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "transaction read-write mode must be set before any query",
            ));
        }
        self.modes = self.modes.with(modes);
        Ok(())
    }
}
