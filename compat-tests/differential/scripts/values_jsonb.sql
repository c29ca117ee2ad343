-- jsonb: input, output, operators, functions.
--@ extended
SELECT '{}'::jsonb;
SELECT '[]'::jsonb;
SELECT 'null'::jsonb;
SELECT 'true'::jsonb;
SELECT '1'::jsonb;
SELECT '1.0'::jsonb;
SELECT '1e2'::jsonb;
SELECT '"a"'::jsonb;
SELECT '"\u00e9"'::jsonb;
SELECT '{"a":1,"b":[1,2,{"c":null}]}'::jsonb;
SELECT ' { "b" : 2 , "a" : 1 } '::jsonb;
SELECT '[1, 2,3]'::jsonb;
SELECT '{"a":1,"a":2}'::jsonb;
SELECT '"line\nbreak"'::jsonb;
SELECT '-0'::jsonb;
SELECT '1.10'::jsonb;
SELECT '{"aa":1,"b":2,"a":3}'::jsonb;
SELECT '"\u0041"'::jsonb;
SELECT '12345678901234567890123'::jsonb;
SELECT ''::jsonb;
SELECT '{'::jsonb;
SELECT '[1,]'::jsonb;
SELECT '{"a"}'::jsonb;
SELECT '{a:1}'::jsonb;
SELECT 'nul'::jsonb;
SELECT 'tru'::jsonb;
SELECT '01'::jsonb;
SELECT '1.'::jsonb;
SELECT '"abc'::jsonb;
SELECT '''a'''::jsonb;
SELECT '[1 2]'::jsonb;
SELECT '{"a":1,}'::jsonb;
SELECT '"\x"'::jsonb;
SELECT '1 2'::jsonb;
SELECT '	"
"'::jsonb;
CREATE TABLE v (id int PRIMARY KEY, x jsonb);
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
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind '[]'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind '{}'
SELECT $1::jsonb;
--@ bind '[]'
SELECT $1::jsonb;
--@ bind 'null'
SELECT $1::jsonb;
--@ bind 'true'
SELECT $1::jsonb;
--@ bind '1'
SELECT $1::jsonb;
--@ bind '1.0'
SELECT $1::jsonb;
--@ bind ''
SELECT $1::jsonb;
--@ bind '{'
SELECT $1::jsonb;
--@ bind '[1,]'
SELECT $1::jsonb;
SELECT x -> 'a', x ->> 'a', x -> 'b' FROM v WHERE id IN (10, 11) ORDER BY id;
SELECT '[1,2,3]'::jsonb -> 0, '[1,2,3]'::jsonb -> -1, '[1,2,3]'::jsonb ->> 5, '{"a":{"b":[1,2]}}'::jsonb #> '{a,b}', '{"a":{"b":[1,2]}}'::jsonb #>> '{a,b,1}';
SELECT jsonb_typeof(x) FROM v ORDER BY id;
SELECT jsonb_array_length('[1,2,3]'), jsonb_array_length('[]');
SELECT jsonb_array_length('{}');
SELECT * FROM jsonb_each('{"a":1,"b":"x","c":null}');
SELECT * FROM jsonb_each_text('{"a":1,"b":"x","c":null}');
SELECT * FROM jsonb_array_elements('[1,"x",null,[2]]');
SELECT * FROM jsonb_array_elements_text('[1,"x",null,[2]]');
SELECT jsonb_object_keys('{"b":1,"a":2}');
SELECT jsonb_extract_path('{"a":{"b":1}}', 'a', 'b'), jsonb_extract_path_text('{"a":{"b":"t"}}', 'a', 'b');
SELECT jsonb_build_object('a', 1, 'b', NULL, 'c', true, 'd', 1.50, 'e', 'text'), jsonb_build_array(1, 'a', NULL, true);
SELECT jsonb_build_object('a');
SELECT jsonb_build_object(NULL, 1);
SELECT to_jsonb(1), to_jsonb('a'::text), to_jsonb(true), to_jsonb(1.5), to_jsonb(NULL::int), to_jsonb(date '2024-01-01'), to_jsonb(timestamp '2024-01-01 10:00'), to_jsonb(ARRAY[1,2]), to_jsonb(ROW(1,'a'));
SELECT jsonb_agg(id ORDER BY id), jsonb_object_agg(id, x::text ORDER BY id) FROM v WHERE id < 4;
SELECT jsonb_agg(id) FROM v WHERE false;
SELECT jsonb_strip_nulls('{"a":null,"b":{"c":null,"d":1}}');
SELECT '1'::jsonb::text::int, ('"a"'::jsonb)::text;
SELECT * FROM jsonb_to_record('{"a":1,"b":"x"}') AS r(a int, b text);
SELECT * FROM jsonb_to_recordset('[{"a":1},{"a":2,"b":"y"}]') AS r(a int, b text);
SELECT x = x FROM v WHERE id = 1;
SELECT jsonb_array_elements('{}');
SELECT jsonb_each('[1]');
SELECT jsonb_object('{a,1,b,2}'), jsonb_object('{a,b}', '{1,2}');
SELECT '{"a":1,"b":2}'::jsonb @> '{"a":1}', '{"a":1}'::jsonb <@ '{"a":1,"b":2}', '[1,2,3]'::jsonb @> '[3,1]', '[1,2,3]'::jsonb @> '2', '{"a":[1,2]}'::jsonb @> '{"a":[]}';
SELECT '{"a":1}'::jsonb ? 'a', '["a","b"]'::jsonb ? 'b', '{"a":1}'::jsonb ?| ARRAY['x','a'], '{"a":1}'::jsonb ?& ARRAY['a','b'];
SELECT '{"a":1}'::jsonb || '{"b":2}', '[1]'::jsonb || '[2]', '[1]'::jsonb || '2', '1'::jsonb || '2', '{"a":1}'::jsonb || '{"a":3}';
SELECT '{"a":1,"b":2}'::jsonb - 'a', '["a","b"]'::jsonb - 'a', '[1,2,3]'::jsonb - 1, '[1,2,3]'::jsonb - -1, '{"a":1,"b":2}'::jsonb - ARRAY['a','b'], '{"a":{"b":1}}'::jsonb #- '{a,b}';
SELECT '1'::jsonb - 1;
SELECT '{}'::jsonb - 1;
SELECT jsonb_set('{"a":1}', '{a}', '2'), jsonb_set('{"a":1}', '{b}', '2'), jsonb_set('{"a":1}', '{b}', '2', false), jsonb_set('[1,2]', '{0}', '9'), jsonb_set('[1,2]', '{-1}', '9');
SELECT jsonb_insert('[1,2]', '{1}', '9'), jsonb_insert('[1,2]', '{1}', '9', true), jsonb_insert('{"a":1}', '{b}', '2');
SELECT jsonb_insert('{"a":1}', '{a}', '2');
SELECT jsonb_pretty('{"a":[1,2],"b":{}}');
SELECT '1'::jsonb::int, '1.5'::jsonb::numeric, 'true'::jsonb::boolean, '2.5'::jsonb::int;
SELECT '"a"'::jsonb::int;
SELECT 'null'::jsonb::int;
SELECT '{"a":1}'::jsonb = '{"a": 1.0}', '1'::jsonb < '2', '[]'::jsonb < '{}', '"a"'::jsonb < '1', 'null'::jsonb < 'true', '[1,2]'::jsonb < '[1,2,3]';
SELECT jsonb_path_query('{"a":[1,2,3]}', '$.a[*] ? (@ > 1)');
SELECT jsonb_path_exists('{"a":[1,2,3]}', '$.a[*] ? (@ > 5)'), jsonb_path_query_array('{"a":[1,2,3]}', '$.a[*]'), jsonb_path_query_first('{"a":[1,2,3]}', '$.a[1]');
SELECT '{"a":1}'::jsonb @? '$.a', '{"a":1}'::jsonb @@ '$.a == 1';
SELECT ('{"a":[1,2]}'::jsonb)['a'], ('{"a":[1,2]}'::jsonb)['a'][1];
UPDATE v SET x['k'] = '5' WHERE id = 1 RETURNING x;
SELECT min(x) FROM v;
