//! Two nodes over real sockets: refusals, calls, streams, hostile bytes, stalled peers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::platform::watch;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::model::id::{ClusterId, StoreId};
use crate::peer::server::serve_with;
use crate::peer::{Client, Handler, Identity, Kind, Limits, PeerError, Sender, Stream, Target};
use crate::platform::{clock, task};
use crate::tls::certificates::Authority;
use crate::tls::{Acceptor, Connector, KeyPair, Named, Trust};

const LONG: Duration = Duration::from_secs(20);
const STALL: Duration = Duration::from_millis(300);

fn identity(byte: u8, cluster: Option<u8>) -> Identity {
    let store = StoreId([byte; 16]);
    let lock = OnceLock::new();
    if let Some(cluster) = cluster {
        lock.set(ClusterId([cluster; 16])).unwrap();
    }
    Identity { node: store.node_id(), store, cluster: Arc::new(lock) }
}

/// Answers by what the payload says.
struct Echo {
    /// "wait" and unread streams go on when there is a permit.
    gate: Semaphore,
    /// "wait" calls that have begun.
    waiting: watch::Sender<usize>,
}

impl Handler for Echo {
    async fn call(&self, from: Sender, kind: Kind, payload: Bytes) -> Result<Bytes, String> {
        match &payload[..] {
            b"who" => Ok(Bytes::from(format!("{} {kind:?}", from.node))),
            b"refuse" => Err("no".to_owned()),
            b"wait" => {
                self.waiting.send_modify(|count| *count += 1);
                self.gate.acquire().await.unwrap().forget();
                Ok(Bytes::from_static(b"waited"))
            }
            _ => Ok(payload),
        }
    }

    async fn stream(&self, _: Sender, kind: Kind, mut stream: Stream) {
        if kind == Kind::RaftSnapshot {
            self.gate.acquire().await.unwrap().forget();
        }
        while let Ok(Some(message)) = stream.receive().await {
            if stream.send(message).await.is_err() {
                return;
            }
        }
        let _ = stream.finish().await;
    }
}

struct Server {
    address: SocketAddr,
    identity: Identity,
    echo: Arc<Echo>,
    stop: watch::Sender<bool>,
    ended: tokio::sync::oneshot::Receiver<()>,
}

/// Little patience with strangers, and with `stall` for everybody else.
fn limits(stall: Duration) -> Limits {
    Limits { stall: Some(stall), handshake: STALL, ..Limits::default() }
}

async fn start(identity: Identity) -> Server {
    start_at(identity, "127.0.0.1:0").await
}

async fn start_at(identity: Identity, address: &str) -> Server {
    start_with(identity, address, None).await
}

async fn start_with(identity: Identity, address: &str, acceptor: Option<Acceptor>) -> Server {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let echo = Arc::new(Echo { gate: Semaphore::new(0), waiting: watch::Sender::new(0) });
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = tokio::sync::oneshot::channel();
    let (mine, handler) = (identity.clone(), Arc::clone(&echo));
    task::spawn(async move {
        serve_with((listener, acceptor), mine, handler, stopped, limits(LONG)).await;
        let _ = end.send(());
    });
    Server { address, identity, echo, stop, ended }
}

impl Server {
    fn target(&self) -> Target {
        Target { address: self.address.to_string(), node: Some(self.identity.node) }
    }
}

fn client(cluster: Option<u8>) -> Client {
    Client::with_limits(identity(1, cluster), None, limits(LONG))
}

/// A relay that counts the connections made through it.
async fn relay(to: SocketAddr) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    task::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let Ok(mut far) = TcpStream::connect(to).await else { return };
            task::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (address, count)
}

fn text(bytes: &'static str) -> Bytes {
    Bytes::from_static(bytes.as_bytes())
}

