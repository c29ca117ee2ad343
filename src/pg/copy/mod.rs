//! COPY's data: the text and csv formats (manual, "COPY", "File Formats").

mod read;
mod write;

pub(crate) use read::Reader;
pub(crate) use write::Writer;
