//! Queries: WITH, SELECT, VALUES, TABLE, set operations, ORDER BY, LIMIT, locking.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::expression::as_branch;
use super::{unsupported, word};
use crate::model::error::Error;
use crate::sql::LockWait;
use crate::sql::ast::{
    Cte, CteBody, Distinct, Expr, ExprKind, FromItem, GroupItem, Locking, Name, Persistence,
    QualifiedName, Query, QueryBody, Select, SelectItem, SetOp, Statement,
};

/// The target of SELECT INTO.
pub(super) type Into = Option<(QualifiedName, Persistence)>;

impl Cursor<'_> {
    /// A statement that begins with WITH, SELECT, VALUES, TABLE or a parenthesis.
    pub(super) fn query_statement(&mut self) -> Result<Statement, Error> {
        if !self.is_word("WITH") {
            let mut into = None;
            let query = self.query_into(&mut into)?;
            return Ok(match into {
                None => Statement::Query(Box::new(query)),
                Some(target) => super::table_as(target, query),
            });
        }
        let (ctes, recursive) = self.with()?;
        let word = self.word().unwrap_or_default();
        Ok(match word.as_str() {
            "INSERT" => {
                let insert = self.insert()?;
                Statement::Insert(Box::new(crate::sql::ast::Insert { ctes, recursive, ..insert }))
            }
            "UPDATE" => {
                let update = self.update()?;
                Statement::Update(Box::new(crate::sql::ast::Update { ctes, recursive, ..update }))
            }
            "DELETE" => {
                let delete = self.delete()?;
                Statement::Delete(Box::new(crate::sql::ast::Delete { ctes, recursive, ..delete }))
            }
            "MERGE" => {
                let merge = self.merge()?;
                Statement::Merge(Box::new(crate::sql::ast::Merge { ctes, recursive, ..merge }))
            }
            _ => {
                let mut into = None;
                let query = self.query_after_with(ctes, recursive, &mut into)?;
                match into {
                    None => Statement::Query(Box::new(query)),
                    Some(target) => super::table_as(target, query),
                }
            }
        })
    }

    /// A query where nothing but a query may stand.
    pub(super) fn query(&mut self) -> Result<Query, Error> {
        let position = self.position();
        let mut into = None;
        let query = self.query_into(&mut into)?;
        match into {
            None => Ok(query),
            Some(_) => Err(Error::user(
                crate::model::error::SqlState::SYNTAX_ERROR,
                "SELECT ... INTO is not allowed here",
            )
            .with_position(position)),
        }
    }

    fn query_into(&mut self, into: &mut Into) -> Result<Query, Error> {
        self.nested(|cursor| {
            let (ctes, recursive) =
                if cursor.is_word("WITH") { cursor.with()? } else { (Vec::new(), false) };
            cursor.query_after_with(ctes, recursive, into)
        })
    }

    /// `(query)`.
    pub(super) fn query_in_parentheses(&mut self) -> Result<Query, Error> {
        self.expect_token(&Token::LParen)?;
        let query = self.query()?;
        self.expect_token(&Token::RParen)?;
        Ok(query)
    }

    fn query_after_with(
        &mut self,
        ctes: Vec<Cte>,
        recursive: bool,
        into: &mut Into,
    ) -> Result<Query, Error> {
        let mut query = self.set_operations(into)?;
        let clauses = self.is_word("ORDER")
            || self.is_word("LIMIT")
            || self.is_word("OFFSET")
            || self.is_word("FETCH")
            || self.is_word("FOR");
        if !ctes.is_empty() || clauses {
            query = as_branch(query);
        }
        query.ctes = ctes;
        query.recursive = recursive;
        if self.is_word("ORDER") {
            query.order_by = self.order_by()?;
        }
        self.limits(&mut query)?;
        while self.is_word("FOR") {
            if !self.locking(&mut query.locking)? {
                break;
            }
        }
        // LIMIT may stand behind FOR UPDATE as well.
        self.limits(&mut query)?;
        Ok(query)
    }

    fn limits(&mut self, query: &mut Query) -> Result<(), Error> {
        loop {
            let clause = self.position();
            if self.is_word("LIMIT") && query.limit.is_none() {
                self.at += 1;
                let position = self.position();
                query.limit = Some(if self.eat("ALL") {
                    Expr { kind: ExprKind::Null, position }
                } else {
                    self.expr()?
                });
                if self.peek() == Some(&Token::Comma) {
                    return Err(Error::user(
                        crate::model::error::SqlState::SYNTAX_ERROR,
                        "LIMIT #,# syntax is not supported",
                    )
                    .with_hint("Use separate LIMIT and OFFSET clauses.")
                    .with_position(clause));
                }
            } else if self.is_word("OFFSET") && query.offset.is_none() {
                self.at += 1;
                query.offset = Some(self.expr()?);
                let _ = self.eat("ROW") || self.eat("ROWS");
            } else if self.is_word("FETCH") && query.limit.is_none() {
                self.at += 1;
                self.fetch_first(query)?;
            } else {
                return Ok(());
            }
        }
    }

    /// FIRST n ROWS ONLY, or WITH TIES.
    fn fetch_first(&mut self, query: &mut Query) -> Result<(), Error> {
        if !self.eat("FIRST") {
            self.expect("NEXT")?;
        }
        let position = self.position();
        let rows = |cursor: &mut Self| cursor.eat("ROW") || cursor.eat("ROWS");
        query.limit = Some(if rows(self) {
            Expr { kind: ExprKind::Number("1".to_owned()), position }
        } else {
            let count = self.primary_count()?;
            if !rows(self) {
                return Err(self.unexpected());
            }
            count
        });
        if self.eat("WITH TIES") {
            if query.order_by.is_empty() {
                return Err(Error::user(
                    crate::model::error::SqlState::SYNTAX_ERROR,
                    "WITH TIES cannot be specified without ORDER BY clause",
                ));
            }
            query.with_ties = true;
            return Ok(());
        }
        self.expect("ONLY")
    }

    /// A constant, a parameter or an expression in parentheses.
    fn primary_count(&mut self) -> Result<Expr, Error> {
        let position = self.position();
        if self.eat_token(&Token::Minus) {
            let expr = self.primary()?;
            return Ok(Expr {
                kind: ExprKind::Unary { op: "-".to_owned(), operand: Box::new(expr) },
                position,
            });
        }
        self.eat_token(&Token::Plus);
        self.primary()
    }

    /// FOR UPDATE and the like; false for FOR READ ONLY, which locks nothing.
    fn locking(&mut self, all: &mut Vec<Locking>) -> Result<bool, Error> {
        let position = self.position();
        if self.eat("FOR READ ONLY") {
            return Ok(false);
        }
        let strengths = ["FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE"];
        let Some(strength) = strengths.into_iter().find(|words| self.eat(words)) else {
            self.at += 1;
            return Err(self.unexpected());
        };
        let tables = if self.eat("OF") { self.qualified_names()? } else { Vec::new() };
        let wait = if self.eat("NOWAIT") {
            LockWait::NoWait
        } else if self.eat("SKIP LOCKED") {
            LockWait::SkipLocked
        } else {
            LockWait::Wait
        };
        all.push(Locking { strength, tables, wait, position });
        Ok(true)
    }

    pub(super) fn with(&mut self) -> Result<(Vec<Cte>, bool), Error> {
        self.expect("WITH")?;
        let recursive = self.eat("RECURSIVE");
        Ok((self.list(Self::cte)?, recursive))
    }

    fn cte(&mut self) -> Result<Cte, Error> {
        let name = self.own_name()?;
        let columns = if self.peek() == Some(&Token::LParen) {
            self.names_in_parentheses()?
        } else {
            Vec::new()
        };
        self.expect("AS")?;
        let materialized = if self.eat("NOT MATERIALIZED") {
            Some(false)
        } else {
            self.eat("MATERIALIZED").then_some(true)
        };
        self.expect_token(&Token::LParen)?;
        let body = self.nested(Self::cte_body)?;
        self.expect_token(&Token::RParen)?;
        if self.is_word("SEARCH") || self.is_word("CYCLE") {
            let what = self.next_word()?;
            return Err(unsupported(&format!("{what} in WITH")));
        }
        Ok(Cte { name, columns, body, materialized })
    }

    fn cte_body(&mut self) -> Result<CteBody, Error> {
        let start = self.at;
        let (ctes, recursive) =
            if self.is_word("WITH") { self.with()? } else { (Vec::new(), false) };
        Ok(match self.word().unwrap_or_default().as_str() {
            "INSERT" => {
                let insert = self.insert()?;
                CteBody::Insert(Box::new(crate::sql::ast::Insert { ctes, recursive, ..insert }))
            }
            "UPDATE" => {
                let update = self.update()?;
                CteBody::Update(Box::new(crate::sql::ast::Update { ctes, recursive, ..update }))
            }
            "DELETE" => {
                let delete = self.delete()?;
                CteBody::Delete(Box::new(crate::sql::ast::Delete { ctes, recursive, ..delete }))
            }
            _ => {
                self.at = start;
                CteBody::Query(Box::new(self.query()?))
            }
        })
    }

    /// UNION and EXCEPT, from the left.
    fn set_operations(&mut self, into: &mut Into) -> Result<Query, Error> {
        let mut left = self.intersections(into)?;
        loop {
            let op = if self.eat("UNION") {
                SetOp::Union
            } else if self.eat("EXCEPT") {
                SetOp::Except
            } else {
                return Ok(left);
            };
            let all = self.all_or_distinct();
            let right = self.intersections(&mut None)?;
            left = set_operation(op, all, left, right);
        }
    }

    fn intersections(&mut self, into: &mut Into) -> Result<Query, Error> {
        let mut left = self.simple_query(into)?;
        while self.eat("INTERSECT") {
            let all = self.all_or_distinct();
            let right = self.simple_query(&mut None)?;
            left = set_operation(SetOp::Intersect, all, left, right);
        }
        Ok(left)
    }

    fn all_or_distinct(&mut self) -> bool {
        let all = self.eat("ALL");
        if !all {
            self.eat("DISTINCT");
        }
        all
    }

    fn simple_query(&mut self, into: &mut Into) -> Result<Query, Error> {
        if self.peek() == Some(&Token::LParen) {
            return Ok(as_branch(self.query_in_parentheses()?));
        }
        if self.eat("VALUES") {
            let rows = self.list(|cursor| {
                cursor.expect_token(&Token::LParen)?;
                let row = cursor.exprs()?;
                cursor.expect_token(&Token::RParen)?;
                Ok(row)
            })?;
            return Ok(Query::plain(QueryBody::Values(rows)));
        }
        if self.is_word("TABLE") {
            let position = self.position();
            self.at += 1;
            let table = self.table_reference()?;
            let item = SelectItem::Wildcard { relation: None, position };
            return Ok(Query::select(Select::plain(vec![item], vec![table])));
        }
        self.expect("SELECT")?;
        self.select(into)
    }

    fn select(&mut self, into: &mut Into) -> Result<Query, Error> {
        let mut select = Select::plain(Vec::new(), Vec::new());
        if self.eat("DISTINCT") {
            select.distinct = if self.eat("ON") {
                self.expect_token(&Token::LParen)?;
                let keys = self.exprs()?;
                self.expect_token(&Token::RParen)?;
                Distinct::On(keys)
            } else {
                Distinct::Rows
            };
        } else {
            self.eat("ALL");
        }
        if !self.ends_select_list() {
            select.items = self.list(Self::select_item)?;
        }
        if self.eat("INTO") {
            let persistence = super::ddl::persistence(self);
            self.eat("TABLE");
            *into = Some((self.qualified_name()?, persistence));
        }
        if self.eat("FROM") {
            select.from = self.from_list()?;
        }
        if self.eat("WHERE") {
            select.filter = Some(self.expr()?);
        }
        if self.eat("GROUP BY") {
            select.group_distinct = self.eat("DISTINCT");
            if !select.group_distinct {
                self.eat("ALL");
            }
            select.group_by = self.list(Self::group_item)?;
        }
        if self.eat("HAVING") {
            select.having = Some(self.expr()?);
        }
        if self.eat("WINDOW") {
            select.windows = self.list(|cursor| {
                let name = cursor.own_name()?;
                cursor.expect("AS")?;
                Ok((name, cursor.window()?))
            })?;
        }
        Ok(Query::select(select))
    }

    /// Whether the select list is empty.
    fn ends_select_list(&self) -> bool {
        match self.peek() {
            None | Some(Token::RParen) => true,
            Some(_) => [
                "FROM",
                "WHERE",
                "GROUP",
                "HAVING",
                "WINDOW",
                "UNION",
                "INTERSECT",
                "EXCEPT",
                "ORDER",
                "LIMIT",
                "OFFSET",
                "FETCH",
                "FOR",
                "INTO",
            ]
            .iter()
            .any(|word| self.is_word(word)),
        }
    }

    pub(super) fn select_items(&mut self) -> Result<Vec<SelectItem>, Error> {
        self.list(Self::select_item)
    }

    fn select_item(&mut self) -> Result<SelectItem, Error> {
        let position = self.position();
        if self.eat_token(&Token::Mul) {
            return Ok(SelectItem::Wildcard { relation: None, position });
        }
        let expr = self.expr()?;
        let alias = self.label()?;
        Ok(match (expr.kind, alias) {
            (ExprKind::WholeRow(relation), None) => {
                SelectItem::Wildcard { relation: Some(relation), position }
            }
            (ExprKind::Expand(row), None) => SelectItem::Expand(*row),
            (kind, alias) => {
                SelectItem::Expr { expr: Expr { kind, position: expr.position }, alias }
            }
        })
    }

    /// An output column's name.
    fn label(&mut self) -> Result<Option<Name>, Error> {
        if self.eat("AS") {
            return self.name().map(Some);
        }
        match self.peek() {
            Some(token) if word::is_label(token) => self.name().map(Some),
            _ => Ok(None),
        }
    }

    fn group_item(&mut self) -> Result<GroupItem, Error> {
        if self.peek() == Some(&Token::LParen) && self.peek_at(1) == Some(&Token::RParen) {
            self.at += 2;
            return Ok(GroupItem::Empty);
        }
        if self.eat("GROUPING SETS") {
            self.expect_token(&Token::LParen)?;
            let sets = self.nested(|cursor| cursor.list(Self::group_item))?;
            self.expect_token(&Token::RParen)?;
            return Ok(GroupItem::Sets(sets));
        }
        let opens = self.peek_at(1) == Some(&Token::LParen);
        if opens && (self.is_word("ROLLUP") || self.is_word("CUBE")) {
            let rollup = self.is_word("ROLLUP");
            self.at += 2;
            let elements = self
                .exprs()?
                .into_iter()
                .map(|expr| match expr.kind {
                    ExprKind::Row(items) => items,
                    kind => vec![Expr { kind, position: expr.position }],
                })
                .collect();
            self.expect_token(&Token::RParen)?;
            return Ok(if rollup {
                GroupItem::Rollup(elements)
            } else {
                GroupItem::Cube(elements)
            });
        }
        self.expr().map(GroupItem::Expr)
    }

    pub(super) fn from_list(&mut self) -> Result<Vec<FromItem>, Error> {
        self.list(Self::from_item)
    }
}

fn set_operation(op: SetOp, all: bool, left: Query, right: Query) -> Query {
    let position = first_item(&right);
    Query::plain(QueryBody::SetOperation {
        op,
        all,
        left: Box::new(left),
        right: Box::new(right),
        position,
    })
}

/// Where a query's first output column stands.
fn first_item(query: &Query) -> u32 {
    match &query.body {
        QueryBody::Select(select) => match select.items.first() {
            Some(SelectItem::Expr { expr, .. } | SelectItem::Expand(expr)) => expr.position,
            Some(SelectItem::Wildcard { position, .. }) => *position,
            None => 0,
        },
        QueryBody::Values(rows) => {
            rows.first().and_then(|row| row.first()).map_or(0, |expr| expr.position)
        }
        QueryBody::Nested(query) => first_item(query),
        QueryBody::SetOperation { left, .. } => first_item(left),
    }
}
