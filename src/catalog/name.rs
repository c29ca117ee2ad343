//! Names of objects: how they are found by a search path, and how they are shown (`regclass` and the
//! like, `format_type`, `pg_*_is_visible`).

use std::borrow::Cow;

use crate::catalog::Contents;
use crate::catalog::lookup::Row;
use crate::model::catalog::TEMPORARY_PREFIX;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::pgdata::{self, quote_identifier};

/// `pg_namespace.oid` of `pg_catalog`.
const PG_CATALOG: Oid = pgdata::PG_CATALOG;

/// A kind of object that has a name in a schema: its system table, and the columns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    table: &'static str,
    name: &'static str,
    schema: &'static str,
}

impl Kind {
    pub const RELATION: Self = Self::new("pg_class", "relname", "relnamespace");
    pub const TYPE: Self = Self::new("pg_type", "typname", "typnamespace");
    pub const FUNCTION: Self = Self::new("pg_proc", "proname", "pronamespace");
    pub const OPERATOR: Self = Self::new("pg_operator", "oprname", "oprnamespace");
    pub const OPERATOR_CLASS: Self = Self::new("pg_opclass", "opcname", "opcnamespace");
    pub const OPERATOR_FAMILY: Self = Self::new("pg_opfamily", "opfname", "opfnamespace");
    pub const COLLATION: Self = Self::new("pg_collation", "collname", "collnamespace");
    pub const CONVERSION: Self = Self::new("pg_conversion", "conname", "connamespace");
    pub const STATISTICS: Self = Self::new("pg_statistic_ext", "stxname", "stxnamespace");
    pub const TEXT_CONFIG: Self = Self::new("pg_ts_config", "cfgname", "cfgnamespace");
    pub const TEXT_DICTIONARY: Self = Self::new("pg_ts_dict", "dictname", "dictnamespace");
    pub const TEXT_PARSER: Self = Self::new("pg_ts_parser", "prsname", "prsnamespace");
    pub const TEXT_TEMPLATE: Self = Self::new("pg_ts_template", "tmplname", "tmplnamespace");

    pub const SCHEMA: Self = Self::new("pg_namespace", "nspname", "");
    pub const ROLE: Self = Self::new("pg_authid", "rolname", "");
    pub const LANGUAGE: Self = Self::new("pg_language", "lanname", "");

    const fn new(table: &'static str, name: &'static str, schema: &'static str) -> Self {
        Self { table, name, schema }
    }
}

/// The schemas that names are looked up in, in their order, `pg_catalog` included.
#[derive(Debug, Clone)]
pub struct SearchPath {
    schemas: Vec<String>,
    /// Whether the first is a `pg_catalog` that nobody named.
    implicit: bool,
}

impl SearchPath {
    /// From a setting's list. `$user` is the user's name; `pg_catalog` comes first unless it is named.
    pub fn new(schemas: &[String], user: &str) -> Self {
        let named =
            |schema: &String| if schema == "$user" { user.to_owned() } else { schema.clone() };
        Self::of(schemas.iter().map(named).collect())
    }

    /// With the session's temporary schema in front.
    #[must_use]
    pub fn with_temporary(self, schema: Option<&String>) -> Self {
        let Some(schema) = schema else { return self };
        let written = self.schemas(false).filter(|name| *name != "pg_temp").map(str::to_owned);
        Self::of(std::iter::once(schema.clone()).chain(written.collect::<Vec<_>>()).collect())
    }

    /// The session's temporary schema.
    pub fn temporary(&self) -> Option<&str> {
        let mut all = self.schemas.iter().map(String::as_str);
        all.find(|schema| schema.starts_with(TEMPORARY_PREFIX))
    }

    fn of(written: Vec<String>) -> Self {
        let implicit = !written.iter().any(|schema| schema == "pg_catalog");
        let mut schemas = written;
        if implicit {
            schemas.insert(0, "pg_catalog".to_owned());
        }
        Self { schemas, implicit }
    }

    /// From what [`to_argument`](Self::to_argument) gave.
    pub fn from_argument(text: &str) -> Self {
        Self::of(serde_json::from_str(text).unwrap_or_default())
    }

    /// As an argument of a function.
    pub fn to_argument(&self) -> String {
        let written: Vec<&str> = self.schemas(false).collect();
        serde_json::to_string(&written).expect("strings are valid JSON")
    }

    /// The schemas in their order, with or without a `pg_catalog` that nobody named.
    pub fn schemas(&self, with_implicit: bool) -> impl Iterator<Item = &str> {
        let skipped = usize::from(self.implicit && !with_implicit);
        self.schemas.iter().skip(skipped).map(String::as_str)
    }
}

impl Contents {
    pub(crate) fn schema_oid(&self, name: &str) -> Option<Oid> {
        self.row("pg_namespace", "nspname", name).map(|row| row.oid("oid"))
    }

    pub(crate) fn schema_name(&self, oid: Oid) -> Option<&str> {
        self.row("pg_namespace", "oid", oid).map(|row| row.text("nspname"))
    }

