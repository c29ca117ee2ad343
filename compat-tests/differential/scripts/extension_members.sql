-- What belongs to an extension, as pg_dump asks for it.
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
SELECT e.extname, d.classid::regclass, p.proname, d.deptype FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid WHERE d.deptype = 'e' AND (p.proname IS NULL OR p.proname IN ('uuid_generate_v4', 'uuid_nil', 'uuid_ns_dns', 'uuid_ns_url', 'uuid_ns_oid', 'uuid_ns_x500') OR p.proname LIKE 'plpgsql%') ORDER BY 1, 2, 3;
DROP EXTENSION "uuid-ossp";
SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e';
SELECT count(*) FROM pg_proc WHERE proname LIKE 'uuid\_%' AND pronargs = 0 AND pronamespace = 'public'::regnamespace;
