//! Requests of other nodes' engines.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::engine::advisory::{Holder, check_fence, lost};
use crate::engine::cancel::{Canceler, lock};
use crate::engine::core::Core;
use crate::engine::inbox::Inbox;
use crate::engine::lane::{CatalogState, Mark, Refusal};
use crate::engine::peers::{Incoming, Outgoing};
use crate::engine::read::{Query, sessions};
use crate::engine::rows::Rows;
use crate::engine::transaction::Transaction;
use crate::engine::wire::{
    self, Answer, Asked, Call, Deadline, FromLeader, OpenStream, Reply, ToLeader,
};
use crate::engine::{Begin, Engine, Limits};
use crate::model::error::Error;
use crate::model::id::{DatabaseId, NodeId};
use crate::peer::{PeerError, Stream};

/// Calls under way, so that they can be cancelled.
#[derive(Debug)]
pub(super) struct Calls {
    next: AtomicU64,
    /// Those of other nodes that run here.
    running: Mutex<HashMap<Asked, Canceler>>,
}

impl Default for Calls {
    fn default() -> Self {
        // A node's calls before its restart have other numbers.
        let next = AtomicU64::new(u64::from_be_bytes(crate::platform::random::bytes()));
        Self { next, running: Mutex::default() }
    }
}

impl Calls {
    /// A name for a call of this node.
    pub(super) fn ask(&self, node: NodeId) -> Asked {
        Asked { node, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }
}

/// Registers a call as running, until dropped.
struct Registered<'a> {
    calls: &'a Calls,
    asked: Asked,
}

impl<'a> Registered<'a> {
    fn new(calls: &'a Calls, asked: Asked, canceler: Canceler) -> Self {
        lock(&calls.running).insert(asked, canceler);
        Self { calls, asked }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        lock(&self.calls.running).remove(&self.asked);
    }
}

impl Engine {
    /// A request from another node's engine (`peer::Kind::Engine`).
    ///
    /// # Errors
    /// If it can't be read; nothing was done then.
    pub async fn on_call(&self, payload: Bytes) -> Result<Bytes, String> {
        let call = wire::decode(&payload).map_err(|_| "an unreadable request".to_owned())?;
        let answer = Box::pin(self.answer(call)).await;
        Ok(wire::encode(&answer))
    }

    async fn answer(&self, call: Call) -> Answer {
        let core = &self.core;
        match call {
            Call::Write { asked, database, unit, deadline, lock_timeout, under } => {
                let limits = limits(deadline, lock_timeout);
                let _registered = Registered::new(&core.calls, asked, limits.cancel.clone());
                let running = limits.cancel.start();
                check_fence(core.fence().ok_or(Refusal::NotLeader)?, under)?;
                let entry = core.entry(database)?;
                core.write_here(&entry, unit, &limits, &running).await.map(Reply::Written)
            }
            Call::Cancel { asked } => {
                let canceler = lock(&core.calls.running).get(&asked).cloned();
                if let Some(canceler) = canceler {
                    canceler.cancel();
                }
                Ok(Reply::Done)
            }
            Call::Index { lease, strong } => core.index_here(lease, strong).await.map(Reply::Index),
            Call::Ping => Ok(Reply::Version(env!("CARGO_PKG_VERSION").to_owned())),
            Call::Progress => Ok(Reply::Progress(core.progress())),
            Call::Verify { database } => {
                let limits = Limits::default();
                Box::pin(core.verify_here(database, &limits)).await.map(Reply::Verified)
            }
            Call::Freeze { database, index, txid } => {
                core.freeze_here(database, index, txid).await.map(Reply::Count)
            }
            Call::Hash { ticket } => Ok(Reply::Hash(core.verifying.take(ticket))),
            Call::Order(order) => core.order_here(&order).await.map(Reply::Index),
            Call::Sessions { database } => {
                let count = core.store.get(database).map_or(0, |entry| sessions(&entry));
                Ok(Reply::Count(count as u64))
            }
        }
    }

    /// A stream from another node's engine (`peer::Kind::EngineStream`).
    pub async fn on_stream(&self, stream: Stream) {
        let (sender, receiver) = stream.split();
        self.on_halves(Box::new(sender), Box::new(receiver)).await;
    }

