CREATE TABLE log (id serial PRIMARY KEY, what text, n int);
-- In SQL
CREATE PROCEDURE note(what text, n int DEFAULT 7) LANGUAGE sql AS $$ INSERT INTO log (what, n) VALUES (note.what, note.n) $$;
CALL note('one', 1);
CALL note('two');
CALL note(n => 3, what => 'three');
CALL note('four'::varchar, 4::smallint);
SELECT * FROM log ORDER BY id;
CREATE PROCEDURE numbered(text, int) LANGUAGE sql AS 'INSERT INTO log (what, n) VALUES ($1, $2); UPDATE log SET n = n + 100 WHERE what = $1; SELECT count(*) FROM log;';
CALL numbered('five', 5);
CALL numbered('six', NULL);
SELECT what, n FROM log ORDER BY id DESC LIMIT 2;
-- In PL/pgSQL
CREATE PROCEDURE checked(wanted int) LANGUAGE plpgsql AS $$
BEGIN
  IF wanted > 10 THEN
    RAISE EXCEPTION 'too many: %', wanted USING HINT = 'ask for less';
  ELSIF wanted IS NULL THEN
    RAISE NOTICE 'nothing wanted';
    RETURN;
  END IF;
  INSERT INTO log (what, n) VALUES ('checked', wanted);
  CALL note('from within', wanted * 2);
  PERFORM count(*) FROM log WHERE log.n = wanted;
END $$;
CALL checked(2);
CALL checked(11);
CALL checked(NULL);
SELECT what, n FROM log ORDER BY id DESC LIMIT 2;
CREATE PROCEDURE survives() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO log (id, what) VALUES (1, 'twice');
EXCEPTION WHEN unique_violation THEN
  INSERT INTO log (what) VALUES ('caught');
END $$;
CREATE PROCEDURE wrong(now boolean) LANGUAGE plpgsql AS $$ BEGIN IF now THEN SELECT 1; END IF; END; $$;
CALL wrong(false);
CALL wrong(NULL);
DROP PROCEDURE wrong;
CALL survives();
SELECT what FROM log ORDER BY id DESC LIMIT 1;
-- In a transaction
BEGIN;
CALL note('gone', 0);
ROLLBACK;
SELECT count(*) FROM log WHERE what = 'gone';
PREPARE p(int) AS SELECT $1;
-- What isn't one
SELECT note('x');
SELECT * FROM checked(1);
CALL nothing();
CALL note();
CALL note(1, 'x');
CALL upper('x');
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CALL one();
CALL 1;
CALL note;
CREATE OR REPLACE PROCEDURE one() LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE FUNCTION survives() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE note(text, int) LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE p() LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE PROCEDURE p() LANGUAGE sql AS 'SELEC 1';
CREATE PROCEDURE p() LANGUAGE nosuch AS 'SELECT 1';
CREATE PROCEDURE p() LANGUAGE sql;
-- How they are shown
SELECT proname, prokind, prorettype::regtype, pronargs, pronargdefaults, proargnames, proargtypes FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname;
SELECT pg_get_function_arguments(oid), pg_get_function_result(oid), pg_get_function_identity_arguments(oid) FROM pg_proc WHERE proname IN ('note', 'survives') ORDER BY proname;
COMMENT ON PROCEDURE note IS 'writes a line';
COMMENT ON FUNCTION note IS 'writes a line';
SELECT obj_description('note'::regproc);
-- DROP
DROP FUNCTION note;
DROP FUNCTION note(text, int);
DROP PROCEDURE one;
DROP PROCEDURE one();
DROP PROCEDURE nothing;
DROP PROCEDURE nothing(int);
DROP PROCEDURE IF EXISTS nothing;
DROP PROCEDURE IF EXISTS nothing(text);
DROP PROCEDURE note, numbered(text, int);
DROP ROUTINE checked;
DROP ROUTINE one();
DROP PROCEDURE survives();
DROP TABLE log;
