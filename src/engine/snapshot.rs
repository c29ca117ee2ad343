//! A snapshot is the databases themselves: read from a read view of each, written as one
//! transaction each.
//!
//! What arrives is staged under `DATA_DIR/raft/incoming`, a file a database: its pages, as they
//! came, and those which the leader left out because this node had them and which have changed here
//! since. When all are there and durable, a plan (`plan`) says what is to be installed; from then
//! on the installation is repeated, after a crash as well, until it is whole. Repeating it is
//! harmless: it writes the same pages again.
//!
//! A run of pages, on the wire and in a staging file, is a sequence of: page number u32, checksum
//! u64, length u32, bytes (LZ4 block of a page, or the page itself where that is shorter). Numbers
//! are little endian.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use xxhash_rust::xxh3::xxh3_64;

use crate::engine::cancel::lock;
use crate::engine::core::Core;
use crate::engine::lane::{Event, Install};
use crate::engine::replica::state;
use crate::engine::spool::read_exact;
use crate::engine::store::{LAST_ID, Store};
use crate::model::error::Fault;
use crate::model::id::{Chain, DatabaseId, Position, TransactionId};
use crate::platform::disk::{File, write_atomically};
use crate::raft::{DatabaseState, SnapshotSink, SnapshotSource};
use crate::sqlite::{PAGE_BYTES, SnapshotView, page_checksum};

const PAGE_HEADER_BYTES: usize = 4 + 8 + 4;
/// How much of what is put back is written at once.
const RUN_BYTES: usize = 1 << 20;
const PLAN_MAGIC: &[u8; 8] = b"eidpln\x00\x01";

/// Read views of all databases at one point.
struct Source {
    states: Vec<DatabaseState>,
    views: BTreeMap<DatabaseId, Mutex<SnapshotView>>,
}

/// Opens a read view of every database. No entry is applied meanwhile.
///
/// After a restart a file may be ahead of where the log has led to so far, with what a majority had
/// before; and a leader may have to send a snapshot before it can commit anything. So it is sent as it
/// is: on the node that installs it the file is ahead in the same way, and skips the same entries.
pub(super) async fn source(core: &Arc<Core>) -> Result<Arc<dyn SnapshotSource>, Fault> {
    let mut source = Source { states: vec![core.store.last_id_state()], views: BTreeMap::new() };
    for entry in core.store.all() {
        let mut state = state(&entry);
        let (id, opened) = (entry.id, entry.clone());
        let view = move || opened.with(|database| database.snapshot()).transpose();
        // A database without a file is about to be dropped by the log: nobody needs it.
        let Some(view) = core.background.must(view).await? else { continue };
        if view.txid() < state.position.txid {
            return Err(Fault::new(format!(
                "database {id} stands at transaction {}, behind the log's {}",
                view.txid(),
                state.position.txid
            )));
        }
        state.pages = view.pages();
        source.states.push(state);
        source.views.insert(id, Mutex::new(view));
    }
    Ok(Arc::new(source))
}

impl SnapshotSource for Source {
    fn databases(&self) -> Vec<DatabaseState> {
        self.states.clone()
    }

    fn pages(
        &self,
        database: DatabaseId,
        first: u32,
        count: u32,
        known: &[u64],
    ) -> Result<Bytes, Fault> {
        let Some(view) = self.views.get(&database) else { return Ok(Bytes::new()) };
        let mut view = lock(view);
        let end = view.pages().saturating_add(1).min(first.saturating_add(count));
        let mut run = Vec::new();
        for number in first.max(1)..end {
            let checksum = view.checksum(number)?;
            if known.get((number - first) as usize) != Some(&checksum) {
                put_page(&mut run, number, checksum, &view.page(number)?);
            }
        }
        Ok(run.into())
    }
}

fn put_page(run: &mut Vec<u8>, number: u32, checksum: u64, page: &[u8]) {
    let packed = lz4_flex::block::compress(page);
    let bytes = if packed.len() < page.len() { &packed[..] } else { page };
    run.extend(number.to_le_bytes());
    run.extend(checksum.to_le_bytes());
    run.extend((bytes.len() as u32).to_le_bytes());
    run.extend(bytes);
}

/// The number, checksum and length that stand before a page's bytes.
#[expect(clippy::many_single_char_names, reason = "bytes have no better names")]
fn page_header(header: [u8; PAGE_HEADER_BYTES]) -> (u32, u64, usize) {
    let [a, b, c, d, rest @ ..] = header;
    let [e, f, g, h, i, j, k, l, m, n, o, p] = rest;
    (
        u32::from_le_bytes([a, b, c, d]),
        u64::from_le_bytes([e, f, g, h, i, j, k, l]),
        u32::from_le_bytes([m, n, o, p]) as usize,
    )
}

