//! Strings and byte strings.

use Lowering::{Call, Infix, Joined, Shown};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("length(text)", Call("length")), ("length(bpchar)", Call("length")), ("length(bytea)", Call("length")), ("length(bytea,name)", Call("pg_length_encoded")), ("char_length(text)", Call("length")),
    ("char_length(bpchar)", Call("length")), ("character_length(text)", Call("length")), ("octet_length(text)", Call("octet_length")),
    ("octet_length(bytea)", Call("octet_length")), ("bit_length(text)", Call("pg_bit_length")), ("lower(text)", Call("pg_lower")),
    ("upper(text)", Call("pg_upper")), ("initcap(text)", Call("pg_initcap")), ("substring(text,int4)", Call("pg_substring")),
    ("substring(text,int4,int4)", Call("pg_substring")), ("substr(text,int4)", Call("pg_substring")),
    ("substr(text,int4,int4)", Call("pg_substring")), ("position(text,text)", Call("instr")), ("strpos(text,text)", Call("instr")),
    ("btrim(text)", Call("pg_btrim")), ("btrim(text,text)", Call("pg_btrim")), ("ltrim(text)", Call("pg_ltrim")),
    ("ltrim(text,text)", Call("pg_ltrim")), ("rtrim(text)", Call("pg_rtrim")), ("rtrim(text,text)", Call("pg_rtrim")),
    ("overlay(text,text,int4)", Call("pg_overlay")), ("overlay(text,text,int4,int4)", Call("pg_overlay")),
    ("replace(text,text,text)", Call("pg_replace")), ("translate(text,text,text)", Call("pg_translate")), ("left(text,int4)", Call("pg_left")),
    ("right(text,int4)", Call("pg_right")), ("lpad(text,int4)", Call("pg_lpad")), ("lpad(text,int4,text)", Call("pg_lpad")),
    ("rpad(text,int4)", Call("pg_rpad")), ("rpad(text,int4,text)", Call("pg_rpad")), ("repeat(text,int4)", Call("pg_repeat")),
    ("reverse(text)", Call("pg_reverse")), ("split_part(text,text,int4)", Call("pg_split_part")), ("ascii(text)", Call("pg_ascii")),
    ("chr(int4)", Call("pg_chr")), ("to_hex(int4)", Call("pg_to_hex4")), ("to_hex(int8)", Call("pg_to_hex")),
    ("quote_ident(text)", Call("pg_quote_ident")), ("quote_literal(text)", Call("pg_quote_literal")), ("like(text,text)", Call("pg_like")),
    // Several arguments of any type.
    ("concat(any)", Shown("pg_concat")), ("concat_ws(text,any)", Shown("pg_concat_ws")),
    // Operators.
    ("text || text", Infix("||")), ("text || anynonarray", Joined), ("anynonarray || text", Joined), ("bytea || bytea", Call("pg_bytea_concat")),
    ("text ^@ text", Call("pg_starts_with")), ("text ~~ text", Call("pg_like")), ("bpchar ~~ text", Call("pg_like")),
    ("name ~~ text", Call("pg_like")), ("text !~~ text", Call("pg_not_like")), ("bpchar !~~ text", Call("pg_not_like")),
    ("name !~~ text", Call("pg_not_like")), ("text ~~* text", Call("pg_ilike")), ("bpchar ~~* text", Call("pg_ilike")),
    ("name ~~* text", Call("pg_ilike")), ("text !~~* text", Call("pg_not_ilike")), ("bpchar !~~* text", Call("pg_not_ilike")),
    ("name !~~* text", Call("pg_not_ilike")),
];
