-- A database with something of everything that a backup could lose.
CREATE SCHEMA shop;
CREATE SCHEMA "Ünï ""quoted"" schema";
CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN shop.percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE SEQUENCE shop.invoice_numbers START 1000 INCREMENT 7;
SELECT nextval('shop.invoice_numbers'), nextval('shop.invoice_numbers');

CREATE TABLE shop.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    note text,
    mood shop.mood DEFAULT 'ok',
    score shop.percent
);
COMMENT ON TABLE shop.customers IS 'those who pay — mostly';
INSERT INTO shop.customers (name, note, mood, score) VALUES
    ('Ada', NULL, 'happy', 100), ('Žofie Nováková', '', 'sad', NULL), ('李小龍', E'tab\tnew\nline\\back', 'ok', 0),
    ('emoji 💾🐘', E'quote '' and "double"', NULL, 50), (U&'e\0301 decomposed', 'é composed', 'ok', 1);

CREATE TABLE shop.orders (
    id serial PRIMARY KEY,
    customer bigint REFERENCES shop.customers,
    placed timestamptz, due date, at time, took interval,
    amount numeric(20, 6), ratio double precision, small real, flag boolean,
    body bytea, tags text[], grid int[][], doc jsonb, raw json, key uuid, addr inet, span int4range, bits bit varying(20)
);
INSERT INTO shop.orders (customer, placed, due, at, took, amount, ratio, small, flag, body, tags, grid, doc, raw, key, addr, span, bits)
SELECT CASE WHEN i % 7 = 0 THEN NULL ELSE i % 5 + 1 END,
    timestamptz '2024-02-29 23:59:59.999999+00' + i * interval '1 hour', date '0001-01-01' + i, time '12:34:56.789',
    i * interval '1 day 2 seconds', (i::bigint * 1000003 % 999983)::numeric / 7, 1 / (i + 0.1), i / 3.0::real, i % 2 = 0,
    decode(md5(i::text), 'hex') || '\x00ff0a5c'::bytea, ARRAY['a', NULL, 'tag ' || i], ARRAY[[i, 2], [3, NULL]],
    jsonb_build_object('n', i, 'text', 'ü"\', 'none', NULL), '{"order":  "kept"}', md5('k' || i)::uuid,
    ('10.0.' || i % 256 || '.1')::inet, int4range(i, i + 10), i::bit(12)::varbit
FROM generate_series(1, 3000) i;
INSERT INTO shop.orders (ratio, small, amount, placed, tags) VALUES
    ('NaN', 'Infinity', 'NaN', 'infinity', '{}'), ('-Infinity', '-0', NULL, '-infinity', NULL);
CREATE INDEX ON shop.orders (customer, placed DESC) WHERE flag;

CREATE VIEW shop.unpaid AS SELECT c.name, count(*) AS orders FROM shop.customers c JOIN shop.orders o ON o.customer = c.id GROUP BY 1;
CREATE MATERIALIZED VIEW shop.totals AS SELECT customer, sum(amount) FILTER (WHERE amount <> 'NaN') FROM shop.orders GROUP BY 1;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := coalesce(NEW.note, '') || '!'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch();

CREATE TABLE "Ünï ""quoted"" schema"."table; DROP TABLE x; --" ("select" int, "a b" text, "ünï" text);
INSERT INTO "Ünï ""quoted"" schema"."table; DROP TABLE x; --" VALUES (1, E'\\.', 'end mark'), (2, E'\\N', NULL);
CREATE TABLE public.empty (a int, b text);
CREATE TABLE public.parts (id int, region text) PARTITION BY LIST (region);
CREATE TABLE public.parts_eu PARTITION OF public.parts FOR VALUES IN ('eu');
CREATE TABLE public.parts_rest PARTITION OF public.parts DEFAULT;
INSERT INTO public.parts SELECT i, CASE WHEN i % 2 = 0 THEN 'eu' ELSE 'x' || i END FROM generate_series(1, 100) i;
CREATE TABLE public.wide (id int PRIMARY KEY, body text);
INSERT INTO public.wide SELECT i, repeat(md5(i::text), 40000) FROM generate_series(1, 3) i;

SELECT lo_from_bytea(50001, '\x'), lo_from_bytea(50002, decode(repeat('00ff10', 100000), 'hex')),
    lo_from_bytea(4000000000, convert_to('a large object with an oid over two thousand million', 'UTF8'));
ALTER TABLE public.empty ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON public.empty USING (true);
