//! The messages by which nodes find and admit each other, byte by byte.
//!
//! Every message begins with its version, 1. Numbers are little-endian; a text is its length in
//! bytes (u16) and UTF-8. A member is `id u64 | store 16 bytes | name | Raft, HTTP and PostgreSQL
//! address`.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::model::id::{ClusterId, LogIndex, NodeId, StoreId, Term};
use crate::model::member::Member;
use crate::raft::LogEnd;

const VERSION: u8 = 1;
/// Members in one message at the most.
const MEMBERS_MAX: usize = 1024;

/// The answer to "hello".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HelloReply {
    pub(super) cluster: Option<ClusterId>,
    pub(super) me: Member,
    pub(super) leader: Option<Member>,
}

/// "Let me into your cluster": also, from a member, "my addresses have changed".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JoinRequest {
    pub(super) me: Member,
    pub(super) read_only: bool,
    pub(super) login: Login,
}

/// A user and the password; both empty for nobody.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) name: String,
    pub(super) password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the password.
        f.debug_tuple("Login").field(&self.name).finish()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JoinReply {
    Done,
    /// Ask this one, who leads.
    Redirect(Member),
    /// It makes no sense to ask again; why.
    Never(String),
}

/// Between nodes that make a cluster together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notify {
    /// "I am here, and we are to be so many."
    Here { me: Member, expect: u32 },
    /// "Let us be a cluster", from the first of these members.
    Claim { members: Vec<Member> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotifyReply {
    Agreed,
    /// Why not.
    Disagreed(String),
}

/// Between nodes that recover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LogRequest {
    /// "How far does your log go?" ([`LogReply`])
    End,
    /// "I am to lead by our file: vote for me." ([`NotifyReply`])
    Vote(Candidate),
}

/// Who is to lead nodes that recover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) term: Term,
    /// What the file says, as a hash.
    pub(super) file: u128,
    /// Where its log ends.
    pub(super) end: Option<LogEnd>,
}

/// The answer to "how far does your log go?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogReply {
    /// The highest term that it knows of.
    pub(super) term: Term,
    /// What the file says by which it recovers, as a hash; `None` if it runs.
    pub(super) file: Option<u128>,
    /// `None` for an empty log.
    pub(super) end: Option<LogEnd>,
    /// Whether a majority takes it for its leader.
    pub(super) leads: bool,
    /// The leader that it heard from a moment ago.
    pub(super) hears: Option<NodeId>,
}

fn begin() -> BytesMut {
    let mut out = BytesMut::new();
    out.put_u8(VERSION);
    out
}

fn put_text(out: &mut BytesMut, text: &str) {
    // Names and addresses are far shorter; texts for people lose their end.
    let mut end = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.put_u16_le(end as u16);
    out.put_slice(&text.as_bytes()[..end]);
}

fn put_member(out: &mut BytesMut, member: &Member) {
    out.put_u64_le(member.id.0);
    out.put_slice(&member.store.0);
    for text in [&member.name, &member.raft_addr, &member.http_addr, &member.pg_addr] {
        put_text(out, text);
    }
}

/// Takes a message apart; `None` wherever it is too short or makes no sense.
struct Reader(Bytes);

impl Reader {
    fn new(bytes: Bytes) -> Option<Self> {
        let mut reader = Self(bytes);
        (reader.byte()? == VERSION).then_some(reader)
    }

    fn byte(&mut self) -> Option<u8> {
        self.0.try_get_u8().ok()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut array = [0; N];
        self.0.try_copy_to_slice(&mut array).ok()?;
        Some(array)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.0.try_get_u16_le().ok()?);
        if self.0.len() < length {
            return None;
        }
        String::from_utf8(self.0.split_to(length).into()).ok()
    }

    fn number(&mut self) -> Option<u64> {
        self.0.try_get_u64_le().ok()
    }

    fn log_end(&mut self) -> Option<LogEnd> {
        let (term, leader) = (Term(self.number()?), NodeId(self.number()?));
        Some(LogEnd { term, leader, index: LogIndex(self.number()?) })
    }

    fn member(&mut self) -> Option<Member> {
        Some(Member {
            id: NodeId(self.0.try_get_u64_le().ok()?),
            store: StoreId(self.array()?),
            name: self.text()?,
            raft_addr: self.text()?,
            http_addr: self.text()?,
            pg_addr: self.text()?,
        })
    }

    /// What was read, if that was all.
    fn end<T>(&self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

pub(super) fn hello() -> Bytes {
    begin().freeze()
}

impl HelloReply {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = begin();
        out.put_u8(u8::from(self.cluster.is_some()) | u8::from(self.leader.is_some()) << 1);
        out.put_slice(&self.cluster.unwrap_or_default().0);
        put_member(&mut out, &self.me);
        if let Some(leader) = &self.leader {
            put_member(&mut out, leader);
        }
        out.freeze()
    }

    pub(super) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let bits = reader.byte()?;
        let cluster = ClusterId(reader.array()?);
        let me = reader.member()?;
        let leader = if bits & 2 == 0 { None } else { Some(reader.member()?) };
        reader.end(Self { cluster: (bits & 1 != 0).then_some(cluster), me, leader })
    }
}

