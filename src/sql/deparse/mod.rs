//! Definitions as PostgreSQL shows them: what was written, read again and put into the form of
//! `pg_get_expr` and `pg_get_viewdef`: every operation in parentheses, casts that are implied written out,
//! constants with their types, columns with their tables.
//!
//! The text is bound once more, by the names as they were then, and what each part of it was found to mean is noted
//! (`bind::Trace`); the syntax tree is written out with that.
//!
//! Invariant: what isn't known to be written right isn't written: the caller shows it as it was.

mod call;
mod constant;
mod expression;
mod from;
mod query;
mod row;

use crate::catalog::{Contents, Deparse, Kind, SearchPath};
use crate::model::catalog::{Catalog, Table, UserTypeKind, View};
use crate::model::pg_type::{Oid, PgType};
use crate::sql::CompileSettings;
use crate::sql::bind::{Binder, Trace};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::ddl::column_names;
use crate::sql::parser;
use crate::sql::types::Types;

/// Writes definitions out.
#[derive(Debug, Default)]
pub struct Deparser;

impl Deparse for Deparser {
    fn expression(
        &self,
        (contents, path): (&Contents, &SearchPath),
        relation: Oid,
        text: &str,
        pretty: bool,
    ) -> Option<String> {
        let catalog = contents.catalog();
        let table = catalog.table_by_oid(relation);
        let schema = table.map_or("public", |table| &table.schema);
        let settings = settings_of(vec![schema.to_owned(), "public".to_owned()]);
        let tree = parser::parse_expression(text).ok()?;
        let mut binder = Binder::new(catalog, &settings, &[], 0).ok()?;
        binder.begin_trace();
        match table {
            Some(table) => drop(binder.over_table(&tree, table).ok()?),
            None => {
                binder.domain_value = domain_value(catalog, relation);
                drop(binder.expr(&tree).ok()?);
            }
        }
        let trace = binder.end_trace();
        let target = table.and_then(|table| assigned_type(table, text));
        let mut writer = Writer::new((contents, path), &settings, trace, pretty);
        writer.value_name = table.is_none().then_some("VALUE");
        let shown = match target {
            // What an assignment converts isn't shown, but a constant is of the column's type.
            Some(target) => writer.assigned(&tree, target)?,
            None => writer.value(&tree, None)?,
        };
        Some(shown.text)
    }

    fn columns(&self, table: &Table, text: &str) -> Vec<i16> {
        let mut numbers = Vec::new();
        for name in column_names(text) {
            if let Some(column) = table.column(&name)
                && !numbers.contains(&column.number)
            {
                numbers.push(column.number);
            }
        }
        numbers
    }

    fn view(
        &self,
        (contents, path): (&Contents, &SearchPath),
        relation: Oid,
        pretty: bool,
    ) -> Option<String> {
        let catalog = contents.catalog();
        let table = catalog.table_by_oid(relation)?;
        let view = table.view.as_ref()?;
        let shown = view_text((contents, path), (table, view), pretty);
        Some(shown.unwrap_or_else(|| format!(" {};", view.definition.trim_end_matches(';'))))
    }
}

/// What VALUE stands for in a domain's CHECK.
fn domain_value(catalog: &Catalog, domain: Oid) -> Option<Expr> {
    match &catalog.types.get(&domain)?.kind {
        UserTypeKind::Domain { base, .. } => {
            Some(Expr { kind: ExprKind::Parameter(0), data_type: *base, position: 0 })
        }
        UserTypeKind::Enum { .. }
        | UserTypeKind::Composite { .. }
        | UserTypeKind::Range(_)
        | UserTypeKind::Multirange { .. } => None,
    }
}

fn view_text(
    (contents, path): (&Contents, &SearchPath),
    (table, view): (&Table, &View),
    pretty: bool,
) -> Option<String> {
    if !names_hold(contents.catalog(), view) {
        return None;
    }
    let settings = settings_of(view.search_path.clone());
    let tree = parser::parse_query(&view.definition).ok()?;
    let mut binder = Binder::new(contents.catalog(), &settings, &[], 0).ok()?;
    binder.begin_trace();
    binder.framed_query(&tree, view).ok()?;
    let trace = binder.end_trace();
    let mut writer = Writer::new((contents, path), &settings, trace, pretty);
    writer.indents = true;
    writer.prefix = true;
    writer.bindings = view.bindings.iter().map(|one| (one.name.clone(), one.oid)).collect();
    let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let text = writer.query(&tree, Some(&names), true)?;
    Some(format!("{text};"))
}

/// Whether the columns that a view was written with are still called so.
fn names_hold(catalog: &Catalog, view: &View) -> bool {
    view.bindings.iter().all(|binding| {
        let table = catalog.table_by_oid(binding.oid);
        table.is_none_or(|table| {
            binding.columns.iter().all(|(number, name)| {
                table.numbered(*number).is_none_or(|column| column.name == *name)
            })
        })
    })
}

