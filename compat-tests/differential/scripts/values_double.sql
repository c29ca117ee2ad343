-- double precision: what is read, the shortest text that reads back, infinities and NaN.
--@ extended
SELECT '0'::double precision;
SELECT '1'::double precision;
SELECT '-1.5'::double precision;
SELECT '1e10'::double precision;
SELECT '1e15'::double precision;
SELECT '1e16'::double precision;
SELECT '123456789'::double precision;
SELECT '1e-4'::double precision;
SELECT '1e-5'::double precision;
SELECT '.5'::double precision;
SELECT '5.'::double precision;
SELECT '+3'::double precision;
SELECT '  2.25 '::double precision;
SELECT 'Infinity'::double precision;
SELECT '-Infinity'::double precision;
SELECT 'inf'::double precision;
SELECT 'NaN'::double precision;
SELECT 'nan'::double precision;
SELECT '1E5'::double precision;
SELECT '100000000000000000000'::double precision;
SELECT '1.7976931348623157e308'::double precision;
SELECT '5e-324'::double precision;
SELECT '9007199254740993'::double precision;
SELECT '0.1'::double precision;
SELECT '0.30000000000000004'::double precision;
SELECT ''::double precision;
SELECT 'abc'::double precision;
SELECT '1e'::double precision;
SELECT '1.2.3'::double precision;
SELECT '0x1p3'::double precision;
SELECT '1e400'::double precision;
SELECT '-1e400'::double precision;
SELECT '1e-400'::double precision;
SELECT '1,5'::double precision;
SELECT 'infinit'::double precision;
SELECT 'nan1'::double precision;
CREATE TABLE v (id int PRIMARY KEY, x double precision);
INSERT INTO v VALUES (1, '0');
INSERT INTO v VALUES (2, '1');
INSERT INTO v VALUES (3, '-1.5');
INSERT INTO v VALUES (4, '1e10');
INSERT INTO v VALUES (5, '1e15');
INSERT INTO v VALUES (6, '1e16');
INSERT INTO v VALUES (7, '123456789');
INSERT INTO v VALUES (8, '1e-4');
INSERT INTO v VALUES (9, '1e-5');
INSERT INTO v VALUES (10, '.5');
INSERT INTO v VALUES (11, '5.');
INSERT INTO v VALUES (12, '+3');
INSERT INTO v VALUES (13, '  2.25 ');
INSERT INTO v VALUES (14, 'Infinity');
INSERT INTO v VALUES (15, '-Infinity');
INSERT INTO v VALUES (16, 'inf');
INSERT INTO v VALUES (17, 'NaN');
INSERT INTO v VALUES (18, 'nan');
INSERT INTO v VALUES (19, '1E5');
INSERT INTO v VALUES (20, '100000000000000000000');
INSERT INTO v VALUES (21, '1.7976931348623157e308');
INSERT INTO v VALUES (22, '5e-324');
INSERT INTO v VALUES (23, '9007199254740993');
INSERT INTO v VALUES (24, '0.1');
INSERT INTO v VALUES (25, '0.30000000000000004');
INSERT INTO v VALUES (26, NULL);
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
SELECT $1::double precision;
--@ bind '1'
SELECT $1::double precision;
--@ bind '-1.5'
SELECT $1::double precision;
--@ bind '1e10'
SELECT $1::double precision;
--@ bind '1e15'
SELECT $1::double precision;
--@ bind '1e16'
SELECT $1::double precision;
--@ bind ''
SELECT $1::double precision;
--@ bind 'abc'
SELECT $1::double precision;
--@ bind '1e'
SELECT $1::double precision;
SELECT 1::double precision / 0::double precision;
SELECT 0::double precision / 0::double precision;
SELECT 1e38::double precision * 1e38::double precision;
SELECT 'NaN'::double precision = 'NaN'::double precision, 'NaN'::double precision > 'Infinity'::double precision, 'NaN'::double precision < 1;
SELECT 'Infinity'::double precision - 'Infinity'::double precision;
SELECT 'Infinity'::double precision + 1, -'Infinity'::double precision;
SELECT 0.1::double precision + 0.2::double precision, 0.1::double precision + 0.2::double precision = 0.3::double precision;
SELECT 1.5::double precision::text, 100::double precision::text, 1e20::double precision::text, 1e-7::double precision::text, 123456.789::double precision::text;
SELECT round(2.5::double precision), round(3.5::double precision), round(-2.5::double precision), trunc(2.7::double precision), ceil(2.1::double precision), floor(-2.1::double precision);
SELECT 1::double precision = 1, 1::double precision = 1.0, 0.1::double precision = 0.1;
SELECT 1.1::double precision::numeric, 1e10::double precision::numeric, 0.1::double precision::numeric(10,5);
SELECT 'NaN'::double precision::numeric;
SELECT 'Infinity'::double precision::numeric;
SELECT sum(x) FROM v WHERE id BETWEEN 1 AND 5;
SELECT avg(x) FROM v WHERE id BETWEEN 1 AND 5;
SELECT min(x), max(x) FROM v;
SELECT stddev(x), variance(x) FROM v WHERE id BETWEEN 1 AND 5;
SELECT id FROM v WHERE x = 'NaN' ORDER BY id;
SELECT id FROM v WHERE x > 1e15 ORDER BY id;
SELECT 5::double precision % 3::double precision;
SELECT 2::double precision ^ 0.5, |/ 16::double precision, ||/ 27::double precision, @ -3::double precision;
SET extra_float_digits = 0;
SELECT 0.1::real, 0.1::float8, 1/3::float8, 1/3::real;
SET extra_float_digits = -5;
SELECT 1/3::float8, 1/3::real;
RESET extra_float_digits;
