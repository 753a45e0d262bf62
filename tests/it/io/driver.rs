//! The machine's effects on a real server: planned, proved, performed, recorded.

use std::fs;
use std::path::Path;

use lockkeeper::cli::begin;
use lockkeeper::domain::activity::BackendKey;
use lockkeeper::domain::identity::Class;
use lockkeeper::domain::journal::{self, Kind};
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Risk, Signal};
use lockkeeper::session::effect::{Event, Goal, Request};
use lockkeeper::session::walk::{End, Move, Phase};
use sqlx::Row as _;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::drive::{Drive, site};
use crate::support::server::{self, Database};
use crate::support::until::eventually;

const FILES: [(&str, &str); 4] = [
    ("1_first.up.sql", "CREATE TABLE first (id int PRIMARY KEY, note text);"),
    ("1_first.down.sql", "DROP TABLE first;"),
    ("2_second.up.sql", "ALTER TABLE first ADD COLUMN more text;"),
    ("2_second.down.sql", "ALTER TABLE first DROP COLUMN more;"),
];

fn project() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let migrations = dir.path().join("migrations");
    fs::create_dir(&migrations).expect("it can be made");
    for (name, text) in FILES {
        fs::write(migrations.join(name), text).expect("it can be written");
    }
    dir
}

fn up() -> Request {
    Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Safe }
}

fn down() -> Request {
    Request::Migrate { direction: Direction::Down, goal: Goal::One, risk: Risk::Safe }
}

fn start(database: &Database, project: &Path, state: &Path) -> Drive {
    Drive::start(site(&database.dsn(), project, state))
}

