-- What PostgreSQL's regression scripts found: conditions and defaults of COPY, where errors stand.

CREATE TABLE parcels (
    id serial,
    weight int,
    doubled int GENERATED ALWAYS AS (weight * 2) STORED,
    label text NOT NULL DEFAULT 'none',
    seen timestamptz DEFAULT now(),
    note text
);

-- Refused before data are asked for.
COPY parcels (id, weight) FROM stdin WHERE weight IN (SELECT 1 FROM parcels);
\.
COPY parcels (id, weight) FROM stdin WHERE weight = max(weight);
\.
COPY parcels (id, weight) FROM stdin WHERE weight = row_number() OVER (ORDER BY weight);
\.
COPY parcels (id, weight) FROM stdin WHERE doubled > 3;
\.
COPY parcels (id, missing) FROM stdin;
\.
COPY parcels (id, weight, id) FROM stdin;
\.

-- Defaults that only the session knows.
COPY parcels (weight, note) FROM stdin;
1	one
2	two
\.
COPY parcels (weight, note) FROM stdin WHERE weight > 3;
3	three
4	four
\.
SELECT weight, doubled, label, seen = now() AS is_now, seen IS NOT NULL AS has_time, note FROM parcels ORDER BY weight;

-- A trigger that sets what the data give.
CREATE FUNCTION parcel_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.note := 'set by the trigger';
    RETURN NEW;
END
$$;
CREATE TRIGGER parcel_note BEFORE INSERT ON parcels FOR EACH ROW EXECUTE FUNCTION parcel_note();
COPY parcels (id, weight, label, note) FROM stdin;
70	7	seven	from the data
80	8	eight	\N
\.
SELECT id, weight, label, note FROM parcels WHERE weight > 4 ORDER BY weight;

-- JSON that is none: where it stands.
SELECT '{"a": 1,, "b": 2}'::json;
SELECT '[1, 2'::jsonb;
SELECT 'nothing'::json;
SELECT '{"key": "a tab	inside"}'::json;
SELECT '["\q"]'::jsonb;
SELECT '["\u12x4"]'::jsonb;
SELECT '"open'::json;
SELECT ''::json;
SELECT '{"name": "a rather long value that fills the line up to its end", "second": oops}'::json;
SELECT '{
  "first": 1,
  "second": 2,,
  "third": 3
}'::json;
SELECT '01'::json, 1;
SELECT '{"a":1} x'::jsonb;

-- What is too long is told without a place, what isn't of the type with one.
CREATE TABLE narrow (c char(2), v varchar(3), n numeric(3, 1), va varchar(2)[]);
INSERT INTO narrow (c) VALUES ('abc');
INSERT INTO narrow (v) VALUES ('abcd');
INSERT INTO narrow (n) VALUES ('123.4');
INSERT INTO narrow (n) VALUES ('x');
INSERT INTO narrow (va) VALUES ('{ab,abc}');
UPDATE narrow SET v = 'abcd';
INSERT INTO narrow VALUES ('ab  ', 'abc   ', '12.34', '{a,b}');
SELECT * FROM narrow;
