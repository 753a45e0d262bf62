//! The footer: the keys of the focused pane, as many as fit, `? help` always.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::line::{self, Part};
use crate::ui::bindings::Binding;
use crate::ui::theme::{Theme, Tone};

/// Paints the footer of `bindings`, most important first; a binding that is off
/// is dimmed, gives its room to some that are on, and its reason is said by the
/// help page and when it is pressed.
pub fn render<'a, C: 'a>(
    bindings: impl IntoIterator<Item = &'a Binding<C>>,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let mut left = Vec::new();
    for (rank, binding) in bindings.into_iter().enumerate() {
        let rank = if binding.enabled.is_ok() { 2 * (rank + 1) } else { 2 * (rank + OFF) + 1 };
        left.push(part(binding, theme, u8::try_from(rank).unwrap_or(u8::MAX)));
    }
    let left = left.into_iter().flatten().collect();
    let right = vec![
        Part::new("?", theme.style(Tone::Accent), 0),
        Part::new(" help ", theme.style(Tone::Plain), 0),
    ];
    line::render(left, right, area, buf);
}

/// By how many places a key that is off falls back.
const OFF: usize = 6;

/// Returns a binding as two parts of one rank, so that both go together.
fn part<C>(binding: &Binding<C>, theme: Theme, rank: u8) -> [Part; 2] {
    let (key, label) = match binding.enabled {
        Ok(()) => (Tone::Accent, Tone::Plain),
        Err(_) => (Tone::Dim, Tone::Dim),
    };
    [
        Part::new(format!(" {}", binding.key), theme.style(key), rank),
        Part::new(format!(" {}  ", binding.label), theme.style(label), rank),
    ]
}
