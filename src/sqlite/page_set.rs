//! One transaction's pages as bytes. `docs/format.md` has the layout.
//!
//! A part is the version byte, then pages one after the other:
//!
//! | bytes | content |
//! |---|---|
//! | 4 | page number |
//! | 1 | encoding: 0 raw, 1 LZ4 block, 2 LZ4 block of the page XOR the page before this transaction |
//! | 4 | length of the encoded page |
//! | 8 | checksum of the page (`page::page_checksum`) |
//! | length | the encoded page |
//!
//! Numbers are little-endian. Pages are ordered by number over all parts, but page 1 comes last: it
//! holds the schema cookie, and who applies the pages must not see a new cookie before the new schema.
//! Page 1 has the constant stamps of `page::stamp`.

use std::ops::ControlFlow;

use xxhash_rust::xxh3::Xxh3;

use crate::model::command::PagesPart;
use crate::model::error::Fault;
use crate::model::id::{Chain, TransactionId};
use crate::platform::mutant::mutant;
use crate::sqlite::page::page_checksum;
use crate::sqlite::vfs::PAGE_BYTES;

/// The version of the layout, the first byte of each part.
const VERSION: u8 = 1;
const PAGE_HEADER_BYTES: usize = 17;
const RAW: u8 = 0;
const COMPRESSED: u8 = 1;
const DIFFERENCE: u8 = 2;

/// Makes one part.
#[derive(Debug)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
    scratch: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![VERSION],
            scratch: vec![0; lz4_flex::block::get_maximum_output_size(PAGE_BYTES)],
        }
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no page is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == 1
    }

    /// Adds a page. `before` is the page as it was before the transaction, where that is known.
    /// Invariant: page 1 has our stamps in both.
    pub(crate) fn push(&mut self, number: u32, checksum: u64, page: &[u8], before: Option<&[u8]>) {
        let difference;
        let (mut encoding, input) = match before {
            Some(before) => {
                difference = xor(page, before);
                (DIFFERENCE, &difference[..])
            }
            None => (COMPRESSED, page),
        };
        let mut encoded: &[u8] = match lz4_flex::block::compress_into(input, &mut self.scratch) {
            Ok(length) => &self.scratch[..length],
            Err(_) => page,
        };
        if encoded.len() >= page.len() {
            (encoding, encoded) = (RAW, page);
        }
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self.bytes.push(encoding);
        self.bytes.extend_from_slice(&(encoded.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        self.bytes.extend_from_slice(encoded);
    }

    /// The finished part.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(left, right)| left ^ right).collect()
}

/// One page of a part, still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EncodedPage<'part> {
    pub(crate) number: u32,
    pub(crate) checksum: u64,
    encoding: u8,
    bytes: &'part [u8],
}

impl EncodedPage<'_> {
    /// Whether decoding needs the page as it was before the transaction.
    pub(crate) fn needs_before(&self) -> bool {
        self.encoding == DIFFERENCE
    }

    /// Decodes and checks the page. `before` must be given if it is needed.
    ///
    /// # Errors
    /// If the bytes can't be decoded, or the result isn't the page that was encoded.
    pub(crate) fn decode(&self, before: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
        let number = self.number;
        let mut page = vec![0; PAGE_BYTES];
        if self.encoding == RAW {
            if self.bytes.len() != PAGE_BYTES {
                return Err(damaged(number, "its length is not a page's"));
            }
            page.copy_from_slice(self.bytes);
        } else {
            let length = lz4_flex::block::decompress_into(self.bytes, &mut page)
                .map_err(|error| damaged(number, &error.to_string()))?;
            if length != PAGE_BYTES {
                return Err(damaged(number, "its length is not a page's"));
            }
        }
        if self.encoding == DIFFERENCE {
            let before = before.ok_or_else(|| damaged(number, "there is no page to compare to"))?;
            page.iter_mut().zip(before).for_each(|(byte, before)| *byte ^= before);
        }
        if page_checksum(number, &page) != self.checksum && !mutant("page-not-checked") {
            return Err(Fault::new(format!(
                "page {number} of a replicated transaction has another checksum than its log entry \
                 says: this node's database differs from the others', or the entry was damaged"
            )));
        }
        Ok(page)
    }
}

fn damaged(number: u32, what: &str) -> Fault {
    Fault::new(format!("page {number} of a replicated transaction can't be decoded: {what}"))
}

