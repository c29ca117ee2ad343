"""PgBouncer in front of a node, in transaction and in session pooling: the settings of docs/operations/clients.md."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
import cases
import psycopg
import servers
from cases import equal

PORT = servers.free_port()


def configuration(folder):
    address = cases.address()
    node = f"host={address['host']} port={address['port']} dbname={address['database']} user={address['user']}"
    users = servers.write(folder, "users.txt", f'"{address["user"]}" ""\n')
    return servers.write(folder, "pgbouncer.ini", f"""[databases]
transactions = {node} pool_mode=transaction pool_size=4
sessions = {node} pool_mode=session pool_size=4
statements = {node} pool_mode=statement pool_size=4
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {PORT}
unix_socket_dir =
auth_type = any
auth_file = {users}
admin_users = {address["user"]}
max_client_conn = 200
server_reset_query = DISCARD ALL
server_check_query = SELECT 1
server_check_delay = 0
ignore_startup_parameters = extra_float_digits
""")


def connect(database="transactions", **options):
    # PgBouncer before 1.21 doesn't follow named statements from one server connection to another.
    options.setdefault("prepare_threshold", None)
    return psycopg.connect(host="127.0.0.1", port=PORT, user=os.environ["PGUSER"], dbname=database, **options)


def case_connect():
    with connect() as c:
        equal(c.execute("SELECT 1, current_database()").fetchone(), (1, os.environ["PGDATABASE"]))
        equal(c.info.parameter_status("server_version").startswith("15"), True)
        equal(c.info.parameter_status("standard_conforming_strings"), "on")


def case_parameters_of_each_client():
    """PgBouncer sets these on the server's connection for the client whose turn it is."""
    with connect(application_name="one", options=None, client_encoding="UTF8") as one, connect(application_name="two") as two:
        one.autocommit = two.autocommit = True
        for _ in range(3):
            equal(one.execute("SHOW application_name").fetchone(), ("one",))
            equal(two.execute("SHOW application_name").fetchone(), ("two",))


def case_transactions():
    with connect() as c:
        c.execute("CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL)")
        c.execute("INSERT INTO accounts SELECT g, 0 FROM generate_series(1, 20) AS g")
    with connect() as c:
        try:
            with c.transaction():
                c.execute("UPDATE accounts SET balance = 5")
                with c.transaction():
                    c.execute("INSERT INTO accounts VALUES (1, 0)")
        except psycopg.errors.UniqueViolation as error:
            equal(error.diag.constraint_name, "accounts_pkey")
        equal(c.execute("SELECT sum(balance) FROM accounts").fetchone()[0], 0)


def case_extended_protocol_and_binary():
    with connect() as c:
        row = c.execute("SELECT %s::int, %s::text, %s::jsonb, %s::int[]", (7, "é", '{"a": 1}', [1, 2]), binary=True).fetchone()
        equal(row, (7, "é", {"a": 1}, [1, 2]))
        with c.pipeline():
            found = [c.execute("SELECT %s::int", (at,)) for at in range(10)]
        equal([cursor.fetchone()[0] for cursor in found], list(range(10)))


def case_copy():
    with connect() as c:
        c.execute("CREATE TABLE copied (id int, t text)")
        with c.cursor().copy("COPY copied FROM STDIN") as copy:
            for at in range(1000):
                copy.write_row((at, f"row {at}"))
        with c.cursor().copy("COPY copied TO STDOUT") as copy:
            equal(sum(1 for _ in copy.rows()), 1000)


def case_many_clients_share_a_few_connections():
    failures = []

    def work(seed):
        try:
            with connect() as c:
                for at in range(20):
                    with c.transaction():
                        c.execute("UPDATE accounts SET balance = balance + 1 WHERE id = %s", ((seed + at) % 20 + 1,))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(24)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal(failures, [])
    with connect() as c:
        equal(c.execute("SELECT sum(balance) FROM accounts").fetchone()[0], 480)
    with psycopg.connect(host="127.0.0.1", port=PORT, user=os.environ["PGUSER"], dbname="pgbouncer", autocommit=True,
                         prepare_threshold=None, cursor_factory=psycopg.ClientCursor) as admin:
        pools = {row[0]: row for row in admin.execute("SHOW POOLS")}
        equal("transactions" in pools, True)
        servers_of = [row for row in admin.execute("SHOW SERVERS") if row[2] == "transactions"]
        equal(0 < len(servers_of) <= 4, True)


def case_sessions_are_reset():
    """Between two clients PgBouncer says DISCARD ALL: nothing of the one is left for the other."""
    with connect("sessions", prepare_threshold=0, autocommit=True) as c:
        c.execute("SET lock_timeout = '9s'")
        c.execute("CREATE TEMPORARY TABLE own (id int)")
        c.execute("SELECT pg_advisory_lock(77)")
        for _ in range(3):
            c.execute("SELECT %s::int", (1,))
        equal(c.execute("SELECT count(*) > 0 FROM pg_prepared_statements").fetchone()[0], True)
    with connect("sessions", autocommit=True) as c:
        equal(c.execute("SELECT to_regclass('own')").fetchone(), (None,))
        equal(c.execute("SELECT pg_try_advisory_lock(77)").fetchone(), (True,))
        equal(c.execute("SELECT count(*) FROM pg_prepared_statements").fetchone(), (0,))
        equal(c.execute("SHOW lock_timeout").fetchone() == ("9s",), False)


def case_statement_pooling():
    with connect("statements", autocommit=True) as c:
        equal(c.execute("SELECT 1").fetchone(), (1,))
        try:
            c.execute("BEGIN")
            raise AssertionError("no error")
        except psycopg.Error:
            pass


def case_cancel():
    with connect() as c:
        timer = threading.Timer(0.5, c.cancel)
        timer.start()
        try:
            c.execute("SELECT count(*) FROM generate_series(1, 10000000000)")
            raise AssertionError("no error")
        except psycopg.errors.QueryCanceled as error:
            equal(error.sqlstate, "57014")


with servers.folder() as place:
    command = ["pgbouncer", configuration(place)]
    if os.getuid() == 0:
        command[1:1] = ["-u", "nobody"]
    with servers.running(command, PORT, place):
        cases.run(globals())
