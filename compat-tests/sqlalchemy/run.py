"""SQLAlchemy 2 with Alembic: a shop, its migrations, and what they look like from outside."""

import asyncio
import datetime
import decimal
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
import sqlalchemy as sa
from alembic import autogenerate, command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import exc, func, orm, select
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from cases import address, equal, run
from models import (
    Base, Category, Company, Customer, Label, Line, Order, Product, Status, Thing, labelled)

parts = address()
ADDRESS = f"{parts['user']}@{parts['host']}:{parts['port']}/{parts['database']}"
engine = sa.create_engine(f"postgresql+psycopg://{ADDRESS}")
D = decimal.Decimal


def migrate(to, down=False):
    with engine.connect() as connection:
        config = Config()
        config.set_main_option(
            "script_location", os.path.join(os.path.dirname(__file__), "migrations"))
        config.attributes.update(connection=connection, metadata=Base.metadata)
        (command.downgrade if down else command.upgrade)(config, to)
        connection.commit()


def raises(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def case_connect():
    with engine.connect() as c:
        equal(c.dialect.server_version_info[0], 15)
        equal(c.dialect.default_schema_name, "public")
        equal(c.get_isolation_level(), "READ COMMITTED")
    for level in ["SERIALIZABLE", "REPEATABLE READ", "AUTOCOMMIT"]:
        with engine.connect().execution_options(isolation_level=level) as c:
            equal(c.scalar(select(sa.literal(1) + 1)), 2)
    with engine.connect().execution_options(postgresql_readonly=True) as c:
        error = raises(exc.DBAPIError, lambda: c.execute(sa.text("CREATE TABLE no (a int)")))
        equal(error.orig.sqlstate, "25006")


def case_migrations_up():
    migrate("0001")
    with engine.connect() as c:
        equal(c.execute(sa.text("SELECT id, price FROM product ORDER BY id")).all(), [(1, 1250), (2, 4000)])
    migrate("0002")
    with engine.connect() as c:
        equal(c.execute(sa.text("SELECT name, price, gross, details FROM product ORDER BY id")).all(), [
            ("old lamp", D("12.50"), D("14.88"), {"colour": "red"}),
            ("old chair", D("40.00"), D("47.60"), {})])
    migrate("head")
    with engine.connect() as c:
        equal(MigrationContext.configure(c).get_current_revision(), "0003")


def case_migrations_match_the_models():
    with engine.connect() as c:
        context = MigrationContext.configure(
            c, opts={"compare_type": True, "compare_server_default": True})
        equal(autogenerate.compare_metadata(context, Base.metadata), [])


def case_reflection_tables():
    i = sa.inspect(engine)
    equal(sorted(i.get_table_names()), sorted([*Base.metadata.tables, "alembic_version"]))
    equal(i.get_view_names(), ["open_order"])
    equal(i.get_materialized_view_names(), [])
    equal(sorted(i.get_schema_names()), ["information_schema", "public"])
    equal(sorted(i.get_sequence_names()), sorted([
        "category_id_seq", "customer_id_seq", "label_id_seq", "order_id_seq",
        "product_id_seq", "thing_id_seq", "company_id_seq"]) if i.has_sequence("company_id_seq")
        else sorted(["category_id_seq", "customer_id_seq", "label_id_seq", "order_id_seq",
                     "product_id_seq", "thing_id_seq"]))
    equal(i.get_table_comment("product"), {"text": "what is sold"})
    equal(i.has_table("product"), True)
    equal(i.has_table("nothing"), False)
    equal(i.get_enums(), [{"name": "order_status", "schema": "public", "visible": True,
                           "labels": ["open", "paid", "sent"]}])


def case_reflection_columns():
    i = sa.inspect(engine)
    columns = {c["name"]: c for c in i.get_columns("product")}
    equal(list(columns), ["id", "name", "price", "code", "weight", "details", "keywords", "active",
                          "category_id", "gross"])
    equal(columns["id"]["default"], "nextval('product_id_seq'::regclass)")
    equal(columns["id"]["autoincrement"], True)
    equal(columns["name"]["comment"], "as customers see it")
    equal(columns["code"]["default"], "gen_random_uuid()")
    equal(columns["details"]["default"], "'{}'::jsonb")
    equal(columns["keywords"]["default"], "'{}'::text[]")
    equal(columns["active"]["default"], "true")
    equal(columns["gross"]["computed"], {"sqltext": "round((price * 1.19), 2)", "persisted": True})
    equal(columns["weight"]["nullable"], True)
    identity = {c["name"]: c for c in i.get_columns("category")}["id"]["identity"]
    equal((identity["always"], identity["start"], identity["increment"]), (False, 100, 1))
    equal([str(c["type"].compile(pg.dialect())) for c in i.get_columns("thing")], [
        "INTEGER", "SMALLINT", "BIGINT", "NUMERIC", "REAL", "DOUBLE PRECISION", "TEXT", "CHAR(5)",
        "BYTEA", "DATE", "TIME WITHOUT TIME ZONE", "TIMESTAMP WITHOUT TIME ZONE",
        "TIMESTAMP WITH TIME ZONE", "TIMESTAMP(0) WITHOUT TIME ZONE", "INTERVAL", "BOOLEAN",
        "UUID", "JSON", "JSONB", "INTEGER[]", "INTEGER[]", "order_status[]"])
    equal([c["name"] for c in i.get_columns("open_order")], ["id", "email"])


def case_reflection_constraints():
    i = sa.inspect(engine)
    equal(i.get_pk_constraint("order_line")["constrained_columns"], ["order_id", "position"])
    equal(i.get_pk_constraint("order_line")["name"], "pk_order_line")
    keys = {k["constrained_columns"][0]: k for k in i.get_foreign_keys("order_line")}
    equal(keys["order_id"]["options"], {"ondelete": "CASCADE"})
    equal(keys["product_id"]["options"], {"deferrable": True, "initially": "DEFERRED"})
    equal((keys["product_id"]["referred_table"], keys["product_id"]["referred_columns"]),
          ("product", ["id"]))
    equal([u["column_names"] for u in i.get_unique_constraints("product")], [["code"]])
    equal([(c["name"], c["sqltext"]) for c in i.get_check_constraints("product")],
          [("ck_product_price_not_negative", "price >= 0::numeric")])
    indexes = {x["name"]: x for x in i.get_indexes("product")}
    equal(sorted(indexes), ["ix_product_cheap", "ix_product_details", "ix_product_lower_name",
                            "uq_product_code"])
    equal(indexes["ix_product_lower_name"]["expressions"], ["lower(name::text)"])
    equal(indexes["ix_product_cheap"]["dialect_options"]["postgresql_where"], "(price < (10)::numeric)")
    equal(indexes["ix_product_details"]["dialect_options"]["postgresql_using"], "gin")
    equal(indexes["uq_product_code"]["duplicates_constraint"], "uq_product_code")


def case_reflection_whole():
    metadata = sa.MetaData()
    metadata.reflect(engine, views=True)
    table = metadata.tables["order_line"]
    equal({k.target_fullname for k in table.foreign_keys}, {"order.id", "product.id"})
    with engine.connect() as c:
        equal(c.execute(select(table)).all(), [])


def case_view_definition():
    text = sa.inspect(engine).get_view_definition("open_order")
    with engine.begin() as c:
        c.execute(sa.text(f"CREATE VIEW open_again AS {text}"))
        equal(c.execute(sa.text("SELECT * FROM open_again")).all(), [])
        c.execute(sa.text("DROP VIEW open_again"))


def case_crud():
    with orm.Session(engine) as s:
        lamp = Product(name="lamp", price=D("9.99"), details={"watt": 40, "colours": ["red", "blue"]},
                       keywords=["light", "desk"], labels=[Label(name="new"), Label(name="sale")],
                       category=Category(name="home", children=[Category(name="kitchen")]))
        s.add(lamp)
        s.add(Product(name="Table", price=D("120.00"), weight=12.5, keywords=["wood"]))
        s.commit()
        equal((lamp.gross, lamp.active), (D("11.89"), True))
        equal(type(lamp.code), uuid.UUID)
        equal(lamp.category.id, 100)
        lamp.price = D("8.00")
        lamp.details = {**lamp.details, "watt": 60}
        s.commit()
        equal(s.get(Product, lamp.id).gross, D("9.52"))
        old = s.scalars(select(Product).where(Product.name.like("old%"))).all()
        for product in old:
            s.delete(product)
        s.commit()
        equal(s.scalars(select(Product.name).order_by(Product.name)).all(), ["Table", "lamp"])


def case_inheritance_and_cascades():
    with orm.Session(engine) as s:
        lamp = s.scalars(select(Product).filter_by(name="lamp")).one()
        table = s.scalars(select(Product).filter_by(name="Table")).one()
        anna = Customer(email="anna@example.org")
        firm = Company(email="office@example.com", vat="DE123")
        anna.orders = [Order(lines=[Line(position=1, product=lamp, quantity=2, price=lamp.price),
                                    Line(position=2, product=table, quantity=1, price=table.price)])]
        firm.orders = [Order(status=Status.paid, placed_on=datetime.date(2024, 2, 29), lines=[
            Line(position=1, product=table, quantity=10, price=D("99.50"))]), Order()]
        s.add_all([anna, firm])
        s.commit()
        both = s.scalars(select(orm.with_polymorphic(Customer, "*")).order_by(Customer.email)).all()
        equal([type(c).__name__ for c in both], ["Customer", "Company"])
        equal(both[1].vat, "DE123")
        extra = firm.orders[1]
        firm.orders.remove(extra)
        s.commit()
        equal(s.scalar(select(func.count()).select_from(Order)), 2)


def case_eager_loading():
    with orm.Session(engine) as s:
        for option in [orm.selectinload, orm.joinedload, orm.subqueryload]:
            s.expunge_all()
            orders = s.scalars(
                select(Order).options(option(Order.lines).options(orm.joinedload(Line.product)),
                                      orm.joinedload(Order.customer)).order_by(Order.id)
            ).unique().all()
            equal([[(line.product.name, line.quantity) for line in o.lines] for o in orders],
                  [[("lamp", 2), ("Table", 1)], [("Table", 10)]])
        s.expunge_all()
        lamp = s.scalars(select(Product).options(orm.selectinload(Product.labels))
                         .where(Product.name == "lamp")).one()
        equal(sorted(label.name for label in lamp.labels), ["new", "sale"])


def case_queries():
    with orm.Session(engine) as s:
        equal(s.scalars(select(Product.name).where(Product.name.ilike("%TAB%"))).all(), ["Table"])
        equal(s.scalars(select(Product.name).where(Product.name.in_(["lamp", "none"]))).all(), ["lamp"])
        equal(s.scalars(select(Product.name).where(Product.name.in_([]))).all(), [])
        equal(s.scalars(select(Product.name).where(~Product.name.in_([])).order_by(Product.id)).all(),
              ["lamp", "Table"])
        equal(s.scalars(select(Order.id).where(Order.lines.any(Line.quantity > 5))).all(), [2])
        equal(s.scalars(select(Product.name).where(Product.name.regexp_match("^[a-z]+$"))).all(),
              ["lamp"])
        equal(s.scalars(select(Customer.email).where(Customer.orders.any(
            Order.status == Status.paid))).all(), ["office@example.com"])
        equal(s.execute(select(sa.extract("year", Order.placed_on), func.to_char(
            Order.placed_on, "DD.MM.")).where(Order.status == Status.paid)).one(), (2024, "29.02."))
        equal(s.scalar(select(sa.case((Product.price > 100, "dear"), else_="cheap"))
                       .where(Product.name == "Table")), "dear")
        equal(s.scalars(select(Product.name).order_by(Product.weight.desc().nulls_last())).all(),
              ["Table", "lamp"])
        union = select(Product.name).union_all(select(Label.name)).subquery()
        equal(s.scalar(select(func.count()).select_from(union)), 4)
        latest = select(Order.id).where(Order.customer_id == Customer.id).order_by(
            Order.id.desc()).limit(1).lateral()
        equal(s.execute(select(Customer.email, latest.c.id).join(latest, sa.true()).order_by(
            Customer.email)).all(), [("anna@example.org", 1), ("office@example.com", 2)])
        equal(s.scalars(select(Order.customer_id).distinct(Order.customer_id).order_by(
            Order.customer_id, Order.id)).all(), [1, 2])
        values = sa.values(sa.column("n", sa.Integer), sa.column("t", sa.String), name="v").data(
            [(1, "one"), (2, "two")])
        equal(s.execute(select(values).order_by(values.c.n)).all(), [(1, "one"), (2, "two")])
        equal(s.scalars(select(func.generate_series(1, 3).column_valued("n"))).all(), [1, 2, 3])


def case_aggregates():
    total = func.sum(Line.total)
    with orm.Session(engine) as s:
        equal(s.execute(select(Order.status, func.count(), total).join(Order.lines)
                        .group_by(Order.status).having(total > 0).order_by(Order.status)).all(),
              [(Status.open, 2, D("136.00")), (Status.paid, 1, D("995.00"))])
        equal(s.execute(select(func.array_agg(pg.aggregate_order_by(Product.name, Product.name)),
                               func.string_agg(Product.name, pg.aggregate_order_by(
                                   sa.literal(", "), Product.name.desc())),
                               func.count().filter(Product.price > 100),
                               func.avg(Product.price))).one(),
              (["Table", "lamp"], "lamp, Table", 1, D("64.0000000000000000")))
        equal(s.execute(select(Line.product_id, func.sum(Line.quantity)).group_by(
            func.rollup(Line.product_id)).order_by(Line.product_id)).all(), [(3, 2), (4, 11), (None, 13)])
        rank = func.row_number().over(partition_by=Line.product_id, order_by=Line.quantity.desc())
        equal(s.execute(select(Line.product_id, Line.quantity, rank).order_by(
            Line.product_id, rank)).all(), [(3, 2, 1), (4, 10, 1), (4, 1, 2)])
        equal(s.scalar(select(func.percentile_cont(0.5).within_group(Line.quantity))), 2.0)
        equal(s.scalar(select(func.jsonb_agg(pg.aggregate_order_by(Product.name, Product.id)))),
              ["lamp", "Table"])


def case_recursive():
    with orm.Session(engine) as s:
        tree = select(Category.id, Category.name, sa.literal(0).label("depth")).where(
            Category.parent_id.is_(None)).cte(recursive=True)
        tree = tree.union_all(select(Category.id, Category.name, tree.c.depth + 1).join(
            tree, Category.parent_id == tree.c.id))
        equal(s.execute(select(tree.c.name, tree.c.depth).order_by(tree.c.depth)).all(),
              [("home", 0), ("kitchen", 1)])


def case_json():
    d = Product.details
    with orm.Session(engine) as s:
        one = lambda what: s.scalar(select(what).where(Product.name == "lamp"))
        equal(one(d["watt"].as_integer()), 60)
        equal(one(d["colours"][0].astext), "red")
        equal(one(d[("colours", 1)].astext), "blue")
        equal(one(d.has_key("watt")), True)
        equal(one(d.contains({"watt": 60})), True)
        equal(one(d.has_any(pg.array(["x", "watt"]))), True)
        equal(one(func.jsonb_array_length(d["colours"])), 2)
        s.execute(sa.update(Product).where(Product.name == "lamp").values(
            details=d.concat({"new": True, "old": 1}).op("-")("old")))
        equal(one(d), {"watt": 60, "new": True, "colours": ["red", "blue"]})
        s.rollback()


def case_arrays():
    k = Product.keywords
    with orm.Session(engine) as s:
        names = lambda what: s.scalars(select(Product.name).where(what)).all()
        equal(names(k.any("desk")), ["lamp"])
        equal(names(k.contains(["desk"])), ["lamp"])
        equal(names(k.overlap(["wood", "iron"])), ["Table"])
        equal(names(k[1] == "wood"), ["Table"])
        equal(names(Product.id == sa.any_(sa.literal([3, 99], pg.ARRAY(sa.Integer)))), ["lamp"])
        equal(s.scalars(select(func.unnest(k)).where(Product.name == "lamp")).all(), ["light", "desk"])
        s.execute(sa.update(Product).where(Product.name == "lamp").values(
            keywords=func.array_append(k, "x")))
        equal(s.scalar(select(k[1:2]).where(Product.name == "lamp")), ["light", "desk"])
        equal(s.scalar(select(func.cardinality(k)).where(Product.name == "lamp")), 3)
        s.rollback()


def case_types():
    values = dict(
        small=-3, big=2**62, exact=D("12345678901234567890.00120"), real=1.5, double=0.1,
        text="é日本\n'\\", fixed="ab   ", data=bytes(range(256)), day=datetime.date(2024, 2, 29),
        clock=datetime.time(10, 30, 1, 5), local=datetime.datetime(2024, 2, 29, 12, 34, 56, 789000),
        moment=datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc),
        seconds=datetime.datetime(2024, 2, 29, 12, 34, 56),
        length=datetime.timedelta(days=3, seconds=5), flag=False, key=uuid.uuid4(),
        document={"b": [1, None], "a": "é"}, binary_document=[1.5, {"x": None}],
        numbers=[1, None, 3], matrix=[[1, 2], [3, 4]], states=[Status.sent, Status.open])
    for driver in ["psycopg", "psycopg2"]:
        own = sa.create_engine(f"postgresql+{driver}://{ADDRESS}")
        with orm.Session(own) as s:
            s.add(Thing(**values))
            s.add(Thing())
            s.commit()
            full, empty = s.scalars(select(Thing).order_by(Thing.id.desc()).limit(2)).all()[::-1]
            for name, value in values.items():
                equal((driver, name, getattr(full, name)), (driver, name, value))
                equal((driver, name, getattr(empty, name)), (driver, name, None))
        own.dispose()


