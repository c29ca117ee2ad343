//! Ways from one type to another (`pg_cast`, and the rules for what isn't in it): when they may be
//! taken, and how they are done.

use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{self, CastMethod};
use crate::sql::types::lowering::{self, Lowering};
use crate::sql::types::{ANY, Types, UNKNOWN, polymorphic};

pub(crate) use crate::pgdata::CastContext as Context;

/// `multirange(anyrange)`, by which a database's own ranges become multiranges.
const MULTIRANGE: Oid = 4298;

/// How a value of one type becomes one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// It is one already.
    Same,
    Function(Oid),
    /// By text output and input.
    Text,
    /// Each element of an array on its own.
    Elements,
}

/// How to get from one type to another, if the context allows it. Modifiers are not looked at.
pub(crate) fn find(types: Types<'_>, from: Oid, to: Oid, context: Context) -> Option<Path> {
    let (source, target) = (types.base(from), types.base(to));
    if source == target {
        return Some(Path::Same);
    }
    if let Some(cast) = pgdata::cast(source, target) {
        let path = match cast.method {
            CastMethod::Function(function) => Path::Function(function),
            CastMethod::Binary => Path::Same,
            CastMethod::Text => Path::Text,
        };
        return (cast.context <= context).then_some(path);
    }
    if types.multirange_of(source) == Some(target) {
        return (context >= Context::Explicit).then_some(Path::Function(MULTIRANGE));
    }
    // Arrays don't become int2vector and oidvector, so that these aren't taken for the real arrays.
    if let (Some(from), Some(to)) = (types.element(source), types.element(target))
        && target != PgType::INT2VECTOR.oid
        && target != PgType::OIDVECTOR.oid
    {
        return find(types, from, to, context).map(|path| match path {
            Path::Same => Path::Same,
            Path::Function(_) | Path::Text | Path::Elements => Path::Elements,
        });
    }
    // To a string by assignment, from one explicitly.
    let by_text = (context >= Context::Assignment && types.category(target) == b'S')
        || (context >= Context::Explicit && types.category(source) == b'S');
    by_text.then_some(Path::Text)
}

/// Whether arguments of the types `given` can be passed where `wanted` is, without being asked for.
pub(crate) fn fit(types: Types<'_>, given: &[Oid], wanted: &[Oid], context: Context) -> bool {
    let mut generic = false;
    for (have, want) in given.iter().copied().zip(wanted.iter().copied()) {
        if have == want || want == ANY {
            continue;
        }
        if polymorphic::is_polymorphic(want) {
            generic = true;
            continue;
        }
        let fits = have == UNKNOWN
            || find(types, have, want, context).is_some()
            || (want == PgType::RECORD.oid && types.is_row(have))
            || (have == PgType::RECORD.oid && types.attributes(want).is_some());
        if !fits {
            return false;
        }
    }
    !generic || polymorphic::is_consistent(types, given, wanted)
}

/// Whether a value always becomes the same one (`pg_proc.provolatile` of what does it).
pub(crate) fn is_immutable(types: Types<'_>, path: Path, from: Oid, to: Oid) -> bool {
    match path {
        Path::Same => true,
        Path::Function(function) => {
            pgdata::function(function).is_none_or(pgdata::Function::is_immutable)
        }
        Path::Text => {
            let (source, target) = (types.base(from), types.base(to));
            let is_array = types.element(source).or(types.element(target)).is_some();
            !is_array && !STABLE_OUTPUT.contains(&source) && !STABLE_INPUT.contains(&target)
        }
        Path::Elements => match (types.element(from), types.element(to)) {
            (Some(from), Some(to)) => find(types, from, to, Context::Explicit)
                .is_some_and(|path| is_immutable(types, path, from, to)),
            _ => false,
        },
    }
}

/// Types whose text depends on settings or on the catalog: `typoutput` isn't IMMUTABLE. Dates and times,
/// money, records, names of objects.
const STABLE_OUTPUT: [Oid; 25] = [
    24, 790, 1033, 1082, 1114, 1184, 1186, 2202, 2203, 2204, 2205, 2206, 2249, 2277, 3500, 3734,
    3769, 3831, 4089, 4096, 4191, 4537, 4538, 5078, 5080,
];
/// The same of `typinput`.
const STABLE_INPUT: [Oid; 25] = [
    24, 142, 790, 1033, 1082, 1083, 1114, 1184, 1186, 1266, 2202, 2203, 2204, 2205, 2206, 2249,
    3734, 3769, 3831, 4089, 4096, 4191, 4537, 4538, 5080,
];

/// How a way is done in SQLite; `None` if it isn't supported.
pub(crate) fn lowering(types: Types<'_>, path: Path, from: Oid, to: Oid) -> Option<Lowering> {
    let (source, target) = (types.base(from), types.base(to));
    if let Some(special) = lowering::cast(source, target) {
        return Some(special);
    }
    match path {
        Path::Same => match (types.element(source), types.element(target)) {
            // Arrays of what is stored alike are stored alike.
            (Some(from), Some(to)) if lowering(types, path, from, to)? != Lowering::Same => {
                Some(Lowering::Reread)
            }
            _ => Some(Lowering::Same),
        },
        Path::Function(function) => lowering::function(function),
        Path::Text if types.category(source) == b'S' => Some(Lowering::Input),
        Path::Text if types.category(target) == b'S' => Some(Lowering::Output),
        Path::Text => Some(Lowering::Reread),
        Path::Elements => {
            let (from, to) = (types.element(source)?, types.element(target)?);
            element_lowering(types, from, to)
        }
    }
}

/// Array elements go by their text, where that gives what the cast of the elements would.
fn element_lowering(types: Types<'_>, from: Oid, to: Oid) -> Option<Lowering> {
    let path = find(types, from, to, Context::Explicit)?;
    if lowering(types, path, from, to)? == Lowering::Same {
        return Some(Lowering::Same);
    }
    let widens = types.category(from) == b'N' && find(types, from, to, Context::Implicit).is_some();
    let text = types.category(from) == b'S' || types.category(to) == b'S';
    // A date reads as its midnight; a time stamp's zone and time are passed over where there are none.
    let days = [PgType::DATE.oid, PgType::TIMESTAMP.oid, PgType::TIMESTAMPTZ.oid];
    let temporal = days.contains(&from) && days.contains(&to);
    // true is `true` as a text, and `t` in an array.
    (widens || temporal || (text && from != PgType::BOOL.oid)).then_some(Lowering::Reread)
}
