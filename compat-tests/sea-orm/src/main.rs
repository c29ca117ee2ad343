//! SeaORM: its migrations, entities and relations, typed queries, an enum, upserts, savepoints, pages, and the
//! discovery that its generator of entities is built on.

mod entity;
mod migrations;

use std::error::Error;

use entity::{Stage, label, mark, product, shop};
use migrations::Migrator;
use sea_orm::ActiveValue::{NotSet, Set, Unchanged};
use sea_orm::prelude::*;
use sea_orm::sea_query::{Func, LockType, OnConflict, extension::postgres::PgExpr};
use sea_orm::{
    AccessMode, Condition, ConnectOptions, Database, DatabaseConnection, DbBackend,
    FromQueryResult, IntoActiveModel, IsolationLevel, JoinType, QueryOrder, QuerySelect, SqlErr,
    Statement, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

type Outcome = Result<(), Box<dyn Error>>;

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn url() -> String {
    let [user, host, port, database] = ["PGUSER", "PGHOST", "PGPORT", "PGDATABASE"].map(env);
    format!("postgres://{user}@{host}:{port}/{database}?sslmode=disable")
}

fn equal<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(format!("{got:?} instead of {expected:?}").into()) }
}

async fn open() -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url());
    options.max_connections(3).sqlx_logging(false);
    Database::connect(options).await
}

async fn connect(c: &DatabaseConnection) -> Outcome {
    c.ping().await?;
    let row = c
        .query_one(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT $1::bigint + 1 AS two",
            [1i64.into()],
        ))
        .await?;
    equal(row.map(|row| row.try_get::<i64>("", "two")).transpose()?, Some(2))?;
    equal(Database::connect("postgres://localhost:1/nothing").await.is_err(), true)
}

async fn migrations(c: &DatabaseConnection) -> Outcome {
    Migrator::up(c, None).await?;
    equal(Migrator::get_applied_migrations(c).await?.len(), 2)?;
    Migrator::down(c, Some(1)).await?;
    equal(Migrator::get_pending_migrations(c).await?.len(), 1)?;
    Migrator::refresh(c).await?;
    Migrator::status(c).await?;
    // It drops all tables and types that it finds in the catalogs.
    Migrator::fresh(c).await?;
    equal(Migrator::get_applied_migrations(c).await?.len(), 2)
}

async fn crud(c: &DatabaseConnection) -> Outcome {
    let corner = shop::ActiveModel { name: Set("corner".to_owned()), ..Default::default() };
    let corner = corner.insert(c).await?;
    let code = Uuid::from_u128(7);
    let lamp = product::ActiveModel {
        shop_id: Set(corner.id),
        name: Set("lamp".to_owned()),
        price: Set("9.99".parse()?),
        details: Set(Some(serde_json::json!({"watt": 40, "colours": ["red"]}))),
        keywords: Set(vec!["light".to_owned(), "a \"b\", {c}".to_owned()]),
        picture: Set(Some(vec![0, 255])),
        code: Set(code),
        day: Set(Date::from_ymd_opt(2024, 2, 29)),
        ..Default::default()
    };
    let lamp = lamp.insert(c).await?;
    equal((lamp.price.to_string(), lamp.keywords.len(), lamp.code), ("9.99".to_owned(), 2, code))?;
    equal(
        (lamp.active, lamp.version, lamp.stage, lamp.weight, lamp.picture.clone()),
        (true, 1, Stage::Open, None, Some(vec![0, 255])),
    )?;
    let table = product::ActiveModel {
        shop_id: Set(corner.id),
        name: Set("Table".to_owned()),
        price: Set(Decimal::from(120)),
        weight: Set(Some(12.5)),
        keywords: Set(vec!["wood".to_owned()]),
        ..Default::default()
    };
    equal(product::Entity::insert(table).exec(c).await?.last_insert_id > lamp.id, true)?;
    let mut change = lamp.clone().into_active_model();
    change.stage = Set(Stage::Paid);
    change.price = Set(Decimal::from(8));
    let changed = change.update(c).await?;
    equal((changed.stage, changed.price.to_string()), (Stage::Paid, "8.00".to_owned()))?;
    let heavier = product::Entity::update_many()
        .col_expr(product::Column::Weight, Expr::col(product::Column::Weight).add(1.0))
        .filter(product::Column::Weight.is_not_null())
        .exec_with_returning(c)
        .await?;
    equal(heavier.iter().map(|one| one.weight).collect::<Vec<_>>(), vec![Some(13.5)])?;
    let read = product::Entity::find_by_id(lamp.id).one(c).await?;
    equal(read.map(|one| (one.details, one.day)), Some((lamp.details, lamp.day)))?;
    let gone = product::Entity::delete_many().filter(product::Column::Price.gt(1000)).exec(c);
    equal(gone.await?.rows_affected, 0)
}

