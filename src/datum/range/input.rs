//! Ranges and multiranges from their text, binary and stored forms.

use bytes::Buf as _;

use crate::datum::range::{Bound, Kind, Span};
use crate::datum::stored::{is_space, no_nul, short_binary};
use crate::datum::{Style, from_binary, from_text};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

const EMPTY: &str = "empty";

/// Flags of a range's binary form.
pub(super) const IS_EMPTY: u8 = 0x01;
pub(super) const LOWER_INCLUSIVE: u8 = 0x02;
pub(super) const UPPER_INCLUSIVE: u8 = 0x04;
pub(super) const LOWER_INFINITE: u8 = 0x08;
pub(super) const UPPER_INFINITE: u8 = 0x10;

/// A range literal's parts: bounds without their quotes.
struct Parts {
    lower: Option<String>,
    lower_inclusive: bool,
    upper: Option<String>,
    upper_inclusive: bool,
}

/// Reads a bound.
pub(crate) type ReadBound<'a> = dyn FnMut(&str) -> Result<Value, Error> + 'a;

impl Kind {
    /// Reads the text form of a range or a multirange into the stored form (manual, "Range Input/Output").
    ///
    /// # Errors
    /// 22P02 for what isn't one; those of [`make`](Kind::make) and of the bounds' type.
    pub(crate) fn from_text(self, text: &str, style: &Style) -> Result<Value, Error> {
        self.read(text, &mut |bound| from_text(self.subtype, bound, style))
    }

    /// The same with bounds that are read otherwise.
    pub(crate) fn read(self, text: &str, read: &mut ReadBound<'_>) -> Result<Value, Error> {
        let text = no_nul(text)?;
        let spans = if self.is_multirange {
            let mut spans = Vec::new();
            for literal in range_literals(text)? {
                spans.extend(self.read_range(&literal, read)?);
            }
            self.united(spans)?
        } else {
            self.read_range(text, read)?.into_iter().collect()
        };
        Ok(Value::Text(self.store(&spans)))
    }

    fn read_range(self, text: &str, read: &mut ReadBound<'_>) -> Result<Option<Span>, Error> {
        let Some(parts) = parts(text)? else { return Ok(None) };
        let mut bound = |text: &Option<String>| text.as_deref().map(&mut *read).transpose();
        let lower = Bound::lower(bound(&parts.lower)?, parts.lower_inclusive);
        let upper = Bound::upper(bound(&parts.upper)?, parts.upper_inclusive);
        self.make(lower, upper)
    }

    /// Reads a stored value.
    ///
    /// # Errors
    /// XX001 if it isn't one.
    pub fn load(self, stored: &str) -> Result<Vec<Span>, Error> {
        let corrupted = |_| self.corrupted();
        if !self.is_multirange {
            return Ok(self.load_range(stored)?.into_iter().collect());
        }
        let mut spans = Vec::new();
        for literal in range_literals(stored).map_err(corrupted)? {
            spans.extend(self.load_range(&literal)?);
        }
        Ok(spans)
    }

    fn load_range(self, stored: &str) -> Result<Option<Span>, Error> {
        let Some(parts) = parts(stored).map_err(|_| self.corrupted())? else { return Ok(None) };
        let bound = |text: Option<String>| text.map(|text| self.stored_bound(text)).transpose();
        Ok(Some(Span {
            lower: Bound::lower(bound(parts.lower)?, parts.lower_inclusive),
            upper: Bound::upper(bound(parts.upper)?, parts.upper_inclusive),
        }))
    }

    /// The value of the subtype that a stored bound is.
    fn stored_bound(self, text: String) -> Result<Value, Error> {
        Ok(match self.subtype.oid {
            16 | 20 | 21 | 23 | 26 => Value::Integer(text.parse().map_err(|_| self.corrupted())?),
            700 | 701 if text != "NaN" => Value::Real(text.parse().map_err(|_| self.corrupted())?),
            17 => from_text(PgType::BYTEA, &text, &Style::default())?,
            _ => Value::Text(text),
        })
    }

    /// Reads the binary form of a range or a multirange.
    ///
    /// # Errors
    /// 08P01 where something is missing; those of [`make`](Kind::make) and of the bounds' type.
    pub(crate) fn from_binary(self, bytes: &[u8]) -> Result<Value, Error> {
        self.receive(bytes, &mut |bound| from_binary(self.subtype, bound))
    }

    /// The same with bounds that are read otherwise.
    pub(crate) fn receive(
        self,
        mut bytes: &[u8],
        read: &mut ReceiveBound<'_>,
    ) -> Result<Value, Error> {
        let bytes = &mut bytes;
        let mut spans = Vec::new();
        if self.is_multirange {
            let count = bytes.try_get_u32().map_err(|_| short_binary())?;
            for _ in 0..count {
                let mut range = sized(bytes)?;
                spans.extend(self.receive_range(&mut range, read)?);
                end(range)?;
            }
            spans = self.united(spans)?;
        } else {
            spans.extend(self.receive_range(bytes, read)?);
        }
        end(bytes)?;
        Ok(Value::Text(self.store(&spans)))
    }

