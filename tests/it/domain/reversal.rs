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
