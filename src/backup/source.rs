//! What comes from a directory or an object store, part by part, and is unpacked on the way.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::write::GzDecoder;

use crate::client::Download;
use crate::platform::task;

/// How gzip begins.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// A file is read in parts of this many bytes.
const PART_BYTES: u64 = 1 << 20;

/// Where bytes come from.
pub(super) enum Source {
    Store(Download),
    /// From this byte on.
    File(PathBuf, u64),
}

impl Source {
    /// The next bytes; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Self::Store(download) => download.next().await.map_err(|error| error.to_string()),
            Self::File(path, offset) => {
                let (file, from) = (path.clone(), *offset);
                let part = task::blocking(move || read_part(&file, from)).await;
                let part = part.map_err(|error| format!("read {}: {error}", path.display()))?;
                *offset += part.len() as u64;
                Ok(Some(part).filter(|part| !part.is_empty()).map(Bytes::from))
            }
        }
    }
}

fn read_part(path: &Path, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut part = Vec::new();
    file.take(PART_BYTES).read_to_end(&mut part)?;
    Ok(part)
}

/// Unpacks what is packed by gzip, and leaves anything else as it is.
#[derive(Default)]
pub(super) enum Unpacking {
    #[default]
    Unknown,
    Plain,
    Gzip(Box<GzDecoder<Vec<u8>>>),
}

impl Unpacking {
    /// What these bytes, which follow those before, give.
    pub(super) fn push(&mut self, part: &[u8]) -> Result<Vec<u8>, String> {
        if matches!(self, Self::Unknown) {
            let packed = part.starts_with(&GZIP_MAGIC);
            *self =
                if packed { Self::Gzip(Box::new(GzDecoder::new(Vec::new()))) } else { Self::Plain };
        }
        match self {
            Self::Gzip(decoder) => {
                decoder.write_all(part).map_err(|error| format!("unpack it: {error}"))?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Unknown | Self::Plain => Ok(part.to_vec()),
        }
    }

    /// What is left at the end.
    pub(super) fn finish(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Gzip(decoder) => decoder.finish().map_err(|error| format!("unpack it: {error}")),
            Self::Unknown | Self::Plain => Ok(Vec::new()),
        }
    }
}
