//! A walk rebuilt from what was recorded of it: what has ended stays ended, the current step
//! is taken up where its last act left it, and everything that can be read is read anew.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::approval;
use crate::domain::evidence;
use crate::domain::journal::{Kind as Recorded, Record};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::Plan;
use crate::domain::runbook::{From, Goto, Kind, Resume, Runbook};

use super::{Answered, ESCALATE, Handed, Phase, Place, Purpose, Status, Walk, Want};

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
    pub fn resume(
        book: Runbook,
        library: BTreeMap<String, Runbook>,
        place: Place,
        records: &[Record],
    ) -> Result<Self, String> {
        let mut walk = Self::new(book, place).calling(library);
        walk.began = records.first().map(|record| record.at);
        let walks = walk.place.executor.clone();
        walk.executor = approval::executor(records);
        walk.executor.joined_by(&walks);
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
                    self.ended(step, status);
                }
                self.pause_if_asked();
            }
            Recorded::Outcome | Recorded::Resolved if record.data["ending"] == "done" => {
                self.recall_opened(&step);
                if record.kind == Recorded::Outcome {
                    self.pause_if_asked();
                }
            }
            Recorded::Answer => self.recall_answer(step, &record.data),
            Recorded::Approved => {
                self.approvals.extend(serde_json::from_value(record.data.clone()).ok());
            }
            Recorded::Awaits => self.awaited = serde_json::from_value(record.data.clone()).ok(),
            Recorded::Override => {
                self.waived.extend(record.data["waives"].as_str().map(str::to_owned));
            }
            Recorded::Lease => {
                if let Some(handed) = handed(&record.data) {
                    // Also where the console died before it could record the pause.
                    self.paused = true;
                    self.handed = Some(handed);
                }
            }
            Recorded::Step => self.depth = calls_of(&record.data).len(),
            Recorded::Note => self.recall_due(&step, &record.data),
            Recorded::Pause => self.recall_pause(&record.data),
            Recorded::Baseline => {
                self.baseline = serde_json::from_value(record.data.clone()).ok();
            }
            _ => {}
        }
    }

    /// Takes an answer: of a question, of a variable, or that one was asked anew.
    fn recall_answer(&mut self, step: String, data: &Value) {
        if let (Some(var), Some(text)) = (data["var"].as_str(), data["value"].as_str()) {
            let value = self.variable(var, text);
            self.vars.insert(var.to_owned(), value);
            return;
        }
        if let Some(back) = data["back"].as_str() {
            while self.path.pop().is_some_and(|one| one.step != back) {}
            self.statuses.remove(back);
            return;
        }
        self.path.extend(answered(step, data, self.depth));
    }

    /// Returns a variable's value as the step that asked for it took it.
    fn variable(&self, var: &str, text: &str) -> evidence::Value {
        let books = std::iter::once(&self.book).chain(self.library.values());
        let mut asks = books.flat_map(Runbook::steps).filter_map(|step| match &step.kind {
            Kind::Ask(ask) if ask.var == var => Some(&ask.from),
            _ => None,
        });
        let number = match asks.next() {
            Some(From::Number) => text
                .parse()
                .map(evidence::Value::Int)
                .ok()
                .or_else(|| text.parse().map(evidence::Value::Float).ok()),
            _ => None,
        };
        number.unwrap_or_else(|| evidence::Value::Text(text.to_owned()))
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

    /// Stands at the step that was reached last, by the calls that led there.
    fn stand_at(&mut self, reached: &Record) -> Result<(), String> {
        for call in calls_of(&reached.data) {
            self.stand(&call)?;
            let Kind::Call { target } = self.current().kind.clone() else {
                return Err(format!("the step {call} of the runbook calls nothing"));
            };
            self.descend(&target)?;
        }
        self.stand(reached.step.as_deref().unwrap_or_default())?;
        self.entered = Some(reached.at);
        Ok(())
    }

    /// Returns where the current step was left, from the records after it was reached.
    fn left_at(&mut self, since: &[Record]) -> Left {
        let id = self.here();
        let own: Vec<&Record> =
            since.iter().filter(|record| record.step.as_ref() == Some(&id)).collect();
        if own.iter().any(|record| record.kind == Recorded::Ended) {
            return Left::Over(self.way_on(&own));
        }
        self.statuses.remove(&id);
        let intents: Vec<&&Record> =
            own.iter().filter(|record| record.kind == Recorded::Intent).collect();
        let last = intents
            .last()
            .map(|intent| Last { plan: intent.plan(), outcome: outcome_of(intent, since) });
        let is_done = |intent: &&&&Record| {
            outcome_of(intent, since).is_some_and(|outcome| outcome.ending == Ending::Done)
        };
        let done = intents.iter().filter(is_done);
        self.done = done.map(|intent| intent.plan.clone().unwrap_or_default()).collect();
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
        if self.ending.is_some() {
            return self.wait(Phase::Undo(None));
        }
        match left {
            Left::Over(goto) => self.lead(goto),
            Left::Within(None) => self.take_up(),
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

    /// Takes the step up that had begun nothing which must be known first. One that would
    /// read or go on by itself waits for a person, if it says so.
    fn take_up(&mut self) -> Vec<Want> {
        let by_itself = matches!(
            self.current().kind,
            Kind::Check(_) | Kind::Watch(_) | Kind::Call { .. } | Kind::Notice { .. }
        );
        if by_itself && self.current().resume == Resume::Ask {
            self.paused = true;
        }
        let claims = self.act().map(|act| act.verify.clone()).unwrap_or_default();
        if self.current().resume == Resume::VerifyFirst && !self.paused && !claims.is_empty() {
            let named = claims.into_iter().map(|claim| (claim.name, claim.probe)).collect();
            return self.probe(Purpose::Already, named);
        }
        self.enter_step()
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

fn answered(step: String, data: &Value, depth: usize) -> Option<Answered> {
    let text = |key: &str| data[key].as_str().map(str::to_owned);
    Some(Answered { step, question: text("question")?, answer: text("answer")?, depth })
}

fn handed(data: &Value) -> Option<Handed> {
    let text = |key: &str| data["handover"][key].as_str().map(str::to_owned);
    Some(Handed { from: text("from")?, to: text("to")?, note: text("note")? })
}

/// Returns the steps that have called, as a step's record names them.
fn calls_of(data: &Value) -> Vec<String> {
    let calls = data["callers"].as_array().into_iter().flatten();
    calls.filter_map(|call| call.as_str().map(str::to_owned)).collect()
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
