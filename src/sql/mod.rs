//! PostgreSQL text in, SQLite program out. Pure: no I/O, no async, no clock. The only home of
//! sqlparser.
//!
//! The path of a statement: [`parse`] (text to our syntax tree, `ast`), `bind` (names to catalog
//! objects, expressions to types, with the rules of `types`; the result is the `bound` tree),
//! `lower` (to SQLite's tree, `lite`), `render` (to text). `ddl` does the same for definitions, which
//! change SQLite's schema and Eider's own catalog tables together. `compile` joins them.

mod ast;
mod bind;
mod bound;
mod code;
mod compile;
mod ddl;
mod deparse;
mod lite;
mod lower;
mod parser;
mod render;
mod touch;
mod types;

pub use crate::pgdata::{FIRST_OWN_OID, type_label};
pub use code::{
    Block, CALLED, Called, Caught, CodeStep, Diagnostic, Execute, FOUND, Handler, Loop, LoopKind,
    Message, Names, ParameterName, Placed, Returned, Returns, Routine, Sentence, Target, Targets,
    Variable, VariableKind, Visible, conversion, executed,
};

use std::sync::Arc;

use bytes::BytesMut;

use crate::datum::encoding::Encoding;
use crate::datum::form::Form;
use crate::datum::{self, Style, frame};
use crate::model::advisory::{AdvisoryMode, AdvisoryScope};
use crate::model::catalog::Catalog;
use crate::model::error::Error;
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;

pub use deparse::Deparser;

/// One statement of a text, parsed but not bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    statement: ast::Statement,
    parameters: usize,
    /// What the routine that it is in calls them.
    names: Arc<Names>,
}

/// Splits a text into statements and parses them. An empty text gives no statement.
///
/// # Errors
/// 42601 `syntax error at or near "x"` with its position.
pub fn parse(text: &str) -> Result<Vec<Parsed>, Error> {
    let statements = parser::parse_text(text)?;
    Ok(statements
        .into_iter()
        .map(|parsed| Parsed {
            statement: parsed.statement,
            parameters: parsed.parameters,
            names: Arc::default(),
        })
        .collect())
}

impl Parsed {
    /// Whether it may run in a failed transaction (ROLLBACK, COMMIT, ROLLBACK TO).
    pub fn ends_transaction(&self) -> bool {
        matches!(
            self.statement,
            ast::Statement::Commit { .. }
                | ast::Statement::Rollback { .. }
                | ast::Statement::RollbackTo(_)
        )
    }
    /// Whether it makes a temporary object, if it is carried out.
    pub fn makes_temporary(&self) -> bool {
        let ast::Statement::Define(definition) = &self.statement else { return false };
        definition.makes_temporary()
    }
    /// The number of parameters (`$1` ...) it uses.
    pub fn parameter_count(&self) -> usize {
        self.parameters
    }
}

/// What of the session's state decides how a statement is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CompileSettings {
    pub search_path: Vec<String>,
    /// The role in force, `current_user`.
    pub user: String,
    pub session_user: String,
    /// The schema of the session's temporary objects.
    pub temporary_schema: String,
    /// Whether the session has made any; else what is in that schema is of a session before.
    pub temporary_used: bool,
    pub database: String,
    pub time_zone: String,
    /// How values become text, and text values.
    pub style: Style,
}

impl CompileSettings {
    /// Those of a session that has set nothing, of one that has made nothing temporary either.
    pub fn new(user: &str, database: &str) -> Self {
        Self {
            search_path: vec!["public".to_owned()],
            user: user.to_owned(),
            session_user: user.to_owned(),
            temporary_schema: String::new(),
            temporary_used: false,
            database: database.to_owned(),
            time_zone: "UTC".to_owned(),
            style: Style::default(),
        }
    }
}

/// Compiles one statement. `parameter_types` are the OIDs that the client gave; 0 or missing ones are inferred.
///
/// # Errors
/// PostgreSQL's, with positions: 42P01, 42703, 42883, 42804, 42P18 ...; 0A000 for what is valid but not supported.
pub fn compile(
    statement: &Parsed,
    catalog: &Catalog,
    settings: &CompileSettings,
    parameter_types: &[Oid],
) -> Result<Compiled, Error> {
    compile::compile(statement, catalog, settings, parameter_types)
}

/// The arguments of an EXECUTE, for parameters of these types: a query of one row in stored form;
/// `None` if there are none.
///
/// # Errors
/// 42601 for a wrong number of them, 42804 for one of another type.
pub fn execute_arguments(
    execute: &Parsed,
    catalog: &Catalog,
    settings: &CompileSettings,
    types: &[PgType],
) -> Result<Option<Program>, Error> {
    compile::execute_arguments(execute, catalog, settings, types)
}

