//! The node's databases: which there are, their files, lanes and users.
//!
//! `postgres` lives in `DATA_DIR/db.sqlite`, the others in `DATA_DIR/databases/NAME.sqlite`; a
//! name's characters that could mean something in a path are written as `%XX`.
//!
//! `DATA_DIR/raft/databases` says which databases the disk holds, and up to which entry databases
//! were made and dropped there. A restart replays entries that the disk is ahead of. What they say
//! of a database that was dropped later, or whose name another one has by then, is taken to the
//! letter but for the file: such a database has a position and no file, until the entry that drops
//! it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::engine::Options;
use crate::engine::cancel::lock;
use crate::engine::lane::{self, LaneHandle, Proposer};
use crate::engine::listen::Hub;
use crate::engine::snapshot;
use crate::engine::spool::{Spool, read_exact};
use crate::model::catalog::{Catalog, NAME_BYTES_MAX};
use crate::model::error::{Error, Fault, SqlState};
use crate::model::id::{DatabaseId, LogIndex, NodeId, Position, TransactionId};
use crate::platform::disk::{Disk, write_atomically};
use crate::raft::DatabaseState;
use crate::sqlite;

/// The name of the first database.
pub(super) const POSTGRES: &str = "postgres";
/// No database has this id.
pub(super) const LAST_ID: DatabaseId = DatabaseId(0);
/// How long a read waits for a connection of the pool.
const READER_WAIT: Duration = Duration::from_secs(5);

/// One database of this node.
#[derive(Debug)]
pub(super) struct Entry {
    pub id: DatabaseId,
    pub name: String,
    pub lane: LaneHandle,
    /// `None` when it is dropped, or was never there.
    file: RwLock<Option<sqlite::Database>>,
    pub catalog: Mutex<Option<Arc<Catalog>>>,
    pub sessions: AtomicUsize,
    /// Numbers of the sessions here, for what is theirs by name: each has the lowest that was free.
    pub slots: Mutex<BTreeSet<u32>>,
    dropped: AtomicBool,
    pub checkpointing: AtomicBool,
}

impl Entry {
    pub(super) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    /// Runs `work` with the database, if it is there.
    pub(super) fn with<T>(&self, work: impl FnOnce(&sqlite::Database) -> T) -> Option<T> {
        let file = self.file.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.as_ref().map(work)
    }

    /// The committed definitions, if somebody has read them since they changed.
    pub(super) fn known_definitions(&self) -> Option<Arc<Catalog>> {
        let current = self.lane.shared.schema();
        lock(&self.catalog).as_ref().filter(|catalog| catalog.schema == current).cloned()
    }

    /// The committed definitions. Reads them, if nobody has since they changed.
    pub(super) fn definitions(&self) -> Result<Arc<Catalog>, Error> {
        if let Some(catalog) = self.known_definitions() {
            return Ok(catalog);
        }
        let catalog = self.reader()?.catalog()?;
        let mut cached = lock(&self.catalog);
        // Two may read it at once, and the older one finish last.
        if cached.as_ref().is_none_or(|cached| cached.schema != self.lane.shared.schema()) {
            *cached = Some(catalog.clone());
        }
        Ok(catalog)
    }

    pub(super) fn reader(&self) -> Result<sqlite::Reader, Error> {
        self.with(|database| database.reader(READER_WAIT)).unwrap_or_else(|| Err(dropped()))
    }

    /// A connection that is free now.
    pub(super) fn idle_reader(&self) -> Option<sqlite::Reader> {
        self.with(|database| database.reader(Duration::ZERO))?.ok()
    }

    pub(super) fn sizes(&self) -> (u64, u64) {
        self.with(sqlite::Database::sizes).unwrap_or_default()
    }

    pub(super) fn wal_bytes(&self) -> u64 {
        self.with(sqlite::Database::wal_bytes).unwrap_or_default()
    }

    fn take(&self) -> Option<sqlite::Database> {
        self.file.write().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

pub(super) fn dropped() -> Error {
    Error::new(
        crate::model::error::Class::User,
        SqlState::DATABASE_DROPPED,
        "the database was dropped",
    )
}

/// What databases are made with.
#[derive(Debug, Clone)]
pub(super) struct Making {
    pub options: Options,
    pub node: NodeId,
    pub disk: Arc<dyn Disk>,
    pub proposer: Arc<dyn Proposer>,
    pub hub: Arc<Hub>,
    pub on_fault: OnFault,
}

/// What is told of faults. Cheap to clone.
#[derive(Clone)]
pub(super) struct OnFault(pub Arc<dyn Fn(Fault) + Send + Sync>);

impl std::fmt::Debug for OnFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnFault")
    }
}

