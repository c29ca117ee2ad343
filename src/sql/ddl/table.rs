//! CREATE TABLE.

use crate::model::catalog::{
    Column, ConstraintKind as Known, Identity, Index, Sequence, Table, TableKind,
};
use crate::model::error::{Error, SqlState};
use crate::sql::Action;
use crate::sql::ast::{ConstraintKind, CreateTable, LikeClause, TableConstraint, TableElement};
use crate::sql::bind::{Binder, at};
use crate::sql::compile::plain_step;
use crate::sql::ddl::column::{self, Place};
use crate::sql::ddl::name::{self, Chooser, NewName};
use crate::sql::ddl::{
    Work, already_exists, constraint, index, layout, object, privilege, record, temporary,
};
use crate::sql::lite;

/// Columns that a table has at the most (`MaxHeapAttributeNumber`).
const COLUMNS_MAX: usize = 1600;

/// A table that is being planned.
pub(super) struct Draft<'c> {
    pub(super) table: Table,
    pub(super) chooser: Chooser<'c>,
    sequences: Vec<Sequence>,
    indexes: Vec<Index>,
    /// Comments that LIKE copies: column number (0 for the table) and text.
    comments: Vec<(i32, String)>,
}

pub(super) fn empty(name: &NewName, kind: TableKind, oid: u32) -> Table {
    Table {
        oid,
        schema: name.schema.clone(),
        name: name.name.clone(),
        stored: name.stored.clone(),
        kind,
        columns: Vec::new(),
        constraints: Vec::new(),
        has_rowid: true,
        from_postgres: true,
        view: None,
        populated: true,
        on_commit: None,
    }
}

pub(super) fn create(tree: &CreateTable, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let name = temporary::new_relation(&tree.name, tree.persistence, binder)?;
    if name::exists(binder.catalog, &name) {
        return already_exists(&name.name, tree.if_not_exists, "CREATE TABLE");
    }
    let mut work = Work::new(binder);
    temporary::ensure_schema(&name, &mut work, binder);
    let mut chooser = Chooser::new(binder.catalog, &name.schema);
    chooser.place(&name.name);
    let mut draft = Draft {
        table: empty(&name, TableKind::Table, work.oids.take()),
        chooser,
        sequences: Vec::new(),
        indexes: Vec::new(),
        comments: Vec::new(),
    };
    let mut declared = Vec::new();
    let mut copied = Vec::new();
    for element in &tree.elements {
        match element {
            TableElement::Column(column) => {
                draft.add_column(column, &mut work, binder)?;
                declared.extend(&column.constraints);
            }
            TableElement::Constraint(constraint) => declared.push(constraint),
            TableElement::Like(clause) => {
                copied.push((clause, draft.like(clause, &mut work, binder)?));
            }
        }
    }
    if draft.table.columns.len() > COLUMNS_MAX {
        let message = format!("tables can have at most {COLUMNS_MAX} columns");
        return Err(Error::user(SqlState::TOO_MANY_COLUMNS, message));
    }
    draft.table.on_commit = temporary::on_commit(tree.persistence);
    draft.check_generated(binder)?;
    draft.add_constraints(&declared, &mut work, binder)?;
    for (clause, source) in copied {
        draft.copy_rules(clause, &source, &mut work, binder);
    }
    draft.steps(&mut work, binder)?;
    for sequence in &draft.sequences {
        let object = ('s', 1259, sequence.oid);
        privilege::new_object(object, &sequence.schema, &mut work, binder);
    }
    let object = ('r', 1259, draft.table.oid);
    privilege::new_object(object, &draft.table.schema, &mut work, binder);
    Ok(work.finish("CREATE TABLE"))
}

