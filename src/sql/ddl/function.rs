//! CREATE FUNCTION and PROCEDURE in SQL and PL/pgSQL, DROP FUNCTION and PROCEDURE.
//!
//! A function in SQL is one query, which is put in the place of its call (`bind::inline`). One in PL/pgSQL
//! is for triggers: `ddl::trigger` makes SQLite's triggers of it.

use serde_json::json;

use crate::catalog;
use crate::model::catalog::{Function, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::sql::Action;
use crate::sql::ast::{
    CreateFunction, FunctionArgument, FunctionName, FunctionResult, Name, RoutineKind, TypeName,
};
use crate::sql::bind::{Binder, is_called};
use crate::sql::code;
use crate::sql::ddl::depend::Object;
use crate::sql::ddl::record::{self, flag, number};
use crate::sql::ddl::{
    Work, drop as dropping, name, notice, privilege, skipped, temporary, trigger,
};
use crate::sql::lite::Expr;
use crate::sql::types::{lookup_type, type_label};

pub(super) const PG_PROC: Oid = 1255;
/// Pseudo-types that a function may return.
const TRIGGER: Oid = 2279;
const VOID: Oid = 2278;
/// In the place of a procedure's result.
const NONE: Oid = 0;

fn type_of(tree: &TypeName, binder: &Binder<'_>) -> Result<Oid, Error> {
    match tree.name.as_slice() {
        [only] if only.text == "trigger" && !tree.array => Ok(TRIGGER),
        [only] if only.text == "void" && !tree.array => Ok(VOID),
        _ => Ok(lookup_type(binder.types(), tree)?.oid),
    }
}

/// `name(type, ...)`
fn label(name: &str, types: &[Oid]) -> String {
    let types: Vec<String> = types.iter().map(|oid| type_label(*oid).to_owned()).collect();
    format!("{name}({})", types.join(", "))
}

fn drop_first(name: &str, types: &[Oid]) -> String {
    format!("Use DROP FUNCTION {} first.", label(name, types).replace(", ", ","))
}

pub(super) fn create(tree: &CreateFunction, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let (schema, name) = name::new_object(&tree.name, binder)?;
    let (inputs, types) = inputs(tree, binder)?;
    let defaults = defaults(&inputs, &types, binder)?;
    let mut columns = out_arguments(tree, binder)?;
    let mut modes: Vec<char> = tree.arguments.iter().map(|argument| argument.mode).collect();
    let (result_type, returns_set) = result(tree, &mut columns, &mut modes, binder)?;
    if columns.is_empty() {
        modes.clear();
    }
    let old = replaced(tree, (&schema, &name), &types, (result_type, returns_set), binder)?;
    let mut work = Work::new(binder);
    temporary::ensure(&schema, &mut work, binder);
    let function = Function {
        oid: old.as_ref().map_or_else(|| work.oids.take(), |old| old.oid),
        schema,
        name,
        language: tree.language.clone(),
        argument_names: inputs
            .iter()
            .map(|one| one.name.as_ref().map_or_else(String::new, |name| name.text.clone()))
            .collect(),
        argument_types: types,
        defaults,
        result_type,
        returns_set,
        volatility: tree.volatility,
        strict: tree.strict,
        body: tree.body.clone(),
        columns,
        modes,
    };
    check_body(&function, binder)?;
    if old.is_some() {
        work.push(record::delete("_eider_function", &[("oid", function.oid.into())]));
    } else {
        privilege::new_object(('f', PG_PROC, function.oid), &function.schema, &mut work, binder);
    }
    work.push(row(&function));
    if function.result_type == TRIGGER && old.is_some() {
        trigger::function_changed(&function, &mut work, binder)?;
    }
    Ok(work.finish(tree.kind.tag(["CREATE FUNCTION", "CREATE PROCEDURE", "CREATE ROUTINE"])))
}

/// The arguments that a call gives, with their types.
fn inputs<'t>(
    tree: &'t CreateFunction,
    binder: &Binder<'_>,
) -> Result<(Vec<&'t FunctionArgument>, Vec<Oid>), Error> {
    let inputs: Vec<_> = tree.arguments.iter().filter(|argument| argument.mode != 'o').collect();
    let types = inputs.iter().map(|argument| type_of(&argument.data_type, binder));
    let types = types.collect::<Result<_, _>>()?;
    Ok((inputs, types))
}