/// What the disk holds.
#[derive(Debug, Clone, PartialEq, Default)]
struct Manifest {
    /// The last entry that made or dropped a database here.
    index: LogIndex,
    /// The highest id that a database ever had.
    last_id: u32,
    databases: BTreeMap<DatabaseId, String>,
}

const MANIFEST_MAGIC: &[u8; 8] = b"eiddbs\x00\x01";

impl Manifest {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MANIFEST_MAGIC.to_vec();
        bytes.extend(self.index.0.to_le_bytes());
        bytes.extend(self.last_id.to_le_bytes());
        bytes.extend((self.databases.len() as u32).to_le_bytes());
        for (id, name) in &self.databases {
            bytes.extend(id.0.to_le_bytes());
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
        }
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        if xxh3_64(body).to_le_bytes() != checksum {
            return None;
        }
        let body = body.strip_prefix(MANIFEST_MAGIC)?;
        let u32_at = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?));
        let index = LogIndex(u64::from_le_bytes(body.get(..8)?.try_into().ok()?));
        let (last_id, count) = (u32_at(8)?, u32_at(12)?);
        let mut databases = BTreeMap::new();
        let mut at = 16;
        for _ in 0..count {
            let id = DatabaseId(u32_at(at)?);
            let length = usize::from(*body.get(at + 4)?);
            let name = body.get(at + 5..at + 5 + length)?;
            databases.insert(id, String::from_utf8(name.to_vec()).ok()?);
            at += 5 + length;
        }
        (at == body.len()).then_some(Self { index, last_id, databases })
    }
}

/// All databases. Changed by the log alone, one entry at a time.
#[derive(Debug)]
pub(super) struct Store {
    making: Making,
    entries: RwLock<BTreeMap<DatabaseId, Arc<Entry>>>,
    manifest: Mutex<Manifest>,
}

impl Store {
    /// This node's id.
    pub(super) fn node(&self) -> NodeId {
        self.making.node
    }

    /// Opens what the disk holds, at the positions that Raft has noted.
    pub(super) fn open(making: Making, states: Option<Vec<DatabaseState>>) -> Result<Self, Fault> {
        for directory in ["databases", "raft", "raft/spool", "raft/incoming"] {
            let path = making.options.data_dir.join(directory);
            making.disk.create_directory(&path).map_err(|error| failed("create", &path, &error))?;
        }
        let store =
            Self { making, entries: RwLock::default(), manifest: Mutex::new(Manifest::default()) };
        let mut manifest = store.read_manifest()?;
        manifest.databases.insert(DatabaseId::POSTGRES, POSTGRES.to_owned());
        manifest.last_id = manifest.last_id.max(DatabaseId::FIRST_CREATED - 1);
        *store.manifest() = manifest;
        let mut states = states.unwrap_or_default();
        // What a snapshot has replaced is ahead of what Raft has noted: Raft goes on from before it,
        // and what is in it is then skipped, as its base is past.
        for planned in snapshot::recover(&store)? {
            states.retain(|state| state.id != planned.id);
            states.push(planned);
        }
        // Not a database, but what `last_id_state` made.
        if let Some(at) = states.iter().position(|state| state.id == LAST_ID) {
            store.note_last_id(states.swap_remove(at).position.txid.0 as u32);
        }
        if states.iter().all(|state| state.id != DatabaseId::POSTGRES) {
            states.push(DatabaseState {
                id: DatabaseId::POSTGRES,
                name: POSTGRES.to_owned(),
                position: Position::default(),
                pages: 0,
            });
        }
        for state in states {
            let there = store.manifest().databases.get(&state.id) == Some(&state.name);
            store.add(state.id, &state.name, state.position, there)?;
        }
        Ok(store)
    }

