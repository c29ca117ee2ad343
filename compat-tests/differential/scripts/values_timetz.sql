-- time with time zone: formats, order, arithmetic.
--@ extended
SELECT '10:30'::timetz;
SELECT '10:30:15.123456+02'::timetz;
SELECT '10:30:15.1234567-03:30'::timetz(3);
SELECT '04:05:06 PM PST'::timetz;
SELECT '12:00 AM'::timetz;
SELECT '040506-08'::timetz;
SELECT '24:00:00+15:59:59'::timetz;
SELECT 'allballs'::timetz;
SELECT '2003-04-12 04:05:06 America/New_York'::timetz;
SELECT '04:05:06 America/New_York'::timetz;
SELECT '04:05:06 MSK'::timetz;
SELECT '04:05:06 Etc/GMT+5'::timetz;
SELECT '04:05:06 Nowhere/Land'::timetz;
SELECT ''::timetz;
SELECT '25:00+00'::timetz;
SELECT '10:00+17'::timetz;
SELECT 'abc'::timetz;
SELECT time with time zone '10:30:00-05', timetz(2) '01:02:03.456+01';
CREATE TABLE v (id int PRIMARY KEY, x timetz, y time(1) with time zone DEFAULT '01:02:03.456+01', z timetz[]);
INSERT INTO v VALUES (1, '10:30'), (2, '10:30+02'), (3, '08:30'), (4, '10:30-02');
INSERT INTO v VALUES (5, '23:00-05', '11:11:11.19', '{10:00+01,NULL,"09:00+00"}');
INSERT INTO v VALUES (6, NULL);
INSERT INTO v VALUES (7, '');
INSERT INTO v VALUES (8, '00:30+05'), (9, '12:30+02');
SELECT * FROM v ORDER BY id;
SELECT id, x FROM v ORDER BY x, id;
SELECT id, x FROM v ORDER BY x DESC NULLS LAST, id;
SELECT id, x::text, x::time, x::varchar FROM v ORDER BY id;
SELECT min(x), max(x), count(DISTINCT x) FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT DISTINCT x FROM v;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
SELECT id FROM v WHERE x = '10:30+00' ORDER BY id;
SELECT id FROM v WHERE x <> '10:30+00' ORDER BY id;
SELECT id FROM v WHERE x >= '08:30+00' ORDER BY id;
SELECT id FROM v WHERE x IN ('08:30+00', '10:30+02') ORDER BY id;
SELECT id FROM v WHERE x BETWEEN '08:00+00' AND '10:30+00' ORDER BY id;
SELECT id FROM v WHERE x = ANY ('{10:30+02,08:30+00}') ORDER BY id;
SELECT greatest('10:00+00'::timetz, '11:00+02'), least('10:00+00'::timetz, '11:00+02');
SELECT array_agg(x ORDER BY x) FROM v;
SELECT ARRAY['10:00+00'::timetz, '11:00+02'] < ARRAY['10:00+00'::timetz, '11:00+00'];
--@ bind '10:30+02'
--@ bind '10:30'
--@ bind NULL
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '10:30+02'
SELECT $1::timetz;
--@ bind '{10:30+02,11:00-01:30}'
SELECT $1::timetz[];
CREATE UNIQUE INDEX ON v (x);
INSERT INTO v VALUES (20, '10:30:00+00');
INSERT INTO v VALUES (21, '12:30+02') ON CONFLICT (x) DO UPDATE SET y = '05:00+00' RETURNING id, x, y;
CREATE TABLE k (x timetz PRIMARY KEY);
INSERT INTO k VALUES ('10:00+00'), ('11:00+01');
INSERT INTO k VALUES ('10:00:00+00:00');
SELECT x FROM k ORDER BY x;
ALTER TABLE k ALTER x TYPE time;
SELECT x, 1 FROM k ORDER BY x;
COPY (SELECT id, x FROM v ORDER BY id) TO STDOUT;
COPY v (id, x) FROM STDIN;
30	01:01:01.5+03:30
31	\N
\.
SELECT id, x FROM v WHERE id >= 30 ORDER BY id;
SELECT extract(hour FROM '10:20:30.5-03:30'::timetz), extract(timezone FROM '10:20:30.5-03:30'::timetz), extract(timezone_hour FROM '10:20:30.5-03:30'::timetz), extract(timezone_minute FROM '10:20:30.5-03:30'::timetz);
SELECT extract(epoch FROM '10:20:30.5-03:30'::timetz), extract(microseconds FROM '10:20:30.5-03:30'::timetz), extract(milliseconds FROM '10:20:30.5+01'::timetz), extract(second FROM '10:20:30.5+01'::timetz);
SELECT date_part('timezone', '10:20:30.5+01'::timetz), date_part('minute', '10:20:30.5+01'::timetz), date_part('epoch', '00:00+01'::timetz);
SELECT extract(day FROM '10:20:30.5+01'::timetz);
SELECT extract(fortnight FROM '10:20:30.5+01'::timetz);
SELECT '10:20:30+01'::timetz AT TIME ZONE 'UTC', '10:20:30+01'::timetz AT TIME ZONE INTERVAL '-08:00', '01:00+01'::timetz AT TIME ZONE '-05';
SELECT timezone('Asia/Tokyo', '10:20:30+01'::timetz), '22:00+00'::timetz AT TIME ZONE 'JST';
SELECT x AT TIME ZONE 'Nowhere' FROM v WHERE id = 1;
SELECT '10:20:30+01'::timetz AT TIME ZONE INTERVAL '1 day';
SELECT '10:20+01'::timetz + interval '1 day 02:00', '10:20+01'::timetz - interval '11 hours', interval '20 hours' + '10:20+01'::timetz;
SELECT date '2020-02-03' + timetz '10:20+01', timetz '23:00-05' + date '2020-12-31', date 'infinity' + timetz '10:00+00';
SELECT date '5874897-12-31' + timetz '10:20+01';
SELECT timetz '10:20+01' - timetz '10:00+01';
SELECT (timetz '10:00+00', timetz '12:00+00') OVERLAPS (timetz '12:30+02', timetz '15:00+02');
SELECT (timetz '10:00+00', timetz '12:00+00') OVERLAPS (timetz '15:00+02', timetz '14:00+02'), (timetz '10:00+00', NULL) OVERLAPS (timetz '10:00+00', timetz '14:00+02');
SELECT '2020-07-01 12:34:56+00'::timestamptz::timetz, '2020-07-01 12:34:56+00'::timestamptz::timetz(0), 'infinity'::timestamptz::timetz;
SELECT '10:20'::time::timetz, '10:20+05'::timetz::time, '10:20'::time = '10:20+00'::timetz, '10:20'::time < '10:20-01'::timetz;
SELECT '2020-07-01 12:34:56'::timestamp::timetz;
SELECT '10:20+05'::timetz::timestamptz;
SELECT '10:20+05'::timetz::interval;
SELECT to_char('10:20+05'::timetz, 'HH24:MI');
SELECT pg_typeof(current_time), pg_typeof(current_time(2)), current_time = now()::timetz, 'now'::timetz = now()::timetz;
SELECT to_json('10:20:30+05'::timetz), to_jsonb(ARRAY['10:20:30+05:30'::timetz]), row_to_json(r) FROM (SELECT '10:20+00'::timetz AS t) r;
SELECT * FROM json_to_record('{"a": "10:20+03"}') AS t(a timetz);
SELECT format_type('timetz'::regtype, 2), pg_typeof('10:00'::timetz(2)), 'time(2) with time zone'::regtype;
SELECT column_name, data_type, datetime_precision, udt_name FROM information_schema.columns WHERE table_name = 'v' ORDER BY ordinal_position;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'v'::regclass AND attnum > 0 ORDER BY attnum;
SELECT oid, typname, typlen, typcategory, typarray FROM pg_type WHERE typname = 'timetz';
SET TimeZone = 'Asia/Tokyo';
SELECT '10:20'::timetz, '10:20+00'::timetz, '10:20'::time::timetz, '2020-07-01 12:34:56+00'::timestamptz::timetz;
SET DateStyle = 'German';
SELECT '10:20'::timetz, '2020-07-01 12:34:56+00'::timestamptz::timetz::text;
SET DateStyle = 'ISO';
SET TimeZone = 'America/New_York';
SELECT '2020-07-01 10:00'::timetz, '2020-01-01 10:00'::timetz, '10:00'::timetz = ('2020-07-01 10:00'::date + ('10:00'::timetz - interval '0'))::timetz IS NOT NULL;
SELECT '10:00'::timetz = '10:00'::time::timetz, extract(timezone FROM current_time) = extract(timezone FROM now());
RESET TimeZone;
CREATE TYPE tzr AS RANGE (subtype = timetz);
SELECT '[10:00+00,12:00+00)'::tzr @> '13:00+02'::timetz, '[10:00+00,12:00+00)'::tzr @> '13:00-02'::timetz;
CREATE VIEW w AS SELECT x, x + interval '1 hour' AS y FROM v WHERE x > '09:00+00';
SELECT pg_get_viewdef('w');
CREATE TABLE d (a timetz DEFAULT current_time, b timetz DEFAULT '10:00+01', c timetz GENERATED ALWAYS AS (timetz '01:00+00' + interval '1 hour') STORED);
INSERT INTO d DEFAULT VALUES RETURNING a = current_time, b, c;
