-- Subqueries: scalar, IN, EXISTS, ANY and ALL, correlated, in FROM, with NULLs, and their errors.
CREATE TABLE t (id int PRIMARY KEY, a int, b text);
CREATE TABLE u (id int PRIMARY KEY, t_id int, v int);
INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y'), (3, NULL, 'z'), (4, 20, NULL);
INSERT INTO u VALUES (1, 1, 10), (2, 1, 30), (3, 2, NULL), (4, NULL, 20);
SELECT (SELECT 1);
SELECT (SELECT max(v) FROM u);
SELECT (SELECT v FROM u WHERE false);
SELECT (SELECT v FROM u);
SELECT (SELECT id, v FROM u WHERE id = 1);
SELECT id, (SELECT max(v) FROM u WHERE u.t_id = t.id) AS m FROM t ORDER BY id;
SELECT id, (SELECT count(*) FROM u WHERE t_id = t.id), (SELECT sum(v) FROM u WHERE t_id = t.id) FROM t ORDER BY id;
SELECT id FROM t WHERE id IN (SELECT t_id FROM u) ORDER BY id;
SELECT id FROM t WHERE id NOT IN (SELECT t_id FROM u) ORDER BY id;
SELECT id FROM t WHERE id NOT IN (SELECT t_id FROM u WHERE t_id IS NOT NULL) ORDER BY id;
SELECT id, id IN (SELECT t_id FROM u) AS i, a IN (SELECT v FROM u) AS n FROM t ORDER BY id;
SELECT id FROM t WHERE (id, a) IN (SELECT t_id, v FROM u) ORDER BY id;
SELECT id FROM t WHERE (id, a) NOT IN (SELECT t_id, v FROM u WHERE v IS NOT NULL AND t_id IS NOT NULL) ORDER BY id;
SELECT id FROM t WHERE id IN (SELECT t_id, v FROM u);
SELECT id FROM t WHERE (id, a) IN (SELECT t_id FROM u);
SELECT id FROM t WHERE b IN (SELECT v FROM u);
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id) ORDER BY id;
SELECT id FROM t WHERE NOT EXISTS (SELECT FROM u WHERE u.t_id = t.id) ORDER BY id;
SELECT id FROM t WHERE EXISTS (SELECT * FROM u WHERE v > t.a) ORDER BY id;
SELECT EXISTS (SELECT 1 FROM u WHERE false), EXISTS (SELECT NULL);
SELECT id FROM t WHERE a = ANY (SELECT v FROM u) ORDER BY id;
SELECT id FROM t WHERE a = SOME (SELECT v FROM u) ORDER BY id;
SELECT id FROM t WHERE a > ANY (SELECT v FROM u) ORDER BY id;
SELECT id FROM t WHERE a >= ALL (SELECT v FROM u WHERE v IS NOT NULL AND v < 25) ORDER BY id;
SELECT id FROM t WHERE a <> ALL (SELECT v FROM u) ORDER BY id;
SELECT id FROM t WHERE a < ALL (SELECT v FROM u WHERE false) ORDER BY id;
SELECT 1 > ALL (SELECT NULL::int), 1 = ANY (SELECT NULL::int), 1 = ANY (SELECT 1 UNION SELECT NULL), 2 > ALL (SELECT 3 UNION ALL SELECT NULL);
SELECT 1 = ANY (ARRAY[1, 2]), 3 = ANY ('{1,2}'), 1 < ALL (ARRAY[2, NULL]), 1 = ANY (ARRAY[]::int[]), 1 = ALL (NULL::int[]);
SELECT 'x' LIKE ANY (ARRAY['a%', 'x%']), 'x' NOT LIKE ALL (ARRAY['a%', 'y%']);
SELECT 1 = ANY (1);
SELECT s.m FROM (SELECT max(v) AS m FROM u) s;
SELECT s.* FROM (SELECT id, a FROM t WHERE a > 5) s WHERE s.id > 1 ORDER BY s.id;
SELECT x, y FROM (SELECT id, a FROM t) AS s (x, y) ORDER BY x;
SELECT x, a FROM (SELECT id, a FROM t) AS s (x) ORDER BY x;
SELECT * FROM (SELECT id, a FROM t) AS s (x, y, z);
SELECT * FROM (SELECT 1);
SELECT * FROM (SELECT 1, 2) s;
SELECT s.id FROM (SELECT a FROM t) s;
SELECT id FROM t WHERE a = (SELECT max(a) FROM t) ORDER BY id;
SELECT id FROM t x WHERE a = (SELECT max(a) FROM t y WHERE y.id <> x.id) ORDER BY id;
SELECT id FROM t WHERE (a, b) = (SELECT a, b FROM t WHERE id = 1);
SELECT id FROM t WHERE (a, b) = (SELECT a FROM t WHERE id = 1);
SELECT id FROM t WHERE a = (SELECT b FROM t WHERE id = 1);
SELECT coalesce((SELECT v FROM u WHERE id = 3), -1), (SELECT v FROM u WHERE id = 1) + 1;
SELECT CASE WHEN EXISTS (SELECT 1 FROM u) THEN (SELECT min(v) FROM u) ELSE 0 END;
SELECT id FROM t ORDER BY (SELECT count(*) FROM u WHERE u.t_id = t.id) DESC, id;
SELECT (SELECT t.a) FROM t ORDER BY id;
SELECT (SELECT count(t.a)) FROM t;
SELECT (SELECT sum(v) FROM u WHERE v > avg(t.a)) FROM t;
SELECT id FROM t WHERE id = (SELECT t_id FROM u WHERE u.id = t.id);
SELECT * FROM t WHERE id IN (SELECT t_id FROM u WHERE u.nothing = 1);
SELECT * FROM t WHERE id IN (SELECT id FROM (SELECT t_id AS id FROM u) q) ORDER BY id;
SELECT ARRAY(SELECT v FROM u WHERE v IS NOT NULL ORDER BY v), ARRAY(SELECT v FROM u WHERE false);
SELECT array_length(ARRAY(SELECT id FROM t), 1);
INSERT INTO u SELECT id + 100, id, a FROM t WHERE a IS NOT NULL RETURNING id, t_id, v;
INSERT INTO u (id, v) VALUES (200, (SELECT max(a) FROM t)) RETURNING v;
UPDATE t SET a = (SELECT min(v) FROM u WHERE u.t_id = t.id) WHERE id < 3 RETURNING id, a;
UPDATE t SET (a, b) = (SELECT v, 'set' FROM u WHERE u.id = 1) WHERE id = 3 RETURNING *;
DELETE FROM u WHERE t_id IN (SELECT id FROM t WHERE b = 'x') RETURNING id;
DELETE FROM u WHERE v > (SELECT avg(v) FROM u) RETURNING id;
--@ bind '1'
--@ bind NULL
SELECT id FROM t WHERE id IN (SELECT t_id FROM u WHERE t_id >= $1) ORDER BY id;
--@ bind '{1,3}'
--@ bind '{}'
--@ bind NULL
SELECT id FROM t WHERE id = ANY ($1) ORDER BY id;
--@ bind '2'
SELECT (SELECT $1::int + 1), EXISTS (SELECT 1 FROM t WHERE id = $1);
