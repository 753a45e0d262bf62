//! The kinds of steps that ask a person: manual, ask, watch, call, approve; and the ways
//! back, over and out.

use std::collections::BTreeMap;

use lockkeeper::domain::baseline::Baseline;
use lockkeeper::domain::evidence::{Reading, Value};
use lockkeeper::domain::journal::Kind;
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Risk, Signal};
use lockkeeper::domain::runbook::Runbook;
use lockkeeper::domain::trigger::State;
use lockkeeper::session::effect::{Effect, Event, Request};
use lockkeeper::session::machine::Begin;
use lockkeeper::session::pick;
use lockkeeper::session::walk::{End, Means, Move, Phase, Status};

use super::driver::{Driven, Find};
use super::{at, backend, begin, book, migration};

const NONE: [&str; 0] = [];

/// A runbook of one section with these steps, then a notice.
fn steps(steps: &str) -> Runbook {
    let last =
        "[[section.step]]\nid = \"last\"\nkind = \"notice\"\ntitle = \"Last\"\ntext = \"x\"\n";
    let head =
        "schema = 1\nid = \"t\"\ntitle = \"T\"\n[[section]]\nid = \"main\"\ntitle = \"Main\"\n";
    book(&format!("{head}{steps}{last}"))
}

fn rollback() -> Runbook {
    book(include_str!("../../../runbooks/rollback.toml"))
}

/// The shipped migrate, with the shipped rollback at hand.
fn migrate() -> Begin {
    let called = BTreeMap::from([("rollback".to_owned(), rollback())]);
    Begin { called, ..begin(super::shipped()) }
}

fn walking(begin: Begin) -> Driven {
    let mut driven = Driven::new();
    let effects = driven.session.walk_begins(begin);
    driven.take(effects);
    driven.event(Event::Opened(Ok("run".into())));
    driven
}

fn give(driven: &mut Driven, text: &str) -> Vec<&'static str> {
    driven.go(Move::Give(text.into()))
}

fn choose(answer: &str) -> Move {
    Move::Choose { answer: answer.into(), reason: Some("because".into()) }
}

fn vouched(value: &str) -> Status {
    Status::Passed { means: Means::Vouched, value: value.into() }
}

const MANUAL: &str = r#"
[[section.step]]
id = "writers"
kind = "manual"
title = "Stop the writers"
do = "Stop them."
respond = "count"
verify = { builtin = "other_client_backends", expect = { equals = 0 } }
"#;

#[test]
fn a_manual_step_passes_on_a_value_and_never_on_done() {
    let mut driven = Driven::walking(steps(&MANUAL.replace("verify", "#")));
    for wrong in ["", "  ", "done", "-1", "1.5"] {
        assert_eq!(give(&mut driven, wrong), NONE, "{wrong}");
        assert_eq!(driven.step(), "writers");
    }
    assert_eq!(driven.go(Move::Run), NONE, "it is not run");
    give(&mut driven, "0");
    assert_eq!(driven.status("writers"), Some(&vouched("0")));
}

#[test]
fn what_a_person_says_does_not_pass_against_what_is_read() {
    for find in [Find::Bad, Find::Unknown] {
        let mut driven = Driven::walking(steps(MANUAL));
        assert_eq!(give(&mut driven, "0"), ["probe"]);
        assert_eq!(give(&mut driven, "0"), NONE, "a second answer while it is read");
        driven.find(find);
        assert!(matches!(driven.phase(), Phase::CheckFailed { .. }), "{find:?}");
        assert_eq!(driven.step(), "writers");
        assert_eq!(driven.go(Move::Run), ["probe"], "it is read again");
        driven.find(Find::Good);
        assert_eq!(driven.status("writers"), Some(&vouched("0")));
    }
}

#[test]
fn a_variable_takes_only_what_fits_and_signals_the_session_that_was_picked() {
    let text = r#"
[[section.step]]
id = "who"
kind = "ask"
title = "Who"
var = "who"
from = "session"

[[section.step]]
id = "end"
kind = "act"
title = "End it"
signal = { kind = "terminate", session = "{var.who}" }
"#;
    let mut driven = Driven::walking(steps(text));
    for wrong in ["", "3988", "3988@yesterday"] {
        give(&mut driven, wrong);
        assert_eq!(driven.step(), "who", "{wrong}");
    }
    give(&mut driven, &pick::session_text(backend()));
    assert_eq!(driven.go(Move::Run), ["preview"]);
    let asked = Request::Signal { backend: backend(), signal: Signal::Terminate };
    assert_eq!(driven.asked.as_ref().map(|(_, request)| request), Some(&asked));
}

