//! Objects other than relations.

use crate::model::pg_type::{Oid, PgType};

/// A name space (`pg_namespace`).
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    pub oid: Oid,
    pub name: String,
}

/// A type made by CREATE TYPE or CREATE DOMAIN.
#[derive(Debug, Clone, PartialEq)]
pub struct UserType {
    pub oid: Oid,
    /// The type of arrays of it.
    pub array_oid: Oid,
    pub schema: String,
    pub name: String,
    pub kind: UserTypeKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum UserTypeKind {
    /// In the order of the labels' numbers.
    Enum {
        labels: Vec<EnumLabel>,
    },
    Domain {
        base: PgType,
        not_null: bool,
        /// PostgreSQL text.
        default: Option<String>,
        constraints: Vec<DomainConstraint>,
    },
    Composite {
        /// Its OID in `pg_class`.
        relation: Oid,
        /// In the order of their numbers.
        attributes: Vec<Attribute>,
    },
    Range(RangeOf),
    /// The type of multiranges of a range type.
    Multirange {
        range: Oid,
    },
}

/// What a range type is of (`pg_range`).
#[derive(Debug, Clone, PartialEq)]
pub struct RangeOf {
    pub subtype: Oid,
    pub multirange: Oid,
    /// Of the subtype; 0 if that has none.
    pub collation: Oid,
    /// By which the bounds are compared.
    pub operator_class: Oid,
    /// The function that tells how far two bounds lie apart, or 0. Recorded and shown, for there is no GiST.
    pub difference: Oid,
}

/// An attribute of a composite type (`pg_attribute`).
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// `attnum`, from 1; never used again in its type.
    pub number: i16,
    pub name: String,
    pub data_type: PgType,
}

/// A value of an enum (`pg_enum`).
#[derive(Debug, Clone, PartialEq)]
pub struct EnumLabel {
    pub oid: Oid,
    /// `enumsortorder`.
    pub number: f64,
    pub label: String,
}

/// A CHECK of a domain; the expression is PostgreSQL text that calls the value `VALUE`.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainConstraint {
    pub oid: Oid,
    pub name: String,
    pub expression: String,
    pub validated: bool,
}

/// A function or procedure in SQL or PL/pgSQL, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    /// `sql` or `plpgsql`; `c` for one that an extension brings, whose body is its name.
    pub language: String,
    pub argument_names: Vec<String>,
    pub argument_types: Vec<Oid>,
    /// Of the last arguments, as PostgreSQL text.
    pub defaults: Vec<String>,
    /// 0 for a procedure.
    pub result_type: Oid,
    /// Whether it returns a set.
    pub returns_set: bool,
    /// `i`, `s` or `v`.
    pub volatility: char,
    pub strict: bool,
    pub body: String,
    /// OUT and INOUT arguments, or RETURNS TABLE: names and types.
    pub columns: Vec<(String, Oid)>,
    /// `pg_proc.proargmodes`, of all arguments and columns in their order; empty if they are arguments that
    /// are given, and no more.
    pub modes: Vec<char>,
}

/// An argument of a function, or a column of its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionParameter<'a> {
    /// `i`, `o`, `b` or `t`.
    pub mode: char,
    pub name: &'a str,
    pub data_type: Oid,
    pub default: Option<&'a str>,
}

impl Function {
    pub fn is_procedure(&self) -> bool {
        self.result_type == 0
    }

    /// Arguments and columns, in the order in which they were written.
    pub fn parameters(&self) -> Vec<FunctionParameter<'_>> {
        let first_default = self.argument_types.len().saturating_sub(self.defaults.len());
        let given = |place: usize| {
            let default = place.checked_sub(first_default).and_then(|at| self.defaults.get(at));
            FunctionParameter {
                mode: 'i',
                name: self.argument_names.get(place).map_or("", String::as_str),
                data_type: self.argument_types[place],
                default: default.map(String::as_str),
            }
        };
        if self.modes.is_empty() {
            return (0..self.argument_types.len()).map(given).collect();
        }
        let (mut inputs, mut columns) = (0, 0);
        let one = |mode: &char| {
            let place = (inputs, columns);
            inputs += usize::from(matches!(mode, 'i' | 'b'));
            columns += usize::from(*mode != 'i');
            if matches!(mode, 'i' | 'b') {
                return FunctionParameter { mode: *mode, ..given(place.0) };
            }
            let (name, data_type) = &self.columns[place.1];
            FunctionParameter { mode: *mode, name, data_type: *data_type, default: None }
        };
        self.modes.iter().map(one).collect()
    }
}

