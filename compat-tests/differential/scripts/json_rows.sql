-- Rows of JSON objects: json_to_record, json_populate_record, their like for sets, and those of jsonb.
--@ extended
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN small AS int CHECK (value < 100);
CREATE DOMAIN word AS varchar(4) NOT NULL;
CREATE TABLE item (id int PRIMARY KEY, name varchar(6) NOT NULL DEFAULT 'none', tags text[], doc jsonb, amount numeric(6,2), at timestamptz, ratio float8, raw bytea, done boolean, m mood, ms mood[], s small);
CREATE TABLE one (a int);
CREATE TABLE sink (v text);
CREATE TABLE holder (id int PRIMARY KEY, items jsonb, raw json);
INSERT INTO holder VALUES (1, '[{"id":1,"name":"x"},{"id":2}]', '{"id": 10}'), (2, '[]', '{}'), (3, NULL, NULL);
-- Values of each type.
SELECT * FROM json_to_record('{"a":1,"b":"x","c":[1,2],"d":{"e":  1},"f":true,"g":null}') AS x(a int, b text, c int[], d json, f bool, g int, h text);
SELECT * FROM jsonb_to_record('{"a":1,"b":"x","c":[1,2],"d":{"e":  1},"f":true,"g":null}') AS x(a bigint, b varchar(3), c text[], d jsonb, f text, g jsonb, h int[]);
SELECT * FROM json_to_record('{"a":1.50,"b":"1.5","c":1e3,"d":"NaN","e":"-Infinity","f":0.1}') AS x(a numeric, b numeric(4,2), c numeric, d float8, e float8, f real);
SELECT * FROM json_to_record('{"a":12345678901234567890,"b":9223372036854775807,"c":3.141592653589793,"d":1e-300,"e":"1e300"}') AS x(a numeric, b bigint, c float8, d float8, e float8);
SELECT * FROM json_to_record('{"a":"2024-02-29","b":"2024-02-29 12:34:56.789","c":"2024-02-29T12:34:56+02","d":"01:02:03","e":"1 day 2 hours","f":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}') AS x(a date, b timestamp, c timestamptz, d time, e interval, f uuid);
SELECT * FROM json_to_record('{"a":"\\x00ff","b":"abc","c":"","d":"ab","e":"q\"\\\n"}') AS x(a bytea, b bytea, c text, d char(4), e text);
SELECT * FROM json_to_record('{"a":"yes","b":1,"c":"f","d":false}') AS x(a bool, b bool, c bool, d text);
SELECT * FROM json_to_record('{"a":"x","b":"\"y\"","c":null,"d":"1","e":1e2}') AS x(a json, b jsonb, c json, d jsonb, e jsonb);
SELECT a IS NULL, b IS NULL FROM json_to_record('{"a":null,"b":"null"}') AS x(a jsonb, b jsonb);
SELECT * FROM json_to_record('{"a":[1,  2],"b":{"q":  2}}') AS x(a text, b text);
SELECT * FROM jsonb_to_record('{"a":[1,  2],"b":{"q":  2}}') AS x(a text, b varchar);
SELECT * FROM json_to_record('{"a":1,"a":2}') AS x(a int);
SELECT * FROM json_to_record('{"A":1, "b c": 2, "\u00e9": 3}') AS x("A" int, "b c" int, é int);
SELECT * FROM jsonb_to_record('{"m":"ok","s":7,"w":"abcd"}') AS x(m mood, s small, w word);
SELECT a::text FROM jsonb_to_record('{"a":["sad",null]}') AS x(a mood[]);
INSERT INTO sink SELECT a::text FROM jsonb_to_record('{"a":["sad","glad"]}') AS x(a mood[]);
INSERT INTO sink SELECT x.m::text FROM jsonb_to_record('{"m":"happy"}') AS x(m mood);
INSERT INTO sink SELECT x.s::text FROM jsonb_to_record('{"s":100}') AS x(s small);
INSERT INTO sink SELECT x.w::text FROM jsonb_to_record('{"w":"abcde"}') AS x(w word);
INSERT INTO sink SELECT x.w::text FROM jsonb_to_record('{}') AS x(w word);
-- Arrays.
SELECT * FROM json_to_record('{"a":[1,null,"q\"r",{"z":1},[2],true]}') AS x(a text[]);
SELECT * FROM json_to_record('{"a":[[1,2],[3,null]],"b":[],"c":[[],[]],"d":"{1,2}","e":null}') AS x(a int[], b int[], c int[], d int[], e int[]);
SELECT * FROM jsonb_to_record('{"a":[1,{"x":2},null,"s"],"b":[[1],[{"x":2}]]}') AS x(a jsonb[], b json[]);
SELECT * FROM jsonb_to_record('{"a":["1.234",5],"b":["2020-01-01"],"c":["t",false],"d":[1.5,"NaN"]}') AS x(a numeric(4,1)[], b date[], c bool[], d float8[]);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":"x"}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":1}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('{"a":{"b":1}}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":[[1,2],[3]]}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('{"a":[[1,2],[3]]}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":[[1,2],3]}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('{"a":[[[1]],[2]]}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":[1,[2]]}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('{"a":[1,"x"]}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('{"a":[[[[[[[1]]]]]]]}') AS x(a int[]);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('{"a":["abcd"]}') AS x(a varchar(2)[]);
-- What a column can't hold.
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":"abcd"}') AS x(a varchar(3));
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":1.5}') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('{"a":"x"}') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('{"a":[1,2]}') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":true}') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":3000000000}') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":"x"}') AS x(a bool);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":"2024-02-30"}') AS x(a date);
INSERT INTO sink SELECT x.a::text FROM json_to_record('{"a":1e2}') AS x(a bigint);
SELECT * FROM jsonb_to_record('{"a":1e2}') AS x(a bigint);
INSERT INTO sink SELECT count(*)::text FROM jsonb_to_recordset('[{"a":"x"}]') AS x(a int);
-- What isn't an object, or an array of objects.
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('[1]') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_record('[1]') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_record('1') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_record('null') AS x(a int);
SELECT * FROM jsonb_to_record(NULL) AS x(a int);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_recordset('{"a":1}') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_recordset('{"a":1}') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_recordset('1') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_recordset('"s"') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_recordset('null') AS x(a int);
SELECT * FROM jsonb_to_recordset(NULL) AS x(a int);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_recordset('[1]') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_recordset('[null]') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM jsonb_to_recordset('[[{"a":1}]]') AS x(a int);
INSERT INTO sink SELECT x.a::text FROM json_to_recordset('[{"a":1},2]') AS x(a int);
INSERT INTO sink SELECT count(*)::text FROM json_populate_recordset(NULL::item, '{}');
INSERT INTO sink SELECT count(*)::text FROM jsonb_populate_recordset(NULL::item, '[1]');
INSERT INTO sink SELECT count(*)::text FROM json_populate_record(NULL::item, '[]');
INSERT INTO sink SELECT count(*)::text FROM jsonb_populate_record(NULL::item, '"x"');
-- Sets, and their rows.
SELECT * FROM jsonb_to_recordset('[{"a":1,"b":"x"},{"b":"y"},{}]') AS x(a int, b text);
SELECT * FROM json_to_recordset('[]') AS x(a int);
SELECT * FROM json_to_recordset(' [ {"a" : 1 } , {"a":2} ] ') AS (a int);
SELECT x FROM jsonb_to_recordset('[{"a":1},{"a":2}]') AS x(a int);
SELECT x.a, x FROM jsonb_to_recordset('[{"a":1},{"a":2}]') AS x(a int, b text);
SELECT row_to_json(x) FROM jsonb_to_recordset('[{"a":1},{"a":2}]') AS x(a int, b text);
SELECT * FROM ROWS FROM (jsonb_to_recordset('[{"a":1},{"a":2}]') AS (a int, b text), generate_series(1, 3)) WITH ORDINALITY AS z(p, q, r, s);
SELECT sum(a), max(b) FROM jsonb_to_recordset('[{"a":1,"b":"x"},{"a":2,"b":"y"}]') AS x(a int, b text) WHERE a > 0;
SELECT h.id, d.id, d.name FROM holder h, jsonb_to_recordset(h.items) AS d(id int, name text) ORDER BY 1, 2;
SELECT h.id, d.id, d.name FROM holder h LEFT JOIN LATERAL jsonb_to_recordset(h.items) AS d(id int, name text) ON true ORDER BY 1, 2;
SELECT h.id, r.id FROM holder h CROSS JOIN LATERAL json_to_record(h.raw) AS r(id int) ORDER BY 1;
SELECT h.id, (SELECT count(*) FROM jsonb_to_recordset(h.items) AS d(id int) WHERE d.id > 1) FROM holder h ORDER BY 1;
SELECT a.id, b.v FROM jsonb_to_recordset('[{"id":1},{"id":2}]') AS a(id int) JOIN json_to_recordset('[{"id":2,"v":"b"}]') AS b(id int, v text) USING (id);
WITH d AS (SELECT * FROM jsonb_to_recordset('[{"id":1,"v":5}]') AS x(id int, v int)) SELECT d.v + 1 FROM d;
-- The rows of a table.
SELECT * FROM jsonb_populate_record(NULL::item, '{"id":1,"name":"a","tags":["x",null],"doc":{"k":[1]},"amount":1.005,"at":"2024-01-01 00:00+00","ratio":0.5,"raw":"\\x01","done":true,"m":"ok","s":5,"other":1}');
SELECT id, name FROM jsonb_populate_recordset(NULL::public.item, '[{"id":1,"name":"a"},{"id":2}]');
SELECT x, y FROM jsonb_populate_recordset(NULL::holder, '[{"id":1,"raw":{"a" : 1}}]') AS p(x, y, z);
SELECT p FROM json_populate_recordset(NULL::holder, '[{"id":1,"raw":{"a" : 1}}]') AS p;
SELECT * FROM jsonb_populate_record(CAST(NULL AS one), NULL);
SELECT * FROM jsonb_populate_recordset(NULL::one, NULL);
SELECT p.* FROM one RIGHT JOIN jsonb_populate_recordset(NULL::one, '[{"a":1}]') p ON true;
SELECT jsonb_populate_record(NULL::one, '{"a":3}');
SELECT (jsonb_populate_record(NULL::holder, '{"id":3}')).id;
SELECT (jsonb_populate_recordset(NULL::one, '[{"a":3},{"a":4}]')).*;
INSERT INTO sink SELECT count(*)::text FROM jsonb_populate_record(NULL::item, '{"name":"abcdefg"}');
SELECT * FROM jsonb_populate_record(NULL::item, '{"id":1}') AS x(id int);
INSERT INTO sink SELECT count(*)::text FROM jsonb_populate_record(NULL::int, '{}');
INSERT INTO sink SELECT count(*)::text FROM jsonb_populate_record(NULL, '{}');
SELECT * FROM jsonb_populate_record(NULL::nope, '{}');
SELECT * FROM jsonb_populate_record(NULL::record, '{"a":1}') AS x(a int, b text);
SELECT * FROM jsonb_populate_record(NULL::record, '{}') AS x;
-- Rows in bulk.
INSERT INTO item (id, name, tags, doc) SELECT id, coalesce(name, 'new'), tags, doc FROM jsonb_to_recordset('[{"id":1,"name":"a","tags":["p","q"],"doc":{"z":1}},{"id":2}]') AS x(id int, name text, tags text[], doc jsonb);
INSERT INTO item SELECT * FROM json_populate_recordset(NULL::item, '[{"id":3,"name":"c","amount":"2.50","ratio":1.25,"done":false,"m":"sad","s":1},{"id":4,"name":"d","raw":"\\xabcd"}]');
INSERT INTO one SELECT (jsonb_populate_recordset(NULL::one, '[{"a":3},{"a":4}]')).*;
--@ bind '[{"id":5,"name":"e","tags":["r"]},{"id":6,"name":"f"}]'
--@ bind NULL
--@ bind '{}'
INSERT INTO item (id, name, tags) SELECT * FROM jsonb_to_recordset($1) AS x(id int, name text, tags text[]) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id, name, tags;
--@ bind '[{"id":7,"name":"g"}]'
INSERT INTO item SELECT * FROM json_populate_recordset(NULL::item, $1);
INSERT INTO item SELECT * FROM json_populate_recordset(NULL::item, '[{"id":8}]');
INSERT INTO item (id, name) SELECT id, name FROM jsonb_to_recordset('[{"id":9,"name":"toolong"}]') AS x(id int, name text);
INSERT INTO item (id, name) SELECT id, name FROM jsonb_to_recordset('[{"id":"9x","name":"i"}]') AS x(id int, name text);
UPDATE item SET name = d.name FROM jsonb_to_recordset('[{"id":1,"name":"A"},{"id":4,"name":"D"}]') AS d(id int, name text) WHERE item.id = d.id;
DELETE FROM item USING json_to_recordset('[{"id":2},{"id":5}]') AS d(id int) WHERE item.id = d.id;
SELECT * FROM item ORDER BY id;
SELECT * FROM one ORDER BY a;
-- Lists of columns that can't be.
SELECT * FROM jsonb_to_record('{"a":1}') AS x;
SELECT * FROM jsonb_to_record('{"a":1}');
SELECT * FROM jsonb_to_recordset('[{"a":1}]') AS x(a);
INSERT INTO sink SELECT jsonb_to_record('{"a":1}')::text;
INSERT INTO sink SELECT json_to_recordset('[{"a":1}]')::text;
SELECT * FROM generate_series(1, 2) AS x(a int);
SELECT * FROM jsonb_each('{}') AS x(a text, b jsonb);
SELECT * FROM now() AS x(a int);
SELECT * FROM jsonb_to_record('{"a":1}') AS x(a int, a text);
SELECT * FROM jsonb_to_record('{"a":1}') AS x(a nope);
SELECT * FROM jsonb_to_record('{"a":1}') AS x(a void);
SELECT * FROM jsonb_to_recordset('[{"a":1}]') WITH ORDINALITY AS x(a int);
SELECT * FROM jsonb_to_record('{"a":1}') AS x(a int DEFAULT 3);
SELECT * FROM jsonb_to_record('{"a":"1"}'::text) AS x(a float8);
SELECT * FROM jsonb_to_record() AS x(a float8);
SELECT * FROM json_to_record('{"a":1}'::jsonb) AS x(a float8);
