//! What the confirmation looks like.

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Dialog, Need};
use crate::domain::rehearsal::place;
use crate::domain::untrusted::Untrusted;
use crate::ui::theme::{Theme, Tone, symbol};
use crate::ui::widgets::line::{self, Part};
use crate::ui::widgets::pairs::{self, Pair};
use crate::ui::widgets::{frame, message, small};

/// The dialog is no wider than this: long lines are hard to read.
const WIDEST: u16 = 92;
/// Rows below the content: a blank one, the prompt and the message.
const PROMPT: u16 = 3;

impl Dialog {
    /// Paints the dialog into the middle of `area`. Where it is too small to
    /// read, nothing counts as shown.
    pub fn view(&self, now: Instant, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let rows = self.rows();
        let width = WIDEST.min(area.width);
        let height = pairs::height(&rows, width.saturating_sub(4));
        let height = u16::try_from(height).unwrap_or(u16::MAX).saturating_add(PROMPT + 2);
        let outer = frame::centred(width, height, area);
        let title = format!(
            "On {}: {}",
            place(self.content.class, self.content.rehearsal),
            self.content.title
        );
        let inside = frame::render(&title, theme.frame(self.content.class), outer, buf);
        let prompt = PROMPT.min(inside.height);
        let body = Rect { height: inside.height - prompt, ..inside };
        self.body(&rows, theme, body, buf);
        if small::is_too_small(buf.area) {
            self.hidden();
        } else if self.shown.get().is_none() {
            self.shown.set(Some(now));
        }
        let below = Rect { y: body.bottom(), height: prompt, ..inside };
        self.prompt(now, theme, below, buf);
    }

    /// Returns the content's rows, and the plan's hash as the last one.
    fn rows(&self) -> Vec<Pair> {
        let plan = Pair::new("plan", self.content.hash.short()).tone(Tone::Dim);
        self.content.rows.iter().cloned().chain([plan]).collect()
    }

    /// Paints the rows; once the last of them was painted, all were.
    fn body(&self, rows: &[Pair], theme: Theme, area: Rect, buf: &mut Buffer) {
        let deepest = pairs::height(rows, area.width).saturating_sub(usize::from(area.height));
        let top = self.top.get().min(deepest);
        self.top.set(top);
        if top == deepest && !area.is_empty() {
            self.seen.set(true);
        }
        pairs::render(rows, top, theme, area, buf);
        if area.is_empty() {
            return;
        }
        let x = area.right();
        for (more, mark, y) in [(top > 0, "↑", area.y), (top < deepest, "↓", area.bottom() - 1)]
        {
            if more && x < buf.area.right() {
                buf.set_stringn(x, y, mark, 1, theme.style(Tone::Accent));
            }
        }
    }

    /// Paints what a yes takes, and what was said of the last key.
    fn prompt(&self, now: Instant, theme: Theme, area: Rect, buf: &mut Buffer) {
        let row = |at: u16| Rect { y: area.y + at, height: 1, ..area }.intersection(area);
        let armed = now >= self.armed_at();
        line::render(self.asks(theme, armed), Vec::new(), row(1), buf);
        if let Some(said) = &self.message {
            let row = row(2);
            let row =
                Rect { x: row.x.saturating_sub(1), width: row.width.saturating_add(1), ..row };
            message::render(said, theme, row, buf);
        }
    }

    fn asks(&self, theme: Theme, armed: bool) -> Vec<Part> {
        let plain = Style::new();
        let unread = !self.seen.get();
        let key = theme.style(if armed && !unread { Tone::Accent } else { Tone::Dim });
        let mut parts = vec![if unread {
            Part::new(
                format!("{} ↓ shows the rest, then: ", symbol::WARN),
                theme.style(Tone::Warn),
                0,
            )
        } else if armed {
            Part::new(format!("{} ", symbol::ON), theme.style(Tone::Accent), 0)
        } else {
            Part::new(format!("{} read first: ", symbol::AHEAD), theme.style(Tone::Dim), 0)
        }];
        match &self.content.need {
            Need::Key(c) => {
                parts.push(Part::new(c.to_string(), key, 0));
                parts.push(Part::new(" runs it.", plain, 0));
            }
            Need::Typed(token) => {
                let shown = |text: &str| Untrusted::new(text).visible();
                parts.push(Part::new("Type ", plain, 0));
                parts.push(Part::new(shown(token), key, 0));
                parts.push(Part::new(", then Enter, to run it: ", plain, 0));
                parts.push(Part::new(shown(&self.typed), theme.style(Tone::Strong), 0));
                parts.push(Part::new("▏", theme.style(Tone::Accent), 0));
            }
        }
        parts.push(Part::new("   Esc leaves.", theme.style(Tone::Strong), 1));
        parts
    }
}
