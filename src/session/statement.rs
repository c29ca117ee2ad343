//! Statements: parsed once, compiled for a schema, compiled again when the schema has changed.
//!
//! Simple queries and unnamed statements go through a cache, bounded by count, so that a client
//! that sends the same text again pays for it once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::datum::form::Form;
use crate::engine::StatementKind;
use crate::model::error::{Error, SqlState};
use crate::model::id::SchemaVersion;
use crate::model::pg_type::{Oid, PgType};
use crate::model::statement::{RowKey, Touch};
use crate::model::value::Value;
use crate::session::wall_microseconds;
use crate::sql::{self, Action, CompileSettings, Compiled, KeyPart, OutputColumn, Parsed, Touches};

/// Compiled statements kept for a session, at the most.
const CACHE_ENTRIES_MAX: usize = 256;
/// Longer texts aren't worth keeping, in bytes.
const CACHE_TEXT_BYTES_MAX: usize = 16 * 1024;

/// What a statement's parameters are.
#[derive(Debug, Clone)]
pub struct ParameterTypes {
    pub types: Arc<[PgType]>,
    /// How values are read where the type isn't PostgreSQL's own; may be shorter than `types`.
    pub forms: Arc<[Option<Arc<Form>>]>,
}

/// A statement compiled for one schema and one state of the settings.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) compiled: Compiled,
    pub(crate) columns: Arc<[OutputColumn]>,
    pub(crate) parameters: Arc<[PgType]>,
    pub(crate) parameter_forms: Arc<[Option<Arc<Form>>]>,
    pub(crate) schema: SchemaVersion,
    pub(crate) settings: Arc<CompileSettings>,
    /// For a schema that isn't committed: the session's [`epoch`](crate::session::Session) in which it is
    /// there. Another schema may get the same version once that is rolled back.
    pub(crate) epoch: Option<u64>,
}

impl Plan {
    pub(crate) fn new(
        compiled: Compiled,
        schema: SchemaVersion,
        settings: Arc<CompileSettings>,
    ) -> Self {
        Self {
            columns: compiled.columns.as_slice().into(),
            parameters: compiled.parameters.as_slice().into(),
            parameter_forms: compiled.parameter_forms.as_slice().into(),
            compiled,
            schema,
            settings,
            epoch: None,
        }
    }

    /// Whether the engine finds out that the schema is another one by now, before anything is done; or
    /// nothing depends on it.
    pub(crate) fn is_checked(&self) -> bool {
        match &self.compiled.action {
            // Functions run before the engine hears of the statement.
            _ if !self.compiled.calls.is_empty() => false,
            Action::Write { steps, .. } => !steps.is_empty(),
            Action::Nothing { .. }
            | Action::Lock { .. }
            | Action::Maintenance { .. }
            | Action::SetConstraints { .. }
            | Action::Explain { .. }
            | Action::Declare { .. } => false,
            _ => true,
        }
    }

    /// `None` where the statement returns no rows.
    pub(crate) fn described(&self) -> Option<Arc<[OutputColumn]>> {
        self.compiled.returns_rows.then(|| Arc::clone(&self.columns))
    }
}

/// A prepared statement. `parsed` is `None` for an empty text.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) parsed: Option<Parsed>,
    /// What the client sent, with all statements that were in it; empty for what is part of another one.
    pub(crate) text: Arc<str>,
    given_types: Vec<Oid>,
    /// The types of all parameters, from the first time that it was compiled on: values may have been
    /// given for them.
    fixed_types: std::sync::OnceLock<Vec<Oid>>,
    /// The result columns that the client was told; they may not change under it.
    pub(crate) described: std::sync::OnceLock<Option<Arc<[OutputColumn]>>>,
    /// The last plan.
    pub(crate) plan: std::sync::Mutex<Option<Arc<Plan>>>,
}

impl Prepared {
    pub(crate) fn new(parsed: Option<Parsed>, given_types: Vec<Oid>) -> Self {
        Self {
            parsed,
            text: Arc::default(),
            given_types,
            fixed_types: std::sync::OnceLock::new(),
            described: std::sync::OnceLock::new(),
            plan: std::sync::Mutex::new(None),
        }
    }

    pub(crate) fn with_text(self, text: &Arc<str>) -> Self {
        Self { text: Arc::clone(text), ..self }
    }

    /// What it does, as far as it was compiled: for metrics.
    pub(crate) fn kind(&self) -> StatementKind {
        match self.cached_plan().as_ref().map(|plan| &plan.compiled.action) {
            Some(Action::Query { .. }) => StatementKind::Read,
            Some(Action::Write { .. }) => StatementKind::Write,
            _ => StatementKind::Other,
        }
    }

    /// What SQLite is given for it, as far as it was compiled: for the log of slow statements.
    pub(crate) fn sqlite_text(&self) -> String {
        match self.cached_plan().as_ref().map(|plan| &plan.compiled.action) {
            Some(Action::Query { program, .. }) => program.sql.to_string(),
            Some(Action::Write { steps, .. }) => {
                let texts: Vec<&str> = steps.iter().map(|step| &*step.program.sql).collect();
                texts.join("; ")
            }
            _ => "(not a query)".to_owned(),
        }
    }

    /// The parameters' types, as far as they are known; 0 for others.
    pub(crate) fn types(&self) -> &[Oid] {
        self.fixed_types.get().unwrap_or(&self.given_types)
    }

    /// Whether parameters' types are still to be found, which takes the present schema.
    pub(crate) fn is_open(&self) -> bool {
        let count = self.parsed.as_ref().map_or(0, Parsed::parameter_count);
        count > 0 && self.fixed_types.get().is_none()
    }

