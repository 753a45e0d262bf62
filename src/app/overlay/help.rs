//! `?`: the keys of the focused pane.

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use crate::ui::bindings::Group;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::{frame, help};

/// The help page.
#[derive(Clone, Debug)]
pub struct Help<C> {
    groups: Vec<Group<C>>,
    top: Cell<usize>,
}

impl<C> Help<C> {
    /// Returns the page of `groups`, the focused pane's first.
    #[must_use]
    pub fn new(groups: Vec<Group<C>>) -> Self {
        Self { groups, top: Cell::new(0) }
    }

    /// Takes a key: it scrolls or closes.
    pub fn on_key(&mut self, key: &KeyEvent) -> Outcome<C> {
        let top = self.top.get();
        match key.code {
            _ if key.kind == KeyEventKind::Release => {}
            KeyCode::Esc | KeyCode::Char('?' | 'q') | KeyCode::F(1) => return Outcome::Closed,
            KeyCode::Down | KeyCode::Char('j') => self.top.set(top.saturating_add(1)),
            KeyCode::Up | KeyCode::Char('k') => self.top.set(top.saturating_sub(1)),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top.set(top.saturating_add(10)),
            KeyCode::PageUp => self.top.set(top.saturating_sub(10)),
            KeyCode::Home | KeyCode::Char('g') => self.top.set(0),
            KeyCode::End | KeyCode::Char('G') => self.top.set(usize::MAX),
            _ => {}
        }
        Outcome::Open
    }

    /// Paints the page over `area`.
    pub fn view(&self, theme: Theme, area: Rect, buf: &mut Buffer) {
        let width = area.width.min(86);
        let rows = help::rows(&self.groups, width.saturating_sub(4));
        let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX);
        let outer = frame::centred(width, height, area);
        let title = "Keys · Esc closes · ↑↓ scroll";
        let inside = frame::render(title, theme.style(Tone::Accent), outer, buf);
        let deepest = rows.len().saturating_sub(inside.height.into());
        self.top.set(self.top.get().min(deepest));
        help::render(&rows, self.top.get(), theme, inside, buf);
    }
}
