//! What the file of `-auto-backup` says: rqlite's, with the names of databases besides.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::backup::history::Keeping;
use crate::backup::s3::Store;
use crate::tls::{Connector, Trust};

/// Stands for the database's name in the place that several databases are copied to.
const PLACE_OF_NAME: &str = "{database}";

/// What the file says, which may be of several databases.
#[derive(Debug)]
pub struct Plans {
    /// `None`: all that there are.
    pub(super) named: Option<Vec<String>>,
    /// Of a database whose name stands nowhere in it yet.
    any: Plan,
}

/// When, of what and where to.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) interval: Duration,
    /// The name of the database.
    pub(super) database: String,
    pub(super) compress: bool,
    pub(super) vacuum: bool,
    /// Whether each copy has its time in its name, and so none takes another's place.
    pub(super) timestamp: bool,
    pub(super) target: Target,
    /// Whether every state between two copies is kept as well, and how.
    pub(super) keeping: Option<Keeping>,
}

#[derive(Debug, Clone)]
pub(super) enum Target {
    Directory { directory: PathBuf, name: String },
    S3(Box<Store>),
}

impl Target {
    /// The place of a database: its name is put where it belongs.
    pub(super) fn of(&self, database: &str) -> Self {
        let put = |text: &str| text.replace(PLACE_OF_NAME, &in_path(database));
        match self {
            Self::Directory { directory, name } => {
                Self::Directory { directory: directory.clone(), name: put(name) }
            }
            Self::S3(store) => {
                Self::S3(Box::new(Store { path: put(&store.path), ..(**store).clone() }))
            }
        }
    }

    /// Whether each database has another place.
    fn tells_apart(&self) -> bool {
        match self {
            Self::Directory { name, .. } => name.contains(PLACE_OF_NAME),
            Self::S3(store) => store.path.contains(PLACE_OF_NAME),
        }
    }
}

