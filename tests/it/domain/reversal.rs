//! What the way down really is.

use lockkeeper::domain::hazard::Catalog;
use lockkeeper::domain::loss;
use lockkeeper::domain::plan::Direction;
use lockkeeper::domain::reversal::{self, Kind, Reversal, judge};
use lockkeeper::source::sql::compile;

fn reversal(up: &str, down: Option<&str>) -> Reversal {
    let down = down.map(|text| compile(text).statements);
    judge(&compile(up).statements, down.as_deref())
}

#[test]
fn each_kind_of_way_down_is_told_from_the_others() {
    let add = "ALTER TABLE u ADD COLUMN x int";
    let cases = [
        (add, None, Kind::Missing),
        (add, Some(""), Kind::NoOp),
        (add, Some("-- nothing to do\n"), Kind::NoOp),
        (add, Some("SELECT 1;"), Kind::NoOp),
        (add, Some("ALTER TABLE u DROP COLUMN x"), Kind::Lossy),
        (add, Some("DO $$ BEGIN RAISE EXCEPTION 'no way back'; END $$"), Kind::Raises),
        (add, Some("DO $$ BEGIN RAISE NOTICE 'nothing'; END $$"), Kind::NoOp),
        (
            add,
            Some(
                "DO $$ BEGIN IF (SELECT count(*) FROM u) > 0 THEN RAISE EXCEPTION 'no'; END IF; END $$",
            ),
            Kind::Conditional,
        ),
        (add, Some("DO $$ BEGIN NULL; END $$"), Kind::NoOp),
        (add, Some("DO $$ BEGIN /* RAISE EXCEPTION 'x' */ END $$"), Kind::NoOp),
        (add, Some("DO $$ BEGIN RAISE NOTICE 'x; y'; END; $$"), Kind::NoOp),
        (add, Some("DO $$ BEGIN RAISE NOTICE 'x'; UPDATE u SET x = 1; END $$"), Kind::Unknown),
        (add, Some("DO $$ BEGIN RAISE NOTICE '%', f(); END $$"), Kind::Unknown),
        (add, Some("DO $$ BEGIN UPDATE u SET s = 'raise exception'; END $$"), Kind::Unknown),
        (
            "DO $$ BEGIN RAISE NOTICE 'x'; UPDATE u SET x = 1; END $$",
            Some("DO $$ BEGIN RAISE NOTICE 'x'; END $$"),
            Kind::NoOp,
        ),
        (
            "CREATE INDEX i ON u (y); DO $$ BEGIN RAISE NOTICE 'x'; UPDATE u SET x = 1; END $$",
            Some("DROP INDEX i"),
            Kind::Unknown,
        ),
        (add, Some("DO $$ BEGIN EXECUTE 'something'; END $$"), Kind::Unknown),
        (add, Some("ALTER TABLE u DROP"), Kind::Unknown),
        (add, Some("CREATE INDEX i ON u (y)"), Kind::Unknown),
        ("CREATE INDEX i ON u (y)", Some("DROP INDEX i"), Kind::Reversible),
        ("CREATE TABLE n (id int)", Some("DROP TABLE n"), Kind::Lossy),
        ("ALTER TABLE u DROP COLUMN x", Some("ALTER TABLE u ADD COLUMN x int"), Kind::Lossy),
        ("ALTER TABLE u ALTER n TYPE bigint", Some("ALTER TABLE u ALTER n TYPE int"), Kind::Lossy),
        (
            "UPDATE u SET s = 'a' WHERE s IS NULL",
            Some("UPDATE u SET s = NULL WHERE s = 'a'"),
            Kind::Lossy,
        ),
        (
            "ALTER TABLE u ALTER s SET NOT NULL",
            Some("ALTER TABLE u ALTER s DROP NOT NULL"),
            Kind::Reversible,
        ),
        ("ALTER TABLE u RENAME TO v", Some("ALTER TABLE v RENAME TO u"), Kind::Reversible),
    ];
    for (up, down, kind) in cases {
        assert_eq!(reversal(up, down).kind, kind, "{up} / {down:?}");
    }
}

#[test]
fn a_column_dropped_on_the_way_up_is_called_irreversible_data() {
    let reversal = reversal(
        "SELECT 1;\nALTER TABLE u DROP COLUMN prefs;",
        Some("ALTER TABLE u ADD COLUMN prefs jsonb"),
    );
    assert!(reversal.why.starts_with("IRREVERSIBLE data"), "{}", reversal.why);
    assert_eq!(reversal.line, Some(2));
}

