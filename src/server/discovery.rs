//! Who else may be there, asked of DNS: all addresses of a name (`dns`), or the hosts and ports of a service
//! (`dns-srv`, RFC 2782); or of a registry, who leads (`etcd-kv`, `consul-kv`). Names are looked up anew each time.
//!
//! Addresses come from the system's resolver. It has no question for services, so those are asked of the
//! name servers of `/etc/resolv.conf` by a message of our own (RFC 1035).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use tokio::net::UdpSocket;

use crate::platform::{clock, random};
use crate::server::consul::Consul;
use crate::server::etcd::Etcd;
use crate::server::registry::Registry;

/// The system's list of name servers.
const SERVERS: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;
/// For an answer of one name server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// An answer is at most this large: as much as a datagram can hold.
const ANSWER_BYTES_MAX: usize = 65_535;
/// Of a question that says that it can take more than 512 bytes (RFC 6891).
const UDP_BYTES: u16 = 4096;
const SRV: u16 = 33;
const OPT: u16 = 41;
/// Addresses (`host:port,...`) that stand for what DNS would answer to `dns`: rqlite's name for them, so that
/// what was set up for its tests goes on.
const HOSTS: &str = "RQLITE_DISCO_DNS_HOSTS";
const INTERNET: u16 = 1;
/// Pointers followed in one name at the most.
const JUMPS_MAX: usize = 32;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Discovery {
    Hosts {
        name: String,
        port: u16,
    },
    /// Nothing is asked: these are the addresses.
    Fixed(Vec<String>),
    Service {
        name: String,
    },
    /// Not a list of nodes, but the one that leads.
    Leader(Registry),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHosts {
    name: Option<String>,
    #[serde(default = "raft_port")]
    port: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenService {
    name: Option<String>,
    service: Option<String>,
}

fn raft_port() -> u16 {
    4002
}

impl Discovery {
    /// Reads `-disco-mode`, `-disco-key` and the text of `-disco-config`, which may be empty.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) fn parse(
        mode: &str,
        key: &str,
        text: &str,
        environment: &HashMap<String, String>,
    ) -> Result<Self, String> {
        let text = if text.is_empty() { "{}" } else { text };
        let wrong = |error: serde_json::Error| format!("-disco-config: {error}");
        let mut value = serde_json::from_str(text).map_err(wrong)?;
        crate::config::expand(&mut value, environment)?;
        match mode {
            "dns" if environment.get(HOSTS).is_some_and(|hosts| !hosts.is_empty()) => {
                let hosts = environment[HOSTS].split(',').map(|host| host.trim().to_owned());
                Ok(Self::Fixed(hosts.collect()))
            }
            "dns" => {
                let written: WrittenHosts = serde_json::from_value(value).map_err(wrong)?;
                let name = written.name.unwrap_or_else(|| key.to_owned());
                Ok(Self::Hosts { name, port: written.port })
            }
            "etcd-kv" => Etcd::parse(key, value).map(|it| Self::Leader(Registry::Etcd(it))),
            "consul-kv" => Consul::parse(key, value).map(|it| Self::Leader(Registry::Consul(it))),
            _ => {
                let written: WrittenService = serde_json::from_value(value).map_err(wrong)?;
                let name = written.name.unwrap_or_else(|| key.to_owned());
                let service = written.service.unwrap_or_else(|| "rqlite-raft".to_owned());
                Ok(Self::Service { name: format!("_{service}._tcp.{name}") })
            }
        }
    }

    /// The Raft addresses that there are now.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) async fn find(&self) -> Result<Vec<String>, String> {
        match self {
            Self::Hosts { name, port } => {
                let found = tokio::net::lookup_host((name.as_str(), *port)).await;
                let found = found.map_err(|error| format!("look up {name}: {error}"))?;
                let mut found: Vec<_> = found.map(|address| address.to_string()).collect();
                found.sort();
                found.dedup();
                Ok(found)
            }
            Self::Fixed(addresses) => Ok(addresses.clone()),
            Self::Leader(registry) => {
                Ok(registry.leader().await?.into_iter().map(|it| it.addr).collect())
            }
            Self::Service { name } => {
                let text = std::fs::read_to_string(SERVERS);
                let text = text.map_err(|error| format!("read {SERVERS}: {error}"))?;
                service(name, &servers(&text)).await
            }
        }
    }
}

