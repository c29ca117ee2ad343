//! INSERT.

use std::collections::HashSet;

use crate::model::catalog::{Column, ConstraintKind, Identity, Sequence, Table};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::{self, ConflictTarget, Name, QueryBody, Target};
use crate::sql::bind::query::output_of;
use crate::sql::bind::trigger::Event;
use crate::sql::bind::{Binder, Scope, at};
use crate::sql::bound::{
    self, Expr, ExprKind, Insert, InsertSource, OnConflict, Output, RelationId, RelationName,
};
use crate::sql::types::{Lowering, Types, is_integer};

/// Where values come from: a list's cell, or a column of the source query.
enum Cell<'t> {
    Tree(&'t ast::Expr),
    Bound(Expr),
    /// Values of fields of a composite column.
    Fields(Vec<(&'t Target, Cell<'t>)>),
}

impl Binder<'_> {
    pub(crate) fn insert(&mut self, tree: &ast::Insert) -> Result<(Insert, Vec<Output>), Error> {
        let visible = self.ctes.len();
        let ctes = self.with(&tree.ctes, tree.recursive)?;
        let target = self.target(&tree.table, tree.alias.as_ref(), Event::Insert)?;
        let (table, id) = (&*target.table, target.id);
        // USER VALUE would have to leave values out.
        self.overriding_system = tree.overriding == Some(ast::Overriding::System);
        if tree.overriding == Some(ast::Overriding::User) {
            return Err(Error::refused("OVERRIDING USER VALUE is not supported"));
        }
        let given = target_columns(&target, tree)?;
        let (source, columns) = self.insert_source(table, &given, tree)?;
        let (source, columns) = self.before_insert(target.base, source, columns)?;
        let excluded = self.relations.len();
        self.relations.push(RelationName::new("excluded"));
        let mut on_conflict = match &tree.on_conflict {
            None => None,
            Some(clause) => Some(self.on_conflict(&target, excluded, clause)?),
        };
        if let Some(clause) = &mut on_conflict {
            let several = match &source {
                InsertSource::Rows(rows) => rows.len() > 1,
                InsertSource::Query { .. } => true,
                InsertSource::DefaultValues => false,
            };
            clause.checks_twice = several && table.has_rowid && table.column("_rowid_").is_none();
        }
        self.scopes.push(target.scope.clone());
        let returning = self.returning(&tree.returning);
        self.scopes.pop();
        let (returning, outputs) = returning?;
        let returning = self.checked_returning(&target, returning);
        self.ctes.truncate(visible);
        let columns =
            columns.into_iter().map(|place| table.columns[place].stored.clone()).collect();
        let insert = Insert {
            ctes,
            recursive: tree.recursive,
            table: table.stored.clone(),
            id,
            excluded,
            columns,
            source,
            on_conflict,
            returning,
        };
        Ok((insert, outputs))
    }

    /// The source of the rows, and the columns that it has values for.
    fn insert_source(
        &mut self,
        table: &Table,
        given: &[usize],
        tree: &ast::Insert,
    ) -> Result<(InsertSource, Vec<usize>), Error> {
        let Some(query) = &tree.source else {
            let row = self.insert_row(table, &[], Vec::new(), false)?;
            let source = if row.is_empty() {
                InsertSource::DefaultValues
            } else {
                InsertSource::Rows(vec![row])
            };
            return Ok((source, stored_columns(self.types(), table, &[])));
        };
        if let (QueryBody::Values(rows), true) = (&query.body, query.is_bare()) {
            return self.insert_values(table, given, rows, &tree.columns);
        }
        let query = self.open_query(query)?;
        let used = used_columns(given, query.outputs.len(), &[], &tree.columns)?;
        let (places, _) = joined(used, Vec::new(), &tree.columns);
        let source = self.insert_query(table, (used, &tree.columns), query)?;
        Ok((source, stored_columns(self.types(), table, &places)))
    }

    fn insert_values(
        &mut self,
        table: &Table,
        given: &[usize],
        rows: &[Vec<ast::Expr>],
        targets: &[Target],
    ) -> Result<(InsertSource, Vec<usize>), Error> {
        let first = rows.first().map_or(&[][..], Vec::as_slice);
        let used = used_columns(given, first.len(), first, targets)?;
        let mut bound = Vec::new();
        let mut places = used.to_vec();
        for row in rows {
            if row.len() != first.len() {
                return Err(at(
                    Error::user(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length"),
                    row.first().map_or(0, |expr| expr.position),
                ));
            }
            let cells = row.iter().map(Cell::Tree).collect();
            let (whole, cells) = joined(used, cells, targets);
            bound.push(self.insert_row(table, &whole, cells, false)?);
            places = whole;
        }
        Ok((InsertSource::Rows(bound), stored_columns(self.types(), table, &places)))
    }

    /// INSERT ... SELECT: the values are columns of the query, converted.
    fn insert_query(
        &mut self,
        table: &Table,
        (given, named): (&[usize], &[Target]),
        query: bound::Query,
    ) -> Result<InsertSource, Error> {
        let targets: Vec<PgType> = query
            .outputs
            .iter()
            .zip(given)
            .enumerate()
            .map(|(at, (output, place))| {
                if output.data_type.oid != PgType::UNKNOWN.oid {
                    return Ok(output.data_type);
                }
                let column = &table.columns[*place];
                let wanted = match named.get(at) {
                    Some(target) => self.field_type(column, target)?,
                    None => column.data_type,
                };
                Ok(PgType::new(wanted.oid))
            })
            .collect::<Result<_, Error>>()?;
        let query = self.convert_outputs(query, &targets)?;
        let id = self.add_relation("source");
        let cells = query
            .outputs
            .iter()
            .map(|output| {
                let column = bound::Column {
                    relation: id,
                    name: output.alias.clone(),
                    label: output.name.clone(),
                    not_null: output.not_null,
                    table_oid: 0,
                    number: 0,
                };
                Cell::Bound(Expr {
                    kind: ExprKind::Column(column),
                    data_type: output.data_type,
                    position: 0,
                })
            })
            .collect();
        let (places, cells) = joined(given, cells, named);
        let values = self.insert_row(table, &places, cells, true)?;
        Ok(InsertSource::Query { query, id, values })
    }

    /// The values of one row, in the order of [`stored_columns`]. `each`: of rows that a
    /// query gives.
    fn insert_row(
        &mut self,
        table: &Table,
        given: &[usize],
        cells: Vec<Cell<'_>>,
        each: bool,
    ) -> Result<Vec<Expr>, Error> {
        let mut given_cells: Vec<(usize, Cell<'_>)> = given.iter().copied().zip(cells).collect();
        for (place, cell) in &given_cells {
            if !matches!(cell, Cell::Tree(ast::Expr { kind: ast::ExprKind::Default, .. })) {
                check_writable(&table.columns[*place], self.overriding_system)?;
            }
        }
        let mut values = Vec::new();
        // Of a view, the table beneath.
        let named = self.catalog.tables.get(table.stored.as_str()).map_or(table, AsRef::as_ref);
        for place in stored_columns(self.types(), table, given) {
            let column = &table.columns[place];
            let cell = given_cells
                .iter()
                .position(|(other, _)| *other == place)
                .map(|at| given_cells.remove(at).1);
            let value = match cell {
                Some(Cell::Tree(ast::Expr { kind: ast::ExprKind::Default, .. })) | None => {
                    self.default_value(column, each)?
                }
                Some(Cell::Tree(tree)) => {
                    let expr = self.expr(tree)?;
                    self.assign(expr, column.data_type, &column.name)?
                }
                Some(Cell::Bound(expr)) => self.assign(expr, column.data_type, &column.name)?,
                Some(Cell::Fields(cells)) => {
                    let mut fields = Vec::new();
                    for (target, cell) in cells {
                        fields.push((target, self.cell(target, cell)?));
                    }
                    let nothing = Expr::constant(Value::Null, column.data_type, 0);
                    self.assign_fields(nothing, column, fields)?
                }
            };
            values.push(guard_key(named, place, value));
        }
        Ok(values)
    }

    fn cell(&mut self, target: &Target, cell: Cell<'_>) -> Result<Expr, Error> {
        match cell {
            Cell::Tree(ast::Expr { kind: ast::ExprKind::Default, .. }) => Err(part_default(target)),
            Cell::Tree(tree) => self.expr(tree),
            Cell::Bound(expr) => Ok(expr),
            Cell::Fields(_) => Err(Error::internal("fields have values")),
        }
    }

    /// What a column gets that isn't given.
    pub(super) fn default_value(&mut self, column: &Column, each: bool) -> Result<Expr, Error> {
        if let Some(sequence) = self.sequence_of(column.sequence) {
            let value = self.sequence_value(&sequence.stored, each);
            let value = Expr { kind: value, data_type: PgType::INT8, position: 0 };
            return self.assign(value, column.data_type, &column.name);
        }
        match &column.default {
            None => self.no_default(column),
            Some(text) => self.default_expression(text, column),
        }
    }

    /// NULL, or what a domain says.
    fn no_default(&mut self, column: &Column) -> Result<Expr, Error> {
        let Some(domain) = self.types().domain(column.data_type.oid) else {
            return Ok(Expr::constant(Value::Null, column.data_type, 0));
        };
        if let Some(text) = domain.default {
            return self.default_expression(text, column);
        }
        let null = Expr::constant(Value::Null, PgType::UNKNOWN, 0);
        self.assign(null, column.data_type, &column.name)
    }

    /// What a column of a row gets that was there before the column was.
    pub(crate) fn default_value_of(&mut self, column: &Column) -> Result<Expr, Error> {
        self.default_value(column, false)
    }

    /// The next value of a sequence, for a column that takes its values from it.
    pub(crate) fn value_of(&mut self, sequence: &Sequence, column: &Column) -> Result<Expr, Error> {
        let kind = self.sequence_value(&sequence.stored, false);
        let value = Expr { kind, data_type: PgType::INT8, position: 0 };
        self.assign(value, column.data_type, &column.name)
    }

    /// A recorded default, bound without any column in sight.
    pub(crate) fn default_expression(
        &mut self,
        text: &str,
        column: &Column,
    ) -> Result<Expr, Error> {
        let tree = crate::sql::parser::parse_expression(text)?;
        let scopes = std::mem::take(&mut self.scopes);
        let bound = self.expr(&tree);
        self.scopes = scopes;
        let mut expr = self.assign(bound?, column.data_type, &column.name)?;
        expr.position = 0;
        Ok(expr)
    }

    /// A default that is defined: it is computed when a row is inserted, and not now. `None`: by a function that the
    /// session carries out.
    pub(crate) fn defined_default(
        &mut self,
        text: &str,
        column: &Column,
    ) -> Result<Option<Expr>, Error> {
        let calls = self.calls.len();
        let bound = self.default_expression(text, column)?;
        let computed = self.calls.len() == calls;
        self.calls.truncate(calls);
        Ok(computed.then_some(bound))
    }

    /// A value of a sequence; `each`: of INSERT ... SELECT, for each row in its order.
    pub(super) fn sequence_value(&mut self, sequence: &str, each: bool) -> ExprKind {
        self.sequences.push(sequence.to_owned());
        if each {
            let row = Expr::call(Lowering::Call("row_number"), Vec::new(), PgType::INT8, 0);
            return ExprKind::NextValueOfRow { sequence: sequence.to_owned(), row: Box::new(row) };
        }
        ExprKind::NextValue { sequence: sequence.to_owned() }
    }

    fn on_conflict(
        &mut self,
        target: &super::target::Target<'_>,
        excluded: RelationId,
        clause: &ast::OnConflict,
    ) -> Result<OnConflict, Error> {
        let (table, scope) = (&*target.table, &target.scope);
        let (keys, partial) = self.conflict_target(table, target.id, clause, scope)?;
        let Some((assignments, filter)) = &clause.update else {
            return Ok(OnConflict { keys, filter: partial, update: None, checks_twice: false });
        };
        let mut both = scope.clone();
        // Both have the same columns, so that a bare name is ambiguous.
        let other = self.table_scope(target.base, excluded, "excluded", None)?;
        both.push(target.excluded(other, "excluded"))?;
        self.scopes.push(both);
        let bound = self.assignments(table, assignments).and_then(|assignments| {
            let assignments = self.before_update(target.base, &target.row, assignments)?;
            Ok((
                assignments,
                filter.as_ref().map(|filter| self.condition(filter, "WHERE")).transpose()?,
            ))
        });
        self.scopes.pop();
        Ok(OnConflict { keys, filter: partial, update: Some(bound?), checks_twice: false })
    }

    /// The target of ON CONFLICT: what a unique index is over.
    fn conflict_target(
        &mut self,
        table: &Table,
        id: RelationId,
        clause: &ast::OnConflict,
        scope: &Scope,
    ) -> Result<(Vec<Expr>, Option<Expr>), Error> {
        let column = |place: usize| {
            let known = &table.columns[place];
            let column = bound::Column {
                relation: id,
                name: known.stored.clone(),
                label: known.name.clone(),
                not_null: known.not_null,
                table_oid: table.oid,
                number: known.number,
            };
            Expr { kind: ExprKind::Column(column), data_type: known.data_type, position: 0 }
        };
        match &clause.target {
            ConflictTarget::Any => Ok((Vec::new(), None)),
            ConflictTarget::Constraint(name) => {
                let places = constraint_columns(table, name)?;
                Ok((places.iter().map(|place| column(*place)).collect(), None))
            }
            ConflictTarget::Keys { keys, filter } => {
                let mut places = Vec::new();
                for key in keys {
                    if let ast::ExprKind::Column(name) = &key.kind
                        && let [name] = name.as_slice()
                    {
                        places.push(column_place(table, name)?);
                    }
                }
                if places.len() == keys.len() && filter.is_none() {
                    self.check_unique(table, &places)?;
                    return Ok((places.into_iter().map(column).collect(), None));
                }
                self.scopes.push(scope.clone());
                let bound = self.conflict_keys(keys, filter.as_ref());
                self.scopes.pop();
                bound
            }
        }
    }

    fn conflict_keys(
        &mut self,
        keys: &[ast::Expr],
        filter: Option<&ast::Expr>,
    ) -> Result<(Vec<Expr>, Option<Expr>), Error> {
        let keys = keys.iter().map(|key| self.expr(key)).collect::<Result<_, _>>()?;
        let filter = filter.map(|filter| self.condition(filter, "WHERE")).transpose()?;
        Ok((keys, filter))
    }

    /// 42P10 if no constraint and no index keeps these columns unique.
    fn check_unique(&self, table: &Table, places: &[usize]) -> Result<(), Error> {
        let same = |columns: &[usize]| {
            columns.iter().all(|column| places.contains(column))
                && places.iter().all(|place| columns.contains(place))
        };
        let constraint = table.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                same(columns)
            }
            ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => false,
        });
        let named = |name: &Option<String>| {
            let name = name.as_ref()?;
            table.columns.iter().position(|column| column.stored == *name)
        };
        let index = self.catalog.indexes.values().any(|index| {
            index.table == table.stored
                && !index.nulls_not_distinct
                && index.unique
                && !index.partial
                && index
                    .columns
                    .iter()
                    .map(named)
                    .collect::<Option<Vec<usize>>>()
                    .is_some_and(|columns| same(&columns))
        });
        if constraint || index {
            return Ok(());
        }
        Err(Error::user(
            SqlState::INVALID_COLUMN_REFERENCE,
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ))
    }

    /// INSERT of rows that MERGE has found: a query of values of the columns at `places`.
    pub(super) fn insert_found(
        &mut self,
        table: &Table,
        id: RelationId,
        places: &[usize],
        query: bound::Query,
    ) -> Result<Insert, Error> {
        let source = self.insert_query(table, (places, &[]), query)?;
        let columns = stored_columns(self.types(), table, places);
        Ok(Insert {
            ctes: Vec::new(),
            recursive: false,
            table: table.stored.clone(),
            id,
            excluded: id,
            columns: columns.into_iter().map(|place| table.columns[place].stored.clone()).collect(),
            source,
            on_conflict: None,
            returning: Vec::new(),
        })
    }

    /// RETURNING: expressions and the result's columns.
    pub(super) fn returning(
        &mut self,
        items: &[ast::SelectItem],
    ) -> Result<(Vec<Expr>, Vec<Output>), Error> {
        let star = match items.first() {
            Some(ast::SelectItem::Wildcard { position, .. }) => Some(*position),
            _ => None,
        };
        let (items, names) = self.select_list(items)?;
        let mut exprs = Vec::new();
        for item in items {
            if item.has_aggregate() {
                return Err(at(
                    Error::user(
                        SqlState::GROUPING_ERROR,
                        "aggregate functions are not allowed in RETURNING",
                    ),
                    item.position,
                ));
            }
            exprs.push(self.resolve_unknown(item)?);
        }
        if let (true, Some(star)) = (exprs.is_empty(), star) {
            let message = "RETURNING must have at least one column";
            return Err(at(Error::user(SqlState::SYNTAX_ERROR, message), star));
        }
        let outputs =
            names.into_iter().zip(&exprs).map(|(name, expr)| output_of(name, expr)).collect();
        Ok((exprs, outputs))
    }
}

