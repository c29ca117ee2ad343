//! The file methods of the shim.
//!
//! Memory: SQLite gives `xOpen` a block of `szOsFile` bytes for the file object. [`ShimFile`] lies at
//! its start and the real file's object behind it, so both live exactly as long as SQLite's file does.
//!
//! Invariant of every method here: its `file` argument is one that `register::open` has filled, since
//! SQLite calls these methods through the `pMethods` that was set there, and not after `xClose`.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;

use rusqlite::ffi;

use super::read_lock::{ReadLock, RealLocks};
use super::tap::{Tap, WalFile};
use super::wal::{FRAME_BYTES, FRAME_HEADER_BYTES, PAGE_BYTES, WAL_HEADER_BYTES};
use crate::platform::mutant::mutant;
use crate::sqlite::page::{is_whole, seal};

/// What a file is to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Database,
    Wal,
    Other,
}

/// The shim's part of a file object. `methods` comes first: SQLite sees a `sqlite3_file`.
#[repr(C)]
pub(super) struct ShimFile {
    pub(super) methods: *const ffi::sqlite3_io_methods,
    pub(super) real: *mut ffi::sqlite3_file,
    /// Owns one reference of the tap's `Arc`, or is null.
    pub(super) tap: *const Tap,
    /// As `tap`.
    pub(super) read_lock: *const ReadLock,
    pub(super) role: Role,
}

impl ShimFile {
    fn tap(&self) -> Option<&Tap> {
        // SAFETY: either null or from `Arc::into_raw`, released only in `close`.
        unsafe { self.tap.as_ref() }
    }

    fn read_lock(&self) -> Option<&ReadLock> {
        // SAFETY: as above.
        unsafe { self.read_lock.as_ref() }
    }
}

/// The shim's file object.
///
/// # Safety
/// `file` is a file that `register::open` has filled and that isn't closed.
unsafe fn shim<'file>(file: *mut ffi::sqlite3_file) -> &'file ShimFile {
    // SAFETY: the block starts with a ShimFile (the caller's promise).
    unsafe { &*file.cast::<ShimFile>() }
}

/// Calls a method of the real file.
macro_rules! real {
    ($file:expr, $method:ident, $missing:expr $(, $argument:expr)*) => {{
        // SAFETY: `$file` is a filled file object (invariant of this module).
        let real = unsafe { shim($file) }.real;
        // SAFETY: the real file was opened, so it has methods.
        let method = unsafe { (*(*real).pMethods).$method };
        match method {
            // SAFETY: the arguments are those SQLite gave for this very method.
            Some(method) => unsafe { method(real $(, $argument)*) },
            None => $missing,
        }
    }};
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: a filled file object.
    if let Some(lock) = unsafe { shim(file) }.read_lock() {
        lock.retire();
    }
    let result = real!(file, xClose, ffi::SQLITE_OK);
    let object = file.cast::<ShimFile>();
    // SAFETY: a filled file object; nobody uses the pointers after this.
    let (tap, read_lock) = unsafe {
        (
            std::mem::replace(&mut (*object).tap, std::ptr::null()),
            std::mem::replace(&mut (*object).read_lock, std::ptr::null()),
        )
    };
    if !tap.is_null() {
        // SAFETY: it came from `Arc::into_raw` and this is its one release.
        drop(unsafe { Arc::from_raw(tap) });
    }
    if !read_lock.is_null() {
        // SAFETY: as above.
        drop(unsafe { Arc::from_raw(read_lock) });
    }
    result
}

/// The shared locks of an open file's wal-index.
#[derive(Debug)]
pub(super) struct SharedLocks(pub(super) *mut ffi::sqlite3_file);

// SAFETY: SQLite's layer below changes a file's locks under a lock of its own; that no two threads ask
// for the same file's at once, and none after it is closed, is `read_lock`'s invariant.
unsafe impl Send for SharedLocks {}
// SAFETY: as above.
unsafe impl Sync for SharedLocks {}

impl SharedLocks {
    fn call(&self, slot: u32, what: c_int) -> c_int {
        let (slot, flags) = (slot as c_int, ffi::SQLITE_SHM_SHARED | what);
        real!(self.0, xShmLock, ffi::SQLITE_IOERR_SHMLOCK, slot, 1, flags)
    }
}

impl RealLocks for SharedLocks {
    fn share(&self, slot: u32) -> i32 {
        self.call(slot, ffi::SQLITE_SHM_LOCK)
    }

    fn give_back(&self, slot: u32) -> i32 {
        self.call(slot, ffi::SQLITE_SHM_UNLOCK)
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    let result = real!(file, xRead, ffi::SQLITE_IOERR_READ, buffer, length, offset);
    // SAFETY: a filled file object.
    let role = unsafe { shim(file) }.role;
    if result != ffi::SQLITE_OK || !is_page(role, length, offset) {
        return result;
    }
    // SAFETY: SQLite gives room for `length` bytes, and the real file has filled them.
    let page = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), length as usize) };
    if is_whole(page) || mutant("file-page-not-checked") {
        return ffi::SQLITE_OK;
    }
    note_damage(role, offset);
    ffi::SQLITE_IOERR_DATA
}

/// Whether these bytes of a file are a page, and not a header or a part of one.
fn is_page(role: Role, length: c_int, offset: i64) -> bool {
    const FRAME: i64 = FRAME_BYTES as i64;
    let before = match role {
        Role::Database => offset % PAGE_BYTES as i64,
        Role::Wal => (offset - (WAL_HEADER_BYTES + FRAME_HEADER_BYTES) as i64) % FRAME,
        Role::Other => return false,
    };
    length as usize == PAGE_BYTES && before == 0
}

