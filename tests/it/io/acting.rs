//! What may go wrong around an act on a real server: stops that come early or late, others
//! at work, limits, changes meanwhile, probes that would do more than read.

use std::fs;
use std::path::Path;

use lockkeeper::cli::begin;
use lockkeeper::domain::activity::BackendKey;
use lockkeeper::domain::backup::Scope;
use lockkeeper::domain::evidence::{Level, Probe, Sense, Value};
use lockkeeper::domain::identity::Class;
use lockkeeper::domain::journal::{self, Kind, Record};
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Action, Answer, Direction, Plan, Risk, Signal};
use lockkeeper::domain::scenario::Scenario;
use lockkeeper::io::driver::Driver;
use lockkeeper::session::effect::{Effect, Event, Goal, How, Previewed, Request};
use lockkeeper::session::news::News;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::support::act::confirmed;
use crate::support::drive::{Drive, site};
use crate::support::server::{self, Database};
use crate::support::until::eventually;

fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let migrations = dir.path().join("migrations");
    fs::create_dir(&migrations).expect("it can be made");
    for (name, text) in files {
        fs::write(migrations.join(name), text).expect("it can be written");
    }
    dir
}

fn up() -> Request {
    Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Safe }
}

/// A database, a project and a state of a test's own.
struct World {
    database: Database,
    project: TempDir,
    state: TempDir,
}

impl World {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().expect("a temporary directory");
        Self { database: server::database(name), project: project(files), state }
    }

    fn drive(&self) -> Drive {
        Drive::start(site(&self.database.dsn(), self.project.path(), self.state.path()))
    }

    async fn scalar(&self, sql: &str) -> String {
        scalar(&mut self.database.connect().await, sql).await
    }

    /// Returns the records of each run, the oldest run first.
    fn runs(&self) -> Vec<Vec<Record>> {
        let runs = fs::read_dir(self.state.path().join("runs")).expect("there are runs");
        let mut paths: Vec<_> = runs.map(|run| run.expect("a run").path()).collect();
        paths.sort();
        paths.iter().map(|path| records(path)).collect()
    }
}

fn records(run: &Path) -> Vec<Record> {
    let reading = journal::read(&fs::read(run.join("journal.jsonl")).expect("a journal"));
    assert!(reading.intact, "{:?}", reading.fault);
    reading.records
}

async fn scalar(connection: &mut PgConnection, sql: &str) -> String {
    let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql.to_owned()));
    query.fetch_one(connection).await.expect("the server answers")
}

fn answer(plan: &Plan) -> Event {
    Event::Answered(Answer::Script(plan.hash()))
}

async fn ended(drive: &mut Drive) -> Ending {
    drive.until("the act has ended", |d| d.session.acting().is_empty()).await;
    drive.outcomes.last().expect("it has an outcome").ending
}