def case_transactions():
    count = select(func.count()).select_from(Label)
    with orm.Session(engine) as s:
        with s.begin():
            s.add(Label(name="one"))
            with s.begin_nested():
                s.add(Label(name="two"))
                inner = s.begin_nested()
                s.add(Label(name="three"))
                s.flush()
                inner.rollback()
            try:
                with s.begin_nested():
                    s.add(Label(name="one"))
            except exc.IntegrityError as error:
                equal(error.orig.sqlstate, "23505")
                equal(error.orig.diag.constraint_name, "uq_label_name")
            equal(s.scalar(count), 4)
        s.execute(sa.delete(Label))
        s.rollback()
        equal(s.scalars(select(Label.name).order_by(Label.name)).all(), ["new", "one", "sale", "two"])


def case_errors():
    def failure(statement):
        with engine.begin() as c:
            error = raises(exc.DBAPIError, lambda: c.execute(statement))
            c.rollback()
            return type(error).__name__, error.orig.sqlstate, error.orig.diag.constraint_name
    equal(failure(sa.insert(Label).values(name=None)), ("IntegrityError", "23502", None))
    equal(failure(sa.insert(Label).values(name="x" * 50)), ("DataError", "22001", None))
    equal(failure(sa.update(Product).values(price=-1)),
          ("IntegrityError", "23514", "ck_product_price_not_negative"))
    equal(failure(sa.insert(Order).values(customer_id=99, version=1)),
          ("IntegrityError", "23503", "fk_order_customer_id_customer"))
    equal(failure(sa.delete(Category).where(Category.id == 100)), ("IntegrityError", "23503", "fk_category_parent_id_category"))
    equal(failure(sa.text("SELECT nothing FROM label")), ("ProgrammingError", "42703", None))
    equal(failure(sa.text("INSERT INTO \"order\" (customer_id, status, version) "
                          "VALUES (1, 'lost', 1)")), ("DataError", "22P02", None))


