-- Twenty-two questions of a wholesaler's warehouse, each of the shape of a query of TPC-H, over data that
-- arithmetic makes: joins of up to eight tables, correlated subqueries, outer joins, CASE in sums, views.

CREATE TABLE region (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE nation (id int PRIMARY KEY, name text NOT NULL, region_id int NOT NULL REFERENCES region);
CREATE TABLE supplier (id int PRIMARY KEY, name text NOT NULL, nation_id int NOT NULL REFERENCES nation,
    balance numeric(12, 2) NOT NULL, remark text NOT NULL);
CREATE TABLE part (id int PRIMARY KEY, name text NOT NULL, brand char(8) NOT NULL, kind text NOT NULL, size int NOT NULL,
    container text NOT NULL, price numeric(12, 2) NOT NULL);
CREATE TABLE stock (part_id int NOT NULL REFERENCES part, supplier_id int NOT NULL REFERENCES supplier,
    available int NOT NULL, cost numeric(12, 2) NOT NULL, PRIMARY KEY (part_id, supplier_id));
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, nation_id int NOT NULL REFERENCES nation,
    phone text NOT NULL, balance numeric(12, 2) NOT NULL, segment text NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer, status char(1) NOT NULL,
    total numeric(12, 2) NOT NULL, ordered date NOT NULL, priority text NOT NULL, remark text NOT NULL);
CREATE TABLE line (order_id int NOT NULL REFERENCES orders, number int NOT NULL, part_id int NOT NULL, supplier_id int NOT NULL,
    quantity numeric(12, 2) NOT NULL, price numeric(12, 2) NOT NULL, discount numeric(12, 2) NOT NULL, tax numeric(12, 2) NOT NULL,
    returned char(1) NOT NULL, status char(1) NOT NULL, shipped date NOT NULL, promised date NOT NULL, received date NOT NULL,
    instruction text NOT NULL, mode text NOT NULL, PRIMARY KEY (order_id, number),
    FOREIGN KEY (part_id, supplier_id) REFERENCES stock);

INSERT INTO region SELECT i, (ARRAY['north', 'south', 'east', 'west', 'islands'])[i + 1] FROM generate_series(0, 4) i;
INSERT INTO nation SELECT i, 'nation ' || chr(65 + i), i % 5 FROM generate_series(0, 24) i;
INSERT INTO supplier SELECT i, 'supplier ' || lpad(i::text, 4, '0'), (i * 7) % 25, ((i * 7919) % 1099900 - 99900) / 100.0,
    CASE WHEN i % 13 = 0 THEN 'a customer has complaints' ELSE 'nothing to tell' END FROM generate_series(1, 40) i;
INSERT INTO part SELECT i, (ARRAY['green', 'blue', 'red', 'white', 'forest'])[i % 5 + 1] || ' ' || (ARRAY['bolt', 'wheel', 'lamp'])[i % 3 + 1],
    'brand ' || (i * 3) % 10, (ARRAY['plain', 'polished', 'coated'])[i % 3 + 1] || ' ' || (ARRAY['steel', 'brass', 'tin', 'copper'])[i % 4 + 1],
    i % 50 + 1, (ARRAY['small box', 'large box', 'medium bag', 'jumbo drum'])[i % 4 + 1], 900 + (i % 200) + (i * 13 % 100) / 100.0
    FROM generate_series(1, 200) i;
INSERT INTO stock SELECT p, (p + s * 10) % 40 + 1, (p * 31 + s * 17) % 999 + 1, ((p * 37 + s * 1009) % 100000) / 100.0
    FROM generate_series(1, 200) p, generate_series(0, 3) s;
INSERT INTO customer SELECT i, 'customer ' || lpad(i::text, 5, '0'), (i * 11) % 25, (10 + (i * 11) % 25) || '-' || lpad((i * 733 % 1000)::text, 3, '0'),
    ((i * 6151) % 1099900 - 99900) / 100.0, (ARRAY['building', 'machines', 'furniture', 'household', 'cars'])[i % 5 + 1]
    FROM generate_series(1, 150) i;
INSERT INTO orders SELECT i, (i * 7) % 100 + 1, (ARRAY['F', 'O', 'P'])[i % 3 + 1], 1000 + (i * 7621 % 300000) / 100.0,
    date '2021-01-01' + (i * 17) % 1400, (ARRAY['1 urgent', '2 high', '3 medium', '4 low'])[i % 4 + 1],
    CASE WHEN i % 19 = 0 THEN 'special wishes and requests' ELSE 'as ever' END FROM generate_series(1, 1500) i;