/// The target columns that `width` values are for: without a list of names there may be fewer.
fn used_columns<'g>(
    given: &'g [usize],
    width: usize,
    row: &[ast::Expr],
    targets: &[Target],
) -> Result<&'g [usize], Error> {
    let error = |message: &str, position: u32| {
        Err(at(Error::user(SqlState::SYNTAX_ERROR, message), position))
    };
    if width > given.len() {
        let position = row.get(given.len()).map_or(0, |expr| expr.position);
        return error("INSERT has more expressions than target columns", position);
    }
    if let Some(target) = targets.get(width) {
        let position = target.column.position;
        return error("INSERT has more target columns than expressions", position);
    }
    Ok(&given[..width])
}

/// The columns that an INSERT names, or all.
fn target_columns(
    target: &super::target::Target<'_>,
    tree: &ast::Insert,
) -> Result<Vec<usize>, Error> {
    let table = &target.table;
    if tree.columns.is_empty() {
        let width = match tree.source.as_ref().map(|query| &query.body) {
            Some(QueryBody::Values(rows)) => rows.first().map_or(0, Vec::len),
            Some(_) => usize::MAX,
            None => 0,
        };
        return target.places(width);
    }
    target.check_writable(tree.columns.iter().map(|target| &target.column), Event::Insert)?;
    let (mut seen, mut parts) = (HashSet::new(), HashSet::new());
    tree.columns
        .iter()
        .map(|target| {
            let name = &target.column;
            let place = column_place(table, name)?;
            let others = if target.is_whole() { &mut parts } else { &mut seen };
            let taken = others.contains(&place);
            let own = if target.is_whole() { &mut seen } else { &mut parts };
            // Several fields of a column can be given, but not beside the column.
            if !own.insert(place) && target.is_whole() || taken {
                return Err(at(
                    Error::user(
                        SqlState::DUPLICATE_COLUMN,
                        format!("column \"{}\" specified more than once", name.text),
                    ),
                    name.position,
                ));
            }
            Ok(place)
        })
        .collect()
}

