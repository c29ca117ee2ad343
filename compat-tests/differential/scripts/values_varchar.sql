-- varchar(5): lengths, padding, truncation by casts.
--@ extended
SELECT ''::varchar(5);
SELECT 'a'::varchar(5);
SELECT 'abc'::varchar(5);
SELECT 'abcde'::varchar(5);
SELECT 'abcde   '::varchar(5);
SELECT ' a'::varchar(5);
SELECT 'é日本'::varchar(5);
SELECT 'A'::varchar(5);
SELECT 'abcdef'::varchar(5);
CREATE TABLE v (id int PRIMARY KEY, x varchar(5));
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
SELECT $1::varchar(5);
--@ bind 'a'
SELECT $1::varchar(5);
--@ bind 'abc'
SELECT $1::varchar(5);
--@ bind 'abcde'
SELECT $1::varchar(5);
--@ bind 'abcde   '
SELECT $1::varchar(5);
--@ bind ' a'
SELECT $1::varchar(5);
--@ bind 'abcdef'
SELECT $1::varchar(5);
INSERT INTO v VALUES (100, 'abcdef');
INSERT INTO v VALUES (101, 'abcde  ');
INSERT INTO v VALUES (102, 'ab' || 'cdefg');
INSERT INTO v SELECT 103, 'abcdefgh'::text;
UPDATE v SET x = 'toolong' WHERE id = 1;
SELECT 'abcdefgh'::varchar(5), 'abcdefgh'::text::varchar(5), 123456::varchar(5), true::varchar(5);
SELECT length('ab'::varchar(5)), octet_length('ab'::varchar(5)), 'ab'::varchar(5) || 'c', ('ab '::varchar(5))::text || '|';
SELECT 'ab'::varchar(5) = 'ab ', 'ab'::varchar(5) = 'ab   '::varchar(5), 'ab'::varchar(5) = 'ab '::text;
SELECT 'ab'::varchar(5) LIKE 'ab', 'ab'::varchar(5) LIKE 'ab%', 'ab'::varchar(5) LIKE 'ab   ';
SELECT upper('ab'::varchar(5)), pg_typeof(upper('ab'::varchar(5))), pg_typeof('ab'::varchar(5) || 'c');
SELECT id FROM v WHERE x = 'abc';
SELECT id FROM v WHERE x = 'abc  ';
SELECT id, length(x), '[' || x || ']' FROM v ORDER BY id;
SELECT x || x FROM v ORDER BY id;
SELECT max(x), min(x) FROM v;
SELECT 'x'::varchar(0);
SELECT 'x'::varchar(10485761);
SELECT 'abc'::varchar;
CREATE TABLE w (a varchar(2) DEFAULT 'xyz');
INSERT INTO w DEFAULT VALUES;
SELECT 'abc'::varchar(2), 'abc'::varchar(1);
SELECT coalesce(x, 'none') FROM v ORDER BY id;
SELECT x FROM v UNION SELECT 'abc' ORDER BY 1;
