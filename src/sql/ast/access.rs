//! Roles and privileges: recorded, not enforced.

use crate::sql::ast::{Name, QualifiedName};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Access {
    CreateRole {
        name: Name,
        options: Vec<RoleOption>,
        /// CREATE USER: may log in.
        user: bool,
    },
    AlterRole {
        name: Name,
        options: Vec<RoleOption>,
    },
    RenameRole {
        from: Name,
        to: Name,
    },
    DropRole {
        names: Vec<Name>,
        if_exists: bool,
    },
    /// GRANT role TO role.
    GrantRole {
        roles: Vec<Name>,
        members: Vec<Name>,
        admin: bool,
    },
    RevokeRole {
        roles: Vec<Name>,
        members: Vec<Name>,
        admin_only: bool,
        /// ALTER GROUP ... DROP USER.
        alter: bool,
    },
    Grant(Grant),
    AlterDefault {
        roles: Vec<Name>,
        schemas: Vec<Name>,
        grant: Grant,
    },
    ReassignOwned {
        from: Vec<Name>,
        to: Name,
    },
    DropOwned {
        roles: Vec<Name>,
        cascade: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RoleOption {
    /// An attribute as it is recorded, on or off.
    Attribute(&'static str, bool),
    ConnectionLimit(i32),
    InRole(Vec<Name>),
    Members {
        roles: Vec<Name>,
        admin: bool,
    },
    /// PASSWORD, and whether it is one: there is no authentication by password yet.
    Password(bool),
    /// VALID UNTIL: of a password.
    ValidUntil(String),
}

/// GRANT or REVOKE.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grant {
    pub(crate) revoke: bool,
    /// Upper-case words with columns; empty: ALL.
    pub(crate) privileges: Vec<(String, Vec<Name>)>,
    pub(crate) target: GrantTarget,
    /// Empty names: PUBLIC.
    pub(crate) grantees: Vec<Name>,
    /// WITH GRANT OPTION, GRANT OPTION FOR.
    pub(crate) grant_option: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GrantTarget {
    Tables(Vec<QualifiedName>),
    Sequences(Vec<QualifiedName>),
    Schemas(Vec<Name>),
    Databases(Vec<Name>),
    Types(Vec<QualifiedName>),
    /// Functions and procedures by name.
    Functions(Vec<QualifiedName>),
    Languages(Vec<Name>),
    /// ALL TABLES IN SCHEMA and the like, by `pg_default_acl.defaclobjtype`.
    AllIn {
        kind: char,
        schemas: Vec<Name>,
    },
    /// In ALTER DEFAULT PRIVILEGES.
    Kind(char),
}
