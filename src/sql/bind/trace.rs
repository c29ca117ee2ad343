//! What the parts of a syntax tree were found to mean, for writing the tree out again (`deparse`).
//!
//! Parts are known by where they are in memory: a trace belongs to a tree that is still there.

use std::collections::HashMap;

use crate::model::catalog::View;
use crate::model::error::Error;
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast;
use crate::sql::bind::Binder;
use crate::sql::bound::{Expr, ExprKind};

/// A column with its relation's name.
pub(crate) type Qualified = (String, String);

#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) data_type: PgType,
    /// The column that it is; a merged one of a full join is none.
    pub(crate) column: Option<Qualified>,
    /// Its value, if it is a constant.
    pub(crate) value: Option<Value>,
}

#[derive(Debug, Default)]
pub(crate) struct Trace {
    known: HashMap<usize, Known>,
    /// Columns by where they stand in the text: windows are copied before they are bound.
    columns: HashMap<u32, Known>,
    /// The columns that `*` stands for, each with the name that it gives.
    wildcards: HashMap<usize, Vec<(Option<Qualified>, String)>>,
}

impl Trace {
    pub(crate) fn of(&self, tree: &ast::Expr) -> Option<Known> {
        let column = || match &tree.kind {
            ast::ExprKind::Column(_) => self.columns.get(&tree.position),
            _ => None,
        };
        self.known.get(&place(tree)).or_else(column).cloned()
    }

    pub(crate) fn wildcard(
        &self,
        item: &ast::SelectItem,
    ) -> Option<Vec<(Option<Qualified>, String)>> {
        self.wildcards.get(&place(item)).cloned()
    }
}

fn place<T>(part: &T) -> usize {
    std::ptr::from_ref(part).addr()
}

fn qualified(expr: &Expr) -> Option<Qualified> {
    let ExprKind::Column(column) = &expr.kind else { return None };
    let (relation, name) = column.label.rsplit_once('.')?;
    Some((relation.to_owned(), name.to_owned()))
}

impl Binder<'_> {
    /// Starts to note what parts mean.
    pub(crate) fn begin_trace(&mut self) {
        self.trace = Some(Trace::default());
    }

    pub(crate) fn end_trace(&mut self) -> Trace {
        self.trace.take().unwrap_or_default()
    }

    /// Whether what is bound is to be written out again.
    pub(super) fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    pub(super) fn note_meaning(&mut self, tree: &ast::Expr, bound: &Expr) {
        // What a view in FROM or a function is made of stands in another text.
        let is_own = self.frames.len() <= 1 && !self.is_inlining();
        let Some(trace) = self.trace.as_mut().filter(|_| is_own) else { return };
        let value = match &bound.kind {
            ExprKind::Constant(value) => Some(value.clone()),
            _ => None,
        };
        let known = Known { data_type: bound.data_type, column: qualified(bound), value };
        if matches!(tree.kind, ast::ExprKind::Column(_)) {
            trace.columns.insert(tree.position, known.clone());
        }
        trace.known.insert(place(tree), known);
    }

    pub(super) fn note_wildcard(&mut self, item: &ast::SelectItem, columns: &[(String, Expr)]) {
        let Some(trace) = &mut self.trace else { return };
        let noted = columns.iter().map(|(name, expr)| (qualified(expr), name.clone())).collect();
        trace.wildcards.insert(place(item), noted);
    }

    /// Binds a view's query, whose tree the caller keeps.
    pub(crate) fn framed_query(&mut self, tree: &ast::Query, view: &View) -> Result<(), Error> {
        self.in_frame(view, |binder| binder.query(tree)).map(drop)
    }
}
