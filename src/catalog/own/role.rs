//! `pg_authid`: the owner of everything.

use crate::catalog::own::{Builder, OWNER};

pub(super) fn roles(rows: &mut Builder) {
    rows.add(vec![
        ("oid", OWNER.into()),
        ("rolname", "postgres".into()),
        ("rolsuper", true.into()),
        ("rolinherit", true.into()),
        ("rolcreaterole", true.into()),
        ("rolcreatedb", true.into()),
        ("rolcanlogin", true.into()),
        ("rolreplication", true.into()),
        ("rolbypassrls", true.into()),
        ("rolconnlimit", (-1).into()),
    ]);
}
