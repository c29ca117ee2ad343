//! pg_dump of a database with an object of each kind makes the same database again.

use std::process::{Command, Output};

use crate::support::{Cluster, has_program, psql};

const SCHEMA: &str = include_str!("../dumps/schema.sql");

/// What a program said that ended well.
fn output(output: Output) -> String {
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What pg_dump gives, without the lines that are another one's each time.
fn dump(port: u16, database: &str) -> String {
    let target = format!("host=127.0.0.1 port={port} dbname={database} user=postgres");
    let text = output(Command::new("pg_dump").args(["-d", &target]).output().unwrap());
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
        let psql = |database: &str, arguments: &[&str]| {
            output(psql(&format!("host=127.0.0.1 port={port} dbname={database}"), arguments))
        };
        psql("postgres", &["-c", &format!("CREATE DATABASE {database}")]);
        psql(database, &["-v", "ON_ERROR_STOP=1", "-f", &path.display().to_string()]);
    };
    load("first", "schema.sql", SCHEMA);
    let first = dump(port, "first");
    assert!(first.contains("CREATE MATERIALIZED VIEW") && first.contains("CREATE TRIGGER"));
    load("second", "dump.sql", &first);
    assert_eq!(dump(port, "second"), first);
}
