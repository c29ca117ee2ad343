//! Connections under load while the leader is killed: the retry rule of docs/operations/clients.md, with
//! tokio-postgres.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_postgres::config::LoadBalanceHosts;
use tokio_postgres::{Client, Config, Error, NoTls};

const WORKERS: usize = 8;

/// Nothing was done: send it again.
const AGAIN: [&str; 7] = ["40001", "40P01", "55P03", "57P01", "57P03", "53300", "25006"];

type Seen = Arc<Mutex<BTreeMap<String, usize>>>;

/// Any node serves any session: each connection tries them in an order of its own.
async fn connect() -> Result<Client, Error> {
    let mut config = Config::new();
    config.user("postgres").dbname("postgres").connect_timeout(Duration::from_secs(2));
    config.load_balance_hosts(LoadBalanceHosts::Random);
    for node in std::env::var("EIDER_HOSTS").unwrap_or_default().split(',') {
        let (host, port) = node.rsplit_once(':').expect("HOST:PORT");
        config.host(host).port(port.parse().expect("a port"));
    }
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn transfer(client: &mut Client, key: &str) -> Result<(), Error> {
    let t = client.transaction().await?;
    t.execute("INSERT INTO moved VALUES ($1, 1)", &[&key]).await?;
    t.execute("UPDATE account SET balance = balance - 1 WHERE id = 1", &[]).await?;
    t.execute("UPDATE account SET balance = balance + 1 WHERE id = 2", &[]).await?;
    t.commit().await
}

/// Does it exactly once, whatever happens.
async fn transfer_once(client: &mut Option<Client>, key: &str, seen: &Seen) {
    let mut unknown = false;
    loop {
        let one = match client {
            Some(one) => one,
            None => match connect().await {
                Ok(one) => client.insert(one),
                // Who couldn't connect has sent nothing.
                Err(_) => {
                    *seen.lock().expect("not poisoned").entry("connection".into()).or_default() +=
                        1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Err(error) = transfer(one, key).await else { return };
        let state = error.code().map_or("closed", |code| code.code()).to_owned();
        if state == "23505" {
            // An attempt whose outcome nobody could tell was committed.
            assert!(unknown, "{error}");
            return;
        }
        unknown |= !AGAIN.contains(&state.as_str());
        if one.is_closed() || !AGAIN.contains(&state.as_str()) {
            *client = None;
        }
        *seen.lock().expect("not poisoned").entry(state).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn work(worker: usize, until: Instant, seen: Seen) -> i64 {
    let (mut client, mut count) = (None, 0);
    while Instant::now() < until {
        transfer_once(&mut client, &format!("{worker}.{count}"), &seen).await;
        count += 1;
    }
    count
}

async fn play() -> Result<bool, Error> {
    let seconds = std::env::var("EIDER_SECONDS").ok().and_then(|value| value.parse().ok());
    let client = connect().await?;
    client
        .batch_execute(
            "DROP TABLE IF EXISTS moved; DROP TABLE IF EXISTS account;
             CREATE TABLE moved (key text PRIMARY KEY, amount int);
             CREATE TABLE account (id int PRIMARY KEY, balance int);
             INSERT INTO account VALUES (1, 0), (2, 0)",
        )
        .await?;
    println!("ready");
    let until = Instant::now() + Duration::from_secs_f64(seconds.unwrap_or(12.0));
    let seen = Seen::default();
    let workers: Vec<_> =
        (0..WORKERS).map(|worker| tokio::spawn(work(worker, until, Arc::clone(&seen)))).collect();
    let mut acknowledged = 0;
    for worker in workers {
        acknowledged += worker.await.expect("no worker panics");
    }
    let client = connect().await?;
    let rows: i64 = client.query_one("SELECT count(*) FROM moved", &[]).await?.get(0);
    let balances: Vec<i32> = client
        .query("SELECT balance FROM account ORDER BY id", &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    let seen = seen.lock().expect("not poisoned");
    println!("acknowledged {acknowledged} rows {rows} balances {balances:?} errors {seen:?}");
    let moved: Vec<i64> = balances.into_iter().map(i64::from).collect();
    Ok(rows == acknowledged && moved == [-rows, rows] && rows > 0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match play().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
