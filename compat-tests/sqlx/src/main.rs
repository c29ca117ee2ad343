//! sqlx: a pool, migrations, statements that are described before they are bound, all in binary.

use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::migrate::Migrator;
use sqlx::postgres::{
    PgAdvisoryLock, PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolCopyExt,
    PgPoolOptions,
};
use sqlx::types::Json;
use sqlx::{Acquire, Column, Connection, Executor, FromRow, Row, Statement, TypeInfo};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};
use uuid::Uuid;

type Outcome = Result<(), Box<dyn Error>>;

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn options() -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&env("PGHOST"))
        .port(env("PGPORT").parse().unwrap_or_default())
        .username(&env("PGUSER"))
        .database(&env("PGDATABASE"))
        .application_name("sqlx case")
}

fn equal<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(format!("{got:?} instead of {expected:?}").into()) }
}

#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[sqlx(type_name = "stage", rename_all = "lowercase")]
enum Stage {
    Open,
    Paid,
}

#[derive(Debug, FromRow)]
struct Product {
    id: i64,
    name: String,
    price: i32,
    details: Json<serde_json::Value>,
    keywords: Vec<String>,
    stage: Stage,
    made: OffsetDateTime,
    note: Option<String>,
}

async fn migrator() -> Result<Migrator, Box<dyn Error>> {
    Ok(Migrator::new(Path::new(&env("EIDER_FOLDER")).join("migrations")).await?)
}

async fn connect(_: PgPool) -> Outcome {
    let mut c = PgConnection::connect_with(&options()).await?;
    let shown: String = sqlx::query_scalar("SHOW application_name").fetch_one(&mut c).await?;
    equal(&*shown, "sqlx case")?;
    equal(c.server_version_num().map(|version| version / 10000), Some(15))?;
    c.ping().await?;
    Ok(c.close().await?)
}

async fn migrations_up(pool: PgPool) -> Outcome {
    migrator().await?.run(&pool).await?;
    // Nothing is left to do.
    migrator().await?.run(&pool).await?;
    let sql = "SELECT count(*) FROM _sqlx_migrations WHERE success";
    equal(sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await?, 2)
}

async fn values(pool: PgPool) -> Outcome {
    let date = Date::from_calendar_date(2024, Month::February, 29)?;
    let time = Time::from_hms_micro(23, 59, 59, 999_999)?;
    let id = Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11);
    let row = sqlx::query("SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13")
        .bind(-7_i16)
        .bind(42_i32)
        .bind(1_i64 << 62)
        .bind(0.1_f64)
        .bind(true)
        .bind("é'\\")
        .bind(&[0_u8, 255][..])
        .bind(date)
        .bind(PrimitiveDateTime::new(date, time))
        .bind(PrimitiveDateTime::new(date, time).assume_utc())
        .bind(id)
        .bind(Json(serde_json::json!({"a": [1, null]})))
        .bind(None::<i32>)
        .fetch_one(&pool)
        .await?;
    equal((row.get::<i16, _>(0), row.get::<i32, _>(1), row.get::<i64, _>(2)), (-7, 42, 1 << 62))?;
    equal(
        (row.get::<f64, _>(3), row.get::<bool, _>(4), row.get::<&str, _>(5)),
        (0.1, true, "é'\\"),
    )?;
    equal((row.get::<Vec<u8>, _>(6), row.get::<Date, _>(7)), (vec![0, 255], date))?;
    equal(row.get::<PrimitiveDateTime, _>(8), PrimitiveDateTime::new(date, time))?;
    equal(row.get::<OffsetDateTime, _>(9), PrimitiveDateTime::new(date, time).assume_utc())?;
    equal(row.get::<Uuid, _>(10), id)?;
    equal(row.get::<Json<serde_json::Value>, _>(11).0, serde_json::json!({"a": [1, null]}))?;
    equal(row.get::<Option<i32>, _>(12), None)
}

async fn arrays(pool: PgPool) -> Outcome {
    let row = sqlx::query("SELECT $1::int[], $2::text[]")
        .bind(vec![Some(1), None, Some(3)])
        .bind(vec!["a", "b\"c", ""])
        .fetch_one(&pool)
        .await?;
    equal(row.get::<Vec<Option<i32>>, _>(0), vec![Some(1), None, Some(3)])?;
    equal(row.get::<Vec<String>, _>(1), vec!["a".to_owned(), "b\"c".into(), String::new()])
}

