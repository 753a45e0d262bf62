//! One run of the team's tool on the copy: started, perhaps ahead of its turn, let in, watched
//! while it runs, ended when it takes too long.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::door::Door;
use super::tool::{Hands, tail};
use super::{locks, log};
use crate::domain::rehearsal::{Ended, Lock, Statement};
use crate::domain::untrusted::Untrusted;
use crate::io::act::inherited;
use crate::io::postgres::Control;
use crate::io::random;
use crate::tools::{Act, FailureKind};

/// What the tool's sessions are called on the copy.
const APPLICATION: &str = "rehearsed by lockkeeper";
/// How often it is looked whether the tool has come to where it must not be.
const LOOK: Duration = Duration::from_millis(50);
/// The log of one run is read up to so many bytes.
const LOG: u64 = 64 << 20;
/// A program is started ahead where the last time between two runs was below this, and ended
/// again where it has waited so long: drivers give up after some seconds (`connect_timeout`), and
/// that would look like a failure of the migration.
const PATIENCE: Duration = Duration::from_secs(2);

/// One run.
pub(super) struct Ran {
    pub ended: Ended,
    pub said: Untrusted,
    /// From its start to its end, but for what it has waited to be let in.
    pub took_s: f64,
    pub statements: Vec<Statement>,
    /// What was looked at instead, where the server's log could not be read.
    pub sampled: Option<Vec<Lock>>,
}

/// A program that was started, and has not been let in yet. Dropped, it is ended.
pub(super) struct Started {
    act: Act,
    /// What its sessions are called.
    application: String,
    begun: Instant,
    go: oneshot::Sender<()>,
    following: JoinHandle<Followed>,
}

/// What has come of a program.
struct Followed {
    /// It has ended before it was let in, and has touched nothing.
    unused: bool,
    /// Its exit code, or why that proves nothing.
    ended: Result<Option<i32>, String>,
    at: Instant,
    /// How long it has waited to be let in.
    waited: Duration,
}

