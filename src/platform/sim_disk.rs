//! A disk in memory that can lose power and fail, for tests.
//!
//! It keeps what was synced apart from what was only written. After a power loss, each write since
//! the file's last sync is lost, kept, or torn at sector boundaries, independently of the others; so
//! is each creation, removal and rename since the directory's last sync. A failed sync loses the
//! writes that it should have made durable, although they can be read until the power goes.
//!
//! A process has a [`SimDisk::session`]: after its death or a power loss nothing that it left
//! behind reaches the files any more. SQLite's files can be here too (`sqlite::vfs`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::disk::{Disk, File};
use super::random::Random;

/// What a disk writes in one piece.
const SECTOR: u64 = 512;

/// A simulated disk. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk {
    shared: Arc<Shared>,
    /// The life of the one process that this handle serves; `None` serves all.
    era: Option<u64>,
}

#[derive(Debug)]
struct Shared {
    id: u64,
    state: Mutex<State>,
}

impl Default for Shared {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), state: Mutex::default() }
    }
}

/// A file system error, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// EIO; a failing write is short.
    Broken,
    /// EIO, and nothing is done.
    Refused,
    /// ENOSPC; a failing write is short.
    Full,
}

/// What is asked of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Whether something is there, how long it is, what a directory holds; opening what exists.
    Look,
    Read,
    Create,
    Write,
    Length,
    Sync,
    SyncDirectory,
    /// Removals, renames, new directories.
    Name,
}

impl Operation {
    fn changes(self) -> bool {
        !matches!(self, Self::Look | Self::Read)
    }
}

#[derive(Debug, Default, Clone)]
struct State {
    files: Vec<FileState>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names since their directory was synced.
    name_changes: Vec<NameChange>,
    directories: BTreeSet<PathBuf>,
    /// Operations so far: those that change or sync something, and with `all_count` all.
    operations: u64,
    all_count: bool,
    /// What was asked, and of which file.
    record: Option<Vec<(Operation, PathBuf)>>,
    /// The operation that fails, how, and whether all later ones fail as well.
    failing: Option<(u64, Failure, bool)>,
    /// Whether it has been reached.
    failed: bool,
    /// Whether files can't grow any more.
    full: bool,
    /// Files opened before the last power loss are useless.
    era: u64,
    syncs: u64,
}

#[derive(Debug, Default, Clone)]
struct FileState {
    path: PathBuf,
    durable: Vec<u8>,
    current: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Clone)]
