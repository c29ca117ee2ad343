//! Which row broke a constraint: SQLite says only which constraint, and of foreign keys not even that.
//!
//! A failed statement has left nothing behind, so it is run once more in the same place, with TEMP
//! triggers that note the rows passing by; then everything is taken back. The row that was noted
//! last is the one on which a statement stops. Foreign keys are deferred for that run, so that it comes
//! to its end; what was noted are keys that lacked their other side in between, and those are looked
//! at again then.
//!
//! Invariant: whatever goes wrong here, the client gets the error that it would have got without it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ToSqlOutput;

use crate::catalog::Contents;
use crate::model::catalog::{Catalog, Constraint, ConstraintKind, Table, TableKind};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::model::statement::{Dialect, Statement};
use crate::model::value::Value;
use crate::platform::clock::{self, Instant};
use crate::sqlite::Control;
use crate::sqlite::constraint::{self, Broken, BrokenKey};
use crate::sqlite::link::{Link, own};
use crate::sqlite::run::{self, Discard, Stop};
use crate::sqlite::writer::execute;

/// Values in one call of the function that notes a row.
const VALUES_MAX: usize = 100;
/// Keys that are kept of one run.
const KEYS_MAX: usize = 10_000;
/// How long broken references are looked for when a commit was refused.
const SEARCH_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// What the triggers of a run have noted.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Option<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// A table's place among those that are written to, and the row that it was to get.
    row: Option<(usize, Vec<Value>)>,
    /// A foreign key, its side, and the values that lacked the other side.
    keys: Vec<(Oid, Side, Vec<Value>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Referencing,
    Referenced,
}

impl Notes {
    /// Registers the functions that the triggers call. They do nothing unless something is watched.
    pub(crate) fn install(self: &Arc<Self>, connection: &Connection) -> rusqlite::Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        let notes = Arc::clone(self);
        connection.create_scalar_function("_eider_note_row", -1, flags, move |context| {
            let (table, first): (i64, i64) = (context.get(0)?, context.get(1)?);
            let values = (2..context.len()).map(|at| run::value(context.get_raw(at)));
            notes.add_row(table, first == 0, values);
            Ok(ToSqlOutput::Owned(rusqlite::types::Value::Null))
        })?;
        let notes = Arc::clone(self);
        connection.create_scalar_function("_eider_note_key", -1, flags, move |context| {
            let (oid, referenced): (i64, bool) = (context.get(0)?, context.get(1)?);
            let side = if referenced { Side::Referenced } else { Side::Referencing };
            let values = (2..context.len()).map(|at| run::value(context.get_raw(at)));
            notes.add_key(oid, side, values);
            Ok(ToSqlOutput::Owned(rusqlite::types::Value::Null))
        })
    }

    fn add_row(&self, table: i64, new: bool, values: impl Iterator<Item = Value>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(noted), Ok(table)) = (noted.as_mut(), usize::try_from(table)) else { return };
        match &mut noted.row {
            Some((of, row)) if !new && *of == table => row.extend(values),
            row => *row = Some((table, values.collect())),
        }
    }

    fn add_key(&self, oid: i64, side: Side, values: impl Iterator<Item = Value>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(noted), Ok(oid)) = (noted.as_mut(), u32::try_from(oid))
            && noted.keys.len() < KEYS_MAX
        {
            noted.keys.push((oid, side, values.collect()));
        }
    }

    fn watch(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Noted::default());
    }

    fn take(&self) -> Noted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// A statement that failed, where it did.
#[derive(Debug)]
pub(crate) struct Failed<'a> {
    pub(crate) link: &'a Link,
    pub(crate) contents: &'a Contents,
    pub(crate) statement: &'a Statement,
    pub(crate) control: &'a Control,
}

