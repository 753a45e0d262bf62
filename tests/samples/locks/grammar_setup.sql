
-- What the walk through the grammar of the documentation needs besides.
CREATE TABLE numbered (
    id int GENERATED ALWAYS AS IDENTITY,
    n int,
    doubled int GENERATED ALWAYS AS (n * 2) STORED,
    span interval(6), bits bit varying(10), fixed char(10), address cidr, tags varchar(10)[],
    clock time(6), small int, word varchar(50),
    marked varchar(10) CHECK (marked <> ''), part varchar(10)
);
CREATE INDEX numbered_part ON numbered (n) WHERE part IS NULL;
INSERT INTO numbered (n, small, word) SELECT g, g, 'w' FROM generate_series(1, 50) g;
CREATE INDEX loner_expr ON loner ((a + 1));
CREATE TABLE ruled2 (id int, a int);
INSERT INTO ruled2 VALUES (1, 1);
CREATE RULE keep AS ON DELETE TO ruled2 DO INSTEAD NOTHING;
CREATE TABLE policed (id int);
INSERT INTO policed VALUES (1);
CREATE POLICY own ON policed USING (id > 0);
CREATE TYPE pair AS (a int, b int);
CREATE TYPE rowtype AS (a int, b int);
CREATE TABLE typedtable OF rowtype;
INSERT INTO typedtable VALUES (1, 2);
CREATE DOMAIN loose AS int;
CREATE TABLE loosened (a loose);
INSERT INTO loosened VALUES (1);
ALTER DOMAIN loose ADD CONSTRAINT loose_check CHECK (VALUE > 0) NOT VALID;
CREATE TABLE orders_parentless (id int PRIMARY KEY);
CREATE TABLE events_new (id int NOT NULL, at date NOT NULL, parent_id int, kind text);
INSERT INTO events_new VALUES (1, '2030-05-05', 1, 'web');
CREATE INDEX events_kind ON ONLY events (kind);
CREATE INDEX events_2024_kind ON events_2024 (kind);
ALTER TABLE animal ADD CONSTRAINT animal_id_check CHECK (id > 0);
ALTER TABLE animal ADD CONSTRAINT animal_open CHECK (id < 1000) NOT VALID;
CREATE TABLE kitten (id int, name text, CONSTRAINT animal_id_check CHECK (id > 0), CONSTRAINT animal_open CHECK (id < 1000));
INSERT INTO kitten VALUES (1, 'k');
CREATE TRIGGER events_touch BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION touch();
CREATE STATISTICS stats ON a, b FROM loner;
CREATE TABLE published (id int PRIMARY KEY);
CREATE PUBLICATION pub FOR TABLE published;
CREATE FUNCTION noticed() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER spy ON sql_drop EXECUTE FUNCTION noticed();
CREATE PROCEDURE pr0() LANGUAGE sql AS 'SELECT 1';
CREATE FOREIGN DATA WRAPPER wrap;
CREATE SERVER far FOREIGN DATA WRAPPER wrap;
CREATE FOREIGN TABLE distant (id int) SERVER far;
CREATE TABLE docs (id int, tags int[]);
INSERT INTO docs SELECT g, ARRAY[g] FROM generate_series(1, 50) g;
CREATE INDEX docs_gin ON docs USING gin (tags);
CREATE INDEX docs_brin ON docs USING brin (id);
CREATE UNLOGGED TABLE apart (id int);
INSERT INTO apart VALUES (1);
CREATE TABLE boss (id int PRIMARY KEY);
CREATE TABLE minion (id int, boss_id int REFERENCES boss (id));
CREATE TABLE chief (id int PRIMARY KEY);
CREATE TABLE troop (id int, chief_id int REFERENCES chief (id)) PARTITION BY RANGE (id);
CREATE TABLE troop_1 PARTITION OF troop FOR VALUES FROM (0) TO (100);
CREATE DOMAIN "Pos" AS int CHECK (VALUE > 0);
CREATE TYPE "Role" AS ENUM ('a');
CREATE TABLE "Dated" (id int, role "Role", "createdAt" varchar(20) CHECK ("createdAt" <> ''));
INSERT INTO "Dated" VALUES (1, 'a', 'now');
CREATE TABLE collated (id int, c text COLLATE "C", d text);
INSERT INTO collated SELECT g, g, g FROM generate_series(1, 50) g;
CREATE INDEX collated_c ON collated (c);
CREATE INDEX collated_d ON collated (d);
CREATE UNLOGGED TABLE apart_key (id int PRIMARY KEY);
CREATE UNLOGGED TABLE apart_child (id int REFERENCES apart_key (id));
INSERT INTO apart_key VALUES (1);
INSERT INTO apart_child VALUES (1);
INSERT INTO boss VALUES (1);
INSERT INTO minion VALUES (1, 1);
ANALYZE;
