//! `nextval` and `setval`, on the connection that has the sequences.

use std::sync::Arc;

use rusqlite::Connection;

use super::{IMPURE, integer, lenient};
use crate::sqlite::sequence::Sequences;

pub(super) fn register(
    connection: &Connection,
    sequences: &Arc<Sequences>,
) -> rusqlite::Result<()> {
    // (stored name[, anything]): the second argument is for evaluation once a row.
    for count in [1, 2] {
        let sequences = Arc::clone(sequences);
        lenient(connection, "pg_nextval", count, IMPURE, move |args| {
            sequences.next(args.text(0)?).map(integer)
        })?;
    }
    // (stored name, value, whether it has been given)
    let sequences = Arc::clone(sequences);
    lenient(connection, "pg_setval", 3, IMPURE, move |args| {
        let called = args.integer(2)? != 0;
        sequences.set(args.text(0)?, args.integer(1)?, called).map(integer)
    })
}
