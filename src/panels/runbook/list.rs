//! Place-keeping: every step, and what became of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::runbook::{Section, Step};
use crate::domain::untrusted::Untrusted;
use crate::session::walk::{Means, Status, Walk};
use crate::ui::text;
use crate::ui::theme::{Theme, Tone, symbol};
use crate::ui::widgets::line::{self, Part};

/// A row of the list.
enum Row<'a> {
    Section(&'a Section),
    /// A step and its number, from 1.
    Step(usize, &'a Step),
}

/// Paints the rows that are seen, the current step among them.
pub(super) fn render(walk: &Walk, theme: Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let rows = rows(walk);
    let current = walk.current();
    let here =
        rows.iter().position(|row| matches!(row, Row::Step(_, step) if step.id == current.id));
    let height = usize::from(area.height);
    let deepest = rows.len().saturating_sub(height);
    // A little of what comes next is worth more than what is long over.
    let top = here.unwrap_or(0).saturating_sub(height * 2 / 3).min(deepest);
    for (y, row) in (area.y..area.bottom()).zip(&rows[top..]) {
        let at = Rect { y, height: 1, ..area };
        match row {
            Row::Section(section) => {
                let style = theme.style(Tone::Strong);
                let title = text::cut(&section.title, usize::from(area.width));
                buf.set_stringn(at.x, y, title, usize::from(area.width), style);
            }
            Row::Step(number, step) => step_row(walk, *number, step, theme, at, buf),
        }
    }
}

fn rows(walk: &Walk) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut number = 0;
    for section in &walk.book().sections {
        rows.push(Row::Section(section));
        for step in &section.steps {
            number += 1;
            rows.push(Row::Step(number, step));
        }
    }
    rows
}

fn step_row(walk: &Walk, number: usize, step: &Step, theme: Theme, area: Rect, buf: &mut Buffer) {
    let look = look(walk, step);
    let is_current = step.id == walk.current().id && walk.end().is_none();
    let title = if is_current { Tone::Strong } else { look.title };
    let value = Untrusted::from(look.value.as_str()).one_line();
    let left = vec![
        Part::new(format!(" {} ", look.mark), theme.style(look.tone), 0),
        Part::new(format!("{number:>2} "), theme.style(Tone::Dim), 0),
        Part::new(step.title.clone(), theme.style(title), 0),
    ];
    let room = usize::from(area.width).saturating_sub(8 + text::width(&step.title));
    let value = if room < 4 { String::new() } else { text::cut(&value, room) };
    line::render(left, vec![Part::new(value, theme.style(look.tone), 1)], area, buf);
}

/// How a step looks in the list.
struct Look {
    mark: &'static str,
    tone: Tone,
    title: Tone,
    value: String,
}

fn look(walk: &Walk, step: &Step) -> Look {
    let plain =
        |mark, tone, value: &str| Look { mark, tone, title: Tone::Plain, value: value.into() };
    let is_current = step.id == walk.current().id;
    match walk.status(&step.id) {
        _ if is_current && walk.end().is_none() => match walk.failure() {
            Some(_) => plain(symbol::BAD, Tone::Alarm, "failed"),
            None => plain(symbol::HERE, Tone::Accent, ""),
        },
        Some(Status::Passed { means: means @ (Means::Overridden | Means::Waived), value }) => {
            plain(mark(*means), Tone::Alarm, value)
        }
        Some(Status::Passed { means, value }) => plain(mark(*means), Tone::Ok, value),
        Some(Status::Skipped { reason }) => {
            plain(symbol::WARN, Tone::Warn, format!("skipped {reason}").trim_end())
        }
        Some(Status::Failed { why }) => plain(symbol::BAD, Tone::Alarm, why),
        Some(Status::NotHere) => {
            Look { mark: "·", tone: Tone::Dim, title: Tone::Dim, value: "not here".to_owned() }
        }
        None => {
            Look { mark: symbol::AHEAD, tone: Tone::Dim, title: Tone::Dim, value: String::new() }
        }
    }
}

/// What a machine sensed looks different from what a person vouched for.
fn mark(means: Means) -> &'static str {
    match means {
        Means::Sensed => symbol::SENSED,
        Means::Vouched => symbol::VOUCHED,
        Means::Acted => symbol::OK,
        Means::Overridden | Means::Waived => symbol::BAD,
    }
}
