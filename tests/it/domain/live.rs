//! What a rehearsal tells while it runs.

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::rehearsal::{Leg, Live, OPENING, Stand, Told, Verdict};
use proptest::prelude::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn told() -> impl Strategy<Value = Told> {
    let leg = proptest::sample::select(Leg::ALL.to_vec());
    let verdict = proptest::option::of(proptest::sample::select(Verdict::ALL.to_vec()));
    (1..99_usize, 1..99_usize, "[^\r\n]{0,12}", leg, verdict, any::<bool>()).prop_map(
        |(at, of, id, leg, verdict, begins)| match begins {
            true => Told::Leg { at, of, leg, id },
            false => Told::Judged { at, of, verdict, id },
        },
    )
}

proptest! {
    #[test]
    fn every_line_reads_back_whatever_a_migration_is_called(told in told()) {
        prop_assert_eq!(Told::parse(&told.to_string()), Some(told));
    }

    #[test]
    fn no_line_of_a_tool_makes_it_fall_over(lines in proptest::collection::vec(".{0,40}", 0..20)) {
        let mut live = Live::new("a1", at(0));
        for line in &lines {
            live.hear(line, at(1));
        }
        prop_assert!(live.passing.len() <= lines.len());
        prop_assert!(!live.words().is_empty());
    }
}

#[test]
fn each_leg_has_its_time_and_a_verdict_ends_it() {
    let mut live = Live::new("a1", at(0));
    let leg = |leg| Told::Leg { at: 1, of: 2, leg, id: "a: b".into() }.to_string();
    live.hear(OPENING, at(0));
    live.hear("pg_dump 15.20 reads shop", at(1));
    assert_eq!(live.words(), "pg_dump 15.20 reads shop");
    live.hear(&leg(Leg::Up), at(10));
    live.hear(&leg(Leg::Down), at(14));
    assert_eq!(live.words(), "1 of 2, a: b: down");
    let current = live.current().expect("one is under way");
    assert_eq!((current.began, current.since), (at(10), at(14)));
    assert_eq!(live.still(at(20)), TimeDelta::seconds(6));
    live.hear("rehearsed 1/2 FALSE DOWN: a: b", at(15));
    assert_eq!(live.current(), None);
    assert_eq!(
        live.of("a: b").map(|one| &one.stand),
        Some(&Stand::Judged(Some(Verdict::FalseDown)))
    );
    assert_eq!(live.of("c"), None);
}

#[test]
fn only_its_own_lines_begin_one() {
    assert!(Live::knows(OPENING) && Live::knows("rehearsing 1/2 up again: x"));
    for line in ["", "rehearsing", "rehearsing 1/2 sideways: x", "rehearsed x/2 LOSSY: y", "up"] {
        assert!(!Live::knows(line), "{line}");
    }
}
