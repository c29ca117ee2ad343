-- Settings as functions: set_config and current_setting; and small things that dumps ask for.
SELECT set_config('search_path', '', false);
SHOW search_path;
SELECT pg_catalog.set_config('search_path', 'public', false), current_setting('search_path');
BEGIN;
SELECT set_config('statement_timeout', '5000', true);
SHOW statement_timeout;
COMMIT;
SHOW statement_timeout;
SELECT set_config('nosuch_setting', 'x', false);
SELECT set_config(NULL, 'x', false);
SELECT set_config('my.own', 'value', false);
SELECT current_setting('my.' || 'own');
SELECT set_config('my.s' || n, n::text, false) FROM generate_series(1, 3) n;
SELECT current_setting('my.s3'), current_setting('my.9', true);
--@ bind 'here'
SELECT set_config('application_name', $1, false);
SELECT 1 WHERE current_setting('my.own') = 'value';
SELECT * FROM pg_options_to_table(ARRAY['a=1', 'b', 'c=x=y']);
SELECT typname[0], typname[1] FROM pg_type WHERE oid = 23;
SELECT set_config('my.var', 'x', true);
SELECT set_config('timezone', 'utc', false), set_config('jit', NULL, false);
SELECT set_config('work_mem', '8192', false);
RESET ALL;
