//! What a log entry asks for, byte by byte. Pinned by golden tests; `docs/format.md` has the
//! tables.
//!
//! Invariant: a layout that was ever written to a log can be read for ever. New ones get a kind of
//! their own.

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::command::{Command, Origin, PagesPart};
use crate::model::id::{Chain, DatabaseId, NodeId, Position, ProposalId, TransactionId};
use crate::model::notification::Notification;
use crate::raft::codec::{Malformed, PAYLOAD_COMMAND, Reader, VERSION, put_text};

const BARRIER: u8 = 0;
const PAGES: u8 = 1;
const CREATE_DATABASE: u8 = 2;
const DROP_DATABASE: u8 = 3;
/// [`PAGES`] with notifications between the header and the pages.
const NOTIFYING_PAGES: u8 = 4;
/// [`PAGES`] and [`NOTIFYING_PAGES`] with the time at the header's end.
const TIMED_PAGES: u8 = 5;
const TIMED_NOTIFYING_PAGES: u8 = 6;

/// Bytes before the encoded pages of a [`PagesPart`].
const PAGES_HEADER: usize = 3 + 4 + 24 + 24 + 4 + 4 + 1 + 16 + 8;

/// A whole entry payload that holds `command`.
pub(super) fn encode(command: &Command) -> Bytes {
    let pages = if let Command::Pages(part) = command { part.pages.len() } else { 0 };
    let mut out = BytesMut::with_capacity(PAGES_HEADER + pages);
    out.put_u8(VERSION);
    out.put_u8(PAYLOAD_COMMAND);
    match command {
        Command::Barrier => out.put_u8(BARRIER),
        Command::Pages(part) => {
            let notifies = !part.notifications.is_empty();
            out.put_u8(match (notifies, part.proposed_at) {
                (false, 0) => PAGES,
                (true, 0) => NOTIFYING_PAGES,
                (false, _) => TIMED_PAGES,
                (true, _) => TIMED_NOTIFYING_PAGES,
            });
            put_header(&mut out, part);
            if part.proposed_at > 0 {
                out.put_u64(part.proposed_at);
            }
            if notifies {
                put_notifications(&mut out, &part.notifications);
            }
            out.put_slice(&part.pages);
        }
        Command::CreateDatabase { id, name } => {
            out.put_u8(CREATE_DATABASE);
            out.put_u32(id.0);
            put_text(&mut out, name);
        }
        Command::DropDatabase { id } => {
            out.put_u8(DROP_DATABASE);
            out.put_u32(id.0);
        }
    }
    out.freeze()
}

fn put_header(out: &mut BytesMut, part: &PagesPart) {
    out.put_u32(part.database.0);
    out.put_u64(part.base.txid.0);
    out.put_u128(part.base.chain.0);
    out.put_u64(part.txid.0);
    out.put_u128(part.chain.0);
    out.put_u32(part.database_pages);
    out.put_u32(part.part);
    out.put_u8(u8::from(part.last));
    out.put_u64(part.origin.node.0);
    out.put_u64(part.origin.proposal.0);
}

fn put_notifications(out: &mut BytesMut, notifications: &[Notification]) {
    out.put_u32(notifications.len() as u32);
    for Notification { sender, channel, payload } in notifications {
        out.put_i32(*sender);
        put_text(out, channel);
        put_text(out, payload);
    }
}

/// The command in a whole entry payload.
///
/// # Errors
/// If the payload is not a command of a known kind, cut short, or followed by other bytes.
pub(super) fn decode(payload: Bytes) -> Result<Command, Malformed> {
    let mut reader = Reader::new(payload);
    reader.version()?;
    if reader.u8()? != PAYLOAD_COMMAND {
        return Err(Malformed("not a command"));
    }
    let command = match reader.u8()? {
        BARRIER => Command::Barrier,
        kind @ (PAGES | NOTIFYING_PAGES | TIMED_PAGES | TIMED_NOTIFYING_PAGES) => {
            return read_pages(reader, kind);
        }
        CREATE_DATABASE => {
            Command::CreateDatabase { id: DatabaseId(reader.u32()?), name: reader.text()? }
        }
        DROP_DATABASE => Command::DropDatabase { id: DatabaseId(reader.u32()?) },
        _ => return Err(Malformed("unknown command")),
    };
    reader.end()?;
    Ok(command)
}

fn read_pages(mut reader: Reader, kind: u8) -> Result<Command, Malformed> {
    let mut part = PagesPart {
        database: DatabaseId(reader.u32()?),
        base: Position { txid: TransactionId(reader.u64()?), chain: Chain(reader.u128()?) },
        txid: TransactionId(reader.u64()?),
        chain: Chain(reader.u128()?),
        database_pages: reader.u32()?,
        part: reader.u32()?,
        last: reader.bool()?,
        origin: Origin { node: NodeId(reader.u64()?), proposal: ProposalId(reader.u64()?) },
        proposed_at: 0,
        pages: Bytes::new(),
        notifications: Vec::new(),
    };
    if matches!(kind, TIMED_PAGES | TIMED_NOTIFYING_PAGES) {
        part.proposed_at = reader.u64()?;
        // Without it it would be of the other kind.
        if part.proposed_at == 0 {
            return Err(Malformed("no time"));
        }
    }
    if matches!(kind, NOTIFYING_PAGES | TIMED_NOTIFYING_PAGES) {
        let count = reader.u32()?;
        // Without any it would be of the other kind.
        if count == 0 {
            return Err(Malformed("no notifications"));
        }
        for _ in 0..count {
            let sender = reader.u32()?.cast_signed();
            let (channel, payload) = (reader.text()?.into(), reader.text()?.into());
            part.notifications.push(Notification { sender, channel, payload });
        }
    }
    part.pages = reader.rest();
    Ok(Command::Pages(part))
}
