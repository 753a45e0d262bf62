//! A text that will be recorded: a reason to skip or override, a note, the value
//! that a person vouches for.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use super::entry::Entry;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::frame;
use crate::ui::widgets::message::{self, Message};

/// A text that is asked for.
#[derive(Clone, Debug)]
pub struct Reason {
    question: String,
    entry: Entry,
    message: Option<Message>,
}

impl Reason {
    /// Asks `question` (visible text): what is to be entered, and why.
    #[must_use]
    pub fn new(question: impl Into<String>) -> Self {
        Self { question: question.into(), entry: Entry::new(""), message: None }
    }

    /// Takes a key: Enter records what was typed, Esc leaves. Nothing but spaces
    /// is not an answer.
    pub fn on_key<C>(&mut self, key: &KeyEvent) -> Outcome<C> {
        match (key.code, key.kind) {
            (_, KeyEventKind::Release) => Outcome::Open,
            (KeyCode::Esc, _) => Outcome::Closed,
            (KeyCode::Enter, KeyEventKind::Press) => self.submit(),
            (KeyCode::Enter, _) => Outcome::Open,
            _ => {
                self.message = None;
                self.entry.on_key(key);
                Outcome::Open
            }
        }
    }

    /// Takes a paste.
    pub fn on_paste(&mut self, text: &str) {
        self.entry.insert(text);
    }

    fn submit<C>(&mut self) -> Outcome<C> {
        let text = self.entry.text().trim().to_owned();
        if text.is_empty() {
            self.message = Some(Message::new(Tone::Warn, "it is recorded: say something"));
            return Outcome::Open;
        }
        Outcome::Entered(text)
    }

    /// Paints the question and the text into the middle of `area`.
    pub fn view(&self, theme: Theme, area: Rect, buf: &mut Buffer) {
        let outer = frame::centred(76, 7, area);
        let inside = frame::render(&self.question, theme.style(Tone::Accent), outer, buf);
        let bottom = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
        let text = Rect { height: inside.height.saturating_sub(1), ..inside };
        self.entry.view(text, buf);
        let keys = Message::new(Tone::Dim, "Enter records it   Esc leaves");
        let said = self.message.as_ref().unwrap_or(&keys);
        message::render(said, theme, bottom.intersection(inside), buf);
    }
}
