//! Paths into jsonb.

use Lowering::{Call, Rows};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("jsonb_path_exists(jsonb,jsonpath,jsonb,bool)", Call("pg_jsonb_path_exists")),
    ("jsonb_path_match(jsonb,jsonpath,jsonb,bool)", Call("pg_jsonb_path_match")),
    ("jsonb_path_query_array(jsonb,jsonpath,jsonb,bool)", Call("pg_jsonb_path_query_array")),
    ("jsonb_path_query_first(jsonb,jsonpath,jsonb,bool)", Call("pg_jsonb_path_query_first")),
    ("jsonb_path_query(jsonb,jsonpath,jsonb,bool)", Rows("pg_jsonb_path_query")),
    ("jsonb_path_exists_tz(jsonb,jsonpath,jsonb,bool)", Call("pg_jsonb_path_exists")),
    ("jsonb_path_match_tz(jsonb,jsonpath,jsonb,bool)", Call("pg_jsonb_path_match")),
    ("jsonb_path_query_array_tz(jsonb,jsonpath,jsonb,bool)", Call("pg_jsonb_path_query_array")),
    ("jsonb_path_query_first_tz(jsonb,jsonpath,jsonb,bool)", Call("pg_jsonb_path_query_first")),
    ("jsonb_path_query_tz(jsonb,jsonpath,jsonb,bool)", Rows("pg_jsonb_path_query")),
    ("jsonb @? jsonpath", Call("pg_jsonb_path_exists_opr")),
    ("jsonb @@ jsonpath", Call("pg_jsonb_path_match_opr")),
];
