//! tsvector: a document's lexemes with their positions and weights (manual, "Text Search Types").
//!
//! Stored as PostgreSQL shows it, lexemes by their bytes, so that equal values are equal texts. Their order is not
//! PostgreSQL's.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use bytes::{Buf as _, BufMut as _, BytesMut};

use crate::datum::stored::{bad_binary, corrupted, is_space, short_binary, text};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

pub const TSVECTOR: PgType = PgType::new(3614);

/// The largest position (`MAXENTRYPOS`, less one).
const POSITION_MAX: u16 = 16383;
/// Positions of a lexeme at the most.
const POSITIONS_MAX: usize = 256;
/// Bytes of a lexeme at the most.
const LEXEME_BYTES_MAX: usize = 2046;
/// Bytes of all lexemes and their positions at the most.
const BYTES_MAX: usize = 1 << 20;

/// Lexemes, each with its positions and their weights: 3 is A, 0 is D.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lexemes(BTreeMap<String, BTreeMap<u16, u8>>);

impl Lexemes {
    /// Reads the text form.
    ///
    /// # Errors
    /// 42601, 54000 with PostgreSQL's texts.
    pub fn parse(input: &str) -> Result<Self, Error> {
        let mut lexemes = Self::default();
        let mut characters = input.chars().peekable();
        loop {
            while characters.next_if(|c| is_space(*c)).is_some() {}
            if characters.peek().is_none() {
                return lexemes.checked();
            }
            let lexeme = word(&mut characters).ok_or_else(|| wrong("syntax error", input))?;
            let mut found = BTreeMap::new();
            if characters.next_if_eq(&':').is_some() {
                positions(&mut characters, &mut found, input)?;
            }
            lexemes.add(lexeme, found)?;
        }
    }

