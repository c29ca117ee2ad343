-- A schema that has an object of each kind that Eider makes, with rows: a museum's.

CREATE SCHEMA museum;
COMMENT ON SCHEMA museum IS 'what is shown, and to whom';
CREATE TYPE museum.state AS ENUM ('shown', 'stored', 'lent');
CREATE TYPE museum.size AS (width numeric(8, 2), height numeric(8, 2), unit text);
CREATE DOMAIN museum.year AS integer DEFAULT 1900 CONSTRAINT sane CHECK (VALUE BETWEEN -5000 AND 2200);
CREATE SEQUENCE museum.ticket_number START 1000 INCREMENT 5 MAXVALUE 900000 CYCLE;

CREATE TABLE museum.artist (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    born museum.year,
    CONSTRAINT artist_known UNIQUE (name, born)
);
CREATE TABLE museum.piece (
    id bigserial PRIMARY KEY,
    artist integer REFERENCES museum.artist ON UPDATE CASCADE ON DELETE SET NULL,
    title varchar(80) NOT NULL,
    made museum.year,
    state museum.state DEFAULT 'stored' NOT NULL,
    size museum.size,
    price numeric(12, 2) CHECK (price >= 0),
    insured numeric(14, 2) GENERATED ALWAYS AS (price * 1.25) STORED,
    tags text[] DEFAULT '{}',
    about jsonb,
    picture bytea,
    seen timestamptz DEFAULT now(),
    lent daterange,
    code uuid,
    weight double precision,
    fragile boolean DEFAULT false
);
COMMENT ON TABLE museum.piece IS 'everything that has a number';
COMMENT ON COLUMN museum.piece.insured IS 'a quarter more';
CREATE TABLE museum.ticket (
    number integer DEFAULT nextval('museum.ticket_number') PRIMARY KEY,
    sold date NOT NULL,
    holder text COLLATE "C",
    price numeric(5, 2) NOT NULL,
    CONSTRAINT ticket_fair CHECK (price > 0 AND price < 100)
);
CREATE TABLE museum.visit (
    ticket integer NOT NULL REFERENCES museum.ticket DEFERRABLE INITIALLY DEFERRED,
    piece bigint NOT NULL REFERENCES museum.piece ON DELETE CASCADE,
    minutes smallint,
    PRIMARY KEY (ticket, piece)
);
CREATE TABLE museum.log (at timestamp, what text);

CREATE INDEX piece_title ON museum.piece (lower(title), made DESC);
CREATE INDEX piece_shown ON museum.piece (state) WHERE state = 'shown';
CREATE UNIQUE INDEX piece_code ON museum.piece (code) INCLUDE (title);
CREATE INDEX piece_tags ON museum.piece USING gin (tags);

CREATE VIEW museum.on_show AS
    SELECT p.id, p.title, a.name AS artist, p.insured FROM museum.piece p LEFT JOIN museum.artist a ON a.id = p.artist WHERE p.state = 'shown';
CREATE MATERIALIZED VIEW museum.income AS SELECT sold, count(*) AS tickets, sum(price) AS money FROM museum.ticket GROUP BY sold;
CREATE INDEX income_sold ON museum.income (sold);

CREATE FUNCTION museum.with_tax(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT amount * 1.19';
CREATE TABLE museum.fee (
    id integer PRIMARY KEY,
    net numeric NOT NULL,
    gross numeric DEFAULT museum.with_tax(1) CHECK (museum.with_tax(gross) > 0),
    span interval day to second(3)
);
CREATE INDEX fee_taxed ON museum.fee (museum.with_tax(net)) WHERE museum.with_tax(net) > 10;
CREATE VIEW museum.taxed AS SELECT id, museum.with_tax(net) AS gross FROM museum.fee;
INSERT INTO museum.fee (id, net, span) VALUES (1, 10, '1 2:03:04.5678');
CREATE TABLE museum.nothing ();
CREATE FUNCTION museum.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO museum.log VALUES (NULL, OLD.title || ' became ' || NEW.title);
    RETURN NEW;
END
$$;
CREATE TRIGGER note_change AFTER UPDATE OF title ON museum.piece FOR EACH ROW EXECUTE FUNCTION museum.note_change();

INSERT INTO museum.artist (name, born) VALUES ('Anna O''Neil', 1871), ('unknown', NULL), ('Ümit "U" Ç', -430);
INSERT INTO museum.piece (artist, title, made, state, size, price, tags, about, picture, seen, lent, code, weight, fragile) VALUES
    (1, 'Boats, early', 1901, 'shown', ROW(80.5, 60, 'cm'), 12000, '{sea,"two words",NULL}', '{"school": "north", "notes": [1, null]}',
        '\x00ff10', '2024-02-29 12:00:00+00', '[2024-01-01,2024-03-01)', '5a2b1b1e-6a70-4f2e-9a4a-0d8ce5d3c001', 12.5, true),
    (NULL, E'tab\there, back\\slash', NULL, 'lent', NULL, NULL, DEFAULT, NULL, NULL, NULL, 'empty', NULL, '-Infinity', NULL),
    (3, 'Jug', -420, 'stored', ROW(NULL, 22.25, NULL), 0.01, '{{a,b},{c,d}}', '"text"', '', 'infinity', '(,2020-05-05)', NULL, -0.1, false);
UPDATE museum.piece SET title = 'Boats, late' WHERE id = 1;
INSERT INTO museum.ticket (sold, holder, price) SELECT date '2024-05-01' + i % 3, CASE WHEN i % 2 = 0 THEN 'holder ' || i END, 7.5 + i FROM generate_series(1, 9) i;
INSERT INTO museum.visit SELECT number, 1, number % 60 FROM museum.ticket;
REFRESH MATERIALIZED VIEW museum.income;
