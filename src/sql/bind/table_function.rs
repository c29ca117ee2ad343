//! Functions in FROM, set-returning functions in select lists, and LATERAL.
//!
//! What depends on the relations to its left becomes rows in JSON (`From::Lateral`, `From::Each`),
//! since SQLite lets nothing but a table-valued function's arguments see them.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::sql::ast::{self, Alias, Call, JoinKind, TableFunction};
use crate::sql::bind::function::Chosen;
use crate::sql::bind::query::{output, plain_query, unique_aliases};
use crate::sql::bind::whole_row::RowSource;
use crate::sql::bind::{Binder, Item, Scope, at, is_called};
use crate::sql::bound::{
    self, Aggregate, Body, Column, Distinct, Expr, ExprKind, From, Output, Part, Query, RelationId,
    Window,
};
use crate::sql::types::Lowering;

/// Whether a call in FROM is more than one value.
fn gives_rows(function: &crate::model::catalog::Function) -> bool {
    function.returns_set || function.columns.len() > 1 || is_called(function)
}

/// A function's rows: their columns with their names, and their number from 1.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) from: From,
    pub(super) columns: Vec<(String, Expr)>,
    pub(super) number: Expr,
}

impl Rows {
    /// Whether they are the one row of a function that doesn't return a set, which would stand in each row of others.
    fn is_one_record(&self) -> bool {
        let From::Each { array, .. } = &self.from else { return false };
        let ExprKind::Call { lowering: Lowering::Typed(name), .. } = &array.kind else {
            return false;
        };
        name.ends_with("_record")
    }
}

/// The subscripts of vectors begin at 0.
fn from_zero(chosen: Chosen) -> Chosen {
    let is_vector =
        |array: &Expr| matches!(array.data_type, PgType::INT2VECTOR | PgType::OIDVECTOR);
    let subscripts = chosen.lowering == Lowering::Rows("pg_generate_subscripts");
    if subscripts && chosen.arguments.first().is_some_and(is_vector) {
        let lowering = Lowering::Rows("pg_generate_subscripts_of_vector");
        return Chosen { lowering, ..chosen };
    }
    chosen
}

impl<'a> Binder<'a> {
    /// A function of FROM, or several side by side.
    pub(super) fn function_item(
        &mut self,
        item: &TableFunction,
        left: &Scope,
    ) -> Result<(From, Scope), Error> {
        let siblings = left.relation_ids();
        self.scopes.push(Scope { system: Vec::new(), ..left.clone() });
        let rows = self.all_rows(item);
        self.scopes.pop();
        let mut rows = rows?;
        let record = match item.functions.as_slice() {
            [(ast::Expr { kind: ast::ExprKind::Call(call), .. }, _)] => {
                Some(call).filter(|call| Self::is_json_record(call))
            }
            _ => None,
        };
        // A record of one column is one, unlike a function's only column.
        let several = item.functions.len() > 1 || rows.columns.len() > 1 || record.is_some();
        let row_type = record.map_or(Ok(0), |call| self.json_row_type(call))?;
        let function = match item.functions.first().map(|(function, _)| &function.kind) {
            Some(ast::ExprKind::Call(call)) => call.name.last().map(|name| name.text.clone()),
            _ => rows.columns.first().map(|(name, _)| name.clone()),
        }
        .unwrap_or_default();
        let alias = item.alias.as_ref();
        let label = alias.map_or(function, |alias| alias.name.text.clone());
        if !several
            && let (Some(alias), [(name, _)]) = (alias, rows.columns.as_mut_slice())
            && name != "value"
        {
            // A function's only column is called like its alias, unless it has a name of its own.
            name.clone_from(&alias.name.text);
        }
        if item.ordinality {
            rows.columns.push(("ordinality".to_owned(), rows.number.clone()));
        }
        let plain = matches!(rows.from, From::Each { .. } | From::Series { .. });
        if !plain
            || matches!(&rows.from, From::Series { arguments, .. } if arguments.iter().any(|one| one.uses(&siblings)))
        {
            rows = self.as_relation(rows, &siblings, &label);
        }
        let mut scope = function_scope(&label, &rows.columns, alias)?;
        for source in &mut scope.rows {
            source.is_scalar = !several && !item.ordinality;
            source.row_type = if item.ordinality { 0 } else { row_type };
        }
        Ok((rows.from, scope))
    }