impl Failed<'_> {
    /// The error of a constraint that it broke. SQLite's extended result code and text say which.
    ///
    /// May make SQLite lose the transaction, if it must stop halfway: then the error is the reason.
    pub(crate) fn explain(&self, extended: i32, text: &str) -> Error {
        let broken = Broken { extended, text, contents: Some(self.contents), row: None };
        match constraint::state(extended, text) {
            SqlState::UNIQUE_VIOLATION
            | SqlState::NOT_NULL_VIOLATION
            | SqlState::CHECK_VIOLATION => self.with_row(&broken),
            SqlState::FOREIGN_KEY_VIOLATION => self.with_key(&broken),
            _ => broken.error(),
        }
    }

    fn catalog(&self) -> &Catalog {
        self.contents.catalog()
    }

    fn with_row(&self, broken: &Broken<'_>) -> Error {
        let tables = self.written();
        let triggers: Vec<String> = tables
            .iter()
            .enumerate()
            .flat_map(|(place, table)| row_triggers(place, table))
            .collect();
        match self.again(&triggers, false, |_| None) {
            Again::Stopped(reason) => reason,
            Again::Ran(noted, _) => {
                let row = noted.row.as_ref().and_then(|(place, values)| {
                    let table = tables.get(*place)?;
                    (table.columns.len() == values.len()).then_some((&***table, &**values))
                });
                Broken { row, ..*broken }.error()
            }
            Again::Unknown => broken.error(),
        }
    }

    fn with_key(&self, broken: &Broken<'_>) -> Error {
        let tables = self.written();
        let keys = foreign_keys(self.catalog());
        let written = |name: &str| tables.iter().any(|table| table.stored == name);
        let mut triggers = Vec::new();
        for key in &keys {
            if written(&key.table.stored) {
                triggers.extend(key.referencing_triggers());
            }
            if written(&key.foreign.stored) {
                triggers.extend(key.referenced_triggers());
            }
        }
        let judge = |noted: &Noted| self.broken_key(&keys, noted);
        match self.again(&triggers, true, judge) {
            Again::Stopped(reason) => reason,
            Again::Ran(_, Some(found)) => found,
            Again::Ran(..) | Again::Unknown => broken.error(),
        }
    }

    /// The tables that the statement writes to, by itself and by triggers and foreign keys.
    fn written(&self) -> Vec<&Arc<Table>> {
        self.link.guard.record();
        // It could be prepared a moment ago. What can't be prepared now writes nothing.
        drop(self.link.connection.prepare(&self.statement.sql));
        let mut names = self.link.guard.recorded();
        names.sort_unstable();
        names.dedup();
        let tables = names.iter().filter_map(|name| self.catalog().tables.get(name));
        tables.filter(|table| table.kind == TableKind::Table).collect()
    }

    /// Runs the statement once more, with these triggers, and takes it back.
    fn again(
        &self,
        triggers: &[String],
        deferred: bool,
        judge: impl FnOnce(&Noted) -> Option<Error>,
    ) -> Again {
        let connection = &self.link.connection;
        let was_deferred = deferring(connection);
        if triggers.is_empty() || execute(connection, own!("SAVEPOINT _eider_culprit")).is_err() {
            return Again::Unknown;
        }
        let mut prepared = triggers.iter().all(|sql| connection.execute_batch(sql).is_ok());
        if prepared && deferred {
            prepared = connection.pragma_update(None, "defer_foreign_keys", true).is_ok();
        }
        let mut ran = Again::Unknown;
        if prepared {
            self.link.notes.watch();
            let rewound = self.link.sequences.rewind();
            let (result, stopped) = self.run();
            self.link.sequences.forward(rewound);
            let noted = self.link.notes.take();
            ran = match (result, stopped) {
                (Err(_), Some(reason)) => Again::Stopped(reason),
                (Ok(()), _) if deferred => {
                    let found = judge(&noted);
                    Again::Ran(noted, found)
                }
                (Err(_), _) if !deferred => Again::Ran(noted, None),
                // It has other results each time.
                _ => Again::Unknown,
            };
        }
        if connection.is_autocommit() {
            return ran;
        }
        let undone = execute(connection, own!("ROLLBACK TO _eider_culprit"))
            .and_then(|()| execute(connection, own!("RELEASE _eider_culprit")))
            .and_then(|()| {
                if deferred {
                    connection.pragma_update(None, "defer_foreign_keys", was_deferred)?;
                }
                Ok(())
            });
        // What can't be taken back must not be kept.
        if undone.is_err() && execute(connection, own!("ROLLBACK")).is_err() {
            return Again::Stopped(Error::internal("a statement can't be taken back"));
        }
        ran
    }

    fn run(&self) -> (Result<(), Stop>, Option<Error>) {
        let link = self.link;
        link.guard.lower(Dialect::Postgres);
        link.watch.arm(self.control);
        let result = run::run(link, Dialect::Postgres, self.statement, &mut Discard);
        let stopped = link.watch.disarm();
        link.guard.lift();
        link.guard.take_denial();
        crate::sqlite::errors::forget_function_error();
        (result.map(drop), stopped)
    }

    /// The first of the noted keys that still has no other side.
    fn broken_key(&self, keys: &[ForeignKey<'_>], noted: &Noted) -> Option<Error> {
        let known = |oid: Oid| keys.iter().find(|key| key.constraint.oid == oid);
        let connection = &self.link.connection;
        let broken = |(oid, side, values): &(Oid, Side, Vec<Value>)| {
            let key = known(*oid)?;
            let there = key.referencing_exists(connection, values);
            let here = key.referenced_exists(connection, values);
            (there && !here).then(|| key.error(*side, values))
        };
        noted.keys.iter().find_map(broken).or_else(|| {
            // RESTRICT looks at once, and minds what is mended later.
            let restricted = noted.keys.iter().find(|(_, side, _)| *side == Side::Referenced);
            let (oid, side, values) = restricted?;
            Some(known(*oid)?.error(*side, values))
        })
    }
}