/// The type of the column whose default this text is.
fn assigned_type(table: &Table, text: &str) -> Option<PgType> {
    let is = |of: &Option<String>| of.as_deref() == Some(text);
    let found = table.columns.iter().find(|column| is(&column.default) || is(&column.generated));
    found.map(|column| column.data_type)
}

fn settings_of(search_path: Vec<String>) -> CompileSettings {
    CompileSettings { search_path, ..CompileSettings::new("postgres", "") }
}

/// What an expression is to the one around it, for parentheses where they are optional.
///.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Needs none.
    Simple,
    /// An operator of two operands, by its name.
    Operator(&'static str),
    /// IS NULL, a subquery's test and the like.
    Test,
    And,
    Or,
    Not,
    /// Always in parentheses.
    Other,
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// An operand; `first` of two.
    Operand {
        operator: &'static str,
        first: bool,
    },
    And,
    Or,
    Not,
    /// Before IS NULL, a cast, a subscript and the like.
    Tight,
}

#[derive(Debug, Clone)]
struct Shown {
    text: String,
    class: Class,
}

impl Shown {
    fn simple(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: Class::Simple }
    }
}

struct Writer<'a> {
    contents: &'a Contents,
    path: &'a SearchPath,
    settings: &'a CompileSettings,
    trace: Trace,
    /// Parentheses only where they are needed.
    pretty: bool,
    /// Whether clauses begin new lines.
    indents: bool,
    level: i32,
    /// Whether columns have their table's name.
    prefix: bool,
    /// What a domain's CHECK calls the value, if that is what is written.
    value_name: Option<&'static str>,
    /// What names of tables mean.
    bindings: Vec<(String, Oid)>,
    /// Names of WITH that can be seen.
    ctes: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(
        (contents, path): (&'a Contents, &'a SearchPath),
        settings: &'a CompileSettings,
        trace: Trace,
        pretty: bool,
    ) -> Self {
        Self {
            contents,
            path,
            settings,
            trace,
            pretty,
            indents: false,
            level: 0,
            prefix: false,
            value_name: None,
            bindings: Vec::new(),
            ctes: Vec::new(),
        }
    }

    fn catalog(&self) -> &'a Catalog {
        self.contents.catalog()
    }

    fn types(&self) -> Types<'a> {
        Types::new(self.catalog(), self.settings)
    }

    fn label(&self, data_type: PgType) -> String {
        if data_type.oid == PgType::BPCHAR.oid && data_type.modifier < 0 {
            return "bpchar".to_owned();
        }
        // Without quotes it would be one bit long.
        if data_type.oid == PgType::BIT.oid && data_type.modifier < 0 {
            return "\"bit\"".to_owned();
        }
        self.contents.type_label(self.path, data_type)
    }

    fn relation_name(&self, oid: Oid) -> Option<String> {
        self.contents.shown_name(Kind::RELATION, self.path, oid)
    }

    /// Begins a clause: on a line of its own where there are lines.
    fn keyword(&mut self, out: &mut String, text: &str, (before, after, plus): (i32, i32, usize)) {
        if !self.indents {
            out.push_str(text);
            return;
        }
        self.level += before;
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
        let level = usize::try_from(self.level).unwrap_or(0);
        let shown = if level < 40 { level } else { 40 + (level - 40) / 4 % 40 };
        out.extend(std::iter::repeat_n(' ', shown + plus));
        out.push_str(text);
        self.level = (self.level + after).max(0);
    }

    /// An expression in its place, with parentheses if it needs some there.
    fn placed(&self, shown: Shown, place: Place) -> String {
        if self.pretty && !stands_alone(shown.class, place) {
            format!("({})", shown.text)
        } else {
            shown.text
        }
    }

    /// Puts parentheses around an operation unless they are left to its place.
    fn operation(&self, text: String, class: Class) -> Shown {
        let text = if self.pretty { text } else { format!("({text})") };
        Shown { text, class }
    }
}

/// Adds a part; one that begins a line leaves no spaces before it.
fn push(out: &mut String, part: &str) {
    if part.starts_with('\n') {
        out.truncate(out.trim_end_matches(' ').len());
    }
    out.push_str(part);
}

fn stands_alone(class: Class, place: Place) -> bool {
    match (class, place) {
        (Class::Simple, _) => true,
        (Class::Other, _) => false,
        (Class::Operator(own), Place::Operand { operator, first }) => {
            let low = |name: &str| matches!(name, "+" | "-");
            let high = |name: &str| matches!(name, "*" | "/" | "%");
            match () {
                () if high(own) && low(operator) => true,
                () if low(own) && low(operator) || high(own) && high(operator) => first,
                () => false,
            }
        }
        (Class::Operator(_) | Class::Test, Place::And | Place::Or | Place::Not) => true,
        (Class::And | Class::Not, Place::And | Place::Or) => true,
        (Class::Or, Place::Or) => true,
        _ => false,
    }
}
