//! Requests that a web page of another site has its visitor's browser send.
//!
//! A browser sends simple requests for any page, and only keeps the answer from the page (Fetch standard,
//! "CORS protocol"). So without this, any page could write to a node that its visitor can reach. Browsers say
//! whose page it is (`Sec-Fetch-Site`, Fetch Metadata Request Headers); other programs say nothing and
//! aren't concerned.

use axum::http::{HeaderMap, Method, header};

/// What the operator is told to do about it, by way of whoever wrote the page.
pub(super) const REFUSED: &str =
    "pages of other sites may not do this: start the node with -http-allow-origin to let them";

/// Whether a request comes from a page that may not make it: one of another site, which isn't `allowed`, and
/// would change something.
pub(super) fn is_refused(allowed: Option<&str>, method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    let foreign = says("sec-fetch-site", "cross-site");
    let origin = header::ORIGIN.as_str();
    let is_allowed = allowed.is_some_and(|allowed| allowed == "*" || says(origin, allowed));
    foreign && !is_allowed && !method.is_safe()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_pages_read_and_do_not_write() {
        let page = |site: &'static str, origin: &'static str| {
            HeaderMap::from_iter([
                ("sec-fetch-site".try_into().unwrap(), site.try_into().unwrap()),
                (header::ORIGIN, origin.try_into().unwrap()),
            ])
        };
        let other = page("cross-site", "https://other.example");
        assert!(is_refused(None, &Method::POST, &other));
        assert!(is_refused(Some("https://mine.example"), &Method::DELETE, &other));
        assert!(!is_refused(Some("https://other.example"), &Method::POST, &other));
        assert!(!is_refused(Some("*"), &Method::POST, &other));
        assert!(!is_refused(None, &Method::GET, &other));
        assert!(!is_refused(None, &Method::POST, &page("same-origin", "http://localhost:4001")));
        assert!(!is_refused(None, &Method::POST, &HeaderMap::new()), "not a browser");
    }
}
