//! Signals to backends: one guarded statement, and a look at what came of it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Inner;
use crate::domain::activity::BackendKey;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Plan, Risk, Signal};
use crate::io::postgres::control::{After, Aim, Error, Only, Running, Signalled};

/// How long a signalled backend has before it is said to be still there.
const GONE: Duration = Duration::from_secs(5);
/// How often it is looked for; the connection is free for others in between.
const LOOK: Duration = Duration::from_millis(50);

/// What is said of a cancel whose effect the server does not show.
const UNSEEN: &str = "delivered, but cannot tell whether a statement ended by it: the server \
    does not track what this session runs (track_activities); look at its locks";

impl Inner {
    pub(super) async fn signal(&self, plan: &Plan, backend: BackendKey, signal: Signal) -> Outcome {
        match self.send(plan, backend, signal).await {
            Ok((Signalled::Sent, Some(aim))) => self.look_after(backend, aim).await,
            Ok((sent, _)) => said(&sent, backend, signal),
            Err(outcome) => outcome,
        }
    }

    /// Sends the signal; returns also what it aims at, where that can be seen.
    async fn send(
        &self,
        plan: &Plan,
        backend: BackendKey,
        signal: Signal,
    ) -> Result<(Signalled, Option<Aim>), Outcome> {
        let not_run = |why: String| Outcome::new(Ending::NotRun, why);
        let mut control = self.control().await.map_err(not_run)?;
        let (only, aim) = match signal {
            Signal::Cancel => match control.running(backend).await {
                Ok(Some(Running::Since(began))) => {
                    (Only::WhileRunning(began), Some(Aim::StatementEnds(began)))
                }
                // It would hit whatever runs next.
                Ok(Some(Running::Nothing)) => return Ok((Signalled::Changed, None)),
                // Of one that has gone the signal's own look says so, and sends nothing.
                Ok(Some(Running::CannotTell) | None) => (Only::Same, None),
                Err(error) => return Err(not_run(error.to_string())),
            },
            // It was confirmed as a session that has written nothing.
            Signal::Terminate if plan.risk == Risk::Safe => {
                (Only::Unwritten, Some(Aim::SessionEnds))
            }
            Signal::Terminate => (Only::Same, Some(Aim::SessionEnds)),
        };
        match control.signal(signal, backend, only).await {
            Ok(sent) => Ok((sent, aim)),
            Err(error @ Error::Connect(_)) => Err(not_run(error.to_string())),
            Err(error) => Err(Outcome::new(Ending::Unknown, error.to_string())),
        }
    }

    async fn look_after(&self, backend: BackendKey, aim: Aim) -> Outcome {
        let end = Instant::now() + GONE;
        loop {
            let found = match self.control().await {
                Ok(mut control) => control.check_gone(backend, aim, Duration::ZERO).await,
                Err(why) => return Outcome::new(Ending::Unknown, why),
            };
            match found {
                Ok(After::Done) => return Outcome::new(Ending::Done, "it is gone"),
                Err(error) => return Outcome::new(Ending::Unknown, error.to_string()),
                Ok(After::Still) if Instant::now() >= end => {
                    let text =
                        format!("delivered, but it is still there after {} s", GONE.as_secs());
                    return Outcome::new(Ending::Failed, text);
                }
                Ok(After::Still) => sleep(LOOK).await,
            }
        }
    }
}

/// Returns the outcome of a signal after which nothing can be looked for.
fn said(sent: &Signalled, backend: BackendKey, signal: Signal) -> Outcome {
    let not_run = |why: &str| Outcome::new(Ending::NotRun, why);
    match sent {
        Signalled::Sent => Outcome::new(Ending::Unknown, UNSEEN),
        Signalled::Gone => Outcome::new(Ending::Done, "it had ended by itself"),
        Signalled::Reused(began) => {
            not_run(&format!("pid {} is another backend now, begun at {began}", backend.pid))
        }
        Signalled::Hidden => not_run("its start is hidden from our role"),
        Signalled::Ours => not_run("it is one of our own connections"),
        Signalled::NotPermitted(why) => not_run(why),
        Signalled::NotDelivered => not_run("the server did not deliver it"),
        Signalled::Changed => not_run(match signal {
            Signal::Cancel => "its statement ended just then: nothing was cancelled",
            Signal::Terminate => {
                "it has written since it was confirmed, and that would be lost: look at it again"
            }
        }),
    }
}
