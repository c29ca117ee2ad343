//! SQLite's pre-update hook: told of each row of a table before it is inserted, updated or deleted, with
//! its values before and after. Rows of virtual tables and of SQLite's own tables are left out by SQLite.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ffi};

/// The name under which a connection keeps what its hook calls.
const KEPT: &CStr = c"eider_changes";

/// What is told of changes.
pub(crate) trait OnChange: Send + Sync + 'static {
    /// Must not use the connection, and must not panic.
    fn on_change(&self, change: &RowChange<'_>);
}

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Insert,
    Update,
    Delete,
}

/// A row that is about to change.
pub(crate) struct RowChange<'a> {
    database: *mut ffi::sqlite3,
    pub(crate) kind: ChangeKind,
    pub(crate) table: &'a str,
    /// The row's number before; means nothing for an insert, or a table without numbers.
    pub(crate) old_row: i64,
    /// The row's number after; means nothing for a delete, or a table without numbers.
    pub(crate) new_row: i64,
}

type Getter = unsafe extern "C" fn(*mut ffi::sqlite3, c_int, *mut *mut ffi::sqlite3_value) -> c_int;

impl RowChange<'_> {
    /// How many columns the table has.
    pub(crate) fn width(&self) -> usize {
        // SAFETY: the handle is the one that the hook was called with, and the hook still runs.
        usize::try_from(unsafe { ffi::sqlite3_preupdate_count(self.database) }).unwrap_or(0)
    }

    /// A column's value before the change: not for an insert. `None` if SQLite can't read it.
    pub(crate) fn before(&self, column: usize) -> Option<ValueRef<'_>> {
        self.value(ffi::sqlite3_preupdate_old, column)
    }

    /// A column's value after the change: not for a delete.
    pub(crate) fn after(&self, column: usize) -> Option<ValueRef<'_>> {
        self.value(ffi::sqlite3_preupdate_new, column)
    }

    fn value(&self, get: Getter, column: usize) -> Option<ValueRef<'_>> {
        let mut found: *mut ffi::sqlite3_value = std::ptr::null_mut();
        // SAFETY: the handle is the one that the hook was called with, and the hook still runs; `found`
        // is a place for a pointer.
        let result = unsafe { get(self.database, column as c_int, &raw mut found) };
        if result != ffi::SQLITE_OK || found.is_null() {
            return None;
        }
        // SAFETY: SQLite gave this value, which stays until the hook returns; nobody else uses it.
        Some(unsafe { value_of(found) })
    }
}

/// Invariant: `value` is one of SQLite's that stays as it is for `'a`.
unsafe fn value_of<'a>(value: *mut ffi::sqlite3_value) -> ValueRef<'a> {
    // SAFETY: the caller's promise. The pointer is asked for before the length, as SQLite wants it;
    // an empty BLOB has none.
    unsafe {
        match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_value_int64(value)),
            ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_value_double(value)),
            ffi::SQLITE_TEXT => ValueRef::Text(bytes_of(value, ffi::sqlite3_value_text(value))),
            ffi::SQLITE_BLOB => {
                ValueRef::Blob(bytes_of(value, ffi::sqlite3_value_blob(value).cast()))
            }
            _ => ValueRef::Null,
        }
    }
}

/// Invariant: `start` is what SQLite gave for `value`, which stays as it is for `'a`.
unsafe fn bytes_of<'a>(value: *mut ffi::sqlite3_value, start: *const u8) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise: so many bytes are there.
    unsafe {
        let length = usize::try_from(ffi::sqlite3_value_bytes(value)).unwrap_or(0);
        std::slice::from_raw_parts(start, length)
    }
}

/// Has a connection tell `sink` of changes, as long as it is open. Statements that were prepared before
/// may delete all rows of a table without telling: this comes first.
///
/// # Errors
/// SQLite's, for want of memory.
pub(crate) fn watch_rows<T: OnChange>(
    connection: &Connection,
    sink: Arc<T>,
) -> rusqlite::Result<()> {
    let context = Arc::into_raw(sink).cast_mut().cast::<c_void>();
    // SAFETY: the handle is open as long as the connection is borrowed. SQLite calls `release` once:
    // when the connection closes, or at once if it fails.
    let kept = unsafe {
        ffi::sqlite3_set_clientdata(connection.handle(), KEPT.as_ptr(), context, Some(release::<T>))
    };
    if kept != ffi::SQLITE_OK {
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(kept), None));
    }
    // SAFETY: as above; what `context` points to is kept until no statement can run any more.
    unsafe { ffi::sqlite3_preupdate_hook(connection.handle(), Some(hook::<T>), context) };
    Ok(())
}

unsafe extern "C" fn release<T: OnChange>(context: *mut c_void) {
    // SAFETY: it came from Arc::into_raw of this type, and this is called once.
    drop(unsafe { Arc::from_raw(context.cast_const().cast::<T>()) });
}

unsafe extern "C" fn hook<T: OnChange>(
    context: *mut c_void,
    database: *mut ffi::sqlite3,
    operation: c_int,
    _schema: *const c_char,
    table: *const c_char,
    old_row: i64,
    new_row: i64,
) {
    // SAFETY: it came from Arc::into_raw of this type, and is kept while the connection is open.
    let sink = unsafe { &*context.cast_const().cast::<T>() };
    let kind = match operation {
        ffi::SQLITE_INSERT => ChangeKind::Insert,
        ffi::SQLITE_UPDATE => ChangeKind::Update,
        _ => ChangeKind::Delete,
    };
    // SAFETY: SQLite passes the table's name, which ends with a zero, for the time of this call.
    let table = unsafe { CStr::from_ptr(table) };
    let table = table.to_string_lossy();
    sink.on_change(&RowChange { database, kind, table: &table, old_row, new_row });
}
