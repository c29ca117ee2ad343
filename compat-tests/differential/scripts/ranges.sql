-- Ranges and multiranges as values: input, output, constructors, operators, functions, aggregates.
--@ extended
select ''::int4range;
select 'x'::int4range;
select '[1'::int4range;
select '[1,'::int4range;
select '[1,2'::int4range;
select '[1,2)x'::int4range;
select '[1,2,3)'::int4range;
select '[1 2)'::int4range;
select 'empty x'::int4range;
select '[a,2)'::int4range;
select '[2,1)'::int4range;
select '[1,2147483647]'::int4range;
select '(2147483647,)'::int4range;
select '[1,9223372036854775807]'::int8range;
select '[1,5874897-12-31]'::daterange;
select '[2020-01-01,5874897-12-31]'::daterange;
select '[2020-01-01,infinity]'::daterange;
select '(-infinity,infinity]'::daterange;
select int4range(1,2,'x');
select int4range(1,2,'[');
select int4range(1,2,'[))');
select int4range(1,2,null);
select int4range(3,2);
select int4range(null,null,'[]');
select '[1,2)'::int4range + '[5,6)';
select '[1,10)'::int4range - '[5,6)';
select '{[1,2)'::int4multirange;
select '{[1,2),'::int4multirange;
select '{[1,2)}x'::int4multirange;
select '{[1,2) x}'::int4multirange;
select '{1,2}'::int4multirange;
select '[1,2)'::int4multirange;
select '{[1,2)},'::int4multirange;
select '{[1,2),}'::int4multirange;
select '{empty,[1,2), [2,3],[7,9]}'::int4multirange;
select '{[3,2)}'::int4multirange;
select '{[1,2}'::int4multirange;
select '{[,2],[1,)}'::int4multirange;
select int4multirange(null);
select int4multirange(variadic null);
select int4multirange(int4range(1,2),null);
select int4multirange(variadic array[[int4range(1,2)]]);
select int4range(1,5) @> 3::bigint;
select numrange(1,5) @> 3;
select '[1,2)' @> 1;
select lower('[1,2)'::int4range), upper('[1,2)'::numrange), lower('empty'::int4range), lower('(,)'::daterange);
select range_merge('[1,2)'::int4range,'[5,7)');
select range_merge('{[1,2),[5,7)}'::int4multirange);
select range_agg(x) from (values (int4range(1,3)),(int4range(2,8)),(null),('empty')) t(x);
select range_intersect_agg(x) from (values (int4range(1,3)),(int4range(2,8)),(null)) t(x);
select range_agg(x) from (values (null::int4range)) t(x);
select range_agg(x) from (values ('empty'::int4range)) t(x);
select range_agg(x), range_intersect_agg(x) from (values (int4multirange(int4range(1,3))),(int4multirange(int4range(2,8),int4range(20,22)))) t(x);
select unnest('{[1,2),[5,7)}'::int4multirange);
select unnest('{}'::int4multirange);
select unnest('{[1,2),[5,7)}');
select multirange(int4range(1,3)), multirange('empty'::int4range);
select int4range(1,3)::int4multirange, '[1,2)'::int4range::numrange;
select '[1.0,2)'::numrange = '[1.00,2.0)', '[1.0,2.50)'::numrange;
select '["2020-01-01 10:00","2020-01-02")'::tsrange, '[2020-01-01 10:00,2020-01-02)'::tstzrange, to_json('["2020-01-01 10:00","2020-01-02")'::tsrange), to_jsonb(array[int4range(1,3)]);
select array['[1,3)'::int4range,'empty',null], '{"[1,3)","[4,5)"}'::int4range[];
select array_agg(x order by x desc) from unnest(array['[1,3)'::int4range,'empty','[1,)','(,1)','(,)','[0,5)']) x;
select pg_typeof(lower(int4range(1,2))), pg_typeof(int4range(1,2)*int4range(1,2)), pg_typeof(range_agg(int4range(1,2))), pg_typeof(unnest(int4multirange()));
select max(int4range(1,2));
select int4range(1,2) < numrange(1,2);
select coalesce(int4range(1,2), 'empty');
select int4range('1','2','[]'), '(1,2)'::int4range, '(1,2)'::numrange, '[ 1 , 2 )'::int4range, ' [1,2) '::int4range, ' empty '::int4range;
select '["1","2")'::int4range, '[1\2,20)'::int4range, '["",)'::int4range;
select isempty('(1,1)'::numrange), int4range(1,1,'[]');
select 'x' <@ int4range(1,2);
select tsrange(timestamp '2020-01-01', null) is null;
select tsrange('2020-01-01', date '2020-02-01');
select numrange(1,2.5), int8range(1,2), daterange('2020-01-01','2020-02-01','[]');
select int4range(1.5,2);
-- Text input.
SELECT '( , )'::int4range;
SELECT '[,)'::int4range, '(,5]'::int4range, '(3,]'::int8range, '[1,2]'::numrange, ' [1,2] '::numrange;
SELECT '["a",b)'::numrange;
SELECT '[1,"2)'::int4range;
SELECT '[1,2\)'::int4range;
SELECT '[1,2))'::int4range;
SELECT '((1,2)'::int4range;
SELECT 'EMPTY'::int4range, 'Empty'::tsrange;
SELECT 'emptyx'::int4range;
SELECT '[99999999999,)'::int4range;
SELECT '[1,99999999999999999999)'::int8range;
SELECT '[NaN,NaN]'::numrange, '[-Infinity,Infinity]'::numrange, '[1.10,2.200]'::numrange;
SELECT '[2020-01-01,2020-01-31]'::daterange, '(2020-01-01,2020-01-02)'::daterange, '[-infinity,infinity)'::daterange;
SELECT '(0044-03-15 BC,)'::daterange, '[0001-12-31 BC,0001-01-01]'::daterange;
SELECT '[2020-13-01,)'::daterange;
SELECT '[2020-01-01 10:00:00.5,2020-01-02 00:00]'::tsrange, '(-infinity,infinity)'::tsrange;
SELECT '["2020-01-01 10:00+02","2020-01-02 12:00-05")'::tstzrange;
SELECT '[2020-02-01,2020-01-01]'::tstzrange;
SET TimeZone = 'Europe/Berlin';
SELECT '["2020-01-01 10:00","2020-07-02 12:00")'::tstzrange, tstzrange('2020-01-01', '2020-07-01', '[]')::text;
SELECT to_json('["2020-01-01 10:00","2020-07-02 12:00")'::tstzrange);
RESET TimeZone;
SET DateStyle = 'SQL, DMY';
SELECT '[01/02/2020,03/04/2020]'::daterange, '[01/02/2020 10:00,03/04/2020]'::tsrange, '{[01/02/2020,03/04/2020]}'::datemultirange;
SELECT array['[01/02/2020,03/04/2020]'::daterange];
RESET DateStyle;
SELECT int4range '[1,2]', CAST('[1,2]' AS int8range), '[1,2]'::text::int4range, ('[1,' || '7)')::int4range;
SELECT NULL::int4range, NULL::int4multirange;
SELECT 5::int4range;
SELECT int4range(1,2)::text, int4range(1,2)::varchar(3), int4range(1,2)::int8range;
SELECT int4range(1,2)::int4multirange, numrange(1,2)::nummultirange, 'empty'::daterange::datemultirange;
SELECT int4range(1,2)::int8multirange;
SELECT int4multirange(int4range(1,2))::int4range;
-- Constructors.
SELECT int4range(1,5), int4range(1,5,'()'), int4range(1,5,'(]'), int4range(1,5,'[]'), int4range(1,5,'[)');
SELECT int4range(NULL,5), int4range(1,NULL), int4range(NULL,NULL), int4range(NULL,5,'[]');
SELECT int8range(1,5,'[]'), numrange(1,5,'[]'), numrange(1.5,NULL), daterange('2020-01-01','2020-02-01','()');
SELECT tsrange('2020-01-01','2020-02-01','(]'), tstzrange('2020-01-01','2020-02-01','[]');
SELECT int4range(5,5), int4range(5,5,'[]'), int4range(5,6,'()'), numrange(5,5,'[)'), numrange(5,5,'[]');
SELECT int4range(2147483647, 2147483647, '[]');
SELECT int4range(1);
SELECT int4range();
SELECT int4range(1,2,'[]',3);
SELECT int4range('a','b');
SELECT int4range(1,2,'');
SELECT int4multirange(), int4multirange(int4range(1,3)), int4multirange(int4range(1,3), int4range(3,5), int4range(8,9), 'empty');
SELECT int4multirange('[1,3)'), int4multirange('[1,3)','[8,9)');
SELECT int4multirange(VARIADIC ARRAY[int4range(1,3), int4range(2,7)]), int4multirange(VARIADIC '{}'::int4range[]);
SELECT int8multirange(int8range(1,3)), nummultirange(numrange(1,3,'[]'), numrange(3,4)), datemultirange(daterange('2020-01-01','2020-01-02'), daterange('2020-01-02','2020-01-03'));
SELECT tsmultirange(tsrange('2020-01-01','2020-01-02')), tstzmultirange(tstzrange('2020-01-01','2020-01-02'), NULL);
SELECT tstzmultirange(tstzrange('2020-01-01','2020-01-02'));
SELECT int4multirange(int8range(1,2));
SELECT int4multirange(1);
SELECT multirange(numrange(1,2)), multirange(NULL::int4range);
SELECT multirange('[1,2)');
-- Parts.
SELECT lower(int4range(1,5,'(]')), upper(int4range(1,5,'(]')), lower(numrange(1.50,2)), upper('[a,b]');
SELECT lower(r), upper(r), isempty(r), lower_inc(r), upper_inc(r), lower_inf(r), upper_inf(r)
  FROM (VALUES ('empty'::numrange), ('(,)'), ('[1,2]'), ('(1,2)'), ('(,2]'), ('[1,)'), (NULL)) v (r);
