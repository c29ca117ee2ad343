//! What depends on what: DROP asks, and so does ALTER TABLE.

use crate::model::catalog::{
    Attribute, Catalog, Column, Constraint, ConstraintKind, Function, Sequence, Table, TableKind,
    Trigger, UserType, UserTypeKind,
};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::pgdata::quote_identifier;
use crate::sql::bind::Binder;
use crate::sql::bound::{Expr, ExprKind, Query};
use crate::sql::ddl::{notice, rename, trigger};

/// Something that can be dropped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Object<'c> {
    /// A table, view or materialised view.
    Table(&'c Table),
    Sequence(&'c Sequence),
    Constraint(&'c Table, &'c Constraint),
    /// A column's default.
    Default(&'c Table, &'c Column),
    Column(&'c Table, &'c Column),
    /// A type of the database, with the arrays of it.
    Type(&'c UserType),
    /// An attribute of a composite type.
    Attribute(&'c UserType, &'c Attribute),
    Function(&'c Function),
    Trigger(&'c Trigger),
}

impl<'c> Object<'c> {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Table(left), Self::Table(right)) => left.oid == right.oid,
            (Self::Sequence(left), Self::Sequence(right)) => left.oid == right.oid,
            (Self::Type(left), Self::Type(right)) => left.oid == right.oid,
            (Self::Function(left), Self::Function(right)) => left.oid == right.oid,
            (Self::Trigger(left), Self::Trigger(right)) => left.oid == right.oid,
            (Self::Attribute(left, one), Self::Attribute(right, two)) => {
                left.oid == right.oid && one.number == two.number
            }
            (Self::Constraint(_, left), Self::Constraint(_, right)) => left.oid == right.oid,
            (Self::Default(left, one), Self::Default(right, two))
            | (Self::Column(left, one), Self::Column(right, two)) => {
                left.oid == right.oid && one.number == two.number
            }
            _ => false,
        }
    }

    /// As messages name it: `view v`, `constraint c on table t`.
    pub(super) fn label(&self, binder: &Binder<'_>) -> String {
        match self {
            Self::Table(table) => {
                format!(
                    "{} {}",
                    kind_label(table.kind),
                    visible(&table.schema, &table.name, binder)
                )
            }
            Self::Sequence(sequence) => {
                format!("sequence {}", visible(&sequence.schema, &sequence.name, binder))
            }
            Self::Type(known) => format!("type {}", binder.types().label(known.oid)),
            Self::Attribute(known, attribute) => {
                super::composite::attribute_label(known, attribute, binder)
            }
            Self::Function(known) => {
                let label = |oid: &Oid| binder.types().label(*oid).into_owned();
                let types: Vec<String> = known.argument_types.iter().map(label).collect();
                let mut name = quote_identifier(&known.name).into_owned();
                if !binder.search_path().contains(&known.schema.as_str()) {
                    name = format!("{}.{name}", quote_identifier(&known.schema));
                }
                format!("function {name}({})", types.join(","))
            }
            Self::Trigger(known) => {
                let table = binder.catalog.tables.get(&known.table);
                let table =
                    table.map(|table| Object::Table(table).label(binder)).unwrap_or_default();
                format!("trigger {} on {table}", known.name)
            }
            Self::Constraint(table, constraint) => {
                format!(
                    "constraint {} on {}",
                    quote_identifier(&constraint.name),
                    Self::Table(table).label(binder)
                )
            }
            Self::Default(table, column) => {
                format!(
                    "default value for column {} of {}",
                    quote_identifier(&column.name),
                    Self::Table(table).label(binder)
                )
            }
            Self::Column(table, column) => {
                format!(
                    "column {} of {}",
                    quote_identifier(&column.name),
                    Self::Table(table).label(binder)
                )
            }
        }
    }

    /// What depends on it directly, and isn't part of it; the oldest first.
    pub(super) fn dependents(&self, catalog: &'c Catalog) -> Vec<Object<'c>> {
        match self {
            Self::Table(table) => {
                let mut found: Vec<Object<'c>> = catalog
                    .referencing(table)
                    .into_iter()
                    .filter(|(other, _)| other.oid != table.oid)
                    .map(|(other, constraint)| Self::Constraint(other, constraint))
                    .collect();
                found.extend(views_of(table.oid, None, catalog));
                let rows = crate::catalog::row_type(table);
                found.extend(functions_of(|oid| oid == rows, catalog));
                for sequence in owned(table, None, catalog) {
                    found.extend(Self::Sequence(sequence).dependents(catalog));
                }
                found.retain(
                    |one| !matches!(one, Self::Default(other, _) if other.oid == table.oid),
                );
                found
            }
            Self::Sequence(sequence) => takers(sequence, catalog),
            Self::Column(table, column) => column_dependents(table, column, catalog),
            Self::Constraint(table, constraint) => key_dependents(table, constraint, catalog),
            Self::Type(known) => type_dependents(known, catalog),
            Self::Function(known) => {
                let measures = |other: &&UserType| matches!(&other.kind, UserTypeKind::Range(range) if range.difference == known.oid);
                let types = catalog.types.values().map(AsRef::as_ref);
                let mut found: Vec<&UserType> = types.filter(measures).collect();
                found.sort_unstable_by_key(|other| other.oid);
                let mut found: Vec<Object<'c>> = found.into_iter().map(Object::Type).collect();
                found.extend(callers(known, catalog));
                found
            }
            Self::Default(..) | Self::Attribute(..) | Self::Trigger(_) => Vec::new(),
        }
    }
}

/// Columns of a type and of arrays of it; of a view, the view.
fn type_dependents<'c>(known: &UserType, catalog: &'c Catalog) -> Vec<Object<'c>> {
    let mut tables: Vec<&Table> = catalog.tables.values().map(AsRef::as_ref).collect();
    tables.sort_unstable_by_key(|table| table.oid);
    let mut found = Vec::new();
    let mut types: Vec<&UserType> = catalog.types.values().map(AsRef::as_ref).collect();
    types.sort_unstable_by_key(|other| other.oid);
    let multirange = match &known.kind {
        UserTypeKind::Range(range) => catalog.types.get(&range.multirange),
        _ => None,
    };
    let multirange = multirange.map(|known| [known.array_oid, known.oid]).unwrap_or_default();
    // In the order of PostgreSQL's OIDs. 0 is no type.
    let all = [known.array_oid, multirange[1], multirange[0], known.oid];
    let is_part = |oid: Oid| oid != 0 && all.contains(&oid);
    for other in &types {
        if let UserTypeKind::Composite { attributes, .. } = &other.kind {
            let used = attributes.iter().filter(|one| is_part(one.data_type.oid));
            found.extend(used.map(|attribute| Object::Attribute(other, attribute)));
        }
    }
    let over = |other: &&UserType| matches!(other.kind, UserTypeKind::Domain { base, .. } if is_part(base.oid));
    found.extend(types.into_iter().filter(over).map(Object::Type));
    for oid in all {
        for table in &tables {
            let columns = table.columns.iter().filter(|column| column.data_type.oid == oid);
            match table.kind {
                TableKind::Table | TableKind::Virtual => {
                    found.extend(columns.rev().map(|column| Object::Column(table, column)));
                }
                TableKind::View | TableKind::MaterializedView => {}
            }
        }
    }
    found.extend(functions_of(is_part, catalog));
    let of_type = |column: &Column| is_part(column.data_type.oid);
    let views = tables.into_iter().filter(|table| table.view.is_some());
    found.extend(views.filter(|view| view.columns.iter().any(of_type)).map(Object::Table));
    found
}