fn records(state: &Path) -> Vec<journal::Record> {
    let mut all = Vec::new();
    for run in fs::read_dir(state.join("runs")).expect("there are runs") {
        let text = fs::read(run.expect("a run").path().join("journal.jsonl")).expect("a journal");
        let reading = journal::read(&text);
        assert!(reading.intact, "{:?}", reading.fault);
        all.extend(reading.records);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_before_the_first_act_is_recorded_behind_its_intent() {
    let (database, project) = (server::database("driver_baseline"), project());
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut site = site(&database.dsn(), project.path(), state.path());
    site.loaded.config.ui.refresh = "50ms".parse().expect("it is a length of time");
    let mut drive = Drive::start(site);
    drive.until("it was watched for a while", |d| d.facts.history.len() > 8).await;
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    drive
        .until("it is recorded", |d| d.facts.records.iter().any(|r| r.kind == Kind::Baseline))
        .await;
    assert!(drive.facts.vitals.baseline().is_some_and(|before| before.tps.is_some()));
    drive.driver.close().await;
    let kinds: Vec<Kind> = records(state.path()).iter().map(|record| record.kind).collect();
    let at = |wanted: Kind| kinds.iter().position(|kind| *kind == wanted);
    assert!(at(Kind::Intent) < at(Kind::Baseline), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Baseline).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_goes_up_and_down_each_under_its_own_yes() {
    let (database, project) = (server::database("driver_up_down"), project());
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut drive = start(&database, project.path(), state.path());
    let plan = drive.plan(up()).await;
    assert_eq!(plan.preview.title, "up 1 first");
    assert_eq!(plan.risk, Risk::Safe);
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    assert_eq!(outcome.revision_after.as_deref(), Some(&["1".to_owned()][..]));
    database.execute("INSERT INTO first VALUES (1, 'x')");
    let plan = drive.plan(down()).await;
    assert!(plan.risk >= Risk::Lossy);
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    drive.driver.close().await;
    let kinds: Vec<Kind> = records(state.path()).iter().map(|record| record.kind).collect();
    // On a slow machine there was time for a baseline, and for fewer transactions than in it.
    let beside = |kind: &Kind| matches!(kind, Kind::Baseline | Kind::Trigger);
    let kinds: Vec<Kind> = kinds.into_iter().filter(|kind| !beside(kind)).collect();
    let up = [Kind::Opened, Kind::Intent, Kind::Schema, Kind::Outcome, Kind::Probe];
    assert_eq!(kinds[..5], up, "what was written by then is noted");
    assert_eq!(kinds[5..], [Kind::Intent, Kind::Schema, Kind::Outcome, Kind::Closed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_after_the_preview_is_not_run() {
    let (database, project) = (server::database("driver_changed"), project());
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut drive = start(&database, project.path(), state.path());
    drive.plan(up()).await;
    fs::write(project.path().join("migrations/1_first.up.sql"), "CREATE TABLE evil (id int);")
        .expect("it can be written");
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    let mut connection = database.connect().await;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .fetch_one(&mut connection)
            .await
            .expect("the server counts");
    assert_eq!(tables, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_timeout_is_tried_again_within_the_same_yes() {
    let (database, project) = (server::database("driver_retry"), project());
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut with = site(&database.dsn(), project.path(), state.path());
    with.loaded.config.policy.lock_timeout = "200ms".parse().expect("a period");
    let mut drive = Drive::start(with);
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    let mut blocker = database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT * FROM first").execute(&mut blocker).await.expect("it blocks");
    let plan = drive.plan(up()).await;
    assert!(
        plan.preview.now.iter().any(|line| line.contains("AccessShare")),
        "{:?}",
        plan.preview.now
    );
    let hash = plan.hash();
    drive.event(Event::Answered(lockkeeper::domain::plan::Answer::Key(hash)));
    drive
        .until("the first attempt has timed out", |d| {
            d.session.job().is_some_and(|job| job.retry_due().is_some())
        })
        .await;
    assert_eq!(drive.outcomes.last().expect("an attempt").ending, Ending::LockTimeout);
    sqlx::raw_sql("COMMIT").execute(&mut blocker).await.expect("it lets go");
    drive.until("a later attempt has succeeded", |d| d.session.acting().is_empty()).await;
    assert_eq!(drive.outcomes.last().expect("an attempt").ending, Ending::Done);
    let attempts: Vec<Option<u32>> = records(state.path())
        .iter()
        .filter(|record| record.kind == Kind::Intent)
        .map(|record| record.attempt)
        .collect();
    assert_eq!(&attempts[..3], [Some(1), Some(1), Some(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_a_session_is_planned_confirmed_recorded_and_checked() {
    let (database, project) = (server::database("driver_signal"), project());
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut idle = database.connect().await;
    let pid: i32 =
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut idle).await.expect("a pid");
    sqlx::raw_sql("BEGIN; SELECT 1").execute(&mut idle).await.expect("a transaction");
    let mut drive = start(&database, project.path(), state.path());
    let seen = |d: &Drive| d.facts.snapshot.value().is_some_and(|s| s.backend(pid).is_some());
    drive.until("the session is seen", seen).await;
    let backend: BackendKey =
        drive.facts.snapshot.value().and_then(|s| s.backend(pid)).expect("it is seen").key();
    let plan = drive.plan(Request::Signal { backend, signal: Signal::Terminate }).await;
    assert_eq!(plan.risk, Risk::Safe, "it has written nothing");
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    assert!(sqlx::query("SELECT 1").execute(&mut idle).await.is_err(), "its session is gone");
    assert!(records(state.path()).iter().any(|record| record.kind == Kind::Outcome));
}

/// Returns a session that sleeps in a statement, which ends with its error, once it does.
async fn sleeping(database: &Database, before: &'static str) -> (BackendKey, JoinHandle<()>) {
    let mut victim = database.connect().await;
    let sql = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let row = sqlx::query(sql).fetch_one(&mut victim).await.expect("it answers");
    let key = BackendKey { pid: row.get(0), backend_start: row.get(1) };
    sqlx::raw_sql(before).execute(&mut victim).await.expect("it may");
    let task = tokio::spawn(async move {
        let slept =
            sqlx::raw_sql("SELECT pg_advisory_lock(1), pg_sleep(600)").execute(&mut victim).await;
        slept.expect_err("it is cancelled");
        std::future::pending::<()>().await;
    });
    // Its lock tells it, also where its activity is not tracked.
    let sql = "SELECT count(*) FROM pg_locks WHERE pid = $1 AND locktype = 'advisory'";
    let mut admin = database.connect().await;
    eventually("it sleeps", async || {
        let count = sqlx::query_scalar::<_, i64>(sql).bind(key.pid).fetch_one(&mut admin).await;
        count.expect("it answers") == 1
    })
    .await;
    (key, task)
}

async fn cancel(drive: &mut Drive, backend: BackendKey) {
    let seen =
        |d: &Drive| d.facts.snapshot.value().is_some_and(|s| s.backend(backend.pid).is_some());
    drive.until("the session is seen", seen).await;
    drive.plan(Request::Signal { backend, signal: Signal::Cancel }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_whose_effect_the_server_does_not_show_is_unknown_and_says_so() {
    let (database, project) = (server::database("driver_untracked"), project());
    let state = tempfile::tempdir().expect("a temporary directory");
    let (key, victim) = sleeping(&database, "SET track_activities = off").await;
    let mut drive = start(&database, project.path(), state.path());
    cancel(&mut drive, key).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Unknown, "{outcome:?}");
    assert!(outcome.message.raw().contains("cannot tell whether"), "{outcome:?}");
    victim.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_a_statement_that_has_ended_is_not_sent() {
    let (database, project) = (server::database("driver_ended"), project());
    let state = tempfile::tempdir().expect("a temporary directory");
    let (key, victim) = sleeping(&database, "SELECT 1").await;
    let mut drive = start(&database, project.path(), state.path());
    cancel(&mut drive, key).await;
    database.execute(&format!("SELECT pg_cancel_backend({})", key.pid));
    let mut admin = database.connect().await;
    eventually("it idles", async || {
        let sql = "SELECT state FROM pg_stat_activity WHERE pid = $1";
        let state = sqlx::query_scalar::<_, String>(sql).bind(key.pid).fetch_one(&mut admin).await;
        state.expect("it is there") == "idle"
    })
    .await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    assert!(outcome.message.raw().contains("nothing was cancelled"), "{outcome:?}");
    victim.abort();
}

/// Moves as a willing operator would, until the walk ends.
async fn walk_to_the_end(drive: &mut Drive) {
    for _ in 0..200 {
        drive
            .until("something is asked of the operator", |d| {
                d.session.pending().is_some()
                    || d.session.walk().is_some_and(|walk| {
                        walk.end().is_some()
                            || !matches!(
                                walk.phase(),
                                Phase::Probing(_) | Phase::Acting | Phase::Watching
                            )
                    })
            })
            .await;
        if drive.session.pending().is_some() {
            drive.confirm().await;
            continue;
        }
        let walk = drive.session.walk().expect("it is walked");
        if walk.end().is_some() {
            return;
        }
        let step = match walk.phase() {
            Phase::Notice => Move::Continue,
            Phase::Deciding => {
                Move::Choose { answer: "keep".to_owned(), reason: Some("it is well".to_owned()) }
            }
            Phase::Ready => Move::Run,
            other => panic!("{}: {other:?}", walk.current().id),
        };
        drive.event(Event::Moved(step));
    }
    panic!("the walk does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_runbook_is_walked_to_its_end_on_a_real_database() {
    // A server of its own: its checks count whoever waits on the server.
    let (server, project) = (server::private(&[]), project());
    let database = server.database("driver_walk");
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut with = site(&database.dsn(), project.path(), state.path());
    with.target.class = Class::Scratch;
    let mut drive = Drive::start(with);
    let begin = begin::runbook(drive.driver.site(), "migrate", None).expect("it is shipped");
    drive.begin(begin);
    drive.until("the walk has begun", |d| d.session.walk().is_some()).await;
    walk_to_the_end(&mut drive).await;
    let walk = drive.session.walk().expect("it was walked");
    assert_eq!(walk.end(), Some(&End::Completed), "{:#?}", drive.said);
    let mut connection = database.connect().await;
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success")
        .fetch_one(&mut connection)
        .await
        .expect("the server counts");
    assert_eq!(applied, 2);
    drive.driver.close().await;
    let records = records(state.path());
    assert_eq!(records.last().map(|record| record.kind), Some(Kind::Closed));
}
