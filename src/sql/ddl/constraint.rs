//! Constraints of new and of changed tables.

use crate::model::catalog::{Catalog, ConstraintKind as Known, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::sql::Step;
use crate::sql::ast::{self, ConstraintKind, ForeignKey, TableConstraint};
use crate::sql::bind::{Binder, at, relation_name};
use crate::sql::ddl::name::Chooser;
use crate::sql::ddl::record::{self, Oids, flag, names_json, optional};
use crate::sql::ddl::{quoted, quoted_list, texts};
use crate::sql::lite::{self, Expr};
use crate::sql::lower;
use crate::sql::types::{Types, type_label};

/// A table as its constraints see it: one that is being made, or one that there is.
pub(super) struct Subject<'a> {
    pub(super) table: &'a Table,
    pub(super) catalog: &'a Catalog,
}

/// A constraint with its name and what is recorded of it.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) detail: Detail,
    /// As `pg_get_constraintdef` shows it; for CHECK the expression.
    definition: String,
}

#[derive(Debug)]
pub(super) enum Detail {
    PrimaryKey,
    Unique,
    Check(Expr),
    ForeignKey { key: ForeignKey, table: String, foreign_columns: Vec<String> },
}

impl Planned {
    pub(super) fn is_key(&self) -> bool {
        matches!(self.detail, Detail::PrimaryKey | Detail::Unique)
    }

    /// SQLite's clause, for what isn't a key.
    pub(super) fn clause(&self) -> Option<lite::Constraint> {
        let kind = match &self.detail {
            Detail::PrimaryKey | Detail::Unique => return None,
            Detail::Check(expr) => lite::ConstraintKind::Check(expr.clone()),
            Detail::ForeignKey { key, table, foreign_columns } => {
                lite::ConstraintKind::ForeignKey {
                    columns: self.columns.clone(),
                    table: table.clone(),
                    foreign_columns: foreign_columns.clone(),
                    on_delete: key.on_delete,
                    on_update: key.on_update,
                    deferrable: key.deferrable,
                    initially_deferred: key.initially_deferred,
                }
            }
        };
        Some(lite::Constraint { name: self.name.clone(), kind })
    }

    /// The row that records it, and for a key that has one its index's.
    pub(super) fn record(&self, table: &str, physical_index: bool, oids: &mut Oids) -> Vec<Step> {
        let (kind, key) = match &self.detail {
            Detail::PrimaryKey => ("p", None),
            Detail::Unique => ("u", None),
            Detail::Check(_) => ("c", None),
            Detail::ForeignKey { key, table, foreign_columns } => {
                ("f", Some((key, table, foreign_columns)))
            }
        };
        let letter = |action: Option<&str>| match action {
            None | Some("NO ACTION") => 'a',
            Some("RESTRICT") => 'r',
            Some("CASCADE") => 'c',
            Some("SET NULL") => 'n',
            Some(_) => 'd',
        };
        let actions = key.map_or_else(
            || "aas".to_owned(),
            |(key, ..)| format!("{}{}s", letter(key.on_update), letter(key.on_delete)),
        );
        let mut steps = vec![record::insert(
            "_eider_constraint",
            vec![
                ("oid", oids.take()),
                ("table_name", Expr::text(table)),
                ("name", Expr::text(&self.name)),
                ("kind", Expr::text(kind)),
                ("columns", names_json(&self.columns)),
                ("definition", Expr::text(&self.definition)),
                ("foreign_table", optional(key.map(|(_, table, _)| table.as_str()))),
                ("foreign_columns", key.map_or(Expr::Null, |(.., columns)| names_json(columns))),
                ("actions", Expr::Text(actions)),
                ("is_deferrable", flag(key.is_some_and(|(key, ..)| key.deferrable))),
                ("initially_deferred", flag(key.is_some_and(|(key, ..)| key.initially_deferred))),
            ],
        )];
        if self.is_key() && physical_index {
            let definition = format!(
                "CREATE UNIQUE INDEX {} ON public.{} USING btree ({})",
                quoted(&self.name),
                quoted(table),
                quoted_list(&self.columns)
            );
            steps.push(record_index(&self.name, table, &definition, oids));
        }
        steps
    }

    /// The unique index that a key is in SQLite.
    pub(super) fn index(&self, table: &str) -> lite::Statement {
        lite::Statement::CreateIndex(lite::CreateIndex {
            name: self.name.clone(),
            table: table.to_owned(),
            unique: true,
            keys: self.columns.iter().map(|column| (Expr::column(column), false)).collect(),
            filter: None,
        })
    }
}

pub(super) fn record_index(name: &str, table: &str, definition: &str, oids: &mut Oids) -> Step {
    record::insert(
        "_eider_index",
        vec![
            ("name", Expr::text(name)),
            ("oid", oids.take()),
            ("table_name", Expr::text(table)),
            ("definition", Expr::text(definition)),
        ],
    )
}

