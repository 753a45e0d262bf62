//! How long something has lasted, in the two forms that every panel uses.

use chrono::{DateTime, TimeDelta, Utc};

/// Returns the seconds from `since` to `now`; 0 if `since` is later, which happens
/// when one statement reads the clock before the activity.
#[must_use]
pub fn seconds(since: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    (now - since).max(TimeDelta::zero()).as_seconds_f64()
}

/// Returns a running clock: `0:42`, `6:10`, `3:12:07`, `2 d 3:12`.
#[must_use]
pub fn clock(age: TimeDelta) -> String {
    let total = age.num_seconds().max(0);
    let (days, hours, minutes, seconds) =
        (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days} d {hours}:{minutes:02}"),
    }
}

/// Returns the age in its largest unit, rounded down: `42 s`, `4 min`, `3 h`, `2 days`.
#[must_use]
pub fn rough(age: TimeDelta) -> String {
    let total = age.num_seconds().max(0);
    match total {
        0..60 => format!("{total} s"),
        60..3600 => format!("{} min", total / 60),
        3600..86_400 => format!("{} h", total / 3600),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", total / 86_400),
    }
}
