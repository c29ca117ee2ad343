-- Whose a function is, and what pg_dump writes about it.
CREATE ROLE dfo_owner;
CREATE FUNCTION dfo_one(a int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION dfo_one(a text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION dfo_two() RETURNS int LANGUAGE sql AS 'SELECT 2';
ALTER FUNCTION dfo_one(int) OWNER TO dfo_owner;
ALTER FUNCTION public.dfo_two() OWNER TO dfo_owner;
ALTER FUNCTION dfo_two OWNER TO postgres;
ALTER FUNCTION dfo_two OWNER TO current_user;
ALTER FUNCTION dfo_one OWNER TO dfo_owner;
ALTER FUNCTION dfo_one(boolean) OWNER TO dfo_owner;
ALTER FUNCTION dfo_three() OWNER TO dfo_owner;
ALTER FUNCTION dfo_two() OWNER TO dfo_nobody;
SELECT proname, pg_get_function_identity_arguments(oid), pg_get_userbyid(proowner) FROM pg_proc WHERE proname LIKE 'dfo%' ORDER BY 1, 2;
DROP ROLE dfo_owner;
DROP FUNCTION dfo_one(int);
DROP FUNCTION dfo_one(text), dfo_two();
DROP ROLE dfo_owner;
