//! Scripts: SQL files by feature area, cut into statements.
//!
//! A file begins with comments; the first says what it is about. A comment `--@` is an instruction:
//!
//! | instruction | for | meaning |
//! |---|---|---|
//! | `--@ extended` | the file, before its first statement | queries also go by the extended protocol, with binary results |
//! | `--@ unordered` | the next statement | its rows have no order, though it says ORDER BY |
//! | `--@ session NAME` | all that follow | another connection; the first is called `a` |
//! | `--@ bind V, V, ...` | the next statement | goes by the extended protocol only, once for each such line. A value is `NULL` or text in single quotes |
//! | `--@ block` | all until `--@ end` | what is sent as one, by the simple protocol |
//! | `--@ lines` | all until `--@ end` | each line is a statement, whatever is in it |
//!
//! Rows of a statement that doesn't say ORDER BY are compared as a set. The data of a COPY FROM STDIN
//! follows it as in psql, up to a line `\.`.

use crate::wire::Value;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// The line in the script, from 1.
    pub line: usize,
    pub sql: String,
    pub session: String,
    pub ordered: bool,
    pub copied: Option<Vec<u8>>,
    pub binds: Vec<Vec<Value>>,
    /// Goes by the extended protocol, too.
    pub extended: bool,
}

impl Statement {
    /// Whether it only reads, as far as its first word tells, so that it can be played again.
    pub fn is_query(&self) -> bool {
        let word: String = self.sql.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
        ["select", "values", "table", "with"].contains(&word.to_ascii_lowercase().as_str())
    }

    /// Its text on one line.
    pub fn one_line(&self) -> String {
        self.sql.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Where the quoted text or comment that begins at `at` ends; `at` itself if none does.
pub fn skip(sql: &str, at: usize) -> usize {
    let rest = &sql[at..];
    let end_of = |from: usize, end: &str| rest[from..].find(end).map(|i| from + i + end.len());
    let end = if rest.starts_with("--") {
        end_of(0, "\n").map(|end| end - 1)
    } else if rest.starts_with("/*") {
        block_comment(rest)
    } else if rest.starts_with('\'') {
        let before = sql[..at].chars().next_back();
        quoted(rest, '\'', before.is_some_and(|c| c == 'e' || c == 'E'))
    } else if rest.starts_with('"') {
        quoted(rest, '"', false)
    } else if rest.starts_with('$') && !sql[..at].ends_with(|c: char| c.is_alphanumeric()) {
        let tag = rest[1..].find('$').map(|i| &rest[..i + 2]);
        let is_tag = |tag: &&str| {
            let name = &tag[1..tag.len() - 1];
            !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        match tag.filter(is_tag) {
            Some(tag) => end_of(tag.len(), tag),
            None => return at,
        }
    } else {
        return at;
    };
    at + end.unwrap_or(rest.len())
}

fn block_comment(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}

fn quoted(text: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_none_or(|(_, next)| *next != quote) {
                return Some(at + 1);
            }
            chars.next();
        }
    }
    None
}

/// `'a', NULL, 'b'`.
fn bind_values(text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = if rest.starts_with('\'') {
            let end = quoted(rest, '\'', false).expect("a value ends");
            values.push(Some(rest[1..end - 1].replace("''", "'").into_bytes()));
            end
        } else {
            assert!(rest.starts_with("NULL"), "a value in quotes or NULL: {rest}");
            values.push(None);
            4
        };
        rest = rest[end..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    values
}

#[derive(Default)]
struct Parser {
    statements: Vec<Statement>,
    extended: bool,
    session: String,
    unordered: bool,
    binds: Vec<Vec<Value>>,
    in_block: bool,
}

impl Parser {
    fn instruct(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "extended" => self.extended = true,
            "unordered" => self.unordered = true,
            "session" => rest.trim().clone_into(&mut self.session),
            "bind" => self.binds.push(bind_values(rest)),
            "block" => self.in_block = true,
            "end" => self.in_block = false,
            _ => panic!("unknown instruction --@ {line}"),
        }
    }

    /// Takes all lines up to `--@ end`. Gives the place after it.
    fn lines(&mut self, text: &str, at: usize) -> usize {
        const END: &str = "\n--@ end\n";
        let end = at + text[at..].find(END).expect("--@ lines has an --@ end");
        let first = text[..at].matches('\n').count() + 1;
        for (place, line) in text[at..end].lines().enumerate().skip(1) {
            self.finish(first + place, line);
        }
        end + END.len()
    }

    fn finish(&mut self, line: usize, sql: &str) {
        let ordered =
            !std::mem::take(&mut self.unordered) && sql.to_ascii_lowercase().contains("order by");
        let binds = std::mem::take(&mut self.binds);
        self.statements.push(Statement {
            line,
            sql: sql.to_owned(),
            session: self.session.clone(),
            ordered,
            copied: None,
            extended: self.extended && binds.is_empty() && !self.in_block,
            binds,
        });
    }
}

/// Cuts a script into statements.
///
/// # Panics
/// If an instruction isn't known.
pub fn parse(text: &str) -> Vec<Statement> {
    let mut parser = Parser { session: "a".into(), ..Parser::default() };
    let (mut at, mut start) = (0, None::<usize>);
    while at < text.len() {
        let rest = &text[at..];
        if start.is_none() {
            if rest.starts_with(char::is_whitespace) {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
            if rest.starts_with("--@ lines\n") {
                at = parser.lines(text, at);
                continue;
            }
            if rest.starts_with("--") {
                let end = skip(text, at);
                if let Some(line) = text[at..end].strip_prefix("--@ ") {
                    parser.instruct(line.trim());
                }
                at = end;
                continue;
            }
            start = Some(at);
        }
        let begin = start.expect("set above");
        let after = skip(text, at);
        if rest.starts_with("--@ end") {
            let line = text[..begin].matches('\n').count() + 1;
            parser.finish(line, text[begin..at].trim());
            (start, at, parser.in_block) = (None, after, false);
        } else if after > at {
            at = after;
        } else if rest.starts_with(';') && !parser.in_block {
            let line = text[..begin].matches('\n').count() + 1;
            parser.finish(line, text[begin..at].trim());
            (start, at) = (None, at + 1);
            at = copied(text, at, parser.statements.last_mut().expect("just added"));
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    assert!(start.is_none(), "the last statement has no end: {}", &text[start.unwrap_or(0)..]);
    parser.statements
}

/// Takes the data that follow a COPY FROM STDIN.
fn copied(text: &str, at: usize, statement: &mut Statement) -> usize {
    let lower = statement.one_line().to_ascii_lowercase();
    if !(lower.starts_with("copy ") && lower.contains(" from stdin")) {
        return at;
    }
    let data = &text[at..];
    let data = data.strip_prefix('\n').unwrap_or(data);
    let from = text.len() - data.len();
    let end = if data.starts_with("\\.\n") {
        0
    } else {
        data.find("\n\\.\n").expect("the data of COPY end with a line \\.") + 1
    };
    statement.copied = Some(data.as_bytes()[..end].to_vec());
    from + end + 3
}
