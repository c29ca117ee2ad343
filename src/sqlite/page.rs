//! A page's identity: its checksums, and the stamps of page 1.
//!
//! A page has two checksums. One lies in its last eight bytes, which SQLite leaves alone (reserved
//! bytes, SQLite file format §1.3.4): whoever reads the file can tell whether the page is what was
//! written. It is the one that SQLite's own checksum VFS writes and checks
//! (<https://sqlite.org/cksumvfs.html>). The other goes with log entries, and is stronger.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::sqlite::vfs::{ByteOrder, Checksum};

/// Bytes at the end of each page that SQLite doesn't use.
pub(crate) const RESERVED_BYTES: usize = 8;
/// Where the header, which page 1 begins with, says so.
pub(crate) const RESERVED_AT: usize = 20;
/// Where page 1 has the file format's write and read version (SQLite file format §1.3.3): 1 for a
/// rollback journal, 2 for WAL.
pub(crate) const FORMAT_VERSIONS: std::ops::Range<usize> = 18..20;
/// Where page 1 has the file change counter (SQLite file format §1.3.8).
const CHANGE_COUNTER: std::ops::Range<usize> = 24..28;
/// Where it has the version-valid-for number, which must equal the counter, and the version of the
/// library that wrote last (§1.3.19).
const VERSIONS: std::ops::Range<usize> = 92..100;
/// What we write there.
const COUNTER: [u8; 4] = 1_u32.to_be_bytes();
const LIBRARY: [u8; 4] = 3_051_003_u32.to_be_bytes();

/// The page at 1 GiB, which SQLite's locks lie in: it is never used, reads as zeros, and can't be
/// written (SQLite file format §1.4).
pub(crate) const LOCK_BYTE_PAGE: u32 = 0x4000_0000 / 4096 + 1;

/// Puts constants where SQLite stamps page 1 each time it writes it, and into any page the checksum of
/// what it holds.
///
/// What SQLite writes on page 1 depends on when it last read the page, and on its version, so it would
/// differ from node to node. In WAL mode nothing depends on the counter: changes are seen in the
/// wal-index.
///
/// # Panics
/// If `page` is shorter than 100 bytes.
pub(crate) fn stamp(number: u32, page: &mut [u8]) {
    if number == 1 {
        page[CHANGE_COUNTER].copy_from_slice(&COUNTER);
        page[VERSIONS][..4].copy_from_slice(&COUNTER);
        page[VERSIONS][4..].copy_from_slice(&LIBRARY);
    }
    seal(page);
}

/// Says on page 1 whether the file has a WAL or a rollback journal.
///
/// # Panics
/// If `page` is not a whole page.
pub fn set_wal_mode(page: &mut [u8], wal: bool) {
    page[FORMAT_VERSIONS].fill(if wal { 2 } else { 1 });
    seal(page);
}

/// Puts the checksum of what a page holds into its last bytes.
pub(crate) fn seal(page: &mut [u8]) {
    let (content, sum) = page.split_at_mut(page.len() - RESERVED_BYTES);
    sum.copy_from_slice(&content_sum(content));
}

/// Whether a page's last bytes are the checksum of what it holds. A page of zeros is whole: it was
/// never written.
pub(crate) fn is_whole(page: &[u8]) -> bool {
    let (content, sum) = page.split_at(page.len() - RESERVED_BYTES);
    sum == content_sum(content)
}

/// SQLite's checksum of WAL frames (file format §4.2), from zero, over little-endian words.
fn content_sum(content: &[u8]) -> [u8; RESERVED_BYTES] {
    let zero = Checksum { first: 0, second: 0 };
    let Checksum { first, second } = zero.over(ByteOrder::Little, content);
    let mut sum = [0; RESERVED_BYTES];
    sum[..4].copy_from_slice(&first.to_le_bytes());
    sum[4..].copy_from_slice(&second.to_le_bytes());
    sum
}

/// The checksum of a page in log entries: xxh3-64 of its bytes, seeded with its number.
pub fn page_checksum(number: u32, page: &[u8]) -> u64 {
    xxh3_64_with_seed(page, u64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_stamps_makes_no_difference() {
        let (mut page, mut other) = (vec![7; 4096], vec![7; 4096]);
        other[25] = 99;
        other[97] = 99;
        other[4090] = 99;
        stamp(1, &mut page);
        stamp(1, &mut other);
        assert_eq!(page, other);
        assert_ne!(page_checksum(2, &page), page_checksum(3, &page));
    }

    #[test]
    fn each_flipped_bit_shows() {
        let mut page: Vec<u8> = (0..4096_u32).map(|at| (at * at % 251) as u8).collect();
        stamp(5, &mut page);
        for bit in 0..4096 * 8 {
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&page), "bit {bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(is_whole(&page));
        assert!(is_whole(&[0; 4096]));
    }

    #[test]
    fn a_page_in_another_journal_mode_is_whole() {
        let mut page = vec![3; 4096];
        set_wal_mode(&mut page, false);
        assert!(is_whole(&page) && page[18..20] == [1, 1]);
        set_wal_mode(&mut page, true);
        assert!(is_whole(&page) && page[18..20] == [2, 2]);
    }

    #[test]
    fn the_sum_is_that_of_sqlite_s_checksum_vfs() {
        let mut page = vec![0; 24];
        page[..8].copy_from_slice(&[1, 0, 0, 0, 2, 0, 0, 0]);
        page[8..16].copy_from_slice(&[3, 0, 0, 0, 4, 0, 0, 0]);
        seal(&mut page);
        // s1 = 1, s2 = 2 + 1 = 3; s1 = 1 + 3 + 3 = 7, s2 = 3 + 4 + 7 = 14
        assert_eq!(page[16..], [7, 0, 0, 0, 14, 0, 0, 0]);
    }
}
