//! `status`, `snapshot`, `up`, `down`, `cancel`, `terminate` as a script runs them.

use std::os::unix::fs::symlink;

use lockkeeper::domain::journal::Kind;
use serde_json::json;

use super::lk::Lk;
use crate::support::pty::{self, Pty};
use crate::support::server::{Database, database, private};

fn tables(database: &Database) -> i64 {
    let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    number(database, sql)
}

fn number(database: &Database, sql: &'static str) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut connection = database.connect().await;
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("it answers")
    })
}

#[test]
fn up_then_status_then_down_leave_the_database_as_it_was() {
    let database = database("cli_up_down");
    let lk = Lk::on(&database);
    for expected in ["1", "2"] {
        let outcome = lk.confirmed(&["up"]).document("outcome");
        assert_eq!(outcome["ending"], "done", "{outcome}");
        assert_eq!(outcome["revision_after"], json!([expected]));
    }
    let status = lk.run(&["status", "--json"]);
    assert_eq!(status.code(), 0, "{}", status.out());
    let status = status.document("status");
    assert_eq!((&status["current"], &status["pending"]), (&json!(["2"]), &json!([])));
    let nothing = lk.run(&["up", "--plan"]);
    nothing.refuses("nothing is pending");
    for _ in 0..2 {
        assert_eq!(lk.confirmed(&["down"]).code(), 0);
    }
    let status = lk.run(&["status", "--json"]);
    assert_eq!(status.code(), 1);
    assert_eq!(status.document("status")["pending"], json!(["1", "2"]));
    assert!(lk.journals().iter().all(|run| run.intact && run.closed() && run.open().is_empty()));
}

#[test]
fn a_status_without_a_database_says_that_it_does_not_know() {
    let lk = Lk::at("postgresql:///nowhere?host=/nonexistent&user=nobody");
    let status = lk.run(&["status", "--json"]);
    assert_eq!(status.code(), 1);
    let document = status.document("status");
    assert_eq!((&document["database"], &document["pending"]), (&json!("none"), &json!(null)));
    assert_eq!(document["migrations"][0]["state"], json!(null));
    assert!(status.said().contains("the database is left out"), "{}", status.said());
    let words = lk.run(&["status"]).out();
    assert!(words.contains("what the database has is not known"), "{words}");
}

#[test]
fn of_another_server_than_the_pinned_one_nothing_is_told() {
    let database = database("cli_pinned");
    let lk = Lk::on(&database);
    let dsn = lk.dsn();
    let pin = "pin = { system_identifier = \"1\", database = \"x\" }";
    let pinned = format!("schema = 1\n[targets.test]\ndsn = \"{dsn}\"\n{pin}\n");
    lk.write("lockkeeper.toml", &pinned);
    let status = lk.run(&["status", "--json"]);
    status.says(1, "the database is left out: ");
    assert_eq!(status.document("status")["database"], "none");
    assert!(status.said().contains("pinned"), "{}", status.said());
    lk.run(&["recovery-doc"]).says(0, "the database is left out: ");
    lk.run(&["restore-table", "diff", "public.first"]).refuses("pinned");
    let rehearsed = lk.run(&["rehearse", "--json"]);
    assert_eq!(rehearsed.code(), 2, "{}", rehearsed.out());
    let document = rehearsed.document("rehearse");
    assert!(document["why"].as_str().is_some_and(|why| why.contains("pinned")), "{document:#}");
}

#[test]
fn a_snapshot_is_the_document_of_its_schema_and_plain_words() {
    let database = database("cli_snapshot");
    let lk = Lk::on(&database);
    let snapshot = lk.run(&["snapshot", "--json"]);
    assert_eq!(snapshot.code(), 0, "{}", snapshot.said());
    let snapshot = snapshot.document("snapshot");
    assert_eq!(snapshot["server"]["database"], json!(database.name));
    let words = lk.run(&["snapshot"]);
    assert!(words.out().contains(&database.name) && !words.out().contains('\u{1b}'));
}

