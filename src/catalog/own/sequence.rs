//! `pg_sequence`, and whose sequences are.

use crate::catalog::cell::Cell;
use crate::catalog::own::Builder;
use crate::catalog::own::class::tables;
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

/// A serial column's sequence goes with the column.
pub(super) fn dependencies(catalog: &Catalog, rows: &mut Builder) {
    for table in tables(catalog) {
        for column in &table.columns {
            let owned = column.sequence.and_then(|oid| catalog.sequence_by_oid(oid));
            let Some(sequence) = owned else { continue };
            rows.add(vec![
                ("classid", CLASS_OF_RELATIONS.into()),
                ("objid", sequence.oid.into()),
                ("refclassid", CLASS_OF_RELATIONS.into()),
                ("refobjid", table.oid.into()),
                ("refobjsubid", column.number.into()),
                ("deptype", "a".into()),
            ]);
        }
    }
}
