//! Signals: guarded, honest about what came of them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::activity::BackendKey;
use lockkeeper::domain::signal::Kind;
use lockkeeper::io::postgres::Control;
use lockkeeper::io::postgres::control::{After, Aim, Only, Running, Signalled};
use sqlx::error::DatabaseError;
use sqlx::{PgConnection, Row as _};

use crate::support::server::{Database, database};
use crate::support::tcp::spec;
use crate::support::until::{LONG, eventually};

async fn control(database: &Database) -> Control {
    Control::open(spec(&database.dsn())).await.expect("it connects")
}

async fn key(connection: &mut PgConnection) -> BackendKey {
    let sql = "SELECT pid::int4, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let row = sqlx::query(sql).fetch_one(connection).await.expect("it answers");
    BackendKey { pid: row.get(0), backend_start: row.get(1) }
}

/// Starts a long statement and returns its end, once the server shows it running.
async fn run_long(
    database: &Database,
) -> (BackendKey, DateTime<Utc>, tokio::task::JoinHandle<sqlx::Error>) {
    let mut victim = database.connect().await;
    let key = key(&mut victim).await;
    let task = tokio::spawn(async move {
        let sleep = sqlx::query("SELECT pg_sleep(600)").execute(&mut victim).await;
        sleep.expect_err("it is ended")
    });
    let mut other = database.connect().await;
    let sql = "SELECT query_start FROM pg_stat_activity \
                WHERE pid = $1 AND state = 'active' AND wait_event = 'PgSleep'";
    let mut began = None;
    eventually("the statement runs", async || {
        let row = sqlx::query(sql).bind(key.pid).fetch_optional(&mut other).await;
        began = row.expect("it answers").map(|row| row.get(0));
        began.is_some()
    })
    .await;
    (key, began.expect("it was seen"), task)
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(DatabaseError::code).map(Into::into)
}

#[tokio::test]
async fn a_cancelled_statement_ends_and_its_session_stays() {
    let database = database("cancel");
    let mut control = control(&database).await;
    let (key, began, victim) = run_long(&database).await;
    assert_eq!(
        control.signal(Kind::Cancel, key, Only::Same).await.expect("it answers"),
        Signalled::Sent
    );
    let after = control.check_gone(key, Aim::StatementEnds(began), LONG).await;
    assert_eq!(after.expect("it answers"), After::Done);
    assert_eq!(code(&victim.await.expect("it ends")).as_deref(), Some("57014"));
}

#[tokio::test]
async fn a_terminated_session_is_seen_to_be_gone() {
    let database = database("terminate");
    let mut control = control(&database).await;
    let (key, _, victim) = run_long(&database).await;
    let still = control.check_gone(key, Aim::SessionEnds, Duration::ZERO).await;
    assert_eq!(still.expect("it answers"), After::Still);
    assert_eq!(
        control.signal(Kind::Terminate, key, Only::Same).await.expect("it answers"),
        Signalled::Sent
    );
    let after = control.check_gone(key, Aim::SessionEnds, LONG).await;
    assert_eq!(after.expect("it answers"), After::Done);
    assert_eq!(code(&victim.await.expect("it ends")).as_deref(), Some("57P01"));
    assert_eq!(
        control.signal(Kind::Terminate, key, Only::Same).await.expect("it answers"),
        Signalled::Gone
    );
}

#[tokio::test]
async fn a_session_that_has_written_meanwhile_is_not_ended_as_one_that_has_not() {
    let database = database("unwritten");
    database.execute("CREATE TABLE t (id int)");
    let mut control = control(&database).await;
    let mut victim = database.connect().await;
    let key = key(&mut victim).await;
    let write = "BEGIN; INSERT INTO t VALUES (1)";
    sqlx::raw_sql(write).execute(&mut victim).await.expect("it writes");
    let sent = control.signal(Kind::Terminate, key, Only::Unwritten).await;
    assert_eq!(sent.expect("it answers"), Signalled::Changed);
    sqlx::raw_sql("COMMIT").execute(&mut victim).await.expect("it was left alone");
    let sent = control.signal(Kind::Terminate, key, Only::Unwritten).await;
    assert_eq!(sent.expect("it answers"), Signalled::Sent);
}

#[tokio::test]
async fn a_cancel_for_one_statement_does_not_hit_the_next() {
    let database = database("next_statement");
    let mut control = control(&database).await;
    let (key, began, victim) = run_long(&database).await;
    assert_eq!(control.running(key).await.expect("it answers"), Some(Running::Since(began)));
    let earlier = began - TimeDelta::microseconds(1);
    let sent = control.signal(Kind::Cancel, key, Only::WhileRunning(earlier)).await;
    assert_eq!(sent.expect("it answers"), Signalled::Changed);
    let sent = control.signal(Kind::Cancel, key, Only::WhileRunning(began)).await;
    assert_eq!(sent.expect("it answers"), Signalled::Sent);
    assert_eq!(code(&victim.await.expect("it ends")).as_deref(), Some("57014"));
    let mut idle = database.connect().await;
    let idle = self::key(&mut idle).await;
    assert_eq!(control.running(idle).await.expect("it answers"), Some(Running::Nothing));
    let gone = BackendKey { backend_start: Some(began - TimeDelta::microseconds(1)), ..idle };
    assert_eq!(control.running(gone).await.expect("it answers"), None);
}

