//! What a question's evidence says, in the words in which one weighs it.

use chrono::TimeDelta;

use super::shown;
use crate::domain::age;
use crate::domain::evidence::{Builtin, Name, Scope as _, Value, Verdict};
use crate::domain::rehearsal;
use crate::panels::Scene;
use crate::session::walk::{Evidence, Walk};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::pairs::Pair;

/// Evidence of this age or less was read just now: it is said once for all of it.
const FRESH: TimeDelta = TimeDelta::seconds(30);

/// Returns what was read, and how long ago.
pub(super) fn lines(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    found(walk, scene).into_iter().chain(read(walk, scene)).collect()
}

/// Returns what was read, a row for each, and one for those that failed alike.
pub(super) fn found(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let mut lines: Vec<Pair> = Vec::new();
    let mut untold: Vec<(&str, usize)> = Vec::new();
    for one in walk.evidence() {
        let Value::Unknown(why) = &one.reading.value else {
            lines.push(line(one, walk, scene));
            continue;
        };
        let why = why.as_str();
        if let Some((_, at)) = untold.iter().find(|(known, _)| *known == why) {
            let label = &mut lines[*at].label;
            *label = format!("{label}, {}", name(one));
        } else {
            untold.push((why, lines.len()));
            lines.push(line(one, walk, scene));
        }
    }
    lines
}

/// Returns how old the evidence is, all of it at most.
fn read(walk: &Walk, scene: &Scene<'_>) -> Option<Pair> {
    let first = walk.evidence().iter().map(|one| one.reading.at).min()?;
    let age = scene.facts.now - first;
    let ago = age::rough(age);
    Some(if age <= FRESH {
        Pair::new("read", format!("{ago} ago")).tone(Tone::Dim)
    } else {
        let text = format!("{} {ago} ago: r reads it again", symbol::WARN);
        Pair::new("read", text).tone(Tone::Warn)
    })
}

/// Returns what a piece of evidence is called.
fn name(one: &Evidence) -> String {
    let label = Builtin::parse(&one.label).and_then(label);
    label.map_or_else(|| one.label.replace('_', " "), str::to_owned)
}

/// Returns e.g. `written since   ▲ 41 rows`, with its age once that is notable. What a
/// runbook's own probe says stays as it is: only the runbook knows what is good.
fn line(one: &Evidence, walk: &Walk, scene: &Scene<'_>) -> Pair {
    let age = scene.facts.now - one.reading.at;
    let ago = if age > FRESH { format!(" · {} ago", age::rough(age)) } else { String::new() };
    let builtin = Builtin::parse(&one.label);
    let label = name(one);
    if let Value::Unknown(why) = &one.reading.value {
        let text = format!("{} cannot tell: {}{ago}", symbol::WARN, shown(why));
        return Pair::new(label, text).tone(Tone::Warn);
    }
    let value = &one.reading.value;
    let words = builtin.and_then(|builtin| words(builtin, value, scene));
    let words = words.unwrap_or_else(|| value.to_string());
    let policy = builtin.and_then(|builtin| policy(builtin, value, walk));
    let told = policy.as_ref().map(|(_, told)| format!(" (policy: {told})")).unwrap_or_default();
    let (mark, tone) = match policy.map(|(verdict, _)| verdict).or(good(builtin, value)) {
        Some(Verdict::Pass) => (format!("{} ", symbol::OK), Tone::Ok),
        Some(Verdict::Fail | Verdict::Unknown) => (format!("{} ", symbol::WARN), Tone::Warn),
        None => (String::new(), Tone::Plain),
    };
    Pair::new(label, format!("{mark}{}{told}{ago}", shown(&words))).tone(tone)
}

/// Returns the short name of what is often weighed.
fn label(builtin: Builtin) -> Option<&'static str> {
    Some(match builtin {
        Builtin::DeployAge => "deployed",
        Builtin::Reversal => "way down",
        Builtin::DownRehearsed => "rehearsed",
        Builtin::DownLoses => "it loses",
        Builtin::DownRefused => "refused by",
        Builtin::BackupLevel => "backup",
        Builtin::BackupAge => "backup is",
        Builtin::BackupSound => "its proofs",
        Builtin::BlockedSessions => "blocked",
        Builtin::ToolProblems => "problems",
        Builtin::PendingMigrations => "pending",
        Builtin::RowsLostSinceBaseline => "rows lost",
        Builtin::ActiveSessions => "active",
        _ => return None,
    })
}

fn words(builtin: Builtin, value: &Value, scene: &Scene<'_>) -> Option<String> {
    Some(match (builtin, value) {
        (Builtin::DeployAge, age) => format!("{age} ago"),
        (Builtin::BackupAge, age) => format!("{age} old"),
        (Builtin::WrittenSince, Value::Int(1)) => "1 row".to_owned(),
        (Builtin::WrittenSince, Value::Int(rows)) => format!("{rows} rows"),
        (Builtin::DownLoses | Builtin::DownRefused, Value::Int(1)) => "1 row".to_owned(),
        (Builtin::DownLoses | Builtin::DownRefused, Value::Int(rows)) => format!("{rows} rows"),
        (Builtin::BackupSound, Value::Bool(true)) => "none failed".to_owned(),
        (Builtin::BackupSound, Value::Bool(false)) => "one FAILED".to_owned(),
        (Builtin::Reversal, Value::Text(word)) => way_down(word, scene),
        (_, Value::List(names)) if names.is_empty() => "none".to_owned(),
        _ => return None,
    })
}

/// Returns e.g. `LOSSY: drops what is written after (line 24)`, where it is known why.
fn way_down(word: &str, scene: &Scene<'_>) -> String {
    let known = scene.facts.project.value();
    let entry = known.and_then(|known| known.entry(&known.project.last()?.id));
    let reversal = entry.map(|entry| &entry.reversal).filter(|reversal| {
        serde_json::to_value(reversal.kind).is_ok_and(|kind| kind.as_str() == Some(word))
    });
    let Some(reversal) = reversal else { return word.replace('_', " ").to_uppercase() };
    let line = reversal.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    format!("{}: {}{line}", reversal.kind.words(), reversal.why)
}

/// Returns what policy asks of it, and whether it is so.
fn policy(builtin: Builtin, value: &Value, walk: &Walk) -> Option<(Verdict, String)> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (name, before, wanted) = match builtin {
        Builtin::DeployAge => ("rollback_within", "within", [Less, Equal]),
        Builtin::BackupAge => ("backup_max_age", "at most", [Less, Equal]),
        Builtin::BackupLevel => ("backup_level", "at least", [Greater, Equal]),
        _ => return None,
    };
    let limit = walk.value(&Name::Policy(name.to_owned()))?;
    let verdict = match value.compare(&limit) {
        Some(order) if wanted.contains(&order) => Verdict::Pass,
        Some(_) => Verdict::Fail,
        None => Verdict::Unknown,
    };
    Some((verdict, format!("{before} {limit}")))
}

/// Returns whether that is good, where it can be said of the probe alone.
fn good(builtin: Option<Builtin>, value: &Value) -> Option<Verdict> {
    if let (Some(Builtin::Reversal), Value::Text(word)) = (builtin, value) {
        return Some(if word == "reversible" { Verdict::Pass } else { Verdict::Fail });
    }
    if let (Some(Builtin::DownRehearsed), Value::Text(word)) = (builtin, value) {
        return Some(if word == rehearsal::Verdict::Reversible.words() {
            Verdict::Pass
        } else {
            Verdict::Fail
        });
    }
    Some(builtin?.good()?.test(value))
}
