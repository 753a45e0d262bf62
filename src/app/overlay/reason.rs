//! A text that will be recorded: a reason to skip or override, a note, the value
//! that a person vouches for.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use super::confirm::DELAY;
use super::entry::Entry;
use super::keyboard::Keyboard;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::frame;
use crate::ui::widgets::message::{self, Message};

/// What is said of a key that was typed before the question could be read.
const EARLY: &str = "too early: read it first, then type";

/// A text that is asked for.
#[derive(Clone, Debug)]
pub struct Reason {
    question: String,
    entry: Entry,
    message: Option<Message>,
    unread: Option<Unread>,
}

/// A field that no key has opened, while nobody can have read it.
#[derive(Clone, Debug)]
struct Unread {
    opened: Instant,
    keyboard: Keyboard,
}

impl Unread {
    fn is_deliberate(&mut self, key: &KeyEvent, at: Instant) -> bool {
        let haste = self.keyboard.judge(key, at);
        self.keyboard.note(key, at);
        at >= self.opened + DELAY && haste.is_ok()
    }

    /// Returns from when on a key is taken, if none comes before.
    fn takes_at(&self) -> Instant {
        let read = self.opened + DELAY;
        self.keyboard.settles_at().map_or(read, |at| at.max(read))
    }
}

impl Reason {
    /// Asks `question` (visible text): what is to be entered, and why.
    #[must_use]
    pub fn new(question: impl Into<String>) -> Self {
        Self { question: question.into(), entry: Entry::new(""), message: None, unread: None }
    }

    /// Asks `question` at `now`, though no key has asked for it: what is typed on was meant for
    /// something else, and is not taken before a deliberate press. `keyboard` has noted every
    /// key until now.
    #[must_use]
    pub fn by_itself(question: impl Into<String>, keyboard: Keyboard, now: Instant) -> Self {
        Self { unread: Some(Unread { opened: now, keyboard }), ..Self::new(question) }
    }

    /// Takes a key that arrived at `at`: Enter records what was typed, Esc leaves. Nothing but
    /// spaces is not an answer.
    pub fn on_key<C>(&mut self, key: &KeyEvent, at: Instant) -> Outcome<C> {
        match (key.code, key.kind) {
            (KeyCode::Esc, KeyEventKind::Press | KeyEventKind::Repeat) => Outcome::Closed,
            _ if self.is_unread(key, at) => Outcome::Open,
            (_, KeyEventKind::Release) => Outcome::Open,
            (KeyCode::Enter, KeyEventKind::Press) => self.submit(),
            (KeyCode::Enter, _) => Outcome::Open,
            _ => {
                self.message = None;
                self.entry.on_key(key);
                Outcome::Open
            }
        }
    }

    /// Returns when it begins to take keys, if that is still to come.
    #[must_use]
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        self.unread.as_ref().map(Unread::takes_at).filter(|at| *at > now)
    }

    /// Takes a paste that arrived at `at`.
    pub fn on_paste(&mut self, text: &str, at: Instant) {
        if let Some(unread) = &mut self.unread {
            unread.keyboard.disturb(at);
            self.message = Some(Message::new(Tone::Warn, EARLY));
        } else {
            self.entry.insert(text);
        }
    }

    /// Returns true for a key that nobody can have meant for it.
    fn is_unread(&mut self, key: &KeyEvent, at: Instant) -> bool {
        let Some(unread) = &mut self.unread else { return false };
        if !unread.is_deliberate(key, at) {
            if key.kind != KeyEventKind::Release {
                self.message = Some(Message::new(Tone::Warn, EARLY));
            }
            return true;
        }
        self.unread = None;
        false
    }

    fn submit<C>(&mut self) -> Outcome<C> {
        let text = self.entry.text().trim().to_owned();
        if text.is_empty() {
            self.message = Some(Message::new(Tone::Warn, "it is recorded: say something"));
            return Outcome::Open;
        }
        Outcome::Entered(text)
    }

    /// Returns what was said last; that it was too early is over once keys are taken.
    fn said(&self, now: Instant) -> Option<&Message> {
        let is_over = self.unread.is_some() && self.wakes_at(now).is_none();
        self.message.as_ref().filter(|_| !is_over)
    }

    /// Paints the question and the text into the middle of `area`.
    pub fn view(&self, now: Instant, theme: Theme, area: Rect, buf: &mut Buffer) {
        let outer = frame::centred(76, 7, area);
        let inside = frame::render(&self.question, theme.style(Tone::Accent), outer, buf);
        let bottom = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
        let text = Rect { height: inside.height.saturating_sub(1), ..inside };
        self.entry.view(text, buf);
        let keys = Message::new(Tone::Dim, "Enter records it   Esc leaves");
        let said = self.said(now).unwrap_or(&keys);
        message::render(said, theme, bottom.intersection(inside), buf);
    }
}
