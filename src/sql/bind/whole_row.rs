//! Rows as values: whole rows of relations, row constructors, and their fields.
//!
//! A row is of the type `record`. What its fields are is known to the binder: the type's modifier is the place of its
//! [`Shape`], and it never leaves the compiler.

use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::sql::ast::{self, Name};
use crate::sql::bind::expr::boolean;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Column, Expr, ExprKind, RelationId};
use crate::sql::types::Lowering;

/// Fields of a row at the most (`MaxTupleAttributeNumber`).
pub(crate) const FIELDS_MAX: usize = 1664;

/// Where a relation's rows come from, for naming one as a whole.
#[derive(Debug, Clone)]
pub(crate) struct RowSource {
    pub(crate) label: String,
    /// `None`: its columns are expressions, so that a row that an outer join lacks can't be told from one of NULLs.
    pub(crate) relation: Option<RelationId>,
    /// The type of the rows of a table.
    pub(crate) row_type: Oid,
    /// Whether an outer join may lack the row.
    pub(crate) nullable: bool,
    /// A column that is NULL only if the row is lacking.
    pub(crate) witness: Option<Expr>,
    /// Whether it is a function's one column, which stands for its rows.
    pub(crate) is_scalar: bool,
}

impl RowSource {
    /// A relation whose columns are expressions.
    pub(crate) fn of_expressions(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            relation: None,
            row_type: 0,
            nullable: false,
            witness: None,
            is_scalar: false,
        }
    }
}

/// What a row consists of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(crate) fields: Vec<(String, PgType)>,
    /// The type that clients are told, if it isn't `record`.
    pub(crate) row_type: Oid,
}

