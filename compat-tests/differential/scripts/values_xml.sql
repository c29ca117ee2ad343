-- Values
SELECT '<a/>'::xml, 'text <b/> more'::xml, ''::xml, NULL::xml;
SELECT '<?xml version="1.0"?><a/>'::xml, '<?xml version="1.0" encoding="UTF-8"?><a/>'::xml;
SELECT '<?xml version="1.0" standalone="yes"?><a/>'::xml, '<?xml version="1.1"?><a/>'::xml;
SELECT '<?xml version="1.0"?><a/>'::xml::text;
SELECT '<a b="1">x &amp; y</a>'::xml::text, 'x'::text::xml, 'x'::varchar::xml;
SELECT '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'::xml;
SELECT pg_typeof('<a/>'::xml), pg_typeof(XMLPARSE(CONTENT 'a'));
SELECT ARRAY['<a/>'::xml, NULL, 'b c'::xml];
SELECT '{<a/>,"b c"}'::xml[];
-- XMLPARSE and XMLSERIALIZE
SELECT XMLPARSE(DOCUMENT '<?xml version="1.0"?><book><title>Manual</title></book>');
SELECT XMLPARSE(CONTENT 'abc <x/>'), XMLPARSE(CONTENT '  '), XMLPARSE(CONTENT NULL);
SELECT XMLPARSE(CONTENT ' <x> </x> ' PRESERVE WHITESPACE), XMLPARSE(DOCUMENT '<x> </x>' STRIP WHITESPACE);
SELECT XMLSERIALIZE(CONTENT 'a <b/>'::xml AS text), XMLSERIALIZE(DOCUMENT '<b/>'::xml AS varchar(10));
SELECT pg_typeof(XMLSERIALIZE(CONTENT '<b/>'::xml AS character varying(20)));
SELECT XMLSERIALIZE(CONTENT '<b/>'::xml AS integer);
SELECT XMLPARSE(CONTENT 1);
-- IS DOCUMENT
SELECT '<a/>' IS DOCUMENT, 'a' IS DOCUMENT, '<a/><b/>' IS NOT DOCUMENT, NULL IS DOCUMENT;
SELECT '<a/>'::xml IS DOCUMENT AND true, 1 IS DOCUMENT;
SELECT xml_is_well_formed('<a>'), xml_is_well_formed('a'), xml_is_well_formed_document('a'), xml_is_well_formed_document('<a/>'), xml_is_well_formed_content('<a/>b');
SELECT xmlcomment('hello'), xmlcomment('a--b');
SELECT xmlcomment('a-');
SELECT xmlcomment(' a ');
-- No order and no equality
SELECT '<a/>'::xml = '<a/>'::xml;
SELECT DISTINCT '<a/>'::xml;
SELECT x FROM (VALUES ('<a/>'::xml), ('<b/>'::xml)) AS v(x) ORDER BY x;
SELECT count(x) FROM (VALUES ('<a/>'::xml), (NULL)) AS v(x);
-- In a table
CREATE TABLE documents (id int PRIMARY KEY, body xml);
INSERT INTO documents VALUES (1, '<a>1</a>'), (2, 'text'), (3, NULL);
INSERT INTO documents VALUES (4, XMLPARSE(DOCUMENT '<?xml version="1.0"?><b/>'));
SELECT * FROM documents ORDER BY id;
SELECT id, body IS DOCUMENT FROM documents ORDER BY id;
SELECT id FROM documents WHERE body IS NULL;
SELECT XMLSERIALIZE(DOCUMENT body AS text) FROM documents WHERE id = 1;
UPDATE documents SET body = '<c/>' WHERE id = 2 RETURNING body;
SELECT id, body::text LIKE '%<%' FROM documents ORDER BY id;
CREATE UNIQUE INDEX ON documents (body);
CREATE VIEW shown AS SELECT id, XMLPARSE(CONTENT 'a') AS p, XMLSERIALIZE(CONTENT body AS text) AS s, body IS DOCUMENT AS d FROM documents;
SELECT pg_get_viewdef('shown'::regclass);
SELECT * FROM shown ORDER BY id;
DROP VIEW shown;
DROP TABLE documents;
SHOW xmloption;
SET xmloption = content;
EXPLAIN (FORMAT XML, COSTS off) EXECUTE nothing;
