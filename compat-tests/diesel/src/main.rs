//! Diesel over libpq: migrations, typed queries, associations, its own enum, batches, COPY, savepoints.

use std::error::Error;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::connection::SimpleConnection;
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::dsl::{count_star, exists, max, sum};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgConnection, PgValue};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::{DatabaseErrorKind, Error as Failure};
use diesel::serialize::{Output, ToSql};
use diesel::sql_types::{BigInt, Text};
use diesel::upsert::excluded;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use uuid::Uuid;

type Outcome = Result<(), Box<dyn Error>>;

mod schema {
    pub mod types {
        #[derive(diesel::sql_types::SqlType, diesel::query_builder::QueryId)]
        #[diesel(postgres_type(name = "stage"))]
        pub struct Stage;
    }
    diesel::table! {
        shops (id) { id -> Int4, name -> Varchar, }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::types::Stage;
        products (id) {
            id -> Int8,
            shop_id -> Int4,
            name -> Text,
            price -> Numeric,
            weight -> Nullable<Float8>,
            active -> Bool,
            details -> Jsonb,
            keywords -> Array<Text>,
            picture -> Nullable<Bytea>,
            code -> Uuid,
            day -> Nullable<Date>,
            made -> Timestamptz,
            version -> Int4,
            stage -> Stage,
        }
    }
    diesel::table! {
        labels (id) { id -> Int4, name -> Text, }
    }
    diesel::joinable!(products -> shops (shop_id));
    diesel::allow_tables_to_appear_in_same_query!(products, shops, labels);
}
use schema::{labels, products, shops};

#[derive(Debug, Clone, Copy, PartialEq, FromSqlRow, AsExpression)]
#[diesel(sql_type = schema::types::Stage)]
enum Stage {
    Open,
    Paid,
}

impl ToSql<schema::types::Stage, Pg> for Stage {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
        use std::io::Write;
        out.write_all(if *self == Self::Open { b"open" } else { b"paid" })?;
        Ok(diesel::serialize::IsNull::No)
    }
}

impl FromSql<schema::types::Stage, Pg> for Stage {
    fn from_sql(value: PgValue<'_>) -> diesel::deserialize::Result<Self> {
        match value.as_bytes() {
            b"open" => Ok(Self::Open),
            b"paid" => Ok(Self::Paid),
            other => Err(format!("{other:?}").into()),
        }
    }
}

#[derive(Debug, Identifiable, Queryable, Selectable, PartialEq, Clone)]
#[diesel(table_name = shops)]
struct Shop {
    id: i32,
    name: String,
}

#[derive(Debug, Identifiable, Queryable, Selectable, Associations)]
#[diesel(belongs_to(Shop))]
struct Product {
    id: i64,
    shop_id: i32,
    name: String,
    price: BigDecimal,
    weight: Option<f64>,
    active: bool,
    details: serde_json::Value,
    keywords: Vec<String>,
    picture: Option<Vec<u8>>,
    code: Uuid,
    day: Option<NaiveDate>,
    made: DateTime<Utc>,
    version: i32,
    stage: Stage,
}

#[derive(Insertable, Default)]
#[diesel(table_name = products)]
struct NewProduct<'a> {
    shop_id: i32,
    name: &'a str,
    price: BigDecimal,
    weight: Option<f64>,
    details: Option<serde_json::Value>,
    keywords: Vec<&'a str>,
    picture: Option<&'a [u8]>,
    code: Option<Uuid>,
    day: Option<NaiveDate>,
}

#[derive(AsChangeset)]
#[diesel(table_name = products)]
struct Change {
    price: Option<BigDecimal>,
    stage: Option<Stage>,
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn url() -> String {
    format!(
        "postgres://{}@{}:{}/{}?sslmode=disable",
        env("PGUSER"),
        env("PGHOST"),
        env("PGPORT"),
        env("PGDATABASE")
    )
}

fn equal<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(format!("{got:?} instead of {expected:?}").into()) }
}

