//! A second person: the plan that waits for them is made and recorded first, an approval
//! counts for exactly that plan, and before the run goes on the plan is made anew.

use serde_json::json;

use crate::domain::approval::{Approval, Approver, Awaited, Subject, each_once, same_person};
use crate::domain::evidence::{Scope as _, Verdict};
use crate::domain::gate::{Asks, approvals_needed, approvers};
use crate::domain::journal::{Entry, Kind as Recorded, Record};
use crate::domain::plan::{Plan, Risk};
use crate::domain::runbook::{Act, Kind, Step};
use crate::session::effect::{Previewed, Tone};

use super::enter::request;
use super::moves::bad;
use super::{Means, Phase, Walk, Want};

/// In what role somebody approves where no gate and no step names one.
const SECOND: &str = "second person";

impl Walk {
    /// Waits for a second person: what they approve is planned first.
    pub(super) fn await_approval(&mut self) -> Vec<Want> {
        self.phase = Phase::Approving;
        self.sketch()
    }

    /// Asks for the plan that is to be approved, or says that there is none.
    pub(super) fn sketch(&mut self) -> Vec<Want> {
        let Some((step, act)) = self.deed_ahead() else {
            return self.awaits(None, None, Some("no act lies ahead: the step itself".to_owned()));
        };
        match request(&step, &act.action, act.risk, self) {
            Ok(request) => {
                self.sketching = true;
                vec![Want::Sketch(request)]
            }
            Err(why) => self.awaits(Some(step), None, Some(why)),
        }
    }

    /// Returns the act that an approval here is for: the current step's own, else the next
    /// of the section that does more than read.
    fn deed_ahead(&self) -> Option<(String, Act)> {
        let deed = |step: &Step| match &step.kind {
            Kind::Act(act) => Some((self.qualified(&step.id), (**act).clone())),
            _ => None,
        };
        if let Some(own) = deed(self.current()) {
            return Some(own);
        }
        let here = |step: &&Step| step.when.holds(self) != Verdict::Fail;
        let ahead = self.section().steps[self.step..].iter().filter(here).filter_map(deed);
        ahead.into_iter().find(|(_, act)| act.risk > Risk::Read)
    }

    /// The plan was made, or could not be.
    pub(in crate::session) fn sketched(&mut self, previewed: Previewed) -> Vec<Want> {
        self.sketching = false;
        if self.end.is_some() || self.role_awaited().is_none() {
            return Vec::new();
        }
        let ahead = self.deed_ahead();
        let step = ahead.as_ref().map(|(step, _)| step.clone());
        match previewed {
            Previewed::Plan(mut plan) => {
                if let Some((step, act)) = &ahead {
                    self.tells_way_back_of(step, act, &mut plan);
                }
                self.awaits(step, Some(plan), None)
            }
            Previewed::Nothing(why) | Previewed::Impossible(why) => {
                self.awaits(step, None, Some(why))
            }
        }
    }

    /// Returns the role that is waited for now, if one is.
    fn role_awaited(&self) -> Option<String> {
        match (&self.phase, &self.current().kind) {
            (Phase::Approving, Kind::Approve { role }) => Some(role.clone()),
            (Phase::Denied { .. }, Kind::Act(_)) => self.missing.clone(),
            _ => None,
        }
    }

    /// Returns true while what a second person looks at is being planned.
    #[must_use]
    pub fn is_sketching(&self) -> bool {
        self.sketching && self.role_awaited().is_some()
    }

    /// Returns what waits for a second person now.
    #[must_use]
    pub fn awaited(&self) -> Option<&Awaited> {
        self.awaited.as_ref().filter(|_| !self.sketching && self.role_awaited().is_some())
    }

    /// Records what waits, unless that is recorded already, and goes on if it is approved.
    fn awaits(
        &mut self,
        step: Option<String>,
        plan: Option<Box<Plan>>,
        why: Option<String>,
    ) -> Vec<Want> {
        let Some(role) = self.role_awaited() else { return Vec::new() };
        let subject = Subject { step, plan: plan.as_ref().map(|plan| plan.hash().to_string()) };
        let is_same =
            self.awaited.as_ref().is_some_and(|one| one.subject == subject && one.role == role);
        let mut wants = Vec::new();
        if !is_same {
            let voided = self.voided(&subject);
            let awaited = Awaited {
                needed: approvals_needed(self),
                title: self.current().title.clone(),
                evidence: self.read_so_far(),
                role,
                subject,
                plan,
                why,
            };
            wants.push(self.record_awaited(&awaited));
            self.awaited = Some(awaited);
            wants.extend(voided);
        }
        wants.extend(self.if_approved());
        wants
    }

