//! The panel Journal.

use chrono::TimeDelta;
use insta::assert_snapshot;
use lockkeeper::domain::journal::{Entry, GENESIS, Kind, Record};
use lockkeeper::panels::journal::Journal;
use lockkeeper::panels::{Command, Panel, Scene, Step};
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::Session;
use serde_json::{Value, json};

use super::{BODIES, fits_everywhere, painted, press, scene, text};
use crate::support::facts::{World, connecting, now, plan};

fn record(seq: u64, entry: Entry) -> Record {
    Record {
        v: 1,
        seq,
        at: now() + TimeDelta::seconds(i64::try_from(seq).expect("it is small")),
        mono: 0.0,
        boot: "boot".into(),
        kind: entry.kind,
        run: "20260528T202640Z-00c0ffee".into(),
        step: entry.step,
        act: entry.act,
        attempt: entry.attempt,
        plan: entry.plan,
        operator: "kim@desk".into(),
        data: entry.data,
        prev: GENESIS.into(),
    }
}

fn entry(kind: Kind, step: &str, data: Value) -> Entry {
    let entry = Entry::new(kind, data);
    if step.is_empty() { entry } else { entry.at_step(step) }
}

fn act(kind: Kind, attempt: u32, data: Value) -> Entry {
    Entry { act: Some("a1".into()), attempt: Some(attempt), ..entry(kind, "up", data) }
}

/// A run with one of everything that is recorded.
fn run() -> Vec<Record> {
    let target = json!({ "database": "shop" });
    let probe = json!({ "probe": "blocked_sessions", "value": "4", "verdict": "fail" });
    let unknown = json!({ "probe": "replicas_lag", "value": "cannot tell: timed out", "verdict": "cannot tell" });
    let overridden = json!({ "reason": "the lead said so", "denied": ["nobody waits: found 4"] });
    let plan = json!({ "plan": plan(), "means": "typed" });
    let timeout = json!({ "ending": "lock_timeout", "message": "canceling statement due to lock timeout", "took_ms": 5_003 });
    let entries = vec![
        entry(
            Kind::Opened,
            "",
            json!({ "facts": { "runbook": "migrate" }, "target": target, "class": "production" }),
        ),
        entry(
            Kind::Step,
            "connection",
            json!({ "section": "before", "title": "The server answers" }),
        ),
        entry(
            Kind::Probe,
            "connection",
            json!({ "probe": "connection", "value": "yes", "verdict": "pass" }),
        ),
        entry(
            Kind::Ended,
            "connection",
            json!({ "status": "passed", "means": "sensed", "value": "yes" }),
        ),
        entry(Kind::Probe, "blocked", probe),
        entry(Kind::Probe, "replicas", unknown),
        entry(Kind::Skip, "blocked", json!({ "reason": "they wait for the report" })),
        entry(Kind::Override, "up", overridden),
        entry(Kind::Note, "up", json!({ "text": "told #ops" })),
        act(Kind::Intent, 1, plan),
        act(Kind::Outcome, 1, timeout),
        entry(Kind::Pause, "up", json!({ "paused": true })),
        act(Kind::Stop, 2, json!({ "how": "cancel" })),
        act(Kind::Outcome, 2, json!({ "ending": "done", "message": "", "took_ms": 41_200 })),
        entry(
            Kind::Answer,
            "keep",
            json!({ "question": "Keep it?", "answer": "keep it", "reason": null }),
        ),
        entry(Kind::Lease, "", json!({ "state": "held" })),
        entry(Kind::Closed, "", json!({ "end": "completed" })),
    ];
    (1..).zip(entries).map(|(seq, entry)| record(seq, entry)).collect()
}

fn recorded() -> Facts {
    let mut facts = World::quiet().facts();
    for record in run() {
        facts.record_arrived(record);
    }
    for line in 1..=30 {
        facts.output_arrived(
            "a1",
            vec![format!("line {line} of the tool's output").as_str().into()],
            0,
        );
    }
    facts
}

#[test]
fn the_records_and_the_output_at_every_size() {
    let (facts, session) = (recorded(), Session::default());
    for size in BODIES {
        let name = format!("journal_{}", size.0);
        assert_snapshot!(name, painted(&Journal::default(), &scene(&facts, &session), size));
    }
}

