//! What `-cdc-config` says: a URL, the word `stdout`, or a file in rqlite's form, with a few keys besides.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::client::Endpoint;
use crate::engine::{Capturing, check_table_filter};
use crate::tls::{Connector, KeyPair, Named, Trust};

/// Which changes are captured, where they are sent to, and how.
#[derive(Debug)]
pub struct Plan {
    /// The name of the database.
    pub(super) database: String,
    pub(super) service_id: Option<String>,
    pub(super) target: Target,
    row_ids_only: bool,
    table_filter: Option<String>,
    /// Transactions in one request.
    pub(super) batch_max: usize,
    /// How long a batch that isn't full waits for more.
    pub(super) batch_delay: Duration,
    /// How often what was delivered is noted in the database.
    pub(super) mark_interval: Duration,
    /// For one request.
    pub(super) timeout: Duration,
    pub(super) retry: Retry,
    /// How long changes are kept for those who ask for them.
    pub(super) keep: Duration,
    /// How many changes are kept for those who ask for them.
    pub(super) keep_max: u64,
}

#[derive(Debug)]
pub(super) enum Target {
    /// They are only kept.
    Nothing,
    StandardOutput,
    Endpoint {
        url: String,
        endpoint: Endpoint,
        path: String,
    },
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("nobody"),
            Self::StandardOutput => f.write_str("standard output"),
            Self::Endpoint { url, .. } => f.write_str(url),
        }
    }
}

/// What is done when a delivery fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    /// 0: any number.
    pub(super) retries_max: u64,
    exponential: bool,
    pause_min: Duration,
    pause_max: Duration,
}

impl Retry {
    /// The pauses before further attempts.
    pub(super) fn pauses(self) -> impl Iterator<Item = Duration> {
        let most = if self.retries_max == 0 { usize::MAX } else { self.retries_max as usize };
        let mut pause = self.pause_min;
        std::iter::from_fn(move || {
            let this = pause;
            if self.exponential {
                pause = pause.saturating_mul(2).min(self.pause_max);
            }
            Some(this)
        })
        .take(most)
    }
}

/// Nanoseconds, or a text such as `200ms`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Nanoseconds(u64),
    Text(String),
}