impl Hands<'_> {
    /// Starts the program of an act ahead of its turn, if its driver has the patience.
    pub async fn start_ahead(&mut self, act: &Act) -> Option<Started> {
        let is_quick = self.between.is_some_and(|between| between < PATIENCE);
        let place = self.copy.server_directory().filter(|_| is_quick)?;
        // The next run starts by itself where this one cannot start ahead.
        let door = match self.way_in().await.ok()? {
            Some(door) => door,
            None => Door::make(place, &format!("door{}", self.runs)).ok()?,
        };
        self.start(act, Some(door), true).ok()
    }

    /// Starts the program of an act at its turn.
    async fn start_now(&mut self, act: &Act) -> Result<Started, String> {
        let door = self.way_in().await?;
        self.start(act, door, false)
    }

    fn start(&mut self, act: &Act, door: Option<Door>, ahead: bool) -> Result<Started, String> {
        self.runs += 1;
        // Another rehearsal beside the target, also of this program, is not this one.
        let application = format!("{APPLICATION} {}", random::digits()?);
        let mut child = self.spawn(act, &application, door.as_ref())?;
        let (go, may_go) = oneshot::channel();
        let follower = Follower {
            // Waiting for a child closes its input, which here is the leash.
            leash: child.stdin.take(),
            child,
            application: application.clone(),
            own: self.copy.own().map(str::to_owned),
            forbidden: self.forbidden.clone(),
            unwatched: None,
            ahead,
            door,
            waited: Duration::ZERO,
            limit: self.limit,
        };
        let following = tokio::spawn(follower.follow(may_go));
        Ok(Started { act: act.clone(), application, begun: Instant::now(), go, following })
    }

    /// Ends a program that was started ahead and is not wanted.
    pub async fn cancel(&self, started: Option<Started>) {
        let Some(Started { go, following, .. }) = started else { return };
        drop(go);
        // However that ends, it is not there any more.
        drop(following.await);
    }

    /// Runs an act of the tool on the copy to its end; `started` may be its program, or that of
    /// another act, which is ended.
    pub async fn run(&mut self, act: &Act, started: Option<Started>) -> Result<Ran, String> {
        let started = match started {
            Some(started) if started.act == *act => started,
            other => {
                self.cancel(other).await;
                self.start_now(act).await?
            }
        };
        if let Some(ran) = self.finish(started).await? {
            return Ok(ran);
        }
        let started = self.start_now(act).await?;
        self.finish(started).await?.ok_or_else(|| "the program was not run".to_owned())
    }

    /// Lets a program in, and follows it to its end; `None`: it has ended before its turn.
    async fn finish(&mut self, started: Started) -> Result<Option<Ran>, String> {
        let Started { application, begun, go, following, .. } = started;
        let (stop, stopped) = oneshot::channel();
        let log = self.copy.log();
        let among_others = log.is_none().then_some(application);
        let looking = tokio::spawn(locks::watch(self.eye().await?, among_others, stopped));
        let length = |log: &Path| std::fs::metadata(log).map_or(0, |log| log.len());
        let from = log.as_deref().map_or(0, length);
        self.between = self.idle.map(|since| since.elapsed());
        let at = Utc::now();
        // One that has ended by itself is told by its end.
        let _ = go.send(());
        let followed = following.await.map_err(|error| error.to_string())?;
        drop(stop);
        let samples = match looking.await {
            Ok((samples, eye)) => {
                self.eye = Some(eye);
                samples
            }
            Err(_) => Vec::new(),
        };
        self.idle = Some(Instant::now());
        if followed.unused {
            return Ok(None);
        }
        if followed.ended.is_err() {
            self.let_go().await;
            self.copy.end_sessions(&self.copy.database).await?;
        }
        let sampled = log.is_none().then(|| locks::strongest(&samples, &self.books()));
        // Where it is cut, nothing of it counts as seen.
        let is_whole = log.as_deref().is_some_and(|log| length(log).saturating_sub(from) <= LOG);
        let text = log.filter(|_| is_whole).map(|log| tail(&log, from, LOG)).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
        let began = at.timestamp_millis() as f64 / 1000.0;
        let ran = log::read(&text, began, &self.books(), if is_whole { &samples } else { &[] });
        let (ended, said) = self.told(followed.ended, is_whole, &ran);
        let took = followed.at.duration_since(begun).saturating_sub(followed.waited);
        let sampled = sampled.or_else(|| (!is_whole).then(Vec::new));
        let (took_s, statements) = (took.as_secs_f64(), ran.statements);
        Ok(Some(Ran { ended, said, took_s, statements, sampled }))
    }

    /// Returns how it ended and what it said; `is_seen`: the server's log tells of it.
    fn told(
        &self,
        ended: Result<Option<i32>, String>,
        is_seen: bool,
        ran: &log::Ran,
    ) -> (Ended, Untrusted) {
        let code = match ended {
            Err(why) => return (Ended::CannotTell(why), Untrusted::default()),
            Ok(Some(0)) => return (Ended::Well, Untrusted::default()),
            Ok(code) => code,
        };
        let said = tail(&self.output, 0, super::tool::SAID);
        if asks(&said) {
            let why = "it asks for something on its standard input, where nobody answers";
            return (Ended::CannotTell(why.to_owned()), Untrusted::default());
        }
        let told = self.tool.explain(&said, code);
        // Without the server's log its words alone tell.
        let by_words = !is_seen && told.kind == FailureKind::Data;
        let on_data = by_words || ran.faults.iter().any(|fault| is_of_rows(&fault.state));
        (Ended::Failed { on_data }, Untrusted::new(told.line))
    }

    fn spawn(&self, act: &Act, application: &str, door: Option<&Door>) -> Result<Child, String> {
        let out = File::create(&self.output).map_err(|e| format!("its output: {e}"))?;
        let err = out.try_clone().map_err(|e| format!("its output: {e}"))?;
        let argv = self.argv(act.command.argv.clone());
        let environment = self.environment(application, false, door);
        Command::new(&self.site.program)
            .args(["__leash", "--"])
            .args(&argv)
            .current_dir(&self.site.project)
            .env_clear()
            .envs(inherited())
            .envs(environment.iter().map(|(name, value)| (name, value.expose())))
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|error| format!("{}: {error}", argv.join(" ")))
    }
}

