//! System relations in FROM: tables of `catalog`, views over them, and what the session knows.
//!
//! A view is bound like a subquery; inside it, names mean PostgreSQL's own relations whatever the
//! client's search path says.

use crate::catalog::{self, Source, SystemRelation};
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::{Alias, QualifiedName, Statement};
use crate::sql::bind::{Binder, Item, Scope, at};
use crate::sql::bound::{Expr, From, Output};
use crate::sql::parser;

/// Schemas that hold system relations only.
const PG_CATALOG: &str = "pg_catalog";
const INFORMATION_SCHEMA: &str = "information_schema";

impl Binder<'_> {
    /// The system relation that a name means. `pg_catalog` comes first in the search path, unless
    /// the path names it elsewhere (manual, "The System Catalog Schema").
    pub(super) fn system_relation(&self, name: &QualifiedName) -> Option<&'static SystemRelation> {
        let (schema, last) = match name.as_slice() {
            [last] => (None, last.text.as_str()),
            [schema, last] => (Some(schema.text.as_str()), last.text.as_str()),
            [database, schema, last] if database.text == self.settings.database => {
                (Some(schema.text.as_str()), last.text.as_str())
            }
            _ => return None,
        };
        if let Some(schema) = schema {
            return catalog::relation(schema, last);
        }
        let path = &self.settings.search_path;
        if self.in_system_view || !path.iter().any(|schema| schema == PG_CATALOG) {
            let found = catalog::relation(PG_CATALOG, last);
            if found.is_some() || self.in_system_view {
                return found;
            }
        }
        for schema in path {
            if schema == PG_CATALOG || schema == INFORMATION_SCHEMA {
                if let Some(found) = catalog::relation(schema, last) {
                    return Some(found);
                }
            } else if self.has_relation(schema, last) {
                return None;
            }
        }
        None
    }

    fn has_relation(&self, schema: &str, name: &str) -> bool {
        schema == "public" && self.catalog.tables.contains_key(name)
    }

    pub(super) fn system_item(
        &mut self,
        relation: &'static SystemRelation,
        name: &QualifiedName,
        alias: Option<&Alias>,
    ) -> Result<(From, Scope), Error> {
        let label = alias.map_or(relation.name, |alias| &alias.name.text).to_owned();
        let id = self.add_relation(&label);
        let (from, actual) = match relation.source {
            Source::Table => (From::Table { name: relation.physical_name(), id }, None),
            Source::Session => (From::Session { relation, id }, None),
            Source::View(text) => {
                let query = self.system_view(text)?;
                let actual = query.outputs.clone();
                (From::Subquery { query: Box::new(query), id }, Some(actual))
            }
            Source::Missing => {
                let message = format!("the relation {} is not supported", relation.name);
                let position = name.first().map_or(0, |part| part.position);
                return Err(at(Error::refused(message), position));
            }
        };
        let outputs: Vec<Output> = relation
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let actual = actual.as_ref().and_then(|actual| actual.get(place));
                Output {
                    name: column.name.to_owned(),
                    alias: actual.map_or(column.name, |output| &output.alias).to_owned(),
                    data_type: actual.map_or(column.data_type, |output| output.data_type),
                    not_null: column.not_null,
                    table_oid: relation.oid,
                    number: place as i16 + 1,
                }
            })
            .collect();
        let mut scope = self.output_scope(id, &label, &outputs, alias)?;
        for (item, column) in scope.items.iter_mut().zip(&relation.columns) {
            if item.expr.data_type != column.data_type {
                item.expr = self.cast(item.expr.clone(), column.data_type, 0)?;
            }
        }
        scope.system = vec![table_oid(&label, relation.oid)];
        Ok((from, scope))
    }

    /// The query of a system view.
    fn system_view(&mut self, text: &str) -> Result<crate::sql::bound::Query, Error> {
        let mut statements = parser::parse_text(text)?;
        let Some(Statement::Query(query)) = statements.pop().map(|parsed| parsed.statement) else {
            return Err(Error::internal("a system view is not a query"));
        };
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        let outside = std::mem::replace(&mut self.in_system_view, true);
        let bound = self.query(&query);
        self.in_system_view = outside;
        self.ctes = ctes;
        self.scopes = scopes;
        bound
    }
}

/// The system column `tableoid`.
pub(super) fn table_oid(label: &str, oid: u32) -> Item {
    Item {
        relation: Some(label.to_owned()),
        name: "tableoid".to_owned(),
        expr: Expr::constant(Value::Integer(oid.into()), PgType::OID, 0),
        bare: true,
    }
}
