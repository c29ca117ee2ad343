//! Functions and aggregates (`pg_proc`): names, argument types, results, and how each is done.

use crate::model::pg_type::{Oid, PgType};
use crate::sql::types::{ANY, Fact, Lowering};

/// What a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar,
    Aggregate,
    /// A window function that isn't an aggregate.
    Window,
    /// Returns rows: in FROM only.
    Set,
}

/// One function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [Oid],
    /// The last argument may be repeated.
    pub(crate) variadic: bool,
    pub(crate) result: Oid,
    pub(crate) kind: Kind,
    pub(crate) lowering: Lowering,
    /// Gives another value at each call: not to be folded or repeated.
    pub(crate) volatile: bool,
}

/// The functions of this name.
pub(crate) fn named(name: &str) -> Vec<&'static Function> {
    FUNCTIONS.iter().filter(|function| function.name == name).collect()
}

const BOOL: Oid = PgType::BOOL.oid;
const I2: Oid = PgType::INT2.oid;
const I4: Oid = PgType::INT4.oid;
const I8: Oid = PgType::INT8.oid;
const F4: Oid = PgType::FLOAT4.oid;
const F8: Oid = PgType::FLOAT8.oid;
const NUM: Oid = PgType::NUMERIC.oid;
const TEXT: Oid = PgType::TEXT.oid;
const NAME: Oid = PgType::NAME.oid;
const BYTEA: Oid = PgType::BYTEA.oid;
const DATE: Oid = PgType::DATE.oid;
const TIME: Oid = PgType::TIME.oid;
const TS: Oid = PgType::TIMESTAMP.oid;
const TZ: Oid = PgType::TIMESTAMPTZ.oid;
const UUID: Oid = PgType::UUID.oid;
const BPCHAR: Oid = PgType::BPCHAR.oid;
const OID: Oid = PgType::OID.oid;

use Kind::{Aggregate, Scalar, Set, Window};
use Lowering::{
    BackendPid, Call, CurrentSetting, Flag, NextValue, Now, SessionFact, StatementTime, Zoned,
};

const fn row(
    name: &'static str,
    arguments: &'static [Oid],
    result: Oid,
    kind: Kind,
    lowering: Lowering,
) -> Function {
    Function { name, arguments, variadic: false, result, kind, lowering, volatile: false }
}

const fn scalar(
    name: &'static str,
    arguments: &'static [Oid],
    result: Oid,
    lowering: &'static str,
) -> Function {
    row(name, arguments, result, Scalar, Call(lowering))
}

const fn volatile(
    name: &'static str,
    arguments: &'static [Oid],
    result: Oid,
    lowering: Lowering,
) -> Function {
    Function { volatile: true, ..row(name, arguments, result, Scalar, lowering) }
}

/// Written without parentheses (`current_date`).
const fn bare(name: &'static str, result: Oid, lowering: Lowering) -> Function {
    row(name, &[], result, Scalar, lowering)
}

const fn variadic(
    name: &'static str,
    arguments: &'static [Oid],
    result: Oid,
    lowering: &'static str,
) -> Function {
    Function { variadic: true, ..scalar(name, arguments, result, lowering) }
}

const fn aggregate(
    name: &'static str,
    arguments: &'static [Oid],
    result: Oid,
    lowering: &'static str,
) -> Function {
    row(name, arguments, result, Aggregate, Call(lowering))
}

