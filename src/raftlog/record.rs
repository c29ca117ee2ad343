//! The byte layout of segment headers and records. `docs/format.md`, section "The Raft log", has
//! the same tables; both are pinned by tests here.
//!
//! Pure: bytes in, bytes out. Integers are little-endian.

use bytes::Bytes;

use crate::model::id::StoreId;
use crate::raftlog::LeaderBytes;

/// Length of a segment's header: a block of its own, so that no later write touches it.
pub(super) const SEGMENT_HEADER_LEN: u64 = 4096;
/// Length of a record's header.
pub(super) const HEADER_LEN: usize = 72;
/// The largest payload of a record.
pub(super) const PAYLOAD_MAX: usize = 1 << 30;
/// The largest encoded vote or committed id: both must fit into a segment's header.
pub(super) const STATE_MAX: usize = 1024;
/// Records begin at multiples of this.
const ALIGNMENT: u64 = 8;

const SEGMENT_MAGIC: [u8; 8] = *b"EiderLog";
const SEGMENT_VERSION: u32 = 1;
const SEGMENT_CHECKSUM_AT: usize = SEGMENT_HEADER_LEN as usize - 4;
const RECORD_MAGIC: [u8; 4] = *b"EdRc";
const NO_SEGMENT: u64 = u64::MAX;

/// An entry's id.
pub(super) type Id = (u64, LeaderBytes);

/// What a segment needs to know of the segments before it, so that they can be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Checkpoint {
    pub purged: Option<Id>,
    pub last: Option<Id>,
    pub vote: Option<Bytes>,
    pub committed: Option<Bytes>,
}

impl Checkpoint {
    /// Notes a purge: the log ends at `id` if it ended before it.
    pub(super) fn purge(&mut self, id: Id) {
        self.purged = Some(id);
        if self.last.is_none_or(|(last, _)| last < id.0) {
            self.last = Some(id);
        }
    }
}

/// The first block of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub store: StoreId,
    /// The position of this segment's first byte: how many bytes of log came before it.
    pub base: u64,
    /// The base of the segment before this one.
    pub before: Option<u64>,
    /// Random. Seeds the checksums of this segment's records, so that bytes of another segment
    /// are never taken for its own.
    pub salt: u64,
    pub checkpoint: Checkpoint,
}

/// Why a segment's header was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderError {
    Damaged,
    /// Written by another version of this program.
    Version(u32),
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An entry: index, leader, hash, payload.
    Entry = 1,
    /// The vote: payload.
    Vote = 2,
    /// The committed id: payload.
    Committed = 3,
    /// Entries after index are removed; index and leader are the new last id.
    Truncate = 4,
    /// Every entry is removed.
    Clear = 5,
    /// Entries up to and with index are forgotten; index and leader are that entry's id.
    Purge = 6,
    /// Says nothing but how far the log was durable.
    Mark = 7,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Entry,
            2 => Self::Vote,
            3 => Self::Committed,
            4 => Self::Truncate,
            5 => Self::Clear,
            6 => Self::Purge,
            7 => Self::Mark,
            _ => return None,
        })
    }
}

/// A record's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Kind,
    pub payload_len: u32,
    /// The checksum of the record before; of the segment's header, for the first.
    pub previous: u32,
    /// Where this record lies.
    pub position: u64,
    /// Everything before this position was durable when this record was written.
    pub durable: u64,
    pub index: u64,
    pub leader: LeaderBytes,
    pub hash: u64,
    pub payload_checksum: u32,
}

/// The bytes that a record with this payload takes.
pub(super) fn record_len(payload_len: usize) -> u64 {
    (HEADER_LEN as u64 + payload_len as u64).next_multiple_of(ALIGNMENT)
}

/// The checksum of a payload.
pub(super) fn checksum(payload: &[u8]) -> u32 {
    crc32c::crc32c(payload)
}

fn header_checksum(salt: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), bytes)
}

impl Header {
    /// Appends the header's bytes to `to` and returns its checksum, the next record's `previous`.
    pub(super) fn encode(&self, salt: u64, to: &mut Vec<u8>) -> u32 {
        let start = to.len();
        to.extend_from_slice(&RECORD_MAGIC);
        to.extend_from_slice(&[self.kind as u8, 0, 0, 0]);
        to.extend_from_slice(&self.payload_len.to_le_bytes());
        to.extend_from_slice(&self.previous.to_le_bytes());
        to.extend_from_slice(&self.position.to_le_bytes());
        to.extend_from_slice(&self.durable.to_le_bytes());
        to.extend_from_slice(&self.index.to_le_bytes());
        to.extend_from_slice(&self.leader.0);
        to.extend_from_slice(&self.hash.to_le_bytes());
        to.extend_from_slice(&self.payload_checksum.to_le_bytes());
        let checksum = header_checksum(salt, &to[start..]);
        to.extend_from_slice(&checksum.to_le_bytes());
        checksum
    }

