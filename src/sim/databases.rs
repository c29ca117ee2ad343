//! Databases in memory, as Raft's state machine: pages are numbers, files are maps.
//!
//! They follow the rules of the real ones: an entry that the files hold already, or that was built
//! on another position, is skipped; only a checkpoint makes anything durable; a crash may leave
//! more than the last checkpoint, never less.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::future::BoxFuture;

use crate::model::command::{Applied, Command, PagesPart};
use crate::model::error::Fault;
use crate::model::id::{Chain, DatabaseId, LogIndex, Position};
use crate::raft::{DatabaseState, Databases, SnapshotSink, SnapshotSource};

/// One database file. Page `n` is `pages[n - 1]`; 0 was never written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct File {
    pub name: String,
    pub position: Position,
    pub pages: Vec<u64>,
}

pub(crate) type Files = BTreeMap<DatabaseId, File>;

/// What a machine's database files hold, across its processes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Storage {
    pub durable: Files,
    /// Pages of snapshots on their way, by database and page.
    staged: BTreeMap<(DatabaseId, u32), u64>,
}

/// What all nodes together know: every index was applied as the same command everywhere.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    commands: Mutex<BTreeMap<u64, Command>>,
}

impl Oracle {
    fn applied(&self, index: u64, command: &Command) {
        let mut commands = self.commands.lock().unwrap();
        let known = commands.entry(index).or_insert_with(|| command.clone());
        assert_eq!(known, command, "entry {index} differs between nodes");
    }
}

struct State {
    files: Files,
    /// Parts of transactions whose last part hasn't come, with the first part's index.
    open: BTreeMap<DatabaseId, (u64, Vec<PagesPart>)>,
    applied: u64,
}

/// One process's databases.
pub(crate) struct MemoryDatabases {
    state: Arc<Mutex<State>>,
    storage: Arc<Mutex<Storage>>,
    oracle: Arc<Oracle>,
    alive: Arc<AtomicBool>,
    pub faults: Mutex<Vec<Fault>>,
}

impl MemoryDatabases {
    /// Opens what is durable.
    pub(crate) fn open(
        storage: Arc<Mutex<Storage>>,
        oracle: Arc<Oracle>,
        alive: Arc<AtomicBool>,
    ) -> Arc<Self> {
        let files = storage.lock().unwrap().durable.clone();
        Arc::new(Self {
            state: Arc::new(Mutex::new(State { files, open: BTreeMap::new(), applied: 0 })),
            storage,
            oracle,
            alive,
            faults: Mutex::default(),
        })
    }

    pub(crate) fn files(&self) -> Files {
        self.state.lock().unwrap().files.clone()
    }

    /// What a crash leaves if the operating system has written everything: files ahead of the
    /// durable state.
    pub(crate) fn write_back(&self) {
        self.storage.lock().unwrap().durable = self.files();
    }

    fn states(files: &Files) -> Vec<DatabaseState> {
        let state = |(id, file): (&DatabaseId, &File)| DatabaseState {
            id: *id,
            name: file.name.clone(),
            position: file.position,
            pages: file.pages.len() as u32,
        };
        files.iter().map(state).collect()
    }
}

/// The chain value after a transaction with these pages.
pub(crate) fn chain_after(base: Chain, pages: &[u8]) -> Chain {
    Chain(base.0.wrapping_mul(31).wrapping_add(u128::from(xxhash_rust::xxh3::xxh3_64(pages))))
}

/// Pages as they stand in log entries and snapshots: number and contents.
pub(crate) fn encode_pages(pages: impl IntoIterator<Item = (u32, u64)>) -> Bytes {
    let mut out = BytesMut::new();
    for (number, contents) in pages {
        out.put_u32(number);
        out.put_u64(contents);
    }
    out.freeze()
}

fn decode_pages(mut bytes: Bytes) -> Vec<(u32, u64)> {
    let mut pages = Vec::new();
    while bytes.remaining() >= 12 {
        pages.push((bytes.get_u32(), bytes.get_u64()));
    }
    pages
}

impl State {
    fn apply_part(&mut self, index: u64, part: PagesPart) -> Applied {
        let Some(file) = self.files.get_mut(&part.database) else { return Applied::Skipped };
        if file.position.txid >= part.txid {
            self.open.remove(&part.database);
            return Applied::Skipped;
        }
        if file.position != part.base {
            return Applied::Skipped;
        }
        let (database, last) = (part.database, part.last);
        if part.part == 0 {
            self.open.insert(database, (index, Vec::new()));
        }
        let Some((_, parts)) = self.open.get_mut(&database) else { return Applied::Skipped };
        parts.push(part);
        if !last {
            return Applied::Done;
        }
        let (_, parts) = self.open.remove(&database).unwrap();
        let all: Vec<u8> = parts.iter().flat_map(|part| part.pages.to_vec()).collect();
        let end = parts.last().unwrap();
        assert_eq!(end.chain, chain_after(file.position.chain, &all), "pages were lost");
        file.pages.resize(end.database_pages as usize, 0);
        for (number, contents) in parts.iter().flat_map(|part| decode_pages(part.pages.clone())) {
            file.pages[number as usize - 1] = contents;
        }
        file.position = Position { txid: end.txid, chain: end.chain };
        Applied::Done
    }
}

