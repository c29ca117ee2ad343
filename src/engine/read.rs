//! Reads: which state satisfies a level, and the reading itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::cancel::{Running, until};
use crate::engine::core::Core;
use crate::engine::lane::{Refusal, log_full};
use crate::engine::route::{Route, Search};
use crate::engine::rows::{self, End, Pending, Rows};
use crate::engine::short::Text;
use crate::engine::store::Entry;
use crate::engine::{Engine, Limits};
use crate::model::catalog::Catalog;
use crate::model::command::Command;
use crate::model::error::{Error, SqlState};
use crate::model::id::{DatabaseId, LogIndex, SchemaVersion};
use crate::model::member::Member;
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Dialect, Statement};
use crate::platform::clock;
use crate::platform::mutant::mutant;
use crate::raft::ProposeError;

/// A statement to be read with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub database: DatabaseId,
    pub dialect: Dialect,
    pub statement: Statement,
    pub schema: Option<SchemaVersion>,
}

/// Where a read satisfies its level.
#[derive(Debug)]
pub(super) enum Place {
    Here {
        /// Of a `strong` read: up to where the log had been applied when it began.
        index: Option<LogIndex>,
    },
    There(Box<Member>),
}

impl Engine {
    /// Runs one read-only statement at a level. `Ok(None)`: the schema is not `schema` any more,
    /// compile again.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing that a read needs")]
    pub async fn read(
        &self,
        database: DatabaseId,
        dialect: Dialect,
        level: ReadLevel,
        statement: Statement,
        schema: Option<SchemaVersion>,
        limits: &Limits,
    ) -> Result<Option<Rows>, Error> {
        let running = limits.cancel.start();
        let query = Query { database, dialect, statement, schema };
        let index = match self.core.satisfy(level, limits, &running).await? {
            Place::There(leader) => {
                return Box::pin(self.core.read_there(*leader, query, limits, running)).await;
            }
            Place::Here { index } => index,
        };
        let pending = self.core.read_here(query, limits, running)?;
        Ok(pending.started().await?.map(|rows| rows.interrupting().at(index)))
    }

    /// The catalog of the committed state that this node has.
    pub async fn catalog(&self, database: DatabaseId) -> Result<Arc<Catalog>, Error> {
        self.core.catalog(database).await
    }

    /// Whether SQLite says that a text only reads (EXPLAIN does); `Err` if it can't be prepared.
    pub async fn is_read_only(
        &self,
        database: DatabaseId,
        dialect: Dialect,
        sql: &str,
    ) -> Result<bool, Error> {
        let entry = self.core.entry(database)?;
        let sql = sql.to_owned();
        self.core.readers.run(move || entry.reader()?.is_read_only(dialect, &sql)).await?
    }
}

impl Core {
    pub(super) async fn catalog(&self, database: DatabaseId) -> Result<Arc<Catalog>, Error> {
        let entry = self.entry(database)?;
        if let Some(catalog) = entry.known_definitions() {
            return Ok(catalog);
        }
        Box::pin(self.readers.run(move || entry.definitions())).await?
    }

    /// Returns when a read satisfies the level, on this node or at the leader.
    pub(super) async fn satisfy(
        self: &Arc<Self>,
        level: ReadLevel,
        limits: &Limits,
        running: &Running,
    ) -> Result<Place, Error> {
        let here = Place::Here { index: None };
        if mutant("strong-read-here") {
            return Ok(here);
        }
        let (lease, strong) = match self.effective(level) {
            ReadLevel::None(freshness) | ReadLevel::Auto(freshness) => {
                self.check_freshness(freshness)?;
                return Ok(here);
            }
            ReadLevel::Weak => {
                match self.route(&Search::new(), limits, running).await? {
                    Route::There(leader) => return Ok(Place::There(leader)),
                    Route::Here(_) if self.attached()?.node.has_majority() => return Ok(here),
                    // It may have been replaced: it has to ask.
                    Route::Here(_) => (false, false),
                }
            }
            ReadLevel::Linearizable => (false, false),
            ReadLevel::Lease => (true, false),
            ReadLevel::Strong => (false, true),
        };
        let index = Box::pin(self.index_to_wait_for(lease, strong, limits, running)).await?;
        let attached = self.attached()?;
        match until(limits.deadline, &running.token, attached.node.wait_applied(index)).await {
            Ok(Ok(())) => Ok(Place::Here { index: strong.then_some(index) }),
            Ok(Err(_)) => Err(Error::no_leader()),
            Err(stopped) => Err(stopped.error()),
        }
    }

