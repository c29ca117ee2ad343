-- Functions in SQL, and triggers in PL/pgSQL as applications have them.
CREATE FUNCTION addone(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';
SELECT addone(41), addone(NULL), addone(addone(1));
SELECT addone('5');
SELECT addone('x');
SELECT addone(1, 2);
SELECT addone(true);
CREATE FUNCTION addone(i int) RETURNS int LANGUAGE sql AS 'SELECT i + 2';
CREATE OR REPLACE FUNCTION addone(i int) RETURNS int LANGUAGE sql AS 'SELECT i + 2';
CREATE OR REPLACE FUNCTION addone(i int) RETURNS text LANGUAGE sql AS 'SELECT ''x''::text';
SELECT addone(40);
CREATE FUNCTION positional(int, int) RETURNS bigint LANGUAGE sql STRICT AS $$ SELECT ($1 * $2)::bigint $$;
SELECT positional(6, 7), positional(6, NULL);
CREATE FUNCTION returning_form(a text, b text DEFAULT NULL) RETURNS text LANGUAGE sql RETURN a || b;
CREATE FUNCTION greet(name text) RETURNS text LANGUAGE sql STABLE RETURN 'Hello, ' || name;
SELECT greet('you');
CREATE TABLE items (id int PRIMARY KEY, price int, label text);
INSERT INTO items VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c');
CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT sum(price) FROM items';
SELECT total();
CREATE FUNCTION price_of(which int) RETURNS int LANGUAGE sql AS 'SELECT price FROM items WHERE id = which';
SELECT price_of(2), price_of(99);
SELECT id, price_of(id) FROM items ORDER BY id;
CREATE FUNCTION dearer(than int) RETURNS TABLE (item int, cost int) LANGUAGE sql AS 'SELECT id, price FROM items WHERE price > than ORDER BY id';
SELECT * FROM dearer(10);
SELECT d.cost FROM dearer(15) d WHERE d.item = 3;
CREATE FUNCTION labels() RETURNS SETOF text LANGUAGE sql AS 'SELECT label FROM items ORDER BY id';
SELECT * FROM labels();
SELECT upper(l) FROM labels() AS l;
CREATE FUNCTION wrong() RETURNS int LANGUAGE sql AS 'SELECT nothing FROM items';
CREATE FUNCTION wrong() RETURNS int LANGUAGE sql AS 'SELECT 1, 2';
CREATE FUNCTION wrong() RETURNS int LANGUAGE nosuch AS 'SELECT 1';
CREATE FUNCTION wrong() RETURNS int AS 'SELECT 1';
SELECT proname, provolatile, proisstrict, proretset, prosrc, prorettype::regtype, pronargs FROM pg_proc WHERE proname IN ('addone', 'positional', 'dearer') ORDER BY 1;
SELECT pg_get_function_arguments(oid), pg_get_function_result(oid) FROM pg_proc WHERE proname IN ('addone', 'positional', 'dearer', 'labels') ORDER BY proname;
SELECT pg_get_functiondef('positional'::regproc);
DROP FUNCTION addone(text);
DROP FUNCTION addone(int);
SELECT addone(1);
DROP FUNCTION addone;
DROP FUNCTION IF EXISTS addone(int);
DROP FUNCTION positional, greet(text);
CREATE TABLE stamped (id int PRIMARY KEY, name text NOT NULL, slug text NOT NULL, version int, changed timestamptz);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.slug := lower(NEW.name);
  IF TG_OP = 'INSERT' THEN
    NEW.version := 1;
  ELSE
    NEW.version := OLD.version + 1;
  END IF;
  NEW.changed = now();
  RETURN NEW;
END;
$$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
INSERT INTO stamped (id, name) VALUES (1, 'One'), (2, 'Two') RETURNING id, slug, version, changed = now();
INSERT INTO stamped (id, name, version) SELECT 3, 'Three', 99 RETURNING slug, version;
UPDATE stamped SET name = 'UNO' WHERE id = 1 RETURNING slug, version;
UPDATE stamped SET version = 50 RETURNING id, version;
INSERT INTO stamped (id, name) VALUES (1, 'Again') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING slug, version;
SELECT id, name, slug, version FROM stamped ORDER BY id;
SELECT tgname, tgtype, tgenabled, tgrelid::regclass, tgfoid::regproc FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1;
SELECT pg_get_triggerdef(oid), pg_get_triggerdef(oid, true) FROM pg_trigger WHERE tgname = 'stamp';
CREATE TRIGGER stamp BEFORE INSERT ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
ALTER TABLE stamped DISABLE TRIGGER stamp;
UPDATE stamped SET version = 7 WHERE id = 2 RETURNING version;
ALTER TABLE stamped ENABLE TRIGGER stamp;
UPDATE stamped SET name = 'x' WHERE id = 2 RETURNING version;
ALTER TABLE stamped DISABLE TRIGGER nosuch;
CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL);
CREATE TABLE audit (id serial PRIMARY KEY, op text, account int, old_balance int, new_balance int);
CREATE FUNCTION audit_account() RETURNS trigger AS $$
BEGIN
  IF (TG_OP = 'DELETE') THEN
    INSERT INTO audit (op, account, old_balance) VALUES ('D', OLD.id, OLD.balance);
    RETURN OLD;
  ELSIF (TG_OP = 'UPDATE') THEN
    INSERT INTO audit (op, account, old_balance, new_balance) VALUES ('U', NEW.id, OLD.balance, NEW.balance);
    RETURN NEW;
  ELSIF (TG_OP = 'INSERT') THEN
    INSERT INTO audit (op, account, new_balance) SELECT 'I', NEW.id, NEW.balance;
    RETURN NEW;
  END IF;
  RETURN NULL;
