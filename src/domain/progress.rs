//! What the server says about the progress of long commands, and what can be
//! concluded from it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::age;
use super::untrusted::Untrusted;

/// One row of a `pg_stat_progress_*` view, in common terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The backend.
    pub pid: i32,
    /// The command, e.g. `CREATE INDEX CONCURRENTLY`.
    pub command: String,
    /// The phase, in the server's words.
    pub phase: String,
    /// Name of the relation, if known.
    pub relation: Option<Untrusted>,
    /// Units done in this phase: blocks, tuples, bytes or lockers, whichever it counts.
    pub done: i64,
    /// Units of this phase; 0 if the server does not know.
    pub total: i64,
    /// The session that the command waits for (`current_locker_pid`).
    pub waiting_for: Option<i32>,
    /// Seconds to the end of this *phase*, once its pace is known.
    pub eta_s: Option<f64>,
}

impl Progress {
    /// Returns the part of this phase that is done, 0 to 1; `None` without a total.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a fraction needs no more digits")]
    pub fn fraction(&self) -> Option<f64> {
        (self.total > 0).then(|| (self.done as f64 / self.total as f64).clamp(0.0, 1.0))
    }
}

/// Concludes when phases will end.
///
/// Counters are per phase and stale across phases, so each phase starts anew; a phase
/// that waits for others has no end that could be foreseen.
#[derive(Clone, Debug, Default)]
pub struct Estimator {
    begun: HashMap<i32, Begun>,
}

/// The first sight of a phase.
#[derive(Clone, Debug)]
struct Begun {
    command: String,
    phase: String,
    at: DateTime<Utc>,
    done: i64,
}

/// A pace measured over less than this many seconds is noise.
const SHORTEST_S: f64 = 2.0;

impl Estimator {
    /// Fills in `eta_s` of everything that runs at `now`, and forgets what has ended.
    pub fn estimate(&mut self, running: &mut [Progress], now: DateTime<Utc>) {
        self.begun.retain(|pid, _| running.iter().any(|progress| progress.pid == *pid));
        for progress in running {
            progress.eta_s = self.eta(progress, now);
        }
    }

    fn eta(&mut self, progress: &Progress, now: DateTime<Utc>) -> Option<f64> {
        let first = Begun {
            command: progress.command.clone(),
            phase: progress.phase.clone(),
            at: now,
            done: progress.done,
        };
        let begun = self.begun.entry(progress.pid).or_insert_with(|| first.clone());
        if !begun.is_of(progress) {
            *begun = first;
        }
        begun.eta(progress, now)
    }
}

impl Begun {
    /// A counter that ran backwards is another round of the same phase.
    fn is_of(&self, progress: &Progress) -> bool {
        self.phase == progress.phase
            && self.command == progress.command
            && self.done <= progress.done
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more digits")]
    fn eta(&self, progress: &Progress, now: DateTime<Utc>) -> Option<f64> {
        let (took, made) = (age::seconds(self.at, now), progress.done - self.done);
        let waits = progress.phase.starts_with("waiting");
        let known = progress.total >= progress.done && progress.total > 0;
        let left = (progress.total - progress.done) as f64;
        (took >= SHORTEST_S && made > 0 && known && !waits).then(|| left * took / made as f64)
    }
}
