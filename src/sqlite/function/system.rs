//! Functions over the system catalogs. They see what the running statement sees (`Shown`).
//!
//! Where names depend on the search path, it is the first argument ([`SearchPath::to_argument`]).

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};

use crate::catalog::{Contents, Kind, SearchPath};
use crate::model::catalog::TEMPORARY_PREFIX;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::sqlite::function::{Answer, Arguments, PURE, boolean, integer, lenient, strict, string};
use crate::sqlite::vfs::Shown;

/// Registers functions whose names begin with `_eider_pg_`.
pub(super) struct System<'c> {
    connection: &'c Connection,
    shown: &'c Arc<Shown>,
}

impl System<'_> {
    /// A function that is NULL where an argument is.
    pub(super) fn strict(
        &self,
        name: &str,
        counts: &[i32],
        function: impl Fn(&Contents, &Arguments<'_, '_>) -> Answer + Send + Copy + 'static,
    ) -> rusqlite::Result<()> {
        for count in counts {
            let shown = Arc::clone(self.shown);
            strict(self.connection, &full_name(name), *count, move |arguments| {
                function(&*contents(&shown)?, arguments)
            })?;
        }
        Ok(())
    }

    /// A function that is called for NULLs too.
    fn lenient(
        &self,
        name: &str,
        count: i32,
        function: impl Fn(&Contents, &Arguments<'_, '_>) -> Answer + Send + Copy + 'static,
    ) -> rusqlite::Result<()> {
        let shown = Arc::clone(self.shown);
        lenient(self.connection, &full_name(name), count, PURE, move |arguments| {
            function(&*contents(&shown)?, arguments)
        })
    }
}

fn full_name(name: &str) -> String {
    format!("{}{name}", crate::catalog::PREFIX)
}

fn contents(shown: &Shown) -> Result<Arc<Contents>, Error> {
    shown.get().ok_or_else(|| Error::internal("the system catalogs can't be read here"))
}

pub(super) fn oid(arguments: &Arguments<'_, '_>, at: usize) -> Result<Oid, Error> {
    // What is no OID is that of nothing.
    Ok(Oid::try_from(arguments.integer(at)?).unwrap_or(0))
}

pub(super) fn path(arguments: &Arguments<'_, '_>) -> Result<SearchPath, Error> {
    Ok(SearchPath::from_argument(arguments.text(0)?))
}

/// A flag that may be left out.
fn flag(arguments: &Arguments<'_, '_>, at: usize) -> Result<bool, Error> {
    Ok(at < arguments.count() && arguments.integer(at)? != 0)
}

fn or_null(text: Option<String>) -> SqlValue {
    text.map_or(SqlValue::Null, SqlValue::Text)
}

pub(super) fn register(connection: &Connection, shown: &Arc<Shown>) -> rusqlite::Result<()> {
    let system = System { connection, shown };
    names(&system)?;
    definitions(&system)?;
    functions(&system)?;
    descriptions(&system)?;
    constants(&system)?;
    super::privilege::register(&system)
}

/// `reg*` types by name.
pub(super) const NAMED: &[(&str, Kind, &str, SqlState)] = &[
    ("regclass", Kind::RELATION, "relation", SqlState::UNDEFINED_TABLE),
    ("regtype", Kind::TYPE, "type", SqlState::UNDEFINED_OBJECT),
    ("regproc", Kind::FUNCTION, "function", SqlState::UNDEFINED_FUNCTION),
    ("regcollation", Kind::COLLATION, "collation", SqlState::UNDEFINED_OBJECT),
    ("regconfig", Kind::TEXT_CONFIG, "text search configuration", SqlState::UNDEFINED_OBJECT),
    ("regdictionary", Kind::TEXT_DICTIONARY, "text search dictionary", SqlState::UNDEFINED_OBJECT),
    ("regnamespace", Kind::SCHEMA, "schema", SqlState::INVALID_SCHEMA_NAME),
    ("regrole", Kind::ROLE, "role", SqlState::UNDEFINED_OBJECT),
];

const VISIBLE: &[(&str, Kind)] = &[
    ("table_is_visible", Kind::RELATION),
    ("type_is_visible", Kind::TYPE),
    ("function_is_visible", Kind::FUNCTION),
    ("operator_is_visible", Kind::OPERATOR),
    ("opclass_is_visible", Kind::OPERATOR_CLASS),
    ("opfamily_is_visible", Kind::OPERATOR_FAMILY),
    ("collation_is_visible", Kind::COLLATION),
    ("conversion_is_visible", Kind::CONVERSION),
    ("statistics_obj_is_visible", Kind::STATISTICS),
    ("ts_config_is_visible", Kind::TEXT_CONFIG),
    ("ts_dict_is_visible", Kind::TEXT_DICTIONARY),
    ("ts_parser_is_visible", Kind::TEXT_PARSER),
    ("ts_template_is_visible", Kind::TEXT_TEMPLATE),
];