/// The page, if it is what its checksum says.
fn unpack(number: u32, checksum: u64, bytes: &[u8]) -> Option<Vec<u8>> {
    let page = if bytes.len() == PAGE_BYTES {
        bytes.to_vec()
    } else {
        lz4_flex::block::decompress(bytes, PAGE_BYTES).ok()?
    };
    (page.len() == PAGE_BYTES && page_checksum(number, &page) == checksum).then_some(page)
}

/// Whether a run of pages has arrived as it was sent.
fn is_whole(mut run: &[u8]) -> bool {
    while !run.is_empty() {
        let Some((header, rest)) = run.split_first_chunk::<PAGE_HEADER_BYTES>() else {
            return false;
        };
        let (number, checksum, length) = page_header(*header);
        let Some((bytes, rest)) = rest.split_at_checked(length) else { return false };
        if length > PAGE_BYTES || unpack(number, checksum, bytes).is_none() {
            return false;
        }
        run = rest;
    }
    true
}

/// One database's staging file.
struct Staged {
    file: Arc<dyn File>,
    /// Bytes so far.
    length: Mutex<u64>,
}

impl Staged {
    fn put(&self, pages: &[u8]) -> Result<(), Fault> {
        let mut length = lock(&self.length);
        self.file.write_all_at(pages, *length).map_err(failed)?;
        *length += pages.len() as u64;
        Ok(())
    }

    /// Adds what the leader left out because `told` has it and the database, as it is `now`, hasn't any
    /// more: a node that has just started goes on applying the end of its own log while pages arrive.
    fn put_back(
        &self,
        told: &mut SnapshotView,
        mut now: Option<SnapshotView>,
        database_pages: u32,
    ) -> Result<(), Fault> {
        if now.as_ref().is_some_and(|now| now.txid() == told.txid()) {
            return Ok(());
        }
        let sent = self.sent(database_pages)?;
        let mut run = Vec::new();
        for number in 1..=database_pages.min(told.pages()) {
            if sent[number as usize] {
                continue;
            }
            let checksum = told.checksum(number)?;
            let same = match now.as_mut().filter(|now| number <= now.pages()) {
                Some(now) => now.checksum(number)? == checksum,
                None => false,
            };
            if !same {
                put_page(&mut run, number, checksum, &told.page(number)?);
            }
            if run.len() >= RUN_BYTES {
                self.put(&run)?;
                run.clear();
            }
        }
        self.put(&run)
    }

    /// By number, the pages that have arrived.
    fn sent(&self, database_pages: u32) -> Result<Vec<bool>, Fault> {
        let mut sent = vec![false; database_pages as usize + 1];
        let mut staged = StagedPages { file: self.file.clone(), at: 0, end: *lock(&self.length) };
        while staged.at < staged.end {
            let (number, _, length) = staged.header()?;
            if let Some(sent) = sent.get_mut(number as usize) {
                *sent = true;
            }
            staged.at += (PAGE_HEADER_BYTES + length) as u64;
        }
        Ok(sent)
    }
}

/// Takes a snapshot.
struct Sink {
    core: Arc<Core>,
    states: Vec<DatabaseState>,
    staged: BTreeMap<DatabaseId, Arc<Staged>>,
    /// What this node has, until the installation begins: an old view would keep the new pages in
    /// the WAL.
    own: BTreeMap<DatabaseId, Mutex<Option<SnapshotView>>>,
}

/// Starts staging a snapshot.
pub(super) fn sink(
    core: Arc<Core>,
    states: Vec<DatabaseState>,
) -> Result<Arc<dyn SnapshotSink>, Fault> {
    let (mut staged, mut own) = (BTreeMap::new(), BTreeMap::new());
    for state in states.iter().filter(|state| state.id != LAST_ID) {
        let file = core.store.disk().open(&path(&core.store, state.id), true).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        staged.insert(state.id, Arc::new(Staged { file, length: Mutex::new(0) }));
        if let Some(entry) = core.store.get(state.id)
            && let Some(view) = entry.with(|database| database.snapshot()).transpose()?
        {
            own.insert(state.id, Mutex::new(Some(view)));
        }
    }
    Ok(Arc::new(Sink { core, states, staged, own }))
}

fn directory(store: &Store) -> PathBuf {
    store.data_dir().join("raft/incoming")
}

fn path(store: &Store, id: DatabaseId) -> PathBuf {
    directory(store).join(id.to_string())
}

fn plan_path(store: &Store) -> PathBuf {
    directory(store).join("plan")
}

