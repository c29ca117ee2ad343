//! A SQLite value, and rows of them.

/// One value in one of SQLite's five storage classes (SQLite "Datatypes" §2).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    /// Roughly the memory that this value holds, in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Null | Self::Integer(_) | Self::Real(_) => 0,
                Self::Text(text) => text.len(),
                Self::Blob(bytes) => bytes.len(),
            }
    }
}

/// A run of rows, stored one after the other.
///
/// Invariant: `values.len()` is a multiple of `width` (and 0 where `width` is 0).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RowBatch {
    /// Columns a row.
    pub width: usize,
    /// Rows in the batch; kept apart from `values` because a row may have no column.
    pub rows: usize,
    pub values: Vec<Value>,
}

impl RowBatch {
    /// The rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[Value]> {
        (0..self.rows).map(|row| &self.values[row * self.width..(row + 1) * self.width])
    }
}

/// What SQLite knows about a result column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultColumn {
    pub name: String,
    /// The declared type of the column it comes from, as written; `None` for an expression.
    pub declared_type: Option<String>,
    /// The table it comes from; `None` for an expression.
    pub table: Option<String>,
}
