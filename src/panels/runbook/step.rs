//! The step's heading, and the output of what it runs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::runbook::Kind;
use crate::panels::Scene;
use crate::session::acting::Acting;
use crate::session::walk::Walk;
use crate::ui::text;
use crate::ui::theme::{Theme, Tone, symbol};
use crate::ui::widgets::line::{self, Part};
use crate::ui::widgets::tail;

/// Paints the step's place, title and risk; returns what is left below.
pub(super) fn head(walk: &Walk, theme: Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let area = area.intersection(buf.area);
    let (at, of) = walk.place_of_current();
    let mut left = match walk.ending() {
        Some(_) => vec![Part::new(format!(" {} {ENDS}", symbol::WARN), theme.style(Tone::Warn), 0)],
        None => vec![
            Part::new(format!(" {at}/{of}  "), theme.style(Tone::Dim), 0),
            Part::new(walk.current().title.clone(), theme.style(Tone::Strong), 0),
        ],
    };
    if walk.is_paused() {
        left.push(Part::new(format!("  {} PAUSED", symbol::WARN), theme.style(Tone::Warn), 0));
    } else if walk.stops_after() {
        left.push(Part::new("  pauses after this step", theme.style(Tone::Accent), 0));
    }
    let right = vec![Part::new(risk(walk), Style::new(), 1)];
    line::render(left, right, Rect { height: area.height.min(1), ..area }, buf);
    let y = (area.y + 1).min(area.bottom());
    Rect { y, height: area.bottom() - y, ..area }
}

/// The heading while the end of the run waits for something to be undone.
const ENDS: &str = "Before the run ends: undo what it has opened";

fn risk(walk: &Walk) -> String {
    match &walk.current().kind {
        Kind::Act(act) if walk.ending().is_none() => format!("risk: {} or worse ", act.risk.word()),
        _ => String::new(),
    }
}

/// Returns how much of `height` the output gets: none while nothing was printed.
pub(super) fn output_height(scene: &Scene<'_>, height: u16) -> u16 {
    if job(scene).is_none() { 0 } else { (height / 2).min(12) }
}

/// Paints the running act and the last lines that it printed.
pub(super) fn output(scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let Some(acting) = job(scene).filter(|_| !area.is_empty()) else { return };
    let left = vec![
        Part::new(format!(" {} ", symbol::OURS), theme.style(Tone::Accent), 0),
        Part::new(acting.plan.preview.title.clone(), theme.style(Tone::Strong), 0),
    ];
    let right = vec![Part::new(format!("{} ", standing(acting, scene)), Style::new(), 0)];
    line::render(left, right, Rect { height: 1, ..area }, buf);
    let output = &scene.facts.output;
    if output.act == acting.act {
        let lines =
            Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 };
        tail::render(&output.lines, 0, theme, lines, buf);
    }
}

/// Returns attempt and time of a running act, or when its next attempt comes.
fn standing(acting: &Acting, scene: &Scene<'_>) -> String {
    let now = scene.facts.now;
    let attempt = format!("attempt {} of {}", acting.attempt, acting.plan.attempts);
    let stopping = if acting.stop.is_some() { " · asked to stop" } else { "" };
    match acting.retry_due() {
        Some(due) => {
            let left = (due - now).num_seconds().max(0);
            format!("waits: {attempt} failed, the next in {left} s{stopping}")
        }
        None => format!("{attempt} · {}{stopping}", clock(acting.since, now)),
    }
}

fn clock(since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let age = since.and_then(|at| (now - at).to_std().ok()).unwrap_or(Duration::ZERO);
    text::clock(age)
}

fn job<'a>(scene: &Scene<'a>) -> Option<&'a Acting> {
    scene.session.job()
}
