//! Byte layouts of what nodes say to each other about Raft. `docs/format.md` describes them.
//!
//! A message begins with a version and a kind. Answers to calls are told apart by what was asked.

use bytes::{BufMut, Bytes, BytesMut};
use openraft::alias::SnapshotMetaOf;
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderError,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};

use crate::model::id::DatabaseId;
use crate::raft::DatabaseState;
use crate::raft::codec::{
    Malformed, Reader, VERSION, decode_leader, decode_payload, encode_leader, encode_payload,
    entry_hash, put_log_id, put_option, put_stored_membership, put_text, put_vote, read_log_id,
    read_stored_membership, read_vote,
};
use crate::raft::state::{put_databases, read_databases};
use crate::raft::types::{Entry, LogId, TypeConfig, Vote, log_id};
use crate::raftlog::LeaderBytes;

const VOTE: u8 = 1;
const PRE_VOTE: u8 = 2;
const TRANSFER: u8 = 3;
const APPEND: u8 = 4;
const SNAPSHOT: u8 = 5;
const WANT: u8 = 6;
const PAGES: u8 = 7;
const INSTALLED: u8 = 8;
const REFUSED: u8 = 9;
const CONFIRM: u8 = 10;

/// Entries on their way to a follower, with what it takes to see that both have the same ones.
#[derive(Debug, Clone)]
pub(super) struct Append {
    pub(super) request: AppendEntriesRequest<TypeConfig>,
    /// The hash of the entry at `prev_log_id`, if the leader still has it.
    pub(super) prev_hash: Option<u64>,
    /// One for each entry.
    pub(super) hashes: Vec<u64>,
}

/// What a call asks.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Vote(VoteRequest<TypeConfig>),
    PreVote(VoteRequest<TypeConfig>),
    Transfer(TransferLeaderRequest<TypeConfig>),
    Append(Append),
    /// Whether nothing was promised to anybody later than this leader.
    Confirm(Vote),
}

/// What goes over a snapshot stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SnapshotMessage {
    /// Leader, first: what there is.
    Header { vote: Vote, meta: SnapshotMetaOf<TypeConfig>, databases: Vec<DatabaseState> },
    /// Follower: pages `first ..`, of which it has those with these checksums.
    Want { database: DatabaseId, first: u32, count: u32, known: Vec<u64> },
    /// Leader: the pages that differ. Answers come in the order of the questions.
    Pages(Bytes),
    /// Follower, last: all is installed, or the vote says why not.
    Installed(Vote),
    /// Follower, last: not now.
    Refused(String),
}

fn begin(kind: u8, capacity: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(2 + capacity);
    out.put_u8(VERSION);
    out.put_u8(kind);
    out
}

fn open(bytes: Bytes) -> Result<(u8, Reader), Malformed> {
    let mut reader = Reader::new(bytes);
    reader.version()?;
    Ok((reader.u8()?, reader))
}

pub(super) fn encode_vote_request(request: &VoteRequest<TypeConfig>, pre_vote: bool) -> Bytes {
    let mut out = begin(if pre_vote { PRE_VOTE } else { VOTE }, 64);
    put_vote(&mut out, &request.vote);
    put_option(&mut out, request.last_log_id, put_log_id);
    out.put_u8(u8::from(request.leadership_transfer));
    out.freeze()
}

fn read_vote_request(mut reader: Reader) -> Result<VoteRequest<TypeConfig>, Malformed> {
    let vote = read_vote(&mut reader)?;
    let last_log_id = reader.option(read_log_id)?;
    let mut request = VoteRequest::new(vote, last_log_id);
    request.leadership_transfer = reader.bool()?;
    reader.end()?;
    Ok(request)
}

pub(super) fn encode_vote_response(response: &VoteResponse<TypeConfig>) -> Bytes {
    let mut out = begin(VOTE, 64);
    put_vote(&mut out, &response.vote);
    out.put_u8(u8::from(response.vote_granted));
    put_option(&mut out, response.last_log_id, put_log_id);
    out.freeze()
}

