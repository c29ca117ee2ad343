//! Eider: a PostgreSQL-wire-compatible database in one binary, a Raft-replicated SQLite cluster.
//!
//! ```text
//!             sockets
//!               |
//!    +----------+----------+
//!    pg                  http       protocols: bytes to values and back
//!    |                     |
//! session ----> sql        |        a client's state; PostgreSQL text to SQLite's, a pure side step
//!    |                     |
//!    +---------------- engine       where a request runs, and in what order
//!                          |
//!                        raft       agreement
//!                          |
//!          +---------------+--------------+
//!       raftlog          peer          sqlite      disk, wire, database file
//!          +---------------+--------------+
//!                      platform                    clock, randomness, files, tasks
//!                        model                     plain data
//! ```
//! Nothing calls upwards. Where something below must reach something above (a message from another
//! node that is for the engine) `server`, which builds the node, has put the one into the other.
//! `datum` (values as PostgreSQL writes them) is used by several; `config`, `command` and `client`
//! are what runs outside a node. A test in `tidy` holds the picture.
//!
//! # The life of a statement
//!
//! `INSERT INTO t VALUES (1)` from `psql` at a node that follows:
//!
//! 1. [`pg::serve`] accepts the connection and takes the message apart.
//! 2. [`session`] knows the client's settings and transaction, and asks the engine for the
//!    [`Catalog`](model::catalog::Catalog) that the statement is to be understood by.
//! 3. [`sql`] compiles the text: parse, bind names, resolve types by PostgreSQL's rules, and render a
//!    statement for SQLite. It does no I/O.
//! 4. [`engine::Engine::write`] finds that another node leads and sends the unit there with
//!    [`peer::Client`]; that node's [`server`] hands it to its own engine.
//! 5. The leader's engine runs it on the database's one write connection, together with whatever else
//!    is waiting. SQLite stops before its commit frame, and what it has changed is a set of pages.
//!    Nobody sees them yet.
//! 6. [`raft::Node::propose`] makes them an entry: [`raftlog`] writes and syncs it here, [`peer`]
//!    carries it to the others, which do the same, and a majority answers.
//! 7. Now it is committed. The leader lets SQLite finish; every other node writes the same pages in a
//!    transaction of its own, after comparing where its database stands.
//! 8. The outcome climbs back: engine, peer, session, pg, socket.
//!
//! If leadership is lost before step 6 nothing happened, and the client is told to try again (40001).
//! If it is lost within it, the client is told that the outcome can't be known (08007).

// A statement's future nests from the socket down to the engine.
#![recursion_limit = "256"]

pub mod auth;
pub mod backup;
pub mod catalog;
pub mod cdc;
pub mod client;
pub mod command;
pub mod config;
pub mod datum;
pub mod engine;
pub mod http;
pub mod model;
pub mod peer;
pub mod pg;
pub mod pgdata;
pub mod platform;
pub mod raft;
pub mod raftlog;
pub mod server;
pub mod session;
pub mod sql;
pub mod sqlite;
pub mod tls;

#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tidy;
