//! What Eider's own tables say of objects that SQLite doesn't know.

use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::recorded::{each, json, numbers, texts};
use crate::model::catalog::{
    Attribute, Catalog, Comment, DefaultPrivilege, DomainConstraint, EnumLabel, Extension,
    Function, Owner, Privilege, RangeOf, Role, Schema, Sequence, Trigger, UserType, UserTypeKind,
};
use crate::model::pg_type::{Oid, PgType};
use crate::sqlite::link::own;

/// Adds sequences, schemas, types and the rest to a catalog.
pub(super) fn load(connection: &Connection, catalog: &mut Catalog) -> rusqlite::Result<()> {
    each(connection, own!("SELECT name, oid FROM _eider_schema"), |row| {
        let schema = Schema { name: row.get(0)?, oid: row.get(1)? };
        catalog.schemas.insert(schema.name.clone(), Arc::new(schema));
        Ok(())
    })?;
    let sql = own!(
        "SELECT oid, name, schema_name, relation_name, type_oid, start, increment, minimum, maximum, \
         cache, cycle, owner_table, owner_column, internal FROM _eider_sequence"
    );
    each(connection, sql, |row| {
        let sequence = sequence(row)?;
        catalog.sequences.insert(sequence.stored.clone(), Arc::new(sequence));
        Ok(())
    })?;
    types(connection, catalog)?;
    code(connection, catalog)?;
    let sql = own!("SELECT class_oid, object_oid, column_number, comment FROM _eider_comment");
    each(connection, sql, |row| {
        let (class, object) = (row.get(0)?, row.get(1)?);
        catalog.comments.push(Comment { class, object, column: row.get(2)?, text: row.get(3)? });
        Ok(())
    })?;
    let sql = own!("SELECT oid, name, schema_name, version FROM _eider_extension ORDER BY oid");
    each(connection, sql, |row| {
        let (oid, name, schema) = (row.get(0)?, row.get(1)?, row.get(2)?);
        catalog.extensions.push(Extension { oid, name, schema, version: row.get(3)? });
        Ok(())
    })?;
    access(connection, catalog)
}

fn sequence(row: &Row<'_>) -> rusqlite::Result<Sequence> {
    let stored: String = row.get(1)?;
    let name: Option<String> = row.get(3)?;
    let owner_table: Option<String> = row.get(11)?;
    let owner_column: Option<i16> = row.get(12)?;
    Ok(Sequence {
        oid: row.get(0)?,
        schema: row.get(2)?,
        name: name.unwrap_or_else(|| stored.clone()),
        stored,
        type_oid: row.get(4)?,
        start: row.get(5)?,
        increment: row.get(6)?,
        minimum: row.get(7)?,
        maximum: row.get(8)?,
        cache: row.get(9)?,
        cycle: row.get(10)?,
        owner: owner_table.zip(owner_column),
        internal: row.get(13)?,
    })
}

