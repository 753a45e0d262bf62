//! One line of text that is typed; what comes in is escaped before it is kept.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget as _;
use tui_textarea::{CursorMove, TextArea, WrapMode};

use crate::domain::untrusted::Untrusted;

/// A line being typed.
#[derive(Clone, Debug)]
pub struct Entry {
    area: TextArea<'static>,
}

/// More than this is not taken: nobody reads it again, and a paste of a log is a mistake.
const LONGEST: usize = 2_000;

impl Entry {
    /// Returns an entry that holds `text`, the cursor behind it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut area = TextArea::new(vec![clean(text)]);
        area.set_cursor_line_style(Style::new());
        area.set_wrap_mode(WrapMode::WordOrGlyph);
        area.move_cursor(CursorMove::End);
        Self { area }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join(" ")
    }

    /// Takes a key; returns true if the text changed. Enter and Esc are the
    /// caller's.
    pub fn on_key(&mut self, key: &KeyEvent) -> bool {
        let plain = key.modifiers.difference(KeyModifiers::SHIFT).is_empty();
        match key.code {
            _ if key.kind == KeyEventKind::Release => false,
            KeyCode::Enter | KeyCode::Esc | KeyCode::Tab => false,
            KeyCode::Char(c) if plain => self.insert(&c.to_string()),
            // The text area's own bindings for these insert a line break.
            KeyCode::Char('m' | 'j') if !plain => false,
            _ => self.area.input(*key),
        }
    }

    /// Inserts text, escaped and on one line; returns true if the text changed.
    pub fn insert(&mut self, text: &str) -> bool {
        let room = LONGEST.saturating_sub(self.text().chars().count());
        let text: String = clean(text).chars().take(room).collect();
        !text.is_empty() && self.area.insert_str(text)
    }

    /// Paints the entry, wrapped, with its cursor.
    pub fn view(&self, area: Rect, buf: &mut Buffer) {
        (&self.area).render(area.intersection(buf.area), buf);
    }
}

/// Returns `text` escaped and on one line.
fn clean(text: &str) -> String {
    Untrusted::new(text.replace(['\r', '\n'], " ")).visible()
}
