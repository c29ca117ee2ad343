//! json and jsonb.

use Lowering::{Call, Pairs, Rows, Typed};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("json_object_field(json,text)", Call("pg_json_object_field")),
    ("json_object_field_text(json,text)", Call("pg_json_object_field_text")),
    ("json_array_element(json,int4)", Call("pg_json_array_element")),
    ("json_array_element_text(json,int4)", Call("pg_json_array_element_text")),
    ("json_extract_path(json,_text)", Call("pg_json_extract_path")),
    ("json_extract_path_text(json,_text)", Call("pg_json_extract_path_text")), ("json_typeof(json)", Call("pg_json_typeof")),
    ("json_array_length(json)", Call("pg_json_array_length")), ("json_strip_nulls(json)", Call("pg_json_strip_nulls")),
    ("to_json(anyelement)", Typed("pg_to_json")), ("json_build_array(any)", Typed("pg_json_build_array")),
    ("json_build_array()", Typed("pg_json_build_array")), ("json_build_object(any)", Typed("pg_json_build_object")),
    ("json_build_object()", Typed("pg_json_build_object")), ("json_object(_text)", Typed("pg_json_object")),
    ("json_object(_text,_text)", Typed("pg_json_object_two_arg")), ("jsonb_object_field(jsonb,text)", Call("pg_jsonb_object_field")),
    ("jsonb_object_field_text(jsonb,text)", Call("pg_jsonb_object_field_text")),
    ("jsonb_array_element(jsonb,int4)", Call("pg_jsonb_array_element")),
    ("jsonb_array_element_text(jsonb,int4)", Call("pg_jsonb_array_element_text")),
    ("jsonb_extract_path(jsonb,_text)", Call("pg_jsonb_extract_path")),
    ("jsonb_extract_path_text(jsonb,_text)", Call("pg_jsonb_extract_path_text")), ("jsonb_typeof(jsonb)", Call("pg_jsonb_typeof")),
    ("jsonb_array_length(jsonb)", Call("pg_jsonb_array_length")), ("jsonb_strip_nulls(jsonb)", Call("pg_jsonb_strip_nulls")),
    ("to_jsonb(anyelement)", Typed("pg_to_jsonb")), ("jsonb_build_array(any)", Typed("pg_jsonb_build_array")),
    ("jsonb_build_array()", Typed("pg_jsonb_build_array")), ("jsonb_build_object(any)", Typed("pg_jsonb_build_object")),
    ("jsonb_build_object()", Typed("pg_jsonb_build_object")), ("jsonb_object(_text)", Typed("pg_jsonb_object")),
    ("jsonb_object(_text,_text)", Typed("pg_jsonb_object_two_arg")), ("row_to_json(record)", Typed("pg_row_to_json")), ("row_to_json(record,bool)", Typed("pg_row_to_json")),
    ("array_to_json(anyarray)", Typed("pg_array_to_json")),
    ("array_to_json(anyarray,bool)", Typed("pg_array_to_json")), ("jsonb_contains(jsonb,jsonb)", Call("pg_jsonb_contains")),
    ("jsonb_contained(jsonb,jsonb)", Call("pg_jsonb_contained")), ("jsonb_exists(jsonb,text)", Call("pg_jsonb_exists")),
    ("jsonb_exists_any(jsonb,_text)", Call("pg_jsonb_exists_any")), ("jsonb_exists_all(jsonb,_text)", Call("pg_jsonb_exists_all")),
   
   
    ("jsonb_concat(jsonb,jsonb)", Call("pg_jsonb_concat")), ("jsonb_delete(jsonb,text)", Call("pg_jsonb_delete")),
    ("jsonb_delete(jsonb,_text)", Call("pg_jsonb_delete_array")), ("jsonb_delete(jsonb,int4)", Call("pg_jsonb_delete_idx")),
    ("jsonb_delete_path(jsonb,_text)", Call("pg_jsonb_delete_path")), ("jsonb_set(jsonb,_text,jsonb,bool)", Call("pg_jsonb_set")),
    ("jsonb_insert(jsonb,_text,jsonb,bool)", Call("pg_jsonb_insert")),
    ("jsonb_set_lax(jsonb,_text,jsonb,bool,text)", Call("pg_jsonb_set_lax")), ("jsonb_pretty(jsonb)", Call("pg_jsonb_pretty")),
    // Sets.
    ("json_array_elements(json)", Rows("pg_json_array_elements")),
    ("json_array_elements_text(json)", Rows("pg_json_array_elements_text")),
    ("json_object_keys(json)", Rows("pg_json_object_keys")),
    ("json_each(json)", Pairs("pg_json_each")),
    ("json_each_text(json)", Pairs("pg_json_each_text")),
    ("jsonb_array_elements(jsonb)", Rows("pg_jsonb_array_elements")),
    ("jsonb_array_elements_text(jsonb)", Rows("pg_jsonb_array_elements_text")),
    ("jsonb_object_keys(jsonb)", Rows("pg_jsonb_object_keys")),
    ("jsonb_each(jsonb)", Pairs("pg_jsonb_each")),
    ("jsonb_each_text(jsonb)", Pairs("pg_jsonb_each_text")),
    ("json_to_record(json)", Rows("pg_json_to_record")), ("json_to_recordset(json)", Rows("pg_json_to_recordset")),
    ("json_populate_record(anyelement,json,bool)", Rows("pg_json_populate_record")),
    ("json_populate_recordset(anyelement,json,bool)", Rows("pg_json_populate_recordset")),
    ("jsonb_to_record(jsonb)", Rows("pg_jsonb_to_record")), ("jsonb_to_recordset(jsonb)", Rows("pg_jsonb_to_recordset")),
    ("jsonb_populate_record(anyelement,jsonb)", Rows("pg_jsonb_populate_record")),
    ("jsonb_populate_recordset(anyelement,jsonb)", Rows("pg_jsonb_populate_recordset")),
];
