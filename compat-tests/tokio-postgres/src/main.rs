//! tokio-postgres: everything by named statements, in binary, with requests in a pipeline.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt, future};
use time::macros::format_description;
use time::{Date, PrimitiveDateTime, Time};
use tokio::sync::mpsc;
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, IsolationLevel, NoTls};
use uuid::Uuid;

type Outcome = Result<(), Box<dyn Error>>;

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn target(hosts: &str) -> String {
    let (names, ports): (Vec<_>, Vec<_>) =
        hosts.split(',').filter_map(|node| node.rsplit_once(':')).unzip();
    let (user, database) = (env("PGUSER"), env("PGDATABASE"));
    format!("host={} port={} user={user} dbname={database}", names.join(","), ports.join(","))
}

fn here() -> String {
    target(&format!("{}:{}", env("PGHOST"), env("PGPORT")))
}

async fn connect_to(target: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(target, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn connect() -> Result<Client, tokio_postgres::Error> {
    connect_to(&here()).await
}

fn equal<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(format!("{got:?} instead of {expected:?}").into()) }
}

/// The error's code; there has to be one.
fn code<T>(result: Result<T, tokio_postgres::Error>) -> Result<SqlState, Box<dyn Error>> {
    let error = result.err().ok_or("no error")?;
    error.code().cloned().ok_or_else(|| error.to_string().into())
}

async fn connect_options() -> Outcome {
    let c = connect_to(&format!(
        "{} application_name='tokio case' options='-c statement_timeout=5000'",
        here()
    ))
    .await?;
    equal(c.query_one("SHOW application_name", &[]).await?.get(0), "tokio case")?;
    equal(c.query_one("SHOW statement_timeout", &[]).await?.get(0), "5s")
}

async fn round<T>(c: &Client, of: &str, value: T) -> Outcome
where
    T: ToSql + Sync + PartialEq + std::fmt::Debug + for<'a> FromSql<'a>,
{
    let sql = format!("SELECT $1::{of}");
    equal(c.query_one(&sql, &[&value]).await?.get::<_, T>(0), value)?;
    equal(c.query_one(&sql, &[&None::<T>]).await?.get::<_, Option<T>>(0), None)
}

async fn values() -> Outcome {
    let c = connect().await?;
    round(&c, "smallint", -7_i16).await?;
    round(&c, "int", 42_i32).await?;
    round(&c, "bigint", 1_i64 << 62).await?;
    round(&c, "oid", 4_000_000_000_u32).await?;
    round(&c, "text", "é日本".to_owned()).await?;
    round(&c, "varchar(20)", "a'b\\".to_owned()).await?;
    round(&c, "boolean", true).await?;
    round(&c, "real", 1.5_f32).await?;
    round(&c, "float8", 1e300_f64).await?;
    round(&c, "float8", f64::INFINITY).await?;
    round(&c, "bytea", vec![0_u8, 255]).await?;
    round(&c, "uuid", Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11)).await?;
    round(&c, "jsonb", serde_json::json!({"a": [1, null, "é"]})).await?;
    round(&c, "json", serde_json::json!([{"b": 1.5}])).await?;
    let date = Date::parse("2024-02-29", format_description!("[year]-[month]-[day]"))?;
    let time = Time::from_hms_micro(23, 59, 59, 999_999)?;
    round(&c, "date", date).await?;
    round(&c, "time", time).await?;
    round(&c, "timestamp", PrimitiveDateTime::new(date, time)).await?;
    round(&c, "timestamptz", UNIX_EPOCH + Duration::from_micros(1_709_210_096_789_000)).await?;
    let row = c.query_one("SELECT now()", &[]).await?;
    equal(row.get::<_, SystemTime>(0) > UNIX_EPOCH, true)
}

async fn arrays() -> Outcome {
    let c = connect().await?;
    round(&c, "int[]", vec![Some(1), None, Some(3)]).await?;
    round(&c, "int[]", Vec::<i32>::new()).await?;
    round(&c, "text[]", vec!["a".to_owned(), "b\"c".to_owned(), String::new()]).await?;
    let ids = vec![1, 2, 3];
    let rows = c.query("SELECT v FROM generate_series(1, 5) v WHERE v = ANY($1)", &[&ids]).await?;
    equal(rows.len(), 3)
}

async fn prepared() -> Outcome {
    let c = connect().await?;
    c.batch_execute("CREATE TABLE prt (a int PRIMARY KEY, b text NOT NULL)").await?;
    let insert =
        c.prepare_typed("INSERT INTO prt VALUES ($1, $2)", &[Type::INT4, Type::TEXT]).await?;
    for number in 0..20 {
        equal(c.execute(&insert, &[&number, &number.to_string()]).await?, 1)?;
    }
    let select = c.prepare("SELECT b, a FROM prt WHERE a < $1 ORDER BY a").await?;
    equal(select.params(), &[Type::INT4])?;
    let columns: Vec<_> = select.columns().iter().map(|c| (c.name(), c.type_().clone())).collect();
    equal(columns, vec![("b", Type::TEXT), ("a", Type::INT4)])?;
    equal(select.columns()[1].column_id(), Some(1))?;
    equal(c.query(&select, &[&5]).await?.len(), 5)
}

