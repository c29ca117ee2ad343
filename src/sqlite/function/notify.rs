//! `pg_notify`: a notification for the transaction's commit.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::{Answer, Arguments, IMPURE, lenient, string};
use crate::model::error::{Error, SqlState};
use crate::model::notification::{CHANNEL_BYTES_MAX, Notification, PAYLOAD_BYTES_MAX};
use crate::sqlite::outbox::Outbox;

/// `pg_notify(channel, payload[, process id])`. A trigger doesn't know whose statement fired it.
pub(super) fn register(connection: &Connection, outbox: &Arc<Outbox>) -> rusqlite::Result<()> {
    for count in [2, 3] {
        let outbox = Arc::clone(outbox);
        lenient(connection, "pg_notify", count, IMPURE, move |args| notify(&outbox, args))?;
    }
    Ok(())
}

fn notify(outbox: &Outbox, args: &Arguments<'_, '_>) -> Answer {
    let text = |at: usize| match args.value(at) {
        ValueRef::Null => Ok(""),
        _ => args.text(at),
    };
    let (channel, payload) = (text(0)?, text(1)?);
    let wrong = |message: &str| Error::user(SqlState::INVALID_PARAMETER_VALUE, message);
    if channel.is_empty() {
        return Err(wrong("channel name cannot be empty"));
    }
    if channel.len() > CHANNEL_BYTES_MAX {
        return Err(wrong("channel name too long"));
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(wrong("payload string too long"));
    }
    let sender = if args.count() > 2 { args.integer(2)? } else { 0 };
    let sender = i32::try_from(sender).unwrap_or_default();
    outbox.push(Notification { sender, channel: channel.into(), payload: payload.into() })?;
    Ok(string(""))
}
