//! Capture, finish, apply: every captured set applied to a mirror gives the same file.

use std::process::Command;

use bytes::Bytes;

use crate::model::error::{Fault, SqlState};
use crate::model::id::{Position, TransactionId};
use crate::model::statement::Dialect::{Postgres, Sqlite};
use crate::model::value::Value;
use crate::sqlite::Control;
use crate::sqlite::page::LOCK_BYTE_PAGE;
use crate::sqlite::page_set::{ChainHasher, Encoder};
use crate::sqlite::testkit::{Entry, Node, Pair, Rows, options, with};

#[test]
fn bundled_sqlite_is_new_enough() {
    // 3.51.3 fixed a race between a checkpoint and a WAL that begins anew.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn connections_can_move_between_threads() {
    fn send<T: Send>() {}
    fn share<T: Send + Sync>() {}
    send::<crate::sqlite::Writer>();
    send::<crate::sqlite::Reader>();
    send::<crate::sqlite::Capture>();
    send::<crate::sqlite::SnapshotView>();
    share::<crate::sqlite::Database>();
}

#[test]
fn new_databases_are_equal_on_all_nodes() {
    let pair = Pair::new(&options());
    pair.assert_equal("new");
    assert_eq!(pair.leader.writer.txid(), TransactionId(0));
}

#[test]
fn transactions_give_equal_files() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL)"]);
    pair.assert_equal("create");
    pair.commit(Sqlite, &["INSERT INTO t (a) VALUES ('x'), ('y')", "UPDATE t SET b = random()"]);
    pair.assert_equal("insert");
    assert_eq!(pair.leader.writer.txid(), TransactionId(2));
    assert_eq!(pair.mirror.writer.txid(), TransactionId(2));
    assert_eq!(pair.mirror.number("SELECT count(*) FROM t"), 2);
    let same = "SELECT b FROM t ORDER BY id";
    assert_eq!(pair.leader.query(same), pair.mirror.query(same));
}

#[test]
fn everything_sqlite_does_gives_equal_files() {
    let mut pair = Pair::new(&options());
    let steps: &[(&str, &str)] = &[
        ("ddl", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b REAL); CREATE INDEX ti ON t(a);
                 CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET b=random() WHERE id=new.id; END;"),
        ("insert", "INSERT INTO t(a) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<20000) SELECT hex(randomblob(50)) FROM c"),
        ("fts5", "CREATE VIRTUAL TABLE ft USING fts5(body); INSERT INTO ft(body) SELECT a FROM t LIMIT 2000"),
        ("fts5 again", "DELETE FROM ft WHERE rowid<500; INSERT INTO ft(ft) VALUES('optimize')"),
        ("fts5 more", "INSERT INTO ft(body) VALUES('the quick brown fox')"),
        ("fts4", "CREATE VIRTUAL TABLE f4 USING fts4(body); INSERT INTO f4(f4) VALUES('automerge=2')"),
        ("fts4 fill", "INSERT INTO f4(body) SELECT a FROM t LIMIT 500"),
        ("rtree", "CREATE VIRTUAL TABLE rt USING rtree(id,x0,x1,y0,y1); INSERT INTO rt SELECT id, id, id+1, id, id+1 FROM t LIMIT 3000"),
        ("rtree delete", "DELETE FROM rt WHERE id % 3 = 0"),
        ("alter add", "ALTER TABLE t ADD COLUMN c INT DEFAULT 7"),
        ("alter rename", "ALTER TABLE t RENAME COLUMN a TO aa"),
        ("alter drop", "ALTER TABLE t DROP COLUMN b"),
    ];
    for (name, sql) in steps {
        if *name == "alter drop" {
            pair.commit(Sqlite, &["DROP TRIGGER tr"]);
        }
        pair.commit(Sqlite, &[sql]);
        pair.assert_equal(name);
    }
    let steps: &[(&str, &str)] = &[
        ("delete most", "DELETE FROM t WHERE id > 1000"),
        ("grow again", "INSERT INTO t(aa) SELECT hex(randomblob(20)) FROM t"),
        ("drop", "DROP TABLE rt; DROP TABLE ft"),
        ("analyze", "ANALYZE"),
        ("blob", "CREATE TABLE big(b); INSERT INTO big VALUES(randomblob(10000000))"),
        ("reindex", "REINDEX"),
        ("user_version", "PRAGMA user_version = 17"),
        (
            "autoincrement",
            "CREATE TABLE ai(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO ai(x) VALUES (1), (2)",
        ),
        (
            "strict",
            "CREATE TABLE st(a INT NOT NULL, b TEXT, PRIMARY KEY(a)) STRICT, WITHOUT ROWID; INSERT INTO st VALUES (1, 'x')",
        ),
    ];
    for (name, sql) in steps {
        pair.commit(Sqlite, &[sql]);
        pair.assert_equal(name);
    }
    assert_eq!(pair.mirror.number("PRAGMA user_version"), 17);
}

