//! Statements that only read, run one after the other while their rows are sent.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;

use crate::engine::{Canceler, Limits, Rows, StatementKind, View};
use crate::http::error::{Failure, Operation, failure, read_failure};
use crate::http::reply::{self, Output, Stop};
use crate::http::result::{self, QueryItem, Shape, Told};
use crate::http::sql::{Call, begin_envelope, limits};
use crate::model::error::Error;
use crate::model::id::{DatabaseId, LogIndex};
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Dialect, Statement};
use crate::model::value::RowBatch;
use crate::platform::clock::{self, Instant};
use crate::platform::task;

/// One request that only reads.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) call: Call,
    pub(crate) database: DatabaseId,
    pub(crate) level: ReadLevel,
    /// How long each statement may take.
    pub(crate) limit: Option<Duration>,
    /// Whether the level makes the read wait for this node to catch up.
    pub(crate) linearizable: bool,
    /// Stops the statement that runs.
    pub(crate) cancel: Canceler,
}

impl Read {
    /// Answers with the statements' results as they come. If the client goes away, the statement
    /// that runs is stopped.
    pub(crate) async fn run(self, statements: Vec<Statement>) -> Result<Response, Failure> {
        let (mut output, parts) = reply::channel(self.call.params.has("pretty"));
        task::spawn(async move {
            let gone = output.gone();
            let cancel = self.cancel.clone();
            let made = tokio::select! {
                biased;
                made = self.document(&mut output, statements) => made,
                // While it is still known as running.
                () = async { gone.await; cancel.cancel() } => Err(Stop::Gone),
            };
            output.finish(made).await;
        });
        reply::response(parts).await
    }

    /// The limits of a statement that begins now.
    fn limits(&self) -> Limits {
        Limits { cancel: self.cancel.clone(), ..limits(self.limit) }
    }

    async fn document(&self, out: &mut Output, statements: Vec<Statement>) -> Result<(), Stop> {
        begin_envelope(&mut out.json);
        match self.items(out, statements).await {
            Err(Stop::Failed(failure)) if out.committed => {
                self.call.end_envelope(&mut out.json, Some(failure.text()), None);
            }
            made => self.call.end_envelope(&mut out.json, None, made?),
        }
        Ok(())
    }

    /// The log's index that the last of them was read at, if the level has one.
    async fn items(
        &self,
        out: &mut Output,
        statements: Vec<Statement>,
    ) -> Result<Option<LogIndex>, Stop> {
        let one_state = self.call.params.has("transaction");
        let mut view = None;
        let mut index = None;
        for statement in statements {
            let began = clock::now();
            if view.is_none() || !one_state {
                view = self.open_view(one_state).await.map_err(Stop::Failed)?;
            }
            self.call.app.counters.statements_read.one();
            let limits = self.limits();
            let text = Arc::clone(&statement.sql);
            let rows = match &mut view {
                Some(view) => view.run(Dialect::Sqlite, statement, &limits).await,
                None => self.one(statement, &limits).await,
            };
            let took = clock::now().since(began);
            self.call.app.engine.note_statement(took, rows.is_err(), StatementKind::Read, || text);
            index = view.as_ref().and_then(View::index).or(index);
            match rows {
                Ok(rows) => {
                    index = rows.index().or(index);
                    self.item(out, rows, began).await?;
                }
                Err(error) => self.failed_item(out, &error, began)?,
            }
        }
        Ok(index)
    }

    async fn one(&self, statement: Statement, limits: &Limits) -> Result<Rows, Error> {
        let engine = &self.call.app.engine;
        let reading =
            engine.read(self.database, Dialect::Sqlite, self.level, statement, None, limits);
        let rows = reading.await?;
        rows.ok_or_else(|| Error::internal("a read without a schema can't be out of date"))
    }

    /// A view, where one is needed: for all statements to see one state, and for a linearizable
    /// read, whose wait has a limit of its own.
    async fn open_view(&self, one_state: bool) -> Result<Option<View>, Failure> {
        if !one_state && !self.linearizable {
            return Ok(None);
        }
        let engine = &self.call.app.engine;
        let limits = self.limits();
        let opening = Box::pin(engine.view(self.database, self.level, &limits));
        let opened = if self.linearizable {
            let wait = self.call.params.linearizable_timeout;
            clock::timeout(wait, opening).await.map_err(|_| {
                let index = engine.status().raft.committed;
                Failure::TopLevel(format!("index {index}: timeout waiting for fsm"))
            })?
        } else {
            opening.await
        };
        opened.map(Some).map_err(|error| failure(&error, Operation::Query))
    }

    async fn item(&self, out: &mut Output, mut rows: Rows, began: Instant) -> Result<(), Stop> {
        let columns = rows.columns().to_vec();
        let first = match next_rows(&mut rows).await {
            Ok(first) => first,
            Err(error) => {
                self.call.app.engine.note_late_failure();
                return self.failed_item(out, &error, began);
            }
        };
        let shape = Shape::new(&self.call.params);
        let first_row = first.as_ref().and_then(|batch| batch.iter().next());
        let item = QueryItem::begin(&mut out.json, shape, &columns, first_row);
        let (told, stop) = match write_rows(out, &item, first, &mut rows).await {
            Ok(()) => (None, None),
            Err(Ended::Stop(Stop::Gone)) => return Err(Stop::Gone),
            Err(Ended::Stop(Stop::Failed(failure))) => {
                (Some(Told::text(failure.text())), Some(Stop::Failed(failure)))
            }
            Err(Ended::Error(error)) => {
                let told = Told::new(&error, Operation::Query, shape);
                (Some(told), read_failure(&error).map(Stop::Failed))
            }
        };
        if told.is_some() {
            self.call.app.counters.statements_read_failed.one();
            self.call.app.engine.note_late_failure();
        }
        item.end(&mut out.json, told.as_ref(), self.call.time(began));
        stop.map_or(Ok(()), Err)
    }

    /// The item of a statement that failed before its first row, or the whole request's failure.
    fn failed_item(&self, out: &mut Output, error: &Error, began: Instant) -> Result<(), Stop> {
        if let Some(failure) = read_failure(error) {
            return Err(Stop::Failed(failure));
        }
        self.call.app.counters.statements_read_failed.one();
        let shape = Shape::new(&self.call.params);
        let told = Told::new(error, Operation::Query, shape);
        result::error_item(&mut out.json, shape.associative, &told, self.call.time(began));
        Ok(())
    }
}

/// The next batch that has rows.
async fn next_rows(rows: &mut Rows) -> Result<Option<RowBatch>, Error> {
    loop {
        match rows.next().await? {
            Some(batch) if batch.rows == 0 => {}
            other => return Ok(other),
        }
    }
}

/// Why an item has no more rows, though the statement has.
enum Ended {
    Stop(Stop),
    Error(Error),
}

async fn write_rows(
    out: &mut Output,
    item: &QueryItem,
    first: Option<RowBatch>,
    rows: &mut Rows,
) -> Result<(), Ended> {
    let mut batch = first;
    while let Some(current) = batch {
        for row in current.iter() {
            let written = item.row(&mut out.json, row);
            written.map_err(|value| Ended::Stop(Stop::Failed(value.into())))?;
            out.relieve().await.map_err(Ended::Stop)?;
        }
        batch = next_rows(rows).await.map_err(Ended::Error)?;
    }
    Ok(())
}