/// Functions that take or give a type.
fn functions_of(is_it: impl Fn(Oid) -> bool, catalog: &Catalog) -> Vec<Object<'_>> {
    let uses = |function: &&Function| {
        let columns = function.columns.iter().map(|(_, oid)| *oid);
        let mut all = function.argument_types.iter().copied().chain(columns);
        is_it(function.result_type) || all.any(&is_it)
    };
    let mut functions: Vec<&Function> = catalog.functions.values().map(AsRef::as_ref).collect();
    functions.sort_unstable_by_key(|function| function.oid);
    functions.into_iter().filter(uses).map(Object::Function).collect()
}

pub(super) fn kind_label(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Table | TableKind::Virtual => "table",
        TableKind::View => "view",
        TableKind::MaterializedView => "materialized view",
    }
}

/// A name as messages have it: with the schema where the search path doesn't find it.
pub(super) fn visible(schema: &str, name: &str, binder: &Binder<'_>) -> String {
    let found = binder
        .relation_path()
        .into_iter()
        .find(|schema| binder.catalog.relation(schema, name).is_some());
    if found == Some(schema) {
        quote_identifier(name).into_owned()
    } else {
        format!("{}.{}", quote_identifier(schema), quote_identifier(name))
    }
}

/// Views that use a relation, or one column of it; by OID.
pub(super) fn views_of(oid: Oid, column: Option<i16>, catalog: &Catalog) -> Vec<Object<'_>> {
    let uses = |table: &&std::sync::Arc<Table>| {
        table.view.as_ref().is_some_and(|view| {
            view.bindings.iter().any(|binding| {
                binding.oid == oid && column.is_none_or(|number| binding.used.contains(&number))
            })
        })
    };
    let mut found: Vec<&Table> = catalog.tables.values().filter(uses).map(AsRef::as_ref).collect();
    found.sort_unstable_by_key(|table| table.oid);
    found.into_iter().map(Object::Table).collect()
}

