//! LISTEN, UNLISTEN, and what a session hears.
//!
//! Both are the transaction's: they count once it is committed. Before a session begins to listen, its
//! node applies what was committed until then, so that it hears what is notified afterwards anywhere
//! in the cluster, and nothing older. What it hears is told between its transactions.

use std::sync::Arc;

use crate::engine::Listener;
use crate::model::error::{Error, SqlState};
use crate::model::notification::{CHANNEL_BYTES_MAX, Notification};
use crate::session::Session;
use crate::session::portal::Reply;
use crate::session::run::complete;
use crate::session::transaction::Phase;
use crate::sql::TransactionModes;

/// LISTEN or UNLISTEN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listening {
    Begin(Arc<str>),
    /// `None`: on all channels.
    End(Option<Arc<str>>),
}

/// What a session listens to, and what its open transaction will change of that.
#[derive(Debug, Default)]
pub(crate) struct Ears {
    listener: Option<Listener>,
    /// With the number of savepoints that were set when it was asked for.
    asked: Vec<(u32, Listening)>,
    /// Channels that the transaction that commits now has begun to listen to.
    begun: Vec<Arc<str>>,
}

impl Ears {
    /// Resolves when something was heard.
    pub(crate) async fn heard(&self) {
        match &self.listener {
            Some(listener) => listener.arrived().await,
            None => std::future::pending().await,
        }
    }

    /// Forgets what was asked for since the savepoint at `depth` was set.
    pub(crate) fn rollback_to(&mut self, depth: u32) {
        self.asked.retain(|(set, _)| *set < depth);
    }

    /// The savepoint at `depth` is gone, and what is inside it is its surroundings'.
    pub(crate) fn release(&mut self, depth: u32) {
        for (set, _) in &mut self.asked {
            *set = (*set).min(depth - 1);
        }
    }

    /// UNLISTEN *, at once.
    pub(crate) fn close(&mut self) {
        self.listener = None;
    }
}

impl Session {
    pub(crate) async fn listen(
        &mut self,
        listening: Listening,
        alone: bool,
    ) -> Result<Reply, Error> {
        let tag = match &listening {
            Listening::Begin(channel) if channel.len() > CHANNEL_BYTES_MAX => {
                let message = "channel name too long";
                return Err(Error::user(SqlState::INVALID_PARAMETER_VALUE, message));
            }
            Listening::Begin(_) => "LISTEN",
            Listening::End(_) => "UNLISTEN",
        };
        let by_itself = self.phase == Phase::Idle;
        if by_itself {
            self.start(Phase::Implicit, TransactionModes::default());
        }
        self.ears.asked.push((self.savepoints.depth(), listening));
        if by_itself && alone {
            self.commit().await?;
        }
        Ok(complete(tag))
    }

    /// Before a commit: what was asked for with LISTEN is heard from now on.
    pub(crate) async fn begin_listening(&mut self) -> Result<(), Error> {
        if !self.ears.asked.iter().any(|(_, asked)| matches!(asked, Listening::Begin(_))) {
            return Ok(());
        }
        self.catch_up().await?;
        let (engine, database) = (&self.engine, self.database);
        let listener = self.ears.listener.get_or_insert_with(|| engine.listener(database));
        for (_, asked) in &self.ears.asked {
            if let Listening::Begin(channel) = asked
                && !listener.channels().contains(channel)
            {
                listener.listen(channel);
                self.ears.begun.push(Arc::clone(channel));
            }
        }
        Ok(())
    }

    /// After the transaction's end.
    pub(crate) fn end_listening(&mut self, committed: bool) {
        let ears = &mut self.ears;
        let begun = std::mem::take(&mut ears.begun);
        let asked = std::mem::take(&mut ears.asked);
        let Some(listener) = &mut ears.listener else { return };
        if !committed {
            listener.keep(|channel| begun.iter().all(|begun| **begun != *channel));
        } else if !asked.is_empty() {
            // The last word on a channel counts.
            listener.keep(|channel| {
                let about = asked.iter().rev().find(|(_, asked)| match asked {
                    Listening::Begin(named) | Listening::End(Some(named)) => **named == *channel,
                    Listening::End(None) => true,
                });
                !matches!(about, Some((_, Listening::End(_))))
            });
        }
        if listener.channels().is_empty() {
            ears.listener = None;
        }
    }

    /// What was heard since the last call. Nothing, as long as a transaction is open.
    ///
    /// # Errors
    /// 57P01: something was missed, and the session has to end.
    pub fn notifications(&mut self) -> Result<Vec<Notification>, Error> {
        match &self.ears.listener {
            Some(listener) if self.phase == Phase::Idle => listener.take(),
            _ => Ok(Vec::new()),
        }
    }
}
