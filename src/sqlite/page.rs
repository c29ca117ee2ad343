//! A page's identity: its checksum, and the stamps of page 1.

use xxhash_rust::xxh3::xxh3_64_with_seed;

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

/// Puts constants where SQLite stamps page 1 each time it writes it. Other pages have no stamps.
///
/// What SQLite writes there depends on when it last read the page, and on its version, so it would
/// differ from node to node. In WAL mode nothing depends on the counter: changes are seen in the
/// wal-index.
pub(crate) fn stamp(number: u32, page: &mut [u8]) {
    if number == 1 {
        page[CHANGE_COUNTER].copy_from_slice(&COUNTER);
        page[VERSIONS][..4].copy_from_slice(&COUNTER);
        page[VERSIONS][4..].copy_from_slice(&LIBRARY);
    }
}

/// The checksum of a page: xxh3-64 of its bytes, seeded with its number. Page 1 counts as if it had
/// our stamps.
pub fn page_checksum(number: u32, page: &[u8]) -> u64 {
    if number == 1 {
        let mut page = page.to_vec();
        stamp(number, &mut page);
        return xxh3_64_with_seed(&page, u64::from(number));
    }
    xxh3_64_with_seed(page, u64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stamps_of_page_1_are_left_out() {
        let mut page = vec![7; 4096];
        let checksum = page_checksum(1, &page);
        page[25] = 99;
        page[97] = 99;
        assert_eq!(page_checksum(1, &page), checksum);
        page[28] = 99;
        assert_ne!(page_checksum(1, &page), checksum);
        assert_ne!(page_checksum(2, &[7; 4096]), page_checksum(3, &[7; 4096]));
    }
}
