//! Everything about one thing: its facts, and its text in a pager.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use crate::domain::untrusted::Untrusted;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::pager::{self, Page};
use crate::ui::widgets::pairs::{self, Pair};
use crate::ui::widgets::{frame, line};

/// A detail page.
#[derive(Clone, Debug)]
pub struct Detail {
    title: String,
    pairs: Vec<Pair>,
    page: Page,
    state: pager::State,
}

impl Detail {
    /// Returns a page of `pairs` and below them `text`: a query, SQL, output.
    #[must_use]
    pub fn new(title: impl Into<String>, pairs: Vec<Pair>, text: &Untrusted) -> Self {
        let state = pager::State::default();
        Self { title: title.into(), pairs, page: Page::new(text), state }
    }

    /// Takes a key: it scrolls or closes.
    pub fn on_key<C>(&mut self, key: &KeyEvent) -> Outcome<C> {
        match key.code {
            _ if key.kind == KeyEventKind::Release => {}
            KeyCode::Esc | KeyCode::Char('q' | 'e') => return Outcome::Closed,
            KeyCode::Down | KeyCode::Char('j') => self.state.scroll(1),
            KeyCode::Up | KeyCode::Char('k') => self.state.scroll(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.state.page(1),
            KeyCode::PageUp => self.state.page(-1),
            KeyCode::Right | KeyCode::Char('l') => self.state.shift(8),
            KeyCode::Left | KeyCode::Char('h') => self.state.shift(-8),
            KeyCode::Home | KeyCode::Char('g') => self.state.first(),
            KeyCode::End | KeyCode::Char('G') => self.state.last(),
            _ => {}
        }
        Outcome::Open
    }

    /// Paints the page over `area`: the pairs take at most half of it.
    pub fn view(&self, theme: Theme, area: Rect, buf: &mut Buffer) {
        let inside = frame::render(&self.title, theme.style(Tone::Accent), area, buf);
        let height = pairs::height(&self.pairs, inside.width).min(usize::from(inside.height / 2));
        let height = u16::try_from(height).unwrap_or(inside.height);
        let facts = Rect { height, ..inside };
        pairs::render(&self.pairs, 0, theme, facts, buf);
        let rest = inside.height - height;
        let keys = Rect { y: inside.bottom().saturating_sub(1), height: rest.min(1), ..inside };
        let text = Rect { y: facts.bottom() + 1, height: rest.saturating_sub(2), ..inside };
        pager::render(&self.page, &self.state, theme, text.intersection(inside), buf);
        let said = line::Part::new("Esc closes   ↑↓ ←→ scroll", theme.style(Tone::Dim), 0);
        line::render(vec![said], Vec::new(), keys, buf);
    }
}
