//! What the statements of a routine give, and where it goes.

use std::sync::Arc;

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::session::Session;
use crate::session::portal::{Reply, RowsTag};
use crate::session::routine::frame::{Frame, Held, RESULT_BYTES_MAX, size, too_large};
use crate::session::statement::Prepared;
use crate::sql::{self, Execute, Returns, Sentence, Target, Targets, VariableKind};

/// What a statement gave.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) columns: Vec<PgType>,
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
    /// Rows that it touched.
    pub(super) count: u64,
}

impl Session {
    pub(super) async fn run_sentence(
        &mut self,
        sentence: &Sentence,
        frame: &mut Frame<'_>,
    ) -> Result<Ran, Error> {
        let (prepared, values) = frame.prepared(sentence);
        let ran = self.run_prepared(&prepared, &values).await;
        ran.map_err(|error| {
            // One with a position was found in the text, before that ran.
            frame.in_sql &= error.fields().position.is_none();
            frame.about_records(error.without_position(), sentence)
        })
    }

    async fn run_prepared(
        &mut self,
        prepared: &Arc<Prepared>,
        values: &[Value],
    ) -> Result<Ran, Error> {
        let temporary = prepared.parsed.as_ref().is_some_and(sql::Parsed::makes_temporary);
        if temporary && !self.settings.compile().temporary_used {
            self.begin_temporary().await?;
        }
        // On the heap: a statement in a statement would else need twice the stack.
        let reply = Box::pin(self.attempt(prepared, values, false)).await?;
        let mut rows = match reply {
            Reply::Rows(rows) => rows,
            Reply::Complete(tag) => {
                let count = tag.rsplit(' ').next().and_then(|count| count.parse().ok());
                return Ok(Ran { count: count.unwrap_or(0), ..Ran::default() });
            }
            Reply::Empty => return Ok(Ran::default()),
            Reply::CopyIn { .. } | Reply::CopyOut { .. } => {
                return Err(Error::refused("COPY in a routine is not supported"));
            }
        };
        let columns = rows.columns();
        let mut ran = Ran {
            columns: columns.iter().map(|column| column.data_type).collect(),
            names: columns.iter().map(|column| column.name.clone()).collect(),
            ..Ran::default()
        };
        let mut bytes = 0;
        while let Some(batch) = rows.next().await? {
            for row in batch.iter() {
                bytes += row.iter().map(size).sum::<usize>();
                if bytes > RESULT_BYTES_MAX {
                    return Err(too_large());
                }
                ran.rows.push(row.to_vec());
            }
        }
        ran.count = match rows.tag {
            RowsTag::Given(_, count) => count,
            _ => ran.rows.len() as u64,
        };
        Ok(ran)
    }

    /// What is left of a statement that has run: FOUND, the count of rows, and what INTO names.
    pub(super) async fn settle(
        &mut self,
        ran: Ran,
        into: Option<&Targets>,
        frame: &mut Frame<'_>,
    ) -> Result<(), Error> {
        frame.found(ran.count > 0);
        frame.row_count = ran.count;
        match into {
            Some(into) => self.assign_row(into, ran, frame).await,
            None => Ok(()),
        }
    }

    /// The first row of what a statement gave.
    pub(super) async fn assign_row(
        &mut self,
        into: &Targets,
        ran: Ran,
        frame: &mut Frame<'_>,
    ) -> Result<(), Error> {
        let Ran { columns, names, mut rows, .. } = ran;
        if into.strict && rows.is_empty() {
            return Err(Error::user(SqlState(*b"P0002"), "query returned no rows"));
        }
        if into.strict && rows.len() > 1 {
            let error = Error::user(SqlState(*b"P0003"), "query returned more than one row");
            return Err(
                error.with_hint("Make sure the query returns a single row, or use LIMIT 1.")
            );
        }
        frame.row_count = rows.len().min(1) as u64;
        let first = if rows.is_empty() { None } else { Some(rows.swap_remove(0)) };
        self.assign(into, (&columns, &names), first, frame).await
    }

