//! Encodings of characters other than UTF-8: names, and conversion to UTF-8 and back, as PostgreSQL does
//! them. Used for what clients send and get, and by `convert` and the like.
//!
//! Which byte sequences there are is in `table`, for each encoding as PostgreSQL itself converts it. Text that is ASCII is the same
//! in all of them, and isn't copied.

mod table;

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::datum::stored::invalid_utf8;
use crate::model::error::{Error, SqlState};

use table::Table;

/// How the bytes of a text are cut into characters (PostgreSQL's `wchar.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// Bytes are taken as they are: those of UTF-8.
    Utf8,
    /// ISO 8859-1: a byte is its code point.
    Latin1,
    OneByte,
    EucJp,
    /// Two bytes, both of them high.
    Euc,
    EucTw,
    Sjis,
    /// Two bytes, the first of them high.
    TwoBytes,
    Gb18030,
    /// PostgreSQL has it, and it isn't done here.
    Unsupported,
}

/// An encoding that PostgreSQL knows.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoding {
    /// As in `pg_encoding_to_char`.
    pub number: i32,
    pub name: &'static str,
    scheme: Scheme,
    /// Bytes of a character at the most.
    pub bytes_max: i32,
}

const fn encoding(number: i32, name: &'static str, scheme: Scheme, bytes_max: i32) -> Encoding {
    Encoding { number, name, scheme, bytes_max }
}

/// Ordered by number.
const ENCODINGS: [Encoding; 42] = [
    encoding(0, "SQL_ASCII", Scheme::Utf8, 1),
    encoding(1, "EUC_JP", Scheme::EucJp, 3),
    encoding(2, "EUC_CN", Scheme::Euc, 2),
    encoding(3, "EUC_KR", Scheme::Euc, 3),
    encoding(4, "EUC_TW", Scheme::EucTw, 4),
    encoding(5, "EUC_JIS_2004", Scheme::Unsupported, 3),
    encoding(6, "UTF8", Scheme::Utf8, 4),
    encoding(7, "MULE_INTERNAL", Scheme::Unsupported, 4),
    encoding(8, "LATIN1", Scheme::Latin1, 1),
    encoding(9, "LATIN2", Scheme::OneByte, 1),
    encoding(10, "LATIN3", Scheme::OneByte, 1),
    encoding(11, "LATIN4", Scheme::OneByte, 1),
    encoding(12, "LATIN5", Scheme::OneByte, 1),
    encoding(13, "LATIN6", Scheme::OneByte, 1),
    encoding(14, "LATIN7", Scheme::OneByte, 1),
    encoding(15, "LATIN8", Scheme::OneByte, 1),
    encoding(16, "LATIN9", Scheme::OneByte, 1),
    encoding(17, "LATIN10", Scheme::OneByte, 1),
    encoding(18, "WIN1256", Scheme::OneByte, 1),
    encoding(19, "WIN1258", Scheme::OneByte, 1),
    encoding(20, "WIN866", Scheme::OneByte, 1),
    encoding(21, "WIN874", Scheme::OneByte, 1),
    encoding(22, "KOI8R", Scheme::OneByte, 1),
    encoding(23, "WIN1251", Scheme::OneByte, 1),
    encoding(24, "WIN1252", Scheme::OneByte, 1),
    encoding(25, "ISO_8859_5", Scheme::OneByte, 1),
    encoding(26, "ISO_8859_6", Scheme::OneByte, 1),
    encoding(27, "ISO_8859_7", Scheme::OneByte, 1),
    encoding(28, "ISO_8859_8", Scheme::OneByte, 1),
    encoding(29, "WIN1250", Scheme::OneByte, 1),
    encoding(30, "WIN1253", Scheme::OneByte, 1),
    encoding(31, "WIN1254", Scheme::OneByte, 1),
    encoding(32, "WIN1255", Scheme::OneByte, 1),
    encoding(33, "WIN1257", Scheme::OneByte, 1),
    encoding(34, "KOI8U", Scheme::OneByte, 1),
    encoding(35, "SJIS", Scheme::Sjis, 2),
    encoding(36, "BIG5", Scheme::TwoBytes, 2),
    encoding(37, "GBK", Scheme::TwoBytes, 2),
    encoding(38, "UHC", Scheme::TwoBytes, 2),
    encoding(39, "GB18030", Scheme::Gb18030, 4),
    encoding(40, "JOHAB", Scheme::Unsupported, 3),
    encoding(41, "SHIFT_JIS_2004", Scheme::Unsupported, 2),
];

