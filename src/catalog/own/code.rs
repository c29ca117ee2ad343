//! `pg_proc` and `pg_trigger` of a database's own functions and triggers.

use crate::catalog::acl::CLASS_FUNCTION;
use crate::catalog::cell::Cell;
use crate::catalog::own::Builder;
use crate::catalog::own::role::{Access, namespace};
use crate::model::catalog::{Catalog, Function, Trigger};

/// `pg_type.oid` of `void`: what a procedure is said to return.
const VOID: u32 = 2278;

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> Cell {
    let values: Vec<&str> = values.collect();
    serde_json::to_string(&values).expect("strings are valid JSON").into()
}

/// Each with its type, as what is shown says it.
fn defaults(function: &Function) -> Cell {
    let first = function.argument_types.len().saturating_sub(function.defaults.len());
    let typed = function.defaults.iter().zip(&function.argument_types[first..]);
    let typed: Vec<String> = typed
        .map(|(text, oid)| match crate::pgdata::type_by_oid(*oid) {
            Some(known) => format!("({text})::{}", crate::pgdata::quote_identifier(known.name)),
            None => text.clone(),
        })
        .collect();
    typed.join(", ").into()
}

pub(super) fn functions(catalog: &Catalog, rows: &mut Builder) {
    let access = Access::new(catalog);
    let mut all: Vec<&Function> = catalog.functions.values().map(AsRef::as_ref).collect();
    all.sort_unstable_by_key(|function| function.oid);
    for function in all {
        let is_brought = function.language == "c";
        let language = crate::catalog::language_oid(&function.language).unwrap_or(0);
        let parameters = function.parameters();
        let named = parameters.iter().any(|one| !one.name.is_empty());
        let names = parameters.iter().map(|one| one.name);
        let (mut types, mut modes) = (Cell::Null, Cell::Null);
        if !function.modes.is_empty() {
            let all: Vec<u32> = parameters.iter().map(|one| one.data_type).collect();
            types = Cell::numbers(&all);
            let all: Vec<String> = function.modes.iter().map(char::to_string).collect();
            modes = texts(all.iter().map(String::as_str));
        }
        rows.add(vec![
            ("oid", function.oid.into()),
            ("proname", function.name.clone().into()),
            ("pronamespace", namespace(catalog, &function.schema).into()),
            ("proowner", access.owner(CLASS_FUNCTION, function.oid).into()),
            ("prolang", language.into()),
            ("procost", Cell::Real(if is_brought { 1.0 } else { 100.0 })),
            ("prorows", Cell::Real(if function.returns_set { 1000.0 } else { 0.0 })),
            ("prokind", if function.is_procedure() { "p" } else { "f" }.into()),
            ("proisstrict", function.strict.into()),
            ("proretset", function.returns_set.into()),
            ("provolatile", function.volatility.to_string().into()),
            ("proparallel", if is_brought { "s" } else { "u" }.into()),
            ("pronargs", (function.argument_types.len() as i64).into()),
            ("pronargdefaults", (function.defaults.len() as i64).into()),
            (
                "prorettype",
                if function.is_procedure() { VOID } else { function.result_type }.into(),
            ),
            ("proargtypes", Cell::numbers(&function.argument_types)),
            ("proallargtypes", types),
            ("proargmodes", modes),
            ("proargnames", if named { texts(names) } else { Cell::Null }),
            (
                "proargdefaults",
                if function.defaults.is_empty() { Cell::Null } else { defaults(function) },
            ),
            ("prosrc", function.body.clone().into()),
            ("probin", if is_brought { "$libdir/uuid-ossp".into() } else { Cell::Null }),
            ("proacl", access.list(CLASS_FUNCTION, function.oid, 0)),
        ]);
    }
}

pub(super) fn triggers(catalog: &Catalog, rows: &mut Builder) {
    let mut all: Vec<&Trigger> = catalog.triggers.values().map(AsRef::as_ref).collect();
    all.sort_unstable_by_key(|trigger| trigger.oid);
    for trigger in all {
        let Some(table) = catalog.tables.get(&trigger.table) else { continue };
        rows.add(vec![
            ("oid", trigger.oid.into()),
            ("tgrelid", table.oid.into()),
            ("tgname", trigger.name.clone().into()),
            ("tgfoid", trigger.function.into()),
            ("tgtype", trigger.bits.into()),
            ("tgenabled", if trigger.enabled { "O" } else { "D" }.into()),
            ("tgnargs", (trigger.arguments.len() as i64).into()),
            ("tgattr", Cell::numbers(&trigger.columns)),
            ("tgqual", trigger.condition.clone().into()),
            // Transition tables are refused.
            ("tgoldtable", None::<String>.into()),
            ("tgnewtable", None::<String>.into()),
        ]);
    }
}