    /// Says so if somebody has approved another plan of the same step.
    fn voided(&self, subject: &Subject) -> Option<Want> {
        let other = |one: &&Approval| one.subject.step == subject.step && one.subject != *subject;
        let by = self.approvals.iter().rev().find(other)?.words();
        Some(bad(format!(
            "{by} approved another plan than the one that there is now: it does not count"
        )))
    }

    fn record_awaited(&self, awaited: &Awaited) -> Want {
        let data = serde_json::to_value(awaited).expect("what waits holds nothing that JSON lacks");
        let entry = Entry::new(Recorded::Awaits, data).at_step(self.here());
        Want::Record(Entry { plan: awaited.subject.plan.clone(), ..entry })
    }

    fn read_so_far(&self) -> Vec<(String, String)> {
        let all = self.readings.iter();
        all.map(|(name, reading)| (name.clone(), reading.value.to_string())).collect()
    }

    /// Returns the approvals that count for what waits, of each person one.
    #[must_use]
    pub fn approved(&self) -> Vec<&Approval> {
        let Some(awaited) = &self.awaited else { return Vec::new() };
        self.of_others(|one| one.subject == awaited.subject && one.role == awaited.role)
    }

    /// Returns the approvals that `counts` lets count, never whoever's who runs this, of each
    /// person one.
    fn of_others(&self, counts: impl Fn(&Approval) -> bool) -> Vec<&Approval> {
        let given = self.approvals.iter().filter(|one| counts(one));
        each_once(given.filter(|one| !self.executor.is(&one.by)))
    }

    /// Returns the approvals that count for a plan of the current step, in whatever role.
    fn given_to(&self, plan: &str) -> Vec<&Approval> {
        let step = Some(self.here());
        self.of_others(|one| one.subject.step == step && one.subject.plan.as_deref() == Some(plan))
    }

    /// Goes on if enough people have approved what waits.
    fn if_approved(&mut self) -> Vec<Want> {
        if self.paused || self.sketching || self.role_awaited().is_none() {
            return Vec::new();
        }
        let given = self.approved();
        if given.len() < approvals_needed(self) {
            return Vec::new();
        }
        let names = given.iter().map(|one| one.words()).collect::<Vec<_>>().join(", ");
        match self.phase {
            Phase::Approving => self.pass(Means::Vouched, names),
            _ => self.ask_gates(),
        }
    }

    /// Takes an approval under a name that was typed here: nobody can tell whether that is so.
    pub(super) fn approve(&mut self, name: &str) -> Vec<Want> {
        if self.sketching {
            return vec![bad("what is to be approved is being planned: a moment")];
        }
        let Some(awaited) = self.awaited().cloned() else {
            return vec![bad("no approval is asked for here")];
        };
        let name = name.trim();
        if name.is_empty() {
            return vec![bad("the approver types their name: it is recorded")];
        }
        let typed = Approver { name: Some(name.to_owned()), ..Approver::default() };
        let known = match typed.judge(&self.executor) {
            Ok(known) => known,
            Err(refused) => return vec![bad(refused.to_string())],
        };
        if self.approved().iter().any(|one| same_person(&one.by, name)) {
            return vec![bad(format!("{name} has approved already"))];
        }
        let Awaited { role, subject, .. } = awaited;
        let approval = Approval { role, by: known.by, verified: known.verified, subject };
        let data = serde_json::to_value(&approval).expect("it holds nothing that JSON lacks");
        let mut wants = vec![self.record(Recorded::Approved, data)];
        self.approvals.push(approval);
        wants.extend(self.if_approved());
        wants
    }

