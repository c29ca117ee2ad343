//! CREATE DOMAIN and ALTER DOMAIN.

use std::sync::Arc;

use crate::model::catalog::{Catalog, DomainConstraint, Table, TableKind, UserType, UserTypeKind};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::TypeKind;
use crate::sql::ast::{CreateDomain, DomainChange, Name, QualifiedName, SourceExpr};
use crate::sql::bind::{Binder, label};
use crate::sql::bound::{self, ExprKind};
use crate::sql::ddl::record::{self, flag, number, optional};
use crate::sql::ddl::{Work, alter, composite, privilege, retouch, skipping, temporary, user_type};
use crate::sql::lite::{self, Expr};
use crate::sql::lower::Lower;
use crate::sql::types::{Types, lookup_type};
use crate::sql::{Action, Step, StepRole};

pub(super) fn create(tree: &CreateDomain, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let (schema, name) = user_type::new_name(&tree.name, binder)?;
    let base = lookup_type(binder.types(), &tree.data_type).map_err(|mut error| {
        error.fields_mut().position = None;
        error
    })?;
    if binder.types().kind(base.oid) == TypeKind::Pseudo {
        let shown = label(&tree.data_type.name);
        let message = format!("\"{shown}\" is not a valid base type for a domain");
        return Err(Error::user(SqlState::DATATYPE_MISMATCH, message));
    }
    let mut work = Work::new(binder);
    temporary::ensure(&schema, &mut work, binder);
    let array_oid = work.oids.take();
    let oid = work.oids.take();
    let default = match &tree.default {
        Some(source) => default_text(source, base, &name, binder)?,
        None => None,
    };
    let mut constraints: Vec<DomainConstraint> = Vec::new();
    for (given, source) in &tree.checks {
        let check_name = match given {
            Some(given) => {
                if constraints.iter().any(|known| known.name == given.text) {
                    return Err(taken(&given.text, &name));
                }
                given.text.clone()
            }
            None => free_name(&name, &constraints),
        };
        let check = DomainConstraint {
            oid: work.oids.take(),
            name: check_name,
            expression: source.text.clone(),
            validated: true,
        };
        check_expression(&check.expression, base, binder)?;
        constraints.push(check);
    }
    let mut row = user_type::row((oid, array_oid), (&schema, &name), "d");
    row.extend([
        ("base_oid", number(base.oid)),
        ("base_modifier", Expr::Integer(i64::from(base.modifier))),
        ("not_null", flag(tree.not_null)),
        ("default_text", optional(default.as_deref())),
    ]);
    work.push(record::insert("_eider_type", row));
    for check in &constraints {
        work.push(check_row(oid, check));
    }
    privilege::new_object(('T', user_type::PG_TYPE, oid), &schema, &mut work, binder);
    Ok(work.finish("CREATE DOMAIN"))
}

fn taken(constraint: &str, domain: &str) -> Error {
    let message = format!("constraint \"{constraint}\" for domain \"{domain}\" already exists");
    Error::user(SqlState::DUPLICATE_OBJECT, message)
}

fn free_name(domain: &str, constraints: &[DomainConstraint]) -> String {
    let plain = format!("{domain}_check");
    let mut name = plain.clone();
    let mut place = 1;
    while constraints.iter().any(|known| known.name == name) {
        name = format!("{plain}{place}");
        place += 1;
    }
    name
}

fn check_row(domain: Oid, check: &DomainConstraint) -> Step {
    record::insert(
        "_eider_domain_constraint",
        vec![
            ("oid", number(check.oid)),
            ("type_oid", number(domain)),
            ("name", Expr::text(&check.name)),
            ("definition", Expr::text(&check.expression)),
            ("validated", flag(check.validated)),
        ],
    )
}

/// A default's text; DEFAULT NULL is none.
fn default_text(
    source: &SourceExpr,
    base: PgType,
    domain: &str,
    binder: &mut Binder<'_>,
) -> Result<Option<String>, Error> {
    if matches!(source.expr.kind, crate::sql::ast::ExprKind::Null) {
        return Ok(None);
    }
    let column = crate::model::catalog::Column::new(1, domain, base);
    binder.defined_default(&source.text, &column)?;
    binder.sequences.clear();
    Ok(Some(source.text.clone()))
}

