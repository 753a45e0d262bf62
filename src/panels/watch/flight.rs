//! The act in flight: what it does, whether it waits, how far it is.

use super::super::{Scene, size, who};
use super::block::{Block, Piece, Row, said};
use super::keys;
use crate::domain::activity::{Age, Backend};
use crate::domain::age;
use crate::domain::progress::Progress;
use crate::domain::signal::{self, Kind, Refused};
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::session::acting::Acting;
use crate::ui::theme::{Tone, symbol};

/// Returns the act in flight, if there is one.
pub(super) fn block(scene: &Scene<'_>) -> Option<Block> {
    let job = scene.session.job()?;
    let shown = |text: &str| Untrusted::from(text).one_line();
    let sql = job.plan.preview.sql.iter().map(|sql| shown(sql)).collect::<Vec<_>>().join(" ");
    let title = vec![
        (format!("{} {}", symbol::OURS, shown(&job.plan.preview.title)), Tone::Accent),
        (format!("   {sql}"), Tone::Plain),
    ];
    let mut lines = vec![Row::Cut(title), Row::Flowing(state(job, scene))];
    lines.extend(keys::until_next_attempt(scene).map(in_the_way));
    let snapshot = scene.facts.snapshot.value();
    // While it waits for a lock there is nothing to advance.
    let backend = snapshot.and_then(own).filter(|backend| !backend.waits_for_lock());
    if let Some((snapshot, backend)) = snapshot.zip(backend) {
        lines.push(Row::Cut(advance(snapshot, backend, scene)));
    }
    Some(Block::new("IN FLIGHT", lines, 1))
}

/// Says who will be in the way again, unless it ends before the next attempt.
fn in_the_way(backend: &Backend) -> Row {
    Row::Flowing(vec![
        (format!("pid {} {} was in the way", backend.pid, who::name(backend)), Tone::Warn),
        ("   t ends it (asks first)".to_owned(), Tone::Accent),
    ])
}

/// Returns the session that does our work: ours, and not one of those that watch.
fn own(snapshot: &Snapshot) -> Option<&Backend> {
    let works = |backend: &&Backend| {
        let watches = signal::advice(backend, Kind::Terminate).possible == Err(Refused::Ours);
        backend.ours && !watches
    };
    let working = snapshot.backends.iter().filter(works);
    working.max_by_key(|backend| (backend.waits_for_lock(), backend.xact_start.is_some()))
}

/// Returns what it is at: waiting for its next attempt, for a lock, or working.
fn state(job: &Acting, scene: &Scene<'_>) -> Vec<Piece> {
    let now = scene.facts.now;
    let snapshot = scene.facts.snapshot.value();
    let waits = snapshot.and_then(|snapshot| {
        let since = own(snapshot)?.since(Age::Wait)?;
        Some(age::clock(snapshot.taken_at - since))
    });
    let doing = match (job.stop, job.retry_due(), waits) {
        (Some(_), ..) => ("asked to stop".to_owned(), Tone::Warn),
        (_, Some(due), _) => (format!("next attempt in {}", age::clock(due - now)), Tone::Warn),
        (_, _, Some(waits)) => (format!("waits for lock {waits}"), Tone::Warn),
        _ => ("running".to_owned(), Tone::Plain),
    };
    let mut pieces = vec![doing];
    let mut tell = |text: String| pieces.push((format!(" · {text}"), Tone::Plain));
    tell(format!("attempt {}/{}", job.attempt, job.plan.attempts));
    if let Some(since) = job.since {
        tell(format!("{} in all", age::clock(now - since)));
    }
    tell(match job.plan.timeouts.lock_ms {
        Some(ms) if ms % 1000 == 0 => format!("lock_timeout {} s", ms / 1000),
        Some(ms) => format!("lock_timeout {ms} ms"),
        None => "no lock_timeout".to_owned(),
    });
    pieces
}

/// Returns how far the server says it is, and what the server writes meanwhile.
fn advance(snapshot: &Snapshot, backend: &Backend, scene: &Scene<'_>) -> Vec<Piece> {
    let running = snapshot.progress.iter().find(|progress| progress.pid == backend.pid);
    let mut pieces = match running {
        Some(progress) => told(progress),
        None => vec![("no server progress for this statement".to_owned(), Tone::Dim)],
    };
    let wal = scene.facts.history.back().and_then(|point| point.wal);
    let wal = wal.map_or_else(|| "?".to_owned(), size::per_second);
    pieces.push((format!(" · WAL of the server {wal}"), Tone::Dim));
    pieces
}

/// Cells of the bar.
const BAR: usize = 20;

/// Returns phase, share and the end of the phase, as far as the server knows them.
pub(super) fn told(progress: &Progress) -> Vec<Piece> {
    let phase = Untrusted::from(progress.phase.as_str()).one_line();
    let mut pieces = vec![(phase, Tone::Plain)];
    if let Some(fraction) = progress.fraction() {
        pieces.push((format!("  {}", bar(fraction)), Tone::Accent));
        pieces.push((format!(" {:.0} %", fraction * 100.0), Tone::Plain));
    }
    pieces.push(match (progress.waiting_for, progress.eta_s) {
        (Some(pid), _) => (format!(" · waits for pid {pid}, no end in sight"), Tone::Warn),
        (None, Some(eta)) => (format!(" · this phase about {eta:.0} s more"), Tone::Plain),
        (None, None) => (" · end unknown".to_owned(), Tone::Dim),
    });
    pieces
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of BAR")]
#[expect(clippy::cast_precision_loss, reason = "BAR is small")]
fn bar(fraction: f64) -> String {
    let full = ((fraction * BAR as f64).round() as usize).min(BAR);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}

/// Returns what others run with a progress that the server tells, two at most.
pub(super) fn others(scene: &Scene<'_>) -> Option<Block> {
    let snapshot = scene.facts.snapshot.value()?;
    let own = own(snapshot).filter(|_| scene.session.job().is_some()).map(|backend| backend.pid);
    let others = snapshot.progress.iter().filter(|progress| Some(progress.pid) != own).take(2);
    let rows: Vec<Row> = others.map(other).collect();
    (!rows.is_empty()).then(|| Block::new("PROGRESS", rows, 5))
}

fn other(progress: &Progress) -> Row {
    let command = Untrusted::from(progress.command.as_str()).one_line();
    let on = progress.relation.as_ref().map(|name| format!(" {}", name.one_line()));
    let head = format!("pid {} {command}{}  ", progress.pid, on.unwrap_or_default());
    let Row::Cut(mut pieces) = said(head, Tone::Plain) else { return said("", Tone::Plain) };
    pieces.extend(told(progress));
    Row::Cut(pieces)
}
