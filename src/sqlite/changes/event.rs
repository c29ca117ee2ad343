//! One change as JSON, in the form that rqlite gives it: `op`, `table`, the row's number before and
//! after, and its values before and after by the names of columns. Values are SQLite's; BLOBs are base64.

use base64::Engine as _;
use rusqlite::Connection;
use serde_json::{Map, Value};

use crate::sqlite::link::own;

/// What stands for a whole database that another one has taken the place of.
pub(super) const LOADED: &str = r#"{"op":"LOAD"}"#;

/// What must be known of a table to write its rows down.
#[derive(Debug)]
pub(super) struct Shape {
    /// Not one that belongs to a virtual table.
    pub(super) is_table: bool,
    has_row_ids: bool,
    /// `None` for one that is computed when it is read.
    columns: Vec<Option<String>>,
}

impl Shape {
    /// Looks a table up. One that is gone already has no columns.
    pub(super) fn read(connection: &Connection, table: &str) -> rusqlite::Result<Self> {
        let sql =
            own!("SELECT type, wr FROM pragma_table_list WHERE name = ?1 AND schema = 'main'");
        let mut prepared = connection.prepare_cached(sql)?;
        let mut rows = prepared.query([table])?;
        let (is_table, has_row_ids) = match rows.next()? {
            Some(row) => (row.get::<_, String>(0)? == "table", !row.get::<_, bool>(1)?),
            None => (true, true),
        };
        drop(rows);
        let sql = own!("SELECT name, hidden FROM pragma_table_xinfo(?1) ORDER BY cid");
        let mut prepared = connection.prepare_cached(sql)?;
        let columns = prepared.query_map([table], |row| {
            let is_virtual = row.get::<_, i64>(1)? == 2;
            Ok(if is_virtual { None } else { Some(row.get(0)?) })
        })?;
        Ok(Self { is_table, has_row_ids, columns: columns.collect::<rusqlite::Result<_>>()? })
    }
}

/// A note, read back.
pub(super) struct Row {
    pub(super) table: u32,
    operation: Operation,
    old_row: i64,
    new_row: i64,
    before: Option<Vec<Value>>,
    after: Option<Vec<Value>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Insert,
    Update,
    Delete,
}

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?);
        self.bytes(length as usize)
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.array::<1>()?[0] {
            0 => Value::Null,
            1 => i64::from_le_bytes(self.array()?).into(),
            // JSON has no infinity.
            2 => f64::from_le_bytes(self.array()?).into(),
            3 => String::from_utf8_lossy(self.counted()?).into_owned().into(),
            _ => base64::engine::general_purpose::STANDARD.encode(self.counted()?).into(),
        })
    }

    fn values(&mut self, count: u16) -> Option<Vec<Value>> {
        (0..count).map(|_| self.value()).collect()
    }
}

impl Row {
    pub(super) fn decode(note: &[u8]) -> Option<Self> {
        let mut note = Reader(note);
        let table = u32::from_le_bytes(note.array()?);
        let operation = match note.array::<1>()?[0] {
            0 => Operation::Insert,
            1 => Operation::Update,
            _ => Operation::Delete,
        };
        let old_row = i64::from_le_bytes(note.array()?);
        let new_row = i64::from_le_bytes(note.array()?);
        let width = u16::from_le_bytes(note.array()?);
        let before = if operation == Operation::Insert { None } else { Some(note.values(width)?) };
        let after = if operation == Operation::Delete { None } else { Some(note.values(width)?) };
        Some(Self { table, operation, old_row, new_row, before, after })
    }
}

/// The event of a change.
pub(super) fn json(table: &str, shape: &Shape, row: &Row, row_ids_only: bool) -> String {
    let mut event = Map::new();
    let operation = match row.operation {
        Operation::Insert => "INSERT",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
    };
    event.insert("op".into(), operation.into());
    event.insert("table".into(), table.into());
    if shape.has_row_ids {
        if row.operation != Operation::Insert {
            event.insert("old_row_id".into(), row.old_row.into());
        }
        if row.operation != Operation::Delete {
            event.insert("new_row_id".into(), row.new_row.into());
        }
    }
    if !row_ids_only {
        for (key, values) in [("before", &row.before), ("after", &row.after)] {
            if let Some(values) = values {
                event.insert(key.into(), by_column(shape, values));
            }
        }
    }
    Value::Object(event).to_string()
}

fn by_column(shape: &Shape, values: &[Value]) -> Value {
    let named = shape.columns.iter().zip(values);
    let named = named.filter_map(|(name, value)| Some((name.clone()?, value.clone())));
    Value::Object(named.collect())
}
