-- numeric: any precision, scale kept, NaN and infinities, exact arithmetic.
--@ extended
SELECT '0'::numeric;
SELECT '1'::numeric;
SELECT '-1'::numeric;
SELECT '1.10'::numeric;
SELECT '1.1'::numeric;
SELECT '001.500'::numeric;
SELECT '.5'::numeric;
SELECT '5.'::numeric;
SELECT '1e3'::numeric;
SELECT '1E-3'::numeric;
SELECT '1.5e2'::numeric;
SELECT '-0'::numeric;
SELECT '0.00'::numeric;
SELECT '123456789012345678901234567890.123456789'::numeric;
SELECT 'NaN'::numeric;
SELECT 'Infinity'::numeric;
SELECT '-inf'::numeric;
SELECT ' 7.25 '::numeric;
SELECT '99999999999999999999999999999999'::numeric;
SELECT '1e20'::numeric;
SELECT '-0.000001'::numeric;
SELECT ''::numeric;
SELECT 'abc'::numeric;
SELECT '1e'::numeric;
SELECT '1.2.3'::numeric;
SELECT '--1'::numeric;
SELECT '1,000'::numeric;
SELECT '1e200000'::numeric;
SELECT '0x10'::numeric;
SELECT 'NaNN'::numeric;
SELECT '1 2'::numeric;
CREATE TABLE v (id int PRIMARY KEY, x numeric);
INSERT INTO v VALUES (1, '0');
INSERT INTO v VALUES (2, '1');
INSERT INTO v VALUES (3, '-1');
INSERT INTO v VALUES (4, '1.10');
INSERT INTO v VALUES (5, '1.1');
INSERT INTO v VALUES (6, '001.500');
INSERT INTO v VALUES (7, '.5');
INSERT INTO v VALUES (8, '5.');
INSERT INTO v VALUES (9, '1e3');
INSERT INTO v VALUES (10, '1E-3');
INSERT INTO v VALUES (11, '1.5e2');
INSERT INTO v VALUES (12, '-0');
INSERT INTO v VALUES (13, '0.00');
INSERT INTO v VALUES (14, '123456789012345678901234567890.123456789');
INSERT INTO v VALUES (15, 'NaN');
INSERT INTO v VALUES (16, 'Infinity');
INSERT INTO v VALUES (17, '-inf');
INSERT INTO v VALUES (18, ' 7.25 ');
INSERT INTO v VALUES (19, '99999999999999999999999999999999');
INSERT INTO v VALUES (20, '1e20');
INSERT INTO v VALUES (21, '-0.000001');
INSERT INTO v VALUES (22, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, 'abc');
INSERT INTO v VALUES (100, '1e');
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
SELECT $1::numeric;
--@ bind '1'
SELECT $1::numeric;
--@ bind '-1'
SELECT $1::numeric;
--@ bind '1.10'
SELECT $1::numeric;
--@ bind '1.1'
SELECT $1::numeric;
--@ bind '001.500'
SELECT $1::numeric;
--@ bind ''
SELECT $1::numeric;
--@ bind 'abc'
SELECT $1::numeric;
--@ bind '1e'
SELECT $1::numeric;
SELECT 1.1 + 2.2, 1.10 * 1.10, 10 / 3.0, 1 / 3::numeric, 2::numeric / 3, 1e20 / 3, 10.0 / 2;
SELECT 1 / 0.0;
SELECT 5.5 % 2, -5.5 % 2, mod(5.5, 0);
SELECT 1.5::numeric(3,1), 1.25::numeric(3,1), 1.35::numeric(3,1), -1.25::numeric(3,1);
SELECT 123.456::numeric(5,2);
SELECT 1234.5::numeric(5,2);
SELECT 999.995::numeric(5,2);
SELECT 12345::numeric(3,-2), 12355::numeric(3,-2);
SELECT 0.00012::numeric(3,5);
SELECT 1::numeric(0,0);
SELECT 1::numeric(1001,0);
SELECT 1::numeric(5,2000);
SELECT 'NaN'::numeric(5,2);
SELECT 'Infinity'::numeric(5,2);
SELECT round(2.5), round(-2.5), round(2.567, 2), round(1234.5, -2), trunc(2.567, 1), trunc(-2.5), ceil(2.1), floor(-2.1), sign(-3.2), abs(-1.50);
SELECT power(2.0, 10), 2.0 ^ 0.5, sqrt(2.0), exp(1.0), ln(10.0), log(100.0), log(2.0, 8.0);
SELECT sqrt(-1.0);
SELECT ln(0.0);
SELECT ln(-1.0);
SELECT power(0.0, -1);
SELECT power(-8.0, 0.5);
SELECT 'NaN'::numeric = 'NaN'::numeric, 'NaN'::numeric > 'Infinity'::numeric;
SELECT 'Infinity'::numeric - 'Infinity'::numeric, 'Infinity'::numeric * 0;
SELECT 1.0 = 1.00, 1.10::text = 1.1::text, 1.0::text, 1.00::text;
SELECT scale(1.2300), min_scale(1.2300), trim_scale(1.2300);
SELECT div(7.5, 2), div(-7.5, 2), gcd(12.0, 18.0), lcm(4.0, 6.0), width_bucket(5.35, 0.024, 10.06, 5);
SELECT 1.5::int, 2.5::int, -1.5::int, 1e10::bigint;
SELECT 1e10::int;
SELECT 3000000000, 9223372036854775808, 1e5, 1.0, .1;
SELECT pg_typeof(1), pg_typeof(3000000000), pg_typeof(9223372036854775808), pg_typeof(1.0), pg_typeof(1e5);
SELECT sum(x) FROM v WHERE id < 8;
SELECT avg(x) FROM v WHERE id < 8;
SELECT min(x), max(x) FROM v;
SELECT stddev(x), variance(x) FROM v WHERE id < 8;
SELECT id FROM v WHERE x = 1.1 ORDER BY id;
SELECT id FROM v WHERE x > 100 ORDER BY id;
SELECT id FROM v WHERE x IN (1.1, 0, 1000.0) ORDER BY id;
SELECT count(DISTINCT x) FROM v;
SELECT 0.1::float8 + 0.2::numeric, pg_typeof(0.1::float8 + 0.2::numeric);
SELECT factorial(5), factorial(20), factorial(25);
SELECT factorial(-1);
SELECT 123456789.123456789 * 987654321.987654321, 1e-20 * 1e-20, 12345678901234567890 - 0.00000000001;
SELECT 7.0 / 3.00, 1 / 3.0 * 3, 100.0 / 7, 0.0001 / 3;
CREATE TABLE n (a numeric(5,2) UNIQUE);
INSERT INTO n VALUES (1.005), (2);
INSERT INTO n VALUES (2.001);
INSERT INTO n VALUES (1000);
INSERT INTO n VALUES ('x');
SELECT a FROM n ORDER BY a;
SELECT a * 2, a / 3, a::int, -a FROM n ORDER BY a;