SELECT lower(r), upper(r), isempty(r), lower_inc(r), upper_inc(r), lower_inf(r), upper_inf(r)
  FROM (VALUES ('{}'::nummultirange), ('{(,)}'), ('{[1,2],(5,6)}'), ('{(1,2),[4,5]}'), ('{(,2]}'), ('{[1,)}'), (NULL)) v (r);
SELECT lower(daterange('2020-01-01', '2020-02-01')), upper('["2020-01-01 10:00","2020-07-02 12:00")'::tstzrange), upper('[2020-01-01,infinity]'::tsrange);
SELECT lower_inf('[-infinity,)'::daterange), upper_inf('[epoch,infinity]'::daterange);
SELECT isempty('[1,2)');
SELECT lower_inc('empty');
-- Order.
SELECT a.r, b.r, a.r = b.r, a.r <> b.r, a.r < b.r, a.r <= b.r, a.r > b.r, a.r >= b.r, range_cmp(a.r, b.r)
  FROM unnest('{empty,"(,)","[1,2]","(1,2)","[1.0,2.00]","[1,)","(,2)","[0,9)"}'::numrange[]) a (r),
       unnest('{empty,"(,)","[1,2]","(1,2)","[1.0,2.00]","[1,)","(,2)","[0,9)"}'::numrange[]) b (r);