/// OUT and INOUT arguments.
///
/// # Errors
/// 42P13 for one with a default; 0A000 for an INOUT argument without a name.
fn out_arguments(tree: &CreateFunction, binder: &Binder<'_>) -> Result<Vec<(String, Oid)>, Error> {
    let mut columns = Vec::new();
    for argument in tree.arguments.iter().filter(|argument| argument.mode != 'i') {
        let name = argument.name.as_ref().map_or_else(String::new, |name| name.text.clone());
        if argument.mode == 'o' && tree.kind == RoutineKind::Procedure {
            return Err(Error::refused("an OUT argument of a procedure is not supported"));
        }
        if argument.mode == 'b' && name.is_empty() {
            return Err(Error::refused("an INOUT argument without a name is not supported"));
        }
        if argument.mode == 'o' && argument.default.is_some() {
            let message = "only input parameters can have default values";
            return Err(Error::user(SqlState(*b"42P13"), message));
        }
        columns.push((name, result_type_of(&argument.data_type, binder)?));
    }
    Ok(columns)
}

/// The type of the result, and whether it is a set. RETURNS TABLE brings columns.
///
/// # Errors
/// 42P13 for a type that the OUT arguments don't go with.
fn result(
    tree: &CreateFunction,
    columns: &mut Vec<(String, Oid)>,
    modes: &mut Vec<char>,
    binder: &Binder<'_>,
) -> Result<(Oid, bool), Error> {
    let wrong = |message: String| Err(Error::user(SqlState(*b"42P13"), message));
    let of = |columns: &[(String, Oid)]| match columns {
        [(_, only)] => *only,
        _ => PgType::RECORD.oid,
    };
    match &tree.result {
        None if tree.kind == RoutineKind::Procedure => Ok((NONE, false)),
        None if columns.is_empty() => wrong("function result type must be specified".to_owned()),
        None => Ok((of(columns), false)),
        Some(FunctionResult::Value { data_type, set }) => {
            let given = result_type_of(data_type, binder)?;
            let wanted = of(columns);
            if !columns.is_empty() && given != wanted {
                let label = binder.types().label(wanted);
                return wrong(format!(
                    "function result type must be {label} because of OUT parameters"
                ));
            }
            Ok((given, *set))
        }
        Some(FunctionResult::Table(_)) if !columns.is_empty() => {
            wrong("OUT and INOUT arguments aren't allowed in TABLE functions".to_owned())
        }
        Some(FunctionResult::Table(all)) => {
            for (name, data_type) in all {
                columns.push((name.text.clone(), result_type_of(data_type, binder)?));
                modes.push('t');
            }
            Ok((of(columns), true))
        }
    }
}

/// The type of a result, which may be that of a table's rows.
fn result_type_of(tree: &TypeName, binder: &Binder<'_>) -> Result<Oid, Error> {
    let found = type_of(tree, binder);
    match &found {
        Err(error) if error.state() == SqlState::UNDEFINED_OBJECT && !tree.array => {
            binder.opened(&tree.name).map_or(found, |table| Ok(catalog::row_type(table)))
        }
        _ => found,
    }
}

/// The texts of the defaults, which only the last arguments may have.
///
/// # Errors
/// 42P13; what one is that can't be of its argument's type.
fn defaults(
    inputs: &[&FunctionArgument],
    types: &[Oid],
    binder: &mut Binder<'_>,
) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    for (argument, oid) in inputs.iter().zip(types) {
        let Some(default) = &argument.default else {
            if texts.is_empty() {
                continue;
            }
            let message = "input parameters after one with a default value must also have defaults";
            return Err(Error::user(SqlState(*b"42P13"), message));
        };
        binder.argument_default(&default.expr, *oid)?;
        texts.push(default.text.clone());
    }
    Ok(texts)
}

