//! Users and passwords, over both protocols.

use serde_json::json;

use crate::support::{Cluster, request_with, wait_for};

const USERS: &str = r#"[
    {"username": "bob", "password": "secret1", "perms": ["all"]},
    {"username": "ann", "password": "SCRAM-SHA-256$4096:TTZND5BPicOv8inyPpdK0Q==$IF5m/jLraioTdjf9OaYE9l5ATBSq73PfJ8bRJFqFzZo=:5a4ZZqq8CqIdWkyp0/y9C3yLdbwm+j9JemoaqsQZbe0=", "perms": ["query", "execute"]},
    {"username": "mary", "password": "secret2", "perms": ["query", "status"]},
    {"username": "leo", "password": "secret3", "perms": ["join-read-only"]},
    {"username": "*", "perms": ["ready"]}
]"#;

#[tokio::test]
async fn passwords_are_asked_for_and_proved_over_both_protocols() {
    let users = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(users.path(), USERS).unwrap();
    let path = users.path().to_str().unwrap();
    let mut cluster = Cluster::start_with(3, &["--auth", path, "--join-as", "bob"]);
    let execute = |place: usize, user: &str| {
        // bob:secret1, ann:secret, mary:secret2
        let encoded = match user {
            "bob" => "Ym9iOnNlY3JldDE=",
            "ann" => "YW5uOnNlY3JldA==",
            _ => "bWFyeTpzZWNyZXQy",
        };
        let headers = format!("Authorization: Basic {encoded}\r\n");
        let body = json!(["CREATE TABLE IF NOT EXISTS t (a)"]).to_string();
        let port = cluster.nodes[place].http;
        request_with(port, "POST", "/db/execute", &headers, Some(&body)).unwrap()
    };
    for place in 0..3 {
        let reply = execute(place, "bob");
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"results":[{}]}"#));
        assert_eq!(execute(place, "ann").status, 200);
        assert_eq!(execute(place, "mary").status, 401);
        let node = &cluster.nodes[place];
        assert_eq!(node.post("/db/execute", "[]").unwrap().status, 401);
        for (user, password) in [("bob", "secret1"), ("ann", "secret")] {
            let client =
                node.try_connect(&format!("user={user} password={password}")).await.unwrap();
            let row = client.query_one("SELECT current_user::text", &[]).await.unwrap();
            assert_eq!(row.get::<_, String>(0), user);
        }
        for (user, password, state) in [
            ("bob", "secret2", "28P01"),
            ("nobody", "secret1", "28P01"),
            ("mary", "secret2", "28000"),
        ] {
            let more = format!("user={user} password={password}");
            let error = node.try_connect(&more).await.err().unwrap();
            assert_eq!(error.code().unwrap().code(), state, "{user}: {error}");
        }
    }
    for node in &mut cluster.nodes {
        node.stop();
    }
}

#[test]
fn who_joins_needs_a_permission() {
    let users = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(users.path(), USERS).unwrap();
    let path = users.path().to_str().unwrap();
    let mut cluster = Cluster::start_with(1, &["--auth", path]);
    for (options, said) in [
        (vec![], "one who may 'join'"),
        (vec!["--auth", path, "--join-as", "mary"], "one who may 'join'"),
        (vec!["--auth", path, "--join-as", "leo"], "one who may 'join'"),
        (vec!["--raft-non-voter"], "one who may 'join-read-only'"),
        (vec!["--auth", path, "--join-as", "ann"], "has a verifier there, and no password"),
        (vec!["--auth", path, "--join-as", "eve"], "there is no user \"eve\""),
    ] {
        let options =
            [&options[..], &["--join-attempts", "2", "--join-interval", "100ms"]].concat();
        let place = cluster.add_without_waiting(&options);
        let node = &mut cluster.nodes[place];
        wait_for("it gives up", || (!node.is_alive()).then_some(()));
        assert!(node.log().contains(said), "{options:?}: {}", node.log());
    }
    let voter = cluster.add_without_waiting(&["--auth", path, "--join-as", "bob"]);
    cluster.nodes[voter].wait_ready();
    let reader =
        cluster.add_without_waiting(&["--auth", path, "--join-as", "leo", "--raft-non-voter"]);
    cluster.nodes[reader].wait_ready();
}

#[test]
fn who_may_not_join_yet_tries_again() {
    let users = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(users.path(), USERS).unwrap();
    let path = users.path().to_str().unwrap();
    let mut cluster = Cluster::start_with(1, &["--auth", path]);
    let patient = ["--auth", path, "--join-as", "mary", "--join-attempts", "600"];
    let patient = [&patient[..], &["--join-interval", "100ms"]].concat();
    let late = cluster.add_without_waiting(&patient);
    let node = &cluster.nodes[late];
    wait_for("it is refused", || node.log().contains("one who may 'join'").then_some(()));
    let permitted = serde_json::json!([{ "username": "*", "perms": ["all"] }]);
    std::fs::write(users.path(), permitted.to_string()).unwrap();
    cluster.nodes[0].stop();
    cluster.nodes[0].start();
    cluster.nodes[late].wait_ready();
}
