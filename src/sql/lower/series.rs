//! `generate_series`: a recursive query that adds the step until it is past the end, so that rows are
//! made as they are read.

use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::sql::bound::Expr;
use crate::sql::lite;
use crate::sql::lower::{Lower, collated};
use crate::sql::types::Types;

/// The columns of the recursive query: the value, where it ends, the step, and which way it goes.
const NAMES: [&str; 4] = ["value", "stop", "step", "direction"];

fn column(name: &str) -> lite::Expr {
    lite::Expr::Column { table: Some("series".to_owned()), name: name.to_owned() }
}

/// Whether a value isn't past the end.
fn inside(
    value: lite::Expr,
    stop: lite::Expr,
    direction: lite::Expr,
    data_type: PgType,
) -> lite::Expr {
    let zero = || lite::Expr::Integer(0);
    let value = collated(Types::BUILTIN, value, data_type);
    let up = lite::Expr::infix(
        lite::Expr::infix(direction.clone(), ">", zero()),
        "AND",
        lite::Expr::infix(value.clone(), "<=", stop.clone()),
    );
    let down = lite::Expr::infix(
        lite::Expr::infix(direction, "<", zero()),
        "AND",
        lite::Expr::infix(value, ">=", stop),
    );
    lite::Expr::infix(up, "OR", down)
}

impl Lower<'_> {
    /// The rows of a series, in a column `value`. With NULL anywhere it has none.
    pub(super) fn series(&mut self, arguments: &[Expr]) -> Result<lite::Query, Error> {
        let data_type = arguments.first().map_or(PgType::INT8, |first| first.data_type);
        let mut bounds = self.exprs(arguments)?;
        let is_integer = crate::sql::types::is_integer(data_type.oid);
        let step = if bounds.len() > 2 {
            bounds.remove(2)
        } else if is_integer {
            lite::Expr::Integer(1)
        } else {
            lite::Expr::text("1")
        };
        let stop = bounds.remove(1);
        let start = bounds.remove(0);
        // A step of zero is an error.
        let (step, direction) = if is_integer {
            let step = lite::Expr::call("pg_series_step", vec![step]);
            (step.clone(), step)
        } else {
            (step.clone(), lite::Expr::call("pg_series_direction", vec![step]))
        };
        let named = |expr: lite::Expr, name: &str| (expr, Some(name.to_owned()));
        let limits = lite::Query::select(lite::Select {
            items: vec![
                named(start, "value"),
                named(stop, "stop"),
                named(step, "step"),
                named(direction, "direction"),
            ],
            ..lite::Select::default()
        });
        let bare = lite::Expr::column;
        let first = lite::Select {
            items: NAMES.iter().map(|name| (bare(name), None)).collect(),
            from: Some(lite::From::Subquery {
                query: Box::new(limits),
                alias: "limits".to_owned(),
            }),
            filter: Some(inside(bare("value"), bare("stop"), bare("direction"), data_type)),
            ..lite::Select::default()
        };
        let next = self.next_of_series(data_type);
        let rest = lite::Select {
            items: vec![
                (next.clone(), None),
                (column("stop"), None),
                (column("step"), None),
                (column("direction"), None),
            ],
            from: Some(lite::From::Table { name: "series".to_owned(), alias: "series".to_owned() }),
            filter: Some(inside(next, column("stop"), column("direction"), data_type)),
            ..lite::Select::default()
        };
        let body = lite::Body::Compound {
            left: Box::new(lite::Query::select(first)),
            op: "UNION ALL",
            right: Box::new(lite::Query::select(rest)),
        };
        let cte = lite::Cte {
            name: "series".to_owned(),
            columns: NAMES.iter().map(|name| (*name).to_owned()).collect(),
            materialized: None,
            query: lite::Query::new(body),
        };
        let mut query = lite::Query::select(lite::Select {
            items: vec![(column("value"), Some("value".to_owned()))],
            from: Some(lite::From::Table { name: "series".to_owned(), alias: "series".to_owned() }),
            ..lite::Select::default()
        });
        query.with = lite::With { recursive: true, ctes: vec![cte] };
        Ok(query)
    }

    fn next_of_series(&mut self, data_type: PgType) -> lite::Expr {
        let operands = vec![column("value"), column("step")];
        match data_type.oid {
            1700 => lite::Expr::call("pg_num_add", operands),
            1114 => lite::Expr::call("pg_timestamp_pl_interval", operands),
            1184 => {
                let zone = self.zone();
                let operands = operands.into_iter().chain([zone]).collect();
                lite::Expr::call("pg_timestamptz_pl_interval", operands)
            }
            _ => lite::Expr::infix(column("value"), "+", column("step")),
        }
    }
}
