//! The query string: which parameters there are, and what each must look like.
//!
//! A flag is on when it is present, whatever its value. Of a parameter given twice the first counts.

use std::time::Duration;

use crate::http::duration;
use crate::model::read_level::{Freshness, ReadLevel};

/// A query string, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// `timeout`, if it was given.
    pub(crate) timeout: Option<Duration>,
    /// `db_timeout`, if it was given and isn't 0.
    pub(crate) db_timeout: Option<Duration>,
    /// How long a linearizable read may wait until it may begin.
    pub(crate) linearizable_timeout: Duration,
    /// `freshness`, if it was given and isn't 0.
    freshness: Option<Duration>,
    /// More attempts to reach another node.
    pub(crate) retries: u32,
    /// `trailing_logs`, if it was given.
    pub(crate) trailing_logs: Option<u64>,
}

/// `timeout` where it isn't given.
pub(crate) const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// `linearizable_timeout` where it isn't given.
const LINEARIZABLE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// `retries` above this are cut to it.
const RETRIES_MAX: u32 = 100;

impl Params {
    /// Reads a query string (without the `?`). The error is what the client is told, with a 400.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        let mut params = Self { pairs: pairs(query)?, ..Self::default() };
        params.timeout = params.duration("timeout")?;
        params.freshness = params.duration("freshness")?.filter(|age| !age.is_zero());
        params.db_timeout = params.duration("db_timeout")?.filter(|limit| !limit.is_zero());
        params.linearizable_timeout = params
            .duration("linearizable_timeout")?
            .filter(|limit| !limit.is_zero())
            .unwrap_or(LINEARIZABLE_TIMEOUT_DEFAULT);
        params.retries = params.integer("retries")?.min(i64::from(RETRIES_MAX)) as u32;
        let trailing_logs = params.integer("trailing_logs")? as u64;
        params.trailing_logs = params.has("trailing_logs").then_some(trailing_logs);
        if params.has("freshness_strict") && params.get("freshness").is_none() {
            return Err("freshness_strict requires freshness".to_owned());
        }
        if params.get("q") == Some("") {
            return Err("query parameter not set".to_owned());
        }
        Ok(params)
    }

    /// Whether a flag is on.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `timeout` or its default.
    pub(crate) fn timeout_or_default(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT_DEFAULT)
    }

    /// The read level: `weak` unless another known one is named.
    pub(crate) fn level(&self) -> ReadLevel {
        let freshness = self
            .freshness
            .map(|age_max| Freshness { age_max, strict: self.has("freshness_strict") });
        match self.get("level").unwrap_or_default().to_ascii_lowercase().as_str() {
            "none" => ReadLevel::None(freshness),
            "auto" => ReadLevel::Auto(freshness),
            "linearizable" => ReadLevel::Linearizable,
            "lease" => ReadLevel::Lease,
            "strong" => ReadLevel::Strong,
            _ => ReadLevel::Weak,
        }
    }

    fn duration(&self, name: &str) -> Result<Option<Duration>, String> {
        let Some(text) = self.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        match duration::parse(text) {
            Some(duration) => Ok(Some(duration)),
            None => Err(format!("{name} is not a valid duration")),
        }
    }

    /// A number of at least 0; 0 if it isn't given.
    fn integer(&self, name: &str) -> Result<i64, String> {
        let Some(text) = self.get(name).filter(|text| !text.is_empty()) else { return Ok(0) };
        match text.parse::<i64>() {
            Ok(number) if number >= 0 => Ok(number),
            _ => Err(format!("{name} is not a valid integer")),
        }
    }
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, String> {
    if query.contains(';') {
        return Err("invalid semicolon separator in query".to_owned());
    }
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

/// Undoes `application/x-www-form-urlencoded`.
fn decode(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let value = match byte {
            b'+' => b' ',
            b'%' => {
                let escape = &bytes[at..bytes.len().min(at + 3)];
                at += 2;
                hex_pair(escape).ok_or_else(|| {
                    format!("invalid URL escape {:?}", String::from_utf8_lossy(escape))
                })?
            }
            _ => byte,
        };
        decoded.push(value);
        at += 1;
    }
    String::from_utf8(decoded).map_err(|_| "query string is not UTF-8".to_owned())
}

/// The byte that `%XY` stands for.
fn hex_pair(escape: &[u8]) -> Option<u8> {
    let [_, high, low] = escape else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_on_by_presence_and_the_first_of_two_counts() {
        let params = Params::parse("pretty=false&timings&q=SELECT+1%3b&q=x").unwrap();
        assert!(params.has("pretty") && params.has("timings") && !params.has("Pretty"));
        assert_eq!(params.get("q"), Some("SELECT 1;"));
        assert_eq!(params.timeout_or_default(), TIMEOUT_DEFAULT);
    }

    #[test]
    fn each_mistake_has_its_text() {
        for (query, text) in [
            ("freshness_strict", "freshness_strict requires freshness"),
            ("timeout=10", "timeout is not a valid duration"),
            ("freshness=x", "freshness is not a valid duration"),
            ("db_timeout=1", "db_timeout is not a valid duration"),
            ("linearizable_timeout=1", "linearizable_timeout is not a valid duration"),
            ("retries=a", "retries is not a valid integer"),
            ("trailing_logs=a", "trailing_logs is not a valid integer"),
            ("q=", "query parameter not set"),
            ("q", "query parameter not set"),
            ("a;b", "invalid semicolon separator in query"),
            ("q=%4", "invalid URL escape \"%4\""),
            ("q=%zz1", "invalid URL escape \"%zz\""),
        ] {
            assert_eq!(Params::parse(query), Err(text.to_owned()), "{query}");
        }
    }

    #[test]
    fn levels_ignore_case_and_unknown_ones_are_weak() {
        let level = |query| Params::parse(query).unwrap().level();
        assert_eq!(level(""), ReadLevel::Weak);
        assert_eq!(level("level=nonsense"), ReadLevel::Weak);
        assert_eq!(level("level=STRONG"), ReadLevel::Strong);
        assert_eq!(level("level=Linearizable"), ReadLevel::Linearizable);
        assert_eq!(level("level=none&freshness=0"), ReadLevel::None(None));
        let freshness = Freshness { age_max: Duration::from_secs(1), strict: true };
        assert_eq!(
            level("level=none&freshness=1s&freshness_strict"),
            ReadLevel::None(Some(freshness))
        );
    }
}