#[tokio::test]
async fn calls_are_answered_or_refused() {
    let server = start(identity(2, Some(7))).await;
    let client = client(Some(7));
    let to = server.target();
    for kind in [Kind::Hello, Kind::Join, Kind::Notify, Kind::RaftControl, Kind::Engine] {
        let answer = client.call(&to, kind, text("who"), LONG).await.unwrap();
        assert_eq!(answer, format!("{} {kind:?}", identity(1, None).node));
    }
    let refused = client.call(&to, Kind::Engine, text("refuse"), LONG).await;
    assert_eq!(refused, Err(PeerError::Refused("no".to_owned())));
    let stream = client.call(&to, Kind::RaftAppend, text("x"), LONG).await;
    assert!(matches!(stream, Err(PeerError::Refused(_))));
}

#[tokio::test]
async fn large_payloads_arrive_whole_and_too_large_ones_never_leave() {
    let server = start(identity(2, Some(7))).await;
    let client = client(Some(7));
    for size in [1, 2 << 20, (4 << 20) + 1, 17 << 20, 64 << 20] {
        let payload = Bytes::from(vec![size as u8; size]);
        let answer = client.call(&server.target(), Kind::Engine, payload.clone(), LONG).await;
        assert!(answer == Ok(payload), "{size}");
    }
    let huge = Bytes::from(vec![0; (64 << 20) + 1]);
    let refused = client.call(&server.target(), Kind::Engine, huge.clone(), LONG).await;
    assert!(matches!(refused, Err(PeerError::Refused(_))));
    let mut stream = client.open(&server.target(), Kind::EngineStream, LONG).await.unwrap();
    assert!(matches!(stream.send(huge).await, Err(PeerError::Refused(_))));
}

#[tokio::test]
async fn a_slow_call_holds_up_no_other_and_a_dropped_one_is_forgotten() {
    let server = start(identity(2, Some(7))).await;
    let (address, connections) = relay(server.address).await;
    let client = client(Some(7));
    let to = Target { address, ..server.target() };
    let short = Duration::from_millis(50);
    let slow = client.call(&to, Kind::RaftControl, text("wait"), short).await;
    assert_eq!(slow, Err(PeerError::TimedOut));
    let waiting = client.call(&to, Kind::RaftControl, text("wait"), LONG);
    let others = async {
        for _ in 0..100 {
            client.call(&to, Kind::RaftControl, text("x"), LONG).await.unwrap();
        }
        // Both may go on: the first one's answer finds nobody.
        server.echo.gate.add_permits(2);
    };
    let (waited, ()) = tokio::join!(waiting, others);
    assert_eq!(waited.unwrap(), "waited");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn concurrent_calls_get_their_own_answers() {
    let server = start(identity(2, Some(7))).await;
    let client = client(Some(7));
    let to = server.target();
    let calls = (0..500_u32).map(|i| {
        let (client, to) = (&client, &to);
        async move {
            let size = if i % 50 == 0 { 1 << 20 } else { 10 };
            let payload = Bytes::from(vec![i as u8; size]);
            let answer = client.call(to, Kind::Engine, payload.clone(), LONG).await.unwrap();
            assert!(answer == payload, "{i}");
        }
    });
    futures_util::future::join_all(calls).await;
}

#[tokio::test]
async fn the_wrong_node_is_refused_with_a_reason() {
    let server = start(identity(2, Some(7))).await;
    let call = async |client: &Client, to: &Target| match client
        .call(to, Kind::RaftControl, text("x"), LONG)
        .await
    {
        Err(PeerError::Unreachable(why)) => why,
        other => panic!("{other:?}"),
    };
    let why = call(&client(Some(8)), &server.target()).await;
    assert!(why.contains("two clusters meet"), "{why}");
    let why = call(&client(None), &server.target()).await;
    assert!(why.contains("in no cluster yet"), "{why}");
    let other = Target { node: Some(identity(3, None).node), ..server.target() };
    let why = call(&client(Some(7)), &other).await;
    assert!(why.contains("this is node 0202020202020202, not 0303030303030303"), "{why}");
    let stream = client(Some(8)).open(&server.target(), Kind::RaftAppend, LONG).await;
    assert!(matches!(stream, Err(PeerError::Unreachable(_))));
}

#[tokio::test]
async fn a_node_without_cluster_may_only_set_up() {
    let server = start(identity(2, None)).await;
    let to = Target { node: None, ..server.target() };
    for mine in [None, Some(7)] {
        assert!(client(mine).call(&to, Kind::Hello, text("x"), LONG).await.is_ok());
        let refused = client(mine).call(&to, Kind::Engine, text("x"), LONG).await;
        assert!(matches!(refused, Err(PeerError::Unreachable(_))), "{refused:?}");
    }
    // Once it belongs to one, the same node is let in.
    server.identity.cluster.set(ClusterId([7; 16])).unwrap();
    assert!(client(Some(7)).call(&to, Kind::Engine, text("x"), LONG).await.is_ok());
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_http_is_called_a_mistake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let to = Target { address, node: None };
    let answer = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        socket
    };
    let client = client(None);
    let (called, socket) = tokio::join!(client.call(&to, Kind::Hello, text("x"), LONG), answer);
    let Err(PeerError::Unreachable(why)) = called else { panic!("{called:?}") };
    assert!(why.contains("HTTP"), "{why}");
    drop((listener, socket));
    let called = client.call(&to, Kind::Hello, text("x"), LONG).await;
    assert!(matches!(called, Err(PeerError::Unreachable(_))), "{called:?}");
}

