//! Functions of network addresses.

use rusqlite::Connection;

use super::{Arguments, boolean, integer, strict, string};
use crate::datum::network::Network;
use crate::model::error::Error;

fn network(arguments: &Arguments<'_, '_>, at: usize) -> Result<Network, Error> {
    Network::stored(arguments.text(at)?)
}

/// A function of one address that gives another, or a text.
type Part = fn(&Network) -> String;

const PARTS: &[(&str, Part)] = &[
    ("pg_inet_host", |one| one.host()),
    ("pg_inet_text", |one| one.full()),
    ("pg_inet_abbrev", |one| one.to_string()),
    ("pg_cidr_abbrev", |one| one.abbreviated()),
    ("pg_inet_network", |one| one.network().to_string()),
    ("pg_inet_broadcast", |one| one.broadcast().to_string()),
    ("pg_inet_netmask", |one| one.netmask().to_string()),
    ("pg_inet_hostmask", |one| one.hostmask().to_string()),
];

/// An operator of two addresses.
type Relation = fn(&Network, &Network) -> bool;

const RELATIONS: &[(&str, Relation)] = &[
    ("pg_inet_sub", |left, right| right.contains(left) && left.bits != right.bits),
    ("pg_inet_subeq", |left, right| right.contains(left)),
    ("pg_inet_sup", |left, right| left.contains(right) && left.bits != right.bits),
    ("pg_inet_supeq", |left, right| left.contains(right)),
    ("pg_inet_overlap", |left, right| left.contains(right) || right.contains(left)),
    ("pg_inet_same_family", |left, right| left.family() == right.family()),
];

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation("network", crate::datum::network::compare)?;
    for (name, part) in PARTS {
        strict(connection, name, 1, |arguments| Ok(string(part(&network(arguments, 0)?))))?;
    }
    for (name, relation) in RELATIONS {
        strict(connection, name, 2, |arguments| {
            Ok(boolean(relation(&network(arguments, 0)?, &network(arguments, 1)?)))
        })?;
    }
    strict(connection, "pg_inet_family", 1, |arguments| {
        Ok(integer(network(arguments, 0)?.family()))
    })?;
    strict(connection, "pg_inet_masklen", 1, |arguments| {
        Ok(integer(i64::from(network(arguments, 0)?.bits)))
    })?;
    for (name, is_cidr) in [("pg_inet_set_masklen", false), ("pg_cidr_set_masklen", true)] {
        strict(connection, name, 2, move |arguments| {
            let one = network(arguments, 0)?;
            Ok(string(one.with_bits(arguments.integer(1)?, is_cidr)?.to_string()))
        })?;
    }
    Ok(())
}
