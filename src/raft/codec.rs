//! Byte layouts of what Raft keeps and sends: ids, votes, memberships, entry payloads.
//! `docs/format.md` describes them; the golden tests below pin them.
//!
//! Integers are big-endian. Nothing here is openraft's own encoding, which may change with any
//! release. Invariants: decoding checks every length and never panics, whatever the bytes; and
//! what is decoded encodes to the same bytes again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::model::error::Fault;
use crate::model::id::{ClusterId, NodeId, StoreId};
use crate::model::member::Member;
use crate::raft::types::{
    EncodedCommand, LeaderId, LogId, Membership, Payload, RaftNode, StoredMembership, Vote, log_id,
};
use crate::raftlog::LeaderBytes;

/// The version that payloads, votes and committed markers begin with.
pub(super) const VERSION: u8 = 1;

/// Second byte of an entry payload: what it holds.
pub(super) const PAYLOAD_BLANK: u8 = 0;
pub(super) const PAYLOAD_COMMAND: u8 = 1;
pub(super) const PAYLOAD_MEMBERSHIP: u8 = 2;

/// Bytes that don't follow their layout, or follow that of a later version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed Raft data: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for Fault {
    fn from(error: Malformed) -> Self {
        Self::new(error.to_string())
    }
}

/// Takes fields off the front of a byte string.
#[derive(Debug)]
pub(super) struct Reader(Bytes);

impl Reader {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Checks the version byte that a layout begins with.
    pub(super) fn version(&mut self) -> Result<(), Malformed> {
        if self.u8()? == VERSION { Ok(()) } else { Err(Malformed("unknown version")) }
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<Bytes, Malformed> {
        if self.0.len() < length {
            return Err(Malformed("too short"));
        }
        Ok(self.0.split_to(length))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        if self.0.len() < N {
            return Err(Malformed("too short"));
        }
        let mut array = [0; N];
        self.0.copy_to_slice(&mut array);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a flag is neither 0 nor 1")),
        }
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn u128(&mut self) -> Result<u128, Malformed> {
        Ok(u128::from_be_bytes(self.array()?))
    }

    /// A text with its length in two bytes before it.
    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        let length = usize::from(self.u16()?);
        let bytes = self.bytes(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Malformed("a text is not UTF-8"))
    }

    /// `None`, or what `read` takes: one flag byte tells which.
    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.bool()? { Ok(Some(read(self)?)) } else { Ok(None) }
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> Bytes {
        self.0
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("too long")) }
    }
}

/// Writes a text of 65,535 bytes at the most; a longer one is cut at a character.
///
/// Names and addresses are limited to far less where they come in.
pub(super) fn put_text(out: &mut BytesMut, text: &str) {
    let mut length = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    out.put_u16(length as u16);
    out.put_slice(&text.as_bytes()[..length]);
}

