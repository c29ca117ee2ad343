//! Queries.

use sqlparser::ast::{
    Cte as CteTree, CteAsMaterialized, Distinct, Expr as ExprTree, FunctionArg, FunctionArgExpr,
    GroupByExpr, Join, JoinConstraint, JoinOperator, LimitClause, NonBlock, OrderByKind,
    Query as QueryTree, Select as SelectTree, SelectFlavor, SelectItem as SelectItemTree,
    SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Spanned, TableAlias,
    TableFactor, TableWithJoins, WildcardAdditionalOptions, With,
};

use super::{Convert, refuse_if, unsupported};
use crate::model::error::Error;
use crate::sql::LockWait;
use crate::sql::ast::{
    Alias, Call, Cte, Expr, ExprKind, FromItem, JoinCondition, JoinKind, Name, Query, QueryBody,
    Select, SelectItem, SetOp, Statement,
};

impl Convert<'_> {
    /// A query, or a data change behind a WITH list.
    pub(super) fn query_statement(&self, tree: &QueryTree) -> Result<Statement, Error> {
        use sqlparser::ast::Statement as Tree;
        let (SetExpr::Insert(inner)
        | SetExpr::Update(inner)
        | SetExpr::Delete(inner)
        | SetExpr::Merge(inner)) = tree.body.as_ref()
        else {
            return Ok(Statement::Query(Box::new(self.query(tree)?)));
        };
        let (ctes, recursive) = self.with(tree.with.as_ref())?;
        match inner {
            Tree::Insert(insert) => {
                let insert = self.insert(insert)?;
                Ok(Statement::Insert(Box::new(crate::sql::ast::Insert {
                    ctes,
                    recursive,
                    ..insert
                })))
            }
            Tree::Update(update) => {
                let update = self.update(update)?;
                Ok(Statement::Update(Box::new(crate::sql::ast::Update {
                    ctes,
                    recursive,
                    ..update
                })))
            }
            Tree::Delete(delete) => {
                let delete = self.delete(delete)?;
                Ok(Statement::Delete(Box::new(crate::sql::ast::Delete {
                    ctes,
                    recursive,
                    ..delete
                })))
            }
            _ => Err(unsupported("MERGE")),
        }
    }

    pub(super) fn query(&self, tree: &QueryTree) -> Result<Query, Error> {
        let QueryTree {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = tree;
        refuse_if(
            for_clause.is_some() || settings.is_some() || format_clause.is_some(),
            "this clause of a query",
        )?;
        refuse_if(!pipe_operators.is_empty(), "a pipe operator")?;
        let (ctes, recursive) = self.with(with.as_ref())?;
        let mut query = self.query_body(body)?;
        let bare = ctes.is_empty()
            && order_by.is_none()
            && limit_clause.is_none()
            && fetch.is_none()
            && locks.is_empty();
        if bare {
            return Ok(query);
        }
        if !query.order_by.is_empty()
            || query.limit.is_some()
            || query.offset.is_some()
            || !query.ctes.is_empty()
        {
            // (query) ORDER BY ...: the inner clauses stay inside.
            query = wrap(query);
        }
        query.ctes = ctes;
        query.recursive = recursive;
        if let Some(order_by) = order_by {
            refuse_if(order_by.interpolate.is_some(), "INTERPOLATE")?;
            match &order_by.kind {
                OrderByKind::Expressions(items) => query.order_by = self.order_items(items)?,
                OrderByKind::All(_) => return Err(unsupported("ORDER BY ALL")),
            }
        }
        if let Some(clause) = limit_clause {
            (query.limit, query.offset) = self.limit(clause)?;
        }
        if let Some(fetch) = fetch {
            refuse_if(fetch.with_ties || fetch.percent, "FETCH ... WITH TIES")?;
            let one = Expr { kind: ExprKind::Number("1".to_owned()), position: 0 };
            query.limit = Some(fetch.quantity.as_ref().map_or(Ok(one), |count| self.expr(count))?);
        }
        for lock in locks {
            query.locking = Some(match lock.nonblock {
                None => LockWait::Wait,
                Some(NonBlock::Nowait) => LockWait::NoWait,
                Some(NonBlock::SkipLocked) => return Err(unsupported("SKIP LOCKED")),
            });
        }
        Ok(query)
    }

    fn limit(&self, clause: &LimitClause) -> Result<(Option<Expr>, Option<Expr>), Error> {
        match clause {
            LimitClause::LimitOffset { limit, offset, limit_by } => {
                refuse_if(!limit_by.is_empty(), "LIMIT BY")?;
                let limit = limit.as_ref().map(|limit| self.expr(limit)).transpose()?;
                let offset = offset.as_ref().map(|offset| self.expr(&offset.value)).transpose()?;
                Ok((limit, offset))
            }
            LimitClause::OffsetCommaLimit { .. } => Err(unsupported("LIMIT #,#")),
        }
    }

    pub(super) fn with(&self, with: Option<&With>) -> Result<(Vec<Cte>, bool), Error> {
        let Some(with) = with else { return Ok((Vec::new(), false)) };
        let ctes = with.cte_tables.iter().map(|cte| self.cte(cte)).collect::<Result<_, _>>()?;
        Ok((ctes, with.recursive))
    }

    fn cte(&self, tree: &CteTree) -> Result<Cte, Error> {
        refuse_if(tree.from.is_some(), "this form of WITH")?;
        if matches!(
            tree.query.body.as_ref(),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        ) {
            return Err(unsupported("a data-modifying statement in WITH"));
        }
        let alias = self.alias(&tree.alias)?;
        Ok(Cte {
            name: alias.name,
            columns: alias.columns,
            query: self.query(&tree.query)?,
            materialized: tree.materialized.as_ref().map(|how| match how {
                CteAsMaterialized::Materialized => true,
                CteAsMaterialized::NotMaterialized => false,
            }),
        })
    }

    fn query_body(&self, tree: &SetExpr) -> Result<Query, Error> {
        match tree {
            SetExpr::Select(select) => Ok(plain(QueryBody::Select(Box::new(self.select(select)?)))),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => {
                let rows = values
                    .rows
                    .iter()
                    .map(|row| self.exprs(&row.content))
                    .collect::<Result<_, _>>()?;
                Ok(plain(QueryBody::Values(rows)))
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let op = match op {
                    SetOperator::Union => SetOp::Union,
                    SetOperator::Except => SetOp::Except,
                    SetOperator::Intersect => SetOp::Intersect,
                    SetOperator::Minus => return Err(unsupported("MINUS")),
                };
                let all = match set_quantifier {
                    SetQuantifier::All => true,
                    SetQuantifier::Distinct | SetQuantifier::None => false,
                    SetQuantifier::ByName
                    | SetQuantifier::AllByName
                    | SetQuantifier::DistinctByName => {
                        return Err(unsupported("BY NAME"));
                    }
                };
                Ok(plain(QueryBody::SetOperation {
                    op,
                    all,
                    position: self.position(right.span()),
                    left: Box::new(self.query_body(left)?),
                    right: Box::new(self.query_body(right)?),
                }))
            }
            SetExpr::Table(_) => Err(unsupported("TABLE as a query")),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(unsupported("a data-modifying statement as a query"))
            }
        }
    }

    fn select(&self, tree: &SelectTree) -> Result<Select, Error> {
        let SelectTree {
            select_token: _,
            optimizer_hints: _,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = tree;
        refuse_if(into.is_some(), "SELECT INTO")?;
        refuse_if(!named_window.is_empty(), "WINDOW")?;
        let foreign = select_modifiers.is_some()
            || top.is_some()
            || exclude.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || qualify.is_some()
            || value_table_mode.is_some()
            || !matches!(flavor, SelectFlavor::Standard);
        refuse_if(foreign, "this clause of SELECT")?;
        let distinct = match distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(unsupported("SELECT DISTINCT ON")),
        };
        let group_by = match group_by {
            GroupByExpr::Expressions(exprs, modifiers) => {
                refuse_if(!modifiers.is_empty(), "this modifier of GROUP BY")?;
                let sets = exprs.iter().any(|expr| {
                    matches!(
                        expr,
                        ExprTree::GroupingSets(_) | ExprTree::Cube(_) | ExprTree::Rollup(_)
                    )
                });
                refuse_if(sets, "GROUPING SETS")?;
                self.exprs(exprs)?
            }
            GroupByExpr::All(_) => return Err(unsupported("GROUP BY ALL")),
        };
        Ok(Select {
            distinct,
            items: self.select_items(projection)?,
            from: from.iter().map(|item| self.from_item(item)).collect::<Result<_, _>>()?,
            filter: selection.as_ref().map(|filter| self.expr(filter)).transpose()?,
            group_by,
            having: having.as_ref().map(|having| self.expr(having)).transpose()?,
        })
    }

    pub(super) fn select_items(&self, items: &[SelectItemTree]) -> Result<Vec<SelectItem>, Error> {
        items
            .iter()
            .map(|item| match item {
                SelectItemTree::UnnamedExpr(expr) => {
                    Ok(SelectItem::Expr { expr: self.expr(expr)?, alias: None })
                }
                SelectItemTree::ExprWithAlias { expr, alias } => {
                    Ok(SelectItem::Expr { expr: self.expr(expr)?, alias: Some(self.name(alias)) })
                }
                SelectItemTree::ExprWithAliases { .. } => {
                    Err(unsupported("several aliases of one expression"))
                }
                SelectItemTree::Wildcard(options) => {
                    plain_wildcard(options)?;
                    let position = self.position(options.wildcard_token.0.span);
                    Ok(SelectItem::Wildcard { relation: None, position })
                }
                SelectItemTree::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    plain_wildcard(options)?;
                    let relation = self.qualified_name(name)?;
                    let position = relation.first().map_or(0, |part| part.position);
                    Ok(SelectItem::Wildcard { relation: Some(relation), position })
                }
                SelectItemTree::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {
                    Err(unsupported("expanding a row"))
                }
            })
            .collect()
    }

    pub(super) fn from_items(&self, items: &[TableWithJoins]) -> Result<Vec<FromItem>, Error> {
        items.iter().map(|item| self.from_item(item)).collect()
    }

    fn from_item(&self, tree: &TableWithJoins) -> Result<FromItem, Error> {
        let mut item = self.table_factor(&tree.relation)?;
        for join in &tree.joins {
            item = self.join(item, join)?;
        }
        Ok(item)
    }

    fn join(&self, left: FromItem, join: &Join) -> Result<FromItem, Error> {
        refuse_if(join.global, "GLOBAL JOIN")?;
        let (kind, constraint) = match &join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::CrossJoin(constraint) => (JoinKind::Inner, constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (JoinKind::Left, constraint)
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (JoinKind::Right, constraint)
            }
            JoinOperator::FullOuter(constraint) => (JoinKind::Full, constraint),
            _ => return Err(unsupported("this kind of join")),
        };
        let condition = match constraint {
            JoinConstraint::On(expr) => JoinCondition::On(self.expr(expr)?),
            JoinConstraint::Using(names) => JoinCondition::Using(
                names.iter().map(|name| self.single_name(name)).collect::<Result<_, _>>()?,
            ),
            JoinConstraint::Natural => JoinCondition::Natural,
            JoinConstraint::None => JoinCondition::None,
        };
        let right = Box::new(self.table_factor(&join.relation)?);
        Ok(FromItem::Join { kind, left: Box::new(left), right, condition })
    }

    fn table_factor(&self, tree: &TableFactor) -> Result<FromItem, Error> {
        let alias_of =
            |alias: &Option<TableAlias>| alias.as_ref().map(|alias| self.alias(alias)).transpose();
        match tree {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                refuse_if(*with_ordinality, "WITH ORDINALITY")?;
                refuse_if(sample.is_some(), "TABLESAMPLE")?;
                refuse_if(
                    !with_hints.is_empty()
                        || version.is_some()
                        || !partitions.is_empty()
                        || json_path.is_some()
                        || !index_hints.is_empty(),
                    "this table clause",
                )?;
                let name = self.qualified_name(name)?;
                let alias = alias_of(alias)?;
                match args {
                    None => Ok(FromItem::Table { name, alias }),
                    Some(args) => {
                        refuse_if(args.settings.is_some(), "SETTINGS")?;
                        self.function_item(name, &args.args, alias)
                    }
                }
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
                refuse_if(*with_ordinality, "WITH ORDINALITY")?;
                self.function_item(self.qualified_name(name)?, args, alias_of(alias)?)
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset,
                with_offset_alias,
                with_ordinality,
            } => {
                refuse_if(*with_offset || with_offset_alias.is_some(), "WITH OFFSET")?;
                refuse_if(*with_ordinality, "WITH ORDINALITY")?;
                let position = self.position(tree.span());
                let call = plain_call(
                    vec![Name { text: "unnest".to_owned(), position }],
                    self.exprs(array_exprs)?,
                );
                Ok(FromItem::Function { call, alias: alias_of(alias)?, position })
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                refuse_if(sample.is_some(), "TABLESAMPLE")?;
                Ok(FromItem::Subquery {
                    query: Box::new(self.query(subquery)?),
                    alias: alias_of(alias)?,
                    lateral: *lateral,
                    position: self.position(subquery.span()),
                })
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                refuse_if(alias.is_some(), "an alias of a join")?;
                self.from_item(table_with_joins)
            }
            _ => Err(unsupported("this table expression")),
        }
    }

    fn function_item(
        &self,
        name: Vec<Name>,
        args: &[FunctionArg],
        alias: Option<Alias>,
    ) -> Result<FromItem, Error> {
        let arguments = args
            .iter()
            .map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.expr(expr),
                other => Err(unsupported(&format!("the argument {other}"))),
            })
            .collect::<Result<_, _>>()?;
        let position = name.first().map_or(0, |part| part.position);
        Ok(FromItem::Function { call: plain_call(name, arguments), alias, position })
    }

    fn alias(&self, alias: &TableAlias) -> Result<Alias, Error> {
        refuse_if(alias.at.is_some(), "AT")?;
        refuse_if(
            alias.columns.iter().any(|column| column.data_type.is_some()),
            "a column definition list",
        )?;
        Ok(Alias {
            name: self.name(&alias.name),
            columns: alias.columns.iter().map(|column| self.name(&column.name)).collect(),
        })
    }
}

fn plain_call(name: Vec<Name>, arguments: Vec<Expr>) -> Call {
    Call {
        name,
        arguments,
        star: false,
        distinct: false,
        order_by: Vec::new(),
        filter: None,
        over: None,
    }
}

fn plain(body: QueryBody) -> Query {
    Query {
        recursive: false,
        ctes: Vec::new(),
        body,
        order_by: Vec::new(),
        limit: None,
        offset: None,
        locking: None,
    }
}

/// `SELECT * FROM (query)`.
fn wrap(query: Query) -> Query {
    let position = 0;
    plain(QueryBody::Select(Box::new(Select {
        distinct: false,
        items: vec![SelectItem::Wildcard { relation: None, position }],
        from: vec![FromItem::Subquery {
            query: Box::new(query),
            alias: None,
            lateral: true,
            position,
        }],
        filter: None,
        group_by: Vec::new(),
        having: None,
    })))
}

fn plain_wildcard(options: &WildcardAdditionalOptions) -> Result<(), Error> {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    refuse_if(!plain, "an option of *")
}
