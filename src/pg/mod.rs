//! The PostgreSQL wire protocol. The only home of pgwire.
//!
//! A client's bytes go through `framing` (cut into messages, under limits), `decode` (each
//! message checked), the loop in `connection`, into the session; answers come back through
//! `encode`. pgwire's own decoder is not used: it buffers and panics on what strangers send.

mod authenticate;
mod charset;
mod connection;
mod copy;
mod copying;
mod decode;
mod encode;
mod error;
mod extended;
mod framing;
mod startup;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crate::platform::watch;
use futures_util::FutureExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[cfg(any(test, fuzzing))]
pub(crate) use decode::read_any;

use crate::auth::Users;
use crate::engine::Engine;
use crate::platform::{clock, task};
use crate::session::Backends;
use crate::tls::Acceptor;

/// Limits of the listener.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections at the most: 53300 above.
    pub connections_max: usize,
    /// The largest message, in bytes.
    pub message_bytes_max: usize,
    /// `None`: everybody is let in.
    pub users: Option<Arc<Users>>,
    pub encryption: Encryption,
}

/// Whether connections are encrypted.
#[derive(Debug, Clone, Default)]
pub struct Encryption {
    /// `None`: it isn't offered.
    pub acceptor: Option<Acceptor>,
    /// Whether sessions without it are refused.
    pub required: bool,
}

/// Connections beyond the limit that are told so at a time; others are just closed.
const REFUSALS_MAX: usize = 64;
/// How long to wait when no connection can be accepted (no file descriptor left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// When a silent connection is probed, how often, and after how long it is given up.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// What all connections of a listener share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    engine: Engine,
    options: Arc<Options>,
    backends: Backends,
    stop: watch::Receiver<bool>,
}

/// Serves PostgreSQL clients on `listener` until `stop` changes, then ends idle sessions with
/// 57P01 and returns once all are gone. Sessions with a running statement have some seconds.
///
/// # Errors
/// None at present: what goes wrong with accepting is logged and tried again.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    options: Arc<Options>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let connections = Arc::new(Semaphore::new(options.connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let connections_max = options.connections_max;
    let shared = Shared { engine, options, backends: Backends::default(), stop: stop.clone() };
    let mut stopped = stop;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accept a PostgreSQL connection");
                clock::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "set options of a PostgreSQL connection");
        }
        let (permit, full) = match Arc::clone(&connections).try_acquire_owned() {
            Ok(permit) => (permit, false),
            Err(_) => match Arc::clone(&refusals).try_acquire_owned() {
                Ok(permit) => (permit, true),
                Err(_) => continue,
            },
        };
        task::spawn(guarded(stream, shared.clone(), full, permit));
    }
    drop(listener);
    for (all, count) in [(connections, connections_max), (refusals, REFUSALS_MAX)] {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        // The semaphores are never closed.
        drop(all.acquire_many(count).await);
    }
    Ok(())
}

/// Runs one connection; a panic in it ends it alone.
async fn guarded(stream: TcpStream, shared: Shared, full: bool, permit: OwnedSemaphorePermit) {
    let connection = Box::pin(connection::run(stream, shared, full));
    if AssertUnwindSafe(connection).catch_unwind().await.is_err() {
        tracing::error!("a PostgreSQL connection failed through a bug and was closed");
    }
    drop(permit);
}

/// Sets what a connection needs: small answers at once, and an end for peers that vanished.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))
}
