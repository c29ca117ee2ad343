//! Functions of hardware addresses.

use rusqlite::Connection;

use super::{Arguments, strict, string, wrong_class};
use crate::datum::mac;
use crate::model::error::{Error, SqlState};

fn bytes(args: &Arguments<'_, '_>, at: usize) -> Result<Vec<u8>, Error> {
    mac::load(args.text(at)?).ok_or_else(|| wrong_class("a hardware address"))
}

type Operation = fn(u8, u8) -> u8;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    strict(connection, "pg_mac_not", 1, |args| {
        let flipped: Vec<u8> = bytes(args, 0)?.iter().map(|byte| !byte).collect();
        Ok(string(mac::show(&flipped)))
    })?;
    let operations: [(&str, Operation); 2] =
        [("pg_mac_and", |left, right| left & right), ("pg_mac_or", |left, right| left | right)];
    for (name, operation) in operations {
        strict(connection, name, 2, move |args| {
            let pairs = bytes(args, 0)?.into_iter().zip(bytes(args, 1)?);
            let combined: Vec<u8> = pairs.map(|(left, right)| operation(left, right)).collect();
            Ok(string(mac::show(&combined)))
        })?;
    }
    // All but the manufacturer's part is set to zero.
    strict(connection, "pg_mac_trunc", 1, |args| {
        let mut all = bytes(args, 0)?;
        all.iter_mut().skip(3).for_each(|byte| *byte = 0);
        Ok(string(mac::show(&all)))
    })?;
    strict(connection, "pg_mac_widen", 1, |args| {
        Ok(string(mac::show(&mac::widened(&bytes(args, 0)?))))
    })?;
    strict(connection, "pg_mac_narrow", 1, |args| {
        match bytes(args, 0)?.as_slice() {
        [maker @ .., 0xff, 0xfe, x, y, z] => {
            Ok(string(mac::show(&[maker, &[*x, *y, *z]].concat())))
        }
        _ => Err(Error::user(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "macaddr8 data out of range to convert to macaddr",
        )
        .with_hint(
            "Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for \
             example xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.",
        )),
    }
    })?;
    strict(connection, "pg_mac_set_bit", 1, |args| {
        let mut all = bytes(args, 0)?;
        if let Some(first) = all.first_mut() {
            *first |= 0x02;
        }
        Ok(string(mac::show(&all)))
    })
}
