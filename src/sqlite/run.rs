//! Runs a client's statements on a connection: parameters in, rows out.

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Batch, Rows, Statement as Prepared, ToSql};

use crate::model::error::{Error, SqlState};
use crate::model::statement::{Completion, Dialect, Parameters, Statement, UNCHECKED};
use crate::model::value::{ResultColumn, RowBatch, Value};
use crate::sqlite::RowSink;
use crate::sqlite::link::{Link, OWN_MARK};

/// Rows are handed on when they hold about this much memory.
const BATCH_BYTES: usize = 64 << 10;

/// Why a statement ended.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Ours, or the sink's.
    Error(Error),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// A value as rusqlite binds it, without a copy.
pub(crate) struct Bound<'value>(pub(crate) &'value Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A value of SQLite's.
pub(crate) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        // SQLite doesn't check that text is UTF-8.
        ValueRef::Text(bytes) => Value::Text(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(bytes).into_owned(),
        }),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Whether a text may hold more than one statement, or none: it has a `;` before its end, or begins
/// with something else than a word. That may be wrong (a `;` inside a string or a trigger, a comment);
/// it only costs the statement its place in the cache.
pub(crate) fn may_be_several(sql: &str) -> bool {
    let trimmed = sql.trim();
    !trimmed.starts_with(|first: char| first.is_ascii_alphabetic() || first == '(')
        || trimmed.trim_end_matches(';').contains(';')
}

pub(crate) fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether running it can't change anything.
pub(crate) fn reads_only(prepared: &Prepared<'_>) -> bool {
    prepared.readonly() || prepared.is_explain() != 0
}

/// Makes sure that a client's text isn't the text of one of our own statements.
pub(crate) fn not_own(sql: &str) -> std::borrow::Cow<'_, str> {
    if sql.starts_with(OWN_MARK) {
        return format!("/**/{sql}").into();
    }
    sql.into()
}

/// Runs a text of one or more statements. The last one's result goes to the sink.
pub(crate) fn run(
    link: &Link,
    dialect: Dialect,
    statement: &Statement,
    sink: &mut dyn RowSink,
) -> Result<Completion, Stop> {
    if dialect == Dialect::Sqlite && may_be_several(&statement.sql) {
        return run_several(link, statement, sink);
    }
    let mut prepared = link.connection.prepare_cached(&not_own(&statement.sql))?;
    bind(&mut prepared, &statement.parameters)?;
    step_all(link, &mut prepared, sink)
}

/// Runs each statement of a text. All but the last lose their rows.
fn run_several(
    link: &Link,
    statement: &Statement,
    sink: &mut dyn RowSink,
) -> Result<Completion, Stop> {
    let sql = not_own(&statement.sql);
    let mut batch = Batch::new(&link.connection, &sql);
    let mut completion = Completion { read_only: true, ..Completion::default() };
    let mut read_only = true;
    let mut held: Option<Held> = None;
    let mut used = 0;
    while let Some(mut prepared) = batch.next()? {
        let mut collector = Held::default();
        bind_rest(&mut prepared, &statement.parameters, &mut used)?;
        completion = step_all(link, &mut prepared, &mut collector)?;
        link.forget_names();
        read_only &= completion.read_only;
        held = Some(collector);
    }
    if let Some(held) = held {
        if let Some(columns) = held.columns {
            sink.columns(columns);
        }
        for batch in held.batches {
            sink.push(batch)?;
        }
    }
    completion.read_only = read_only;
    Ok(completion)
}

/// Holds a result until it is known whether it is the last one.
#[derive(Default)]
struct Held {
    columns: Option<Vec<ResultColumn>>,
    batches: Vec<RowBatch>,
    bytes: usize,
}

/// A result inside a text of several statements is held in memory, so it has a limit.
const HELD_BYTES_MAX: usize = 64 << 20;

impl RowSink for Held {
    fn columns(&mut self, columns: Vec<ResultColumn>) {
        self.columns = Some(columns);
    }

    fn push(&mut self, batch: RowBatch) -> Result<(), Error> {
        self.bytes += batch.values.iter().map(Value::size).sum::<usize>();
        if self.bytes > HELD_BYTES_MAX {
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "the result of a text with several statements is too large; send its query alone",
            ));
        }
        self.batches.push(batch);
        Ok(())
    }
}

/// A sink for statements whose rows nobody wants.
#[derive(Debug)]
pub(crate) struct Discard;

impl RowSink for Discard {
    fn columns(&mut self, _columns: Vec<ResultColumn>) {}

    fn push(&mut self, _batch: RowBatch) -> Result<(), Error> {
        Ok(())
    }
}

