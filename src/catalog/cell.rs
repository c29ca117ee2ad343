//! Rows in memory: cells, and the index by which rows with a key are found.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use crate::model::pg_type::Oid;

/// A value in its stored form.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'static, str>),
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Cell {
    fn from(value: i32) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<i16> for Cell {
    fn from(value: i16) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<u32> for Cell {
    fn from(value: u32) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<&'static str> for Cell {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Cell {
    /// An array of numbers in its stored form.
    pub(crate) fn numbers<N: std::fmt::Display>(values: impl IntoIterator<Item = N>) -> Self {
        let shown: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        Self::Text(format!("[{}]", shown.join(",")).into())
    }
}

/// What rows are looked up by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    Integer(i64),
    Text(String),
}

impl From<Oid> for Key {
    fn from(oid: Oid) -> Self {
        Self::Integer(oid.into())
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Key {
    fn of(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Integer(number) => Some(Self::Integer(*number)),
            Cell::Text(text) => Some(Self::Text(text.clone().into_owned())),
            Cell::Null | Cell::Real(_) => None,
        }
    }
}

/// Places of rows, by the value of one column.
type Index = HashMap<Key, Vec<u32>>;

/// Rows of one relation. The indexes are made when they are first asked for.
#[derive(Debug, Default)]
pub struct Rows {
    width: usize,
    cells: Vec<Cell>,
    indexes: Vec<OnceLock<Index>>,
}

impl Rows {
    /// `cells` holds whole rows of `width`.
    pub(crate) fn new(width: usize, cells: Vec<Cell>) -> Self {
        Self { width, cells, indexes: (0..width).map(|_| OnceLock::new()).collect() }
    }

    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cell in a row and a column, both from 0.
    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        self.cells.get(row * self.width + column).unwrap_or(&Cell::Null)
    }

    /// The rows, in their order, whose `column` has this value.
    pub fn find(&self, column: usize, key: &Key) -> &[u32] {
        let Some(slot) = self.indexes.get(column) else { return &[] };
        let index = slot.get_or_init(|| self.index(column));
        index.get(key).map_or(&[], Vec::as_slice)
    }

    fn index(&self, column: usize) -> Index {
        let mut index = Index::new();
        for row in 0..self.len() {
            if let Some(key) = Key::of(self.cell(row, column)) {
                index.entry(key).or_default().push(row as u32);
            }
        }
        index
    }
}
