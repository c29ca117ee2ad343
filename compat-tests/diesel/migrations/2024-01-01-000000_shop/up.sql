CREATE TABLE shops (id serial PRIMARY KEY, name varchar(50) NOT NULL UNIQUE);
CREATE TABLE products (
    id bigserial PRIMARY KEY,
    shop_id int NOT NULL REFERENCES shops ON DELETE CASCADE,
    name text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price >= 0),
    weight double precision,
    active boolean NOT NULL DEFAULT true,
    details jsonb NOT NULL DEFAULT '{}',
    keywords text[] NOT NULL DEFAULT '{}',
    picture bytea,
    code uuid NOT NULL DEFAULT gen_random_uuid(),
    day date,
    made timestamptz NOT NULL DEFAULT now(),
    version int NOT NULL DEFAULT 1,
    UNIQUE (shop_id, name)
);
CREATE TABLE labels (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
