//! Gates: unknown denies, and some things no reason overrides.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::approval::{Approval, Executor, Subject};
use lockkeeper::domain::evidence::{
    Builtin, Claim, Condition, Expect, Name, Operand, Probe, Reading, Scope, Value, Verdict,
};
use lockkeeper::domain::gate::{
    Asks, Decision, Gate, Known, Mode, Reason, Refused, Rule, approvers,
};
use lockkeeper::domain::quantity::Period;
use proptest::prelude::*;

const NOW: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

struct World {
    readings: BTreeMap<String, Reading>,
    names: BTreeMap<Name, Value>,
    approvals: Vec<Approval>,
    executor: Executor,
}

impl Default for World {
    fn default() -> Self {
        let executor = run_by("olga");
        Self { readings: BTreeMap::new(), names: BTreeMap::new(), approvals: Vec::new(), executor }
    }
}

fn run_by(name: &str) -> Executor {
    Executor { people: vec![name.to_owned()], ..Executor::default() }
}

impl World {
    fn with(mut self, builtin: Builtin, value: Value) -> Self {
        self.readings.insert(builtin.name(), Reading { value, at: NOW });
        self
    }

    fn approved(mut self, by: &str) -> Self {
        self.approvals.push(Approval {
            role: "lead".to_owned(),
            by: by.to_owned(),
            verified: false,
            subject: Subject::default(),
        });
        self
    }
}

impl Scope for World {
    fn value(&self, name: &Name) -> Option<Value> {
        self.names.get(name).cloned()
    }
}

impl Known for World {
    fn reading(&self, probe: &str) -> Option<&Reading> {
        self.readings.get(probe)
    }

    fn approvals(&self) -> Vec<Approval> {
        self.approvals.clone()
    }

    fn executor(&self) -> &Executor {
        &self.executor
    }
}

fn rule(builtin: Builtin, expect: Expect) -> Rule {
    let claim = Claim { name: builtin.name(), probe: Probe::builtin(builtin), expect };
    Rule {
        says: builtin.name(),
        asks: Asks::Probe(claim),
        policy: std::collections::BTreeMap::default(),
    }
}

fn holds(builtin: Builtin) -> Rule {
    rule(builtin, Expect::equals(Value::Bool(true)))
}

fn gate(mode: Mode, rules: Vec<Rule>) -> Gate {
    Gate {
        mode,
        rules,
        fresh: Period::from_secs(60),
        policy: std::collections::BTreeMap::default(),
    }
}

fn approval() -> Rule {
    Rule {
        says: "approved".to_owned(),
        asks: Asks::Approval { role: "lead".to_owned() },
        policy: std::collections::BTreeMap::default(),
    }
}

#[test]
fn what_is_not_measured_unknown_old_or_bad_denies() {
    let gate = gate(Mode::All, vec![holds(Builtin::Primary)]);
    let good = || World::default().with(Builtin::Primary, Value::Bool(true));
    assert_eq!(gate.evaluate(&good(), NOW), Decision::Allow);
    assert!(!gate.evaluate(&World::default(), NOW).allows());
    assert!(!gate.evaluate(&good(), NOW + TimeDelta::seconds(61)).allows());
    for value in [Value::unknown("timeout"), Value::Bool(false), Value::Text("yes".to_owned())] {
        let world = World::default().with(Builtin::Primary, value);
        assert!(!gate.evaluate(&world, NOW).allows());
    }
}

#[test]
fn a_denial_says_what_was_found_and_what_was_expected() {
    let at_most = Condition::Max(Operand::Named(Name::Policy("rollback_within".to_owned())));
    let expect = Expect::new(vec![at_most]).expect("there is a condition");
    let gate = gate(Mode::All, vec![rule(Builtin::DeployAge, expect)]);
    let mut world = World::default().with(Builtin::DeployAge, Value::Period(Period::from_mins(6)));
    let name = Name::Policy("rollback_within".to_owned());
    world.names.insert(name, Value::Period(Period::from_mins(5)));
    let Decision::Deny(reasons) = gate.evaluate(&world, NOW) else { panic!("6 minutes are more") };
    assert_eq!((reasons[0].found.as_str(), reasons[0].expected.as_str()), ("6m", "at most 5m"));
    assert_eq!(reasons[0].verdict, Verdict::Fail);

    world.names.clear();
    assert!(!gate.evaluate(&world, NOW).allows(), "a policy without a value denies");
}

