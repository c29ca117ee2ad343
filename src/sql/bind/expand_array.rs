//! `information_schema._pg_expandarray(array)`: rows of `x`, an element, and `n`, its place from 1. It is
//! how drivers read keys: `(information_schema._pg_expandarray(i.indkey)).n`.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::sql::ast::Call;
use crate::sql::bind::table_function::Rows;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::Expr;

const COLUMNS: [&str; 2] = ["x", "n"];

impl Binder<'_> {
    pub(super) fn is_expand_array(call: &Call) -> bool {
        let [schema, name] = call.name.as_slice() else { return false };
        schema.text == "information_schema" && name.text == "_pg_expandarray"
    }

    pub(super) fn expanded_rows(&mut self, call: &Call, position: u32) -> Result<Rows, Error> {
        let [array] = call.arguments.as_slice() else {
            let message = "function information_schema._pg_expandarray needs one argument";
            return Err(at(Error::user(SqlState::UNDEFINED_FUNCTION, message), position));
        };
        let mut rows = self.unnested(array, position)?;
        let number = Expr { data_type: PgType::INT4, ..rows.number.clone() };
        rows.columns.push((String::new(), number));
        for ((name, _), of) in rows.columns.iter_mut().zip(COLUMNS) {
            of.clone_into(name);
        }
        Ok(rows)
    }
}
