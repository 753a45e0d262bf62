//! The one machine behind the console, the line mode and the headless commands:
//! `update(Event) -> Vec<Effect>`, without keys, widgets, clock or world.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::domain::journal::{Entry, Kind};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Answer, Confirmed};
use crate::domain::runbook::Runbook;

use super::acting::Acting;
use super::confirm::{Origin, Pending};
use super::effect::{Effect, Event, Goal, How, Previewed, Request, Ticket, Tone};
use super::walk::{Move, Place, Walk, Want};

/// A runbook that was found, read and allowed, with what its first record says.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    /// The runbook, frozen from here on.
    pub book: Runbook,
    /// Where it is walked.
    pub place: Place,
    /// The first record's data: runbook, its hash and text, target.
    pub facts: serde_json::Value,
}

/// A request that is being planned.
#[derive(Debug)]
struct Asked {
    ticket: Ticket,
    request: Request,
    origin: Origin,
}

/// The state of a session: what is shown, what runs, what is walked.
#[derive(Debug, Default)]
pub struct Session {
    run: Option<String>,
    opening: Option<Walk>,
    walk: Option<Walk>,
    asked: Option<Asked>,
    pending: Option<Pending>,
    acting: Vec<Acting>,
    procedure: Option<Request>,
    probing: Option<Ticket>,
    tickets: Ticket,
    acts: u32,
    now: Option<DateTime<Utc>>,
    unrecorded: Option<String>,
}

impl Session {
    /// Returns the plan that is shown and not answered yet.
    #[must_use]
    pub fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// Returns the acts that run, signals included.
    #[must_use]
    pub fn acting(&self) -> &[Acting] {
        &self.acting
    }

    /// Returns the act that runs as a job, if one does.
    #[must_use]
    pub fn job(&self) -> Option<&Acting> {
        self.acting.iter().find(|acting| !acting.is_signal())
    }

    /// Returns the runbook that is walked, also after its end.
    #[must_use]
    pub fn walk(&self) -> Option<&Walk> {
        self.walk.as_ref()
    }

    /// Returns the id of the run that records.
    #[must_use]
    pub fn run(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// Returns why nothing can be recorded, and so nothing can be started.
    #[must_use]
    pub fn unrecorded(&self) -> Option<&str> {
        self.unrecorded.as_deref()
    }

    /// Returns true while a request is being planned.
    #[must_use]
    pub fn is_planning(&self) -> bool {
        self.asked.is_some()
    }

    /// Returns true while leaving would leave something running or unanswered.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.acting.is_empty() || self.walk.as_ref().is_some_and(|walk| walk.end().is_none())
    }

    /// Begins to walk a runbook: its journal is opened first, and nothing happens without it.
    pub fn walk_begins(&mut self, begin: Begin) -> Vec<Effect> {
        if self.walk.as_ref().is_some_and(|walk| walk.end().is_none()) {
            return vec![say(Tone::Bad, "a runbook is being walked already: abandon it first")];
        }
        self.opening = Some(Walk::new(begin.book, begin.place));
        vec![Effect::Open(begin.facts)]
    }

