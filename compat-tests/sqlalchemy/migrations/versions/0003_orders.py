"""Orders, with an enum, and a table of all types."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision, down_revision = "0003", "0002"
status = pg.ENUM("open", "paid", name="order_status", create_type=False)


def upgrade():
    status.create(op.get_bind(), checkfirst=True)
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE order_status ADD VALUE 'sent' AFTER 'paid'")
    op.create_table(
        "labelled",
        sa.Column("product_id", sa.Integer, nullable=False),
        sa.Column("label_id", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], ondelete="CASCADE",
                                name=op.f("fk_labelled_product_id_product")),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], ondelete="CASCADE",
                                name=op.f("fk_labelled_label_id_label")),
        sa.PrimaryKeyConstraint("product_id", "label_id", name=op.f("pk_labelled")))
    op.create_table(
        "company",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("vat", sa.String(20), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["customer.id"], name=op.f("fk_company_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")))
    op.create_table(
        "order",
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("customer_id", sa.Integer, nullable=False),
        sa.Column("status", status, server_default="open", nullable=False),
        sa.Column("placed_on", sa.Date, server_default=sa.text("CURRENT_DATE"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_order_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")))
    op.create_index(op.f("ix_order_customer_id"), "order", ["customer_id"])
    op.create_table(
        "order_line",
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("position", sa.SmallInteger, nullable=False),
        sa.Column("product_id", sa.Integer, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_line_quantity")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], ondelete="CASCADE",
                                name=op.f("fk_order_line_order_id_order")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], deferrable=True,
                                initially="DEFERRED",
                                name=op.f("fk_order_line_product_id_product")),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("pk_order_line")))
    op.create_table(
        "thing",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("small", sa.SmallInteger),
        sa.Column("big", sa.BigInteger),
        sa.Column("exact", sa.Numeric),
        sa.Column("real", sa.REAL),
        sa.Column("double", sa.Double),
        sa.Column("text", sa.Text),
        sa.Column("fixed", sa.CHAR(5)),
        sa.Column("data", sa.LargeBinary),
        sa.Column("day", sa.Date),
        sa.Column("clock", sa.Time),
        sa.Column("local", sa.DateTime),
        sa.Column("moment", sa.DateTime(timezone=True)),
        sa.Column("seconds", pg.TIMESTAMP(precision=0)),
        sa.Column("length", sa.Interval),
        sa.Column("flag", sa.Boolean),
        sa.Column("key", sa.Uuid),
        sa.Column("document", sa.JSON),
        sa.Column("binary_document", pg.JSONB),
        sa.Column("numbers", pg.ARRAY(sa.Integer)),
        sa.Column("matrix", pg.ARRAY(sa.Integer, dimensions=2)),
        sa.Column("states", pg.ARRAY(status)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thing")))
    op.execute("CREATE VIEW open_order AS SELECT o.id, c.email FROM \"order\" o "
               "JOIN customer c ON c.id = o.customer_id WHERE o.status = 'open'")


def downgrade():
    op.execute("DROP VIEW open_order")
    for table in ["thing", "order_line", "order", "company", "labelled"]:
        op.drop_table(table)
    status.drop(op.get_bind(), checkfirst=True)
