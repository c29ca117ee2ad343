CREATE TABLE depots (id serial PRIMARY KEY, name text NOT NULL);
--bun:split
INSERT INTO depots (name) VALUES ('a'), ('b');