#[test]
fn any_needs_one_rule_and_all_needs_every_rule() {
    let rules = || vec![holds(Builtin::Primary), holds(Builtin::LeaseFree)];
    let world = World::default().with(Builtin::LeaseFree, Value::Bool(true));
    assert!(gate(Mode::Any, rules()).evaluate(&world, NOW).allows());
    assert!(!gate(Mode::All, rules()).evaluate(&world, NOW).allows());
    assert!(!gate(Mode::Any, rules()).evaluate(&World::default(), NOW).allows());
}

#[test]
fn the_executor_cannot_approve() {
    let gate = gate(Mode::All, vec![approval()]);
    assert!(!gate.evaluate(&World::default().approved("olga"), NOW).allows());
    assert!(gate.evaluate(&World::default().approved("olga").approved("ivan"), NOW).allows());
}

#[test]
fn an_override_needs_a_reason_and_keeps_what_stood_against_it() {
    let gate = gate(Mode::All, vec![holds(Builtin::LeaseFree), approval()]);
    let denied = || gate.evaluate(&World::default(), NOW);
    assert_eq!(denied().overridden(" \n"), Err(Refused::NoReason));
    let overridden = denied().overridden(" alone on call ");
    let Ok(Decision::Overridden { reasons, because }) = overridden else { panic!("it may be") };
    assert_eq!((reasons.len(), because.as_str()), (2, "alone on call"));
}

#[test]
fn identity_journal_and_a_backup_known_bad_are_never_overridden() {
    let never = |builtin, value| {
        let gate = gate(Mode::All, vec![holds(Builtin::LeaseFree), holds(builtin)]);
        let denied = gate.evaluate(&World::default().with(builtin, value), NOW);
        matches!(denied.overridden("because"), Err(Refused::Never(_)))
    };
    for value in [Value::Bool(false), Value::unknown("not pinned")] {
        assert!(never(Builtin::IdentityPinned, value.clone()));
        assert!(never(Builtin::JournalWritable, value));
    }
    assert!(never(Builtin::BackupSound, Value::Bool(false)));
    assert!(!never(Builtin::BackupSound, Value::unknown("never verified")));
}

fn of_role(role: &str, by: &str) -> Approval {
    Approval {
        role: role.to_owned(),
        by: by.to_owned(),
        verified: false,
        subject: Subject::default(),
    }
}

fn needing(approvals: i64) -> World {
    let mut world = World::default();
    world.names.insert(Name::Policy("approvals".to_owned()), Value::Int(approvals));
    world
}

#[test]
fn as_many_others_approve_as_policy_asks_for_and_one_at_least() {
    let gate = gate(Mode::All, vec![approval()]);
    let one = || needing(2).approved("ivan");
    assert!(!gate.evaluate(&one(), NOW).allows());
    let Decision::Deny(reasons) = gate.evaluate(&one(), NOW) else { panic!("one is too few") };
    assert_eq!(reasons[0].found, "1 of 2 have approved");
    assert!(!gate.evaluate(&one().approved(" IVAN "), NOW).allows(), "he is one person");
    assert!(gate.evaluate(&one().approved("kim"), NOW).allows());
    for none in [0, -1] {
        assert!(!gate.evaluate(&needing(none), NOW).allows(), "nobody is never enough");
        assert!(gate.evaluate(&needing(none).approved("ivan"), NOW).allows());
    }
    let Decision::Deny(reasons) = gate.evaluate(&World::default(), NOW) else { panic!("nobody") };
    assert_eq!(reasons[0].found, "nobody has approved");
    let own = gate.evaluate(&World::default().approved("olga"), NOW);
    let Decision::Deny(reasons) = own else { panic!("her own") };
    assert_eq!(reasons[0].found, "approved by olga, who runs it");
}

#[test]
fn an_approval_counts_for_its_role_alone() {
    let gate = gate(Mode::All, vec![approval()]);
    let mut world = World::default();
    world.approvals.push(of_role("owner", "ivan"));
    assert!(!gate.evaluate(&world, NOW).allows());
    world.approvals.push(of_role("lead", "ivan"));
    assert!(gate.evaluate(&world, NOW).allows());
}

#[test]
fn one_person_approves_once_and_never_what_they_run_at_whatever_machine() {
    let pairs =
        [("olga", "Olga "), ("olga@desk", "olga"), ("olga", "OLGA@lap"), ("olga@desk", "olga@lap")];
    for (one, other) in pairs {
        let given = [of_role("lead", other)];
        assert!(approvers("lead", &run_by(one), &given).is_empty(), "{one} {other}");
    }
    let given = ["lee@lap", "LEE", "lee@desk"].map(|by| of_role("lead", by));
    for first in 0..given.len() {
        let mut given = given.clone();
        given.rotate_left(first);
        assert_eq!(approvers("lead", &run_by("kim"), &given).len(), 1, "{given:?}");
    }
}

