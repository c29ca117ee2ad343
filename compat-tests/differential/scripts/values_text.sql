-- text: length in characters, order by code point, concatenation.
--@ extended
SELECT ''::text;
SELECT 'a'::text;
SELECT 'B'::text;
SELECT 'b'::text;
SELECT 'Ab'::text;
SELECT 'abc'::text;
SELECT ' abc '::text;
SELECT 'é'::text;
SELECT 'É'::text;
SELECT '日本語'::text;
SELECT '😀'::text;
SELECT 'ab'::text;
SELECT 'a"b'::text;
SELECT 'back\slash'::text;
SELECT '%'::text;
SELECT '_'::text;
SELECT '10'::text;
SELECT '9'::text;
SELECT 'Z'::text;
SELECT 'ß'::text;
CREATE TABLE v (id int PRIMARY KEY, x text);
INSERT INTO v VALUES (1, '');
INSERT INTO v VALUES (2, 'a');
INSERT INTO v VALUES (3, 'B');
INSERT INTO v VALUES (4, 'b');
INSERT INTO v VALUES (5, 'Ab');
INSERT INTO v VALUES (6, 'abc');
INSERT INTO v VALUES (7, ' abc ');
INSERT INTO v VALUES (8, 'é');
INSERT INTO v VALUES (9, 'É');
INSERT INTO v VALUES (10, '日本語');
INSERT INTO v VALUES (11, '😀');
INSERT INTO v VALUES (12, 'ab');
INSERT INTO v VALUES (13, 'a"b');
INSERT INTO v VALUES (14, 'back\slash');
INSERT INTO v VALUES (15, '%');
INSERT INTO v VALUES (16, '_');
INSERT INTO v VALUES (17, '10');
INSERT INTO v VALUES (18, '9');
INSERT INTO v VALUES (19, 'Z');
INSERT INTO v VALUES (20, 'ß');
INSERT INTO v VALUES (21, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
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
SELECT $1::text;
--@ bind 'a'
SELECT $1::text;
--@ bind 'B'
SELECT $1::text;
--@ bind 'b'
SELECT $1::text;
--@ bind 'Ab'
SELECT $1::text;
--@ bind 'abc'
SELECT $1::text;
SELECT E'tab\there', E'nl\nhere', E'\x41\u00e9\U0001F600', E'\101', E'quote\'s', U&'\0041\00e9', U&'d!0061t' UESCAPE '!';
SELECT $$dollar 'quoted'$$, $tag$with $$ inside$tag$;
SELECT 'ab' 'cd';
SELECT 'ab'
'cd';
SELECT 'a' || 'b', 'a' || 1, 1 || 'a', 'a' || NULL, 'a' || true, 'a' || 1.50;
SELECT 1 || 2;
SELECT length('日本語'), char_length('é'), octet_length('é'), bit_length('é');
SELECT 'a' < 'B', 'Z' < 'a', 'a' < 'ab', '' < 'a', '10' < '9', 'é' > 'z';
SELECT 'a' = 'a ', 'a'::char(3) = 'a', 'a' = 'A';
SELECT upper('éa'), lower('ÉA'), initcap('hello wORLD-x y_z');
SELECT 'abc' LIKE 'a%', 'abc' LIKE 'A%', 'abc' LIKE '_b_', 'a%c' LIKE 'a\%c', 'abc' ILIKE 'ABC', 'abc' NOT LIKE 'b%', NULL LIKE 'a', 'abc' LIKE NULL;
SELECT 'a_c' LIKE 'a!_c' ESCAPE '!', 'a\c' LIKE 'a\c' ESCAPE '';
SELECT 'abc' LIKE 'abc\';
SELECT 'abc' LIKE 'a' ESCAPE 'xx';
SELECT 'abc' ~~ 'a%', 'abc' !~~ 'a%', 'abc' ~~* 'A%', 'abc' ^@ 'ab';
SELECT x FROM v WHERE x LIKE 'a%' ORDER BY x;
SELECT x FROM v WHERE x > 'a' ORDER BY x;
SELECT min(x), max(x) FROM v;
SELECT string_agg(x, ',' ORDER BY x) FROM v;
SELECT E'\000';
SELECT chr(0);
SELECT 'unterminated \u' || E'\u00';
SELECT B'101', X'1F';
SELECT 'a' COLLATE "C" < 'b';
SELECT 'a' COLLATE "nosuch" < 'b';
SELECT quote_literal('it''s'), quote_ident('a b'), quote_ident('abc'), quote_nullable(NULL);