    fn all_rows(&mut self, item: &TableFunction) -> Result<Rows, Error> {
        let numbered = item.ordinality || item.functions.len() > 1;
        let mut all = Vec::new();
        for (function, definitions) in &item.functions {
            match &function.kind {
                ast::ExprKind::Call(call) if Self::is_json_record(call) => {
                    all.push(self.json_rows(call, definitions, function.position)?);
                    continue;
                }
                _ if definitions.is_empty() => {}
                _ => return Err(Self::no_definitions(function, definitions)),
            }
            let own = match &function.kind {
                ast::ExprKind::Call(call) => self.own_functions(call),
                _ => Vec::new(),
            };
            if let (ast::ExprKind::Call(call), true) =
                (&function.kind, own.iter().any(|known| gives_rows(known)))
            {
                let mut rows = if own.iter().any(|known| is_called(known)) {
                    self.called_rows(&own, call, function.position)?
                } else {
                    self.own_rows(&own, call, function.position)?
                };
                if numbered && own.iter().any(|known| known.returns_set) {
                    rows.number = row_number();
                    rows = self.as_relation(rows, &[], "counted");
                }
                all.push(rows);
                continue;
            }
            all.push(match &function.kind {
                ast::ExprKind::Call(call) if Self::is_set_function(call) => {
                    self.set_rows(call, function.position, numbered)?
                }
                _ => self.single_row(function)?,
            });
        }
        self.side_by_side(all)
    }