/// Other names, as [`plain`] has them.
const ALIASES: [(&str, i32); 39] = [
    ("abc", 19),
    ("alt", 20),
    ("iso88591", 8),
    ("iso885910", 13),
    ("iso885913", 14),
    ("iso885914", 15),
    ("iso885915", 16),
    ("iso885916", 17),
    ("iso88592", 9),
    ("iso88593", 10),
    ("iso88594", 11),
    ("iso88599", 12),
    ("koi8", 22),
    ("mskanji", 35),
    ("shiftjis", 35),
    ("tcvn", 19),
    ("tcvn5712", 19),
    ("unicode", 6),
    ("vscii", 19),
    ("win", 23),
    ("win932", 35),
    ("win936", 37),
    ("win949", 38),
    ("win950", 36),
    ("windows1250", 29),
    ("windows1251", 23),
    ("windows1252", 24),
    ("windows1253", 30),
    ("windows1254", 31),
    ("windows1255", 32),
    ("windows1256", 18),
    ("windows1257", 33),
    ("windows1258", 19),
    ("windows866", 20),
    ("windows874", 21),
    ("windows932", 35),
    ("windows936", 37),
    ("windows949", 38),
    ("windows950", 36),
];

/// A name without what doesn't count in it.
fn plain(name: &str) -> String {
    let mut plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    plain.make_ascii_lowercase();
    plain
}

/// The encoding of a name, by PostgreSQL's rules: case and punctuation don't count.
pub fn named(name: &str) -> Option<&'static Encoding> {
    let name = plain(name);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, number)| *number);
    ENCODINGS.iter().find(|known| match alias {
        Some(number) => known.number == number,
        None => plain(known.name) == name,
    })
}

/// The encoding of a number.
pub fn numbered(number: i64) -> Option<&'static Encoding> {
    usize::try_from(number).ok().and_then(|at| ENCODINGS.get(at))
}

/// Bytes between encodings, as `convert` does.
///
/// # Errors
/// 42883 where PostgreSQL has no such conversion; 0A000 for one that isn't here; those of the conversions.
pub fn convert<'a>(
    bytes: &'a [u8],
    from: &'static Encoding,
    to: &'static Encoding,
) -> Result<Cow<'a, [u8]>, Error> {
    from.check(bytes)?;
    // Bytes of SQL_ASCII may be anything, and become anything.
    if from.number == to.number || from.is_any() || to.is_any() {
        to.check(bytes)?;
        return Ok(Cow::Borrowed(bytes));
    }
    if from.is_missing() || to.is_missing() || !from.is_utf8() && !to.is_utf8() {
        return Err(no_conversion(from, to));
    }
    if to.is_utf8() {
        return Ok(match from.read(bytes)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => to.write(text),
        Err(error) => Err(invalid_utf8(bytes, error.valid_up_to())),
    }
}

/// What PostgreSQL converts from one to another without UTF-8 between.
const RELATED: [&[i32]; 6] =
    [&[22, 23, 20, 25], &[1, 35, 7], &[4, 36, 7], &[9, 29, 7], &[5, 41], &[2, 3, 8, 10, 11, 7]];

fn no_conversion(from: &Encoding, to: &Encoding) -> Error {
    let (own, other) = if from.is_utf8() { (to, from) } else { (from, to) };
    let conversion = format!("encoding \"{}\" to \"{}\"", from.name, to.name);
    let related = |group: &&[i32]| group.contains(&from.number) && group.contains(&to.number);
    let with_utf8 = own.is_missing() && own.number != 7 && other.is_utf8();
    if with_utf8 || RELATED.iter().any(related) {
        return Error::refused(format!("conversion from {conversion} is not supported"));
    }
    Error::user(
        SqlState::UNDEFINED_FUNCTION,
        format!("default conversion function for {conversion} does not exist"),
    )
}

