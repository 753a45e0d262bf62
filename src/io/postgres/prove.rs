//! Proves that a child reaches *our* database: tools choose their own.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::connect::random_word;
use super::control::{self, Control, Session};
use crate::domain::identity::Identity;
use crate::domain::untrusted::Untrusted;
use crate::io::act;

/// A command of a tool that only reads (`alembic current`), which shows where it connects.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What its session is called on the server: see [`name`].
    pub application: String,
    /// The program and its arguments, which hold no secrets.
    pub argv: Vec<String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// What an act's program is given too, beside what every program inherits.
    pub environment: act::Environment,
    /// Where its output goes; nowhere if not given.
    pub output: Option<PathBuf>,
}

/// Returns what a probe's session is called: a name that no other has.
#[must_use]
pub fn name() -> String {
    format!("lk-proof-{}", random_word())
}

/// What the probe showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The child's session was seen on our server, in our database.
    Proven {
        /// The session's pid.
        pid: i32,
    },
    /// It was seen on our server, in another database.
    ElsewhereOnServer {
        /// The session's pid.
        pid: i32,
        /// The database that it is in.
        database: Untrusted,
    },
    /// It was seen on the server that it must not touch.
    Forbidden {
        /// The session's pid there.
        pid: i32,
        /// The database that it is in there.
        database: Untrusted,
    },
    /// It was not seen: it connects elsewhere, too briefly, or under another name.
    CannotTell(Reason),
}

/// Why it cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The program could not be started.
    NotStarted(String),
    /// It ended without having been seen; its exit code, if it has one.
    Ended(Option<i32>),
    /// It was not seen in this time.
    TimedOut(Duration),
}

impl Reason {
    /// Returns the reason, and what to do.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::NotStarted(why) => {
                format!(
                    "the tool could not be started: {why}; install it where the project runs, or name how it is run: [project] prefix, e.g. [\"poetry\", \"run\"]"
                )
            }
            Self::Ended(Some(0)) => "the tool ended without being seen on this server: it \
                connects elsewhere, so give it its database ([project] environment); or its \
                driver ignores PGAPPNAME: let the project pass it on in server_settings as \
                application_name (asyncpg), or take its URL from ${target.url+jdbc} (JDBC)"
                .into(),
            Self::Ended(code) => {
                let code = code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
                format!(
                    "the tool failed ({code}) before it was seen on this server; run it by hand"
                )
            }
            Self::TimedOut(limit) => {
                format!("the tool was not seen on this server within {limit:?}")
            }
        }
    }
}

/// How often the server is asked: a read-only command's session may last only some tens of
/// milliseconds, and one look costs the server a fraction of one.
const LOOK: Duration = Duration::from_millis(4);

/// Runs the probe under its name and looks for its session on `target`, until it is
/// seen, the child ends, or `limit` has passed. The child's whole group is killed at the end.
///
/// # Errors
/// [`control::Error`] when the server cannot be looked at.
pub async fn child_target(
    control: &mut Control,
    probe: &Probe,
    target: &Identity,
    limit: Duration,
) -> Result<Proof, control::Error> {
    watched(control, None, probe, target, limit).await
}

/// A server on which a child must not be seen.
pub struct Forbidden<'a> {
    /// How it is asked.
    pub control: &'a mut Control,
    /// The one database there that is the child's own.
    pub own: Option<&'a str>,
}

impl Forbidden<'_> {
    async fn seen(&mut self, application: &str) -> Result<Option<Proof>, control::Error> {
        let found = self.control.find_application(application).await?;
        let session = found.into_iter().find(|one| self.own != Some(one.database.as_str()));
        Ok(session.map(|Session { pid, database, .. }| {
            let database = Untrusted::new(database.as_str());
            Proof::Forbidden { pid, database }
        }))
    }
}

/// Does the same for a child that must not be seen on `forbidden` at all: it is followed to its
/// end, since what connects here first may connect there next.
///
/// # Errors
/// [`control::Error`] when one of the servers cannot be looked at.
pub async fn child_target_alone(
    control: &mut Control,
    forbidden: Option<Forbidden<'_>>,
    probe: &Probe,
    target: &Identity,
    limit: Duration,
) -> Result<Proof, control::Error> {
    watched(control, forbidden, probe, target, limit).await
}

async fn watched(
    control: &mut Control,
    mut forbidden: Option<Forbidden<'_>>,
    probe: &Probe,
    target: &Identity,
    limit: Duration,
) -> Result<Proof, control::Error> {
    let name = &probe.application;
    // Asked once before, so that the first look is not the one that plans the statement.
    control.find_application(name).await?;
    let mut group = match Group::spawn(probe, name) {
        Ok(group) => group,
        Err(error) => return Ok(Proof::CannotTell(Reason::NotStarted(why(probe, &error)))),
    };
    let end = Instant::now() + limit;
    let mut proven = None;
    loop {
        // In this order: a session of a child that has just ended may still be there.
        let ended = group.ended();
        if let Some(forbidden) = &mut forbidden
            && let Some(proof) = forbidden.seen(name).await?
        {
            return Ok(proof);
        }
        match proof(&control.find_application(name).await?, target) {
            Some(proof @ Proof::Proven { .. }) if forbidden.is_some() => {
                group.release();
                proven = Some(proof);
            }
            Some(proof) => {
                // On one server it may have come between the two looks.
                let seen = match &mut forbidden {
                    Some(forbidden) => forbidden.seen(name).await?,
                    None => None,
                };
                return Ok(seen.unwrap_or(proof));
            }
            None => {}
        }
        if let Some(status) = ended {
            let unseen = Proof::CannotTell(Reason::Ended(status.code()));
            return Ok(proven.unwrap_or(unseen));
        }
        if Instant::now() >= end {
            let unseen = Proof::CannotTell(Reason::TimedOut(limit));
            return Ok(proven.unwrap_or(unseen));
        }
        sleep(LOOK).await;
    }
}

/// Judges the sessions found: one in another database outweighs one in ours.
fn proof(found: &[Session], target: &Identity) -> Option<Proof> {
    let elsewhere = found.iter().find(|session| session.database_oid != target.database_oid);
    if let Some(Session { pid, database, .. }) = elsewhere {
        let database = Untrusted::new(database.as_str());
        return Some(Proof::ElsewhereOnServer { pid: *pid, database });
    }
    found.first().map(|session| Proof::Proven { pid: session.pid })
}

fn why(probe: &Probe, error: &io::Error) -> String {
    let program = probe.argv.first().map(String::as_str).unwrap_or_default();
    Untrusted::new(format!("{program}: {error}")).one_line()
}

/// A child in a process group of its own, which is killed when this is dropped.
struct Group {
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    fn spawn(probe: &Probe, name: &str) -> io::Result<Self> {
        let (program, arguments) =
            probe.argv.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
        let (out, err) = output(probe)?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(&probe.directory)
            .env_clear()
            .envs(act::inherited())
            .envs(probe.environment.iter().map(|(name, value)| (name, value.expose())))
            .env("PGAPPNAME", name)
            // Kept open: a probe of ours stays visible until it closes.
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { child, leader })
    }

    /// Closes what keeps a probe of ours waiting.
    fn release(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Returns how the leader ended, if it has.
    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // Nobody may be left in the group; then there is nothing to kill.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

fn output(probe: &Probe) -> io::Result<(Stdio, Stdio)> {
    let Some(path) = &probe.output else {
        return Ok((Stdio::null(), Stdio::null()));
    };
    // Created, never opened: nothing is overwritten, and no link is followed.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok((file.try_clone()?.into(), file.into()))
}
