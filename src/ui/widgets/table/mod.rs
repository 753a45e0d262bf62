//! A table: columns that give way when it gets narrow, rows that are built only
//! if they are seen, and a selection that stays with its key while rows move.

mod columns;
mod state;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub use columns::{Align, Column};
pub use state::State;

use crate::ui::text;
use crate::ui::theme::{Theme, Tone};

/// A cell of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The text, visible and on one line.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

impl Cell {
    /// Returns a cell.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Tone::Plain)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// What a table shows; `row` is called for the visible rows only.
pub struct Table<'a, K> {
    /// The columns, in order.
    pub columns: &'a [Column],
    /// The key of each row, in order.
    pub keys: &'a [K],
    /// Returns the cells of the row at an index into `keys`, one per column.
    pub row: &'a dyn Fn(usize) -> Vec<Cell>,
    /// What is said if there are no rows.
    pub empty: &'a str,
}

/// Paints the titles into the first row of `area` and the rows below it.
pub fn render<K: Clone + PartialEq>(
    table: &Table<'_, K>,
    state: &State<K>,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let layout = columns::layout(table.columns, usize::from(area.width));
    let mut canvas = Canvas { columns: table.columns, layout: &layout, shift: 0, theme };
    canvas.titles(area, buf);
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if table.keys.is_empty() {
        empty(table.empty, theme, body, buf);
        return;
    }
    let seen = state.show(table.keys, usize::from(body.height));
    let rows: Vec<(usize, Vec<Cell>)> = seen.map(|at| (at, (table.row)(at))).collect();
    state.hides(rows.iter().map(|(_, cells)| canvas.hidden(cells)).max().unwrap_or(0));
    canvas.shift = state.shift();
    for (y, (at, cells)) in (body.y..body.bottom()).zip(rows) {
        let row = Rect { y, height: 1, ..body };
        canvas.cells(&cells, row, buf);
        if state.is_selected(&table.keys[at]) {
            buf.set_style(row, theme.selected());
        }
    }
}

fn empty(said: &str, theme: Theme, area: Rect, buf: &mut Buffer) {
    if !area.is_empty() {
        let width = usize::from(area.width);
        let line = text::cut(&format!(" {said}"), width);
        buf.set_stringn(area.x, area.y, line, width, theme.style(Tone::Dim));
    }
}

/// What all rows of one painting share.
struct Canvas<'a> {
    columns: &'a [Column],
    layout: &'a [columns::Place],
    shift: usize,
    theme: Theme,
}

impl Canvas<'_> {
    fn titles(&self, area: Rect, buf: &mut Buffer) {
        for place in self.layout {
            let column = &self.columns[place.column];
            let title = column.align.fit(column.title, place.width);
            put(&title, place, self.theme.style(Tone::Dim), area, buf);
        }
    }

    /// Returns how many cells of the widest scrolling text do not fit.
    fn hidden(&self, cells: &[Cell]) -> usize {
        let scrolling = self.layout.iter().filter(|place| self.columns[place.column].scrolls());
        let beyond = |place: &columns::Place| {
            let text = cells.get(place.column).map_or(0, |cell| text::width(&cell.text));
            text.saturating_sub(place.width)
        };
        scrolling.map(beyond).max().unwrap_or(0)
    }

    fn cells(&self, cells: &[Cell], area: Rect, buf: &mut Buffer) {
        for place in self.layout {
            let Some(cell) = cells.get(place.column) else { continue };
            let column = &self.columns[place.column];
            let text =
                if column.scrolls() { text::shifted(&cell.text, self.shift) } else { &cell.text };
            let text = column.align.fit(text, place.width);
            put(&text, place, self.theme.style(cell.tone), area, buf);
        }
    }
}

fn put(text: &str, place: &columns::Place, style: Style, area: Rect, buf: &mut Buffer) {
    let x = area.x.saturating_add(u16::try_from(place.x).unwrap_or(u16::MAX));
    if x < area.right() {
        buf.set_stringn(x, area.y, text, usize::from(area.right() - x), style);
    }
}
