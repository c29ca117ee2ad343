//! `eider serve`: its flags, which are named as rqlite's, and the checks between them.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::encryption::{self, Encryption};
use crate::config::flag::{Flag, Form, Group, Parsed, Stop, Syntax};

const fn flag(name: &'static str, form: Form, default: &'static str, help: &'static str) -> Flag {
    Flag { name, form, default, help }
}

const ADDRESS: Form = Form::Text("HOST:PORT");

pub(super) const GROUPS: &[Group] = &[
    (
        "Names and addresses",
        &[
            flag(
                "node-id",
                Form::Text("NAME"),
                "",
                "This node's name in the cluster; it can't change. Default: its Raft address.",
            ),
            flag("http-addr", ADDRESS, "localhost:4001", "Listen here for HTTP clients."),
            flag(
                "http-adv-addr",
                ADDRESS,
                "",
                "Address that other nodes and clients reach -http-addr by, if it is another.",
            ),
            flag("pg-addr", ADDRESS, "localhost:5432", "Listen here for PostgreSQL clients."),
            flag("pg-adv-addr", ADDRESS, "", "Address that clients reach -pg-addr by."),
            flag("raft-addr", ADDRESS, "localhost:4002", "Listen here for other nodes."),
            flag("raft-adv-addr", ADDRESS, "", "Address that other nodes reach -raft-addr by."),
        ],
    ),
    (
        "Cluster",
        &[
            flag(
                "join",
                Form::Text("ADDR[,ADDR...]"),
                "",
                "Join the cluster of these nodes: Raft addresses (host:4002) or URLs\n\
                 (http://host:4001, https://host:4001). Ignored once this node belongs to a cluster.",
            ),
            flag(
                "disco-mode",
                Form::Text("MODE"),
                "",
                "Instead of -join, ask DNS for the others: 'dns' for the addresses of a name,\n\
                 'dns-srv' for the hosts of a service; or for the leader etcd: 'etcd-kv', or Consul:\n\
                 'consul-kv'.",
            ),
            flag("disco-key", Form::Text("NAME"), "rqlite", "The name, if -disco-config has none."),
            flag(
                "disco-config",
                Form::Text("JSON|FILE"),
                "",
                "{\"name\": ..., \"port\": ...} for 'dns', {\"name\": ..., \"service\": ...} for 'dns-srv',\n\
                 {\"endpoints\": [...], \"username\": ..., \"password\": ...} for 'etcd-kv',\n\
                 {\"address\": ..., \"token\": ...} for 'consul-kv'.",
            ),
            flag("join-attempts", Form::Count, "5", "Rounds over the -join list before giving up."),
            flag("join-interval", Form::Duration, "3s", "Pause between two rounds."),
            flag(
                "bootstrap-expect",
                Form::Count,
                "0",
                "Make a new cluster when this many nodes, all started with the same -join list,\n\
                 have met.",
            ),
            flag(
                "bootstrap-expect-timeout",
                Form::Duration,
                "120s",
                "Give up if they have not met by then.",
            ),
            flag(
                "raft-non-voter",
                Form::Switch,
                "false",
                "Join as a read-only node: it holds all data but has no vote.",
            ),
            flag(
                "raft-cluster-remove-shutdown",
                Form::Switch,
                "false",
                "Leave the cluster when this node is stopped.",
            ),
            flag(
                "raft-reap-node-timeout",
                Form::Duration,
                "0s",
                "Remove a voter that has not answered the leader for so long; 0s: never.",
            ),
            flag(
                "raft-reap-read-only-node-timeout",
                Form::Duration,
                "0s",
                "The same for nodes without vote.",
            ),
            flag(
                "raft-shutdown-stepdown",
                Form::Switch,
                "true",
                "Hand leadership over when this node is stopped.",
            ),
        ],
    ),
    (
        "Raft",
        &[
            flag(
                "raft-heartbeat-timeout",
                Form::Duration,
                "400ms",
                "A leader that is silent for longer may be replaced. Raise it on slow networks.",
            ),
            flag(
                "raft-election-timeout",
                Form::Duration,
                "400ms",
                "Nodes wait up to half of this longer, at random, before they stand for election.",
            ),
            flag(
                "raft-log-bytes",
                Form::Bytes,
                "256MiB",
                "Keep about this much log for nodes that were away; those that were away for\n\
                 longer are sent the database.",
            ),
        ],
    ),
    (
        "Access",
        &[
            flag(
                "auth",
                Form::Text("FILE"),
                "",
                "Who may do what, as JSON: [{\"username\": ..., \"password\": ..., \"perms\": [...]}, ...].\n\
                 Without it everybody may do everything.",
            ),
            flag(
                "join-as",
                Form::Text("USER"),
                "",
                "The user of -auth's file as whom to join a cluster that asks for one.",
            ),
            flag(
                "http-allow-origin",
                Form::Text("ORIGIN"),
                "",
                "Let web pages from there use the HTTP API; '*' for all.",
            ),
        ],
    ),
    encryption::GROUP,
    (
        "Changes",
        &[flag(
            "cdc-config",
            Form::Text("URL|FILE"),
            "",
            "Capture changes of rows, and send them to this URL, to 'stdout', or as this file says.",
        )],
    ),
    (
        "Copies",
        &[
            flag(
                "auto-backup",
                Form::Text("FILE"),
                "",
                "Copy a database to a directory or an object store at an interval, as this file says.",
            ),
            flag(
                "auto-restore",
                Form::Text("FILE"),
                "",
                "Have a new cluster begin with a copy, from where this file says.",
            ),
        ],
    ),
    (
        "Limits",
        &[
            flag("fk", Form::Switch, "false", "Enforce foreign keys for HTTP clients too."),
            flag(
                "extensions-path",
                Form::Text("PATH[,PATH...]"),
                "",
                "SQLite extensions: shared libraries, directories of such, or such packed as .zip,\n\
                 .tar or .tar.gz. All nodes need the same.",
            ),
            flag("db-max-ro-conns", Form::Count, "256", "Reads that run at the same time."),
            flag(
                "max-transaction-bytes",
                Form::Bytes,
                "1GiB",
                "Refuse transactions that change more.",
            ),
            flag(
                "max-result-bytes",
                Form::Bytes,
                "32MiB",
                "Refuse results that must be collected in memory and are larger (HTTP).",
            ),
            flag("max-value-bytes", Form::Bytes, "64MiB", "Refuse longer strings and BLOBs."),
            flag("max-waiting-writes", Form::Count, "4096", "Refuse writes when so many wait."),
            flag("write-queue-capacity", Form::Count, "1024", "Requests in the queue for writes."),
            flag("write-queue-batch-size", Form::Count, "128", "Queued requests written at once."),
            flag(
                "write-queue-timeout",
                Form::Duration,
                "50ms",
                "Queued requests are written after so long, or earlier.",
            ),
            flag(
                "write-queue-tx",
                Form::Switch,
                "false",
                "Write queued requests that are written at once as one transaction.",
            ),
            flag("pg-max-conns", Form::Count, "1000", "PostgreSQL connections."),
            flag(
                "pg-max-message-bytes",
                Form::Bytes,
                "64MiB",
                "Refuse larger PostgreSQL messages.",
            ),
            flag(
                "db-cache-bytes",
                Form::Bytes,
                "64MiB",
                "Page cache for writing, and for each of two readers, per database.",
            ),
            flag(
                "worker-threads",
                Form::Count,
                "0",
                "Threads that serve connections; 0: one less than there are cores, as the log and\n\
                 long statements have threads of their own.",
            ),
        ],
    ),
    (
        "Log",
        &[
            flag("log-level", Form::Text("LEVEL"), "INFO", "ERROR, WARN, INFO, DEBUG or TRACE."),
            flag(
                "log-format",
                Form::Text("FORMAT"),
                "text",
                "'text', or 'json': an object a line.",
            ),
            flag(
                "slow-statement",
                Form::Duration,
                "0",
                "Log statements that take longer, with their text; 0 for none.",
            ),
            flag(
                "raft-log-level",
                Form::Text("LEVEL"),
                "ERROR",
                "The same for the Raft library's messages, which are meant for its developers.",
            ),
        ],
    ),
];