INSERT INTO line SELECT o.id, n, p.id, (p.id + ((o.id + n) % 4) * 10) % 40 + 1, (o.id * n) % 50 + 1,
    ((o.id * n) % 50 + 1) * p.price, (o.id + n) % 11 / 100.0, (o.id * 3 + n) % 9 / 100.0,
    CASE WHEN (o.id + n) % 4 = 0 THEN 'R' WHEN (o.id + n) % 4 = 1 THEN 'A' ELSE 'N' END,
    CASE WHEN (o.id * n) % 2 = 0 THEN 'O' ELSE 'F' END,
    o.ordered + (o.id + n * 5) % 60 + 1, o.ordered + 30 + (o.id % 30), o.ordered + (o.id + n * 5) % 60 + 1 + n * 7,
    (ARRAY['in person', 'collect', 'none', 'take back'])[(o.id + n) % 4 + 1],
    (ARRAY['air', 'rail', 'ship', 'truck', 'mail', 'air reg', 'fob'])[(o.id + 2 * n) % 7 + 1]
    FROM orders o CROSS JOIN generate_series(1, 4) n JOIN part p ON p.id = (o.id * 13 + n * 29) % 200 + 1 WHERE n <= o.id % 4 + 1;
CREATE INDEX line_part ON line (part_id, supplier_id);
CREATE INDEX orders_customer ON orders (customer_id);
ANALYZE;
SELECT count(*), sum(quantity), sum(price), min(shipped), max(received) FROM line;

-- 1: what was shipped, by state
SELECT returned, status, sum(quantity), sum(price), sum(price * (1 - discount)), sum(price * (1 - discount) * (1 + tax)),
    avg(quantity), avg(price), avg(discount), count(*)
FROM line WHERE shipped <= date '2024-09-01' - interval '90 days' GROUP BY returned, status ORDER BY returned, status;

-- 2: the cheapest supplier of a part in a region
SELECT s.balance, s.name, n.name, p.id, p.kind FROM part p, supplier s, stock k, nation n, region r
WHERE p.id = k.part_id AND s.id = k.supplier_id AND p.size < 25 AND p.kind LIKE '%brass' AND s.nation_id = n.id
    AND n.region_id = r.id AND r.name = 'east'
    AND k.cost = (SELECT min(k2.cost) FROM stock k2, supplier s2, nation n2, region r2 WHERE p.id = k2.part_id
        AND s2.id = k2.supplier_id AND s2.nation_id = n2.id AND n2.region_id = r2.id AND r2.name = 'east')
ORDER BY s.balance DESC, n.name, s.name, p.id LIMIT 100;

-- 3: what is not shipped yet and worth most
SELECT l.order_id, sum(l.price * (1 - l.discount)) AS revenue, o.ordered FROM customer c, orders o, line l
WHERE c.segment = 'building' AND c.id = o.customer_id AND l.order_id = o.id AND o.ordered < date '2023-03-15' AND l.shipped > date '2023-03-15'
GROUP BY l.order_id, o.ordered ORDER BY revenue DESC, o.ordered, l.order_id LIMIT 10;

-- 4: orders with a late line, by priority
SELECT priority, count(*) FROM orders o WHERE ordered >= date '2022-07-01' AND ordered < date '2022-07-01' + interval '3 months'
    AND EXISTS (SELECT * FROM line l WHERE l.order_id = o.id AND l.promised < l.received)
GROUP BY priority ORDER BY priority;

-- 5: what suppliers sell at home
SELECT n.name, sum(l.price * (1 - l.discount)) AS revenue FROM customer c, orders o, line l, supplier s, nation n, region r
WHERE c.id = o.customer_id AND l.order_id = o.id AND l.supplier_id = s.id AND c.nation_id = s.nation_id AND s.nation_id = n.id
    AND n.region_id = r.id AND r.name = 'north' AND o.ordered >= date '2022-01-01' AND o.ordered < date '2022-01-01' + interval '1 year'
GROUP BY n.name ORDER BY revenue DESC;

-- 6: what a discount costs
SELECT sum(price * discount) FROM line WHERE shipped >= date '2022-01-01' AND shipped < date '2022-01-01' + interval '1 year'
    AND discount BETWEEN 0.06 - 0.01 AND 0.06 + 0.01 AND quantity < 24;

