//! Constraints of new and of changed tables.

use crate::model::catalog::{
    Constraint, ConstraintKind as Known, Index, IndexKey, KeyActions, Table, TableKind,
};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::sql::ast::{self, ConstraintKind, ForeignKey, KeyClause, Name, TableConstraint};
use crate::sql::bind::{Binder, at};
use crate::sql::bound;
use crate::sql::ddl::Work;
use crate::sql::ddl::name::{Chooser, NewName};
use crate::sql::types::{Types, equality_operands, is_integer, is_unordered, no_operator_class};

/// A constraint, and the index of a key.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) constraint: Constraint,
    pub(super) index: Option<Index>,
}

/// Names a constraint and checks what it refers to. `fresh`: the table is being made, so that an
/// integer key can be its row id.
pub(super) fn plan(
    tree: &TableConstraint,
    (table, fresh): (&Table, bool),
    chooser: &mut Chooser<'_>,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<Planned, Error> {
    if tree.no_inherit && !matches!(tree.kind, ConstraintKind::Check(_)) {
        return Err(Error::user(SqlState::SYNTAX_ERROR, "syntax error at or near \"NO\""));
    }
    match &tree.kind {
        ConstraintKind::PrimaryKey(clause) | ConstraintKind::Unique(clause) => {
            let primary = matches!(tree.kind, ConstraintKind::PrimaryKey(_));
            let chosen =
                Chosen { primary, clause, name: tree.name.as_ref(), position: tree.position };
            key(&chosen, (table, fresh), chooser, work, binder)
        }
        ConstraintKind::Check(source) => {
            let columns = check_columns(source, table, binder)?;
            let named = if let [only] = columns.as_slice() { only.as_str() } else { "" };
            let name = constraint_name(tree.name.as_ref(), table, (named, "check"), chooser)?;
            let kind = Known::Check { expression: source.text.clone() };
            let constraint = Constraint {
                no_inherit: tree.no_inherit,
                validated: !tree.not_valid,
                ..Constraint::new(work.oids.take(), name, kind)
            };
            Ok(Planned { constraint, index: None })
        }
        ConstraintKind::ForeignKey(clause) => {
            let columns =
                own_places(table, &clause.columns, "referenced in foreign key constraint")?;
            let labels = labels(table, &columns);
            let name =
                constraint_name(tree.name.as_ref(), table, (&labels.join("_"), "fkey"), chooser)?;
            let (foreign, foreign_columns) = foreign_key(clause, (&name, &columns), table, binder)?;
            let kind = Known::ForeignKey {
                columns,
                table: foreign,
                foreign_columns,
                actions: KeyActions {
                    on_update: clause.on_update,
                    on_delete: clause.on_delete,
                    matching: if clause.match_full { 'f' } else { 's' },
                },
            };
            let constraint = Constraint {
                deferrable: tree.deferrable,
                initially_deferred: tree.initially_deferred,
                validated: !tree.not_valid,
                ..Constraint::new(work.oids.take(), name, kind)
            };
            Ok(Planned { constraint, index: None })
        }
    }
}

/// The given name, or one that is free.
fn constraint_name(
    given: Option<&Name>,
    table: &Table,
    (columns, label): (&str, &str),
    chooser: &mut Chooser<'_>,
) -> Result<String, Error> {
    let Some(name) = given else { return Ok(chooser.choose(&table.name, columns, label)) };
    if table.constraints.iter().any(|known| known.name == name.text) {
        let message =
            format!("constraint \"{}\" for relation \"{}\" already exists", name.text, table.name);
        return Err(Error::user(SqlState::DUPLICATE_OBJECT, message));
    }
    chooser.claim(&name.text);
    Ok(name.text.clone())
}

struct Chosen<'t> {
    primary: bool,
    clause: &'t KeyClause,
    name: Option<&'t Name>,
    position: u32,
}

