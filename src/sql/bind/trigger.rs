//! What trigger functions do to a row, bound.
//!
//! A function in PL/pgSQL is followed once, when it is compiled: assignments to `NEW` become the columns'
//! values, IF becomes CASE in them, and everything else (RAISE, changes of other tables) is an *effect* with
//! the condition under which it happens. What PostgreSQL's statements insert and update is computed by
//! BEFORE triggers here, in the statement itself; the effects are SQLite's triggers (`ddl::trigger`).

use crate::model::catalog::{Function, Table, Trigger};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::ast::tgtype::{BEFORE, DELETE, INSERT, INSTEAD, ROW, UPDATE};
use crate::sql::ast::{self, Block, Code, CodeLine, Level};
use crate::sql::bind::whole_row::RowSource;
use crate::sql::bind::{Binder, Change, Item, Scope};
use crate::sql::bound::{Expr, ExprKind, InsertSource, Query};
use crate::sql::parser;

/// How deep changes in BEFORE triggers may fire BEFORE triggers.
const DEPTH_MAX: usize = 8;

/// What fires a trigger, by its bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Insert,
    Update,
    Delete,
}

impl Event {
    pub(crate) fn bit(self) -> i16 {
        match self {
            Self::Insert => INSERT,
            Self::Update => UPDATE,
            Self::Delete => DELETE,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// A row's values by the places of its table's columns.
pub(crate) type RowValues = Vec<Expr>;

/// Something that happens beside the row's own change.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    /// `None`: always.
    pub(crate) guard: Option<Expr>,
    pub(crate) kind: EffectKind,
}

#[derive(Debug, Clone)]
pub(crate) enum EffectKind {
    /// RAISE EXCEPTION: message, detail and hint as text.
    Raise {
        state: SqlState,
        parts: Vec<Expr>,
    },
    /// RETURN NULL: the row is left as it is.
    Skip,
    Change(Box<Change>),
    /// PERFORM.
    Query(Box<Query>),
}

/// What a trigger did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fired {
    /// NEW as it is afterwards.
    pub(crate) new: Option<RowValues>,
    /// Places of the columns that were assigned.
    pub(crate) assigned: Vec<usize>,
    pub(crate) effects: Vec<Effect>,
}

/// A trigger that fires.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Firing<'t> {
    pub(crate) trigger: &'t Trigger,
    pub(crate) function: &'t Function,
    pub(crate) table: &'t Table,
    pub(crate) event: Event,
}

/// Where a function goes on behind a statement.
enum Falls {
    /// Under this condition; `None` is always.
    On(Option<Expr>),
    Never,
}

struct Follow<'t> {
    firing: Firing<'t>,
    fired: Fired,
    old: Option<RowValues>,
}

fn refused<T>(what: &str) -> Result<T, Error> {
    Err(Error::refused(format!("{what} in a trigger function is not supported")))
}

/// What a statement is called that a function for triggers can't have.
fn untriggered(code: &Code) -> Option<&'static str> {
    Some(match code {
        Code::Loop(_) => "a loop",
        Code::Exit { .. } => "EXIT",
        Code::ReturnNext(_) | Code::ReturnQuery(_) => "RETURN of a set",
        Code::Reraise => "RAISE without a message",
        Code::Into(..) => "INTO",
        Code::Execute(_) => "EXECUTE",
        Code::Diagnostics(_) => "GET DIAGNOSTICS",
        _ => return None,
    })
}

fn check_one(line: &CodeLine) -> Result<(), Error> {
    match &line.code {
        Code::Block(block) => Binder::check_trigger_code(block),
        Code::If { branches, otherwise } => {
            let branches = branches.iter().flat_map(|(_, body)| body);
            branches.chain(otherwise).try_for_each(check_one)
        }
        // It was always refused where the trigger is made.
        Code::Execute(_) => Ok(()),
        other => untriggered(other).map_or(Ok(()), refused),
    }
}

fn boolean(kind: ExprKind) -> Expr {
    Expr { kind, data_type: PgType::BOOL, position: 0 }
}

