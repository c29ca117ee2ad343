//! money: whole cents (manual, "Monetary Types"), as the locale C shows them.
//!
//! Stored as an integer of cents, whose order is PostgreSQL's.

use bytes::{BufMut as _, BytesMut};

use crate::datum::integer;
use crate::datum::stored::{invalid_input, is_space};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

/// Digits behind the point.
const FRACTION: u32 = 2;

fn out_of_range(input: &str) -> Error {
    let message = format!("value \"{input}\" is out of range for type money");
    Error::user(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
}

/// Takes a sign, or the opening bracket of a negative amount, off the front.
fn take_sign(rest: &str) -> (&str, Option<bool>) {
    match rest.strip_prefix(['-', '(']) {
        Some(rest) => (rest, Some(true)),
        None => (rest.strip_prefix('+').unwrap_or(rest), None),
    }
}

fn take_symbol(rest: &str) -> &str {
    let rest = rest.trim_start_matches(is_space);
    rest.strip_prefix('$').unwrap_or(rest).trim_start_matches(is_space)
}

/// An amount: a currency symbol and a sign, in either order, digits with commas between them, a point, and a
/// sign, closing bracket or symbol behind them. Digits behind the cents are rounded.
///
/// # Errors
/// 22P02, 22003
pub fn from_text(input: &str) -> Result<Value, Error> {
    let (rest, sign) = take_sign(take_symbol(input));
    let mut negative = sign.is_some();
    let rest = take_symbol(rest);
    // Below zero, since there is one more number there.
    let (mut cents, mut decimals) = (0_i64, None);
    let mut end = rest.len();
    for (at, character) in rest.char_indices() {
        match (character, decimals) {
            ('0'..='9', Some(FRACTION)) => {
                end = at;
                break;
            }
            ('0'..='9', _) => {
                let digit = i64::from(character as u8 - b'0');
                let longer = cents.checked_mul(10).and_then(|cents| cents.checked_sub(digit));
                cents = longer.ok_or_else(|| out_of_range(input))?;
                decimals = decimals.map(|count| count + 1);
            }
            ('.', None) => decimals = Some(0),
            (',', _) => {}
            _ => {
                end = at;
                break;
            }
        }
    }
    let rest = &rest[end..];
    if rest.starts_with(|next: char| ('5'..='9').contains(&next)) {
        cents = cents.checked_sub(1).ok_or_else(|| out_of_range(input))?;
    }
    for _ in decimals.unwrap_or(0)..FRACTION {
        cents = cents.checked_mul(10).ok_or_else(|| out_of_range(input))?;
    }
    for character in rest.trim_start_matches(|next: char| next.is_ascii_digit()).chars() {
        match character {
            '-' => negative = true,
            ')' | '+' | '$' => {}
            space if is_space(space) => {}
            _ => return Err(invalid_input("money", input)),
        }
    }
    let cents = if negative { Some(cents) } else { cents.checked_neg() };
    cents.map(Value::Integer).ok_or_else(|| out_of_range(input))
}

/// # Errors
/// 22P03
pub fn from_binary(bytes: &[u8]) -> Result<Value, Error> {
    integer::from_binary(PgType::INT8, bytes)
}

/// As it is shown: `-$1,234.50`.
pub fn show(cents: i64) -> String {
    let magnitude = cents.unsigned_abs();
    let whole = (magnitude / 100).to_string();
    let mut shown = String::from(if cents < 0 { "-$" } else { "$" });
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    let cents = magnitude % 100;
    shown.extend([
        '.',
        char::from(b'0' + (cents / 10) as u8),
        char::from(b'0' + (cents % 10) as u8),
    ]);
    shown
}

/// # Errors
/// XX001
pub fn to_text(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    match value {
        Value::Integer(cents) => out.put_slice(show(*cents).as_bytes()),
        // Says what is wrong with it.
        other => integer::to_text(PgType::INT8, other, out)?,
    }
    Ok(())
}

/// # Errors
/// XX001
pub fn to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    integer::to_binary(PgType::INT8, value, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown_as_postgresql_does() {
        for (input, shown) in [
            ("", "$0.00"),
            ("12.345", "$12.35"),
            ("(1.5)", "-$1.50"),
            ("-$1,234,567.899", "-$1,234,567.90"),
            ("92233720368547758.07", "$92,233,720,368,547,758.07"),
            ("-92233720368547758.08", "-$92,233,720,368,547,758.08"),
            (" $ 5 ", "$5.00"),
            ("5-", "-$5.00"),
            ("$-5", "-$5.00"),
            ("1,2,3.4", "$123.40"),
            (".995", "$1.00"),
        ] {
            let Value::Integer(cents) = from_text(input).unwrap() else { panic!("{input}") };
            assert_eq!(show(cents), shown, "{input}");
        }
        for (input, state) in [
            ("abc", "22P02"),
            ("1.2.3", "22P02"),
            ("1e5", "22P02"),
            ("NaN", "22P02"),
            ("92233720368547758.08", "22003"),
            ("-92233720368547758.09", "22003"),
        ] {
            assert_eq!(&from_text(input).unwrap_err().state().0, state.as_bytes(), "{input}");
        }
    }
}
