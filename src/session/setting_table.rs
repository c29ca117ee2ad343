//! The table of settings: names, defaults, and what values they take. [`super::settings`] keeps the values.
//!
//! Settings that tune PostgreSQL's planner, memory and background work are here since drivers, dumps and
//! tools set them; they can't change a result, and `docs/compatibility.md` lists them.

/// What values a setting takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Boolean,
    /// Milliseconds, or a number with a unit; at most this many milliseconds.
    Milliseconds(i64),
    Integer(i64, i64),
    /// A number of so many bytes each, or with a unit; at least and at most so many of them.
    Memory(i64, i64, i64),
    /// At least and at most this; shown with six digits.
    Real(f64, f64),
    /// One of these words, in any case; shown as written here.
    Choice(&'static [&'static str]),
    Text,
    /// A text of at most 63 bytes, as a name; a longer one is cut.
    Name,
    /// An encoding of characters.
    Encoding,
    DateStyle,
    TimeZone,
    SearchPath,
    ReadLevel,
    /// Can't be changed: 55P02.
    Fixed,
}

#[derive(Debug)]
pub(crate) struct Definition {
    /// As PostgreSQL spells it; names are compared without case.
    pub(crate) name: &'static str,
    pub(crate) default: &'static str,
    pub(crate) kind: Kind,
    /// Sent to the client at start-up and when it changes (ParameterStatus).
    pub(super) reported: bool,
}

const fn setting(name: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { name, default, kind, reported: false }
}

const fn reported(name: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { name, default, kind, reported: true }
}

/// The version that Eider speaks as. Drivers and `pg_dump` decide by it.
pub(crate) const SERVER_VERSION: &str = concat!("15.18 (Eider ", env!("CARGO_PKG_VERSION"), ")");

const ISOLATION_LEVELS: &[&str] =
    &["serializable", "repeatable read", "read committed", "read uncommitted"];
pub(super) const MESSAGE_LEVELS: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"];
const INT_MAX: i64 = i32::MAX as i64;
/// Bytes of the units that PostgreSQL counts memory in.
pub(crate) const KILO: i64 = 1 << 10;
const PAGE: i64 = 8 << 10;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A transaction that sits on the write slot blocks every other writer, so unlike PostgreSQL's
/// this default isn't "never".
const IDLE_IN_TRANSACTION_DEFAULT: &str = "1min";

