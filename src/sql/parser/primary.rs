//! Operands: constants, columns, parentheses, CASE, rows, arrays, casts, and what may follow an operand
//! directly (a cast, a subscript, a field).

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::expression::special;
use super::{literal, unsupported, word};
use crate::datum::xml::Shape;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Call, Expr, ExprKind, Name, Subscript, TypeName, XmlForm};

/// Types with a syntax of their own, which can stand before a string constant.
const TYPE_WORDS: &[&str] = &[
    "BIGINT",
    "BIT",
    "BOOLEAN",
    "CHAR",
    "CHARACTER",
    "DEC",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "INT",
    "INTEGER",
    "INTERVAL",
    "NATIONAL",
    "NCHAR",
    "NUMERIC",
    "REAL",
    "SMALLINT",
    "TIME",
    "TIMESTAMP",
    "VARCHAR",
];

impl Cursor<'_> {
    /// An operand with its casts, subscripts and fields.
    pub(super) fn primary(&mut self) -> Result<Expr, Error> {
        let (mut expr, indirection) = self.operand()?;
        if indirection {
            expr = self.indirection(expr)?;
        }
        while self.peek() == Some(&Token::DoubleColon) {
            let position = self.position();
            self.at += 1;
            let target = self.type_name()?;
            expr = Expr { kind: ExprKind::Cast { operand: Box::new(expr), target }, position };
        }
        Ok(expr)
    }

    /// An operand, and whether subscripts and fields may follow it.
    fn operand(&mut self) -> Result<(Expr, bool), Error> {
        let position = self.position();
        let Some(token) = self.peek() else { return Err(self.unexpected()) };
        if let Some(text) = literal::string_token(token) {
            self.at += 1;
            return Ok((Expr { kind: literal::text(&text, position)?, position }, false));
        }
        let kind = match token {
            Token::Number(text, long) => {
                if *long {
                    return Err(trailing_junk(&format!("{text}L")).with_position(position));
                }
                ExprKind::Number(text.clone())
            }
            Token::SingleQuotedByteStringLiteral(digits) => ExprKind::Bits(format!("b{digits}")),
            Token::HexStringLiteral(digits) => ExprKind::Bits(format!("x{digits}")),
            Token::Placeholder(text) => {
                self.at += 1;
                let kind = literal::parameter(text, position)?;
                return Ok((Expr { kind, position }, true));
            }
            Token::LParen => return self.parentheses().map(|expr| (expr, true)),
            Token::Word(_) => return self.word_operand(position),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok((Expr { kind, position }, false))
    }

    /// A scalar subquery, a row, or an expression in parentheses.
    fn parentheses(&mut self) -> Result<Expr, Error> {
        let position = self.position();
        self.query_or(
            |cursor| {
                let query = Box::new(cursor.query_in_parentheses()?);
                Ok(Expr { kind: ExprKind::Subquery(query), position })
            },
            |cursor| {
                cursor.expect_token(&Token::LParen)?;
                let mut items = cursor.exprs()?;
                cursor.expect_token(&Token::RParen)?;
                if items.len() > 1 {
                    return Ok(Expr { kind: ExprKind::Row(items), position });
                }
                Ok(items.remove(0))
            },
        )
    }

    /// What begins with a word.
    fn word_operand(&mut self, position: u32) -> Result<(Expr, bool), Error> {
        let token = self.peek().ok_or_else(|| self.unexpected())?;
        let Some(word) = word::upper(token) else { return self.named_operand() };
        let simple = |kind| Ok((Expr { kind, position }, false));
        match word.as_str() {
            "NULL" => {
                self.at += 1;
                simple(ExprKind::Null)
            }
            "TRUE" | "FALSE" => {
                self.at += 1;
                simple(ExprKind::Boolean(word == "TRUE"))
            }
            "DEFAULT" => {
                self.at += 1;
                simple(ExprKind::Default)
            }
            "CASE" => self.case().map(|expr| (expr, false)),
            "CAST" => {
                self.at += 1;
                self.cast(position).map(|expr| (expr, false))
            }
            "EXISTS" if self.peek_at(1) == Some(&Token::LParen) => {
                self.at += 1;
                let query = Box::new(self.query_in_parentheses()?);
                simple(ExprKind::Exists(query))
            }
            "ARRAY" => {
                self.at += 1;
                self.array(position).map(|expr| (expr, false))
            }
            "ROW" if self.peek_at(1) == Some(&Token::LParen) => {
                self.at += 2;
                let items =
                    if self.peek() == Some(&Token::RParen) { Vec::new() } else { self.exprs()? };
                self.expect_token(&Token::RParen)?;
                simple(ExprKind::Row(items))
            }
            "CURRENT_CATALOG" | "CURRENT_DATE" | "CURRENT_ROLE" | "CURRENT_TIME"
            | "CURRENT_TIMESTAMP" | "CURRENT_USER" | "LOCALTIME" | "LOCALTIMESTAMP"
            | "SESSION_USER" | "USER" => {
                let name = self.name()?;
                let mut arguments = Vec::new();
                if word.contains("TIME") && self.eat_token(&Token::LParen) {
                    arguments.push(self.expr()?);
                    self.expect_token(&Token::RParen)?;
                }
                Ok((special(&name.text, arguments, position), false))
            }
            _ if TYPE_WORDS.binary_search(&word.as_str()).is_ok() => {
                match self.typed_constant()? {
                    Some(constant) => Ok((constant, false)),
                    None => self.named_operand(),
                }
            }
            _ => match self.special_call(&word, position)? {
                Some(call) => Ok((call, false)),
                None => self.named_operand(),
            },
        }
    }

    /// A column, a call, or a constant with its type's name before it.
    fn named_operand(&mut self) -> Result<(Expr, bool), Error> {
        let token = self.peek().ok_or_else(|| self.unexpected())?;
        if word::is_reserved(token) {
            return Err(self.unexpected());
        }
        let bare_function = word::is_type_or_function(token);
        let first = self.name()?;
        let position = first.position;
        let mut name = vec![first];
        while self.peek() == Some(&Token::Period) {
            match self.peek_at(1) {
                Some(Token::Word(_)) => {
                    self.at += 1;
                    name.push(self.name()?);
                }
                Some(Token::Mul) => {
                    self.at += 2;
                    return Ok((Expr { kind: ExprKind::WholeRow(name), position }, false));
                }
                _ => {
                    self.at += 1;
                    return Err(self.unexpected());
                }
            }
        }
        match self.peek() {
            Some(Token::LParen) => {
                let call = self.call(name)?;
                let is_string = |token: &Token| literal::string_token(token).is_some();
                match modifiers(&call) {
                    // `timetz(2) '10:00'`
                    Some(modifiers) if self.peek().is_some_and(is_string) => {
                        let at = self.position();
                        let kind = literal::text(&self.string()?, at)?;
                        let operand = Box::new(Expr { kind, position: at });
                        let target = TypeName { name: call.name, modifiers, array: false };
                        Ok((Expr { kind: ExprKind::Cast { operand, target }, position: at }, false))
                    }
                    _ => Ok((Expr { kind: ExprKind::Call(call), position }, false)),
                }
            }
            Some(token) if literal::string_token(token).is_some() => {
                let at = self.position();
                let text = self.string()?;
                let operand = Box::new(Expr { kind: literal::text(&text, at)?, position: at });
                let target = TypeName { name, modifiers: Vec::new(), array: false };
                Ok((Expr { kind: ExprKind::Cast { operand, target }, position: at }, false))
            }
            _ if bare_function => {
                // `current_schema` is the one that needs no parentheses.
                if name.len() == 1 && name[0].text == "current_schema" {
                    return Ok((special("current_schema", Vec::new(), position), false));
                }
                self.at -= 1;
                Err(self.unexpected())
            }
            _ => Ok((Expr { kind: ExprKind::Column(name), position }, true)),
        }
    }

    /// `[subscripts]` and `.fields`.
    fn indirection(&mut self, mut expr: Expr) -> Result<Expr, Error> {
        loop {
            let position = expr.position;
            let kind = if self.eat_token(&Token::LBracket) {
                let subscript = Box::new(self.subscript()?);
                ExprKind::Subscript { operand: Box::new(expr), subscript }
            } else if self.peek() == Some(&Token::Period) {
                self.at += 1;
                if self.eat_token(&Token::Mul) {
                    ExprKind::Expand(Box::new(expr))
                } else {
                    ExprKind::Field { operand: Box::new(expr), name: self.name()? }
                }
            } else {
                return Ok(expr);
            };
            expr = Expr { kind, position };
        }
    }

    pub(super) fn subscript(&mut self) -> Result<Subscript, Error> {
        let colon = |cursor: &Self| cursor.peek() == Some(&Token::Colon);
        let lower = if colon(self) { None } else { Some(self.expr()?) };
        if !self.eat_token(&Token::Colon) {
            self.expect_token(&Token::RBracket)?;
            return lower.map(Subscript::Index).ok_or_else(|| self.unexpected());
        }
        let upper = if self.peek() == Some(&Token::RBracket) { None } else { Some(self.expr()?) };
        self.expect_token(&Token::RBracket)?;
        Ok(Subscript::Slice { lower, upper })
    }

    /// After ARRAY: elements in brackets, or a query.
    fn array(&mut self, position: u32) -> Result<Expr, Error> {
        if self.peek() == Some(&Token::LParen) {
            let query = Box::new(self.query_in_parentheses()?);
            return Ok(Expr { kind: ExprKind::ArraySubquery(query), position });
        }
        self.nested(|cursor| cursor.array_elements(position))
    }

    fn array_elements(&mut self, position: u32) -> Result<Expr, Error> {
        self.expect_token(&Token::LBracket)?;
        let mut items = Vec::new();
        while self.peek() != Some(&Token::RBracket) {
            let at = self.position();
            items.push(if self.peek() == Some(&Token::LBracket) {
                self.nested(|cursor| cursor.array_elements(at))?
            } else {
                self.expr()?
            });
            if !self.eat_token(&Token::Comma) {
                break;
            }
        }
        self.expect_token(&Token::RBracket)?;
        Ok(Expr { kind: ExprKind::Array(items), position })
    }

    fn case(&mut self) -> Result<Expr, Error> {
        let position = self.position();
        self.expect("CASE")?;
        let operand = if self.is_word("WHEN") { None } else { Some(self.boxed_expr()?) };
        let mut branches = Vec::new();
        while self.eat("WHEN") {
            let condition = self.expr()?;
            self.expect("THEN")?;
            branches.push((condition, self.expr()?));
        }
        if branches.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise = if self.eat("ELSE") { Some(self.boxed_expr()?) } else { None };
        self.expect("END")?;
        Ok(Expr { kind: ExprKind::Case { operand, branches, otherwise }, position })
    }

    fn cast(&mut self, position: u32) -> Result<Expr, Error> {
        self.expect_token(&Token::LParen)?;
        let operand = self.boxed_expr()?;
        self.expect("AS")?;
        let target = self.type_name()?;
        self.expect_token(&Token::RParen)?;
        Ok(Expr { kind: ExprKind::Cast { operand, target }, position })
    }

    /// `timestamp with time zone '...'`; `None` if no string follows what could be a type.
    fn typed_constant(&mut self) -> Result<Option<Expr>, Error> {
        let start = self.at;
        let interval = self.is_word("INTERVAL");
        let double = self.is_word("DOUBLE");
        // Whether a length is written.
        let bits = self.is_word("BIT").then(|| self.peek_at(1) == Some(&Token::LParen));
        let is_string = |cursor: &Self| {
            cursor.peek().is_some_and(|token| literal::string_token(token).is_some())
        };
        let target = match self.type_name() {
            Ok(target) if is_string(self) => target,
            // Such a word is no function's name.
            read if self.tokens.get(start + 1).map(|token| &token.token)
                == Some(&Token::LParen)
                && !double =>
            {
                return Err(read.err().unwrap_or_else(|| self.unexpected()));
            }
            _ => {
                self.at = start;
                return Ok(None);
            }
        };
        let target = match bits {
            // As long as it is written.
            Some(false) if target.name[0].text == "bit" => {
                TypeName { modifiers: Vec::new(), ..target }
            }
            _ => target,
        };
        let at = self.position();
        let text = self.string()?;
        let target = if interval && target.modifiers.is_empty() && !target.array {
            // An interval's fields may stand behind the string.
            TypeName { modifiers: self.interval_fields()?, ..target }
        } else {
            target
        };
        let operand = Box::new(Expr { kind: literal::text(&text, at)?, position: at });
        Ok(Some(Expr { kind: ExprKind::Cast { operand, target }, position: at }))
    }

    /// Functions with a syntax of their own.
    fn special_call(&mut self, word: &str, position: u32) -> Result<Option<Expr>, Error> {
        if self.peek_at(1) != Some(&Token::LParen) {
            if word == "COLLATION" && self.is_word_at(1, "FOR") {
                self.at += 2;
                let arguments = self.arguments_between(|cursor| Ok(vec![cursor.expr()?]))?;
                return Ok(Some(special("pg_collation_for", arguments, position)));
            }
            return Ok(None);
        }
        let read: fn(&mut Self) -> Result<Vec<Expr>, Error> = match word {
            "EXTRACT" => Self::extract_arguments,
            "POSITION" => Self::position_arguments,
            "SUBSTRING" => Self::substring_arguments,
            "OVERLAY" => Self::overlay_arguments,
            "TRIM" => {
                self.at += 1;
                return self.trim(position).map(Some);
            }
            "NORMALIZE" => Self::normalize_arguments,
            "XMLPARSE" | "XMLSERIALIZE" => {
                self.at += 2;
                return self.xml(word == "XMLPARSE", position).map(Some);
            }
            "TREAT" | "XMLCONCAT" | "XMLELEMENT" | "XMLEXISTS" | "XMLFOREST" | "XMLPI"
            | "XMLROOT" => {
                return Err(unsupported(word).with_position(position));
            }
            _ => return Ok(None),
        };
        self.at += 1;
        let arguments = self.arguments_between(read)?;
        Ok(Some(special(&word.to_lowercase(), arguments, position)))
    }

    /// `DOCUMENT text)` of XMLPARSE, `CONTENT value AS type)` of XMLSERIALIZE.
    fn xml(&mut self, parse: bool, position: u32) -> Result<Expr, Error> {
        let shape = if self.eat("DOCUMENT") {
            Shape::Document
        } else {
            self.expect("CONTENT")?;
            Shape::Content
        };
        let operand = Box::new(self.expr()?);
        let form = if parse {
            let preserve = self.eat("PRESERVE WHITESPACE");
            if !preserve {
                self.eat("STRIP WHITESPACE");
            }
            XmlForm::Parse { shape, preserve }
        } else {
            self.expect("AS")?;
            XmlForm::Serialize { shape, target: self.type_name()? }
        };
        self.expect_token(&Token::RParen)?;
        Ok(Expr { kind: ExprKind::Xml { form, operand }, position })
    }

    fn arguments_between(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Vec<Expr>, Error>,
    ) -> Result<Vec<Expr>, Error> {
        self.expect_token(&Token::LParen)?;
        let arguments = read(self)?;
        self.expect_token(&Token::RParen)?;
        Ok(arguments)
    }

    /// `field FROM source`.
    fn extract_arguments(&mut self) -> Result<Vec<Expr>, Error> {
        let position = self.position();
        let field = match self.peek() {
            Some(Token::Word(_)) => self.name()?.text,
            _ => self.string()?,
        };
        self.expect("FROM")?;
        Ok(vec![Expr { kind: ExprKind::String(field), position }, self.expr()?])
    }

    /// `needle IN text`.
    fn position_arguments(&mut self) -> Result<Vec<Expr>, Error> {
        let needle = self.operand_expr()?;
        self.expect("IN")?;
        Ok(vec![self.operand_expr()?, needle])
    }

    /// `text FROM start FOR length`, `text SIMILAR pattern ESCAPE escape`, or plain arguments.
    fn substring_arguments(&mut self) -> Result<Vec<Expr>, Error> {
        let mut arguments = vec![self.expr()?];
        if self.eat("SIMILAR") {
            arguments.push(self.expr()?);
            self.expect("ESCAPE")?;
            arguments.push(self.expr()?);
            return Ok(arguments);
        }
        if self.eat_token(&Token::Comma) {
            arguments.extend(self.exprs()?);
            return Ok(arguments);
        }
        let start = if self.eat("FROM") { Some(self.expr()?) } else { None };
        let length = if self.eat("FOR") { Some(self.expr()?) } else { None };
        match (start, length) {
            (None, None) => {}
            (Some(start), None) if self.eat("FOR") => {
                arguments.push(start);
                arguments.push(self.expr()?);
            }
            (Some(start), length) => {
                arguments.push(start);
                arguments.extend(length);
            }
            (None, Some(length)) => {
                let start =
                    if self.eat("FROM") { self.expr()? } else { number("1", length.position) };
                arguments.push(start);
                arguments.push(length);
            }
        }
        Ok(arguments)
    }

    /// `text PLACING new FROM start FOR length`, or plain arguments.
    fn overlay_arguments(&mut self) -> Result<Vec<Expr>, Error> {
        let mut arguments = vec![self.expr()?];
        if self.eat_token(&Token::Comma) {
            arguments.extend(self.exprs()?);
            return Ok(arguments);
        }
        self.expect("PLACING")?;
        arguments.push(self.expr()?);
        self.expect("FROM")?;
        arguments.push(self.expr()?);
        if self.eat("FOR") {
            arguments.push(self.expr()?);
        }
        Ok(arguments)
    }

    fn normalize_arguments(&mut self) -> Result<Vec<Expr>, Error> {
        let mut arguments = vec![self.expr()?];
        if self.eat_token(&Token::Comma) {
            let position = self.position();
            let form = self.name()?.text.to_uppercase();
            arguments.push(Expr { kind: ExprKind::String(form), position });
        }
        Ok(arguments)
    }

    /// `(BOTH characters FROM text)`.
    fn trim(&mut self, position: u32) -> Result<Expr, Error> {
        self.expect_token(&Token::LParen)?;
        let name = if self.eat("LEADING") {
            "ltrim"
        } else if self.eat("TRAILING") {
            "rtrim"
        } else {
            self.eat("BOTH");
            "btrim"
        };
        let mut arguments = Vec::new();
        if self.eat("FROM") {
            arguments.extend(self.exprs()?);
        } else {
            let first = self.expr()?;
            if self.eat("FROM") {
                arguments.extend(self.exprs()?);
                arguments.push(first);
            } else {
                arguments.push(first);
                if self.eat_token(&Token::Comma) {
                    arguments.extend(self.exprs()?);
                }
            }
        }
        self.expect_token(&Token::RParen)?;
        Ok(special(name, arguments, position))
    }

    /// A name that may have any words in it (`any_name`).
    pub(super) fn any_name(&mut self) -> Result<Vec<Name>, Error> {
        let mut parts = vec![self.name()?];
        while self.eat_token(&Token::Period) {
            parts.push(self.name()?);
        }
        Ok(parts)
    }
}

fn number(text: &str, position: u32) -> Expr {
    Expr { kind: ExprKind::Number(text.to_owned()), position }
}

fn trailing_junk(text: &str) -> Error {
    Error::user(
        SqlState::SYNTAX_ERROR,
        format!("trailing junk after numeric literal at or near \"{text}\""),
    )
}

/// The arguments of what may be a type with its modifiers: whole numbers.
fn modifiers(call: &Call) -> Option<Vec<i64>> {
    let number = |argument: &Expr| match &argument.kind {
        ExprKind::Number(digits) => digits.parse().ok(),
        _ => None,
    };
    let plain = !call.star && !call.distinct && call.over.is_none() && call.filter.is_none();
    call.arguments
        .iter()
        .map(number)
        .collect::<Option<Vec<i64>>>()
        .filter(|all| plain && !all.is_empty())
}
