//! What the shown migration destroys, saved before it does.

use crate::domain::plan::Direction;
use crate::panels::{Ask, Command, Scene, may};
use crate::session::effect::Request;
use crate::session::salvaging;
use crate::ui::bindings::{Binding, Key, Reason};

/// Returns `S`; `shown` is the migration that is meant, on the way that is shown.
pub(super) fn binding(
    scene: &Scene<'_>,
    shown: Option<&str>,
    direction: Direction,
) -> Binding<Command> {
    let help = "save a column or table that the shown migration destroys, with the SQL that brings it back (asks first)";
    let possible =
        may::plan(scene).and_then(|()| match offers(scene, shown, direction).is_empty() {
            true => Err(Reason::new("no column and no table is lost that way")),
            false => Ok(()),
        });
    Binding::new(Key::char('S'), "salvage", help, Command::Salvage).when(possible)
}

/// Asks which of it is saved; of one thing there is nothing to ask.
pub(super) fn ask(scene: &Scene<'_>, shown: Option<&str>, direction: Direction) -> Ask {
    let mut offers = offers(scene, shown, direction);
    match offers.len() {
        0 => Ask::Nothing,
        1 => Ask::Plan(offers.remove(0).1),
        _ => Ask::Which("What is saved first?".to_owned(), offers),
    }
}

fn offers(scene: &Scene<'_>, shown: Option<&str>, direction: Direction) -> Vec<(String, Request)> {
    shown.map(|id| salvaging::offers(scene.facts, id, direction)).unwrap_or_default()
}
