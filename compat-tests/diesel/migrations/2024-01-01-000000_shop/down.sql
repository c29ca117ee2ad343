DROP TABLE labels;
DROP TABLE products;
DROP TABLE shops;
