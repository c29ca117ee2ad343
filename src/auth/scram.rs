//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side, without channel binding; and what is kept of a
//! password for it.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, hmac, pbkdf2};

use crate::platform::random;

/// As PostgreSQL's default (`scram_iterations`).
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not 0");
/// More would let a file of users make each login take seconds.
const ITERATIONS_MAX: u32 = 1 << 20;

/// What proves that somebody knows a password, without being it.
#[derive(Clone, PartialEq)]
pub(super) struct Verifier {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn mac(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes);
    tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
}

/// Compares without telling by the time where they differ.
pub(super) fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

/// The password in the form that is hashed; as it is where there is no such form, as PostgreSQL does.
fn prepared(password: &str) -> String {
    stringprep::saslprep(password).map_or_else(|_| password.to_owned(), |text| text.into_owned())
}

impl Verifier {
    /// A new one for a password.
    pub(super) fn of(password: &str) -> Self {
        Self::with(password, ITERATIONS, random::bytes::<16>().to_vec())
    }

    fn with(password: &str, iterations: NonZeroU32, salt: Vec<u8>) -> Self {
        let mut salted = [0; 32];
        let password = prepared(password);
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, iterations, &salt, password.as_bytes(), &mut salted);
        let stored_key = hash(&mac(&salted, b"Client Key"));
        Self { iterations, salt, stored_key, server_key: mac(&salted, b"Server Key") }
    }

    /// Reads PostgreSQL's form: `SCRAM-SHA-256$4096:SALT$STORED_KEY:SERVER_KEY`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("SCRAM-SHA-256$")?;
        let (head, keys) = rest.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| BASE64.decode(text).ok()?.try_into().ok();
        let iterations: NonZeroU32 = iterations.parse().ok()?;
        (iterations.get() <= ITERATIONS_MAX).then_some(())?;
        Some(Self {
            iterations,
            salt: BASE64.decode(salt).ok()?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    pub(super) fn is_password(&self, password: &str) -> bool {
        let given = Self::with(password, self.iterations, self.salt.clone());
        is_same(&given.stored_key, &self.stored_key)
    }

    /// Tells passwords apart, quickly. Never leaves this process.
    pub(super) fn digest(&self, password: &str) -> [u8; 32] {
        mac(&self.server_key, password.as_bytes())
    }
}

/// A verifier that no password proves, the same for the same name.
pub(super) fn decoy(secret: &[u8; 32], name: &str) -> Verifier {
    let salt = mac(secret, name.as_bytes())[..16].to_vec();
    let stored_key = mac(secret, format!("stored {name}").as_bytes());
    let server_key = mac(secret, format!("server {name}").as_bytes());
    Verifier { iterations: ITERATIONS, salt, stored_key, server_key }
}

/// The client has proved nothing, or doesn't keep to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected;

/// One exchange: [`Self::begin`], then [`Self::end`].
#[derive(Debug)]
pub struct Exchange {
    verifier: Verifier,
    is_known: bool,
    /// `client-first-message-bare` and `server-first-message`, with a comma after each.
    said: String,
    /// Base64 of the client's channel-binding header.
    binding: String,
    nonce: String,
}

impl Exchange {
    pub(super) fn new(verifier: Verifier, is_known: bool) -> Self {
        let (said, binding, nonce) = (String::new(), String::new(), String::new());
        Self { verifier, is_known, said, binding, nonce }
    }

    /// Takes `client-first-message`, gives `server-first-message`.
    pub fn begin(&mut self, message: &[u8]) -> Result<String, Rejected> {
        let message = std::str::from_utf8(message).map_err(|_| Rejected)?;
        // `y`: the client could bind to a channel, and believes that we can't.
        let bare = message.strip_prefix("n,").or_else(|| message.strip_prefix("y,"));
        let bare = bare.ok_or(Rejected)?;
        // An authorization identity may stand before the comma: nobody acts for somebody else here.
        let bare = bare.strip_prefix(',').ok_or(Rejected)?;
        self.binding = BASE64.encode(&message[..message.len() - bare.len()]);
        let mut fields = bare.split(',');
        let user = fields.next().ok_or(Rejected)?;
        let client_nonce = fields.next().and_then(|field| field.strip_prefix("r="));
        let client_nonce = client_nonce.ok_or(Rejected)?;
        let printable = client_nonce.bytes().all(|byte| byte.is_ascii_graphic());
        if !user.starts_with("n=") || client_nonce.is_empty() || !printable {
            return Err(Rejected);
        }
        self.nonce = format!("{client_nonce}{}", BASE64.encode(random::bytes::<18>()));
        let salt = BASE64.encode(&self.verifier.salt);
        let answer = format!("r={},s={salt},i={}", self.nonce, self.verifier.iterations);
        self.said = format!("{bare},{answer},");
        Ok(answer)
    }

    /// Takes `client-final-message`, gives `server-final-message`: the client knows the password.
    pub fn end(self, message: &[u8]) -> Result<String, Rejected> {
        let message = std::str::from_utf8(message).map_err(|_| Rejected)?;
        let (unproved, proof) = message.rsplit_once(",p=").ok_or(Rejected)?;
        let expected = format!("c={},r={}", self.binding, self.nonce);
        if unproved != expected || self.nonce.is_empty() {
            return Err(Rejected);
        }
        let proof: [u8; 32] =
            BASE64.decode(proof).ok().and_then(|proof| proof.try_into().ok()).ok_or(Rejected)?;
        let said = format!("{}{unproved}", self.said);
        let signature = mac(&self.verifier.stored_key, said.as_bytes());
        let mut client_key = [0; 32];
        for (at, byte) in client_key.iter_mut().enumerate() {
            *byte = proof[at] ^ signature[at];
        }
        if !is_same(&hash(&client_key), &self.verifier.stored_key) || !self.is_known {
            return Err(Rejected);
        }
        let signature = mac(&self.verifier.server_key, said.as_bytes());
        Ok(format!("v={}", BASE64.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3: user `user`, password `pencil`.
    fn of_the_rfc() -> Exchange {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        Exchange::new(Verifier::with("pencil", ITERATIONS, salt), true)
    }

    #[test]
    fn the_rfcs_exchange_is_accepted() {
        let mut exchange = of_the_rfc();
        let first = exchange.begin(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert!(first.starts_with("r=rOprNGfwEbeRWgbNEkqO"));
        assert!(first.ends_with(",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
        // With the server's nonce of the RFC the rest is as it stands there.
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        exchange.said = exchange.said.replace(&exchange.nonce, nonce);
        exchange.nonce = nonce.to_owned();
        let last = format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let accepted = exchange.end(last.as_bytes());
        assert_eq!(accepted.unwrap(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn what_does_not_keep_to_the_protocol_is_rejected() {
        for first in
            ["", "n", "n,,", "n,,n=a", "p=tls-unique,,n=a,r=b", "n,a=x,n=a,r=b", "n,,n=a,r="]
        {
            assert_eq!(of_the_rfc().begin(first.as_bytes()), Err(Rejected), "{first}");
        }
        assert_eq!(of_the_rfc().begin(b"n,,n=\xff,r=b"), Err(Rejected));
        for last in
            ["", "c=biws,r=x,p=AAAA", "c=eSws,r=N,p=AAAA", "c=biws,r=N", "c=biws,r=N,p=AAAA"]
        {
            let mut exchange = of_the_rfc();
            exchange.begin(b"n,,n=user,r=abc").unwrap();
            let last = last.replace('N', &exchange.nonce);
            assert_eq!(exchange.end(last.as_bytes()), Err(Rejected), "{last}");
        }
        assert_eq!(of_the_rfc().end(b"c=,r=,p=AAAA"), Err(Rejected));
    }

    #[test]
    fn verifiers_are_postgres_and_tell_passwords_apart() {
        // From PostgreSQL 15: CREATE ROLE x PASSWORD 'secret'.
        let text = "SCRAM-SHA-256$4096:TTZND5BPicOv8inyPpdK0Q==$IF5m/jLraioTdjf9OaYE9l5ATBSq73PfJ8bRJFqFzZo=:5a4ZZqq8CqIdWkyp0/y9C3yLdbwm+j9JemoaqsQZbe0=";
        let verifier = Verifier::parse(text).unwrap();
        assert!(verifier.is_password("secret") && !verifier.is_password("Secret"));
        assert_eq!(Verifier::parse("SCRAM-SHA-256$0:AA==$AA==:AA=="), None);
        assert!(Verifier::of("ünïcode").is_password("u\u{308}nïcode"));
    }
}