#[tokio::test]
async fn a_pid_that_belongs_to_another_session_is_left_alone() {
    let database = database("reused");
    let mut control = control(&database).await;
    let mut bystander = database.connect().await;
    let real = key(&mut bystander).await;
    let began = real.backend_start.expect("it is our own");
    let stale = BackendKey { backend_start: Some(began - TimeDelta::microseconds(1)), ..real };
    for kind in [Kind::Cancel, Kind::Terminate] {
        let signalled = control.signal(kind, stale, Only::Same).await.expect("it answers");
        assert_eq!(signalled, Signalled::Reused(began), "{kind:?}");
    }
    assert_eq!(key(&mut bystander).await, real, "it goes on");
    let unknown = BackendKey { backend_start: None, ..real };
    let signalled = control.signal(Kind::Terminate, unknown, Only::Same).await.expect("it answers");
    assert_eq!(signalled, Signalled::Hidden);
}

#[tokio::test]
async fn our_own_connections_are_never_signalled() {
    let database = database("own");
    let mut control = control(&database).await;
    let mut monitor = database.connect().await;
    let monitor_key = key(&mut monitor).await;
    control.protect(vec![monitor_key.pid]);
    let signalled =
        control.signal(Kind::Terminate, monitor_key, Only::Same).await.expect("it answers");
    assert_eq!(signalled, Signalled::Ours);
    let sql = "SELECT pid::int4, backend_start FROM pg_stat_activity \
                WHERE application_name = 'lockkeeper/control' AND datname = current_database()";
    let row = sqlx::query(sql).fetch_one(&mut monitor).await.expect("it is there");
    let own = BackendKey { pid: row.get(0), backend_start: row.get(1) };
    let signalled = control.signal(Kind::Terminate, own, Only::Same).await.expect("it answers");
    assert_eq!(signalled, Signalled::Ours);
}

#[tokio::test]
async fn a_role_without_the_right_is_told_so_and_one_that_sees_nothing_too() {
    let database = database("rights");
    let name = database.name.clone();
    database.execute(&format!(
        "CREATE ROLE {name}_watch LOGIN; GRANT pg_monitor TO {name}_watch; \
         CREATE ROLE {name}_blind LOGIN"
    ));
    let mut victim = database.connect().await;
    let key = key(&mut victim).await;
    let as_role = |role: &str| {
        let mut spec = spec(&database.dsn());
        spec.user = format!("{name}_{role}");
        spec
    };
    let mut watch = Control::open(as_role("watch")).await.expect("it connects");
    let signalled = watch.signal(Kind::Terminate, key, Only::Same).await.expect("it answers");
    assert!(matches!(signalled, Signalled::NotPermitted(_)), "{signalled:?}");
    let mut blind = Control::open(as_role("blind")).await.expect("it connects");
    let signalled = blind.signal(Kind::Terminate, key, Only::Same).await.expect("it answers");
    assert_eq!(signalled, Signalled::Hidden);
    assert_eq!(self::key(&mut victim).await, key, "it goes on");
}

#[tokio::test]
async fn a_lost_connection_comes_back_by_itself() {
    let database = database("warm");
    let mut control = control(&database).await;
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
          WHERE application_name = 'lockkeeper/control' AND datname = current_database()",
    );
    let mut bystander = database.connect().await;
    let sql = "SELECT count(*)::int8 FROM pg_stat_activity \
                WHERE application_name = 'lockkeeper/control' AND datname = current_database()";
    eventually("the control connection is terminated", async || {
        let row = sqlx::query(sql).fetch_one(&mut bystander).await.expect("it answers");
        row.get::<i64, _>(0) == 0
    })
    .await;
    control.keep_warm().await.expect("it connects again");
    let row = sqlx::query(sql).fetch_one(&mut bystander).await.expect("it answers");
    assert_eq!(row.get::<i64, _>(0), 1);
}

#[tokio::test]
async fn a_step_of_our_own_is_cancelled_only_under_its_own_name() {
    let database = database("step");
    let mut control = control(&database).await;
    let (key, began, victim) = run_long(&database).await;
    let wrong = control.cancel_own(key.pid, "lk-other", false).await.expect("it answers");
    assert!(matches!(wrong, Signalled::Reused(_)), "{wrong:?}");
    let right = control.cancel_own(key.pid, "test", false).await.expect("it answers");
    assert_eq!(right, Signalled::Sent);
    let after = control.check_gone(key, Aim::StatementEnds(began), LONG).await;
    assert_eq!(after.expect("it answers"), After::Done);
    victim.await.expect("it ends");
}