impl JoinRequest {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = begin();
        out.put_u8(u8::from(self.read_only));
        put_member(&mut out, &self.me);
        put_text(&mut out, &self.login.name);
        put_text(&mut out, &self.login.password);
        out.freeze()
    }

    pub(super) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let read_only = reader.byte()? != 0;
        let me = reader.member()?;
        let login = Login { name: reader.text()?, password: reader.text()? };
        reader.end(Self { me, read_only, login })
    }
}

impl JoinReply {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = begin();
        match self {
            Self::Done => out.put_u8(0),
            Self::Redirect(leader) => {
                out.put_u8(1);
                put_member(&mut out, leader);
            }
            Self::Never(why) => {
                out.put_u8(2);
                put_text(&mut out, why);
            }
        }
        out.freeze()
    }

    pub(super) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let reply = match reader.byte()? {
            0 => Self::Done,
            1 => Self::Redirect(reader.member()?),
            2 => Self::Never(reader.text()?),
            _ => return None,
        };
        reader.end(reply)
    }
}

impl Notify {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = begin();
        match self {
            Self::Here { me, expect } => {
                out.put_u8(0);
                out.put_u32_le(*expect);
                put_member(&mut out, me);
            }
            Self::Claim { members } => {
                out.put_u8(1);
                out.put_u32_le(members.len() as u32);
                for member in members {
                    put_member(&mut out, member);
                }
            }
        }
        out.freeze()
    }

    pub(super) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let tag = reader.byte()?;
        let count = reader.0.try_get_u32_le().ok()?;
        let notify = match tag {
            0 => Self::Here { expect: count, me: reader.member()? },
            1 if count as usize <= MEMBERS_MAX => {
                let members = (0..count).map(|_| reader.member()).collect::<Option<_>>()?;
                Self::Claim { members }
            }
            _ => return None,
        };
        reader.end(notify)
    }
}

fn put_end(out: &mut BytesMut, end: Option<LogEnd>) {
    let Some(LogEnd { term, leader, index }) = end else { return };
    out.put_u64_le(term.0);
    out.put_u64_le(leader.0);
    out.put_u64_le(index.0);
}

impl LogRequest {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = begin();
        match self {
            Self::End => out.put_u8(0),
            Self::Vote(Candidate { term, file, end }) => {
                out.put_u8(1 | u8::from(end.is_some()) << 1);
                out.put_u64_le(term.0);
                out.put_u128_le(*file);
                put_end(&mut out, *end);
            }
        }
        out.freeze()
    }

    pub(super) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let bits = reader.byte()?;
        let request = match bits {
            0 => Self::End,
            1 | 3 => Self::Vote(Candidate {
                term: Term(reader.number()?),
                file: reader.0.try_get_u128_le().ok()?,
                end: if bits == 3 { Some(reader.log_end()?) } else { None },
            }),
            _ => return None,
        };
        reader.end(request)
    }
}

impl LogReply {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = begin();
        let bits = [self.end.is_some(), self.leads, self.hears.is_some(), self.file.is_some()];
        out.put_u8((0..).zip(bits).map(|(at, bit)| u8::from(bit) << at).sum());
        out.put_u64_le(self.term.0);
        put_end(&mut out, self.end);
        if let Some(leader) = self.hears {
            out.put_u64_le(leader.0);
        }
        if let Some(file) = self.file {
            out.put_u128_le(file);
        }
        out.freeze()
    }

    pub(super) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let bits = reader.byte()?;
        let term = Term(reader.number()?);
        let end = if bits & 1 == 0 { None } else { Some(reader.log_end()?) };
        let hears = if bits & 4 == 0 { None } else { Some(NodeId(reader.number()?)) };
        let file = if bits & 8 == 0 { None } else { Some(reader.0.try_get_u128_le().ok()?) };
        reader.end(Self { term, file, end, leads: bits & 2 != 0, hears })
    }
}