#[test]
fn the_newest_record_is_followed_until_another_is_chosen() {
    let session = Session::default();
    let mut facts = recorded();
    let mut panel = Journal::default();
    press_enter(&mut panel, &scene(&facts, &session));
    assert!(text(&panel, &scene(&facts, &session), (80, 20)).contains("record 17"));
    facts.record_arrived(record(18, entry(Kind::Note, "", json!({ "text": "late" }))));
    assert!(text(&panel, &scene(&facts, &session), (80, 20)).contains("record 18"));

    press_enter(&mut panel, &scene(&facts, &session));
    panel.on(&Command::Go(Step::Up), &scene(&facts, &session));
    facts.record_arrived(record(19, entry(Kind::Note, "", json!({ "text": "later" }))));
    press_enter(&mut panel, &scene(&facts, &session));
    assert!(text(&panel, &scene(&facts, &session), (80, 20)).contains("record 17"));
    press_enter(&mut panel, &scene(&facts, &session));
    panel.on(&Command::Go(Step::Last), &scene(&facts, &session));
    press_enter(&mut panel, &scene(&facts, &session));
    assert!(text(&panel, &scene(&facts, &session), (80, 20)).contains("record 19"));
}

fn press_enter(panel: &mut Journal, scene: &Scene<'_>) {
    panel.on(&Command::Open, scene);
}

#[test]
fn the_chosen_records_data_is_shown_whole() {
    let (facts, session) = (recorded(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = Journal::default();
    panel.on(&Command::Go(Step::First), &scene);
    (0..7).for_each(|_| drop(panel.on(&Command::Go(Step::Down), &scene)));
    press_enter(&mut panel, &scene);
    assert_snapshot!("journal_data", painted(&panel, &scene, (80, 20)));
}

#[test]
fn the_output_is_followed_and_can_be_scrolled_back() {
    let (facts, session) = (recorded(), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = Journal::default();
    press(&mut panel, &scene, 'o');
    let shown = text(&panel, &scene, (80, 11));
    assert!(shown.contains("line 30 of") && !shown.contains("line 20 of"), "{shown}");
    panel.on(&Command::Go(Step::PageUp), &scene);
    let shown = text(&panel, &scene, (80, 11));
    assert!(shown.contains("line 20 of") && !shown.contains("line 30 of"), "{shown}");
    panel.on(&Command::Go(Step::First), &scene);
    assert!(text(&panel, &scene, (80, 11)).contains("line 1 of"));
    panel.on(&Command::Go(Step::Last), &scene);
    assert!(text(&panel, &scene, (80, 11)).contains("line 30 of"));
}

#[test]
fn a_filter_leaves_what_fits() {
    let (facts, session) = (recorded(), Session::default());
    let scene = Scene { facts: &facts, session: &session, filter: "override" };
    let shown = text(&Journal::default(), &scene, (80, 20));
    assert!(shown.contains("the lead said so") && !shown.contains("told #ops"), "{shown}");
}

#[test]
fn without_a_run_it_says_what_begins_one() {
    let (facts, session) = (connecting(), Session::default());
    let shown = text(&Journal::default(), &scene(&facts, &session), (80, 20));
    assert!(shown.contains("nothing is recorded yet"), "{shown}");
}

#[test]
fn hostile_text_reaches_no_cell() {
    let evil = "a\u{1b}[2J\u{202e}b\u{7}";
    let session = Session::default();
    let mut facts = connecting();
    for (seq, kind) in [(1, Kind::Note), (2, Kind::Skip), (3, Kind::Outcome), (4, Kind::Lease)] {
        let data = json!({ "text": evil, "reason": evil, "ending": evil, "message": evil });
        let record = record(seq, act(kind, 1, data));
        facts.record_arrived(Record { operator: evil.into(), step: Some(evil.into()), ..record });
    }
    facts.output_arrived(evil, vec![evil.into()], 0);
    let shown = text(&Journal::default(), &scene(&facts, &session), (200, 46));
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
}

#[test]
fn it_fits_everywhere() {
    let session = Session::default();
    for facts in [connecting(), recorded()] {
        let scene = scene(&facts, &session);
        for command in [Command::Refresh, Command::Open, Command::Follow] {
            let mut panel = Journal::default();
            panel.on(&command, &scene);
            fits_everywhere(&panel, &scene);
        }
    }
}