fn truth(operand: Expr, negated: bool) -> Expr {
    boolean(ExprKind::IsTruth { operand: Box::new(operand), value: true, negated })
}

pub(crate) fn both(left: Option<Expr>, right: Expr) -> Expr {
    match left {
        Some(left) => boolean(ExprKind::And(Box::new(left), Box::new(right))),
        None => right,
    }
}

fn text(value: &str) -> Expr {
    Expr::constant(Value::Text(value.to_owned()), PgType::TEXT, 0)
}

impl<'a> Binder<'a> {
    /// The enabled triggers of a table with these bits, by name, with their functions.
    pub(crate) fn triggers_of(&self, table: &Table, bits: i16) -> Vec<(&'a Trigger, &'a Function)> {
        let catalog = self.catalog;
        let mut found: Vec<(&Trigger, &Function)> = catalog
            .triggers
            .values()
            .filter(|one| one.table == table.stored && one.enabled && one.bits & bits == bits)
            .filter_map(|one| Some((&**one, &**catalog.functions.get(&one.function)?)))
            .collect();
        found.sort_unstable_by(|left, right| left.0.name.cmp(&right.0.name));
        found
    }

    /// Follows a trigger's function.
    ///
    /// # Errors
    /// 0A000 for what can't be followed.
    pub(crate) fn fire(
        &mut self,
        firing: Firing<'_>,
        new: Option<RowValues>,
        old: Option<RowValues>,
    ) -> Result<Fired, Error> {
        if self.firing_depth >= DEPTH_MAX {
            return refused("a change that fires the same triggers again");
        }
        self.firing_depth += 1;
        let fired = self.fire_once(firing, new, old);
        self.firing_depth -= 1;
        fired
    }

    fn fire_once(
        &mut self,
        firing: Firing<'_>,
        new: Option<RowValues>,
        old: Option<RowValues>,
    ) -> Result<Fired, Error> {
        let block = parser::plpgsql::parse(&firing.function.body)?;
        let mut follow = Follow { firing, fired: Fired { new, ..Fired::default() }, old };
        let mut guard = None;
        if let Some(condition) = &firing.trigger.condition {
            let tree = parser::parse_expression(condition)?;
            guard =
                Some(truth(self.in_row(&follow, |binder| binder.condition(&tree, "WHEN"))?, false));
        }
        let stored = std::mem::replace(&mut self.in_stored_code, true);
        let falls = self.follow_block(&mut follow, &block, guard);
        self.in_stored_code = stored;
        if let Falls::On(guard) = falls? {
            let parts = vec![text("control reached end of trigger procedure without RETURN")];
            let kind = EffectKind::Raise { state: SqlState(*b"2F005"), parts };
            follow.fired.effects.push(Effect { guard, kind });
        }
        Ok(follow.fired)
    }

    /// Binds something that sees NEW, OLD and what else a trigger function knows.
    fn in_row<T>(
        &mut self,
        follow: &Follow<'_>,
        bind: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Firing { trigger, table, event, .. } = follow.firing;
        let mut scope = Scope::default();
        for (name, row) in [("new", &follow.fired.new), ("old", &follow.old)] {
            // A row that there isn't is NULL as a whole.
            scope.rows.push(RowSource {
                label: name.to_owned(),
                relation: None,
                row_type: crate::catalog::row_type(table),
                nullable: row.is_none(),
                witness: row.is_none().then(|| Expr::constant(Value::Null, PgType::INT4, 0)),
                is_scalar: false,
            });
            let Some(row) = row else { continue };
            scope.relations.push(name.to_owned());
            scope.items.extend(table.columns.iter().zip(row).map(|(column, value)| Item {
                relation: Some(name.to_owned()),
                name: column.name.clone(),
                expr: value.clone(),
                bare: false,
            }));
        }
        let timing = if trigger.bits & BEFORE != 0 {
            "BEFORE"
        } else if trigger.bits & INSTEAD != 0 {
            "INSTEAD OF"
        } else {
            "AFTER"
        };
        let facts = [
            ("tg_op", event.name()),
            ("tg_table_name", table.name.as_str()),
            ("tg_relname", table.name.as_str()),
            ("tg_table_schema", table.schema.as_str()),
            ("tg_name", trigger.name.as_str()),
            ("tg_when", timing),
            ("tg_level", "ROW"),
        ];
        scope.items.extend(facts.into_iter().map(|(name, value)| Item {
            relation: None,
            name: name.to_owned(),
            expr: text(value),
            bare: true,
        }));
        let scopes = std::mem::replace(&mut self.scopes, vec![scope]);
        let bound = bind(self);
        self.scopes = scopes;
        bound.map_err(|mut error| {
            error.fields_mut().position = None;
            error
        })
    }

