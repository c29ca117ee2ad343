//! CREATE TABLE, CREATE INDEX, ALTER TABLE.

use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, CheckConstraint, ColumnDef,
    ColumnOption, ConstraintCharacteristics, CreateIndex as CreateIndexTree,
    CreateTable as CreateTableTree, CreateTableOptions, DeferrableInitial, Expr as ExprTree,
    ForeignKeyConstraint, GeneratedAs, IndexColumn, IndexType, NullsDistinctOption,
    PrimaryKeyConstraint, ReferentialAction, RenameTableNameKind, SqlOption,
    TableConstraint as ConstraintTree, UniqueConstraint,
};

use super::{Convert, refuse_if, unsupported};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{
    AlterAction, ColumnDefinition, ConstraintKind, CreateIndex, CreateTable, Expr, ExprKind,
    ForeignKey, Name, SourceExpr, Statement, TableConstraint,
};

/// Storage parameters that have no meaning for the stored form here. They only tune PostgreSQL's
/// own heap and vacuum, so that leaving them out changes nothing a client can see.
const HEAP_PARAMETERS: &[&str] =
    &["fillfactor", "autovacuum_enabled", "toast_tuple_target", "parallel_workers"];

impl Convert<'_> {
    pub(super) fn create_table(&self, tree: &CreateTableTree) -> Result<CreateTable, Error> {
        // What is understood is taken out; the rest must be what a plain CREATE TABLE has.
        let mut rest = tree.clone();
        refuse_if(std::mem::take(&mut rest.temporary), "CREATE TEMPORARY TABLE")?;
        refuse_if(rest.inherits.is_some(), "INHERITS")?;
        refuse_if(
            rest.partition_by.is_some() || rest.partition_of.is_some(),
            "a partitioned table",
        )?;
        refuse_if(rest.like.is_some(), "LIKE in CREATE TABLE")?;
        refuse_if(std::mem::take(&mut rest.unlogged), "CREATE UNLOGGED TABLE")?;
        let if_not_exists = std::mem::take(&mut rest.if_not_exists);
        let columns = std::mem::take(&mut rest.columns);
        let constraints = std::mem::take(&mut rest.constraints);
        refuse_if(rest.query.is_some(), "this form of CREATE TABLE AS")?;
        if let CreateTableOptions::With(options) = &rest.table_options {
            for option in options {
                heap_parameter(option)?;
            }
            rest.table_options = CreateTableOptions::None;
        }
        refuse_if(
            rest != CreateTableBuilder::new(tree.name.clone()).build(),
            "this clause of CREATE TABLE",
        )?;
        Ok(CreateTable {
            name: self.qualified_name(&tree.name)?,
            if_not_exists,
            columns: columns.iter().map(|column| self.column(column)).collect::<Result<_, _>>()?,
            constraints: constraints
                .iter()
                .map(|constraint| self.table_constraint(constraint))
                .collect::<Result<_, _>>()?,
            query: None,
        })
    }

    fn column(&self, tree: &ColumnDef) -> Result<ColumnDefinition, Error> {
        let name = self.name(&tree.name);
        let mut column = ColumnDefinition {
            data_type: self.type_name(&tree.data_type, name.position)?,
            name,
            not_null: false,
            default: None,
            identity: None,
            constraints: Vec::new(),
        };
        for option in &tree.options {
            let constraint_name = option.name.as_ref().map(|name| self.name(name));
            self.column_option(&mut column, constraint_name, &option.option)?;
        }
        Ok(column)
    }

    fn column_option(
        &self,
        column: &mut ColumnDefinition,
        name: Option<Name>,
        option: &ColumnOption,
    ) -> Result<(), Error> {
        let own = vec![column.name.clone()];
        let kind = match option {
            ColumnOption::Null => return Ok(()),
            ColumnOption::NotNull => {
                column.not_null = true;
                return Ok(());
            }
            ColumnOption::Default(expr) => {
                column.default = Some(self.source_expr(expr)?);
                return Ok(());
            }
            ColumnOption::Generated { generated_as, sequence_options, generation_expr, .. } => {
                refuse_if(generation_expr.is_some(), "a generated column")?;
                refuse_if(
                    sequence_options.as_ref().is_some_and(|options| !options.is_empty()),
                    "options of an identity sequence",
                )?;
                column.identity = Some(match generated_as {
                    GeneratedAs::Always => true,
                    GeneratedAs::ByDefault => false,
                    GeneratedAs::ExpStored => return Err(unsupported("a generated column")),
                });
                return Ok(());
            }
            ColumnOption::PrimaryKey(constraint) => {
                refuse_characteristics(constraint.characteristics.as_ref())?;
                ConstraintKind::PrimaryKey(own)
            }
            ColumnOption::Unique(constraint) => {
                refuse_characteristics(constraint.characteristics.as_ref())?;
                ConstraintKind::Unique(own)
            }
            ColumnOption::Check(check) => self.check(check)?,
            ColumnOption::ForeignKey(key) => {
                ConstraintKind::ForeignKey(self.foreign_key(key, own)?)
            }
            other => return Err(unsupported(&format!("the column option {other}"))),
        };
        column.constraints.push(TableConstraint { name, kind });
        Ok(())
    }

    fn source_expr(&self, tree: &ExprTree) -> Result<SourceExpr, Error> {
        Ok(SourceExpr { expr: self.expr(tree)?, text: tree.to_string() })
    }

    fn check(&self, tree: &CheckConstraint) -> Result<ConstraintKind, Error> {
        refuse_if(tree.no_inherit, "NO INHERIT")?;
        refuse_if(tree.enforced == Some(false), "NOT ENFORCED")?;
        Ok(ConstraintKind::Check(self.source_expr(&tree.expr)?))
    }

    fn foreign_key(
        &self,
        tree: &ForeignKeyConstraint,
        columns: Vec<Name>,
    ) -> Result<ForeignKey, Error> {
        use sqlparser::ast::ConstraintReferenceMatchKind as Match;
        refuse_if(matches!(tree.match_kind, Some(Match::Full | Match::Partial)), "MATCH FULL")?;
        let (deferrable, initially_deferred) = match &tree.characteristics {
            None => (false, false),
            Some(characteristics) => {
                refuse_if(characteristics.enforced == Some(false), "NOT ENFORCED")?;
                let deferred = characteristics.initially == Some(DeferrableInitial::Deferred);
                (characteristics.deferrable.unwrap_or(deferred), deferred)
            }
        };
        Ok(ForeignKey {
            columns,
            table: self.qualified_name(&tree.foreign_table)?,
            foreign_columns: tree.referred_columns.iter().map(|column| self.name(column)).collect(),
            on_delete: tree.on_delete.as_ref().map(action),
            on_update: tree.on_update.as_ref().map(action),
            deferrable,
            initially_deferred,
        })
    }

    fn table_constraint(&self, tree: &ConstraintTree) -> Result<TableConstraint, Error> {
        let name_of =
            |name: &Option<sqlparser::ast::Ident>| name.as_ref().map(|name| self.name(name));
        match tree {
            ConstraintTree::PrimaryKey(PrimaryKeyConstraint {
                name,
                index_name,
                index_type,
                columns,
                include,
                index_options,
                characteristics,
            }) => {
                refuse_if(
                    index_name.is_some()
                        || index_type.is_some()
                        || !include.is_empty()
                        || !index_options.is_empty(),
                    "this form of PRIMARY KEY",
                )?;
                refuse_characteristics(characteristics.as_ref())?;
                Ok(TableConstraint {
                    name: name_of(name),
                    kind: ConstraintKind::PrimaryKey(self.key_columns(columns)?),
                })
            }
            ConstraintTree::Unique(UniqueConstraint {
                name,
                index_name,
                index_type_display: _,
                index_type,
                columns,
                include,
                index_options,
                characteristics,
                nulls_distinct,
            }) => {
                refuse_if(
                    index_name.is_some()
                        || index_type.is_some()
                        || !include.is_empty()
                        || !index_options.is_empty(),
                    "this form of UNIQUE",
                )?;
                refuse_if(
                    matches!(nulls_distinct, NullsDistinctOption::NotDistinct),
                    "NULLS NOT DISTINCT",
                )?;
                refuse_characteristics(characteristics.as_ref())?;
                Ok(TableConstraint {
                    name: name_of(name),
                    kind: ConstraintKind::Unique(self.key_columns(columns)?),
                })
            }
            ConstraintTree::Check(check) => {
                Ok(TableConstraint { name: name_of(&check.name), kind: self.check(check)? })
            }
            ConstraintTree::ForeignKey(key) => {
                refuse_if(key.index_name.is_some(), "this form of FOREIGN KEY")?;
                let columns = key.columns.iter().map(|column| self.name(column)).collect();
                Ok(TableConstraint {
                    name: name_of(&key.name),
                    kind: ConstraintKind::ForeignKey(self.foreign_key(key, columns)?),
                })
            }
            ConstraintTree::Exclude(_) => Err(unsupported("an exclusion constraint")),
            other => Err(unsupported(&format!("the constraint {other}"))),
        }
    }

    fn key_columns(&self, columns: &[IndexColumn]) -> Result<Vec<Name>, Error> {
        columns
            .iter()
            .map(|column| match self.order_item(&column.column)?.expr {
                Expr { kind: ExprKind::Column(mut name), .. } if name.len() == 1 => {
                    Ok(name.remove(0))
                }
                Expr { position, .. } => {
                    Err(Error::user(SqlState::SYNTAX_ERROR, "a key must consist of columns")
                        .with_position(position))
                }
            })
            .collect()
    }

    pub(super) fn create_index(&self, tree: &CreateIndexTree) -> Result<CreateIndex, Error> {
        let CreateIndexTree {
            name,
            table_name,
            using,
            columns,
            unique,
            concurrently: _,
            r#async,
            if_not_exists,
            include,
            nulls_distinct,
            with,
            predicate,
            index_options,
            alter_options,
        } = tree;
        refuse_if(
            *r#async || !index_options.is_empty() || !alter_options.is_empty(),
            "this clause of CREATE INDEX",
        )?;
        refuse_if(!include.is_empty(), "INCLUDE")?;
        refuse_if(*nulls_distinct == Some(false), "NULLS NOT DISTINCT")?;
        refuse_if(!with.is_empty(), "WITH in CREATE INDEX")?;
        refuse_if(
            !matches!(using, None | Some(IndexType::BTree)),
            "an index method other than btree",
        )?;
        refuse_if(
            columns.iter().any(|column| column.operator_class.is_some()),
            "an operator class",
        )?;
        Ok(CreateIndex {
            name: name.as_ref().map(|name| self.single_name(name)).transpose()?,
            table: self.qualified_name(table_name)?,
            unique: *unique,
            if_not_exists: *if_not_exists,
            keys: columns
                .iter()
                .map(|column| self.order_item(&column.column))
                .collect::<Result<_, _>>()?,
            filter: predicate.as_ref().map(|filter| self.expr(filter)).transpose()?,
        })
    }

    pub(super) fn alter_table(&self, tree: &AlterTable) -> Result<Statement, Error> {
        refuse_if(
            tree.location.is_some() || tree.on_cluster.is_some() || tree.table_type.is_some(),
            "this form of ALTER TABLE",
        )?;
        let actions = tree
            .operations
            .iter()
            .map(|operation| self.alter_action(operation))
            .collect::<Result<_, _>>()?;
        Ok(Statement::AlterTable {
            name: self.qualified_name(&tree.name)?,
            if_exists: tree.if_exists,
            actions,
        })
    }

    fn alter_action(&self, tree: &AlterTableOperation) -> Result<AlterAction, Error> {
        use sqlparser::ast::DropBehavior;
        match tree {
            AlterTableOperation::AddConstraint { constraint, not_valid } => {
                refuse_if(*not_valid, "NOT VALID")?;
                Ok(AlterAction::AddConstraint(self.table_constraint(constraint)?))
            }
            AlterTableOperation::AddColumn {
                if_not_exists,
                column_def,
                column_position: None,
                ..
            } => Ok(AlterAction::AddColumn {
                column: self.column(column_def)?,
                if_not_exists: *if_not_exists,
            }),
            AlterTableOperation::DropColumn { column_names, if_exists, drop_behavior, .. } => {
                let [name] = column_names.as_slice() else {
                    return Err(unsupported("dropping several columns at once"));
                };
                Ok(AlterAction::DropColumn {
                    name: self.name(name),
                    if_exists: *if_exists,
                    cascade: *drop_behavior == Some(DropBehavior::Cascade),
                })
            }
            AlterTableOperation::DropConstraint { if_exists, name, .. } => {
                Ok(AlterAction::DropConstraint { name: self.name(name), if_exists: *if_exists })
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                Ok(AlterAction::RenameColumn {
                    from: self.name(old_column_name),
                    to: self.name(new_column_name),
                })
            }
            AlterTableOperation::RenameTable { table_name: RenameTableNameKind::To(name) } => {
                Ok(AlterAction::RenameTable { to: self.single_name(name)? })
            }
            AlterTableOperation::OwnerTo { .. } => Ok(AlterAction::Owner),
            AlterTableOperation::AlterColumn { column_name, op } => {
                let column = self.name(column_name);
                match op {
                    AlterColumnOperation::SetNotNull => Ok(AlterAction::SetNotNull { column }),
                    AlterColumnOperation::DropNotNull => Ok(AlterAction::DropNotNull { column }),
                    AlterColumnOperation::SetDefault { value } => Ok(AlterAction::SetDefault {
                        column,
                        default: Some(self.source_expr(value)?),
                    }),
                    AlterColumnOperation::DropDefault => {
                        Ok(AlterAction::SetDefault { column, default: None })
                    }
                    other => Err(unsupported(&format!("ALTER COLUMN {other}"))),
                }
            }
            other => {
                Err(unsupported(&format!("ALTER TABLE {}", super::first_words(&other.to_string()))))
            }
        }
    }
}

fn action(action: &ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull => "SET NULL",
        ReferentialAction::NoAction => "NO ACTION",
        ReferentialAction::SetDefault => "SET DEFAULT",
    }
}

/// Keys are checked at once; a deferrable one would have to wait.
fn refuse_characteristics(
    characteristics: Option<&ConstraintCharacteristics>,
) -> Result<(), Error> {
    let deferrable = characteristics.is_some_and(|clause| {
        clause.deferrable == Some(true)
            || clause.initially == Some(DeferrableInitial::Deferred)
            || clause.enforced == Some(false)
    });
    refuse_if(deferrable, "a deferrable key")
}

fn heap_parameter(option: &SqlOption) -> Result<(), Error> {
    match option {
        SqlOption::KeyValue { key, .. }
            if HEAP_PARAMETERS.contains(&key.value.to_lowercase().as_str()) =>
        {
            Ok(())
        }
        SqlOption::KeyValue { key, .. } => Err(Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("unrecognized parameter \"{}\"", key.value.to_lowercase()),
        )),
        other => Err(unsupported(&format!("the table option {other}"))),
    }
}