#[test]
fn a_probe_quotes_its_identifiers_and_only_reads() {
    let probe = |sql: &str| {
        let losses = loss::of(&compile(sql).statements, Direction::Down, &Catalog::default());
        losses[0].probe.clone().expect("there is a probe")
    };
    assert_eq!(
        probe("ALTER TABLE \"My S\".users DROP COLUMN \"select\""),
        "SELECT count(*)::bigint FROM \"My S\".users WHERE \"select\" IS NOT NULL"
    );
    assert_eq!(
        probe("ALTER TABLE users ALTER email TYPE varchar(100)"),
        "SELECT count(*)::bigint FROM users WHERE length(email::text) > 100"
    );
    assert_eq!(probe("DROP TABLE \"a\"\"b\""), "SELECT count(*)::bigint FROM \"a\"\"b\"");
}

#[test]
fn a_condition_that_calls_something_is_not_repeated_in_a_probe() {
    let losses = loss::of(
        &compile("DELETE FROM u WHERE f(id)").statements,
        Direction::Up,
        &Catalog::default(),
    );
    assert_eq!(losses[0].probe, None);
    let losses = loss::of(
        &compile("DELETE FROM u WHERE id = 7").statements,
        Direction::Up,
        &Catalog::default(),
    );
    assert_eq!(losses[0].probe.as_deref(), Some("SELECT count(*)::bigint FROM u WHERE id = 7"));
}

#[test]
fn dropping_what_the_same_way_created_loses_nothing() {
    let sql = "CREATE TABLE scratch (id int); INSERT INTO scratch VALUES (1); DROP TABLE scratch";
    assert!(loss::of(&compile(sql).statements, Direction::Up, &Catalog::default()).is_empty());
}

#[test]
fn the_ways_differ_by_what_is_not_taken_back_and_by_what_was_not_made() {
    let difference = |up: &str, down: &str| -> Vec<String> {
        let all = reversal::difference(&compile(up).statements, &compile(down).statements);
        all.iter().map(|one| format!("{:?} {} {}", one.direction, one.line, one.kind)).collect()
    };
    let up = "CREATE TABLE a (x int);\nCREATE INDEX i ON b (y);\nALTER TABLE b ADD COLUMN z int;";
    assert_eq!(
        difference(up, ""),
        ["Up 1 CREATE TABLE", "Up 2 CREATE INDEX", "Up 3 ALTER TABLE … ADD COLUMN"]
    );
    let down = "ALTER TABLE b DROP COLUMN z;\nDROP TABLE a;\nDROP TABLE c;";
    assert_eq!(difference(up, down), ["Up 2 CREATE INDEX", "Down 3 DROP TABLE"]);
    let whole = "DROP INDEX i;\nALTER TABLE b DROP COLUMN z;\nDROP TABLE a;";
    assert_eq!(difference(up, whole), [""; 0]);
    assert_eq!(difference("DO $$ BEGIN x(); END $$", ""), [""; 0], "nobody can tell what it does");
}

mod definitions {
    //! What replaces itself comes back only if the way down repeats what stood before.

    use super::*;
    use lockkeeper::domain::reversal::{History, judge_after};

    const OLD: &str =
        "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT a $$";
    /// The same: only the margins, the quotes and the case differ.
    const SAME: &str = "create or replace function public.F(A integer)\n  returns INT language SQL as $body$\n    SELECT a\n  $body$;";
    const NEW: &str =
        "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT a + 1 $$";

    fn after(before: &[&str], up: &str, down: &str) -> Reversal {
        let before: Vec<_> = before.iter().map(|sql| compile(sql).statements).collect();
        let (up, down) = (compile(up).statements, compile(down).statements);
        let mut history = History::default();
        let ids = ["r1", "r2", "r3"];
        for (id, statements) in ids.iter().zip(&before) {
            history.take(id, statements);
        }
        judge_after(&up, Some(&down), &history, &|id| id != "r3")
    }

