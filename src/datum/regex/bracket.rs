//! Bracket expressions and escapes of regular expressions.

use crate::datum::regex::parse::{Parser, invalid};
use crate::datum::regex::syntax::{Class, Constraint, Node};
use crate::model::error::Error;

const WORD: &str = r"[\p{Alphabetic}\p{Nd}_]";
const NOT_WORD: &str = r"[^\p{Alphabetic}\p{Nd}_]";

/// `\d`, `\s`, `\w` and their opposites.
pub(super) fn class_escape(c: char) -> Option<Class> {
    let named = match c {
        'd' => r"[0-9]",
        'D' => r"[^0-9]",
        's' => r"[\t\n\x0b\f\r ]",
        'S' => r"[^\t\n\x0b\f\r ]",
        'w' => WORD,
        'W' => NOT_WORD,
        _ => return None,
    };
    Some(Class { named: vec![named], ..Class::default() })
}

/// The character that `\c` stands for; `c` has been read.
pub(super) fn character_escape(parser: &mut Parser<'_>, c: char) -> Result<char, Error> {
    let bad = || invalid("invalid escape \\ sequence");
    let code = match c {
        'a' => 7,
        'b' => 8,
        'e' => 0x1b,
        'f' => 0x0c,
        'n' => 0x0a,
        'r' => 0x0d,
        't' => 0x09,
        'v' => 0x0b,
        'B' => u32::from('\\'),
        'c' => {
            let next = parser.rest.next().ok_or_else(bad)?;
            u32::from(next) & 0x1f
        }
        'u' => digits(parser, 16, 4, 4).ok_or_else(bad)?,
        'U' => digits(parser, 16, 8, 8).ok_or_else(bad)?,
        'x' => digits(parser, 16, 1, 255).ok_or_else(bad)?,
        '0' => digits(parser, 8, 0, 2).ok_or_else(bad)?,
        other if other.is_alphanumeric() => return Err(bad()),
        other => u32::from(other),
    };
    char::from_u32(code).ok_or_else(bad)
}

fn digits(parser: &mut Parser<'_>, radix: u32, min: usize, max: usize) -> Option<u32> {
    let (mut value, mut count) = (0_u32, 0);
    while count < max {
        let Some(digit) = parser.peek().and_then(|c| c.to_digit(radix)) else { break };
        parser.rest.next();
        value = value.checked_mul(radix)?.checked_add(digit)?;
        count += 1;
    }
    (count >= min).then_some(value)
}

/// The regular expression of `[:name:]`.
fn named_class(name: &str, fold: bool) -> Option<&'static str> {
    Some(match name {
        "alnum" => r"[\p{Alphabetic}\p{Nd}]",
        "upper" | "lower" if fold => r"\p{Alphabetic}",
        "alpha" => r"\p{Alphabetic}",
        "blank" => r"[\t ]",
        "cntrl" => r"\p{Cc}",
        "digit" => r"[0-9]",
        "graph" => r"[^\p{Cc}\p{Cs}\p{Cn}\s]",
        "lower" => r"\p{Lowercase}",
        "print" => r"[^\p{Cc}\p{Cs}\p{Cn}]",
        "punct" => r"[\p{P}\p{S}]",
        "space" => r"[\t\n\x0b\f\r ]",
        "upper" => r"\p{Uppercase}",
        "xdigit" => r"[0-9A-Fa-f]",
        "word" => WORD,
        _ => return None,
    })
}

/// What a bracket expression has one after the other.
enum Item {
    Character(char),
    Class(&'static str),
}

/// A bracket expression; `[` has been read.
pub(super) fn read(parser: &mut Parser<'_>) -> Result<Node, Error> {
    if let Some(constraint) = word_edge(parser) {
        return Ok(Node::Constraint(constraint));
    }
    let mut class = Class { negated: parser.take('^'), ..Class::default() };
    if class.negated && parser.flags.newline_stops {
        class.ranges.push(('\n', '\n'));
    }
    let mut first = true;
    loop {
        match parser.peek() {
            None => return Err(invalid("brackets [] not balanced")),
            Some(']') if !first => {
                parser.rest.next();
                return Ok(Node::Class(class));
            }
            Some(_) => {}
        }
        first = false;
        let start = match item(parser)? {
            Item::Character(c) => c,
            Item::Class(named) => {
                class.named.push(named);
                continue;
            }
        };
        if parser.peek() == Some('-') {
            let mut ahead = parser.rest.clone();
            ahead.next();
            if ahead.peek() != Some(&']') {
                parser.rest.next();
                match item(parser)? {
                    Item::Character(end) if end >= start => {
                        class.ranges.push((start, end));
                        continue;
                    }
                    Item::Character(_) | Item::Class(_) => {
                        return Err(invalid("invalid character range"));
                    }
                }
            }
        }
        class.ranges.push((start, start));
    }
}

/// `[[:<:]]` and `[[:>:]]`.
fn word_edge(parser: &mut Parser<'_>) -> Option<Constraint> {
    let ahead: String = parser.rest.clone().take(6).collect();
    let constraint = match ahead.as_str() {
        "[:<:]]" => Constraint::WordStart,
        "[:>:]]" => Constraint::WordEnd,
        _ => return None,
    };
    parser.rest.by_ref().take(6).for_each(drop);
    Some(constraint)
}

fn item(parser: &mut Parser<'_>) -> Result<Item, Error> {
    let c = parser.rest.next().ok_or_else(|| invalid("brackets [] not balanced"))?;
    match (c, parser.peek()) {
        ('[', Some(kind @ (':' | '.' | '='))) => {
            parser.rest.next();
            let mut name = String::new();
            loop {
                let c = parser.rest.next().ok_or_else(|| invalid("brackets [] not balanced"))?;
                if c == kind && parser.peek() == Some(']') {
                    parser.rest.next();
                    break;
                }
                name.push(c);
            }
            if kind == ':' {
                let named = named_class(&name, parser.flags.fold);
                return named.map(Item::Class).ok_or_else(|| invalid("invalid character class"));
            }
            let mut characters = name.chars();
            match (characters.next(), characters.next()) {
                (Some(c), None) => Ok(Item::Character(c)),
                _ => Err(invalid("invalid collating element")),
            }
        }
        ('\\', _) => {
            let c = parser.rest.next().ok_or_else(|| invalid("invalid escape \\ sequence"))?;
            match class_escape(c) {
                Some(class) if c.is_ascii_lowercase() => Ok(Item::Class(class.named[0])),
                Some(_) => Err(invalid("invalid escape \\ sequence")),
                None => character_escape(parser, c).map(Item::Character),
            }
        }
        _ => Ok(Item::Character(c)),
    }
}
