//! SET, SHOW and RESET: what values the settings have, are given, and how they roll back.
//!
//! A value is kept as SHOW gives it. Settings whose name has a dot and that aren't in the table are
//! the client's own (PostgreSQL manual, "Customized Options"), except those in Eider's own
//! namespace. What isn't here is refused with 42704: nothing is accepted and ignored silently;
//! settings that exist in PostgreSQL and change nothing here say so in `docs/compatibility.md`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::datum::encoding::{self, Encoding};
use crate::datum::{IntervalStyle, Style, float};
use crate::model::catalog::NAME_BYTES_MAX;
use crate::model::error::{Error, SqlState};
use crate::model::read_level::ReadLevel;
use crate::session::setting_table::{DEFINITIONS, KILO, MESSAGE_LEVELS, definition};
pub(crate) use crate::session::setting_table::{Definition, Kind};
use crate::session::{Severity, date_style};
use crate::sql::{CompileSettings, Isolation, TransactionModes};

/// Kept beside the settings, so that it rolls back as they do: whether the session has temporary objects.
const TEMPORARY_USED: &str = "eider temporary objects";

/// The units of memory, largest first.
const MEMORY_UNITS: [(i64, &str); 5] =
    [(1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"), (1, "B")];

type Values = Arc<BTreeMap<String, String>>;

/// A session's settings.
///
/// Invariant: `local` differs from `session` only inside a transaction.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// What RESET goes back to: the start-up packet's values.
    startup: Values,
    /// What stays after COMMIT. Only values that differ from the default.
    session: Values,
    /// With SET LOCAL on top.
    local: Values,
    user: String,
    database: String,
    style: Style,
    compile: Arc<CompileSettings>,
    statement: StatementSettings,
    /// The client's encoding.
    encoding: Option<&'static Encoding>,
    /// How often something may have changed.
    changes: u64,
}

/// What every statement asks for, read from the settings when they change.
#[derive(Debug, Clone, Copy)]
struct StatementSettings {
    timeout: Option<Duration>,
    lock_timeout: Option<Duration>,
    read_level: ReadLevel,
    isolation: Isolation,
    read_only: bool,
}

impl Default for StatementSettings {
    fn default() -> Self {
        Self {
            timeout: None,
            lock_timeout: None,
            read_level: ReadLevel::Linearizable,
            isolation: Isolation::ReadCommitted,
            read_only: false,
        }
    }
}

/// The settings at one moment of a transaction, to go back to.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    session: Values,
    local: Values,
}

impl Settings {
    /// # Errors
    /// 42704 and 22023 for start-up parameters that can't be.
    pub(crate) fn new(
        user: &str,
        (database, temporary_schema): (&str, &str),
        startup: &[(String, String)],
    ) -> Result<Self, Error> {
        let empty = Values::default();
        let compile = Arc::new(CompileSettings {
            temporary_schema: temporary_schema.to_owned(),
            ..CompileSettings::new(user, database)
        });
        let mut settings = Self {
            startup: Arc::clone(&empty),
            session: Arc::clone(&empty),
            local: empty,
            user: user.to_owned(),
            database: database.to_owned(),
            style: Style::default(),
            compile,
            statement: StatementSettings::default(),
            encoding: None,
            changes: 0,
        };
        for (name, value) in startup {
            settings.set(name, Some(value), false)?;
        }
        settings.startup = Arc::clone(&settings.session);
        settings.derive();
        Ok(settings)
    }

    pub(crate) fn save(&self) -> Saved {
        Saved { session: Arc::clone(&self.session), local: Arc::clone(&self.local) }
    }

    pub(crate) fn restore(&mut self, saved: &Saved) {
        self.session = Arc::clone(&saved.session);
        self.local = Arc::clone(&saved.local);
        self.derive();
    }

    /// The transaction has ended well: what was SET LOCAL goes.
    pub(crate) fn end_local(&mut self) {
        if !Arc::ptr_eq(&self.local, &self.session) {
            self.local = Arc::clone(&self.session);
            self.derive();
        }
    }

