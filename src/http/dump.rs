//! A database as the SQL text that makes it anew, in the layout of the sqlite3 shell's `.dump`.
//!
//! Eider's own tables are not in it: what PostgreSQL's language adds to a table (its column types,
//! OIDs, comments) is only in a binary copy.

use crate::engine::{Limits, Rows, View};
use crate::http::backup::Sink;
use crate::http::error::{Operation, failure};
use crate::http::reply::Stop;
use crate::model::error::Error;
use crate::model::statement::{Dialect, Parameters, Statement};
use crate::model::value::{RowBatch, Value};

/// Bytes of a list of names that is read whole.
const NAMES_BYTES_MAX: usize = 16 << 20;

/// User's tables, in the order of their names. Shadow tables belong to their virtual table, which
/// makes and fills them.
const TABLES: &str = "SELECT s.name, s.sql FROM sqlite_schema AS s \
    JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = s.name AND l.type <> 'shadow' \
    WHERE s.type = 'table' AND s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
    AND s.name NOT LIKE '\\_eider\\_%' ESCAPE '\\' ORDER BY s.name";
/// Generated columns aren't stored, or not to be inserted.
const COLUMNS: &str = "SELECT name, hidden FROM pragma_table_xinfo(?1) ORDER BY cid";
const HAS_SEQUENCES: &str = "SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'";
/// What stands on the tables, those that others need first.
const REST: &str = "SELECT sql, tbl_name FROM sqlite_schema WHERE type IN ('index', 'view', 'trigger') \
    AND sql IS NOT NULL AND name NOT LIKE '\\_eider\\_%' ESCAPE '\\' \
    ORDER BY CASE type WHEN 'index' THEN 1 WHEN 'view' THEN 2 ELSE 3 END, rowid";

/// Writes the dump: all tables, or those that are named.
pub(crate) async fn write(
    view: &mut View,
    tables: Option<&[String]>,
    limits: &Limits,
    sink: &mut Sink,
) -> Result<(), Stop> {
    let mut dump = Dump { view, limits, sink };
    let is_wanted = |name: &str| {
        tables.is_none_or(|tables| tables.iter().any(|table| table.eq_ignore_ascii_case(name)))
    };
    dump.line("PRAGMA foreign_keys=OFF;").await?;
    dump.line("BEGIN TRANSACTION;").await?;
    let mut dumped = Vec::new();
    for row in dump.list(TABLES, vec![]).await? {
        let [name, sql] = &row[..] else { continue };
        if is_wanted(name) {
            dump.line(&format!("{sql};")).await?;
            dump.rows(name).await?;
            dumped.push(name.clone());
        }
    }
    if !dump.list(HAS_SEQUENCES, vec![]).await?.is_empty() {
        dump.sequences(&dumped).await?;
    }
    for row in dump.list(REST, vec![]).await? {
        let [sql, table] = &row[..] else { continue };
        if tables.is_none() || is_wanted(table) {
            dump.line(&format!("{sql};")).await?;
        }
    }
    dump.line("COMMIT;").await
}

struct Dump<'a> {
    view: &'a mut View,
    limits: &'a Limits,
    sink: &'a mut Sink,
}

impl Dump<'_> {
    async fn line(&mut self, text: &str) -> Result<(), Stop> {
        self.sink.write(text.as_bytes()).await?;
        self.sink.write(b"\n").await
    }

    async fn run(&mut self, sql: &str, parameters: Vec<Value>) -> Result<Rows, Stop> {
        let parameters = Parameters::Positional(parameters);
        let statement = Statement { sql: sql.into(), parameters, touch: None };
        self.view.run(Dialect::Sqlite, statement, self.limits).await.map_err(failed)
    }

    /// Rows of texts, all of them.
    async fn list(&mut self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Vec<String>>, Stop> {
        let rows = self.run(sql, parameters).await?;
        let rows = rows.collect(NAMES_BYTES_MAX).await.map_err(failed)?.rows;
        Ok(rows.iter().map(|row| row.iter().map(text).collect()).collect())
    }

    /// One INSERT for each row of a table.
    async fn rows(&mut self, table: &str) -> Result<(), Stop> {
        let all = self.list(COLUMNS, vec![Value::Text(table.into())]).await?;
        let columns: Vec<String> =
            all.iter().filter(|column| column[1] == "0").map(|column| quoted(&column[0])).collect();
        let names = if columns.len() == all.len() {
            String::new()
        } else {
            format!("({})", columns.join(","))
        };
        let values: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let table = quoted(table);
        let select = format!(
            "SELECT ?1 || {} || ');' FROM {table}",
            if values.is_empty() { "''".to_owned() } else { values.join(" || ',' || ") }
        );
        let start = format!("INSERT INTO {table}{names} VALUES(");
        self.lines(&select, vec![Value::Text(start)]).await
    }

    /// Where AUTOINCREMENT goes on.
    async fn sequences(&mut self, tables: &[String]) -> Result<(), Stop> {
        self.line("DELETE FROM sqlite_sequence;").await?;
        for table in tables {
            let select = "SELECT 'INSERT INTO sqlite_sequence VALUES(' || quote(name) || ',' || \
                          quote(seq) || ');' FROM sqlite_sequence WHERE name = ?1";
            self.lines(select, vec![Value::Text(table.as_str().into())]).await?;
        }
        Ok(())
    }

    /// Writes the first column of each row as it comes.
    async fn lines(&mut self, sql: &str, parameters: Vec<Value>) -> Result<(), Stop> {
        let mut rows = self.run(sql, parameters).await?;
        while let Some(batch) = rows.next().await.map_err(failed)? {
            self.batch(&batch).await?;
        }
        Ok(())
    }

    async fn batch(&mut self, batch: &RowBatch) -> Result<(), Stop> {
        for row in batch.iter() {
            self.line(&text(&row[0])).await?;
        }
        Ok(())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Null | Value::Real(_) | Value::Blob(_) => String::new(),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn failed(error: Error) -> Stop {
    Stop::Failed(failure(&error, Operation::Query))
}