fn names(system: &System<'_>) -> rusqlite::Result<()> {
    for &(name, kind) in VISIBLE {
        system.strict(name, &[2], move |contents, arguments| {
            let visible = contents.is_visible(kind, &path(arguments)?, oid(arguments, 1)?);
            Ok(visible.map_or(SqlValue::Null, boolean))
        })?;
    }
    for &(name, kind, label, state) in NAMED {
        // to_regclass
        system.strict(&format!("to_{name}"), &[2], move |contents, arguments| {
            let written = arguments.text(1)?;
            let found = contents.find_written(kind, &path(arguments)?, written)?;
            Ok(found.map_or(SqlValue::Null, |oid| integer(oid.into())))
        })?;
        // Input: the same, but what isn't there is an error.
        system.strict(&format!("{name}_in"), &[2], move |contents, arguments| {
            let written = arguments.text(1)?;
            match contents.find_written(kind, &path(arguments)?, written)? {
                Some(oid) => Ok(integer(oid.into())),
                None => Err(Error::user(state, format!("{label} \"{written}\" does not exist"))),
            }
        })?;
        // A parameter: a number, or a name.
        system.strict(&format!("{name}_given"), &[2], move |contents, arguments| {
            if let ValueRef::Integer(number) = arguments.value(1) {
                return Ok(integer(number));
            }
            let written = arguments.text(1)?;
            match contents.find_written(kind, &path(arguments)?, written)? {
                Some(oid) => Ok(integer(oid.into())),
                None => Err(Error::user(state, format!("{label} \"{written}\" does not exist"))),
            }
        })?;
        system.strict(&format!("{name}_out"), &[2], move |contents, arguments| {
            let oid = oid(arguments, 1)?;
            Ok(string(contents.shown_object(kind, &path(arguments)?, oid)))
        })?;
    }
    for &(name, kind, ..) in NAMED {
        // The number and the name, as `datum` shows a value of these types.
        system.strict(&format!("{name}_named"), &[2], move |contents, arguments| {
            let oid = oid(arguments, 1)?;
            Ok(string(format!("{oid} {}", contents.shown_object(kind, &path(arguments)?, oid))))
        })?;
    }
    system.lenient("format_type", 3, |contents, arguments| {
        if arguments.value(1) == ValueRef::Null {
            return Ok(SqlValue::Null);
        }
        let modifier = match arguments.value(2) {
            ValueRef::Integer(modifier) => i32::try_from(modifier).unwrap_or(-1),
            _ => -1,
        };
        let data_type = PgType { oid: oid(arguments, 1)?, modifier };
        Ok(string(contents.type_label(&path(arguments)?, data_type)))
    })?;
    system.strict("current_schemas", &[2], |contents, arguments| {
        let with_implicit = arguments.integer(1)? != 0;
        let schemas = path(arguments)?;
        let schemas: Vec<&str> = shown_schemas(&schemas, with_implicit)
            .filter(|schema| contents.has_schema(schema))
            .collect();
        Ok(string(serde_json::to_string(&schemas).unwrap_or_default()))
    })?;
    system.strict("current_schema", &[1], |contents, arguments| {
        let path = path(arguments)?;
        let first = shown_schemas(&path, false).find(|schema| contents.has_schema(schema));
        Ok(or_null(first.map(str::to_owned)))
    })
}

/// The schemas of a path; the session's temporary one counts among those that nobody named.
fn shown_schemas(path: &SearchPath, with_implicit: bool) -> impl Iterator<Item = &str> {
    let temporary = path.temporary();
    path.schemas(with_implicit).filter(move |schema| with_implicit || Some(*schema) != temporary)
}

fn definitions(system: &System<'_>) -> rusqlite::Result<()> {
    system.strict("get_expr", &[3, 4], |contents, arguments| {
        let (path, text, relation) = (path(arguments)?, arguments.text(1)?, oid(arguments, 2)?);
        Ok(string(contents.expression(&path, text, relation, flag(arguments, 3)?)))
    })?;
    system.strict("get_constraintdef", &[2, 3], |contents, arguments| {
        let (path, oid) = (path(arguments)?, oid(arguments, 1)?);
        Ok(or_null(contents.constraint_definition(&path, oid, flag(arguments, 2)?)))
    })?;
    system.strict("get_indexdef", &[2, 4], |contents, arguments| {
        let (path, oid) = (path(arguments)?, oid(arguments, 1)?);
        if arguments.count() == 2 {
            return Ok(or_null(contents.index_definition(&path, oid, false)));
        }
        let column = usize::try_from(arguments.integer(2)?).unwrap_or(usize::MAX);
        Ok(or_null(contents.index_column(&path, oid, column, flag(arguments, 3)?)))
    })?;
    // By OID or by name; the last argument is `pretty`, or a line length, which is pretty too.
    system.strict("get_viewdef", &[2, 3], |contents, arguments| {
        let view = match arguments.value(1) {
            ValueRef::Text(_) => {
                let written = arguments.text(1)?;
                let found = contents.find_written(Kind::RELATION, &path(arguments)?, written)?;
                found.ok_or_else(|| {
                    let message = format!("relation \"{written}\" does not exist");
                    Error::user(SqlState::UNDEFINED_TABLE, message)
                })?
            }
            _ => oid(arguments, 1)?,
        };
        Ok(or_null(contents.view_definition(&path(arguments)?, view, flag(arguments, 2)?)))
    })?;
    system.strict("get_serial_sequence", &[3], |contents, arguments| {
        let (written, column) = (arguments.text(1)?, arguments.text(2)?);
        let found = contents.find_written(Kind::RELATION, &path(arguments)?, written)?;
        let relation = found.ok_or_else(|| {
            let message = format!("relation \"{written}\" does not exist");
            Error::user(SqlState::UNDEFINED_TABLE, message)
        })?;
        let number = contents.column_number(relation, column).ok_or_else(|| {
            let name = written.rsplit('.').next().unwrap_or(written).trim_matches('"');
            let message = format!("column \"{column}\" of relation \"{name}\" does not exist");
            Error::user(SqlState::UNDEFINED_COLUMN, message)
        })?;
        let sequence = contents.owned_sequence(relation, number);
        Ok(or_null(sequence.and_then(|oid| contents.full_relation_name(oid))))
    })
}