/// Ordered by name without case.
pub(super) const DEFINITIONS: &[Definition] = &[
    reported("application_name", "", Kind::Name),
    setting("array_nulls", "on", Kind::Choice(&["on"])),
    setting("backend_flush_after", "0", Kind::Memory(PAGE, 0, 256)),
    setting("backslash_quote", "safe_encoding", Kind::Choice(&["safe_encoding"])),
    setting("block_size", "8192", Kind::Fixed),
    setting("bytea_output", "hex", Kind::Choice(&["hex", "escape"])),
    setting("check_function_bodies", "on", Kind::Boolean),
    reported("client_encoding", "UTF8", Kind::Encoding),
    setting("client_min_messages", "notice", Kind::Choice(MESSAGE_LEVELS)),
    setting("cluster_name", "", Kind::Fixed),
    setting("commit_delay", "0", Kind::Integer(0, 100_000)),
    setting("commit_siblings", "5", Kind::Integer(0, 1000)),
    setting("constraint_exclusion", "partition", Kind::Choice(&["partition", "on", "off"])),
    setting("cpu_index_tuple_cost", "0.005", Kind::Real(0.0, f64::MAX)),
    setting("cpu_operator_cost", "0.0025", Kind::Real(0.0, f64::MAX)),
    setting("cpu_tuple_cost", "0.01", Kind::Real(0.0, f64::MAX)),
    setting("cursor_tuple_fraction", "0.1", Kind::Real(0.0, 1.0)),
    reported("DateStyle", "ISO, MDY", Kind::DateStyle),
    setting("default_statistics_target", "100", Kind::Integer(1, 10_000)),
    setting("default_table_access_method", "heap", Kind::Choice(&["heap"])),
    setting("default_tablespace", "", Kind::Choice(&["", "pg_default"])),
    setting("default_toast_compression", "pglz", Kind::Choice(&["pglz", "lz4"])),
    setting("default_transaction_deferrable", "off", Kind::Boolean),
    setting("default_transaction_isolation", "read committed", Kind::Choice(ISOLATION_LEVELS)),
    reported("default_transaction_read_only", "off", Kind::Boolean),
    setting("effective_cache_size", "4GB", Kind::Memory(PAGE, 1, INT_MAX)),
    setting("effective_io_concurrency", "1", Kind::Integer(0, 1000)),
    setting("eider.read_level", "linearizable", Kind::ReadLevel),
    setting("enable_async_append", "on", Kind::Boolean),
    setting("enable_bitmapscan", "on", Kind::Boolean),
    setting("enable_gathermerge", "on", Kind::Boolean),
    setting("enable_hashagg", "on", Kind::Boolean),
    setting("enable_hashjoin", "on", Kind::Boolean),
    setting("enable_incremental_sort", "on", Kind::Boolean),
    setting("enable_indexonlyscan", "on", Kind::Boolean),
    setting("enable_indexscan", "on", Kind::Boolean),
    setting("enable_material", "on", Kind::Boolean),
    setting("enable_memoize", "on", Kind::Boolean),
    setting("enable_mergejoin", "on", Kind::Boolean),
    setting("enable_nestloop", "on", Kind::Boolean),
    setting("enable_parallel_append", "on", Kind::Boolean),
    setting("enable_parallel_hash", "on", Kind::Boolean),
    setting("enable_partition_pruning", "on", Kind::Boolean),
    setting("enable_partitionwise_aggregate", "off", Kind::Boolean),
    setting("enable_partitionwise_join", "off", Kind::Boolean),
    setting("enable_seqscan", "on", Kind::Boolean),
    setting("enable_sort", "on", Kind::Boolean),
    setting("enable_tidscan", "on", Kind::Boolean),
    setting("escape_string_warning", "on", Kind::Boolean),
    setting("extra_float_digits", "1", Kind::Integer(-15, 3)),
    setting("force_parallel_mode", "off", Kind::Choice(&["off", "on", "regress"])),
    setting("from_collapse_limit", "8", Kind::Integer(1, INT_MAX)),
    setting("geqo", "on", Kind::Boolean),
    setting("geqo_effort", "5", Kind::Integer(1, 10)),
    setting("geqo_generations", "0", Kind::Integer(0, INT_MAX)),
    setting("geqo_pool_size", "0", Kind::Integer(0, INT_MAX)),
    setting("geqo_seed", "0", Kind::Real(0.0, 1.0)),
    setting("geqo_selection_bias", "2", Kind::Real(1.5, 2.0)),
    setting("geqo_threshold", "12", Kind::Integer(2, INT_MAX)),
    setting("hash_mem_multiplier", "2", Kind::Real(1.0, 1000.0)),
    setting(
        "idle_in_transaction_session_timeout",
        IDLE_IN_TRANSACTION_DEFAULT,
        Kind::Milliseconds(DAY_MS),
    ),
    setting("idle_session_timeout", "0", Kind::Milliseconds(i32::MAX as i64)),
    reported("in_hot_standby", "off", Kind::Fixed),
    reported("integer_datetimes", "on", Kind::Fixed),
    reported(
        "IntervalStyle",
        "postgres",
        Kind::Choice(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
    ),
    reported("is_superuser", "on", Kind::Fixed),
    setting("jit", "on", Kind::Boolean),
    setting("jit_above_cost", "100000", Kind::Real(-1.0, f64::MAX)),
    setting("jit_inline_above_cost", "500000", Kind::Real(-1.0, f64::MAX)),
    setting("jit_optimize_above_cost", "500000", Kind::Real(-1.0, f64::MAX)),
    setting("join_collapse_limit", "8", Kind::Integer(1, INT_MAX)),
    setting("lc_collate", "C", Kind::Fixed),
    setting("lc_ctype", "C", Kind::Fixed),
    setting("lc_messages", "C", Kind::Choice(&["C"])),
    setting("lc_monetary", "C", Kind::Choice(&["C"])),
    setting("lc_numeric", "C", Kind::Choice(&["C"])),
    setting("lc_time", "C", Kind::Choice(&["C"])),
    setting("lock_timeout", "0", Kind::Milliseconds(i32::MAX as i64)),
    setting("logical_decoding_work_mem", "64MB", Kind::Memory(KILO, 64, INT_MAX)),
    setting("maintenance_io_concurrency", "10", Kind::Integer(0, 1000)),
    setting("maintenance_work_mem", "64MB", Kind::Memory(KILO, 1024, INT_MAX)),
    setting("max_function_args", "100", Kind::Fixed),
    setting("max_identifier_length", "63", Kind::Fixed),
    setting("max_index_keys", "32", Kind::Fixed),
    setting("max_parallel_maintenance_workers", "2", Kind::Integer(0, 1024)),
    setting("max_parallel_workers", "8", Kind::Integer(0, 1024)),
    setting("max_parallel_workers_per_gather", "2", Kind::Integer(0, 1024)),
    setting("max_prepared_transactions", "0", Kind::Fixed),
    setting("min_parallel_index_scan_size", "512kB", Kind::Memory(PAGE, 0, 715_827_882)),
    setting("min_parallel_table_scan_size", "8MB", Kind::Memory(PAGE, 0, 715_827_882)),
    setting("parallel_leader_participation", "on", Kind::Boolean),
    setting("parallel_setup_cost", "1000", Kind::Real(0.0, f64::MAX)),
    setting("parallel_tuple_cost", "0.1", Kind::Real(0.0, f64::MAX)),
    setting("password_encryption", "scram-sha-256", Kind::Choice(&["scram-sha-256"])),
    setting(
        "plan_cache_mode",
        "auto",
        Kind::Choice(&["auto", "force_generic_plan", "force_custom_plan"]),
    ),
    setting("quote_all_identifiers", "off", Kind::Choice(&["off"])),
    setting("random_page_cost", "4", Kind::Real(0.0, f64::MAX)),
    setting("recursive_worktable_factor", "10", Kind::Real(0.001, 1e6)),
    setting("role", "none", Kind::Text),
    setting("row_security", "on", Kind::Boolean),
    setting("search_path", "\"$user\", public", Kind::SearchPath),
    setting("seq_page_cost", "1", Kind::Real(0.0, f64::MAX)),
    reported("server_encoding", "UTF8", Kind::Fixed),
    reported("server_version", SERVER_VERSION, Kind::Fixed),
    setting("server_version_num", "150018", Kind::Fixed),
    reported("session_authorization", "", Kind::Text),
    setting("session_replication_role", "origin", Kind::Choice(&["origin"])),
    setting("ssl", "off", Kind::Fixed),
    reported("standard_conforming_strings", "on", Kind::Choice(&["on"])),
    setting("statement_timeout", "0", Kind::Milliseconds(i32::MAX as i64)),
    setting("synchronize_seqscans", "on", Kind::Boolean),
    setting("synchronous_commit", "on", Kind::Choice(&["on"])),
    setting("temp_buffers", "8MB", Kind::Memory(PAGE, 100, 1_073_741_823)),
    reported("TimeZone", "UTC", Kind::TimeZone),
    setting("transaction_deferrable", "off", Kind::Boolean),
    setting("transaction_isolation", "read committed", Kind::Choice(ISOLATION_LEVELS)),
    setting("transaction_read_only", "off", Kind::Boolean),
    setting("transform_null_equals", "off", Kind::Choice(&["off"])),
    setting("vacuum_cost_delay", "0", Kind::Milliseconds(100)),
    setting("vacuum_cost_limit", "200", Kind::Integer(1, 10_000)),
    setting("vacuum_cost_page_dirty", "20", Kind::Integer(0, 10_000)),
    setting("vacuum_cost_page_hit", "1", Kind::Integer(0, 10_000)),
    setting("vacuum_cost_page_miss", "2", Kind::Integer(0, 10_000)),
    setting("work_mem", "4MB", Kind::Memory(KILO, 64, INT_MAX)),
    // As a document: written as XMLPARSE (DOCUMENT ...).
    setting("xmloption", "content", Kind::Choice(&["content"])),
];

/// The setting of a name, in any case.
pub(super) fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS
        .binary_search_by(|known| {
            let known = known.name.bytes().map(|byte| byte.to_ascii_lowercase());
            known.cmp(name.bytes().map(|byte| byte.to_ascii_lowercase()))
        })
        .ok()
        .map(|at| &DEFINITIONS[at])
}
