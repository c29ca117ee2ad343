//! HTTP's Basic authentication (RFC 7617).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::auth::{Permissions, Users};

/// Whether whoever sends these headers may do what is wanted.
pub(crate) fn is_allowed(users: &Users, headers: &HeaderMap, wanted: Permissions) -> bool {
    if users.is_open(wanted) {
        return true;
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| basic(value.as_bytes()));
    given.is_some_and(|(name, password)| users.may(&name, &password, wanted))
}

/// Name and password.
fn basic(value: &[u8]) -> Option<(String, String)> {
    let value = std::str::from_utf8(value).ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_split_at_the_first_colon() {
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(basic(b"Basic Ym9iOnNlY3JldDE="), pair("bob", "secret1"));
        assert_eq!(basic(b"basic  YTpiOmM= "), pair("a", "b:c"));
        for wrong in ["", "Basic", "Basic !", "Bearer Ym9iOnNlY3JldDE=", "Basic Ym9i"] {
            assert_eq!(basic(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