def case_deferred_key():
    with engine.connect() as c:
        c.execute(sa.insert(Line).values(order_id=1, position=9, product_id=77, quantity=1, price=1))
        error = raises(exc.IntegrityError, c.commit)
        equal(error.orig.diag.constraint_name, "fk_order_line_product_id_product")
    with engine.begin() as c:
        c.execute(sa.insert(Line).values(order_id=1, position=9, product_id=77, quantity=1, price=1))
        c.execute(sa.insert(Product).values(id=77, name="late", price=1))
    with engine.begin() as c:
        c.execute(sa.delete(Line).where(Line.product_id == 77))
        c.execute(sa.delete(Product).where(Product.id == 77))


def case_upserts():
    with orm.Session(engine) as s:
        new = insert(Label).values([{"name": "sale"}, {"name": "fresh"}])
        equal(s.execute(new.on_conflict_do_nothing().returning(Label.name)).all(), [("fresh",)])
        product = insert(Product).values(id=3, name="lamp 2", price=D("7.00"))
        product = product.on_conflict_do_update(
            index_elements=[Product.id], where=Product.price > 1,
            set_={"name": product.excluded.name, "price": Product.price + product.excluded.price})
        equal(s.execute(product.returning(Product.name, Product.price, Product.gross)).all(),
              [("lamp 2", D("15.00"), D("17.85"))])
        by_name = insert(Label).values(name="sale").on_conflict_do_update(
            constraint="uq_label_name", set_={"name": "SALE"})
        equal(s.scalar(by_name.returning(Label.name)), "SALE")
        s.rollback()


