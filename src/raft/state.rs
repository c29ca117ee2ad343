//! `DATA_DIR/raft/state`: what the database files are known to hold after a crash.
//!
//! Invariant: every entry up to the recorded log id is durable in the database files, which may
//! hold more. The file is replaced whole, through a rename; its checksum covers all of it.

use std::path::{Path, PathBuf};

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::error::Fault;
use crate::model::id::{Chain, DatabaseId, Position, TransactionId};
use crate::platform::disk::{self, Disk};
use crate::raft::DatabaseState;
use crate::raft::codec::{
    Malformed, Reader, put_log_id, put_option, put_stored_membership, put_text, read_log_id,
    read_stored_membership,
};
use crate::raft::types::{LogId, StoredMembership};

const MAGIC: &[u8; 8] = b"eiderSTA";
const VERSION: u8 = 1;
/// Far above any real one: a membership of 65,535 nodes and as many databases don't fit.
const BYTES_MAX: u64 = 64 << 20;

/// The state machine at its durable point.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct DurableState {
    /// The last entry that needn't be applied again.
    pub(super) applied: Option<LogId>,
    pub(super) membership: StoredMembership,
    /// Where the databases stood, at `applied` or later.
    pub(super) databases: Vec<DatabaseState>,
}

pub(super) fn put_databases(out: &mut BytesMut, databases: &[DatabaseState]) {
    out.put_u32(databases.len() as u32);
    for database in databases {
        out.put_u32(database.id.0);
        put_text(out, &database.name);
        out.put_u64(database.position.txid.0);
        out.put_u128(database.position.chain.0);
        out.put_u32(database.pages);
    }
}

pub(super) fn read_databases(reader: &mut Reader) -> Result<Vec<DatabaseState>, Malformed> {
    let mut databases = Vec::new();
    for _ in 0..reader.u32()? {
        databases.push(DatabaseState {
            id: DatabaseId(reader.u32()?),
            name: reader.text()?,
            position: Position { txid: TransactionId(reader.u64()?), chain: Chain(reader.u128()?) },
            pages: reader.u32()?,
        });
    }
    Ok(databases)
}

fn encode(state: &DurableState) -> Bytes {
    let mut out = BytesMut::new();
    out.put_slice(MAGIC);
    out.put_u8(VERSION);
    put_option(&mut out, state.applied, put_log_id);
    put_stored_membership(&mut out, &state.membership);
    put_databases(&mut out, &state.databases);
    let checksum = xxhash_rust::xxh3::xxh3_64(&out);
    out.put_u64(checksum);
    out.freeze()
}

fn decode(bytes: &Bytes) -> Result<DurableState, Malformed> {
    let body = bytes.len().checked_sub(8).ok_or(Malformed("too short"))?;
    let checksum = Reader::new(bytes.slice(body..)).u64()?;
    if checksum != xxhash_rust::xxh3::xxh3_64(&bytes[..body]) {
        return Err(Malformed("wrong checksum"));
    }
    let mut reader = Reader::new(bytes.slice(..body));
    if reader.array()? != *MAGIC {
        return Err(Malformed("not a Raft state file"));
    }
    if reader.u8()? != VERSION {
        return Err(Malformed("unknown version"));
    }
    let state = DurableState {
        applied: reader.option(read_log_id)?,
        membership: read_stored_membership(&mut reader)?,
        databases: read_databases(&mut reader)?,
    };
    reader.end()?;
    Ok(state)
}

fn path(directory: &Path) -> PathBuf {
    directory.join("state")
}

/// Reads the file; `None` if there is none yet.
///
/// # Errors
/// If the disk fails, or the file isn't whole: it is replaced atomically, so that means corruption.
pub(super) fn read(disk: &dyn Disk, directory: &Path) -> Result<Option<DurableState>, Fault> {
    let path = path(directory);
    let broken = |error: &dyn std::fmt::Display| {
        Fault::new(format!(
            "read {}: {error}; if the disk lost data, remove this node from the cluster and join \
             it again with an empty data directory",
            path.display()
        ))
    };
    if !disk.exists(&path).map_err(|error| broken(&error))? {
        return Ok(None);
    }
    let file = disk.open(&path, false).map_err(|error| broken(&error))?;
    let length = file.len().map_err(|error| broken(&error))?;
    if length > BYTES_MAX {
        return Err(broken(&Malformed("too long")));
    }
    let mut bytes = vec![0; length as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => return Err(broken(&Malformed("too short"))),
            Ok(count) => filled += count,
            Err(error) => return Err(broken(&error)),
        }
    }
    decode(&bytes.into()).map(Some).map_err(|error| broken(&error))
}

/// Replaces the file. It is durable when this returns.
pub(super) fn write(disk: &dyn Disk, directory: &Path, state: &DurableState) -> Result<(), Fault> {
    let path = path(directory);
    disk::write_atomically(disk, &path, &encode(state))
        .map_err(|error| Fault::new(format!("write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::raft::types::{LeaderId, Membership, RaftNode, log_id};

    fn state() -> DurableState {
        let id = log_id(LeaderId { term: 2, node_id: 7 }, 3);
        let nodes = BTreeMap::from([(7, RaftNode::default())]);
        let membership = Membership::new(vec![BTreeSet::from([7])], nodes).unwrap();
        DurableState {
            applied: Some(id),
            membership: StoredMembership::new(Some(id), membership),
            databases: vec![DatabaseState {
                id: DatabaseId(5),
                name: "postgres".to_owned(),
                position: Position { txid: TransactionId(8), chain: Chain(9) },
                pages: 10,
            }],
        }
    }

    #[test]
    fn the_layout_stays_as_it_is() {
        use std::fmt::Write;
        let mut hex = String::new();
        for byte in encode(&state()) {
            write!(hex, "{byte:02x}").unwrap();
        }
        assert_eq!(
            hex,
            "656964657253544101\
             01000000000000000200000000000000070000000000000003\
             01000000000000000200000000000000070000000000000003\
             01000100000000000000070001\
             00000000000000070000000000000000000000000000000000000000000000000000000000000000\
             00000000000000000000000000000000\
             00000001000000050008706f737467726573\
             00000000000000080000000000000000000000000000000900\
             00000ac88902c14668004a"
        );
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let whole = encode(&state());
        assert_eq!(decode(&whole), Ok(state()));
        for at in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 0x10;
            assert!(decode(&bytes.into()).is_err());
            assert!(decode(&whole.slice(..at)).is_err());
        }
    }
}
