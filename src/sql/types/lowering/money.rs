//! Amounts of money.

use Lowering::{Call, Compare};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("money = money", Compare("=")), ("money <> money", Compare("<>")), ("money < money", Compare("<")),
    ("money <= money", Compare("<=")), ("money > money", Compare(">")), ("money >= money", Compare(">=")),
    ("money + money", Call("pg_money_add")), ("money - money", Call("pg_money_sub")), ("money / money", Call("pg_money_ratio")),
    ("money * int2", Call("pg_money_times")), ("money * int4", Call("pg_money_times")), ("money * int8", Call("pg_money_times")),
    ("int2 * money", Call("pg_money_times")), ("int4 * money", Call("pg_money_times")), ("int8 * money", Call("pg_money_times")),
    ("money / int2", Call("pg_money_part")), ("money / int4", Call("pg_money_part")), ("money / int8", Call("pg_money_part")),
    ("money * float4", Call("pg_money_scaled")), ("money * float8", Call("pg_money_scaled")), ("float4 * money", Call("pg_scaled_money")),
    ("float8 * money", Call("pg_scaled_money")), ("money / float4", Call("pg_money_shrunk")), ("money / float8", Call("pg_money_shrunk")),
    ("int4::money", Call("pg_money_of_whole")), ("int8::money", Call("pg_money_of_whole")), ("numeric::money", Call("pg_money_of_numeric")),
    ("money::numeric", Call("pg_money_numeric")), ("cashlarger(money,money)", Call("max")), ("cashsmaller(money,money)", Call("min")),
    ("sum(money)", Call("pg_sum_i8")), ("min(money)", Call("min")), ("max(money)", Call("max")),
];