/// Calls `each` for the pages of a part, in order, until it breaks.
///
/// # Errors
/// If the part isn't one.
pub(crate) fn for_each_page<'part, B>(
    part: &'part [u8],
    mut each: impl FnMut(EncodedPage<'part>) -> ControlFlow<B>,
) -> Result<Option<B>, Fault> {
    let malformed = || Fault::new("the pages of a log entry are malformed");
    let (version, mut rest) = part.split_first().ok_or_else(malformed)?;
    if *version != VERSION {
        return Err(Fault::new(format!(
            "the pages of a log entry have format {version}, which this program doesn't know; it is \
             older than the one that wrote them"
        )));
    }
    while !rest.is_empty() {
        let (header, after) =
            rest.split_first_chunk::<PAGE_HEADER_BYTES>().ok_or_else(malformed)?;
        let [n0, n1, n2, n3, encoding, l0, l1, l2, l3, checksum @ ..] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if encoding > DIFFERENCE || length > PAGE_BYTES {
            return Err(malformed());
        }
        let (bytes, after) = after.split_at_checked(length).ok_or_else(malformed)?;
        rest = after;
        let number = u32::from_le_bytes([n0, n1, n2, n3]);
        if number == 0 {
            return Err(malformed());
        }
        let page = EncodedPage { number, checksum: u64::from_le_bytes(checksum), encoding, bytes };
        if let ControlFlow::Break(value) = each(page) {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Computes the chain value after a transaction: xxh3-128 over the value before it, its id, the
/// database's size after it, and number and checksum of each page in the order of the parts.
pub(crate) struct ChainHasher(Box<Xxh3>);

impl std::fmt::Debug for ChainHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainHasher").finish_non_exhaustive()
    }
}

impl ChainHasher {
    pub(crate) fn new(base: Chain, txid: TransactionId, database_pages: u32) -> Self {
        let mut hash = Box::new(Xxh3::new());
        hash.update(&base.0.to_le_bytes());
        hash.update(&txid.0.to_le_bytes());
        hash.update(&database_pages.to_le_bytes());
        Self(hash)
    }

    pub(crate) fn page(&mut self, number: u32, checksum: u64) {
        self.0.update(&number.to_le_bytes());
        self.0.update(&checksum.to_le_bytes());
    }

    pub(crate) fn finish(&self) -> Chain {
        Chain(self.0.digest128())
    }
}

/// The chain value that follows `base` with these encoded parts, all of one transaction, in order.
///
/// A part that is no valid page set gives a value that matches nothing; applying it says what is
/// wrong with it.
pub fn chain_after(base: Chain, parts: &[&PagesPart]) -> Chain {
    let Some(last) = parts.last() else { return base };
    let mut hash = ChainHasher::new(base, last.txid, last.database_pages);
    for part in parts {
        let walked = for_each_page(&part.pages, |page| {
            hash.page(page.number, page.checksum);
            ControlFlow::<()>::Continue(())
        });
        if walked.is_err() {
            hash.0.update(&part.pages);
        }
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::model::command::Origin;
    use crate::model::id::{DatabaseId, Position};

    fn part(pages: Vec<u8>) -> PagesPart {
        PagesPart {
            database: DatabaseId::POSTGRES,
            base: Position::default(),
            txid: TransactionId(7),
            chain: Chain::default(),
            database_pages: 3,
            part: 0,
            last: true,
            origin: Origin::default(),
            proposed_at: 0,
            pages: Bytes::from(pages),
            notifications: Vec::new(),
        }
    }

    fn decode_all(part: &[u8], before: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut pages = Vec::new();
        for_each_page(part, |page| {
            let before = page.needs_before().then_some(before);
            pages.push((page.number, page.decode(before).unwrap()));
            ControlFlow::<()>::Continue(())
        })
        .unwrap();
        pages
    }

    #[test]
    fn layout_is_pinned() {
        let before: Vec<u8> = (0..PAGE_BYTES).map(|at| (at * 7 % 251) as u8).collect();
        let mut page = before.clone();
        page[100] ^= 0xff;
        let mut encoder = Encoder::new();
        encoder.push(2, page_checksum(2, &page), &page, Some(&before));
        encoder.push(3, page_checksum(3, &[5; PAGE_BYTES]), &[5; PAGE_BYTES], None);
        let bytes = encoder.finish();
        let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(
            hex,
            "010200000002240000004157cbb2ab1e93991f000100501fff6400500f0200ffffffffffffffffffffffffffffff2e6000000000000003000000011b0000008fb92080c5f6cef91f050100fffffffffffffffffffffffffffffff560050505050505"
        );
        let chain = chain_after(Chain(1), &[&part(bytes.clone())]);
        assert_eq!(chain.to_string(), "695c306fad6b4a4ab739881dbe2bad9a");
        assert_eq!(decode_all(&bytes, &before), [(2, page), (3, vec![5; PAGE_BYTES])]);
    }

    #[test]
    fn noise_is_stored_raw() {
        let mut state = 1_u64;
        let page: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(PAGE_BYTES)
        .collect();
        let mut encoder = Encoder::new();
        encoder.push(9, page_checksum(9, &page), &page, None);
        let bytes = encoder.finish();
        assert_eq!(bytes.len(), 1 + PAGE_HEADER_BYTES + PAGE_BYTES);
        assert_eq!(decode_all(&bytes, &[]), [(9, page)]);
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let page: Vec<u8> = (0..PAGE_BYTES).map(|at| (at / 13) as u8).collect();
        let mut encoder = Encoder::new();
        encoder.push(4, page_checksum(4, &page), &page, None);
        let bytes = encoder.finish();
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x10;
            let mut ok = true;
            let walked = for_each_page(&bytes, |page| {
                ok &= page.decode(Some(&[0; PAGE_BYTES])).is_ok();
                ControlFlow::<()>::Continue(())
            });
            // A block may be encoded in more than one way; then the page must still be the same.
            if walked.is_ok() && ok {
                assert_eq!(decode_all(&bytes, &[]), [(4, page.clone())], "byte {at}");
            }
        }
    }

    #[test]
    fn chain_covers_everything() {
        let mut encoder = Encoder::new();
        encoder.push(2, page_checksum(2, &[1; PAGE_BYTES]), &[1; PAGE_BYTES], None);
        let original = part(encoder.finish());
        let chain = chain_after(Chain(1), &[&original]);
        assert_ne!(chain, chain_after(Chain(2), &[&original]));
        let mut other = original.clone();
        other.txid = TransactionId(8);
        assert_ne!(chain, chain_after(Chain(1), &[&other]));
        let mut other = original.clone();
        other.database_pages = 4;
        assert_ne!(chain, chain_after(Chain(1), &[&other]));
        let mut encoder = Encoder::new();
        encoder.push(2, page_checksum(2, &[2; PAGE_BYTES]), &[2; PAGE_BYTES], None);
        assert_ne!(chain, chain_after(Chain(1), &[&part(encoder.finish())]));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = for_each_page(&bytes, |page| {
                let _ = page.decode(Some(&[0; PAGE_BYTES]));
                ControlFlow::<()>::Continue(())
            });
        }
    }
}
