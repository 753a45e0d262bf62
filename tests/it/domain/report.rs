//! The incident report, from the records of a run.

use chrono::TimeDelta;
use lockkeeper::domain::journal::{Kind, Reading, Record};
use lockkeeper::domain::report::{Ground, Report, markdown};
use serde_json::json;

use crate::support::facts::{intent, now};

fn record(kind: Kind, seconds: i64, data: serde_json::Value) -> Record {
    Record { kind, act: None, attempt: None, data, ..intent(seconds) }
}

fn report(records: Vec<Record>) -> Report {
    let reading = Reading { records, intact: true, ..Reading::default() };
    Report::of(Ground { run: "run", reading: &reading, outputs: Vec::new(), now: now() })
}

#[test]
fn a_run_lasts_until_it_is_closed_and_not_until_it_is_reported() {
    let mut records = vec![
        record(Kind::Opened, 300, json!({})),
        record(Kind::Closed, 100, json!({ "end": "completed" })),
        record(Kind::Report, 40, json!({ "reason": "so" })),
    ];
    let closed = report(records.clone());
    assert_eq!(closed.ended_at, Some(now() - TimeDelta::seconds(100)));
    assert_eq!(closed.duration_s, Some(200.0));
    records.remove(1);
    assert_eq!(report(records).duration_s, Some(260.0), "an open one goes on");
}

#[test]
fn sessions_that_never_waited_waited_for_no_time() {
    let waiting = |seconds, value: &str| {
        record(Kind::Probe, seconds, json!({ "probe": "blocked_sessions", "value": value }))
    };
    let told = report(vec![waiting(30, "0"), waiting(20, "0")]).downtime.pieces.concat();
    assert!(told.contains("at most 0, over 0.0 s by 2 readings"), "{told}");
    let told = report(vec![waiting(30, "2"), waiting(20, "0")]).downtime.pieces.concat();
    assert!(told.contains("at most 2, over 10.0 s by 2 readings"), "{told}");
}

#[test]
fn what_is_left_open_and_an_answer_against_the_evidence_stand_out() {
    let left = "not undone: Maintenance on: the night shift keeps it on";
    let against = json!({
        "question": "Which way?", "answer": "down", "suggested": "fix forward", "reason": "old rows"
    });
    let with = json!({ "question": "Half done?", "answer": "no", "suggested": "no" });
    let told = report(vec![
        record(Kind::Answer, 40, with),
        record(Kind::Answer, 30, against),
        record(Kind::Note, 20, json!({ "text": left, "undo": "refused" })),
        record(Kind::Note, 10, json!({ "text": "undone: Writers stopped", "undo": "done" })),
    ]);
    let lines: Vec<(bool, &str)> =
        told.timeline.iter().map(|line| (line.marked, line.text.as_str())).collect();
    let left_open = format!("LEFT OPEN: {left}");
    assert_eq!(
        lines,
        [
            (false, "Half done? no"),
            (true, "Which way? down, against the evidence: fix forward, because old rows"),
            (true, left_open.as_str()),
            (false, "note: undone: Writers stopped"),
        ]
    );
    assert_eq!(told.left_open.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), [left]);
    assert!(markdown(&told).contains("**▲ LEFT OPEN** "), "{}", markdown(&told));
}