pub(super) fn decode_vote_response(bytes: Bytes) -> Result<VoteResponse<TypeConfig>, Malformed> {
    let (VOTE, mut reader) = open(bytes)? else {
        return Err(Malformed("not an answer to a vote request"));
    };
    let vote = read_vote(&mut reader)?;
    let vote_granted = reader.bool()?;
    let last_log_id = reader.option(read_log_id)?;
    reader.end()?;
    Ok(VoteResponse { vote, vote_granted, last_log_id })
}

pub(super) fn encode_transfer(request: &TransferLeaderRequest<TypeConfig>) -> Bytes {
    let mut out = begin(TRANSFER, 64);
    put_vote(&mut out, request.from_leader());
    out.put_u64(*request.to_node_id());
    put_option(&mut out, request.last_log_id().copied(), put_log_id);
    out.freeze()
}

fn read_transfer(mut reader: Reader) -> Result<TransferLeaderRequest<TypeConfig>, Malformed> {
    let from = read_vote(&mut reader)?;
    let to = reader.u64()?;
    let last = reader.option(read_log_id)?;
    reader.end()?;
    Ok(TransferLeaderRequest::new(from, to, last))
}

pub(super) fn encode_transfer_response(response: &TransferLeaderResponse<TypeConfig>) -> Bytes {
    let mut out = begin(TRANSFER, 64);
    match response {
        Ok(()) => out.put_u8(0),
        Err(TransferLeaderError::VoteChanged { expected, actual }) => {
            out.put_u8(1);
            put_vote(&mut out, expected);
            put_vote(&mut out, actual);
        }
        Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
            out.put_u8(2);
            put_option(&mut out, *expected, put_log_id);
            put_option(&mut out, *actual, put_log_id);
        }
    }
    out.freeze()
}

pub(super) fn decode_transfer_response(
    bytes: Bytes,
) -> Result<TransferLeaderResponse<TypeConfig>, Malformed> {
    let (TRANSFER, mut reader) = open(bytes)? else {
        return Err(Malformed("not an answer to a leader transfer"));
    };
    let response = match reader.u8()? {
        0 => Ok(()),
        1 => Err(TransferLeaderError::VoteChanged {
            expected: read_vote(&mut reader)?,
            actual: read_vote(&mut reader)?,
        }),
        2 => Err(TransferLeaderError::LogNotFlushed {
            expected: reader.option(read_log_id)?,
            actual: reader.option(read_log_id)?,
        }),
        _ => return Err(Malformed("unknown answer to a leader transfer")),
    };
    reader.end()?;
    Ok(response)
}

pub(super) fn encode_confirm(vote: &Vote) -> Bytes {
    let mut out = begin(CONFIRM, 17);
    put_vote(&mut out, vote);
    out.freeze()
}

fn read_confirm(mut reader: Reader) -> Result<Vote, Malformed> {
    let vote = read_vote(&mut reader)?;
    reader.end()?;
    Ok(vote)
}

pub(super) fn encode_confirmed(confirmed: bool) -> Bytes {
    let mut out = begin(CONFIRM, 1);
    out.put_u8(u8::from(confirmed));
    out.freeze()
}

pub(super) fn decode_confirmed(bytes: Bytes) -> Result<bool, Malformed> {
    let (CONFIRM, mut reader) = open(bytes)? else {
        return Err(Malformed("not an answer to whether a leader is confirmed"));
    };
    let confirmed = reader.bool()?;
    reader.end()?;
    Ok(confirmed)
}

