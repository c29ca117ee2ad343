CREATE TYPE stage AS ENUM ('open', 'paid');
CREATE TABLE category (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE product (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id bigint NOT NULL REFERENCES category ON DELETE CASCADE,
    name text NOT NULL,
    price int NOT NULL CONSTRAINT price_positive CHECK (price > 0),
    details jsonb NOT NULL DEFAULT '{}',
    keywords text[] NOT NULL DEFAULT '{}',
    stage stage NOT NULL DEFAULT 'open',
    made timestamptz NOT NULL DEFAULT now()
);