/// Drops all temporary objects of a session; `None` if it has none.
///
/// # Errors
/// None that a client has made.
pub fn drop_temporary(
    catalog: &Catalog,
    settings: &CompileSettings,
) -> Result<Option<Compiled>, Error> {
    compile::drop_temporary(catalog, settings)
}

/// What temporary tables say is done at COMMIT; `None` if they say nothing.
///
/// # Errors
/// None that a client has made.
pub fn commit_temporary(
    catalog: &Catalog,
    settings: &CompileSettings,
) -> Result<Option<Compiled>, Error> {
    compile::commit_temporary(catalog, settings)
}

/// A compiled statement.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The parameters' types, all known.
    pub parameters: Vec<PgType>,
    /// By parameter, as [`OutputColumn::form`]; empty if all types are PostgreSQL's own.
    pub parameter_forms: Vec<Option<Arc<Form>>>,
    /// The result's columns; empty for statements that return no rows.
    pub columns: Vec<OutputColumn>,
    /// Whether rows are returned at all (a SELECT may have no column).
    pub returns_rows: bool,
    pub action: Action,
    /// Functions that are carried out before it, in their order.
    pub calls: Vec<Called>,
    /// Told to the client when the statement has run.
    pub notices: Vec<Error>,
}

/// A column of the result, as RowDescription needs it.
#[derive(Debug, Clone)]
pub struct OutputColumn {
    pub name: String,
    pub data_type: PgType,
    /// How its values are read and written, where the type isn't PostgreSQL's own.
    pub form: Option<Arc<Form>>,
    /// The table column that it is, if it is one; else 0.
    pub table_oid: Oid,
    /// See `table_oid`.
    pub attribute_number: i16,
}

// A form follows from the type; that an enum has got another label makes no other column.
impl PartialEq for OutputColumn {
    fn eq(&self, other: &Self) -> bool {
        let seen = |column: &Self| (column.data_type, column.table_oid, column.attribute_number);
        self.name == other.name && seen(self) == seen(other)
    }
}

impl Eq for OutputColumn {}

/// What the session does with a compiled statement.
#[derive(Debug, Clone)]
pub enum Action {
    /// Reads only.
    Query {
        program: Program,
        /// FOR UPDATE and the like: take the write slot first.
        locking: Option<LockWait>,
        /// It reads nothing, so that PostgreSQL has computed it before it describes its rows.
        constant: bool,
    },
    /// Writes. All steps run in one transaction; the last one marked `result` gives the rows and
    /// the count.
    Write {
        steps: Vec<Step>,
        tag: WriteTag,
        changes_catalog: bool,
        /// All that it changes are rows of the session's temporary tables.
        temporary: bool,
    },
    /// `tag`: BEGIN or START TRANSACTION, as the client wrote it.
    Begin {
        modes: TransactionModes,
        tag: &'static str,
    },
    /// `chain`: another transaction of the same kind begins at once.
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(String),
    RollbackTo(String),
    Release(String),
    /// SET TRANSACTION, SET SESSION CHARACTERISTICS.
    SetTransaction {
        session: bool,
        modes: TransactionModes,
    },
    Set {
        name: String,
        value: SettingValue,
        local: bool,
    },
    Show {
        name: String,
    },
    /// RESET name, or all.
    Reset {
        name: Option<String>,
    },
    Discard(Discard),
    /// SET CONSTRAINTS: from now on to the transaction's end.
    SetConstraints(SetConstraints),
    /// A query whose select list has `set_config`: `arguments` gives the name, the value and whether it is
    /// local, for each call of each row; then the query gives what the client sees.
    SetConfig {
        arguments: Program,
        program: Program,
    },
    /// LOCK TABLE.
    Lock {
        /// Whether others must not write: takes the write slot.
        exclusive: bool,
        wait: LockWait,
        /// What to say of a table that isn't there, if this is in a block at all.
        missing: Option<Error>,
    },
    Explain {
        options: ExplainOptions,
        statement: Box<Compiled>,
    },
    /// EXPLAIN EXECUTE: the prepared statement is the session's.
    ExplainExecute {
        options: ExplainOptions,
        name: String,
        execute: Box<Parsed>,
    },
    CopyFrom(CopyFrom),
    CopyTo(CopyTo),
    CreateDatabase {
        name: String,
        if_not_exists: bool,
    },
    DropDatabase {
        name: String,
        if_exists: bool,
        force: bool,
    },
    /// VACUUM, ANALYZE, CHECKPOINT: SQLite's own, run outside a transaction block.
    Maintenance {
        sql: Vec<Arc<str>>,
        tag: &'static str,
    },
    /// PREPARE name AS statement.
    Prepare {
        name: String,
        statement: Box<Parsed>,
        parameter_types: Vec<Oid>,
        /// All that the client sent.
        text: String,
    },
    /// EXECUTE name: [`execute_arguments`] has the arguments.
    Execute {
        name: String,
        execute: Box<Parsed>,
    },
    Deallocate {
        name: Option<String>,
    },
    Declare {
        name: String,
        query: Box<Parsed>,
        options: CursorOptions,
    },
    Fetch {
        name: String,
        count: FetchCount,
        move_only: bool,
    },
    CloseCursor {
        name: Option<String>,
    },
    /// A query of which some columns ask the session for something.
    SessionCalls {
        program: Program,
        calls: Vec<SessionCall>,
    },
    Listen(String),
    /// UNLISTEN name, or all.
    Unlisten(Option<String>),
    /// DO: the session carries it out.
    Do(Arc<Routine>),
    /// CALL: likewise, with the row that the query gives as its arguments.
    Call {
        routine: Arc<Routine>,
        arguments: Option<Program>,
    },
    /// Accepted with a NOTICE, WARNING or nothing: the tag says what PostgreSQL answers.
    Nothing {
        tag: &'static str,
        notice: Option<Error>,
    },
}

