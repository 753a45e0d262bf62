//! The header, on every panel: where we are, how dangerous that is, how far, and
//! how old what we see is.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::line::{self, Part};
use crate::domain::identity::Class;
use crate::domain::rehearsal::place;
use crate::ui::text;
use crate::ui::theme::{Theme, Tone, symbol};

/// At this width or below the header names only the focused tab.
pub const NARROW: u16 = 84;

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The class of the target.
    pub class: Class,
    /// Whether it is only a copy of that target.
    pub rehearsal: bool,
    /// The database's name.
    pub database: String,
    /// Host and port, or the socket directory: `db1:5432`.
    pub host: String,
    /// The role that we are.
    pub role: String,
    /// What the server said of itself, or `None` until it did.
    pub server: Option<Server>,
    /// Whether something may be changed.
    pub mode: Mode,
    /// The revision that the database is at, if a migration tool told.
    pub revision: Option<String>,
    /// True while the journal is written.
    pub recording: bool,
    /// How old the data on the screen is.
    pub age: Age,
    /// The run in progress, if there is one.
    pub run: Option<Run>,
    /// The clock of the way back, in a run and after one.
    pub window: Option<Window>,
    /// Sessions that wait for a lock, or `None` if that cannot be told.
    pub blocked: Option<usize>,
    /// The triggers.
    pub triggers: Triggers,
    /// The panels.
    pub tabs: Vec<Tab>,
    /// The focused panel, an index into `tabs`.
    pub focused: usize,
    /// The next action: a key and its label.
    pub next: Option<(String, String)>,
}

/// What the server said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// False on a replica.
    pub primary: bool,
    /// Its version: `15.20`.
    pub version: String,
}

/// Whether something may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is armed; the console only looks.
    Watching,
    /// Acts may be confirmed.
    Armed,
    /// Somebody else's run is shown; nothing can be done here.
    Following,
}

/// How old the data on the screen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Nothing arrived yet.
    Never,
    /// As old as the refresh interval allows.
    Fresh(Duration),
    /// Older: the server did not answer.
    Stale(Duration),
    /// Held still by the operator.
    Frozen(Duration),
}

/// The run in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What is walked: `migrate`.
    pub title: String,
    /// The current step and how many there are.
    pub step: (usize, usize),
    /// The current step's name.
    pub name: String,
    /// Time in the step.
    pub in_step: Duration,
    /// Time in the run.
    pub in_run: Duration,
}

/// How long going back is within policy, and what it would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What remains of the policy's window for a way back.
    pub left: Duration,
    /// Rows written since the deploy that a way back would lose; `None`: cannot be told.
    pub written: Option<u64>,
    /// How long ago those were measured.
    pub measured: Option<Duration>,
}

/// How many triggers there are, and how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Triggers {
    /// Those that are watched.
    pub armed: usize,
    /// Those that cannot tell, or that nothing measures.
    pub unknown: usize,
    /// Those that fire.
    pub firing: usize,
    /// Those that fire and whose offer was put aside.
    pub aside: usize,
}

/// A panel's tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// The digit that opens it.
    pub key: char,
    /// Its name.
    pub label: &'static str,
}

/// Marks the focused tab where there is no colour.
const FOCUSED: Modifier = Modifier::BOLD.union(Modifier::UNDERLINED);

/// How many rows the header takes.
pub const HEIGHT: u16 = 3;

/// Paints the header into the first [`HEIGHT`] rows of `area`.
pub fn render(header: &Header, theme: Theme, area: Rect, buf: &mut Buffer) {
    let row = |at: u16| Rect { y: area.y.saturating_add(at), height: 1, ..area }.intersection(area);
    line::render(header.target(theme), header.standing(theme), row(0), buf);
    line::render(header.progress(theme), header.counts(theme), row(1), buf);
    line::render(header.tabs(theme, area.width), Vec::new(), row(2), buf);
}

