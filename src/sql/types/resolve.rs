//! Choosing among operators and functions of one name (manual, "Operator Type Resolution" and
//! "Function Type Resolution"), and the common type of several expressions ("UNION, CASE, and
//! Related Constructs").

use crate::model::pg_type::{Oid, PgType};
use crate::sql::types::casts::{self, Context};
use crate::sql::types::{ANY, category, is_preferred};

const UNKNOWN: Oid = PgType::UNKNOWN.oid;

/// What came of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The candidate at this place in the list.
    One(usize),
    None,
    Ambiguous,
}

/// Chooses among candidates, given as the types of their arguments; `given` has UNKNOWN for
/// literals and parameters whose type is not known yet.
pub(crate) fn choose(candidates: &[Vec<Oid>], given: &[Oid]) -> Choice {
    let fitting: Vec<usize> =
        (0..candidates.len()).filter(|&at| candidates[at].len() == given.len()).collect();
    if let Some(&exact) = fitting.iter().find(|&&at| candidates[at] == given) {
        return Choice::One(exact);
    }
    let mut left: Vec<usize> = fitting
        .into_iter()
        .filter(|&at| candidates[at].iter().zip(given).all(|(want, have)| accepts(*want, *have)))
        .collect();
    // Those with most exact matches; a domain or a string type counts as its base.
    keep_best(&mut left, |at| count(&candidates[at], given, |want, have| want == have));
    if left.len() > 1 {
        // Then those with most preferred types where a conversion is needed.
        keep_best(&mut left, |at| {
            count(&candidates[at], given, |want, have| {
                want == have
                    || (have != UNKNOWN && is_preferred(want) && category(want) == category(have))
            })
        });
    }
    if left.len() > 1 && given.contains(&UNKNOWN) {
        by_unknowns(candidates, given, &mut left);
    }
    match left.as_slice() {
        [one] => Choice::One(*one),
        [] => Choice::None,
        _ => Choice::Ambiguous,
    }
}

fn accepts(want: Oid, have: Oid) -> bool {
    want == ANY || have == UNKNOWN || casts::find(have, want, Context::Implicit).is_some()
}

fn count(candidate: &[Oid], given: &[Oid], matches: impl Fn(Oid, Oid) -> bool) -> usize {
    candidate.iter().zip(given).filter(|(want, have)| matches(**want, **have)).count()
}

fn keep_best(left: &mut Vec<usize>, score: impl Fn(usize) -> usize) {
    let best = left.iter().map(|&at| score(at)).max().unwrap_or(0);
    left.retain(|&at| score(at) == best);
}

/// The rules for unknown arguments: a category that all accept, the string one before others, then
/// its preferred type; at last, the type that all known arguments have.
fn by_unknowns(candidates: &[Vec<Oid>], given: &[Oid], left: &mut Vec<usize>) {
    let before = left.clone();
    let mut resolved = true;
    for at in 0..given.len() {
        if given[at] != UNKNOWN {
            continue;
        }
        let wants = |candidate: usize| candidates[candidate][at];
        let chosen = if left.iter().any(|&candidate| category(wants(candidate)) == b'S') {
            b'S'
        } else {
            let first = category(wants(left[0]));
            if left.iter().any(|&candidate| category(wants(candidate)) != first) {
                resolved = false;
                break;
            }
            first
        };
        left.retain(|&candidate| category(wants(candidate)) == chosen);
        if left.iter().any(|&candidate| is_preferred(wants(candidate))) {
            left.retain(|&candidate| is_preferred(wants(candidate)));
        }
    }
    if resolved && left.len() == 1 {
        return;
    }
    // All known arguments of one type: assume the unknown ones to be of it too.
    let mut known = given.iter().filter(|oid| **oid != UNKNOWN);
    if let Some(first) = known.next()
        && known.all(|oid| oid == first)
    {
        let mut assumed: Vec<usize> = before
            .iter()
            .copied()
            .filter(|&candidate| candidates[candidate].iter().all(|want| accepts(*want, *first)))
            .collect();
        if assumed.len() > 1 {
            let exact: Vec<usize> = assumed
                .iter()
                .copied()
                .filter(|&candidate| candidates[candidate].iter().all(|want| want == first))
                .collect();
            if !exact.is_empty() {
                assumed = exact;
            }
        }
        if assumed.len() == 1 {
            *left = assumed;
        }
    }
}

