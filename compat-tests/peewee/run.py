"""Peewee: models of a shop, schema migrations with playhouse, and what it finds in the catalogs."""

import datetime
import decimal
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
from peewee import *
from playhouse.migrate import PostgresqlMigrator, migrate
from playhouse.postgres_ext import ArrayField, BinaryJSONField, PostgresqlExtDatabase
from playhouse.reflection import Introspector
from playhouse.shortcuts import model_to_dict

from cases import address, equal, run

parts = address()
db = PostgresqlExtDatabase(parts["database"], host=parts["host"], port=parts["port"], user=parts["user"])
D = decimal.Decimal


class Base(Model):
    class Meta:
        database = db


class Label(Base):
    name = CharField(max_length=40, unique=True)


class Category(Base):
    name = TextField()
    parent = ForeignKeyField("self", null=True, backref="children", on_delete="SET NULL")


class Product(Base):
    code = UUIDField(default=uuid.uuid4, unique=True)
    name = CharField(max_length=100)
    price = DecimalField(max_digits=10, decimal_places=2, constraints=[Check("price >= 0")])
    weight = DoubleField(null=True)
    details = BinaryJSONField(default=dict)
    keywords = ArrayField(TextField, default=list)
    active = BooleanField(default=True, constraints=[SQL("DEFAULT true")])
    category = ForeignKeyField(Category, null=True, backref="products")

    class Meta:
        indexes = ((("name", "category"), True),)


Product.add_index(Product.index(fn.LOWER(Product.name), where=Product.active, name="product_lower"))


class Labelled(Base):
    product = ForeignKeyField(Product, on_delete="CASCADE")
    label = ForeignKeyField(Label, on_delete="CASCADE")

    class Meta:
        primary_key = CompositeKey("product", "label")


class Order(Base):
    customer = CharField()
    placed_on = DateField()
    version = IntegerField(default=1)


class Line(Base):
    order = ForeignKeyField(Order, backref="lines", on_delete="CASCADE")
    product = ForeignKeyField(Product)
    quantity = SmallIntegerField()


class Thing(Base):
    big = BigIntegerField(null=True)
    exact = DecimalField(max_digits=30, decimal_places=5, null=True)
    real = FloatField(null=True)
    text = TextField(null=True)
    fixed = FixedCharField(max_length=5, null=True)
    data = BlobField(null=True)
    day = DateField(null=True)
    clock = TimeField(null=True)
    moment = DateTimeField(null=True)
    flag = BooleanField(null=True)
    key = UUIDField(null=True)
    numbers = ArrayField(IntegerField, null=True)


MODELS = [Label, Category, Product, Labelled, Order, Line, Thing]


def raises(kind, action):
    try:
        with db.atomic():
            action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def case_create():
    db.create_tables(MODELS)
    db.create_tables(MODELS, safe=True)
    equal(sorted(db.get_tables()), sorted(m._meta.table_name for m in MODELS))


def case_crud():
    home = Category.create(name="home")
    Category.create(name="kitchen", parent=home)
    lamp = Product.create(name="lamp", price=D("9.99"), details={"watt": 40, "colours": ["red", "blue"]},
                          keywords=["light", "desk"], category=home)
    table = Product.create(name="Table", price=120, weight=12.5, keywords=["wood"])
    new = Label.create(name="new")
    Labelled.create(product=lamp, label=new)
    lamp.price = 8
    lamp.save()
    equal(Product.get_by_id(lamp.id).price, D("8.00"))
    equal(Product.get_or_create(name="lamp", defaults={"price": 1})[1], False)
    order = Order.create(customer="anna", placed_on=datetime.date(2024, 2, 29))
    Line.insert_many([{"order": order, "product": lamp, "quantity": 2},
                      {"order": order, "product": table, "quantity": 1}]).execute()
    equal(Product.update(weight=Product.weight + 2).where(Product.name == "Table").execute(), 1)
    equal(Product.select().count(), 2)
    equal(model_to_dict(home, exclude=[Category.id]), {"name": "home", "parent": None})


def case_queries():
    names = lambda *w: [p.name for p in Product.select().where(*w).order_by(Product.name)]
    equal(names(Product.name.ilike("%tab%")), ["Table"])
    equal(names(Product.name.in_([])), [])
    equal(names(Product.price.between(1, 10)), ["lamp"])
    equal(names(Product.name.regexp("^[a-z]+$")), ["lamp"])
    equal(names(Product.weight.is_null()), ["lamp"])
    equal(names(fn.EXISTS(Line.select().where(Line.product == Product.id, Line.quantity > 1))), ["lamp"])
    equal(names(fn.jsonb_extract_path_text(Product.details, "watt") == "40"), ["lamp"])
    equal(names(Product.details.contains({"watt": 40})), ["lamp"])
    equal(names(Product.keywords.contains("desk")), ["lamp"])
    equal(names(Product.keywords.contains_any("wood", "iron")), ["Table"])
    rows = (Line.select(Order.customer, fn.COUNT(Line.id).alias("n"), fn.SUM(Line.quantity * Product.price).alias("t"))
            .join(Order).switch(Line).join(Product).group_by(Order.customer).having(fn.COUNT(Line.id) > 1).tuples())
    equal(list(rows), [("anna", 2, D("136.00"))])
    rank = fn.RANK().over(order_by=[Product.price.desc()])
    equal(list(Product.select(Product.name, rank).order_by(rank).tuples()), [("Table", 1), ("lamp", 2)])
    tree = Category.select(Category.id, Value(0).alias("d")).where(Category.parent.is_null()).cte(
        "tree", recursive=True, columns=("id", "d"))
    child = Category.alias()
    tree = tree.union_all(child.select(child.id, tree.c.d + 1).join(tree, on=(child.parent == tree.c.id)))
    equal([r["d"] for r in tree.select_from(tree.c.d).order_by(tree.c.d).dicts()], [0, 1])
    union = (Product.select(Product.name) | Label.select(Label.name)).order_by(SQL("1"))
    equal([r[0] for r in union.tuples()], ["Table", "lamp", "new"])
    equal([p.name for p in Product.select().order_by(Product.weight.desc(nulls="LAST"))], ["Table", "lamp"])
    equal([p.name for p in Product.select().order_by(Product.name).paginate(2, 1)], ["lamp"])