END;
$$ LANGUAGE plpgsql;
CREATE FUNCTION audit_account2() RETURNS trigger AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO audit (op, account, old_balance) VALUES ('D', OLD.id, OLD.balance);
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO audit (op, account, old_balance, new_balance) VALUES ('U', NEW.id, OLD.balance, NEW.balance);
  ELSE
    INSERT INTO audit (op, account, new_balance) VALUES ('I', NEW.id, NEW.balance);
  END IF;
  RETURN NULL;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER audit_account AFTER INSERT OR UPDATE OR DELETE ON account FOR EACH ROW EXECUTE PROCEDURE audit_account2();
INSERT INTO account VALUES (1, 100), (2, 200);
UPDATE account SET balance = balance + 5;
DELETE FROM account WHERE id = 2;
SELECT id, op, account, old_balance, new_balance FROM audit ORDER BY id;
CREATE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.balance < 0 THEN
    RAISE EXCEPTION 'balance % of account % is negative', NEW.balance, NEW.id USING ERRCODE = 'check_violation', HINT = 'pay first';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER check_balance BEFORE INSERT OR UPDATE OF balance ON account FOR EACH ROW EXECUTE FUNCTION check_balance();
UPDATE account SET balance = -5 WHERE id = 1;
INSERT INTO account VALUES (9, -1);
UPDATE account SET balance = 3 WHERE id = 1 RETURNING balance;
SELECT count(*) FROM audit;
CREATE FUNCTION skip_odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id % 2 = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TABLE even (id int);
CREATE TRIGGER skip_odd BEFORE INSERT ON even FOR EACH ROW EXECUTE FUNCTION skip_odd();
INSERT INTO even VALUES (2), (3), (4);
SELECT id FROM even ORDER BY id;
CREATE TABLE parent (id int PRIMARY KEY, children int NOT NULL DEFAULT 0);
CREATE TABLE child (id int PRIMARY KEY, parent int);
CREATE FUNCTION count_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    UPDATE parent SET children = children + 1 WHERE id = NEW.parent;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    UPDATE parent SET children = children - 1 WHERE id = OLD.parent;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_children AFTER INSERT OR DELETE OR UPDATE OF parent ON child FOR EACH ROW EXECUTE FUNCTION count_children();
INSERT INTO parent (id) VALUES (1), (2);
INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);
UPDATE child SET parent = 2 WHERE id = 1;
DELETE FROM child WHERE id = 3;
SELECT * FROM parent ORDER BY id;
CREATE TABLE named (id int, log text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.log := coalesce(NEW.log, '') || TG_NAME || ' '; RETURN NEW; END $$;
CREATE TRIGGER b BEFORE INSERT ON named FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER a BEFORE INSERT ON named FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER c BEFORE INSERT ON named FOR EACH ROW WHEN (NEW.id > 1) EXECUTE FUNCTION note();
INSERT INTO named VALUES (1), (2) RETURNING *;
CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.log := 'only ' || TG_TABLE_NAME || TG_WHEN; RETURN NEW; END $$;
INSERT INTO named VALUES (3) RETURNING *;
DROP FUNCTION note();
DROP TRIGGER a ON named;
DROP TRIGGER a ON named;
DROP TRIGGER IF EXISTS a ON named;
DROP TRIGGER IF EXISTS a ON nosuch;
DROP FUNCTION note() CASCADE;
INSERT INTO named VALUES (4) RETURNING *;
CREATE TRIGGER t BEFORE INSERT ON named FOR EACH ROW EXECUTE FUNCTION nosuch();
CREATE TRIGGER t BEFORE INSERT ON nosuch FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER t BEFORE INSERT ON named FOR EACH ROW EXECUTE FUNCTION total();
CREATE TRIGGER t BEFORE UPDATE OF nosuch ON named FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER t INSTEAD OF INSERT ON named FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE VIEW shown AS SELECT id, balance FROM account;
CREATE FUNCTION write_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM account WHERE id = OLD.id;
    RETURN OLD;
  ELSIF TG_OP = 'UPDATE' THEN
    UPDATE account SET balance = NEW.balance WHERE id = OLD.id;
  ELSE
    INSERT INTO account VALUES (NEW.id, NEW.balance);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER write_shown INSTEAD OF INSERT OR UPDATE OR DELETE ON shown FOR EACH ROW EXECUTE FUNCTION write_shown();
INSERT INTO shown VALUES (20, 2000);
UPDATE shown SET balance = balance + 1 WHERE id = 20;
SELECT * FROM account WHERE id = 20;
DELETE FROM shown WHERE id = 20;
SELECT count(*) FROM account WHERE id = 20;
BEGIN;
CREATE FUNCTION rolled() RETURNS int LANGUAGE sql AS 'SELECT 1';
ROLLBACK;
SELECT rolled();
CREATE EXTENSION "uuid-ossp";
SELECT length(uuid_generate_v4()::text), uuid_nil();
CREATE TABLE with_uuid (id uuid DEFAULT uuid_generate_v4() PRIMARY KEY, n int);
INSERT INTO with_uuid (n) VALUES (1), (2);
SELECT count(DISTINCT id) FROM with_uuid;
