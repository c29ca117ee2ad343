//! What stands between a node and its C library (`shim.c`), and what it does from one moment to the next.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::disk::text;
use crate::support::Node;

/// What a test may set, at any time; where it stands in the file that both share.
#[derive(Debug, Clone, Copy)]
pub enum Setting {
    /// How far the wall clock is wrong.
    ClockSeconds,
    /// How much longer a sync takes.
    SyncMilliseconds,
    /// Syncs fail, with EIO.
    SyncsFail,
    /// A sync doesn't come back until this is 0 again.
    SyncsHang,
    /// No thread can be made.
    NoThreads,
    /// How often something was made to fail.
    Failures,
}

/// Bytes of the settings.
const BYTES: u64 = 6 * 8;

#[derive(Debug)]
pub struct Shim(File);

impl Shim {
    /// Compiles the shim. Its place.
    pub fn compile(root: &Path) -> PathBuf {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/compat-tests/cluster/shim.c");
        let library = root.join("shim.so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o", text(&library), source, "-ldl"])
            .status();
        assert!(built.is_ok_and(|status| status.success()), "UNKNOWN (harness): cc {source}");
        library
    }

    /// Puts it before a node that isn't started yet.
    pub fn put(library: &Path, root: &Path, node: &mut Node) -> Self {
        let control = root.join(format!("shim{}", node.name));
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&control).unwrap();
        file.set_len(BYTES).unwrap();
        for (name, path) in [("LD_PRELOAD", library), ("EIDER_SHIM", &control)] {
            node.environment.push((name.to_owned(), text(path).to_owned()));
        }
        Self(file)
    }

    pub fn set(&self, setting: Setting, value: i64) {
        self.0.write_all_at(&value.to_ne_bytes(), setting as u64 * 8).unwrap();
    }

    /// All is well again; what has failed stays counted.
    pub fn reset(&self) {
        self.0.write_all_at(&[0; Setting::Failures as usize * 8], 0).unwrap();
    }

    pub fn failures(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, Setting::Failures as u64 * 8).unwrap();
        u64::from_ne_bytes(bytes)
    }
}