fn types(connection: &Connection, catalog: &mut Catalog) -> rusqlite::Result<()> {
    let mut labels: Vec<(Oid, EnumLabel)> = Vec::new();
    let sql = own!("SELECT type_oid, oid, number, label FROM _eider_enum_label ORDER BY number");
    each(connection, sql, |row| {
        let label = EnumLabel { oid: row.get(1)?, number: row.get(2)?, label: row.get(3)? };
        labels.push((row.get(0)?, label));
        Ok(())
    })?;
    let mut checks: Vec<(Oid, DomainConstraint)> = Vec::new();
    let sql = own!(
        "SELECT type_oid, oid, name, definition, validated FROM _eider_domain_constraint ORDER BY oid"
    );
    each(connection, sql, |row| {
        let check = DomainConstraint {
            oid: row.get(1)?,
            name: row.get(2)?,
            expression: row.get(3)?,
            validated: row.get(4)?,
        };
        checks.push((row.get(0)?, check));
        Ok(())
    })?;
    let mut attributes: Vec<(Oid, Attribute)> = Vec::new();
    let sql = own!(
        "SELECT type_oid, number, name, attribute_type_oid, modifier FROM _eider_type_attribute \
         ORDER BY number"
    );
    each(connection, sql, |row| {
        let data_type = PgType { oid: row.get(3)?, modifier: row.get(4)? };
        let attribute = Attribute { number: row.get(1)?, name: row.get(2)?, data_type };
        attributes.push((row.get(0)?, attribute));
        Ok(())
    })?;
    let ranges = ranges(connection)?;
    let sql = own!(
        "SELECT oid, schema_name, name, array_oid, kind, base_oid, base_modifier, not_null, \
         default_text FROM _eider_type"
    );
    each(connection, sql, |row| {
        let oid: Oid = row.get(0)?;
        let range = ranges.iter().find(|(range, _)| *range == oid);
        let kind = match row.get_ref(4)?.as_str()? {
            "r" if let Some((_, range)) = range => UserTypeKind::Range(range.clone()),
            "m" => UserTypeKind::Multirange { range: row.get(5)? },
            "d" => UserTypeKind::Domain {
                base: PgType { oid: row.get(5)?, modifier: row.get(6)? },
                not_null: row.get(7)?,
                default: row.get(8)?,
                constraints: of(&checks, oid),
            },
            "c" => {
                UserTypeKind::Composite { relation: row.get(5)?, attributes: of(&attributes, oid) }
            }
            _ => UserTypeKind::Enum { labels: of(&labels, oid) },
        };
        let (schema, name, array_oid) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let known = UserType { oid, array_oid, schema, name, kind };
        catalog.types.insert(oid, Arc::new(known));
        Ok(())
    })
}

/// What range types are of.
fn ranges(connection: &Connection) -> rusqlite::Result<Vec<(Oid, RangeOf)>> {
    let mut ranges: Vec<(Oid, RangeOf)> = Vec::new();
    let sql = own!(
        "SELECT type_oid, multirange_oid, collation_oid, operator_class_oid, difference_oid, base_oid \
         FROM _eider_range JOIN _eider_type ON oid = type_oid"
    );
    each(connection, sql, |row| {
        let range = RangeOf {
            multirange: row.get(1)?,
            collation: row.get(2)?,
            operator_class: row.get(3)?,
            difference: row.get(4)?,
            subtype: row.get(5)?,
        };
        ranges.push((row.get(0)?, range));
        Ok(())
    })?;
    Ok(ranges)
}

fn of<T: Clone>(all: &[(Oid, T)], owner: Oid) -> Vec<T> {
    all.iter().filter(|(oid, _)| *oid == owner).map(|(_, item)| item.clone()).collect()
}

