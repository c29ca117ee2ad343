//! COPY FROM STDIN: rows from the client into the open transaction.

use std::sync::Arc;

use crate::model::error::{Error, SqlState};
use crate::model::statement::Parameters;
use crate::model::value::{RowBatch, Value};
use crate::session::Session;
use crate::session::portal::Reply;
use crate::session::statement::Plan;
use crate::session::transaction;
use crate::sql::{Argument, CopyFrom};

/// A COPY FROM STDIN that is under way.
#[derive(Debug)]
pub(crate) struct CopyIn {
    insert: Arc<str>,
    /// The statement's parameters; `None` if they are a row's values as they come.
    parameters: Option<Vec<Parameter>>,
    rows: u64,
}

/// A parameter of the INSERT.
#[derive(Debug)]
enum Parameter {
    /// The value in this place of a row.
    Copied(usize),
    /// What the session knew when the COPY began, such as the time of its transaction.
    Known(Value),
}

impl CopyIn {
    /// The rows as the INSERT takes them.
    fn arranged(&self, rows: RowBatch) -> RowBatch {
        let Some(parameters) = &self.parameters else { return rows };
        let mut values = Vec::with_capacity(rows.rows * parameters.len());
        for row in rows.iter() {
            values.extend(parameters.iter().map(|parameter| match parameter {
                Parameter::Copied(place) => row[*place].clone(),
                Parameter::Known(value) => value.clone(),
            }));
        }
        RowBatch { width: parameters.len(), rows: rows.rows, values }
    }
}

impl Session {
    pub(crate) async fn copy_from(
        &mut self,
        plan: &Plan,
        copy: &CopyFrom,
    ) -> Result<Option<Reply>, Error> {
        if self.modes.read_only && !copy.temporary {
            return Err(transaction::read_only("COPY FROM"));
        }
        self.join_transaction().await?;
        let write = self.write.as_mut().ok_or_else(|| Error::internal("no transaction"))?;
        if write.catalog().await?.schema != plan.schema {
            return Ok(None);
        }
        let parameters = self.copied_parameters(copy)?;
        self.copy = Some(CopyIn { insert: Arc::clone(&copy.insert.sql), parameters, rows: 0 });
        Ok(Some(Reply::CopyIn {
            options: copy.options.clone(),
            columns: copy.columns.as_slice().into(),
        }))
    }

    fn copied_parameters(&self, copy: &CopyFrom) -> Result<Option<Vec<Parameter>>, Error> {
        let arguments = &copy.insert.arguments;
        let width = copy.columns.len();
        let as_they_come = arguments.len() == width
            && (1..=width).zip(arguments).all(|(at, known)| *known == Argument::Parameter(at));
        if as_they_come {
            return Ok(None);
        }
        let nothing = vec![Value::Null; width];
        let known = self.statement_for(&copy.insert, &nothing)?.parameters;
        let Parameters::Positional(known) = known else {
            return Err(Error::internal("a program's parameters have numbers"));
        };
        let parameter = |(argument, value): (&Argument, Value)| match argument {
            Argument::Parameter(number) => Parameter::Copied(number - 1),
            _ => Parameter::Known(value),
        };
        Ok(Some(arguments.iter().zip(known).map(parameter).collect()))
    }

    /// Rows for the running COPY FROM, in stored form.
    ///
    /// # Errors
    /// What storing them found; the transaction has failed then.
    pub async fn copy_data(&mut self, rows: RowBatch) -> Result<(), Error> {
        let result = self.store(rows).await;
        self.fail_on_error(result).await
    }

    async fn store(&mut self, rows: RowBatch) -> Result<(), Error> {
        let limits = self.limits();
        let (Some(copy), Some(write)) = (&mut self.copy, &mut self.write) else {
            return Err(Error::user(SqlState::PROTOCOL_VIOLATION, "no COPY is under way"));
        };
        // A WHERE clause may leave rows out.
        let stored = write.run_each(Arc::clone(&copy.insert), copy.arranged(rows), &limits).await?;
        copy.rows += stored.rows_affected;
        Ok(())
    }

    /// Ends the COPY: its tag.
    ///
    /// # Errors
    /// 08P01 if none is under way.
    pub async fn copy_done(&mut self) -> Result<String, Error> {
        match self.copy.take() {
            Some(copy) => Ok(format!("COPY {}", copy.rows)),
            None => {
                let error = Error::user(SqlState::PROTOCOL_VIOLATION, "no COPY is under way");
                self.fail_on_error(Err(error)).await
            }
        }
    }

    /// The client gives the COPY up: the error to send. The transaction has failed.
    pub async fn copy_fail(&mut self, message: &str) -> Error {
        self.fail().await;
        Error::user(SqlState::QUERY_CANCELED, format!("COPY from stdin failed: {message}"))
    }
}
