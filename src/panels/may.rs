//! What has to be so before any key may ask for a plan, and why a key is off where it is not.

use super::Scene;
use crate::ui::bindings::Reason;

/// Returns why nothing can be planned now: it could not be recorded, this is not the target that
/// is meant, or something runs.
pub(super) fn plan(scene: &Scene<'_>) -> Result<(), Reason> {
    if let Some(why) = scene.session.unrecorded() {
        return Err(Reason::new(format!("nothing can be recorded: {why}")));
    }
    if scene.facts.mismatch.is_some() {
        return Err(Reason::new("this is not the pinned target"));
    }
    match scene.session.job() {
        Some(job) => Err(Reason::new(format!("{} is running", job.plan.preview.title))),
        None => Ok(()),
    }
}

/// Returns why nothing that writes to the database can be planned now: as [`plan`], and never on
/// a replica.
pub(super) fn change(scene: &Scene<'_>) -> Result<(), Reason> {
    plan(scene)?;
    match scene.facts.identity.value() {
        Some(identity) if !identity.primary => {
            Err(Reason::new("this server is a replica: connect to its primary"))
        }
        _ => Ok(()),
    }
}

/// Returns why no runbook can be begun now: as [`plan`], and the server has to have answered.
pub(super) fn begin(scene: &Scene<'_>) -> Result<(), Reason> {
    plan(scene)?;
    let answered = scene.facts.snapshot.value().map(|_| ());
    answered.ok_or_else(|| Reason::new("the server has not answered yet"))
}
