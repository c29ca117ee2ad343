-- The runner itself: each of its ways once.
--@ extended
CREATE TABLE t (a int PRIMARY KEY, b text, c numeric(6,2));
INSERT INTO t VALUES (1, 'one', 1.5), (2, 'two|three', NULL), (3, E'tab\there', -0.25);
SELECT a, b, c FROM t ORDER BY a DESC;
SELECT * FROM t;
--@ bind '1', 'x'
--@ bind NULL, 'it''s'
--@ bind 'one', 'x'
SELECT a, $2 || b FROM t WHERE a = $1;
--@ bind '9', 'nine'
INSERT INTO t VALUES ($1, $2) RETURNING a;
COPY t FROM STDIN;
4	four	4.00
5	\N	\N
\.
COPY (SELECT a, b FROM t ORDER BY a) TO STDOUT;
--@ block
SELECT 1 AS one; SELECT nothing FROM t; SELECT 2;
--@ end
BEGIN;
INSERT INTO t VALUES (1, 'again');
SELECT 1;
ROLLBACK;
--@ session b
SELECT count(*) FROM t;
SELECT;
