//! Where a database's files are, and how SQLite and we get at them.
//!
//! SQLite opens the operating system's files by their path. In tests the files may be on a simulated
//! disk, which SQLite reaches through a file layer of its own (`vfs::simulated`).

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, ffi};

use crate::model::error::Fault;
use crate::platform::disk::Disk;
use crate::sqlite::errors::fault;
use crate::sqlite::vfs::{self, NAME, Tap, UNCHECKED, URI_PARAMETER};

/// A file on a disk.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new(disk: &Arc<dyn Disk>, path: &Path) -> Self {
        Self { disk: Arc::clone(disk), path: path.to_owned() }
    }

    /// A file beside this one.
    pub(crate) fn with_suffix(&self, suffix: &str) -> Self {
        let mut name = self.path.as_os_str().to_owned();
        name.push(suffix);
        Self { disk: Arc::clone(&self.disk), path: PathBuf::from(name) }
    }

    /// The directory that the file is in.
    pub(crate) fn directory(&self) -> &Path {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        directory.unwrap_or(Path::new("."))
    }

    /// The file's name as SQLite is given it, and the file layers that look at no checksums, and that
    /// do.
    #[cfg(not(test))]
    fn name(&self) -> (PathBuf, &'static CStr, &'static CStr) {
        (self.path.clone(), UNCHECKED, NAME)
    }

    /// As above; or a simulated disk's.
    #[cfg(test)]
    fn name(&self) -> (PathBuf, &'static CStr, &'static CStr) {
        use crate::sqlite::vfs::{SIMULATED_CHECKED, SIMULATED_UNCHECKED};
        match self.disk.mount() {
            Some(mount) => {
                let name = PathBuf::from(format!("{mount}{}", self.path.display()));
                (name, SIMULATED_UNCHECKED, SIMULATED_CHECKED)
            }
            None => (self.path.clone(), UNCHECKED, NAME),
        }
    }

    /// The file's name, for SQL that names a file.
    pub(crate) fn sqlite_name(&self) -> String {
        self.name().0.to_string_lossy().into_owned()
    }

    /// Opens a connection that looks at no checksums: to somebody else's database, or to copy pages as
    /// they are.
    pub(crate) fn connect(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        vfs::register()
            .map_err(|code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))?;
        let (name, vfs, _) = self.name();
        Connection::open_with_flags_and_vfs(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX, vfs)
    }

    /// Opens a connection to a database of ours, past no page's checksum.
    pub(crate) fn connect_checked(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        let (name, _, vfs) = self.name();
        Connection::open_with_flags_and_vfs(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX, vfs)
    }

    /// Opens a connection to an existing file whose writes the tap sees.
    pub(crate) fn connect_tapped(&self, tap: &Tap) -> Result<Connection, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let (name, _, vfs) = self.name();
        Connection::open_with_flags_and_vfs(uri(&name, tap)?, flags, vfs)
            .map_err(|error| fault("open the database", &error))
    }

    /// A failure of the disk with this file.
    pub(crate) fn failed(&self, doing: &str, error: &std::io::Error) -> Fault {
        Fault::new(format!("{doing} {}: {error}", self.path.display()))
    }

    /// Whether the file is there.
    pub(crate) fn exists(&self) -> Result<bool, Fault> {
        self.disk.exists(&self.path).map_err(|error| self.failed("look for", &error))
    }

    /// Removes the file, if it is there.
    pub(crate) fn remove(&self) -> Result<(), Fault> {
        match self.disk.remove(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.failed("remove", &error))
            }
            _ => Ok(()),
        }
    }

    /// Makes creations and removals beside the file durable.
    pub(crate) fn sync_directory(&self) -> Result<(), Fault> {
        let synced = self.disk.sync_directory(self.directory());
        synced.map_err(|error| self.failed("fsync the directory of", &error))
    }
}

/// The path as a URI that names the tap.
fn uri(path: &Path, tap: &Tap) -> Result<String, Fault> {
    let text = path.to_str().ok_or_else(|| Fault::new("the data directory's path is not UTF-8"))?;
    let mut uri = String::from("file:");
    for character in text.chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    let parameter = URI_PARAMETER.to_str().unwrap_or_default();
    Ok(format!("{uri}?{parameter}={}", tap.id()))
}
