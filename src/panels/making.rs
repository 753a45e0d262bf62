//! The key that asks for a backup, and why it is off: wherever a migration is asked for.

use super::{Ask, Command, Scene};
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
    let facts = scene.facts;
    if let Some(why) = scene.session.unrecorded() {
        return Err(Reason::new(format!("nothing can be recorded: {why}")));
    }
    if facts.mismatch.is_some() {
        return Err(Reason::new("this is not the pinned target"));
    }
    if let Some(job) = scene.session.job() {
        return Err(Reason::new(format!("{} is running", job.plan.preview.title)));
    }
    let identity = facts.identity.value();
    let identity = identity.ok_or_else(|| Reason::new("the server has not answered yet"))?;
    if !identity.primary {
        return Err(Reason::new("this server is a replica: connect to its primary"));
    }
    match facts.dumper.error() {
        Some(why) => Err(Reason::new(why.to_owned())),
        None => Ok(()),
    }
}