/// The function that a new one takes the place of.
///
/// # Errors
/// 42723; 42P13 for another result.
fn replaced(
    tree: &CreateFunction,
    (schema, name): (&str, &str),
    types: &[Oid],
    (result_type, returns_set): (Oid, bool),
    binder: &Binder<'_>,
) -> Result<Option<Function>, Error> {
    let old = binder.catalog.functions.values().find(|known| {
        known.schema == schema && known.name == name && known.argument_types == types
    });
    if let Some(old) = old {
        if !tree.or_replace {
            let message = format!("function \"{name}\" already exists with same argument types");
            return Err(Error::user(SqlState(*b"42723"), message));
        }
        if old.is_procedure() != (tree.kind == RoutineKind::Procedure) {
            let kind = if old.is_procedure() { "procedure" } else { "function" };
            let message = "cannot change routine kind";
            return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message)
                .with_detail(format!("\"{name}\" is a {kind}.")));
        }
        if old.result_type != result_type || old.returns_set != returns_set {
            let message = "cannot change return type of existing function";
            return Err(
                Error::user(SqlState(*b"42P13"), message).with_hint(drop_first(name, types))
            );
        }
        let given = tree.arguments.iter().filter(|argument| argument.default.is_some()).count();
        if given < old.defaults.len() {
            let message = "cannot remove parameter defaults from existing function";
            return Err(
                Error::user(SqlState(*b"42P13"), message).with_hint(drop_first(name, types))
            );
        }
    }
    Ok(old.map(|old| (**old).clone()))
}

/// # Errors
/// What the function's body can't be; 0A000 for what isn't supported.
fn check_body(function: &Function, binder: &mut Binder<'_>) -> Result<(), Error> {
    match function.language.as_str() {
        "plpgsql" if function.result_type == TRIGGER => {
            Binder::check_trigger_code(&crate::sql::parser::plpgsql::parse(&function.body)?)?;
        }
        "sql" | "plpgsql" if function.is_procedure() || is_called(function) => {
            code::routine(function, binder)?;
        }
        "sql" => binder.check_inlined(function)?,
        "c" | "internal" => {
            let message = format!("functions in language {} are not supported", function.language);
            return Err(Error::refused(message));
        }
        other => {
            let message = format!("language \"{other}\" does not exist");
            return Err(Error::user(SqlState::UNDEFINED_OBJECT, message));
        }
    }
    Ok(())
}

pub(super) fn row(function: &Function) -> crate::sql::Step {
    let parameters = function.parameters();
    let arguments = parameters.iter().map(|one| match (one.mode, one.default) {
        ('i', None) => json!([one.name, one.data_type]),
        (mode, None) => json!([one.name, one.data_type, mode.to_string()]),
        (mode, Some(text)) => json!([one.name, one.data_type, mode.to_string(), text]),
    });
    let arguments: Vec<serde_json::Value> = arguments.collect();
    record::insert(
        "_eider_function",
        vec![
            ("oid", number(function.oid)),
            ("schema_name", Expr::text(&function.schema)),
            ("name", Expr::text(&function.name)),
            ("language", Expr::text(&function.language)),
            ("arguments", Expr::Text(serde_json::Value::Array(arguments).to_string())),
            ("result_oid", number(function.result_type)),
            ("returns_set", flag(function.returns_set)),
            ("volatility", Expr::Text(function.volatility.to_string())),
            ("is_strict", flag(function.strict)),
            ("body", Expr::text(&function.body)),
        ],
    )
}