    fn receive_range(
        self,
        bytes: &mut &[u8],
        read: &mut ReceiveBound<'_>,
    ) -> Result<Option<Span>, Error> {
        let flags = bytes.try_get_u8().map_err(|_| short_binary())?;
        let has = |flag: u8| flags & flag != 0;
        let mut bound = |infinite: u8| {
            let missing = flags & (IS_EMPTY | infinite) != 0;
            if missing { Ok(None) } else { read(sized(bytes)?).map(Some) }
        };
        let (lower, upper) = (bound(LOWER_INFINITE)?, bound(UPPER_INFINITE)?);
        if has(IS_EMPTY) {
            return Ok(None);
        }
        let lower = Bound::lower(lower, has(LOWER_INCLUSIVE));
        self.make(lower, Bound::upper(upper, has(UPPER_INCLUSIVE)))
    }
}

/// Reads a bound in binary.
pub(crate) type ReceiveBound<'a> = dyn FnMut(&[u8]) -> Result<Value, Error> + 'a;

/// Bytes behind their number.
fn sized<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Error> {
    let length = bytes.try_get_i32().map_err(|_| short_binary())?;
    let length = usize::try_from(length).map_err(|_| short_binary())?;
    let (item, rest) = bytes.split_at_checked(length).ok_or_else(short_binary)?;
    *bytes = rest;
    Ok(item)
}

fn end(rest: &[u8]) -> Result<(), Error> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(Error::user(SqlState::PROTOCOL_VIOLATION, "invalid message format"))
}

fn malformed(what: &str, text: &str, detail: &str) -> Error {
    let message = format!("malformed {what} literal: \"{text}\"");
    Error::user(SqlState::INVALID_TEXT_REPRESENTATION, message).with_detail(detail)
}

/// What a range literal says; `None` if it is empty.
fn parts(text: &str) -> Result<Option<Parts>, Error> {
    let fail = |detail: &str| malformed("range", text, detail);
    let trimmed = text.trim_start_matches(is_space);
    if let Some((word, rest)) = trimmed.split_at_checked(EMPTY.len())
        && word.eq_ignore_ascii_case(EMPTY)
    {
        let is_all = rest.trim_matches(is_space).is_empty();
        return if is_all { Ok(None) } else { Err(fail("Junk after \"empty\" key word.")) };
    }
    let lower_inclusive = trimmed.starts_with('[');
    let Some(rest) = trimmed.strip_prefix(['[', '(']) else {
        return Err(fail("Missing left parenthesis or bracket."));
    };
    let unfinished = || fail("Unexpected end of input.");
    let (lower, rest) = bound(rest, ',').ok_or_else(unfinished)?;
    let Some(rest) = rest.strip_prefix(',') else {
        return Err(fail("Missing comma after lower bound."));
    };
    let (upper, rest) = bound(rest, ')').ok_or_else(unfinished)?;
    let upper_inclusive = rest.starts_with(']');
    let Some(rest) = rest.strip_prefix([']', ')']) else {
        return Err(fail("Too many commas."));
    };
    if !rest.trim_matches(is_space).is_empty() {
        return Err(fail("Junk after right parenthesis or bracket."));
    }
    Ok(Some(Parts { lower, lower_inclusive, upper, upper_inclusive }))
}

/// A bound and what follows it; without a text, where nothing at all stands before the `closing` (`)` is `]`, too).
/// `None` if the literal ends in it.
fn bound(text: &str, closing: char) -> Option<(Option<String>, &str)> {
    let nothing = |c: char| c == closing || (closing == ')' && c == ']');
    if text.starts_with(nothing) {
        return Some((None, text));
    }
    let mut value = String::new();
    let mut quoted = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            ',' | ')' | ']' if !quoted => return Some((Some(value), &text[at..])),
            '\\' => value.push(characters.next()?.1),
            '"' if !quoted => quoted = true,
            // A doubled one is one in the text.
            '"' if characters.next_if(|(_, next)| *next == '"').is_some() => value.push('"'),
            '"' => quoted = false,
            _ => value.push(c),
        }
    }
    None
}

/// The ranges in a multirange literal.
pub(super) fn range_literals(text: &str) -> Result<Vec<String>, Error> {
    let fail = |detail: &str| malformed("multirange", text, detail);
    let unfinished = || fail("Unexpected end of input.");
    let trimmed = text.trim_start_matches(is_space);
    let Some(mut rest) = trimmed.strip_prefix('{') else {
        return Err(fail("Missing left brace."));
    };
    let mut literals = Vec::new();
    loop {
        rest = rest.trim_start_matches(is_space);
        match rest.chars().next() {
            None => return Err(unfinished()),
            Some('}') if literals.is_empty() => break,
            Some('[' | '(') => {
                let length = literal_length(rest).ok_or_else(unfinished)?;
                literals.push(rest[..length].to_owned());
                rest = &rest[length..];
            }
            Some(_) => match rest.split_at_checked(EMPTY.len()) {
                Some((word, after)) if word.eq_ignore_ascii_case(EMPTY) => {
                    literals.push(EMPTY.to_owned());
                    rest = after;
                }
                _ => return Err(fail("Expected range start.")),
            },
        }
        rest = rest.trim_start_matches(is_space);
        match rest.chars().next() {
            None => return Err(unfinished()),
            Some(',') => rest = &rest[1..],
            Some('}') => break,
            Some(_) => return Err(fail("Expected comma or end of multirange.")),
        }
    }
    if !rest[1..].trim_matches(is_space).is_empty() {
        return Err(fail("Junk after closing right brace."));
    }
    Ok(literals)
}

/// Bytes of the range literal that a text begins with.
fn literal_length(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            ']' | ')' if !quoted => return Some(at + 1),
            '\\' => drop(characters.next()?),
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    None
}
