//! ON CONFLICT DO UPDATE changes a row once: 21000 for one that the same statement has inserted or
//! updated before.
//!
//! While such a statement runs, SQLite's update hook notes the rows that change, and the function that the
//! compiler puts into DO UPDATE's condition looks there.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::Action;

use crate::model::error::{Error, SqlState};
use crate::model::statement::UPDATE_ONCE;
use crate::sqlite::errors::fail_function;

/// The rows that the running statement has changed, by table.
#[derive(Debug, Default)]
pub(crate) struct Changed(Mutex<HashMap<String, HashSet<i64>>>);

impl Changed {
    /// Registers the function.
    pub(crate) fn install(self: &Arc<Self>, connection: &Connection) -> rusqlite::Result<()> {
        let changed = Arc::clone(self);
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        connection.create_scalar_function(UPDATE_ONCE, 2, flags, move |context| {
            let table = context.get_raw(0).as_str()?;
            let row = context.get_raw(1).as_i64()?;
            if changed.has(table, row) { Err(fail_function(twice())) } else { Ok(true) }
        })
    }

    fn has(&self, table: &str, row: i64) -> bool {
        let changed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        changed.get(table).is_some_and(|rows| rows.contains(&row))
    }

    fn note(&self, table: &str, row: i64) {
        let mut changed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match changed.get_mut(table) {
            Some(rows) => drop(rows.insert(row)),
            None => drop(changed.insert(table.to_owned(), HashSet::from([row]))),
        }
    }

    /// Begins to note rows, if a statement asks for them. Says whether it does.
    pub(crate) fn watch(
        self: &Arc<Self>,
        connection: &mut Connection,
        sql: &str,
    ) -> rusqlite::Result<bool> {
        if !sql.contains(UPDATE_ONCE) {
            return Ok(false);
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let changed = Arc::clone(self);
        let note = move |action, _database: &str, table: &str, row| {
            if action != Action::SQLITE_DELETE {
                changed.note(table, row);
            }
        };
        connection.update_hook(Some(note))?;
        Ok(true)
    }

    /// Ends what `watch` began.
    pub(crate) fn unwatch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        connection.update_hook(None::<fn(Action, &str, &str, i64)>)
    }
}

fn twice() -> Error {
    Error::user(
        SqlState::CARDINALITY_VIOLATION,
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
    )
    .with_hint(
        "Ensure that no rows proposed for insertion within the same command have duplicate constrained \
         values.",
    )
}
