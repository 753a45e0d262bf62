//! The real Django and the real dbmate on a real server, through the machine and the driver.

use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Plan, Risk};
use lockkeeper::session::effect::{Goal, Request};

use crate::support::drive::Drive;
use crate::support::server::{self, Database};
use crate::support::{dbmate, django};

fn up() -> Request {
    Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Safe }
}

fn down() -> Request {
    Request::Migrate { direction: Direction::Down, goal: Goal::One, risk: Risk::Safe }
}

/// Returns the words of the tool, without what stands before them.
fn argv(plan: &Plan, program: &str) -> String {
    let argv = &plan.command.as_ref().expect("a command").argv;
    argv.iter().skip_while(|word| *word != program).cloned().collect::<Vec<_>>().join(" ")
}

async fn rows(database: &Database, query: &'static str) -> Vec<String> {
    let mut connection = database.connect().await;
    sqlx::query_scalar(query).fetch_all(&mut connection).await.expect("the server answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_of_django_s_sample_goes_up_alone_and_the_last_comes_back() {
    const RAN: &str = "SELECT name::text FROM django_migrations ORDER BY id";
    let (project, database) = (django::Project::sample(), server::database("django_sample"));
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = Drive::start(project.site(&database, state.path()));
    let names = [
        "0001_initial",
        "0002_widen_email",
        "0003_index_email",
        "0003_backfill_status",
        "0004_drop_email",
    ];
    for name in names {
        let plan = drive.plan(up()).await;
        let words = format!("python manage.py migrate app {name} --no-input");
        assert_eq!(argv(&plan, "python"), words);
        let outcome = drive.confirm().await;
        assert_eq!(outcome.ending, Ending::Done, "{name}: {outcome:?}");
    }
    assert_eq!(rows(&database, RAN).await, names);
    let plan = drive.plan(down()).await;
    assert!(argv(&plan, "python").starts_with("python manage.py migrate app 0003_"));
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    assert_eq!(rows(&database, RAN).await, names[..4]);
}

/// A schema that Django did not make, or whose record was lost: its first migrations would fail.
#[tokio::test(flavor = "multi_thread")]
async fn without_django_s_table_what_stands_already_is_said_to_fail_until_it_is_faked() {
    let (project, database) = (django::Project::sample(), server::database("django_faked"));
    let state = tempfile::tempdir().expect("a directory");
    let mut drive = Drive::start(project.site(&database, state.path()));
    drive.plan(up()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    database.execute("DROP TABLE django_migrations");
    let first = "app.0001_initial";
    let mut drive = Drive::start(project.site(&database, state.path()));
    let told = |drive: &Drive| {
        let known = drive.facts.project.value()?;
        let hazards = known.hazards(first, Direction::Up);
        Some((known.project.graph.pending().next()?.id.clone(), hazards.first()?.message.clone()))
    };
    drive.until("its migrations are read", |drive| told(drive).is_some()).await;
    let (pending, message) = told(&drive).expect("it was there just now");
    assert_eq!(pending, first, "nothing says that it has run");
    assert!(message.starts_with("fails: app_user is there already"), "{message}");
    assert!(message.contains("migrate --fake-initial"), "{message}");
    project.run(&database, &["migrate", "app", "0001", "--fake-initial"]);
    let mut drive = Drive::start(project.site(&database, state.path()));
    let pending = |drive: &Drive| told(drive).map(|(pending, _)| pending);
    drive.until("they are read again", |drive| pending(drive).is_some()).await;
    assert_eq!(pending(&drive).as_deref(), Some("app.0002_widen_email"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_migration_of_dbmate_s_sample_goes_up_alone_and_the_last_comes_back() {
    const RAN: &str = "SELECT version::text FROM schema_migrations ORDER BY 1";
    let (project, database) = (dbmate::Project::empty(), server::database("dbmate_sample"));
    let state = tempfile::tempdir().expect("a directory");
    let names = [
        "20240101000000_create_users.sql",
        "20240102000000_widen_email.sql",
        "20240103000000_index_concurrently.sql",
    ];
    for name in names {
        project.add(name);
    }
    let mut drive = Drive::start(project.site(&database, state.path()));
    for (at, name) in names.iter().enumerate() {
        let plan = drive.plan(up()).await;
        let all = plan.command.as_ref().expect("a command").argv.join(" ");
        let alone = all.contains(&format!("db/migrations/{name} dbmate"));
        assert_eq!(alone, at + 1 < names.len(), "{all}");
        let outcome = drive.confirm().await;
        assert_eq!(outcome.ending, Ending::Done, "{name}: {outcome:?}");
        assert_eq!(rows(&database, RAN).await.len(), at + 1);
    }
    let plan = drive.plan(down()).await;
    assert!(argv(&plan, "dbmate").ends_with(" rollback"), "{plan:?}");
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    assert_eq!(rows(&database, RAN).await, ["20240101000000", "20240102000000"]);
    // It writes no schema.sql into the project.
    assert!(!project.migrations().with_file_name("schema.sql").exists());
}
