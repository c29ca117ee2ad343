//! Expressions: operators by precedence (manual, "Operator Precedence").
//!
//! Positions are PostgreSQL's: an operator's expression stands where its operator does.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, too_deep};
use super::word;
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Call, Expr, ExprKind, Name, Query, QueryBody, XmlForm};

/// Operands of one chain of operators of the same level, but for AND and OR, which are balanced.
const CHAIN_MAX: usize = 400;

/// Levels of precedence, the loosest first.
mod level {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const IS: u8 = 4;
    pub(super) const COMPARE: u8 = 5;
    /// BETWEEN, IN, LIKE, SIMILAR.
    pub(super) const MEMBER: u8 = 6;
    pub(super) const OPERATOR: u8 = 7;
    pub(super) const SUM: u8 = 8;
    pub(super) const PRODUCT: u8 = 9;
    pub(super) const POWER: u8 = 10;
    pub(super) const AT_ZONE: u8 = 11;
    pub(super) const COLLATE: u8 = 12;
    pub(super) const SIGN: u8 = 13;
}

/// What may follow an operand.
enum Infix {
    And,
    Or,
    Is,
    /// ISNULL, NOTNULL.
    Null {
        negated: bool,
    },
    /// BETWEEN, IN, LIKE, ILIKE, SIMILAR TO.
    Member,
    Operator {
        text: String,
        /// Tokens that it takes.
        tokens: usize,
        level: u8,
    },
    AtTimeZone,
    Collate,
}

impl Infix {
    fn level(&self) -> u8 {
        match self {
            Self::Or => level::OR,
            Self::And => level::AND,
            Self::Is | Self::Null { .. } => level::IS,
            Self::Member => level::MEMBER,
            Self::Operator { level, .. } => *level,
            Self::AtTimeZone => level::AT_ZONE,
            Self::Collate => level::COLLATE,
        }
    }
}

