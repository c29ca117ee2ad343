CREATE TYPE stage AS ENUM ('open', 'paid');
ALTER TABLE products ADD COLUMN stage stage NOT NULL DEFAULT 'open';
