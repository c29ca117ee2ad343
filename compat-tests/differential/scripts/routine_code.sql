-- The statements of PL/pgSQL, in DO blocks.

CREATE TABLE rd_t (id integer PRIMARY KEY, name varchar(5), n numeric(6, 2), tags text[]);
INSERT INTO rd_t SELECT i, 'n' || i, i * 1.5, ARRAY['a' || i] FROM generate_series(1, 5) AS i;
-- Variables.
DO $$ DECLARE a integer; b text := 'x'; c CONSTANT integer := 3; d integer NOT NULL DEFAULT 4; e rd_t.name%TYPE; f a%TYPE := 9; BEGIN RAISE NOTICE '% % % % % %', a, b, c, d, e, f; END $$;
DO $$ DECLARE a numeric(6, 2) := 1.239; b varchar(3); c date := '2024-02-29'; d boolean := 'yes'; e interval := '1 day'; BEGIN RAISE NOTICE '% % % %', a, c, d, e; END $$;
DO $$ DECLARE a varchar(3) := 'abcd'; BEGIN END $$;
DO $$ DECLARE a integer := 'abc'; BEGIN END $$;
DO $$ DECLARE a integer; BEGIN a := '12'::text; RAISE NOTICE '%', a + 1; a := 2.5; RAISE NOTICE '%', a; a = 3; RAISE NOTICE '%', a; END $$;
DO $$ DECLARE a text; BEGIN a := 12; RAISE NOTICE '%', a || '!'; a := true; RAISE NOTICE '%', a; a := '2024-01-01'::date; RAISE NOTICE '%', a; END $$;
DO $$ DECLARE a integer NOT NULL := 1; BEGIN a := NULL; END $$;
DO $$ DECLARE a integer NOT NULL; BEGIN END $$;
DO $$ DECLARE a integer; a text; BEGIN END $$;
DO $$ BEGIN nowhere := 1; END $$;
DO $$ DECLARE a nosuchtype; BEGIN END $$;
DO $$ DECLARE a rd_t.nosuchcol%TYPE; BEGIN END $$;
-- Blocks and labels.
DO $$ <<b1>> DECLARE a integer := 1; BEGIN DECLARE a integer := 2; BEGIN RAISE NOTICE '% %', a, b1.a; b1.a := 5; END; RAISE NOTICE '%', a; END $$;
DO $$ BEGIN <<b>> BEGIN EXIT b; RAISE NOTICE 'not here'; END; RAISE NOTICE 'here'; END $$;
DO $$ <<b>> BEGIN NULL; END b $$;
DO $$ <<b>> BEGIN NULL; END c $$;
DO $$ BEGIN EXIT; END $$;
DO $$ BEGIN CONTINUE; END $$;
DO $$ BEGIN LOOP EXIT nolabel; END LOOP; END $$;
-- Conditions.
DO $$ DECLARE x integer := 2; BEGIN IF x = 1 THEN RAISE NOTICE 'one'; ELSIF x = 2 THEN RAISE NOTICE 'two'; ELSE RAISE NOTICE 'many'; END IF; IF NULL THEN RAISE NOTICE 'null'; ELSE RAISE NOTICE 'not true'; END IF; END $$;
DO $$ DECLARE x integer := 3; BEGIN CASE x WHEN 1, 2 THEN RAISE NOTICE 'low'; WHEN 3, 4 THEN RAISE NOTICE 'high'; ELSE RAISE NOTICE 'else'; END CASE; CASE WHEN x > 5 THEN RAISE NOTICE 'big'; ELSE RAISE NOTICE 'small'; END CASE; END $$;
DO $$ DECLARE x integer := 9; BEGIN CASE x WHEN 1 THEN NULL; END CASE; END $$;
DO $$ DECLARE x integer := 3; y text; BEGIN y := CASE WHEN x = 3 THEN 'three' END; RAISE NOTICE '%', y; END $$;
-- Loops.
DO $$ DECLARE t integer := 0; BEGIN FOR i IN 1..4 LOOP t := t + i; END LOOP; RAISE NOTICE '% %', t, FOUND; FOR i IN REVERSE 3..1 LOOP RAISE NOTICE 'r %', i; END LOOP; FOR i IN 1..10 BY 4 LOOP RAISE NOTICE 'b %', i; END LOOP; FOR i IN 3..1 LOOP RAISE NOTICE 'never'; END LOOP; RAISE NOTICE '%', FOUND; END $$;
DO $$ DECLARE lo integer := 2; hi integer := 4; BEGIN FOR i IN lo..hi LOOP RAISE NOTICE '%', i; END LOOP; FOR i IN lo + 1 .. hi * 1 LOOP RAISE NOTICE 'e %', i; END LOOP; END $$;
DO $$ BEGIN FOR i IN 1..3 BY 0 LOOP NULL; END LOOP; END $$;
DO $$ BEGIN FOR i IN 1..NULL LOOP NULL; END LOOP; END $$;
DO $$ DECLARE n integer := 5; BEGIN WHILE n > 0 LOOP n := n - 2; CONTINUE WHEN n = 1; RAISE NOTICE '%', n; END LOOP; LOOP n := n + 1; EXIT WHEN n > 3; END LOOP; RAISE NOTICE 'end %', n; END $$;
DO $$ BEGIN <<a>> FOR i IN 1..3 LOOP <<b>> FOR j IN 1..3 LOOP CONTINUE a WHEN j = 2; EXIT a WHEN i = 3; RAISE NOTICE '% %', i, j; END LOOP b; END LOOP a; END $$;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM rd_t WHERE id < 3 ORDER BY id LOOP RAISE NOTICE '% % %', r.id, r.name, r.n; END LOOP; RAISE NOTICE '% %', FOUND, r.id; END $$;
DO $$ DECLARE r rd_t; BEGIN FOR r IN SELECT * FROM rd_t ORDER BY id DESC LIMIT 2 LOOP RAISE NOTICE '% %', r.id, r.tags[1]; END LOOP; END $$;
DO $$ DECLARE a integer; b text; BEGIN FOR a, b IN SELECT id, name FROM rd_t WHERE id > 3 ORDER BY id LOOP RAISE NOTICE '% %', a, b; END LOOP; END $$;
DO $$ DECLARE a integer; BEGIN FOR a IN EXECUTE 'SELECT id FROM rd_t WHERE id < $1 ORDER BY id' USING 3 LOOP RAISE NOTICE '%', a; END LOOP; END $$;
DO $$ DECLARE x integer; t text := ''; BEGIN FOREACH x IN ARRAY ARRAY[3, 1, 2] LOOP t := t || x; END LOOP; RAISE NOTICE '%', t; END $$;
DO $$ DECLARE r record; BEGIN FOR r IN UPDATE rd_t SET n = n + 1 WHERE id = 1 RETURNING id, n LOOP RAISE NOTICE '% %', r.id, r.n; END LOOP; END $$;
-- INTO.
DO $$ DECLARE a integer; b text; BEGIN SELECT id, name INTO a, b FROM rd_t WHERE id = 2; RAISE NOTICE '% % %', a, b, FOUND; SELECT id INTO a FROM rd_t WHERE id = 99; RAISE NOTICE '% %', a, FOUND; SELECT INTO b name FROM rd_t WHERE id = 3; RAISE NOTICE '%', b; END $$;
DO $$ DECLARE a integer; BEGIN SELECT id INTO STRICT a FROM rd_t WHERE id = 99; END $$;
DO $$ DECLARE a integer; BEGIN SELECT id INTO STRICT a FROM rd_t; END $$;
DO $$ DECLARE r record; BEGIN SELECT id, name AS label INTO r FROM rd_t WHERE id = 4; RAISE NOTICE '% %', r.id, r.label; r.label := 'new'; RAISE NOTICE '%', r.label; END $$;
DO $$ DECLARE r record; BEGIN RAISE NOTICE '%', r.id; END $$;
DO $$ DECLARE r record; BEGIN SELECT 1 AS a INTO r; r.b := 2; END $$;
DO $$ DECLARE a integer; n numeric; BEGIN INSERT INTO rd_t VALUES (10, 'ten', 10) RETURNING id, n INTO a, n; RAISE NOTICE '% %', a, n; UPDATE rd_t SET n = 11 WHERE id = 10 RETURNING rd_t.n INTO n; RAISE NOTICE '%', n; DELETE FROM rd_t WHERE id = 10 RETURNING id INTO a; RAISE NOTICE '%', a; END $$;
DO $$ DECLARE a integer; BEGIN WITH x AS (SELECT 5 AS v) SELECT v INTO a FROM x; RAISE NOTICE '%', a; VALUES (6) INTO a; RAISE NOTICE '%', a; END $$;
DO $$ DECLARE v rd_t%ROWTYPE; BEGIN SELECT * INTO v FROM rd_t WHERE id = 5; v.name := 'chg'; UPDATE rd_t SET name = v.name WHERE id = v.id; INSERT INTO rd_t SELECT 20, v.name, v.n, v.tags; END $$;
SELECT * FROM rd_t ORDER BY id;
-- Diagnostics.
DO $$ DECLARE c integer; BEGIN UPDATE rd_t SET n = 0 WHERE id > 3; GET DIAGNOSTICS c = ROW_COUNT; RAISE NOTICE '% %', c, FOUND; DELETE FROM rd_t WHERE id = 77; GET DIAGNOSTICS c := ROW_COUNT; RAISE NOTICE '% %', c, FOUND; PERFORM 1 FROM rd_t; GET DIAGNOSTICS c = ROW_COUNT; RAISE NOTICE '% %', c, FOUND; END $$;
-- EXECUTE.
DO $$ DECLARE a integer; b text; BEGIN EXECUTE 'SELECT 1 + $1, $2' INTO a, b USING 2, 'x'::text; RAISE NOTICE '% %', a, b; EXECUTE format('INSERT INTO %I (id, name) VALUES (%s, %L)', 'rd_t', 30, 'dyn'); EXECUTE 'UPDATE rd_t SET name = $1 WHERE id = $2' USING 'dyn2', 30; EXECUTE 'CREATE TABLE rd_made (x integer)'; EXECUTE 'DROP TABLE rd_made'; END $$;
SELECT name FROM rd_t WHERE id = 30;
DO $$ BEGIN EXECUTE NULL; END $$;
DO $$ BEGIN EXECUTE 'SELEC 1'; END $$;
DO $$ BEGIN EXECUTE 'SELECT $1'; END $$;
DO $$ BEGIN EXECUTE ''; END $$;
-- Errors that are caught.
DO $$ BEGIN INSERT INTO rd_t (id) VALUES (1); EXCEPTION WHEN unique_violation THEN RAISE NOTICE 'caught % %', SQLSTATE, SQLERRM; END $$;
DO $$ DECLARE d text; c text; t text; s text; m text; h text; BEGIN INSERT INTO rd_t (id) VALUES (1); EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, c = CONSTRAINT_NAME, t = TABLE_NAME, s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT; RAISE NOTICE '% | % | % | % | % | %', d, c, t, s, m, h; END $$;
DO $$ DECLARE a integer := 1; BEGIN INSERT INTO rd_t (id) VALUES (40); a := 2; PERFORM 1 / (a - 2); EXCEPTION WHEN division_by_zero THEN RAISE NOTICE 'kept % %', a, (SELECT count(*) FROM rd_t WHERE id = 40); END $$;
DO $$ BEGIN BEGIN PERFORM 1 / 0; EXCEPTION WHEN unique_violation THEN RAISE NOTICE 'no'; END; EXCEPTION WHEN data_exception OR division_by_zero THEN RAISE NOTICE 'outer'; END $$;
DO $$ BEGIN BEGIN RAISE EXCEPTION 'mine' USING ERRCODE = 'U0001', DETAIL = 'd', HINT = 'h'; EXCEPTION WHEN SQLSTATE 'U0001' THEN RAISE NOTICE '%', SQLERRM; RAISE; END; END $$;
DO $$ BEGIN RAISE; END $$;
DO $$ BEGIN RAISE EXCEPTION 'a % b', 1, 2; END $$;
DO $$ BEGIN RAISE unique_violation USING MESSAGE = 'like that'; END $$;
DO $$ BEGIN BEGIN NULL; EXCEPTION WHEN OTHERS THEN NULL; END; RAISE NOTICE '%', SQLERRM; END $$;
-- Control that is wrong.
DO $$ BEGIN RETURN 1; END $$;
DO $$ BEGIN SELECT 1; END $$;
DO $$ BEGIN IF THEN END IF; END $$;
DO $$ BEGIN FOR i IN 1..2 LOOP NULL; END $$;
DO $$ BEGIN RETURN; RAISE NOTICE 'not here'; END $$;
DO $$ DECLARE a integer; BEGIN RETURN NEXT a; END $$;
CREATE FUNCTION rd_none() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
SELECT rd_none();
CREATE FUNCTION rd_wrong() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN NEXT 1; END $$;
CREATE FUNCTION rd_wrong() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
CREATE FUNCTION rd_wrong() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION rd_types() RETURNS SETOF bigint LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT 1; END $$;
SELECT * FROM rd_types();
CREATE FUNCTION rd_count() RETURNS TABLE (a integer, b integer) LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT 1; END $$;
SELECT * FROM rd_count();
CREATE FUNCTION rd_returned() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN 'x'; END $$;
SELECT rd_returned();
CREATE FUNCTION rd_deep(n integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN n > 0 THEN (SELECT count(*) FROM rd_t) ELSE 0 END; END $$;
SELECT rd_deep(1);
-- What never ends, is ended.
SET statement_timeout = '300ms';
DO $$ BEGIN LOOP NULL; END LOOP; END $$;
DO $$ BEGIN LOOP NULL; END LOOP; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'not caught'; END $$;
RESET statement_timeout;