#[tokio::test]
async fn hostile_names_reach_no_terminal() {
    let database = database("cli_hostile");
    let mut hostile = database.connect().await;
    let sql = "BEGIN; SELECT 'x\u{1b}]0;owned\u{7}\u{202e}'";
    sqlx::raw_sql(sql).execute(&mut hostile).await.expect("a transaction");
    let lk = Lk::on(&database);
    for args in [&["snapshot"][..], &["snapshot", "--json"]] {
        let out = lk.run(args).out();
        assert!(out.contains("owned"), "{out}");
        assert!(!out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{args:?}");
    }
}

#[test]
fn without_terminal_and_hash_nothing_runs() {
    let database = database("cli_headless");
    let lk = Lk::on(&database);
    lk.run(&["up"]).refuses("--confirm HASH");
    lk.run(&["up", "--json"]).refuses("nothing was run");
    let (_, hash) = lk.plan(&["up"]);
    lk.run(&["up", "--confirm", &hash.replace(|c: char| c.is_ascii_digit(), "a")])
        .refuses("the plan changed");
    lk.run(&["down", "--confirm", &hash]).refuses("nothing is applied");
    assert_eq!((tables(&database), lk.journals().len()), (0, 0));
}

#[test]
fn a_plan_whose_file_has_changed_is_refused() {
    let database = database("cli_changed");
    let lk = Lk::on(&database);
    let (_, hash) = lk.plan(&["up"]);
    lk.write("migrations/1_first.up.sql", "CREATE TABLE evil (id int);");
    lk.run(&["up", "--confirm", &hash]).refuses("the plan changed");
    assert_eq!(tables(&database), 0);
}

#[test]
fn a_server_that_was_swapped_for_one_that_looks_alike_is_refused() {
    let (one, other) = (database("cli_swapped"), private(&[]));
    let other = {
        other.existing("postgres").execute(&format!("CREATE DATABASE \"{}\"", one.name));
        (other.existing(&one.name), other)
    };
    let place = tempfile::tempdir().expect("a directory");
    let socket = place.path().join("socket");
    symlink(&one.socket_dir, &socket).expect("a link can be made");
    let dsn = format!("postgresql:///{}?host={}&user=postgres", one.name, socket.display());
    let lk = Lk::at(&dsn);
    let swap = |to: &Database| {
        std::fs::remove_file(&socket).expect("the link can be removed");
        symlink(&to.socket_dir, &socket).expect("a link can be made");
    };
    let (_, hash) = lk.plan(&["up"]);
    swap(&other.0);
    lk.run(&["up", "--confirm", &hash]).refuses("the plan changed");

    // In one session, between what is shown and the yes.
    swap(&one);
    let mut typed = lk.typed(&["console", "--plain"]);
    typed.answer("number> ", "3");
    typed.expect("Type y to run it");
    swap(&other.0);
    typed.line("y");
    typed.expect("not run");
    let (text, _) = typed.end();
    assert!(!text.contains("now at 1"), "{text}");
    assert_eq!((tables(&one), tables(&other.0)), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_really_ended_and_that_is_journaled() {
    let database = database("cli_terminate");
    let mut idle = database.connect().await;
    let sql = "SELECT pg_backend_pid()";
    let pid: i32 = sqlx::query_scalar(sql).fetch_one(&mut idle).await.expect("a pid");
    sqlx::raw_sql("BEGIN; SELECT 1").execute(&mut idle).await.expect("a transaction");
    let (lk, pid) = (Lk::on(&database), pid.to_string());
    lk.run(&["cancel", &pid, "--plan"]).refuses("idle in transaction");
    let answer = lk.confirmed(&["terminate", &pid]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    assert_eq!(answer.document("outcome")["ending"], "done");
    assert!(sqlx::query("SELECT 1").execute(&mut idle).await.is_err(), "its session is gone");
    let journals = lk.journals();
    let kinds: Vec<Kind> = journals[0].records.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [Kind::Opened, Kind::Intent, Kind::Outcome, Kind::Closed]);
    lk.run(&["terminate", &pid, "--plan"]).refuses("no session has the pid");
}

#[test]
fn on_a_terminal_the_plan_is_shown_and_enter_is_no_yes() {
    let database = database("cli_terminal");
    let lk = Lk::on(&database);
    let mut command = pty::lockkeeper(&["up", "--dsn", lk.dsn()]);
    command.cwd(lk.project());
    command.env("XDG_STATE_HOME", lk.project().join("state"));
    let mut left = Pty::spawn(command.clone(), 120, 40);
    left.wait_for("Type ");
    left.send("\r");
    assert_eq!(left.wait().exit_code(), 2);
    assert_eq!(tables(&database), 0);

    let mut yes = Pty::spawn(command, 120, 40);
    let screen = yes.wait_for("Type y to run it");
    assert!(screen.contains("CREATE TABLE first"), "{screen}");
    yes.send("y\r");
    assert_eq!(yes.wait().exit_code(), 0, "{}", yes.screen().contents());
    // The migration's table, and sqlx's own.
    assert_eq!(tables(&database), 2);
}

#[test]
fn at_the_question_after_the_first_act_ctrl_c_leaves_and_runs_nothing_more() {
    let database = database("cli_interrupted");
    let lk = Lk::on(&database);
    let mut command = pty::lockkeeper(&["up", "--to", "2", "--dsn", lk.dsn()]);
    command.cwd(lk.project());
    command.env("XDG_STATE_HOME", lk.state());
    let mut terminal = Pty::spawn(command, 120, 60);
    terminal.wait_for("Type y to run it");
    terminal.send("y\r");
    terminal.wait_until("the second question", |screen| {
        screen.contents().matches("Type y to run it").count() == 2
    });
    terminal.send("\u{3}");
    assert_eq!(terminal.wait().exit_code(), 2, "{}", terminal.screen().contents());
    let columns =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'first'::regclass AND attnum > 0";
    assert_eq!(number(&database, columns), 2, "the second migration adds a third");
    assert!(lk.journals().iter().all(|run| run.open().is_empty()));
}