async fn queries(c: &DatabaseConnection) -> Outcome {
    let names = async |condition: Condition| -> Result<Vec<String>, DbErr> {
        let found = product::Entity::find().filter(condition).order_by_asc(product::Column::Name);
        Ok(found.all(c).await?.into_iter().map(|one| one.name).collect())
    };
    let all = Condition::all;
    let keywords = Expr::col(product::Column::Keywords);
    let details = Expr::col(product::Column::Details);
    let lamp = || vec!["lamp".to_owned()];
    let table = || vec!["Table".to_owned()];
    equal(names(all().add(Expr::col(product::Column::Name).ilike("%TAB%"))).await?, table())?;
    equal(names(all().add(product::Column::Name.is_in(["lamp", "none"]))).await?, lamp())?;
    equal(names(all().add(keywords.contains(vec!["wood".to_owned()]))).await?, table())?;
    equal(
        names(all().add(details.clone().contains(serde_json::json!({"watt": 40})))).await?,
        lamp(),
    )?;
    equal(names(all().add(details.cast_json_field("watt").eq("40"))).await?, lamp())?;
    equal(names(all().add(product::Column::Stage.eq(Stage::Paid))).await?, lamp())?;
    let either = Condition::any()
        .add(product::Column::Price.between(5, 10))
        .add(product::Column::Name.starts_with("Ta"));
    equal(names(either).await?, vec!["Table".to_owned(), "lamp".to_owned()])?;

    #[derive(Debug, PartialEq, FromQueryResult)]
    struct Sums {
        shop: String,
        count: i64,
        total: Option<Decimal>,
        longest: Option<String>,
    }
    let sums = product::Entity::find()
        .select_only()
        .column_as(shop::Column::Name, "shop")
        .column_as(product::Column::Id.count(), "count")
        .column_as(product::Column::Price.sum(), "total")
        .column_as(product::Column::Name.max(), "longest")
        .join(JoinType::InnerJoin, product::Relation::Shop.def())
        .group_by(shop::Column::Name)
        .having(Expr::expr(product::Column::Id.count()).gt(1))
        .into_model::<Sums>();
    let expected = Sums {
        shop: "corner".to_owned(),
        count: 2,
        total: Some("128.00".parse()?),
        longest: Some("lamp".to_owned()),
    };
    equal(sums.one(c).await?, Some(expected))?;
    let tuples: Vec<(i32, String)> = product::Entity::find()
        .select_only()
        .columns([product::Column::ShopId, product::Column::Name])
        .distinct_on([product::Column::ShopId])
        .order_by_asc(product::Column::ShopId)
        .order_by_desc(product::Column::Price)
        .into_tuple()
        .all(c)
        .await?;
    equal(tuples.into_iter().map(|(_, name)| name).collect::<Vec<_>>(), table())?;
    let upper = product::Entity::find()
        .filter(Expr::expr(Func::upper(Expr::col(product::Column::Name))).eq("LAMP"));
    equal(upper.count(c).await?, 1)?;
    let json = product::Entity::find_by_id(1).into_json().one(c).await?;
    equal(
        json.map(|one| (one["name"].clone(), one["version"].clone())),
        Some(("lamp".into(), 1.into())),
    )
}

