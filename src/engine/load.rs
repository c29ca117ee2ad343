//! Whole databases in and out as files.
//!
//! A file is loaded by the leader, as one transaction with the write slot: it is made fit before the
//! slot is taken. Another node sends the file to the leader over a stream of its own.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::cancel::Running;
use crate::engine::core::Core;
use crate::engine::lane::Refusal;
use crate::engine::route::{Route, Search};
use crate::engine::staging::{Staged, unused_path};
use crate::engine::transaction::{Backend, Transaction};
use crate::engine::wire::{self, Deadline, FromLeader, OpenStream, ToLeader};
use crate::engine::{Begin, Engine, Limits, forward};
use crate::model::error::{Class, Error, SqlState};
use crate::model::id::{DatabaseId, LogIndex};
use crate::model::member::Member;
use crate::model::read_level::ReadLevel;
use crate::model::statement::Dialect;
use crate::platform::clock;

/// A file travels in parts of this many bytes.
const PART_BYTES: u64 = 256 << 10;
/// Each takes as long as the file is large; it is for another leader if the one before was lost.
const ATTEMPTS_MAX: u32 = 4;

impl Engine {
    /// Puts a SQLite file in the place of a database, on all nodes: one transaction. `Some`: the entry.
    ///
    /// # Errors
    /// XX001, 0A000 if the file can't be a database here; 54000 if it is too large; 40001: nothing
    /// happened; 08007: it can't be known.
    pub async fn load(
        &self,
        database: DatabaseId,
        file: &Staged,
        limits: &Limits,
    ) -> Result<Option<LogIndex>, Error> {
        let running = limits.cancel.start();
        let mut search = Search::new();
        let mut attempts = 0;
        loop {
            let route = self.core.route(&search, limits, &running).await?;
            attempts += 1;
            let begun = clock::now();
            let loaded = match &route {
                Route::Here(_) => self.core.load_here(database, file, limits, &running).await,
                Route::There(leader) => self.core.load_there(leader, database, file, limits).await,
            };
            match loaded {
                Ok(index) => {
                    if let (Route::There(_), Some(index)) = (&route, index) {
                        self.core.catch_up(index).await;
                    }
                    return Ok(index);
                }
                Err(mut refusal) => {
                    if is_undone(&refusal) && attempts < ATTEMPTS_MAX {
                        search.allow(clock::now().since(begun));
                        refusal = Refusal::NotLeader;
                    }
                    search.again(&self.core, refusal, route)?;
                }
            }
        }
    }

    /// A compacted copy of a database, as it is at a moment that satisfies `level`. On this node's
    /// disk, and not in WAL mode.
    pub async fn compacted_copy(
        &self,
        database: DatabaseId,
        level: ReadLevel,
        limits: &Limits,
    ) -> Result<Staged, Error> {
        drop(self.view(database, level, limits).await?);
        let entry = self.core.entry(database)?;
        let path: PathBuf = unused_path(&self.core.store);
        let target = path.clone();
        let copying = move || entry.with(|database| database.vacuum_into(&target));
        let dropped = || Error::user(SqlState::DATABASE_DROPPED, "the database was dropped");
        let copied = crate::platform::task::blocking(copying).await;
        copied.unwrap_or_else(|| Err(dropped()))?;
        self.core.adopt(path).await
    }
}

impl Core {
    pub(super) async fn load_here(
        self: &Arc<Self>,
        database: DatabaseId,
        file: &Staged,
        limits: &Limits,
        running: &Running,
    ) -> Result<Option<LogIndex>, Refusal> {
        self.fence().ok_or(Refusal::NotLeader)?;
        let entry = self.entry(database)?;
        file.prepare(self.options.sqlite.clone()).await?;
        let begin = Begin {
            database,
            dialect: Dialect::Sqlite,
            since: None,
            private: false,
            limits: limits.clone(),
        };
        let opened = self.begin_here(&entry, &begin, running).await?;
        let mut transaction = Transaction::new(self.clone(), database, Backend::Local(opened));
        transaction.load(file.path(), limits).await?;
        Ok(transaction.commit(limits).await?)
    }

    /// Sends the file. It can be sent to another leader as long as this one hasn't all of it.
    async fn load_there(
        &self,
        leader: &Member,
        database: DatabaseId,
        file: &Staged,
        limits: &Limits,
    ) -> Result<Option<LogIndex>, Refusal> {
        let open = OpenStream::Load { database, deadline: limits.deadline.map(Deadline) };
        let (mut outgoing, mut inbox) = self.open_stream(leader, &open).await?;
        let mut offset = 0;
        loop {
            let part = file.read(offset, PART_BYTES).await?;
            offset += part.len() as u64;
            let last = part.is_empty();
            let sent = outgoing.send(wire::encode(&ToLeader::Part(part.to_vec()))).await;
            match sent {
                Ok(()) if last => break,
                Ok(()) => {}
                // It may have said why.
                Err(_) => {
                    return match inbox.next().await {
                        Some(FromLeader::Failed(error)) => Err(error.into()),
                        _ => Err(Refusal::NotLeader),
                    };
                }
            }
        }
        match inbox.next().await {
            Some(FromLeader::Committed(index)) => Ok(index),
            Some(FromLeader::Failed(error)) => Err(error.into()),
            Some(FromLeader::Refused(refusal)) => Err(refusal),
            Some(_) | None => Err(forward::connection_lost_in_commit().into()),
        }
    }
}

/// The leader was lost, and nothing has happened: the file is still here.
fn is_undone(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::NotLeader => true,
        Refusal::Error(error) => {
            error.class() == Class::Retry && error.state() == SqlState::SERIALIZATION_FAILURE
        }
    }
}
