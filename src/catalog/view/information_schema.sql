-- view information_schema_catalog_name
SELECT current_database()

-- view schemata
SELECT current_database(), n.nspname, r.rolname, NULL, NULL, NULL, NULL
FROM pg_namespace n
JOIN pg_authid r ON r.oid = n.nspowner

-- view tables
SELECT current_database(), n.nspname, c.relname,
    CASE WHEN c.relpersistence = 't' THEN 'LOCAL TEMPORARY' WHEN c.relkind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END,
    NULL, NULL, NULL, NULL, NULL,
    CASE WHEN c.relkind = 'v' THEN 'NO' ELSE 'YES' END,
    'NO',
    NULL
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'p')

-- view views
SELECT current_database(), n.nspname, c.relname, pg_get_viewdef(c.oid),
    CASE
        WHEN 'check_option=cascaded' = ANY (c.reloptions) THEN 'CASCADED'
        WHEN 'check_option=local' = ANY (c.reloptions) THEN 'LOCAL'
        ELSE 'NONE'
    END,
    'NO', 'NO', 'NO', 'NO', 'NO'
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v'

-- view columns
SELECT current_database(), x.nspname, x.relname, x.attname, x.attnum, x.column_default,
    CASE WHEN x.attnotnull THEN 'NO' ELSE 'YES' END,
    CASE
        WHEN x.is_array THEN 'ARRAY'
        WHEN x.base_schema = 'pg_catalog' THEN format_type(x.base, NULL)
        ELSE 'USER-DEFINED'
    END,
    information_schema._pg_char_max_length(x.base, x.modifier),
    information_schema._pg_char_octet_length(x.base, x.modifier),
    information_schema._pg_numeric_precision(x.base, x.modifier),
    information_schema._pg_numeric_precision_radix(x.base, x.modifier),
    information_schema._pg_numeric_scale(x.base, x.modifier),
    information_schema._pg_datetime_precision(x.base, x.modifier),
    CASE WHEN x.base = 1186 THEN upper(substring(format_type(x.base, x.modifier) FROM '^interval (.*)$')) END, NULL, NULL, NULL, NULL,
    CASE WHEN x.collname IS NOT NULL THEN current_database() END,
    CASE WHEN x.collname IS NOT NULL THEN 'pg_catalog' END,
    x.collname,
    CASE WHEN x.is_domain THEN current_database() END,
    CASE WHEN x.is_domain THEN x.type_schema END,
    CASE WHEN x.is_domain THEN x.typname END,
    current_database(), x.base_schema, x.base_name,
    NULL, NULL, NULL, NULL,
    x.attnum,
    'NO',
    CASE WHEN x.attidentity IN ('a', 'd') THEN 'YES' ELSE 'NO' END,
    CASE x.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END,
    x.seqstart, x.seqincrement, x.seqmax, x.seqmin,
    CASE WHEN x.seqcycle THEN 'YES' ELSE 'NO' END,
    CASE WHEN x.attgenerated <> '' THEN 'ALWAYS' ELSE 'NEVER' END,
    x.generation_expression,
    CASE WHEN x.relkind = 'v' THEN 'NO' ELSE 'YES' END
FROM (
    SELECT n.nspname, c.relname, c.relkind, a.attname, a.attnum, a.attnotnull OR t.typtype = 'd' AND t.typnotnull AS attnotnull,
        a.attidentity, a.attgenerated,
        CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS column_default,
        CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS generation_expression,
        t.typtype = 'd' AS is_domain, t.typname, tn.nspname AS type_schema,
        coalesce(b.oid, t.oid) AS base,
        coalesce(b.typname, t.typname) AS base_name,
        coalesce(bn.nspname, tn.nspname) AS base_schema,
        coalesce(b.typelem, t.typelem) <> 0 AND coalesce(b.typlen, t.typlen) = -1 AS is_array,
        CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier,
        l.collname, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcycle
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_namespace tn ON tn.oid = t.typnamespace
    LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
    LEFT JOIN pg_namespace bn ON bn.oid = b.typnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.collname <> 'default'
    LEFT JOIN pg_depend o ON a.attidentity <> '' AND o.refclassid = 1259 AND o.refobjid = a.attrelid
        AND o.refobjsubid = a.attnum AND o.classid = 1259 AND o.deptype = 'i'
    LEFT JOIN pg_sequence s ON s.seqrelid = o.objid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'p')
) x