fn functions(system: &System<'_>) -> rusqlite::Result<()> {
    system.strict("stored_name", &[1], |contents, arguments| {
        Ok(or_null(contents.stored_name(oid(arguments, 0)?)))
    })?;
    system.strict("get_function_arg_default", &[3], |contents, arguments| {
        let (path, place) = (path(arguments)?, arguments.integer(2)?);
        Ok(or_null(contents.function_argument_default(&path, oid(arguments, 1)?, place)))
    })?;
    system.strict("get_function_arguments", &[2], |contents, arguments| {
        Ok(or_null(contents.function_arguments(&path(arguments)?, oid(arguments, 1)?, false)))
    })?;
    system.strict("get_function_identity_arguments", &[2], |contents, arguments| {
        Ok(or_null(contents.function_arguments(&path(arguments)?, oid(arguments, 1)?, true)))
    })?;
    system.strict("get_functiondef", &[2], |contents, arguments| {
        Ok(or_null(contents.function_definition(&path(arguments)?, oid(arguments, 1)?)))
    })?;
    system.strict("get_triggerdef", &[2, 3], |contents, arguments| {
        let (path, oid) = (path(arguments)?, oid(arguments, 1)?);
        Ok(or_null(contents.trigger_definition(&path, oid, flag(arguments, 2)?)))
    })?;
    system.strict("get_function_result", &[2], |contents, arguments| {
        Ok(or_null(contents.function_result(&path(arguments)?, oid(arguments, 1)?)))
    })
}

fn descriptions(system: &System<'_>) -> rusqlite::Result<()> {
    system.strict("obj_description", &[1, 2], |contents, arguments| {
        let object = oid(arguments, 0)?;
        let catalog = if arguments.count() > 1 { Some(arguments.text(1)?) } else { None };
        Ok(or_null(contents.comment(catalog, object, 0)))
    })?;
    system.strict("col_description", &[2], |contents, arguments| {
        let (object, column) = (oid(arguments, 0)?, arguments.integer(1)?);
        Ok(or_null(contents.comment(Some("pg_class"), object, column)))
    })?;
    system.strict("shobj_description", &[2], |contents, arguments| {
        Ok(or_null(contents.shared_comment(arguments.text(1)?, oid(arguments, 0)?)))
    })?;
    system.strict("get_userbyid", &[1], |contents, arguments| {
        Ok(string(contents.role_name(oid(arguments, 0)?)))
    })
}

/// What is the same for every object here: there are no tablespaces, no partitions.
fn constants(system: &System<'_>) -> rusqlite::Result<()> {
    system.strict("my_temp_schema", &[1], |contents, arguments| {
        let path = path(arguments)?;
        let own = path.temporary().and_then(|schema| contents.schema_oid(schema));
        Ok(integer(own.unwrap_or(0).into()))
    })?;
    system.strict("is_other_temp_schema", &[2], |contents, arguments| {
        let name = contents.schema_name(oid(arguments, 1)?).unwrap_or_default();
        let temporary = name.starts_with(TEMPORARY_PREFIX);
        Ok(boolean(temporary && path(arguments)?.temporary() != Some(name)))
    })?;
    system.strict("nowhere", &[1], |_, _| Ok(string("")))?;
    system.strict("nothing", &[1, 2], |_, _| Ok(SqlValue::Null))?;
    system.strict("no_rows", &[1], |_, _| Ok(string("[]")))?;
    system.strict("database_encoding", &[0], |_, _| Ok(string("UTF8")))?;
    system.strict("relation_is_publishable", &[1], |contents, arguments| {
        Ok(boolean(contents.is_own_table(oid(arguments, 0)?)))
    })
}
