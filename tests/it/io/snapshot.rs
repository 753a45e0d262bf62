//! One look at a real server.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use lockkeeper::domain::activity::State;
use lockkeeper::domain::counters::Replica;
use lockkeeper::domain::snapshot::document::Document;
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::io::cluster;
use lockkeeper::io::postgres::monitor::Monitor;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::support::scene::{Scene, Went, identity, tells_waits};
use crate::support::server::Database;
use crate::support::until::eventually;

const TABLE: &str = "create table t (id int, v int); insert into t values (1, 1), (1, 2)";

#[tokio::test]
async fn a_session_is_seen_with_what_one_needs_before_ending_it() {
    let scene = Scene::new("seen", TABLE).await;
    let session = scene.holder("reporting", "insert into t values (3, 3)").await;
    let mut monitor = scene.monitor().await;
    let mut snapshot = monitor.refresh().await.expect("a refresh succeeds");
    // Its client has its answer a moment before it waits for the next question.
    eventually("it waits for its client", async || {
        snapshot = monitor.refresh().await.expect("a refresh succeeds");
        snapshot.backend(session.pid).is_some_and(|one| one.wait.is_some())
    })
    .await;
    let backend = snapshot.backend(session.pid).expect("the session is seen");
    assert_eq!(backend.state, Some(State::IdleInTransaction));
    assert_eq!(backend.application.raw(), "reporting");
    assert_eq!(backend.client.as_ref().map(Untrusted::raw), Some("local"));
    assert_eq!(backend.backend_type, "client backend");
    assert_eq!((backend.has_written, backend.can_signal, backend.ours), (Some(true), true, false));
    assert_eq!(backend.wait.as_deref(), Some("Client:ClientRead"));
    assert!(backend.backend_start.is_some() && backend.xact_start.is_some());
    assert!(backend.query.raw().contains("insert into t"));
    let checkpointer = snapshot.backends.iter().find(|b| b.backend_type == "checkpointer");
    assert!(!checkpointer.expect("there is one").can_signal);
    scene.end().await;
}

#[tokio::test]
async fn our_own_sessions_are_marked_by_name_or_by_adoption() {
    let scene = Scene::new("ours", "").await;
    let named = scene.session("lockkeeper/act").await;
    let child = scene.session("alembic").await;
    let mut monitor = scene.monitor().await;
    let ours = |snapshot: &lockkeeper::domain::snapshot::Snapshot, pid| {
        snapshot.backend(pid).expect("the session is seen").ours
    };
    let before = monitor.refresh().await.expect("a refresh succeeds");
    assert!(ours(&before, named.pid) && !ours(&before, child.pid));
    monitor.adopt(child.pid);
    let after = monitor.refresh().await.expect("a refresh succeeds");
    assert!(ours(&after, child.pid));
    scene.end().await;
}

#[tokio::test]
async fn the_numbers_are_those_of_the_server() {
    let scene = Scene::new("numbers", TABLE).await;
    let mut monitor = scene.monitor().await;
    let first = monitor.refresh().await.expect("a refresh succeeds");
    let mut session = scene.session("writer").await;
    session.run("insert into t select generate_series(1, 1000), 1").await;
    let second = monitor.refresh().await.expect("a refresh succeeds");
    assert!(second.counters.wal > first.counters.wal);
    assert_eq!(second.counters.max_connections, 1000);
    assert!(second.counters.connections >= 2);
    assert!(second.taken_at > first.taken_at);
    assert!(second.server.primary && second.limits.len() == usize::from(!tells_waits(&second)));
    scene.end().await;
}

#[tokio::test]
async fn looking_at_a_locked_table_waits_for_nobody_and_names_it() {
    let mut scene = Scene::new("locked", TABLE).await;
    let _holder = scene.holder("holder", "lock table t in access exclusive mode").await;
    let waiter = scene.waiter("waiter", "select * from t").await;
    let mut monitor = scene.monitor().await;
    let snapshot = monitor.refresh().await.expect("a refresh succeeds");
    let node = snapshot.forest.node_of(waiter.pid).expect("the waiter is shown");
    let wants = node.wants.as_ref().expect("it waits");
    assert_eq!(wants.object, Some("public.t".into()));
    monitor.slow().await.expect("what moves slowly can be read as well");
    scene.end().await;
}