/// Names a constraint and checks what it refers to.
pub(super) fn plan(
    constraint: &TableConstraint,
    subject: &Subject<'_>,
    chooser: &mut Chooser<'_>,
    binder: &mut Binder<'_>,
) -> Result<Planned, Error> {
    let table = &subject.table.name;
    let (columns, detail, definition, label) = match &constraint.kind {
        ConstraintKind::PrimaryKey(names) => {
            let columns = own_columns(subject.table, names)?;
            let definition = format!("PRIMARY KEY ({})", quoted_list(&columns));
            (columns, Detail::PrimaryKey, definition, "pkey")
        }
        ConstraintKind::Unique(names) => {
            let columns = own_columns(subject.table, names)?;
            let definition = format!("UNIQUE ({})", quoted_list(&columns));
            (columns, Detail::Unique, definition, "key")
        }
        ConstraintKind::Check(source) => {
            let (expr, columns) = check(source, subject.table, binder)?;
            (columns, Detail::Check(expr), source.text.clone(), "check")
        }
        ConstraintKind::ForeignKey(key) => {
            let columns = own_columns(subject.table, &key.columns)?;
            let (foreign, foreign_columns) = foreign_key(key, &columns, subject)?;
            let definition = foreign_key_definition(key, &columns, &foreign, &foreign_columns);
            (
                columns,
                Detail::ForeignKey { key: key.clone(), table: foreign, foreign_columns },
                definition,
                "fkey",
            )
        }
    };
    let named_columns = match &detail {
        Detail::PrimaryKey => String::new(),
        Detail::Check(_) if columns.len() != 1 => String::new(),
        _ => columns.join("_"),
    };
    let name = match &constraint.name {
        None => chooser.choose(table, &named_columns, label),
        Some(name) => {
            if subject.table.constraints.iter().any(|known| known.name == name.text) {
                let message =
                    format!("constraint \"{}\" for relation \"{table}\" already exists", name.text);
                return Err(at(Error::user(SqlState::DUPLICATE_OBJECT, message), name.position));
            }
            if matches!(detail, Detail::PrimaryKey | Detail::Unique)
                && subject.catalog.indexes.contains_key(&name.text)
            {
                return Err(Error::user(
                    SqlState::DUPLICATE_TABLE,
                    format!("relation \"{}\" already exists", name.text),
                ));
            }
            chooser.claim(&name.text);
            name.text.clone()
        }
    };
    Ok(Planned { name, columns, detail, definition })
}

fn own_columns(table: &Table, names: &[ast::Name]) -> Result<Vec<String>, Error> {
    for (place, name) in names.iter().enumerate() {
        if !table.columns.iter().any(|column| column.name == name.text) {
            let message = format!("column \"{}\" named in key does not exist", name.text);
            return Err(at(Error::user(SqlState::UNDEFINED_COLUMN, message), name.position));
        }
        if names[..place].iter().any(|other| other.text == name.text) {
            let message = format!("column \"{}\" appears twice in a key", name.text);
            return Err(at(Error::user(SqlState::DUPLICATE_COLUMN, message), name.position));
        }
    }
    Ok(texts(names))
}

/// A CHECK expression over the table's columns, and the columns that it uses.
fn check(
    source: &ast::SourceExpr,
    table: &Table,
    binder: &mut Binder<'_>,
) -> Result<(Expr, Vec<String>), Error> {
    let (bound, id) = binder.over_table(&source.expr, table)?;
    let bound = binder.boolean(bound, "CHECK")?;
    if bound.has_aggregate() {
        let message = "aggregate functions are not allowed in check constraints";
        return Err(at(Error::user(SqlState::GROUPING_ERROR, message), bound.position));
    }
    let mut columns = Vec::new();
    used_columns(&bound, &mut columns);
    if has_subquery(&bound) {
        return Err(at(Error::refused("cannot use subquery in check constraint"), bound.position));
    }
    Ok((lower::stored_expression(&bound, id, binder.relation_names())?, columns))
}

fn used_columns(expr: &crate::sql::bound::Expr, columns: &mut Vec<String>) {
    if let crate::sql::bound::ExprKind::Column(column) = &expr.kind
        && !columns.contains(&column.name)
    {
        columns.push(column.name.clone());
    }
    expr.children().into_iter().for_each(|child| used_columns(child, columns));
}

fn has_subquery(expr: &crate::sql::bound::Expr) -> bool {
    expr.subquery().is_some() || expr.children().into_iter().any(has_subquery)
}

