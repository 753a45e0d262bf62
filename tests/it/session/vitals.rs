//! What is measured of a run: the baseline stands from its first act on, triggers need
//! samples in a row, and what is not known neither fires nor calms.

use lockkeeper::domain::baseline::Baseline;
use lockkeeper::domain::config::Config;
use lockkeeper::domain::evidence::{Builtin, Probe, Reading, Value};
use lockkeeper::domain::health::Role;
use lockkeeper::domain::journal::{Kind, Record};
use lockkeeper::domain::plan::{Action, Direction};
use lockkeeper::domain::quantity::Percent;
use lockkeeper::domain::trigger::State;
use lockkeeper::domain::verdict::Level;
use lockkeeper::session::effect::{Effect, Event, Tone};
use lockkeeper::session::facts::{Facts, Feed, Point};
use lockkeeper::session::machine::Session;
use lockkeeper::session::news::News;
use lockkeeper::session::vitals::{Fired, Gauge};

use crate::support::facts::{World, ago, answered, intent, measured, now, plan, sampled};

fn level(facts: &Facts) -> (Level, String) {
    let verdict = facts.verdict.as_ref().expect("there is a verdict");
    (verdict.level, verdict.text.clone())
}

fn value(facts: &mut Facts, builtin: Builtin) -> Value {
    let reading = Reading { value: Value::unknown("the driver cannot tell"), at: now() };
    let probes = vec![Probe::builtin(builtin)];
    let told = News::Probed { ticket: 1, probes, readings: vec![reading] };
    match facts.hear(told, now()) {
        Some(Event::Probed(1, readings)) => readings[0].value.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_act_of_a_run_ends_the_time_before_it_and_it_is_recorded_once() {
    let mut facts = World::quiet().facts();
    facts.now = ago(70).expect("a time");
    facts.arm(Vec::new(), []);
    let told = facts.hear(News::Recorded(Box::new(intent(60))), now());
    let Some(Event::Measured(baseline)) = told else { panic!("{told:?}") };
    assert_eq!(baseline.until, ago(60).expect("a time"));
    assert_eq!(facts.vitals.baseline(), Some(&*baseline));
    let again = Record { attempt: Some(2), ..intent(50) };
    assert_eq!(facts.hear(News::Recorded(Box::new(again)), now()), None);
    let effects = Session::default().update(Event::Measured(baseline.clone()));
    let [Effect::Record(entry)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(entry.kind, Kind::Baseline);
    // What is read back by a later session is the same.
    let mut later = World::quiet().facts();
    later.arm(Vec::new(), []);
    let record = Record { kind: Kind::Baseline, data: entry.data.clone(), ..intent(60) };
    assert_eq!(later.hear(News::Recorded(Box::new(intent(60))), now()), None);
    assert_eq!(later.vitals.baseline(), None, "an older intent is not ours to measure");
    later.hear(News::Recorded(Box::new(record)), now());
    assert_eq!(later.vitals.baseline(), Some(&*baseline));
}

#[test]
fn without_enough_refreshes_there_is_no_baseline() {
    let mut facts = World::quiet().facts();
    facts.arm(Vec::new(), []);
    facts.history.truncate(4);
    assert_eq!(facts.hear(News::Recorded(Box::new(intent(-1))), now()), None);
    assert!(value(&mut facts, Builtin::Slowdown).is_unknown());
    assert!(value(&mut facts, Builtin::RowsLostSinceBaseline).is_unknown());
    assert!(value(&mut facts, Builtin::HealthFailures).is_unknown());
}

#[test]
fn a_run_that_is_as_good_as_before_is_calm_and_its_triggers_are_armed() {
    let mut facts = measured(&World::quiet(), &answered(200), 1.0);
    assert_eq!(level(&facts), (Level::Ok, "Nobody waits for a lock".to_owned()));
    assert_eq!(facts.vitals.armed(), 5);
    for builtin in [Builtin::HealthFailures, Builtin::Slowdown, Builtin::AuthFailures] {
        assert_eq!(facts.vitals.state(builtin), Some(State::Calm));
        assert_eq!(value(&mut facts, builtin), Value::Percent(Percent::new(0.0)));
    }
    assert_eq!(value(&mut facts, Builtin::RowsLostSinceBaseline), Value::Int(0));
    assert_eq!(value(&mut facts, Builtin::Duration).to_string(), "1m");
}

#[test]
fn a_slower_server_fires_after_its_samples_in_a_row() {
    let mut facts = measured(&World::quiet(), &answered(200), 0.39);
    assert_eq!(facts.vitals.state(Builtin::Slowdown), Some(State::Fire));
    let text = "61% fewer transactions than before the run";
    assert_eq!(level(&facts), (Level::Alarm, text.to_owned()));
    assert_eq!(value(&mut facts, Builtin::Slowdown).to_string(), "61%");
}

#[test]
fn failing_health_warns_first_and_fires_when_too_much_of_it_failed() {
    // One of two: 50 % is the limit, and not above it.
    let facts = measured(&World::quiet(), &answered(500), 1.0);
    let text = "health 1/2 failing for 0:55: api: status 500";
    assert_eq!(level(&facts), (Level::Warn, text.to_owned()));
    let mut facts = facts;
    for seconds in (1..=12).map(|step| -5 * step) {
        let at = ago(seconds).expect("a time");
        for name in ["api", "web"] {
            facts.hear(sampled(name, answered(500), 9.0, seconds), at);
        }
        facts.hear(News::Snapshot(Ok(Box::new(World::quiet().snapshot()))), at);
    }
    facts.hear(sampled("api", answered(500), 9.0, -65), ago(-65).expect("a time"));
    assert_eq!(facts.vitals.state(Builtin::HealthFailures), Some(State::Fire));
    let (level, text) = level(&facts);
    assert_eq!(level, Level::Alarm);
    assert!(text.starts_with("health 2/2 failing for "), "{text}");
    assert!(!text.contains('\n'));
}

#[test]
fn what_cannot_tell_is_worth_a_look_and_never_fires() {
    let mut facts = measured(&World::quiet(), &Value::unknown("refused\u{1b}[2J"), 1.0);
    let (level, text) = level(&facts);
    assert_eq!(level, Level::Warn);
    assert!(text.starts_with("health 1/2 cannot tell for 0:55: api: refused"), "{text}");
    assert!(!text.contains('\u{1b}'));
    assert_eq!(facts.vitals.state(Builtin::HealthFailures), Some(State::Calm), "the other is good");
    facts.slow = Feed::default();
    assert!(value(&mut facts, Builtin::RowsLostSinceBaseline).is_unknown());
}

#[test]
fn a_locks_alarm_comes_first_and_its_culprits_stay() {
    let facts = measured(&World::blocked(), &answered(500), 0.1);
    let (level, text) = level(&facts);
    assert_eq!(level, Level::Alarm);
    assert!(text.starts_with("ALTER TABLE expenses"), "{text}");
    assert!(!facts.verdict.expect("there is one").culprits.is_empty());
}

#[test]
fn lost_rows_are_an_estimate_and_statistics_that_began_anew_are_none() {
    let mut facts = measured(&World::quiet(), &answered(200), 1.0);
    let touched = facts.vitals.baseline().expect("there is one").rows.clone();
    assert!(!touched.is_empty(), "the pending migration touches a table");
    let mut slow = facts.slow.value().expect("it was read").clone();
    for rows in slow.rows.values_mut() {
        *rows -= 20;
    }
    for seconds in [-5, -10] {
        let at = ago(seconds).expect("a time");
        facts.hear(News::Slow(Ok(Box::new(slow.clone()))), at);
        facts.hear(News::Snapshot(Ok(Box::new(World::quiet().snapshot()))), at);
    }
    let (level, text) = level(&facts);
    assert_eq!(level, Level::Warn, "{text}");
    assert!(text.contains("rows fewer than before the run in public."), "{text}");
    let mut anew = World::quiet();
    anew.reading.counters.transactions = Some(3);
    facts.hear(News::Snapshot(Ok(Box::new(anew.snapshot()))), now());
    assert_eq!(facts.rows(), None);
}

fn opened(facts: &mut Facts) {
    let opened = Record { kind: Kind::Opened, run: "other".into(), ..intent(0) };
    facts.hear(News::Recorded(Box::new(opened)), now());
}

/// The next run's first way up.
fn next_up(facts: &mut Facts) -> Option<Event> {
    let up = Record { run: "other".into(), act: Some("a2".into()), ..intent(-1) };
    facts.hear(News::Recorded(Box::new(up)), ago(-1).expect("a time"))
}

#[test]
fn a_run_that_goes_back_is_held_against_the_time_before_the_migration() {
    let mut facts = measured(&World::quiet(), &answered(200), 0.39);
    let before = facts.vitals.baseline().cloned();
    opened(&mut facts);
    assert_eq!(facts.vitals.baseline().cloned(), before, "what was lost is still to be weighed");
    assert_eq!(value(&mut facts, Builtin::RowsLostSinceBaseline), Value::Int(0));
    assert!(facts.offer().is_some());
    let mut plan = plan();
    let Action::Migrate { direction, .. } = &mut plan.action else { panic!("{plan:?}") };
    *direction = Direction::Down;
    let down = Record { data: serde_json::json!({ "plan": plan }), ..intent(-1) };
    assert_eq!(facts.hear(News::Recorded(Box::new(down)), now()), None);
    assert_eq!(facts.vitals.baseline().cloned(), before);
}

#[test]
fn the_next_way_up_begins_a_time_of_its_own() {
    let mut facts = measured(&World::quiet(), &answered(200), 1.0);
    let before = facts.vitals.baseline().cloned();
    opened(&mut facts);
    let told = next_up(&mut facts);
    let Some(Event::Measured(baseline)) = told else { panic!("{told:?}") };
    assert_ne!(Some(&*baseline), before.as_ref());
    assert_eq!(facts.vitals.baseline(), Some(&*baseline));
}

/// Lets the server do `tps`, refresh by refresh, and returns what was told of it.
fn refreshed(facts: &mut Facts, tps: f64, seconds: std::ops::Range<i64>) -> Vec<Event> {
    let refreshed = seconds.map(|step| {
        facts.history.extend((0..20).map(|_| Point { tps: Some(tps), wal: None, blocked: 0 }));
        let at = ago(-5 * step).expect("a time");
        facts.hear(News::Snapshot(Ok(Box::new(World::quiet().snapshot()))), at)
    });
    refreshed.flatten().collect()
}

#[test]
fn a_trigger_that_fires_is_told_once_and_again_only_after_it_was_calm() {
    let mut facts = measured(&World::quiet(), &answered(200), 1.0);
    assert_eq!(facts.offer(), None);
    let told = refreshed(&mut facts, 200.0, 1..12);
    let [Event::Fired(fired)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(fired.len(), 1);
    assert_eq!(fired[0].trigger, "slowdown");
    assert_eq!(facts.offer(), Some((Level::Alarm, fired[0].says.clone())));
    assert!(fired[0].says.contains("fewer transactions than before the run"), "{fired:?}");
    assert_eq!(refreshed(&mut facts, 540.0, 12..24), []);
    assert_eq!(facts.offer(), None);
    assert_eq!(refreshed(&mut facts, 100.0, 24..36).len(), 1);
}

#[test]
fn what_fires_is_recorded_and_offered_and_starts_nothing() {
    let level = Level::Alarm;
    let one = Fired { trigger: "slowdown".into(), says: "61% fewer".into(), level };
    let estimate = Fired { level: Level::Warn, ..one.clone() };
    let effects = Session::default().update(Event::Fired(vec![estimate]));
    assert!(matches!(&effects[..], [Effect::Record(_)]), "it talks over nothing: {effects:?}");
    let effects = Session::default().update(Event::Fired(vec![one]));
    let [Effect::Record(entry), Effect::Say(Tone::Offer, text)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((entry.kind, text.as_str()), (Kind::Trigger, "61% fewer"));
    assert_eq!(entry.data["trigger"], "slowdown");
}

#[test]
fn the_next_run_is_not_held_against_the_samples_of_the_last() {
    let mut facts = measured(&World::quiet(), &answered(200), 0.39);
    assert!(facts.offer().is_some());
    opened(&mut facts);
    next_up(&mut facts);
    assert_eq!(facts.vitals.state(Builtin::Slowdown), Some(State::Unknown));
    assert_eq!(facts.offer(), None);
}

/// Facts with a baseline, on which one trigger of one's own fires above 100.
fn with_own(against: &str, before: &[i64], after: &[&str]) -> Facts {
    let own = format!(
        "[probes.jobs]\ncommand = [\"jobs\"]\n[triggers.own.jobs]\nprobe = \"jobs\"\n\
         says = \"jobs pile up\"\nagainst = \"{against}\"\nfire = {{ above = 100 }}\nsamples = 2\n"
    );
    let config: Config = toml::from_str(&own).expect("it is a configuration");
    let mut facts = World::quiet().facts();
    facts.now = ago(200).expect("a time");
    facts.arm(config.triggers.armed(), config.probes.keys().cloned());
    facts.history.iter_mut().for_each(|point| point.tps = Some(500.0));
    let jobs = |facts: &mut Facts, text: &str, seconds| {
        let value = Value::Answer { status: 0, text: text.to_owned() };
        facts.hear(sampled("jobs", value, 3.0, seconds), ago(seconds).expect("a time"))
    };
    for (at, number) in (0..).zip(before) {
        jobs(&mut facts, &number.to_string(), 190 - 5 * at);
    }
    facts.hear(News::Recorded(Box::new(intent(60))), ago(60).expect("a time"));
    for (at, text) in (0..).zip(after) {
        jobs(&mut facts, text, 55 - 5 * at);
    }
    facts
}

fn jobs(facts: &Facts) -> Gauge {
    facts.gauges().into_iter().find(|gauge| gauge.name == "jobs").expect("it is armed")
}

#[test]
fn a_trigger_of_ones_own_fires_on_its_probe_and_that_is_nobodys_health() {
    let facts = with_own("threshold", &[7, 8], &["99", "101", "250"]);
    let gauge = jobs(&facts);
    assert_eq!((gauge.state, gauge.limit.as_str()), (State::Fire, "more than 100"));
    assert_eq!(gauge.share, Some(2.5));
    let (level, why) = facts.offer().expect("it offers");
    assert_eq!(level, Level::Alarm);
    assert!(why.starts_with("jobs pile up: "), "{why}");
    assert!(!facts.vitals.health.has(Role::Health));
    let one = with_own("threshold", &[7, 8], &["250"]);
    assert_eq!(jobs(&one).state, State::Warn, "one sample is not enough");
}

#[test]
fn a_trigger_against_the_baseline_is_held_against_the_median_before_the_run() {
    // 10 before: 20 are 100 % more, and not above that; 30 are.
    assert_eq!(jobs(&with_own("baseline", &[9, 10, 11], &["20", "20"])).state, State::Calm);
    let fires = jobs(&with_own("baseline", &[9, 10, 11], &["30", "30"]));
    assert_eq!((fires.state, fires.value.as_str()), (State::Fire, "200%"));
    let unknown = jobs(&with_own("baseline", &[], &["30", "30"]));
    assert_eq!((unknown.state, unknown.value.as_str()), (State::Unknown, "there is no baseline"));
}

#[test]
fn a_probe_that_returns_nonsense_is_unknown_with_a_reason_and_never_calm() {
    let gauge = jobs(&with_own("threshold", &[7], &["<html>\u{1b}[2J", "<html>\u{1b}[2J"]));
    assert_eq!(gauge.state, State::Unknown);
    assert!(gauge.value.contains("cannot be compared with more than 100"), "{}", gauge.value);
    assert!(!gauge.value.contains('\u{1b}'));
}

#[test]
fn a_trigger_without_anything_that_measures_it_is_unknown_and_not_armed() {
    let mut facts = World::quiet().facts();
    facts.now = ago(70).expect("a time");
    facts.arm(Config::default().triggers.armed(), []);
    facts.hear(News::Recorded(Box::new(intent(60))), now());
    let refresh = News::Snapshot(Ok(Box::new(World::quiet().snapshot())));
    facts.hear(refresh, now());
    assert_eq!(facts.vitals.armed(), 3);
    let unknown: Vec<String> = facts
        .gauges()
        .into_iter()
        .filter(|gauge| gauge.name.ends_with("_failures"))
        .map(|gauge| format!("{:?}: {}", gauge.state, gauge.value))
        .collect();
    assert_eq!(unknown, ["Unknown: no probe is configured for it"; 2]);
}

/// Returns the record that a session makes when the offer is put aside.
fn put_aside(facts: &Facts, reason: &str) -> (Vec<Effect>, Option<Record>) {
    let event = Event::PutAside { triggers: facts.offering(), reason: reason.to_owned() };
    let effects = Session::default().update(event);
    let record = effects.iter().find_map(|effect| match effect {
        Effect::Record(entry) => {
            Some(Record { kind: entry.kind, data: entry.data.clone(), ..intent(0) })
        }
        _ => None,
    });
    (effects, record)
}

#[test]
fn an_offer_is_put_aside_for_a_reason_and_nags_no_more_until_it_was_calm() {
    let mut facts = with_own("threshold", &[7, 8], &["250", "250"]);
    assert_eq!(facts.offering(), ["jobs"]);
    assert_eq!(put_aside(&facts, "  ").1, None, "not without a reason");
    let (_, record) = put_aside(&facts, "the batch of the first of the month");
    let record = record.expect("it is recorded");
    assert_eq!(record.kind, Kind::Trigger);
    facts.hear(News::Recorded(Box::new(record)), now());
    assert_eq!((facts.offer(), facts.offering()), (None, Vec::new()));
    assert_eq!(jobs(&facts).aside.as_deref(), Some("the batch of the first of the month"));
    let (level, text) = level(&facts);
    assert_eq!(level, Level::Warn, "it stays in sight");
    assert!(text.ends_with("put aside: the batch of the first of the month"), "{text}");
    let mut take = |text: &str, seconds| {
        let value = Value::Answer { status: 0, text: text.to_owned() };
        facts.hear(sampled("jobs", value, 3.0, seconds), ago(seconds).expect("a time"))
    };
    assert_eq!(take("300", -5), None, "it does not nag");
    assert_eq!(take("7", -10), None);
    assert_eq!(take("300", -15), None);
    let again = take("300", -20);
    assert!(matches!(again, Some(Event::Fired(_))), "it was calm in between: {again:?}");
    assert_eq!(facts.offering(), ["jobs"]);
}

#[test]
fn where_nothing_fires_nothing_is_put_aside() {
    let facts = with_own("threshold", &[7, 8], &["9", "9"]);
    let (effects, record) = put_aside(&facts, "because");
    assert_eq!(record, None);
    assert!(matches!(&effects[..], [Effect::Say(Tone::Plain, _)]), "{effects:?}");
}

/// Tells the end of an attempt, so many seconds ago.
fn ended(facts: &mut Facts, ending: &str, attempt: u32, seconds: i64) {
    let data = serde_json::json!({ "ending": ending });
    let record = Record { kind: Kind::Outcome, attempt: Some(attempt), data, ..intent(seconds) };
    facts.hear(News::Recorded(Box::new(record)), now());
}

fn lasts(seconds: u64) -> Value {
    Value::Period(lockkeeper::domain::quantity::Period::from_secs(seconds))
}

fn trying(attempts: u32) -> Facts {
    pausing(attempts, None)
}

/// The same, with a pause of so many milliseconds before the next attempt.
fn pausing(attempts: u32, pause_ms: Option<u64>) -> Facts {
    let mut facts = World::quiet().facts();
    facts.now = ago(70).expect("a time");
    facts.arm(Vec::new(), []);
    let mut plan = plan();
    plan.attempts = attempts;
    plan.timeouts.pause_ms = pause_ms;
    let first = Record { data: serde_json::json!({ "plan": plan }), ..intent(60) };
    facts.hear(News::Recorded(Box::new(first)), now());
    facts
}

#[test]
fn a_migration_lasts_between_its_attempts_too() {
    let mut facts = trying(3);
    assert_eq!(value(&mut facts, Builtin::Duration), lasts(60));
    ended(&mut facts, "lock_timeout", 1, 1);
    assert_eq!(value(&mut facts, Builtin::Duration), lasts(60), "the next attempt follows");
    let mut data = serde_json::json!({ "plan": plan() });
    data["plan"]["attempts"] = 3.into();
    let second = Record { attempt: Some(2), data, ..intent(0) };
    facts.hear(News::Recorded(Box::new(second)), now());
    assert_eq!(value(&mut facts, Builtin::Duration), lasts(60));
    ended(&mut facts, "lock_timeout", 3, 0);
    assert_eq!(value(&mut facts, Builtin::Duration), lasts(0), "the last one is the end");
}

#[test]
fn a_pause_that_reaches_beyond_all_time_goes_on() {
    let mut facts = pausing(3, Some(u64::MAX));
    ended(&mut facts, "lock_timeout", 1, 1);
    assert_eq!(value(&mut facts, Builtin::Duration), lasts(60));
}

#[test]
fn a_migration_ends_with_its_success_with_a_failure_and_when_it_is_given_up() {
    for ending in ["done", "failed", "rolled_back"] {
        let mut facts = trying(3);
        ended(&mut facts, ending, 1, 0);
        assert_eq!(value(&mut facts, Builtin::Duration), lasts(0), "{ending}");
    }
    let mut facts = trying(3);
    ended(&mut facts, "lock_timeout", 1, 50);
    assert_eq!(value(&mut facts, Builtin::Duration), lasts(0), "its next attempt never came");
    let mut facts = trying(3);
    ended(&mut facts, "lock_timeout", 1, 1);
    let stop = Record { kind: Kind::Stop, data: serde_json::json!({}), ..intent(0) };
    facts.hear(News::Recorded(Box::new(stop)), now());
    assert_eq!(value(&mut facts, Builtin::Duration), lasts(0), "nobody waits for another");
}

#[test]
fn a_console_that_has_measured_nothing_takes_the_time_before_from_an_earlier_run() {
    let mut measured = measured(&World::quiet(), &answered(200), 1.0);
    let before = measured.vitals.baseline().cloned().expect("it was measured");
    let earlier = || Baseline { run: Some("20260101-r".into()), ..before.clone() };
    assert_eq!(measured.hear(News::Earlier(Box::new(earlier())), now()), None, "its own is nearer");
    let mut facts = World::quiet().facts();
    facts.now = ago(70).expect("a time");
    facts.arm(Vec::new(), []);
    assert!(value(&mut facts, Builtin::RowsLostSinceBaseline).is_unknown());
    opened(&mut facts);
    let told = facts.hear(News::Earlier(Box::new(earlier())), now());
    let Some(Event::Measured(taken)) = told else { panic!("{told:?}") };
    assert_eq!(facts.vitals.baseline(), Some(&*taken));
    let origin = taken.origin(now()).expect("it says where it is from");
    assert!(origin.contains("ago (run 20260101-r)"), "{origin}");
    // It is recorded in this run, and then the first way up still begins a time of its own.
    let data = serde_json::to_value(&*taken).expect("it is JSON");
    let record = Record { kind: Kind::Baseline, data, ..intent(0) };
    facts.hear(News::Recorded(Box::new(record)), now());
    let told = next_up(&mut facts);
    let Some(Event::Measured(own)) = told else { panic!("{told:?}") };
    assert_eq!(own.run, None);
}
