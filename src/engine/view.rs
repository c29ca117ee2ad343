//! One state of a database, read by several statements.

use std::sync::{Arc, Mutex};

use crate::engine::cancel::lock;
use crate::engine::core::Core;
use crate::engine::read::{Place, ended};
use crate::engine::rows::{self, Rest, Rows};
use crate::engine::store::Entry;
use crate::engine::{Engine, Limits};
use crate::model::catalog::Catalog;
use crate::model::error::{Error, SqlState};
use crate::model::id::{DatabaseId, LogIndex, Position};
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Dialect, Statement};
use crate::sqlite::Reader;

/// A reader inside a read transaction, which ends when this is dropped.
#[derive(Debug)]
struct Held(Mutex<Reader>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).end();
    }
}

/// One state of a database, to read from. Gives back its connection when dropped.
#[derive(Debug)]
pub struct View {
    core: Arc<Core>,
    /// Locked by the one statement that runs.
    reader: Arc<Held>,
    position: Position,
    index: Option<LogIndex>,
    rest: Rest,
}

impl Engine {
    /// Opens a read view: all its statements see one state, which satisfies `level` at this moment.
    /// It is always this node's: where the level asks for the leader's copy, the view is what the
    /// leader had committed when it was opened.
    pub async fn view(
        &self,
        database: DatabaseId,
        level: ReadLevel,
        limits: &Limits,
    ) -> Result<View, Error> {
        let running = limits.cancel.start();
        let level = match self.core.effective(level) {
            ReadLevel::Weak if self.core.fence().is_none() => ReadLevel::Linearizable,
            level => level,
        };
        let Place::Here { index } = self.core.satisfy(level, limits, &running).await? else {
            return Err(Error::no_leader());
        };
        let entry = self.core.entry(database)?;
        let (reader, position) = self.core.readers.run(move || open(&entry)).await??;
        let reader = Arc::new(Held(Mutex::new(reader)));
        Ok(View { core: self.core.clone(), reader, position, index, rest: Rest::default() })
    }
}

fn open(entry: &Entry) -> Result<(Reader, Position), Error> {
    let mut reader = entry.reader()?;
    let txid = reader.begin()?;
    let Some(position) = entry.lane.shared.position_of(txid) else {
        reader.end();
        // After a restart the file may be ahead of what the log has led to so far.
        return Err(Error::retry(
            SqlState::CANNOT_CONNECT_NOW,
            "the database system is starting up",
        ));
    };
    Ok((reader, position))
}

impl View {
    /// As [`Rows::index`].
    pub fn index(&self) -> Option<LogIndex> {
        self.index
    }

    pub fn position(&self) -> Position {
        self.position
    }

    pub async fn catalog(&mut self) -> Result<Arc<Catalog>, Error> {
        self.rest.keep(self.core.options.result_bytes_max);
        let reader = self.reader.clone();
        self.core.readers.run(move || lock(&reader.0).catalog()).await?
    }

    /// The database's size in pages of 4096 bytes.
    pub async fn page_count(&mut self) -> Result<u32, Error> {
        let reader = self.reader.clone();
        self.core.readers.run(move || lock(&reader.0).page_count()).await?
    }

    /// The bytes of `count` pages from `first` on, which is at least 1.
    pub async fn pages(&mut self, first: u32, count: u32) -> Result<Vec<u8>, Error> {
        let reader = self.reader.clone();
        self.core.readers.run(move || lock(&reader.0).pages(first, count)).await?
    }

    /// Runs a read-only statement. Rows of an earlier one that were not read yet are read into
    /// memory first (54000 if they are too many).
    pub async fn run(
        &mut self,
        dialect: Dialect,
        statement: Statement,
        limits: &Limits,
    ) -> Result<Rows, Error> {
        self.rest.keep(self.core.options.result_bytes_max);
        let (mut rows, pending) = rows::channel(limits.cancel.start(), limits.deadline);
        self.rest = pending.rest();
        let reader = self.reader.clone();
        self.core.readers.submit(move || {
            let control = rows.control.clone();
            let ran = lock(&reader.0).run(dialect, &statement, None, &control, &mut rows);
            rows.finish(ended(ran));
        })?;
        let pending = pending.partial(dialect == Dialect::Postgres);
        let rows = pending.started().await?.map(Rows::interrupting);
        rows.ok_or_else(|| Error::internal("a view's statement has no schema"))
    }
}
