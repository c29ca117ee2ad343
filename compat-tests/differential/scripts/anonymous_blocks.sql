-- DO: blocks as migrations have them.
CREATE TABLE t (a int PRIMARY KEY);
DO $$ BEGIN CREATE TABLE t (a int); EXCEPTION WHEN duplicate_table THEN null; END $$;
DO $$ BEGIN CREATE TABLE t (a int); END $$;
DO $$
BEGIN
  CREATE SCHEMA trg_do;
EXCEPTION
  WHEN duplicate_schema OR duplicate_object THEN NULL;
END
$$ LANGUAGE plpgsql;
DO LANGUAGE plpgsql $$ BEGIN CREATE SCHEMA trg_do; EXCEPTION WHEN duplicate_schema THEN RAISE NOTICE 'schema % is there', 'trg_do'; END; $$;
DO $$ BEGIN ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0); EXCEPTION WHEN duplicate_object THEN null; END $$;
DO $$ BEGIN ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0); EXCEPTION WHEN duplicate_object THEN null; END $$;
DO $$ BEGIN ALTER TABLE t ADD COLUMN b int; EXCEPTION WHEN duplicate_column THEN null; END $$;
DO $$ BEGIN ALTER TABLE t ADD COLUMN b int; EXCEPTION WHEN duplicate_column THEN null; END $$;
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'made') THEN
    CREATE TABLE made (x int);
    INSERT INTO made VALUES (1), (2);
  ELSE
    RAISE EXCEPTION 'it was there';
  END IF;
END $$;
SELECT * FROM made ORDER BY x;
DO $$ BEGIN IF EXISTS (SELECT 1 FROM made WHERE x = 9) THEN DELETE FROM made; ELSIF EXISTS (SELECT 1 FROM made WHERE x = 2) THEN UPDATE made SET x = x + 10; END IF; END $$;
SELECT * FROM made ORDER BY x;
DO $$ BEGIN PERFORM 1; PERFORM * FROM made; END $$;
DO $$ BEGIN INSERT INTO made VALUES (50); INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (1); END $$;
SELECT count(*) FROM made WHERE x = 50;
DO $$ BEGIN INSERT INTO made VALUES (60); BEGIN INSERT INTO t (a) VALUES (7); INSERT INTO t (a) VALUES (7); EXCEPTION WHEN unique_violation THEN INSERT INTO made VALUES (61); END; END $$;
SELECT * FROM made ORDER BY x;
SELECT a FROM t;
DO $$ BEGIN INSERT INTO t (a) VALUES (-1); EXCEPTION WHEN integrity_constraint_violation THEN INSERT INTO made VALUES (70); END $$;
DO $$ BEGIN SELECT 1 / 0; END $$;
DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN RAISE NOTICE 'caught'; WHEN OTHERS THEN RAISE NOTICE 'other'; END $$;
DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN RAISE WARNING 'other % %', 1, NULL; END $$;
DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN SQLSTATE '22012' THEN null; END $$;
DO $$ BEGIN RAISE EXCEPTION 'no % of % %%', 1, 'x'; END $$;
DO $$ BEGIN RAISE EXCEPTION 'coded' USING ERRCODE = '22000', DETAIL = 'the detail', HINT = 'the hint'; END $$;
DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'only', ERRCODE = 'unique_violation'; END $$;
DO $$ BEGIN RAISE unique_violation; END $$;
DO $$ BEGIN RAISE INFO 'for %', current_database() IS NOT NULL; END $$;
DO $$ BEGIN RETURN; RAISE EXCEPTION 'never'; END $$;
DO $$ BEGIN EXECUTE 'CREATE TABLE executed (a int)'; EXECUTE 'INSERT INTO executed VALUES (1)'; END $$;
SELECT * FROM executed;
DO $$ BEGIN nonsense; END $$;
DO $$ BEGIN x := 1; END $$;
DO $$ BEGIN IF true THEN NULL; END $$;
DO $$ BEGIN RAISE NOTICE '% %', 1; END $$;
DO LANGUAGE sql $$ SELECT 1 $$;
BEGIN;
DO $$ BEGIN INSERT INTO made VALUES (80); END $$;
ROLLBACK;
SELECT count(*) FROM made WHERE x = 80;
BEGIN;
DO $$ BEGIN INSERT INTO made VALUES (90); END $$;
COMMIT;
SELECT count(*) FROM made WHERE x = 90;
DROP SCHEMA trg_do;
