-- What a cast of a constant decides isn't computed.
SELECT CASE 1 WHEN (1.5)::int THEN 1 END - (1 % (n - n)) FROM (VALUES (1), (2)) v(n);
SELECT CASE 2 WHEN (1.5)::int THEN 1 ELSE 1 % (n - n) END, CASE WHEN (2.5::float8)::int = 2 THEN 0 ELSE 1 / (n - n) END FROM (VALUES (1), (2)) v(n);
SELECT CASE WHEN 1::bool THEN 1 ELSE 1 / (n - n) END, CASE WHEN 70000::int8::int4 > 1 THEN 1 ELSE 1 / (n - n) END FROM (VALUES (1), (2)) v(n);
SELECT (99999999999.5)::int;
SELECT ('NaN'::numeric)::int;
SELECT (1e300::float8)::bigint, 40000::int2;
SELECT (9007199254740993::numeric)::int8, (9223372036854775807.4)::int8, (-2.5)::int, (-3.5::float8)::int2;
