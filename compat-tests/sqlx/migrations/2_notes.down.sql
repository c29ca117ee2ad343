DROP INDEX product_name;
ALTER TABLE product DROP COLUMN note;
