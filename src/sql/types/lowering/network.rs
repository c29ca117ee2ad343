//! Network addresses.

use Lowering::{Call, Compare};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("inet = inet", Compare("=")), ("inet <> inet", Compare("<>")), ("inet < inet", Compare("<")), ("inet <= inet", Compare("<=")),
    ("inet > inet", Compare(">")), ("inet >= inet", Compare(">=")), ("inet << inet", Call("pg_inet_sub")), ("inet <<= inet", Call("pg_inet_subeq")),
    ("inet >> inet", Call("pg_inet_sup")), ("inet >>= inet", Call("pg_inet_supeq")), ("inet && inet", Call("pg_inet_overlap")),
    ("inet::text", Call("pg_inet_text")), ("inet::varchar", Call("pg_inet_text")), ("inet::bpchar", Call("pg_inet_text")),
    ("inet::cidr", Call("pg_inet_network")), ("host(inet)", Call("pg_inet_host")), ("abbrev(inet)", Call("pg_inet_abbrev")),
    ("abbrev(cidr)", Call("pg_cidr_abbrev")), ("network(inet)", Call("pg_inet_network")), ("broadcast(inet)", Call("pg_inet_broadcast")),
    ("netmask(inet)", Call("pg_inet_netmask")), ("hostmask(inet)", Call("pg_inet_hostmask")), ("family(inet)", Call("pg_inet_family")),
    ("masklen(inet)", Call("pg_inet_masklen")), ("set_masklen(inet,int4)", Call("pg_inet_set_masklen")),
    ("set_masklen(cidr,int4)", Call("pg_cidr_set_masklen")), ("inet_same_family(inet,inet)", Call("pg_inet_same_family")),
    ("min(inet)", Call("min")), ("max(inet)", Call("max")),
];