async fn pipeline() -> Outcome {
    let c = connect().await?;
    let statement = c.prepare("SELECT $1::int * 2").await?;
    let queries =
        (0..50_i32).map(|number| {
            let (c, statement) = (&c, &statement);
            async move {
                Ok::<i32, tokio_postgres::Error>(c.query_one(statement, &[&number]).await?.get(0))
            }
        });
    let got = future::try_join_all(queries).await?;
    equal(got, (0..50).map(|number| number * 2).collect())
}

async fn transactions() -> Outcome {
    let mut c = connect().await?;
    c.batch_execute("CREATE TABLE txt (a int PRIMARY KEY)").await?;
    let mut outer = c.transaction().await?;
    outer.execute("INSERT INTO txt VALUES (1)", &[]).await?;
    let inner = outer.transaction().await?;
    let error = inner.execute("INSERT INTO txt VALUES (1)", &[]).await.err().ok_or("no error")?;
    let error = error.as_db_error().ok_or("no database error")?;
    equal(error.code(), &SqlState::UNIQUE_VIOLATION)?;
    equal(error.constraint(), Some("txt_pkey"))?;
    equal(error.detail(), Some("Key (a)=(1) already exists."))?;
    inner.rollback().await?;
    outer.commit().await?;
    let dropped = c.transaction().await?;
    dropped.execute("INSERT INTO txt VALUES (2)", &[]).await?;
    drop(dropped);
    let level = IsolationLevel::Serializable;
    let t = c.build_transaction().isolation_level(level).read_only(true).start().await?;
    equal(t.query_one("SHOW transaction_isolation", &[]).await?.get(0), "serializable")?;
    equal(t.query_one("SELECT count(*) FROM txt", &[]).await?.get(0), 1_i64)?;
    let refused = code(t.execute("INSERT INTO txt VALUES (3)", &[]).await)?;
    equal(refused, SqlState::READ_ONLY_SQL_TRANSACTION)
}

async fn portals() -> Outcome {
    let mut c = connect().await?;
    let t = c.transaction().await?;
    let portal = t.bind("SELECT v FROM generate_series(1, 10) v", &[]).await?;
    let mut sizes = Vec::new();
    loop {
        let rows = t.query_portal(&portal, 4).await?;
        sizes.push(rows.len());
        if rows.len() < 4 {
            break;
        }
    }
    equal(sizes, vec![4, 4, 2])?;
    t.commit().await?;
    let rows =
        pin!(c.query_raw("SELECT v FROM generate_series(1, 1000) v", Vec::<i32>::new()).await?);
    let sum = rows.try_fold(0, |sum, row| async move { Ok(sum + row.get::<_, i32>(0)) }).await?;
    equal(sum, 500_500)
}

async fn copy_text() -> Outcome {
    let c = connect().await?;
    c.batch_execute("CREATE TABLE ctt (a int, b text)").await?;
    let mut sink = pin!(c.copy_in::<_, Bytes>("COPY ctt FROM STDIN").await?);
    sink.send(Bytes::from_static(b"1\tone\n2\t\\N\n")).await?;
    equal(sink.as_mut().finish().await?, 2)?;
    let parts: Vec<Bytes> =
        c.copy_out("COPY ctt TO STDOUT (FORMAT csv)").await?.try_collect().await?;
    equal(parts.concat(), b"1,one\n2,\n".to_vec())?;
    // A COPY that is given up leaves nothing, and the connection in order.
    drop(c.copy_in::<_, Bytes>("COPY ctt FROM STDIN").await?);
    equal(c.query_one("SELECT count(*) FROM ctt", &[]).await?.get(0), 2_i64)
}

async fn copy_binary() -> Outcome {
    let c = connect().await?;
    c.batch_execute("CREATE TABLE cbt (a int, b text)").await?;
    let types = [Type::INT4, Type::TEXT];
    let sink = c.copy_in("COPY cbt FROM STDIN (FORMAT binary)").await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for number in 0..1000 {
        writer.as_mut().write(&[&number, &(number % 3 != 0).then(|| number.to_string())]).await?;
    }
    equal(writer.finish().await?, 1000)?;
    let stream = c.copy_out("COPY cbt TO STDOUT (FORMAT binary)").await?;
    let rows = BinaryCopyOutStream::new(stream, &types).try_collect::<Vec<_>>().await?;
    equal((rows.len(), rows[1].get::<Option<&str>>(1)), (1000, Some("1")))
}

async fn errors() -> Outcome {
    let c = connect().await?;
    equal(code(c.query("SELECT nothing FROM pg_nothing", &[]).await)?, SqlState::UNDEFINED_TABLE)?;
    equal(code(c.query("SELECT 1/0", &[]).await)?, SqlState::DIVISION_BY_ZERO)?;
    equal(code(c.simple_query("SELECT 1; SELECT wrong").await)?, SqlState::UNDEFINED_COLUMN)?;
    c.batch_execute("SET statement_timeout = '100ms'").await?;
    let long = c.query("SELECT count(*) FROM generate_series(1, 1000000000)", &[]).await;
    equal(code(long)?, SqlState::QUERY_CANCELED)?;
    equal(c.query_one("SELECT 1", &[]).await?.get(0), 1)
}

