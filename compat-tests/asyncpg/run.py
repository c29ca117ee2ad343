"""asyncpg: everything by the extended protocol, in binary."""

import asyncio
import datetime
import decimal
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
import asyncpg

from cases import address, equal, nodes, run, targets


def connect(**more):
    return asyncpg.connect(**address(), timeout=10, **more)


async def case_connect():
    c = await connect(server_settings={"application_name": "asyncpg case"})
    equal(await c.fetchval("SHOW application_name"), "asyncpg case")
    equal(c.get_server_version().major, 15)
    await c.close()


async def case_values():
    c = await connect()
    for of, value in [
        ("int", 42), ("smallint", -7), ("bigint", 2**62), ("text", "é日本"), ("boolean", True),
        ("numeric", decimal.Decimal("-0.00012300")), ("numeric", decimal.Decimal("1e30")), ("float8", 1e300),
        ("real", 1.5), ("bytea", b"\x00\xff"), ("date", datetime.date(1999, 12, 31)),
        ("time", datetime.time(23, 59, 59, 999999)),
        ("timestamp", datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)),
        ("timestamptz", datetime.datetime(2024, 2, 29, 12, 0, tzinfo=datetime.timezone.utc)),
        ("interval", datetime.timedelta(days=3, seconds=7)),
        ("uuid", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("json", '{"a": 1}'), ("jsonb", '{"a": 1}'),
    ]:
        equal((of, await c.fetchval(f"SELECT $1::{of}", value)), (of, value))
        equal(await c.fetchval(f"SELECT $1::{of}", None), None)
    await c.close()


async def case_arrays():
    c = await connect()
    for of, value in [("int[]", [1, None, 3]), ("text[]", ["a", "", None]), ("int[]", []), ("numeric[]", [decimal.Decimal("1.5")])]:
        equal((of, await c.fetchval(f"SELECT $1::{of}", value)), (of, value))
    await c.close()


async def case_error_before_sync():
    # asyncpg sends Parse, Describe and Flush, and Sync only once it has the answer.
    c = await connect()
    for _ in range(2):
        try:
            await asyncio.wait_for(c.fetchval("SELECT nope()"), 10)
        except asyncpg.UndefinedFunctionError as error:
            equal(error.sqlstate, "42883")
        equal(await c.fetchval("SELECT 1"), 1)
    await c.close()


async def case_transaction():
    c = await connect()
    await c.execute("CREATE TABLE txa (a int PRIMARY KEY)")
    async with c.transaction():
        await c.execute("INSERT INTO txa VALUES ($1)", 1)
        try:
            async with c.transaction():
                await c.execute("INSERT INTO txa VALUES ($1)", 1)
        except asyncpg.UniqueViolationError as error:
            equal((error.sqlstate, error.constraint_name), ("23505", "txa_pkey"))
    equal(await c.fetchval("SELECT count(*) FROM txa"), 1)
    await c.close()


async def case_executemany():
    c = await connect()
    await c.execute("CREATE TABLE ema (a int, b text)")
    await c.executemany("INSERT INTO ema VALUES ($1, $2)", [(n, str(n)) for n in range(500)])
    equal(await c.fetchval("SELECT sum(a) FROM ema"), 124750)
    await c.close()


async def case_cursor():
    c = await connect()
    async with c.transaction():
        total = 0
        async for row in c.cursor("SELECT g FROM generate_series(1, 1000) g", prefetch=37):
            total += row["g"]
    equal(total, 500500)
    await c.close()


async def case_prepared():
    c = await connect()
    statement = await c.prepare("SELECT $1::int + g AS n FROM generate_series(1, $2) g")
    equal([attribute.name for attribute in statement.get_attributes()], ["n"])
    equal([parameter.name for parameter in statement.get_parameters()], ["int4", "int4"])
    equal([row["n"] for row in await statement.fetch(10, 3)], [11, 12, 13])
    await c.close()


async def case_copy_records():
    c = await connect()
    await c.execute("CREATE TABLE cra (a int, b text)")
    await c.copy_records_to_table("cra", records=[(1, "one"), (2, None)])
    equal([tuple(row) for row in await c.fetch("SELECT * FROM cra ORDER BY a")], [(1, "one"), (2, None)])
    await c.close()


async def case_notify():
    listener, sender = await connect(), await connect()
    heard = asyncio.get_running_loop().create_future()
    await listener.add_listener("chana", lambda *got: heard.done() or heard.set_result(got[2:]))
    await sender.execute("NOTIFY chana, 'hi'")
    equal(await asyncio.wait_for(heard, 5), ("chana", "hi"))
    await listener.close()
    await sender.close()


async def case_pool():
    parts = address()
    async with asyncpg.create_pool(**parts, min_size=2, max_size=5) as pool:
        got = await asyncio.gather(*(pool.fetchval("SELECT $1::int", n) for n in range(40)))
    equal(got, list(range(40)))


async def case_timeout():
    c = await connect()
    try:
        await c.fetchval("SELECT count(*) FROM generate_series(1, 1000000000)", timeout=0.3)
        raise AssertionError("no timeout")
    except asyncio.TimeoutError:
        pass
    equal(await c.fetchval("SELECT 1"), 1)
    await c.close()


async def case_enum():
    c = await connect()
    await c.execute("CREATE TYPE mood_a AS ENUM ('sad', 'happy')")
    equal(await c.fetchval("SELECT $1::mood_a", "happy"), "happy")
    await c.close()


async def case_target_session_attrs():
    hosts, ports = nodes()
    for attrs, wanted in targets().items():
        try:
            c = await asyncpg.connect(host=list(hosts), port=[int(port) for port in ports], user=address()["user"],
                                      database=address()["database"], target_session_attrs=attrs)
        except asyncpg.TargetServerAttributeNotMatched:
            equal((attrs, None), (attrs, wanted))
            continue
        equal((attrs, await c.fetchval("SHOW in_hot_standby")), (attrs, wanted))
        await c.close()


run(globals())
