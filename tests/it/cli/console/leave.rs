//! However the console is left: the act goes on, and the terminal is given back.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{PgConnection, Row as _};

use super::{ARMED, NOTES, Operator, TABLES, count, database, project, restored};
use crate::support::pty::{self, Pty};
use crate::support::server::{Database, LOCKKEEPER};
use crate::support::until::eventually;

const SLOW: (&str, &str) =
    ("CREATE TABLE notes (id int); SELECT pg_sleep(10);", "DROP TABLE notes;");

fn signal(pty: &Pty, signal: Signal) {
    let pid = i32::try_from(pty.pid()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("the console can be signalled");
}

/// Returns how many backends of the acts and of the console there are.
async fn ours(connection: &mut PgConnection) -> (i64, i64) {
    let sql = "SELECT count(*) FILTER (WHERE application_name LIKE 'lockkeeper/migrate%'), \
                      count(*) FILTER (WHERE application_name LIKE 'lockkeeper%' \
                                       AND application_name NOT LIKE 'lockkeeper/migrate%') \
               FROM pg_stat_activity WHERE datname IN (current_database(), 'postgres')";
    let row = sqlx::query(sql).fetch_one(connection).await.expect("it answers");
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_killed_console_leaves_its_act_alone_and_the_act_ends_by_itself() {
    let server = crate::support::server::private(&[]);
    let database = server.database("killed");
    let mut console = Operator::on(&database, &[SLOW]);
    console.ready();
    // What a function does cannot be told: this asks for the name.
    console.plan("u", "up 1 step");
    console.pty.type_name(&database.name);
    console.pty.wait_for("IN FLIGHT");
    let mut connection = database.connect().await;
    sleeps(&mut connection).await;
    signal(&console.pty, Signal::KILL);
    eventually("only the act's own backend is left", async || {
        let (act, console) = ours(&mut connection).await;
        assert_eq!(act, 1, "the act goes on");
        console == 0
    })
    .await;
    eventually("the act ended", async || ours(&mut connection).await == (0, 0)).await;
    assert_eq!(count(&database, TABLES).await, 1);
    assert!(!console.journals().contains(r#""kind":"outcome""#), "its outcome is resume's to tell");
}

/// Returns once the migration's statement runs.
async fn sleeps(connection: &mut PgConnection) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
               AND application_name LIKE 'lockkeeper/migrate%'";
    eventually("the migration runs", async || {
        let running: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.expect("rows");
        running == 1
    })
    .await;
}

#[test]
fn the_terminal_is_given_back_after_quitting_and_after_each_signal() {
    let quit: fn(&mut Pty) = |pty| pty.send("q");
    let term: fn(&mut Pty) = |pty| signal(pty, Signal::TERM);
    let hang_up: fn(&mut Pty) = |pty| signal(pty, Signal::HUP);
    for (leave, code) in [(quit, 0), (term, 143), (hang_up, 129)] {
        let mut console = unreachable();
        assert!(console.pty.screen().alternate_screen());
        leave(&mut console.pty);
        assert_eq!(console.pty.wait().exit_code(), code);
        restored(&mut console.pty);
    }
}

/// Returns a console on a server that is not there.
fn unreachable() -> Operator {
    let mut console =
        Operator::with("postgresql://u@127.0.0.1:1/shop", project(NOTES), &[("NO_COLOR", "1")]);
    console.pty.wait_for("nobody listens there");
    console
}

#[test]
fn what_cannot_be_opened_is_said_on_the_plain_terminal() {
    let project = project(NOTES);
    fs::write(project.path().join("lockkeeper.toml"), "schema = 1\n[targets.x").expect("written");
    let mut command = pty::lockkeeper(&["--target", "x"]);
    command.cwd(project.path());
    let mut pty = Pty::spawn(command, 80, 24);
    assert_eq!(pty.wait().exit_code(), 2);
    restored(&mut pty);
    let said = pty.screen().contents();
    assert!(said.contains("lockkeeper.toml:2") && said.contains("not TOML"), "{said}");
}

#[tokio::test]
async fn no_size_breaks_an_open_dialog_and_none_too_small_to_read_takes_a_yes() {
    let database = database("sizes");
    let mut console = Operator::on(&database, NOTES);
    console.ready();
    console.plan("u", "up 1 step");
    console.pty.resize(1, 1);
    console.pty.wait_until("one cell", |screen| screen.contents().trim() == "…");
    console.pty.send("y");
    console.pty.resize(40, 8);
    console.pty.wait_for("enlarge to 60×15");
    console.pty.send("y");
    console.pty.resize(80, 24);
    console.pty.wait_for(ARMED);
    assert_eq!(count(&database, TABLES).await, 0);
    console.press("\u{1b}", "left: nothing was run");
    console.pty.resize(60, 15);
    let needed = ["PRODUCTION", &database.name, "WATCHING", "blocked 0", "data 0.", "next u up"];
    console.pty.wait_until("the essentials at 60×15", |screen| {
        let screen = screen.contents();
        needed.iter().all(|needed| screen.contains(needed))
    });
}

#[test]
fn control_z_gives_the_shell_back_and_fg_the_console() {
    let project = project(NOTES);
    let mut command = pty::command("/bin/bash".as_ref(), &["--norc", "--noprofile", "-i"]);
    let state = tempfile::tempdir().expect("a temporary directory can be made");
    command.env("XDG_STATE_HOME", state.path());
    command.env("PS1", "shell> ");
    command.cwd(project.path());
    let mut pty = Pty::spawn(command, 120, 24);
    pty.wait_for("shell>");
    pty.send(&format!("{LOCKKEEPER} --dsn postgresql://u@127.0.0.1:1/shop\r"));
    pty.wait_for("nobody listens there");
    pty.send("\u{1a}");
    pty.wait_for("Stopped");
    assert!(!pty.screen().alternate_screen());
    pty.send("fg\r");
    pty.wait_for("nobody listens there");
    assert!(pty.screen().alternate_screen());
    pty.send("q");
    pty.wait_until("the shell's screen", |screen| !screen.alternate_screen());
    pty.send("echo ended with $?\r");
    pty.wait_for("ended with 0");
}

#[tokio::test]
async fn an_open_run_is_left_by_a_second_q_which_says_how_to_take_it_up_again() {
    let database: Database = database("open_run");
    let mut console = Operator::on(&database, NOTES);
    console.ready();
    console.press("m", "read it, then r goes on");
    console.press("q", "q again leaves");
    console.pty.send("q");
    assert_eq!(console.pty.wait().exit_code(), 0);
    let said = console.pty.screen().contents();
    assert!(said.contains("lockkeeper resume "), "{said}");
}
