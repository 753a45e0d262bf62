//! `restore` on a real server: the database is the old one or the new one at every moment, and
//! whoever asks is told which.

mod pooled;
mod unmade;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lockkeeper::domain::backup::manifest;
use lockkeeper::domain::plan::sha256_hex;
use lockkeeper::io::cluster::{Stop, clients};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use super::lk::{Answer, Lk};
use crate::support::act::{script, until};
use crate::support::proxy::{Proxy, Then};
use crate::support::server::{Database, LOCKKEEPER, Server, private};

/// What stands in the table while the backup is made, and after it was damaged.
const GOOD: &str = "good";
const DAMAGED: &str = "damaged";

struct Scene {
    server: Server,
    database: Database,
    lk: Lk,
}

impl Scene {
    /// A database with a backup, damaged since. A server of its own: roles, databases and
    /// crashes are nobody else's.
    fn new() -> Self {
        Self::on(private(&[]))
    }

    fn on(server: Server) -> Self {
        let database = server.database("shop");
        Self::of(server, database)
    }

    fn of(server: Server, database: Database) -> Self {
        database.execute(
            "CREATE TABLE users (id int PRIMARY KEY, name text);
             INSERT INTO users SELECT n, md5(n::text) FROM generate_series(1, 2000) n;
             CREATE TABLE state (what text NOT NULL);
             INSERT INTO state VALUES ('good');
             CREATE INDEX ON users (name);",
        );
        let lk = Lk::on(&database);
        let made = lk.confirmed(&["backup"]);
        assert_eq!(made.code(), 0, "{}", made.said());
        database.execute("UPDATE state SET what = 'damaged'; DELETE FROM users WHERE id > 500");
        Self { server, database, lk }
    }

    fn ask<T>(&self, database: &str, sql: &str) -> T
    where
        T: Send + Unpin + 'static,
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        let database = self.server.existing(database);
        let sql = sql.to_owned();
        std::thread::scope(|scope| {
            let work = async move {
                let mut connection = database.connect().await;
                let (value,): (T,) = sqlx::query_as(AssertSqlSafe(sql))
                    .fetch_one(&mut connection)
                    .await
                    .expect("it answers");
                value
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            scope.spawn(move || runtime.block_on(work)).join().expect("it ends")
        })
    }

    /// The oracle: what a client reads under the name.
    fn reads(&self) -> String {
        self.ask(&self.database.name, "SELECT what FROM state")
    }

    fn users(&self) -> i64 {
        self.ask(&self.database.name, "SELECT count(*) FROM users")
    }

    /// Returns the databases beside the live one.
    fn beside(&self) -> Vec<String> {
        let sql = format!(
            "SELECT array_agg(datname::text ORDER BY 1) FROM pg_database WHERE datname LIKE '{}\\_%'",
            self.database.name
        );
        self.ask::<Option<Vec<String>>>("postgres", &sql).unwrap_or_default()
    }

    /// Plans and confirms act after act until the swap is done; returns their words.
    fn restore(&self) -> Vec<String> {
        self.restore_by(&["restore", "newest"])
    }

    fn restore_by(&self, args: &[&str]) -> Vec<String> {
        let mut acts = Vec::new();
        loop {
            let (act, answer) = self.act(args);
            assert_eq!(answer.code(), 0, "{act}: {}", answer.said());
            let is_last = act == "swap";
            acts.push(act);
            if is_last {
                return acts;
            }
        }
    }

    fn act(&self, args: &[&str]) -> (String, Answer) {
        let (plan, hash) = self.lk.plan(args);
        let act = plan["action"]["act"].as_str().expect("an act").to_owned();
        (act, self.lk.run(&[args, &["--confirm", &hash, "--json"]].concat()))
    }

    /// Returns the child's command for the next act, as its job runs it.
    fn child(&self) -> (String, Command) {
        self.child_of(&["restore", "newest"])
    }

    fn child_of(&self, args: &[&str]) -> (String, Command) {
        let (plan, _) = self.lk.plan(args);
        let act = plan["action"]["act"].as_str().expect("an act").to_owned();
        let argv: Vec<&str> = words(&plan["command"]["argv"]);
        let mut command = Command::new(LOCKKEEPER);
        command.args(&argv[1..]).env("PGHOST", &self.database.socket_dir).env("PGPORT", "5432");
        command.env("PGUSER", &self.database.superuser).env("PGDATABASE", "postgres");
        command.env("PGAPPNAME", "test/child").current_dir(self.lk.project());
        (act, command)
    }

    /// Kills the server while the next act stands at `point`, starts it again, and lets the act
    /// come to its end.
    fn server_dies_at(&self, point: &str) {
        let (_, mut command) = self.child();
        let mut child = command
            .env("LOCKKEEPER_FAILPOINT", format!("{point}:pause"))
            .spawn()
            .expect("it starts");
        let stat = format!("/proc/{}/stat", child.id());
        until("it to stand still", || {
            let text = fs::read_to_string(&stat).expect("it lives");
            text.rsplit_once(')').filter(|(_, rest)| rest.trim_start().starts_with('T')).map(drop)
        });
        self.server.cluster.stop_server(Stop::Immediate).expect("it is killed");
        self.server.cluster.start_server().expect("it comes back");
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }

