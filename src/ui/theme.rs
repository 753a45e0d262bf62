//! What tones look like: three themes over the terminal's own background.
//!
//! Colour is never the only carrier of a meaning: whoever paints a [`Tone`]
//! that means something also writes its word, and [`Tone::symbol`] beside it.

use ratatui::style::{Color, Modifier, Style};

use crate::domain::identity::Class;

/// What a piece of text means; the theme decides what it looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Ordinary text, in the terminal's own colours.
    #[default]
    Plain,
    /// Labels and what may be overlooked.
    Dim,
    /// Titles and what should be read first.
    Strong,
    /// The one accent: keys, the focused tab, our own backend.
    Accent,
    /// Proven good.
    Ok,
    /// Needs attention, or cannot be told.
    Warn,
    /// Wrong now, or destroys something.
    Alarm,
}

impl Tone {
    /// Returns the symbol that stands for the tone where colour cannot be seen;
    /// empty for tones that carry no judgement.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Ok => symbol::OK,
            Self::Warn => symbol::WARN,
            Self::Alarm => symbol::BAD,
            Self::Plain | Self::Dim | Self::Strong | Self::Accent => "",
        }
    }
}

/// The symbols of the console, each with one meaning.
pub mod symbol {
    /// Proven good, applied, done.
    pub const OK: &str = "✓";
    /// Attention: a warning, a verdict that asks for a look.
    pub const WARN: &str = "▲";
    /// Wrong, failed, irreversible.
    pub const BAD: &str = "✖";
    /// Where we are: the current step, the next migration.
    pub const HERE: &str = "▶";
    /// Still to come.
    pub const AHEAD: &str = "○";
    /// Ticked by the machine's own probe.
    pub const SENSED: &str = "◉";
    /// Vouched for by a person, with a value.
    pub const VOUCHED: &str = "☑";
    /// On: recording, an armed trigger.
    pub const ON: &str = "●";
    /// Our own backend or migration.
    pub const OURS: &str = "◆";
    /// A cycle of waiting sessions.
    pub const CYCLE: &str = "◌";
}

/// A theme by its name in `[ui] theme`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Name {
    /// The terminal's sixteen colours.
    #[default]
    Default,
    /// Bright colours, nothing dimmed.
    HighContrast,
    /// No colour: bold, dim, underline and inverse only.
    Mono,
}

impl Name {
    /// Returns the theme that the configuration calls `name`, or `None`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "default" => Some(Self::Default),
            "high-contrast" => Some(Self::HighContrast),
            "mono" => Some(Self::Mono),
            _ => None,
        }
    }
}

/// Turns meanings into styles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    name: Name,
}

impl Theme {
    /// Returns the theme `name`; `no_color` (the variable `NO_COLOR` set to
    /// anything but nothing, as no-color.org defines it) forces [`Name::Mono`].
    #[must_use]
    pub fn new(name: Name, no_color: bool) -> Self {
        Self { name: if no_color { Name::Mono } else { name } }
    }

    /// Returns the style of `tone`.
    #[must_use]
    pub fn style(self, tone: Tone) -> Style {
        match self.name {
            Name::Default => coloured(tone),
            Name::HighContrast => bright(tone),
            Name::Mono => mono(tone),
        }
    }

    /// Returns the style of the badge that names the target's class: production
    /// inverse red, staging inverse yellow, the others calm.
    #[must_use]
    pub fn class(self, class: Class) -> Style {
        let badge = Style::new().add_modifier(Modifier::BOLD);
        let loud = match class {
            Class::Production => Some((Color::White, Color::Red)),
            Class::Staging => Some((Color::Black, Color::Yellow)),
            Class::Development | Class::Scratch => None,
        };
        match loud {
            Some(_) if self.name == Name::Mono => badge.add_modifier(Modifier::REVERSED),
            Some((ink, paper)) => badge.fg(ink).bg(paper),
            None => badge,
        }
    }

    /// Returns the style of a frame around something that concerns `class`.
    #[must_use]
    pub fn frame(self, class: Class) -> Style {
        match class {
            Class::Production => self.style(Tone::Alarm),
            Class::Staging => self.style(Tone::Warn),
            Class::Development | Class::Scratch => self.style(Tone::Accent),
        }
    }

    /// Returns the style laid over the selected row: inverse, since any fixed
    /// colour would vanish on somebody's background.
    #[must_use]
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

fn coloured(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Plain => style,
        Tone::Dim => style.add_modifier(Modifier::DIM),
        Tone::Strong => style.add_modifier(Modifier::BOLD),
        Tone::Accent => style.fg(Color::Cyan),
        Tone::Ok => style.fg(Color::Green),
        Tone::Warn => style.fg(Color::Yellow),
        Tone::Alarm => style.fg(Color::Red).add_modifier(Modifier::BOLD),
    }
}

fn bright(tone: Tone) -> Style {
    let style = Style::new().add_modifier(Modifier::BOLD);
    match tone {
        Tone::Plain | Tone::Dim => Style::new(),
        Tone::Strong => style,
        Tone::Accent => style.fg(Color::LightCyan),
        Tone::Ok => style.fg(Color::LightGreen),
        Tone::Warn => style.fg(Color::LightYellow),
        Tone::Alarm => style.fg(Color::LightRed),
    }
}

fn mono(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Plain | Tone::Ok => style,
        Tone::Dim => style.add_modifier(Modifier::DIM),
        Tone::Strong | Tone::Warn => style.add_modifier(Modifier::BOLD),
        Tone::Accent => style.add_modifier(Modifier::UNDERLINED),
        Tone::Alarm => style.add_modifier(Modifier::BOLD | Modifier::REVERSED),
    }
}