def case_eager_loading():
    orders = prefetch(Order.select(), Line.select().order_by(Line.id), Product.select())
    equal([[(line.product.name, line.quantity) for line in o.lines] for o in orders], [[("lamp", 2), ("Table", 1)]])


def case_types():
    values = dict(big=2**62, exact=D("1234567890123456789012345.12345"), real=1.5, text="é日本\n'\\",
                  fixed="abcde", data=bytes(range(256)), day=datetime.date(2024, 2, 29),
                  clock=datetime.time(10, 30, 1, 5), moment=datetime.datetime(2024, 2, 29, 12, 34, 56, 789000),
                  flag=False, key=uuid.uuid4(), numbers=[1, None, 3])
    full, empty = Thing.get_by_id(Thing.create(**values).id), Thing.get_by_id(Thing.create().id)
    for name, value in values.items():
        got = getattr(full, name)
        equal((name, bytes(got) if name == "data" else got), (name, value))
        equal((name, getattr(empty, name)), (name, None))


def case_upserts_and_bulk():
    Label.insert_many([("sale",), ("new",)], fields=[Label.name]).on_conflict_ignore().execute()
    upsert = Label.insert(name="sale").on_conflict(
        conflict_target=[Label.name], update={Label.name: EXCLUDED.name.concat("!")})
    upsert.execute()
    equal([l.name for l in Label.select().order_by(Label.name)], ["new", "sale!"])
    with db.atomic() as t:
        Label.bulk_create([Label(name=f"l{n}") for n in range(1000)], batch_size=300)
        some = list(Label.select().where(Label.name.startswith("l")).order_by(Label.id))
        equal(some[-1].id - some[0].id, 999)
        for label in some[:100]:
            label.name = label.name.upper()
        equal(Label.bulk_update(some[:100], [Label.name]), 100)
        got = Label.delete().where(Label.name.startswith("l")).returning(Label.id).execute()
        equal(len(list(got)), 1000)
        t.rollback()


def case_transactions():
    with db.atomic():
        Label.create(name="one")
        with db.atomic() as inner:
            Label.create(name="two")
            inner.rollback()
        raises(IntegrityError, lambda: Label.create(name="one"))
        with db.savepoint():
            Label.create(name="three")
    equal([l.name for l in Label.select().order_by(Label.name)], ["new", "one", "sale!", "three"])
    with db.atomic():
        equal(Order.select().for_update("FOR UPDATE SKIP LOCKED").count(), 1)
        stale = Order.update(version=Order.version + 1).where(Order.version == 1)
        equal((stale.execute(), stale.execute()), (1, 0))


def case_errors():
    equal(raises(IntegrityError, lambda: Product.update(price=-1).execute()).orig.diag.constraint_name,
          "product_price_check")
    equal(raises(IntegrityError, lambda: Line.create(order=99, product=1, quantity=1)).orig.pgcode, "23503")
    equal(raises(DataError, lambda: Label.create(name="x" * 50)).orig.pgcode, "22001")
    raises(ProgrammingError, lambda: db.execute_sql("SELECT nothing FROM label"))


def case_introspection():
    columns = {c.name: c for c in db.get_columns("product")}
    equal((columns["name"].data_type, columns["weight"].null, columns["id"].primary_key),
          ("character varying", True, True))
    equal(db.get_primary_keys("labelled"), ["product_id", "label_id"])
    equal([(k.column, k.dest_table, k.dest_column) for k in db.get_foreign_keys("line")],
          [("order_id", "order", "id"), ("product_id", "product", "id")])
    indexes = {i.name: i for i in db.get_indexes("product")}
    equal(indexes["product_name_category_id"].unique, True)
    equal("product_lower" in indexes, True)
    models = Introspector.from_database(db).generate_models()
    equal(models["product"].select().count(), 2)
    equal(db.sequence_exists("label_id_seq"), True)


def case_migrations():
    m = PostgresqlMigrator(db)
    with db.atomic():
        migrate(
            m.add_column("product", "stock", IntegerField(default=5)),
            m.rename_column("order", "customer", "buyer"),
            m.drop_not_null("order", "buyer"),
            m.add_index("order", ("buyer", "placed_on"), False),
            m.alter_column_type("line", "quantity", BigIntegerField()),
            m.add_constraint("line", "line_quantity", Check("quantity > 0")),
            m.rename_table("thing", "things"))
    equal(db.execute_sql('SELECT stock FROM product').fetchall(), [(5,), (5,)])
    with db.atomic():
        migrate(m.drop_column("product", "stock"), m.rename_column("order", "buyer", "customer"),
                m.add_not_null("order", "customer"), m.drop_constraint("line", "line_quantity"),
                m.drop_index("order", "order_buyer_placed_on"), m.rename_table("things", "thing"))
    equal(Order.get().customer, "anna")


def case_drop():
    db.drop_tables(MODELS)
    equal(db.get_tables(), [])


if __name__ == "__main__":
    run(globals())
