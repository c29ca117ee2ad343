//! Functions of tsvector.

use rusqlite::Connection;

use super::{integer, strict, string};
use crate::datum::lexemes::Lexemes;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_tsvector_length", 1, |args| {
        Ok(integer(Lexemes::parse(args.text(0)?)?.count() as i64))
    })?;
    strict(connection, "pg_tsvector_strip", 1, |args| {
        let mut lexemes = Lexemes::parse(args.text(0)?)?;
        lexemes.strip();
        Ok(string(lexemes.show()))
    })
}
