//! One client: writes, interactive transactions, definitions and reads, through whichever node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::oracle::{Oracle, Seen, Told};
use crate::engine::{Begin, Engine, Limits, Transaction};
use crate::model::error::{Error, SqlState};
use crate::model::read_level::ReadLevel;
use crate::model::statement::{Atomicity, Dialect, StatementResult, Unit, UnitOutcome};
use crate::model::value::Value;
use crate::platform::clock;
use crate::platform::random::Random;
use crate::session::{Backends, Login, Session};
use crate::sim::engines::{Attached, DATABASE, query, statement};

/// What is given up takes longer than this.
const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const ACCOUNTS: u64 = 8;
pub(super) const BALANCE: i64 = 100;

/// The tables, and the accounts' first balances.
pub(super) fn schema() -> Vec<String> {
    let mut texts = vec![
        "CREATE TABLE marks (seq INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER UNIQUE)".to_owned(),
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER)".to_owned(),
        "CREATE TABLE bulk (n INTEGER, v TEXT)".to_owned(),
        "CREATE INDEX bulk_n ON bulk (n, v)".to_owned(),
    ];
    for id in 0..ACCOUNTS {
        texts.push(format!("INSERT INTO accounts VALUES ({id}, {BALANCE})"));
    }
    texts
}

/// Everything a read looks at, in one statement.
const LOOK: &str = "SELECT (SELECT sum(balance) FROM accounts), \
    (SELECT group_concat(n) FROM (SELECT n FROM marks ORDER BY seq))";

fn seen(result: &StatementResult) -> Seen {
    let row: Vec<&Value> = result.rows.iter().next().unwrap().iter().collect();
    let sum = match row[0] {
        Value::Integer(sum) => *sum,
        other => panic!("{other:?}"),
    };
    let marks = match row[1] {
        Value::Null => Vec::new(),
        Value::Text(text) => text.split(',').map(|mark| mark.parse().unwrap()).collect(),
        other => panic!("{other:?}"),
    };
    Seen { marks, sum }
}

/// Looks at everything, at a level.
pub(super) async fn look(engine: &Engine, level: ReadLevel) -> Result<Seen, Error> {
    Ok(seen(&query(engine, level, LOOK).await?))
}

pub(super) async fn unit(engine: &Engine, texts: &[String]) -> Result<(), Error> {
    let unit = Unit {
        dialect: Dialect::Sqlite,
        atomicity: Atomicity::Unit,
        statements: texts.iter().map(|sql| statement(sql)).collect(),
        schema: None,
        key: None,
    };
    let written = engine.write(DATABASE, unit, &Limits::default()).await?;
    match written.outcome {
        UnitOutcome::Ran(results) => results.into_iter().try_for_each(|result| result.map(drop)),
        UnitOutcome::SchemaChanged => panic!("no schema was asked for"),
    }
}

fn told(outcome: Result<Result<(), Error>, clock::Elapsed>) -> Told {
    match outcome {
        Ok(Ok(())) => Told::Done,
        Err(clock::Elapsed) => Told::Unknown,
        Ok(Err(error)) if error.state() == SqlState::TRANSACTION_RESOLUTION_UNKNOWN => {
            Told::Unknown
        }
        Ok(Err(error)) => Told::Failed(error.state()),
    }
}

pub(super) struct Client {
    pub random: Random,
    pub attached: Attached,
    pub oracle: Oracle,
    pub running: Arc<AtomicBool>,
}

impl Client {
    /// Works until it is told to stop.
    pub(super) async fn run(mut self) {
        while self.running.load(Ordering::Relaxed) {
            let think = self.random.below(250);
            clock::sleep(Duration::from_millis(think)).await;
            let Some((node, engine)) = self.attached.pick(&mut self.random) else { continue };
            if self.random.below(3) == 0 {
                self.read(node, &engine).await;
            } else {
                self.write(&engine).await;
            }
        }
    }

