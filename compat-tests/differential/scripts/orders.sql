-- A mix of transactions of the shape of TPC-C's five, of two clients: new orders, payments, questions about an order,
-- deliveries, questions about the stock; with a new order that is rolled back, and the sums that must hold at the end.

CREATE TABLE warehouse (id int PRIMARY KEY, name varchar(10) NOT NULL, tax numeric(4, 4) NOT NULL, taken numeric(12, 2) NOT NULL DEFAULT 0);
CREATE TABLE district (warehouse int REFERENCES warehouse, id int, tax numeric(4, 4) NOT NULL, taken numeric(12, 2) NOT NULL DEFAULT 0,
    next_order int NOT NULL DEFAULT 1, PRIMARY KEY (warehouse, id));
CREATE TABLE customer (warehouse int, district int, id int, name varchar(16) NOT NULL, credit char(2) NOT NULL DEFAULT 'GC',
    discount numeric(4, 4) NOT NULL, balance numeric(12, 2) NOT NULL DEFAULT 0, payments int NOT NULL DEFAULT 0,
    deliveries int NOT NULL DEFAULT 0, notes varchar(60), PRIMARY KEY (warehouse, district, id),
    FOREIGN KEY (warehouse, district) REFERENCES district);
CREATE TABLE history (warehouse int, district int, customer int, amount numeric(6, 2) NOT NULL, what varchar(24));
CREATE TABLE item (id int PRIMARY KEY, name varchar(24) NOT NULL, price numeric(5, 2) NOT NULL);
CREATE TABLE stock (warehouse int REFERENCES warehouse, item int REFERENCES item, quantity int NOT NULL, sold int NOT NULL DEFAULT 0,
    orders int NOT NULL DEFAULT 0, PRIMARY KEY (warehouse, item));
CREATE TABLE placed (warehouse int, district int, id int, customer int NOT NULL, carrier int, lines int NOT NULL,
    PRIMARY KEY (warehouse, district, id), FOREIGN KEY (warehouse, district, customer) REFERENCES customer);
CREATE TABLE waiting (warehouse int, district int, placed int, PRIMARY KEY (warehouse, district, placed),
    FOREIGN KEY (warehouse, district, placed) REFERENCES placed);
CREATE TABLE line (warehouse int, district int, placed int, number int, item int NOT NULL, quantity int NOT NULL, amount numeric(6, 2) NOT NULL,
    delivered boolean NOT NULL DEFAULT false, PRIMARY KEY (warehouse, district, placed, number),
    FOREIGN KEY (warehouse, district, placed) REFERENCES placed, FOREIGN KEY (warehouse, item) REFERENCES stock);
CREATE INDEX customer_name ON customer (warehouse, district, name);

INSERT INTO warehouse SELECT i, 'house ' || i, i / 100.0 FROM generate_series(1, 2) i;
INSERT INTO district SELECT w, d, d / 100.0 FROM generate_series(1, 2) w, generate_series(1, 3) d;
INSERT INTO customer (warehouse, district, id, name, discount) SELECT w, d, c, (ARRAY['BAR', 'OUGHT', 'ABLE'])[c % 3 + 1], c / 1000.0
    FROM generate_series(1, 2) w, generate_series(1, 3) d, generate_series(1, 10) c;
INSERT INTO item SELECT i, 'item ' || i, 1 + i * 7 % 90 + i % 100 / 100.0 FROM generate_series(1, 50) i;
INSERT INTO stock (warehouse, item, quantity) SELECT w, i, 10 + i * 11 % 80 FROM generate_series(1, 2) w, generate_series(1, 50) i;

-- A new order.
BEGIN;
SELECT c.discount, c.name, c.credit, w.tax FROM customer c JOIN warehouse w ON w.id = c.warehouse WHERE c.warehouse = 1 AND c.district = 2 AND c.id = 3;
UPDATE district SET next_order = next_order + 1 WHERE warehouse = 1 AND id = 2 RETURNING next_order - 1 AS number, tax;
INSERT INTO placed VALUES (1, 2, 1, 3, NULL, 3);
INSERT INTO waiting VALUES (1, 2, 1);
UPDATE stock SET quantity = CASE WHEN quantity >= 5 + 10 THEN quantity - 5 ELSE quantity - 5 + 91 END, sold = sold + 5, orders = orders + 1
    WHERE warehouse = 1 AND item = 7 RETURNING quantity;