    /// Sets a value; `None` goes back to the start-up value. Returns whether the client is to be
    /// told (ParameterStatus).
    ///
    /// # Errors
    /// 42704 for an unknown setting, 22023 for a value it can't have, 55P02 for a fixed one.
    pub(crate) fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
        local: bool,
    ) -> Result<(), Error> {
        let (key, value) = match definition(name) {
            Some(known) => (known.name.to_owned(), self.checked(known, value)?),
            None if is_custom(name) => (name.to_ascii_lowercase(), value.map(str::to_owned)),
            None => return Err(unrecognized(name)),
        };
        let value = value.or_else(|| self.startup.get(&key).cloned());
        let change = |values: &mut Values| {
            let values = Arc::make_mut(values);
            match &value {
                Some(value) => values.insert(key.clone(), value.clone()),
                None => values.remove(&key),
            };
        };
        change(&mut self.local);
        if !local {
            change(&mut self.session);
        }
        self.derive();
        Ok(())
    }

    /// The value as it is kept; `None` for the default.
    fn checked(&self, known: &Definition, value: Option<&str>) -> Result<Option<String>, Error> {
        match (known.kind, value) {
            // What isn't named stays as it is.
            (Kind::DateStyle, Some(value)) => {
                let reset = self.startup.get(known.name).map_or(known.default, String::as_str);
                date_style::check(value, self.get(known.name), reset).map(Some)
            }
            _ => check(known, value),
        }
    }

    /// What SET of one of the present transaction's settings asks for. Nothing is kept here.
    ///
    /// # Errors
    /// 22023 for a value it can't have.
    pub(crate) fn transaction_mode(
        &self,
        name: &str,
        value: Option<&str>,
    ) -> Result<TransactionModes, Error> {
        let known = definition(name).ok_or_else(|| unrecognized(name))?;
        let value = check(known, value)?.unwrap_or_else(|| known.default.to_owned());
        let mut modes = TransactionModes::default();
        match known.name {
            "transaction_isolation" => modes.isolation = Some(isolation(&value)),
            "transaction_read_only" => modes.read_only = Some(value == "on"),
            _ => modes.deferrable = Some(value == "on"),
        }
        Ok(modes)
    }

    /// Whether `client_min_messages` lets a message through; INFO always is.
    pub(crate) fn sends(&self, severity: Severity) -> bool {
        let level = match severity {
            Severity::Debug => "debug1",
            Severity::Info => return true,
            Severity::Notice => "notice",
            Severity::Warning => "warning",
        };
        let rank = |name| MESSAGE_LEVELS.iter().position(|level| *level == name);
        rank(level) >= rank(self.get("client_min_messages"))
    }

    /// Notes whether the session has temporary objects.
    pub(crate) fn use_temporary(&mut self, used: bool) {
        for values in [&mut self.local, &mut self.session] {
            let values = Arc::make_mut(values);
            if used {
                values.insert(TEMPORARY_USED.to_owned(), String::new());
            } else {
                values.remove(TEMPORARY_USED);
            }
        }
        self.derive();
    }

    /// RESET ALL.
    pub(crate) fn reset_all(&mut self) {
        let used = self.compile.temporary_used;
        self.session = Arc::clone(&self.startup);
        self.local = Arc::clone(&self.startup);
        self.use_temporary(used);
    }

    /// The value as SHOW gives it.
    ///
    /// # Errors
    /// 42704 for an unknown setting.
    pub(crate) fn show(&self, name: &str) -> Result<String, Error> {
        let Some(known) = definition(name) else {
            return self
                .local
                .get(&name.to_ascii_lowercase())
                .cloned()
                .ok_or_else(|| unrecognized(name));
        };
        Ok(self.get(known.name).to_owned())
    }

    /// The names of all settings, the client's own included.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.local.keys().filter(|name| definition(name).is_none());
        DEFINITIONS.iter().map(|known| known.name).chain(own.map(String::as_str))
    }

    /// All settings in the table, with their values.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        DEFINITIONS
            .iter()
            .map(|known| (known.name.to_owned(), self.get(known.name).to_owned()))
            .collect()
    }

    /// All settings in the table: definition, value, and what RESET goes back to.
    pub(crate) fn described(&self) -> impl Iterator<Item = (&'static Definition, &str, &str)> {
        DEFINITIONS.iter().map(|known| {
            let reset = self.startup.get(known.name).map_or(known.default, String::as_str);
            (known, self.get(known.name), reset)
        })
    }

    /// The settings that the client is told about, with their values.
    pub(crate) fn reported(&self) -> Vec<(String, String)> {
        DEFINITIONS
            .iter()
            .filter(|known| known.reported)
            .map(|known| (known.name.to_owned(), self.get(known.name).to_owned()))
            .collect()
    }

    fn get(&self, name: &str) -> &str {
        if let Some(value) = self.local.get(name) {
            return value;
        }
        if name == "session_authorization" {
            return &self.user;
        }
        definition(name).map_or("", |known| known.default)
    }

    pub(crate) fn application_name(&self) -> &str {
        self.get("application_name")
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn style(&self) -> &Style {
        &self.style
    }

    /// The client's encoding, where its text has other bytes than UTF-8.
    pub(crate) fn charset(&self) -> Option<&'static Encoding> {
        self.encoding
    }

    pub(crate) fn compile(&self) -> &Arc<CompileSettings> {
        &self.compile
    }

    /// A timeout setting; `None` where it is 0, "never".
    pub(crate) fn timeout(&self, name: &str) -> Option<Duration> {
        let milliseconds = parse_milliseconds(self.get(name)).unwrap_or(0);
        u64::try_from(milliseconds).ok().filter(|value| *value > 0).map(Duration::from_millis)
    }

    pub(crate) fn default_isolation(&self) -> Isolation {
        self.statement.isolation
    }

    pub(crate) fn default_read_only(&self) -> bool {
        self.statement.read_only
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name) == "on"
    }

    pub(crate) fn read_level(&self) -> ReadLevel {
        self.statement.read_level
    }

    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        self.statement.timeout
    }

    pub(crate) fn lock_timeout(&self) -> Option<Duration> {
        self.statement.lock_timeout
    }

    /// Another number whenever a setting may have another value.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Recomputes what is read on every statement.
    fn derive(&mut self) {
        self.changes += 1;
        let encoding = encoding::named(self.get("client_encoding"));
        self.encoding = encoding.filter(|encoding| !encoding.is_as_stored());
        let (date_format, date_order) = date_style::parts(self.get("DateStyle"));
        let interval_style = match self.get("IntervalStyle") {
            "postgres_verbose" => IntervalStyle::PostgresVerbose,
            "sql_standard" => IntervalStyle::SqlStandard,
            "iso_8601" => IntervalStyle::Iso8601,
            _ => IntervalStyle::Postgres,
        };
        self.statement = StatementSettings {
            timeout: self.timeout("statement_timeout"),
            lock_timeout: self.timeout("lock_timeout"),
            read_level: read_level(self.get("eider.read_level")).unwrap_or(ReadLevel::Linearizable),
            isolation: isolation(self.get("default_transaction_isolation")),
            read_only: self.flag("default_transaction_read_only"),
        };
        self.style = Style {
            time_zone: self.get("TimeZone").to_owned(),
            date_order,
            date_format,
            interval_style,
            extra_float_digits: self.get("extra_float_digits").parse().unwrap_or(1),
            bytea_escape: self.get("bytea_output") == "escape",
        };
        let compile = CompileSettings {
            search_path: split_list(self.get("search_path")),
            user: match self.get("role") {
                "none" => self.get("session_authorization"),
                role => role,
            }
            .to_owned(),
            session_user: self.get("session_authorization").to_owned(),
            temporary_schema: self.compile.temporary_schema.clone(),
            temporary_used: self.local.contains_key(TEMPORARY_USED),
            database: self.database.clone(),
            time_zone: self.style.time_zone.clone(),
            style: self.style.clone(),
        };
        if *self.compile != compile {
            self.compile = Arc::new(compile);
        }
    }
}

