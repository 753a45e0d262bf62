//! When policy lets a migration run.

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::window::{self, Window};
use proptest::prelude::*;

fn windows(all: &[&str]) -> Vec<Window> {
    all.iter().map(|text| text.parse().expect("it is a window")).collect()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("it is a moment")
}

/// Returns how many minutes are left, and when the next one opens.
fn seen(all: &[&str], now: &str) -> (i64, String) {
    let (windows, now) = (windows(all), at(now));
    let next = window::opens(&windows, now).map(|at| window::moment(at, now));
    (window::left(&windows, now).num_minutes(), next.unwrap_or_default())
}

// The 22nd of November 2026 is a Sunday.
#[test]
fn a_window_of_the_week_ends_on_the_next_day_where_its_end_is_the_earlier_time() {
    let weekend = ["Sat,Sun 22:00-04:00 +01:00"];
    assert_eq!(seen(&weekend, "2026-11-21T20:59:00Z"), (0, "Sat 22:00 +01:00".to_owned()));
    assert_eq!(seen(&weekend, "2026-11-21T21:00:00Z").0, 360);
    assert_eq!(seen(&weekend, "2026-11-22T02:59:00Z").0, 1);
    assert_eq!(seen(&weekend, "2026-11-22T03:00:00Z"), (0, "Sun 22:00 +01:00".to_owned()));
    assert_eq!(seen(&weekend, "2026-11-23T02:00:00Z").0, 60);
    assert_eq!(seen(&weekend, "2026-11-24T00:00:00Z"), (0, "Sat 22:00 +01:00".to_owned()));
}

#[test]
fn a_day_is_that_of_the_windows_own_zone() {
    // Monday 02:00 in Auckland is Sunday afternoon in UTC.
    let monday = ["Mon 02:00-03:00 +13:00"];
    assert_eq!(seen(&monday, "2026-11-22T13:30:00Z").0, 30);
    assert_eq!(seen(&monday, "2026-11-23T02:30:00Z").0, 0);
}

#[test]
fn days_are_named_one_by_one_or_from_one_to_another_also_over_the_week() {
    let late = ["Fri-Mon 01:00-02:00 Z"];
    let open = |day: u32| seen(&late, &format!("2026-11-{day:02}T01:30:00Z")).0;
    assert_eq!((18..25).map(open).collect::<Vec<_>>(), [0, 0, 30, 30, 30, 30, 0]);
}

#[test]
fn a_window_without_days_is_every_day_and_one_with_dates_once() {
    assert_eq!(seen(&["01:00-05:00 UTC"], "2026-11-24T04:00:00Z").0, 60);
    let once = ["2026-11-22T22:00Z/2026-11-23T04:00:00+02:00"];
    assert_eq!(seen(&once, "2026-11-22T23:00:00Z"), (180, String::new()));
    assert_eq!(seen(&once, "2026-11-23T02:00:00Z"), (0, String::new()));
    assert_eq!(seen(&once, "2026-11-01T00:00:00Z"), (0, "2026-11-22 22:00 +00:00".to_owned()));
}

#[test]
fn windows_that_meet_are_one_and_those_without_end_are_not_followed_for_ever() {
    let two = ["Sat 22:00-24:00 Z", "Sun 00:00-04:00 Z"];
    assert_eq!(seen(&two, "2026-11-21T23:00:00Z").0, 300);
    let (minutes, _) = seen(&["00:00-24:00 Z"], "2026-11-22T12:00:00Z");
    assert!(minutes >= 14 * 24 * 60, "{minutes}");
}

#[test]
fn what_is_no_window_is_refused_with_what_one_looks_like() {
    let wrong = [
        "",
        "Sat",
        "22:00-04:00",
        "Sat 22:00-04:00",
        "Sat 22:00-04:00 Berlin",
        "Sat 22-04 Z",
        "Sat 25:00-26:00 Z",
        "Caturday 22:00-04:00 Z",
        "Sat 22:00-04:00 +01:00 x",
        "2026-11-22T22:00/2026-11-23T04:00",
        "2026-11-22/2026-11-23",
    ];
    for text in wrong {
        let why = text.parse::<Window>().expect_err(text);
        assert!(why.contains("always with the distance from UTC"), "{text}: {why}");
    }
    let why = "2026-11-23T04:00Z/2026-11-22T22:00Z".parse::<Window>().expect_err("backwards");
    assert!(why.ends_with("ends before it begins"), "{why}");
}

proptest! {
    #[test]
    fn a_window_is_open_exactly_from_its_opening_to_its_closing(
        minutes in 0_i64..40_320, from in 0_u32..1440, until in 0_u32..1440, days in 1_u8..128,
        zone in -12_i32..=14,
    ) {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let days: Vec<&str> =
            names.into_iter().enumerate().filter(|(day, _)| days >> day & 1 == 1).map(|(_, name)| name).collect();
        let hour = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let text = format!("{} {}-{} {zone:+03}:00", days.join(","), hour(from), hour(until));
        let all = windows(&[&text]);
        let now = at("2026-11-01T00:00:00Z") + TimeDelta::minutes(minutes);
        let next = window::opens(&all, now).expect("it comes every week").to_utc();
        prop_assert!(now < next && next <= now + TimeDelta::days(8));
        prop_assert!(window::left(&all, next) > TimeDelta::zero());
        if let Some(end) = window::open_until(&all, now).map(|end| end.to_utc()) {
            prop_assert_eq!(window::left(&all, now), end - now);
            let last = end - TimeDelta::seconds(1);
            prop_assert!(window::left(&all, last) > TimeDelta::zero());
            // But one that was not followed to its end is still open there.
            if end - now < TimeDelta::days(14) {
                prop_assert!(window::left(&all, end).is_zero());
            }
        } else {
            // Between two openings nothing is open.
            let before = next - TimeDelta::seconds(1);
            prop_assert!(window::left(&all, before).is_zero());
        }
    }
}
