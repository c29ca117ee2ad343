//! The listener: connections, their limits, and their orderly end.

use std::sync::Arc;
use std::time::Duration;

use crate::platform::watch;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::platform::{clock, task};
use crate::tls::{self, Acceptor};

/// Connections at the same time. More wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 4096;
/// A client has this long for the handshake of TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A client has this long to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head: the query string of a GET holds SQL.
const HEAD_BYTES_MAX: usize = 1 << 20;
/// Running requests have this long to end when the node stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after the system had no file descriptor or memory for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `stop` changes, then lets running requests end.
pub(crate) async fn run(
    listener: TcpListener,
    acceptor: Option<Acceptor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        match accepted {
            Ok((socket, _)) => {
                let serving = connection(socket, acceptor.clone(), router.clone(), stop.clone());
                task::spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!("accept an HTTP connection: {error}");
                clock::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = places.acquire_many(CONNECTIONS_MAX as u32);
    if clock::timeout(STOP_TIMEOUT, all).await.is_err() {
        tracing::warn!("HTTP requests still run {STOP_TIMEOUT:?} after the stop: they are cut off");
    }
}

/// Whether an accept failed for a reason that lies with the client.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

async fn connection(
    socket: TcpStream,
    acceptor: Option<Acceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting to fill a segment would only delay them.
    let _ = socket.set_nodelay(true);
    let Some(acceptor) = acceptor else { return requests(socket, router, stop).await };
    match clock::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => requests(stream, router, stop).await,
        Ok(Err(error)) => tracing::debug!("an HTTPS handshake failed: {}", tls::explain(&error)),
        Err(clock::Elapsed) => {}
    }
}

async fn requests<S>(stream: S, router: Router, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // An error here is the client's: it went away, or didn't speak HTTP.
        _ = connection.as_mut() => return,
        _ = stop.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
