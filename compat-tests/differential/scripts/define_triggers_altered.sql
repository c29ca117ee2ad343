-- Tables with triggers change: names, columns, types, schemas.
CREATE TABLE shelf (id int PRIMARY KEY, title text, copies int, stamp int DEFAULT 0);
CREATE TABLE notes (shelf_id int, said text);
CREATE FUNCTION stamped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.stamp := OLD.stamp + 1; RETURN NEW; END $$;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO notes VALUES (NEW.id, TG_OP); RETURN NULL; END $$;
CREATE TRIGGER stamps BEFORE UPDATE ON shelf FOR EACH ROW EXECUTE FUNCTION stamped();
CREATE TRIGGER notes_it AFTER INSERT OR UPDATE ON shelf FOR EACH ROW WHEN (NEW.copies > 0) EXECUTE FUNCTION noted();
CREATE TRIGGER titles AFTER UPDATE OF title ON shelf FOR EACH ROW WHEN (OLD.title IS DISTINCT FROM NEW.title) EXECUTE FUNCTION noted();
INSERT INTO shelf VALUES (1, 'a', 1), (2, 'b', 0);
SELECT * FROM notes ORDER BY 1, 2;
-- A column of a trigger's own definition gets another name: the definition follows.
ALTER TABLE shelf RENAME COLUMN title TO "Title";
ALTER TABLE shelf RENAME COLUMN copies TO number;
UPDATE shelf SET "Title" = 'c' WHERE id = 1 RETURNING *;
UPDATE shelf SET number = 3 WHERE id = 2 RETURNING *;
SELECT * FROM notes ORDER BY 1, 2;
-- Columns come, go and change their types beside them.
ALTER TABLE shelf ADD COLUMN extra text DEFAULT 'x', ADD COLUMN more int;
ALTER TABLE shelf ALTER COLUMN extra TYPE varchar(10), ALTER COLUMN more TYPE bigint;
UPDATE shelf SET more = 7 WHERE id = 1 RETURNING *;
ALTER TABLE shelf DROP COLUMN extra;
UPDATE shelf SET more = 8 WHERE id = 1 RETURNING *;
INSERT INTO shelf VALUES (3, 'd', 1, 0, 1) RETURNING *;
SELECT * FROM notes ORDER BY 1, 2;
-- The table gets another name, and another schema.
ALTER TABLE shelf RENAME TO board;
UPDATE board SET more = 9 WHERE id = 3 RETURNING *;
CREATE SCHEMA attic;
ALTER TABLE board SET SCHEMA attic;
UPDATE attic.board SET "Title" = 'e' WHERE id = 3 RETURNING *;
SELECT * FROM notes ORDER BY 1, 2;
SELECT tgname, tgrelid::regclass, tgattr FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1;
-- What a trigger's definition says can't change its type, or go, without it.
ALTER TABLE attic.board ALTER COLUMN number TYPE bigint;
ALTER TABLE attic.board DROP COLUMN number;
ALTER TABLE attic.board DROP COLUMN number CASCADE;
ALTER TABLE attic.board DROP COLUMN "Title" CASCADE;
SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1;
INSERT INTO attic.board VALUES (4, 0, 1);
UPDATE attic.board SET more = 10 WHERE id = 4 RETURNING *;
SELECT * FROM notes ORDER BY 1, 2;
-- A disabled one stays so.
ALTER TABLE attic.board DISABLE TRIGGER stamps;
ALTER TABLE attic.board RENAME COLUMN more TO much;
UPDATE attic.board SET much = 11 WHERE id = 4 RETURNING *;
ALTER TABLE attic.board ENABLE TRIGGER stamps;
UPDATE attic.board SET much = 12 WHERE id = 4 RETURNING *;
-- A view's triggers.
CREATE VIEW seen AS SELECT id, much FROM attic.board;
CREATE FUNCTION through() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE attic.board SET much = NEW.much WHERE id = NEW.id; RETURN NEW; END $$;
CREATE TRIGGER writes INSTEAD OF UPDATE ON seen FOR EACH ROW EXECUTE FUNCTION through();
ALTER VIEW seen RENAME TO viewed;
UPDATE viewed SET much = 13 WHERE id = 4;
SELECT * FROM attic.board WHERE id = 4;
-- A function that doesn't fit any more is found at once here, and in PostgreSQL when it runs.
ALTER TABLE attic.board RENAME COLUMN stamp TO stamps;
UPDATE attic.board SET much = 14 WHERE id = 4;
DROP SCHEMA attic CASCADE;
DROP TABLE notes;
