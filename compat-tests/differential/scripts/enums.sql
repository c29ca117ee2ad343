-- Enums: definitions, values, order, arrays, parameters, catalogs.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE mood AS ENUM ('sad');
CREATE TYPE long AS ENUM ('123456789012345678901234567890123456789012345678901234567890abcd');
CREATE TYPE nothing AS ENUM ();
CREATE TYPE "Odd Name" AS ENUM ('it''s', 'two words', 'comma,', '"quoted"', '{brace}', '');
CREATE TABLE mood (a int);
CREATE VIEW mood AS SELECT 1;
CREATE TABLE taken (a int);
CREATE TYPE taken AS ENUM ('a');
-- Values.
SELECT 'sad'::mood, CAST('ok' AS mood), mood 'happy';
SELECT 'Sad'::mood;
SELECT ''::mood;
SELECT 'sad '::mood;
SELECT NULL::mood;
SELECT 1::mood;
SELECT 'two words'::"Odd Name", ''::"Odd Name", '"quoted"'::"Odd Name";
SELECT 'x'::"Odd Name";
SELECT 'x'::nothing;
SELECT 'x'::nosuch;
SELECT 'x'::nosuch.mood;
SELECT 'x'::public.mood;
SELECT lower('OK')::mood, ('s' || 'ad')::mood;
SELECT lower('BAD')::mood;
SELECT x::mood FROM (VALUES ('sad'), ('happy')) AS v (x) ORDER BY 1 DESC;
SELECT x::mood FROM (VALUES ('sad'), ('angry')) AS v (x);
SELECT 'sad'::varchar(10)::mood, 'sad'::name::mood;
SELECT 'sad'::mood::text, 'sad'::mood::varchar(2), length('happy'::mood::text);
SELECT 'sad'::mood::int;
SELECT 'sad'::mood || '!', 'a' || 'ok'::mood;
SELECT upper('sad'::mood::text), upper('sad'::mood);
SELECT pg_typeof('sad'::mood), pg_typeof('{sad}'::mood[]);
SELECT format('%s %L', 'sad'::mood, 'ok'::mood), concat('sad'::mood, 1);
-- Comparison is by the order of the labels.
SELECT 'sad'::mood < 'ok', 'ok'::mood < 'happy', 'happy'::mood > 'ok'::mood, 'sad'::mood >= 'ok', 'ok'::mood <= 'ok';
SELECT 'sad'::mood = 'sad', 'sad'::mood <> 'ok', 'sad'::mood = 'sad'::text;
SELECT 'sad'::mood = 'angry';
SELECT 'sad'::mood BETWEEN 'sad' AND 'ok', 'happy'::mood IN ('sad', 'happy'), 'happy'::mood NOT IN ('sad', 'happy');
SELECT 'sad'::mood IS DISTINCT FROM 'ok', 'sad'::mood IS NOT DISTINCT FROM NULL;
SELECT 'sad'::mood = NULL, NULL::mood < 'ok';
SELECT greatest('sad'::mood, 'happy', 'ok'), least('sad'::mood, 'happy', 'ok'), greatest(NULL::mood, 'sad');
SELECT nullif('sad'::mood, 'sad'), nullif('sad'::mood, 'ok'), coalesce(NULL, 'ok'::mood);
SELECT CASE WHEN true THEN 'sad'::mood ELSE 'ok' END, CASE 'sad'::mood WHEN 'ok' THEN 1 WHEN 'sad' THEN 2 END;
SELECT enum_first(NULL::mood), enum_last(NULL::mood), enum_range(NULL::mood);
SELECT enum_range('ok'::mood, NULL), enum_range(NULL, 'ok'::mood), enum_range('ok'::mood, 'happy'), enum_range('happy'::mood, 'sad');
SELECT enum_first('ok'::mood), enum_range(NULL::nothing), enum_first(NULL::"Odd Name");
-- Columns.
CREATE TABLE person (id int PRIMARY KEY, m mood DEFAULT 'ok', n mood NOT NULL DEFAULT 'sad'::mood, ms mood[], CHECK (m <> 'sad' OR id < 100));
INSERT INTO person (id, m) VALUES (1, 'happy'), (2, 'sad'), (3, NULL);
INSERT INTO person (id) VALUES (4) RETURNING m, n, ms;
INSERT INTO person (id, m) VALUES (5, 'angry');
INSERT INTO person (id, m) VALUES (6, 'sad'::text);
INSERT INTO person (id, m) VALUES (200, 'sad');
INSERT INTO person (id, m) SELECT 7, 'happy';
INSERT INTO person (id, m) SELECT 8, 'happy'::text;
INSERT INTO person (id, m, ms) VALUES (9, DEFAULT, '{sad,happy}'), (10, 'ok', ARRAY['ok', NULL]::mood[]), (11, 'ok', '{}');
INSERT INTO person (id, ms) VALUES (12, '{sad,angry}');
INSERT INTO person (id, ms) VALUES (12, ARRAY['sad']);
UPDATE person SET m = 'sad' WHERE m = 'ok' AND id < 10;
UPDATE person SET m = lower('HAPPY')::mood WHERE id = 4 RETURNING m;
UPDATE person SET m = 'nope';
SELECT id, m FROM person ORDER BY m, id;
SELECT id, m FROM person ORDER BY m DESC NULLS LAST, id;
SELECT id FROM person WHERE m > 'sad' ORDER BY id;
SELECT id FROM person WHERE m IN ('ok', 'happy') ORDER BY id;
SELECT m, count(*) FROM person GROUP BY m ORDER BY m;
SELECT DISTINCT m FROM person ORDER BY m;
SELECT DISTINCT ON (m) m, id FROM person ORDER BY m, id DESC;
SELECT min(m), max(m), count(DISTINCT m), min(m) FILTER (WHERE id > 4) FROM person;
SELECT n, max(m) FROM person GROUP BY n HAVING max(m) > 'ok';
SELECT array_agg(m ORDER BY m, id), array_agg(DISTINCT m), string_agg(m::text, ',' ORDER BY m) FROM person;
SELECT id, rank() OVER (ORDER BY m), max(m) OVER (ORDER BY id), lag(m) OVER (ORDER BY id) FROM person ORDER BY id;
SELECT m FROM person UNION SELECT 'ok' ORDER BY m DESC;
SELECT m FROM person EXCEPT SELECT 'ok'::mood ORDER BY 1;
SELECT m FROM person UNION ALL SELECT 'x';
SELECT m FROM person UNION SELECT 'x'::text;
VALUES ('ok'::mood), ('sad'), ('happy') ORDER BY 1;
SELECT a.id, b.id FROM person a JOIN person b USING (m) WHERE a.id < b.id ORDER BY m, 1, 2;
SELECT id FROM person WHERE m = (SELECT max(m) FROM person) ORDER BY id;
SELECT id FROM person WHERE m > ALL (SELECT 'sad'::mood) ORDER BY id;
SELECT id FROM (SELECT id, m FROM person ORDER BY m FETCH FIRST 2 ROWS WITH TIES) AS t ORDER BY id;
SELECT mode() WITHIN GROUP (ORDER BY m) FROM person;
SELECT to_json(m), row_number() OVER (PARTITION BY m ORDER BY id) FROM person WHERE id < 5 ORDER BY id;
SELECT json_agg(m ORDER BY id), jsonb_object_agg(id, m ORDER BY id) FROM person WHERE id < 5;
-- Arrays.
SELECT '{sad,ok,NULL}'::mood[], ARRAY['sad'::mood, 'ok'], ARRAY['ok', 'sad'::mood];
SELECT '{sad,angry}'::mood[];
SELECT '{"two words","comma,",""}'::"Odd Name"[];
SELECT ARRAY['sad', 'ok']::mood[], ARRAY['sad', 'x']::mood[];
SELECT x::mood[] FROM (VALUES (ARRAY['sad'])) AS v (x);
SELECT x::mood[] FROM (VALUES (ARRAY['angry'])) AS v (x);
SELECT '{sad,ok}'::mood[]::text[], ('{sad,ok}'::mood[])[2], array_length('{sad,ok}'::mood[], 1);
SELECT 'sad' = ANY ('{sad,ok}'::mood[]), 'sad'::mood = ANY (ARRAY['ok']::mood[]), 'ok'::mood <> ALL ('{sad}');
SELECT '{sad}'::mood[] = '{sad}', '{sad}'::mood[] || 'ok'::mood, array_append('{sad}'::mood[], 'ok');
SELECT unnest('{happy,sad}'::mood[]) ORDER BY 1;
SELECT '{sad,ok}'::mood[] @> '{ok}', array_position('{sad,ok}'::mood[], 'ok'), array_to_string('{sad,NULL}'::mood[], '-', '*');
SELECT id, ms FROM person WHERE ms IS NOT NULL ORDER BY id;
SELECT id FROM person WHERE 'happy' = ANY (ms) ORDER BY id;
SELECT id, u FROM person, unnest(ms) AS u ORDER BY id, u;
-- Parameters.
--@ bind 'happy'
--@ bind 'nosuch'
--@ bind NULL
SELECT id FROM person WHERE m = $1 ORDER BY id;
--@ bind '{sad,happy}'
--@ bind '{sad,x}'
SELECT id FROM person WHERE m = ANY ($1) ORDER BY id;
--@ bind '20', 'ok', '{ok}'
--@ bind '21', 'x', '{ok}'
INSERT INTO person (id, m, ms) VALUES ($1, $2, $3) RETURNING id, m, ms;
--@ bind 'sad', 'happy'
SELECT $1::mood < $2, $2;
PREPARE by_mood (mood) AS SELECT id FROM person WHERE m = $1 ORDER BY id;
EXECUTE by_mood ('happy');
EXECUTE by_mood ('nosuch');
DEALLOCATE by_mood;
-- COPY.
COPY person (id, m, ms) FROM STDIN;
30	happy	{sad,ok}
31	\N	\N
\.
COPY person (id, m) FROM STDIN;
32	nosuch
\.
COPY (SELECT id, m, ms FROM person WHERE id >= 30 ORDER BY id) TO STDOUT;
-- Changes of the type.
ALTER TYPE mood ADD VALUE 'great';
ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok';
ALTER TYPE mood ADD VALUE 'fair' AFTER 'meh';
ALTER TYPE mood ADD VALUE 'worst' BEFORE 'sad';
ALTER TYPE mood ADD VALUE 'meh';
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'meh';
ALTER TYPE mood ADD VALUE 'x' AFTER 'nope';
ALTER TYPE nosuch ADD VALUE 'x';
ALTER TYPE taken ADD VALUE 'x';
ALTER TYPE int4 ADD VALUE 'x';
SELECT enum_range(NULL::mood);
INSERT INTO person (id, m) VALUES (40, 'worst'), (41, 'fair'), (42, 'great');
SELECT id, m FROM person WHERE id >= 30 ORDER BY m, id;
SELECT enumlabel, enumsortorder FROM pg_enum WHERE enumtypid = 'mood'::regtype ORDER BY enumsortorder;
ALTER TYPE mood RENAME VALUE 'nope' TO 'x';
ALTER TYPE mood RENAME VALUE 'meh' TO 'ok';
ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';
INSERT INTO person (id) VALUES (50) RETURNING m, n;
SELECT id, m, ms FROM person WHERE m = 'fine' OR 'fine' = ANY (ms) ORDER BY id;
SELECT 'ok'::mood;
CREATE INDEX person_m ON person (m);
CREATE UNIQUE INDEX person_first ON person (id) WHERE m > 'fine';
SELECT id FROM person WHERE m > 'fine' ORDER BY id;
CREATE VIEW moods AS SELECT id, m FROM person WHERE m >= 'fine';
ALTER TYPE mood ADD VALUE 'best' AFTER 'great';
INSERT INTO person (id, m) VALUES (60, 'best');
SELECT * FROM moods ORDER BY m DESC, id LIMIT 3;
ALTER TABLE person ADD COLUMN extra mood DEFAULT 'great';
SELECT id, extra FROM person ORDER BY id LIMIT 2;
ALTER TABLE person ALTER COLUMN extra DROP DEFAULT, ALTER COLUMN extra TYPE text;
SELECT extra FROM person ORDER BY id LIMIT 1;
ALTER TABLE person ALTER COLUMN extra TYPE mood;
ALTER TABLE person ALTER COLUMN extra TYPE mood USING extra::mood;
SELECT extra, pg_typeof(extra) FROM person ORDER BY id LIMIT 1;
-- Names.
ALTER TYPE mood RENAME TO taken;
ALTER TYPE mood RENAME TO feeling;
INSERT INTO person (id) VALUES (70) RETURNING m, n;
SELECT 'fine'::feeling, 'x'::feeling;
SELECT 'fine'::mood;
CREATE SCHEMA other;
ALTER TYPE feeling SET SCHEMA nosuch;
ALTER TYPE feeling SET SCHEMA other;
SELECT 'x'::other.feeling;
SELECT 1::other.feeling;
SELECT pg_typeof(m), format_type('other.feeling'::regtype, NULL), 'other.feeling[]'::regtype FROM person WHERE id = 1;
INSERT INTO person (id) VALUES (71) RETURNING n;
SET search_path = other, public;
SELECT 'x'::feeling;
SELECT to_regtype('feeling'), to_regtype('nosuch');
RESET search_path;
ALTER TYPE other.feeling OWNER TO postgres;
COMMENT ON TYPE other.feeling IS 'how it is';
COMMENT ON TYPE nosuch IS 'x';
-- Catalogs.
SELECT typname, typlen, typbyval, typtype, typcategory, typispreferred, typisdefined, typdelim, typrelid, typinput, typoutput, typreceive, typsend, typalign, typstorage, typnotnull, typbasetype, typtypmod, typndims, typcollation, typdefault FROM pg_type WHERE typname IN ('feeling', '_feeling', 'Odd Name') ORDER BY typname;
SELECT t.typname, e.enumlabel FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typname = 'Odd Name' ORDER BY e.enumsortorder;
SELECT a.typname, e.typname FROM pg_type a JOIN pg_type e ON a.typelem = e.oid AND e.typarray = a.oid WHERE e.typname = 'feeling';
SELECT attname, format_type(atttypid, atttypmod), attlen, attbyval, attalign, attstorage, attndims FROM pg_attribute WHERE attrelid = 'person'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
SELECT column_name, data_type, udt_name FROM information_schema.columns WHERE table_name = 'person' ORDER BY ordinal_position;
-- In a transaction.
BEGIN;
CREATE TYPE fleeting AS ENUM ('a', 'b');
CREATE TABLE uses (f fleeting);
INSERT INTO uses VALUES ('b'), ('a');
SELECT f FROM uses ORDER BY f;
ROLLBACK;
SELECT 'a'::fleeting;
-- Dropping.
DROP TYPE other.feeling;
DROP TYPE taken;
DROP TYPE int4;
DROP DOMAIN other.feeling;
DROP TYPE nosuch;
DROP TYPE IF EXISTS nosuch;
DROP TYPE nothing;
CREATE TABLE one (a int, m other.feeling);
DROP VIEW moods;
DROP TABLE person;
DROP TYPE other.feeling CASCADE;
SELECT * FROM one;
DROP TYPE "Odd Name";
CREATE TYPE other.again AS ENUM ('x');
DROP SCHEMA other;
DROP SCHEMA other CASCADE;
CREATE TYPE shade AS ENUM ('dark', 'light');
CREATE FUNCTION takes_shade(shade) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION gives_shade() RETURNS shade LANGUAGE sql AS $$SELECT 'dark'::shade$$;
DROP TYPE shade;
DROP TYPE shade CASCADE;
SELECT takes_shade('dark');
SELECT gives_shade();
