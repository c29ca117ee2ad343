//! The handshake: both sides say who they are, and whom they believe to talk to, before anything
//! else. A connection that joins the wrong two nodes ends here, with a reason that both can log.
//!
//! **Invariant:** after it, both sides belong to one cluster, unless the lane is [`Lane::Setup`].

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::model::id::{ClusterId, NodeId, StoreId};
use crate::peer::frame::{Frame, FrameError, FrameReader, FrameWriter};
use crate::peer::{Identity, Kind, Sender};
use crate::platform::clock;

const MAGIC: [u8; 4] = *b"eidr";
/// The protocol versions that this build speaks.
pub(super) const PROTOCOL_MIN: u8 = 1;
pub(super) const PROTOCOL_MAX: u8 = 1;

const KIND_GREETING: u8 = 0xE0;
const KIND_WELCOME: u8 = 0xE1;
const KIND_REFUSAL: u8 = 0xE2;

const HAS_CLUSTER: u8 = 1;
const HAS_RECEIVER: u8 = 2;

/// Kinds of traffic that must not wait for each other: each lane has its own connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Lane {
    Setup = 0,
    RaftControl = 1,
    RaftAppend = 2,
    RaftSnapshot = 3,
    Engine = 4,
    EngineStream = 5,
}

/// No byte moved for so long: the connection is given up.
const STALL: Duration = Duration::from_secs(10);
/// As above where a slow client at the far end may rightly hold up the stream.
const STALL_STREAM: Duration = Duration::from_mins(1);

impl Lane {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Hello | Kind::Join | Kind::Notify | Kind::Log => Self::Setup,
            Kind::RaftControl => Self::RaftControl,
            Kind::RaftAppend => Self::RaftAppend,
            Kind::RaftSnapshot => Self::RaftSnapshot,
            Kind::Engine => Self::Engine,
            Kind::EngineStream => Self::EngineStream,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Setup,
            Self::RaftControl,
            Self::RaftAppend,
            Self::RaftSnapshot,
            Self::Engine,
            Self::EngineStream,
        ]
        .into_iter()
        .find(|lane| *lane as u8 == byte)
    }

    /// Whether this lane's connections carry streams; the others carry calls.
    pub(super) fn is_stream(self) -> bool {
        matches!(self, Self::RaftAppend | Self::RaftSnapshot | Self::EngineStream)
    }

    pub(super) fn stall(self) -> Duration {
        if self == Self::EngineStream { STALL_STREAM } else { STALL }
    }

    /// How many connections calls to one node are spread over.
    pub(super) fn connections_max(self) -> usize {
        if self == Self::Engine { 4 } else { 1 }
    }
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Reason {
    /// Not a greeting, or one that can't be read.
    Malformed = 1,
    /// No protocol version in common.
    Protocol = 2,
    /// The two nodes belong to different clusters.
    Cluster = 3,
    /// One of the nodes belongs to no cluster yet, and the lane needs one.
    NoCluster = 4,
    /// Another node answers at this address.
    Receiver = 5,
    /// Too many connections.
    Busy = 6,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum HandshakeError {
    /// The other side refused us.
    Refused(String),
    /// We refuse the other side.
    Wrong(String),
    Broken(FrameError),
    Silent,
}

impl std::fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "refused there: {why}"),
            Self::Wrong(why) => f.write_str(why),
            Self::Broken(error) => write!(f, "connection broken in the handshake: {error}"),
            Self::Silent => f.write_str("no answer to the handshake"),
        }
    }
}

/// What the dialling side says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Greeting {
    protocol_min: u8,
    protocol_max: u8,
    lane: u8,
    sender: Sender,
    receiver: Option<NodeId>,
}

/// What the accepting side answers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Welcome {
    protocol: u8,
    sender: Sender,
}

fn put_sender(out: &mut BytesMut, sender: &Sender) {
    out.put_slice(&sender.cluster.unwrap_or_default().0);
    out.put_u64_le(sender.node.0);
    out.put_slice(&sender.store.0);
}

