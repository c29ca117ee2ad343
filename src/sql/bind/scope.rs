//! What names mean at one level of a statement.

use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Name, QualifiedName};
use crate::sql::bind::whole_row::RowSource;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};

/// A column that a FROM clause makes visible.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The relation's name, for `t.c`; `None` for a merged column of USING.
    pub(crate) relation: Option<String>,
    pub(crate) name: String,
    pub(crate) expr: Expr,
    /// Whether the bare name and `*` find it.
    pub(crate) bare: bool,
}

/// The columns of one query level.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) items: Vec<Item>,
    /// System columns: found by name, not by `*`.
    pub(crate) system: Vec<Item>,
    /// Names of the relations, for `t.*`, and for telling a missing relation from a missing column.
    pub(crate) relations: Vec<String>,
    /// The same, for their rows as values.
    pub(crate) rows: Vec<RowSource>,
    /// Relations that exist but can't be referred to, for the message.
    pub(crate) invalid: Vec<String>,
    pub(crate) of: Names,
}

/// What the names of a scope are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Names {
    #[default]
    Relations,
    Parameters,
    /// Variables of PL/pgSQL, which may not be called as columns are.
    Variables,
}

impl Scope {
    /// What an outer join may lack.
    pub(crate) fn make_nullable(&mut self) {
        for source in &mut self.rows {
            let own = |item: &&Item| item.relation.as_deref() == Some(&*source.label);
            let mut own = self.items.iter().filter(own);
            if source.witness.is_none() && !source.nullable {
                source.witness =
                    own.find(|item| item.expr.not_null()).map(|item| item.expr.clone());
            }
            source.nullable = true;
        }
        self.items.iter_mut().for_each(nullable);
    }

    pub(crate) fn push(&mut self, other: Self) -> Result<(), Error> {
        for name in &other.relations {
            if self.relations.contains(name) {
                return Err(Error::user(
                    SqlState::DUPLICATE_ALIAS,
                    format!("table name \"{name}\" specified more than once"),
                ));
            }
        }
        self.items.extend(other.items);
        self.system.extend(other.system);
        self.relations.extend(other.relations);
        self.rows.extend(other.rows);
        Ok(())
    }
}

impl Binder<'_> {
    /// The column that a name means, from the innermost level outwards.
    pub(super) fn resolve_column(&self, name: &QualifiedName) -> Result<Expr, Error> {
        match name.as_slice() {
            [column] => self.resolve_bare(column),
            [relation, column] => self.resolve_qualified(relation, column),
            [schema, relation, column]
                if self.catalog.table(&schema.text, &relation.text).is_some()
                    || crate::catalog::relation(&schema.text, &relation.text).is_some() =>
            {
                self.resolve_qualified(relation, column)
            }
            parts => {
                let all: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
                Err(at(
                    Error::refused(format!("the name {} is not supported", all.join("."))),
                    parts[0].position,
                ))
            }
        }
    }

    fn resolve_bare(&self, column: &Name) -> Result<Expr, Error> {
        if let Some(value) = self.domain_value.as_ref().filter(|_| column.text == "value") {
            return Ok(Expr { position: column.position, ..value.clone() });
        }
        for (place, scope) in self.scopes.iter().enumerate().rev() {
            let all = scope.items.iter().chain(&scope.system);
            let mut found = all.filter(|item| item.bare && item.name == column.text);
            let Some(first) = found.next() else { continue };
            if found.next().is_some() {
                return Err(at(
                    Error::user(
                        SqlState::AMBIGUOUS_COLUMN,
                        format!("column reference \"{}\" is ambiguous", column.text),
                    ),
                    column.position,
                ));
            }
            self.check_exclusive(place, column)?;
            return Ok(Expr { position: column.position, ..first.expr.clone() });
        }
        let of_table = self.scopes.iter().any(|scope| !scope.system.is_empty());
        let refused = system_column(column).filter(|_| of_table);
        Err(at(
            refused.unwrap_or_else(|| {
                Error::user(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{}\" does not exist", column.text),
                )
            }),
            column.position,
        ))
    }

    /// Refuses a column whose name is that of a variable of PL/pgSQL, too.
    fn check_exclusive(&self, scope: usize, column: &Name) -> Result<(), Error> {
        let mut variables =
            self.scopes[..scope].iter().filter(|scope| scope.of == Names::Variables);
        let is_variable = |item: &Item| item.bare && item.name == column.text;
        if !variables.any(|scope| scope.items.iter().any(is_variable)) {
            return Ok(());
        }
        let message = format!("column reference \"{}\" is ambiguous", column.text);
        let error = Error::user(SqlState::AMBIGUOUS_COLUMN, message)
            .with_detail("It could refer to either a PL/pgSQL variable or a table column.");
        Err(at(error, column.position))
    }

    fn resolve_qualified(&self, relation: &Name, column: &Name) -> Result<Expr, Error> {
        for scope in self.scopes.iter().rev() {
            if !scope.relations.contains(&relation.text) {
                continue;
            }
            let mut found = scope.items.iter().chain(&scope.system).filter(|item| {
                item.relation.as_deref() == Some(&relation.text) && item.name == column.text
            });
            let error = |state, message| Err(at(Error::user(state, message), relation.position));
            let of = Some(relation.text.as_str());
            let of_table = scope.system.iter().any(|item| item.relation.as_deref() == of);
            if let Some(refused) = system_column(column).filter(|_| of_table) {
                return Err(at(refused, relation.position));
            }
            return match (found.next(), found.next()) {
                (Some(item), None) => Ok(Expr { position: relation.position, ..item.expr.clone() }),
                (Some(_), Some(_)) => error(
                    SqlState::AMBIGUOUS_COLUMN,
                    format!("column reference \"{}\" is ambiguous", column.text),
                ),
                (None, _) => error(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column {}.{} does not exist", relation.text, column.text),
                ),
            };
        }
        let hidden = self.scopes.iter().any(|scope| scope.invalid.contains(&relation.text));
        let message = if hidden {
            format!("invalid reference to FROM-clause entry for table \"{}\"", relation.text)
        } else {
            format!("missing FROM-clause entry for table \"{}\"", relation.text)
        };
        Err(at(Error::user(SqlState::UNDEFINED_TABLE, message), relation.position))
    }
}

fn nullable(item: &mut Item) {
    if let ExprKind::Column(column) = &mut item.expr.kind {
        column.not_null = false;
    }
}

/// Where a row lies and which transactions wrote it: a table of SQLite's has no such columns.
fn system_column(column: &Name) -> Option<Error> {
    ["ctid", "xmin", "xmax", "cmin", "cmax"]
        .contains(&column.text.as_str())
        .then(|| Error::refused(format!("the system column {} is not supported", column.text)))
}
