//! A pager for SQL and output: it asks for [`Untrusted`] text, so nothing
//! unescaped can reach the screen through it.

use std::cell::Cell;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::code::{Scanner, Span};
use crate::domain::untrusted::Untrusted;
use crate::ui::step::Step;
use crate::ui::text;
use crate::ui::theme::{Theme, Tone};

/// Where a pager stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The first shown line, kept within the text at each painting.
    top: Cell<usize>,
    /// The first shown column.
    shift: usize,
    /// True while the end is followed as text is appended.
    follow: bool,
    /// The height of the last painting: what a page is.
    page: Cell<usize>,
}

impl State {
    /// Returns a pager that follows the end, for a running step's output.
    #[must_use]
    pub fn following() -> Self {
        Self { follow: true, ..Self::default() }
    }

    /// Returns true while the end is followed.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.follow
    }

    /// Moves in the text.
    pub fn go(&mut self, step: Step) {
        match step {
            Step::Up => self.scroll(-1),
            Step::Down => self.scroll(1),
            Step::PageUp => self.page(-1),
            Step::PageDown => self.page(1),
            Step::First => self.first(),
            Step::Last => self.last(),
            Step::Left => self.shift(-8),
            Step::Right => self.shift(8),
        }
    }

    /// Scrolls by `lines`, up when negative; leaves following.
    pub fn scroll(&mut self, lines: isize) {
        self.follow = false;
        self.top.set(self.top.get().saturating_add_signed(lines));
    }

    /// Scrolls by `pages` of the height last painted.
    pub fn page(&mut self, pages: isize) {
        let page = isize::try_from(self.page.get().max(1)).unwrap_or(1);
        self.scroll(pages.saturating_mul(page));
    }

    /// Scrolls sideways by `columns`.
    pub fn shift(&mut self, columns: isize) {
        self.shift = self.shift.saturating_add_signed(columns);
    }

    /// Goes to the first line.
    pub fn first(&mut self) {
        self.follow = false;
        self.top.set(0);
    }

    /// Goes to the end and follows it.
    pub fn last(&mut self) {
        self.follow = true;
    }
}

/// The text of a pager in lines, escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    lines: Vec<String>,
    /// What stands out in each line; empty for text that is no code.
    spans: Vec<Vec<Span>>,
}

impl Page {
    /// Returns the lines of `text`, escaped; done once, not at each painting.
    #[must_use]
    pub fn new(text: &Untrusted) -> Self {
        Self { lines: text.visible().lines().map(str::to_owned).collect(), spans: Vec::new() }
    }

    /// Returns the lines of a program's text, of which keywords and comments stand out.
    #[must_use]
    pub fn code(text: &Untrusted) -> Self {
        let page = Self::new(text);
        let mut scanner = Scanner::default();
        let spans = page.lines.iter().map(|line| scanner.line(line)).collect();
        Self { spans, ..page }
    }

    /// Returns how many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns true if there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Paints the visible lines of `page`; the last column shows where in the text we are.
pub fn render(page: &Page, state: &State, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let height = usize::from(area.height);
    let deepest = page.lines.len().saturating_sub(height);
    let top = if state.follow { deepest } else { state.top.get().min(deepest) };
    state.top.set(top);
    state.page.set(height);
    let width = usize::from(area.width.saturating_sub(2));
    for (y, (at, line)) in (area.y..area.bottom()).zip(page.lines.iter().enumerate().skip(top)) {
        let shown = text::cut(text::shifted(line, state.shift), width);
        buf.set_stringn(area.x, y, shown, width, theme.style(Tone::Plain));
        for span in page.spans.get(at).into_iter().flatten() {
            let column = |byte: usize| text::width(&line[..byte]).saturating_sub(state.shift);
            let (from, to) = (column(span.start).min(width), column(span.end).min(width));
            let cells = |cells: usize| u16::try_from(cells).unwrap_or(u16::MAX);
            let part = Rect { x: area.x + cells(from), y, width: cells(to - from), height: 1 };
            buf.set_style(part, theme.style(span.tone));
        }
    }
    let more = |shown: bool, mark, y| {
        if shown {
            buf.set_stringn(area.right() - 1, y, mark, 1, theme.style(Tone::Accent));
        }
    };
    marks(top, deepest, area, more);
}

/// Says by `mark` whether lines hide above and below.
fn marks(top: usize, deepest: usize, area: Rect, mut mark: impl FnMut(bool, &'static str, u16)) {
    mark(top > 0, "↑", area.y);
    mark(top < deepest, "↓", area.bottom() - 1);
}