impl Cursor<'_> {
    /// An expression.
    pub(super) fn expr(&mut self) -> Result<Expr, Error> {
        self.nested(|cursor| cursor.expr_from(level::OR))
    }

    pub(super) fn boxed_expr(&mut self) -> Result<Box<Expr>, Error> {
        self.expr().map(Box::new)
    }

    pub(super) fn exprs(&mut self) -> Result<Vec<Expr>, Error> {
        self.list(Self::expr)
    }

    /// An expression without AND, OR, IS and so on at its top (`b_expr`).
    pub(super) fn operand_expr(&mut self) -> Result<Expr, Error> {
        self.nested(|cursor| cursor.expr_from(level::OPERATOR))
    }

    /// An expression of operators that bind at least as close as `least`.
    fn expr_from(&mut self, least: u8) -> Result<Expr, Error> {
        let mut left = self.prefix(least)?;
        let mut length = 0;
        // Comparisons and the like don't chain.
        let mut closed: Option<u8> = None;
        while let Some(infix) = self.infix() {
            let level = infix.level();
            if level < least {
                break;
            }
            if closed == Some(level) {
                return Err(self.unexpected());
            }
            let single = matches!(level, level::IS | level::COMPARE | level::MEMBER);
            closed = single.then_some(level);
            length += 1;
            if length > CHAIN_MAX {
                return Err(too_deep());
            }
            left = self.infix_expr(left, infix)?;
        }
        Ok(left)
    }

    fn prefix(&mut self, least: u8) -> Result<Expr, Error> {
        let position = self.position();
        if self.is_word("NOT") && least <= level::NOT {
            self.at += 1;
            let operand = self.nested(|cursor| cursor.expr_from(level::NOT))?;
            return Ok(Expr { kind: ExprKind::Not(Box::new(operand)), position });
        }
        match self.peek() {
            Some(Token::Minus) => {
                self.at += 1;
                let operand = self.nested(|cursor| cursor.expr_from(level::SIGN))?;
                Ok(match operand.kind {
                    // A constant takes its sign at once, so that the lowest integers can be written.
                    ExprKind::Number(text) => {
                        let text = match text.strip_prefix('-') {
                            Some(positive) => positive.to_owned(),
                            None => format!("-{text}"),
                        };
                        Expr { kind: ExprKind::Number(text), position }
                    }
                    kind => unary("-", Expr { kind, position: operand.position }, position),
                })
            }
            Some(Token::Plus) => {
                self.at += 1;
                let operand = self.nested(|cursor| cursor.expr_from(level::SIGN))?;
                Ok(unary("+", operand, position))
            }
            Some(token) => match self.named_operator().or_else(|| {
                (operator_level(token) == Some(level::OPERATOR)).then(|| (operator_text(token), 1))
            }) {
                Some((op, tokens)) => {
                    self.at += tokens;
                    let operand = self.nested(|cursor| cursor.expr_from(level::OPERATOR + 1))?;
                    Ok(unary(&op, operand, position))
                }
                None => self.primary(),
            },
            None => Err(self.unexpected()),
        }
    }

    /// What follows an operand, if an operator does.
    fn infix(&self) -> Option<Infix> {
        let token = self.peek()?;
        if !matches!(token, Token::Word(_)) {
            let level = operator_level(token)?;
            return Some(Infix::Operator { text: operator_text(token), tokens: 1, level });
        }
        if let Some((text, tokens)) = self.named_operator() {
            return Some(Infix::Operator { text, tokens, level: level::OPERATOR });
        }
        let word = word::upper(token)?;
        Some(match word.as_str() {
            "AND" => Infix::And,
            "OR" => Infix::Or,
            "IS" => Infix::Is,
            "ISNULL" => Infix::Null { negated: false },
            "NOTNULL" => Infix::Null { negated: true },
            "BETWEEN" | "IN" | "LIKE" | "ILIKE" | "OVERLAPS" => Infix::Member,
            "SIMILAR" if self.is_word_at(1, "TO") => Infix::Member,
            "NOT" => {
                let member = ["BETWEEN", "IN", "LIKE", "ILIKE", "SIMILAR"];
                if !member.iter().any(|word| self.is_word_at(1, word)) {
                    return None;
                }
                Infix::Member
            }
            "AT" if self.is_word_at(1, "TIME") && self.is_word_at(2, "ZONE") => Infix::AtTimeZone,
            "COLLATE" => Infix::Collate,
            _ => return None,
        })
    }

    /// `OPERATOR(pg_catalog.+)`, and how many tokens it takes.
    fn named_operator(&self) -> Option<(String, usize)> {
        if !self.is_word("OPERATOR") || self.peek_at(1) != Some(&Token::LParen) {
            return None;
        }
        let mut ahead = 2;
        while matches!(self.peek_at(ahead), Some(Token::Word(_)))
            && self.peek_at(ahead + 1) == Some(&Token::Period)
        {
            if !self.is_word_at(ahead, "PG_CATALOG") {
                return None;
            }
            ahead += 2;
        }
        let token = self.peek_at(ahead)?;
        operator_level(token)?;
        (self.peek_at(ahead + 1) == Some(&Token::RParen)).then(|| (operator_text(token), ahead + 2))
    }

    fn infix_expr(&mut self, left: Expr, infix: Infix) -> Result<Expr, Error> {
        let position = self.position();
        let kind = match infix {
            Infix::And | Infix::Or => return self.connected(left, &infix),
            Infix::Is => return self.is_test(left),
            Infix::Null { negated } => {
                self.at += 1;
                ExprKind::IsNull { operand: Box::new(left), negated }
            }
            Infix::Member => return self.member(left),
            Infix::AtTimeZone => {
                self.at += 3;
                let zone = self.nested(|cursor| cursor.expr_from(level::AT_ZONE + 1))?;
                return Ok(special("timezone", vec![zone, left], position));
            }
            Infix::Collate => {
                self.at += 1;
                ExprKind::Collate { operand: Box::new(left), collation: self.any_name()? }
            }
            Infix::Operator { text, tokens, level } => {
                self.at += tokens;
                if let Some(all) = self.quantifier() {
                    return self.quantified(left, text, all, position);
                }
                let right = self.nested(|cursor| cursor.expr_from(level + 1))?;
                ExprKind::Binary { op: text, left: Box::new(left), right: Box::new(right) }
            }
        };
        Ok(Expr { kind, position })
    }

    /// A chain of AND or OR, as a tree without deep branches.
    fn connected(&mut self, first: Expr, infix: &Infix) -> Result<Expr, Error> {
        let (word, least) =
            if matches!(infix, Infix::And) { ("AND", level::NOT) } else { ("OR", level::AND) };
        let mut operands = vec![(first, 0)];
        while self.is_word(word) {
            let position = self.position();
            self.at += 1;
            operands.push((self.nested(|cursor| cursor.expr_from(least))?, position));
        }
        Ok(balanced(operands, word == "AND"))
    }

    /// `IS [NOT] NULL`, TRUE, FALSE, UNKNOWN, DISTINCT FROM, NORMALIZED, DOCUMENT.
    fn is_test(&mut self, left: Expr) -> Result<Expr, Error> {
        let position = self.position();
        self.at += 1;
        let negated = self.eat("NOT");
        let operand = Box::new(left);
        let truth = |operand, value| ExprKind::IsTruth { operand, value, negated };
        let kind = if self.eat("NULL") {
            ExprKind::IsNull { operand, negated }
        } else if self.eat("TRUE") {
            truth(operand, Some(true))
        } else if self.eat("FALSE") {
            truth(operand, Some(false))
        } else if self.eat("UNKNOWN") {
            truth(operand, None)
        } else if self.eat("DISTINCT FROM") {
            let right = self.nested(|cursor| cursor.expr_from(level::IS + 1))?;
            // The tree says "distinct" with `negated` for IS NOT.
            ExprKind::IsDistinct { left: operand, right: Box::new(right), negated }
        } else if self.eat("DOCUMENT") {
            ExprKind::Xml { form: XmlForm::IsDocument { negated }, operand }
        } else {
            let form = ["NFC", "NFD", "NFKC", "NFKD"].into_iter().find(|form| self.eat(form));
            self.expect("NORMALIZED")?;
            let mut arguments = vec![*operand];
            let text = form.unwrap_or("NFC").to_owned();
            arguments.push(Expr { kind: ExprKind::String(text), position });
            let call = special("is_normalized", arguments, position);
            if negated { ExprKind::Not(Box::new(call)) } else { return Ok(call) }
        };
        Ok(Expr { kind, position })
    }

    /// `(start, end) OVERLAPS (start, end)`: a call.
    fn overlaps(&mut self, left: Expr, position: u32) -> Result<Expr, Error> {
        let right = self.nested(|cursor| cursor.expr_from(level::MEMBER + 1))?;
        let mut arguments = Vec::new();
        for (side, row) in [("left", left), ("right", right)] {
            match row.kind {
                ExprKind::Row(items) if items.len() == 2 => arguments.extend(items),
                _ => {
                    let message =
                        format!("wrong number of parameters on {side} side of OVERLAPS expression");
                    let error = Error::user(SqlState::SYNTAX_ERROR, message);
                    return Err(error.with_position(row.position.max(1)));
                }
            }
        }
        Ok(special("overlaps", arguments, position))
    }

    /// `[NOT]` BETWEEN, IN, LIKE, ILIKE, SIMILAR TO; OVERLAPS.
    fn member(&mut self, left: Expr) -> Result<Expr, Error> {
        let position = self.position();
        let negated = self.eat("NOT");
        let operand = Box::new(left);
        let kind = if !negated && self.eat("OVERLAPS") {
            return self.overlaps(*operand, position);
        } else if self.eat("BETWEEN") {
            let symmetric = self.eat("SYMMETRIC");
            if !symmetric {
                self.eat("ASYMMETRIC");
            }
            let low = self.operand_expr()?;
            self.expect("AND")?;
            let high = self.nested(|cursor| cursor.expr_from(level::MEMBER + 1))?;
            if symmetric {
                return Ok(between_symmetric(*operand, low, high, negated, position));
            }
            ExprKind::Between { operand, low: Box::new(low), high: Box::new(high), negated }
        } else if self.eat("IN") {
            return self.query_or(
                |cursor| {
                    let query = Box::new(cursor.query_in_parentheses()?);
                    let operand = operand.clone();
                    Ok(Expr { kind: ExprKind::InQuery { operand, query, negated }, position })
                },
                |cursor| {
                    cursor.expect_token(&Token::LParen)?;
                    let list = cursor.exprs()?;
                    cursor.expect_token(&Token::RParen)?;
                    let operand = operand.clone();
                    Ok(Expr { kind: ExprKind::InList { operand, list, negated }, position })
                },
            );
        } else if self.eat("SIMILAR TO") {
            let mut arguments = vec![self.nested(|cursor| cursor.expr_from(level::MEMBER + 1))?];
            if self.eat("ESCAPE") {
                arguments.push(self.nested(|cursor| cursor.expr_from(level::MEMBER + 1))?);
            }
            let pattern = special("similar_to_escape", arguments, position);
            let op = if negated { "!~" } else { "~" }.to_owned();
            ExprKind::Binary { op, left: operand, right: Box::new(pattern) }
        } else {
            let fold = !self.eat("LIKE");
            if fold {
                self.expect("ILIKE")?;
            }
            if let Some(all) = self.quantifier() {
                let op = match (negated, fold) {
                    (false, false) => "~~",
                    (false, true) => "~~*",
                    (true, false) => "!~~",
                    (true, true) => "!~~*",
                };
                return self.quantified(*operand, op.to_owned(), all, position);
            }
            let pattern = Box::new(self.nested(|cursor| cursor.expr_from(level::MEMBER + 1))?);
            let escape = if self.eat("ESCAPE") {
                Some(Box::new(self.nested(|cursor| cursor.expr_from(level::MEMBER + 1))?))
            } else {
                None
            };
            ExprKind::Like { operand, pattern, escape, negated, fold }
        };
        Ok(Expr { kind, position })
    }

    /// ANY, SOME (false) or ALL (true), if an operand in parentheses follows.
    fn quantifier(&mut self) -> Option<bool> {
        let all = self.is_word("ALL");
        let any = self.is_word("ANY") || self.is_word("SOME");
        if (all || any) && self.peek_at(1) == Some(&Token::LParen) {
            self.at += 1;
            return Some(all);
        }
        None
    }

    fn quantified(
        &mut self,
        left: Expr,
        op: String,
        all: bool,
        position: u32,
    ) -> Result<Expr, Error> {
        let right = self.query_or(
            |cursor| {
                let position = cursor.position();
                let query = Box::new(cursor.query_in_parentheses()?);
                Ok(Expr { kind: ExprKind::Subquery(query), position })
            },
            |cursor| {
                cursor.expect_token(&Token::LParen)?;
                let array = cursor.expr()?;
                cursor.expect_token(&Token::RParen)?;
                Ok(array)
            },
        )?;
        let kind = ExprKind::Quantified { left: Box::new(left), op, all, right: Box::new(right) };
        Ok(Expr { kind, position })
    }
}

