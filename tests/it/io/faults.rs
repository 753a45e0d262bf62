//! Faults around acts: what is refused, what comes back, who waits for whom, what is left.

mod queue;
mod roles;

use std::fs;
use std::path::Path;

use lockkeeper::domain::activity::BackendKey;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Direction, Risk, Signal};
use lockkeeper::io::cluster::Stop;
use lockkeeper::session::effect::{Goal, Request};
use lockkeeper::session::facts::Lease;
use rustix::process::{Pid, Signal as Unix, kill_process};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};
use tempfile::TempDir;

use crate::support::drive::{Drive, site};
use crate::support::pty::{Pty, lockkeeper};
use crate::support::server::{self, Database, Server, private};
use crate::support::until::eventually;

/// A project of two migrations, and a place for the state.
struct Places {
    project: TempDir,
    state: TempDir,
}

impl Places {
    fn new() -> Self {
        let [project, state] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let migrations = project.path().join("migrations");
        fs::create_dir(&migrations).expect("it can be made");
        for (name, text) in [
            ("1_first.up.sql", "CREATE TABLE first (id int PRIMARY KEY);"),
            ("1_first.down.sql", "DROP TABLE first;"),
            ("2_second.up.sql", "ALTER TABLE first ADD COLUMN more text;"),
            ("2_second.down.sql", "ALTER TABLE first DROP COLUMN more;"),
        ] {
            fs::write(migrations.join(name), text).expect("it can be written");
        }
        Self { project, state }
    }

    fn project(&self) -> &Path {
        self.project.path()
    }

    async fn drive(&self, dsn: &str) -> Drive {
        let mut drive = Drive::start(site(dsn, self.project(), self.state.path()));
        drive.until("the server is seen", |d| d.facts.snapshot.value().is_some()).await;
        drive
    }
}

fn up() -> Request {
    Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Safe }
}

fn terminate(backend: BackendKey) -> Request {
    Request::Signal { backend, signal: Signal::Terminate }
}

async fn tables(database: &Database) -> i64 {
    let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let count = sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await;
    count.expect("it answers")
}

async fn ours(admin: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT application_name FROM pg_stat_activity \
               WHERE application_name LIKE 'lockkeeper%' ORDER BY 1";
    sqlx::query_scalar(sql).fetch_all(admin).await.expect("it answers")
}

/// Ends the sessions of one of our purposes, and returns when they are gone.
async fn end(admin: &mut PgConnection, purpose: &str) {
    let sql = "SELECT pg_terminate_backend(pid), pid FROM pg_stat_activity \
               WHERE application_name = 'lockkeeper/' || $1";
    let rows = sqlx::query(sql).bind(purpose).fetch_all(&mut *admin).await.expect("it answers");
    let pids: Vec<i32> = rows.iter().map(|row| row.get(1)).collect();
    assert!(!pids.is_empty(), "there is no session for {purpose}");
    let sql = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ANY ($1)";
    eventually("they are gone", async || {
        sqlx::query_scalar(sql).bind(&pids).fetch_one(&mut *admin).await.expect("it answers")
    })
    .await;
}

async fn key(session: &mut PgConnection) -> BackendKey {
    let sql = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let row = sqlx::query(sql).fetch_one(session).await.expect("it answers");
    BackendKey { pid: row.get(0), backend_start: row.get(1) }
}