/// The table and columns that a foreign key refers to.
fn foreign_key(
    key: &ForeignKey,
    columns: &[String],
    subject: &Subject<'_>,
) -> Result<(String, Vec<String>), Error> {
    let name = relation_name(&key.table)?;
    let missing = || crate::sql::bind::no_such_relation(&key.table);
    let name = name.ok_or_else(missing)?;
    let foreign: &Table = if name.text == subject.table.name {
        subject.table
    } else {
        subject.catalog.tables.get(&name.text).ok_or_else(missing)?
    };
    let keys: Vec<(bool, Vec<&str>)> = foreign
        .constraints
        .iter()
        .filter_map(|constraint| match &constraint.kind {
            Known::PrimaryKey { columns } => Some((true, column_names(foreign, columns))),
            Known::Unique { columns } => Some((false, column_names(foreign, columns))),
            Known::Check { .. } | Known::ForeignKey { .. } => None,
        })
        .collect();
    let referenced: Vec<String> = if key.foreign_columns.is_empty() {
        let primary = keys.iter().find(|(primary, _)| *primary).ok_or_else(|| {
            let message =
                format!("there is no primary key for referenced table \"{}\"", foreign.name);
            Error::user(SqlState::UNDEFINED_OBJECT, message)
        })?;
        primary.1.iter().map(|name| (*name).to_owned()).collect()
    } else {
        texts(&key.foreign_columns)
    };
    let type_of = |table: &Table, name: &str| {
        table.columns.iter().find(|column| column.name == *name).map(|column| column.data_type)
    };
    for name in &referenced {
        if type_of(foreign, name).is_none() {
            let message =
                format!("column \"{name}\" referenced in foreign key constraint does not exist");
            return Err(Error::user(SqlState::UNDEFINED_COLUMN, message));
        }
    }
    if referenced.len() != columns.len() {
        let message = "number of referencing and referenced columns for foreign key disagree";
        return Err(Error::user(SqlState::INVALID_FOREIGN_KEY, message));
    }
    let unique = keys.iter().any(|(_, names)| {
        names.len() == referenced.len()
            && names.iter().all(|name| referenced.iter().any(|other| other == name))
    });
    let indexed = subject.catalog.indexes.values().any(|index| {
        index.unique
            && !index.partial
            && index.table == foreign.name
            && index.columns.len() == referenced.len()
            && index
                .columns
                .iter()
                .all(|name| name.as_ref().is_some_and(|name| referenced.contains(name)))
    });
    if !unique && !indexed {
        let message = format!(
            "there is no unique constraint matching given keys for referenced table \"{}\"",
            foreign.name
        );
        return Err(Error::user(SqlState::INVALID_FOREIGN_KEY, message));
    }
    for (own, other) in columns.iter().zip(&referenced) {
        comparable(type_of(subject.table, own), type_of(foreign, other), own, other)?;
    }
    Ok((foreign.name.clone(), referenced))
}

fn comparable(
    own: Option<PgType>,
    other: Option<PgType>,
    own_name: &str,
    other_name: &str,
) -> Result<(), Error> {
    let (Some(own), Some(other)) = (own, other) else { return Ok(()) };
    let equal = crate::sql::types::equality_operands(Types::BUILTIN, own.oid, other.oid);
    // The stored forms must be equal too: numeric and integer are not.
    let numeric = PgType::NUMERIC.oid;
    let stored_alike = (own.oid == numeric) == (other.oid == numeric);
    if equal.is_some() && stored_alike {
        return Ok(());
    }
    Err(Error::user(SqlState::DATATYPE_MISMATCH, "foreign key constraint cannot be implemented")
        .with_detail(format!(
            "Key columns \"{own_name}\" and \"{other_name}\" are of incompatible types: {} and {}.",
            type_label(own.oid),
            type_label(other.oid)
        )))
}

fn column_names<'t>(table: &'t Table, places: &[usize]) -> Vec<&'t str> {
    places.iter().map(|place| table.columns[*place].name.as_str()).collect()
}

/// As `pg_get_constraintdef` shows a foreign key.
fn foreign_key_definition(
    key: &ForeignKey,
    columns: &[String],
    foreign: &str,
    foreign_columns: &[String],
) -> String {
    let mut definition = format!(
        "FOREIGN KEY ({}) REFERENCES {}({})",
        quoted_list(columns),
        quoted(foreign),
        quoted_list(foreign_columns)
    );
    for (event, action) in [(" ON UPDATE ", key.on_update), (" ON DELETE ", key.on_delete)] {
        if let Some(action) = action.filter(|action| *action != "NO ACTION") {
            definition.push_str(event);
            definition.push_str(action);
        }
    }
    if key.deferrable {
        definition.push_str(" DEFERRABLE");
    }
    if key.initially_deferred {
        definition.push_str(" INITIALLY DEFERRED");
    }
    definition
}
