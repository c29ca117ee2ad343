//! How often what runs beside clients has done what, since the node started: for `/debug/vars` and
//! `/metrics`. Those who do it count.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Engine;
use crate::platform::clock;

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn one(&self) {
        self.add(1);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The last value of something, or the last moment that it happened. 0: none yet.
#[derive(Debug, Default)]
pub struct Latest(AtomicU64);

impl Latest {
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The present moment: milliseconds since 1970.
    pub fn now(&self) {
        self.set(clock::wall().as_millis() as u64);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts.
#[derive(Debug, Default)]
pub struct Activity {
    /// Copies that `-auto-backup` has sent; that failed; that weren't needed, as nothing had changed; or
    /// as the place had a copy of that state when this node looked for the first time.
    pub uploads_made: Counter,
    pub uploads_failed: Counter,
    pub uploads_unchanged: Counter,
    pub uploads_there: Counter,
    /// Bytes of copies and segments, and of the last one.
    pub upload_bytes: Counter,
    pub last_upload_bytes: Latest,
    /// When what is committed was known to be in the place, for the last time.
    pub last_upload: Latest,
    /// Segments of a history.
    pub segments_made: Counter,
    /// Copies that `-auto-restore` has begun with, or couldn't.
    pub downloads_made: Counter,
    pub downloads_failed: Counter,
    /// Changes that were delivered; attempts that succeeded, and failed; changes that were given up.
    pub changes_sent: Counter,
    pub deliveries_made: Counter,
    pub deliveries_failed: Counter,
    pub changes_dropped: Counter,
    /// Changes that wait, as the node last saw it when it led.
    pub changes_waiting: Latest,
    /// Other nodes' requests: to become a member, and to make a cluster with this one.
    pub join_requests: Counter,
    pub notify_requests: Counter,
    /// Nodes that became members or have new addresses; that were members as they said.
    pub joins: Counter,
    pub joins_ignored: Counter,
    /// Members among `joins` that had other addresses.
    pub joins_moved: Counter,
    /// Snapshots of other nodes that took the databases' place.
    pub snapshots_installed: Counter,
}

impl Engine {
    /// What is counted for all of this node.
    pub fn activity(&self) -> &Activity {
        &self.core.activity
    }
}