/// The name servers of a `resolv.conf`.
fn servers(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let address = line.trim().strip_prefix("nameserver")?.trim();
        Some(SocketAddr::new(address.parse().ok()?, DNS_PORT))
    };
    text.lines().filter_map(address).collect()
}

/// Asks one server after the other for the hosts of a service.
async fn service(name: &str, servers: &[SocketAddr]) -> Result<Vec<String>, String> {
    let mut last = format!("{SERVERS} names no server");
    for server in servers {
        match clock::timeout(ANSWER_TIMEOUT, ask(name, *server)).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(why)) => last = format!("{server}: {why}"),
            Err(clock::Elapsed) => last = format!("{server}: no answer in {ANSWER_TIMEOUT:?}"),
        }
    }
    Err(format!("look up {name}: {last}"))
}

async fn ask(name: &str, server: SocketAddr) -> Result<Vec<String>, String> {
    let text = |error: std::io::Error| error.to_string();
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await.map_err(text)?;
    // Answers of others are not received.
    socket.connect(server).await.map_err(text)?;
    let id = u16::from_be_bytes(random::bytes());
    let question = question(id, name).ok_or("that is not a name")?;
    socket.send(&question).await.map_err(text)?;
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    loop {
        let length = socket.recv(&mut answer).await.map_err(text)?;
        // What isn't the answer to this question is nothing.
        if answer[..length].starts_with(&id.to_be_bytes()) {
            return answers(&answer[..length]);
        }
    }
}

/// A question for the service of a name. `None` if it can't be a name.
fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(name.len() + 32);
    // Recursion is wished for; one question, and one record about the size of answers.
    for word in [id, 0x0100, 1, 0, 0, 1] {
        message.extend(word.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        message.push(length);
        message.extend(label.as_bytes());
    }
    message.push(0);
    for word in [SRV, INTERNET] {
        message.extend(word.to_be_bytes());
    }
    message.push(0);
    for word in [OPT, UDP_BYTES, 0, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    Some(message)
}

fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?))
}

/// A name that begins at a place of a message, and where what follows it begins.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut name, mut end) = (String::new(), None);
    for _ in 0..JUMPS_MAX + 128 {
        let length = *message.get(at)?;
        match length {
            0 => return Some((name, end.unwrap_or(at + 1))),
            0xc0.. => {
                end.get_or_insert(at + 2);
                at = usize::from(u16_at(message, at)? & 0x3fff);
            }
            64.. => return None,
            _ => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(std::str::from_utf8(label).ok()?);
                at += 1 + usize::from(length);
            }
        }
    }
    None
}

/// The hosts that an answer names, those that are to be asked first first.
fn answers(message: &[u8]) -> Result<Vec<String>, String> {
    let flags = u16_at(message, 2).ok_or("the answer is cut off")?;
    match flags & 0xf {
        0 => {}
        3 => return Err("there is no such name".to_owned()),
        code => return Err(format!("the server refuses (code {code})")),
    }
    if flags & 0x0200 != 0 {
        return Err("the answer has too many hosts for a datagram".to_owned());
    }
    hosts(message).ok_or_else(|| "the answer can't be read".to_owned())
}