    fn manifest(&self) -> std::sync::MutexGuard<'_, Manifest> {
        lock(&self.manifest)
    }

    fn manifest_path(&self) -> PathBuf {
        self.making.options.data_dir.join("raft/databases")
    }

    fn read_manifest(&self) -> Result<Manifest, Fault> {
        let path = self.manifest_path();
        let io = |error| failed("read", &path, &error);
        if !self.making.disk.exists(&path).map_err(io)? {
            return Ok(Manifest::default());
        }
        let file = self.making.disk.open(&path, false).map_err(io)?;
        let mut bytes = vec![0; file.len().map_err(io)? as usize];
        read_exact(&*file, &mut bytes, 0)?;
        Manifest::decode(&bytes).ok_or_else(|| {
            Fault::new(format!("{} is damaged: restore this node from the others", path.display()))
        })
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<(), Fault> {
        let path = self.manifest_path();
        write_atomically(&*self.making.disk, &path, &manifest.encode())
            .map_err(|error| failed("write", &path, &error))
    }

    /// Where a database's file is.
    fn path(&self, id: DatabaseId, name: &str) -> PathBuf {
        let data_dir = &self.making.options.data_dir;
        if id == DatabaseId::POSTGRES {
            return data_dir.join("db.sqlite");
        }
        data_dir.join("databases").join(file_name(name))
    }

    fn spool(&self, id: DatabaseId) -> Result<Spool, Fault> {
        let directory = self.making.options.data_dir.join("raft/spool");
        Spool::open(self.making.disk.clone(), &directory, id)
    }

    /// Opens a database's file. Changes are captured in the database that they are asked of.
    fn open_file(&self, path: &Path, name: &str) -> Result<sqlite::Database, Fault> {
        let mut options = self.making.options.sqlite.clone();
        options.capturing = options.capturing.filter(|capturing| capturing.database == name);
        sqlite::Database::open(&self.making.disk, path, &options)
    }

    /// Starts a database's lane. Without a file, only its position counts.
    fn add(
        &self,
        id: DatabaseId,
        name: &str,
        position: Position,
        with_file: bool,
    ) -> Result<Arc<Entry>, Fault> {
        let making = &self.making;
        let file = if with_file {
            let path = self.path(id, name);
            Some(self.open_file(&path, name)?)
        } else {
            None
        };
        let (lane, events, handle) = lane::Lane::new(lane::Start {
            database: id,
            node: making.node,
            writer: file.as_ref().map(sqlite::Database::writer),
            position,
            spool: self.spool(id)?,
            limits: lane::LaneLimits {
                entry_bytes_max: making.options.entry_bytes_max,
                result_bytes_max: making.options.result_bytes_max,
                queue_length_max: making.options.queue_length_max,
                batch_time_max: lane::BATCH_TIME_MAX,
            },
            proposer: making.proposer.clone(),
            hub: making.hub.clone(),
        });
        let on_fault = making.on_fault.clone();
        lane::start(&format!("write {name}"), lane, events, move |fault| (on_fault.0)(fault))?;
        let entry = Arc::new(Entry {
            id,
            name: name.to_owned(),
            lane: handle,
            file: RwLock::new(file),
            catalog: Mutex::default(),
            sessions: AtomicUsize::new(0),
            slots: Mutex::default(),
            dropped: AtomicBool::new(false),
            checkpointing: AtomicBool::new(false),
        });
        self.entries
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(id, entry.clone());
        Ok(entry)
    }

    pub(super) fn get(&self, id: DatabaseId) -> Option<Arc<Entry>> {
        self.entries.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&id).cloned()
    }

    /// All databases, by id.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        entries.values().cloned().collect()
    }

    pub(super) fn by_name(&self, name: &str) -> Option<Arc<Entry>> {
        self.all().into_iter().find(|entry| entry.name == name)
    }

    /// An id that no database of the cluster ever had, as far as this node has applied the log.
    pub(super) fn next_id(&self) -> DatabaseId {
        DatabaseId(self.manifest().last_id + 1)
    }

    /// Carries the highest id that a database ever had, among the databases' states: so it is in
    /// every snapshot, and ids are never given twice.
    pub(super) fn last_id_state(&self) -> DatabaseState {
        let txid = TransactionId(u64::from(self.manifest().last_id));
        let position = Position { txid, ..Position::default() };
        DatabaseState { id: LAST_ID, name: String::new(), position, pages: 0 }
    }

    pub(super) fn note_last_id(&self, last_id: u32) {
        let mut manifest = self.manifest();
        manifest.last_id = manifest.last_id.max(last_id);
    }

    /// The entry that makes a database. `false`: there is one of this id or name, or the name can't
    /// be one; nothing changed.
    pub(super) fn create(
        &self,
        index: LogIndex,
        id: DatabaseId,
        name: &str,
    ) -> Result<bool, Fault> {
        if self.get(id).is_some() || self.by_name(name).is_some() || check_name(name).is_err() {
            return Ok(false);
        }
        let mut manifest = self.manifest().clone();
        manifest.last_id = manifest.last_id.max(id.0);
        let there = manifest.databases.get(&id).is_some_and(|there| there == name);
        let taken = manifest.databases.values().any(|other| other == name);
        if !there && (index <= manifest.index || taken) {
            self.add(id, name, Position::default(), false)?;
            *self.manifest() = manifest;
            return Ok(true);
        }
        if !there {
            // What a crash may have left of an attempt.
            self.remove_file(id, name)?;
        }
        self.add(id, name, Position::default(), true)?;
        if !there {
            manifest.index = index;
            manifest.databases.insert(id, name.to_owned());
            self.write_manifest(&manifest)?;
        }
        *self.manifest() = manifest;
        Ok(true)
    }

    /// Takes a database out of what is there. [`Self::finish_drop`] must follow.
    pub(super) fn begin_drop(&self, id: DatabaseId) -> Option<Arc<Entry>> {
        let entry =
            self.entries.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&id)?;
        entry.dropped.store(true, Ordering::Release);
        Some(entry)
    }

    /// Removes the file. Its lane is closed.
    pub(super) fn finish_drop(&self, index: LogIndex, entry: &Entry) -> Result<(), Fault> {
        let mut manifest = self.manifest().clone();
        if manifest.databases.remove(&entry.id).is_some() {
            manifest.index = manifest.index.max(index);
            self.write_manifest(&manifest)?;
            *self.manifest() = manifest;
        }
        if let Some(file) = entry.take() {
            file.remove()?;
        }
        self.spool(entry.id).map(drop)
    }

    fn remove_file(&self, id: DatabaseId, name: &str) -> Result<(), Fault> {
        let path = self.path(id, name);
        for suffix in ["", "-wal", "-shm"] {
            let mut path = path.as_os_str().to_owned();
            path.push(suffix);
            let path = PathBuf::from(path);
            let io = |error| failed("remove", &path, &error);
            if self.making.disk.exists(&path).map_err(io)? {
                self.making.disk.remove(&path).map_err(io)?;
            }
        }
        Ok(())
    }

    /// Installs a snapshot's database before any lane is there.
    pub(super) fn place(
        &self,
        state: &DatabaseState,
        pages: &mut dyn Iterator<Item = Result<(u32, Bytes), Fault>>,
    ) -> Result<(), Fault> {
        self.claim(state.id, &state.name)?;
        let path = self.path(state.id, &state.name);
        let database = self.open_file(&path, &state.name)?;
        database.writer().install(state.pages, pages)?;
        // Nobody else reads it: one is complete.
        database.checkpoint().map(drop)
    }

    /// Notes that the disk holds a database, and no other of its name.
    fn claim(&self, id: DatabaseId, name: &str) -> Result<(), Fault> {
        let mut manifest = self.manifest().clone();
        manifest.databases.retain(|other, taken| *other == id || taken != name);
        if manifest.databases.get(&id).is_none_or(|there| there != name) {
            self.remove_file(id, name)?;
        }
        manifest.databases.insert(id, name.to_owned());
        manifest.last_id = manifest.last_id.max(id.0);
        self.write_manifest(&manifest)?;
        *self.manifest() = manifest;
        Ok(())
    }

    /// For a snapshot: makes sure that a database is there with a file, whatever it was before.
    pub(super) async fn replace(&self, id: DatabaseId, name: &str) -> Result<Arc<Entry>, Fault> {
        let entry = self.get(id);
        if let Some(entry) = entry {
            if entry.name == name && entry.with(|_| ()).is_some() {
                return Ok(entry);
            }
            self.discard(id).await?;
        }
        if let Some(other) = self.by_name(name) {
            self.discard(other.id).await?;
        }
        self.claim(id, name)?;
        self.add(id, name, Position::default(), true)
    }

    /// For a snapshot: removes a database that isn't in it.
    pub(super) async fn discard(&self, id: DatabaseId) -> Result<(), Fault> {
        let Some(entry) = self.begin_drop(id) else { return Ok(()) };
        entry.lane.close(dropped(), lane::Then::Nothing).await;
        self.finish_drop(LogIndex(0), &entry)
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.making.options.data_dir
    }

    pub(super) fn disk(&self) -> &Arc<dyn Disk> {
        &self.making.disk
    }
}