/// rqlite has these, and Eider has something else.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("cluster-connect-timeout", "clients say with `timeout` how long they wait"),
    ("raft-snap", BY_BYTES),
    ("raft-snap-wal-size", "WALs are written out as they grow"),
    ("raft-snap-int", BY_BYTES),
    (
        "raft-leader-lease-timeout",
        "a leader that hears of no majority steps down by -raft-heartbeat-timeout",
    ),
    ("raft-commit-timeout", "followers hear of commits at once"),
    ("raft-apply-timeout", "clients say with `timeout` how long they wait"),
    (
        "raft-remove-shutdown",
        "a node that was removed stays up without a vote, and serves reads at `none`",
    ),
    ("compress-snap-transport", "only the pages that differ are sent"),
    ("auto-vacuum-int", "freed pages are used again; GET /db/backup?vacuum makes a compact copy"),
    ("auto-optimize-int", "ANALYZE, as a statement of either API, when the data have changed much"),
    ("otlp-endpoint", METRICS),
    ("otlp-interval", METRICS),
    ("otlp-insecure", METRICS),
    ("otlp-no-verify", METRICS),
    ("otlp-ca-cert", METRICS),
    ("otlp-cert", METRICS),
    ("otlp-key", METRICS),
    ("cpu-profile", PROFILES),
    ("mem-profile", PROFILES),
    ("trace-profile", PROFILES),
];
const BY_BYTES: &str = "the log is kept by bytes, see -raft-log-bytes";
const METRICS: &str = "a collector can scrape GET /metrics";
const PROFILES: &str = "tools of the system, such as perf, profile a running node";

