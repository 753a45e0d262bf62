//! The real Alembic on a real server, through the machine and the driver.

use std::fs;
use std::path::Path;

use lockkeeper::domain::backup::Scope;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Direction, Plan, Risk};
use lockkeeper::io::process::Identity;
use lockkeeper::session::effect::{Event, Goal, How, Request};

use crate::support::alembic::{Project, Revision};
use crate::support::drive::Drive;
use crate::support::server::{self, Database};
use crate::support::until::{eventually, until};

const URL: &str = "${target.url+psycopg2}";

fn go(direction: Direction, goal: Goal) -> Request {
    Request::Migrate { direction, goal, risk: Risk::Safe }
}

fn up() -> Request {
    go(Direction::Up, Goal::One)
}

fn only(direction: Direction, id: &str) -> Request {
    go(direction, Goal::Only(id.to_owned()))
}

fn start(project: &Project, database: &Database, state: &Path) -> Drive {
    Drive::start(project.site(database, URL, state))
}

fn argv(plan: &Plan) -> String {
    let argv = &plan.command.as_ref().expect("a command").argv;
    argv.iter().skip_while(|word| *word != "alembic").cloned().collect::<Vec<_>>().join(" ")
}

async fn versions(database: &Database) -> Vec<String> {
    let query = "SELECT version_num::text FROM alembic_version ORDER BY 1";
    let mut connection = database.connect().await;
    sqlx::query_scalar(query).fetch_all(&mut connection).await.expect("the server answers")
}

async fn has(database: &Database, relation: &str) -> bool {
    let mut connection = database.connect().await;
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(relation)
        .fetch_one(&mut connection)
        .await
        .expect("the server answers")
}

const TABLE: Revision =
    ("aaaa", "None", "op.create_table('t', sa.Column('a', sa.Integer()))", "op.drop_table('t')");

#[tokio::test(flavor = "multi_thread")]
async fn every_revision_of_the_sample_goes_up_alone_and_the_plan_shows_what_alembic_prints() {
    let (project, database) = (Project::sample(), server::database("alembic_sample"));
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    let plan = drive.plan(up()).await;
    assert_eq!(argv(&plan), "alembic upgrade a1c0de000001");
    let printed = plan.preview.sql.join("\n");
    assert!(printed.contains("CREATE TABLE users (\n    id BIGINT"), "{printed}");
    for id in [
        "a1c0de000001",
        "a1c0de000002",
        "a1c0de00003b",
        "a1c0de00003a",
        "a1c0de000004",
        "a1c0de000005",
    ] {
        let plan = drive.plan(up()).await;
        assert_eq!(argv(&plan), format!("alembic upgrade {id}"));
        let outcome = drive.confirm().await;
        assert_eq!(outcome.ending, Ending::Done, "{id}: {outcome:?}");
    }
    assert_eq!(versions(&database).await, ["a1c0de000005"]);
    // Down to a place on one branch: the merge goes, the other branch stays.
    let to = Goal::Revision("a1c0de00003b".into());
    for (id, after) in [("a1c0de000005", "a1c0de000004"), ("a1c0de000004", "a1c0de00003a")] {
        let plan = drive.plan(go(Direction::Down, to.clone())).await;
        assert_eq!(argv(&plan), format!("alembic downgrade {after}"), "{id}");
        assert_eq!(drive.confirm().await.ending, Ending::Done, "{id}");
    }
    assert_eq!(versions(&database).await, ["a1c0de00003a", "a1c0de00003b"]);
    // One of two branches that begin at the same revision: only this one is taken back.
    let plan = drive.plan(only(Direction::Down, "a1c0de00003b")).await;
    assert_eq!(argv(&plan), "alembic downgrade a1c0de00003b@a1c0de000002");
    done(&drive.confirm().await);
    assert_eq!(versions(&database).await, ["a1c0de00003a"]);
    let plan = drive.plan(only(Direction::Down, "a1c0de00003a")).await;
    assert_eq!(plan.risk, Risk::Destructive);
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::RolledBack, "{outcome:?}");
    assert!(outcome.message.raw().contains("legacy_prefs cannot be restored"), "{outcome:?}");
}

