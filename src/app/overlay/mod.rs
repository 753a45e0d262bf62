//! What lies over the panels: one enum, each variant a pure state machine over
//! keys, pastes and times.
//!
//! Overlays are the only part of the screen that sees raw keys; everything else
//! goes through [`crate::ui::bindings`].

pub mod confirm;
pub mod detail;
pub mod entry;
pub mod filter;
pub mod help;
pub mod keyboard;
pub mod palette;
pub mod pick;
pub mod reason;

use std::time::Instant;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::plan::Answer;
use crate::ui::theme::Theme;

/// What lies over the panels; `C` is what a binding commands.
#[derive(Clone, Debug)]
pub enum Overlay<C> {
    /// The keys of the focused pane.
    Help(help::Help<C>),
    /// Every binding by name.
    Palette(palette::Palette<C>),
    /// The text that a list is filtered by.
    Filter(filter::Filter),
    /// A reason, a note, the value of a vouched item.
    Reason(reason::Reason),
    /// A value, picked from what is live.
    Pick(pick::Pick),
    /// A plan, to be confirmed or left.
    Confirm(confirm::Dialog),
    /// Everything about one thing.
    Detail(detail::Detail),
}

/// What a key or a paste led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<C> {
    /// The overlay stays open.
    Open,
    /// It is to be closed; nothing was asked for.
    Closed,
    /// It is to be closed, and the command runs as if its key had been pressed.
    Run(C),
    /// The list is to be filtered by this text; `open` while it is typed.
    Filtered {
        /// The text; empty shows everything.
        text: String,
        /// True while the overlay stays open.
        open: bool,
    },
    /// It is to be closed; this was entered.
    Entered(String),
    /// It is to be closed; exactly this plan was confirmed.
    Confirmed(Answer),
}

impl<C: Clone> Overlay<C> {
    /// Takes a key that arrived at `at`.
    pub fn on_key(&mut self, key: &KeyEvent, at: Instant) -> Outcome<C> {
        match self {
            Self::Help(help) => help.on_key(key),
            Self::Palette(palette) => palette.on_key(key),
            Self::Filter(filter) => filter.on_key(key),
            Self::Reason(reason) => reason.on_key(key, at),
            Self::Pick(pick) => pick.on_key(key),
            Self::Confirm(dialog) => match dialog.on_key(key, at) {
                confirm::Reply::Open => Outcome::Open,
                confirm::Reply::Left => Outcome::Closed,
                confirm::Reply::Yes(answer) => Outcome::Confirmed(answer),
            },
            Self::Detail(detail) => detail.on_key(key),
        }
    }

    /// Takes a bracketed paste that arrived at `at`; dialogs and pages discard it.
    pub fn on_paste(&mut self, text: &str, at: Instant) -> Outcome<C> {
        match self {
            Self::Palette(palette) => palette.on_paste(text),
            Self::Filter(filter) => return filter.on_paste(text),
            Self::Reason(reason) => reason.on_paste(text, at),
            Self::Pick(pick) => pick.on_paste(text),
            Self::Confirm(dialog) => dialog.on_paste(at),
            Self::Help(_) | Self::Detail(_) => {}
        }
        Outcome::Open
    }

    /// Returns when the overlay looks different without any event: the loop
    /// draws once more then, and never polls.
    #[must_use]
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        match self {
            Self::Confirm(dialog) => dialog.wakes_at(now),
            Self::Reason(reason) => reason.wakes_at(now),
            _ => None,
        }
    }

    /// Notes that the screen is too small for it.
    pub fn hidden(&self) {
        if let Self::Confirm(dialog) = self {
            dialog.hidden();
        }
    }

    /// Paints the overlay over what `area` of `buf` holds.
    pub fn view(&self, now: Instant, theme: Theme, area: Rect, buf: &mut Buffer) {
        match self {
            Self::Help(help) => help.view(theme, area, buf),
            Self::Palette(palette) => palette.view(theme, area, buf),
            Self::Filter(filter) => filter.view(theme, area, buf),
            Self::Reason(reason) => reason.view(now, theme, area, buf),
            Self::Pick(pick) => pick.view(theme, area, buf),
            Self::Confirm(dialog) => dialog.view(now, theme, area, buf),
            Self::Detail(detail) => detail.view(theme, area, buf),
        }
    }
}