SELECT a.r, b.r, a.r = b.r, a.r <> b.r, a.r < b.r, a.r <= b.r, a.r > b.r, a.r >= b.r, multirange_cmp(a.r, b.r)
  FROM (VALUES ('{}'::int4multirange), ('{(,)}'), ('{[1,2]}'), ('{[1,2],[5,9]}'), ('{[1,2],[5,10]}'), ('{(,1)}'), ('{[5,)}')) a (r),
       (VALUES ('{}'::int4multirange), ('{(,)}'), ('{[1,2]}'), ('{[1,2],[5,9]}'), ('{[1,2],[5,10]}'), ('{(,1)}'), ('{[5,)}')) b (r);
SELECT r FROM unnest('{empty,"(,)","[1,2]","[10,20]","[9,20]","[1,)","(,2)",NULL,"[-5,-1]","[-10,-1]"}'::int4range[]) r ORDER BY r;
SELECT r FROM unnest('{empty,"(,)","[1,2]","[10,20]","[9,20]","[1,)","(,2)",NULL,"[-5,-1]","[-10,-1]"}'::int8range[]) r ORDER BY r DESC;
SELECT r FROM unnest('{"[2020-01-01,)","[0044-01-01 BC,)","[-infinity,)","[12000-01-01,)","(,2020-01-01)"}'::daterange[]) r ORDER BY r;
SELECT int4range(1,2) = int8range(1,2);
SELECT int4range(1,2) = '[1,1]', '[1,2)' = int4range(1,2), int4range(1,2) IN ('[1,1]', '[3,4]'), int4range(1,2) = ANY ('{"[1,1]"}');
SELECT int4range(1,2) IS DISTINCT FROM NULL, int4range(1,2) IS NOT DISTINCT FROM '[1,1]', NULLIF(int4range(1,2), '[1,1]');
SELECT GREATEST(int4range(10,20), '[9,30)', NULL), LEAST(numrange(10,20), '[9,30)'), CASE WHEN true THEN int4range(1,2) ELSE 'empty' END;
SELECT int4range(1,2) BETWEEN '[0,9)' AND '[5,6)', (int4range(1,2), 1) < ('[1,3)', 0);
SELECT count(DISTINCT r), range_agg(DISTINCT r) FROM unnest('{"[1,2]","[1.0,2.0]","(1,2]","[1,2]"}'::numrange[]) r;
SELECT r, count(*) FROM unnest('{"[1,3)","[1,2]","(0,2]","[1,9]"}'::int4range[]) r GROUP BY r ORDER BY r;
SELECT count(*) FROM (SELECT DISTINCT r FROM unnest('{"[1,2]","[1.0,2.0]","(1,2]"}'::numrange[]) r) d;
SELECT r FROM (VALUES (numrange(1,2)), ('[1.0,2.5)')) a (r) INTERSECT SELECT numrange(1, 2);
SELECT int4range(1,2) UNION SELECT '[1,1]' UNION SELECT int4range(3,4) ORDER BY 1;
SELECT max(r) FROM (VALUES (int4multirange())) v (r);
SELECT row_number() OVER (ORDER BY r), r FROM unnest('{"[10,20]","[9,20]","(,2)"}'::int4range[]) r ORDER BY 1;
SELECT rank() OVER (PARTITION BY r ORDER BY n), r FROM (VALUES (numrange(1,2), 1), ('[1.0,2)', 2), ('[1,3)', 1)) v (r, n) ORDER BY r, n;
-- Operators.
SELECT a.r, b.r, a.r @> b.r, a.r <@ b.r, a.r && b.r, a.r << b.r, a.r >> b.r, a.r &< b.r, a.r &> b.r, a.r -|- b.r, a.r * b.r, range_merge(a.r, b.r)
  FROM unnest('{empty,"(,)","[1,5)","[5,9)","[2,3)","(,1)","[9,)","[3,7)"}'::int4range[]) a (r),
       unnest('{empty,"(,)","[1,5)","[5,9)","[2,3)","(,1)","[9,)","[3,7)"}'::int4range[]) b (r);
