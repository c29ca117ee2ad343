//! Operators (`pg_operator`): names, operand types, results, and how each is done.

use std::sync::LazyLock;

use crate::model::pg_type::{Oid, PgType};
use crate::sql::types::Lowering;

/// One operator. A prefix operator has no left operand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator {
    pub(crate) name: &'static str,
    pub(crate) left: Option<Oid>,
    pub(crate) right: Oid,
    pub(crate) result: Oid,
    pub(crate) lowering: Lowering,
}

static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(build);

/// The operators of this name and kind.
pub(crate) fn named(name: &str, prefix: bool) -> Vec<&'static Operator> {
    OPERATORS
        .iter()
        .filter(|operator| operator.name == name && operator.left.is_none() == prefix)
        .collect()
}

const BOOL: Oid = PgType::BOOL.oid;
const INT2: Oid = PgType::INT2.oid;
const INT4: Oid = PgType::INT4.oid;
const INT8: Oid = PgType::INT8.oid;
const FLOAT4: Oid = PgType::FLOAT4.oid;
const FLOAT8: Oid = PgType::FLOAT8.oid;
const NUMERIC: Oid = PgType::NUMERIC.oid;
const TEXT: Oid = PgType::TEXT.oid;
const DATE: Oid = PgType::DATE.oid;
const INTEGERS: [Oid; 3] = [INT2, INT4, INT8];

/// Types whose stored form compares as the type does; numeric through its collation.
const ORDERED: &[PgType] = &[
    PgType::BOOL,
    PgType::BYTEA,
    PgType::CHAR,
    PgType::NAME,
    PgType::OID,
    PgType::TEXT,
    PgType::BPCHAR,
    PgType::NUMERIC,
    PgType::DATE,
    PgType::TIME,
    PgType::TIMESTAMP,
    PgType::TIMESTAMPTZ,
    PgType::UUID,
];
const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

fn build() -> Vec<Operator> {
    let mut operators = Vec::new();
    let mut add = |name, left, right, result, lowering| {
        operators.push(Operator { name, left: Some(left), right, result, lowering });
    };
    comparisons(&mut add);
    integers(&mut add);
    for (op, function) in [
        ("+", "pg_num_add"),
        ("-", "pg_num_sub"),
        ("*", "pg_num_mul"),
        ("/", "pg_num_div"),
        ("%", "pg_num_mod"),
        ("^", "pg_num_power"),
    ] {
        add(op, NUMERIC, NUMERIC, NUMERIC, Lowering::Call(function));
    }
    for (op, function) in
        [("+", "pg_float_add"), ("-", "pg_float_sub"), ("*", "pg_float_mul"), ("/", "pg_float_div")]
    {
        add(op, FLOAT8, FLOAT8, FLOAT8, Lowering::Call(function));
        add(op, FLOAT4, FLOAT8, FLOAT8, Lowering::Call(function));
        add(op, FLOAT8, FLOAT4, FLOAT8, Lowering::Call(function));
    }
    for (op, function) in [
        ("+", "pg_float4_add"),
        ("-", "pg_float4_sub"),
        ("*", "pg_float4_mul"),
        ("/", "pg_float4_div"),
    ] {
        add(op, FLOAT4, FLOAT4, FLOAT4, Lowering::Call(function));
    }
    add("^", FLOAT8, FLOAT8, FLOAT8, Lowering::Call("pg_float_power"));
    add("||", TEXT, TEXT, TEXT, Lowering::Infix("||"));
    add(
        "||",
        PgType::BYTEA.oid,
        PgType::BYTEA.oid,
        PgType::BYTEA.oid,
        Lowering::Call("pg_bytea_concat"),
    );
    for (op, lowering) in [
        ("~~", Lowering::Call("pg_like")),
        ("!~~", Lowering::Call("pg_not_like")),
        ("~~*", Lowering::Call("pg_ilike")),
        ("!~~*", Lowering::Call("pg_not_ilike")),
        ("^@", Lowering::Call("pg_starts_with")),
    ] {
        add(op, TEXT, TEXT, BOOL, lowering);
    }
    add("+", DATE, INT4, DATE, Lowering::Call("pg_date_add"));
    add("+", INT4, DATE, DATE, Lowering::Call("pg_date_radd"));
    add("-", DATE, INT4, DATE, Lowering::Call("pg_date_sub"));
    add("-", DATE, DATE, INT4, Lowering::Call("pg_date_diff"));
    prefixes(&mut operators);
    operators
}

