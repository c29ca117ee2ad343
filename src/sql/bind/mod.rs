//! Names to objects, expressions to types.
//!
//! One [`Binder`] binds one statement. It collects the parameters' types as it goes: a parameter
//! gets its type from the first place that asks for one.

mod aggregate;
mod array;
mod behind_groups;
mod called;
mod changes;
mod coerce;
mod composite;
mod delete;
mod domain;
mod element;
mod enums;
mod expand_array;
mod expr;
mod from;
mod function;
mod grouping;
mod inline;
mod insert;
mod json_record;
mod merge;
mod name;
mod object_id;
mod operator;
mod query;
mod range;
mod recursion;
mod row;
mod scope;
mod select;
mod sequence;
mod system;
mod table_function;
mod target;
mod trace;
pub(crate) mod trigger;
mod update;
mod view;
mod whole_row;
mod window;
mod xml;

use std::collections::HashSet;

use crate::model::catalog::{Catalog, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::sql::CompileSettings;
use crate::sql::bound::{Output, RelationId, RelationName};
use crate::sql::types::casts::Context;
use crate::sql::types::{Types, is_unordered};

pub(crate) use called::{Calling, is_called};
pub(crate) use changes::{Change, ChangeStep, Role, row_id_name};
pub(crate) use enums::sort_key;
pub(crate) use name::{label, no_such_relation};
pub(crate) use scope::{Item, Scope};
pub(crate) use select::{column_name, no_aggregate};
pub(crate) use trace::Trace;

/// Binds one statement.
#[derive(Debug)]
pub(crate) struct Binder<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) settings: &'a CompileSettings,
    /// The parameters' types, as far as they are known.
    parameters: Vec<Option<PgType>>,
    /// Whether a parameter's type was given by the client or a cast, by its number from 0.
    scopes: Vec<Scope>,
    /// WITH lists in force, innermost last.
    ctes: Vec<VisibleCte>,
    /// Where the innermost recursive query refers to itself: positions.
    recursive_uses: Vec<u32>,
    /// SQLite's names of relations, by id.
    relations: Vec<RelationName>,
    /// What rows consist of: see [`Binder::shape`].
    shapes: Vec<whole_row::Shape>,
    used_names: HashSet<String>,
    /// The stored names of sequences that the statement takes values of.
    pub(crate) sequences: Vec<String>,
    /// Those that it asks the session's last value of; `None`: of whichever was used last.
    asked_sequences: Vec<Option<String>>,
    /// What the statement does beside reading and changing rows.
    pub(crate) acts: Vec<Act>,
    /// Whether names are those of a system view's query.
    in_system_view: bool,
    /// Where `set_config` may stand.
    settable: Settable,
    /// The arguments of its calls.
    pub(crate) settings_made: Vec<crate::sql::bound::Expr>,
    /// The set-returning functions of the select list that is being bound; `None` where there may be
    /// none.
    set_calls: Option<Vec<table_function::Rows>>,
    /// The WINDOW clauses in force, innermost last.
    windows: Vec<Vec<(crate::sql::ast::Name, crate::sql::ast::Window)>>,
    /// The steps of the data changes in WITH, and the tables that they change.
    pub(crate) changes: Vec<ChangeStep>,
    changed: Vec<String>,
    /// How many feeds there are.
    feeds: usize,
    /// OVERRIDING SYSTEM VALUE: the statement may give an identity column a value.
    overriding_system: bool,
    /// Of what was used since [`Binder::over_table`] began.
    volatility: Volatility,
    /// What the parts of the statement were found to mean, if that is noted.
    trace: Option<Trace>,
    /// What is told to the client when the statement has run.
    pub(crate) notices: Vec<Error>,
    /// Views whose queries are being bound, the outermost first.
    frames: Vec<view::Frame>,
    /// Functions whose queries are being bound, and the arguments of the innermost.
    inlined: Vec<Oid>,
    function_arguments: Option<Vec<crate::sql::bound::Expr>>,
    /// Functions that are carried out before the statement.
    pub(crate) calls: Vec<called::FunctionCall>,
    /// What VALUE is in the CHECK of a domain that is being bound.
    pub(crate) domain_value: Option<crate::sql::bound::Expr>,
    /// How many triggers are being followed inside each other.
    firing_depth: usize,
    /// Whether what is bound is kept, and runs in other sessions too.
    in_stored_code: bool,
    /// Relations that names were found to mean, if that is noted.
    noted: Option<Vec<(String, &'a Table)>>,
}

/// What a function does beside giving a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Notify,
    /// The session is asked for it, once the rows are there.
    Session,
}

/// Where `set_config` may stand: the session does it before the query runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Settable {
    #[default]
    Nowhere,
    /// In the select list of the query that comes next.
    Next,
    Here,
}

