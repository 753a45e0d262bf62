//! What a follower knows of the acts of a run: from its records alone.

use chrono::{DateTime, Utc};
use lockkeeper::domain::journal::{Kind, Record};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Action, Answer, Plan, Signal, Timeouts};
use lockkeeper::io::act::prints;
use lockkeeper::session::acting::Acting;
use lockkeeper::session::confirm::Origin;
use lockkeeper::session::machine::Session;
use serde_json::json;

use crate::support::facts::{intent, plan};

fn signalled() -> Record {
    let plan = Plan {
        action: Action::Signal { backend: super::backend(), signal: Signal::Cancel },
        ..plan()
    };
    Record { act: Some("s1".into()), data: json!({ "plan": plan }), ..intent(30) }
}

fn outcome(act: &str, seconds: i64) -> Record {
    let data = json!({ "ending": "succeeded" });
    Record { kind: Kind::Outcome, act: Some(act.into()), data, ..intent(seconds) }
}

fn acts(records: &[Record]) -> Vec<String> {
    Acting::recorded(records).into_iter().map(|acting| acting.act).collect()
}

#[test]
fn a_signal_beside_a_running_act_does_not_hide_it() {
    let mut records = vec![intent(60), signalled()];
    assert_eq!(acts(&records), ["s1", "a1"]);
    let mut session = Session::default();
    session.follows("run", None, Acting::recorded(&records));
    assert_eq!(session.job().map(|job| job.act.as_str()), Some("a1"));
    records.push(outcome("s1", 29));
    assert_eq!(acts(&records), ["a1"]);
    records.push(outcome("a1", 20));
    assert_eq!(acts(&records), [""; 0]);
}

#[test]
fn an_act_that_is_tried_again_runs_since_its_first_attempt() {
    let again = Record { attempt: Some(2), ..intent(20) };
    let records = [intent(60), outcome("a1", 40), again];
    let all = Acting::recorded(&records);
    assert_eq!((all.len(), all[0].attempt, all[0].since), (1, 2, Some(records[0].at)));
}

#[test]
fn nothing_is_under_way_in_a_run_that_is_over() {
    let closed = Record { kind: Kind::Closed, act: None, ..intent(10) };
    assert_eq!(acts(&[intent(60), closed]), [""; 0]);
}

#[test]
fn only_a_program_prints_and_a_signal_takes_nobodys_output_away() {
    assert!(prints(&intent(60)));
    assert!(!prints(&signalled()));
}

#[test]
fn a_pause_that_reaches_beyond_all_time_is_waited_for_and_breaks_nothing() {
    let timeouts = Timeouts { pause_ms: Some(u64::MAX), ..Timeouts::default() };
    let plan = Plan { attempts: 2, timeouts, ..plan() };
    let confirmed = plan.clone().confirm(&Answer::Script(plan.hash())).expect("it is confirmed");
    let now = super::at(0);
    let mut acting = Acting::new("a1".into(), Origin::Operator, &confirmed, Some(now));
    let outcome = Outcome::new(Ending::LockTimeout, "");
    assert!(acting.ended(&outcome, Some(confirmed), Some(now)));
    assert_eq!(acting.retry_due(), Some(DateTime::<Utc>::MAX_UTC));
    assert_eq!(acting.take_due(super::at(1_000_000)), None);
}