UPDATE stock SET quantity = CASE WHEN quantity >= 9 + 10 THEN quantity - 9 ELSE quantity - 9 + 91 END, sold = sold + 9, orders = orders + 1
    WHERE warehouse = 1 AND item = 22 RETURNING quantity;
UPDATE stock SET quantity = CASE WHEN quantity >= 1 + 10 THEN quantity - 1 ELSE quantity - 1 + 91 END, sold = sold + 1, orders = orders + 1
    WHERE warehouse = 1 AND item = 50 RETURNING quantity;
INSERT INTO line (warehouse, district, placed, number, item, quantity, amount)
    SELECT 1, 2, 1, v.number, i.id, v.quantity, v.quantity * i.price FROM (VALUES (1, 7, 5), (2, 22, 9), (3, 50, 1)) AS v (number, item, quantity)
    JOIN item i ON i.id = v.item RETURNING number, amount;
SELECT sum(l.amount) * (1 - c.discount) * (1 + w.tax + d.tax) AS total FROM line l
    JOIN customer c ON (c.warehouse, c.district, c.id) = (1, 2, 3) JOIN warehouse w ON w.id = 1 JOIN district d ON (d.warehouse, d.id) = (1, 2)
    WHERE (l.warehouse, l.district, l.placed) = (1, 2, 1) GROUP BY c.discount, w.tax, d.tax;
COMMIT;

-- One with an item that isn't there: all of it is undone.
BEGIN;
UPDATE district SET next_order = next_order + 1 WHERE warehouse = 1 AND id = 2 RETURNING next_order - 1 AS number;
INSERT INTO placed VALUES (1, 2, 2, 4, NULL, 1);
INSERT INTO line VALUES (1, 2, 2, 1, 999, 1, 1.00);
SELECT 1;
ROLLBACK;
SELECT next_order FROM district WHERE warehouse = 1 AND id = 2;

-- A payment by a customer's name, at another client; the one in the middle pays.
--@ session b
BEGIN;
UPDATE warehouse SET taken = taken + 123.45 WHERE id = 1 RETURNING name;
UPDATE district SET taken = taken + 123.45 WHERE warehouse = 1 AND id = 2 RETURNING taken;
SELECT id FROM customer WHERE warehouse = 1 AND district = 2 AND name = 'OUGHT' ORDER BY id
    OFFSET (SELECT (count(*) - 1) / 2 FROM customer WHERE warehouse = 1 AND district = 2 AND name = 'OUGHT') LIMIT 1 FOR UPDATE;
UPDATE customer SET balance = balance - 123.45, payments = payments + 1,
    notes = CASE WHEN credit = 'BC' THEN left('bad ' || coalesce(notes, ''), 60) ELSE notes END
    WHERE warehouse = 1 AND district = 2 AND id = 4 RETURNING balance, payments, notes;
INSERT INTO history VALUES (1, 2, 4, 123.45, 'house 1    district 2');
COMMIT;

-- More of both, in one statement each.
--@ session a
WITH numbers AS (UPDATE district SET next_order = next_order + 2 RETURNING warehouse, id, next_order - 2 AS first)
    INSERT INTO placed SELECT n.warehouse, n.id, n.first + k, (n.id * 3 + k) % 10 + 1, NULL, 2 FROM numbers n, generate_series(0, 1) k;
INSERT INTO waiting SELECT p.warehouse, p.district, p.id FROM placed p LEFT JOIN waiting w ON (w.warehouse, w.district, w.placed) = (p.warehouse, p.district, p.id)
    WHERE w.placed IS NULL;
INSERT INTO line SELECT p.warehouse, p.district, p.id, k, i.id, k * 2, k * 2 * i.price FROM placed p, generate_series(1, 2) k, item i
    WHERE i.id = (p.id * 7 + k * 11 + p.district) % 50 + 1 ON CONFLICT DO NOTHING;
