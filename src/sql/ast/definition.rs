//! Definitions: CREATE, ALTER, DROP and their like.

use crate::sql::ast::{ColumnType, Name, OrderItem, QualifiedName, Query, SourceExpr, TypeName};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Definition {
    CreateTable(CreateTable),
    CreateTableAs(CreateTableAs),
    CreateIndex(CreateIndex),
    CreateView(CreateView),
    Refresh {
        name: QualifiedName,
        with_data: bool,
        concurrently: bool,
    },
    Alter {
        kind: RelationKind,
        name: QualifiedName,
        if_exists: bool,
        actions: Vec<AlterAction>,
    },
    CreateSequence(CreateSequence),
    AlterSequence {
        name: QualifiedName,
        if_exists: bool,
        options: SequenceOptions,
    },
    CreateSchema {
        name: Name,
        if_not_exists: bool,
        /// AUTHORIZATION.
        owner: Option<Name>,
    },
    AlterSchema {
        name: Name,
        change: SchemaChange,
    },
    CreateEnum {
        name: QualifiedName,
        labels: Vec<String>,
    },
    CreateComposite {
        name: QualifiedName,
        attributes: Vec<ColumnType>,
    },
    AlterComposite {
        name: QualifiedName,
        changes: Vec<AttributeChange>,
    },
    /// The options say of what the ranges are.
    CreateRange {
        name: QualifiedName,
        options: Vec<(Name, TypeName)>,
    },
    AlterEnum {
        name: QualifiedName,
        change: EnumChange,
    },
    CreateDomain(CreateDomain),
    AlterDomain {
        name: QualifiedName,
        change: DomainChange,
    },
    /// ALTER TYPE ... RENAME TO, SET SCHEMA, OWNER TO.
    AlterType {
        name: QualifiedName,
        change: SchemaChange,
    },
    Drop {
        kind: DropKind,
        names: Vec<QualifiedName>,
        if_exists: bool,
        cascade: bool,
    },
    Truncate {
        names: Vec<QualifiedName>,
        restart_identity: bool,
        cascade: bool,
    },
    Comment {
        object: CommentObject,
        text: Option<String>,
    },
    Reindex {
        kind: ReindexKind,
        name: Option<QualifiedName>,
    },
    CreateExtension {
        name: Name,
        if_not_exists: bool,
        schema: Option<Name>,
        version: Option<String>,
    },
    Access(Box<super::access::Access>),
    CreateFunction(Box<super::CreateFunction>),
    /// ALTER FUNCTION ... OWNER TO.
    FunctionOwner {
        name: super::FunctionName,
        owner: Name,
    },
    DropFunction {
        kind: super::RoutineKind,
        names: Vec<super::FunctionName>,
        if_exists: bool,
        cascade: bool,
    },
    CreateTrigger(Box<super::CreateTrigger>),
    DropTrigger {
        name: Name,
        table: QualifiedName,
        if_exists: bool,
    },
}

