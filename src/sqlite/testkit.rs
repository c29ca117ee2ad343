//! What this module's tests share: a leader, and a mirror that applies what the leader captures.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use crate::model::command::{Origin, PagesPart};
use crate::model::error::{Error, Fault};
use crate::model::id::{DatabaseId, Position};
use crate::model::statement::{Completion, Dialect, Parameters, Statement};
use crate::model::value::{ResultColumn, RowBatch, Value};
use crate::platform::disk::{Disk, RealDisk};
use crate::sqlite::{Control, Database, Options, Reader, RowSink, RunError, Writer, chain_after};

pub(crate) fn options() -> Options {
    Options {
        foreign_keys: false,
        transaction_bytes_max: 256 << 20,
        cache_bytes: 4 << 20,
        readers_max: 4,
        deparse: None,
        value_bytes_max: 64 << 20,
        extensions: Vec::new(),
        capturing: None,
    }
}

/// Keeps all rows.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the rows of Rows")]
pub(crate) struct Rows {
    pub(crate) columns: Vec<ResultColumn>,
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) batches: usize,
}

impl RowSink for Rows {
    fn columns(&mut self, columns: Vec<ResultColumn>) {
        assert!(self.columns.is_empty(), "columns come once");
        self.columns = columns;
    }

    fn push(&mut self, batch: RowBatch) -> Result<(), Error> {
        self.batches += 1;
        self.rows.extend(batch.iter().map(<[Value]>::to_vec));
        Ok(())
    }
}

pub(crate) fn statement(sql: &str) -> Statement {
    Statement { sql: Arc::from(sql), parameters: Parameters::default(), touch: None }
}

pub(crate) fn with(sql: &str, values: Vec<Value>) -> Statement {
    Statement { sql: Arc::from(sql), parameters: Parameters::Positional(values), touch: None }
}

/// A database with its position and its writer.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: PathBuf,
    pub(crate) database: Database,
    pub(crate) writer: Writer,
    pub(crate) position: Position,
}

/// One transaction as it would go through the log.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) database_pages: u32,
    pub(crate) parts: Vec<Bytes>,
}

impl Node {
    pub(crate) fn open(directory: &TempDir, name: &str, options: &Options) -> Self {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        Self::open_on(&disk, &directory.path().join(name), options)
    }

    pub(crate) fn open_on(disk: &Arc<dyn Disk>, path: &Path, options: &Options) -> Self {
        let database = Database::open(disk, path, options).unwrap();
        let writer = database.writer();
        let position = Position { txid: writer.txid(), ..Position::default() };
        Self { path: path.to_owned(), database, writer, position }
    }

    pub(crate) fn run(&mut self, sql: &str) -> Result<Completion, RunError> {
        let mut rows = Rows::default();
        self.writer.run(&statement(sql), &Control::default(), &mut rows)
    }

    /// Captures the open transaction and takes all its parts.
    pub(crate) fn capture(&mut self, part_bytes: usize) -> Result<Option<Entry>, RunError> {
        let Some(mut capture) = self.writer.capture(self.position)? else { return Ok(None) };
        let mut parts = Vec::new();
        while let Some(part) = capture.next_part(part_bytes).unwrap() {
            parts.push(part);
        }
        let position = Position { txid: capture.txid, chain: capture.chain };
        let database_pages = capture.database_pages;
        Ok(Some(Entry { position, database_pages, parts }))
    }