fn key(
    tree: &Chosen<'_>,
    (table, fresh): (&Table, bool),
    chooser: &mut Chooser<'_>,
    work: &mut Work,
    binder: &Binder<'_>,
) -> Result<Planned, Error> {
    let has_primary =
        table.constraints.iter().any(|known| matches!(known.kind, Known::PrimaryKey { .. }));
    if tree.primary && has_primary {
        let message = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
        let error = Error::user(SqlState::INVALID_TABLE_DEFINITION, message);
        return Err(at(error, if fresh { tree.position } else { 0 }));
    }
    if let Some(index) = &tree.clause.using_index {
        return adopted(tree, index, table, work, binder);
    }
    let places = own_places(table, &tree.clause.columns, "named in key")?;
    for (at_place, place) in places.iter().enumerate() {
        if places[..at_place].contains(place) {
            let what = if tree.primary { "primary key" } else { "unique" };
            let message = format!(
                "column \"{}\" appears twice in {what} constraint",
                table.columns[*place].name
            );
            return Err(at(Error::user(SqlState::DUPLICATE_COLUMN, message), tree.position));
        }
    }
    let types = places.iter().map(|place| table.columns[*place].data_type.oid);
    if let Some(unordered) = types.into_iter().find(|oid| is_unordered(*oid)) {
        return Err(no_operator_class(unordered));
    }
    let labels = labels(table, &places);
    let name = match tree.name {
        Some(name) => {
            let taken = binder.catalog.relation(&table.schema, &name.text).is_some();
            if taken {
                return Err(Error::user(
                    SqlState::DUPLICATE_TABLE,
                    format!("relation \"{}\" already exists", name.text),
                ));
            }
            constraint_name(tree.name, table, ("", ""), chooser)?
        }
        None if tree.primary => chooser.choose(&table.name, "", "pkey"),
        None => chooser.choose(&table.name, &labels.join("_"), "key"),
    };
    let include = texts_in(table, &tree.clause.include)?;
    let row_key = fresh
        && tree.primary
        && include.is_empty()
        && matches!(places.as_slice(), [only] if is_integer(table.columns[*only].data_type.oid)
            && table.columns[*only].generated.is_none());
    let oid = work.oids.take();
    let kind = if tree.primary {
        Known::PrimaryKey { columns: places.clone() }
    } else {
        Known::Unique { columns: places.clone() }
    };
    let index = (!row_key).then(|| {
        let placed = chooser.place(&name);
        Index {
            include,
            nulls_not_distinct: tree.clause.nulls_not_distinct,
            ..key_index(placed, work.oids.take(), table, &places)
        }
    });
    let constraint = Constraint {
        index: index.as_ref().map(|index| index.stored.clone()),
        ..Constraint::new(oid, name, kind)
    };
    Ok(Planned { constraint, index })
}

/// The index of a key.
fn key_index(name: NewName, oid: u32, table: &Table, places: &[usize]) -> Index {
    Index {
        oid,
        schema: name.schema,
        name: name.name,
        stored: name.stored,
        table: table.stored.clone(),
        unique: true,
        columns: Vec::new(),
        partial: false,
        method: "btree".to_owned(),
        keys: places
            .iter()
            .map(|place| IndexKey {
                column: Some(table.columns[*place].number),
                expression: None,
                descending: false,
                nulls_first: false,
                operator_class: None,
            })
            .collect(),
        include: Vec::new(),
        predicate: None,
        nulls_not_distinct: false,
    }
}

