//! Ages in words.

use chrono::TimeDelta;
use lockkeeper::domain::age::{clock, rough, seconds};

use super::activity::{ago, now};

#[test]
fn a_clock_shows_minutes_then_hours_then_days() {
    let of = |s| clock(TimeDelta::seconds(s));
    assert_eq!([of(0), of(42), of(370)], ["0:00", "0:42", "6:10"]);
    assert_eq!([of(11_527), of(184_320)], ["3:12:07", "2 d 3:12"]);
}

#[test]
fn a_rough_age_is_its_largest_unit() {
    let of = |s| rough(TimeDelta::seconds(s));
    assert_eq!([of(42), of(299), of(7300)], ["42 s", "4 min", "2 h"]);
    assert_eq!([of(90_000), of(200_000)], ["1 day", "2 days"]);
}

#[test]
fn what_began_after_the_clock_was_read_is_no_second_old() {
    let began = ago(-1).expect("a time");
    assert!(seconds(began, now()).abs() < f64::EPSILON);
}