#[tokio::test]
async fn a_lock_on_the_catalog_costs_names_but_never_the_snapshot() {
    let mut scene = Scene::new("catalog", TABLE).await;
    let mut monitor = scene.monitor().await;
    monitor.refresh().await.expect("a first refresh, while the catalog is free");
    let _holder = scene.holder("holder", "lock table t").await;
    let waiter = scene.waiter("waiter", "select * from t").await;
    let mut catalog = scene.holder("maintenance", "lock table pg_class").await;
    let snapshot = monitor.refresh().await.expect("a refresh succeeds nevertheless");
    let node = snapshot.forest.node_of(waiter.pid).expect("the waiter is shown");
    let object = node.wants.as_ref().and_then(|wants| wants.object.clone()).expect("it waits");
    assert!(object.raw().starts_with("relation "), "{object:?}");
    catalog.run("rollback").await;
    // Nothing was asked behind the lock, so nothing was given up either.
    let snapshot = monitor.refresh().await.expect("a refresh succeeds");
    let node = snapshot.forest.node_of(waiter.pid).expect("the waiter is shown");
    assert_eq!(node.wants.as_ref().and_then(|wants| wants.object.clone()), Some("public.t".into()));
    scene.end().await;
}

#[tokio::test]
async fn a_role_that_sees_little_says_so() {
    let scene = Scene::new("limited", "").await;
    let role = format!("{}_role", scene.database.name);
    scene.database.execute(&format!("create role {role} login"));
    let hidden = scene.session("hidden").await;
    let options = scene.database.options().username(&role);
    let connection = PgConnection::connect_with(&options).await.expect("the role may log in");
    let mut identity = identity(&scene.database.name);
    identity.role.clone_from(&role);
    let mut monitor = Monitor::new(connection, identity).await.expect("it can be probed");
    let snapshot = monitor.refresh().await.expect("a refresh succeeds");
    assert!(snapshot.limits[0].contains("pg_read_all_stats"), "{:?}", snapshot.limits);
    let backend = snapshot.backend(hidden.pid).expect("its pid is seen");
    assert_eq!((backend.state, backend.can_signal), (None, false));
    assert_eq!(backend.user.as_ref().map(Untrusted::raw), Some("postgres"));
    monitor.slow().await.expect("what moves slowly can be read as well");
    drop(monitor);
    scene.database.execute(&format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'"
    ));
    scene.database.execute(&format!("drop role {role}"));
    scene.end().await;
}

#[tokio::test]
async fn an_index_build_that_waits_names_whom_it_waits_for() {
    let mut scene = Scene::new("progress", TABLE).await;
    let writer = scene.holder("writer", "insert into t values (5, 5)").await;
    let session = scene.session("lockkeeper/act").await;
    let build = scene.waits(session, "create index concurrently i on t (v)").await;
    let snapshot = scene.monitor().await.refresh().await.expect("a refresh succeeds");
    let progress = snapshot.progress.iter().find(|p| p.pid == build.pid);
    let progress = progress.expect("its progress is seen");
    assert_eq!(progress.command, "CREATE INDEX CONCURRENTLY");
    assert!(progress.phase.starts_with("waiting for writers"), "{}", progress.phase);
    assert_eq!(progress.waiting_for, Some(writer.pid));
    assert_eq!(progress.relation, Some("public.t".into()));
    assert_eq!(snapshot.blocking_pids(build.pid), [writer.pid]);
    scene.end().await;
}

#[tokio::test]
async fn an_index_that_a_failed_build_left_is_found() {
    let mut scene = Scene::new("invalid", TABLE).await;
    let session = scene.session("builder").await;
    let went = scene.start(session, "create unique index concurrently i on t (id)").await;
    assert!(matches!(went, Went::Failed(_)), "the values are not unique");
    let found = scene.monitor().await.slow().await.expect("it can be read");
    let names: Vec<_> =
        found.invalid_indexes.iter().map(|i| (i.name.raw(), i.table.raw())).collect();
    assert_eq!(names, [("public.i", "public.t")]);
    assert!(found.database_bytes > Some(0));
    assert!(found.wraparound.expect("there are databases").age > 0);
    scene.end().await;
}