/// Follows a program from its start to its end.
struct Follower {
    child: Child,
    leash: Option<ChildStdin>,
    application: String,
    /// The one database of the target's server that is the program's own.
    own: Option<String>,
    forbidden: Option<Arc<Mutex<Control>>>,
    /// Why the target could not be looked at.
    unwatched: Option<String>,
    /// It was started before its turn.
    ahead: bool,
    /// What it waits at; it goes with the program.
    door: Option<Door>,
    waited: Duration,
    limit: Duration,
}

impl Follower {
    async fn follow(mut self, mut may_go: oneshot::Receiver<()>) -> Followed {
        let mut end = None;
        loop {
            tokio::select! {
                // One that ended before its turn was never let in, also if that came meanwhile.
                biased;
                status = self.child.wait() => {
                    let code = status.map(|status| status.code()).map_err(|error| error.to_string());
                    // Whatever ends at the door gave up there, perhaps: it is run at its turn.
                    let is_outside = end.is_none() && self.ahead;
                    let ended = match self.unwatched.take() {
                        Some(why) => Err(format!(
                            "whether it came to the target itself cannot be told: {why}"
                        )),
                        None => code,
                    };
                    return self.followed(is_outside, ended);
                }
                went = &mut may_go, if end.is_none() => match went {
                    Ok(()) => {
                        self.waited = self.door.as_ref().map(Door::open).unwrap_or_default();
                        end = Some(Instant::now() + self.limit);
                    }
                    Err(_) => return self.ended(true, String::new()).await,
                },
                () = sleep(LOOK) => {}
            }
            if let Some(why) = self.strays().await {
                return self.ended(false, why).await;
            }
            match end {
                None if self.ahead && self.waits() => {
                    return self.ended(true, String::new()).await;
                }
                Some(end) if Instant::now() >= end => {
                    let why = format!(
                        "it was not done within {} s: it hangs, or asks what nobody answers",
                        self.limit.as_secs()
                    );
                    return self.ended(false, why).await;
                }
                _ => {}
            }
        }
    }

    /// Returns true if it has waited for longer than its driver may.
    fn waits(&self) -> bool {
        self.door.as_ref().is_some_and(|door| door.waited() >= PATIENCE)
    }

    /// Returns what to say where the program is seen on the target itself.
    async fn strays(&mut self) -> Option<String> {
        let forbidden = self.forbidden.clone()?;
        let found = forbidden.lock().await.find_application(&self.application).await;
        match found {
            Ok(found) if found.iter().any(|one| self.own.as_deref() != Some(one.database.as_str())) => {
                Some("it connected to the target itself, and was ended at once: look at what it did there".to_owned())
            }
            Ok(_) => None,
            Err(error) => {
                // What ran meanwhile was not seen, whoever answers next.
                self.unwatched = Some(error.to_string());
                None
            }
        }
    }

    /// Ends the program with its group: the leash does at the end of its input.
    async fn ended(mut self, unused: bool, why: String) -> Followed {
        drop(self.leash.take());
        drop(timeout(Duration::from_secs(10), self.child.wait()).await);
        self.followed(unused, Err(why))
    }

    fn followed(self, unused: bool, ended: Result<Option<i32>, String>) -> Followed {
        let at = Instant::now();
        Followed { unused, ended, at, waited: self.waited }
    }
}

/// Returns true for the words of a program that found nobody to answer: Python's, Node's.
fn asks(said: &str) -> bool {
    ["EOFError: EOF when reading a line", "ERR_USE_AFTER_CLOSE", "readline was closed"]
        .iter()
        .any(|words| said.contains(words))
}

/// Classes 22 (data exception) and 23 (integrity constraint violation):
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_of_rows(state: &str) -> bool {
    state.starts_with("22") || state.starts_with("23")
}
