//! Throwaway servers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lockkeeper::io::cluster::{
    self, Cluster, Install, Packages, Programs, Record, Spec, Stop, Swept,
};
use lockkeeper::io::process::{self, Identity};
use rustix::process::{Signal, kill_process};
use sqlx::Connection as _;
use tempfile::{TempDir, tempdir};

use crate::support::server::{self, Database};
use crate::support::until;

async fn text(database: &Database, sql: &'static str) -> String {
    let mut connection = database.connect().await;
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("it answers")
}

fn alive(pid: Option<u32>) -> bool {
    pid.and_then(Identity::of).is_some()
}

/// Returns a process that ended.
fn ended() -> Identity {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep exists");
    let identity = Identity::of(child.id()).expect("it sleeps");
    child.kill().and_then(|()| child.wait()).expect("a child can be ended");
    identity
}

/// Returns a server whose state directory is its own, without a watcher.
fn registered() -> (TempDir, Cluster) {
    let state = tempdir().expect("a temporary directory can be made");
    let spec = Spec { state: Some(state.path().into()), ..Spec::default() };
    (state, Cluster::start(&spec).expect("a server starts"))
}

fn abandon(cluster: &Cluster) {
    let record = Record::read(cluster.socket_dir()).expect("there is a record");
    let record = Record { owner: ended(), ..record };
    record.write(cluster.socket_dir()).expect("it can be written");
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, two) = (server::database("same name"), server::database("same name"));
    assert_ne!(one.name, two.name);
    assert_eq!(text(&one, "SELECT current_database()::text").await, one.name);
}

#[tokio::test]
async fn the_uri_leads_to_the_same_database() {
    let database = server::database("uri");
    let mut connection =
        sqlx::PgConnection::connect(&database.dsn()).await.expect("sqlx understands it");
    let who: (String, String) =
        sqlx::query_as("SELECT current_database()::text, current_user::text")
            .fetch_one(&mut connection)
            .await
            .expect("it answers");
    assert_eq!(who, (database.name, database.superuser));
}

