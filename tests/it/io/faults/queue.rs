//! We never stand in a lock queue for long, the monitor not at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::postgres::PgConnection;
use tokio::task::JoinHandle;

use super::{Places, key, ours, up};
use crate::support::drive::Drive;
use crate::support::server::{self, Database};
use crate::support::until::eventually;

/// Somebody who looks all the time which of our sessions of a database wait for a lock.
struct Witness {
    enough: Arc<AtomicBool>,
    task: JoinHandle<BTreeSet<String>>,
}

const WAITING: &str = "SELECT a.application_name FROM pg_locks l \
    JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE NOT l.granted AND a.datname = current_database() \
      AND a.application_name LIKE 'lockkeeper%'";

async fn waiting(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(WAITING).fetch_all(connection).await.expect("it answers")
}

impl Witness {
    async fn start(database: &Database) -> Self {
        Self::watch(Self::seat(database).await)
    }

    /// Returns a connection that has asked once: the question is planned before a lock on the
    /// catalog could keep it from being.
    async fn seat(database: &Database) -> PgConnection {
        let mut connection = database.connect().await;
        waiting(&mut connection).await;
        connection
    }

    /// Looks from now on. The reader may wait already: what an act has ended with is read anew.
    fn watch(mut connection: PgConnection) -> Self {
        let mut seen = BTreeSet::new();
        let enough = Arc::new(AtomicBool::new(false));
        let told = enough.clone();
        let task = tokio::spawn(async move {
            while !told.load(Ordering::Relaxed) {
                seen.extend(waiting(&mut connection).await);
            }
            while !waiting(&mut connection).await.is_empty() {}
            seen
        });
        Self { enough, task }
    }

    /// Returns who was seen waiting, once nobody waits any more.
    async fn tells(self) -> BTreeSet<String> {
        self.enough.store(true, Ordering::Relaxed);
        self.task.await.expect("the witness ends")
    }
}

/// Opens a transaction that holds what everybody has to wait for.
async fn hold(database: &Database, tables: &str) -> PgConnection {
    let mut holder = database.connect().await;
    let sql = sqlx::AssertSqlSafe(format!("BEGIN; LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"));
    sqlx::raw_sql(sql).execute(&mut holder).await.expect("it is free");
    holder
}

/// Waits until the server has been looked at three times more.
async fn looks(drive: &mut Drive) {
    for _ in 0..3 {
        drive.facts.snapshot.failed("this test waits for the next one");
        drive.until("a look", |d| d.facts.snapshot.error().is_none()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_tables_keep_nobody_of_ours_waiting() {
    let (database, places) = (server::database("queue"), Places::new());
    let mut drive = places.drive(&database.dsn()).await;
    drive.plan(up()).await;
    drive.confirm().await;
    database.execute("CREATE TABLE t (id int)");
    let mut holder = hold(&database, "t, first, _sqlx_migrations").await;
    let witness = Witness::start(&database).await;
    drive.driver.refresh();
    drive.until("the version table gives up", |d| d.facts.project.error().is_some()).await;
    let why = drive.facts.project.error().expect("it was said").to_owned();
    assert!(why.contains("_sqlx_migrations cannot be read") && why.contains("lock"), "{why}");
    assert!(drive.facts.project.value().is_some(), "what was read stays");
    let holding = key(&mut holder).await;
    drive.driver.backend(holding);
    drive.until("its details are read", |d| d.facts.backend.value().is_some()).await;
    let locks = &drive.facts.backend.value().expect("they are read").locks;
    assert!(locks.contains(&"holds AccessExclusiveLock on public.t".to_owned()), "{locks:?}");
    looks(&mut drive).await;
    let seen = witness.tells().await;
    assert!(seen.iter().all(|name| name == "lockkeeper/reader"), "{seen:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("it ends");
    drive.driver.refresh();
    drive.until("the migrations are read again", |d| d.facts.project.error().is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_catalog_keeps_the_monitor_from_nothing() {
    // A server of its own: what others change in their databases can make a session forget
    // what it knows of the catalog, and then it has to ask behind the lock.
    let (server, places) = (server::private(&[]), Places::new());
    let database = server.database("catalog");
    let mut drive = places.drive(&database.dsn()).await;
    // The console opens it beside the monitor's, and none can be opened behind the lock.
    let mut admin = database.connect().await;
    eventually("the control connection is open", async || {
        ours(&mut admin).await.iter().any(|name| name == "lockkeeper/control")
    })
    .await;
    drive.until("the slow facts are read", |d| d.facts.slow.value().is_some()).await;
    drive.until("the migrations are read", |d| d.facts.project.value().is_some()).await;
    let seat = Witness::seat(&database).await;
    let mut holder = hold(&database, "pg_class").await;
    // The look that was under way when the lock came may have been caught by it.
    looks(&mut drive).await;
    let witness = Witness::watch(seat);
    drive.driver.refresh();
    drive.until("the schema cannot be read", |d| d.facts.project.error().is_some()).await;
    looks(&mut drive).await;
    let seen = witness.tells().await;
    assert!(seen.iter().all(|name| name == "lockkeeper/reader"), "{seen:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("it ends");
    drive.driver.refresh();
    drive.until("the migrations are read again", |d| d.facts.project.error().is_none()).await;
}
