//! What the operator's moves do.

use serde_json::json;

use crate::domain::journal::Kind;
use crate::domain::runbook::Goto;
use crate::session::effect::Tone;

use super::{Answered, CANNOT_TELL, ESCALATE, End, Means, Move, Phase, Status, Walk, Want};

impl Walk {
    /// Takes a move of the operator. After the end, and for what is not possible now,
    /// nothing happens but a word about why.
    pub fn moved(&mut self, step: Move) -> Vec<Want> {
        if self.end.is_some() {
            return vec![bad("the run is over")];
        }
        match step {
            Move::Note(text) => self.note(&text),
            Move::Run if matches!(self.phase, Phase::Undo(_)) => self.plan_undo(),
            Move::Skip(reason) if matches!(self.phase, Phase::Undo(_)) => self.refuse_undo(&reason),
            _ if self.ending.is_some() => {
                vec![bad("the run ends: undo what is due first, or refuse it with a reason")]
            }
            Move::Pause => self.pause(),
            Move::StopAfter => self.toggle_stop_after(),
            Move::Abandon(reason) => self.abandon(reason),
            Move::Escalate(reason) => self.escalate(reason),
            Move::Handover { to, note } => self.hand_over(&to, &note),
            _ if self.paused => vec![bad("the run is paused: go on first")],
            Move::Continue => self.read_notice(),
            Move::Run => self.run(),
            Move::Choose { answer, reason } => self.choose(&answer, reason),
            Move::Skip(reason) => self.skip(reason),
            Move::Override(reason) => self.override_gate(&reason),
            Move::Take(section) => self.take_offer(&section),
            Move::Give(value) => self.give(&value),
            Move::Approve(name) => self.approve(&name),
            Move::Back => self.back(),
        }
    }

    fn note(&mut self, text: &str) -> Vec<Want> {
        if text.trim().is_empty() {
            return Vec::new();
        }
        vec![self.record(Kind::Note, json!({ "text": text }))]
    }

    fn pause(&mut self) -> Vec<Want> {
        self.paused = !self.paused;
        self.stop_after = false;
        let mut wants = vec![self.record(Kind::Pause, json!({ "paused": self.paused }))];
        if !self.paused {
            self.watch_anew();
        }
        if !self.paused && self.phase == Phase::Held {
            wants.extend(self.enter_step());
        } else if !self.paused && self.awaited().is_some() {
            // Somebody may have approved meanwhile.
            wants.extend(self.sketch());
        }
        wants
    }

    fn toggle_stop_after(&mut self) -> Vec<Want> {
        self.stop_after = !self.stop_after;
        vec![self.record(Kind::Pause, json!({ "after_this_step": self.stop_after }))]
    }

    fn read_notice(&mut self) -> Vec<Want> {
        match self.phase {
            Phase::Notice => self.pass(Means::Vouched, "read"),
            _ => vec![bad("there is nothing to go on from here")],
        }
    }

    fn run(&mut self) -> Vec<Want> {
        match &self.phase {
            Phase::CheckFailed { .. } if self.given.is_some() => self.ask_vouched(),
            Phase::CheckFailed { .. } => self.enter_step(),
            Phase::Unproven { .. } => self.ask_verify(),
            Phase::Ready | Phase::Denied { .. } => self.ask_gates(),
            Phase::Failed { may_retry: true, .. } => {
                self.attempts += 1;
                self.ask_gates()
            }
            Phase::Failed { .. } => {
                vec![bad("this is not tried again here: take one of the ways that are offered")]
            }
            Phase::Deciding => self.enter_step(),
            Phase::Acting | Phase::Probing(_) => vec![bad("it is under way")],
            Phase::Notice => vec![bad("this is only to be read")],
            Phase::Held => vec![bad("the run is paused: go on first")],
            Phase::Doing => vec![bad("a person does this: say what came of it")],
            Phase::Asking => vec![bad("a value is asked for")],
            Phase::Approving => vec![bad("somebody else has to approve")],
            Phase::Watching => vec![bad("it ends by itself; skip it with a reason to end it now")],
            Phase::Undo(_) => self.plan_undo(),
            Phase::Refused(why) => {
                vec![bad(format!("{why}: skip it with a reason, or hand it to a person"))]
            }
        }
    }

    fn skip(&mut self, reason: String) -> Vec<Want> {
        if let Some(why) = self.unskippable(&reason) {
            return vec![bad(why)];
        }
        let record = self.record(Kind::Skip, json!({ "reason": reason }));
        let mut wants = vec![record];
        wants.extend(self.leave(Status::Skipped { reason }));
        wants
    }

    fn choose(&mut self, answer: &str, reason: Option<String>) -> Vec<Want> {
        if self.phase != Phase::Deciding {
            return vec![bad("there is no question to answer yet")];
        }
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        if answer == CANNOT_TELL {
            return self.cannot_tell(reason.as_deref());
        }
        let Some((label, goto)) = self.answer(answer) else {
            return vec![bad(format!("{answer} is none of the answers"))];
        };
        if reason.is_none() && self.suggestion().is_some_and(|suggested| suggested != answer) {
            return vec![bad("this goes against the evidence: give a reason")];
        }
        let question = self.question();
        let suggested = self.suggestion().and_then(|id| self.answer(id)).map(|(label, _)| label);
        let data = json!({
            "question": question,
            "answer": label,
            "suggested": suggested,
            "reason": reason,
        });
        let mut wants = vec![self.record(Kind::Answer, data)];
        let (step, depth) = (self.here(), self.callers.len());
        self.path.push(Answered { step, question, answer: label.clone(), depth });
        wants.extend(self.take(Status::Passed { means: Means::Vouched, value: label }, goto));
        wants
    }

    fn cannot_tell(&mut self, reason: Option<&str>) -> Vec<Want> {
        let question = self.question();
        let data = json!({
            "question": question,
            "answer": "cannot tell",
            "reason": reason,
            "goes_to": self.whom_to_call(),
        });
        let mut wants = vec![self.record(Kind::Answer, data)];
        wants.extend(self.finish(End::Escalated { question }));
        wants
    }

    fn take_offer(&mut self, offer: &str) -> Vec<Want> {
        let offers = self.offers();
        if !offers.iter().any(|one| one == offer) {
            let why = if offers.is_empty() {
                "nothing has failed here"
            } else {
                "that is not offered here"
            };
            return vec![bad(why)];
        }
        let why = self.failure().map_or_else(|| self.fired().join("; "), str::to_owned);
        let goto = match offer {
            ESCALATE => Goto::Escalate,
            section => Goto::Section(section.to_owned()),
        };
        let mut wants = vec![self.record(Kind::Answer, json!({ "offer": offer, "failed": why }))];
        wants.extend(self.take(Status::Failed { why }, goto));
        wants
    }
}

/// Says why nothing happened.
pub(super) fn bad(text: impl Into<String>) -> Want {
    Want::Say(Tone::Bad, text.into())
}
