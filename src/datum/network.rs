//! inet and cidr: network addresses (manual, "Network Address Types").
//!
//! Stored as PostgreSQL shows them: equal values of a type have equal texts. Their order is another
//! one than that of the texts: [`compare`].

use std::cmp::Ordering;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, BytesMut};

use crate::datum::stored::{self, invalid_input};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

const CIDR: u32 = 650;

/// An address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// IPv4 addresses have theirs in the first four bytes, and zeros behind.
    bytes: [u8; 16],
    six: bool,
    /// 0 to 32, or to 128.
    pub bits: u8,
    pub is_cidr: bool,
}

fn is_cidr(data_type: PgType) -> bool {
    data_type.oid == CIDR
}

impl Network {
    /// # Errors
    /// 22P02
    pub fn parse(data_type: PgType, text: &str) -> Result<Self, Error> {
        let is_cidr = is_cidr(data_type);
        let name = if is_cidr { "cidr" } else { "inet" };
        let read = if text.contains(':') { six(text) } else { four(text, is_cidr) };
        let (bytes, six, bits) = read.ok_or_else(|| invalid_input(name, text))?;
        let network = Self { bytes, six, bits, is_cidr };
        if is_cidr && network.network().bytes != bytes {
            let message = format!("invalid cidr value: \"{text}\"");
            return Err(Error::user(SqlState::INVALID_TEXT_REPRESENTATION, message)
                .with_detail("Value has bits set to right of mask."));
        }
        Ok(network)
    }

    /// From the stored form.
    ///
    /// # Errors
    /// XX001
    pub fn stored(text: &str) -> Result<Self, Error> {
        let inet = PgType::new(869);
        // A cidr's text always has a length; an inet's only where it isn't the whole.
        let network = Self::parse(inet, text).map_err(|_| stored::corrupted(inet))?;
        Ok(Self { is_cidr: text.contains('/') && network.bits == network.width(), ..network })
    }

    /// The address's bits.
    pub fn width(&self) -> u8 {
        if self.six { 128 } else { 32 }
    }

    /// 4 or 6.
    pub fn family(&self) -> i64 {
        if self.six { 6 } else { 4 }
    }

    /// The address by itself.
    pub fn host(&self) -> String {
        let [a, b, c, d, ..] = self.bytes;
        if !self.six {
            return Ipv4Addr::new(a, b, c, d).to_string();
        }
        let zeros = self.bytes[..12].iter().all(|byte| *byte == 0);
        if zeros && self.bytes[12..14] != [0, 0] {
            let [.., a, b, c, d] = self.bytes;
            return format!("::{}", Ipv4Addr::new(a, b, c, d));
        }
        Ipv6Addr::from(self.bytes).to_string()
    }

    /// With its length in any case.
    pub fn full(&self) -> String {
        format!("{}/{}", self.host(), self.bits)
    }

    /// `abbrev` of a cidr: without what the length says is zero.
    pub fn abbreviated(&self) -> String {
        if self.six {
            return self.full();
        }
        let count = usize::from(self.bits.div_ceil(8)).max(1);
        let parts: Vec<String> = self.bytes[..count].iter().map(u8::to_string).collect();
        format!("{}/{}", parts.join("."), self.bits)
    }

    fn masked(&self, inside: impl Fn(u8) -> u8, outside: impl Fn(u8) -> u8) -> [u8; 16] {
        let mut bytes = [0; 16];
        for (at, byte) in self.bytes.iter().enumerate().take(usize::from(self.width() / 8)) {
            let kept = usize::from(self.bits).saturating_sub(at * 8).min(8);
            let mask = !(0xff_u32 >> kept) as u8;
            bytes[at] = (inside(*byte) & mask) | (outside(*byte) & !mask);
        }
        bytes
    }

    /// The network that it is in: a cidr.
    #[must_use]
    pub fn network(&self) -> Self {
        Self { bytes: self.masked(|byte| byte, |_| 0), is_cidr: true, ..*self }
    }

    #[must_use]
    pub fn broadcast(&self) -> Self {
        Self { bytes: self.masked(|byte| byte, |_| 0xff), is_cidr: false, ..*self }
    }

    #[must_use]
    pub fn netmask(&self) -> Self {
        let bytes = self.masked(|_| 0xff, |_| 0);
        Self { bytes, bits: self.width(), is_cidr: false, ..*self }
    }

    #[must_use]
    pub fn hostmask(&self) -> Self {
        let bytes = self.masked(|_| 0, |_| 0xff);
        Self { bytes, bits: self.width(), is_cidr: false, ..*self }
    }

    /// `set_masklen`; -1 is the whole address.
    ///
    /// # Errors
    /// 22023
    pub fn with_bits(&self, bits: i64, is_cidr: bool) -> Result<Self, Error> {
        let bits = if bits == -1 { i64::from(self.width()) } else { bits };
        let known = u8::try_from(bits).ok().filter(|bits| *bits <= self.width());
        let bits = known.ok_or_else(|| {
            let message = format!("invalid mask length: {bits}");
            Error::user(SqlState::INVALID_PARAMETER_VALUE, message)
        })?;
        let other = Self { bits, is_cidr, ..*self };
        Ok(if is_cidr { other.network() } else { other })
    }

    /// Whether the other's network is a part of this one.
    pub fn contains(&self, other: &Self) -> bool {
        let same = Self { bits: self.bits, ..*other };
        self.six == other.six
            && self.bits <= other.bits
            && self.network().bytes == same.network().bytes
    }

