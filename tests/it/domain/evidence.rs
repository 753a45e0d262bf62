//! Evidence: unknown is never good, and values compare as people write them.

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::evidence::{
    Builtin, Condition, Expect, Level, Name, Operand, Probe, Reading, Scope, Value, Verdict, Word,
};
use lockkeeper::domain::quantity::{Percent, Period};
use proptest::prelude::*;

fn any_known() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        ".{0,8}".prop_map(Value::Text),
        (0..1_000_000_u64).prop_map(|s| Value::Period(Period::from_secs(s))),
        (-1e6..1e6_f64).prop_map(|p| Value::Percent(Percent::new(p))),
        (0..7_usize).prop_map(|level| Value::Level(Level::ALL[level])),
        prop::collection::vec(".{0,4}", 0..3).prop_map(Value::List),
        (any::<u16>(), ".{0,8}").prop_map(|(status, text)| Value::Answer { status, text }),
    ]
}

fn any_operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        4 => any_known().prop_map(Operand::Literal),
        1 => ".{0,8}".prop_map(|why| Operand::Literal(Value::Unknown(why))),
        1 => "[a-z]{1,8}".prop_map(|name| Operand::Named(Name::Var(name))),
    ]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        any_operand().prop_map(Condition::Equals),
        any_operand().prop_map(Condition::Min),
        any_operand().prop_map(Condition::Max),
        any::<bool>().prop_map(Condition::Empty),
        ".{0,8}".prop_map(Condition::Matches),
        any::<u16>().prop_map(Condition::Status),
    ]
}

fn any_expect() -> impl Strategy<Value = Expect> {
    prop::collection::vec(any_condition(), 1..4)
        .prop_map(|all| Expect::new(all).expect("there is a condition"))
}

proptest! {
    #[test]
    fn unknown_never_passes_and_never_fails(expect in any_expect(), why in ".{0,8}") {
        prop_assert_eq!(expect.test(&Value::Unknown(why)), Verdict::Unknown);
    }

    #[test]
    fn a_name_without_a_value_never_passes(
        expect in any_expect(), value in any_known(), name in "[a-z]{1,8}",
    ) {
        let named = Condition::Equals(Operand::Named(Name::Policy(name)));
        let mut conditions = expect.conditions().to_vec();
        conditions.push(named);
        let expect = Expect::new(conditions).expect("there is a condition");
        prop_assert_ne!(expect.test(&value), Verdict::Pass);
    }

    #[test]
    fn an_expectation_of_the_unknown_never_passes(value in any_known(), why in ".{0,8}") {
        let expect = Expect::equals(Value::Unknown(why));
        prop_assert_ne!(expect.test(&value), Verdict::Pass);
    }

    #[test]
    fn more_conditions_never_make_a_value_pass(
        expect in any_expect(), more in any_condition(), value in any_known(),
    ) {
        let mut conditions = expect.conditions().to_vec();
        conditions.push(more);
        let both = Expect::new(conditions).expect("there is a condition");
        if both.test(&value) == Verdict::Pass {
            prop_assert_eq!(expect.test(&value), Verdict::Pass);
        }
    }

    #[test]
    fn comparing_the_other_way_round_gives_the_opposite(a in any_known(), b in any_known()) {
        if let (Some(there), Some(back)) = (a.compare(&b), b.compare(&a)) {
            prop_assert_eq!(there, back.reverse());
        }
    }

    #[test]
    fn a_period_is_read_as_it_is_shown(millis in 0..10_000_000_000_u64) {
        let period = Period::from(std::time::Duration::from_millis(millis));
        prop_assert_eq!(period.to_string().parse::<Period>(), Ok(period));
    }
}

fn literal(text: &str) -> Operand {
    Operand::Literal(Value::Text(text.to_owned()))
}

fn one(condition: Condition) -> Expect {
    Expect::new(vec![condition]).expect("there is a condition")
}

