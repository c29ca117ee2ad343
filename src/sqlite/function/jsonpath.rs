//! Paths into jsonb. Arguments: the document, the path, and what may be left out, the variables and whether
//! failures are kept silent.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::{Arguments, boolean, strict, string};
use crate::datum::json::write_string;
use crate::datum::jsonpath::{self, Follow, Path};
use crate::model::error::Error;

/// Follows the path. `silent`: failures are, whatever the arguments say.
fn followed<T>(
    args: &Arguments<'_, '_>,
    silent: bool,
    answer: impl FnOnce(&Follow<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let path = Path::kept(args.text(1)?)?;
    let variables = if args.count() > 2 { args.text(2)? } else { "{}" };
    let silent = silent || (args.count() > 3 && args.integer(3)? != 0);
    answer(&Follow::new(&path, args.text(0)?, variables, silent)?)
}

fn known(value: Option<bool>) -> SqlValue {
    value.map_or(SqlValue::Null, boolean)
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, silent) in [("pg_jsonb_path_exists", false), ("pg_jsonb_path_exists_opr", true)] {
        strict(connection, name, -1, move |args| {
            followed(args, silent, jsonpath::exists).map(known)
        })?;
    }
    for (name, silent) in [("pg_jsonb_path_match", false), ("pg_jsonb_path_match_opr", true)] {
        strict(connection, name, -1, move |args| {
            followed(args, silent, jsonpath::matches).map(known)
        })?;
    }
    strict(connection, "pg_jsonb_path_query_array", -1, |args| {
        followed(args, false, jsonpath::query_array).map(string)
    })?;
    strict(connection, "pg_jsonb_path_query_first", -1, |args| {
        let first = followed(args, false, jsonpath::first)?;
        Ok(first.map_or(SqlValue::Null, string))
    })?;
    // Rows: an array of the documents' texts.
    strict(connection, "pg_jsonb_path_query", -1, |args| {
        let mut out = String::from("[");
        for (at, item) in followed(args, false, jsonpath::query)?.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write_string(item, &mut out);
        }
        out.push(']');
        Ok(string(out))
    })
}