impl Definition {
    /// Whether it makes a temporary object.
    pub(crate) fn makes_temporary(&self) -> bool {
        let within = |name: &QualifiedName| matches!(name.as_slice(), [schema, _] if schema.text.starts_with("pg_temp"));
        let temporary = |name: &QualifiedName, persistence: Persistence| {
            matches!(persistence, Persistence::Temporary(_)) || within(name)
        };
        match self {
            Self::CreateTable(tree) => temporary(&tree.name, tree.persistence),
            Self::CreateTableAs(tree) => temporary(&tree.name, tree.persistence),
            Self::CreateSequence(tree) => temporary(&tree.name, tree.persistence),
            Self::CreateView(tree) => temporary(&tree.name, tree.persistence),
            Self::CreateEnum { name, .. }
            | Self::CreateComposite { name, .. }
            | Self::CreateRange { name, .. } => within(name),
            Self::CreateDomain(tree) => within(&tree.name),
            Self::CreateFunction(tree) => within(&tree.name),
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReindexKind {
    Table,
    Index,
    Schema,
    Database,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SchemaChange {
    Rename(Name),
    SetSchema(Name),
    Owner(Name),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: Name,
    pub(crate) data_type: TypeName,
    pub(crate) not_null: bool,
    pub(crate) default: Option<SourceExpr>,
    pub(crate) identity: Option<IdentityClause>,
    /// GENERATED ALWAYS AS (...) STORED.
    pub(crate) generated: Option<SourceExpr>,
    pub(crate) constraints: Vec<TableConstraint>,
}

/// GENERATED { ALWAYS | BY DEFAULT } AS IDENTITY.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IdentityClause {
    pub(crate) always: bool,
    pub(crate) options: SequenceOptions,
}

#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a clause of its own")]
pub(crate) struct TableConstraint {
    pub(crate) name: Option<Name>,
    pub(crate) kind: ConstraintKind,
    pub(crate) deferrable: bool,
    pub(crate) initially_deferred: bool,
    pub(crate) not_valid: bool,
    pub(crate) no_inherit: bool,
    pub(crate) position: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConstraintKind {
    PrimaryKey(KeyClause),
    Unique(KeyClause),
    Check(SourceExpr),
    ForeignKey(ForeignKey),
}

/// What is behind PRIMARY KEY or UNIQUE.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct KeyClause {
    pub(crate) columns: Vec<Name>,
    pub(crate) include: Vec<Name>,
    pub(crate) nulls_not_distinct: bool,
    /// USING INDEX.
    pub(crate) using_index: Option<Name>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ForeignKey {
    pub(crate) columns: Vec<Name>,
    pub(crate) table: QualifiedName,
    pub(crate) foreign_columns: Vec<Name>,
    /// In the letters of `pg_constraint`.
    pub(crate) on_delete: char,
    pub(crate) on_update: char,
    pub(crate) match_full: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateTable {
    pub(crate) name: QualifiedName,
    pub(crate) persistence: Persistence,
    pub(crate) if_not_exists: bool,
    pub(crate) elements: Vec<TableElement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    Permanent,
    Unlogged,
    Temporary(OnCommit),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnCommit {
    Preserve,
    DeleteRows,
    Drop,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TableElement {
    Column(ColumnDefinition),
    Constraint(TableConstraint),
    Like(LikeClause),
}

/// LIKE t INCLUDING ...
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct LikeClause {
    pub(crate) table: QualifiedName,
    pub(crate) comments: bool,
    pub(crate) constraints: bool,
    pub(crate) defaults: bool,
    pub(crate) generated: bool,
    pub(crate) identity: bool,
    pub(crate) indexes: bool,
}

/// CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateTableAs {
    pub(crate) name: QualifiedName,
    pub(crate) persistence: Persistence,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<Name>,
    pub(crate) query: Query,
    /// The query as it was written.
    pub(crate) text: String,
    pub(crate) with_data: bool,
    pub(crate) materialized_view: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateView {
    pub(crate) name: QualifiedName,
    pub(crate) or_replace: bool,
    pub(crate) persistence: Persistence,
    pub(crate) columns: Vec<Name>,
    pub(crate) query: Query,
    pub(crate) text: String,
    /// `local`, `cascaded` or empty.
    pub(crate) check_option: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateIndex {
    pub(crate) name: Option<Name>,
    pub(crate) table: QualifiedName,
    pub(crate) unique: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) method: String,
    pub(crate) keys: Vec<IndexKey>,
    pub(crate) include: Vec<Name>,
    pub(crate) nulls_not_distinct: bool,
    pub(crate) filter: Option<SourceExpr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IndexKey {
    pub(crate) item: OrderItem,
    pub(crate) text: String,
    pub(crate) operator_class: Option<QualifiedName>,
}

/// Options of a sequence; what wasn't written is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::option_option, reason = "not written, NO or NONE, and a value are three things")]
pub(crate) struct SequenceOptions {
    pub(crate) data_type: Option<TypeName>,
    pub(crate) start: Option<i64>,
    pub(crate) increment: Option<i64>,
    /// NO MINVALUE is `Some(None)`.
    pub(crate) minimum: Option<Option<i64>>,
    pub(crate) maximum: Option<Option<i64>>,
    pub(crate) cache: Option<i64>,
    pub(crate) cycle: Option<bool>,
    /// RESTART, and where.
    pub(crate) restart: Option<Option<i64>>,
    /// OWNED BY NONE is `Some(None)`.
    pub(crate) owner: Option<Option<QualifiedName>>,
    /// SEQUENCE NAME, of identity columns in dumps.
    pub(crate) name: Option<QualifiedName>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateSequence {
    pub(crate) name: QualifiedName,
    pub(crate) persistence: Persistence,
    pub(crate) if_not_exists: bool,
    pub(crate) options: SequenceOptions,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AttributeChange {
    Add(ColumnType),
    Drop {
        name: Name,
        if_exists: bool,
    },
    /// Another type.
    Type(ColumnType),
    Rename {
        from: Name,
        to: Name,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EnumChange {
    Add {
        label: String,
        if_not_exists: bool,
        /// Whether before (else after) which other one.
        place: Option<(bool, String)>,
    },
    Rename {
        from: String,
        to: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateDomain {
    pub(crate) name: QualifiedName,
    pub(crate) data_type: TypeName,
    pub(crate) not_null: bool,
    pub(crate) default: Option<SourceExpr>,
    pub(crate) checks: Vec<(Option<Name>, SourceExpr)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DomainChange {
    SetDefault(Option<SourceExpr>),
    NotNull(bool),
    AddCheck { name: Option<Name>, check: SourceExpr, not_valid: bool },
    DropConstraint { name: Name, if_exists: bool },
    RenameConstraint { from: Name, to: Name },
    Validate(Name),
    Other(SchemaChange),
}

/// What ALTER names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelationKind {
    Table,
    Index,
    View,
    MaterializedView,
    Sequence,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AlterAction {
    AddConstraint(TableConstraint),
    AddColumn {
        column: ColumnDefinition,
        if_not_exists: bool,
    },
    DropColumn {
        name: Name,
        if_exists: bool,
        cascade: bool,
    },
    DropConstraint {
        name: Name,
        if_exists: bool,
        cascade: bool,
    },
    AlterConstraint {
        name: Name,
        deferrable: bool,
        initially_deferred: bool,
    },
    ValidateConstraint {
        name: Name,
    },
    RenameColumn {
        from: Name,
        to: Name,
    },
    RenameConstraint {
        from: Name,
        to: Name,
    },
    Rename {
        to: Name,
    },
    SetSchema {
        schema: Name,
    },
    SetNotNull {
        column: Name,
        set: bool,
    },
    SetDefault {
        column: Name,
        default: Option<SourceExpr>,
    },
    SetType {
        column: Name,
        data_type: TypeName,
        using: Option<SourceExpr>,
    },
    AddIdentity {
        column: Name,
        identity: IdentityClause,
    },
    SetIdentity {
        column: Name,
        always: Option<bool>,
        options: SequenceOptions,
    },
    DropIdentity {
        column: Name,
        if_exists: bool,
    },
    DropExpression {
        column: Name,
        if_exists: bool,
    },
    Owner {
        role: Name,
    },
    /// ENABLE and DISABLE TRIGGER; without a name all of them.
    Trigger {
        name: Option<Name>,
        enabled: bool,
    },
    /// What only tunes a storage that isn't there: SET STATISTICS, CLUSTER ON, REPLICA IDENTITY ...
    Tuning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DropKind {
    Table,
    Index,
    Sequence,
    View,
    MaterializedView,
    Schema,
    Type,
    Domain,
    Extension,
}

/// What COMMENT ON names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CommentObject {
    Relation(RelationKind, QualifiedName),
    Column(QualifiedName),
    Constraint { name: Name, table: QualifiedName },
    DomainConstraint { name: Name, domain: QualifiedName },
    Trigger { name: Name, table: QualifiedName },
    Schema(Name),
    Type(QualifiedName),
    Function(super::FunctionName),
    Extension(Name),
    Database(Name),
    Role(Name),
}
