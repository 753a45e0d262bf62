//! Aligned label and value, the value wrapped: details and evidence.

use std::cell::Cell;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::step::Step;
use crate::ui::text;
use crate::ui::theme::{Theme, Tone};

/// A label and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The label, a word or two.
    pub label: String,
    /// The value, visible text, which may have several lines.
    pub value: String,
    /// What the value means.
    pub tone: Tone,
}

impl Pair {
    /// Returns a pair in the ordinary tone.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), tone: Tone::Plain }
    }

    /// Returns the pair with its value in `tone`.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// Where in a page of pairs one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The first seen row, kept within the page at each painting.
    top: Cell<usize>,
    /// The height of the last painting: what a page is.
    page: Cell<usize>,
}

impl State {
    /// Moves in the page.
    pub fn go(&mut self, step: Step) {
        let (top, page) = (self.top.get(), self.page.get().max(1));
        self.top.set(match step {
            Step::Up => top.saturating_sub(1),
            Step::Down => top + 1,
            Step::PageUp => top.saturating_sub(page),
            Step::PageDown => top + page,
            Step::First => 0,
            Step::Last => usize::MAX / 2,
            Step::Left | Step::Right => top,
        });
    }

    /// Goes back to the beginning: another page is shown.
    pub fn begin(&mut self) {
        self.top.set(0);
    }
}

/// Paints `pairs` where `state` stands, one cell from the left; says whether rows hide above
/// or below.
pub fn view(pairs: &[Pair], state: &State, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let area = Rect { x: area.x + 1, width: area.width - 1, ..area };
    let height = usize::from(area.height);
    let deepest = self::height(pairs, area.width).saturating_sub(height);
    let top = state.top.get().min(deepest);
    state.top.set(top);
    state.page.set(height);
    render(pairs, top, theme, area, buf);
    let x = area.right().saturating_sub(1);
    for (hides, mark, y) in [(top > 0, "↑", area.y), (top < deepest, "↓", area.bottom() - 1)] {
        if hides {
            buf.set_stringn(x, y, mark, 1, theme.style(Tone::Accent));
        }
    }
}

/// A laid out row: the label on a value's first line only.
type Row<'a> = (&'a str, String, Tone);

/// Lays `pairs` out for `width` cells; one entry per row of the screen. A label that is
/// longer than the others may be stands on a row of its own.
fn rows(pairs: &[Pair], width: usize) -> Vec<Row<'_>> {
    let indent = indent(pairs, width);
    let mut rows = Vec::new();
    for pair in pairs {
        let mut label = pair.label.as_str();
        if text::width(label) + GAP > indent && !label.is_empty() {
            rows.push((std::mem::take(&mut label), String::new(), pair.tone));
        }
        for line in text::wrap(&pair.value, width.saturating_sub(indent)) {
            rows.push((std::mem::take(&mut label), line, pair.tone));
        }
    }
    rows
}

/// Cells between label and value.
const GAP: usize = 2;
/// Labels up to this width share a column on the narrowest screen.
const LABEL: usize = 10;

/// Returns the width of the label column with its gap: wide labels do not take the room of
/// the values.
fn indent(pairs: &[Pair], width: usize) -> usize {
    let most = LABEL.max(width / 5);
    let labels = pairs.iter().map(|pair| text::width(&pair.label));
    labels.filter(|label| *label <= most).max().map_or(0, |label| label + GAP)
}

/// Returns how many rows `pairs` take at `width`.
#[must_use]
pub fn height(pairs: &[Pair], width: u16) -> usize {
    rows(pairs, usize::from(width)).len()
}

/// Paints `pairs` from row `offset` on.
pub fn render(pairs: &[Pair], offset: usize, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let width = usize::from(area.width);
    let indent = indent(pairs, width).min(width);
    let rows = rows(pairs, width);
    for (y, (label, value, tone)) in (area.y..area.bottom()).zip(rows.iter().skip(offset)) {
        let label = text::cut(label, width);
        let (x, _) = buf.set_stringn(area.x, y, label, width, theme.style(Tone::Dim));
        let x = x.max(area.x + u16::try_from(indent).unwrap_or(u16::MAX));
        let room = usize::from(area.right().saturating_sub(x));
        if room > 0 {
            buf.set_stringn(x, y, text::cut(value, room), room, theme.style(*tone));
        }
    }
}