    fn killed_at(&self, point: &str) {
        let (_, mut command) = self.child();
        let output = command.env("LOCKKEEPER_FAILPOINT", point).output().expect("it starts");
        assert_eq!(output.status.code(), None, "{point}: it was killed");
        // The server ends what a dead client has left: only then is it still.
        until("the server to be done with it", || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test/child'";
            (self.ask::<i64>("postgres", sql) == 0).then_some(())
        });
    }
}

fn words(argv: &Value) -> Vec<&str> {
    argv.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[test]
fn a_restore_brings_everything_back_and_keeps_what_was_there() {
    let scene = Scene::new();
    let name = &scene.database.name;
    scene.server.existing("postgres").execute(&format!(
        "CREATE ROLE web LOGIN;
         ALTER DATABASE {name} SET search_path TO public, pg_catalog;
         ALTER ROLE web IN DATABASE {name} SET work_mem TO '7MB';
         REVOKE ALL ON DATABASE {name} FROM PUBLIC;
         GRANT CONNECT ON DATABASE {name} TO web;
         ALTER DATABASE {name} CONNECTION LIMIT 77;
         COMMENT ON DATABASE {name} IS 'the shop''s own'"
    ));
    let properties = format!(
        "SELECT json_build_array(d.datacl::text, d.datconnlimit, shobj_description(d.oid, 'pg_database'),
                (SELECT json_agg(s.setconfig ORDER BY s.setrole) FROM pg_db_role_setting s
                  WHERE s.setdatabase = d.oid))::text
           FROM pg_database d WHERE d.datname = '{name}'"
    );
    let before: String = scene.ask("postgres", &properties);
    let (plan, _) = scene.lk.plan(&["restore", "newest"]);
    let now = plan["preview"]["now"].to_string();
    assert!(now.contains("public.users: 500 rows now, 2000 in the backup (−1500)"), "{now}");
    assert_eq!(plan["risk"], "lossy");

    assert_eq!(scene.restore(), ["load", "settle", "swap"]);
    assert_eq!((scene.reads().as_str(), scene.users()), (GOOD, 2000));
    assert_eq!(scene.ask::<String>("postgres", &properties), before);
    let [old] = scene.beside().try_into().expect("one is kept");
    assert!(old.contains("_old_"), "{old}");
    assert_eq!(scene.ask::<String>(&old, "SELECT what FROM state"), DAMAGED);

    scene.database.execute("INSERT INTO users VALUES (9001, 'since the swap')");
    let told = until("the server to count it", || {
        let (plan, _) = scene.lk.plan(&["restore", "--undo"]);
        let now = plan["preview"]["now"].to_string();
        now.contains("at least 1 rows").then_some(now)
    });
    assert!(told.contains("since the swap"), "{told}");
    let (act, answer) = scene.act(&["restore", "--undo"]);
    assert_eq!((act.as_str(), answer.code()), ("undo", 0), "{}", answer.said());
    assert_eq!((scene.reads().as_str(), scene.users()), (DAMAGED, 500));
    assert_eq!(scene.ask::<String>("postgres", &properties), before);
    scene.lk.run(&["restore", "--undo", "--plan"]).refuses("nothing can be taken back");
    assert_eq!(scene.restore(), ["load", "settle", "swap"], "the same again");
    assert_eq!(scene.reads(), GOOD);
}

/// Killed at every boundary, the name belongs to a whole database, and the same command again
/// leads to the end.
#[test]
fn killed_at_any_boundary_the_database_is_the_old_one_or_the_new_one() {
    let scene = Scene::new();
    let loading = [
        ("restore.proved", 0),
        ("restore.made", 1),
        ("restore.marked", 1),
        ("restore.filled", 1),
        ("restore.checked", 1),
        ("restore.loaded", 1),
    ];
    for (point, left) in loading {
        scene.killed_at(point);
        assert_eq!((scene.reads().as_str(), scene.users()), (DAMAGED, 500), "{point}");
        let beside = scene.beside();
        assert_eq!(beside.len(), left, "{point}: {beside:?}");
        for name in beside {
            let (act, answer) = scene.act(&["restore", "--drop", &name]);
            assert_eq!((act.as_str(), answer.code()), ("drop", 0), "{point}: {}", answer.said());
        }
    }
    let (act, answer) = scene.act(&["restore", "newest"]);
    assert_eq!((act.as_str(), answer.code()), ("load", 0), "{}", answer.said());
    scene.killed_at("restore.settle.done");
    assert_eq!(scene.child().0, "settle", "nothing of it was kept");
    scene.killed_at("restore.settle.committed");
    assert_eq!(scene.child().0, "swap");
    for point in ["restore.swap.begun", "restore.swap.renamed"] {
        scene.killed_at(point);
        assert_eq!((scene.reads().as_str(), scene.users()), (DAMAGED, 500), "{point}");
    }
    scene.killed_at("restore.swap.committed");
    assert_eq!((scene.reads().as_str(), scene.users()), (GOOD, 2000));
    let (act, answer) = scene.act(&["restore", "--undo"]);
    assert_eq!((act.as_str(), answer.code()), ("undo", 0), "{}", answer.said());
    assert_eq!(scene.reads(), DAMAGED);
}

