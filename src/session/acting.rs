//! An act that was started, from its first attempt to its last.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::journal::{Kind, Record};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Confirmed, Plan, Timeouts};

use super::confirm::Origin;
use super::effect::How;

/// A running act, or one that waits for its next attempt.
#[derive(Debug, PartialEq)]
pub struct Acting {
    /// Its name in the run.
    pub act: String,
    /// Who hears of its end.
    pub origin: Origin,
    /// What runs; for showing.
    pub plan: Plan,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When the first attempt began.
    pub since: Option<DateTime<Utc>>,
    /// How it was asked to stop, if it was.
    pub stop: Option<How>,
    retry: Option<Retry>,
    /// No attempt follows this one, whatever becomes of it.
    last: bool,
    /// The step that started it, whose run is over.
    of_run: bool,
}

/// The next attempt, under the same confirmation.
#[derive(Debug, PartialEq)]
struct Retry {
    confirmed: Confirmed,
    due: DateTime<Utc>,
}

impl Acting {
    /// Returns the act that `confirmed` starts.
    #[must_use]
    pub fn new(
        act: String,
        origin: Origin,
        confirmed: &Confirmed,
        now: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            act,
            origin,
            plan: confirmed.plan().clone(),
            attempt: confirmed.attempt(),
            since: now,
            stop: None,
            retry: None,
            last: false,
            of_run: false,
        }
    }

    /// Returns the acts that the records of a run leave under way, the latest first, for showing
    /// them: nothing of them can be confirmed, stopped or tried again from here.
    #[must_use]
    pub fn recorded(records: &[Record]) -> Vec<Self> {
        let mut under_way: Vec<(&Record, DateTime<Utc>)> = Vec::new();
        for record in records {
            match record.kind {
                Kind::Closed => under_way.clear(),
                Kind::Outcome | Kind::Resolved => {
                    under_way.retain(|(begun, _)| begun.act != record.act);
                }
                Kind::Intent => {
                    let first = records
                        .iter()
                        .find(|one| one.kind == Kind::Intent && one.act == record.act)
                        .map_or(record.at, |one| one.at);
                    under_way.retain(|(begun, _)| begun.act != record.act);
                    under_way.push((record, first));
                }
                _ => {}
            }
        }
        under_way.into_iter().rev().filter_map(|(begun, since)| Self::shown(begun, since)).collect()
    }

    fn shown(begun: &Record, since: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            act: begun.act.clone()?,
            origin: begun.step.clone().map_or(Origin::Operator, Origin::Step),
            plan: begun.plan()?,
            attempt: begun.attempt.unwrap_or(1),
            since: Some(since),
            stop: None,
            retry: None,
            last: true,
            of_run: false,
        })
    }

    /// Returns true for a signal: it runs beside anything.
    #[must_use]
    pub fn is_signal(&self) -> bool {
        matches!(self.plan.action, Action::Signal { .. })
    }

    /// Returns the step that it belongs to.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match &self.origin {
            Origin::Step(step) => Some(step),
            Origin::Operator => None,
        }
    }

    /// Returns when the next attempt is due, while it waits for one.
    #[must_use]
    pub fn retry_due(&self) -> Option<DateTime<Utc>> {
        self.retry.as_ref().map(|retry| retry.due)
    }

    /// Takes the end of an attempt. Returns true if another attempt will follow: only
    /// after a lock timeout that was rolled back, within the attempts that were confirmed
    /// for this very plan, and never after somebody asked it to stop or gave it up.
    pub fn ended(
        &mut self,
        outcome: &Outcome,
        confirmed: Option<Confirmed>,
        now: Option<DateTime<Utc>>,
    ) -> bool {
        let again = outcome.ending == Ending::LockTimeout && self.stop.is_none() && !self.last;
        let ours =
            |ticket: &Confirmed| *ticket.plan() == self.plan && ticket.attempt() == self.attempt;
        let next = confirmed.filter(|ticket| again && ours(ticket));
        let next = next.and_then(Confirmed::next_attempt);
        self.retry = next.zip(now).map(|(confirmed, now)| Retry {
            due: after(now, pause_before(&self.plan.timeouts, confirmed.attempt())),
            confirmed,
        });
        self.retry.is_some()
    }

    /// Returns the confirmation of the next attempt if it is due.
    pub fn take_due(&mut self, now: DateTime<Utc>) -> Option<Confirmed> {
        let retry = self.retry.take_if(|retry| retry.due <= now)?;
        self.attempt = retry.confirmed.attempt();
        Some(retry.confirmed)
    }

    /// Forgets the attempts that are left. Returns true if it was waiting for one.
    pub fn give_up(&mut self) -> bool {
        self.last = true;
        self.retry.take().is_some()
    }

    /// Takes it from the step that started it, if one did: the step's run is over.
    pub fn disown(&mut self) {
        if self.step().is_some() {
            self.origin = Origin::Operator;
            self.of_run = true;
        }
    }

    /// Returns true if a step started it whose run was over before it.
    #[must_use]
    pub fn last_of_its_run(&self) -> bool {
        self.of_run
    }
}

/// Returns the pause before an attempt: long enough for the queue behind the last one to
/// drain, and growing, so that a busy table is not held up again and again.
pub(super) fn pause_before(timeouts: &Timeouts, attempt: u32) -> TimeDelta {
    let first = timeouts.pause_ms.unwrap_or(FIRST_PAUSE);
    let longest = LONGEST_PAUSE.max(first);
    let doubled = first.saturating_mul(2u64.saturating_pow(attempt.saturating_sub(2)));
    TimeDelta::milliseconds(i64::try_from(doubled.min(longest)).unwrap_or(i64::MAX))
}

/// Returns when a pause is over that begins at `at`; the end of time where a configured one
/// reaches further.
pub(super) fn after(at: DateTime<Utc>, pause: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(pause).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The pause before the second attempt where the plan says nothing, in milliseconds.
const FIRST_PAUSE: u64 = 2_000;
/// The longest pause that doubling leads to, in milliseconds.
const LONGEST_PAUSE: u64 = 32_000;