const SYNTAX: Syntax = Syntax {
    usage: "eider serve [OPTIONS] DATA_DIR",
    about: "Runs a node that keeps its data in DATA_DIR, which is made if it is not there.\n\
            \n\
            One node:    eider serve data\n\
            Three nodes: eider serve -node-id 1 -raft-addr host1:4002 ... -bootstrap-expect 3 \\\n\
            \x20                -join host1:4002,host2:4002,host3:4002 data    (likewise on 2 and 3)\n\
            One more:    eider serve -node-id 4 -raft-addr host4:4002 ... -join host1:4002 data\n\
            \n\
            A node that has data needs no -join: it knows its cluster. Flags may have one dash or\n\
            two, and stand before or after DATA_DIR. Durations: 500ms, 1.5s, 2m.",
    groups: GROUPS,
    unsupported: UNSUPPORTED,
    operands: &["DATA_DIR"],
    more_operands: false,
};

/// Somebody to ask for being let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Join {
    /// A Raft address, `host:port`.
    Raft(String),
    /// The `host:port` of an HTTP listener.
    Http(String),
    /// The same of one with TLS.
    Https(String),
}

/// What `eider serve` was told. Advertised addresses are `None` if they are as listened on.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch on the command line")]
pub struct Config {
    pub data_dir: PathBuf,
    pub node_id: Option<String>,
    pub http_addr: String,
    pub http_adv_addr: Option<String>,
    pub pg_addr: String,
    pub pg_adv_addr: Option<String>,
    pub raft_addr: String,
    pub raft_adv_addr: Option<String>,
    pub join: Vec<Join>,
    /// `dns` or `dns-srv`: whom to ask instead of those in `join`.
    pub disco_mode: Option<String>,
    pub disco_key: String,
    /// JSON, or a file with it.
    pub disco_config: String,
    pub join_attempts: u64,
    pub join_interval: Duration,
    /// 0: not.
    pub bootstrap_expect: usize,
    pub bootstrap_expect_timeout: Duration,
    pub non_voter: bool,
    pub remove_on_shutdown: bool,
    /// A silent node is removed after so long; zero: never.
    pub reap_voters_after: Duration,
    pub reap_read_only_after: Duration,
    pub stepdown_on_shutdown: bool,
    pub heartbeat: Duration,
    pub election_timeout_min: Duration,
    pub election_timeout_max: Duration,
    pub raft_log_bytes: u64,
    pub foreign_keys: bool,
    /// Libraries of SQLite extensions, and directories of such.
    pub extensions: Vec<PathBuf>,
    pub readers_max: usize,
    pub transaction_bytes_max: u64,
    pub result_bytes_max: usize,
    pub value_bytes_max: u32,
    pub waiting_writes_max: usize,
    pub queue_requests_max: usize,
    pub queue_batch_max: usize,
    pub queue_delay_max: Duration,
    pub queue_transaction: bool,
    pub pg_connections_max: usize,
    pub pg_message_bytes_max: usize,
    pub cache_bytes: u64,
    /// The file of users.
    pub auth: Option<PathBuf>,
    /// The user as whom to join.
    pub join_as: Option<String>,
    pub http_allow_origin: Option<String>,
    pub encryption: Encryption,
    /// The file that says when and where a database is copied to.
    pub auto_backup: Option<PathBuf>,
    /// The file that says what a new cluster begins with.
    pub auto_restore: Option<PathBuf>,
    /// Where changes are sent to, or the file that says so.
    pub cdc_config: Option<String>,
    /// `None`: no statement is slow.
    pub slow_statement: Option<Duration>,
    /// 0: by the number of cores.
    pub worker_threads: usize,
    pub log_level: String,
    /// An object a line.
    pub log_json: bool,
    pub raft_log_level: String,
}