#[test]
fn a_mirror_can_take_over_and_go_on() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a, b)", "CREATE VIRTUAL TABLE ft USING fts5(body)"]);
    for round in 0..20 {
        let insert = format!("INSERT INTO t VALUES ({round}, randomblob(3000))");
        let search = format!("INSERT INTO ft VALUES ('word{round} common')");
        pair.commit(Sqlite, &[&insert, &search]);
        pair.assert_equal(&format!("round {round}"));
        std::mem::swap(&mut pair.leader, &mut pair.mirror);
    }
    assert_eq!(pair.leader.number("SELECT count(*) FROM ft WHERE ft MATCH 'common'"), 20);
    assert_eq!(pair.mirror.number("SELECT count(*) FROM ft WHERE ft MATCH 'common'"), 20);
}

#[test]
fn nothing_is_visible_before_finish() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run("INSERT INTO t VALUES (1)").unwrap();
    let entry = pair.leader.capture(1 << 20).unwrap().unwrap();
    assert_eq!(pair.leader.number("SELECT count(*) FROM t"), 0);
    assert_eq!(outside(&pair.leader, "SELECT count(*) FROM t").0, "0\n");
    pair.leader.writer.finish().unwrap();
    pair.leader.position = entry.position;
    assert_eq!(pair.leader.number("SELECT count(*) FROM t"), 1);
    assert_eq!(outside(&pair.leader, "SELECT count(*) FROM t").0, "1\n");
    pair.mirror.apply(&entry).unwrap();
    pair.assert_equal("after finish");
}

#[test]
fn a_captured_transaction_can_be_rolled_back() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    for _ in 0..5 {
        pair.leader.writer.begin(Sqlite).unwrap();
        pair.leader.run("INSERT INTO t VALUES (randomblob(100000))").unwrap();
        assert!(pair.leader.capture(1 << 20).unwrap().is_some());
        pair.leader.writer.rollback().unwrap();
        assert_eq!(pair.leader.number("SELECT count(*) FROM t"), 0);
        pair.commit(Sqlite, &["INSERT INTO t VALUES (1)", "DELETE FROM t"]);
        pair.assert_equal("after rollback");
    }
}

#[test]
fn a_captured_transaction_can_go_on_and_be_captured_again() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run("INSERT INTO t VALUES (1)").unwrap();
    assert!(pair.leader.capture(1 << 20).unwrap().is_some());
    pair.leader.run("INSERT INTO t VALUES (2)").unwrap();
    pair.finish();
    pair.assert_equal("captured twice");
    assert_eq!(pair.mirror.number("SELECT count(*) FROM t"), 2);
}

#[test]
fn a_transaction_without_changes_gives_nothing() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run("SELECT * FROM t").unwrap();
    pair.leader.run("DELETE FROM t WHERE a = 5").unwrap();
    assert!(pair.leader.capture(1 << 20).unwrap().is_none());
    pair.leader.writer.rollback().unwrap();
}

#[test]
fn the_wal_survives_a_crash_after_a_captured_commit() {
    // The refused first COMMIT must not break the WAL's checksums: they are what recovery goes by.
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    for round in 0..30 {
        pair.commit(Sqlite, &[&format!("INSERT INTO t VALUES ({round})")]);
    }
    let copy = pair.directory.path().join("copy.sqlite");
    std::fs::copy(&pair.leader.path, &copy).unwrap();
    let wal = |path: &std::path::Path| {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        std::path::PathBuf::from(name)
    };
    std::fs::copy(wal(&pair.leader.path), wal(&copy)).unwrap();
    // The copy has no wal-index, so SQLite recovers it from the WAL.
    let crashed = rusqlite::Connection::open(&copy).unwrap();
    let count: i64 = crashed.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 30);
    let txid: i64 =
        crashed.query_row("SELECT txid FROM _eider_position", [], |row| row.get(0)).unwrap();
    assert_eq!(txid, 31);
}