/// Runs a text of several statements that only read. The last one's result goes to the sink.
pub(crate) fn read_several(
    link: &Link,
    statement: &Statement,
    sink: &mut dyn RowSink,
) -> Result<Completion, Stop> {
    let sql = not_own(&statement.sql);
    let mut batch = Batch::new(&link.connection, &sql);
    let mut used = 0;
    let mut next = batch.next()?;
    while let Some(mut prepared) = next {
        if !reads_only(&prepared) {
            return Err(only_reads());
        }
        bind_rest(&mut prepared, &statement.parameters, &mut used)?;
        next = batch.next()?;
        if next.is_none() {
            return step_all(link, &mut prepared, sink);
        }
        step_all(link, &mut prepared, &mut Discard)?;
        link.forget_names();
    }
    Ok(Completion { read_only: true, ..Completion::default() })
}

/// HTTP clients match on this text.
pub(crate) fn only_reads() -> Stop {
    Stop::Error(Error::user(
        SqlState::READ_ONLY_SQL_TRANSACTION,
        "attempt to change database via query operation",
    ))
}

/// Binds a statement's parameters.
pub(crate) fn bind(prepared: &mut Prepared<'_>, parameters: &Parameters) -> Result<(), Stop> {
    bind_rest(prepared, parameters, &mut 0)
}

/// Binds the parameters of a statement of several, which take the positional ones from left to right:
/// `used` of them are others'.
fn bind_rest(
    prepared: &mut Prepared<'_>,
    parameters: &Parameters,
    used: &mut usize,
) -> Result<(), Stop> {
    prepared.clear_bindings();
    let wanted = prepared.parameter_count();
    let (Parameters::Positional(positional) | Parameters::Named { positional, .. }) = parameters;
    let rest = positional.get(*used..).unwrap_or_default();
    match parameters {
        Parameters::Named { named, .. } if !named.is_empty() => {
            let mut next = rest.iter();
            for index in 1..=wanted {
                let name = prepared.parameter_name(index);
                let by_name = name.and_then(|name| {
                    let bare = name.get(1..).unwrap_or_default();
                    named.iter().find(|(known, _)| known == bare).map(|(_, value)| value)
                });
                let by_position =
                    if name.is_none_or(|name| name.starts_with('?')) { next.next() } else { None };
                let Some(value) = by_name.or(by_position) else {
                    return Err(missing(wanted, rest.len() + named.len()));
                };
                prepared.raw_bind_parameter(index, Bound(value))?;
            }
            *used += rest.len() - next.len();
            Ok(())
        }
        _ => {
            *used += wanted;
            bind_positional(prepared, rest, wanted)
        }
    }
}

fn bind_positional(
    prepared: &mut Prepared<'_>,
    values: &[Value],
    wanted: usize,
) -> Result<(), Stop> {
    if values.len() < wanted {
        return Err(missing(wanted, values.len()));
    }
    for (at, value) in values.iter().take(wanted).enumerate() {
        prepared.raw_bind_parameter(at + 1, Bound(value))?;
    }
    Ok(())
}

/// HTTP clients match on this text.
fn missing(wanted: usize, got: usize) -> Stop {
    Stop::Error(Error::user(
        SqlState::UNDEFINED_PARAMETER,
        format!("not enough args to execute query: want {wanted} got {got}"),
    ))
}

/// What SQLite says about the result's columns.
pub(crate) fn result_columns(prepared: &Prepared<'_>) -> Vec<ResultColumn> {
    let tables = prepared.columns_with_metadata();
    let columns = prepared.columns();
    columns
        .into_iter()
        .zip(tables)
        .map(|(column, origin)| ResultColumn {
            name: column.name().to_owned(),
            declared_type: column.decl_type().map(str::to_owned),
            table: origin.table_name().map(str::to_owned),
        })
        .collect()
}

/// Steps a bound statement to its end.
pub(crate) fn step_all(
    link: &Link,
    prepared: &mut Prepared<'_>,
    sink: &mut dyn RowSink,
) -> Result<Completion, Stop> {
    match step(link, prepared, sink, |_, _| true)? {
        Ok(completion) => Ok(completion.unwrap_or_default()),
        Err(first) => Err(first.into()),
    }
}