/// How the rows of a name of WITH come.
#[derive(Debug, Clone, Copy)]
enum Feed {
    /// It is a query.
    None,
    /// It is a data change with RETURNING.
    Rows(usize),
    /// It is a data change without.
    Nothing,
}

/// A WITH query that names can refer to.
#[derive(Debug, Clone)]
pub(crate) struct VisibleCte {
    name: String,
    physical: String,
    outputs: Vec<Output>,
    feed: Feed,
    self_reference: SelfReference,
}

/// What a name of WITH is while its own query is being bound.
#[derive(Debug, Clone)]
enum SelfReference {
    /// It is bound already.
    Over,
    /// Its uses are noted: see [`Binder::recursive_uses`].
    Counted,
    /// It can't be used.
    Forbidden(Box<Error>),
}

impl<'a> Binder<'a> {
    pub(crate) fn new(
        catalog: &'a Catalog,
        settings: &'a CompileSettings,
        parameter_types: &[Oid],
        parameter_count: usize,
    ) -> Result<Self, Error> {
        let mut parameters = vec![None; parameter_count.max(parameter_types.len())];
        for (slot, oid) in parameters.iter_mut().zip(parameter_types) {
            if *oid == 0 || *oid == PgType::UNKNOWN.oid {
                continue;
            }
            if !Types::new(catalog, settings).exists(*oid) {
                return Err(Error::user(
                    SqlState::UNDEFINED_OBJECT,
                    format!("type with OID {oid} does not exist"),
                ));
            }
            *slot = Some(PgType::new(*oid));
        }
        Ok(Self {
            catalog,
            settings,
            parameters,
            scopes: Vec::new(),
            ctes: Vec::new(),
            recursive_uses: Vec::new(),
            relations: Vec::new(),
            shapes: Vec::new(),
            used_names: HashSet::new(),
            sequences: Vec::new(),
            asked_sequences: Vec::new(),
            in_system_view: false,
            trace: None,
            acts: Vec::new(),
            settable: Settable::Nowhere,
            settings_made: Vec::new(),
            set_calls: None,
            windows: Vec::new(),
            changes: Vec::new(),
            changed: Vec::new(),
            feeds: 0,
            overriding_system: false,
            volatility: Volatility::Immutable,
            notices: Vec::new(),
            frames: Vec::new(),
            inlined: Vec::new(),
            function_arguments: None,
            calls: Vec::new(),
            domain_value: None,
            firing_depth: 0,
            in_stored_code: false,
            noted: None,
        })
    }

    /// The parameters' types as far as they are known, as a client gives them.
    pub(crate) fn given_types(&self) -> Vec<Oid> {
        self.parameters.iter().map(|known| known.map_or(0, |known| known.oid)).collect()
    }

    /// The parameters' types, all known.
    ///
    /// # Errors
    /// 42P18 `could not determine data type of parameter $1`.
    pub(crate) fn parameter_types(&self) -> Result<Vec<PgType>, Error> {
        let known = |(at, slot): (usize, &Option<PgType>)| {
            slot.ok_or_else(|| {
                Error::user(
                    SqlState::INDETERMINATE_DATATYPE,
                    format!("could not determine data type of parameter ${}", at + 1),
                )
            })
        };
        self.parameters.iter().enumerate().map(known).collect()
    }

    /// The names that relations have in SQLite, by id.
    pub(crate) fn relation_names(&self) -> &[RelationName] {
        &self.relations
    }

    /// Gives a relation an id and a name that no other one of the statement has.
    fn add_relation(&mut self, name: &str) -> RelationId {
        let name = self.unique_name(name);
        self.relations.push(RelationName::new(name));
        self.relations.len() - 1
    }

    /// A relation with just this name in SQLite.
    pub(crate) fn named_relation(&mut self, name: &str) -> RelationId {
        self.relations.push(RelationName::new(name));
        self.relations.len() - 1
    }

    fn unique_name(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 1;
        // SQLite's names don't differ by case.
        while !self.used_names.insert(unique.to_lowercase()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
    }
}

/// Adds a position, if there is one and the error has none yet.
pub(crate) fn at(error: Error, position: u32) -> Error {
    if position == 0 || error.fields().position.is_some() {
        error
    } else {
        error.with_position(position)
    }
}

/// Columns of a result for values that have no names.
pub(crate) fn plain_outputs(items: &[crate::sql::bound::Expr]) -> Vec<Output> {
    let named = items.iter().map(|item| query::output("value".to_owned(), item.data_type));
    query::unique_aliases(named.collect())
}

/// Whether a value is the same for the same arguments always: what PostgreSQL calls IMMUTABLE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Volatility {
    Immutable,
    Mutable,
}