    /// Whether an object is the one that its bare name means. `None`: there is no such object.
    pub fn is_visible(&self, kind: Kind, path: &SearchPath, oid: Oid) -> Option<bool> {
        let row = self.row(kind.table, "oid", oid)?;
        Some(self.shows(kind, path, &row))
    }

    fn shows(&self, kind: Kind, path: &SearchPath, row: &Row<'_>) -> bool {
        let (name, own) = (row.text(kind.name), row.oid(kind.schema));
        for schema in path.schemas(true) {
            let Some(schema) = self.schema_oid(schema) else { continue };
            if schema == own {
                return true;
            }
            // Functions and operators are hidden by others with the same arguments only.
            let same = |other: &Row<'_>| {
                other.oid(kind.schema) == schema
                    && match kind {
                        Kind::FUNCTION => other.text("proargtypes") == row.text("proargtypes"),
                        Kind::OPERATOR => {
                            other.oid("oprleft") == row.oid("oprleft")
                                && other.oid("oprright") == row.oid("oprright")
                        }
                        _ => true,
                    }
            };
            if self.rows(kind.table, kind.name, name).any(|other| same(&other)) {
                return false;
            }
        }
        false
    }

    /// An object's name as SQL needs it: with its schema where the path doesn't find it.
    pub fn shown_name(&self, kind: Kind, path: &SearchPath, oid: Oid) -> Option<String> {
        let row = self.row(kind.table, "oid", oid)?;
        let name = quote_identifier(row.text(kind.name));
        if self.shows(kind, path, &row) {
            return Some(name.into_owned());
        }
        let schema = self.schema_name(row.oid(kind.schema)).unwrap_or("???");
        Some(format!("{}.{name}", quote_identifier(schema)))
    }

    /// A relation's name with its schema, always.
    pub fn full_relation_name(&self, oid: Oid) -> Option<String> {
        let row = self.row("pg_class", "oid", oid)?;
        let schema = self.schema_name(row.oid("relnamespace")).unwrap_or("???");
        Some(format!("{}.{}", quote_identifier(schema), quote_identifier(row.text("relname"))))
    }

    /// The object that a written name means: `t`, `s.t`, `"T"`. `None` if there is none.
    ///
    /// # Errors
    /// 42602 for what isn't a name.
    pub fn find_named(
        &self,
        kind: Kind,
        path: &SearchPath,
        written: &str,
    ) -> Result<Option<Oid>, Error> {
        let parts = name_parts(written)?;
        let in_schema = |schema: &str, name: &str| {
            let schema = self.schema_oid(schema)?;
            let mut rows = self.rows(kind.table, kind.name, name);
            rows.find(|row| row.oid(kind.schema) == schema).map(|row| row.oid("oid"))
        };
        Ok(match parts.as_slice() {
            [name] if kind.schema.is_empty() => {
                self.row(kind.table, kind.name, name.as_str()).map(|row| row.oid("oid"))
            }
            [name] => path.schemas(true).find_map(|schema| in_schema(schema, name)),
            [schema, name] | [_, schema, name] => in_schema(schema, name),
            _ => None,
        })
    }

    /// What the input of a `reg*` type means: a number, `-` for none, or a name. A type's name may be one
    /// of the standard ones, and that of an array.
    ///
    /// # Errors
    /// 42602 for what isn't a name.
    pub fn find_written(
        &self,
        kind: Kind,
        path: &SearchPath,
        written: &str,
    ) -> Result<Option<Oid>, Error> {
        if written == "-" {
            return Ok(Some(0));
        }
        if !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(written.parse().ok());
        }
        if kind == Kind::TYPE {
            return self.find_type(path, written);
        }
        self.find_named(kind, path, written)
    }

    fn find_type(&self, path: &SearchPath, written: &str) -> Result<Option<Oid>, Error> {
        let written = written.trim();
        if let Some(element) = written.strip_suffix("[]") {
            let element = self.find_type(path, element)?;
            let row = element.and_then(|oid| self.row("pg_type", "oid", oid));
            return Ok(row.map(|row| row.oid("typarray")).filter(|oid| *oid != 0));
        }
        let standard = pgdata::types().iter().find(|known| &*known.label == written);
        if let Some(known) = standard {
            return Ok(Some(known.oid));
        }
        self.find_named(Kind::TYPE, path, written)
    }

    /// An object as its `reg*` type shows it: `-` for none, a number for one that isn't there.
    pub fn shown_object(&self, kind: Kind, path: &SearchPath, oid: Oid) -> String {
        if oid == 0 {
            return "-".to_owned();
        }
        let known = match kind {
            Kind::TYPE => {
                let there = self.row("pg_type", "oid", oid).is_some();
                there.then(|| self.type_label(path, PgType::new(oid)))
            }
            _ if kind.schema.is_empty() => {
                let row = self.row(kind.table, "oid", oid);
                row.map(|row| quote_identifier(row.text(kind.name)).into_owned())
            }
            Kind::FUNCTION => self.function_name(path, oid),
            _ => self.shown_name(kind, path, oid),
        };
        or_number(known, oid).into_owned()
    }

    /// A function as `regproc` shows it: with its schema where other functions have its name.
    fn function_name(&self, path: &SearchPath, oid: Oid) -> Option<String> {
        let row = self.row("pg_proc", "oid", oid)?;
        let name = row.text("proname");
        let schema = self.schema_name(row.oid("pronamespace")).unwrap_or("???");
        let alone = self.rows("pg_proc", "proname", name).take(2).count() == 1;
        let found = path.schemas(true).any(|known| known == schema);
        let name = quote_identifier(name);
        Some(if alone && found {
            name.into_owned()
        } else {
            format!("{}.{name}", quote_identifier(schema))
        })
    }

    pub fn exists(&self, kind: Kind, oid: Oid) -> bool {
        self.row(kind.table, "oid", oid).is_some()
    }

    /// Whether it is a table that isn't one of the system's.
    pub fn is_own_table(&self, oid: Oid) -> bool {
        let row = self.row("pg_class", "oid", oid).filter(|row| row.text("relkind") == "r");
        row.is_some() && oid >= pgdata::FIRST_OWN_OID
    }

    pub fn has_schema(&self, name: &str) -> bool {
        self.schema_oid(name).is_some()
    }

    /// A type's name with its modifier, as `format_type` gives it: the type by its standard name.
    pub fn type_label(&self, path: &SearchPath, data_type: PgType) -> String {
        let oid = data_type.oid;
        let Some(row) = self.row("pg_type", "oid", oid) else { return "???".to_owned() };
        let element = row.oid("typelem");
        if element != 0 && row.text("typstorage") != "p" && row.integer("typlen") == -1 {
            let element = PgType { oid: element, modifier: data_type.modifier };
            return format!("{}[]", self.type_label(path, element));
        }
        if row.oid("typnamespace") == PG_CATALOG {
            return builtin_label(data_type);
        }
        let name = self.shown_name(Kind::TYPE, path, oid);
        name.unwrap_or_else(|| "???".to_owned())
    }
}