/// The columns with what they are given: fields of the same column together.
fn joined<'t>(
    places: &[usize],
    cells: Vec<Cell<'t>>,
    targets: &'t [Target],
) -> (Vec<usize>, Vec<Cell<'t>>) {
    let mut whole: Vec<usize> = Vec::new();
    let mut found: Vec<Cell<'t>> = Vec::new();
    let mut cells = cells.into_iter();
    for (at, place) in places.iter().enumerate() {
        let cell = cells.next();
        let target = targets.get(at).filter(|target| !target.is_whole());
        let known = whole.iter().position(|known| known == place);
        match (known, cell) {
            (Some(known), Some(cell)) => {
                if let (Some(Cell::Fields(others)), Some(target)) = (found.get_mut(known), target) {
                    others.push((target, cell));
                }
            }
            (Some(_), None) => {}
            (None, cell) => {
                whole.push(*place);
                found.extend(cell.map(|cell| match target {
                    None => cell,
                    Some(target) => Cell::Fields(vec![(target, cell)]),
                }));
            }
        }
    }
    (whole, found)
}

/// 0A000 for DEFAULT as a part of a column's value.
pub(super) fn part_default(target: &Target) -> Error {
    let part = if target.subscripts.is_empty() { "a subfield" } else { "an array element" };
    at(Error::refused(format!("cannot set {part} to DEFAULT")), target.column.position)
}