#[test]
fn policy_lets_a_gate_or_a_rule_be_only_if_it_says_so() {
    let under = |forward: bool| {
        let wanted = Expect::equals(Value::Bool(forward));
        BTreeMap::from([("forward_only".to_owned(), wanted)])
    };
    let mut world = World::default();
    let says = |world: &mut World, forward: bool| {
        let name = Name::Policy("forward_only".to_owned());
        world.names.insert(name, Value::Bool(forward));
    };
    let rules = || vec![Rule { policy: under(true), ..holds(Builtin::Primary) }];
    for mode in [Mode::All, Mode::Any] {
        let whole = Gate { policy: under(true), ..gate(mode, vec![holds(Builtin::Primary)]) };
        let single = gate(mode, rules());
        world.names.clear();
        assert!(!whole.evaluate(&world, NOW).allows(), "what policy says is not known");
        assert!(!single.evaluate(&world, NOW).allows(), "nor here");
        says(&mut world, true);
        assert!(!whole.evaluate(&world, NOW).allows());
        assert!(!single.evaluate(&world, NOW).allows());
        says(&mut world, false);
        assert!(whole.evaluate(&world, NOW).allows());
        assert!(single.evaluate(&world, NOW).allows(), "no rule of it counts: {mode:?}");
    }
    let both = gate(Mode::All, [rules(), vec![holds(Builtin::LeaseFree)]].concat());
    assert!(!both.evaluate(&world, NOW).allows(), "the other rule counts still");
}

#[test]
fn a_variable_denies_until_it_is_answered_as_expected() {
    let asks = Asks::Var {
        name: "window".to_owned(),
        expect: Expect::equals(Value::Text("open".to_owned())),
    };
    let rule = Rule { says: "window".to_owned(), asks, policy: BTreeMap::default() };
    let gate = gate(Mode::All, vec![rule]);
    let mut world = World::default();
    let Decision::Deny(reasons) = gate.evaluate(&world, NOW) else { panic!("not answered") };
    assert_eq!(reasons[0].verdict, Verdict::Unknown);
    assert!(reasons[0].may_override);
    for (answer, allowed) in [("shut", false), ("open", true)] {
        let name = Name::Var("window".to_owned());
        world.names.insert(name, Value::Text(answer.to_owned()));
        assert_eq!(gate.evaluate(&world, NOW).allows(), allowed, "{answer}");
    }
}

#[test]
fn a_reading_is_fresh_to_its_last_second_and_never_of_the_future() {
    let gate = gate(Mode::All, vec![holds(Builtin::Primary)]);
    let good = World::default().with(Builtin::Primary, Value::Bool(true));
    assert!(gate.evaluate(&good, NOW + TimeDelta::seconds(60)).allows());
    assert!(!gate.evaluate(&good, NOW + TimeDelta::milliseconds(60_001)).allows());
    assert!(!gate.evaluate(&good, NOW - TimeDelta::seconds(61)).allows(), "a clock has jumped");
}

#[test]
fn a_gate_that_allows_is_not_overridden_and_one_that_is_missing_never() {
    let gate = gate(Mode::All, vec![holds(Builtin::Primary)]);
    let good = World::default().with(Builtin::Primary, Value::Bool(true));
    assert_eq!(gate.evaluate(&good, NOW).overridden(""), Ok(Decision::Allow));
    let overridden = gate.evaluate(&World::default(), NOW).overridden("because");
    assert!(overridden.expect("it may be").allows());
    let missing = Decision::Deny(vec![Reason::no_such_gate("forward")]);
    assert!(!missing.allows());
    assert_eq!(missing.overridden("x"), Err(Refused::Never("the gate forward".to_owned())));
}

proptest! {
    #[test]
    fn a_gate_whose_readings_are_all_unknown_never_allows(
        picked in prop::collection::vec(0..Builtin::all().len(), 1..5),
        any_mode in any::<bool>(),
    ) {
        let all: Vec<Builtin> = picked.into_iter().map(|at| Builtin::all()[at]).collect();
        let mode = if any_mode { Mode::Any } else { Mode::All };
        let mut world = World::default();
        for builtin in &all {
            world = world.with(*builtin, Value::unknown("timeout"));
        }
        let gate = gate(mode, all.into_iter().map(holds).collect());
        prop_assert!(!gate.evaluate(&world, NOW).allows());
    }
}