impl Config {
    /// Whether this node is to find others, and not to be a cluster by itself.
    pub fn looks_for_others(&self) -> bool {
        !self.join.is_empty() || self.disco_mode.is_some()
    }

    /// Whether an `https://` URL is in `-join`.
    pub fn joins_https(&self) -> bool {
        self.join.iter().any(|somebody| matches!(somebody, Join::Https(_)))
    }
}

/// What `eider serve -help` prints.
pub fn serve_help() -> String {
    SYNTAX.help()
}

/// Host and port of an address. IPv6 addresses stand in brackets.
pub fn address_parts(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let bare = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let fine = !bare.is_empty() && !bare.contains(['/', '[', ']', '@', ' ']);
    fine.then_some((bare, port.parse().ok()?))
}

/// Reads and checks the arguments after `serve`.
pub fn parse_serve(arguments: &[String]) -> Result<Config, Stop> {
    let parsed = SYNTAX.parse(arguments)?;
    let config = build(&parsed).map_err(Stop::Wrong)?;
    validate(&config).map_err(Stop::Wrong)?;
    Ok(config)
}

fn narrow<T: TryFrom<u64>>(name: &str, value: u64) -> Result<T, String> {
    T::try_from(value).map_err(|_| format!("-{name}: {value} is too large"))
}

