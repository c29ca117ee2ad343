//! A transaction's pages on their way to the log.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::error::Fault;
use crate::model::id::{Chain, Position, TransactionId};
use crate::model::notification::Notification;
use crate::platform::disk::{File, read_exact_at};
use crate::sqlite::page_set::{ChainHasher, Encoder};
use crate::sqlite::place::Place;
use crate::sqlite::vfs::{CapturedCommit, PAGE_BYTES, PageSource};

/// A transaction's pages on their way to the log.
#[derive(Debug)]
pub struct Capture {
    pub base: Position,
    pub txid: TransactionId,
    /// The chain value after this transaction.
    pub chain: Chain,
    /// The size of the database after it, in pages.
    pub database_pages: u32,
    pub page_count: u64,
    /// What is told to those who listen, once it is committed.
    pub notifications: Vec<Notification>,
    pages: VecDeque<Page>,
    /// Open if pages were spilled.
    wal: Option<Arc<dyn File>>,
}

#[derive(Debug)]
struct Page {
    number: u32,
    checksum: u64,
    source: Source,
    /// The page before this transaction, where it is remembered.
    before: Option<Arc<[u8]>>,
}

#[derive(Debug)]
enum Source {
    Memory(Arc<[u8]>),
    /// At this offset of the WAL file.
    Wal(u64),
}

impl Capture {
    pub(crate) fn new(
        base: Position,
        captured: CapturedCommit,
        recent: &mut RecentPages,
        wal: &Place,
    ) -> Result<Self, Fault> {
        let txid = base.txid.next();
        let mut hash = ChainHasher::new(base.chain, txid, captured.database_pages);
        let mut pages: VecDeque<_> = captured
            .pages
            .into_iter()
            .map(|(number, checksum, source)| Page {
                number,
                checksum,
                source: match source {
                    PageSource::Memory(bytes) => Source::Memory(bytes.into()),
                    PageSource::Wal(offset) => Source::Wal(offset),
                },
                before: recent.get(number),
            })
            .collect();
        if let Some(first) = pages.pop_front_if(|page| page.number == 1) {
            pages.push_back(first);
        }
        for page in &pages {
            hash.page(page.number, page.checksum);
        }
        let spilled = pages.iter().any(|page| matches!(page.source, Source::Wal(_)));
        let open = || wal.disk.open(&wal.path, false).map_err(|error| unreadable(&error));
        let wal = if spilled { Some(open()?) } else { None };
        Ok(Self {
            base,
            txid,
            chain: hash.finish(),
            database_pages: captured.database_pages,
            page_count: pages.len() as u64,
            notifications: Vec::new(),
            pages,
            wal,
        })
    }

    /// The pages that are in memory, and the numbers of the others.
    pub(crate) fn contents(&self) -> Vec<(u32, Option<Arc<[u8]>>)> {
        let content = |page: &Page| match &page.source {
            Source::Memory(bytes) => (page.number, Some(Arc::clone(bytes))),
            Source::Wal(_) => (page.number, None),
        };
        self.pages.iter().map(content).collect()
    }

    /// The next part of the encoded pages, of about `bytes_max`; `None` after the last.
    pub fn next_part(&mut self, bytes_max: usize) -> Result<Option<Bytes>, Fault> {
        let mut encoder = Encoder::new();
        while let Some(page) = self.pages.pop_front() {
            let read;
            let bytes: &[u8] = match &page.source {
                Source::Memory(bytes) => bytes,
                Source::Wal(offset) => {
                    read = self.read_spilled(*offset)?;
                    &read
                }
            };
            encoder.push(page.number, page.checksum, bytes, page.before.as_deref());
            if encoder.len() >= bytes_max {
                break;
            }
        }
        if encoder.is_empty() {
            return Ok(None);
        }
        Ok(Some(encoder.finish().into()))
    }

    /// Whether all parts were taken.
    pub fn is_drained(&self) -> bool {
        self.pages.is_empty()
    }

    fn read_spilled(&self, offset: u64) -> Result<Vec<u8>, Fault> {
        let wal = self.wal.as_ref().ok_or_else(|| Fault::new("the WAL file isn't open"))?;
        let mut page = vec![0; PAGE_BYTES];
        read_exact_at(&**wal, &mut page, offset).map_err(|error| unreadable(&error))?;
        Ok(page)
    }
}

fn unreadable(error: &std::io::Error) -> Fault {
    Fault::new(format!("read a transaction's pages from the WAL file: {error}"))
}

/// Pages as they were committed last, so that the next transaction can be told by its difference.
///
/// Invariant: each page is as all nodes have it at the last position: only what went through the log
/// gets in here.
#[derive(Debug)]
pub(crate) struct RecentPages {
    pages: HashMap<u32, Arc<[u8]>>,
    /// Numbers in the order they came in; some may be gone from `pages`.
    order: VecDeque<u32>,
    pages_max: usize,
    /// The size of the database after the last transaction, in pages.
    database_pages: u32,
}

impl RecentPages {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let pages_max = bytes_max / PAGE_BYTES;
        Self { pages: HashMap::new(), order: VecDeque::new(), pages_max, database_pages: 0 }
    }

    fn get(&self, number: u32) -> Option<Arc<[u8]>> {
        self.pages.get(&number).cloned()
    }

    /// Takes over the pages of a finished transaction, in time that depends on it alone, unless the
    /// file shrinks.
    pub(crate) fn update(&mut self, pages: Vec<(u32, Option<Arc<[u8]>>)>, database_pages: u32) {
        for (number, content) in pages {
            match content {
                Some(content) => {
                    if self.pages.insert(number, content).is_none() {
                        self.order.push_back(number);
                    }
                }
                None => drop(self.pages.remove(&number)),
            }
        }
        if database_pages < self.database_pages {
            // What comes back under these numbers has no page before it.
            self.pages.retain(|number, _| *number <= database_pages);
        }
        self.database_pages = database_pages;
        while self.order.len() > self.pages_max {
            if let Some(oldest) = self.order.pop_front() {
                self.pages.remove(&oldest);
            }
        }
    }

    /// Forgets everything: pages changed that didn't come through here.
    pub(crate) fn clear(&mut self) {
        self.pages.clear();
        self.order.clear();
    }
}
