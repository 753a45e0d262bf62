//! Painting: header, the focused panel, a message, the footer; overlays on top.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::theme::Tone;
use crate::ui::widgets::message::{self, Message};
use crate::ui::widgets::{footer, header, small};

use super::{App, keys};

impl App {
    /// Paints the whole screen as it is at `now`.
    pub fn view(&self, now: Instant, area: Rect, buf: &mut Buffer) {
        let head = self.header();
        if small::is_too_small(area) {
            let alarm = self.facts.verdict.as_ref().map(|verdict| verdict.text.clone());
            small::render(&head, alarm.as_deref(), self.theme, area, buf);
            return;
        }
        let [top, body, said, bottom] = rows(area, self.said().len());
        header::render(&head, self.theme, top, buf);
        self.panels.get(self.focused).view(&self.scene(), self.theme, body, buf);
        for (at, line) in self.said().iter().enumerate() {
            let row = Rect { y: said.y + u16::try_from(at).unwrap_or(0), height: 1, ..said };
            message::render(line, self.theme, row, buf);
        }
        let own = self.own();
        let everywhere = keys::footer();
        footer::render(own.iter().chain(&everywhere), self.theme, bottom, buf);
        if let Some(overlay) = &self.overlay {
            overlay.view(now, self.theme, area, buf);
        }
    }

    /// Returns the lines above the footer, the most pressing last.
    fn said(&self) -> Vec<Message> {
        let mut said: Vec<Message> =
            self.hint.iter().map(|line| Message::new(Tone::Accent, line.clone())).collect();
        if let Some(filter) = self.filters.get(&self.focused).filter(|text| !text.is_empty()) {
            let text = format!("filter: {filter}   Esc shows everything");
            said.push(Message::new(Tone::Accent, text));
        }
        if let Some(why) = &self.facts.mismatch {
            said.push(Message::new(Tone::Alarm, format!("NOT THE PINNED TARGET: {why}")));
        }
        if let Some(error) = self.facts.snapshot.error() {
            said.push(Message::new(Tone::Warn, format!("no fresh data: {error}")));
        }
        if let Some(why) = self.session.unrecorded() {
            said.push(Message::new(Tone::Alarm, format!("nothing can be recorded: {why}")));
        }
        said.extend(self.message.clone());
        said
    }
}

/// Splits the screen: header, body, messages, footer.
fn rows(area: Rect, messages: usize) -> [Rect; 4] {
    let messages = u16::try_from(messages).unwrap_or(0).min(area.height / 3);
    let head = header::HEIGHT.min(area.height);
    let body = area.height.saturating_sub(head + messages + 1);
    let row = |y: u16, height: u16| Rect { x: area.x, y: area.y + y, width: area.width, height };
    [row(0, head), row(head, body), row(head + body, messages), row(head + body + messages, 1)]
}
