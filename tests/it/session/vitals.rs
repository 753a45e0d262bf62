//! What is measured of a run: the baseline stands from its first act on, triggers need
//! samples in a row, and what is not known neither fires nor calms.

use lockkeeper::domain::evidence::{Builtin, Probe, Reading, Value};
use lockkeeper::domain::journal::{Kind, Record};
use lockkeeper::domain::quantity::Percent;
use lockkeeper::domain::trigger::State;
use lockkeeper::domain::verdict::Level;
use lockkeeper::session::effect::{Effect, Event, Tone};
use lockkeeper::session::facts::{Facts, Feed, Point};
use lockkeeper::session::machine::Session;
use lockkeeper::session::news::News;
use lockkeeper::session::vitals::Fired;

use crate::support::facts::{World, ago, answered, intent, measured, now, sampled};

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

#[test]
fn another_run_has_a_time_before_it_of_its_own() {
    let mut facts = measured(&World::quiet(), &answered(200), 1.0);
    let opened = Record { kind: Kind::Opened, run: "other".into(), ..intent(0) };
    facts.hear(News::Recorded(Box::new(opened)), now());
    assert_eq!(facts.vitals.baseline(), None);
    assert_eq!(facts.vitals.armed(), 0);
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
    let opened = Record { kind: Kind::Opened, run: "other".into(), ..intent(0) };
    facts.hear(News::Recorded(Box::new(opened)), now());
    assert_eq!(facts.vitals.state(Builtin::Slowdown), Some(State::Unknown));
    assert_eq!(facts.offer(), None);
}
