//! The tables of the shop, as SeaORM's migrations.

use sea_orm::sea_query::extension::postgres::Type;
use sea_orm::{DbBackend, Schema};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::entity::Stage;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Shop), Box::new(Labels)]
    }
}

pub struct Shop;

impl MigrationName for Shop {
    fn name(&self) -> &str {
        "m2024_01_01_shop"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Shop {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let stage = Schema::new(DbBackend::Postgres).create_enum_from_active_enum::<Stage>();
        manager.create_type(stage).await?;
        let shops = Table::create()
            .table("shops")
            .if_not_exists()
            .col(pk_auto("id"))
            .col(string_len_uniq("name", 80))
            .to_owned();
        manager.create_table(shops).await?;
        let products = Table::create()
            .table("products")
            .col(big_integer("id").auto_increment().primary_key())
            .col(integer("shop_id"))
            .col(text("name"))
            .col(decimal_len("price", 10, 2).check(Expr::col("price").gt(0)))
            .col(double_null("weight"))
            .col(boolean("active").default(true))
            .col(json_binary_null("details"))
            .col(array("keywords", ColumnType::Text).default(Expr::cust("'{}'::text[]")))
            .col(blob_null("picture"))
            .col(uuid("code").default(Expr::cust("gen_random_uuid()")))
            .col(date_null("day"))
            .col(timestamp_with_time_zone("made").default(Expr::current_timestamp()))
            .col(integer("version").default(1))
            .col(custom("stage", "stage").default("open"))
            .foreign_key(
                ForeignKey::create()
                    .name("products_of_shop")
                    .from("products", "shop_id")
                    .to("shops", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(products).await?;
        let index = Index::create()
            .name("products_by_name")
            .table("products")
            .col(("name", IndexOrder::Desc))
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("products_by_name").to_owned()).await?;
        manager.drop_table(Table::drop().table("products").to_owned()).await?;
        manager.drop_table(Table::drop().table("shops").cascade().to_owned()).await?;
        manager.drop_type(Type::drop().name("stage").to_owned()).await
    }
}

pub struct Labels;

impl MigrationName for Labels {
    fn name(&self) -> &str {
        "m2024_01_02_labels"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Labels {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let labels =
            Table::create().table("labels").col(pk_auto("id")).col(text("name")).to_owned();
        manager.create_table(labels).await?;
        let unique =
            Index::create().name("labels_name").table("labels").col("name").unique().to_owned();
        manager.create_index(unique).await?;
        let marks = Table::create()
            .table("marks")
            .col(big_integer("product_id"))
            .col(integer("label_id"))
            .primary_key(Index::create().col("product_id").col("label_id"))
            .foreign_key(ForeignKey::create().from("marks", "product_id").to("products", "id"))
            .foreign_key(ForeignKey::create().from("marks", "label_id").to("labels", "id"))
            .to_owned();
        manager.create_table(marks).await?;
        // A column that comes later, is renamed, and goes.
        let add = Table::alter()
            .table("labels")
            .add_column(ColumnDef::new("note").string_len(20).not_null().default("-"))
            .to_owned();
        manager.alter_table(add).await?;
        let rename = Table::alter().table("labels").rename_column("note", "remark").to_owned();
        manager.alter_table(rename).await?;
        let widen = Table::alter()
            .table("labels")
            .modify_column(ColumnDef::new("remark").text().null())
            .to_owned();
        manager.alter_table(widen).await?;
        if !manager.has_column("labels", "remark").await? {
            return Err(DbErr::Custom("the new column is not seen".to_owned()));
        }
        let remove = Table::alter().table("labels").drop_column("remark").to_owned();
        manager.alter_table(remove).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("marks").to_owned()).await?;
        manager.drop_table(Table::drop().table("labels").to_owned()).await
    }
}
