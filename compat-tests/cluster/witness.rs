//! Writers, readers and what they were told: each write inserts a row and raises a total, in one
//! transaction, by PostgreSQL's protocol or by HTTP. What was acknowledged must be there once, and what
//! certainly failed must not.
//!
//! The total is a register that only grows, so each linearizable read of it has bounds, whatever else
//! goes on: no less than what was acknowledged, or read by anybody, before it began; no more than was
//! begun before it ended. Beside that, money goes from account to account in interactive transactions,
//! and its sum is the same in every read at every level.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;

use crate::support::{Cluster, request, wait_for};

/// What a client knows of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    /// Certainly not there.
    Failed,
    Unknown,
}

/// The longest time in which no write of any writer was acknowledged.
#[derive(Default)]
struct Pause {
    /// When one was last acknowledged, or it was begun to look.
    last: Option<Instant>,
    longest: Duration,
}

impl Pause {
    fn acknowledged(&mut self) {
        let now = Instant::now();
        let before = self.last.replace(now).unwrap_or(now);
        self.longest = self.longest.max(now - before);
    }
}

#[derive(Default)]
pub struct History {
    outcomes: Mutex<HashMap<u64, Outcome>>,
    next: AtomicU64,
    acknowledged: AtomicU64,
    /// The largest total that a read has shown.
    shown: AtomicI64,
    /// Reads that were held against their bounds, and transfers that were committed.
    reads: AtomicU64,
    transfers: AtomicU64,
    pause: Mutex<Pause>,
    stop: AtomicBool,
    complaints: Mutex<Vec<String>>,
}

impl History {
    fn record(&self, id: u64, outcome: Outcome) {
        self.outcomes.lock().unwrap().insert(id, outcome);
        if outcome == Outcome::Acknowledged {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            self.pause.lock().unwrap().acknowledged();
        }
    }

    fn complain(&self, what: String) {
        self.complaints.lock().unwrap().push(what);
    }
}

/// SQLSTATEs after which nothing can have happened.
pub fn certainly_failed(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::IN_FAILED_SQL_TRANSACTION,
        ]
        .contains(code)
    })
}

async fn pg_writer(port: u16, history: Arc<History>) {
    while !history.stop.load(Ordering::SeqCst) {
        let Some(mut client) = connect(port).await else { continue };
        while !history.stop.load(Ordering::SeqCst) && !client.is_closed() {
            let id = history.next.fetch_add(1, Ordering::SeqCst);
            history.record(id, Outcome::Unknown);
            let outcome = pg_write(&mut client, id).await;
            history.record(id, outcome);
        }
    }
}

async fn pg_write(client: &mut tokio_postgres::Client, id: u64) -> Outcome {
    let id = id as i64;
    let Ok(transaction) = client.transaction().await else { return Outcome::Failed };
    // Before COMMIT is sent nothing can be kept.
    if transaction
        .execute("INSERT INTO witness (id, origin) VALUES ($1, 'pg')", &[&id])
        .await
        .is_err()
    {
        return Outcome::Failed;
    }
    if transaction.execute("UPDATE total SET n = n + 1 WHERE id = 1", &[]).await.is_err() {
        return Outcome::Failed;
    }
    match transaction.commit().await {
        Ok(()) => Outcome::Acknowledged,
        Err(error) if certainly_failed(&error) => Outcome::Failed,
        Err(_) => Outcome::Unknown,
    }
}

/// What a reply of status 200 says: a statement's error stands in its result, and takes back the others.
fn http_outcome(reply: &serde_json::Value, history: &History) -> Outcome {
    let empty = Vec::new();
    let results = reply["results"].as_array().unwrap_or(&empty);
    if let Some(error) = results.iter().find_map(|result| result.get("error")) {
        // Nothing is wrong with the statements, and nobody cancels them.
        let error = error.to_string();
        if !["timeout", "disk is full"].iter().any(|expected| error.contains(expected)) {
            history.complain(format!("a statement failed: {error}"));
        }
        return Outcome::Failed;
    }
    if reply.get("error").is_none() && results.len() == 2 {
        Outcome::Acknowledged
    } else {
        Outcome::Unknown
    }
}