SELECT a.r, b.r, a.r @> b.r, a.r <@ b.r, a.r && b.r, a.r << b.r, a.r >> b.r, a.r &< b.r, a.r &> b.r, a.r -|- b.r, a.r * b.r
  FROM unnest('{empty,"(,)","[1,5)","(1,5]","[5,9)","(5,9)","[5,5]","(,1]","(9,)"}'::numrange[]) a (r),
       unnest('{empty,"(,)","[1,5)","(1,5]","[5,9)","(5,9)","[5,5]","(,1]","(9,)"}'::numrange[]) b (r);
SELECT a.r, b.r, a.r @> b.r, a.r <@ b.r, a.r && b.r, a.r << b.r, a.r >> b.r, a.r &< b.r, a.r &> b.r, a.r -|- b.r, b.r @> a.r, b.r <@ a.r, b.r && a.r, b.r << a.r, b.r >> a.r, b.r &< a.r, b.r &> a.r, b.r -|- a.r
  FROM unnest('{empty,"(,)","[1,5)","[5,9)","[2,3)","(,1)","[9,)","[3,7)"}'::int4range[]) a (r),
       (VALUES ('{}'::int4multirange), ('{(,)}'), ('{[1,2)}'), ('{[1,2),[5,9)}'), ('{(,1),[9,)}'), ('{[3,4),[7,8),[20,22)}')) b (r);