/// A database's name as a part of a file's: letters, digits, `-` and `_` stand for themselves, other bytes as `%XX`.
fn in_path(name: &str) -> String {
    name.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory { directory, name } => write!(f, "{}", directory.join(name).display()),
            Self::S3(store) => write!(f, "{store}"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(rename = "type")]
    kind: String,
    interval: String,
    #[serde(default)]
    no_compress: bool,
    #[serde(default)]
    timestamp: bool,
    #[serde(default)]
    vacuum: bool,
    database: Option<String>,
    databases: Option<WrittenDatabases>,
    point_in_time: Option<WrittenKeeping>,
    sub: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenDatabases {
    /// `*` for all.
    One(String),
    Several(Vec<String>),
}

impl WrittenDatabases {
    /// The names; `None` for all databases.
    fn read(self) -> Result<Option<Vec<String>>, String> {
        match self {
            Self::One(star) if star == "*" => Ok(None),
            Self::One(other) => {
                Err(format!("databases: '{other}': give a list of names, or \"*\" for all"))
            }
            Self::Several(names) => {
                let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
                match twice {
                    Some((_, name)) => Err(format!("databases: '{name}' is named twice")),
                    None if names.is_empty() => Err("databases: none is named".to_owned()),
                    None => Ok(Some(names)),
                }
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKeeping {
    interval: Option<String>,
    keep: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDirectory {
    dir: PathBuf,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenS3 {
    #[serde(default)]
    endpoint: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
    bucket: String,
    path: String,
    #[serde(default)]
    force_path_style: bool,
}

fn sub<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("sub: {error}"))
}

/// Reads a file of version 1, in which variables of the environment may stand.
pub(super) fn read<T: DeserializeOwned>(
    text: &str,
    environment: &HashMap<String, String>,
    version: fn(&T) -> u32,
) -> Result<T, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    crate::config::expand(&mut value, environment)?;
    let written: T = serde_json::from_value(value).map_err(|error| error.to_string())?;
    match version(&written) {
        1 => Ok(written),
        other => Err(format!("version {other} is not known, only 1 is")),
    }
}

impl Plans {
    /// What is to be done with one of the databases.
    pub(super) fn of(&self, database: &str) -> Plan {
        let target = self.any.target.of(database);
        Plan { database: database.to_owned(), target, ..self.any.clone() }
    }

    /// Where the copies of one are, or of the only one.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) fn place(&self, database: Option<&str>) -> Result<Target, String> {
        let name = match (&self.named, database) {
            (None, Some(name)) => name,
            (Some(names), Some(name)) if names.iter().any(|known| known == name) => name,
            (Some(names), Some(name)) => {
                return Err(format!("it is about {}, and not about {name}", names.join(", ")));
            }
            (Some(names), None) if names.len() == 1 => &names[0],
            (_, None) => return Err("it is about several databases: say which with -db".to_owned()),
        };
        Ok(self.any.target.of(name))
    }

    /// Reads the text of the file. `duration` reads an interval.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn parse(
        text: &str,
        environment: &HashMap<String, String>,
        duration: fn(&str) -> Option<Duration>,
    ) -> Result<Self, String> {
        let written = read(text, environment, |written: &Written| written.version)?;
        let interval = duration(&written.interval).filter(|interval| !interval.is_zero());
        let interval = interval.ok_or_else(|| {
            format!("interval: '{}' is not a duration, such as 30s or 5m", written.interval)
        })?;
        let target = target(&written.kind, written.sub)?;
        let keeping = written.point_in_time.map(|keeping| keeping.read(duration)).transpose()?;
        for (option, on) in [("vacuum", written.vacuum), ("timestamp", written.timestamp)] {
            if on && keeping.is_some() {
                return Err(format!("{option} can't be used with point_in_time"));
            }
        }
        let named = match (written.database, written.databases) {
            (Some(_), Some(_)) => {
                return Err("database and databases are both there: give one of them".to_owned());
            }
            (None, Some(several)) => several.read()?,
            (one, None) => Some(vec![one.unwrap_or_else(|| "postgres".to_owned())]),
        };
        if named.as_ref().is_none_or(|names| names.len() > 1) && !target.tells_apart() {
            return Err(format!(
                "databases: each needs a place of its own: {PLACE_OF_NAME} in sub's name or path \
                 stands for the database's name"
            ));
        }
        let any = Plan {
            interval,
            database: String::new(),
            compress: !written.no_compress,
            vacuum: written.vacuum,
            timestamp: written.timestamp,
            target,
            keeping,
        };
        Ok(Self { named, any })
    }
}

impl WrittenKeeping {
    fn read(self, duration: fn(&str) -> Option<Duration>) -> Result<Keeping, String> {
        let positive = |name: &str, text: &str| {
            let read = duration(text).filter(|duration| !duration.is_zero());
            read.ok_or_else(|| {
                format!("point_in_time: {name}: '{text}' is not a duration, such as 10s or 168h")
            })
        };
        let interval = positive("interval", self.interval.as_deref().unwrap_or("10s"))?;
        let keep = self.keep.map(|text| positive("keep", &text)).transpose()?;
        Ok(Keeping { interval, keep })
    }
}

/// Where copies are, by the type that a file names.
pub(super) fn target(kind: &str, value: Value) -> Result<Target, String> {
    match kind {
        "file" => {
            let WrittenDirectory { dir, name } = sub(value)?;
            if name.is_empty() || name.contains('/') {
                return Err(format!("sub: '{name}' is not a file's name"));
            }
            Ok(Target::Directory { directory: dir, name })
        }
        "s3" => Ok(Target::S3(Box::new(store(sub(value)?)?))),
        "gcs" => Err("type gcs is not supported; Google's stores speak S3's protocol too, at the \
                      endpoint https://storage.googleapis.com with HMAC keys"
            .to_owned()),
        other => Err(format!("type '{other}' is not known: file or s3")),
    }
}

fn store(written: WrittenS3) -> Result<Store, String> {
    for (what, text) in [
        ("region", &written.region),
        ("bucket", &written.bucket),
        ("path", &written.path),
        ("access_key_id", &written.access_key_id),
    ] {
        if text.is_empty() {
            return Err(format!("sub: {what} is empty"));
        }
    }
    let endpoint = if written.endpoint.is_empty() {
        format!("https://s3.{}.amazonaws.com", written.region)
    } else if written.endpoint.contains("://") {
        written.endpoint
    } else {
        format!("https://{}", written.endpoint)
    };
    let encrypted = endpoint.starts_with("https://");
    let port = if encrypted { 443 } else { 80 };
    let (address, _) = crate::client::address(&endpoint, port, false)
        .map_err(|error| format!("sub: endpoint: {error}"))?;
    let tls = encrypted.then(|| Connector::new(None, Trust::System, None)).transpose()?;
    Ok(Store {
        address,
        default_port: port,
        tls,
        region: written.region,
        key_id: written.access_key_id,
        secret: written.secret_access_key,
        bucket: written.bucket,
        path: written.path.trim_start_matches('/').to_owned(),
        path_style: written.force_path_style,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(text: &str) -> Result<Plans, String> {
        let environment = HashMap::from([
            ("ID".to_owned(), "me".to_owned()),
            ("KEY".to_owned(), "se$cret".to_owned()),
        ]);
        let seconds = |text: &str| text.strip_suffix('s')?.parse().ok().map(Duration::from_secs);
        Plans::parse(text, &environment, seconds)
    }

    fn parse(text: &str) -> Result<Plan, String> {
        let plans = parse_all(text)?;
        Ok(plans.of(&plans.named.as_ref().unwrap()[0]))
    }

    #[test]
    fn several_databases_have_places_of_their_own() {
        let plans = parse_all(
            r#"{"version":1,"type":"file","interval":"1s","databases":["a","../b.c"],
                "sub":{"dir":"/backups","name":"{database}.gz"}}"#,
        )
        .unwrap();
        assert_eq!(plans.of("a").target.to_string(), "/backups/a.gz");
        assert_eq!(plans.of("../b.c").target.to_string(), "/backups/%2E%2E%2Fb%2Ec.gz");
        assert_eq!(plans.place(Some("a")).unwrap().to_string(), "/backups/a.gz");
        assert!(plans.place(Some("c")).unwrap_err().contains("a, ../b.c"));
        assert!(plans.place(None).unwrap_err().contains("-db"));
        let all = r#"{"version":1,"type":"s3","interval":"1s","databases":"*","sub":{"region":"r",
            "access_key_id":"i","secret_access_key":"s","bucket":"b","path":"x/{database}"}}"#;
        let plans = parse_all(all).unwrap();
        assert_eq!(plans.named, None);
        let Target::S3(store) = plans.of("shop").target else { panic!() };
        assert_eq!(store.path, "x/shop");
        for (from, to, part) in [
            ("x/{database}", "x", "a place of its own"),
            ("\"*\"", "\"all\"", "a list of names"),
            ("\"*\"", "[]", "none is named"),
            ("\"*\"", "[\"a\",\"a\"]", "'a' is named twice"),
            ("\"databases\"", "\"database\":\"a\",\"databases\"", "both there"),
        ] {
            let error = parse_all(&all.replace(from, to)).unwrap_err();
            assert!(error.contains(part), "{to}: {error}");
        }
    }

    #[test]
    fn the_file_is_rqlites() {
        let plan = parse(
            r#"{"version":1,"type":"s3","interval":"5s","no_compress":true,"timestamp":true,
                "sub":{"endpoint":"","region":"eu-west-1","access_key_id":"$ID",
                "secret_access_key":"${KEY}","bucket":"b","path":"/dir/db.gz"}}"#,
        )
        .unwrap();
        assert_eq!((plan.interval, &*plan.database), (Duration::from_secs(5), "postgres"));
        assert!(!plan.compress && plan.timestamp && !plan.vacuum);
        let Target::S3(store) = &plan.target else { panic!() };
        assert_eq!(store.address, "s3.eu-west-1.amazonaws.com:443");
        assert_eq!((&*store.key_id, &*store.secret), ("me", "se$cret"));
        assert_eq!(store.path, "dir/db.gz");
        let plan = parse(
            r#"{"version":1,"type":"file","interval":"1s","database":"shop",
                "sub":{"dir":"/backups","name":"db.sqlite"}}"#,
        )
        .unwrap();
        assert_eq!(plan.target.to_string(), "/backups/db.sqlite");
        assert_eq!((&*plan.database, &plan.keeping), ("shop", &None));
        let plan = parse(
            r#"{"version":1,"type":"file","interval":"3600s","point_in_time":{"keep":"60s"},
                "sub":{"dir":"/backups","name":"db.sqlite"}}"#,
        )
        .unwrap();
        let (interval, keep) = (Duration::from_secs(10), Some(Duration::from_mins(1)));
        assert_eq!(plan.keeping, Some(Keeping { interval, keep }));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("", "EOF"),
            (r#"{"version":2,"type":"file","interval":"1s","sub":{}}"#, "version 2"),
            (r#"{"version":1,"type":"file","interval":"1","sub":{}}"#, "'1' is not a duration"),
            (r#"{"version":1,"type":"file","interval":"0s","sub":{}}"#, "is not a duration"),
            (r#"{"version":1,"type":"gcs","interval":"1s","sub":{}}"#, "storage.googleapis.com"),
            (r#"{"version":1,"type":"tape","interval":"1s","sub":{}}"#, "'tape' is not known"),
            (r#"{"version":1,"type":"file","interval":"1s","sub":{"dir":"$NO"}}"#, "'NO'"),
            (r#"{"version":1,"type":"file","interval":"1s","sub":{"dir":"/"}}"#, "`name`"),
            (
                r#"{"version":1,"type":"file","interval":"1s","sub":{"dir":"/","name":"a/b"}}"#,
                "not a file's name",
            ),
            (r#"{"version":1,"type":"file","interval":"1s","sub":{},"colour":1}"#, "colour"),
            (
                r#"{"version":1,"type":"file","interval":"1s","sub":{"dir":"/","name":"a"},
                    "point_in_time":{"every":"1s"}}"#,
                "every",
            ),
            (
                r#"{"version":1,"type":"file","interval":"1s","sub":{"dir":"/","name":"a"},
                    "point_in_time":{"keep":"always"}}"#,
                "keep: 'always'",
            ),
            (
                r#"{"version":1,"type":"file","interval":"1s","sub":{"dir":"/","name":"a"},
                    "vacuum":true,"point_in_time":{}}"#,
                "vacuum",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