fn unary(op: &str, operand: Expr, position: u32) -> Expr {
    Expr { kind: ExprKind::Unary { op: op.to_owned(), operand: Box::new(operand) }, position }
}

/// A call of a function that has a syntax of its own.
pub(super) fn special(name: &str, arguments: Vec<Expr>, position: u32) -> Expr {
    let name = vec![Name { text: name.to_owned(), position }];
    let call = Call { sql_syntax: true, ..Call::plain(name, arguments) };
    Expr { kind: ExprKind::Call(call), position }
}

/// `a BETWEEN SYMMETRIC b AND c` is `a BETWEEN b AND c OR a BETWEEN c AND b`.
fn between_symmetric(operand: Expr, low: Expr, high: Expr, negated: bool, position: u32) -> Expr {
    let between = |low: &Expr, high: &Expr| {
        let (operand, low, high) =
            (Box::new(operand.clone()), Box::new(low.clone()), Box::new(high.clone()));
        Box::new(Expr { kind: ExprKind::Between { operand, low, high, negated }, position })
    };
    let (one, other) = (between(&low, &high), between(&high, &low));
    let kind = if negated { ExprKind::And(one, other) } else { ExprKind::Or(one, other) };
    Expr { kind, position }
}

/// A tree over operands, each with the position of the connective before it.
fn balanced(mut operands: Vec<(Expr, u32)>, and: bool) -> Expr {
    if operands.len() == 1 {
        return operands.remove(0).0;
    }
    let right = operands.split_off(operands.len() / 2);
    let position = right[0].1;
    let (left, right) = (Box::new(balanced(operands, and)), Box::new(balanced(right, and)));
    let kind = if and { ExprKind::And(left, right) } else { ExprKind::Or(left, right) };
    Expr { kind, position }
}

