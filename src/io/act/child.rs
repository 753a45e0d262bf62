//! `lockkeeper __act JOBDIR`: the process that outlives the console, runs one program
//! and writes down how it ended.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::process::{Child, Command};
use tokio::time::{Instant as Deadline, sleep_until};

use super::claim::{self, By};
use super::exit::Draft;
use super::job::{Job, Spec};
use super::launch;
use super::stop::{Requests, Stop};
use crate::domain::resolve::Exit;
use crate::io::failpoint;
use crate::io::process::Identity;

/// Runs the job in `dir` in a session of its own, unless somebody claimed it before.
///
/// # Errors
/// When the job cannot be claimed, so that nothing was started; or when the end of the
/// program cannot be written down.
pub async fn run(dir: &Path) -> io::Result<()> {
    // Fails only in a group's leader, as when it is called by hand: then nothing is lost.
    let _ = rustix::process::setsid();
    let mut requests = Requests::listen()?;
    failpoint::hit("child.before_claim");
    let job = Job::at(dir.to_owned());
    let (spec, out, draft) = (job.spec()?, job.open_out()?, Draft::prepare(&job)?);
    if !claim::take(&job, By::Act)? {
        draft.discard()?;
        return Err(io::Error::other("this job is claimed: nothing was started"));
    }
    failpoint::hit("child.after_claim");
    let exit = perform(&job, &spec, out, &mut requests).await;
    failpoint::hit("child.after_exit");
    draft.publish(&exit)?;
    failpoint::hit("child.after_exit_file");
    Ok(())
}

/// When the program began, by both clocks.
struct Began {
    at: DateTime<Utc>,
    clock: Instant,
}

async fn perform(job: &Job, spec: &Spec, out: File, requests: &mut Requests) -> Exit {
    let began = Began { at: Utc::now(), clock: Instant::now() };
    match start(spec, out) {
        Err(why) => began.not_started(why.to_string()),
        Ok(mut child) => {
            // Only the resolution of a later crash of this process would miss it.
            let _ = child.id().and_then(Identity::of).map(|program| job.note_program(&program));
            let (status, stopped) = wait(&mut child, requests, grace(spec)).await;
            began.ended(status, stopped)
        }
    }
}

fn grace(spec: &Spec) -> Duration {
    Duration::from_millis(spec.grace_ms)
}

/// Starts the program in a group of its own, which can be signalled without this process.
fn start(spec: &Spec, out: File) -> io::Result<Child> {
    let (program, arguments) = spec.argv.split_first().ok_or_else(no_program)?;
    let errors = out.try_clone()?;
    Command::new(launch::program(program)?)
        .args(arguments)
        .current_dir(&spec.cwd)
        .env_remove(failpoint::VARIABLE)
        .env("PYTHONUNBUFFERED", "1")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| io::Error::other(format!("{program} in {}: {error}", spec.cwd.display())))
}

fn no_program() -> io::Error {
    io::Error::other("the plan names no program")
}

/// Waits for the end of the program, and asks it to stop, ever harder, once requested.
async fn wait(
    child: &mut Child,
    requests: &mut Requests,
    grace: Duration,
) -> (io::Result<ExitStatus>, bool) {
    let Some(leader) = child.id() else { return (child.wait().await, false) };
    let mut stop = Stop::No;
    let mut harder_at = Deadline::now();
    loop {
        tokio::select! {
            // What was asked for comes first: an end right behind it was stopped, and did not
            // come by itself.
            biased;
            asked = requests.next() => stop = stop.max(asked),
            status = child.wait() => {
                if stop > Stop::No {
                    // What ignored the milder signals and outlived the leader.
                    Stop::Kill.send_to_group(leader);
                }
                return (status, stop > Stop::No);
            }
            () = sleep_until(harder_at), if Stop::No < stop && stop < Stop::Kill => {
                stop = stop.harder();
            }
        }
        stop.send_to_group(leader);
        harder_at = Deadline::now() + grace;
    }
}

impl Began {
    fn not_started(self, why: String) -> Exit {
        Exit { not_started: Some(why), ..self.exit(None, None, false) }
    }

    fn ended(self, status: io::Result<ExitStatus>, stopped: bool) -> Exit {
        let status = status.ok();
        self.exit(status.and_then(|s| s.code()), status.and_then(|s| s.signal()), stopped)
    }

    fn exit(self, code: Option<i32>, signal: Option<i32>, stopped: bool) -> Exit {
        Exit {
            code,
            signal,
            not_started: None,
            stopped,
            started_at: self.at,
            ended_at: Utc::now(),
            took_ms: u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}
