//! What is wrong is named, with what to do about it; nothing runs, and the exit code is 2.

use lockkeeper::io::cluster::Stop;

use super::lk::Lk;
use crate::support::server::{database, private};
use crate::support::tcp::Tcp;

const NOWHERE: &str = "postgresql:///nowhere?host=/nonexistent&user=nobody";

#[test]
fn a_broken_configuration_is_named_with_its_line() {
    let lk = Lk::at(NOWHERE);
    lk.write("lockkeeper.toml", "schema = 1\n[project]\ntol = \"sqlx\"\n");
    for command in [&["snapshot"][..], &["status"], &["up", "--plan"], &["console", "--plain"]] {
        lk.run(command).refuses("lockkeeper.toml:3");
    }
    lk.write("lockkeeper.toml", "schema = 1\n[project\n");
    lk.run(&["status"]).refuses("lockkeeper.toml:2");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let lk = Lk::at(NOWHERE);
    for command in
        [&["snapshot"][..], &["up", "--plan"], &["terminate", "1", "--plan"], &["resume"]]
    {
        lk.run(command).refuses("there is no such socket");
    }
    lk.run(&["up", "--plan", "--dsn", "mysql://x/y"]).refuses("--dsn");
    lk.run(&["up", "--plan", "--target", "tset"]).refuses("there is no target tset");
}

#[test]
fn a_refused_password_is_named_and_never_shown() {
    let tcp = Tcp::start("host all all 127.0.0.1/32 scram-sha-256", None, &[]);
    let port = tcp.port;
    let lk = Lk::at(NOWHERE);
    let dsn = format!("postgresql://postgres:hunter2@127.0.0.1:{port}/postgres?sslmode=disable");
    for command in [&["snapshot"][..], &["up", "--plan"]] {
        let answer = lk.run(&[command, &["--dsn", &dsn]].concat());
        answer.refuses("password");
        assert!(!answer.said().contains("hunter2"), "{}", answer.said());
    }
}

#[test]
fn a_directory_without_migrations_is_named() {
    let database = database("cli_no_tool");
    let lk = Lk::on(&database);
    std::fs::remove_dir_all(lk.project().join("migrations")).expect("it can be removed");
    for command in [&["status"][..], &["up", "--plan"]] {
        let below = format!("no migration tool's files below {};", lk.project().display());
        lk.run(command).refuses(&below);
    }
    lk.run(&["status", "--project", "."]).refuses(&format!("below {};", lk.project().display()));
    for project in ["nowhere", "lockkeeper.toml"] {
        lk.run(&["status", "--project", project, "--dsn", lk.dsn()]).refuses(project);
    }
}

/// As root nothing is closed to us, so this is said of what cannot be listed for anybody.
#[test]
fn migrations_that_may_not_be_read_are_not_taken_for_none() {
    let database = database("cli_closed");
    let lk = Lk::on(&database);
    let migrations = lk.project().join("migrations");
    std::fs::remove_dir_all(&migrations).expect("it can be removed");
    std::os::unix::fs::symlink(&migrations, &migrations).expect("it can be made");
    for command in [&["status"][..], &["up", "--plan"]] {
        lk.run(command).refuses(&format!("{} cannot be read", migrations.display()));
    }
}

#[test]
fn a_broken_migration_file_is_a_problem_and_not_run() {
    let database = database("cli_broken_file");
    let lk = Lk::on(&database);
    std::fs::write(lk.project().join("migrations/1_first.up.sql"), b"\xff\xfe").expect("written");
    let status = lk.run(&["status", "--json"]);
    assert_eq!(status.code(), 1, "{}", status.said());
    assert_ne!(status.document("status")["problems"], serde_json::json!([]));
    lk.run(&["up", "--plan"]).refuses("not UTF-8");
}

#[test]
fn a_replica_is_looked_at_but_not_migrated() {
    let server = private(&[]);
    server.cluster.stop_server(Stop::Fast).expect("it stops");
    let signal = server.cluster.socket_dir().join("data/standby.signal");
    std::fs::write(signal, "").expect("the file can be written");
    server.cluster.start_server().expect("it starts");
    let lk = Lk::on(&server.existing("postgres"));
    lk.run(&["up", "--plan"]).refuses("this server is a replica");
    let snapshot = lk.run(&["snapshot", "--json"]);
    assert_eq!(snapshot.code(), 0);
    assert_eq!(snapshot.document("snapshot")["server"]["primary"], false);
}

#[test]
fn a_full_disk_for_the_journal_runs_nothing() {
    let database = database("cli_full");
    let lk = Lk::on(&database);
    let (_, hash) = lk.plan(&["up"]);
    let mut command = lk.command(&["up", "--confirm", &hash]);
    // ENOSPC at the first write: the run's own first record.
    let output = command.env("LOCKKEEPER_FAULT", "journal.write:28:1").output();
    let output = output.expect("lockkeeper starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the disk is full") && said.contains("free some space"), "{said}");
    assert_eq!(lk.run(&["status"]).code(), 1, "nothing was applied");
}

#[test]
fn a_reason_of_blanks_is_none_and_is_asked_for_once() {
    let lk = Lk::on(&database("bad_alone"));
    for blank in ["", "  "] {
        let answer = lk.run(&["up", "--alone", blank, "--confirm", "00"]);
        assert_eq!(answer.code(), 2, "{}", answer.said());
        assert!(answer.said().contains("say why nobody approves"), "{}", answer.said());
    }
}

#[test]
fn who_reads_what_acts_have_printed_is_told_that_the_targets_secrets_are_not_known() {
    let database = database("cli_unmasked");
    let lk = Lk::on(&database);
    assert_eq!(lk.confirmed(&["up"]).code(), 0);
    let run = lk.journals()[0].records[0].run.clone();
    let told = "only what looks like a secret is masked";
    let both = || [&["report", &run][..], &["follow", &run, "--plain"]].map(|args| lk.run(args));
    let known = both();
    lk.write("lockkeeper.toml", "schema = 1\n[targts.test]\n");
    for (known, unknown) in known.iter().zip(both()) {
        assert!(!known.said().contains(told), "{}", known.said());
        unknown.says(known.code(), told);
        assert!(unknown.said().contains("lockkeeper.toml:2"), "{}", unknown.said());
        assert!(unknown.out().contains("up 1 first"), "{}", unknown.out());
    }
}
