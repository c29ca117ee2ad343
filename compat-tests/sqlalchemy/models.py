"""A shop: what a small application has by way of tables."""

import datetime
import decimal
import enum
import uuid
from typing import Optional

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship


class Base(orm.DeclarativeBase):
    metadata = sa.MetaData(naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    })


class Status(enum.Enum):
    open = "open"
    paid = "paid"
    sent = "sent"


labelled = sa.Table(
    "labelled", Base.metadata,
    sa.Column("product_id", sa.ForeignKey("product.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("label_id", sa.ForeignKey("label.id", ondelete="CASCADE"), primary_key=True),
)


class Label(Base):
    __tablename__ = "label"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40), unique=True)


class Category(Base):
    __tablename__ = "category"
    id: Mapped[int] = mapped_column(sa.Identity(always=False, start=100), primary_key=True)
    name: Mapped[str] = mapped_column(sa.Text)
    parent_id: Mapped[Optional[int]] = mapped_column(sa.ForeignKey("category.id"), index=True)
    parent: Mapped[Optional["Category"]] = relationship(remote_side=id, back_populates="children")
    children: Mapped[list["Category"]] = relationship(back_populates="parent")


class Product(Base):
    __tablename__ = "product"
    __table_args__ = (
        sa.CheckConstraint("price >= 0", name="price_not_negative"),
        sa.Index("ix_product_lower_name", sa.text("lower(name)")),
        sa.Index("ix_product_cheap", "price", postgresql_where=sa.text("price < 10")),
        sa.Index("ix_product_details", "details", postgresql_using="gin"),
        {"comment": "what is sold"},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[uuid.UUID] = mapped_column(unique=True, server_default=sa.func.gen_random_uuid())
    name: Mapped[str] = mapped_column(sa.String(100), comment="as customers see it")
    price: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(10, 2))
    weight: Mapped[Optional[float]]
    details: Mapped[dict] = mapped_column(pg.JSONB, server_default=sa.text("'{}'::jsonb"))
    keywords: Mapped[list[str]] = mapped_column(pg.ARRAY(sa.Text), server_default="{}")
    active: Mapped[bool] = mapped_column(server_default=sa.true())
    category_id: Mapped[Optional[int]] = mapped_column(
        sa.ForeignKey("category.id", ondelete="SET NULL"))
    gross: Mapped[decimal.Decimal] = mapped_column(
        sa.Numeric(12, 2), sa.Computed("round(price * 1.19, 2)", persisted=True))
    category: Mapped[Optional[Category]] = relationship()
    labels: Mapped[list[Label]] = relationship(secondary=labelled)


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    email: Mapped[str] = mapped_column(sa.String(200), unique=True)
    since: Mapped[datetime.datetime] = mapped_column(
        sa.DateTime(timezone=True), server_default=sa.func.now())
    orders: Mapped[list["Order"]] = relationship(
        back_populates="customer", cascade="all, delete-orphan", order_by="Order.id")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}


class Company(Customer):
    __tablename__ = "company"
    id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), primary_key=True)
    vat: Mapped[str] = mapped_column(sa.String(20))
    __mapper_args__ = {"polymorphic_identity": "company"}


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    status: Mapped[Status] = mapped_column(
        sa.Enum(Status, name="order_status"), server_default="open")
    placed_on: Mapped[datetime.date] = mapped_column(server_default=sa.text("CURRENT_DATE"))
    version: Mapped[int] = mapped_column()
    customer: Mapped[Customer] = relationship(back_populates="orders")
    lines: Mapped[list["Line"]] = relationship(
        back_populates="order", cascade="all, delete-orphan", order_by="Line.position")
    __mapper_args__ = {"version_id_col": version}


class Line(Base):
    __tablename__ = "order_line"
    __table_args__ = (sa.CheckConstraint("quantity > 0", name="quantity"),)
    order_id: Mapped[int] = mapped_column(
        sa.ForeignKey("order.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("product.id", deferrable=True, initially="DEFERRED"))
    quantity: Mapped[int]
    price: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(10, 2))
    order: Mapped[Order] = relationship(back_populates="lines")
    product: Mapped[Product] = relationship()

    @hybrid_property
    def total(self):
        return self.quantity * self.price


class Thing(Base):
    """A column of each type."""

    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    small = mapped_column(sa.SmallInteger)
    big = mapped_column(sa.BigInteger)
    exact = mapped_column(sa.Numeric)
    real = mapped_column(sa.REAL)
    double = mapped_column(sa.Double)
    text = mapped_column(sa.Text)
    fixed = mapped_column(sa.CHAR(5))
    data = mapped_column(sa.LargeBinary)
    day = mapped_column(sa.Date)
    clock = mapped_column(sa.Time)
    local = mapped_column(sa.DateTime)
    moment = mapped_column(sa.DateTime(timezone=True))
    seconds = mapped_column(pg.TIMESTAMP(precision=0))
    length = mapped_column(sa.Interval)
    flag = mapped_column(sa.Boolean)
    key = mapped_column(sa.Uuid)
    document = mapped_column(sa.JSON)
    binary_document = mapped_column(pg.JSONB)
    numbers = mapped_column(pg.ARRAY(sa.Integer))
    matrix = mapped_column(pg.ARRAY(sa.Integer, dimensions=2))
    states = mapped_column(pg.ARRAY(sa.Enum(Status, name="order_status")))
