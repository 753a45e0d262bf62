//! Mending what a failure has left: an invalid index, a tool's own mark.

use std::path::Path;

use lockkeeper::domain::mend::Mend;
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Need, Risk};
use lockkeeper::io::postgres::reader::Reader;
use lockkeeper::session::confirm::Pending;
use lockkeeper::session::effect::{Event, Goal, Request};

use crate::support::drive::{self, Drive};
use crate::support::node;
use crate::support::server::{self, Database};
use crate::support::until::eventually;

const FILES: [(&str, &str); 2] = [
    ("migrations/1_t.sql", "CREATE TABLE t (a int);"),
    (
        "migrations/2_i.sql",
        "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_a ON t (a);",
    ),
];

fn project() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("migrations")).expect("it can be made");
    for (name, text) in FILES {
        std::fs::write(dir.path().join(name), text).expect("it can be written");
    }
    dir
}

fn up() -> Request {
    Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Safe }
}

fn start(database: &Database, project: &Path, state: &Path) -> Drive {
    Drive::start(drive::site(&database.dsn(), project, state))
}

async fn invalid(database: &Database) -> Vec<lockkeeper::domain::mend::Invalid> {
    let state = tempfile::tempdir().expect("a directory");
    let site = drive::site(&database.dsn(), state.path(), state.path());
    let mut reader = Reader::new(site.target.spec.clone());
    let found = reader.invalid_indexes().await.expect("it reads");
    reader.close().await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_index_is_named_before_a_retry_and_dropped_only_after_a_yes() {
    let (database, project) = (server::database("mend_index"), project());
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&database, project.path(), state.path());
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    database.execute("INSERT INTO t VALUES (1), (1)");
    let plan = drive.plan(up()).await;
    assert!(!plan.preview.now.iter().any(|line| line.contains("INVALID")), "{:?}", plan.preview);
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Partial, "{outcome:?}");
    assert!(outcome.message.raw().contains("INVALID index t_a of public.t"), "{outcome:?}");
    // What sqlx does with its own row is its own; here the row must not stop the second try.
    database.execute("DELETE FROM _sqlx_migrations WHERE NOT success");
    let plan = drive.plan(up()).await;
    let named = plan.preview.now.iter().find(|line| line.contains("t_a is INVALID"));
    let named = named.unwrap_or_else(|| panic!("{:?}", plan.preview.now));
    assert!(named.contains("IF NOT EXISTS succeeds over it"), "{named}");
    drive.event(Event::Dismissed);
    let oid = invalid(&database).await[0].oid;
    let plan = drive.plan(Request::Mend(Mend::Index { oid })).await;
    assert_eq!(plan.preview.sql, ["DROP INDEX CONCURRENTLY public.t_a"]);
    assert_eq!((plan.attempts, plan.timeouts.lock_ms), (1, None));
    assert_eq!(invalid(&database).await.len(), 1, "nothing ran before the yes");
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    assert!(invalid(&database).await.is_empty());
    drive.refuses(Request::Mend(Mend::Index { oid }), "there no more").await;
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_somebody_builds_right_now_is_not_offered() {
    let (database, project) = (server::database("mend_building"), project());
    database.execute("CREATE TABLE t (a int)");
    let mut old = database.connect().await;
    let hold =
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t; INSERT INTO t VALUES (1)";
    sqlx::raw_sql(hold).execute(&mut old).await.expect("it is old");
    let mut builder = database.connect().await;
    let build = tokio::spawn(async move {
        sqlx::raw_sql("CREATE INDEX CONCURRENTLY t_b ON t (a)")
            .execute(&mut builder)
            .await
            .map(drop)
    });
    eventually("it is being built", async || !invalid(&database).await.is_empty()).await;
    let found = invalid(&database).await;
    assert!(found[0].building, "{found:?}");
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&database, project.path(), state.path());
    let of = Request::Mend(Mend::Index { oid: found[0].oid });
    drive.refuses(of, "is being built right now").await;
    drive.until("the slow facts are there", |d| d.facts.slow.value().is_some()).await;
    let slow = drive.facts.slow.value().expect("they are there");
    assert!(slow.invalid_indexes.is_empty(), "{slow:?}");
    drive.driver.close().await;
    sqlx::raw_sql("COMMIT").execute(&mut old).await.expect("it ends");
    build.await.expect("it ends").expect("it is built");
    assert!(invalid(&database).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_failed_row_of_sqlx_is_cleared_as_it_was_shown_and_never_beside_another_run() {
    let (database, project) = (server::database("mend_mark"), project());
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&database, project.path(), state.path());
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    drive.refuses(Request::Mend(Mend::Mark), "has left no mark").await;
    database.execute("UPDATE _sqlx_migrations SET success = false");
    let plan = drive.plan(Request::Mend(Mend::Mark)).await;
    assert!(matches!(drive.session.pending().map(Pending::need), Some(Need::Typed(_))));
    assert!(plan.preview.title.contains("sqlx recorded that 1 did not succeed"), "{plan:?}");
    // Somebody who may be such a run: nothing is changed.
    let mut other = database.connect().await;
    sqlx::raw_sql("SELECT pg_advisory_lock(7)").execute(&mut other).await.expect("it locks");
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Failed, "{outcome:?}");
    assert!(outcome.message.raw().contains("may be a run of the tool"), "{outcome:?}");
    sqlx::raw_sql("SELECT pg_advisory_unlock(7)").execute(&mut other).await.expect("it unlocks");
    drive.plan(Request::Mend(Mend::Mark)).await;
    // The row moves after it was shown.
    database.execute("UPDATE _sqlx_migrations SET success = true");
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    database.execute("UPDATE _sqlx_migrations SET success = false");
    drive.plan(Request::Mend(Mend::Mark)).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    let rows = "SELECT count(*) FROM _sqlx_migrations";
    let rows: i64 = sqlx::query_scalar(rows).fetch_one(&mut other).await.expect("it counts");
    assert_eq!(rows, 0);
    drive.driver.close().await;
}

