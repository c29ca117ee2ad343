//! pg_dump of a database with an object of each kind makes the same database again.

use std::process::Command;

use crate::support::{Cluster, has_program};

const SCHEMA: &str = include_str!("../dumps/schema.sql");

fn program(name: &str, port: u16, database: &str, arguments: &[&str]) -> String {
    let output = Command::new(name)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres", "-d", database])
        .args(arguments)
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{name}: {complaints}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What pg_dump gives, without the lines that are another one's each time.
fn dump(port: u16, database: &str) -> String {
    let text = program("pg_dump", port, database, &[]);
    let keeps = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    text.lines().filter(keeps).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_dump_makes_the_same_database_again() {
    if !has_program("psql") || !has_program("pg_dump") {
        return;
    }
    let cluster = Cluster::start(1);
    let port = cluster.nodes[0].pg;
    let folder = tempfile::tempdir().unwrap();
    let load = |database: &str, name: &str, script: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, script).unwrap();
        program(
            "psql",
            port,
            "postgres",
            &["-X", "-q", "-c", &format!("CREATE DATABASE {database}")],
        );
        program(
            "psql",
            port,
            database,
            &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &path.display().to_string()],
        );
    };
    load("first", "schema.sql", SCHEMA);
    let first = dump(port, "first");
    assert!(first.contains("CREATE MATERIALIZED VIEW") && first.contains("CREATE TRIGGER"));
    load("second", "dump.sql", &first);
    assert_eq!(dump(port, "second"), first);
}