-- view table_constraints
SELECT current_database(), n.nspname, c.conname, current_database(), rn.nspname, r.relname,
    CASE c.contype WHEN 'c' THEN 'CHECK' WHEN 'f' THEN 'FOREIGN KEY' WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END,
    CASE WHEN c.condeferrable THEN 'YES' ELSE 'NO' END,
    CASE WHEN c.condeferred THEN 'YES' ELSE 'NO' END,
    'YES',
    CASE WHEN c.contype = 'u' THEN
        CASE WHEN (SELECT NOT i.indnullsnotdistinct FROM pg_index i WHERE i.indexrelid = c.conindid) THEN 'YES' ELSE 'NO' END
    END
FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace
JOIN pg_class r ON r.oid = c.conrelid
JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.contype IN ('c', 'f', 'p', 'u') AND r.relkind IN ('r', 'p')
UNION ALL
SELECT current_database(), n.nspname,
    n.oid::text || '_' || r.oid::text || '_' || a.attnum::text || '_not_null',
    current_database(), n.nspname, r.relname, 'CHECK', 'NO', 'NO', 'YES', NULL
FROM pg_attribute a
JOIN pg_class r ON r.oid = a.attrelid
JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p')

-- view check_constraints
SELECT current_database(), n.nspname, c.conname, substring(pg_get_constraintdef(c.oid) FROM 7)
FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace
WHERE c.contype = 'c'
UNION ALL
SELECT current_database(), n.nspname,
    n.oid::text || '_' || r.oid::text || '_' || a.attnum::text || '_not_null',
    a.attname || ' IS NOT NULL'
FROM pg_attribute a
JOIN pg_class r ON r.oid = a.attrelid
JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p')

-- view key_column_usage
SELECT current_database(), n.nspname, c.conname, current_database(), rn.nspname, r.relname, a.attname, k.place,
    CASE WHEN c.contype = 'f' THEN array_position(p.conkey, c.confkey[k.place]) END
FROM pg_constraint c
CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (number, place)
JOIN pg_namespace n ON n.oid = c.connamespace
JOIN pg_class r ON r.oid = c.conrelid
JOIN pg_namespace rn ON rn.oid = r.relnamespace
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
LEFT JOIN pg_constraint p ON c.contype = 'f' AND p.conindid = c.conindid AND p.conrelid = c.confrelid AND p.contype IN ('p', 'u')
WHERE c.contype IN ('p', 'u', 'f') AND r.relkind IN ('r', 'p')

-- view constraint_column_usage
SELECT current_database(), rn.nspname, r.relname, a.attname, current_database(), n.nspname, c.conname
FROM pg_constraint c
CROSS JOIN LATERAL unnest(CASE WHEN c.contype = 'f' THEN c.confkey ELSE c.conkey END) AS k (number)
JOIN pg_namespace n ON n.oid = c.connamespace
JOIN pg_class r ON r.oid = CASE WHEN c.contype = 'f' THEN c.confrelid ELSE c.conrelid END
JOIN pg_namespace rn ON rn.oid = r.relnamespace
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.number
WHERE c.contype IN ('c', 'f', 'p', 'u') AND r.relkind IN ('r', 'p')

-- view constraint_table_usage
SELECT current_database(), rn.nspname, r.relname, current_database(), n.nspname, c.conname
FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace
JOIN pg_class r ON r.oid = CASE WHEN c.contype = 'f' THEN c.confrelid ELSE c.conrelid END
JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.contype IN ('f', 'p', 'u') AND r.relkind IN ('r', 'p')

-- view referential_constraints
SELECT current_database(), n.nspname, c.conname,
    CASE WHEN pn.nspname IS NULL THEN NULL ELSE current_database() END, pn.nspname, p.conname,
    CASE c.confmatchtype WHEN 'f' THEN 'FULL' WHEN 'p' THEN 'PARTIAL' WHEN 's' THEN 'NONE' END,
    CASE c.confupdtype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT' WHEN 'a' THEN 'NO ACTION' END,
    CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT' WHEN 'a' THEN 'NO ACTION' END
FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace
LEFT JOIN pg_constraint p ON p.conindid = c.conindid AND p.conrelid = c.confrelid AND p.contype IN ('p', 'u')
LEFT JOIN pg_namespace pn ON pn.oid = p.connamespace
WHERE c.contype = 'f'

-- view sequences
SELECT current_database(), n.nspname, c.relname, format_type(s.seqtypid, NULL),
    CASE s.seqtypid WHEN 21 THEN 16 WHEN 23 THEN 32 ELSE 64 END, 2, 0,
    s.seqstart::text, s.seqmin::text, s.seqmax::text, s.seqincrement::text,
    CASE WHEN s.seqcycle THEN 'YES' ELSE 'NO' END
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 1259 AND d.objid = c.oid AND d.deptype = 'i')

