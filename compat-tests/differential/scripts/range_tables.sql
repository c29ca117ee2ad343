-- Tables with ranges: columns, keys, indexes, defaults, joins, COPY.
CREATE TABLE booking (id int PRIMARY KEY, room int, during tsrange, price numrange DEFAULT '[0,100)', days daterange[], blocks int4multirange DEFAULT '{}');
INSERT INTO booking VALUES (1, 1, '[2020-01-01 14:00,2020-01-03 10:00)', DEFAULT, '{"[2020-01-01,2020-01-03]"}', '{[1,2),[5,9)}');
INSERT INTO booking (id, room, during) VALUES (2, 1, tsrange('2020-01-03 10:00', '2020-01-05', '[)')), (3, 2, 'empty'), (4, NULL, NULL);
INSERT INTO booking VALUES (5, 2, '[2020-01-05,2020-01-04)');
INSERT INTO booking VALUES (5, 2, 'nonsense');
INSERT INTO booking VALUES (5, 2, 5);
INSERT INTO booking (id, blocks) VALUES (5, int4range(1,2));
INSERT INTO booking (id, blocks) VALUES (5, int4range(1,2)::int4multirange) RETURNING *;
SELECT * FROM booking ORDER BY id;
SELECT id FROM booking WHERE during && '[2020-01-02,2020-01-04)' ORDER BY id;
SELECT id, upper(during) - lower(during) AS length FROM booking WHERE during @> timestamp '2020-01-02' ORDER BY id;
SELECT a.id, b.id FROM booking a JOIN booking b ON a.during -|- b.during ORDER BY 1, 2;
UPDATE booking SET during = during + tsrange('2020-01-05', '2020-01-06'), blocks = blocks + '{[100,200)}' WHERE id = 2 RETURNING during, blocks;
UPDATE booking SET price = price * numrange(50, 60, '[]') WHERE price IS NOT NULL;
SELECT id, price FROM booking ORDER BY price, id;
DELETE FROM booking WHERE isempty(during) RETURNING id;
SELECT id, during FROM booking ORDER BY during DESC NULLS LAST, id;
SELECT column_name, data_type, udt_name, column_default FROM information_schema.columns WHERE table_name = 'booking' ORDER BY ordinal_position;
SELECT attname, format_type(atttypid, atttypmod), pg_get_expr(adbin, adrelid) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = 'booking'::regclass AND attnum > 0 ORDER BY attnum;
-- Keys.
CREATE TABLE keyed (r int4range PRIMARY KEY, n numrange UNIQUE, m int8multirange UNIQUE);
INSERT INTO keyed VALUES ('[1,2]', '[1,2]', '{[1,2]}'), ('[1,3]', '[1,3]', '{[1,3]}');
INSERT INTO keyed VALUES ('[1,3)', NULL, NULL);
INSERT INTO keyed VALUES ('[5,6)', '[1.0,2.00]', NULL);
INSERT INTO keyed VALUES ('[5,6)', NULL, '{[1,3)}');
INSERT INTO keyed VALUES ('[1,3)', '[7,8]', NULL) ON CONFLICT (r) DO UPDATE SET n = excluded.n RETURNING *;
INSERT INTO keyed VALUES ('[9,10]', '[7.0,8.0]', NULL) ON CONFLICT DO NOTHING RETURNING *;
INSERT INTO keyed VALUES (NULL, NULL, NULL);
SELECT * FROM keyed WHERE r = '(0,2]';
SELECT * FROM keyed WHERE n = '[7.00,8]';
SELECT * FROM keyed WHERE r IN ('[1,2]', '[1,4)') ORDER BY r;
SELECT * FROM keyed WHERE r > '[1,3)' ORDER BY r;
CREATE TABLE refers (id int, r int4range REFERENCES keyed);
INSERT INTO refers VALUES (1, '[1,2]'), (2, NULL);
INSERT INTO refers VALUES (3, '[100,200)');
DELETE FROM keyed WHERE r = '[1,2]';
SELECT k.r, f.id FROM keyed k JOIN refers f USING (r);
CREATE TABLE refers_num (n numrange REFERENCES keyed (n));
INSERT INTO refers_num VALUES ('[7.000,8]');
INSERT INTO refers_num VALUES ('[7.000,8)');
CREATE TABLE many (id int, r int4range, n numrange);
INSERT INTO many SELECT i, int4range(i, i + 5), numrange(i, i + 0.5) FROM generate_series(1, 100) i;
CREATE INDEX many_r ON many (r);
CREATE INDEX many_lower ON many (lower(n));
CREATE UNIQUE INDEX many_n ON many (n);
SELECT id FROM many WHERE r = '[9,13]';
SELECT id FROM many WHERE r > '[98,99)' ORDER BY r;
SELECT id FROM many WHERE lower(n) = 10;
SELECT id FROM many WHERE n = '[10.0,10.50)';
SELECT count(*) FROM many WHERE r @> 50;
SELECT count(*) FROM many a JOIN many b ON a.r = b.r;
SELECT count(*) FROM many a JOIN many b ON a.r && b.r;
SELECT range_agg(r) FROM many;
INSERT INTO many VALUES (0, NULL, '[10.00,10.500)');
SELECT indexdef FROM pg_indexes WHERE tablename = 'many' ORDER BY 1;
-- Checks, generated columns, domains, views, functions.
CREATE TABLE checked (r int4range NOT NULL CHECK (NOT isempty(r) AND lower_inc(r)), low int GENERATED ALWAYS AS (lower(r)) STORED);
INSERT INTO checked VALUES ('[5,9]') RETURNING *;
INSERT INTO checked VALUES ('empty');
INSERT INTO checked VALUES ('(,5)');
INSERT INTO checked VALUES (NULL);
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'checked'::regclass ORDER BY 1;
CREATE DOMAIN span AS int4range CHECK (NOT isempty(VALUE));
SELECT '[1,2]'::span, 'empty'::int4range;
CREATE TABLE spans (s span);
INSERT INTO spans VALUES ('[1,2]');
INSERT INTO spans VALUES ('empty');
SELECT s, s && '[2,9)' FROM spans;
SELECT '[1,2]'::span @> 1, lower('[1,2]'::span), '[1,2]'::span * int4range(2,9);
CREATE VIEW wide AS SELECT r, upper(r) - lower(r) AS width, r @> 7 AS has FROM checked WHERE r && int4range(1, 100);
SELECT * FROM wide;
SELECT pg_get_viewdef('wide'::regclass);
CREATE FUNCTION overlap(a int4range, b int4range) RETURNS bool LANGUAGE sql AS 'SELECT a && b';
SELECT overlap('[1,5)', '[4,9)'), overlap('[1,5)', NULL);
CREATE TABLE changed (a text, r int4range);
INSERT INTO changed VALUES ('[1,5]', '[1,5]');
ALTER TABLE changed ALTER a TYPE int4range USING a::int4range, ALTER r TYPE text;
SELECT * FROM changed;
ALTER TABLE changed ADD n numrange DEFAULT '[1,2]', ADD m nummultirange DEFAULT '{[1,2],[3,4]}';
SELECT * FROM changed;
-- COPY.
CREATE TABLE copied (id int, r int4range, t tstzrange, m datemultirange, a int8range[]);
COPY copied FROM STDIN;
1	[1,5]	["2020-01-01 10:00+02",)	{[2020-01-01,2020-01-05]}	{"[1,2]",empty}
2	empty	\N	{}	{}
\.
COPY copied FROM STDIN (FORMAT csv);
3,"[1,5]","[""2020-01-01 10:00+02"",)","{[2020-01-01,2020-01-05],[2021-01-01,)}",
\.
COPY copied TO STDOUT;
COPY copied TO STDOUT (FORMAT csv);
SELECT * FROM copied ORDER BY id;
