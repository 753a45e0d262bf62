//! SQL of a runbook's step on a real server: planned, proved, sent, classified.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lockkeeper::cli::begin;
use lockkeeper::domain::journal::{self, Kind, Record};
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Need, Risk};
use lockkeeper::io::allowed::Allowed;
use lockkeeper::io::runbook;
use lockkeeper::session::effect::{Event, Goal, Request};
use lockkeeper::session::walk::{End, Move};
use tempfile::TempDir;

use crate::support::drive::{Drive, site};
use crate::support::server::{self, Database, LOCKKEEPER};

/// A database, a project of one migration, and a place for the state.
struct World {
    database: Database,
    project: TempDir,
    state: TempDir,
}

impl World {
    fn new(name: &str) -> Self {
        let [project, state] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let migrations = project.path().join("migrations");
        fs::create_dir(&migrations).expect("it can be made");
        for (name, text) in
            [("1_a.up.sql", "CREATE TABLE a (id int);"), ("1_a.down.sql", "DROP TABLE a;")]
        {
            fs::write(migrations.join(name), text).expect("it can be written");
        }
        Self { database: server::database(name), project, state }
    }

    fn site(&self) -> lockkeeper::io::site::Site {
        site(&self.database.dsn(), self.project.path(), self.state.path())
    }

    /// Returns the records of the one run.
    fn records(&self) -> Vec<Record> {
        let mut runs = fs::read_dir(self.state.path().join("runs")).expect("there are runs");
        let run = runs.next().expect("there is one").expect("it can be listed").path();
        let reading = journal::read(&fs::read(run.join("journal.jsonl")).expect("a journal"));
        assert!(reading.intact, "{:?}", reading.fault);
        reading.records
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let counted = sqlx::query_scalar(sql).fetch_one(&mut self.database.connect().await).await;
        counted.expect("the server counts")
    }
}

fn sql(text: &str) -> Request {
    Request::Sql { text: text.to_owned(), risk: Risk::Read }
}

const ROWS: &str = "SELECT count(*) FROM t";
const TABLES: &str = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";

