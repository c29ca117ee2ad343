-- date: formats, bounds, arithmetic.
--@ extended
SELECT '2024-01-31'::date;
SELECT '2024-2-9'::date;
SELECT '20240229'::date;
SELECT 'January 8, 1999'::date;
SELECT 'Jan-08-1999'::date;
SELECT '08-Jan-1999'::date;
SELECT '8 January 1999'::date;
SELECT '1999.008'::date;
SELECT 'J2451187'::date;
SELECT '1/8/1999'::date;
SELECT '2024-12-31'::date;
SELECT '0001-01-01'::date;
SELECT '0044-03-15 BC'::date;
SELECT 'March 15, 44 BC'::date;
SELECT 'infinity'::date;
SELECT '-infinity'::date;
SELECT 'epoch'::date;
SELECT '9999-12-31'::date;
SELECT '5874897-12-31'::date;
SELECT '4713-01-01 BC'::date;
SELECT '99-Jan-08'::date;
SELECT '1999-Jan-08'::date;
SELECT '2024-06-15 12:34:56'::date;
SELECT ''::date;
SELECT 'abc'::date;
SELECT '2023-02-29'::date;
SELECT '2024-13-01'::date;
SELECT '2024-00-10'::date;
SELECT '2024-01-32'::date;
SELECT '1999-01'::date;
SELECT '5874898-01-01'::date;
SELECT '4714-01-01 BC'::date;
SELECT '24:00'::date;
SELECT '2024-01-01x'::date;
SELECT '13/13/2024'::date;
SELECT '0000-01-01'::date;
CREATE TABLE v (id int PRIMARY KEY, x date);
INSERT INTO v VALUES (1, '2024-01-31');
INSERT INTO v VALUES (2, '2024-2-9');
INSERT INTO v VALUES (3, '20240229');
INSERT INTO v VALUES (4, 'January 8, 1999');
INSERT INTO v VALUES (5, 'Jan-08-1999');
INSERT INTO v VALUES (6, '08-Jan-1999');
INSERT INTO v VALUES (7, '8 January 1999');
INSERT INTO v VALUES (8, '1999.008');
INSERT INTO v VALUES (9, 'J2451187');
INSERT INTO v VALUES (10, '1/8/1999');
INSERT INTO v VALUES (11, '2024-12-31');
INSERT INTO v VALUES (12, '0001-01-01');
INSERT INTO v VALUES (13, '0044-03-15 BC');
INSERT INTO v VALUES (14, 'March 15, 44 BC');
INSERT INTO v VALUES (15, 'infinity');
INSERT INTO v VALUES (16, '-infinity');
INSERT INTO v VALUES (17, 'epoch');
INSERT INTO v VALUES (18, '9999-12-31');
INSERT INTO v VALUES (19, '5874897-12-31');
INSERT INTO v VALUES (20, '4713-01-01 BC');
INSERT INTO v VALUES (21, '99-Jan-08');
INSERT INTO v VALUES (22, '1999-Jan-08');
INSERT INTO v VALUES (23, '2024-06-15 12:34:56');
INSERT INTO v VALUES (24, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, 'abc');
INSERT INTO v VALUES (100, '2023-02-29');
--@ bind '2024-01-31'
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '2024-2-9'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind '2024-01-31'
SELECT $1::date;
--@ bind '2024-2-9'
SELECT $1::date;
--@ bind '20240229'
SELECT $1::date;
--@ bind 'January 8, 1999'
SELECT $1::date;
--@ bind 'Jan-08-1999'
SELECT $1::date;
--@ bind '08-Jan-1999'
SELECT $1::date;
--@ bind ''
SELECT $1::date;
--@ bind 'abc'
SELECT $1::date;
--@ bind '2023-02-29'
SELECT $1::date;
SELECT date '2024-01-31' + 1, date '2024-01-31' - 31, date '2024-03-01' - date '2024-02-01', 1 + date '2024-01-31';
SELECT date '2024-01-31' + interval '1 month', pg_typeof(date '2024-01-31' + interval '1 month');
SELECT date '2024-01-31' + time '10:30';
SELECT date '2024-01-31' - interval '1 day 2 hours';
SELECT extract(year from date '2024-06-15'), extract(month from date '2024-06-15'), extract(day from date '2024-06-15'), extract(dow from date '2024-06-15'), extract(isodow from date '2024-06-16'), extract(doy from date '2024-12-31'), extract(week from date '2024-01-01'), extract(isoyear from date '2021-01-01'), extract(quarter from date '2024-06-15'), extract(epoch from date '2024-06-15'), extract(century from date '2024-06-15'), extract(decade from date '2024-06-15'), extract(millennium from date '2001-01-01'), extract(julian from date '2024-06-15');
SELECT extract(hour from date '2024-06-15');
SELECT extract(nosuch from date '2024-06-15');
SELECT date_part('year', date '2024-06-15'), date_trunc('month', date '2024-06-15'), date_trunc('week', date '2024-06-15');
SELECT age(date '2024-06-15', date '1999-12-31'), date '2024-06-15' < '2024-06-16', date '2024-06-15' = timestamp '2024-06-15 00:00';
SELECT make_date(2024, 2, 29), make_date(-44, 3, 15);
SELECT make_date(2023, 2, 29);
SELECT to_char(date '2024-06-05', 'YYYY-MM-DD Day Mon D DDD WW IW Q J');
SELECT to_date('05 Jun 2024', 'DD Mon YYYY'), to_date('2024-060', 'YYYY-DDD'), to_date('20240605', 'YYYYMMDD');
SELECT to_date('2024-02-30', 'YYYY-MM-DD');
SELECT isfinite(date 'infinity'), isfinite(date '2024-01-01'), date 'infinity' > date '9999-12-31';
SELECT date 'infinity' - date '2024-01-01';
SELECT date 'infinity' + 1;
SELECT '2024-01-31'::date::timestamp, '2024-01-31'::date::timestamptz, '2024-01-31'::date::text;
SELECT '2024-01-31'::date::int;
SELECT date '2024-01-31' + date '2024-01-31';
SELECT date '2024-01-31' * 2;
SELECT date '2024-01-31' + 3000000;
SELECT date '2024-01-31' + 2147483647;
SELECT min(x), max(x) FROM v;
SELECT date_bin('7 days', date '2024-06-15', date '2024-01-01');
SELECT (date '2024-01-01', date '2024-02-01') OVERLAPS (date '2024-01-15', date '2024-03-01');
SELECT generate_series(date '2024-01-30', date '2024-02-02', interval '1 day');
SET DateStyle = 'ISO, DMY';
SELECT '1/8/1999'::date, '13/2/2024'::date;
SELECT '2/13/2024'::date;
SET DateStyle = 'ISO, YMD';
SELECT '99/1/8'::date;
SET DateStyle = 'SQL, DMY';
SELECT date '2024-06-15', timestamp '2024-06-15 12:34:56';
SET DateStyle = 'German';
SELECT date '2024-06-15', timestamp '2024-06-15 12:34:56.5';
SET DateStyle = 'Postgres, MDY';
SELECT date '2024-06-15', timestamp '2024-06-15 12:34:56', timestamptz '2024-06-15 12:34:56+02';
SHOW DateStyle;
RESET DateStyle;
SELECT date 'today' = current_date, date 'tomorrow' - current_date, date 'yesterday' - current_date;
