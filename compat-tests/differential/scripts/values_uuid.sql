-- uuid: the forms that are read.
--@ extended
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
SELECT 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid;
SELECT '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'::uuid;
SELECT 'a0eebc999c0b4ef8bb6d6bb9bd380a11'::uuid;
SELECT 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11'::uuid;
SELECT '00000000-0000-0000-0000-000000000000'::uuid;
SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid;
SELECT ''::uuid;
SELECT 'a0eebc99'::uuid;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1'::uuid;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11x'::uuid;
SELECT 'g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
SELECT '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
CREATE TABLE v (id int PRIMARY KEY, x uuid);
INSERT INTO v VALUES (1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
INSERT INTO v VALUES (2, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
INSERT INTO v VALUES (3, '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}');
INSERT INTO v VALUES (4, 'a0eebc999c0b4ef8bb6d6bb9bd380a11');
INSERT INTO v VALUES (5, 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11');
INSERT INTO v VALUES (6, '00000000-0000-0000-0000-000000000000');
INSERT INTO v VALUES (7, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
INSERT INTO v VALUES (8, NULL);
SELECT id, x FROM v ORDER BY id;
SELECT id, x::text FROM v ORDER BY id;
SELECT count(x), count(*) FROM v;
INSERT INTO v VALUES (100, '');
INSERT INTO v VALUES (100, 'a0eebc99');
INSERT INTO v VALUES (100, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1');
--@ bind 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
SELECT id FROM v WHERE x = $1 ORDER BY id;
--@ bind 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'
SELECT id FROM v WHERE x = $1 ORDER BY id;
SELECT x, id FROM v ORDER BY x, id;
SELECT x, id FROM v ORDER BY x DESC, id;
SELECT DISTINCT x FROM v;
SELECT x, count(*) FROM v GROUP BY x;
SELECT a.id, b.id FROM v a JOIN v b ON a.x < b.x ORDER BY 1, 2;
--@ bind 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
SELECT $1::uuid;
--@ bind 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'
SELECT $1::uuid;
--@ bind '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'
SELECT $1::uuid;
--@ bind 'a0eebc999c0b4ef8bb6d6bb9bd380a11'
SELECT $1::uuid;
--@ bind 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11'
SELECT $1::uuid;
--@ bind '00000000-0000-0000-0000-000000000000'
SELECT $1::uuid;
--@ bind ''
SELECT $1::uuid;
--@ bind 'a0eebc99'
SELECT $1::uuid;
--@ bind 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1'
SELECT $1::uuid;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid = 'A0EEBC999C0B4EF8BB6D6BB9BD380A11';
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid::text || '';
SELECT length(gen_random_uuid()::text), gen_random_uuid() <> gen_random_uuid();
SELECT min(x) FROM v;
SELECT 'x'::uuid || 'y';
SELECT count(DISTINCT x) FROM v;
SELECT id FROM v WHERE x IN ('a0eebc999c0b4ef8bb6d6bb9bd380a11', '00000000000000000000000000000000') ORDER BY id;
SELECT 1::uuid;
