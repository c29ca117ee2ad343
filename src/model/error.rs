//! Every way a request can fail, and what each means for the client and for the node.
//!
//! | class | example | SQLSTATE | HTTP | node |
//! |---|---|---|---|---|
//! | `User` | syntax, type, constraint | 42601, 42804, 23505 | 200 with an error item, or 400 | goes on |
//! | `Refused` | valid PostgreSQL that we don't do | 0A000 | 400 | goes on |
//! | `Limit` | too many, too large, too long | 53300, 54000, 57014 | 429 / 413 / 408 | goes on |
//! | `Retry` | no leader, not yet proposed, conflict | 40001, 57P03, 55P03 | 503 | goes on |
//! | `Unknown` | leadership lost after proposing | 08007 | 504 | goes on |
//! | `Internal` | a bug that hurt one request only | XX000 | 500 | goes on |
//!
//! What must stop the node is not an [`Error`] but a [`Fault`].

use std::fmt;

/// A five-character SQLSTATE (PostgreSQL manual, appendix "PostgreSQL Error Codes").
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState(pub [u8; 5]);

macro_rules! sql_states {
    ($($name:ident = $code:literal;)*) => {
        impl SqlState { $(pub const $name: Self = Self(*$code);)* }
    };
}
sql_states! {
    CONNECTION_FAILURE = b"08006";
    TRANSACTION_RESOLUTION_UNKNOWN = b"08007";
    PROTOCOL_VIOLATION = b"08P01";
    FEATURE_NOT_SUPPORTED = b"0A000";
    CARDINALITY_VIOLATION = b"21000";
    STRING_DATA_RIGHT_TRUNCATION = b"22001";
    NUMERIC_VALUE_OUT_OF_RANGE = b"22003";
    NULL_VALUE_NOT_ALLOWED = b"22004";
    INVALID_DATETIME_FORMAT = b"22007";
    DATETIME_FIELD_OVERFLOW = b"22008";
    DIVISION_BY_ZERO = b"22012";
    INVALID_PRECEDING_OR_FOLLOWING_SIZE = b"22013";
    INVALID_ARGUMENT_FOR_NTILE = b"22014";
    INVALID_ARGUMENT_FOR_NTH_VALUE = b"22016";
    CHARACTER_NOT_IN_REPERTOIRE = b"22021";
    INVALID_PARAMETER_VALUE = b"22023";
    INVALID_TEXT_REPRESENTATION = b"22P02";
    INVALID_BINARY_REPRESENTATION = b"22P03";
    BAD_COPY_FILE_FORMAT = b"22P04";
    UNTRANSLATABLE_CHARACTER = b"22P05";
    INVALID_ROW_COUNT_IN_LIMIT_CLAUSE = b"2201W";
    INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE = b"2201X";
    INTEGRITY_CONSTRAINT_VIOLATION = b"23000";
    NOT_NULL_VIOLATION = b"23502";
    FOREIGN_KEY_VIOLATION = b"23503";
    UNIQUE_VIOLATION = b"23505";
    CHECK_VIOLATION = b"23514";
    INVALID_TRANSACTION_STATE = b"25000";
    ACTIVE_SQL_TRANSACTION = b"25001";
    READ_ONLY_SQL_TRANSACTION = b"25006";
    NO_ACTIVE_SQL_TRANSACTION = b"25P01";
    IN_FAILED_SQL_TRANSACTION = b"25P02";
    IDLE_IN_TRANSACTION_SESSION_TIMEOUT = b"25P03";
    INVALID_SQL_STATEMENT_NAME = b"26000";
    INVALID_AUTHORIZATION_SPECIFICATION = b"28000";
    INVALID_PASSWORD = b"28P01";
    DEPENDENT_OBJECTS_STILL_EXIST = b"2BP01";
    INVALID_CURSOR_NAME = b"34000";
    INVALID_SAVEPOINT_SPECIFICATION = b"3B001";
    INVALID_CATALOG_NAME = b"3D000";
    INVALID_SCHEMA_NAME = b"3F000";
    SERIALIZATION_FAILURE = b"40001";
    DEADLOCK_DETECTED = b"40P01";
    INSUFFICIENT_PRIVILEGE = b"42501";
    SYNTAX_ERROR = b"42601";
    INVALID_NAME = b"42602";
    DUPLICATE_COLUMN = b"42701";
    AMBIGUOUS_COLUMN = b"42702";
    UNDEFINED_COLUMN = b"42703";
    UNDEFINED_OBJECT = b"42704";
    DUPLICATE_OBJECT = b"42710";
    DUPLICATE_ALIAS = b"42712";
    AMBIGUOUS_FUNCTION = b"42725";
    GROUPING_ERROR = b"42803";
    DATATYPE_MISMATCH = b"42804";
    WRONG_OBJECT_TYPE = b"42809";
    INVALID_FOREIGN_KEY = b"42830";
    CANNOT_COERCE = b"42846";
    UNDEFINED_FUNCTION = b"42883";
    UNDEFINED_TABLE = b"42P01";
    UNDEFINED_PARAMETER = b"42P02";
    DUPLICATE_CURSOR = b"42P03";
    DUPLICATE_DATABASE = b"42P04";
    DUPLICATE_PREPARED_STATEMENT = b"42P05";
    DUPLICATE_TABLE = b"42P07";
    AMBIGUOUS_PARAMETER = b"42P08";
    INVALID_COLUMN_REFERENCE = b"42P10";
    INVALID_TABLE_DEFINITION = b"42P16";
    INVALID_OBJECT_DEFINITION = b"42P17";
    INDETERMINATE_DATATYPE = b"42P18";
    WINDOWING_ERROR = b"42P20";
    DISK_FULL = b"53100";
    OUT_OF_MEMORY = b"53200";
    TOO_MANY_CONNECTIONS = b"53300";
    PROGRAM_LIMIT_EXCEEDED = b"54000";
    TOO_MANY_COLUMNS = b"54011";
    OBJECT_NOT_IN_PREREQUISITE_STATE = b"55000";
    OBJECT_IN_USE = b"55006";
    CANT_CHANGE_RUNTIME_PARAM = b"55P02";
    LOCK_NOT_AVAILABLE = b"55P03";
    QUERY_CANCELED = b"57014";
    ADMIN_SHUTDOWN = b"57P01";
    CANNOT_CONNECT_NOW = b"57P03";
    DATABASE_DROPPED = b"57P04";
    IO_ERROR = b"58030";
    INTERNAL_ERROR = b"XX000";
    DATA_CORRUPTED = b"XX001";
}

