//! Which servers the journals still speak of.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use lockkeeper::domain::identity::{Class, Identity};
use lockkeeper::domain::journal::{GENESIS, Kind, Record, VERSION};
use lockkeeper::domain::plan::{Action, Plan, Preview, Risk, Timeouts, sha256_hex};
use lockkeeper::io::cluster::has_open_intent;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

const SYSTEM: &str = "7412345678901234567";

fn plan() -> Plan {
    let target = Identity {
        system_identifier: SYSTEM.into(),
        database: "shop".into(),
        database_oid: 16384,
        host: "/tmp".into(),
        port: 5432,
        role: "deployer".into(),
        primary: true,
        version_num: 150_020,
        version: "15.20".into(),
    };
    Plan {
        action: Action::Command,
        target,
        class: Class::Scratch,
        command: None,
        files: Vec::new(),
        revision_before: Vec::new(),
        timeouts: Timeouts::default(),
        attempts: 1,
        risk: Risk::Safe,
        approvals: 0,
        preview: Preview::default(),
    }
}

/// Returns the lines of a journal that holds `records`.
fn journal(records: &[(Kind, Value)]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut prev = GENESIS.to_owned();
    for (seq, (kind, data)) in (1..).zip(records) {
        let record = Record {
            v: VERSION,
            seq,
            at: DateTime::<Utc>::UNIX_EPOCH,
            mono: 0.0,
            boot: String::new(),
            kind: *kind,
            run: "r".into(),
            step: None,
            act: Some("1".into()),
            attempt: Some(1),
            plan: None,
            operator: "me@here".into(),
            data: data.clone(),
            prev,
        };
        let line = serde_json::to_vec(&record).expect("a record becomes JSON");
        prev = sha256_hex(&line);
        lines.extend(line);
        lines.push(b'\n');
    }
    lines
}

/// Returns a state directory with one run that has the journal `text`.
fn state(text: &[u8]) -> TempDir {
    let state = tempdir().expect("a temporary directory can be made");
    let run = state.path().join("runs/one");
    fs::create_dir_all(&run).expect("it can be made");
    fs::write(run.join("journal.jsonl"), text).expect("it can be written");
    state
}

#[test]
fn an_intent_without_outcome_speaks_of_its_own_server_only() {
    let state = state(&journal(&[(Kind::Intent, json!({ "plan": plan() }))]));
    assert!(has_open_intent(state.path(), SYSTEM));
    assert!(!has_open_intent(state.path(), "1"));
}

#[test]
fn an_outcome_closes_the_intent() {
    let intent = (Kind::Intent, json!({ "plan": plan() }));
    let state = state(&journal(&[intent, (Kind::Outcome, json!({}))]));
    assert!(!has_open_intent(state.path(), SYSTEM));
}

#[test]
fn what_cannot_be_read_counts_as_open() {
    assert!(has_open_intent(state(b"not a record\n").path(), SYSTEM));
    let unknown = journal(&[(Kind::Intent, json!({ "plan": "of another version" }))]);
    assert!(has_open_intent(state(&unknown).path(), SYSTEM));
}

#[test]
fn without_runs_nothing_is_open() {
    assert!(!has_open_intent(Path::new("/nonexistent"), SYSTEM));
}
