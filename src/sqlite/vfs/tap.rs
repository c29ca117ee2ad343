//! What the shim does with the writes of one database's write connections.
//!
//! A commit happens twice. The first COMMIT runs while the tap *captures*: the frames that SQLite
//! hands over are kept in memory and not written, and the commit frame is answered with
//! `SQLITE_BUSY`, which leaves SQLite's pager healthy and the transaction open. The second COMMIT runs
//! while the tap *finishes*: the same frames must come again, and this time they are written.
//!
//! The first attempt leaves one trace in SQLite: the running checksum of the WAL has gone on over
//! frames that were never written. The tap therefore computes the checksum of each frame itself,
//! from the frame before it in the file.
//!
//! Invariants:
//! * `frames` holds the open transaction's frames that are in the WAL file before its commit frame
//!   (spilled ones), by growing offset.
//! * One connection writes at a time: the one that has the (virtual) write lock.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use rusqlite::ffi;

use super::wal::{
    ByteOrder, Checksum, FRAME_BYTES, FRAME_HEADER_BYTES, PAGE_BYTES, WAL_HEADER_BYTES, number_at,
};
use crate::sqlite::page::{page_checksum, seal, stamp};

thread_local! {
    static PRETENDING: Cell<bool> = const { Cell::new(false) };
}

/// The file under the shim.
pub(crate) trait WalFile {
    /// Fills the whole buffer, or says which SQLite error stood in the way.
    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), c_int>;
    fn write(&self, bytes: &[u8], offset: u64) -> c_int;
}

/// Watches and steers the writes of one database's write connections.
#[derive(Debug)]
pub(crate) struct Tap {
    id: u64,
    /// Bytes of pages that the open transaction has spilled to the WAL.
    spilled: AtomicU64,
    /// Where the last write to the WAL ended.
    end: AtomicU64,
    /// For connections whose transactions are never written: see [`Tap::private`].
    private: bool,
    state: Mutex<State>,
}

/// A spilled frame.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Where its header is in the WAL file.
    offset: u64,
    page: u32,
    checksum: u64,
}

/// Where a captured page's bytes are.
#[derive(Debug)]
pub(crate) enum PageSource {
    Memory(Box<[u8]>),
    /// At this offset of the WAL file.
    Wal(u64),
}

/// What a captured COMMIT would write.
#[derive(Debug)]
pub(crate) struct CapturedCommit {
    /// The database's size after it, in pages.
    pub(crate) database_pages: u32,
    /// Each changed page once, with its checksum; by number.
    pub(crate) pages: Vec<(u32, u64, PageSource)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Frames pass and are remembered: a transaction that will be captured.
    Watching,
    /// Frames pass: pages of another node's transaction.
    Passing,
    /// A COMMIT that will be refused.
    Capturing,
    /// The second COMMIT.
    Finishing,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// A frame header that waits for its page.
    header: Option<(u64, [u8; FRAME_HEADER_BYTES])>,
    frames: Vec<Frame>,
    /// The pages that the refused COMMIT tried to write, in its order.
    captured: Vec<(u32, u64, Box<[u8]>)>,
    /// The database size in the refused commit frame.
    captured_size: Option<u32>,
    /// The pages that the second COMMIT must write, in order, and how many of them it has.
    expected: Vec<(u32, u64)>,
    matched: usize,
    expected_size: u32,
    /// How the second COMMIT differed.
    mismatch: Option<String>,
    /// Whether this COMMIT's commit frame was written. Frame headers that SQLite writes after it
    /// are old ones with new checksums, computed from the file.
    committed: bool,
    /// The offset after the last frame that was written, and the checksum up to it.
    chain: Option<(u64, Checksum)>,
    byte_order: Option<ByteOrder>,
    /// Which file has WAL's write lock, as SQLite sees it.
    lock_holder: Option<usize>,
    /// Which file has it from the operating system.
    system_lock_holder: Option<usize>,
}

/// The taps of this process by id, so that `xOpen` finds the one that a file name asks for.
fn registry() -> &'static Mutex<HashMap<u64, Weak<Tap>>> {
    static REGISTRY: OnceLock<Mutex<HashMap<u64, Weak<Tap>>>> = OnceLock::new();
    REGISTRY.get_or_init(Mutex::default)
}

