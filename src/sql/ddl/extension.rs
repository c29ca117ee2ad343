//! CREATE and DROP EXTENSION of what is built in. All others are refused by name.

use crate::model::catalog::{Catalog, Extension, Function};
use crate::model::error::{Class, Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{self, PG_EXTENSION};
use crate::sql::Action;
use crate::sql::ast::{Name, QualifiedName};
use crate::sql::bind::{Binder, label};
use crate::sql::ddl::record::{self, number};
use crate::sql::ddl::{Work, drop as dropping, function, name, object, skipped};
use crate::sql::lite::Expr;

/// Extensions that may be created, with the version that PostgreSQL 15 has.
const AVAILABLE: &[(&str, &str)] = &[("pgcrypto", "1.3"), ("uuid-ossp", "1.1")];

/// Extensions that come with PostgreSQL and aren't here.
const REFUSED: &[&str] = &[
    "adminpack",
    "amcheck",
    "autoinc",
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dblink",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "file_fdw",
    "fuzzystrmatch",
    "hstore",
    "insert_username",
    "intagg",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "moddatetime",
    "old_snapshot",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_surgery",
    "pg_trgm",
    "pg_visibility",
    "pg_walinspect",
    "pgrowlocks",
    "pgstattuple",
    "postgis",
    "postgres_fdw",
    "refint",
    "seg",
    "sslinfo",
    "tablefunc",
    "tcn",
    "timescaledb",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "vector",
    "xml2",
];

/// Every database has this one.
const PLPGSQL: &str = "plpgsql";

/// The OID of an extension that was created.
///
/// # Errors
/// 42704.
pub(super) fn existing(name: &Name, catalog: &Catalog) -> Result<Oid, Error> {
    if name.text == PLPGSQL {
        return Ok(pgdata::PLPGSQL);
    }
    let known = catalog.extensions.iter().find(|known| known.name == name.text);
    known.map(|known| known.oid).ok_or_else(|| missing(&name.text))
}

fn missing(name: &str) -> Error {
    Error::user(SqlState::UNDEFINED_OBJECT, format!("extension \"{name}\" does not exist"))
}

/// Whether a function of an extension gives something else each time.
fn is_generator(name: &str) -> bool {
    matches!(name, "uuid_generate_v1" | "uuid_generate_v1mc" | "uuid_generate_v4")
}

/// What PostgreSQL's extension says of itself.
fn description(name: &str) -> &'static str {
    if name == "pgcrypto" {
        "cryptographic functions"
    } else {
        "generate universally unique identifiers (UUIDs)"
    }
}

pub(super) fn create(
    name: &Name,
    if_not_exists: bool,
    (schema, version): (Option<&Name>, Option<&str>),
    binder: &Binder<'_>,
) -> Result<Action, Error> {
    const TAG: &str = "CREATE EXTENSION";
    if existing(name, binder.catalog).is_ok() {
        let message = format!("extension \"{}\" already exists", name.text);
        let state = SqlState::DUPLICATE_OBJECT;
        if !if_not_exists {
            return Err(Error::user(state, message));
        }
        let notice = Some(Error::new(Class::User, state, format!("{message}, skipping")));
        return Ok(Action::Nothing { tag: TAG, notice });
    }
    let Some((known, newest)) = AVAILABLE.iter().find(|(known, _)| *known == name.text) else {
        if REFUSED.contains(&name.text.as_str()) {
            return Err(Error::refused(format!("the extension {} is not supported", name.text)));
        }
        let message = format!("extension \"{}\" is not available", name.text);
        return Err(Error::refused(message)
            .with_hint("pg_available_extensions lists those that are built in."));
    };
    if version.is_some_and(|version| version != *newest) {
        let message = format!(
            "extension \"{}\" has no installation script nor update path for version \"{}\"",
            name.text,
            version.unwrap_or_default()
        );
        return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
    }
    let schema = match schema {
        Some(schema) => {
            name::existing_schema(schema, binder.catalog)?;
            schema.text.clone()
        }
        None => {
            let target = vec![Name { text: name.text.clone(), position: 0 }];
            name::new_object(&target, binder)?.0
        }
    };
    let mut work = Work::new(binder);
    let oid = work.oids.take();
    work.push(object::comment_row(PG_EXTENSION, oid, 0, description(known)));
    work.push(record::insert(
        "_eider_extension",
        vec![
            ("name", Expr::text(&name.text)),
            ("oid", number(oid)),
            ("schema_name", Expr::text(&schema)),
            ("version", Expr::text(newest)),
        ],
    ));
    for (name, takes) in Extension::functions(known) {
        let function = Function {
            oid: work.oids.take(),
            schema: schema.clone(),
            name: (*name).to_owned(),
            language: "c".to_owned(),
            argument_names: takes.iter().map(|(name, _)| (*name).to_owned()).collect(),
            defaults: Vec::new(),
            argument_types: takes.iter().map(|(_, oid)| *oid).collect(),
            result_type: PgType::UUID.oid,
            returns_set: false,
            volatility: if is_generator(name) { 'v' } else { 'i' },
            strict: true,
            body: (*name).to_owned(),
            columns: Vec::new(),
            modes: Vec::new(),
        };
        work.push(function::row(&function));
    }
    Ok(work.finish(TAG))
}

pub(super) fn drop(
    names: &[QualifiedName],
    (if_exists, _cascade): (bool, bool),
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    for name in names {
        let text = label(name);
        if text == PLPGSQL {
            return Err(Error::refused("dropping the extension plpgsql is not supported"));
        }
        let Some(known) = binder.catalog.extensions.iter().find(|known| known.name == text) else {
            let error = missing(&text);
            if !if_exists {
                return Err(error);
            }
            binder.notices.push(skipped(&error));
            continue;
        };
        for function in binder.catalog.functions.values().filter(|function| known.has(function)) {
            work.push(record::delete("_eider_function", &[("oid", function.oid.into())]));
        }
        work.push(record::delete("_eider_extension", &[("oid", known.oid.into())]));
        dropping::forget(PG_EXTENSION, known.oid, &mut work);
    }
    Ok(work.finish("DROP EXTENSION"))
}