    fn order(&self, other: &Self) -> Ordering {
        let bits = self.bits.min(other.bits);
        let network = |one: &Self| Self { bits, ..*one }.network().bytes;
        self.six
            .cmp(&other.six)
            .then_with(|| network(self).cmp(&network(other)))
            .then_with(|| self.bits.cmp(&other.bits))
            .then_with(|| self.bytes.cmp(&other.bytes))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cidr || self.bits != self.width() {
            f.write_str(&self.full())
        } else {
            f.write_str(&self.host())
        }
    }
}

type Read = ([u8; 16], bool, u8);

/// A number without a sign, of at most three digits.
fn small(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// IPv4. Octets may be left out where a length follows, and in a cidr, whose length is then that of its
/// class, or of the octets that are there if they are more.
fn four(text: &str, is_cidr: bool) -> Option<Read> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(small(bits).filter(|bits| *bits <= 32)?)),
        None => (text, None),
    };
    let parts: Vec<&str> = address.split('.').collect();
    if parts.len() > 4 || (parts.len() < 4 && bits.is_none() && !is_cidr) {
        return None;
    }
    let mut bytes = [0; 16];
    for (slot, part) in bytes.iter_mut().zip(&parts) {
        *slot = small(part)?;
    }
    let given = parts.len() as u8 * 8;
    if let Some(bits) = bits {
        return (parts.len() == 4 || bits <= given).then_some((bytes, false, bits));
    }
    let class = match bytes[0] {
        240.. => 32,
        224.. => 8,
        192.. => 24,
        128.. => 16,
        _ => 8,
    };
    Some((bytes, false, if parts.len() == 4 { 32 } else { given.max(class) }))
}

fn six(text: &str) -> Option<Read> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, small(bits).filter(|bits| *bits <= 128)?),
        None => (text, 128),
    };
    let address: Ipv6Addr = address.parse().ok()?;
    Some((address.octets(), true, bits))
}

pub(crate) fn from_text(data_type: PgType, text: &str) -> Result<Value, Error> {
    Ok(Value::Text(Network::parse(data_type, text)?.to_string()))
}

/// `PGSQL_AF_INET` and `PGSQL_AF_INET6`.
const FAMILIES: [u8; 2] = [2, 3];

pub(crate) fn from_binary(data_type: PgType, input: &[u8]) -> Result<Value, Error> {
    let is_cidr = is_cidr(data_type);
    let wrong = |what: &str| {
        let name = if is_cidr { "cidr" } else { "inet" };
        let message = format!("invalid {what} in external \"{name}\" value");
        Error::user(SqlState::INVALID_BINARY_REPRESENTATION, message)
    };
    let [family, bits, _, length, address @ ..] = input else { return Err(stored::short_binary()) };
    let six = *family == FAMILIES[1];
    if !FAMILIES.contains(family) {
        return Err(wrong("address family"));
    }
    let size = if six { 16 } else { 4 };
    if usize::from(*length) != size || address.len() != size {
        return Err(wrong("length"));
    }
    let mut bytes = [0; 16];
    bytes[..size].copy_from_slice(address);
    let network = Network { bytes, six, bits: *bits, is_cidr };
    if *bits > network.width() {
        return Err(wrong("bits"));
    }
    if is_cidr && network.network().bytes != bytes {
        return Err(wrong("bits"));
    }
    Ok(Value::Text(network.to_string()))
}

pub(crate) fn to_binary(data_type: PgType, value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let network = Network::stored(stored::text(data_type, value)?)?;
    let size = network.width() / 8;
    out.put_u8(FAMILIES[usize::from(network.six)]);
    out.put_u8(network.bits);
    out.put_u8(u8::from(is_cidr(data_type)));
    out.put_u8(size);
    out.put_slice(&network.bytes[..usize::from(size)]);
    Ok(())
}

/// The order of two stored values; what isn't one is ordered as a text.
pub fn compare(left: &str, right: &str) -> Ordering {
    match (Network::stored(left), Network::stored(right)) {
        (Ok(left), Ok(right)) => left.order(&right),
        _ => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(oid: u32, text: &str) -> String {
        match Network::parse(PgType::new(oid), text) {
            Ok(network) => network.to_string(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn texts_are_read_as_postgresql_reads_them() {
        for (text, inet, cidr) in [
            ("10.1/16", "10.1.0.0/16", "10.1.0.0/16"),
            ("1.2.3.4", "1.2.3.4", "1.2.3.4/32"),
            ("::1", "::1", "::1/128"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4", "::ffff:1.2.3.4/128"),
            ("::1.2.3.4", "::1.2.3.4", "::1.2.3.4/128"),
            ("2001:DB8::1/128", "2001:db8::1", "2001:db8::1/128"),
            ("1:0:0:4:0:0:0:8", "1:0:0:4::8", "1:0:0:4::8/128"),
            ("010.1.2.3", "10.1.2.3", "10.1.2.3/32"),
            ("10.1", "invalid input syntax for type inet: \"10.1\"", "10.1.0.0/16"),
            ("10.1.2.3/16", "10.1.2.3/16", "invalid cidr value: \"10.1.2.3/16\""),
        ] {
            assert_eq!((shown(869, text), shown(650, text)), (inet.to_owned(), cidr.to_owned()));
        }
        for text in ["1.2.3.4/33", "1.2.3.4/", " 1.2.3.4", "1.2.3.256", "fe80::1%eth0", "::/129"] {
            assert!(shown(869, text).starts_with("invalid input syntax"), "{text}");
        }
    }

    #[test]
    fn addresses_are_ordered_by_family_network_and_length() {
        let ordered =
            ["0.0.0.0/0", "9.9.9.9", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.2", "10.0.0.10", "::1"];
        for pair in ordered.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }
}