/// `format_type` of a type of `pg_catalog` that is no array.
fn builtin_label(data_type: PgType) -> String {
    let label = pgdata::type_label(data_type.oid);
    let modifier = data_type.modifier;
    if modifier < 0 {
        // "char" and character are two types.
        return label.to_owned();
    }
    let base = |label: &str, suffix: &str| {
        let (name, zone) =
            label.split_once(" with").map_or((label, ""), |(name, rest)| (name, rest));
        let zone = if zone.is_empty() { String::new() } else { format!(" with{zone}") };
        format!("{name}{suffix}{zone}")
    };
    match data_type.oid {
        1042 | 1043 => format!("{label}({})", modifier - 4),
        1560 | 1562 => format!("{label}({modifier})"),
        1700 => {
            let packed = modifier - 4;
            // The scale is a signed number of 11 bits.
            let scale = ((packed & 0x7ff) ^ 1024) - 1024;
            format!("{label}({},{scale})", (packed >> 16) & 0xffff)
        }
        1083 | 1114 | 1184 | 1266 => base(label, &format!("({modifier})")),
        1186 => format!("{label}{}", interval_modifier(modifier)),
        _ => label.to_owned(),
    }
}

/// What an interval's modifier says: fields and digits (`INTERVAL_TYPMOD`).
fn interval_modifier(modifier: i32) -> String {
    let fields = match (modifier >> 16) & 0x7fff {
        0x0004 => " year",
        0x0002 => " month",
        0x0006 => " year to month",
        0x0008 => " day",
        0x0400 => " hour",
        0x0408 => " day to hour",
        0x0800 => " minute",
        0x0c00 => " hour to minute",
        0x0c08 => " day to minute",
        0x1000 => " second",
        0x1800 => " minute to second",
        0x1c00 => " hour to second",
        0x1c08 => " day to second",
        _ => "",
    };
    match modifier & 0xffff {
        0xffff => fields.to_owned(),
        digits => format!("{fields}({digits})"),
    }
}

/// Splits a written name into its parts: folded to lower case unless quoted.
///
/// # Errors
/// 42602 `invalid name syntax`.
pub(crate) fn name_parts(written: &str) -> Result<Vec<String>, Error> {
    let invalid = || Error::user(SqlState::INVALID_NAME, "invalid name syntax");
    let mut parts = Vec::new();
    let mut rest = written.trim();
    loop {
        let (part, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_part(quoted).ok_or_else(invalid)?
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let bare = rest[..end].trim();
            if bare.is_empty() || bare.contains(['"', ' ']) {
                return Err(invalid());
            }
            (bare.to_ascii_lowercase(), &rest[end..])
        };
        if part.is_empty() {
            return Err(invalid());
        }
        parts.push(part);
        rest = after.trim_start();
        match rest.strip_prefix('.') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => return Ok(parts),
            None => return Err(invalid()),
        }
    }
}

/// The text up to the closing quote, and what is behind it.
fn quoted_part(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        part.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                part.push('"');
                rest = next;
            }
            None => return Some((part, rest)),
        }
    }
}

/// A name for a message, where the object may be gone.
pub(crate) fn or_number(name: Option<String>, oid: Oid) -> Cow<'static, str> {
    name.map_or_else(|| Cow::Owned(oid.to_string()), Cow::Owned)
}
