//! Every I/O call of a workload fails or is cut there, once each, for each kind of failure; afterwards the
//! node starts on what is left, and nothing acknowledged is missing.
//!
//! A *point* is a call and a kind of failure. `CRASH_STRIDE=1` runs all of them; without it every so
//! many is run, and which ones is the same each time.

mod alone_test;
mod cluster_test;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::engines::Sizes;
use crate::model::error::{Error, SqlState};
use crate::platform::clock;
use crate::platform::sim_disk::{Failure, Operation};

/// Logs that are purged, spills and transactions of several parts within a small workload.
const SIZES: Sizes = Sizes {
    log_bytes_max: 96 << 10,
    segment_bytes: 64 << 10,
    cache_bytes: 64 << 10,
    entry_bytes_max: 16 << 10,
};
/// A step that takes longer is given up: its outcome isn't known.
const STEP_TIME: Duration = Duration::from_secs(30);

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// EIO, nothing done.
    Error,
    /// Half a write, and EIO.
    Short,
    /// Half a write, and ENOSPC.
    Full,
    /// A sync fails, and what it should have made durable is gone after a power loss.
    Sync,
    /// The process dies in the middle of the call.
    Death,
    /// The power goes in the middle of the call.
    Power,
}

const KINDS: [Kind; 6] =
    [Kind::Error, Kind::Short, Kind::Full, Kind::Sync, Kind::Death, Kind::Power];

impl Kind {
    fn concerns(self, operation: Operation) -> bool {
        use Operation::{Create, Length, Name, Sync, SyncDirectory, Write};
        match self {
            Self::Error => operation != Sync && operation != SyncDirectory,
            Self::Short => operation == Write,
            Self::Full => matches!(operation, Write | Create | Length | Name),
            Self::Sync => matches!(operation, Sync | SyncDirectory),
            Self::Death | Self::Power => !matches!(operation, Operation::Look | Operation::Read),
        }
    }

    fn failure(self) -> (Failure, bool) {
        match self {
            Self::Error | Self::Sync => (Failure::Refused, false),
            Self::Short => (Failure::Broken, false),
            Self::Full => (Failure::Full, false),
            Self::Death | Self::Power => (Failure::Broken, true),
        }
    }

    /// What the disk loses when the node goes down.
    fn power_loss(self, seed: u64) -> Option<u64> {
        matches!(self, Self::Power | Self::Sync).then_some(seed)
    }
}

/// What a file belongs to.
fn class(path: &Path) -> &'static str {
    let path = path.to_str().unwrap();
    match path {
        _ if path.contains("incoming") => "snapshot",
        _ if path.contains("spool") => "spool",
        _ if path.contains("raft/state") => "state",
        _ if path.ends_with("raft/databases") || path.contains("raft/databases.") => "manifest",
        _ if path.contains("-wal") => "wal",
        _ if path.contains(".sqlite") => "database",
        _ if path.contains("raft/") => "log",
        _ => "directory",
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    Done,
    /// Certainly nothing happened.
    Failed(SqlState),
    Unknown,
}

fn outcome<T>(result: Result<Result<T, Error>, clock::Elapsed>) -> Outcome {
    match result {
        Ok(Ok(_)) => Outcome::Done,
        Err(clock::Elapsed) => Outcome::Unknown,
        Ok(Err(error)) if error.state() == SqlState::TRANSACTION_RESOLUTION_UNKNOWN => {
            Outcome::Unknown
        }
        Ok(Err(error)) => Outcome::Failed(error.state()),
    }
}

/// The points that are run, and how many of each sort there were.
struct Points {
    of: &'static str,
    stride: usize,
    seen: usize,
    calls: usize,
    counts: BTreeMap<(Kind, &'static str), u32>,
}

impl Points {
    fn new(of: &'static str, stride: usize) -> Self {
        let asked = std::env::var("CRASH_STRIDE").ok().and_then(|text| text.parse().ok());
        let stride = asked.unwrap_or(stride).max(1);
        Self { of, stride, seen: 0, calls: 0, counts: BTreeMap::new() }
    }

    /// The points of these calls that are to be run.
    fn choose(&mut self, calls: &[(Operation, PathBuf)]) -> Vec<(usize, Kind)> {
        self.calls += calls.len();
        let mut chosen = Vec::new();
        for (at, (operation, path)) in calls.iter().enumerate() {
            for kind in KINDS.into_iter().filter(|kind| kind.concerns(*operation)) {
                if self.seen.is_multiple_of(self.stride) {
                    chosen.push((at, kind));
                    *self.counts.entry((kind, class(path))).or_default() += 1;
                }
                self.seen += 1;
            }
        }
        chosen
    }

    fn report(&self) {
        let run: u32 = self.counts.values().sum();
        println!(
            "{}: {} calls, {} points, {run} run and survived:",
            self.of, self.calls, self.seen
        );
        for kind in KINDS {
            let of_kind = self.counts.iter().filter(|((other, _), _)| *other == kind);
            let counts: Vec<_> = of_kind.map(|((_, class), n)| format!("{class} {n}")).collect();
            println!("  {kind:?}: {}", counts.join(", "));
        }
    }
}
