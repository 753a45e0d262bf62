//! Everything about one thing: its facts, and below them its text.

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use crate::domain::untrusted::Untrusted;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::line::Part;
use crate::ui::widgets::pairs::{self, Pair};
use crate::ui::widgets::{frame, line};

/// A detail page.
#[derive(Clone, Debug)]
pub struct Detail {
    title: String,
    pairs: Vec<Pair>,
    /// The first shown row, kept within the page at each painting.
    top: Cell<usize>,
    /// The height of the last painting: what a page is.
    page: Cell<usize>,
}

impl Detail {
    /// Returns a page of `pairs` and below them `text`, a query.
    #[must_use]
    pub fn new(title: impl Into<String>, mut pairs: Vec<Pair>, text: &Untrusted) -> Self {
        pairs.push(Pair::new("", ""));
        pairs.push(Pair::new("query", text.visible()));
        Self { title: title.into(), pairs, top: Cell::new(0), page: Cell::new(1) }
    }

    /// Takes a key: it scrolls or closes.
    pub fn on_key<C>(&mut self, key: &KeyEvent) -> Outcome<C> {
        let page = self.page.get();
        let top = self.top.get();
        match key.code {
            _ if key.kind == KeyEventKind::Release => {}
            KeyCode::Esc | KeyCode::Char('q' | 'e') => return Outcome::Closed,
            KeyCode::Down | KeyCode::Char('j') => self.top.set(top.saturating_add(1)),
            KeyCode::Up | KeyCode::Char('k') => self.top.set(top.saturating_sub(1)),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top.set(top.saturating_add(page)),
            KeyCode::PageUp => self.top.set(top.saturating_sub(page)),
            KeyCode::Home | KeyCode::Char('g') => self.top.set(0),
            KeyCode::End | KeyCode::Char('G') => self.top.set(usize::MAX),
            _ => {}
        }
        Outcome::Open
    }

    /// Paints the page over `area`.
    pub fn view(&self, theme: Theme, area: Rect, buf: &mut Buffer) {
        let inside = frame::render(&self.title, theme.style(Tone::Accent), area, buf);
        let body = Rect { height: inside.height.saturating_sub(1), ..inside };
        let rows = usize::from(body.height);
        let deepest = pairs::height(&self.pairs, body.width).saturating_sub(rows);
        let top = self.top.get().min(deepest);
        self.top.set(top);
        self.page.set(rows.max(1));
        pairs::render(&self.pairs, top, theme, body, buf);
        let more = if top < deepest { "↓ more   " } else { "" };
        let keys = Rect { y: body.bottom(), height: inside.height.min(1), ..inside };
        let said = [
            Part::new(more, theme.style(Tone::Accent), 0),
            Part::new("Esc closes   ↑↓ scroll", theme.style(Tone::Dim), 0),
        ];
        line::render(said.to_vec(), Vec::new(), keys, buf);
    }
}
