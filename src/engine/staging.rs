//! Files that are on their way into a database or out of one. They are gone when their owner is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::engine::Engine;
use crate::engine::core::Core;
use crate::engine::store::Store;
use crate::model::error::{Error, SqlState};
use crate::platform::disk::{Disk, File, read_exact_at};
use crate::platform::{random, task};
use crate::sqlite;

/// A file on this node's disk. Removed when dropped; after a crash, at the next start.
#[derive(Debug)]
pub struct Staged {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn File>,
    length: u64,
    length_max: u64,
}

fn failed(error: &std::io::Error) -> Error {
    Error::limit(SqlState::DISK_FULL, "the file can't be kept on this node's disk")
        .with_detail(error.kind().to_string())
}

impl Engine {
    /// An empty file, to be filled with what is to be loaded. It can't become larger than a
    /// transaction may be (54000).
    pub async fn stage(&self) -> Result<Staged, Error> {
        self.core.stage().await
    }
}

impl Engine {
    /// An empty file for a copy, as large as the disk lets it become.
    pub async fn scratch(&self) -> Result<Staged, Error> {
        self.core.new_file(u64::MAX).await
    }
}

impl Core {
    pub(super) async fn stage(&self) -> Result<Staged, Error> {
        self.new_file(self.options.sqlite.transaction_bytes_max).await
    }

    async fn new_file(&self, length_max: u64) -> Result<Staged, Error> {
        let disk = self.store.disk().clone();
        let path = unused_path(&self.store);
        task::blocking(move || {
            let file = disk.open(&path, true).map_err(|error| failed(&error))?;
            Ok(Staged { disk, path, file, length: 0, length_max })
        })
        .await
    }

    /// Takes over a file that something else has written.
    pub(super) async fn adopt(&self, path: PathBuf) -> Result<Staged, Error> {
        let disk = self.store.disk().clone();
        task::blocking(move || {
            let opened = disk.open(&path, false).and_then(|file| Ok((file.len()?, file)));
            let (length, file) = opened.map_err(|error| failed(&error))?;
            Ok(Staged { disk, path, file, length, length_max: u64::MAX })
        })
        .await
    }
}

/// A path that no file has. What is left in that directory is removed at a start.
pub(super) fn unused_path(store: &Store) -> PathBuf {
    let number = u64::from_be_bytes(random::bytes());
    store.data_dir().join("raft/incoming").join(format!("load-{number:016x}"))
}

impl Staged {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Forgets what lies behind the first `length` bytes.
    pub fn cut(&mut self, length: u64) {
        self.length = self.length.min(length);
    }

    /// Lets `fill` write the file, whatever it held.
    ///
    /// # Errors
    /// What `fill` fails with; or if the file has become larger than it may.
    pub async fn fill<F: Future<Output = Result<(), String>>>(
        &mut self,
        fill: impl FnOnce(Arc<dyn File>) -> F,
    ) -> Result<(), String> {
        fill(Arc::clone(&self.file)).await?;
        self.length = self.file.len().map_err(|error| error.to_string())?;
        if self.length > self.length_max {
            return Err(format!("the file is larger than {} bytes", self.length_max));
        }
        Ok(())
    }

    /// Writes at the end.
    pub async fn append(&mut self, bytes: Bytes) -> Result<(), Error> {
        let offset = self.length;
        self.length += bytes.len() as u64;
        if self.length > self.length_max {
            let message = format!("the file is larger than {} bytes", self.length_max);
            return Err(Error::limit(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
        }
        let file = Arc::clone(&self.file);
        let written = task::blocking(move || file.write_all_at(&bytes, offset)).await;
        written.map_err(|error| failed(&error))
    }

    /// At most `count` bytes from `offset` on; none at the end.
    pub async fn read(&self, offset: u64, count: u64) -> Result<Bytes, Error> {
        let count = count.min(self.length.saturating_sub(offset));
        let file = Arc::clone(&self.file);
        let read = task::blocking(move || {
            let mut bytes = vec![0; count as usize];
            read_exact_at(&*file, &mut bytes, offset).map(|()| Bytes::from(bytes))
        });
        read.await.map_err(|error| failed(&error))
    }

    /// Makes it fit to take a database's place: see [`sqlite::prepare_load`].
    pub(super) async fn prepare(&self, options: sqlite::Options) -> Result<(), Error> {
        let (disk, path) = (Arc::clone(&self.disk), self.path.clone());
        task::blocking(move || sqlite::prepare_load(&disk, &path, &options)).await
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let mut path = self.path.as_os_str().to_owned();
            path.push(suffix);
            // What can't be removed now is removed at the next start.
            let _ = self.disk.remove(Path::new(&path));
        }
    }
}