-- 7: trade between two nations, by year
SELECT seller, buyer, year, sum(volume) FROM (
    SELECT n1.name AS seller, n2.name AS buyer, extract(year FROM l.shipped) AS year, l.price * (1 - l.discount) AS volume
    FROM supplier s, line l, orders o, customer c, nation n1, nation n2
    WHERE s.id = l.supplier_id AND o.id = l.order_id AND c.id = o.customer_id AND s.nation_id = n1.id AND c.nation_id = n2.id
        AND ((n1.name = 'nation A' AND n2.name = 'nation F') OR (n1.name = 'nation F' AND n2.name = 'nation A'))
        AND l.shipped BETWEEN date '2021-01-01' AND date '2024-12-31') AS shipping
GROUP BY seller, buyer, year ORDER BY seller, buyer, year;

-- 8: a nation's share of a market
SELECT year, sum(CASE WHEN nation = 'nation A' THEN volume ELSE 0 END) / sum(volume) AS share FROM (
    SELECT extract(year FROM o.ordered) AS year, l.price * (1 - l.discount) AS volume, n2.name AS nation
    FROM part p, supplier s, line l, orders o, customer c, nation n1, nation n2, region r
    WHERE p.id = l.part_id AND s.id = l.supplier_id AND l.order_id = o.id AND o.customer_id = c.id AND c.nation_id = n1.id
        AND n1.region_id = r.id AND r.name = 'south' AND s.nation_id = n2.id
        AND o.ordered BETWEEN date '2021-01-01' AND date '2024-12-31' AND p.kind = 'polished steel') AS trade
GROUP BY year ORDER BY year;

-- 9: profit by nation and year
SELECT nation, year, sum(amount) FROM (
    SELECT n.name AS nation, extract(year FROM o.ordered) AS year, l.price * (1 - l.discount) - k.cost * l.quantity AS amount
    FROM part p, supplier s, line l, stock k, orders o, nation n
    WHERE s.id = l.supplier_id AND k.supplier_id = l.supplier_id AND k.part_id = l.part_id AND p.id = l.part_id
        AND o.id = l.order_id AND s.nation_id = n.id AND p.name LIKE '%green%') AS profit
GROUP BY nation, year ORDER BY nation, year DESC;

-- 10: who sends things back
SELECT c.id, c.name, sum(l.price * (1 - l.discount)) AS revenue, c.balance, n.name FROM customer c, orders o, line l, nation n
WHERE c.id = o.customer_id AND l.order_id = o.id AND o.ordered >= date '2022-10-01' AND o.ordered < date '2022-10-01' + interval '3 months'
    AND l.returned = 'R' AND c.nation_id = n.id
GROUP BY c.id, c.name, c.balance, n.name ORDER BY revenue DESC, c.id LIMIT 20;

-- 11: the stock that counts
SELECT k.part_id, sum(k.cost * k.available) AS value FROM stock k, supplier s, nation n
WHERE k.supplier_id = s.id AND s.nation_id = n.id AND n.name = 'nation H' GROUP BY k.part_id
HAVING sum(k.cost * k.available) > (SELECT sum(k.cost * k.available) * 0.01 FROM stock k, supplier s, nation n
    WHERE k.supplier_id = s.id AND s.nation_id = n.id AND n.name = 'nation H')
ORDER BY value DESC, k.part_id;

-- 12: late by way of shipping
SELECT l.mode, sum(CASE WHEN o.priority = '1 urgent' OR o.priority = '2 high' THEN 1 ELSE 0 END) AS high,
    sum(CASE WHEN o.priority <> '1 urgent' AND o.priority <> '2 high' THEN 1 ELSE 0 END) AS low
FROM orders o, line l WHERE o.id = l.order_id AND l.mode IN ('mail', 'ship') AND l.promised < l.received AND l.shipped < l.promised
    AND l.received >= date '2022-01-01' AND l.received < date '2022-01-01' + interval '1 year'
GROUP BY l.mode ORDER BY l.mode;

-- 13: how many orders customers have
SELECT orders, count(*) AS customers FROM (
    SELECT c.id, count(o.id) FROM customer c LEFT OUTER JOIN orders o ON c.id = o.customer_id AND o.remark NOT LIKE '%special%requests%'
    GROUP BY c.id) AS counted (id, orders)
GROUP BY orders ORDER BY customers DESC, orders DESC;

-- 14: what a promotion brings
SELECT 100.00 * sum(CASE WHEN p.kind LIKE 'coated%' THEN l.price * (1 - l.discount) ELSE 0 END) / sum(l.price * (1 - l.discount)) AS promoted
FROM line l, part p WHERE l.part_id = p.id AND l.shipped >= date '2022-09-01' AND l.shipped < date '2022-09-01' + interval '1 month';

-- 15: the best supplier, by a view
CREATE VIEW revenue (supplier_id, total) AS SELECT supplier_id, sum(price * (1 - discount)) FROM line
    WHERE shipped >= date '2023-01-01' AND shipped < date '2023-01-01' + interval '3 months' GROUP BY supplier_id;
