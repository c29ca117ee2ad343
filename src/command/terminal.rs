//! What commands write: results to standard output, problems to standard error.
//!
//! A reader that goes away (`| head`) isn't an error of the command: [`Closed`] ends it quietly.

use std::io::{self, Write};

/// Standard output is closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Closed;

/// Writes a text to standard output at once.
pub(crate) fn print(text: &str) -> Result<(), Closed> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Closed)
}

/// Writes a line to standard error. If nobody reads that, nobody can be told.
pub(crate) fn complain(text: &str) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "{text}");
}
