//! The common name in a client's certificate, for those who let in one name only.
//!
//! It is read from the certificate's DER (RFC 5280 §4.1) after the certificate has been checked like any
//! other; what can't be read has no name.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};

const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// The version, which may be left out.
const CONTEXT_0: u8 = 0xa0;
/// `id-at-commonName`, 2.5.4.3 (RFC 5280, appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// Lets in whom another verifier lets in, if the certificate has this common name.
#[derive(Debug)]
pub(super) struct OnlyNamed {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    pub(super) name: String,
}

impl ClientCertVerifier for OnlyNamed {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        if common_name(end_entity) == Some(&*self.name) {
            return Ok(verified);
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// An element's tag and contents, and what follows it (X.690 §8.1, definite lengths).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        // More than four bytes of length are in no certificate that fits into memory.
        long @ 0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(long - 0x80))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

/// The contents of an element that must have this tag, and what follows it.
fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, after) = element(bytes)?;
    (found == tag).then_some((content, after))
}

/// The last common name of a certificate's subject, which is the one that Go's library takes.
fn common_name(certificate: &[u8]) -> Option<&str> {
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (mut fields, _) = expect(SEQUENCE, certificate)?;
    if let Some((_, after)) = expect(CONTEXT_0, fields) {
        fields = after;
    }
    // Serial number, signature algorithm, issuer, validity.
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE] {
        (_, fields) = expect(tag, fields)?;
    }
    let (mut subject, _) = expect(SEQUENCE, fields)?;
    let mut name = None;
    while !subject.is_empty() {
        let (mut attributes, after) = expect(SET, subject)?;
        subject = after;
        while !attributes.is_empty() {
            let (attribute, after) = expect(SEQUENCE, attributes)?;
            attributes = after;
            let (kind, value) = expect(OBJECT_IDENTIFIER, attribute)?;
            if kind == COMMON_NAME {
                let (tag, text, _) = element(value)?;
                let readable = matches!(tag, UTF8_STRING | PRINTABLE_STRING);
                name = Some(std::str::from_utf8(text).ok().filter(|_| readable)?);
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut out = vec![tag];
        match content.len() {
            short @ 0..0x80 => out.push(short as u8),
            long => out.extend([0x82, (long >> 8) as u8, long as u8]),
        }
        out.extend(content);
        out
    }

    fn named(tag: u8, name: &[u8]) -> Vec<u8> {
        let kind = der(OBJECT_IDENTIFIER, &[COMMON_NAME]);
        der(SET, &[&der(SEQUENCE, &[&kind, &der(tag, &[name])])])
    }

    fn certificate(version: &[u8], names: &[&[u8]]) -> Vec<u8> {
        let organisation =
            der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[&[0x55, 4, 10]]), &[0x13, 1, 65]]);
        let subject = der(SEQUENCE, &[&der(SET, &[&organisation]), &names.concat()]);
        let nothing = der(SEQUENCE, &[]);
        let issuer = der(SEQUENCE, &[&named(UTF8_STRING, b"issuer")]);
        let serial = der(INTEGER, &[&[7]]);
        let fields = [version, &serial, &nothing, &issuer, &nothing, &subject, &nothing];
        der(SEQUENCE, &[&der(SEQUENCE, &fields), &nothing])
    }

    #[test]
    fn a_subject_has_one_name_or_none() {
        let version = der(CONTEXT_0, &[&[2, 1, 2]]);
        let long = [b'n'; 300];
        let read = |names: &[&[u8]]| -> Option<String> {
            common_name(&certificate(&version, names)).map(str::to_owned)
        };
        assert_eq!(read(&[&named(UTF8_STRING, "ö".as_bytes())]).as_deref(), Some("ö"));
        assert_eq!(read(&[&named(PRINTABLE_STRING, &long)]).unwrap().as_bytes(), long);
        assert_eq!(common_name(&certificate(b"", &[&named(UTF8_STRING, b"v1")])), Some("v1"));
        let two = [&*named(UTF8_STRING, b"first"), &*named(UTF8_STRING, b"second")];
        assert_eq!(read(&two).as_deref(), Some("second"));
        assert_eq!(read(&[]), None);
        // No UTF-8, and a string type that is no longer in use.
        assert_eq!(read(&[&named(UTF8_STRING, &[0xff])]), None);
        assert_eq!(read(&[&named(0x1e, b"\0a")]), None);
        let whole = certificate(&version, &[&named(UTF8_STRING, b"n")]);
        for end in 0..whole.len() {
            assert_eq!(common_name(&whole[..end]), None, "{end} bytes");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = common_name(&bytes);
        }
    }
}