fn hosts(message: &[u8]) -> Option<Vec<String>> {
    let (questions, count) = (u16_at(message, 4)?, u16_at(message, 6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = name_at(message, at)?.1 + 4;
    }
    let mut found = Vec::new();
    for _ in 0..count {
        let data = name_at(message, at)?.1 + 10;
        let length = usize::from(u16_at(message, data - 2)?);
        if u16_at(message, data - 10)? == SRV {
            let (priority, port) = (u16_at(message, data)?, u16_at(message, data + 4)?);
            found.push((priority, format!("{}:{port}", name_at(message, data + 6)?.0)));
        }
        at = data + length;
    }
    found.sort();
    Some(found.into_iter().map(|(_, host)| host).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::task;

    fn parse(mode: &str, text: &str) -> Result<Discovery, String> {
        Discovery::parse(mode, "key", text, &HashMap::from([("N".into(), "named".into())]))
    }

    #[test]
    fn the_configuration_is_rqlites() {
        let hosts = |name: &str, port| Discovery::Hosts { name: name.to_owned(), port };
        assert_eq!(parse("dns", "").unwrap(), hosts("key", 4002));
        assert_eq!(parse("dns", r#"{"name":"$N","port":7}"#).unwrap(), hosts("named", 7));
        let service = parse("dns-srv", r#"{"name":"a.b","service":"raft"}"#).unwrap();
        assert_eq!(service, Discovery::Service { name: "_raft._tcp.a.b".to_owned() });
        assert!(parse("dns", "{").unwrap_err().contains("-disco-config"));
        assert!(parse("dns", r#"{"nmae":"x"}"#).unwrap_err().contains("nmae"));
    }

    #[tokio::test]
    async fn addresses_in_the_environment_stand_for_dns() {
        let hosts = |hosts: &str| HashMap::from([(HOSTS.to_owned(), hosts.to_owned())]);
        let found = Discovery::parse("dns", "key", "", &hosts("a:1, b:2")).unwrap().find().await;
        assert_eq!(found.unwrap(), ["a:1", "b:2"]);
        let other = Discovery::parse("dns-srv", "key", "", &hosts("a:1")).unwrap();
        assert!(matches!(other, Discovery::Service { .. }));
        assert!(matches!(
            Discovery::parse("dns", "key", "", &hosts("")).unwrap(),
            Discovery::Hosts { .. }
        ));
    }

    #[test]
    fn name_servers_come_from_the_system() {
        let text =
            "# a comment\nnameserver 10.0.0.2\nsearch x\n nameserver\t::1\nnameserver nonsense\n";
        let found: Vec<_> = servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.2:53", "[::1]:53"]);
    }

    #[tokio::test]
    async fn names_have_addresses() {
        let found = Discovery::Hosts { name: "127.0.0.1".to_owned(), port: 9 }.find().await;
        assert_eq!(found.unwrap(), ["127.0.0.1:9"]);
    }

    /// A name server that answers once: what `answer` makes of the question.
    async fn server(answer: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        task::spawn(async move {
            let mut question = vec![0; 512];
            let (length, from) = socket.recv_from(&mut question).await.unwrap();
            question.truncate(length);
            // Somebody else's answer comes first.
            socket.send_to(&[question[0] ^ 1, 0, 0], from).await.unwrap();
            socket.send_to(&answer(question), from).await.unwrap();
        });
        address
    }

    fn record(priority: u16, port: u16, target: &[u8]) -> Vec<u8> {
        let mut record = vec![0xc0, 12];
        for word in [SRV, INTERNET, 0, 60, 6 + target.len() as u16, priority, 0, port] {
            record.extend(word.to_be_bytes());
        }
        record.extend(target);
        record
    }

    #[tokio::test]
    async fn services_have_hosts_and_ports() {
        let address = server(|mut question| {
            assert_eq!(
                &question[12..],
                b"\x05_raft\x04_tcp\x01x\0\0\x21\0\x01\0\0\x29\x10\0\0\0\0\0\0\0"
            );
            let end = question.len() - 11;
            question.truncate(end);
            question[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0]);
            question.extend(record(20, 4002, b"\x01b\xc0\x17"));
            question.extend(record(10, 4004, b"\x01a\x01y\0"));
            question
        });
        let found = service("_raft._tcp.x", &[address.await]).await;
        assert_eq!(found.unwrap(), ["a.y:4004", "b.x:4002"]);
    }

    #[tokio::test]
    async fn a_server_that_knows_nothing_is_told_of() {
        let address = server(|mut question| {
            question[3] |= 3;
            question
        });
        let error = service("_a._tcp.x", &[address.await]).await.unwrap_err();
        assert!(error.contains("there is no such name"), "{error}");
        assert!(service("a..b", &["127.0.0.1:1".parse().unwrap()]).await.is_err());
    }

    #[test]
    fn any_bytes_are_an_answer_or_an_error() {
        let mut whole = question(1, "_a._tcp.x").unwrap();
        whole.truncate(whole.len() - 11);
        whole[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        whole.extend(record(1, 2, b"\x01b\xc0\x0c"));
        assert_eq!(answers(&whole).unwrap(), ["b._a._tcp.x:2"]);
        for length in 0..whole.len() {
            assert!(answers(&whole[..length]).is_err());
        }
        // A name that points at itself.
        let at = whole.len() - 2;
        whole[at + 1] = at as u8;
        assert!(answers(&whole).is_err());
    }
}
