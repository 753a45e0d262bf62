//! A second person in a walk: an approval counts once, for the plan that it was given to, and
//! never for whoever runs it.

use lockkeeper::domain::approval::{Approval, Subject};
use lockkeeper::domain::evidence::Value;
use lockkeeper::domain::journal::{Kind, Record};
use lockkeeper::domain::plan::{Direction, Plan, Risk};
use lockkeeper::domain::runbook::Runbook;
use lockkeeper::session::effect::Event;
use lockkeeper::session::walk::{Move, Phase};

use super::driver::Driven;
use super::{at, begin, book, migration};

const NONE: [&str; 0] = [];

/// A step that waits for a lead, if one does, then a migration.
fn steps(approve: bool) -> Runbook {
    let approve = if approve {
        "[[section.step]]\nid = \"lead\"\nkind = \"approve\"\ntitle = \"Lead\"\nrole = \"lead\"\n\
         not_self = true\n"
    } else {
        ""
    };
    book(&format!(
        "schema = 1\nid = \"t\"\ntitle = \"T\"\n[[section]]\nid = \"main\"\ntitle = \"Main\"\n{approve}\
         [[section.step]]\nid = \"up\"\nkind = \"act\"\ntitle = \"Up\"\nrisk = \"safe\"\n\
         migrate = {{ direction = \"up\", to = \"next\" }}\n"
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

/// What another process has recorded: an approval of that plan.
fn approved(by: &str, of: &Plan) -> Event {
    let subject = Subject { step: Some("up".into()), plan: Some(of.hash().to_string()) };
    let approval = Approval { role: "lead".into(), by: by.into(), verified: true, subject };
    Event::Approved(Box::new(Record {
        v: 1,
        seq: 9,
        at: at(0),
        mono: 0.0,
        boot: String::new(),
        kind: Kind::Approved,
        run: "run".into(),
        step: None,
        act: None,
        attempt: None,
        plan: None,
        operator: by.into(),
        data: serde_json::to_value(&approval).expect("it is JSON"),
        prev: String::new(),
    }))
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