thread_local! {
    /// The damaged page that this thread has met last, for the message: SQLite only carries a code.
    static DAMAGE: Cell<Option<(Role, i64)>> = const { Cell::new(None) };
}

fn note_damage(role: Role, offset: i64) {
    DAMAGE.set(Some((role, offset)));
}

/// What is wrong with the page that this thread could not read.
pub(crate) fn damage() -> String {
    let at = match DAMAGE.take() {
        Some((Role::Wal, offset)) => format!("a page at byte {offset} of the database's WAL"),
        Some((_, offset)) => {
            format!("page {} of the database file", offset / PAGE_BYTES as i64 + 1)
        }
        None => "a page of the database".to_owned(),
    };
    format!("{at} is damaged: it is not what was written there")
}

/// The real WAL file.
struct RealWal(*mut ffi::sqlite3_file);

impl WalFile for RealWal {
    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), c_int> {
        let result = real!(
            self.0,
            xRead,
            ffi::SQLITE_IOERR_READ,
            buffer.as_mut_ptr().cast::<c_void>(),
            buffer.len() as c_int,
            offset as i64
        );
        if result == ffi::SQLITE_OK { Ok(()) } else { Err(result) }
    }

    fn write(&self, bytes: &[u8], offset: u64) -> c_int {
        real!(
            self.0,
            xWrite,
            ffi::SQLITE_IOERR_WRITE,
            bytes.as_ptr().cast::<c_void>(),
            bytes.len() as c_int,
            offset as i64
        )
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: a filled file object.
    let shim = unsafe { shim(file) };
    if let (Some(tap), Role::Wal) = (shim.tap(), shim.role) {
        // SAFETY: SQLite gives `length` readable bytes.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), length as usize) };
        return tap.on_wal_write(&RealWal(file), bytes, offset as u64);
    }
    if shim.role == Role::Database && is_page(Role::Database, length, offset) {
        // SAFETY: as above.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), length as usize) };
        let mut page = bytes.to_vec();
        seal(&mut page);
        let sealed = page.as_ptr().cast::<c_void>();
        return real!(file, xWrite, ffi::SQLITE_IOERR_WRITE, sealed, length, offset);
    }
    real!(file, xWrite, ffi::SQLITE_IOERR_WRITE, buffer, length, offset)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    real!(file, xTruncate, ffi::SQLITE_IOERR_TRUNCATE, size)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    real!(file, xSync, ffi::SQLITE_IOERR_FSYNC, flags)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    real!(file, xFileSize, ffi::SQLITE_IOERR_FSTAT, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    real!(file, xLock, ffi::SQLITE_IOERR_LOCK, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    real!(file, xUnlock, ffi::SQLITE_IOERR_UNLOCK, level)
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    reserved: *mut c_int,
) -> c_int {
    real!(file, xCheckReservedLock, ffi::SQLITE_IOERR_CHECKRESERVEDLOCK, reserved)
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    real!(file, xFileControl, ffi::SQLITE_NOTFOUND, operation, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    real!(file, xSectorSize, 0)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    real!(file, xDeviceCharacteristics, 0)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    mapped: *mut *mut c_void,
) -> c_int {
    real!(file, xShmMap, ffi::SQLITE_IOERR_SHMMAP, region, size, extend, mapped)
}

/// Locks in the wal-index. The write lock (slot 0) stays with this process once it has it, and goes
/// round among its write connections. Read locks stay with their connection until somebody in this
/// process wants them for itself.
unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    slot: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    const WRITE_SLOT: c_int = 0;
    // SAFETY: a filled file object.
    let shim = unsafe { shim(file) };
    if let Some(tap) = shim.tap()
        && slot == WRITE_SLOT
        && count == 1
        && flags & ffi::SQLITE_SHM_EXCLUSIVE != 0
    {
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            tap.on_write_unlock(file as usize);
            return ffi::SQLITE_OK;
        }
        return tap.on_write_lock(file as usize, || {
            real!(file, xShmLock, ffi::SQLITE_IOERR_SHMLOCK, slot, count, flags)
        });
    }
    if let Some(lock) = shim.read_lock() {
        let unlocks = flags & ffi::SQLITE_SHM_UNLOCK != 0;
        if flags & ffi::SQLITE_SHM_SHARED != 0 {
            return if unlocks { lock.unlock(slot as u32) } else { lock.lock(slot as u32) };
        }
        if !unlocks {
            lock.neighbours().clear(slot as u32..(slot + count) as u32);
        }
    }
    real!(file, xShmLock, ffi::SQLITE_IOERR_SHMLOCK, slot, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    real!(file, xShmBarrier, ());
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: a filled file object.
    let shim = unsafe { shim(file) };
    if let Some(lock) = shim.read_lock() {
        lock.give_back();
    }
    if let Some(tap) = shim.tap()
        && tap.on_unmap(file as usize)
    {
        let flags = ffi::SQLITE_SHM_UNLOCK | ffi::SQLITE_SHM_EXCLUSIVE;
        real!(file, xShmLock, ffi::SQLITE_IOERR_SHMLOCK, 0, 1, flags);
    }
    real!(file, xShmUnmap, ffi::SQLITE_IOERR_SHMMAP, delete)
}

unsafe extern "C" fn fetch(
    file: *mut ffi::sqlite3_file,
    offset: i64,
    length: c_int,
    page: *mut *mut c_void,
) -> c_int {
    real!(file, xFetch, ffi::SQLITE_IOERR_MMAP, offset, length, page)
}

unsafe extern "C" fn unfetch(
    file: *mut ffi::sqlite3_file,
    offset: i64,
    page: *mut c_void,
) -> c_int {
    real!(file, xUnfetch, ffi::SQLITE_OK, offset, page)
}

pub(super) static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};
