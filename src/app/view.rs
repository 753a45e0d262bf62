//! Painting: header, the focused panel, a message, the footer; overlays on top.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::verdict::{Level, Verdict};
use crate::panels::{Id, way_back};
use crate::ui::theme::Tone;
use crate::ui::widgets::message::{self, Message};
use crate::ui::widgets::{footer, header, small};

use super::{App, keys};

impl App {
    /// Paints the whole screen as it is at `now`.
    pub fn view(&self, now: Instant, area: Rect, buf: &mut Buffer) {
        let head = self.header();
        self.small.set(small::is_too_small(area));
        if small::is_too_small(area) {
            let wrong = |verdict: &&Verdict| verdict.level != Level::Ok;
            let alarm = self.facts.verdict.as_ref().filter(wrong).map(|v| v.text.as_str());
            small::render(&head, alarm, self.theme, area, buf);
            if let Some(overlay) = &self.overlay {
                overlay.hidden();
            }
            return;
        }
        let said = self.said();
        let [top, body, messages, bottom] = rows(area, &said);
        header::render(&head, self.theme, top, buf);
        self.panels.get(self.focused).view(&self.scene(), self.theme, body, buf);
        self.messages(&said, messages, buf);
        let own = self.own();
        let everywhere = keys::footer();
        let offered = way_back::is_offered(&self.scene()) && self.following.is_none();
        let back = offered.then(|| way_back::binding(&self.session));
        let keys = back.iter().chain(&own).chain(&everywhere);
        footer::render(keys, self.theme, bottom, buf);
        if let Some(overlay) = &self.overlay {
            overlay.view(now, self.theme, area, buf);
        }
    }

    /// Paints the messages from the bottom up: the last is the most pressing.
    fn messages(&self, said: &[Message], area: Rect, buf: &mut Buffer) {
        let mut bottom = area.bottom();
        for message in said.iter().rev() {
            let height = message::height(message, area.width).min(bottom - area.y);
            bottom -= height;
            let rows = Rect { y: bottom, height, ..area };
            message::render(message, self.theme, rows, buf);
        }
    }

    /// Returns what stands above the footer, the most pressing last.
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
        // Before the first answer Watch itself says why there is none.
        let is_told = self.focused == Id::Watch && self.facts.snapshot.value().is_none();
        if let Some(error) = self.facts.snapshot.error().filter(|_| !is_told) {
            said.push(Message::new(Tone::Warn, format!("no fresh data: {error}")));
        }
        said.extend(self.whose());
        if let Some(why) = self.session.unrecorded() {
            said.push(Message::new(Tone::Alarm, format!("nothing can be recorded: {why}")));
        }
        said.extend(self.message.clone());
        said
    }
}

/// Splits the screen: header, body, messages, footer.
fn rows(area: Rect, said: &[Message]) -> [Rect; 4] {
    let messages: u16 = said.iter().map(|message| message::height(message, area.width)).sum();
    let messages = messages.min(area.height / 3);
    let head = header::HEIGHT.min(area.height);
    let body = area.height.saturating_sub(head + messages + 1);
    let row = |y: u16, height: u16| Rect { x: area.x, y: area.y + y, width: area.width, height };
    [row(0, head), row(head, body), row(head + body, messages), row(head + body + messages, 1)]
}