impl SqlState {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an error means for the client; see the table at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    User,
    Refused,
    Limit,
    Retry,
    Unknown,
    Internal,
}

/// Why a request failed, with PostgreSQL's fields ("Error and Notice Message Fields").
///
/// Text in it may be shown to any client: no path, no address, no other client's SQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Error(Box<ErrorFields>);

/// The fields of an [`Error`].
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorFields {
    pub class: Class,
    pub state: SqlState,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// 1-based position in the statement's text, in characters.
    pub position: Option<u32>,
    /// What was being done: `COPY t, line 3`.
    pub context: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub data_type: Option<String>,
    pub constraint: Option<String>,
}

impl Error {
    pub fn new(class: Class, state: SqlState, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorFields {
            class,
            state,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            context: None,
            schema: None,
            table: None,
            column: None,
            data_type: None,
            constraint: None,
        }))
    }

    /// The client's statement is wrong, or breaks a constraint.
    pub fn user(state: SqlState, message: impl Into<String>) -> Self {
        Self::new(Class::User, state, message)
    }

    /// Valid, but not supported here: 0A000.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Class::Refused, SqlState::FEATURE_NOT_SUPPORTED, message)
    }

    pub fn limit(state: SqlState, message: impl Into<String>) -> Self {
        Self::new(Class::Limit, state, message)
    }

    /// Nothing happened; the same request may succeed if it is sent again.
    pub fn retry(state: SqlState, message: impl Into<String>) -> Self {
        Self::new(Class::Retry, state, message)
    }

    /// There is no leader to ask: 57P03. HTTP clients match on this very text.
    pub fn no_leader() -> Self {
        Self::retry(SqlState::CANNOT_CONNECT_NOW, "leader not found")
    }

    /// The transaction could not be serialized, and left nothing behind: 40001.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::retry(SqlState::SERIALIZATION_FAILURE, message)
    }

    /// The outcome of a commit can't be known: 08007.
    pub fn outcome_unknown(message: impl Into<String>) -> Self {
        Self::new(Class::Unknown, SqlState::TRANSACTION_RESOLUTION_UNKNOWN, message)
    }

    /// A bug that hurt this request only: XX000.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Class::Internal, SqlState::INTERNAL_ERROR, message)
    }

    pub fn fields(&self) -> &ErrorFields {
        &self.0
    }

    pub fn fields_mut(&mut self) -> &mut ErrorFields {
        &mut self.0
    }

    pub fn class(&self) -> Class {
        self.0.class
    }

    pub fn state(&self) -> SqlState {
        self.0.state
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn with_context(mut self, context: impl Into<String>) -> Self {
        self.0.context = Some(context.into());
        self
    }

    /// `position` counts characters from 1.
    #[must_use]
    pub fn with_position(mut self, position: u32) -> Self {
        self.0.position = Some(position);
        self
    }

    /// For what was found in a text that isn't the client's statement: a body, a default, EXECUTE's.
    #[must_use]
    pub fn without_position(mut self) -> Self {
        self.0.position = None;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// Something after which going on could lose or falsify data: a failed fsync, a bad checksum, a
/// broken invariant. Only `server` handles one: it logs it and stops the node.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What happened and what to do, for an operator.
    pub message: String,
}

impl Fault {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