/// A column whose value in each row names an advisory lock or another session, and what is done with that.
/// What comes of it is what the client sees in the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCall {
    pub column: usize,
    pub act: SessionAct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAct {
    Advisory(AdvisoryAct),
    Signal(Signal),
}

/// What is done to another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `pg_cancel_backend`
    Cancel,
    /// `pg_terminate_backend`
    Terminate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdvisoryAct {
    Lock { mode: AdvisoryMode, scope: AdvisoryScope, wait: bool },
    Unlock(AdvisoryMode),
    UnlockAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchCount {
    /// Rows after the present one; 0 is the present one again.
    Forward(u64),
    ForwardAll,
    Backward(u64),
    BackwardAll,
    /// From the start (1 is the first row) or, negative, from the end.
    Absolute(i64),
    Relative(i64),
}

/// What DECLARE says about a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CursorOptions {
    /// Rows are sent in binary.
    pub binary: bool,
    /// `None` where it isn't said.
    pub scroll: Option<bool>,
    /// WITH HOLD.
    pub hold: bool,
}

/// What a DISCARD discards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    All,
    Plans,
    Sequences,
    Temporary,
}

/// EXPLAIN's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExplainOptions {
    pub analyze: bool,
    pub format: ExplainFormat,
    /// SUMMARY; `None` follows ANALYZE.
    pub summary: Option<bool>,
    pub timing: Option<bool>,
    pub costs: Option<bool>,
    pub verbose: bool,
    pub wal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExplainFormat {
    #[default]
    Text,
    Json,
    Xml,
    Yaml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockWait {
    Wait,
    NoWait,
    /// Rows that others have locked are passed over.
    SkipLocked,
}

/// A SQLite statement and where its parameters come from.
#[derive(Debug, Clone)]
pub struct Program {
    pub sql: Arc<str>,
    /// SQLite's parameter `?n` is given by entry n-1.
    pub arguments: Vec<Argument>,
    /// The rows that it changes, if they are known before it runs.
    pub touches: Option<Arc<Touches>>,
}

/// What a program changes, by its parameters: see [`crate::model::statement::Touch`].
#[derive(Debug, Clone, PartialEq)]
pub struct Touches {
    pub table: Arc<str>,
    /// The primary key of each row.
    pub rows: Vec<Vec<KeyPart>>,
    pub existence: bool,
    pub contents: bool,
}

/// The value of a column of a primary key.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyPart {
    /// `$n`, from 1.
    Parameter(usize),
    Constant(Value),
}

