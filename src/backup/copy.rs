//! One copy: a view of the database into a file of this node's, and that to its target.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use xxhash_rust::xxh3::Xxh3;

use crate::backup::plan::{Plan, Target};
use crate::backup::sign::timestamp;
use crate::backup::{directory, id};
use crate::engine::{Engine, Limits, PAGE_BYTES, Staged, View, set_wal_mode};
use crate::model::error::Error;
use crate::model::read_level::ReadLevel;
use crate::platform::clock;

/// Pages that are read at once.
const PAGES_AT_ONCE: u32 = 64;
/// A file that is compacted already is read in parts of this many bytes.
const PART_BYTES: u64 = 256 << 10;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// A copy of so many bytes.
    Copied(u64),
    /// Nothing has changed since the last copy.
    Unchanged,
    /// The place has a copy of this state, by whomever.
    There,
}

/// Makes a copy if the last one is of another state.
pub(super) async fn make(
    engine: &Engine,
    plan: &Plan,
    last: &mut Option<String>,
) -> Result<Made, String> {
    let told = |error: Error| error.message().to_owned();
    let Some(database) = engine.database(&plan.database) else {
        return Err(format!("there is no database {:?}", plan.database));
    };
    let limits = Limits::default();
    let view = engine.view(database, ReadLevel::Linearizable, &limits).await.map_err(told)?;
    let now = id(&view);
    if last.is_none() {
        *last = match &plan.target {
            // Copies with their time in their names don't stand for each other.
            Target::S3(_) if plan.timestamp => None,
            Target::S3(store) => store.last_id().await?,
            Target::Directory { directory, name } => directory::last_id(directory, name).await?,
        };
        if last.as_ref() == Some(&now) {
            tracing::info!("the copy at {} is of the present state", plan.target);
            return Ok(Made::There);
        }
    }
    if last.as_ref() == Some(&now) {
        return Ok(Made::Unchanged);
    }
    let (copy, now) = if plan.vacuum {
        drop(view);
        // What is committed meanwhile is in the copy; it is then copied once more.
        let copied = engine.compacted_copy(database, ReadLevel::Linearizable, &limits).await;
        (compacted(engine, copied.map_err(told)?, plan.compress).await.map_err(told)?, now)
    } else {
        (pages(engine, view, plan.compress).await.map_err(told)?.0, now)
    };
    let bytes = copy.length();
    let time = if plan.timestamp { stamp() } else { String::new() };
    match &plan.target {
        Target::S3(store) => {
            let (before, name) = store.path.rsplit_once('/').unwrap_or(("", &store.path));
            let slash = if before.is_empty() { "" } else { "/" };
            store.put(&format!("{before}{slash}{time}{name}"), copy, &now).await?;
        }
        Target::Directory { directory, name } => {
            directory::put(directory, &format!("{time}{name}"), &copy, &now).await?;
        }
    }
    *last = Some(now);
    Ok(Made::Copied(bytes))
}

/// `20130524000000_`
fn stamp() -> String {
    let digits = timestamp(clock::wall()).replace(['T', 'Z'], "");
    format!("{digits}_")
}

/// A file that is packed, or not, on its way to the disk.
struct Packed {
    file: Staged,
    encoder: Option<GzEncoder<Vec<u8>>>,
    hash: Box<Xxh3>,
}

impl Packed {
    async fn new(engine: &Engine, compress: bool) -> Result<Self, Error> {
        let encoder = compress.then(|| GzEncoder::new(Vec::new(), Compression::default()));
        Ok(Self { file: engine.scratch().await?, encoder, hash: Box::default() })
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let Some(encoder) = &mut self.encoder else { return self.append(bytes).await };
        encoder.write_all(&bytes).expect("memory takes all");
        let packed = std::mem::take(encoder.get_mut());
        if packed.is_empty() { Ok(()) } else { self.append(packed).await }
    }

    async fn append(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.hash.update(&bytes);
        self.file.append(bytes.into()).await
    }

    /// The file, and its XXH3-128.
    async fn finish(mut self) -> Result<(Staged, u128), Error> {
        if let Some(encoder) = self.encoder.take() {
            let rest = encoder.finish().expect("memory takes all");
            self.append(rest).await?;
        }
        Ok((self.file, self.hash.digest128()))
    }
}

/// The pages of a view, on this node's disk, and the file's XXH3-128.
pub(super) async fn pages(
    engine: &Engine,
    mut view: View,
    compress: bool,
) -> Result<(Staged, u128), Error> {
    let mut out = Packed::new(engine, compress).await?;
    let pages = view.page_count().await?;
    let mut first = 1;
    while first <= pages {
        let count = PAGES_AT_ONCE.min(pages - first + 1);
        let mut bytes = view.pages(first, count).await?;
        if first == 1 {
            // A rollback journal's: other programs can open the copy where they can't write.
            set_wal_mode(&mut bytes[..PAGE_BYTES], false);
        }
        out.write(bytes).await?;
        first += count;
    }
    out.finish().await
}

async fn compacted(engine: &Engine, copy: Staged, compress: bool) -> Result<Staged, Error> {
    if !compress {
        return Ok(copy);
    }
    let mut out = Packed::new(engine, compress).await?;
    let mut offset = 0;
    loop {
        let part = copy.read(offset, PART_BYTES).await?;
        if part.is_empty() {
            return Ok(out.finish().await?.0);
        }
        offset += part.len() as u64;
        out.write(part.into()).await?;
    }
}
