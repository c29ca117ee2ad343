"""Tables change: names, types, keys, defaults, data."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision, down_revision = "0002", "0001"


def upgrade():
    op.alter_column("category", "title", new_column_name="name")
    op.create_index(op.f("ix_category_parent_id"), "category", ["parent_id"])
    op.alter_column("label", "name", type_=sa.String(40), existing_type=sa.String(20))
    op.alter_column("product", "price", type_=sa.Numeric(10, 2), existing_type=sa.Integer,
                    postgresql_using="price / 100.0")
    op.add_column("product", sa.Column(
        "code", sa.Uuid, server_default=sa.func.gen_random_uuid(), nullable=False))
    op.create_unique_constraint(op.f("uq_product_code"), "product", ["code"])
    op.add_column("product", sa.Column("weight", sa.Float))
    op.add_column("product", sa.Column(
        "details", pg.JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False))
    op.execute("UPDATE product SET details = jsonb_build_object('colour', colour) "
               "WHERE colour IS NOT NULL")
    op.drop_column("product", "colour")
    op.add_column("product", sa.Column(
        "keywords", pg.ARRAY(sa.Text), server_default="{}", nullable=False))
    op.add_column("product", sa.Column("active", sa.Boolean, nullable=True))
    op.execute("UPDATE product SET active = true")
    op.alter_column("product", "active", nullable=False, server_default=sa.true())
    op.add_column("product", sa.Column(
        "category_id", sa.Integer,
        sa.ForeignKey("category.id", name=op.f("fk_product_category_id_category"),
                      ondelete="SET NULL")))
    op.add_column("product", sa.Column(
        "gross", sa.Numeric(12, 2), sa.Computed("round(price * 1.19, 2)", persisted=True),
        nullable=False))
    op.create_check_constraint(op.f("ck_product_price_not_negative"), "product", "price >= 0")
    op.create_index("ix_product_lower_name", "product", [sa.text("lower(name)")])
    op.create_index("ix_product_cheap", "product", ["price"],
                    postgresql_where=sa.text("price < 10"))
    op.create_index("ix_product_details", "product", ["details"], postgresql_using="gin")


def downgrade():
    for name in ["details", "cheap", "lower_name"]:
        op.drop_index(f"ix_product_{name}", table_name="product")
    op.drop_constraint(op.f("ck_product_price_not_negative"), "product", type_="check")
    op.drop_column("product", "gross")
    op.drop_column("product", "category_id")
    op.drop_column("product", "active")
    op.drop_column("product", "keywords")
    op.add_column("product", sa.Column("colour", sa.Text))
    op.execute("UPDATE product SET colour = details ->> 'colour'")
    op.drop_column("product", "details")
    op.drop_column("product", "weight")
    op.drop_constraint(op.f("uq_product_code"), "product", type_="unique")
    op.drop_column("product", "code")
    op.alter_column("product", "price", type_=sa.Integer, existing_type=sa.Numeric(10, 2),
                    postgresql_using="(price * 100)::integer")
    op.alter_column("label", "name", type_=sa.String(20), existing_type=sa.String(40))
    op.drop_index(op.f("ix_category_parent_id"), table_name="category")
    op.alter_column("category", "name", new_column_name="title")
