//! PostgreSQL's protocol by hand: messages as bytes, and answers in short.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::support::PATIENCE;

/// A message: its type, its length, its body.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// A message that ends with a zero byte, as most texts do.
pub fn text_message(kind: u8, text: &str) -> Vec<u8> {
    message(kind, &[text.as_bytes(), b"\0"].concat())
}

pub fn query(text: &str) -> Vec<u8> {
    text_message(b'Q', text)
}

/// Parse of the unnamed statement, with no parameter types.
pub fn parse(text: &str) -> Vec<u8> {
    message(b'P', &[b"\0", text.as_bytes(), b"\0\0\0"].concat())
}

/// Bind of the unnamed statement to the unnamed portal: no formats, no values.
pub fn bind() -> Vec<u8> {
    message(b'B', b"\0\0\0\0\0\0\0\0")
}

/// Execute of the unnamed portal. `rows` of 0 is all.
pub fn execute(rows: i32) -> Vec<u8> {
    message(b'E', &[&b"\0"[..], &rows.to_be_bytes()].concat())
}

pub fn sync() -> Vec<u8> {
    message(b'S', b"")
}

/// The start-up packet.
pub fn startup(database: &str) -> Vec<u8> {
    let parameters = format!("user\0postgres\0database\0{database}\0\0");
    let length = u32::try_from(parameters.len() + 8).unwrap();
    [&length.to_be_bytes()[..], &196_608u32.to_be_bytes(), parameters.as_bytes()].concat()
}

/// Sends all of it, and gives what came back until the server closed the connection.
///
/// A server that resets the connection has closed it too: what it left unread makes the system do
/// that.
///
/// # Panics
/// If the server hasn't closed it in time.
pub fn converse(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may have closed it already.
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("no end of the connection; so far {}", in_short(&answer));
        }
        _ => answer,
    }
}

/// An answer in one line: for each message its letter, and what matters of it.
pub fn in_short(mut answer: &[u8]) -> String {
    let mut line = String::new();
    let mut rows = 0;
    while let [kind, rest @ ..] = answer {
        let Some(length) = rest.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
        else {
            line.push_str(" (cut)");
            break;
        };
        let Some(body) = rest.get(4..length) else {
            line.push_str(" (cut)");
            break;
        };
        answer = &rest[length..];
        if *kind == b'D' {
            rows += 1;
            continue;
        }
        if rows > 0 {
            write!(line, " D*{rows}").unwrap();
            rows = 0;
        }
        match kind {
            // What a server says of itself when it lets somebody in.
            b'S' | b'K' | b'R' | b'v' => {}
            b'E' | b'N' => {
                let field = |wanted: u8| {
                    body.split(|byte| *byte == 0)
                        .find(|field| field.first() == Some(&wanted))
                        .map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
                        .unwrap_or_default()
                };
                write!(line, " {}({} {})", char::from(*kind), field(b'V'), field(b'C')).unwrap();
            }
            b'C' => {
                let tag = String::from_utf8_lossy(body);
                write!(line, " C({})", tag.trim_end_matches('\0')).unwrap();
            }
            b'Z' => write!(line, " Z{}", String::from_utf8_lossy(body)).unwrap(),
            kind => write!(line, " {}", char::from(*kind)).unwrap(),
        }
    }
    line.trim_start().to_owned()
}
