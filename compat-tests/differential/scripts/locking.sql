-- Two sessions: row locks, waiting, advisory locks, notifications, what one sees of the other.
CREATE TABLE l (id int PRIMARY KEY, n int);
INSERT INTO l VALUES (1, 10), (2, 20);
SELECT * FROM l ORDER BY id FOR UPDATE;
SELECT * FROM l ORDER BY id FOR NO KEY UPDATE;
SELECT * FROM l ORDER BY id FOR SHARE OF l;
SELECT * FROM l ORDER BY id FOR KEY SHARE NOWAIT;
SELECT * FROM l ORDER BY id FOR UPDATE SKIP LOCKED;
SELECT * FROM l x ORDER BY id FOR UPDATE OF l;
SELECT * FROM l x ORDER BY id FOR UPDATE OF x;
SELECT n, count(*) FROM l GROUP BY n FOR UPDATE;
SELECT DISTINCT n FROM l FOR UPDATE;
SELECT 1 UNION SELECT 2 FOR UPDATE;
SELECT count(*) FROM l FOR UPDATE;
BEGIN;
SELECT n FROM l WHERE id = 1 FOR UPDATE;
--@ session b
SET lock_timeout = '100ms';
SELECT n FROM l WHERE id = 1;
SELECT n FROM l WHERE id = 1 FOR UPDATE NOWAIT;
UPDATE l SET n = 0 WHERE id = 1;
BEGIN;
SELECT n FROM l WHERE id = 1 FOR UPDATE NOWAIT;
ROLLBACK;
--@ session a
UPDATE l SET n = 11 WHERE id = 1;
--@ session b
SELECT n FROM l WHERE id = 1;
--@ session a
COMMIT;
--@ session b
SELECT n FROM l WHERE id = 1;
UPDATE l SET n = n + 1 WHERE id = 1 RETURNING n;
--@ session a
BEGIN;
LOCK TABLE l IN ACCESS EXCLUSIVE MODE;
ROLLBACK;
LOCK TABLE l;
SELECT pg_advisory_lock(10);
--@ session b
SELECT pg_try_advisory_lock(10);
SELECT pg_advisory_lock(10);
SELECT pg_advisory_unlock(10);
--@ session a
SELECT pg_advisory_unlock(10);
--@ session b
SELECT pg_try_advisory_lock(10);
SELECT pg_advisory_unlock_all();
BEGIN;
SELECT pg_advisory_xact_lock(11);
--@ session a
SELECT pg_try_advisory_lock(11);
--@ session b
COMMIT;
--@ session a
SELECT pg_try_advisory_lock(11);
LISTEN news;
NOTIFY news, 'own';
BEGIN;
NOTIFY news, 'in block';
SELECT 1;
COMMIT;
UNLISTEN news;
NOTIFY news, 'nobody';
UNLISTEN *;
NOTIFY nothing;
SET statement_timeout = '50ms';
SELECT pg_sleep(1);
RESET statement_timeout;
