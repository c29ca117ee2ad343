//! Arrays.

use Lowering::{Call, Rows, Typed};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("array_append(anycompatiblearray,anycompatible)", Typed("pg_array_append")),
    ("array_prepend(anycompatible,anycompatiblearray)", Typed("pg_array_prepend")),
    ("array_cat(anycompatiblearray,anycompatiblearray)", Typed("pg_array_cat")),
    ("array_remove(anycompatiblearray,anycompatible)", Typed("pg_array_remove")),
    ("array_replace(anycompatiblearray,anycompatible,anycompatible)", Typed("pg_array_replace")),
    ("array_position(anycompatiblearray,anycompatible)", Typed("pg_array_position")),
    ("array_position(anycompatiblearray,anycompatible,int4)", Typed("pg_array_position")),
    ("array_positions(anycompatiblearray,anycompatible)", Typed("pg_array_positions")),
    ("array_fill(anyelement,_int4)", Typed("pg_array_fill")), ("array_fill(anyelement,_int4,_int4)", Typed("pg_array_fill")),
    ("trim_array(anyarray,int4)", Typed("pg_trim_array")), ("arraycontains(anyarray,anyarray)", Typed("pg_arraycontains")),
    ("arraycontained(anyarray,anyarray)", Typed("pg_arraycontained")), ("arrayoverlap(anyarray,anyarray)", Typed("pg_arrayoverlap")),
    ("array_to_string(anyarray,text)", Typed("pg_array_to_text")), ("array_to_string(anyarray,text,text)", Typed("pg_array_to_text_null")),
    ("width_bucket(anycompatible,anycompatiblearray)", Typed("pg_width_bucket_array")), ("array_ndims(anyarray)", Call("pg_array_ndims")),
    ("array_dims(anyarray)", Call("pg_array_dims")), ("array_lower(anyarray,int4)", Call("pg_array_lower")),
    ("array_upper(anyarray,int4)", Call("pg_array_upper")), ("array_length(anyarray,int4)", Call("pg_array_length")),
    ("cardinality(anyarray)", Call("pg_array_cardinality")), ("string_to_array(text,text)", Call("pg_text_to_array")),
    ("string_to_array(text,text,text)", Call("pg_text_to_array_null")),
    // Sets.
    ("generate_subscripts(anyarray,int4)", Rows("pg_generate_subscripts")),
    ("generate_subscripts(anyarray,int4,bool)", Rows("pg_generate_subscripts")),
    ("string_to_table(text,text)", Rows("pg_text_to_array")), ("string_to_table(text,text,text)", Rows("pg_text_to_array")),
];
