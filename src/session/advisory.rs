//! Advisory locks as a session has them.
//!
//! Those of a transaction go with it, and with the savepoint inside which they were taken. If the
//! session's own are lost, with the leader that keeps them, it has to end: its client counts on them.
//!
//! What asks another node is boxed: it is rare, and lies in the futures of all statements.

use std::time::Duration;

use crate::engine::{AdvisoryLocks, Limits};
use crate::model::advisory::{AdvisoryKey, AdvisoryLock, AdvisoryMode, AdvisoryScope};
use crate::model::error::{Error, SqlState};
use crate::model::value::{RowBatch, Value};
use crate::session::portal::{Reply, RowsTag, Rowset};
use crate::session::statement::Plan;
use crate::session::transaction::Phase;
use crate::session::{Session, Severity};
use crate::sql::{AdvisoryAct, Program, SessionAct, SessionCall};

/// How long a transaction that holds locks of the database waits for an advisory lock. Whether its
/// holder waits for this transaction isn't known.
const WAIT_WITH_LOCKS: Duration = Duration::from_secs(10);

/// A session's advisory locks.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    /// As long as there are any.
    handle: Option<AdvisoryLocks>,
    /// Holds of the session's scope.
    own: u64,
    /// Those of the open transaction, each with the number of savepoints that were set.
    of_transaction: Vec<(u32, AdvisoryLock)>,
}

impl Locks {
    /// What a write has to say of the leadership that it needs.
    pub(crate) fn under(&self) -> Option<crate::engine::Fence> {
        self.handle.as_ref().map(AdvisoryLocks::fence)
    }

    /// Resolves when they are lost.
    pub(crate) async fn lost(&mut self) {
        match &mut self.handle {
            Some(handle) => Box::pin(handle.lost()).await,
            None => std::future::pending().await,
        }
    }

    /// # Errors
    /// 57P01 or 40001 if they were lost.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.handle {
            Some(handle) if handle.is_lost() && self.own > 0 => Err(AdvisoryLocks::loss()),
            Some(handle) if handle.is_lost() => Err(lost()),
            _ => Ok(()),
        }
    }

    /// Whether the session can't go on.
    pub(crate) fn doom(&self) -> Option<Error> {
        let lost = self.own > 0 && self.handle.as_ref().is_some_and(AdvisoryLocks::is_lost);
        lost.then(AdvisoryLocks::loss)
    }

    /// The savepoint at `depth` is gone, and what is inside it is its surroundings'.
    pub(crate) fn release_savepoint(&mut self, depth: u32) {
        for (set, _) in &mut self.of_transaction {
            *set = (*set).min(depth - 1);
        }
    }

    /// Gives up what was taken since the savepoint at `depth` was set.
    pub(crate) async fn rollback_to(&mut self, depth: u32) {
        let taken = std::mem::take(&mut self.of_transaction);
        let (inside, kept): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|(set, _)| *set >= depth);
        self.of_transaction = kept;
        if let Some(handle) = &mut self.handle {
            for (_, held) in inside {
                // Lost ones are told by `check`.
                let _ = Box::pin(handle.unlock(held)).await;
            }
        }
        self.let_go();
    }

    /// The transaction is over.
    pub(crate) async fn end_transaction(&mut self) {
        if self.of_transaction.is_empty() {
            return;
        }
        self.of_transaction.clear();
        if self.own > 0
            && let Some(handle) = &mut self.handle
        {
            let _ = Box::pin(handle.unlock_all(AdvisoryScope::Transaction)).await;
        }
        self.let_go();
    }

    /// `pg_advisory_unlock_all`.
    pub(crate) async fn unlock_all(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.own) > 0
            && !self.of_transaction.is_empty()
            && let Some(handle) = &mut self.handle
        {
            Box::pin(handle.unlock_all(AdvisoryScope::Session)).await?;
        }
        self.let_go();
        Ok(())
    }

    /// A session without locks needs nobody to know of it.
    fn let_go(&mut self) {
        if self.own == 0 && self.of_transaction.is_empty() {
            self.handle = None;
        }
    }
}

impl Session {
    /// A query of which some columns ask for locks: they are asked for once its rows are there.
    pub(crate) async fn advisory(
        &mut self,
        plan: &Plan,
        (program, calls): (&Program, &[SessionCall]),
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        let tag = RowsTag::Select;
        let Some(mut rows) = self.query(plan, program, None, parameters, tag, alone).await? else {
            return Ok(None);
        };
        rows.keep_all().await?;
        let columns = rows.columns();
        let mut all = RowBatch { width: columns.len(), ..RowBatch::default() };
        while let Some(batch) = rows.next().await? {
            all.rows += batch.rows;
            all.values.extend(batch.values);
        }
        for row in all.values.chunks_exact_mut(all.width) {
            for call in calls {
                let done = match call.act {
                    SessionAct::Advisory(act) => self.advise(act, &row[call.column]).await,
                    SessionAct::Signal(signal) => self.signal(signal, &row[call.column]),
                };
                // What was taken before stays the session's, as in PostgreSQL.
                row[call.column] = done?;
            }
        }
        if self.phase == Phase::Idle {
            self.locks.end_transaction().await;
        }
        Ok(Some(Reply::Rows(Rowset::memory(columns, all, tag))))
    }

