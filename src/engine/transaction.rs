//! A client's open transaction, wherever the leader is.

use std::path::Path;
use std::sync::Arc;

use crate::platform::watch;
use tokio::sync::oneshot;

use crate::engine::Limits;
use crate::engine::cancel::{Running, until};
use crate::engine::core::Core;
use crate::engine::lane::{
    CatalogState, Mark, Opened, Registration, Request, changed, leadership_lost,
};
use crate::engine::private::{self, Came, Private};
use crate::engine::remote::Remote;
use crate::engine::rows::{self, End, Rest, Rows};
use crate::engine::write::{COMMIT_GRACE, unresolved};
use crate::model::catalog::Catalog;
use crate::model::error::Error;
use crate::model::id::{DatabaseId, LogIndex, SchemaVersion};
use crate::model::statement::{Completion, Statement};
use crate::model::value::RowBatch;
use crate::platform::clock;

/// How often a transaction that nobody has seen anything of begins again, because the schema changed.
const RENEWALS_MAX: u32 = 5;

/// Where the transaction is.
#[derive(Debug)]
pub(super) enum Backend {
    Local(Opened),
    Remote(Remote),
    Private(Private),
}

/// An open transaction at the leader. Rolled back when dropped.
#[derive(Debug)]
pub struct Transaction {
    core: Arc<Core>,
    backend: Backend,
    lost: watch::Receiver<Option<Error>>,
    database: DatabaseId,
    committed: Arc<CatalogState>,
    /// What an earlier statement may still have to give.
    rest: Rest,
    /// Of a private transaction that took the write slot: its row locks.
    locks: Option<Arc<Registration>>,
}

impl Transaction {
    pub(super) fn new(core: Arc<Core>, database: DatabaseId, backend: Backend) -> Self {
        let (lost, committed) = match &backend {
            Backend::Local(opened) => (opened.lost(), opened.catalog()),
            Backend::Remote(remote) => (remote.lost(), remote.catalog()),
            Backend::Private(private) => (private.lost(), private.catalog()),
        };
        Self { core, backend, lost, database, committed, rest: Rest::default(), locks: None }
    }

    /// The committed catalog's version, while it is the transaction's own as well.
    pub(super) fn committed_schema(&self) -> Option<SchemaVersion> {
        self.committed.committed()
    }

    /// See [`CatalogState`]; another one after [`Self::make_exclusive`].
    pub(super) fn catalog_state(&self) -> Arc<CatalogState> {
        self.committed.clone()
    }

    /// Makes sure that the transaction has the write slot.
    ///
    /// # Errors
    /// 40001 if it was private and something that it did comes out differently by now; 55P03, 57014.
    pub async fn make_exclusive(&mut self, limits: &Limits) -> Result<(), Error> {
        let running = limits.cancel.start();
        match &mut self.backend {
            Backend::Local(_) => Ok(()),
            Backend::Remote(_) => {
                let (deadline, lock_timeout) = (limits.deadline, limits.lock_timeout);
                let token = running.token.clone();
                self.ask(|reply| Request::Exclusive { deadline, lock_timeout, token, reply }).await
            }
            Backend::Private(private) => {
                let opened = Box::pin(private.promote(&self.core, limits, &running)).await?;
                (self.lost, self.committed) = (opened.lost(), opened.catalog());
                let before = std::mem::replace(&mut self.backend, Backend::Local(opened));
                if let Backend::Private(private) = before {
                    self.locks = Some(private.into_registration());
                }
                Ok(())
            }
        }
    }

    async fn send(&self, request: Request) -> Result<(), Error> {
        if let Some(error) = &*self.lost.borrow() {
            return Err(error.clone());
        }
        // An earlier statement's rows would stand in the way of this one.
        self.rest.keep(self.core.options.result_bytes_max);
        match &self.backend {
            Backend::Local(opened) => opened.send(request).await,
            Backend::Remote(remote) => remote.send(request).await,
            Backend::Private(_) => {
                Err(Error::internal("a private transaction was asked as one with the write slot"))
            }
        }
    }

