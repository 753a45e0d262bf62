//! The panel Runbook: where we are on the left, the one step on the right.

mod list;
mod step;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::walk::{keys, lines, moves, page};
use super::{Ask, Command, Panel, Scene};
use crate::session::effect::How;
use crate::ui::bindings::Binding;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::pairs::{self, Pair};

/// At this width or below the list lies above the step.
const NARROW: u16 = 84;

/// The panel's own state.
#[derive(Debug, Default)]
pub struct Runbook {
    place: pairs::State,
}

impl Panel for Runbook {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        match scene.session.walk().filter(|walk| walk.end().is_none()) {
            Some(walk) => keys::walking(walk, scene.session),
            None => keys::idle(scene),
        }
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        match command {
            Command::Go(step) => self.place.go(*step),
            Command::Begin(name) => return Ask::Begin(name.clone()),
            Command::CancelAct => return Ask::Stop(How::Cancel),
            command => {
                let Some(walk) = scene.session.walk() else {
                    return Ask::Say("no runbook is being walked: m begins one".to_owned());
                };
                self.place.begin();
                return moves::moved(command, walk, scene.facts);
            }
        }
        Ask::Nothing
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let Some(walk) = scene.session.walk() else {
            return pairs::view(&lines::nothing(), &self.place, theme, area, buf);
        };
        let (left, right) = split(area);
        list::render(walk, theme, left, buf);
        let body = step::head(walk, theme, right, buf);
        let output = step::output_height(scene, body.height);
        let text = Rect { height: body.height - output, ..body };
        let path = lines::path(walk).filter(|_| !walk.path().is_empty());
        let above = path.map(|path| Pair::new("path", path).tone(Tone::Dim)).into_iter().collect();
        page::view((walk, above), scene, &self.place, theme, text, buf);
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