enum NameChange {
    Create(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

impl NameChange {
    fn is_in(&self, directory: &Path) -> bool {
        let (Self::Create(path, _) | Self::Remove(path) | Self::Rename(path, _, _)) = self;
        path.parent() == Some(directory)
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Create(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to, file) => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
        }
    }
}

impl Change {
    /// The length that a file must have for this.
    fn end(&self) -> u64 {
        match self {
            Self::Write(offset, bytes) => offset + bytes.len() as u64,
            Self::Length(length) => *length,
        }
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, written) => put(bytes, *offset, written),
            Self::Length(length) => bytes.resize(*length as usize, 0),
        }
    }

    /// Applies what a power loss leaves of this change.
    fn apply_torn(&self, bytes: &mut Vec<u8>, random: &mut Random) {
        match (random.below(3), self) {
            (0, _) => {}
            (1, _) | (_, Self::Length(_)) => self.apply(bytes),
            (_, Self::Write(offset, written)) => {
                let mut from = 0;
                while from < written.len() {
                    let at = offset + from as u64;
                    let len = (SECTOR - at % SECTOR).min((written.len() - from) as u64) as usize;
                    if random.below(2) == 0 {
                        put(bytes, at, &written[from..from + len]);
                    }
                    from += len;
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, written: &[u8]) {
    let (from, to) = (offset as usize, offset as usize + written.len());
    if bytes.len() < to {
        bytes.resize(to, 0);
    }
    bytes[from..to].copy_from_slice(written);
}

/// The mounted disks, by id.
fn mounted() -> &'static Mutex<BTreeMap<u64, Weak<Shared>>> {
    static MOUNTED: OnceLock<Mutex<BTreeMap<u64, Weak<Shared>>>> = OnceLock::new();
    MOUNTED.get_or_init(Mutex::default)
}

impl Drop for Shared {
    fn drop(&mut self) {
        mounted().lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl SimDisk {
    fn of(state: State) -> Self {
        let shared = Shared { state: Mutex::new(state), ..Shared::default() };
        Self { shared: Arc::new(shared), era: None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if the process that this handle serves still lives.
    fn living(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        match self.era {
            Some(era) if era != state.era => Err(io::Error::other("the process has died")),
            _ => Ok(state),
        }
    }

    /// The disk as a process that begins now has it.
    #[must_use]
    pub fn session(&self) -> Self {
        Self { shared: self.shared.clone(), era: Some(self.state().era) }
    }

    /// The disk and the path in it that a name with a [`Disk::mount`] before it means, with that
    /// process's life.
    pub fn find(name: &str) -> Option<(Self, PathBuf)> {
        let (mount, path) = name.strip_prefix("/@")?.split_once('/')?;
        let (id, era) = mount.split_once('.')?;
        let mounted = mounted().lock().unwrap_or_else(PoisonError::into_inner);
        let shared = mounted.get(&id.parse().ok()?)?.upgrade()?;
        Some((Self { shared, era: Some(era.parse().ok()?) }, PathBuf::from(path)))
    }

    /// From now on every operation counts, and is recorded.
    pub fn record(&self) {
        let mut state = self.state();
        state.all_count = true;
        state.operations = 0;
        state.record = Some(Vec::new());
    }

    /// What was asked since [`Self::record`], and of which file.
    pub fn recorded(&self) -> Vec<(Operation, PathBuf)> {
        self.state().record.clone().unwrap_or_default()
    }

    /// From now on every operation counts.
    pub fn count_all(&self) {
        let mut state = self.state();
        state.all_count = true;
        state.operations = 0;
    }

    /// Whether the operation that was to fail has been reached, since [`Self::fail_after`].
    pub fn has_failed(&self) -> bool {
        self.state().failed
    }

    /// The files there are.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    /// Operations so far that changed or synced something.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// File syncs so far.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Makes the operation fail before which `after` more succeed, and with `forever` all later
    /// ones. A failing write still writes a part.
    pub fn fail_after(&self, after: u64, failure: Failure, forever: bool) {
        let mut state = self.state();
        state.failing = Some((state.operations + after, failure, forever));
        state.failed = false;
    }

    /// From now on there is no space left, or there is some again.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// The power goes and comes back. What was open before is useless.
    pub fn power_loss(&self, seed: u64) {
        let mut random = Random(seed);
        let state = &mut *self.state();
        state.era += 1;
        state.failing = None;
        for file in &mut state.files {
            let mut bytes = std::mem::take(&mut file.durable);
            for change in file.pending.drain(..) {
                change.apply_torn(&mut bytes, &mut random);
            }
            file.current.clone_from(&bytes);
            file.durable = bytes;
        }
        let mut names = std::mem::take(&mut state.durable_names);
        for change in state.name_changes.drain(..) {
            if random.below(2) == 0 {
                change.apply(&mut names);
            }
        }
        state.names.clone_from(&names);
        state.durable_names = names;
    }

    /// The process dies, the machine does not: everything written is there.
    pub fn process_death(&self) {
        let mut state = self.state();
        state.era += 1;
        state.failing = None;
    }

    /// A disk of its own in the same state, unsynced writes included. Open files stay behind.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.state();
        Self::of(State { failing: None, record: None, ..state.clone() })
    }

    /// A disk of its own that holds, durably, what can be read from this one.
    #[must_use]
    pub fn copy(&self) -> Self {
        let state = self.state();
        let file = |file: &FileState| FileState {
            path: file.path.clone(),
            durable: file.current.clone(),
            current: file.current.clone(),
            pending: Vec::new(),
        };
        Self::of(State {
            files: state.files.iter().map(file).collect(),
            names: state.names.clone(),
            durable_names: state.names.clone(),
            directories: state.directories.clone(),
            ..State::default()
        })
    }

    /// The bytes of a file.
    pub fn contents(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.files[state.names[path]].current.clone()
    }

    /// Replaces the bytes of a file, durably.
    pub fn set_contents(&self, path: &Path, bytes: &[u8]) {
        let state = &mut *self.state();
        let file = &mut state.files[state.names[path]];
        file.durable = bytes.to_vec();
        file.current = bytes.to_vec();
        file.pending.clear();
    }
}

impl State {
    /// Counts an operation; says whether it fails.
    fn count(&mut self, operation: Operation, path: &Path) -> Result<(), Failure> {
        if !self.all_count && !operation.changes() {
            return Ok(());
        }
        if let Some(record) = &mut self.record {
            record.push((operation, path.to_owned()));
        }
        let number = self.operations;
        self.operations += 1;
        match self.failing {
            Some((at, failure, forever)) if number == at || (forever && number > at) => {
                self.failed = true;
                Err(failure)
            }
            _ => Ok(()),
        }
    }

    fn check_era(&self, era: u64) -> io::Result<()> {
        if self.era == era { Ok(()) } else { Err(io::Error::other("the power was lost")) }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn count_file(&mut self, operation: Operation, index: usize) -> Result<(), Failure> {
        let path = std::mem::take(&mut self.files[index].path);
        let counted = self.count(operation, &path);
        self.files[index].path = path;
        counted
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::from_raw_os_error(match failure {
            Failure::Broken | Failure::Refused => 5,
            Failure::Full => 28,
        })
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        let mut state = self.living()?;
        let index = match state.file(path) {
            Err(_) if create => {
                let parent = path.parent().unwrap_or(Path::new("")).to_owned();
                if !state.directories.contains(&parent) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                state.count(Operation::Create, path)?;
                let index = state.files.len();
                state.files.push(FileState { path: path.to_owned(), ..FileState::default() });
                state.change_name(NameChange::Create(path.to_owned(), index));
                index
            }
            found => {
                state.count(Operation::Look, path)?;
                found?
            }
        };
        let era = self.era.unwrap_or(state.era);
        Ok(Arc::new(SimFile { disk: self.clone(), index, era }))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut state = self.living()?;
        state.count(Operation::Look, directory)?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(directory));
        let names = inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.living()?;
        state.count(Operation::Name, path)?;
        state.directories.insert(path.to_owned());
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.living()?;
        state.count(Operation::Name, path)?;
        state.file(path)?;
        state.change_name(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.living()?;
        state.count(Operation::Name, to)?;
        let file = state.file(from)?;
        to.clone_into(&mut state.files[file].path);
        state.change_name(NameChange::Rename(from.to_owned(), to.to_owned(), file));
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.living()?;
        state.count(Operation::SyncDirectory, path)?;
        for change in state.name_changes.extract_if(.., |change| change.is_in(path)) {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.living()?;
        state.count(Operation::Look, path)?;
        Ok(state.names.contains_key(path) || state.directories.contains(path))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        let mut state = self.living()?;
        state.count(Operation::Look, path)?;
        let index = state.file(path)?;
        Ok(state.files[index].current.len() as u64)
    }

    fn mount(&self) -> Option<String> {
        let mut mounted = mounted().lock().unwrap_or_else(PoisonError::into_inner);
        mounted.entry(self.shared.id).or_insert_with(|| Arc::downgrade(&self.shared));
        drop(mounted);
        let era = self.era.unwrap_or_else(|| self.state().era);
        Some(format!("/@{}.{era}/", self.shared.id))
    }
}

/// An open file of a [`SimDisk`].
#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    index: usize,
    era: u64,
}

impl SimFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let state = &mut *self.disk.state();
        state.check_era(self.era)?;
        let full = state.full;
        let operation = match change {
            Change::Write(..) => Operation::Write,
            Change::Length(_) => Operation::Length,
        };
        let counted = state.count_file(operation, self.index);
        let file = &mut state.files[self.index];
        if full && change.end() > file.current.len() as u64 {
            return Err(Failure::Full.into());
        }
        let change = match (counted, change) {
            (Ok(()), change) => change,
            (Err(failure), Change::Length(_)) => return Err(failure.into()),
            (Err(Failure::Refused), _) => return Err(Failure::Refused.into()),
            (Err(_), Change::Write(offset, mut bytes)) => {
                bytes.truncate(bytes.len() / 2);
                Change::Write(offset, bytes)
            }
        };
        change.apply(&mut file.current);
        file.pending.push(change);
        counted.map_err(io::Error::from)
    }
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.check_era(self.era)?;
        state.count_file(Operation::Read, self.index)?;
        let bytes = &state.files[self.index].current;
        let from = bytes.len().min(offset as usize);
        let len = buffer.len().min(bytes.len() - from);
        buffer[..len].copy_from_slice(&bytes[from..from + len]);
        Ok(len)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(Change::Write(offset, bytes.to_vec()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let state = &mut *self.disk.state();
        state.check_era(self.era)?;
        state.syncs += 1;
        let counted = state.count_file(Operation::Sync, self.index);
        let dying = state.failing.is_some_and(|(_, _, forever)| forever);
        let file = &mut state.files[self.index];
        match counted {
            Ok(()) => {
                let changes = std::mem::take(&mut file.pending);
                for change in changes {
                    change.apply(&mut file.durable);
                }
                Ok(())
            }
            Err(failure) => {
                if !dying {
                    file.pending.clear();
                }
                Err(failure.into())
            }
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(length))
    }

    fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.check_era(self.era)?;
        state.count_file(Operation::Look, self.index)?;
        Ok(state.files[self.index].current.len() as u64)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let longer = {
            let state = self.disk.state();
            state.check_era(self.era)?;
            (state.files[self.index].current.len() as u64) < length
        };
        if longer { self.set_len(length) } else { Ok(()) }
    }
}