async fn crud(pool: PgPool) -> Outcome {
    let category: i64 = sqlx::query_scalar("INSERT INTO category (name) VALUES ($1) RETURNING id")
        .bind("lights")
        .fetch_one(&pool)
        .await?;
    let insert = "INSERT INTO product (category_id, name, price, details, keywords, stage)
                  VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    let id: i64 = sqlx::query_scalar(insert)
        .bind(category)
        .bind("lamp")
        .bind(1250)
        .bind(Json(serde_json::json!({"watt": 40})))
        .bind(vec!["desk", "light"])
        .bind(Stage::Paid)
        .fetch_one(&pool)
        .await?;
    let select =
        "SELECT * FROM product WHERE lower(name) = $1 AND details @> $2 AND $3 = ANY(keywords)";
    let found: Product = sqlx::query_as(select)
        .bind("lamp")
        .bind(Json(serde_json::json!({"watt": 40})))
        .bind("desk")
        .fetch_one(&pool)
        .await?;
    equal((found.id, &*found.name, found.price, found.stage), (id, "lamp", 1250, Stage::Paid))?;
    equal((found.details.0["watt"].as_i64(), found.keywords.len()), (Some(40), 2))?;
    equal(
        (found.note, found.made <= OffsetDateTime::now_utc() + Duration::from_secs(60)),
        (None, true),
    )?;
    let changed = sqlx::query("UPDATE product SET price = price + $1 WHERE stage = $2")
        .bind(50)
        .bind(Stage::Paid)
        .execute(&pool)
        .await?;
    equal(changed.rows_affected(), 1)?;
    let none =
        sqlx::query("SELECT 1 FROM product WHERE stage = 'open'").fetch_optional(&pool).await?;
    equal(none.is_none(), true)
}

async fn bulk_and_upserts(pool: PgPool) -> Outcome {
    let names: Vec<String> = (0..2000).map(|number| format!("c{number}")).collect();
    let ids: Vec<i64> = (1000..3000).collect();
    let sql = "INSERT INTO category (id, name) SELECT * FROM unnest($1::bigint[], $2::text[])";
    let done = sqlx::query(sql).bind(&ids).bind(&names).execute(&pool).await?;
    equal(done.rows_affected(), 2000)?;
    let upsert = "INSERT INTO category (id, name) VALUES (1, $1)
                  ON CONFLICT (name) DO UPDATE SET name = upper(excluded.name) RETURNING id, name";
    let (id, name): (i64, String) = sqlx::query_as(upsert).bind("c7").fetch_one(&pool).await?;
    equal((id, &*name), (1007, "C7"))?;
    let mut stream = sqlx::query("SELECT id FROM category WHERE id >= 1000").fetch(&pool);
    let mut sum = 0;
    while let Some(row) = stream.try_next().await? {
        sum += row.get::<i64, _>(0);
    }
    equal(sum, (1000..3000).sum())
}

async fn transactions(pool: PgPool) -> Outcome {
    let mut outer = pool.begin().await?;
    outer.execute("INSERT INTO category (name) VALUES ('outer')").await?;
    let mut inner = outer.begin().await?;
    let twice = inner.execute("INSERT INTO category (name) VALUES ('outer')").await;
    let error = twice.err().and_then(|error| error.into_database_error()).ok_or("no error")?;
    equal(error.is_unique_violation(), true)?;
    equal(
        (error.code().as_deref(), error.constraint()),
        (Some("23505"), Some("category_name_key")),
    )?;
    equal(error.table(), Some("category"))?;
    inner.rollback().await?;
    outer.commit().await?;
    let mut dropped = pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await?;
    dropped.execute("DELETE FROM category").await?;
    drop(dropped);
    let sql = "SELECT count(*) FROM category WHERE name = 'outer'";
    equal(sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await?, 1)?;
    let check = sqlx::query("UPDATE product SET price = -1").execute(&pool).await;
    let error = check.err().and_then(|error| error.into_database_error()).ok_or("no error")?;
    equal((error.is_check_violation(), error.constraint()), (true, Some("price_positive")))
}

async fn describe(pool: PgPool) -> Outcome {
    let sql = "SELECT id, name AS called, note, stage, keywords, count(*) OVER () FROM product WHERE price > $1";
    let described = (&pool).prepare(sqlx::SqlStr::from_static(sql)).await?;
    let columns: Vec<_> = described
        .columns()
        .iter()
        .map(|c| (c.name().to_owned(), c.type_info().name().to_owned()))
        .collect();
    let wanted = [
        ("id", "INT8"),
        ("called", "TEXT"),
        ("note", "TEXT"),
        ("stage", "stage"),
        ("keywords", "TEXT[]"),
        ("count", "INT8"),
    ];
    equal(columns, wanted.map(|(name, of)| (name.to_owned(), of.to_owned())).to_vec())
}

