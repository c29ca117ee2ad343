//! Bit strings.

use Lowering::{Call, Collected, Compare, Infix};

use super::{Forms, Lowering, Row};

const AND: &Forms =
    &Forms { plain: "pg_bits_and", over: "pg_bits_and_over", distinct: "pg_bits_and_distinct" };
const OR: &Forms =
    &Forms { plain: "pg_bits_or", over: "pg_bits_or_over", distinct: "pg_bits_or_distinct" };
const XOR: &Forms =
    &Forms { plain: "pg_bits_xor", over: "pg_bits_xor_over", distinct: "pg_bits_xor_distinct" };

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("bit = bit", Compare("=")), ("bit <> bit", Compare("<>")), ("bit < bit", Compare("<")), ("bit <= bit", Compare("<=")),
    ("bit > bit", Compare(">")), ("bit >= bit", Compare(">=")), ("varbit = varbit", Compare("=")), ("varbit <> varbit", Compare("<>")),
    ("varbit < varbit", Compare("<")), ("varbit <= varbit", Compare("<=")), ("varbit > varbit", Compare(">")),
    ("varbit >= varbit", Compare(">=")), ("bit & bit", Call("pg_bitand")), ("bit | bit", Call("pg_bitor")), ("bit # bit", Call("pg_bitxor")),
    ("~ bit", Call("pg_bitnot")), ("bit << int4", Call("pg_bitshiftleft")), ("bit >> int4", Call("pg_bitshiftright")),
    ("varbit || varbit", Infix("||")), ("int4::bit", Call("pg_i4_bit")), ("int8::bit", Call("pg_i8_bit")), ("bit::int4", Call("pg_bit_i4")),
    ("bit::int8", Call("pg_bit_i8")), ("length(bit)", Call("length")), ("bit_length(bit)", Call("length")),
    ("octet_length(bit)", Call("pg_bit_octets")), ("bit_count(bit)", Call("pg_bit_ones")), ("substring(bit,int4)", Call("pg_bit_substr")),
    ("substring(bit,int4,int4)", Call("pg_bit_substr")), ("overlay(bit,bit,int4)", Call("pg_bit_overlay")),
    ("overlay(bit,bit,int4,int4)", Call("pg_bit_overlay")), ("position(bit,bit)", Call("pg_bit_position")),
    ("get_bit(bit,int4)", Call("pg_bit_get")), ("set_bit(bit,int4,int4)", Call("pg_bit_set")), ("bit_and(bit)", Collected(AND)),
    ("bit_or(bit)", Collected(OR)), ("bit_xor(bit)", Collected(XOR)),
];