#[test]
fn other_processes_can_read_but_not_write() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]);
    assert_eq!(outside(&pair.leader, "SELECT count(*) FROM t").0, "1\n");
    let (_, error) = outside(&pair.leader, "INSERT INTO t VALUES (2)");
    assert!(error.contains("locked"), "{error}");
    let (_, error) = outside(&pair.leader, "PRAGMA journal_mode = DELETE");
    assert!(error.contains("locked"), "{error}");
    outside(&pair.leader, "PRAGMA wal_checkpoint(TRUNCATE)");
    outside(&pair.leader, "PRAGMA wal_checkpoint(RESTART)");
    pair.commit(Sqlite, &["INSERT INTO t VALUES (3)"]);
    pair.assert_equal("after outside checkpoints");
    assert_eq!(
        outside(&pair.leader, "SELECT count(*) FROM t; PRAGMA integrity_check").0,
        "2\nok\n"
    );
    // Still true while the other dialect writes, and while pages are applied.
    pair.commit(Postgres, &["INSERT INTO t VALUES (4)"]);
    let (_, error) = outside(&pair.mirror, "INSERT INTO t VALUES (5)");
    assert!(error.contains("locked"), "{error}");
}

/// Runs the `sqlite3` program on a node's file, or a stand-in where there is none.
fn outside(node: &Node, sql: &str) -> (String, String) {
    let output = Command::new("sqlite3").arg(&node.path).arg(sql).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn spilled_transactions_give_equal_files() {
    let small = crate::sqlite::Options { cache_bytes: 256 << 10, ..options() };
    let mut pair = Pair::new(&small);
    pair.commit(Sqlite, &["CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB)"]);
    let fill = "INSERT INTO t(a) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<2000) SELECT randomblob(900) FROM c";
    // Spilled, then changed again so that frames are overwritten in place.
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run(fill).unwrap();
    assert!(pair.leader.writer.tap.spilled_bytes() > 500_000);
    pair.leader.run("UPDATE t SET a = randomblob(900) WHERE id % 7 = 0").unwrap();
    pair.finish();
    pair.assert_equal("spilled");
    assert_eq!(pair.mirror.number("SELECT count(*) FROM t"), 2000);
    // Rolled back to a savepoint after spilling, then less, then more.
    for round in 0..3 {
        pair.leader.writer.begin(Sqlite).unwrap();
        pair.leader.run(fill).unwrap();
        pair.leader.writer.savepoint(1).unwrap();
        pair.leader.run(fill).unwrap();
        pair.leader.run("UPDATE t SET a = randomblob(901)").unwrap();
        pair.leader.writer.rollback_to(1).unwrap();
        pair.leader.writer.release(1).unwrap();
        if round > 0 {
            pair.leader.run("DELETE FROM t WHERE id % 3 = 1").unwrap();
            pair.leader.run("INSERT INTO t(a) SELECT a FROM t LIMIT 500").unwrap();
        }
        pair.finish();
        pair.assert_equal(&format!("spilled and rolled back {round}"));
    }
    // Rolled back whole.
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run(fill).unwrap();
    assert!(pair.leader.capture(1 << 20).unwrap().is_some());
    pair.leader.writer.rollback().unwrap();
    pair.commit(Sqlite, &["DELETE FROM t WHERE id % 2 = 0"]);
    pair.assert_equal("after a spilled rollback");
}

#[test]
fn a_spilled_transaction_leaves_a_recoverable_wal() {
    let small = crate::sqlite::Options { cache_bytes: 256 << 10, ..options() };
    let mut pair = Pair::new(&small);
    pair.commit(Sqlite, &["CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB)"]);
    pair.leader.writer.begin(Sqlite).unwrap();
    pair.leader.run("INSERT INTO t(a) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<1000) SELECT randomblob(900) FROM c").unwrap();
    pair.leader.run("UPDATE t SET a = zeroblob(900)").unwrap();
    pair.finish();
    pair.commit(Sqlite, &["INSERT INTO t(a) VALUES (1)"]);
    let copy = pair.directory.path().join("copy.sqlite");
    std::fs::copy(&pair.leader.path, &copy).unwrap();
    std::fs::copy(
        pair.directory.path().join("leader.sqlite-wal"),
        pair.directory.path().join("copy.sqlite-wal"),
    )
    .unwrap();
    let crashed = rusqlite::Connection::open(&copy).unwrap();
    let count: i64 = crashed.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1001);
}