fn build(parsed: &Parsed) -> Result<Config, String> {
    let text = |name| parsed.text(&SYNTAX, name).filter(|value| !value.is_empty());
    let address = |name| text(name).unwrap_or_default();
    let count = |name| narrow(name, parsed.count(&SYNTAX, name));
    let bytes = |name| parsed.bytes(&SYNTAX, name);
    let silence = parsed.duration(&SYNTAX, "raft-heartbeat-timeout");
    let election = parsed.duration(&SYNTAX, "raft-election-timeout");
    let data_dir = parsed.operands.first().cloned().unwrap_or_default();
    Ok(Config {
        data_dir: PathBuf::from(data_dir),
        node_id: text("node-id"),
        http_addr: address("http-addr"),
        http_adv_addr: text("http-adv-addr"),
        pg_addr: address("pg-addr"),
        pg_adv_addr: text("pg-adv-addr"),
        raft_addr: address("raft-addr"),
        raft_adv_addr: text("raft-adv-addr"),
        join: parse_join(&address("join"))?,
        disco_mode: text("disco-mode"),
        disco_key: address("disco-key"),
        disco_config: address("disco-config"),
        join_attempts: parsed.count(&SYNTAX, "join-attempts"),
        join_interval: parsed.duration(&SYNTAX, "join-interval"),
        bootstrap_expect: count("bootstrap-expect")?,
        bootstrap_expect_timeout: parsed.duration(&SYNTAX, "bootstrap-expect-timeout"),
        non_voter: parsed.switch(&SYNTAX, "raft-non-voter"),
        remove_on_shutdown: parsed.switch(&SYNTAX, "raft-cluster-remove-shutdown"),
        reap_voters_after: parsed.duration(&SYNTAX, "raft-reap-node-timeout"),
        reap_read_only_after: parsed.duration(&SYNTAX, "raft-reap-read-only-node-timeout"),
        stepdown_on_shutdown: parsed.switch(&SYNTAX, "raft-shutdown-stepdown"),
        // Three heartbeats may be late before anybody doubts the leader.
        heartbeat: silence / 4,
        election_timeout_min: silence,
        election_timeout_max: silence + election / 2,
        raft_log_bytes: bytes("raft-log-bytes"),
        foreign_keys: parsed.switch(&SYNTAX, "fk"),
        extensions: address("extensions-path")
            .split(',')
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .collect(),
        readers_max: count("db-max-ro-conns")?,
        worker_threads: count("worker-threads")?,
        transaction_bytes_max: bytes("max-transaction-bytes"),
        result_bytes_max: narrow("max-result-bytes", bytes("max-result-bytes"))?,
        value_bytes_max: narrow("max-value-bytes", bytes("max-value-bytes"))?,
        waiting_writes_max: count("max-waiting-writes")?,
        queue_requests_max: count("write-queue-capacity")?,
        queue_batch_max: count("write-queue-batch-size")?,
        queue_delay_max: parsed.duration(&SYNTAX, "write-queue-timeout"),
        queue_transaction: parsed.switch(&SYNTAX, "write-queue-tx"),
        pg_connections_max: count("pg-max-conns")?,
        pg_message_bytes_max: narrow("pg-max-message-bytes", bytes("pg-max-message-bytes"))?,
        cache_bytes: bytes("db-cache-bytes"),
        auth: text("auth").map(PathBuf::from),
        join_as: text("join-as"),
        http_allow_origin: text("http-allow-origin"),
        encryption: encryption::build(text, |name| parsed.switch(&SYNTAX, name))?,
        auto_backup: text("auto-backup").map(PathBuf::from),
        auto_restore: text("auto-restore").map(PathBuf::from),
        cdc_config: text("cdc-config"),
        slow_statement: Some(parsed.duration(&SYNTAX, "slow-statement"))
            .filter(|limit| !limit.is_zero()),
        log_level: level(parsed, "log-level")?,
        log_json: match &*parsed.text(&SYNTAX, "log-format").unwrap_or_default() {
            "text" => false,
            "json" => true,
            other => return Err(format!("-log-format: '{other}' is neither 'text' nor 'json'")),
        },
        raft_log_level: level(parsed, "raft-log-level")?,
    })
}

fn level(parsed: &Parsed, name: &str) -> Result<String, String> {
    let level = parsed.text(&SYNTAX, name).unwrap_or_default().to_lowercase();
    if matches!(&*level, "error" | "warn" | "info" | "debug" | "trace") {
        Ok(level)
    } else {
        Err(format!("-{name}: '{level}' is not ERROR, WARN, INFO, DEBUG or TRACE"))
    }
}

