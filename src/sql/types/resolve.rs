//! Choosing among operators and functions of one name (manual, "Operator Type Resolution" and
//! "Function Type Resolution"), and the common type of several expressions ("UNION, CASE, and
//! Related Constructs").
//!
//! Types of arguments are UNKNOWN for string literals and parameters whose type isn't known yet.

use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{self, Function, Operator};
use crate::sql::types::casts::{self, Context};
use crate::sql::types::{Types, UNKNOWN};

/// What came of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<T> {
    One(T),
    None,
    Ambiguous,
}

/// A way to call a function with a given number of arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) function: FunctionRef,
    /// The parameters' types for the arguments, in the order of the call.
    pub(crate) wanted: Vec<Oid>,
    /// For each argument, the parameter that it is for.
    pub(crate) places: Vec<usize>,
    /// Whether the last arguments are the elements of a variadic parameter.
    pub(crate) expanded: bool,
    /// Parameters that get their defaults.
    pub(crate) defaulted: usize,
}

/// One of PostgreSQL's functions; equal if they are the same one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunctionRef(pub(crate) &'static Function);

impl PartialEq for FunctionRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.oid == other.0.oid
    }
}

impl Eq for FunctionRef {}

/// A call as the choice sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a> {
    pub(crate) types: &'a [Oid],
    /// The names of the last arguments (`name => value`).
    pub(crate) names: &'a [&'a str],
    /// Whether VARIADIC stands before the last one.
    pub(crate) variadic: bool,
    /// The schema whose functions are meant.
    pub(crate) namespace: Oid,
}

/// The function of this name that a call means.
pub(crate) fn function(types: Types<'_>, name: &str, call: Arguments<'_>) -> Found<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for known in pgdata::functions_named(name) {
        if known.namespace != call.namespace {
            continue;
        }
        if let Some(candidate) = candidate(known, call) {
            add_candidate(&mut candidates, candidate);
        }
    }
    let given = call.types;
    if let Some(at) = candidates.iter().position(|candidate| candidate.wanted == given) {
        return Found::One(candidates.swap_remove(at));
    }
    let wanted: Vec<&[Oid]> = candidates.iter().map(|candidate| &*candidate.wanted).collect();
    match choose(types, &wanted, given) {
        Found::One(at) => Found::One(candidates.swap_remove(at)),
        Found::None => Found::None,
        Found::Ambiguous => Found::Ambiguous,
    }
}

/// How a function takes the arguments of a call, if it does by their number and names.
fn candidate(function: &'static Function, call: Arguments<'_>) -> Option<Candidate> {
    let (given, count) = (call.types.len(), function.arguments.len());
    if !call.names.is_empty() {
        return named_candidate(function, call);
    }
    let expands = function.variadic != 0 && !call.variadic && given >= count;
    if expands {
        let mut wanted = function.arguments[..count - 1].to_vec();
        wanted.resize(given, function.variadic);
        let places = (0..given).map(|at| at.min(count - 1)).collect();
        return Some(Candidate {
            function: FunctionRef(function),
            wanted,
            places,
            expanded: true,
            defaulted: 0,
        });
    }
    let defaulted = count.checked_sub(given)?;
    if defaulted > function.default_count || (call.variadic && function.variadic == 0) {
        return None;
    }
    Some(Candidate {
        function: FunctionRef(function),
        wanted: function.arguments[..given].to_vec(),
        places: (0..given).collect(),
        expanded: false,
        defaulted,
    })
}

/// Arguments by name: each is for one parameter, and the others have defaults.
fn named_candidate(function: &'static Function, call: Arguments<'_>) -> Option<Candidate> {
    let (given, count) = (call.types.len(), function.arguments.len());
    let positional = given - call.names.len();
    let defaulted = count.checked_sub(given)?;
    if function.variadic != 0 && !call.variadic {
        return None;
    }
    let names = function.argument_names();
    let mut places: Vec<usize> = (0..positional).collect();
    for name in call.names {
        let place = names.iter().position(|known| known == name && !known.is_empty())?;
        if places.contains(&place) {
            return None;
        }
        places.push(place);
    }
    let required = count - function.default_count;
    if (0..required).any(|place| !places.contains(&place)) {
        return None;
    }
    let wanted = places.iter().map(|place| function.arguments[*place]).collect();
    Some(Candidate { function: FunctionRef(function), wanted, places, expanded: false, defaulted })
}

