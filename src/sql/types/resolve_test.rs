//! Expressions have the types that PostgreSQL gives them, and are refused as it refuses them.
//!
//! `testdata/resolution.txt` has expressions with PostgreSQL's answers; `testdata/record` asks for
//! them.

use crate::model::catalog::Catalog;
use crate::model::error::SqlState;
use crate::sql::types::type_label;
use crate::sql::{CompileSettings, compile, parse};

const RECORDED: &str = include_str!("testdata/resolution.txt");
/// Expressions of the file that PostgreSQL takes and Eider refuses by name. It only gets smaller.
const REFUSED_MAX: usize = 96;

fn state(state: SqlState) -> String {
    String::from_utf8(state.0.to_vec()).unwrap()
}

fn answer(expression: &str) -> String {
    let settings = CompileSettings::new("tester", "postgres");
    let compiled = parse(&format!("SELECT {expression}"))
        .and_then(|parsed| compile(&parsed[0], &Catalog::default(), &settings, &[]));
    match compiled {
        Ok(compiled) => type_label(compiled.columns[0].data_type.oid).to_owned(),
        Err(error) => format!("{}: {}", state(error.state()), error.message()),
    }
}

#[test]
fn expressions_have_postgresql_s_types_and_errors() {
    let refusal = format!("{}: ", state(SqlState::FEATURE_NOT_SUPPORTED));
    let mut refused = Vec::new();
    let mut wrong = Vec::new();
    for line in RECORDED.lines() {
        let (expression, recorded) = line.split_once('\t').unwrap();
        let answer = answer(expression);
        if answer == recorded {
            continue;
        }
        if answer.starts_with(&refusal) && answer.contains("supported") {
            refused.push(expression);
        } else {
            wrong.push(format!("{expression}\n  PostgreSQL: {recorded}\n  Eider:      {answer}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(refused.len() <= REFUSED_MAX, "{} refused:\n{}", refused.len(), refused.join("\n"));
}
