//! Sessions that hold locks and sessions that wait for them, on a real server.

use std::collections::{BTreeMap, BTreeSet};

use lockkeeper::domain::identity::Identity;
use lockkeeper::domain::locks::Holder;
use lockkeeper::domain::snapshot::Snapshot;
use lockkeeper::io::postgres::monitor::Monitor;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

use super::server::{Database, database};

/// A session at rest.
pub struct Session {
    pub pid: i32,
    pub connection: PgConnection,
}

/// A session whose statement waits for a lock; the task ends with its outcome.
pub struct Waiter {
    pub pid: i32,
    pub task: JoinHandle<(PgConnection, Result<(), sqlx::Error>)>,
}

/// How a statement went.
pub enum Went {
    Done(Session),
    Failed(Session),
    Waits(Waiter),
}

/// A database with somebody who arranges and asks.
pub struct Scene {
    pub database: Database,
    admin: PgConnection,
}

impl Session {
    /// Runs statements that must not wait.
    pub async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        self.connection.execute(sqlx::raw_sql(sql)).await.expect("the statement succeeds");
    }
}

impl Waiter {
    /// Waits for the end of the wait.
    pub async fn session(self) -> (Session, Result<(), sqlx::Error>) {
        let (connection, outcome) = self.task.await.expect("the waiter's task ends");
        (Session { pid: self.pid, connection }, outcome)
    }
}

impl Scene {
    /// Sets the scene in a fresh database, prepared by `sql`.
    pub async fn new(name: &str, sql: &str) -> Self {
        let database = database(name);
        let mut admin = database.connect().await;
        let sql = AssertSqlSafe(sql.to_owned());
        admin.execute(sqlx::raw_sql(sql)).await.expect("the scene can be set");
        Self { database, admin }
    }

    /// Returns options under which nobody ends a wait: no timeout, no deadlock detector.
    pub fn patient(&self, application: &str) -> PgConnectOptions {
        self.database
            .options()
            .application_name(application)
            .options([("deadlock_timeout", "1h"), ("lock_timeout", "0")])
    }

    /// Opens a session.
    pub async fn session(&self, application: &str) -> Session {
        let options = self.patient(application);
        let mut connection =
            PgConnection::connect_with(&options).await.expect("the server accepts sessions");
        let pid = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await;
        Session { pid: pid.expect("a backend knows its pid"), connection }
    }

    /// Opens a session that has run `sql`, in a transaction that stays open.
    pub async fn holder(&self, application: &str, sql: &str) -> Session {
        let mut session = self.session(application).await;
        session.run(&format!("BEGIN; {sql}")).await;
        session
    }

    /// Runs `sql` in `session` until it is done or the server shows it waiting.
    pub async fn start(&mut self, session: Session, sql: &str) -> Went {
        let Session { pid, mut connection } = session;
        let sql = AssertSqlSafe(sql.to_owned());
        let task = tokio::spawn(async move {
            let outcome = connection.execute(sqlx::raw_sql(sql)).await.map(drop);
            (connection, outcome)
        });
        while !task.is_finished() && !self.is_waiting(pid).await {
            sleep(Duration::from_millis(5)).await;
        }
        if !task.is_finished() {
            return Went::Waits(Waiter { pid, task });
        }
        match (Waiter { pid, task }).session().await {
            (session, Ok(())) => Went::Done(session),
            (session, Err(_)) => Went::Failed(session),
        }
    }

    /// Runs `sql` in `session`, which must wait.
    pub async fn waits(&mut self, session: Session, sql: &str) -> Waiter {
        match self.start(session, sql).await {
            Went::Waits(waiter) => waiter,
            _ => panic!("{sql} was to wait"),
        }
    }

    /// Opens a session in a transaction, in which `sql` must wait.
    pub async fn waiter(&mut self, application: &str, sql: &str) -> Waiter {
        let session = self.holder(application, "").await;
        self.waits(session, sql).await
    }

    /// Returns true once the wait has a place in the queue and a beginning.
    async fn is_waiting(&mut self, pid: i32) -> bool {
        let sql = "select exists (select from pg_locks l where pid = $1 and not granted \
                   and (current_setting('server_version_num')::int < 140000 \
                        or to_jsonb(l)->>'waitstart' is not null)) \
                   and exists (select from pg_stat_activity \
                               where pid = $1 and wait_event_type = 'Lock')";
        let waiting = sqlx::query_scalar(sql).bind(pid).fetch_one(&mut self.admin).await;
        waiting.expect("pg_locks can be read")
    }

