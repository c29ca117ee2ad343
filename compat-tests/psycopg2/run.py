"""psycopg2."""

import datetime
import decimal
import io
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
import psycopg2
import psycopg2.errors
import psycopg2.extras

from cases import address, equal, nodes, run, targets


def connect():
    parts = address()
    return psycopg2.connect(
        host=parts["host"], port=parts["port"], user=parts["user"], dbname=parts["database"])


def one(cursor, sql, *values):
    cursor.execute(sql, values or None)
    return cursor.fetchone()[0]


def case_values():
    cursor = connect().cursor()
    for of, value in [
        ("int", 42), ("text", "é'\\"), ("boolean", False), ("numeric", decimal.Decimal("1.50")),
        ("float8", 0.1), ("date", datetime.date(2024, 2, 29)),
        ("timestamp", datetime.datetime(2024, 2, 29, 12, 34, 56)), ("int[]", [1, 2, 3]),
        ("text[]", ["a", "b c"]), ("interval", datetime.timedelta(days=1, seconds=5)),
    ]:
        equal((of, one(cursor, f"SELECT %s::{of}", value)), (of, value))
        equal(one(cursor, f"SELECT NULL::{of}"), None)
    equal(bytes(one(cursor, "SELECT %s::bytea", psycopg2.Binary(b"\x00\xff"))), b"\x00\xff")
    equal(one(cursor, "SELECT %s::jsonb", psycopg2.extras.Json({"a": [1]})), {"a": [1]})


def case_transaction():
    c = connect()
    cursor = c.cursor()
    cursor.execute("CREATE TABLE tx2 (a int PRIMARY KEY)")
    c.commit()
    cursor.execute("INSERT INTO tx2 VALUES (1)")
    c.rollback()
    equal(one(cursor, "SELECT count(*) FROM tx2"), 0)
    cursor.execute("INSERT INTO tx2 VALUES (1)")
    try:
        cursor.execute("INSERT INTO tx2 VALUES (1)")
        raise AssertionError("no error")
    except psycopg2.errors.UniqueViolation as error:
        equal((error.pgcode, error.diag.constraint_name), ("23505", "tx2_pkey"))
    try:
        cursor.execute("SELECT 1")
        raise AssertionError("no error")
    except psycopg2.errors.InFailedSqlTransaction:
        c.rollback()


def case_isolation():
    c = connect()
    c.set_session(isolation_level="SERIALIZABLE", readonly=True)
    equal(one(c.cursor(), "SHOW transaction_isolation"), "serializable")
    equal(one(c.cursor(), "SHOW transaction_read_only"), "on")


def case_execute_values():
    cursor = connect().cursor()
    cursor.execute("CREATE TABLE ev2 (id serial, a int, b text)")
    rows = psycopg2.extras.execute_values(
        cursor, "INSERT INTO ev2 (a, b) VALUES %s RETURNING id", [(n, str(n)) for n in range(250)],
        page_size=100, fetch=True)
    equal([row[0] for row in rows], list(range(1, 251)))


def case_copy():
    cursor = connect().cursor()
    cursor.execute("CREATE TABLE co2 (a int, b text)")
    cursor.copy_expert("COPY co2 FROM STDIN", io.StringIO("1\tone\n2\t\\N\n"))
    out = io.StringIO()
    cursor.copy_expert("COPY co2 TO STDOUT WITH CSV HEADER", out)
    equal(out.getvalue(), "a,b\n1,one\n2,\n")


def case_named_cursor():
    cursor = connect().cursor(name="many")
    cursor.itersize = 50
    cursor.execute("SELECT g FROM generate_series(1, 500) g")
    equal(sum(row[0] for row in cursor), 125250)


def case_scroll_cursor():
    cursor = connect().cursor(name="back", scrollable=True)
    cursor.execute("SELECT g FROM generate_series(1, 10) g")
    equal(cursor.fetchmany(3), [(1,), (2,), (3,)])
    cursor.scroll(-2)
    equal(cursor.fetchone(), (2,))


def case_dict_rows():
    cursor = connect().cursor(cursor_factory=psycopg2.extras.RealDictCursor)
    cursor.execute("SELECT 1 AS a, 'x'::text AS b")
    equal(dict(cursor.fetchone()), {"a": 1, "b": "x"})
    equal([column.type_code for column in cursor.description], [23, 25])


def case_notify():
    listener, sender = connect(), connect()
    for c in (listener, sender):
        c.autocommit = True
    listener.cursor().execute("LISTEN chan2")
    sender.cursor().execute("NOTIFY chan2, 'hi'")
    listener.cursor().execute("SELECT 1")
    listener.poll()
    equal([(n.channel, n.payload) for n in listener.notifies], [("chan2", "hi")])


def case_target_session_attrs():
    hosts, ports = nodes()
    for attrs, wanted in targets().items():
        try:
            c = psycopg2.connect(host=",".join(hosts), port=",".join(ports), user=address()["user"],
                                 dbname=address()["database"], target_session_attrs=attrs)
        except psycopg2.OperationalError:
            equal((attrs, None), (attrs, wanted))
            continue
        with c.cursor() as cursor:
            cursor.execute("SHOW in_hot_standby")
            equal((attrs, cursor.fetchone()[0]), (attrs, wanted))
        c.close()


run(globals())
