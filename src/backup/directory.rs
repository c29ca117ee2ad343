//! Copies in a directory, with a note beside them of what the last one is a copy of.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::engine::Staged;
use crate::platform::disk::{Disk as _, RealDisk, write_atomically};
use crate::platform::task;

const NOTE: &str = "METADATA.json";
/// A copy is written in parts of this many bytes.
const PART_BYTES: u64 = 1 << 20;

/// What the last copy in the directory is a copy of; `None` if there is none, or it isn't there.
pub(super) async fn last_id(directory: &Path, name: &str) -> Result<Option<String>, String> {
    let (note, copy) = (directory.join(NOTE), directory.join(name));
    task::blocking(move || match std::fs::read_to_string(&note) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("read {}: {error}", note.display())),
        Ok(text) => {
            // One that can't be understood says nothing.
            let note: Value = serde_json::from_str(&text).unwrap_or_default();
            let named = note["name"].as_str().is_some_and(|name| {
                copy.with_file_name(name).exists() && name.ends_with(&file_name(&copy))
            });
            Ok(note["id"].as_str().filter(|_| named).map(str::to_owned))
        }
    })
    .await
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Writes a copy under a name, in the place of the one before if there is one. It is durable when this
/// returns.
pub(super) async fn put(
    directory: &Path,
    name: &str,
    copy: &Staged,
    id: &str,
) -> Result<(), String> {
    let whole = directory.join(name);
    write(&whole, copy).await?;
    let note = json!({ "id": id, "name": name }).to_string();
    write_small(&directory.join(NOTE), note.into_bytes()).await
}

/// Writes a small file, in the place of the one before if there is one.
pub(super) async fn write_small(path: &Path, bytes: Vec<u8>) -> Result<(), String> {
    let named = path.display().to_string();
    let path = path.to_owned();
    let written = task::blocking(move || write_atomically(&RealDisk, &path, &bytes)).await;
    written.map_err(|error| format!("write {named}: {error}"))
}

/// Writes a file, in the place of the one before if there is one. It is durable when this returns.
pub(super) async fn write(whole: &Path, copy: &Staged) -> Result<(), String> {
    let mut unfinished = whole.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let wrong = {
        let path = unfinished.display().to_string();
        move |error: std::io::Error| format!("write {path}: {error}")
    };
    let path = unfinished.clone();
    let mut file = task::blocking(move || File::create(path)).await.map_err(&wrong)?;
    let mut offset = 0;
    loop {
        let part = copy.read(offset, PART_BYTES).await.map_err(|error| error.to_string())?;
        if part.is_empty() {
            break;
        }
        offset += part.len() as u64;
        file =
            task::blocking(move || file.write_all(&part).map(|()| file)).await.map_err(&wrong)?;
    }
    let whole = whole.to_owned();
    let finish = move || {
        file.sync_all()?;
        std::fs::rename(&unfinished, &whole)?;
        RealDisk.sync_directory(whole.parent().unwrap_or(Path::new(".")))
    };
    task::blocking(finish).await.map_err(wrong)
}
