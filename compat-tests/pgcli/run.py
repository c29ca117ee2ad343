"""pgcli: what it asks the catalogs for its completion, its own backslash commands, and statements as it runs them."""

import logging
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
import cases
import psycopg
from cases import equal
from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial


def connect():
    address = cases.address()
    return PGExecute(address["database"], address["user"], "", address["host"], str(address["port"]), "")


# It writes each error with its trace, too.
logging.disable(logging.CRITICAL)
PG = connect()


def run(sql):
    """Title, rows, headers and status of each result."""
    return [(rows, headers, status) for _, rows, headers, status, _, success, _ in PG.run(sql, PGSpecial()) if success]


def rows(sql):
    return [tuple(row) for row in run(sql)[-1][0]]


def case_statements():
    run("""CREATE TABLE shop (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
           CREATE TABLE "Odd Name" (id int PRIMARY KEY, shop_id int NOT NULL REFERENCES shop, "Price" numeric(10, 2) DEFAULT 1.5);
           CREATE VIEW cheap AS SELECT name FROM shop WHERE id < 10;
           CREATE SCHEMA depot; CREATE TABLE depot.box (id int);
           CREATE TYPE stage AS ENUM ('open', 'paid');
           CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';""")
    equal(run("INSERT INTO shop (name) VALUES ('corner'), ('market')")[0][2], "INSERT 0 2")
    equal(rows("SELECT * FROM shop ORDER BY id"), [(1, "corner"), (2, "market")])
    equal(run("SELECT 1 AS one, NULL AS two")[0][1], ["one", "two"])


def case_transactions():
    run("BEGIN")
    equal(PG.valid_transaction(), True)
    try:
        run("SELECT nothing")
        raise AssertionError("no error")
    except psycopg.errors.UndefinedColumn:
        pass
    equal(PG.failed_transaction(), True)
    run("ROLLBACK")
    equal([PG.failed_transaction(), PG.valid_transaction()], [False, False])


def case_completion():
    equal("depot" in PG.schemata(), True)
    equal(PG.search_path()[-1], "public")
    tables = set(PG.tables())
    equal({("public", "shop"), ("public", "Odd Name"), ("depot", "box")} <= tables, True)
    equal(("public", "cheap") in set(PG.views()), True)
    columns = {column[:4] + (column[4], column[5]) for column in PG.table_columns() if column[1] == "Odd Name"}
    equal(columns, {("public", "Odd Name", "id", "integer", False, None), ("public", "Odd Name", "shop_id", "integer", False, None),
                    ("public", "Odd Name", "Price", "numeric", True, "1.5")})
    equal([column[2] for column in PG.view_columns() if column[1] == "cheap"], ["name"])
    key = next(iter(PG.foreignkeys()))
    equal([key.parentschema, key.parenttable, key.parentcolumn, key.childtable, key.childcolumn], ["public", "shop", "id", "Odd Name", "shop_id"])
    own = [f for f in PG.functions() if f.func_name == "twice"]
    equal([own[0].schema_name, own[0].arg_names, own[0].return_type, own[0].is_aggregate], ["public", ("n",), "integer", False])
    equal(("public", "stage") in set(PG.datatypes()), True)
    equal(os.environ["PGDATABASE"] in PG.databases(), True)


def case_casing():
    """The spelling of names in functions, for completion."""
    equal({"SELECT"} & set(PG.casing()), set())
    run("CREATE FUNCTION spelled() RETURNS bigint LANGUAGE sql AS 'SELECT count(\"Price\") FROM \"Odd Name\"'")
    # A word counts if its lower case is the name of something: "Price" isn't, "Name" is (a column, and a type).
    equal({"Name", "Price"} & set(PG.casing()), {"Name"})


def case_definitions():
    equal("FROM shop" in PG.view_definition("cheap"), True)
    equal("SELECT n * 2" in PG.function_definition("twice"), True)


def case_backslash_commands():
    listed = rows("\\dt")
    equal({row[1] for row in listed} >= {"shop", "Odd Name"}, True)
    equal({row[1] for row in rows("\\dt depot.*")}, {"box"})
    equal([row[:2] for row in rows("\\d shop")], [("id", "integer"), ("name", "text")])
    equal([row[1] for row in rows("\\dv")], ["cheap"])
    equal([row[1] for row in rows("\\ds")], ["shop_id_seq"])
    equal("twice" in [row[1] for row in rows("\\df")], True)
    equal({"depot", "public"} <= {row[0] for row in rows("\\dn")}, True)
    equal(os.environ["PGDATABASE"] in [row[0] for row in rows("\\l")], True)
    equal(os.environ["PGUSER"] in [row[0] for row in rows("\\du")], True)
    equal([row[1] for row in rows("\\dT stage")], ["stage"])
    equal({"shop_pkey", "shop_name_key"} <= {row[1] for row in rows("\\di")}, True)
    equal(len(rows("\\d+ shop")), 2)


def case_command_line():
    """The program itself, without a terminal."""
    program = os.path.join(os.path.dirname(sys.executable), "pgcli")
    shown = subprocess.run([program, "--list"], capture_output=True, text=True, timeout=30, env={**os.environ, "HOME": "/nonexistent"},
                           stdin=subprocess.DEVNULL)
    equal(os.environ["PGDATABASE"] in shown.stdout, True)


cases.run(globals())
