//! One migration: what a way of it does to others, what it loses, its SQL.

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::age;
use crate::domain::hazard::{Hazard, Severity, Transactions};
use crate::domain::loss::Loss;
use crate::domain::plan::Direction;
use crate::domain::rehearsal::Live;
use crate::domain::reversal::{self, Unmatched};
use crate::domain::untrusted::Untrusted;
use crate::session::facts::Migrations;
use crate::tools::{Migration, Script};
use crate::ui::text;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::message::{self, Message};
use crate::ui::widgets::pager;
use crate::ui::widgets::pairs::{self, Pair};

use super::list::{judged, lost, shown};
use super::rehearsal;

/// What is shown of which migration.
pub(super) struct Page<'a> {
    pub known: &'a Migrations,
    pub id: &'a str,
    pub direction: Direction,
    pub now: DateTime<Utc>,
    /// The rehearsal that runs.
    pub live: Option<&'a Live>,
    /// Whether a full restore is possible here, once that is known.
    pub restore: Option<(Tone, String)>,
}

impl Page<'_> {
    /// Paints title, facts and SQL; the SQL keeps at least a third of the area.
    pub(super) fn view(&self, sql: &pager::State, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let title = Rect { height: 1, ..area };
        message::render(&Message::new(Tone::Strong, self.title()), theme, title, buf);
        let inside =
            Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 };
        let facts = self.facts();
        let wanted = u16::try_from(pairs::height(&facts, inside.width)).unwrap_or(u16::MAX);
        let height = wanted.min(inside.height * 2 / 3);
        pairs::render(&facts, 0, theme, Rect { height, ..inside }, buf);
        let y = (inside.y + height + 1).min(inside.bottom());
        let rest = Rect { y, height: inside.bottom() - y, ..inside };
        pager::render(&self.text(), sql, theme, rest, buf);
    }

    fn title(&self) -> String {
        let name = shown(self.known.name(self.id));
        format!("{} {name}: the way {}", shown(self.id), self.direction.word())
    }

    fn migration(&self) -> Option<&Migration> {
        self.known.project.migration(self.id)
    }

    fn script(&self) -> Option<&Script> {
        let migration = self.migration()?;
        match self.direction {
            Direction::Up => Some(&migration.up),
            Direction::Down => migration.down.as_ref(),
        }
    }

    fn text(&self) -> pager::Page {
        let none = match self.direction {
            _ if self.migration().is_none() => "its file is gone",
            Direction::Up => "there is no way up",
            Direction::Down => "there is no way down",
        };
        let none = Untrusted::from(none);
        match self.script() {
            Some(script) => pager::Page::code(&script.text),
            None => pager::Page::new(&none),
        }
    }

    fn facts(&self) -> Vec<Pair> {
        let mut facts = rehearsal::now(self.live, self.id, self.now);
        facts.extend(self.applied());
        facts.extend(self.problems());
        let hazards = self.known.hazards(self.id, self.direction);
        facts.extend(hazards.iter().map(statement));
        if self.direction == Direction::Up && self.live.is_none() {
            facts.extend(rehearsal::measured(self.known, self.id));
        }
        let losses = self.known.losses(self.id, self.direction);
        facts.extend(losses.map(|loss| Pair::new("✖ loses", self.aged(loss)).tone(Tone::Alarm)));
        let obstacles = self.known.obstacles(self.id, self.direction);
        facts.extend(obstacles.map(|one| self.refusal(one)));
        facts.extend(self.way_down());
        facts.extend(rehearsal::afterwards(self.known, self.id, self.now));
        facts.extend(self.difference());
        facts.extend(self.script().map(how));
        let restore = self.restore.clone();
        facts.extend(restore.map(|(tone, text)| Pair::new("restore", text).tone(tone)));
        facts
    }

    /// Returns what is lost, with the rows and how long ago they were counted.
    fn aged(&self, loss: &Loss) -> String {
        match loss.counted_at {
            Some(at) => format!("{}, {} ago", lost(loss), age::rough(self.now - at)),
            None => format!("{} · n counts the rows", lost(loss)),
        }
    }

    /// Returns the rows that would refuse the migration: none, some, or nobody has counted.
    fn refusal(&self, one: &Loss) -> Pair {
        let (name, tone) = match one.rows {
            Some(0) => ("✓ no", Tone::Ok),
            Some(_) => ("✖ fails on", Tone::Alarm),
            None => ("fails on", Tone::Plain),
        };
        Pair::new(name, self.aged(one)).tone(tone)
    }

    fn applied(&self) -> Option<Pair> {
        let at = self.known.entry(self.id)?.applied_at?;
        let ago = age::rough(self.now - at);
        let text = format!("{} UTC, {ago} ago", at.format("%Y-%m-%d %H:%M:%S"));
        Some(Pair::new("applied", text))
    }

    fn problems(&self) -> impl Iterator<Item = Pair> {
        let own = self.known.project.problems.iter().filter(|problem| problem.id == self.id);
        own.map(|problem| Pair::new("✖ problem", shown(&problem.detail)).tone(Tone::Alarm))
    }

    /// Returns how the way down differs from the opposite of the way up.
    fn difference(&self) -> Vec<Pair> {
        let ways = self.migration().and_then(|one| Some((&one.up, one.down.as_ref()?)));
        let Some((up, down)) = ways else { return Vec::new() };
        let all = reversal::difference(&up.statements, &down.statements);
        let mut pairs: Vec<Pair> = all.iter().take(LISTED).map(unmatched).collect();
        if all.len() > LISTED {
            let text = format!("{} more in which the ways differ", all.len() - LISTED);
            pairs.push(Pair::new("", text).tone(Tone::Warn));
        }
        pairs
    }

    fn way_down(&self) -> Option<Pair> {
        let reversal = &self.known.entry(self.id)?.reversal;
        let (tone, mark) = judged(reversal.kind);
        let line = reversal.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        let why = shown(&reversal.why);
        Some(
            Pair::new("way down", format!("{mark}{}: {why}{line}", reversal.kind.words()))
                .tone(tone),
        )
    }
}