UPDATE stock s SET quantity = s.quantity - l.sold, sold = s.sold + l.sold, orders = s.orders + l.orders
    FROM (SELECT warehouse, item, sum(quantity)::int AS sold, count(*)::int AS orders FROM line WHERE NOT (warehouse = 1 AND district = 2 AND placed = 1)
        GROUP BY warehouse, item) l WHERE l.warehouse = s.warehouse AND l.item = s.item;

-- A customer's last order.
--@ session b
SELECT c.balance, c.name, p.id, p.carrier FROM customer c JOIN placed p ON (p.warehouse, p.district, p.customer) = (c.warehouse, c.district, c.id)
    WHERE c.warehouse = 1 AND c.district = 2 AND c.id = 8 ORDER BY p.id DESC LIMIT 1;
SELECT item, quantity, amount, delivered FROM line WHERE warehouse = 1 AND district = 2 AND placed = 3 ORDER BY number;

-- Deliveries: the oldest waiting order of each district.
--@ session a
BEGIN;
DELETE FROM waiting w USING (SELECT warehouse, district, min(placed) AS placed FROM waiting WHERE warehouse = 1 GROUP BY warehouse, district) o
    WHERE w.warehouse = o.warehouse AND w.district = o.district AND w.placed = o.placed;
SELECT count(*) FROM waiting WHERE warehouse = 1;
UPDATE placed p SET carrier = 6 WHERE warehouse = 1 AND carrier IS NULL
    AND NOT EXISTS (SELECT FROM waiting w WHERE (w.warehouse, w.district, w.placed) = (p.warehouse, p.district, p.id)) RETURNING district, id, customer;
UPDATE line l SET delivered = true FROM placed p WHERE p.warehouse = l.warehouse AND p.district = l.district AND p.id = l.placed AND p.carrier = 6;
UPDATE customer c SET balance = balance + d.amount, deliveries = deliveries + 1
    FROM (SELECT p.warehouse, p.district, p.customer, sum(l.amount) AS amount FROM placed p JOIN line l ON (l.warehouse, l.district, l.placed) = (p.warehouse, p.district, p.id)
        WHERE p.carrier = 6 GROUP BY p.warehouse, p.district, p.customer) d
    WHERE (c.warehouse, c.district, c.id) = (d.warehouse, d.district, d.customer) RETURNING c.district, c.id, c.balance, c.deliveries;
COMMIT;

-- Items that run low in what was ordered last.
--@ session b
SELECT count(DISTINCT s.item) FROM district d JOIN line l ON l.warehouse = d.warehouse AND l.district = d.id AND l.placed BETWEEN d.next_order - 20 AND d.next_order - 1
    JOIN stock s ON s.warehouse = l.warehouse AND s.item = l.item WHERE d.warehouse = 1 AND d.id = 2 AND s.quantity < 40;

-- What must hold.
SELECT w.id, w.taken = (SELECT sum(taken) FROM district d WHERE d.warehouse = w.id) AS taken FROM warehouse w ORDER BY w.id;
SELECT d.warehouse, d.id, d.next_order - 1 = max(p.id) AS numbered, count(*) AS orders FROM district d JOIN placed p ON (p.warehouse, p.district) = (d.warehouse, d.id)
    GROUP BY d.warehouse, d.id, d.next_order ORDER BY d.warehouse, d.id;
SELECT sum(sold) = (SELECT sum(quantity) FROM line) AS sold, sum(orders) = (SELECT count(*) FROM line) AS orders FROM stock;
SELECT count(*) = (SELECT count(*) FROM placed WHERE carrier IS NULL) AS waiting FROM waiting;
SELECT c.warehouse, sum(c.balance) - (SELECT coalesce(sum(l.amount), 0) FROM line l WHERE l.delivered AND l.warehouse = c.warehouse)
    + coalesce((SELECT sum(amount) FROM history h WHERE h.warehouse = c.warehouse), 0) AS difference FROM customer c GROUP BY c.warehouse ORDER BY c.warehouse;