#[test]
fn a_choice_is_one_of_its_choices_and_a_number_is_a_number() {
    let text = r#"
[[section.step]]
id = "which"
kind = "ask"
title = "Which"
var = "which"
from = "choice"
choices = ["blue", "green"]

[[section.step]]
id = "many"
kind = "ask"
title = "How many"
var = "many"
from = "number"
"#;
    let mut driven = Driven::walking(steps(text));
    give(&mut driven, "red");
    assert_eq!(driven.step(), "which");
    give(&mut driven, "green");
    give(&mut driven, "many");
    assert_eq!(driven.step(), "many");
    give(&mut driven, "12");
    assert_eq!(driven.walk().vars()["which"], Value::Text("green".into()));
    assert_eq!(driven.walk().vars()["many"], Value::Int(12));
}

const WATCH: &str = r#"
[trigger.queue]
says = "sessions queue"
builtin = "blocked_sessions"
fire = { min = 10 }
samples = 2
offer = "back"

[[section]]
id = "main"
title = "Main"
[[section.step]]
id = "watch"
kind = "watch"
title = "Watch"
min_duration = "60s"
probes = ["active_sessions"]
until = { probe = "blocked_sessions", expect = { equals = 0 } }
[[section]]
id = "back"
title = "Back"
[[section.step]]
id = "there"
kind = "notice"
title = "There"
text = "x"
"#;

fn watching() -> Driven {
    Driven::walking(book(&format!("schema = 1\nid = \"t\"\ntitle = \"T\"\n{WATCH}")))
}

/// Answers every probe of the live view with this many.
fn found(driven: &mut Driven, many: i64) -> Vec<&'static str> {
    let (ticket, probes) = driven.probing.take().expect("it reads");
    let at = at(driven.seconds);
    let readings = probes.iter().map(|_| Reading { value: Value::Int(many), at }).collect();
    driven.event(Event::Probed(ticket, readings))
}

#[test]
fn a_live_view_reads_one_at_a_time_and_ends_when_it_was_long_enough_and_holds() {
    let mut driven = watching();
    assert_eq!(driven.tick(30), NONE, "one reading is under way");
    found(&mut driven, 0);
    assert_eq!(driven.step(), "watch", "it is too early");
    assert_eq!(driven.tick(5), NONE, "not every second");
    assert_eq!(driven.tick(10), ["probe"]);
    found(&mut driven, 3);
    assert_eq!(driven.tick(60), ["probe"]);
    found(&mut driven, 3);
    assert_eq!(*driven.phase(), Phase::Watching, "somebody still waits");
    driven.tick(10);
    assert_eq!(found(&mut driven, 0), ["close"]);
    assert_eq!(driven.walk().end(), Some(&End::Completed));
}

#[test]
fn the_time_of_a_live_view_begins_anew_when_a_pause_ends() {
    let mut driven = watching();
    found(&mut driven, 0);
    driven.go(Move::Pause);
    driven.tick(60);
    driven.go(Move::Pause);
    assert_eq!(driven.tick(1), ["probe"]);
    assert_eq!(found(&mut driven, 0), NONE, "nobody has watched meanwhile");
    assert_eq!(*driven.phase(), Phase::Watching);
    assert_eq!(driven.tick(60), ["probe"]);
    assert_eq!(found(&mut driven, 0), ["close"]);
}

#[test]
fn a_trigger_fires_after_so_many_in_a_row_and_only_offers() {
    let mut driven = watching();
    for many in [10, 0, 10] {
        found(&mut driven, many);
        driven.tick(10);
        assert_eq!(driven.walk().offers(), NONE, "not {many}");
    }
    assert_eq!(driven.go(Move::Take("back".into())), NONE, "it is not offered");
    assert_eq!(found(&mut driven, 10), NONE, "it acts on nothing by itself");
    assert_eq!(driven.walk().offers(), ["back"]);
    driven.tick(100);
    assert_eq!(driven.step(), "watch", "what fires does not pass by time");
    driven.go(Move::Take("back".into()));
    assert_eq!(driven.step(), "there");
}

/// Reads the live view so often that its trigger fires.
pub fn firing() -> Driven {
    let mut driven = watching();
    for _ in 0..3 {
        found(&mut driven, 10);
        driven.tick(10);
    }
    assert_eq!(driven.walk().offers(), ["back"]);
    driven
}