#[test]
fn a_transaction_above_the_limit_is_refused() {
    let small = crate::sqlite::Options {
        cache_bytes: 256 << 10,
        transaction_bytes_max: 1 << 20,
        ..options()
    };
    let mut pair = Pair::new(&small);
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    pair.leader.writer.begin(Sqlite).unwrap();
    let error = pair
        .leader
        .run("INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<20000) SELECT randomblob(900) FROM c")
        .unwrap_err();
    assert_eq!(error.error.state(), SqlState::PROGRAM_LIMIT_EXCEEDED);
    assert!(error.transaction_lost && error.fault.is_none(), "{error:?}");
    pair.leader.writer.rollback().unwrap();
    // Not spilled, but too much all the same.
    let tight = crate::sqlite::Options { transaction_bytes_max: 60_000, ..options() };
    let mut node = Node::open(&pair.directory, "tight.sqlite", &tight);
    node.writer.begin(Sqlite).unwrap();
    node.run("CREATE TABLE t (a)").unwrap();
    node.run("INSERT INTO t VALUES (randomblob(100000))").unwrap();
    let error = node.capture(1 << 20).unwrap_err();
    assert_eq!(error.error.state(), SqlState::PROGRAM_LIMIT_EXCEEDED);
    node.writer.rollback().unwrap();
    node.commit(Sqlite, &["CREATE TABLE t (a)"]);
}

#[test]
fn a_wrong_page_is_noticed() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    pair.commit(Sqlite, &["INSERT INTO t VALUES (1)"]);
    let entry = pair.leader.commit(Sqlite, &["INSERT INTO t VALUES (2)"]);
    // The mirror has another row where the entry only tells the difference.
    let wrong = pair.mirror.commit(Sqlite, &["UPDATE t SET a = 99"]);
    assert_ne!(wrong.position, entry.position);
    let mut parts = entry.parts.iter().cloned().map(Ok);
    let base = pair.mirror.position;
    let writer = &mut pair.mirror.writer;
    let fault = writer.apply(base, entry.position, entry.database_pages, &mut parts);
    assert!(fault.unwrap_err().message.contains("checksum"));
    // Nothing of it stays.
    assert_eq!(pair.mirror.number("SELECT a FROM t"), 99);
}

#[test]
fn a_missing_page_is_noticed() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    let entry = pair.leader.commit(Sqlite, &["INSERT INTO t VALUES (randomblob(30000))"]);
    let base = pair.mirror.position;
    let writer = &mut pair.mirror.writer;
    // Every page that is there is whole, but a part of one page is left out.
    let whole = entry.parts[0].clone();
    let mut ends = vec![1];
    while let Some(header) = whole.get(*ends.last().unwrap()..).filter(|rest| rest.len() > 17) {
        let length = u32::from_le_bytes(header[5..9].try_into().unwrap()) as usize;
        ends.push(ends.last().unwrap() + 17 + length);
    }
    assert_eq!(*ends.last().unwrap(), whole.len());
    let without = [&whole[..ends[1]], &whole[ends[2]..]].concat();
    let mut parts = std::iter::once(Ok(without.into()));
    let fault = writer.apply(base, entry.position, entry.database_pages, &mut parts);
    assert!(fault.unwrap_err().message.contains("chain value"));
    assert_eq!(pair.mirror.number("SELECT count(*) FROM t"), 0);
    pair.mirror.apply(&entry).unwrap();
    pair.assert_equal("the whole entry");
}

/// All pages of a database as one entry that replaces whatever was there.
fn whole_entry(node: &Node, base: Position) -> Entry {
    let mut view = node.database.snapshot().unwrap();
    let (txid, pages) = (base.txid.next(), view.pages());
    let mut encoder = Encoder::new();
    let mut chain = ChainHasher::new(base.chain, txid, pages);
    for number in (2..=pages).chain([1]) {
        let (page, checksum) = (view.page(number).unwrap(), view.checksum(number).unwrap());
        encoder.push(number, checksum, &page, None);
        chain.page(number, checksum);
    }
    let position = Position { txid, chain: chain.finish() };
    Entry { position, database_pages: pages, parts: vec![encoder.finish().into()] }
}

