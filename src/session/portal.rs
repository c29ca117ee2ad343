//! Portals and cursors (one thing, as in PostgreSQL), and rows on their way to the client.

use std::sync::Arc;

use crate::engine;
use crate::model::error::{Error, SqlState};
use crate::model::value::{RowBatch, Value};
use crate::session::cursor::Scroll;
use crate::session::statement::Prepared;
use crate::session::{NAMED_OBJECTS_MAX, Session};
use crate::sql::{CopyOptions, FetchCount, OutputColumn, Parsed};

/// Rows of a suspended portal that are kept in memory because nothing else could run in the
/// transaction while they are read from it, in bytes.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// A bound statement, or a cursor.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) state: State,
    /// Result formats as the client gave them: 0, 1 or n codes.
    pub(crate) formats: Vec<i16>,
    /// Survives the transaction (WITH HOLD).
    pub(crate) hold: bool,
    /// Made in the present transaction, which may be rolled back.
    pub(crate) fresh: bool,
}

impl Portal {
    pub(crate) fn is_binary(&self) -> bool {
        match &self.state {
            State::Suspended(rows) => rows.binary,
            State::Scroll(rows) => rows.is_binary(),
            State::Bound { .. } | State::Done { .. } => self.formats.contains(&1),
        }
    }
}

#[derive(Debug)]
pub(crate) enum State {
    Bound {
        statement: Arc<Prepared>,
        parameters: Vec<Value>,
    },
    Suspended(Rowset),
    /// A cursor that can go back: its rows are in memory.
    Scroll(Scroll),
    /// Ran to its end: the columns it had.
    Done {
        columns: Option<Arc<[OutputColumn]>>,
    },
}

/// What running a statement (or going on with a portal) gave. The caller drains it before it
/// calls the session again.
#[derive(Debug)]
pub enum Reply {
    /// Rows, then the tag.
    Rows(Rowset),
    /// CommandComplete with this tag.
    Complete(String),
    /// The text held no statement.
    Empty,
    /// The client is to send data: [`Session::copy_data`], then [`Session::copy_done`] or
    /// [`Session::copy_fail`].
    CopyIn { options: CopyOptions, columns: Arc<[OutputColumn]> },
    /// Data for the client, then the tag.
    CopyOut { options: CopyOptions, rows: Rowset },
}

/// How the tag of a rowset begins; the count follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsTag {
    Select,
    Fetch,
    Copy,
    /// A RETURNING's tag, which doesn't count the rows that were sent.
    Given(crate::sql::WriteTag, u64),
    Plain(&'static str),
}

/// Rows on their way to the client.
#[derive(Debug)]
pub struct Rowset {
    columns: Arc<[OutputColumn]>,
    source: Option<engine::Rows>,
    /// Why there are no rows: the statement has failed.
    failure: Option<Error>,
    /// Rows that were read from `source` but not given out.
    kept: std::collections::VecDeque<RowBatch>,
    /// Rows that this execution may still give out; `None` for all.
    pub(crate) left: Option<u64>,
    /// Rows that this execution has given out.
    pub(crate) sent: u64,
    pub(crate) tag: RowsTag,
    /// The portal that it goes back to when it is suspended.
    pub(crate) portal: Option<String>,
    /// Read from the open transaction: until it ends nothing else can run there.
    pub(crate) in_write: bool,
    /// The rows of a binary cursor.
    pub(crate) binary: bool,
    /// Rows that were given out before this execution.
    pub(crate) before: u64,
    /// The row that a cursor stands on.
    pub(crate) last: Option<Vec<Value>>,
}

impl Rowset {
    pub(crate) fn stream(
        columns: Arc<[OutputColumn]>,
        source: engine::Rows,
        tag: RowsTag,
        in_write: bool,
    ) -> Self {
        Self {
            columns,
            source: Some(source),
            failure: None,
            kept: std::collections::VecDeque::new(),
            left: None,
            sent: 0,
            tag,
            portal: None,
            in_write,
            binary: false,
            before: 0,
            last: None,
        }
    }