/// A trigger of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub oid: Oid,
    pub name: String,
    /// The stored name of its table.
    pub table: String,
    pub function: Oid,
    /// `pg_trigger.tgtype`.
    pub bits: i16,
    /// UPDATE OF: the columns' numbers.
    pub columns: Vec<i16>,
    /// WHEN, as PostgreSQL text.
    pub condition: Option<String>,
    pub arguments: Vec<String>,
    pub enabled: bool,
}

/// COMMENT ON, as `pg_description` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// The OID of the catalog that the object is in (1259 `pg_class`, 2615 `pg_namespace` ...).
    pub class: Oid,
    pub object: Oid,
    /// The column's number, or 0.
    pub column: i32,
    pub text: String,
}

/// CREATE EXTENSION of something that is built in.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    pub oid: Oid,
    pub name: String,
    pub schema: String,
    pub version: String,
}

impl Extension {
    /// The functions that an extension brings along, which give a uuid: names, and what they take.
    pub fn functions(extension: &str) -> &'static [(&'static str, &'static [(&'static str, Oid)])] {
        const IN_NAMESPACE: &[(&str, Oid)] =
            &[("namespace", PgType::UUID.oid), ("name", PgType::TEXT.oid)];
        match extension {
            "uuid-ossp" => &[
                ("uuid_nil", &[]),
                ("uuid_ns_dns", &[]),
                ("uuid_ns_url", &[]),
                ("uuid_ns_oid", &[]),
                ("uuid_ns_x500", &[]),
                ("uuid_generate_v1", &[]),
                ("uuid_generate_v1mc", &[]),
                ("uuid_generate_v3", IN_NAMESPACE),
                ("uuid_generate_v4", &[]),
                ("uuid_generate_v5", IN_NAMESPACE),
            ],
            _ => &[],
        }
    }

    /// Whether a function belongs to it. Those that take nothing were in SQL once.
    pub fn has(&self, function: &Function) -> bool {
        self.schema == function.schema
            && Self::functions(&self.name).iter().any(|(name, takes)| {
                *name == function.name
                    && (function.language == "c" || takes.is_empty())
                    && takes.iter().map(|(_, oid)| oid).eq(&function.argument_types)
            })
    }
}

/// CREATE ROLE. Recorded, not enforced.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    pub oid: Oid,
    pub name: String,
    /// Of `superuser`, `createdb`, `createrole`, `login`, `replication`, `bypassrls`, `noinherit`.
    pub attributes: Vec<String>,
    /// -1: no limit.
    pub connection_limit: i32,
    /// Roles that it is a member of, with whether it may pass that on.
    pub member_of: Vec<(String, bool)>,
    /// `rolvaliduntil`, as a stored timestamptz.
    pub valid_until: Option<String>,
}

/// OWNER TO, where it isn't the superuser.
#[derive(Debug, Clone, PartialEq)]
pub struct Owner {
    /// As in [`Comment`].
    pub class: Oid,
    pub object: Oid,
    pub role: String,
}

/// An entry of an object's access control list, where that differs from a new object's. The list's
/// entries stand in their order; an empty list has one without letters.
#[derive(Debug, Clone, PartialEq)]
pub struct Privilege {
    /// As in [`Comment`].
    pub class: Oid,
    pub object: Oid,
    /// The column's number, or 0.
    pub column: i32,
    /// Empty: PUBLIC.
    pub grantee: String,
    pub grantor: String,
    /// In the letters of `aclitem`, each followed by `*` if it can be passed on.
    pub letters: String,
}

/// An entry of a list of ALTER DEFAULT PRIVILEGES.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultPrivilege {
    /// The list's.
    pub oid: Oid,
    /// Whose objects.
    pub role: String,
    /// Empty: in any schema.
    pub schema: String,
    /// `pg_default_acl.defaclobjtype`: `r`, `S`, `f`, `T`, `n`.
    pub kind: char,
    /// Empty: PUBLIC.
    pub grantee: String,
    pub letters: String,
}
