ALTER TABLE depots DROP COLUMN kind;
--bun:split
DROP TYPE kind;