fn put_aside(driven: &mut Driven, reason: &str) -> Vec<&'static str> {
    driven.event(Event::PutAside { triggers: Vec::new(), reason: reason.into() })
}

#[test]
fn a_trigger_of_the_runbook_that_fires_is_recorded_once_until_it_was_calm() {
    let fires = |driven: &Driven| driven.recorded.iter().filter(|k| **k == Kind::Trigger).count();
    let mut driven = firing();
    assert_eq!(fires(&driven), 1);
    found(&mut driven, 0);
    for _ in 0..3 {
        driven.tick(10);
        found(&mut driven, 10);
    }
    assert_eq!(fires(&driven), 2);
}

#[test]
fn what_a_live_view_offers_is_put_aside_for_a_reason_and_then_it_may_end() {
    let mut driven = firing();
    put_aside(&mut driven, " ");
    assert_eq!(driven.walk().offers(), ["back"], "not without a reason");
    put_aside(&mut driven, "a report of the month");
    assert_eq!(driven.walk().offers(), NONE);
    let aside = driven.walk().armed().into_iter().find_map(|armed| armed.aside);
    assert_eq!(aside.as_deref(), Some("a report of the month"));
    found(&mut driven, 10);
    assert_eq!(driven.walk().offers(), NONE, "it does not nag");
    driven.tick(10);
    found(&mut driven, 0);
    for _ in 0..2 {
        driven.tick(10);
        found(&mut driven, 10);
    }
    assert_eq!(driven.walk().offers(), ["back"], "it was calm in between");
}

/// An act, then a live view whose trigger holds a query against the time before the act.
const AFTER: &str = r#"
[probe.orders]
sql = "select count(*) from orders"
[trigger.fewer]
says = "orders are gone"
probe = "orders"
against = "baseline"
fire = { max = -10 }
samples = 1
offer = "back"
[trigger.queue]
says = "more wait than before"
builtin = "blocked_sessions"
against = "baseline"
fire = { min = 100 }
samples = 1
offer = "back"

[[section]]
id = "main"
title = "Main"
[[section.step]]
id = "up"
kind = "act"
title = "Up"
migrate = { direction = "up", to = "next" }
risk = "safe"
[[section.step]]
id = "watch"
kind = "watch"
title = "Watch"
min_duration = "60s"
probes = ["active_sessions"]
[[section]]
id = "back"
title = "Back"
[[section.step]]
id = "there"
kind = "notice"
title = "There"
text = "x"
"#;

#[test]
fn a_trigger_is_held_against_the_time_before_the_act_and_not_the_first_look_after_it() {
    let after = book(&format!("schema = 1\nid = \"t\"\ntitle = \"T\"\n{AFTER}"));
    let mut driven = Driven::walking(after);
    assert_eq!(driven.go(Move::Run), ["probe"], "what compares is read before the act");
    assert_eq!(found(&mut driven, 200), ["preview"]);
    driven.show(migration(6, Direction::Up, Risk::Safe));
    driven.yes();
    let before = Baseline { blocked: Some(4.0), ..Baseline::default() };
    driven.event(Event::Measured(Box::new(before)));
    driven.end(Ending::Done);
    assert_eq!(driven.step(), "watch");
    found(&mut driven, 150);
    let armed = driven.walk().armed();
    assert_eq!((armed[0].says.as_str(), armed[0].found.as_str()), ("orders are gone", "-25%"));
    assert_eq!(armed[0].state, State::Fire);
    // The sessions that waited are those of the recorded baseline: 150 against 4.
    assert_eq!(armed[1].found, "3650%");
    assert_eq!(driven.walk().offers(), ["back"]);
}

#[test]
fn a_trigger_without_a_time_before_cannot_tell() {
    let text = WATCH.replace("fire = { min = 10 }", "fire = { min = 10 }\nagainst = \"baseline\"");
    let mut driven =
        Driven::walking(book(&format!("schema = 1\nid = \"t\"\ntitle = \"T\"\n{text}")));
    found(&mut driven, 5);
    let armed = driven.walk().armed();
    assert_eq!(armed[0].state, State::Unknown, "{armed:?}");
    assert!(armed[0].found.contains("there is no baseline"), "{armed:?}");
    driven.tick(60);
    assert_eq!(found(&mut driven, 0), ["close"], "it holds nothing back");
    let value = "watched for 1m; cannot tell: blocked_sessions".to_owned();
    let passed = Status::Passed { means: Means::Sensed, value };
    assert_eq!(driven.status("watch"), Some(&passed), "and it is named");
}

