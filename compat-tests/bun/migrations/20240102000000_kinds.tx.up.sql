CREATE TYPE kind AS ENUM ('small', 'big');
--bun:split
ALTER TABLE depots ADD COLUMN kind kind NOT NULL DEFAULT 'big';