/// Encodes entries with their hashes. `prev_hash` belongs to the entry before them.
pub(super) fn encode_append(
    request: &AppendEntriesRequest<TypeConfig>,
    prev_hash: Option<u64>,
) -> Bytes {
    let payloads: Vec<Bytes> =
        request.entries.iter().map(|entry| encode_payload(&entry.payload)).collect();
    let size: usize = payloads.iter().map(|payload| payload.len() + 36).sum();
    let mut out = begin(APPEND, 96 + size);
    put_vote(&mut out, &request.vote);
    put_option(&mut out, request.prev_log_id, put_log_id);
    put_option(&mut out, prev_hash, BytesMut::put_u64);
    put_option(&mut out, request.leader_commit, put_log_id);
    out.put_u32(payloads.len() as u32);
    for (entry, payload) in request.entries.iter().zip(payloads) {
        let leader = encode_leader(entry.log_id.committed_leader_id());
        out.put_slice(&leader.0);
        out.put_u64(entry.log_id.index);
        out.put_u64(entry_hash(entry.log_id.index, leader, &payload));
        out.put_u32(payload.len() as u32);
        out.put_slice(&payload);
    }
    out.freeze()
}

fn read_entry(reader: &mut Reader) -> Result<(Entry, u64), Malformed> {
    let leader = LeaderBytes(reader.array()?);
    let index = reader.u64()?;
    let hash = reader.u64()?;
    let length = reader.u32()? as usize;
    let payload = reader.bytes(length)?;
    if entry_hash(index, leader, &payload) != hash {
        return Err(Malformed("an entry does not match its hash"));
    }
    let log_id = log_id(decode_leader(leader), index);
    Ok((Entry { log_id, payload: decode_payload(payload)? }, hash))
}

fn read_append(mut reader: Reader) -> Result<Append, Malformed> {
    let vote = read_vote(&mut reader)?;
    let prev_log_id = reader.option(read_log_id)?;
    let prev_hash = reader.option(Reader::u64)?;
    let leader_commit = reader.option(read_log_id)?;
    let (mut entries, mut hashes) = (Vec::new(), Vec::new());
    let mut next = prev_log_id.map_or(0, |id| id.index.wrapping_add(1));
    for _ in 0..reader.u32()? {
        let (entry, hash) = read_entry(&mut reader)?;
        if entry.log_id.index != next {
            return Err(Malformed("entries don't follow each other"));
        }
        next = next.wrapping_add(1);
        entries.push(entry);
        hashes.push(hash);
    }
    reader.end()?;
    let request = AppendEntriesRequest { vote, prev_log_id, entries, leader_commit };
    Ok(Append { request, prev_hash, hashes })
}

/// A message of a stream of entries.
pub(super) fn decode_append(bytes: Bytes) -> Result<Append, Malformed> {
    let (APPEND, reader) = open(bytes)? else {
        return Err(Malformed("not a message of a stream of entries"));
    };
    read_append(reader)
}

pub(super) fn encode_append_result(result: &StreamAppendResult<TypeConfig>) -> Bytes {
    let mut out = begin(APPEND, 32);
    match result {
        Ok(matching) => {
            out.put_u8(0);
            put_option(&mut out, *matching, put_log_id);
        }
        Err(StreamAppendError::Conflict(id)) => {
            out.put_u8(1);
            put_log_id(&mut out, *id);
        }
        Err(StreamAppendError::HigherVote(vote)) => {
            out.put_u8(2);
            put_vote(&mut out, vote);
        }
    }
    out.freeze()
}

pub(super) fn decode_append_result(
    bytes: Bytes,
) -> Result<StreamAppendResult<TypeConfig>, Malformed> {
    let (APPEND, mut reader) = open(bytes)? else {
        return Err(Malformed("not an answer to entries"));
    };
    let result = match reader.u8()? {
        0 => Ok(reader.option(read_log_id)?),
        1 => Err(StreamAppendError::Conflict(read_log_id(&mut reader)?)),
        2 => Err(StreamAppendError::HigherVote(read_vote(&mut reader)?)),
        _ => return Err(Malformed("unknown answer to entries")),
    };
    reader.end()?;
    Ok(result)
}

