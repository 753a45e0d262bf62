//! What became of a job whose console died.

use std::io;

use super::claim::{self, By, Claim};
use super::follow::is_running;
use super::job::Job;
use crate::domain::resolve;

/// Returns what is left of a job. An absent claim is taken first, so that "never
/// started" stays true; nothing is ever started from here.
#[must_use]
pub fn adopt(job: &Job) -> resolve::Job {
    look(job).unwrap_or_else(|error| {
        resolve::Job::Unreadable(format!("{} cannot be read: {error}", job.dir().display()))
    })
}

fn look(job: &Job) -> io::Result<resolve::Job> {
    job.ensure()?;
    if let Some(exit) = job.exit()? {
        return Ok(resolve::Job::Exited(exit));
    }
    if claim::read(job)?.is_none() {
        // Whoever was faster is read below.
        claim::take(job, By::Resolver)?;
    }
    let claim = claim::read(job)?.ok_or_else(|| io::Error::other("its claim vanished"))?;
    claimed(job, &claim)
}

fn claimed(job: &Job, claim: &Claim) -> io::Result<resolve::Job> {
    if claim.by == By::Resolver {
        return Ok(resolve::Job::Unclaimed);
    }
    if is_running(job, claim) {
        let process = Some(&claim.process).filter(|process| process.is_alive()).cloned();
        let process = process.or_else(|| job.program()).unwrap_or_else(|| claim.process.clone());
        return Ok(resolve::Job::Running { pid: process.pid });
    }
    // It may have written its end between the two looks.
    Ok(job.exit()?.map_or(resolve::Job::Dead, resolve::Job::Exited))
}
