//! What all of the engine's parts share.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::platform::watch;
use futures_util::future::BoxFuture;

use crate::engine::Options;
use crate::engine::activity::Activity;
use crate::engine::advisory::Advisory;
use crate::engine::cancel::lock;
use crate::engine::lane::Proposer;
use crate::engine::listen::Hub;
use crate::engine::observe::Observed;
use crate::engine::peers::Peers;
use crate::engine::rounds::ReadRounds;
use crate::engine::serve::Calls;
use crate::engine::short::ShortReads;
use crate::engine::store::{Entry, Making, OnFault, Store, dropped};
use crate::engine::verify::Verifying;
use crate::engine::workers::Workers;
use crate::model::command::{Applied, Command};
use crate::model::error::{Error, Fault};
use crate::model::id::DatabaseId;
use crate::model::member::Member;
use crate::platform::disk::Disk;
use crate::platform::task;
use crate::raft::{DatabaseState, Fence, Leadership, Node, ProposeError};

/// Threads that copy WALs and remove files.
const BACKGROUND_THREADS_MAX: usize = 2;
/// Jobs that wait for them.
const BACKGROUND_JOBS_MAX: usize = 1024;

/// The engine's parts.
#[derive(Debug)]
pub(super) struct Core {
    pub options: Options,
    pub me: Member,
    pub store: Store,
    pub readers: Workers,
    pub short: Arc<ShortReads>,
    pub background: Workers,
    pub on_fault: OnFault,
    pub calls: Calls,
    pub hub: Arc<Hub>,
    pub observed: Observed,
    pub activity: Activity,
    pub verifying: Verifying,
    pub advisory: Arc<Advisory>,
    proposer: Arc<RaftProposer>,
    /// Taken away at the end: Raft holds the databases, which hold this.
    attached: RwLock<Option<Arc<Attached>>>,
    /// Set while this node leads and may take writes.
    fence: Mutex<Option<Fence>>,
    /// Held while lanes are told, so that they hear of every change in order.
    telling: tokio::sync::Mutex<()>,
}

/// What is there once Raft runs.
#[derive(Debug)]
pub(super) struct Attached {
    pub node: Node,
    pub peers: Arc<dyn Peers>,
    pub leadership: watch::Receiver<Leadership>,
    pub rounds: ReadRounds,
    pub lease_rounds: ReadRounds,
}

impl Core {
    pub(super) fn open(
        options: Options,
        me: Member,
        disk: Arc<dyn Disk>,
        states: Option<Vec<DatabaseState>>,
        on_fault: OnFault,
    ) -> Result<Arc<Self>, Fault> {
        let proposer = Arc::new(RaftProposer::default());
        let hub: Arc<Hub> = Arc::default();
        let making = Making {
            options: options.clone(),
            node: me.id,
            disk,
            proposer: proposer.clone(),
            hub: hub.clone(),
            on_fault: on_fault.clone(),
        };
        let threads = options.sqlite.readers_max;
        Ok(Arc::new(Self {
            me,
            store: Store::open(making, states)?,
            readers: Workers::new("read", threads, options.queue_length_max),
            short: Arc::default(),
            background: Workers::new("background", BACKGROUND_THREADS_MAX, BACKGROUND_JOBS_MAX),
            on_fault,
            calls: Calls::default(),
            hub,
            observed: Observed::default(),
            activity: Activity::default(),
            verifying: Verifying::default(),
            advisory: Arc::default(),
            proposer,
            attached: RwLock::new(None),
            fence: Mutex::new(None),
            telling: tokio::sync::Mutex::new(()),
            options,
        }))
    }

    /// Connects the engine with Raft and the other nodes.
    pub(super) fn attach(self: &Arc<Self>, node: Node, peers: Arc<dyn Peers>) {
        let leadership = node.leadership();
        let attached = Arc::new(Attached {
            peers,
            leadership: leadership.clone(),
            rounds: ReadRounds::default(),
            lease_rounds: ReadRounds::default(),
            node: node.clone(),
        });
        *self.attached.write().unwrap_or_else(PoisonError::into_inner) = Some(attached);
        *self.proposer.0.write().unwrap_or_else(PoisonError::into_inner) = Some(node);
        task::spawn(follow_leadership(self.clone(), leadership));
    }

    /// 57P03 while the node starts.
    pub(super) fn attached(&self) -> Result<Arc<Attached>, Error> {
        let attached = self.attached.read().unwrap_or_else(PoisonError::into_inner);
        attached.clone().ok_or_else(Error::no_leader)
    }

    /// The opposite of [`Self::attach`].
    pub(super) fn detach(&self) {
        self.attached.write().unwrap_or_else(PoisonError::into_inner).take();
        self.proposer.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(super) fn fence(&self) -> Option<Fence> {
        *lock(&self.fence)
    }

    /// Tells the lanes. Requests are taken only between the lanes' knowing and the loss.
    async fn lead(&self, ready: Option<Fence>) {
        let _telling = self.telling.lock().await;
        if self.fence() == ready {
            return;
        }
        *lock(&self.fence) = None;
        self.advisory.lead(None);
        for entry in self.store.all() {
            // A lane that learns of two leaderships in a row sees the change between them.
            entry.lane.leadership(ready).await;
        }
        self.advisory.lead(ready);
        *lock(&self.fence) = ready;
    }

    /// Tells a new database's lane.
    pub(super) async fn introduce(&self, entry: &Entry) {
        let _telling = self.telling.lock().await;
        entry.lane.leadership(self.fence()).await;
    }

    pub(super) fn entry(&self, id: DatabaseId) -> Result<Arc<Entry>, Error> {
        self.store.get(id).ok_or_else(dropped)
    }
}

/// Tells every lane who leads, until Raft stops.
async fn follow_leadership(core: Arc<Core>, mut leadership: watch::Receiver<Leadership>) {
    loop {
        let ready = leadership.borrow_and_update().ready;
        core.lead(ready).await;
        if leadership.changed().await.is_err() {
            break;
        }
    }
    core.lead(None).await;
}

/// The lanes' way to Raft, which starts after them.
#[derive(Debug, Default)]
struct RaftProposer(RwLock<Option<Node>>);

impl RaftProposer {
    fn node(&self) -> Result<Node, ProposeError> {
        let node = self.0.read().unwrap_or_else(PoisonError::into_inner);
        node.clone().ok_or(ProposeError::NotLeader)
    }
}

impl Proposer for RaftProposer {
    fn propose(
        &self,
        command: Command,
        fence: Fence,
    ) -> BoxFuture<'static, Result<Applied, ProposeError>> {
        let node = self.node();
        Box::pin(async move { node?.propose(command, fence).await })
    }

    fn confirm(&self, fence: Fence) -> BoxFuture<'static, Result<(), ProposeError>> {
        let node = self.node();
        Box::pin(async move {
            let node = node?;
            node.read_index(false).await?;
            let ready = node.leadership().borrow().ready;
            if ready == Some(fence) { Ok(()) } else { Err(ProposeError::NotLeader) }
        })
    }
}