impl SnapshotSink for Sink {
    fn known(&self, database: DatabaseId, first: u32, count: u32) -> Result<Vec<u64>, Fault> {
        let Some(view) = self.own.get(&database) else { return Ok(Vec::new()) };
        let mut view = lock(view);
        let Some(view) = view.as_mut() else { return Ok(Vec::new()) };
        let end = view.pages().saturating_add(1).min(first.saturating_add(count));
        (first.max(1)..end).map(|number| view.checksum(number)).collect()
    }

    fn put(&self, database: DatabaseId, pages: Bytes) -> Result<bool, Fault> {
        let staged = self
            .staged
            .get(&database)
            .ok_or_else(|| Fault::new("pages of a database that the snapshot doesn't have"))?;
        if !is_whole(&pages) {
            return Ok(false);
        }
        staged.put(&pages)?;
        Ok(true)
    }

    fn install(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            self.keep_own().await?;
            for staged in self.staged.values() {
                staged.file.sync_data().map_err(failed)?;
            }
            let store = &self.core.store;
            store.disk().sync_directory(&directory(store)).map_err(failed)?;
            write_atomically(&**store.disk(), &plan_path(store), &encode_plan(&self.states))
                .map_err(failed)?;
            install(&self.core, &self.states).await
        })
    }
}

impl Sink {
    /// Makes durable what the snapshot leaves out because this node has it: once there is a plan it is
    /// carried out on whatever a power cut has left.
    async fn keep_own(&self) -> Result<(), Fault> {
        for state in &self.states {
            let told = self.own.get(&state.id).and_then(|view| lock(view).take());
            let (Some(mut told), Some(staged)) = (told, self.staged.get(&state.id)) else {
                continue;
            };
            let (entry, staged, pages) =
                (self.core.store.get(state.id), staged.clone(), state.pages);
            let opened = entry.clone();
            let put_back = move || {
                let now = opened.and_then(|entry| entry.with(|database| database.snapshot()));
                staged.put_back(&mut told, now.transpose()?, pages)
            };
            self.core.background.must(put_back).await?;
            if let Some(entry) = entry {
                self.core.settle(&entry).await?;
            }
        }
        Ok(())
    }
}

/// Finishes an installation that a crash cut short, and forgets what else was staged. Before any
/// lane is there. Returns what was installed.
pub(super) fn recover(store: &Store) -> Result<Vec<DatabaseState>, Fault> {
    let (disk, directory, plan) = (store.disk(), directory(store), plan_path(store));
    let mut states = Vec::new();
    if disk.exists(&plan).map_err(failed)? {
        let file = disk.open(&plan, false).map_err(failed)?;
        let mut bytes = vec![0; file.len().map_err(failed)? as usize];
        read_exact(&*file, &mut bytes, 0)?;
        states = decode_plan(&bytes).ok_or_else(|| {
            Fault::new(format!("{} is damaged: restore this node from the others", plan.display()))
        })?;
        for state in states.iter().filter(|state| state.id != LAST_ID) {
            store.place(state, &mut StagedPages::open(store, state.id)?)?;
        }
        disk.remove(&plan).map_err(failed)?;
        disk.sync_directory(&directory).map_err(failed)?;
    }
    for name in disk.list(&directory).map_err(failed)? {
        disk.remove(&directory.join(name)).map_err(failed)?;
    }
    Ok(states)
}

async fn install(core: &Core, states: &[DatabaseState]) -> Result<(), Fault> {
    let store = &core.store;
    for state in states.iter().filter(|state| state.id != LAST_ID) {
        let entry = store.replace(state.id, &state.name).await?;
        let (reply, answer) = oneshot::channel();
        let install = Install {
            position: state.position,
            database_pages: state.pages,
            pages: Box::new(StagedPages::open(store, state.id)?),
            reply,
        };
        entry.lane.tell(Event::Install(install)).await?;
        answer.await.map_err(|_| Fault::new("a write lane has stopped"))??;
        core.settle(&entry).await?;
    }
    for entry in store.all() {
        if entry.id != DatabaseId::POSTGRES && states.iter().all(|state| state.id != entry.id) {
            store.discard(entry.id).await?;
        }
    }
    for state in states.iter().filter(|state| state.id == LAST_ID) {
        store.note_last_id(state.position.txid.0 as u32);
    }
    core.activity.snapshots_installed.one();
    store.disk().remove(&plan_path(store)).map_err(failed)?;
    store.disk().sync_directory(&directory(store)).map_err(failed)
}

/// Reads a staging file.
struct StagedPages {
    file: Arc<dyn File>,
    at: u64,
    end: u64,
}

impl Iterator for StagedPages {
    type Item = Result<(u32, Bytes), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let page = self.read();
        if page.is_err() {
            self.at = self.end;
        }
        Some(page)
    }
}

