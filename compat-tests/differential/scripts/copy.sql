-- COPY both ways: text and CSV, options, NULLs, escapes, column lists, and what bad data say.
CREATE TABLE c (a int PRIMARY KEY, b text, d date DEFAULT '2024-01-01');
COPY c FROM STDIN;
1	one	2024-02-01
2	\N	\N
3	tab\tnew\nline\\back	2024-03-01
4		2024-04-01
\.
SELECT * FROM c ORDER BY a;
COPY c TO STDOUT;
COPY c (b, a) TO STDOUT;
COPY (SELECT a, upper(b) FROM c ORDER BY a DESC) TO STDOUT;
COPY c TO STDOUT WITH (FORMAT csv);
COPY c TO STDOUT WITH (FORMAT csv, HEADER);
COPY c TO STDOUT CSV HEADER;
COPY c TO STDOUT WITH (FORMAT csv, FORCE_QUOTE *, NULL 'nil');
COPY c TO STDOUT WITH (FORMAT csv, DELIMITER ';', QUOTE '''', FORCE_QUOTE (b));
COPY c TO STDOUT WITH (DELIMITER '|', NULL '');
COPY c TO STDOUT DELIMITER ',' NULL 'null';
COPY c (a, b) FROM STDIN WITH (FORMAT csv);
10,plain
11,"quoted, with ""comma"""
12,
13,""
14,"two
lines"
\.
SELECT a, b, b IS NULL AS n, d FROM c WHERE a >= 10 ORDER BY a;
COPY c (a, b) FROM STDIN WITH (FORMAT csv, HEADER, NULL 'nil');
a,b
20,nil
21,
\.
SELECT a, b FROM c WHERE a >= 20 ORDER BY a;
COPY c (a, b) FROM STDIN WITH (FORMAT csv, HEADER MATCH);
a,x
22,x
\.
COPY c (a, b) FROM STDIN WITH (DELIMITER '|');
30|bar
31|esc\|aped
\.
SELECT a, b FROM c WHERE a >= 30 ORDER BY a;
COPY c FROM STDIN;
1	dup	2024-01-01
\.
COPY c FROM STDIN;
x	notint	2024-01-01
\.
COPY c FROM STDIN;
40	short
\.
COPY c FROM STDIN;
40	long	2024-01-01	extra
\.
COPY c FROM STDIN;
40	good	2024-01-01
41	bad	2024-13-01
\.
SELECT count(*) FROM c WHERE a >= 40;
COPY c (a, b) FROM STDIN WITH (FORMAT csv);
50,"unterminated
\.
COPY c (nothing) FROM STDIN;
\.
COPY nothing FROM STDIN;
\.
COPY c (a, a) FROM STDIN;
\.
COPY c FROM STDIN WITH (FORMAT nosuch);
\.
COPY c FROM STDIN WITH (NOSUCH);
\.
COPY c FROM STDIN WITH (DELIMITER 'xx');
\.
COPY c FROM STDIN WITH (FORMAT text, QUOTE '"');
\.
COPY (SELECT 1) FROM STDIN;
COPY c TO '/nowhere/file';
COPY (SELECT nothing) TO STDOUT;
COPY (INSERT INTO c VALUES (60, 'r') RETURNING a) TO STDOUT;
COPY c (a) FROM STDIN WHERE a > 71;
70
71
72
\.
SELECT a FROM c WHERE a >= 70 ORDER BY a;
BEGIN;
COPY c (a) FROM STDIN;
80
\.
ROLLBACK;
SELECT count(*) FROM c WHERE a = 80;
CREATE TABLE ty (b boolean, n numeric(5,2), by bytea, ts timestamp, j jsonb, ia int[]);
COPY ty FROM STDIN;
t	1.5	\\x4142	2024-01-01 10:00	{"a": 1}	{1,2,NULL}
f	\N	\N	infinity	null	{}
\.
COPY ty TO STDOUT;
COPY ty TO STDOUT (FORMAT csv);
COPY ty FROM STDIN;
t	12345	\N	\N	\N	\N
\.
COPY ty FROM STDIN;
maybe	1	\N	\N	\N	\N
\.
