-- smallint: what is read, its bounds, its arithmetic.
--@ extended
SELECT '0'::smallint;
SELECT '1'::smallint;
SELECT '-1'::smallint;
SELECT '+7'::smallint;
SELECT ' 42 '::smallint;
SELECT '007'::smallint;
SELECT '-0'::smallint;
SELECT '32767'::smallint;
SELECT '-32768'::smallint;
SELECT ''::smallint;
SELECT ' '::smallint;
SELECT 'abc'::smallint;
SELECT '1.5'::smallint;
SELECT '1e3'::smallint;
SELECT '0x10'::smallint;
SELECT '1_000'::smallint;
SELECT '--1'::smallint;
SELECT '- 1'::smallint;
SELECT '1 2'::smallint;
SELECT '32768'::smallint;
SELECT '-32769'::smallint;
SELECT '99999999999999999999'::smallint;
SELECT '12abc'::smallint;
SELECT '+'::smallint;
SELECT 'NaN'::smallint;
CREATE TABLE v (id int PRIMARY KEY, x smallint);
INSERT INTO v VALUES (1, '0');
INSERT INTO v VALUES (2, '1');
INSERT INTO v VALUES (3, '-1');
INSERT INTO v VALUES (4, '+7');
INSERT INTO v VALUES (5, ' 42 ');
INSERT INTO v VALUES (6, '007');
INSERT INTO v VALUES (7, '-0');
INSERT INTO v VALUES (8, '32767');
INSERT INTO v VALUES (9, '-32768');
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
SELECT $1::smallint;
--@ bind '1'
SELECT $1::smallint;
--@ bind '-1'
SELECT $1::smallint;
--@ bind '+7'
SELECT $1::smallint;
--@ bind ' 42 '
SELECT $1::smallint;
--@ bind '007'
SELECT $1::smallint;
--@ bind ''
SELECT $1::smallint;
--@ bind ' '
SELECT $1::smallint;
--@ bind 'abc'
SELECT $1::smallint;
SELECT 32767::smallint + 1::smallint;
SELECT (-32768)::smallint - 1::smallint;
SELECT 32767::smallint * 2::smallint;
SELECT (-32768)::smallint / (-1)::smallint;
SELECT -((-32768)::smallint);
SELECT abs((-32768)::smallint);
SELECT (-32768)::smallint % (-1)::smallint;
SELECT 7::smallint / 2::smallint, -7::smallint / 2::smallint, 7::smallint % 3::smallint, -7::smallint % 3::smallint, 7::smallint % -3::smallint;
SELECT 1::smallint / 0::smallint;
SELECT 1::smallint % 0::smallint;
SELECT mod(7::smallint, 0::smallint);
SELECT 5::smallint & 3::smallint, 5::smallint | 3::smallint, 5::smallint # 3::smallint, ~5::smallint, 1::smallint << 4, -16::smallint >> 2;
SELECT 2::smallint ^ 3::smallint;
SELECT 1.5::smallint, 2.5::smallint, -1.5::smallint, -2.5::smallint, 0.5::smallint;
SELECT 1.5::float8::smallint, 2.5::float8::smallint, -2.5::float8::smallint;
SELECT 32767.4::numeric::smallint;
SELECT 32767.5::numeric::smallint;
SELECT 1e30::smallint;
SELECT 'NaN'::float8::smallint;
SELECT 'NaN'::numeric::smallint;
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
SELECT gcd(12::smallint, 18::smallint), lcm(4::smallint, 6::smallint);
UPDATE v SET x = x + 1 WHERE id = 1 RETURNING x;
UPDATE v SET x = 32768 WHERE id = 1;
UPDATE v SET x = 2.5 WHERE id = 1 RETURNING x;
UPDATE v SET x = true WHERE id = 1;
UPDATE v SET x = 'one' WHERE id = 1;