    #[test]
    fn a_replaced_function_comes_back_only_with_the_text_that_stood_before() {
        assert_eq!(after(&[OLD], NEW, OLD).kind, Kind::Reversible);
        let same = after(&[OLD], NEW, SAME);
        assert_eq!(same.kind, Kind::Reversible, "{same:?}");
        let other = after(&[OLD], NEW, NEW);
        assert_eq!((other.kind, other.line), (Kind::FalseDown, Some(1)), "{other:?}");
        assert!(other.why.contains("otherwise than r1 (line 1)"), "{other:?}");
        let latest = after(&[OLD, NEW], OLD, OLD);
        assert_eq!(latest.kind, Kind::FalseDown, "the latest counts: {latest:?}");
        let unknown = after(&[], NEW, OLD);
        assert_eq!(unknown.kind, Kind::Unknown, "{unknown:?}");
        assert!(unknown.why.contains("no earlier revision shows"), "{unknown:?}");
        assert_eq!(reversal(NEW, Some(OLD)), unknown, "one file alone shows no more");
    }

    #[test]
    fn a_replaced_function_that_the_way_down_drops_is_lost_where_one_stood_before() {
        let lost = after(&[OLD], NEW, "DROP FUNCTION f(int)");
        assert_eq!(lost.kind, Kind::FalseDown, "{lost:?}");
        assert!(lost.why.contains("the earlier definition does not come back"), "{lost:?}");
        assert_eq!(after(&[], NEW, "DROP FUNCTION f(int)").kind, Kind::Reversible);
        assert_eq!(after(&[], NEW, "DROP FUNCTION IF EXISTS f").kind, Kind::Reversible);
        let dropped = after(&[OLD, "DROP FUNCTION f(int)"], NEW, "DROP FUNCTION f(int)");
        assert_eq!(dropped.kind, Kind::Reversible, "it was gone already: {dropped:?}");
        let namesake = after(&[OLD], &NEW.replace("int)", "text)"), "DROP FUNCTION f(text)");
        assert_eq!(namesake.kind, Kind::Reversible, "its arguments differ: {namesake:?}");
        let left = after(&[], NEW, "DROP FUNCTION g(int)");
        assert_eq!(left.kind, Kind::Unknown, "another one goes: {left:?}");
    }

    #[test]
    fn a_view_a_trigger_and_a_procedure_are_held_to_the_same() {
        let cases = [
            (
                "CREATE OR REPLACE VIEW v AS SELECT 1 AS a",
                "CREATE OR REPLACE VIEW v AS SELECT 2 AS a",
                "DROP VIEW v",
            ),
            (
                "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE PROCEDURE f()",
                "CREATE OR REPLACE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()",
                "DROP TRIGGER t ON a",
            ),
            (
                "CREATE OR REPLACE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'",
                "CREATE OR REPLACE PROCEDURE p() LANGUAGE sql AS $$ SELECT 2 $$",
                "DROP PROCEDURE p()",
            ),
        ];
        for (old, new, drop) in cases {
            assert_eq!(after(&[old], new, old).kind, Kind::Reversible, "{old}");
            assert_eq!(after(&[old], new, new).kind, Kind::FalseDown, "{old}");
            assert_eq!(after(&[old], new, drop).kind, Kind::FalseDown, "{old}");
            assert_eq!(after(&[], new, old).kind, Kind::Unknown, "{old}");
            assert_eq!(after(&[], new, drop).kind, Kind::Reversible, "{old}");
            // Dropped and made anew, as what cannot be replaced is.
            let (up, down) = (format!("{drop}; {new}"), format!("{drop}; {old}"));
            assert_eq!(after(&[old], &up, &down).kind, Kind::Reversible, "{up}");
            assert_eq!(after(&[], &up, drop).kind, Kind::FalseDown, "{up}");
            assert_eq!(after(&[old], drop, old).kind, Kind::Reversible, "{old}");
            assert_eq!(after(&[old], drop, new).kind, Kind::FalseDown, "{old}");
        }
        let moved = after(
            &["CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f()"],
            "CREATE TRIGGER t BEFORE INSERT ON b EXECUTE FUNCTION f()",
            "DROP TRIGGER t ON b",
        );
        assert_eq!(moved.kind, Kind::Reversible, "another table's is another: {moved:?}");
    }

