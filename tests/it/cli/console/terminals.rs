//! Terminals of every kind, and a server that refuses.

use std::os::unix::fs::PermissionsExt as _;

use tempfile::tempdir;

use super::{NOTES, Operator, database, project, restored};
use crate::support::pty::{Pty, lockkeeper};
use crate::support::server::Database;
use crate::support::tcp::Tcp;

/// The bytes that begin an escape sequence.
const ESCAPE: u8 = 0x1b;

fn on(database: &Database, environment: &[(&str, &str)]) -> Operator {
    Operator::with(&database.dsn(), project(NOTES), environment)
}

#[test]
fn no_color_leaves_no_colour_on_the_screen_and_everything_else() {
    let database = database("no_color");
    let mut console = on(&database, &[("NO_COLOR", "1")]);
    console.ready();
    console.plan("u", "up 1 step");
    let screen = console.pty.screen();
    let (rows, columns) = screen.size();
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let cell = screen.cell(row, column).expect("it is on the screen");
        let colours = (cell.fgcolor(), cell.bgcolor());
        assert_eq!(colours, (vt100::Color::Default, vt100::Color::Default), "{row}, {column}");
    }
    assert!(screen.contents().contains("PRODUCTION"), "the class is told by a word");
}

#[test]
fn a_dumb_terminal_gets_the_line_mode_and_no_escape_sequence() {
    let database = database("dumb");
    let mut console = on(&database, &[("TERM", "dumb")]);
    console.pty.wait_for("number>");
    console.pty.send("3\r");
    console.pty.wait_for("Type y to run it");
    console.pty.send("n\r0\r0\r");
    assert_eq!(console.pty.wait().exit_code(), 0);
    assert!(!console.pty.raw().contains(&ESCAPE));
    assert!(!console.journals().contains("intent"));
}

#[test]
fn the_demo_in_the_line_mode_ends_with_its_server() {
    let state = tempdir().expect("a temporary directory can be made");
    let mut command = lockkeeper(&["demo", "--plain"]);
    command.env("XDG_STATE_HOME", state.path());
    let mut pty = Pty::spawn(command, 120, 40);
    pty.wait_for("SCRATCH shop");
    pty.wait_for("number>");
    let server = lockkeeper::io::cluster::registered(&state.path().join("lockkeeper"));
    assert!(server.len() == 1 && server[0].exists(), "{server:?}");
    pty.send("0\r");
    assert_eq!(pty.wait().exit_code(), 0);
    assert!(!pty.raw().contains(&ESCAPE));
    assert!(!server[0].exists(), "nothing of it is left");
}

#[test]
fn a_wrong_password_is_said_with_what_to_do_and_never_shown() {
    let tcp = Tcp::start("host all all 127.0.0.1/32 scram-sha-256", None, &[]);
    let dsn =
        format!("postgresql://postgres:hunter2@127.0.0.1:{}/postgres?sslmode=disable", tcp.port);
    let mut console = Operator::with(&dsn, project(NOTES), &[]);
    console.pty.wait_for("password authentication failed");
    console.pty.wait_for("trying again by itself");
    console.pty.send("q");
    assert_eq!(console.pty.wait().exit_code(), 0);
    restored(&mut console.pty);
    let raw = String::from_utf8_lossy(console.pty.raw()).into_owned();
    assert!(!raw.contains("hunter2"));
}

#[test]
fn a_directory_of_migrations_that_is_closed_is_not_called_empty() {
    let database = database("closed");
    let project = project(NOTES);
    let migrations = project.path().join("migrations");
    let closed = std::fs::Permissions::from_mode(0o0);
    std::fs::set_permissions(&migrations, closed).expect("it is ours");
    if std::fs::read_dir(&migrations).is_ok() {
        // Root reads everything; what nobody can list is refused alike.
        std::fs::remove_dir_all(&migrations).expect("it is ours");
        std::os::unix::fs::symlink(&migrations, &migrations).expect("it can be made");
    }
    let mut console = Operator::with(&database.dsn(), project, &[]);
    console.pty.wait_for("migrations cannot be read");
    let opened = std::fs::Permissions::from_mode(0o700);
    drop(std::fs::set_permissions(&migrations, opened));
}