    /// Runs texts in one transaction and commits it.
    pub(crate) fn commit(&mut self, dialect: Dialect, texts: &[&str]) -> Entry {
        self.writer.begin(dialect).unwrap();
        for text in texts {
            self.run(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        }
        self.finish()
    }

    /// Commits the open transaction.
    pub(crate) fn finish(&mut self) -> Entry {
        let entry = self.capture(100_000).unwrap().expect("something was changed");
        self.writer.finish().unwrap();
        self.position = entry.position;
        entry
    }

    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<(), Fault> {
        let parts = pages_parts(entry);
        let references: Vec<_> = parts.iter().collect();
        assert_eq!(chain_after(self.position.chain, &references), entry.position.chain);
        let mut parts = entry.parts.iter().cloned().map(Ok);
        let (base, after) = (self.position, entry.position);
        self.writer.apply(base, after, entry.database_pages, &mut parts)?;
        self.position = entry.position;
        Ok(())
    }

    /// Applies entries of one part each as one.
    pub(crate) fn apply_run(&mut self, entries: &[Entry]) -> Result<(), Fault> {
        let Some(last) = entries.last() else { return Ok(()) };
        let mut base = self.position;
        let mut run = Vec::new();
        for entry in entries {
            let part = pages_parts(entry).remove(0);
            run.push(PagesPart { base, ..part });
            base = entry.position;
        }
        self.writer.apply_run(&run)?;
        self.position = last.position;
        Ok(())
    }

    pub(crate) fn reader(&self) -> Reader {
        self.database.reader(Duration::ZERO).unwrap()
    }

    /// All rows of a query on a reader.
    pub(crate) fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        let mut rows = Rows::default();
        let mut reader = self.reader();
        let control = Control::default();
        reader.run(Dialect::Sqlite, &statement(sql), None, &control, &mut rows).unwrap().unwrap();
        rows.rows
    }

    pub(crate) fn number(&self, sql: &str) -> i64 {
        match self.query(sql).first().and_then(|row| row.first()) {
            Some(Value::Integer(number)) => *number,
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// The file's bytes after everything is checkpointed into it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let checkpoint = self.database.checkpoint().unwrap();
        assert!(checkpoint.complete, "{checkpoint:?}");
        std::fs::read(&self.path).unwrap()
    }
}

/// The parts of an entry, that build on nothing yet.
pub(crate) fn pages_parts(entry: &Entry) -> Vec<PagesPart> {
    let last = entry.parts.len() - 1;
    let part = |(at, pages): (usize, &Bytes)| PagesPart {
        database: DatabaseId::POSTGRES,
        base: Position::default(),
        txid: entry.position.txid,
        chain: entry.position.chain,
        database_pages: entry.database_pages,
        part: at as u32,
        last: at == last,
        origin: Origin::default(),
        proposed_at: 0,
        pages: pages.clone(),
        notifications: Vec::new(),
    };
    entry.parts.iter().enumerate().map(part).collect()
}

/// A leader and a mirror, which start out equal.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) leader: Node,
    pub(crate) mirror: Node,
    pub(crate) directory: TempDir,
}

impl Pair {
    pub(crate) fn new(options: &Options) -> Self {
        let directory = TempDir::new().unwrap();
        let leader = Node::open(&directory, "leader.sqlite", options);
        let mirror = Node::open(&directory, "mirror.sqlite", options);
        Self { leader, mirror, directory }
    }

    /// Runs texts in one transaction on the leader, and applies it to the mirror.
    pub(crate) fn commit(&mut self, dialect: Dialect, texts: &[&str]) {
        let entry = self.leader.commit(dialect, texts);
        self.mirror.apply(&entry).unwrap_or_else(|fault| panic!("{texts:?}: {fault}"));
    }

    pub(crate) fn finish(&mut self) {
        let entry = self.leader.finish();
        self.mirror.apply(&entry).unwrap();
    }

    /// Closes the leader without a checkpoint and opens it again.
    pub(crate) fn reopen_leader(&mut self, options: &Options) {
        let spare = Node::open(&self.directory, "spare.sqlite", options);
        let old = std::mem::replace(&mut self.leader, spare);
        let (name, position) = (old.path.file_name().unwrap().to_owned(), old.position);
        drop(old);
        let mut reopened = Node::open(&self.directory, name.to_str().unwrap(), options);
        assert_eq!(reopened.position.txid, position.txid);
        reopened.position = position;
        self.leader = reopened;
    }

    pub(crate) fn assert_equal(&self, when: &str) {
        let (leader, mirror) = (self.leader.bytes(), self.mirror.bytes());
        assert_eq!(leader.len(), mirror.len(), "{when}: size");
        for (at, (left, right)) in leader.chunks(4096).zip(mirror.chunks(4096)).enumerate() {
            assert!(left == right, "{when}: page {} differs", at + 1);
        }
        let check = rusqlite::Connection::open(&self.mirror.path).unwrap();
        let result: String =
            check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(result, "ok", "{when}");
    }
}
