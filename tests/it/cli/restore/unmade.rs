//! A new database that the server does not make, and a look at one that nobody answers.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lockkeeper::io::restore::look_within;

use super::{DAMAGED, Scene};
use crate::support::act::until;
use crate::support::drive;
use crate::support::proxy::{Proxy, Then};

impl Scene {
    /// Runs the act that makes the new database, and returns what it says of its refusal.
    fn unmade(&self, load: &mut Command) -> String {
        let output = load.output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "nothing was begun: {told}");
        assert_eq!(self.beside(), [""; 0]);
        told
    }

    fn load(&self) -> Command {
        // How much is free in a tablespace nobody tells.
        let (act, load) = self.child_of(&["restore", "newest", "--free", "50GB"]);
        assert_eq!(act, "load");
        load
    }
}

#[test]
fn a_database_that_cannot_be_made_is_told_with_the_servers_words_and_leaves_nothing() {
    let scene = Scene::new();
    let beside = scene.server.existing("postgres");
    let name = &scene.database.name;
    let home = scene.server.cluster.socket_dir().join("small");
    let run = |command: &str| beside.execute(&format!("COPY (SELECT) TO PROGRAM '{command}'"));

    // A locale that the system has lost since.
    let mut load = scene.load();
    let locale = |of: &str| {
        beside.execute(&format!(
            "UPDATE pg_database SET datcollate = '{of}', datctype = '{of}' WHERE datname = '{name}'"
        ));
    };
    let was: String = scene.ask("postgres", "SELECT datcollate::text FROM pg_database LIMIT 1");
    locale("xx_XX.utf8");
    let told = scene.unmade(&mut load);
    locale(&was);
    assert!(told.contains("invalid locale name"), "{told}");

    // A tablespace whose disk takes nothing any more.
    run(&format!("mkdir {}", home.display()));
    let place = home.display();
    beside.execute(&format!("CREATE TABLESPACE small LOCATION '{place}'"));
    beside.execute(&format!("ALTER DATABASE {name} SET TABLESPACE small"));
    let mut load = scene.load();
    run(&format!("chmod 500 {place}/PG_*"));
    let told = scene.unmade(&mut load);
    assert!(told.contains("could not create directory"), "{told}");
    run(&format!("chmod 700 {place}/PG_*"));

    // A template in use.
    beside.execute("ALTER DATABASE template0 ALLOW_CONNECTIONS true");
    let mut guest = Command::new("psql");
    guest.args(["-X", "-q", "-U", &scene.database.superuser, "-d", "template0", "-h"]);
    guest.arg(&scene.database.socket_dir).stdin(Stdio::piped());
    let mut guest = guest.spawn().expect("psql starts");
    until("somebody to be in the template", || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'template0'";
        (scene.ask::<i64>("postgres", sql) == 1).then_some(())
    });
    let told = scene.unmade(&mut scene.load());
    assert!(told.contains("template0") && told.contains("being accessed"), "{told}");
    guest.stdin.take().expect("it is piped").write_all(b"\\q\n").expect("it listens");
    guest.wait().expect("it ends");
    assert_eq!(scene.reads(), DAMAGED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_nobody_answers_ends_at_its_limit() {
    let scene = tokio::task::spawn_blocking(Scene::new).await.expect("it is set");
    let proxy = Proxy::start(&scene.database).await;
    let site = drive::site(&proxy.dsn(), Path::new("."), &scene.lk.state());
    proxy.when("pg_database_size", Then::Silent);
    let looked = look_within(&site.target, 1, None, Duration::from_secs(1)).await;
    assert!(proxy.was_said(), "it was asked");
    assert_eq!(looked.expect_err("nobody answers"), "no answer within 1 s");
    tokio::task::spawn_blocking(move || drop(scene)).await.expect("it goes");
}
