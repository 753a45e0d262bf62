//! What a backup is worth and where it leads back to, in words.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::domain::age;
use crate::domain::backup::{Backup, Retention, Worth};
use crate::domain::graph::{Graph, State};
use crate::domain::untrusted::Untrusted;
use crate::session::facts::{Facts, Migrations, Proof};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::table::Cell;

/// Returns text from outside on one line, escaped.
pub(super) fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

/// Returns symbol, word and tone of what a backup is worth.
pub(super) fn worth(backup: &Backup, facts: &Facts) -> (&'static str, String, Tone) {
    if let Some(Proof::Running(_)) = facts.proofs.get(&backup.location) {
        return (symbol::ON, "verifying".to_owned(), Tone::Accent);
    }
    match Worth::of(backup) {
        Worth::Bad if backup.complete == Some(false) => {
            (symbol::BAD, "INCOMPLETE".to_owned(), Tone::Alarm)
        }
        Worth::Bad => (symbol::BAD, "DAMAGED".to_owned(), Tone::Alarm),
        Worth::Proven => (symbol::OK, proven(backup), Tone::Ok),
        Worth::Complete
            if backup.kind.is_physical() || (backup.registered && backup.unproven.is_empty()) =>
        {
            (symbol::OK, "complete".to_owned(), Tone::Ok)
        }
        Worth::Complete => (symbol::WARN, "adopted".to_owned(), Tone::Warn),
        Worth::Unknown => ("?", "unknown".to_owned(), Tone::Warn),
    }
}

fn proven(backup: &Backup) -> String {
    backup.level().map_or_else(|| "verified".to_owned(), |level| format!("proven {level}"))
}

/// Returns the levels that were passed: `L0 L2`; of what another program keeps, whether that
/// has verified it.
pub(super) fn levels(backup: &Backup) -> String {
    if let Some(judged) = &backup.judged {
        let word = match judged.ok {
            Some(true) => "its tool ✓",
            Some(false) => "its tool ✖",
            None => "not told",
        };
        return word.to_owned();
    }
    let passed: Vec<String> = backup.passed().map(|level| level.to_string()).collect();
    if passed.is_empty() { "none".to_owned() } else { passed.join(" ") }
}

/// Returns whether the rules of retention keep it.
pub(super) fn stays(backup: &Backup) -> Cell {
    match backup.retention {
        Retention::Keep => Cell::new("yes", Tone::Dim),
        Retention::Pinned => Cell::new("pinned", Tone::Accent),
        Retention::Prunable => Cell::new("may go", Tone::Warn),
    }
}

/// Returns how old it is; a clock without zone tells no age.
pub(super) fn age(backup: &Backup, now: DateTime<Utc>) -> String {
    backup.age(now).map_or_else(|| "unknown".to_owned(), age::rough)
}

/// Returns the revision inside.
pub(super) fn revision(backup: &Backup) -> String {
    match backup.revisions.as_deref() {
        None => "unknown".to_owned(),
        Some([]) => "none".to_owned(),
        Some(ids) => shown(&ids.join(", ")),
    }
}

/// Returns where a restore would lead: before which migration, seen from now.
pub(super) fn back(backup: &Backup, known: Option<&Migrations>) -> (String, Tone) {
    let (Some(ids), Some(known)) = (&backup.revisions, known) else {
        return ("cannot tell".to_owned(), Tone::Warn);
    };
    let graph = &known.project.graph;
    if !known.project.connected {
        return ("cannot tell".to_owned(), Tone::Warn);
    }
    let Some(has) = below(graph, ids) else {
        return ("a revision that no file has".to_owned(), Tone::Warn);
    };
    let undone = graph.applied().find(|node| !has.contains(node.id.as_str()));
    let ahead = graph.pending().find(|node| has.contains(node.id.as_str()));
    match (undone, ahead) {
        (Some(node), _) => {
            (format!("before {} {}", shown(&node.id), shown(&node.name)), Tone::Plain)
        }
        (None, Some(node)) => (format!("ahead: it has {}", shown(&node.id)), Tone::Warn),
        (None, None) => ("as now".to_owned(), Tone::Plain),
    }
}

/// Returns these migrations and all that they follow; `None` if no file has one of them.
fn below<'a>(graph: &'a Graph, ids: &'a [String]) -> Option<HashSet<&'a str>> {
    let mut has = HashSet::new();
    let mut open: Vec<&str> = ids.iter().map(String::as_str).collect();
    while let Some(id) = open.pop() {
        let node = graph.find(id).filter(|node| node.state != State::Orphan)?;
        if has.insert(node.id.as_str()) {
            open.extend(node.parents.iter().map(String::as_str));
        }
    }
    Some(has)
}