/// Operators: the shortcut that an unknown operand is of the other one's type comes first.
pub(crate) fn choose_operator(candidates: &[Vec<Oid>], given: &[Oid]) -> Choice {
    if let [left, right] = *given {
        let assumed = match (left == UNKNOWN, right == UNKNOWN) {
            (true, false) => Some(right),
            (false, true) => Some(left),
            _ => None,
        };
        if let Some(oid) = assumed
            && let Some(at) = candidates.iter().position(|candidate| candidate == &[oid, oid])
        {
            return Choice::One(at);
        }
    }
    choose(candidates, given)
}

/// The common type of several expressions. `Err` has the two types that don't go together.
pub(crate) fn common_type(given: &[Oid]) -> Result<Oid, (Oid, Oid)> {
    let mut known = given.iter().copied().filter(|oid| *oid != UNKNOWN);
    let Some(mut chosen) = known.next() else { return Ok(PgType::TEXT.oid) };
    for oid in known {
        if oid == chosen {
            continue;
        }
        if category(oid) != category(chosen) {
            return Err((chosen, oid));
        }
        let forth = casts::find(chosen, oid, Context::Implicit).is_some();
        let back = casts::find(oid, chosen, Context::Implicit).is_some();
        if !is_preferred(chosen) && forth && !back {
            chosen = oid;
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::{functions, operators};

    fn operator(name: &str, left: PgType, right: PgType) -> Option<(Option<Oid>, Oid)> {
        let found = operators::named(name, false);
        let candidates: Vec<Vec<Oid>> =
            found.iter().map(|op| vec![op.left.unwrap_or(0), op.right]).collect();
        match choose_operator(&candidates, &[left.oid, right.oid]) {
            Choice::One(at) => Some((found[at].left, found[at].right)),
            Choice::None | Choice::Ambiguous => None,
        }
    }

    #[test]
    fn operators_are_chosen_as_postgresql_does() {
        let pair = |left: PgType, right: PgType| Some((Some(left.oid), right.oid));
        assert_eq!(operator("=", PgType::INT4, PgType::INT2), pair(PgType::INT4, PgType::INT2));
        assert_eq!(operator("=", PgType::INT4, PgType::UNKNOWN), pair(PgType::INT4, PgType::INT4));
        assert_eq!(
            operator("=", PgType::VARCHAR, PgType::UNKNOWN),
            pair(PgType::TEXT, PgType::TEXT)
        );
        assert_eq!(
            operator("=", PgType::UNKNOWN, PgType::UNKNOWN),
            pair(PgType::TEXT, PgType::TEXT)
        );
        assert_eq!(
            operator("+", PgType::INT4, PgType::NUMERIC),
            pair(PgType::NUMERIC, PgType::NUMERIC)
        );
        assert_eq!(
            operator("*", PgType::NUMERIC, PgType::FLOAT8),
            pair(PgType::FLOAT8, PgType::FLOAT8)
        );
        assert_eq!(
            operator("=", PgType::DATE, PgType::TIMESTAMP),
            pair(PgType::TIMESTAMP, PgType::TIMESTAMP)
        );
        assert_eq!(operator("=", PgType::INT4, PgType::TEXT), None);
    }

    #[test]
    fn functions_prefer_the_preferred_type_of_a_category() {
        let found = functions::named("sqrt");
        let candidates: Vec<Vec<Oid>> =
            found.iter().map(|function| function.arguments.to_vec()).collect();
        let result = |given: PgType| match choose(&candidates, &[given.oid]) {
            Choice::One(at) => Some(found[at].result),
            Choice::None | Choice::Ambiguous => None,
        };
        assert_eq!(result(PgType::INT4), Some(PgType::FLOAT8.oid));
        assert_eq!(result(PgType::NUMERIC), Some(PgType::NUMERIC.oid));
        assert_eq!(result(PgType::UNKNOWN), Some(PgType::FLOAT8.oid));
        assert_eq!(result(PgType::TEXT), None);
    }

    #[test]
    fn the_common_type_is_the_one_that_all_convert_to() {
        assert_eq!(
            common_type(&[PgType::INT4.oid, PgType::INT8.oid, UNKNOWN]),
            Ok(PgType::INT8.oid)
        );
        assert_eq!(common_type(&[UNKNOWN, UNKNOWN]), Ok(PgType::TEXT.oid));
        assert_eq!(common_type(&[PgType::NUMERIC.oid, PgType::FLOAT8.oid]), Ok(PgType::FLOAT8.oid));
        assert_eq!(
            common_type(&[PgType::INT4.oid, PgType::TEXT.oid]),
            Err((PgType::INT4.oid, PgType::TEXT.oid))
        );
    }
}
