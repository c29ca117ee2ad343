DROP INDEX depots_name;
ALTER TABLE depots DROP COLUMN kind, ALTER COLUMN cents TYPE integer USING cents * 100;
ALTER TABLE depots RENAME COLUMN name TO title;
DROP TYPE depot_kind;
