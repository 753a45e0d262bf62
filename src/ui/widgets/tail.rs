//! The last lines of something that is still growing: a running act's output.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::untrusted::Untrusted;
use crate::ui::text;
use crate::ui::theme::{Theme, Tone};

/// Paints the lines that end `back` lines before the last one; only what is seen is escaped.
pub fn render(
    lines: &VecDeque<Untrusted>,
    back: usize,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let area = area.intersection(buf.area);
    let height = usize::from(area.height);
    let end = lines.len().saturating_sub(back).max(height.min(lines.len()));
    let first = end.saturating_sub(height);
    let width = usize::from(area.width);
    for (y, line) in (area.y..area.bottom()).zip(lines.range(first..end)) {
        let line = text::cut(&line.one_line(), width);
        buf.set_stringn(area.x, y, line, width, theme.style(Tone::Plain));
    }
}