fn number(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap_or_default()
}

fn connect(_: &mut PgConnection) -> Outcome {
    let pool = Pool::builder().max_size(3).build(ConnectionManager::<PgConnection>::new(url()))?;
    let mut c = pool.get()?;
    equal(diesel::select(diesel::dsl::sql::<BigInt>("1::bigint")).get_result::<i64>(&mut c)?, 1)?;
    equal(PgConnection::establish("postgres://localhost:1/nothing").is_err(), true)
}

fn migrations(c: &mut PgConnection) -> Outcome {
    let found = FileBasedMigrations::from_path(format!("{}/migrations", env("EIDER_FOLDER")))?;
    equal(c.run_pending_migrations(found.clone()).map_err(|e| e.to_string())?.len(), 2)?;
    equal(c.has_pending_migration(found.clone()).map_err(|e| e.to_string())?, false)?;
    equal(c.applied_migrations().map_err(|e| e.to_string())?.len(), 2)?;
    c.revert_last_migration(found.clone()).map_err(|e| e.to_string())?;
    c.revert_all_migrations(found.clone()).map_err(|e| e.to_string())?;
    equal(c.run_pending_migrations(found).map_err(|e| e.to_string())?.len(), 2)
}

fn crud(c: &mut PgConnection) -> Outcome {
    let shop: Shop =
        diesel::insert_into(shops::table).values(shops::name.eq("corner")).get_result(c)?;
    let code = Uuid::new_v4();
    let lamp = NewProduct {
        shop_id: shop.id,
        name: "lamp",
        price: number("9.99"),
        details: Some(serde_json::json!({"watt": 40, "colours": ["red"]})),
        keywords: vec!["light", "a \"b\", {c}"],
        picture: Some(&[0, 255]),
        code: Some(code),
        day: NaiveDate::from_ymd_opt(2024, 2, 29),
        ..NewProduct::default()
    };
    let made: Product = diesel::insert_into(products::table)
        .values(&lamp)
        .returning(Product::as_returning())
        .get_result(c)?;
    equal(
        (
            made.price.clone(),
            made.details["watt"].as_i64(),
            made.keywords.len(),
            made.picture,
            made.code,
        ),
        (number("9.99"), Some(40), 2, Some(vec![0, 255]), code),
    )?;
    equal(
        (made.day, made.active, made.version, made.stage, made.weight),
        (lamp.day, true, 1, Stage::Open, None),
    )?;
    equal((Utc::now() - made.made).num_minutes().abs() < 5, true)?;
    let table = NewProduct {
        shop_id: shop.id,
        name: "Table",
        price: number("120"),
        weight: Some(12.5),
        keywords: vec!["wood"],
        ..NewProduct::default()
    };
    equal(diesel::insert_into(products::table).values(&table).execute(c)?, 1)?;
    let change = Change { price: Some(number("8")), stage: Some(Stage::Paid) };
    equal(diesel::update(products::table.find(made.id)).set(change).execute(c)?, 1)?;
    let changed = diesel::update(products::table.filter(products::weight.is_not_null()))
        .set(products::weight.eq(products::weight + 1.0))
        .returning(products::weight);
    equal(changed.get_result::<Option<f64>>(c)?, Some(13.5))?;
    let read = products::table
        .filter(products::stage.eq(Stage::Paid))
        .select((products::shop_id, products::name))
        .load::<(i32, String)>(c)?;
    equal(read, vec![(shop.id, "lamp".to_owned())])?;
    equal(diesel::delete(products::table.filter(products::price.gt(number("1000")))).execute(c)?, 0)
}

