ALTER TABLE category ADD COLUMN note text;
COMMENT ON TABLE category IS 'what products are in';
CREATE INDEX category_note ON category (lower(note));
UPDATE category SET note = 'moved' WHERE note IS NULL;