    fn add(&mut self, lexeme: String, positions: BTreeMap<u16, u8>) -> Result<(), Error> {
        if lexeme.len() > LEXEME_BYTES_MAX {
            let (length, most) = (lexeme.len(), LEXEME_BYTES_MAX);
            let message = format!("word is too long ({length} bytes, max {most} bytes)");
            return Err(Error::limit(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
        }
        let known = self.0.entry(lexeme).or_default();
        for (position, weight) in positions {
            let kept = known.entry(position).or_default();
            *kept = weight.max(*kept);
        }
        while known.len() > POSITIONS_MAX {
            known.pop_last();
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, Error> {
        let size = |(lexeme, positions): (&String, &BTreeMap<u16, u8>)| {
            lexeme.len() + if positions.is_empty() { 0 } else { 2 * positions.len() + 3 }
        };
        let bytes: usize = self.0.iter().map(size).sum();
        if bytes < BYTES_MAX {
            return Ok(self);
        }
        let message =
            format!("string is too long for tsvector ({bytes} bytes, max {BYTES_MAX} bytes)");
        Err(Error::limit(SqlState::PROGRAM_LIMIT_EXCEEDED, message))
    }

    /// How many lexemes there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Without positions and weights.
    pub fn strip(&mut self) {
        self.0.values_mut().for_each(BTreeMap::clear);
    }

    /// The text form, which is the stored one, too.
    pub fn show(&self) -> String {
        let mut out = String::new();
        for (lexeme, positions) in &self.0 {
            out.push_str(if out.is_empty() { "'" } else { " '" });
            for character in lexeme.chars() {
                if matches!(character, '\'' | '\\') {
                    out.push(character);
                }
                out.push(character);
            }
            out.push('\'');
            for (at, (position, weight)) in positions.iter().enumerate() {
                out.push(if at == 0 { ':' } else { ',' });
                out.push_str(&position.to_string());
                out.push_str(["", "C", "B", "A"][usize::from(*weight & 3)]);
            }
        }
        out
    }
}

fn wrong(what: &str, input: &str) -> Error {
    Error::user(SqlState::SYNTAX_ERROR, format!("{what} in tsvector: \"{input}\""))
}

/// A lexeme, quoted or not. `None` if it isn't one.
fn word(characters: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut lexeme = String::new();
    if characters.next_if_eq(&'\'').is_some() {
        loop {
            match characters.next()? {
                '\\' => lexeme.push(characters.next()?),
                '\'' if characters.next_if_eq(&'\'').is_some() => lexeme.push('\''),
                '\'' => break,
                character => lexeme.push(character),
            }
        }
    } else {
        while let Some(character) = characters.next_if(|c| *c != ':' && !is_space(*c)) {
            lexeme.push(if character == '\\' { characters.next()? } else { character });
        }
    }
    (!lexeme.is_empty()).then_some(lexeme)
}

/// `1A,2,3`
fn positions(
    characters: &mut Peekable<Chars<'_>>,
    found: &mut BTreeMap<u16, u8>,
    input: &str,
) -> Result<(), Error> {
    loop {
        let mut number: u32 = 0;
        let mut is_number = false;
        while let Some(digit) = characters.peek().and_then(|c| c.to_digit(10)) {
            is_number = true;
            number = number.saturating_mul(10).saturating_add(digit);
            characters.next();
        }
        if !is_number {
            return Err(wrong("syntax error", input));
        }
        if number == 0 {
            return Err(wrong("wrong position info", input));
        }
        let weight = match characters.peek() {
            Some('a' | 'A' | '*') => Some(3),
            Some('b' | 'B') => Some(2),
            Some('c' | 'C') => Some(1),
            Some('d' | 'D') => Some(0),
            _ => None,
        };
        if weight.is_some() {
            characters.next();
        }
        let position = u16::try_from(number).unwrap_or(POSITION_MAX).min(POSITION_MAX);
        let kept = found.entry(position).or_default();
        *kept = weight.unwrap_or(0).max(*kept);
        match characters.peek() {
            Some(',') => {
                characters.next();
            }
            Some(character) if !is_space(*character) => return Err(wrong("syntax error", input)),
            _ => return Ok(()),
        }
    }
}

pub(super) fn from_text(input: &str) -> Result<Value, Error> {
    Ok(Value::Text(Lexemes::parse(input)?.show()))
}

fn load(value: &Value) -> Result<Lexemes, Error> {
    Lexemes::parse(text(TSVECTOR, value)?).map_err(|_| corrupted(TSVECTOR))
}

/// The number of lexemes; each with a NUL behind it, the number of its positions, and these.
pub(super) fn to_binary(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let lexemes = load(value)?;
    out.put_u32(u32::try_from(lexemes.count()).map_err(|_| corrupted(TSVECTOR))?);
    for (lexeme, positions) in &lexemes.0 {
        out.put_slice(lexeme.as_bytes());
        out.put_u8(0);
        out.put_u16(positions.len() as u16);
        for (position, weight) in positions {
            out.put_u16(u16::from(*weight) << 14 | position);
        }
    }
    Ok(())
}

pub(super) fn from_binary(mut bytes: &[u8]) -> Result<Value, Error> {
    let count = bytes.try_get_i32().map_err(|_| short_binary())?;
    if count < 0 {
        return Err(bad_binary("invalid size of tsvector"));
    }
    let mut lexemes = Lexemes::default();
    for _ in 0..count {
        let end = bytes.iter().position(|byte| *byte == 0).ok_or_else(short_binary)?;
        let lexeme = std::str::from_utf8(&bytes[..end])
            .map_err(|error| crate::datum::invalid_utf8(bytes, error.valid_up_to()))?
            .to_owned();
        bytes.advance(end + 1);
        let places = bytes.try_get_u16().map_err(|_| short_binary())?;
        if usize::from(places) > POSITIONS_MAX {
            return Err(bad_binary("unexpected number of tsvector positions"));
        }
        let mut found = BTreeMap::new();
        for _ in 0..places {
            let packed = bytes.try_get_u16().map_err(|_| short_binary())?;
            found.insert(packed & POSITION_MAX, (packed >> 14) as u8);
        }
        lexemes.add(lexeme, found)?;
    }
    if !bytes.is_empty() {
        return Err(bad_binary("incorrect binary data format"));
    }
    Ok(Value::Text(lexemes.checked()?.show()))
}