#[test]
fn a_live_view_ends_early_only_for_a_reason() {
    let mut driven = watching();
    assert_eq!(driven.go(Move::Skip(String::new())), NONE);
    assert_eq!(driven.go(Move::Run), NONE);
    assert_eq!(driven.step(), "watch");
    assert_eq!(driven.go(Move::Skip("the window is over".into())), ["close"]);
}

#[test]
fn nobody_approves_what_they_run_and_the_approval_is_recorded_unverified() {
    let text = "[[section.step]]\nid = \"lead\"\nkind = \"approve\"\ntitle = \"Lead\"\nrole = \"lead\"\nnot_self = true\n";
    let mut driven = Driven::walking(steps(text));
    for own in ["kim", "KIM@desk", " Kim ", "kim@desk", ""] {
        driven.go(Move::Approve(own.into()));
        assert_eq!(driven.step(), "lead", "{own}");
        assert!(!driven.recorded.contains(&Kind::Approved));
    }
    driven.go(Move::Approve("Lee".into()));
    assert_eq!(driven.status("lead"), Some(&vouched("Lee (unverified)")));
    assert!(driven.recorded.contains(&Kind::Approved));

    let mut alone = Driven::walking(steps(text));
    assert_eq!(alone.go(Move::Override(" ".into())), NONE);
    assert_eq!((alone.step(), alone.phase()), ("lead", &Phase::Approving), "no reason, no way on");
    assert!(!alone.recorded.contains(&Kind::Override));
    alone.go(Move::Override("nobody answers at three".into()));
    assert!(matches!(alone.status("lead"), Some(Status::Passed { means: Means::Overridden, .. })));
    assert!(alone.recorded.contains(&Kind::Override));
    assert_eq!(alone.walk().approvals(), []);
}

#[test]
fn a_run_that_was_handed_over_is_not_approved_by_whoever_took_it() {
    let text = "[[section.step]]\nid = \"lead\"\nkind = \"approve\"\ntitle = \"Lead\"\nrole = \"lead\"\nnot_self = true\n";
    let mut driven = Driven::walking(steps(text));
    driven.go(Move::Handover { to: "lee".into(), note: "mind the report".into() });
    assert!(driven.walk().is_paused() && driven.recorded.contains(&Kind::Lease));
    driven.go(Move::Pause);
    driven.go(Move::Approve("LEE".into()));
    assert_eq!(driven.step(), "lead");
}

/// The tree, called by the shipped migrate, at its second question.
pub fn in_the_tree() -> Driven {
    let mut driven = walking(migrate());
    driven.until("keep");
    driven.go(choose("down"));
    assert_eq!(driven.walk().book().id, "rollback");
    assert_eq!(driven.walk().here(), "rollback/stop_retries");
    driven.until("half_done");
    driven.go(choose("no"));
    driven.along_if_probing();
    driven
}

/// The same run, after the tree has come back and the run has ended.
pub fn out_of_the_tree() -> Driven {
    let mut driven = in_the_tree();
    for answer in ["no", "forward"] {
        driven.go(choose(answer));
        driven.along_if_probing();
    }
    driven.until("forward_hold");
    driven.go(choose("yes"));
    give(&mut driven, "lee, tomorrow");
    driven
}

#[test]
fn a_runbook_is_called_and_comes_back_behind_the_call() {
    let driven = out_of_the_tree();
    assert_eq!(driven.walk().book().id, "migrate");
    assert_eq!(driven.walk().end(), Some(&End::Completed));
    assert_eq!(driven.closed, 1);
}

#[test]
fn a_runbook_never_calls_itself() {
    let text =
        "[[section.step]]\nid = \"again\"\nkind = \"call\"\ntitle = \"Again\"\ntarget = \"t\"\n";
    let own = steps(text);
    let called = BTreeMap::from([("t".to_owned(), own.clone())]);
    let driven = walking(Begin { called, ..begin(own) });
    assert!(matches!(driven.phase(), Phase::Refused(why) if why.contains("call itself")));
}

#[test]
fn the_question_before_is_asked_anew_and_that_is_recorded() {
    let mut driven = Driven::walking(rollback());
    driven.until("half_done");
    assert_eq!(driven.go(Move::Back), NONE, "there is none before the first");
    driven.go(choose("no"));
    driven.find(Find::Good);
    assert_eq!(driven.step(), "corruption");
    assert_eq!(driven.go(Move::Back), ["probe"], "its evidence is read anew");
    assert_eq!((driven.step(), driven.walk().path().len()), ("half_done", 0));
    driven.find(Find::Good);
    driven.go(choose("yes"));
    assert_eq!(driven.step(), "keep_hands_off");
}

