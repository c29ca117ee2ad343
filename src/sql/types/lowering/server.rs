//! What the server says of itself.

use Lowering::Call;

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("hashtext(text)", Call("pg_hashtext")), ("hashtextextended(text,int8)", Call("pg_hashtextextended")),
    ("pg_size_pretty(int8)", Call("pg_size_pretty_int8")),
    ("pg_size_pretty(numeric)", Call("pg_size_pretty_numeric")),
    ("pg_char_to_encoding(name)", Call("pg_char_to_encoding")), ("pg_encoding_max_length(int4)", Call("pg_encoding_bytes_max")),
];
