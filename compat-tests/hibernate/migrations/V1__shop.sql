CREATE TABLE category (id bigserial PRIMARY KEY, name varchar(100) NOT NULL UNIQUE);
CREATE TYPE mood AS ENUM ('calm', 'bright');
INSERT INTO category (name) VALUES ('from a migration');
