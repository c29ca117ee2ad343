-- Sequences that no constant names: by a parameter, by a column, by an expression.
CREATE SEQUENCE s;
CREATE SEQUENCE "Odd Name" START 10;
CREATE TABLE named (id int PRIMARY KEY, name text);
INSERT INTO named VALUES (1, 's'), (2, '"Odd Name"');
--@ bind 's'
--@ bind '"Odd Name"'
--@ bind 'public.s'
--@ bind NULL
SELECT nextval($1::text::regclass);
--@ bind 's'
--@ bind '"Odd Name"'
--@ bind NULL
SELECT currval($1::text::regclass);
--@ bind 's', '40'
--@ bind 's', NULL
--@ bind NULL, '40'
--@ bind 's', '0'
SELECT setval($1::text::regclass, $2);
--@ bind 's', '50', 'f'
--@ bind 's', '50', NULL
SELECT setval($1::text::regclass, $2, $3);
SELECT nextval('s');
SELECT id, nextval(name::regclass) FROM named ORDER BY id;
SELECT currval(name::regclass) FROM named ORDER BY id;
SELECT setval(name::regclass, 70 + id) FROM named WHERE id = 1;
SELECT nextval(('s' || '')::regclass);
CREATE SEQUENCE untouched;
--@ bind 'untouched'
SELECT currval($1::text::regclass);
CREATE TABLE filled (id bigint PRIMARY KEY, t text);
--@ bind 's'
INSERT INTO filled VALUES (nextval($1::text::regclass), 'x') RETURNING id;
--@ bind 's'
INSERT INTO filled SELECT nextval($1::text::regclass), 'y' FROM generate_series(1, 2) RETURNING t;
SELECT max(id) - min(id) FROM filled;
-- Keys are indexes in the name space of tables.
CREATE TABLE keyed (id int PRIMARY KEY, u int UNIQUE);
ALTER INDEX keyed_pkey RENAME TO keyed_key;
ALTER INDEX keyed_u_key RENAME TO keyed_other;
SELECT conname FROM pg_constraint WHERE conrelid = 'keyed'::regclass ORDER BY 1;
ALTER INDEX IF EXISTS keyed_pkey RENAME TO again;
INSERT INTO keyed VALUES (1, 1);
INSERT INTO keyed VALUES (1, 2);