impl Binder<'_> {
    /// Notes a function that is used.
    fn uses(&mut self, is_immutable: bool) {
        if !is_immutable {
            self.volatility = Volatility::Mutable;
        }
    }

    /// Whether the expression that [`Binder::over_table`] has bound is the same for the same row always.
    pub(crate) fn is_immutable(&self) -> bool {
        self.volatility == Volatility::Immutable
    }

    /// Binds an expression over the columns of one table.
    pub(crate) fn over_table(
        &mut self,
        tree: &crate::sql::ast::Expr,
        table: &Table,
    ) -> Result<(crate::sql::bound::Expr, RelationId), Error> {
        self.volatility = Volatility::Immutable;
        let id = self.add_relation(&table.name);
        let scope = self.table_scope(table, id, &table.name, None)?;
        let scopes = std::mem::replace(&mut self.scopes, vec![scope]);
        let calls = self.calls.len();
        let bound = self.expr(tree);
        self.scopes = scopes;
        let bound = bound?;
        if let Some(call) = self.calls.get(calls) {
            let name = &call.routine.name;
            let message = format!("a call of {name} in what a table keeps is not supported");
            return Err(Error::refused(message));
        }
        Ok((self.resolve_unknown_boolean(bound)?, id))
    }

    fn resolve_unknown_boolean(
        &mut self,
        expr: crate::sql::bound::Expr,
    ) -> Result<crate::sql::bound::Expr, Error> {
        if expr.is_null_constant() { Ok(expr) } else { self.resolve_unknown(expr) }
    }

    /// Refuses to sort, or to look for the largest, by a type whose stored form has another order.
    ///
    /// # Errors
    /// 0A000; 42883 for json, which has no order in PostgreSQL either.
    fn check_ordered(&self, data_type: PgType, position: u32) -> Result<(), Error> {
        if self.has_labels(data_type.oid) {
            let message = "the order of arrays of enums is not supported";
            return Err(at(Error::refused(message), position));
        }
        if data_type.oid == 2287 {
            let message = "the order of arrays of records is not supported";
            return Err(at(Error::refused(message), position));
        }
        if !is_unordered(data_type.oid) {
            return Ok(());
        }
        let label = self.types().label(data_type.oid);
        let message = format!("could not identify an ordering operator for type {label}");
        let error = Error::user(SqlState::UNDEFINED_FUNCTION, message)
            .with_hint("Use an explicit ordering operator or modify the query.");
        Err(at(error, position))
    }

    /// Refuses to group by a type whose values aren't the same or not.
    ///
    /// # Errors
    /// 42883
    fn check_equal(&self, expr: &crate::sql::bound::Expr) -> Result<(), Error> {
        if !is_unordered(expr.data_type.oid) {
            return Ok(());
        }
        let label = self.types().label(expr.data_type.oid);
        let message = format!("could not identify an equality operator for type {label}");
        Err(at(Error::user(SqlState::UNDEFINED_FUNCTION, message), expr.position))
    }

    /// Whether it is an array of an enum.
    fn has_labels(&self, oid: Oid) -> bool {
        let element = self.types().element(oid);
        element.is_some_and(|element| self.types().labels(element).is_some())
    }

    /// A bound expression as a column's value.
    pub(crate) fn assigned(
        &mut self,
        expr: crate::sql::bound::Expr,
        column: &crate::model::catalog::Column,
    ) -> Result<crate::sql::bound::Expr, Error> {
        self.assign(expr, column.data_type, &column.name)
    }

    /// A bound expression that must be boolean.
    pub(crate) fn boolean(
        &mut self,
        expr: crate::sql::bound::Expr,
        clause: &str,
    ) -> Result<crate::sql::bound::Expr, Error> {
        self.coerce_to(expr, PgType::BOOL, &format!("argument of {clause}"))
    }

    /// `SELECT arguments`, each assigned to a type, for EXECUTE.
    pub(crate) fn argument_row(
        &mut self,
        trees: &[crate::sql::ast::Expr],
        types: &[PgType],
    ) -> Result<crate::sql::bound::Query, Error> {
        let mut items = Vec::new();
        for (place, (tree, target)) in trees.iter().zip(types).enumerate() {
            let expr = self.expr(tree)?;
            let (position, from) = (expr.position, expr.data_type.oid);
            let assigned = self.coerce(expr, *target, Context::Assignment)?;
            items.push(assigned.ok_or_else(|| {
                let message = format!(
                    "parameter ${} of type {} cannot be coerced to the expected type {}",
                    place + 1,
                    self.types().label(from),
                    self.types().label(target.oid)
                );
                let error = Error::user(SqlState::DATATYPE_MISMATCH, message)
                    .with_hint("You will need to rewrite or cast the expression.");
                at(error, position)
            })?);
        }
        let outputs =
            types.iter().map(|data_type| query::output("column".to_owned(), *data_type)).collect();
        let outputs = query::unique_aliases(outputs);
        Ok(query::plain_query(query::select_of(items), outputs))
    }
}
