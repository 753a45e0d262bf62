//! The key that begins the way back, and when it is offered: wherever something looks wrong.

use super::{Command, Scene};
use crate::domain::trigger::State;
use crate::domain::verdict::Level;
use crate::session::machine::Session;
use crate::session::walk::Armed;
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

/// Returns `P`, which puts the offer of the triggers that fire aside.
#[must_use]
pub fn aside(scene: &Scene<'_>) -> Binding<Command> {
    let help = "put the offer of the triggers that fire aside, with a reason; told again once \
                they were calm";
    let can = match stands(scene) {
        true => Ok(()),
        false => Err(Reason::new("no trigger offers anything")),
    };
    Binding::new(Key::char('P'), "put aside", help, Command::PutAside).when(can)
}

/// Returns true while a trigger fires whose offer was not put aside.
#[must_use]
pub fn stands(scene: &Scene<'_>) -> bool {
    let fires = |armed: &Armed| armed.state == State::Fire && armed.aside.is_none();
    let walk = scene.session.walk().filter(|walk| walk.end().is_none());
    !scene.facts.offering().is_empty() || walk.is_some_and(|walk| walk.armed().iter().any(fires))
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
