//! The key that walks the migration, wherever the next one is shown.

use super::{Command, Id, Scene, may};
use crate::ui::bindings::{Binding, Key, Reason};

/// The runbook that it begins.
const RUNBOOK: &str = "migrate";

/// Returns `m`: to begin the runbook, or to where it stands.
pub(super) fn binding(scene: &Scene<'_>) -> Binding<Command> {
    let key = Key::char('m');
    if scene.session.walk().is_some_and(|walk| walk.end().is_none()) {
        let help = "to the current step of the runbook";
        return Binding::new(key, "runbook", help, Command::Panel(Id::Runbook));
    }
    let help = "walk the runbook migrate, one confirmed step at a time";
    let can = may::begin(scene).and_then(|()| pending(scene));
    Binding::new(key, "migrate", help, Command::Begin(RUNBOOK.to_owned())).when(can)
}

/// What cannot be read is looked at by the runbook itself.
fn pending(scene: &Scene<'_>) -> Result<(), Reason> {
    let known = scene.facts.project.value().filter(|known| known.project.connected);
    match known.is_some_and(|known| known.project.graph.pending().next().is_none()) {
        true => Err(Reason::new("nothing is pending")),
        false => Ok(()),
    }
}