    /// What a function for triggers can't have, whenever it is looked at.
    ///
    /// # Errors
    /// 0A000.
    pub(crate) fn check_trigger_code(block: &Block) -> Result<(), Error> {
        if !block.declarations.is_empty() {
            return refused("a variable");
        }
        let handlers = block.handlers.iter().flat_map(|handler| &handler.body);
        block.body.iter().chain(handlers).try_for_each(check_one)
    }

    fn follow_block(
        &mut self,
        follow: &mut Follow<'_>,
        block: &Block,
        guard: Option<Expr>,
    ) -> Result<Falls, Error> {
        if !block.handlers.is_empty() {
            return refused("EXCEPTION");
        }
        if !block.declarations.is_empty() {
            return refused("a variable");
        }
        self.follow(follow, &block.body, guard)
    }

    fn follow(
        &mut self,
        follow: &mut Follow<'_>,
        body: &[CodeLine],
        guard: Option<Expr>,
    ) -> Result<Falls, Error> {
        let mut guard = guard;
        for line in body {
            match self.follow_one(follow, &line.code, guard)? {
                Falls::On(next) => guard = next,
                Falls::Never => return Ok(Falls::Never),
            }
        }
        Ok(Falls::On(guard))
    }

    fn follow_one(
        &mut self,
        follow: &mut Follow<'_>,
        code: &Code,
        guard: Option<Expr>,
    ) -> Result<Falls, Error> {
        match code {
            Code::Null => {}
            Code::Block(block) => return self.follow_block(follow, block, guard),
            Code::Assign { target, value, .. } => {
                self.assign_new(follow, target, value, guard.as_ref())?;
            }
            Code::If { branches, otherwise } => {
                return self.follow_if(follow, (branches.as_slice(), otherwise.as_slice()), guard);
            }
            Code::Return(value) => {
                if self.skips(follow, value.as_ref())? {
                    follow.fired.effects.push(Effect { guard, kind: EffectKind::Skip });
                }
                return Ok(Falls::Never);
            }
            Code::Raise(raise) => {
                if raise.level != Level::Exception {
                    return refused("RAISE of anything but an exception");
                }
                let kind = self.in_row(follow, |binder| binder.raised(raise))?;
                follow.fired.effects.push(Effect { guard, kind });
                return Ok(Falls::Never);
            }
            Code::Sql(statement) => {
                let kind = self.in_row(follow, |binder| binder.stored_change(statement))?;
                follow.fired.effects.push(Effect { guard: guard.clone(), kind });
            }
            Code::Perform(query) => {
                let query = self.in_row(follow, |binder| binder.query(query))?;
                let kind = EffectKind::Query(Box::new(query));
                follow.fired.effects.push(Effect { guard: guard.clone(), kind });
            }
            other => return refused(untriggered(other).unwrap_or("this kind of statement")),
        }
        Ok(Falls::On(guard))
    }