pub(super) fn put_option<T>(
    out: &mut BytesMut,
    value: Option<T>,
    put: impl FnOnce(&mut BytesMut, T),
) {
    out.put_u8(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

/// Term, then node: the order of the bytes is the order of the ids.
pub(super) fn encode_leader(leader: &LeaderId) -> LeaderBytes {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&leader.term.to_be_bytes());
    bytes[8..].copy_from_slice(&leader.node_id.to_be_bytes());
    LeaderBytes(bytes)
}

pub(super) fn decode_leader(bytes: LeaderBytes) -> LeaderId {
    let both = u128::from_be_bytes(bytes.0);
    LeaderId { term: (both >> 64) as u64, node_id: both as u64 }
}

pub(super) fn put_log_id(out: &mut BytesMut, id: LogId) {
    out.put_slice(&encode_leader(id.committed_leader_id()).0);
    out.put_u64(id.index);
}

pub(super) fn read_log_id(reader: &mut Reader) -> Result<LogId, Malformed> {
    let leader = decode_leader(LeaderBytes(reader.array()?));
    Ok(log_id(leader, reader.u64()?))
}

pub(super) fn put_vote(out: &mut BytesMut, vote: &Vote) {
    out.put_slice(&encode_leader(&vote.leader_id).0);
    out.put_u8(u8::from(vote.committed));
}

pub(super) fn read_vote(reader: &mut Reader) -> Result<Vote, Malformed> {
    let leader_id = decode_leader(LeaderBytes(reader.array()?));
    Ok(Vote { leader_id, committed: reader.bool()? })
}

/// A vote for the log.
pub(super) fn encode_vote(vote: &Vote) -> Bytes {
    let mut out = BytesMut::with_capacity(18);
    out.put_u8(VERSION);
    put_vote(&mut out, vote);
    out.freeze()
}

pub(super) fn decode_vote(bytes: Bytes) -> Result<Vote, Malformed> {
    let mut reader = Reader::new(bytes);
    reader.version()?;
    let vote = read_vote(&mut reader)?;
    reader.end()?;
    Ok(vote)
}

/// The committed position for the log.
pub(super) fn encode_committed(committed: Option<LogId>) -> Bytes {
    let mut out = BytesMut::with_capacity(26);
    out.put_u8(VERSION);
    put_option(&mut out, committed, put_log_id);
    out.freeze()
}

pub(super) fn decode_committed(bytes: Bytes) -> Result<Option<LogId>, Malformed> {
    let mut reader = Reader::new(bytes);
    reader.version()?;
    let committed = reader.option(read_log_id)?;
    reader.end()?;
    Ok(committed)
}

fn put_node(out: &mut BytesMut, node: &RaftNode) {
    out.put_slice(&node.cluster.0);
    put_member(out, &node.member);
}

fn put_member(out: &mut BytesMut, member: &Member) {
    out.put_u64(member.id.0);
    out.put_slice(&member.store.0);
    for text in [&member.name, &member.raft_addr, &member.http_addr, &member.pg_addr] {
        put_text(out, text);
    }
}

fn read_node(reader: &mut Reader) -> Result<RaftNode, Malformed> {
    Ok(RaftNode { cluster: ClusterId(reader.array()?), member: read_member(reader)? })
}

fn read_member(reader: &mut Reader) -> Result<Member, Malformed> {
    Ok(Member {
        id: NodeId(reader.u64()?),
        store: StoreId(reader.array()?),
        name: reader.text()?,
        raft_addr: reader.text()?,
        http_addr: reader.text()?,
        pg_addr: reader.text()?,
    })
}

/// Voter sets (two while they change), then every node with its id before it.
pub(super) fn put_membership(out: &mut BytesMut, membership: &Membership) {
    let configs = membership.get_joint_config();
    out.put_u8(configs.len() as u8);
    for voters in configs {
        out.put_u16(voters.len() as u16);
        for voter in voters {
            out.put_u64(*voter);
        }
    }
    out.put_u16(membership.nodes().count() as u16);
    for (id, node) in membership.nodes() {
        out.put_u64(*id);
        put_node(out, node);
    }
}

pub(super) fn read_membership(reader: &mut Reader) -> Result<Membership, Malformed> {
    let mut configs = Vec::new();
    for _ in 0..reader.u8()? {
        let mut voters = BTreeSet::new();
        for _ in 0..reader.u16()? {
            if !voters.insert(reader.u64()?) {
                return Err(Malformed("a voter is named twice"));
            }
        }
        configs.push(voters);
    }
    let mut nodes = BTreeMap::new();
    for _ in 0..reader.u16()? {
        if nodes.insert(reader.u64()?, read_node(reader)?).is_some() {
            return Err(Malformed("a node is named twice"));
        }
    }
    Membership::new(configs, nodes).map_err(|_| Malformed("a membership without its voters"))
}

pub(super) fn put_stored_membership(out: &mut BytesMut, membership: &StoredMembership) {
    put_option(out, *membership.log_id(), put_log_id);
    put_membership(out, membership.membership());
}

pub(super) fn read_stored_membership(reader: &mut Reader) -> Result<StoredMembership, Malformed> {
    let id = reader.option(read_log_id)?;
    Ok(StoredMembership::new(id, read_membership(reader)?))
}

/// An entry's payload as the log and the wire carry it. A command's bytes are passed on as they
/// are.
pub(super) fn encode_payload(payload: &Payload) -> Bytes {
    match payload {
        Payload::Blank => Bytes::from_static(&[VERSION, PAYLOAD_BLANK]),
        Payload::Normal(command) => command.bytes().clone(),
        Payload::Membership(membership) => {
            let mut out = BytesMut::new();
            out.put_u8(VERSION);
            out.put_u8(PAYLOAD_MEMBERSHIP);
            put_membership(&mut out, membership);
            out.freeze()
        }
    }
}

pub(super) fn decode_payload(bytes: Bytes) -> Result<Payload, Malformed> {
    let mut reader = Reader::new(bytes.clone());
    reader.version()?;
    match reader.u8()? {
        PAYLOAD_BLANK => {
            reader.end()?;
            Ok(Payload::Blank)
        }
        PAYLOAD_COMMAND => Ok(Payload::Normal(EncodedCommand::from_bytes(bytes)?)),
        PAYLOAD_MEMBERSHIP => {
            let membership = read_membership(&mut reader)?;
            reader.end()?;
            Ok(Payload::Membership(membership))
        }
        _ => Err(Malformed("unknown kind of entry")),
    }
}

/// The hash that tells two entries under one id apart: over index, leader and payload.
pub(super) fn entry_hash(index: u64, leader: LeaderBytes, payload: &[u8]) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(&index.to_be_bytes());
    hash.update(&leader.0);
    hash.update(payload);
    hash.digest()
}

#[cfg(test)]
#[path = "codec_test.rs"]
mod tests;
