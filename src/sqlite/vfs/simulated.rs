//! SQLite's files on a simulated disk, for tests: a VFS over [`SimDisk`].
//!
//! What SQLite writes and doesn't sync is lost, torn or reordered at a power loss like everything else
//! on that disk, and its reads, writes and syncs fail where a test says so. Locks and the shared memory
//! of the wal-index are in memory, and belong to the life of one process: its death takes them away.
//!
//! A name begins with the disk's mount ([`SimDisk::find`]); a file without a name is temporary, on a
//! disk of its own.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use rusqlite::ffi;

use super::register::register_over;
use crate::platform::clock;
use crate::platform::disk::{Disk, File};
use crate::platform::sim_disk::SimDisk;

/// The VFS below the shims.
const SIMULATED: &CStr = c"eider-simulated";
/// The shims over it.
pub(crate) const SIMULATED_CHECKED: &CStr = c"eider-simulated-checked";
pub(crate) const SIMULATED_UNCHECKED: &CStr = c"eider-simulated-unchecked";

const SHM_SLOTS: usize = 8;
/// Words of a region of shared memory.
const REGION_WORDS: usize = 4096;
/// Milliseconds from the Julian epoch to 1970-01-01.
const UNIX_EPOCH_MS: i64 = 210_866_760_000_000;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// What the open files of one name share, in one process's life.
#[derive(Debug, Default)]
struct Node(Mutex<Sharing>);

#[derive(Debug, Default)]
struct Sharing {
    /// The lock level of each open file.
    levels: BTreeMap<u64, c_int>,
    /// The regions of the wal-index: they stay where they are while any file has them mapped.
    regions: Vec<Box<[u64]>>,
    mapped: Vec<u64>,
    /// For each slot: who has it for itself, and who shares it.
    exclusive: [Option<u64>; SHM_SLOTS],
    shared: [Vec<u64>; SHM_SLOTS],
}

