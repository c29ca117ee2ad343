"""pg8000: pure Python, parameters as text."""

import datetime
import decimal
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
import pg8000.dbapi
import pg8000.native

from cases import address, equal, run


def native():
    return pg8000.native.Connection(**address())


def case_values():
    c = native()
    for of, value in [
        ("int", 42), ("bigint", 2**62), ("text", "é"), ("boolean", True), ("numeric", decimal.Decimal("1.50")),
        ("float8", 0.1), ("bytea", b"\x00\xff"), ("date", datetime.date(2024, 2, 29)),
        ("timestamp", datetime.datetime(2024, 2, 29, 12, 34, 56)),
        ("uuid", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")), ("int[]", [1, 2, None]), ("text[]", ["a", 'b"']),
        ("jsonb", {"a": [1]}), ("interval", datetime.timedelta(days=1, seconds=5)),
    ]:
        equal((of, c.run(f"SELECT CAST(:v AS {of})", v=value)), (of, [[value]]))
    equal(c.run("SELECT CAST(:v AS int)", v=None), [[None]])


def case_transaction():
    c = pg8000.dbapi.connect(**address())
    cursor = c.cursor()
    cursor.execute("CREATE TABLE tx8 (a int PRIMARY KEY)")
    c.commit()
    cursor.execute("INSERT INTO tx8 VALUES (%s)", (1,))
    c.rollback()
    cursor.execute("SELECT count(*) FROM tx8")
    equal(cursor.fetchone()[0], 0)


def case_error_fields():
    c = native()
    c.run("CREATE TABLE er8 (a int PRIMARY KEY)")
    c.run("INSERT INTO er8 VALUES (1)")
    try:
        c.run("INSERT INTO er8 VALUES (1)")
        raise AssertionError("no error")
    except pg8000.exceptions.DatabaseError as error:
        fields = error.args[0]
        equal((fields["C"], fields["n"], fields["D"]), ("23505", "er8_pkey", "Key (a)=(1) already exists."))


def case_prepared():
    c = native()
    statement = c.prepare("SELECT CAST(:n AS int) + 1")
    equal([statement.run(n=n)[0][0] for n in range(3)], [1, 2, 3])


def case_row_count():
    c = native()
    c.run("CREATE TABLE rc8 (a int)")
    c.run("INSERT INTO rc8 SELECT g FROM generate_series(1, 7) g")
    equal(c.row_count, 7)
    c.run("UPDATE rc8 SET a = 0 WHERE a > 5")
    equal(c.row_count, 2)


def case_columns():
    c = native()
    c.run("SELECT 1 AS a, 'x' AS b")
    equal([(column["name"], column["type_oid"]) for column in c.columns], [("a", 23), ("b", 25)])


def case_copy():
    import io
    c = native()
    c.run("CREATE TABLE co8 (a int, b text)")
    c.run("COPY co8 FROM STDIN", stream=io.BytesIO(b"1\tone\n2\t\\N\n"))
    out = io.BytesIO()
    c.run("COPY co8 TO STDOUT", stream=out)
    equal(out.getvalue(), b"1\tone\n2\t\\N\n")


def case_notices():
    c = native()
    c.run("DROP TABLE IF EXISTS nothing8")
    equal(c.notices[0][b"M"], b'table "nothing8" does not exist, skipping')


run(globals())