async fn relations(c: &DatabaseConnection) -> Outcome {
    let shops = shop::Entity::find().find_with_related(product::Entity).all(c).await?;
    equal(shops.iter().map(|(_, own)| own.len()).collect::<Vec<_>>(), vec![2])?;
    let with_shop = product::Entity::find().find_also_related(shop::Entity).all(c).await?;
    equal(with_shop.iter().all(|(_, shop)| shop.is_some()), true)?;
    let (lamp, _) = with_shop.into_iter().find(|(one, _)| one.name == "lamp").ok_or("no lamp")?;
    for name in ["new", "bright"] {
        let made = label::ActiveModel { id: NotSet, name: Set(name.to_owned()) }.insert(c).await?;
        let mark = mark::ActiveModel { product_id: Set(lamp.id), label_id: Set(made.id) };
        mark.insert(c).await?;
    }
    let own = lamp.find_related(label::Entity).order_by_asc(label::Column::Name).all(c).await?;
    equal(
        own.into_iter().map(|one| one.name).collect::<Vec<_>>(),
        ["bright", "new"].map(str::to_owned).to_vec(),
    )?;
    // Eager, a query for each relation.
    let products = product::Entity::find().order_by_asc(product::Column::Id).all(c).await?;
    let labels = products.load_many_to_many(label::Entity, mark::Entity, c).await?;
    equal(labels.iter().map(Vec::len).collect::<Vec<_>>(), vec![2, 0])?;
    let shops = products.load_one(shop::Entity, c).await?;
    equal(shops.iter().flatten().count(), 2)?;
    equal(mark::Entity::delete_many().exec(c).await?.rows_affected, 2)?;
    equal(label::Entity::delete_many().exec(c).await?.rows_affected, 2)
}

async fn bulk_upserts_and_pages(c: &DatabaseConnection) -> Outcome {
    let named = |name: String| label::ActiveModel { id: NotSet, name: Set(name) };
    let many = (0..1000).map(|at| named(format!("l{at:04}")));
    label::Entity::insert_many(many).exec(c).await?;
    let upsert =
        OnConflict::column(label::Column::Name).update_column(label::Column::Name).to_owned();
    let kept = label::Entity::insert(named("l0001".to_owned())).on_conflict(upsert);
    equal(kept.exec_with_returning(c).await?.name, "l0001".to_owned())?;
    let nothing = OnConflict::column(label::Column::Name).do_nothing().to_owned();
    let none = label::Entity::insert(named("l0001".to_owned())).on_conflict(nothing);
    equal(matches!(none.exec(c).await, Err(DbErr::RecordNotInserted)), true)?;
    let pages = label::Entity::find().order_by_asc(label::Column::Name).paginate(c, 300);
    equal((pages.num_items().await?, pages.num_pages().await?), (1000, 4))?;
    equal(pages.fetch_page(3).await?.last().map(|one| one.name.clone()), Some("l0999".to_owned()))?;
    let mut cursor = label::Entity::find().cursor_by(label::Column::Name);
    let after = cursor.after("l0500").first(2).all(c).await?;
    equal(
        after.into_iter().map(|one| one.name).collect::<Vec<_>>(),
        ["l0501", "l0502"].map(str::to_owned).to_vec(),
    )?;
    equal(label::Entity::delete_many().exec(c).await?.rows_affected, 1000)
}

async fn transactions(c: &DatabaseConnection) -> Outcome {
    let insert = |name: &str| label::ActiveModel { id: NotSet, name: Set(name.to_owned()) };
    let outer = c.begin().await?;
    insert("one").insert(&outer).await?;
    let inner = outer.begin().await?;
    let twice = insert("one").insert(&inner).await;
    equal(
        twice
            .err()
            .and_then(|error| error.sql_err())
            .is_some_and(|error| matches!(error, SqlErr::UniqueConstraintViolation(_))),
        true,
    )?;
    inner.rollback().await?;
    let inner = outer.begin().await?;
    insert("two").insert(&inner).await?;
    inner.commit().await?;
    outer.commit().await?;
    equal(label::Entity::find().count(c).await?, 2)?;
    let back = c
        .transaction::<_, (), DbErr>(|t| {
            Box::pin(async move {
                label::Entity::delete_many().exec(t).await?;
                Err(DbErr::Custom("back".to_owned()))
            })
        })
        .await;
    equal(back.is_err(), true)?;
    let reader =
        c.begin_with_config(Some(IsolationLevel::Serializable), Some(AccessMode::ReadOnly)).await?;
    equal(label::Entity::find().count(&reader).await?, 2)?;
    equal(insert("three").insert(&reader).await.is_err(), true)?;
    reader.rollback().await?;
    let writer = c.begin().await?;
    let locked = product::Entity::find().lock(LockType::Update).all(&writer).await?;
    equal(locked.len(), 2)?;
    writer.commit().await?;
    Ok(())
}

