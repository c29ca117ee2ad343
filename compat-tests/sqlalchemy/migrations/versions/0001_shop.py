"""The first tables, not yet as the models have them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision, down_revision = "0001", None


def upgrade():
    op.create_table(
        "label",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
        sa.UniqueConstraint("name", name=op.f("uq_label_name")))
    op.create_table(
        "category",
        sa.Column("id", sa.Integer, sa.Identity(always=False, start=100), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("parent_id", sa.Integer),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["category.id"], name=op.f("fk_category_parent_id_category")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")))
    op.create_table(
        "product",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False, comment="as customers see it"),
        sa.Column("price", sa.Integer, nullable=False),
        sa.Column("colour", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        comment="what is sold")
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("email", name=op.f("uq_customer_email")))
    op.bulk_insert(
        sa.table("product", sa.column("name", sa.String), sa.column("price", sa.Integer),
                 sa.column("colour", sa.Text)),
        [{"name": "old lamp", "price": 1250, "colour": "red"},
         {"name": "old chair", "price": 4000, "colour": None}])


def downgrade():
    for table in ["customer", "product", "category", "label"]:
        op.drop_table(table)