SELECT a.r, b.r, a.r @> b.r, a.r <@ b.r, a.r && b.r, a.r << b.r, a.r >> b.r, a.r &< b.r, a.r &> b.r, a.r -|- b.r, a.r + b.r, a.r - b.r, a.r * b.r
  FROM (VALUES ('{}'::int4multirange), ('{(,)}'), ('{[1,2)}'), ('{[1,2),[5,9)}'), ('{(,1),[9,)}'), ('{[3,4),[7,8),[20,22)}')) a (r),
       (VALUES ('{}'::int4multirange), ('{(,)}'), ('{[1,2)}'), ('{[1,2),[5,9)}'), ('{(,1),[9,)}'), ('{[3,4),[7,8),[20,22)}')) b (r);
SELECT n, r, r @> n, n <@ r FROM generate_series(0, 6) n, unnest('{empty,"(,)","[1,5)","(5,9)","(,3]"}'::int4range[]) r;
SELECT n, r @> n, n <@ r FROM generate_series(0, 9) n, (VALUES ('{[1,2),[5,9)}'::int4multirange)) v (r);
SELECT numrange(1,2) @> 1.0, numrange(1,2) @> 2.0, numrange(1,2,'(]') @> 1.00, '[2020-01-01,2020-02-01)'::daterange @> '2020-01-15'::date;
SELECT '[2020-01-01,2020-02-01)'::tsrange @> timestamp '2020-01-15', '[2020-01-01,2020-02-01)'::tstzrange @> '2020-02-01'::timestamptz;
SELECT '[2020-01-01,2020-02-01)'::tsrange @> date '2020-01-15';
SELECT '[2020-01-01,2020-02-01)'::tstzrange @> timestamp '2020-01-15';
SELECT int4range(1,5) @> '3', int4range(1,5) @> '[2,3)';
SELECT int4range(1,5) @> 2::smallint;
SELECT int8range(1,5) @> 2;
SELECT 3 <@ '[1,5)';
SELECT int4range(1,5) + int4range(5,9), int4range(1,5) + int4range(3,9), int4range(1,5) + 'empty', 'empty' + int4range(1,5);
SELECT int4range(1,5) + int4range(6,9);
SELECT numrange(1,5,'[)') + numrange(5,9,'(]');
SELECT int4range(1,9) - int4range(1,5), int4range(1,9) - int4range(5,9), int4range(1,9) - int4range(0,20), int4range(1,9) - int4range(20,30), int4range(1,9) - 'empty';
SELECT numrange(1,9) - numrange(1,5,'[]'), numrange(1,9,'[]') - numrange(9,9,'[]'), numrange(1,9) - numrange(1,9,'()');
SELECT numrange(1,9) - numrange(3,4);
SELECT nummultirange(numrange(1,9)) - nummultirange(numrange(3,4)), nummultirange(numrange(1,9,'[]')) - nummultirange(numrange(1,9,'()'));
SELECT int4range(1,2) + 1;
SELECT int4range(1,2) + int4multirange();
SELECT - int4range(1,2);
SELECT int4range(1,2) || 'x', int4range(1,2) || int4range(3,4);
SELECT range_merge(int4range(1,2), int4range(8,9)), range_merge('{[1,2),[8,9)}'::int4multirange), range_merge('{}'::int4multirange), range_merge(numrange(1,2), NULL);
SELECT range_merge('[1,2)', '[2,3)');
SELECT range_contains_elem('[1,2)', 1);
SELECT range_contains_elem(int4range(1,2), 1), range_adjacent(int4range(1,2), int4range(2,3)), range_eq(int4range(1,2), '[1,1]');
SELECT range_eq('[1,2)', '[1,2)');
-- Aggregates.
SELECT range_agg(r), range_intersect_agg(r) FROM unnest('{"[1,5)","[3,9)",NULL,"[4,20)"}'::int4range[]) r;
SELECT range_agg(r), range_intersect_agg(r) FROM unnest('{}'::int4range[]) r;
SELECT range_agg(r ORDER BY r DESC), range_agg(DISTINCT r), range_agg(r) FILTER (WHERE lower(r) > 1) FROM unnest('{"[1,2)","[1,2)","[4,9)"}'::numrange[]) r;
SELECT r, range_agg(r) OVER (ORDER BY r ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), range_intersect_agg(r) OVER (ORDER BY r) FROM unnest('{"[1,5)","[3,9)","[4,20)","[30,40)"}'::int4range[]) r ORDER BY r;
SELECT range_agg(m), range_intersect_agg(m) FROM (VALUES ('{[1,5),[8,20)}'::int4multirange), ('{[3,10)}'), (NULL)) v (m);
SELECT range_agg(1);
SELECT range_agg('[1,2)');
SELECT range_agg(r), count(r), json_agg(r), jsonb_agg(r), string_agg(r::text, ';') FROM unnest('{"[1,5)","[3,9)"}'::int4range[]) r;
-- Multirange literals.
SELECT ' { [1,2) , [5,6) } '::int4multirange, '{}'::int4multirange, '{ }'::int4multirange, '{empty}'::int4multirange, '{EMPTY, [1,2]}'::int4multirange;
SELECT '{["1",2),("3","4"]}'::nummultirange, '{["2020-01-01 10:00","2020-01-02")}'::tsmultirange, '{[5,6),[1,2]}'::int8multirange;
SELECT ''::int4multirange;
SELECT '{'::int4multirange;
SELECT '{[1,2)'::int4multirange;
SELECT '{[1,2) [3,4)}'::int4multirange;
SELECT '{[1,2),,[3,4)}'::int4multirange;
SELECT '{[a,2)}'::int4multirange;
SELECT '{[1,2,3)}'::int4multirange;
SELECT '{[1,"2)}'::int4multirange;
SELECT 'empty'::int4multirange;
SELECT '{[1,2147483647]}'::int4multirange;
-- Sets.
SELECT * FROM unnest('{[1,2),[5,9)}'::int4multirange);
SELECT * FROM unnest('{[1,2),[5,9)}'::int4multirange) WITH ORDINALITY AS u (r, n);
SELECT unnest('{[1,2),[5,9)}'::nummultirange), 1;
SELECT lower(u), u FROM unnest('{["2020-01-01 10:00","2020-01-02"),[2021-01-01,)}'::tstzmultirange) u;
SELECT unnest(m) FROM (VALUES ('{[1,2),[5,9)}'::int4multirange), ('{}'), (NULL), ('{(,)}')) v (m);
SELECT unnest(int4range(1,2));
-- Arrays.
SELECT ARRAY[int4range(1,2), NULL, 'empty'], '{"[1,2)",empty,NULL,"(,)"}'::int4range[], '{}'::int4range[];
SELECT '{[1,2)}'::int4range[];
SELECT '{"[1,2"}'::int4range[];
SELECT ARRAY['[2020-01-01 10:00,)'::tsrange], ARRAY['{[1,2),[5,9)}'::int4multirange], '{"{[1,2),[5,9)}"}'::int4multirange[];
SELECT (ARRAY[int4range(1,2), int4range(3,4)])[2], array_length(ARRAY[int4range(1,2)], 1), array_append('{"[1,2)"}'::int4range[], '[5,6)'), array_position('{"[1,2)","[5,6)"}'::int4range[], '[5,5]');
SELECT ARRAY[numrange(1,2)] = ARRAY['[1.0,2.0)'::numrange], ARRAY[int4range(10,11)] > ARRAY[int4range(9,11)], ARRAY[int4range(1,2)] @> ARRAY[int4range(1,1,'[]')], ARRAY[int4range(1,2)] && '{"[5,6)"}';
SELECT a FROM (VALUES (ARRAY[int4range(10,11)]), (ARRAY[int4range(9,11)]), ('{}')) v (a) ORDER BY a;
SELECT array_agg(r), array_to_string(array_agg(r), ' '), array_to_json(array_agg(r)) FROM unnest('{"[1,5)","[3,9)"}'::int4range[]) r;
SELECT int4range(1,2) = ANY (ARRAY[int4range(1,2)]), numrange(1,2) <> ALL (ARRAY[numrange(1.0,2.0)]), int4range(5,6) = ANY ('{"[1,2)"}'::int4range[]);
SELECT int4range(2,3) <@ ANY (ARRAY[int4range(1,9)]);
SELECT 5 <@ ANY (ARRAY[int4range(1,9)]), 5 <@ ALL (ARRAY[int4range(1,9), int4range(7,9)]);
-- As JSON, rows, text.
SELECT to_json(int4range(1,2)), to_jsonb('empty'::numrange), row_to_json(v) FROM (VALUES (1, int4range(1,2), '{[1,2)}'::int4multirange)) v (a, r, m);
SELECT ROW(1, int4range(1,2)), format('%s %L', int4range(1,2), numrange(1,2)), concat(int4range(1,2), '-', int4range(1,2));
SELECT quote_literal(int4range(1,2)), length(int4range(1,2)::text), pg_typeof(int4range(1,2)), pg_typeof('{}'::tstzmultirange[]);
-- Parameters.
--@ bind '[1,5)', '3'
--@ bind 'empty', '3'
--@ bind NULL, '3'
SELECT $1::int4range, $1::int4range @> $2::int4;
--@ bind '[2020-01-01 10:00,2020-02-01)', '{[1.5,2),[3,4]}'
SELECT $1::tsrange, $2::nummultirange, ARRAY[$1::tsrange];
--@ bind '[2020-01-01,2020-02-01]', '{"[1,2]",empty,NULL}'
SELECT $1::daterange, $2::int8range[];
--@ bind '[1,5)'
SELECT $1 && int4range(3,9), lower($1);
--@ bind '3'
SELECT int4range(1,5) @> $1;
--@ bind '[5,1)'
SELECT $1::int4range;
--@ bind '1', '5'
SELECT int4range($1, $2), numrange($1::numeric, 9);
-- Catalogs.
SELECT rngtypid::regtype, rngsubtype::regtype, rngmultitypid::regtype, rngcollation FROM pg_range ORDER BY 1;
SELECT oid, typname, typtype, typcategory, typlen, typelem::regtype, typarray::regtype FROM pg_type WHERE typname ~ 'range' ORDER BY oid;
SELECT format_type(oid, NULL) FROM pg_type WHERE typtype IN ('r', 'm') ORDER BY oid;
SELECT 'int4range'::regtype, 'int4range[]'::regtype::oid, 'tstzmultirange'::regtype, to_regtype('datemultirange[]');