    /// Sends a request and waits for its answer.
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Request,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(self.loss()))
    }

    /// Why the transaction is gone.
    fn loss(&self) -> Error {
        self.lost.borrow().clone().unwrap_or_else(leadership_lost)
    }

    /// The catalog with this transaction's own changes.
    pub async fn catalog(&mut self) -> Result<Arc<Catalog>, Error> {
        if let Some(schema) = self.committed.committed() {
            // As long as the slot is taken nobody else changes the committed one.
            let catalog = self.core.catalog(self.database).await?;
            if catalog.schema == schema {
                return Ok(catalog);
            }
        }
        if let Backend::Private(_) = &self.backend {
            return self.renew().await;
        }
        Box::pin(self.ask(|reply| Request::Catalog { reply })).await
    }

    /// Begins a private transaction again, on the schema that is the present one by now.
    ///
    /// # Errors
    /// 40001 if its client has seen something of it, or the schema changes all the time.
    async fn renew(&mut self) -> Result<Arc<Catalog>, Error> {
        for _ in 0..RENEWALS_MAX {
            let Backend::Private(private) = &mut self.backend else { break };
            if !private.renew() {
                break;
            }
            (self.lost, self.committed) = (private.lost(), private.catalog());
            let catalog = self.core.catalog(self.database).await?;
            if self.committed.committed() == Some(catalog.schema) {
                return Ok(catalog);
            }
        }
        Err(changed())
    }

    /// As [`Self::run_compiled`], for statements that suit any schema.
    pub async fn run(&mut self, statement: Statement, limits: &Limits) -> Result<Rows, Error> {
        self.run_compiled(statement, limits).await?.ok_or_else(changed)
    }

    /// Runs a statement. If it fails it leaves nothing behind, and the transaction stays open
    /// (whether the client may go on is the session's business) unless [`Self::is_lost`]. `None`: it
    /// is the first one, and was compiled for a schema that isn't the present one any more; nothing
    /// was done.
    ///
    /// Rows of an earlier statement that were not read yet are read into memory first (54000 if
    /// they are too many).
    pub async fn run_compiled(
        &mut self,
        statement: Statement,
        limits: &Limits,
    ) -> Result<Option<Rows>, Error> {
        if let Backend::Private(private) = &mut self.backend {
            let running = limits.cancel.start();
            let (mut rows, pending) = rows::channel(limits.cancel.start(), limits.deadline);
            let pending = pending.partial(true);
            match private.run(&statement, &mut rows, limits, &running).await? {
                Came::Done(completion) => {
                    rows.finish(End::Done(completion));
                    return pending.started().await;
                }
                Came::Stale => {
                    (self.lost, self.committed) = (private.lost(), private.catalog());
                    return Ok(None);
                }
                Came::NeedsSlot => {
                    let schema = self.committed.committed();
                    Box::pin(self.make_exclusive(limits)).await?;
                    // While it waited for the slot.
                    if self.committed.committed() != schema {
                        return Ok(None);
                    }
                }
            }
        }
        let (rows, pending) = rows::channel(limits.cancel.start(), limits.deadline);
        let pending = pending.partial(true);
        let rest = pending.rest();
        let lock_timeout = limits.lock_timeout;
        self.send(Request::Run { statement, rows, lock_timeout }).await?;
        self.rest = rest;
        pending.started().await
    }

    /// Runs a statement for each row of parameters, in one round trip.
    pub async fn run_each(
        &mut self,
        sql: Arc<str>,
        rows: RowBatch,
        limits: &Limits,
    ) -> Result<Completion, Error> {
        if let Backend::Private(_) = &self.backend {
            self.make_exclusive(limits).await?;
        }
        let running = limits.cancel.start();
        let (token, deadline) = (running.token.clone(), limits.deadline);
        self.ask(|reply| Request::RunEach { sql, rows, token, deadline, reply }).await
    }

    /// `depth` counts nested savepoints from 1; a savepoint that is set again at a depth must have
    /// been released.
    pub async fn savepoint(&mut self, depth: u32) -> Result<(), Error> {
        if let Backend::Private(private) = &mut self.backend {
            return private.savepoint(depth);
        }
        self.ask(|reply| Request::Mark { mark: Mark::Set, depth, reply }).await
    }

    pub async fn rollback_to(&mut self, depth: u32) -> Result<(), Error> {
        if let Backend::Private(private) = &mut self.backend {
            return private.rollback_to(depth);
        }
        self.ask(|reply| Request::Mark { mark: Mark::RollBackTo, depth, reply }).await
    }

    pub async fn release(&mut self, depth: u32) -> Result<(), Error> {
        if let Backend::Private(private) = &mut self.backend {
            return private.release(depth);
        }
        self.ask(|reply| Request::Mark { mark: Mark::Release, depth, reply }).await
    }

    /// Puts a file that is made fit in the database's place. The transaction is a new one on this node.
    pub(super) async fn load(&mut self, path: &Path, limits: &Limits) -> Result<(), Error> {
        let running = limits.cancel.start();
        let (path, token, deadline) = (path.to_owned(), running.token.clone(), limits.deadline);
        self.ask(|reply| Request::Load { path, token, deadline, reply }).await
    }

    /// Whether the transaction is gone: leadership lost, connection to the leader lost, rolled back
    /// by SQLite. The errors of further calls say which.
    pub fn is_lost(&self) -> bool {
        self.lost.borrow().is_some()
    }

    /// Resolves when the transaction is lost, so that an idle session can be told.
    pub async fn lost(&mut self) -> Error {
        match self.lost.wait_for(Option::is_some).await {
            Ok(error) => error.clone().unwrap_or_else(leadership_lost),
            Err(_) => leadership_lost(),
        }
    }

    /// 40001: nothing happened. 08007: it can't be known. Returns when a quorum has the
    /// transaction and this node has applied it; `None` if it changed nothing.
    ///
    /// A deadline or a cancellation can't stop a commit under way: after a grace it is answered
    /// with 08007.
    pub async fn commit(self, limits: &Limits) -> Result<Option<LogIndex>, Error> {
        let running = limits.cancel.start();
        if let Backend::Private(private) = self.backend {
            let answer = private.commit(limits, &running).await?;
            return private::committed(resolved(answer, limits, &running).await?);
        }
        let (reply, answer) = oneshot::channel();
        self.send(Request::Commit { reply }).await?;
        let index = resolved(answer, limits, &running).await??;
        if let (Backend::Remote(_), Some(index)) = (&self.backend, index) {
            Box::pin(self.core.catch_up(index)).await;
        }
        Ok(index)
    }

    /// Returns when the write slot is free again.
    pub async fn rollback(self) {
        if let Backend::Private(_) = &self.backend {
            return;
        }
        let (reply, answer) = oneshot::channel();
        if self.send(Request::Rollback { reply: Some(reply) }).await.is_ok() {
            // Gone either way.
            let _ = answer.await;
        }
    }
}

/// The answer to a commit. A deadline or a cancellation gives it a grace, then it is unknown.
async fn resolved<T>(
    mut answer: oneshot::Receiver<T>,
    limits: &Limits,
    running: &Running,
) -> Result<T, Error> {
    let answered = match until(limits.deadline, &running.token, &mut answer).await {
        Ok(answered) => Ok(answered),
        Err(_) => clock::timeout(COMMIT_GRACE, &mut answer).await,
    };
    match answered {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) | Err(clock::Elapsed) => Err(unresolved()),
    }
}
