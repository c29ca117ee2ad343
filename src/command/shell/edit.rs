//! Editing at the terminal: completion of commands and names, lines that go on, and the history that
//! is kept from one shell to the next.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper};

use super::dot;

/// Lines of history that are kept, unless the environment says otherwise.
const HISTORY_LINES: usize = 1000;
/// The first of these that is set says how many.
const HISTORY_VARIABLES: [&str; 2] = ["EIDER_HISTFILESIZE", "RQLITE_HISTFILESIZE"];
const HISTORY_FILE: &str = ".eider_history";

const KEYWORDS: [&str; 32] = [
    "ALTER TABLE",
    "AND",
    "AS",
    "BY",
    "CREATE INDEX",
    "CREATE TABLE",
    "CREATE VIEW",
    "DEFAULT",
    "DELETE FROM",
    "DISTINCT",
    "DROP TABLE",
    "EXPLAIN",
    "FROM",
    "GROUP BY",
    "HAVING",
    "INSERT INTO",
    "INTEGER",
    "JOIN",
    "LEFT JOIN",
    "LIMIT",
    "NOT NULL",
    "NULL",
    "OFFSET",
    "ON CONFLICT",
    "ORDER BY",
    "PRIMARY KEY",
    "RETURNING",
    "SELECT",
    "SET",
    "UPDATE",
    "VALUES",
    "WHERE",
];

/// Whether more lines belong to a statement: a quote, a comment or a parenthesis is open.
pub(super) fn is_open(text: &str) -> bool {
    if text.trim_start().starts_with('.') {
        return false;
    }
    let mut depth = 0_i32;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let closing = match first {
            '\'' | '"' | '`' => first.to_string(),
            '[' => "]".to_owned(),
            _ if rest.starts_with("--") => "\n".to_owned(),
            _ if rest.starts_with("/*") => "*/".to_owned(),
            _ => {
                depth += i32::from(first == '(') - i32::from(first == ')');
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        let skip = if closing == "*/" { 2 } else { first.len_utf8() };
        match rest[skip..].find(&closing) {
            Some(at) => rest = &rest[skip + at + closing.len()..],
            // The last line may be a comment.
            None => return closing != "\n",
        }
    }
    depth > 0
}

/// What the terminal's editor asks while a line is typed.
pub(super) struct Assistant {
    /// Tables and columns, once they were asked for.
    pub(super) names: RefCell<Vec<String>>,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(candidates(line, position, &self.names.borrow()))
    }
}

/// Where the word before the cursor begins, and what it may become.
fn candidates(line: &str, position: usize, names: &[String]) -> (usize, Vec<String>) {
    let typed = &line[..position];
    if typed.starts_with('.') && !typed.contains(' ') {
        let commands = dot::HELP.iter().filter_map(|(usage, _)| usage.split(' ').next());
        let lower = typed.to_ascii_lowercase();
        let found = commands.filter(|command| command.starts_with(&lower)).map(str::to_owned);
        return (0, found.collect());
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let start = typed
        .rfind(|c: char| !is_part(c))
        .map_or(0, |at| at + typed[at..].chars().next().map_or(1, char::len_utf8));
    let word = &typed[start..];
    if word.is_empty() {
        return (position, Vec::new());
    }
    let begins = |candidate: &str| {
        candidate.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    let names = names.iter().filter(|name| begins(name)).cloned();
    let keywords = KEYWORDS.iter().filter(|keyword| begins(keyword)).map(|k| format!("{k} "));
    (start, names.chain(keywords).collect())
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_open(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Helper for Assistant {}

/// The editor at the terminal.
pub(super) type Terminal = Editor<Assistant, MemHistory>;

pub(super) fn terminal(names: Vec<String>) -> rustyline::Result<Terminal> {
    let history = MemHistory::with_config(&Config::default());
    let mut editor = Editor::with_history(Config::default(), history)?;
    editor.set_helper(Some(Assistant { names: RefCell::new(names) }));
    Ok(editor)
}

/// The file of earlier lines.
pub(super) struct History {
    path: Option<PathBuf>,
}

impl History {
    /// Reads what there is into the editor, and cuts the file to its size.
    pub(super) fn load(editor: &mut Terminal) -> Self {
        let size = HISTORY_VARIABLES.iter().find_map(|name| std::env::var(name).ok());
        let size = size.and_then(|size| size.parse().ok()).unwrap_or(HISTORY_LINES);
        let home = std::env::var_os("HOME").filter(|_| size > 0);
        let path = home.map(|home| PathBuf::from(home).join(HISTORY_FILE));
        let Some(path) = path else { return Self { path: None } };
        let lines: Vec<String> = File::open(&path)
            .map(|file| BufReader::new(file).lines().map_while(Result::ok).collect())
            .unwrap_or_default();
        let kept = &lines[lines.len().saturating_sub(size)..];
        for line in kept {
            // A full history only means that the oldest line goes.
            let _ = editor.add_history_entry(line.replace("\\n", "\n"));
        }
        if kept.len() < lines.len() {
            // A history that can't be written is as good as it was.
            let _ = std::fs::write(&path, kept.join("\n") + "\n");
        }
        Self { path: Some(path) }
    }

    pub(super) fn add(&self, line: &str) {
        let Some(path) = &self.path else { return };
        let file = File::options().create(true).append(true).open(path);
        // As above.
        let _ = file.and_then(|mut file| writeln!(file, "{}", line.replace('\n', "\\n")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_go_on_while_something_is_open() {
        for open in ["SELECT (", "SELECT 'a", "SELECT 'it''s", "/* a", "INSERT INTO t VALUES (1,"] {
            assert!(is_open(open), "{open}");
        }
        for whole in [
            "",
            "SELECT 1",
            "SELECT '('",
            "SELECT ')' -- (",
            ".read (",
            "SELECT [(]",
            "/*(*/ SELECT 1",
        ] {
            assert!(!is_open(whole), "{whole}");
        }
    }

    #[test]
    fn commands_names_and_keywords_are_completed() {
        let names = ["foo".to_owned(), "food".to_owned()];
        assert_eq!(candidates(".ta", 3, &names), (0, vec![".tables".to_owned()]));
        assert_eq!(candidates("SELECT * FROM fo", 16, &names), (14, names.to_vec()));
        assert_eq!(candidates("sel", 3, &names), (0, vec!["SELECT ".to_owned()]));
        assert_eq!(candidates("SELECT ", 7, &names), (7, Vec::new()));
        assert_eq!(candidates("é.fo", 5, &names).1, names);
    }
}
