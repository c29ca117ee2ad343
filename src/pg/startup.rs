//! The first packet of a connection: who it is for, or what it asks instead.

use crate::model::error::{Error, SqlState};
use crate::pg::decode::Reader;
use crate::pg::error::violation;

const PROTOCOL_MAJOR: u32 = 3;
const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;

/// A start-up packet.
#[derive(Debug, PartialEq)]
pub(crate) enum Startup {
    /// The client would like TLS.
    Ssl,
    GssEncryption,
    Cancel {
        pid: i32,
        secret: i32,
    },
    Session(Request),
}

/// A client that wants a session.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Request {
    pub(crate) user: String,
    pub(crate) database: Option<String>,
    /// Settings in order, those of `options` first, as PostgreSQL applies them.
    pub(crate) settings: Vec<(String, String)>,
    /// Protocol options (`_pq_.`) that are not known here.
    pub(crate) unsupported: Vec<String>,
    /// Whether the client asked for a newer 3.x.
    pub(crate) newer: bool,
}

/// Reads a start-up packet (its length taken off).
///
/// # Errors
/// To be told with severity FATAL.
pub(crate) fn parse(packet: &[u8]) -> Result<Startup, Error> {
    let mut reader = Reader(packet);
    let code = number(&mut reader)?;
    match code {
        SSL_REQUEST if reader.0.is_empty() => return Ok(Startup::Ssl),
        GSSENC_REQUEST if reader.0.is_empty() => return Ok(Startup::GssEncryption),
        CANCEL_REQUEST if reader.0.len() == 8 => {
            let (pid, secret) = (number(&mut reader)? as i32, number(&mut reader)? as i32);
            return Ok(Startup::Cancel { pid, secret });
        }
        _ => {}
    }
    let (major, minor) = (code >> 16, code & 0xffff);
    if major != PROTOCOL_MAJOR {
        return Err(Error::refused(format!(
            "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"
        )));
    }
    let mut request = parameters(&mut reader)?;
    request.newer = minor > 0;
    Ok(Startup::Session(request))
}

fn invalid_layout() -> Error {
    violation("invalid startup packet layout: expected terminator as last byte")
}

/// What is cut off has a message of its own here; text that isn't UTF-8 says so itself.
fn in_packet(error: Error) -> Error {
    if error.state() == SqlState::PROTOCOL_VIOLATION { invalid_layout() } else { error }
}

fn number(reader: &mut Reader<'_>) -> Result<u32, Error> {
    let bytes = reader.take(4).map_err(in_packet)?;
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn parameters(reader: &mut Reader<'_>) -> Result<Request, Error> {
    let mut request = Request::default();
    let mut given = Vec::new();
    loop {
        let name = reader.string().map_err(in_packet)?;
        if name.is_empty() {
            break;
        }
        let value = reader.string().map_err(in_packet)?;
        match name {
            "user" => value.clone_into(&mut request.user),
            "database" => request.database = Some(value.to_owned()),
            "options" => request.settings = options(value)?,
            "replication" => {
                if !matches!(value, "false" | "off" | "no" | "0") {
                    return Err(Error::refused("the replication protocol is not supported"));
                }
            }
            _ if name.starts_with("_pq_.") => request.unsupported.push(name.to_owned()),
            _ => given.push((name.to_owned(), value.to_owned())),
        }
    }
    if !reader.0.is_empty() {
        return Err(invalid_layout());
    }
    if request.user.is_empty() {
        return Err(Error::user(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            "no PostgreSQL user name specified in startup packet",
        ));
    }
    request.settings.append(&mut given);
    Ok(request)
}

/// Reads `options`: `-c name=value`, `-cname=value` and `--name=value`, with blanks between and a
/// backslash before a blank or backslash that is meant as such.
fn options(text: &str) -> Result<Vec<(String, String)>, Error> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
        } else {
            let escaped = if c == '\\' { characters.next() } else { Some(c) };
            word.get_or_insert_default().extend(escaped);
        }
    }
    words.extend(word);
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let setting = if word == "-c" {
            words.next()
        } else {
            word.strip_prefix("-c").or_else(|| word.strip_prefix("--")).map(str::to_owned)
        };
        let Some(setting) = setting else {
            return Err(Error::user(
                SqlState::SYNTAX_ERROR,
                format!("invalid command-line argument for server process: {word}"),
            ));
        };
        let Some((name, value)) = setting.split_once('=') else {
            return Err(Error::user(
                SqlState::SYNTAX_ERROR,
                format!("-c {setting} requires a value"),
            ));
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(parameters: &[u8]) -> Result<Request, Error> {
        let packet = [&[0, 3, 0, 0], parameters].concat();
        match parse(&packet)? {
            Startup::Session(request) => Ok(request),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_are_told_apart() {
        assert_eq!(parse(&SSL_REQUEST.to_be_bytes()), Ok(Startup::Ssl));
        assert_eq!(parse(&GSSENC_REQUEST.to_be_bytes()), Ok(Startup::GssEncryption));
        let cancel = [&CANCEL_REQUEST.to_be_bytes()[..], &[0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff]];
        assert_eq!(parse(&cancel.concat()), Ok(Startup::Cancel { pid: 7, secret: -1 }));
    }

    #[test]
    fn settings_of_options_come_before_those_given_by_name() {
        let request = session(
            b"user\0ann\0TimeZone\0UTC\0options\0-c statement_timeout=5 --search-path=a\\ b -cx.y=1\0database\0d\0_pq_.z\x001\0\0",
        )
        .unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(request.user, "ann");
        assert_eq!(request.database.as_deref(), Some("d"));
        assert_eq!(request.unsupported, ["_pq_.z"]);
        assert_eq!(
            request.settings,
            [
                pair("statement_timeout", "5"),
                pair("search_path", "a b"),
                pair("x.y", "1"),
                pair("TimeZone", "UTC"),
            ]
        );
    }

    #[test]
    fn wrong_packets_are_refused() {
        let state =
            |result: Result<Request, Error>| result.unwrap_err().state().as_str().to_owned();
        assert_eq!(state(session(b"\0")), "28000");
        assert_eq!(state(session(b"user\0a\0")), "08P01");
        assert_eq!(state(session(b"user\0a")), "08P01");
        assert_eq!(state(session(b"user\0a\0\0x")), "08P01");
        assert_eq!(state(session(b"user\0\xff\0\0")), "22021");
        assert_eq!(state(session(b"user\0a\0replication\0database\0\0")), "0A000");
        assert_eq!(state(session(b"user\0a\0options\0-x\0\0")), "42601");
        assert_eq!(parse(b"\0\x02\0\0user\0a\0\0").unwrap_err().state().as_str(), "0A000");
        assert_eq!(parse(b"\0").unwrap_err().state().as_str(), "08P01");
    }

    #[test]
    fn a_newer_minor_version_is_negotiated() {
        let Ok(Startup::Session(request)) = parse(b"\0\x03\0\x02user\0a\0\0") else { panic!() };
        assert!(request.newer);
    }
}
