//! Which run is meant.

use std::path::Path;

use color_eyre::eyre::{Result, eyre};

use crate::cli::say;
use crate::domain::identity::Identity;
use crate::domain::journal::Reading;
use crate::io::driver::is_of;
use crate::io::journal::{self, Run};

/// Returns the run that is wanted, or the newest one that was interrupted on this target and
/// names the others. `None`: nothing was interrupted, and that is said.
///
/// # Errors
/// When there is no such run, the runs cannot be read, or none is known to be interrupted while
/// it cannot be told of one whose it is.
pub fn choose(runs: &Path, wanted: Option<&str>, here: &Identity) -> Result<Option<String>> {
    if let Some(wanted) = wanted {
        let found = journal::find(runs, wanted)?;
        let rehearsal = journal::read(&journal::path(runs, &found))?.rehearsal();
        return match rehearsal {
            Some(_) => Err(eyre!(
                "the run {found} was a rehearsal: its copy is gone, and nothing of it goes on"
            )),
            None => Ok(Some(found)),
        };
    }
    let all = journal::list(runs)?;
    for run in all.iter().filter(|run| is_damaged(run)) {
        match reading(run).and_then(|reading| reading.newer) {
            Some(version) => say(&format!(
                "the run {} is in format {version}, newer than this lockkeeper knows: use the newer one",
                run.id
            )),
            None => {
                say(&format!("the run {} cannot be read: lockkeeper journal verify {0}", run.id));
            }
        }
    }
    let open: Vec<&Run> = all.iter().filter(|run| is_interrupted(run)).collect();
    let (own, others): (Vec<&Run>, Vec<&Run>) =
        open.into_iter().partition(|run| belongs(run, here));
    if !others.is_empty() {
        say(&format!("interrupted on other targets: {}", names(&others)));
    }
    match own.split_last() {
        None if all.iter().any(is_anyones) => Err(eyre!(
            "whether a run on this target was interrupted cannot be told: see the runs named above"
        )),
        None => {
            say("no run on this target was interrupted");
            Ok(None)
        }
        Some((newest, [])) => Ok(Some(newest.id.clone())),
        Some((newest, older)) => {
            let older = names(older);
            say(&format!("also interrupted: {older}; name one to take it up instead"));
            Ok(Some(newest.id.clone()))
        }
    }
}

fn names(runs: &[&Run]) -> String {
    runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn reading(run: &Run) -> Option<&Reading> {
    run.reading.as_ref().ok()
}

fn is_damaged(run: &Run) -> bool {
    reading(run).is_none_or(|reading| !reading.intact)
}

/// Returns true if nothing can be read of it, not even its target.
fn is_anyones(run: &Run) -> bool {
    is_damaged(run) && reading(run).is_none_or(|reading| reading.records.is_empty())
}

/// An act may be open in a run that was closed: it was left while it ran.
fn is_interrupted(run: &Run) -> bool {
    let begun = |reading: &Reading| !reading.records.is_empty() && reading.rehearsal().is_none();
    reading(run).is_some_and(|r| begun(r) && (!r.closed() || !r.open().is_empty()))
}

fn belongs(run: &Run, here: &Identity) -> bool {
    reading(run).is_some_and(|reading| is_of(&reading.records, here))
}
