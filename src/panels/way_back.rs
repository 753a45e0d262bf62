//! The key that begins the way back, and when it is offered: wherever something looks wrong.

use super::{Command, Scene};
use crate::domain::verdict::Level;
use crate::session::machine::Session;
use crate::ui::bindings::{Binding, Key, Reason};

/// The runbook that the way back begins with.
const TREE: &str = "rollback";

/// Returns `R`.
#[must_use]
pub fn binding(session: &Session) -> Binding<Command> {
    let help = "begin the rollback tree: evidence first, then the ways back";
    let walks = session.walk().is_some_and(|walk| walk.end().is_none());
    let enabled = match (walks, session.job()) {
        (true, _) => Err(Reason::new("a runbook is being walked: it leads there, or abandon it")),
        (_, Some(_)) => Err(Reason::new("an act is running: wait for it, or cancel it")),
        _ => Ok(()),
    };
    let command = Command::Begin(TREE.to_owned());
    Binding::new(Key::char('R'), "roll back", help, command).when(enabled)
}

/// Returns what the key does, or why it is off, in the words of a message.
#[must_use]
pub fn words(session: &Session) -> String {
    let binding = binding(session);
    match binding.enabled {
        Ok(()) => format!("{} opens the rollback tree", binding.key),
        Err(why) => format!("{} (the rollback tree) is off: {why}", binding.key),
    }
}

/// Returns true while the way back is offered: a trigger fires, or what went wrong last may
/// have left something behind.
#[must_use]
pub fn is_offered(scene: &Scene<'_>) -> bool {
    scene.session.is_fallen() || scene.facts.offer().is_some()
}

/// Returns true while the way back is what leads on: an estimate alone is only worth a look.
#[must_use]
pub fn is_next(scene: &Scene<'_>) -> bool {
    let alarms = scene.facts.offer().is_some_and(|(level, _)| level == Level::Alarm);
    scene.session.is_fallen() || alarms
}
