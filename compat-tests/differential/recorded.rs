//! PostgreSQL's answers as they lie in the tree, so that a test needs no PostgreSQL.
//!
//! `answers/AREA.txt` has, for each statement of `scripts/AREA.sql`, a line `> ` with its text and then
//! the answer. A script that doesn't match its answers has to be recorded anew.

use std::path::PathBuf;

use crate::script::Statement;

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compat-tests/differential")
}

fn path(area: &str) -> PathBuf {
    folder().join("answers").join(format!("{area}.txt"))
}

/// All that is sent for a statement, on one line.
fn head(statement: &Statement) -> String {
    format!("> {}", statement.one_line())
}

/// # Errors
/// What is wrong with the file, and what to do.
pub fn read(area: &str, statements: &[Statement]) -> Result<Vec<String>, String> {
    let again = format!(
        "record it: EIDER_ORACLE=HOST:PORT cargo test --test differential -- --record {area}"
    );
    let text = std::fs::read_to_string(path(area))
        .map_err(|error| format!("{}: {error}; {again}", path(area).display()))?;
    let mut blocks: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        if line.starts_with("> ") {
            blocks.push((line, String::new()));
        } else if let Some((_, answer)) = blocks.last_mut() {
            answer.push_str(line);
            answer.push('\n');
        }
    }
    for (statement, block) in statements.iter().zip(&blocks) {
        if head(statement) != block.0 {
            let line = statement.line;
            return Err(format!("scripts/{area}.sql:{line} isn't what was recorded; {again}"));
        }
    }
    if statements.len() != blocks.len() {
        let (now, then) = (statements.len(), blocks.len());
        return Err(format!("scripts/{area}.sql has {now} statements, {then} recorded; {again}"));
    }
    Ok(blocks.into_iter().map(|(_, answer)| answer).collect())
}

pub fn write(area: &str, statements: &[Statement], answers: &[String]) -> std::io::Result<()> {
    let block = |(statement, answer): (&Statement, &String)| head(statement) + "\n" + answer;
    let text: String = statements.iter().zip(answers).map(block).collect();
    std::fs::create_dir_all(folder().join("answers"))?;
    std::fs::write(path(area), text)
}
