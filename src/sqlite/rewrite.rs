//! What a WAL holds at a start is written to it once more, and synced.
//!
//! After a failed fsync an operating system may keep what it could not write, as if it had: it can be
//! read until the power goes, and the next fsync finds nothing to do (A. Rebello et al., "Can
//! Applications Recover from fsync Failures?", USENIX ATC 2020). A node stops at a failed fsync, and at
//! its next start would read such a WAL, copy a part of it into the database file, and lose the rest
//! with the power: a database of pages that were never there together. Written again, the frames are
//! like any others. The database file needs no such thing: at a start, all of the WAL is copied into
//! it again.

use std::io;

use crate::model::error::Fault;
use crate::platform::disk::{File, read_exact_at};
use crate::sqlite::place::Place;
use crate::sqlite::vfs::{FRAME_BYTES, WAL_HEADER_BYTES};

/// Frames that are read and written at once: 1 MiB.
const FRAMES: usize = 256;
/// Where a WAL's header has its two salts, and where a frame's has them (SQLite file format §4.1).
const SALTS_AT: usize = 16;
const FRAME_SALTS_AT: usize = 8;
const SALTS_BYTES: usize = 8;

/// Writes a database's WAL again, as far as it is in use. Nothing may have the database open.
pub(crate) fn rewrite(wal: &Place) -> Result<(), Fault> {
    if !wal.exists()? {
        return Ok(());
    }
    let done = wal.disk.open(&wal.path, false).and_then(|file| rewrite_file(&*file));
    done.map_err(|error| wal.failed("write again", &error))?;
    wal.sync_directory()
}

fn rewrite_file(file: &dyn File) -> io::Result<()> {
    let length = file.len()?;
    if length < WAL_HEADER_BYTES as u64 {
        return Ok(());
    }
    let mut header = [0; WAL_HEADER_BYTES];
    read_exact_at(file, &mut header, 0)?;
    file.write_all_at(&header, 0)?;
    let salts = &header[SALTS_AT..SALTS_AT + SALTS_BYTES];
    let mut buffer = vec![0; FRAMES * FRAME_BYTES];
    let mut at = WAL_HEADER_BYTES as u64;
    loop {
        let whole = ((length - at) / FRAME_BYTES as u64).min(FRAMES as u64) as usize;
        let frames = &mut buffer[..whole * FRAME_BYTES];
        read_exact_at(file, frames, at)?;
        // What is behind the last frame of this WAL is of the one before it.
        let in_use = frames
            .chunks(FRAME_BYTES)
            .take_while(|frame| frame[FRAME_SALTS_AT..].starts_with(salts))
            .count();
        file.write_all_at(&frames[..in_use * FRAME_BYTES], at)?;
        at += (in_use * FRAME_BYTES) as u64;
        if in_use < FRAMES {
            return file.sync_data();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use crate::model::statement::Dialect::Sqlite;
    use crate::platform::disk::Disk;
    use crate::platform::sim_disk::{Failure, Operation, SimDisk};
    use crate::sqlite::testkit::{Node, options};
    use crate::sqlite::{Database, Writer};

    const ROWS: &str = "INSERT INTO t SELECT value, hex(zeroblob(900)) FROM (WITH RECURSIVE g (value) \
                        AS (SELECT 1 UNION ALL SELECT value + 1 FROM g WHERE value < 20) SELECT value FROM g)";

    /// As a process that begins now opens it.
    fn open(disk: &SimDisk) -> Node {
        let disk: Arc<dyn Disk> = Arc::new(disk.session());
        Node::open_on(&disk, Path::new("data/db.sqlite"), &options())
    }

    /// A WAL of which nothing is on the disk: its fsync has failed, and what reads it finds it whole.
    fn with_a_wal_in_memory_alone() -> SimDisk {
        let disk = SimDisk::default();
        disk.create_directory(Path::new("data")).unwrap();
        let mut node = open(&disk);
        node.commit(Sqlite, &["CREATE TABLE t (n, v)", ROWS]);
        assert!(node.database.checkpoint().unwrap().complete);
        for _ in 0..2 {
            node.commit(
                Sqlite,
                &[
                    "DELETE FROM t WHERE n % 2 = 0",
                    ROWS,
                    "CREATE INDEX IF NOT EXISTS i ON t (v, n)",
                ],
            );
        }
        disk.fail_after(0, Failure::Refused, false);
        node.database.checkpoint().unwrap_err();
        disk.process_death();
        disk
    }

    #[test]
    fn what_a_failed_fsync_left_in_memory_alone_is_written_again() {
        let broken = with_a_wal_in_memory_alone();
        let whole = open(&broken.fork());
        let (txid, rows) = (whole.writer.txid(), whole.number("SELECT count(*) FROM t"));
        drop(whole);
        // The calls of a start and a checkpoint.
        let run = broken.fork();
        run.record();
        assert!(open(&run).database.checkpoint().unwrap().complete);
        let calls = run.recorded();
        let wal = PathBuf::from("data/db.sqlite-wal");
        assert!(calls.contains(&(Operation::Sync, wal)), "{calls:?}");
        let mut whole_again = 0;
        for at in 0..calls.len() as u64 {
            let disk = broken.fork();
            disk.count_all();
            disk.fail_after(at, Failure::Broken, true);
            if let Ok(database) = try_open(&disk) {
                drop(database.checkpoint());
            }
            disk.power_loss(at);
            let node = open(&disk);
            let check = node.query("PRAGMA integrity_check");
            assert_eq!(format!("{check:?}"), "[[Text(\"ok\")]]", "power lost at call {at}");
            if node.writer.txid() == txid {
                assert_eq!(node.number("SELECT count(*) FROM t"), rows, "power lost at call {at}");
                whole_again += 1;
            }
        }
        assert!(whole_again > 0 && whole_again < calls.len(), "{whole_again} of {}", calls.len());
    }

    fn try_open(disk: &SimDisk) -> Result<Database, crate::model::error::Fault> {
        let disk: Arc<dyn Disk> = Arc::new(disk.session());
        let database = Database::open(&disk, Path::new("data/db.sqlite"), &options())?;
        drop::<Writer>(database.writer());
        Ok(database)
    }
}
