//! The panel Watch: how things stand, what is in flight, what comes next.

mod around;
mod before;
mod block;
mod chain;
mod flight;
mod gauges;
mod keys;
mod next;
mod standing;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::signal::ask;
use super::{Ask, Command, Id, Panel, Scene, Wanted};
use crate::domain::activity::Backend;
use crate::domain::plan::{Direction, Risk};
use crate::domain::signal::Kind;
use crate::session::effect::{Goal, How, Request};
use crate::ui::bindings::Binding;
use crate::ui::theme::Theme;

use block::Block;

/// The panel's own state: none, it shows what is.
#[derive(Debug, Default)]
pub struct Watch;

impl Panel for Watch {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        keys::bindings(scene)
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        match command {
            Command::Follow => Ask::Show(Id::Locks, keys::culprit(scene).ok().map(Backend::key)),
            Command::CancelAct => Ask::Stop(How::Cancel),
            Command::Backup => super::making::ask(),
            Command::TerminateBackend => ask(keys::culprit(scene).ok(), Kind::Terminate),
            Command::Up => Ask::Plan(Request::Migrate {
                direction: Direction::Up,
                goal: Goal::One,
                risk: Risk::Safe,
            }),
            Command::Begin(name) => Ask::Begin(name.clone()),
            Command::PutAside => Ask::Text(Wanted::Aside),
            _ => Ask::Nothing,
        }
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        block::render(blocks(scene, usize::from(area.width)), theme, area, buf);
    }
}

/// Returns everything that is worth a look, in the order of the screen.
fn blocks(scene: &Scene<'_>, width: usize) -> Vec<Block> {
    let mut blocks = vec![standing::block(scene)];
    blocks.extend(keys::block(scene));
    blocks.extend(flight::block(scene));
    blocks.extend(chain::block(scene, width));
    blocks.push(next::block(scene));
    blocks.extend(around::blocks(scene, width));
    blocks
}