/// Returns what the plan of the next migration shows where a prefix runs `script` in the
/// tool's place: the SQL, and how it was come by.
async fn printed_by(name: &str, script: &str) -> (Project, String, String) {
    let (project, database) = (Project::of(&[TABLE]), server::database(name));
    project.write("prefix", script);
    let state = tempfile::tempdir().expect("a directory");
    let mut site = project.site(&database, URL, state.path());
    site.loaded.config.project.prefix = ["sh", "prefix"].map(str::to_owned).to_vec();
    let mut drive = Drive::start(site);
    let preview = drive.plan(up()).await.preview;
    drive.driver.close().await;
    (project, preview.sql.join("\n"), preview.now.join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn printing_ends_with_its_program_and_nothing_of_it_lives_on() {
    let script = "sleep 600 &\necho $! > pid\necho 'CREATE TABLE by_prefix (a int);'\n";
    let (project, sql, now) = printed_by("alembic_leaves", script).await;
    assert_eq!(sql, "CREATE TABLE by_prefix (a int);", "{now}");
    let pid = fs::read_to_string(project.path().join("pid")).expect("it has begun");
    let pid: u32 = pid.trim().parse().expect("a pid");
    until("what it has left behind is gone", || Identity::of(pid).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_not_taken_for_the_sql() {
    let script = "head -c 5000000 /dev/zero | tr '\\0' x\n";
    let (_, sql, now) = printed_by("alembic_floods", script).await;
    assert!(sql.contains("CREATE TABLE") && sql.len() < 10_000, "{} bytes", sql.len());
    assert!(now.contains("it printed more than 4 MiB"), "{now}");
}

fn done(outcome: &Outcome) {
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_one_transaction_leaves_nothing_and_a_failure_after_a_block_says_what_may_stay()
 {
    let project = Project::of(&[
        TABLE,
        (
            "bbbb",
            "'aaaa'",
            "op.create_table('u', sa.Column('a', sa.Integer()))\nop.drop_table('nowhere')",
            "pass",
        ),
        (
            "cccc",
            "'aaaa'",
            "op.create_table('v', sa.Column('a', sa.Integer()))\nwith op.get_context().autocommit_block():\n    op.create_index('i', 't', ['a'], postgresql_concurrently=True)\nop.drop_table('nowhere')",
            "pass",
        ),
    ]);
    let database = server::database("alembic_failures");
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    drive.plan(up()).await;
    done(&drive.confirm().await);
    drive.plan(only(Direction::Up, "bbbb")).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::RolledBack, "{outcome:?}");
    assert!(outcome.message.raw().contains("UndefinedTable"), "{outcome:?}");
    assert!(!has(&database, "u").await);
    let plan = drive.plan(only(Direction::Up, "cccc")).await;
    assert_eq!((plan.attempts, plan.timeouts.lock_ms), (1, None));
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Partial, "{outcome:?}");
    assert!(
        outcome.message.raw().contains("index i of public.t created; table public.v created"),
        "{outcome:?}"
    );
    assert!(has(&database, "v").await && has(&database, "i").await);
    assert_eq!(versions(&database).await, ["aaaa"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_granted_is_a_lock_timeout_and_a_killed_run_is_never_called_done() {
    let project = Project::of(&[
        TABLE,
        ("bbbb", "'aaaa'", "op.add_column('t', sa.Column('b', sa.Integer()))", "pass"),
    ]);
    let database = server::database("alembic_lock");
    let state = tempfile::tempdir().expect("a directory");
    let mut site = project.site(&database, URL, state.path());
    site.loaded.config.policy.lock_timeout = "300ms".parse().expect("a period");
    site.loaded.config.policy.attempts = 1;
    let mut drive = Drive::start(site);
    drive.plan(up()).await;
    done(&drive.confirm().await);
    let mut blocker = database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT * FROM t").execute(&mut blocker).await.expect("it blocks");
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::LockTimeout, "{outcome:?}");
    drive.driver.close().await;
    let state = tempfile::tempdir().expect("a directory");
    let mut site = project.site(&database, URL, state.path());
    site.loaded.config.policy.lock_timeout = "60s".parse().expect("a period");
    let mut drive = Drive::start(site);
    let hash = drive.plan(up()).await.hash();
    drive.event(Event::Answered(lockkeeper::domain::plan::Answer::Key(hash)));
    let mut looks = database.connect().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND application_name LIKE 'lockkeeper/migrate %'";
    eventually("it waits", async || {
        let asked = sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut looks);
        asked.await.expect("it counts") > 0
    })
    .await;
    drive.event(Event::StopAsked(How::Kill));
    drive.until("it has ended", |d| d.session.acting().is_empty()).await;
    let outcome = drive.outcomes.last().expect("it has ended");
    assert_eq!(outcome.ending, Ending::Stopped, "{outcome:?}");
    assert_eq!(versions(&database).await, ["aaaa"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_leads_elsewhere_is_denied_and_nothing_runs() {
    let project = Project::of(&[TABLE]);
    let (database, other) = (server::database("alembic_ours"), server::database("alembic_other"));
    let state = tempfile::tempdir().expect("a directory");
    let elsewhere = other.dsn().replacen("postgresql:", "postgresql+psycopg2:", 1);
    let mut drive = Drive::start(project.site(&database, &elsewhere, state.path()));
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    assert!(outcome.message.raw().contains("alembic connects to the database"), "{outcome:?}");
    assert!(!has(&database, "t").await && !has(&other, "t").await);
    drive.driver.close().await;
    // Another server altogether.
    let private = server::private(&[]);
    let far = private.database("alembic_far");
    let elsewhere = far.dsn().replacen("postgresql:", "postgresql+psycopg2:", 1);
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = Drive::start(project.site(&database, &elsewhere, state.path()));
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    assert!(outcome.message.raw().contains("cannot tell where alembic connects"), "{outcome:?}");
    assert!(!has(&database, "t").await && !has(&far, "t").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_leads_elsewhere_only_when_it_changes_something_is_an_alarm() {
    let project = Project::of(&[TABLE]);
    let (database, other) = (server::database("alembic_here"), server::database("alembic_there"));
    let elsewhere = other.dsn().replacen("postgresql:", "postgresql+psycopg2:", 1);
    let env = fs::read_to_string(project.path().join("migrations/env.py")).expect("it reads");
    let lead = format!("import sys\nif 'upgrade' in sys.argv:\n    URL = \"{elsewhere}\"\nPER = ");
    project.write("migrations/env.py", &env.replace("PER = ", &lead));
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::RanElsewhere, "{outcome:?}");
    assert!(!has(&database, "t").await && has(&other, "t").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_lost_while_alembic_is_proven_starts_nothing() {
    let project = Project::of(&[TABLE]);
    let server = server::private(&[]);
    let database = server.database("alembic_lease");
    let env = fs::read_to_string(project.path().join("migrations/env.py")).expect("it reads");
    // Under a name of its own: it is not what is looked for on the server.
    let ends = format!(
        "import sys, psycopg2\nif 'current' in sys.argv:\n    \
         other = psycopg2.connect(\"{}\", application_name=\"other\")\n    \
         other.cursor().execute(\"SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity \
         WHERE application_name = 'lockkeeper/lease'\")\n    other.close()\nPER = ",
        database.dsn()
    );
    project.write("migrations/env.py", &env.replace("PER = ", &ends));
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = start(&project, &database, state.path());
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    assert!(outcome.message.raw().contains("the lease on"), "{outcome:?}");
    assert!(!has(&database, "t").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_program_nothing_runs_and_it_is_said_what_to_do() {
    let (project, database) = (Project::of(&[TABLE]), server::database("alembic_missing"));
    let state = tempfile::tempdir().expect("a directory");
    let mut site = project.site(&database, URL, state.path());
    site.loaded.config.project.prefix = vec!["/nonexistent/poetry".to_owned(), "run".to_owned()];
    let mut drive = Drive::start(site);
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    assert!(outcome.message.raw().contains("[project] prefix"), "{outcome:?}");
}

#[test]
fn the_real_program_agrees_that_a_named_branch_goes_down_alone() {
    let project = Project::of(&[
        ("aaaa", "None", "pass", "pass"),
        ("bbbb", "'aaaa'", "pass", "pass"),
        ("cccc", "'aaaa'", "pass", "pass"),
    ]);
    let database = server::database("alembic_named");
    assert_eq!(project.alembic(&database, &["upgrade", "heads"]).0, 0);
    let (code, said) = project.alembic(&database, &["downgrade", "cccc@aaaa"]);
    assert_eq!(code, 0, "{said}");
    let (_, said) = project.alembic(&database, &["current"]);
    assert!(said.contains("bbbb") && !said.contains("cccc"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_table_that_env_py_computes_is_the_one_that_the_configuration_names() {
    let (project, database) = (Project::sample(), server::database("alembic_computed"));
    database.execute("CREATE SCHEMA \"Books\"");
    let env = project.path().join("migrations/env.py");
    let text = fs::read_to_string(&env).expect("it reads");
    let computed = "connection=connection, version_table='_'.join(['shop', 'versions']), version_table_schema='books'.title(),";
    fs::write(&env, text.replace("connection=connection,", computed)).expect("it can be written");
    let state = tempfile::tempdir().expect("a directory");
    // Which table it is cannot be told, so nothing can be run.
    let mut drive = start(&project, &database, state.path());
    drive.event(Event::Asked(up()));
    let told = |said: &String| said.contains("name the table in lockkeeper.toml");
    drive.until("it is refused", |d| d.said.iter().any(told)).await;
    drop(drive);
    let mut site = project.site(&database, URL, state.path());
    site.loaded.config.project.version_table = Some("shop_versions".to_owned());
    site.loaded.config.project.version_table_schema = Some("Books".to_owned());
    let mut drive = Drive::start(site);
    for id in ["a1c0de000001", "a1c0de000002"] {
        assert_eq!(argv(&drive.plan(up()).await), format!("alembic upgrade {id}"));
        done(&drive.confirm().await);
    }
    let rows = "SELECT version_num::text FROM \"Books\".shop_versions";
    let mut connection = database.connect().await;
    let held: Vec<String> =
        sqlx::query_scalar(rows).fetch_all(&mut connection).await.expect("the server answers");
    assert_eq!(held, ["a1c0de000002"]);
    assert!(!has(&database, "alembic_version").await);
    drive.plan(go(Direction::Down, Goal::One)).await;
    done(&drive.confirm().await);
    // The children that look by themselves are told the same.
    let plan = drive.plan(Request::Backup { scope: Scope::Full, to: None }).await;
    let words = &plan.command.as_ref().expect("a command").argv;
    let at = words.iter().position(|word| word == "--tool").expect("it is told");
    assert_eq!(words[at + 1], "alembic:\"Books\".shop_versions");
    done(&drive.confirm().await);
    let backups = project.path().join("backups");
    let manifest = fs::read_dir(backups)
        .expect("it is made")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|ending| ending == "json"))
        .expect("a manifest");
    let manifest = fs::read_to_string(manifest).expect("it reads");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("it is JSON");
    assert_eq!(manifest["revisions"], serde_json::json!(["a1c0de000001"]));
}