#[test]
fn an_entry_that_leaves_a_smaller_database_cuts_the_file() {
    let mut pair = Pair::new(&options());
    pair.leader.commit(Sqlite, &["CREATE TABLE small (a)", "INSERT INTO small VALUES (5)"]);
    pair.mirror.commit(Sqlite, &["CREATE TABLE large (a)"]);
    pair.mirror.commit(Sqlite, &["INSERT INTO large VALUES (randomblob(500000))"]);
    let entry = whole_entry(&pair.leader, pair.mirror.position);
    pair.mirror.apply(&entry).unwrap();
    assert_eq!(pair.mirror.number("SELECT a FROM small"), 5);
    assert!(pair.mirror.bytes().len() < 200_000);
    assert_eq!(pair.leader.bytes(), pair.mirror.bytes());
}

#[test]
fn a_smaller_snapshot_cuts_the_file() {
    let mut pair = Pair::new(&options());
    pair.leader.commit(Sqlite, &["CREATE TABLE small (a)", "INSERT INTO small VALUES (5)"]);
    pair.mirror.commit(Sqlite, &["CREATE TABLE large (a)"]);
    pair.mirror.commit(Sqlite, &["INSERT INTO large VALUES (randomblob(500000))"]);
    let mut view = pair.leader.database.snapshot().unwrap();
    let pages = view.pages();
    let mut stream = (1..=pages).map(|page| Ok((page, view.page(page).unwrap())));
    pair.mirror.writer.install(pages, &mut stream).unwrap();
    drop(view);
    pair.mirror.position = pair.leader.position;
    pair.assert_equal("installed");
    assert!(pair.mirror.bytes().len() < 200_000);
    pair.commit(Sqlite, &["INSERT INTO small VALUES (7)"]);
    pair.assert_equal("after");
}

#[test]
fn a_smaller_database_may_have_its_schema_on_other_pages() {
    let table = |name: &str, number: usize| {
        format!("CREATE TABLE {name}{number} (a_column, another_column)")
    };
    for (few, many) in [(0, 200), (90, 30), (30, 90), (200, 0)] {
        let mut pair = Pair::new(&options());
        for number in 0..few {
            pair.leader.commit(Sqlite, &[&table("small", number)]);
        }
        for number in 0..many {
            pair.mirror.commit(Sqlite, &[&table("large", number)]);
        }
        pair.leader.commit(Sqlite, &["CREATE TABLE t (a)"]);
        pair.mirror
            .commit(Sqlite, &["CREATE TABLE t (a)", "INSERT INTO t VALUES (randomblob(2000000))"]);
        let entry = whole_entry(&pair.leader, pair.mirror.position);
        pair.mirror.apply(&entry).unwrap();
        assert_eq!(pair.mirror.number("SELECT count(*) FROM t"), 0);
        assert!(pair.leader.bytes() == pair.mirror.bytes(), "{few} tables, {many} before");
    }
}

#[test]
fn a_shrunken_file_shrinks_on_the_mirror() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    for _ in 0..3 {
        pair.commit(Sqlite, &["INSERT INTO t VALUES (randomblob(500000))"]);
    }
    pair.commit(Sqlite, &["DELETE FROM t"]);
    pair.assert_equal("before");
    assert!(pair.mirror.bytes().len() > 1_000_000);
}

#[test]
fn deferred_foreign_keys_are_checked_at_capture() {
    let mut pair = Pair::new(&options());
    pair.commit(
        Postgres,
        &[
            "CREATE TABLE p (id INTEGER PRIMARY KEY)",
            "CREATE TABLE c (id INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
        ],
    );
    pair.leader.writer.begin(Postgres).unwrap();
    pair.leader.run("INSERT INTO c VALUES (1)").unwrap();
    let error = pair.leader.capture(1 << 20).unwrap_err();
    assert_eq!(error.error.state(), SqlState::FOREIGN_KEY_VIOLATION);
    assert!(!error.transaction_lost);
    pair.leader.run("INSERT INTO p VALUES (1)").unwrap();
    pair.finish();
    pair.assert_equal("foreign keys");
}

