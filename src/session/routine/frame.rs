//! The variables of a routine that runs.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::session::statement::Prepared;
use crate::sql::{
    self, FOUND, Names, ParameterName, Placed, Routine, Sentence, Target, Variable, VariableKind,
    Visible,
};

/// Rows that functions give, in bytes, at the most.
pub(super) const RESULT_BYTES_MAX: usize = 64 << 20;

type Fields = Arc<[(String, PgType)]>;

/// A variable's value.
#[derive(Debug, Clone)]
pub(super) enum Held {
    Value(Value),
    /// Of a row; `None`: there is none.
    Row(Fields, Option<Vec<Value>>),
    /// A record that nothing was assigned to yet.
    Unassigned,
}

/// A statement that has run before.
struct Known {
    /// The fields of the records that it sees.
    records: Vec<Fields>,
    prepared: Arc<Prepared>,
}

/// A routine that runs.
pub(super) struct Frame<'r> {
    pub(super) routine: &'r Routine,
    pub(super) held: Vec<Held>,
    /// What is being handled, the innermost last.
    pub(super) handled: Vec<Error>,
    /// Rows that the last statement touched.
    pub(super) row_count: u64,
    /// The step that runs, or ran last: its line, and what it is.
    pub(super) at: (u32, &'static str),
    /// Whether an error would be one of the statement in SQL that runs.
    pub(super) in_sql: bool,
    /// Where an error came from: a text of SQL, and a place in the routine.
    pub(super) failed: Option<(String, String)>,
    /// What the routine gives.
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) bytes: usize,
    known: HashMap<usize, Known>,
    conversions: HashMap<(Oid, PgType), Arc<Prepared>>,
}

impl<'r> Frame<'r> {
    pub(super) fn new(routine: &'r Routine, inputs: &[Value]) -> Self {
        let begin = |(place, variable): (usize, &Variable)| match inputs.get(place) {
            Some(value) if place < routine.inputs => Held::Value(value.clone()),
            _ => empty(variable),
        };
        let held = routine.variables.iter().enumerate().map(begin).collect();
        let mut frame = Self {
            routine,
            held,
            handled: Vec::new(),
            row_count: 0,
            at: (0, ""),
            in_sql: true,
            failed: None,
            rows: Vec::new(),
            bytes: 0,
            known: HashMap::new(),
            conversions: HashMap::new(),
        };
        frame.found(false);
        frame
    }

    /// The variable at a place, as it begins.
    pub(super) fn renew(&mut self, place: usize) {
        self.held[place] = empty(&self.routine.variables[place]);
    }

    pub(super) fn found(&mut self, found: bool) {
        let place = self.routine.variables.iter().position(|known| known.name == FOUND);
        if let Some(place) = place {
            self.held[place] = Held::Value(Value::Integer(found.into()));
        }
    }

    /// A statement with its parameters: their values.
    pub(super) fn prepared(&mut self, sentence: &Sentence) -> (Arc<Prepared>, Vec<Value>) {
        let mut values = Vec::new();
        let mut records = Vec::new();
        for visible in sentence.visible() {
            match &self.held[visible.variable] {
                Held::Value(value) => values.push(value.clone()),
                Held::Row(fields, row) => {
                    match row {
                        Some(row) => values.extend(row.iter().cloned()),
                        None => values.extend(fields.iter().map(|_| Value::Null)),
                    }
                    records.push(Arc::clone(fields));
                }
                Held::Unassigned => records.push([].into()),
            }
        }
        let key = std::ptr::from_ref(sentence) as usize;
        if let Some(known) = self.known.get(&key)
            && known.records == records
        {
            return (Arc::clone(&known.prepared), values);
        }
        let (names, types) = self.parameters(sentence.visible());
        let parsed = sentence.parsed(Arc::new(names));
        let prepared = Arc::new(Prepared::new(Some(parsed), types));
        self.known.insert(key, Known { records, prepared: Arc::clone(&prepared) });
        (prepared, values)
    }

    /// What makes a value of one type one of another.
    pub(super) fn conversion(&mut self, from: Oid, to: PgType) -> Arc<Prepared> {
        let made = || Arc::new(Prepared::new(Some(sql::conversion(to)), vec![from]));
        Arc::clone(self.conversions.entry((from, to)).or_insert_with(made))
    }

    fn parameters(&self, visible: &[Visible]) -> (Names, Vec<Oid>) {
        let (mut names, mut types) = (Vec::new(), Vec::new());
        for one in visible {
            let variable = &self.routine.variables[one.variable];
            match (&self.held[one.variable], &variable.kind) {
                (Held::Row(fields, _), _) => {
                    for (field, data_type) in fields.iter() {
                        names.push(ParameterName {
                            relation: if one.bare { variable.name.clone() } else { String::new() },
                            name: field.clone(),
                            bare: false,
                            is_field: true,
                        });
                        types.push(data_type.oid);
                    }
                }
                (_, VariableKind::Value(data_type)) => {
                    names.push(ParameterName {
                        relation: one.label.to_string(),
                        name: variable.name.clone(),
                        bare: one.bare,
                        is_field: false,
                    });
                    types.push(data_type.oid);
                }
                (_, VariableKind::Row(_) | VariableKind::Record) => {}
            }
        }
        (Names { all: names, exclusive: !self.routine.is_sql }, types)
    }

