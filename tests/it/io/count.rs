//! What a migration would lose, or be refused by, counted on a real server.

use std::time::{Duration, Instant};

use lockkeeper::domain::hazard::Catalog;
use lockkeeper::domain::loss::{self, Loss};
use lockkeeper::domain::plan::Direction;
use lockkeeper::io::postgres::reader::Reader;
use lockkeeper::source::sql::compile;
use sqlx::Executor as _;

use crate::support::server::{Database, database};
use crate::support::tcp::spec;

const SCHEMA: &str =
    "CREATE TABLE users (id int, email varchar(100), amount numeric(10, 2), seen timestamp);
    INSERT INTO users SELECT g, repeat('x', g), g, CASE WHEN g > 7 THEN now() END
    FROM generate_series(1, 10) g;
    INSERT INTO users (id) VALUES (1), (2)";

async fn counted(database: &Database, sql: &str) -> Vec<Loss> {
    let statements = compile(sql).statements;
    let empty = Catalog::default();
    let mut losses = loss::of(&statements, Direction::Up, &empty);
    losses.extend(loss::obstacles(&statements, Direction::Up, &empty));
    Reader::new(spec(&database.dsn())).count(&mut losses).await;
    losses
}

async fn rows(database: &Database, sql: &str) -> Vec<Option<u64>> {
    counted(database, sql).await.iter().map(|loss| loss.rows).collect()
}

#[tokio::test]
async fn what_would_be_lost_is_counted() {
    let database = database("counted");
    database.execute(SCHEMA);
    for (sql, expected) in [
        ("ALTER TABLE users DROP COLUMN seen", 3),
        ("DROP TABLE users", 12),
        ("TRUNCATE users", 12),
        ("ALTER TABLE users ALTER COLUMN email TYPE varchar(4)", 6),
        ("ALTER TABLE users ALTER COLUMN id TYPE smallint", 0),
        ("ALTER TABLE users ALTER COLUMN amount TYPE numeric(3, 2)", 1),
        ("DELETE FROM users WHERE id > 8", 2),
        ("UPDATE users SET amount = 0 WHERE amount IS NOT NULL", 10),
    ] {
        assert_eq!(rows(&database, sql).await, [Some(expected)], "{sql}");
    }
}

