//! How PostgreSQL's functions, operators and casts are done in SQLite: the one table that is written
//! by hand, in the files beside this one.
//!
//! A [`Row`] is a signature, with types by `typname`, and a [`Lowering`]:
//!
//! - `("lower(text)", Call("pg_lower"))`: a function, aggregate or window function;
//! - `("int4 + int4", ...)`, `("- int4", ...)`: an operator. What is recorded is the function that
//!   does it (`pg_operator.oprcode`), so that `int4pl(1, 2)` is `1 + 2`;
//! - `("int8::int4", ...)`: a cast. It counts for the cast's function too, if that gives this type.
//!
//! A variadic function's signature has the parameter as `pg_proc` does, an array (`any` for `concat`).
//! Casts that need no row: those that `pg_cast` calls binary-coercible leave the value alone, those by
//! text go through input and output.
//!
//! Invariant, held by tests: a signature names something that PostgreSQL 15 has, and no two rows are
//! for the same thing. What has no row is refused by name.

mod advisory;
mod aggregate;
mod array;
mod bits;
mod bytes;
mod cast;
mod compare;
mod datetime;
mod enums;
mod format;
mod geometry;
mod json;
mod jsonpath;
mod lexemes;
mod mac;
mod math;
mod money;
mod network;
mod number;
mod pattern;
mod range;
mod server;
mod session;
mod system;
mod temporal;
mod text;
mod timetz;
mod xml;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{self, CastMethod, type_by_name};