#[test]
fn reopened_databases_go_on() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    for round in 0..4 {
        let Pair { leader, mirror, directory } = pair;
        let (left, right) = (leader.position, mirror.position);
        drop(leader.writer);
        leader.database.close().unwrap();
        drop(mirror);
        let mut leader = Node::open(&directory, "leader.sqlite", &options());
        let mut mirror = Node::open(&directory, "mirror.sqlite", &options());
        assert_eq!((leader.position.txid, mirror.position.txid), (left.txid, right.txid));
        (leader.position, mirror.position) = (left, right);
        pair = Pair { leader, mirror, directory };
        pair.commit(Sqlite, &["CREATE TABLE IF NOT EXISTS u (a)", "INSERT INTO t VALUES (1)"]);
        pair.assert_equal(&format!("round {round}"));
    }
}

#[test]
fn a_second_process_cannot_open_for_writing() {
    let pair = Pair::new(&options());
    // Another connection of this process without the tap stands for another process.
    let other = rusqlite::Connection::open(&pair.leader.path).unwrap();
    other.busy_timeout(std::time::Duration::ZERO).unwrap();
    assert!(other.execute_batch("BEGIN IMMEDIATE").is_err());
}

/// Read locks that idle connections keep: at other marks each, then wanted by others.
#[test]
fn kept_read_locks_stand_in_nobodys_way() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a)"]);
    // Another connection of this process without the shim stands for another process.
    let other = rusqlite::Connection::open(&pair.leader.path).unwrap();
    other.busy_timeout(std::time::Duration::ZERO).unwrap();
    let count =
        || other.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, u32>(0)).unwrap();
    let wait = std::time::Duration::ZERO;
    let mut rows = 0;
    for _ in 0..5 {
        let mut readers = Vec::new();
        for _ in 0..options().readers_max {
            pair.commit(Sqlite, &["INSERT INTO t VALUES (zeroblob(5000))"]);
            rows += 1;
            let mut reader = pair.leader.database.reader(wait).unwrap();
            reader.begin().unwrap();
            readers.push(reader);
            assert_eq!(count(), rows);
        }
        drop(readers);
        pair.commit(Sqlite, &["INSERT INTO t VALUES (zeroblob(5000))"]);
        rows += 1;
        assert_eq!(count(), rows);
        let (_, log, copied) = other
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
            })
            .unwrap();
        assert!(copied <= log);
        assert_eq!(count(), rows);
        let used = pair.leader.database.wal_bytes();
        assert!(pair.leader.database.checkpoint().unwrap().complete);
        let mut reader = pair.leader.database.reader(wait).unwrap();
        reader.begin().unwrap();
        drop(reader);
        pair.commit(Sqlite, &["INSERT INTO t VALUES (1)"]);
        rows += 1;
        assert!(pair.leader.database.wal_bytes() < used, "the WAL begins anew");
        assert_eq!(count(), rows);
    }
    pair.assert_equal("at the end");
}

#[test]
fn installed_snapshot_equals_its_source() {
    let mut pair = Pair::new(&options());
    for round in 0..5 {
        let sql =
            format!("CREATE TABLE t{round} (a); INSERT INTO t{round} VALUES (randomblob(30000))");
        let entry = pair.leader.commit(Sqlite, &[&sql]);
        if round == 0 {
            pair.mirror.apply(&entry).unwrap();
        }
    }
    let mut view = pair.leader.database.snapshot().unwrap();
    let mut own = pair.mirror.database.snapshot().unwrap();
    let differing: Vec<u32> = (1..=view.pages())
        .filter(|page| {
            *page > own.pages() || view.checksum(*page).unwrap() != own.checksum(*page).unwrap()
        })
        .collect();
    assert!(differing.len() < view.pages() as usize);
    drop(own);
    let pages = view.pages();
    let mut stream = differing.into_iter().map(|page| Ok((page, view.page(page).unwrap())));
    pair.mirror.writer.install(pages, &mut stream).unwrap();
    drop(view);
    assert_eq!(pair.mirror.writer.txid(), TransactionId(5));
    pair.mirror.position = pair.leader.position;
    pair.assert_equal("installed");
    pair.commit(Sqlite, &["INSERT INTO t1 VALUES (7)"]);
    pair.assert_equal("after");
}

