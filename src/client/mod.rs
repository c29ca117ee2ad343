//! An HTTP/1.1 client for nodes' HTTP listeners: one request, one connection, one answer.
//!
//! No redirects, no retries: who calls knows what may be sent again.

mod endpoint;

use std::fmt;
use std::io::{Read, Write};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper_util::rt::TokioIo;

use crate::platform::{clock, task};

pub use endpoint::{Endpoint, address};

/// An answer is at most this large.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// A file is read and sent in parts of this many bytes.
const FILE_PART_BYTES: usize = 64 << 10;

/// What to ask for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `POST` ...
    pub method: &'static str,
    /// Path and query string, from the `/` on, percent-encoded.
    pub path: String,
    /// Sent as `application/json`, unless empty.
    pub body: String,
    /// Who asks: `user:password`, for Basic authentication.
    pub user: Option<String>,
    /// More headers; `host` among them takes the place of the address.
    pub headers: Vec<(String, String)>,
}

/// A body in parts.
pub type Parts = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

impl Request {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), ..Self::default() }
    }

    pub fn post(path: impl Into<String>, body: impl Into<String>) -> Self {
        Self { method: "POST", path: path.into(), body: body.into(), ..Self::default() }
    }
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text, for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim_end().to_owned()
    }
}

/// Why there is no answer. The text says which address, and what to look at.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientError {
    /// Nothing was sent.
    Unreachable { address: String, why: String },
    /// The request may have been acted on.
    TimedOut { address: String, after: Duration },
    /// The request may have been acted on.
    Broken { address: String, why: String },
    /// The request can't be written as HTTP.
    Invalid(String),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, why } => write!(
                f,
                "no connection to {address}: {why}. Is a node running there, and is this the \
                 address of its HTTP listener (--http-addr)?"
            ),
            Self::TimedOut { address, after } => write!(
                f,
                "no answer from {address} within {after:?}. The node may be overloaded or cut off \
                 from its cluster; a write may have taken effect"
            ),
            Self::Broken { address, why } => write!(
                f,
                "the connection to {address} broke before the answer was complete: {why}. A write \
                 may have taken effect; if this happens at once, check that the address is that of \
                 an HTTP listener (--http-addr) and not of another one, and whether it wants https://"
            ),
            Self::Invalid(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ClientError {}

/// A text as part of a path or query string.
pub fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Sends one request and reads the whole answer.
///
/// # Errors
/// When there is no answer; a status of any kind is one.
pub async fn send(
    to: &Endpoint,
    request: Request,
    timeout: Duration,
) -> Result<Answer, ClientError> {
    clock::timeout(timeout, exchange(to, request)).await.unwrap_or_else(|_| {
        Err(ClientError::TimedOut { address: to.address.clone(), after: timeout })
    })
}

async fn exchange(to: &Endpoint, request: Request) -> Result<Answer, ClientError> {
    let body = Full::new(Bytes::from(request.body.clone()));
    let answer = begin(to, &request, body).await?;
    whole(&to.address, answer).await
}

/// Sends a request's head and body, and waits for the answer's head.
async fn begin<B>(
    to: &Endpoint,
    request: &Request,
    body: B,
) -> Result<hyper::Response<Incoming>, ClientError>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let address = &to.address;
    let unreachable = |why: String| ClientError::Unreachable { address: address.to_owned(), why };
    let broken = |why: String| ClientError::Broken { address: address.to_owned(), why };
    let mut builder = hyper::Request::builder().method(request.method).uri(&request.path);
    if !request.headers.iter().any(|(name, _)| name == HOST.as_str()) {
        builder = builder.header(HOST, address);
    }
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(user) = &request.user {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(user);
        builder = builder.header(AUTHORIZATION, format!("Basic {encoded}"));
    }
    if !request.body.is_empty() {
        builder = builder.header(CONTENT_TYPE, "application/json");
    }
    let request = builder.body(body).map_err(|error| ClientError::Invalid(error.to_string()))?;
    let socket = to.connect().await.map_err(unreachable)?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await;
    let (mut sender, connection) = handshake.map_err(|error| unreachable(error.to_string()))?;
    // What goes wrong with the connection is seen by the request, too.
    task::spawn(async move { drop(connection.await) });
    sender.send_request(request).await.map_err(|error| broken(explain(&error)))
}

/// Reads an answer into memory.
async fn whole(address: &str, answer: hyper::Response<Incoming>) -> Result<Answer, ClientError> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
        let why = match error.downcast_ref::<LengthLimitError>() {
            Some(_) => format!("the answer is larger than {ANSWER_BYTES_MAX} bytes"),
            None => explain(&*error),
        };
        ClientError::Broken { address: address.to_owned(), why }
    })?;
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
}