    pub(crate) fn memory(columns: Arc<[OutputColumn]>, rows: RowBatch, tag: RowsTag) -> Self {
        Self {
            columns,
            source: None,
            failure: None,
            kept: [rows].into(),
            left: None,
            sent: 0,
            tag,
            portal: None,
            in_write: false,
            binary: false,
            before: 0,
            last: None,
        }
    }

    /// The rows of a statement that failed before it gave any.
    pub(crate) fn failing(columns: Arc<[OutputColumn]>, failure: Error) -> Self {
        let none = Self::memory(columns, RowBatch::default(), RowsTag::Select);
        Self { failure: Some(failure), ..none }
    }

    /// COPY describes no columns to its client, but its rows have them.
    pub(crate) fn with_columns(mut self, columns: &[OutputColumn]) -> Self {
        self.columns = columns.into();
        self
    }

    pub fn columns(&self) -> Arc<[OutputColumn]> {
        Arc::clone(&self.columns)
    }

    /// Whether the rows are to be sent in binary, whatever the client's message says.
    pub fn is_binary(&self) -> bool {
        self.binary
    }

    fn tag(&self) -> String {
        match self.tag {
            RowsTag::Select => format!("SELECT {}", self.sent),
            RowsTag::Fetch => format!("FETCH {}", self.sent),
            RowsTag::Copy => format!("COPY {}", self.sent),
            RowsTag::Given(tag, count) => super::run::write_tag(tag, count),
            RowsTag::Plain(tag) => tag.to_owned(),
        }
    }

    /// The next rows within the limit of this execution.
    pub(crate) async fn next(&mut self) -> Result<Option<RowBatch>, Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.left == Some(0) {
            return Ok(None);
        }
        let batch = match (self.kept.pop_front(), &mut self.source) {
            (Some(batch), _) => Some(batch),
            (None, Some(source)) => source.next().await?,
            (None, None) => None,
        };
        let Some(mut batch) = batch else {
            self.source = None;
            self.last = None;
            return Ok(None);
        };
        if let Some(left) = self.left {
            if batch.rows as u64 > left {
                self.kept.push_front(split_off(&mut batch, left as usize));
            }
            self.left = Some(left - batch.rows as u64);
        }
        self.sent += batch.rows as u64;
        if self.tag == RowsTag::Fetch {
            self.last = batch.iter().last().map(<[Value]>::to_vec);
        }
        Ok(Some(batch))
    }

    /// Reads the first rows, which finds what fails at once.
    pub(crate) async fn read_ahead(&mut self) -> Result<(), Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if let (true, Some(source)) = (self.kept.is_empty(), &mut self.source) {
            match source.next().await? {
                Some(batch) => self.kept.push_back(batch),
                None => self.source = None,
            }
        }
        Ok(())
    }

    /// Reads what is left into memory.
    pub(crate) async fn keep_all(&mut self) -> Result<(), Error> {
        let mut bytes = 0;
        while let Some(source) = &mut self.source {
            match source.next().await? {
                Some(batch) => {
                    bytes += batch.values.iter().map(Value::size).sum::<usize>();
                    if bytes > KEPT_BYTES_MAX {
                        return Err(Error::limit(
                            SqlState::PROGRAM_LIMIT_EXCEEDED,
                            "the rows left in this portal are too many to keep while the \
                             transaction goes on",
                        )
                        .with_hint(
                            "Fetch all rows at once, or read them before the first write.",
                        ));
                    }
                    self.kept.push_back(batch);
                }
                None => self.source = None,
            }
        }
        Ok(())
    }
}

/// Cuts the rows from `at` on off a batch.
fn split_off(batch: &mut RowBatch, at: usize) -> RowBatch {
    let values = batch.values.split_off(at * batch.width);
    let rest = RowBatch { width: batch.width, rows: batch.rows - at, values };
    batch.rows = at;
    rest
}