    /// Reads a header that should lie at `position` in a segment with `salt`; gives its checksum
    /// as well. `None` if these bytes are not one.
    pub(super) fn decode(bytes: &[u8], salt: u64, position: u64) -> Option<(Self, u32)> {
        let bytes = bytes.first_chunk::<HEADER_LEN>()?;
        if bytes[..4] != RECORD_MAGIC || read_u64(bytes, 16) != position {
            return None;
        }
        let checksum = read_u32(bytes, HEADER_LEN - 4);
        if header_checksum(salt, &bytes[..HEADER_LEN - 4]) != checksum || bytes[5..8] != [0; 3] {
            return None;
        }
        let header = Self {
            kind: Kind::from_byte(bytes[4])?,
            payload_len: read_u32(bytes, 8),
            previous: read_u32(bytes, 12),
            position,
            durable: read_u64(bytes, 24),
            index: read_u64(bytes, 32),
            leader: read_leader(bytes, 40),
            hash: read_u64(bytes, 56),
            payload_checksum: read_u32(bytes, 64),
        };
        Some((header, checksum))
    }
}

impl SegmentHeader {
    /// The header's block.
    pub(super) fn encode(&self) -> Vec<u8> {
        let checkpoint = &self.checkpoint;
        let vote = checkpoint.vote.as_deref().unwrap_or_default();
        let committed = checkpoint.committed.as_deref().unwrap_or_default();
        let mut block = Vec::with_capacity(SEGMENT_HEADER_LEN as usize);
        block.extend_from_slice(&SEGMENT_MAGIC);
        block.extend_from_slice(&SEGMENT_VERSION.to_le_bytes());
        let flags = u32::from(checkpoint.purged.is_some())
            | u32::from(checkpoint.last.is_some()) << 1
            | u32::from(checkpoint.vote.is_some()) << 2
            | u32::from(checkpoint.committed.is_some()) << 3;
        block.extend_from_slice(&flags.to_le_bytes());
        block.extend_from_slice(&self.store.0);
        block.extend_from_slice(&self.base.to_le_bytes());
        block.extend_from_slice(&self.before.unwrap_or(NO_SEGMENT).to_le_bytes());
        block.extend_from_slice(&self.salt.to_le_bytes());
        for id in [checkpoint.purged, checkpoint.last] {
            let (index, leader) = id.unwrap_or_default();
            block.extend_from_slice(&index.to_le_bytes());
            block.extend_from_slice(&leader.0);
        }
        block.extend_from_slice(&(vote.len() as u32).to_le_bytes());
        block.extend_from_slice(&(committed.len() as u32).to_le_bytes());
        block.extend_from_slice(vote);
        block.extend_from_slice(committed);
        block.resize(SEGMENT_CHECKSUM_AT, 0);
        let checksum = checksum(&block);
        block.extend_from_slice(&checksum.to_le_bytes());
        block
    }

    /// Reads a segment's first block.
    pub(super) fn decode(block: &[u8]) -> Result<Self, HeaderError> {
        let block = block
            .first_chunk::<{ SEGMENT_HEADER_LEN as usize }>()
            .filter(|block| block[..8] == SEGMENT_MAGIC)
            .ok_or(HeaderError::Damaged)?;
        if checksum(&block[..SEGMENT_CHECKSUM_AT]) != segment_checksum(block) {
            return Err(HeaderError::Damaged);
        }
        let version = read_u32(block, 8);
        if version != SEGMENT_VERSION {
            return Err(HeaderError::Version(version));
        }
        let flags = read_u32(block, 12);
        let mut store = StoreId::default();
        store.0.copy_from_slice(&block[16..32]);
        let before = read_u64(block, 40);
        let id = |at: usize| (read_u64(block, at), read_leader(block, at + 8));
        let vote_end = 112 + read_u32(block, 104) as usize;
        let committed_end = vote_end.saturating_add(read_u32(block, 108) as usize);
        let vote = block.get(112..vote_end).ok_or(HeaderError::Damaged)?;
        let committed = block.get(vote_end..committed_end).ok_or(HeaderError::Damaged)?;
        Ok(Self {
            store,
            base: read_u64(block, 32),
            before: (before != NO_SEGMENT).then_some(before),
            salt: read_u64(block, 48),
            checkpoint: Checkpoint {
                purged: (flags & 1 != 0).then(|| id(56)),
                last: (flags & 2 != 0).then(|| id(80)),
                vote: (flags & 4 != 0).then(|| Bytes::copy_from_slice(vote)),
                committed: (flags & 8 != 0).then(|| Bytes::copy_from_slice(committed)),
            },
        })
    }
}