def case_bulk():
    with orm.Session(engine) as s:
        labels = [Label(name=f"l{n}") for n in range(2500)]
        s.add_all(labels)
        s.flush()
        equal([label.id for label in labels], list(range(labels[0].id, labels[0].id + 2500)))
        ids = s.scalars(sa.insert(Label).returning(Label.id, sort_by_parameter_order=True),
                        [{"name": f"m{n}"} for n in range(10)]).all()
        equal(ids, sorted(ids))
        s.execute(sa.update(Label), [{"id": i, "name": f"n{i}"} for i in ids])
        equal(s.scalar(select(func.count()).where(Label.name.like("n%"))), 11)
        got = s.execute(sa.update(Label).where(Label.name.startswith("l")).values(
            name=func.upper(Label.name)), execution_options={"synchronize_session": False})
        equal(got.rowcount, 2500)
        equal(len(s.scalars(sa.delete(Label).where(Label.name.startswith("L")).returning(
            Label.id), execution_options={"synchronize_session": False}).all()), 2500)
        stale = sa.update(Line).where(Line.product_id == Product.id, Product.name == "Table").values(
            price=Product.price)
        equal(s.execute(stale, execution_options={"synchronize_session": False}).rowcount, 2)
        s.execute(sa.insert(Label).from_select(["name"], select(Product.name + "!")))
        s.rollback()


