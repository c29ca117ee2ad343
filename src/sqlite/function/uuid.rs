//! UUIDs: RFC 9562, and the functions of PostgreSQL's uuid-ossp.

use md5::Digest as _;
use rusqlite::Connection;

use super::{Answer, Arguments, IMPURE, lenient, strict, string};
use crate::datum::string::{uuid_bytes, uuid_text};
use crate::model::error::Error;
use crate::platform::{clock, random};

/// From the first day of the Gregorian calendar (15 October 1582) to that of Unix, in units of 100 ns.
const GREGORIAN_TO_UNIX: u64 = 0x01b2_1dd2_1381_4000;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    lenient(connection, "pg_random_uuid", 0, IMPURE, |_| Ok(string(text(random::bytes(), 4))))?;
    lenient(connection, "pg_uuid_v1", 0, IMPURE, |_| Ok(string(timed())))?;
    strict(connection, "pg_uuid_v3", 2, |args| {
        named(args, 3, |bytes| md5::Md5::digest(bytes).to_vec())
    })?;
    strict(connection, "pg_uuid_v5", 2, |args| {
        named(args, 5, |bytes| sha1::Sha1::digest(bytes).to_vec())
    })
}

/// Version 1: by the time, a random clock sequence and a random node, which says so by its first bit (RFC 9562, 6.10).
fn timed() -> String {
    let ticks = clock::wall().as_nanos() as u64 / 100 + GREGORIAN_TO_UNIX;
    let mut bytes: [u8; 16] = random::bytes();
    // Its low, middle and high parts.
    let time = ticks.to_be_bytes();
    bytes[..4].copy_from_slice(&time[4..]);
    bytes[4..6].copy_from_slice(&time[2..4]);
    bytes[6..8].copy_from_slice(&time[..2]);
    bytes[10] |= 1;
    text(bytes, 1)
}

/// Versions 3 and 5: by a namespace and a name in it.
fn named(args: &Arguments<'_, '_>, version: u8, hash: fn(&[u8]) -> Vec<u8>) -> Answer {
    let namespace = uuid_bytes(args.text(0)?)
        .ok_or_else(|| Error::internal("a uuid is stored as hexadecimal digits"))?;
    let hash = hash(&[&namespace, args.text(1)?.as_bytes()].concat());
    let first = hash.first_chunk().ok_or_else(|| Error::internal("a hash is 16 bytes or more"))?;
    Ok(string(text(*first, version)))
}

/// The text of a UUID, with its version and variant.
fn text(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    uuid_text(bytes)
}
