//! One node's parts, the order in which they start and the order in which they stop.
//!
//! Start: data directory, listeners, log, engine, Raft, node-to-node server, then clients, then the
//! way into a cluster. Whatever can be refused is refused before anything is changed.
//!
//! Stop: no new clients, leadership handed over, running requests ended, node-to-node server, Raft,
//! log.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::platform::watch;
use tokio::sync::{mpsc, oneshot};

use crate::auth::Users;
use crate::config::{Config, parse_duration};
use crate::engine::{self, Engine};
use crate::model::error::Fault;
use crate::model::member::Member;
use crate::peer::{self, Identity};
use crate::platform::disk::{Disk, RealDisk};
use crate::platform::{clock, task};
use crate::raft;
use crate::raftlog::{self, RaftLog};
use crate::server::bootstrap::{self, Gathering};
use crate::server::discovery::Discovery;
use crate::server::encryption::Certificates;
use crate::server::extensions;
use crate::server::identity::DataDir;
use crate::server::inbound::Inbound;
use crate::server::join::{Failure, Joiner};
use crate::server::keyed::{self, Entrance};
use crate::server::listen::{Listener, Listeners};
use crate::server::meeting::Meeting;
use crate::server::reap::{self, Patience};
use crate::server::reception::Reception;
use crate::server::recover::Recovery;
use crate::server::setup::{HelloReply, Login};
use crate::server::transport::PeerTransport;
use crate::tls::Acceptor;
use crate::{backup, cdc, http, pg, sqlite};

/// Segments of the Raft log.
const SEGMENT_BYTES: u64 = 64 << 20;
/// Entries kept in memory for followers that are a little behind.
const LOG_CACHE_BYTES: usize = 32 << 20;
/// A transaction's pages are cut into entries of about this size.
const ENTRY_BYTES_MAX: usize = 1 << 20;
/// A part of the node has so long to stop.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Copying the WALs into the database files, which readers may hold up, has so long.
const CHECKPOINT_LIMIT: Duration = Duration::from_secs(10);
/// Pause between attempts to tell the cluster of changed addresses.
const ANNOUNCE_PAUSE: Duration = Duration::from_secs(3);

