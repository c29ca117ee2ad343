CREATE TYPE depot_kind AS ENUM ('big', 'small');
ALTER TABLE depots RENAME COLUMN title TO name;
ALTER TABLE depots ADD COLUMN kind depot_kind NOT NULL DEFAULT 'big', ALTER COLUMN cents TYPE numeric(10,2) USING cents / 100.0;
CREATE UNIQUE INDEX depots_name ON depots (name, kind);
