ALTER TABLE product ADD COLUMN note text;
CREATE INDEX product_name ON product (lower(name));
