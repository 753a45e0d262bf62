//! A walk rebuilt from what was recorded of it: what has ended stays ended, the current step
//! is taken up where its last act left it, and everything that can be read is read anew.

use serde_json::Value;

use crate::domain::journal::{Kind as Recorded, Record};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::Plan;
use crate::domain::runbook::{Goto, Kind, Runbook};

use super::{Answered, ESCALATE, Phase, Place, Status, Walk, Want};

/// Where an interrupted walk stood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Left {
    /// In a step, after this act of it if there was one.
    Within(Option<Last>),
    /// Behind a step, on the way that this leads.
    Over(Goto),
}

/// The last act of a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Last {
    plan: Option<Plan>,
    /// `None`: nobody has said what became of it.
    outcome: Option<Outcome>,
}

impl Walk {
    /// Returns the walk of an interrupted run; [`Walk::begin`] goes on with it.
    ///
    /// # Errors
    /// When the records belong to another runbook than this one.
    pub fn resume(book: Runbook, place: Place, records: &[Record]) -> Result<Self, String> {
        let mut walk = Self::new(book, place);
        walk.began = records.first().map(|record| record.at);
        for record in records {
            walk.recall(record);
        }
        let reached = records.iter().rposition(|record| record.kind == Recorded::Step);
        if let Some(at) = reached {
            walk.stand_at(&records[at])?;
            walk.left = Some(Box::new(walk.left_at(&records[at + 1..])));
        }
        Ok(walk)
    }

    /// Takes from one record what the walk knew after it.
    fn recall(&mut self, record: &Record) {
        let step = record.step.clone().unwrap_or_default();
        match record.kind {
            Recorded::Ended => {
                if let Ok(status) = serde_json::from_value::<Status>(record.data.clone()) {
                    self.statuses.insert(step, status);
                }
                self.pause_if_asked();
            }
            Recorded::Outcome if record.data["ending"] == "done" => self.pause_if_asked(),
            Recorded::Answer => self.path.extend(answered(step, &record.data)),
            Recorded::Pause => self.recall_pause(&record.data),
            _ => {}
        }
    }

    fn pause_if_asked(&mut self) {
        self.paused |= self.stop_after;
        self.stop_after = false;
    }

    fn recall_pause(&mut self, data: &Value) {
        match (data["paused"].as_bool(), data["after_this_step"].as_bool()) {
            (Some(paused), _) => (self.paused, self.stop_after) = (paused, false),
            (_, Some(after)) => self.stop_after = after,
            _ => {}
        }
    }

    fn stand_at(&mut self, reached: &Record) -> Result<(), String> {
        let id = reached.step.as_deref().unwrap_or_default();
        let places = self.book.sections.iter().enumerate();
        let mut places =
            places.flat_map(|(at, s)| s.steps.iter().enumerate().map(move |(n, s)| (at, n, s)));
        let (section, step, _) = places
            .find(|(.., step)| step.id == id)
            .ok_or_else(|| format!("the runbook has no step {id}"))?;
        (self.section, self.step, self.entered) = (section, step, Some(reached.at));
        Ok(())
    }

    /// Returns where the current step was left, from the records after it was reached.
    fn left_at(&mut self, since: &[Record]) -> Left {
        let id = self.current().id.clone();
        let own: Vec<&Record> =
            since.iter().filter(|record| record.step.as_ref() == Some(&id)).collect();
        if own.iter().any(|record| record.kind == Recorded::Ended) {
            return Left::Over(self.way_on(&own));
        }
        self.statuses.remove(&id);
        let intents: Vec<&&Record> =
            own.iter().filter(|record| record.kind == Recorded::Intent).collect();
        let last = intents.last().map(|intent| Last {
            plan: serde_json::from_value(intent.data["plan"].clone()).ok(),
            outcome: outcome_of(intent, since),
        });
        let done = intents.iter().filter_map(|intent| outcome_of(intent, since));
        let done = done.filter(|outcome| outcome.ending == Ending::Done).count();
        self.acts_done = u32::try_from(done).unwrap_or(u32::MAX);
        Left::Within(last)
    }

    /// Returns where the end of the current step leads: where its answer did.
    fn way_on(&self, own: &[&Record]) -> Goto {
        let answer = own.iter().rev().find(|record| record.kind == Recorded::Answer);
        let Some(data) = answer.map(|record| &record.data) else { return Goto::Next };
        match data["offer"].as_str() {
            Some(ESCALATE) => return Goto::Escalate,
            Some(section) => return Goto::Section(section.to_owned()),
            None => {}
        }
        let Kind::Decide(decide) = &self.current().kind else { return Goto::Next };
        let label = data["answer"].as_str().unwrap_or_default();
        let answer = decide.answers.iter().find(|answer| answer.label == label);
        answer.map_or(Goto::Escalate, |answer| answer.goto.clone())
    }

    /// Goes on from where the walk was left. Nothing that has run is run again by this.
    pub(super) fn goes_on(&mut self, left: Left) -> Vec<Want> {
        match left {
            Left::Over(goto) => self.lead(goto),
            Left::Within(None) => self.enter_step(),
            Left::Within(Some(Last { plan, outcome: Some(outcome) })) => {
                self.after_act(plan.as_ref(), &outcome)
            }
            Left::Within(Some(Last { outcome: None, .. })) => {
                let why = "UNKNOWN: nobody has said what became of its act".to_owned();
                self.phase = Phase::Failed { why, may_retry: false };
                Vec::new()
            }
        }
    }

    fn after_act(&mut self, plan: Option<&Plan>, outcome: &Outcome) -> Vec<Want> {
        match outcome.ending {
            // The next act of a procedure is asked for by a person: time has passed.
            Ending::Done if plan.is_some_and(|plan| self.has_more(plan)) => {
                self.phase = Phase::Ready;
                Vec::new()
            }
            Ending::Done => self.ask_verify(),
            _ => self.act_failed(outcome),
        }
    }
}

fn answered(step: String, data: &Value) -> Option<Answered> {
    let text = |key: &str| data[key].as_str().map(str::to_owned);
    Some(Answered { step, question: text("question")?, answer: text("answer")? })
}

/// Returns what became of an act's attempt.
fn outcome_of(intent: &Record, since: &[Record]) -> Option<Outcome> {
    let ends = |record: &&Record| {
        matches!(record.kind, Recorded::Outcome | Recorded::Resolved)
            && (&record.act, record.attempt) == (&intent.act, intent.attempt)
    };
    let outcome: Outcome =
        serde_json::from_value(since.iter().rev().find(ends)?.data.clone()).ok()?;
    (outcome.ending != Ending::Unknown).then_some(outcome)
}