/// Needs 40 bytes.
fn get_sender(bytes: &mut Bytes, has_cluster: bool) -> Sender {
    let mut cluster = [0; 16];
    bytes.copy_to_slice(&mut cluster);
    let node = NodeId(bytes.get_u64_le());
    let mut store = [0; 16];
    bytes.copy_to_slice(&mut store);
    Sender { node, store: StoreId(store), cluster: has_cluster.then_some(ClusterId(cluster)) }
}

impl Greeting {
    const BYTES: usize = 56;

    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::BYTES);
        out.put_slice(&MAGIC);
        out.put_u8(self.protocol_min);
        out.put_u8(self.protocol_max);
        out.put_u8(self.lane);
        let cluster = if self.sender.cluster.is_some() { HAS_CLUSTER } else { 0 };
        let receiver = if self.receiver.is_some() { HAS_RECEIVER } else { 0 };
        out.put_u8(cluster | receiver);
        put_sender(&mut out, &self.sender);
        out.put_u64_le(self.receiver.unwrap_or_default().0);
        out.freeze()
    }

    /// Bytes beyond the known ones belong to later versions and are skipped.
    fn decode(mut bytes: Bytes) -> Option<Self> {
        if bytes.len() < Self::BYTES || !bytes.starts_with(&MAGIC) {
            return None;
        }
        bytes.advance(MAGIC.len());
        let (protocol_min, protocol_max) = (bytes.get_u8(), bytes.get_u8());
        let (lane, flags) = (bytes.get_u8(), bytes.get_u8());
        let sender = get_sender(&mut bytes, flags & HAS_CLUSTER != 0);
        let receiver = NodeId(bytes.get_u64_le());
        let receiver = (flags & HAS_RECEIVER != 0).then_some(receiver);
        Some(Self { protocol_min, protocol_max, lane, sender, receiver })
    }
}

impl Welcome {
    const BYTES: usize = 48;

    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::BYTES);
        out.put_slice(&MAGIC);
        out.put_u8(self.protocol);
        out.put_u8(if self.sender.cluster.is_some() { HAS_CLUSTER } else { 0 });
        out.put_u16_le(0);
        put_sender(&mut out, &self.sender);
        out.freeze()
    }

    fn decode(mut bytes: Bytes) -> Option<Self> {
        if bytes.len() < Self::BYTES || !bytes.starts_with(&MAGIC) {
            return None;
        }
        bytes.advance(MAGIC.len());
        let (protocol, flags) = (bytes.get_u8(), bytes.get_u8());
        bytes.advance(2);
        Some(Self { protocol, sender: get_sender(&mut bytes, flags & HAS_CLUSTER != 0) })
    }
}

#[cfg(any(test, fuzzing))]
pub(super) fn read_any(bytes: &Bytes) {
    // Nearly all are refused.
    let _ = (Greeting::decode(bytes.clone()), Welcome::decode(bytes.clone()));
}

fn refusal(reason: Reason, text: &str) -> Frame {
    let mut payload = BytesMut::with_capacity(2 + text.len());
    payload.put_u16_le(reason as u16);
    payload.put_slice(text.as_bytes());
    Frame { kind: KIND_REFUSAL, flags: 0, seq: 0, payload: payload.freeze() }
}

fn present(me: &Identity) -> Sender {
    Sender { node: me.node, store: me.store, cluster: me.cluster.get().copied() }
}