/// The server is killed while the act stands still, and comes back: the act finds its
/// connections gone.
#[test]
fn a_server_that_dies_at_any_boundary_has_the_old_database_or_the_new_one() {
    let scene = Scene::new();
    let is_old = |point: &str| {
        assert_eq!((scene.reads().as_str(), scene.users()), (DAMAGED, 500), "{point}");
    };
    for point in ["proved", "made", "marked", "filled", "checked", "loaded"] {
        scene.server_dies_at(&format!("restore.{point}"));
        is_old(point);
        for name in scene.beside() {
            let (act, answer) = scene.act(&["restore", "--drop", &name]);
            assert_eq!((act.as_str(), answer.code()), ("drop", 0), "{point}: {}", answer.said());
        }
    }
    let (act, answer) = scene.act(&["restore", "newest"]);
    assert_eq!((act.as_str(), answer.code()), ("load", 0), "{}", answer.said());
    for (point, next) in [("settle.done", "settle"), ("settle.committed", "swap")] {
        scene.server_dies_at(&format!("restore.{point}"));
        is_old(point);
        assert_eq!(scene.child().0, next, "{point}: what was not committed is done again");
    }
    for point in ["swap.begun", "swap.renamed"] {
        scene.server_dies_at(&format!("restore.{point}"));
        is_old(point);
        assert_eq!(scene.child().0, "swap", "{point}: and it goes on where it was");
    }
    scene.server_dies_at("restore.swap.committed");
    assert_eq!((scene.reads().as_str(), scene.users()), (GOOD, 2000));
    let (act, answer) = scene.act(&["restore", "--undo"]);
    assert_eq!((act.as_str(), answer.code()), ("undo", 0), "{}", answer.said());
    assert_eq!(scene.reads(), DAMAGED);
}

/// The console is killed around each act: its job goes on without it, or never began.
#[test]
fn a_console_that_dies_around_any_act_leaves_what_resume_tells() {
    let scene = Scene::new();
    for act in ["load", "settle", "swap"] {
        for point in ["act.after_intent", "act.after_spawn"] {
            let (plan, hash) = scene.lk.plan(&["restore", "newest"]);
            if plan["action"]["act"] != act {
                break;
            }
            let mut command = scene.lk.command(&["restore", "newest", "--confirm", &hash]);
            let output = command.env("LOCKKEEPER_FAILPOINT", point).output().expect("it starts");
            assert_eq!(output.status.code(), None, "{act} {point}: it was killed");
            // Whoever asks in the middle of a swap is refused a connection, as any client is.
            let told = until("its end to be known", || {
                let told = scene.lk.run(&["resume"]);
                (told.code() == 0).then(|| told.said())
            });
            let is_new = scene.reads() == GOOD;
            let which = if is_new { "is the NEW" } else { "is the OLD" };
            assert!(told.contains(which), "{act} {point}, {which}: {told}");
            assert!(!is_new || act == "swap", "{act} {point}");
        }
    }
    if scene.reads() != GOOD {
        scene.restore();
    }
    assert_eq!((scene.reads().as_str(), scene.users()), (GOOD, 2000));
}

/// A replica that streams from the scene's server: the same files at another place.
fn replica(scene: &Scene) -> Server {
    let copy = private(&[]);
    copy.cluster.stop_server(Stop::Fast).expect("it stops");
    let data = copy.cluster.socket_dir().join("data");
    let owner = fs::metadata(&data).expect("it is there");
    let own = fs::read_to_string(data.join("postgresql.conf")).expect("it can be read");
    fs::remove_dir_all(&data).expect("it can be removed");
    let program = clients::find("pg_basebackup", 0).expect("it comes with the clients").path;
    let output = Command::new(program)
        .args(["--checkpoint=fast", "--no-sync", "-p", "5432", "-U", "postgres", "-h"])
        .arg(scene.server.cluster.socket_dir())
        .arg("-D")
        .arg(&data)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let host = scene.server.cluster.socket_dir().display();
    let leads = format!("primary_conninfo = 'host=''{host}'' port=5432 user=postgres'\n");
    fs::write(data.join("postgresql.conf"), own + &leads).expect("it can be written");
    fs::write(data.join("standby.signal"), "").expect("it can be written");
    let owner = format!("{}:{}", owner.uid(), owner.gid());
    let owned = Command::new("chown").arg("-R").arg(owner).arg(&data).status().expect("it runs");
    assert!(owned.success());
    copy.cluster.start_server().expect("it starts");
    copy
}

