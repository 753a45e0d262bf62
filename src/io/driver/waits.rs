//! Ends the waits for locks of our own act where its tool does not: some drivers take no heed
//! of `PGOPTIONS`, and poolers drop it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::hand::Hand;
use crate::domain::journal::{Entry, Kind};
use crate::io::blocking::blocking;
use crate::io::journal::Journal;
use crate::io::postgres::control::{Signalled, Waiting};

/// How often the act's backends are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What bounds the waits of one attempt.
pub(super) struct Bound<'a> {
    pub journal: &'a Journal,
    pub hand: &'a Hand,
    pub attempt: u32,
    /// The name that the act's backends bear, and nobody else's.
    pub application: &'a str,
    /// How long each may wait for a lock; `None`: this bounds nothing.
    pub limit: Option<Duration>,
    /// What was cancelled, in words; the first one counts.
    pub cancelled: &'a OnceLock<String>,
}

impl Bound<'_> {
    /// Cancels each statement of the act that waits for a lock longer than the plan allows.
    /// Goes on for ever.
    pub async fn keep(&self) -> Infallible {
        let Some(limit) = self.limit else { return pending().await };
        // By our own clock, from when a wait was first seen: never too early.
        let mut seen: HashMap<Waiting, Instant> = HashMap::new();
        loop {
            let now = Instant::now();
            // What cannot be seen is not cancelled, and waits on from anew when it is seen.
            let waiting = self.waiting().await;
            seen.retain(|one, _| waiting.contains(one));
            for one in waiting {
                let since = *seen.entry(one.clone()).or_insert(now);
                if now - since >= limit {
                    self.cancel(&one, now - since).await;
                    seen.remove(&one);
                }
            }
            sleep(LOOK).await;
        }
    }

    async fn waiting(&self) -> Vec<Waiting> {
        match self.hand.control.lock().await.as_mut() {
            Some(control) => control.waiting(self.application).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Cancels one statement, if it still waits then; recorded first, or not done.
    async fn cancel(&self, one: &Waiting, waited: Duration) {
        let entry = Entry {
            step: self.hand.act.step.clone(),
            act: Some(self.hand.act.id.clone()),
            attempt: Some(self.attempt),
            ..Entry::new(
                Kind::Stop,
                json!({
                    "how": "waited too long for a lock",
                    "pid": one.key.pid,
                    "backend_start": one.key.backend_start,
                    "waited_s": waited.as_secs_f64(),
                }),
            )
        };
        if blocking(|| self.journal.append(entry)).is_err() {
            return;
        }
        if let Some(control) = self.hand.control.lock().await.as_mut()
            && let Ok(Signalled::Sent) = control.cancel_waiting(one, self.application).await
        {
            let pid = one.key.pid;
            let waited = waited.as_secs();
            let _ = self.cancelled.set(format!(
                "its statement in pid {pid} was cancelled by lockkeeper after {waited} s of \
                 waiting for a lock, as the plan says"
            ));
        }
    }
}
