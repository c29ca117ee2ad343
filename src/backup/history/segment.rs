//! A segment: whole transactions that follow each other, as the log has them.
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `eidseg`, 0, 1 |
//! | 4 | the database's id |
//! | 24 | the position that the first transaction builds on: txid (8), chain value (16) |
//!
//! Then, for each log entry: its index (8), its length (4), and its bytes. Little-endian. What is wrong
//! with a segment as a whole its checksum tells, which stands in the span's description.

use bytes::{Buf, Bytes, BytesMut};
use xxhash_rust::xxh3::Xxh3;

use crate::backup::history::manifest::{Segment, hex};
use crate::engine::{Engine, LoggedPart, Staged, decode_part};
use crate::model::command::{Origin, PagesPart};
use crate::model::error::Error;
use crate::model::id::{Chain, DatabaseId, LogIndex, Position, TransactionId};

const MAGIC: &[u8; 8] = b"eidseg\x00\x01";
const HEADER_BYTES: usize = 8 + 4 + 24;
/// An entry is never larger than what one message between nodes takes.
const ENTRY_BYTES_MAX: usize = 64 << 20;
/// What waits to be written to the disk.
const BUFFER_BYTES: usize = 1 << 20;
/// A finished segment is read in parts of this many bytes.
const PART_BYTES: u64 = 1 << 20;

fn told(error: Error) -> String {
    error.message().to_owned()
}

/// A segment that is being made.
pub(super) struct Builder {
    file: Staged,
    /// What follows what is in the file.
    buffer: Vec<u8>,
    database: DatabaseId,
    sequence: Sequence,
    next_index: LogIndex,
    /// Bytes up to there.
    length: u64,
    first: Option<First>,
    /// When the latest of its transactions was proposed.
    until: u64,
}

#[derive(Clone, Copy)]
struct First {
    txid: TransactionId,
    proposed_at: u64,
}

/// Which parts have an effect, by the rule of the lanes that apply them.
#[derive(Debug)]
struct Sequence {
    /// After the last whole transaction.
    position: Position,
    /// The transaction of which not all parts have come.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    origin: Origin,
    /// The number of the part that must come next.
    next: u32,
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It changes nothing, on no node.
    Skipped,
    /// It belongs to the transaction that follows; `first`: what was begun before it can't be
    /// committed any more.
    Kept { first: bool, last: bool },
}

impl Sequence {
    fn take(&mut self, part: &PagesPart) -> Taken {
        if part.base != self.position || part.txid != part.base.txid.next() {
            return Taken::Skipped;
        }
        let first = part.part == 0;
        if first {
            self.open = Some(Open { origin: part.origin, next: 0 });
        }
        let Some(open) = &mut self.open else { return Taken::Skipped };
        if open.origin != part.origin || open.next != part.part {
            return Taken::Skipped;
        }
        open.next += 1;
        if part.last {
            self.open = None;
            self.position = Position { txid: part.txid, chain: part.chain };
        }
        Taken::Kept { first, last: part.last }
    }
}

fn header(database: DatabaseId, base: Position) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(database.0.to_le_bytes());
    bytes.extend(base.txid.0.to_le_bytes());
    bytes.extend(base.chain.0.to_le_bytes());
    bytes
}

fn put_entry(out: &mut Vec<u8>, index: LogIndex, encoded: &[u8]) {
    out.extend(index.0.to_le_bytes());
    out.extend((encoded.len() as u32).to_le_bytes());
    out.extend(encoded);
}

/// A segment on this node's disk, and what its description is to say; its name is still to be given.
pub(super) struct Finished {
    pub(super) file: Staged,
    pub(super) segment: Segment,
}

impl Builder {
    /// Begins one with what follows `position`, all of which is in the log from `next_index` on.
    pub(super) async fn new(
        engine: &Engine,
        database: DatabaseId,
        position: Position,
        next_index: LogIndex,
    ) -> Result<Self, String> {
        let file = engine.scratch().await.map_err(told)?;
        let buffer = header(database, position);
        let length = buffer.len() as u64;
        let sequence = Sequence { position, open: None };
        Ok(Self { file, buffer, database, sequence, next_index, length, first: None, until: 0 })
    }

    /// After the last whole transaction.
    pub(super) fn position(&self) -> Position {
        self.sequence.position
    }

