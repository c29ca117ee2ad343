-- DateStyle: how dates and timestamps are shown in each style, order and time zone, and what is read.
--@ extended
CREATE TABLE d (id int, d date, t timestamp, z timestamptz);
INSERT INTO d VALUES
  (1, '2024-01-05', '2024-01-05 03:04:05.678', '2024-07-05 03:04:05.5+00'),
  (2, '0044-03-15 BC', '0044-03-15 01:02:03 BC', '0044-03-15 01:02:03+00 BC'),
  (3, '12345-02-03', '12345-02-03 00:00:00', '12345-02-03 00:00:00+00'),
  (4, 'infinity', '-infinity', 'infinity'),
  (5, '1850-01-01', '1850-01-01', '1850-01-01 00:00:00+00'),
  (6, '-infinity', 'infinity', '-infinity'),
  (7, NULL, NULL, NULL);
SET DateStyle = 'SQL, DMY';
SELECT d, t, z FROM d ORDER BY id;
SELECT '5/1/2024'::date, '05/01/2024 03:04:05'::timestamp, '05/01/2024 03:04:05 EST'::timestamptz;
SET DateStyle = 'SQL, MDY';
SELECT d, t, z FROM d ORDER BY id;
SELECT '5/1/2024'::date, '05/01/2024 03:04:05'::timestamp, '05/01/2024 03:04:05 EST'::timestamptz;
SET DateStyle = 'SQL, YMD';
SELECT d, t, z FROM d ORDER BY id;
SELECT '24/5/1'::date;
SET DateStyle = 'German';
SHOW DateStyle;
SELECT d, t, z FROM d ORDER BY id;
SELECT '5.1.2024'::date, '05.01.2024 03:04:05'::timestamp, '05.01.2024 03:04:05 MEZ'::timestamptz;
SET DateStyle = 'German, MDY';
SELECT d, t, z FROM d ORDER BY id;
SET DateStyle = 'Postgres, DMY';
SELECT d, t, z FROM d ORDER BY id;
SELECT 'Fri 05 Jan 03:04:05.678 2024'::timestamp, 'Fri 05 Jul 03:04:05.5 2024 UTC'::timestamptz, '05-01-2024'::date;
SET DateStyle = 'Postgres, YMD';
SELECT d, t, z FROM d ORDER BY id;
SET DateStyle = 'Postgres, MDY';
SELECT d, t, z FROM d ORDER BY id;
SET TimeZone = 'Europe/Berlin';
SELECT d, t, z FROM d ORDER BY id;
SET TimeZone = 'America/Sao_Paulo';
SELECT d, t, z FROM d ORDER BY id;
SET TimeZone = 'Asia/Kolkata';
SELECT d, t, z FROM d ORDER BY id;
SET TimeZone = 3.5;
SELECT d, t, z FROM d ORDER BY id;
SET TimeZone = 'FOO+3BARBAZQUXXXXYY';
SELECT d, t, z FROM d ORDER BY id;
SET DateStyle = 'SQL, DMY';
SELECT d, t, z FROM d ORDER BY id;
SET TimeZone = '-02:30';
SELECT d, t, z FROM d ORDER BY id;
SET TimeZone = 'Europe/London';
SELECT timestamptz '1944-07-01 00:00+00', timestamptz '1970-01-01 00:00+00', timestamptz '2050-07-01 00:00+00';
SELECT array[d, NULL], array[t], array[z] FROM d ORDER BY id;
SELECT d::text, t::varchar, z::text, 'at ' || z, concat(d, ' ', t), format('%s', z) FROM d ORDER BY id;
SELECT array[d]::text[], array[d]::timestamp[], array[t]::date[] FROM d WHERE id IN (1, 5) ORDER BY id;
SELECT row(d, t, z) FROM d ORDER BY id;
SELECT to_json(d), to_jsonb(t), json_build_array(z), row_to_json(d) FROM d ORDER BY id;
SELECT '05/01/2024'::text::date, array['05/01/2024']::date[], '{05/01/2024}'::date[];
SELECT string_agg(d::text, ' ' ORDER BY id) FROM d;
SELECT d::timestamp, d::timestamptz, t::date, t + interval '1 day', date_trunc('month', z) FROM d WHERE id = 1;
SELECT time '03:04', interval '1 day 02:00';
--@ bind '05/01/2024', '05/01/2024 01:02:03'
SELECT $1::date, $2::timestamptz, $1::date::text;
COPY d TO STDOUT;
COPY d TO STDOUT (FORMAT csv);
SET DateStyle = 'SQL, YMD';
SELECT array[d]::timestamp[], array[t]::date[], array[z]::date[] FROM d WHERE id IN (1, 5) ORDER BY id;
SET DateStyle = 'ISO';
SHOW DateStyle;
SELECT to_char(timestamptz '2024-07-01 12:00+00', 'TZ tz'), to_char(timestamptz '2024-01-01 12:00+00', 'TZ tz');
SET TimeZone = 'America/Sao_Paulo';
SELECT to_char(timestamptz '2024-07-01 12:00+00', 'TZ tz');
SET DateStyle = 'postgresql, european';
SHOW DateStyle;
SET DateStyle = 'us';
SHOW DateStyle;
SET DateStyle = 'noneuropean, german';
SHOW DateStyle;
SET DateStyle = 'sql, default';
SHOW DateStyle;
SET DateStyle = sql, dmy;
SHOW DateStyle;
SET DateStyle = '';
SHOW DateStyle;
SET DateStyle = '"iso" , "YMD"';
SHOW DateStyle;
SET DateStyle = 'iso, sql';
SET DateStyle = 'dmy, mdy';
SET DateStyle = 'iso, foo';
SET DateStyle = 'iso,';
SET DateStyle = 'iso dmy';
BEGIN;
SET LOCAL DateStyle = 'German';
SELECT date '2024-06-15';
ROLLBACK;
SELECT date '2024-06-15';
SET DateStyle TO DEFAULT;
SHOW DateStyle;