/// Whether a setting says how the present transaction runs.
pub(crate) fn is_transaction_mode(name: &str) -> bool {
    ["transaction_isolation", "transaction_read_only", "transaction_deferrable"]
        .iter()
        .any(|mode| mode.eq_ignore_ascii_case(name))
}

/// The isolation level that a setting names.
pub(crate) fn isolation(name: &str) -> Isolation {
    match name {
        "serializable" => Isolation::Serializable,
        "repeatable read" => Isolation::RepeatableRead,
        "read uncommitted" => Isolation::ReadUncommitted,
        _ => Isolation::ReadCommitted,
    }
}

/// How an isolation level is shown.
pub(crate) fn isolation_name(level: Isolation) -> &'static str {
    match level {
        Isolation::ReadUncommitted => "read uncommitted",
        Isolation::ReadCommitted => "read committed",
        Isolation::RepeatableRead => "repeatable read",
        Isolation::Serializable => "serializable",
    }
}

fn is_custom(name: &str) -> bool {
    name.contains('.') && !name.to_ascii_lowercase().starts_with("eider.")
}

fn unrecognized(name: &str) -> Error {
    Error::user(
        SqlState::UNDEFINED_OBJECT,
        format!("unrecognized configuration parameter \"{name}\""),
    )
}

pub(super) fn invalid(name: &str, value: &str) -> Error {
    Error::user(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("invalid value for parameter \"{name}\": \"{value}\""),
    )
}