    #[test]
    fn what_stood_before_is_not_guessed_past_what_nobody_can_read() {
        let block = "DO $$ BEGIN EXECUTE 'CREATE OR REPLACE FUNCTION f(a int)' || x; END $$";
        assert_eq!(after(&[OLD, block], NEW, OLD).kind, Kind::Unknown);
        let altered = after(&[OLD, "ALTER FUNCTION f(int) SET search_path = a"], NEW, OLD);
        assert_eq!(altered.kind, Kind::Unknown, "{altered:?}");
        for harmless in
            ["SELECT f(1)", "ALTER FUNCTION f(int) OWNER TO a", "DO $$ BEGIN EXECUTE g; END $$"]
        {
            assert_eq!(after(&[OLD, harmless], NEW, OLD).kind, Kind::Reversible, "{harmless}");
        }
        let branch = after(&[OLD, "SELECT 1", OLD], NEW, OLD);
        assert_eq!(branch.kind, Kind::Unknown, "r3 is of another branch: {branch:?}");
    }

    #[test]
    fn what_is_dropped_if_it_is_there_and_made_anew_counts_as_replaced() {
        let up = "DROP TRIGGER IF EXISTS t ON a; CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()";
        let down = "DROP TRIGGER t ON a";
        assert_eq!(after(&[], up, down).kind, Kind::Reversible);
        let old = "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()";
        assert_eq!(after(&[old], up, down).kind, Kind::FalseDown);
    }

    #[test]
    fn a_trigger_goes_with_its_table_to_a_new_name() {
        let made = "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()";
        let back = made.replace("ON a", "ON public.b");
        let moved = after(&[made, "ALTER TABLE a RENAME TO b"], "DROP TRIGGER t ON b", &back);
        assert_eq!(moved.kind, Kind::Reversible, "{moved:?}");
        let other = after(&[made, "ALTER TABLE a RENAME TO c"], "DROP TRIGGER t ON b", &back);
        assert_eq!(other.kind, Kind::Unknown, "{other:?}");
    }

    /// A table with what may be dropped of it and made anew.
    const TABLE: &str = "CREATE TABLE u (id int PRIMARY KEY, name varchar(50) COLLATE \"C\" NOT NULL, age int DEFAULT 0, org int);
        CREATE UNIQUE INDEX by_name ON u (name, age);
        ALTER TABLE u ADD CONSTRAINT old_enough CHECK (age > 17);
        ALTER TABLE u ADD CONSTRAINT of_org FOREIGN KEY (org) REFERENCES orgs (id) ON DELETE CASCADE;
        COMMENT ON COLUMN u.age IS 'in years'";

    #[test]
    fn an_index_comes_back_only_as_it_was_defined() {
        let same =
            "create unique index concurrently by_name on public.u using btree (Name asc, age)";
        assert_eq!(after(&[TABLE], "DROP INDEX by_name", same).kind, Kind::Reversible);
        for other in [
            "CREATE INDEX by_name ON u (name, age)",
            "CREATE UNIQUE INDEX by_name ON u (name)",
            "CREATE UNIQUE INDEX by_name ON u (age, name)",
            "CREATE UNIQUE INDEX by_name ON u (name DESC, age)",
            "CREATE UNIQUE INDEX by_name ON u (name, age) WHERE age > 1",
            "CREATE UNIQUE INDEX by_name ON u USING gist (name, age)",
            "CREATE UNIQUE INDEX by_name ON v (name, age)",
        ] {
            let told = after(&[TABLE], "DROP INDEX by_name", other);
            assert_eq!(told.kind, Kind::FalseDown, "{other}: {told:?}");
            assert!(told.why.contains("otherwise than r1 (line 2)"), "{told:?}");
        }
        let unknown = after(&[], "DROP INDEX by_name", same);
        assert_eq!(unknown.kind, Kind::Unknown, "{unknown:?}");
        let made = after(&[TABLE], "CREATE INDEX i ON u (age)", "DROP INDEX i");
        assert_eq!(made.kind, Kind::Reversible, "{made:?}");
        let there = after(
            &[TABLE],
            "CREATE UNIQUE INDEX IF NOT EXISTS by_name ON u (name, age)",
            "DROP INDEX by_name",
        );
        assert_eq!(there.kind, Kind::FalseDown, "it stood already: {there:?}");
    }

