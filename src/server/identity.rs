//! The data directory's identity and its lock.
//!
//! **Invariants:** one process uses a data directory at a time. Its store id is written once,
//! before anything else, and never changes; a directory that has data but no id is refused rather
//! than given a new one.
//!
//! The Raft log comes second, before anything of the databases and of Raft's state. So a directory
//! with an id and no log is one whose first start was cut short if there is nothing else in it, and
//! one that has lost its log, with its votes, if there is.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::model::id::StoreId;
use crate::platform::disk::{Disk, write_atomically};
use crate::platform::random;
use crate::raftlog::RaftLog;

const FIRST_WORD: &str = "eider-store-1";
/// All that may be in `raft/` before the log is made.
const BEFORE_THE_LOG: [&str; 4] = ["lock", "store", "store.tmp", "log"];

/// Holds the data directory until dropped, or until the process is gone.
#[derive(Debug)]
pub(super) struct DataDir {
    pub(super) root: PathBuf,
    /// `raft/` in it: Raft's state, the store id, the lock.
    pub(super) raft: PathBuf,
    /// `raft/log/`: the Raft log.
    pub(super) log: PathBuf,
    pub(super) store: StoreId,
    _lock: File,
}

impl DataDir {
    /// Opens a data directory, or makes one.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) fn open(disk: &dyn Disk, root: &Path) -> Result<Self, String> {
        let raft = root.join("raft");
        let log = raft.join("log");
        std::fs::create_dir_all(&log)
            .map_err(|error| format!("create the data directory {}: {error}", log.display()))?;
        let lock = lock(&raft.join("lock"), root)?;
        let store = store_id(disk, root, &raft, &log)?;
        Ok(Self { root: root.to_owned(), raft, log, store, _lock: lock })
    }
}

fn lock(path: &Path, root: &Path) -> Result<File, String> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| format!("open {}: {error}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "another eider process is using {}; stop it first, or give this one a directory of \
             its own",
            root.display()
        )),
        Err(TryLockError::Error(error)) => Err(format!("lock {}: {error}", path.display())),
    }
}

fn store_id(disk: &dyn Disk, root: &Path, raft: &Path, log: &Path) -> Result<StoreId, String> {
    let path = raft.join("store");
    let failed = |what: &str, error: std::io::Error| format!("{what} {}: {error}", path.display());
    if disk.exists(&path).map_err(|error| failed("read", error))? {
        let text = std::fs::read_to_string(&path).map_err(|error| failed("read", error))?;
        let store = parse(&text).ok_or_else(|| {
            format!(
                "{} is damaged; this node can't tell who it is. Restore the file, or remove the \
                 node from its cluster and start it with an empty directory",
                path.display()
            )
        })?;
        check_log(disk, root, raft, log)?;
        return Ok(store);
    }
    let has_log = !disk.list(log).map_err(|error| failed("read beside", error))?.is_empty();
    let has_database = root.join("db.sqlite").exists() || raft.join("state").exists();
    if has_log || has_database {
        return Err(format!(
            "{} holds data but {} is missing: it was not made by eider, or is damaged",
            root.display(),
            path.display()
        ));
    }
    let store = StoreId(random::bytes());
    write_atomically(disk, &path, render(store).as_bytes())
        .map_err(|error| failed("write", error))?;
    // The directories themselves are new, too.
    for directory in [raft, root, root.parent().unwrap_or(root)] {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        disk.sync_directory(directory)
            .map_err(|error| format!("sync {}: {error}", directory.display()))?;
    }
    Ok(store)
}

/// Refuses a directory that had a log and has none any more.
fn check_log(disk: &dyn Disk, root: &Path, raft: &Path, log: &Path) -> Result<(), String> {
    let read = || -> std::io::Result<bool> {
        if RaftLog::exists(disk, log)? {
            return Ok(true);
        }
        let in_root = |name: &str| name == "databases" || name.starts_with("db.sqlite");
        let in_raft = |name: &str| !BEFORE_THE_LOG.contains(&name);
        let used = disk.list(root)?.iter().any(|name| in_root(name))
            || disk.list(raft)?.iter().any(|name| in_raft(name));
        Ok(!used)
    };
    match read() {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!(
            "this node's Raft log is lost: {} has been used, but there is no log in {}. It may \
             have voted and acknowledged what it no longer knows, so it must not go on as the \
             same node. Put the log back if it was moved away; otherwise remove the node from its \
             cluster with 'eider remove NAME' at another node, and start it again with an empty \
             directory",
            root.display(),
            log.display()
        )),
        Err(error) => Err(format!("read {}: {error}", root.display())),
    }
}

