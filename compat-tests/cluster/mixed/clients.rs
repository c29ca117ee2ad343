//! Clients whose every answer is kept and checked at the end: lists, registers, unique keys, a sequence, and
//! statements that are run again in the order in which they were committed.
//!
//! No client tries anything twice. What has no known end counts as neither done nor failed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Error, IsolationLevel};

use crate::mixed::append::{Op, Outcome, Transaction};
use crate::mixed::register::Operation;
use crate::mixed::replay::{self, Replayed};
use crate::mixed::{append, register};
use crate::support::{Cluster, Dice, Node, from_env, request};
use crate::witness::{certainly_failed, connect};

/// Lists in use at a time, and numbers that clients take until these are left alone.
const LISTS: u64 = 8;
const APPENDS: u64 = 200 * LISTS;
const REGISTERS: u64 = 4;
/// Clients of registers on each node.
const READERS: usize = 3;

/// What one client keeps of a row that it inserted.
struct Row {
    who: i64,
    key: Option<i64>,
    outcome: Outcome,
}

/// All that clients were told.
pub struct Told {
    began: Instant,
    stop: AtomicBool,
    numbers: AtomicU64,
    lists: Mutex<Vec<Transaction>>,
    registers: Mutex<HashMap<u64, Vec<Operation>>>,
    owned: Mutex<Vec<Row>>,
    numbered: Mutex<Vec<Row>>,
    replayed: Mutex<Vec<Replayed>>,
}

impl Told {
    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}

/// How a COMMIT, or a statement by itself, ended.
fn outcome<T>(result: &Result<T, Error>) -> Outcome {
    match result {
        Ok(_) => Outcome::Committed,
        Err(error) if certainly_failed(error) => Outcome::Failed,
        Err(_) => Outcome::Unknown,
    }
}

/// The same of a request; what it gave.
fn http_outcome(port: u16, path: &str, body: &Json) -> (Outcome, Json) {
    let Some(reply) = request(port, "POST", path, Some(&body.to_string())) else {
        return (Outcome::Unknown, Json::Null);
    };
    let json: Json = serde_json::from_str(&reply.body).unwrap_or_default();
    let results = json["results"].as_array();
    let failed = results.into_iter().flatten().any(|result| result.get("error").is_some());
    let whole = results.is_some_and(|results| Some(results.len()) == body.as_array().map(Vec::len));
    match reply.status {
        200 if failed => (Outcome::Failed, json),
        200 if whole && json.get("error").is_none() => (Outcome::Committed, json),
        _ => (Outcome::Unknown, json),
    }
}

const APPEND: &str = "INSERT INTO lists (k, v) VALUES ($1, $2) \
                      ON CONFLICT (k) DO UPDATE SET v = lists.v || ',' || excluded.v";
const READ: &str = "SELECT v FROM lists WHERE k = $1";

fn elements(text: &str) -> Vec<u64> {
    text.split(',').filter(|part| !part.is_empty()).map(|part| part.parse().unwrap()).collect()
}

/// Steps of a transaction; what its reads show isn't known yet.
fn plan(told: &Told, dice: &mut Dice) -> Vec<Op> {
    let step = |dice: &mut Dice| {
        let element = told.number();
        let key = element / APPENDS * LISTS + dice.next() % LISTS;
        if dice.below(2) == 0 { Op::Append(key, element) } else { Op::Read(key, Vec::new()) }
    };
    (0..=dice.below(4)).map(|_| step(dice)).collect()
}

async fn run_steps(client: &mut Client, ops: &mut [Op], think: u64) -> Outcome {
    let begun = client.build_transaction().isolation_level(IsolationLevel::Serializable);
    let Ok(transaction) = begun.start().await else { return Outcome::Failed };
    for op in ops {
        // Before COMMIT is sent nothing can be kept.
        match op {
            Op::Append(key, element) => {
                let (key, text) = (*key as i64, element.to_string());
                let done = transaction.execute(APPEND, &[&key, &text]).await;
                if done.is_err() {
                    return Outcome::Failed;
                }
            }
            Op::Read(key, shown) => {
                let Ok(row) = transaction.query_opt(READ, &[&(*key as i64)]).await else {
                    return Outcome::Failed;
                };
                *shown = row.map_or(Vec::new(), |row| elements(row.get(0)));
            }
        }
        // Now and then the client thinks.
        if think < 3 {
            tokio::time::sleep(Duration::from_millis(think)).await;
        }
    }
    outcome(&transaction.commit().await)
}

