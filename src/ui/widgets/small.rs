//! What is left below 60×15: target, mode, step, blocked, alarm, age; nothing else,
//! and nothing that changes anything is offered there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::header::{Header, Mode};
use crate::domain::identity::Class;
use crate::domain::rehearsal::place;
use crate::ui::text;
use crate::ui::theme::{Theme, Tone, symbol};

/// The smallest area in which the panels are drawn.
pub const MINIMUM: (u16, u16) = (60, 15);

/// Returns true if `area` is too small for the panels, so that destructive keys
/// have to be off.
#[must_use]
pub fn is_too_small(area: Rect) -> bool {
    area.width < MINIMUM.0 || area.height < MINIMUM.1
}

/// Paints the fallback, the most important first; `alarm` is the verdict's line
/// when there is one.
pub fn render(header: &Header, alarm: Option<&str>, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let lines = lines(header, alarm, theme);
    for (y, (line, style)) in (area.y..area.bottom()).zip(lines) {
        let width = usize::from(area.width);
        buf.set_stringn(area.x, y, text::cut(&line, width), width, style);
    }
}

fn lines(header: &Header, alarm: Option<&str>, theme: Theme) -> Vec<(String, Style)> {
    let class = if header.rehearsal { Class::Scratch } else { header.class };
    let class = theme.class(class);
    let mut lines =
        vec![(format!("{} {}", place(header.class, header.rehearsal), header.database), class)];
    if let Some(alarm) = alarm {
        lines.push((format!("{} {alarm}", symbol::BAD), theme.style(Tone::Alarm)));
    }
    let mode = match header.mode {
        Mode::Watching => "WATCHING",
        Mode::Armed => "▲ ARMED",
        Mode::Following => "FOLLOWING",
    };
    let step = header.run.as_ref().map(|run| format!(" {}/{}", run.step.0, run.step.1));
    let blocked = header.blocked.map_or("?".to_owned(), |count| count.to_string());
    lines.push((format!("{mode}{}", step.unwrap_or_default()), theme.style(Tone::Strong)));
    lines.push((format!("blocked {blocked}"), Style::new()));
    let (age, tone) = header.age.said();
    lines.push((age, theme.style(tone)));
    let advice = format!("enlarge to {}×{} to act", MINIMUM.0, MINIMUM.1);
    lines.push((advice, theme.style(Tone::Dim)));
    lines
}
