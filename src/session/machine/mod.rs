//! The one machine behind the console, the line mode and the headless commands:
//! `update(Event) -> Vec<Effect>`, without keys, widgets, clock or world.

mod acts;
mod plans;
mod second;

pub use second::Second;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::domain::baseline::Baseline;
use crate::domain::journal::{Entry, Kind, Record};
use crate::domain::plan::Confirmed;
use crate::domain::runbook::Runbook;
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::Level;

use super::acting::Acting;
use super::confirm::{Origin, Pending};
use super::effect::{Effect, Event, Request, Ticket, Tone};
use super::vitals::Fired;
use super::walk::{End, Move, Place, Walk, Want};

/// A runbook that was found, read and allowed, with what its first record says.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    /// The runbook, frozen from here on.
    pub book: Runbook,
    /// The runbooks that it may call, frozen with it, by their names.
    pub called: BTreeMap<String, Runbook>,
    /// Where it is walked.
    pub place: Place,
    /// The first record's data: runbook, its hash and text, target.
    pub facts: serde_json::Value,
    /// The run that goes on; `None`: a new one begins.
    pub again: Option<Again>,
}

/// A run that was interrupted.
#[derive(Clone, Debug, PartialEq)]
pub struct Again {
    /// Its name.
    pub run: String,
    /// What was recorded of it, every act resolved.
    pub records: Vec<Record>,
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
    opening: Option<Box<Walk>>,
    walk: Option<Box<Walk>>,
    asked: Option<Asked>,
    pending: Option<Pending>,
    /// A step's act that got its yes while its gates are read once more.
    held: Option<(Confirmed, Origin)>,
    acting: Vec<Acting>,
    procedure: Option<Request>,
    probing: Option<Ticket>,
    /// The plan that is made for a second person.
    sketch: Option<Ticket>,
    tickets: Ticket,
    acts: u32,
    now: Option<DateTime<Utc>>,
    unrecorded: Option<String>,
    /// The run was handed over: it is let go of once none of its acts runs here.
    releasing: bool,
    /// The end of a run whose last act still runs: it is recorded after the act's.
    closing: Option<Entry>,
    /// An act of no runbook that waits for a second person.
    second: Option<Second>,
    /// What needs no second person any more: a request that is no signal, and signals beside it.
    cleared: Vec<second::Cleared>,
    /// Nothing is recorded: plans are only shown.
    only_plans: bool,
    /// What went wrong last left something behind, and nothing was done since.
    fallen: bool,
    /// How the last act failed and what is next; nothing after one that was done.
    fell: Option<String>,
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
        self.walk.as_deref()
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
        !self.acting.is_empty() || self.walk.as_deref().is_some_and(|walk| walk.end().is_none())
    }

    /// Returns true if the last migration, or the last run, went wrong and may have left
    /// something behind: the way back is what leads on.
    #[must_use]
    pub fn is_fallen(&self) -> bool {
        self.fallen
    }

    /// Returns how the last act on the database failed and what is next: what a decision about
    /// the way on stands on.
    #[must_use]
    pub fn fell(&self) -> Option<&str> {
        self.fell.as_deref()
    }

    /// Begins to walk a runbook: its journal is opened first, and nothing happens without it.
    pub fn walk_begins(&mut self, begin: Begin) -> Vec<Effect> {
        let walks = self.walk.as_deref().is_some_and(|walk| walk.end().is_none());
        if walks || self.opening.is_some() {
            return vec![say(Tone::Bad, "a runbook is being walked already: abandon it first")];
        }
        if let Some(why) = &self.unrecorded {
            return vec![say(
                Tone::Bad,
                format!("the run is not begun, because nothing can be recorded: {why}"),
            )];
        }
        if self.closing.is_some() {
            let why = "the last run's act still runs: wait for its end, or cancel it";
            return vec![say(Tone::Bad, why)];
        }
        match begin.again {
            None => {
                let walk = Walk::new(begin.book, begin.place);
                self.opening = Some(Box::new(walk.calling(begin.called)));
                vec![Effect::Open(begin.facts)]
            }
            Some(again) => {
                let names = again.records.iter().filter_map(|record| record.act.as_deref());
                let last = names.filter_map(|act| act.strip_prefix('a')?.parse().ok()).max();
                self.acts = self.acts.max(last.unwrap_or(0));
                let (run, records) = (again.run, again.records);
                let walk = Walk::resume(begin.book, begin.called, begin.place, &records);
                self.goes_on(walk, run)
            }
        }
    }

    /// Goes on with a run that was interrupted. Its acts keep their names: a new one gets
    /// the next.
    fn goes_on(&mut self, walk: Result<Walk, String>, run: String) -> Vec<Effect> {
        match walk {
            Ok(walk) => {
                self.opening = Some(Box::new(walk));
                vec![Effect::Reopen(run)]
            }
            Err(why) => vec![say(Tone::Bad, format!("the run cannot go on: {why}"))],
        }
    }

    /// Takes one event and returns what has to be done, in this order.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Asked(request) => {
                self.forgets_cleared(&request);
                self.asked(request, Origin::Operator)
            }
            Event::Alone(reason) => self.alone(&reason),
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
            Event::Approved(record) => match self.second_approved(&record) {
                Some(effects) => effects,
                None => self.walking(|walk| walk.noticed(&record)),
            },
            Event::Measured(baseline) => self.measured(*baseline),
            Event::Fired(fired) => self.fired(fired),
            Event::Released(run) => self.released(&run),
            Event::Edited(file) => self.edited(&file),
            Event::PutAside { triggers, reason } => self.put_aside(triggers, &reason),
            Event::RecordFailed(why) => self.record_failed(why),
            Event::Ticked(now) => self.ticked(now),
        }
    }

    /// Says and records that the runbook's file has changed: the run goes on as it began.
    fn edited(&self, file: &str) -> Vec<Effect> {
        if self.walk.as_deref().is_none_or(|walk| walk.end().is_some()) {
            return Vec::new();
        }
        let text = format!(
            "{file} has changed since the run began: the run goes on with what was allowed then"
        );
        let text = Untrusted::new(text).one_line();
        let note = Entry::new(Kind::Note, json!({ "text": text }));
        vec![Effect::Record(note), say(Tone::Bad, text)]
    }

    fn moved(&mut self, step: Move) -> Vec<Effect> {
        if self.walk.is_none() {
            return vec![say(Tone::Plain, "no runbook is being walked")];
        }
        if self.releasing {
            return vec![say(Tone::Bad, "the run is handed over: whoever resumes it goes on")];
        }
        if let (Some(why), false) = (&self.unrecorded, matches!(step, Move::Abandon(_))) {
            return vec![say(Tone::Bad, format!("not done, because it cannot be recorded: {why}"))];
        }
        let mut effects = self.walking(|walk| walk.moved(step));
        if self.walk.as_deref().is_some_and(Walk::is_paused) {
            self.withdraw();
        }
        if effects.iter().any(is_handover) {
            effects.extend(self.steps_try_no_more("not tried again: the run is handed over"));
            // After that, or the act that waited lets go of the run, too.
            self.releasing = true;
        }
        effects.extend(self.lets_go_of_run());
        effects
    }

    /// Lets go of a run that was handed over, once: an act that runs is waited for, since its
    /// end belongs into the run.
    pub(super) fn lets_go_of_run(&mut self) -> Option<Effect> {
        let walks = self.walk.as_deref().is_some_and(|walk| walk.end().is_none());
        (self.releasing && walks && self.acting.is_empty()).then_some(Effect::Release)
    }

    /// The run is another console's now.
    fn released(&mut self, run: &str) -> Vec<Effect> {
        if self.run.as_deref() != Some(run) {
            return Vec::new();
        }
        self.walk = None;
        self.run = None;
        self.releasing = false;
        self.asked = None;
        self.pending = None;
        vec![say(Tone::Good, format!("handed over; `lockkeeper resume {run}` takes it up"))]
    }

    /// Shows a run that somebody else executes, and its acts that are under way.
    pub fn follows(&mut self, run: &str, walk: Option<Box<Walk>>, acting: Vec<Acting>) {
        self.run = Some(run.to_owned());
        self.walk = walk;
        self.acting = acting;
    }

    fn opened(&mut self, result: Result<String, String>) -> Vec<Effect> {
        let Some(mut walk) = self.opening.take() else { return Vec::new() };
        match result {
            Ok(run) => {
                walk.opened(&run);
                self.run = Some(run);
                self.walk = Some(walk);
                self.fallen = false;
                self.probing = None;
                self.walking(Walk::begin)
            }
            Err(why) => vec![say(Tone::Bad, format!("the run was not begun: {why}"))],
        }
    }

    /// Lets the walk move and turns what it wants into effects.
    fn walking(&mut self, step: impl FnOnce(&mut Walk) -> Vec<Want>) -> Vec<Effect> {
        let Some(walk) = self.walk.as_deref_mut() else { return Vec::new() };
        walk.clock(self.now);
        let was_over = walk.end().is_some();
        let wants = step(walk);
        let is_over = walk.end().is_some() && !was_over;
        let holds = walk.holds_a_yes();
        let mut effects: Vec<Effect> = wants.into_iter().flat_map(|want| self.want(want)).collect();
        if !holds {
            // The yes was for that moment: nobody may find it later.
            self.held = None;
        }
        if is_over {
            effects.extend(self.let_go());
            effects.extend(self.gave_up());
        }
        effects
    }

    /// Says of a run that was given up what it leaves, and that there is a way back.
    fn gave_up(&mut self) -> Option<Effect> {
        let walk = self.walk.as_deref()?;
        let how = match walk.end()? {
            End::Completed => return None,
            End::Abandoned { .. } => "is abandoned",
            End::Escalated { .. } => "goes to a person",
        };
        let left = match (walk.failure(), walk.steps_acted()) {
            (Some(why), _) => format!("its step {} failed: {why}", walk.current().id),
            (None, 0) => "nothing was done in it".to_owned(),
            (None, 1) => "1 step of it was done, and stays".to_owned(),
            (None, steps) => format!("{steps} steps of it were done, and stay"),
        };
        self.fallen = walk.failure().is_some() || walk.steps_acted() > 0;
        let text = format!("the run {} {how}: {left}", walk.book().id);
        Some(say(Tone::Offer, Untrusted::new(text).one_line()))
    }

    /// Records the time before the run, and holds the runbook's triggers against it.
    fn measured(&mut self, baseline: Baseline) -> Vec<Effect> {
        let data =
            serde_json::to_value(&baseline).expect("a baseline holds nothing that JSON lacks");
        if let Some(walk) = self.walk.as_deref_mut() {
            walk.measured(baseline);
        }
        vec![Effect::Record(Entry::new(Kind::Baseline, data))]
    }

    /// Records each trigger that has begun to fire, and offers the way back; never more.
    fn fired(&mut self, fired: Vec<Fired>) -> Vec<Effect> {
        let record = |one: &Fired| {
            let data = json!({ "trigger": one.trigger, "says": one.says, "offer": "rollback" });
            Effect::Record(Entry::new(Kind::Trigger, data))
        };
        let is_recorded = self.unrecorded.is_none();
        let mut effects: Vec<Effect> = fired.iter().filter(|_| is_recorded).map(record).collect();
        // An estimate stands on the screen, and does not talk over what was said last.
        let pressing = fired.into_iter().filter(|one| one.level == Level::Alarm);
        let says: Vec<String> = pressing.map(|one| one.says).collect();
        if !says.is_empty() {
            effects.push(say(Tone::Offer, says.join("; ")));
        }
        effects
    }

    /// Puts the offer of the triggers that fire aside: recorded, and told no more until they
    /// were calm.
    fn put_aside(&mut self, mut triggers: Vec<String>, reason: &str) -> Vec<Effect> {
        let reason = reason.trim();
        if let Some(why) = &self.unrecorded {
            return vec![say(Tone::Bad, format!("not done, because it cannot be recorded: {why}"))];
        }
        if reason.is_empty() {
            return vec![say(Tone::Bad, "say why the offer is put aside: the report needs it")];
        }
        let walk = self.walk.as_deref_mut().filter(|walk| walk.end().is_none());
        let own = walk.map(|walk| walk.put_aside(reason)).unwrap_or_default();
        triggers.extend(own);
        triggers.sort_unstable();
        triggers.dedup();
        if triggers.is_empty() {
            return vec![say(
                Tone::Plain,
                "no trigger offers anything: there is nothing to put aside",
            )];
        }
        let told = format!("put aside until calm: {}", triggers.join(", "));
        let entry = Entry::new(Kind::Trigger, json!({ "aside": triggers, "reason": reason }));
        vec![Effect::Record(entry), say(Tone::Plain, told)]
    }

    /// Closes the run, or notes that it is over while its last act still runs: what became of
    /// that belongs into the run too.
    fn close(&mut self, entry: Entry) -> Vec<Effect> {
        let runs = |acting: &Acting| acting.step().is_some() && acting.retry_due().is_none();
        if !self.acting.iter().any(runs) {
            return vec![Effect::Close(entry)];
        }
        let over = Entry::new(Kind::Stop, json!({ "how": "end", "end": entry.data }));
        self.closing = Some(entry);
        vec![Effect::Record(over)]
    }

    fn want(&mut self, want: Want) -> Vec<Effect> {
        match want {
            Want::Probe(probes) => {
                self.tickets += 1;
                self.probing = Some(self.tickets);
                vec![Effect::Probe(self.tickets, probes)]
            }
            Want::Preview { step, request } => match self.refusal(&request) {
                Some(why) => {
                    let mut effects = self.walking(Walk::dismissed);
                    effects.push(say(Tone::Bad, why));
                    effects
                }
                None => self.asked(request, Origin::Step(step)),
            },
            Want::Sketch(request) => {
                self.tickets += 1;
                self.sketch = Some(self.tickets);
                vec![Effect::Sketch(self.tickets, request)]
            }
            Want::Perform => match self.held.take() {
                Some((confirmed, origin)) => self.perform(confirmed, origin),
                None => Vec::new(),
            },
            Want::Record(entry) => vec![Effect::Record(entry)],
            Want::Close(entry) => self.close(entry),
            Want::Say(tone, text) => vec![say(tone, text)],
        }
    }
}

fn is_handover(effect: &Effect) -> bool {
    matches!(effect, Effect::Record(entry)
        if entry.kind == Kind::Lease && entry.data["handover"].is_object())
}

fn say(tone: Tone, text: impl Into<String>) -> Effect {
    Effect::Say(tone, text.into())
}
