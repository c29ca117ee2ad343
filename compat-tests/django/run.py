"""Django: its contrib applications and a shop, from migrations to the admin's pages."""

import datetime
import decimal
import io
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
sys.path.insert(0, os.path.dirname(__file__))
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django

django.setup()
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.aggregates import ArrayAgg, StringAgg
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.core.paginator import Paginator
from django.db import IntegrityError, DataError, connection, models, transaction
from django.db.models import Avg, Case, Count, Exists, F, Max, OuterRef, Prefetch, Q, Subquery, Sum, Value, When, Window
from django.db.models.deletion import ProtectedError
from django.db.models.functions import Cast, Coalesce, Concat, Extract, Lower, Now, RowNumber, TruncMonth
from django.test import Client

from cases import equal, run
from shop.models import Category, Company, Customer, Label, Line, Order, Product, Status, Thing

D = decimal.Decimal


def command(*words, **options):
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=out, **options)
    return out.getvalue()


def rows(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def raises(kind, action):
    try:
        with transaction.atomic():
            action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def case_check():
    equal(connection.pg_version // 10000, 15)
    command("check", databases=["default"])


def case_migrations_of_contrib():
    command("migrate", "shop", "zero")
    for app in ["contenttypes", "auth", "admin", "sessions", "sites", "flatpages", "redirects"]:
        command("migrate", app)
    equal(ContentType.objects.filter(app_label="auth").count(), 3)
    equal(Permission.objects.count() > 20, True)


def case_migrations_up():
    command("migrate", "shop", "0001")
    equal(rows("SELECT name, cents FROM shop_article ORDER BY id"), [("old lamp", 1250), ("old chair", 4000)])
    command("migrate", "shop", "0002")
    equal(rows("SELECT name, price, gross, details FROM shop_product ORDER BY id"), [
        ("old lamp", D("12.50"), D("25.00"), '{"colour": "red"}'),
        ("old chair", D("40.00"), D("80.00"), "{}")])
    command("migrate")
    equal("[ ]" in command("showmigrations"), False)


def case_models_match_migrations():
    equal(command("makemigrations", dry_run=True), "No changes detected\n")


def case_sqlmigrate():
    equal("ALTER TABLE" in command("sqlmigrate", "shop", "0002"), True)


def case_introspection():
    with connection.cursor() as cursor:
        i = connection.introspection
        tables = {t.name: t for t in i.get_table_list(cursor)}
        equal(tables["shop_product"].comment, "what is sold")
        columns = {c.name: c for c in i.get_table_description(cursor, "shop_product")}
        equal((columns["id"].is_autofield, columns["weight"].null_ok, columns["name"].display_size),
              (True, True, 100))
        equal(columns["name"].comment, "as customers see it")
        equal(columns["active"].default, "true")
        equal((columns["price"].precision, columns["price"].scale), (10, 2))
        equal(i.get_relations(cursor, "shop_line"),
              {"order_id": ("id", "shop_order"), "product_id": ("id", "shop_product")})
        equal([s["table"] for s in i.get_sequences(cursor, "shop_order")], ["shop_order"])
        equal(i.get_primary_key_column(cursor, "shop_order"), "id")
        found = i.get_constraints(cursor, "shop_product")
        equal(found["price_not_negative"]["check"], True)
        equal(found["price_not_negative"]["columns"], ["price"])
        equal(found["name_in_category"]["columns"], ["name", "category_id"])
        equal((found["product_price"]["columns"], found["product_price"]["orders"]),
              (["price", "name"], ["DESC", "ASC"]))
        equal(found["product_covering"]["columns"], ["category_id", "name"])
        equal(found["active_name"]["unique"], True)


def case_inspectdb():
    text = command("inspectdb")
    for piece in ["class ShopProduct(models.Model)", "code = models.UUIDField(unique=True)",
                  "details = models.JSONField()", "models.ForeignKey(ShopCategory",
                  "price = models.DecimalField(max_digits=10, decimal_places=2)",
                  "db_comment='as customers see it'", "unique_together = (('name', 'category'),)"]:
        equal((piece, piece in text), (piece, True))


def case_contrib():
    user = User.objects.create_user("anna", "anna@example.org", "secret")
    user.groups.add(Group.objects.create(name="staff"))
    user.user_permissions.add(Permission.objects.get(codename="add_order"))
    equal(User.objects.get(username="anna").check_password("secret"), True)
    equal(User.objects.get(pk=user.pk).has_perm("shop.add_order"), True)
    session = SessionStore()
    session["cart"] = [1, 2]
    session.save()
    equal(SessionStore(session.session_key)["cart"], [1, 2])
    equal(Site.objects.get_current().domain, "example.com")
    command("clearsessions")


def case_crud():
    home = Category.objects.create(name="home")
    Category.objects.create(name="kitchen", parent=home)
    lamp = Product.objects.create(
        name="lamp", price=D("9.99"), details={"watt": 40, "colours": ["red", "blue"]},
        keywords=["light", "desk"], category=home)
    lamp.labels.add(Label.objects.create(name="new"), Label.objects.create(name="sale"))
    table = Product.objects.create(name="Table", price=D("120"), weight=12.5, keywords=["wood"])
    lamp.refresh_from_db()
    equal((lamp.gross, lamp.active), (D("19.98"), True))
    lamp.price = D("8.00")
    lamp.save()
    lamp.refresh_from_db()
    equal(lamp.gross, D("16.00"))
    equal(Product.objects.filter(name__startswith="old").delete()[0], 2)
    equal(list(Product.objects.order_by("name").values_list("name", flat=True)), ["Table", "lamp"])
    anna = Customer.objects.create(email="anna@example.org", user=User.objects.get(username="anna"))
    firm = Company.objects.create(email="office@example.com", vat="DE123")
    first = Order.objects.create(customer=anna, placed_on=datetime.date(2024, 5, 1))
    second = Order.objects.create(
        customer=firm, status=Status.PAID, placed_on=datetime.date(2024, 2, 29))
    Line.objects.bulk_create([
        Line(order=first, product=lamp, quantity=2, price=lamp.price),
        Line(order=first, product=table, quantity=1, price=table.price),
        Line(order=second, product=table, quantity=10, price=D("99.50"))])
    equal(Company.objects.get().email, "office@example.com")
    equal(Product.objects.get_or_create(name="lamp", defaults={"price": 1})[1], False)
    equal(Product.objects.update_or_create(
        name="chair", category=None, defaults={"price": D("5")})[1], True)
    Product.objects.filter(name="chair").delete()


def case_queries():
    names = lambda q, **f: list(Product.objects.filter(q, **f).order_by("name").values_list("name", flat=True))
    equal(names(Q(name__icontains="TAB") | Q(price__lt=5)), ["Table"])
    equal(names(Q(), name__iexact="LAMP"), ["lamp"])
    equal(names(Q(), name__regex=r"^[a-z]+$"), ["lamp"])
    equal(names(Q(), name__iregex=r"^TA"), ["Table"])
    equal(names(Q(), pk__in=[]), [])
    equal(names(Q(), name__in=["lamp", "none"]), ["lamp"])
    equal(names(~Q(labels__name="new")), ["Table"])
    equal(names(Q(), category__isnull=True), ["Table"])
    equal(names(Q(), category__children__name="kitchen"), ["lamp"])
    equal(names(Exists(Line.objects.filter(product=OuterRef("pk"), quantity__gt=5))), ["Table"])
    newest = Order.objects.filter(customer=OuterRef("pk")).order_by("-placed_on").values("placed_on")[:1]
    equal(list(Customer.objects.annotate(last=Subquery(newest)).order_by("email").values_list("last", flat=True)),
          [datetime.date(2024, 5, 1), datetime.date(2024, 2, 29)])
    kind = Case(When(price__gt=100, then=Value("dear")), default=Value("cheap"))
    equal(list(Product.objects.annotate(kind=kind).order_by("kind").values_list("kind", flat=True)),
          ["cheap", "dear"])
    equal(list(Order.objects.filter(placed_on__year=2024, placed_on__month=2).values_list("status", flat=True)),
          ["paid"])
    equal([d.month for d in Order.objects.dates("placed_on", "month")], [2, 5])
    equal(list(Order.objects.annotate(m=TruncMonth("placed_on"), d=Extract("placed_on", "day"))
               .order_by("m").values_list("m", "d")),
          [(datetime.date(2024, 2, 1), 29), (datetime.date(2024, 5, 1), 1)])
    equal(list(Product.objects.annotate(t=Concat("name", Value(": "), Cast("price", models.TextField()), output_field=models.TextField()))
               .order_by("name").values_list("t", flat=True)), ["Table: 120.00", "lamp: 8.00"])
    equal(list(Product.objects.order_by(F("weight").desc(nulls_last=True)).values_list("name", flat=True)),
          ["Table", "lamp"])
    equal(list(Order.objects.order_by("customer", "-placed_on").distinct("customer")
               .values_list("customer__email", flat=True)), ["anna@example.org", "office@example.com"])
    union = Product.objects.values_list("name").union(Label.objects.values_list("name")).order_by("name")
    equal([n for n, in union], ["Table", "lamp", "new", "sale"])
    equal(Customer.objects.filter(since__lte=Now()).count(), 2)
    equal(len(Product.objects.filter(name="x").explain()) > 0, True)


def case_eager_loading():
    lines = Prefetch("lines", Line.objects.select_related("product").order_by("pk"))
    orders = Order.objects.select_related("customer__user").prefetch_related(lines).order_by("pk")
    equal([[(line.product.name, line.quantity) for line in o.lines.all()] for o in orders],
          [[("lamp", 2), ("Table", 1)], [("Table", 10)]])
    lamp = Product.objects.prefetch_related("labels").get(name="lamp")
    equal(sorted(label.name for label in lamp.labels.all()), ["new", "sale"])
    equal([p.name for p in Product.objects.defer("details").only("name").in_bulk(field_name="id").values()],
          ["lamp", "Table"])


def case_aggregates():
    total = Sum(F("lines__quantity") * F("lines__price"))
    equal(list(Order.objects.values("status").annotate(n=Count("lines"), total=total)
               .filter(total__gt=0).order_by("status").values_list("status", "n", "total")),
          [("open", 2, D("136.00")), ("paid", 1, D("995.00"))])
    equal(Product.objects.aggregate(a=Avg("price"), m=Max("weight"), dear=Count("pk", filter=Q(price__gt=100)),
                                    none=Coalesce(Sum("price", filter=Q(pk=0)), D(0))),
          {"a": D("64.0000000000000000"), "m": 12.5, "dear": 1, "none": D("0")})
    equal(Product.objects.aggregate(
        names=ArrayAgg("name", ordering="name"), text=StringAgg("name", ", ", ordering="-name")),
        {"names": ["Table", "lamp"], "text": "lamp, Table"})
    rank = Window(RowNumber(), partition_by="product__name", order_by=F("quantity").desc())
    equal(list(Line.objects.annotate(rank=rank).order_by("product__name", "rank")
               .values_list("product__name", "quantity", "rank")),
          [("Table", 10, 1), ("Table", 1, 2), ("lamp", 2, 1)])
    equal(Line.objects.annotate(rank=rank).filter(rank=1).count(), 2)


def case_json():
    found = lambda **f: list(Product.objects.filter(**f).values_list("name", flat=True))
    for lookup in [{"details__watt": 40}, {"details__watt__gt": 30}, {"details__colours__0": "red"},
                   {"details__has_key": "watt"}, {"details__contains": {"watt": 40}},
                   {"details__has_any_keys": ["x", "watt"]}, {"details__colours__contains": "blue"},
                   {"details__colours__0__icontains": "RE"}]:
        equal((lookup, found(**lookup)), (lookup, ["lamp"]))
    equal(found(details__watt__isnull=True), ["Table"])
    equal(Product.objects.values_list("details__colours__1", flat=True).get(name="lamp"), "blue")


def case_arrays():
    found = lambda **f: list(Product.objects.filter(**f).values_list("name", flat=True))
    equal(found(keywords__contains=["desk"]), ["lamp"])
    equal(found(keywords__overlap=["wood", "iron"]), ["Table"])
    equal(found(keywords__contained_by=["wood", "iron"]), ["Table"])
    equal(found(keywords__len=2), ["lamp"])
    equal(found(keywords__0="wood"), ["Table"])
    equal(found(keywords__0_1=["light"]), ["lamp"])


def case_types():
    values = dict(
        big=2**62, small=-3, exact=D("1234567890123456789012345.12345"), double=0.1,
        text="é日本\n'\\", data=bytes(range(256)), day=datetime.date(2024, 2, 29),
        clock=datetime.time(10, 30, 1, 5),
        moment=datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=datetime.timezone.utc),
        length=datetime.timedelta(days=3, seconds=5), flag=False, key=uuid.uuid4(),
        document={"b": [1, None], "a": "é"}, numbers=[1, None, 3], matrix=[[1, 2], [3, 4]],
        address="192.168.0.1")
    full, empty = Thing.objects.create(**values), Thing.objects.create()
    full, empty = Thing.objects.get(pk=full.pk), Thing.objects.get(pk=empty.pk)
    for name, value in values.items():
        got = getattr(full, name)
        equal((name, bytes(got) if name == "data" else got), (name, value))
        equal((name, getattr(empty, name)), (name, None))


def case_transactions():
    done = []
    with transaction.atomic():
        transaction.on_commit(lambda: done.append(1))
        Label.objects.create(name="one")
        with transaction.atomic():
            Label.objects.create(name="two")
        raises(IntegrityError, lambda: Label.objects.create(name="one"))
        point = transaction.savepoint()
        Label.objects.create(name="three")
        transaction.savepoint_rollback(point)
        equal(Label.objects.count(), 4)
        equal(done, [])
    equal(done, [1])
    try:
        with transaction.atomic():
            Label.objects.all().delete()
            raise KeyError
    except KeyError:
        pass
    equal(Label.objects.count(), 4)


def case_errors():
    equal(raises(IntegrityError, lambda: Label.objects.create(name="one")).__cause__.sqlstate, "23505")
    equal(raises(IntegrityError, lambda: Product.objects.update(price=-1)).__cause__.diag.constraint_name,
          "price_not_negative")
    equal(raises(DataError, lambda: Label.objects.create(name="x" * 50)).__cause__.sqlstate, "22001")
    raises(ProtectedError, lambda: Product.objects.get(name="lamp").delete())
    error = raises(IntegrityError, lambda: Order.objects.create(
        customer_id=99, placed_on=datetime.date.today()))
    equal(error.__cause__.sqlstate, "23503")


def case_bulk_and_upserts():
    with transaction.atomic():
        made = Label.objects.bulk_create([Label(name=f"l{n}") for n in range(2500)])
        equal([label.pk for label in made], list(range(made[0].pk, made[0].pk + 2500)))
        for label in made[:100]:
            label.name = label.name.upper()
        equal(Label.objects.bulk_update(made[:100], ["name"]), 100)
        Label.objects.bulk_create([Label(name="one"), Label(name="fresh")], ignore_conflicts=True)
        upserted = Label.objects.bulk_create(
            [Label(name="one"), Label(name="fresher")], update_conflicts=True,
            unique_fields=["name"], update_fields=["name"])
        equal(all(label.pk for label in upserted), True)
        equal(Label.objects.filter(name__startswith="l").update(name=Lower("name")), 2400)
        equal(Label.objects.filter(name__istartswith="l").delete()[0], 2500)
        transaction.set_rollback(True)


def case_locking():
    first = Order.objects.order_by("pk").first()
    stale = Order.objects.filter(pk=first.pk, version=first.version)
    equal(stale.update(version=F("version") + 1), 1)
    equal(stale.update(version=F("version") + 1), 0)
    for options in [{}, {"nowait": True}, {"skip_locked": True}, {"of": ("self",)}, {"no_key": True}]:
        with transaction.atomic():
            equal(Order.objects.select_for_update(**options).get(pk=first.pk).pk, first.pk)


def case_pagination():
    with transaction.atomic():
        Label.objects.bulk_create([Label(name=f"p{n:02}") for n in range(25)])
        pages = Paginator(Label.objects.filter(name__startswith="p").order_by("name"), 10)
        equal((pages.count, pages.num_pages, [len(p) for p in pages]), (25, 3, [10, 10, 5]))
        equal(sum(1 for _ in Label.objects.iterator(chunk_size=7)), 29)
        transaction.set_rollback(True)


def case_admin_pages():
    User.objects.create_superuser("root", "root@example.org", "secret")
    from django.contrib import admin
    from django.http import HttpRequest
    admin.site.register(Product, list_display=["name", "price"], search_fields=["name"],
                        list_filter=["active"], date_hierarchy=None)
    request = HttpRequest()
    request.user, request.method = User.objects.get(username="root"), "GET"
    request.GET = django.http.QueryDict("q=lamp&active__exact=1")
    view = admin.site._registry[Product].get_changelist_instance(request)
    equal([p.name for p in view.get_queryset(request)], ["lamp"])


def case_dumpdata_and_loaddata():
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"compat_django_{os.getpid()}.json")
    try:
        command("dumpdata", "shop", output=path)
        before = Line.objects.count()
        with transaction.atomic():
            Line.objects.all().delete()
            command("loaddata", path)
            equal(Line.objects.count(), before)
            equal("setval" in command("sqlsequencereset", "shop"), True)
    finally:
        os.path.exists(path) and os.remove(path)


def case_flush():
    with connection.cursor() as cursor:
        for sql in connection.ops.sql_flush(
                django.core.management.color.no_style(), ["shop_thing"], reset_sequences=True):
            cursor.execute(sql)
    equal(Thing.objects.create().pk, 1)


def case_migrations_down():
    Order.objects.all().delete()
    command("migrate", "shop", "0001")
    equal(rows("SELECT name, cents FROM shop_article ORDER BY name"), [("Table", 12000), ("lamp", 800)])
    command("migrate", "shop", "zero")
    command("migrate")
    equal(Product.objects.count(), 2)


if __name__ == "__main__":
    run(globals())
