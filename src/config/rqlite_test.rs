//! rqlite's flags: each is one of `eider serve`'s, with the same default, or refused by its name with what there is instead.

use crate::config::flag::{Flag, Stop};
use crate::config::serve::{GROUPS, parse_serve};

/// rqlite 10.3's flags, but for `-version`, with its defaults where they are Eider's, too.
const RQLITES: &str = "node-id= http-addr=localhost:4001 http-adv-addr= raft-addr=localhost:4002 raft-adv-addr= http-allow-origin= \
    auth= http-cert= http-key= http-ca-cert= http-verify-client=false http-verify-common-name= node-cert= \
    node-key= node-ca-cert= node-no-verify=false node-verify-client=false node-verify-server-name= \
    node-verify-common-name= join= join-attempts=5 join-interval=3s join-as= bootstrap-expect=0 \
    bootstrap-expect-timeout=120s disco-mode= disco-key=rqlite disco-config= cluster-connect-timeout \
    raft-non-voter=false raft-snap raft-snap-wal-size raft-snap-int raft-heartbeat-timeout \
    raft-election-timeout raft-leader-lease-timeout raft-commit-timeout raft-apply-timeout raft-remove-shutdown \
    raft-cluster-remove-shutdown=false raft-shutdown-stepdown=true raft-reap-node-timeout=0s \
    raft-reap-read-only-node-timeout=0s raft-log-level compress-snap-transport fk=false db-max-ro-conns=256 \
    auto-vacuum-int auto-optimize-int auto-backup= auto-restore= extensions-path= cdc-config= \
    write-queue-capacity=1024 write-queue-batch-size=128 write-queue-timeout=50ms write-queue-tx=false \
    otlp-endpoint otlp-interval otlp-insecure otlp-no-verify otlp-ca-cert otlp-cert otlp-key cpu-profile \
    mem-profile trace-profile";

#[test]
fn each_of_rqlites_flags_is_there_or_refused_by_its_name() {
    let flags: Vec<&Flag> = GROUPS.iter().flat_map(|(_, flags)| *flags).collect();
    for written in RQLITES.split_whitespace() {
        let (name, default) = match written.split_once('=') {
            Some((name, default)) => (name, Some(default)),
            None => (written, None),
        };
        match flags.iter().find(|flag| flag.name == name) {
            Some(flag) => assert!(default.is_none_or(|it| it == flag.default), "{written}"),
            None => {
                assert_eq!(default, None, "{written}");
                let line = ["-".to_owned() + name, "1".to_owned(), "data".to_owned()];
                let Err(Stop::Wrong(text)) = parse_serve(&line) else {
                    panic!("{name} is neither known nor refused");
                };
                assert!(text.starts_with(&format!("-{name} is not supported: ")), "{text}");
            }
        }
    }
    // As in rqlite, with one dash or two, a value behind `=` or a blank.
    let line =
        ["--fk=true", "-raft-shutdown-stepdown=false", "--node-id=a", "-join", "h:1", "data"];
    let config = parse_serve(&line.map(str::to_owned)).unwrap();
    assert!(config.foreign_keys && !config.stepdown_on_shutdown);
    assert_eq!(config.node_id.as_deref(), Some("a"));
}
