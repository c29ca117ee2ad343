-- timestamp without time zone.
--@ extended
SELECT '2024-06-15 12:34:56'::timestamp;
SELECT '2024-06-15T12:34:56'::timestamp;
SELECT '2024-06-15 12:34:56.789'::timestamp;
SELECT '2024-06-15 12:34:56.123456'::timestamp;
SELECT '2024-06-15 12:34'::timestamp;
SELECT '2024-06-15'::timestamp;
SELECT '20240615T123456'::timestamp;
SELECT 'June 15, 2024 12:34 PM'::timestamp;
SELECT 'infinity'::timestamp;
SELECT '-infinity'::timestamp;
SELECT 'epoch'::timestamp;
SELECT '0001-01-01 00:00:00'::timestamp;
SELECT '0044-03-15 00:00:00 BC'::timestamp;
SELECT '294276-12-31 23:59:59.999999'::timestamp;
SELECT '2024-06-15 24:00:00'::timestamp;
SELECT '2024-06-15 12:34:56.9999999'::timestamp;
SELECT '12:34 2024-06-15'::timestamp;
SELECT '2024-06-15 12:34:56+02'::timestamp;
SELECT ''::timestamp;
SELECT 'abc'::timestamp;
SELECT '2024-02-30 00:00'::timestamp;
SELECT '2024-06-15 25:00'::timestamp;
SELECT '2024-06-15 12:60'::timestamp;
SELECT '294277-01-01'::timestamp;
SELECT '2024-06-15 12:34:56 xyz'::timestamp;
SELECT '2024-06-15 12:34:56.1.2'::timestamp;
SELECT '2024-06-15 12:34:61'::timestamp;
CREATE TABLE v (id int PRIMARY KEY, x timestamp);
INSERT INTO v VALUES (1, '2024-06-15 12:34:56');
INSERT INTO v VALUES (2, '2024-06-15T12:34:56');
INSERT INTO v VALUES (3, '2024-06-15 12:34:56.789');
INSERT INTO v VALUES (4, '2024-06-15 12:34:56.123456');
INSERT INTO v VALUES (5, '2024-06-15 12:34');
INSERT INTO v VALUES (6, '2024-06-15');
INSERT INTO v VALUES (7, '20240615T123456');
INSERT INTO v VALUES (8, 'June 15, 2024 12:34 PM');
INSERT INTO v VALUES (9, 'infinity');
INSERT INTO v VALUES (10, '-infinity');
INSERT INTO v VALUES (11, 'epoch');
INSERT INTO v VALUES (12, '0001-01-01 00:00:00');
INSERT INTO v VALUES (13, '0044-03-15 00:00:00 BC');
INSERT INTO v VALUES (14, '294276-12-31 23:59:59.999999');
INSERT INTO v VALUES (15, '2024-06-15 24:00:00');
INSERT INTO v VALUES (16, '2024-06-15 12:34:56.9999999');
INSERT INTO v VALUES (17, '12:34 2024-06-15');
INSERT INTO v VALUES (18, '2024-06-15 12:34:56+02');
INSERT INTO v VALUES (19, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, 'abc');
INSERT INTO v VALUES (100, '2024-02-30 00:00');
--@ bind '2024-06-15 12:34:56'
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '2024-06-15T12:34:56'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind '2024-06-15 12:34:56'
SELECT $1::timestamp;
--@ bind '2024-06-15T12:34:56'
SELECT $1::timestamp;
--@ bind '2024-06-15 12:34:56.789'
SELECT $1::timestamp;
--@ bind '2024-06-15 12:34:56.123456'
SELECT $1::timestamp;
--@ bind '2024-06-15 12:34'
SELECT $1::timestamp;
--@ bind '2024-06-15'
SELECT $1::timestamp;
--@ bind ''
SELECT $1::timestamp;
--@ bind 'abc'
SELECT $1::timestamp;
--@ bind '2024-02-30 00:00'
SELECT $1::timestamp;
SELECT timestamp '2024-01-31 10:00' + interval '1 month', timestamp '2024-03-31' - interval '1 month', timestamp '2024-06-15 12:00' - timestamp '2024-06-14 10:30', timestamp '2024-02-28' + interval '1 day 25 hours';
SELECT date_trunc('hour', timestamp '2024-06-15 12:34:56.789'), date_trunc('day', timestamp '2024-06-15 12:34:56'), date_trunc('week', timestamp '2024-06-15 12:34:56'), date_trunc('quarter', timestamp '2024-06-15 12:34:56'), date_trunc('century', timestamp '2024-06-15 12:34:56'), date_trunc('milliseconds', timestamp '2024-06-15 12:34:56.123456');
SELECT date_trunc('fortnight', timestamp '2024-06-15 12:34:56');
SELECT extract(epoch from timestamp '2024-06-15 12:34:56.789'), extract(microseconds from timestamp '2024-06-15 12:34:56.789'), extract(dow from timestamp '2024-06-16'), date_part('epoch', timestamp '2024-06-15 12:34:56.789');
SELECT extract(timezone from timestamp '2024-06-15');
SELECT timestamp '2024-06-15 12:00' AT TIME ZONE 'America/New_York', timestamp '2024-06-15 12:00' AT TIME ZONE 'UTC', timestamp '2024-06-15 12:00' AT TIME ZONE interval '-5 hours', timestamp '2024-06-15 12:00' AT TIME ZONE '+03';
SELECT timestamp '2024-06-15 12:00' AT TIME ZONE 'Nowhere/Land';
SELECT '2024-06-15 12:34:56.789'::timestamp(0), '2024-06-15 12:34:56.789'::timestamp(1), '2024-12-31 23:59:59.9'::timestamp(0);
SELECT '2024-06-15'::timestamp(7);
SELECT make_timestamp(2024, 6, 15, 12, 34, 56.789);
SELECT age(timestamp '2024-06-15 12:00', timestamp '2000-02-29 13:00'), age(timestamp '2000-02-29', timestamp '2024-06-15');
SELECT to_char(timestamp '2024-06-15 16:05:06.789', 'YYYY-MM-DD HH24:MI:SS.MS US AM Dy Month FMMonth DD th TZ');
SELECT to_char(timestamp '2024-06-05 04:05:06', 'FMDD FMMM HH:MI:SS pm "literal" YY YYY CC W');
SELECT to_timestamp('2024-06-15 12:34', 'YYYY-MM-DD HH24:MI'), to_timestamp(1718454896.5), to_timestamp(0);
SELECT to_timestamp('nonsense', 'YYYY');
SELECT timestamp '2024-06-15' = date '2024-06-15', timestamp '2024-06-15' < timestamptz '2024-06-15 00:00:01+00';
SELECT timestamp 'infinity' - timestamp '2024-01-01';
SELECT timestamp 'infinity' + interval '1 day', isfinite(timestamp 'infinity');
SELECT min(x), max(x) FROM v;
SELECT '2024-06-15 12:34:56'::timestamp::date, '2024-06-15 12:34:56'::timestamp::time, '2024-06-15 12:34:56'::timestamp::timestamptz, '2024-06-15 12:34:56'::timestamp::text;
SELECT date_bin('15 minutes', timestamp '2024-06-15 12:34:56', timestamp '2024-01-01');
SELECT generate_series(timestamp '2024-01-01', '2024-01-02', '8 hours');
SELECT timestamp '2024-06-15' + 1;
SELECT timestamp '2024-06-15' - 1;
SELECT timestamp '2024-06-15' + timestamp '2024-06-15';
SELECT justify_days(timestamp '2024-06-15' - timestamp '2024-01-01');
SELECT localtimestamp IS NOT NULL, now() = current_timestamp, now() = transaction_timestamp(), clock_timestamp() >= now();