    #[test]
    fn a_constraint_comes_back_only_with_its_rule_and_its_options() {
        let drop = |name: &str| format!("ALTER TABLE u DROP CONSTRAINT {name}");
        let add = |rest: &str| format!("ALTER TABLE u ADD CONSTRAINT {rest}");
        let key = "of_org FOREIGN KEY (org) REFERENCES orgs (id)";
        let cases = [
            ("old_enough", "old_enough CHECK ((AGE > 17))", Kind::Reversible),
            ("old_enough", "old_enough CHECK (age > 18)", Kind::FalseDown),
            ("old_enough", "old_enough CHECK (age > 17) NOT VALID", Kind::FalseDown),
            ("old_enough", "old_enough UNIQUE (age)", Kind::FalseDown),
            (
                "of_org",
                &format!("{key} ON UPDATE NO ACTION ON DELETE CASCADE NOT DEFERRABLE"),
                Kind::Reversible,
            ),
            ("of_org", key, Kind::FalseDown),
            ("of_org", &format!("{key} ON DELETE CASCADE DEFERRABLE"), Kind::FalseDown),
            // Which columns it means only the other table's key tells.
            ("of_org", "of_org FOREIGN KEY (org) REFERENCES orgs ON DELETE CASCADE", Kind::Unknown),
            // Names that PostgreSQL gave.
            ("u_pkey", "u_pkey PRIMARY KEY (id)", Kind::Reversible),
            ("u_pkey", "u_pkey PRIMARY KEY (org)", Kind::FalseDown),
            ("nobody_knows", "nobody_knows CHECK (age > 1)", Kind::Unknown),
        ];
        for (name, back, kind) in cases {
            let told = after(&[TABLE], &drop(name), &add(back));
            assert_eq!(told.kind, kind, "{back}: {told:?}");
        }
        let proven = [
            "ALTER TABLE u ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
            "ALTER TABLE u VALIDATE CONSTRAINT c",
        ];
        let told = after(&proven, &drop("c"), &add("c CHECK (a > 0)"));
        assert_eq!(told.kind, Kind::Reversible, "{told:?}");
    }

    #[test]
    fn a_default_a_type_a_comment_and_not_null_come_back_as_they_were() {
        let cases = [
            (
                "ALTER TABLE u ALTER age SET DEFAULT 1",
                "ALTER TABLE u ALTER age SET DEFAULT '0'",
                Kind::Reversible,
            ),
            (
                "ALTER TABLE u ALTER age SET DEFAULT 1",
                "ALTER TABLE u ALTER age SET DEFAULT 2",
                Kind::FalseDown,
            ),
            (
                "ALTER TABLE u ALTER age SET DEFAULT 1",
                "ALTER TABLE u ALTER age DROP DEFAULT",
                Kind::FalseDown,
            ),
            (
                "ALTER TABLE u ALTER org SET DEFAULT 1",
                "ALTER TABLE u ALTER org DROP DEFAULT",
                Kind::Reversible,
            ),
            (
                "ALTER TABLE u ALTER org SET DEFAULT 1",
                "ALTER TABLE u ALTER org SET DEFAULT 0",
                Kind::FalseDown,
            ),
            (
                "ALTER TABLE v ALTER a DROP DEFAULT",
                "ALTER TABLE v ALTER a SET DEFAULT 0",
                Kind::Unknown,
            ),
            (
                "ALTER TABLE u ALTER name DROP NOT NULL",
                "ALTER TABLE u ALTER name SET NOT NULL",
                Kind::Reversible,
            ),
            (
                "ALTER TABLE u ALTER name SET NOT NULL",
                "ALTER TABLE u ALTER name DROP NOT NULL",
                Kind::FalseDown,
            ),
            (
                "ALTER TABLE v ALTER a DROP NOT NULL",
                "ALTER TABLE v ALTER a SET NOT NULL",
                Kind::Reversible,
            ),
            (
                "ALTER TABLE u ALTER name TYPE text",
                "ALTER TABLE u ALTER name TYPE text",
                Kind::FalseDown,
            ),
            (
                "COMMENT ON COLUMN u.age IS 'x'",
                "COMMENT ON COLUMN u.age IS 'in years'",
                Kind::Reversible,
            ),
            ("COMMENT ON COLUMN u.age IS 'x'", "COMMENT ON COLUMN u.age IS NULL", Kind::FalseDown),
            ("COMMENT ON TABLE u IS 'x'", "COMMENT ON TABLE u IS ''", Kind::Reversible),
        ];
        for (up, down, kind) in cases {
            let told = after(&[TABLE], up, down);
            assert_eq!(told.kind, kind, "{up} / {down}: {told:?}");
        }
        let back = "ALTER TABLE c ALTER a TYPE text";
        let collated = after(&["CREATE TABLE c (a text COLLATE \"C\")"], back, back);
        assert_eq!(collated.kind, Kind::FalseDown, "the collation is lost: {collated:?}");
        let plain = after(&["CREATE TABLE c (a text)"], &format!("{back} COLLATE \"C\""), back);
        assert_eq!(plain.kind, Kind::Reversible, "{plain:?}");
    }