/// As [`send`], but a successful answer's body goes to `file`, part by part. `timeout` is for the head,
/// and for each part.
///
/// # Errors
/// When there is no answer, or the file can't be written.
pub async fn download(
    to: &Endpoint,
    request: Request,
    timeout: Duration,
    file: &mut (dyn Write + Send),
) -> Result<Answer, ClientError> {
    let mut download = match open(to, request, timeout).await? {
        Opened::Download(download) => download,
        Opened::Refused(answer) => return Ok(answer),
    };
    while let Some(part) = download.next().await? {
        let written = file.write_all(&part);
        written.map_err(|error| ClientError::Invalid(format!("write the file: {error}")))?;
    }
    Ok(Answer { status: download.status, headers: download.headers, body: Bytes::new() })
}

/// A successful answer whose body is still to come; or another one, whole.
#[derive(Debug)]
pub enum Opened {
    Download(Download),
    Refused(Answer),
}

/// A body on its way.
#[derive(Debug)]
pub struct Download {
    status: u16,
    headers: HeaderMap,
    address: String,
    body: Incoming,
    timeout: Duration,
}

impl Download {
    /// The next bytes; `None` after the last.
    ///
    /// # Errors
    /// When nothing comes for too long, or the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let address = &self.address;
        loop {
            let frame = clock::timeout(self.timeout, self.body.frame()).await;
            let late = |_| ClientError::TimedOut { address: address.clone(), after: self.timeout };
            let Some(frame) = frame.map_err(late)? else { return Ok(None) };
            let frame = frame.map_err(|error| ClientError::Broken {
                address: address.clone(),
                why: explain(&error),
            })?;
            if let Ok(part) = frame.into_data() {
                return Ok(Some(part));
            }
        }
    }
}

/// As [`send`], but a successful answer's body comes in parts. `timeout` is for the head, and for each part.
///
/// # Errors
/// When there is no answer.
pub async fn open(
    to: &Endpoint,
    request: Request,
    timeout: Duration,
) -> Result<Opened, ClientError> {
    let address = &to.address;
    let late = |_| ClientError::TimedOut { address: address.to_owned(), after: timeout };
    let nothing = Full::new(Bytes::new());
    let answer = clock::timeout(timeout, begin(to, &request, nothing)).await.map_err(late)??;
    if !answer.status().is_success() {
        return whole(address, answer).await.map(Opened::Refused);
    }
    let (head, body) = answer.into_parts();
    Ok(Opened::Download(Download {
        status: head.status.as_u16(),
        headers: head.headers,
        address: address.clone(),
        body,
        timeout,
    }))
}

/// As [`send`], with a body that is read from `file` while it is sent. It may take as long as it takes.
///
/// # Errors
/// When there is no answer, or the file can't be read.
pub async fn upload(
    to: &Endpoint,
    request: Request,
    file: impl Read + Send + Sync + 'static,
) -> Result<Answer, ClientError> {
    let parts = futures_util::stream::unfold(file, async |mut file| {
        let mut part = vec![0; FILE_PART_BYTES];
        match file.read(&mut part) {
            Ok(0) => None,
            Ok(count) => {
                part.truncate(count);
                Some((Ok(Frame::data(Bytes::from(part))), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    let body = StreamBody::new(Box::pin(parts));
    let answer = begin(to, &request, body).await?;
    whole(&to.address, answer).await
}

/// As [`upload`], with a body that comes in parts.
///
/// # Errors
/// When there is no answer, or the parts break off.
pub async fn send_parts(
    to: &Endpoint,
    request: Request,
    parts: Parts,
) -> Result<Answer, ClientError> {
    use futures_util::TryStreamExt as _;
    // A stream can be shared between threads here, though nobody does.
    let body = StreamBody::new(parts.map_ok(Frame::data));
    let answer = begin(to, &request, body).await?;
    whole(&to.address, answer).await
}

/// An error with what it came of.
fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn everything_special_is_encoded() {
        assert_eq!(percent_encode("a b&c=é~"), "a%20b%26c%3D%C3%A9~");
    }

    /// Answers one request with these bytes, and closes.
    async fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        task::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        address
    }

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn any_status_is_an_answer() {
        let address = server("HTTP/1.1 503 x\r\ncontent-length: 4\r\n\r\nno!\n").await;
        let answer =
            send(&Endpoint::plain(&address), Request::get("/readyz"), TIMEOUT).await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (503, "no!"));
        assert!(!answer.is_success());
    }

    #[tokio::test]
    async fn a_cut_answer_is_an_error() {
        let address =
            server("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
        let error = send(&Endpoint::plain(&address), Request::get("/"), TIMEOUT).await.unwrap_err();
        assert!(matches!(error, ClientError::Broken { .. }), "{error}");
    }

    #[tokio::test]
    async fn nobody_there_is_told_with_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = send(&Endpoint::plain(&address), Request::get("/"), TIMEOUT).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(&address));
    }

    #[tokio::test]
    async fn silence_is_a_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let short = Duration::from_millis(20);
        let error = send(&Endpoint::plain(&address), Request::get("/"), short).await.unwrap_err();
        assert_eq!(error, ClientError::TimedOut { address, after: short });
    }
}