/// What came of running a statement again.
enum Again {
    Ran(Noted, Option<Error>),
    /// It had to stop; SQLite may have lost the transaction.
    Stopped(Error),
    Unknown,
}

/// The error of a commit that broken references refuse. `before` sees the database as it was before
/// the transaction.
pub(crate) fn refused_commit(
    link: &Link,
    before: &Connection,
    contents: &Contents,
    broken: &Broken<'_>,
) -> Error {
    let control = Control { deadline: Some(deadline()), ..Control::default() };
    link.watch.arm(&control);
    let all = deferring(&link.connection);
    let keys = foreign_keys(contents.catalog());
    let found = keys
        .iter()
        .filter(|key| all || key.constraint.initially_deferred)
        .find_map(|key| Some((key, key.first_broken(&link.connection)?)));
    link.watch.disarm();
    match found {
        Some((key, values)) => {
            let was_there = key.referenced_exists(before, &values);
            key.error(if was_there { Side::Referenced } else { Side::Referencing }, &values)
        }
        None => broken.error(),
    }
}

fn deadline() -> Instant {
    clock::now().plus(SEARCH_TIME)
}

/// Whether all foreign keys are deferred for this transaction.
fn deferring(connection: &Connection) -> bool {
    connection.pragma_query_value(None, "defer_foreign_keys", |row| row.get(0)).unwrap_or_default()
}

/// A name as SQLite needs it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Notes each row before it is checked.
fn row_triggers(place: usize, table: &Table) -> Vec<String> {
    let mut body = String::new();
    for (number, columns) in table.columns.chunks(VALUES_MAX).enumerate() {
        let _ = write!(body, "SELECT _eider_note_row({place}, {number}");
        for column in columns {
            let _ = write!(body, ", NEW.{}", quoted(&column.stored));
        }
        body.push_str("); ");
    }
    let trigger = |event: &str| {
        format!(
            "CREATE TEMP TRIGGER _eider_note_{place}_{event} BEFORE {event} ON main.{} BEGIN {body}END",
            quoted(&table.stored)
        )
    };
    vec![trigger("INSERT"), trigger("UPDATE")]
}

/// A foreign key with both its tables.
struct ForeignKey<'c> {
    table: &'c Table,
    constraint: &'c Constraint,
    foreign: &'c Table,
    /// SQLite's names of the columns.
    columns: Vec<&'c str>,
    foreign_columns: Vec<&'c str>,
}

/// All foreign keys that refer to a table that is there, by OID.
fn foreign_keys(catalog: &Catalog) -> Vec<ForeignKey<'_>> {
    let mut all = Vec::new();
    for table in catalog.tables.values() {
        for constraint in &table.constraints {
            let ConstraintKind::ForeignKey { columns, table: foreign, foreign_columns, .. } =
                &constraint.kind
            else {
                continue;
            };
            let Some(foreign) = catalog.tables.get(foreign) else { continue };
            let stored = |name: &'_ String| foreign.column(name).map(|column| &*column.stored);
            let Some(foreign_columns) = foreign_columns.iter().map(stored).collect() else {
                continue;
            };
            let columns = columns.iter().map(|place| &*table.columns[*place].stored).collect();
            all.push(ForeignKey { table, constraint, foreign, columns, foreign_columns });
        }
    }
    all.sort_unstable_by_key(|key| key.constraint.oid);
    all
}