/// A part that runs by itself until its `stop` is set.
struct Part {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl Part {
    /// Runs what `start` makes of the signal to stop.
    fn spawn<F>(start: impl FnOnce(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let work = start(stopped);
        task::spawn(async move {
            work.await;
            // Nobody may wait for it.
            let _ = end.send(());
        });
        Self { stop, ended }
    }

    fn stop(&self) {
        self.stop.send_replace(true);
    }

    async fn ended(self) {
        if clock::timeout(STOP_LIMIT, self.ended).await.is_err() {
            tracing::debug!("a part of this node does not end in time");
        }
    }
}

/// How long a node that is alone looks whether it was told to join others.
const LOOK_LIMIT: Duration = Duration::from_secs(3);

/// A running node.
pub(super) struct Node {
    config: Config,
    me: Member,
    engine: Engine,
    raft: raft::Node,
    databases: Arc<dyn raft::Databases>,
    log: RaftLog,
    joiner: Joiner,
    meeting: Option<Arc<Meeting>>,
    clients: [Part; 2],
    /// Copies and changes on their way out.
    outgoing: Vec<Part>,
    /// What keeps the cluster in order.
    beside: Vec<Part>,
    peers: Part,
    /// Held until the end.
    _data: DataDir,
}

/// Listens to other nodes.
fn receive(
    listener: Listener,
    acceptor: Option<Acceptor>,
    identity: &Identity,
    reception: &Arc<Reception>,
) -> Part {
    let (identity, reception) = (identity.clone(), Arc::clone(reception));
    Part::spawn(|stop| peer::serve(listener.socket, acceptor, identity, reception, stop))
}

/// Raft's timers.
fn timing(config: &Config) -> raft::Timing {
    raft::Timing {
        heartbeat: config.heartbeat,
        election_timeout_min: config.election_timeout_min,
        election_timeout_max: config.election_timeout_max,
    }
}

fn engine_options(
    config: &Config,
    data: &DataDir,
    changes: Option<&cdc::Plan>,
    extensions: Vec<PathBuf>,
) -> engine::Options {
    engine::Options {
        data_dir: data.root.clone(),
        sqlite: sqlite::Options {
            foreign_keys: config.foreign_keys,
            transaction_bytes_max: config.transaction_bytes_max,
            cache_bytes: config.cache_bytes,
            readers_max: config.readers_max,
            deparse: Some(Arc::new(crate::sql::Deparser)),
            value_bytes_max: config.value_bytes_max,
            extensions,
            capturing: changes.map(|plan| Arc::new(plan.capturing())),
        },
        entry_bytes_max: ENTRY_BYTES_MAX,
        queue_length_max: config.waiting_writes_max,
        result_bytes_max: config.result_bytes_max,
        slow_statement: config.slow_statement,
    }
}

/// What removes silent nodes, where that is wanted.
fn reaper(config: &Config, raft: &raft::Node, engine: &Engine, me: &Member) -> Part {
    let patience =
        Patience { voters: config.reap_voters_after, read_only: config.reap_read_only_after };
    let (raft, engine, me) = (raft.clone(), engine.clone(), me.id);
    Part::spawn(move |stop| reap::run(raft, engine, me, patience, stop))
}

/// What says to others that this node leads, where they look for that.
fn reporter(joiner: &Joiner, raft: &raft::Node, engine: &Engine) -> Option<Part> {
    let Some(Discovery::Leader(registry)) = joiner.discovery.clone() else { return None };
    let (raft, engine, me) = (raft.clone(), engine.clone(), joiner.me.clone());
    Some(Part::spawn(move |stop| keyed::report(registry, raft, engine, me, stop)))
}

/// What the file of a flag says. Errors begin with the flag and the path.
fn by_file<T>(
    flag: &str,
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| parse(&text)).map_err(|why| format!("{flag} {}: {why}", path.display()))
}

/// Reads the file of users: who they are, and as whom of them this node joins.
fn users(config: &Config) -> Result<(Option<Arc<Users>>, Login), String> {
    let Some(path) = &config.auth else { return Ok((None, Login::default())) };
    by_file("-auth", path, |text| {
        let login = match &config.join_as {
            None => Login::default(),
            Some(name) => Login { name: name.clone(), password: Users::password(text, name)? },
        };
        Ok((Some(Arc::new(Users::parse(text)?)), login))
    })
}

/// Reads the file of `-auto-backup`.
fn backup_plan(config: &Config) -> Result<Option<backup::Plans>, String> {
    let Some(path) = &config.auto_backup else { return Ok(None) };
    let environment = std::env::vars().collect();
    let parse = |text: &str| backup::Plans::parse(text, &environment, parse_duration);
    by_file("-auto-backup", path, parse).map(Some)
}

/// Reads the file of `-auto-restore`.
fn restore_plan(config: &Config) -> Result<Option<backup::Restore>, String> {
    let Some(path) = &config.auto_restore else { return Ok(None) };
    let environment = std::env::vars().collect();
    let parse = |text: &str| backup::Restore::parse(text, &environment, parse_duration);
    by_file("-auto-restore", path, parse).map(Some)
}

/// Reads whom to ask for the others.
fn discovery(config: &Config) -> Result<Option<Discovery>, String> {
    let Some(mode) = &config.disco_mode else { return Ok(None) };
    let mut text = config.disco_config.clone();
    if !text.is_empty() && !text.trim_start().starts_with('{') {
        text = std::fs::read_to_string(&text)
            .map_err(|error| format!("-disco-config {}: {error}", config.disco_config))?;
    }
    let environment = std::env::vars().collect();
    Discovery::parse(mode, &config.disco_key, &text, &environment).map(Some)
}

/// Reads what `-cdc-config` says.
fn changes_plan(config: &Config) -> Result<Option<cdc::Plan>, String> {
    let Some(argument) = &config.cdc_config else { return Ok(None) };
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let plan = cdc::Plan::parse(argument, read, parse_duration);
    plan.map(Some).map_err(|why| format!("-cdc-config {argument}: {why}"))
}

fn member(config: &Config, data: &DataDir, listeners: &Listeners) -> Member {
    let raft_addr = listeners.raft.advertised.clone();
    let scheme = if config.encryption.http.is_some() { "https://" } else { "" };
    Member {
        id: data.store.node_id(),
        store: data.store,
        name: config.node_id.clone().unwrap_or_else(|| raft_addr.clone()),
        raft_addr,
        http_addr: format!("{scheme}{}", listeners.http.advertised),
        pg_addr: listeners.pg.advertised.clone(),
    }
}

/// What lies on disk, opened.
struct Stored {
    log: RaftLog,
    engine: Engine,
    faults: mpsc::Receiver<Fault>,
    report: mpsc::Sender<Fault>,
}

fn open(
    config: &Config,
    data: &DataDir,
    me: &Member,
    disk: &Arc<dyn Disk>,
    changes: Option<&cdc::Plan>,
) -> Result<Stored, Fault> {
    let limits = raftlog::Limits { segment_bytes: SEGMENT_BYTES, cache_bytes: LOG_CACHE_BYTES };
    // Before everything else: `identity` tells a lost log by what was made after it.
    let log = RaftLog::open(Arc::clone(disk), &data.log, data.store, limits)?;
    let states = raft::read_state(disk.as_ref(), &data.raft)?;
    let (report, faults) = mpsc::channel(1);
    let first = report.clone();
    let on_fault = move |fault: Fault| {
        // The first one stops the node; what follows from it is of no interest.
        drop(first.try_send(fault));
    };
    let extensions = extensions::gather(&config.extensions, &data.root).map_err(Fault::new)?;
    let options = engine_options(config, data, changes, extensions);
    let engine = Engine::open(options, me.clone(), Arc::clone(disk), states, on_fault)?;
    Ok(Stored { log, engine, faults, report })
}

impl Node {
    /// Starts everything but the way into a cluster. The receiver gets something when the node must
    /// not go on.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) async fn start(config: Config) -> Result<(Self, mpsc::Receiver<Fault>), String> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let mut access = Access::read(&config)?;
        let data = DataDir::open(disk.as_ref(), &config.data_dir)?;
        let listeners = Listeners::bind(&config).await?;
        let me = member(&config, &data, &listeners);
        let text = |fault: Fault| fault.message;
        let Stored { log, engine, faults, report } =
            open(&config, &data, &me, &disk, access.changes.as_ref()).map_err(text)?;
        let identity =
            Identity { node: me.id, store: me.store, cluster: Arc::new(OnceLock::new()) };
        let (node_acceptor, node_connector) = access.certificates.node.clone().unzip();
        let client = peer::Client::new(identity.clone(), node_connector);
        let Listeners { http, pg, raft: raft_listener } = listeners;
        let reception = Arc::new(Reception::new());
        let peers = receive(raft_listener, node_acceptor, &identity, &reception);
        let patience = config.bootstrap_expect_timeout;
        let recovery = Recovery::new((&data, disk.as_ref()), &log, &me, &client, patience);
        recovery.run(&identity.cluster, &reception).await?;
        let databases = engine.replica();
        let start = raft::Start {
            me: me.clone(),
            timing: timing(&config),
            log: log.clone(),
            directory: data.raft.clone(),
            disk,
            databases: Arc::clone(&databases),
            transport: Arc::new(PeerTransport(client.clone())),
            log_bytes_max: config.raft_log_bytes,
            quarantine: true,
        };
        let raft = raft::Node::start(start).await.map_err(text)?;
        if let Some(cluster) = raft.cluster() {
            identity.cluster.get_or_init(|| cluster);
        }
        engine.attach(raft.clone(), client.clone());
        let gathers = config.bootstrap_expect > 1 && raft.cluster().is_none();
        let meeting = gathers.then(|| Arc::new(Meeting::new(me.clone(), config.bootstrap_expect)));
        reception.open(Arc::new(Inbound {
            me: me.clone(),
            identity: identity.clone(),
            raft: raft.clone(),
            engine: engine.clone(),
            users: access.users.clone(),
            meeting: meeting.clone(),
            contact_max: 2 * config.election_timeout_max,
        }));
        let fresh = raft.cluster().is_none();
        let (outgoing, held) = access.work_beside(&engine, &me, fresh.then_some(report));
        let reaper = reaper(&config, &raft, &engine, &me);
        let joiner = access.joiner(client, identity, &me, config.non_voter);
        let reporter = reporter(&joiner, &raft, &engine);
        let clients = serve_clients(&config, &me, &engine, access, (http, pg, held));
        let node = Self {
            config,
            me,
            engine,
            raft,
            databases,
            log,
            joiner,
            meeting,
            clients,
            outgoing,
            beside: [Some(reaper), reporter].into_iter().flatten().collect(),
            peers,
            _data: data,
        };
        Ok((node, faults))
    }