impl NotifyReply {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = begin();
        match self {
            Self::Agreed => out.put_u8(0),
            Self::Disagreed(why) => {
                out.put_u8(1);
                put_text(&mut out, why);
            }
        }
        out.freeze()
    }

    pub(super) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let reply = match reader.byte()? {
            0 => Self::Agreed,
            1 => Self::Disagreed(reader.text()?),
            _ => return None,
        };
        reader.end(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        Member {
            id: NodeId(1),
            store: StoreId([2; 16]),
            name: "n".to_owned(),
            raft_addr: "r:1".to_owned(),
            http_addr: "h:2".to_owned(),
            pg_addr: "p:3".to_owned(),
        }
    }

    const MEMBER: &[u8] = b"\x01\0\0\0\0\0\0\0\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\
        \x02\x02\x02\x02\x01\0n\x03\0r:1\x03\0h:2\x03\0p:3";

    /// Checks the bytes, that they come back, and that no shortened message is taken.
    fn pinned<T: PartialEq + std::fmt::Debug>(
        value: &T,
        encoded: &Bytes,
        expected: &[&[u8]],
        decode: fn(Bytes) -> Option<T>,
    ) {
        assert_eq!(encoded, &expected.concat());
        assert_eq!(decode(encoded.clone()).as_ref(), Some(value));
        for end in 0..encoded.len() {
            assert_eq!(decode(encoded.slice(..end)), None, "{end}");
        }
    }

    #[test]
    fn layouts_are_pinned() {
        let login = Login { name: "u".to_owned(), password: "pw".to_owned() };
        let request = JoinRequest { me: member(), read_only: true, login };
        let bytes: [&[u8]; 3] = [&[1, 1], MEMBER, b"\x01\0u\x02\0pw"];
        pinned(&request, &request.encode(), &bytes, JoinRequest::decode);
        let reply = JoinReply::Redirect(member());
        pinned(&reply, &reply.encode(), &[&[1, 1], MEMBER], JoinReply::decode);
        let reply = JoinReply::Never("é".to_owned());
        pinned(&reply, &reply.encode(), &[b"\x01\x02\x02\0\xc3\xa9"], JoinReply::decode);
        pinned(&JoinReply::Done, &JoinReply::Done.encode(), &[&[1, 0]], JoinReply::decode);
        let here = Notify::Here { me: member(), expect: 3 };
        pinned(&here, &here.encode(), &[&[1, 0, 3, 0, 0, 0], MEMBER], Notify::decode);
        let claim = Notify::Claim { members: vec![member(), member()] };
        let bytes = [&[1, 1, 2, 0, 0, 0], MEMBER, MEMBER];
        pinned(&claim, &claim.encode(), &bytes, Notify::decode);
        let agreed = NotifyReply::Agreed;
        pinned(&agreed, &agreed.encode(), &[&[1, 0]], NotifyReply::decode);
        let cluster = Some(ClusterId([9; 16]));
        let reply = HelloReply { cluster, me: member(), leader: Some(member()) };
        let bytes: [&[u8]; 4] = [&[1, 3], &[9; 16], MEMBER, MEMBER];
        pinned(&reply, &reply.encode(), &bytes, HelloReply::decode);
        assert_eq!(hello(), &[1][..]);
        let end = LogEnd { term: Term(5), leader: NodeId(6), index: LogIndex(7) };
        let (term, hears, file) = (Term(9), Some(NodeId(8)), Some(10));
        let reply = LogReply { term, file, end: Some(end), leads: true, hears };
        let numbers = [9_u64, 5, 6, 7, 8, 10, 0].map(u64::to_le_bytes).concat();
        pinned(&reply, &reply.encode(), &[&[1, 15], &numbers], LogReply::decode);
        let nothing = LogReply { term, file: None, end: None, leads: false, hears: None };
        pinned(&nothing, &nothing.encode(), &[&[1, 0], &numbers[..8]], LogReply::decode);
        let candidate = Candidate { term, file: 10, end: Some(end) };
        let request = LogRequest::Vote(candidate.clone());
        let numbers = [9_u64, 10, 0, 5, 6, 7].map(u64::to_le_bytes).concat();
        pinned(&request, &request.encode(), &[&[1, 3], &numbers], LogRequest::decode);
        let request = LogRequest::Vote(Candidate { end: None, ..candidate });
        pinned(&request, &request.encode(), &[&[1, 1], &numbers[..24]], LogRequest::decode);
        pinned(&LogRequest::End, &LogRequest::End.encode(), &[&[1, 0]], LogRequest::decode);
    }
}