#[test]
fn a_snapshot_of_more_than_a_gibibyte_is_installed() {
    let mut pair = Pair::new(&options());
    let zeros = Bytes::from_static(&[0; 4096]);
    // The page with SQLite's locks lies in between. What isn't named stays a hole in the file.
    let last = LOCK_BYTE_PAGE + 1;
    let mut first = pair.leader.database.snapshot().unwrap().page(1).unwrap().to_vec();
    // The header has the size (SQLite file format §1.3.7).
    first[28..32].copy_from_slice(&last.to_be_bytes());
    let pages = [(1, first.into()), (LOCK_BYTE_PAGE, zeros.clone()), (last, zeros)];
    pair.mirror.writer.install(last, &mut pages.into_iter().map(Ok)).unwrap();
    assert_eq!(pair.mirror.database.snapshot().unwrap().pages(), last);
}

#[test]
fn run_each_inserts_many_rows_or_none() {
    let mut pair = Pair::new(&options());
    pair.commit(Sqlite, &["CREATE TABLE t (a INTEGER PRIMARY KEY, b)"]);
    pair.leader.writer.begin(Postgres).unwrap();
    let sql: std::sync::Arc<str> = "INSERT INTO t VALUES (?1, ?2)".into();
    let batch = |numbers: &[i64]| crate::model::value::RowBatch {
        width: 2,
        rows: numbers.len(),
        values: numbers
            .iter()
            .flat_map(|n| [Value::Integer(*n), Value::Text(format!("row {n}"))])
            .collect(),
    };
    let control = Control::default();
    let done = pair.leader.writer.run_each(&sql, &batch(&[1, 2, 3]), &control).unwrap();
    assert_eq!(done.rows_affected, 3);
    let error = pair.leader.writer.run_each(&sql, &batch(&[4, 5, 1]), &control).unwrap_err();
    assert_eq!(error.error.state(), SqlState::UNIQUE_VIOLATION);
    assert!(!error.transaction_lost);
    pair.finish();
    assert_eq!(pair.mirror.number("SELECT count(*) FROM t"), 3);
    let mut rows = Rows::default();
    let mut reader = pair.mirror.reader();
    let query = with("SELECT b FROM t WHERE a = ?1", vec![Value::Integer(2)]);
    reader.run(Postgres, &query, None, &control, &mut rows).unwrap();
    assert_eq!(rows.rows, [[Value::Text("row 2".into())]]);
}

#[test]
fn a_page_that_is_not_what_was_written_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::open(&directory, "n", &options());
    node.commit(Sqlite, &["CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)"]);
    let fill = "INSERT INTO t (a) WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 400) \
                SELECT hex(zeroblob(50)) FROM n";
    node.commit(Sqlite, &[fill]);
    assert!(node.database.checkpoint().unwrap().complete);
    let path = directory.path().join("n");
    let whole = std::fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 10);
    for page in 1..pages {
        let mut damaged = whole.clone();
        damaged[page * 4096 + page * 97 % 4096] ^= 1 << (page % 8);
        std::fs::write(&path, &damaged).unwrap();
        let expected = format!("page {} of the database file is damaged", page + 1);
        let look = || -> Result<(), Fault> {
            let mut view = node.database.snapshot()?;
            (1..=view.pages()).try_for_each(|number| view.page(number).map(drop))
        };
        let message = look().unwrap_err().to_string();
        assert!(message.contains(&expected), "{message}");
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(node.number("SELECT count(*) FROM t"), 400);
}

#[test]
fn a_wal_that_has_begun_anew_is_counted_from_its_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::open(&directory, "n", &options());
    node.commit(Sqlite, &["CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)"]);
    let fill = "INSERT INTO t (a) WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
                SELECT hex(zeroblob(50)) FROM n";
    node.commit(Sqlite, &[fill]);
    let full = node.database.wal_bytes();
    assert_eq!(full, node.database.sizes().1);
    assert!(full > 200_000, "{full}");
    assert!(node.database.checkpoint().unwrap().complete);
    node.commit(Sqlite, &["INSERT INTO t (a) VALUES ('x')"]);
    assert_eq!(node.database.sizes().1, full);
    assert!(node.database.wal_bytes() < 50_000, "{}", node.database.wal_bytes());
}