async fn lists_by_postgres(port: u16, told: Arc<Told>, mut dice: Dice) {
    while told.goes_on() {
        let Some(mut client) = connect(port).await else { continue };
        while told.goes_on() && !client.is_closed() {
            let mut ops = plan(&told, &mut dice);
            let (start, think) = (told.now(), dice.next() % 8);
            let outcome = run_steps(&mut client, &mut ops, think).await;
            keep(&told, Transaction { start, end: told.now(), outcome, ops });
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// What only read, and has no known end, says nothing.
fn keep(told: &Told, transaction: Transaction) {
    let writes = transaction.ops.iter().any(|op| matches!(op, Op::Append(..)));
    if writes || transaction.outcome == Outcome::Committed {
        told.lists.lock().unwrap().push(transaction);
    }
}

fn lists_by_http(port: u16, told: &Told, mut dice: Dice) {
    while told.goes_on() {
        let mut ops = plan(told, &mut dice);
        let statement = |op: &Op| match op {
            Op::Append(key, element) => {
                json!([APPEND.replace("$1", "?").replace("$2", "?"), key, element.to_string()])
            }
            Op::Read(key, _) => json!([READ.replace("$1", "?"), key]),
        };
        let body: Vec<Json> = ops.iter().map(statement).collect();
        let start = told.now();
        let path = "/db/request?transaction&level=linearizable";
        let (outcome, reply) = http_outcome(port, path, &Json::Array(body));
        let end = told.now();
        for (op, result) in ops.iter_mut().zip(reply["results"].as_array().into_iter().flatten()) {
            if let Op::Read(_, shown) = op {
                *shown = elements(result["values"][0][0].as_str().unwrap_or_default());
            }
        }
        // Without an answer nobody was shown anything.
        ops.retain(|op| outcome == Outcome::Committed || matches!(op, Op::Append(..)));
        keep(told, Transaction { start, end, outcome, ops });
        pause(outcome);
    }
}

/// A node that is in trouble isn't asked without a break.
fn pause(outcome: Outcome) {
    let millis = if outcome == Outcome::Committed { 1 } else { 20 };
    std::thread::sleep(Duration::from_millis(millis));
}

async fn registers(port: u16, http: u16, told: Arc<Told>, mut dice: Dice) {
    while told.goes_on() {
        let Some(client) = connect(port).await else { continue };
        while told.goes_on() && !client.is_closed() {
            let key = dice.next() % REGISTERS;
            let (is_write, start) = (dice.below(3) == 0, told.now());
            let (value, outcome) = if is_write {
                let value = told.number();
                let sql = "UPDATE register SET v = $1 WHERE k = $2";
                let done = client.execute(sql, &[&(value as i64), &(key as i64)]).await;
                (value, outcome(&done))
            } else if dice.below(2) == 0 {
                let sql = "SELECT v FROM register WHERE k = $1";
                let row = client.query_one(sql, &[&(key as i64)]).await;
                (row.as_ref().map_or(0, |row| row.get::<_, i64>(0) as u64), outcome(&row))
            } else {
                let level = ["linearizable", "strong"][dice.below(2)];
                read_by_http(http, key, level).await
            };
            let end = (outcome == Outcome::Committed).then(|| told.now());
            // A read that failed says nothing.
            if outcome == Outcome::Committed || (is_write && outcome == Outcome::Unknown) {
                let operation = Operation { start, end, value, is_write };
                told.registers.lock().unwrap().entry(key).or_default().push(operation);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn read_by_http(port: u16, key: u64, level: &str) -> (u64, Outcome) {
    let (path, body) =
        (format!("/db/query?level={level}"), json!([["SELECT v FROM register WHERE k = ?", key]]));
    let asked = tokio::task::spawn_blocking(move || http_outcome(port, &path, &body));
    let (outcome, reply) = asked.await.unwrap();
    let value = reply["results"][0]["values"][0][0].as_u64();
    (value.unwrap_or(0), if value.is_some() { outcome } else { Outcome::Unknown })
}

/// Two clients or so want each key; only one may get it.
async fn keys(port: u16, told: Arc<Told>) {
    while told.goes_on() {
        let Some(client) = connect(port).await else { continue };
        while told.goes_on() && !client.is_closed() {
            let who = told.number() as i64;
            let key = who / 16;
            let sql = "INSERT INTO owned (k, who) VALUES ($1, $2)";
            let done = client.execute(sql, &[&key, &who]).await;
            let taken = done.as_ref().is_err_and(|error| {
                error.code() == Some(&tokio_postgres::error::SqlState::UNIQUE_VIOLATION)
            });
            let outcome = if taken { Outcome::Failed } else { outcome(&done) };
            told.owned.lock().unwrap().push(Row { who, key: Some(key), outcome });
            let who = told.number() as i64;
            let sql = "INSERT INTO numbered (id, who) VALUES (nextval('numbers'), $1) RETURNING id";
            let row = client.query_one(sql, &[&who]).await;
            let outcome = self::outcome(&row);
            let key = row.ok().map(|row| row.get::<_, i64>(0));
            told.numbered.lock().unwrap().push(Row { who, key, outcome });
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn replayed(port: u16, told: &Told, mut dice: Dice) {
    while told.goes_on() {
        let number = told.number();
        let statements = replay::statements(number, &mut dice);
        let start = told.now();
        let path = "/db/request?transaction&raft_index";
        let (outcome, reply) = http_outcome(port, path, &Json::Array(statements.clone()));
        let index = reply["raft_index"].as_u64();
        let end = told.now();
        let shown = reply["results"].as_array().and_then(|results| results.last().cloned());
        let shown = shown.map(|result| result["values"].clone()).unwrap_or_default();
        told.replayed.lock().unwrap().push(Replayed {
            number,
            statements,
            start,
            end,
            outcome,
            index,
            shown,
        });
        pause(outcome);
    }
}

/// The clients of all kinds, until they are told to stop.
pub struct Clients {
    told: Arc<Told>,
    runtime: Runtime,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Clients {
    /// Makes the tables, and starts clients of each kind on every node.
    pub fn start(cluster: &Cluster, dice: &mut Dice) -> Self {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let schema = format!(
                "CREATE TABLE lists (k bigint PRIMARY KEY, v text); \
                 CREATE TABLE register (k bigint PRIMARY KEY, v bigint); \
                 INSERT INTO register SELECT n, 0 FROM generate_series(0, {REGISTERS} - 1) n; \
                 CREATE TABLE owned (k bigint PRIMARY KEY, who bigint); \
                 CREATE SEQUENCE numbers; \
                 CREATE TABLE numbered (id bigint, who bigint)"
            );
            cluster.nodes[0].connect().await.batch_execute(&schema).await.unwrap();
        });
        cluster.nodes[0].execute("/db/execute", &json!(replay::SCHEMA));
        let told = Arc::new(Told {
            began: Instant::now(),
            stop: AtomicBool::new(false),
            numbers: AtomicU64::new(0),
            lists: Mutex::default(),
            registers: Mutex::default(),
            owned: Mutex::default(),
            numbered: Mutex::default(),
            replayed: Mutex::default(),
        });
        let writers = from_env("EIDER_MIXED_CLIENTS", 1);
        let (mut tasks, mut threads) = (Vec::new(), Vec::new());
        for node in &cluster.nodes {
            let mut dice = || Dice(dice.next() | 1);
            let (pg, http) = (node.pg, node.http);
            let known = || Arc::clone(&told);
            for _ in 0..READERS {
                tasks.push(runtime.spawn(registers(pg, http, known(), dice())));
            }
            tasks.push(runtime.spawn(keys(pg, known())));
            for _ in 0..writers {
                tasks.push(runtime.spawn(lists_by_postgres(pg, known(), dice())));
                let (mine, seed) = (known(), dice());
                threads.push(std::thread::spawn(move || lists_by_http(http, &mine, seed)));
                let (mine, seed) = (known(), dice());
                threads.push(std::thread::spawn(move || replayed(http, &mine, seed)));
            }
        }
        Self { told, runtime, tasks, threads }
    }

    /// Stops them and checks what they were told. How many transactions were checked, by kind; an error for what
    /// must not be.
    pub fn check(self, cluster: &Cluster) -> Result<Vec<(&'static str, usize)>, String> {
        let told = self.told;
        told.stop.store(true, Ordering::SeqCst);
        self.runtime.block_on(futures_util::future::try_join_all(self.tasks)).unwrap();
        for thread in self.threads {
            thread.join().unwrap();
        }
        let lists = self.runtime.block_on(check_lists(&told, cluster))?;
        let mut registers = 0;
        for (key, operations) in told.registers.lock().unwrap().iter() {
            register::check(operations).map_err(|wrong| format!("register {key}: {wrong}"))?;
            registers += operations.len();
        }
        let mut rows = 0;
        for node in &cluster.nodes {
            rows = self.runtime.block_on(check_rows(&told, node))?;
        }
        let replayed = replay::check(&told.replayed.lock().unwrap(), cluster)?;
        Ok(vec![
            ("transactions on lists", lists),
            ("operations on registers", registers),
            ("rows with unique keys and sequence numbers", rows),
            ("transactions that were run again", replayed),
        ])
    }
}

/// Reads all lists whole, and checks the history.
async fn check_lists(told: &Told, cluster: &Cluster) -> Result<usize, String> {
    for node in &cluster.nodes {
        let client = node.connect().await;
        let start = told.now();
        let rows = client.query("SELECT k, v FROM lists", &[]).await.unwrap();
        let op =
            |row: &tokio_postgres::Row| Op::Read(row.get::<_, i64>(0) as u64, elements(row.get(1)));
        let ops = rows.iter().map(op).collect();
        let (end, outcome) = (told.now(), Outcome::Committed);
        told.lists.lock().unwrap().push(Transaction { start, end, outcome, ops });
    }
    append::check(&told.lists.lock().unwrap())
}

async fn check_rows(told: &Told, node: &Node) -> Result<usize, String> {
    let client = node.connect().await;
    let mut checked = 0;
    for (sql, rows) in [
        ("SELECT k, who FROM owned", &told.owned),
        ("SELECT id, who FROM numbered", &told.numbered),
    ] {
        let (mut keys, mut there) = (HashMap::new(), HashMap::new());
        for row in client.query(sql, &[]).await.unwrap() {
            let (key, who): (i64, i64) = (row.get(0), row.get(1));
            let other = keys.insert(key, who);
            if other.is_some() || there.insert(who, key).is_some() {
                return Err(format!("node {}: {sql}: ({key}, {who}), and {other:?}", node.name));
            }
        }
        for Row { who, key, outcome } in rows.lock().unwrap().iter() {
            let found = there.remove(who);
            let fine = match outcome {
                Outcome::Committed => found == *key,
                Outcome::Failed => found.is_none(),
                Outcome::Unknown => true,
            };
            if !fine {
                let name = &node.name;
                return Err(format!(
                    "node {name}: {sql}: {who} has {found:?}; {outcome:?} {key:?}"
                ));
            }
            checked += usize::from(*outcome != Outcome::Unknown);
        }
        if let Some((who, key)) = there.iter().next() {
            return Err(format!("node {}: {sql}: nobody inserted ({key}, {who})", node.name));
        }
    }
    Ok(checked)
}
