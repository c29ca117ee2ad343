-- Geometric types: formats, parts, the simpler operators.
--@ extended
SELECT '(1,2)'::point, '1.5,-2e3'::point, ' ( 1 , 2 ) '::point, '(inf,-Infinity)'::point, '(NaN,0.1)'::point;
SELECT '(1,2'::point;
SELECT '1'::point;
SELECT '(1,2) x'::point;
SELECT ''::point;
SELECT '(1e400,2)'::point;
SELECT '[(1,2),(3,4)]'::lseg, '((1,2),(3,4))'::lseg, '(1,2),(3,4)'::lseg, '1,2,3,4'::lseg;
SELECT '[(1,2),(3,4)'::lseg;
SELECT '(1,2),(3,0)'::box, '((1,2),(3,0))'::box, '1,2,3,0'::box;
SELECT '[(1,2),(3,0)]'::box;
SELECT '[(1,2),(3,4),(5,6)]'::path, '((1,2),(3,4),(5,6))'::path, '(1,2),(3,4)'::path, '(1,2,3,4)'::path, '1,2,3,4'::path, '((1,2))'::path;
SELECT '[(1,2),(3)]'::path;
SELECT ''::path;
SELECT '((1,2),(3,4),(5,6))'::polygon, '(1,2),(3,4)'::polygon, '1,2,3,4'::polygon, '((1,2))'::polygon;
SELECT '[(1,2),(3,4)]'::polygon;
SELECT '<(1,2),3>'::circle, '((1,2),3)'::circle, '(1,2),3'::circle, '1,2,3'::circle;
SELECT '<(1,2),-3>'::circle;
SELECT '<(1,2),3'::circle;
SELECT '{1,2,3}'::line, '[(0,0),(1,1)]'::line, '(0,0),(0,1)'::line, '0,0,1,0'::line;
SELECT '{0,0,3}'::line;
SELECT '(1,1),(1,1)'::line;
CREATE TABLE v (id int PRIMARY KEY, p point, l lseg, b box, h path, g polygon, c circle, n line, a point[], x box[]);
INSERT INTO v VALUES (1, '(1,2)', '(1,2),(3,4)', '(1,2),(3,4)', '[(1,2),(3,4)]', '(1,2),(3,4),(5,0)', '<(0,0),2>', '{1,-1,0}', '{"(1,2)",NULL}', '{(1,2),(3,4);(0,0),(1,1)}');
INSERT INTO v (id, p) VALUES (2, point(0.1, 1e10)), (3, NULL);
SELECT * FROM v ORDER BY id;
SELECT id, p::text, b::varchar FROM v ORDER BY id;
SELECT id FROM v ORDER BY p;
SELECT DISTINCT p FROM v;
SELECT id FROM v WHERE p = '(1,2)';
SELECT id FROM v WHERE p ~= '(1,2)';
--@ bind '(1,2)'
--@ bind NULL
SELECT id FROM v WHERE p ~= $1;
--@ bind '(1,2)'
SELECT $1::point, $1::point + point(1,1);
--@ bind '((0,0),(1,1))'
SELECT $1::box, $1::path, $1::polygon, $1::lseg;
COPY (SELECT * FROM v ORDER BY id) TO STDOUT;
CREATE INDEX ON v (p);
CREATE TABLE k (p point PRIMARY KEY);
SELECT box(point(1,2), point(3,0)), lseg(point(1,2), point(3,0)), circle(point(1,2), 3), line(point(0,0), point(1,2)), box(point(1,2));
SELECT line(point(0,0), point(0,0));
SELECT center(b), center(c), point(l), point(g), b::point, @@ c, width(b), height(b), area(b), area(c), diameter(c), radius(c), diagonal(b), length(l), @-@ l, length(h), npoints(h), npoints(g), # g, isopen(h), isclosed(h), pclose(h), popen(pclose(h)), area(h), area(pclose(h)) FROM v WHERE id = 1;
SELECT g::box, g::path, b::polygon, pclose(h)::polygon, h + h, pclose(h) + h FROM v WHERE id = 1;
SELECT h::polygon FROM v WHERE id = 1;
SELECT point(1,2) + point(3,4), point(1,2) - point(3,4), point(1,2) * point(3,4), point(1,2) / point(3,4), box '(0,0),(1,1)' + point(2,2), box '(0,0),(1,1)' * point(2,0), circle '<(0,0),1>' + point(1,1), circle '<(1,1),1>' * point(0,2), path '[(0,0),(1,1)]' - point(1,0);
SELECT point(1,2) / point(0,0);
SELECT point(0,0) <-> point(3,4), circle '<(0,0),1>' <-> circle '<(5,0),1>', circle '<(0,0),3>' <-> circle '<(5,0),3>';
SELECT box '(0,0),(2,2)' @> point(1,1), point(3,1) <@ box '(0,0),(2,2)', box '(0,0),(2,2)' @> box '(0,0),(1,1)', box '(0,0),(2,2)' && box '(1,1),(3,3)', box '(0,0),(2,2)' && box '(3,3),(4,4)', circle '<(0,0),2>' @> point(1,1), circle '<(0,0),2>' @> circle '<(0,0),1>', circle '<(0,0),2>' && circle '<(3,0),1>';
SELECT box '(0,0),(2,2)' = box '(5,5),(7,7)', box '(0,0),(2,2)' < box '(0,0),(1,9)', box '(0,0),(2,2)' ~= box '(2,2),(0,0)', lseg '(0,0),(1,1)' = lseg '(0,0),(1,1)', lseg '(0,0),(1,1)' < lseg '(0,0),(2,2)', path '(0,0),(1,1)' = path '(2,2),(3,3)', circle '<(0,0),1>' = circle '<(9,9),1>', circle '<(0,0),1>' <> circle '<(9,9),2>', polygon '(0,0),(1,1),(2,0)' ~= polygon '(1,1),(2,0),(0,0)', line '{1,-1,0}' = line '{2,-2,0}';
SELECT point(0,0) << point(1,0), point(0,0) >> point(1,0), point(0,0) <<| point(0,1), point(0,1) |>> point(0,0), point(0,0) ?- point(1,0), point(0,0) ?| point(1,0), slope(point(0,0), point(1,2)), point(1,1) <> point(1,2);
SELECT to_json(point(1,2)), ARRAY[point(1,2), '(3,4)'], ARRAY[box '(0,0),(1,1)', box '(2,2),(3,3)'], '{(0,0),(1,1);(2,2),(3,3)}'::box[], coalesce(NULL, point(1,1));
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'v'::regclass AND attnum > 0 ORDER BY attnum;
SET extra_float_digits = 0;
SELECT point(0.1, 0.2) + point(0.2, 0.1), '<(0.30000000000000004,1),1>'::circle;
