//! CREATE SEQUENCE and ALTER SEQUENCE.

use crate::model::catalog::{Relation, Sequence};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType};
use crate::sql::Action;
use crate::sql::ast::{CreateSequence, QualifiedName, SequenceOptions};
use crate::sql::bind::{Binder, label};
use crate::sql::ddl::name::{self, NewName};
use crate::sql::ddl::record::{self, flag};
use crate::sql::ddl::{Work, already_exists, privilege, skipping, temporary};
use crate::sql::lite::Expr;
use crate::sql::types::{Types, is_integer, lookup_type};

pub(super) fn create(tree: &CreateSequence, binder: &mut Binder<'_>) -> Result<Action, Error> {
    let name = temporary::new_relation(&tree.name, tree.persistence, binder)?;
    if name::exists(binder.catalog, &name) {
        return already_exists(&name.name, tree.if_not_exists, "CREATE SEQUENCE");
    }
    let mut work = Work::new(binder);
    temporary::ensure_schema(&name, &mut work, binder);
    let mut sequence = plan(name, work.oids.take(), PgType::INT8.oid, &tree.options)?;
    if let Some(Some(owner)) = &tree.options.owner {
        sequence.owner = Some(owner_of(owner, &sequence.schema, binder)?);
    }
    work.push(record::sequence_row(&sequence));
    let object = ('s', 1259, sequence.oid);
    privilege::new_object(object, &sequence.schema, &mut work, binder);
    Ok(work.finish("CREATE SEQUENCE"))
}

fn limits(type_oid: Oid) -> (i64, i64) {
    match type_oid {
        21 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        23 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// A sequence by its options (`init_params`). `type_oid` is its type unless the options say another.
///
/// # Errors
/// 22023 for values that don't go together.
pub(super) fn plan(
    name: NewName,
    oid: Oid,
    type_oid: Oid,
    options: &SequenceOptions,
) -> Result<Sequence, Error> {
    let fresh = Sequence {
        oid,
        schema: name.schema,
        name: name.name,
        stored: name.stored,
        type_oid,
        start: 0,
        increment: 1,
        minimum: 0,
        maximum: 0,
        cache: 1,
        cycle: false,
        owner: None,
        internal: false,
    };
    change(&fresh, options, true)
}

/// A sequence with changed options. What a new one's options don't say is as for `fresh` ones.
fn change(old: &Sequence, options: &SequenceOptions, fresh: bool) -> Result<Sequence, Error> {
    let mut new = old.clone();
    if let Some(name) = &options.data_type {
        let oid = lookup_type(Types::BUILTIN, name)?.oid;
        if !is_integer(oid) {
            return invalid("sequence type must be smallint, integer, or bigint");
        }
        new.type_oid = oid;
    }
    let (lowest, highest) = limits(new.type_oid);
    let (old_lowest, old_highest) = limits(old.type_oid);
    if let Some(increment) = options.increment {
        if increment == 0 {
            return invalid("INCREMENT must not be zero");
        }
        new.increment = increment;
    }
    if let Some(cycle) = options.cycle {
        new.cycle = cycle;
    }
    let ascending = new.increment > 0;
    // A limit that was the old type's becomes the new type's.
    let retyped = options.data_type.is_some();
    let new_maximum = if ascending { highest } else { -1 };
    new.maximum = match options.maximum {
        Some(Some(value)) => value,
        Some(None) => new_maximum,
        None if fresh || (retyped && old.maximum == old_highest) => new_maximum,
        None => old.maximum,
    };
    let new_minimum = if ascending { 1 } else { lowest };
    new.minimum = match options.minimum {
        Some(Some(value)) => value,
        Some(None) => new_minimum,
        None if fresh || (retyped && old.minimum == old_lowest) => new_minimum,
        None => old.minimum,
    };
    let label = crate::sql::types::type_label(new.type_oid);
    for (what, value) in [("MAXVALUE", new.maximum), ("MINVALUE", new.minimum)] {
        if !(lowest..=highest).contains(&value) {
            return invalid(&format!(
                "{what} ({value}) is out of range for sequence data type {label}"
            ));
        }
    }
    if new.minimum >= new.maximum {
        let text =
            format!("MINVALUE ({}) must be less than MAXVALUE ({})", new.minimum, new.maximum);
        return invalid(&text);
    }
    new.start = match options.start {
        Some(start) => start,
        None if fresh && ascending => new.minimum,
        None if fresh => new.maximum,
        None => old.start,
    };
    check_between("START value", new.start, &new)?;
    if let Some(cache) = options.cache {
        if cache < 1 {
            return invalid(&format!("CACHE ({cache}) must be greater than zero"));
        }
        new.cache = cache;
    }
    Ok(new)
}

fn invalid<T>(message: &str) -> Result<T, Error> {
    Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message))
}

