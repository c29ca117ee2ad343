//! PostgreSQL types: OIDs, type modifiers, names.

/// A PostgreSQL object id.
pub type Oid = u32;

/// A type with its modifier, as a column has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PgType {
    /// `pg_type.oid`.
    pub oid: Oid,
    /// `pg_attribute.atttypmod`; -1 where the type has none.
    pub modifier: i32,
}

impl PgType {
    pub const fn new(oid: Oid) -> Self {
        Self { oid, modifier: -1 }
    }
}

/// One built-in type (`pg_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinType {
    pub oid: Oid,
    /// `pg_type.typname`.
    pub name: &'static str,
    /// The name that SQL and error messages use (`format_type`).
    pub sql_name: &'static str,
    /// `pg_type.typarray`: the array of this type; 0 for arrays and pseudo-types.
    pub array_oid: Oid,
    /// For arrays, the element's type; else 0.
    pub element_oid: Oid,
    /// `pg_type.typlen`: bytes, or -1 (varlena), or -2 (C string).
    pub length: i16,
    /// `pg_type.typcategory`.
    pub category: u8,
    /// `pg_type.typispreferred`.
    pub preferred: bool,
}

macro_rules! builtin_types {
    ($($constant:ident = $oid:literal, $name:literal, $sql:literal, array $array:literal, element $element:literal, len $len:literal, $category:literal $(, $preferred:ident)?;)*) => {
        impl PgType { $(pub const $constant: Self = Self::new($oid);)* }
        /// The built-in types that values can have, ordered by OID.
        pub const BUILTIN_TYPES: &[BuiltinType] = &[$(BuiltinType {
            oid: $oid, name: $name, sql_name: $sql, array_oid: $array, element_oid: $element,
            length: $len, category: $category, preferred: builtin_types!(@ $($preferred)?),
        }),*];
    };
    (@ preferred) => { true };
    (@) => { false };
}
// PostgreSQL 15, src/include/catalog/pg_type.dat.
builtin_types! {
    BOOL = 16, "bool", "boolean", array 1000, element 0, len 1, b'B', preferred;
    BYTEA = 17, "bytea", "bytea", array 1001, element 0, len -1, b'U';
    CHAR = 18, "char", "\"char\"", array 1002, element 0, len 1, b'Z';
    NAME = 19, "name", "name", array 1003, element 18, len 64, b'S';
    INT8 = 20, "int8", "bigint", array 1016, element 0, len 8, b'N';
    INT2 = 21, "int2", "smallint", array 1005, element 0, len 2, b'N';
    INT2VECTOR = 22, "int2vector", "int2vector", array 1006, element 21, len -1, b'A';
    INT4 = 23, "int4", "integer", array 1007, element 0, len 4, b'N';
    REGPROC = 24, "regproc", "regproc", array 1008, element 0, len 4, b'N';
    TEXT = 25, "text", "text", array 1009, element 0, len -1, b'S', preferred;
    OID = 26, "oid", "oid", array 1028, element 0, len 4, b'N', preferred;
    OIDVECTOR = 30, "oidvector", "oidvector", array 1013, element 26, len -1, b'A';
    JSON = 114, "json", "json", array 199, element 0, len -1, b'U';
    JSON_ARRAY = 199, "_json", "json[]", array 0, element 114, len -1, b'A';
    FLOAT4 = 700, "float4", "real", array 1021, element 0, len 4, b'N';
    FLOAT8 = 701, "float8", "double precision", array 1022, element 0, len 8, b'N', preferred;
    UNKNOWN = 705, "unknown", "unknown", array 0, element 0, len -2, b'X';
    BOOL_ARRAY = 1000, "_bool", "boolean[]", array 0, element 16, len -1, b'A';
    BYTEA_ARRAY = 1001, "_bytea", "bytea[]", array 0, element 17, len -1, b'A';
    NAME_ARRAY = 1003, "_name", "name[]", array 0, element 19, len -1, b'A';
    INT2_ARRAY = 1005, "_int2", "smallint[]", array 0, element 21, len -1, b'A';
    INT4_ARRAY = 1007, "_int4", "integer[]", array 0, element 23, len -1, b'A';
    TEXT_ARRAY = 1009, "_text", "text[]", array 0, element 25, len -1, b'A';
    BPCHAR_ARRAY = 1014, "_bpchar", "character[]", array 0, element 1042, len -1, b'A';
    VARCHAR_ARRAY = 1015, "_varchar", "character varying[]", array 0, element 1043, len -1, b'A';
    INT8_ARRAY = 1016, "_int8", "bigint[]", array 0, element 20, len -1, b'A';
    FLOAT4_ARRAY = 1021, "_float4", "real[]", array 0, element 700, len -1, b'A';
    FLOAT8_ARRAY = 1022, "_float8", "double precision[]", array 0, element 701, len -1, b'A';
    OID_ARRAY = 1028, "_oid", "oid[]", array 0, element 26, len -1, b'A';
    BPCHAR = 1042, "bpchar", "character", array 1014, element 0, len -1, b'S';
    VARCHAR = 1043, "varchar", "character varying", array 1015, element 0, len -1, b'S';
    DATE = 1082, "date", "date", array 1182, element 0, len 4, b'D';
    TIME = 1083, "time", "time without time zone", array 1183, element 0, len 8, b'D';
    TIMESTAMP = 1114, "timestamp", "timestamp without time zone", array 1115, element 0, len 8, b'D';
    TIMESTAMP_ARRAY = 1115, "_timestamp", "timestamp without time zone[]", array 0, element 1114, len -1, b'A';
    DATE_ARRAY = 1182, "_date", "date[]", array 0, element 1082, len -1, b'A';
    TIME_ARRAY = 1183, "_time", "time without time zone[]", array 0, element 1083, len -1, b'A';
    TIMESTAMPTZ = 1184, "timestamptz", "timestamp with time zone", array 1185, element 0, len 8, b'D', preferred;
    TIMESTAMPTZ_ARRAY = 1185, "_timestamptz", "timestamp with time zone[]", array 0, element 1184, len -1, b'A';
    INTERVAL = 1186, "interval", "interval", array 1187, element 0, len 16, b'T', preferred;
    INTERVAL_ARRAY = 1187, "_interval", "interval[]", array 0, element 1186, len -1, b'A';
    NUMERIC_ARRAY = 1231, "_numeric", "numeric[]", array 0, element 1700, len -1, b'A';
    TIMETZ = 1266, "timetz", "time with time zone", array 1270, element 0, len 12, b'D';
    TIMETZ_ARRAY = 1270, "_timetz", "time with time zone[]", array 0, element 1266, len -1, b'A';
    BIT = 1560, "bit", "bit", array 1561, element 0, len -1, b'V';
    BIT_ARRAY = 1561, "_bit", "bit[]", array 0, element 1560, len -1, b'A';
    VARBIT = 1562, "varbit", "bit varying", array 1563, element 0, len -1, b'V', preferred;
    VARBIT_ARRAY = 1563, "_varbit", "bit varying[]", array 0, element 1562, len -1, b'A';
    NUMERIC = 1700, "numeric", "numeric", array 1231, element 0, len -1, b'N';
    REGCLASS = 2205, "regclass", "regclass", array 2210, element 0, len 4, b'N';
    REGTYPE = 2206, "regtype", "regtype", array 2211, element 0, len 4, b'N';
    RECORD = 2249, "record", "record", array 2287, element 0, len -1, b'P';
    VOID = 2278, "void", "void", array 0, element 0, len 4, b'P';
    UUID = 2950, "uuid", "uuid", array 2951, element 0, len 16, b'U';
    UUID_ARRAY = 2951, "_uuid", "uuid[]", array 0, element 2950, len -1, b'A';
    JSONB = 3802, "jsonb", "jsonb", array 3807, element 0, len -1, b'U';
    JSONB_ARRAY = 3807, "_jsonb", "jsonb[]", array 0, element 3802, len -1, b'A';
    INT4RANGE = 3904, "int4range", "int4range", array 3905, element 0, len -1, b'R';
    INT4RANGE_ARRAY = 3905, "_int4range", "int4range[]", array 0, element 3904, len -1, b'A';
    NUMRANGE = 3906, "numrange", "numrange", array 3907, element 0, len -1, b'R';
    NUMRANGE_ARRAY = 3907, "_numrange", "numrange[]", array 0, element 3906, len -1, b'A';
    TSRANGE = 3908, "tsrange", "tsrange", array 3909, element 0, len -1, b'R';
    TSRANGE_ARRAY = 3909, "_tsrange", "tsrange[]", array 0, element 3908, len -1, b'A';
    TSTZRANGE = 3910, "tstzrange", "tstzrange", array 3911, element 0, len -1, b'R';
    TSTZRANGE_ARRAY = 3911, "_tstzrange", "tstzrange[]", array 0, element 3910, len -1, b'A';
    DATERANGE = 3912, "daterange", "daterange", array 3913, element 0, len -1, b'R';
    DATERANGE_ARRAY = 3913, "_daterange", "daterange[]", array 0, element 3912, len -1, b'A';
    INT8RANGE = 3926, "int8range", "int8range", array 3927, element 0, len -1, b'R';
    INT8RANGE_ARRAY = 3927, "_int8range", "int8range[]", array 0, element 3926, len -1, b'A';
    INT4MULTIRANGE = 4451, "int4multirange", "int4multirange", array 6150, element 0, len -1, b'R';
    NUMMULTIRANGE = 4532, "nummultirange", "nummultirange", array 6151, element 0, len -1, b'R';
    TSMULTIRANGE = 4533, "tsmultirange", "tsmultirange", array 6152, element 0, len -1, b'R';
    TSTZMULTIRANGE = 4534, "tstzmultirange", "tstzmultirange", array 6153, element 0, len -1, b'R';
    DATEMULTIRANGE = 4535, "datemultirange", "datemultirange", array 6155, element 0, len -1, b'R';
    INT8MULTIRANGE = 4536, "int8multirange", "int8multirange", array 6157, element 0, len -1, b'R';
    INT4MULTIRANGE_ARRAY = 6150, "_int4multirange", "int4multirange[]", array 0, element 4451, len -1, b'A';
    NUMMULTIRANGE_ARRAY = 6151, "_nummultirange", "nummultirange[]", array 0, element 4532, len -1, b'A';
    TSMULTIRANGE_ARRAY = 6152, "_tsmultirange", "tsmultirange[]", array 0, element 4533, len -1, b'A';
    TSTZMULTIRANGE_ARRAY = 6153, "_tstzmultirange", "tstzmultirange[]", array 0, element 4534, len -1, b'A';
    DATEMULTIRANGE_ARRAY = 6155, "_datemultirange", "datemultirange[]", array 0, element 4535, len -1, b'A';
    INT8MULTIRANGE_ARRAY = 6157, "_int8multirange", "int8multirange[]", array 0, element 4536, len -1, b'A';
}

/// The built-in type with this OID.
pub fn builtin(oid: Oid) -> Option<&'static BuiltinType> {
    BUILTIN_TYPES.binary_search_by_key(&oid, |known| known.oid).ok().map(|at| &BUILTIN_TYPES[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_types_are_ordered_by_oid() {
        assert!(BUILTIN_TYPES.is_sorted_by_key(|known| known.oid));
        assert_eq!(builtin(23).map(|known| known.sql_name), Some("integer"));
        assert_eq!(builtin(1), None);
    }
}
