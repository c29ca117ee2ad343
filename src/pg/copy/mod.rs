//! COPY's data: the text, csv and binary formats (manual, "COPY", "File Formats").

mod binary;
mod read;
mod write;

pub(crate) use read::Reader;
pub(crate) use write::Writer;