fn http_writer(port: u16, history: &History) {
    while !history.stop.load(Ordering::SeqCst) {
        let id = history.next.fetch_add(1, Ordering::SeqCst);
        history.record(id, Outcome::Unknown);
        let body = json!([
            ["INSERT INTO witness (id, origin) VALUES (?, 'http')", id],
            "UPDATE total SET n = n + 1 WHERE id = 1",
        ]);
        let reply = request(port, "POST", "/db/execute?transaction", Some(&body.to_string()));
        let outcome = match reply {
            Some(reply) if reply.status == 200 => {
                let reply: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
                http_outcome(&reply, history)
            }
            _ => Outcome::Unknown,
        };
        history.record(id, outcome);
        if outcome != Outcome::Acknowledged {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub async fn connect(port: u16) -> Option<tokio_postgres::Client> {
    let target = format!("host=127.0.0.1 port={port} user=postgres connect_timeout=2");
    match tokio_postgres::connect(&target, tokio_postgres::NoTls).await {
        Ok((client, connection)) => {
            tokio::spawn(connection);
            Some(client)
        }
        Err(_) => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
    }
}

/// Reads the total at `linearizable`, from one node.
async fn reader(port: u16, history: Arc<History>) {
    while !history.stop.load(Ordering::SeqCst) {
        let Some(client) = connect(port).await else { continue };
        while !history.stop.load(Ordering::SeqCst) && !client.is_closed() {
            let acknowledged = history.acknowledged.load(Ordering::SeqCst) as i64;
            let shown = history.shown.load(Ordering::SeqCst);
            let Ok(row) = client.query_one("SELECT n FROM total WHERE id = 1", &[]).await else {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            let n: i64 = row.get(0);
            let begun = history.next.load(Ordering::SeqCst) as i64;
            if n < shown {
                history.complain(format!("port {port}: a read went back from {shown} to {n}"));
            }
            if n < acknowledged {
                history.complain(format!(
                    "port {port}: a linearizable read saw {n} after {acknowledged} were acknowledged"
                ));
            }
            if n > begun {
                history.complain(format!("port {port}: a read saw {n} of {begun} writes"));
            }
            history.shown.fetch_max(n, Ordering::SeqCst);
            history.reads.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

const ACCOUNTS: i32 = 10;
const MONEY: i64 = 100 * ACCOUNTS as i64;

/// Moves money about, and adds it up at each level.
async fn bank(port: u16, history: Arc<History>) {
    let mut turn = 0;
    while !history.stop.load(Ordering::SeqCst) {
        let Some(mut client) = connect(port).await else { continue };
        while !history.stop.load(Ordering::SeqCst) && !client.is_closed() {
            turn += 1;
            // Whatever becomes of it, it is whole.
            if transfer(&mut client, turn % ACCOUNTS, (turn + 3) % ACCOUNTS).await.is_ok() {
                history.transfers.fetch_add(1, Ordering::SeqCst);
            }
            let level = ["none", "weak", "linearizable", "strong"][turn as usize % 4];
            if client.batch_execute(&format!("SET eider.read_level = {level}")).await.is_err() {
                break;
            }
            if let Ok(row) = client.query_one("SELECT sum(balance)::bigint FROM account", &[]).await
            {
                let sum: i64 = row.get(0);
                if sum != MONEY {
                    history.complain(format!("port {port}, {level}: {sum} in all accounts"));
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn transfer(
    client: &mut tokio_postgres::Client,
    from: i32,
    to: i32,
) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    let sql = "UPDATE account SET balance = balance + $1 WHERE id = $2";
    transaction.execute(sql, &[&-1_i64, &from]).await?;
    transaction.execute(sql, &[&1_i64, &to]).await?;
    transaction.commit().await
}

async fn check(cluster: &Cluster, outcomes: &HashMap<u64, Outcome>) {
    for node in &cluster.nodes {
        let client = node.connect().await;
        let rows = client.query("SELECT id FROM witness", &[]).await.unwrap();
        let mut there = HashMap::<u64, u32>::new();
        for row in &rows {
            *there.entry(row.get::<_, i64>(0) as u64).or_default() += 1;
        }
        let total: i64 =
            client.query_one("SELECT n FROM total WHERE id = 1", &[]).await.unwrap().get(0);
        assert_eq!(
            total as usize,
            rows.len(),
            "a transaction was applied by half on node {}",
            node.name
        );
        let money = client.query_one("SELECT sum(balance)::bigint FROM account", &[]).await;
        assert_eq!(money.unwrap().get::<_, i64>(0), MONEY, "on node {}", node.name);
        for (id, outcome) in outcomes {
            let times = there.get(id).copied().unwrap_or(0);
            match outcome {
                Outcome::Acknowledged => {
                    assert_eq!(times, 1, "acknowledged write {id} on node {}", node.name);
                }
                Outcome::Failed => assert_eq!(times, 0, "failed write {id} on node {}", node.name),
                Outcome::Unknown => {
                    assert!(times <= 1, "write {id} applied {times} times on node {}", node.name);
                }
            }
        }
    }
}

/// Writers, readers and a bank on every node of a cluster, until they are told to stop.
pub struct Witnesses {
    pub history: Arc<History>,
    runtime: Runtime,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Witnesses {
    /// Makes the tables, starts `count` writers of each kind, and waits for their first writes.
    pub fn start(cluster: &Cluster, count: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let client = cluster.nodes[0].connect().await;
            let schema = format!(
                "CREATE TABLE witness (id bigint, origin text); \
                 CREATE TABLE total (id int PRIMARY KEY, n bigint); INSERT INTO total VALUES (1, 0); \
                 CREATE TABLE account (id int PRIMARY KEY, balance bigint); \
                 INSERT INTO account SELECT n, 100 FROM generate_series(0, {ACCOUNTS} - 1) n"
            );
            client.batch_execute(&schema).await.unwrap();
        });
        let history = Arc::new(History::default());
        let ports: Vec<(u16, u16)> =
            cluster.nodes.iter().map(|node| (node.pg, node.http)).collect();
        let (mut tasks, mut threads) = (Vec::new(), Vec::new());
        for writer in 0..count {
            let (pg, http) = ports[writer % ports.len()];
            tasks.push(runtime.spawn(pg_writer(pg, Arc::clone(&history))));
            let history = Arc::clone(&history);
            threads.push(std::thread::spawn(move || http_writer(http, &history)));
        }
        for (pg, _) in ports {
            tasks.push(runtime.spawn(reader(pg, Arc::clone(&history))));
            tasks.push(runtime.spawn(bank(pg, Arc::clone(&history))));
        }
        let witnesses = Self { history, runtime, tasks, threads };
        witnesses.more_writes(100);
        witnesses
    }

    pub fn acknowledged(&self) -> u64 {
        self.history.acknowledged.load(Ordering::SeqCst)
    }

    /// Looks from now on how long no write is acknowledged.
    pub fn watch_pauses(&self) {
        let now = Some(Instant::now());
        *self.history.pause.lock().unwrap() = Pause { last: now, longest: Duration::ZERO };
    }

    /// The longest time without an acknowledged write since then.
    pub fn longest_pause(&self) -> Duration {
        let pause = self.history.pause.lock().unwrap();
        pause.longest.max(pause.last.map_or(Duration::ZERO, |last| last.elapsed()))
    }

    /// Reads that were held against their bounds, and transfers of money, so far.
    pub fn reads_and_transfers(&self) -> u64 {
        let History { reads, transfers, .. } = &*self.history;
        reads.load(Ordering::SeqCst) + transfers.load(Ordering::SeqCst)
    }

    /// Waits until so many more writes have been acknowledged.
    pub fn more_writes(&self, count: u64) {
        let before = self.acknowledged();
        wait_for("writes", || (self.acknowledged() > before + count).then_some(()));
    }

    /// Stops them, and holds every node, and all files, against what they were told. Returns how
    /// many writes were acknowledged, failed, and had no known end.
    pub fn check(self, cluster: &mut Cluster) -> [u64; 3] {
        self.history.stop.store(true, Ordering::SeqCst);
        self.runtime.block_on(futures_util::future::try_join_all(self.tasks)).unwrap();
        for thread in self.threads {
            thread.join().unwrap();
        }
        let outcomes = self.history.outcomes.lock().unwrap().clone();
        let counts = outcomes.values().fold([0; 3], |mut counts, outcome| {
            counts[*outcome as usize] += 1;
            counts
        });
        self.runtime.block_on(check(cluster, &outcomes));
        let reads = self.history.reads.load(Ordering::SeqCst);
        let transfers = self.history.transfers.load(Ordering::SeqCst);
        println!("{reads} reads within their bounds, {transfers} transfers");
        let complaints = self.history.complaints.lock().unwrap().clone();
        assert!(complaints.is_empty(), "{complaints:#?}");
        cluster.stop_and_compare();
        counts
    }
}
