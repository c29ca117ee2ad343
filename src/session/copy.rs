//! COPY FROM STDIN: rows from the client into the open transaction.

use std::sync::Arc;

use crate::model::error::{Error, SqlState};
use crate::model::value::RowBatch;
use crate::session::Session;
use crate::session::portal::Reply;
use crate::session::statement::Plan;
use crate::session::transaction;
use crate::sql::CopyFrom;

/// A COPY FROM STDIN that is under way.
#[derive(Debug)]
pub(crate) struct CopyIn {
    insert: Arc<str>,
    rows: u64,
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
        self.copy = Some(CopyIn { insert: Arc::clone(&copy.insert), rows: 0 });
        Ok(Some(Reply::CopyIn {
            options: copy.options.clone(),
            columns: copy.columns.as_slice().into(),
        }))
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
        let stored = write.run_each(Arc::clone(&copy.insert), rows, &limits).await?;
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
