//! Command lines: what can be written, what it means, and what is refused.
//!
//! Owns every flag's name, default and help. Never opens a file or a socket.

mod duration;
mod encryption;
mod environment;
mod flag;
#[cfg(test)]
mod rqlite_test;
mod serve;

pub use duration::parse_duration;
pub use encryption::{Encryption, Pair};
pub use environment::expand;
pub use flag::{Flag, Form, Group, Parsed, Stop, Syntax, version};
pub use serve::{Config, Join, address_parts, parse_serve, serve_help};
