//! Views: a view in FROM is its query, bound as if it stood there.
//!
//! The names in a view's query mean what they meant when it was made (`model::catalog::Binding`), also
//! after tables and columns have been renamed and columns have been added.

use crate::model::catalog::{Table, View};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::Oid;
use crate::sql::ast::{Alias, QualifiedName};
use crate::sql::bind::{Binder, Scope, label};
use crate::sql::bound::{From, Output, Query};
use crate::sql::parser;

/// Views may use views; deeper than this they are taken for a circle.
const DEPTH_MAX: usize = 60;

/// What names mean while a view's query is bound.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    view: View,
}

impl<'a> Binder<'a> {
    /// Starts to note which relations a query's names mean.
    pub(crate) fn begin_bindings(&mut self) {
        self.noted = Some(Vec::new());
    }

    /// The relations that were named since, each once by each name.
    pub(crate) fn end_bindings(&mut self) -> Vec<(String, &'a Table)> {
        self.noted.take().unwrap_or_default()
    }

    /// Notes what a name means, if somebody wants to know and it isn't a view's own query that says it.
    pub(super) fn note_binding(&mut self, name: &QualifiedName, table: &'a Table) {
        if !self.frames.is_empty() {
            return;
        }
        let text = label(name);
        if let Some(noted) = &mut self.noted
            && !noted.iter().any(|(known, _)| *known == text)
        {
            noted.push((text, table));
        }
    }

    /// The table that a name means in the view's query that is being bound.
    pub(super) fn framed_table(&self, name: &QualifiedName) -> Option<&'a Table> {
        let frame = self.frames.last()?;
        let text = label(name);
        let binding = frame.view.bindings.iter().find(|binding| binding.name == text)?;
        self.catalog.table_by_oid(binding.oid).map(AsRef::as_ref)
    }

    /// The columns of a table as the view's query sees them.
    pub(super) fn framed_columns(&self, table: Oid, outputs: Vec<Output>) -> Vec<Output> {
        let Some(binding) = self
            .frames
            .last()
            .and_then(|frame| frame.view.bindings.iter().find(|binding| binding.oid == table))
        else {
            return outputs;
        };
        let name = |number: i16| {
            binding.columns.iter().find(|(known, _)| *known == number).map(|(_, name)| name)
        };
        outputs
            .into_iter()
            .filter_map(|output| {
                let name = name(output.number)?.clone();
                Some(Output { name, ..output })
            })
            .collect()
    }

    /// A view's query, bound.
    pub(crate) fn view_query(&mut self, view: &View) -> Result<Query, Error> {
        if self.frames.len() >= DEPTH_MAX {
            return Err(Error::user(
                SqlState::INVALID_OBJECT_DEFINITION,
                "infinite recursion detected in rules for a view",
            ));
        }
        let tree = parser::parse_query(&view.definition)?;
        let bound = self.in_frame(view, |binder| binder.query(&tree));
        // Positions in it are not positions in the client's statement.
        bound.map_err(|mut error| {
            error.fields_mut().position = None;
            error
        })
    }

    /// Does something where names mean what they did when a view was made.
    pub(super) fn in_frame<T>(
        &mut self,
        view: &View,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        self.frames.push(Frame { view: view.clone() });
        let done = work(self);
        self.frames.pop();
        self.scopes = scopes;
        self.ctes = ctes;
        done
    }

    /// A view in FROM.
    pub(super) fn view_item(
        &mut self,
        table: &Table,
        view: &View,
        (name, alias): (&str, Option<&Alias>),
    ) -> Result<(From, Scope), Error> {
        let mut query = self.view_query(view)?;
        for (output, column) in query.outputs.iter_mut().zip(&table.columns) {
            output.name.clone_from(&column.name);
            output.table_oid = table.oid;
            output.number = column.number;
        }
        query.outputs.truncate(table.columns.len());
        let outputs = self.framed_columns(table.oid, query.outputs.clone());
        let label = alias.map_or(name, |alias| alias.name.text.as_str()).to_owned();
        let id = self.add_relation(&label);
        let scope = self.output_scope(id, &label, &outputs, alias)?;
        Ok((From::Subquery { query: Box::new(query), id }, scope))
    }

    /// # Errors
    /// 55000 for a materialised view that was never filled.
    pub(super) fn check_populated(table: &Table) -> Result<(), Error> {
        if table.populated {
            return Ok(());
        }
        let message = format!("materialized view \"{}\" has not been populated", table.name);
        Err(Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
            .with_hint("Use the REFRESH MATERIALIZED VIEW command."))
    }
}