fn parse_join(list: &str) -> Result<Vec<Join>, String> {
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| {
            if let Some((scheme @ ("http" | "https"), rest)) = item.split_once("://") {
                let encrypted = scheme == "https";
                let host = rest.trim_end_matches('/');
                let has_port = host.contains(':') && !host.ends_with(']');
                let port = if encrypted { ":443" } else { ":80" };
                let address = format!("{host}{}", if has_port { "" } else { port });
                check_address("join", &address)?;
                return Ok(if encrypted { Join::Https(address) } else { Join::Http(address) });
            }
            check_address("join", item)?;
            Ok(Join::Raft(item.to_owned()))
        })
        .collect()
}

fn check_address(name: &str, address: &str) -> Result<(), String> {
    if address.contains("://") {
        return Err(format!("-{name}: {address}: write host:port, without a scheme"));
    }
    if address_parts(address).is_none() {
        return Err(format!("-{name}: '{address}' is not host:port"));
    }
    Ok(())
}

fn is_wildcard(address: &str) -> bool {
    address_parts(address).is_some_and(|(host, _)| matches!(host, "0.0.0.0" | "::"))
}

/// Checks one listener's pair of addresses.
fn check_listener(name: &str, listen: &str, advertised: Option<&str>) -> Result<(), String> {
    check_address(&format!("{name}-addr"), listen)?;
    let adv_name = format!("{name}-adv-addr");
    let Some(advertised) = advertised else {
        if is_wildcard(listen) {
            return Err(format!(
                "-{name}-addr {listen} listens everywhere: say with -{adv_name} how others reach it"
            ));
        }
        return Ok(());
    };
    check_address(&adv_name, advertised)?;
    if is_wildcard(advertised) {
        return Err(format!("-{adv_name}: nobody can connect to {advertised}"));
    }
    if address_parts(advertised).is_some_and(|(_, port)| port == 0) {
        return Err(format!("-{adv_name}: port 0 can't be advertised"));
    }
    Ok(())
}

fn validate(config: &Config) -> Result<(), String> {
    if config.data_dir.as_os_str().is_empty() {
        return Err("DATA_DIR is empty".to_owned());
    }
    let listeners = [
        ("http", &config.http_addr, &config.http_adv_addr),
        ("pg", &config.pg_addr, &config.pg_adv_addr),
        ("raft", &config.raft_addr, &config.raft_adv_addr),
    ];
    for (name, listen, advertised) in listeners {
        check_listener(name, listen, advertised.as_deref())?;
    }
    for (i, (name, listen, advertised)) in listeners.iter().enumerate() {
        for (other, other_listen, other_advertised) in &listeners[..i] {
            let ephemeral = address_parts(listen).is_some_and(|(_, port)| port == 0);
            if listen == other_listen && !ephemeral {
                return Err(format!("-{other}-addr and -{name}-addr are both {listen}"));
            }
            if advertised.is_some() && advertised == other_advertised {
                return Err(format!("-{other}-adv-addr and -{name}-adv-addr are the same"));
            }
        }
    }
    if config.bootstrap_expect > 0 && config.non_voter {
        return Err("-bootstrap-expect is for voters; this node has -raft-non-voter".to_owned());
    }
    if config.bootstrap_expect > 1 && !config.looks_for_others() {
        return Err("-bootstrap-expect needs -join with the addresses of the nodes".to_owned());
    }
    check_discovery(config)?;
    let by_http = config.join.iter().any(|somebody| !matches!(somebody, Join::Raft(_)));
    if config.bootstrap_expect > 1 && by_http {
        return Err("-bootstrap-expect needs Raft addresses in -join, not URLs".to_owned());
    }
    let me = Join::Raft(config.raft_adv_addr.clone().unwrap_or(config.raft_addr.clone()));
    if config.bootstrap_expect == 0 && config.join.contains(&me) {
        return Err("-join names this node itself".to_owned());
    }
    if config.join_as.is_some() && config.auth.is_none() {
        return Err("-join-as needs -auth: the file has the user's password".to_owned());
    }
    config.encryption.check(config.joins_https())?;
    check_limits(config)
}

