//! Signatures of requests to object stores: AWS Signature Version 4, in a header.

use std::fmt::Write as _;
use std::time::Duration;

use ring::{digest, hmac};

use crate::model::calendar::civil_from_days;

/// What a signature says of the body: nothing, as TLS keeps it whole, and the store checks its length.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Whose key, and for where.
pub(super) struct Signer<'a> {
    pub(super) key_id: &'a str,
    pub(super) secret: &'a str,
    pub(super) region: &'a str,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// A moment since 1970 as `20130524T000000Z`.
pub(super) fn timestamp(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (days, second) = ((seconds / 86_400) as i64, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// A path as signatures and requests have it: all but unreserved characters and slashes are encoded.
pub(super) fn encoded_path(path: &str) -> String {
    path.split('/').map(crate::client::percent_encode).collect::<Vec<_>>().join("/")
}

impl Signer<'_> {
    /// The header `Authorization` for a request. `path` is encoded; `headers` have names in lower
    /// case, are sorted by them, and all that are to be signed.
    pub(super) fn authorization(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        timestamp: &str,
    ) -> String {
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let payload = headers.iter().find(|(name, _)| *name == "x-amz-content-sha256");
        let payload = payload.map_or(UNSIGNED, |(_, hash)| hash);
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let canonical = format!("{method}\n{path}\n\n{lines}\n{names}\n{payload}");
        let date = &timestamp[..8];
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let text = format!("AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{hash}");
        let mut key = mac(format!("AWS4{}", self.secret).as_bytes(), date);
        for step in [self.region, "s3", "aws4_request"] {
            key = mac(key.as_ref(), step);
        }
        let signature = hex(mac(key.as_ref(), &text).as_ref());
        let key_id = self.key_id;
        format!(
            "AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, \
             Signature={signature}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_369_353_600, "20130524T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(timestamp(Duration::from_secs(seconds)), text);
        }
    }

    /// The example "GET Object" of Amazon's documentation of signatures in headers.
    #[test]
    fn the_documented_example_is_signed_alike() {
        let signer = Signer {
            key_id: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
        };
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", nothing),
            ("x-amz-date", "20130524T000000Z"),
        ];
        let header = signer.authorization("GET", "/test.txt", &headers, "20130524T000000Z");
        assert_eq!(
            header,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    #[test]
    fn paths_keep_their_slashes() {
        assert_eq!(encoded_path("/dir/a b$.gz"), "/dir/a%20b%24.gz");
    }
}
