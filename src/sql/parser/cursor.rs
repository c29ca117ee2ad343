//! Reading tokens one at a time.

use std::collections::HashSet;

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

use super::{Convert, NESTING_MAX, fold, literal, word};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::Name;

/// A place in a statement's tokens.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub(super) convert: &'a Convert<'a>,
    pub(super) tokens: &'a [TokenWithSpan],
    pub(super) at: usize,
    /// How many expressions and queries are open.
    depth: usize,
    /// Opening parentheses that turned out not to begin a query: trying each once keeps deep nests
    /// of them from taking time beyond measure.
    not_query: HashSet<usize>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(convert: &'a Convert<'a>, tokens: &'a [TokenWithSpan]) -> Self {
        Self { convert, tokens, at: 0, depth: 0, not_query: HashSet::new() }
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.peek_at(0)
    }

    /// The token after `ahead` others.
    pub(super) fn peek_at(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + ahead).map(|token| &token.token)
    }

    /// Whether the token after `ahead` others is this word, unquoted.
    pub(super) fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        self.peek_at(ahead).is_some_and(|token| word::is(token, word))
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.is_word_at(0, word)
    }

    /// The next token as an upper-case word.
    pub(super) fn word(&self) -> Option<String> {
        self.peek().and_then(word::upper)
    }

    pub(super) fn next_word(&mut self) -> Result<String, Error> {
        let word = self.word().ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(word)
    }

    /// Takes these words if all of them come next.
    pub(super) fn eat(&mut self, words: &str) -> bool {
        let mut ahead = 0;
        for word in words.split(' ') {
            if !self.is_word_at(ahead, word) {
                return false;
            }
            ahead += 1;
        }
        self.at += ahead;
        true
    }

    pub(super) fn eat_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, words: &str) -> Result<(), Error> {
        for word in words.split(' ') {
            if !self.eat(word) {
                return Err(self.unexpected());
            }
        }
        Ok(())
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Result<(), Error> {
        if self.eat_token(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn expect_end(&self) -> Result<(), Error> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The position of the next token; of the text's end behind the last one.
    pub(super) fn position(&self) -> u32 {
        match self.tokens.get(self.at) {
            Some(token) => self.convert.position(token.span),
            None => self.convert.source.text.chars().count() as u32 + 1,
        }
    }

    /// The syntax error at the next token.
    pub(super) fn unexpected(&self) -> Error {
        let location =
            self.tokens.get(self.at).map_or(Location::new(0, 0), |token| token.span.start);
        self.convert.syntax_error_at(location)
    }

    /// Runs `read` one level deeper.
    ///
    /// # Errors
    /// 54001 where that is too deep.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth >= NESTING_MAX {
            return Err(too_deep());
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Whether a query may begin at the opening parenthesis that comes next: what stands behind all
    /// the parentheses decides.
    pub(super) fn may_be_query(&self) -> bool {
        if self.not_query.contains(&self.at) {
            return false;
        }
        let mut ahead = 0;
        while self.peek_at(ahead) == Some(&Token::LParen) {
            ahead += 1;
        }
        ahead > 0
            && ["SELECT", "VALUES", "WITH", "TABLE"].iter().any(|word| self.is_word_at(ahead, word))
    }

    /// Tries to read a query in parentheses; if it is none, `other`. Of two syntax errors the one
    /// that came later in the text is the one to tell.
    pub(super) fn query_or<T>(
        &mut self,
        query: impl FnOnce(&mut Self) -> Result<T, Error>,
        other: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if !self.may_be_query() {
            return other(self);
        }
        let start = self.at;
        let error = match query(self) {
            Err(error) if error.state() == SqlState::SYNTAX_ERROR => error,
            done => return done,
        };
        let reached = std::mem::replace(&mut self.at, start);
        self.not_query.insert(start);
        match other(self) {
            Err(later) if self.at < reached && later.state() == SqlState::SYNTAX_ERROR => {
                self.at = reached;
                Err(error)
            }
            done => done,
        }
    }

    /// An identifier of whatever kind (`ColLabel`).
    pub(super) fn name(&mut self) -> Result<Name, Error> {
        let Some(token) = self.tokens.get(self.at) else { return Err(self.unexpected()) };
        match &token.token {
            Token::Word(Word { value, quote_style, .. }) => {
                self.at += 1;
                Ok(Name {
                    text: fold(value, quote_style.is_some()),
                    position: self.convert.position(token.span),
                })
            }
            _ => Err(self.unexpected()),
        }
    }

    /// An identifier that isn't a reserved word (`ColId`).
    pub(super) fn own_name(&mut self) -> Result<Name, Error> {
        match self.peek() {
            Some(token) if word::is_reserved(token) || word::is_type_or_function(token) => {
                Err(self.unexpected())
            }
            _ => self.name(),
        }
    }

    pub(super) fn qualified_name(&mut self) -> Result<Vec<Name>, Error> {
        let mut parts = vec![self.own_name()?];
        while self.peek() == Some(&Token::Period) && matches!(self.peek_at(1), Some(Token::Word(_)))
        {
            self.at += 1;
            parts.push(self.name()?);
        }
        Ok(parts)
    }

    pub(super) fn names(&mut self) -> Result<Vec<Name>, Error> {
        self.list(Self::own_name)
    }

    pub(super) fn qualified_names(&mut self) -> Result<Vec<Vec<Name>>, Error> {
        self.list(Self::qualified_name)
    }

    /// One or more, with commas between.
    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut items = vec![read(self)?];
        while self.eat_token(&Token::Comma) {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// `(name, ...)`.
    pub(super) fn names_in_parentheses(&mut self) -> Result<Vec<Name>, Error> {
        self.expect_token(&Token::LParen)?;
        let names = self.names()?;
        self.expect_token(&Token::RParen)?;
        Ok(names)
    }

    /// A string constant.
    pub(super) fn string(&mut self) -> Result<String, Error> {
        let text = self.peek().and_then(literal::string_token).ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(text)
    }

    /// A whole number with an optional sign.
    pub(super) fn integer(&mut self) -> Result<i64, Error> {
        let negative = self.eat_token(&Token::Minus);
        if !negative {
            self.eat_token(&Token::Plus);
        }
        match self.peek() {
            Some(Token::Number(text, _)) => {
                let sign = if negative { "-" } else { "" };
                let number = format!("{sign}{text}").parse().map_err(|_| self.unexpected())?;
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.unexpected()),
        }
    }
}

/// 54001.
pub(super) fn too_deep() -> Error {
    Error::limit(
        SqlState(*b"54001"),
        "stack depth limit exceeded: the statement is nested too deeply",
    )
}
