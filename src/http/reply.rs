//! Answers: whole ones, and ones that are sent while they are made.
//!
//! A document that fits [`PART_BYTES`] is sent whole, so that its status is known to be right. A
//! larger one is sent in parts as its rows come, and waits while the client doesn't read. Such a
//! document always ends in one of two ways: as valid JSON (with an `error`, if something failed on
//! the way), or with the connection cut before the last part, which HTTP clients report.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::http::error::Failure;
use crate::http::json::Writer;
use crate::platform::clock;

/// A document is sent in parts of about this size.
pub(crate) const PART_BYTES: usize = 64 << 10;
/// Parts that wait for the client at the most.
const PARTS_MAX: usize = 2;
/// A client that takes no part for so long is given up.
const STALL_MAX: Duration = Duration::from_mins(1);

/// A message from who makes a document to who sends it.
#[derive(Debug)]
pub(crate) enum Part {
    More(Bytes),
    /// The document is complete with this.
    Last(Bytes),
    /// There is no document. Only before any part.
    Failed(Failure),
}

/// Where a document is written to.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) json: Writer,
    sender: Sender,
    /// Whether a part was sent, so that the status can't change any more.
    pub(crate) committed: bool,
}

/// The way to who sends a document.
#[derive(Debug)]
pub(crate) struct Sender(mpsc::Sender<Part>);

impl Sender {
    /// Resolves when nobody waits for the document any more.
    pub(crate) fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let sender = self.0.clone();
        async move { sender.closed().await }
    }

    /// Waits until there is space, if the client takes something within a reasonable time.
    pub(crate) async fn send(&self, part: Part) -> Result<(), Stop> {
        match clock::timeout(STALL_MAX, self.0.send(part)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Stop::Gone),
        }
    }
}

/// A document's parts, on their way.
pub(crate) fn parts() -> (Sender, mpsc::Receiver<Part>) {
    let (sender, receiver) = mpsc::channel(PARTS_MAX);
    (Sender(sender), receiver)
}

/// Why a document isn't gone on with.
#[derive(Debug, PartialEq)]
pub(crate) enum Stop {
    /// Nobody reads it.
    Gone,
    Failed(Failure),
}

/// A document in the making, and what is sent of it.
pub(crate) fn channel(pretty: bool) -> (Output, mpsc::Receiver<Part>) {
    let (sender, receiver) = parts();
    (Output { json: Writer::new(pretty), sender, committed: false }, receiver)
}

impl Output {
    /// Resolves when nobody waits for the document any more.
    pub(crate) fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        self.sender.gone()
    }

    /// Sends what was written, if that is enough to be sent.
    pub(crate) async fn relieve(&mut self) -> Result<(), Stop> {
        if self.json.out.len() < PART_BYTES {
            return Ok(());
        }
        let part = Bytes::from(std::mem::take(&mut self.json.out));
        self.committed = true;
        self.sender.send(Part::More(part)).await
    }

    /// Ends the document, or says why there is none.
    pub(crate) async fn finish(mut self, made: Result<(), Stop>) {
        let last = match made {
            Ok(()) => Part::Last(Bytes::from(std::mem::take(&mut self.json.out))),
            Err(Stop::Failed(failure)) if !self.committed => Part::Failed(failure),
            // Without a last part the connection is cut.
            Err(_) => return,
        };
        // If nobody takes it, nobody is there to be told.
        let _ = self.sender.send(last).await;
    }
}

/// The answer that the document of the other end makes.
pub(crate) async fn response(parts: mpsc::Receiver<Part>) -> Result<Response, Failure> {
    Ok(json_body(body(parts).await?))
}

/// The body that is made of parts, or why there is none.
pub(crate) async fn body(mut parts: mpsc::Receiver<Part>) -> Result<Body, Failure> {
    match parts.recv().await {
        Some(Part::Last(whole)) => Ok(Body::from(whole)),
        Some(Part::Failed(failure)) => Err(failure),
        Some(Part::More(first)) => Ok(Body::from_stream(stream(first, parts))),
        None => Err(Failure::internal("internal error")),
    }
}

fn stream(
    first: Bytes,
    parts: mpsc::Receiver<Part>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    let state = (Some(first), Some(parts));
    futures_util::stream::unfold(state, async |(first, parts)| {
        if let Some(first) = first {
            return Some((Ok(first), (None, parts)));
        }
        let mut parts = parts?;
        Some(match parts.recv().await {
            Some(Part::More(part)) => (Ok(part), (None, Some(parts))),
            Some(Part::Last(part)) => (Ok(part), (None, None)),
            Some(Part::Failed(_)) | None => {
                (Err(std::io::Error::other("the result broke off")), (None, None))
            }
        })
    })
}

fn json_body(body: Body) -> Response {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// A JSON document that is there already.
pub(crate) fn json(document: Vec<u8>) -> Response {
    json_body(Body::from(document))
}

/// A status and nothing else.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A status with a text.
pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Response {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_small_document_is_sent_whole() {
        let (mut output, parts) = channel(false);
        output.json.string("x");
        output.relieve().await.unwrap();
        output.finish(Ok(())).await;
        let body = response(parts).await.unwrap().into_body();
        assert_eq!(to_bytes(body, 10).await.unwrap(), "\"x\"");
    }

    #[tokio::test]
    async fn a_failure_before_any_part_replaces_the_document() {
        let (mut output, parts) = channel(false);
        output.json.string("x");
        output.finish(Err(Stop::Failed(Failure::no_leader()))).await;
        assert_eq!(response(parts).await.unwrap_err(), Failure::no_leader());
    }

    #[tokio::test]
    async fn a_document_that_breaks_off_is_an_error_of_the_body() {
        for made in [Ok(()), Err(Stop::Failed(Failure::no_leader()))] {
            let (mut output, parts) = channel(false);
            let is_whole = made.is_ok();
            output.json.string(&"x".repeat(PART_BYTES));
            output.relieve().await.unwrap();
            output.finish(made).await;
            let body = response(parts).await.unwrap().into_body();
            let bytes = to_bytes(body, 2 * PART_BYTES).await;
            assert_eq!(bytes.is_ok(), is_whole);
        }
    }

    #[tokio::test]
    async fn nobody_reading_ends_the_document() {
        let (mut output, parts) = channel(false);
        let gone = output.gone();
        assert_eq!(output.gone().now_or_never(), None);
        drop(parts);
        gone.await;
        output.json.string(&"x".repeat(PART_BYTES));
        assert_eq!(output.relieve().await, Err(Stop::Gone));
    }
}
