//! What a console finds out of acts that an earlier one has left open.

use std::fs;
use std::path::Path;

use lockkeeper::domain::activity::BackendKey;
use lockkeeper::domain::journal::{Entry, Kind};
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Risk, Signal};
use lockkeeper::domain::resolve::Resolution;
use lockkeeper::io::journal::{Journal, new_run};
use lockkeeper::session::effect::{Goal, Request};
use serde_json::json;
use sqlx::{ConnectOptions as _, Row as _};

use crate::support::act::{confirmed, kill_jobs};
use crate::support::drive::{Drive, site};
use crate::support::server::{self, Server, private};
use crate::support::until::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_beginning_is_hidden_is_not_taken_for_one_that_has_ended() {
    let database = server::database("resumed_hidden");
    database.execute(
        "CREATE ROLE resumed_victim LOGIN;
         CREATE ROLE resumed_dba LOGIN IN ROLE pg_monitor, pg_signal_backend",
    );
    let options = database.options().username("resumed_victim");
    let mut victim = options.connect().await.expect("it connects");
    let sql = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let row = sqlx::query(sql).fetch_one(&mut victim).await.expect("it answers");
    let backend = BackendKey { pid: row.get(0), backend_start: row.get(1) };

    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let [project, state] = &dirs;
    let dsn = database.dsn().replace("user=postgres", "user=resumed_dba");
    let mut drive = Drive::start(site(&dsn, project.path(), state.path()));
    let plan = drive.plan(Request::Signal { backend, signal: Signal::Terminate }).await;
    drive.driver.close().await;
    // Its console ended between the intent and the statement.
    let runs = state.path().join("runs");
    let journal = Journal::create(&runs, &new_run().expect("a name")).expect("a run is made");
    let run = journal.run().to_owned();
    let opened = Entry::new(Kind::Opened, json!({ "target": plan.target }));
    for entry in [opened, Entry::intent(&confirmed(plan), "a1", None)] {
        journal.append(entry).expect("it is recorded");
    }
    drop(journal);

    database.execute("REVOKE pg_monitor FROM resumed_dba");
    let drive = Drive::start(site(&dsn, project.path(), state.path()));
    let taken = drive.driver.take_up(&run).await.expect("it is taken up");
    let open = taken.open().expect("it reads").pop().expect("one is open");
    let found = taken.resolve(&open, None).await;
    assert!(matches!(found, Resolution::Unknown { .. }), "the session lives: {found:?}");

    let end = format!("SELECT pg_terminate_backend({})", backend.pid);
    database.execute(&end);
    let mut admin = database.connect().await;
    eventually("it has ended", async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
        let count: i64 =
            sqlx::query_scalar(sql).bind(backend.pid).fetch_one(&mut admin).await.expect("a count");
        count == 0
    })
    .await;
    eventually("it is told as done", async || {
        let found = taken.resolve(&open, None).await.outcome().map(|outcome| outcome.ending);
        found == Some(Ending::Done)
    })
    .await;
    drop(taken);
    drive.driver.close().await;
}

/// Sessions of an act that sleep.
const SLEEPS: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
     AND application_name LIKE 'lockkeeper/migrate %'";

const NAME: &str = "SELECT application_name FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
     AND application_name LIKE 'lockkeeper/migrate %'";

/// Returns how many statements of our readers the server has logged.
fn statements(server: &Server) -> usize {
    let log = fs::read(server.cluster.socket_dir().join("log")).expect("the server's log reads");
    let log = String::from_utf8_lossy(&log);
    log.lines().filter(|line| line.starts_with("lockkeeper/reader|")).count()
}

async fn started(dsn: &str, project: &Path, state: &Path) -> Drive {
    let mut drive = Drive::start(site(dsn, project, state));
    drive
        .until("all is read", |d| {
            d.facts.project.value().is_some() && d.facts.restore.value().is_some()
        })
        .await;
    drive
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_works_on_an_act_nothing_is_read_but_that() {
    let server = private(&[("log_statement", "all"), ("log_line_prefix", "%a|")]);
    let database = server.database("resumed_working");
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let [project, state] = [dirs[0].path(), dirs[1].path()];
    fs::create_dir(project.join("migrations")).expect("it can be made");
    let file = project.join("migrations/1_long.sql");
    fs::write(file, "SELECT pg_sleep(600);").expect("it can be written");
    let mut drive = started(&database.dsn(), project, state).await;
    let goal = Goal::One;
    drive.plan(Request::Migrate { direction: Direction::Up, goal, risk: Risk::Safe }).await;
    drive.yes();
    let mut admin = database.connect().await;
    drive.until("it runs", |d| d.session.job().is_some()).await;
    eventually("it sleeps", async || {
        let count: i64 = sqlx::query_scalar(SLEEPS).fetch_one(&mut admin).await.expect("a count");
        count == 1
    })
    .await;
    drive.driver.close().await;
    // What a killed program leaves, whose own session does not look whether it lives.
    let name: String = sqlx::query_scalar(NAME).fetch_one(&mut admin).await.expect("a name");
    let left_behind = database.options().application_name(&name).connect().await;
    let runs = state.join("runs");
    kill_jobs(&runs);
    let run = fs::read_dir(&runs).expect("runs").next().expect("one").expect("it reads");
    let run = run.file_name().into_string().expect("a name");

    let drive = started(&database.dsn(), project, state).await;
    let taken = drive.driver.take_up(&run).await.expect("it is taken up");
    let open = taken.open().expect("it reads").pop().expect("one is open");
    let before = statements(&server);
    assert!(before > 0, "they are logged");
    for _ in 0..3 {
        let found = taken.resolve(&open, None).await;
        assert!(matches!(found, Resolution::StillRunning { .. }), "{found:?}");
    }
    assert_eq!(statements(&server), before, "the backend alone was looked at");
    drop((taken, left_behind.expect("it connects")));
    drive.driver.close().await;
}