/// The place of a column that is named as a whole.
///
/// # Errors
/// 42703; 0A000 for a field of one.
pub(super) fn whole_column(table: &Table, target: &Target) -> Result<usize, Error> {
    if target.is_whole() {
        return column_place(table, &target.column);
    }
    let error = Error::refused("assigning to a part of a column here is not supported");
    Err(at(error, target.column.position))
}

/// # Errors
/// 42703 `column "a" of relation "t" does not exist`.
pub(super) fn column_place(table: &Table, name: &Name) -> Result<usize, Error> {
    table.columns.iter().position(|column| column.name == name.text).ok_or_else(|| {
        at(
            Error::user(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{}\" of relation \"{}\" does not exist", name.text, table.name),
            ),
            name.position,
        )
    })
}

/// The columns that an INSERT writes: the given ones, and those with a default or that SQLite would
/// fill by itself.
fn stored_columns(types: Types<'_>, table: &Table, given: &[usize]) -> Vec<usize> {
    // SQLite computes stored columns by itself.
    let computed = |place: &usize| table.columns[*place].generated.is_some();
    let mut places: Vec<usize> = given.iter().copied().filter(|place| !computed(place)).collect();
    for (place, column) in table.columns.iter().enumerate() {
        let own_default =
            table.from_postgres && (column.default.is_some() || is_row_key(table, place));
        // A domain may have a default, and says what becomes of NULL.
        let own_default = own_default || types.domain(column.data_type.oid).is_some();
        let given = places.contains(&place) || computed(&place);
        if !given && (column.sequence.is_some() || own_default) {
            places.push(place);
        }
    }
    places
}