/// How many statements of a difference are listed.
const LISTED: usize = 6;

/// Returns a statement to which nothing in the other way belongs.
fn unmatched(one: &Unmatched) -> Pair {
    let (label, why) = match one.direction {
        Direction::Up => ("stays", "nothing in the way down takes it back"),
        Direction::Down => ("only down", "the way up has not made it"),
    };
    let sql = shown(&one.sql);
    let kind = if sql.is_empty() { shown(&one.kind) } else { text::cut(&sql, 60) };
    Pair::new(label, format!("line {} {kind}: {why}", one.line)).tone(Tone::Warn)
}

/// Returns what one statement does to the others, and what would do it with less.
fn statement(hazard: &Hazard) -> Pair {
    let held: Vec<String> = hazard
        .locks
        .iter()
        .map(|held| {
            let may = if held.may { " (perhaps)" } else { "" };
            format!("{} on {}{may}", held.mode.words(), shown(&held.relation))
        })
        .collect();
    let held = if held.is_empty() { "no lock".to_owned() } else { held.join(", ") };
    let mut text = format!("{held} · {} · blocks {}", hazard.cost(), shown(&hazard.blocks));
    if hazard.severity > Severity::Low {
        text = format!("{text}\n{}", shown(&hazard.message));
    }
    if let Some(safe) = &hazard.safe_form {
        text = format!("{text}\nsafe form: {}", shown(safe));
    }
    let (mark, tone) = match hazard.severity {
        Severity::High => ("▲ ", Tone::Warn),
        Severity::Medium | Severity::Low => ("", Tone::Plain),
    };
    Pair::new(format!("{mark}line {}", hazard.line), text).tone(tone)
}

/// Returns how the script is run.
fn how(script: &Script) -> Pair {
    let way = match script.transactions {
        Transactions::One => "in one transaction: its locks are kept to the end",
        Transactions::None => "without a transaction: what ran before a failure stays",
        Transactions::Mixed => "in several transactions: what ran before a failure may stay",
        Transactions::Unknown => "it cannot be told in which transactions",
    };
    let partial = if script.complete { "" } else { "; not all of it could be read" };
    Pair::new("runs", format!("{}, {way}{partial}", shown(&script.file))).tone(Tone::Dim)
}