/// USING INDEX: the index becomes the constraint's.
fn adopted(
    tree: &Chosen<'_>,
    name: &Name,
    table: &Table,
    work: &mut Work,
    binder: &Binder<'_>,
) -> Result<Planned, Error> {
    let index = binder.catalog.index(&table.schema, &name.text).ok_or_else(|| {
        let message = format!("index \"{}\" does not exist", name.text);
        Error::user(SqlState::UNDEFINED_OBJECT, message)
    })?;
    let wrong = |message: String| {
        Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message)
            .with_detail("Cannot create a primary key or unique constraint using such an index."))
    };
    if index.table != table.stored {
        let message =
            format!("index \"{}\" does not belong to table \"{}\"", index.name, table.name);
        return Err(Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
    }
    if !index.unique {
        return wrong(format!("\"{}\" is not a unique index", index.name));
    }
    if index.predicate.is_some() {
        return wrong(format!("\"{}\" is a partial index", index.name));
    }
    let places: Option<Vec<usize>> = index
        .keys
        .iter()
        .map(|key| table.columns.iter().position(|column| Some(column.number) == key.column))
        .collect();
    let Some(columns) = places.filter(|places| !places.is_empty()) else {
        return wrong(format!("index \"{}\" contains expressions", index.name));
    };
    if tree.name.is_some_and(|given| given.text != index.name) {
        return Err(Error::refused(
            "ADD CONSTRAINT USING INDEX with another name than the index's is not supported",
        ));
    }
    let kind = if tree.primary { Known::PrimaryKey { columns } } else { Known::Unique { columns } };
    let constraint = Constraint {
        index: Some(index.stored.clone()),
        ..Constraint::new(work.oids.take(), index.name.clone(), kind)
    };
    Ok(Planned { constraint, index: None })
}

fn labels<'t>(table: &'t Table, places: &[usize]) -> Vec<&'t str> {
    places.iter().map(|place| table.columns[*place].name.as_str()).collect()
}

fn own_places(table: &Table, names: &[Name], what: &str) -> Result<Vec<usize>, Error> {
    let place = |name: &Name| {
        table.columns.iter().position(|column| column.name == name.text).ok_or_else(|| {
            let message = format!("column \"{}\" {what} does not exist", name.text);
            let error = Error::user(SqlState::UNDEFINED_COLUMN, message);
            if what == "named in key" { at(error, name.position) } else { error }
        })
    };
    names.iter().map(place).collect()
}

fn texts_in(table: &Table, names: &[Name]) -> Result<Vec<String>, Error> {
    let places = own_places(table, names, "named in key")?;
    Ok(places.into_iter().map(|place| table.columns[place].name.clone()).collect())
}

/// Checks a CHECK expression over the table's columns; the names of the columns that it uses.
fn check_columns(
    source: &ast::SourceExpr,
    table: &Table,
    binder: &mut Binder<'_>,
) -> Result<Vec<String>, Error> {
    let (bound, id) = binder.over_table(&source.expr, table)?;
    let bound = binder.boolean(bound, "CHECK")?;
    if bound.has_aggregate() {
        let message = "aggregate functions are not allowed in check constraints";
        return Err(at(Error::user(SqlState::GROUPING_ERROR, message), bound.position));
    }
    if has_subquery(&bound) {
        return Err(at(Error::refused("cannot use subquery in check constraint"), bound.position));
    }
    crate::sql::lower::stored_expression(&bound, id, binder.relation_names(), binder.types())?;
    let mut stored = Vec::new();
    used_columns(&bound, &mut stored);
    let name = |stored: &String| {
        let column = table.columns.iter().find(|column| column.stored == *stored);
        column.map(|column| column.name.clone())
    };
    Ok(stored.iter().filter_map(name).collect())
}

/// SQLite's names of the columns that an expression uses.
pub(in crate::sql) fn used_columns(expr: &bound::Expr, columns: &mut Vec<String>) {
    if let bound::ExprKind::Column(column) = &expr.kind
        && !columns.contains(&column.name)
    {
        columns.push(column.name.clone());
    }
    expr.children().into_iter().for_each(|child| used_columns(child, columns));
}

pub(super) fn has_subquery(expr: &bound::Expr) -> bool {
    expr.subquery().is_some() || expr.children().into_iter().any(has_subquery)
}