/// An operator's precedence; `None` for tokens that are none.
fn operator_level(token: &Token) -> Option<u8> {
    Some(match token {
        Token::Eq | Token::Neq | Token::Lt | Token::Gt | Token::LtEq | Token::GtEq => {
            level::COMPARE
        }
        Token::Plus | Token::Minus => level::SUM,
        Token::Mul | Token::Div | Token::Mod => level::PRODUCT,
        Token::Caret => level::POWER,
        Token::StringConcat
        | Token::DoubleEq
        | Token::Spaceship
        | Token::DuckIntDiv
        | Token::Ampersand
        | Token::Pipe
        | Token::Sharp
        | Token::DoubleSharp
        | Token::Tilde
        | Token::TildeAsterisk
        | Token::ExclamationMarkTilde
        | Token::ExclamationMarkTildeAsterisk
        | Token::DoubleTilde
        | Token::DoubleTildeAsterisk
        | Token::ExclamationMarkDoubleTilde
        | Token::ExclamationMarkDoubleTildeAsterisk
        | Token::ShiftLeft
        | Token::ShiftRight
        | Token::Overlap
        | Token::ExclamationMark
        | Token::DoubleExclamationMark
        | Token::AtSign
        | Token::CaretAt
        | Token::PGSquareRoot
        | Token::PGCubeRoot
        | Token::Arrow
        | Token::LongArrow
        | Token::HashArrow
        | Token::AtDashAt
        | Token::QuestionMarkDash
        | Token::AmpersandLeftAngleBracket
        | Token::AmpersandRightAngleBracket
        | Token::AmpersandLeftAngleBracketVerticalBar
        | Token::VerticalBarAmpersandRightAngleBracket
        | Token::TwoWayArrow
        | Token::LeftAngleBracketCaret
        | Token::RightAngleBracketCaret
        | Token::QuestionMarkSharp
        | Token::QuestionMarkDashVerticalBar
        | Token::QuestionMarkDoubleVerticalBar
        | Token::TildeEqual
        | Token::ShiftLeftVerticalBar
        | Token::VerticalBarShiftRight
        | Token::VerticalBarRightAngleBracket
        | Token::HashLongArrow
        | Token::AtArrow
        | Token::ArrowAt
        | Token::HashMinus
        | Token::AtQuestion
        | Token::AtAt
        | Token::Question
        | Token::QuestionAnd
        | Token::QuestionPipe
        | Token::CustomBinaryOperator(_) => level::OPERATOR,
        _ => return None,
    })
}

fn operator_text(token: &Token) -> String {
    match token {
        Token::CustomBinaryOperator(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `query` with clauses of its own stays inside parentheses.
pub(super) fn as_branch(query: Query) -> Query {
    if query.is_bare() { query } else { Query::plain(QueryBody::Nested(Box::new(query))) }
}
