-- pg_prepared_statements: what PREPARE made, and what it says of that.
CREATE TABLE s (a int PRIMARY KEY, b text, d date);
SELECT * FROM pg_prepared_statements;
PREPARE one AS SELECT 1;
prepare  two (int, text, int[]) as
  SELECT $1, $2, $3;
PREPARE three AS INSERT INTO s VALUES ($1, $2, $3);
PREPARE four AS SELECT a FROM s WHERE b = $2 AND d < $1;
SELECT name, statement, parameter_types, from_sql FROM pg_prepared_statements ORDER BY name;
SELECT name, parameter_types::text, parameter_types::oid[] FROM pg_prepared_statements ORDER BY name;
SELECT pg_typeof(parameter_types), cardinality(parameter_types) FROM pg_prepared_statements ORDER BY name;
SELECT bool_and(prepare_time BETWEEN now() - interval '1 hour' AND clock_timestamp()) FROM pg_prepared_statements;
EXECUTE one;
EXECUTE one;
SELECT name, generic_plans, custom_plans FROM pg_prepared_statements ORDER BY name;
PREPARE one AS SELECT 2;
--@ block
SELECT 5;
PREPARE five AS SELECT 6;
SELECT 7;
--@ end
SELECT statement FROM pg_prepared_statements WHERE name = 'five';
DEALLOCATE five;
DEALLOCATE PREPARE two;
SELECT name FROM pg_prepared_statements ORDER BY name;
BEGIN;
PREPARE six AS SELECT 6;
ROLLBACK;
SELECT count(*), max(name) FROM pg_prepared_statements;
SELECT p.name, s.a FROM pg_prepared_statements p LEFT JOIN s ON true ORDER BY 1;
--@ session b
SELECT count(*) FROM pg_prepared_statements;
--@ session a
DISCARD PLANS;
SELECT name FROM pg_prepared_statements ORDER BY name;
DEALLOCATE ALL;
SELECT count(*) FROM pg_prepared_statements;
PREPARE one AS SELECT 1;
DISCARD ALL;
SELECT count(*) FROM pg_prepared_statements;
