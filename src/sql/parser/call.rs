//! Calls: argument lists, FILTER, WITHIN GROUP, windows.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::unsupported;
use crate::model::error::Error;
use crate::sql::ast::{Call, Expr, ExprKind, Frame, FrameBound, Name, OrderItem, Window};

impl Cursor<'_> {
    /// The rest of a call behind the function's name.
    pub(super) fn call(&mut self, name: Vec<Name>) -> Result<Call, Error> {
        let mut call = Call::plain(name, Vec::new());
        self.nested(|cursor| cursor.argument_list(&mut call))?;
        if self.eat("WITHIN GROUP") {
            self.expect_token(&Token::LParen)?;
            call.order_by = self.order_by()?;
            call.within_group = true;
            self.expect_token(&Token::RParen)?;
        }
        if self.is_word("FILTER") && self.peek_at(1) == Some(&Token::LParen) {
            self.at += 2;
            self.expect("WHERE")?;
            call.filter = Some(self.boxed_expr()?);
            self.expect_token(&Token::RParen)?;
        }
        if self.eat("OVER") {
            call.over = Some(self.over()?);
        }
        Ok(call)
    }

    fn argument_list(&mut self, call: &mut Call) -> Result<(), Error> {
        self.expect_token(&Token::LParen)?;
        if self.eat_token(&Token::RParen) {
            return Ok(());
        }
        if self.peek() == Some(&Token::Mul) && self.peek_at(1) == Some(&Token::RParen) {
            self.at += 2;
            call.star = true;
            return Ok(());
        }
        call.distinct = self.eat("DISTINCT");
        if !call.distinct {
            self.eat("ALL");
        }
        loop {
            if self.eat("VARIADIC") {
                call.variadic = true;
            }
            call.arguments.push(self.argument()?);
            if call.variadic || !self.eat_token(&Token::Comma) {
                break;
            }
        }
        if self.is_word("ORDER") {
            call.order_by = self.order_by()?;
        }
        self.expect_token(&Token::RParen)
    }

    fn argument(&mut self) -> Result<Expr, Error> {
        let named = matches!(self.peek(), Some(Token::Word(_)))
            && matches!(self.peek_at(1), Some(Token::RArrow | Token::Assignment));
        if !named {
            return self.expr();
        }
        let name = self.name()?;
        let position = name.position;
        self.at += 1;
        let value = self.boxed_expr()?;
        Ok(Expr { kind: ExprKind::NamedArgument { name, value }, position })
    }

    /// ORDER BY and its items.
    pub(super) fn order_by(&mut self) -> Result<Vec<OrderItem>, Error> {
        self.expect("ORDER BY")?;
        self.list(Self::order_item)
    }

    pub(super) fn order_item(&mut self) -> Result<OrderItem, Error> {
        let expr = self.expr()?;
        let mut descending = false;
        if self.is_word("USING") {
            self.at += 1;
            descending = match self.peek() {
                Some(Token::Lt) => false,
                Some(Token::Gt) => true,
                _ => return Err(unsupported("ORDER BY ... USING")),
            };
            self.at += 1;
        } else if self.eat("DESC") {
            descending = true;
        } else {
            self.eat("ASC");
        }
        let nulls_first = if self.eat("NULLS FIRST") {
            Some(true)
        } else if self.eat("NULLS LAST") {
            Some(false)
        } else {
            None
        };
        Ok(OrderItem { expr, descending, nulls_first })
    }

    /// `w`, or a window in parentheses.
    fn over(&mut self) -> Result<Window, Error> {
        if self.peek() == Some(&Token::LParen) {
            return self.window();
        }
        let base = Some(self.own_name()?);
        Ok(Window { base, whole: true, ..Window::default() })
    }

    /// A window in parentheses.
    pub(super) fn window(&mut self) -> Result<Window, Error> {
        let position = self.position();
        self.expect_token(&Token::LParen)?;
        let mut window = Window { position, ..Window::default() };
        let clause = ["PARTITION", "ORDER", "RANGE", "ROWS", "GROUPS"];
        if matches!(self.peek(), Some(Token::Word(_)))
            && !clause.iter().any(|word| self.is_word(word))
        {
            window.base = Some(self.own_name()?);
        }
        if self.eat("PARTITION") {
            self.expect("BY")?;
            window.partition_by = self.exprs()?;
        }
        if self.is_word("ORDER") {
            window.order_by = self.order_by()?;
        }
        if let Some(unit) = ["ROWS", "RANGE", "GROUPS"].into_iter().find(|unit| self.eat(unit)) {
            window.frame = Some(self.frame(unit)?);
        }
        self.expect_token(&Token::RParen)?;
        Ok(window)
    }

    fn frame(&mut self, unit: &'static str) -> Result<Frame, Error> {
        let (start, end) = if self.eat("BETWEEN") {
            let start = self.frame_bound()?;
            self.expect("AND")?;
            (start, self.frame_bound()?)
        } else {
            (self.frame_bound()?, FrameBound::CurrentRow)
        };
        let mut exclude = None;
        if self.eat("EXCLUDE") {
            exclude = if self.eat("NO OTHERS") {
                None
            } else if self.eat("CURRENT ROW") {
                Some("CURRENT ROW")
            } else if self.eat("GROUP") {
                Some("GROUP")
            } else if self.eat("TIES") {
                Some("TIES")
            } else {
                return Err(self.unexpected());
            };
        }
        Ok(Frame { unit, start, end, exclude })
    }

    fn frame_bound(&mut self) -> Result<FrameBound, Error> {
        if self.eat("UNBOUNDED PRECEDING") {
            return Ok(FrameBound::UnboundedPreceding);
        }
        if self.eat("UNBOUNDED FOLLOWING") {
            return Ok(FrameBound::UnboundedFollowing);
        }
        if self.eat("CURRENT ROW") {
            return Ok(FrameBound::CurrentRow);
        }
        let offset = self.boxed_expr()?;
        if self.eat("PRECEDING") {
            Ok(FrameBound::Preceding(offset))
        } else {
            self.expect("FOLLOWING")?;
            Ok(FrameBound::Following(offset))
        }
    }
}
