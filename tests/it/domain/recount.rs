//! What was counted for a plan against what is counted at the yes.

use lockkeeper::domain::recount::{Count, widen, worse};

fn count(rows: Option<u64>) -> Count {
    Count { what: "table users".into(), line: 1, rows, more: false, covers: rows }
}

fn is_worse(shown: Option<u64>, now: Option<u64>) -> bool {
    !worse(&[count(shown)], &[count(now)]).is_empty()
}

#[test]
fn more_rows_are_worse_and_as_many_or_fewer_are_not() {
    for (shown, now) in [(Some(0), Some(1)), (Some(1000), Some(1001)), (Some(0), None)] {
        assert!(is_worse(shown, now), "{shown:?} {now:?}");
    }
    for (shown, now) in [(Some(0), Some(0)), (Some(3), Some(3)), (Some(3), Some(0))] {
        assert!(!is_worse(shown, now), "{shown:?} {now:?}");
    }
}

#[test]
fn what_could_be_told_and_can_be_no_more_is_worse() {
    assert!(is_worse(Some(5), None));
    assert!(!worse(&[count(Some(5))], &[]).is_empty(), "it is not even asked for any more");
    assert!(!worse(&[], &[count(Some(5))]).is_empty(), "it was never shown");
}

#[test]
fn whoever_said_yes_to_cannot_tell_said_it_to_any_number() {
    assert!(!is_worse(None, None));
    assert!(!is_worse(None, Some(7)));
}

#[test]
fn more_than_was_counted_to_is_worse_than_that_many() {
    let whole = count(Some(10_000));
    let more = Count { more: true, ..whole.clone() };
    assert!(!worse(std::slice::from_ref(&whole), std::slice::from_ref(&more)).is_empty());
    assert!(worse(std::slice::from_ref(&more), std::slice::from_ref(&more)).is_empty());
}

#[test]
fn a_yes_to_what_was_shown_again_covers_growth_but_no_leap() {
    let mut again = [count(Some(10))];
    widen(&mut again);
    assert!(worse(&again, &[count(Some(20))]).is_empty());
    let lines = worse(&again, &[count(Some(21))]);
    assert_eq!(lines, ["table users: 21 now, 10 when it was shown"]);
}
