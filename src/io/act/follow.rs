//! Watching a job from the console, whoever started it.

use std::fs;
use std::io;
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;

use super::claim::{self, By, Claim};
use super::job::Job;
use super::stop::Stop;
use super::tail::{Batch, Tail};
use crate::domain::resolve::Exit;
use crate::domain::untrusted::Untrusted;
use crate::io::process::Identity;

/// How often the files are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How many ticks pass between two looks at the processes.
const TICKS_A_PULSE: u32 = 10;

/// How following a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The program ended, or could not be started.
    Exited(Exit),
    /// Certain: the program was not and will not be started.
    NeverStarted(Untrusted),
    /// Its processes are gone and wrote no end: nobody can tell from here.
    Lost,
}

/// Follows a job to its end. `child` is its process if this program started it.
///
/// Returning early (a dropped future) ends nothing: the job goes on and can be followed
/// again.
///
/// # Errors
/// When the job's files cannot be read; the job goes on.
pub async fn follow(
    job: &Job,
    child: Option<Child>,
    on_output: &mut (dyn FnMut(Batch) + Send),
    mut stop: watch::Receiver<Stop>,
) -> io::Result<Followed> {
    let mut watch = Watch { job, child, tail: Tail::new(job.out()), asked: Stop::No };
    let mut ticks: u32 = 0;
    loop {
        on_output(watch.tail.look()?);
        let pulse = ticks.is_multiple_of(TICKS_A_PULSE);
        if let Some(followed) = watch.look(*stop.borrow(), pulse)? {
            on_output(watch.tail.finish()?);
            return Ok(followed);
        }
        ticks = ticks.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            Ok(()) = stop.changed() => {}
        }
    }
}

struct Watch<'a> {
    job: &'a Job,
    child: Option<Child>,
    tail: Tail,
    /// The hardest stop that was passed on.
    asked: Stop,
}

impl Watch<'_> {
    /// Looks once; `pulse`: also whether the processes live.
    fn look(&mut self, stop: Stop, pulse: bool) -> io::Result<Option<Followed>> {
        let gone = self.child_is_gone();
        if let Some(exit) = self.job.exit()? {
            return Ok(Some(Followed::Exited(exit)));
        }
        match claim::read(self.job)? {
            None if gone || stop > Stop::No => self.give_up(),
            None => Ok(None),
            Some(Claim { by: By::Resolver, .. }) => Ok(Some(self.never_started()?)),
            Some(claim) => self.look_at(&claim, stop, pulse || gone),
        }
    }

    /// Claims the job, so that its process, if it comes at all, starts nothing.
    fn give_up(&mut self) -> io::Result<Option<Followed>> {
        let taken = claim::take(self.job, By::Resolver)?;
        taken.then(|| self.never_started()).transpose()
    }

    fn never_started(&self) -> io::Result<Followed> {
        let log = super::job::optional(fs::read(self.job.log()))?.unwrap_or_default();
        Ok(Followed::NeverStarted(Untrusted::from_bytes(log.trim_ascii())))
    }

    fn look_at(&mut self, claim: &Claim, stop: Stop, pulse: bool) -> io::Result<Option<Followed>> {
        if stop > self.asked {
            self.pass_on(claim, stop);
        }
        if !pulse || is_running(self.job, claim) {
            return Ok(None);
        }
        // It may have written its end between the two looks.
        Ok(Some(self.job.exit()?.map_or(Followed::Lost, Followed::Exited)))
    }

    /// Asks the job's process; if only its program is left, the program's group.
    fn pass_on(&mut self, claim: &Claim, stop: Stop) {
        self.asked = stop;
        if claim.process.is_alive() {
            stop.ask(&claim.process);
        } else if let Some(program) = self.job.program().filter(Identity::is_alive) {
            stop.send_to_group(program.pid);
        }
    }

    /// Reaps the job's process, if it is ours and ended.
    fn child_is_gone(&mut self) -> bool {
        match &mut self.child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => false,
        }
    }
}

/// Returns true if the job's process lives, or the program that it left behind.
pub(super) fn is_running(job: &Job, claim: &Claim) -> bool {
    claim.process.is_alive() || job.program().is_some_and(|program| program.is_alive())
}