fn check_between(what: &str, value: i64, sequence: &Sequence) -> Result<(), Error> {
    if value < sequence.minimum {
        let least = sequence.minimum;
        return invalid(&format!("{what} ({value}) cannot be less than MINVALUE ({least})"));
    }
    if value > sequence.maximum {
        let most = sequence.maximum;
        return invalid(&format!("{what} ({value}) cannot be greater than MAXVALUE ({most})"));
    }
    Ok(())
}

/// OWNED BY: the table's stored name and the column's number.
fn owner_of(
    name: &QualifiedName,
    schema: &str,
    binder: &Binder<'_>,
) -> Result<(String, i16), Error> {
    let Some((column, table)) = name.split_last().filter(|(_, table)| !table.is_empty()) else {
        return Err(Error::user(SqlState::SYNTAX_ERROR, "invalid OWNED BY option")
            .with_hint("Specify OWNED BY table.column or OWNED BY NONE."));
    };
    let table = binder.opened(&table.to_vec())?;
    if table.schema != schema {
        return Err(Error::user(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "sequence must be in same schema as table it is linked to",
        ));
    }
    let found = table.column(&column.text).ok_or_else(|| {
        let message =
            format!("column \"{}\" of relation \"{}\" does not exist", column.text, table.name);
        Error::user(SqlState::UNDEFINED_COLUMN, message)
    })?;
    Ok((table.stored.clone(), found.number))
}

/// The sequence that a statement names.
pub(super) fn named<'c>(name: &QualifiedName, binder: &Binder<'c>) -> Result<&'c Sequence, Error> {
    match binder.relation(name)? {
        Some(Relation::Sequence(sequence)) => Ok(sequence),
        Some(_) => Err(Error::user(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a sequence", label(name)),
        )),
        None => Err(binder.not_there(name)),
    }
}

pub(super) fn alter(
    name: &QualifiedName,
    if_exists: bool,
    options: &SequenceOptions,
    binder: &mut Binder<'_>,
) -> Result<Action, Error> {
    let old = match named(name, binder) {
        Ok(old) => old,
        Err(error) if if_exists && error.state() == SqlState::UNDEFINED_TABLE => {
            return Ok(skipping("ALTER SEQUENCE", &error));
        }
        Err(error) => return Err(error),
    };
    let mut work = Work::new(binder);
    if options.owner.is_some() && old.internal {
        let table = old.owner.as_ref().map_or("", |(table, _)| table.as_str());
        return Err(Error::refused("cannot change ownership of identity sequence")
            .with_detail(format!("Sequence \"{}\" is linked to table \"{table}\".", old.name)));
    }
    let mut new = altered(old, options, &mut work)?;
    match &options.owner {
        Some(Some(owner)) => new.owner = Some(owner_of(owner, &new.schema, binder)?),
        Some(None) => new.owner = None,
        None => {}
    }
    work.push(record::update(
        "_eider_sequence",
        record::sequence_definition(&new),
        &[("oid", new.oid.into())],
    ));
    Ok(work.finish("ALTER SEQUENCE"))
}

/// A sequence with changed options, and the step that restarts it if they say so.
pub(super) fn altered(
    old: &Sequence,
    options: &SequenceOptions,
    work: &mut Work,
) -> Result<Sequence, Error> {
    let new = change(old, options, false)?;
    if let Some(restart) = options.restart {
        let value = restart.unwrap_or(new.start);
        check_between("RESTART value", value, &new)?;
        work.push(restart_step(new.oid, Expr::Integer(value)));
    }
    Ok(new)
}

/// Lets a sequence begin again. Its state gets a new version, so that values that were reserved
/// before are forgotten.
pub(super) fn restart_step(oid: Oid, value: Expr) -> crate::sql::Step {
    record::update(
        "_eider_sequence",
        vec![
            ("last_value", value),
            ("is_called", flag(false)),
            ("reserved", Expr::Null),
            ("version", Expr::call("random", Vec::new())),
        ],
        &[("oid", oid.into())],
    )
}
