-- Functions in PL/pgSQL, and in SQL of several statements: how they are called, and what they give.

CREATE TABLE rc_user (id serial PRIMARY KEY, name text UNIQUE, n integer DEFAULT 0, at date);
-- What Sequelize does for findOrCreate.
CREATE OR REPLACE FUNCTION pg_temp.testfunc(OUT response "rc_user", OUT sequelize_caught_exception text) RETURNS RECORD AS $f$ BEGIN INSERT INTO "rc_user" ("id", "name") VALUES (DEFAULT, 'q') RETURNING * INTO response; EXCEPTION WHEN unique_violation THEN GET STACKED DIAGNOSTICS sequelize_caught_exception = PG_EXCEPTION_DETAIL; END $f$ LANGUAGE plpgsql;
SELECT (testfunc.response)."id", (testfunc.response)."name", testfunc.sequelize_caught_exception FROM pg_temp.testfunc();
SELECT (testfunc.response)."id", (testfunc.response)."name", testfunc.sequelize_caught_exception FROM pg_temp.testfunc();
SELECT * FROM pg_temp.testfunc();
SELECT response IS NULL AS none, sequelize_caught_exception FROM pg_temp.testfunc();
DROP FUNCTION IF EXISTS pg_temp.testfunc();
DROP FUNCTION IF EXISTS pg_temp.testfunc();
-- One value.
CREATE FUNCTION rc_fact(n integer) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE r bigint := 1; BEGIN FOR i IN 2..n LOOP r := r * i; END LOOP; RETURN r; END $$;
SELECT rc_fact(5), rc_fact(20), rc_fact(0);
SELECT rc_fact(3) + rc_fact(4) AS both, upper('a' || rc_fact(2));
SELECT * FROM rc_fact(4);
SELECT f, f + 1 AS next FROM rc_fact(4) f;
SELECT * FROM rc_fact(3) AS a(x), rc_fact(4) AS b(y);
SELECT rc_fact(rc_fact(3)::integer);
SELECT CASE WHEN rc_fact(3) = 6 THEN 'six' ELSE 'other' END;
SELECT (SELECT rc_fact(4)) AS sub;
SELECT rc_fact(n => 4);
SELECT rc_fact(21);
SELECT rc_fact('5');
SELECT rc_fact(1.5);
SELECT rc_fact();
SELECT rc_fact(NULL);
INSERT INTO rc_user (name, n) VALUES ('v', rc_fact(4));
INSERT INTO rc_user (name, n) SELECT 'w', rc_fact(3);
TABLE rc_user;
-- Functions that call themselves and others.
CREATE FUNCTION rc_fib(n integer) RETURNS integer LANGUAGE plpgsql STABLE AS $$ BEGIN IF n < 2 THEN RETURN n; END IF; RETURN rc_fib(n - 1) + rc_fib(n - 2); END $$;
SELECT rc_fib(7);
CREATE FUNCTION rc_even(n integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS $$ BEGIN RETURN n % 2 = 0; END $$;
SELECT rc_even(4), rc_even(5), rc_even(NULL);
SELECT count(*) FROM generate_series(1, 3) WHERE rc_even(2);
SELECT 1 WHERE rc_even(3);
UPDATE rc_user SET n = n + 1 WHERE rc_even(2) AND name = 'v' RETURNING n;
DELETE FROM rc_user WHERE name = 'w' AND rc_even(3);
-- OUT and INOUT.
CREATE FUNCTION rc_add(a text, INOUT k integer DEFAULT 3, OUT s text) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rc_user (name, n) VALUES (a, k) RETURNING n * 10, name || '!' INTO k, s; END $$;
SELECT * FROM rc_add('x');
SELECT * FROM rc_add('y', 4);
SELECT k + 1 AS more, length(s) FROM rc_add('zz', 1) AS t;
SELECT (rc_add('t')).s;
SELECT rc_add('t2');
CREATE FUNCTION rc_one_out(OUT x integer) LANGUAGE plpgsql AS $$ BEGIN x := 7; END $$;
SELECT rc_one_out();
SELECT * FROM rc_one_out();
CREATE FUNCTION rc_bad(OUT x integer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN x := 7; END $$;
CREATE FUNCTION rc_bad(OUT x integer, OUT y integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN x := 7; END $$;
CREATE FUNCTION rc_bad(x integer) LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
CREATE FUNCTION rc_two(OUT a integer, OUT b text) LANGUAGE sql AS $$ SELECT 1, 'one' $$;
SELECT * FROM rc_two();
SELECT (rc_two()).b;
SELECT pg_get_function_arguments(oid), pg_get_function_result(oid), pg_get_function_identity_arguments(oid), proargmodes, proargnames, pronargs FROM pg_proc WHERE proname IN ('rc_add', 'rc_one_out', 'rc_two', 'rc_fact') ORDER BY proname;
SELECT parameter_name, parameter_mode, ordinal_position, data_type FROM information_schema.parameters WHERE specific_name LIKE 'rc\_add%' ORDER BY ordinal_position;
-- Rows.
CREATE FUNCTION rc_table(lim integer) RETURNS TABLE (id integer, label text) LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM rc_user ORDER BY rc_user.name LOOP EXIT WHEN r.id > lim; id := r.id; label := r.name || ':' || r.n; RETURN NEXT; END LOOP; RETURN QUERY SELECT 99, 'end'::text; END $$;
SELECT * FROM rc_table(3) ORDER BY id;
SELECT count(*), max(id) FROM rc_table(10) WHERE label LIKE '%:%';
SELECT t.label FROM rc_table(0) AS t;
SELECT u.name FROM rc_user u JOIN rc_table(100) t ON t.id = u.id ORDER BY 1;
CREATE FUNCTION rc_all() RETURNS SETOF rc_user LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT * FROM rc_user WHERE n > 3 ORDER BY name; END $$;
SELECT name, n FROM rc_all() ORDER BY name;
SELECT a.name FROM rc_all() AS a WHERE a.n > 10 ORDER BY 1;
CREATE FUNCTION rc_numbers() RETURNS SETOF integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN FOR i IN 1..3 LOOP RETURN NEXT i * 10; END LOOP; RETURN; END $$;
SELECT * FROM rc_numbers();
SELECT sum(x) FROM rc_numbers() AS x;
SELECT x FROM rc_numbers() AS t(x) ORDER BY x DESC;
SELECT 20 IN (SELECT * FROM rc_numbers());
CREATE FUNCTION rc_one(nm text) RETURNS rc_user LANGUAGE plpgsql AS $$ DECLARE v rc_user%ROWTYPE; BEGIN SELECT * INTO STRICT v FROM rc_user WHERE name = nm; v.n := v.n + 100; RETURN v; END $$;
SELECT name, n FROM rc_one('x');
SELECT (rc_one('x')).n;
CREATE TYPE rc_pair AS (a integer, b text);
CREATE FUNCTION rc_make(x integer) RETURNS rc_pair LANGUAGE plpgsql AS $$ DECLARE p rc_pair; BEGIN p.a := x; p.b := 'b' || x; RETURN p; END $$;
SELECT * FROM rc_make(3);
SELECT (rc_make(4)).b;
CREATE FUNCTION rc_make2(x integer) RETURNS rc_pair LANGUAGE plpgsql AS $$ BEGIN RETURN (x, 'two')::rc_pair; END $$;
SELECT a, b FROM rc_make2(5);
-- Nothing.
CREATE FUNCTION rc_void(nm text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rc_user (name) VALUES (nm); END $$;
SELECT rc_void('nothing');
SELECT * FROM rc_void('nothing2');
SELECT count(*) FROM rc_user WHERE name LIKE 'nothing%';
SELECT rc_void('nothing');
SELECT count(*) FROM rc_user WHERE name LIKE 'nothing%';
-- In SQL, of several statements.
CREATE FUNCTION rc_sql(nm text) RETURNS integer LANGUAGE sql AS $$ INSERT INTO rc_user (name, n) VALUES (nm, 5); SELECT n + 1 FROM rc_user WHERE name = nm $$;
SELECT rc_sql('sqlf');
CREATE FUNCTION rc_sql_returning(nm text) RETURNS text LANGUAGE sql AS $$ UPDATE rc_user SET n = n + 1 WHERE name = nm RETURNING name || n $$;
SELECT rc_sql_returning('sqlf');
SELECT rc_sql_returning('nobody');
CREATE FUNCTION rc_sql_rows() RETURNS SETOF text LANGUAGE sql AS $$ DELETE FROM rc_user WHERE name LIKE 'nothing%' RETURNING name $$;
SELECT * FROM rc_sql_rows() ORDER BY 1;
-- In transactions.
BEGIN;
SELECT rc_void('undone');
SELECT count(*) FROM rc_user WHERE name = 'undone';
ROLLBACK;
SELECT count(*) FROM rc_user WHERE name = 'undone';
BEGIN READ ONLY;
SELECT rc_fact(3);
SELECT rc_void('refused');
ROLLBACK;
-- What may not write, doesn't.
CREATE FUNCTION rc_stable() RETURNS void LANGUAGE plpgsql STABLE AS $$ BEGIN INSERT INTO rc_user (name) VALUES ('stable'); END $$;
SELECT rc_stable();
-- Replaced and dropped.
CREATE OR REPLACE FUNCTION rc_fact(n integer) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN -n; END $$;
SELECT rc_fact(5);
DROP FUNCTION rc_add(text, integer);
SELECT rc_add('gone');
DROP FUNCTION rc_fact;
SELECT rc_fact(5);
-- Procedures with OUT arguments.
CREATE PROCEDURE rc_bump(INOUT c integer) LANGUAGE plpgsql AS $$ BEGIN c := c + 1; END $$;
CALL rc_bump(4);
CREATE PROCEDURE rc_swap(INOUT a text, INOUT b text) LANGUAGE plpgsql AS $$ DECLARE t text := a; BEGIN a := b; b := t; END $$;
CALL rc_swap('left', 'right');
-- As the catalogs show them.
SELECT pg_get_function_result(oid), prorettype::regtype FROM pg_proc WHERE proname IN ('rc_all', 'rc_one', 'rc_make', 'rc_table') ORDER BY proname;
SELECT pg_get_functiondef('rc_one'::regproc);
SELECT pg_get_functiondef('rc_table'::regproc);
SELECT pg_get_functiondef('rc_swap'::regproc);
DROP TABLE rc_user;
DROP TABLE rc_user CASCADE;
SELECT rc_one('x');
DROP TYPE rc_pair;
-- A default that calls one, and transactions around handlers.
CREATE TABLE rc_log (id serial, made text);
CREATE FUNCTION rc_stamp() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'made ' || (SELECT count(*) FROM rc_log); END $$;
CREATE TABLE rc_made (id integer, stamp text DEFAULT rc_stamp());
INSERT INTO rc_made (id) VALUES (1);
TABLE rc_made;
CREATE FUNCTION rc_try(x integer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO rc_log (made) VALUES ('try ' || x); BEGIN INSERT INTO rc_log (made) VALUES ('inner'); PERFORM 1 / x; EXCEPTION WHEN division_by_zero THEN INSERT INTO rc_log (made) VALUES ('handled'); RETURN 'handled'; END; RETURN 'fine'; END $$;
SELECT rc_try(0);
SELECT rc_try(1);
BEGIN;
SELECT rc_try(0);
SAVEPOINT s;
SELECT rc_try(1);
ROLLBACK TO s;
COMMIT;
SELECT made FROM rc_log ORDER BY id;
-- Definitions in a function.
CREATE FUNCTION rc_define(name text) RETURNS integer LANGUAGE plpgsql AS $$ DECLARE c integer; BEGIN EXECUTE format('CREATE TABLE %I (x integer)', name); EXECUTE format('INSERT INTO %I VALUES (1), (2)', name); EXECUTE format('SELECT count(*) FROM %I', name) INTO c; RETURN c; END $$;
SELECT rc_define('rc_defined');
SELECT rc_define('rc_defined2') AS n, (SELECT count(*) FROM rc_log) AS logged;
SELECT count(*) FROM rc_defined2;
SELECT rc_define('rc_defined');
--@ bind 'p1'
SELECT rc_define($1);
--@ bind '3'
SELECT rc_try($1);
CREATE FUNCTION rc_temporary() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE c bigint; BEGIN CREATE TEMPORARY TABLE rc_temp (x integer) ON COMMIT DROP; INSERT INTO rc_temp VALUES (1); SELECT count(*) INTO c FROM rc_temp; RETURN c; END $$;
SELECT rc_temporary();
SELECT rc_temporary();
-- NULLs in the place of rows.
CREATE FUNCTION rc_strict(x integer, OUT a integer, OUT b text) LANGUAGE plpgsql STRICT AS $$ BEGIN a := x; b := 'b'; END $$;
SELECT * FROM rc_strict(1);
SELECT * FROM rc_strict(NULL);
CREATE FUNCTION rc_strict_set(x integer) RETURNS SETOF integer LANGUAGE plpgsql STRICT AS $$ BEGIN RETURN NEXT x; END $$;
SELECT * FROM rc_strict_set(NULL);
CREATE FUNCTION rc_sql_none() RETURNS integer LANGUAGE sql AS $$ DELETE FROM rc_log WHERE id = -1; SELECT id FROM rc_log WHERE id = -1 $$;
SELECT * FROM rc_sql_none();
SELECT rc_sql_none() IS NULL;
CREATE TABLE rc_row (a integer, b text);
CREATE FUNCTION rc_null_row() RETURNS rc_row LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
SELECT * FROM rc_null_row();
CREATE FUNCTION rc_unset_row() RETURNS rc_row LANGUAGE plpgsql AS $$ DECLARE r rc_row; BEGIN RETURN r; END $$;
SELECT * FROM rc_unset_row();
CREATE FUNCTION rc_set_row() RETURNS rc_row LANGUAGE plpgsql AS $$ DECLARE r rc_row; BEGIN r.b := 'only'; RETURN r; END $$;
SELECT * FROM rc_set_row();
-- Another session's definition is used at once.
CREATE FUNCTION rc_version() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION rc_version_stable() RETURNS integer LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1; END $$;
SELECT rc_version(), rc_version_stable();
SELECT rc_version_stable();
SELECT rc_version(), rc_version_stable();
SELECT rc_version_stable();
--@ session b
CREATE OR REPLACE FUNCTION rc_version() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN 2; END $$;
CREATE OR REPLACE FUNCTION rc_version_stable() RETURNS integer LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 2; END $$;
--@ session a
SELECT rc_version(), rc_version_stable();
SELECT rc_version_stable();
-- Numbered, and side by side.
CREATE FUNCTION rc_tens() RETURNS SETOF integer LANGUAGE sql AS $$ SELECT x * 10 FROM generate_series(1, 3) AS x $$;
SELECT * FROM rc_tens() WITH ORDINALITY ORDER BY 2;
SELECT * FROM rc_numbers() WITH ORDINALITY ORDER BY 2;
SELECT * FROM rc_numbers() WITH ORDINALITY AS t(a, b) ORDER BY b DESC;
SELECT * FROM ROWS FROM (rc_numbers(), rc_tens(), generate_series(1, 4)) ORDER BY 3;
CREATE FUNCTION rc_pairs() RETURNS TABLE (a integer, b text) LANGUAGE plpgsql AS $$ BEGIN a := 1; b := 'one'; RETURN NEXT; a := 2; RETURN NEXT; END $$;
SELECT * FROM ROWS FROM (rc_tens(), rc_pairs()) WITH ORDINALITY ORDER BY ordinality;
SELECT g, t.* FROM generate_series(1, 2) AS g, LATERAL ROWS FROM (rc_tens(), generate_series(1, g)) WITH ORDINALITY AS t(a, b, o) ORDER BY g, o;
SELECT * FROM rc_version() WITH ORDINALITY;
-- A default that calls a function in SQL with a FROM.
CREATE FUNCTION rc_count_log() RETURNS integer LANGUAGE sql AS $$ SELECT count(*)::integer FROM rc_log $$;
CREATE TABLE rc_counted (id integer, c integer DEFAULT rc_count_log());
INSERT INTO rc_counted (id) VALUES (1) RETURNING c = (SELECT count(*) FROM rc_log);
