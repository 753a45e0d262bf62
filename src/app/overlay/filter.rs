//! `/`: the text that a list is filtered by, while it is typed.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use super::entry::Entry;
use crate::ui::theme::{Theme, Tone};

/// The filter of a list.
#[derive(Clone, Debug)]
pub struct Filter {
    before: String,
    entry: Entry,
}

impl Filter {
    /// Returns the filter, starting from the `text` that the list is filtered by.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { before: text.to_owned(), entry: Entry::new(text) }
    }

    /// Takes a key: Enter keeps the filter, Esc brings back the one before.
    pub fn on_key<C>(&mut self, key: &KeyEvent) -> Outcome<C> {
        match key.code {
            _ if key.kind == KeyEventKind::Release => Outcome::Open,
            KeyCode::Enter => Outcome::Filtered { text: self.entry.text(), open: false },
            KeyCode::Esc => Outcome::Filtered { text: self.before.clone(), open: false },
            _ if self.entry.on_key(key) => self.filtered(),
            _ => Outcome::Open,
        }
    }

    /// Takes a paste.
    pub fn on_paste<C>(&mut self, text: &str) -> Outcome<C> {
        self.entry.insert(text);
        self.filtered()
    }

    fn filtered<C>(&self) -> Outcome<C> {
        Outcome::Filtered { text: self.entry.text(), open: true }
    }

    /// Paints the filter into the last row of `area`.
    pub fn view(&self, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let row = Rect { y: area.bottom() - 1, height: 1, ..area };
        buf.set_stringn(
            row.x,
            row.y,
            " ".repeat(row.width.into()),
            row.width.into(),
            theme.style(Tone::Plain),
        );
        let (x, y) =
            buf.set_stringn(row.x, row.y, " / ", row.width.into(), theme.style(Tone::Accent));
        self.entry.view(Rect { x, y, width: row.right() - x, height: 1 }, buf);
    }
}
