//! What `anyelement`, `anyarray`, `anycompatible` and the like stand for in a call (manual,
//! "Polymorphic Types").
//!
//! There are two families. In the `any...` one all arguments agree exactly on one element type; in
//! the `anycompatible...` one they have a common type that all convert to.

use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::TypeKind;
use crate::sql::types::casts::{self, Context};
use crate::sql::types::{Types, UNKNOWN, resolve};

pub(crate) const ANYELEMENT: Oid = 2283;
pub(crate) const ANYARRAY: Oid = 2277;
const ANYNONARRAY: Oid = 2776;
const ANYENUM: Oid = 3500;
const ANYRANGE: Oid = 3831;
const ANYMULTIRANGE: Oid = 4537;
const ANYCOMPATIBLE: Oid = 5077;
const ANYCOMPATIBLEARRAY: Oid = 5078;
const ANYCOMPATIBLENONARRAY: Oid = 5079;
const ANYCOMPATIBLERANGE: Oid = 5080;
const ANYCOMPATIBLEMULTIRANGE: Oid = 4538;

fn is_vector(oid: Oid) -> bool {
    oid == PgType::INT2VECTOR.oid || oid == PgType::OIDVECTOR.oid
}

/// What a polymorphic type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Element,
    NonArray,
    Enum,
    Array,
    Range,
    Multirange,
}

/// A polymorphic type's family (whether `anycompatible`) and role.
fn role(oid: Oid) -> Option<(bool, Role)> {
    Some(match oid {
        ANYELEMENT => (false, Role::Element),
        ANYNONARRAY => (false, Role::NonArray),
        ANYENUM => (false, Role::Enum),
        ANYARRAY => (false, Role::Array),
        ANYRANGE => (false, Role::Range),
        ANYMULTIRANGE => (false, Role::Multirange),
        ANYCOMPATIBLE => (true, Role::Element),
        ANYCOMPATIBLENONARRAY => (true, Role::NonArray),
        ANYCOMPATIBLEARRAY => (true, Role::Array),
        ANYCOMPATIBLERANGE => (true, Role::Range),
        ANYCOMPATIBLEMULTIRANGE => (true, Role::Multirange),
        _ => return None,
    })
}

pub(crate) fn is_polymorphic(oid: Oid) -> bool {
    role(oid).is_some()
}

/// What the polymorphic types of one call stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Meaning {
    /// The element type of the `any` family.
    element: Option<Oid>,
    /// The element type of the `anycompatible` family.
    compatible: Option<Oid>,
    /// The range type of the `any` family, whose subtype is the element type.
    range: Option<Oid>,
    /// That of the `anycompatible` family.
    compatible_range: Option<Oid>,
    /// A vector, given for `anyarray`: it stays what it is, for its subscripts begin at 0.
    vector: Option<Oid>,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The arguments don't go together.
    Unlike,
    /// All that would decide is of type unknown.
    Undetermined,
    /// The same of the range type.
    NoRange,
    NoMultirange,
}

/// Whether `given` can be passed for `wanted`.
pub(crate) fn is_consistent(types: Types<'_>, given: &[Oid], wanted: &[Oid]) -> bool {
    !matches!(meaning(types, given, wanted), Err(Conflict::Unlike))
}