impl Session {
    /// Bind: a portal for a statement and its parameters' stored values. `formats` are the result
    /// formats as the client gave them, kept for the portal (0, 1 or n codes).
    ///
    /// # Errors
    /// 26000 for an unknown statement, 42P03 for a portal's name that is taken, 25P02.
    pub async fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        parameters: Vec<Value>,
        formats: Vec<i16>,
    ) -> Result<(), Error> {
        let result = self.bind_named(portal, statement, parameters, formats);
        self.fail_on_error(result).await
    }

    fn bind_named(
        &mut self,
        portal: &str,
        statement: &str,
        parameters: Vec<Value>,
        formats: Vec<i16>,
    ) -> Result<(), Error> {
        let statement = self.used_statement(statement)?;
        let ends = statement.parsed.as_ref().is_none_or(Parsed::ends_transaction);
        if !ends {
            self.check_transaction()?;
        }
        if !portal.is_empty() {
            self.check_new_portal(portal)?;
        }
        let state = State::Bound { statement, parameters };
        self.portals.insert(portal.to_owned(), Portal { state, formats, hold: false, fresh: true });
        Ok(())
    }

    pub(crate) fn check_new_portal(&self, name: &str) -> Result<(), Error> {
        if self.portals.contains_key(name) {
            return Err(Error::user(
                SqlState::DUPLICATE_CURSOR,
                format!("cursor \"{name}\" already exists"),
            ));
        }
        if self.portals.len() >= NAMED_OBJECTS_MAX {
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("a session can have {NAMED_OBJECTS_MAX} portals at the most"),
            ));
        }
        Ok(())
    }

    /// The portal's columns (`None`: no rows) and result formats.
    ///
    /// # Errors
    /// 34000 if there is no such portal.
    pub async fn describe_portal(
        &mut self,
        name: &str,
    ) -> Result<(Option<Arc<[OutputColumn]>>, Vec<i16>), Error> {
        let result = self.describe_portal_named(name).await;
        self.fail_on_error(result).await
    }

    async fn describe_portal_named(
        &mut self,
        name: &str,
    ) -> Result<(Option<Arc<[OutputColumn]>>, Vec<i16>), Error> {
        let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
        let formats = portal.formats.clone();
        let statement = match &portal.state {
            State::Suspended(rows) => return Ok((Some(rows.columns()), formats)),
            State::Scroll(rows) => return Ok((Some(rows.columns()), formats)),
            State::Done { columns } => return Ok((columns.clone(), formats)),
            State::Bound { statement, .. } => Arc::clone(statement),
        };
        if statement.parsed.is_none() {
            return Ok((None, formats));
        }
        // The client decodes rows by what it is told here.
        let plan = self.plan(&statement, true).await?;
        let columns = self.result_columns(&plan);
        drop(statement.described.set(columns.clone()));
        Ok((columns, formats))
    }

    /// Runs a portal, or goes on with a suspended one, for at most `rows_max` rows (0: all).
    ///
    /// # Errors
    /// 34000 if there is no such portal, 55000 if it has run already; the statement's.
    pub async fn execute(&mut self, portal: &str, rows_max: u32) -> Result<Reply, Error> {
        let result = self.execute_named(portal, rows_max).await;
        self.fail_on_error(result).await
    }

    async fn execute_named(&mut self, name: &str, rows_max: u32) -> Result<Reply, Error> {
        let portal = self.portals.get_mut(name).ok_or_else(|| no_portal(name))?;
        let done = State::Done { columns: None };
        let left = (rows_max > 0).then_some(u64::from(rows_max));
        let (statement, parameters) = match std::mem::replace(&mut portal.state, done) {
            State::Bound { statement, parameters } => (statement, parameters),
            State::Suspended(mut rows) => {
                self.check_transaction()?;
                rows.left = left;
                rows.sent = 0;
                rows.portal = Some(name.to_owned());
                return Ok(Reply::Rows(rows));
            }
            State::Scroll(scroll) => {
                portal.state = State::Scroll(scroll);
                let count = left.map_or(FetchCount::ForwardAll, FetchCount::Forward);
                return Box::pin(self.fetch_cursor(name, count, false)).await;
            }
            State::Done { columns: Some(columns) } => {
                // A SELECT that has ended gives no more rows.
                portal.state = State::Done { columns: Some(Arc::clone(&columns)) };
                return Ok(Reply::Rows(Rowset::memory(
                    columns,
                    RowBatch::default(),
                    RowsTag::Select,
                )));
            }
            State::Done { columns: None } => {
                return Err(Error::user(
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!("portal \"{name}\" cannot be run"),
                ));
            }
        };
        let reply = self.run(&statement, &parameters, self.sync_follows).await?;
        Ok(match reply {
            Reply::Rows(mut rows) => {
                // A FETCH has a limit of its own.
                rows.left = match (rows.left, left) {
                    (Some(own), Some(left)) => Some(own.min(left)),
                    (own, left) => own.or(left),
                };
                // A FETCH goes back to its cursor, anything else to this portal.
                if rows.portal.is_none() {
                    rows.portal = Some(name.to_owned());
                }
                Reply::Rows(rows)
            }
            other => other,
        })
    }

    /// The next rows of a reply. `None`: done; then [`Session::finish`].
    ///
    /// # Errors
    /// What stopped the statement; the transaction has failed then.
    pub async fn fetch(&mut self, rows: &mut Rowset) -> Result<Option<RowBatch>, Error> {
        let result = rows.next().await;
        if result.is_err() {
            self.engine.note_late_failure();
        }
        self.fail_on_error(result).await
    }

    /// Ends a rowset: `Ok(Some(tag))` when complete, `Ok(None)` when the portal is suspended.
    ///
    /// # Errors
    /// What reading the rest found, where the rest must be read now.
    pub async fn finish(&mut self, mut rows: Rowset) -> Result<Option<String>, Error> {
        let tag = rows.tag();
        let suspended = rows.left == Some(0);
        let Some(name) = rows.portal.take() else { return Ok(Some(tag)) };
        if suspended && rows.in_write {
            let kept = rows.keep_all().await;
            self.fail_on_error(kept).await?;
        }
        let cursor = rows.tag == RowsTag::Fetch;
        if let Some(portal) = self.portals.get_mut(&name) {
            portal.state = if suspended || cursor {
                State::Suspended(rows)
            } else {
                State::Done { columns: Some(rows.columns()) }
            };
        }
        Ok(if suspended && !cursor { None } else { Some(tag) })
    }

    pub fn close_portal(&mut self, name: &str) {
        self.portals.remove(name);
    }

    /// The transaction is over: portals go, but for cursors WITH HOLD that it didn't make or that it
    /// has committed.
    pub(crate) fn drop_portals(&mut self, committed: bool) {
        self.portals.retain(|_, portal| portal.hold && (committed || !portal.fresh));
        self.portals.values_mut().for_each(|portal| portal.fresh = false);
    }

    /// CLOSE name, CLOSE ALL.
    pub(crate) fn close_cursor(&mut self, name: Option<&str>) -> Result<Reply, Error> {
        let Some(name) = name else {
            self.portals.clear();
            return Ok(Reply::Complete("CLOSE CURSOR ALL".to_owned()));
        };
        self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        Ok(Reply::Complete("CLOSE CURSOR".to_owned()))
    }

    /// The columns of a cursor's rows.
    pub(crate) fn cursor_columns(&self, name: &str) -> Option<Arc<[OutputColumn]>> {
        match &self.portals.get(name)?.state {
            State::Suspended(rows) => Some(rows.columns()),
            State::Scroll(rows) => Some(rows.columns()),
            State::Bound { .. } | State::Done { .. } => None,
        }
    }
}

pub(crate) fn no_portal(name: &str) -> Error {
    let message = if name.is_empty() {
        "portal \"\" does not exist".to_owned()
    } else {
        format!("cursor \"{name}\" does not exist")
    };
    Error::user(SqlState::INVALID_CURSOR_NAME, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(rows: usize) -> RowBatch {
        RowBatch { width: 1, rows, values: (0..rows as i64).map(Value::Integer).collect() }
    }

    #[tokio::test]
    async fn a_limit_cuts_batches_and_keeps_the_rest() {
        let mut rows = Rowset::memory(Arc::new([]), batch(5), RowsTag::Select);
        rows.left = Some(2);
        assert_eq!(rows.next().await.unwrap().unwrap().rows, 2);
        assert_eq!(rows.next().await.unwrap(), None);
        assert_eq!(rows.tag(), "SELECT 2");
        rows.left = None;
        rows.sent = 0;
        let rest = rows.next().await.unwrap().unwrap();
        assert_eq!(rest.values, [Value::Integer(2), Value::Integer(3), Value::Integer(4)]);
        assert_eq!(rows.next().await.unwrap(), None);
    }
}