    fn follow_if(
        &mut self,
        follow: &mut Follow<'_>,
        (branches, otherwise): (&[(ast::Expr, Vec<CodeLine>)], &[CodeLine]),
        guard: Option<Expr>,
    ) -> Result<Falls, Error> {
        let mut before = guard.clone();
        let mut ends: Vec<Falls> = Vec::new();
        let mut all_on = true;
        let mut taken = false;
        for (condition, body) in branches {
            let known = known_condition(condition, follow.firing.event);
            if known == Some(false) {
                continue;
            }
            let inside = if known == Some(true) {
                taken = true;
                before.clone()
            } else {
                let bound = self.in_row(follow, |binder| binder.condition(condition, "IF"))?;
                if bound.is_volatile() {
                    return refused("an IF whose condition is volatile or has a query");
                }
                let inside = both(before.clone(), truth(bound.clone(), false));
                before = Some(both(before, truth(bound, true)));
                Some(inside)
            };
            let end = self.follow(follow, body, inside)?;
            all_on &= matches!(end, Falls::On(_));
            ends.push(end);
            if taken {
                break;
            }
        }
        if !taken {
            let end = self.follow(follow, otherwise, before)?;
            all_on &= matches!(end, Falls::On(_));
            ends.push(end);
        }
        if all_on && ends.len() > 1 {
            return Ok(Falls::On(guard));
        }
        let mut on: Option<Option<Expr>> = None;
        for end in ends {
            let Falls::On(next) = end else { continue };
            on = Some(match (on, next) {
                (None, next) => next,
                (Some(Some(left)), Some(right)) => {
                    Some(boolean(ExprKind::Or(Box::new(left), Box::new(right))))
                }
                (Some(_), _) => None,
            });
        }
        Ok(on.map_or(Falls::Never, Falls::On))
    }

    fn assign_new(
        &mut self,
        follow: &mut Follow<'_>,
        target: &[ast::Name],
        value: &ast::Expr,
        guard: Option<&Expr>,
    ) -> Result<(), Error> {
        let [row, name] = target else { return refused("a variable") };
        if row.text != "new" {
            return refused("an assignment to anything but NEW");
        }
        if follow.firing.trigger.bits & BEFORE == 0 {
            // PostgreSQL takes no notice of it.
            return refused("an assignment to NEW behind the change");
        }
        let table = follow.firing.table;
        let place = table.columns.iter().position(|column| column.name == name.text);
        let Some(place) = place.filter(|_| follow.fired.new.is_some()) else {
            let message = format!("record \"new\" has no field \"{}\"", name.text);
            return Err(Error::user(SqlState::UNDEFINED_COLUMN, message));
        };
        let column = &table.columns[place];
        let bound = self.in_row(follow, |binder| {
            let bound = binder.expr(value)?;
            binder.assign(bound, column.data_type, &column.name)
        })?;
        let Some(new) = &mut follow.fired.new else { return Ok(()) };
        for (other, known) in new.iter().enumerate() {
            if known.is_volatile() && bound.contains(known) && other != place {
                return refused("reading a value of NEW that is volatile");
            }
        }
        new[place] = match guard {
            None => bound,
            Some(guard) => {
                let otherwise = Some(Box::new(new[place].clone()));
                let kind = ExprKind::Case { branches: vec![(guard.clone(), bound)], otherwise };
                Expr { kind, data_type: column.data_type, position: 0 }
            }
        };
        if !follow.fired.assigned.contains(&place) {
            follow.fired.assigned.push(place);
        }
        Ok(())
    }

    /// Whether a RETURN leaves the row as it is.
    fn skips(&self, follow: &Follow<'_>, value: Option<&ast::Expr>) -> Result<bool, Error> {
        let before = follow.firing.trigger.bits & BEFORE != 0;
        if !before {
            return Ok(false);
        }
        match value.map(|value| &value.kind) {
            Some(ast::ExprKind::Null) => Ok(true),
            Some(ast::ExprKind::Column(name)) => match (name.as_slice(), follow.firing.event) {
                ([row], Event::Insert | Event::Update) if row.text == "new" => Ok(false),
                ([row], Event::Delete) if row.text == "old" => Ok(false),
                ([row], Event::Delete) if row.text == "new" => Ok(true),
                _ => refused("RETURN of anything but NEW, OLD or NULL"),
            },
            _ => refused("RETURN of anything but NEW, OLD or NULL"),
        }
    }

