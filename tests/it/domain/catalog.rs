//! What the schema is taken to be after each statement, by what is then said of the next one.

use lockkeeper::domain::change::{Change, Name, written};
use lockkeeper::domain::hazard::{
    Answer, Catalog, Check, Hazard, Severity, Transactions, classify,
};
use lockkeeper::domain::loss;
use lockkeeper::domain::plan::Direction;
use lockkeeper::source::sql::compile;

/// The schema that these statements made before, as a live catalog would give it.
fn live(version_num: u32, setup: &str) -> Catalog {
    let mut catalog =
        Catalog { complete: true, version_num: Some(version_num), ..Catalog::default() };
    let changes: Vec<Change> =
        compile(setup).statements.into_iter().flat_map(|s| s.changes).collect();
    for change in &changes {
        catalog.advance(change);
    }
    catalog.settle();
    catalog
}

fn hazards_on(catalog: &Catalog, sql: &str) -> Vec<Hazard> {
    classify(&compile(sql).statements, &mut catalog.clone(), Transactions::None)
}

/// What is said of the last statement.
fn last(setup: &str, sql: &str) -> Hazard {
    hazards_on(&live(150_020, setup), sql).pop().expect("there is a statement")
}

fn locks(hazard: &Hazard, relation: &str) -> bool {
    hazard.locks.iter().any(|held| held.relation == relation)
}

#[track_caller]
fn succeeds(setup: &str, sql: &str) {
    for hazard in hazards_on(&live(150_020, setup), sql) {
        assert!(!hazard.message.starts_with("fails"), "{sql}: {}", hazard.message);
    }
}

#[track_caller]
fn fails(setup: &str, sql: &str, why: &str) {
    let message = last(setup, sql).message;
    assert!(message.starts_with("fails while") && message.contains(why), "{sql}: {message}");
}

const FAMILY: &str = "CREATE TABLE p (id int PRIMARY KEY, code text);
    CREATE TABLE k (id int, p_id int CONSTRAINT k_p REFERENCES p (id), note varchar(10));";
const PARTS: &str = "CREATE TABLE p (id int PRIMARY KEY);
    CREATE TABLE k (id int, p_id int CONSTRAINT k_p REFERENCES p (id)) PARTITION BY RANGE (id);
    CREATE TABLE k1 PARTITION OF k FOR VALUES FROM (0) TO (9);
    ALTER TABLE k1 ADD COLUMN p_id int;
    ALTER TABLE k1 ADD CONSTRAINT k1_p FOREIGN KEY (p_id) REFERENCES p (id);";

#[test]
fn a_column_that_is_dropped_takes_its_foreign_key_with_it() {
    succeeds(FAMILY, "ALTER TABLE k DROP COLUMN p_id; DROP TABLE p");
    succeeds(PARTS, "ALTER TABLE k DROP COLUMN p_id; DROP TABLE p");
    succeeds(FAMILY, "ALTER TABLE p DROP COLUMN id CASCADE; DROP TABLE p");
    fails(FAMILY, "ALTER TABLE k DROP COLUMN note; DROP TABLE p", "k depends");
    fails(FAMILY, "ALTER TABLE p DROP COLUMN code; DROP TABLE p", "k depends");
}

#[test]
fn a_key_that_is_dropped_is_gone_from_the_partitions() {
    succeeds(PARTS, "ALTER TABLE k DROP CONSTRAINT k_p; DROP TABLE p");
    succeeds(PARTS, "DROP TABLE p CASCADE; CREATE TABLE p (id int); DROP TABLE p");
}

#[test]
fn a_renamed_column_is_known_by_its_new_name_wherever_it_is_used() {
    let sql = "ALTER TABLE k RENAME COLUMN p_id TO q; ALTER TABLE k DROP COLUMN q";
    assert!(locks(&last(FAMILY, sql), "p"), "the key goes with the column");
    let sql = "ALTER TABLE p RENAME COLUMN id TO nr; ALTER TABLE p ALTER COLUMN nr TYPE bigint";
    assert!(locks(&last(FAMILY, sql), "k"), "what references it is checked again");
    let checked = format!("{FAMILY} ALTER TABLE k ADD CHECK (Note <> '');");
    for sql in [
        "ALTER TABLE k ALTER COLUMN note TYPE varchar(20)",
        "ALTER TABLE k RENAME COLUMN note TO remark; ALTER TABLE k ALTER COLUMN remark TYPE varchar(20)",
    ] {
        assert_eq!(last(&checked, sql).scan, Answer::Yes, "{sql}");
        assert_eq!(last(FAMILY, sql).scan, Answer::No, "{sql}");
    }
    let sql = "ALTER TABLE k DROP COLUMN note; ALTER TABLE k ADD COLUMN note varchar(5);
        ALTER TABLE k ALTER COLUMN note TYPE varchar(20)";
    assert_eq!(last(&checked, sql).scan, Answer::No, "the check went with the column");
}

