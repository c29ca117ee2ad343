//! Copies as objects of a store that speaks S3's protocol.
//!
//! An object is sent in one request, so it is there whole or not at all; S3 takes 5 GiB that way.

use std::time::Duration;

use futures_util::stream;

use crate::backup::sign::{Signer, UNSIGNED, encoded_path, timestamp};
use crate::client::{self, Answer, Download, Endpoint, Opened, Request};
use crate::engine::Staged;
use crate::platform::clock;
use crate::tls::Connector;

/// The largest object that one request may make.
const OBJECT_BYTES_MAX: u64 = 5 << 30;
/// A copy is read and sent in parts of this many bytes.
const PART_BYTES: u64 = 256 << 10;
/// The store has so long for an answer without a body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A copy that is taken more slowly than this is given up.
const BYTES_PER_SECOND_MIN: u64 = 64 << 10;
/// What a copy is a copy of; the same header as rqlite's.
const ID_HEADER: &str = "x-amz-meta-x-rqlite-auto-backup-id";

/// A bucket, a path in it, and the key to both.
#[derive(Clone)]
pub(super) struct Store {
    /// `host:port`.
    pub(super) address: String,
    /// Not said in `Host`.
    pub(super) default_port: u16,
    pub(super) tls: Option<Connector>,
    pub(super) region: String,
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) bucket: String,
    pub(super) path: String,
    /// Whether the bucket is named in the path and not in the host.
    pub(super) path_style: bool,
}

impl std::fmt::Display for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{} at {}", self.bucket, self.path, self.address)
    }
}

impl std::fmt::Debug for Store {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl Store {
    /// Where a request goes, with its signature.
    fn request(
        &self,
        method: &'static str,
        path: &str,
        more: &[(&str, &str)],
    ) -> (Endpoint, Request) {
        let (host, path) = if self.path_style {
            (self.address.clone(), format!("/{}/{path}", self.bucket))
        } else {
            (format!("{}.{}", self.bucket, self.address), format!("/{path}"))
        };
        let path = encoded_path(&path);
        let named = host.strip_suffix(&format!(":{}", self.default_port)).unwrap_or(&host);
        let now = timestamp(clock::wall());
        let mut headers =
            vec![("host", named), ("x-amz-content-sha256", UNSIGNED), ("x-amz-date", &*now)];
        headers.extend(more);
        headers.sort_unstable();
        let signer = Signer { key_id: &self.key_id, secret: &self.secret, region: &self.region };
        let authorization = signer.authorization(method, &path, &headers, &now);
        headers.push(("authorization", &authorization));
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let endpoint = Endpoint { address: host.clone(), tls: self.tls.clone() };
        (endpoint, Request { method, path, headers, ..Request::default() })
    }

    /// What the last copy is a copy of; `None` if there is none, or it doesn't say.
    pub(super) async fn last_id(&self) -> Result<Option<String>, String> {
        let (endpoint, request) = self.request("HEAD", &self.path, &[]);
        let answer = client::send(&endpoint, request, ANSWER_TIMEOUT).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status {
            404 => Ok(None),
            _ if answer.is_success() => {
                let id = answer.headers.get(ID_HEADER).and_then(|id| id.to_str().ok());
                Ok(id.map(str::to_owned))
            }
            _ => Err(refusal(&answer)),
        }
    }

    /// Begins to fetch the copy.
    pub(super) async fn get(&self) -> Result<Download, String> {
        match self.open(&self.path).await? {
            Ok(download) => Ok(download),
            Err(missing) => Err(missing),
        }
    }

    /// Begins to fetch an object; or what the store says when it has none.
    pub(super) async fn open(&self, path: &str) -> Result<Result<Download, String>, String> {
        let (endpoint, request) = self.request("GET", path, &[]);
        let answer = client::open(&endpoint, request, ANSWER_TIMEOUT).await;
        match answer.map_err(|error| error.to_string())? {
            Opened::Download(download) => Ok(Ok(download)),
            Opened::Refused(answer) if answer.status == 404 => Ok(Err(refusal(&answer))),
            Opened::Refused(answer) => Err(refusal(&answer)),
        }
    }

    /// Sends a small object.
    pub(super) async fn write(&self, path: &str, text: String) -> Result<(), String> {
        let (endpoint, request) = self.request("PUT", path, &[]);
        let request = Request { body: text, ..request };
        let answer = client::send(&endpoint, request, ANSWER_TIMEOUT).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.is_success() { Ok(()) } else { Err(refusal(&answer)) }
    }

    /// Removes an object, if it is there.
    pub(super) async fn remove(&self, path: &str) -> Result<(), String> {
        let (endpoint, request) = self.request("DELETE", path, &[]);
        let answer = client::send(&endpoint, request, ANSWER_TIMEOUT).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.is_success() || answer.status == 404 { Ok(()) } else { Err(refusal(&answer)) }
    }

    /// Sends a copy.
    pub(super) async fn put(&self, path: &str, copy: Staged, id: &str) -> Result<(), String> {
        if copy.length() > OBJECT_BYTES_MAX {
            let bytes = copy.length();
            return Err(format!("the copy has {bytes} bytes, and {OBJECT_BYTES_MAX} is the most"));
        }
        let length = copy.length().to_string();
        let limit = ANSWER_TIMEOUT + Duration::from_secs(copy.length() / BYTES_PER_SECOND_MIN);
        let (endpoint, mut request) = self.request("PUT", path, &[(ID_HEADER, id)]);
        request.headers.push(("content-length".to_owned(), length));
        let parts = stream::unfold((copy, 0), async |(copy, offset)| {
            match copy.read(offset, PART_BYTES).await {
                Ok(part) if part.is_empty() => None,
                Ok(part) => {
                    let next = offset + part.len() as u64;
                    Some((Ok(part), (copy, next)))
                }
                Err(error) => Some((Err(std::io::Error::other(error.to_string())), (copy, offset))),
            }
        });
        let parts: client::Parts = Box::pin(parts);
        let sent = clock::timeout(limit, client::send_parts(&endpoint, request, parts)).await;
        let late = |_| format!("it was not taken within {limit:?}");
        let answer = sent.map_err(late)?.map_err(|error| error.to_string())?;
        if answer.is_success() { Ok(()) } else { Err(refusal(&answer)) }
    }
}

/// What the store says: a code and a message in XML, mostly.
fn refusal(answer: &Answer) -> String {
    let text = answer.text();
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    match (field("Code"), field("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message} (status {})", answer.status),
        (Some(code), None) => format!("{code} (status {})", answer.status),
        _ => format!("the store answers with status {}", answer.status),
    }
}
