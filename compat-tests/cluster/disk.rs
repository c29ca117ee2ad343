//! Disks of nodes' own: an ext4 in a file, mounted by a loop device, whose power can be cut and which can be
//! filled. They need root, loop devices and Python.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in a file.
pub struct Disk {
    image: PathBuf,
    pub place: PathBuf,
}

/// Runs a program; what it said if it failed.
pub fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

pub fn text(path: &Path) -> &str {
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
        run("mount", &["-o", "loop,errors=remount-ro", text(&self.image), text(&self.place)])
    }

    /// After a cut, when nobody uses it any more.
    pub fn mount_again(&self) -> Result<(), String> {
        run("umount", &[text(&self.place)])?;
        self.mount()
    }

    /// An error in the file system, after which it can only be read.
    pub fn break_down(&self) -> Result<(), String> {
        let device = Command::new("findmnt").args(["-no", "SOURCE", text(&self.place)]).output();
        let device = device.map_err(|e| format!("findmnt: {e}"))?.stdout;
        let name = String::from_utf8_lossy(&device).trim().replace("/dev/", "");
        let trigger = format!("/sys/fs/ext4/{name}/trigger_fs_error");
        std::fs::write(&trigger, "1").map_err(|e| format!("{trigger}: {e}"))
    }

    /// Takes all space that is left.
    pub fn fill(&self) {
        let mut bytes: u64 = 1 << 30;
        for number in 0.. {
            if bytes < 4096 {
                break;
            }
            let file = self.filler(number);
            if run("fallocate", &["-l", &bytes.to_string(), text(&file)]).is_err() {
                bytes /= 2;
            }
        }
    }

    /// Gives it back.
    pub fn empty(&self) {
        for number in 0.. {
            if std::fs::remove_file(self.filler(number)).is_err() {
                break;
            }
        }
    }

    fn filler(&self, number: u32) -> PathBuf {
        self.place.join(format!("filler{number}"))
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

/// Cuts their power: what wasn't synced is gone.
pub fn cut<'a>(disks: impl IntoIterator<Item = &'a Disk>) -> Result<(), String> {
    let mut arguments = vec!["-c", CUT];
    arguments.extend(disks.into_iter().map(|disk| text(&disk.place)));
    run("python3", &arguments)
}

/// Disks whose power can be cut, or why there are none.
fn try_disks(root: &Path, count: usize, bytes: u64) -> Result<Vec<Disk>, String> {
    let probe = [Disk::make(root, "probe", 16 << 20)?];
    cut(&probe)?;
    (1..=count).map(|number| Disk::make(root, &format!("disk{number}"), bytes)).collect()
}

/// Disks whose power can be cut. Where there can't be any this says so; with `REQUIRE_CHAOS` it fails.
pub fn disks(root: &Path, count: usize, bytes: u64) -> Option<Vec<Disk>> {
    match try_disks(root, count, bytes) {
        Ok(disks) => Some(disks),
        Err(reason) => {
            assert!(std::env::var("REQUIRE_CHAOS").is_err(), "{reason}");
            eprintln!("SKIPPED: no disks whose power can be cut: {reason}");
            None
        }
    }
}
