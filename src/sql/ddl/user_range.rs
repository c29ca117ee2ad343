//! CREATE TYPE AS RANGE: a type of ranges, and one of their multiranges.

use crate::catalog::{default_operator_class, named_operator_class};
use crate::datum::range;
use crate::model::catalog::NAME_BYTES_MAX;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{self, TypeKind};
use crate::sql::Action;
use crate::sql::ast::{Name, QualifiedName, TypeName};
use crate::sql::bind::{Binder, label};
use crate::sql::ddl::record::{self, number};
use crate::sql::ddl::user_type::{PG_TYPE, exists, is_taken, new_name, row};
use crate::sql::ddl::{Work, privilege, temporary};
use crate::sql::types::{Types, lookup_type};

/// What the options say.
#[derive(Default)]
struct Options<'t> {
    subtype: Option<Oid>,
    multirange: Option<&'t QualifiedName>,
    collation: Option<&'t QualifiedName>,
    operator_class: Option<&'t QualifiedName>,
    difference: Option<&'t QualifiedName>,
}

pub(super) fn create(
    tree: &QualifiedName,
    options: &[(Name, TypeName)],
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let (schema, own) = new_name(tree, binder)?;
    let options = read(options, binder)?;
    let Some(subtype) = options.subtype else {
        let message = "type attribute \"subtype\" is required";
        return Err(Error::user(SqlState::SYNTAX_ERROR, message));
    };
    check_subtype(subtype, binder.types())?;
    let operator_class = operator_class(options.operator_class, subtype)?;
    let collation = collation(options.collation, subtype)?;
    let difference = match options.difference {
        Some(name) => difference(name, subtype, binder)?,
        None => 0,
    };
    let (multirange_schema, multirange_name) = match options.multirange {
        Some(given) => new_name(given, binder)?,
        None => (schema.clone(), multirange_name(&schema, &own, binder)?),
    };
    let mut work = Work::new(binder);
    temporary::ensure(&schema, &mut work, binder);
    let array_oid = work.oids.take();
    let multirange = work.oids.take();
    let multirange_array = work.oids.take();
    let oid = work.oids.take();
    let mut range = row((oid, array_oid), (&schema, &own), "r");
    range.push(("base_oid", number(subtype)));
    work.push(record::insert("_eider_type", range));
    let names = (multirange_schema.as_str(), multirange_name.as_str());
    let mut many = row((multirange, multirange_array), names, "m");
    many.push(("base_oid", number(oid)));
    work.push(record::insert("_eider_type", many));
    work.push(record::insert(
        "_eider_range",
        vec![
            ("type_oid", number(oid)),
            ("multirange_oid", number(multirange)),
            ("collation_oid", number(collation)),
            ("operator_class_oid", number(operator_class)),
            ("difference_oid", number(difference)),
        ],
    ));
    privilege::new_object(('T', PG_TYPE, oid), &schema, &mut work, binder);
    privilege::new_object(('T', PG_TYPE, multirange), &multirange_schema, &mut work, binder);
    Ok(work.finish("CREATE TYPE"))
}

fn read<'t>(options: &'t [(Name, TypeName)], binder: &Binder<'_>) -> Result<Options<'t>, Error> {
    let mut read = Options::default();
    for (place, (name, value)) in options.iter().enumerate() {
        if options[..place].iter().any(|(other, _)| other.text == name.text) {
            let message = "conflicting or redundant options";
            return Err(
                Error::user(SqlState::SYNTAX_ERROR, message).with_position(name.position.max(1))
            );
        }
        match name.text.as_str() {
            "subtype" => read.subtype = Some(found_type(value, binder.types())?),
            "subtype_opclass" => read.operator_class = Some(&value.name),
            "subtype_diff" => read.difference = Some(&value.name),
            "collation" => read.collation = Some(&value.name),
            "multirange_type_name" => read.multirange = Some(&value.name),
            "canonical" => {
                return Err(Error::refused("canonical functions of range types are not supported"));
            }
            other => {
                let message = format!("type attribute \"{other}\" not recognized");
                return Err(Error::user(SqlState::SYNTAX_ERROR, message));
            }
        }
    }
    Ok(read)
}

fn found_type(written: &TypeName, types: Types<'_>) -> Result<Oid, Error> {
    let found = lookup_type(types, written).map_err(|mut error| {
        error.fields_mut().position = None;
        error
    })?;
    Ok(found.oid)
}