    /// As [`Self::on_stream`], over any transport.
    pub async fn on_halves(&self, outgoing: Box<dyn Outgoing>, mut incoming: Box<dyn Incoming>) {
        let Ok(Some(first)) = incoming.receive().await else { return };
        let Ok(open) = wire::decode(&first) else { return };
        let mut server = Server {
            core: self.core.clone(),
            outgoing,
            inbox: Inbox::new(incoming),
            waiting: None,
            canceler: Canceler::default(),
            catalog: None,
        };
        let served = match open {
            OpenStream::Begin {
                database,
                dialect,
                since,
                private,
                deadline,
                lock_timeout,
                under,
            } => {
                let mut limits = limits(deadline, lock_timeout);
                limits.cancel = server.canceler.clone();
                limits.under = under;
                let begin = Begin { database, dialect, since, private, limits };
                server.serve_transaction(begin).await
            }
            OpenStream::Read { query, deadline } => server.serve_read(query, deadline).await,
            OpenStream::Locks { database } => server.serve_locks(database).await,
            OpenStream::Load { database, deadline } => server.serve_load(database, deadline).await,
        };
        if served.is_ok() {
            // The connection can be used again; if it can't, it is closed.
            let _ = server.outgoing.finish().await;
        }
    }
}

fn limits(deadline: Option<Deadline>, lock_timeout: Option<std::time::Duration>) -> Limits {
    let deadline = deadline.map(|Deadline(at)| at);
    Limits { deadline, lock_timeout, ..Limits::default() }
}

/// The other side is gone.
struct Gone;

impl From<PeerError> for Gone {
    fn from(_: PeerError) -> Self {
        Self
    }
}

/// One stream, seen from the leader.
struct Server {
    core: Arc<Core>,
    outgoing: Box<dyn Outgoing>,
    inbox: Inbox<ToLeader>,
    /// A request that came while another was served.
    waiting: Option<ToLeader>,
    canceler: Canceler,
    /// The transaction's, until the other side knows that it has changed.
    catalog: Option<Arc<CatalogState>>,
}

impl Server {
    async fn send(&mut self, message: &FromLeader) -> Result<(), Gone> {
        let changed = self.catalog.as_ref().is_some_and(|state| state.committed().is_none());
        if changed && !matches!(message, FromLeader::Columns(_) | FromLeader::Rows(_)) {
            self.catalog = None;
            self.outgoing.send(wire::encode(&FromLeader::CatalogChanged)).await?;
        }
        Ok(self.outgoing.send(wire::encode(message)).await?)
    }