def case_optimistic_locking():
    with orm.Session(engine) as one, orm.Session(engine) as two:
        mine, theirs = one.get(Order, 1), two.get(Order, 1)
        mine.status = Status.paid
        one.commit()
        equal(mine.version, 2)
        theirs.status = Status.sent
        raises(orm.exc.StaleDataError, two.commit)
        two.rollback()
        mine.status = Status.open
        one.commit()


def case_pessimistic_locking():
    with orm.Session(engine) as s:
        for options in [{}, {"nowait": True}, {"skip_locked": True}, {"read": True}, {"of": Order}]:
            got = s.scalars(select(Order).where(Order.id == 1).with_for_update(**options)).one()
            equal(got.id, 1)
            s.rollback()


def case_pagination():
    with orm.Session(engine) as s:
        s.add_all([Label(name=f"p{n:02}") for n in range(25)])
        s.flush()
        pages = [s.scalars(select(Label.name).where(Label.name.like("p%")).order_by(Label.name)
                           .limit(10).offset(o)).all() for o in (0, 10, 20)]
        equal([len(p) for p in pages], [10, 10, 5])
        last = (pages[0][-1], 0)
        following = s.scalars(select(Label.name).where(
            sa.tuple_(Label.name, Label.id) > last, Label.name.like("p%")).order_by(
            Label.name, Label.id).limit(3)).all()
        equal(following, ["p09", "p10", "p11"])
        s.rollback()


