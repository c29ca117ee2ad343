-- bigint: what is read, its bounds, its arithmetic.
--@ extended
SELECT '0'::bigint;
SELECT '1'::bigint;
SELECT '-1'::bigint;
SELECT '+7'::bigint;
SELECT ' 42 '::bigint;
SELECT '007'::bigint;
SELECT '-0'::bigint;
SELECT '9223372036854775807'::bigint;
SELECT '-9223372036854775808'::bigint;
SELECT ''::bigint;
SELECT ' '::bigint;
SELECT 'abc'::bigint;
SELECT '1.5'::bigint;
SELECT '1e3'::bigint;
SELECT '0x10'::bigint;
SELECT '1_000'::bigint;
SELECT '--1'::bigint;
SELECT '- 1'::bigint;
SELECT '1 2'::bigint;
SELECT '9223372036854775808'::bigint;
SELECT '-9223372036854775809'::bigint;
SELECT '99999999999999999999'::bigint;
SELECT '12abc'::bigint;
SELECT '+'::bigint;
SELECT 'NaN'::bigint;
CREATE TABLE v (id int PRIMARY KEY, x bigint);
INSERT INTO v VALUES (1, '0');
INSERT INTO v VALUES (2, '1');
INSERT INTO v VALUES (3, '-1');
INSERT INTO v VALUES (4, '+7');
INSERT INTO v VALUES (5, ' 42 ');
INSERT INTO v VALUES (6, '007');
INSERT INTO v VALUES (7, '-0');
INSERT INTO v VALUES (8, '9223372036854775807');
INSERT INTO v VALUES (9, '-9223372036854775808');
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
SELECT $1::bigint;
--@ bind '1'
SELECT $1::bigint;
--@ bind '-1'
SELECT $1::bigint;
--@ bind '+7'
SELECT $1::bigint;
--@ bind ' 42 '
SELECT $1::bigint;
--@ bind '007'
SELECT $1::bigint;
--@ bind ''
SELECT $1::bigint;
--@ bind ' '
SELECT $1::bigint;
--@ bind 'abc'
SELECT $1::bigint;
SELECT 9223372036854775807::bigint + 1::bigint;
SELECT (-9223372036854775808)::bigint - 1::bigint;
SELECT 9223372036854775807::bigint * 2::bigint;
SELECT (-9223372036854775808)::bigint / (-1)::bigint;
SELECT -((-9223372036854775808)::bigint);
SELECT abs((-9223372036854775808)::bigint);
SELECT (-9223372036854775808)::bigint % (-1)::bigint;
SELECT 7::bigint / 2::bigint, -7::bigint / 2::bigint, 7::bigint % 3::bigint, -7::bigint % 3::bigint, 7::bigint % -3::bigint;
SELECT 1::bigint / 0::bigint;
SELECT 1::bigint % 0::bigint;
SELECT mod(7::bigint, 0::bigint);
SELECT 5::bigint & 3::bigint, 5::bigint | 3::bigint, 5::bigint # 3::bigint, ~5::bigint, 1::bigint << 4, -16::bigint >> 2;
SELECT 2::bigint ^ 3::bigint;
SELECT 1.5::bigint, 2.5::bigint, -1.5::bigint, -2.5::bigint, 0.5::bigint;
SELECT 1.5::float8::bigint, 2.5::float8::bigint, -2.5::float8::bigint;
SELECT 9223372036854775807.4::numeric::bigint;
SELECT 9223372036854775807.5::numeric::bigint;
SELECT 1e30::bigint;
SELECT 'NaN'::float8::bigint;
SELECT 'NaN'::numeric::bigint;
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
SELECT gcd(12::bigint, 18::bigint), lcm(4::bigint, 6::bigint);
UPDATE v SET x = x + 1 WHERE id = 1 RETURNING x;
UPDATE v SET x = 9223372036854775808 WHERE id = 1;
UPDATE v SET x = 2.5 WHERE id = 1 RETURNING x;
UPDATE v SET x = true WHERE id = 1;
UPDATE v SET x = 'one' WHERE id = 1;
