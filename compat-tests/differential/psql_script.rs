//! Cuts a script for `psql` into statements and `psql`'s own commands, by `psql`'s rules: quotes, dollar
//! quotes, nested comments, parentheses, and backslash commands that end a statement (`\gset`).
//!
//! Data that follow a COPY FROM STDIN are taken out of the script, so that a server that refuses the COPY isn't
//! given them as statements: such a COPY becomes a `\copy` from the file `@file@`. A COPY from a server's
//! file `:'filename'` becomes one from the same file, in `@source@`, at the client.

use crate::script::skip;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Statement,
    /// A command that shows something of the database: `\d`.
    Command,
    /// A command that is about `psql` alone: `\set`, `\pset`, `\echo`.
    Setting,
}

#[derive(Debug, Clone)]
pub struct Part {
    /// From 1.
    pub line: usize,
    pub text: String,
    pub kind: Kind,
    /// What the COPY is fed with.
    pub copied: Option<Vec<u8>>,
}

impl Part {
    pub fn is_explain(&self) -> bool {
        let text = without_comments(&self.text);
        let word: String = text.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
        word.eq_ignore_ascii_case("explain")
    }

    /// Whether an ORDER BY stands outside parentheses: that of a window, an aggregate or a subquery says
    /// nothing of the rows.
    pub fn sorts(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        let (mut at, mut depth) = (0, 0_usize);
        while at < text.len() {
            let after = skip(&text, at);
            if after > at {
                at = after;
                continue;
            }
            let rest = &text[at..];
            match rest.chars().next() {
                Some('(') => depth += 1,
                Some(')') => depth = depth.saturating_sub(1),
                Some('o') if depth == 0 && rest.starts_with("order by") => return true,
                _ => {}
            }
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        false
    }
}

/// The text from its first word on.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with("--") || rest.starts_with("/*") {
        rest = rest[skip(rest, 0)..].trim_start();
    }
    rest
}

/// Cuts a script into its parts, in order.
pub fn parse(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut filename = None::<String>;
    let mut at = 0;
    while at < text.len() {
        let begin = at + (text[at..].len() - without_comments(&text[at..]).len());
        if begin >= text.len() {
            break;
        }
        let line = text[..begin].matches('\n').count() + 1;
        if text[begin..].starts_with('\\') {
            let end = text[begin..].find('\n').map_or(text.len(), |end| begin + end);
            let command = &text[begin..end];
            if let Some(path) = command.strip_prefix("\\set filename :abs_srcdir ") {
                filename = Some(path.trim().trim_matches('\'').to_owned());
            }
            let mut part =
                Part { line, text: command.to_owned(), kind: kind(command), copied: None };
            at = end;
            if command.starts_with("\\copy") && command.to_ascii_lowercase().contains(" from stdin")
            {
                at = take_data(text, end, &mut part);
            }
            parts.push(part);
            continue;
        }
        let end = statement(text, begin);
        let mut part =
            Part { line, text: text[begin..end].to_owned(), kind: Kind::Statement, copied: None };
        at = end;
        let words: Vec<_> = part.text.split_whitespace().map(str::to_ascii_lowercase).collect();
        if words.first().is_some_and(|word| word == "copy") {
            let is_from = |what: &str| {
                words.windows(2).any(|two| two[0] == "from" && two[1].trim_end_matches(';') == what)
            };
            if is_from("stdin") {
                at = take_data(text, end, &mut part);
            } else if let Some(path) = filename.as_ref().filter(|_| is_from(":'filename'")) {
                let copy =
                    one_line(&part.text).replace(":'filename'", &format!("'@source@{path}'"));
                part.text = format!("\\{}", copy.trim_end_matches(';'));
            }
        }
        parts.push(part);
    }
    parts
}

fn kind(command: &str) -> Kind {
    let word: String = command[1..].chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    let shows = word.starts_with('d') || ["l", "sf", "sv", "z", "copy"].contains(&word.as_str());
    if shows { Kind::Command } else { Kind::Setting }
}

/// Where the statement that begins at `at` ends: behind its semicolon, or behind the line whose backslash
/// command sends it.
fn statement(text: &str, begin: usize) -> usize {
    let (mut at, mut depth) = (begin, 0_usize);
    while at < text.len() {
        let after = skip(text, at);
        if after > at {
            at = after;
            continue;
        }
        let rest = &text[at..];
        let c = rest.chars().next().expect("there is more");
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ';' if depth == 0 && !in_body(&text[begin..at]) => return at + 1,
            '\\' if rest.starts_with("\\;") => at += 1,
            '\\' => return rest.find('\n').map_or(text.len(), |end| at + end),
            _ => {}
        }
        at += c.len_utf8();
    }
    text.len()
}

/// Whether a function's BEGIN ATOMIC is open.
fn in_body(statement: &str) -> bool {
    let upper = statement.to_ascii_uppercase();
    let Some(body) = upper.find("BEGIN ATOMIC") else { return false };
    upper.starts_with("CREATE") && !upper[body..].trim_end().ends_with("END")
}

fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| line.split("--").next().unwrap_or(line)).collect();
    lines.join(" ").trim().to_owned()
}

/// Takes the data behind a COPY FROM STDIN, if there are any: a COPY that PostgreSQL refuses has none. Gives the
/// place after them.
fn take_data(text: &str, end: usize, part: &mut Part) -> usize {
    const WORDS: &[&str] = &[
        "copy ",
        "select ",
        "insert ",
        "create ",
        "drop ",
        "alter ",
        "begin;",
        "rollback",
        "commit",
        "truncate ",
        "-- ",
        "--\n",
        "explain ",
        "update ",
        "delete ",
        "set ",
        "reset ",
        "grant ",
    ];
    let from = end + text[end..].find('\n').map_or(text.len() - end, |line| line + 1);
    let mut data = Vec::new();
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == "\\." {
            part.copied = Some(data);
            let copy = one_line(&part.text);
            let lower = copy.to_ascii_lowercase();
            let place = lower.find(" from stdin").expect("it copies from there");
            let rest = copy[place + " from stdin".len()..].trim_end_matches(';');
            let start = copy[..place].trim_start_matches('\\');
            part.text = format!("\\{start} from '@file@'{rest}");
            return at;
        }
        let lower = line.to_ascii_lowercase();
        if WORDS.iter().any(|word| lower.starts_with(word)) {
            break;
        }
        data.extend(line.as_bytes());
    }
    end
}
