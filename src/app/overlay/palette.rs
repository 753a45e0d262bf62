//! `:`: every binding by name, found by a few of its letters.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Outcome;
use super::entry::Entry;
use crate::ui::bindings::{Binding, Group};
use crate::ui::text;
use crate::ui::theme::{Theme, Tone, symbol};
use crate::ui::widgets::frame;
use crate::ui::widgets::line::{self, Part};
use crate::ui::widgets::message::{self, Message};

/// The command palette.
#[derive(Clone, Debug)]
pub struct Palette<C> {
    bindings: Vec<Binding<C>>,
    entry: Entry,
    /// Indices into `bindings`, best first.
    found: Vec<usize>,
    /// An index into `found`.
    at: usize,
    message: Option<Message>,
}

impl<C: Clone> Palette<C> {
    /// Returns the palette over all of `groups`.
    #[must_use]
    pub fn new(groups: Vec<Group<C>>) -> Self {
        let bindings: Vec<_> = groups.into_iter().flat_map(|group| group.bindings).collect();
        let found = (0..bindings.len()).collect();
        Self { bindings, entry: Entry::new(""), found, at: 0, message: None }
    }

    /// Takes a key: Enter runs what is marked, unless it is off now.
    pub fn on_key(&mut self, key: &KeyEvent) -> Outcome<C> {
        match (key.code, key.kind) {
            (_, KeyEventKind::Release) => {}
            (KeyCode::Esc, _) => return Outcome::Closed,
            (KeyCode::Enter, KeyEventKind::Press) => return self.run(),
            (KeyCode::Enter, _) => {}
            (KeyCode::Down | KeyCode::Tab, _) => self.mark(self.at + 1),
            (KeyCode::Up | KeyCode::BackTab, _) => self.mark(self.at.saturating_sub(1)),
            _ if self.entry.on_key(key) => self.find(),
            _ => {}
        }
        Outcome::Open
    }

    /// Takes a paste.
    pub fn on_paste(&mut self, text: &str) {
        self.entry.insert(text);
        self.find();
    }

    fn mark(&mut self, at: usize) {
        self.at = at.min(self.found.len().saturating_sub(1));
        self.message = None;
    }

    fn run(&mut self) -> Outcome<C> {
        let Some(at) = self.found.get(self.at) else { return Outcome::Open };
        let binding = &self.bindings[*at];
        match &binding.enabled {
            Ok(()) => Outcome::Run(binding.command.clone()),
            Err(reason) => {
                let said = format!("{} is off: {reason}", binding.label);
                self.message = Some(Message::new(Tone::Warn, said));
                Outcome::Open
            }
        }
    }

    /// Finds the bindings that match what was typed, best first.
    fn find(&mut self) {
        let query = self.entry.text();
        let pattern = Pattern::parse(&query, CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut chars = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (at, binding) in self.bindings.iter().enumerate() {
            let name = format!("{}  {}", binding.label, binding.help);
            let name = Utf32Str::new(&name, &mut chars);
            scored.extend(pattern.score(name, &mut matcher).map(|score| (score, at)));
        }
        scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.found = scored.into_iter().map(|(_, at)| at).collect();
        self.mark(0);
    }

    /// Paints the palette at the top of `area`.
    pub fn view(&self, theme: Theme, area: Rect, buf: &mut Buffer) {
        let height = u16::try_from(self.bindings.len()).unwrap_or(u16::MAX).saturating_add(4);
        let outer = frame::centred(area.width.min(86), height.min(20), area);
        let inside = frame::render("Commands", theme.style(Tone::Accent), outer, buf);
        if inside.height < 3 {
            return;
        }
        let row = |at: u16| Rect { y: inside.y + at, height: 1, ..inside };
        line::render(vec![Part::new(":", theme.style(Tone::Accent), 0)], Vec::new(), row(0), buf);
        let typed = Rect { x: inside.x + 2, width: inside.width.saturating_sub(2), ..row(0) };
        self.entry.view(typed, buf);
        let list = inside.height - 2;
        let first = (self.at + 1).saturating_sub(list.into());
        for (y, (at, index)) in (1..=list).zip(self.found.iter().enumerate().skip(first)) {
            item(&self.bindings[*index], at == self.at, theme, row(y), buf);
        }
        let keys = Message::new(Tone::Dim, "Enter runs it   ↑↓ choose   Esc leaves");
        let said = self.message.as_ref().unwrap_or(&keys);
        message::render(said, theme, row(inside.height - 1), buf);
    }
}

/// Paints one command: its name, what it does, its key.
fn item<C>(binding: &Binding<C>, marked: bool, theme: Theme, row: Rect, buf: &mut Buffer) {
    let tone = if binding.enabled.is_ok() { Tone::Plain } else { Tone::Dim };
    let mark = if marked { symbol::HERE } else { " " };
    let left = vec![
        Part::new(format!("{mark} "), theme.style(Tone::Accent), 0),
        Part::new(text::left(&binding.label, 16), theme.style(tone), 0),
        Part::new(format!("  {}", binding.help), theme.style(tone), 0),
    ];
    let right = vec![Part::new(binding.key.to_string(), theme.style(Tone::Accent), 0)];
    line::render(left, right, row, buf);
    if marked {
        buf.set_style(row, theme.selected());
    }
}