impl Databases for MemoryDatabases {
    fn apply(&self, index: LogIndex, command: Command) -> BoxFuture<'_, Result<Applied, Fault>> {
        self.oracle.applied(index.0, &command);
        let mut state = self.state.lock().unwrap();
        assert!(state.applied < index.0 || state.applied == 0, "applied twice: {index}");
        state.applied = index.0;
        let done = match command {
            Command::Pages(part) => state.apply_part(index.0, part),
            Command::DropDatabase { id } => {
                state.open.remove(&id);
                if state.files.remove(&id).is_some() { Applied::Done } else { Applied::Skipped }
            }
            Command::CreateDatabase { id, name, .. } => {
                if let std::collections::btree_map::Entry::Vacant(vacant) = state.files.entry(id) {
                    vacant.insert(File { name, ..File::default() });
                    Applied::Done
                } else {
                    Applied::Skipped
                }
            }
            Command::Barrier => Applied::Done,
        };
        Box::pin(async move { Ok(done) })
    }

    fn positions(&self) -> BoxFuture<'_, Result<Vec<DatabaseState>, Fault>> {
        let states = Self::states(&self.state.lock().unwrap().files);
        Box::pin(async move { Ok(states) })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<(), Fault>> {
        if self.alive.load(Ordering::Relaxed) {
            self.write_back();
        }
        Box::pin(async { Ok(()) })
    }

    fn needed_from(&self) -> Option<LogIndex> {
        let state = self.state.lock().unwrap();
        state.open.values().map(|(index, _)| LogIndex(*index)).min()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn SnapshotSource>, Fault>> {
        let view: Arc<dyn SnapshotSource> = Arc::new(View(self.files()));
        Box::pin(async move { Ok(view) })
    }

    fn receive(
        &self,
        databases: Vec<DatabaseState>,
    ) -> BoxFuture<'_, Result<Arc<dyn SnapshotSink>, Fault>> {
        let sink: Arc<dyn SnapshotSink> = Arc::new(Staging {
            databases,
            own: self.files(),
            state: self.state.clone(),
            storage: self.storage.clone(),
            alive: self.alive.clone(),
        });
        Box::pin(async move { Ok(sink) })
    }

    fn fault(&self, fault: Fault) {
        if self.alive.load(Ordering::Relaxed) {
            self.faults.lock().unwrap().push(fault);
        }
    }
}

/// A snapshot's read view: a copy.
struct View(Files);

/// A page's checksum; 0 for one that isn't there.
fn checksum(number: u32, contents: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(&contents.to_be_bytes(), u64::from(number)).max(1)
}

impl SnapshotSource for View {
    fn databases(&self) -> Vec<DatabaseState> {
        MemoryDatabases::states(&self.0)
    }

    fn pages(
        &self,
        database: DatabaseId,
        first: u32,
        count: u32,
        known: &[u64],
    ) -> Result<Bytes, Fault> {
        let pages = &self.0[&database].pages;
        let differs = (first..first + count).enumerate().filter_map(|(at, number)| {
            let contents = pages[number as usize - 1];
            (known.get(at) != Some(&checksum(number, contents))).then_some((number, contents))
        });
        Ok(encode_pages(differs))
    }
}

/// A snapshot on its way in. What was staged survives this process.
struct Staging {
    databases: Vec<DatabaseState>,
    own: Files,
    state: Arc<Mutex<State>>,
    storage: Arc<Mutex<Storage>>,
    alive: Arc<AtomicBool>,
}

impl Staging {
    /// What this node has of a page: staged, or in its own file.
    fn page(&self, storage: &Storage, database: DatabaseId, number: u32) -> Option<u64> {
        let own = || self.own.get(&database)?.pages.get(number as usize - 1).copied();
        storage.staged.get(&(database, number)).copied().or_else(own)
    }
}

impl SnapshotSink for Staging {
    fn known(&self, database: DatabaseId, first: u32, count: u32) -> Result<Vec<u64>, Fault> {
        let storage = self.storage.lock().unwrap();
        let pages = (first..first + count).map(|number| {
            let contents = self.page(&storage, database, number);
            contents.map_or(0, |contents| checksum(number, contents))
        });
        Ok(pages.collect())
    }

    fn put(&self, database: DatabaseId, pages: Bytes) -> Result<bool, Fault> {
        if !self.alive.load(Ordering::Relaxed) {
            return Err(Fault::new("this process is dead"));
        }
        let mut storage = self.storage.lock().unwrap();
        for (number, contents) in decode_pages(pages) {
            storage.staged.insert((database, number), contents);
        }
        Ok(true)
    }

    fn install(&self) -> BoxFuture<'_, Result<(), Fault>> {
        let mut storage = self.storage.lock().unwrap();
        let file = |state: &DatabaseState| {
            let page = |number| self.page(&storage, state.id, number).expect("all pages are there");
            let pages = (1..=state.pages).map(page).collect();
            (state.id, File { name: state.name.clone(), position: state.position, pages })
        };
        let files: Files = self.databases.iter().map(file).collect();
        if self.alive.load(Ordering::Relaxed) {
            storage.staged.clear();
            storage.durable.clone_from(&files);
        }
        let mut state = self.state.lock().unwrap();
        state.open.clear();
        state.files = files;
        Box::pin(async { Ok(()) })
    }
}
