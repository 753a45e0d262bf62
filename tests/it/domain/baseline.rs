//! The time before a migration.

use lockkeeper::domain::baseline::Baseline;
use lockkeeper::domain::counters::{Count, Surroundings};

const TABLE: &str = "public.expenses";

fn counted(rows: i64, deleted: i64, anew: Option<i64>) -> Surroundings {
    Surroundings {
        rows: [(TABLE.to_owned(), rows)].into(),
        counts: [(TABLE.to_owned(), Count { deleted, anew, oid: Some(1), ..Count::default() })]
            .into(),
        ..Surroundings::default()
    }
}

/// Returns the rows lost between the two.
fn lost(before: &Surroundings, now: &Surroundings) -> u64 {
    let baseline = Baseline {
        rows: before.rows.clone(),
        counts: before.counts.clone(),
        transactions: Some(1),
        ..Baseline::default()
    };
    baseline.rows(now, Some(2)).expect("they compare").lost
}

#[test]
fn an_estimate_that_vacuum_puts_right_loses_no_rows() {
    let before = counted(420_490, 0, Some(1));
    assert_eq!(lost(&before, &counted(211_254, 0, Some(2))), 0, "it was counted twice");
    assert_eq!(lost(&before, &counted(211_254, 40, Some(2))), 40, "those were deleted");
    assert_eq!(lost(&before, &counted(211_254, 0, Some(1))), 209_236, "nobody counted anew");
    assert_eq!(lost(&counted(9, 0, None), &counted(5, 0, Some(2))), 0, "nor was one deleted");
}

#[test]
fn rows_that_are_gone_stay_lost_when_they_are_counted_anew() {
    let before = counted(200_000, 50, Some(1));
    assert_eq!(lost(&before, &counted(100_000, 100_050, Some(2))), 100_000);
    assert_eq!(lost(&before, &counted(0, 50, Some(2))), 200_000, "TRUNCATE counts nothing");
    assert_eq!(lost(&before, &counted(90_000, 0, Some(2))), 110_000, "it was made anew");
    let never = counted(200_000, 0, Some(1));
    let half = |count: Count| Surroundings {
        counts: [(TABLE.to_owned(), count)].into(),
        ..counted(100_000, 0, Some(2))
    };
    let count = Count { anew: Some(2), oid: Some(1), ..Count::default() };
    assert_eq!(lost(&never, &half(count)), 0, "the same rows, counted anew");
    let renamed = Count { oid: Some(2), ..count };
    assert_eq!(lost(&never, &half(renamed)), 100_000, "another table has taken its name");
    let reloaded = Count { inserted: 100_000, ..count };
    assert_eq!(lost(&never, &half(reloaded)), 100_000, "TRUNCATE, and half of it loaded again");
    let unknown = Count { oid: None, ..count };
    assert_eq!(lost(&never, &half(unknown)), 100_000, "nothing says that it is the same");
    assert_eq!(
        lost(
            &before,
            &Surroundings { rows: [("public.x".into(), 1)].into(), ..counted(0, 0, None) }
        ),
        200_000
    );
}