/// The dialling side. Returns who answers.
pub(super) async fn greet(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    me: Sender,
    lane: Lane,
    receiver: Option<NodeId>,
) -> Result<Sender, HandshakeError> {
    let greeting = Greeting {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        lane: lane as u8,
        sender: me,
        receiver,
    };
    let payload = greeting.encode();
    writer.put(Frame { kind: KIND_GREETING, flags: 0, seq: 0, payload });
    writer.flush().await.map_err(HandshakeError::Broken)?;
    let answer = reader.next().await.map_err(HandshakeError::Broken)?;
    let answer = answer.ok_or(HandshakeError::Silent)?;
    if answer.kind == KIND_REFUSAL && answer.payload.len() >= 2 {
        let text = String::from_utf8_lossy(&answer.payload[2..]).into_owned();
        return Err(HandshakeError::Refused(text));
    }
    let welcome = (answer.kind == KIND_WELCOME)
        .then(|| Welcome::decode(answer.payload))
        .flatten()
        .ok_or_else(|| HandshakeError::Wrong("its welcome can't be read".to_owned()))?;
    if !(PROTOCOL_MIN..=PROTOCOL_MAX).contains(&welcome.protocol) {
        let text = format!("it chose protocol version {}", welcome.protocol);
        return Err(HandshakeError::Wrong(text));
    }
    if let Some(expected) = receiver
        && expected != welcome.sender.node
    {
        let text = format!("node {} answers there, not {expected}", welcome.sender.node);
        return Err(HandshakeError::Wrong(text));
    }
    check_cluster(&me, &welcome.sender, lane).map_err(|(_, text)| HandshakeError::Wrong(text))?;
    Ok(welcome.sender)
}

/// Whether `me` may talk to `other` on `lane`, as far as clusters go.
fn check_cluster(me: &Sender, other: &Sender, lane: Lane) -> Result<(), (Reason, String)> {
    match (me.cluster, other.cluster) {
        (Some(mine), Some(its)) if mine != its => {
            let text = format!("two clusters meet: {mine} and {its}; check the addresses");
            Err((Reason::Cluster, text))
        }
        (Some(_), Some(_)) => Ok(()),
        _ if lane == Lane::Setup => Ok(()),
        (None, _) => Err((Reason::NoCluster, format!("node {} is in no cluster yet", me.node))),
        (_, None) => Err((Reason::NoCluster, format!("node {} is in no cluster yet", other.node))),
    }
}

/// Judges a greeting: who sent it, and on which lane.
fn judge(frame: Frame, me: &Sender) -> Result<(Sender, Lane, u8), (Reason, String)> {
    let greeting = (frame.kind == KIND_GREETING)
        .then(|| Greeting::decode(frame.payload))
        .flatten()
        .ok_or_else(|| (Reason::Malformed, "this is not a greeting".to_owned()))?;
    let protocol = greeting.protocol_max.min(PROTOCOL_MAX);
    if protocol < greeting.protocol_min.max(PROTOCOL_MIN) {
        let text = format!(
            "no protocol version in common: {PROTOCOL_MIN} to {PROTOCOL_MAX} here, {} to {} there",
            greeting.protocol_min, greeting.protocol_max
        );
        return Err((Reason::Protocol, text));
    }
    let lane = Lane::from_byte(greeting.lane)
        .ok_or_else(|| (Reason::Malformed, format!("unknown lane {}", greeting.lane)))?;
    if let Some(wanted) = greeting.receiver
        && wanted != me.node
    {
        let text = format!(
            "this is node {}, not {wanted}; its data directory was replaced, or the address is \
             another node's",
            me.node
        );
        return Err((Reason::Receiver, text));
    }
    check_cluster(me, &greeting.sender, lane)?;
    Ok((greeting.sender, lane, protocol))
}

/// The accepting side. Returns who dialled, and for what.
pub(super) async fn welcome(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    me: &Identity,
    limit: Duration,
) -> Result<(Sender, Lane), HandshakeError> {
    let first = clock::timeout(limit, reader.next()).await.map_err(|_| HandshakeError::Silent)?;
    let first = match first {
        Ok(Some(frame)) => frame,
        Ok(None) => return Err(HandshakeError::Silent),
        Err(error) => return Err(HandshakeError::Broken(error)),
    };
    let me = present(me);
    match judge(first, &me) {
        Ok((sender, lane, protocol)) => {
            let payload = Welcome { protocol, sender: me }.encode();
            writer.put(Frame { kind: KIND_WELCOME, flags: 0, seq: 0, payload });
            writer.flush().await.map_err(HandshakeError::Broken)?;
            Ok((sender, lane))
        }
        Err((reason, text)) => {
            writer.put(refusal(reason, &text));
            writer.flush().await.map_err(HandshakeError::Broken)?;
            Err(HandshakeError::Wrong(text))
        }
    }
}