/// Barman and others keep WAL as it comes: nobody reads a database there.
#[test]
fn who_only_keeps_wal_is_no_replica_that_a_swap_waits_for() {
    let scene = Scene::on(private(&[("wal_level", "replica"), ("max_wal_senders", "4")]));
    let kept = scene.lk.project().join("wal");
    fs::create_dir(&kept).expect("it can be made");
    let program = clients::find("pg_receivewal", 0).expect("it comes with the clients").path;
    let mut receiver = Command::new(program);
    receiver.args(["-p", "5432", "-U", "postgres", "-h"]).arg(scene.server.cluster.socket_dir());
    let mut receiver = receiver.arg("-D").arg(&kept).spawn().expect("it starts");
    until("WAL to come", || {
        let sql = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        (scene.ask::<i64>("postgres", sql) == 1).then_some(())
    });
    assert_eq!(scene.restore(), ["load", "settle", "swap"]);
    receiver.kill().expect("it can be killed");
    receiver.wait().expect("it is gone");
    assert_eq!(scene.reads(), GOOD);
}

#[test]
fn a_swap_ends_who_reads_the_old_database_on_a_replica() {
    let scene = Scene::on(private(&[("wal_level", "replica"), ("max_wal_senders", "4")]));
    let replica = replica(&scene);
    until("the replica to stream", || {
        let sql = "SELECT count(*) FROM pg_stat_replication WHERE application_name <> 'x'";
        (scene.ask::<i64>("postgres", sql) == 1).then_some(())
    });
    for _ in 0..2 {
        assert_eq!(scene.act(&["restore", "newest"]).1.code(), 0);
    }
    // Nobody has named it: whoever reads there would go on reading the old database.
    scene.lk.run(&["restore", "newest", "--plan"]).refuses("replicas stream from here");
    let name = &scene.database.name;
    let dsn =
        format!("host={} user=postgres dbname={name}", replica.cluster.socket_dir().display());
    let text = format!(
        "schema = 1\n[targets.test]\nclass = \"scratch\"\ndsn = \"{}\"\nreplicas = [\"{dsn}\"]\n",
        scene.lk.dsn()
    );
    scene.lk.write("lockkeeper.toml", &text);
    let reads = replica.existing(name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let read = |connection: &mut PgConnection| {
        let asked = sqlx::query_scalar::<_, String>("SELECT what FROM state");
        runtime.block_on(async { asked.fetch_one(connection).await })
    };
    let mut reader = runtime.block_on(reads.connect());
    assert_eq!(read(&mut reader).expect("it reads"), DAMAGED);
    // What it has not replayed for too long is said, and its sessions are left.
    let caught_up = "SELECT count(*) FROM pg_stat_replication \
                     WHERE replay_lsn >= pg_current_wal_lsn()";
    until("the replica to catch up", || {
        (scene.ask::<i64>("postgres", caught_up) == 1).then_some(())
    });
    let (act, answer) = scene.act(&["restore", "newest", "--target", "test"]);
    assert_eq!((act.as_str(), answer.code()), ("swap", 0), "{}", answer.said());
    assert!(read(&mut reader).is_err(), "its session was ended");
    let mut again = runtime.block_on(reads.connect());
    assert_eq!(read(&mut again).expect("it reads"), GOOD);
}

/// A `pg_restore` that says it has begun, and waits as long as the test's directory is there.
fn slow_restore(scene: &Scene) -> PathBuf {
    let real = clients::find("pg_restore", 0).expect("there is one").path;
    let directory = scene.lk.project().join("bin");
    fs::create_dir(&directory).expect("it can be made");
    let project = scene.lk.project().display().to_string();
    let text = format!(
        "#!/bin/sh\ncase \"$1\" in --version) exec {real} --version;; esac\n\
         echo > {project}/begun\nwhile [ -e {project}/begun ]; do sleep 0.05; done\n\
         exec {real} \"$@\"\n",
        real = real.display()
    );
    let path = directory.join("pg_restore");
    script(&path, &text);
    directory
}

#[test]
fn a_restore_whose_console_and_tool_were_killed_is_told_by_resume() {
    let scene = Scene::new();
    let bin = slow_restore(&scene);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"));
    let with_path = |args: &[&str]| {
        let mut command = scene.lk.command(args);
        command.env("PATH", &path);
        command
    };
    let plan = with_path(&["restore", "newest", "--plan", "--json"]).output().expect("it starts");
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("a plan");
    let hash = plan["hash"].as_str().expect("a hash").to_owned();
    let mut console =
        with_path(&["restore", "newest", "--confirm", &hash]).spawn().expect("it starts");
    let begun = scene.lk.project().join("begun");
    until("pg_restore to begin", || begun.exists().then_some(()));
    console.kill().expect("it can be killed");
    console.wait().expect("it is gone");
    // It lives without its console: it is neither begun again nor dropped.
    let [loading] = scene.beside().try_into().expect("one is being loaded");
    for args in [&["restore", "newest", "--plan"][..], &["restore", "--drop", &loading, "--plan"]] {
        scene.lk.run(args).refuses(if args[1] == "newest" {
            "being loaded"
        } else {
            "nothing that"
        });
    }
    scene.lk.kill_jobs();
    until("the server to be done with it", || {
        let sql = "SELECT count(*) FROM pg_stat_activity \
                   WHERE application_name LIKE 'lockkeeper/restore%'";
        (scene.ask::<i64>("postgres", sql) == 0).then_some(())
    });
    let told = scene.lk.run(&["resume"]);
    let [left] = scene.beside().try_into().expect("one is left over");
    assert_eq!(told.code(), 0, "{}", told.said());
    for words in ["half made", "is the OLD", &format!("restore --drop {left}")] {
        assert!(told.said().contains(words), "{words}: {}", told.said());
    }
    assert_eq!(scene.reads(), DAMAGED);
    // The same command again takes it away first, then begins anew.
    let (act, answer) = scene.act(&["restore", "newest"]);
    assert_eq!((act.as_str(), answer.code()), ("drop", 0), "{}", answer.said());
    assert_eq!(scene.restore(), ["load", "settle", "swap"]);
    assert_eq!(scene.reads(), GOOD);
}

#[test]
fn a_swap_whose_console_was_killed_is_told_by_resume() {
    let scene = Scene::new();
    for _ in 0..2 {
        let (act, answer) = scene.act(&["restore", "newest"]);
        assert_eq!(answer.code(), 0, "{act}: {}", answer.said());
    }
    let (_, hash) = scene.lk.plan(&["restore", "newest"]);
    let mut command = scene.lk.command(&["restore", "newest", "--confirm", &hash]);
    let output = command.env("LOCKKEEPER_FAILPOINT", "act.after_spawn").output().expect("starts");
    assert_eq!(output.status.code(), None, "it was killed");
    // Its job hands the boundary on to nobody: it goes on without its console.
    // Whoever asks in the middle of the swap is refused a connection, as any client is.
    let told = until("its end to be known", || {
        let told = scene.lk.run(&["resume"]);
        (told.code() == 0).then(|| told.said())
    });
    let is_new = scene.reads() == GOOD;
    let which = if is_new { "is the NEW" } else { "is the OLD" };
    assert!(told.contains(which), "{which}: {told}");
}

/// What one client that reconnects has seen.
#[derive(Default)]
struct Seen {
    reads: Vec<String>,
    refused: u32,
}

async fn client(database: Database, reads: Arc<AtomicUsize>, stop: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let mut connection: Option<PgConnection> = None;
    let is_new = |seen: &Seen| seen.reads.last().is_some_and(|read| read.starts_with("good"));
    while !stop.load(Ordering::Relaxed) || !is_new(&seen) {
        if connection.is_none() {
            connection = PgConnection::connect_with(&database.options()).await.ok();
            seen.refused += u32::from(connection.is_none());
        }
        let Some(mut open) = connection.take() else { continue };
        let sql = "SELECT what || ' ' || (SELECT count(*) FROM users) FROM state";
        if let Ok(read) = sqlx::query_scalar::<_, String>(sql).fetch_one(&mut open).await {
            if seen.reads.last() != Some(&read) {
                seen.reads.push(read);
                reads.fetch_add(1, Ordering::Relaxed);
            }
            connection = Some(open);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn six_clients_that_reconnect_read_nothing_wrong_and_fail_once_at_most() {
    let scene = tokio::task::spawn_blocking(Scene::new).await.expect("it is set");
    for _ in 0..2 {
        let (act, answer) = scene.act(&["restore", "newest"]);
        assert_eq!(answer.code(), 0, "{act}: {}", answer.said());
    }
    let (reads, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let spawn = |_| tokio::spawn(client(scene.database.clone(), reads.clone(), stop.clone()));
    let clients: Vec<_> = (0..6).map(spawn).collect();
    let all_read = |times: usize| (reads.load(Ordering::Relaxed) >= 6 * times).then_some(());
    until("the clients to have read the old one", || all_read(1));
    let (act, answer) = scene.act(&["restore", "newest"]);
    assert_eq!((act.as_str(), answer.code()), ("swap", 0), "{}", answer.said());
    until("the clients to have read the new one", || all_read(2));
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let seen = client.await.expect("it ends");
        assert_eq!(seen.reads, ["damaged 500", "good 2000"], "old, then new, and nothing else");
        assert!(seen.refused <= 1, "{} failed reconnects", seen.refused);
    }
}

#[test]
fn what_cannot_be_restored_is_refused_before_anything_is_made() {
    let scene = Scene::new();
    let name = &scene.database.name;
    let refused = |why: &str| {
        scene.lk.run(&["restore", "newest", "--plan"]).refuses(why);
        assert_eq!(scene.beside(), [""; 0]);
    };
    scene.database.execute("BEGIN; UPDATE state SET what = what; PREPARE TRANSACTION 'transfer'");
    refused("prepared transactions hold the rename up: transfer");
    scene.database.execute("ROLLBACK PREPARED 'transfer'");
    let dump = scene.lk.project().join("backups");
    let dump = crate::support::act::files(&dump);
    let dump = dump.iter().find(|path| path.extension().is_some_and(|e| e == "dump"));
    let dump = dump.expect("a backup").display().to_string();
    let bytes = fs::read(&dump).expect("it reads");

    // Changed since it was decoded: its SHA-256 tells, before anything is made.
    let mut flipped = bytes.clone();
    let middle = flipped.len() * 2 / 3;
    flipped[middle] ^= 0x55;
    fs::write(&dump, &flipped).expect("written");
    let (act, answer) = scene.act(&["restore", &dump]);
    assert_eq!((act.as_str(), answer.code()), ("load", 2), "{}", answer.said());
    assert!(answer.said().contains("the backup is bad"), "{}", answer.said());
    fs::write(&dump, &bytes[..bytes.len() - 100]).expect("written");
    scene.lk.run(&["restore", &dump, "--plan"]).refuses("damaged or incomplete");
    assert_eq!((scene.beside(), scene.reads().as_str()), (Vec::new(), DAMAGED));

    // A role without rights is told which it lacks.
    scene.server.existing("postgres").execute(&format!(
        "CREATE ROLE poor LOGIN IN ROLE pg_monitor; GRANT CONNECT ON DATABASE {name} TO poor"
    ));
    fs::write(&dump, &bytes).expect("written");
    assert_eq!(scene.lk.run(&["verify", &dump]).code(), 0, "it is good again");
    let poor = scene.lk.dsn().replace("user=postgres", "user=poor");
    let answer = scene.lk.run(&["restore", &dump, "--plan", "--dsn", &poor]);
    answer.refuses("poor may not create databases");
    let doctor = scene.lk.run(&["doctor", "--json", "--dsn", &poor]).document("doctor");
    let found = doctor["findings"].as_array().expect("a list");
    let restore = found.iter().find(|finding| finding["id"] == "restore").expect("it is told");
    assert_eq!(restore["state"], "warn", "{restore}");
    assert!(restore["value"].as_str().is_some_and(|v| v.contains("does not own it")), "{restore}");
}

/// Changes what the manifest of the scene's backup says; returns the backup.
fn manifest_says(scene: &Scene, change: impl FnOnce(&mut Value, &Path)) -> String {
    let all = crate::support::act::files(&scene.lk.project().join("backups"));
    let dump = all.into_iter().find(|path| path.extension().is_some_and(|e| e == "dump"));
    let dump = dump.expect("a backup");
    let shown = dump.display().to_string();
    let file = manifest::name_for(&shown);
    let text = fs::read_to_string(&file).expect("it reads");
    let mut written = serde_json::from_str(&text).expect("it is JSON");
    change(&mut written, &dump);
    fs::write(&file, written.to_string()).expect("it is written");
    shown
}

#[test]
fn what_is_loaded_at_another_revision_than_the_backup_was_made_at_is_not_swapped_in() {
    let scene = Scene::new();
    let dump = manifest_says(&scene, |manifest, _| manifest["revisions"] = json!(["2"]));
    let (act, answer) = scene.act(&["restore", &dump]);
    assert_eq!((act.as_str(), answer.code()), ("load", 1), "{}", answer.said());
    assert!(answer.said().contains("it is at revision none, not 2"), "{}", answer.said());
    assert_eq!((scene.beside(), scene.reads().as_str()), (Vec::new(), DAMAGED));
}

#[test]
fn what_nobody_has_decoded_yet_is_decoded_before_a_database_is_made() {
    let scene = Scene::new();
    let dump = manifest_says(&scene, |manifest, dump| {
        let mut bytes = fs::read(dump).expect("it reads");
        let middle = bytes.len() * 2 / 3;
        bytes[middle] ^= 0x55;
        fs::write(dump, &bytes).expect("it is written");
        manifest["sha256"] = json!(sha256_hex(&bytes));
        manifest["verified"] = json!([]);
    });
    let (act, answer) = scene.act(&["restore", &dump]);
    assert_eq!((act.as_str(), answer.code()), ("load", 2), "{}", answer.said());
    assert!(answer.said().contains("the backup is bad"), "{}", answer.said());
    assert_eq!((scene.beside(), scene.reads().as_str()), (Vec::new(), DAMAGED));
}

#[test]
fn a_plain_script_is_restored_in_one_transaction_and_not_led_elsewhere() {
    let scene = Scene::new();
    let pg_dump = clients::find("pg_dump", 0).expect("there is one").path;
    let script = |file: &str, extra: &[&str]| {
        let path = scene.lk.project().join(file);
        let mut command = Command::new(&pg_dump);
        command.args(extra).arg("-f").arg(&path).arg(scene.database.dsn());
        assert!(command.status().expect("pg_dump starts").success());
        path.display().to_string()
    };
    let elsewhere = script("elsewhere.sql", &["--create"]);
    let (_, answer) = scene.act(&["restore", &elsewhere]);
    assert_eq!(answer.code(), 1, "{}", answer.said());
    assert!(answer.said().contains("leads psql elsewhere"), "{}", answer.said());
    assert_eq!(scene.beside(), [""; 0], "and it was taken away again");

    // What the server makes of quotes after this, no reading of the script can tell.
    if clients::find("psql", 0).expect("there is one").restricts() {
        let (hidden, ran) = (script("hidden.sql", &[]), scene.lk.project().join("ran"));
        let trick = format!(
            "DO $$ BEGIN EXECUTE 'SET standard_' || 'conforming_strings = off'; END $$;\n\
             SELECT 'a\\''; \\! touch {} --'\n",
            ran.display()
        );
        let end = "--\n-- PostgreSQL database dump complete";
        let text = fs::read_to_string(&hidden).expect("it reads");
        assert!(text.contains(end));
        fs::write(&hidden, text.replace(end, &(trick + end))).expect("it is written");
        let (_, answer) = scene.act(&["restore", &hidden]);
        assert_eq!(answer.code(), 1, "{}", answer.said());
        assert!(answer.said().contains("backslash commands are restricted"), "{}", answer.said());
        assert!(!ran.exists(), "its program was not run");
        assert_eq!(scene.beside(), [""; 0], "and it was taken away again");
    }

    let plain = script("plain.sql.gz", &["-Z6"]);
    scene.database.execute("DROP TABLE users");
    for expected in ["load", "settle", "swap"] {
        let (act, answer) = scene.act(&["restore", &plain]);
        assert_eq!((act.as_str(), answer.code()), (expected, 0), "{}", answer.said());
    }
    assert_eq!((scene.reads().as_str(), scene.users()), (DAMAGED, 500), "as it was dumped");
}

#[test]
fn room_is_asked_for_what_is_in_the_backup_where_the_database_has_lost_it() {
    let scene = Scene::new();
    let much =
        "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 4000) n WHERE g > 0)";
    scene
        .database
        .execute(&format!("CREATE TABLE blobs AS SELECT {much} FROM generate_series(1, 250) g"));
    let made = scene.lk.confirmed(&["backup"]);
    assert_eq!(made.code(), 0, "{}", made.said());
    scene.database.execute("DROP TABLE blobs");
    let restore = ["restore", "newest", "--plan", "--free", "20MB"];
    scene.lk.run(&restore).refuses("needed (3 × the backup's file)");
    let (plan, _) = scene.lk.plan(&["restore", "newest", "--free", "200MB"]);
    let takes = plan["preview"]["takes"].as_str();
    assert!(takes.is_some_and(|takes| takes.ends_with("by the backup's size")), "{takes:?}");
}

#[test]
fn a_database_keeps_its_locale_provider_where_the_server_makes_others() {
    let scene = Scene::new();
    scene.server.existing("postgres").execute(
        "UPDATE pg_database SET datlocprovider = 'i', daticulocale = 'en' WHERE datname = 'template0'",
    );
    let (act, answer) = scene.act(&["restore", "newest"]);
    assert_eq!((act.as_str(), answer.code()), ("load", 0), "{}", answer.said());
    let new = &scene.beside()[0];
    let sql = format!("SELECT datlocprovider::text FROM pg_database WHERE datname = '{new}'");
    assert_eq!(scene.ask::<String>("postgres", &sql), "c");
}

/// Without the mend the name would belong to a database that lets nobody in.
#[test]
fn what_an_interrupted_drop_has_left_is_never_swapped_in() {
    let scene = Scene::new();
    for _ in 0..2 {
        let (act, answer) = scene.act(&["restore", "newest"]);
        assert_eq!(answer.code(), 0, "{act}: {}", answer.said());
    }
    let (act, mut swap) = scene.child();
    assert_eq!(act, "swap");
    let [new] = scene.beside().try_into().expect("one is there");
    let limited = |connections: i32| {
        scene.server.existing("postgres").execute(&format!(
            "UPDATE pg_database SET datconnlimit = {connections} WHERE datname = '{new}'"
        ));
    };
    let mut refused = |why: &str| {
        let output = swap.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
        assert_eq!(scene.reads(), DAMAGED);
    };
    // As a server leaves it that knows such databases (DATCONNLIMIT_INVALID_DB).
    limited(-2);
    refused("an interrupted DROP DATABASE has left");
    assert_eq!(scene.child().0, "drop", "nothing in it counts as loaded");
    // As any other leaves it, whose DROP was cut off after it had begun.
    limited(-1);
    let (_, mut dropping) = scene.child_of(&["restore", "--drop", &new]);
    let dropping = dropping.env("LOCKKEEPER_FAILPOINT", "restore.drop.begun").output();
    assert_eq!(dropping.expect("it starts").status.code(), None, "it was killed");
    refused("not marked as settled");
    let (act, answer) = scene.act(&["restore", "newest"]);
    assert_eq!((act.as_str(), answer.code()), ("drop", 0), "{}", answer.said());
    assert_eq!(scene.restore(), ["load", "settle", "swap"]);
    assert_eq!(scene.reads(), GOOD);
}

#[test]
fn a_key_and_an_index_that_the_backup_itself_has_as_not_valid_are_restored() {
    let scene = Scene::new();
    scene.database.execute(
        "ALTER TABLE users ADD CONSTRAINT late FOREIGN KEY (id) REFERENCES users NOT VALID;
         CREATE TABLE parted (id int, name text) PARTITION BY RANGE (id);
         CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10);
         CREATE INDEX lonely ON ONLY parted (name)",
    );
    let made = scene.lk.confirmed(&["backup"]);
    assert_eq!(made.code(), 0, "{}", made.said());
    let (act, answer) = scene.act(&["restore", "newest"]);
    let told = answer.out() + &answer.said();
    assert_eq!((act.as_str(), answer.code()), ("load", 0), "{told}");
    assert_eq!(scene.restore(), ["settle", "swap"]);
    let invalid = "SELECT (SELECT count(*) FROM pg_index WHERE NOT indisvalid)
                        + (SELECT count(*) FROM pg_constraint WHERE NOT convalidated)";
    assert_eq!(scene.ask::<i64>(&scene.database.name, invalid), 2, "as they were");
}

/// Of what kind others' sessions are is hidden from it.
#[test]
fn a_role_without_statistics_of_others_ends_their_sessions_all_the_same() {
    let server = private(&[]);
    server.existing("postgres").execute(
        "CREATE ROLE keeper LOGIN CREATEDB IN ROLE pg_signal_backend; CREATE ROLE web LOGIN",
    );
    let name = server.database("shop").name;
    server
        .existing("postgres")
        .execute(&format!("ALTER DATABASE {name} OWNER TO keeper; GRANT web TO postgres"));
    server.existing(&name).execute("GRANT ALL ON SCHEMA public TO keeper");
    let of = |role: &str| Database { superuser: role.to_owned(), ..server.existing(&name) };
    let (keeper, web) = (of("keeper"), of("web"));
    let scene = Scene::of(server, keeper);
    let by = ["restore", "newest", "--free", "50GB"];
    for expected in ["load", "settle"] {
        let (act, answer) = scene.act(&by);
        assert_eq!((act.as_str(), answer.code()), (expected, 0), "{}", answer.said());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut client = runtime.block_on(web.connect());
    assert_eq!(scene.restore_by(&by), ["swap"]);
    assert_eq!(scene.reads(), GOOD);
    let mut ask = async || sqlx::query("SELECT 1").execute(&mut client).await;
    assert!(runtime.block_on(ask()).is_err(), "its session was ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_whose_commit_nobody_heard_of_are_not_told_as_undone() {
    let scene = tokio::task::spawn_blocking(Scene::new).await.expect("it is set");
    let (act, answer) = scene.act(&["restore", "newest"]);
    assert_eq!((act.as_str(), answer.code()), ("load", 0), "{}", answer.said());
    let (act, mut settle) = scene.child();
    assert_eq!(act, "settle");
    let proxy = Proxy::start(&scene.database).await;
    proxy.when("COMMIT", Then::Deaf);
    settle.env("PGHOST", "127.0.0.1").env("PGPORT", proxy.port().to_string());
    let output = settle.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("cannot be told"), "{said}");
    assert_eq!(scene.child().0, "swap", "it was committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_falls_silent_keeps_nobody_waiting() {
    let scene = tokio::task::spawn_blocking(Scene::new).await.expect("it is set");
    for _ in 0..2 {
        assert_eq!(scene.act(&["restore", "newest"]).1.code(), 0);
    }
    let proxy = Proxy::start(&scene.database).await;
    let text = format!(
        "schema = 1\n[targets.test]\nclass = \"scratch\"\n\
         dsn = \"{}&connect_timeout=20\"\nreplicas = [\"{}\"]\n",
        scene.lk.dsn(),
        proxy.patient_dsn()
    );
    scene.lk.write("lockkeeper.toml", &text);
    proxy.when("pg_control_system", Then::Silent);
    let plan = scene.lk.run(&["restore", "newest", "--target", "test", "--plan"]);
    assert!(proxy.was_said(), "it was asked");
    plan.refuses("it does not answer in time");
}