/// Finds out whether a CHECK can be bound.
fn check_expression(text: &str, base: PgType, binder: &mut Binder<'_>) -> Result<(), Error> {
    let value = bound::Expr::constant(crate::model::value::Value::Null, base, 0);
    let bound = binder.domain_check(text, value)?;
    if super::constraint::has_subquery(&bound) {
        return Err(Error::refused("cannot use subquery in check constraint"));
    }
    Ok(())
}

/// The parts of a domain that ALTER changes.
struct Parts {
    base: PgType,
    not_null: bool,
    default: Option<String>,
    constraints: Vec<DomainConstraint>,
}

pub(super) fn alter(
    name: &QualifiedName,
    change: &DomainChange,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    const TAG: &str = "ALTER DOMAIN";
    let known = user_type::named(name, "a domain", binder)?;
    let UserTypeKind::Domain { base, not_null, default, constraints } = &known.kind else {
        let message = format!("{} is not a domain", binder.types().label(known.oid));
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
    };
    let mut parts = Parts {
        base: *base,
        not_null: *not_null,
        default: default.clone(),
        constraints: constraints.clone(),
    };
    let looks_at_values = matches!(
        change,
        DomainChange::NotNull(true)
            | DomainChange::AddCheck { not_valid: false, .. }
            | DomainChange::Validate(_)
    );
    if looks_at_values {
        composite::check_not_inside(known, binder)?;
    }
    let mut work = Work::new(binder);
    match change {
        DomainChange::Other(change) => return user_type::alter(known, change, TAG, binder),
        DomainChange::SetDefault(source) => {
            parts.default = match source {
                Some(source) => default_text(source, *base, &known.name, binder)?,
                None => None,
            };
        }
        DomainChange::NotNull(wanted) => {
            if *wanted && !parts.not_null {
                no_nulls(known, &mut work, binder);
            }
            parts.not_null = *wanted;
        }
        DomainChange::AddCheck { name, check, not_valid } => {
            let check = (name.as_ref(), check, *not_valid);
            add_check(known, check, &mut parts, &mut work, binder)?;
        }
        _ => {
            if let Some(nothing) = alter_check(known, change, &mut parts, &mut work, binder)? {
                return Ok(nothing);
            }
        }
    }
    work.push(record::update(
        "_eider_type",
        vec![
            ("not_null", flag(parts.not_null)),
            ("default_text", optional(parts.default.as_deref())),
        ],
        &[("oid", known.oid.into())],
    ));
    let kind = UserTypeKind::Domain {
        base: parts.base,
        not_null: parts.not_null,
        default: parts.default,
        constraints: parts.constraints,
    };
    let changed = UserType { kind, ..known.clone() };
    retouch::with_type(changed, &|_, _| Ok(None), &mut work, binder)?;
    Ok(work.finish(TAG))
}

/// ADD CONSTRAINT, with the name if one is given, and whether it is NOT VALID.
fn add_check(
    known: &UserType,
    (name, source, not_valid): (Option<&Name>, &SourceExpr, bool),
    parts: &mut Parts,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    let name = match name {
        Some(name) if parts.constraints.iter().any(|one| one.name == name.text) => {
            return Err(taken(&name.text, &known.name));
        }
        Some(name) => name.text.clone(),
        None => free_name(&known.name, &parts.constraints),
    };
    let check = DomainConstraint {
        oid: work.oids.take(),
        name,
        expression: source.text.clone(),
        validated: !not_valid,
    };
    check_expression(&check.expression, parts.base, binder)?;
    if check.validated {
        all_hold(known, &check, work, binder)?;
    }
    work.push(check_row(known.oid, &check));
    parts.constraints.push(check);
    Ok(())
}