/// The function or procedure that a name means, with or without its arguments' types.
///
/// # Errors
/// 42883; 42725 where several have the name; 42809 for one of the other kind.
pub(super) fn named<'c>(tree: &FunctionName, binder: &Binder<'c>) -> Result<&'c Function, Error> {
    let (schema, last) = binder.qualified(&tree.name)?;
    let path = binder.search_path();
    let mut found: Vec<&Function> = binder
        .catalog
        .functions
        .values()
        .filter(|known| {
            known.name == last.text
                && match schema {
                    Some(schema) => known.schema == binder.meant_schema(&schema.text),
                    None => path.contains(&known.schema.as_str()),
                }
        })
        .map(AsRef::as_ref)
        .collect();
    found.sort_unstable_by_key(|known| known.oid);
    let shown = crate::sql::bind::label(&tree.name);
    let kind = tree.kind.name();
    let fits = |known: &&Function| match tree.kind {
        RoutineKind::Any => true,
        kind => known.is_procedure() == (kind == RoutineKind::Procedure),
    };
    let checked = |known: &'c Function| {
        if fits(&known) {
            return Ok(known);
        }
        let message = format!("{} is not a {kind}", label(&shown, &known.argument_types));
        Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message))
    };
    let Some(arguments) = &tree.arguments else {
        found.retain(fits);
        return match found.as_slice() {
            [only] => Ok(only),
            [] => Err(Error::user(
                SqlState::UNDEFINED_FUNCTION,
                format!("could not find a {kind} named \"{shown}\""),
            )),
            _ => Err(Error::user(
                SqlState(*b"42725"),
                format!("{kind} name \"{shown}\" is not unique"),
            )
            .with_hint("Specify the argument list to select the function unambiguously.")),
        };
    };
    let mut types = Vec::new();
    for data_type in arguments {
        types.push(type_of(data_type, binder)?);
    }
    let exact = found.into_iter().find(|known| known.argument_types == types);
    checked(exact.ok_or_else(|| {
        let message = format!("{kind} {} does not exist", label(&shown, &types));
        Error::user(SqlState::UNDEFINED_FUNCTION, message)
    })?)
}

/// ALTER FUNCTION ... OWNER TO.
pub(super) fn set_owner(
    name: &FunctionName,
    owner: &Name,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let function = named(name, binder)?;
    let mut work = Work::new(binder);
    privilege::set_owner((PG_PROC, function.oid), owner, &mut work, binder)?;
    Ok(work.finish(name.kind.tag(["ALTER FUNCTION", "ALTER PROCEDURE", "ALTER ROUTINE"])))
}

pub(super) fn drop(
    kind: RoutineKind,
    names: &[FunctionName],
    (if_exists, cascade): (bool, bool),
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let mut work = Work::new(binder);
    let word = kind.name();
    for name in names {
        let function = match named(name, binder) {
            Ok(function) => function,
            Err(error) if if_exists && error.state() == SqlState::UNDEFINED_FUNCTION => {
                let message =
                    error.message().replace(&format!("could not find a {word} named"), word);
                let message = message.trim_end_matches(" does not exist").replace('"', "");
                let suffix = if name.arguments.is_some() { "" } else { "()" };
                let error = Error::user(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("{message}{suffix} does not exist"),
                );
                binder.notices.push(skipped(&error));
                continue;
            }
            Err(error) => return Err(error),
        };
        let shown = Object::Function(function).label(binder);
        let types = Object::Function(function).dependents(binder.catalog);
        let mut users = trigger::users_of(function.oid, binder);
        users.extend(types.iter().map(|known| known.label(binder)));
        if !users.is_empty() && !cascade {
            let lines: Vec<String> =
                users.iter().map(|user| format!("{user} depends on {shown}")).collect();
            let message = format!("cannot drop {shown} because other objects depend on it");
            return Err(Error::user(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .with_detail(lines.join("\n"))
                .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        if let [only] = users.as_slice() {
            binder.notices.push(notice(format!("drop cascades to {only}")));
        } else if !users.is_empty() {
            binder.notices.push(super::depend::cascades(&users));
        }
        if !types.is_empty() {
            super::drop::with_dependents(&types, true, None, &mut work, binder)?;
        }
        forget(function, |_| true, &mut work, binder)?;
    }
    Ok(work.finish(kind.tag(["DROP FUNCTION", "DROP PROCEDURE", "DROP ROUTINE"])))
}

/// Drops a function, with the triggers of tables that are `kept`.
pub(super) fn forget(
    function: &Function,
    kept: impl Fn(&Table) -> bool,
    work: &mut Work,
    binder: &mut Binder<'_>,
) -> Result<(), Error> {
    trigger::function_dropped(function.oid, kept, work, binder)?;
    work.push(record::delete("_eider_function", &[("oid", function.oid.into())]));
    dropping::forget(PG_PROC, function.oid, work);
    Ok(())
}
