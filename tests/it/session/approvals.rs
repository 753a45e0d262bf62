//! A second person in a walk: an approval counts once, for the plan that it was given to, and
//! never for whoever runs it.

use lockkeeper::domain::approval::{Approval, Approver, Awaited, Subject};
use lockkeeper::domain::evidence::Value;
use lockkeeper::domain::journal::{Kind, Record};
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Plan, Risk};
use lockkeeper::domain::runbook::Runbook;
use lockkeeper::session::effect::Event;
use lockkeeper::session::machine::{Again, Begin};
use lockkeeper::session::walk::{Move, Phase};
use serde_json::json;

use super::driver::{Driven, Find};
use super::{at, begin, book, migration};

const NONE: [&str; 0] = [];

/// A step that waits for a lead, if one does, then a migration.
fn steps(approve: bool) -> Runbook {
    migrating(approve, "to = \"next\" }")
}

/// The same, where the migration goes on so.
fn migrating(approve: bool, how: &str) -> Runbook {
    let approve = if approve {
        "[[section.step]]\nid = \"lead\"\nkind = \"approve\"\ntitle = \"Lead\"\nrole = \"lead\"\n\
         not_self = true\n"
    } else {
        ""
    };
    book(&format!(
        "schema = 1\nid = \"t\"\ntitle = \"T\"\n[[section]]\nid = \"main\"\ntitle = \"Main\"\n{approve}\
         [[section.step]]\nid = \"up\"\nkind = \"act\"\ntitle = \"Up\"\nrisk = \"safe\"\n\
         migrate = {{ direction = \"up\", {how}\n"
    ))
}

/// A walk of it where policy asks for so many.
fn walking(book: Runbook, approvals: i64) -> Driven {
    let mut begin = begin(book);
    begin.place.policy.insert("approvals".into(), Value::Int(approvals));
    let mut driven = Driven::new();
    let effects = driven.session.walk_begins(begin);
    driven.take(effects);
    driven.event(Event::Opened(Ok("run".into())));
    driven
}

fn plan(number: u32) -> Plan {
    migration(number, Direction::Up, Risk::Safe)
}

fn destroys(number: u32) -> Plan {
    migration(number, Direction::Up, Risk::Destructive)
}

/// What another process has recorded: an approval of that plan.
fn approved(by: &str, of: &Plan) -> Event {
    Event::Approved(Box::new(approval("lead", by, of)))
}

/// The same, where no step names a role.
fn seconded(by: &str, of: &Plan) -> Event {
    Event::Approved(Box::new(approval("second person", by, of)))
}

fn subject(of: &Plan) -> Subject {
    Subject { step: Some("up".into()), plan: Some(of.hash().to_string()) }
}

fn approval(role: &str, by: &str, of: &Plan) -> Record {
    let subject = subject(of);
    let approval = Approval { role: role.into(), by: by.into(), verified: true, subject };
    let data = serde_json::to_value(&approval).expect("it is JSON");
    Record { operator: by.into(), ..record(Kind::Approved, None, data) }
}

fn record(kind: Kind, step: Option<&str>, data: serde_json::Value) -> Record {
    Record {
        v: 1,
        seq: 9,
        at: at(0),
        mono: 0.0,
        boot: String::new(),
        kind,
        run: "run".into(),
        step: step.map(str::to_owned),
        act: None,
        attempt: None,
        plan: None,
        operator: "kim@desk".into(),
        data,
        prev: String::new(),
    }
}

/// A walk that waits until so many have approved plan 7.
pub fn waiting(approvals: i64) -> Driven {
    let mut driven = walking(steps(true), approvals);
    driven.sketched_as(plan(7));
    driven
}

/// Takes an approval; the plan is made anew, as that.
fn takes(driven: &mut Driven, event: Event, anew: &Plan) {
    if driven.event(event) == ["sketch"] {
        driven.sketched_as(anew.clone());
    }
}

#[test]
fn a_recorded_approval_of_the_executor_does_not_count() {
    let mut driven = waiting(1);
    for own in ["kim", "KIM@desk"] {
        takes(&mut driven, approved(own, &plan(7)), &plan(7));
        assert_eq!((driven.step(), driven.phase()), ("lead", &Phase::Approving), "{own}");
    }
    takes(&mut driven, approved("lee", &plan(7)), &plan(7));
    assert_eq!(driven.step(), "up");
}

#[test]
fn an_approval_of_another_plan_counts_neither_when_it_comes_nor_later() {
    let mut driven = waiting(1);
    takes(&mut driven, approved("lee", &plan(6)), &plan(7));
    driven.go(Move::Pause);
    assert_eq!(driven.go(Move::Pause), ["sketch"]);
    driven.sketched_as(plan(7));
    assert_eq!((driven.step(), driven.phase()), ("lead", &Phase::Approving));
}