impl Tap {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(false)
    }

    /// A tap whose connections write nothing. Within [`Tap::pretend`] each of them has WAL's write
    /// lock, as far as it can tell.
    pub(crate) fn private() -> Arc<Self> {
        Self::with(true)
    }

    /// Lets private connections begin to write, on this thread, in `work`. A transaction must have
    /// been begun for reading by then: SQLite also takes the lock to repair a wal-index, and that
    /// nobody may pretend.
    pub(crate) fn pretend<T>(work: impl FnOnce() -> T) -> T {
        PRETENDING.set(true);
        let done = work();
        PRETENDING.set(false);
        done
    }

    fn with(private: bool) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (spilled, end) = (AtomicU64::new(0), AtomicU64::new(0));
        let state = Mutex::new(State::new());
        let tap = Arc::new(Self { id, spilled, end, private, state });
        let mut registry = registry().lock().unwrap_or_else(PoisonError::into_inner);
        registry.insert(id, Arc::downgrade(&tap));
        tap
    }

    /// The tap with this id, if it still lives.
    pub(super) fn find(id: u64) -> Option<Arc<Self>> {
        let registry = registry().lock().unwrap_or_else(PoisonError::into_inner);
        registry.get(&id).and_then(Weak::upgrade)
    }

    /// What to put into the file name's URI parameter.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of pages that the open transaction has in the WAL.
    pub(crate) fn spilled_bytes(&self) -> u64 {
        self.spilled.load(Ordering::Relaxed)
    }

    /// Bytes of the WAL up to the last write: what is behind it in the file is from before the WAL began
    /// anew. 0 before the first write.
    pub(crate) fn wal_bytes(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// A transaction begins whose pages will be captured.
    pub(crate) fn watch(&self) {
        self.start(Mode::Watching);
    }

    /// A transaction begins, or goes on, whose pages nobody asks for.
    pub(crate) fn pass(&self) {
        self.start(Mode::Passing);
    }

    fn start(&self, mode: Mode) {
        let mut state = self.state();
        state.mode = mode;
        state.forget_transaction();
        self.spilled.store(0, Ordering::Relaxed);
    }

    /// The next COMMIT is refused and its pages are kept.
    pub(crate) fn capture(&self) {
        let mut state = self.state();
        state.mode = Mode::Capturing;
        state.captured.clear();
        state.captured_size = None;
        state.committed = false;
        state.header = None;
    }

    /// What the refused COMMIT would have written; `None` if it didn't come to its commit frame.
    /// The transaction goes on being watched.
    pub(crate) fn take_captured(&self) -> Option<CapturedCommit> {
        let mut state = self.state();
        state.mode = Mode::Watching;
        let database_pages = state.captured_size.take()?;
        let captured = std::mem::take(&mut state.captured);
        state.expected = captured.iter().map(|(page, checksum, _)| (*page, *checksum)).collect();
        state.expected_size = database_pages;
        let mut pages = HashMap::with_capacity(state.frames.len() + captured.len());
        for frame in &state.frames {
            let at = frame.offset + FRAME_HEADER_BYTES as u64;
            pages.insert(frame.page, (frame.checksum, PageSource::Wal(at)));
        }
        for (page, checksum, bytes) in captured {
            pages.insert(page, (checksum, PageSource::Memory(bytes)));
        }
        let mut pages: Vec<_> = pages
            .into_iter()
            // A page past the end was cut off by this very transaction.
            .filter(|(page, _)| *page <= database_pages)
            .map(|(page, (checksum, source))| (page, checksum, source))
            .collect();
        pages.sort_unstable_by_key(|(page, ..)| *page);
        Some(CapturedCommit { database_pages, pages })
    }

    /// The next COMMIT must write what was captured.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        state.mode = Mode::Finishing;
        state.matched = 0;
        state.mismatch = None;
        state.committed = false;
        state.header = None;
    }

    /// Whether the second COMMIT wrote what was captured, all of it and nothing else.
    pub(crate) fn check_finished(&self) -> Result<(), String> {
        let mut state = self.state();
        if let Some(mismatch) = state.mismatch.take() {
            return Err(mismatch);
        }
        if !state.committed || state.matched != state.expected.len() {
            let (written, captured) = (state.matched, state.expected.len());
            return Err(format!("{written} of {captured} captured pages were written"));
        }
        Ok(())
    }

    /// A write to the WAL file. Gives SQLite's result code.
    pub(super) fn on_wal_write(&self, file: &dyn WalFile, bytes: &[u8], offset: u64) -> c_int {
        if self.private {
            return ffi::SQLITE_BUSY;
        }
        let mut state = self.state();
        let result = state.on_write(file, bytes, offset);
        self.end.store(offset + bytes.len() as u64, Ordering::Relaxed);
        self.spilled.store((state.frames.len() * PAGE_BYTES) as u64, Ordering::Relaxed);
        result
    }

    /// SQLite wants WAL's write lock for `file`. `lock` takes it from the operating system.
    pub(super) fn on_write_lock(&self, file: usize, lock: impl FnOnce() -> c_int) -> c_int {
        if self.private {
            return if PRETENDING.get() { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY };
        }
        let mut state = self.state();
        if state.lock_holder.is_some_and(|holder| holder != file) {
            return ffi::SQLITE_BUSY;
        }
        if state.system_lock_holder.is_none() {
            let result = lock();
            if result != ffi::SQLITE_OK {
                return result;
            }
            state.system_lock_holder = Some(file);
        }
        state.lock_holder = Some(file);
        ffi::SQLITE_OK
    }

    /// SQLite gives WAL's write lock back. The operating system doesn't get it.
    pub(super) fn on_write_unlock(&self, file: usize) {
        let mut state = self.state();
        if state.lock_holder == Some(file) {
            state.lock_holder = None;
        }
    }

    /// `file` goes. Says whether it must give the lock back to the operating system.
    pub(super) fn on_unmap(&self, file: usize) -> bool {
        let mut state = self.state();
        if state.lock_holder == Some(file) {
            state.lock_holder = None;
        }
        let held = state.system_lock_holder == Some(file);
        if held {
            state.system_lock_holder = None;
        }
        held
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        registry().lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl State {
    fn new() -> Self {
        Self {
            mode: Mode::Passing,
            header: None,
            frames: Vec::new(),
            captured: Vec::new(),
            captured_size: None,
            expected: Vec::new(),
            matched: 0,
            expected_size: 0,
            mismatch: None,
            committed: false,
            chain: None,
            byte_order: None,
            lock_holder: None,
            system_lock_holder: None,
        }
    }

    fn forget_transaction(&mut self) {
        self.header = None;
        self.frames.clear();
        self.captured = Vec::new();
        self.captured_size = None;
        self.expected = Vec::new();
        self.matched = 0;
        self.mismatch = None;
        self.committed = false;
    }

    fn on_write(&mut self, file: &dyn WalFile, bytes: &[u8], offset: u64) -> c_int {
        if offset < WAL_HEADER_BYTES as u64 {
            // A new WAL: every frame that was in the file is gone.
            self.chain = None;
            self.byte_order = None;
            self.frames.clear();
            return file.write(bytes, offset);
        }
        let within = (offset - WAL_HEADER_BYTES as u64) % FRAME_BYTES as u64;
        if within == 0 && bytes.len() == FRAME_HEADER_BYTES {
            return self.on_frame_header(file, bytes, offset);
        }
        if within == FRAME_HEADER_BYTES as u64 && bytes.len() == PAGE_BYTES {
            return match self.header.take() {
                Some((at, header)) if at + FRAME_HEADER_BYTES as u64 == offset => {
                    self.on_frame(file, at, header, bytes)
                }
                Some(_) => ffi::SQLITE_IOERR_WRITE,
                None => self.on_overwrite(file, bytes, offset),
            };
        }
        // SQLite cuts a write in two only where it syncs in the middle, which synchronous=NORMAL
        // never does.
        ffi::SQLITE_IOERR_WRITE
    }

    fn on_frame_header(&mut self, file: &dyn WalFile, bytes: &[u8], offset: u64) -> c_int {
        if self.committed {
            self.chain = None;
            return file.write(bytes, offset);
        }
        let mut header = [0; FRAME_HEADER_BYTES];
        header.copy_from_slice(bytes);
        self.header = Some((offset, header));
        ffi::SQLITE_OK
    }

    /// A frame at the end of the WAL.
    fn on_frame(
        &mut self,
        file: &dyn WalFile,
        offset: u64,
        header: [u8; FRAME_HEADER_BYTES],
        page: &[u8],
    ) -> c_int {
        let (number, size) = (number_at(&header, 0), number_at(&header, 4));
        let mut frame = [0; FRAME_BYTES];
        frame[..FRAME_HEADER_BYTES].copy_from_slice(&header);
        frame[FRAME_HEADER_BYTES..].copy_from_slice(page);
        stamp(number, &mut frame[FRAME_HEADER_BYTES..]);
        let page = &frame[FRAME_HEADER_BYTES..];
        // What lay here or after was rolled back with a savepoint.
        let live = self.frames.partition_point(|frame| frame.offset < offset);
        self.frames.truncate(live);
        match self.mode {
            Mode::Capturing => {
                self.captured.push((number, page_checksum(number, page), page.into()));
                if size == 0 {
                    return ffi::SQLITE_OK;
                }
                self.captured_size = Some(size);
                return ffi::SQLITE_BUSY;
            }
            Mode::Finishing => {
                if !self.matches(number, page) {
                    return ffi::SQLITE_BUSY;
                }
                if size != 0 && (size != self.expected_size || self.matched != self.expected.len())
                {
                    self.mismatch = Some(format!("the commit frame came early, with size {size}"));
                    return ffi::SQLITE_BUSY;
                }
            }
            Mode::Watching => {
                let checksum = page_checksum(number, page);
                self.frames.push(Frame { offset, page: number, checksum });
            }
            Mode::Passing => {}
        }
        let result = self.append(file, offset, &mut frame);
        self.committed = size != 0 && result == ffi::SQLITE_OK;
        result
    }

    /// A page that replaces the one in a frame of the same transaction.
    fn on_overwrite(&mut self, file: &dyn WalFile, page: &[u8], offset: u64) -> c_int {
        let header = offset - FRAME_HEADER_BYTES as u64;
        self.chain = None;
        if self.mode == Mode::Passing {
            let mut sealed = page.to_vec();
            seal(&mut sealed);
            return file.write(&sealed, offset);
        }
        let Ok(at) = self.frames.binary_search_by_key(&header, |frame| frame.offset) else {
            return ffi::SQLITE_IOERR_WRITE;
        };
        let number = self.frames[at].page;
        let mut stamped = page.to_vec();
        stamp(number, &mut stamped);
        let page = &stamped[..];
        match self.mode {
            Mode::Capturing => {
                self.captured.push((number, page_checksum(number, page), page.into()));
                return ffi::SQLITE_OK;
            }
            Mode::Finishing => {
                if !self.matches(number, page) {
                    return ffi::SQLITE_BUSY;
                }
            }
            Mode::Watching | Mode::Passing => {
                self.frames[at].checksum = page_checksum(number, page);
            }
        }
        file.write(page, offset)
    }

    /// Whether this is the next page that the second COMMIT must write.
    fn matches(&mut self, number: u32, page: &[u8]) -> bool {
        let written = (number, page_checksum(number, page));
        if self.expected.get(self.matched) == Some(&written) {
            self.matched += 1;
            return true;
        }
        self.mismatch = Some(format!("page {number} was written as it was not captured"));
        false
    }

    /// Writes a frame with the checksum that belongs there.
    fn append(&mut self, file: &dyn WalFile, offset: u64, frame: &mut [u8]) -> c_int {
        // SQLite leaves salt and checksum out if it will come back for them at the commit.
        let deferred = frame[8..FRAME_HEADER_BYTES].iter().all(|byte| *byte == 0);
        if deferred {
            self.chain = None;
        } else {
            let (order, before) = match self.chain_before(file, offset) {
                Ok(chain) => chain,
                Err(code) => return code,
            };
            let header = before.over(order, &frame[..8]);
            let after = header.over(order, &frame[FRAME_HEADER_BYTES..]);
            after.write(frame);
            self.chain = Some((offset + FRAME_BYTES as u64, after));
        }
        let result = file.write(frame, offset);
        if result != ffi::SQLITE_OK {
            self.chain = None;
        }
        result
    }

    /// The checksum over everything before the frame at `offset`.
    fn chain_before(
        &mut self,
        file: &dyn WalFile,
        offset: u64,
    ) -> Result<(ByteOrder, Checksum), c_int> {
        if let (Some(order), Some((end, checksum))) = (self.byte_order, self.chain)
            && end == offset
        {
            return Ok((order, checksum));
        }
        let mut wal_header = [0; WAL_HEADER_BYTES];
        file.read(&mut wal_header, 0)?;
        let order = ByteOrder::of(&wal_header).ok_or(ffi::SQLITE_IOERR_WRITE)?;
        self.byte_order = Some(order);
        if offset == WAL_HEADER_BYTES as u64 {
            return Ok((order, Checksum::read(&wal_header[24..])));
        }
        let mut checksum = [0; 8];
        file.read(&mut checksum, offset - FRAME_BYTES as u64 + 16)?;
        Ok((order, Checksum::read(&checksum)))
    }
}
