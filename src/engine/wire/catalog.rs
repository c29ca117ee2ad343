//! Layouts of the catalog.

use super::{Cursor, Unreadable, Wire, wire_enum, wire_struct};
use crate::model::catalog::{
    Attribute, Binding, Catalog, Column, Comment, Constraint, ConstraintKind, DefaultPrivilege,
    DomainConstraint, EnumLabel, Extension, Function, Identity, Index, IndexKey, KeyActions, Owner,
    Privilege, RangeOf, Role, Schema, Sequence, Table, TableKind, Trigger, UserType, UserTypeKind,
    View,
};

wire_struct! {
    Catalog {
        schema, tables, indexes, sequences, schemas, types, functions, triggers, comments,
        extensions, roles, owners, privileges, default_privileges, next_oid, renumbered,
    }
    Table {
        oid, schema, name, stored, kind, columns, constraints, has_rowid, from_postgres, view,
        populated, on_commit,
    }
    View { definition, bindings, search_path, check_option }
    Binding { name, oid, columns, used }
    Column {
        number, name, stored, data_type, not_null, default, sequence, identity, generated,
    }
    Constraint {
        oid, name, kind, deferrable, initially_deferred, validated, no_inherit, index,
    }
    KeyActions { on_update, on_delete, matching }
    Index {
        oid, schema, name, stored, table, unique, columns, partial, method, keys, include,
        predicate, nulls_not_distinct,
    }
    IndexKey { column, expression, descending, nulls_first, operator_class }
    Sequence {
        oid, schema, name, stored, type_oid, start, increment, minimum, maximum, cache, cycle,
        owner, internal,
    }
    Schema { oid, name }
    UserType { oid, array_oid, schema, name, kind }
    RangeOf { subtype, multirange, collation, operator_class, difference }
    EnumLabel { oid, number, label }
    DomainConstraint { oid, name, expression, validated }
    Attribute { number, name, data_type }
    Function {
        oid, schema, name, language, argument_names, argument_types, defaults, result_type,
        returns_set, volatility, strict, body, columns, modes,
    }
    Trigger { oid, name, table, function, bits, columns, condition, arguments, enabled }
    Comment { class, object, column, text }
    Extension { oid, name, schema, version }
    Role { oid, name, attributes, connection_limit, member_of, valid_until }
    Owner { class, object, role }
    Privilege { class, object, column, grantee, grantor, letters }
    DefaultPrivilege { oid, role, schema, kind, grantee, letters }
}

wire_enum!(TableKind { 0 => Table, 1 => View, 2 => Virtual, 3 => MaterializedView });
wire_enum!(Identity { 0 => Always, 1 => ByDefault });
wire_enum!(ConstraintKind {
    0 => PrimaryKey { columns },
    1 => Unique { columns },
    2 => Check { expression },
    3 => ForeignKey { columns, table, foreign_columns, actions },
});
wire_enum!(UserTypeKind {
    0 => Enum { labels },
    1 => Domain { base, not_null, default, constraints },
    2 => Composite { relation, attributes },
    3 => Range(range),
    4 => Multirange { range },
});

impl Wire for char {
    fn put(&self, into: &mut Vec<u8>) {
        u32::from(*self).put(into);
    }

    fn take(from: &mut Cursor<'_>) -> Result<Self, Unreadable> {
        Self::from_u32(u32::take(from)?).ok_or(Unreadable)
    }
}
