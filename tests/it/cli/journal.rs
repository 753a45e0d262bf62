//! `journal list`, `show`, `verify` as a user runs them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lockkeeper::domain::journal::{Entry, Kind};
use lockkeeper::io::journal::Journal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::act::{confirmed, plan};
use crate::support::server::LOCKKEEPER;

/// A state directory with one run that has a note and an open intent.
fn state() -> (TempDir, Journal) {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let runs = dir.path().join("lockkeeper/runs");
    let journal = Journal::create(&runs, "20260101T000000000Z-00000001").expect("a run");
    let note = Entry::new(Kind::Note, json!({ "note": "hello \u{1b}[2J" }));
    let intent = Entry::intent(&confirmed(plan("true", "/".as_ref())), "1", Some("migrate"));
    for entry in [note, intent] {
        journal.append(entry).expect("it is recorded");
    }
    (dir, journal)
}

fn run(state: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(LOCKKEEPER);
    command.arg("journal").args(args).env("XDG_STATE_HOME", state);
    command.output().expect("lockkeeper starts")
}

fn document(output: &Output) -> Value {
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(document["schema"], 1);
    document
}

#[test]
fn verify_answers_as_the_contract_says() {
    let (state, journal) = state();
    let output = run(state.path(), &["verify", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let answer = document(&output);
    assert_eq!(answer["file"], json!(journal.path()));
    assert_eq!((&answer["records"], &answer["intact"]), (&json!(2), &json!(true)));
    assert_eq!(answer["torn_tail"], false);
    assert_eq!(answer["unknown"][0]["step"], "migrate");
    assert!(answer["unknown"][0]["intent_at"].as_str().expect("a time").ends_with('Z'));
}

#[test]
fn an_edited_journal_exits_with_one_and_says_where() {
    let (state, journal) = state();
    let text = fs::read_to_string(journal.path()).expect("it reads");
    fs::write(journal.path(), text.replace("hello", "adieu")).expect("written");
    let output = run(state.path(), &["verify", journal.run()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("NOT INTACT: record 2 does not follow record 1"), "{said}");
}

#[test]
fn a_run_that_is_not_there_exits_with_two() {
    let (state, _journal) = state();
    let output = run(state.path(), &["show", "1999"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no run 1999"));
}

#[test]
fn list_and_show_print_what_was_recorded_and_no_escapes() {
    let (state, journal) = state();
    let listed = document(&run(state.path(), &["list", "--json"]));
    assert_eq!(listed["runs"][0]["run"], journal.run());
    assert_eq!(listed["runs"][0]["unknown"].as_array().map(Vec::len), Some(1));
    let shown = document(&run(state.path(), &["show", "2026", "--json"]));
    assert_eq!(shown["records"][1]["kind"], "intent");
    let text = String::from_utf8(run(state.path(), &["show"]).stdout).expect("text");
    assert!(!text.contains('\u{1b}'));
    assert_eq!(text.lines().count(), 2);
}
