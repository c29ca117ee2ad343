//! The system relations that only the session and its node know: its settings, the databases.

use serde_json::{Value as Json, json};

use crate::catalog;
use crate::datum::timestamptz_from_unix;
use crate::model::error::{Error, SqlState};
use crate::model::value::Value;
use crate::session::backend::OpenBackend;
use crate::session::portal::{Portal, Reply, RowsTag, State};
use crate::session::setting_table::KILO;
use crate::session::settings::{Definition, Kind, is_transaction_mode, memory, parse_milliseconds};
use crate::session::statement::{Named, Plan};
use crate::session::transaction::Phase;
use crate::session::{Session, Severity};
use crate::sql::{Argument, Program, SettingValue, Signal, TransactionModes};

/// `pg_authid.oid` of the owner of everything.
const OWNER: u32 = 10;
/// `pg_encoding` of UTF8.
const UTF8: i64 = 6;
/// `pg_tablespace.oid` of `pg_default`.
const DEFAULT_TABLESPACE: u32 = 1663;

impl Session {
    /// A relation's rows as a statement's argument: see [`crate::sql::Argument::Relation`].
    pub(crate) fn relation_rows(&self, name: &str) -> Result<Value, Error> {
        let rows = match name {
            "pg_settings" => self.setting_rows(),
            "pg_database" => self.database_rows(),
            "pg_cursors" => self.cursor_rows(),
            "pg_prepared_statements" => self.prepared_rows(),
            "pg_stat_activity" => self.activity_rows(),
            _ => return Err(Error::internal("the session knows no such relation")),
        };
        Ok(Value::Text(Json::Array(rows).to_string()))
    }