impl Draft<'_> {
    fn add_column(
        &mut self,
        tree: &crate::sql::ast::ColumnDefinition,
        work: &mut Work,
        binder: &mut Binder<'_>,
    ) -> Result<(), Error> {
        let place = Place {
            table_name: &self.table.name,
            table_stored: &self.table.stored,
            number: self.table.columns.len() as i16 + 1,
            others: &self.table.columns,
        };
        let planned = column::plan(tree, &place, &mut self.chooser, work, binder)?;
        self.sequences.extend(planned.sequence);
        self.table.columns.push(planned.column);
        Ok(())
    }

    /// Binds the expressions of stored columns, which may use each other's columns but not each other.
    fn check_generated(&self, binder: &mut Binder<'_>) -> Result<(), Error> {
        check_generated(&self.table, binder)
    }

    /// Keys first: foreign keys of the table may refer to them.
    fn add_constraints(
        &mut self,
        declared: &[&TableConstraint],
        work: &mut Work,
        binder: &mut Binder<'_>,
    ) -> Result<(), Error> {
        let is_key = |constraint: &&&TableConstraint| {
            matches!(constraint.kind, ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_))
        };
        let (keys, others): (Vec<_>, Vec<_>) = declared.iter().partition(is_key);
        for tree in keys.into_iter().chain(others) {
            let subject = (&self.table, true);
            let mut planned = constraint::plan(tree, subject, &mut self.chooser, work, binder)?;
            // There are no rows that it could not be valid for.
            planned.constraint.validated = true;
            let own = matches!(&planned.constraint.kind, Known::ForeignKey { table, .. }
                if *table == self.table.stored);
            if own && self.indexes.iter().any(|index| index.nulls_not_distinct) {
                return Err(Error::refused(
                    "a foreign key to a key with NULLS NOT DISTINCT is not supported",
                ));
            }
            if let Known::PrimaryKey { columns } = &planned.constraint.kind {
                for place in columns {
                    self.table.columns[*place].not_null = true;
                }
            }
            self.table.constraints.push(planned.constraint);
            self.indexes.extend(planned.index);
        }
        Ok(())
    }

    /// LIKE: the columns of another table; what goes with them comes later.
    fn like(
        &mut self,
        clause: &LikeClause,
        work: &mut Work,
        binder: &mut Binder<'_>,
    ) -> Result<Table, Error> {
        let position = clause.table.first().map_or(0, |part| part.position);
        let source = binder.opened(&clause.table).map_err(|error| at(error, position))?.clone();
        for column in &source.columns {
            if self.table.column(&column.name).is_some() {
                let message = format!("column \"{}\" specified more than once", column.name);
                return Err(Error::user(SqlState::DUPLICATE_COLUMN, message));
            }
            let mut copy = Column {
                stored: column::stored_name(&column.name, &self.table.columns),
                not_null: column.not_null,
                ..Column::new(self.table.columns.len() as i16 + 1, &column.name, column.data_type)
            };
            if clause.generated {
                copy.generated.clone_from(&column.generated);
            }
            if clause.defaults && column.identity.is_none() {
                copy.default.clone_from(&column.default);
                copy.sequence = column.sequence;
            }
            if clause.identity && column.identity.is_some() {
                self.copy_identity(column, &mut copy, work, binder);
            }
            if clause.comments {
                let text = object::comment_on(1259, source.oid, i32::from(column.number), binder);
                self.comments.extend(text.map(|text| (i32::from(copy.number), text)));
            }
            self.table.columns.push(copy);
        }
        Ok(source)
    }

    fn copy_identity(
        &mut self,
        column: &Column,
        copy: &mut Column,
        work: &mut Work,
        binder: &Binder<'_>,
    ) {
        let Some(old) = binder.sequence_of(column.sequence) else { return };
        let name = self.chooser.choose(&self.table.name, &column.name, "seq");
        let placed = self.chooser.place(&name);
        let sequence = Sequence {
            oid: work.oids.take(),
            schema: placed.schema,
            name: placed.name,
            stored: placed.stored,
            owner: Some((self.table.stored.clone(), copy.number)),
            ..old.clone()
        };
        copy.sequence = Some(sequence.oid);
        copy.identity = column.identity.or(Some(Identity::ByDefault));
        self.sequences.push(sequence);
    }

    /// LIKE: constraints and indexes of the other table.
    fn copy_rules(
        &mut self,
        clause: &LikeClause,
        source: &Table,
        work: &mut Work,
        binder: &Binder<'_>,
    ) {
        let offset = |table: &Table, place: usize| {
            let name = &source.columns[place].name;
            table.columns.iter().position(|column| column.name == *name).unwrap_or(place)
        };
        for known in &source.constraints {
            let mut copy = known.clone();
            copy.oid = work.oids.take();
            match &mut copy.kind {
                Known::Check { .. } if clause.constraints => {
                    self.chooser.claim(&known.name);
                    self.table.constraints.push(copy);
                }
                Known::PrimaryKey { columns } | Known::Unique { columns } if clause.indexes => {
                    let names: Vec<&str> =
                        columns.iter().map(|place| source.columns[*place].name.as_str()).collect();
                    let primary = matches!(known.kind, Known::PrimaryKey { .. });
                    let (middle, label) =
                        if primary { (String::new(), "pkey") } else { (names.join("_"), "key") };
                    copy.name = self.chooser.choose(&self.table.name, &middle, label);
                    for place in columns.iter_mut() {
                        *place = offset(&self.table, *place);
                    }
                    let old = binder
                        .catalog
                        .indexes
                        .values()
                        .find(|i| Some(&i.stored) == known.index.as_ref());
                    copy.index = None;
                    if let Some(old) = old {
                        let placed = self.chooser.place(&copy.name);
                        copy.index = Some(placed.stored.clone());
                        self.copy_index(old, source, placed, work);
                    }
                    self.table.constraints.push(copy);
                }
                _ => {}
            }
        }
        if clause.indexes {
            for old in binder.catalog.indexes_of(source) {
                let of_key = source
                    .constraints
                    .iter()
                    .any(|known| known.index.as_ref() == Some(&old.stored));
                if of_key || old.keys.is_empty() {
                    continue;
                }
                let labels: Vec<&str> = old
                    .keys
                    .iter()
                    .map(|key| {
                        key.column
                            .and_then(|number| source.numbered(number))
                            .map_or("expr", |column| column.name.as_str())
                    })
                    .collect();
                let name = self.chooser.choose(&self.table.name, &labels.join("_"), "idx");
                let placed = self.chooser.place(&name);
                self.copy_index(old, source, placed, work);
            }
        }
    }

    fn copy_index(&mut self, old: &Index, source: &Table, name: NewName, work: &mut Work) {
        let mut copy = Index {
            oid: work.oids.take(),
            schema: name.schema,
            name: name.name,
            stored: name.stored,
            table: self.table.stored.clone(),
            ..old.clone()
        };
        for key in &mut copy.keys {
            key.column = key
                .column
                .and_then(|number| source.numbered(number))
                .and_then(|column| self.table.column(&column.name))
                .map(|column| column.number);
        }
        self.indexes.push(copy);
    }

    /// What makes and records it all.
    fn steps(&self, work: &mut Work, binder: &mut Binder<'_>) -> Result<(), Error> {
        let definition = layout::definition(&self.table, binder)?;
        work.push(plain_step(&lite::Statement::CreateTable(definition)));
        for sequence in &self.sequences {
            work.push(record::sequence_row(sequence));
        }
        let catalog = binder.catalog;
        let find = |stored: &str| catalog.tables.get(stored).map(|table| (**table).clone());
        for step in record::table(&self.table, &find) {
            work.push(step);
        }
        for one in &self.indexes {
            index::add(one, &self.table, work, binder)?;
        }
        for (column, text) in &self.comments {
            work.push(object::comment_row(1259, self.table.oid, *column, text));
        }
        Ok(())
    }
}

/// # Errors
/// 42P17 for a stored column that uses another one.
pub(super) fn check_generated(table: &Table, binder: &mut Binder<'_>) -> Result<(), Error> {
    for column in table.columns.iter().filter(|column| column.generated.is_some()) {
        let text = column.generated.as_deref().unwrap_or_default();
        let tree = crate::sql::parser::parse_expression(text)?;
        let (bound, _) = binder.over_table(&tree, table)?;
        if constraint::has_subquery(&bound) {
            return Err(Error::refused("cannot use subquery in column generation expression"));
        }
        if !binder.is_immutable() {
            let message = "generation expression is not immutable";
            return Err(Error::user(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        let mut used = Vec::new();
        constraint::used_columns(&bound, &mut used);
        let other = table
            .columns
            .iter()
            .find(|other| other.generated.is_some() && used.contains(&other.stored));
        if let Some(other) = other {
            let message = format!(
                "cannot use generated column \"{}\" in column generation expression",
                other.name
            );
            return Err(Error::user(SqlState::INVALID_OBJECT_DEFINITION, message)
                .with_detail("A generated column cannot reference another generated column."));
        }
    }
    Ok(())
}