    fn raised(&mut self, raise: &ast::Raise) -> Result<EffectKind, Error> {
        let mut arguments = Vec::new();
        for argument in &raise.arguments {
            let bound = self.expr(argument)?;
            let shown = self.cast(bound, PgType::TEXT, 0)?;
            arguments.push(Expr {
                data_type: PgType::TEXT,
                kind: ExprKind::Coalesce(vec![shown, text("<NULL>")]),
                position: 0,
            });
        }
        let mut parts = vec![filled(&raise.format, arguments)];
        for extra in [&raise.detail, &raise.hint] {
            parts.push(match extra {
                Some(tree) => {
                    let bound = self.expr(tree)?;
                    self.cast(bound, PgType::TEXT, 0)?
                }
                None => Expr::constant(Value::Null, PgType::TEXT, 0),
            });
        }
        let state = raise.state.unwrap_or(SqlState(*b"P0001"));
        Ok(EffectKind::Raise { state, parts })
    }

    /// A change of another table.
    fn stored_change(&mut self, statement: &ast::Statement) -> Result<EffectKind, Error> {
        let change = match statement {
            ast::Statement::Insert(tree) if tree.ctes.is_empty() && tree.returning.is_empty() => {
                Change::Insert(self.insert(tree)?.0)
            }
            ast::Statement::Update(tree) if tree.ctes.is_empty() && tree.returning.is_empty() => {
                Change::Update(self.update(tree)?.0)
            }
            ast::Statement::Delete(tree) if tree.ctes.is_empty() && tree.returning.is_empty() => {
                Change::Delete(self.delete(tree)?.0)
            }
            ast::Statement::Insert(_) | ast::Statement::Update(_) | ast::Statement::Delete(_) => {
                return refused("WITH or RETURNING");
            }
            ast::Statement::Query(_) => {
                let message = "query has no destination for result data";
                return Err(Error::user(SqlState::SYNTAX_ERROR, message));
            }
            ast::Statement::Unsupported(error) => return Err(error.clone()),
            _ => return refused("a statement that changes no rows"),
        };
        // The trigger's text calls what gives the values.
        self.sequences.clear();
        Ok(EffectKind::Change(Box::new(change)))
    }

    /// INSERT: what BEFORE triggers make of its rows. `places` are the columns that the rows have values of.
    pub(super) fn before_insert(
        &mut self,
        table: &Table,
        source: InsertSource,
        places: Vec<usize>,
    ) -> Result<(InsertSource, Vec<usize>), Error> {
        let triggers = self.triggers_of(table, ROW | BEFORE | INSERT);
        if triggers.is_empty() {
            return Ok((source, places));
        }
        let rows = match source {
            InsertSource::DefaultValues => vec![Vec::new()],
            InsertSource::Rows(rows) => rows,
            InsertSource::Query { query, id, values } => {
                let (values, places) = self.before_row(table, &triggers, (values, &places))?;
                return Ok((InsertSource::Query { query, id, values }, places));
            }
        };
        let mut done = Vec::new();
        let mut all = places.clone();
        for row in rows {
            let (values, wider) = self.before_row(table, &triggers, (row, &places))?;
            all = wider;
            done.push(values);
        }
        Ok((InsertSource::Rows(done), all))
    }

    /// One row: its values with the columns that triggers assign.
    fn before_row(
        &mut self,
        table: &Table,
        triggers: &[(&Trigger, &Function)],
        (values, places): (Vec<Expr>, &[usize]),
    ) -> Result<(Vec<Expr>, Vec<usize>), Error> {
        let mut new: RowValues = table
            .columns
            .iter()
            .map(|column| Expr::constant(Value::Null, column.data_type, 0))
            .collect();
        for (place, value) in places.iter().zip(values) {
            new[*place] = value;
        }
        let mut assigned = Vec::new();
        for (trigger, function) in triggers {
            let firing = Firing { trigger, function, table, event: Event::Insert };
            let fired = self.fire(firing, Some(new), None)?;
            assigned.extend(fired.assigned);
            new = fired.new.unwrap_or_default();
        }
        let mut all = places.to_vec();
        // Every row gets the same columns: whatever a trigger assigns in any of them.
        assigned.sort_unstable();
        for place in assigned {
            if !all.contains(&place) {
                all.push(place);
            }
        }
        let values = all.iter().map(|place| new[*place].clone()).collect();
        Ok((values, all))
    }

