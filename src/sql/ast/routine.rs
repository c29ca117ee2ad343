//! Functions and triggers.

use crate::sql::ast::{Name, QualifiedName, SourceExpr, TypeName};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateFunction {
    pub(crate) name: QualifiedName,
    pub(crate) or_replace: bool,
    pub(crate) kind: RoutineKind,
    pub(crate) arguments: Vec<FunctionArgument>,
    pub(crate) result: Option<FunctionResult>,
    pub(crate) language: String,
    /// `i`, `s` or `v`.
    pub(crate) volatility: char,
    pub(crate) strict: bool,
    pub(crate) body: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FunctionArgument {
    /// `pg_proc.proargmodes`: `i`, `o` or `b`.
    pub(crate) mode: char,
    pub(crate) name: Option<Name>,
    pub(crate) data_type: TypeName,
    pub(crate) default: Option<SourceExpr>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FunctionResult {
    Value {
        data_type: TypeName,
        set: bool,
    },
    /// RETURNS TABLE.
    Table(Vec<(Name, TypeName)>),
}

/// What a statement says that a routine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoutineKind {
    Function,
    Procedure,
    /// ROUTINE: either.
    Any,
}

impl RoutineKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Any => "routine",
        }
    }

    /// The tag of a statement that drops, changes or makes one.
    pub(crate) const fn tag(self, tags: [&'static str; 3]) -> &'static str {
        match self {
            Self::Function => tags[0],
            Self::Procedure => tags[1],
            Self::Any => tags[2],
        }
    }
}

/// A function by its name, and its arguments' types where they are given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FunctionName {
    pub(crate) name: QualifiedName,
    pub(crate) arguments: Option<Vec<TypeName>>,
    pub(crate) kind: RoutineKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CreateTrigger {
    pub(crate) name: Name,
    pub(crate) or_replace: bool,
    pub(crate) table: QualifiedName,
    /// `pg_trigger.tgtype`.
    pub(crate) bits: i16,
    /// UPDATE OF.
    pub(crate) columns: Vec<Name>,
    pub(crate) condition: Option<SourceExpr>,
    pub(crate) function: QualifiedName,
    pub(crate) arguments: Vec<String>,
}

/// `pg_trigger.tgtype`
pub(crate) mod tgtype {
    pub(crate) const ROW: i16 = 1;
    pub(crate) const BEFORE: i16 = 2;
    pub(crate) const INSERT: i16 = 4;
    pub(crate) const DELETE: i16 = 8;
    pub(crate) const UPDATE: i16 = 16;
    pub(crate) const TRUNCATE: i16 = 32;
    pub(crate) const INSTEAD: i16 = 64;
}
