//! Definitions: changes of SQLite's schema together with the rows of Eider's catalog tables that
//! say what PostgreSQL sees (`system_schema.sql`), all in one transaction.

mod alter;
mod constraint;
mod drop;
mod index;
mod name;
mod record;
mod table;

use crate::model::error::{Class, Error, SqlState};
use crate::sql::ast::{self, Statement};
use crate::sql::bind::{Binder, no_such_relation};
use crate::sql::{Action, Step, WriteTag};

/// Compiles a definition.
pub(super) fn compile(statement: &Statement, binder: &mut Binder<'_>) -> Result<Action, Error> {
    match statement {
        Statement::CreateTable(table) => table::create(table, binder),
        Statement::CreateIndex(index) => index::create(index, binder),
        Statement::AlterTable { name, if_exists, actions } => match binder.table(name) {
            Ok(table) => alter::alter(table, actions, binder),
            Err(error) if *if_exists && error.state() == SqlState::UNDEFINED_TABLE => {
                Ok(skipping("ALTER TABLE", &no_such_relation(name)))
            }
            Err(error) => Err(error),
        },
        Statement::CreateSequence { name, if_not_exists, start, increment } => {
            table::create_sequence(name, *if_not_exists, (*start, *increment), binder)
        }
        Statement::Drop { kind, names, if_exists, cascade } => {
            drop::drop(*kind, names, (*if_exists, *cascade), binder)
        }
        Statement::Truncate { names, restart_identity, cascade } => {
            drop::truncate(names, (*restart_identity, *cascade), binder)
        }
        _ => Err(Error::internal("this statement is not a definition")),
    }
}

/// A change of definitions: all its steps in one transaction.
fn definition(steps: Vec<Step>, tag: &'static str) -> Action {
    Action::Write { steps, tag: WriteTag::Plain(tag), changes_catalog: true }
}

/// Nothing to do, with a notice that says so.
fn skipping(tag: &'static str, error: &Error) -> Action {
    let notice =
        Error::new(Class::User, SqlState(*b"00000"), format!("{}, skipping", error.message()));
    Action::Nothing { tag, notice: Some(notice) }
}

/// 42P07, or a notice where IF NOT EXISTS was said.
fn already_exists(name: &str, if_not_exists: bool, tag: &'static str) -> Result<Action, Error> {
    let error =
        Error::user(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists"));
    if !if_not_exists {
        return Err(error);
    }
    let notice = Error::new(
        Class::User,
        SqlState::DUPLICATE_TABLE,
        format!("{}, skipping", error.message()),
    );
    Ok(Action::Nothing { tag, notice: Some(notice) })
}

/// Quotes an identifier as PostgreSQL shows it: only where it must be.
fn quoted(name: &str) -> String {
    let plain = name.chars().enumerate().all(|(at, character)| {
        character == '_' || character.is_ascii_lowercase() || (at > 0 && character.is_ascii_digit())
    });
    if plain && !name.is_empty() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

fn texts(names: &[ast::Name]) -> Vec<String> {
    names.iter().map(|name| name.text.clone()).collect()
}
