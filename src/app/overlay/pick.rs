//! A value that is picked: filtered by typing, chosen by what it is and not by its row.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use super::entry::Entry;
use crate::session::pick::{Choice, Choices};
use crate::ui::theme::{Theme, Tone, symbol};
use crate::ui::widgets::frame;
use crate::ui::widgets::line::{self, Part};
use crate::ui::widgets::message::{self, Message};

/// A value that is asked for, with what it can be.
#[derive(Clone, Debug)]
pub struct Pick {
    question: String,
    choices: Choices,
    entry: Entry,
    /// The value that is marked; none before somebody marks one.
    marked: Option<String>,
    message: Option<Message>,
}

impl Pick {
    /// Asks `question`. Nothing is marked: the first one is not what is meant most often.
    #[must_use]
    pub fn new(question: impl Into<String>, choices: Choices) -> Self {
        let (question, entry) = (question.into(), Entry::new(""));
        Self { question, choices, entry, marked: None, message: None }
    }

    /// Takes a key: typing filters, the arrows mark, Enter takes what is marked or, where a
    /// text may be typed, what was typed.
    pub fn on_key<C>(&mut self, key: &KeyEvent) -> Outcome<C> {
        match (key.code, key.kind) {
            (_, KeyEventKind::Release) => {}
            (KeyCode::Esc, _) => return Outcome::Closed,
            (KeyCode::Enter, KeyEventKind::Press) => return self.submit(),
            (KeyCode::Enter, _) => {}
            (KeyCode::Down | KeyCode::Tab, _) => self.mark(1),
            (KeyCode::Up | KeyCode::BackTab, _) => self.mark(-1),
            _ if self.entry.on_key(key) => self.typed(),
            _ => {}
        }
        Outcome::Open
    }

    /// Takes a paste.
    pub fn on_paste(&mut self, text: &str) {
        self.entry.insert(text);
        self.typed();
    }

    /// What was marked stays marked while it is among what is found.
    fn typed(&mut self) {
        self.message = None;
        let found = self.found();
        let still = self.marked.take().filter(|m| found.iter().any(|one| one.value == *m));
        self.marked = still;
    }

    fn found(&self) -> Vec<Choice> {
        let text = self.entry.text().to_lowercase();
        let fits = |one: &&Choice| one.label.to_lowercase().contains(text.trim());
        self.choices.all.iter().filter(fits).cloned().collect()
    }

    fn mark(&mut self, step: isize) {
        self.message = None;
        let found = self.found();
        let at = found.iter().position(|one| Some(&one.value) == self.marked.as_ref());
        let next = match (at, step) {
            (None, step) if step > 0 => Some(0),
            (None, _) => found.len().checked_sub(1),
            (Some(at), step) => at.checked_add_signed(step),
        };
        let marked = next.and_then(|at| found.get(at)).map(|one| one.value.clone());
        self.marked = marked.or(self.marked.take());
    }

    fn submit<C>(&mut self) -> Outcome<C> {
        let (text, found) = (self.entry.text().trim().to_owned(), self.found());
        if let Some(marked) = &self.marked {
            return Outcome::Entered(marked.clone());
        }
        if let ([only], false) = (found.as_slice(), text.is_empty()) {
            return Outcome::Entered(only.value.clone());
        }
        if self.choices.typed && !text.is_empty() {
            return Outcome::Entered(text);
        }
        self.message = Some(Message::new(Tone::Warn, "mark one with ↑ or ↓, or type more of it"));
        Outcome::Open
    }

    /// Paints the question, what was typed and what can be picked.
    pub fn view(&self, theme: Theme, area: Rect, buf: &mut Buffer) {
        let rows = u16::try_from(self.choices.all.len()).unwrap_or(u16::MAX);
        let height = rows.saturating_add(6).min(20);
        let outer = frame::centred(area.width.min(86), height, area);
        let inside = frame::render(&self.question, theme.style(Tone::Accent), outer, buf);
        if inside.height < 3 {
            return;
        }
        let row = |at: u16| Rect { y: inside.y + at, height: 1, ..inside };
        self.entry.view(row(0), buf);
        let found = self.found();
        let marked = found.iter().position(|one| Some(&one.value) == self.marked.as_ref());
        let room = inside.height - 2;
        let first = (marked.unwrap_or(0) + 1).saturating_sub(room.into());
        for (y, one) in (1..=room).zip(found.iter().skip(first)) {
            let is_marked = Some(&one.value) == self.marked.as_ref();
            let mark = if is_marked { symbol::HERE } else { " " };
            let left = vec![
                Part::new(format!("{mark} "), theme.style(Tone::Accent), 0),
                Part::new(one.label.clone(), theme.style(Tone::Plain), 0),
            ];
            line::render(left, Vec::new(), row(y), buf);
            if is_marked {
                buf.set_style(row(y), theme.selected());
            }
        }
        if let Some(why) = &self.choices.missing {
            let text = format!("{why}: type it");
            message::render(&Message::new(Tone::Warn, text), theme, row(1), buf);
        }
        let keys = if self.choices.typed {
            "Enter takes what is marked or typed   ↑↓ mark   Esc leaves"
        } else {
            "Enter takes what is marked   ↑↓ mark   type to find   Esc leaves"
        };
        let keys = Message::new(Tone::Dim, keys);
        let said = self.message.as_ref().unwrap_or(&keys);
        message::render(said, theme, row(inside.height - 1), buf);
    }
}