    /// Waits for `work`, minding cancellations and the other side's end.
    async fn minding<T>(&mut self, work: impl Future<Output = T>) -> Result<Option<T>, Gone> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                value = &mut work => return Ok(Some(value)),
                message = self.inbox.next(), if self.waiting.is_none() => match message {
                    None => return Err(Gone),
                    Some(ToLeader::Cancel) => self.canceler.cancel(),
                    Some(ToLeader::Enough) => return Ok(None),
                    Some(request) => self.waiting = Some(request),
                },
            }
        }
    }

    async fn serve_read(&mut self, query: Query, deadline: Option<Deadline>) -> Result<(), Gone> {
        if self.core.fence().is_none() {
            return self.send(&FromLeader::Refused(Refusal::NotLeader)).await;
        }
        let mut limits = limits(deadline, None);
        limits.cancel = self.canceler.clone();
        let core = self.core.clone();
        let started = async {
            match core.read_here(query, &limits, limits.cancel.start()) {
                Ok(pending) => pending.started().await,
                Err(error) => Err(error),
            }
        };
        match self.minding(started).await? {
            Some(Ok(Some(rows))) => self.send_rows(rows.interrupting()).await,
            Some(Ok(None)) => self.send(&FromLeader::SchemaChanged).await,
            Some(Err(error)) => self.send(&FromLeader::Failed(error)).await,
            None => Err(Gone),
        }
    }

    async fn send_rows(&mut self, mut rows: Rows) -> Result<(), Gone> {
        let columns = rows.columns().to_vec();
        self.send(&FromLeader::Columns(columns)).await?;
        loop {
            let message = match self.minding(rows.next()).await? {
                Some(Ok(Some(batch))) => FromLeader::Rows(batch),
                Some(Ok(None)) => FromLeader::Completed(rows.completion()),
                Some(Err(error)) => FromLeader::Failed(error),
                // Enough.
                None => FromLeader::Completed(rows.completion()),
            };
            let last = !matches!(message, FromLeader::Rows(_));
            if last {
                // A statement that isn't wanted any more is stopped before another begins.
                drop(rows);
                return self.send(&message).await;
            }
            self.send(&message).await?;
        }
    }

    /// Takes a file, and puts it in a database's place.
    async fn serve_load(
        &mut self,
        database: DatabaseId,
        deadline: Option<Deadline>,
    ) -> Result<(), Gone> {
        let mut limits = limits(deadline, None);
        limits.cancel = self.canceler.clone();
        let core = self.core.clone();
        let mut staged = match core.stage().await {
            Ok(staged) => staged,
            Err(error) => return self.send(&FromLeader::Failed(error)).await,
        };
        loop {
            let Some(ToLeader::Part(part)) = self.inbox.next().await else { return Err(Gone) };
            if part.is_empty() {
                break;
            }
            if let Err(error) = staged.append(part.into()).await {
                return self.send(&FromLeader::Failed(error)).await;
            }
        }
        let running = limits.cancel.start();
        let loading = core.load_here(database, &staged, &limits, &running);
        let message = match self.minding(Box::pin(loading)).await? {
            Some(Ok(index)) => FromLeader::Committed(index),
            Some(Err(Refusal::Error(error))) => FromLeader::Failed(error),
            Some(Err(refusal)) => FromLeader::Refused(refusal),
            None => return Err(Gone),
        };
        self.send(&message).await
    }

    async fn serve_transaction(&mut self, begin: Begin) -> Result<(), Gone> {
        let core = self.core.clone();
        let opening = async {
            check_fence(core.fence().ok_or(Refusal::NotLeader)?, begin.limits.under)?;
            let entry = core.entry(begin.database)?;
            let running = begin.limits.cancel.start();
            core.open_here(&entry, &begin, &running).await
        };
        let backend = match self.minding(opening).await? {
            Some(Ok(backend)) => backend,
            Some(Err(refusal)) => return self.send(&FromLeader::Refused(refusal)).await,
            None => return Err(Gone),
        };
        let mut transaction = Transaction::new(self.core.clone(), begin.database, backend);
        self.catalog = Some(transaction.catalog_state());
        let schema = transaction.committed_schema().unwrap_or_default();
        self.send(&FromLeader::Opened { schema }).await?;
        loop {
            let request = match self.waiting.take() {
                Some(request) => request,
                None => tokio::select! {
                    biased;
                    request = self.inbox.next() => request.ok_or(Gone)?,
                    error = transaction.lost() => {
                        return self.send(&FromLeader::Lost(error)).await;
                    }
                },
            };
            match request {
                ToLeader::Commit => {
                    let limits = Limits { cancel: self.canceler.clone(), ..Limits::default() };
                    // Its outcome is on its way, whether or not anybody hears of it.
                    let message = match transaction.commit(&limits).await {
                        Ok(index) => FromLeader::Committed(index),
                        Err(error) => FromLeader::Failed(error),
                    };
                    return self.send(&message).await;
                }
                ToLeader::Rollback => {
                    transaction.rollback().await;
                    return self.send(&FromLeader::Done).await;
                }
                request => self.serve_request(&mut transaction, request).await?,
            }
        }
    }

    /// A private transaction that took the write slot has a catalog of its own from then on.
    fn note_catalog(&mut self, transaction: &Transaction) {
        if let Some(told) = &mut self.catalog {
            let state = transaction.catalog_state();
            // Not what the other side was told that it began with.
            if told.committed() != state.committed() {
                state.change();
            }
            *told = state;
        }
    }

    async fn serve_request(
        &mut self,
        transaction: &mut Transaction,
        request: ToLeader,
    ) -> Result<(), Gone> {
        let mut limits = Limits { cancel: self.canceler.clone(), ..Limits::default() };
        let message = match request {
            ToLeader::Run { statement, deadline, lock_timeout } => {
                limits.deadline = deadline.map(|Deadline(at)| at);
                limits.lock_timeout = lock_timeout;
                let ran = self.minding(transaction.run_compiled(statement, &limits)).await?;
                self.note_catalog(transaction);
                match ran {
                    Some(Ok(Some(rows))) => return self.send_rows(rows).await,
                    Some(Ok(None)) => FromLeader::SchemaChanged,
                    Some(Err(error)) => FromLeader::Failed(error),
                    None => FromLeader::Failed(crate::engine::cancel::Stopped::Cancelled.error()),
                }
            }
            ToLeader::RunEach { sql, rows, deadline } => {
                limits.deadline = deadline.map(|Deadline(at)| at);
                match self.minding(transaction.run_each(sql, rows, &limits)).await? {
                    Some(Ok(completion)) => FromLeader::Completed(completion),
                    Some(Err(error)) => FromLeader::Failed(error),
                    None => FromLeader::Failed(crate::engine::cancel::Stopped::Cancelled.error()),
                }
            }
            ToLeader::Exclusive { deadline, lock_timeout } => {
                limits.deadline = deadline.map(|Deadline(at)| at);
                limits.lock_timeout = lock_timeout;
                let made = self.minding(transaction.make_exclusive(&limits)).await?;
                self.note_catalog(transaction);
                let cancelled = || crate::engine::cancel::Stopped::Cancelled.error();
                answer(made.unwrap_or_else(|| Err(cancelled())))
            }
            ToLeader::Mark { mark, depth } => answer(match mark {
                Mark::Set => transaction.savepoint(depth).await,
                Mark::RollBackTo => transaction.rollback_to(depth).await,
                Mark::Release => transaction.release(depth).await,
            }),
            ToLeader::Catalog => {
                let catalog = transaction.catalog().await;
                self.note_catalog(transaction);
                catalog.map_or_else(FromLeader::Failed, FromLeader::Catalog)
            }
            // For something that has ended already.
            ToLeader::Cancel | ToLeader::Enough => return Ok(()),
            // Served by the caller.
            ToLeader::Commit | ToLeader::Rollback | ToLeader::Part(_) => return Err(Gone),
            // For another kind of stream.
            ToLeader::Lock { .. } | ToLeader::Unlock { .. } | ToLeader::UnlockAll { .. } => {
                return Err(Gone);
            }
        };
        self.send(&message).await
    }
}