fn queries(c: &mut PgConnection) -> Outcome {
    let names = |c: &mut PgConnection,
                 condition: Box<
        dyn BoxableExpression<products::table, Pg, SqlType = diesel::sql_types::Bool>,
    >| {
        products::table
            .filter(condition)
            .order(products::name)
            .select(products::name)
            .load::<String>(c)
    };
    equal(
        names(c, Box::new(products::name.ilike("%TAB%")))?,
        ["Table"].map(str::to_owned).to_vec(),
    )?;
    equal(names(c, Box::new(products::name.eq_any(["lamp", "none"])))?, vec!["lamp".to_owned()])?;
    equal(
        names(c, Box::new(products::keywords.contains(vec!["wood"])))?,
        vec!["Table".to_owned()],
    )?;
    equal(
        names(c, Box::new(products::details.contains(serde_json::json!({"watt": 40}))))?,
        vec!["lamp".to_owned()],
    )?;
    equal(
        names(c, Box::new(products::details.retrieve_as_text("watt").eq("40").assume_not_null()))?,
        vec!["lamp".to_owned()],
    )?;
    equal(
        names(c, Box::new(products::price.between(number("5"), number("10"))))?,
        vec!["lamp".to_owned()],
    )?;
    let found: (i64, Option<BigDecimal>, Option<String>) = products::table
        .select((count_star(), sum(products::price), max(products::name)))
        .first(c)?;
    equal(found, (2, Some(number("128.00")), Some("lamp".to_owned())))?;
    let grouped = products::table
        .inner_join(shops::table)
        .group_by(shops::name)
        .having(count_star().gt(1))
        .select((shops::name, count_star()));
    equal(grouped.load::<(String, i64)>(c)?, vec![("corner".to_owned(), 2)])?;
    equal(
        diesel::select(exists(products::table.filter(products::active.eq(false))))
            .get_result::<bool>(c)?,
        false,
    )?;
    let page =
        products::table.order(products::price.desc()).limit(1).offset(1).select(products::name);
    equal(page.first::<String>(c)?, "lamp".to_owned())?;
    let distinct = products::table
        .distinct_on(products::shop_id)
        .order((products::shop_id, products::price))
        .select(products::name);
    equal(distinct.load::<String>(c)?, vec!["lamp".to_owned()])?;
    equal(
        products::table
            .filter(products::name.eq("nothing"))
            .select(products::id)
            .first::<i64>(c)
            .optional()?,
        None,
    )
}

fn associations(c: &mut PgConnection) -> Outcome {
    let all: Vec<Shop> = shops::table.select(Shop::as_select()).load(c)?;
    let own: Vec<Product> =
        Product::belonging_to(&all).select(Product::as_select()).order(products::name).load(c)?;
    let grouped = own.grouped_by(&all);
    equal(
        grouped[0].iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        vec!["Table", "lamp"],
    )?;
    let joined = products::table
        .inner_join(shops::table)
        .select((Product::as_select(), Shop::as_select()))
        .order(products::id);
    let rows: Vec<(Product, Shop)> = joined.load(c)?;
    equal(
        (rows.len(), rows[0].1.clone(), rows[0].0.id > 0, rows[0].0.shop_id),
        (2, all[0].clone(), true, all[0].id),
    )
}

fn bulk_and_upserts(c: &mut PgConnection) -> Outcome {
    let many: Vec<_> = (0..1000).map(|at| labels::name.eq(format!("l{at}"))).collect();
    equal(diesel::insert_into(labels::table).values(&many).execute(c)?, 1000)?;
    let upsert = diesel::insert_into(labels::table)
        .values(labels::name.eq("l1"))
        .on_conflict(labels::name)
        .do_update()
        .set(labels::name.eq(excluded(labels::name)));
    equal(upsert.returning(labels::name).get_result::<String>(c)?, "l1".to_owned())?;
    equal(
        diesel::insert_into(labels::table)
            .values(labels::name.eq("l1"))
            .on_conflict_do_nothing()
            .execute(c)?,
        0,
    )?;
    equal(diesel::delete(labels::table).execute(c)?, 1000)?;
    let rows: Vec<_> = ["one", "two"].map(|name| (labels::name.eq(name),)).to_vec();
    equal(diesel::copy_from(labels::table).from_insertable(&rows).execute(c)?, 2)?;
    equal(labels::table.count().get_result::<i64>(c)?, 2)
}