/// Changes of a CHECK that is there. An action where there is nothing to do.
fn alter_check(
    known: &UserType,
    change: &DomainChange,
    parts: &mut Parts,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<Option<Action>, Error> {
    let (DomainChange::DropConstraint { name: wanted, .. }
    | DomainChange::RenameConstraint { from: wanted, .. }
    | DomainChange::Validate(wanted)) = change
    else {
        return Err(Error::internal("this change is of no constraint"));
    };
    let place = parts.constraints.iter().position(|one| one.name == wanted.text);
    let Some(place) = place else {
        let shown = binder.types().label(known.oid);
        let of = if matches!(change, DomainChange::RenameConstraint { .. }) {
            format!("for domain {shown}")
        } else {
            format!("of domain \"{}\"", known.name)
        };
        let message = format!("constraint \"{}\" {of} does not exist", wanted.text);
        let error = Error::user(SqlState::UNDEFINED_OBJECT, message);
        return match change {
            DomainChange::DropConstraint { if_exists: true, .. } => {
                Ok(Some(skipping("ALTER DOMAIN", &error)))
            }
            _ => Err(error),
        };
    };
    let check = parts.constraints[place].clone();
    let key = [("oid", check.oid.into())];
    match change {
        DomainChange::DropConstraint { .. } => {
            parts.constraints.remove(place);
            work.push(record::delete("_eider_domain_constraint", &key));
        }
        DomainChange::RenameConstraint { to, .. } => {
            if parts.constraints.iter().any(|one| one.name == to.text) {
                let shown = binder.types().label(known.oid);
                let message =
                    format!("constraint \"{}\" for domain {shown} already exists", to.text);
                return Err(Error::user(SqlState::DUPLICATE_OBJECT, message));
            }
            parts.constraints[place].name.clone_from(&to.text);
            let name = vec![("name", Expr::text(&to.text))];
            work.push(record::update("_eider_domain_constraint", name, &key));
        }
        _ => {
            if !check.validated {
                all_hold(known, &check, work, binder)?;
            }
            parts.constraints[place].validated = true;
            let valid = vec![("validated", flag(true))];
            work.push(record::update("_eider_domain_constraint", valid, &key));
        }
    }
    Ok(None)
}

/// The tables with columns of a domain, or of one over it, and those columns' places.
fn users<'c>(domain: Oid, catalog: &'c Catalog, types: Types<'_>) -> Vec<(&'c Arc<Table>, usize)> {
    let mut tables: Vec<&Arc<Table>> =
        catalog.tables.values().filter(|table| table.kind != TableKind::View).collect();
    tables.sort_unstable_by_key(|table| table.oid);
    let mut found = Vec::new();
    for table in tables {
        for (place, column) in table.columns.iter().enumerate() {
            if types.is_over(column.data_type.oid, domain) {
                found.push((table, place));
            }
        }
    }
    found
}

/// Asks whether columns of the domain have NULLs.
fn no_nulls(known: &UserType, work: &mut Work, binder: &Binder<'_>) {
    for (table, place) in users(known.oid, binder.catalog, binder.types()) {
        let column = &table.columns[place];
        let null = Expr::IsNull { operand: Box::new(Expr::column(&column.stored)), negated: false };
        let message =
            format!("column \"{}\" of table \"{}\" contains null values", column.name, table.name);
        let error = about(Error::user(SqlState::NOT_NULL_VIOLATION, message), table, place);
        work.push(alter::rows_where(table, null, error));
    }
}

fn about(mut error: Error, table: &Table, place: usize) -> Error {
    error.fields_mut().schema = Some(table.schema.clone());
    error.fields_mut().table = Some(table.name.clone());
    error.fields_mut().column = Some(table.columns[place].name.clone());
    error
}

/// Asks whether all values of the domain satisfy a new CHECK.
fn all_hold(
    known: &UserType,
    check: &DomainConstraint,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    for (table, place) in users(known.oid, binder.catalog, binder.types()) {
        let column = &table.columns[place];
        let id = binder.named_relation(&table.stored);
        let value = bound::Column {
            relation: id,
            name: column.stored.clone(),
            label: column.name.clone(),
            not_null: false,
            table_oid: table.oid,
            number: column.number,
        };
        let data_type = binder.types().shown(column.data_type);
        let value = bound::Expr { kind: ExprKind::Column(value), data_type, position: 0 };
        let holds = binder.domain_check(&check.expression, value)?;
        let mut lower =
            Lower::new(binder.relation_names(), binder.types(), &binder.settings.time_zone)
                .with_style(&binder.settings.style);
        let broken = Expr::infix(lower.expr(&holds)?, "IS", Expr::Integer(0));
        let message = format!(
            "column \"{}\" of table \"{}\" contains values that violate the new constraint",
            column.name, table.name
        );
        let error = about(Error::user(SqlState::CHECK_VIOLATION, message), table, place);
        let query = lite::Statement::Query(alter::any_row_where(table, broken));
        work.push(Step {
            program: lower.program(&query),
            role: StepRole::Nothing,
            must_be_empty: Some(error.into()),
        });
    }
    Ok(())
}