    /// The one value, or the row, of an expression.
    pub(super) async fn assign_one(
        &mut self,
        target: &Target,
        ran: Ran,
        frame: &mut Frame<'_>,
    ) -> Result<(), Error> {
        let targets = Targets { targets: vec![target.clone()], strict: false };
        let Ran { columns, names, mut rows, .. } = ran;
        self.assign(&targets, (&columns, &names), rows.pop(), frame).await
    }

    /// A row, or none, in its variables.
    pub(super) async fn assign(
        &mut self,
        targets: &Targets,
        (columns, names): (&[PgType], &[String]),
        row: Option<Vec<Value>>,
        frame: &mut Frame<'_>,
    ) -> Result<(), Error> {
        if let [target] = targets.targets.as_slice()
            && frame.wanted(target)?.is_none()
        {
            return self.assign_record(target.variable, (columns, names), row, frame).await;
        }
        for (place, target) in targets.targets.iter().enumerate() {
            let Some(wanted) = frame.wanted(target)? else {
                let message = "record variable cannot be part of multiple-item INTO list";
                return Err(Error::user(SqlState::SYNTAX_ERROR, message));
            };
            let given = row.as_ref().and_then(|row| row.get(place)).cloned();
            let from = columns.get(place).copied().unwrap_or(wanted);
            let value = given.unwrap_or(Value::Null);
            let value = self.converted(value, (from, wanted), frame).await?;
            frame.put(target, value)?;
        }
        Ok(())
    }

    async fn assign_record(
        &mut self,
        variable: usize,
        (columns, names): (&[PgType], &[String]),
        row: Option<Vec<Value>>,
        frame: &mut Frame<'_>,
    ) -> Result<(), Error> {
        let routine = frame.routine;
        // A NULL is a row that there isn't.
        let row = row.filter(|row| !matches!((row.as_slice(), columns), ([Value::Null], [only]) if only.oid == PgType::TEXT.oid));
        match &routine.variables[variable].kind {
            VariableKind::Row(fields) => {
                let Some(row) = row else {
                    frame.held[variable] = Held::Row(Arc::clone(fields), None);
                    return Ok(());
                };
                let mut values = Vec::with_capacity(fields.len());
                for (place, (_, wanted)) in fields.iter().enumerate() {
                    let value = row.get(place).cloned().unwrap_or(Value::Null);
                    let from = columns.get(place).copied().unwrap_or(*wanted);
                    values.push(self.converted(value, (from, *wanted), frame).await?);
                }
                frame.held[variable] = Held::Row(Arc::clone(fields), Some(values));
            }
            _ => {
                let fields = names.iter().cloned().zip(columns.iter().copied()).collect();
                frame.held[variable] = Held::Row(fields, row);
            }
        }
        Ok(())
    }

    /// A value as an assignment makes it.
    pub(super) async fn converted(
        &mut self,
        value: Value,
        (from, to): (PgType, PgType),
        frame: &mut Frame<'_>,
    ) -> Result<Value, Error> {
        if is_same(from, to) || (value == Value::Null && to.oid < sql::FIRST_OWN_OID) {
            return Ok(value);
        }
        let prepared = frame.conversion(from.oid, to);
        let mut ran = self.run_prepared(&prepared, &[value]).await?;
        let value = ran.rows.pop().and_then(|mut row| row.pop());
        value.ok_or_else(|| Error::internal("a conversion gives a value"))
    }

    /// EXECUTE.
    pub(super) async fn run_executed(
        &mut self,
        execute: &Execute,
        frame: &mut Frame<'_>,
    ) -> Result<Ran, Error> {
        let mut text = self.run_sentence(&execute.text, frame).await?;
        let Some(Value::Text(text)) = text.rows.pop().and_then(|mut row| row.pop()) else {
            let message = "query string argument of EXECUTE is null";
            return Err(Error::user(SqlState::NULL_VALUE_NOT_ALLOWED, message));
        };
        let mut given = match &execute.using {
            Some(using) => self.run_sentence(using, frame).await?,
            None => Ran::default(),
        };
        let values = given.rows.pop().unwrap_or_default();
        let types: Vec<Oid> = given.columns.iter().map(|known| known.oid).collect();
        let mut last = Ran::default();
        for parsed in sql::executed(&text, values.len()).map_err(Error::without_position)? {
            let prepared = Arc::new(Prepared::new(Some(parsed), types.clone()));
            let ran = self.run_prepared(&prepared, &values).await;
            last = ran.map_err(|error| {
                if error.fields().position.is_none() {
                    frame.failed = Some((text.clone(), frame.place()));
                }
                error.without_position()
            })?;
        }
        Ok(last)
    }