fn comparisons(add: &mut impl FnMut(&'static str, Oid, Oid, Oid, Lowering)) {
    for op in COMPARISONS {
        for ordered in ORDERED {
            add(op, ordered.oid, ordered.oid, BOOL, Lowering::Compare(op));
        }
        for left in INTEGERS {
            for right in INTEGERS {
                add(op, left, right, BOOL, Lowering::Compare(op));
            }
        }
        for left in [FLOAT4, FLOAT8] {
            for right in [FLOAT4, FLOAT8] {
                add(op, left, right, BOOL, Lowering::Compare(op));
            }
        }
    }
    for (op, lowering) in [("=", "="), ("<>", "<>")] {
        add(op, PgType::JSONB.oid, PgType::JSONB.oid, BOOL, Lowering::Compare(lowering));
    }
}

fn integers(add: &mut impl FnMut(&'static str, Oid, Oid, Oid, Lowering)) {
    for left in INTEGERS {
        for right in INTEGERS {
            let result = left.max(right);
            // int8 is 20, int2 is 21, int4 is 23: OIDs don't say which is wider.
            let result = if left == INT8 || right == INT8 { INT8 } else { result };
            for (op, checked) in [("+", "pg_i8_add"), ("-", "pg_i8_sub"), ("*", "pg_i8_mul")] {
                let lowering = match result {
                    INT2 => Lowering::Guarded("pg_i2", op),
                    INT4 => Lowering::Guarded("pg_i4", op),
                    _ => Lowering::Call(checked),
                };
                add(op, left, right, result, lowering);
            }
            let divide = match result {
                INT2 => "pg_i2_div",
                INT4 => "pg_i4_div",
                _ => "pg_i8_div",
            };
            add("/", left, right, result, Lowering::Call(divide));
            if left == right {
                add("%", left, right, result, Lowering::Call("pg_i_mod"));
                for op in ["&", "|"] {
                    add(op, left, right, result, Lowering::Infix(op));
                }
                add("#", left, right, result, Lowering::Call("pg_i_xor"));
            }
        }
        for (op, function) in [("<<", "pg_shift_left"), (">>", "pg_shift_right")] {
            if left == INT8 {
                add(op, left, INT4, left, Lowering::Call(function));
            }
        }
    }
}

fn prefixes(operators: &mut Vec<Operator>) {
    let mut add = |name, operand, lowering| {
        operators.push(Operator { name, left: None, right: operand, result: operand, lowering });
    };
    for (operand, negate) in [
        (INT2, Lowering::GuardedPrefix("pg_i2", "-")),
        (INT4, Lowering::GuardedPrefix("pg_i4", "-")),
        (INT8, Lowering::Call("pg_i8_neg")),
        (NUMERIC, Lowering::Call("pg_num_neg")),
        (FLOAT4, Lowering::Prefix("-")),
        (FLOAT8, Lowering::Prefix("-")),
    ] {
        add("-", operand, negate);
        add("+", operand, Lowering::Same);
    }
    for operand in INTEGERS {
        add("~", operand, Lowering::Prefix("~"));
    }
    for (operand, function) in [
        (INT2, "pg_i2_abs"),
        (INT4, "pg_i4_abs"),
        (INT8, "pg_i8_abs"),
        (NUMERIC, "pg_num_abs"),
        (FLOAT4, "pg_float_abs"),
        (FLOAT8, "pg_float_abs"),
    ] {
        add("@", operand, Lowering::Call(function));
    }
    add("|/", FLOAT8, Lowering::Call("pg_float_sqrt"));
}