/// The stored name of the table, and the columns, that a foreign key refers to.
fn foreign_key(
    key: &ForeignKey,
    (name, columns): (&str, &[usize]),
    table: &Table,
    binder: &Binder<'_>,
) -> Result<(String, Vec<String>), Error> {
    let (schema, last) = binder.qualified(&key.table)?;
    let itself = last.text == table.name && schema.is_none_or(|schema| schema.text == table.schema);
    let foreign: &Table = if itself { table } else { binder.opened(&key.table)? };
    if foreign.kind != TableKind::Table {
        let message = format!("referenced relation \"{}\" is not a table", foreign.name);
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
    }
    let referenced = referenced_columns(key, foreign)?;
    if referenced.len() != columns.len() {
        let message = "number of referencing and referenced columns for foreign key disagree";
        return Err(Error::user(SqlState::INVALID_FOREIGN_KEY, message));
    }
    if !is_unique(foreign, &referenced, binder) {
        let message = format!(
            "there is no unique constraint matching given keys for referenced table \"{}\"",
            foreign.name
        );
        return Err(Error::user(SqlState::INVALID_FOREIGN_KEY, message));
    }
    for (place, other) in columns.iter().zip(&referenced) {
        let own = &table.columns[*place];
        let other =
            foreign.column(other).ok_or_else(|| Error::internal("a key's column is gone"))?;
        if !comparable(binder.types(), own.data_type, other.data_type) {
            let message = format!("foreign key constraint \"{name}\" cannot be implemented");
            return Err(Error::user(SqlState::DATATYPE_MISMATCH, message).with_detail(format!(
                "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
                own.name,
                other.name,
                binder.types().label(own.data_type.oid),
                binder.types().label(other.data_type.oid)
            )));
        }
    }
    Ok((foreign.stored.clone(), referenced))
}

fn referenced_columns(key: &ForeignKey, foreign: &Table) -> Result<Vec<String>, Error> {
    if key.foreign_columns.is_empty() {
        let primary = foreign.constraints.iter().find_map(|constraint| match &constraint.kind {
            Known::PrimaryKey { columns } => Some(columns),
            _ => None,
        });
        return primary
            .map(|places| labels(foreign, places).into_iter().map(str::to_owned).collect())
            .ok_or_else(|| {
                let message =
                    format!("there is no primary key for referenced table \"{}\"", foreign.name);
                Error::user(SqlState::UNDEFINED_OBJECT, message)
            });
    }
    let places = own_places(foreign, &key.foreign_columns, "referenced in foreign key constraint")?;
    Ok(labels(foreign, &places).into_iter().map(str::to_owned).collect())
}

fn is_unique(foreign: &Table, referenced: &[String], binder: &Binder<'_>) -> bool {
    let same = |names: &[&str]| {
        names.len() == referenced.len()
            && names.iter().all(|name| referenced.iter().any(|other| other == name))
    };
    let distinct = |constraint: &Constraint| {
        let index = constraint.index.as_ref().and_then(|index| binder.catalog.indexes.get(index));
        !index.is_some_and(|index| index.nulls_not_distinct)
    };
    let by_key = foreign.constraints.iter().any(|constraint| {
        constraint.is_key() && distinct(constraint) && same(&labels(foreign, constraint.columns()))
    });
    by_key
        || binder.catalog.indexes_of(foreign).iter().any(|index| {
            let names: Option<Vec<&str>> = index
                .columns
                .iter()
                .map(|stored| {
                    let stored = stored.as_ref()?;
                    let column = foreign.columns.iter().find(|column| column.stored == *stored)?;
                    Some(column.name.as_str())
                })
                .collect();
            let plain = index.unique && !index.partial && !index.nulls_not_distinct;
            plain && names.is_some_and(|names| same(&names))
        })
}

fn comparable(types: Types<'_>, own: PgType, other: PgType) -> bool {
    let equal = equality_operands(types, own.oid, other.oid);
    // The stored forms must be equal too: numeric and integer are not.
    let numeric = PgType::NUMERIC.oid;
    let stored_alike = (own.oid == numeric) == (other.oid == numeric);
    equal.is_some() && stored_alike
}
