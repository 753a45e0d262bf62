//! The panel Runbook: where we are on the left, the one step on the right.

mod list;
mod step;

use std::cell::Cell;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::walk::{keys, lines, moves};
use super::{Ask, Command, Panel, Scene, Step};
use crate::session::effect::How;
use crate::ui::bindings::Binding;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::pairs::{self, Pair};

/// At this width or below the list lies above the step.
const NARROW: u16 = 84;

/// The panel's own state.
#[derive(Debug, Default)]
pub struct Runbook {
    /// The first seen row of the step, kept within it at each painting.
    top: Cell<usize>,
    /// The height of the last painting: what a page is.
    page: Cell<usize>,
}

impl Panel for Runbook {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        match scene.session.walk().filter(|walk| walk.end().is_none()) {
            Some(walk) => keys::walking(walk, scene.session),
            None => keys::idle(scene.session, scene.facts),
        }
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        match command {
            Command::Go(step) => self.scroll(*step),
            Command::Begin(name) => return Ask::Begin(name.clone()),
            Command::CancelAct => return Ask::Stop(How::Cancel),
            command => {
                let Some(walk) = scene.session.walk() else {
                    return Ask::Say("no runbook is being walked: m begins one".to_owned());
                };
                self.top.set(0);
                return moves::moved(command, walk, scene.facts);
            }
        }
        Ask::Nothing
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let Some(walk) = scene.session.walk() else {
            return self.pairs(&lines::nothing(), theme, area, buf);
        };
        let (left, right) = split(area);
        list::render(walk, theme, left, buf);
        let body = step::head(walk, theme, right, buf);
        let output = step::output_height(scene, body.height);
        let text = Rect { height: body.height - output, ..body };
        let mut pairs = lines::of(walk, scene);
        if let Some(path) = lines::path(walk).filter(|_| !walk.path().is_empty()) {
            pairs.insert(0, Pair::new("path", path).tone(Tone::Dim));
        }
        self.pairs(&pairs, theme, text, buf);
        let output = Rect { y: text.bottom(), height: output, ..body };
        step::output(scene, theme, output, buf);
    }
}

/// Returns where the list and the step are painted: beside each other, or above.
fn split(area: Rect) -> (Rect, Rect) {
    if area.width > NARROW {
        let width = (area.width / 3).clamp(34, 52);
        let right = Rect { x: area.x + width + 2, width: area.width - width - 2, ..area };
        return (Rect { width, ..area }, right);
    }
    let height = (area.height / 4).clamp(2, 6).min(area.height);
    let y = (area.y + height + 1).min(area.bottom());
    (Rect { height, ..area }, Rect { y, height: area.bottom() - y, ..area })
}

impl Runbook {
    fn scroll(&mut self, step: Step) {
        let top = self.top.get();
        let page = self.page.get().max(1);
        self.top.set(match step {
            Step::Up => top.saturating_sub(1),
            Step::Down => top + 1,
            Step::PageUp => top.saturating_sub(page),
            Step::PageDown => top + page,
            Step::First => 0,
            Step::Last => usize::MAX / 2,
            Step::Left | Step::Right => top,
        });
    }

    fn pairs(&self, all: &[Pair], theme: Theme, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let area = Rect { x: area.x + 1, width: area.width - 1, ..area };
        let height = usize::from(area.height);
        let deepest = pairs::height(all, area.width).saturating_sub(height);
        let top = self.top.get().min(deepest);
        self.top.set(top);
        self.page.set(height);
        pairs::render(all, top, theme, area, buf);
        step::more(top, deepest, theme, area, buf);
    }
}