    pub(super) fn database(&self) -> DatabaseId {
        self.database
    }

    pub(super) fn next_index(&self) -> LogIndex {
        self.next_index
    }

    /// Bytes of whole transactions.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Takes the part that comes next in the log. It is decided as on every node that applies it
    /// whether it has any effect. Whether a transaction is whole by it.
    pub(super) async fn push(&mut self, logged: &LoggedPart) -> Result<bool, String> {
        let part = &logged.part;
        let Taken::Kept { first, last } = self.sequence.take(part) else { return Ok(false) };
        if first {
            self.cut();
        }
        put_entry(&mut self.buffer, logged.index, &logged.encoded);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush().await?;
        }
        if !last {
            return Ok(false);
        }
        self.length = self.file.length() + self.buffer.len() as u64;
        self.next_index = LogIndex(logged.index.0 + 1);
        let first = First { txid: part.txid, proposed_at: part.proposed_at };
        self.first.get_or_insert(first);
        self.until = self.until.max(part.proposed_at);
        Ok(true)
    }

    /// Forgets what isn't whole.
    fn cut(&mut self) {
        let in_file = self.file.length();
        if self.length < in_file {
            self.file.cut(self.length);
            self.buffer.clear();
        } else {
            self.buffer.truncate((self.length - in_file) as usize);
        }
    }

    async fn flush(&mut self) -> Result<(), String> {
        let bytes = std::mem::take(&mut self.buffer);
        self.file.append(bytes.into()).await.map_err(told)
    }

    /// The segment; `None` if no transaction is in it.
    pub(super) async fn finish(mut self) -> Result<Option<Finished>, String> {
        let Some(first) = self.first else { return Ok(None) };
        self.cut();
        self.flush().await?;
        let mut hash = Box::new(Xxh3::new());
        let mut offset = 0;
        while offset < self.length {
            let part = self.file.read(offset, PART_BYTES).await.map_err(told)?;
            hash.update(&part);
            offset += part.len() as u64;
        }
        let segment = Segment {
            object: String::new(),
            bytes: self.length,
            checksum: hex(hash.digest128()),
            first: first.txid.0,
            last: self.position().txid.0,
            chain: hex(self.position().chain.0),
            from: first.proposed_at,
            until: self.until,
            next_index: self.next_index.0,
        };
        Ok(Some(Finished { file: self.file, segment }))
    }
}

/// Cuts a segment's bytes, as they come, into the parts of transactions that it holds.
#[derive(Debug, Default)]
pub(super) struct Parts {
    bytes: BytesMut,
    begun: bool,
}

impl Parts {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next part, once all of it is there. `database` and `position` are those that the segment must
    /// be of.
    pub(super) fn next(
        &mut self,
        database: DatabaseId,
        position: Position,
    ) -> Result<Option<PagesPart>, String> {
        let damaged = || "it isn't a segment, or not the one that belongs here".to_owned();
        if !self.begun {
            if self.bytes.len() < HEADER_BYTES {
                return Ok(None);
            }
            let mut header = self.bytes.split_to(HEADER_BYTES);
            let magic = header.split_to(MAGIC.len());
            let id = DatabaseId(header.get_u32_le());
            let txid = TransactionId(header.get_u64_le());
            let base = Position { txid, chain: Chain(header.get_u128_le()) };
            if *magic != *MAGIC || id != database || base != position {
                return Err(damaged());
            }
            self.begun = true;
        }
        let Some((_, rest)) = self.bytes.split_at_checked(8) else { return Ok(None) };
        let Some((length, _)) = rest.split_first_chunk() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > ENTRY_BYTES_MAX {
            return Err(damaged());
        }
        if self.bytes.len() < 12 + length {
            return Ok(None);
        }
        self.bytes.advance(12);
        let encoded: Bytes = self.bytes.split_to(length).freeze();
        decode_part(encoded).map(Some).map_err(|fault| fault.to_string())
    }

