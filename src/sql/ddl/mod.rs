//! Definitions: changes of SQLite's schema together with the rows of Eider's catalog tables that
//! say what PostgreSQL sees (`system_schema.sql`), all in one transaction.
//!
//! Each definition plans the objects as they shall be (`model::catalog`), and derives from the plan
//! what SQLite gets ([`layout`]) and what is recorded ([`record`]).

mod alter;
mod column;
mod composite;
mod constraint;
mod deferral;
mod depend;
mod domain;
mod drop;
mod extension;
mod function;
mod index;
mod layout;
mod name;
mod object;
mod privilege;
mod rebuild;
mod record;
mod relation;
mod rename;
mod retouch;
mod retype;
mod role;
mod sequence;
mod table;
mod temporary;
mod trigger;
mod truncate;
mod user_range;
mod user_type;
mod view;

pub(in crate::sql) use rename::column_names;

use crate::model::error::{Class, Error, SqlState};
use crate::sql::ast::{Access, Definition};
use crate::sql::bind::Binder;
use crate::sql::ddl::record::Oids;
use crate::sql::{Action, Step, WriteTag};

pub(super) use constraint::used_columns;
pub(super) use deferral::set_constraints;
pub(super) use role::check_set;
pub(super) use temporary::{commit_temporary, drop_temporary};

/// Compiles a definition.
pub(super) fn compile(tree: &Definition, binder: &mut Binder<'_>) -> Result<Action, Error> {
    match tree {
        Definition::CreateTable(table) => table::create(table, binder),
        Definition::CreateTableAs(table) => view::create_table_as(table, binder),
        Definition::CreateIndex(index) => index::create(index, binder),
        Definition::CreateView(view) => view::create(view, binder),
        Definition::Refresh { name, with_data, concurrently } => {
            view::refresh(name, (*with_data, *concurrently), binder)
        }
        Definition::Alter { kind, name, if_exists, actions } => {
            relation::alter(*kind, name, *if_exists, actions, binder)
        }
        Definition::CreateSequence(tree) => sequence::create(tree, binder),
        Definition::AlterSequence { name, if_exists, options } => {
            sequence::alter(name, *if_exists, options, binder)
        }
        Definition::CreateSchema { name, if_not_exists, owner } => {
            object::create_schema(name, *if_not_exists, owner.as_ref(), binder)
        }
        Definition::AlterSchema { name, change } => object::alter_schema(name, change, binder),
        Definition::Drop { kind, names, if_exists, cascade } => {
            drop::drop(*kind, names, (*if_exists, *cascade), binder)
        }
        Definition::Truncate { names, restart_identity, cascade } => {
            truncate::truncate(names, (*restart_identity, *cascade), binder)
        }
        Definition::Comment { object, text } => object::comment(object, text.as_deref(), binder),
        Definition::Reindex { kind, name } => index::reindex(*kind, name.as_ref(), binder),
        Definition::CreateEnum { name, labels } => user_type::create_enum(name, labels, binder),
        Definition::CreateComposite { name, attributes } => {
            composite::create(name, attributes, binder)
        }
        Definition::AlterComposite { name, changes } => composite::alter(name, changes, binder),
        Definition::CreateRange { name, options } => user_range::create(name, options, binder),
        Definition::AlterEnum { name, change } => user_type::alter_enum(name, change, binder),
        Definition::AlterType { name, change } => {
            let known = user_type::named(name, user_type::ALTERED, binder)?;
            user_type::alter(known, change, "ALTER TYPE", binder)
        }
        Definition::CreateDomain(tree) => domain::create(tree, binder),
        Definition::AlterDomain { name, change } => domain::alter(name, change, binder),
        Definition::CreateExtension { name, if_not_exists, schema, version } => {
            let options = (schema.as_ref(), version.as_deref());
            extension::create(name, *if_not_exists, options, binder)
        }
        Definition::Access(access) => self::access(access, binder),
        Definition::CreateFunction(tree) => function::create(tree, binder),
        Definition::FunctionOwner { name, owner } => function::set_owner(name, owner, binder),
        Definition::DropFunction { kind, names, if_exists, cascade } => {
            function::drop(*kind, names, (*if_exists, *cascade), binder)
        }
        Definition::CreateTrigger(tree) => trigger::create(tree, binder),
        Definition::DropTrigger { name, table, if_exists } => {
            trigger::drop(name, table, *if_exists, binder)
        }
    }
}

/// Roles and privileges.
fn access(tree: &Access, binder: &mut Binder<'_>) -> Result<Action, Error> {
    match tree {
        Access::CreateRole { name, options, user } => role::create(name, options, *user, binder),
        Access::AlterRole { name, options } => role::alter(name, options, binder),
        Access::RenameRole { from, to } => role::rename(from, to, binder),
        Access::DropRole { names, if_exists } => role::drop(names, *if_exists, binder),
        Access::GrantRole { roles, members, admin } => {
            role::grant((roles, members), *admin, binder)
        }
        Access::RevokeRole { roles, members, admin_only, alter } => {
            let tag = if *alter { "ALTER ROLE" } else { "REVOKE ROLE" };
            role::revoke((roles, members), *admin_only, tag, binder)
        }
        Access::Grant(grant) => privilege::grant(grant, binder),
        Access::AlterDefault { roles, schemas, grant } => {
            privilege::alter_default((roles, schemas), grant, binder)
        }
        Access::ReassignOwned { from, to } => privilege::reassign(from, to, binder),
        Access::DropOwned { roles, cascade } => privilege::drop_owned(roles, *cascade, binder),
    }
}

/// The steps of one definition while it is planned.
#[derive(Debug)]
struct Work {
    steps: Vec<Step>,
    oids: Oids,
}

impl Work {
    fn new(binder: &Binder<'_>) -> Self {
        Self { steps: Vec::new(), oids: Oids::new(binder.catalog.next_oid) }
    }

    fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The definition as an action: all its steps in one transaction.
    fn finish(mut self, tag: &'static str) -> Action {
        self.steps.extend(self.oids.step());
        definition(self.steps, tag)
    }
}

/// A change of definitions: all its steps in one transaction.
fn definition(steps: Vec<Step>, tag: &'static str) -> Action {
    Action::Write { steps, tag: WriteTag::Plain(tag), changes_catalog: true, temporary: false }
}

/// Nothing to do, with a notice that says so.
fn skipping(tag: &'static str, error: &Error) -> Action {
    Action::Nothing { tag, notice: Some(skipped(error)) }
}

/// `..., skipping`.
fn skipped(error: &Error) -> Error {
    notice(format!("{}, skipping", error.message()))
}

fn notice(message: String) -> Error {
    Error::new(Class::User, SqlState(*b"00000"), message)
}

/// 42P07, or a notice where IF NOT EXISTS was said.
fn already_exists(name: &str, if_not_exists: bool, tag: &'static str) -> Result<Action, Error> {
    let error =
        Error::user(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists"));
    if !if_not_exists {
        return Err(error);
    }
    let notice = Error::new(
        Class::User,
        SqlState::DUPLICATE_TABLE,
        format!("{}, skipping", error.message()),
    );
    Ok(Action::Nothing { tag, notice: Some(notice) })
}