#[test]
fn a_probe_does_not_ask_for_a_column_by_a_name_that_it_gets_first() {
    let family = format!(
        "{FAMILY} ALTER TABLE k DROP CONSTRAINT k_p;
        ALTER TABLE k ADD CONSTRAINT k_p FOREIGN KEY (p_id) REFERENCES p NOT VALID;"
    );
    let catalog = live(150_020, &family);
    let probe = |sql: &str| {
        let found = loss::obstacles(&compile(sql).statements, Direction::Up, &catalog);
        found.into_iter().next().expect("it may be refused").probe
    };
    let validate = "ALTER TABLE k VALIDATE CONSTRAINT k_p";
    assert!(probe(validate).is_some_and(|sql| sql.contains("child.p_id IS NOT NULL")));
    for renamed in ["ALTER TABLE k RENAME p_id TO id2", "ALTER TABLE p RENAME id TO nr"] {
        assert_eq!(probe(&format!("{renamed}; {validate}")), None, "{renamed}");
    }
}

#[test]
fn a_table_is_written_anew_each_time_it_changes_between_logged_and_unlogged() {
    let sql = "ALTER TABLE k SET UNLOGGED; INSERT INTO k VALUES (1); ALTER TABLE k SET LOGGED";
    assert_eq!(last(FAMILY, sql).rewrite, Answer::Yes);
    let sql = "ALTER TABLE k SET UNLOGGED; ALTER TABLE k SET UNLOGGED";
    assert_eq!(last(FAMILY, sql).rewrite, Answer::No);
}

#[test]
fn a_column_that_is_there_already_stays_what_it_is() {
    let sql = "ALTER TABLE k ADD COLUMN IF NOT EXISTS note text; \
               ALTER TABLE k ALTER COLUMN note TYPE text";
    assert_eq!(
        last(FAMILY, &sql.replace("note", "id").replace("text", "bigint")).rewrite,
        Answer::Yes
    );
    assert_eq!(last(FAMILY, sql).rewrite, Answer::No);
}

#[test]
fn what_is_not_validated_proves_nothing() {
    let set = "ALTER TABLE k ALTER COLUMN note SET NOT NULL";
    let of = |setup: &str| {
        let catalog = live(180_004, &format!("{FAMILY} {setup}"));
        hazards_on(&catalog, set).pop().expect("one")
    };
    let proven = of("ALTER TABLE k ADD CONSTRAINT nn NOT NULL note");
    assert_eq!(proven.scan, Answer::No);
    assert!(proven.message.contains("NOT NULL already"), "{}", proven.message);
    assert_eq!(of("ALTER TABLE k ADD CONSTRAINT nn NOT NULL note NOT VALID").scan, Answer::Yes);
}

#[test]
fn a_check_proves_a_column_filled_only_where_it_says_so_by_itself() {
    let of = |expression: &str| {
        let mut catalog = live(150_020, FAMILY);
        catalog.relations.change_all(|relation| {
            let name = "c".to_owned();
            relation.checks.push(Check { name, expression: expression.to_owned(), valid: true });
        });
        hazards_on(&catalog, "ALTER TABLE k ALTER COLUMN note SET NOT NULL")[0].scan
    };
    for proof in [
        "note IS NOT NULL",
        "((NOTE is not null))",
        "(id > 0) AND (\"note\" IS NOT NULL AND id < 9)",
        "note IS NOT NULL AND (id > 0 OR id < -5)",
        "NOT (id = 3) AND note IS NOT NULL /* or not */",
    ] {
        assert_eq!(of(proof), Answer::No, "{proof}");
    }
    for none in [
        "NOT (id IS NOT NULL AND note IS NOT NULL)",
        "id > 0 OR note IS NOT NULL",
        "id > 0 OR id < 5 AND note IS NOT NULL",
        "false = (id > 0 AND note IS NOT NULL)",
        "id BETWEEN 1 AND note IS NOT NULL",
        "CASE WHEN id > 0 THEN true AND note IS NOT NULL ELSE true END",
        "id > 0 AND 'note IS NOT NULL' <> ''",
        "id > 0 AND \"Note\" IS NOT NULL",
    ] {
        assert_eq!(of(none), Answer::Yes, "{none}");
    }
}