#[test]
fn a_written_text_is_read_as_the_kind_of_what_was_sensed() {
    let cases = [
        (Condition::Min(literal("L3")), Value::Level(Level::L4), Verdict::Pass),
        (Condition::Min(literal("L3")), Value::Level(Level::L2), Verdict::Fail),
        (Condition::Min(literal("L33")), Value::Level(Level::L4), Verdict::Unknown),
        (Condition::Max(literal("5m")), Value::Period(Period::from_secs(299)), Verdict::Pass),
        (Condition::Max(literal("5m")), Value::Period(Period::from_secs(301)), Verdict::Fail),
        (Condition::Min(literal("20%")), Value::Percent(Percent::new(19.0)), Verdict::Fail),
        (Condition::Equals(literal("reversible")), Value::Text("lossy".into()), Verdict::Fail),
        (Condition::Equals(literal("yes")), Value::Bool(true), Verdict::Unknown),
        (Condition::Max(Operand::Literal(Value::Int(1))), Value::Float(f64::NAN), Verdict::Unknown),
    ];
    for (condition, value, verdict) in cases {
        assert_eq!(one(condition.clone()).test(&value), verdict, "{condition} of {value}");
    }
}

#[test]
fn the_text_of_a_failed_answer_proves_nothing() {
    let answer = |status| Value::Answer { status, text: "0".to_owned() };
    let zero = one(Condition::Equals(Operand::Literal(Value::Int(0))));
    assert_eq!(zero.test(&answer(200)), Verdict::Pass);
    assert_eq!(zero.test(&answer(500)), Verdict::Unknown);
    assert_eq!(Expect::status(200).test(&answer(500)), Verdict::Fail);
    assert_eq!(Expect::nothing().test(&answer(500)), Verdict::Unknown);
}

#[test]
fn a_form_matches_the_whole_text() {
    let matches = |form: &str, text: &str| {
        one(Condition::Matches(form.to_owned())).test(&Value::Text(text.to_owned()))
    };
    assert_eq!(matches("ok*done", "ok, all done"), Verdict::Pass);
    assert_eq!(matches("ok*done", "ok, all done?"), Verdict::Fail);
    assert_eq!(matches("ab*ba", "aba"), Verdict::Fail);
    assert_eq!(matches("ok", "not ok"), Verdict::Fail);
    assert_eq!(matches("*a*b*", "xaxbx"), Verdict::Pass);
}

#[test]
fn a_variable_stands_only_for_a_whole_value() {
    assert_eq!(Name::parse("{var.table}"), Ok(Some(Name::Var("table".to_owned()))));
    assert_eq!(Name::parse("{revision}"), Ok(None));
    assert!(Name::parse("select * from {var.table}").is_err());
    assert!(Name::parse("{var.a}{var.b}").is_err());
    assert!(Word::try_from("--table={var.table}".to_owned()).is_err());
}

/// Nothing here is known, and why.
struct Unread;

impl Scope for Unread {
    fn value(&self, _name: &Name) -> Option<Value> {
        Some(Value::unknown("timed out"))
    }
}

#[test]
fn why_a_value_is_not_known_is_no_argument_and_no_bind() {
    let probe = "command = [\"look\", \"{probe.tables}\"]";
    let asked: Probe = toml::from_str(probe).expect("it is a probe");
    assert_eq!(asked.resolved(&Unread), asked);
    let bound = Operand::Named(Name::Var("n".into()));
    assert_eq!(bound.resolved(&Unread), bound);
}

#[test]
fn a_reading_that_is_old_or_of_the_future_is_unknown() {
    let at = DateTime::<Utc>::UNIX_EPOCH;
    let reading = Reading { value: Value::Bool(true), at };
    let limit = Period::from_secs(60);
    let after = |seconds| reading.fresh(at + TimeDelta::seconds(seconds), limit);
    assert_eq!(after(60), Value::Bool(true));
    assert!(after(61).is_unknown());
    assert!(after(-61).is_unknown());
}

#[test]
fn every_builtin_is_found_by_its_name() {
    for builtin in Builtin::all() {
        assert_eq!(Builtin::parse(&builtin.name()), Some(*builtin));
    }
    assert_eq!(Builtin::parse("rows_lost_since_baseline"), Some(Builtin::RowsLostSinceBaseline));
    assert_eq!(Builtin::parse("nonsense"), None);
}