    /// The type of what a target takes; `None` for a row.
    ///
    /// # Errors
    /// 55000 for a record that nothing was assigned to, 42703 for a field that it hasn't.
    pub(super) fn wanted(&self, target: &Target) -> Result<Option<PgType>, Error> {
        let variable = &self.routine.variables[target.variable];
        match (&target.field, &self.held[target.variable], &variable.kind) {
            (None, _, VariableKind::Value(data_type)) => Ok(Some(*data_type)),
            (None, ..) => Ok(None),
            (Some(field), Held::Row(fields, _), _) => {
                let found = fields.iter().find(|(name, _)| name == field);
                found.map(|(_, data_type)| Some(*data_type)).ok_or_else(|| {
                    let message = format!("record \"{}\" has no field \"{field}\"", variable.name);
                    Error::user(SqlState::UNDEFINED_COLUMN, message)
                })
            }
            _ => Err(not_assigned(&variable.name)),
        }
    }

    /// Puts a value of the right type in its place.
    ///
    /// # Errors
    /// 22004 for NULL where that can't be.
    pub(super) fn put(&mut self, target: &Target, value: Value) -> Result<(), Error> {
        let variable = &self.routine.variables[target.variable];
        if variable.not_null && value == Value::Null {
            let message = format!(
                "null value cannot be assigned to variable \"{}\" declared NOT NULL",
                variable.name
            );
            return Err(Error::user(SqlState::NULL_VALUE_NOT_ALLOWED, message));
        }
        match (&target.field, &mut self.held[target.variable]) {
            (None, held) => *held = Held::Value(value),
            (Some(field), Held::Row(fields, row)) => {
                let place = fields.iter().position(|(name, _)| name == field);
                let row = row.get_or_insert_with(|| vec![Value::Null; fields.len()]);
                if let Some(place) = place {
                    row[place] = value;
                }
            }
            (Some(_), _) => return Err(Error::internal("a field of no record")),
        }
        Ok(())
    }

    /// Where the step that runs is, as the context of errors and notices has it.
    pub(super) fn place(&self) -> String {
        format!("PL/pgSQL function {} line {} at {}", self.routine.label, self.at.0, self.at.1)
    }

    /// Where an error came from, innermost first.
    pub(super) fn context(&self) -> String {
        let whole = || format!("PL/pgSQL function {}", self.routine.label);
        match &self.failed {
            Some((text, place)) if text.is_empty() => place.clone(),
            Some((text, place)) => format!("SQL statement \"{text}\"\n{place}"),
            None => whole(),
        }
    }

    /// Notes the step that an error came from, unless a step inside it is known.
    pub(super) fn fail_at(&mut self, step: &Placed) {
        if self.failed.is_none() {
            self.at = (step.line, step.what);
            let text = if self.in_sql { step.text.clone() } else { String::new() };
            self.failed = Some((text, self.place()));
        }
    }

    /// Notes that what RETURN gives can't be what the function returns.
    pub(super) fn fails_returning(&mut self, is_set: bool) {
        if !is_set && !self.routine.is_sql {
            let place = "while casting return value to function's return type";
            let place = format!("PL/pgSQL function {} {place}", self.routine.label);
            self.failed = Some((String::new(), place));
        }
    }

    /// The error of a statement that uses a record which nothing was assigned to.
    pub(super) fn about_records(&self, error: Error, sentence: &Sentence) -> Error {
        if error.state() != SqlState::UNDEFINED_TABLE {
            return error;
        }
        let unassigned = sentence.visible().iter().find_map(|visible| {
            let name = &self.routine.variables[visible.variable].name;
            let missing = format!("missing FROM-clause entry for table \"{name}\"");
            let is_it = matches!(self.held[visible.variable], Held::Unassigned);
            (is_it && error.message() == missing).then_some(name)
        });
        unassigned.map_or(error, |name| not_assigned(name))
    }

    /// A row more of what the routine gives.
    ///
    /// # Errors
    /// 53200 where there are too many.
    pub(super) fn give(&mut self, row: Vec<Value>) -> Result<(), Error> {
        self.bytes += row.iter().map(size).sum::<usize>();
        if self.bytes > RESULT_BYTES_MAX {
            return Err(too_large());
        }
        self.rows.push(row);
        Ok(())
    }
}

pub(super) fn not_assigned(name: &str) -> Error {
    let message = format!("record \"{name}\" is not assigned yet");
    Error::user(SqlState(*b"55000"), message)
        .with_detail("The tuple structure of a not-yet-assigned record is indeterminate.")
}

fn empty(variable: &Variable) -> Held {
    match &variable.kind {
        VariableKind::Value(_) => Held::Value(Value::Null),
        VariableKind::Row(fields) => Held::Row(Arc::clone(fields), None),
        VariableKind::Record => Held::Unassigned,
    }
}

/// Bytes that a value takes, about.
pub(super) fn size(value: &Value) -> usize {
    16 + match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
    }
}

pub(super) fn too_large() -> Error {
    let message =
        format!("the rows of a query in a routine take more than {} MiB", RESULT_BYTES_MAX >> 20);
    Error::limit(SqlState::OUT_OF_MEMORY, message)
        .with_hint("Read fewer rows, or do it in one statement.")
}
