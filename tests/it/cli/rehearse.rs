//! `rehearse`: the document, the summary, and what is left when it is killed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use lockkeeper::io::cluster;
use lockkeeper::io::process::Identity;

use super::lk::Lk;
use crate::support::pty::{self, Pty};
use crate::support::server::{self, LOCKKEEPER};
use crate::support::until::until;

#[test]
fn it_answers_with_its_document_its_summary_and_its_exit_code() {
    let database = server::database("rehearse_cli");
    let lk = Lk::on(&database);
    lk.write("migrations/3_third.up.sql", "CREATE INDEX by_note ON first (note);");
    lk.write("migrations/3_third.down.sql", "SELECT 1;");
    let answer = lk.run(&["rehearse", "--json", "--markdown", "summary.md"]);
    assert_eq!(answer.code(), 1, "{} {}", answer.out(), answer.said());
    let document = answer.document("rehearse");
    let verdicts: Vec<&str> = document["migrations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["verdict"].as_str().expect("a verdict"))
        .collect();
    assert_eq!(verdicts, ["LOSSY", "LOSSY", "FALSE DOWN"], "{document:#}");
    assert_eq!((&document["source"], &document["verdict"]), (&"dump".into(), &"fail".into()));
    assert!(answer.said().contains("personal data"), "{}", answer.said());
    let summary = fs::read_to_string(lk.project().join("summary.md")).expect("it was written");
    assert!(summary.contains("| 3 | ✖ FALSE DOWN |"), "{summary}");
    assert!(summary.contains("index by\\_note of public.first"), "{summary}");
    fs::remove_file(lk.project().join("migrations/3_third.up.sql")).expect("it goes");
    fs::remove_file(lk.project().join("migrations/3_third.down.sql")).expect("it goes");
    let answer = lk.run(&["rehearse", "--schema-only"]);
    assert_eq!(answer.code(), 0, "{} {}", answer.out(), answer.said());
    assert!(answer.out().contains("▲ LOSSY  1: "), "{}", answer.out());
    assert_eq!(lk.run(&["rehearse", "--schema-only", "--strict"]).code(), 1);
}

#[test]
fn a_backup_is_a_source_and_one_that_is_none_is_a_reason() {
    let database = server::database("rehearse_backup");
    database.execute("CREATE TABLE known (id int)");
    let lk = Lk::on(&database);
    assert_eq!(lk.confirmed(&["backup"]).code(), 0);
    let answer = lk.run(&["rehearse", "--source", "newest", "--json"]);
    assert_eq!(answer.code(), 0, "{} {}", answer.out(), answer.said());
    assert!(answer.document("rehearse")["backup"].is_string());
    lk.write("no.dump", "this is none");
    let answer = lk.run(&["rehearse", "--source", "no.dump", "--json"]);
    assert_eq!(answer.code(), 2);
    let document = answer.document("rehearse");
    assert_eq!(document["verdict"], "unknown");
    assert!(document["why"].is_string(), "{document:#}");
    lk.run(&["rehearse", "--source", "nowhere.dump"]).refuses("does not exist");
}

#[test]
fn the_newest_backup_is_the_newest_of_the_target_itself() {
    let (own, foreign) = (server::database("newest_own"), server::database("newest_foreign"));
    for database in [&own, &foreign] {
        database.execute("CREATE TABLE known (id int)");
    }
    let (lk, other) = (Lk::on(&own), Lk::on(&foreign));
    assert_eq!(lk.confirmed(&["backup"]).code(), 0);
    let directory = lk.project().join("backups").display().to_string();
    let backup = other.confirmed(&["backup", "--to", &directory]);
    assert_eq!(backup.code(), 0, "{}", backup.said());
    let answer = lk.run(&["rehearse", "--source", "newest", "--json"]);
    assert_eq!(answer.code(), 0, "{} {}", answer.out(), answer.said());
    let document = answer.document("rehearse");
    let backup = document["backup"].as_str().expect("a path");
    assert!(backup.contains(&own.name) && !backup.contains(&foreign.name), "{backup}");
    let nowhere = "postgresql:///nowhere?host=/nonexistent&user=nobody";
    lk.run(&["rehearse", "--source", "newest", "--dsn", nowhere])
        .refuses("which backups are the target's cannot be told");
}

#[test]
fn nothing_is_left_when_it_is_killed() {
    let database = server::database("rehearse_killed");
    let lk = Lk::on(&database);
    lk.write("migrations/1_first.up.sql", "SELECT pg_sleep(600);");
    let mut running = lk.typed(&["rehearse"]);
    running.expect("rehearsing 1/2 up: 1");
    let state = lk.state().join("lockkeeper");
    let copies = cluster::registered(&state);
    assert_eq!(copies.len(), 1);
    running.kill();
    until("the copy is gone with all that is in it", || {
        !copies[0].exists() && cluster::registered(&state).is_empty()
    });
}

#[test]
fn a_program_on_the_leash_ends_with_who_holds_it_and_tells_its_exit_code() {
    let mut leash = Command::new(LOCKKEEPER)
        .args(["__leash", "--", "sh", "-c", "echo $$; exec sleep 600"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pid = String::new();
    let mut out = BufReader::new(leash.stdout.take().expect("it is piped"));
    out.read_line(&mut pid).expect("it tells");
    let program = Identity::of(pid.trim().parse().expect("a pid")).expect("it runs");
    drop(leash.stdin.take());
    assert_eq!(leash.wait().expect("it ends").code(), Some(137));
    assert!(!program.is_alive());
    let mut ends = Command::new(LOCKKEEPER)
        .args(["__leash", "--", "sh", "-c", "exit 7"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let held = ends.stdin.take();
    assert_eq!(ends.wait().expect("it ends").code(), Some(7));
    drop(held);
}

/// In the terminal's own session it would be stopped there, for as long as one run may take.
#[test]
fn a_program_on_the_leash_that_asks_at_the_terminal_is_refused_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let asks = "read answer </dev/tty && exit 5; exit 9";
    let script = format!(
        "mkfifo held && exec 3<>held && '{LOCKKEEPER}' __leash -- sh -c '{asks}' <&3; echo ended $?"
    );
    let mut command = pty::command(Path::new("sh"), &["-c", &script]);
    command.cwd(dir.path());
    Pty::spawn(command, 80, 24).wait_for("ended 9");
}