/// The value as it is kept; `None` for the default.
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}

/// What the client is told when a setting's value is cut: 42622.
pub(crate) fn truncation(name: &str, value: &str) -> Option<Error> {
    let kept = cut(value);
    let is_name = definition(name).is_some_and(|known| matches!(known.kind, Kind::Name));
    (is_name && kept != value).then(|| {
        let message = format!("identifier \"{value}\" will be truncated to \"{kept}\"");
        Error::user(SqlState(*b"42622"), message)
    })
}

fn check(known: &Definition, value: Option<&str>) -> Result<Option<String>, Error> {
    let name = known.name;
    if matches!(known.kind, Kind::Fixed) {
        return Err(Error::user(
            SqlState::CANT_CHANGE_RUNTIME_PARAM,
            format!("parameter \"{name}\" cannot be changed"),
        ));
    }
    let Some(value) = value else { return Ok(None) };
    let kept = match known.kind {
        Kind::Boolean => match parse_boolean(value) {
            Some(true) => "on".to_owned(),
            Some(false) => "off".to_owned(),
            None => {
                return Err(Error::user(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("parameter \"{name}\" requires a Boolean value"),
                ));
            }
        },
        Kind::Milliseconds(max) => {
            let parsed = parse_milliseconds(value).ok_or_else(|| invalid(name, value))?;
            in_range(name, parsed, 0, max)?;
            show_milliseconds(parsed)
        }
        Kind::Integer(min, max) => {
            let parsed = value.trim().parse().map_err(|_| invalid(name, value))?;
            in_range(name, parsed, min, max)?;
            parsed.to_string()
        }
        Kind::Memory(unit, min, max) => {
            let parsed = parse_memory(name, value, unit)?;
            if !(min..=max).contains(&parsed) {
                let shown = if unit == KILO { "kB" } else { "8kB" };
                return Err(outside(name, &format!("{parsed} {shown}"), (min, max)));
            }
            show_memory(parsed, unit)
        }
        Kind::Real(min, max) => {
            let parsed: f64 = value.trim().parse().map_err(|_| invalid(name, value))?;
            if !(min..=max).contains(&parsed) {
                return Err(outside(name, &show_real(parsed), (show_real(min), show_real(max))));
            }
            show_real(parsed)
        }
        Kind::Choice(choices) => check_choice(name, value, choices)?,
        Kind::Text | Kind::Fixed => value.to_owned(),
        Kind::Name => cut(value).to_owned(),
        Kind::Encoding => check_encoding(value)?,
        Kind::DateStyle => date_style::check(value, known.default, known.default)?,
        Kind::TimeZone => crate::datum::check_time_zone(value)?,
        Kind::SearchPath => value.to_owned(),
        Kind::ReadLevel => {
            read_level(value).ok_or_else(|| {
                invalid(name, value)
                    .with_hint("Available values: none, weak, auto, linearizable, lease, strong.")
            })?;
            value.to_ascii_lowercase()
        }
    };
    Ok(Some(kept))
}

fn in_range(name: &str, value: i64, min: i64, max: i64) -> Result<(), Error> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(outside(name, &value, (min, max))) }
}

fn outside<T: Display>(name: &str, value: &dyn Display, (min, max): (T, T)) -> Error {
    Error::user(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("{value} is outside the valid range for parameter \"{name}\" ({min} .. {max})"),
    )
}

/// How many of `unit` bytes a number means that may have a unit of its own.
fn parse_memory(name: &str, value: &str, unit: i64) -> Result<i64, Error> {
    let value = value.trim();
    let digits = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, suffix) = value.split_at(digits);
    let number: f64 = number.trim().parse().map_err(|_| invalid(name, value))?;
    let factor = match suffix.trim() {
        "" => 1.0,
        suffix => {
            let known = MEMORY_UNITS.iter().find(|(_, unit)| *unit == suffix);
            let bytes = known.map(|(bytes, _)| *bytes).ok_or_else(|| {
                invalid(name, value).with_hint(
                    "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".",
                )
            })?;
            bytes as f64 / unit as f64
        }
    };
    let count = (number * factor).round_ties_even();
    if count.abs() > f64::from(i32::MAX) {
        return Err(invalid(name, value).with_hint("Value exceeds integer range."));
    }
    Ok(count as i64)
}

