//! COPY FROM STDIN and COPY TO STDOUT on a connection.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::datum::encoding::Encoding;
use crate::model::error::Error;
use crate::model::value::RowBatch;
use crate::pg::charset::{self, Charset};
use crate::pg::connection::{Connection, Stop};
use crate::pg::copy::{Reader, Writer};
use crate::pg::decode::{self, Frontend};
use crate::pg::encode;
use crate::pg::error::{Level, put_error, violation};
use crate::pg::framing::Gone;
use crate::session::Rowset;
use crate::sql::{CopyFormat, CopyOptions, OutputColumn};

/// The encoding of a COPY's text: that of its option, or the client's.
fn copy_charset(option: Option<&'static Encoding>, own: Charset) -> Charset {
    match option {
        Some(encoding) => Some(encoding).filter(|encoding| !encoding.is_as_stored()),
        None => own,
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Takes the client's data until it says that this is all.
    pub(crate) async fn copy_in(
        &mut self,
        options: CopyOptions,
        columns: Arc<[OutputColumn]>,
    ) -> Result<(), Stop> {
        let binary = options.format == CopyFormat::Binary;
        encode::copy_response(b'G', columns.len(), binary, &mut self.wire.out);
        self.wire.flush().await?;
        let style = self.session.style().clone();
        let charset = copy_charset(options.encoding, self.wire.out.charset);
        let mut reader = Reader::new(options, columns, style, self.message_bytes_max())
            .with_charset(charset, self.wire.out.charset);
        loop {
            let message = self.next_message().await?;
            let body = charset::incoming(self.wire.out.charset, message.kind, &message.body);
            let body = match body {
                Ok(body) => body,
                Err(error) => return Err(self.copy_failed(error).await),
            };
            let frontend = match decode::decode(message.kind, &body) {
                Ok(frontend) => frontend,
                Err(error) if message.kind == b'f' => return Err(self.copy_failed(error).await),
                Err(_) => return Err(self.copy_lost(message.kind)),
            };
            match frontend {
                Frontend::CopyData(data) => {
                    if let Err(error) = reader.feed(data) {
                        return Err(self.copy_failed(error).await);
                    }
                    self.store_batches(&mut reader, false).await?;
                }
                Frontend::CopyDone => {
                    self.store_batches(&mut reader, true).await?;
                    let tag = self.wire.drive(&self.canceler, self.session.copy_done()).await??;
                    self.complete(&tag);
                    return Ok(());
                }
                Frontend::CopyFail(message) => {
                    let error =
                        self.wire.drive(&self.canceler, self.session.copy_fail(message)).await?;
                    return Err(error.into());
                }
                // libpq may send these at any time (manual, "COPY Operations").
                Frontend::Flush | Frontend::Sync => {}
                _ => return Err(self.copy_lost(message.kind)),
            }
        }
    }

    async fn store_batches(&mut self, reader: &mut Reader, last: bool) -> Result<(), Stop> {
        loop {
            match reader.next_batch(last) {
                Ok(Some(batch)) => self.store_batch(batch, reader).await?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.copy_failed(error).await),
            }
        }
    }

    async fn store_batch(&mut self, batch: RowBatch, reader: &Reader) -> Result<(), Stop> {
        let stored = self.wire.drive(&self.canceler, self.session.copy_data(batch)).await?;
        stored.map_err(|error| {
            if error.fields().context.is_some() {
                Stop::Failed(error)
            } else {
                Stop::Failed(error.with_context(reader.batch_context()))
            }
        })
    }

    /// Fails the transaction for an error that the session doesn't know of.
    async fn copy_failed(&mut self, error: Error) -> Stop {
        match self.fail().await {
            Ok(()) => Stop::Failed(error),
            Err(gone) => Stop::Gone(gone),
        }
    }

    /// Ends the connection: who sends something else in the midst of their data has lost track of
    /// the protocol, and what follows may be anything.
    fn copy_lost(&mut self, kind: u8) -> Stop {
        let error =
            violation(format!("unexpected message type 0x{kind:02X} during COPY from stdin"));
        put_error(Level::Error, &error, &mut self.wire.out);
        let lost = "terminating connection because protocol synchronization was lost";
        Stop::Gone(Gone::Fatal(violation(lost)))
    }

    pub(crate) async fn copy_out(
        &mut self,
        options: CopyOptions,
        mut rows: Rowset,
    ) -> Result<(), Stop> {
        let columns = rows.columns();
        let encoding = options.encoding;
        let mut writer = Writer::new(options);
        let binary = writer.is_binary();
        encode::copy_response(b'H', columns.len(), binary, &mut self.wire.out);
        // Of the binary format, text in values is in the client's encoding.
        let own = self.wire.out.charset;
        let charset = if binary { own } else { copy_charset(encoding, own) };
        if writer.has_header() {
            self.wire.out.charset = charset;
            let written = encode::copy_data(&mut self.wire.out, |out| writer.header(&columns, out));
            self.wire.out.charset = own;
            if let Err(error) = written {
                return Err(self.copy_failed(error).await);
            }
        }
        while let Some(batch) =
            self.wire.drive(&self.canceler, self.session.fetch(&mut rows)).await??
        {
            for row in batch.iter() {
                let style = self.session.style();
                self.wire.out.charset = charset;
                let written = encode::copy_data(&mut self.wire.out, |out| {
                    writer.row(row, &columns, style, out)
                });
                self.wire.out.charset = own;
                if let Err(error) = written {
                    return Err(self.copy_failed(error).await);
                }
                self.wire.flush_if_full().await?;
            }
        }
        if binary {
            encode::copy_data(&mut self.wire.out, |out| {
                writer.end(out);
                Ok(())
            })?;
        }
        encode::copy_done(&mut self.wire.out);
        let tag = self.wire.drive(&self.canceler, self.session.finish(rows)).await??;
        self.complete(tag.as_deref().unwrap_or("COPY 0"));
        Ok(())
    }
}
