//! The SQLite extensions that this node was given (`-extensions-path`): copied to `DATA_DIR/extensions`, from
//! where every connection loads them, so that what lies at the path may change while the node runs. Archives are
//! unpacked there.

use std::path::{Path, PathBuf};

use crate::server::packed;

/// Where the copies are, in the data directory.
pub(super) const DIRECTORY: &str = "extensions";

/// Copies the libraries that are named, and those in directories and archives that are, in the order of their
/// names. What an earlier start copied goes.
///
/// # Errors
/// A text for the operator.
pub(super) fn gather(named: &[PathBuf], data: &Path) -> Result<Vec<PathBuf>, String> {
    let directory = data.join(DIRECTORY);
    let failed = |path: &Path, error: std::io::Error| {
        format!("-extensions-path: {}: {error}", path.display())
    };
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(failed(&directory, error));
        }
        _ => {}
    }
    let mut libraries = Vec::new();
    for path in named {
        let is_directory = std::fs::metadata(path).map_err(|error| failed(path, error))?.is_dir();
        if is_directory {
            libraries.extend(files(path).map_err(|error| failed(path, error))?);
        } else {
            libraries.push(path.clone());
        }
    }
    if libraries.is_empty() && !named.is_empty() {
        tracing::warn!("-extensions-path: there is no file in what it names");
    }
    if !libraries.is_empty() {
        std::fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
    }
    let mut copies = Vec::new();
    for library in libraries {
        for (name, contents) in contents(&library)? {
            let copy = directory.join(&name);
            if copies.contains(&copy) {
                return Err(format!("-extensions-path: there are two files called {name}"));
            }
            std::fs::write(&copy, contents).map_err(|error| failed(&copy, error))?;
            copies.push(copy);
        }
    }
    Ok(copies)
}

/// A library under its name, or the libraries of an archive.
fn contents(path: &Path) -> Result<Vec<packed::Packed>, String> {
    let wrong = |why: String| format!("-extensions-path: {}: {why}", path.display());
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut files = match packed::unpack(&bytes).map_err(wrong)? {
        Some(files) => files,
        None => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            vec![(name.into_owned(), bytes)]
        }
    };
    files.sort();
    Ok(files)
}

/// The names of the libraries that were gathered, in order.
pub(super) fn names(copies: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
    let mut names: Vec<String> = copies.iter().filter_map(name).collect();
    names.sort();
    names
}

/// The files of a directory.
fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_copied_and_old_copies_go() {
        let directory = tempfile::TempDir::new().unwrap();
        let (data, source) = (directory.path().join("data"), directory.path().join("source"));
        std::fs::create_dir_all(&source).unwrap();
        std::fs::create_dir_all(&data).unwrap();
        for name in ["b.so", "a.so"] {
            std::fs::write(source.join(name), name).unwrap();
        }
        let copies = gather(std::slice::from_ref(&source), &data).unwrap();
        assert_eq!(copies, [data.join("extensions/a.so"), data.join("extensions/b.so")]);
        assert_eq!(std::fs::read(&copies[1]).unwrap(), b"b.so");
        let one = gather(&[source.join("b.so")], &data).unwrap();
        assert_eq!(one, [data.join("extensions/b.so")]);
        assert!(!copies[0].exists());
        assert_eq!(gather(&[], &data).unwrap(), Vec::<PathBuf>::new());
        assert!(!one[0].exists());
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let directory = tempfile::TempDir::new().unwrap();
        let data = directory.path();
        let empty = data.join("empty");
        std::fs::create_dir(&empty).unwrap();
        std::fs::write(data.join("x.tar.gz"), [0x1f, 0x8b, 0]).unwrap();
        std::fs::write(data.join("x.so"), "").unwrap();
        // That may come to have some.
        assert_eq!(gather(&[empty], data).unwrap(), Vec::<PathBuf>::new());
        for (named, wrong) in [
            (vec![data.join("none.so")], "No such file"),
            (vec![data.join("x.tar.gz")], "x.tar.gz: it can't be unpacked"),
            (vec![data.join("x.so"), data.join("x.so")], "two files"),
        ] {
            let error = gather(&named, data).unwrap_err();
            assert!(error.contains(wrong) && error.starts_with("-extensions-path"), "{error}");
        }
    }
}
