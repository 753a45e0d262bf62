-- A schema with what makes locks spread: keys of both sides, partitions on two levels, default
-- partitions, inheritance, views, domains, names that need quotes and names in two schemas.
CREATE SCHEMA app;
CREATE SCHEMA "Größe";
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = app, public', current_database());
END $$;
SET search_path = app, public;

CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN plain AS text;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;

CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE);
INSERT INTO parent SELECT g, 'c' || g FROM generate_series(1, 50) g;
CREATE TABLE middle (id int PRIMARY KEY, parent_id int REFERENCES parent (id));
INSERT INTO middle SELECT g, g FROM generate_series(1, 50) g;
CREATE TABLE child (
    id serial PRIMARY KEY,
    middle_id int CONSTRAINT child_middle REFERENCES middle (id) ON DELETE CASCADE,
    parent_id int,
    note varchar(20),
    amount int NOT NULL DEFAULT 1,
    price numeric(10, 2),
    at timestamp DEFAULT now(),
    body text,
    data jsonb,
    size plain,
    proven int,
    CONSTRAINT child_proven CHECK (proven IS NOT NULL),
    CONSTRAINT child_born CHECK (amount < 100) NOT VALID
);
ALTER TABLE child ADD CONSTRAINT child_parent FOREIGN KEY (parent_id) REFERENCES parent (id) NOT VALID;
ALTER TABLE child ADD CONSTRAINT child_open CHECK (amount > 0) NOT VALID;
INSERT INTO child (middle_id, parent_id, note, body, data, size, proven)
    SELECT 1 + g % 50, 1 + g % 50, 'n', 'b', '{}', 's', g FROM generate_series(1, 400) g;
CREATE INDEX child_note ON child (note);
CREATE INDEX child_at ON child (at);
CREATE UNIQUE INDEX child_middle_amount ON child (middle_id, id);
CREATE VIEW child_view AS SELECT id, note FROM child;
CREATE VIEW view_of_view AS SELECT id FROM child_view;
CREATE MATERIALIZED VIEW child_sums AS
    SELECT c.middle_id, count(*) AS n FROM child c JOIN middle m ON m.id = c.middle_id GROUP BY 1;
CREATE UNIQUE INDEX child_sums_key ON child_sums (middle_id);

CREATE TABLE loner (id int, a int, b text, m mood);
INSERT INTO loner SELECT g, g, 'b', 'ok' FROM generate_series(1, 100) g;
CREATE INDEX loner_a ON loner (a);
CREATE TABLE loner_archive (id int, a int, b text, m mood);

CREATE TABLE events (id int NOT NULL, at date NOT NULL, parent_id int, kind text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
    PARTITION BY LIST (kind);
CREATE TABLE events_2025_web PARTITION OF events_2025 FOR VALUES IN ('web');
CREATE TABLE events_2025_rest PARTITION OF events_2025 DEFAULT;
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX events_id ON events (id);
INSERT INTO events SELECT g, date '2024-01-01' + g, 1 + g % 50, CASE g % 2 WHEN 0 THEN 'web' ELSE 'app' END
    FROM generate_series(1, 1000) g;

CREATE TABLE orders (id int, parent_id int REFERENCES parent (id), region text, PRIMARY KEY (id, region))
    PARTITION BY LIST (region);
CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('eu');
CREATE TABLE orders_us PARTITION OF orders FOR VALUES IN ('us');
INSERT INTO orders SELECT g, 1, 'eu' FROM generate_series(1, 30) g;
CREATE TABLE orders_asia (id int NOT NULL, parent_id int, region text NOT NULL);
INSERT INTO orders_asia SELECT g, 1, 'asia' FROM generate_series(1, 30) g;
CREATE TABLE orders_checked (id int NOT NULL, parent_id int, region text NOT NULL,
    CHECK (region = 'mars'));
INSERT INTO orders_checked SELECT g, 1, 'mars' FROM generate_series(1, 30) g;
CREATE TABLE lines (id int PRIMARY KEY, order_id int, region text,
    CONSTRAINT lines_order FOREIGN KEY (order_id, region) REFERENCES orders (id, region));
INSERT INTO orders VALUES (1, 1, 'us');
INSERT INTO lines VALUES (1, 1, 'us');

CREATE TABLE years (id int NOT NULL, y int NOT NULL) PARTITION BY RANGE (y);
CREATE TABLE years_1 PARTITION OF years FOR VALUES FROM (0) TO (10);
INSERT INTO years SELECT g, g FROM generate_series(1, 9) g;
CREATE TABLE years_2 (id int NOT NULL, y int NOT NULL);
INSERT INTO years_2 SELECT g, 15 FROM generate_series(1, 20) g;
CREATE TABLE years_3 (id int NOT NULL, y int NOT NULL, CHECK (y >= 20 AND y < 30));
INSERT INTO years_3 SELECT g, 25 FROM generate_series(1, 20) g;

CREATE TABLE animal (id int, name text);
CREATE TABLE cat (lives int) INHERITS (animal);
INSERT INTO animal VALUES (1, 'a');
INSERT INTO cat SELECT g, 'c', 9 FROM generate_series(1, 20) g;

CREATE TABLE "Größe"."Weird Table" (id int, "select" text, "naïve" int);
INSERT INTO "Größe"."Weird Table" SELECT g, 's', g FROM generate_series(1, 20) g;
CREATE INDEX "Weird Index" ON "Größe"."Weird Table" ("naïve");
CREATE TABLE public.twin (id int, a int);
CREATE TABLE "Größe".twin (id int, a int);
CREATE TABLE public.hidden (id int);
CREATE TABLE app.hidden (id int);
CREATE SEQUENCE counter;
CREATE TABLE ruled (id int, a int);
CREATE TRIGGER ruled_touch BEFORE INSERT ON ruled FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE self (id int PRIMARY KEY, boss int REFERENCES self (id));
INSERT INTO self VALUES (1, NULL), (2, 1);
CREATE TABLE typed (a positive, b plain);
INSERT INTO typed VALUES (1, 'b');
ANALYZE;