    async fn read(&mut self, node: u64, engine: &Engine) {
        let level = match self.random.below(6) {
            0 => ReadLevel::None(None),
            1 => ReadLevel::Weak,
            2 => ReadLevel::Lease,
            3 => ReadLevel::Strong,
            _ => ReadLevel::Linearizable,
        };
        let begun = clock::now();
        // A read that fails has shown nothing.
        if let Ok(Ok(seen)) = clock::timeout(PATIENCE, Box::pin(look(engine, level))).await {
            self.oracle.read(node, level, begun, seen);
        }
    }

    fn transfer(&mut self) -> [String; 2] {
        let (from, amount) = (self.random.below(ACCOUNTS), self.random.below(9) + 1);
        let to = (from + 1 + self.random.below(ACCOUNTS - 1)) % ACCOUNTS;
        [
            format!("UPDATE accounts SET balance = balance - {amount} WHERE id = {from}"),
            format!("UPDATE accounts SET balance = balance + {amount} WHERE id = {to}"),
        ]
    }

    async fn write(&mut self, engine: &Engine) {
        let mark = self.oracle.begin();
        let insert = format!("INSERT INTO marks (n) VALUES ({mark})");
        let [first, second] = self.transfer();
        let kind = self.random.below(12);
        let texts = match kind {
            0 => vec![insert, format!("CREATE TABLE x{mark} (a PRIMARY KEY, b)")],
            1 => {
                let rows = 30 + self.random.below(150);
                let bulk = format!(
                    "INSERT INTO bulk SELECT value, hex(zeroblob(200)) || {mark} || value FROM \
                     (WITH RECURSIVE g (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM g \
                     WHERE value < {rows}) SELECT value FROM g)"
                );
                vec![first, bulk, insert, second]
            }
            2 => vec![insert, "DELETE FROM bulk".to_owned()],
            _ => vec![first, insert, second],
        };
        let think = Duration::from_millis(self.random.below(30));
        let outcome = if kind >= 9 {
            clock::timeout(PATIENCE, Box::pin(session(engine, &texts, think))).await
        } else if kind >= 7 {
            clock::timeout(PATIENCE, transaction(engine, &texts, think)).await
        } else {
            clock::timeout(PATIENCE, unit(engine, &texts)).await
        };
        self.oracle.end(mark, told(outcome));
    }
}

/// As a PostgreSQL client does it: whatever isn't an error, it takes for success.
async fn session(engine: &Engine, texts: &[String], think: Duration) -> Result<(), Error> {
    let user = "postgres".to_owned();
    let login = Login {
        user,
        database: None,
        settings: Vec::new(),
        place: Backends::default().enter(),
        offers_tls: false,
    };
    let mut session = Session::open(engine.clone(), login)?;
    let begin = ["BEGIN"].into_iter().chain(texts.iter().map(String::as_str));
    let mut outcome = Ok(());
    for text in begin.chain(["COMMIT"]) {
        outcome = say(&mut session, text).await;
        if outcome.is_err() {
            break;
        }
        // The listener minds its losses meanwhile, and says nothing of them.
        let _ = clock::timeout(think, session.idle(true)).await;
    }
    session.close().await;
    outcome
}

async fn say(session: &mut Session, text: &str) -> Result<(), Error> {
    let mut script = session.script(text).await?;
    while session.next(&mut script).await?.is_some() {}
    Ok(())
}

async fn transaction(engine: &Engine, texts: &[String], think: Duration) -> Result<(), Error> {
    let limits = Limits::default();
    let begin = Begin {
        database: DATABASE,
        dialect: Dialect::Sqlite,
        since: None,
        private: false,
        limits: limits.clone(),
    };
    let mut transaction = engine.begin(begin).await?;
    for sql in texts {
        run(&mut transaction, sql).await?;
        clock::sleep(think).await;
    }
    transaction.savepoint(1).await?;
    run(&mut transaction, "UPDATE accounts SET balance = 0").await?;
    transaction.rollback_to(1).await?;
    transaction.commit(&limits).await.map(drop)
}

async fn run(transaction: &mut Transaction, sql: &str) -> Result<(), Error> {
    transaction.run(statement(sql), &Limits::default()).await?.collect(1 << 20).await.map(drop)
}
