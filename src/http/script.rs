//! A text of SQL statements, taken apart: where one ends and the next begins is said by the same
//! automaton as SQLite's `sqlite3_complete`, which knows strings, comments and triggers.
//!
//! A dump is a transaction, and turns foreign keys off while it is loaded. What loads it is one
//! transaction anyway, in which that pragma has no effect ("no-op within a transaction"), so these
//! statements are left out.

use crate::model::statement::{Parameters, Statement};

/// A piece of a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Semicolon,
    /// Anything else but white space and comments.
    Other(&'a str),
}

/// The next piece and where it ends; `None` at the end of the text.
fn token(text: &str, from: usize) -> Option<(Token<'_>, usize)> {
    let bytes = text.as_bytes();
    let mut at = from;
    let until = |start: usize, mark: &str| {
        text[start..].find(mark).map_or(text.len(), |found| start + found + mark.len())
    };
    loop {
        let rest = &bytes[at..];
        let first = *rest.first()?;
        if first.is_ascii_whitespace() {
            at += 1;
        } else if rest.starts_with(b"--") {
            at = until(at, "\n");
        } else if rest.starts_with(b"/*") {
            at = until(at + 2, "*/");
        } else {
            break;
        }
    }
    let first = bytes[at];
    let end = match first {
        b';' => return Some((Token::Semicolon, at + 1)),
        b'\'' | b'"' | b'`' => until(at + 1, &char::from(first).to_string()),
        b'[' => until(at + 1, "]"),
        _ if is_word(first) => {
            let length = bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
            return Some((Token::Word(&text[at..at + length]), at + length));
        }
        _ => at + 1,
    };
    Some((Token::Other(&text[at..end]), end))
}

/// As SQLite's `IdChar`.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// Words and other pieces that a statement is known by.
const HEAD_MAX: usize = 6;

/// A statement while it is read.
#[derive(Debug, Default)]
struct Reading {
    start: usize,
    /// Its first pieces, in lower case.
    head: Vec<String>,
    pieces: usize,
    /// In a trigger: how much of `; END` stands before this point.
    ending: usize,
}

impl Reading {
    fn is_trigger(&self) -> bool {
        let mut words = self.head.iter().map(String::as_str).skip_while(|word| *word == "explain");
        words.next() == Some("create")
            && words.find(|word| !matches!(*word, "temp" | "temporary")) == Some("trigger")
    }

    fn add(&mut self, piece: &str) {
        self.pieces += 1;
        if self.head.len() < HEAD_MAX {
            self.head.push(piece.to_ascii_lowercase());
        }
    }

    /// Whether it has no meaning inside of a transaction that is there already.
    fn is_frame(&self) -> bool {
        let head: Vec<&str> = self.head.iter().map(String::as_str).collect();
        if self.pieces != head.len() {
            return false;
        }
        matches!(
            head.as_slice(),
            ["begin", "deferred" | "immediate" | "exclusive" | "transaction"]
                | ["begin", "deferred" | "immediate" | "exclusive", "transaction"]
                | ["begin" | "commit" | "end"]
                | ["commit" | "end", "transaction"]
                | ["pragma", "foreign_keys", "=", _]
                | ["pragma", "foreign_keys", "(", _, ")"]
        )
    }
}

/// The statements of a text, in order, without those that only frame a transaction.
pub(crate) fn split(text: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut reading = Reading::default();
    let mut at = 0;
    while let Some((token, end)) = token(text, at) {
        if reading.pieces == 0 && token != Token::Semicolon {
            reading.start = at;
        }
        match token {
            Token::Semicolon => {
                if reading.pieces > 0 && reading.is_trigger() && reading.ending != 2 {
                    reading.ending = 1;
                    at = end;
                    continue;
                }
                finish(text, end, &mut reading, &mut statements);
            }
            Token::Word(word) => {
                let ends = reading.ending == 1 && word.eq_ignore_ascii_case("end");
                reading.ending = if ends { 2 } else { 0 };
                reading.add(word);
            }
            Token::Other(piece) => {
                reading.ending = 0;
                reading.add(piece);
            }
        }
        at = end;
    }
    finish(text, text.len(), &mut reading, &mut statements);
    statements
}

fn finish(text: &str, end: usize, reading: &mut Reading, statements: &mut Vec<Statement>) {
    let reading = std::mem::take(reading);
    if reading.pieces > 0 && !reading.is_frame() {
        let sql = text[reading.start..end].trim().into();
        statements.push(Statement { sql, parameters: Parameters::default(), touch: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        split(script).iter().map(|statement| statement.sql.to_string()).collect()
    }

    #[test]
    fn statements_end_where_sqlite_ends_them() {
        assert_eq!(texts("SELECT 1; SELECT ';' ;\n;SELECT \"a;b\"").len(), 3);
        assert_eq!(texts("-- nothing; here\n/* nor; here */ ;;").len(), 0);
        assert_eq!(
            texts("SELECT [a;b], `c;d`; SELECT 2 -- ; \n + 3;"),
            ["SELECT [a;b], `c;d`;", "SELECT 2 -- ; \n + 3;"]
        );
        assert_eq!(
            texts("SELECT 'it''s; fine'; SELECT 'open"),
            ["SELECT 'it''s; fine';", "SELECT 'open"]
        );
        let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN \
                       UPDATE a SET x = CASE WHEN 1 THEN 2 END; DELETE FROM b; END;";
        assert_eq!(texts(&format!("{trigger} SELECT 1;")), [trigger, "SELECT 1;"]);
        assert_eq!(texts("CREATE TABLE trigger_like (a); SELECT 1").len(), 2);
        assert_eq!(texts("INSERT INTO t VALUES('é;ü');"), ["INSERT INTO t VALUES('é;ü');"]);
    }

    #[test]
    fn a_dumps_frame_is_left_out_and_nothing_else() {
        let dump = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE a (b);\nCOMMIT;\n";
        assert_eq!(texts(dump), ["CREATE TABLE a (b);"]);
        for kept in ["ROLLBACK;", "SAVEPOINT a;", "PRAGMA foreign_keys;", "PRAGMA user_version=1;"]
        {
            assert_eq!(texts(kept), [kept]);
        }
        for left_out in ["BEGIN", "begin immediate transaction;", "END;", "PRAGMA foreign_keys(0);"]
        {
            assert_eq!(texts(left_out).len(), 0, "{left_out}");
        }
    }
}
