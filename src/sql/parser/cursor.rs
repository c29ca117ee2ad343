//! Reading tokens one at a time, for the statements that are parsed here.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

use super::{Convert, fold, keyword, literal};
use crate::model::error::Error;
use crate::sql::ast::Name;

/// A place in a statement's tokens.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub(super) convert: &'a Convert<'a>,
    pub(super) tokens: &'a [TokenWithSpan],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    /// The next token as an upper-case word.
    pub(super) fn word(&self) -> Option<String> {
        self.peek().and_then(keyword)
    }

    pub(super) fn next_word(&mut self) -> Result<String, Error> {
        let word = self.word().ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(word)
    }

    /// Takes these words if all of them come next.
    pub(super) fn eat(&mut self, words: &str) -> bool {
        let mut at = self.at;
        for word in words.split(' ') {
            match self.tokens.get(at).and_then(|token| keyword(&token.token)) {
                Some(found) if found == word => at += 1,
                _ => return false,
            }
        }
        self.at = at;
        true
    }

    pub(super) fn eat_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, words: &str) -> Result<(), Error> {
        if self.eat(words) { Ok(()) } else { Err(self.unexpected()) }
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

    /// The syntax error at the next token.
    pub(super) fn unexpected(&self) -> Error {
        let location =
            self.tokens.get(self.at).map_or(Location::new(0, 0), |token| token.span.start);
        self.convert.syntax_error_at(location)
    }

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

    pub(super) fn qualified_name(&mut self) -> Result<Vec<Name>, Error> {
        let mut parts = vec![self.name()?];
        while self.eat_token(&Token::Period) {
            parts.push(self.name()?);
        }
        Ok(parts)
    }

    pub(super) fn names(&mut self) -> Result<Vec<Name>, Error> {
        let mut names = vec![self.name()?];
        while self.eat_token(&Token::Comma) {
            names.push(self.name()?);
        }
        Ok(names)
    }

    pub(super) fn qualified_names(&mut self) -> Result<Vec<Vec<Name>>, Error> {
        let mut names = vec![self.qualified_name()?];
        while self.eat_token(&Token::Comma) {
            names.push(self.qualified_name()?);
        }
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

    /// The tokens inside the parentheses that start here; goes on after them.
    pub(super) fn parenthesized(&mut self) -> Result<&'a [TokenWithSpan], Error> {
        self.expect_token(&Token::LParen)?;
        let start = self.at;
        let mut depth = 1usize;
        while let Some(token) = self.peek() {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(&self.tokens[start..self.at - 1]);
            }
        }
        Err(self.unexpected())
    }
}
