-- char(5): lengths, padding, truncation by casts.
--@ extended
SELECT ''::char(5);
SELECT 'a'::char(5);
SELECT 'abc'::char(5);
SELECT 'abcde'::char(5);
SELECT 'abcde   '::char(5);
SELECT ' a'::char(5);
SELECT 'é日本'::char(5);
SELECT 'A'::char(5);
SELECT 'abcdef'::char(5);
CREATE TABLE v (id int PRIMARY KEY, x char(5));
INSERT INTO v VALUES (1, '');
INSERT INTO v VALUES (2, 'a');
INSERT INTO v VALUES (3, 'abc');
INSERT INTO v VALUES (4, 'abcde');
INSERT INTO v VALUES (5, 'abcde   ');
INSERT INTO v VALUES (6, ' a');
INSERT INTO v VALUES (7, 'é日本');
INSERT INTO v VALUES (8, 'A');
INSERT INTO v VALUES (9, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, 'abcdef');
--@ bind ''
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind 'a'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind ''
SELECT $1::char(5);
--@ bind 'a'
SELECT $1::char(5);
--@ bind 'abc'
SELECT $1::char(5);
--@ bind 'abcde'
SELECT $1::char(5);
--@ bind 'abcde   '
SELECT $1::char(5);
--@ bind ' a'
SELECT $1::char(5);
--@ bind 'abcdef'
SELECT $1::char(5);
INSERT INTO v VALUES (100, 'abcdef');
INSERT INTO v VALUES (101, 'abcde  ');
INSERT INTO v VALUES (102, 'ab' || 'cdefg');
INSERT INTO v SELECT 103, 'abcdefgh'::text;
UPDATE v SET x = 'toolong' WHERE id = 1;
SELECT 'abcdefgh'::char(5), 'abcdefgh'::text::char(5), 123456::char(5), true::char(5);
SELECT length('ab'::char(5)), octet_length('ab'::char(5)), 'ab'::char(5) || 'c', ('ab '::char(5))::text || '|';
SELECT 'ab'::char(5) = 'ab ', 'ab'::char(5) = 'ab   '::char(5), 'ab'::char(5) = 'ab '::text;
SELECT 'ab'::char(5) LIKE 'ab', 'ab'::char(5) LIKE 'ab%', 'ab'::char(5) LIKE 'ab   ';
SELECT upper('ab'::char(5)), pg_typeof(upper('ab'::char(5))), pg_typeof('ab'::char(5) || 'c');
SELECT id FROM v WHERE x = 'abc';
SELECT id FROM v WHERE x = 'abc  ';
SELECT id, length(x), '[' || x || ']' FROM v ORDER BY id;
SELECT x || x FROM v ORDER BY id;
SELECT max(x), min(x) FROM v;
SELECT 'x'::char(0);
SELECT 'x'::char(10485761);
SELECT 'abc'::char;
CREATE TABLE w (a char(2) DEFAULT 'xyz');
INSERT INTO w DEFAULT VALUES;
SELECT 'abc'::char(2), 'abc'::char(1);
SELECT coalesce(x, 'none') FROM v ORDER BY id;
SELECT x FROM v UNION SELECT 'abc' ORDER BY 1;