impl Encoding {
    /// Whether it is one that PostgreSQL has and Eider hasn't.
    pub fn is_missing(&self) -> bool {
        self.scheme == Scheme::Unsupported
    }

    fn is_utf8(&self) -> bool {
        self.number == 6
    }

    fn is_any(&self) -> bool {
        self.number == 0
    }

    /// Whether text in it has UTF-8's bytes.
    pub fn is_as_stored(&self) -> bool {
        self.scheme == Scheme::Utf8
    }

    fn table(&self) -> &'static Table {
        table::of(self.number)
    }

    /// Its text as UTF-8.
    ///
    /// # Errors
    /// 22021 for bytes that aren't such text, 22P05 for a character that Unicode hasn't.
    pub fn read<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, str>, Error> {
        if self.scheme == Scheme::Utf8 {
            let text = std::str::from_utf8(bytes);
            let text = text.map_err(|error| invalid_utf8(bytes, error.valid_up_to()))?;
            return match text.find('\0') {
                Some(at) => Err(invalid_utf8(bytes, at)),
                None => Ok(Cow::Borrowed(text)),
            };
        }
        if bytes.iter().all(|byte| matches!(byte, 1..=0x7f))
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return Ok(Cow::Borrowed(text));
        }
        let mut text = String::with_capacity(bytes.len() * 2);
        let mut rest = bytes;
        while let [first, ..] = rest {
            let length = self.valid_length(rest).ok_or_else(|| self.invalid(rest))?;
            let (character, after) = rest.split_at(length);
            text.push(match self.scheme {
                _ if first.is_ascii() => char::from(*first),
                Scheme::Latin1 => char::from(*first),
                _ => self
                    .table()
                    .read(character)
                    .ok_or_else(|| untranslatable(character, self.name, "UTF8"))?,
            });
            rest = after;
        }
        Ok(Cow::Owned(text))
    }

    /// Of the beginning of a text: what there is of whole characters, how many bytes that took, and what is
    /// wrong with the next one.
    pub fn read_whole_characters(&self, bytes: &[u8]) -> (String, usize, Option<Error>) {
        let (mut text, mut taken) = (String::with_capacity(bytes.len()), 0);
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            let length = self.claimed_length(rest);
            if rest.len() < length
                || rest.len() == 1 && self.scheme == Scheme::Gb18030 && !rest[0].is_ascii()
            {
                break;
            }
            match self.read(&rest[..length]) {
                Ok(character) => text.push_str(&character),
                Err(error) => return (text, taken, Some(error)),
            }
            taken += length;
        }
        (text, taken, None)
    }

    /// A text in this encoding.
    ///
    /// # Errors
    /// 22P05 for a character that it hasn't.
    pub fn write<'a>(&self, text: &'a str) -> Result<Cow<'a, [u8]>, Error> {
        if self.scheme == Scheme::Utf8 || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let mut bytes = Vec::with_capacity(text.len());
        for character in text.chars() {
            let written = match self.scheme {
                _ if character.is_ascii() => {
                    bytes.push(character as u8);
                    true
                }
                Scheme::Latin1 => u8::try_from(character).map(|byte| bytes.push(byte)).is_ok(),
                _ => self.table().write(character, &mut bytes),
            };
            if !written {
                let mut buffer = [0; 4];
                let shown = character.encode_utf8(&mut buffer).as_bytes();
                return Err(untranslatable(shown, "UTF8", self.name));
            }
        }
        Ok(Cow::Owned(bytes))
    }

    /// How many characters these bytes are.
    ///
    /// # Errors
    /// 22021 for bytes that aren't text in this encoding.
    pub fn length(&self, bytes: &[u8]) -> Result<usize, Error> {
        let (mut count, mut rest) = (0, bytes);
        while !rest.is_empty() {
            let length = self.valid_length(rest).ok_or_else(|| self.invalid(rest))?;
            rest = &rest[length..];
            count += 1;
        }
        Ok(count)
    }

    /// # Errors
    /// 22021 for bytes that aren't text in this encoding.
    fn check(&self, bytes: &[u8]) -> Result<(), Error> {
        if self.is_missing() { Ok(()) } else { self.length(bytes).map(drop) }
    }

    /// The length of the character that some bytes begin with, if they are one.
    fn valid_length(&self, bytes: &[u8]) -> Option<usize> {
        let high = |at: usize| bytes.get(at).is_some_and(|byte| (0xa1..=0xfe).contains(byte));
        let within = |at: usize, low: u8, last: u8| {
            bytes.get(at).is_some_and(|byte| (low..=last).contains(byte))
        };
        let first = *bytes.first()?;
        if self.is_utf8() {
            let length = self.claimed_length(bytes);
            return std::str::from_utf8(bytes.get(..length)?)
                .ok()
                .filter(|_| first != 0)
                .map(|_| length);
        }
        if first < 0x80 {
            return (first != 0).then_some(1);
        }
        let length = self.claimed_length(bytes);
        let valid = match self.scheme {
            Scheme::Utf8 | Scheme::Latin1 | Scheme::OneByte | Scheme::Unsupported => true,
            Scheme::EucJp => match first {
                0x8e => within(1, 0xa1, 0xdf),
                0x8f => high(1) && high(2),
                _ => high(0) && high(1),
            },
            Scheme::Euc => high(0) && high(1),
            Scheme::EucTw => match first {
                0x8e => within(1, 0xa1, 0xa7) && high(2) && high(3),
                0x8f => false,
                _ => high(1),
            },
            Scheme::Sjis if length == 1 => true,
            Scheme::Sjis => {
                (within(0, 0x81, 0x9f) || within(0, 0xe0, 0xfc))
                    && (within(1, 0x40, 0x7e) || within(1, 0x80, 0xfc))
            }
            Scheme::TwoBytes => {
                bytes.get(1).is_some_and(|byte| *byte != 0) && !bytes.starts_with(b"\x8d ")
            }
            Scheme::Gb18030 if length == 4 => {
                within(0, 0x81, 0xfe) && within(2, 0x81, 0xfe) && within(3, 0x30, 0x39)
            }
            Scheme::Gb18030 => {
                within(0, 0x81, 0xfe) && (within(1, 0x40, 0x7e) || within(1, 0x80, 0xfe))
            }
        };
        valid.then_some(length)
    }

    /// How long a character is, as far as its first bytes tell.
    fn claimed_length(&self, bytes: &[u8]) -> usize {
        let first = bytes.first().copied().unwrap_or(0);
        match (self.scheme, first) {
            (Scheme::Utf8, _) if self.is_any() => 1,
            (Scheme::Utf8, 0xf0..=0xf7) => 4,
            (Scheme::Utf8, 0xe0..=0xef) => 3,
            (Scheme::Utf8, 0xc0..=0xdf) => 2,
            (Scheme::Latin1 | Scheme::OneByte | Scheme::Utf8 | Scheme::Unsupported, _)
            | (_, ..=0x7f) => 1,
            (Scheme::EucJp | Scheme::Euc | Scheme::EucTw, 0x8f) => 3,
            (Scheme::EucTw, 0x8e) => 4,
            (Scheme::Sjis, 0xa1..=0xdf) => 1,
            (Scheme::Gb18030, _) if bytes.get(1).is_some_and(u8::is_ascii_digit) => 4,
            _ => 2,
        }
    }

    /// 22021
    fn invalid(&self, rest: &[u8]) -> Error {
        let shown = shown(&rest[..self.claimed_length(rest).min(rest.len())]);
        Error::user(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!("invalid byte sequence for encoding \"{}\": {shown}", self.name),
        )
    }
}

fn shown(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for byte in bytes {
        let space = if shown.is_empty() { "" } else { " " };
        let _ = write!(shown, "{space}0x{byte:02x}");
    }
    shown
}

/// 22P05
fn untranslatable(character: &[u8], from: &str, to: &str) -> Error {
    let shown = shown(character);
    Error::user(
        SqlState::UNTRANSLATABLE_CHARACTER,
        format!(
            "character with byte sequence {shown} in encoding \"{from}\" has no equivalent in encoding \"{to}\""
        ),
    )
}

#[cfg(test)]
#[path = "encoding_test.rs"]
mod tests;