async fn errors_and_locking(c: &DatabaseConnection) -> Outcome {
    let orphan = product::ActiveModel {
        shop_id: Set(99),
        name: Set("x".to_owned()),
        price: Set(Decimal::ONE),
        keywords: Set(Vec::new()),
        ..Default::default()
    };
    let refused = orphan.insert(c).await.err().and_then(|error| error.sql_err());
    equal(matches!(refused, Some(SqlErr::ForeignKeyConstraintViolation(_))), true)?;
    let negative = product::Entity::update_many().col_expr(product::Column::Price, Expr::value(-1));
    let refused = negative.exec(c).await.err().map(|error| error.to_string()).unwrap_or_default();
    equal(refused.contains("violates check constraint"), true)?;
    equal(c.execute_unprepared("SELECT nothing").await.is_err(), true)?;
    let next = async || -> Result<u64, DbErr> {
        let next = product::Entity::update_many()
            .col_expr(product::Column::Version, Expr::col(product::Column::Version).add(1))
            .filter(product::Column::Name.eq("lamp"))
            .filter(product::Column::Version.eq(1));
        Ok(next.exec(c).await?.rows_affected)
    };
    equal((next().await?, next().await?), (1, 0))?;
    let missing = product::ActiveModel {
        id: Unchanged(999),
        name: Set("y".to_owned()),
        ..Default::default()
    };
    equal(matches!(missing.update(c).await, Err(DbErr::RecordNotUpdated)), true)
}

/// What `sea-orm-cli generate entity` asks the catalogs.
async fn discovery(_: &DatabaseConnection) -> Outcome {
    let pool = sqlx::PgPool::connect(&url()).await?;
    let discovery = sea_schema::postgres::discovery::SchemaDiscovery::new(pool, "public");
    let found = discovery.discover().await?;
    let mut tables: Vec<_> = found.tables.iter().map(|one| one.info.name.as_str()).collect();
    tables.sort_unstable();
    equal(tables, vec!["labels", "marks", "products", "seaql_migrations", "shops"])?;
    let enums: Vec<_> = discovery
        .discover_enums()
        .await?
        .into_iter()
        .map(|one| (one.typename, one.values.join(" ")))
        .collect();
    equal(enums, vec![("stage".to_owned(), "open paid".to_owned())])?;
    let products = found.tables.iter().find(|one| one.info.name == "products").ok_or("no table")?;
    let columns: Vec<_> = products.columns.iter().map(|one| one.name.as_str()).collect();
    equal(
        columns.join(" "),
        "id shop_id name price weight active details keywords picture code day made version stage"
            .to_owned(),
    )?;
    let made: String = found
        .tables
        .iter()
        .map(|one| one.write().to_string(sea_orm::sea_query::PostgresQueryBuilder))
        .collect();
    equal(
        [
            "decimal(10, 2)",
            "text[]",
            "\"stage\"",
            "ON DELETE CASCADE",
            "PRIMARY KEY (\"product_id\", \"label_id\")",
        ]
        .map(|part| made.to_lowercase().contains(&part.to_lowercase())),
        [true; 5],
    )?;
    let keys: Vec<_> = products.reference_constraints.iter().map(|one| one.name.clone()).collect();
    equal(keys, vec!["products_of_shop".to_owned()])
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let connected = open().await;
    macro_rules! play {
        ($($case:ident),*) => {$(
            let outcome: Outcome = match &connected {
                Ok(c) => $case(c).await,
                Err(error) => Err(error.to_string().into()),
            };
            match outcome {
                Ok(()) => println!("case {} ok", stringify!($case)),
                Err(why) => println!(
                    "case {} failed {}",
                    stringify!($case),
                    why.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
                ),
            }
        )*};
    }
    play!(
        connect,
        migrations,
        crud,
        queries,
        relations,
        bulk_upserts_and_pages,
        transactions,
        errors_and_locking,
        discovery
    );
}
