-- A select list goes from the left, also where it makes settings.
SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new;
SELECT current_setting('jit') AS cur, set_config('jit', 'on', false) AS new, current_setting('jit') AS after;
SELECT set_config('app.user', '7', false), current_setting('app.user');
SELECT current_setting('app.user') || '!', upper(set_config('app.user', 'x', false)), current_setting('app.user', true);
SELECT current_setting('app.' || n), set_config('app.user', 'y', false) FROM (VALUES ('user')) v(n);
SELECT current_setting('app.none', true), set_config('app.none', 'z', false);
BEGIN;
SELECT current_setting('app.user'), set_config('app.user', 'local', true);
SELECT current_setting('app.user');
ROLLBACK;
SELECT current_setting('app.user');