    #[test]
    fn what_got_a_new_name_is_compared_by_it() {
        let renamed = "ALTER TABLE u RENAME COLUMN age TO years; ALTER TABLE u RENAME TO people; ALTER TABLE orgs RENAME TO firms; ALTER INDEX by_name RENAME TO by_both";
        let cases = [
            (
                "DROP INDEX by_both",
                "CREATE UNIQUE INDEX by_both ON people (name, years)",
                Kind::Reversible,
            ),
            (
                "DROP INDEX by_both",
                "CREATE UNIQUE INDEX by_both ON people (name, org)",
                Kind::FalseDown,
            ),
            (
                "ALTER TABLE people DROP CONSTRAINT of_org",
                "ALTER TABLE people ADD CONSTRAINT of_org FOREIGN KEY (org) REFERENCES firms (id) ON DELETE CASCADE",
                Kind::Reversible,
            ),
            (
                "ALTER TABLE people ALTER years SET DEFAULT 9",
                "ALTER TABLE people ALTER years SET DEFAULT 0",
                Kind::Reversible,
            ),
            (
                "ALTER TABLE people ALTER years SET DEFAULT 9",
                "ALTER TABLE people ALTER years SET DEFAULT 1",
                Kind::FalseDown,
            ),
            // Within one migration as well, there and back.
            (
                "ALTER TABLE people RENAME COLUMN years TO age; ALTER TABLE people ALTER age SET DEFAULT 9",
                "ALTER TABLE people ALTER age SET DEFAULT 0; ALTER TABLE people RENAME COLUMN age TO years",
                Kind::Reversible,
            ),
            (
                "ALTER TABLE people RENAME COLUMN years TO age; ALTER TABLE people ALTER age SET DEFAULT 9",
                "ALTER TABLE people ALTER age SET DEFAULT 1; ALTER TABLE people RENAME COLUMN age TO years",
                Kind::FalseDown,
            ),
        ];
        for (up, down, kind) in cases {
            let told = after(&[TABLE, renamed], up, down);
            assert_eq!(told.kind, kind, "{up} / {down}: {told:?}");
        }
        let block = "DO $$ BEGIN EXECUTE 'ALTER TABLE u ALTER age SET DEFAULT ' || x; END $$";
        let (up, down) =
            ("ALTER TABLE u ALTER age SET DEFAULT 9", "ALTER TABLE u ALTER age SET DEFAULT 0");
        assert_eq!(after(&[TABLE, block], up, down).kind, Kind::Unknown);
        let other = block.replace("TABLE u", "TABLE w");
        assert_eq!(after(&[TABLE, &other], up, down).kind, Kind::Reversible, "another's column");
    }

    #[test]
    fn a_key_dropped_with_cascade_takes_the_foreign_keys_that_lead_to_it() {
        let made = "CREATE TABLE p (id int PRIMARY KEY, code text CONSTRAINT p_code UNIQUE); CREATE TABLE c (p_id int REFERENCES p, p_code text CONSTRAINT by_code REFERENCES p (code))";
        let up = "ALTER TABLE p DROP CONSTRAINT p_code CASCADE";
        let key = "ALTER TABLE p ADD CONSTRAINT p_code UNIQUE (code)";
        let lost = after(&[made], up, key);
        assert_eq!((lost.kind, lost.line), (Kind::FalseDown, Some(1)), "{lost:?}");
        assert!(lost.why.contains("constraint by_code on c of r1 (line 1)"), "{lost:?}");
        let foreign =
            "ALTER TABLE c ADD CONSTRAINT by_code FOREIGN KEY (p_code) REFERENCES p (code)";
        let whole = after(&[made], up, &format!("{key}; {foreign}"));
        assert_eq!(whole.kind, Kind::Reversible, "{whole:?}");
        let unknown = after(&[made, "ALTER TABLE c DROP CONSTRAINT by_code"], up, key);
        assert_eq!(unknown.kind, Kind::Unknown, "who else leads there is not known: {unknown:?}");
    }
}