#[rustfmt::skip]
static FUNCTIONS: &[Function] = &[
    // Text.
    scalar("length", &[TEXT], I4, "length"), scalar("length", &[BPCHAR], I4, "length"), scalar("length", &[BYTEA], I4, "length"),
    scalar("char_length", &[TEXT], I4, "length"), scalar("char_length", &[BPCHAR], I4, "length"), scalar("character_length", &[TEXT], I4, "length"),
    scalar("octet_length", &[TEXT], I4, "octet_length"), scalar("octet_length", &[BYTEA], I4, "octet_length"), scalar("bit_length", &[TEXT], I4, "pg_bit_length"),
    scalar("lower", &[TEXT], TEXT, "pg_lower"), scalar("upper", &[TEXT], TEXT, "pg_upper"), scalar("initcap", &[TEXT], TEXT, "pg_initcap"),
    scalar("substring", &[TEXT, I4], TEXT, "pg_substring"), scalar("substring", &[TEXT, I4, I4], TEXT, "pg_substring"),
    scalar("substr", &[TEXT, I4], TEXT, "pg_substring"), scalar("substr", &[TEXT, I4, I4], TEXT, "pg_substring"),
    scalar("position", &[TEXT, TEXT], I4, "instr"), scalar("strpos", &[TEXT, TEXT], I4, "instr"),
    scalar("btrim", &[TEXT], TEXT, "pg_btrim"), scalar("btrim", &[TEXT, TEXT], TEXT, "pg_btrim"),
    scalar("ltrim", &[TEXT], TEXT, "pg_ltrim"), scalar("ltrim", &[TEXT, TEXT], TEXT, "pg_ltrim"),
    scalar("rtrim", &[TEXT], TEXT, "pg_rtrim"), scalar("rtrim", &[TEXT, TEXT], TEXT, "pg_rtrim"),
    scalar("overlay", &[TEXT, TEXT, I4], TEXT, "pg_overlay"), scalar("overlay", &[TEXT, TEXT, I4, I4], TEXT, "pg_overlay"),
    scalar("replace", &[TEXT, TEXT, TEXT], TEXT, "pg_replace"), scalar("translate", &[TEXT, TEXT, TEXT], TEXT, "pg_translate"),
    scalar("left", &[TEXT, I4], TEXT, "pg_left"), scalar("right", &[TEXT, I4], TEXT, "pg_right"),
    scalar("lpad", &[TEXT, I4], TEXT, "pg_lpad"), scalar("lpad", &[TEXT, I4, TEXT], TEXT, "pg_lpad"),
    scalar("rpad", &[TEXT, I4], TEXT, "pg_rpad"), scalar("rpad", &[TEXT, I4, TEXT], TEXT, "pg_rpad"),
    scalar("repeat", &[TEXT, I4], TEXT, "pg_repeat"), scalar("reverse", &[TEXT], TEXT, "pg_reverse"),
    scalar("split_part", &[TEXT, TEXT, I4], TEXT, "pg_split_part"), scalar("starts_with", &[TEXT, TEXT], BOOL, "pg_starts_with"),
    scalar("ascii", &[TEXT], I4, "pg_ascii"), scalar("chr", &[I4], TEXT, "pg_chr"),
    scalar("to_hex", &[I4], TEXT, "pg_to_hex4"), scalar("to_hex", &[I8], TEXT, "pg_to_hex"),
    scalar("quote_ident", &[TEXT], TEXT, "pg_quote_ident"), scalar("quote_literal", &[TEXT], TEXT, "pg_quote_literal"),
    scalar("like", &[TEXT, TEXT], BOOL, "pg_like"), scalar("textlike", &[TEXT, TEXT], BOOL, "pg_like"),
    // Numbers.
    scalar("abs", &[I2], I2, "pg_i2_abs"), scalar("abs", &[I4], I4, "pg_i4_abs"), scalar("abs", &[I8], I8, "pg_i8_abs"),
    scalar("abs", &[NUM], NUM, "pg_num_abs"), scalar("abs", &[F4], F4, "pg_float_abs"), scalar("abs", &[F8], F8, "pg_float_abs"),
    scalar("ceil", &[NUM], NUM, "pg_num_ceil"), scalar("ceil", &[F8], F8, "pg_float_ceil"), scalar("ceiling", &[NUM], NUM, "pg_num_ceil"), scalar("ceiling", &[F8], F8, "pg_float_ceil"),
    scalar("floor", &[NUM], NUM, "pg_num_floor"), scalar("floor", &[F8], F8, "pg_float_floor"),
    scalar("round", &[NUM], NUM, "pg_num_round"), scalar("round", &[NUM, I4], NUM, "pg_num_round"), scalar("round", &[F8], F8, "pg_float_round"),
    scalar("trunc", &[NUM], NUM, "pg_num_trunc"), scalar("trunc", &[NUM, I4], NUM, "pg_num_trunc"), scalar("trunc", &[F8], F8, "pg_float_trunc"),
    scalar("mod", &[I2, I2], I2, "pg_i_mod"), scalar("mod", &[I4, I4], I4, "pg_i_mod"), scalar("mod", &[I8, I8], I8, "pg_i_mod"), scalar("mod", &[NUM, NUM], NUM, "pg_num_mod"),
    scalar("div", &[NUM, NUM], NUM, "pg_num_idiv"),
    scalar("power", &[F8, F8], F8, "pg_float_power"), scalar("power", &[NUM, NUM], NUM, "pg_num_power"), scalar("pow", &[F8, F8], F8, "pg_float_power"), scalar("pow", &[NUM, NUM], NUM, "pg_num_power"),
    scalar("sqrt", &[NUM], NUM, "pg_num_sqrt"), scalar("sqrt", &[F8], F8, "pg_float_sqrt"),
    scalar("exp", &[F8], F8, "pg_float_exp"), scalar("ln", &[F8], F8, "pg_float_ln"), scalar("log", &[F8], F8, "pg_float_log"), scalar("log10", &[F8], F8, "pg_float_log"),
    scalar("sign", &[NUM], NUM, "pg_num_sign"), scalar("sign", &[F8], F8, "pg_float_sign"), scalar("pi", &[], F8, "pi"),
    volatile("random", &[], F8, Call("pg_random")), volatile("gen_random_uuid", &[], UUID, Call("pg_random_uuid")),
    // Dates and times.
    row("now", &[], TZ, Scalar, Now), row("transaction_timestamp", &[], TZ, Scalar, Now), row("statement_timestamp", &[], TZ, Scalar, StatementTime),
    bare("current_timestamp", TZ, Now), bare("localtimestamp", TS, Now), bare("current_date", DATE, Now), bare("localtime", TIME, Now),
    row("date", &[TS], DATE, Scalar, Call("pg_timestamp_date")), row("date", &[TZ], DATE, Scalar, Zoned("pg_timestamptz_date")),
    scalar("extract", &[TEXT, TS], NUM, "pg_extract"), scalar("extract", &[TEXT, DATE], NUM, "pg_extract"), row("extract", &[TEXT, TZ], NUM, Scalar, Zoned("pg_extract_tz")),
    scalar("date_part", &[TEXT, TS], F8, "pg_date_part"), row("date_part", &[TEXT, TZ], F8, Scalar, Zoned("pg_date_part_tz")),
    scalar("date_trunc", &[TEXT, TS], TS, "pg_date_trunc"),
    // The session.
    scalar("version", &[], TEXT, "pg_version"), row("current_database", &[], NAME, Scalar, SessionFact(Fact::Database)), bare("current_catalog", NAME, SessionFact(Fact::Database)),
    row("current_schema", &[], NAME, Scalar, SessionFact(Fact::Schema)), bare("current_schema", NAME, SessionFact(Fact::Schema)),
    bare("current_user", NAME, SessionFact(Fact::User)), bare("session_user", NAME, SessionFact(Fact::User)), bare("user", NAME, SessionFact(Fact::User)), bare("current_role", NAME, SessionFact(Fact::User)),
    volatile("pg_backend_pid", &[], I4, BackendPid), row("pg_is_in_recovery", &[], BOOL, Scalar, Flag("in_hot_standby")),
    row("current_setting", &[TEXT], TEXT, Scalar, CurrentSetting), row("current_setting", &[TEXT, BOOL], TEXT, Scalar, CurrentSetting),
    volatile("nextval", &[TEXT], I8, NextValue),
    scalar("pg_encoding_to_char", &[I4], NAME, "pg_encoding_name"),
    // Several arguments of any type.
    variadic("concat", &[ANY], TEXT, "pg_concat"), variadic("concat_ws", &[TEXT, ANY], TEXT, "pg_concat_ws"),
    // Aggregates.
    aggregate("count", &[], I8, "count"), aggregate("count", &[ANY], I8, "count"),
    aggregate("sum", &[I2], I8, "pg_sum_i8"), aggregate("sum", &[I4], I8, "pg_sum_i8"), aggregate("sum", &[I8], NUM, "pg_sum_num"), aggregate("sum", &[NUM], NUM, "pg_sum_num"), aggregate("sum", &[F4], F4, "pg_sum_float"), aggregate("sum", &[F8], F8, "pg_sum_float"),
    aggregate("avg", &[I2], NUM, "pg_avg_num"), aggregate("avg", &[I4], NUM, "pg_avg_num"), aggregate("avg", &[I8], NUM, "pg_avg_num"), aggregate("avg", &[NUM], NUM, "pg_avg_num"), aggregate("avg", &[F4], F8, "pg_avg_float"), aggregate("avg", &[F8], F8, "pg_avg_float"),
    aggregate("min", &[I2], I2, "min"), aggregate("min", &[I4], I4, "min"), aggregate("min", &[I8], I8, "min"), aggregate("min", &[F4], F4, "min"), aggregate("min", &[F8], F8, "min"), aggregate("min", &[NUM], NUM, "min"), aggregate("min", &[TEXT], TEXT, "min"), aggregate("min", &[BPCHAR], BPCHAR, "min"), aggregate("min", &[DATE], DATE, "min"), aggregate("min", &[TIME], TIME, "min"), aggregate("min", &[TS], TS, "min"), aggregate("min", &[TZ], TZ, "min"), aggregate("min", &[OID], OID, "min"),
    aggregate("max", &[I2], I2, "max"), aggregate("max", &[I4], I4, "max"), aggregate("max", &[I8], I8, "max"), aggregate("max", &[F4], F4, "max"), aggregate("max", &[F8], F8, "max"), aggregate("max", &[NUM], NUM, "max"), aggregate("max", &[TEXT], TEXT, "max"), aggregate("max", &[BPCHAR], BPCHAR, "max"), aggregate("max", &[DATE], DATE, "max"), aggregate("max", &[TIME], TIME, "max"), aggregate("max", &[TS], TS, "max"), aggregate("max", &[TZ], TZ, "max"), aggregate("max", &[OID], OID, "max"),
    aggregate("string_agg", &[TEXT, TEXT], TEXT, "group_concat"), aggregate("bool_and", &[BOOL], BOOL, "min"), aggregate("every", &[BOOL], BOOL, "min"), aggregate("bool_or", &[BOOL], BOOL, "max"),
    // Window functions.
    row("row_number", &[], I8, Window, Call("row_number")), row("rank", &[], I8, Window, Call("rank")), row("dense_rank", &[], I8, Window, Call("dense_rank")), row("percent_rank", &[], F8, Window, Call("percent_rank")), row("cume_dist", &[], F8, Window, Call("cume_dist")), row("ntile", &[I4], I4, Window, Call("ntile")),
    // Rows.
    row("generate_series", &[I4, I4], I4, Set, Call("pg_series")), row("generate_series", &[I4, I4, I4], I4, Set, Call("pg_series")), row("generate_series", &[I8, I8], I8, Set, Call("pg_series")), row("generate_series", &[I8, I8, I8], I8, Set, Call("pg_series")),
];
