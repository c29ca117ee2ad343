//! Byte strings, encodings, hashes.

use Lowering::Call;

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("substr(bytea,int4,int4)", Call("pg_bytea_substr")), ("substring(bytea,int4,int4)", Call("pg_bytea_substr")),
    ("substr(bytea,int4)", Call("pg_bytea_substr")), ("substring(bytea,int4)", Call("pg_bytea_substr")),
    ("overlay(bytea,bytea,int4,int4)", Call("pg_byteaoverlay")), ("overlay(bytea,bytea,int4)", Call("pg_byteaoverlay")),
    ("position(bytea,bytea)", Call("pg_byteapos")), ("btrim(bytea,bytea)", Call("pg_byteatrim")),
    ("ltrim(bytea,bytea)", Call("pg_bytealtrim")), ("rtrim(bytea,bytea)", Call("pg_byteartrim")),
    ("bit_count(bytea)", Call("pg_bytea_bit_count")), ("get_byte(bytea,int4)", Call("pg_byteaGetByte")),
    ("set_byte(bytea,int4,int4)", Call("pg_byteaSetByte")), ("get_bit(bytea,int8)", Call("pg_byteaGetBit")),
    ("set_bit(bytea,int8,int4)", Call("pg_byteaSetBit")), ("encode(bytea,text)", Call("pg_binary_encode")),
    ("decode(text,text)", Call("pg_binary_decode")), ("convert_from(bytea,name)", Call("pg_pg_convert_from")),
    ("convert_to(text,name)", Call("pg_pg_convert_to")), ("convert(bytea,name,name)", Call("pg_pg_convert")),
    ("md5(text)", Call("pg_md5_text")), ("md5(bytea)", Call("pg_md5_bytea")), ("sha224(bytea)", Call("pg_sha224_bytea")),
    ("sha256(bytea)", Call("pg_sha256_bytea")), ("sha384(bytea)", Call("pg_sha384_bytea")), ("sha512(bytea)", Call("pg_sha512_bytea")),
];