/// In the largest unit that keeps it whole.
fn show_memory(count: i64, unit: i64) -> String {
    let bytes = count * unit;
    match MEMORY_UNITS.iter().find(|(factor, _)| bytes != 0 && bytes % factor == 0) {
        Some((factor, unit)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

/// A value of memory as `pg_settings` has it, in the setting's unit.
pub(crate) fn memory(value: &str, unit: i64) -> Option<i64> {
    parse_memory("", value, unit).ok()
}

/// With six digits.
fn show_real(value: f64) -> String {
    let mut shown = bytes::BytesMut::new();
    float::put(value, float::Width::Double, -9, &mut shown);
    String::from_utf8_lossy(&shown).into_owned()
}

fn check_choice(name: &str, value: &str, choices: &[&'static str]) -> Result<String, Error> {
    let boolean = parse_boolean(value).map(|flag| if flag { "on" } else { "off" });
    let found = choices
        .iter()
        .find(|choice| choice.eq_ignore_ascii_case(value) || Some(**choice) == boolean);
    found.map(|choice| (*choice).to_owned()).ok_or_else(|| {
        let error =
            invalid(name, value).with_hint(format!("Available values: {}.", choices.join(", ")));
        match (choices, boolean) {
            (["on"], Some(_)) => {
                let mut error = error;
                error.fields_mut().state = SqlState::FEATURE_NOT_SUPPORTED;
                error
            }
            _ => error,
        }
    })
}

/// The encoding's own name.
fn check_encoding(value: &str) -> Result<String, Error> {
    let known = encoding::named(value).ok_or_else(|| invalid("client_encoding", value))?;
    if known.is_missing() {
        let mut error = invalid("client_encoding", value)
            .with_detail(format!("Conversion between {} and UTF8 is not supported.", known.name));
        error.fields_mut().state = SqlState::FEATURE_NOT_SUPPORTED;
        return Err(error);
    }
    Ok(known.name.to_owned())
}

fn parse_boolean(value: &str) -> Option<bool> {
    let value = value.trim().to_ascii_lowercase();
    match value.as_str() {
        "on" | "1" => Some(true),
        "of" | "off" | "0" => Some(false),
        "" | "o" => None,
        _ if "true".starts_with(&value) || "yes".starts_with(&value) => Some(true),
        _ if "false".starts_with(&value) || "no".starts_with(&value) => Some(false),
        _ => None,
    }
}

/// Milliseconds from a number with an optional unit.
pub(crate) fn parse_milliseconds(value: &str) -> Option<i64> {
    let value = value.trim();
    let digits = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let number: f64 = number.trim().parse().ok()?;
    let factor = match unit.trim() {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let milliseconds = (number * factor).round();
    (milliseconds.abs() < 1e15).then_some(milliseconds as i64)
}

/// In the largest unit that keeps it whole, as PostgreSQL shows it.
fn show_milliseconds(value: i64) -> String {
    const UNITS: [(i64, &str); 4] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    match UNITS.iter().find(|(factor, _)| value != 0 && value % factor == 0) {
        Some((factor, unit)) => format!("{}{unit}", value / factor),
        None if value == 0 => "0".to_owned(),
        None => format!("{value}ms"),
    }
}

fn read_level(name: &str) -> Option<ReadLevel> {
    Some(match name.to_ascii_lowercase().as_str() {
        "none" => ReadLevel::None(None),
        "weak" => ReadLevel::Weak,
        "auto" => ReadLevel::Auto(None),
        "linearizable" => ReadLevel::Linearizable,
        "lease" => ReadLevel::Lease,
        "strong" => ReadLevel::Strong,
        _ => return None,
    })
}

/// Splits a list of identifiers, some of them quoted.
fn split_list(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            _ if quoted => name.push(character),
            _ if character.is_whitespace() => {}
            _ => name.extend(character.to_lowercase()),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

#[cfg(test)]
#[path = "settings_test.rs"]
mod tests;