#[tokio::test]
async fn a_server_is_reached_through_its_private_socket_only() {
    let database = server::database("socket");
    assert_eq!(text(&database, "SELECT current_setting('listen_addresses')").await, "");
    let mode = fs::metadata(&database.socket_dir).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_crashed_server_starts_again_as_itself_with_its_data() {
    let server = server::private(&[]);
    let database = server.database("crash");
    database.execute("CREATE TABLE t AS SELECT 'still here' AS words");
    server.cluster.stop_server(Stop::Immediate).expect("it stops");
    assert!(!cluster::is_running(server.cluster.socket_dir()));
    server.cluster.start_server().expect("it starts");
    assert_eq!(text(&database, "SELECT words FROM t").await, "still here");
    let says = text(&database, "SELECT system_identifier::text FROM pg_control_system()").await;
    assert_eq!(says, server.cluster.system_identifier());
}

#[test]
fn a_stopped_server_leaves_nothing() {
    let (state, cluster) = registered();
    let (directory, postmaster) = (cluster.socket_dir().to_owned(), cluster.postmaster());
    assert_eq!(cluster::registered(state.path()), std::slice::from_ref(&directory));
    assert!(alive(postmaster));
    cluster.stop().expect("it stops");
    until("the postmaster is gone", || !alive(postmaster));
    assert!(!directory.exists());
    assert!(cluster::registered(state.path()).is_empty());
}

#[test]
fn a_halted_server_is_removed_as_well() {
    let (_state, cluster) = registered();
    let (directory, postmaster) = (cluster.socket_dir().to_owned(), cluster.postmaster());
    let pid = postmaster.and_then(process::pid).expect("it runs");
    kill_process(pid, Signal::STOP).expect("it is ours");
    cluster.stop().expect("it stops");
    until("the postmaster is gone", || !alive(postmaster));
    assert!(!directory.exists());
}

#[test]
fn a_sweep_leaves_the_living_and_the_journaled_and_takes_the_abandoned() {
    let (state, cluster) = registered();
    let postmaster = cluster.postmaster();
    assert_eq!(cluster::sweep(state.path(), &|_| false).removed, 0, "its owner lives");
    abandon(&cluster);
    let own = cluster.system_identifier().to_owned();
    let swept = cluster::sweep(state.path(), &|system| system == own);
    let needed = vec![cluster.socket_dir().to_owned()];
    assert_eq!(swept, Swept { removed: 0, needed }, "an intent is open");
    assert!(alive(postmaster));
    assert_eq!(cluster::sweep(state.path(), &|system| system != own).removed, 1);
    until("the postmaster is gone", || !alive(postmaster));
    assert!(!cluster.socket_dir().exists());
    assert!(cluster::registered(state.path()).is_empty());
}

#[test]
fn a_kept_server_is_swept_only_after_it_was_stopped() {
    let (state, mut cluster) = registered();
    let directory = cluster.socket_dir().to_owned();
    cluster.keep().expect("it is written down");
    abandon_kept(&directory);
    assert_eq!(cluster::sweep(state.path(), &|_| false).removed, 0);
    assert!(cluster::is_running(&directory));
    cluster.stop_server(Stop::Fast).expect("it stops");
    assert_eq!(cluster::sweep(state.path(), &|_| false).removed, 1);
    assert!(!directory.exists());
}

fn abandon_kept(directory: &Path) {
    let record = Record::read(directory).expect("there is a record");
    assert!(record.kept);
    Record { owner: ended(), ..record }.write(directory).expect("it can be written");
}

#[test]
fn a_register_entry_that_leads_nowhere_is_dropped() {
    let state = tempdir().expect("a temporary directory can be made");
    let register = state.path().join("clusters");
    fs::create_dir(&register).expect("it can be made");
    let nowhere = state.path().join("nowhere");
    std::os::unix::fs::symlink(nowhere, register.join("nowhere")).expect("it can be linked");
    assert_eq!(cluster::sweep(state.path(), &|_| false).removed, 0);
    assert!(cluster::registered(state.path()).is_empty());
}

#[test]
fn without_programs_the_error_says_where_they_were_looked_for() {
    let empty = tempdir().expect("a temporary directory can be made");
    let missing = Programs::find_in(vec![empty.path().into()]).expect_err("there are none");
    assert!(missing.to_string().contains(&empty.path().display().to_string()));
    assert_eq!(missing.looked, [empty.path()]);
}

#[test]
fn installing_upgrades_nothing_and_asks_for_root_where_it_is_needed() {
    let client = |packages, major| Install::client(packages, true, major).to_string();
    assert_eq!(client(Packages::Apt, Some(17)), "apt-get install --yes postgresql-client-17");
    assert_eq!(client(Packages::Dnf, Some(17)), "dnf install --assumeyes postgresql");
    assert!(client(Packages::Brew, Some(16)).ends_with("brew install postgresql@16"));
    let upgrade = |packages| Install::upgrade(packages, false, 15).to_string();
    assert!(upgrade(Packages::Apt).ends_with("--only-upgrade postgresql-client-15"));
    assert_eq!(upgrade(Packages::Dnf), "sudo dnf upgrade --assumeyes postgresql");
    let release = Packages::of_release;
    assert_eq!(release("NAME=x\nID=debian\n"), Some(Packages::Apt));
    assert_eq!(release("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), Some(Packages::Apt));
    assert_eq!(release("ID=fedora\n"), Some(Packages::Dnf));
    assert_eq!(release("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), Some(Packages::Dnf));
    assert_eq!(release("ID=arch\n"), None);
    let line = |packages, root| Install::with(packages, root).to_string();
    assert_eq!(line(Packages::Apt, false), "sudo apt-get install --yes --no-upgrade postgresql");
    assert_eq!(line(Packages::Dnf, true), "dnf install --assumeyes postgresql-server");
    assert_eq!(
        line(Packages::Brew, false),
        "HOMEBREW_NO_AUTO_UPDATE=1 HOMEBREW_NO_INSTALL_UPGRADE=1 brew install postgresql@17"
    );
}

#[test]
fn a_process_is_itself_until_it_ends_and_a_zombie_has_ended() {
    assert!(Identity::own().is_alive());
    assert!(!ended().is_alive());
    let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep exists");
    let identity = Identity::of(child.id()).expect("it sleeps");
    child.kill().expect("a child can be ended");
    until("the zombie counts as dead", || !identity.is_alive());
    child.wait().expect("it ended");
}

#[test]
fn another_process_with_the_same_pid_is_another_process() {
    let own = Identity::own();
    let earlier = Identity { started: format!("{}0", own.started), ..own };
    assert!(!earlier.is_alive());
}
