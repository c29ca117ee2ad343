//! Advisory locks: kept by the leader, in memory, for all sessions of the cluster.
//!
//! A session elsewhere holds its locks by a stream to the leader; they go when the stream ends. With
//! the leadership all locks are gone: another session may have them from the next leader on.
//!
//! Invariant: a session that holds locks writes under the leadership that gave them ([`Limits::under`])
//! or not at all. So whoever has lost a lock can't change anything that its next holder relies on,
//! even if nobody has told it yet.

mod table;

use std::sync::{Arc, Mutex};

use crate::engine::cancel::{Running, lock, until};
use crate::engine::core::Core;
use crate::engine::forward::{self, unexpected};
use crate::engine::inbox::Inbox;
use crate::engine::lane::Refusal;
use crate::engine::peers::Outgoing;
use crate::engine::route::{Route, Search, until_slot};
use crate::engine::wire::{self, Deadline, FromLeader, OpenStream, ToLeader};
use crate::engine::{Engine, Limits};
use crate::model::advisory::{AdvisoryLock, AdvisoryScope};
use crate::model::error::{Class, Error, SqlState};
use crate::model::id::DatabaseId;
use crate::model::member::Member;
use crate::platform::watch;
use crate::raft::Fence;

use self::table::{Asked, Owner, Table};

/// The locks of a leader.
#[derive(Debug)]
pub(super) struct Advisory {
    state: Mutex<State>,
    /// Changes with everything that somebody may wait for.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    table: Table,
    fence: Option<Fence>,
    owners: Owner,
}

impl Default for Advisory {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Advisory {
    /// Under another leadership nobody holds anything.
    pub(super) fn lead(&self, fence: Option<Fence>) {
        let mut state = lock(&self.state);
        if state.fence != fence {
            let owners = state.owners;
            *state = State { fence, owners, ..State::default() };
            drop(state);
            self.tell();
        }
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

/// One session's locks on the leader. Dropping it releases them.
#[derive(Debug)]
pub(super) struct Holder {
    advisory: Arc<Advisory>,
    database: DatabaseId,
    owner: Owner,
    pub(super) fence: Fence,
}

impl Holder {
    pub(super) fn new(core: &Core, database: DatabaseId) -> Result<Self, Refusal> {
        core.entry(database)?;
        let advisory = Arc::clone(&core.advisory);
        let mut state = lock(&advisory.state);
        let fence = state.fence.ok_or(Refusal::NotLeader)?;
        state.owners += 1;
        let owner = state.owners;
        drop(state);
        Ok(Self { advisory, database, owner, fence })
    }

    fn is_lost(&self) -> bool {
        lock(&self.advisory.state).fence != Some(self.fence)
    }

    pub(super) async fn lost(&self) {
        let mut changed = self.advisory.changed.subscribe();
        while !self.is_lost() {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Table) -> T) -> Result<T, Error> {
        let mut state = lock(&self.advisory.state);
        if state.fence == Some(self.fence) { Ok(change(&mut state.table)) } else { Err(lost()) }
    }

    /// Whether it was granted; always, if it is waited for.
    pub(super) async fn lock(
        &self,
        wanted: AdvisoryLock,
        wait: bool,
        limits: &Limits,
        running: &Running,
    ) -> Result<bool, Error> {
        let _waiting = Waiting(self);
        let granted = async {
            let mut changed = self.advisory.changed.subscribe();
            loop {
                match self.with(|table| table.ask(self.owner, self.database, wanted, wait))? {
                    Asked::Granted => return Ok(true),
                    Asked::Busy if !wait => return Ok(false),
                    Asked::Busy => {}
                    Asked::Deadlock => return Err(deadlock()),
                    Asked::TooMany => return Err(too_many()),
                }
                changed.changed().await.map_err(|_| lost())?;
            }
        };
        until_slot(limits, running, granted).await.unwrap_or_else(|stopped| Err(stopped.error()))
    }

    pub(super) fn unlock(&self, held: AdvisoryLock) -> Result<bool, Error> {
        let released = self.with(|table| table.release(self.owner, self.database, held));
        self.advisory.tell();
        released
    }

    pub(super) fn unlock_all(&self, scope: AdvisoryScope) -> Result<(), Error> {
        let released = self.with(|table| table.release_scope(self.owner, scope));
        self.advisory.tell();
        released
    }
}

/// Takes a wait back.
struct Waiting<'a>(&'a Holder);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Lost with all else, or done.
        let given_up = self.0.with(|table| table.give_up(self.0.owner));
        if given_up.is_ok() {
            self.0.advisory.tell();
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // If it is lost there is nothing to release.
        if self.with(|table| table.release_owner(self.owner)).is_ok() {
            self.advisory.tell();
        }
    }
}

/// 57P01: what a session's locks protect isn't protected any more, so the session ends.
pub(super) fn lost() -> Error {
    Error::new(
        Class::Retry,
        SqlState::ADMIN_SHUTDOWN,
        "terminating connection because its advisory locks were lost with the leader",
    )
    .with_hint("Connect again and take the locks anew.")
}

fn deadlock() -> Error {
    Error::new(Class::Retry, SqlState::DEADLOCK_DETECTED, "deadlock detected")
        .with_detail("The session waits for an advisory lock of one that waits for it.")
        .with_hint("Try again.")
}

fn too_many() -> Error {
    Error::limit(SqlState::OUT_OF_MEMORY, "out of shared memory")
        .with_hint("A session can hold 10000 advisory locks at the most.")
}

/// Whether a request may go this way: a session with locks writes under the leadership that gave them.
///
/// # Errors
/// 57P01 if it may not.
pub(super) fn check_route(route: &Route, under: Option<Fence>) -> Result<(), Error> {
    let Some(fence) = under else { return Ok(()) };
    let same = match route {
        Route::Here(now) => *now == fence,
        Route::There(leader) => leader.id == fence.leader,
    };
    if same { Ok(()) } else { Err(lost()) }
}

/// As [`check_route`], where the request has arrived.
pub(super) fn check_fence(now: Fence, under: Option<Fence>) -> Result<(), Error> {
    if under.is_none_or(|fence| fence == now) { Ok(()) } else { Err(lost()) }
}

/// A session's advisory locks, wherever the leader is. Dropping it releases them.
pub struct AdvisoryLocks {
    core: Arc<Core>,
    backend: Backend,
    fence: Fence,
}

enum Backend {
    Local(Holder),
    Remote { leader: Member, outgoing: Box<dyn Outgoing>, inbox: Inbox<FromLeader>, broken: bool },
}

impl std::fmt::Debug for AdvisoryLocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdvisoryLocks").field("fence", &self.fence).finish_non_exhaustive()
    }
}