def case_streaming():
    with engine.connect() as c:
        result = c.execution_options(yield_per=100).execute(
            select(func.generate_series(1, 1000).label("n")))
        equal(sum(n for part in result.partitions() for n, in part), 500500)


def case_temporary_and_copied_tables():
    with engine.begin() as c:
        c.execute(sa.text("CREATE TABLE product_copy (LIKE product INCLUDING ALL)"))
        equal([x["name"] for x in sa.inspect(c).get_columns("product_copy")][:2], ["id", "name"])
        c.execute(sa.text("CREATE TABLE dear AS SELECT name FROM product WHERE price > 100"))
        equal(c.scalar(sa.text("SELECT count(*) FROM dear")), 1)
        c.rollback()


def case_other_schema():
    with engine.begin() as c:
        c.execute(sa.schema.CreateSchema("depot", if_not_exists=True))
        m = sa.MetaData(schema="depot")
        place = sa.Table("place", m, sa.Column("id", sa.Integer, primary_key=True),
                         sa.Column("of", sa.ForeignKey(Product.__table__.c.id)),
                         sa.Column("kind", sa.Enum("a", "b", name="place_kind")))
        m.create_all(c)
        c.execute(place.insert(), {"of": 3, "kind": "a"})
        i = sa.inspect(c)
        equal(i.get_table_names("depot"), ["place"])
        equal(i.get_foreign_keys("place", "depot")[0]["referred_table"], "product")
        equal(i.get_enums("depot")[0]["labels"], ["a", "b"])
        equal(c.execute(place.select()).all(), [(1, 3, "a")])
        m.drop_all(c)
        c.execute(sa.schema.DropSchema("depot"))