#[test]
fn what_was_approved_and_is_another_plan_when_it_is_run_waits_anew() {
    let mut driven = waiting(1);
    takes(&mut driven, approved("lee", &plan(7)), &plan(7));
    assert_eq!(driven.go(Move::Run), ["preview"]);
    driven.show(plan(8));
    assert!(driven.session.pending().is_none(), "nobody can say yes to it");
    assert!(matches!(driven.phase(), Phase::Denied { .. }), "{:?}", driven.phase());
    takes(&mut driven, approved("lee", &plan(8)), &plan(8));
    assert_eq!(driven.phase(), &Phase::Acting, "approved as it is now, it is planned");
    driven.show(plan(8));
    assert_eq!(driven.yes(), ["perform"]);
}

#[test]
fn as_many_different_people_approve_a_step_as_policy_asks_for() {
    let mut driven = waiting(2);
    for by in ["lee", "LEE", "lee@desk"] {
        takes(&mut driven, approved(by, &plan(7)), &plan(7));
        assert_eq!(driven.step(), "lead", "{by}");
    }
    driven.go(Move::Approve("lee".into()));
    assert_eq!(driven.step(), "lead");
    driven.go(Move::Approve("pat".into()));
    assert_eq!(driven.step(), "up");
}

#[test]
fn what_destroys_waits_for_a_second_person_where_policy_asks_for_one() {
    for (approvals, shown) in [(0, true), (1, false)] {
        let mut driven = walking(steps(false), approvals);
        driven.go(Move::Run);
        driven.show(migration(7, Direction::Up, Risk::Destructive));
        assert_eq!(driven.session.pending().is_some(), shown, "{approvals}");
    }
}

#[test]
fn a_missing_approval_is_let_through_by_a_reason_alone_and_that_is_recorded() {
    let mut driven = walking(steps(false), 1);
    let destroys = migration(7, Direction::Up, Risk::Destructive);
    driven.go(Move::Run);
    driven.show(destroys.clone());
    assert_eq!(driven.go(Move::Override("  ".into())), NONE);
    assert!(!driven.recorded.contains(&Kind::Override));
    assert_eq!(driven.go(Move::Override("nobody answers".into())), ["preview"]);
    assert!(driven.recorded.contains(&Kind::Override));
    driven.show(destroys);
    assert!(driven.session.pending().is_some());
}

/// Waits at the plan that is shown for the step's act.
fn waits(driven: &mut Driven, plan: Plan, why: &str) {
    driven.show(plan);
    assert!(driven.session.pending().is_none(), "nobody can say yes to it");
    let Phase::Denied { reasons, .. } = driven.phase() else { panic!("{:?}", driven.phase()) };
    assert!(reasons[0].contains(why), "{reasons:?}");
}

/// A procedure that policy wants one second person for, after a safe act that needed none.
fn begun() -> Driven {
    let mut driven = walking(migrating(false, "to = \"head\" }"), 1);
    driven.go(Move::Run);
    driven.show(plan(7));
    assert_eq!(driven.yes(), ["perform"]);
    assert_eq!(driven.end(Ending::Done), ["preview"]);
    driven
}

#[test]
fn a_procedure_is_approved_with_the_first_of_its_acts_that_has_to_be() {
    let mut driven = begun();
    waits(&mut driven, destroys(8), "policy asks for a second person for what is destructive");
    takes(&mut driven, seconded("lee", &destroys(8)), &destroys(8));
    driven.show(destroys(8));
    assert_eq!(driven.yes(), ["perform"]);
    assert_eq!(driven.end(Ending::Done), ["preview"]);
    driven.show(destroys(9));
    assert!(driven.session.pending().is_some(), "what was approved has run");
}

#[test]
fn an_act_of_a_procedure_that_was_approved_and_is_another_one_now_waits_anew() {
    let mut driven = begun();
    waits(&mut driven, destroys(8), "policy asks");
    takes(&mut driven, seconded("lee", &destroys(8)), &destroys(9));
    assert_eq!(driven.go(Move::Run), ["preview"]);
    waits(&mut driven, destroys(9), "lee (verified) approved another plan than this one");
}

#[test]
fn what_loses_something_waits_where_policy_asks_for_a_second_person_for_it() {
    for approvals in [0, 1] {
        let lossy = Plan { approvals, ..migration(7, Direction::Up, Risk::Lossy) };
        let mut driven = walking(steps(false), i64::from(approvals));
        driven.go(Move::Run);
        driven.show(lossy);
        assert_eq!(driven.session.pending().is_some(), approvals == 0);
    }
}

#[test]
fn one_approval_of_two_lets_nothing_run_however_it_is_asked_for() {
    let mut driven = walking(steps(false), 2);
    driven.go(Move::Run);
    waits(&mut driven, destroys(7), "policy asks");
    takes(&mut driven, seconded("lee", &destroys(7)), &destroys(7));
    assert_eq!(driven.go(Move::Run), ["preview"]);
    waits(&mut driven, destroys(7), "1 of 2 have approved");
    takes(&mut driven, seconded("pat", &destroys(7)), &destroys(7));
    driven.show(destroys(7));
    assert!(driven.session.pending().is_some());
}