async fn cancel() -> Outcome {
    let c = connect().await?;
    let token = c.cancel_token();
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        token.cancel_query(NoTls).await
    };
    let query = c.query("SELECT count(*) FROM generate_series(1, 1000000000)", &[]);
    let (cancelled, result) = future::join(cancel, query).await;
    cancelled?;
    equal(code(result)?, SqlState::QUERY_CANCELED)
}

/// What the server says beside its answers.
async fn listening()
-> Result<(Client, mpsc::UnboundedReceiver<AsyncMessage>), tokio_postgres::Error> {
    let (client, mut connection) = tokio_postgres::connect(&here(), NoTls).await?;
    let (send, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if send.send(message).is_err() {
                break;
            }
        }
    });
    Ok((client, heard))
}

async fn notify() -> Outcome {
    let (listener, mut heard) = listening().await?;
    listener.batch_execute("LISTEN chant").await?;
    connect().await?.execute("SELECT pg_notify('chant', $1)", &[&"hi"]).await?;
    match heard.recv().await {
        Some(AsyncMessage::Notification(note)) => {
            equal((note.channel(), note.payload()), ("chant", "hi"))
        }
        other => Err(format!("{other:?}").into()),
    }
}

async fn notices() -> Outcome {
    let (c, mut heard) = listening().await?;
    c.batch_execute("DROP TABLE IF EXISTS nothingt").await?;
    match heard.recv().await {
        Some(AsyncMessage::Notice(notice)) => {
            equal(notice.message(), "table \"nothingt\" does not exist, skipping")
        }
        other => Err(format!("{other:?}").into()),
    }
}

/// The types of a database's own are looked up in the catalogs.
async fn own_types() -> Outcome {
    let c = connect().await?;
    c.batch_execute(
        "CREATE TYPE moodt AS ENUM ('sad', 'happy'); CREATE TABLE emt (m moodt, all_m moodt[])",
    )
    .await?;
    let insert = c.prepare("INSERT INTO emt VALUES ($1, $2) RETURNING m, all_m").await?;
    equal(insert.params()[0].name(), "moodt")?;
    let kind = format!("{:?}", insert.params()[0].kind());
    equal(kind, "Enum([\"sad\", \"happy\"])".to_owned())?;
    equal(insert.params()[1].name(), "_moodt")?;
    let row = c.query_one("SELECT 'happy'::moodt::text, 'sad'::moodt < 'happy'", &[]).await?;
    equal((row.get::<_, &str>(0), row.get::<_, bool>(1)), ("happy", true))
}

async fn large_value() -> Outcome {
    let value = "x".repeat(5_000_000);
    let row = connect().await?.query_one("SELECT $1::text", &[&value]).await?;
    equal(row.get::<_, String>(0) == value, true)
}

async fn target_session_attrs() -> Outcome {
    let hosts = env("EIDER_HOSTS");
    let several = hosts.contains(',');
    for (attrs, wanted) in [("any", None), ("read-write", Some("off")), ("read-only", Some("on"))] {
        match connect_to(&format!("{} target_session_attrs={attrs}", target(&hosts))).await {
            Ok(c) => {
                let found: String = c.query_one("SHOW in_hot_standby", &[]).await?.get(0);
                equal((attrs, &*found), (attrs, wanted.unwrap_or(&found)))?;
            }
            // A single node is no standby.
            Err(_) if !several && attrs == "read-only" => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

type Case = Pin<Box<dyn Future<Output = Outcome>>>;

async fn play(name: &str, case: Case) {
    let outcome = tokio::time::timeout(Duration::from_secs(10), case).await;
    let why = match outcome {
        Ok(Ok(())) => return println!("case {name} ok"),
        // The error itself says only "db error".
        Ok(Err(error)) => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
        Err(_) => "no end after 10 s".to_owned(),
    };
    println!("case {name} failed {}", why.split_whitespace().collect::<Vec<_>>().join(" "));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cases: [(&str, Case); 16] = [
        ("connect", Box::pin(connect_options())),
        ("values", Box::pin(values())),
        ("arrays", Box::pin(arrays())),
        ("prepared", Box::pin(prepared())),
        ("pipeline", Box::pin(pipeline())),
        ("transactions", Box::pin(transactions())),
        ("portals", Box::pin(portals())),
        ("copy_text", Box::pin(copy_text())),
        ("copy_binary", Box::pin(copy_binary())),
        ("errors", Box::pin(errors())),
        ("cancel", Box::pin(cancel())),
        ("notify", Box::pin(notify())),
        ("notices", Box::pin(notices())),
        ("own_types", Box::pin(own_types())),
        ("large_value", Box::pin(large_value())),
        ("target_session_attrs", Box::pin(target_session_attrs())),
    ];
    for (name, case) in cases {
        play(name, case).await;
    }
}
