//! Builds one node out of all the other modules, and takes it down again. The only place that sees
//! every part, and the only one that meets a [`Fault`](crate::model::error::Fault).

mod admit;
mod bootstrap;
mod consul;
mod discover;
mod discovery;
mod encryption;
mod etcd;
mod extensions;
mod identity;
mod inbound;
mod join;
mod keyed;
mod listen;
mod logging;
mod meeting;
mod node;
mod packed;
mod reap;
mod reception;
mod recover;
mod registry;
mod setup;
mod transport;

use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::server::node::Node;

/// Of each thread that runs statements: expressions nest deeply, and a cursor's statement runs inside
/// another. Memory is taken as it is used.
const STACK_BYTES: usize = 16 << 20;

/// Runs a node until it is told to stop (SIGTERM, SIGINT: exit status 0) or can't go on (1).
pub fn run(config: Config) -> ExitCode {
    logging::start(&config.log_level, &config.raft_log_level, config.log_json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("eider")
        .thread_stack_size(STACK_BYTES)
        .worker_threads(worker_threads(config.worker_threads))
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(serve(config));
    // What still runs has had its time, or must not go on.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            tracing::error!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// How many threads serve connections. Each wakes another one when there is more to do than it does
/// itself, which costs a small machine more than it gains.
fn worker_threads(wanted: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if wanted > 0 { wanted } else { cores.saturating_sub(1).max(1) }
}

async fn serve(config: Config) -> Result<(), String> {
    let mut signals = Signals::new()?;
    let (node, mut faults) = tokio::select! {
        started = Node::start(config) => started?,
        () = signals.next() => return Ok(()),
    };
    node.greet();
    let live = async {
        node.enter_cluster().await?;
        std::future::pending::<Result<(), String>>().await
    };
    let ended = tokio::select! {
        ended = live => ended,
        () = signals.next() => Ok(()),
        // The engine keeps the other end.
        Some(fault) = faults.recv() => return Err(format!("this node stops: {fault}")),
    };
    if ended.is_ok() {
        tracing::info!("stopping");
    }
    tokio::select! {
        () = node.stop() => ended,
        () = signals.next() => Err("told to stop again: stopping at once".to_owned()),
        Some(fault) = faults.recv() => Err(format!("this node stops: {fault}")),
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("listen for signals: {error}"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