#[tokio::test]
async fn the_rows_that_would_refuse_are_counted() {
    let database = database("refusing");
    database.execute(SCHEMA);
    for (sql, expected) in [
        ("ALTER TABLE users ALTER COLUMN email SET NOT NULL", vec![Some(2)]),
        ("ALTER TABLE users ADD UNIQUE (id)", vec![Some(2)]),
        ("ALTER TABLE users ADD UNIQUE (email)", vec![Some(0)]),
        ("CREATE UNIQUE INDEX ON users (id)", vec![Some(2)]),
        ("ALTER TABLE users ADD CHECK (amount > 4)", vec![Some(4)]),
        ("ALTER TABLE users ADD CHECK (amount > 4) NOT VALID", vec![]),
        ("ALTER TABLE users ADD PRIMARY KEY (id)", vec![Some(0), Some(2)]),
        ("ALTER TABLE users ADD COLUMN x int NOT NULL", vec![Some(12)]),
        ("CREATE TABLE fresh (a int); ALTER TABLE fresh ALTER COLUMN a SET NOT NULL", vec![]),
    ] {
        assert_eq!(rows(&database, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn rows_without_a_parent_are_counted_by_the_key_that_is_written_or_the_primary_key() {
    let database = database("orphans");
    database.execute(
        "CREATE TABLE pairs (b int, a int, PRIMARY KEY (a, b), other int UNIQUE);
         INSERT INTO pairs (a, b, other) VALUES (1, 2, 7), (3, 4, 8);
         CREATE TABLE kids (x int, y int, o int);
         INSERT INTO kids VALUES (1, 2, 7), (2, 1, 7), (3, 4, 9), (NULL, 4, 9), (9, NULL, NULL)",
    );
    let catalog = Reader::new(spec(&database.dsn())).catalog(150_000).await.expect("it reads");
    for (sql, expected) in [
        ("ALTER TABLE kids ADD FOREIGN KEY (x, y) REFERENCES pairs", Some(1)),
        ("ALTER TABLE kids ADD FOREIGN KEY (x, y) REFERENCES pairs (a, b)", Some(1)),
        ("ALTER TABLE kids ADD FOREIGN KEY (y, x) REFERENCES pairs (b, a)", Some(1)),
        ("ALTER TABLE kids ADD FOREIGN KEY (o) REFERENCES pairs (other)", Some(2)),
        ("ALTER TABLE kids ADD FOREIGN KEY (o) REFERENCES kids (x)", Some(2)),
        ("ALTER TABLE kids ADD FOREIGN KEY (o) REFERENCES pairs", None),
    ] {
        let statements = compile(sql).statements;
        let mut all = loss::obstacles(&statements, Direction::Up, &catalog);
        Reader::new(spec(&database.dsn())).count(&mut all).await;
        assert_eq!(all.iter().map(|one| one.rows).collect::<Vec<_>>(), [expected], "{sql}");
    }
    // What stands NOT VALID is asked for when it is validated, here and in the next migration.
    let later = "ALTER TABLE kids ADD CONSTRAINT k FOREIGN KEY (x, y) REFERENCES pairs NOT VALID";
    let twice = format!("{later}; ALTER TABLE kids VALIDATE CONSTRAINT k");
    let one = loss::obstacles(&compile(&twice).statements, Direction::Up, &catalog);
    assert_eq!(one.len(), 1, "{one:?}");
    database.execute(later);
    let catalog = Reader::new(spec(&database.dsn())).catalog(150_000).await.expect("it reads");
    let statements = compile("ALTER TABLE kids VALIDATE CONSTRAINT k").statements;
    let mut all = loss::obstacles(&statements, Direction::Up, &catalog);
    Reader::new(spec(&database.dsn())).count(&mut all).await;
    assert_eq!(all[0].rows, Some(1), "{all:?}");
}

#[tokio::test]
async fn a_locked_table_is_not_waited_for_and_stays_unknown() {
    let database = database("count_locked");
    database.execute(SCHEMA);
    let mut holder = database.connect().await;
    holder.execute("BEGIN; LOCK TABLE users").await.expect("it is locked");
    let began = Instant::now();
    let counted = counted(&database, "DROP TABLE users").await;
    assert_eq!(counted[0].rows, None);
    assert!(counted[0].unknown.as_deref().is_some_and(|why| why.contains("locked")), "{counted:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "it does not stand in the queue");
}

#[tokio::test]
async fn what_calls_an_unknown_function_is_never_run() {
    let database = database("count_calls");
    database.execute(SCHEMA);
    database.execute(
        "CREATE TABLE proof (n int); CREATE FUNCTION f() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    );
    let counted = counted(&database, "DELETE FROM users WHERE f()").await;
    assert_eq!(counted[0].rows, None);
    assert!(counted[0].unknown.is_some());
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let database = database("count_absent");
    let counted = counted(&database, "ALTER TABLE nowhere DROP COLUMN x").await;
    assert_eq!(counted[0].unknown.as_deref(), Some("the table is not there"));
}

#[tokio::test]
async fn counting_a_great_many_rows_stops_and_says_that_there_are_more() {
    let database = database("count_many");
    // Slow to count in full, quick to count some: the view costs a little for each row.
    database.execute(
        "CREATE VIEW slow AS SELECT g FROM generate_series(1, 5000) g
         CROSS JOIN LATERAL generate_series(1, 20000) h",
    );
    let counted = counted(&database, "DROP TABLE slow").await;
    assert_eq!((counted[0].rows, counted[0].more), (Some(10_000), true), "{counted:?}");
    assert_eq!(counted[0].counted().as_deref(), Some("more than 10,000 rows"));
}
