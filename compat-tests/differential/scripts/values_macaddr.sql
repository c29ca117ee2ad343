-- macaddr and macaddr8: formats, order, operators; inet and cidr in arrays.
--@ extended
SELECT '08:00:2b:01:02:03'::macaddr, '08-00-2B-01-02-03'::macaddr, '08002b:010203'::macaddr, '08002b-010203'::macaddr, '0800.2b01.0203'::macaddr, '0800-2b01-0203'::macaddr, '08002b010203'::macaddr, '8:0:2b:1:2:3'::macaddr;
SELECT '08:00:2b:01:02'::macaddr;
SELECT '08:00:2b:01:02:03:04'::macaddr;
SELECT '0800:2b01:0203'::macaddr;
SELECT '08002b01020g'::macaddr;
SELECT '100:00:2b:01:02:03'::macaddr;
SELECT ''::macaddr;
SELECT '08:00:2b:01:02:03:04:05'::macaddr8, '08002b:0102030405'::macaddr8, '08002b01:02030405'::macaddr8, '0800.2b01.0203.0405'::macaddr8, '08002b0102030405'::macaddr8, '08:00:2b:01:02:03'::macaddr8, '08-00-2b-01-02-03-'::macaddr8;
SELECT '08:00-2b:01:02:03:04:05'::macaddr8;
SELECT '08:00:2b:01:02:03:04'::macaddr8;
SELECT '1:2:3:4:5:6'::macaddr8;
CREATE TABLE v (id int PRIMARY KEY, x macaddr, y macaddr8, z macaddr[]);
INSERT INTO v VALUES (1, '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '{08:00:2b:01:02:03,NULL}');
INSERT INTO v VALUES (2, '08:00:2b:01:02:02', '08:00:2b:01:02:03'), (3, 'ff-ff-ff-ff-ff-ff', '00:00:00:00:00:00:00:00'), (4, NULL, NULL);
INSERT INTO v VALUES (5, 'nonsense', NULL);
SELECT * FROM v ORDER BY id;
SELECT id, x FROM v ORDER BY x, id;
SELECT id, y FROM v ORDER BY y DESC NULLS LAST, id;
SELECT id, x::text, y::varchar, x::macaddr8 FROM v ORDER BY id;
SELECT id FROM v WHERE x = '08002b010203' ORDER BY id;
SELECT id FROM v WHERE x < '08002b010203' ORDER BY id;
SELECT id FROM v WHERE x IN ('08002b010203', '08002b010202') ORDER BY id;
SELECT x, count(*) FROM v GROUP BY x;
--@ bind '08-00-2b-01-02-03'
--@ bind NULL
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '08-00-2b-01-02-03'
SELECT $1::macaddr, $1::macaddr8, $1::macaddr8::macaddr;
CREATE UNIQUE INDEX ON v (x);
INSERT INTO v VALUES (6, '08002b-010203', NULL);
CREATE TABLE k (x macaddr PRIMARY KEY, y macaddr8 UNIQUE);
INSERT INTO k VALUES ('08002b-010203', '08002b-010203');
INSERT INTO k VALUES ('08002b-010203', '08002b-010204');
INSERT INTO k VALUES ('08002b-010204', '08:00:2b:ff:fe:01:02:03');
SELECT ~ x, x & '00:00:00:ff:ff:ff', x | '00:00:00:00:00:ff', trunc(x) FROM v ORDER BY id;
SELECT ~ y, y & '00:00:00:ff:ff:ff:00:00', y | '00:00:00:00:00:00:00:ff', trunc(y), macaddr8_set7bit(y) FROM v ORDER BY id;
SELECT '08:00:2b:ff:fe:01:02:03'::macaddr8::macaddr;
SELECT '08:00:2b:01:02:03:04:05'::macaddr8::macaddr;
SELECT '08:00:2b:01:02:03'::macaddr = '08:00:2b:ff:fe:01:02:03'::macaddr8;
SELECT max(x) FROM v;
SELECT greatest('08:00:2b:01:02:03'::macaddr, '18:00:2b:01:02:03'), to_json('08:00:2b:01:02:03'::macaddr);
SELECT '08:00:2b:01:02:03'::macaddr + 1;
COPY (SELECT * FROM v ORDER BY id) TO STDOUT;
COPY v (id, x) FROM STDIN;
30	08-00-2b-01-02-13
\.
SELECT x FROM v WHERE id = 30;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'v'::regclass AND attnum > 0 ORDER BY attnum;
SELECT ARRAY['10.0.0.10'::inet, '10.0.0.9'] < ARRAY['10.0.0.9'::inet], ARRAY['10.0.0.10'::inet] = ARRAY['10.0.0.10'::inet];
SELECT x FROM (VALUES (ARRAY['10.0.0.10'::inet]), (ARRAY['10.0.0.9'::inet])) t(x) ORDER BY x;
CREATE TYPE mr AS RANGE (subtype = macaddr);
SELECT '[08:00:2b:01:02:03,08:00:2b:01:02:05]'::mr @> '08:00:2b:01:02:04'::macaddr;
