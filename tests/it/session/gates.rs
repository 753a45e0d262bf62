//! What an override lets through, and what no gate and no override lets through.

use lockkeeper::domain::approval::{Approval, Executor};
use lockkeeper::domain::evidence::{Builtin, Name, Reading, Scope, Value};
use lockkeeper::domain::gate::{Decision, Known};
use lockkeeper::domain::journal::Kind;
use lockkeeper::domain::runbook::Runbook;
use lockkeeper::session::effect::Event;
use lockkeeper::session::walk::{Move, Phase};

use super::driver::{Driven, Find, is};
use super::{at, book, command_plan};

const NONE: [&str; 0] = [];

/// An act behind a gate with these rules, in a section that forbids this.
fn gated(rules: &str, never: &str) -> Runbook {
    book(&format!(
        "schema = 1\nid = \"t\"\ntitle = \"T\"\n[gate.g]\nrules = [{rules}]\n[[section]]\nid = \"main\"\n\
         title = \"Main\"\nnever = [{never}]\n[[section.step]]\nid = \"act\"\nkind = \"act\"\n\
         title = \"Act\"\nmigrate = {{ direction = \"up\", to = \"head\" }}\ngates = [\"g\"]\n"
    ))
}

const CALM: &str = "{ builtin = \"blocked_sessions\", says = \"nobody waits\" }";

fn walking(rules: &str) -> Driven {
    let mut driven = Driven::walking(gated(rules, ""));
    driven.go(Move::Run);
    driven
}

/// Answers the gates: the identity as it should be or not, everything else bad.
fn find(driven: &mut Driven, is_pinned: bool) -> Vec<&'static str> {
    let (ticket, probes) = driven.probing.clone().expect("the gates are read");
    let value = |pinned| if pinned { Value::Bool(is_pinned) } else { Value::Int(3) };
    let reading = |pinned| Reading { value: value(pinned), at: at(driven.seconds) };
    let found = probes.iter().map(|probe| reading(is(probe, Builtin::IdentityPinned)));
    let found = found.collect();
    driven.event(Event::Probed(ticket, found))
}

#[test]
fn an_override_lets_through_the_plan_that_it_was_given_for_and_no_later_one() {
    let mut driven = walking(CALM);
    driven.find(Find::Bad);
    driven.go(Move::Override("the queue is ours".into()));
    driven.show(command_plan());
    driven.event(Event::Dismissed);
    driven.go(Move::Run);
    assert_eq!(driven.find(Find::Good), ["preview"], "nothing stands against it now");
    driven.show(command_plan());
    driven.yes();
    assert_eq!(driven.find(Find::Bad), NONE, "the reason was given for what was left");
    assert!(matches!(driven.phase(), Phase::Denied { .. }), "{:?}", driven.phase());
    assert_eq!(driven.performed, 0);
}

#[test]
fn what_is_never_overridden_denies_the_yes_also_under_the_words_of_what_was() {
    let rules = "{ builtin = \"blocked_sessions\", says = \"as it was\" }, \
                 { builtin = \"identity_pinned\", says = \"as it was\" }";
    let mut driven = walking(rules);
    assert_eq!(find(&mut driven, true), NONE);
    driven.go(Move::Override("the queue is ours".into()));
    driven.show(command_plan());
    driven.yes();
    assert_eq!(find(&mut driven, false), NONE, "another database answers now");
    assert!(matches!(driven.phase(), Phase::Denied { overridable: false, .. }));
    assert_eq!(driven.go(Move::Override("I am sure".into())), NONE);
    assert_eq!(driven.performed, 0);
}

#[test]
fn what_the_section_forbids_is_not_asked_for() {
    for (never, may) in [("\"migrate\"", false), ("\"rollback\"", true)] {
        let mut driven = Driven::walking(gated(CALM, never));
        let led_to = driven.go(Move::Run);
        assert_eq!(led_to == ["probe"], may, "{never}");
        assert_eq!(driven.phase() == &Phase::Ready, !may, "{never}");
    }
}

#[test]
fn what_the_gates_have_read_is_recorded_before_the_plan_and_at_the_yes() {
    let mut driven = walking(CALM);
    let read = |driven: &Driven| driven.recorded.iter().filter(|k| **k == Kind::Probe).count();
    driven.find(Find::Good);
    assert_eq!(read(&driven), 1);
    driven.show(command_plan());
    driven.yes();
    assert_eq!(driven.find(Find::Good), ["perform"]);
    assert_eq!(read(&driven), 2);
}

/// A world of which nothing can be told: nothing was read, or every reading is unknown.
struct Blind {
    reading: Option<Reading>,
    executor: Executor,
}

impl Scope for Blind {
    fn value(&self, _: &Name) -> Option<Value> {
        None
    }
}

impl Known for Blind {
    fn reading(&self, _: &str) -> Option<&Reading> {
        self.reading.as_ref()
    }

    fn approvals(&self) -> Vec<Approval> {
        Vec::new()
    }

    fn executor(&self) -> &Executor {
        &self.executor
    }
}

#[test]
fn no_gate_of_a_shipped_runbook_lets_an_act_through_while_nothing_can_be_told() {
    let shipped = [
        include_str!("../../../runbooks/backup.toml"),
        include_str!("../../../runbooks/incident.toml"),
        include_str!("../../../runbooks/migrate.toml"),
        include_str!("../../../runbooks/rehearsal.toml"),
        include_str!("../../../runbooks/rollback.toml"),
        include_str!("../../../runbooks/validate.toml"),
    ];
    let unknown = Reading { value: Value::unknown("timeout"), at: at(0) };
    let mut gates = 0;
    for book in shipped.map(book) {
        for (name, gate) in &book.gates {
            for reading in [None, Some(unknown.clone())] {
                let blind = Blind { reading, executor: Executor::default() };
                let Decision::Deny(reasons) = gate.evaluate(&blind, at(0)) else {
                    panic!("{} lets through {name}", book.id)
                };
                assert_eq!(reasons.len(), gate.rules.len(), "each of its rules denies: {name}");
            }
            gates += 1;
        }
    }
    assert_eq!(gates, 2, "the forward-only policy, and the rehearsal's");
}
