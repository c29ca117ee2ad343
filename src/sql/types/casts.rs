//! Casts: which are there (`pg_cast`), when they apply, how they are done.

use crate::model::pg_type::{Oid, PgType, builtin};
use crate::sql::types::{Lowering, category, is_text};

/// When a cast may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Context {
    Implicit,
    Assignment,
    Explicit,
}

const BOOL: Oid = PgType::BOOL.oid;
const INT2: Oid = PgType::INT2.oid;
const INT4: Oid = PgType::INT4.oid;
const INT8: Oid = PgType::INT8.oid;
const FLOAT4: Oid = PgType::FLOAT4.oid;
const FLOAT8: Oid = PgType::FLOAT8.oid;
const NUMERIC: Oid = PgType::NUMERIC.oid;
const OID: Oid = PgType::OID.oid;
const DATE: Oid = PgType::DATE.oid;
const TIME: Oid = PgType::TIME.oid;
const TIMESTAMP: Oid = PgType::TIMESTAMP.oid;
const TIMESTAMPTZ: Oid = PgType::TIMESTAMPTZ.oid;
const TEXT: Oid = PgType::TEXT.oid;
const JSON: Oid = PgType::JSON.oid;
const JSONB: Oid = PgType::JSONB.oid;

use Context::{Assignment, Explicit, Implicit};
use Lowering::{Call, Convert, Same, Zoned};

/// `pg_cast`, as far as it is supported; casts among the string types and by text input and output
/// are rules, below.
#[rustfmt::skip]
const CASTS: &[(Oid, Oid, Context, Lowering)] = &[
    (INT2, INT4, Implicit, Same), (INT2, INT8, Implicit, Same), (INT4, INT8, Implicit, Same),
    (INT4, INT2, Assignment, Call("pg_i2")), (INT8, INT2, Assignment, Call("pg_i2")), (INT8, INT4, Assignment, Call("pg_i4")),
    (INT2, FLOAT4, Implicit, Convert("REAL")), (INT2, FLOAT8, Implicit, Convert("REAL")),
    (INT4, FLOAT4, Implicit, Call("pg_f4")), (INT4, FLOAT8, Implicit, Convert("REAL")),
    (INT8, FLOAT4, Implicit, Call("pg_f4")), (INT8, FLOAT8, Implicit, Convert("REAL")),
    (INT2, NUMERIC, Implicit, Convert("TEXT")), (INT4, NUMERIC, Implicit, Convert("TEXT")), (INT8, NUMERIC, Implicit, Convert("TEXT")),
    (FLOAT4, FLOAT8, Implicit, Same), (FLOAT8, FLOAT4, Assignment, Call("pg_f4")),
    (FLOAT4, INT2, Assignment, Call("pg_float_i2")), (FLOAT4, INT4, Assignment, Call("pg_float_i4")), (FLOAT4, INT8, Assignment, Call("pg_float_i8")),
    (FLOAT8, INT2, Assignment, Call("pg_float_i2")), (FLOAT8, INT4, Assignment, Call("pg_float_i4")), (FLOAT8, INT8, Assignment, Call("pg_float_i8")),
    (FLOAT4, NUMERIC, Assignment, Call("pg_float4_num")), (FLOAT8, NUMERIC, Assignment, Call("pg_float8_num")),
    (NUMERIC, INT2, Assignment, Call("pg_num_i2")), (NUMERIC, INT4, Assignment, Call("pg_num_i4")), (NUMERIC, INT8, Assignment, Call("pg_num_i8")),
    (NUMERIC, FLOAT4, Implicit, Call("pg_num_f4")), (NUMERIC, FLOAT8, Implicit, Call("pg_num_f8")),
    (INT4, BOOL, Explicit, Call("pg_i4_bool")), (BOOL, INT4, Explicit, Same),
    (INT2, OID, Implicit, Call("pg_i_oid")), (INT4, OID, Implicit, Call("pg_i_oid")), (INT8, OID, Implicit, Call("pg_i_oid")),
    (OID, INT4, Assignment, Call("pg_oid_i4")), (OID, INT8, Assignment, Same),
    (BOOL, TEXT, Assignment, Call("pg_bool_text")),
    (DATE, TIMESTAMP, Implicit, Call("pg_date_timestamp")), (DATE, TIMESTAMPTZ, Implicit, Zoned("pg_date_timestamptz")),
    (TIMESTAMP, DATE, Assignment, Call("pg_timestamp_date")), (TIMESTAMP, TIME, Assignment, Call("pg_timestamp_time")),
    (TIMESTAMP, TIMESTAMPTZ, Implicit, Zoned("pg_timestamp_timestamptz")),
    (TIMESTAMPTZ, TIMESTAMP, Assignment, Zoned("pg_timestamptz_timestamp")),
    (TIMESTAMPTZ, DATE, Assignment, Zoned("pg_timestamptz_date")), (TIMESTAMPTZ, TIME, Assignment, Zoned("pg_timestamptz_time")),
    (JSONB, JSON, Assignment, Same), (JSON, JSONB, Assignment, Lowering::Input),
];

/// How to get from one type to another, if the context allows it. Modifiers are not looked at.
pub(crate) fn find(from: Oid, to: Oid, context: Context) -> Option<Lowering> {
    if from == to {
        return Some(Same);
    }
    if let Some((.., allowed, lowering)) =
        CASTS.iter().find(|(source, target, ..)| *source == from && *target == to)
    {
        return (*allowed <= context).then_some(*lowering);
    }
    if is_text(from) && is_text(to) {
        return string_cast(from, to, context);
    }
    // Through text input and output: to a string by assignment, from one explicitly.
    if is_text(to) && has_text_form(from) {
        return (Assignment <= context).then_some(Lowering::Output);
    }
    if is_text(from) && has_text_form(to) {
        return (Explicit <= context).then_some(Lowering::Input);
    }
    if from == BOOL && is_text(to) {
        return (Assignment <= context).then_some(Call("pg_bool_text"));
    }
    None
}

/// text, varchar and char are stored alike (char without its padding).
fn string_cast(from: Oid, to: Oid, context: Context) -> Option<Lowering> {
    let name = PgType::NAME.oid;
    let (allowed, lowering) = if to == name {
        (if from == TEXT { Implicit } else { Assignment }, Call("pg_name"))
    } else if to == PgType::BPCHAR.oid {
        (if from == name { Assignment } else { Implicit }, Call("pg_trim_end"))
    } else {
        (Implicit, Same)
    };
    (allowed <= context).then_some(lowering)
}

fn has_text_form(oid: Oid) -> bool {
    builtin(oid).is_some() && !matches!(category(oid), b'P' | b'X')
}
