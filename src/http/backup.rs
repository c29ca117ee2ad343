//! `GET /db/backup`: a database as it is at one moment, streamed while it is read.
//!
//! The copy is this node's. Unless `noleader` is given, it has everything that was acknowledged before
//! the request began, so it need not come from the leader. Nothing is held in memory but a few parts,
//! and the read transaction ends when the client goes away or takes nothing for too long.

use std::io::Write as _;

use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::engine::{Canceler, Limits, PAGE_BYTES, Staged, View, set_wal_mode};
use crate::http::dump;
use crate::http::error::{Failure, Operation, failure};
use crate::http::reply::{self, Part, Sender, Stop};
use crate::http::sql::{Call, limits};
use crate::model::read_level::ReadLevel;
use crate::platform::task;

/// Pages that are read at once.
const PAGES_AT_ONCE: u32 = 64;

/// What a backup looks like.
#[derive(Debug, Clone, PartialEq)]
enum Format {
    /// The database file, in WAL mode as it is here.
    Binary,
    /// The same, compacted, which takes a copy on this node's disk.
    Compacted,
    /// The same in rollback-journal mode, for programs that can't write beside it.
    Delete,
    /// Statements that make it anew: all tables, or those that are named.
    Sql(Option<Vec<String>>),
}

impl Format {
    fn content_type(&self) -> &'static str {
        match self {
            Self::Binary | Self::Compacted | Self::Delete => "application/octet-stream",
            Self::Sql(_) => "application/sql",
        }
    }
}

/// Where a backup is written to.
pub(crate) struct Sink {
    out: Out,
    sender: Sender,
}

enum Out {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Out {
    fn buffer(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(buffer) => buffer,
            Self::Gzip(encoder) => encoder.get_mut(),
        }
    }
}

impl Sink {
    fn new(sender: Sender, compress: bool) -> Self {
        let out = if compress {
            Out::Gzip(GzEncoder::new(Vec::new(), Compression::default()))
        } else {
            Out::Plain(Vec::new())
        };
        Self { out, sender }
    }

    /// Writes bytes, and sends what is enough to be sent.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        match &mut self.out {
            Out::Plain(buffer) => buffer.extend_from_slice(bytes),
            Out::Gzip(encoder) => encoder.write_all(bytes).expect("memory takes all"),
        }
        if self.out.buffer().len() < reply::PART_BYTES {
            return Ok(());
        }
        let part = std::mem::take(self.out.buffer());
        self.sender.send(Part::More(part.into())).await
    }

    async fn finish(self, made: Result<(), Stop>) {
        let last = match (made, self.out) {
            (Ok(()), Out::Plain(buffer)) => Part::Last(buffer.into()),
            (Ok(()), Out::Gzip(encoder)) => {
                Part::Last(encoder.finish().expect("memory takes all").into())
            }
            (Err(Stop::Failed(failure)), _) => Part::Failed(failure),
            (Err(Stop::Gone), _) => return,
        };
        // If nobody takes it, nobody is there to be told.
        let _ = self.sender.send(last).await;
    }
}

/// `GET /db/backup`
pub(crate) async fn backup(call: &Call, parts: &Parts) -> Result<Response, Failure> {
    call.app.counters.backups.one();
    let format = format(call)?;
    let no_leader = call.params.has("noleader");
    if let Some(redirect) = call.redirect(parts, !no_leader)? {
        return Ok(redirect);
    }
    let level = if no_leader { ReadLevel::None(None) } else { ReadLevel::Linearizable };
    let database = call.database()?;
    let waiting = limits(Some(call.params.timeout_or_default()));
    let failed = |error| failure(&error, Operation::Query);
    let (sender, made) = reply::parts();
    let sink = Sink::new(sender, call.params.has("compress"));
    let content_type = HeaderValue::from_static(format.content_type());
    let engine = &call.app.engine;
    if format == Format::Compacted {
        let copy = engine.compacted_copy(database, level, &waiting).await.map_err(failed)?;
        task::spawn(write_copy(copy, sink));
    } else {
        let view = engine.view(database, level, &waiting).await.map_err(failed)?;
        task::spawn(write(view, format, sink));
    }
    let mut response = Response::new(reply::body(made).await?);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(call.served(response, false))
}

fn format(call: &Call) -> Result<Format, Failure> {
    let params = &call.params;
    let format = match params.get("fmt").unwrap_or_default() {
        "sql" => Format::Sql(params.get("tables").map(|names| {
            names.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect()
        })),
        "delete" => Format::Delete,
        _ => Format::Binary,
    };
    if !params.has("vacuum") {
        return Ok(format);
    }
    if format != Format::Binary {
        return Err(Failure::internal("invalid backup format"));
    }
    Ok(Format::Compacted)
}

/// A copy that is a file already, with the mark of WAL mode that the database has.
async fn write_copy(copy: Staged, mut sink: Sink) {
    let mut offset = 0;
    let made = loop {
        let part = match copy.read(offset, reply::PART_BYTES as u64).await {
            Ok(part) => part,
            Err(error) => break Err(Stop::Failed(failure(&error, Operation::Query))),
        };
        if part.is_empty() {
            break Ok(());
        }
        let mut part = Vec::from(part);
        if let Some(first) = part.get_mut(..PAGE_BYTES).filter(|_| offset == 0) {
            set_wal_mode(first, true);
        }
        offset += part.len() as u64;
        if let Err(stop) = sink.write(&part).await {
            break Err(stop);
        }
    };
    sink.finish(made).await;
}

async fn write(mut view: View, format: Format, mut sink: Sink) {
    let cancel = Canceler::default();
    let gone = sink.sender.gone();
    let limits = Limits { cancel: cancel.clone(), ..Limits::default() };
    let making = async {
        match &format {
            Format::Binary | Format::Compacted => file(&mut view, &mut sink, false).await,
            Format::Delete => file(&mut view, &mut sink, true).await,
            Format::Sql(tables) => {
                dump::write(&mut view, tables.as_deref(), &limits, &mut sink).await
            }
        }
    };
    let made = tokio::select! {
        biased;
        made = making => made,
        () = async { gone.await; cancel.cancel() } => Err(Stop::Gone),
    };
    sink.finish(made).await;
}

/// The database file, page by page.
async fn file(view: &mut View, sink: &mut Sink, rollback_journal: bool) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(failure(&error, Operation::Query));
    let pages = view.page_count().await.map_err(failed)?;
    let mut first = 1;
    while first <= pages {
        let count = PAGES_AT_ONCE.min(pages - first + 1);
        let mut bytes = view.pages(first, count).await.map_err(failed)?;
        if first == 1 && rollback_journal {
            set_wal_mode(&mut bytes[..PAGE_BYTES], false);
        }
        sink.write(&bytes).await?;
        first += count;
    }
    Ok(())
}
