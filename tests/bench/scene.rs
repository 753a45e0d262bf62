//! The three scenes of `what it must reach`: everybody waits, each time for another reason.

use std::time::{Duration, Instant};

use lockkeeper::domain::connection::Spec;
use lockkeeper::io::postgres::target::{self, Request};
use sqlx::PgConnection;

use super::load::Session;
use super::server::{Database, Server};

/// Why everybody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Readers ← an ALTER TABLE ← the SELECTs of everybody else.
    Ddl,
    /// UPDATEs of twenty hot rows.
    Rows,
    /// ACCESS EXCLUSIVE waiters: each waits for all before it.
    Exclusive,
}

/// How large a scene is.
#[derive(Clone, Copy)]
pub struct Size {
    /// All sessions of the load.
    pub sessions: usize,
}

/// A scene, which ends when it is dropped.
pub struct Scene {
    pub database: Database,
    pub kind: Kind,
    /// Sessions that wait for a lock.
    pub waiting: usize,
    sessions: Vec<Session>,
}

const TABLES: &str = "\
    create table t_hot (id int primary key, value int, note text);
    insert into t_hot select n, n, 'note ' || n from generate_series(1, 1000) n;
    create table t_cold as table t_hot";
const READERS: usize = 20;
const HOT_ROWS: usize = 20;

impl Kind {
    pub const ALL: [Self; 3] = [Self::Ddl, Self::Rows, Self::Exclusive];

    /// Returns the word for the command line and the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ddl => "ddl",
            Self::Rows => "rows",
            Self::Exclusive => "exclusive",
        }
    }

    /// Returns how many of `sessions` wait: 700 or 800 of 900.
    fn waiting(self, sessions: usize) -> usize {
        match self {
            Self::Ddl => sessions * 7 / 9,
            Self::Rows | Self::Exclusive => sessions * 8 / 9,
        }
    }
}

impl Scene {
    /// Sets the scene, and returns when all that are to wait do.
    pub fn set(server: &Server, kind: Kind, size: Size) -> Self {
        let database = server.database(kind.word());
        database.execute(TABLES);
        let waiting = kind.waiting(size.sessions);
        let mut scene = Self { database, kind, waiting, sessions: Vec::new() };
        scene.holders();
        if kind == Kind::Ddl {
            scene.open("deploy").leave("begin; alter table t_hot add column extra int");
            scene.wait_for(1);
        }
        let begun = usize::from(kind == Kind::Ddl);
        for at in begun..waiting {
            let sql = waiter(kind, at);
            scene.open("web").leave(&sql);
        }
        scene.wait_for(waiting);
        scene.bystanders(size.sessions);
        scene
    }

    /// Opens those for whom everybody waits.
    fn holders(&mut self) {
        let count = if self.kind == Kind::Exclusive { 1 } else { READERS };
        for at in 0..count {
            let sql = match self.kind {
                Kind::Rows => format!("begin; update t_hot set value = 0 where id = {}", at + 1),
                _ => "begin; select count(*) from t_hot".to_owned(),
            };
            self.open("reporting").run(&sql);
        }
    }

    /// Fills up with sessions that wait for nobody, every fourth with locks of its own.
    fn bystanders(&mut self, sessions: usize) {
        for at in self.sessions.len()..sessions {
            let begin = if at % 4 == 0 { "begin; " } else { "" };
            let sql = format!("{begin}{}", query("t_cold", at));
            self.open("web").run(&sql);
        }
    }

    fn open(&mut self, application: &str) -> &mut Session {
        self.sessions.push(Session::open(&self.database, application));
        self.sessions.last_mut().expect("it was just opened")
    }

    /// Returns once `count` sessions wait and their waits have a beginning.
    fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_mins(2);
        let sql = "select count(distinct pid) from pg_locks l where not granted \
                   and (current_setting('server_version_num')::int < 140000 \
                        or to_jsonb(l)->>'waitstart' is not null)";
        while block_on(self.number(sql)) < i64::try_from(count).unwrap_or(i64::MAX) {
            assert!(Instant::now() < deadline, "{count} sessions never came to wait");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the one number that `sql` asks for.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let mut connection: PgConnection = self.database.connect().await;
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("it can be asked")
    }

    /// Returns how the console would connect, with further server settings.
    pub fn spec(&self, settings: &str) -> Spec {
        let dsn = format!("{}{settings}", self.database.dsn());
        let request = Request { dsn: Some(&dsn), profile: None };
        target::resolve(request, &target::environment()).expect("the DSN is one").spec
    }
}

impl Drop for Scene {
    /// Ends every session: one that waits does not notice that its client went.
    fn drop(&mut self) {
        self.sessions.clear();
        block_on(self.number(END));
        while block_on(self.number(LEFT)) > 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

const END: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                   where datname = current_database() and pid <> pg_backend_pid()";
const LEFT: &str = "select count(*) from pg_stat_activity \
                    where backend_type = 'client backend' and pid <> pg_backend_pid()";

fn waiter(kind: Kind, at: usize) -> String {
    match kind {
        Kind::Ddl => query("t_hot", at),
        Kind::Rows => {
            let row = at % HOT_ROWS + 1;
            format!("begin; update t_hot set value = value + 1, note = 'by {at}' where id = {row}")
        }
        Kind::Exclusive => "begin; lock table t_hot in access exclusive mode".to_owned(),
    }
}

/// Returns a query as long as an object-relational mapper writes it.
fn query(table: &str, at: usize) -> String {
    format!(
        "select t.id as t_id, t.value as t_value, t.note as t_note, now() as asked_at from {table} \
         as t left outer join generate_series(1, 3) as n on n = t.id where t.id = {id} and t.note \
         is not null and t.value between 0 and 100000 order by t.id asc, t.value desc limit 25",
        id = at % 1000 + 1
    )
}

/// Runs `work` on this thread alone, whose CPU time can then be told.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(work)
}