    /// The values of the routine's output variables, as a row of what it gives.
    pub(super) fn give_variables(&self, frame: &mut Frame<'_>) -> Result<(), Error> {
        let Returns::Variables(places) = &frame.routine.returns else { return Ok(()) };
        let mut row = Vec::new();
        for place in places {
            match &frame.held[*place] {
                Held::Value(value) => row.push(value.clone()),
                Held::Row(fields, values) => {
                    row.push(Value::Integer(values.is_some().into()));
                    match values {
                        Some(values) => row.extend(values.iter().cloned()),
                        None => row.extend(fields.iter().map(|_| Value::Null)),
                    }
                }
                Held::Unassigned => return Err(Error::internal("a result is no record")),
            }
        }
        frame.give(row)
    }

    /// Rows as the routine gives them, as many as `count`.
    pub(super) async fn give_rows(
        &mut self,
        ran: Ran,
        count: usize,
        frame: &mut Frame<'_>,
    ) -> Result<(), Error> {
        let routine = frame.routine;
        let wanted: Vec<PgType> = match &routine.returns {
            Returns::Nothing => return Ok(()),
            Returns::Value(data_type) => vec![*data_type],
            Returns::Row(fields) => fields.iter().map(|(_, data_type)| *data_type).collect(),
            Returns::Variables(places) => places
                .iter()
                .map(|place| match &routine.variables[*place].kind {
                    VariableKind::Value(data_type) => Ok(*data_type),
                    _ => Err(Error::refused(
                        "a row among a function's columns is not supported here",
                    )),
                })
                .collect::<Result<_, _>>()?,
        };
        let exact = count > 1 && !routine.is_sql;
        self.check_structure(&ran, &wanted, exact)?;
        for row in ran.rows.into_iter().take(count) {
            let mut values = Vec::with_capacity(row.len());
            for (place, value) in row.into_iter().enumerate() {
                let types = (ran.columns[place], wanted[place]);
                let value = self.converted(value, types, frame).await;
                values.push(value.inspect_err(|_| frame.fails_returning(exact))?);
            }
            frame.give(values)?;
        }
        Ok(())
    }

    /// RETURN QUERY takes rows of just the right types.
    fn check_structure(&self, ran: &Ran, wanted: &[PgType], exact: bool) -> Result<(), Error> {
        let mismatch = |detail: String| {
            let message = "structure of query does not match function result type";
            Err(Error::user(SqlState::DATATYPE_MISMATCH, message).with_detail(detail))
        };
        if ran.columns.len() != wanted.len() {
            return mismatch(format!(
                "Number of returned columns ({}) does not match expected column count ({}).",
                ran.columns.len(),
                wanted.len()
            ));
        }
        let differs = |(from, to): &(&PgType, &PgType)| from.oid != to.oid;
        let wrong = ran.columns.iter().zip(wanted).enumerate().find(|(_, pair)| differs(pair));
        match wrong {
            Some((place, (from, to))) if exact && to.oid < sql::FIRST_OWN_OID => mismatch(format!(
                "Returned type {} does not match expected type {} in column {}.",
                sql::type_label(from.oid),
                sql::type_label(to.oid),
                place + 1
            )),
            _ => Ok(()),
        }
    }
}

/// Whether values of the one type are stored as those of the other.
fn is_same(from: PgType, to: PgType) -> bool {
    let texts = [PgType::TEXT.oid, PgType::VARCHAR.oid];
    let whole = [PgType::INT2.oid, PgType::INT4.oid, PgType::INT8.oid];
    let place = |oid| whole.iter().position(|known| *known == oid);
    let wider = matches!((place(from.oid), place(to.oid)), (Some(from), Some(to)) if from <= to);
    if to.modifier != -1 && to.modifier != from.modifier {
        return false;
    }
    from.oid == to.oid || wider || (texts.contains(&from.oid) && texts.contains(&to.oid))
}
