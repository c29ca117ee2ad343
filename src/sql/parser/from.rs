//! FROM: tables, functions, subqueries, joins.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{unsupported, word};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{
    Alias, ColumnType, Expr, ExprKind, FromItem, JoinCondition, JoinKind, Name, TableFunction,
};

/// An alias, or the column definition list that stands in its place or behind it.
type AliasOrDefinitions = (Option<Alias>, Vec<ColumnType>);

impl Cursor<'_> {
    /// A table expression with its joins.
    pub(super) fn from_item(&mut self) -> Result<FromItem, Error> {
        self.nested(Self::joined)
    }

    fn joined(&mut self) -> Result<FromItem, Error> {
        let mut left = self.table_factor()?;
        loop {
            let natural = self.is_word("NATURAL");
            let start = self.at;
            self.at += usize::from(natural);
            let Some((kind, cross)) = self.join_kind() else {
                if natural {
                    return Err(self.unexpected());
                }
                self.at = start;
                return Ok(left);
            };
            let right = if cross || natural { self.table_factor()? } else { self.join_operand()? };
            let (condition, alias) = if cross {
                (JoinCondition::None, None)
            } else if natural {
                (JoinCondition::Natural, None)
            } else {
                (self.join_condition()?, None)
            };
            left = FromItem::Join {
                kind,
                left: Box::new(left),
                right: Box::new(right),
                condition,
                alias,
            };
        }
    }

    /// The right side of a join with a condition: joins in it end before ours does
    /// (`a JOIN b JOIN c ON ... ON ...`).
    fn join_operand(&mut self) -> Result<FromItem, Error> {
        let mut right = self.table_factor()?;
        loop {
            let start = self.at;
            let Some((kind, cross)) = self.join_kind() else { return Ok(right) };
            if cross {
                // Joins associate to the left: this one is the outer loop's.
                self.at = start;
                return Ok(right);
            }
            let inner = self.nested(Self::join_operand)?;
            let condition = self.join_condition()?;
            let (left, inner) = (Box::new(right), Box::new(inner));
            right = FromItem::Join { kind, left, right: inner, condition, alias: None };
        }
    }

    /// JOIN with what stands before it; the flag is for CROSS JOIN.
    fn join_kind(&mut self) -> Option<(JoinKind, bool)> {
        const KINDS: [(&str, JoinKind, bool); 9] = [
            ("JOIN", JoinKind::Inner, false),
            ("INNER JOIN", JoinKind::Inner, false),
            ("CROSS JOIN", JoinKind::Inner, true),
            ("LEFT JOIN", JoinKind::Left, false),
            ("LEFT OUTER JOIN", JoinKind::Left, false),
            ("RIGHT JOIN", JoinKind::Right, false),
            ("RIGHT OUTER JOIN", JoinKind::Right, false),
            ("FULL JOIN", JoinKind::Full, false),
            ("FULL OUTER JOIN", JoinKind::Full, false),
        ];
        KINDS.into_iter().find(|(words, ..)| self.eat(words)).map(|(_, kind, cross)| (kind, cross))
    }

    fn join_condition(&mut self) -> Result<JoinCondition, Error> {
        if self.eat("ON") {
            return self.expr().map(JoinCondition::On);
        }
        self.expect("USING")?;
        let names = self.names_in_parentheses()?;
        let alias = if self.eat("AS") { Some(self.own_name()?) } else { None };
        Ok(JoinCondition::Using(names, alias))
    }

    fn table_factor(&mut self) -> Result<FromItem, Error> {
        let lateral = self.eat("LATERAL");
        let position = self.position();
        if self.peek() == Some(&Token::LParen) {
            return self.query_or(
                |cursor| {
                    let query = Box::new(cursor.query_in_parentheses()?);
                    let alias = cursor.alias()?;
                    Ok(FromItem::Subquery { query, alias, lateral, position })
                },
                |cursor| {
                    if lateral {
                        return Err(cursor.unexpected());
                    }
                    cursor.expect_token(&Token::LParen)?;
                    let item = cursor.from_item()?;
                    cursor.expect_token(&Token::RParen)?;
                    let alias = cursor.alias()?;
                    match (item, alias) {
                        (item, None) => Ok(item),
                        (FromItem::Join { kind, left, right, condition, .. }, alias) => {
                            Ok(FromItem::Join { kind, left, right, condition, alias })
                        }
                        _ => Err(cursor.unexpected()),
                    }
                },
            );
        }
        if self.is_word("ROWS") && self.is_word_at(1, "FROM") {
            self.at += 2;
            return self.rows_from(position);
        }
        if self.is_function() {
            let function = self.primary_call()?;
            return self.table_function(vec![(function, Vec::new())], position);
        }
        if lateral {
            return Err(self.unexpected());
        }
        let mut table = self.table_reference()?;
        if let FromItem::Table { alias, .. } = &mut table {
            *alias = self.alias()?;
        }
        if self.is_word("TABLESAMPLE") {
            return Err(unsupported("TABLESAMPLE").with_position(self.position()));
        }
        Ok(table)
    }

    /// A table's name, with ONLY before it or `*` behind.
    pub(super) fn table_reference(&mut self) -> Result<FromItem, Error> {
        // There is no inheritance: a table is always itself only.
        let name = if self.eat("ONLY") {
            if self.eat_token(&Token::LParen) {
                let name = self.qualified_name()?;
                self.expect_token(&Token::RParen)?;
                name
            } else {
                self.qualified_name()?
            }
        } else {
            let name = self.qualified_name()?;
            self.eat_token(&Token::Mul);
            name
        };
        Ok(FromItem::Table { name, alias: None })
    }

    /// Whether a call comes next, or one of the functions that are written without parentheses.
    fn is_function(&self) -> bool {
        const BARE: [&str; 11] = [
            "CURRENT_CATALOG",
            "CURRENT_DATE",
            "CURRENT_ROLE",
            "CURRENT_SCHEMA",
            "CURRENT_TIME",
            "CURRENT_TIMESTAMP",
            "CURRENT_USER",
            "LOCALTIME",
            "LOCALTIMESTAMP",
            "SESSION_USER",
            "USER",
        ];
        if BARE.iter().any(|word| self.is_word(word)) {
            return true;
        }
        let mut ahead = 0;
        while matches!(self.peek_at(ahead), Some(Token::Word(_))) {
            match self.peek_at(ahead + 1) {
                Some(Token::Period) => ahead += 2,
                Some(Token::LParen) => return !self.is_word_at(ahead, "ONLY"),
                _ => return false,
            }
        }
        false
    }

    /// A call, without casts or operators around it.
    fn primary_call(&mut self) -> Result<Expr, Error> {
        let start = self.at;
        let expr = self.primary()?;
        if matches!(expr.kind, ExprKind::Call(_) | ExprKind::Cast { .. }) {
            return Ok(expr);
        }
        self.at = start;
        Err(self.unexpected())
    }

    fn rows_from(&mut self, position: u32) -> Result<FromItem, Error> {
        self.expect_token(&Token::LParen)?;
        let functions = self.list(|cursor| {
            let function = cursor.primary_call()?;
            let mut definitions = Vec::new();
            if cursor.eat("AS") {
                definitions = cursor.column_definitions()?;
            }
            Ok((function, definitions))
        })?;
        self.expect_token(&Token::RParen)?;
        self.table_function(functions, position)
    }

    fn table_function(
        &mut self,
        mut functions: Vec<(Expr, Vec<ColumnType>)>,
        position: u32,
    ) -> Result<FromItem, Error> {
        let ordinality = self.eat("WITH ORDINALITY");
        let (alias, definitions) = self.alias_or_definitions()?;
        if !definitions.is_empty() {
            let [(_, own)] = functions.as_mut_slice() else {
                return Err(Error::user(
                    SqlState::SYNTAX_ERROR,
                    "ROWS FROM() with multiple functions cannot have a column definition list",
                )
                .with_hint(
                    "Put a separate column definition list for each function inside ROWS FROM().",
                )
                .with_position(position));
            };
            if ordinality {
                return Err(Error::user(
                    SqlState::SYNTAX_ERROR,
                    "WITH ORDINALITY cannot be used with a column definition list",
                )
                .with_hint("Put the column definition list inside ROWS FROM().")
                .with_position(definitions[0].name.position));
            }
            *own = definitions;
        }
        let function = TableFunction { functions, ordinality, alias, position };
        Ok(FromItem::Function(Box::new(function)))
    }

    /// `[AS] name [(columns)]`.
    pub(super) fn alias(&mut self) -> Result<Option<Alias>, Error> {
        let Some(name) = self.alias_name()? else { return Ok(None) };
        let columns = if self.peek() == Some(&Token::LParen) {
            self.names_in_parentheses()?
        } else {
            Vec::new()
        };
        Ok(Some(Alias { name, columns }))
    }

    fn alias_name(&mut self) -> Result<Option<Name>, Error> {
        if self.eat("AS") {
            return self.own_name().map(Some);
        }
        match self.peek() {
            Some(token @ Token::Word(_))
                if !word::is_reserved(token) && !word::is_type_or_function(token) =>
            {
                self.name().map(Some)
            }
            _ => Ok(None),
        }
    }

    fn alias_or_definitions(&mut self) -> Result<AliasOrDefinitions, Error> {
        if self.is_word("AS") && self.peek_at(1) == Some(&Token::LParen) {
            self.at += 1;
            return Ok((None, self.column_definitions()?));
        }
        let Some(name) = self.alias_name()? else { return Ok((None, Vec::new())) };
        if self.peek() != Some(&Token::LParen) {
            return Ok((Some(Alias { name, columns: Vec::new() }), Vec::new()));
        }
        // Names alone, or names with types: what follows the first name says which.
        if matches!(self.peek_at(2), Some(Token::Comma | Token::RParen)) {
            let columns = self.names_in_parentheses()?;
            return Ok((Some(Alias { name, columns }), Vec::new()));
        }
        let definitions = self.column_definitions()?;
        Ok((Some(Alias { name, columns: Vec::new() }), definitions))
    }

    fn column_definitions(&mut self) -> Result<Vec<ColumnType>, Error> {
        self.expect_token(&Token::LParen)?;
        let definitions = self.list(|cursor| {
            let name = cursor.own_name()?;
            let data_type = cursor.type_name()?;
            if cursor.is_word("COLLATE") {
                let message = "COLLATE in a column definition list is not supported";
                return Err(Error::refused(message).with_position(name.position));
            }
            Ok(ColumnType { name, data_type })
        })?;
        self.expect_token(&Token::RParen)?;
        Ok(definitions)
    }
}
