//! A project on asyncpg, which reads neither `PGAPPNAME` nor `PGOPTIONS`: where it connects is
//! only known where its `env.py` passes them on.

use lockkeeper::domain::journal::Kind;
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Risk};
use lockkeeper::session::effect::{Goal, Request};

use crate::support::alembic::{Project, Revision, async_bin};
use crate::support::drive::Drive;
use crate::support::server;

/// An environment as asyncpg's users write it; `settings` are its `server_settings`.
fn environment(settings: &str) -> String {
    format!(
        r#"import asyncio
import os

import asyncpg
from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine


async def connect():
    return await asyncpg.connect(os.environ["DATABASE_URL"], server_settings={settings})


def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def online():
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(online())
"#
    )
}

/// Notes what its session was given.
const SEEN: Revision = (
    "aaaa",
    "None",
    "op.execute(\"CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock_timeout, \"\n    \
     \"current_setting('application_name') AS name\")",
    "op.drop_table('seen')",
);

fn project(settings: &str) -> Project {
    let project = Project::of(&[SEEN]);
    project.write("migrations/env.py", &environment(settings));
    project
}

fn up() -> Request {
    Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Safe }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_ignores_libpqs_environment_is_denied_and_nothing_runs() {
    let (project, database) = (project("{}"), server::database("asyncpg_denied"));
    let state = tempfile::tempdir().expect("a directory");
    let site = project.site_run_by(async_bin(), &database, "${target.url}", state.path());
    let mut drive = Drive::start(site);
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    let said = outcome.message.raw();
    assert!(said.contains("cannot tell where alembic connects"), "{said}");
    assert!(said.contains("server_settings"), "the way is said: {said}");
    let mut connection = database.connect().await;
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let tables: i64 =
        sqlx::query_scalar(tables).fetch_one(&mut connection).await.expect("it reads");
    assert_eq!(tables, 0, "not even the version table");
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_passes_name_and_options_on_is_proven_and_bounded() {
    let settings = "{\"application_name\": os.environ.get(\"PGAPPNAME\", \"alembic\"), \
                    \"options\": os.environ.get(\"PGOPTIONS\", \"\")}";
    let (project, database) = (project(settings), server::database("asyncpg_proven"));
    let state = tempfile::tempdir().expect("a directory");
    let site = project.site_run_by(async_bin(), &database, "${target.url}", state.path());
    let mut drive = Drive::start(site);
    let plan = drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    let mut connection = database.connect().await;
    let seen: (String, String) = sqlx::query_as("SELECT lock_timeout, name FROM seen")
        .fetch_one(&mut connection)
        .await
        .expect("it was made");
    let limit = plan.timeouts.lock_ms.expect("it is bounded") / 1000;
    assert_eq!(seen.0, format!("{limit}s"));
    assert!(seen.1.starts_with("lockkeeper/migrate"), "{}", seen.1);
    drive.driver.close().await;
}

/// Passes on its name, and no option.
const NAMED: &str = "{\"application_name\": os.environ.get(\"PGAPPNAME\", \"alembic\")}";

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_no_lock_timeout_bounds_is_cancelled_as_the_plan_says_and_tried_again() {
    let add: Revision = (
        "bbbb",
        "'aaaa'",
        "op.add_column('seen', sa.Column('b', sa.Integer()))",
        "op.drop_column('seen', 'b')",
    );
    let project = Project::of(&[SEEN, add]);
    project.write("migrations/env.py", &environment(NAMED));
    let database = server::database("asyncpg_waits");
    let state = tempfile::tempdir().expect("a directory");
    let mut site = project.site_run_by(async_bin(), &database, "${target.url}", state.path());
    let policy = &mut site.loaded.config.policy;
    policy.cancel_after = Some("1s".parse().expect("a period"));
    policy.lock_timeout = "900ms".parse().expect("a period");
    policy.retry_pause = "200ms".parse().expect("a period");
    policy.attempts = 2;
    let mut drive = Drive::start(site);
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    let mut blocker = database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT * FROM seen").execute(&mut blocker).await.expect("it blocks");
    let plan = drive.plan(up()).await;
    assert_eq!((plan.timeouts.cancel_ms, plan.attempts), (Some(1_000), 2));
    let stall = plan.preview.stall.clone().expect("it is told");
    assert!(stall.contains("2 attempts"), "{stall}");
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::LockTimeout, "{outcome:?}");
    let said = outcome.message.raw();
    assert!(said.contains("was cancelled by lockkeeper after"), "{said}");
    drive.until("both attempts were made", |d| d.outcomes.len() == 3).await;
    let stops = drive.facts.records.iter().filter(|record| record.kind == Kind::Stop);
    let stops: Vec<_> = stops.map(|record| (record.attempt, record.data["how"].clone())).collect();
    let how = serde_json::json!("waited too long for a lock");
    assert_eq!(stops, [(Some(1), how.clone()), (Some(2), how)]);
    // Nobody else was touched.
    let alive = sqlx::raw_sql("SELECT 1; COMMIT").execute(&mut blocker).await;
    alive.expect("the blocker goes on");
    drive.driver.close().await;
}
