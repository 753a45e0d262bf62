//! How long a migration takes on a database of another size.

use std::cmp::Ordering;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::predicted::same;
use crate::domain::age;
use crate::domain::hazard::{Answer, Hazard};
use crate::domain::quantity::size;

/// A statement whose time grows with a relation: it reads or rewrites all of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slow {
    /// The relation with its schema.
    pub relation: String,
    /// The bytes that it took before.
    pub bytes: u64,
    /// The seconds that the statement took.
    pub took_s: f64,
}

/// A statement whose time no size changes: what it took, by each relation that it locked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// The relation with its schema.
    pub relation: String,
    /// The seconds that the statement took.
    pub took_s: f64,
}

/// Gives each statement of a way up the seconds that it is estimated to take here, by what was
/// measured: `slow` grows with its relation, `brief` does not. Where there are more or fewer
/// statements on a relation than were measured, nothing is said of any of them.
///
/// Never less than was measured: a copy is read from a warm cache, and alone.
pub fn seconds(hazards: &mut [Hazard], slow: &[Slow], brief: &[Brief]) {
    let mut relations: Vec<String> = hazards.iter().filter_map(|h| h.relation.clone()).collect();
    relations.sort_unstable();
    relations.dedup();
    for relation in relations {
        for grows in [true, false] {
            let of = |h: &&mut Hazard| h.relation.as_ref() == Some(&relation) && does(h) == grows;
            let told: Vec<&mut Hazard> = hazards.iter_mut().filter(of).collect();
            let measured: Vec<(f64, Option<u64>)> = match grows {
                true => of_relation(slow, &relation, |one: &Slow| &one.relation)
                    .map(|one| (one.took_s, Some(one.bytes)))
                    .collect(),
                false => of_relation(brief, &relation, |one: &Brief| &one.relation)
                    .map(|one| (one.took_s, None))
                    .collect(),
            };
            if told.len() == measured.len() {
                told.into_iter().zip(measured).for_each(|(hazard, of)| estimate(hazard, of));
            }
        }
    }
}

fn estimate(hazard: &mut Hazard, (took_s, bytes): (f64, Option<u64>)) {
    let factor = match bytes {
        None => Some(1.0),
        Some(there) => hazard.bytes.map(|here| factor(here, there)),
    };
    hazard.estimate_s = factor.map(|factor| took_s * factor);
}

/// Returns true if the classifier says that a statement reads or rewrites all of a relation.
#[must_use]
pub fn reads(hazards: &[Hazard], relation: &str) -> bool {
    let of = |hazard: &&Hazard| hazard.relation.as_deref().is_some_and(|it| same(it, relation));
    hazards.iter().filter(of).any(does)
}

fn does(hazard: &Hazard) -> bool {
    hazard.rewrite.max(hazard.scan) != Answer::No
}

/// Returns those of a relation, as a statement writes it: mostly without its schema.
fn of_relation<'a, T>(
    all: &'a [T],
    written: &'a str,
    name: impl Fn(&T) -> &String + 'a,
) -> impl Iterator<Item = &'a T> {
    all.iter().filter(move |one| same(written, name(one)))
}

/// A rehearsal's copy is warm and quiet: an estimate is from the linear one up to this much more.
const MARGIN: f64 = 1.25;
/// Below this difference of sizes nothing is estimated.
const ALIKE: f64 = 1.2;

/// Returns how long it took, and how long it may take where the relations are as large as
/// `here` says. What does not grow with a relation counts as measured; of what grows nothing is
/// known unless statements were seen.
#[must_use]
pub fn takes(
    up_s: f64,
    slow: &[Slow],
    is_seen: bool,
    rehearsed_bytes: u64,
    here: impl Fn(&str) -> Option<u64>,
) -> String {
    let took = format!("took {} on {}", clock(up_s), size(rehearsed_bytes));
    if slow.is_empty() {
        return match is_seen {
            true => format!("{took}; nothing in it grows with a relation"),
            false => format!("{took}; what of it grows with a relation was not seen"),
        };
    }
    let constant = slow.iter().fold(up_s, |left, one| left - one.took_s).max(0.0);
    let grown = |one: &Slow| Some(one.took_s * factor(here(&one.relation)?, one.bytes));
    let scaled: Option<f64> = slow.iter().map(grown).sum();
    let is_other = |one: &Slow| here(&one.relation).is_some_and(|is| differs(one.bytes, is));
    // What is told of: one whose size is not known here, else what takes longest here.
    let unknown = slow.iter().find(|one| grown(one).is_none());
    let longest = || slow.iter().max_by(|a, b| longer(grown(a), grown(b)));
    let Some(largest) = unknown.or_else(longest) else { return took };
    let of = format!("{} of {}", size(largest.bytes), largest.relation);
    match (scaled, here(&largest.relation)) {
        (Some(scaled), Some(bytes)) if slow.iter().any(is_other) => {
            let low = constant + scaled;
            let range = range(low, low * MARGIN);
            format!("took {} on {of}; here {}: estimate {range}", clock(up_s), size(bytes))
        }
        (Some(_), Some(_)) => format!("took {} on {of}, about as much as here", clock(up_s)),
        _ => format!("took {} on {of}; how large that is here is not known", clock(up_s)),
    }
}

/// Returns the seconds that it may take at most where the relations are as large as `here` says:
/// the upper end of what [`takes`] tells; `None` where nothing is known of it.
#[must_use]
pub fn at_most(
    up_s: f64,
    slow: &[Slow],
    is_seen: bool,
    here: impl Fn(&str) -> Option<u64>,
) -> Option<f64> {
    if slow.is_empty() && !is_seen {
        return None;
    }
    let constant = slow.iter().fold(up_s, |left, one| left - one.took_s).max(0.0);
    let grown = |one: &Slow| Some(one.took_s * factor(here(&one.relation)?, one.bytes));
    let scaled: f64 = slow.iter().map(grown).sum::<Option<f64>>()?;
    Some((constant + scaled) * MARGIN)
}

fn longer(a: Option<f64>, b: Option<f64>) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

fn factor(here: u64, there: u64) -> f64 {
    // A page at least: nothing is divided by an empty relation.
    ratio(here.max(8192), there.max(8192)).max(1.0)
}

fn differs(a: u64, b: u64) -> bool {
    ratio(a.max(8192), b.max(8192)).max(ratio(b.max(8192), a.max(8192))) > ALIKE
}

#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more digits")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}

fn delta(seconds: f64) -> TimeDelta {
    let time = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

fn clock(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.1} s") } else { age::clock(delta(seconds)) }
}

fn range(low: f64, high: f64) -> String {
    let (low, high) = match high {
        ..1.0 => return "under a second".to_owned(),
        1.0..90.0 => (low.floor(), high.ceil()),
        _ => return minutes((low / 60.0).floor().max(1.0), (high / 60.0).ceil()),
    };
    if low.max(1.0) >= high {
        format!("{high:.0} s")
    } else {
        format!("{:.0}–{high:.0} s", low.max(1.0))
    }
}

fn minutes(low: f64, high: f64) -> String {
    if low >= high { format!("{high:.0} min") } else { format!("{low:.0}–{high:.0} min") }
}
