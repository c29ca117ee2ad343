//! What NOTIFY sends to those who LISTEN.

use std::sync::Arc;

/// Bytes of a channel's name at the most (an identifier's length).
pub const CHANNEL_BYTES_MAX: usize = 63;
/// Bytes of a payload at the most, as in PostgreSQL (manual, NOTIFY).
pub const PAYLOAD_BYTES_MAX: usize = 7999;

/// One notification. Equal ones of a transaction are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notification {
    /// The process id of the session that sent it; 0 where a trigger did that knows none.
    pub sender: i32,
    pub channel: Arc<str>,
    pub payload: Arc<str>,
}

impl Notification {
    /// Roughly the memory that it holds, in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.channel.len() + self.payload.len()
    }
}
