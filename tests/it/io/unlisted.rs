//! The verdicts on migrations that nobody listed, by their own way of going wrong.

use std::fs;
use std::time::Duration;

use lockkeeper::domain::evidence::Verdict as Outcome;
use lockkeeper::domain::rehearsal::{Report, Verdict};
use lockkeeper::io::rehearsal::Order;

use super::rehearsal::{URL, drive_site, is, of, order, rehearse};
use crate::support::alembic;
use crate::support::server;

const STOCK: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TABLE items (id serial PRIMARY KEY, price numeric(10,4) NOT NULL, name varchar(20), state text);
    INSERT INTO items (price, name) VALUES (1.2345, 'same'), (2.5, 'same');
    CREATE TABLE old (id int PRIMARY KEY);
    CREATE TABLE parted (id int NOT NULL, note text) PARTITION BY RANGE (id);
    CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
    CREATE TABLE hashed (day date NOT NULL) PARTITION BY HASH (day);
    CREATE TABLE guarded (id int PRIMARY KEY);
    INSERT INTO guarded VALUES (1);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'nothing is written here'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION refuse();
";

/// Rehearses these migrations of sqlx, each up and down, on a stock of its own.
async fn rehearsed(name: &str, migrations: &[(&str, &str)]) -> Report {
    let (database, state) = (server::database(name), tempfile::tempdir().expect("a directory"));
    database.execute(STOCK);
    let project = tempfile::tempdir().expect("a directory");
    let dir = project.path().join("migrations");
    fs::create_dir(&dir).expect("it can be made");
    for (at, (up, down)) in migrations.iter().enumerate() {
        let write = |way: &str, text: &str| {
            fs::write(dir.join(format!("{}_m.{way}.sql", at + 1)), text).expect("it writes");
        };
        write("up", up);
        write("down", down);
    }
    rehearse(&drive_site(&database, project.path(), state.path()), &order()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_up_is_judged_by_what_its_way_down_really_does() {
    let report = rehearsed(
        "unl_up",
        &[
            (
                "ALTER TABLE items ADD COLUMN extra int;",
                "ALTER TABLE items RENAME COLUMN extra TO kept;",
            ),
            (
                "ALTER TABLE items ALTER COLUMN price TYPE numeric(10,0);",
                "ALTER TABLE items ALTER COLUMN price TYPE numeric(10,4);",
            ),
            ("DROP TABLE old;", "DO $$ BEGIN RAISE EXCEPTION 'there is no way back'; END $$;"),
            ("UPDATE items SET state = 'new' WHERE state IS NULL;", "SELECT 1;"),
            ("ALTER TYPE mood ADD VALUE 'meh';", "SELECT 1;"),
            (
                "CREATE TABLE part_2 (LIKE parted); ALTER TABLE parted ATTACH PARTITION part_2 FOR VALUES FROM (100) TO (200);",
                "ALTER TABLE parted DETACH PARTITION part_2; DROP TABLE part_2;",
            ),
            (
                "CREATE TABLE days PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 1);",
                "DROP TABLE days;",
            ),
            (
                "CREATE VIEW cheap AS SELECT id, price FROM items WHERE price < 10;",
                "DROP VIEW cheap;",
            ),
            ("ALTER TABLE guarded ADD COLUMN note text;", "ALTER TABLE guarded DROP COLUMN note;"),
        ],
    )
    .await;
    assert_eq!(report.why, None, "{report:#?}");
    is(&report, "1", Verdict::FalseDown, "column kept of public.items created");
    is(&report, "2", Verdict::Lossy, "public.items");
    is(&report, "3", Verdict::Irreversible, "no way back");
    is(&report, "4", Verdict::Lossy, "public.items");
    is(&report, "5", Verdict::FalseDown, "mood");
    is(&report, "6", Verdict::Lossy, "part_2");
    is(&report, "7", Verdict::Lossy, "days");
    is(&report, "8", Verdict::Reversible, "");
    let guarded = of(&report, "9");
    assert_eq!(guarded.verdict, None, "a trigger refuses every row: {guarded:#?}");
    assert!(guarded.why.contains("nothing is written here"), "{guarded:#?}");
    assert_eq!(report.verdict, Outcome::Fail);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_could_not_be_built_concurrently_stays_and_is_partial() {
    let up = "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY by_name ON items (name);";
    let report = rehearsed("unl_partial", &[(up, "DROP INDEX by_name;")]).await;
    is(&report, "1", Verdict::Partial, "by_name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_the_rows_refuse_is_blocked_and_one_that_a_view_refuses_does_not_go_up() {
    let twice = "UPDATE items SET id = 1;";
    let report = rehearsed("unl_blocked", &[(twice, "SELECT 1;")]).await;
    is(&report, "1", Verdict::Blocked, "duplicate key");
    let report = rehearsed(
        "unl_view",
        &[
            ("CREATE VIEW cheap AS SELECT price FROM items;", "DROP VIEW cheap;"),
            ("ALTER TABLE items DROP COLUMN price;", "SELECT 1;"),
        ],
    )
    .await;
    is(&report, "1", Verdict::Reversible, "");
    let refused = of(&report, "2");
    assert!(refused.verdict.is_none_or(|verdict| !verdict.is_good()), "{refused:#?}");
    assert!(refused.why.contains("depend"), "{refused:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_waits_for_its_own_lock_is_ended_in_time_and_cannot_be_told() {
    let (database, state) =
        (server::database("unl_locks"), tempfile::tempdir().expect("a directory"));
    database.execute(STOCK);
    let up = "op.execute('LOCK TABLE items')\nimport sqlalchemy\nother = op.get_bind().engine.connect()\nother.execute(sqlalchemy.text('ALTER TABLE items ADD COLUMN n int'))";
    let project = alembic::Project::of(&[("u1", "None", up, "pass")]);
    let limited = Order { limit: Duration::from_secs(8), ..order() };
    let report = rehearse(&project.site(&database, URL, state.path()), &limited).await;
    let one = of(&report, "u1");
    assert_eq!(one.verdict, None, "{one:#?}");
    assert!(one.why.contains("was not done within 8 s"), "{one:#?}");
    assert_eq!(report.verdict, Outcome::Unknown);
}
