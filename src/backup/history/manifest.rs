//! What a history consists of, as texts in its place.
//!
//! Each text is a JSON document `{"checksum": ..., "content": ...}`; the checksum is XXH3-128 of the
//! content's bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_128;

use crate::model::id::{Chain, LogIndex, Position, TransactionId};

const VERSION: u32 = 1;
pub(super) const HISTORY: &str = "history.json";

/// The name of a span's description.
pub(super) fn description_of(span: &str) -> String {
    format!("{span}/span.json")
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    pub(super) version: u32,
    /// The database's name.
    pub(super) database: String,
    /// Oldest first.
    pub(super) spans: Vec<Start>,
}

/// Where a span begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Start {
    /// What its objects' names begin with.
    pub(super) name: String,
    pub(super) transaction: u64,
    /// As [`FullCopy::at`].
    pub(super) at: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) version: u32,
    pub(super) database_id: u32,
    pub(super) copy: FullCopy,
    pub(super) segments: Vec<Segment>,
    /// Everything that was acknowledged until then is in it. Microseconds since 1970, as all times here.
    pub(super) complete_until: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FullCopy {
    pub(super) object: String,
    pub(super) bytes: u64,
    /// XXH3-128 of the object, in 32 hexadecimal digits.
    pub(super) checksum: String,
    /// The last transaction in it, and the chain value after that.
    pub(super) transaction: u64,
    pub(super) chain: String,
    /// When it was made: nothing in it was committed later.
    pub(super) at: u64,
    /// The log entry from which on the log has what follows.
    pub(super) next_index: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Segment {
    pub(super) object: String,
    pub(super) bytes: u64,
    pub(super) checksum: String,
    /// Its first and last transaction, and the chain value after it.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) chain: String,
    /// When its first transaction was proposed, and the latest one.
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) next_index: u64,
}

/// A checksum or chain value as descriptions have it.
pub(super) fn hex(value: u128) -> String {
    format!("{value:032x}")
}

fn position(transaction: u64, chain: &str) -> Option<Position> {
    let chain = Chain(u128::from_str_radix(chain, 16).ok()?);
    Some(Position { txid: TransactionId(transaction), chain })
}

impl FullCopy {
    /// What it is a copy of; `None` if it doesn't say so in a way that can be read.
    pub(super) fn position(&self) -> Option<Position> {
        position(self.transaction, &self.chain)
    }
}

impl Segment {
    /// Where it leads.
    pub(super) fn end(&self) -> Option<Position> {
        position(self.last, &self.chain)
    }
}

impl Span {
    pub(super) fn new(database_id: u32, copy: FullCopy) -> Self {
        let complete_until = copy.at;
        Self { version: VERSION, database_id, copy, segments: Vec::new(), complete_until }
    }

    /// Where its last segment leads, or its copy.
    pub(super) fn end(&self) -> Option<Position> {
        match self.segments.last() {
            Some(last) => last.end(),
            None => self.copy.position(),
        }
    }

    /// Whether it leads to a position, where another one may begin, or beyond.
    pub(super) fn passes(&self, position: Option<Position>) -> bool {
        self.copy.position() == position || self.segments.iter().any(|one| one.end() == position)
    }

    /// Its last transaction.
    pub(super) fn last(&self) -> u64 {
        self.segments.last().map_or(self.copy.transaction, |last| last.last)
    }

    /// The log entry from which on the log has what follows.
    pub(super) fn next_index(&self) -> LogIndex {
        LogIndex(self.segments.last().map_or(self.copy.next_index, |last| last.next_index))
    }
}

impl History {
    pub(super) fn new(database: &str) -> Self {
        Self { version: VERSION, database: database.to_owned(), spans: Vec::new() }
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    checksum: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// A description as text.
pub(super) fn seal<T: Serialize>(content: &T) -> Result<String, String> {
    let content = serde_json::value::to_raw_value(content).map_err(|error| error.to_string())?;
    let checksum = hex(xxh3_128(content.get().as_bytes()));
    serde_json::to_string(&Sealed { checksum, content: &content })
        .map_err(|error| error.to_string())
}

/// Whether a text isn't what was written, whatever wrote it.
pub(super) fn is_damaged(text: &str) -> bool {
    let sealed = serde_json::from_str::<Sealed<'_>>(text);
    !sealed.is_ok_and(|sealed| hex(xxh3_128(sealed.content.get().as_bytes())) == sealed.checksum)
}

/// Reads a description.
///
/// # Errors
/// If it is damaged, or of a later version: a text that begins with what it is called.
pub(super) fn unseal<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let damaged = || format!("{name} is damaged: it isn't what was written");
    let sealed: Sealed<'_> = serde_json::from_str(text).map_err(|_| damaged())?;
    let content = sealed.content.get();
    if hex(xxh3_128(content.as_bytes())) != sealed.checksum {
        return Err(damaged());
    }
    let Versioned { version } = serde_json::from_str(content).map_err(|_| damaged())?;
    if version != VERSION {
        return Err(format!(
            "{name} has version {version}, and this program knows {VERSION}: use the one that wrote it"
        ));
    }
    serde_json::from_str(content).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_what_was_written_or_is_refused() {
        let start = Start { name: "a".to_owned(), transaction: 1 << 60, at: u64::MAX };
        let history = History { spans: vec![start], ..History::new("d\"b") };
        let text = seal(&history).unwrap();
        assert_eq!(unseal::<History>("h", &text).unwrap(), history);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let read = unseal::<History>("h", &text);
            assert!(is_damaged(&text), "byte {at}");
            assert!(read.is_err_and(|why| why.contains("damaged")), "byte {at}");
        }
        let later = seal(&History { version: 2, ..history }).unwrap();
        assert!(unseal::<History>("h", &later).unwrap_err().contains("version 2"));
    }

    #[test]
    fn the_layout_stays_as_it_is() {
        let copy = FullCopy {
            object: "s/copy.sqlite.gz".to_owned(),
            bytes: 1,
            checksum: hex(2),
            transaction: 3,
            chain: hex(4),
            at: 5,
            next_index: 6,
        };
        let segment = Segment {
            object: "s/4-5.segment".to_owned(),
            bytes: 7,
            checksum: hex(8),
            first: 4,
            last: 5,
            chain: hex(9),
            from: 10,
            until: 11,
            next_index: 12,
        };
        let mut span = Span::new(5, copy);
        assert_eq!((span.end().unwrap().chain, span.next_index()), (Chain(4), LogIndex(6)));
        span.segments.push(segment);
        assert_eq!((span.end().unwrap().chain, span.next_index()), (Chain(9), LogIndex(12)));
        assert_eq!(
            seal(&span).unwrap(),
            concat!(
                r#"{"checksum":"c5c39866efbdab5983f1332ab302febe","content":{"version":1,"#,
                r#""database_id":5,"copy":{"object":"s/copy.sqlite.gz","bytes":1,"#,
                r#""checksum":"00000000000000000000000000000002","transaction":3,"#,
                r#""chain":"00000000000000000000000000000004","at":5,"next_index":6},"#,
                r#""segments":[{"object":"s/4-5.segment","bytes":7,"#,
                r#""checksum":"00000000000000000000000000000008","first":4,"last":5,"#,
                r#""chain":"00000000000000000000000000000009","from":10,"until":11,"#,
                r#""next_index":12}],"complete_until":5}}"#
            )
        );
    }
}