    /// Returns what `pg_blocking_pids` says of everybody who waits in this database:
    /// without repetitions, with 0 for prepared transactions.
    pub async fn truth(&mut self) -> BTreeMap<i32, BTreeSet<i32>> {
        let sql = "select a.pid, pg_blocking_pids(a.pid) from pg_stat_activity a \
                   where a.datname = current_database() \
                     and a.pid in (select pid from pg_locks where not granted)";
        let rows = sqlx::query(sql).fetch_all(&mut self.admin).await.expect("it can be asked");
        let pair = |row: &sqlx::postgres::PgRow| (row.get(0), set(row.get(1)));
        rows.iter().map(pair).collect()
    }

    /// Opens a monitor on the scene.
    pub async fn monitor(&self) -> Monitor {
        let options = self.database.options().application_name("lockkeeper/monitor");
        let options = options.options([("lock_timeout", "200ms"), ("statement_timeout", "10s")]);
        let connection = PgConnection::connect_with(&options).await.expect("the server accepts");
        Monitor::new(connection, identity(&self.database.name)).await.expect("it can be probed")
    }

    /// Returns a snapshot and the truth of the same quiet moment: equal before and after.
    pub async fn look(
        &mut self,
        monitor: &mut Monitor,
    ) -> (Snapshot, BTreeMap<i32, BTreeSet<i32>>) {
        loop {
            let before = self.truth().await;
            let snapshot = monitor.refresh().await.expect("a refresh succeeds");
            if before == self.truth().await {
                return (snapshot, before);
            }
        }
    }

    /// Ends every session of the scene: who waits in a cycle would wait for ever.
    pub async fn end(mut self) {
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where datname = current_database() and pid <> pg_backend_pid()";
        self.admin.execute(sql).await.expect("the scene's sessions can be ended");
    }
}

fn set(pids: Vec<i32>) -> BTreeSet<i32> {
    pids.into_iter().collect()
}

/// Returns our edges in the form of [`Scene::truth`], for the same sessions.
fn edges(snapshot: &Snapshot, pids: impl IntoIterator<Item = i32>) -> BTreeMap<i32, BTreeSet<i32>> {
    let of = |pid: i32| {
        let mut blockers = set(snapshot.blocking_pids(pid));
        if !snapshot.blocking_gids(pid).is_empty() {
            blockers.insert(0);
        }
        (pid, blockers)
    };
    pids.into_iter().map(of).collect()
}

/// Returns true if the server says how long locks have been waited for (14+).
pub fn tells_waits(snapshot: &Snapshot) -> bool {
    !snapshot.limits.iter().any(|limit| limit.contains("how long a lock"))
}

/// Holds our edges against the truth. Where the server tells no order (13) and more wait
/// than it is asked about, in this test or a neighbour's, the snapshot must be called
/// partial, and is held to the truth about all others.
pub fn agree(snapshot: &Snapshot, truth: &BTreeMap<i32, BTreeSet<i32>>, when: &str) {
    let mut truth = truth.clone();
    if snapshot.forest.partial {
        assert!(!tells_waits(snapshot), "{when}: only without an order is anything in doubt");
        let graph = &snapshot.graph;
        let doubtful = graph.doubtful().into_iter().filter(|v| graph.answer(*v).is_none());
        let unknown: BTreeSet<usize> = doubtful.collect();
        let vertex = |pid: &i32| graph.vertex(Holder::Session(*pid));
        truth.retain(|pid, _| vertex(pid).is_some_and(|v| !unknown.contains(&v)));
    }
    assert_eq!(edges(snapshot, truth.keys().copied()), truth, "{when}");
}

/// A server's identity as far as a monitor needs it.
pub fn identity(database: &str) -> Identity {
    Identity {
        system_identifier: String::new(),
        database: database.to_owned(),
        database_oid: 0,
        host: "socket".to_owned(),
        port: 5432,
        role: "postgres".to_owned(),
        primary: true,
        version_num: 0,
        version: String::new(),
    }
}
