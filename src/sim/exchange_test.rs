//! The HTTP API to the byte: requests, and their statuses, headers and bodies, from the files in
//! `src/http/exchanges`, in virtual time.
//!
//! A file is a conversation with a new node of its own. Lines with `>` are a request: method and path, headers, an
//! empty line, the body. Lines with `<` are the answer. Lines with `~` are what rqlite answers where that differs, which
//! `compat-tests/rqlite/exchanges` checks against the real one; the comment (`#`) above says why. Lines with `!` are
//! the node's options. What changes from run to run stands as `*`. With `UPDATE_GOLDENFILES=1` the answers are written anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::auth::Users;
use crate::http::{Options, TestReply};
use crate::sim;
use crate::sim::http_test::client_with;

/// Fields of JSON that aren't the same in each run.
const VARYING: &[&str] = &["time", "time_s", "sequence_number", "raft_index", "last_modified"];

/// Headers that every answer has, with their values.
const STANDARD: &[(&str, &str)] = &[
    ("access-control-allow-headers", "Content-Type"),
    ("access-control-allow-methods", "OPTIONS, GET, POST"),
    ("x-eider-version", crate::http::EIDER_VERSION),
    ("x-rqlite-version", crate::http::RQLITE_VERSION),
];

/// What a file has, in its order.
#[derive(Debug, PartialEq)]
enum Part {
    /// Lines that are kept as they are.
    Text(String),
    Exchange {
        request: String,
        answer: String,
        /// What rqlite answers.
        other: String,
    },
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in text.lines() {
        let content = |mark: char| {
            let rest = line.strip_prefix(mark)?;
            Some(format!("{}\n", rest.strip_prefix(' ').unwrap_or(rest)))
        };
        let mut last = parts.last_mut();
        let under_way = match &mut last {
            Some(Part::Exchange { request, answer, other }) => Some((request, answer, other)),
            _ => None,
        };
        match (content('>'), content('<'), content('~'), under_way) {
            (Some(more), _, _, Some((request, answer, _))) if answer.is_empty() => {
                request.push_str(&more);
            }
            (Some(request), ..) => {
                parts.push(Part::Exchange { request, answer: String::new(), other: String::new() });
            }
            (_, Some(more), _, Some((_, answer, _))) => answer.push_str(&more),
            (_, _, Some(more), Some((_, _, other))) => other.push_str(&more),
            _ => parts.push(Part::Text(format!("{line}\n"))),
        }
    }
    parts
}

/// Lines after a mark.
fn marked(mark: char, text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let space = if line.is_empty() { "" } else { " " };
        let _ = writeln!(out, "{mark}{space}{line}");
        out
    })
}

/// The text with `*` in the place of what varies.
fn steady(body: &str) -> String {
    let mut out = body.to_owned();
    for name in VARYING {
        let key = format!("\"{name}\":");
        let mut from = 0;
        while let Some(found) = out[from..].find(&key) {
            let at = from + found + key.len();
            let spaces = out[at..].len() - out[at..].trim_start_matches(' ').len();
            let value = at + spaces;
            let length = out[value..].find([',', '}', ']', '\n']).unwrap_or(out.len() - value);
            out.replace_range(value..value + length, "*");
            from = value;
        }
    }
    out
}

fn told(reply: &TestReply, standard: bool) -> String {
    let mut out = format!("{}\n", reply.status);
    // It follows from the body.
    let mut headers: Vec<(&str, &str)> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .filter(|(name, _)| *name != "content-length")
        .collect();
    headers.sort_unstable();
    if standard {
        for header in STANDARD {
            assert!(headers.contains(header), "{header:?} is missing in {headers:?}");
        }
        headers.retain(|header| !STANDARD.contains(header));
    }
    for (name, value) in headers {
        let _ = writeln!(out, "{name}: {value}");
    }
    let _ = if reply.body.starts_with("SQLite format 3\0") {
        let bytes = reply.body.as_bytes();
        writeln!(out, "\n(a SQLite file, versions {} and {})", bytes[18], bytes[19])
    } else if reply.body.contains(['\0', '\u{fffd}']) {
        writeln!(out, "\n(bytes)")
    } else if reply.body.is_empty() {
        Ok(())
    } else {
        writeln!(out, "\n{}", steady(&reply.body))
    };
    out
}

/// What the lines with `!` say.
fn options(text: &str, options: &mut Options) {
    for line in text.lines().filter_map(|line| line.strip_prefix("! ")) {
        match line.split_once(' ') {
            Some(("auth", users)) => {
                options.users = Some(Arc::new(Users::parse(users).unwrap()));
            }
            Some(("http-allow-origin", origin)) => options.allow_origin = Some(origin.to_owned()),
            _ => panic!("unknown option: {line}"),
        }
    }
}

/// Has the conversation of a file, and gives the file as it should be.
fn replay(text: &str) -> String {
    let data_dir = tempfile::tempdir().unwrap();
    let mut out = String::new();
    sim::run(1, async {
        let client = client_with(data_dir.path(), |node| options(text, node)).await;
        let standard = !text.lines().any(|line| line.starts_with("! "));
        for part in parts(text) {
            let (request, other) = match part {
                Part::Text(line) => {
                    out.push_str(&line);
                    continue;
                }
                Part::Exchange { request, other, .. } => (request, other),
            };
            let (head, body) = request.split_once("\n\n").unwrap_or((request.trim_end(), "\n"));
            let body = body.strip_suffix('\n').unwrap_or(body);
            let mut lines = head.lines();
            let (method, uri) = lines.next().and_then(|line| line.split_once(' ')).unwrap();
            let headers: Vec<(&str, &str)> =
                lines.map(|line| line.split_once(": ").unwrap()).collect();
            let reply = client.send_with(method, uri, &headers, body).await;
            out.push_str(&marked('>', &request));
            out.push_str(&marked('<', &told(&reply, standard)));
            out.push_str(&marked('~', &other));
        }
    });
    out
}

#[test]
fn every_exchange_is_as_it_is_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/exchanges");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let made = replay(&text);
        if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
            std::fs::write(&file, made).unwrap();
            continue;
        }
        for (number, (expected, found)) in text.lines().zip(made.lines()).enumerate() {
            let place = format!("{}:{}", file.display(), number + 1);
            assert_eq!(expected, found, "{place}\n{made}");
        }
        assert_eq!(text.lines().count(), made.lines().count(), "{}", file.display());
    }
}

#[test]
fn what_varies_is_left_out() {
    let body = "{\"time\":0.5,\"results\":[{\"time\": 1}],\"times\":3}";
    assert_eq!(steady(body), "{\"time\":*,\"results\":[{\"time\": *}],\"times\":3}");
}

#[test]
fn a_file_is_made_of_exchanges_and_remarks() {
    let text = "# about\n\n> GET /\n>\n> body\n< 200\n<\n< ok\n~ 404\n\n> GET /b\n";
    let exchange = |request: &str, answer: &str, other: &str| Part::Exchange {
        request: request.to_owned(),
        answer: answer.to_owned(),
        other: other.to_owned(),
    };
    let line = |text: &str| Part::Text(text.to_owned());
    let expected = [
        line("# about\n"),
        line("\n"),
        exchange("GET /\n\nbody\n", "200\n\nok\n", "404\n"),
        line("\n"),
        exchange("GET /b\n", "", ""),
    ];
    assert_eq!(parts(text), expected);
}
