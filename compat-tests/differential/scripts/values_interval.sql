-- interval: input forms, styles, arithmetic, comparison.
--@ extended
SELECT '1 day'::interval;
SELECT '1 day 2 hours'::interval;
SELECT '1 year 2 mons 3 days 04:05:06'::interval;
SELECT '-1 day'::interval;
SELECT '1 day ago'::interval;
SELECT '1.5 days'::interval;
SELECT '1.5 months'::interval;
SELECT 'P1Y2M3DT4H5M6S'::interval;
SELECT 'P0001-02-03T04:05:06'::interval;
SELECT 'PT36H'::interval;
SELECT '1-2'::interval;
SELECT '3 4:05:06'::interval;
SELECT '1 week'::interval;
SELECT '2 weeks 3 days'::interval;
SELECT '100 hours'::interval;
SELECT '00:00:00.000001'::interval;
SELECT '1 century'::interval;
SELECT '1 decade'::interval;
SELECT '-1 year 2 days'::interval;
SELECT '@ 1 minute'::interval;
SELECT '1 month'::interval;
SELECT '30 days'::interval;
SELECT '720:00:00'::interval;
SELECT '5'::interval;
SELECT '1 mon -1 day'::interval;
SELECT '0.1 seconds'::interval;
SELECT ''::interval;
SELECT 'abc'::interval;
SELECT '1 foo'::interval;
SELECT '1 day 2'::interval;
SELECT 'P1X'::interval;
SELECT '1 day 1 day x'::interval;
SELECT '1 -'::interval;
SELECT '99999999999 years'::interval;
CREATE TABLE v (id int PRIMARY KEY, x interval);
INSERT INTO v VALUES (1, '1 day');
INSERT INTO v VALUES (2, '1 day 2 hours');
INSERT INTO v VALUES (3, '1 year 2 mons 3 days 04:05:06');
INSERT INTO v VALUES (4, '-1 day');
INSERT INTO v VALUES (5, '1 day ago');
INSERT INTO v VALUES (6, '1.5 days');
INSERT INTO v VALUES (7, '1.5 months');
INSERT INTO v VALUES (8, 'P1Y2M3DT4H5M6S');
INSERT INTO v VALUES (9, 'P0001-02-03T04:05:06');
INSERT INTO v VALUES (10, 'PT36H');
INSERT INTO v VALUES (11, '1-2');
INSERT INTO v VALUES (12, '3 4:05:06');
INSERT INTO v VALUES (13, '1 week');
INSERT INTO v VALUES (14, '2 weeks 3 days');
INSERT INTO v VALUES (15, '100 hours');
INSERT INTO v VALUES (16, '00:00:00.000001');
INSERT INTO v VALUES (17, '1 century');
INSERT INTO v VALUES (18, '1 decade');
INSERT INTO v VALUES (19, '-1 year 2 days');
INSERT INTO v VALUES (20, '@ 1 minute');
INSERT INTO v VALUES (21, '1 month');
INSERT INTO v VALUES (22, '30 days');
INSERT INTO v VALUES (23, '720:00:00');
INSERT INTO v VALUES (24, '5');
INSERT INTO v VALUES (25, '1 mon -1 day');
INSERT INTO v VALUES (26, '0.1 seconds');
INSERT INTO v VALUES (27, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, 'abc');
INSERT INTO v VALUES (100, '1 foo');
--@ bind '1 day'
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '1 day 2 hours'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind '1 day'
SELECT $1::interval;
--@ bind '1 day 2 hours'
SELECT $1::interval;
--@ bind '1 year 2 mons 3 days 04:05:06'
SELECT $1::interval;
--@ bind '-1 day'
SELECT $1::interval;
--@ bind '1 day ago'
SELECT $1::interval;
--@ bind '1.5 days'
SELECT $1::interval;
--@ bind ''
SELECT $1::interval;
--@ bind 'abc'
SELECT $1::interval;
--@ bind '1 foo'
SELECT $1::interval;
SELECT interval '1 month' = interval '30 days', interval '1 day' = interval '24 hours', interval '1 month' > interval '29 days', interval '1 year' = interval '360 days';
SELECT interval '1 day' + interval '2 hours', interval '1 day' - interval '30 hours', interval '1 day' * 2.5, 3 * interval '10 minutes', interval '1 day' / 3, -interval '1 day 2 hours';
SELECT interval '1 day' / 0;
SELECT interval '1 month' * 0.5, interval '1 year' / 7;
SELECT extract(day from interval '1 month 3 days'), extract(epoch from interval '1 month 1 day'), extract(hour from interval '30 hours'), extract(month from interval '14 months'), extract(year from interval '14 months'), extract(second from interval '1.5 seconds');
SELECT justify_hours(interval '30 hours'), justify_days(interval '65 days'), justify_interval(interval '1 mon -1 hour');
SELECT make_interval(1, 2, 3, 4, 5, 6, 7.5), make_interval(days => 10), make_interval(hours => 5, mins => 30);
SELECT interval '1' day, interval '2' hour, interval '1-2' year to month, interval '3 04:05' day to minute, interval '90' second;
SELECT interval '1.999 seconds'::interval(1), interval(0) '1.6 seconds', interval '1 day 2 hours' day;
SELECT to_char(interval '15 hours 2 minutes 12 seconds', 'HH24:MI:SS'), to_char(interval '1 year 2 months', 'YY-MM');
SELECT interval '1 day'::text, interval '-1 day -2:03:04'::text, interval '0'::text, interval '1 year -1 month'::text;
SET IntervalStyle = 'iso_8601';
SELECT id, x FROM v ORDER BY id;
SET IntervalStyle = 'sql_standard';
SELECT id, x FROM v ORDER BY id;
SET IntervalStyle = 'postgres_verbose';
SELECT id, x FROM v ORDER BY id;
SET IntervalStyle = 'nosuch';
RESET IntervalStyle;
SELECT sum(x), avg(x), min(x), max(x) FROM v WHERE id < 5;
SELECT id FROM v WHERE x > interval '1 day' ORDER BY id;
SELECT id FROM v WHERE x = interval '30 days' ORDER BY id;
SELECT interval '1 day' + 1;
SELECT interval '1 day' * interval '1 day';
SELECT date_trunc('hour', interval '3 days 04:05:06'), interval '1 day 2 hours'::time;
SELECT interval 'infinity';