-- view enabled_roles
SELECT rolname FROM pg_authid

-- view applicable_roles
SELECT m.rolname, r.rolname, CASE WHEN a.admin_option THEN 'YES' ELSE 'NO' END
FROM pg_auth_members a
JOIN pg_authid m ON m.oid = a.member
JOIN pg_authid r ON r.oid = a.roleid

-- view character_sets
SELECT NULL, NULL, 'UTF8', 'UCS', 'UTF8', current_database(), 'pg_catalog', 'default'

-- view collations
SELECT current_database(), n.nspname, c.collname, 'NO PAD'
FROM pg_collation c
JOIN pg_namespace n ON n.oid = c.collnamespace

-- view triggers
SELECT current_database(), x.nspname, x.tgname, x.event, current_database(), x.nspname, x.relname,
    rank() OVER (PARTITION BY x.nspname, x.relname, x.event, x.orientation, x.timing ORDER BY x.tgname),
    (regexp_match(x.definition, ' WHEN \((.+)\) EXECUTE FUNCTION '))[1],
    substr(x.definition, position(' EXECUTE FUNCTION ' IN x.definition) + 1),
    x.orientation, x.timing, x.tgoldtable, x.tgnewtable, NULL, NULL, NULL
FROM (
    SELECT n.nspname, c.relname, t.tgname, e.event, pg_get_triggerdef(t.oid) AS definition,
        CASE t.tgtype & 1 WHEN 1 THEN 'ROW' ELSE 'STATEMENT' END AS orientation,
        CASE t.tgtype & 66 WHEN 2 THEN 'BEFORE' WHEN 64 THEN 'INSTEAD OF' ELSE 'AFTER' END AS timing,
        t.tgoldtable, t.tgnewtable
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN (VALUES (4, 'INSERT'), (8, 'DELETE'), (16, 'UPDATE')) AS e (bit, event) ON t.tgtype & e.bit <> 0
    WHERE NOT t.tgisinternal AND NOT pg_is_other_temp_schema(n.oid)
        AND (pg_has_role(c.relowner, 'USAGE')
            OR has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))
) x

-- view domains
SELECT current_database(), n.nspname, t.typname,
    CASE
        WHEN b.typelem <> 0 AND b.typlen = -1 THEN 'ARRAY'
        WHEN bn.nspname = 'pg_catalog' THEN format_type(b.oid, NULL)
        ELSE 'USER-DEFINED'
    END,
    information_schema._pg_char_max_length(b.oid, t.typtypmod),
    information_schema._pg_char_octet_length(b.oid, t.typtypmod),
    NULL, NULL, NULL,
    CASE WHEN l.collname IS NOT NULL THEN current_database() END,
    CASE WHEN l.collname IS NOT NULL THEN 'pg_catalog' END,
    l.collname,
    information_schema._pg_numeric_precision(b.oid, t.typtypmod),
    information_schema._pg_numeric_precision_radix(b.oid, t.typtypmod),
    information_schema._pg_numeric_scale(b.oid, t.typtypmod),
    information_schema._pg_datetime_precision(b.oid, t.typtypmod),
    CASE WHEN b.oid = 1186 THEN upper(substring(format_type(b.oid, t.typtypmod) FROM '^interval (.*)$')) END, NULL,
    t.typdefault,
    current_database(), bn.nspname, b.typname,
    NULL, NULL, NULL, NULL,
    1
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
JOIN pg_type b ON b.oid = t.typbasetype
JOIN pg_namespace bn ON bn.oid = b.typnamespace
LEFT JOIN pg_collation l ON l.oid = t.typcollation AND l.collname <> 'default'
WHERE t.typtype = 'd'

-- view domain_constraints
SELECT current_database(), n.nspname, c.conname, current_database(), tn.nspname, t.typname,
    CASE WHEN c.condeferrable THEN 'YES' ELSE 'NO' END,
    CASE WHEN c.condeferred THEN 'YES' ELSE 'NO' END
FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace
JOIN pg_type t ON t.oid = c.contypid
JOIN pg_namespace tn ON tn.oid = t.typnamespace

-- view domain_udt_usage
SELECT current_database(), bn.nspname, b.typname, current_database(), n.nspname, t.typname
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
JOIN pg_type b ON b.oid = t.typbasetype
JOIN pg_namespace bn ON bn.oid = b.typnamespace
WHERE t.typtype = 'd'

