//! `/console/`: the web console, a page that shows the cluster and runs SQL.
//!
//! Its files are in the program, as they are here: nothing is built, and nothing is fetched from
//! elsewhere. They hold no data, so anybody may have them; whatever the page shows, it asks the
//! public API for, as its user. Its policy keeps a browser from running any script but these, and
//! from making HTML of any text.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use crate::http::reply;

/// Where the console is.
const HOME: &str = "/console/";

/// A file of the console.
struct Asset {
    /// Behind [`HOME`].
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal: $file:literal, $content_type:ident;)*) => {
        &[$(Asset { name: $name, content_type: $content_type, bytes: include_bytes!($file) },)*]
    };
}

const ASSETS: &[Asset] = assets! {
    "": "index.html", HTML;
    "console.css": "console.css", CSS;
    "theme.js": "theme.js", SCRIPT;
    "main.js": "main.js", SCRIPT;
    "api.js": "api.js", SCRIPT;
    "json.js": "json.js", SCRIPT;
    "dom.js": "dom.js", SCRIPT;
    "metrics.js": "metrics.js", SCRIPT;
    "cluster.js": "cluster.js", SCRIPT;
    "chart.js": "chart.js", SCRIPT;
    "sql.js": "sql.js", SCRIPT;
    "lexer.js": "lexer.js", SCRIPT;
    "grid.js": "grid.js", SCRIPT;
    "schema.js": "schema.js", SCRIPT;
    "history.js": "history.js", SCRIPT;
    "icon.svg": "icon.svg", SVG;
};

/// What the page may do (Content Security Policy Level 3): load and call what comes from this node,
/// and nothing else; no inline scripts or styles, no HTML from strings, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// The tags of the files, in their order: a hash of each.
static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    let tag = |asset: &Asset| {
        let text = format!("\"{:032x}\"", xxh3_128(asset.bytes));
        HeaderValue::try_from(text).expect("hexadecimal digits can stand in a header")
    };
    ASSETS.iter().map(tag).collect()
});

/// `GET /console/...`
pub(crate) fn serve(parts: &Parts) -> Response {
    let Some(name) = parts.uri.path().strip_prefix(HOME) else {
        return at_home(parts.uri.path());
    };
    let Some(place) = ASSETS.iter().position(|asset| asset.name == name) else {
        return reply::empty(StatusCode::NOT_FOUND);
    };
    let (asset, tag) = (&ASSETS[place], &TAGS[place]);
    let mut response = if has(&parts.headers, tag) {
        reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        let mut response = Response::new(Body::from(Bytes::from_static(asset.bytes)));
        let content_type = HeaderValue::from_static(asset.content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.clone());
    headers.extend(HEADERS);
    response
}

/// Beside the type and the tag. A browser may keep a file, and asks each time whether it is still
/// the same: after an upgrade all of them are new at once.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// `/`: there is nothing else to look at.
pub(crate) fn home() -> Response {
    let mut response = reply::empty(StatusCode::FOUND);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(HOME));
    response
}

/// Sends whoever left out the last slash to the page: its links are relative to it.
fn at_home(path: &str) -> Response {
    if path != "/console" {
        return reply::empty(StatusCode::NOT_FOUND);
    }
    let mut response = reply::empty(StatusCode::MOVED_PERMANENTLY);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(HOME));
    response
}

/// Whether the client has the file with this tag (RFC 9110 §13.1.2).
fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let tag = tag.to_str().unwrap_or_default();
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(
        |value| {
            let mut tags = value.split(',').map(str::trim);
            tags.any(|given| given == "*" || given.trim_start_matches("W/") == tag)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn get(path: &str, known: Option<&HeaderValue>) -> Response {
        let mut request = Request::builder().uri(path);
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        serve(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn files_are_served_with_a_policy_and_not_sent_twice() {
        for asset in ASSETS {
            let path = format!("{HOME}{}", asset.name);
            let first = get(&path, None);
            assert_eq!(first.status(), StatusCode::OK, "{path}");
            assert_eq!(first.headers()[header::CONTENT_TYPE], asset.content_type);
            assert_eq!(first.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
            let again = get(&path, Some(&first.headers()[header::ETAG]));
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
            assert_eq!(again.headers()[header::ETAG], first.headers()[header::ETAG]);
        }
        assert_eq!(get(HOME, Some(&HeaderValue::from_static("\"x\""))).status(), StatusCode::OK);
    }

    #[test]
    fn other_paths_lead_home_or_nowhere() {
        assert_eq!(get("/console", None).headers()[header::LOCATION], HOME);
        for path in ["/consoles", "/console/none", "/console/../status", "/console/main.js/"] {
            assert_eq!(get(path, None).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn the_page_is_whole_small_and_its_own() {
        let all: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
        assert!(all <= 120 << 10, "{all} bytes");
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            let inline = ["style=\"", "<style", " onclick=", "innerHTML", "eval("];
            for never in inline {
                assert!(!text.contains(never), "{} has {never}", asset.name);
            }
            let foreign = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!foreign.contains("://"), "{} names another server", asset.name);
            // What a module imports, and what the page loads, is there.
            for quoted in text.split(['"', '\'']).filter(|part| part.starts_with("./")) {
                let name = quoted.trim_start_matches("./");
                assert!(ASSETS.iter().any(|asset| asset.name == name), "{} has {name}", asset.name);
            }
        }
    }
}