const TABLE: &[(&str, &str)] = &[("1_first.sql", "CREATE TABLE first (id int);")];
const TABLES: &str = "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'";
/// How many sessions sleep in an act of a lockkeeper in this database.
const WORKS: &str = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
     AND application_name LIKE 'lockkeeper/migrate %' AND datname = current_database()";

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_came_between_the_plan_and_the_yes_are_shown_again_before_they_are_lost() {
    let world = World::new("worsened", &[("1_gone.sql", "DROP TABLE kept;")]);
    world.database.execute("CREATE TABLE kept AS SELECT 1 AS id");
    let mut drive = world.drive();
    let plan = drive.plan(up()).await;
    assert_eq!(plan.preview.counts[0].rows, Some(1));
    world.database.execute("INSERT INTO kept VALUES (2), (3)");
    let outcome = drive.confirm().await;
    assert_eq!((outcome.ending, outcome.scenario), (Ending::NotRun, Some(Scenario::Worsened)));
    assert!(outcome.message.raw().contains("3 now, 1 when it was shown"), "{outcome:?}");
    assert_eq!(world.scalar(TABLES).await, "1", "nothing was run");
    // What can be told no more is worse than what was told.
    drive.until("it is shown again", |d| d.session.pending().is_some()).await;
    let again = drive.session.pending().expect("it is shown").plan().clone();
    assert_eq!(again.hash(), plan.hash(), "what was counted is not hashed");
    assert!(again.preview.now[0].starts_with("SHOWN AGAIN: table kept: 3 now"), "{again:?}");
    let mut holder = world.database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE kept").execute(&mut holder).await.expect("it locks");
    let outcome = drive.confirm().await;
    assert!(outcome.message.raw().contains("cannot tell now, 3 when"), "{outcome:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("it lets go");
    // Some growth while it is looked at does not show it for ever.
    drive.until("it is shown again", |d| d.session.pending().is_some()).await;
    world.database.execute("INSERT INTO kept VALUES (4)");
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    assert_eq!(world.scalar("SELECT coalesce(to_regclass('kept')::text, 'gone')").await, "gone");
}

/// Returns the plan that is shown for a request.
async fn shown(
    driver: &Driver,
    inbox: &mut mpsc::UnboundedReceiver<News>,
    request: Request,
) -> Plan {
    driver.effect(Effect::Preview(1, request));
    loop {
        let news = inbox.recv().await.expect("the driver lives");
        if let News::Event(Event::Previewed(1, previewed)) = news {
            let Previewed::Plan(plan) = previewed else { panic!("no plan: {previewed:?}") };
            return *plan;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_worse_is_shown_again_though_another_plan_was_looked_at_between() {
    let world = World::new("worsened_between", &[("1_gone.sql", "DROP TABLE kept;")]);
    world.database.execute("CREATE TABLE kept AS SELECT 1 AS id");
    let (news, mut inbox) = mpsc::unbounded_channel();
    let with = site(&world.database.dsn(), world.project.path(), world.state.path());
    let driver = Driver::start(with, news);
    let plan = shown(&driver, &mut inbox, up()).await;
    world.database.execute("INSERT INTO kept VALUES (2), (3)");
    let act = "a1".to_owned();
    driver.effect(Effect::Perform { act, step: None, confirmed: confirmed(plan) });
    let outcome = loop {
        let news = inbox.recv().await.expect("the driver lives");
        if let News::Event(Event::Performed { outcome, .. }) = news {
            break outcome;
        }
    };
    assert_eq!(outcome.scenario, Some(Scenario::Worsened), "{outcome:?}");
    let backup = Request::Backup { scope: Scope::Full, to: None };
    let other = shown(&driver, &mut inbox, backup).await;
    assert!(!other.preview.now.iter().any(|line| line.contains("SHOWN AGAIN")), "{other:?}");
    let again = shown(&driver, &mut inbox, up()).await;
    assert!(again.preview.now[0].starts_with("SHOWN AGAIN: table kept: 3 now"), "{again:?}");
    driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_right_after_the_yes_starts_nothing() {
    for how in [How::Cancel, How::Kill] {
        let world = World::new("stop_early", TABLE);
        let mut drive = world.drive();
        let plan = drive.plan(up()).await;
        drive.event(answer(&plan));
        drive.event(Event::StopAsked(how));
        assert_eq!(ended(&mut drive).await, Ending::NotRun, "{:?}", drive.outcomes);
        assert_eq!(world.scalar(TABLES).await, "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_comes_before_the_tool_has_connected_still_ends_it() {
    let world = World::new("stop_unconnected", &[("1_long.sql", "SELECT pg_sleep(600);")]);
    let mut drive = world.drive();
    let plan = drive.plan(up()).await;
    drive.event(answer(&plan));
    let runs = world.state.path().join("runs");
    drive
        .until("its process exists", |_| {
            let mut runs = fs::read_dir(&runs).into_iter().flatten().flatten();
            runs.any(|run| run.path().join("acts/a1-1/job.json").exists())
        })
        .await;
    drive.event(Event::StopAsked(How::Cancel));
    let ending = ended(&mut drive).await;
    assert!(matches!(ending, Ending::RolledBack | Ending::NotRun | Ending::Failed), "{ending:?}");
    assert_eq!(world.scalar(WORKS).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_the_plan_are_in_force_and_no_others() {
    let world = World::new(
        "limits",
        &[
            (
                "1_limits.sql",
                "CREATE TABLE limits AS SELECT current_setting('lock_timeout') AS lock, \
                 current_setting('statement_timeout') AS statement; CREATE TABLE t AS SELECT 1 AS id; \
                 CREATE FUNCTION said(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN \
                 RAISE NOTICE 'under lock_timeout %', current_setting('lock_timeout'); RETURN 1; \
                 END $$;",
            ),
            ("2_index.sql", "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t (said(id));"),
        ],
    );
    let name = &world.database.name;
    world.database.execute(&format!("ALTER DATABASE \"{name}\" SET lock_timeout = '1h'"));
    let mut drive = world.drive();
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    let limits = world.scalar("SELECT lock || ' ' || statement FROM limits").await;
    assert_eq!(limits, "5s 1h");
    let plan = drive.plan(up()).await;
    assert_eq!(plan.timeouts.lock_ms, None, "{plan:?}");
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    let said = |d: &Drive| d.facts.output.lines.iter().any(|l| l.raw().contains("lock_timeout 0"));
    assert!(said(&drive), "{:?}", drive.facts.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_while_the_server_works_on_another_act() {
    let world = World::new("another_act", TABLE);
    let options = world.database.options().application_name("lockkeeper/migrate a7 0123abcd");
    let left_behind = options.connect().await.expect("it connects");
    let mut drive = world.drive();
    drive.plan(up()).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun);
    assert!(outcome.message.raw().contains("another act"), "{outcome:?}");
    assert_eq!(world.scalar(TABLES).await, "0");
    drop(left_behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_unknown_while_the_server_still_works_on_it() {
    let world = World::new("lingers", &[("1_long.sql", "SELECT pg_sleep(600);")]);
    let mut drive = world.drive();
    let plan = drive.plan(up()).await;
    drive.event(answer(&plan));
    let mut admin = world.database.connect().await;
    eventually("it runs", async || scalar(&mut admin, WORKS).await == "1").await;
    let sql = "SELECT application_name::text || ':' || pid FROM pg_stat_activity \
               WHERE application_name LIKE 'lockkeeper/migrate %' AND datname = current_database()";
    let found = scalar(&mut admin, sql).await;
    let (name, pid) = found.split_once(':').expect("a name and a pid");
    // What a killed program leaves: a session of the same name that goes on.
    let options = world.database.options().application_name(name);
    let left_behind = options.connect().await.expect("it connects");
    scalar(&mut admin, &format!("SELECT pg_cancel_backend({pid})::text")).await;
    assert_eq!(ended(&mut drive).await, Ending::Unknown, "{:?}", drive.outcomes);
    drop(left_behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_does_not_outlive_a_program_that_is_killed() {
    let world = World::new("killed", &[("1_long.sql", "SELECT pg_sleep(600);")]);
    let mut drive = world.drive();
    let plan = drive.plan(up()).await;
    drive.event(answer(&plan));
    let mut admin = world.database.connect().await;
    eventually("it runs", async || scalar(&mut admin, WORKS).await == "1").await;
    drive.event(Event::StopAsked(How::Kill));
    assert_eq!(ended(&mut drive).await, Ending::Stopped, "{:?}", drive.outcomes);
    assert_eq!(scalar(&mut admin, WORKS).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_understands_needs_more_than_a_key() {
    let evil = "DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$;";
    let world = World::new("opaque", &[("1_opaque.sql", evil)]);
    let mut drive = world.drive();
    let plan = drive.plan(up()).await;
    assert!(plan.risk >= Risk::Lossy, "{plan:?}");
    assert!(plan.preview.now.iter().any(|line| line.contains("understood")), "{plan:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_acts_that_are_confirmed_at_once_are_recorded_in_one_run() {
    let world = World::new("at_once", TABLE);
    let mut drive = world.drive();
    let mut keys = Vec::new();
    let mut victims = Vec::new();
    for _ in 0..2 {
        let mut victim = world.database.connect().await;
        let pid: i32 = scalar(&mut victim, "SELECT pg_backend_pid()::text").await.parse().unwrap();
        let seen = |d: &Drive| d.facts.snapshot.value().is_some_and(|s| s.backend(pid).is_some());
        drive.until("the session is seen", seen).await;
        let backend = drive.facts.snapshot.value().and_then(|s| s.backend(pid));
        keys.push(backend.expect("it is seen").key());
        victims.push(victim);
    }
    for backend in keys {
        let plan = drive.plan(Request::Signal { backend, signal: Signal::Terminate }).await;
        drive.event(answer(&plan));
    }
    assert_eq!(ended(&mut drive).await, Ending::Done);
    drive.driver.close().await;
    let runs = world.runs();
    assert_eq!(runs.len(), 1);
    let closed = runs[0].iter().filter(|record| record.kind == Kind::Closed).count();
    assert_eq!(closed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_looked_after_and_spares_who_runs_nothing() {
    let world = World::new("cancel_idle", TABLE);
    let mut drive = world.drive();
    let mut victim = world.database.connect().await;
    let pid: i32 = scalar(&mut victim, "SELECT pg_backend_pid()::text").await.parse().unwrap();
    let sleeping = tokio::spawn(async move {
        sqlx::query("SELECT pg_sleep(600)").execute(&mut victim).await.expect_err("it is ended")
    });
    let active = |d: &Drive| {
        let backend = d.facts.snapshot.value().and_then(|s| s.backend(pid));
        backend.is_some_and(|backend| backend.query.raw().contains("pg_sleep"))
    };
    drive.until("it is seen to sleep", active).await;
    let backend: BackendKey =
        drive.facts.snapshot.value().and_then(|s| s.backend(pid)).expect("it is seen").key();
    drive.plan(Request::Signal { backend, signal: Signal::Cancel }).await;
    let outcome = drive.confirm().await;
    assert_eq!((outcome.ending, outcome.message.raw()), (Ending::Done, "it is gone"));
    sleeping.await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_act_is_asked_stays_in_its_own_run_when_a_walk_has_begun() {
    let world = World::new("own_run", &[("1_long.sql", "SELECT pg_sleep(600);")]);
    let mut with = site(&world.database.dsn(), world.project.path(), world.state.path());
    with.target.class = Class::Scratch;
    let mut drive = Drive::start(with);
    let plan = drive.plan(up()).await;
    drive.event(answer(&plan));
    let mut admin = world.database.connect().await;
    eventually("it runs", async || scalar(&mut admin, WORKS).await == "1").await;
    let begin = begin::runbook(drive.driver.site(), "migrate", None).expect("it is shipped");
    drive.begin(begin);
    drive.until("the walk has begun", |d| d.session.walk().is_some()).await;
    drive.event(Event::StopAsked(How::Kill));
    ended(&mut drive).await;
    drive.driver.close().await;
    let runs = world.runs();
    assert_eq!(runs.len(), 2);
    let of_the_act = |run: &[Record]| {
        let acts = run.iter().filter(|record| record.act.as_deref() == Some("a1"));
        acts.map(|record| record.kind).collect::<Vec<_>>()
    };
    // The stop acts at once; its record waits for those that were asked for before it.
    let mut kinds = of_the_act(&runs[0]);
    assert!(kinds.contains(&Kind::Stop));
    kinds.retain(|kind| *kind != Kind::Stop);
    assert_eq!(kinds, [Kind::Intent, Kind::Schema, Kind::Outcome]);
    assert!(of_the_act(&runs[1]).is_empty());
}

/// Returns what the driver makes of a probe's SQL.
async fn sense(
    driver: &Driver,
    inbox: &mut mpsc::UnboundedReceiver<News>,
    (sql, timeout): (&str, &str),
) -> Value {
    let sense = Sense::Sql { text: sql.to_owned(), binds: Vec::new() };
    let timeout = timeout.parse().expect("a period");
    driver.effect(Effect::Probe(1, vec![Probe { sense, timeout, expect: None }]));
    loop {
        let news = inbox.recv().await.expect("the driver lives");
        if let News::Probed { ticket: 1, mut readings, .. } = news {
            return readings.remove(0).value;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_gives_one_value_and_does_nothing_else() {
    let world = World::new("probes", TABLE);
    let mut victim = world.database.connect().await;
    let pid = scalar(&mut victim, "SELECT pg_backend_pid()::text").await;
    let (news, mut inbox) = mpsc::unbounded_channel();
    let with = site(&world.database.dsn(), world.project.path(), world.state.path());
    let driver = Driver::start(with, news);
    for sql in [
        format!("SELECT pg_terminate_backend({pid})"),
        format!("SELECT 1 FROM pg_terminate_backend({pid})"),
        "SELECT 1 UNION ALL SELECT 2".to_owned(),
        "SELECT 1, 2".to_owned(),
        "SELECT 1 WHERE false".to_owned(),
        "SELECT nothing".to_owned(),
        // Long without a file on the disk that others share.
        "SELECT count(*) FROM generate_series(1, 10000) a, generate_series(1, 10000) b, \
         generate_series(1, 10000) c"
            .to_owned(),
    ] {
        let value = sense(&driver, &mut inbox, (&sql, "2s")).await;
        assert!(value.is_unknown(), "{sql}: {value}");
    }
    assert_eq!(scalar(&mut victim, "SELECT 'alive'").await, "alive");
    for (sql, value) in [
        ("SELECT count(*) FROM pg_database WHERE false; -- none", Value::Int(0)),
        ("SELECT 'a' || 'b'", Value::Text("ab".to_owned())),
    ] {
        assert_eq!(sense(&driver, &mut inbox, (sql, "60s")).await, value, "{sql}");
    }
}

#[tokio::test]
async fn a_proof_is_an_act_that_reads_and_fails_when_the_backup_does() {
    let world = World::new("acting_proof", &[]);
    world.database.execute("CREATE TABLE t AS SELECT generate_series(1, 5000) AS id");
    let mut drive = world.drive();
    let newest = || Request::VerifyBackup { backup: "newest".to_owned(), level: Level::L3 };
    drive.plan(Request::Backup { scope: Scope::Full, to: None }).await;
    let made = drive.confirm().await;
    assert_eq!(made.ending, Ending::Done, "{made:?}");

    let plan = drive.plan(newest()).await;
    assert_eq!(plan.risk, Risk::Read);
    let Action::VerifyBackup { file, .. } = &plan.action else { panic!("{plan:?}") };
    let proved = drive.confirm().await;
    assert_eq!(proved.ending, Ending::Done, "{proved:?}");
    assert!(proved.message.raw().contains("is good: L3 passed"), "{proved:?}");

    let mut bytes = fs::read(file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).expect("it can be written");
    drive.plan(newest()).await;
    let refuted = drive.confirm().await;
    assert_eq!((refuted.ending, refuted.exit_code), (Ending::Failed, Some(1)), "{refuted:?}");
    assert!(refuted.message.raw().contains("is BAD"), "{refuted:?}");

    let closed = world.project.path().join("x.sql.xz");
    fs::write(&closed, b"\xfd7zXZ\0not to be read").expect("it can be written");
    let backup = closed.display().to_string();
    drive.plan(Request::VerifyBackup { backup, level: Level::L3 }).await;
    let unknown = drive.confirm().await;
    assert_eq!((unknown.ending, unknown.exit_code), (Ending::Failed, Some(2)), "{unknown:?}");
    let records: Vec<Record> = world.runs().into_iter().flatten().collect();
    let count = |kind| records.iter().filter(|record| record.kind == kind).count();
    assert_eq!((count(Kind::Intent), count(Kind::Outcome)), (4, 4), "all of it is recorded");
}