/// The lock that the search path finds is another project's, and held.
#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_another_schema_is_given_back_and_no_other_projects() {
    let project = node::Project::sample("knex");
    let database = server::database("mend_schema");
    let state = tempfile::tempdir().expect("a directory");
    let mut site = project.site(&database, "${target.url}", state.path());
    site.loaded.config.project.version_table = Some("migs".to_owned());
    site.loaded.config.project.version_table_schema = Some("app".to_owned());
    database.execute(
        "CREATE SCHEMA app;
         CREATE TABLE app.migs (id serial PRIMARY KEY, name varchar(255), batch int, migration_time timestamptz);
         CREATE TABLE app.migs_lock (index serial PRIMARY KEY, is_locked int);
         CREATE TABLE migs_lock (index serial PRIMARY KEY, is_locked int);
         CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked int);
         INSERT INTO app.migs_lock (is_locked) VALUES (1);
         INSERT INTO migs_lock (is_locked) VALUES (1);
         INSERT INTO knex_migrations_lock (is_locked) VALUES (1)",
    );
    let mut drive = Drive::start(site);
    let plan = drive.plan(Request::Mend(Mend::Mark)).await;
    assert!(plan.preview.title.contains("Knex left app.migs_lock held"), "{plan:?}");
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    database.execute(
        "DO $$ BEGIN ASSERT (SELECT is_locked FROM app.migs_lock) = 0
                        AND (SELECT is_locked FROM migs_lock) = 1
                        AND (SELECT is_locked FROM knex_migrations_lock) = 1; END $$",
    );
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_that_a_dead_run_of_knex_left_is_given_back() {
    let project = node::Project::sample("knex");
    let database = server::database("mend_knex");
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = Drive::start(project.site(&database, "${target.url}", state.path()));
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    database.execute("UPDATE knex_migrations_lock SET is_locked = 1");
    drive.refuses(up(), "is held").await;
    let plan = drive.plan(Request::Mend(Mend::Mark)).await;
    assert!(plan.preview.title.contains("Knex left knex_migrations_lock held"), "{plan:?}");
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    drive.plan(up()).await;
    drive.driver.close().await;
}
