//! Random transactions on a leader, each applied to a mirror: the files must stay equal.

use proptest::prelude::*;

use crate::model::statement::Dialect;
use crate::sqlite::Options;
use crate::sqlite::testkit::{Entry, Pair, options};

#[derive(Debug, Clone)]
enum Step {
    Insert { rows: u32, bytes: u32 },
    Update { every: u32, bytes: u32 },
    Delete { every: u32 },
    Search,
    AddTable(u32),
    DropTable(u32),
    AddIndex(u32),
    Fail,
    Savepoint,
    RollbackTo,
    Release,
    CaptureOnly,
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent roll of the dice")]
struct Transaction {
    dialect: Dialect,
    steps: Vec<Step>,
    rolled_back: bool,
    checkpoint: bool,
    swap: bool,
    reopen: bool,
    late: bool,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..40_u32, 0..6000_u32).prop_map(|(rows, bytes)| Step::Insert { rows, bytes }),
        1 => (200..400_u32, 500..2000_u32).prop_map(|(rows, bytes)| Step::Insert { rows, bytes }),
        3 => (1..9_u32, 0..3000_u32).prop_map(|(every, bytes)| Step::Update { every, bytes }),
        2 => (1..5_u32).prop_map(|every| Step::Delete { every }),
        1 => Just(Step::Search),
        1 => (0..4_u32).prop_map(Step::AddTable),
        1 => (0..4_u32).prop_map(Step::DropTable),
        1 => (0..4_u32).prop_map(Step::AddIndex),
        1 => Just(Step::Fail),
        2 => Just(Step::Savepoint),
        2 => Just(Step::RollbackTo),
        1 => Just(Step::Release),
        1 => Just(Step::CaptureOnly),
    ]
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let dialect = prop_oneof![Just(Dialect::Postgres), Just(Dialect::Sqlite)];
    let chance = |one_in: u32| (0..one_in).prop_map(|roll| roll == 0);
    let steps = proptest::collection::vec(step(), 1..8);
    (dialect, steps, chance(6), chance(4), chance(8), chance(12), chance(2)).prop_map(
        |(dialect, steps, rolled_back, checkpoint, swap, reopen, late)| Transaction {
            dialect,
            steps,
            rolled_back,
            checkpoint,
            swap,
            reopen,
            late,
        },
    )
}

/// Runs a step. Statements that fail because of what earlier ones did are part of the game.
fn run(pair: &mut Pair, step: &Step, depth: &mut u32) {
    let leader = &mut pair.leader;
    let sql = match step {
        Step::Insert { rows, bytes } => format!(
            "INSERT INTO t (a) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {rows}) SELECT randomblob({bytes}) FROM c"
        ),
        Step::Update { every, bytes } => {
            format!("UPDATE t SET a = randomblob({bytes}) WHERE id % {every} = 0")
        }
        Step::Delete { every } => format!("DELETE FROM t WHERE id % {every} = 0"),
        Step::Search => "INSERT INTO ft SELECT hex(randomblob(20)) FROM t LIMIT 50".to_owned(),
        Step::AddTable(n) => format!("CREATE TABLE x{n} AS SELECT * FROM t LIMIT 20"),
        Step::DropTable(n) => format!("DROP TABLE x{n}"),
        Step::AddIndex(n) => format!("CREATE INDEX i{n} ON x{n} (a)"),
        Step::Fail => {
            "INSERT INTO t (id) SELECT id + 1 FROM t UNION ALL SELECT 1 UNION ALL SELECT 1"
                .to_owned()
        }
        Step::Savepoint => {
            *depth += 1;
            leader.writer.savepoint(*depth).unwrap();
            return;
        }
        Step::RollbackTo if *depth > 0 => {
            leader.writer.rollback_to(*depth).unwrap();
            return;
        }
        Step::Release if *depth > 0 => {
            leader.writer.release(*depth).unwrap();
            *depth -= 1;
            return;
        }
        Step::RollbackTo | Step::Release => return,
        Step::CaptureOnly => {
            leader.capture(10_000).unwrap();
            return;
        }
    };
    if let Err(error) = leader.run(&sql) {
        assert!(!error.transaction_lost && error.fault.is_none(), "{sql}: {error:?}");
    }
}

fn play(transactions: &[Transaction], options: &Options) {
    let mut pair = Pair::new(options);
    pair.commit(Dialect::Sqlite, &[
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB)",
        "CREATE TRIGGER tr AFTER DELETE ON t WHEN old.id % 50 = 0 BEGIN INSERT INTO t (a) VALUES (random()); END",
        "CREATE VIRTUAL TABLE ft USING fts5(body)",
    ]);
    // What the mirror will apply as one.
    let mut behind: Vec<Entry> = Vec::new();
    for transaction in transactions {
        pair.leader.writer.begin(transaction.dialect).unwrap();
        let mut depth = 0;
        for step in &transaction.steps {
            run(&mut pair, step, &mut depth);
        }
        if transaction.rolled_back {
            pair.leader.writer.rollback().unwrap();
        } else if let Some(entry) = pair.leader.capture(50_000).unwrap() {
            pair.leader.writer.finish().unwrap();
            pair.leader.position = entry.position;
            let shrinks = |last: &Entry| last.database_pages > entry.database_pages;
            if entry.parts.len() > 1 || behind.last().is_some_and(shrinks) {
                pair.mirror.apply_run(&std::mem::take(&mut behind)).unwrap();
            }
            if entry.parts.len() > 1 {
                pair.mirror.apply(&entry).unwrap();
            } else {
                behind.push(entry);
            }
        } else {
            pair.leader.writer.rollback().unwrap();
        }
        if !transaction.late || transaction.checkpoint || transaction.swap {
            pair.mirror.apply_run(&std::mem::take(&mut behind)).unwrap();
        }
        if transaction.checkpoint {
            pair.assert_equal("on the way");
        }
        if transaction.swap {
            std::mem::swap(&mut pair.leader, &mut pair.mirror);
        }
        if transaction.reopen {
            pair.reopen_leader(options);
        }
    }
    pair.mirror.apply_run(&behind).unwrap();
    pair.assert_equal("at the end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn random_transactions_give_equal_files(
        transactions in proptest::collection::vec(transaction(), 1..25),
    ) {
        play(&transactions, &options());
    }

    #[test]
    fn random_spilling_transactions_give_equal_files(
        transactions in proptest::collection::vec(transaction(), 1..25),
    ) {
        play(&transactions, &Options { cache_bytes: 96 << 10, ..options() });
    }
}