/// Functions and triggers.
fn code(connection: &Connection, catalog: &mut Catalog) -> rusqlite::Result<()> {
    let sql = own!(
        "SELECT oid, schema_name, name, language, arguments, result_oid, returns_set, volatility, \
         is_strict, body FROM _eider_function"
    );
    each(connection, sql, |row| {
        let arguments = json(Some(row.get_ref(4)?.as_str()?));
        let arguments = arguments.as_array().map(Vec::as_slice).unwrap_or_default();
        let mode = |argument: &&serde_json::Value| {
            argument[2].as_str().and_then(|mode| mode.chars().next()).unwrap_or('i')
        };
        let modes: Vec<char> = arguments.iter().map(|argument| mode(&argument)).collect();
        let plain = modes.iter().all(|mode| *mode == 'i');
        let results: Vec<_> = arguments.iter().filter(|one| mode(one) != 'i').collect();
        let arguments: Vec<_> =
            arguments.iter().filter(|one| matches!(mode(one), 'i' | 'b')).collect();
        let named = |argument: &&serde_json::Value| {
            let oid = argument[1].as_u64().unwrap_or_default() as Oid;
            (argument[0].as_str().unwrap_or_default().to_owned(), oid)
        };
        let volatility: String = row.get(7)?;
        let function = Function {
            oid: row.get(0)?,
            schema: row.get(1)?,
            name: row.get(2)?,
            language: row.get(3)?,
            argument_names: arguments
                .iter()
                .map(|argument| argument[0].as_str().unwrap_or_default().to_owned())
                .collect(),
            argument_types: arguments
                .iter()
                .map(|argument| argument[1].as_u64().unwrap_or_default() as Oid)
                .collect(),
            defaults: arguments
                .iter()
                .filter_map(|argument| Some(argument[3].as_str()?.to_owned()))
                .collect(),
            result_type: row.get(5)?,
            returns_set: row.get(6)?,
            volatility: volatility.chars().next().unwrap_or('v'),
            strict: row.get(8)?,
            body: row.get(9)?,
            columns: results.iter().map(named).collect(),
            modes: if plain { Vec::new() } else { modes },
        };
        catalog.functions.insert(function.oid, Arc::new(function));
        Ok(())
    })?;
    let sql = own!(
        "SELECT oid, table_name, name, function_oid, bits, columns, condition, arguments, enabled \
         FROM _eider_trigger"
    );
    each(connection, sql, |row| {
        let trigger = Trigger {
            oid: row.get(0)?,
            table: row.get(1)?,
            name: row.get(2)?,
            function: row.get(3)?,
            bits: row.get(4)?,
            columns: numbers(&json(Some(row.get_ref(5)?.as_str()?))),
            condition: row.get(6)?,
            arguments: texts(&json(Some(row.get_ref(7)?.as_str()?))),
            enabled: row.get(8)?,
        };
        catalog.triggers.insert(trigger.oid, Arc::new(trigger));
        Ok(())
    })
}

/// Roles, owners and privileges.
fn access(connection: &Connection, catalog: &mut Catalog) -> rusqlite::Result<()> {
    let sql = own!(
        "SELECT oid, name, attributes, connection_limit, member_of, valid_until FROM _eider_role \
         ORDER BY oid"
    );
    each(connection, sql, |row| {
        let member_of = json(Some(row.get_ref(4)?.as_str()?));
        let member_of = member_of.as_array().map(Vec::as_slice).unwrap_or_default();
        catalog.roles.push(Role {
            oid: row.get(0)?,
            name: row.get(1)?,
            attributes: texts(&json(Some(row.get_ref(2)?.as_str()?))),
            connection_limit: row.get(3)?,
            member_of: member_of
                .iter()
                .map(|one| {
                    let name = one[0].as_str().unwrap_or_default().to_owned();
                    (name, one[1].as_bool().unwrap_or_default())
                })
                .collect(),
            valid_until: row.get(5)?,
        });
        Ok(())
    })?;
    let sql = own!("SELECT class_oid, object_oid, role FROM _eider_owner");
    each(connection, sql, |row| {
        let (class, object) = (row.get(0)?, row.get(1)?);
        catalog.owners.push(Owner { class, object, role: row.get(2)? });
        Ok(())
    })?;
    let sql = own!(
        "SELECT class_oid, object_oid, column_number, grantee, grantor, letters FROM _eider_privilege \
         ORDER BY class_oid, object_oid, column_number, place"
    );
    each(connection, sql, |row| {
        let (class, object, column) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (grantee, grantor, letters) = (row.get(3)?, row.get(4)?, row.get(5)?);
        catalog.privileges.push(Privilege { class, object, column, grantee, grantor, letters });
        Ok(())
    })?;
    let sql = own!(
        "SELECT oid, role, schema_name, kind, grantee, letters FROM _eider_default_privilege \
         ORDER BY oid, place"
    );
    each(connection, sql, |row| {
        let kind: String = row.get(3)?;
        catalog.default_privileges.push(DefaultPrivilege {
            oid: row.get(0)?,
            role: row.get(1)?,
            schema: row.get(2)?,
            kind: kind.chars().next().unwrap_or('r'),
            grantee: row.get(4)?,
            letters: row.get(5)?,
        });
        Ok(())
    })
}