/// rqlite's numbers, or their names.
#[derive(Deserialize)]
#[serde(untagged)]
enum Policy {
    Number(u8),
    Name(String),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Written {
    endpoint: String,
    service_id: Option<String>,
    row_ids_only: bool,
    table_filter: Option<String>,
    tls: WrittenTls,
    max_batch_size: Option<usize>,
    max_batch_delay: Option<Time>,
    high_watermark_interval: Option<Time>,
    transmit_timeout: Option<Time>,
    transmit_max_retries: Option<u64>,
    transmit_retry_policy: Option<Policy>,
    transmit_min_backoff: Option<Time>,
    transmit_max_backoff: Option<Time>,
    database: Option<String>,
    keep: Option<Time>,
    keep_max: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct WrittenTls {
    ca_cert_file: String,
    cert_file: String,
    key_file: String,
    insecure_skip_verify: bool,
    server_name: String,
}

/// Reads a duration.
type ParseDuration = fn(&str) -> Option<Duration>;

fn time(
    name: &str,
    written: Option<Time>,
    default: Duration,
    duration: ParseDuration,
) -> Result<Duration, String> {
    match written {
        None => Ok(default),
        Some(Time::Nanoseconds(nanoseconds)) => Ok(Duration::from_nanos(nanoseconds)),
        Some(Time::Text(text)) => duration(&text)
            .ok_or_else(|| format!("{name}: '{text}' is not a duration, such as 200ms")),
    }
}

impl Plan {
    /// Reads what the flag says; `read` reads a file.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn parse(
        argument: &str,
        read: impl FnOnce(&str) -> Result<String, String>,
        duration: ParseDuration,
    ) -> Result<Self, String> {
        let is_target = argument == "stdout" || argument.contains("://");
        let written = if is_target {
            Written { endpoint: argument.to_owned(), ..Written::default() }
        } else {
            serde_json::from_str(&read(argument)?).map_err(|error| error.to_string())?
        };
        Self::build(written, duration)
    }

    fn build(written: Written, duration: ParseDuration) -> Result<Self, String> {
        if let Some(pattern) = &written.table_filter {
            check_table_filter(pattern).map_err(|why| format!("table_filter: {why}"))?;
        }
        let exponential = match written.transmit_retry_policy {
            None | Some(Policy::Number(1)) => true,
            Some(Policy::Number(0)) => false,
            Some(Policy::Name(name)) if name == "ExponentialRetryPolicy" => true,
            Some(Policy::Name(name)) if name == "LinearRetryPolicy" => false,
            Some(Policy::Number(number)) => {
                return Err(format!("transmit_retry_policy: {number} is neither 0 nor 1"));
            }
            Some(Policy::Name(name)) => {
                return Err(format!("transmit_retry_policy: '{name}' is not known"));
            }
        };
        let batch_max = written.max_batch_size.unwrap_or(10);
        if batch_max == 0 {
            return Err("max_batch_size is 0".to_owned());
        }
        let second = Duration::from_secs(1);
        let time = |name, written, default| time(name, written, default, duration);
        let pause_min = time("transmit_min_backoff", written.transmit_min_backoff, second)?;
        let pause_max = time("transmit_max_backoff", written.transmit_max_backoff, 30 * second)?;
        let interval = written.high_watermark_interval;
        Ok(Self {
            target: target(&written.endpoint, &written.tls)?,
            database: written.database.unwrap_or_else(|| "postgres".to_owned()),
            service_id: written.service_id.filter(|id| !id.is_empty()),
            row_ids_only: written.row_ids_only,
            table_filter: written.table_filter.filter(|pattern| !pattern.is_empty()),
            batch_max,
            batch_delay: time("max_batch_delay", written.max_batch_delay, second / 5)?,
            mark_interval: time("high_watermark_interval", interval, second)?
                .max(Duration::from_millis(10)),
            timeout: time("transmit_timeout", written.transmit_timeout, 5 * second)?,
            retry: Retry {
                retries_max: written.transmit_max_retries.unwrap_or(0),
                exponential,
                pause_min,
                pause_max: pause_max.max(pause_min),
            },
            keep: time("keep", written.keep, Duration::from_hours(1))?,
            keep_max: written.keep_max.unwrap_or(1_000_000),
        })
    }

    /// What must be captured for it.
    pub fn capturing(&self) -> Capturing {
        Capturing {
            database: self.database.clone(),
            row_ids_only: self.row_ids_only,
            tables: self.table_filter.clone(),
        }
    }
}

fn target(url: &str, tls: &WrittenTls) -> Result<Target, String> {
    match url {
        "" => return Ok(Target::Nothing),
        "stdout" => return Ok(Target::StandardOutput),
        _ => {}
    }
    let wrong = |why: &str| format!("endpoint: '{url}' {why}");
    let (encrypted, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err(wrong("is neither a URL (http:// or https://) nor 'stdout'")),
    };
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let port = if encrypted { 443 } else { 80 };
    let (address, _) =
        crate::client::address(host, port, encrypted).map_err(|_| wrong("has no good address"))?;
    let tls = encrypted.then(|| connector(tls)).transpose()?;
    Ok(Target::Endpoint { url: url.to_owned(), endpoint: Endpoint { address, tls }, path })
}

fn connector(tls: &WrittenTls) -> Result<Connector, String> {
    let named = |flag, path: &str| Named { flag, path: PathBuf::from(path) };
    let own = match (tls.cert_file.is_empty(), tls.key_file.is_empty()) {
        (true, true) => None,
        (false, false) => Some(KeyPair {
            cert: named("tls.cert_file", &tls.cert_file),
            key: named("tls.key_file", &tls.key_file),
        }),
        _ => return Err("tls: cert_file and key_file belong together".to_owned()),
    };
    let trust = if tls.insecure_skip_verify {
        Trust::Anyone
    } else if tls.ca_cert_file.is_empty() {
        Trust::System
    } else {
        Trust::File(named("tls.ca_cert_file", &tls.ca_cert_file))
    };
    let name = Some(&*tls.server_name).filter(|name| !name.is_empty());
    Connector::new(own, trust, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Plan, String> {
        let duration =
            |text: &str| text.strip_suffix("ms")?.parse().ok().map(Duration::from_millis);
        let text = text.to_owned();
        Plan::parse("file", |_| Ok(text), duration)
    }

    #[test]
    fn the_file_is_rqlites() {
        let plan = parse(
            r#"{"endpoint":"http://h:81/cdc?x=1","service_id":"s1","row_ids_only":true,
                "table_filter":"^(a|b)$",
                "tls":{"ca_cert_file":"","cert_file":"","key_file":"","insecure_skip_verify":false,
                "server_name":""},"max_batch_size":3,"max_batch_delay":200000000,
                "high_watermark_interval":"50ms","transmit_timeout":5000000000,
                "transmit_max_retries":3,"transmit_retry_policy":1,
                "transmit_min_backoff":"10ms","transmit_max_backoff":"15ms"}"#,
        )
        .unwrap();
        let Target::Endpoint { endpoint, path, .. } = &plan.target else { panic!() };
        assert_eq!((&*endpoint.address, &**path), ("h:81", "/cdc?x=1"));
        assert_eq!((plan.batch_max, plan.batch_delay), (3, Duration::from_millis(200)));
        assert_eq!(plan.mark_interval, Duration::from_millis(50));
        let pauses: Vec<_> = plan.retry.pauses().map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [10, 15, 15]);
        assert_eq!(plan.capturing().tables.as_deref(), Some("^(a|b)$"));
        let linear =
            parse(r#"{"transmit_retry_policy":"LinearRetryPolicy","transmit_min_backoff":"10ms"}"#);
        let pauses = linear.unwrap().retry.pauses();
        assert!(pauses.take(3).all(|pause| pause.as_millis() == 10));
    }

    #[test]
    fn a_target_alone_is_enough() {
        let never = |_: &str| -> Result<String, String> { panic!("no file is read") };
        let of = |text: &str| Plan::parse(text, never, |_| None).unwrap().target.to_string();
        assert_eq!(of("stdout"), "standard output");
        assert_eq!(of("http://localhost:9000"), "http://localhost:9000");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("", "EOF"),
            (r#"{"endpoint":"ftp://x"}"#, "neither a URL"),
            (r#"{"endpoint":"http://u@x/"}"#, "no good address"),
            (r#"{"table_filter":"("}"#, "table_filter"),
            (r#"{"max_batch_size":0}"#, "max_batch_size"),
            (r#"{"max_batch_delay":"soon"}"#, "'soon' is not a duration"),
            (r#"{"transmit_retry_policy":7}"#, "7"),
            (r#"{"endpoint":"https://x","tls":{"cert_file":"a"}}"#, "belong together"),
            (r#"{"colour":1}"#, "colour"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
