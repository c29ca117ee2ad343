CREATE OR REPLACE VIEW named AS SELECT id, upper(name) AS name FROM category;
