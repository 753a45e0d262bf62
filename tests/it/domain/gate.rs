//! Gates: unknown denies, and some things no reason overrides.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::approval::{Approval, Subject};
use lockkeeper::domain::evidence::{
    Builtin, Claim, Condition, Expect, Name, Operand, Probe, Reading, Scope, Value, Verdict,
};
use lockkeeper::domain::gate::{Asks, Decision, Gate, Known, Mode, Refused, Rule};
use lockkeeper::domain::quantity::Period;
use proptest::prelude::*;

const NOW: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

#[derive(Default)]
struct World {
    readings: BTreeMap<String, Reading>,
    names: BTreeMap<Name, Value>,
    approvals: Vec<Approval>,
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

    fn executor(&self) -> &'static str {
        "olga"
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
