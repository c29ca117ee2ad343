//! Regular expressions and SIMILAR TO.

use Lowering::{Call, Rows};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("bpcharregexeq(bpchar,text)", Call("pg_textregexeq")), ("textregexeq(text,text)", Call("pg_textregexeq")),
    ("bpcharregexne(bpchar,text)", Call("pg_textregexne")), ("textregexne(text,text)", Call("pg_textregexne")),
    ("bpcharicregexeq(bpchar,text)", Call("pg_texticregexeq")), ("texticregexeq(text,text)", Call("pg_texticregexeq")),
    ("bpcharicregexne(bpchar,text)", Call("pg_texticregexne")), ("texticregexne(text,text)", Call("pg_texticregexne")),
    ("nameregexeq(name,text)", Call("pg_textregexeq")), ("nameregexne(name,text)", Call("pg_textregexne")),
    ("nameicregexeq(name,text)", Call("pg_texticregexeq")), ("nameicregexne(name,text)", Call("pg_texticregexne")),
    ("regexp_match(text,text,text)", Call("pg_regexp_match")), ("regexp_match(text,text)", Call("pg_regexp_match")),
    ("regexp_replace(text,text,text)", Call("pg_textregexreplace")), ("regexp_replace(text,text,text,text)", Call("pg_textregexreplace")),
    ("regexp_replace(text,text,text,int4,int4,text)", Call("pg_textregexreplace_extended")),
    ("regexp_replace(text,text,text,int4,int4)", Call("pg_textregexreplace_extended")),
    ("regexp_replace(text,text,text,int4)", Call("pg_textregexreplace_extended")), ("regexp_like(text,text,text)", Call("pg_regexp_like")),
    ("regexp_like(text,text)", Call("pg_regexp_like")), ("regexp_split_to_array(text,text,text)", Call("pg_regexp_split_to_array")),
    ("regexp_split_to_array(text,text)", Call("pg_regexp_split_to_array")), ("substring(text,text)", Call("pg_textregexsubstr")),
    ("similar_escape(text,text)", Call("pg_similar_escape")), ("similar_to_escape(text)", Call("pg_similar_to_escape")),
    ("similar_to_escape(text,text)", Call("pg_similar_to_escape")), ("regexp_count(text,text,int4,text)", Call("pg_regexp_count")),
    ("regexp_count(text,text)", Call("pg_regexp_count")), ("regexp_count(text,text,int4)", Call("pg_regexp_count")),
    ("regexp_instr(text,text,int4,int4,int4,text,int4)", Call("pg_regexp_instr")), ("regexp_instr(text,text)", Call("pg_regexp_instr")),
    ("regexp_instr(text,text,int4)", Call("pg_regexp_instr")), ("regexp_instr(text,text,int4,int4)", Call("pg_regexp_instr")),
    ("regexp_instr(text,text,int4,int4,int4)", Call("pg_regexp_instr")),
    ("regexp_instr(text,text,int4,int4,int4,text)", Call("pg_regexp_instr")),
    ("regexp_substr(text,text,int4,int4,text,int4)", Call("pg_regexp_substr")), ("regexp_substr(text,text)", Call("pg_regexp_substr")),
    ("regexp_substr(text,text,int4)", Call("pg_regexp_substr")), ("regexp_substr(text,text,int4,int4)", Call("pg_regexp_substr")),
    ("regexp_substr(text,text,int4,int4,text)", Call("pg_regexp_substr")),
    ("substring(text,text,text)", Call("pg_substring_similar")),
    // Sets.
    ("regexp_matches(text,text)", Rows("pg_regexp_matches")), ("regexp_matches(text,text,text)", Rows("pg_regexp_matches")),
    ("regexp_split_to_table(text,text)", Rows("pg_regexp_split_to_array")),
    ("regexp_split_to_table(text,text,text)", Rows("pg_regexp_split_to_array")),
];
