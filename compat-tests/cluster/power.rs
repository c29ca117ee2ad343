//! The power goes on all machines at once: each node has an ext4 of its own in a loop device, and
//! the kernel is told to shut it down as it stands, so that whatever wasn't synced is gone.
//!
//! This needs root and loop devices. Where they can't be had the test says so and is skipped; with
//! `REQUIRE_CHAOS` set it fails instead. `EIDER_POWER_ROUNDS` sets the rounds.

use std::path::PathBuf;

use crate::disk;
use crate::support::{Cluster, from_env};
use crate::witness::Witnesses;

#[test]
fn nothing_acknowledged_is_lost_when_the_power_goes_everywhere() {
    let root = tempfile::tempdir().unwrap();
    let Some(disks) = disk::disks(root.path(), 3, 512 << 20) else { return };
    let places: Vec<PathBuf> = disks.iter().map(|disk| disk.place.join("data")).collect();
    let mut cluster = Cluster::start_in(root, &places);
    let witnesses = Witnesses::start(&cluster, 16);
    let rounds = from_env("EIDER_POWER_ROUNDS", 2);
    for _ in 0..rounds {
        witnesses.more_writes(200);
        disk::cut(&disks).unwrap();
        for node in &mut cluster.nodes {
            node.kill();
        }
        for disk in &disks {
            disk.mount_again().unwrap();
        }
        for node in &mut cluster.nodes {
            node.start();
        }
        for node in &mut cluster.nodes {
            node.wait_ready();
        }
    }
    witnesses.more_writes(200);
    let [acknowledged, failed, unknown] = witnesses.check(&mut cluster);
    println!(
        "{rounds} power cuts, {acknowledged} writes acknowledged, {failed} failed, {unknown} unknown"
    );
    // Before the directory that they are mounted in is removed.
    drop(disks);
}
