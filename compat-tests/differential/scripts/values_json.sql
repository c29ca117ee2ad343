-- json: input, output, operators, functions.
--@ extended
SELECT '{}'::json;
SELECT '[]'::json;
SELECT 'null'::json;
SELECT 'true'::json;
SELECT '1'::json;
SELECT '1.0'::json;
SELECT '1e2'::json;
SELECT '"a"'::json;
SELECT '"\u00e9"'::json;
SELECT '{"a":1,"b":[1,2,{"c":null}]}'::json;
SELECT ' { "b" : 2 , "a" : 1 } '::json;
SELECT '[1, 2,3]'::json;
SELECT '{"a":1,"a":2}'::json;
SELECT '"line\nbreak"'::json;
SELECT '-0'::json;
SELECT '1.10'::json;
SELECT '{"aa":1,"b":2,"a":3}'::json;
SELECT '"\u0041"'::json;
SELECT '12345678901234567890123'::json;
SELECT ''::json;
SELECT '{'::json;
SELECT '[1,]'::json;
SELECT '{"a"}'::json;
SELECT '{a:1}'::json;
SELECT 'nul'::json;
SELECT 'tru'::json;
SELECT '01'::json;
SELECT '1.'::json;
SELECT '"abc'::json;
SELECT '''a'''::json;
SELECT '[1 2]'::json;
SELECT '{"a":1,}'::json;
SELECT '"\x"'::json;
SELECT '1 2'::json;
SELECT '	"
"'::json;
CREATE TABLE v (id int PRIMARY KEY, x json);
INSERT INTO v VALUES (1, '{}');
INSERT INTO v VALUES (2, '[]');
INSERT INTO v VALUES (3, 'null');
INSERT INTO v VALUES (4, 'true');
INSERT INTO v VALUES (5, '1');
INSERT INTO v VALUES (6, '1.0');
INSERT INTO v VALUES (7, '1e2');
INSERT INTO v VALUES (8, '"a"');
INSERT INTO v VALUES (9, '"\u00e9"');
INSERT INTO v VALUES (10, '{"a":1,"b":[1,2,{"c":null}]}');
INSERT INTO v VALUES (11, ' { "b" : 2 , "a" : 1 } ');
INSERT INTO v VALUES (12, '[1, 2,3]');
INSERT INTO v VALUES (13, '{"a":1,"a":2}');
INSERT INTO v VALUES (14, '"line\nbreak"');
INSERT INTO v VALUES (15, '-0');
INSERT INTO v VALUES (16, '1.10');
INSERT INTO v VALUES (17, '{"aa":1,"b":2,"a":3}');
INSERT INTO v VALUES (18, '"\u0041"');
INSERT INTO v VALUES (19, '12345678901234567890123');
INSERT INTO v VALUES (20, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, '{');
INSERT INTO v VALUES (100, '[1,]');
--@ bind '{}'
SELECT id FROM v WHERE x::text = $1 ORDER BY id;
--@ bind '[]'
SELECT id FROM v WHERE x::text = $1 ORDER BY id;
--@ bind '{}'
SELECT $1::json;
--@ bind '[]'
SELECT $1::json;
--@ bind 'null'
SELECT $1::json;
--@ bind 'true'
SELECT $1::json;
--@ bind '1'
SELECT $1::json;
--@ bind '1.0'
SELECT $1::json;
--@ bind ''
SELECT $1::json;
--@ bind '{'
SELECT $1::json;
--@ bind '[1,]'
SELECT $1::json;
SELECT x -> 'a', x ->> 'a', x -> 'b' FROM v WHERE id IN (10, 11) ORDER BY id;
SELECT '[1,2,3]'::json -> 0, '[1,2,3]'::json -> -1, '[1,2,3]'::json ->> 5, '{"a":{"b":[1,2]}}'::json #> '{a,b}', '{"a":{"b":[1,2]}}'::json #>> '{a,b,1}';
SELECT json_typeof(x) FROM v ORDER BY id;
SELECT json_array_length('[1,2,3]'), json_array_length('[]');
SELECT json_array_length('{}');
SELECT * FROM json_each('{"a":1,"b":"x","c":null}');
SELECT * FROM json_each_text('{"a":1,"b":"x","c":null}');
SELECT * FROM json_array_elements('[1,"x",null,[2]]');
SELECT * FROM json_array_elements_text('[1,"x",null,[2]]');
SELECT json_object_keys('{"b":1,"a":2}');
SELECT json_extract_path('{"a":{"b":1}}', 'a', 'b'), json_extract_path_text('{"a":{"b":"t"}}', 'a', 'b');
SELECT json_build_object('a', 1, 'b', NULL, 'c', true, 'd', 1.50, 'e', 'text'), json_build_array(1, 'a', NULL, true);
SELECT json_build_object('a');
SELECT json_build_object(NULL, 1);
SELECT to_json(1), to_json('a'::text), to_json(true), to_json(1.5), to_json(NULL::int), to_json(date '2024-01-01'), to_json(timestamp '2024-01-01 10:00'), to_json(ARRAY[1,2]), to_json(ROW(1,'a'));
SELECT json_agg(id ORDER BY id), json_object_agg(id, x::text ORDER BY id) FROM v WHERE id < 4;
SELECT json_agg(id) FROM v WHERE false;
SELECT json_strip_nulls('{"a":null,"b":{"c":null,"d":1}}');
SELECT '1'::json::text::int, ('"a"'::json)::text;
SELECT * FROM json_to_record('{"a":1,"b":"x"}') AS r(a int, b text);
SELECT * FROM json_to_recordset('[{"a":1},{"a":2,"b":"y"}]') AS r(a int, b text);
SELECT x = x FROM v WHERE id = 1;
SELECT json_array_elements('{}');
SELECT json_each('[1]');
SELECT json_object('{a,1,b,2}'), json_object('{a,b}', '{1,2}');
SELECT x FROM v ORDER BY x;
SELECT DISTINCT x FROM v;
SELECT row_to_json(r) FROM (SELECT 1 AS a, 'x' AS b) r;
SELECT row_to_json(ROW(1,'a',NULL)), array_to_json(ARRAY[1,2]), array_to_json(ARRAY[[1,2],[3,4]]);
SELECT json_agg(r) FROM (SELECT 1 AS a UNION ALL SELECT 2) r;
SELECT '{"a":1}'::json @> '{}';
SELECT '{ "a" :  1 }'::json::jsonb, '{ "a" :  1 }'::jsonb::json;