    /// Says where everybody may connect.
    pub(super) fn greet(&self) {
        let Member { id, name, raft_addr, pg_addr, .. } = &self.me;
        tracing::info!("HTTP        {}", self.me.http_url());
        tracing::info!("PostgreSQL  postgres://{pg_addr}/postgres");
        tracing::info!("Raft        {raft_addr}  (node {name}, id {id}, {})", self.role());
    }

    fn role(&self) -> String {
        let known = self.raft.members();
        match known.iter().find(|(member, _)| member.id == self.me.id) {
            Some((_, true)) if known.len() == 1 => "the only member".to_owned(),
            Some((_, true)) => format!("one of {} members", known.len()),
            Some((_, false)) => "read-only member".to_owned(),
            None if self.meeting.is_some() => {
                format!("waiting for {} nodes to meet", self.config.bootstrap_expect)
            }
            None if !self.config.looks_for_others() => "new cluster".to_owned(),
            None => "joining".to_owned(),
        }
    }

    /// Sees to it that this node is in a cluster.
    pub(super) async fn enter_cluster(&self) -> Result<(), String> {
        let members = self.raft.members();
        if let Some((known, _)) = members.iter().find(|(member, _)| member.id == self.me.id) {
            self.refuse_to_be_another(known, &members)?;
            self.refuse_to_be_two(known).await?;
            if members.len() == 1 && self.config.looks_for_others() {
                let look = self.joiner.refuse_another_cluster(&self.config.join);
                clock::timeout(LOOK_LIMIT, look).await.unwrap_or(Ok(()))?;
            }
            self.announce();
            return Ok(());
        }
        if let Some(meeting) = &self.meeting {
            let (joiner, raft, config) = (&self.joiner, &self.raft, &self.config);
            return Gathering { joiner, raft, meeting, config }.run().await;
        }
        if let Some(Discovery::Leader(registry)) = &self.joiner.discovery
            && self.raft.cluster().is_none()
        {
            let (joiner, raft) = (&self.joiner, &self.raft);
            let interval = self.config.join_interval;
            return Entrance { joiner, raft, registry, interval }.run().await;
        }
        if self.config.looks_for_others() && self.config.bootstrap_expect != 1 {
            let Config { join, join_attempts, join_interval, .. } = &self.config;
            let is_member = || self.raft.members().iter().any(|(it, _)| it.id == self.me.id);
            self.joiner.join(join, *join_attempts, *join_interval, is_member).await?;
            tracing::info!("joined the cluster");
            self.announce();
            return Ok(());
        }
        if self.raft.cluster().is_some() {
            return Err("this node was removed from its cluster: to add it again, start it with \
                        -join and an empty data directory"
                .to_owned());
        }
        if self.config.non_voter {
            return Err(
                "-raft-non-voter needs -join: a node without vote can't be alone".to_owned()
            );
        }
        bootstrap::alone(&self.raft, &self.joiner.identity, &self.me).await
    }

