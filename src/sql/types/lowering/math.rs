//! Mathematics.

use Lowering::Call;

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("cbrt(float8)", Call("pg_dcbrt")), ("dcbrt(float8)", Call("pg_dcbrt")), ("degrees(float8)", Call("pg_degrees")),
    ("radians(float8)", Call("pg_radians")), ("atan(float8)", Call("pg_datan")), ("sinh(float8)", Call("pg_dsinh")),
    ("cosh(float8)", Call("pg_dcosh")), ("tanh(float8)", Call("pg_dtanh")), ("asinh(float8)", Call("pg_dasinh")),
    ("atand(float8)", Call("pg_datand")), ("sin(float8)", Call("pg_dsin")), ("cos(float8)", Call("pg_dcos")),
    ("tan(float8)", Call("pg_dtan")), ("cot(float8)", Call("pg_dcot")), ("sind(float8)", Call("pg_dsind")),
    ("cosd(float8)", Call("pg_dcosd")), ("tand(float8)", Call("pg_dtand")), ("cotd(float8)", Call("pg_dcotd")),
    ("asin(float8)", Call("pg_dasin")), ("acos(float8)", Call("pg_dacos")), ("asind(float8)", Call("pg_dasind")),
    ("acosd(float8)", Call("pg_dacosd")), ("acosh(float8)", Call("pg_dacosh")), ("atanh(float8)", Call("pg_datanh")),
    ("atan2(float8,float8)", Call("pg_datan2")), ("atan2d(float8,float8)", Call("pg_datan2d")), ("gcd(int4,int4)", Call("pg_int4gcd")),
    ("gcd(int8,int8)", Call("pg_int8gcd")), ("lcm(int4,int4)", Call("pg_int4lcm")), ("lcm(int8,int8)", Call("pg_int8lcm")),
    ("factorial(int8)", Call("pg_numeric_fac")), ("gcd(numeric,numeric)", Call("pg_numeric_gcd")),
    ("lcm(numeric,numeric)", Call("pg_numeric_lcm")), ("log(numeric,numeric)", Call("pg_numeric_log")),
    ("numeric_log(numeric,numeric)", Call("pg_numeric_log")), ("exp(numeric)", Call("pg_numeric_exp")),
    ("numeric_exp(numeric)", Call("pg_numeric_exp")), ("ln(numeric)", Call("pg_numeric_ln")),
    ("numeric_ln(numeric)", Call("pg_numeric_ln")), ("scale(numeric)", Call("pg_numeric_scale")),
    ("min_scale(numeric)", Call("pg_numeric_min_scale")), ("trim_scale(numeric)", Call("pg_numeric_trim_scale")),
    ("width_bucket(float8,float8,float8,int4)", Call("pg_width_bucket_float8")),
    ("width_bucket(numeric,numeric,numeric,int4)", Call("pg_width_bucket_numeric")),
    ("log(numeric)", Call("pg_numeric_log10")), ("log10(numeric)", Call("pg_numeric_log10")),
];
