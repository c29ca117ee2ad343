//! INSERT, UPDATE, DELETE.

use sqlparser::ast::{
    Assignment as AssignmentTree, AssignmentTarget, ConflictTarget as ConflictTargetTree,
    Delete as DeleteTree, FromTable, Insert as InsertTree, OnConflictAction, OnInsert, TableFactor,
    TableObject, TableWithJoins, Update as UpdateTree, UpdateTableFromKind,
};

use super::{Convert, refuse_if, unsupported};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{
    Assignment, ConflictTarget, Delete, Insert, Name, OnConflict, QualifiedName, Update,
};

impl Convert<'_> {
    pub(super) fn insert(&self, tree: &InsertTree) -> Result<Insert, Error> {
        let InsertTree {
            insert_token: _,
            optimizer_hints: _,
            or,
            ignore,
            into: _,
            table,
            table_alias,
            columns,
            overwrite,
            source,
            assignments,
            partitioned,
            after_columns,
            has_table_keyword,
            on,
            returning,
            output,
            replace_into,
            priority,
            insert_alias,
            settings,
            format_clause,
            multi_table_insert_type,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause,
        } = tree;
        let foreign = or.is_some()
            || *ignore
            || *overwrite
            || !assignments.is_empty()
            || partitioned.is_some()
            || !after_columns.is_empty()
            || *has_table_keyword
            || output.is_some()
            || *replace_into
            || priority.is_some()
            || insert_alias.is_some()
            || settings.is_some()
            || format_clause.is_some()
            || multi_table_insert_type.is_some()
            || !multi_table_into_clauses.is_empty()
            || !multi_table_when_clauses.is_empty()
            || multi_table_else_clause.is_some();
        refuse_if(foreign, "this clause of INSERT")?;
        let TableObject::TableName(table) = table else {
            return Err(unsupported("this target of INSERT"));
        };
        let on_conflict = match on {
            None => None,
            Some(OnInsert::OnConflict(clause)) => Some(self.on_conflict(clause)?),
            Some(_) => return Err(unsupported("ON DUPLICATE KEY")),
        };
        Ok(Insert {
            ctes: Vec::new(),
            recursive: false,
            table: self.qualified_name(table)?,
            alias: table_alias.as_ref().map(|alias| self.name(&alias.alias)),
            columns: columns
                .iter()
                .map(|column| self.single_name(column))
                .collect::<Result<_, _>>()?,
            source: source.as_ref().map(|source| self.query(source)).transpose()?,
            on_conflict,
            returning: self.select_items(returning.as_deref().unwrap_or(&[]))?,
        })
    }

    fn on_conflict(&self, clause: &sqlparser::ast::OnConflict) -> Result<OnConflict, Error> {
        let target = match &clause.conflict_target {
            None => ConflictTarget::Any,
            Some(ConflictTargetTree::Columns(columns)) => {
                ConflictTarget::Columns(columns.iter().map(|column| self.name(column)).collect())
            }
            Some(ConflictTargetTree::OnConstraint(name)) => {
                ConflictTarget::Constraint(self.single_name(name)?)
            }
        };
        let position = self
            .tokens
            .windows(2)
            .find(|pair| {
                super::keyword(&pair[0].token).as_deref() == Some("ON")
                    && super::keyword(&pair[1].token).as_deref() == Some("CONFLICT")
            })
            .map_or(0, |pair| self.position(pair[0].span));
        let update = match &clause.action {
            OnConflictAction::DoNothing => None,
            OnConflictAction::DoUpdate(update) => Some((
                self.assignments(&update.assignments)?,
                update.selection.as_ref().map(|filter| self.expr(filter)).transpose()?,
            )),
        };
        if update.is_some() && target == ConflictTarget::Any {
            return Err(Error::user(
                SqlState::SYNTAX_ERROR,
                "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            )
            .with_hint("For example, ON CONFLICT (column_name).")
            .with_position(position));
        }
        Ok(OnConflict { target, update, position })
    }

    fn assignments(&self, trees: &[AssignmentTree]) -> Result<Vec<Assignment>, Error> {
        trees
            .iter()
            .map(|tree| {
                let columns = match &tree.target {
                    AssignmentTarget::ColumnName(name) => vec![self.single_name(name)?],
                    AssignmentTarget::Tuple(names) => {
                        names.iter().map(|name| self.single_name(name)).collect::<Result<_, _>>()?
                    }
                };
                Ok(Assignment { columns, value: self.expr(&tree.value)? })
            })
            .collect()
    }

    /// The one plain table that a data change is about.
    fn target(&self, tree: &TableWithJoins) -> Result<(QualifiedName, Option<Name>), Error> {
        let TableFactor::Table { name, alias, args: None, .. } = &tree.relation else {
            return Err(unsupported("this target"));
        };
        refuse_if(!tree.joins.is_empty(), "a join as target")?;
        let alias = match alias {
            None => None,
            Some(alias) => {
                refuse_if(!alias.columns.is_empty(), "column aliases of a target")?;
                Some(self.name(&alias.name))
            }
        };
        Ok((self.qualified_name(name)?, alias))
    }

    pub(super) fn update(&self, tree: &UpdateTree) -> Result<Update, Error> {
        let UpdateTree {
            update_token: _,
            optimizer_hints: _,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = tree;
        refuse_if(
            output.is_some() || or.is_some() || !order_by.is_empty() || limit.is_some(),
            "this clause of UPDATE",
        )?;
        let from = match from {
            None => Vec::new(),
            Some(UpdateTableFromKind::AfterSet(items)) => self.from_items(items)?,
            Some(UpdateTableFromKind::BeforeSet(_)) => return Err(unsupported("FROM before SET")),
        };
        let (table, alias) = self.target(table)?;
        Ok(Update {
            ctes: Vec::new(),
            recursive: false,
            table,
            alias,
            assignments: self.assignments(assignments)?,
            from,
            filter: selection.as_ref().map(|filter| self.expr(filter)).transpose()?,
            returning: self.select_items(returning.as_deref().unwrap_or(&[]))?,
        })
    }

    pub(super) fn delete(&self, tree: &DeleteTree) -> Result<Delete, Error> {
        let DeleteTree {
            delete_token: _,
            optimizer_hints: _,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = tree;
        refuse_if(
            !tables.is_empty() || output.is_some() || !order_by.is_empty() || limit.is_some(),
            "this clause of DELETE",
        )?;
        let FromTable::WithFromKeyword(from) = from else {
            return Err(unsupported("DELETE without FROM"));
        };
        let [target] = from.as_slice() else { return Err(unsupported("DELETE of several tables")) };
        let (table, alias) = self.target(target)?;
        Ok(Delete {
            ctes: Vec::new(),
            recursive: false,
            table,
            alias,
            using: self.from_items(using.as_deref().unwrap_or(&[]))?,
            filter: selection.as_ref().map(|filter| self.expr(filter)).transpose()?,
            returning: self.select_items(returning.as_deref().unwrap_or(&[]))?,
        })
    }
}
