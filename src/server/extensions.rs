//! The SQLite extensions that this node was given (`-extensions-path`): copied to `DATA_DIR/extensions`, from
//! where every connection loads them, so that what lies at the path may change while the node runs.

use std::path::{Path, PathBuf};

/// Where the copies are, in the data directory.
pub(super) const DIRECTORY: &str = "extensions";
/// Ends of names that mean a packed directory.
const PACKED: [&str; 4] = [".zip", ".tar.gz", ".tgz", ".tar"];

/// Copies the libraries that are named, and those in directories that are, in the order of their names.
/// What an earlier start copied goes.
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
    let mut copies = Vec::new();
    for library in libraries {
        let name = library.file_name().unwrap_or_default();
        let text = name.to_string_lossy();
        if PACKED.iter().any(|end| text.ends_with(end)) {
            let path = library.display();
            return Err(format!("-extensions-path: unpack {path}, and name the directory"));
        }
        let copy = directory.join(name);
        if copies.contains(&copy) {
            return Err(format!("-extensions-path: there are two files called {text}"));
        }
        std::fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
        std::fs::copy(&library, &copy).map_err(|error| failed(&library, error))?;
        copies.push(copy);
    }
    Ok(copies)
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
        std::fs::write(data.join("x.tar.gz"), "").unwrap();
        std::fs::write(data.join("x.so"), "").unwrap();
        // That may come to have some.
        assert_eq!(gather(&[empty], data).unwrap(), Vec::<PathBuf>::new());
        for (named, wrong) in [
            (vec![data.join("none.so")], "No such file"),
            (vec![data.join("x.tar.gz")], "unpack"),
            (vec![data.join("x.so"), data.join("x.so")], "two files"),
        ] {
            let error = gather(&named, data).unwrap_err();
            assert!(error.contains(wrong) && error.starts_with("-extensions-path"), "{error}");
        }
    }
}
