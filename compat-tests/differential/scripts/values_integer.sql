-- integer: what is read, its bounds, its arithmetic.
--@ extended
SELECT '0'::integer;
SELECT '1'::integer;
SELECT '-1'::integer;
SELECT '+7'::integer;
SELECT ' 42 '::integer;
SELECT '007'::integer;
SELECT '-0'::integer;
SELECT '2147483647'::integer;
SELECT '-2147483648'::integer;
SELECT ''::integer;
SELECT ' '::integer;
SELECT 'abc'::integer;
SELECT '1.5'::integer;
SELECT '1e3'::integer;
SELECT '0x10'::integer;
SELECT '1_000'::integer;
SELECT '--1'::integer;
SELECT '- 1'::integer;
SELECT '1 2'::integer;
SELECT '2147483648'::integer;
SELECT '-2147483649'::integer;
SELECT '99999999999999999999'::integer;
SELECT '12abc'::integer;
SELECT '+'::integer;
SELECT 'NaN'::integer;
CREATE TABLE v (id int PRIMARY KEY, x integer);
INSERT INTO v VALUES (1, '0');
INSERT INTO v VALUES (2, '1');
INSERT INTO v VALUES (3, '-1');
INSERT INTO v VALUES (4, '+7');
INSERT INTO v VALUES (5, ' 42 ');
INSERT INTO v VALUES (6, '007');
INSERT INTO v VALUES (7, '-0');
INSERT INTO v VALUES (8, '2147483647');
INSERT INTO v VALUES (9, '-2147483648');
INSERT INTO v VALUES (10, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, ' ');
INSERT INTO v VALUES (100, 'abc');
--@ bind '0'
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '1'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind '0'
SELECT $1::integer;
--@ bind '1'
SELECT $1::integer;
--@ bind '-1'
SELECT $1::integer;
--@ bind '+7'
SELECT $1::integer;
--@ bind ' 42 '
SELECT $1::integer;
--@ bind '007'
SELECT $1::integer;
--@ bind ''
SELECT $1::integer;
--@ bind ' '
SELECT $1::integer;
--@ bind 'abc'
SELECT $1::integer;
SELECT 2147483647::integer + 1::integer;
SELECT (-2147483648)::integer - 1::integer;
SELECT 2147483647::integer * 2::integer;
SELECT (-2147483648)::integer / (-1)::integer;
SELECT -((-2147483648)::integer);
SELECT abs((-2147483648)::integer);
SELECT (-2147483648)::integer % (-1)::integer;
SELECT 7::integer / 2::integer, -7::integer / 2::integer, 7::integer % 3::integer, -7::integer % 3::integer, 7::integer % -3::integer;
SELECT 1::integer / 0::integer;
SELECT 1::integer % 0::integer;
SELECT mod(7::integer, 0::integer);
SELECT 5::integer & 3::integer, 5::integer | 3::integer, 5::integer # 3::integer, ~5::integer, 1::integer << 4, -16::integer >> 2;
SELECT 2::integer ^ 3::integer;
SELECT 1.5::integer, 2.5::integer, -1.5::integer, -2.5::integer, 0.5::integer;
SELECT 1.5::float8::integer, 2.5::float8::integer, -2.5::float8::integer;
SELECT 2147483647.4::numeric::integer;
SELECT 2147483647.5::numeric::integer;
SELECT 1e30::integer;
SELECT 'NaN'::float8::integer;
SELECT 'NaN'::numeric::integer;
SELECT sum(x), avg(x), min(x), max(x), count(x) FROM v WHERE id < 7;
SELECT sum(x), avg(x) FROM v;
SELECT stddev(x), variance(x), stddev_pop(x), var_pop(x) FROM v WHERE id < 7;
SELECT bit_and(x), bit_or(x) FROM v;
SELECT id FROM v WHERE x BETWEEN -1 AND 50 ORDER BY id;
SELECT id FROM v WHERE x IN (0, 7, 42) ORDER BY id;
SELECT id FROM v WHERE x > 1.5 ORDER BY id;
SELECT id FROM v WHERE x = '42';
SELECT id FROM v WHERE x = '4x2';
SELECT id FROM v WHERE x = '42'::text;
SELECT gcd(12::integer, 18::integer), lcm(4::integer, 6::integer);
UPDATE v SET x = x + 1 WHERE id = 1 RETURNING x;
UPDATE v SET x = 2147483648 WHERE id = 1;
UPDATE v SET x = 2.5 WHERE id = 1 RETURNING x;
UPDATE v SET x = true WHERE id = 1;
UPDATE v SET x = 'one' WHERE id = 1;