/// `eider-store-1 <id in hex> <CRC-32C of what stands before it, in hex>`
fn render(store: StoreId) -> String {
    let body = format!("{FIRST_WORD} {store}");
    let checksum = crc32c::crc32c(body.as_bytes());
    format!("{body} {checksum:08x}\n")
}

fn parse(text: &str) -> Option<StoreId> {
    let mut words = text.split_ascii_whitespace().skip(1);
    let id = u128::from_str_radix(words.next()?, 16).ok()?;
    let store = StoreId(id.to_be_bytes());
    (text == render(store)).then_some(store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::disk::RealDisk;

    #[test]
    fn layout_is_pinned() {
        let store = StoreId(*b"0123456789abcdef");
        let text = "eider-store-1 30313233343536373839616263646566 0f9a49da\n";
        assert_eq!(render(store), text);
        assert_eq!(parse(text), Some(store));
        assert_eq!(parse(&text.replace('6', "7")), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn an_identity_is_made_once_and_used_by_one_process() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("a/b");
        let first = DataDir::open(&RealDisk, &root).unwrap();
        let error = DataDir::open(&RealDisk, &root).unwrap_err();
        assert!(error.contains("another eider process"), "{error}");
        let store = first.store;
        drop(first);
        assert_eq!(DataDir::open(&RealDisk, &root).unwrap().store, store);
    }

    #[test]
    fn data_without_identity_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("db.sqlite"), "x").unwrap();
        let error = DataDir::open(&RealDisk, directory.path()).unwrap_err();
        assert!(error.contains("holds data but"), "{error}");
        let damaged = tempfile::tempdir().unwrap();
        drop(DataDir::open(&RealDisk, damaged.path()).unwrap());
        std::fs::write(damaged.path().join("raft/store"), "eider-store-1 00 00").unwrap();
        let error = DataDir::open(&RealDisk, damaged.path()).unwrap_err();
        assert!(error.contains("is damaged"), "{error}");
    }
    fn make_log(data: &DataDir) {
        let disk = std::sync::Arc::new(RealDisk);
        let limits = crate::raftlog::Limits { segment_bytes: 1 << 16, cache_bytes: 1 << 16 };
        RaftLog::open(disk, &data.log, data.store, limits).unwrap().close();
    }

    #[test]
    fn a_lost_log_is_refused_whether_files_or_their_directory_are_gone() {
        for left in ["db.sqlite", "raft/state"] {
            let directory = tempfile::tempdir().unwrap();
            let data = DataDir::open(&RealDisk, directory.path()).unwrap();
            make_log(&data);
            std::fs::write(directory.path().join(left), "x").unwrap();
            drop(data);
            drop(DataDir::open(&RealDisk, directory.path()).unwrap());
            let log = directory.path().join("raft/log");
            for file in std::fs::read_dir(&log).unwrap() {
                std::fs::remove_file(file.unwrap().path()).unwrap();
            }
            let error = DataDir::open(&RealDisk, directory.path()).unwrap_err();
            assert!(error.contains("eider remove NAME"), "{error}");
            std::fs::remove_dir(&log).unwrap();
            let error = DataDir::open(&RealDisk, directory.path()).unwrap_err();
            assert!(error.contains("log is lost"), "{error}");
        }
    }

    #[test]
    fn a_first_start_cut_short_before_its_log_was_made_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let store = DataDir::open(&RealDisk, directory.path()).unwrap().store;
        // A segment that was being made when the power went, and what isn't Eider's.
        std::fs::write(directory.path().join("raft/log/spare.tmp"), "x").unwrap();
        std::fs::create_dir(directory.path().join("lost+found")).unwrap();
        let data = DataDir::open(&RealDisk, directory.path()).unwrap();
        assert_eq!(data.store, store);
        make_log(&data);
    }
}
