-- Eider's own tables in every database, made when the database is created and part of its bytes
-- from transaction 0 on. This text is a format: SQLite keeps it in sqlite_schema, and all nodes must
-- make the same bytes from it. A later change is a migration, never an edit here.
--
-- Rules for writers of these rows:
-- * Names are as SQLite stores them. They compare by NOCASE, as SQLite's own do.
-- * The next free OID is _eider_oid.next; whoever takes n of them adds n in the same transaction.
-- * A relation (table, view, sequence, index) that has no row here gets one when the transaction that
--   made it commits. What is dropped or renamed by plain SQLite statements is followed at that point too.
-- * Lists of columns are JSON arrays of column names, e.g. ["a","b"].
-- * A change to any of these rows changes the schema version, except a sequence's last_value and
--   is_called and the position.

-- The last transaction in this file.
CREATE TABLE _eider_position (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  txid INTEGER NOT NULL
) STRICT;

-- The next object id; never reused.
CREATE TABLE _eider_oid (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  next INTEGER NOT NULL
) STRICT;

-- Tables, views and virtual tables. from_postgres: 1 where _eider_column has all its columns.
-- definition: a view's query as PostgreSQL text.
CREATE TABLE _eider_table (
  name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
  oid INTEGER NOT NULL,
  from_postgres INTEGER NOT NULL DEFAULT 1,
  definition TEXT
) STRICT, WITHOUT ROWID;

-- Columns of tables made through PostgreSQL's language. number: pg_attribute.attnum, never reused
-- within a table, so it may have gaps. modifier: atttypmod. default_text: PostgreSQL text.
-- sequence: the owned sequence of a serial or identity column. identity: pg_attribute.attidentity
-- ('a', 'd' or '').
CREATE TABLE _eider_column (
  table_name TEXT NOT NULL COLLATE NOCASE,
  number INTEGER NOT NULL,
  name TEXT NOT NULL,
  type_oid INTEGER NOT NULL,
  modifier INTEGER NOT NULL DEFAULT -1,
  not_null INTEGER NOT NULL DEFAULT 0,
  default_text TEXT,
  sequence TEXT,
  identity TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (table_name, number)
) STRICT, WITHOUT ROWID;

-- kind: pg_constraint.contype ('p', 'u', 'c', 'f'). definition: for 'c' the expression as PostgreSQL
-- text; for the others what pg_get_constraintdef shows. actions of 'f': confupdtype, confdeltype,
-- confmatchtype as three letters.
CREATE TABLE _eider_constraint (
  oid INTEGER PRIMARY KEY,
  table_name TEXT NOT NULL COLLATE NOCASE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  columns TEXT NOT NULL,
  definition TEXT NOT NULL,
  foreign_table TEXT COLLATE NOCASE,
  foreign_columns TEXT,
  actions TEXT NOT NULL DEFAULT 'aas',
  is_deferrable INTEGER NOT NULL DEFAULT 0,
  initially_deferred INTEGER NOT NULL DEFAULT 0
) STRICT;

-- definition: as pg_get_indexdef shows it.
CREATE TABLE _eider_index (
  name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
  oid INTEGER NOT NULL,
  table_name TEXT NOT NULL COLLATE NOCASE,
  definition TEXT
) STRICT, WITHOUT ROWID;

-- As pg_sequence, with its state. owner_table and owner_column: OWNED BY.
CREATE TABLE _eider_sequence (
  name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
  oid INTEGER NOT NULL,
  last_value INTEGER NOT NULL DEFAULT 1,
  is_called INTEGER NOT NULL DEFAULT 0,
  type_oid INTEGER NOT NULL DEFAULT 20,
  start INTEGER NOT NULL DEFAULT 1,
  increment INTEGER NOT NULL DEFAULT 1,
  minimum INTEGER NOT NULL DEFAULT 1,
  maximum INTEGER NOT NULL DEFAULT 9223372036854775807,
  cache INTEGER NOT NULL DEFAULT 1,
  cycle INTEGER NOT NULL DEFAULT 0,
  owner_table TEXT COLLATE NOCASE,
  owner_column TEXT
) STRICT, WITHOUT ROWID;

-- Types made by CREATE TYPE and CREATE DOMAIN. kind: pg_type.typtype ('e' enum, 'd' domain).
-- definition: a domain's constraint, as PostgreSQL text.
CREATE TABLE _eider_type (
  oid INTEGER PRIMARY KEY,
  name TEXT NOT NULL COLLATE NOCASE,
  array_oid INTEGER NOT NULL,
  kind TEXT NOT NULL,
  base_oid INTEGER NOT NULL DEFAULT 0,
  base_modifier INTEGER NOT NULL DEFAULT -1,
  not_null INTEGER NOT NULL DEFAULT 0,
  default_text TEXT,
  definition TEXT
) STRICT;

CREATE TABLE _eider_enum_label (
  type_oid INTEGER NOT NULL,
  number REAL NOT NULL,
  label TEXT NOT NULL,
  PRIMARY KEY (type_oid, number)
) STRICT, WITHOUT ROWID;

-- Schemas other than public: a prefix of their relations' names, "schema.name".
CREATE TABLE _eider_schema (
  name TEXT NOT NULL PRIMARY KEY,
  oid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- COMMENT ON. As pg_description: the catalog the object is in, its OID, its column or 0.
CREATE TABLE _eider_comment (
  class_oid INTEGER NOT NULL,
  object_oid INTEGER NOT NULL,
  column_number INTEGER NOT NULL DEFAULT 0,
  comment TEXT NOT NULL,
  PRIMARY KEY (class_oid, object_oid, column_number)
) STRICT, WITHOUT ROWID;

INSERT INTO _eider_position (id, txid) VALUES (1, 0);
INSERT INTO _eider_oid (id, next) VALUES (1, 16384);
