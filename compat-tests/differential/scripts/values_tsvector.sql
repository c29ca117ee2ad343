--@ extended
-- tsvector: lexemes with positions and weights. What searches them isn't there.
SELECT 'a fat cat sat on a mat and ate a fat rat'::tsvector;
SELECT $$the lexeme '    ' contains spaces$$::tsvector, $$the lexeme 'Joe''s' contains a quote$$::tsvector;
SELECT 'a:1 fat:2 cat:3 sat:4 on:5 a:6 mat:7'::tsvector, 'a:1A fat:2B,4C cat:5D'::tsvector;
SELECT 'a:1,1,2A,2 b:20000 c:16384'::tsvector, 'a:3A a:3 a:1B'::tsvector;
SELECT ''::tsvector, 'a\:b \\x "q"'::tsvector, ' x:5* '::tsvector, 'a:1,2b,3c,4d'::tsvector;
SELECT 'a:0'::tsvector;
SELECT 'a:'::tsvector;
SELECT 'a:b'::tsvector;
SELECT 'a:1,'::tsvector;
SELECT $$'a$$::tsvector;
SELECT $$'a'b$$::tsvector;
SELECT $$''$$::tsvector;
SELECT 'a:1x'::tsvector;
SELECT 'b aa a bb'::tsvector, 'é z'::tsvector;
SELECT 'a'::tsvector = 'a'::tsvector, 'a b'::tsvector <> 'b'::tsvector, 'b a'::tsvector = 'a b'::tsvector, length('a b'::tsvector), strip('a:1 b:2A'::tsvector);
SELECT pg_typeof('a'::tsvector), 'a'::tsvector::text, 'b a'::text::tsvector, ARRAY['a b'::tsvector];
CREATE TABLE doc (id int, words tsvector NOT NULL DEFAULT '', more tsvector[]);
INSERT INTO doc VALUES (1, 'fat:1 cat:2', NULL), (2, 'x', '{"a b","c:1"}');
SELECT * FROM doc ORDER BY id;
SELECT id FROM doc WHERE words = 'cat:2 fat:1';
--@ bind 'b:2,1 a'
--@ bind NULL
SELECT $1::tsvector, length($1);
CREATE INDEX doc_words ON doc USING gist (words);
SELECT pg_get_indexdef('doc_words'::regclass);
COPY doc (id, words) FROM STDIN;
3	'acade':1 'base':9 'battl':15
4	bad:0
\.
SELECT format_type(3614, NULL), '3614'::regtype;
