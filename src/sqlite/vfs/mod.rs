//! The shim between SQLite and the operating system's files: the only unsafe code of the crate.
//!
//! It stands over the platform's default VFS and passes every call through. What it adds:
//! * each page that is written carries a checksum, and each page that is read is held against its own
//!   (`page::seal`);
//! * each connection keeps its read lock on the wal-index for its next transaction (`read_lock`).
//!
//! A second shim does only the latter. And for connections that were opened with a [`Tap`]:
//! * it sees which pages a transaction writes to the WAL, and can hold a commit back ([`Tap`]);
//! * it keeps the WAL's write lock from other processes once it has it;
//! * it puts constants where SQLite stamps page 1, so that its bytes depend on nothing but the
//!   transactions that made them (`page::stamp`).
//!
//! Two other things that SQLite calls back are here: `system_table`, tables whose rows are in memory, and
//! `preupdate`, which is told of rows that change.

#![allow(unsafe_code, reason = "SQLite's VFS interface is made of C structs and raw pointers")]

mod extension;
mod file;
mod preupdate;
mod read_lock;
mod register;
#[cfg(test)]
mod simulated;
mod system_table;
mod tap;
mod wal;

pub(crate) use extension::load_extensions;
pub(crate) use file::damage;
pub(crate) use preupdate::{ChangeKind, OnChange, RowChange, watch_rows};
pub(crate) use register::{NAME, UNCHECKED, URI_PARAMETER, register, reserve_bytes};
#[cfg(test)]
pub(crate) use simulated::{SIMULATED_CHECKED, SIMULATED_UNCHECKED};
pub(crate) use system_table::{Shown, register as register_system_tables};
pub(crate) use tap::{CapturedCommit, PageSource, Tap};
pub use wal::PAGE_BYTES;
pub(crate) use wal::{ByteOrder, Checksum, FRAME_BYTES, WAL_HEADER_BYTES};
