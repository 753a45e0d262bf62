//! What a question's evidence says, in the words in which one weighs it.

use super::shown;
use crate::domain::age;
use crate::domain::evidence::{Builtin, Name, Scope as _, Value, Verdict};
use crate::panels::Scene;
use crate::session::walk::{Evidence, Walk};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::pairs::Pair;

/// Returns e.g. `written since   ▲ 41 rows · 12 s ago`. What a runbook's own probe says stays
/// as it is: only the runbook knows what is good.
pub(super) fn line(one: &Evidence, walk: &Walk, scene: &Scene<'_>) -> Pair {
    let ago = age::rough(scene.facts.now - one.reading.at);
    let builtin = Builtin::parse(&one.label);
    let label = builtin.and_then(label).map_or_else(|| one.label.replace('_', " "), str::to_owned);
    if let Value::Unknown(why) = &one.reading.value {
        let text = format!("{} cannot tell: {} · {ago} ago", symbol::WARN, shown(why));
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
    Pair::new(label, format!("{mark}{}{told} · {ago} ago", shown(&words))).tone(tone)
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
        return Some(if word == "REVERSIBLE" { Verdict::Pass } else { Verdict::Fail });
    }
    Some(builtin?.good()?.test(value))
}