/// The tree, answered up to the downgrade.
fn downgrade() -> Driven {
    let mut driven = Driven::walking(rollback());
    driven.until("half_done");
    for answer in ["no", "no", "downgrade"] {
        driven.go(choose(answer));
        driven.along_if_probing();
    }
    driven.until("down_one");
    driven
}

#[test]
fn no_way_down_is_planned_while_a_rule_of_the_policy_fails_or_is_unknown() {
    for find in [Find::Bad, Find::Unknown] {
        let mut driven = downgrade();
        assert_eq!(driven.go(Move::Run), ["probe"]);
        assert_eq!(driven.find(find), NONE, "{find:?}");
        assert_eq!(driven.go(Move::Override(String::new())), NONE);
        let overridden = driven.go(Move::Override("the lead is on the phone".into()));
        // A backup that is known bad among what failed is never overridden.
        let planned = find == Find::Unknown;
        assert_eq!(overridden, if planned { vec!["preview"] } else { vec![] });
        assert_eq!(driven.recorded.contains(&Kind::Override), planned);
    }
    let mut driven = downgrade();
    driven.go(Move::Run);
    assert_eq!(driven.find(Find::Good), ["preview"]);
    driven.show(migration(6, Direction::Down, Risk::Lossy));
    assert_eq!(driven.yes(), ["probe"], "its gates are read once more");
    assert_eq!(driven.find(Find::Good), ["perform"]);
    driven.end(Ending::Done);
    driven.find(Find::Good);
    driven.until("down_release");
}

#[test]
fn every_ending_of_the_tree_is_reached_and_cannot_tell_always_leads_to_a_person() {
    let ways: [(&[&str], &str); 7] = [
        (&["no", "no", "downgrade"], "downgrade"),
        (&["no", "no", "salvage"], "salvage"),
        (&["no", "no", "forward"], "fix_forward"),
        (&["no", "no", "keep"], "keep_state"),
        (&["yes"], "keep_state"),
        (&["no", "yes", "tables"], "table_restore"),
        (&["no", "yes", "all"], "full_restore"),
    ];
    for (answers, section) in ways {
        let mut driven = Driven::walking(rollback());
        driven.until("half_done");
        for answer in answers {
            driven.go(choose(answer));
            driven.along_if_probing();
        }
        assert_eq!(driven.walk().section().id, section, "{answers:?}");
    }
    for told in 0..3 {
        let mut driven = Driven::walking(rollback());
        driven.until("half_done");
        for _ in 0..told {
            driven.go(choose("no"));
            driven.along_if_probing();
        }
        assert_eq!(driven.go(choose("cannot_tell")), ["close"]);
        assert!(matches!(driven.walk().end(), Some(End::Escalated { .. })));
    }
}

#[test]
fn an_answer_that_comes_too_early_is_told_and_not_stuck() {
    let mut driven = Driven::walking(rollback());
    driven.go(Move::Continue);
    driven.until("half_done");
    driven.go(choose("no"));
    assert!(matches!(driven.phase(), Phase::Probing(_)));
    assert_eq!(driven.go(choose("no")), NONE, "the evidence is read first");
    assert_eq!(driven.step(), "corruption");
    driven.find(Find::Good);
    driven.go(choose("no"));
    assert_eq!(driven.step(), "reversible");
}

#[test]
fn escalation_and_abandonment_need_a_reason_and_nothing_follows_them() {
    for leaves in [Move::Escalate as fn(String) -> Move, Move::Abandon] {
        let mut driven = downgrade();
        assert_eq!(driven.go(leaves(" ".into())), NONE);
        assert_eq!(driven.go(leaves("it got worse".into())), ["close"]);
        for after in [Move::Run, Move::Back, Move::Continue, Move::Give("0".into())] {
            assert_eq!(driven.go(after), NONE);
        }
        assert_eq!(driven.tick(1_000), NONE);
    }
}

/// The shipped migrate, where the configuration lets these checks be.
fn waiving(ids: &[&str]) -> Driven {
    let mut begin = migrate();
    begin.place.waived =
        ids.iter().map(|id| (id.to_string(), "the team knows".to_owned())).collect();
    walking(begin)
}

