//! Something made of files, made anew when they have changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What tells one state of a file from another; `None` where there is none.
type Stamp = Option<[u64; 5]>;
type Make<T> = Box<dyn Fn() -> Result<T, String> + Send + Sync>;

/// A value and the files that it is made of.
pub(super) struct Fresh<T> {
    paths: Vec<PathBuf>,
    make: Make<T>,
    state: Mutex<(Vec<Stamp>, Arc<T>)>,
}

impl<T> std::fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("paths", &self.paths).finish_non_exhaustive()
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let stamp = |path: &PathBuf| {
        let file = std::fs::metadata(path).ok()?;
        let changed = [file.mtime() as u64, file.mtime_nsec() as u64];
        Some([file.dev(), file.ino(), file.size(), changed[0], changed[1]])
    };
    paths.iter().map(stamp).collect()
}

impl<T> Fresh<T> {
    /// # Errors
    /// Those of `make`.
    pub(super) fn new(
        paths: Vec<PathBuf>,
        make: impl Fn() -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        // Looked at first: what changes while it is read is read again.
        let seen = stamps(&paths);
        let value = Arc::new(make()?);
        Ok(Self { paths, make: Box::new(make), state: Mutex::new((seen, value)) })
    }

    /// The value, of the files as they are now if that is of any use, else the last good one.
    pub(super) fn get(&self) -> Arc<T> {
        let found = stamps(&self.paths);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 != found {
            match (self.make)() {
                Ok(value) => {
                    state.1 = Arc::new(value);
                    tracing::info!("certificates have changed: the new ones are in use");
                }
                Err(why) => tracing::error!(
                    "certificates have changed and can't be used; the old ones stay in use: {why}"
                ),
            }
            // Also after a failure: it is told once.
            state.0 = found;
        }
        Arc::clone(&state.1)
    }
}
