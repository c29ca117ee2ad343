//! Templates of numbers, read into what they say.

use crate::model::error::{Error, SqlState};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Nine,
    Zero,
    Point,
    Comma,
    Currency,
    Minus,
    Plus,
    Sign,
    Ordinal { upper: bool },
    Roman { upper: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Key(Key),
    Text(char),
}

/// Where `S` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Anchored {
    #[default]
    No,
    Before,
    After,
}

/// A template of a number.
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword that stands in it or not")]
#[derive(Debug, Clone, Default)]
pub struct NumberTemplate {
    pub(super) parts: Vec<Part>,
    /// Digits before the point.
    pub(super) pre: usize,
    /// Digits after the point.
    pub(super) post: usize,
    /// `V`: digits that the number is moved by.
    pub(super) shift: usize,
    /// The first `0` before the point, from 0, if there is any.
    pub(super) zero_start: Option<usize>,
    pub(super) zero_end: usize,
    pub(super) anchored: Anchored,
    pub(super) pre_at_sign: usize,
    pub(super) fill: bool,
    pub(super) point: bool,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) bracket: bool,
    pub(super) roman: bool,
    pub(super) exponent: bool,
    moved: bool,
}

fn syntax(message: &str) -> Error {
    Error::user(SqlState::SYNTAX_ERROR, message)
}

const KEYWORDS: &[&str] = &[
    "EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", ",", ".", "0", "9", "B", "D", "G", "L",
    "S", "V",
];

impl NumberTemplate {
    /// # Errors
    /// 42601 for templates that contradict themselves.
    pub fn parse(template: &str) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut rest = template;
        while let Some(c) = rest.chars().next() {
            let keyword = KEYWORDS.iter().find(|keyword| {
                rest.get(..keyword.len())
                    .is_some_and(|head| head == **keyword || head == keyword.to_ascii_lowercase())
            });
            let Some(keyword) = keyword else {
                rest = &rest[c.len_utf8()..];
                if c == '"' {
                    let end = rest.find('"').unwrap_or(rest.len());
                    found.parts.extend(rest[..end].chars().map(Part::Text));
                    rest = rest.get(end + 1..).unwrap_or("");
                } else {
                    found.parts.push(Part::Text(c));
                }
                continue;
            };
            let upper = rest.starts_with(|c: char| c.is_ascii_uppercase());
            rest = &rest[keyword.len()..];
            found.keyword(keyword, upper)?;
        }
        Ok(found)
    }

    fn keyword(&mut self, keyword: &str, upper: bool) -> Result<(), Error> {
        if self.exponent && !matches!(keyword, "EEEE" | "FM") {
            return Err(syntax("\"EEEE\" must be the last pattern used"));
        }
        let key = match keyword {
            "9" | "0" => return self.digit(keyword == "0"),
            "." | "D" => {
                if self.point {
                    return Err(syntax("multiple decimal points"));
                }
                if self.moved {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                self.point = true;
                Key::Point
            }
            "," | "G" => Key::Comma,
            "L" => Key::Currency,
            "S" => {
                if self.anchored != Anchored::No {
                    return Err(syntax("cannot use \"S\" twice"));
                }
                if self.plus || self.minus || self.bracket {
                    return Err(syntax(
                        "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together",
                    ));
                }
                if self.point {
                    self.anchored = Anchored::After;
                } else {
                    self.anchored = Anchored::Before;
                    self.pre_at_sign = self.pre;
                }
                return Ok(());
            }
            "MI" | "PL" | "SG" | "PR" => return self.sign(keyword),
            "RN" => {
                self.roman = true;
                Key::Roman { upper }
            }
            "TH" => Key::Ordinal { upper },
            "V" => {
                if self.point {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                self.moved = true;
                return Ok(());
            }
            "EEEE" => {
                self.exponent = true;
                return Ok(());
            }
            "FM" => {
                self.fill = true;
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.parts.push(Part::Key(key));
        Ok(())
    }

    /// `9` or `0`.
    fn digit(&mut self, zero: bool) -> Result<(), Error> {
        if self.bracket {
            let digit = if zero { "0" } else { "9" };
            return Err(syntax(&format!("\"{digit}\" must be ahead of \"PR\"")));
        }
        self.parts.push(Part::Key(if zero { Key::Zero } else { Key::Nine }));
        if self.moved {
            self.shift += 1;
            return Ok(());
        }
        if zero && self.zero_start.is_none() && !self.point {
            self.zero_start = Some(self.pre);
        }
        if self.point {
            self.post += 1;
        } else {
            self.pre += 1;
        }
        if zero {
            self.zero_end = self.pre + self.post;
        }
        Ok(())
    }

    /// `MI`, `PL`, `SG` or `PR`.
    fn sign(&mut self, keyword: &str) -> Result<(), Error> {
        if keyword == "PR" {
            if self.anchored != Anchored::No || self.plus || self.minus {
                return Err(syntax("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
            }
            self.bracket = true;
            return Ok(());
        }
        if self.anchored != Anchored::No {
            return Err(syntax(&format!("cannot use \"S\" and \"{keyword}\" together")));
        }
        let key = match keyword {
            "MI" => Key::Minus,
            "PL" => Key::Plus,
            _ => Key::Sign,
        };
        self.minus |= keyword != "PL";
        self.plus |= keyword != "MI";
        self.parts.push(Part::Key(key));
        Ok(())
    }

    /// Digits after the point that are shown.
    pub fn digits_after_point(&self) -> usize {
        self.post
    }

    /// Powers of ten that the number is multiplied with.
    pub fn moved_by(&self) -> usize {
        self.shift
    }

    pub fn is_roman(&self) -> bool {
        self.roman
    }

    pub fn is_scientific(&self) -> bool {
        self.exponent
    }
}
