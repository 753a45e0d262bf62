//! The message line: what was just refused, done or went wrong.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::text;
use crate::ui::theme::{Theme, Tone};

/// One sentence said to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it means.
    pub tone: Tone,
    /// The sentence, visible text.
    pub text: String,
}

impl Message {
    /// Returns a message.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// Paints the message with its tone's symbol into `area`, cut if it needs more rows.
pub fn render(message: &Message, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let width = usize::from(area.width);
    let rows = usize::from(area.height);
    let mut lines = lines(message, area.width);
    if lines.len() > rows && rows > 0 {
        let rest = lines.split_off(rows - 1).join(" ");
        lines.push(text::cut(&rest, width));
    }
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        buf.set_stringn(area.x, y, line, width, theme.style(message.tone));
    }
}

/// Returns how many rows the message takes at `width`.
#[must_use]
pub fn height(message: &Message, width: u16) -> u16 {
    u16::try_from(lines(message, width).len()).unwrap_or(u16::MAX)
}

/// Returns the message in lines, indented below its symbol.
fn lines(message: &Message, width: u16) -> Vec<String> {
    let symbol = message.tone.symbol();
    let mark = if symbol.is_empty() { " ".to_owned() } else { format!(" {symbol} ") };
    let indent = text::width(&mark);
    let wrapped = text::wrap(&message.text, usize::from(width).saturating_sub(indent));
    let head = |at: usize| if at == 0 { mark.clone() } else { " ".repeat(indent) };
    wrapped.into_iter().enumerate().map(|(at, line)| head(at) + &line).collect()
}
