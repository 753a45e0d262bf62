//! What clients see of a restore: the swap beside `pg_restore --clean` in place, in one run.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

use super::server::{Database, LOCKKEEPER, Server};

/// So often the probe asks.
const PACE: Duration = Duration::from_millis(10);
/// The goals for the swap: how long nobody answers, and how often each client connects in vain.
const GOAL_MS: u128 = 250;
const GOAL_REFUSED: u32 = 1;
/// So many clients ask, each of which connects anew as soon as its connection is gone.
const WORKERS: usize = 6;

/// What the clients saw.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The longest time between two answers that were right.
    outage: Duration,
    /// Reads of an empty table.
    empty: u32,
    /// Connections that were refused.
    refused: u32,
    /// The most of them that one client met.
    refused_one: u32,
}

impl Seen {
    /// Takes what another client saw besides: of outages the longest.
    fn with(self, other: Self) -> Self {
        Self {
            outage: self.outage.max(other.outage),
            empty: self.empty + other.empty,
            refused: self.refused + other.refused,
            refused_one: self.refused_one.max(other.refused),
        }
    }
}

/// Measures both ways on a table of so many rows, and prints them.
pub fn measure(server: &Server, rows: u32) {
    let database = server.database("restored");
    database.execute(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, note text);
         INSERT INTO t SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, {rows}) n;
         CREATE INDEX ON t (note)"
    ));
    let directory = std::env::temp_dir().join(format!("lockkeeper-bench-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("backups")).expect("it can be made");
    let config =
        format!("schema = 1\n[targets.bench]\nclass = \"scratch\"\ndsn = \"{}\"\n", database.dsn());
    std::fs::write(directory.join("lockkeeper.toml"), config).expect("it is written");
    act(&directory, &["backup"]);
    let swap = swapped(&database, &directory);
    let in_place = in_place(&database, &directory);
    std::fs::remove_dir_all(&directory).expect("it can be removed");
    println!("restore of {rows} rows, seen by {WORKERS} clients every {} ms", PACE.as_millis());
    line("new database and swap", &swap);
    line("pg_restore --clean in place", &in_place);
    let met =
        swap.outage.as_millis() <= GOAL_MS && swap.refused_one <= GOAL_REFUSED && swap.empty == 0;
    println!(
        "  goal for the swap: {GOAL_MS} ms, {GOAL_REFUSED} refused connection of each client, no \
         wrong read: {}",
        if met { "met" } else { "MISSED" }
    );
}

fn line(what: &str, seen: &Seen) {
    println!(
        "  {what:<28} {:>7} ms without a right answer, {:>5} reads of an empty table, {} refused \
         connections, {} of one client",
        seen.outage.as_millis(),
        seen.empty,
        seen.refused,
        seen.refused_one
    );
}

fn swapped(database: &Database, directory: &Path) -> Seen {
    for _ in 0..2 {
        act(directory, &["restore", "newest"]);
    }
    probed(database, || act(directory, &["restore", "newest"]))
}

fn in_place(database: &Database, directory: &Path) -> Seen {
    let backups = std::fs::read_dir(directory.join("backups")).expect("it reads");
    let mut files = backups.map(|entry| entry.expect("an entry").path());
    let dump = files.find(|path| path.extension().is_some_and(|e| e == "dump")).expect("a backup");
    probed(database, || {
        let mut command = Command::new("pg_restore");
        command.args(["--clean", "--if-exists", "--jobs=4", "--dbname"]).arg(database.dsn());
        assert!(command.arg(&dump).status().expect("pg_restore starts").success());
    })
}

/// Plans and confirms one act.
fn act(directory: &Path, args: &[&str]) {
    let run = |more: &[&str]| {
        let mut command = Command::new(LOCKKEEPER);
        command.args(args).args(more).arg("--json").current_dir(directory);
        command.env("XDG_STATE_HOME", directory.join("state")).stdin(Stdio::null());
        command.env_remove("DATABASE_URL").stderr(Stdio::null());
        let output = command.output().expect("lockkeeper starts");
        assert!(output.status.success(), "{args:?}");
        serde_json::from_slice::<Value>(&output.stdout).expect("a document")
    };
    let plan = run(&["--plan"]);
    run(&["--confirm", plan["hash"].as_str().expect("a hash")]);
}

/// Asks all the while that `work` takes, and a little before and after.
fn probed(database: &Database, work: impl FnOnce()) -> Seen {
    let stop = Arc::new(AtomicBool::new(false));
    let (database, ended) = (database.clone(), stop.clone());
    let probe = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let asking = join_all((0..WORKERS).map(|_| ask(&database, &ended)));
        let seen = runtime.expect("a runtime").block_on(asking);
        seen.into_iter().fold(Seen::default(), Seen::with)
    });
    std::thread::sleep(Duration::from_millis(300));
    work();
    std::thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    probe.join().expect("it ends")
}

async fn ask(database: &Database, stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let (mut last, mut connection) = (Instant::now(), None::<PgConnection>);
    while !stop.load(Ordering::Relaxed) {
        if connection.is_none() {
            connection = PgConnection::connect_with(&database.options()).await.ok();
            seen.refused += u32::from(connection.is_none());
        }
        if let Some(mut open) = connection.take() {
            let sql = "SELECT count(*) FROM (SELECT FROM t LIMIT 1) one";
            match sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut open).await {
                Ok(0) => seen.empty += 1,
                Ok(_) => {
                    seen.outage = seen.outage.max(last.elapsed());
                    last = Instant::now();
                }
                Err(_) => {}
            }
            // A table that is not there is an error, and no reason to connect anew.
            connection = open.ping().await.is_ok().then_some(open);
        }
        tokio::time::sleep(PACE).await;
    }
    seen
}
