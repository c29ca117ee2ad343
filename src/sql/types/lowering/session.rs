//! The session, the server, and rows that are counted out.

use Lowering::{
    BackendPid, Call, CurrentSetting, CurrentValue, Flag, LastTaken, LastValue, NextValue, Notify,
    Now, Records, Series, SessionFact, SetConfig, SetValue, Setting, Signal, TransactionNumber,
    TypeOf,
};

use super::{Fact, Lowering, Row};

use crate::model::pg_type::{Oid, PgType};
use crate::sql::Signal as To;

/// What SQL writes without parentheses.
pub(super) const VALUE_FUNCTIONS: &[(&str, PgType, Lowering)] = &[
    ("current_timestamp", PgType::TIMESTAMPTZ, Now),
    ("localtimestamp", PgType::TIMESTAMP, Now),
    ("current_date", PgType::DATE, Now),
    ("localtime", PgType::TIME, Now),
    ("current_time", PgType::TIMETZ, Now),
    ("current_catalog", PgType::NAME, SessionFact(Fact::Database)),
    ("current_schema", PgType::NAME, SessionFact(Fact::Schema)),
    ("current_user", PgType::NAME, SessionFact(Fact::User)),
    ("session_user", PgType::NAME, SessionFact(Fact::SessionUser)),
    ("user", PgType::NAME, SessionFact(Fact::User)),
    ("current_role", PgType::NAME, SessionFact(Fact::User)),
];

/// `pg_options_to_table`
const OPTION_COLUMNS: &[(&str, Oid)] =
    &[("option_name", PgType::TEXT.oid), ("option_value", PgType::TEXT.oid)];
const KEYWORD_COLUMNS: &[(&str, Oid)] = &[
    ("word", PgType::TEXT.oid),
    ("catcode", PgType::CHAR.oid),
    ("barelabel", PgType::BOOL.oid),
    ("catdesc", PgType::TEXT.oid),
    ("baredesc", PgType::TEXT.oid),
];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("version()", Call("pg_version")), ("current_database()", SessionFact(Fact::Database)), ("current_schema()", SessionFact(Fact::Schema)),
    ("pg_backend_pid()", BackendPid), ("pg_cancel_backend(int4)", Signal(To::Cancel)), ("pg_terminate_backend(int4,int8)", Signal(To::Terminate)), ("pg_is_in_recovery()", Flag("in_hot_standby")), ("current_setting(text)", CurrentSetting), ("pg_client_encoding()", Setting("client_encoding")),
    ("current_setting(text,bool)", CurrentSetting), ("nextval(regclass)", NextValue), ("pg_sequence_last_value(regclass)", LastValue), ("set_config(text,text,bool)", SetConfig),
    ("currval(regclass)", CurrentValue), ("lastval()", LastTaken), ("txid_current()", TransactionNumber), ("setval(regclass,int8)", SetValue), ("setval(regclass,int8,bool)", SetValue),
    ("pg_get_keywords()", Records("pg_keywords", KEYWORD_COLUMNS)), ("pg_options_to_table(_text)", Records("pg_options", OPTION_COLUMNS)), ("pg_encoding_to_char(int4)", Call("pg_encoding_name")),
    ("pg_notify(text,text)", Notify), ("pg_sleep(float8)", Call("pg_sleep")), ("pg_typeof(any)", TypeOf), ("generate_series(int4,int4)", Series), ("generate_series(int4,int4,int4)", Series),
    ("generate_series(int8,int8)", Series), ("generate_series(int8,int8,int8)", Series),
    ("generate_series(numeric,numeric)", Series), ("generate_series(numeric,numeric,numeric)", Series),
    ("generate_series(timestamp,timestamp,interval)", Series), ("generate_series(timestamptz,timestamptz,interval)", Series),
];
