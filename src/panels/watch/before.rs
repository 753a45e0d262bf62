//! How things stand to the time before the migration, and the health of what uses the
//! database.

use super::super::Scene;
use super::around::{self, ROOMY};
use super::block::{Block, Piece, Row};
use crate::domain::baseline::Baseline;
use crate::domain::evidence::Builtin;
use crate::domain::health::{Role, Standing};
use crate::domain::trigger::State;
use crate::session::facts::{Facts, Point};
use crate::ui::text;
use crate::ui::theme::Tone;
use crate::ui::widgets::spark;

/// Returns the line `BASELINE` once there is one, which says what the load's line would say
/// and more; before that, how the configured probes stand, if there are any.
pub(super) fn block(scene: &Scene<'_>, width: usize) -> Option<Block> {
    let facts = scene.facts;
    match facts.vitals.baseline() {
        Some(before) => Some(Block::new("BASELINE", vec![compared(facts, before, width)], 2)),
        None if facts.vitals.health.is_empty() => None,
        None => {
            let mut pieces = health(facts);
            pieces.push(latency(facts, None));
            Some(Block::new("HEALTH", vec![Row::Flowing(spaced(pieces))], 3))
        }
    }
}

fn compared(facts: &Facts, before: &Baseline, width: usize) -> Row {
    let bars = (width.saturating_sub(110) / 2).clamp(0, 24);
    let mut pieces = vec![tps(facts, before, bars)];
    if !facts.vitals.health.is_empty() || before.latency_ms.is_some() {
        pieces.push(latency(facts, Some(before)));
    }
    pieces.extend(health(facts));
    pieces.push(rows(facts));
    pieces.push(blocked(facts, bars));
    if width >= ROOMY {
        pieces.extend(facts.snapshot.value().map(|now| around::connections(&now.counters)));
    }
    pieces.extend(before.origin(facts.now).map(|origin| (origin, Tone::Dim)));
    Row::Flowing(spaced(pieces))
}

/// Puts the pieces apart from each other.
fn spaced(pieces: Vec<Piece>) -> Vec<Piece> {
    let apart = |(at, (said, tone)): (usize, Piece)| match at {
        0 => (said, tone),
        _ => (format!("   {}", said.trim_start()), tone),
    };
    pieces.into_iter().enumerate().map(apart).collect()
}

fn line(facts: &Facts, bars: usize, value: fn(&Point) -> Option<f64>) -> String {
    let values: Vec<Option<f64>> = facts.history.iter().map(value).collect();
    Some(spark::line(&values, bars))
        .filter(|_| bars > 0)
        .map(|l| format!(" {l}"))
        .unwrap_or_default()
}

fn tps(facts: &Facts, before: &Baseline, bars: usize) -> Piece {
    let now = facts.tps();
    let told = now.map_or_else(|| "unknown".to_owned(), |tps| format!("{tps:.0}"));
    let bars = line(facts, bars, |point| point.tps);
    let tone = match facts.vitals.state(Builtin::Slowdown) {
        _ if now.is_none() => Tone::Warn,
        Some(State::Fire) => Tone::Alarm,
        Some(State::Warn) => Tone::Warn,
        _ => Tone::Plain,
    };
    let change = change(Baseline::change(before.tps, now));
    (format!("{}tps {told}{bars}{change}", mark(tone)), tone)
}

/// A warning has a symbol too: colour is never alone.
fn mark(tone: Tone) -> String {
    match tone {
        Tone::Alarm | Tone::Warn => format!("{} ", tone.symbol()),
        _ => String::new(),
    }
}

/// Returns ` (−61 %)`, or nothing where there is nothing to compare with.
fn change(percent: Option<f64>) -> String {
    match percent.map(f64::round) {
        Some(percent) if percent < 0.0 => format!(" (−{:.0} %)", -percent),
        Some(percent) => format!(" (+{:.0} %)", percent.abs()),
        None => String::new(),
    }
}

fn latency(facts: &Facts, before: Option<&Baseline>) -> Piece {
    let Some(now) = facts.latency_ms() else {
        return ("▲ latency unknown".to_owned(), Tone::Warn);
    };
    let change = change(Baseline::change(before.and_then(|before| before.latency_ms), Some(now)));
    let told = if now < 10.0 { format!("{now:.1}") } else { format!("{now:.0}") };
    (format!("latency {told} ms{change}"), Tone::Plain)
}

/// Returns how the probes stand, by their roles.
fn health(facts: &Facts) -> Vec<Piece> {
    let roles = [
        (Role::Health, "health", Builtin::HealthFailures),
        (Role::Auth, "auth", Builtin::AuthFailures),
    ];
    let pieces = roles.into_iter().filter(|(role, ..)| facts.vitals.health.has(*role));
    pieces
        .map(|(role, word, builtin)| {
            let standing = facts.vitals.health.standing(role, facts.now);
            let tone = tone(&standing, facts.vitals.state(builtin));
            (format!("{}{word} {}", mark(tone), stands(&standing)), tone)
        })
        .collect()
}

/// Returns `5/5`, `3/5`, or what cannot be told.
fn stands(standing: &Standing) -> String {
    let all = standing.all();
    match standing.unknown {
        0 => format!("{}/{all}", standing.good),
        unknown if unknown == all => "unknown".to_owned(),
        unknown => format!("{}/{all} ({unknown} unknown)", standing.good),
    }
}

fn tone(standing: &Standing, state: Option<State>) -> Tone {
    match state {
        Some(State::Fire) => Tone::Alarm,
        _ if standing.good == standing.all() => Tone::Ok,
        _ => Tone::Warn,
    }
}

fn rows(facts: &Facts) -> Piece {
    let count = |rows: u64| text::count(rows);
    match facts.rows() {
        None => ("rows unknown".to_owned(), Tone::Warn),
        Some(rows) if rows.lost > 0 => {
            (format!("▲ rows −{} by estimate", count(rows.lost)), Tone::Warn)
        }
        Some(rows) if rows.change == 0 => ("rows unchanged".to_owned(), Tone::Plain),
        Some(rows) => (format!("rows +{}", count(rows.change.unsigned_abs())), Tone::Plain),
    }
}

fn blocked(facts: &Facts, bars: usize) -> Piece {
    let blocked = facts.snapshot.value().map(|now| now.forest.blocked);
    #[expect(clippy::cast_precision_loss, reason = "a bar needs no more digits")]
    let bars = line(facts, bars, |point| Some(point.blocked as f64));
    let tone = if blocked == Some(0) { Tone::Plain } else { Tone::Warn };
    let told = blocked.map_or_else(|| "unknown".to_owned(), |blocked| blocked.to_string());
    (format!("{}blocked {told}{bars}", mark(tone)), tone)
}