    async fn advise(&mut self, act: AdvisoryAct, name: &Value) -> Result<Value, Error> {
        if act == AdvisoryAct::UnlockAll {
            self.locks.unlock_all().await?;
            return Ok(Value::Text(String::new()));
        }
        let Some(key) = key(name) else { return Ok(Value::Null) };
        match act {
            AdvisoryAct::Lock { mode, scope, wait } => {
                let wanted = AdvisoryLock { key, mode, scope };
                let granted = self.take_advisory(wanted, wait).await?;
                let answer = i64::from(granted);
                Ok(if wait { Value::Text(String::new()) } else { Value::Integer(answer) })
            }
            AdvisoryAct::Unlock(mode) => {
                let held = AdvisoryLock { key, mode, scope: AdvisoryScope::Session };
                self.unlock_advisory(held).await.map(|done| Value::Integer(i64::from(done)))
            }
            AdvisoryAct::UnlockAll => Err(Error::internal("done above")),
        }
    }

    async fn take_advisory(&mut self, wanted: AdvisoryLock, wait: bool) -> Result<bool, Error> {
        let holds_others = self.write.is_some();
        let mut limits = self.limits();
        let own_timeout = limits.lock_timeout;
        if holds_others && own_timeout.is_none_or(|timeout| timeout > WAIT_WITH_LOCKS) {
            limits.lock_timeout = Some(WAIT_WITH_LOCKS);
        }
        let lock_timeout = limits.lock_timeout;
        let handle = self.locks_handle(&limits).await?;
        let granted = handle.lock(wanted, wait, &limits).await.map_err(|error| {
            if error.state() == SqlState::LOCK_NOT_AVAILABLE && lock_timeout != own_timeout {
                return deadlock();
            }
            error
        });
        if *granted.as_ref().unwrap_or(&false) {
            match wanted.scope {
                AdvisoryScope::Session => self.locks.own += 1,
                AdvisoryScope::Transaction => {
                    self.locks.of_transaction.push((self.savepoints.depth(), wanted));
                }
            }
        }
        self.locks.let_go();
        granted
    }

    async fn locks_handle(&mut self, limits: &Limits) -> Result<&mut AdvisoryLocks, Error> {
        if self.locks.handle.is_none() {
            let opened = self.engine.advisory_locks(self.database, limits).await?;
            self.locks.handle = Some(opened);
        }
        self.locks.handle.as_mut().ok_or_else(|| Error::internal("it was just opened"))
    }

    async fn unlock_advisory(&mut self, held: AdvisoryLock) -> Result<bool, Error> {
        let released = match &mut self.locks.handle {
            Some(handle) if self.locks.own > 0 => handle.unlock(held).await?,
            _ => false,
        };
        if released {
            self.locks.own -= 1;
            self.locks.let_go();
        } else {
            let kind = match held.mode {
                AdvisoryMode::Exclusive => "ExclusiveLock",
                AdvisoryMode::Shared => "ShareLock",
            };
            let message = format!("you don't own a lock of type {kind}");
            self.notice(Severity::Warning, Error::user(SqlState(*b"01000"), message));
        }
        Ok(released)
    }

    /// Why the session has to end, if it has to.
    pub fn doom(&self) -> Option<Error> {
        if self.canceler.is_terminated() {
            return Some(super::backend::terminated());
        }
        self.locks.doom()
    }
}

/// 40001: a transaction's own locks.
pub(crate) fn lost() -> Error {
    Error::serialization("the transaction's advisory locks were lost with the leader")
}

/// A lock's name as `pg_advisory_key` writes it; `None` for NULL.
fn key(name: &Value) -> Option<AdvisoryKey> {
    let Value::Text(name) = name else { return None };
    match name.split_once(',') {
        Some((high, low)) => Some(AdvisoryKey::Pair(high.parse().ok()?, low.parse().ok()?)),
        None => Some(AdvisoryKey::One(name.parse().ok()?)),
    }
}

fn deadlock() -> Error {
    let class = crate::model::error::Class::Retry;
    Error::new(class, SqlState::DEADLOCK_DETECTED, "deadlock detected")
        .with_detail(
            "The transaction has waited for an advisory lock for 10 s, and others may be waiting for it.",
        )
        .with_hint("Take advisory locks before the transaction changes anything.")
}