impl Header {
    /// Returns class, database, host, role, primary or replica, version.
    fn target(&self, theme: Theme) -> Vec<Part> {
        let dim = theme.style(Tone::Dim);
        let mut parts = vec![
            self.badge(theme),
            Part::new(format!("  {}", self.database), theme.style(Tone::Strong), 0),
            Part::new(format!(" @ {}", self.host), Style::new(), 4),
            Part::new(format!(" as {}", self.role), Style::new(), 5),
        ];
        match &self.server {
            Some(Server { primary: true, version }) => {
                parts.push(Part::new(" · primary", dim, 6));
                parts.push(Part::new(format!(" · PG {version}"), dim, 8));
            }
            Some(Server { primary: false, version }) => {
                let text = format!(" · {} replica", Tone::Warn.symbol());
                parts.push(Part::new(text, theme.style(Tone::Warn), 2));
                parts.push(Part::new(format!(" · PG {version}"), dim, 8));
            }
            None => parts.push(Part::new(" · connecting", dim, 6)),
        }
        parts
    }

    /// Returns the class; of a rehearsal, in no production's colour, that it is one.
    fn badge(&self, theme: Theme) -> Part {
        if self.rehearsal {
            let style = theme.class(Class::Scratch).add_modifier(Modifier::REVERSED);
            return Part::new(format!(" {} ", place(self.class, true)), style, 0);
        }
        Part::new(format!(" {} ", self.class.word()), theme.class(self.class), 0)
    }

    /// Returns mode, revision, recording and age.
    fn standing(&self, theme: Theme) -> Vec<Part> {
        let mut parts = vec![match self.mode {
            Mode::Watching => Part::new("WATCHING ", theme.style(Tone::Strong), 0),
            Mode::Armed => Part::new("▲ ARMED ", theme.style(Tone::Warn), 0),
            Mode::Following => Part::new("FOLLOWING ", theme.style(Tone::Accent), 0),
        }];
        if let Some(revision) = &self.revision {
            let text = format!("  {} ", text::cut(revision, 24));
            parts.push(Part::new(text, Style::new(), 7));
        }
        parts.push(if self.recording {
            Part::new(format!("  {} rec ", symbol::ON), theme.style(Tone::Accent), 1)
        } else {
            Part::new(format!("  {} no rec ", symbol::AHEAD), theme.style(Tone::Dim), 3)
        });
        let (text, tone) = self.age.said();
        parts.push(Part::new(format!("  {text} "), theme.style(tone), 0));
        parts
    }

    /// Returns the run, then the clock of the way back.
    fn progress(&self, theme: Theme) -> Vec<Part> {
        let mut parts = self.running(theme);
        if let Some(window) = self.window {
            parts.extend(window.parts(theme));
        }
        parts
    }

    /// Returns the run: step and times.
    fn running(&self, theme: Theme) -> Vec<Part> {
        let Some(run) = &self.run else {
            return vec![Part::new(" no run", theme.style(Tone::Dim), 1)];
        };
        let (step, steps) = run.step;
        vec![
            Part::new(format!(" {}", run.title), theme.style(Tone::Strong), 3),
            Part::new(format!(" {step}/{steps}"), theme.style(Tone::Strong), 0),
            Part::new(format!(" {}", run.name), Style::new(), 5),
            Part::new(format!(" · step {}", text::clock(run.in_step)), Style::new(), 2),
            Part::new(format!(" · run {}", text::clock(run.in_run)), Style::new(), 4),
        ]
    }