/// Finds what the polymorphic types among `wanted` mean for arguments of the types `given`.
pub(crate) fn meaning(
    types: Types<'_>,
    given: &[Oid],
    wanted: &[Oid],
) -> Result<Meaning, Conflict> {
    let mut exact: Option<Oid> = None;
    let mut compatible: Vec<Oid> = Vec::new();
    let mut restrictions: Vec<(bool, Role)> = Vec::new();
    let mut meaning = Meaning::default();
    for (have, want) in given.iter().copied().zip(wanted.iter().copied()) {
        let Some((loose, role)) = role(want) else { continue };
        restrictions.push((loose, role));
        if have == UNKNOWN {
            continue;
        }
        // A domain over an array is an array; otherwise a domain is a type of its own.
        let element = match role {
            Role::Element | Role::NonArray | Role::Enum if loose => types.base(have),
            Role::Element | Role::NonArray | Role::Enum => have,
            Role::Array if have == ANYARRAY => ANYELEMENT,
            Role::Array if !loose && is_vector(have) => {
                meaning.vector = Some(have);
                types.element(have).ok_or(Conflict::Unlike)?
            }
            Role::Array => types.element(types.base(have)).ok_or(Conflict::Unlike)?,
            Role::Range | Role::Multirange => {
                let known = if loose { &mut meaning.compatible_range } else { &mut meaning.range };
                range_element(types, (have, role), known)?
            }
        };
        if loose {
            compatible.push(element);
        } else if *exact.get_or_insert(element) != element {
            return Err(Conflict::Unlike);
        }
    }
    meaning.element = exact;
    meaning.compatible = loose_meaning(types, &compatible, &restrictions)?;
    // Bounds aren't converted.
    if let Some(range) = meaning.compatible_range
        && types.subtype(range) != meaning.compatible
    {
        return Err(Conflict::Unlike);
    }
    for (loose, role) in &restrictions {
        let Some(element) = (if *loose { meaning.compatible } else { meaning.element }) else {
            continue;
        };
        let refused = match role {
            Role::NonArray => types.element(types.base(element)).is_some(),
            Role::Enum => types.kind(types.base(element)) != TypeKind::Enum,
            Role::Element | Role::Array | Role::Range | Role::Multirange => false,
        };
        if refused {
            return Err(Conflict::Unlike);
        }
    }
    let wants_exact = restrictions.iter().any(|(loose, _)| !loose);
    if wants_exact && meaning.element.is_none() {
        return Err(Conflict::Undetermined);
    }
    for (loose, role) in &restrictions {
        let range = if *loose { meaning.compatible_range } else { meaning.range };
        match role {
            Role::Range if range.is_none() => return Err(Conflict::NoRange),
            Role::Multirange if range.is_none() => return Err(Conflict::NoMultirange),
            _ => {}
        }
    }
    Ok(meaning)
}

/// The type of the bounds of a range or multirange that is given. All that are given are of the one range type `known`.
fn range_element(
    types: Types<'_>,
    (given, role): (Oid, Role),
    known: &mut Option<Oid>,
) -> Result<Oid, Conflict> {
    let given = types.base(given);
    let range = if role == Role::Range { Some(given) } else { types.range_of(given) };
    let range = range.ok_or(Conflict::Unlike)?;
    let subtype = types.subtype(range).ok_or(Conflict::Unlike)?;
    if *known.get_or_insert(range) != range {
        return Err(Conflict::Unlike);
    }
    Ok(subtype)
}

/// The common type of the `anycompatible` family; text where all are unknown.
fn loose_meaning(
    types: Types<'_>,
    given: &[Oid],
    restrictions: &[(bool, Role)],
) -> Result<Option<Oid>, Conflict> {
    if !restrictions.iter().any(|(loose, _)| *loose) {
        return Ok(None);
    }
    let common = resolve::common_type_of(types, given).map_err(|_| Conflict::Unlike)?;
    let fits = |from: &Oid| casts::find(types, *from, common, Context::Implicit).is_some();
    if given.iter().all(fits) { Ok(Some(common)) } else { Err(Conflict::Unlike) }
}

impl Meaning {
    /// The type that a declared one is in this call; the declared one where it isn't polymorphic.
    /// `None` where there is no such type (arrays of what has no array type).
    pub(crate) fn apply(self, types: Types<'_>, declared: Oid) -> Option<Oid> {
        let Some((loose, role)) = role(declared) else { return Some(declared) };
        let element = if loose { self.compatible } else { self.element };
        let range = if loose { self.compatible_range } else { self.range };
        match role {
            Role::Element | Role::NonArray | Role::Enum => element,
            Role::Array if !loose && self.vector.is_some() => self.vector,
            Role::Array => match element {
                Some(ANYELEMENT) => Some(ANYARRAY),
                Some(element) => types.array_of(element),
                None => None,
            },
            Role::Range => range,
            Role::Multirange => types.multirange_of(range?),
        }
    }
}

impl Conflict {
    /// PostgreSQL's message where a call was found that its arguments don't decide.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Unlike => "arguments declared \"anyelement\" are not all alike",
            Self::Undetermined => {
                "could not determine polymorphic type because input has type unknown"
            }
            Self::NoRange => {
                "could not determine polymorphic type anyrange because input has type unknown"
            }
            Self::NoMultirange => {
                "could not determine polymorphic type anymultirange because input has type unknown"
            }
        }
    }
}

/// Whether a type is a pseudo-type that a call takes anything for.
pub(crate) fn takes_anything(oid: Oid) -> bool {
    oid == super::ANY || (is_polymorphic(oid) && oid != PgType::RECORD.oid)
}