    /// Asks the leader, whoever it is, until it answers.
    async fn index_to_wait_for(
        self: &Arc<Self>,
        lease: bool,
        strong: bool,
        limits: &Limits,
        running: &Running,
    ) -> Result<LogIndex, Error> {
        let mut search = Search::new();
        loop {
            let route = self.route(&search, limits, running).await?;
            let answer = async {
                match &route {
                    Route::Here(_) => self.index_here(lease, strong).await,
                    Route::There(leader) if strong => self.index_there(leader, lease, true).await,
                    Route::There(leader) => {
                        let index = self.shared_index_there(leader, lease).await;
                        index.ok_or(Refusal::NotLeader)
                    }
                }
            };
            match until(limits.deadline, &running.token, answer).await {
                Ok(Ok(index)) => return Ok(index),
                Err(stopped) => return Err(stopped.error()),
                Ok(Err(Refusal::Error(error))) if error.state() == SqlState::DISK_FULL => {
                    return Err(error);
                }
                // It changes nothing: whatever went wrong, it can be asked again.
                Ok(Err(_)) => search.again(self, Refusal::NotLeader, route)?,
            }
        }
    }

    /// On the leader.
    ///
    /// # Errors
    /// 53100 for a strong read that finds no room in the log; else `NotLeader`.
    pub(super) async fn index_here(&self, lease: bool, strong: bool) -> Result<LogIndex, Refusal> {
        let fence = self.fence().ok_or(Refusal::NotLeader)?;
        let node = self.attached().map_err(|_| Refusal::NotLeader)?.node.clone();
        if strong {
            return match Box::pin(node.propose(Command::Barrier, fence)).await {
                Ok(_) => Ok(node.status().applied),
                Err(ProposeError::Full) => Err(log_full().into()),
                Err(_) => Err(Refusal::NotLeader),
            };
        }
        node.read_index(lease).await.map_err(|_| Refusal::NotLeader)
    }

    /// Starts a read: here if it is known to be short, else on a reader thread.
    pub(super) fn read_here(
        &self,
        query: Query,
        limits: &Limits,
        running: Running,
    ) -> Result<Pending, Error> {
        let entry = self.entry(query.database)?;
        let (mut rows, pending) = rows::channel(running, limits.deadline);
        let pending = pending.partial(query.dialect == Dialect::Postgres);
        let text = Text::of(&query.statement);
        if self.short.is_short(text)
            && let Some(mut reader) = entry.idle_reader()
        {
            let Query { dialect, statement, schema, .. } = &query;
            let ran = self.short.run(text, &mut rows, |control, sink| {
                reader.run(*dialect, statement, *schema, control, sink)
            });
            if let Some(ran) = ran {
                rows.finish(ended(ran));
                return Ok(pending);
            }
        }
        let short = Arc::clone(&self.short);
        self.readers.submit(move || {
            let control = rows.control.clone();
            let ran = entry.reader().and_then(|mut reader| {
                let Query { dialect, statement, schema, .. } = &query;
                let began = clock::now();
                let ran = reader.run(*dialect, statement, *schema, &control, &mut rows);
                short.note(text, clock::now().since(began));
                ran
            });
            rows.finish(ended(ran));
        })?;
        Ok(pending)
    }
}

/// How a reader's statement ends its stream.
pub(super) fn ended(ran: Result<Option<crate::model::statement::Completion>, Error>) -> End {
    match ran {
        Ok(Some(completion)) => End::Done(completion),
        Ok(None) => End::SchemaChanged,
        Err(error) => End::Failed(error),
    }
}

/// The session count of a database on this node.
pub(super) fn sessions(entry: &Entry) -> usize {
    entry.sessions.load(Ordering::Acquire)
}
