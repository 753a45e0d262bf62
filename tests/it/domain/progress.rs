//! Fractions and estimates.

use chrono::TimeDelta;
use lockkeeper::domain::counters::Counters;
use lockkeeper::domain::progress::{Estimator, Progress};

use super::activity::now;

fn running(phase: &str, done: i64, total: i64) -> Progress {
    Progress {
        pid: 7,
        command: "CREATE INDEX".to_owned(),
        phase: phase.to_owned(),
        relation: None,
        done,
        total,
        waiting_for: None,
        eta_s: None,
    }
}

fn etas(steps: &[(i64, Progress)]) -> Vec<Option<f64>> {
    let mut estimator = Estimator::default();
    let eta = |(second, progress): &(i64, Progress)| {
        let mut list = [progress.clone()];
        estimator.estimate(&mut list, now() + TimeDelta::seconds(*second));
        list[0].eta_s
    };
    steps.iter().map(eta).collect()
}

#[test]
fn a_total_of_nothing_gives_no_fraction() {
    assert_eq!(running("scanning", 5, 0).fraction(), None);
    assert_eq!(running("scanning", 5, 10).fraction(), Some(0.5));
    assert_eq!(running("scanning", 12, 10).fraction(), Some(1.0));
}

#[test]
fn the_pace_of_a_phase_is_measured_from_its_own_beginning() {
    let steps = [
        (0, running("scanning", 0, 100)),
        (10, running("scanning", 50, 100)),
        (11, running("loading", 50, 1000)),
        (21, running("loading", 150, 1000)),
    ];
    assert_eq!(etas(&steps), [None, Some(10.0), None, Some(85.0)]);
}

#[test]
fn a_phase_that_waits_for_others_has_no_end_in_sight() {
    let phase = "waiting for old snapshots";
    assert_eq!(etas(&[(0, running(phase, 0, 9)), (10, running(phase, 3, 9))]), [None, None]);
}

#[test]
fn a_rate_over_reset_statistics_is_unknown() {
    let counted = |second, transactions| Counters {
        at: now() + TimeDelta::seconds(second),
        transactions: Some(transactions),
        ..Counters::default()
    };
    let earlier = counted(0, 100);
    assert_eq!(counted(10, 200).since(&earlier).transactions, Some(10.0));
    assert_eq!(counted(10, 5).since(&earlier).transactions, None);
    assert_eq!(counted(0, 200).since(&earlier).transactions, None);
    assert_eq!(counted(10, 200).since(&earlier).wal, None);
}
