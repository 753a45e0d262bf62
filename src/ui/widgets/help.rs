//! The help page of the focused pane: every key, what it does, why it is off.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::bindings::{Binding, Group};
use crate::ui::text;
use crate::ui::theme::{Theme, Tone};

/// One row of the page: the key, the rest and the rest's tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    key: String,
    text: String,
    tone: Tone,
}

/// Returns the page's rows for `width` cells.
#[must_use]
pub fn rows<C>(groups: &[Group<C>], width: u16) -> Vec<Row> {
    let mut rows = Vec::new();
    for group in groups.iter().filter(|group| !group.bindings.is_empty()) {
        if !rows.is_empty() {
            rows.push(plain("", Tone::Plain));
        }
        rows.push(plain(group.title, Tone::Strong));
        for binding in &group.bindings {
            push(binding, usize::from(width), &mut rows);
        }
    }
    rows
}

/// Cells of the key column: the longest is Shift-Tab.
const KEYS: usize = 13;

fn plain(text: &str, tone: Tone) -> Row {
    Row { key: String::new(), text: text.to_owned(), tone }
}

fn push<C>(binding: &Binding<C>, width: usize, rows: &mut Vec<Row>) {
    let (said, tone) = match &binding.enabled {
        Ok(()) => (binding.help.to_owned(), Tone::Plain),
        Err(reason) => (format!("{} (off: {reason})", binding.help), Tone::Dim),
    };
    for (at, line) in text::wrap(&said, width.saturating_sub(KEYS)).into_iter().enumerate() {
        let key = if at == 0 { format!("  {}", binding.key) } else { "  ".to_owned() };
        rows.push(Row { key, text: line, tone });
    }
}

/// Paints `rows` from `offset` on.
pub fn render(rows: &[Row], offset: usize, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let width = usize::from(area.width);
    for (y, row) in (area.y..area.bottom()).zip(rows.iter().skip(offset)) {
        let key = if row.tone == Tone::Dim { Tone::Dim } else { Tone::Accent };
        let cells = if row.key.is_empty() { 0 } else { KEYS };
        let head = text::left(&row.key, cells.min(width));
        let (x, _) = buf.set_stringn(area.x, y, head, width, theme.style(key));
        let room = usize::from(area.right().saturating_sub(x));
        if room > 0 {
            buf.set_stringn(x, y, text::cut(&row.text, room), room, theme.style(row.tone));
        }
    }
}
