//! The next step: of the runbook that is walked, or the next pending migration.

use super::super::{Command, Scene};
use super::block::{Block, Piece, Row, said};
use super::keys;
use crate::domain::hazard::{Answer, Hazard, Severity};
use crate::domain::plan::Direction;
use crate::domain::reversal::Kind;
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::Level;
use crate::session::facts::Migrations;
use crate::session::walk::Walk;
use crate::tools::status::Entry;
use crate::ui::bindings::Key;
use crate::ui::theme::{Tone, symbol};

/// Returns what comes next.
pub(super) fn block(scene: &Scene<'_>) -> Block {
    let walk = scene.session.walk().filter(|walk| walk.end().is_none());
    let lines = match walk {
        Some(walk) => vec![step(walk)],
        None => migrations(scene).into_iter().chain(ways(scene)).collect(),
    };
    Block::new("NEXT", lines, 1)
}

/// Returns the keys that begin it, where they are on.
fn ways(scene: &Scene<'_>) -> Option<Row> {
    let ways: Vec<(Key, String)> = keys::bindings(scene)
        .into_iter()
        .filter(|binding| binding.enabled.is_ok())
        .filter_map(|binding| match &binding.command {
            Command::Up => Some((binding.key, "shows it, and asks".to_owned())),
            Command::Begin(_) => Some((binding.key, "walks there with checks".to_owned())),
            _ => None,
        })
        .collect();
    // Without a next migration there is nowhere to walk to.
    (ways.len() > 1).then(|| keys::line(&ways))
}

fn step(walk: &Walk) -> Row {
    let (at, of) = walk.place_of_current();
    let shown = |text: &str| Untrusted::from(text).one_line();
    let title = shown(&walk.current().title);
    let place = format!("{} {} {at}/{of}", symbol::HERE, shown(&walk.book().id));
    let paused = if walk.is_paused() { "   paused" } else { "" };
    Row::Flowing(vec![
        (place, Tone::Strong),
        (format!("  {title}"), Tone::Plain),
        (paused.to_owned(), Tone::Warn),
        ("   m goes there".to_owned(), Tone::Accent),
    ])
}

fn migrations(scene: &Scene<'_>) -> Vec<Row> {
    let project = &scene.facts.project;
    let mut lines = match (project.value(), project.error()) {
        (Some(migrations), _) => vec![pending(migrations, is_calm(scene))],
        (None, None) => vec![said("reading the migrations…", Tone::Dim)],
        (None, Some(_)) => Vec::new(),
    };
    if let Some(error) = project.error() {
        let error = Untrusted::from(error).one_line();
        let told = format!("{} migrations: {error}", Tone::Warn.symbol());
        lines.push(Row::Wrapped((told, Tone::Warn)));
    }
    lines
}

/// Returns true if nothing needs the room more than what comes next.
fn is_calm(scene: &Scene<'_>) -> bool {
    let verdict = scene.facts.verdict.as_ref();
    scene.session.job().is_none() && verdict.is_none_or(|verdict| verdict.level == Level::Ok)
}

fn pending(migrations: &Migrations, is_calm: bool) -> Row {
    let problems = migrations.status.problems.len();
    let mut pieces = match migrations.status.pending.as_deref() {
        None => vec![warning("cannot tell what the database has")],
        Some([]) => {
            vec![(format!("{} nothing is pending", symbol::OK), Tone::Ok)]
        }
        Some([next, rest @ ..]) => migration(next, rest.len(), migrations),
    };
    if problems > 0 {
        let word = if problems == 1 { "problem" } else { "problems" };
        let (said, tone) = warning(&format!("{problems} {word}, see Migrations"));
        pieces.push((format!("   {said}"), tone));
    }
    if is_calm { Row::Flowing(pieces) } else { Row::Cut(pieces) }
}

fn warning(text: &str) -> Piece {
    (format!("{} {text}", Tone::Warn.symbol()), Tone::Warn)
}

/// Returns the next migration: what it locks, what it loses, its way back.
fn migration(id: &str, rest: usize, migrations: &Migrations) -> Vec<Piece> {
    let shown = |text: &str| Untrusted::from(text).one_line();
    let name = migrations.name(id);
    let name = if name == id { shown(id) } else { format!("{} {}", shown(id), shown(name)) };
    let mut pieces = vec![(format!("{} {name}", symbol::HERE), Tone::Strong)];
    let hazards = migrations.hazards(id, Direction::Up);
    if migrations.losses(id, Direction::Up).next().is_some() {
        pieces.push((format!("   {} loses data", symbol::BAD), Tone::Alarm));
    }
    pieces.extend(migrations.entry(id).map(back));
    if let Some(worst) = hazards.iter().max_by_key(|hazard| hazard.severity) {
        pieces.push((format!("   {}", hazard(worst)), tone(worst.severity)));
    }
    if rest > 0 {
        pieces.push((format!("   {rest} more pending"), Tone::Dim));
    }
    pieces
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Low => Tone::Plain,
        Severity::Medium | Severity::High => Tone::Warn,
    }
}

/// Returns what a statement does to the others: `ACCESS EXCLUSIVE on t, rewrites it`.
fn hazard(hazard: &Hazard) -> String {
    let mut words = Vec::new();
    if let Some(lock) = hazard.lock {
        let on = hazard.relation.as_deref().map(|name| Untrusted::from(name).one_line());
        let on = on.map(|on| format!(" on {on}")).unwrap_or_default();
        words.push(format!("{}{on}", lock.words()));
    }
    words.extend(match hazard.rewrite {
        Answer::Yes => Some("rewrites it".to_owned()),
        Answer::Unknown => Some("may rewrite it".to_owned()),
        Answer::No if hazard.scan == Answer::Yes => Some("reads all of it".to_owned()),
        Answer::No => None,
    });
    let symbol = tone(hazard.severity).symbol();
    format!("{symbol}{}{}", if symbol.is_empty() { "" } else { " " }, words.join(", "))
}

fn back(entry: &Entry) -> Piece {
    let tone = match entry.reversal.kind {
        Kind::Reversible => Tone::Plain,
        Kind::Missing | Kind::Raises => Tone::Alarm,
        _ => Tone::Warn,
    };
    let symbol = tone.symbol();
    let gap = if symbol.is_empty() { "" } else { " " };
    (format!("   {symbol}{gap}way back {}", entry.reversal.kind.words()), tone)
}