    /// Whether it has ended with a whole entry.
    pub(super) fn is_at_end(&self) -> bool {
        self.begun && self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::id::{NodeId, ProposalId};

    fn position(txid: u64) -> Position {
        Position { txid: TransactionId(txid), chain: Chain(u128::from(txid) + 100) }
    }

    /// A part of the transaction that leads from `base`.
    fn part(base: u64, proposal: u64, (part, last): (u32, bool)) -> PagesPart {
        PagesPart {
            database: DatabaseId::POSTGRES,
            base: position(base),
            txid: TransactionId(base + 1),
            chain: position(base + 1).chain,
            database_pages: 1,
            part,
            last,
            origin: Origin { node: NodeId(1), proposal: ProposalId(proposal) },
            proposed_at: 7,
            pages: Bytes::from_static(b"\x01"),
            notifications: Vec::new(),
        }
    }

    #[test]
    fn parts_are_taken_as_lanes_take_them() {
        let mut sequence = Sequence { position: position(5), open: None };
        let kept = |first, last| Taken::Kept { first, last };
        for (given, taken) in [
            // Built on another position, by number or by content.
            (part(4, 1, (0, true)), Taken::Skipped),
            (part(6, 1, (0, true)), Taken::Skipped),
            (
                PagesPart {
                    base: Position { chain: Chain(1), ..position(5) },
                    ..part(5, 1, (0, true))
                },
                Taken::Skipped,
            ),
            // No beginning.
            (part(5, 1, (1, true)), Taken::Skipped),
            // Begun, and overtaken by one of another origin.
            (part(5, 1, (0, false)), kept(true, false)),
            (part(5, 1, (1, false)), kept(false, false)),
            (part(5, 1, (1, false)), Taken::Skipped),
            (part(5, 2, (2, true)), Taken::Skipped),
            (part(5, 2, (0, false)), kept(true, false)),
            (part(5, 1, (2, true)), Taken::Skipped),
            (part(5, 2, (1, true)), kept(false, true)),
            // What is late.
            (part(5, 1, (2, true)), Taken::Skipped),
            (part(6, 3, (0, true)), kept(true, true)),
        ] {
            assert_eq!(sequence.take(&given), taken, "{given:?}");
        }
        assert_eq!(sequence.position, position(7));
    }

    /// Part 0 of 1 that leads from transaction 5, as an entry's bytes.
    fn encoded() -> Vec<u8> {
        let mut bytes = vec![1, 1, 5, 0, 0, 0, 5];
        bytes.extend(5_u64.to_be_bytes());
        bytes.extend(105_u128.to_be_bytes());
        bytes.extend(6_u64.to_be_bytes());
        bytes.extend(106_u128.to_be_bytes());
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 1]);
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend(9_u64.to_be_bytes());
        bytes.extend(7_u64.to_be_bytes());
        bytes.push(1);
        bytes
    }

    #[test]
    fn a_segment_is_read_in_pieces_of_any_size() {
        let mut bytes = header(DatabaseId::POSTGRES, position(5));
        assert_eq!(bytes[..12], *b"eidseg\x00\x01\x05\0\0\0");
        put_entry(&mut bytes, LogIndex(3), &encoded());
        assert_eq!(bytes[HEADER_BYTES..HEADER_BYTES + 12], *b"\x03\0\0\0\0\0\0\0\x59\0\0\0");
        put_entry(&mut bytes, LogIndex(4), &encoded());
        for size in [1, 7, bytes.len()] {
            let (mut parts, mut read) = (Parts::default(), Vec::new());
            for piece in bytes.chunks(size) {
                parts.push(piece);
                while let Some(part) = parts.next(DatabaseId::POSTGRES, position(5)).unwrap() {
                    read.push(part);
                }
            }
            assert!(parts.is_at_end());
            assert_eq!(read, [part(5, 9, (0, true)), part(5, 9, (0, true))]);
        }
        for (database, base) in [(DatabaseId(6), 5), (DatabaseId::POSTGRES, 4)] {
            let mut parts = Parts::default();
            parts.push(&bytes);
            assert!(parts.next(database, position(base)).is_err());
        }
        let mut parts = Parts::default();
        parts.push(&bytes[..bytes.len() - 1]);
        assert!(parts.next(DatabaseId::POSTGRES, position(5)).unwrap().is_some());
        assert!(parts.next(DatabaseId::POSTGRES, position(5)).unwrap().is_none());
        assert!(!parts.is_at_end());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            header_kept: bool,
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut parts = Parts::default();
            if header_kept {
                parts.push(&header(DatabaseId::POSTGRES, position(5)));
            }
            parts.push(&bytes);
            while let Ok(Some(_)) = parts.next(DatabaseId::POSTGRES, position(5)) {}
        }
    }
}
