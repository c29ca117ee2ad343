//! The accepting side: one task for each connection, which reads from it, runs the handler's
//! futures and writes the answers.
//!
//! **Invariants:** whatever arrives ends its own connection at the worst. A connection has a
//! limited number of calls and bytes under way; beyond it nothing more is read from it.

use std::sync::Arc;
use std::time::Duration;

use crate::platform::watch;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::peer::frame::{
    Frame, FrameReader, FrameWriter, OPEN, PAYLOAD_BYTES_MAX, REFUSED, REPLY,
};
use crate::peer::handshake::{self, Lane};
use crate::peer::outlet::Outlet;
use crate::peer::stream::{Released, Stream};
use crate::peer::wire::{WireRead, WireWrite};
use crate::peer::{Handler, Identity, Kind, Limits, Sender, wire};
use crate::platform::{clock, task};
use crate::tls::{self, Acceptor};

/// Connections at the most, over all lanes.
const CONNECTIONS_MAX: usize = 4096;
/// Calls under way on one connection.
const CALLS_MAX: usize = 512;
/// Bytes of their payloads.
const CALL_BYTES_MAX: usize = 128 << 20;
/// After `stop`, calls and streams under way have so long to end.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Pause after the system refused to accept a connection (it is out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections from other nodes until `stop` changes to `true`; returns when those that
/// were open have ended, a few seconds later at the most. With an acceptor every connection is
/// encrypted.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    acceptor: Option<Acceptor>,
    identity: Identity,
    handler: Arc<H>,
    stop: watch::Receiver<bool>,
) {
    serve_with((listener, acceptor), identity, handler, stop, Limits::default()).await;
}

pub(super) async fn serve_with<H: Handler>(
    (listener, acceptor): (TcpListener, Option<Acceptor>),
    identity: Identity,
    handler: Arc<H>,
    mut stop: watch::Receiver<bool>,
    limits: Limits,
) {
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let room = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    let shared = Arc::new(Shared { acceptor, identity, handler, limits, stop: stop.clone() });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!("cannot accept a connection from another node: {error}");
                clock::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            // Who is greeted by encryption can't be told why without more work than there is room for.
            if shared.acceptor.is_none() {
                turn_away(socket, limits);
            }
            continue;
        };
        let (shared, alive) = (Arc::clone(&shared), alive.clone());
        task::spawn(async move {
            shared.connection(socket).await;
            drop((permit, alive));
        });
    }
    drop((listener, alive));
    // Those that are left end with the process.
    let _ = clock::timeout(STOP_GRACE, all_gone.recv()).await;
}

/// Resolves once `stop` is set, or its owner is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn turn_away(socket: TcpStream, limits: Limits) {
    let (_, write) = wire::plain(socket);
    handshake::turn_away(&mut FrameWriter::new(write, limits.handshake));
}

struct Shared<H> {
    acceptor: Option<Acceptor>,
    identity: Identity,
    handler: Arc<H>,
    limits: Limits,
    stop: watch::Receiver<bool>,
}

impl<H: Handler> Shared<H> {
    async fn connection(&self, socket: TcpStream) {
        let from = socket.peer_addr().map_or_else(|_| "?".to_owned(), |from| from.to_string());
        let (read, write) = match self.accept(socket).await {
            Ok(halves) => halves,
            Err(why) => {
                tracing::debug!(from, "connection ended before it began: {why}");
                return;
            }
        };
        let limit = self.limits.handshake;
        let mut reader = FrameReader::new(read, limit);
        let mut writer = FrameWriter::new(write, limit);
        let met = handshake::welcome(&mut reader, &mut writer, &self.identity, limit).await;
        let (sender, lane) = match met {
            Ok(met) => met,
            Err(error) => {
                tracing::debug!(from, "connection refused: {error}");
                return;
            }
        };
        let stall = self.limits.stall(lane);
        if let Err(error) = writer.io.set_user_timeout(stall) {
            tracing::debug!(from, "connection without TCP_USER_TIMEOUT: {error}");
        }
        reader.trust(stall);
        writer.trust(stall);
        let end = if lane.is_stream() {
            self.streams(sender, lane, reader, writer).await
        } else {
            self.calls(sender, lane, reader, Outlet::new(writer.io, stall)).await
        };
        if let Err(why) = end {
            tracing::debug!(from, node = %sender.node, ?lane, "connection ended: {why}");
        }
    }