/// As `step_all`, but asks after the first step, before anything goes to the sink, whether to go on; it says
/// whether that step has given a row.
/// `None` if not, or if that step fails; the statement must be read-only then.
pub(crate) fn step_if(
    link: &Link,
    prepared: &mut Prepared<'_>,
    sink: &mut dyn RowSink,
    go_on: impl Fn(&Prepared<'_>, bool) -> bool,
) -> Result<Option<Completion>, Stop> {
    Ok(step(link, prepared, sink, go_on)?.unwrap_or(None))
}

/// The inner error is that of the first step.
fn step(
    link: &Link,
    prepared: &mut Prepared<'_>,
    sink: &mut dyn RowSink,
    go_on: impl Fn(&Prepared<'_>, bool) -> bool,
) -> Result<Result<Option<Completion>, rusqlite::Error>, Stop> {
    let before = link.connection.total_changes();
    let mut rows_seen = 0;
    let mut rows = prepared.raw_query();
    let mut announced = false;
    let first = match rows.next() {
        Ok(first) => first,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(row) = first {
        let first: &Prepared<'_> = row.as_ref();
        if !go_on(first, true) {
            return Ok(Ok(None));
        }
        sink.columns(result_columns(first));
        announced = true;
        let width = first.column_count();
        let mut batch = Batcher::new(width, sink);
        batch.add(row)?;
        let rest = drain(&mut rows, &mut batch);
        if rest.is_err() {
            // Why the rows stop says more than that nobody wants them.
            let _ = batch.flush();
        }
        rows_seen = 1 + rest?;
        batch.flush()?;
    }
    drop(rows);
    if let Some(changes) = &link.changes {
        changes.name_columns(&link.connection)?;
    }
    if !announced && !go_on(prepared, false) {
        return Ok(Ok(None));
    }
    Ok(Ok(Some(finish(link, prepared, sink, announced.then_some(rows_seen), before))))
}

/// Takes the rows after the first.
pub(crate) fn drain(rows: &mut Rows<'_>, batch: &mut Batcher<'_>) -> Result<u64, Stop> {
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        batch.add(row)?;
        seen += 1;
    }
    Ok(seen)
}

fn finish(
    link: &Link,
    prepared: &Prepared<'_>,
    sink: &mut dyn RowSink,
    rows: Option<u64>,
    changes_before: u64,
) -> Completion {
    if rows.is_none() && prepared.column_count() > 0 {
        sink.columns(result_columns(prepared));
    }
    let read_only = reads_only(prepared);
    // sqlite3_changes keeps its value over statements that don't change rows.
    let changed = !read_only && link.connection.total_changes() != changes_before;
    Completion {
        rows: rows.unwrap_or(0),
        rows_affected: if changed { link.connection.changes() } else { 0 },
        last_insert_id: link.connection.last_insert_rowid(),
        read_only,
        taken: Vec::new(),
    }
}

/// Collects rows into batches for a sink.
pub(crate) struct Batcher<'sink> {
    batch: RowBatch,
    bytes: usize,
    sink: &'sink mut dyn RowSink,
}

impl<'sink> Batcher<'sink> {
    pub(crate) fn new(width: usize, sink: &'sink mut dyn RowSink) -> Self {
        Self { batch: RowBatch { width, ..RowBatch::default() }, bytes: 0, sink }
    }

    pub(crate) fn add(&mut self, row: &rusqlite::Row<'_>) -> Result<(), Stop> {
        for at in 0..self.batch.width {
            let value = value(row.get_ref(at)?);
            self.bytes += value.size();
            self.batch.values.push(value);
        }
        self.batch.rows += 1;
        if self.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        if self.batch.rows > 0 {
            let empty = RowBatch { width: self.batch.width, ..RowBatch::default() };
            self.bytes = 0;
            self.sink.push(std::mem::replace(&mut self.batch, empty))?;
        }
        Ok(())
    }
}
/// Whether a text names a system table or a function over them. A text that merely has such a name in
/// a string pays for it with a look at the schema version.
pub(crate) fn reads_system_tables(sql: &str) -> bool {
    sql.contains(crate::catalog::PREFIX)
}

/// Whether a statement of the PostgreSQL compiler changes what the catalog is made from: it writes
/// to one of Eider's own tables. A sequence's state and captured changes are not part of the catalog.
///
/// The compiler alone writes to those tables, and always as one plain statement whose target stands
/// first, in double quotes.
pub(super) fn writes_catalog(sql: &str) -> bool {
    let target = ["INSERT INTO ", "UPDATE ", "DELETE FROM "]
        .iter()
        .find_map(|verb| sql.strip_prefix(verb))
        .unwrap_or_default();
    let sequence_state =
        sql.starts_with("UPDATE \"_eider_sequence\"") && sql.contains("last_value");
    let changes = target.starts_with("\"_eider_change");
    let definition =
        sql.strip_prefix(UNCHECKED).is_some_and(|sql| sql.starts_with("UPDATE \"sqlite_schema\""));
    definition || target.starts_with("\"_eider_") && !sequence_state && !changes
}
