-- Eider's own tables in every database, made when the database is created and part of its bytes
-- from transaction 0 on. This text is a format: SQLite keeps it in sqlite_schema, and all nodes must
-- make the same bytes from it. Once it has been released, a change is a migration, never an edit here.
--
-- Rules for writers of these rows:
-- * A relation's key is the name that SQLite knows it by ("stored name"): that of a relation of the
--   schema public is its PostgreSQL name, of another schema's "schema.name", with "~2", "~3" ... added
--   where that is taken but for the case of letters. These names compare by NOCASE, as SQLite's own do.
-- * The next free OID is _eider_oid.next; whoever takes n of them adds n in the same transaction.
-- * A relation (table, view, sequence, index) that has no row here gets one when the transaction that
--   made it commits. What is dropped or renamed by plain SQLite statements is followed at that point too.
-- * Lists of columns are JSON arrays of column numbers, e.g. [1,3]. Columns of tables that plain SQLite
--   statements made are numbered from 1 as they stand.
-- * Texts of expressions and queries are PostgreSQL's, as they were written.
-- * A change to any of these rows changes the schema version, except a sequence's state (last_value,
--   is_called, reserved, version), the position, the answers and the changes.

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

-- Schemas. Those called pg_temp_NODE_N hold the temporary objects of the Nth session of a node. Relations of other schemas than public have theirs in their stored name.
CREATE TABLE _eider_schema (
  name TEXT NOT NULL PRIMARY KEY,
  oid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tables, views and virtual tables. relation_name: NULL where it is the stored name.
-- kind: pg_class.relkind ('r', 'v', 'm'). from_postgres: 1 where _eider_column has all its columns.
-- on_commit: of a temporary table, 'd' DELETE ROWS, 'D' DROP.
-- definition: a view's query; bindings: what its names meant, as JSON (model::catalog::View).
CREATE TABLE _eider_table (
  name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
  oid INTEGER NOT NULL,
  schema_name TEXT NOT NULL DEFAULT 'public',
  relation_name TEXT,
  kind TEXT NOT NULL DEFAULT 'r',
  from_postgres INTEGER NOT NULL DEFAULT 1,
  definition TEXT,
  bindings TEXT,
  populated INTEGER NOT NULL DEFAULT 1,
  on_commit TEXT
) STRICT, WITHOUT ROWID;

-- Columns of tables made through PostgreSQL's language. number: pg_attribute.attnum, never reused
-- within a table, so it may have gaps. stored: SQLite's name, NULL where it is the same.
-- modifier: atttypmod. sequence: the OID of the sequence of a serial or identity column.
-- identity: pg_attribute.attidentity ('a', 'd' or ''). generated: the expression of a stored column.
CREATE TABLE _eider_column (
  table_name TEXT NOT NULL COLLATE NOCASE,
  number INTEGER NOT NULL,
  name TEXT NOT NULL,
  stored TEXT,
  type_oid INTEGER NOT NULL,
  modifier INTEGER NOT NULL DEFAULT -1,
  not_null INTEGER NOT NULL DEFAULT 0,
  default_text TEXT,
  sequence INTEGER,
  identity TEXT NOT NULL DEFAULT '',
  generated TEXT,
  PRIMARY KEY (table_name, number)
) STRICT, WITHOUT ROWID;

-- kind: pg_constraint.contype ('p', 'u', 'c', 'f'). definition: for 'c' the expression.
-- actions of 'f': confupdtype, confdeltype, confmatchtype as three letters.
-- index_name: the stored name of a key's index; NULL where the row id is the key.
CREATE TABLE _eider_constraint (
  oid INTEGER PRIMARY KEY,
  table_name TEXT NOT NULL COLLATE NOCASE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  columns TEXT NOT NULL DEFAULT '[]',
  definition TEXT NOT NULL DEFAULT '',
  foreign_table TEXT COLLATE NOCASE,
  foreign_columns TEXT,
  actions TEXT NOT NULL DEFAULT 'aas',
  is_deferrable INTEGER NOT NULL DEFAULT 0,
  initially_deferred INTEGER NOT NULL DEFAULT 0,
  validated INTEGER NOT NULL DEFAULT 1,
  no_inherit INTEGER NOT NULL DEFAULT 0,
  index_name TEXT COLLATE NOCASE
) STRICT;

-- definition: what SQLite's own index doesn't say, as JSON (model::catalog::Index).
CREATE TABLE _eider_index (
  name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
  oid INTEGER NOT NULL,
  schema_name TEXT NOT NULL DEFAULT 'public',
  relation_name TEXT,
  table_name TEXT NOT NULL COLLATE NOCASE,
  definition TEXT
) STRICT, WITHOUT ROWID;

-- As pg_sequence, with its state: last_value and is_called as they were when they were last logged;
-- reserved: values up to this one may have been given since (NULL: none); version: which life of the
-- sequence the state belongs to (a restart begins a new one).
-- owner_table, owner_column (its number): OWNED BY. internal: of an identity column.
CREATE TABLE _eider_sequence (
  oid INTEGER PRIMARY KEY,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  schema_name TEXT NOT NULL DEFAULT 'public',
  relation_name TEXT,
  last_value INTEGER NOT NULL DEFAULT 1,
  is_called INTEGER NOT NULL DEFAULT 0,
  reserved INTEGER,
  version INTEGER NOT NULL DEFAULT 0,
  type_oid INTEGER NOT NULL DEFAULT 20,
  start INTEGER NOT NULL DEFAULT 1,
  increment INTEGER NOT NULL DEFAULT 1,
  minimum INTEGER NOT NULL DEFAULT 1,
  maximum INTEGER NOT NULL DEFAULT 9223372036854775807,
  cache INTEGER NOT NULL DEFAULT 1,
  cycle INTEGER NOT NULL DEFAULT 0,
  owner_table TEXT COLLATE NOCASE,
  owner_column INTEGER,
  internal INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Types made by CREATE TYPE and CREATE DOMAIN. kind: pg_type.typtype ('e' enum, 'd' domain, 'c' composite, 'r' range,
-- 'm' multirange).
-- base_oid: of a domain what it is over, of a composite type its pg_class.oid, of a range its subtype,
-- of a multirange its range.
CREATE TABLE _eider_type (
  oid INTEGER PRIMARY KEY,
  schema_name TEXT NOT NULL DEFAULT 'public',
  name TEXT NOT NULL,
  array_oid INTEGER NOT NULL,
  kind TEXT NOT NULL,
  base_oid INTEGER NOT NULL DEFAULT 0,
  base_modifier INTEGER NOT NULL DEFAULT -1,
  not_null INTEGER NOT NULL DEFAULT 0,
  default_text TEXT
) STRICT;

-- What range types are of. multirange_oid, whose base_oid is the range type's; the others: as in pg_range.
CREATE TABLE _eider_range (
  type_oid INTEGER PRIMARY KEY,
  multirange_oid INTEGER NOT NULL,
  collation_oid INTEGER NOT NULL DEFAULT 0,
  operator_class_oid INTEGER NOT NULL DEFAULT 0,
  difference_oid INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Values of enums; number: pg_enum.enumsortorder.
CREATE TABLE _eider_enum_label (
  oid INTEGER PRIMARY KEY,
  type_oid INTEGER NOT NULL,
  number REAL NOT NULL,
  label TEXT NOT NULL,
  UNIQUE (type_oid, label),
  UNIQUE (type_oid, number)
) STRICT;

-- Attributes of composite types; number: pg_attribute.attnum, never used again.
CREATE TABLE _eider_type_attribute (
  type_oid INTEGER NOT NULL,
  number INTEGER NOT NULL,
  name TEXT NOT NULL,
  attribute_type_oid INTEGER NOT NULL,
  modifier INTEGER NOT NULL DEFAULT -1,
  PRIMARY KEY (type_oid, number)
) STRICT, WITHOUT ROWID;

-- CHECK constraints of domains.
CREATE TABLE _eider_domain_constraint (
  oid INTEGER PRIMARY KEY,
  type_oid INTEGER NOT NULL,
  name TEXT NOT NULL,
  definition TEXT NOT NULL,
  validated INTEGER NOT NULL DEFAULT 1
) STRICT;

-- Functions in SQL and PL/pgSQL. arguments: JSON, a list of [name, type OID], or of [name, type OID, mode] where
-- the mode isn't "i" (pg_proc.proargmodes), each with a default behind the mode where there is one.
CREATE TABLE _eider_function (
  oid INTEGER PRIMARY KEY,
  schema_name TEXT NOT NULL DEFAULT 'public',
  name TEXT NOT NULL,
  language TEXT NOT NULL,
  arguments TEXT NOT NULL DEFAULT '[]',
  result_oid INTEGER NOT NULL,
  returns_set INTEGER NOT NULL DEFAULT 0,
  volatility TEXT NOT NULL DEFAULT 'v',
  is_strict INTEGER NOT NULL DEFAULT 0,
  body TEXT NOT NULL
) STRICT;

-- Triggers. bits: pg_trigger.tgtype. arguments: a JSON array of texts.
CREATE TABLE _eider_trigger (
  oid INTEGER PRIMARY KEY,
  table_name TEXT NOT NULL COLLATE NOCASE,
  name TEXT NOT NULL,
  function_oid INTEGER NOT NULL,
  bits INTEGER NOT NULL,
  columns TEXT NOT NULL DEFAULT '[]',
  condition TEXT,
  arguments TEXT NOT NULL DEFAULT '[]',
  enabled INTEGER NOT NULL DEFAULT 1
) STRICT;

-- COMMENT ON. As pg_description: the catalog the object is in, its OID, its column or 0.
CREATE TABLE _eider_comment (
  class_oid INTEGER NOT NULL,
  object_oid INTEGER NOT NULL,
  column_number INTEGER NOT NULL DEFAULT 0,
  comment TEXT NOT NULL,
  PRIMARY KEY (class_oid, object_oid, column_number)
) STRICT, WITHOUT ROWID;

-- CREATE EXTENSION of what is built in.
CREATE TABLE _eider_extension (
  name TEXT NOT NULL PRIMARY KEY,
  oid INTEGER NOT NULL,
  schema_name TEXT NOT NULL,
  version TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Roles. attributes: a JSON array of words; member_of: JSON, a list of [role, admin option].
CREATE TABLE _eider_role (
  name TEXT NOT NULL PRIMARY KEY,
  oid INTEGER NOT NULL,
  attributes TEXT NOT NULL DEFAULT '[]',
  connection_limit INTEGER NOT NULL DEFAULT -1,
  member_of TEXT NOT NULL DEFAULT '[]',
  valid_until TEXT
) STRICT, WITHOUT ROWID;

-- OWNER TO. class_oid and object_oid as in _eider_comment.
CREATE TABLE _eider_owner (
  class_oid INTEGER NOT NULL,
  object_oid INTEGER NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (class_oid, object_oid)
) STRICT, WITHOUT ROWID;

-- Access control lists that differ from those of new objects, an entry a row in the order of place.
-- grantee '': PUBLIC. letters: as in an aclitem; an empty list is one row with none. Privileges on the
-- database have class_oid 1262 and object_oid 0.
CREATE TABLE _eider_privilege (
  class_oid INTEGER NOT NULL,
  object_oid INTEGER NOT NULL,
  column_number INTEGER NOT NULL DEFAULT 0,
  place INTEGER NOT NULL,
  grantee TEXT NOT NULL,
  grantor TEXT NOT NULL,
  letters TEXT NOT NULL,
  PRIMARY KEY (class_oid, object_oid, column_number, place)
) STRICT, WITHOUT ROWID;

-- ALTER DEFAULT PRIVILEGES: an entry a row, in the order of place; oid is the list's.
-- kind: pg_default_acl.defaclobjtype. schema_name '': in all of them.
CREATE TABLE _eider_default_privilege (
  oid INTEGER NOT NULL,
  place INTEGER NOT NULL,
  role TEXT NOT NULL,
  schema_name TEXT NOT NULL DEFAULT '',
  kind TEXT NOT NULL,
  grantee TEXT NOT NULL,
  letters TEXT NOT NULL,
  PRIMARY KEY (oid, place)
) STRICT, WITHOUT ROWID;

-- What requests with an idempotency key were answered (sqlite/answers.rs). number: in their order;
-- at: seconds since 1970; bytes: of keys and answers up to this one, those that are gone included.
CREATE TABLE _eider_answer (
  number INTEGER NOT NULL PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  fingerprint INTEGER NOT NULL,
  at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  answer BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Changes of rows that were captured and may still be asked for (sqlite/changes). number: grows by one,
-- and none comes again; at: milliseconds since 1970; event: JSON.
CREATE TABLE _eider_change (
  number INTEGER PRIMARY KEY,
  txid INTEGER NOT NULL,
  at INTEGER NOT NULL,
  event TEXT NOT NULL
) STRICT;

-- sent: the last change that was delivered where changes are sent to; removed: the last that is gone.
CREATE TABLE _eider_change_mark (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  sent INTEGER NOT NULL,
  removed INTEGER NOT NULL
) STRICT;

INSERT INTO _eider_position (id, txid) VALUES (1, 0);
INSERT INTO _eider_change_mark (id, sent, removed) VALUES (1, 0, 0);
INSERT INTO _eider_oid (id, next) VALUES (1, 16384);
INSERT INTO _eider_schema (name, oid) VALUES ('public', 2200);
