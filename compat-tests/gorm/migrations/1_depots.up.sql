CREATE TABLE depots (id serial PRIMARY KEY, title varchar(10) NOT NULL, cents integer);
INSERT INTO depots (title, cents) VALUES ('a', 1250), ('b', 4000);
