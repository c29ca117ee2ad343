//! Captured changes: any node has those that it has applied, the leader's publisher marks what was sent
//! and removes what nobody needs any more.

use std::sync::Arc;

use crate::engine::{Engine, Limits, View};
use crate::model::error::Error;
use crate::model::id::{DatabaseId, LogIndex};
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Atomicity, Dialect, Parameters, Statement, Unit, UnitOutcome};
use crate::model::value::{RowBatch, Value};

/// Changes that are removed at once.
const REMOVED_AT_ONCE: u64 = 10_000;
/// Of a row of numbers in memory.
const ROW_BYTES_MAX: usize = 4 << 10;

/// A change of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place among all changes of the database: grows by one, and none comes again.
    pub position: u64,
    /// The transaction of the database that made it.
    pub transaction: u64,
    /// When that was, in milliseconds since 1970.
    pub at: u64,
    /// A JSON object.
    event: String,
}

impl Change {
    #[cfg(test)]
    pub(crate) fn of(position: u64, transaction: u64, at: u64, event: &str) -> Self {
        Self { position, transaction, at, event: event.to_owned() }
    }

    /// The event with its position in front.
    pub fn json(&self) -> String {
        let rest = self.event.strip_prefix('{').unwrap_or_default();
        format!("{{\"position\":{},{rest}", self.position)
    }
}

/// How far changes have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeMarks {
    /// The last change that was delivered where changes are sent to.
    pub sent: u64,
    /// The last one that is not kept any more.
    pub removed: u64,
    /// The last one that there is.
    pub newest: u64,
}

fn statement(sql: &str, values: &[u64]) -> Statement {
    let values = values.iter().map(|value| Value::Integer(value.cast_signed())).collect();
    Statement { sql: Arc::from(sql), parameters: Parameters::Positional(values), touch: None }
}

fn number(row: &[Value], at: usize) -> u64 {
    match row.get(at) {
        Some(Value::Integer(number)) => number.cast_unsigned(),
        _ => 0,
    }
}

impl Engine {
    /// The last entry that this node has applied.
    pub fn applied(&self) -> Result<LogIndex, Error> {
        Ok(self.core.attached()?.node.status().applied)
    }

    /// Resolves when this node has applied a later entry.
    ///
    /// # Errors
    /// 57P03 when the node stops.
    pub async fn applied_beyond(&self, index: LogIndex) -> Result<(), Error> {
        let node = self.core.attached()?.node.clone();
        node.wait_applied(LogIndex(index.0 + 1)).await.map_err(|_| Error::no_leader())
    }

    /// How far a database's changes have come, as this node has them.
    pub async fn change_marks(&self, database: DatabaseId) -> Result<ChangeMarks, Error> {
        let limits = Limits::default();
        let mut view = self.view(database, ReadLevel::None(None), &limits).await?;
        marks(&mut view, &limits).await
    }

    /// The changes of a database that follow `after`, as this node has them: the first ones, of about
    /// `bytes_max`.
    pub async fn changes(
        &self,
        database: DatabaseId,
        after: u64,
        bytes_max: usize,
    ) -> Result<(ChangeMarks, Vec<Change>), Error> {
        let limits = Limits::default();
        let mut view = self.view(database, ReadLevel::None(None), &limits).await?;
        let marks = marks(&mut view, &limits).await?;
        let wanted = statement(
            "SELECT number, txid, at, event FROM _eider_change WHERE number > ?1 ORDER BY number",
            &[after],
        );
        let mut rows = view.run(Dialect::Sqlite, wanted, &limits).await?;
        let (mut changes, mut bytes) = (Vec::new(), 0);
        while bytes < bytes_max
            && let Some(batch) = rows.next().await?
        {
            bytes += take(&batch, bytes_max - bytes, &mut changes);
        }
        Ok((marks, changes))
    }

    /// The last change, of those that can be removed at once, that is older than `before`, in
    /// milliseconds since 1970.
    pub async fn last_change_before(
        &self,
        database: DatabaseId,
        marks: ChangeMarks,
        before: u64,
    ) -> Result<u64, Error> {
        let limits = Limits::default();
        let mut view = self.view(database, ReadLevel::None(None), &limits).await?;
        let oldest = statement(
            "SELECT number FROM _eider_change WHERE number <= ?1 AND at < ?2 \
             ORDER BY number DESC LIMIT 1",
            &[marks.removed + REMOVED_AT_ONCE, before],
        );
        let found =
            view.run(Dialect::Sqlite, oldest, &limits).await?.collect(ROW_BYTES_MAX).await?;
        Ok(found.rows.iter().next().map_or(0, |row| number(row, 0)))
    }

    /// Notes up to where changes were sent, and removes those up to `removed`: not all at once, if they
    /// are many. Neither goes back.
    pub async fn settle_changes(
        &self,
        database: DatabaseId,
        known: ChangeMarks,
        sent: u64,
        removed: u64,
    ) -> Result<(), Error> {
        let removed = removed.min(known.removed + REMOVED_AT_ONCE);
        let statements = vec![
            statement(
                "UPDATE \"_eider_change_mark\" SET sent = max(sent, ?1), removed = max(removed, ?2)",
                &[sent, removed],
            ),
            statement("DELETE FROM \"_eider_change\" WHERE number <= ?1", &[removed]),
        ];
        let unit = Unit {
            dialect: Dialect::Postgres,
            atomicity: Atomicity::Unit,
            statements,
            schema: None,
            key: None,
        };
        let written = self.write(database, unit, &Limits::default()).await?;
        match written.outcome {
            UnitOutcome::Ran(results) => results.into_iter().try_for_each(|ran| ran.map(drop)),
            UnitOutcome::SchemaChanged => {
                Err(Error::internal("a statement without a schema was refused for it"))
            }
        }
    }
}

async fn marks(view: &mut View, limits: &Limits) -> Result<ChangeMarks, Error> {
    let wanted = statement(
        "SELECT sent, removed, max(removed, coalesce((SELECT max(number) FROM _eider_change), 0)) \
         FROM _eider_change_mark",
        &[],
    );
    let found = view.run(Dialect::Sqlite, wanted, limits).await?.collect(ROW_BYTES_MAX).await?;
    let row: &[Value] = found.rows.iter().next().unwrap_or_default();
    Ok(ChangeMarks { sent: number(row, 0), removed: number(row, 1), newest: number(row, 2) })
}

/// Takes changes until they have `bytes_max` bytes. How many they have.
fn take(batch: &RowBatch, bytes_max: usize, changes: &mut Vec<Change>) -> usize {
    let mut bytes = 0;
    for row in batch.iter() {
        if bytes >= bytes_max {
            break;
        }
        let [.., Value::Text(event)] = row else { continue };
        bytes += event.len();
        changes.push(Change {
            position: number(row, 0),
            transaction: number(row, 1),
            at: number(row, 2),
            event: event.clone(),
        });
    }
    bytes
}

/// Whether a regular expression for the names of tables is a good one.
///
/// # Errors
/// A text for the operator.
pub fn check_table_filter(pattern: &str) -> Result<(), String> {
    crate::sqlite::check_table_filter(pattern).map_err(|error: Error| error.message().to_owned())
}
