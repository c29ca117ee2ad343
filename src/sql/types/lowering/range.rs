//! Ranges and multiranges. What is asked of the one is asked of the other by the same functions, which are told the
//! types.

use Lowering::{Compare, Typed};

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("int4range(int4,int4)", Typed("pg_int4range")), ("int4range(int4,int4,text)", Typed("pg_int4range")),
    ("int8range(int8,int8)", Typed("pg_int8range")), ("int8range(int8,int8,text)", Typed("pg_int8range")),
    ("numrange(numeric,numeric)", Typed("pg_numrange")), ("numrange(numeric,numeric,text)", Typed("pg_numrange")),
    ("daterange(date,date)", Typed("pg_daterange")), ("daterange(date,date,text)", Typed("pg_daterange")),
    ("tsrange(timestamp,timestamp)", Typed("pg_tsrange")), ("tsrange(timestamp,timestamp,text)", Typed("pg_tsrange")),
    ("tstzrange(timestamptz,timestamptz)", Typed("pg_tstzrange")),
    ("tstzrange(timestamptz,timestamptz,text)", Typed("pg_tstzrange")),
    ("int4multirange()", Typed("pg_int4multirange")), ("int4multirange(int4range)", Typed("pg_int4multirange")),
    ("int4multirange(_int4range)", Typed("pg_int4multirange")), ("int8multirange()", Typed("pg_int8multirange")),
    ("int8multirange(int8range)", Typed("pg_int8multirange")), ("int8multirange(_int8range)", Typed("pg_int8multirange")),
    ("nummultirange()", Typed("pg_nummultirange")), ("nummultirange(numrange)", Typed("pg_nummultirange")),
    ("nummultirange(_numrange)", Typed("pg_nummultirange")), ("datemultirange()", Typed("pg_datemultirange")),
    ("datemultirange(daterange)", Typed("pg_datemultirange")), ("datemultirange(_daterange)", Typed("pg_datemultirange")),
    ("tsmultirange()", Typed("pg_tsmultirange")), ("tsmultirange(tsrange)", Typed("pg_tsmultirange")),
    ("tsmultirange(_tsrange)", Typed("pg_tsmultirange")), ("tstzmultirange()", Typed("pg_tstzmultirange")),
    ("tstzmultirange(tstzrange)", Typed("pg_tstzmultirange")), ("tstzmultirange(_tstzrange)", Typed("pg_tstzmultirange")),
    ("multirange(anyrange)", Typed("pg_multirange")),
    // Parts.
    ("lower(anyrange)", Typed("pg_range_lower")), ("upper(anyrange)", Typed("pg_range_upper")),
    ("isempty(anyrange)", Typed("pg_range_isempty")), ("lower_inc(anyrange)", Typed("pg_range_lower_inc")),
    ("upper_inc(anyrange)", Typed("pg_range_upper_inc")), ("lower_inf(anyrange)", Typed("pg_range_lower_inf")),
    ("upper_inf(anyrange)", Typed("pg_range_upper_inf")), ("lower(anymultirange)", Typed("pg_range_lower")),
    ("upper(anymultirange)", Typed("pg_range_upper")), ("isempty(anymultirange)", Typed("pg_range_isempty")),
    ("lower_inc(anymultirange)", Typed("pg_range_lower_inc")), ("upper_inc(anymultirange)", Typed("pg_range_upper_inc")),
    ("lower_inf(anymultirange)", Typed("pg_range_lower_inf")), ("upper_inf(anymultirange)", Typed("pg_range_upper_inf")),
    ("range_merge(anyrange,anyrange)", Typed("pg_range_merge")), ("range_merge(anymultirange)", Typed("pg_range_merge")),
    // Order.
    ("anyrange = anyrange", Compare("=")), ("anyrange <> anyrange", Compare("<>")), ("anyrange < anyrange", Compare("<")),
    ("anyrange <= anyrange", Compare("<=")), ("anyrange > anyrange", Compare(">")), ("anyrange >= anyrange", Compare(">=")),
    ("anymultirange = anymultirange", Compare("=")), ("anymultirange <> anymultirange", Compare("<>")),
    ("anymultirange < anymultirange", Compare("<")), ("anymultirange <= anymultirange", Compare("<=")),
    ("anymultirange > anymultirange", Compare(">")), ("anymultirange >= anymultirange", Compare(">=")),
    ("range_cmp(anyrange,anyrange)", Typed("pg_range_cmp")),
    ("multirange_cmp(anymultirange,anymultirange)", Typed("pg_range_cmp")),
    // Questions.
    ("anyrange @> anyelement", Typed("pg_range_contains_value")),
    ("anymultirange @> anyelement", Typed("pg_range_contains_value")),
    ("anyelement <@ anyrange", Typed("pg_range_contains_value_swapped")),
    ("anyelement <@ anymultirange", Typed("pg_range_contains_value_swapped")),
    ("anyrange @> anyrange", Typed("pg_range_contains")), ("anymultirange @> anyrange", Typed("pg_range_contains")),
    ("anymultirange @> anymultirange", Typed("pg_range_contains")), ("anyrange @> anymultirange", Typed("pg_range_contains")),
    ("anyrange <@ anyrange", Typed("pg_range_contained")), ("anyrange <@ anymultirange", Typed("pg_range_contained")),
    ("anymultirange <@ anymultirange", Typed("pg_range_contained")), ("anymultirange <@ anyrange", Typed("pg_range_contained")),
    ("anyrange && anyrange", Typed("pg_range_overlaps")), ("anyrange && anymultirange", Typed("pg_range_overlaps")),
    ("anymultirange && anyrange", Typed("pg_range_overlaps")), ("anymultirange && anymultirange", Typed("pg_range_overlaps")),
    ("anyrange << anyrange", Typed("pg_range_before")), ("anyrange << anymultirange", Typed("pg_range_before")),
    ("anymultirange << anyrange", Typed("pg_range_before")), ("anymultirange << anymultirange", Typed("pg_range_before")),
    ("anyrange >> anyrange", Typed("pg_range_after")), ("anyrange >> anymultirange", Typed("pg_range_after")),
    ("anymultirange >> anyrange", Typed("pg_range_after")), ("anymultirange >> anymultirange", Typed("pg_range_after")),
    ("anyrange &< anyrange", Typed("pg_range_overleft")), ("anyrange &< anymultirange", Typed("pg_range_overleft")),
    ("anymultirange &< anyrange", Typed("pg_range_overleft")), ("anymultirange &< anymultirange", Typed("pg_range_overleft")),
    ("anyrange &> anyrange", Typed("pg_range_overright")), ("anyrange &> anymultirange", Typed("pg_range_overright")),
    ("anymultirange &> anyrange", Typed("pg_range_overright")), ("anymultirange &> anymultirange", Typed("pg_range_overright")),
    ("anyrange -|- anyrange", Typed("pg_range_adjacent")), ("anyrange -|- anymultirange", Typed("pg_range_adjacent")),
    ("anymultirange -|- anyrange", Typed("pg_range_adjacent")), ("anymultirange -|- anymultirange", Typed("pg_range_adjacent")),
    // Operations.
    ("anyrange + anyrange", Typed("pg_range_union")), ("anyrange * anyrange", Typed("pg_range_intersect")),
    ("anyrange - anyrange", Typed("pg_range_minus")), ("anymultirange + anymultirange", Typed("pg_multirange_union")),
    ("anymultirange * anymultirange", Typed("pg_range_intersect")), ("anymultirange - anymultirange", Typed("pg_multirange_minus")),
];