/// Of two that take the same types, the one without a variadic parameter stays, then the one that
/// needs fewer defaults.
fn add_candidate(candidates: &mut Vec<Candidate>, candidate: Candidate) {
    let same = candidates.iter().position(|known| known.wanted == candidate.wanted);
    let Some(at) = same else { return candidates.push(candidate) };
    let rank = |candidate: &Candidate| (candidate.expanded, candidate.defaulted);
    if rank(&candidate) < rank(&candidates[at]) {
        candidates[at] = candidate;
    }
}

/// The operator of this name for these operands; a prefix operator has no left one.
pub(crate) fn operator(
    types: Types<'_>,
    name: &str,
    left: Option<Oid>,
    right: Oid,
) -> Found<&'static Operator> {
    let known = pgdata::operators_named(name);
    let Some(left) = left else {
        let prefix: Vec<_> = known.iter().filter(|operator| operator.left == 0).collect();
        if let Some(exact) = prefix.iter().find(|operator| operator.right == right) {
            return Found::One(exact);
        }
        let wanted: Vec<[Oid; 1]> = prefix.iter().map(|operator| [operator.right]).collect();
        let wanted: Vec<&[Oid]> = wanted.iter().map(|types| &types[..]).collect();
        return pick(choose(types, &wanted, &[right]), &prefix);
    };
    // An unknown operand is first taken to be of the other one's type.
    let assumed = match (left == UNKNOWN, right == UNKNOWN) {
        (true, false) => (right, right),
        (false, true) => (left, left),
        _ => (left, right),
    };
    let exactly = |pair: (Oid, Oid)| {
        known.iter().find(|operator| (operator.left, operator.right) == pair && pair.0 != 0)
    };
    if let Some(exact) = exactly(assumed) {
        return Found::One(exact);
    }
    if assumed != (left, right) {
        let base = types.base(assumed.0);
        if let Some(exact) = exactly((base, base)) {
            return Found::One(exact);
        }
    }
    let binary: Vec<_> = known.iter().filter(|operator| operator.left != 0).collect();
    let wanted: Vec<[Oid; 2]> =
        binary.iter().map(|operator| [operator.left, operator.right]).collect();
    let wanted: Vec<&[Oid]> = wanted.iter().map(|types| &types[..]).collect();
    pick(choose(types, &wanted, &[left, right]), &binary)
}