    /// From here on the parameters have the types of this plan.
    pub(crate) fn fix_types(&self, plan: &Plan) {
        // Whoever was first has said what they are.
        drop(self.fixed_types.set(plan.parameters.iter().map(|known| known.oid).collect()));
    }

    pub(crate) fn cached_plan(&self) -> Option<Arc<Plan>> {
        self.plan.lock().ok().and_then(|plan| plan.clone())
    }

    pub(crate) fn keep_plan(&self, plan: &Arc<Plan>) {
        if let Ok(mut kept) = self.plan.lock() {
            *kept = Some(Arc::clone(plan));
        }
    }

    pub(crate) fn forget_plan(&self) {
        if let Ok(mut kept) = self.plan.lock() {
            *kept = None;
        }
    }

    /// Checks a new plan against what the client was told.
    ///
    /// # Errors
    /// 0A000 `cached plan must not change result type`, which drivers match on.
    pub(crate) fn check_result(&self, plan: &Plan) -> Result<(), Error> {
        // Names and types are what counts: a table may have been made anew meanwhile.
        let same = |told: &Option<Arc<[OutputColumn]>>| match (told, plan.described()) {
            (Some(told), Some(now)) => {
                let same = |told: &OutputColumn, now: &OutputColumn| {
                    told.name == now.name && told.data_type == now.data_type
                };
                told.len() == now.len() && told.iter().zip(&*now).all(|(told, now)| same(told, now))
            }
            (told, now) => told.is_none() && now.is_none(),
        };
        if self.described.get().is_none_or(same) {
            return Ok(());
        }
        Err(Error::new(
            crate::model::error::Class::User,
            SqlState::FEATURE_NOT_SUPPORTED,
            "cached plan must not change result type",
        ))
    }
}

/// A prepared statement under its name.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) prepared: Arc<Prepared>,
    /// What the client sent, PREPARE itself included.
    pub(crate) text: Box<str>,
    /// By PREPARE, not by Parse.
    pub(crate) from_sql: bool,
    /// When it was prepared, in microseconds since 1970.
    pub(crate) made: i64,
    /// How often it was bound, executed or explained.
    pub(crate) uses: u64,
}

impl Named {
    pub(crate) fn new(prepared: Arc<Prepared>, text: &str, from_sql: bool) -> Self {
        Self { prepared, text: text.into(), from_sql, made: wall_microseconds(), uses: 0 }
    }
}

/// The rows that a statement changes, with its parameters filled in.
pub(crate) fn touch(touches: &Touches, parameters: &[Value]) -> Touch {
    let value = |part: &KeyPart| match part {
        // A missing one has been reported by now.
        KeyPart::Parameter(number) => parameters.get(number - 1).cloned().unwrap_or(Value::Null),
        KeyPart::Constant(value) => value.clone(),
    };
    let row = |key: &Vec<KeyPart>| {
        let values: Vec<Value> = key.iter().map(value).collect();
        RowKey::new(&touches.table, &values)
    };
    Touch {
        table: Arc::clone(&touches.table),
        rows: touches.rows.iter().map(row).collect(),
        existence: touches.existence,
        contents: touches.contents,
    }
}

/// Parses a text that may hold one statement at the most (extended protocol).
///
/// # Errors
/// 42601 for syntax errors and for several statements.
pub(crate) fn parse_one(text: &str) -> Result<Option<Parsed>, Error> {
    let mut statements = sql::parse(text)?;
    if statements.len() > 1 {
        return Err(Error::user(
            SqlState::SYNTAX_ERROR,
            "cannot insert multiple commands into a prepared statement",
        ));
    }
    Ok(statements.pop())
}

/// Prepared statements by text, for clients that don't name them.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: HashMap<(String, Vec<Oid>), Arc<Prepared>>,
}

impl Cache {
    /// The statement for a text that holds one statement at the most.
    pub(crate) fn get(&mut self, text: &str, types: &[Oid]) -> Result<Arc<Prepared>, Error> {
        let key = (text.to_owned(), types.to_vec());
        if let Some(found) = self.entries.get(&key) {
            // What one client message was told doesn't bind the next: a statement of its own that
            // shares the parse and the plan.
            let fresh = Prepared::new(found.parsed.clone(), types.to_vec()).with_text(&found.text);
            if let Some(plan) = found.cached_plan() {
                fresh.keep_plan(&plan);
            }
            let fresh = Arc::new(fresh);
            self.entries.insert(key, Arc::clone(&fresh));
            return Ok(fresh);
        }
        let prepared = Prepared::new(parse_one(text)?, types.to_vec());
        let prepared = Arc::new(prepared.with_text(&text.into()));
        self.keep(key, &prepared);
        Ok(prepared)
    }

    /// The statement for a simple query's text, if it was kept.
    pub(crate) fn find(&mut self, text: &str) -> Option<Arc<Prepared>> {
        if text.len() > CACHE_TEXT_BYTES_MAX {
            return None;
        }
        let found = self.entries.get(&(text.to_owned(), Vec::new()))?;
        // What the client was told of a prepared statement doesn't bind a simple query.
        if found.described.get().is_some() {
            return self.get(text, &[]).ok();
        }
        Some(Arc::clone(found))
    }

    pub(crate) fn keep_text(&mut self, text: &str, prepared: &Arc<Prepared>) {
        self.keep((text.to_owned(), Vec::new()), prepared);
    }

    fn keep(&mut self, key: (String, Vec<Oid>), prepared: &Arc<Prepared>) {
        if key.0.len() > CACHE_TEXT_BYTES_MAX {
            return;
        }
        if self.entries.len() >= CACHE_ENTRIES_MAX {
            self.entries.clear();
        }
        self.entries.insert(key, Arc::clone(prepared));
    }
}
