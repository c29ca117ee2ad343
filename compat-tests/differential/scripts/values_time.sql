-- time: formats and arithmetic.
--@ extended
SELECT '10:30'::time;
SELECT '10:30:15'::time;
SELECT '10:30:15.123456'::time;
SELECT '04:05:06 PM'::time;
SELECT '12:00 AM'::time;
SELECT '040506'::time;
SELECT '0405'::time;
SELECT '24:00:00'::time;
SELECT '23:59:60'::time;
SELECT 'allballs'::time;
SELECT '10:30:15.1234567'::time;
SELECT '00:00'::time;
SELECT ''::time;
SELECT '25:00'::time;
SELECT '24:00:01'::time;
SELECT '10:60'::time;
SELECT 'abc'::time;
SELECT '10'::time;
SELECT '-1:00'::time;
SELECT '12:30 XM'::time;
SELECT '13:00 PM'::time;
CREATE TABLE v (id int PRIMARY KEY, x time);
INSERT INTO v VALUES (1, '10:30');
INSERT INTO v VALUES (2, '10:30:15');
INSERT INTO v VALUES (3, '10:30:15.123456');
INSERT INTO v VALUES (4, '04:05:06 PM');
INSERT INTO v VALUES (5, '12:00 AM');
INSERT INTO v VALUES (6, '040506');
INSERT INTO v VALUES (7, '0405');
INSERT INTO v VALUES (8, '24:00:00');
INSERT INTO v VALUES (9, '23:59:60');
INSERT INTO v VALUES (10, 'allballs');
INSERT INTO v VALUES (11, '10:30:15.1234567');
INSERT INTO v VALUES (12, '00:00');
INSERT INTO v VALUES (13, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, '25:00');
INSERT INTO v VALUES (100, '24:00:01');
--@ bind '10:30'
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '10:30:15'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind '10:30'
SELECT $1::time;
--@ bind '10:30:15'
SELECT $1::time;
--@ bind '10:30:15.123456'
SELECT $1::time;
--@ bind '04:05:06 PM'
SELECT $1::time;
--@ bind '12:00 AM'
SELECT $1::time;
--@ bind '040506'
SELECT $1::time;
--@ bind ''
SELECT $1::time;
--@ bind '25:00'
SELECT $1::time;
--@ bind '24:00:01'
SELECT $1::time;
SELECT time '10:30' + interval '1 hour 15 minutes', time '23:00' + interval '2 hours', time '10:00' - time '09:30', time '10:00' - interval '11 hours';
SELECT '10:30:15.987'::time(0), '10:30:15.987'::time(2), '23:59:59.9'::time(0);
SELECT extract(hour from time '10:30:15.5'), extract(second from time '10:30:15.5'), extract(epoch from time '10:30:15.5'), extract(milliseconds from time '10:30:15.5');
SELECT extract(day from time '10:30');
SELECT make_time(10, 30, 15.5), make_time(25, 0, 0);
SELECT time '10:30' < '11:00', time '10:30'::text || '!', time '10:30'::interval;
SELECT '2024-01-01 10:30'::timestamp::time, interval '26 hours'::time;
SELECT time '10:00' + time '11:00';
SELECT date_trunc('hour', time '10:30:15');
SELECT min(x), max(x), avg(x) FROM v;
SELECT '10:30+02'::timetz, '10:30'::timetz, timetz '10:30+02' < timetz '10:30+01', extract(timezone from timetz '10:30+02');
SELECT to_char(time '16:05:06', 'HH24:MI:SS HH12 AM');
SELECT current_time IS NOT NULL, localtime < '24:00:01';
