//! Triggers: consecutive samples fire, unknown is never calm.

use lockkeeper::domain::evidence::{
    Builtin, Condition, Expect, Name, Operand, Probe, Scope, Value,
};
use lockkeeper::domain::quantity::Percent;
use lockkeeper::domain::trigger::{Against, State, Trigger};

struct Nothing;

impl Scope for Nothing {
    fn value(&self, _: &Name) -> Option<Value> {
        None
    }
}

fn at_least(number: i64) -> Expect {
    let condition = Condition::Min(Operand::Literal(Value::Int(number)));
    Expect::new(vec![condition]).expect("there is a condition")
}

fn trigger() -> Trigger {
    Trigger {
        says: "slower than before".to_owned(),
        name: "slowdown".to_owned(),
        probe: Probe::builtin(Builtin::Slowdown),
        against: Against::Threshold,
        warn: Some(at_least(10)),
        fire: at_least(30),
        samples: 3,
        offer: "assess".to_owned(),
    }
}

fn state(samples: &[Option<i64>]) -> State {
    let value = |sample: &Option<i64>| match sample {
        Some(number) => Value::Int(*number),
        None => Value::unknown("timeout"),
    };
    let samples: Vec<Value> = samples.iter().map(value).collect();
    trigger().evaluate(&samples, &Nothing)
}

#[test]
fn it_fires_only_after_enough_samples_in_a_row() {
    assert_eq!(state(&[Some(40), Some(40)]), State::Warn);
    assert_eq!(state(&[Some(40), Some(5), Some(40), Some(40)]), State::Warn);
    assert_eq!(state(&[Some(5), Some(40), Some(40), Some(40)]), State::Fire);
}

#[test]
fn it_warns_before_it_fires() {
    assert_eq!(state(&[Some(9)]), State::Calm);
    assert_eq!(state(&[Some(10)]), State::Warn);
}

#[test]
fn what_cannot_be_told_is_never_calm_and_never_fires() {
    assert_eq!(state(&[]), State::Unknown);
    assert_eq!(state(&[Some(0), None]), State::Unknown);
    assert_eq!(state(&[Some(40), Some(40), None]), State::Unknown);
    assert_eq!(state(&[Some(40), Some(40), None, Some(40)]), State::Warn);
}

#[test]
fn a_threshold_without_a_value_is_unknown() {
    let named = Condition::Min(Operand::Named(Name::Policy("slowdown".to_owned())));
    let fire = Expect::new(vec![named]).expect("there is a condition");
    let trigger = Trigger { fire, warn: None, ..trigger() };
    assert_eq!(trigger.evaluate(&[Value::Int(99)], &Nothing), State::Unknown);
}

#[test]
fn a_sample_against_the_baseline_is_the_change_in_percent() {
    let trigger = Trigger { against: Against::Baseline, ..trigger() };
    let sample = |now, before: Option<i64>| {
        trigger.sample(&Value::Int(now), before.map(Value::Int).as_ref())
    };
    assert_eq!(sample(150, Some(100)), Value::Percent(Percent::new(50.0)));
    assert_eq!(sample(70, Some(100)), Value::Percent(Percent::new(-30.0)));
    assert!(sample(70, Some(0)).is_unknown());
    assert!(sample(70, None).is_unknown());
}
