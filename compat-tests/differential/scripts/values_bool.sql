-- Booleans: what is read, and how it is shown, text and binary.
--@ extended
SELECT 't'::boolean;
SELECT 'f'::boolean;
SELECT 'true'::boolean;
SELECT 'false'::boolean;
SELECT 'TRUE'::boolean;
SELECT 'False'::boolean;
SELECT 'tr'::boolean;
SELECT 'fals'::boolean;
SELECT 'yes'::boolean;
SELECT 'no'::boolean;
SELECT 'y'::boolean;
SELECT 'n'::boolean;
SELECT 'on'::boolean;
SELECT 'off'::boolean;
SELECT 'of'::boolean;
SELECT '1'::boolean;
SELECT '0'::boolean;
SELECT '  true  '::boolean;
SELECT 'YES'::boolean;
SELECT ''::boolean;
SELECT 'o'::boolean;
SELECT '2'::boolean;
SELECT 'maybe'::boolean;
SELECT 'truee'::boolean;
SELECT 'tf'::boolean;
SELECT 'nope'::boolean;
SELECT '10'::boolean;
SELECT 'null'::boolean;
CREATE TABLE v (id int PRIMARY KEY, x boolean);
INSERT INTO v VALUES (1, 't');
INSERT INTO v VALUES (2, 'f');
INSERT INTO v VALUES (3, 'true');
INSERT INTO v VALUES (4, 'false');
INSERT INTO v VALUES (5, 'TRUE');
INSERT INTO v VALUES (6, 'False');
INSERT INTO v VALUES (7, 'tr');
INSERT INTO v VALUES (8, 'fals');
INSERT INTO v VALUES (9, 'yes');
INSERT INTO v VALUES (10, 'no');
INSERT INTO v VALUES (11, 'y');
INSERT INTO v VALUES (12, 'n');
INSERT INTO v VALUES (13, 'on');
INSERT INTO v VALUES (14, 'off');
INSERT INTO v VALUES (15, 'of');
INSERT INTO v VALUES (16, '1');
INSERT INTO v VALUES (17, '0');
INSERT INTO v VALUES (18, '  true  ');
INSERT INTO v VALUES (19, 'YES');
INSERT INTO v VALUES (20, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, 'o');
INSERT INTO v VALUES (100, '2');
--@ bind 't'
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind 'f'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind 't'
SELECT $1::boolean;
--@ bind 'f'
SELECT $1::boolean;
--@ bind 'true'
SELECT $1::boolean;
--@ bind 'false'
SELECT $1::boolean;
--@ bind 'TRUE'
SELECT $1::boolean;
--@ bind 'False'
SELECT $1::boolean;
--@ bind ''
SELECT $1::boolean;
--@ bind 'o'
SELECT $1::boolean;
--@ bind '2'
SELECT $1::boolean;
SELECT true, false, TRUE::text, NOT true, NULL::boolean;
SELECT true AND NULL, false AND NULL, true OR NULL, false OR NULL, NOT NULL::boolean;
SELECT true > false, true = 't', true <> false, least(true,false), greatest(true,NULL,false);
SELECT 1::boolean, 0::boolean, 42::boolean, (-1)::boolean;
SELECT true::int, false::int;
SELECT true::bigint;
SELECT 1::smallint::boolean;
SELECT bool_and(x), bool_or(x), every(x) FROM v;
SELECT min(x) FROM v;
SELECT id FROM v WHERE x ORDER BY id;
SELECT id FROM v WHERE NOT x ORDER BY id;
SELECT id FROM v WHERE x IS NOT TRUE ORDER BY id;
SELECT id FROM v WHERE x IS UNKNOWN;
SELECT id FROM v WHERE 1;
SELECT id FROM v WHERE 'yes' ORDER BY id LIMIT 2;
SELECT id FROM v WHERE x = 1;
SELECT true + 1;
SELECT true AND 1;
SELECT 'x' AND true;
SELECT NOT 1;
SELECT sum(x) FROM v;