async fn copy(pool: PgPool) -> Outcome {
    pool.execute("CREATE TABLE copied (a int, b text)").await?;
    let mut sink = pool.copy_in_raw("COPY copied FROM STDIN (FORMAT csv)").await?;
    sink.send(&b"1,one\n2,\n"[..]).await?;
    equal(sink.finish().await?, 2)?;
    let stream = pool.copy_out_raw("COPY copied TO STDOUT").await?;
    let parts: Vec<_> = stream.try_collect().await?;
    equal(parts.concat(), b"1\tone\n2\t\\N\n".to_vec())
}

async fn listener(pool: PgPool) -> Outcome {
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen_all(["chanx", "chany"]).await?;
    sqlx::query("SELECT pg_notify('chany', 'hi')").execute(&pool).await?;
    let heard = listener.recv().await?;
    equal((heard.channel(), heard.payload()), ("chany", "hi"))
}

async fn advisory_locks(pool: PgPool) -> Outcome {
    let lock = PgAdvisoryLock::new("a name");
    let held = lock.acquire(pool.acquire().await?).await?;
    let other = lock.try_acquire(pool.acquire().await?).await?;
    equal(other.left().is_none(), true)?;
    held.release_now().await?;
    Ok(())
}

async fn pool_of_four(_: PgPool) -> Outcome {
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options()).await?;
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let pool = pool.clone();
            tokio::spawn(async move {
                sqlx::query_scalar::<_, i32>("SELECT $1").bind(number).fetch_one(&pool).await
            })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await??;
    }
    equal(sum, 190)?;
    Ok(pool.close().await)
}

async fn create_and_drop_databases(_: PgPool) -> Outcome {
    use sqlx::migrate::MigrateDatabase;
    let url =
        format!("postgres://{}@{}:{}/sqlx_other", env("PGUSER"), env("PGHOST"), env("PGPORT"));
    sqlx::Postgres::create_database(&url).await?;
    equal(sqlx::Postgres::database_exists(&url).await?, true)?;
    sqlx::Postgres::drop_database(&url).await?;
    equal(sqlx::Postgres::database_exists(&url).await?, false)
}

async fn migrations_down(pool: PgPool) -> Outcome {
    migrator().await?.undo(&pool, 1).await?;
    let sql = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'product' AND column_name = 'note'";
    equal(sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await?, 0)?;
    migrator().await?.undo(&pool, 0).await?;
    equal(
        sqlx::query_scalar::<_, Option<String>>("SELECT to_regclass('product')::text")
            .fetch_one(&pool)
            .await?,
        None,
    )
}

type Case = Pin<Box<dyn Future<Output = Outcome>>>;

async fn play(name: &str, case: Case) {
    let why = match tokio::time::timeout(Duration::from_secs(10), case).await {
        Ok(Ok(())) => return println!("case {name} ok"),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no end after 10 s".to_owned(),
    };
    println!("case {name} failed {}", why.split_whitespace().collect::<Vec<_>>().join(" "));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let pool = PgPoolOptions::new().max_connections(5).connect_lazy_with(options());
    let cases: [(&str, Case); 14] = [
        ("connect", Box::pin(connect(pool.clone()))),
        ("migrations_up", Box::pin(migrations_up(pool.clone()))),
        ("values", Box::pin(values(pool.clone()))),
        ("arrays", Box::pin(arrays(pool.clone()))),
        ("crud", Box::pin(crud(pool.clone()))),
        ("bulk_and_upserts", Box::pin(bulk_and_upserts(pool.clone()))),
        ("transactions", Box::pin(transactions(pool.clone()))),
        ("describe", Box::pin(describe(pool.clone()))),
        ("copy", Box::pin(copy(pool.clone()))),
        ("listener", Box::pin(listener(pool.clone()))),
        ("advisory_locks", Box::pin(advisory_locks(pool.clone()))),
        ("pool", Box::pin(pool_of_four(pool.clone()))),
        ("databases", Box::pin(create_and_drop_databases(pool.clone()))),
        ("migrations_down", Box::pin(migrations_down(pool))),
    ];
    for (name, case) in cases {
        play(name, case).await;
    }
}