    /// Data directories were swapped, or the flags of two nodes.
    fn refuse_to_be_another(
        &self,
        known: &Member,
        members: &[(Member, bool)],
    ) -> Result<(), String> {
        let Self { me, .. } = self;
        if members.iter().any(|(other, _)| other.id != me.id && other.name == me.name) {
            return Err(format!(
                "this data directory belongs to the member {0}, and {1} is another one: start it with -node-id {0}, \
                 at the address {2}",
                known.name, me.name, known.raft_addr
            ));
        }
        Ok(())
    }

    /// `known` is where the members think that this node is. If it still runs there, this is a copy of its directory,
    /// and the two would vote twice.
    async fn refuse_to_be_two(&self, known: &Member) -> Result<(), String> {
        let Member { name, raft_addr, .. } = known;
        if *raft_addr == self.me.raft_addr {
            return Ok(());
        }
        let asked = clock::timeout(LOOK_LIMIT, self.joiner.hello(raft_addr)).await;
        let Ok(Ok(HelloReply { me, .. })) = asked else { return Ok(()) };
        if me.store != self.me.store || me.raft_addr == self.me.raft_addr {
            return Ok(());
        }
        Err(format!(
            "node {name} runs already, at {raft_addr}: this is a copy of its data directory. To add a node, start it \
             with an empty directory and -join; to move node {name}, stop it there first"
        ))
    }

