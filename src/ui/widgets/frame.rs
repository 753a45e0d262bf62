//! The frame of what lies over a panel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget as _};

use crate::ui::text;

/// Returns an area of at most `width`×`height` in the middle of `area`.
#[must_use]
pub fn centred(width: u16, height: u16, area: Rect) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// Empties `area`, draws a frame with `title` around it and returns its inside.
pub fn render(title: &str, style: Style, area: Rect, buf: &mut Buffer) -> Rect {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return area;
    }
    Clear.render(area, buf);
    let title = text::cut(title, usize::from(area.width.saturating_sub(4)));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(style)
        .padding(Padding::horizontal(1))
        .title(format!(" {title} "));
    let inside = block.inner(area);
    block.render(area, buf);
    inside
}
