//! SQLite statements on their way to the database, and what came of them.

use std::sync::Arc;
use std::time::Duration;

use crate::model::error::Error;
use crate::model::id::SchemaVersion;
use crate::model::value::{ResultColumn, RowBatch, Value};

/// A statement of the PostgreSQL dialect that begins with this runs without foreign keys, triggers and
/// the guard. The compiler alone writes it: for definitions that SQLite's own statements can't express.
pub const UNCHECKED: &str = "/*unchecked*/";

/// A function in a statement that says `true` for a row, given its table and number, that the statement
/// hasn't changed yet, and fails with 21000 for one that it has.
pub const UPDATE_ONCE: &str = "pg_update_once";

/// Which rules a statement runs by. A group commit holds statements of one dialect only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Compiled from PostgreSQL: foreign keys enforced, `"x"` is always an identifier.
    Postgres,
    /// Sent as SQLite SQL over HTTP: foreign keys off unless the node says otherwise, `"x"` may be
    /// a string.
    Sqlite,
}

/// One SQLite statement with its parameters. `sql` may hold several statements separated by `;`
/// only in the SQLite dialect: all run, the last one's result counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub sql: Arc<str>,
    pub parameters: Parameters,
    /// The rows that it changes, if its compiler knows them; `None` says nothing.
    pub touch: Option<Touch>,
}

/// The rows of one table that a statement changes, known before it runs. Nothing else decides what
/// it does: it reads those rows and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    pub table: Arc<str>,
    /// Empty for new rows that no key names: nobody else can mean them.
    pub rows: Vec<RowKey>,
    /// Whether rows may come into being by it, or go.
    pub existence: bool,
    /// Whether its result depends on more than whether the rows exist.
    pub contents: bool,
}

/// Names a row by its table and its primary key. Equal bytes are the same row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowKey(pub Arc<[u8]>);

impl RowKey {
    pub fn new<'a>(table: &str, key: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut bytes = Vec::with_capacity(table.len() + 16);
        let mut put = |tag: u8, content: &[u8]| {
            bytes.push(tag);
            bytes.extend((content.len() as u64).to_le_bytes());
            bytes.extend(content);
        };
        put(0, table.as_bytes());
        for value in key {
            match value {
                Value::Null => put(1, &[]),
                Value::Integer(number) => put(2, &number.to_le_bytes()),
                Value::Real(number) => put(3, &number.to_bits().to_le_bytes()),
                Value::Text(text) => put(4, text.as_bytes()),
                Value::Blob(content) => put(5, content),
            }
        }
        Self(bytes.into())
    }
}

/// Values for a statement's parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameters {
    /// `?`, `?1`, `?2` ...
    Positional(Vec<Value>),
    /// `:name`, `@name` or `$name`; the names here have no prefix. Positional ones come first.
    Named { positional: Vec<Value>, named: Vec<(String, Value)> },
}

impl Statement {
    /// Roughly the memory that it holds, in bytes.
    pub fn size(&self) -> usize {
        let values = match &self.parameters {
            Parameters::Positional(values) => values.iter().map(Value::size).sum(),
            Parameters::Named { positional, named } => {
                let named = named.iter().map(|(name, value)| name.len() + value.size());
                positional.iter().map(Value::size).sum::<usize>() + named.sum::<usize>()
            }
        };
        self.sql.len() + values
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self::Positional(Vec::new())
    }
}

/// How one statement ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    /// Rows that it returned.
    pub rows: u64,
    /// Rows that it inserted, updated or deleted (`sqlite3_changes64`).
    pub rows_affected: u64,
    /// `sqlite3_last_insert_rowid`.
    pub last_insert_id: i64,
    /// Whether SQLite says that it can't write (`sqlite3_stmt_readonly`).
    pub read_only: bool,
    /// What it took of sequences, the one that it used last at the end.
    pub taken: Vec<TakenValue>,
}

/// The last value of a sequence that a statement took, or said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakenValue {
    /// The sequence's stored name.
    pub sequence: String,
    pub value: i64,
    /// Whether it was taken by `nextval`, and not said by `setval` alone.
    pub was_next: bool,
}

/// A statement's whole result, for callers that want it in memory. Bounded by the engine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatementResult {
    pub columns: Vec<ResultColumn>,
    pub rows: RowBatch,
    pub completion: Completion,
    /// What the statement itself took, where that was measured: in a unit.
    pub time: Duration,
}

/// What to do when a statement of a unit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// The whole unit is rolled back, and what comes after the failed statement isn't run.
    Unit,
    /// The failed statement alone is rolled back; the others stand.
    Statement,
}

/// Statements that are run together, in order, with nothing between them, and committed in one
/// log entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    pub dialect: Dialect,
    pub atomicity: Atomicity,
    pub statements: Vec<Statement>,
    /// The schema that the statements were compiled for. If the database has another one by the
    /// time they run, nothing is run and the answer is [`UnitOutcome::SchemaChanged`].
    pub schema: Option<SchemaVersion>,
    /// Names the unit: one of this name is carried out once, however often it is sent, as long as its
    /// answer is remembered.
    pub key: Option<Arc<str>>,
}

/// How a unit ended.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitOutcome {
    /// One result a statement, in order. With [`Atomicity::Unit`] the list ends with the failed
    /// statement, if one failed, and nothing of the unit was kept. If no statement failed, or the
    /// atomicity is by statement, everything that succeeded is committed by a quorum.
    Ran(Vec<Result<StatementResult, Error>>),
    /// Compile the statements again.
    SchemaChanged,
}