    /// Brings the membership up to date in the background, if this node's addresses have changed, or if it
    /// was stopped before it got the vote that it joined for.
    fn announce(&self) {
        let (raft, joiner, me) = (self.raft.clone(), self.joiner.clone(), self.me.clone());
        let wants_vote = !self.config.non_voter;
        task::spawn(async move {
            while let Some(votes) = outdated(&raft, &me, wants_vote) {
                let joiner = Joiner { read_only: !votes, ..joiner.clone() };
                if let Err(Failure::Never(why)) = announce(&raft, &joiner).await {
                    tracing::warn!("the cluster does not take this node as it is now: {why}");
                    return;
                }
                clock::sleep(ANNOUNCE_PAUSE).await;
            }
        });
    }

    /// Stops in good order.
    pub(super) async fn stop(self) {
        self.clients.iter().chain(&self.outgoing).chain(&self.beside).for_each(Part::stop);
        self.step_aside().await;
        for part in self.clients.into_iter().chain(self.outgoing).chain(self.beside) {
            part.ended().await;
        }
        self.peers.stop();
        self.peers.ended().await;
        self.raft.shutdown().await;
        // So that the next start finds everything in the database files. If it fails, or takes too
        // long, the log has it.
        match clock::timeout(CHECKPOINT_LIMIT, self.databases.checkpoint()).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => tracing::error!("write the databases out: {fault}"),
            Err(_) => tracing::info!("the next start will read the end of the log again"),
        }
        self.log.close();
    }

    /// Leaves the cluster, or at least its leadership, if the operator wants that.
    async fn step_aside(&self) {
        let others = self.raft.members().iter().any(|(member, _)| member.id != self.me.id);
        if !others {
            return;
        }
        if self.config.remove_on_shutdown {
            match self.engine.remove(&self.me.name, STOP_LIMIT).await {
                Ok(()) => tracing::info!("this node has left the cluster"),
                Err(error) => tracing::warn!("this node could not leave the cluster: {error}"),
            }
        }
        let leads = self.engine.is_leader();
        if leads && self.config.stepdown_on_shutdown {
            let moved = clock::timeout(STOP_LIMIT, self.raft.transfer(None)).await;
            if !matches!(moved, Ok(Ok(()))) {
                tracing::warn!("no other node has taken the leadership over; it will be elected");
            }
        }
    }
}

/// Whether the membership has other addresses for this node, or no vote though it wants one; if so, whether
/// it is to vote.
fn outdated(raft: &raft::Node, me: &Member, wants_vote: bool) -> Option<bool> {
    let members = raft.members();
    let (known, votes) = members.iter().find(|(member, _)| member.id == me.id)?;
    (known != me || wants_vote && !votes).then_some(*votes || wants_vote)
}

async fn announce(raft: &raft::Node, joiner: &Joiner) -> Result<(), Failure> {
    let leader = raft.leadership().borrow().leader.clone();
    let me = &joiner.me;
    if leader.is_some_and(|leader| leader.id == me.id) {
        let added = raft.add(me.clone(), joiner.read_only).await;
        return added.map_err(|error| Failure::Now(format!("{error:?}")));
    }
    let mut last = Failure::Now("no other member".to_owned());
    for (member, _) in raft.members() {
        if member.id == me.id {
            continue;
        }
        match joiner.enter(&member.raft_addr).await {
            Err(failure @ Failure::Now(_)) => last = failure,
            settled => return settled,
        }
    }
    Err(last)
}

/// What other files than the data's say: who is let in, and how; what is copied.
struct Access {
    users: Option<Arc<Users>>,
    certificates: Certificates,
    plan: Option<backup::Plans>,
    changes: Option<cdc::Plan>,
    restore: Option<backup::Restore>,
    discovery: Option<Discovery>,
    /// As whom to join.
    login: Login,
}

impl Access {
    fn read(config: &Config) -> Result<Self, String> {
        let certificates = Certificates::read(&config.encryption, config.joins_https())?;
        let ((users, login), plan) = (users(config)?, backup_plan(config)?);
        let (changes, restore) = (changes_plan(config)?, restore_plan(config)?);
        let discovery = discovery(config)?;
        Ok(Self { users, certificates, plan, changes, restore, discovery, login })
    }