impl Node {
    fn lock(&self) -> MutexGuard<'_, Sharing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nodes in use, by the name as SQLite has it: a process's life is part of it.
fn nodes() -> MutexGuard<'static, BTreeMap<String, Weak<Node>>> {
    static NODES: OnceLock<Mutex<BTreeMap<String, Weak<Node>>>> = OnceLock::new();
    NODES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open file.
#[derive(Debug)]
struct Open {
    id: u64,
    disk: SimDisk,
    path: PathBuf,
    file: Arc<dyn File>,
    node: Arc<Node>,
    /// The first sync makes the name durable as well: so it is with a journal or WAL that SQLite would
    /// have created, were it there already or not (`unixOpen`, `unixSync`).
    syncs_directory: std::cell::Cell<bool>,
}

/// SQLite sees its first part.
#[repr(C)]
struct Object {
    methods: *const ffi::sqlite3_io_methods,
    /// From `Box::into_raw`; freed in `close`.
    open: *mut Open,
}

/// The file behind an object.
///
/// # Safety
/// `file` was filled by `open` and isn't closed.
unsafe fn opened<'file>(file: *mut ffi::sqlite3_file) -> &'file Open {
    // SAFETY: the caller's promise.
    unsafe { &*(*file.cast::<Object>()).open }
}

fn code(error: &std::io::Error, otherwise: c_int) -> c_int {
    if error.raw_os_error() == Some(28) { ffi::SQLITE_FULL } else { otherwise }
}

fn result(done: std::io::Result<()>, otherwise: c_int) -> c_int {
    done.map_or_else(|error| code(&error, otherwise), |()| ffi::SQLITE_OK)
}

/// The disk and the path that a name means; a fresh disk for a file without a name.
fn place(name: *const c_char) -> Option<(SimDisk, PathBuf, String)> {
    if name.is_null() {
        let disk = SimDisk::default();
        disk.create_directory(Path::new("")).ok()?;
        return Some((disk, PathBuf::from("temporary"), String::new()));
    }
    // SAFETY: SQLite's names end with a zero.
    let name = unsafe { CStr::from_ptr(name) }.to_str().ok()?;
    let (disk, path) = SimDisk::find(name)?;
    Some((disk, path, name.to_owned()))
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let object = file.cast::<Object>();
    // SAFETY: SQLite gives a block of szOsFile bytes; no methods mean that there is nothing to close.
    unsafe { object.write(Object { methods: std::ptr::null(), open: std::ptr::null_mut() }) };
    let Some((disk, path, name)) = place(name) else { return ffi::SQLITE_CANTOPEN };
    let may_create = name.is_empty() || flags & ffi::SQLITE_OPEN_CREATE != 0;
    let Ok(real) = disk.open(&path, may_create) else { return ffi::SQLITE_CANTOPEN };
    let node = if name.is_empty() {
        Arc::default()
    } else {
        let mut nodes = nodes();
        nodes.retain(|_, node| node.strong_count() > 0);
        let known = nodes.get(&name).and_then(Weak::upgrade);
        let node = known.unwrap_or_default();
        nodes.insert(name, Arc::downgrade(&node));
        node
    };
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    let journals =
        ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
    let syncs_directory = std::cell::Cell::new(may_create && flags & journals != 0);
    let open = Box::new(Open { id, disk, path, file: real, node, syncs_directory });
    // SAFETY: as above; `flags_out` is null or can be written.
    unsafe {
        object.write(Object { methods: &raw const METHODS, open: Box::into_raw(open) });
        if !flags_out.is_null() {
            *flags_out = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: filled by `open`, and closed once.
    let open = unsafe { Box::from_raw((*file.cast::<Object>()).open) };
    let mut sharing = open.node.lock();
    sharing.levels.remove(&open.id);
    sharing.unmap(open.id);
    ffi::SQLITE_OK
}

impl Sharing {
    fn unmap(&mut self, id: u64) {
        self.mapped.retain(|other| *other != id);
        for slot in 0..SHM_SLOTS {
            self.shared[slot].retain(|other| *other != id);
            self.exclusive[slot] = self.exclusive[slot].filter(|other| *other != id);
        }
        if self.mapped.is_empty() {
            // Whoever comes next finds no wal-index, and makes it anew from the WAL.
            self.regions.clear();
        }
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: an open file, and a buffer of `length` bytes.
    let (open, buffer) = unsafe {
        (opened(file), std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length as usize))
    };
    match open.file.read_at(buffer, offset as u64) {
        Ok(count) if count == buffer.len() => ffi::SQLITE_OK,
        Ok(count) => {
            buffer[count..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: an open file, and a buffer of `length` bytes.
    let (open, buffer) =
        unsafe { (opened(file), std::slice::from_raw_parts(buffer.cast::<u8>(), length as usize)) };
    result(open.file.write_all_at(buffer, offset as u64), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    result(open.file.set_len(size as u64), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    let synced = open.file.sync_data().and_then(|()| {
        if open.syncs_directory.replace(false) {
            open.disk.sync_directory(open.path.parent().unwrap_or(Path::new("")))?;
        }
        Ok(())
    });
    result(synced, ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: an open file.
    match unsafe { opened(file) }.file.len() {
        Ok(length) => {
            // SAFETY: SQLite's variable.
            unsafe { *size = length as i64 };
            ffi::SQLITE_OK
        }
        Err(_) => ffi::SQLITE_IOERR_FSTAT,
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    let mut sharing = open.node.lock();
    let own = sharing.levels.get(&open.id).copied().unwrap_or(ffi::SQLITE_LOCK_NONE);
    if own >= level {
        return ffi::SQLITE_OK;
    }
    let others = sharing.levels.iter().filter(|(id, _)| **id != open.id);
    let highest = others.map(|(_, level)| *level).max().unwrap_or(ffi::SQLITE_LOCK_NONE);
    let (granted, answer) = match level {
        ffi::SQLITE_LOCK_SHARED if highest >= ffi::SQLITE_LOCK_PENDING => (own, ffi::SQLITE_BUSY),
        ffi::SQLITE_LOCK_RESERVED if highest >= ffi::SQLITE_LOCK_RESERVED => {
            (own, ffi::SQLITE_BUSY)
        }
        ffi::SQLITE_LOCK_EXCLUSIVE if highest >= ffi::SQLITE_LOCK_RESERVED => {
            (own, ffi::SQLITE_BUSY)
        }
        ffi::SQLITE_LOCK_EXCLUSIVE if highest >= ffi::SQLITE_LOCK_SHARED => {
            (ffi::SQLITE_LOCK_PENDING, ffi::SQLITE_BUSY)
        }
        level => (level, ffi::SQLITE_OK),
    };
    sharing.levels.insert(open.id, granted);
    answer
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    open.node.lock().levels.insert(open.id, level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    reserved: *mut c_int,
) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    let any = open.node.lock().levels.values().any(|level| *level >= ffi::SQLITE_LOCK_RESERVED);
    // SAFETY: SQLite's variable.
    unsafe { *reserved = c_int::from(any) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    512
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    mapped: *mut *mut c_void,
) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    let mut sharing = open.node.lock();
    if size as usize != REGION_WORDS * 8 {
        return ffi::SQLITE_IOERR_SHMSIZE;
    }
    if !sharing.mapped.contains(&open.id) {
        sharing.mapped.push(open.id);
    }
    while extend != 0 && sharing.regions.len() <= region as usize {
        sharing.regions.push(vec![0; REGION_WORDS].into_boxed_slice());
    }
    let found = sharing.regions.get_mut(region as usize);
    let address = found.map_or(std::ptr::null_mut(), |region| region.as_mut_ptr().cast());
    // SAFETY: SQLite's variable. The region lives until no file has it mapped.
    unsafe { *mapped = address };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    let mut sharing = open.node.lock();
    let slots = first as usize..(first + count) as usize;
    let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        for slot in slots {
            if exclusive {
                sharing.exclusive[slot] = sharing.exclusive[slot].filter(|id| *id != open.id);
            } else {
                sharing.shared[slot].retain(|id| *id != open.id);
            }
        }
        return ffi::SQLITE_OK;
    }
    let others = |sharing: &Sharing, slot: usize| {
        sharing.exclusive[slot].is_some_and(|id| id != open.id)
            || (exclusive && sharing.shared[slot].iter().any(|id| *id != open.id))
    };
    if slots.clone().any(|slot| others(&sharing, slot)) {
        return ffi::SQLITE_BUSY;
    }
    for slot in slots {
        if exclusive {
            sharing.exclusive[slot] = Some(open.id);
        } else if !sharing.shared[slot].contains(&open.id) {
            sharing.shared[slot].push(open.id);
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    open.node.lock().unmap(open.id);
    ffi::SQLITE_OK
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
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
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    let Some((disk, path, _)) = place(name) else { return ffi::SQLITE_IOERR_DELETE };
    match disk.remove(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return ffi::SQLITE_IOERR_DELETE_NOENT;
        }
        Err(error) => return code(&error, ffi::SQLITE_IOERR_DELETE),
        Ok(()) => {}
    }
    if sync == 0 {
        return ffi::SQLITE_OK;
    }
    let directory = path.parent().unwrap_or(Path::new(""));
    result(disk.sync_directory(directory), ffi::SQLITE_IOERR_DIR_FSYNC)
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    found: *mut c_int,
) -> c_int {
    let Some((disk, path, _)) = place(name) else { return ffi::SQLITE_IOERR_ACCESS };
    let there = match disk.length(&path) {
        Ok(length) => flags != ffi::SQLITE_ACCESS_EXISTS || length > 0,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(_) => return ffi::SQLITE_IOERR_ACCESS,
    };
    // SAFETY: SQLite's variable.
    unsafe { *found = c_int::from(there) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    length: c_int,
    full: *mut c_char,
) -> c_int {
    // SAFETY: SQLite's names end with a zero.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > length as usize {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `full` has room for `length` bytes, and is not within `name`.
    unsafe { std::ptr::copy_nonoverlapping(name, full, bytes.len()) };
    ffi::SQLITE_OK
}

/// Nobody else runs meanwhile, so there is nothing to wait for.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, now: *mut i64) -> c_int {
    // SAFETY: SQLite's variable.
    unsafe { *now = UNIX_EPOCH_MS + clock::wall().as_millis() as i64 };
    ffi::SQLITE_OK
}

/// Makes these file layers known to SQLite.
pub(super) fn register() -> c_int {
    // SAFETY: null asks for the default VFS; `register` is called once it is there.
    let base = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
    // SAFETY: a registered VFS stays valid; it is plain data.
    let mut vfs = unsafe { *base };
    vfs.iVersion = 2;
    vfs.szOsFile = size_of::<Object>() as c_int;
    vfs.mxPathname = 512;
    vfs.pNext = std::ptr::null_mut();
    vfs.zName = SIMULATED.as_ptr();
    vfs.xOpen = Some(open);
    vfs.xDelete = Some(delete);
    vfs.xAccess = Some(access);
    vfs.xFullPathname = Some(full_pathname);
    vfs.xSleep = Some(sleep);
    vfs.xCurrentTimeInt64 = Some(current_time);
    let vfs = Box::leak(Box::new(vfs));
    // SAFETY: leaked, so it outlives every use; not made the default.
    let result = unsafe { ffi::sqlite3_vfs_register(&raw mut *vfs, 0) };
    if result == ffi::SQLITE_OK {
        register_over(&raw mut *vfs, SIMULATED_CHECKED, SIMULATED_UNCHECKED)
    } else {
        result
    }
}
