//! The message line: what was just refused, done or went wrong.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::text;
use crate::ui::theme::{Theme, Tone};

/// One line said to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it means.
    pub tone: Tone,
    /// The line, visible text.
    pub text: String,
}

impl Message {
    /// Returns a message.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// Paints the message with its tone's symbol into the first row of `area`.
pub fn render(message: &Message, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let symbol = message.tone.symbol();
    let gap = if symbol.is_empty() { "" } else { " " };
    let said = format!(" {symbol}{gap}{}", message.text);
    let width = usize::from(area.width);
    let line = text::cut(&said, width);
    buf.set_stringn(area.x, area.y, line, width, theme.style(message.tone));
}