impl StagedPages {
    fn open(store: &Store, database: DatabaseId) -> Result<Self, Fault> {
        let file = store.disk().open(&path(store, database), false).map_err(failed)?;
        let end = file.len().map_err(failed)?;
        Ok(Self { file, at: 0, end })
    }

    /// The number, checksum and length of the page that comes next.
    fn header(&self) -> Result<(u32, u64, usize), Fault> {
        let mut header = [0; PAGE_HEADER_BYTES];
        read_exact(&*self.file, &mut header, self.at)?;
        let header = page_header(header);
        if header.2 > PAGE_BYTES { Err(damaged(header.0)) } else { Ok(header) }
    }

    fn read(&mut self) -> Result<(u32, Bytes), Fault> {
        let (number, checksum, length) = self.header()?;
        let mut bytes = vec![0; length];
        read_exact(&*self.file, &mut bytes, self.at + PAGE_HEADER_BYTES as u64)?;
        self.at += (PAGE_HEADER_BYTES + length) as u64;
        let page = unpack(number, checksum, &bytes).ok_or_else(|| damaged(number))?;
        Ok((number, page.into()))
    }
}

fn damaged(number: u32) -> Fault {
    Fault::new(format!(
        "page {number} of a staged snapshot is damaged: its disk has lost or changed data"
    ))
}

fn encode_plan(states: &[DatabaseState]) -> Vec<u8> {
    let mut bytes = PLAN_MAGIC.to_vec();
    bytes.extend((states.len() as u32).to_le_bytes());
    for state in states {
        bytes.extend(state.id.0.to_le_bytes());
        bytes.extend(state.position.txid.0.to_le_bytes());
        bytes.extend(state.position.chain.0.to_le_bytes());
        bytes.extend(state.pages.to_le_bytes());
        bytes.push(state.name.len() as u8);
        bytes.extend(state.name.as_bytes());
    }
    bytes.extend(xxh3_64(&bytes).to_le_bytes());
    bytes
}

fn decode_plan(bytes: &[u8]) -> Option<Vec<DatabaseState>> {
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
    if xxh3_64(body).to_le_bytes() != checksum {
        return None;
    }
    let mut rest = body.strip_prefix(PLAN_MAGIC)?;
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(taken)
    };
    let count = u32::from_le_bytes(take(4)?.try_into().ok()?);
    let mut states = Vec::new();
    for _ in 0..count {
        let id = DatabaseId(u32::from_le_bytes(take(4)?.try_into().ok()?));
        let txid = TransactionId(u64::from_le_bytes(take(8)?.try_into().ok()?));
        let chain = Chain(u128::from_le_bytes(take(16)?.try_into().ok()?));
        let pages = u32::from_le_bytes(take(4)?.try_into().ok()?);
        let length = usize::from(*take(1)?.first()?);
        let name = String::from_utf8(take(length)?.to_vec()).ok()?;
        states.push(DatabaseState { id, name, position: Position { txid, chain }, pages });
    }
    Some(states)
}

fn failed(error: std::io::Error) -> Fault {
    Fault::new(format!("stage a snapshot: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_round_trips_and_damage_is_noticed() {
        let states = vec![DatabaseState {
            id: DatabaseId(16384),
            name: "app".into(),
            position: Position { txid: TransactionId(3), chain: Chain(9) },
            pages: 12,
        }];
        let bytes = encode_plan(&states);
        assert_eq!(decode_plan(&bytes), Some(states));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert_eq!(decode_plan(&damaged), None, "byte {at}");
        }
    }

    #[test]
    fn pages_are_packed_where_that_is_shorter() {
        let noise: Vec<u8> = (0..PAGE_BYTES).map(|i| xxh3_64(&i.to_le_bytes()) as u8).collect();
        for page in [vec![0; PAGE_BYTES], noise] {
            let mut run = Vec::new();
            let sum = page_checksum(7, &page);
            put_page(&mut run, 7, sum, &page);
            let (header, bytes) = run.split_at(PAGE_HEADER_BYTES);
            let (number, checksum, length) = page_header(header.try_into().unwrap());
            assert_eq!((number, checksum, length), (7, sum, bytes.len()));
            assert_eq!(unpack(7, sum, bytes).unwrap(), page);
        }
    }

    #[test]
    fn a_page_that_was_damaged_on_the_way_is_noticed() {
        let mut run = Vec::new();
        for number in [2, 3] {
            let page: Vec<u8> = (0..PAGE_BYTES).map(|at| (at as u32 / 90 * number) as u8).collect();
            put_page(&mut run, number, page_checksum(number, &page), &page);
        }
        assert!(is_whole(&run));
        for at in 0..run.len() {
            let mut damaged = run.clone();
            damaged[at] ^= 0x20;
            assert!(!is_whole(&damaged), "byte {at}");
        }
    }
}
