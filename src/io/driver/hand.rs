//! The hand on a running act: what it is stopped and watched with.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

use crate::io::act::Stop;
use crate::io::perform::{Act, Finished};
use crate::io::postgres::Control;
use crate::io::postgres::control::Signalled;
use crate::session::effect::How;

/// How long the server may work on after the program of an act has ended.
const LINGERS: Duration = Duration::from_secs(10);
/// How often the server is looked at for what has to be cancelled, or to end.
const LOOK: Duration = Duration::from_millis(100);

/// What a job works with, beside its confirmation.
pub(super) struct Hand {
    pub act: Act,
    /// How it was asked to stop.
    pub asked: watch::Receiver<Option<How>>,
    /// A connection of its own: cancelling our act waits for no other task.
    pub control: Mutex<Option<Control>>,
}

impl Hand {
    pub(super) fn new(act: Act, asked: watch::Receiver<Option<How>>) -> Self {
        Self { act, asked, control: Mutex::default() }
    }

    /// Waits until it is asked to stop.
    pub(super) async fn stopped(&self) {
        if self.asked.clone().wait_for(Option::is_some).await.is_err() {
            // Nobody is left who could ask.
            pending::<()>().await;
        }
    }

    /// Cancels what the server does under `application`, `again` only what has run for a while;
    /// returns true if there was anything.
    async fn cancel(&self, application: &str, again: bool) -> bool {
        let mut control = self.control.lock().await;
        let Some(control) = control.as_mut() else { return false };
        let Ok(sessions) = control.find_application(application).await else { return false };
        let mut cancelled = false;
        for session in sessions {
            let sent = control.cancel_own(session.pid, application, again).await;
            cancelled |= matches!(sent, Ok(Signalled::Sent));
        }
        cancelled
    }
}

/// Stops the job whenever that is asked for: cancels the statement that runs, as soon as one
/// does, and ends its program if that is asked for too. Goes on for ever.
pub(super) async fn halt(
    hand: &Hand,
    application: &str,
    stop: &watch::Sender<Stop>,
    goes_with_its_program: bool,
) -> Infallible {
    let mut asked = hand.asked.clone();
    asked.mark_changed();
    let (mut to_cancel, mut was_hit) = (false, false);
    loop {
        tokio::select! {
            Ok(()) = asked.changed() => {
                let how = *asked.borrow_and_update();
                to_cancel |= how.is_some();
                // Of some the target knows nothing: only the program can be ended.
                if how == Some(How::Kill) || (goes_with_its_program && how.is_some()) {
                    stop.send_replace(Stop::Interrupt);
                }
            }
            // After the first hit only what lasts: the rest is what the tool does to clean up.
            // One is not enough: the server drops a cancel that comes between two statements.
            () = sleep(LOOK), if to_cancel => was_hit |= hand.cancel(application, was_hit).await,
            else => pending::<()>().await,
        }
    }
}

/// Waits until the server does nothing any more for a program that has ended: the end of a
/// client ends no statement, and one that waits for a lock would still run later. After a
/// success only its session may still be leaving, and the next act would take it for another.
pub(super) async fn linger(
    hand: &Hand,
    application: &str,
    finished: &Finished,
) -> Result<(), String> {
    if finished.exit.not_started.is_some() {
        return Ok(());
    }
    let end = Instant::now() + LINGERS;
    loop {
        let found = match hand.control.lock().await.as_mut() {
            Some(control) => control.find_application(application).await,
            None => return Ok(()),
        };
        let why = match found {
            Ok(sessions) => match sessions.first() {
                None => return Ok(()),
                Some(session) => format!("the server still works on it in pid {}", session.pid),
            },
            Err(error) => format!("whether the server still works on it cannot be told: {error}"),
        };
        if Instant::now() >= end && finished.exit.code == Some(0) {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(format!("its program has ended ({}), but {why}", finished.exit.words()));
        }
        sleep(LOOK).await;
    }
}