fn waived(driven: &Driven, step: &str) -> Option<String> {
    match driven.status(step) {
        Some(Status::Passed { means: Means::Waived, value }) => Some(value.clone()),
        _ => None,
    }
}

/// Walks on until the probe of that check is asked for.
fn reads(driven: &mut Driven, step: &str) {
    for _ in 0..200 {
        if driven.step() == step {
            return;
        }
        driven.along();
    }
    panic!("{step} was never reached");
}

#[test]
fn a_check_that_is_waived_passes_with_its_reason_and_what_was_found() {
    let mut driven = waiving(&["replicas", "blocked_sessions", "reviewed"]);
    reads(&mut driven, "blocked_sessions");
    let skips =
        |driven: &Driven| driven.recorded.iter().filter(|kind| **kind == Kind::Skip).count();
    assert_eq!(skips(&driven), 0);
    driven.find(Find::Bad);
    let value = waived(&driven, "blocked_sessions").expect("it is waived");
    assert!(
        value.starts_with("waived by lockkeeper.toml: the team knows (blocked_sessions: found")
    );
    assert_eq!(skips(&driven), 1, "the report finds it");
    reads(&mut driven, "replicas");
    driven.find(Find::Good);
    let sensed = Some(&Means::Sensed);
    let means = driven.status("replicas").map(|status| match status {
        Status::Passed { means, .. } => means,
        other => panic!("{other:?}"),
    });
    assert_eq!(means, sensed, "what is as it should be needs no waiver");
    reads(&mut driven, "recent_backup");
    let value = waived(&driven, "reviewed").expect("nobody is asked");
    assert_eq!(value, "waived by lockkeeper.toml: the team knows");
}

#[test]
fn identity_and_journal_are_never_waived_and_nothing_outside_of_the_first_section() {
    let mut driven = waiving(&["identity", "journal"]);
    for step in ["identity", "journal"] {
        reads(&mut driven, step);
        for find in [Find::Bad, Find::Unknown] {
            driven.find(find);
            assert!(matches!(driven.phase(), Phase::CheckFailed { .. }), "{step}");
            driven.go(Move::Run);
        }
        driven.find(Find::Good);
    }
    // The same id in another runbook, or in another section, is another check.
    let text = "[[section.step]]\nid = \"size\"\nkind = \"check\"\ntitle = \"Size\"\n\
                probe = \"blocked_sessions\"\n";
    let mut begin = super::begin(steps(text));
    begin.place.waived = BTreeMap::from([("size".to_owned(), "because".to_owned())]);
    let mut driven = walking(begin);
    driven.find(Find::Bad);
    assert!(matches!(driven.phase(), Phase::CheckFailed { .. }));
}

#[test]
fn who_is_called_is_recorded_when_nobody_can_tell() {
    let mut begin = super::begin(rollback());
    begin.place.contacts = vec!["L1: Kim #db  rollback failed".to_owned()];
    let mut driven = walking(begin);
    driven.until("half_done");
    let effects = driven.session.update(Event::Moved(choose("cannot_tell")));
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Record(entry) if entry.kind == Kind::Answer => Some(entry.data.clone()),
        _ => None,
    });
    let told = told.expect("the answer is recorded");
    assert_eq!(told["goes_to"], serde_json::json!(["L1: Kim #db  rollback failed"]));
}

#[test]
fn the_key_of_a_request_stays_until_its_step_has_ended() {
    let text = "[[section.step]]\nid = \"tell\"\nkind = \"act\"\ntitle = \"Tell\"\n\
        http = { url = \"https://x.example/\", idempotency_key = \"Key\" }\n";
    let key = |driven: &Driven| {
        let Some((_, Request::Http { job, .. })) = &driven.asked else { panic!("a request") };
        let [(name, value)] = job.headers.as_slice() else { panic!("{job:?}") };
        assert_eq!(name, "Key");
        value.clone()
    };
    let mut driven = Driven::walking(steps(text));
    driven.go(Move::Run);
    let first = key(&driven);
    driven.show(super::command_plan());
    driven.yes();
    driven.end(Ending::NotRun);
    driven.go(Move::Run);
    assert_eq!(key(&driven), first, "it is the same request");
    let mut other = Driven::new();
    let effects = other.session.walk_begins(super::begin(steps(text)));
    other.take(effects);
    other.event(Event::Opened(Ok("another run".into())));
    other.go(Move::Run);
    assert_ne!(key(&other), first, "another run sends another one");
}
