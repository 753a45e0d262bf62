//! An act of no runbook that policy wants a second person for.

use lockkeeper::domain::approval::{Approval, Subject};
use lockkeeper::domain::config::Policy;
use lockkeeper::domain::identity::Class;
use lockkeeper::domain::journal::{Entry, Kind, Record};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Answer, Direction, Plan, Risk, Signal};
use lockkeeper::session::effect::{Effect, Event, Goal, Previewed, Request, Ticket};
use lockkeeper::session::machine::Session;
use serde_json::json;

use super::{at, migration, signal_plan, terminate};

fn request() -> Request {
    Request::Migrate { direction: Direction::Down, goal: Goal::One, risk: Risk::Lossy }
}

fn plan(number: u32) -> Plan {
    Plan { approvals: 1, ..migration(number, Direction::Down, Risk::Lossy) }
}

fn ticket(effects: &[Effect]) -> Ticket {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Preview(ticket, _) => Some(*ticket),
        _ => None,
    });
    found.expect("it is planned")
}

fn asked(session: &mut Session, planned: Plan) -> Vec<Effect> {
    let ticket = ticket(&session.update(Event::Asked(request())));
    session.update(Event::Previewed(ticket, Previewed::Plan(Box::new(planned))))
}

fn records(effects: &[Effect], kind: Kind) -> usize {
    let of = |entry: &Entry| entry.kind == kind;
    let is = |effect: &&Effect| match effect {
        Effect::Await(entry) | Effect::Record(entry) => of(entry),
        _ => false,
    };
    effects.iter().filter(is).count()
}

fn approval(of: &Plan) -> Record {
    approval_by("kim", of)
}

fn approval_by(name: &str, of: &Plan) -> Record {
    let approval = Approval {
        role: "second person".into(),
        by: name.into(),
        verified: true,
        subject: Subject { step: None, plan: Some(of.hash().to_string()) },
    };
    let mut record = Record {
        v: 1,
        seq: 1,
        at: at(0),
        mono: 0.0,
        boot: String::new(),
        kind: Kind::Approved,
        run: "r".into(),
        step: None,
        act: None,
        attempt: None,
        plan: None,
        operator: "kim@host".into(),
        data: serde_json::to_value(&approval).expect("it is JSON"),
        prev: String::new(),
    };
    record.data["login"] = json!({ "role": "kim" });
    record
}

#[test]
fn it_is_shown_for_the_yes_only_once_exactly_its_plan_is_approved() {
    let mut session = Session::default();
    let effects = asked(&mut session, plan(7));
    assert_eq!(records(&effects, Kind::Awaits), 1);
    assert!(session.pending().is_none(), "nobody can say yes yet");
    let yes = Answer::Typed(plan(7).hash(), "shop".into());
    assert!(session.update(Event::Answered(yes)).is_empty());
    session.update(Event::Approved(Box::new(approval(&plan(6)))));
    assert!(session.second().is_some(), "another plan's approval does not count");
    let again = session.update(Event::Approved(Box::new(approval(&plan(7)))));
    let same = Previewed::Plan(Box::new(plan(7)));
    session.update(Event::Previewed(ticket(&again), same));
    assert_eq!(session.pending().map(|shown| shown.plan().clone()), Some(plan(7)));
}

#[test]
fn a_plan_that_is_another_one_when_it_is_made_anew_waits_anew() {
    let mut session = Session::default();
    asked(&mut session, plan(7));
    let again = session.update(Event::Approved(Box::new(approval(&plan(7)))));
    let other = Previewed::Plan(Box::new(plan(8)));
    let effects = session.update(Event::Previewed(ticket(&again), other));
    assert_eq!(records(&effects, Kind::Awaits), 1);
    assert!(session.pending().is_none());
}