impl Engine {
    /// Makes a session known to the leader; it holds no lock yet.
    ///
    /// # Errors
    /// 57P03, 57014.
    pub async fn advisory_locks(
        &self,
        database: DatabaseId,
        limits: &Limits,
    ) -> Result<AdvisoryLocks, Error> {
        let running = limits.cancel.start();
        let mut search = Search::new();
        loop {
            let route = self.core.route(&search, limits, &running).await?;
            let opened = match &route {
                Route::Here(_) => Holder::new(&self.core, database).map(|holder| {
                    let fence = holder.fence;
                    (Backend::Local(holder), fence)
                }),
                Route::There(leader) => {
                    let opening = self.core.locks_there(leader, database);
                    match until(limits.deadline, &running.token, opening).await {
                        Ok(opened) => opened,
                        Err(stopped) => return Err(stopped.error()),
                    }
                }
            };
            match opened {
                Ok((backend, fence)) => {
                    return Ok(AdvisoryLocks { core: self.core.clone(), backend, fence });
                }
                Err(refusal) => search.again(&self.core, refusal, route)?,
            }
        }
    }
}

impl Core {
    async fn locks_there(
        &self,
        leader: &Member,
        database: DatabaseId,
    ) -> Result<(Backend, Fence), Refusal> {
        let open = OpenStream::Locks { database };
        let (outgoing, mut inbox) = self.open_stream(leader, &open).await?;
        match inbox.next().await {
            Some(FromLeader::LocksOpened { fence }) => {
                let leader = leader.clone();
                Ok((Backend::Remote { leader, outgoing, inbox, broken: false }, fence))
            }
            Some(FromLeader::Refused(refusal)) => Err(refusal),
            _ => Err(Refusal::NotLeader),
        }
    }
}

