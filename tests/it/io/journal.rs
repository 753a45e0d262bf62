//! The journal on the disk: whose it is, who may add to it, what it refuses.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use lockkeeper::domain::journal::{Entry, Kind, VERSION};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::io::journal::{self, Error, Journal, Secrets, new_run};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

use crate::support::act::{confirmed, plan};

fn note(text: &str) -> Entry {
    Entry::new(Kind::Note, json!({ "note": text }))
}

fn runs() -> TempDir {
    tempfile::tempdir().expect("a directory can be made")
}

fn created(runs: &Path) -> Journal {
    Journal::create(runs, &new_run().expect("a name")).expect("a run can be created")
}

fn append(journal: &Journal, entry: Entry) {
    journal.append(entry).expect("the record is written");
}

fn intent(attempt: u32) -> Entry {
    let entry = Entry::intent(&confirmed(plan("true", "/".as_ref())), "1", None);
    Entry { attempt: Some(attempt), ..entry }
}

#[test]
fn a_run_belongs_to_nobody_else() {
    let dir = runs();
    let journal = created(&dir.path().join("runs"));
    let mode = |path: &Path| fs::metadata(path).expect("it exists").mode() & 0o777;
    assert_eq!(mode(journal.dir()), 0o700);
    assert_eq!(mode(&journal.path()), 0o600);
    assert_eq!(mode(&dir.path().join("runs")), 0o700);
}

#[test]
fn the_excerpt_of_an_act_has_no_secret_that_its_program_printed() {
    let dir = runs();
    let act = dir.path().join("acts/a1-1");
    fs::create_dir_all(&act).expect("it can be made");
    let out = "connecting {\n  password: 'hunter2',\n  \"api_key\": \"k1\"\n} \
               by postgres://ann:hunter3@h/db PGPASSWORD=hunter4,hunter5 as s3cret\n";
    fs::write(act.join("out"), out).expect("it can be written");
    let mut secrets = Secrets::default();
    secrets.add(&SecretString::from("s3cret"));
    let excerpt = journal::excerpt(dir.path(), "a1", 1, &secrets).expect("it printed something");
    let shown = excerpt.lines.join("\n");
    for secret in ["hunter", "k1", "s3cret"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    for kept in ["password: '•••',", "\"api_key\": \"•••\"", "postgres://ann:•••@h/db"]
    {
        assert!(shown.contains(kept), "{kept}: {shown}");
    }
}

#[test]
fn names_of_runs_sort_by_time_and_none_comes_twice() {
    let names: Vec<_> = (0..50).map(|_| new_run().expect("a name")).collect();
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 50);
    assert!(distinct.iter().all(|name| name.as_str() > "2026"));
}

#[test]
fn a_run_is_created_once() {
    let dir = runs();
    let journal = created(dir.path());
    assert!(Journal::create(dir.path(), journal.run()).is_err());
}

#[test]
fn the_name_of_a_run_cannot_lead_elsewhere() {
    let dir = runs();
    for name in ["../x", "", ".", "..", "a/b", "a\n"] {
        assert!(matches!(Journal::create(dir.path(), name), Err(Error::NoRun { .. })), "{name:?}");
    }
}

#[test]
fn several_sessions_append_to_one_chain() {
    let dir = runs();
    let run = created(dir.path()).run().to_owned();
    std::thread::scope(|scope| {
        for session in 0..4 {
            let (dir, run) = (dir.path(), &run);
            scope.spawn(move || {
                let journal = Journal::open(dir, run).expect("the run opens");
                // Decisions are synced, and a slow disk would keep the others waiting too long.
                let entry = |n| Entry::new(Kind::Step, json!({ "n": format!("{session}.{n}") }));
                (0..15).for_each(|n| append(&journal, entry(n)));
            });
        }
    });
    let reading = Journal::open(dir.path(), &run).and_then(|j| j.read()).expect("it reads");
    assert!(reading.intact);
    assert_eq!(reading.records.len(), 60);
}

#[test]
fn a_line_that_its_writer_did_not_finish_is_cut_off_and_noted() {
    let dir = runs();
    let journal = created(dir.path());
    append(&journal, note("whole"));
    let mut text = fs::read(journal.path()).expect("it reads");
    text.extend_from_slice(b"{\"v\":1,\"seq\":2,\"kind\":\"int");
    fs::write(journal.path(), &text).expect("it can be torn");

    let reopened = Journal::open(dir.path(), journal.run()).expect("a torn journal opens");
    append(&reopened, note("after"));
    let reading = reopened.read().expect("it reads");
    assert!(reading.intact && !reading.torn_tail);
    let notes: Vec<_> = reading.records.iter().map(|record| &record.data).collect();
    assert_eq!(notes.len(), 3);
    assert_eq!(notes[1]["torn_tail"]["bytes"], 26);
    assert_eq!(notes[1]["torn_tail"]["text"], "{\"v\":1,\"seq\":2,\"kind\":\"int");
}

