//! How much of the file relations and the database take: SQLite's virtual table `dbstat` counts the pages
//! of one B-tree after another, and so takes longer the larger they are.

use crate::model::error::Error;
use crate::sql::ast::JoinKind;
use crate::sql::lite::{Expr, From, Query, Select};
use crate::sql::types::lowering::Extent;

/// The stored name of a relation, by its OID.
const STORED_NAME: &str = "_eider_pg_stored_name";

fn select(item: Expr, from: From, filter: Option<Expr>) -> Query {
    Query::select(Select {
        items: vec![(item, None)],
        from: Some(from),
        filter,
        ..Select::default()
    })
}

fn function(name: &'static str, arguments: Vec<Expr>) -> From {
    From::Function { name, arguments, alias: None }
}

fn equals(column: &str, value: Expr) -> Expr {
    Expr::infix(Expr::column(column), "=", value)
}

/// Bytes of the first argument; NULL for a relation that isn't there, and for another database than the
/// one that the second argument names.
pub(super) fn size(extent: Extent, arguments: Vec<Expr>) -> Result<Expr, Error> {
    let mut arguments = arguments.into_iter();
    let named = arguments.next().ok_or_else(|| Error::internal("a size is of something"))?;
    let (condition, bytes) = match arguments.next() {
        Some(current) => (Expr::infix(named, "=", current), database()),
        None => {
            let name = Expr::call(STORED_NAME, vec![named]);
            let there = Expr::IsNull { operand: Box::new(name.clone()), negated: true };
            (there, relation(extent, name))
        }
    };
    Ok(Expr::Case { operand: None, branches: vec![(condition, bytes)], otherwise: None })
}

fn database() -> Expr {
    let pages = Expr::infix(Expr::column("page_count"), "*", Expr::column("page_size"));
    let from = From::Join {
        kind: JoinKind::Inner,
        left: Box::new(function("pragma_page_count", Vec::new())),
        right: Box::new(function("pragma_page_size", Vec::new())),
        on: None,
    };
    Expr::Subquery(Box::new(select(pages, from, None)))
}

fn relation(extent: Extent, name: Expr) -> Expr {
    let of_table = equals("tbl_name", name.clone());
    let trees = match extent {
        Extent::Indexes => Expr::infix(of_table, "AND", equals("type", Expr::text("index"))),
        Extent::Whole => Expr::infix(of_table, "OR", equals("name", name)),
        Extent::Itself | Extent::Database => equals("name", name),
    };
    let schema =
        From::Table { name: "sqlite_schema".to_owned(), alias: "sqlite_schema".to_owned() };
    let names = select(Expr::column("name"), schema, Some(trees));
    let among = Expr::InQuery {
        operand: Box::new(Expr::column("name")),
        query: Box::new(names),
        negated: false,
    };
    // The second argument asks for a row a B-tree, and not a row a page.
    let sizes = function("dbstat", vec![Expr::text("main"), Expr::Integer(1)]);
    let sum = Expr::call("sum", vec![Expr::column("pgsize")]);
    let bytes = Expr::call("coalesce", vec![sum, Expr::Integer(0)]);
    Expr::Subquery(Box::new(select(bytes, sizes, Some(among))))
}