/// A run in which Lee has approved plan 7, and that was handed over to Lee then.
fn handed_to_the_approver() -> Vec<Record> {
    let awaited = Awaited {
        role: "lead".into(),
        subject: subject(&plan(7)),
        needed: 1,
        title: "Lead".into(),
        plan: None,
        why: None,
        evidence: Vec::new(),
    };
    let step = |id| record(Kind::Step, Some(id), json!({ "section": "main", "title": id }));
    let passed = json!({ "status": "passed", "means": "vouched", "value": "lee (verified)" });
    let handover = json!({ "handover": { "from": "kim@desk", "to": "lee", "note": "" } });
    vec![
        record(Kind::Opened, None, json!(null)),
        step("lead"),
        record(Kind::Awaits, Some("lead"), serde_json::to_value(awaited).expect("it is JSON")),
        approval("lead", "lee", &plan(7)),
        record(Kind::Ended, Some("lead"), passed),
        step("up"),
        record(Kind::Lease, Some("up"), handover),
    ]
}

#[test]
fn whoever_takes_a_run_over_does_not_run_what_only_they_have_approved() {
    let again = Again { run: "run".into(), records: handed_to_the_approver() };
    let mut begin = Begin { again: Some(again), ..begin(steps(true)) };
    begin.place.executor = "lee@lap".into();
    let mut driven = Driven::new();
    let effects = driven.session.walk_begins(begin);
    driven.take(effects);
    driven.event(Event::Opened(Ok("run".into())));
    driven.go(Move::Pause);
    assert_eq!(driven.go(Move::Run), ["preview"]);
    waits(&mut driven, plan(7), "approved by lee, who runs it");
    assert!(driven.walk().approved().is_empty());
    takes(&mut driven, approved("pat", &plan(7)), &plan(7));
    driven.show(plan(7));
    assert!(driven.session.pending().is_some());
}

#[test]
fn nobody_who_has_walked_the_run_before_is_typed_as_its_approver() {
    let mut records = handed_to_the_approver();
    records.truncate(3);
    let handover = json!({ "handover": { "from": "kim@desk", "to": "lee", "note": "" } });
    records.push(record(Kind::Lease, Some("lead"), handover));
    records.push(Record { operator: "lee@lap".into(), ..record(Kind::Resumed, None, json!({})) });
    let executor = lockkeeper::domain::approval::executor(&records);
    let again = Again { run: "run".into(), records };
    let mut begin = Begin { again: Some(again), ..begin(steps(true)) };
    begin.place.executor = "ann@lap".into();
    let mut driven = Driven::new();
    let effects = driven.session.walk_begins(begin);
    driven.take(effects);
    driven.event(Event::Opened(Ok("run".into())));
    driven.go(Move::Pause);
    driven.sketched_as(plan(7));
    for own in ["kim", "Kim@desk", "kim@lap", "lee", "LEE@desk", "ann", "ann@lap"] {
        assert_eq!(driven.go(Move::Approve(own.into())), NONE, "{own}");
        let by_command = Approver { name: Some(own.into()), ..Approver::default() };
        if !own.starts_with("ann") {
            let refused = by_command.judge(&executor).expect_err("as `lockkeeper approve` does");
            assert_eq!(driven.said(), refused.to_string());
        }
    }
    assert_eq!((driven.step(), driven.walk().approvals().len()), ("lead", 0));
    driven.go(Move::Approve("pat".into()));
    assert_eq!(driven.step(), "up");
}

#[test]
fn a_reason_for_a_gate_does_not_stand_in_for_the_second_person() {
    let gated = "to = \"next\" }\ngates = [\"g\"]\n[gate.g]\n\
                 rules = [{ builtin = \"blocked_sessions\", says = \"nobody waits\" }]";
    let mut driven = walking(migrating(false, gated), 1);
    driven.go(Move::Run);
    driven.find(Find::Bad);
    assert_eq!(driven.go(Move::Override("the queue is ours".into())), ["preview"]);
    waits(&mut driven, destroys(7), "policy asks for a second person");
    assert_eq!(driven.go(Move::Override("nobody answers".into())), ["preview"]);
    driven.show(destroys(7));
    assert!(driven.session.pending().is_some());
}

#[test]
fn an_approval_that_comes_while_the_plan_is_made_anew_counts_and_is_told_so() {
    let mut driven = waiting(2);
    assert_eq!(driven.event(approved("lee", &plan(7))), ["sketch"]);
    assert_eq!(driven.event(approved("pat", &plan(7))), ["sketch"]);
    assert_eq!(driven.said(), "approved by pat (verified)");
    driven.sketched_as(plan(7));
    assert_eq!(driven.step(), "up");
}