#[test]
fn nothing_is_added_to_an_edited_journal() {
    let dir = runs();
    let journal = created(dir.path());
    append(&journal, note("he said yes"));
    append(&journal, note("later"));
    let text = fs::read_to_string(journal.path()).expect("it reads");
    fs::write(journal.path(), text.replace("yes", "no!")).expect("it can be edited");
    let opened = Journal::open(dir.path(), journal.run());
    assert!(matches!(opened, Err(Error::Broken { .. })), "{opened:?}");
}

#[test]
fn records_that_a_session_saw_cannot_vanish_under_it() {
    let dir = runs();
    let journal = created(dir.path());
    append(&journal, note("one"));
    append(&journal, note("two"));
    let text = fs::read_to_string(journal.path()).expect("it reads");
    let first = text.split_inclusive('\n').next().expect("a line");
    fs::write(journal.path(), first).expect("it can be cut");
    let refused = journal.append(note("three"));
    assert!(matches!(refused, Err(Error::Broken { .. })), "{refused:?}");
}

#[test]
fn a_newer_journal_is_left_to_the_newer_program() {
    let dir = runs();
    let journal = created(dir.path());
    let newer = json!({ "v": VERSION + 1, "seq": 1 }).to_string() + "\n";
    fs::write(journal.path(), newer).expect("it can be written");
    let refused = journal.append(note("x"));
    assert!(matches!(refused, Err(Error::Newer { version, .. }) if version == VERSION + 1));
}

#[test]
fn a_journal_behind_a_link_is_not_followed() {
    let dir = runs();
    let journal = created(dir.path());
    let elsewhere = dir.path().join("elsewhere");
    fs::rename(journal.path(), &elsewhere).expect("it can be moved");
    symlink(&elsewhere, journal.path()).expect("a link can be made");
    assert!(Journal::open(dir.path(), journal.run()).is_err());
    assert!(journal.read().is_err());
}

#[test]
fn a_secret_is_masked_wherever_it_stands_but_the_target_keeps_its_names() {
    let dir = runs();
    let journal = created(dir.path());
    journal.keep_secret(&SecretString::from("p@ss/word"));
    journal.keep_secret(&SecretString::from("postgres"));
    let data = json!({
        "plan": { "target": { "role": "postgres" }, "argv": ["psql", "p@ss/word"] },
        "url": ["postgresql://x:p%40ss%2Fword@h"],
    });
    append(&journal, Entry::new(Kind::Note, data));
    let text = fs::read_to_string(journal.path()).expect("it reads");
    assert!(!text.contains("p@ss") && !text.contains("p%40ss"), "{text}");
    assert!(text.contains("\"role\":\"postgres\""));
    assert!(text.contains("•••ql://x:•••@h") || text.contains("postgresql://x:•••@h"), "{text}");
}

#[test]
fn an_intent_is_open_over_all_runs_until_its_outcome() {
    let dir = runs();
    let (one, other) = (created(dir.path()), created(dir.path()));
    append(&one, intent(1));
    append(&other, note("idle"));
    let open = journal::open_intents(dir.path()).expect("the runs read");
    assert_eq!(open.iter().map(|(run, _)| run.as_str()).collect::<Vec<_>>(), [one.run()]);
    append(&one, Entry::outcome(&Outcome::new(Ending::Done, ""), "1", 1, None));
    assert!(journal::open_intents(dir.path()).expect("the runs read").is_empty());
}

#[test]
fn the_reserve_is_there_before_every_intent() {
    let dir = runs();
    let journal = created(dir.path());
    let reserve = journal.dir().join("reserve");
    assert!(fs::metadata(&reserve).expect("it is set aside").blocks() >= 128);
    fs::remove_file(&reserve).expect("it was spent");
    append(&journal, intent(1));
    assert!(reserve.exists());
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_name() {
    let dir = runs();
    for run in ["2026a-1", "2026a-2", "2026b"] {
        Journal::create(dir.path(), run).expect("a run can be created");
    }
    assert_eq!(journal::find(dir.path(), "2026b").expect("one fits"), "2026b");
    assert!(matches!(journal::find(dir.path(), "2026a"), Err(Error::Ambiguous { count: 2, .. })));
    assert!(matches!(journal::find(dir.path(), "1999"), Err(Error::NoRun { .. })));
    assert_eq!(journal::newest(dir.path()).expect("there are runs"), "2026b");
}