-- view column_domain_usage
SELECT current_database(), tn.nspname, t.typname, current_database(), n.nspname, c.relname, a.attname
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_namespace tn ON tn.oid = t.typnamespace
WHERE t.typtype = 'd' AND a.attnum > 0 AND c.relkind IN ('r', 'v', 'p')

-- view routines
SELECT current_database(), n.nspname, nameconcatoid(p.proname, p.oid), current_database(), n.nspname, p.proname,
    CASE p.prokind WHEN 'f' THEN 'FUNCTION' WHEN 'p' THEN 'PROCEDURE' END,
    NULL, NULL, NULL, NULL, NULL, NULL,
    CASE
        WHEN p.prokind = 'p' THEN NULL
        WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY'
        WHEN tn.nspname = 'pg_catalog' THEN format_type(t.oid, NULL)
        ELSE 'USER-DEFINED'
    END,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    CASE WHEN tn.nspname IS NOT NULL THEN current_database() END, tn.nspname, t.typname,
    NULL, NULL, NULL, NULL,
    CASE WHEN p.prokind <> 'p' THEN 0 END,
    CASE WHEN l.lanname = 'sql' THEN 'SQL' ELSE 'EXTERNAL' END,
    CASE WHEN pg_has_role(p.proowner, 'USAGE') THEN p.prosrc END,
    CASE WHEN l.lanname = 'c' THEN p.prosrc END,
    upper(l.lanname::text), 'GENERAL',
    CASE WHEN p.provolatile = 'i' THEN 'YES' ELSE 'NO' END,
    'MODIFIES',
    CASE WHEN p.prokind <> 'p' THEN CASE WHEN p.proisstrict THEN 'YES' ELSE 'NO' END END,
    NULL, 'YES', 0, NULL, NULL,
    CASE WHEN p.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END,
    NULL, NULL, NULL, 'NO', NULL, NULL, NULL, 'NO',
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_type t ON t.oid = p.prorettype AND p.prokind <> 'p'
LEFT JOIN pg_namespace tn ON tn.oid = t.typnamespace
WHERE pg_has_role(p.proowner, 'USAGE') OR has_function_privilege(p.oid, 'EXECUTE')

-- view attributes
SELECT current_database(), x.nspname, x.relname, x.attname, x.attnum, NULL,
    CASE WHEN x.is_required THEN 'NO' ELSE 'YES' END,
    CASE
        WHEN x.is_array THEN 'ARRAY'
        WHEN x.type_schema = 'pg_catalog' THEN format_type(x.atttypid, NULL)
        ELSE 'USER-DEFINED'
    END,
    information_schema._pg_char_max_length(x.base, x.modifier),
    information_schema._pg_char_octet_length(x.base, x.modifier),
    NULL, NULL, NULL,
    CASE WHEN x.collname IS NOT NULL THEN current_database() END,
    CASE WHEN x.collname IS NOT NULL THEN 'pg_catalog' END,
    x.collname,
    information_schema._pg_numeric_precision(x.base, x.modifier),
    information_schema._pg_numeric_precision_radix(x.base, x.modifier),
    information_schema._pg_numeric_scale(x.base, x.modifier),
    information_schema._pg_datetime_precision(x.base, x.modifier),
    CASE WHEN x.base = 1186 THEN upper(substring(format_type(x.base, x.modifier) FROM '^interval (.*)$')) END, NULL,
    current_database(), x.type_schema, x.typname,
    NULL, NULL, NULL, NULL,
    x.attnum,
    'NO'
FROM (
    SELECT n.nspname, c.relname, a.attname, a.attnum, a.atttypid, t.typname, tn.nspname AS type_schema,
        a.attnotnull OR t.typtype = 'd' AND t.typnotnull AS is_required,
        t.typelem <> 0 AND t.typlen = -1 AS is_array,
        CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END AS base,
        CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier,
        l.collname
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_namespace tn ON tn.oid = t.typnamespace
    LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.collname <> 'default'
    WHERE c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped
) x

-- view parameters
SELECT current_database(), n.nspname, nameconcatoid(p.proname, p.oid), x.n,
    CASE coalesce(p.proargmodes[x.n], 'i') WHEN 'i' THEN 'IN' WHEN 'v' THEN 'IN' WHEN 'b' THEN 'INOUT' ELSE 'OUT' END,
    'NO', 'NO',
    nullif(p.proargnames[x.n], ''),
    CASE
        WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY'
        WHEN tn.nspname = 'pg_catalog' THEN format_type(t.oid, NULL)
        ELSE 'USER-DEFINED'
    END,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    current_database(), tn.nspname, t.typname,
    NULL, NULL, NULL, NULL,
    x.n,
    CASE WHEN pg_has_role(p.proowner, 'USAGE') THEN pg_get_function_arg_default(p.oid, x.n::int) END
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY AS x (type, n)
JOIN pg_type t ON t.oid = x.type
JOIN pg_namespace tn ON tn.oid = t.typnamespace
WHERE pg_has_role(p.proowner, 'USAGE') OR has_function_privilege(p.oid, 'EXECUTE')