    /// A set-returning function in SQL.
    fn own_rows(
        &mut self,
        own: &[&'a crate::model::catalog::Function],
        call: &Call,
        position: u32,
    ) -> Result<Rows, Error> {
        let (query, names) = self.inlined_rows(own, call, position)?;
        let label = call.name.last().map_or("", |name| name.text.as_str()).to_owned();
        let id = self.add_relation(&label);
        let columns = names
            .into_iter()
            .zip(&query.outputs)
            .map(|(name, output)| (name, column_of(id, output)));
        let columns = columns.collect();
        let number = Expr::constant(crate::model::value::Value::Integer(1), PgType::INT8, 0);
        Ok(Rows { from: From::Subquery { query: Box::new(query), id }, columns, number })
    }

    /// A function in FROM that gives one value: a query of one row.
    fn single_row(&mut self, tree: &ast::Expr) -> Result<Rows, Error> {
        let expr = self.expr(tree)?;
        let expr = self.resolve_unknown(expr)?;
        let name = super::select::column_name(tree);
        let outputs = unique_aliases(vec![output(name.clone(), expr.data_type)]);
        let query = plain_query(super::query::select_of(vec![expr]), outputs);
        let id = self.add_relation(&name);
        let column = column_of(id, &query.outputs[0]);
        let number = Expr::constant(crate::model::value::Value::Integer(1), PgType::INT8, 0);
        let from = From::Subquery { query: Box::new(query), id };
        Ok(Rows { from, columns: vec![(name, column)], number })
    }

    /// The rows of a set-returning function. Unless `numbered`, their number may be missing.
    pub(super) fn set_rows(
        &mut self,
        call: &Call,
        position: u32,
        numbered: bool,
    ) -> Result<Rows, Error> {
        let name = call.name.last().map_or_else(String::new, |name| name.text.clone());
        if Self::is_expand_array(call) {
            return self.expanded_rows(call, position);
        }
        if name == "unnest" {
            let arguments = call.arguments.iter();
            let all: Result<_, _> = arguments.map(|one| self.unnested(one, position)).collect();
            return self.side_by_side(all?);
        }
        let chosen = from_zero(self.set_function(call, position)?);
        if let Lowering::Rows(function)
        | Lowering::Pairs(function)
        | Lowering::Records(function, _) = chosen.lowering
        {
            let kinds = match chosen.lowering {
                // What a row is made of has a name of its own, or the function's.
                Lowering::Pairs(_) => vec![
                    ("key", Part::Place(0), PgType::TEXT),
                    ("value", Part::Place(1), value_of_pair(chosen.function)),
                ],
                Lowering::Records(_, columns) => columns
                    .iter()
                    .enumerate()
                    .map(|(place, (name, oid))| (*name, Part::Place(place), PgType::new(*oid)))
                    .collect(),
                _ => {
                    let named = chosen.function.name.contains("array_elements");
                    vec![(if named { "value" } else { name.as_str() }, Part::Value, chosen.result)]
                }
            };
            let array =
                Expr::call(Lowering::Call(function), chosen.arguments, PgType::TEXT, position);
            let id = self.add_relation(&name);
            let part = |label: &str, part, data_type| Expr {
                kind: ExprKind::Element { relation: id, part, label: label.to_owned() },
                data_type,
                position,
            };
            let columns = kinds
                .iter()
                .map(|(label, place, data_type)| {
                    ((*label).to_owned(), part(label, *place, *data_type))
                })
                .collect();
            let number = part("ordinality", Part::Number, PgType::INT8);
            return Ok(Rows { from: From::Each { array: Box::new(array), id }, columns, number });
        }
        if chosen.lowering != Lowering::Series {
            let message = format!("function {name} in FROM is not supported");
            return Err(at(Error::refused(message), position));
        }
        let id = self.add_relation(&name);
        let from = From::Series { arguments: chosen.arguments, id };
        let value =
            column_of(id, &Output { not_null: true, ..output("value".to_owned(), chosen.result) });
        let number = if numbered { row_number() } else { value.clone() };
        let rows = Rows { from, columns: vec![(name, value)], number };
        if !numbered {
            return Ok(rows);
        }
        // The number is counted where the rows are made.
        let counted = query_over(rows);
        let id = self.add_relation("series");
        let columns: Vec<Expr> =
            counted.outputs.iter().map(|output| column_of(id, output)).collect();
        let [value, number] = columns.as_slice() else {
            return Err(Error::internal("a series has a value and a number"));
        };
        let columns = vec![(counted.outputs[0].name.clone(), value.clone())];
        let number = number.clone();
        Ok(Rows { from: From::Subquery { query: Box::new(counted), id }, columns, number })
    }

    pub(super) fn unnested(&mut self, argument: &ast::Expr, position: u32) -> Result<Rows, Error> {
        let array = self.expr(argument)?;
        if array.is_unknown() {
            let error =
                Error::user(SqlState::AMBIGUOUS_FUNCTION, "function unnest(unknown) is not unique");
            return Err(at(error, position).with_hint(
                "Could not choose a best candidate function. You might need to add explicit type casts.",
            ));
        }
        let (array, element) = match self.types().range_of(self.types().base(array.data_type.oid)) {
            Some(range) => {
                let name = Lowering::Call("pg_multirange_ranges");
                (Expr::call(name, vec![array], PgType::TEXT, position), Some(range))
            }
            None => {
                let element = self.types().element(array.data_type.oid);
                (array, element)
            }
        };
        let Some(element) = element else {
            let label = self.types().label(array.data_type.oid);
            let error = Error::user(
                SqlState::UNDEFINED_FUNCTION,
                format!("function unnest({label}) does not exist"),
            );
            return Err(at(error, position).with_hint(
                "No function matches the given name and argument types. You might need to add explicit type casts.",
            ));
        };
        let data_type = PgType { oid: element, modifier: array.data_type.modifier };
        let id = self.add_relation("unnest");
        let part = |part, data_type| Expr {
            kind: ExprKind::Element { relation: id, part, label: "unnest".to_owned() },
            data_type,
            position,
        };
        let value = part(Part::Value, data_type);
        let number = part(Part::Number, PgType::INT8);
        let from = From::Each { array: Box::new(array), id };
        Ok(Rows { from, columns: vec![("unnest".to_owned(), value)], number })
    }

    /// Several functions' rows, the first with the first, the second with the second.
    fn side_by_side(&mut self, all: Vec<Rows>) -> Result<Rows, Error> {
        let mut all = all.into_iter();
        let Some(mut rows) = all.next() else {
            return Err(Error::user(
                SqlState::UNDEFINED_FUNCTION,
                "function unnest() does not exist",
            ));
        };
        for next in all {
            let on = self.binary_operator("=", rows.number.clone(), next.number.clone(), 0)?;
            let both = ExprKind::Coalesce(vec![rows.number, next.number]);
            rows.number = Expr { kind: both, data_type: PgType::INT8, position: 0 };
            rows.columns.extend(next.columns);
            rows.from = From::Join {
                kind: JoinKind::Full,
                left: Box::new(rows.from),
                right: Box::new(next.from),
                on: Some(on),
            };
            for (_, column) in &mut rows.columns {
                if let ExprKind::Column(column) = &mut column.kind {
                    column.not_null = false;
                }
            }
        }
        Ok(rows)
    }

    /// Rows as one relation; one whose rows come as JSON if it depends on its siblings.
    fn as_relation(&mut self, rows: Rows, siblings: &[RelationId], label: &str) -> Rows {
        let query = query_over(rows);
        let id = self.add_relation(label);
        let lateral = query.uses(siblings);
        let columns = query.outputs.iter().enumerate().map(|(place, output)| {
            let expr = if lateral { element_of(id, place, output) } else { column_of(id, output) };
            (output.name.clone(), expr)
        });
        let mut columns: Vec<(String, Expr)> = columns.collect();
        let number = columns.pop().map_or_else(row_number, |(_, number)| number);
        let query = Box::new(query);
        let from = if lateral { From::Lateral { query, id } } else { From::Subquery { query, id } };
        Rows { from, columns, number }
    }

    /// A LATERAL subquery.
    pub(super) fn lateral_item(
        &mut self,
        query: &ast::Query,
        alias: &Alias,
        left: &Scope,
    ) -> Result<(From, Scope), Error> {
        let siblings = left.relation_ids();
        self.scopes.push(left.clone());
        let query = self.query(query);
        self.scopes.pop();
        let query = query?;
        let label = &alias.name.text;
        let id = self.add_relation(label);
        if !query.uses(&siblings) {
            let scope = self.output_scope(id, label, &query.outputs, Some(alias))?;
            return Ok((From::Subquery { query: Box::new(query), id }, scope));
        }
        let columns: Vec<(String, Expr)> = query
            .outputs
            .iter()
            .enumerate()
            .map(|(place, output)| (output.name.clone(), element_of(id, place, output)))
            .collect();
        let scope = function_scope(label, &columns, Some(alias))?;
        Ok((From::Lateral { query: Box::new(query), id }, scope))
    }

    /// A set-returning function in a select list: its value in each row.
    pub(super) fn set_call(&mut self, call: &Call, position: u32) -> Result<Expr, Error> {
        let is_record = Self::is_json_record(call);
        match self.set_columns(call, position)?.as_slice() {
            columns if is_record => {
                let row_type = self.json_row_type(call)?;
                self.row_of(columns.to_vec(), (None, row_type), position)
            }
            [(_, value)] => Ok(Expr { position, ..value.clone() }),
            columns => self.row_of(columns.to_vec(), (None, 0), position),
        }
    }

    /// The columns of a set-returning function in a select list.
    pub(super) fn set_columns(
        &mut self,
        call: &Call,
        position: u32,
    ) -> Result<Vec<(String, Expr)>, Error> {
        self.check_has_columns(call)?;
        // A call in another's arguments would have to be expanded before it.
        let Some(calls) = self.set_calls.take() else {
            return Err(at(
                Error::refused("set-returning functions are not allowed here"),
                position,
            ));
        };
        let rows = if Self::is_json_record(call) {
            self.json_rows(call, &[], position)
        } else {
            self.set_rows(call, position, true)
        };
        let mut calls = calls;
        let rows = rows?;
        let columns = rows.columns.clone();
        calls.push(rows);
        self.set_calls = Some(calls);
        Ok(columns)
    }

    /// Puts the select list's set-returning functions beside FROM, in lockstep.
    pub(super) fn with_set_calls(
        &mut self,
        calls: Vec<Rows>,
        select: &mut bound::Select,
    ) -> Result<(), Error> {
        if calls.is_empty() {
            return Ok(());
        }
        if calls.len() > 1
            && calls.iter().any(Rows::is_one_record) != calls.iter().all(Rows::is_one_record)
        {
            let message = "json_populate_record beside a set-returning function in a select list is not supported";
            return Err(Error::refused(message));
        }
        let before: Vec<Expr> = calls
            .iter()
            .flat_map(|rows| rows.columns.iter().map(|(_, expr)| expr.clone()))
            .collect();
        let mut rows = self.side_by_side(calls)?;
        if !matches!(rows.from, From::Each { .. }) {
            rows = self.as_relation(rows, &select.relations, "set");
            let after: Vec<Expr> = rows.columns.iter().map(|(_, expr)| expr.clone()).collect();
            let renamed = |expr: &Expr| {
                let place = before.iter().position(|old| old.same(expr))?;
                Some(Expr { position: expr.position, ..after[place].clone() })
            };
            for expr in select.items.iter_mut().chain(&mut select.group_by) {
                *expr = expr.clone().replaced(&renamed);
            }
        }
        select.relations.push(match &rows.from {
            From::Each { id, .. } | From::Lateral { id, .. } | From::Subquery { id, .. } => *id,
            _ => return Err(Error::internal("rows are one relation")),
        });
        select.from = Some(match select.from.take() {
            None => rows.from,
            Some(left) => From::Join {
                kind: JoinKind::Inner,
                left: Box::new(left),
                right: Box::new(rows.from),
                on: None,
            },
        });
        Ok(())
    }
}

impl Scope {
    /// The relations whose columns can be named here.
    pub(super) fn relation_ids(&self) -> Vec<RelationId> {
        fn collect(expr: &Expr, ids: &mut Vec<RelationId>) {
            match &expr.kind {
                ExprKind::Column(column) => ids.push(column.relation),
                ExprKind::Element { relation, .. } => ids.push(*relation),
                _ => expr.children().into_iter().for_each(|child| collect(child, ids)),
            }
        }
        let mut ids = Vec::new();
        self.items.iter().for_each(|item| collect(&item.expr, &mut ids));
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// The columns of a relation of expressions under a name.
pub(super) fn function_scope(
    label: &str,
    columns: &[(String, Expr)],
    alias: Option<&Alias>,
) -> Result<Scope, Error> {
    let renamed = alias.map_or(&[][..], |alias| alias.columns.as_slice());
    if renamed.len() > columns.len() {
        let message = format!(
            "table \"{label}\" has {} columns available but {} columns specified",
            columns.len(),
            renamed.len()
        );
        let error = Error::user(SqlState::INVALID_COLUMN_REFERENCE, message);
        return Err(at(error, alias.map_or(0, |alias| alias.name.position)));
    }
    let items = columns.iter().enumerate().map(|(place, (name, expr))| {
        let name = renamed.get(place).map_or(name, |name| &name.text).clone();
        let mut expr = expr.clone();
        let full = format!("{label}.{name}");
        match &mut expr.kind {
            ExprKind::Column(column) => column.label = full,
            ExprKind::Element { label, .. } => *label = full,
            _ => {}
        }
        Item { relation: Some(label.to_owned()), name, expr, bare: true }
    });
    let items: Vec<Item> = items.collect();
    // The rows of JSON are numbered.
    let relation = items.iter().find_map(|item| match &item.expr.kind {
        ExprKind::Element { relation, .. } => Some(*relation),
        _ => None,
    });
    let witness = relation.map(|relation| {
        let kind = ExprKind::Element { relation, part: Part::Number, label: label.to_owned() };
        Expr { kind, data_type: PgType::INT8, position: 0 }
    });
    let source = RowSource {
        label: label.to_owned(),
        relation: None,
        row_type: 0,
        nullable: false,
        witness,
        is_scalar: false,
    };
    let (relations, rows) = (vec![label.to_owned()], vec![source]);
    Ok(Scope { items, relations, rows, ..Scope::default() })
}

/// The type of `value` in rows of key and value.
fn value_of_pair(function: &crate::pgdata::Function) -> PgType {
    match function.name {
        "json_each" => PgType::JSON,
        "jsonb_each" => PgType::JSONB,
        _ => PgType::TEXT,
    }
}

/// A query's output as a column of the relation that the query is.
pub(super) fn column_of(relation: RelationId, output: &Output) -> Expr {
    let column = Column {
        relation,
        name: output.alias.clone(),
        label: output.name.clone(),
        not_null: output.not_null,
        table_oid: output.table_oid,
        number: output.number,
    };
    Expr { kind: ExprKind::Column(column), data_type: output.data_type, position: 0 }
}

/// A query's output as a part of the rows in JSON that the query is.
fn element_of(relation: RelationId, place: usize, output: &Output) -> Expr {
    let kind = ExprKind::Element { relation, part: Part::Place(place), label: output.name.clone() };
    Expr { kind, data_type: output.data_type, position: 0 }
}

/// `row_number() OVER ()`.
fn row_number() -> Expr {
    let aggregate = Aggregate {
        function: "row_number",
        typed: false,
        star: false,
        distinct: false,
        arguments: Vec::new(),
        order_by: Vec::new(),
        filter: None,
        over: Some(Window { partition_by: Vec::new(), order_by: Vec::new(), frame: None }),
    };
    Expr { kind: ExprKind::Aggregate(Box::new(aggregate)), data_type: PgType::INT8, position: 0 }
}

/// `SELECT columns, number FROM rows`.
fn query_over(rows: Rows) -> Query {
    let (names, mut items): (Vec<String>, Vec<Expr>) = rows.columns.into_iter().unzip();
    let mut outputs: Vec<Output> = names
        .into_iter()
        .zip(&items)
        .map(|(name, expr)| Output { not_null: expr.not_null(), ..output(name, expr.data_type) })
        .collect();
    outputs.push(output("number".to_owned(), PgType::INT8));
    items.push(rows.number);
    let select = bound::Select {
        distinct: Distinct::All,
        items,
        from: Some(rows.from),
        filter: None,
        group_by: Vec::new(),
        having: None,
        relations: Vec::new(),
    };
    plain_query(Body::Select(Box::new(select)), unique_aliases(outputs))
}