    /// Another process has recorded an approval in this run. What it is given to is planned
    /// once more before the run goes on.
    pub fn noticed(&mut self, record: &Record) -> Vec<Want> {
        let Ok(approval) = serde_json::from_value::<Approval>(record.data.clone()) else {
            return vec![bad("an approval was recorded that cannot be read: it does not count")];
        };
        if self.end.is_some() || self.approvals.contains(&approval) {
            return Vec::new();
        }
        let says = approval.words();
        if self.executor.is(&approval.by) {
            return vec![bad(format!("{says} runs this: the approval does not count"))];
        }
        // Also while its plan is made once more.
        let waits = self.role_awaited().is_some()
            && self.awaited.as_ref().is_some_and(|one| one.subject == approval.subject);
        self.approvals.push(approval);
        if !waits {
            return vec![bad(format!(
                "{says} approved another plan than the one that waits: it does not count"
            ))];
        }
        let mut wants = vec![Want::Say(Tone::Good, format!("approved by {says}"))];
        wants.extend(self.sketch());
        wants
    }

    /// Returns why the plan of the current act does not stand as approved.
    pub(in crate::session) fn unapproved(&self, plan: &Plan) -> Option<String> {
        if self.ending.is_some() || self.waived.contains(&self.here()) {
            // What undoes is no act of the step.
            return None;
        }
        let needed = approvals_needed(self);
        let stands = |plan: &String| self.given_to(plan).len() >= needed;
        // A procedure is approved with the first of its acts that has to be.
        if stands(&plan.hash().to_string()) || self.done.iter().any(stands) {
            return None;
        }
        self.lacks(plan, needed)
    }

    /// Returns what the plan of the current act lacks that too few have approved, if anybody
    /// has to.
    fn lacks(&self, plan: &Plan, needed: usize) -> Option<String> {
        let step = Some(self.here());
        let given = self.given_to(plan.hash().as_str()).len();
        if given > 0 {
            return Some(format!("{given} of {needed} have approved"));
        }
        if let Some(other) = self.of_others(|one| one.subject.step == step).last() {
            return Some(format!("{} approved another plan than this one", other.words()));
        }
        if let Some(own) = self.approvals.iter().rev().find(|one| one.subject.step == step) {
            return Some(format!("approved by {}, who runs it", own.by));
        }
        let asks = plan.approvals > 0 || (plan.risk == Risk::Destructive && self.policy_asks());
        asks.then(|| format!("policy asks for a second person for what is {}", plan.risk.word()))
    }

    /// Stops before the plan of the current act: it waits for a second person.
    pub(in crate::session) fn waits_for_approval(
        &mut self,
        plan: Box<Plan>,
        why: String,
    ) -> Vec<Want> {
        let role = self.approvals.iter().rev().find(|one| one.subject.step == Some(self.here()));
        self.missing = Some(role.map_or_else(|| SECOND.to_owned(), |one| one.role.clone()));
        self.phase = Phase::Denied { reasons: vec![why.clone()], overridable: true };
        let step = Some(self.here());
        let mut wants = vec![bad(format!("{why}: it waits for an approval"))];
        wants.extend(self.awaits(step, Some(plan), Some(why)));
        // A typed reason goes for the gate that misses the same approval, too.
        self.denied = self.ruled();
        wants
    }

    fn policy_asks(&self) -> bool {
        use crate::domain::evidence::{Name, Value};
        let asked = self.value(&Name::Policy("approvals".to_owned()));
        matches!(asked, Some(Value::Int(n)) if n > 0)
    }

    /// Returns the role of the first approval that the gates of the current act miss.
    pub(super) fn role_missing(&self) -> Option<String> {
        use crate::domain::gate::Known;
        let act = self.act()?;
        let gates = act.gates.iter().filter_map(|name| self.book.gates.get(name));
        let mut roles = gates.flat_map(|gate| &gate.rules).filter_map(|rule| match &rule.asks {
            Asks::Approval { role } if rule.counts(self) => Some(role),
            _ => None,
        });
        let few = |role: &&String| {
            approvers(role, &self.executor, &Known::approvals(self)).len() < approvals_needed(self)
        };
        roles.find(few).cloned()
    }

    /// Lets the run go on without the approval; the gates go on missing it.
    pub(super) fn override_approval(&mut self, reason: &str) -> Vec<Want> {
        let reason = reason.trim();
        if reason.is_empty() {
            return vec![bad("say why nobody approves: the report shows it in red")];
        }
        let waives = self.deed_ahead().map(|(step, _)| step);
        let denied = ["approved by a second person"];
        let data = json!({ "reason": reason, "denied": denied, "waives": waives });
        let mut wants = vec![self.record(Recorded::Override, data)];
        self.waived.extend(waives);
        wants.extend(self.pass(Means::Overridden, format!("not approved: {reason}")));
        wants
    }
}
