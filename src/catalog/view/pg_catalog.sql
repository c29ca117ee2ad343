-- view pg_tables
SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), t.spcname, c.relhasindex, c.relhasrules, c.relhastriggers, c.relrowsecurity
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
WHERE c.relkind IN ('r', 'p')

-- view pg_views
SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), pg_get_viewdef(c.oid)
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v'

-- view pg_matviews
SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), t.spcname, c.relhasindex, c.relispopulated, pg_get_viewdef(c.oid)
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
WHERE c.relkind = 'm'

-- view pg_indexes
SELECT n.nspname, c.relname, i.relname, t.spcname, pg_get_indexdef(i.oid)
FROM pg_index x
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_tablespace t ON t.oid = i.reltablespace
WHERE c.relkind IN ('r', 'm', 'p') AND i.relkind IN ('i', 'I')

-- view pg_roles
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, '********', rolvaliduntil, rolbypassrls, NULL, oid
FROM pg_authid

-- view pg_shadow
SELECT rolname, oid, rolcreatedb, rolsuper, rolreplication, rolbypassrls, rolpassword, rolvaliduntil, NULL
FROM pg_authid
WHERE rolcanlogin

-- view pg_user
SELECT rolname, oid, rolcreatedb, rolsuper, rolreplication, rolbypassrls, '********', rolvaliduntil, NULL
FROM pg_authid
WHERE rolcanlogin

-- view pg_group
SELECT rolname, oid, ARRAY(SELECT m.member FROM pg_auth_members m WHERE m.roleid = pg_authid.oid)
FROM pg_authid
WHERE NOT rolcanlogin

-- view pg_sequences
SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), s.seqtypid, s.seqstart, s.seqmin, s.seqmax, s.seqincrement, s.seqcycle, s.seqcache, pg_sequence_last_value(c.oid)
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace

-- view pg_available_extensions
SELECT e.name, e.version, x.extversion, e.comment
FROM (VALUES
  ('pgcrypto'::name, '1.3', 'cryptographic functions'),
  ('plpgsql', '1.0', 'PL/pgSQL procedural language'),
  ('uuid-ossp', '1.1', 'generate universally unique identifiers (UUIDs)')) AS e (name, version, comment)
LEFT JOIN pg_extension x ON x.extname = e.name

-- view pg_stat_all_tables
SELECT c.oid, n.nspname, c.relname, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0, 0, 0
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 't', 'm', 'p')

-- view pg_stat_sys_tables
SELECT * FROM pg_stat_all_tables WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_stat_user_tables
SELECT * FROM pg_stat_all_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_stat_all_indexes
SELECT c.oid, i.oid, n.nspname, c.relname, i.relname, 0, 0, 0
FROM pg_index x
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 't', 'm')

-- view pg_stat_sys_indexes
SELECT * FROM pg_stat_all_indexes WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_stat_user_indexes
SELECT * FROM pg_stat_all_indexes WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_statio_all_tables
SELECT c.oid, n.nspname, c.relname, 0, 0, 0, 0, 0, 0, 0, 0
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 't', 'm')

-- view pg_statio_sys_tables
SELECT * FROM pg_statio_all_tables WHERE schemaname IN ('pg_catalog', 'information_schema') OR schemaname ~ '^pg_toast'

-- view pg_statio_user_tables
SELECT * FROM pg_statio_all_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_statio_all_indexes
SELECT c.oid, i.oid, n.nspname, c.relname, i.relname, 0, 0
FROM pg_index x
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 't', 'm')

-- view pg_statio_user_indexes
SELECT * FROM pg_statio_all_indexes WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'

-- view pg_statio_all_sequences
SELECT c.oid, n.nspname, c.relname, 0, 0
FROM pg_class c
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S'

-- view pg_statio_user_sequences
SELECT * FROM pg_statio_all_sequences WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_toast'
