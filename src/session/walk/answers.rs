//! What a person gives: the value of a manual item, a variable, an approval.

use serde_json::json;

use crate::domain::evidence::{Claim, Value, Verdict};
use crate::domain::gate::{Approval, approvals_needed, approvers, same_person};
use crate::domain::journal::Kind as Recorded;
use crate::domain::runbook::{Ask, From, Kind, Respond};
use crate::session::pick;

use super::moves::bad;
use super::{Means, Phase, Purpose, Walk, Want};

impl Walk {
    /// Takes the value that the current step asks for.
    pub(super) fn give(&mut self, text: &str) -> Vec<Want> {
        let text = text.trim();
        let again = matches!(self.phase, Phase::CheckFailed { .. }) && self.given.is_some();
        match self.current().kind.clone() {
            Kind::Manual(manual) if self.phase == Phase::Doing || again => {
                self.vouch(manual.respond, text)
            }
            Kind::Ask(ask) if self.phase == Phase::Asking => self.set(&ask, text),
            Kind::Manual(_) if matches!(self.phase, Phase::Probing(_)) => {
                vec![bad("what shows it is being read: wait for it")]
            }
            _ => vec![bad("no value is asked for here")],
        }
    }

    fn vouch(&mut self, respond: Respond, text: &str) -> Vec<Want> {
        if let Err(why) = answers(respond, text) {
            return vec![bad(why)];
        }
        let mut wants = vec![self.record(Recorded::Answer, json!({ "value": text }))];
        self.given = Some(text.to_owned());
        wants.extend(self.ask_vouched());
        wants
    }

    /// Reads what shows that it was done, or passes where nothing could show it.
    pub(super) fn ask_vouched(&mut self) -> Vec<Want> {
        let claims = self.shows();
        if claims.is_empty() {
            let value = self.given.clone().unwrap_or_default();
            return self.pass(Means::Vouched, value);
        }
        let named = claims.into_iter().map(|claim| (claim.name, claim.probe)).collect();
        self.probe(Purpose::Vouched, named)
    }

    fn shows(&self) -> Vec<Claim> {
        match &self.current().kind {
            Kind::Manual(manual) => manual.verify.clone(),
            _ => Vec::new(),
        }
    }

    /// Passes on the value if what was read does not speak against it.
    pub(super) fn vouched(&mut self) -> Vec<Want> {
        self.evidence.clear();
        let (mut wants, mut against, mut worst) = (Vec::new(), Vec::new(), Verdict::Pass);
        for claim in self.shows() {
            let (verdict, want) = self.test(&claim);
            wants.push(want);
            worst = worst.and(verdict);
            if verdict != Verdict::Pass {
                let expected = claim.expect.resolved(self);
                let found = self.found(&claim);
                against.push(format!("{}: found {found}, expected {expected}", claim.name));
            }
        }
        if against.is_empty() {
            let value = self.given.clone().unwrap_or_default();
            wants.extend(self.pass(Means::Vouched, value));
            return wants;
        }
        let given = self.given.as_deref().unwrap_or_default();
        let why = format!("\"{given}\" was said, but {}", against.join("; "));
        self.phase = Phase::CheckFailed { unknown: worst == Verdict::Unknown, why };
        wants
    }

    fn set(&mut self, ask: &Ask, text: &str) -> Vec<Want> {
        let value = match value(&ask.from, text) {
            Ok(value) => value,
            Err(why) => return vec![bad(why)],
        };
        let data = json!({ "var": ask.var, "value": text });
        let mut wants = vec![self.record(Recorded::Answer, data)];
        let shown = value.to_string();
        self.vars.insert(ask.var.clone(), value);
        wants.extend(self.pass(Means::Vouched, shown));
        wants
    }

    /// Takes an approval. Nobody approves what they run themselves.
    pub(super) fn approve(&mut self, name: &str) -> Vec<Want> {
        let (Phase::Approving, Kind::Approve { role }) = (&self.phase, self.current().kind.clone())
        else {
            return vec![bad("no approval is asked for here")];
        };
        let name = name.trim();
        if name.is_empty() {
            return vec![bad("the approver types their name: it is recorded")];
        }
        let handed = self.handed.as_ref().is_some_and(|handed| same_person(name, &handed.to));
        if handed || same_person(name, &self.place.executor) {
            let text = format!("{name} runs this: somebody else has to approve");
            return vec![bad(text)];
        }
        // Where enough have approved before, the same person approves this step too.
        let before = approvers(&role, self);
        if before.contains(&name.to_lowercase()) && before.len() < approvals_needed(self) {
            return vec![bad(format!("{name} has approved already"))];
        }
        let data = json!({ "role": role, "by": name, "verified": false });
        let mut wants = vec![self.record(Recorded::Approved, data)];
        self.approvals.push(Approval { role: role.clone(), by: name.to_owned() });
        let given = approvers(&role, self);
        if given.len() >= approvals_needed(self) {
            let names = given.into_iter().collect::<Vec<_>>().join(", ");
            wants.extend(self.pass(Means::Vouched, format!("{names} (unverified)")));
        }
        wants
    }

    /// Lets the run go on without the approval; the gates go on missing it.
    pub(super) fn override_approval(&mut self, reason: &str) -> Vec<Want> {
        let reason = reason.trim();
        if reason.is_empty() {
            return vec![bad("say why nobody approves: the report shows it in red")];
        }
        let data = json!({ "reason": reason, "denied": ["approved by a second person"] });
        let mut wants = vec![self.record(Recorded::Override, data)];
        wants.extend(self.pass(Means::Overridden, format!("not approved: {reason}")));
        wants
    }
}

/// Returns whether a text is an answer of that form.
fn answers(respond: Respond, text: &str) -> Result<(), String> {
    match respond {
        _ if text.is_empty() => Err("say what came of it: the value is recorded".to_owned()),
        Respond::Count if !text.bytes().all(|b| b.is_ascii_digit()) => {
            Err(format!("{text} is no count: type a number, 0 if there are none"))
        }
        _ => Ok(()),
    }
}

/// Returns the value that a text gives a variable.
fn value(from: &From, text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Err("type a value, or pick one".to_owned());
    }
    match from {
        From::Number => text
            .parse()
            .map(Value::Int)
            .or_else(|_| text.parse().map(Value::Float))
            .map_err(|_| format!("{text} is no number")),
        From::Choice(choices) if !choices.iter().any(|choice| choice == text) => {
            Err(format!("{text} is none of: {}", choices.join(", ")))
        }
        From::Session if pick::session(text).is_none() => {
            Err(format!("{text} names no session: pick it from the list"))
        }
        _ => Ok(Value::Text(text.to_owned())),
    }
}