pub(super) fn decode_call(bytes: Bytes) -> Result<Call, Malformed> {
    let (kind, reader) = open(bytes)?;
    match kind {
        VOTE => read_vote_request(reader).map(Call::Vote),
        PRE_VOTE => read_vote_request(reader).map(Call::PreVote),
        TRANSFER => read_transfer(reader).map(Call::Transfer),
        APPEND => read_append(reader).map(Call::Append),
        CONFIRM => read_confirm(reader).map(Call::Confirm),
        _ => Err(Malformed("unknown kind of call")),
    }
}

/// Reads bytes as each thing that they could be, for `fuzz`.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_any(bytes: &Bytes) {
    let bytes = || bytes.clone();
    // Nearly all of them are refused.
    let _ = (decode_call(bytes()), decode_append(bytes()), decode_append_result(bytes()));
    let _ = (decode_vote_response(bytes()), decode_transfer_response(bytes()));
    let _ = (decode_confirmed(bytes()), decode_snapshot(bytes()));
    let _ = (super::codec::decode_vote(bytes()), decode_payload(bytes()));
}

pub(super) fn encode_snapshot(message: &SnapshotMessage) -> Bytes {
    match message {
        SnapshotMessage::Header { vote, meta, databases } => {
            let mut out = begin(SNAPSHOT, 256);
            put_vote(&mut out, vote);
            put_option(&mut out, meta.last_log_id, put_log_id);
            put_stored_membership(&mut out, &meta.last_membership);
            put_databases(&mut out, databases);
            out.freeze()
        }
        SnapshotMessage::Want { database, first, count, known } => {
            let mut out = begin(WANT, 16 + known.len() * 8);
            out.put_u32(database.0);
            out.put_u32(*first);
            out.put_u32(*count);
            out.put_u32(known.len() as u32);
            for checksum in known {
                out.put_u64(*checksum);
            }
            out.freeze()
        }
        SnapshotMessage::Pages(pages) => {
            let mut out = begin(PAGES, pages.len());
            out.put_slice(pages);
            out.freeze()
        }
        SnapshotMessage::Installed(vote) => {
            let mut out = begin(INSTALLED, 17);
            put_vote(&mut out, vote);
            out.freeze()
        }
        SnapshotMessage::Refused(reason) => {
            let mut out = begin(REFUSED, reason.len() + 2);
            put_text(&mut out, reason);
            out.freeze()
        }
    }
}

pub(super) fn decode_snapshot(bytes: Bytes) -> Result<SnapshotMessage, Malformed> {
    let (kind, mut reader) = open(bytes)?;
    let message = match kind {
        SNAPSHOT => SnapshotMessage::Header {
            vote: read_vote(&mut reader)?,
            meta: SnapshotMetaOf::<TypeConfig> {
                last_log_id: reader.option(read_log_id)?,
                last_membership: read_stored_membership(&mut reader)?,
            },
            databases: read_databases(&mut reader)?,
        },
        WANT => SnapshotMessage::Want {
            database: DatabaseId(reader.u32()?),
            first: reader.u32()?,
            count: reader.u32()?,
            known: {
                let mut known = Vec::new();
                for _ in 0..reader.u32()? {
                    known.push(reader.u64()?);
                }
                known
            },
        },
        PAGES => return Ok(SnapshotMessage::Pages(reader.rest())),
        INSTALLED => SnapshotMessage::Installed(read_vote(&mut reader)?),
        REFUSED => SnapshotMessage::Refused(reader.text()?),
        _ => return Err(Malformed("unknown kind of snapshot message")),
    };
    reader.end()?;
    Ok(message)
}

/// The log id that a follower has matched once it has appended `request`.
pub(super) fn last_of(request: &AppendEntriesRequest<TypeConfig>) -> Option<LogId> {
    request.entries.last().map(|entry| entry.log_id).or(request.prev_log_id)
}

#[cfg(test)]
#[path = "message_test.rs"]
mod tests;