    /// UPDATE: its assignments with those of BEFORE triggers. `row` is the old row.
    pub(super) fn before_update(
        &mut self,
        table: &Table,
        row: &[Expr],
        assignments: Vec<(String, Expr)>,
    ) -> Result<Vec<(String, Expr)>, Error> {
        let triggers = self.triggers_of(table, ROW | BEFORE | UPDATE);
        if triggers.is_empty() {
            return Ok(assignments);
        }
        let mut new: RowValues = row.to_vec();
        let mut set = Vec::new();
        for (name, value) in assignments {
            if let Some(place) = table.columns.iter().position(|column| column.stored == name) {
                new[place] = value;
                set.push(place);
            }
        }
        let named: Vec<i16> = set.iter().map(|place| table.columns[*place].number).collect();
        for (trigger, function) in &triggers {
            let of = &trigger.columns;
            if !of.is_empty() && !of.iter().any(|number| named.contains(number)) {
                continue;
            }
            let firing = Firing { trigger, function, table, event: Event::Update };
            let fired = self.fire(firing, Some(new), Some(row.to_vec()))?;
            new = fired.new.unwrap_or_default();
            for place in fired.assigned {
                if !set.contains(&place) {
                    set.push(place);
                }
            }
        }
        Ok(set
            .into_iter()
            .map(|place| (table.columns[place].stored.clone(), new[place].clone()))
            .collect())
    }
}

/// Whether a condition about `TG_OP` holds, where that is known before anything runs.
fn known_condition(tree: &ast::Expr, event: Event) -> Option<bool> {
    let is_op = |expr: &ast::Expr| {
        matches!(&expr.kind, ast::ExprKind::Column(name)
            if matches!(name.as_slice(), [only] if only.text == "tg_op"))
    };
    let constant = |expr: &ast::Expr| match &expr.kind {
        ast::ExprKind::String(text) => Some(text == event.name()),
        _ => None,
    };
    match &tree.kind {
        ast::ExprKind::Binary { op, left, right } if is_op(left) => match op.as_str() {
            "=" => constant(right),
            "<>" | "!=" => constant(right).map(|same| !same),
            _ => None,
        },
        ast::ExprKind::InList { operand, list, negated } if is_op(operand) => {
            let all: Option<Vec<bool>> = list.iter().map(constant).collect();
            all.map(|all| all.contains(&true) != *negated)
        }
        ast::ExprKind::And(left, right) => {
            match (known_condition(left, event), known_condition(right, event)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        }
        ast::ExprKind::Or(left, right) => {
            match (known_condition(left, event), known_condition(right, event)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }
        }
        ast::ExprKind::Not(inner) => known_condition(inner, event).map(|known| !known),
        _ => None,
    }
}

/// RAISE's message: the texts between the `%` with the arguments.
fn filled(format: &str, arguments: Vec<Expr>) -> Expr {
    let mut parts: Vec<Expr> = Vec::new();
    let mut literal = String::new();
    let mut arguments = arguments.into_iter();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '%' if characters.next_if_eq(&'%').is_some() => literal.push('%'),
            '%' => {
                parts.push(text(&std::mem::take(&mut literal)));
                parts.extend(arguments.next());
            }
            other => literal.push(other),
        }
    }
    parts.push(text(&literal));
    parts
        .into_iter()
        .reduce(|left, right| {
            let lowering = crate::sql::types::Lowering::Infix("||");
            Expr::call(lowering, vec![left, right], PgType::TEXT, 0)
        })
        .unwrap_or_else(|| text(""))
}

impl Expr {
    /// Whether a part of it is this expression.
    fn contains(&self, other: &Self) -> bool {
        self.same(other) || self.children().into_iter().any(|child| child.contains(other))
    }
}
