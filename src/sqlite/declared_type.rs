//! PostgreSQL types for columns that plain SQLite statements declared.
//!
//! SQLite lets any value into almost any column, so a type here is what the values of such a column
//! usually are, and no promise. Where the usual values are not what PostgreSQL's type of that name
//! stores, another type is chosen that can show them.

use crate::model::pg_type::PgType;

/// Bytes of header that PostgreSQL counts into the length of a varchar's modifier.
const HEADER: i32 = 4;

/// The type for a declared type, as SQLite keeps its text. By word, then by SQLite's own rules of
/// affinity (SQLite "Datatypes" §3.1).
///
/// | declared | type | why |
/// |---|---|---|
/// | `BOOL...` | boolean | 0 and 1 |
/// | contains `INT` | bigint | SQLite's integers have 64 bits, whatever they are called |
/// | `VARCHAR(n)`, `CHAR(n)` and the like | varchar(n) | SQLite doesn't pad |
/// | contains `CHAR`, `CLOB`, `TEXT` | text | |
/// | contains `BLOB`, `BYTEA` | bytea | |
/// | contains `REAL`, `FLOA`, `DOUB`; `NUMERIC`, `DECIMAL` | double precision | SQLite stores numbers there, not text with a scale |
/// | anything else, nothing | text | dates, JSON and UUIDs are text in whatever form |
pub(crate) fn derive(declared: &str) -> PgType {
    let upper = declared.trim().to_ascii_uppercase();
    let has = |word: &str| upper.contains(word);
    if upper.starts_with("BOOL") {
        PgType::BOOL
    } else if has("INT") && !upper.starts_with("INTERVAL") && !upper.starts_with("POINT") {
        PgType::INT8
    } else if has("CHAR") {
        match length(&upper) {
            Some(length) => PgType { modifier: length + HEADER, ..PgType::VARCHAR },
            None => PgType::TEXT,
        }
    } else if has("CLOB") || has("TEXT") {
        PgType::TEXT
    } else if has("BLOB") || has("BYTEA") {
        PgType::BYTEA
    } else if has("REAL")
        || has("FLOA")
        || has("DOUB")
        || upper.starts_with("NUMERIC")
        || upper.starts_with("DECIMAL")
    {
        PgType::FLOAT8
    } else {
        PgType::TEXT
    }
}

/// The number in `(n)`, if it is a length that PostgreSQL allows.
fn length(declared: &str) -> Option<i32> {
    let (_, rest) = declared.split_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    inside.trim().parse().ok().filter(|length| (1..=10_485_760).contains(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_are_derived() {
        for (declared, expected) in [
            ("INTEGER", PgType::INT8),
            ("smallint", PgType::INT8),
            ("TEXT", PgType::TEXT),
            ("VARCHAR(20)", PgType { modifier: 24, ..PgType::VARCHAR }),
            ("varchar", PgType::TEXT),
            ("NATIVE CHARACTER(70)", PgType { modifier: 74, ..PgType::VARCHAR }),
            ("BOOLEAN", PgType::BOOL),
            ("DOUBLE PRECISION", PgType::FLOAT8),
            ("DECIMAL(10,5)", PgType::FLOAT8),
            ("BLOB", PgType::BYTEA),
            ("DATETIME", PgType::TEXT),
            ("", PgType::TEXT),
        ] {
            assert_eq!(derive(declared), expected, "{declared}");
        }
    }
}