impl AdvisoryLocks {
    /// For [`Limits::under`], as long as it holds any.
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// Whether they were lost, as far as is known here.
    pub fn is_lost(&self) -> bool {
        match &self.backend {
            Backend::Local(holder) => holder.is_lost(),
            Backend::Remote { leader, broken, .. } => {
                let attached = self.core.attached();
                *broken
                    || attached.is_ok_and(|attached| {
                        let now = attached.leadership.borrow();
                        now.ready.is_some()
                            || now.leader.as_ref().is_some_and(|other| other.id != leader.id)
                    })
            }
        }
    }

    /// Why the session has to end then.
    pub fn loss() -> Error {
        lost()
    }

    /// Resolves when they are lost.
    pub async fn lost(&mut self) {
        match &mut self.backend {
            Backend::Local(holder) => holder.lost().await,
            Backend::Remote { broken: true, .. } => {}
            Backend::Remote { leader, inbox, broken, .. } => {
                let Ok(attached) = self.core.attached() else { return };
                let deposed = std::pin::pin!(forward::deposed(&attached, leader));
                // Unasked, the leader says only that they are lost.
                let said = std::pin::pin!(inbox.next());
                futures_util::future::select(said, deposed).await;
                *broken = true;
            }
        }
    }

    /// Takes a lock. `false`: others have it, and it wasn't to be waited for.
    ///
    /// # Errors
    /// 40P01, 55P03, 57014; 57P01 if all locks are lost.
    pub async fn lock(
        &mut self,
        wanted: AdvisoryLock,
        wait: bool,
        limits: &Limits,
    ) -> Result<bool, Error> {
        let running = limits.cancel.start();
        if let Backend::Local(holder) = &self.backend {
            return holder.lock(wanted, wait, limits, &running).await;
        }
        let deadline = limits.deadline.map(Deadline);
        let lock_timeout = limits.lock_timeout;
        let request = ToLeader::Lock { lock: wanted, wait, deadline, lock_timeout };
        match self.ask(&request, Some(&running)).await? {
            FromLeader::Granted(granted) => Ok(granted),
            FromLeader::Failed(error) => Err(error),
            _ => Err(unexpected()),
        }
    }

    /// Gives one hold of a lock up; whether there was one.
    ///
    /// # Errors
    /// 57P01 if all locks are lost.
    pub async fn unlock(&mut self, held: AdvisoryLock) -> Result<bool, Error> {
        if let Backend::Local(holder) = &self.backend {
            return holder.unlock(held);
        }
        match self.ask(&ToLeader::Unlock { lock: held }, None).await? {
            FromLeader::Granted(released) => Ok(released),
            FromLeader::Failed(error) => Err(error),
            _ => Err(unexpected()),
        }
    }

    /// Gives up all of a scope.
    ///
    /// # Errors
    /// 57P01 if all locks are lost.
    pub async fn unlock_all(&mut self, scope: AdvisoryScope) -> Result<(), Error> {
        if let Backend::Local(holder) = &self.backend {
            return holder.unlock_all(scope);
        }
        match self.ask(&ToLeader::UnlockAll { scope }, None).await? {
            FromLeader::Done => Ok(()),
            FromLeader::Failed(error) => Err(error),
            _ => Err(unexpected()),
        }
    }

    /// Asks the leader elsewhere. Requests follow each other; only a cancellation comes in between.
    async fn ask(
        &mut self,
        request: &ToLeader,
        running: Option<&Running>,
    ) -> Result<FromLeader, Error> {
        let Backend::Remote { leader, outgoing, inbox, broken } = &mut self.backend else {
            return Err(Error::internal("the locks are here"));
        };
        // Until it is answered: what is dropped half-way can't be used any more.
        if std::mem::replace(broken, true) {
            return Err(lost());
        }
        let attached = self.core.attached()?;
        let mut deposed = std::pin::pin!(forward::deposed(&attached, leader));
        outgoing.send(wire::encode(request)).await.map_err(|_| lost())?;
        let mut cancelled = false;
        loop {
            let cancel = async {
                match running {
                    Some(running) if !cancelled => running.token.cancelled().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                answer = inbox.next() => return match answer {
                    Some(FromLeader::Lost(error)) => Err(error),
                    Some(answer) => {
                        *broken = false;
                        Ok(answer)
                    }
                    None => Err(lost()),
                },
                () = &mut deposed => return Err(lost()),
                () = cancel => {
                    cancelled = true;
                    outgoing.send(wire::encode(&ToLeader::Cancel)).await.map_err(|_| lost())?;
                }
            }
        }
    }
}
