//! Maintenance windows: when policy lets a migration run, and how long it then has.
//!
//! Each is written with its distance from UTC: two operators in two places, or a server whose
//! zone was changed, must not see two windows. A zone's summer time is not followed for the
//! same reason, and is told by writing the window anew.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike as _, Days, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time in which migrations may run: `Sat,Sun 22:00-04:00 +01:00`, every day
/// `01:00-05:00 Z`, or once `2026-11-22T22:00Z/2026-11-23T04:00Z` (ISO 8601, an interval).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    written: String,
    span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Span {
    Once {
        from: DateTime<FixedOffset>,
        until: DateTime<FixedOffset>,
    },
    /// On the days on which it begins; it ends on the next one where it ends no later than it
    /// begins.
    Weekly {
        days: Vec<Weekday>,
        from: NaiveTime,
        until: NaiveTime,
        zone: FixedOffset,
    },
}

/// When it opens, and when it closes.
type Opening = (DateTime<FixedOffset>, DateTime<FixedOffset>);

const DAYS: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// Windows that follow upon each other are one; nobody needs to know more than this of those
/// that never end.
const FARTHEST: TimeDelta = TimeDelta::days(14);

/// Returns when what is open now closes, windows that meet taken together; `None`: none is open.
#[must_use]
pub fn open_until(windows: &[Window], now: DateTime<Utc>) -> Option<DateTime<FixedOffset>> {
    let closes = |at: DateTime<Utc>| windows.iter().filter_map(|w| w.closes(at)).max();
    let mut end = closes(now)?;
    while let Some(later) = closes(end.to_utc()).filter(|_| end.to_utc() - now < FARTHEST) {
        end = later;
    }
    Some(end)
}

/// Returns how long what is open now stays so; nothing if none is open.
#[must_use]
pub fn left(windows: &[Window], now: DateTime<Utc>) -> TimeDelta {
    open_until(windows, now).map_or(TimeDelta::zero(), |end| end.to_utc() - now)
}

/// Returns when the next one opens; `None`: none will.
#[must_use]
pub fn opens(windows: &[Window], now: DateTime<Utc>) -> Option<DateTime<FixedOffset>> {
    windows.iter().filter_map(|window| window.opens(now)).min()
}

/// Returns a moment as windows are told: `Sat 22:00 +01:00`, with the date where it is not
/// within a week of now.
#[must_use]
pub fn moment(at: DateTime<FixedOffset>, now: DateTime<Utc>) -> String {
    let is_near = (at.to_utc() - now).abs() < TimeDelta::days(7);
    at.format(if is_near { "%a %H:%M %:z" } else { "%Y-%m-%d %H:%M %:z" }).to_string()
}

impl Window {
    /// Returns when it closes if it is open at that moment.
    fn closes(&self, at: DateTime<Utc>) -> Option<DateTime<FixedOffset>> {
        let mut all = self.around(at).into_iter();
        all.find(|(from, until)| *from <= at && at < *until).map(|(_, until)| until)
    }

    /// Returns when it opens after that moment.
    fn opens(&self, at: DateTime<Utc>) -> Option<DateTime<FixedOffset>> {
        self.around(at).into_iter().map(|(from, _)| from).find(|from| *from > at)
    }

    /// Returns its openings from the day before that moment to the week after it, in order.
    fn around(&self, at: DateTime<Utc>) -> Vec<Opening> {
        match &self.span {
            Span::Once { from, until } => vec![(*from, *until)],
            Span::Weekly { days, from, until, zone } => {
                let today = at.with_timezone(zone).date_naive();
                let first = today.checked_sub_days(Days::new(1)).unwrap_or(today);
                let opening = |day: NaiveDate| {
                    let end = if until > from { day } else { day.succ_opt()? };
                    let begins = day.and_time(*from).and_local_timezone(*zone).single()?;
                    Some((begins, end.and_time(*until).and_local_timezone(*zone).single()?))
                };
                let week = first.iter_days().take(9).filter(|day| days.contains(&day.weekday()));
                week.filter_map(opening).collect()
            }
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = match text.split_once('/') {
            Some((from, until)) => once(from, until),
            None => weekly(text),
        };
        let span = span.ok_or_else(|| {
            format!(
                "\"{text}\" is not a window: write \"Sat,Sun 22:00-04:00 +01:00\", every day \
                 \"01:00-05:00 Z\", or once \"2026-11-22T22:00Z/2026-11-23T04:00Z\", always \
                 with the distance from UTC"
            )
        })?;
        if let Span::Once { from, until } = span
            && until <= from
        {
            return Err(format!("\"{text}\" ends before it begins"));
        }
        Ok(Self { written: text.to_owned(), span })
    }
}

fn once(from: &str, until: &str) -> Option<Span> {
    let at = |text: &str| {
        let text = text.trim();
        // To the minute, or to the second.
        let minute = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%#z");
        minute.or_else(|_| DateTime::parse_from_rfc3339(text)).ok()
    };
    Some(Span::Once { from: at(from)?, until: at(until)? })
}

fn weekly(text: &str) -> Option<Span> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (days, hours, zone) = match words.as_slice() {
        [hours, zone] => (DAYS.to_vec(), hours, zone),
        [days, hours, zone] => (all_of(days)?, hours, zone),
        _ => return None,
    };
    let (from, until) = hours.split_once('-')?;
    let at = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    // The end of a day is the beginning of the next one.
    let until = if until == "24:00" { "00:00" } else { until };
    Some(Span::Weekly { days, from: at(from)?, until: at(until)?, zone: offset(zone)? })
}

/// Returns the days that are named one by one or from one to another: `Mon-Fri,Sun`.
fn all_of(text: &str) -> Option<Vec<Weekday>> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (Weekday, Weekday) = (first.parse().ok()?, last.parse().ok()?);
        let mut day = first;
        all.push(day);
        while day != last {
            day = day.succ();
            all.push(day);
        }
    }
    Some(all)
}

fn offset(text: &str) -> Option<FixedOffset> {
    if matches!(text, "Z" | "UTC") { FixedOffset::east_opt(0) } else { text.parse().ok() }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
