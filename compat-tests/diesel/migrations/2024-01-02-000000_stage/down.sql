ALTER TABLE products DROP COLUMN stage;
DROP TYPE stage;
