//! CREATE INDEX.

use crate::model::catalog::Table;
use crate::model::error::Error;
use crate::sql::Action;
use crate::sql::ast::{CreateIndex, ExprKind};
use crate::sql::bind::Binder;
use crate::sql::compile::plain_step;
use crate::sql::ddl::constraint::record_index;
use crate::sql::ddl::name::{self, Chooser};
use crate::sql::ddl::record::Oids;
use crate::sql::ddl::{already_exists, definition, quoted};
use crate::sql::{lite, lower};

pub(super) fn create(tree: &CreateIndex, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let table = binder.table(&tree.table)?;
    let mut keys = Vec::new();
    let mut labels = Vec::new();
    let mut shown = Vec::new();
    for key in &tree.keys {
        if key.nulls_first.is_some_and(|first| first != key.descending) {
            return Err(Error::refused("NULLS FIRST or LAST in an index is not supported"));
        }
        let (bound, id) = binder.over_table(&key.expr, table)?;
        let lowered = lower::stored_expression(&bound, id, binder.relation_names())?;
        match &key.expr.kind {
            ExprKind::Column(name) => {
                let name = name.last().map_or("", |name| name.text.as_str());
                labels.push(name.to_owned());
                shown.push(format!(
                    "{}{}",
                    quoted(name),
                    if key.descending { " DESC" } else { "" }
                ));
            }
            ExprKind::Call(call) => {
                labels.push(
                    call.name.last().map_or_else(|| "expr".to_owned(), |name| name.text.clone()),
                );
                shown.push("(expression)".to_owned());
            }
            _ => {
                labels.push("expr".to_owned());
                shown.push("(expression)".to_owned());
            }
        }
        keys.push((lowered, key.descending));
    }
    let name = match &tree.name {
        Some(name) => {
            let name = name::new_relation(&vec![name.clone()], binder.catalog)?;
            if name::exists(binder.catalog, &name) {
                return already_exists(&name, tree.if_not_exists, "CREATE INDEX");
            }
            name
        }
        None => Chooser::new(binder.catalog).choose(&table.name, &labels.join("_"), "idx"),
    };
    let filter = predicate(tree, table, binder)?;
    let shown = format!(
        "CREATE {}INDEX {} ON public.{} USING btree ({}){}",
        if tree.unique { "UNIQUE " } else { "" },
        quoted(&name),
        quoted(&table.name),
        shown.join(", "),
        if filter.is_some() { " WHERE (expression)" } else { "" }
    );
    let index = lite::CreateIndex {
        name: name.clone(),
        table: table.name.clone(),
        unique: tree.unique,
        keys,
        filter,
    };
    let mut oids = Oids::new(binder.catalog.next_oid);
    let mut steps = vec![plain_step(&lite::Statement::CreateIndex(index))];
    steps.push(record_index(&name, &table.name, &shown, &mut oids));
    steps.extend(oids.step());
    Ok(definition(steps, "CREATE INDEX"))
}

/// The WHERE clause of a partial index.
fn predicate(
    tree: &CreateIndex,
    table: &Table,
    binder: &mut Binder<'_>,
) -> Result<Option<lite::Expr>, Error> {
    let Some(filter) = &tree.filter else { return Ok(None) };
    let (bound, id) = binder.over_table(filter, table)?;
    let bound = binder.boolean(bound, "WHERE")?;
    lower::stored_expression(&bound, id, binder.relation_names()).map(Some)
}