#[test]
fn a_negated_check_proves_no_partitions_bound() {
    let of = |check: &str| {
        let setup = format!(
            "CREATE TABLE y (id int NOT NULL) PARTITION BY RANGE (id);
             CREATE TABLE y1 (id int NOT NULL, CHECK ({check}));"
        );
        last(&setup, "ALTER TABLE y ATTACH PARTITION y1 FOR VALUES FROM (20) TO (30)").scan
    };
    assert_eq!(of("id >= 20 AND id < 30"), Answer::No);
    assert_eq!(of("(id >= 20) AND (id < 30)"), Answer::No);
    assert_eq!(of("NOT (id < 5 AND id >= 20 AND id < 30)"), Answer::Unknown);
}

#[test]
fn a_name_in_capitals_is_found_as_it_is_written() {
    let setup = "CREATE TABLE t (id int, \"createdAt\" varchar(10), createdat varchar(10));
        ALTER TABLE t ADD CHECK (\"createdAt\" <> '');";
    let of = |column: &str| {
        last(setup, &format!("ALTER TABLE t ALTER COLUMN {column} TYPE varchar(20)")).scan
    };
    assert_eq!((of("\"createdAt\""), of("createdAt")), (Answer::Yes, Answer::No));
    let setup = "CREATE TYPE \"Role\" AS ENUM ('a'); CREATE TABLE t (id int, r \"Role\");
        CREATE DOMAIN \"Pos\" AS int CHECK (VALUE > 0); CREATE DOMAIN pos AS int;";
    assert!(locks(&last(setup, "DROP TYPE \"Role\" CASCADE"), "t"));
    assert!(!locks(&last(setup, "DROP TYPE Role CASCADE"), "t"));
    assert_eq!(last(setup, "ALTER TABLE t ADD COLUMN q \"Pos\"").rewrite, Answer::Yes);
    assert_eq!(last(setup, "ALTER TABLE t ADD COLUMN q POS").rewrite, Answer::No);
}

const VIEWED: &str = "CREATE TABLE a (id int, note text); CREATE TABLE b (id int);
    CREATE TABLE log (id int); CREATE VIEW seen AS SELECT id FROM a;
    CREATE MATERIALIZED VIEW kept AS SELECT id FROM a;";

#[test]
fn a_view_reads_what_its_own_statement_names() {
    let made = "CREATE VIEW v AS SELECT id FROM a";
    succeeds(VIEWED, &format!("{made}; INSERT INTO log SELECT id FROM b; DROP TABLE b"));
    succeeds(VIEWED, &format!("{made}; COMMENT ON CONSTRAINT c ON b IS 'x'; DROP TABLE b"));
    fails(VIEWED, &format!("{made}; DROP TABLE a"), "v");
    let moved = "CREATE OR REPLACE VIEW seen AS SELECT id FROM b";
    fails(VIEWED, &format!("{moved}; DROP TABLE b"), "seen depends");
    succeeds(VIEWED, &format!("DROP MATERIALIZED VIEW kept; {moved}; DROP TABLE a"));
    let left = "CREATE MATERIALIZED VIEW IF NOT EXISTS kept AS SELECT id FROM b";
    succeeds(VIEWED, &format!("{left}; DROP TABLE b"));
    fails(VIEWED, &format!("{left}; DROP TABLE a"), "kept");
    fails(VIEWED, "ALTER VIEW seen OWNER TO x; DROP TABLE a", "seen");
}

#[test]
fn a_view_that_others_use_stays_one_when_it_is_replaced() {
    let of = |sql: &str| {
        let catalog = live(150_020, VIEWED);
        let statements = compile(sql).statements;
        let one = classify(&statements, &mut catalog.clone(), Transactions::One);
        one.last().expect("one").severity
    };
    assert_eq!(of("CREATE OR REPLACE VIEW seen AS SELECT id FROM b"), Severity::Medium);
    assert_eq!(of("ALTER VIEW seen SET (security_barrier = true)"), Severity::Medium);
    let sql =
        "CREATE MATERIALIZED VIEW IF NOT EXISTS kept AS SELECT 1; REFRESH MATERIALIZED VIEW kept";
    assert_eq!(of(sql), Severity::High);
    assert_eq!(of("CREATE VIEW v AS SELECT id FROM b"), Severity::Low);
}

#[test]
fn what_goes_with_the_same_statement_does_not_stand_in_its_way() {
    succeeds(FAMILY, "DROP TABLE p, k");
    succeeds(FAMILY, "TRUNCATE TABLE p, ONLY K RESTART IDENTITY");
    succeeds(PARTS, "DROP TABLE IF EXISTS p, k");
    fails(FAMILY, "DROP TABLE p -- , k", "k depends");
    fails(FAMILY, "TRUNCATE p /* and k */", "k depends");
    fails(FAMILY, "DROP TABLE p, \"K\"", "k depends");
    let views = "CREATE TABLE a (id int); CREATE VIEW v1 AS SELECT * FROM a;
        CREATE VIEW v2 AS SELECT * FROM v1; CREATE VIEW v3 AS SELECT * FROM v2;";
    succeeds(views, "DROP VIEW v1, v2, v3");
    let of = |sql: &str| hazards_on(&live(150_020, views), sql)[0].message.clone();
    assert!(of("DROP VIEW v1, v2").starts_with("fails while v3 depends"));
}

#[test]
fn an_index_over_another_order_of_the_same_values_is_built_anew() {
    let setup = "CREATE TABLE t (id int, at timestamp, code text UNIQUE, b text);
        CREATE INDEX t_at ON t (at);";
    let of = |sql: &str| {
        let hazard = last(setup, &format!("SET timezone = 'UTC'; {sql}"));
        (hazard.rewrite, hazard.scan)
    };
    let zoned = "ALTER TABLE t ALTER COLUMN at TYPE timestamptz";
    assert_eq!(of(zoned), (Answer::No, Answer::Yes));
    assert_eq!(of(&format!("DROP INDEX t_at; {zoned}")), (Answer::No, Answer::No));
    let collated = "ALTER TABLE t ALTER COLUMN code TYPE text COLLATE \"C\"";
    assert_eq!(of(collated), (Answer::No, Answer::Yes));
    assert_eq!(of(&collated.replace("code", "b")), (Answer::No, Answer::No));
    let dropped = format!("ALTER TABLE t DROP CONSTRAINT t_code_key; {collated}");
    assert_eq!(of(&dropped), (Answer::No, Answer::No));
    assert_eq!(of("ALTER TABLE t ALTER COLUMN code TYPE varchar"), (Answer::No, Answer::No));
}

#[test]
fn words_in_comments_texts_and_names_mean_nothing() {
    let parted = "CREATE TABLE k (id int, note text) PARTITION BY RANGE (id);
        CREATE TABLE k1 PARTITION OF k FOR VALUES FROM (0) TO (9);";
    for sql in [
        "UPDATE k SET note = 'x' -- only active\n WHERE true",
        "UPDATE k SET note = 'only'",
        "UPDATE k SET note = $a$only$a$",
    ] {
        assert!(locks(&last(parted, sql), "k1"), "{sql}");
    }
    assert!(!locks(&last(parted, "UPDATE only k SET note = 'x'"), "k1"));
    fails(FAMILY, "DROP TABLE p /* no cascade */", "k depends");
    let of = |sql: &str| last(FAMILY, sql).rule;
    assert_eq!(of("ALTER TABLE k ADD CHECK (enforced IS NOT NULL)"), "add-check");
    assert_eq!(of("ALTER TABLE k ADD CHECK (note <> 'not enforced')"), "add-check");
    assert_eq!(of("ALTER TABLE k ADD CHECK (note <> '') NOT ENFORCED"), "not-on-this-version");
}

#[test]
fn sql_is_read_as_the_server_reads_it() {
    let code = |sql: &str| written::code(sql);
    assert_eq!(code("a -- b\nc /* d /* e */ f */ g"), "a  \nc   g");
    assert_eq!(code("'it''s' || E'\\'x' || \"a\"\"b\" || $1"), "'' || E'' || \"\" || $1");
    assert_eq!(code("$x$ 'a' $$ b $x$ c"), "'' c");
    assert_eq!(code("a$b$c 'open"), "a$b$c ''");
    assert_eq!(code("α - b / c $ d"), "α - b / c $ d");
    assert_eq!(written::outside("a (b (c) ')') d"), "a () d");
    let name = |text: &str| Name::parse(text);
    assert_eq!(name("App.\"Kind\""), Name::within("app", "Kind"));
    assert_eq!(name("\"a\"\"b.c\""), Name::new("a\"b.c"));
    for plain in ["", "int4", "timestamp without time zone", " _a1  b"] {
        assert_eq!(name(plain), name(&format!("{plain}/* */")), "{plain:?}");
    }
}
