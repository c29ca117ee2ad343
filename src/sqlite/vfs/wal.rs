//! The WAL file's layout and checksums (SQLite file format §4.1, §4.2).

/// Every database of ours has this page size.
pub const PAGE_BYTES: usize = 4096;
/// The WAL header, before the first frame.
pub(crate) const WAL_HEADER_BYTES: usize = 32;
/// The header of each frame.
pub(crate) const FRAME_HEADER_BYTES: usize = 24;
/// A frame: its header and one page.
pub(crate) const FRAME_BYTES: usize = FRAME_HEADER_BYTES + PAGE_BYTES;

/// The magic number's last bit says whether checksums read the file as big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// The big-endian number at `at`.
///
/// # Panics
/// If `bytes` ends before `at + 4`.
pub(crate) fn number_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(number)
}

/// A running checksum over the frames of a WAL. Each frame's covers all frames before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) first: u32,
    pub(crate) second: u32,
}

impl Checksum {
    /// Reads a checksum as headers hold it: two big-endian numbers.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Self { first: number_at(bytes, 0), second: number_at(bytes, 4) }
    }

    /// The checksum after `bytes`, whose length must be a multiple of 8.
    pub(crate) fn over(self, order: ByteOrder, bytes: &[u8]) -> Self {
        let Self { mut first, mut second } = self;
        let (pairs, _) = bytes.as_chunks::<8>();
        for pair in pairs {
            let (left, right) = pair.split_at(4);
            let (left, right) = (order.number(left), order.number(right));
            first = first.wrapping_add(left).wrapping_add(second);
            second = second.wrapping_add(right).wrapping_add(first);
        }
        Self { first, second }
    }

    /// Puts the checksum into a frame header.
    pub(crate) fn write(self, header: &mut [u8]) {
        header[16..20].copy_from_slice(&self.first.to_be_bytes());
        header[20..24].copy_from_slice(&self.second.to_be_bytes());
    }
}

/// How a WAL's checksums read its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    fn number(self, bytes: &[u8]) -> u32 {
        let big_endian = number_at(bytes, 0);
        match self {
            Self::Little => big_endian.swap_bytes(),
            Self::Big => big_endian,
        }
    }

    /// From a WAL header; `None` if it isn't one.
    pub(crate) fn of(wal_header: &[u8]) -> Option<Self> {
        match number_at(wal_header, 0) {
            MAGIC => Some(Self::Little),
            magic if magic == MAGIC | 1 => Some(Self::Big),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_follows_the_file_format() {
        let start = Checksum { first: 1, second: 2 };
        let bytes = [1, 0, 0, 0, 2, 0, 0, 0];
        // s1 = 1 + (1 + 2) = 4, s2 = 2 + (2 + 4) = 8
        assert_eq!(start.over(ByteOrder::Little, &bytes), Checksum { first: 4, second: 8 });
        let swapped = start.over(ByteOrder::Big, &[0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(swapped, Checksum { first: 4, second: 8 });
    }
}