#[tokio::test(flavor = "multi_thread")]
async fn sql_of_a_step_runs_as_it_was_confirmed_and_all_of_it_or_nothing() {
    let world = World::new("sql_runs");
    let mut drive = Drive::start(world.site());
    let plan = drive.plan(sql("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)")).await;
    assert_eq!((plan.risk, plan.need()), (Risk::Safe, Need::Key), "no look, whatever is declared");
    assert_eq!(plan.preview.sql.len(), 2);
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    assert_eq!(world.count(ROWS).await, 2);
    drive.plan(sql("-- first\nCREATE TABLE u (id int); SELECT 1 / 0")).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::RolledBack, "{outcome:?}");
    assert!(outcome.message.raw().contains("division by zero"), "{outcome:?}");
    assert_eq!(world.count(TABLES).await, 1);
    let plan = drive.plan(sql("DELETE FROM t")).await;
    assert_eq!(plan.need(), Need::Typed(world.database.name.clone()), "rows are lost");
    assert!(plan.preview.back.contains("LOSES"), "{}", plan.preview.back);
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    assert_eq!(world.count(ROWS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_that_commits_by_itself_is_not_called_rolled_back_when_it_fails() {
    let world = World::new("sql_commits");
    let mut drive = Drive::start(world.site());
    drive.plan(sql("BEGIN; CREATE TABLE t (id int); COMMIT; SELECT 1 / 0")).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Partial, "{outcome:?}");
    assert_eq!(world.count(TABLES).await, 1);
    drive.plan(sql("BEGIN; INSERT INTO t VALUES (1); COMMIT; SELECT 1 / 0")).await;
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::Partial, "no schema shows its row: {outcome:?}");
    let plan = drive.plan(sql("CREATE INDEX CONCURRENTLY i ON t (id)")).await;
    assert_eq!((plan.timeouts.lock_ms, plan.attempts), (None, 1), "it would leave a broken index");
    assert_eq!(drive.confirm().await.ending, Ending::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_in_the_way_of_sql_is_shown_and_a_lock_is_waited_for_in_vain_no_longer() {
    let world = World::new("sql_waits");
    world.database.execute("CREATE TABLE t (id int)");
    let mut site = world.site();
    site.loaded.config.policy.lock_timeout = "100ms".parse().expect("a period");
    site.loaded.config.policy.attempts = 1;
    let mut drive = Drive::start(site);
    let mut holder = world.database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT * FROM t").execute(&mut holder).await.expect("it holds");
    let plan = drive.plan(sql("ALTER TABLE t ADD COLUMN more text")).await;
    let now = &plan.preview.now;
    assert!(now.iter().any(|line| line.contains("AccessShare on t")), "{now:?}");
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::LockTimeout, "{outcome:?}");
}

const RUNBOOK: &str = r#"
schema = 1
id = "tidy"
title = "Tidy up"
[[section]]
id = "one"
title = "One"
[[section.step]]
id = "make"
kind = "act"
title = "Make a table"
risk = "safe"
sql = "CREATE TABLE made (id int)"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_runbooks_sql_is_walked() {
    let world = World::new("sql_walked");
    let path = world.project.path().join("tidy.toml");
    fs::write(&path, RUNBOOK).expect("it can be written");
    let allowed = Allowed::in_state(world.state.path());
    let loaded = runbook::load(&path).unwrap_or_else(|error| panic!("{error}"));
    allowed.allow(&path, &loaded.hash).expect("it can be allowed");
    let mut drive = Drive::start(world.site());
    let begin = begin::runbook(drive.driver.site(), "tidy", Some(&path));
    drive.begin(begin.unwrap_or_else(|why| panic!("{why}")));
    drive.until("the step is ready", can_run).await;
    drive.event(Event::Moved(Move::Run));
    drive.until("its plan is shown", |d| d.session.pending().is_some()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done, "{:?}", drive.outcomes);
    let over = |d: &Drive| d.session.walk().is_some_and(|walk| walk.end().is_some());
    drive.until("the walk has ended", over).await;
    assert_eq!(drive.session.walk().and_then(|walk| walk.end()), Some(&End::Completed));
    assert_eq!(world.count(TABLES).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_intent_of_a_step_stands_behind_everything_that_was_recorded_before_it() {
    let world = World::new("sql_order");
    let path = world.project.path().join("tidy.toml");
    fs::write(&path, RUNBOOK).expect("it can be written");
    let loaded = runbook::load(&path).unwrap_or_else(|error| panic!("{error}"));
    let allowed = Allowed::in_state(world.state.path());
    allowed.allow(&path, &loaded.hash).expect("it can be allowed");
    let mut drive = Drive::start(world.site());
    let begin = begin::runbook(drive.driver.site(), "tidy", Some(&path));
    drive.begin(begin.unwrap_or_else(|why| panic!("{why}")));
    drive.until("the step is ready", can_run).await;
    drive.event(Event::Moved(Move::Run));
    drive.until("its plan is shown", |d| d.session.pending().is_some()).await;
    for number in 0..300 {
        drive.event(Event::Moved(Move::Note(format!("note {number}"))));
    }
    assert_eq!(drive.confirm().await.ending, Ending::Done, "{:?}", drive.outcomes);
    drive.driver.close().await;
    let kinds: Vec<Kind> = world.records().iter().map(|record| record.kind).collect();
    let last = |kind: Kind| kinds.iter().rposition(|one| *one == kind).expect("it is recorded");
    let notes = kinds.iter().filter(|kind| **kind == Kind::Note).count();
    assert_eq!(notes, 300);
    assert!(last(Kind::Note) < last(Kind::Intent), "{kinds:?}");
}

fn can_run(drive: &Drive) -> bool {
    use lockkeeper::session::walk::Phase;
    drive.session.walk().is_some_and(|walk| matches!(walk.phase(), Phase::Ready))
}

/// Writes a program that is lockkeeper, but whose proof connects to another database as soon
/// as the file `elsewhere` is there: what a tool's own configuration can do at any time.
fn program(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("program");
    let elsewhere = directory.join("elsewhere");
    let text = format!(
        "#!/bin/sh\n[ \"$2\" = probe ] && [ -e '{}' ] && export PGDATABASE=postgres\n\
         exec '{LOCKKEEPER}' \"$@\"\n",
        elsewhere.display()
    );
    fs::write(&path, text).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_tool_connects_is_proved_before_each_act() {
    let world = World::new("proved_again");
    let own = tempfile::tempdir().expect("a directory");
    let mut site = world.site();
    site.program = program(own.path());
    let mut drive = Drive::start(site);
    let up = Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Safe };
    drive.plan(up).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done, "{:?}", drive.outcomes);
    fs::write(own.path().join("elsewhere"), "").expect("it can be written");
    let down = Request::Migrate { direction: Direction::Down, goal: Goal::One, risk: Risk::Safe };
    for request in [down, sql("CREATE TABLE never (id int)")] {
        drive.plan(request).await;
        let outcome = drive.confirm().await;
        assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
        let why = outcome.message.raw();
        assert!(why.contains("connects to the database postgres of this server"), "{why}");
    }
    assert_eq!(world.count("SELECT count(*) FROM pg_tables WHERE tablename = 'never'").await, 0);
}
