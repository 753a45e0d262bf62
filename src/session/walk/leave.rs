//! Ways out of a step that are not forward: back to the question before, to another person,
//! and out of the run.

use serde_json::json;

use crate::domain::journal::Kind;

use super::moves::bad;
use super::{End, Handed, Phase, Walk, Want};

impl Walk {
    /// Returns why the question before cannot be asked anew, if it cannot.
    #[must_use]
    pub fn no_way_back(&self) -> Option<&'static str> {
        match self.path.last() {
            None => Some("no question was answered before"),
            _ if self.phase == Phase::Acting => Some("the step's act is under way"),
            _ if self.paused => Some("the run is paused: go on first"),
            Some(last) if last.depth != self.callers.len() => {
                Some("the question before belongs to another runbook of this run")
            }
            Some(_) => None,
        }
    }

    /// Asks the question before anew. What was done since stays done.
    pub(super) fn back(&mut self) -> Vec<Want> {
        if let Some(why) = self.no_way_back() {
            return vec![bad(why)];
        }
        let Some(last) = self.path.pop() else { return Vec::new() };
        let data = json!({ "back": last.step, "was": last.answer });
        let mut wants = vec![self.record(Kind::Answer, data)];
        self.statuses.remove(&last.step);
        if self.stand(&last.step).is_ok() {
            wants.extend(self.enter());
        }
        wants
    }

    /// Stands at the step of that name of the runbook that is walked now.
    pub(super) fn stand(&mut self, name: &str) -> Result<(), String> {
        let id = name.rsplit('/').next().unwrap_or(name);
        let places = self.book.sections.iter().enumerate();
        let mut places =
            places.flat_map(|(at, s)| s.steps.iter().enumerate().map(move |(n, s)| (at, n, s)));
        let (section, step, _) = places
            .find(|(.., step)| step.id == id)
            .ok_or_else(|| format!("the runbook has no step {id}"))?;
        (self.section, self.step) = (section, step);
        Ok(())
    }

    /// Hands the run over: it pauses, and whoever resumes it is told.
    pub(super) fn hand_over(&mut self, to: &str, note: &str) -> Vec<Want> {
        let (to, note) = (to.trim().to_owned(), note.trim().to_owned());
        if to.is_empty() {
            return vec![bad("say who goes on: it is recorded")];
        }
        let from = self.place.executor.clone();
        let data = json!({ "handover": { "from": from, "to": to, "note": note } });
        let mut wants = vec![self.record(Kind::Lease, data)];
        if !self.paused {
            self.paused = true;
            self.stop_after = false;
            wants.push(self.record(Kind::Pause, json!({ "paused": true })));
        }
        self.executor.joined_by(&to);
        self.handed = Some(Handed { from, to, note });
        wants
    }

    pub(super) fn abandon(&mut self, reason: String) -> Vec<Want> {
        if reason.trim().is_empty() {
            return vec![bad("say why the run is abandoned: the report needs it")];
        }
        self.finish(End::Abandoned { reason })
    }

    pub(super) fn escalate(&mut self, reason: String) -> Vec<Want> {
        if reason.trim().is_empty() {
            return vec![bad("say what the next level has to know: it is recorded")];
        }
        self.finish(End::Escalated { question: reason })
    }
}
