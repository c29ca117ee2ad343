//! Numbers.

use Lowering::{Call, Guarded, GuardedPrefix, Infix, Prefix, Same};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("abs(int2)", Call("pg_i2_abs")), ("abs(int4)", Call("pg_i4_abs")), ("abs(int8)", Call("pg_i8_abs")), ("abs(numeric)", Call("pg_num_abs")),
    ("abs(float4)", Call("pg_float_abs")), ("abs(float8)", Call("pg_float_abs")), ("ceil(numeric)", Call("pg_num_ceil")),
    ("ceil(float8)", Call("pg_float_ceil")), ("ceiling(numeric)", Call("pg_num_ceil")), ("ceiling(float8)", Call("pg_float_ceil")),
    ("floor(numeric)", Call("pg_num_floor")), ("floor(float8)", Call("pg_float_floor")), ("round(numeric)", Call("pg_num_round")),
    ("round(numeric,int4)", Call("pg_num_round")), ("round(float8)", Call("pg_float_round")), ("trunc(numeric)", Call("pg_num_trunc")),
    ("trunc(numeric,int4)", Call("pg_num_trunc")), ("trunc(float8)", Call("pg_float_trunc")), ("mod(int2,int2)", Call("pg_i_mod")),
    ("mod(int4,int4)", Call("pg_i_mod")), ("mod(int8,int8)", Call("pg_i_mod")), ("mod(numeric,numeric)", Call("pg_num_mod")),
    ("div(numeric,numeric)", Call("pg_num_idiv")), ("power(float8,float8)", Call("pg_float_power")), ("power(numeric,numeric)", Call("pg_numeric_power")),
    ("pow(float8,float8)", Call("pg_float_power")), ("pow(numeric,numeric)", Call("pg_numeric_power")), ("sqrt(numeric)", Call("pg_num_sqrt")),
    ("sqrt(float8)", Call("pg_float_sqrt")), ("exp(float8)", Call("pg_float_exp")), ("ln(float8)", Call("pg_float_ln")),
    ("log(float8)", Call("pg_float_log")), ("log10(float8)", Call("pg_float_log")), ("sign(numeric)", Call("pg_num_sign")),
    ("sign(float8)", Call("pg_float_sign")), ("pi()", Call("pi")), ("random()", Call("pg_random")), ("gen_random_uuid()", Call("pg_random_uuid")),
    // Operators.
    ("numeric + numeric", Call("pg_num_add")), ("numeric - numeric", Call("pg_num_sub")), ("numeric * numeric", Call("pg_num_mul")),
    ("numeric / numeric", Call("pg_num_div")), ("numeric % numeric", Call("pg_num_mod")), ("numeric ^ numeric", Call("pg_numeric_power")),
    ("float8 + float8", Call("pg_float_add")), ("float4 + float8", Call("pg_float_add")), ("float8 + float4", Call("pg_float_add")),
    ("float8 - float8", Call("pg_float_sub")), ("float4 - float8", Call("pg_float_sub")), ("float8 - float4", Call("pg_float_sub")),
    ("float8 * float8", Call("pg_float_mul")), ("float4 * float8", Call("pg_float_mul")), ("float8 * float4", Call("pg_float_mul")),
    ("float8 / float8", Call("pg_float_div")), ("float4 / float8", Call("pg_float_div")), ("float8 / float4", Call("pg_float_div")),
    ("float4 + float4", Call("pg_float4_add")), ("float4 - float4", Call("pg_float4_sub")), ("float4 * float4", Call("pg_float4_mul")),
    ("float4 / float4", Call("pg_float4_div")), ("float8 ^ float8", Call("pg_float_power")), ("int2 + int2", Guarded("pg_i2", "+")),
    ("int2 - int2", Guarded("pg_i2", "-")), ("int2 * int2", Guarded("pg_i2", "*")), ("int2 / int2", Call("pg_i2_div")),
    ("int2 % int2", Call("pg_i_mod")), ("int2 & int2", Infix("&")), ("int2 | int2", Infix("|")), ("int2 # int2", Call("pg_i_xor")),
    ("int2 + int4", Guarded("pg_i4", "+")), ("int2 - int4", Guarded("pg_i4", "-")), ("int2 * int4", Guarded("pg_i4", "*")),
    ("int2 / int4", Call("pg_i4_div")), ("int2 + int8", Call("pg_i8_add")), ("int2 - int8", Call("pg_i8_sub")), ("int2 * int8", Call("pg_i8_mul")),
    ("int2 / int8", Call("pg_i8_div")), ("int4 + int2", Guarded("pg_i4", "+")), ("int4 - int2", Guarded("pg_i4", "-")),
    ("int4 * int2", Guarded("pg_i4", "*")), ("int4 / int2", Call("pg_i4_div")), ("int4 + int4", Guarded("pg_i4", "+")),
    ("int4 - int4", Guarded("pg_i4", "-")), ("int4 * int4", Guarded("pg_i4", "*")), ("int4 / int4", Call("pg_i4_div")),
    ("int4 % int4", Call("pg_i_mod")), ("int4 & int4", Infix("&")), ("int4 | int4", Infix("|")), ("int4 # int4", Call("pg_i_xor")),
    ("int4 + int8", Call("pg_i8_add")), ("int4 - int8", Call("pg_i8_sub")), ("int4 * int8", Call("pg_i8_mul")), ("int4 / int8", Call("pg_i8_div")),
    ("int8 + int2", Call("pg_i8_add")), ("int8 - int2", Call("pg_i8_sub")), ("int8 * int2", Call("pg_i8_mul")), ("int8 / int2", Call("pg_i8_div")),
    ("int8 + int4", Call("pg_i8_add")), ("int8 - int4", Call("pg_i8_sub")), ("int8 * int4", Call("pg_i8_mul")), ("int8 / int4", Call("pg_i8_div")),
    ("int8 + int8", Call("pg_i8_add")), ("int8 - int8", Call("pg_i8_sub")), ("int8 * int8", Call("pg_i8_mul")), ("int8 / int8", Call("pg_i8_div")),
    ("int8 % int8", Call("pg_i_mod")), ("int8 & int8", Infix("&")), ("int8 | int8", Infix("|")), ("int8 # int8", Call("pg_i_xor")),
    ("int2 << int4", Call("pg_int2shl")), ("int2 >> int4", Call("pg_int4shr")), ("int4 << int4", Call("pg_int4shl")),
    ("int4 >> int4", Call("pg_int4shr")), ("int8 << int4", Call("pg_shift_left")), ("int8 >> int4", Call("pg_shift_right")),
    // Prefix operators.
    ("- int2", GuardedPrefix("pg_i2", "-")), ("- int4", GuardedPrefix("pg_i4", "-")), ("- int8", Call("pg_i8_neg")),
    ("- numeric", Call("pg_num_neg")), ("- float4", Call("pg_float_neg")), ("- float8", Call("pg_float_neg")), ("+ int2", Same), ("+ int4", Same), ("+ int8", Same),
    ("+ numeric", Same), ("+ float4", Same), ("+ float8", Same), ("~ int2", Prefix("~")), ("~ int4", Prefix("~")), ("~ int8", Prefix("~")),
    ("@ int2", Call("pg_i2_abs")), ("@ int4", Call("pg_i4_abs")), ("@ int8", Call("pg_i8_abs")), ("@ numeric", Call("pg_num_abs")),
    ("@ float4", Call("pg_float_abs")), ("@ float8", Call("pg_float_abs")), ("|/ float8", Call("pg_float_sqrt")),
];
