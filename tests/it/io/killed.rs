//! Real tools that are killed with their console in the middle of a migration: what is said of
//! it afterwards is what is true in the database.

use std::fs;
use std::path::Path;

use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Risk};
use lockkeeper::domain::resolve::Resolution;
use lockkeeper::io::site::Site;
use lockkeeper::session::effect::{Goal, Request};

use crate::support::act::kill_jobs;
use crate::support::drive::Drive;
use crate::support::server::{self, Database};
use crate::support::until::eventually;
use crate::support::{dbmate, django, node};

/// Sessions of the act itself that sleep: the look at where a tool connects sleeps as well.
const SLEEPS: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
     AND application_name LIKE 'lockkeeper/migrate %' AND datname = current_database()";

/// Every session of the act: one that is being ended has ceased to sleep long before it has
/// rolled back, and is still there.
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE application_name LIKE 'lockkeeper/migrate %' AND datname = current_database()";

async fn number(database: &Database, sql: &'static str) -> i64 {
    let mut connection = database.connect().await;
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("the server answers")
}

/// Runs the only migration until it sleeps, kills everything of ours, and returns how what
/// became of it is told, with how many tables called `half` there are.
async fn killed(database: &Database, site: impl Fn(&Path) -> Site) -> (Option<Ending>, i64) {
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = Drive::start(site(state.path()));
    let goal = Goal::One;
    drive.plan(Request::Migrate { direction: Direction::Up, goal, risk: Risk::Safe }).await;
    drive.yes();
    drive.until("it runs", |d| d.session.job().is_some()).await;
    eventually("it sleeps", async || number(database, SLEEPS).await == 1).await;
    drive.driver.close().await;
    let runs = state.path().join("runs");
    kill_jobs(&runs);
    let run = fs::read_dir(&runs).expect("runs").next().expect("one").expect("it reads");
    let run = run.file_name().into_string().expect("a name");

    let drive = Drive::start(site(state.path()));
    let taken = drive.driver.take_up(&run).await.expect("it is taken up");
    let open = taken.open().expect("it reads").pop().expect("one is open");
    let early = taken.resolve(&open, None).await;
    assert!(matches!(early, Resolution::StillRunning { .. }), "the server works on: {early:?}");
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name LIKE 'lockkeeper/migrate %' AND datname = current_database()",
    );
    eventually("it ended", async || number(database, SESSIONS).await == 0).await;
    let found = taken.resolve(&open, None).await;
    drop(taken);
    drive.driver.close().await;
    let half = number(database, "SELECT count(*) FROM pg_class WHERE relname = 'half'").await;
    (found.outcome().map(|outcome| outcome.ending), half)
}

/// Returns a sample project with only this migration.
fn only(sample: &str, name: &str, text: &str) -> node::Project {
    let project = node::Project::sample(sample);
    let migrations = project.path().join("migrations");
    for file in fs::read_dir(&migrations).expect("a directory") {
        fs::remove_file(file.expect("a file").path()).expect("it can be removed");
    }
    project.write(&format!("migrations/{name}"), text);
    project
}

async fn of_node(project: &node::Project, name: &str) -> (Option<Ending>, i64) {
    let database = server::database(name);
    Box::pin(killed(&database, |state| project.site(&database, "${target.url}", state))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn knex_rolls_back() {
    let text = "exports.up = async (knex) => { await knex.raw('CREATE TABLE half (a int)'); \
                await knex.raw('SELECT pg_sleep(600)'); };\nexports.down = async () => {};\n";
    let project = only("knex", "20240101000000_half.js", text);
    assert_eq!(of_node(&project, "killed_knex").await, (Some(Ending::RolledBack), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn node_pg_migrate_rolls_back() {
    let text = "export const up = (pgm) => { pgm.sql('CREATE TABLE half (a int)'); \
                pgm.sql('SELECT pg_sleep(600)'); };\nexport const down = () => {};\n";
    let project = only("node-pg-migrate", "1704067200000_half.js", text);
    assert_eq!(of_node(&project, "killed_pgm").await, (Some(Ending::RolledBack), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sequelize_leaves_what_it_made() {
    let text = "module.exports = {\n  up: async (q) => { \
                await q.sequelize.query('CREATE TABLE half (a int)'); \
                await q.sequelize.query('SELECT pg_sleep(600)'); },\n  down: async () => {},\n};\n";
    let project = only("sequelize-cli", "20240101000000-half.js", text);
    let config = "{ \"development\": { \"use_env_variable\": \"DATABASE_URL\", \"dialect\": \"postgres\", \"logging\": false } }";
    project.write("config/config.json", config);
    assert_eq!(of_node(&project, "killed_sequelize").await, (Some(Ending::Partial), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn umzug_leaves_what_it_made() {
    let text = "export const up = async ({ context: q }) => { \
                await q.sequelize.query('CREATE TABLE half (a int)'); \
                await q.sequelize.query('SELECT pg_sleep(600)'); };\nexport const down = async () => {};\n";
    let project = only("umzug", "20240101000000-half.ts", text);
    assert_eq!(of_node(&project, "killed_umzug").await, (Some(Ending::Partial), 1));
}

/// A migration of Django that makes a table and sleeps; `more` stands in its class.
fn of_django(more: &str) -> django::Project {
    let project = django::Project::sample();
    let migrations = project.path().join("app/migrations");
    for file in fs::read_dir(&migrations).expect("a directory") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "py") {
            fs::remove_file(path).expect("it can be removed");
        }
    }
    project.write("app/models.py", "");
    project.migration("app", "0001_half", "[]", more);
    let file = "app/migrations/0001_half.py";
    let text = fs::read_to_string(project.path().join(file)).expect("it reads");
    let deeds = "operations = [migrations.RunSQL('CREATE TABLE half (a int)'), \
                 migrations.RunSQL('SELECT pg_sleep(600)')]";
    project.write(file, &text.replace("operations = []", deeds));
    project
}

#[tokio::test(flavor = "multi_thread")]
async fn django_rolls_back_and_without_a_transaction_leaves_what_it_made() {
    for (more, expected) in
        [("", (Some(Ending::RolledBack), 0)), ("atomic = False", (Some(Ending::Partial), 1))]
    {
        let (project, database) = (of_django(more), server::database("killed_django"));
        let found = Box::pin(killed(&database, |state| project.site(&database, state))).await;
        assert_eq!(found, expected, "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dbmate_rolls_back_and_without_a_transaction_leaves_what_it_made() {
    for (options, expected) in
        [("", (Some(Ending::RolledBack), 0)), (" transaction:false", (Some(Ending::Partial), 1))]
    {
        let (project, database) = (dbmate::Project::empty(), server::database("killed_dbmate"));
        // Outside of a transaction several statements in one message would be one after all.
        let first = "CREATE TABLE half (a int);\n";
        let commit = if options.is_empty() { "" } else { "COMMIT;\n" };
        let text = format!(
            "-- migrate:up{options}\n{first}{commit}SELECT pg_sleep(600);\n-- migrate:down\n"
        );
        fs::write(project.migrations().join("20240101000000_half.sql"), text).expect("written");
        let found = Box::pin(killed(&database, |state| project.site(&database, state))).await;
        assert_eq!(found, expected, "{options}");
    }
}
