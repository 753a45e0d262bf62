//! The key that walks the migration, wherever the next one is shown.

use super::{Command, Id, Scene, may};
use crate::ui::bindings::{Binding, Key};

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
    Binding::new(key, "migrate", help, Command::Begin(RUNBOOK.to_owned())).when(may::begin(scene))
}
