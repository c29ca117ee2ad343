-- bytea: hex and escape formats.
--@ extended
SELECT '\x'::bytea;
SELECT '\x00'::bytea;
SELECT '\xDEADbeef'::bytea;
SELECT '\x61 62'::bytea;
SELECT 'abc'::bytea;
SELECT 'a\\b'::bytea;
SELECT '\001\377'::bytea;
SELECT '\x0001ff'::bytea;
SELECT '\x1'::bytea;
SELECT '\xzz'::bytea;
SELECT '\9'::bytea;
SELECT 'abc\'::bytea;
SELECT '\400'::bytea;
CREATE TABLE v (id int PRIMARY KEY, x bytea);
INSERT INTO v VALUES (1, '\x');
INSERT INTO v VALUES (2, '\x00');
INSERT INTO v VALUES (3, '\xDEADbeef');
INSERT INTO v VALUES (4, '\x61 62');
INSERT INTO v VALUES (5, 'abc');
INSERT INTO v VALUES (6, 'a\\b');
INSERT INTO v VALUES (7, '\001\377');
INSERT INTO v VALUES (8, '\x0001ff');
INSERT INTO v VALUES (9, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '\x1');
INSERT INTO v VALUES (100, '\xzz');
INSERT INTO v VALUES (100, '\9');
--@ bind '\x'
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '\x00'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind '\x'
SELECT $1::bytea;
--@ bind '\x00'
SELECT $1::bytea;
--@ bind '\xDEADbeef'
SELECT $1::bytea;
--@ bind '\x61 62'
SELECT $1::bytea;
--@ bind 'abc'
SELECT $1::bytea;
--@ bind 'a\\b'
SELECT $1::bytea;
--@ bind '\x1'
SELECT $1::bytea;
--@ bind '\xzz'
SELECT $1::bytea;
--@ bind '\9'
SELECT $1::bytea;
SELECT 'abc'::bytea || '\x00'::bytea, length('\x0102'::bytea), octet_length('\x0102'::bytea);
SELECT encode('\xdeadbeef', 'hex'), encode('\xdeadbeef', 'base64'), encode('a\\b\001', 'escape');
SELECT decode('deadbeef', 'hex'), decode('3q2+7w==', 'base64'), decode('a\001', 'escape');
SELECT decode('zz', 'hex');
SELECT decode('abc', 'hex');
SELECT encode('a', 'nosuch');
SELECT substring('\x01020304'::bytea from 2 for 2), position('\x03'::bytea in '\x01020304'::bytea), overlay('\x01020304'::bytea placing '\xff'::bytea from 2);
SELECT get_byte('\x0102'::bytea, 1), set_byte('\x0102'::bytea, 0, 255), get_bit('\x01'::bytea, 0), set_bit('\x00'::bytea, 3, 1);
SELECT get_byte('\x0102'::bytea, 2);
SELECT '\x01'::bytea < '\x0100'::bytea, '\xff'::bytea > '\x01'::bytea;
SELECT md5('\x00'::bytea), sha256('abc'::bytea), sha224('abc'), sha512('');
SELECT convert_to('é', 'UTF8'), convert_from('\xc3a9', 'UTF8');
SELECT convert_from('\xc3', 'UTF8');
SET bytea_output = 'escape';
SELECT x FROM v ORDER BY id;
SELECT '\x00ff41'::bytea, '\x00ff41'::bytea::text;
RESET bytea_output;
SELECT 'abc'::text::bytea;
SELECT btrim('\x000100'::bytea, '\x00'::bytea), trim(both '\x00'::bytea from '\x000100'::bytea);
SELECT min(id) FROM v WHERE x = 'abc';
SELECT bit_count('\xff01'::bytea), reverse('abc');
SELECT string_agg(x, '\x2c'::bytea ORDER BY id) FROM v;
