//! The power goes on all machines at once: each node has an ext4 of its own in a loop device, and
//! the kernel is told to shut it down as it stands, so that whatever wasn't synced is gone.
//!
//! This needs root and loop devices. Where they can't be had the test says so and is skipped; with
//! `REQUIRE_CHAOS` set it fails instead. `EIDER_POWER_ROUNDS` sets the rounds.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Cluster, from_env};
use crate::witness::Witnesses;

/// A file system in a file.
struct Disk {
    image: PathBuf,
    place: PathBuf,
}

/// Runs a program; what it said if it failed.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

impl Disk {
    fn make(root: &Path, name: &str, bytes: u64) -> Result<Self, String> {
        let disk = Self { image: root.join(format!("{name}.img")), place: root.join(name) };
        std::fs::create_dir(&disk.place).unwrap();
        std::fs::File::create(&disk.image).unwrap().set_len(bytes).unwrap();
        run("mkfs.ext4", &["-q", "-m", "0", text(&disk.image)])?;
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&self) -> Result<(), String> {
        run("mount", &["-o", "loop", text(&self.image), text(&self.place)])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It isn't mounted if making it failed.
        drop(run("umount", &["-l", text(&self.place)]));
    }
}

/// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, on all of them in one go.
const CUT: &str = "import fcntl, os, struct, sys
for fd in [os.open(place, os.O_RDONLY) for place in sys.argv[1:]]:
    fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))";

fn cut(disks: &[Disk]) -> Result<(), String> {
    let mut arguments = vec!["-c", CUT];
    arguments.extend(disks.iter().map(|disk| text(&disk.place)));
    run("python3", &arguments)
}

/// Disks whose power can be cut, or why there are none.
fn disks(root: &Path) -> Result<Vec<Disk>, String> {
    let probe = [Disk::make(root, "probe", 16 << 20)?];
    cut(&probe)?;
    ["disk1", "disk2", "disk3"].iter().map(|name| Disk::make(root, name, 512 << 20)).collect()
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_goes_everywhere() {
    let root = tempfile::tempdir().unwrap();
    let disks = match disks(root.path()) {
        Ok(disks) => disks,
        Err(reason) => {
            assert!(std::env::var("REQUIRE_CHAOS").is_err(), "{reason}");
            eprintln!("SKIPPED: no disks whose power can be cut: {reason}");
            return;
        }
    };
    let places: Vec<PathBuf> = disks.iter().map(|disk| disk.place.join("data")).collect();
    let mut cluster = Cluster::start_in(root, &places);
    let witnesses = Witnesses::start(&cluster, 16);
    let rounds = from_env("EIDER_POWER_ROUNDS", 2);
    for _ in 0..rounds {
        witnesses.more_writes(200);
        cut(&disks).unwrap();
        for node in &mut cluster.nodes {
            node.kill();
        }
        for disk in &disks {
            run("umount", &[text(&disk.place)]).unwrap();
            disk.mount().unwrap();
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
