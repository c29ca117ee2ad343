DROP TABLE product;
DROP TABLE category;
DROP TYPE stage;
