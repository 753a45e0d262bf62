//! A real PostgreSQL for the tests: one server per test binary, started by the
//! first test that asks, a fresh database per test. A watcher removes the server
//! when the binary ends, however it ends.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use lockkeeper::io::cluster::{self, Cluster, Programs, Spec, sweep};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

/// The program under test.
pub const LOCKKEEPER: &str = env!("CARGO_BIN_EXE_lockkeeper");

static SHARED: OnceLock<Server> = OnceLock::new();
static CALM: OnceLock<Server> = OnceLock::new();
static CREATED: AtomicU32 = AtomicU32::new(0);

/// A running server.
pub struct Server {
    pub cluster: Cluster,
}

/// A database of one test's own.
#[derive(Clone, Debug)]
pub struct Database {
    pub name: String,
    pub socket_dir: PathBuf,
    pub superuser: String,
}

/// Returns a fresh, empty database on the server that all tests share: never
/// stop that server, and change nothing in it that outlives the database
/// (roles need unique names).
pub fn database(name: &str) -> Database {
    SHARED.get_or_init(|| private(&[])).database(name)
}

/// Returns a fresh, empty database on the server of the tests that want to see a calm one: the
/// console judges a whole server. Leave nobody waiting there.
pub fn calm(name: &str) -> Database {
    CALM.get_or_init(|| private(&[])).database(name)
}

/// Starts a server of a test's own, for tests that restart, kill or configure it;
/// it goes when the value is dropped.
pub fn private(settings: &[(&str, &str)]) -> Server {
    let programs = Programs::find().unwrap_or_else(|missing| panic!("the tests need {missing}"));
    private_of(programs, settings)
}

/// Starts a server of a test's own with programs of a chosen version.
pub fn private_of(programs: Programs, settings: &[(&str, &str)]) -> Server {
    let state = state();
    sweep(&state, &|_| false);
    let own = [("max_connections", "1000"), ("max_prepared_transactions", "64")];
    let settings = own.iter().chain(settings).map(|(n, v)| ((*n).into(), (*v).into())).collect();
    let spec = Spec { state: Some(state), watcher: Some(LOCKKEEPER.into()), settings };
    match Cluster::start_with(programs, &spec) {
        Ok(cluster) => Server { cluster },
        Err(error) => panic!("the tests need a PostgreSQL server: {error}"),
    }
}

/// Where the tests' servers are registered, so that the next run sweeps what this one left.
fn state() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("state")
}

impl Server {
    /// Returns a fresh, empty database whose name begins with `name`.
    pub fn database(&self, name: &str) -> Database {
        let database = self.existing(&unused(name));
        let create = format!("CREATE DATABASE \"{}\"", database.name);
        self.existing("postgres").execute(&create);
        database
    }

    /// Returns the database `name`, which exists already.
    pub fn existing(&self, name: &str) -> Database {
        Database {
            name: name.into(),
            socket_dir: self.cluster.socket_dir().to_owned(),
            superuser: cluster::SUPERUSER.into(),
        }
    }
}

impl Database {
    /// Returns how to connect, as the superuser.
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_dir)
            .port(cluster::PORT)
            .username(&self.superuser)
            .database(&self.name)
            .application_name("test")
            .disable_statement_logging()
    }

    /// Returns the same as a URI for libpq and for us.
    pub fn dsn(&self) -> String {
        let host = self.socket_dir.display();
        let Self { name, superuser, .. } = self;
        format!("postgresql:///{name}?host={host}&port={}&user={superuser}", cluster::PORT)
    }

    /// Opens a connection.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.expect("the test's database accepts")
    }

    /// Runs one or several statements on a connection of their own; from a test
    /// with or without a runtime.
    pub fn execute(&self, sql: &str) {
        let work =
            async { sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connect().await).await };
        std::thread::scope(|scope| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be made");
            let done = scope.spawn(move || runtime.block_on(work)).join();
            done.expect("the statement's thread ends").expect("the statement succeeds");
        });
    }
}

fn unused(name: &str) -> String {
    let tame = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = name.chars().map(tame).take(50).collect();
    format!("{name}_{}", CREATED.fetch_add(1, Ordering::Relaxed))
}
