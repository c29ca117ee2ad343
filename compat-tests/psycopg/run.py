"""psycopg 3."""

import datetime
import decimal
import os
import sys
import threading
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
import psycopg
from psycopg.types.json import Jsonb

from cases import address, equal, nodes, run, targets

VALUES = [
    ("int", 42), ("bigint", -(2**62)), ("text", "é日本\n'\\"), ("boolean", True),
    ("numeric", decimal.Decimal("12345678901234567890.123")), ("float8", 0.1),
    ("bytea", bytes(range(256))), ("date", datetime.date(2024, 2, 29)),
    ("timestamp", datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)),
    ("uuid", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("time", datetime.time(10, 30)), ("interval", datetime.timedelta(days=1, hours=2)),
    ("int[]", [1, 2, None]), ("text[]", ["a", 'b"c', None, ""]),
]


def connect(**more):
    parts = address()
    return psycopg.connect(
        host=parts["host"], port=parts["port"], user=parts["user"], dbname=parts["database"],
        autocommit=True, **more)


def case_connect():
    with connect(application_name="psycopg case", options="-c statement_timeout=5000") as c:
        equal(c.execute("SHOW application_name").fetchone()[0], "psycopg case")
        equal(c.execute("SHOW statement_timeout").fetchone()[0], "5s")
        equal(c.info.parameter_status("server_encoding"), "UTF8")


def round_trip(binary):
    with connect() as c:
        cursor = c.cursor(binary=binary)
        for of, value in VALUES:
            got = cursor.execute(f"SELECT %{'b' if binary else 't'}::{of}", [value]).fetchone()[0]
            equal((of, got), (of, value))
            equal(cursor.execute(f"SELECT NULL::{of}").fetchone()[0], None)


def case_values_text():
    round_trip(False)


def case_values_binary():
    round_trip(True)


def case_json():
    with connect() as c:
        value = {"a": [1, None, "é"], "b": {"c": 1.5}}
        equal(c.execute("SELECT %s::jsonb", [Jsonb(value)]).fetchone()[0], value)


def case_transaction():
    with connect() as c:
        c.execute("CREATE TABLE tx3 (a int PRIMARY KEY)")
        with c.transaction():
            c.execute("INSERT INTO tx3 VALUES (1)")
            try:
                with c.transaction():
                    c.execute("INSERT INTO tx3 VALUES (1)")
            except psycopg.errors.UniqueViolation as error:
                equal(error.diag.constraint_name, "tx3_pkey")
                equal(error.diag.table_name, "tx3")
                equal(error.sqlstate, "23505")
            c.execute("INSERT INTO tx3 VALUES (2)")
        equal(c.execute("SELECT array_agg(a ORDER BY a) FROM tx3").fetchone()[0], [1, 2])


def case_prepared():
    with connect() as c:
        c.execute("CREATE TABLE pr3 (a int, b text)")
        for number in range(20):
            c.execute("INSERT INTO pr3 VALUES (%s, %s)", [number, str(number)], prepare=True)
        equal(c.execute("SELECT count(*), max(b) FROM pr3 WHERE a < %s", [5], prepare=True).fetchone(), (5, "4"))


def case_executemany_returning():
    with connect() as c:
        c.execute("CREATE TABLE em3 (id serial, a int)")
        cursor = c.cursor()
        cursor.executemany("INSERT INTO em3 (a) VALUES (%s) RETURNING id", [[1], [2], [3]], returning=True)
        ids = []
        while True:
            ids.append(cursor.fetchone()[0])
            if not cursor.nextset():
                break
        equal(ids, [1, 2, 3])


def case_pipeline():
    with connect() as c, c.pipeline():
        cursors = [c.execute("SELECT %s::int", [number]) for number in range(50)]
        equal([cursor.fetchone()[0] for cursor in cursors], list(range(50)))


def case_pipeline_error():
    with connect() as c:
        try:
            with c.pipeline():
                c.execute("SELECT 1")
                c.execute("SELECT 1/0")
        except psycopg.errors.DivisionByZero:
            pass
        equal(c.execute("SELECT 2").fetchone()[0], 2)


def case_copy():
    with connect() as c:
        c.execute("CREATE TABLE co3 (a int, b text)")
        with c.cursor().copy("COPY co3 FROM STDIN") as copy:
            for number in range(1000):
                copy.write_row((number, None if number % 3 == 0 else f"row\t{number}"))
        equal(c.execute("SELECT count(*), count(b) FROM co3").fetchone(), (1000, 666))
        with c.cursor().copy("COPY co3 TO STDOUT") as copy:
            copy.set_types(["int4", "text"])
            rows = list(copy.rows())
        equal(rows[:2], [(0, None), (1, "row\t1")])
        equal(len(rows), 1000)


def case_copy_binary():
    with connect() as c:
        c.execute("CREATE TABLE cb3 (a int, b text)")
        with c.cursor().copy("COPY cb3 FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            copy.write_row((1, "one"))
            copy.write_row((2, None))
        with c.cursor().copy("COPY cb3 TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            equal(list(copy.rows()), [(1, "one"), (2, None)])


def case_server_cursor():
    with connect() as c, c.transaction():
        with c.cursor(name="many") as cursor:
            cursor.itersize = 100
            cursor.execute("SELECT g FROM generate_series(1, 1000) g")
            equal(sum(row[0] for row in cursor), 500500)


def case_large_value():
    with connect() as c:
        value = "x" * 5_000_000
        equal(c.execute("SELECT %s::text", [value]).fetchone()[0], value)


def case_cancel():
    with connect() as c:
        threading.Timer(0.3, c.cancel).start()
        start = time.time()
        try:
            c.execute("SELECT count(*) FROM generate_series(1, 1000000000)")
            raise AssertionError("not cancelled")
        except psycopg.errors.QueryCanceled:
            pass
        equal(time.time() - start < 5, True)
        equal(c.execute("SELECT 1").fetchone()[0], 1)


def case_notify():
    with connect() as listener, connect() as sender:
        listener.execute("LISTEN chan3")
        sender.execute("NOTIFY chan3, 'hello'")
        for notice in listener.notifies(timeout=5, stop_after=1):
            equal((notice.channel, notice.payload), ("chan3", "hello"))
            return
        raise AssertionError("no notification")


def case_notices():
    with connect() as c:
        seen = []
        c.add_notice_handler(lambda diag: seen.append(diag.message_primary))
        c.execute("DROP TABLE IF EXISTS nothing3")
        equal(seen, ['table "nothing3" does not exist, skipping'])


def case_error_position():
    with connect() as c:
        try:
            c.execute("SELECT nothing FROM pg_nothing")
            raise AssertionError("no error")
        except psycopg.errors.UndefinedTable as error:
            equal(error.diag.statement_position, "21")


def case_statement_timeout():
    with connect() as c:
        c.execute("SET statement_timeout = '100ms'")
        try:
            c.execute("SELECT count(*) FROM generate_series(1, 1000000000)")
            raise AssertionError("no timeout")
        except psycopg.errors.QueryCanceled as error:
            equal(error.sqlstate, "57014")


def case_target_session_attrs():
    hosts, ports = nodes()
    for attrs, wanted in targets().items():
        try:
            with psycopg.connect(host=",".join(hosts), port=",".join(ports), user=address()["user"],
                                 dbname=address()["database"], target_session_attrs=attrs) as c:
                equal((attrs, c.execute("SHOW in_hot_standby").fetchone()[0]), (attrs, wanted))
        except psycopg.OperationalError:
            equal((attrs, None), (attrs, wanted))


run(globals())
