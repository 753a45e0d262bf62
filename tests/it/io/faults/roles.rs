//! Roles that may look, and roles that may do nothing.

use lockkeeper::domain::snapshot::Snapshot;

use super::{Places, key, terminate};
use crate::support::drive::Drive;
use crate::support::server::{self, Database};

const VERSIONS: &str = "CREATE TABLE _sqlx_migrations (version bigint, description text, \
    installed_on timestamptz, success bool, checksum bytea, execution_time bigint)";

/// Looks as a new role with `grants`, until everything was read or refused.
async fn look(role: &str, grants: &str) -> (Database, Drive, Places) {
    let (database, places) = (server::database(role), Places::new());
    database.execute(&format!("{VERSIONS}; CREATE ROLE {role} LOGIN {grants}"));
    let dsn = database.dsn().replace("user=postgres", &format!("user={role}"));
    let mut drive = places.drive(&dsn).await;
    drive
        .until("all is read", |d| {
            let project = d.facts.project.error().is_some() || d.facts.project.value().is_some();
            project && (d.facts.slow.error().is_some() || d.facts.slow.value().is_some())
        })
        .await;
    (database, drive, places)
}

fn snapshot(drive: &Drive) -> &Snapshot {
    assert_eq!(drive.facts.snapshot.error(), None);
    assert_eq!(drive.facts.slow.error(), None);
    drive.facts.snapshot.value().expect("the server is seen")
}

/// Checks that the migrations panel says what is missing, and what to do.
fn says_what_is_missing(drive: &Drive, role: &str) {
    let why = drive.facts.project.error().expect("it may not read the table");
    assert!(why.contains("permission denied for table _sqlx_migrations"), "{why}");
    let grant = format!("GRANT SELECT ON _sqlx_migrations TO {role}");
    assert!(why.contains(&grant), "{why}");
}

/// Checks that a session of another role cannot be ended, and that this is said.
async fn cannot_signal(drive: &mut Drive, database: &Database) {
    let mut other = database.connect().await;
    let key = key(&mut other).await;
    let seen = |d: &Drive| d.facts.snapshot.value().is_some_and(|s| s.backend(key.pid).is_some());
    drive.until("the other session is seen", seen).await;
    let backend = snapshot(drive).backend(key.pid).expect("it is seen").clone();
    assert!(!backend.can_signal && !backend.ours);
    drive.refuses(terminate(backend.key()), "our role may not signal it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_pg_monitor_sees_all_and_signals_nobody() {
    let (database, mut drive, _places) = look("watcher", "IN ROLE pg_monitor").await;
    let limits: Vec<&String> =
        snapshot(&drive).limits.iter().filter(|limit| limit.contains("watcher")).collect();
    assert_eq!(limits, [""; 0]);
    assert!(drive.facts.slow.value().expect("it is read").database_bytes.is_some());
    says_what_is_missing(&drive, "watcher");
    cannot_signal(&mut drive, &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_nothing_says_what_it_cannot_see() {
    let (database, mut drive, _places) = look("stranger", "").await;
    let limits = &snapshot(&drive).limits;
    assert!(limits[0].contains("stranger is no member of pg_read_all_stats"), "{limits:?}");
    assert!(limits[0].contains("GRANT pg_monitor"), "{limits:?}");
    says_what_is_missing(&drive, "stranger");
    cannot_signal(&mut drive, &database).await;
}