/// Tells a stranger that there is no room for it.
pub(super) fn turn_away(writer: &mut FrameWriter) {
    writer.put(refusal(Reason::Busy, "too many connections"));
    writer.flush_now();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(cluster: Option<u8>) -> Sender {
        Sender {
            node: NodeId(0x0807_0605_0403_0201),
            store: StoreId([0xaa; 16]),
            cluster: cluster.map(|byte| ClusterId([byte; 16])),
        }
    }

    fn greeting(cluster: Option<u8>) -> Greeting {
        Greeting {
            protocol_min: 1,
            protocol_max: 2,
            lane: Lane::RaftAppend as u8,
            sender: sender(cluster),
            receiver: Some(NodeId(9)),
        }
    }

    fn judged(greeting: &Greeting, me: &Sender) -> Result<(Sender, Lane, u8), (Reason, String)> {
        let payload = greeting.encode();
        judge(Frame { kind: KIND_GREETING, flags: 0, seq: 0, payload }, me)
    }

    #[test]
    fn greeting_layout_is_pinned() {
        let mut expected = b"eidr\x01\x02\x02\x03".to_vec();
        expected.extend([0xcc; 16]);
        expected.extend([1, 2, 3, 4, 5, 6, 7, 8]);
        expected.extend([0xaa; 16]);
        expected.extend([9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(greeting(Some(0xcc)).encode(), expected);
        assert_eq!(Greeting::decode(expected.into()), Some(greeting(Some(0xcc))));
    }

    #[test]
    fn welcome_layout_is_pinned() {
        let welcome = Welcome { protocol: 1, sender: sender(None) };
        let mut expected = b"eidr\x01\x00\x00\x00".to_vec();
        expected.extend([0; 16]);
        expected.extend([1, 2, 3, 4, 5, 6, 7, 8]);
        expected.extend([0xaa; 16]);
        assert_eq!(welcome.encode(), expected);
        assert_eq!(Welcome::decode(expected.into()), Some(welcome));
    }

    #[test]
    fn refusal_layout_is_pinned() {
        let frame = refusal(Reason::Cluster, "no");
        assert_eq!((frame.kind, &frame.payload[..]), (0xE2, &b"\x03\x00no"[..]));
    }

    #[test]
    fn later_versions_may_append_fields() {
        let mut longer = greeting(None).encode().to_vec();
        longer.extend([7; 100]);
        assert_eq!(Greeting::decode(longer.into()), Some(greeting(None)));
        assert_eq!(Greeting::decode(greeting(None).encode().slice(..55)), None);
    }

    #[test]
    fn only_matching_greetings_are_let_in() {
        let me = Sender { node: NodeId(9), ..sender(Some(1)) };
        assert_eq!(judged(&greeting(Some(1)), &me).unwrap().1, Lane::RaftAppend);
        let reason = |greeting: &Greeting| judged(greeting, &me).unwrap_err().0;
        assert_eq!(reason(&greeting(Some(2))), Reason::Cluster);
        assert_eq!(reason(&greeting(None)), Reason::NoCluster);
        let good = greeting(Some(1));
        assert_eq!(
            reason(&Greeting { receiver: Some(NodeId(8)), ..good.clone() }),
            Reason::Receiver
        );
        assert_eq!(reason(&Greeting { protocol_min: 2, ..good.clone() }), Reason::Protocol);
        assert_eq!(reason(&Greeting { lane: 99, ..good }), Reason::Malformed);
        let setup = Greeting { lane: Lane::Setup as u8, receiver: None, ..greeting(None) };
        assert!(judged(&setup, &me).is_ok());
        let foreign = Greeting { lane: Lane::Setup as u8, ..greeting(Some(2)) };
        assert_eq!(reason(&foreign), Reason::Cluster);
    }
}