    /// All values of a query's rows, one row after the other. `None`: the schema isn't the plan's.
    pub(crate) async fn values(
        &mut self,
        plan: &Plan,
        program: &Program,
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Vec<Value>>, Error> {
        let rows = self.query(plan, program, None, parameters, RowsTag::Select, alone).await?;
        let Some(mut rows) = rows else { return Ok(None) };
        let mut values = Vec::new();
        while let Some(batch) = rows.next().await? {
            values.extend(batch.values);
        }
        Ok(Some(values))
    }

    /// A query with `set_config` in its select list: does what that asks for, and runs the query then.
    /// `None`: the schema isn't the plan's.
    pub(crate) async fn set_config(
        &mut self,
        plan: &Plan,
        (arguments, program): (&Program, &Program),
        parameters: &[Value],
        alone: bool,
    ) -> Result<Option<Reply>, Error> {
        let asked = self.values(plan, arguments, parameters, alone).await?;
        let Some(asked) = asked else { return Ok(None) };
        let shows = program.arguments.contains(&Argument::SettingsBefore);
        self.under_way.settings_before = shows.then(|| self.all_settings()).transpose()?;
        // What is set for the transaction is set until the end of the statement's own.
        if self.phase == Phase::Idle {
            self.start(Phase::Implicit, TransactionModes::default());
        }
        for call in asked.chunks(3) {
            let [name, value, local] = call else { continue };
            let Value::Text(name) = name else {
                let message = "SET requires parameter name";
                return Err(Error::user(SqlState::NULL_VALUE_NOT_ALLOWED, message));
            };
            let local = *local == Value::Integer(1);
            let text = if let Value::Text(text) = value { Some(text.as_str()) } else { None };
            if is_transaction_mode(name) {
                let value = text.map(|text| SettingValue::Text(text.to_owned()));
                self.set_mode(name, &value.unwrap_or(SettingValue::Default), local, alone)?;
            } else {
                self.change(name, text, local)?;
            }
        }
        let rows = self.query(plan, program, None, parameters, RowsTag::Select, alone).await?;
        Ok(rows.map(Reply::Rows))
    }

    fn setting_rows(&self) -> Vec<Json> {
        let row = |(known, value, reset): (&'static Definition, &str, &str)| {
            let fixed = matches!(known.kind, Kind::Fixed);
            let (kind, unit, choices) = match known.kind {
                Kind::Boolean => ("bool", Json::Null, Json::Null),
                Kind::Milliseconds(_) => ("integer", json!("ms"), Json::Null),
                Kind::Integer(..) => ("integer", Json::Null, Json::Null),
                Kind::Memory(KILO, ..) => ("integer", json!("kB"), Json::Null),
                Kind::Memory(..) => ("integer", json!("8kB"), Json::Null),
                Kind::Real(..) => ("real", Json::Null, Json::Null),
                Kind::Choice(all) => ("enum", Json::Null, json!(json!(all).to_string())),
                _ => ("string", Json::Null, Json::Null),
            };
            let source = match value {
                _ if fixed || value == known.default => "default",
                _ if value == reset => "client",
                _ => "session",
            };
            row_of(
                "pg_settings",
                vec![
                    ("name", json!(known.name)),
                    ("setting", json!(without_unit(known.kind, value))),
                    ("unit", unit),
                    ("category", json!("Eider")),
                    ("short_desc", json!("")),
                    ("context", json!(if fixed { "internal" } else { "user" })),
                    ("vartype", json!(kind)),
                    ("source", json!(source)),
                    ("enumvals", choices),
                    ("boot_val", json!(without_unit(known.kind, known.default))),
                    ("reset_val", json!(without_unit(known.kind, reset))),
                    ("pending_restart", json!(0)),
                ],
            )
        };
        self.settings.described().map(row).collect()
    }

    /// Portals with names. Their texts and times aren't kept.
    fn cursor_rows(&self) -> Vec<Json> {
        let mut portals: Vec<_> =
            self.portals.iter().filter(|(name, _)| !name.is_empty()).collect();
        portals.sort_unstable_by_key(|(name, _)| *name);
        let row = |(name, portal): (&String, &Portal)| {
            let scroll = matches!(portal.state, State::Scroll(_));
            row_of(
                "pg_cursors",
                vec![
                    ("name", json!(name)),
                    ("is_holdable", json!(i32::from(portal.hold))),
                    ("is_binary", json!(i32::from(portal.is_binary()))),
                    ("is_scrollable", json!(i32::from(scroll))),
                ],
            )
        };
        portals.into_iter().map(row).collect()
    }

    /// Prepared statements with names. A plan is made without regard to parameters' values: each use is
    /// one of a generic plan.
    fn prepared_rows(&self) -> Vec<Json> {
        let mut statements: Vec<_> =
            self.statements.iter().filter(|(name, _)| !name.is_empty()).collect();
        statements.sort_unstable_by_key(|(name, _)| *name);
        let row = |(name, named): (&String, &Named)| {
            let made = match timestamptz_from_unix(named.made) {
                Value::Text(text) => json!(text),
                _ => Json::Null,
            };
            row_of(
                "pg_prepared_statements",
                vec![
                    ("name", json!(name)),
                    ("statement", json!(named.text)),
                    ("prepare_time", made),
                    ("parameter_types", json!(json!(named.prepared.types()).to_string())),
                    ("from_sql", json!(i32::from(named.from_sql))),
                    ("generic_plans", json!(named.uses)),
                    ("custom_plans", json!(0)),
                ],
            )
        };
        statements.into_iter().map(row).collect()
    }

    /// The sessions of this node.
    fn activity_rows(&self) -> Vec<Json> {
        let moment = |microseconds: Option<i64>| match microseconds.map(timestamptz_from_unix) {
            Some(Value::Text(text)) => json!(text),
            _ => Json::Null,
        };
        let row = |(pid, backend): (i32, OpenBackend)| {
            let doing = backend.activity.now();
            row_of(
                "pg_stat_activity",
                vec![
                    ("datid", json!(backend.database.0)),
                    ("datname", json!(backend.database_name)),
                    ("pid", json!(pid)),
                    ("usename", json!(backend.user)),
                    ("application_name", json!(doing.application_name)),
                    ("backend_start", moment(Some(doing.opened))),
                    ("xact_start", moment(doing.transaction_start)),
                    ("query_start", moment(doing.statement_start)),
                    ("state_change", moment(Some(doing.state_change))),
                    ("state", json!(doing.state)),
                    ("query", json!(doing.shown())),
                    ("backend_type", json!("client backend")),
                ],
            )
        };
        self.place.all().into_iter().map(row).collect()
    }

    /// `pg_cancel_backend`, `pg_terminate_backend`: whether there was such a session on this node.
    ///
    /// # Errors
    /// 57014 or 57P01 if it is this one.
    pub(crate) fn signal(&mut self, signal: Signal, pid: &Value) -> Result<Value, Error> {
        let Value::Integer(pid) = *pid else { return Ok(Value::Null) };
        let Some(backend) = i32::try_from(pid).ok().and_then(|pid| self.place.find(pid)) else {
            let message = format!("PID {pid} is not a PostgreSQL backend process");
            self.notice(Severity::Warning, Error::user(SqlState(*b"01000"), message));
            return Ok(Value::Integer(0));
        };
        let own = pid == i64::from(self.place.pid);
        match signal {
            Signal::Cancel if own => {
                let message = "canceling statement due to user request";
                return Err(Error::limit(SqlState::QUERY_CANCELED, message));
            }
            Signal::Cancel => backend.canceler.cancel(),
            Signal::Terminate => backend.canceler.terminate(),
        }
        if own { Err(super::backend::terminated()) } else { Ok(Value::Integer(1)) }
    }

    fn database_rows(&self) -> Vec<Json> {
        let row = |(id, name): (crate::model::id::DatabaseId, String)| {
            row_of(
                "pg_database",
                vec![
                    ("oid", json!(id.0)),
                    ("datname", json!(name)),
                    ("datdba", json!(OWNER)),
                    ("encoding", json!(UTF8)),
                    ("datlocprovider", json!("c")),
                    ("datistemplate", json!(0)),
                    ("datallowconn", json!(1)),
                    ("datconnlimit", json!(-1)),
                    ("datfrozenxid", json!(0)),
                    ("datminmxid", json!(0)),
                    ("dattablespace", json!(DEFAULT_TABLESPACE)),
                    ("datcollate", json!("C")),
                    ("datctype", json!("C")),
                ],
            )
        };
        self.engine.databases().into_iter().map(row).collect()
    }
}

/// A value as `pg_settings` has it, in the setting's unit.
fn without_unit(kind: Kind, value: &str) -> String {
    let number = match kind {
        Kind::Milliseconds(_) => parse_milliseconds(value),
        Kind::Memory(unit, ..) => memory(value, unit),
        _ => None,
    };
    number.map_or_else(|| value.to_owned(), |number| number.to_string())
}

/// A row with its values in the order of the relation's columns; what isn't given is NULL.
fn row_of(relation: &str, values: Vec<(&str, Json)>) -> Json {
    let columns = catalog::relation("pg_catalog", relation).map_or(&[][..], |found| &found.columns);
    let value = |column: &catalog::SystemColumn| {
        let given = values.iter().find(|(name, _)| *name == column.name);
        given.map_or(Json::Null, |(_, value)| value.clone())
    };
    Json::Array(columns.iter().map(value).collect())
}
