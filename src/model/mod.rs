//! Plain data that every layer shares. No I/O, no async, no clock.

pub mod advisory;
pub mod calendar;
pub mod catalog;
pub mod command;
pub mod error;
pub mod id;
pub mod member;
pub mod notification;
pub mod pg_type;
pub mod read_level;
pub mod statement;
pub mod value;
