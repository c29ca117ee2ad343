//! What the file of `-auto-backup` says: rqlite's, with the name of a database besides.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::backup::history::Keeping;
use crate::backup::s3::Store;
use crate::tls::{Connector, Trust};

/// When, of what and where to.
#[derive(Debug)]
pub struct Plan {
    pub(super) interval: Duration,
    /// The name of the database.
    pub database: String,
    pub(super) compress: bool,
    pub(super) vacuum: bool,
    /// Whether each copy has its time in its name, and so none takes another's place.
    pub(super) timestamp: bool,
    pub(super) target: Target,
    /// Whether every state between two copies is kept as well, and how.
    pub(super) keeping: Option<Keeping>,
}

#[derive(Debug)]
pub(super) enum Target {
    Directory { directory: PathBuf, name: String },
    S3(Box<Store>),
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
    point_in_time: Option<WrittenKeeping>,
    sub: Value,
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

impl Plan {
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
        Ok(Self {
            interval,
            database: written.database.unwrap_or_else(|| "postgres".to_owned()),
            compress: !written.no_compress,
            vacuum: written.vacuum,
            timestamp: written.timestamp,
            target,
            keeping,
        })
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

    fn parse(text: &str) -> Result<Plan, String> {
        let environment = HashMap::from([
            ("ID".to_owned(), "me".to_owned()),
            ("KEY".to_owned(), "se$cret".to_owned()),
        ]);
        let seconds = |text: &str| text.strip_suffix('s')?.parse().ok().map(Duration::from_secs);
        Plan::parse(text, &environment, seconds)
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