impl Server {
    /// Keeps a session's advisory locks for as long as the stream lasts.
    async fn serve_locks(&mut self, database: DatabaseId) -> Result<(), Gone> {
        let holder = match Holder::new(&self.core, database) {
            Ok(holder) => holder,
            Err(refusal) => return self.send(&FromLeader::Refused(refusal)).await,
        };
        self.send(&FromLeader::LocksOpened { fence: holder.fence }).await?;
        loop {
            let request = match self.waiting.take() {
                Some(request) => request,
                None => tokio::select! {
                    biased;
                    request = self.inbox.next() => request.ok_or(Gone)?,
                    () = holder.lost() => return self.send(&FromLeader::Lost(lost())).await,
                },
            };
            let message = match request {
                ToLeader::Lock { lock, wait, deadline, lock_timeout } => {
                    let limits = limits(deadline, lock_timeout);
                    let running = self.canceler.start();
                    let locked = self.minding(holder.lock(lock, wait, &limits, &running)).await?;
                    granted(locked.ok_or(Gone)?)
                }
                ToLeader::Unlock { lock } => granted(holder.unlock(lock)),
                ToLeader::UnlockAll { scope } => answer(holder.unlock_all(scope)),
                // For something that has ended already.
                ToLeader::Cancel => continue,
                _ => return Err(Gone),
            };
            self.send(&message).await?;
        }
    }
}

fn granted(locked: Result<bool, Error>) -> FromLeader {
    match locked {
        Ok(granted) => FromLeader::Granted(granted),
        Err(error) => FromLeader::Failed(error),
    }
}

fn answer(marked: Result<(), Error>) -> FromLeader {
    match marked {
        Ok(()) => FromLeader::Done,
        Err(error) => FromLeader::Failed(error),
    }
}
