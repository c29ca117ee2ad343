//! The shop's entities and how they relate.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "stage")]
pub enum Stage {
    #[sea_orm(string_value = "open")]
    Open,
    #[sea_orm(string_value = "paid")]
    Paid,
}

pub mod shop {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "shops")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::product::Entity")]
        Products,
    }

    impl Related<super::product::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Products.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod product {
    use super::*;

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "products")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub shop_id: i32,
        pub name: String,
        pub price: Decimal,
        pub weight: Option<f64>,
        pub active: bool,
        pub details: Option<Json>,
        pub keywords: Vec<String>,
        pub picture: Option<Vec<u8>>,
        pub code: Uuid,
        pub day: Option<Date>,
        pub made: DateTimeWithTimeZone,
        pub version: i32,
        pub stage: super::Stage,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::shop::Entity",
            from = "Column::ShopId",
            to = "super::shop::Column::Id"
        )]
        Shop,
    }

    impl Related<super::shop::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Shop.def()
        }
    }

    impl Related<super::label::Entity> for Entity {
        fn to() -> RelationDef {
            super::mark::Relation::Label.def()
        }

        fn via() -> Option<RelationDef> {
            Some(super::mark::Relation::Product.def().rev())
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod label {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "labels")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod mark {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "marks")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub product_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub label_id: i32,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::product::Entity",
            from = "Column::ProductId",
            to = "super::product::Column::Id"
        )]
        Product,
        #[sea_orm(
            belongs_to = "super::label::Entity",
            from = "Column::LabelId",
            to = "super::label::Column::Id"
        )]
        Label,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