fn pick(found: Found<usize>, among: &[&'static Operator]) -> Found<&'static Operator> {
    match found {
        Found::One(at) => Found::One(among[at]),
        Found::None => Found::None,
        Found::Ambiguous => Found::Ambiguous,
    }
}

/// Chooses among candidates, given as the types of their arguments, none of which fits exactly.
fn choose(types: Types<'_>, candidates: &[&[Oid]], given: &[Oid]) -> Found<usize> {
    let mut left: Vec<usize> = (0..candidates.len())
        .filter(|&at| casts::fit(types, given, candidates[at], Context::Implicit))
        .collect();
    match left.as_slice() {
        [] => return Found::None,
        [one] => return Found::One(*one),
        _ => {}
    }
    let bases: Vec<Oid> = given.iter().map(|oid| types.base(*oid)).collect();
    // Those with most exact matches.
    keep_best(&mut left, |at| count(candidates[at], &bases, |want, have| want == have));
    if let [one] = left.as_slice() {
        return Found::One(*one);
    }
    // Then those with most preferred types where a conversion is needed.
    keep_best(&mut left, |at| {
        count(candidates[at], &bases, |want, have| {
            want == have
                || (types.is_preferred(want) && types.category(want) == types.category(have))
        })
    });
    if let [one] = left.as_slice() {
        return Found::One(*one);
    }
    if !bases.contains(&UNKNOWN) {
        return Found::Ambiguous;
    }
    by_unknowns(types, candidates, &bases, left)
}

fn count(candidate: &[Oid], bases: &[Oid], matches: impl Fn(Oid, Oid) -> bool) -> usize {
    let pairs = candidate.iter().zip(bases);
    pairs.filter(|(want, have)| **have != UNKNOWN && matches(**want, **have)).count()
}

fn keep_best(left: &mut Vec<usize>, score: impl Fn(usize) -> usize) {
    let best = left.iter().map(|&at| score(at)).max().unwrap_or(0);
    left.retain(|&at| score(at) == best);
}

/// The rules for unknown arguments: a category that all accept, the string one before others, with
/// its preferred type; at last, the type that all known arguments have.
fn by_unknowns(
    types: Types<'_>,
    candidates: &[&[Oid]],
    bases: &[Oid],
    mut left: Vec<usize>,
) -> Found<usize> {
    if let Some(slots) = unknown_slots(types, candidates, bases, &left) {
        let fits = |&at: &usize| {
            slots.iter().all(|(place, category, preferred)| {
                let want = candidates[at][*place];
                types.category(want) == *category && (!preferred || types.is_preferred(want))
            })
        };
        let kept: Vec<usize> = left.iter().copied().filter(fits).collect();
        if !kept.is_empty() {
            left = kept;
        }
        if let [one] = left.as_slice() {
            return Found::One(*one);
        }
    }
    // All known arguments of one type: assume the unknown ones to be of it too.
    let mut known = bases.iter().copied().filter(|oid| *oid != UNKNOWN);
    if let Some(first) = known.next()
        && known.all(|oid| oid == first)
    {
        let assumed = vec![first; bases.len()];
        let mut fitting = left
            .iter()
            .copied()
            .filter(|&at| casts::fit(types, &assumed, candidates[at], Context::Implicit));
        if let (Some(one), None) = (fitting.next(), fitting.next()) {
            return Found::One(one);
        }
    }
    Found::Ambiguous
}

/// For each unknown argument its place, the category to take it as, and whether only the preferred
/// type of that will do. `None` if the candidates don't agree on a category.
fn unknown_slots(
    types: Types<'_>,
    candidates: &[&[Oid]],
    bases: &[Oid],
    left: &[usize],
) -> Option<Vec<(usize, u8, bool)>> {
    let mut slots = Vec::new();
    for place in (0..bases.len()).filter(|place| bases[*place] == UNKNOWN) {
        let wants = || left.iter().map(|&at| candidates[at][place]);
        let first = wants().next().map_or(0, |want| types.category(want));
        let category = if wants().any(|want| types.category(want) == b'S') {
            b'S'
        } else if wants().all(|want| types.category(want) == first) {
            first
        } else {
            return None;
        };
        let preferred =
            wants().any(|want| types.category(want) == category && types.is_preferred(want));
        slots.push((place, category, preferred));
    }
    Some(slots)
}

/// The common type of several expressions. `Err` has the two types that don't go together.
pub(crate) fn common_type_of(types: Types<'_>, given: &[Oid]) -> Result<Oid, (Oid, Oid)> {
    if let Some((first, rest)) = given.split_first()
        && *first != UNKNOWN
        && rest.iter().all(|oid| oid == first)
    {
        return Ok(*first);
    }
    let mut known = given.iter().map(|oid| types.base(*oid)).filter(|oid| *oid != UNKNOWN);
    let Some(mut chosen) = known.next() else { return Ok(PgType::TEXT.oid) };
    for oid in known {
        if oid == chosen {
            continue;
        }
        if types.category(oid) != types.category(chosen) {
            return Err((chosen, oid));
        }
        let converts = |from, to| casts::find(types, from, to, Context::Implicit).is_some();
        if !types.is_preferred(chosen) && converts(chosen, oid) && !converts(oid, chosen) {
            chosen = oid;
        }
    }
    Ok(chosen)
}
