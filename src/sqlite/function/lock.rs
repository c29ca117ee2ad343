//! Advisory locks: their names, and the hashes that applications make names of.

use rusqlite::Connection;

use super::{integer, strict, string};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_advisory_key", -1, |args| {
        let mut name = String::new();
        for at in 0..args.count() {
            if at > 0 {
                name.push(',');
            }
            name.push_str(&args.integer(at)?.to_string());
        }
        Ok(string(name))
    })?;
    strict(connection, "pg_hashtext", 1, |args| {
        Ok(integer(i64::from((hash(args.text(0)?.as_bytes(), 0) as u32).cast_signed())))
    })?;
    strict(connection, "pg_hashtextextended", 2, |args| {
        Ok(integer(hash(args.text(0)?.as_bytes(), args.integer(1)?.cast_unsigned()).cast_signed()))
    })
}

/// Bob Jenkins' hash of 2006 (lookup3), as PostgreSQL uses it: its lower half is what a hash of 32 bits
/// without a seed is.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let start = 0x9e37_79b9_u32.wrapping_add(bytes.len() as u32).wrapping_add(3_923_095);
    let mut state = [start; 3];
    if seed != 0 {
        state[0] = state[0].wrapping_add((seed >> 32) as u32);
        state[1] = state[1].wrapping_add(seed as u32);
        mix(&mut state);
    }
    let mut blocks = bytes.chunks_exact(12);
    for block in &mut blocks {
        add(&mut state, block);
        mix(&mut state);
    }
    // The last block's third word begins one byte higher.
    let rest = blocks.remainder();
    let mut last = [0; 12];
    let split = rest.len().min(8);
    last[..split].copy_from_slice(&rest[..split]);
    if rest.len() > 8 {
        last[9..=rest.len()].copy_from_slice(&rest[8..]);
    }
    add(&mut state, &last);
    finish(&mut state);
    u64::from(state[1]) << 32 | u64::from(state[2])
}

fn add(state: &mut [u32; 3], block: &[u8]) {
    for (word, bytes) in state.iter_mut().zip(block.chunks_exact(4)) {
        let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
        *word = word.wrapping_add(number);
    }
}

fn mix([a, b, c]: &mut [u32; 3]) {
    for by in [(4, 6, 8), (16, 19, 4)] {
        *a = a.wrapping_sub(*c) ^ c.rotate_left(by.0);
        *c = c.wrapping_add(*b);
        *b = b.wrapping_sub(*a) ^ a.rotate_left(by.1);
        *a = a.wrapping_add(*c);
        *c = c.wrapping_sub(*b) ^ b.rotate_left(by.2);
        *b = b.wrapping_add(*a);
    }
}

fn finish([a, b, c]: &mut [u32; 3]) {
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(14));
    *a = (*a ^ *c).wrapping_sub(c.rotate_left(11));
    *b = (*b ^ *a).wrapping_sub(a.rotate_left(25));
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(16));
    *a = (*a ^ *c).wrapping_sub(c.rotate_left(4));
    *b = (*b ^ *a).wrapping_sub(a.rotate_left(14));
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(24));
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn hashes_are_postgresqls() {
        // As PostgreSQL 15 gives them.
        for (text, short, seeded) in HASHES {
            assert_eq!((hash(text.as_bytes(), 0) as u32).cast_signed(), *short, "{text}");
            assert_eq!(hash(text.as_bytes(), 7).cast_signed(), *seeded, "{text}");
        }
    }

    const HASHES: &[(&str, i32, i64)] = &[
        ("", -1_477_818_771, 2_755_504_096_093_790_112),
        ("a", 1_075_015_857, 6_761_863_715_122_467_050),
        ("abcdefgh", -1_960_928_205, -657_836_470_619_280_130),
        ("abcdefghi", -92_131_489, 2_640_228_520_365_942_430),
        ("abcdefghijk", -1_483_803_693, -4_615_438_900_308_943_748),
        ("abcdefghijkl", -1_586_087_212, -9_039_814_575_907_250_350),
        ("abcdefghijklm", 405_849_808, 1_223_120_994_160_335_261),
        ("The quick brown fox jumps over é", -2_107_217_517, 639_777_764_047_313_392),
    ];
}
