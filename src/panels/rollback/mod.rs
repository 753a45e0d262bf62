//! The panel Rollback: what going back would mean now; while a runbook asks its questions,
//! the way so far, the question, and what speaks for which answer.

mod lines;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::walk::lines::{self as step, STEP};
use super::walk::{keys, moves, page};
use super::{Ask, Command, Panel, Scene, may};
use crate::session::effect::How;
use crate::session::walk::Walk;
use crate::ui::bindings::{Binding, Key};
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::message::{self, Message};
use crate::ui::widgets::pairs::{self, Pair};

/// The panel's own state.
#[derive(Debug, Default)]
pub struct Rollback {
    place: pairs::State,
}

/// Returns the walk that asks or has asked questions, and is not over.
fn walked<'a>(scene: &Scene<'a>) -> Option<&'a Walk> {
    scene.session.walk().filter(|walk| walk.end().is_none())
}

impl Panel for Rollback {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        if let Some(walk) = walked(scene) {
            return keys::walking(walk, scene.session);
        }
        let help = "begin the rollback tree: evidence first, then the ways back";
        let begin = Command::Begin("rollback".to_owned());
        vec![Binding::new(Key::char('r'), "roll back", help, begin).when(may::begin(scene))]
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        match (command, scene.session.walk()) {
            (Command::Go(step), _) => self.place.go(*step),
            (Command::Begin(name), _) => return Ask::Begin(name.clone()),
            (Command::CancelAct, _) => return Ask::Stop(How::Cancel),
            (command, Some(walk)) => {
                self.place.begin();
                return moves::moved(command, walk, scene.facts);
            }
            (_, None) => return Ask::Say("no runbook is being walked: r begins one".to_owned()),
        }
        Ask::Nothing
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let title = title(scene, area);
        let head = Message::new(Tone::Strong, title);
        let height = message::height(&head, area.width).min(area.height);
        message::render(&head, theme, Rect { height, ..area }, buf);
        let body = Rect { y: area.y + height, height: area.height - height, ..area };
        match walked(scene) {
            Some(walk) => page::view((walk, Vec::new()), scene, &self.place, theme, body, buf),
            None => pairs::view(&idle(scene), &self.place, theme, body, buf),
        }
    }
}

/// Returns what going back would mean now, label by label, in words that also the line mode
/// prints.
#[must_use]
pub fn standing(scene: &Scene<'_>) -> Vec<Pair> {
    lines::of(scene).into_iter().filter(|pair| pair.label != lines::KEY).collect()
}

/// Returns what stands on the panel while nothing is walked.
fn idle(scene: &Scene<'_>) -> Vec<Pair> {
    let ended = scene.session.walk().filter(|walk| !walk.path().is_empty());
    let mut all = ended.map(|walk| step::of(walk, scene)).unwrap_or_default();
    all.extend(lines::of(scene));
    all
}

/// A screen of fewer rows than this has one for the way so far.
const LOW: u16 = 24;

/// Returns the heading: the way so far, its end on a low screen.
fn title(scene: &Scene<'_>, area: Rect) -> String {
    let Some(walk) = walked(scene) else {
        return "ROLLBACK   what going back would mean now".to_owned();
    };
    let path = step::path(walk).unwrap_or_else(|| walk.current().title.clone());
    let name = walk.book().id.to_uppercase();
    let whole = format!("{name}   {path}");
    let (mut left, mut shown) = (path.as_str(), whole);
    while area.height < LOW
        && message::height(&Message::new(Tone::Strong, shown.clone()), area.width) > 1
    {
        let Some((_, later)) = left.split_once(STEP) else { break };
        left = later;
        shown = format!("{name}   …{STEP}{left}");
    }
    shown
}
