//! DELETE.

use crate::model::error::Error;
use crate::sql::ast;
use crate::sql::bind::Binder;
use crate::sql::bind::trigger::Event;
use crate::sql::bound::{Delete, Output};

impl Binder<'_> {
    pub(crate) fn delete(&mut self, tree: &ast::Delete) -> Result<(Delete, Vec<Output>), Error> {
        let visible = self.ctes.len();
        if let Some(cursor) = &tree.cursor {
            return Err(crate::sql::bind::at(
                Error::refused("WHERE CURRENT OF is not supported"),
                cursor.position,
            ));
        }
        let ctes = self.with(&tree.ctes, tree.recursive)?;
        let target = self.target(&tree.table, tree.alias.as_ref(), Event::Delete)?;
        let (table, mut scope) = (target.base, target.scope.clone());
        let (using, added) = self.from_list(&tree.using)?;
        if using.is_some() && !table.has_rowid {
            return Err(Error::refused(
                "DELETE ... USING of a table without row ids is not supported",
            ));
        }
        scope.push(added)?;
        self.scopes.push(scope);
        let filter = tree.filter.as_ref().map(|filter| self.condition(filter, "WHERE")).transpose();
        let returning = self.returning(&tree.returning);
        self.scopes.pop();
        self.ctes.truncate(visible);
        let (returning, outputs) = returning?;
        let delete = Delete {
            ctes,
            recursive: tree.recursive,
            table: table.stored.clone(),
            id: target.id,
            using,
            filter: target.restricted(filter?),
            returning,
        };
        Ok((delete, outputs))
    }
}
