//! From a request to the one yes that its plan can get.

use crate::domain::plan::Answer;
use crate::session::confirm::{Origin, Pending};
use crate::session::effect::{Effect, Goal, Previewed, Request, Ticket, Tone};
use crate::session::walk::Walk;

use super::{Asked, Session, say};

impl Session {
    pub(super) fn asked(&mut self, request: Request, origin: Origin) -> Vec<Effect> {
        if let Some(reason) = self.refusal(&request) {
            return vec![say(Tone::Bad, reason)];
        }
        if !is_signal(&request) {
            self.procedure = None;
        }
        if origin == Origin::Operator {
            self.withdraw();
        }
        self.tickets += 1;
        let ticket = self.tickets;
        self.asked = Some(Asked { ticket, request: request.clone(), origin });
        vec![Effect::Preview(ticket, request)]
    }

    /// Returns why a request cannot be taken now.
    pub(super) fn refusal(&self, request: &Request) -> Option<String> {
        if let Some(why) = &self.unrecorded {
            return Some(format!("nothing is started, because nothing can be recorded: {why}"));
        }
        if self.pending.is_some() {
            return Some("answer the plan that is shown first".to_owned());
        }
        if self.second.is_some() {
            return Some("an act waits for a second person: leave it first".to_owned());
        }
        if self.held.is_some() && !is_signal(request) {
            return Some("a plan got its yes, and its gates are read once more: wait".to_owned());
        }
        let job = self.job().filter(|_| !is_signal(request))?;
        Some(format!("{} is running: wait for it, or cancel it", job.plan.preview.title))
    }

    pub(super) fn previewed(&mut self, ticket: Ticket, previewed: Previewed) -> Vec<Effect> {
        if self.sketch == Some(ticket) {
            self.sketch = None;
            return self.walking(|walk| walk.sketched(previewed));
        }
        let Some(asked) = self.asked.take_if(|asked| asked.ticket == ticket) else {
            return Vec::new();
        };
        match previewed {
            Previewed::Plan(mut plan) => {
                let is_step = asked.origin != Origin::Operator;
                let walk = self.walk.as_deref().filter(|_| is_step);
                if let Some(walk) = walk {
                    walk.tells_way_back(&mut plan);
                }
                if let Some(why) = walk.and_then(|walk| walk.unapproved(&plan)) {
                    return self.walking(|walk| walk.waits_for_approval(plan, why));
                }
                if !is_step && !self.is_cleared(&asked.request, &plan) {
                    return self.awaits_second(asked.request, plan);
                }
                if asked.origin == Origin::Operator && !is_signal(&asked.request) {
                    self.procedure = Some(asked.request).filter(is_procedure);
                }
                self.pending = Some(Pending::new(*plan, asked.origin));
                Vec::new()
            }
            Previewed::Nothing(why) => match asked.origin {
                Origin::Operator => vec![say(Tone::Plain, why)],
                Origin::Step(_) => self.walking(|walk| walk.goal_reached(&why)),
            },
            Previewed::Impossible(why) => match asked.origin {
                Origin::Operator => vec![say(Tone::Bad, why)],
                Origin::Step(_) => self.walking(|walk| walk.impossible(&why)),
            },
        }
    }

    pub(super) fn answered(&mut self, answer: &Answer) -> Vec<Effect> {
        let Some(pending) = self.pending.take() else { return Vec::new() };
        match pending.answer(answer) {
            Ok((confirmed, Origin::Operator)) => self.perform(confirmed, Origin::Operator),
            Ok((confirmed, origin)) => {
                // The step's gates have the last word.
                self.held = Some((confirmed, origin));
                self.walking(Walk::confirmed)
            }
            Err((refused, pending)) => {
                self.pending = Some(*pending);
                vec![say(Tone::Bad, refused.to_string())]
            }
        }
    }

    pub(super) fn dismissed(&mut self) -> Vec<Effect> {
        let Some(pending) = self.pending.take() else {
            return self.leaves_second().unwrap_or_default();
        };
        if !pending.is_signal() {
            self.procedure = None;
        }
        match pending.origin() {
            Origin::Operator => vec![say(Tone::Plain, "left: nothing was run")],
            Origin::Step(_) => {
                let mut effects = self.walking(Walk::dismissed);
                // Of a procedure others may have run.
                effects.push(say(Tone::Plain, "left: this plan is not run"));
                effects
            }
        }
    }

    /// Takes back what a step has asked for and nobody has confirmed yet; the step stands
    /// where it stood before.
    pub(super) fn withdraw(&mut self) {
        let asked = self.asked.take_if(|asked| asked.origin != Origin::Operator).is_some();
        let shown = self.pending.take_if(|shown| *shown.origin() != Origin::Operator).is_some();
        let held = self.held.take().is_some();
        if let (true, Some(walk)) = (asked || shown || held, &mut self.walk) {
            walk.dismissed();
        }
    }
}

pub(super) fn is_signal(request: &Request) -> bool {
    matches!(request, Request::Signal { .. })
}

fn is_procedure(request: &Request) -> bool {
    matches!(
        request,
        Request::Migrate { goal: Goal::End | Goal::Revision(_), .. } | Request::Restore(_)
    )
}