/// The sequences that a table's columns, or one of them, own.
pub(super) fn owned<'c>(
    table: &Table,
    column: Option<i16>,
    catalog: &'c Catalog,
) -> Vec<&'c Sequence> {
    let mut found: Vec<&Sequence> = catalog
        .sequences
        .values()
        .filter(|sequence| {
            sequence.owner.as_ref().is_some_and(|(owner, number)| {
                *owner == table.stored && column.is_none_or(|column| column == *number)
            })
        })
        .map(AsRef::as_ref)
        .collect();
    found.sort_unstable_by_key(|sequence| sequence.oid);
    found
}

/// The columns whose default is a sequence's next value.
fn takers<'c>(sequence: &Sequence, catalog: &'c Catalog) -> Vec<Object<'c>> {
    let mut found: Vec<(Oid, &Table, &Column)> = catalog
        .tables
        .values()
        .flat_map(|table| table.columns.iter().map(move |column| (table.oid, &**table, column)))
        .filter(|(.., column)| column.sequence == Some(sequence.oid))
        .collect();
    found.sort_unstable_by_key(|(oid, _, column)| (*oid, column.number));
    found.into_iter().map(|(_, table, column)| Object::Default(table, column)).collect()
}

/// Views and other tables' foreign keys that use a column. Its own table's constraints go with it.
fn column_dependents<'c>(
    table: &'c Table,
    column: &Column,
    catalog: &'c Catalog,
) -> Vec<Object<'c>> {
    let mut found: Vec<Object<'c>> = catalog
        .referencing(table)
        .into_iter()
        .filter(|(other, constraint)| {
            other.oid != table.oid
                && matches!(&constraint.kind, ConstraintKind::ForeignKey { foreign_columns, .. }
                    if foreign_columns.contains(&column.name))
        })
        .map(|(other, constraint)| Object::Constraint(other, constraint))
        .collect();
    found.extend(views_of(table.oid, Some(column.number), catalog));
    found.extend(trigger::saying(table, column, catalog).into_iter().map(Object::Trigger));
    for other in &table.columns {
        let used = other.generated.as_ref().is_some_and(|text| mentions(text, &column.name));
        if used && other.number != column.number {
            found.push(Object::Column(table, other));
        }
    }
    for sequence in owned(table, Some(column.number), catalog) {
        let outside = |one: &Object<'_>| {
            !matches!(one, Object::Default(other, taker)
                if other.oid == table.oid && taker.number == column.number)
        };
        found.extend(takers(sequence, catalog).into_iter().filter(outside));
    }
    found
}

/// What says a function in defaults, CHECKs and generated columns. That is known by its name alone: another
/// function of this name that stays keeps them.
fn callers<'c>(function: &Function, catalog: &'c Catalog) -> Vec<Object<'c>> {
    let others = catalog.functions.values().any(|one| {
        one.oid != function.oid && one.name == function.name && one.schema == function.schema
    });
    let calls = |text: &String| !others && rename::calls(text, &function.name);
    let mut found = Vec::new();
    let mut tables: Vec<&Table> = catalog.tables.values().map(AsRef::as_ref).collect();
    tables.sort_unstable_by_key(|table| table.oid);
    for table in tables {
        for column in &table.columns {
            if column.default.as_ref().is_some_and(calls) {
                found.push(Object::Default(table, column));
            }
            if column.generated.as_ref().is_some_and(calls) {
                found.push(Object::Column(table, column));
            }
        }
        for constraint in &table.constraints {
            if let ConstraintKind::Check { expression } = &constraint.kind
                && calls(expression)
            {
                found.push(Object::Constraint(table, constraint));
            }
        }
    }
    found
}

/// Foreign keys that need a key.
fn key_dependents<'c>(table: &'c Table, key: &Constraint, catalog: &'c Catalog) -> Vec<Object<'c>> {
    let names = |constraint: &Constraint| -> Vec<&str> {
        constraint.columns().iter().map(|place| table.columns[*place].name.as_str()).collect()
    };
    let same = |columns: &[String], names: &[&str]| {
        columns.len() == names.len() && columns.iter().all(|name| names.contains(&name.as_str()))
    };
    if !key.is_key() {
        return Vec::new();
    }
    let own = names(key);
    catalog
        .referencing(table)
        .into_iter()
        .filter(|(_, constraint)| match &constraint.kind {
            ConstraintKind::ForeignKey { foreign_columns, .. } => {
                let others = table.constraints.iter().any(|one| {
                    one.oid != key.oid && one.is_key() && same(foreign_columns, &names(one))
                });
                same(foreign_columns, &own) && !others
            }
            _ => false,
        })
        .map(|(other, constraint)| Object::Constraint(other, constraint))
        .collect()
}