SELECT s.id, s.name, r.total FROM supplier s, revenue r WHERE s.id = r.supplier_id AND r.total = (SELECT max(total) FROM revenue) ORDER BY s.id;
DROP VIEW revenue;

-- 16: how many suppliers a kind of part has
SELECT p.brand, p.kind, p.size, count(DISTINCT k.supplier_id) AS suppliers FROM stock k, part p
WHERE p.id = k.part_id AND p.brand <> 'brand 5' AND p.kind NOT LIKE 'plain%' AND p.size IN (49, 14, 23, 45, 19, 3, 36, 9)
    AND k.supplier_id NOT IN (SELECT id FROM supplier WHERE remark LIKE '%customer%complaints%')
GROUP BY p.brand, p.kind, p.size ORDER BY suppliers DESC, p.brand, p.kind, p.size;

-- 17: what small orders bring in a year
SELECT sum(l.price) / 7.0 AS yearly FROM line l, part p WHERE p.id = l.part_id AND p.brand = 'brand 3' AND p.container = 'large box'
    AND l.quantity < (SELECT 0.8 * avg(l2.quantity) FROM line l2 WHERE l2.part_id = p.id);

-- 18: customers with large orders
SELECT c.name, c.id, o.id, o.ordered, o.total, sum(l.quantity) FROM customer c, orders o, line l
WHERE o.id IN (SELECT order_id FROM line GROUP BY order_id HAVING sum(quantity) > 120) AND c.id = o.customer_id AND o.id = l.order_id
GROUP BY c.name, c.id, o.id, o.ordered, o.total ORDER BY o.total DESC, o.ordered, o.id LIMIT 100;

-- 19: one of three kinds of goods
SELECT sum(l.price * (1 - l.discount)) AS revenue FROM line l, part p
WHERE (p.id = l.part_id AND p.brand = 'brand 2' AND p.container IN ('small box', 'large box') AND l.quantity BETWEEN 1 AND 31
        AND p.size BETWEEN 1 AND 35 AND l.mode IN ('air', 'air reg') AND l.instruction = 'in person')
    OR (p.id = l.part_id AND p.brand = 'brand 3' AND p.container = 'medium bag' AND l.quantity >= 10 AND l.quantity <= 40
        AND l.mode IN ('air', 'air reg', 'rail') AND l.instruction = 'collect')
    OR (p.id = l.part_id AND p.brand = 'brand 4' AND p.size > 5 AND l.quantity > 20 AND l.mode = 'truck');

-- 20: suppliers with too much of a part
SELECT s.name FROM supplier s, nation n WHERE s.id IN (
        SELECT k.supplier_id FROM stock k WHERE k.part_id IN (SELECT id FROM part WHERE name LIKE 'forest%')
            AND k.available > (SELECT 0.5 * sum(quantity) FROM line l WHERE l.part_id = k.part_id AND l.supplier_id = k.supplier_id
                AND l.shipped >= date '2022-01-01' AND l.shipped < date '2022-01-01' + interval '1 year'))
    AND s.nation_id = n.id AND n.region_id < 3 ORDER BY s.name;

-- 21: suppliers that kept others waiting
SELECT s.name, count(*) AS waiting FROM supplier s, line l1, orders o, nation n
WHERE s.id = l1.supplier_id AND o.id = l1.order_id AND o.status = 'F' AND l1.received > l1.promised
    AND EXISTS (SELECT * FROM line l2 WHERE l2.order_id = l1.order_id AND l2.supplier_id <> l1.supplier_id)
    AND NOT EXISTS (SELECT * FROM line l3 WHERE l3.order_id = l1.order_id AND l3.supplier_id <> l1.supplier_id AND l3.received > l3.promised)
    AND s.nation_id = n.id AND n.name < 'nation M'
GROUP BY s.name ORDER BY waiting DESC, s.name LIMIT 100;

-- 22: customers that could buy, and don't
SELECT code, count(*), sum(balance) FROM (
    SELECT substring(phone FROM 1 FOR 2) AS code, balance FROM customer c
    WHERE substring(phone FROM 1 FOR 2) IN ('13', '31', '23', '29', '30', '18', '17')
        AND balance > (SELECT avg(balance) FROM customer WHERE balance > 0.00 AND substring(phone FROM 1 FOR 2) IN ('13', '31', '23', '29', '30', '18', '17'))
        AND NOT EXISTS (SELECT * FROM orders o WHERE o.customer_id = c.id)) AS idle
GROUP BY code ORDER BY code;