/// The checksum in a segment's first block: the `previous` of its first record.
pub(super) fn segment_checksum(block: &[u8]) -> u32 {
    read_u32(block, SEGMENT_CHECKSUM_AT)
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

fn read_leader(bytes: &[u8], at: usize) -> LeaderBytes {
    let mut leader = LeaderBytes::default();
    leader.0.copy_from_slice(&bytes[at..at + 16]);
    leader
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write;
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    fn entry() -> Header {
        Header {
            kind: Kind::Entry,
            payload_len: 5,
            previous: 0x0a0b_0c0d,
            position: 0x1122_3344,
            durable: 0x1000,
            index: 7,
            leader: LeaderBytes(*b"term and node id"),
            hash: 0x0102_0304_0506_0708,
            payload_checksum: checksum(b"hello"),
        }
    }

    fn segment() -> SegmentHeader {
        SegmentHeader {
            store: StoreId([0xaa; 16]),
            base: 0x4_0000,
            before: Some(0x2_0000),
            salt: 0x5a17,
            checkpoint: Checkpoint {
                purged: Some((3, LeaderBytes([1; 16]))),
                last: Some((9, LeaderBytes([2; 16]))),
                vote: Some(Bytes::from_static(b"vote")),
                committed: Some(Bytes::from_static(b"to 8")),
            },
        }
    }

    #[test]
    fn record_header_has_these_bytes() {
        let mut bytes = Vec::new();
        entry().encode(0x5a17, &mut bytes);
        assert_eq!(hex(&bytes), RECORD_HEX);
    }

    #[test]
    fn segment_header_has_these_bytes() {
        let block = segment().encode();
        assert_eq!(block.len() as u64, SEGMENT_HEADER_LEN);
        assert_eq!(hex(&block[..120]), SEGMENT_HEX);
        assert!(block[120..SEGMENT_CHECKSUM_AT].iter().all(|byte| *byte == 0));
        assert_eq!(hex(&block[SEGMENT_CHECKSUM_AT..]), SEGMENT_CHECKSUM_HEX);
    }

    #[test]
    fn a_record_is_only_valid_where_it_was_written() {
        let mut bytes = Vec::new();
        let checksum = entry().encode(1, &mut bytes);
        assert_eq!(Header::decode(&bytes, 1, 0x1122_3344), Some((entry(), checksum)));
        assert_eq!(Header::decode(&bytes, 2, 0x1122_3344), None);
        assert_eq!(Header::decode(&bytes, 1, 0x1122_334c), None);
        assert_eq!(Header::decode(&bytes[..HEADER_LEN - 1], 1, 0x1122_3344), None);
    }

    #[test]
    fn a_segment_header_survives_and_any_flipped_bit_is_noticed() {
        let mut block = segment().encode();
        assert_eq!(SegmentHeader::decode(&block), Ok(segment()));
        for at in 0..block.len() {
            block[at] ^= 0x10;
            assert_eq!(SegmentHeader::decode(&block), Err(HeaderError::Damaged), "byte {at}");
            block[at] ^= 0x10;
        }
    }

    #[test]
    fn a_segment_of_another_version_is_named() {
        let mut block = segment().encode();
        block[8] = 2;
        let checksum = checksum(&block[..SEGMENT_CHECKSUM_AT]);
        block[SEGMENT_CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&block), Err(HeaderError::Version(2)));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_of_a_record_header_is_noticed(at in 0..HEADER_LEN * 8) {
            let mut bytes = Vec::new();
            entry().encode(9, &mut bytes);
            bytes[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(Header::decode(&bytes, 9, 0x1122_3344), None);
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let _ = Header::decode(&bytes, 0, 0);
            let _ = SegmentHeader::decode(&bytes);
        }
    }

    const RECORD_HEX: &str = concat!(
        "45645263",                         // magic
        "01000000",                         // kind, zeros
        "05000000",                         // payload length
        "0d0c0b0a",                         // checksum of the record before
        "4433221100000000",                 // position
        "0010000000000000",                 // durable up to
        "0700000000000000",                 // index
        "7465726d20616e64206e6f6465206964", // leader
        "0807060504030201",                 // hash
        "4cbb719a",                         // checksum of the payload
        "0aeadf44",                         // checksum of this header
    );
    const SEGMENT_HEX: &str = concat!(
        "45696465724c6f67",                 // magic
        "01000000",                         // version
        "0f000000",                         // flags
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", // store
        "0000040000000000",                 // base
        "0000020000000000",                 // the segment before
        "175a000000000000",                 // salt
        "0300000000000000",                 // purged: index
        "01010101010101010101010101010101", // purged: leader
        "0900000000000000",                 // last: index
        "02020202020202020202020202020202", // last: leader
        "04000000",                         // length of the vote
        "04000000",                         // length of the committed id
        "766f7465",                         // vote
        "746f2038",                         // committed id
    );
    const SEGMENT_CHECKSUM_HEX: &str = "ab8a7d41";
}
