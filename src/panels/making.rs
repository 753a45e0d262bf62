//! The key that asks for a backup, and why it is off: wherever a migration is asked for.

use super::{Ask, Command, Scene, may};
use crate::domain::backup::Scope;
use crate::session::effect::Request;
use crate::ui::bindings::{Binding, Key, Reason};

/// Returns `b`.
pub(super) fn binding(scene: &Scene<'_>) -> Binding<Command> {
    let help = "plan a full backup, with its revision and counts (asks first)";
    Binding::new(Key::char('b'), "back up", help, Command::Backup).when(possible(scene))
}

/// Asks for the plan of a full backup.
pub(super) fn ask() -> Ask {
    Ask::Plan(Request::Backup { scope: Scope::Full, to: None })
}

/// Returns why no backup can be asked for now.
fn possible(scene: &Scene<'_>) -> Result<(), Reason> {
    may::change(scene)?;
    let known = scene.facts.identity.value().map(|_| ());
    known.ok_or_else(|| Reason::new("the server has not answered yet"))?;
    match scene.facts.dumper.error() {
        Some(why) => Err(Reason::new(why.to_owned())),
        None => Ok(()),
    }
}