#[test]
fn a_reason_goes_on_and_is_recorded_and_no_reason_or_leaving_does_not() {
    let mut session = Session::default();
    asked(&mut session, plan(7));
    assert_eq!(records(&session.update(Event::Alone("  ".into())), Kind::Override), 0);
    let effects = session.update(Event::Alone("nobody answers".into()));
    assert_eq!(records(&effects, Kind::Override), 1);
    let same = Previewed::Plan(Box::new(plan(7)));
    session.update(Event::Previewed(ticket(&effects), same));
    assert!(session.pending().is_some());
    session.update(Event::Dismissed);

    asked(&mut session, plan(7));
    assert!(session.pending().is_none(), "the reason stood for that one request");
    let left = session.update(Event::Dismissed);
    assert_eq!(records(&left, Kind::Skip), 1);
    assert!(session.second().is_none() && session.pending().is_none());
}

#[test]
fn policy_asks_in_production_for_what_loses_and_everywhere_for_what_destroys() {
    let policy = Policy { approvals: 2, ..Policy::default() };
    assert_eq!(policy.approvals_of(Class::Production, Risk::Safe), 0);
    assert_eq!(policy.approvals_of(Class::Production, Risk::Lossy), 2);
    assert_eq!(policy.approvals_of(Class::Staging, Risk::Lossy), 0);
    assert_eq!(policy.approvals_of(Class::Staging, Risk::Destructive), 2);
    assert_eq!(Policy::default().approvals_of(Class::Production, Risk::Destructive), 0);
}

#[test]
fn as_many_different_people_approve_as_policy_asks_for() {
    let two = Plan { approvals: 2, ..plan(7) };
    let mut session = Session::default();
    asked(&mut session, two.clone());
    for name in ["kim", "KIM", "kim@laptop"] {
        session.update(Event::Approved(Box::new(approval_by(name, &two))));
        let count = session.second().map(lockkeeper::session::machine::Second::count);
        assert_eq!(count, Some((2, 1)), "{name} is one person");
    }
    let again = session.update(Event::Approved(Box::new(approval_by("lee", &two))));
    session.update(Event::Previewed(ticket(&again), Previewed::Plan(Box::new(two))));
    assert!(session.pending().is_some());
}

#[test]
fn nothing_else_is_asked_for_while_an_act_waits_for_a_second_person() {
    let mut session = Session::default();
    asked(&mut session, plan(7));
    let effects = session.update(Event::Asked(request()));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Preview(..))), "{effects:?}");
    assert!(session.second().is_some());
}

/// Asks for it, has it approved if somebody has to, and says yes; returns the act's name.
fn runs(session: &mut Session, request: Request, planned: &Plan) -> String {
    let shown = || Previewed::Plan(Box::new(planned.clone()));
    let asked = session.update(Event::Asked(request));
    session.update(Event::Previewed(ticket(&asked), shown()));
    if session.second().is_some() {
        let again = session.update(Event::Approved(Box::new(approval(planned))));
        session.update(Event::Previewed(ticket(&again), shown()));
    }
    let effects = session.update(Event::Answered(Answer::Typed(planned.hash(), "shop".into())));
    let act = effects.into_iter().find_map(|effect| match effect {
        Effect::Perform { act, .. } => Some(act),
        _ => None,
    });
    act.expect("it runs")
}

#[test]
fn a_signal_beside_an_approved_procedure_leaves_its_approval_as_it_is() {
    for approvals in [0, 1] {
        let mut session = Session::default();
        let done = |session: &mut Session, act: String| {
            let outcome = Outcome::new(Ending::Done, "");
            session.update(Event::Performed { act, outcome, confirmed: None })
        };
        let all =
            Request::Migrate { goal: Goal::End, direction: Direction::Down, risk: Risk::Lossy };
        let first = runs(&mut session, all, &plan(8));
        let blocker = Plan { approvals, ..signal_plan(Signal::Terminate) };
        let signal = runs(&mut session, terminate(), &blocker);
        done(&mut session, signal);
        let next = done(&mut session, first);
        session.update(Event::Previewed(ticket(&next), Previewed::Plan(Box::new(plan(7)))));
        assert!(session.pending().is_some(), "a signal of which {approvals} had to be approved");
        assert!(session.second().is_none());
    }
}
