//! The objects of a history, by name: files below a directory, or objects of a store.

use std::path::PathBuf;

use crate::backup::directory;
use crate::backup::plan::Target;
use crate::backup::source::Source;
use crate::engine::Staged;
use crate::platform::task;

/// A description is at most this large.
const TEXT_BYTES_MAX: usize = 256 << 20;
/// What the objects' place is called after the plain copy's.
const SUFFIX: &str = ".history";

/// Where they are. A name may have slashes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Objects<'a>(pub(super) &'a Target);

impl Objects<'_> {
    /// As an operator would look for it.
    pub(super) fn place(&self) -> String {
        match self.0 {
            Target::Directory { .. } => self.file("").display().to_string(),
            Target::S3(store) => {
                format!("s3://{}/{}{SUFFIX}/ at {}", store.bucket, store.path, store.address)
            }
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        let Target::Directory { directory, name: copy } = self.0 else { return PathBuf::new() };
        directory.join(format!("{copy}{SUFFIX}")).join(name)
    }

    fn path(&self, name: &str) -> String {
        let Target::S3(store) = self.0 else { return String::new() };
        format!("{}{SUFFIX}/{name}", store.path)
    }

    /// A file's path, in a directory that is there.
    async fn prepared(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.file(name);
        let Some(directory) = path.parent().map(PathBuf::from) else { return Ok(path) };
        let named = directory.display().to_string();
        let made = task::blocking(move || std::fs::create_dir_all(directory)).await;
        made.map_err(|error| format!("create {named}: {error}"))?;
        Ok(path)
    }

    /// Puts a text in the place of the one before. It is there whole, or not at all.
    pub(super) async fn write(&self, name: &str, text: String) -> Result<(), String> {
        match self.0 {
            Target::S3(store) => store.write(&self.path(name), text).await,
            Target::Directory { .. } => {
                let path = self.prepared(name).await?;
                directory::write_small(&path, text.into_bytes()).await
            }
        }
    }

    /// Adds a file. It is there whole, or not at all.
    pub(super) async fn put(&self, name: &str, file: Staged, id: &str) -> Result<(), String> {
        match self.0 {
            Target::S3(store) => store.put(&self.path(name), file, id).await,
            Target::Directory { .. } => directory::write(&self.prepared(name).await?, &file).await,
        }
    }

    /// Begins to read an object; `None` if it isn't there.
    pub(super) async fn open(&self, name: &str) -> Result<Option<Source>, String> {
        match self.0 {
            Target::S3(store) => Ok(store.open(&self.path(name)).await?.ok().map(Source::Store)),
            Target::Directory { .. } => {
                let path = self.file(name);
                let (file, named) = (path.clone(), path.display().to_string());
                let there = task::blocking(move || file.try_exists()).await;
                let there = there.map_err(|error| format!("look for {named}: {error}"))?;
                Ok(there.then_some(Source::File(path, 0)))
            }
        }
    }

    /// A text; `None` if it isn't there.
    pub(super) async fn read(&self, name: &str) -> Result<Option<String>, String> {
        let Some(mut source) = self.open(name).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        while let Some(part) = source.next().await? {
            bytes.extend_from_slice(&part);
            if bytes.len() > TEXT_BYTES_MAX {
                return Err(format!("{name} is larger than {TEXT_BYTES_MAX} bytes"));
            }
        }
        String::from_utf8(bytes).map(Some).map_err(|_| format!("{name} is not a text"))
    }

    /// Removes an object, if it is there.
    pub(super) async fn remove(&self, name: &str) -> Result<(), String> {
        match self.0 {
            Target::S3(store) => store.remove(&self.path(name)).await,
            Target::Directory { .. } => {
                let path = self.file(name);
                let named = path.display().to_string();
                match task::blocking(move || std::fs::remove_file(path)).await {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        Err(format!("remove {named}: {error}"))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Removes the directory that objects were in, if it is one, and empty.
    pub(super) async fn remove_directory(&self, name: &str) {
        if let Target::Directory { .. } = self.0 {
            let path = self.file(name);
            // Somebody has put something in it: it stays.
            let _ = task::blocking(move || std::fs::remove_dir(path)).await;
        }
    }
}
