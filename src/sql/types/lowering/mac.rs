//! Hardware addresses.

use Lowering::{Call, Compare};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("macaddr = macaddr", Compare("=")), ("macaddr <> macaddr", Compare("<>")), ("macaddr < macaddr", Compare("<")),
    ("macaddr <= macaddr", Compare("<=")), ("macaddr > macaddr", Compare(">")), ("macaddr >= macaddr", Compare(">=")),
    ("~ macaddr", Call("pg_mac_not")), ("macaddr & macaddr", Call("pg_mac_and")), ("macaddr | macaddr", Call("pg_mac_or")),
    ("trunc(macaddr)", Call("pg_mac_trunc")), ("macaddr::macaddr8", Call("pg_mac_widen")), ("macaddr8::macaddr", Call("pg_mac_narrow")),
    ("macaddr8 = macaddr8", Compare("=")), ("macaddr8 <> macaddr8", Compare("<>")), ("macaddr8 < macaddr8", Compare("<")),
    ("macaddr8 <= macaddr8", Compare("<=")), ("macaddr8 > macaddr8", Compare(">")), ("macaddr8 >= macaddr8", Compare(">=")),
    ("~ macaddr8", Call("pg_mac_not")), ("macaddr8 & macaddr8", Call("pg_mac_and")), ("macaddr8 | macaddr8", Call("pg_mac_or")),
    ("trunc(macaddr8)", Call("pg_mac_trunc")), ("macaddr8_set7bit(macaddr8)", Call("pg_mac_set_bit")),
];
