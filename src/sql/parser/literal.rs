//! Constants: strings in their several quotings, numbers, parameters.

use sqlparser::tokenizer::Token;

use crate::model::error::{Error, SqlState};
use crate::sql::ast::ExprKind;
use crate::sql::parser::PARAMETERS_MAX;

/// The value of a string token.
pub(super) fn string_token(token: &Token) -> Option<String> {
    match token {
        Token::SingleQuotedString(text)
        | Token::EscapedStringLiteral(text)
        | Token::UnicodeStringLiteral(text)
        | Token::NationalStringLiteral(text) => Some(text.clone()),
        Token::DollarQuotedString(quoted) => Some(quoted.value.clone()),
        _ => None,
    }
}

pub(super) fn zero_byte() -> Error {
    let message = "invalid byte sequence for encoding \"UTF8\": 0x00";
    Error::user(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message)
}

/// A string constant.
///
/// # Errors
/// 22021 for a zero byte.
pub(super) fn text(text: &str, position: u32) -> Result<ExprKind, Error> {
    if text.contains('\0') {
        return Err(zero_byte().with_position(position));
    }
    Ok(ExprKind::String(text.to_owned()))
}

/// `$n`.
///
/// # Errors
/// 42P02 for a number that no parameter can have.
pub(super) fn parameter(text: &str, position: u32) -> Result<ExprKind, Error> {
    match text.strip_prefix('$').and_then(|digits| digits.parse().ok()) {
        Some(number) if (1..=PARAMETERS_MAX).contains(&number) => Ok(ExprKind::Parameter(number)),
        _ => {
            Err(Error::user(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter {text}"))
                .with_position(position))
        }
    }
}