/// Whether a database can be called so.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.contains('\0') {
        return Err(Error::user(SqlState::INVALID_NAME, "a database's name must not be empty"));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::user(
            SqlState::INVALID_NAME,
            format!("a database's name must not be longer than {NAME_BYTES_MAX} bytes"),
        ));
    }
    Ok(())
}

fn file_name(name: &str) -> String {
    let mut file = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            file.push(char::from(byte));
        } else {
            write!(file, "%{byte:02X}").expect("a String takes everything");
        }
    }
    file + ".sqlite"
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(format!("{what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_leave_its_directory() {
        assert_eq!(file_name("app_1-b"), "app_1-b.sqlite");
        assert_eq!(file_name("../db"), "%2E%2E%2Fdb.sqlite");
        assert_eq!(file_name("ä"), "%C3%A4.sqlite");
        assert!(check_name("").is_err());
        assert!(check_name(&"x".repeat(64)).is_err());
    }

    #[test]
    fn the_manifest_round_trips_and_damage_is_noticed() {
        let manifest = Manifest {
            index: LogIndex(7),
            last_id: 16385,
            databases: [(DatabaseId(5), "postgres".into()), (DatabaseId(16385), "a".into())].into(),
        };
        let bytes = manifest.encode();
        assert_eq!(Manifest::decode(&bytes), Some(manifest));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(Manifest::decode(&damaged), None, "byte {at}");
        }
        assert_eq!(Manifest::decode(&bytes[..5]), None);
    }
}