impl Binder<'_> {
    /// What rows of this type consist of, where that is known.
    pub(crate) fn shape(&self, data_type: PgType) -> Option<&Shape> {
        let place = usize::try_from(data_type.modifier).ok()?;
        self.shapes.get(place).filter(|_| data_type.oid == PgType::RECORD.oid)
    }

    /// The type of rows with these fields.
    pub(super) fn shaped(&mut self, shape: Shape) -> PgType {
        let known = self.shapes.iter().position(|known| *known == shape);
        let place = known.unwrap_or_else(|| {
            self.shapes.push(shape);
            self.shapes.len() - 1
        });
        PgType { modifier: i32::try_from(place).unwrap_or(-1), ..PgType::RECORD }
    }

    /// A row of named fields. `present`: whether there is one.
    pub(super) fn row_of(
        &mut self,
        fields: Vec<(String, Expr)>,
        (present, row_type): (Option<Expr>, Oid),
        position: u32,
    ) -> Result<Expr, Error> {
        if fields.len() > FIELDS_MAX {
            let message = format!("ROW expressions can have at most {FIELDS_MAX} entries");
            return Err(at(Error::user(SqlState(*b"54011"), message), position));
        }
        let types = fields.iter().map(|(name, field)| (name.clone(), field.data_type)).collect();
        let data_type = self.shaped(Shape { fields: types, row_type });
        let (names, fields) = fields.into_iter().unzip();
        let kind = ExprKind::Row { names, fields, present: present.map(Box::new) };
        Ok(Expr { kind, data_type, position })
    }

    /// `ROW(a, b)`, `(a, b)`.
    pub(super) fn row_constructor(
        &mut self,
        items: &[ast::Expr],
        position: u32,
    ) -> Result<Expr, Error> {
        let mut fields = Vec::new();
        for item in items {
            let values = match &item.kind {
                ast::ExprKind::WholeRow(name) => {
                    let row = self.relation_row(name)?;
                    self.fields_of(&row, item.position)?
                }
                ast::ExprKind::Expand(row) => self.expanded(row)?,
                _ => {
                    let value = self.expr(item)?;
                    // A constant without a type stays one, which clients are told.
                    let is_parameter = matches!(value.kind, ExprKind::Parameter(_));
                    let value = if is_parameter { self.resolve_unknown(value)? } else { value };
                    vec![(String::new(), value)]
                }
            };
            for (_, value) in values {
                fields.push((format!("f{}", fields.len() + 1), value));
            }
        }
        self.row_of(fields, (None, 0), position)
    }

    /// The row of a relation that a name means, if there is such a relation.
    pub(super) fn whole_row(&mut self, name: &Name) -> Option<Result<Expr, Error>> {
        let found = self.scopes.iter().rev().find_map(|scope| {
            let source = scope.rows.iter().find(|source| source.label == name.text)?;
            let own = |item: &&super::Item| item.relation.as_deref() == Some(&*name.text);
            let place = |item: &super::Item| (item.name.clone(), item.expr.clone());
            Some((source.clone(), scope.items.iter().filter(own).map(place).collect::<Vec<_>>()))
        });
        let (source, fields) = found?;
        Some(self.row_of_source(source, fields, name.position))
    }

    fn row_of_source(
        &mut self,
        source: RowSource,
        fields: Vec<(String, Expr)>,
        position: u32,
    ) -> Result<Expr, Error> {
        if let (true, [(_, value)]) = (source.is_scalar, fields.as_slice()) {
            return Ok(Expr { position, ..value.clone() });
        }
        let present = match (source.nullable, source.witness, source.relation) {
            (false, ..) => None,
            (true, Some(witness), _) => Some(witness),
            (true, None, Some(relation)) => {
                self.relations[relation].is_marked = true;
                let column = Column {
                    relation,
                    name: crate::sql::lower::PRESENT.to_owned(),
                    label: source.label,
                    not_null: false,
                    table_oid: 0,
                    number: 0,
                };
                let kind = ExprKind::Column(column);
                Some(Expr { kind, data_type: PgType::INT4, position })
            }
            (true, None, None) => {
                let message = "a whole row of a function in an outer join is not supported";
                return Err(at(Error::refused(message), position));
            }
        };
        let present = present.map(|witness| {
            boolean(ExprKind::IsNull { operand: Box::new(witness), negated: true }, position)
        });
        self.row_of(fields, (present, source.row_type), position)
    }

    /// `t.*` as a value.
    pub(super) fn relation_row(&mut self, name: &ast::QualifiedName) -> Result<Expr, Error> {
        let last = name.last().expect("a name has a part");
        self.whole_row(last).unwrap_or_else(|| {
            let message = format!("missing FROM-clause entry for table \"{}\"", last.text);
            Err(at(Error::user(SqlState::UNDEFINED_TABLE, message), name[0].position))
        })
    }

    /// The fields of a row, by their names.
    ///
    /// # Errors
    /// 42809 for what isn't a row, 42602 for one whose fields aren't known.
    pub(super) fn fields_of(
        &mut self,
        row: &Expr,
        position: u32,
    ) -> Result<Vec<(String, Expr)>, Error> {
        if let ExprKind::Row { names, fields, .. } = &row.kind {
            return Ok(names.iter().cloned().zip(fields.iter().cloned()).collect());
        }
        if !self.types().is_row(row.data_type.oid) {
            let label = self.types().label(row.data_type.oid);
            let message = format!("type {label} is not composite");
            return Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position));
        }
        let Some(fields) = self.field_types(row.data_type) else {
            let message = "record type has not been registered";
            return Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position));
        };
        let field = |(place, (name, data_type)): (usize, &(String, PgType))| {
            let place = Expr::constant(Value::Integer(place as i64), PgType::INT4, position);
            let arguments = vec![row.clone(), place];
            (
                name.clone(),
                Expr::call(Lowering::Call("pg_row_field"), arguments, *data_type, position),
            )
        };
        Ok(fields.iter().enumerate().map(field).collect())
    }

    /// The names and types of a row type's fields, where they are known.
    pub(super) fn field_types(&self, data_type: PgType) -> Option<Vec<(String, PgType)>> {
        if let Some(attributes) = self.types().attributes(data_type.oid) {
            return Some(attributes.iter().map(|one| (one.name.clone(), one.data_type)).collect());
        }
        self.shape(data_type).map(|shape| shape.fields.clone())
    }

    /// `(row).*`
    pub(super) fn expanded(&mut self, row: &ast::Expr) -> Result<Vec<(String, Expr)>, Error> {
        if let ast::ExprKind::Call(call) = &row.kind
            && Self::is_set_function(call)
        {
            return self.set_columns(call, row.position);
        }
        let value = self.expr(row)?;
        self.fields_of(&value, row.position)
    }

    /// `(row).name`
    pub(super) fn field(
        &mut self,
        operand: &ast::Expr,
        name: &Name,
        position: u32,
    ) -> Result<Expr, Error> {
        let (mut is_relation, mut named) = (false, None);
        let fields = match &operand.kind {
            ast::ExprKind::Call(call) if Self::is_set_function(call) => {
                self.set_columns(call, operand.position)?
            }
            _ => {
                let row = self.expr(operand)?;
                if !self.types().is_row(row.data_type.oid) {
                    let label = self.types().label(row.data_type.oid);
                    let message = format!(
                        "column notation .{} applied to type {label}, which is not a composite type",
                        name.text
                    );
                    return Err(at(Error::user(SqlState::WRONG_OBJECT_TYPE, message), position));
                }
                is_relation = matches!(row.kind, ExprKind::Row { .. });
                named = self.types().attributes(row.data_type.oid).map(|_| row.data_type.oid);
                self.fields_of(&row, position)?
            }
        };
        let found = fields.into_iter().find(|(known, _)| *known == name.text);
        found.map(|(_, value)| Expr { position, ..value }).ok_or_else(|| {
            let message = match &operand.kind {
                ast::ExprKind::Column(relation) if is_relation && relation.len() == 1 => {
                    format!("column {}.{} does not exist", relation[0].text, name.text)
                }
                _ if named.is_some() => {
                    let label = self.types().label(named.unwrap_or_default());
                    format!("column \"{}\" not found in data type {label}", name.text)
                }
                _ => format!("could not identify column \"{}\" in record data type", name.text),
            };
            at(Error::user(SqlState::UNDEFINED_COLUMN, message), position)
        })
    }

    /// `row IS [NOT] NULL`: whether all fields are NULL, or none is.
    pub(super) fn row_is_null(row: Expr, negated: bool, position: u32) -> Expr {
        let ExprKind::Row { fields, .. } = row.kind else {
            let name = if negated { "pg_row_is_not_null" } else { "pg_row_is_null" };
            return Expr::call(Lowering::Call(name), vec![row], PgType::BOOL, position);
        };
        let is_null =
            |operand| boolean(ExprKind::IsNull { operand: Box::new(operand), negated }, position);
        let both = |all, one| boolean(ExprKind::And(Box::new(all), Box::new(one)), position);
        let truth = Expr::constant(Value::Integer(1), PgType::BOOL, position);
        fields.into_iter().map(is_null).reduce(both).unwrap_or(truth)
    }
}
