//! `pg_description`, and `pg_shdescription` of what all databases share.

use crate::catalog::own::Builder;
use crate::model::catalog::Catalog;
use crate::model::pg_type::Oid;

/// `pg_class.oid` of `pg_authid`: the shared objects that comments may be on.
const PG_AUTHID: Oid = 1260;

pub(super) fn comments(catalog: &Catalog, rows: &mut Builder) {
    for comment in catalog.comments.iter().filter(|comment| comment.class != PG_AUTHID) {
        rows.add(vec![
            ("objoid", comment.object.into()),
            ("classoid", comment.class.into()),
            ("objsubid", comment.column.into()),
            ("description", comment.text.clone().into()),
        ]);
    }
}

pub(super) fn shared(catalog: &Catalog, rows: &mut Builder) {
    for comment in catalog.comments.iter().filter(|comment| comment.class == PG_AUTHID) {
        rows.add(vec![
            ("objoid", comment.object.into()),
            ("classoid", comment.class.into()),
            ("description", comment.text.clone().into()),
        ]);
    }
}
