//! INSERT, UPDATE, DELETE, MERGE.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{unsupported, word};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{
    Assignment, ConflictTarget, Delete, Expr, ExprKind, FromItem, Insert, Merge, MergeAction,
    MergeClause, Name, OnConflict, Overriding, QualifiedName, Query, QueryBody, SelectItem, Target,
    Update,
};

impl Cursor<'_> {
    pub(super) fn insert(&mut self) -> Result<Insert, Error> {
        self.expect("INSERT INTO")?;
        let table = self.qualified_name()?;
        let alias = if self.eat("AS") { Some(self.own_name()?) } else { None };
        // A parenthesis begins a list of columns, or a query.
        let columns = if self.peek() == Some(&Token::LParen) && !self.may_be_query() {
            self.target_columns()?
        } else {
            Vec::new()
        };
        let overriding = self.overriding()?;
        let source = if self.eat("DEFAULT VALUES") {
            if let Some(overriding) = overriding {
                let _ = overriding;
                self.at -= 2;
                return Err(self.unexpected());
            }
            None
        } else {
            Some(self.query()?)
        };
        let on_conflict = self.on_conflict()?;
        Ok(Insert {
            ctes: Vec::new(),
            recursive: false,
            table,
            alias,
            columns,
            overriding,
            source,
            on_conflict,
            returning: self.returning()?,
        })
    }

    fn overriding(&mut self) -> Result<Option<Overriding>, Error> {
        if !self.eat("OVERRIDING") {
            return Ok(None);
        }
        let kind = if self.eat("SYSTEM") {
            Overriding::System
        } else {
            self.expect("USER")?;
            Overriding::User
        };
        self.expect("VALUE")?;
        Ok(Some(kind))
    }

    /// `(a, b.c, d[1])`.
    fn target_columns(&mut self) -> Result<Vec<Target>, Error> {
        self.expect_token(&Token::LParen)?;
        let columns = self.list(Self::target_column)?;
        self.expect_token(&Token::RParen)?;
        Ok(columns)
    }

    fn target_column(&mut self) -> Result<Target, Error> {
        let column = self.own_name()?;
        let mut fields = Vec::new();
        while self.eat_token(&Token::Period) {
            fields.push(self.own_name()?);
        }
        let mut subscripts = Vec::new();
        while self.eat_token(&Token::LBracket) {
            subscripts.push(self.subscript()?);
        }
        if self.peek() == Some(&Token::Period) {
            let what = "assigning to a field of an element of an array";
            return Err(unsupported(what).with_position(column.position));
        }
        Ok(Target { column, fields, subscripts })
    }

    fn on_conflict(&mut self) -> Result<Option<OnConflict>, Error> {
        let position = self.position();
        if !self.eat("ON CONFLICT") {
            return Ok(None);
        }
        let target = if self.eat("ON CONSTRAINT") {
            ConflictTarget::Constraint(self.own_name()?)
        } else if self.eat_token(&Token::LParen) {
            let keys = self.list(Self::conflict_key)?;
            self.expect_token(&Token::RParen)?;
            let filter = if self.eat("WHERE") { Some(self.expr()?) } else { None };
            ConflictTarget::Keys { keys, filter }
        } else {
            ConflictTarget::Any
        };
        self.expect("DO")?;
        let update = if self.eat("NOTHING") {
            None
        } else {
            self.expect("UPDATE SET")?;
            let assignments = self.assignments()?;
            let filter = if self.eat("WHERE") { Some(self.expr()?) } else { None };
            Some((assignments, filter))
        };
        if update.is_some() && target == ConflictTarget::Any {
            return Err(Error::user(
                SqlState::SYNTAX_ERROR,
                "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            )
            .with_hint("For example, ON CONFLICT (column_name).")
            .with_position(position));
        }
        Ok(Some(OnConflict { target, update, position }))
    }

    /// A column or an expression of an index. A collation or operator class could only say what all
    /// indexes here have.
    fn conflict_key(&mut self) -> Result<Expr, Error> {
        let expr = self.expr()?;
        if matches!(self.peek(), Some(Token::Word(_))) {
            return Err(
                unsupported("an operator class in ON CONFLICT").with_position(self.position())
            );
        }
        Ok(expr)
    }

    pub(super) fn assignments(&mut self) -> Result<Vec<Assignment>, Error> {
        self.list(|cursor| {
            let columns = if cursor.peek() == Some(&Token::LParen) {
                let columns = cursor.target_columns()?;
                cursor.expect_token(&Token::Eq)?;
                let value = cursor.expr()?;
                return Ok(Assignment { value: several(value, columns.len()), columns });
            } else {
                vec![cursor.target_column()?]
            };
            cursor.expect_token(&Token::Eq)?;
            Ok(Assignment { columns, value: cursor.expr()? })
        })
    }

    /// RETURNING, or nothing.
    pub(super) fn returning(&mut self) -> Result<Vec<SelectItem>, Error> {
        if self.eat("RETURNING") { self.select_items() } else { Ok(Vec::new()) }
    }

    /// The table of a data change, and its alias.
    fn target(&mut self) -> Result<(QualifiedName, Option<Name>), Error> {
        let FromItem::Table { name, .. } = self.table_reference()? else {
            return Err(self.unexpected());
        };
        let alias = if self.eat("AS") {
            Some(self.own_name()?)
        } else {
            match self.peek() {
                Some(token @ Token::Word(_))
                    if !word::is_reserved(token)
                        && !word::is_type_or_function(token)
                        && !word::is(token, "SET") =>
                {
                    Some(self.name()?)
                }
                _ => None,
            }
        };
        Ok((name, alias))
    }

    pub(super) fn update(&mut self) -> Result<Update, Error> {
        self.expect("UPDATE")?;
        let (table, alias) = self.target()?;
        self.expect("SET")?;
        let assignments = self.assignments()?;
        let from = if self.eat("FROM") { self.from_list()? } else { Vec::new() };
        let (filter, cursor) = self.where_or_current()?;
        Ok(Update {
            ctes: Vec::new(),
            recursive: false,
            table,
            alias,
            assignments,
            from,
            filter,
            cursor,
            returning: self.returning()?,
        })
    }

    pub(super) fn delete(&mut self) -> Result<Delete, Error> {
        self.expect("DELETE FROM")?;
        let (table, alias) = self.target()?;
        let using = if self.eat("USING") { self.from_list()? } else { Vec::new() };
        let (filter, cursor) = self.where_or_current()?;
        Ok(Delete {
            ctes: Vec::new(),
            recursive: false,
            table,
            alias,
            using,
            filter,
            cursor,
            returning: self.returning()?,
        })
    }

    fn where_or_current(&mut self) -> Result<(Option<Expr>, Option<Name>), Error> {
        if self.eat("WHERE CURRENT OF") {
            return Ok((None, Some(self.own_name()?)));
        }
        let filter = if self.eat("WHERE") { Some(self.expr()?) } else { None };
        Ok((filter, None))
    }

    pub(super) fn merge(&mut self) -> Result<Merge, Error> {
        self.expect("MERGE INTO")?;
        let (table, alias) = self.target()?;
        self.expect("USING")?;
        let source = self.from_item()?;
        self.expect("ON")?;
        let condition = self.expr()?;
        let mut clauses = Vec::new();
        while self.is_word("WHEN") {
            clauses.push(self.merge_clause()?);
        }
        if clauses.is_empty() {
            return Err(self.unexpected());
        }
        Ok(Merge { ctes: Vec::new(), recursive: false, table, alias, source, condition, clauses })
    }

    fn merge_clause(&mut self) -> Result<MergeClause, Error> {
        self.expect("WHEN")?;
        let matched = !self.eat("NOT");
        self.expect("MATCHED")?;
        let condition = if self.eat("AND") { Some(self.expr()?) } else { None };
        self.expect("THEN")?;
        let action = if self.eat("DO NOTHING") {
            MergeAction::Nothing
        } else if matched && self.eat("DELETE") {
            MergeAction::Delete
        } else if matched {
            self.expect("UPDATE SET")?;
            MergeAction::Update(self.assignments()?)
        } else {
            self.expect("INSERT")?;
            let columns = if self.peek() == Some(&Token::LParen) {
                self.target_columns()?
            } else {
                Vec::new()
            };
            let overriding = self.overriding()?;
            let values = if self.eat("DEFAULT VALUES") {
                None
            } else {
                self.expect("VALUES")?;
                self.expect_token(&Token::LParen)?;
                let values = self.exprs()?;
                self.expect_token(&Token::RParen)?;
                Some(values)
            };
            MergeAction::Insert { columns, overriding, values }
        };
        Ok(MergeClause { matched, condition, action })
    }
}

/// The value of `(a, b) = value`: `(a) = (1)` is a row of one.
fn several(value: Expr, columns: usize) -> Expr {
    let single = columns == 1 && !matches!(value.kind, ExprKind::Row(_) | ExprKind::Subquery(_));
    if !single {
        return value;
    }
    let position = value.position;
    Expr { kind: ExprKind::Row(vec![value]), position }
}

/// `VALUES (...)` of one row.
pub(in crate::sql) fn one_row(values: Vec<Expr>) -> Query {
    Query::plain(QueryBody::Values(vec![values]))
}