#[tokio::test]
async fn hostile_text_arrives_as_it_is_and_is_shown_escaped() {
    let scene = Scene::new("hostile", "").await;
    let hostile = scene.session("plain").await;
    let mut session = hostile;
    session.run("/* \x1b]0;owned\x07 \u{202e} */ select 1").await;
    let snapshot = scene.monitor().await.refresh().await.expect("a refresh succeeds");
    let query = &snapshot.backend(session.pid).expect("the session is seen").query;
    assert!(query.raw().contains('\x1b'));
    assert!(query.one_line().contains("␛]0;owned␇ <U+202E>"), "{}", query.one_line());
    scene.end().await;
}

#[tokio::test]
async fn a_query_text_that_is_no_utf8_costs_nothing_but_its_letters() {
    let scene = Scene::new("latin", "").await;
    let latin = format!("{}_l1", scene.database.name);
    scene.database.execute(&format!(
        "create database {latin} encoding 'LATIN1' locale 'C' template template0"
    ));
    let options = scene.patient("latin").database(&latin);
    let mut other = PgConnection::connect_with(&options).await.expect("it accepts");
    let pid: i32 = sqlx::query_scalar(AssertSqlSafe("select pg_backend_pid() /* é */".to_owned()))
        .fetch_one(&mut other)
        .await
        .expect("it answers");
    let snapshot = scene.monitor().await.refresh().await.expect("a refresh succeeds");
    let query = &snapshot.backend(pid).expect("the session is seen").query;
    assert!(query.raw().starts_with("select pg_backend_pid()"), "{query:?}");
    scene.end().await;
}

#[tokio::test]
async fn the_document_of_a_scene_is_json_without_a_pid_zero() {
    let mut scene = Scene::new("document", TABLE).await;
    let holder = scene.holder("holder", "lock table t").await;
    let waiter = scene.waiter("waiter", "select * from t").await;
    let snapshot = scene.monitor().await.refresh().await.expect("a refresh succeeds");
    let document = serde_json::to_value(Document::new(&snapshot, 0.0)).expect("it is JSON");
    let sessions = document["sessions"].as_array().expect("sessions are a list");
    let session = sessions.iter().find(|s| s["pid"] == waiter.pid).expect("the waiter is in it");
    assert_eq!(session["blocked_by"], serde_json::json!([holder.pid]));
    assert_eq!(session["wait"], "Lock:relation");
    assert_eq!(session["wait_age_s"].is_number(), tells_waits(&snapshot));
    scene.end().await;
}

#[tokio::test]
async fn a_replica_has_the_name_of_its_session() {
    let scene = Scene::new("replica", "").await;
    let _sender = replicate(&scene.database, "standby_of_a_test");
    let snapshot = scene.monitor().await.refresh().await.expect("a refresh succeeds");
    let named = |replica: &&Replica| replica.name.raw() == "standby_of_a_test";
    let replica = snapshot.counters.replicas.iter().find(named).expect("the replica is seen");
    assert_eq!(replica.state.as_deref(), Some("startup"));
    scene.end().await;
}

/// Opens a replication session as a standby does, and returns once the server takes commands:
/// the driver cannot ask for one.
fn replicate(database: &Database, name: &str) -> UnixStream {
    let path = database.socket_dir.join(format!(".s.PGSQL.{}", cluster::PORT));
    let mut stream = UnixStream::connect(path).expect("the server listens");
    let user = &database.superuser;
    let words = format!("user\0{user}\0replication\0true\0application_name\0{name}\0\0");
    let length = u32::try_from(words.len() + 8).expect("a message is short");
    let greeting =
        [&length.to_be_bytes()[..], &(3u32 << 16).to_be_bytes(), words.as_bytes()].concat();
    stream.write_all(&greeting).expect("the server reads");
    // ReadyForQuery, idle (PostgreSQL documentation, "Message Formats").
    let ready = b"Z\0\0\0\x05I";
    let mut heard = Vec::new();
    while !heard.ends_with(ready) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the server answers");
        heard.extend(byte);
    }
    stream
}