    /// Takes one event and returns what has to be done, in this order.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Asked(request) => self.asked(request, Origin::Operator),
            Event::Previewed(ticket, previewed) => self.previewed(ticket, previewed),
            Event::Answered(answer) => self.answered(&answer),
            Event::Dismissed => self.dismissed(),
            Event::Performed { act, outcome, confirmed } => {
                self.performed(&act, &outcome, confirmed)
            }
            Event::StopAsked(how) => self.stop_asked(how),
            Event::Moved(step) => self.moved(step),
            Event::Opened(result) => self.opened(result),
            Event::Probed(ticket, readings) => {
                if self.probing != Some(ticket) {
                    return Vec::new();
                }
                self.probing = None;
                self.walking(|walk| walk.probed(readings))
            }
            Event::RecordFailed(why) => self.record_failed(why),
            Event::Ticked(now) => self.ticked(now),
        }
    }

    fn asked(&mut self, request: Request, origin: Origin) -> Vec<Effect> {
        if let Some(reason) = self.refusal(&request) {
            return vec![say(Tone::Bad, reason)];
        }
        self.tickets += 1;
        let ticket = self.tickets;
        self.procedure = None;
        self.asked = Some(Asked { ticket, request: request.clone(), origin });
        vec![Effect::Preview(ticket, request)]
    }

    /// Returns why a request cannot be taken now.
    fn refusal(&self, request: &Request) -> Option<String> {
        if let Some(why) = &self.unrecorded {
            return Some(format!("nothing is started, because nothing can be recorded: {why}"));
        }
        if self.pending.is_some() {
            return Some("answer the plan that is shown first".to_owned());
        }
        let job = self.job().filter(|_| !matches!(request, Request::Signal { .. }))?;
        Some(format!("{} is running: wait for it, or cancel it", job.plan.preview.title))
    }

    fn previewed(&mut self, ticket: Ticket, previewed: Previewed) -> Vec<Effect> {
        let Some(asked) = self.asked.take_if(|asked| asked.ticket == ticket) else {
            return Vec::new();
        };
        match previewed {
            Previewed::Plan(plan) => {
                self.procedure = is_procedure(&asked.request).then(|| asked.request.clone());
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

    fn answered(&mut self, answer: &Answer) -> Vec<Effect> {
        let Some(pending) = self.pending.take() else { return Vec::new() };
        if let Some(why) = self.unrecorded.clone() {
            return vec![say(Tone::Bad, format!("not run, because it cannot be recorded: {why}"))];
        }
        match pending.answer(answer) {
            Ok((confirmed, origin)) => self.perform(confirmed, origin),
            Err((refused, pending)) => {
                self.pending = Some(*pending);
                vec![say(Tone::Bad, refused.to_string())]
            }
        }
    }

    fn perform(&mut self, confirmed: Confirmed, origin: Origin) -> Vec<Effect> {
        self.acts += 1;
        let acting = Acting::new(format!("a{}", self.acts), origin, &confirmed, self.now);
        let effect = Effect::Perform {
            act: acting.act.clone(),
            step: acting.step().map(str::to_owned),
            confirmed,
        };
        self.acting.push(acting);
        vec![effect]
    }

    fn dismissed(&mut self) -> Vec<Effect> {
        let Some(pending) = self.pending.take() else { return Vec::new() };
        self.procedure = None;
        match pending.origin() {
            Origin::Operator => vec![say(Tone::Plain, "left: nothing was run")],
            Origin::Step(_) => self.walking(Walk::dismissed),
        }
    }

    fn performed(
        &mut self,
        act: &str,
        outcome: &Outcome,
        confirmed: Option<Confirmed>,
    ) -> Vec<Effect> {
        let Some(at) = self.acting.iter().position(|acting| acting.act == act) else {
            return Vec::new();
        };
        let may_retry = self.acting[at].step().is_none()
            || self.walk.as_ref().is_some_and(|walk| walk.end().is_none());
        let now = self.now.filter(|_| may_retry);
        if self.acting[at].ended(outcome, confirmed, now) {
            let text = format!("{}: will be tried again", outcome.ending.word());
            return vec![say(Tone::Plain, text), Effect::Refresh];
        }
        self.finished(at, outcome)
    }

    fn finished(&mut self, at: usize, outcome: &Outcome) -> Vec<Effect> {
        let acting = self.acting.remove(at);
        let tone = if outcome.ending == Ending::Done { Tone::Good } else { Tone::Bad };
        let text = describe(&acting, outcome);
        let mut effects = vec![Effect::Refresh, say(tone, text)];
        effects.extend(match &acting.origin {
            Origin::Step(_) => self.walking(|walk| walk.performed(&acting.plan, outcome)),
            Origin::Operator => self.procedure_goes_on(&acting, outcome),
        });
        effects
    }

    /// Plans the next act of an operator's own procedure after one that was done.
    fn procedure_goes_on(&mut self, acting: &Acting, outcome: &Outcome) -> Vec<Effect> {
        match self.procedure.take() {
            Some(next) if outcome.ending == Ending::Done && !acting.is_signal() => {
                self.asked(next, Origin::Operator)
            }
            _ => Vec::new(),
        }
    }

    fn stop_asked(&mut self, how: How) -> Vec<Effect> {
        let Some(at) = self.acting.iter().position(|acting| !acting.is_signal()) else {
            return vec![say(Tone::Plain, "nothing is running that could be stopped")];
        };
        let acting = &mut self.acting[at];
        acting.stop = Some(how);
        let entry = Entry {
            act: Some(acting.act.clone()),
            attempt: Some(acting.attempt),
            ..Entry::new(Kind::Stop, json!({ "how": format!("{how:?}").to_lowercase() }))
        };
        if acting.give_up() {
            let outcome = Outcome::new(Ending::Stopped, "stopped before its next attempt");
            let mut effects = vec![Effect::Record(entry)];
            effects.extend(self.finished(at, &outcome));
            return effects;
        }
        vec![Effect::Record(entry), Effect::Stop(how)]
    }

    fn moved(&mut self, step: Move) -> Vec<Effect> {
        if self.walk.is_none() {
            return vec![say(Tone::Plain, "no runbook is being walked")];
        }
        if matches!(step, Move::Abandon(_)) {
            self.asked = None;
            self.pending.take_if(|pending| pending.origin() != &Origin::Operator);
        }
        self.walking(|walk| walk.moved(step))
    }

    fn opened(&mut self, result: Result<String, String>) -> Vec<Effect> {
        let Some(walk) = self.opening.take() else { return Vec::new() };
        match result {
            Ok(run) => {
                self.run = Some(run);
                self.walk = Some(walk);
                self.walking(Walk::begin)
            }
            Err(why) => vec![say(Tone::Bad, format!("the run was not begun: {why}"))],
        }
    }

    fn record_failed(&mut self, why: String) -> Vec<Effect> {
        self.asked = None;
        self.pending = None;
        self.procedure = None;
        for acting in &mut self.acting {
            acting.give_up();
        }
        let text = format!("nothing more is started, because nothing can be recorded: {why}");
        self.unrecorded = Some(why);
        vec![say(Tone::Bad, text)]
    }

    fn ticked(&mut self, now: DateTime<Utc>) -> Vec<Effect> {
        self.now = Some(now);
        let due = self.acting.iter_mut().find_map(|acting| {
            let confirmed = acting.take_due(now)?;
            let step = acting.step().map(str::to_owned);
            Some(Effect::Perform { act: acting.act.clone(), step, confirmed })
        });
        due.into_iter().collect()
    }

    /// Lets the walk move and turns what it wants into effects.
    fn walking(&mut self, step: impl FnOnce(&mut Walk) -> Vec<Want>) -> Vec<Effect> {
        let Some(walk) = self.walk.as_mut() else { return Vec::new() };
        walk.clock(self.now);
        let wants = step(walk);
        wants.into_iter().flat_map(|want| self.want(want)).collect()
    }

    fn want(&mut self, want: Want) -> Vec<Effect> {
        match want {
            Want::Probe(probes) => {
                self.tickets += 1;
                self.probing = Some(self.tickets);
                vec![Effect::Probe(self.tickets, probes)]
            }
            Want::Preview { step, request } => match self.refusal(&request) {
                Some(why) => self.walking(|walk| walk.impossible(&why)),
                None => self.asked(request, Origin::Step(step)),
            },
            Want::Record(entry) => vec![Effect::Record(entry)],
            Want::Close(entry) => vec![Effect::Close(entry)],
            Want::Say(tone, text) => vec![say(tone, text)],
        }
    }
}

fn is_procedure(request: &Request) -> bool {
    matches!(request, Request::Migrate { goal, .. } if *goal != Goal::One)
}

fn say(tone: Tone, text: impl Into<String>) -> Effect {
    Effect::Say(tone, text.into())
}

/// Returns one line about the end of an act.
fn describe(acting: &Acting, outcome: &Outcome) -> String {
    let title = &acting.plan.preview.title;
    let ending = outcome.ending.word();
    let message = outcome.message.one_line();
    if message.is_empty() {
        format!("{title}: {ending}")
    } else {
        format!("{title}: {ending}. {message}")
    }
}
