-- real: what is read, the shortest text that reads back, infinities and NaN.
--@ extended
SELECT '0'::real;
SELECT '1'::real;
SELECT '-1.5'::real;
SELECT '1e10'::real;
SELECT '1e15'::real;
SELECT '1e16'::real;
SELECT '123456789'::real;
SELECT '1e-4'::real;
SELECT '1e-5'::real;
SELECT '.5'::real;
SELECT '5.'::real;
SELECT '+3'::real;
SELECT '  2.25 '::real;
SELECT 'Infinity'::real;
SELECT '-Infinity'::real;
SELECT 'inf'::real;
SELECT 'NaN'::real;
SELECT 'nan'::real;
SELECT '1E5'::real;
SELECT '100000000000000000000'::real;
SELECT '3.4028235e38'::real;
SELECT '1e-45'::real;
SELECT '16777217'::real;
SELECT '0.1'::real;
SELECT '1.17549435e-38'::real;
SELECT ''::real;
SELECT 'abc'::real;
SELECT '1e'::real;
SELECT '1.2.3'::real;
SELECT '0x1p3'::real;
SELECT '1e400'::real;
SELECT '-1e400'::real;
SELECT '1e-400'::real;
SELECT '1,5'::real;
SELECT 'infinit'::real;
SELECT 'nan1'::real;
CREATE TABLE v (id int PRIMARY KEY, x real);
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
INSERT INTO v VALUES (21, '3.4028235e38');
INSERT INTO v VALUES (22, '1e-45');
INSERT INTO v VALUES (23, '16777217');
INSERT INTO v VALUES (24, '0.1');
INSERT INTO v VALUES (25, '1.17549435e-38');
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
SELECT $1::real;
--@ bind '1'
SELECT $1::real;
--@ bind '-1.5'
SELECT $1::real;
--@ bind '1e10'
SELECT $1::real;
--@ bind '1e15'
SELECT $1::real;
--@ bind '1e16'
SELECT $1::real;
--@ bind ''
SELECT $1::real;
--@ bind 'abc'
SELECT $1::real;
--@ bind '1e'
SELECT $1::real;
SELECT 1::real / 0::real;
SELECT 0::real / 0::real;
SELECT 1e38::real * 1e38::real;
SELECT 'NaN'::real = 'NaN'::real, 'NaN'::real > 'Infinity'::real, 'NaN'::real < 1;
SELECT 'Infinity'::real - 'Infinity'::real;
SELECT 'Infinity'::real + 1, -'Infinity'::real;
SELECT 0.1::real + 0.2::real, 0.1::real + 0.2::real = 0.3::real;
SELECT 1.5::real::text, 100::real::text, 1e20::real::text, 1e-7::real::text, 123456.789::real::text;
SELECT round(2.5::real), round(3.5::real), round(-2.5::real), trunc(2.7::real), ceil(2.1::real), floor(-2.1::real);
SELECT 1::real = 1, 1::real = 1.0, 0.1::real = 0.1;
SELECT 1.1::real::numeric, 1e10::real::numeric, 0.1::real::numeric(10,5);
SELECT 'NaN'::real::numeric;
SELECT 'Infinity'::real::numeric;
SELECT sum(x) FROM v WHERE id BETWEEN 1 AND 5;
SELECT avg(x) FROM v WHERE id BETWEEN 1 AND 5;
SELECT min(x), max(x) FROM v;
SELECT stddev(x), variance(x) FROM v WHERE id BETWEEN 1 AND 5;
SELECT id FROM v WHERE x = 'NaN' ORDER BY id;
SELECT id FROM v WHERE x > 1e15 ORDER BY id;
SELECT 5::real % 3::real;
SELECT 2::real ^ 0.5, |/ 16::real, ||/ 27::real, @ -3::real;
SET extra_float_digits = 0;
SELECT 0.1::real, 0.1::float8, 1/3::float8, 1/3::real;
SET extra_float_digits = -5;
SELECT 1/3::float8, 1/3::real;
RESET extra_float_digits;
