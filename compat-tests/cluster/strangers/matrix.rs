//! Every message in every state of a session.
//!
//! After the message come a Sync, a query and Terminates, so that each conversation ends, and shows
//! whether the session went on. `answers.txt` has what a PostgreSQL 15 answered, and below it,
//! where Eider answers otherwise, what it answers and why. Written anew from the PostgreSQL at
//! `EIDER_ORACLE` (HOST:PORT) if that is set.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::strangers::bytes::{
    bind, converse, execute, in_short, message, parse, query, startup, sync, text_message,
};
use crate::support::Cluster;

/// A session's states, by the messages that lead there.
fn states() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let begun = || query("BEGIN");
    vec![
        ("idle", vec![]),
        ("transaction", vec![begun()]),
        ("failed transaction", vec![begun(), query("SELECT 1/0")]),
        ("until sync", vec![parse("SELEC 1")]),
        ("until sync in transaction", vec![begun(), parse("SELEC 1")]),
        ("pipeline", vec![parse("SELECT 5")]),
        ("bound", vec![parse("SELECT 5"), bind()]),
        ("suspended portal", vec![parse("SELECT generate_series(1, 5)"), bind(), execute(2)]),
        ("copy in", vec![query("COPY stranger FROM STDIN")]),
        ("copy in, extended", vec![parse("COPY stranger FROM STDIN"), bind(), execute(0)]),
        ("copy in, transaction", vec![begun(), query("COPY stranger FROM STDIN")]),
    ]
}