impl Program {
    /// The program that shows SQLite's plan for this one.
    #[must_use]
    pub fn explained(&self) -> Self {
        Self {
            sql: format!("EXPLAIN QUERY PLAN {}", self.sql).into(),
            arguments: self.arguments.clone(),
            touches: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Argument {
    /// `$n`, from 1: the client's value in its stored form.
    Parameter(usize),
    /// The same as the offset of a window's frame.
    FrameOffset { parameter: usize, rule: frame::Rule },
    /// The start of the transaction (`now()`), as a stored timestamptz.
    TransactionTime,
    /// The start of the statement.
    StatementTime,
    /// A session fact, by its setting's name: `TimeZone`, `search_path`, `application_name` ...
    Setting(String),
    /// All of them: a JSON object.
    Settings,
    /// All of them, as they were before the statement changed one.
    SettingsBefore,
    /// The schemas that names are looked up in, as `catalog::SearchPath` writes them.
    SearchPath,
    /// The backend's process id.
    BackendPid,
    /// A number that no other transaction has.
    TransactionNumber,
    /// A system relation that the session knows, by its name: a JSON array of rows, each an array of
    /// stored values.
    Relation(&'static str),
    /// The value that the session took last of the sequence with this stored name; `None`: of any.
    TakenValue(Option<String>),
    /// All that it took: a JSON object by the sequences' stored names.
    TakenValues,
    /// The rows of the earlier step, or from [`CALLED`] on of the function, that feeds this number: a JSON
    /// array of arrays.
    Rows(usize),
}

/// One step of a write.
#[derive(Debug, Clone)]
pub struct Step {
    pub program: Program,
    pub role: StepRole,
    /// If it returns a row, the statement fails with what this says (checks that SQL must make).
    pub must_be_empty: Option<Unwanted>,
}

/// The error of a step that returned a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Unwanted {
    pub error: Error,
    /// A detail that names the row's values: what stands before them, their types, what stands after.
    pub values: Option<(String, Vec<PgType>, String)>,
}

impl Unwanted {
    /// The error for the row that was found.
    pub fn about(&self, row: &[Value], style: &Style) -> Error {
        let Some((before, types, after)) = &self.values else { return self.error.clone() };
        let mut shown = BytesMut::from(before.as_bytes());
        for (place, (value, data_type)) in row.iter().zip(types).enumerate() {
            if place > 0 {
                shown.extend_from_slice(b", ");
            }
            // A value that can't be shown is left out: the error is about something else.
            let put = match value {
                Value::Null => Err(()),
                value => datum::to_text(*data_type, value, style, &mut shown).map_err(drop),
            };
            if put.is_err() {
                shown.extend_from_slice(b"null");
            }
        }
        shown.extend_from_slice(after.as_bytes());
        self.error.clone().with_detail(String::from_utf8_lossy(&shown))
    }
}

impl From<Error> for Unwanted {
    fn from(error: Error) -> Self {
        Self { error, values: None }
    }
}

/// SQLite's pragma that defers all foreign keys to the transaction's end.
pub const DEFER_FOREIGN_KEYS: &str = "defer_foreign_keys";

/// SET CONSTRAINTS.
#[derive(Debug, Clone)]
pub struct SetConstraints {
    pub deferred: bool,
    /// Whether one of them is checked at once by default. SQLite defers all foreign keys, or those
    /// that always are.
    pub changes_default: bool,
    /// IMMEDIATE: what is looked for at once.
    pub checks: Vec<Step>,
}

/// What becomes of a step's rows and its count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepRole {
    #[default]
    Nothing,
    /// Both are the statement's.
    Result,
    Rows,
    /// The counts of all such steps together are the statement's.
    Count,
    /// The rows are for later steps: [`Argument::Rows`] of this number.
    Feeds(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTag {
    /// `INSERT 0 n`
    Insert,
    Update,
    Delete,
    Merge,
    /// `SELECT n` (CREATE TABLE AS)
    Select,
    /// `SELECT n`: a query that notifies. It changes nothing.
    Notifying,
    Notify,
    /// No count: `CREATE TABLE` ...
    Plain(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransactionModes {
    pub isolation: Option<Isolation>,
    pub read_only: Option<bool>,
    pub deferrable: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Does what READ COMMITTED does, and is shown as what it was called.
    ReadUncommitted,
    #[default]
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

impl Isolation {
    /// Whether each statement sees what was committed before it.
    pub fn is_read_committed(self) -> bool {
        matches!(self, Self::ReadUncommitted | Self::ReadCommitted)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    Default,
    /// As SHOW would give it back: list items joined with `, `.
    Text(String),
}

#[derive(Debug, Clone)]
pub struct CopyFrom {
    pub options: CopyOptions,
    /// The columns' types, in the order of the data.
    pub columns: Vec<OutputColumn>,
    /// Run for each row, whose values are the parameters.
    pub insert: Program,
    /// Whether the table is a temporary one.
    pub temporary: bool,
}

#[derive(Debug, Clone)]
pub struct CopyTo {
    pub options: CopyOptions,
    pub query: Program,
    pub columns: Vec<OutputColumn>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    pub format: CopyFormat,
    pub delimiter: u8,
    pub null: String,
    pub header: CopyHeader,
    pub quote: u8,
    pub escape: u8,
    pub force: ForcedColumns,
    /// Of text and csv, where the statement says one.
    pub encoding: Option<&'static Encoding>,
    /// The table, as errors in its data name it.
    pub relation: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CopyHeader {
    #[default]
    None,
    /// A first line with the columns' names; read, it is passed over.
    Line,
    /// The line must have the columns' names.
    Match,
}

/// Places of the columns that FORCE_QUOTE, FORCE_NOT_NULL and FORCE_NULL name, in the data's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForcedColumns {
    pub quote: Vec<usize>,
    pub not_null: Vec<usize>,
    pub null: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    Binary,
}
