//! Type names, read from tokens.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{unsupported, word};
use crate::datum::interval_fields;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Name, TypeName};

impl Cursor<'_> {
    /// A type with its modifiers and array bounds.
    pub(super) fn type_name(&mut self) -> Result<TypeName, Error> {
        if self.is_word("SETOF") {
            return Err(unsupported("SETOF"));
        }
        let mut name = self.element_type()?;
        if self.eat("ARRAY") {
            name.array = true;
            if self.eat_token(&Token::LBracket) {
                self.integer()?;
                self.expect_token(&Token::RBracket)?;
            }
            return Ok(name);
        }
        // As in PostgreSQL, neither the number nor the size of dimensions means anything.
        while self.eat_token(&Token::LBracket) {
            name.array = true;
            if matches!(self.peek(), Some(Token::Number(..))) {
                self.integer()?;
            }
            self.expect_token(&Token::RBracket)?;
        }
        Ok(name)
    }

    fn element_type(&mut self) -> Result<TypeName, Error> {
        let position = self.position();
        let Some(token) = self.peek() else { return Err(self.unexpected()) };
        let word = word::upper(token).unwrap_or_default();
        // A qualified name is never one of the standard's.
        let qualified = self.peek_at(1) == Some(&Token::Period);
        let standard = if qualified { None } else { self.standard_type(&word)? };
        if let Some((name, modifiers)) = standard {
            let name = vec![Name { text: name.to_owned(), position }];
            return Ok(TypeName { name, modifiers, array: false });
        }
        if word::is_reserved(token) {
            return Err(self.unexpected());
        }
        let mut name = vec![self.name()?];
        while self.eat_token(&Token::Period) {
            name.push(self.name()?);
        }
        let modifiers = self.type_modifiers()?;
        Ok(TypeName { name, modifiers, array: false })
    }

    /// The types that the standard names: PostgreSQL's name and the modifiers.
    fn standard_type(&mut self, word: &str) -> Result<Option<(&'static str, Vec<i64>)>, Error> {
        let plain = |cursor: &mut Self, name| {
            cursor.at += 1;
            Ok(Some((name, Vec::new())))
        };
        match word {
            "INT" | "INTEGER" => plain(self, "int4"),
            "SMALLINT" => plain(self, "int2"),
            "BIGINT" => plain(self, "int8"),
            "REAL" => plain(self, "float4"),
            "BOOLEAN" => plain(self, "bool"),
            "DOUBLE" if self.is_word_at(1, "PRECISION") => {
                self.at += 2;
                Ok(Some(("float8", Vec::new())))
            }
            "FLOAT" => {
                self.at += 1;
                let position = self.position();
                let name = match self.type_modifiers()?.first() {
                    None | Some(25..=53) => "float8",
                    Some(1..=24) => "float4",
                    Some(other) => return Err(float_precision(*other).with_position(position)),
                };
                Ok(Some((name, Vec::new())))
            }
            "DECIMAL" | "DEC" | "NUMERIC" => {
                self.at += 1;
                Ok(Some(("numeric", self.type_modifiers()?)))
            }
            "BIT" => {
                self.at += 1;
                if self.eat("VARYING") {
                    return Ok(Some(("varbit", self.type_modifiers()?)));
                }
                let modifiers = self.type_modifiers()?;
                Ok(Some(("bit", if modifiers.is_empty() { vec![1] } else { modifiers })))
            }
            "CHARACTER" | "CHAR" | "NCHAR" => {
                self.at += 1;
                self.character_type().map(Some)
            }
            "NATIONAL" if self.is_word_at(1, "CHARACTER") || self.is_word_at(1, "CHAR") => {
                self.at += 2;
                self.character_type().map(Some)
            }
            "VARCHAR" => {
                self.at += 1;
                Ok(Some(("varchar", self.type_modifiers()?)))
            }
            "TIME" | "TIMESTAMP" => {
                self.at += 1;
                let modifiers = self.type_modifiers()?;
                let zoned = self.eat("WITH TIME ZONE");
                if !zoned {
                    self.eat("WITHOUT TIME ZONE");
                }
                let name = match (word, zoned) {
                    ("TIME", false) => "time",
                    ("TIME", true) => "timetz",
                    (_, false) => "timestamp",
                    (_, true) => "timestamptz",
                };
                Ok(Some((name, modifiers)))
            }
            "INTERVAL" => {
                self.at += 1;
                Ok(Some(("interval", self.interval_fields()?)))
            }
            _ => Ok(None),
        }
    }

    /// `DAY TO SECOND(3)`, `(3)` and the like: the fields, and how many digits the seconds' fraction has.
    pub(super) fn interval_fields(&mut self) -> Result<Vec<i64>, Error> {
        const FIELDS: [(&str, i64); 6] = [
            ("YEAR", interval_fields::YEAR),
            ("MONTH", interval_fields::MONTH),
            ("DAY", interval_fields::DAY),
            ("HOUR", interval_fields::HOUR),
            ("MINUTE", interval_fields::MINUTE),
            ("SECOND", interval_fields::SECOND),
        ];
        if self.peek() == Some(&Token::LParen) {
            return Ok([vec![interval_fields::ALL], self.digits()?].concat());
        }
        let Some(first) = FIELDS.iter().position(|(word, _)| self.eat(word)) else {
            return Ok(Vec::new());
        };
        let mut last = first;
        // Years and months go together, and days with what is less.
        let less = match first {
            0 => 1..2,
            1 => 0..0,
            first => first + 1..6,
        };
        if !less.is_empty() && self.eat("TO") {
            let found = FIELDS[less.clone()].iter().position(|(word, _)| self.eat(word));
            last = less.start + found.ok_or_else(|| self.unexpected())?;
        }
        let fields = FIELDS[first..=last].iter().fold(0, |mask, (_, field)| mask | field);
        let digits = if last == 5 { self.digits()? } else { Vec::new() };
        Ok([vec![fields], digits].concat())
    }

    /// `(n)`, if it is there, without a sign.
    fn digits(&mut self) -> Result<Vec<i64>, Error> {
        if self.peek() == Some(&Token::LParen) && self.peek_at(1) == Some(&Token::Minus) {
            self.at += 1;
            return Err(self.unexpected());
        }
        self.type_modifiers()
    }

    /// Behind CHARACTER.
    fn character_type(&mut self) -> Result<(&'static str, Vec<i64>), Error> {
        if self.eat("VARYING") {
            return Ok(("varchar", self.type_modifiers()?));
        }
        let modifiers = self.type_modifiers()?;
        Ok(("bpchar", if modifiers.is_empty() { vec![1] } else { modifiers }))
    }

    /// `(n, ...)`, if it is there.
    fn type_modifiers(&mut self) -> Result<Vec<i64>, Error> {
        if self.peek() != Some(&Token::LParen) {
            return Ok(Vec::new());
        }
        self.at += 1;
        let modifiers = self.list(Self::integer)?;
        self.expect_token(&Token::RParen)?;
        Ok(modifiers)
    }
}

fn float_precision(precision: i64) -> Error {
    let message = if precision < 1 {
        "precision for type float must be at least 1 bit"
    } else {
        "precision for type float must be less than 54 bits"
    };
    Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
}
