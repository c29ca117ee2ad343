//! TRUNCATE.

use crate::model::catalog::{Table, TableKind};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::QualifiedName;
use crate::sql::bind::Binder;
use crate::sql::compile::plain_step;
use crate::sql::ddl::record;
use crate::sql::ddl::{depend, notice, sequence};
use crate::sql::lite::{self, Expr};
use crate::sql::{Action, WriteTag};

pub(super) fn truncate<'c>(
    names: &[QualifiedName],
    (restart, cascade): (bool, bool),
    binder: &mut Binder<'c>,
) -> Result<Action, Error> {
    let mut tables: Vec<&'c Table> = Vec::new();
    for name in names {
        let table = binder.opened(name)?;
        if !matches!(table.kind, TableKind::Table | TableKind::Virtual) {
            let message = format!("\"{}\" is not a table", table.name);
            return Err(Error::user(SqlState::WRONG_OBJECT_TYPE, message));
        }
        if !tables.iter().any(|known| known.oid == table.oid) {
            tables.push(table);
        }
    }
    let mut at = 0;
    while let Some(table) = tables.get(at).copied() {
        at += 1;
        for (other, _) in binder.catalog.referencing(table) {
            if tables.iter().any(|known| known.oid == other.oid) {
                continue;
            }
            if !cascade {
                return Err(Error::refused(
                    "cannot truncate a table referenced in a foreign key constraint",
                )
                .with_detail(format!("Table \"{}\" references \"{}\".", other.name, table.name))
                .with_hint(format!(
                    "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                    other.name
                )));
            }
            binder.notices.push(notice(format!("truncate cascades to table \"{}\"", other.name)));
            tables.push(other);
        }
    }
    let mut steps = Vec::new();
    for table in tables {
        // All tables that refer to it are emptied too, so there is nothing to check.
        let rows = record::delete_rows(&table.stored, None);
        steps.push(plain_step(&lite::Statement::Unchecked(Box::new(rows))));
        if restart {
            for owned in depend::owned(table, None, binder.catalog) {
                steps.push(sequence::restart_step(owned.oid, Expr::column("start")));
            }
        }
    }
    Ok(Action::Write {
        steps,
        tag: WriteTag::Plain("TRUNCATE TABLE"),
        changes_catalog: false,
        temporary: false,
    })
}