    async fn accept(&self, socket: TcpStream) -> Result<(WireRead, WireWrite), String> {
        wire::prepare(&socket).map_err(|error| error.to_string())?;
        let Some(acceptor) = &self.acceptor else { return Ok(wire::plain(socket)) };
        match clock::timeout(self.limits.handshake, acceptor.accept(socket)).await {
            Err(_) => Err("no TLS handshake in time".to_owned()),
            Ok(Err(error)) => Err(format!("TLS: {}", tls::explain(&error))),
            Ok(Ok(stream)) => Ok(wire::encrypted(stream)),
        }
    }

    /// Answers calls, in the order in which they are done.
    async fn calls(
        &self,
        from: Sender,
        lane: Lane,
        mut reader: FrameReader,
        outlet: Outlet,
    ) -> Result<(), String> {
        let mut stop = self.stop.clone();
        let mut stopping = false;
        let mut running = FuturesUnordered::new();
        let mut bytes_running = 0;
        loop {
            if stopping && running.is_empty() && outlet.is_empty() {
                return Ok(());
            }
            let may_read = !stopping
                && running.len() < CALLS_MAX
                && bytes_running < CALL_BYTES_MAX
                && outlet.has_room();
            tokio::select! {
                Some(first) = running.next(), if !running.is_empty() => {
                    // What is done by now leaves in one write.
                    let mut done = Some(first);
                    while let Some((reply, size)) = done {
                        bytes_running -= size;
                        outlet.put(reply);
                        done = running.next().now_or_never().flatten();
                    }
                    outlet.flush();
                }
                error = outlet.run() => return Err(error.to_string()),
                frame = reader.next(), if may_read => {
                    let Some(frame) = frame.map_err(|error| error.to_string())? else {
                        return Ok(());
                    };
                    let kind = call_kind(&frame, lane)?;
                    bytes_running += frame.payload.len();
                    running.push(self.answer(from, kind, frame));
                }
                () = stopped(&mut stop), if !stopping => stopping = true,
            }
        }
    }

    async fn answer(&self, from: Sender, kind: Kind, frame: Frame) -> (Frame, usize) {
        let size = frame.payload.len();
        let answer = match self.handler.call(from, kind, frame.payload).await {
            Ok(payload) if payload.len() > PAYLOAD_BYTES_MAX => {
                Err(format!("the answer has {} bytes; 64 MiB is the most", payload.len()))
            }
            answer => answer,
        };
        let (flags, payload) = match answer {
            Ok(payload) => (REPLY, payload),
            Err(text) => (REPLY | REFUSED, Bytes::from(text)),
        };
        (Frame { kind: frame.kind, flags, seq: frame.seq, payload }, size)
    }

    /// Serves streams, one after the other.
    async fn streams(
        &self,
        from: Sender,
        lane: Lane,
        mut reader: FrameReader,
        mut writer: FrameWriter,
    ) -> Result<(), String> {
        let mut stop = self.stop.clone();
        loop {
            let first = tokio::select! {
                frame = reader.next() => frame.map_err(|error| error.to_string())?,
                () = stopped(&mut stop) => return Ok(()),
            };
            let Some(first) = first else { return Ok(()) };
            let kind = stream_kind(&first, lane)?;
            let (give_back, given_back) = oneshot::channel();
            let give_back = Box::new(move |released: Released| {
                // If nobody waits for it any more the connection closes.
                drop(give_back.send(released));
            });
            let stream = Stream::accept(reader, writer, first.kind, first.seq, give_back);
            let serve = async {
                self.handler.stream(from, kind, stream).await;
                given_back.await.ok()?.settle().await
            };
            // Clients wait behind the engine's streams. Raft gets along without its own, which
            // last as long as the other side leads.
            let grace = if lane == Lane::EngineStream { STOP_GRACE } else { Duration::ZERO };
            let mut late = stop.clone();
            let again = tokio::select! {
                again = serve => again,
                () = async { stopped(&mut late).await; clock::sleep(grace).await } => return Ok(()),
            };
            let Some(connection) = again else { return Ok(()) };
            (reader, writer) = connection;
        }
    }
}

fn call_kind(frame: &Frame, lane: Lane) -> Result<Kind, String> {
    match Kind::from_byte(frame.kind) {
        Some(kind) if Lane::of(kind) == lane && frame.flags == 0 && frame.seq != 0 => Ok(kind),
        _ => Err(format!("a frame of kind {} and flags {} is no call", frame.kind, frame.flags)),
    }
}

fn stream_kind(frame: &Frame, lane: Lane) -> Result<Kind, String> {
    match Kind::from_byte(frame.kind) {
        Some(kind) if Lane::of(kind) == lane && frame.flags == OPEN => Ok(kind),
        _ => Err(format!("a frame of kind {} and flags {} opens nothing", frame.kind, frame.flags)),
    }
}
