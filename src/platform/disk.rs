//! Files, behind a trait, so that tests can lose, tear and corrupt what was written.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mutant::mutant;

/// A directory tree that survives a crash as far as it was synced.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Opens a file for reading and writing; `create` makes it if it isn't there.
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>>;
    /// The names in a directory, in no order.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Makes a directory in one that exists. It may exist already.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes creations, removals and renames in this directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// A file's length in bytes, without opening it.
    fn length(&self, path: &Path) -> io::Result<u64>;
    /// What stands before this disk's paths in the names that SQLite is given, where they aren't the
    /// operating system's.
    #[cfg(any(test, fuzzing))]
    fn mount(&self) -> Option<String> {
        None
    }
}

/// An open file. Calls may come from several threads.
#[expect(clippy::len_without_is_empty, reason = "the length is asked of the disk, and may fail")]
pub trait File: Send + Sync + std::fmt::Debug {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes the file's bytes and its length durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    fn set_len(&self, length: u64) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    /// Reserves space for `length` bytes, so that writing there can't fail for want of it, without
    /// changing what is read there (`fallocate`). The file becomes that long if it was shorter.
    fn allocate(&self, length: u64) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(create).truncate(false);
        Ok(Arc::new(RealFile(options.open(path)?)))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            // A name that isn't UTF-8 is none that we gave.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            result => result,
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }
}

/// A file of the operating system.
#[derive(Debug)]
struct RealFile(fs::File);

impl File for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(&self.0, buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(&self.0, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        if length == 0 {
            return Ok(());
        }
        loop {
            match fallocate(&self.0, FallocateFlags::empty(), 0, length) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) => {}
                // Some file systems can't reserve: zeros take the space instead.
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => return self.fill(length),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl RealFile {
    /// Writes zeros from the file's end to `length`.
    fn fill(&self, length: u64) -> io::Result<()> {
        static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
        let mut at = File::len(self)?;
        while at < length {
            let len = (length - at).min(ZEROS.len() as u64);
            File::write_all_at(self, &ZEROS[..len as usize], at)?;
            at += len;
        }
        Ok(())
    }
}

/// Fills `buffer` from `offset` on.
///
/// # Errors
/// Any failure of the disk; `UnexpectedEof` if the file ends before the buffer is full.
pub fn read_exact_at(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(())
}

/// Writes `bytes` to `path` so that a crash leaves either the old file or the whole new one.
///
/// # Errors
/// Any failure of the disk; the old file is then still in place.
pub fn write_atomically(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let file = disk.open(&temporary, true)?;
    file.set_len(0)?;
    file.write_all_at(bytes, 0)?;
    file.sync_data()?;
    drop(file);
    disk.rename(&temporary, path)?;
    if mutant("directory-not-synced") {
        return Ok(());
    }
    disk.sync_directory(path.parent().unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_file_keeps_what_is_written_and_reads_zeros_where_space_is_reserved() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert_eq!(RealDisk.open(&path, false).unwrap_err().kind(), io::ErrorKind::NotFound);
        let file = RealDisk.open(&path, true).unwrap();
        file.write_all_at(b"abc", 2).unwrap();
        file.allocate(10).unwrap();
        file.sync_data().unwrap();
        assert_eq!(file.len().unwrap(), 10);
        let mut bytes = [1; 12];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 10);
        assert_eq!(&bytes[..10], b"\0\0abc\0\0\0\0\0");
        file.allocate(4).unwrap();
        assert_eq!(file.len().unwrap(), 10);
        file.set_len(3).unwrap();
        assert_eq!(file.len().unwrap(), 3);
    }

    #[test]
    fn a_real_directory_lists_renames_and_removes() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("inner");
        RealDisk.create_directory(&inner).unwrap();
        RealDisk.create_directory(&inner).unwrap();
        write_atomically(&RealDisk, &inner.join("a"), b"one").unwrap();
        write_atomically(&RealDisk, &inner.join("a"), b"2").unwrap();
        assert_eq!(RealDisk.open(&inner.join("a"), false).unwrap().len().unwrap(), 1);
        RealDisk.rename(&inner.join("a"), &inner.join("b")).unwrap();
        assert_eq!(RealDisk.list(&inner).unwrap(), ["b"]);
        RealDisk.remove(&inner.join("b")).unwrap();
        RealDisk.sync_directory(&inner).unwrap();
        assert!(!RealDisk.exists(&inner.join("b")).unwrap());
    }
}