def case_sequences():
    with engine.begin() as c:
        numbers = sa.Sequence("invoice_number", start=1000, increment=5)
        c.execute(sa.schema.CreateSequence(numbers))
        equal([c.scalar(numbers), c.scalar(numbers)], [1000, 1005])
        equal(c.scalar(select(numbers.next_value())), 1010)
        c.execute(sa.schema.DropSequence(numbers))


async def case_asyncio():
    own = create_async_engine(f"postgresql+asyncpg://{ADDRESS}")
    async with AsyncSession(own) as s:
        orders = (await s.scalars(select(Order).options(
            orm.selectinload(Order.lines)).order_by(Order.id))).all()
        equal([len(o.lines) for o in orders], [2, 1])
        s.add(Thing(numbers=[1, 2], binary_document={"a": 1}, exact=D("1.10"), states=[Status.paid]))
        async with s.begin_nested():
            s.add(Label(name="async"))
        await s.flush()
        got = (await s.scalars(select(Thing).order_by(Thing.id.desc()).limit(1))).one()
        equal((got.numbers, got.exact, got.states), ([1, 2], D("1.10"), [Status.paid]))
        result = await s.stream_scalars(select(func.generate_series(1, 100)))
        equal(sum([n async for n in result]), 5050)
        await s.rollback()
    await own.dispose()


def case_migrations_down():
    migrate("0001", down=True)
    with engine.connect() as c:
        names = [x["name"] for x in sa.inspect(c).get_columns("product")]
        equal(names, ["id", "name", "price", "colour"])
        equal(c.execute(sa.text("SELECT name, price FROM product ORDER BY name")).all(),
              [("Table", 12000), ("lamp", 800)])
    migrate("base", down=True)
    equal(sa.inspect(engine).get_table_names(), ["alembic_version"])
    migrate("head")
    equal(len(sa.inspect(engine).get_table_names()), 10)


if __name__ == "__main__":
    run(globals())