/// Whether an expression's text uses a column of this name.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    crate::sql::parser::parse_expression(text).is_ok_and(|tree| rename::uses(&tree, name))
}

/// All that goes when these go, the dependents after what they depend on.
pub(super) fn closure<'c>(targets: &[Object<'c>], catalog: &'c Catalog) -> Vec<Object<'c>> {
    fn visit<'c>(object: Object<'c>, catalog: &'c Catalog, found: &mut Vec<Object<'c>>) {
        if found.iter().any(|known| known.same(&object)) {
            return;
        }
        found.push(object);
        for dependent in object.dependents(catalog) {
            visit(dependent, catalog, found);
        }
    }
    let mut found = Vec::new();
    for target in targets {
        visit(*target, catalog, &mut found);
    }
    // What is part of something that goes isn't worth a mention.
    let tables = found.iter().filter_map(|object| match object {
        Object::Table(table) => Some((table.oid, table.stored.as_str())),
        _ => None,
    });
    let (gone, gone_names): (Vec<Oid>, Vec<&str>) = tables.unzip();
    let all_types: Vec<Oid> = found
        .iter()
        .filter_map(|object| match object {
            Object::Type(known) => Some(known.oid),
            _ => None,
        })
        .collect();
    found.retain(|object| match object {
        Object::Constraint(table, _) | Object::Default(table, _) | Object::Column(table, _) => {
            !gone.contains(&table.oid) || targets.iter().any(|target| target.same(object))
        }
        Object::Attribute(owner, _) => !all_types.contains(&owner.oid),
        Object::Trigger(known) => !gone_names.contains(&known.table.as_str()),
        Object::Table(_) | Object::Sequence(_) | Object::Type(_) | Object::Function(_) => true,
    });
    found
}

/// Refuses to drop what others depend on, or says in a notice what else goes.
///
/// # Errors
/// 2BP01.
pub(super) fn check<'c>(
    targets: &[Object<'c>],
    all: &[Object<'c>],
    cascade: bool,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let others: Vec<&Object<'c>> =
        all.iter().filter(|object| !targets.iter().any(|target| target.same(object))).collect();
    if others.is_empty() {
        return Ok(());
    }
    if cascade {
        binder
            .notices
            .push(cascades(&others.iter().map(|object| object.label(binder)).collect::<Vec<_>>()));
        return Ok(());
    }
    let catalog = binder.catalog;
    let mut lines = Vec::new();
    for other in &others {
        let on = all
            .iter()
            .find(|object| object.dependents(catalog).iter().any(|one| one.same(other)))
            .unwrap_or(&targets[0]);
        let on = match (on, other) {
            // It may be the type of arrays, or of multiranges.
            (Object::Type(_), Object::Column(_, column)) => {
                format!("type {}", binder.types().label(column.data_type.oid))
            }
            // Of a table's rows.
            (Object::Table(_), Object::Function(_)) => {
                on.label(binder).replacen("table", "type", 1)
            }
            _ => on.label(binder),
        };
        lines.push(format!("{} depends on {on}", other.label(binder)));
    }
    let message = if let [target] = targets {
        format!("cannot drop {} because other objects depend on it", target.label(binder))
    } else {
        "cannot drop desired object(s) because other objects depend on them".to_owned()
    };
    Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .with_detail(lines.join("\n"))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too."))
}

/// The notice of a DROP that takes others with it.
pub(super) fn cascades(labels: &[String]) -> Error {
    if let [only] = labels {
        return notice(format!("drop cascades to {only}"));
    }
    let lines: Vec<String> =
        labels.iter().map(|label| format!("drop cascades to {label}")).collect();
    notice(format!("drop cascades to {} other objects", labels.len())).with_detail(lines.join("\n"))
}

/// The table columns that a query uses, by their tables' OIDs.
pub(super) fn used_columns(query: &Query, used: &mut Vec<(Oid, i16)>) {
    fn of_expr(expr: &Expr, used: &mut Vec<(Oid, i16)>) {
        if let ExprKind::Column(column) = &expr.kind {
            used.push((column.table_oid, column.number));
        }
        if let Some(query) = expr.subquery() {
            used_columns(query, used);
        }
        for child in expr.children() {
            of_expr(child, used);
        }
    }
    let (exprs, queries) = query.parts();
    for expr in exprs {
        of_expr(expr, used);
    }
    for query in queries {
        used_columns(query, used);
    }
}
