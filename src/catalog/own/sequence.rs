//! `pg_sequence`, and whose sequences are.

use crate::catalog::cell::Cell;
use crate::catalog::own::Builder;
use crate::catalog::own::constraint::CLASS_OF_RELATIONS;
use crate::model::catalog::Catalog;

pub(super) fn sequences(catalog: &Catalog, rows: &mut Builder) {
    for sequence in catalog.sequences.values() {
        rows.add(vec![
            ("seqrelid", sequence.oid.into()),
            ("seqtypid", sequence.type_oid.into()),
            ("seqstart", Cell::Integer(sequence.start)),
            ("seqincrement", Cell::Integer(sequence.increment)),
            ("seqmax", Cell::Integer(sequence.maximum)),
            ("seqmin", Cell::Integer(sequence.minimum)),
            ("seqcache", Cell::Integer(sequence.cache)),
            ("seqcycle", sequence.cycle.into()),
        ]);
    }
}

/// A sequence goes with the column that owns it.
pub(super) fn dependencies(catalog: &Catalog, rows: &mut Builder) {
    for sequence in catalog.sequences.values() {
        let owner = sequence
            .owner
            .as_ref()
            .and_then(|(table, number)| catalog.tables.get(table).map(|table| (table, *number)));
        let Some((table, number)) = owner else { continue };
        rows.add(vec![
            ("classid", CLASS_OF_RELATIONS.into()),
            ("objid", sequence.oid.into()),
            ("refclassid", CLASS_OF_RELATIONS.into()),
            ("refobjid", table.oid.into()),
            ("refobjsubid", number.into()),
            ("deptype", if sequence.internal { "i" } else { "a" }.into()),
        ]);
    }
}
