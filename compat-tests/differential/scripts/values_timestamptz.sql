-- timestamp with time zone: input zones, output in the session zone.
--@ extended
SELECT '2024-06-15 12:34:56'::timestamptz;
SELECT '2024-06-15T12:34:56'::timestamptz;
SELECT '2024-06-15 12:34:56.789'::timestamptz;
SELECT '2024-06-15 12:34:56.123456'::timestamptz;
SELECT '2024-06-15 12:34'::timestamptz;
SELECT '2024-06-15'::timestamptz;
SELECT '20240615T123456'::timestamptz;
SELECT 'June 15, 2024 12:34 PM'::timestamptz;
SELECT 'infinity'::timestamptz;
SELECT '-infinity'::timestamptz;
SELECT '2024-06-15 12:34:56+02'::timestamptz;
SELECT '2024-06-15 12:34:56-05:30'::timestamptz;
SELECT '2024-06-15 12:34:56Z'::timestamptz;
SELECT '2024-06-15 12:34:56 America/New_York'::timestamptz;
SELECT '2024-01-15 12:34:56 EST'::timestamptz;
SELECT '2024-01-15 12:34:56 PST8PDT'::timestamptz;
SELECT '2024-06-15 12:34:56 UTC'::timestamptz;
SELECT '2024-06-15 12:34:56+02:30:15'::timestamptz;
SELECT ''::timestamptz;
SELECT 'abc'::timestamptz;
SELECT '2024-02-30 00:00'::timestamptz;
SELECT '2024-06-15 25:00'::timestamptz;
SELECT '2024-06-15 12:60'::timestamptz;
SELECT '294277-01-01'::timestamptz;
SELECT '2024-06-15 12:34:56 xyz'::timestamptz;
SELECT '2024-06-15 12:34:56.1.2'::timestamptz;
SELECT '2024-06-15 12:34:61'::timestamptz;
SELECT '2024-06-15 12:34:56 Nowhere/Land'::timestamptz;
SELECT '2024-06-15 12:34:56+25'::timestamptz;
CREATE TABLE v (id int PRIMARY KEY, x timestamptz);
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
INSERT INTO v VALUES (11, '2024-06-15 12:34:56+02');
INSERT INTO v VALUES (12, '2024-06-15 12:34:56-05:30');
INSERT INTO v VALUES (13, '2024-06-15 12:34:56Z');
INSERT INTO v VALUES (14, '2024-06-15 12:34:56 America/New_York');
INSERT INTO v VALUES (15, '2024-01-15 12:34:56 EST');
INSERT INTO v VALUES (16, '2024-01-15 12:34:56 PST8PDT');
INSERT INTO v VALUES (17, '2024-06-15 12:34:56 UTC');
INSERT INTO v VALUES (18, '2024-06-15 12:34:56+02:30:15');
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
SELECT $1::timestamptz;
--@ bind '2024-06-15T12:34:56'
SELECT $1::timestamptz;
--@ bind '2024-06-15 12:34:56.789'
SELECT $1::timestamptz;
--@ bind '2024-06-15 12:34:56.123456'
SELECT $1::timestamptz;
--@ bind '2024-06-15 12:34'
SELECT $1::timestamptz;
--@ bind '2024-06-15'
SELECT $1::timestamptz;
--@ bind ''
SELECT $1::timestamptz;
--@ bind 'abc'
SELECT $1::timestamptz;
--@ bind '2024-02-30 00:00'
SELECT $1::timestamptz;
SET TimeZone = 'America/New_York';
SELECT id, x FROM v ORDER BY id;
SELECT '2024-03-10 02:30'::timestamptz, '2024-11-03 01:30'::timestamptz;
SELECT timestamptz '2024-03-09 12:00' + interval '1 day', timestamptz '2024-03-09 12:00' + interval '24 hours', timestamptz '2024-03-10 12:00' - timestamptz '2024-03-09 12:00';
SELECT date_trunc('day', timestamptz '2024-06-15 03:00+00'), date_trunc('day', timestamptz '2024-06-15 03:00+00', 'UTC'), extract(hour from timestamptz '2024-06-15 03:00+00'), extract(timezone_hour from timestamptz '2024-06-15 03:00+00');
SELECT timestamptz '2024-06-15 12:00+00'::date, timestamptz '2024-06-15 02:00+00'::date, timestamptz '2024-06-15 12:00+00'::timestamp, timestamptz '2024-06-15 12:00+00'::time, timestamptz '2024-06-15 12:00+00'::text;
SELECT '2024-06-15'::date::timestamptz, '2024-06-15 10:00'::timestamp::timestamptz;
SELECT to_char(timestamptz '2024-06-15 12:00+00', 'HH24:MI TZ OF tz TZH');
SET TimeZone = 'Asia/Kolkata';
SELECT timestamptz '2024-06-15 12:00+00', timestamptz '1900-01-01 00:00+00';
SET TimeZone = '-3';
SELECT timestamptz '2024-06-15 12:00+00';
SHOW TimeZone;
SET TimeZone = 'Nowhere';
SET TIME ZONE 'UTC';
SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE;
SELECT timestamptz '2024-06-15 12:00+00';
SET TIME ZONE LOCAL;
SET TIME ZONE DEFAULT;
RESET TimeZone;
SELECT timestamptz '2024-06-15 12:00+00' AT TIME ZONE 'America/New_York', timestamptz '2024-06-15 12:00+00' AT TIME ZONE 'Asia/Tokyo', timezone('UTC', timestamptz '2024-06-15 12:00+05');
SELECT timestamptz '2024-06-15 12:00+00' = timestamptz '2024-06-15 14:00+02', timestamptz '2024-06-15 12:00+00' > timestamp '2024-06-15 11:00';
SELECT min(x), max(x) FROM v;
SELECT make_timestamptz(2024, 6, 15, 12, 0, 0), make_timestamptz(2024, 6, 15, 12, 0, 0, 'Europe/Paris');
SELECT '2024-06-15 12:34:56.789+00'::timestamptz(0);
SELECT timestamptz '2024-06-15 12:00+00' - interval '1 month 1 day', age(timestamptz '2024-06-15 12:00+00', timestamptz '2023-01-01 00:00+00');
SELECT extract(epoch from timestamptz '2024-06-15 12:00+00'), extract(epoch from timestamptz '1969-12-31 23:59:59+00');