type Messages = Vec<(&'static str, Vec<u8>)>;

/// The messages, whole and damaged, in the order of the file.
fn messages() -> Messages {
    [statement_messages(), bind_messages(), portal_messages(), other_messages()].concat()
}

/// Query and Parse.
fn statement_messages() -> Messages {
    vec![
        ("Query", query("SELECT 1")),
        ("Query, empty", query("")),
        ("Query, two statements", query("SELECT 1; SELECT 2")),
        ("Query, fails", query("SELECT 1/0")),
        ("Query without end", message(b'Q', b"SELECT 1")),
        ("Query, nothing", message(b'Q', b"")),
        ("Query, not UTF-8", message(b'Q', b"SELECT '\xff\xfe'\0")),
        ("Query, after the end", message(b'Q', b"SELECT 1\0SELECT 2\0")),
        ("Parse", parse("SELECT 3")),
        ("Parse, named", message(b'P', b"s\0SELECT 3\0\0\0")),
        ("Parse, fails", parse("SELECT nothing")),
        ("Parse, nothing", message(b'P', b"")),
        ("Parse without types", message(b'P', b"\0SELECT 3\0")),
        ("Parse, types missing", message(b'P', b"\0SELECT 3\0\0\x05\0\0")),
        ("Parse, negative count", message(b'P', b"\0SELECT 3\0\xff\xff")),
        ("Parse, unknown type", message(b'P', b"\0SELECT $1\0\0\x01\x7f\xff\xff\xff")),
        ("Parse, more at the end", message(b'P', b"\0SELECT 3\0\0\0more")),
    ]
}

/// Bind.
fn bind_messages() -> Messages {
    vec![
        ("Bind", bind()),
        ("Bind, unknown statement", message(b'B', b"\0none\0\0\0\0\0\0\0")),
        ("Bind, nothing", message(b'B', b"")),
        ("Bind, formats missing", message(b'B', b"\0\0\0\x03\0\0")),
        ("Bind, negative formats", message(b'B', b"\0\0\xff\xff\0\0\0\0")),
        ("Bind, negative values", message(b'B', b"\0\0\0\0\xff\xff\0\0")),
        ("Bind, negative length", message(b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0")),
        ("Bind, value cut", message(b'B', b"\0\0\0\0\0\x01\0\0\0\x09ab\0\0")),
        ("Bind, value of 2 GiB", message(b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0")),
        ("Bind, too many values", message(b'B', b"\0\0\0\0\0\x01\0\0\0\x01a\0\0")),
        ("Bind, unknown format", message(b'B', b"\0\0\0\x01\0\x07\0\0\0\x01\0\x07")),
    ]
}

/// Describe, Execute, Close, Flush, Sync.
fn portal_messages() -> Messages {
    vec![
        ("Describe portal", message(b'D', b"P\0")),
        ("Describe statement", message(b'D', b"S\0")),
        ("Describe, unknown statement", message(b'D', b"Snone\0")),
        ("Describe, unknown portal", message(b'D', b"Pnone\0")),
        ("Describe, unknown kind", message(b'D', b"X\0")),
        ("Describe, nothing", message(b'D', b"")),
        ("Execute", execute(0)),
        ("Execute, one row", execute(1)),
        ("Execute, most rows", execute(i32::MAX)),
        ("Execute, negative rows", execute(-1)),
        ("Execute, unknown portal", message(b'E', b"none\0\0\0\0\0")),
        ("Execute, nothing", message(b'E', b"")),
        ("Execute without rows", message(b'E', b"\0\0\0")),
        ("Close statement", message(b'C', b"S\0")),
        ("Close portal", message(b'C', b"P\0")),
        ("Close, unknown statement", message(b'C', b"Snone\0")),
        ("Close, unknown kind", message(b'C', b"X\0")),
        ("Close, nothing", message(b'C', b"")),
        ("Flush", message(b'H', b"")),
        ("Flush with a body", message(b'H', b"body")),
        ("Sync", sync()),
        ("Sync with a body", message(b'S', b"body")),
    ]
}

/// COPY, what ends a session, and what is none of the protocol: the last few claim a wrong length.
fn other_messages() -> Messages {
    let raw =
        |kind: u8, length: u32, body: &[u8]| [&[kind], &length.to_be_bytes()[..], body].concat();
    vec![
        ("CopyData", message(b'd', b"7\n")),
        ("CopyData, not a number", message(b'd', b"seven\n")),
        ("CopyData, half a line", message(b'd', b"7")),
        ("CopyData, nothing", message(b'd', b"")),
        ("CopyDone", message(b'c', b"")),
        ("CopyDone with a body", message(b'c', b"body")),
        ("CopyFail", text_message(b'f', "enough")),
        ("CopyFail without end", message(b'f', b"enough")),
        ("CopyFail, nothing", message(b'f', b"")),
        ("FunctionCall", message(b'F', b"\0\0\0\x2a\0\0\0\0\0\0")),
        ("PasswordMessage", text_message(b'p', "secret")),
        ("Terminate", message(b'X', b"")),
        ("Terminate with a body", message(b'X', b"body")),
        ("an answer's type", message(b'Z', b"I")),
        ("unknown type", message(b'y', b"")),
        ("type zero", message(0, b"")),
        ("length 0", raw(b'Q', 0, b"")),
        ("length 3", raw(b'Q', 3, b"")),
        ("length 2 GiB", raw(b'Q', 0x7fff_ffff, b"SELECT 1\0")),
        ("length 4 GiB", raw(b'Q', 0xffff_ffff, b"SELECT 1\0")),
    ]
}

/// What each conversation was answered.
fn play(address: &str) -> BTreeMap<(String, String), String> {
    let made = [
        startup("postgres"),
        query("CREATE TABLE IF NOT EXISTS stranger (a integer)"),
        message(b'X', b""),
    ];
    converse(address, &made.concat());
    let mut answers = BTreeMap::new();
    for (state, before) in states() {
        for (name, stranger) in messages() {
            let mut bytes = startup("postgres");
            bytes.extend(before.concat());
            bytes.extend(stranger);
            bytes.extend([sync(), query("SELECT 7")].concat());
            // One may be taken for a mistake in COPY; the next ends the session then.
            bytes.extend(message(b'X', b"").repeat(3));
            let answer = in_short(&converse(address, &bytes));
            // Being let in is the same for all.
            let answer = answer.strip_prefix("ZI").unwrap_or(&answer).trim_start().to_owned();
            answers.insert((state.to_owned(), name.to_owned()), answer);
        }
    }
    answers
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compat-tests/cluster/strangers/answers.txt")
}

/// One cell of the file.
#[derive(Debug, Clone, Default)]
struct Cell {
    postgres: String,
    /// Eider's answer where it is another, and why.
    eider: Option<(String, String)>,
}

type Cells = BTreeMap<(String, String), Cell>;

fn read_file(text: &str) -> Cells {
    let mut cells = Cells::new();
    let mut state = String::new();
    let mut last = None;
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut state);
        } else if let Some(differs) = line.strip_prefix("    eider: ") {
            let (answer, reason) = differs.split_once(" # ").expect("a difference has a reason");
            let key = last.clone().expect("a difference stands below an answer");
            let cell: &mut Cell = cells.get_mut(&key).unwrap();
            cell.eider = Some((answer.to_owned(), reason.to_owned()));
        } else {
            let (name, postgres) =
                line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
            let key = (state.clone(), name.to_owned());
            cells.insert(key.clone(), Cell { postgres: postgres.to_owned(), eider: None });
            last = Some(key);
        }
    }
    cells
}

fn write_file(answers: &BTreeMap<(String, String), String>, known: &Cells) -> String {
    let mut text = String::from(
        "# What a PostgreSQL 15 answers to each message in each state, then to Sync and a query;\n\
         # below it what Eider answers, where that differs, and why. See matrix.rs.\n",
    );
    for (state, _) in states() {
        write!(text, "\n[{state}]\n").unwrap();
        for (name, _) in messages() {
            let key = (state.to_owned(), name.to_owned());
            writeln!(text, "{name}: {}", answers[&key]).unwrap();
            if let Some((answer, reason)) = known.get(&key).and_then(|cell| cell.eider.as_ref()) {
                writeln!(text, "    eider: {answer} # {reason}").unwrap();
            }
        }
    }
    text
}

#[test]
fn every_message_in_every_state_is_answered_as_by_postgres() {
    let known = std::fs::read_to_string(file()).unwrap_or_default();
    if let Ok(oracle) = std::env::var("EIDER_ORACLE") {
        let answers = play(&oracle);
        std::fs::write(file(), write_file(&answers, &read_file(&known))).unwrap();
    }
    let cells = read_file(&std::fs::read_to_string(file()).unwrap());
    let mut cluster = Cluster::start(1);
    let answers = play(&format!("127.0.0.1:{}", cluster.nodes[0].pg));
    assert!(cluster.nodes[0].is_alive(), "{}", cluster.nodes[0].log());
    assert_eq!(answers.len(), cells.len(), "set EIDER_ORACLE to record new messages");
    let mut wrong = String::new();
    for (key, answer) in &answers {
        let cell = cells.get(key).cloned().unwrap_or_default();
        let wanted = cell.eider.as_ref().map_or(&cell.postgres, |(answer, _)| answer);
        let (state, name) = key;
        if wanted != answer {
            writeln!(wrong, "[{state}] {name}\n  wanted {wanted}\n  got    {answer}").unwrap();
        } else if cell.eider.is_some_and(|(answer, _)| answer == cell.postgres) {
            writeln!(wrong, "[{state}] {name}: this is no difference any more").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