fn not_run(outcome: &Outcome) -> &str {
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    outcome.message.raw()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_during_an_outage_and_what_is_planned_after_it_does() {
    let (server, places) = (private(&[]), Places::new());
    let database = server.database("outage");
    let mut drive = places.drive(&database.dsn()).await;
    drive.plan(up()).await;
    server.cluster.stop_server(Stop::Immediate).expect("it stops");
    let outcome = drive.confirm().await;
    assert!(not_run(&outcome).contains("no such socket"), "{outcome:?}");
    drive.refuses(up(), "Start the server").await;
    let backend = drive.facts.snapshot.value().expect("it stays").backends[0].key();
    drive.refuses(terminate(backend), "no such socket").await;
    server.cluster.start_server().expect("it starts");
    drive.until("it is seen again", |d| d.facts.snapshot.error().is_none()).await;
    assert_eq!(tables(&database).await, 0, "nothing has run");
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_in_a_database_that_was_created_anew_after_the_preview() {
    let (database, places) = (server::database("anew"), Places::new());
    let admin = Database { name: "postgres".into(), ..database.clone() };
    let mut drive = places.drive(&database.dsn()).await;
    drive.plan(up()).await;
    admin.execute(&format!("DROP DATABASE {} WITH (FORCE)", database.name));
    admin.execute(&format!("CREATE DATABASE {}", database.name));
    let outcome = drive.confirm().await;
    assert!(not_run(&outcome).contains("OID"), "{outcome:?}");
    drive.refuses(up(), "another target answers").await;
    drive.until("the screen says so", |d| d.facts.mismatch.is_some()).await;
    assert_eq!(tables(&database).await, 0, "nothing has run");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_come_back_by_themselves_but_a_lost_lease_refuses_once() {
    let (server, places) = (private(&[]), Places::new());
    let database = server.database("connections");
    let mut admin = database.connect().await;
    let mut drive = places.drive(&database.dsn()).await;
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    drive.plan(up()).await;
    for purpose in ["control", "reader", "monitor", "lease"] {
        end(&mut admin, purpose).await;
    }
    let outcome = drive.confirm().await;
    assert!(not_run(&outcome).contains("the lease on"), "{outcome:?}");
    assert!(matches!(drive.facts.lease, Lease::Refused(_)), "{:?}", drive.facts.lease);
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    let mut victim = database.connect().await;
    drive.until("it is seen again", |d| d.facts.snapshot.error().is_none()).await;
    drive.plan(terminate(key(&mut victim).await)).await;
    end(&mut admin, "control").await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_writes_after_its_plan_was_shown_is_not_ended() {
    let (database, places) = (server::database("writes_later"), Places::new());
    database.execute("CREATE TABLE t (id int)");
    let mut session = database.connect().await;
    let backend = key(&mut session).await;
    let mut drive = places.drive(&database.dsn()).await;
    let plan = drive.plan(terminate(backend)).await;
    assert_eq!(plan.risk, Risk::Safe, "nothing would be lost: {:?}", plan.preview);
    let run = async |session: &mut PgConnection, sql: &'static str| {
        sqlx::raw_sql(sql).execute(session).await.expect("its session lives");
    };
    run(&mut session, "BEGIN; INSERT INTO t VALUES (1)").await;
    let outcome = drive.confirm().await;
    assert!(not_run(&outcome).contains("it has written since it was confirmed"), "{outcome:?}");
    run(&mut session, "COMMIT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_does_not_end_is_not_told_as_ended() {
    // A backend that is halted answers no barrier, and others' DROP DATABASE would wait for it.
    let (server, places) = (server::private(&[]), Places::new());
    let database = server.database("stays");
    let mut session = database.connect().await;
    let backend = key(&mut session).await;
    let mut drive = places.drive(&database.dsn()).await;
    drive.plan(terminate(backend)).await;
    let pid = Pid::from_raw(backend.pid).expect("a process");
    kill_process(pid, Unix::STOP).expect("it is one of ours");
    let outcome = drive.confirm().await;
    kill_process(pid, Unix::CONT).expect("it is one of ours");
    assert_eq!(outcome.ending, Ending::Failed, "{outcome:?}");
    assert!(outcome.message.raw().contains("it is still there"), "{outcome:?}");
}

/// Takes every free connection slot as a role without privileges.
async fn take_all(database: &Database) -> Vec<PgConnection> {
    let mut taken = Vec::new();
    let options = database.options().username("web");
    while let Ok(connection) = PgConnection::connect_with(&options).await {
        taken.push(connection);
    }
    assert!(!taken.is_empty());
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_slots_taken_what_is_open_goes_on_and_the_rest_says_so() {
    let (server, places) = (private(&[("max_connections", "15")]), Places::new());
    let database = server.database("slots");
    database.execute(
        "CREATE ROLE web LOGIN; \
         CREATE ROLE dba LOGIN IN ROLE pg_monitor, pg_signal_backend; \
         GRANT CREATE ON SCHEMA public TO dba",
    );
    let mut admin = database.connect().await;
    let dsn = database.dsn().replace("user=postgres", "user=dba");
    let mut drive = places.drive(&dsn).await;
    drive.until("the migrations are read", |d| d.facts.project.value().is_some()).await;
    eventually("all are open", async || ours(&mut admin).await.len() == 3).await;
    drive.plan(up()).await;
    let mut taken = take_all(&database).await;
    let outcome = drive.confirm().await;
    assert!(not_run(&outcome).contains("connection"), "{outcome:?}");
    let victim = key(&mut taken[0]).await;
    drive.plan(terminate(victim)).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done, "the open connection signals");
    taken.remove(0);
    end(&mut admin, "monitor").await;
    taken.extend(PgConnection::connect_with(&database.options().username("web")).await);
    drive.until("nobody can look", |d| d.facts.snapshot.error().is_some()).await;
    drop(taken);
    drive.until("it looks again", |d| d.facts.snapshot.error().is_none()).await;
}

/// Waits until none of our sessions is on the server.
async fn nothing_is_left(server: &Server) {
    let mut admin = server.existing("postgres").connect().await;
    eventually("no session of ours is left", async || ours(&mut admin).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_driver_leaves_no_backend_though_its_news_are_still_heard() {
    let (server, places) = (private(&[]), Places::new());
    let database = server.database("closed");
    let mut drive = places.drive(&database.dsn()).await;
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    let Drive { driver, facts, .. } = drive;
    driver.close().await;
    nothing_is_left(&server).await;
    assert_eq!(facts.lease, Lease::Held);
}

#[test]
fn a_console_leaves_no_backend_when_it_quits_and_when_it_is_killed() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let server = private(&[]);
    let database = server.database("killed");
    database.execute("CREATE TABLE t (id int)");
    let dsn = database.dsn();
    let (mut admin, _holder) = runtime.block_on(async {
        let mut holder = database.connect().await;
        sqlx::raw_sql("BEGIN; LOCK TABLE t").execute(&mut holder).await.expect("it is free");
        (database.connect().await, holder)
    });
    for ends in [|pty: &mut Pty| pty.kill(), |pty: &mut Pty| pty.send("q")] {
        let mut pty = Pty::spawn(lockkeeper(&["console", "--dsn", &dsn]), 120, 40);
        runtime.block_on(eventually("it is connected", async || {
            let ours = ours(&mut admin).await;
            ["monitor", "control"].iter().all(|p| ours.contains(&format!("lockkeeper/{p}")))
        }));
        ends(&mut pty);
        runtime.block_on(nothing_is_left(&server));
    }
}
