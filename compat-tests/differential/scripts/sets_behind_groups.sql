-- Set-returning functions in the select list of a query with groups or window functions: their rows come behind those.
CREATE TABLE t (k int, x int, a int[]);
INSERT INTO t VALUES (1, 10, '{1,2}'), (1, 20, '{3}'), (2, 30, '{4,5,6}');
CREATE TABLE p (id int PRIMARY KEY, n text);
INSERT INTO p VALUES (1, 'a'), (2, 'b');
SELECT unnest(array_agg(x ORDER BY x)) FROM t;
SELECT k, unnest(array_agg(x ORDER BY x)) FROM t GROUP BY k ORDER BY k, 2;
SELECT k, generate_series(1, count(*)) g FROM t GROUP BY k ORDER BY k, g DESC;
SELECT sum(x), generate_series(1, 2) g FROM t ORDER BY g;
SELECT k, generate_series(1, k) FROM t GROUP BY k HAVING count(*) > 0 ORDER BY max(x) DESC, 2 LIMIT 2;
SELECT DISTINCT k, generate_series(1, 2) FROM t GROUP BY k, x ORDER BY 1, 2;
SELECT k + 1 AS k1, generate_series(k + 1, k + 2) g, count(*) c FROM t GROUP BY k + 1 ORDER BY 1, 2;
SELECT k, generate_series(1, 2), generate_series(1, 3) FROM t GROUP BY k ORDER BY k, 3;
SELECT k, unnest(array_agg(x ORDER BY x)) + k AS v, (unnest(array_agg(x ORDER BY x)) > 10)::text FROM t GROUP BY k ORDER BY k, v DESC;
SELECT k, jsonb_array_elements(jsonb_agg(x ORDER BY x)) e FROM t GROUP BY k ORDER BY k, e;
SELECT jsonb_object_keys(jsonb_object_agg(k::text, x)) FROM t ORDER BY 1;
SELECT (json_each_text(json_object_agg(k, x ORDER BY x))).* FROM t WHERE x <> 20;
SELECT k, (SELECT max(x) FROM t u WHERE u.k = t.k), generate_series(1, 2) FROM t GROUP BY k ORDER BY k, 3;
SELECT k, generate_series(1, 2) g, grouping(k) FROM t GROUP BY ROLLUP (k) ORDER BY k, g;
SELECT n, generate_series(1, count(*)) FROM p GROUP BY id ORDER BY id;
SELECT generate_series(1, 2) g FROM t GROUP BY k ORDER BY g;
SELECT string_agg(x::text, ',' ORDER BY x), unnest(ARRAY[1, 2]) FROM t HAVING count(*) > 5;
SELECT string_agg(x::text, ',' ORDER BY x), unnest(ARRAY[1, 2]) FROM t HAVING count(*) > 2 ORDER BY 2;
SELECT array(SELECT unnest(array_agg(x ORDER BY x)) FROM t);
SELECT k FROM t GROUP BY k HAVING k IN (SELECT generate_series(2, 3)) ORDER BY 1;
-- Behind window functions.
SELECT generate_series(1, 2) g, x, row_number() OVER (ORDER BY x) FROM t ORDER BY x, g;
SELECT k, x, generate_series(1, 2) g, sum(x) OVER (PARTITION BY k) s FROM t ORDER BY k, x, g;
SELECT lag(x) OVER (ORDER BY x), unnest(a) FROM t ORDER BY 2;
SELECT k, sum(sum(x)) OVER (ORDER BY k), generate_series(1, 2) g FROM t GROUP BY k ORDER BY k, g;
-- Keys of GROUP BY come before the groups.
SELECT unnest(a) u, count(*) FROM t GROUP BY u ORDER BY u;
-- Columns that aren't keys.
SELECT unnest(a), count(*) FROM t;
SELECT k, unnest(a) FROM t GROUP BY k;
SELECT k, generate_series(1, x) FROM t GROUP BY k;
-- Not inside an aggregate or a window function.
SELECT sum(generate_series(1, 2)) FROM t;
SELECT sum(unnest(a)) FROM t;
SELECT sum(unnest(a)) OVER () FROM t;
-- A prepared one, and a view of one.
PREPARE sets (int) AS SELECT k, generate_series($1, count(*)) g FROM t GROUP BY k ORDER BY k, g;
EXECUTE sets (1);
CREATE VIEW spread AS SELECT k, unnest(array_agg(x ORDER BY x)) AS x FROM t GROUP BY k;
SELECT * FROM spread ORDER BY k, x;
INSERT INTO t (k, x) SELECT k, unnest(array_agg(x)) + 100 FROM t GROUP BY k;
SELECT k, x, a FROM t ORDER BY k, x;
