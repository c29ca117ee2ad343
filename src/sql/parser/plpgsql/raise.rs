//! RAISE, and the names of conditions.

use sqlparser::tokenizer::Token;

use super::{end, parsed, tokens_until};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Code, Condition, ExprKind, Level, Raise};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

/// Names of conditions that are caught or raised (manual, appendix "PostgreSQL Error Codes").
const CONDITIONS: &[(&str, &[u8; 5])] = &[
    ("cardinality_violation", b"21000"),
    ("case_not_found", b"20000"),
    ("check_violation", b"23514"),
    ("data_exception", b"22000"),
    ("dependent_objects_still_exist", b"2BP01"),
    ("division_by_zero", b"22012"),
    ("duplicate_alias", b"42712"),
    ("duplicate_column", b"42701"),
    ("duplicate_database", b"42P04"),
    ("duplicate_function", b"42723"),
    ("duplicate_object", b"42710"),
    ("duplicate_schema", b"42P06"),
    ("duplicate_table", b"42P07"),
    ("exclusion_violation", b"23P01"),
    ("feature_not_supported", b"0A000"),
    ("foreign_key_violation", b"23503"),
    ("insufficient_privilege", b"42501"),
    ("invalid_parameter_value", b"22023"),
    ("invalid_schema_name", b"3F000"),
    ("invalid_table_definition", b"42P16"),
    ("invalid_text_representation", b"22P02"),
    ("no_data_found", b"P0002"),
    ("not_null_violation", b"23502"),
    ("numeric_value_out_of_range", b"22003"),
    ("object_in_use", b"55006"),
    ("object_not_in_prerequisite_state", b"55000"),
    ("raise_exception", b"P0001"),
    ("string_data_right_truncation", b"22001"),
    ("string_data_length_mismatch", b"22026"),
    ("syntax_error", b"42601"),
    ("too_many_rows", b"P0003"),
    ("undefined_column", b"42703"),
    ("undefined_function", b"42883"),
    ("undefined_object", b"42704"),
    ("undefined_table", b"42P01"),
    ("unique_violation", b"23505"),
    ("wrong_object_type", b"42809"),
];

pub(super) fn condition(cursor: &mut Cursor<'_>) -> Result<Condition, Error> {
    if cursor.eat("SQLSTATE") {
        return Ok(Condition::State(state(&cursor.string()?)?));
    }
    let name = cursor.name()?;
    match name.text.as_str() {
        "others" => Ok(Condition::Any),
        "integrity_constraint_violation" => Ok(Condition::Class(*b"23")),
        "syntax_error_or_access_rule_violation" => Ok(Condition::Class(*b"42")),
        other => named(other).map(Condition::State),
    }
}

fn named(name: &str) -> Result<SqlState, Error> {
    let known = CONDITIONS.iter().find(|(known, _)| *known == name);
    known.map(|(_, state)| SqlState(**state)).ok_or_else(|| {
        Error::user(
            SqlState::UNDEFINED_OBJECT,
            format!("unrecognized exception condition \"{name}\""),
        )
    })
}

fn state(text: &str) -> Result<SqlState, Error> {
    let valid = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    match <[u8; 5]>::try_from(text.as_bytes()) {
        Ok(bytes) if valid => Ok(SqlState(bytes)),
        _ => Err(Error::user(SqlState::SYNTAX_ERROR, "invalid SQLSTATE code")),
    }
}

pub(super) fn raise(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    cursor.expect("RAISE")?;
    if cursor.eat_token(&Token::SemiColon) {
        return Ok(Code::Reraise);
    }
    let levels = ["DEBUG", "LOG", "INFO", "NOTICE", "WARNING"];
    let level = match levels.into_iter().find(|level| cursor.is_word(level)) {
        Some(level) => {
            cursor.at += 1;
            Level::Message(level)
        }
        None => {
            cursor.eat("EXCEPTION");
            Level::Exception
        }
    };
    let mut raise = Raise {
        level,
        format: String::new(),
        arguments: Vec::new(),
        state: None,
        detail: None,
        hint: None,
    };
    if cursor.peek() == Some(&Token::SemiColon) {
        return Err(unsupported("RAISE without a message"));
    }
    if cursor.eat("SQLSTATE") {
        raise.state = Some(state(&cursor.string()?)?);
    } else if let Ok(format) = cursor.string() {
        raise.format = format;
    } else if !cursor.is_word("USING") {
        let name = cursor.name()?;
        raise.state = Some(named(&name.text)?);
        raise.format = name.text;
    }
    while cursor.eat_token(&Token::Comma) {
        let tokens = tokens_until(cursor, |word| word == "USING");
        raise.arguments.push(parsed(cursor, tokens)?);
    }
    if cursor.eat("USING") {
        raise_options(cursor, &mut raise)?;
    }
    let places = raise.format.replace("%%", "").matches('%').count();
    if places != raise.arguments.len() {
        let which = if places > raise.arguments.len() { "few" } else { "many" };
        let message = format!("too {which} parameters specified for RAISE");
        return Err(Error::user(SqlState::SYNTAX_ERROR, message));
    }
    end(cursor)?;
    Ok(Code::Raise(raise))
}

fn raise_options(cursor: &mut Cursor<'_>, raise: &mut Raise) -> Result<(), Error> {
    loop {
        let option = cursor.next_word()?;
        if !cursor.eat_token(&Token::Eq) {
            cursor.expect_token(&Token::Assignment)?;
        }
        let tokens = tokens_until(cursor, |_| false);
        let value = parsed(cursor, tokens)?;
        match (option.as_str(), &value.kind) {
            ("DETAIL", _) => raise.detail = Some(value),
            ("HINT", _) => raise.hint = Some(value),
            ("MESSAGE", ExprKind::String(text)) => {
                raise.format = text.replace('%', "%%");
            }
            ("ERRCODE", ExprKind::String(text)) => {
                raise.state = Some(match named(text) {
                    Ok(known) => known,
                    Err(_) => state(text)?,
                });
            }
            _ => return Err(unsupported(&format!("RAISE ... USING {option}"))),
        }
        if !cursor.eat_token(&Token::Comma) {
            return Ok(());
        }
    }
}
