//! Bytes from strangers, to a running node's sockets.
//!
//! * [`matrix`]: every message of PostgreSQL's protocol, whole and damaged, in every state of a
//!   session, beside the answers of a PostgreSQL 15.
//! * [`noise`]: random bytes and damaged sessions on all three ports, from a seed; and what may be
//!   held in memory for somebody who hasn't been let in.

mod bytes;
mod matrix;
mod noise;