    /// What asks others to be let in.
    fn joiner(
        &mut self,
        client: peer::Client,
        identity: Identity,
        me: &Member,
        read_only: bool,
    ) -> Joiner {
        let https = self.certificates.https.clone();
        let discovery = self.discovery.take();
        let login = std::mem::take(&mut self.login);
        Joiner { client, identity, me: me.clone(), read_only, login, https, discovery }
    }

    /// Starts what runs beside clients: copies, changes on their way out, and a copy to begin with, for a
    /// node that has no data (`report`). The receiver says whether nobody should use this node yet.
    fn work_beside(
        &mut self,
        engine: &Engine,
        me: &Member,
        report: Option<mpsc::Sender<Fault>>,
    ) -> (Vec<Part>, watch::Receiver<bool>) {
        let restore = self.restore.take().zip(report);
        let (hold, held) = watch::channel(restore.is_some());
        let parts = [
            self.plan.take().map(|plan| back_up(engine, plan)),
            self.changes.take().map(|plan| publish(engine, plan, me)),
            restore.map(|(plan, report)| begin_with(engine, plan, hold, report)),
        ];
        (parts.into_iter().flatten().collect(), held)
    }
}

/// Has a new cluster begin with a copy.
fn begin_with(
    engine: &Engine,
    plan: backup::Restore,
    hold: watch::Sender<bool>,
    report: mpsc::Sender<Fault>,
) -> Part {
    let engine = engine.clone();
    Part::spawn(|stop| async move {
        if let Err(why) = backup::at_start(&engine, &plan, &hold, stop).await {
            // Another fault stops the node as well.
            drop(report.try_send(Fault::new(why)));
        }
    })
}

fn publish(engine: &Engine, plan: cdc::Plan, me: &Member) -> Part {
    let (engine, name) = (engine.clone(), me.name.clone());
    Part::spawn(|stop| cdc::run(engine, plan, name, stop))
}

fn back_up(engine: &Engine, plan: backup::Plans) -> Part {
    let engine = engine.clone();
    Part::spawn(|stop| backup::run(engine, plan, stop))
}

fn serve_clients(
    config: &Config,
    me: &Member,
    engine: &Engine,
    Access { users, certificates, .. }: Access,
    (http, pg, held): (Listener, Listener, watch::Receiver<bool>),
) -> [Part; 2] {
    let http_options = Arc::new(http::Options {
        data_dir: config.data_dir.clone(),
        node_name: me.name.clone(),
        http_addr: me.http_host().to_owned(),
        raft_addr: me.raft_addr.clone(),
        heartbeat_timeout: config.election_timeout_min,
        election_timeout: 2 * config
            .election_timeout_max
            .saturating_sub(config.election_timeout_min),
        reap_voters_after: config.reap_voters_after,
        reap_read_only_after: config.reap_read_only_after,
        foreign_keys: config.foreign_keys,
        extensions: extensions::names(engine.extensions()),
        disco_mode: config.disco_mode.clone(),
        users: users.clone(),
        allow_origin: config.http_allow_origin.clone(),
        tls: certificates.http,
        queue: http::QueueOptions {
            requests_max: config.queue_requests_max,
            batch_max: config.queue_batch_max,
            delay_max: config.queue_delay_max,
            transaction: config.queue_transaction,
        },
        captures_changes: config.cdc_config.is_some(),
        held,
        wants_vote: !config.non_voter,
    });
    let pg_options = Arc::new(pg::Options {
        connections_max: config.pg_connections_max,
        message_bytes_max: config.pg_message_bytes_max,
        users,
        encryption: pg::Encryption {
            acceptor: certificates.pg,
            required: config.encryption.pg_required,
        },
    });
    let report = |result: std::io::Result<()>, what: &str| {
        if let Err(error) = result {
            tracing::error!("the {what} listener has stopped: {error}");
        }
    };
    let (http_engine, pg_engine) = (engine.clone(), engine.clone());
    let http = Part::spawn(move |stop| async move {
        report(http::serve(http.socket, http_engine, http_options, stop).await, "HTTP");
    });
    let pg = Part::spawn(move |stop| async move {
        report(pg::serve(pg.socket, pg_engine, pg_options, stop).await, "PostgreSQL");
    });
    [http, pg]
}