#[tokio::test]
async fn finished_streams_share_a_connection() {
    let server = start(identity(2, Some(7))).await;
    let (address, connections) = relay(server.address).await;
    let client = client(Some(7));
    let to = Target { address, ..server.target() };
    for round in 0..10_u8 {
        let mut stream = client.open(&to, Kind::EngineStream, LONG).await.unwrap();
        for i in 0..round {
            stream.send(Bytes::from(vec![i])).await.unwrap();
            assert_eq!(stream.receive().await.unwrap(), Some(Bytes::from(vec![i])));
        }
        stream.finish().await.unwrap();
        assert_eq!(stream.receive().await.unwrap(), None);
        assert_eq!(stream.receive().await.unwrap(), None);
        assert!(stream.send(text("late")).await.is_err());
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn dropped_streams_end_on_both_sides() {
    let server = start(identity(2, Some(7))).await;
    let (address, connections) = relay(server.address).await;
    let client = client(Some(7));
    let to = Target { address, ..server.target() };
    // Dropped at rest: its connection is put by, after a moment.
    let mut dropped = client.open(&to, Kind::EngineStream, LONG).await.unwrap();
    dropped.send(text("x")).await.unwrap();
    assert_eq!(dropped.receive().await.unwrap().unwrap(), "x");
    drop(dropped);
    while !client.has_idle(&to, Kind::EngineStream) {
        clock::sleep(Duration::from_millis(1)).await;
    }
    // Dropped with an answer under way: its connection is closed, and nobody else sees the answer.
    let mut dropped = client.open(&to, Kind::EngineStream, LONG).await.unwrap();
    dropped.send(text("x")).await.unwrap();
    drop(dropped);
    let mut next = client.open(&to, Kind::EngineStream, LONG).await.unwrap();
    next.send(text("y")).await.unwrap();
    assert_eq!(next.receive().await.unwrap().unwrap(), "y");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    // Only one half is left: sending fails, so that nobody waits for what can't come.
    let (mut sender, receiver) = next.split();
    drop(receiver);
    assert!(sender.send(text("z")).await.is_err());
}

#[tokio::test]
async fn a_full_stream_waits_for_its_reader_and_loses_nothing() {
    let server = start(identity(2, Some(7))).await;
    let client = client(Some(7));
    let stream = client.open(&server.target(), Kind::RaftSnapshot, LONG).await.unwrap();
    let (mut sender, mut receiver) = stream.split();
    let sent = AtomicUsize::new(0);
    let count = 256_u32;
    let send = async {
        for i in 0..count {
            let message = Bytes::from(vec![i as u8; 256 << 10]);
            sender.send(message).await.unwrap();
            sent.fetch_add(1, Ordering::SeqCst);
        }
        sender.finish().await.unwrap();
    };
    let receive = async {
        // The other side reads nothing: sending comes to a halt long before 64 MiB.
        let mut before = usize::MAX;
        while before != sent.load(Ordering::SeqCst) {
            before = sent.load(Ordering::SeqCst);
            clock::sleep(Duration::from_millis(100)).await;
        }
        assert!(before < count as usize / 2, "{before} messages of {count} were taken");
        server.echo.gate.add_permits(1);
        for i in 0..count {
            let message = receiver.receive().await.unwrap().unwrap();
            assert!(message.len() == 256 << 10 && message.iter().all(|byte| *byte == i as u8));
        }
        assert_eq!(receiver.receive().await.unwrap(), None);
    };
    tokio::join!(send, receive);
}

#[tokio::test]
async fn a_stalled_peer_is_given_up() {
    let server = start(identity(2, Some(7))).await;
    let client = Client::with_limits(identity(1, Some(7)), None, limits(STALL));
    // Nobody reads this stream.
    let mut stream = client.open(&server.target(), Kind::RaftSnapshot, LONG).await.unwrap();
    let error = loop {
        if let Err(error) = stream.send(Bytes::from(vec![0; 1 << 20])).await {
            break error;
        }
    };
    assert!(matches!(error, PeerError::TimedOut | PeerError::Broken(_)), "{error:?}");
    assert!(stream.send(text("x")).await.is_err());
    // Half a greeting, and half a frame after a whole one, end their connections too.
    let mut raw = TcpStream::connect(server.address).await.unwrap();
    raw.write_all(&[76, 0, 0, 0, 0xE0]).await.unwrap();
    assert_eq!(raw.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(client.call(&server.target(), Kind::Engine, text("x"), LONG).await.is_ok());
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let server = start(identity(2, Some(7))).await;
    let client = client(Some(7));
    let to = server.target();
    let waiting = client.call(&to, Kind::RaftControl, text("wait"), LONG);
    let garbage = async {
        server.echo.waiting.subscribe().wait_for(|count| *count == 1).await.unwrap();
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0; 64], &[16, 0, 0, 0, 7, 7]] {
            let mut raw = TcpStream::connect(server.address).await.unwrap();
            raw.write_all(bytes).await.unwrap();
            let mut rest = Vec::new();
            // Closed, whether by FIN or RST.
            let _ = clock::timeout(LONG, raw.read_to_end(&mut rest)).await.unwrap();
        }
        server.echo.gate.add_permits(1);
    };
    let (waited, ()) = tokio::join!(waiting, garbage);
    assert_eq!(waited.unwrap(), "waited");
}

#[tokio::test]
async fn a_corrupt_frame_after_the_handshake_breaks_the_waiting_calls() {
    let server = start(identity(2, Some(7))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = Target { address: listener.local_addr().unwrap().to_string(), ..server.target() };
    // Passes everything on but flips a bit in the first answer after the welcome (68 bytes).
    let meddle = async {
        let (near, _) = listener.accept().await.unwrap();
        let (mut near_read, mut near_write) = near.into_split();
        let (mut far_read, mut far_write) =
            TcpStream::connect(server.address).await.unwrap().into_split();
        task::spawn(async move {
            let _ = tokio::io::copy(&mut near_read, &mut far_write).await;
        });
        let mut welcome = [0; 68];
        far_read.read_exact(&mut welcome).await.unwrap();
        near_write.write_all(&welcome).await.unwrap();
        let mut answer = [0; 21];
        far_read.read_exact(&mut answer).await.unwrap();
        answer[16] ^= 1;
        near_write.write_all(&answer).await.unwrap();
        (far_read, near_write)
    };
    let client = client(Some(7));
    let (called, _held) = tokio::join!(client.call(&to, Kind::Engine, text("x"), LONG), meddle);
    let Err(PeerError::Broken(why)) = called else { panic!("{called:?}") };
    assert!(why.contains("checksum"), "{why}");
}

#[tokio::test]
async fn stopping_answers_what_is_under_way_and_clients_find_the_next_server() {
    let server = start(identity(2, Some(7))).await;
    let client = client(Some(7));
    let to = server.target();
    let waiting = client.call(&to, Kind::Engine, text("wait"), LONG);
    let stop = async {
        server.echo.waiting.subscribe().wait_for(|count| *count == 1).await.unwrap();
        server.stop.send(true).unwrap();
        server.echo.gate.add_permits(1);
    };
    let (waited, ()) = tokio::join!(waiting, stop);
    assert_eq!(waited.unwrap(), "waited");
    clock::timeout(LONG, server.ended).await.unwrap().unwrap();
    let gone = client.call(&to, Kind::Engine, text("x"), LONG).await;
    assert!(matches!(gone, Err(PeerError::Unreachable(_) | PeerError::Broken(_))), "{gone:?}");
    let again = start_at(identity(2, Some(7)), &to.address).await;
    assert!(client.call(&again.target(), Kind::Engine, text("x"), LONG).await.is_ok());
}

/// Files of a test's authority for both sides of an encrypted connection that check each other.
fn encryption(directory: &std::path::Path) -> (Acceptor, Connector) {
    let authority = Authority::new(directory, "authority");
    let (cert, key) = authority.sign("node", "IP:127.0.0.1");
    let own =
        KeyPair { cert: Named { flag: "cert", path: cert }, key: Named { flag: "key", path: key } };
    let all = Named { flag: "ca", path: authority.certificate() };
    let acceptor = Acceptor::new(own.clone(), Some(all.clone())).unwrap();
    (acceptor, Connector::new(Some(own), Trust::File(all), None).unwrap())
}

#[tokio::test]
async fn everything_goes_through_an_encrypted_connection_too() {
    let directory = tempfile::tempdir().unwrap();
    let (acceptor, connector) = encryption(directory.path());
    let server = start_with(identity(2, Some(7)), "127.0.0.1:0", Some(acceptor)).await;
    let me = identity(1, Some(7));
    let client = Client::with_limits(me, Some(connector), limits(LONG));
    let to = server.target();
    // More than sockets hold, in both directions at the same time.
    let large: Bytes = (0..8_000_000_u32).map(|i| (i >> 7) as u8).collect::<Vec<_>>().into();
    let call = |payload: Bytes| client.call(&to, Kind::Engine, payload, LONG);
    let (a, b, c) = tokio::join!(call(large.clone()), call(text("small")), call(large.clone()));
    assert!(a.unwrap() == large && c.unwrap() == large);
    assert_eq!(b.unwrap(), "small");
    for round in 0..2 {
        let mut stream = client.open(&to, Kind::EngineStream, LONG).await.unwrap();
        assert!(!client.has_idle(&to, Kind::EngineStream), "round {round}");
        let (mut sender, mut receiver) = {
            stream.send(text("first")).await.unwrap();
            assert_eq!(stream.receive().await.unwrap().unwrap(), "first");
            stream.split()
        };
        let sending = async {
            for _ in 0..4 {
                sender.send(large.clone()).await.unwrap();
            }
            sender.finish().await.unwrap();
        };
        let receiving = async {
            let mut count = 0;
            while let Some(message) = receiver.receive().await.unwrap() {
                assert!(message == large);
                count += 1;
            }
            count
        };
        assert_eq!(tokio::join!(sending, receiving).1, 4);
        drop((sender, receiver));
        while !client.has_idle(&to, Kind::EngineStream) {
            clock::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn who_is_not_encrypted_and_who_is_tell_each_other_apart() {
    let directory = tempfile::tempdir().unwrap();
    let (acceptor, connector) = encryption(directory.path());
    let plain_server = start(identity(2, Some(7))).await;
    let server = start_with(identity(3, Some(7)), "127.0.0.1:0", Some(acceptor)).await;
    let me = identity(1, Some(7));
    let plain = Client::with_limits(me.clone(), None, limits(LONG));
    let encrypted = Client::with_limits(me.clone(), Some(connector), limits(LONG));
    let unknown = Connector::new(None, Trust::Anyone, None).unwrap();
    let unknown = Client::with_limits(me, Some(unknown), limits(LONG));
    for (client, server, part) in [
        (&plain, &server, "needs -node-cert"),
        (&encrypted, &plain_server, "does not speak TLS"),
        (&unknown, &server, "lets in only who shows a certificate"),
    ] {
        let answer = client.call(&server.target(), Kind::Engine, text("who"), LONG).await;
        let Err(PeerError::Unreachable(why)) = answer else { panic!("{part}: {answer:?}") };
        assert!(why.contains(part), "{why}");
    }
}