fn check_discovery(config: &Config) -> Result<(), String> {
    match config.disco_mode.as_deref() {
        None => {}
        Some(mode @ ("etcd-kv" | "consul-kv")) if config.bootstrap_expect != 0 => {
            return Err(format!("-disco-mode {mode} does without -bootstrap-expect"));
        }
        Some("dns" | "dns-srv" | "etcd-kv" | "consul-kv") if config.join.is_empty() => {}
        Some("dns" | "dns-srv" | "etcd-kv" | "consul-kv") => {
            return Err("-disco-mode takes the place of -join: give one of them".to_owned());
        }
        Some(mode) => {
            return Err(format!(
                "-disco-mode: '{mode}' is not supported; dns, dns-srv, etcd-kv and consul-kv are"
            ));
        }
    }
    if config.auto_restore.is_some() && config.bootstrap_expect == 0 && config.looks_for_others() {
        return Err("-auto-restore is for new clusters, not for nodes that join one".to_owned());
    }
    Ok(())
}

fn check_limits(config: &Config) -> Result<(), String> {
    let least = Duration::from_millis(100);
    let election = config.election_timeout_max.saturating_sub(config.election_timeout_min) * 2;
    if config.heartbeat * 4 < least || election < least {
        return Err("-raft-heartbeat-timeout and -raft-election-timeout: 100ms is the least".into());
    }
    if config.election_timeout_max > Duration::from_mins(10) {
        return Err("-raft-heartbeat-timeout and -raft-election-timeout are too long".to_owned());
    }
    if config.join_attempts == 0 && !config.join.is_empty() {
        return Err("-join-attempts must be at least 1".to_owned());
    }
    let positive = [
        ("db-max-ro-conns", config.readers_max as u64),
        ("max-transaction-bytes", config.transaction_bytes_max),
        ("max-result-bytes", config.result_bytes_max as u64),
        ("max-value-bytes", u64::from(config.value_bytes_max)),
        ("max-waiting-writes", config.waiting_writes_max as u64),
        ("pg-max-conns", config.pg_connections_max as u64),
        ("pg-max-message-bytes", config.pg_message_bytes_max as u64),
        ("raft-log-bytes", config.raft_log_bytes),
    ];
    match positive.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(format!("-{name} must be at least 1")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Config, Stop> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse_serve(&arguments)
    }

    #[test]
    fn one_argument_is_enough() {
        let config = parse("data").unwrap();
        assert_eq!(config.data_dir, PathBuf::from("data"));
        assert_eq!(config.http_addr, "localhost:4001");
        assert_eq!(config.raft_addr, "localhost:4002");
        assert_eq!(config.pg_addr, "localhost:5432");
        assert_eq!((config.node_id, config.raft_adv_addr), (None, None));
        assert_eq!(config.heartbeat, Duration::from_millis(100));
        assert_eq!(config.election_timeout_min, Duration::from_millis(400));
        assert_eq!(config.election_timeout_max, Duration::from_millis(600));
        assert_eq!(config.transaction_bytes_max, 1 << 30);
        assert!(config.stepdown_on_shutdown && !config.remove_on_shutdown);
    }

    #[test]
    fn join_takes_raft_addresses_and_urls() {
        let config =
            parse("-join h1:4002,http://h2:4001/,[::1]:7,http://h,https://[::1] data").unwrap();
        let expected = [
            Join::Raft("h1:4002".to_owned()),
            Join::Http("h2:4001".to_owned()),
            Join::Raft("[::1]:7".to_owned()),
            Join::Http("h:80".to_owned()),
            Join::Https("[::1]:443".to_owned()),
        ];
        assert_eq!(config.join, expected);
    }

    #[test]
    fn contradictions_are_refused() {
        for (line, part) in [
            ("-http-addr http://h:1 data", "without a scheme"),
            ("-http-addr h data", "is not host:port"),
            ("-http-addr h:99999 data", "is not host:port"),
            ("-raft-addr ::1:4002 data", "is not host:port"),
            ("-raft-addr 0.0.0.0:4002 data", "say with -raft-adv-addr"),
            ("-pg-addr [::]:5432 data", "say with -pg-adv-addr"),
            ("-raft-addr h:1 -raft-adv-addr 0.0.0.0:4 data", "nobody can connect"),
            ("-raft-addr h:1 -http-addr h:1 data", "are both h:1"),
            ("-raft-non-voter -bootstrap-expect 3 -join h:1 data", "is for voters"),
            ("-join-as app -join h:1 data", "needs -auth"),
            ("-disco-mode mdns data", "is not supported"),
            ("-log-format xml data", "neither 'text' nor 'json'"),
            ("-disco-mode dns -join h:1 data", "one of them"),
            ("-disco-mode etcd-kv -bootstrap-expect 3 data", "does without"),
            ("-disco-mode consul-kv -bootstrap-expect 3 data", "consul-kv does without"),
            ("-auto-restore f -join h:1 data", "for new clusters"),
            ("-bootstrap-expect 3 data", "needs -join"),
            ("-bootstrap-expect 3 -join http://h:1 data", "not URLs"),
            ("-join localhost:4002 data", "names this node itself"),
            ("-join ftp://h:1 data", "without a scheme"),
            ("-raft-heartbeat-timeout 1ms data", "100ms is the least"),
            ("-db-max-ro-conns 0 data", "-db-max-ro-conns must be"),
            ("-max-value-bytes 8GiB data", "too large"),
            ("-raft-log-level LOUD data", "'loud' is not ERROR"),
            ("-otlp-endpoint x data", "-otlp-endpoint is not supported: a collector can scrape"),
            ("-http-cert file data", "-http-cert needs -http-key"),
            ("-pg-key file data", "-pg-key needs -pg-cert"),
            ("-http-cert c -http-key k -http-verify-client data", "needs -http-ca-cert"),
            ("-http-cert c -http-key k -http-ca-cert a data", "alone checks nobody"),
            ("-pg-require-tls data", "-pg-require-tls needs -pg-cert"),
            ("-node-no-verify data", "-node-no-verify needs -node-cert"),
            (
                "-http-verify-common-name a data",
                "-http-verify-common-name needs -http-verify-client",
            ),
            (
                "-node-verify-common-name a data",
                "-node-verify-common-name needs -node-verify-client",
            ),
            ("-node-cert c -node-key k -node-verify-client data", "needs -node-ca-cert"),
            ("-node-cert c -node-key k -node-no-verify -node-ca-cert a data", "of no use"),
            ("a b", "one argument too many"),
            ("", "DATA_DIR is missing"),
        ] {
            match parse(line) {
                Err(Stop::Wrong(text)) => assert!(text.contains(part), "{line}: {text}"),
                other => panic!("{line}: {other:?}"),
            }
        }
        assert!(parse("-http-addr h:0 -pg-addr h:0 -raft-addr h:0 data").is_ok());
        assert!(parse("-bootstrap-expect 2 -join localhost:4002,h:4002 data").is_ok());
    }

    #[test]
    fn no_flag_is_both_supported_and_not() {
        for (_, flags) in GROUPS {
            for flag in *flags {
                assert!(UNSUPPORTED.iter().all(|(name, _)| *name != flag.name), "{}", flag.name);
                assert!(!flag.help.is_empty() && flag.help.lines().all(|line| line.len() <= 90));
            }
        }
    }
}
