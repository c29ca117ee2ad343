-- Parameters of the extended protocol: the types that are inferred for them, values both ways, errors.
CREATE TABLE p (id int PRIMARY KEY, a smallint, b bigint, n numeric(6,2), t text, v varchar(5), d date, ts timestamptz, u uuid, j jsonb, ok boolean, f float8, ia int[], by bytea);
--@ bind '1', '2', '3', '4.567', 'text', 'var', '2024-01-01', '2024-01-01 10:00+02', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"k":1}', 't', '1.5', '{1,2}', '\x00ff'
--@ bind '2', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
--@ bind '3', '99999', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
--@ bind '4', NULL, NULL, NULL, NULL, 'toolong', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
--@ bind '5', NULL, NULL, '12345', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
INSERT INTO p VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id;
--@ bind '1'
--@ bind '1.5'
--@ bind ''
--@ bind NULL
SELECT * FROM p WHERE id = $1;
--@ bind '2'
SELECT id FROM p WHERE a = $1;
--@ bind '3'
SELECT id FROM p WHERE b > $1 - 1;
--@ bind '4.57'
SELECT id FROM p WHERE n = $1;
--@ bind 'var'
SELECT id FROM p WHERE v = $1;
--@ bind '2024-01-01'
SELECT id FROM p WHERE d = $1;
--@ bind '2024-01-01 08:00+00'
SELECT id FROM p WHERE ts <= $1;
--@ bind '{"k": 1}'
SELECT id FROM p WHERE j = $1;
--@ bind 'k'
SELECT j -> $1, j ->> $1 FROM p WHERE id = 1;
--@ bind 't'
SELECT id FROM p WHERE ok = $1;
--@ bind 't'
SELECT id FROM p WHERE ok AND $1;
--@ bind '{1,2}'
SELECT id FROM p WHERE ia = $1;
--@ bind '2'
SELECT id FROM p WHERE $1 = ANY (ia);
--@ bind '{1,2}'
SELECT id FROM p WHERE id = ANY ($1) ORDER BY id;
--@ bind '{1,2}'
SELECT id FROM p WHERE id <> ALL ($1::int[]) ORDER BY id;
--@ bind '1', '2'
SELECT id FROM p WHERE id IN ($1, $2) ORDER BY id;
--@ bind '1', '2'
SELECT id FROM p WHERE id BETWEEN $1 AND $2 ORDER BY id;
--@ bind 'x'
SELECT $1;
--@ bind 'x'
SELECT $1 AS a, $1 AS b;
--@ bind '5'
SELECT $1 + 1;
--@ bind '5'
SELECT $1::text, $1;
--@ bind '5'
SELECT $1::int, $1::bigint;
--@ bind '5'
SELECT $1 || 'a';
--@ bind '5', '6'
SELECT $1 || $2;
--@ bind '5', '6'
SELECT $1 + $2;
--@ bind '5', '6'
SELECT $1 = $2;
--@ bind '5', '6'
SELECT coalesce($1, $2), greatest($1, 3);
--@ bind '5', '6'
SELECT $2::int, $1::text;
--@ bind '5'
SELECT $2::int;
--@ bind '5'
SELECT CASE WHEN $1 THEN 1 ELSE 2 END;
--@ bind 't'
SELECT CASE WHEN $1 THEN 1 ELSE 2 END, NOT $1;
--@ bind '3'
SELECT CASE $1 WHEN 1 THEN 'a' WHEN 3 THEN 'c' END;
--@ bind 'abc'
SELECT upper($1), length($1), $1 LIKE 'a%';
--@ bind '2'
SELECT abs($1);
--@ bind '2'
SELECT round($1, 1);
--@ bind '2'
SELECT $1::numeric(4,1), sqrt($1);
--@ bind '2024-01-01'
SELECT $1::date + 1, extract(year from $1);
--@ bind '1 day'
SELECT now() - $1 < now();
--@ bind '1 day'
SELECT timestamp '2024-01-01' + $1;
--@ bind 'x'
SELECT $1 IS NULL;
--@ bind '2'
SELECT g FROM generate_series(1, $1) g;
--@ bind '2', '3'
SELECT * FROM (VALUES ($1, $2)) v;
--@ bind '2', '3'
SELECT * FROM (VALUES ($1::int, 'a'), (7, $2)) v(x, y) ORDER BY x;
--@ bind '1'
SELECT id FROM p ORDER BY id LIMIT $1;
--@ bind '1'
SELECT id FROM p ORDER BY $1;
--@ bind 'p'
SELECT * FROM $1;
--@ bind 'new', '1'
UPDATE p SET t = $1 WHERE id = $2 RETURNING t;
--@ bind '7', '1'
UPDATE p SET n = n + $1, b = $1 WHERE id = $2 RETURNING n, b;
--@ bind '9'
UPDATE p SET f = $1 * 2 WHERE id = 1 RETURNING f;
--@ bind '2'
DELETE FROM p WHERE id = $1 RETURNING id;
--@ bind 'UTC'
SET TimeZone = $1;
--@ bind '1'
CREATE TABLE q (a int DEFAULT $1);
--@ bind
SELECT 1;
--@ bind '1'
SELECT 1;
--@ bind '1'
SELECT 1; SELECT 2;
--@ bind 'a'
SELECT row($1, 1);
--@ bind 'a', 'b'
SELECT ARRAY[$1, $2];
--@ bind '1', '2'
SELECT ARRAY[$1, $2, 3];
--@ bind '{"a": [1]}'
SELECT $1::json ->> 'a', $1::jsonb;
--@ bind '\x01'
SELECT $1::bytea, length($1);
--@ bind '12:30'
SELECT $1::time, $1::interval;
--@ bind 'NaN'
SELECT $1::float8, $1::numeric;
--@ bind 'é日本'
SELECT $1::text, length($1::text), $1::varchar(2);
--@ bind '1', '2', '3'
SELECT $1::int + $3::int;
