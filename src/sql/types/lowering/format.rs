//! Formatting and quoting.

use Lowering::{Call, Shown, Typed};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("quote_nullable(text)", Call("pg_quote_nullable")), ("parse_ident(text,bool)", Call("pg_parse_ident")),
    ("format(text,any)", Typed("pg_text_format")), ("format(text)", Typed("pg_text_format")),
    ("quote_literal(anyelement)", Shown("pg_quote_literal")), ("quote_nullable(anyelement)", Shown("pg_quote_nullable")),
    ("bit_length(bytea)", Call("pg_bytea_bit_length")),
];