-- view table_privileges
SELECT g.rolname, coalesce(r.rolname, 'PUBLIC'), current_database(), n.nspname, c.relname, a.privilege_type,
    CASE WHEN pg_has_role(r.oid, c.relowner, 'USAGE') OR a.is_grantable THEN 'YES' ELSE 'NO' END,
    CASE WHEN a.privilege_type = 'SELECT' THEN 'YES' ELSE 'NO' END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
JOIN pg_authid g ON g.oid = a.grantor
LEFT JOIN pg_authid r ON r.oid = a.grantee
WHERE c.relkind IN ('r', 'v', 'p') AND (r.oid IS NOT NULL OR a.grantee = 0)
    AND a.privilege_type IN ('INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER')
    AND (pg_has_role(g.oid, 'USAGE') OR a.grantee = 0 OR pg_has_role(r.oid, 'USAGE'))

-- view column_privileges
SELECT g.rolname, coalesce(r.rolname, 'PUBLIC'), current_database(), n.nspname, x.relname, x.attname, x.privilege_type,
    CASE WHEN pg_has_role(r.oid, x.relowner, 'USAGE') OR x.is_grantable THEN 'YES' ELSE 'NO' END
FROM (
    SELECT c.relnamespace, c.relname, c.relowner, a.attname, e.grantor, e.grantee, e.privilege_type, e.is_grantable
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid
    CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) e
    WHERE c.relkind IN ('r', 'v', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT c.relnamespace, c.relname, c.relowner, a.attname, e.grantor, e.grantee, e.privilege_type, e.is_grantable
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid
    CROSS JOIN LATERAL aclexplode(coalesce(a.attacl, acldefault('c', c.relowner))) e
    WHERE c.relkind IN ('r', 'v', 'p') AND a.attnum > 0 AND NOT a.attisdropped
) x
JOIN pg_namespace n ON n.oid = x.relnamespace
JOIN pg_authid g ON g.oid = x.grantor
LEFT JOIN pg_authid r ON r.oid = x.grantee
WHERE (r.oid IS NOT NULL OR x.grantee = 0) AND x.privilege_type IN ('INSERT', 'SELECT', 'UPDATE', 'REFERENCES')
    AND (pg_has_role(g.oid, 'USAGE') OR x.grantee = 0 OR pg_has_role(r.oid, 'USAGE'))

-- view usage_privileges
SELECT u.rolname, 'PUBLIC', current_database(), n.nspname, c.collname, 'COLLATION', 'USAGE', 'NO'
FROM pg_collation c
JOIN pg_namespace n ON n.oid = c.collnamespace
JOIN pg_authid u ON u.oid = c.collowner
WHERE c.collencoding IN (-1, 6)
UNION ALL
SELECT g.rolname, coalesce(r.rolname, 'PUBLIC'), current_database(), n.nspname, x.name, x.kind, x.privilege_type,
    CASE WHEN pg_has_role(r.oid, x.owner, 'USAGE') OR x.is_grantable THEN 'YES' ELSE 'NO' END
FROM (
    SELECT t.typname AS name, 'DOMAIN' AS kind, t.typnamespace AS namespace, t.typowner AS owner,
        e.grantor, e.grantee, e.privilege_type, e.is_grantable
    FROM pg_type t
    CROSS JOIN LATERAL aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) e
    WHERE t.typtype = 'd'
    UNION ALL
    SELECT c.relname, 'SEQUENCE', c.relnamespace, c.relowner, e.grantor, e.grantee, e.privilege_type, e.is_grantable
    FROM pg_class c
    CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('s', c.relowner))) e
    WHERE c.relkind = 'S'
) x
JOIN pg_namespace n ON n.oid = x.namespace
JOIN pg_authid g ON g.oid = x.grantor
LEFT JOIN pg_authid r ON r.oid = x.grantee
WHERE (r.oid IS NOT NULL OR x.grantee = 0) AND x.privilege_type = 'USAGE'
    AND (pg_has_role(g.oid, 'USAGE') OR x.grantee = 0 OR pg_has_role(r.oid, 'USAGE'))
