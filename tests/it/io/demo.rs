//! The demo, as a person and as a script open it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use lockkeeper::io::cluster;
use lockkeeper::io::demo::load::{Load, Part};
use lockkeeper::io::demo::{APPLIED, DATABASE, DEPLOYER, Project, options, populate};
use serde_json::Value;
use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions as _, PgConnection};
use tempfile::{TempDir, tempdir};

use crate::support::server::{self, LOCKKEEPER, Server};
use crate::support::until;
use crate::support::until::eventually;

/// The last of the demo's migrations.
const LAST: i64 = 10;

/// A `lockkeeper demo --json` of one test's own; killed when dropped.
struct Demo {
    child: Child,
    document: Value,
    state: TempDir,
}

fn lockkeeper(state: &Path) -> Command {
    let mut command = Command::new(LOCKKEEPER);
    command.env("XDG_STATE_HOME", state).stdin(Stdio::null());
    command
}

fn demo() -> Demo {
    let state = tempdir().expect("a temporary directory can be made");
    let mut command = lockkeeper(state.path());
    command.args(["demo", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("lockkeeper starts");
    let stdout = child.stdout.as_mut().expect("it is piped");
    let mut documents = serde_json::Deserializer::from_reader(stdout).into_iter();
    let document = documents.next().expect("there is a document").expect("it is JSON");
    Demo { child, document, state }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    fn directory(&self) -> PathBuf {
        self.document["socket_directory"].as_str().expect("it is told").into()
    }

    async fn connect(&self) -> PgConnection {
        connect(&self.directory()).await
    }
}

async fn connect(directory: &Path) -> PgConnection {
    options(directory, DEPLOYER, DATABASE).connect().await.expect("the demo accepts")
}

async fn number(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.expect("it answers")
}

/// Returns when `sql` gives `expected`.
async fn until_number(connection: &mut PgConnection, sql: &'static str, expected: i64) {
    for _ in 0..3000 {
        if number(connection, sql).await == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("this never gave {expected}: {sql}");
}

/// Returns the processes whose command line names `directory`, postmaster or load.
fn processes(directory: &Path) -> Vec<u32> {
    let needle = directory.to_string_lossy().into_owned();
    let output = Command::new("ps").args(["-eo", "pid=,args="]).output().expect("ps runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let ours = text.lines().filter(|line| line.contains(&needle));
    ours.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

/// Returns a filled shop without load, on a server of the test's own.
async fn shop() -> (Server, Project) {
    let server = server::private(&[]);
    let directory = server.cluster.socket_dir();
    let dsn = server.cluster.dsn(DEPLOYER, DATABASE);
    let project = Project::write(directory.join("project"), &dsn).expect("it is written");
    populate(directory, &project).await.expect("the shop is filled");
    (server, project)
}

const REPORTS: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reporting' AND state = 'idle in transaction'";
const WEB: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'web'";

#[tokio::test]
async fn the_demo_has_the_sessions_that_it_promises_and_its_web_writes() {
    let demo = demo();
    let mut connection = demo.connect().await;
    let sessions: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT usename::text, application_name, count(*) FROM pg_stat_activity \
         WHERE datname = 'shop' AND pid <> pg_backend_pid() AND backend_type = 'client backend' GROUP BY 1, 2 ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .expect("it answers");
    let named = |name: &str, count| (name.to_owned(), name.to_owned(), count);
    assert_eq!(sessions, [named("reporting", 1), named("scheduler", 1), named("web", 12)]);
    let advisory = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    assert_eq!(number(&mut connection, advisory).await, 1);
    let grows = "SELECT (count(*) > 210000)::int::bigint FROM expenses";
    until_number(&mut connection, grows, 1).await;
    let missing = "SELECT count(*) FROM expenses WHERE status IS NULL";
    assert!(number(&mut connection, missing).await > 1000);
}

#[tokio::test]
async fn the_report_really_blocks_and_stays_away_once_terminated() {
    let demo = demo();
    let (mut connection, mut migration) = (demo.connect().await, demo.connect().await);
    let blocked = tokio::spawn(async move {
        sqlx::raw_sql("ALTER TABLE expenses ADD COLUMN note text").execute(&mut migration).await
    });
    let blockers = "SELECT count(*) FROM pg_stat_activity r, pg_stat_activity m \
                    WHERE r.application_name = 'reporting' AND m.query LIKE 'ALTER TABLE%' \
                    AND r.pid = ANY (pg_blocking_pids(m.pid))";
    until_number(&mut connection, blockers, 1).await;
    assert!(!blocked.is_finished());
    end(&mut connection, "reporting").await;
    blocked.await.expect("the task ends").expect("the ALTER goes through");
    end(&mut connection, "web").await;
    until_number(&mut connection, WEB, 12).await;
    assert_eq!(number(&mut connection, REPORTS).await, 0);
}

/// Terminates the sessions of `application` and returns when they are gone.
async fn end(connection: &mut PgConnection, application: &str) {
    let sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = $1";
    let pids: Vec<i32> = sqlx::query_scalar(sessions)
        .bind(application)
        .fetch_all(&mut *connection)
        .await
        .expect("it answers");
    let ended: Vec<bool> = sqlx::query_scalar("SELECT pg_terminate_backend(p) FROM unnest($1) p")
        .bind(&pids)
        .fetch_all(&mut *connection)
        .await
        .expect("deployer may end them");
    assert!(!ended.is_empty() && ended.iter().all(|ended| *ended));
    let are_gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY ($1))";
    eventually("they are gone", async || {
        let asked = sqlx::query_scalar(are_gone).bind(&pids).fetch_one(&mut *connection);
        asked.await.expect("it answers")
    })
    .await;
}

#[test]
fn a_killed_demo_leaves_nothing_behind() {
    let mut demo = demo();
    let directory = demo.directory();
    assert!(processes(&directory).len() >= 4, "server, watcher and two loads");
    demo.child.kill().expect("it can be killed");
    until("every process of the demo ended", || processes(&directory).is_empty());
    assert!(!directory.exists());
    let mut stdout = demo.child.stdout.take().expect("it is piped");
    stdout.read_to_end(&mut Vec::new()).expect("no process of the demo held our pipe");
}

/// Leaves an act of `lockkeeper up` on the demo's database without an outcome.
fn interrupt_an_act(state: &Path, config: &str) {
    let up = |more: &[&str]| {
        let mut command = lockkeeper(state);
        command.args(["up", "--config", config]).args(more);
        command
    };
    let planned = run(up(&["--plan", "--json"]).env_remove("LOCKKEEPER_FAILPOINT"));
    let planned: Value = serde_json::from_slice(&planned.stdout).expect("the plan is JSON");
    let hash = planned["hash"].as_str().expect("it has a hash").to_owned();
    let died = run(up(&["--confirm", &hash]).env("LOCKKEEPER_FAILPOINT", "act.after_sync"));
    assert_eq!(died.status.code(), None, "{died:?}");
}

#[test]
fn a_server_that_is_left_for_an_open_act_is_told_by_the_next_demo_with_what_to_do() {
    let mut demo = demo();
    let (directory, state) = (demo.directory(), demo.state.path().to_owned());
    let config = demo.document["config"].as_str().expect("it is told").to_owned();
    interrupt_an_act(&state, &config);
    demo.child.kill().expect("it can be killed");
    demo.child.wait().expect("it was started");
    let told = run(lockkeeper(&state).args(["demo", "--json"]));
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains(&*directory.to_string_lossy()), "{told}");
    let resume = format!("lockkeeper resume --config {config}");
    assert!(told.contains(&format!("`{resume}`")), "{told}");
    assert!(cluster::is_running(&directory), "it is left for that");
    let resumed = run(lockkeeper(&state).args(resume.split_whitespace().skip(1)));
    assert!(resumed.status.success(), "{resumed:?}");
    let told = run(lockkeeper(&state).args(["demo", "--json"]));
    assert_eq!(String::from_utf8_lossy(&told.stderr), "");
    assert!(!directory.exists());
}

#[test]
fn a_demo_ends_when_standard_input_does() {
    let mut demo = demo();
    let directory = demo.directory();
    drop(demo.child.stdin.take());
    assert!(demo.child.wait().expect("it ends").success());
    assert!(!directory.exists());
    until("every process of the demo ended", || processes(&directory).is_empty());
}

#[test]
fn a_kept_demo_runs_on_until_its_server_is_stopped() {
    let state = tempdir().expect("a temporary directory can be made");
    let output = run(lockkeeper(state.path()).args(["demo", "--keep"]));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    let state = state.path().join("lockkeeper");
    let kept = cluster::registered(&state).pop().expect("it is registered");
    assert!(words.contains(&kept.display().to_string()), "the DSN is printed: {words}");
    until("server and two loads are left", || processes(&kept).len() == 3);
    let stop = words.lines().last().expect("the last line tells how to stop it").trim();
    run(Command::new("sh").args(["-c", stop]));
    until("the server stopped", || !cluster::is_running(&kept));
    assert_eq!(cluster::sweep(&state, &|_| false).removed, 1);
    until("the loads ended with it", || processes(&kept).is_empty());
}

fn run(command: &mut Command) -> Output {
    command.output().expect("it runs")
}

#[test]
fn a_load_without_a_server_says_why_it_cannot() {
    let nowhere = tempdir().expect("a temporary directory can be made");
    let error = Load::start(Path::new(LOCKKEEPER), Part::Web, nowhere.path(), false);
    let error = error.expect_err("there is no server").to_string();
    assert!(error.contains("`web`") && error.contains("No such file"), "{error}");
}

/// Returns each column of the public tables with its type and whether it may be NULL,
/// and each index.
async fn structure(connection: &mut PgConnection) -> BTreeMap<String, String> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT attrelid::regclass::text || '.' || attname, \
                format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END \
         FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid \
         WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped",
    )
    .fetch_all(connection)
    .await
    .expect("it answers");
    columns.into_iter().collect()
}

#[tokio::test]
async fn every_pending_migration_applies_reverts_and_applies_again() {
    let (server, project) = shop().await;
    let mut connection = connect(server.cluster.socket_dir()).await;
    let migrator = Migrator::new(project.migrations()).await.expect("sqlx reads the project");
    let applied = "SELECT count(*) FROM _sqlx_migrations WHERE success";
    assert_eq!(number(&mut connection, applied).await, APPLIED);
    let before = structure(&mut connection).await;
    let mut seen = vec![before.clone()];
    for version in APPLIED + 1..=LAST {
        migrator.run_to(version, &mut connection).await.expect("it applies");
        migrator.undo(&mut connection, version - 1).await.expect("it reverts");
        assert_eq!(Some(&structure(&mut connection).await), seen.last(), "{version} reverts");
        migrator.run_to(version, &mut connection).await.expect("it applies again");
        seen.push(structure(&mut connection).await);
    }
    assert_eq!(seen.last().map(|s| s["expenses.amount"].as_str()), Some("bigint NOT NULL"));
    assert!(seen.last().is_some_and(|s| !s.contains_key("expenses.legacy_reference")));
    migrator.undo(&mut connection, APPLIED).await.expect("all revert");
    assert_eq!(structure(&mut connection).await, before);
    let lost = "SELECT count(*) FROM expenses WHERE legacy_reference IS NOT NULL";
    assert_eq!(number(&mut connection, lost).await, 0, "the way back brings no data");
}

#[test]
fn the_project_has_every_migration_and_leads_to_its_server() {
    let directory = tempdir().expect("a temporary directory can be made");
    let dsn = "postgresql:///shop?host=/tmp/x&port=5432&user=deployer";
    let project = Project::write(directory.path().join("project"), dsn).expect("it is written");
    let in_assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/migrations");
    assert_eq!(names(&project.migrations()), names(&in_assets));
    let config = fs::read_to_string(project.config()).expect("it is there");
    assert!(config.contains(dsn), "{config}");
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it can be read");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn without_a_server_the_demo_exits_with_2_and_installs_nothing() {
    let empty = tempdir().expect("a temporary directory can be made");
    let mut command = lockkeeper(empty.path());
    let output = run(command.args(["demo", "--json"]).env("LOCKKEEPER_PG_BIN", empty.path()));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(output.stdout.is_empty());
    assert!(
        words.contains("LOCKKEEPER_PG_BIN") && words.contains(&*empty.path().to_string_lossy())
    );
}

#[test]
fn a_temporary_directory_too_long_for_a_socket_is_named() {
    let state = tempdir().expect("a temporary directory can be made");
    let long = state.path().join("x".repeat(90));
    fs::create_dir(&long).expect("it can be made");
    let mut command = lockkeeper(state.path());
    let output = run(command.args(["demo", "--json"]).env("TMPDIR", &long));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(words.contains("set TMPDIR") && words.contains(&*long.to_string_lossy()), "{words}");
}

#[test]
fn the_demo_has_a_good_backup_one_too_old_and_one_cut_off() {
    use lockkeeper::domain::backup::Worth;
    use lockkeeper::domain::evidence::Level;
    use lockkeeper::io::{config, store::Store};
    let demo = demo();
    let told = |key: &str| PathBuf::from(demo.document[key].as_str().expect("it is told"));
    let loaded = config::load(Some(&told("config")), Path::new("/")).expect("it reads");
    let now = chrono::Utc::now();
    let inventory = Store::of(&loaded, &told("project")).read(now);
    assert!(inventory.problems.is_empty(), "{:?}", inventory.problems);
    let [good, old, cut] = inventory.backups.as_slice() else { panic!("{inventory:?}") };
    let day = chrono::TimeDelta::days(1);
    assert!(
        good.age(now).is_some_and(|age| age < day) && old.age(now).is_some_and(|age| age > day)
    );
    for whole in [good, old] {
        assert_eq!((Worth::of(whole), whole.level()), (Worth::Proven, Some(Level::L3)));
        assert_eq!(whole.revisions, Some(vec![APPLIED.to_string()]));
        assert!(whole.rows["public.expenses"].is_some_and(|rows| rows > 100_000));
    }
    assert_eq!((Worth::of(cut), cut.registered), (Worth::Bad, false));
}