fn transactions(c: &mut PgConnection) -> Outcome {
    let label = |c: &mut PgConnection, name: &str| {
        diesel::insert_into(labels::table).values(labels::name.eq(name)).execute(c)
    };
    c.transaction::<_, Failure, _>(|c| {
        label(c, "three")?;
        let inner = c.transaction::<_, Failure, _>(|c| label(c, "three"));
        if !matches!(inner, Err(Failure::DatabaseError(DatabaseErrorKind::UniqueViolation, _))) {
            return Err(Failure::RollbackTransaction);
        }
        c.transaction::<_, Failure, _>(|c| label(c, "four")).map(drop)
    })?;
    equal(labels::table.count().get_result::<i64>(c)?, 4)?;
    let back = c.transaction::<(), Failure, _>(|c| {
        diesel::delete(labels::table).execute(c)?;
        Err(Failure::RollbackTransaction)
    });
    equal(back, Err(Failure::RollbackTransaction))?;
    let counted = c
        .build_transaction()
        .serializable()
        .read_only()
        .run(|c| labels::table.count().get_result::<i64>(c))?;
    equal(counted, 4)?;
    let locked = c.transaction(|c| {
        products::table
            .filter(products::name.eq("lamp"))
            .for_update()
            .select(products::name)
            .load::<String>(c)
    })?;
    equal(locked.len(), 1)
}

fn errors_and_locking(c: &mut PgConnection) -> Outcome {
    let kind = |failure: Failure| match failure {
        Failure::DatabaseError(kind, about) => {
            format!("{kind:?} {}", about.constraint_name().unwrap_or_default())
        }
        other => other.to_string(),
    };
    let missing =
        NewProduct { shop_id: 99, name: "x", price: number("1"), ..NewProduct::default() };
    let failed = diesel::insert_into(products::table).values(&missing).execute(c).map_err(kind);
    equal(failed, Err("ForeignKeyViolation products_shop_id_fkey".to_owned()))?;
    let failed = diesel::update(products::table)
        .set(products::price.eq(number("-1")))
        .execute(c)
        .map_err(kind);
    equal(failed, Err("CheckViolation products_price_check".to_owned()))?;
    equal(c.batch_execute("SELECT nothing").is_err(), true)?;
    let next = |c: &mut PgConnection| {
        diesel::update(
            products::table.filter(products::name.eq("lamp").and(products::version.eq(1))),
        )
        .set(products::version.eq(products::version + 1))
        .execute(c)
    };
    equal((next(c)?, next(c)?), (1, 0))
}

fn raw_sql(c: &mut PgConnection) -> Outcome {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = BigInt)]
        place: i64,
    }
    let sql = "SELECT name, rank() OVER (ORDER BY price) AS place FROM products WHERE name <> $1 ORDER BY place";
    let rows: Vec<Row> = diesel::sql_query(sql).bind::<Text, _>("none").load(c)?;
    equal(
        rows.into_iter().map(|row| (row.name, row.place)).collect::<Vec<_>>(),
        vec![("lamp".to_owned(), 1), ("Table".to_owned(), 2)],
    )
}

fn main() {
    let cases: [(&str, fn(&mut PgConnection) -> Outcome); 9] = [
        ("connect", connect),
        ("migrations", migrations),
        ("crud", crud),
        ("queries", queries),
        ("associations", associations),
        ("bulk_and_upserts", bulk_and_upserts),
        ("transactions", transactions),
        ("errors_and_locking", errors_and_locking),
        ("raw_sql", raw_sql),
    ];
    for (name, case) in cases {
        let outcome =
            PgConnection::establish(&url()).map_err(Into::into).and_then(|mut c| case(&mut c));
        match outcome {
            Ok(()) => println!("case {name} ok"),
            Err(why) => println!(
                "case {name} failed {}",
                why.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
            ),
        }
    }
}