impl ForeignKey<'_> {
    /// `prefix.a, prefix.b`
    fn list(columns: &[&str], prefix: &str) -> String {
        let named: Vec<String> =
            columns.iter().map(|name| format!("{prefix}{}", quoted(name))).collect();
        named.join(", ")
    }

    /// `a = left.x AND b = left.y`
    fn matches(columns: &[&str], values: &[String]) -> String {
        let pairs = columns.iter().zip(values);
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{} = {value}", quoted(name))).collect();
        pairs.join(" AND ")
    }

    fn values_of(columns: &[&str], row: &str) -> Vec<String> {
        columns.iter().map(|name| format!("{row}.{}", quoted(name))).collect()
    }

    fn trigger(&self, when: &str, condition: &str, side: Side, row: &str) -> String {
        let (table, columns) = match side {
            Side::Referencing => (self.table, &self.columns),
            Side::Referenced => (self.foreign, &self.foreign_columns),
        };
        let event = when.split(' ').nth(1).unwrap_or_default();
        let oid = self.constraint.oid;
        let referenced = i32::from(side == Side::Referenced);
        format!(
            "CREATE TEMP TRIGGER _eider_note_{oid}_{referenced}_{event} {when} ON main.{} \
             WHEN {condition} BEGIN SELECT _eider_note_key({oid}, {referenced}, {}); END",
            quoted(&table.stored),
            Self::list(columns, row),
        )
    }

    /// Notes new references to nothing.
    fn referencing_triggers(&self) -> Vec<String> {
        let values = Self::values_of(&self.columns, "NEW");
        let given: Vec<String> =
            values.iter().map(|value| format!("{value} IS NOT NULL")).collect();
        let condition = format!(
            "{} AND NOT EXISTS (SELECT 1 FROM main.{} WHERE {})",
            given.join(" AND "),
            quoted(&self.foreign.stored),
            Self::matches(&self.foreign_columns, &values)
        );
        ["AFTER INSERT", "AFTER UPDATE"]
            .into_iter()
            .map(|when| self.trigger(when, &condition, Side::Referencing, "NEW."))
            .collect()
    }

    /// Notes keys that go while something refers to them, where that isn't to go too.
    fn referenced_triggers(&self) -> Vec<String> {
        let ConstraintKind::ForeignKey { actions, .. } = &self.constraint.kind else {
            return Vec::new();
        };
        let old = Self::values_of(&self.foreign_columns, "OLD");
        let new = Self::values_of(&self.foreign_columns, "NEW");
        let referenced = format!(
            "EXISTS (SELECT 1 FROM main.{} WHERE {})",
            quoted(&self.table.stored),
            Self::matches(&self.columns, &old)
        );
        let changed: Vec<String> =
            old.iter().zip(&new).map(|(old, new)| format!("{old} IS NOT {new}")).collect();
        let changed = format!("({}) AND {referenced}", changed.join(" OR "));
        let events = [
            (actions.on_delete, "BEFORE DELETE", &referenced),
            (actions.on_update, "BEFORE UPDATE", &changed),
        ];
        events
            .into_iter()
            .filter(|(action, ..)| matches!(action, 'a' | 'r'))
            .map(|(_, when, condition)| self.trigger(when, condition, Side::Referenced, "OLD."))
            .collect()
    }

    fn exists(connection: &Connection, table: &Table, columns: &[&str], values: &[Value]) -> bool {
        let places: Vec<String> = (1..=values.len()).map(|number| format!("?{number}")).collect();
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM main.{} WHERE {})",
            quoted(&table.stored),
            Self::matches(columns, &places)
        );
        let parameters = rusqlite::params_from_iter(values.iter().map(run::Bound));
        connection.query_row(&sql, parameters, |row| row.get(0)).unwrap_or_default()
    }

    fn referencing_exists(&self, connection: &Connection, values: &[Value]) -> bool {
        Self::exists(connection, self.table, &self.columns, values)
    }

    fn referenced_exists(&self, connection: &Connection, values: &[Value]) -> bool {
        Self::exists(connection, self.foreign, &self.foreign_columns, values)
    }

    /// A reference to nothing.
    fn first_broken(&self, connection: &Connection) -> Option<Vec<Value>> {
        let own = Self::values_of(&self.columns, "own");
        let given: Vec<String> = own.iter().map(|value| format!("{value} IS NOT NULL")).collect();
        let sql = format!(
            "SELECT {} FROM main.{} AS own WHERE {} AND NOT EXISTS (SELECT 1 FROM main.{} WHERE {}) LIMIT 1",
            own.join(", "),
            quoted(&self.table.stored),
            given.join(" AND "),
            quoted(&self.foreign.stored),
            Self::matches(&self.foreign_columns, &own)
        );
        let found = connection.query_row(&sql, [], |row| {
            (0..own.len()).map(|at| Ok(run::value(row.get_ref(at)?))).collect()
        });
        // One that can't be looked for isn't found.
        found.ok()
    }

    fn error(&self, side: Side, values: &[Value]) -> Error {
        let key = BrokenKey {
            table: self.table,
            constraint: self.constraint,
            foreign: self.foreign,
            values,
        };
        match side {
            Side::Referencing => key.not_present(),
            Side::Referenced => key.still_referenced(),
        }
    }
}
