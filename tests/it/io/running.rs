//! What is known after a step: the version, the schema, and what stays of a failure.

use std::path::Path;
use std::time::Duration;

use lockkeeper::domain::fingerprint::{Compared, Schema};
use lockkeeper::domain::journal::Kind;
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Answer, Direction, Risk};
use lockkeeper::domain::scenario::Scenario;
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::io::postgres::reader::Reader;
use lockkeeper::session::effect::{Event, Goal, How, Request};

use crate::support::alembic::{Project, Revision};
use crate::support::drive::{self, Drive};
use crate::support::server::{self, Database};

const URL: &str = "${target.url+psycopg2}";

const TABLE: Revision = (
    "aaaa",
    "None",
    "op.execute('CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)')",
    "op.drop_table('t')",
);

fn only(id: &str) -> Request {
    let goal = Goal::Only(id.to_owned());
    Request::Migrate { direction: Direction::Up, goal, risk: Risk::Safe }
}

fn start(project: &Project, database: &Database, state: &Path) -> Drive {
    Drive::start(project.site(database, URL, state))
}

async fn schema(database: &Database) -> Schema {
    let state = tempfile::tempdir().expect("a directory");
    let site = drive::site(&database.dsn(), state.path(), state.path());
    let mut reader = Reader::new(site.target.spec.clone());
    let schema = reader.schema().await.expect("it reads");
    reader.close().await;
    schema
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fingerprint_moves_with_the_schema_and_with_nothing_else() {
    let database = server::database("fingerprint");
    database.execute(
        "CREATE TYPE mood AS ENUM ('a'); CREATE TABLE p (id int PRIMARY KEY); \
         CREATE TABLE t (id int REFERENCES p, m mood DEFAULT 'a', CHECK (id > 0)); \
         CREATE VIEW v AS SELECT id FROM t; CREATE SEQUENCE s; \
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE INDEX i ON t (id)",
    );
    let before = schema(&database).await;
    database.execute(
        "INSERT INTO p SELECT generate_series(1, 1000); INSERT INTO t SELECT id FROM p; \
         SELECT nextval('s'); BEGIN; ALTER TABLE t ADD COLUMN gone int; DROP VIEW v; ROLLBACK",
    );
    for settle in ["VACUUM FULL t", "VACUUM ANALYZE", "REINDEX TABLE t", "DELETE FROM t"] {
        database.execute(settle);
    }
    assert_eq!(schema(&database).await.fingerprint(), before.fingerprint());
    let moves = [
        ("ALTER TABLE t ADD COLUMN b int", "table public.t changed"),
        ("ALTER TABLE t ALTER COLUMN b SET DEFAULT 7", "table public.t changed"),
        ("ALTER TYPE mood ADD VALUE 'b'", "type public.mood changed"),
        (
            "CREATE OR REPLACE VIEW v AS SELECT id, 1 AS x FROM t",
            "view public.v changed; rule _RETURN of public.v changed",
        ),
        (
            "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
            "function public.f() changed",
        ),
        ("ALTER SEQUENCE s INCREMENT 2", "sequence public.s changed"),
        (
            "ALTER TABLE t ADD CONSTRAINT c CHECK (b > 0) NOT VALID",
            "constraint c of public.t created",
        ),
        ("ALTER TABLE t VALIDATE CONSTRAINT c", "constraint c of public.t changed"),
        ("GRANT SELECT ON t TO PUBLIC", "table public.t changed"),
        ("ALTER TABLE t DISABLE TRIGGER ALL", ""),
        ("DROP INDEX i", "index i of public.t dropped"),
        ("CREATE SCHEMA other", "schema other created"),
    ];
    let mut last = schema(&database).await;
    for (sql, expected) in moves {
        database.execute(sql);
        let now = schema(&database).await;
        let mut told: Vec<String> = last.changes(&now).iter().map(Untrusted::one_line).collect();
        told.sort_by_key(|line| !line.starts_with("view"));
        assert_eq!(told.join("; "), expected, "{sql}");
        last = now;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fingerprint_waits_for_nobodys_lock() {
    let database = server::database("fingerprint_lock");
    database.execute(
        "CREATE TABLE t (id int DEFAULT 1 CHECK (id > 0)); CREATE VIEW v AS SELECT id FROM t",
    );
    let before = schema(&database).await;
    let mut holder = database.connect().await;
    let hold = "BEGIN; LOCK TABLE t, v IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(hold).execute(&mut holder).await.expect("it locks");
    assert_eq!(schema(&database).await.fingerprint(), before.fingerprint());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_index_that_could_not_be_built_concurrently_is_partial_and_named() {
    let build = "with op.get_context().autocommit_block():\n    op.create_index('t_a', 't', ['a'], unique=True, postgresql_concurrently=True)";
    let project = Project::of(&[TABLE, ("bbbb", "'aaaa'", build, "pass")]);
    let database = server::database("running_invalid");
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    drive.plan(only("aaaa")).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    let plan = drive.plan(only("bbbb")).await;
    assert_eq!((plan.timeouts.lock_ms, plan.attempts), (None, 1));
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Partial, "{outcome:?}");
    assert_eq!(outcome.scenario, Some(Scenario::Data));
    let said = outcome.message.raw();
    assert!(said.contains("since before it: INVALID index t_a of public.t created"), "{said}");
    assert!(!outcome.ending.may_retry());
    let told = drive.said.last().expect("it is told");
    assert!(told.contains("do not run it again"), "{told}");
    // Before and after are on record.
    let records = &drive.facts.records;
    let recorded = records.iter().rev().find(|record| record.kind == Kind::Schema);
    let before = recorded.expect("it is recorded").data["fingerprint"].clone();
    let Compared::Moved { before: compared, .. } = &outcome.schema else { panic!("{outcome:?}") };
    assert_eq!(before, serde_json::to_value(compared).expect("it serializes"));
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_outside_of_a_transaction_that_left_nothing_is_proven_rolled_back() {
    let fails = "with op.get_context().autocommit_block():\n    op.execute('DROP INDEX CONCURRENTLY nowhere')";
    let project = Project::of(&[TABLE, ("bbbb", "'aaaa'", fails, "pass")]);
    let database = server::database("running_nothing");
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    drive.plan(only("aaaa")).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    drive.plan(only("bbbb")).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::RolledBack, "{outcome:?}");
    assert!(matches!(outcome.schema, Compared::Same { .. }), "{outcome:?}");
    assert_eq!(outcome.scenario, Some(Scenario::Sql));
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_after_it_committed_is_partial_and_says_what_stays() {
    let slow = "op.create_table('v', sa.Column('a', sa.Integer()))\n\
                with op.get_context().autocommit_block():\n    op.create_index('i', 't', ['a'])\n    op.execute('SELECT pg_sleep(60)')";
    let project = Project::of(&[TABLE, ("bbbb", "'aaaa'", slow, "pass")]);
    let database = server::database("running_killed");
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    drive.plan(only("aaaa")).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    let hash = drive.plan(only("bbbb")).await.hash();
    drive.event(Event::Answered(Answer::Key(hash)));
    if drive.session.pending().is_some() {
        let (hash, name) =
            (drive.session.pending().expect("shown").hash().clone(), database.name.clone());
        drive.event(Event::Answered(Answer::Typed(hash, name)));
    }
    let mut looks = database.connect().await;
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)' AND state = 'active' AND datname = current_database()";
    let came = async {
        while sqlx::query_scalar::<_, i64>(sleeping).fetch_one(&mut looks).await.expect("it counts")
            == 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), came).await.expect("it sleeps");
    drive.event(Event::StopAsked(How::Kill));
    drive.until("it has ended", |d| d.session.acting().is_empty()).await;
    let outcome = drive.outcomes.last().expect("it has ended");
    assert_eq!(outcome.ending, Ending::Partial, "{outcome:?}");
    let said = outcome.message.raw();
    assert!(said.contains("index i of public.t created; table public.v created"), "{said}");
    drive.driver.close().await;
}
