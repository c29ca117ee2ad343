//! Registers the shim with SQLite, and opens files through it.

use std::ffi::{CStr, c_char, c_int};
use std::sync::{Arc, OnceLock};

use rusqlite::ffi;

use super::file::{METHODS, Role, SharedLocks, ShimFile};
use super::read_lock::{Neighbours, ReadLock};
use super::tap::Tap;
use crate::sqlite::page::RESERVED_BYTES;

/// The shim's name, for opening connections.
pub(crate) const NAME: &CStr = c"eider";
/// The name of the one that looks at no checksums and makes none.
pub(crate) const UNCHECKED: &CStr = c"eider-unchecked";
/// The parameter of the file's URI that names a [`Tap`] by its id.
pub(crate) const URI_PARAMETER: &CStr = c"eider_tap";

/// Makes the shim known to SQLite, once in a process.
///
/// # Errors
/// SQLite's result code, if it refuses.
pub(crate) fn register() -> Result<(), c_int> {
    static RESULT: OnceLock<c_int> = OnceLock::new();
    match *RESULT.get_or_init(register_once) {
        ffi::SQLITE_OK => Ok(()),
        code => Err(code),
    }
}

fn register_once() -> c_int {
    // SAFETY: sqlite3_vfs_find initializes SQLite if need be; null asks for the default VFS.
    let base = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
    let result = register_over(base, NAME, UNCHECKED);
    #[cfg(test)]
    if result == ffi::SQLITE_OK {
        return super::simulated::register();
    }
    result
}

/// Registers both shims over the VFS `base`, which is registered or null: one that looks at checksums,
/// and one that doesn't.
pub(super) fn register_over(
    base: *mut ffi::sqlite3_vfs,
    checked: &'static CStr,
    unchecked: &'static CStr,
) -> c_int {
    if base.is_null() {
        return ffi::SQLITE_ERROR;
    }
    match register_shim(base, checked, true) {
        ffi::SQLITE_OK => register_shim(base, unchecked, false),
        code => code,
    }
}

/// `base` is registered.
fn register_shim(base: *mut ffi::sqlite3_vfs, name: &'static CStr, checks: bool) -> c_int {
    // SAFETY: a registered VFS stays valid for the life of the process; it is plain data.
    let mut shim = unsafe { *base };
    shim.szOsFile += size_of::<ShimFile>() as c_int;
    shim.zName = name.as_ptr();
    shim.pNext = std::ptr::null_mut();
    // The other methods of the VFS below don't look at their own object beyond pAppData, which is
    // copied with the rest; `open` hands over the original.
    shim.xOpen = Some(open);
    let shim = Box::leak(Box::new(Shim { vfs: shim, base, checks }));
    // SAFETY: the object was leaked, so it outlives every use; not made the default.
    unsafe { ffi::sqlite3_vfs_register(&raw mut shim.vfs, 0) }
}

/// Makes SQLite leave the last [`RESERVED_BYTES`] of each page alone, in a database that has no page
/// yet; or in one that is about to be vacuumed.
pub(crate) fn reserve_bytes(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    let mut bytes = RESERVED_BYTES as c_int;
    // SAFETY: the handle is open as long as the connection is borrowed; the argument is an int, as this
    // operation wants it.
    let result = unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_RESERVE_BYTES,
            (&raw mut bytes).cast(),
        )
    };
    if result == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(result), None))
    }
}

/// The registered object: SQLite sees its first part.
#[repr(C)]
struct Shim {
    vfs: ffi::sqlite3_vfs,
    base: *mut ffi::sqlite3_vfs,
    /// Whether pages' checksums are looked at and made.
    checks: bool,
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes the object that was registered, which is the first part of a Shim.
    let (base, checks) = unsafe { ((*vfs.cast::<Shim>()).base, (*vfs.cast::<Shim>()).checks) };
    // SAFETY: `base` is a registered VFS.
    let Some(base_open) = (unsafe { (*base).xOpen }) else {
        return ffi::SQLITE_CANTOPEN;
    };
    let is_database = flags & ffi::SQLITE_OPEN_MAIN_DB != 0;
    let role = if !checks {
        Role::Other
    } else if is_database {
        Role::Database
    } else if flags & ffi::SQLITE_OPEN_WAL != 0 {
        Role::Wal
    } else {
        Role::Other
    };
    let tap = if role == Role::Other || name.is_null() {
        None
    } else {
        // SAFETY: for a database or its WAL, `name` is the pointer that xOpen got from SQLite, which
        // is what this function asks for.
        let id = unsafe { ffi::sqlite3_uri_int64(name, URI_PARAMETER.as_ptr(), 0) };
        Tap::find(id as u64)
    };
    let object = file.cast::<ShimFile>();
    // SAFETY: the block has szOsFile bytes, room for both objects; a ShimFile's size is a multiple of
    // its alignment, 8, which is all that the real object needs.
    let real = unsafe { object.add(1) }.cast::<ffi::sqlite3_file>();
    // SAFETY: as above; a null `pMethods` tells SQLite that there is nothing to close.
    unsafe {
        object.write(ShimFile {
            methods: std::ptr::null(),
            real,
            tap: std::ptr::null(),
            read_lock: std::ptr::null(),
            role,
        });
    }
    // SAFETY: arguments as SQLite gave them, but for the real VFS and its own object.
    let result = unsafe { base_open(base, name, real, flags, flags_out) };
    // SAFETY: xOpen sets pMethods even if it fails.
    if unsafe { !(*real).pMethods.is_null() } {
        let read_lock = if is_database && !name.is_null() {
            // SAFETY: SQLite's names end with a zero.
            let neighbours = Neighbours::of(unsafe { CStr::from_ptr(name) }.to_bytes());
            Arc::into_raw(ReadLock::new(neighbours, Box::new(SharedLocks(file))))
        } else {
            std::ptr::null()
        };
        // SAFETY: the object was filled above, and nobody else sees it yet.
        unsafe {
            (*object).methods = &raw const METHODS;
            (*object).tap = tap.map_or(std::ptr::null(), Arc::into_raw);
            (*object).read_lock = read_lock;
        }
    }
    result
}