/// A signature and how it is done.
pub(crate) type Row = (&'static str, Lowering);

/// The tables.
const TABLES: &[&[Row]] = &[
    advisory::ROWS,
    aggregate::ROWS,
    array::ROWS,
    bits::ROWS,
    bytes::ROWS,
    cast::ROWS,
    compare::ROWS,
    datetime::ROWS,
    enums::ROWS,
    format::ROWS,
    geometry::ROWS,
    json::ROWS,
    jsonpath::ROWS,
    lexemes::ROWS,
    mac::ROWS,
    math::ROWS,
    money::ROWS,
    network::ROWS,
    number::ROWS,
    pattern::ROWS,
    range::ROWS,
    server::ROWS,
    session::ROWS,
    system::ROWS,
    temporal::ROWS,
    text::ROWS,
    timetz::ROWS,
    xml::ROWS,
];

/// How a function, operator or cast is done in SQLite.
#[allow(dead_code, reason = "the table is the only maker of most variants, and doesn't need all")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lowering {
    /// The first argument as it is.
    Same,
    /// `a op b`.
    Infix(&'static str),
    /// `a op b`, with the collation that the operands' type needs.
    Compare(&'static str),
    /// Both operands are cast to this type (by OID) and compared.
    CompareAs(&'static str, Oid),
    /// `a op b` of two values of an enum, by the order of its labels.
    CompareLabels(&'static str),
    /// `enum_first`, `enum_last` and `enum_range`: what the compiler knows of the argument's type.
    Labels(Which),
    /// `name(zone, oids, a, b) op 0`: compared by a [typed](Self::Typed) function that gives the order.
    Order(&'static str, &'static str),
    /// `name(a, b) op 0`: compared by a function that gives the order.
    Signed(&'static str, &'static str),
    /// `guard(a op b)`.
    Guarded(&'static str, &'static str),
    /// `op a`.
    Prefix(&'static str),
    /// `guard(op a)`.
    GuardedPrefix(&'static str, &'static str),
    /// `name(a, b, ...)`.
    Call(&'static str),
    /// `name(style, oids, a, b, ...)`: a function that must know the types of its arguments, or how the
    /// session shows values (`datum::Style::decode`). `oids` is a text, the arguments' types with commas between them.
    Typed(&'static str),
    /// An aggregate in its three forms: plain, over a window, and skipping a row equal to the one
    /// before it.
    Collected(&'static Forms),
    /// The same of a [typed](Self::Typed) one.
    CollectedTyped(&'static Forms),
    /// A set-returning function: `name(a, b, ...)` gives a JSON array, an element a row.
    Rows(&'static str),
    /// The same with rows of a key and a value.
    Pairs(&'static str),
    /// The same with rows of several columns: their names and types (by OID).
    Records(&'static str, &'static [(&'static str, Oid)]),
    /// `name(a, b, ...)`, each argument in its text form.
    Shown(&'static str),
    /// `a || b`, after casts to text.
    Joined,
    /// `CAST(a AS type)`.
    Convert(&'static str),
    /// Text output, with the type's OID and the session's style: `pg_out(a, oid, style)`.
    Output,
    /// Text input: `pg_in(a, oid, style)`.
    Input,
    /// Text output as one type, and input as the other.
    Reread,
    /// A function of a value and the session's time zone: `name(a, ..., zone)`.
    Zoned(&'static str),
    /// The same of the transaction's start, too: `name(a, ..., now, zone)`.
    Timed(&'static str),
    /// A function over the system catalogs that looks up names: `name(path, a, b, ...)`.
    Searching(&'static str),
    /// The same about what the session's user may do: `name(path, user, a, b, ...)`.
    Rights(&'static str),
    /// Bytes of what the argument names.
    Size(Extent),
    /// The start of the transaction, through a cast from timestamptz.
    Now,
    /// The start of the statement.
    StatementTime,
    /// What the statement is compiled for.
    SessionFact(Fact),
    /// Whether a setting is `on`.
    Flag(&'static str),
    /// A setting's value.
    Setting(&'static str),
    BackendPid,
    TransactionNumber,
    /// What is asked of the advisory locks: the value is the lock's name, and the session does the rest.
    Advisory(crate::sql::AdvisoryAct),
    Signal(crate::sql::Signal),
    /// `pg_notify`: the statement has to run where it can be committed.
    Notify,
    /// `current_setting(name)`: the name must be a constant.
    CurrentSetting,
    /// The same left of a `set_config`: as it was before that.
    SettingBefore,
    /// `set_config(name, value, is_local)`: done by the session before the query runs.
    SetConfig,
    /// What `set_config` gives: the setting, which was made by then.
    SettingMade,
    /// The next value of a sequence.
    NextValue,
    /// `pg_sequence_last_value`: what the database's file says of a sequence.
    LastValue,
    /// `setval`
    SetValue,
    /// `currval` and `lastval`: what the session took last.
    CurrentValue,
    LastTaken,
    /// The type of the argument, which the compiler knows.
    TypeOf,
    /// `generate_series` of integers.
    Series,
}

/// The names of an aggregate's forms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forms {
    pub(crate) plain: &'static str,
    pub(crate) over: &'static str,
    pub(crate) distinct: &'static str,
}

/// Which of an enum's labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    First,
    Last,
    All,
    /// From one to another.
    Between,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A table without its indexes, or an index.
    Itself,
    /// A table's indexes.
    Indexes,
    /// A table with its indexes.
    Whole,
    /// The connection's database, by its name.
    Database,
}

/// Facts of the session that decide how its statements are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The role that is in force.
    User,
    /// Who logged in, or what SET SESSION AUTHORIZATION said.
    SessionUser,
    Database,
    Schema,
}

/// What SQL writes without parentheses, with its type.
pub(crate) fn value_function(name: &str) -> Option<(PgType, Lowering)> {
    session::VALUE_FUNCTIONS
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|(_, data_type, lowering)| (*data_type, *lowering))
}

#[derive(Debug, Default)]
struct Table {
    functions: HashMap<Oid, Lowering>,
    casts: HashMap<(Oid, Oid), Lowering>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for (signature, lowering) in TABLES.iter().copied().flatten() {
        match meaning(signature) {
            Some(Meaning::Function(oid)) => drop(table.functions.insert(oid, *lowering)),
            Some(Meaning::Cast { from, to, function }) => {
                table.casts.insert((from, to), *lowering);
                if let Some(function) = function {
                    table.functions.entry(function).or_insert(*lowering);
                }
            }
            // A test keeps such rows out.
            None => {}
        }
    }
    table
});

/// How this function of `pg_proc` is done.
pub(crate) fn function(oid: Oid) -> Option<Lowering> {
    TABLE.functions.get(&oid).copied()
}

/// How this cast is done, where the table says so.
pub(crate) fn cast(from: Oid, to: Oid) -> Option<Lowering> {
    TABLE.casts.get(&(from, to)).copied()
}

/// What a signature names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Function(Oid),
    /// `function` is the cast's own one, if its result is of the cast's type.
    Cast {
        from: Oid,
        to: Oid,
        function: Option<Oid>,
    },
}

fn meaning(signature: &str) -> Option<Meaning> {
    let data_type = |name: &str| type_by_name(name).map(|known| known.oid);
    if let Some((from, to)) = signature.split_once("::") {
        let (from, to) = (data_type(from)?, data_type(to)?);
        let function = pgdata::cast(from, to).and_then(|cast| match cast.method {
            CastMethod::Function(function) => Some(function),
            CastMethod::Binary | CastMethod::Text => None,
        });
        let own = |oid: &Oid| pgdata::function(*oid).is_some_and(|known| known.result == to);
        return Some(Meaning::Cast { from, to, function: function.filter(own) });
    }
    if let Some((name, rest)) = signature.split_once('(') {
        let arguments: Option<Vec<Oid>> = rest
            .strip_suffix(')')?
            .split(',')
            .filter(|argument| !argument.is_empty())
            .map(data_type)
            .collect();
        let arguments = arguments?;
        let known = pgdata::functions_named(name).iter();
        let mut known = known.filter(|function| *function.arguments == *arguments);
        return known.next().map(|function| Meaning::Function(function.oid));
    }
    let words: Vec<&str> = signature.split(' ').collect();
    let (left, name, right) = match words.as_slice() {
        [name, right] => (0, *name, data_type(right)?),
        [left, name, right] => (data_type(left)?, *name, data_type(right)?),
        _ => return None,
    };
    let mut known = pgdata::operators_named(name).iter();
    let found = known.find(|operator| operator.left == left && operator.right == right)?;
    Some(Meaning::Function(found.function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_what_postgresql_has() {
        let rows = TABLES.iter().copied().flatten();
        let unknown: Vec<&str> =
            rows.map(|(signature, _)| *signature).filter(|row| meaning(row).is_none()).collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }

    #[test]
    fn no_two_rows_are_for_the_same_thing() {
        let mut seen: HashMap<String, (&str, Lowering)> = HashMap::new();
        for (signature, lowering) in TABLES.iter().copied().flatten() {
            let key = match meaning(signature) {
                Some(Meaning::Function(oid)) => oid.to_string(),
                Some(Meaning::Cast { from, to, .. }) => format!("{from}::{to}"),
                None => continue,
            };
            if let Some((other, known)) = seen.insert(key, (signature, *lowering)) {
                // Some operators share a function, which is then done the same way.
                assert!(known == *lowering && other != *signature, "{other} and {signature}");
            }
        }
    }
}