/// # Errors
/// 428C9 for a value that only the database may give.
fn check_writable(column: &Column, overriding: bool) -> Result<(), Error> {
    let always = column.identity == Some(Identity::Always) && !overriding;
    if column.generated.is_none() && !always {
        return Ok(());
    }
    let name = &column.name;
    let message = format!("cannot insert a non-DEFAULT value into column \"{name}\"");
    let error = Error::user(SqlState(*b"428C9"), message);
    Err(if always {
        error
            .with_detail(format!(
                "Column \"{name}\" is an identity column defined as GENERATED ALWAYS."
            ))
            .with_hint("Use OVERRIDING SYSTEM VALUE to override.")
    } else {
        error.with_detail(format!("Column \"{name}\" is a generated column."))
    })
}

/// Whether a column may be SQLite's row id, which SQLite would fill instead of refusing NULL.
pub(super) fn is_row_key(table: &Table, place: usize) -> bool {
    is_integer(table.columns[place].data_type.oid)
        && table.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns } => columns.as_slice() == [place],
            ConstraintKind::Unique { .. }
            | ConstraintKind::Check { .. }
            | ConstraintKind::ForeignKey { .. } => false,
        })
}

/// NULL in a key that SQLite would fill by itself must be an error.
fn guard_key(table: &Table, place: usize, value: Expr) -> Expr {
    let sure = match &value.kind {
        ExprKind::Constant(constant) => *constant != Value::Null,
        ExprKind::NextValue { .. } | ExprKind::NextValueOfRow { .. } => true,
        ExprKind::Call { arguments, .. } => {
            matches!(
                arguments.as_slice(),
                [Expr { kind: ExprKind::NextValue { .. } | ExprKind::NextValueOfRow { .. }, .. }]
            )
        }
        _ => false,
    };
    if sure || !table.from_postgres || !is_row_key(table, place) {
        return value;
    }
    let text = |text: &str| Expr::constant(Value::Text(text.to_owned()), PgType::TEXT, 0);
    let (data_type, position) = (value.data_type, value.position);
    let arguments = vec![value, text(&table.name), text(&table.columns[place].name)];
    Expr::call(Lowering::Call("pg_not_null"), arguments, data_type, position)
}

/// The columns of a key that ON CONFLICT ON CONSTRAINT names.
fn constraint_columns<'t>(table: &'t Table, name: &Name) -> Result<&'t [usize], Error> {
    let found = table.constraints.iter().find(|constraint| constraint.name == name.text);
    let columns = found.and_then(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
            Some(columns.as_slice())
        }
        ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => None,
    });
    columns.ok_or_else(|| {
        Error::user(
            SqlState::UNDEFINED_OBJECT,
            format!("constraint \"{}\" for table \"{}\" does not exist", name.text, table.name),
        )
    })
}
