//! SQLite extensions: shared libraries that a connection loads (`sqlite3_load_extension`).

use std::path::PathBuf;

use rusqlite::{Connection, DEFAULT_NAME, LoadExtensionGuard};

/// Loads libraries into a connection, and gives the virtual table modules that they brought.
///
/// # Errors
/// The system's, if a library can't be loaded, and its own, if it doesn't want to be.
pub(crate) fn load_extensions(
    connection: &Connection,
    libraries: &[PathBuf],
) -> rusqlite::Result<Vec<String>> {
    if libraries.is_empty() {
        return Ok(Vec::new());
    }
    let before = modules(connection)?;
    for library in libraries {
        // SAFETY: what the library does is the operator's responsibility, who has named it with
        // `-extensions-path`. No client's statement runs while loading is allowed.
        unsafe {
            let _allowed = LoadExtensionGuard::new(connection)?;
            connection.load_extension(library, DEFAULT_NAME)?;
        }
    }
    let mut brought = modules(connection)?;
    brought.retain(|module| !before.contains(module));
    Ok(brought)
}

fn modules(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut listed = connection.prepare("SELECT name FROM pragma_module_list")?;
    listed.query_map([], |row| row.get(0))?.collect()
}