    /// Returns the blocked sessions, the armed triggers and the next key.
    fn counts(&self, theme: Theme) -> Vec<Part> {
        let (blocked, tone) = match self.blocked {
            Some(0) => ("blocked 0".to_owned(), Tone::Plain),
            Some(count) => (format!("{} blocked {count}", symbol::WARN), Tone::Warn),
            None => (format!("{} blocked ?", symbol::WARN), Tone::Warn),
        };
        let mut parts = vec![Part::new(blocked, theme.style(tone), 0)];
        parts.extend(self.triggers.parts(theme));
        if let Some((key, label)) = &self.next {
            parts.push(Part::new("  next", theme.style(Tone::Dim), 1));
            parts.push(Part::new(format!(" {key}"), theme.style(Tone::Accent), 1));
            parts.push(Part::new(format!(" {label}"), Style::new(), 1));
        }
        parts.push(Part::new(" ", Style::new(), 0));
        parts
    }

    /// Returns the tabs: all of them by name, or only the focused one when narrow.
    fn tabs(&self, theme: Theme, width: u16) -> Vec<Part> {
        let mut parts = Vec::new();
        for (at, tab) in self.tabs.iter().enumerate() {
            let focused = at == self.focused;
            let named = focused || width > NARROW;
            let text = if named { format!("{} {}", tab.key, tab.label) } else { tab.key.into() };
            let style = if focused {
                theme.style(Tone::Accent).add_modifier(FOCUSED)
            } else {
                theme.style(Tone::Dim)
            };
            parts.push(Part::new(" ", Style::new(), 0));
            parts.push(Part::new(text, style, 0));
            parts.push(Part::new(" ", Style::new(), 0));
        }
        parts
    }
}

impl Window {
    /// Returns the policy window, and the rows at stake. Both go first where it is narrow.
    fn parts(self, theme: Theme) -> [Part; 3] {
        let window = if self.left.is_zero() {
            let text = format!(" · {} policy window over", Tone::Warn.symbol());
            Part::new(text, theme.style(Tone::Warn), 7)
        } else {
            Part::new(format!(" · policy window {}", text::clock(self.left)), Style::new(), 7)
        };
        let (rows, style) = match self.written {
            Some(0) => ("0".to_owned(), Style::new()),
            Some(rows) => (text::count(rows), theme.style(Tone::Warn)),
            None => ("?".to_owned(), theme.style(Tone::Warn)),
        };
        let ago = self.measured.map(|ago| format!(", measured {} ago", text::age(ago)));
        let ago = Part::new(ago.unwrap_or_default(), theme.style(Tone::Dim), 9);
        [window, Part::new(format!(" · written since: {rows}"), style, 8), ago]
    }
}

impl Triggers {
    /// Returns how many are armed; what fires is seen wherever there is room for it, and what
    /// cannot tell is never counted as calm.
    fn parts(self, theme: Theme) -> Vec<Part> {
        if self.armed + self.unknown == 0 {
            return Vec::new();
        }
        if self.firing > 0 {
            let verb = if self.firing == 1 { "trigger FIRES" } else { "triggers FIRE" };
            let text = format!("  {} {} {verb}", symbol::BAD, self.firing);
            return vec![Part::new(text, theme.style(Tone::Alarm), 1)];
        }
        if self.aside > 0 {
            let text = format!("  {} {} put aside", symbol::WARN, self.aside);
            return vec![Part::new(text, theme.style(Tone::Warn), 2)];
        }
        let text = format!("  {} triggers {} armed", symbol::ON, self.armed);
        let mut parts = vec![Part::new(text, theme.style(Tone::Accent), 3)];
        if self.unknown > 0 {
            let text = format!("  {} {} unknown", symbol::WARN, self.unknown);
            parts.push(Part::new(text, theme.style(Tone::Warn), 4));
        }
        parts
    }
}

impl Age {
    /// Returns the age in words, and how bad it is.
    pub(super) fn said(self) -> (String, Tone) {
        match self {
            Self::Never => ("no data yet".to_owned(), Tone::Warn),
            Self::Fresh(age) => (format!("data {}", text::age(age)), Tone::Plain),
            Self::Stale(age) => (format!("✖ stale {}", text::age(age)), Tone::Alarm),
            Self::Frozen(age) => (format!("▲ frozen {}", text::age(age)), Tone::Warn),
        }
    }
}