/// # Errors
/// 42804 for pseudo-types, 42704 for types without an order, 0A000.
fn check_subtype(subtype: Oid, types: Types<'_>) -> Result<(), Error> {
    let shown = types.label(subtype);
    if types.kind(subtype) == TypeKind::Pseudo {
        let message = format!("range subtype cannot be {shown}");
        return Err(Error::user(SqlState::DATATYPE_MISMATCH, message));
    }
    if subtype == PgType::JSON.oid {
        let message =
            format!("data type {shown} has no default operator class for access method \"btree\"");
        return Err(Error::user(SqlState::UNDEFINED_OBJECT, message).with_hint(
            "You must specify an operator class for the range type or define a default operator class for the subtype.",
        ));
    }
    if range::has_ranges(subtype) {
        return Ok(());
    }
    Err(Error::refused(format!("ranges of type {shown} are not supported")))
}

/// The B-tree operator class of the subtype; no other one than the default.
fn operator_class(given: Option<&QualifiedName>, subtype: Oid) -> Result<Oid, Error> {
    let default = default_operator_class(subtype);
    let Some(given) = given else { return Ok(default) };
    let shown = label(given);
    let name = given.last().map_or("", |last| last.text.as_str());
    match named_operator_class("btree", name) {
        0 => {
            let message =
                format!("operator class \"{shown}\" does not exist for access method \"btree\"");
            Err(Error::user(SqlState::UNDEFINED_OBJECT, message))
        }
        found if found == default => Ok(default),
        _ => Err(Error::refused(format!(
            "the operator class \"{shown}\" for ranges of type {} is not supported",
            pgdata::type_label(subtype)
        ))),
    }
}

/// All collations that are here order by code points.
fn collation(given: Option<&QualifiedName>, subtype: Oid) -> Result<Oid, Error> {
    let own = pgdata::type_by_oid(subtype).map_or(0, |known| known.collation);
    let Some(given) = given else { return Ok(own) };
    if own == 0 {
        let message = "range collation specified but subtype does not support collation";
        return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
    }
    match given.last().map_or("", |last| last.text.as_str()) {
        "default" => Ok(100),
        "C" => Ok(950),
        "POSIX" => Ok(951),
        _ => {
            let shown = label(given);
            let message = format!("collation \"{shown}\" for encoding \"UTF8\" does not exist");
            Err(Error::user(SqlState::UNDEFINED_OBJECT, message))
        }
    }
}

/// The function that `subtype_diff` names, PostgreSQL's or the database's.
fn difference(given: &QualifiedName, subtype: Oid, binder: &Binder<'_>) -> Result<Oid, Error> {
    let name = given.last().map_or("", |last| last.text.as_str());
    let taken = [subtype, subtype];
    let found = pgdata::functions_named(name)
        .iter()
        .find(|known| *known.arguments == taken)
        .map(|known| (known.oid, known.result));
    let path = binder.search_path();
    let schema = given.len().checked_sub(2).map(|at| given[at].text.as_str());
    let own = binder.catalog.functions.values().find(|known| {
        known.name == name
            && known.argument_types == taken
            && schema
                .map_or_else(|| path.contains(&&*known.schema), |schema| known.schema == schema)
    });
    let found = found.or_else(|| own.map(|known| (known.oid, known.result_type)));
    match found {
        Some((oid, result)) if result == PgType::FLOAT8.oid => Ok(oid),
        Some(_) => {
            let message =
                format!("range subtype diff function {name} must return type double precision");
            Err(Error::user(SqlState::INVALID_OBJECT_DEFINITION, message))
        }
        None => {
            let (shown, taken) = (label(given), binder.types().label(subtype));
            let message = format!("function {shown}({taken}, {taken}) does not exist");
            Err(Error::user(SqlState::UNDEFINED_FUNCTION, message))
        }
    }
}

/// The name of a range type's multiranges (`makeMultirangeTypeName`).
///
/// # Errors
/// 42710 if there is such a type.
fn multirange_name(schema: &str, range: &str, binder: &Binder<'_>) -> Result<String, Error> {
    let mut made = if range.contains("range") {
        range.replacen("range", "multirange", 1)
    } else {
        let mut kept = range.to_owned();
        while kept.len() + "_multirange".len() > NAME_BYTES_MAX {
            kept.pop();
        }
        kept + "_multirange"
    };
    while made.len() > NAME_BYTES_MAX {
        made.pop();
    }
    if !is_taken(schema, &made, binder.catalog) {
        return Ok(made);
    }
    let detail = format!("Failed while creating a multirange type for type \"{range}\".");
    Err(exists(&made).with_detail(detail).with_hint(
        "You can manually specify a multirange type name using the \"multirange_type_name\" attribute.",
    ))
}

/// 2BP01: a multirange type goes with its range type.
pub(super) fn required_by(multirange: Oid, range: Oid, types: Types<'_>) -> Error {
    let (multirange, range) = (types.label(multirange), types.label(range));
    let message = format!("cannot drop type {multirange} because type {range} requires it");
    Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .with_hint(format!("You can drop type {range} instead."))
}
