//! jsonpath: paths into JSON (manual, "The SQL/JSON Path Language"), read, shown and followed.
//!
//! Stored as PostgreSQL shows it. Dates (`datetime()`) are refused.
//!
//! Invariant: a path that was read is at most `DEPTH_MAX` deep, so that following it, which goes down by a
//! call for each level, can't exhaust the stack.

mod follow;
mod item;
mod lex;
mod read;
mod show;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::datum::numeric::Numeric;
use crate::datum::regex::Flags;
use crate::model::error::{Error, SqlState};

pub use follow::{Follow, exists, first, matches, query, query_array};

/// Levels of a path: steps behind each other, and operands in operators.
const DEPTH_MAX: usize = 150;
/// Parentheses, brackets and signs that may be open: reading goes down by a call for each precedence.
const NESTING_MAX: usize = 32;
/// Paths that a thread keeps, as read.
const KEPT_MAX: usize = 64;

/// A path as it was read.
#[derive(Debug, Clone)]
pub struct Path {
    /// Missing members are errors, and arrays aren't unwrapped.
    pub(super) strict: bool,
    pub(super) root: Expr,
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    /// `$`
    Root,
    /// `@`
    Current,
    /// `last`
    Last,
    Variable(String),
    Null,
    Bool(bool),
    Number(Numeric),
    String(String),
    /// Something, and steps from there; there is at least one.
    Steps(Box<Expr>, Vec<Step>),
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    Negated(Box<Expr>),
    /// `+ x`
    Unchanged(Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    IsUnknown(Box<Expr>),
    Exists(Box<Expr>),
    /// The second is a string or a variable.
    StartsWith(Box<Expr>, Box<Expr>),
    Like(Box<Expr>, Pattern),
}

#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) text: String,
    /// As they are shown: some of `ismxq`.
    pub(super) letters: String,
    pub(super) flags: Flags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Key(String),
    /// `.*`
    AnyKey,
    /// `[*]`
    AnyElement,
    /// `[1, 2 to 3]`
    Elements(Vec<(Expr, Option<Expr>)>),
    /// `.**{first to last}`; `u32::MAX` is the last level.
    Levels(u32, u32),
    Filter(Expr),
    Method(Method),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Type,
    Size,
    Double,
    Ceiling,
    Floor,
    Abs,
    KeyValue,
}

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

impl Comparison {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }
}

impl Method {
    pub(super) const ALL: [Self; 7] = [
        Self::Type,
        Self::Size,
        Self::Double,
        Self::Ceiling,
        Self::Floor,
        Self::Abs,
        Self::KeyValue,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Size => "size",
            Self::Double => "double",
            Self::Ceiling => "ceiling",
            Self::Floor => "floor",
            Self::Abs => "abs",
            Self::KeyValue => "keyvalue",
        }
    }
}

impl Expr {
    /// Whether it is true or false, and no value of a document.
    pub(super) fn is_predicate(&self) -> bool {
        matches!(
            self,
            Self::Compare(..)
                | Self::And(..)
                | Self::Or(..)
                | Self::Not(_)
                | Self::IsUnknown(_)
                | Self::Exists(_)
                | Self::StartsWith(..)
                | Self::Like(..)
        )
    }
}

thread_local! {
    static KEPT: RefCell<HashMap<String, Rc<Path>>> = RefCell::default();
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// 22P02, 42601, 2201B; 0A000 for what is not supported.
    pub fn parse(text: &str) -> Result<Self, Error> {
        read::path(text)
    }

    /// Reads a stored path, or finds it among those that this thread has read before.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn kept(text: &str) -> Result<Rc<Self>, Error> {
        if let Some(known) = KEPT.with_borrow(|kept| kept.get(text).cloned()) {
            return Ok(known);
        }
        let path = Rc::new(Self::parse(text)?);
        KEPT.with_borrow_mut(|kept| {
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(text.to_owned(), path.clone());
        });
        Ok(path)
    }

    /// The stored form, which is the one that is shown.
    pub fn store(&self) -> String {
        show::path(self)
    }
}

/// 42601
pub(super) fn syntax_error(message: impl Into<String>) -> Error {
    Error::user(SqlState::SYNTAX_ERROR, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Path::parse(text) {
            Ok(path) => path.store(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn paths_are_shown_as_postgresql_shows_them() {
        for (text, stored) in [
            (
                "$.a[*] ? (@.b > 1 && @.c == \"x\" || !(@.d <= -1.50)).e.**{2 to last}.type()",
                "$.\"a\"[*]?(@.\"b\" > 1 && @.\"c\" == \"x\" || !(@.\"d\" <= -1.50)).\"e\".**{2 to last}.type()",
            ),
            ("strict $.a + 1", "strict ($.\"a\" + 1)"),
            ("-$.a * 2 + 3", "(-$.\"a\" * 2 + 3)"),
            ("1.5e2", "150"),
            ("$[0,1 to last, last-1]", "$[0,1 to last,last - 1]"),
            ("$ ? ((@.a > 1) is unknown)", "$?((@.\"a\" > 1) is unknown)"),
            ("($.a == 1).type()", "($.\"a\" == 1).type()"),
            ("$ ? (@.a)", "syntax error at or near \")\" of jsonpath input"),
            ("$.a == 1 == 2", "syntax error at or near \"==\" of jsonpath input"),
            ("@", "@ is not allowed in root expressions"),
        ] {
            assert_eq!(shown(text), stored, "{text}");
        }
    }

    #[test]
    fn deep_documents_are_followed() {
        let deep = "[".repeat(900) + &"]".repeat(900);
        let path = Path::parse("$.**").unwrap();
        let follow = Follow::new(&path, &deep, "{}", false).unwrap();
        assert_eq!(query(&follow).unwrap().len(), 900);
    }

    #[test]
    fn a_path_that_is_too_deep_is_refused() {
        for text in ["(".repeat(10_000), "$".to_owned() + &".a".repeat(10_000), "-".repeat(10_000)]
        {
            assert!(Path::parse(&text).is_err());
        }
        let sum = format!("1{}", "+1".repeat(10_000));
        assert_eq!(Path::parse(&sum).unwrap_err().state().0, *b"54001");
    }
}
