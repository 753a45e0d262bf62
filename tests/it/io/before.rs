//! The time before a migration, as an earlier console has measured it, for a rollback that
//! another one begins.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use lockkeeper::cli::begin;
use lockkeeper::domain::baseline::Baseline;
use lockkeeper::domain::journal::Kind;
use lockkeeper::session::effect::Event;

use crate::support::drive::{Drive, site};
use crate::support::server::{self, Database};

async fn walking(database: &Database, state: &Path, book: &str) -> Drive {
    let mut drive = Drive::start(site(&database.dsn(), state, state));
    let begin = begin::runbook(drive.driver.site(), book, None).expect("it is shipped");
    drive.begin(begin);
    drive.until("the walk has begun", |d| d.session.walk().is_some()).await;
    drive
}

/// Returns the baselines that are recorded, with their runs, oldest run first.
fn recorded(state: &Path) -> Vec<(String, Baseline)> {
    let runs = lockkeeper::io::journal::list(&state.join("runs")).expect("they are listed");
    let records = runs.into_iter().flat_map(|run| run.reading.expect("it reads").records);
    let baselines = records.filter(|record| record.kind == Kind::Baseline);
    let read = |data| serde_json::from_value(data).expect("it is one");
    baselines.map(|record| (record.run, read(record.data))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_of_another_console_is_held_against_the_time_before_the_migration() {
    let (database, other) = (server::database("before"), server::database("before_other"));
    let dir = tempfile::tempdir().expect("a directory");
    let state = dir.path();
    let until = Utc::now() - TimeDelta::hours(2);
    let measured = Baseline { tps: Some(212.0), until, ..Baseline::default() };
    let mut first = walking(&database, state, "migrate").await;
    first.event(Event::Measured(Box::new(measured.clone())));
    first.until("it is recorded", |_| recorded(state).len() == 1).await;
    first.driver.close().await;
    let run = recorded(state)[0].0.clone();

    let mut elsewhere = walking(&other, state, "rollback").await;
    elsewhere.until("the step is shown", |d| d.facts.identity.value().is_some()).await;
    assert_eq!(elsewhere.facts.vitals.baseline(), None, "another database has another one");
    elsewhere.driver.close().await;

    let mut second = walking(&database, state, "rollback").await;
    second.until("it is taken", |d| d.facts.vitals.baseline().is_some()).await;
    let taken = Baseline { run: Some(run.clone()), ..measured };
    assert_eq!(second.facts.vitals.baseline(), Some(&taken));
    let origin = taken.origin(Utc::now()).expect("it is another run's");
    assert!(origin.contains("2 h") && origin.contains(&run), "{origin}");
    second.until("it is recorded here too", |_| recorded(state).len() == 2).await;
    second.driver.close().await;
    // What was taken over is nobody's measure: the third takes the first one's, too.
    let mut third = walking(&database, state, "rollback").await;
    third.until("it is taken", |d| d.facts.vitals.baseline().is_some()).await;
    assert_eq!(third.facts.vitals.baseline(), Some(&taken));
    third.driver.close().await;
}
