//! A second person for an act that no runbook asks for: its plan is recorded and waits; an
//! approval counts for exactly that plan, which is made anew before anybody can say yes to it.

use serde_json::json;

use crate::domain::approval::{Approval, Awaited, Subject, same_person};
use crate::domain::journal::{Entry, Kind, Record};
use crate::domain::plan::{Hash, Plan};
use crate::session::confirm::Origin;
use crate::session::effect::{Effect, Request, Tone};

use super::plans::is_signal;
use super::{Session, say};

/// In what role somebody approves where no runbook names one.
const ROLE: &str = "second person";

/// What a reason stands in for.
const DENIED: &str = "approved by a second person";

/// An act that waits for a second person.
#[derive(Debug)]
pub struct Second {
    request: Request,
    plan: Box<Plan>,
    awaited: Awaited,
    given: Vec<Approval>,
}

impl Second {
    /// Returns the plan that waits.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns how many have to approve it, and how many have.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        (self.awaited.needed, self.given.len())
    }
}

/// What may be shown without a second person (any more).
#[derive(Debug)]
pub(super) struct Cleared {
    request: Request,
    /// The plan that it was said of; `None` once that was shown: a procedure is approved with
    /// its first act.
    plan: Option<Hash>,
}

impl Session {
    /// Returns the act that waits for a second person.
    #[must_use]
    pub fn second(&self) -> Option<&Second> {
        self.second.as_ref()
    }

    /// Only plans from now on: nothing is recorded, and nobody is waited for.
    pub fn only_plans(&mut self) {
        self.only_plans = true;
    }

    /// Returns true if the plan of a person's own request may be shown for their yes.
    pub(super) fn is_cleared(&mut self, request: &Request, plan: &Plan) -> bool {
        if plan.approvals == 0 || self.only_plans {
            return true;
        }
        let cleared = self.cleared.iter_mut().find(|cleared| cleared.request == *request);
        let Some(cleared) = cleared else { return false };
        cleared.plan.take().is_none_or(|hash| hash == plan.hash())
    }

    /// Forgets what needed no second person, since something else is asked for. A signal is
    /// beside what runs: the procedure that goes on after it is approved still.
    pub(super) fn forgets_cleared(&mut self, request: &Request) {
        let is_beside = is_signal(request);
        self.cleared.retain(|cleared| is_beside && cleared.request != *request);
    }

    /// Records what waits, and waits.
    pub(super) fn awaits_second(&mut self, request: Request, plan: Box<Plan>) -> Vec<Effect> {
        let hash = plan.hash().to_string();
        let known = self.cleared.iter().position(|cleared| cleared.request == request);
        let changed = known.map(|at| self.cleared.swap_remove(at)).is_some();
        let why = format!("policy asks for a second person for what is {}", plan.risk.word());
        let awaited = Awaited {
            role: ROLE.to_owned(),
            subject: Subject { step: None, plan: Some(hash.clone()) },
            needed: usize::try_from(plan.approvals).unwrap_or(usize::MAX),
            title: plan.preview.title.clone(),
            plan: Some(plan.clone()),
            why: Some(why.clone()),
            evidence: Vec::new(),
        };
        let data = serde_json::to_value(&awaited).expect("what waits holds nothing JSON lacks");
        let entry = Entry { plan: Some(hash), ..Entry::new(Kind::Awaits, data) };
        self.second = Some(Second { request, plan, awaited, given: Vec::new() });
        let says = if changed {
            "the plan is another one than was approved: that approval does not count".to_owned()
        } else {
            format!("{why}: `lockkeeper approve` in their terminal")
        };
        vec![Effect::Await(entry), say(Tone::Bad, says)]
    }

    /// Takes an approval that somebody has recorded; `None`: none of ours waits for it.
    pub(super) fn second_approved(&mut self, record: &Record) -> Option<Vec<Effect>> {
        let second = self.second.as_mut()?;
        let approval: Approval = serde_json::from_value(record.data.clone()).ok()?;
        if approval.subject != second.awaited.subject {
            return None;
        }
        if second.given.iter().any(|one| same_person(&one.by, &approval.by)) {
            return Some(Vec::new());
        }
        let says = format!("approved by {}", approval.words());
        second.given.push(approval);
        let mut effects = vec![say(Tone::Good, says)];
        if second.given.len() >= second.awaited.needed {
            effects.extend(self.clears_second());
        }
        Some(effects)
    }

    /// Goes on without a second person, for a reason that the report shows in red.
    pub(super) fn alone(&mut self, reason: &str) -> Vec<Effect> {
        let reason = reason.trim();
        let Some(second) = &self.second else { return Vec::new() };
        if reason.is_empty() {
            return vec![say(Tone::Bad, "say why nobody approves: the report shows it in red")];
        }
        let data = json!({ "reason": reason, "denied": [DENIED], "title": second.awaited.title });
        let plan = second.awaited.subject.plan.clone();
        let entry = Entry { plan, ..Entry::new(Kind::Override, data) };
        let mut effects = vec![Effect::Record(entry)];
        effects.extend(self.clears_second());
        effects
    }

    /// Leaves what waits; nothing of it is run.
    pub(super) fn leaves_second(&mut self) -> Option<Vec<Effect>> {
        let second = self.second.take()?;
        let reason = format!("left before it was approved: {}", second.awaited.title);
        let entry = Entry {
            plan: second.awaited.subject.plan,
            ..Entry::new(Kind::Skip, json!({ "reason": reason }))
        };
        self.procedure = None;
        Some(vec![Effect::Record(entry), say(Tone::Plain, "left: nothing was run")])
    }

    /// Plans it anew: only if the plan is still the same it is shown for the yes.
    fn clears_second(&mut self) -> Vec<Effect> {
        let Some(second) = self.second.take() else { return Vec::new() };
        let request = second.request;
        let plan = Some(second.plan.hash());
        self.cleared.push(Cleared { request: request.clone(), plan });
        self.asked(request, Origin::Operator)
    }
}
