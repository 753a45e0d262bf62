//! A rehearsal begun from the console.

use std::fs;

use lockkeeper::io::cluster;

use super::{ARMED, Operator, database};
use crate::support::until;

const TWO: super::Migrations<'static> = &[
    ("CREATE TABLE notes (id int PRIMARY KEY);", "DROP TABLE notes;"),
    ("CREATE INDEX by_id ON notes (id);", "SELECT 1;"),
];

/// Begins one on the schema alone: yes, and its plan.
fn begin(console: &mut Operator) {
    console.pty.send("4");
    console.press("r", "What is the copy made of?");
    console.pty.send("\u{1b}[A");
    console.pty.wait_for("▶ the schema alone");
    console.press("\r", "rehearse 2 migrations");
    let plan = console.pty.wait_for(ARMED);
    assert!(plan.contains("--schema-only") && plan.contains("the target is only read"), "{plan}");
}

#[test]
fn one_begun_by_a_key_is_seen_and_its_verdicts_stand_when_it_is_over() {
    let database = database("console_rehearses");
    let mut console = Operator::on(&database, TWO);
    console.ready();
    begin(&mut console);
    console.press("y", "rehearsal 0:");
    // Another panel answers meanwhile.
    console.press("8", "intent");
    console.pty.send("4");
    let screen = console.pty.wait_until("both verdicts", |screen| {
        let screen = screen.contents();
        screen.contains("rehearsed") && screen.contains("✖ FALSE DOWN") && screen.contains("1 bad")
    });
    assert!(screen.contains("▲ LOSSY"), "{screen}");
    until::until("it is recorded how it ended", || {
        let journals = console.journals();
        journals.contains("rehearse 2 migrations") && journals.contains("\"kind\":\"outcome\"")
    });
    assert!(cluster::registered(&console.state.path().join("lockkeeper")).is_empty());
}

#[test]
fn one_that_is_cancelled_leaves_nothing_behind() {
    let database = database("console_rehearsal_ends");
    let project = super::project(&[("SELECT pg_sleep(600);", "SELECT 1;"), TWO[1]]);
    let mut console = Operator::with(&database.dsn(), project, &[]);
    console.ready();
    begin(&mut console);
    console.press("y", "1 of 2, 1: up");
    let state = console.state.path().join("lockkeeper");
    let copies = cluster::registered(&state);
    assert_eq!(copies.len(), 1);
    console.pty.send("c");
    until::until("the copy is gone", || {
        !copies[0].exists() && cluster::registered(&state).is_empty()
    });
    until::until("the end is recorded", || console.journals().contains("\"kind\":\"outcome\""));
    assert!(fs::read_dir(state.join("rehearsals")).is_err(), "nothing is kept as evidence");
    console.pty.wait_until("the list without a rehearsal", |screen| {
        !screen.contents().contains("c ends it")
    });
}
