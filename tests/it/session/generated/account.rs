//! The second account: what was fed, answered and recorded, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use lockkeeper::domain::evidence::{Probe, Reading};
use lockkeeper::domain::journal::{Entry, Kind};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Answer, Confirmed, Hash, Need};
use lockkeeper::session::effect::{Effect, Event, Previewed, Request, Ticket};
use lockkeeper::session::walk::{Move, Phase, Purpose};

use super::super::driver::{Driven, Find, plan_of};
use super::super::{at, migration};
use super::books::{Book, Gate, Is, Rule};
use lockkeeper::domain::plan::{Direction, Risk};

/// What one probe comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fed {
    Good,
    Bad,
    Unknown,
    /// Good, and read long ago.
    Old,
    /// It never comes back, and neither does what was asked for after it.
    Missing,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Happens {
    LeadsOn,
    /// What was asked for comes back, probe by probe.
    Reads(Vec<Fed>),
    /// What was asked for before the last comes back.
    ReadsLate,
    Plans(u8),
    Answers(u8),
    Leaves,
    Ends(Ending),
    Moves(Move),
    Ticks(i64),
}

/// A step, and the hash of the plan of its act.
type Subject = (Option<String>, Option<String>);

/// How a rule stands: what a typed reason was given for.
type Stands = (Rule, Fed);

/// The account.
pub struct Account {
    driven: Driven,
    book: Book,
    asked: Option<(Ticket, Request)>,
    sketch: Option<(Ticket, Request)>,
    fed: BTreeMap<String, Fed>,
    word: Option<String>,
    /// What waits for a second person, as it was recorded last, and what they have approved:
    /// a step and the hash of its plan.
    awaited: Option<Subject>,
    approved: BTreeSet<Subject>,
    /// Who has approved runs it from here on.
    handed: bool,
    /// The plan that was made last, for which step.
    planned: Option<Subject>,
    /// The steps whose act goes on without an approval, for a reason.
    waived: BTreeSet<String>,
    /// The plans of the acts that were done in the step that was reached last.
    done: Vec<Subject>,
    denied: BTreeSet<Stands>,
    overridden: BTreeSet<Stands>,
    yes: Option<Hash>,
    running: Option<(String, Confirmed)>,
    acts: BTreeSet<String>,
    over: bool,
}

impl Account {
    /// Begins to walk the book.
    pub fn walking(book: Book) -> Self {
        Self {
            driven: Driven::walking(super::super::book(&book.text())),
            book,
            asked: None,
            sketch: None,
            fed: BTreeMap::new(),
            word: None,
            awaited: None,
            approved: BTreeSet::new(),
            handed: false,
            planned: None,
            waived: BTreeSet::new(),
            done: Vec::new(),
            denied: BTreeSet::new(),
            overridden: BTreeSet::new(),
            yes: None,
            running: None,
            acts: BTreeSet::new(),
            over: false,
        }
    }

    /// Lets it happen, and judges what is wanted then.
    pub fn happen(&mut self, what: &Happens) {
        let Some(event) = self.event(what) else { return };
        self.note(&event);
        let skips = matches!(event, Event::Moved(Move::Skip(_)));
        let reason = match &event {
            Event::Moved(Move::Override(reason)) => !reason.trim().is_empty(),
            _ => false,
        };
        let was_over = self.over;
        let effects = self.driven.session.update(event);
        for effect in effects {
            self.judge(effect, skips, reason, was_over);
        }
        self.over = self.driven.walk().end().is_some();
        if let (Phase::Denied { overridable, .. }, false) = (self.driven.phase(), self.over) {
            let overridable = *overridable;
            self.denied = self.denials();
            let stands = self.driven.phase();
            let denied = !self.denied.is_empty() || self.another_plan();
            assert!(denied, "denied for nothing by this account: {stands:?}");
            let pinned = self.denied.iter().any(|(rule, _)| *rule == Rule::Pinned);
            assert_eq!(overridable, !pinned, "only the identity is never overridden here");
        }
        self.liveness();
    }

    fn event(&mut self, what: &Happens) -> Option<Event> {
        Some(match what {
            Happens::LeadsOn => return self.leads_on().and_then(|what| self.event(&what)),
            Happens::Reads(fed) => {
                let (ticket, probes) = self.driven.probing.clone()?;
                Event::Probed(ticket, self.readings(&probes, fed)?)
            }
            Happens::ReadsLate => {
                let (ticket, probes) = self.driven.probing.clone()?;
                let good = self.expectable().then(|| self.driven.readings(&probes, Find::Good))?;
                Event::Probed(ticket.checked_sub(1)?, good)
            }
            Happens::Plans(what) => {
                let sketch = self.sketch.take();
                let is_sketch = sketch.is_some();
                let (ticket, request) = sketch.or_else(|| self.asked.clone())?;
                let planned = planned(*what, &request);
                let counts = !is_sketch && self.driven.session.is_planning();
                if let (Previewed::Plan(plan), true) = (&planned, counts) {
                    let step = self.driven.step().to_owned();
                    self.planned = Some((Some(step), Some(plan.hash().to_string())));
                }
                Event::Previewed(ticket, planned)
            }
            Happens::Answers(how) => {
                let pending = self.driven.session.pending()?;
                Event::Answered(answer(*how, pending.hash(), &pending.need()))
            }
            Happens::Leaves => Event::Dismissed,
            Happens::Ends(ending) => {
                let (act, confirmed) = self.running.take()?;
                let outcome = Outcome::new(*ending, "as it happens");
                Event::Performed { act, outcome, confirmed: Some(confirmed) }
            }
            Happens::Moves(step) => Event::Moved(step.clone()),
            Happens::Ticks(seconds) => {
                self.driven.seconds += seconds;
                Event::Ticked(at(self.driven.seconds))
            }
        })
    }

    /// What a step expects is known while it probes, and of no other step.
    fn expectable(&self) -> bool {
        matches!(self.driven.phase(), Phase::Probing(_) | Phase::Watching)
    }

    fn readings(&self, probes: &[Probe], fed: &[Fed]) -> Option<Vec<Reading>> {
        if !self.expectable() {
            return None;
        }
        let mut readings = Vec::new();
        for (probe, fed) in probes.iter().zip(fed.iter().cycle()) {
            let find = match fed {
                Fed::Good | Fed::Old => Find::Good,
                Fed::Bad => Find::Bad,
                Fed::Unknown => Find::Unknown,
                Fed::Missing => break,
            };
            let mut reading = self.driven.readings(std::slice::from_ref(probe), find).remove(0);
            if *fed == Fed::Old {
                reading.at -= TimeDelta::hours(2);
            }
            readings.push(reading);
        }
        Some(readings)
    }

    fn leads_on(&self) -> Option<Happens> {
        let session = &self.driven.session;
        if session.pending().is_some() {
            return Some(Happens::Answers(5));
        }
        if self.sketch.is_some() || session.is_planning() {
            return Some(Happens::Plans(2));
        }
        if self.running.is_some() {
            return Some(Happens::Ends(Ending::Done));
        }
        let good = || Happens::Reads(vec![Fed::Good]);
        Some(match self.driven.phase() {
            _ if self.over => return None,
            Phase::Notice => Happens::Moves(Move::Continue),
            Phase::Probing(_) => good(),
            Phase::Watching if self.driven.is_asked() => good(),
            Phase::Watching => Happens::Ticks(60),
            Phase::Held => Happens::Moves(Move::Pause),
            Phase::Doing | Phase::Asking => Happens::Moves(Move::Give("yes".into())),
            Phase::Approving => Happens::Moves(Move::Approve("lee".into())),
            Phase::Deciding => {
                Happens::Moves(Move::Choose { answer: "a0".into(), reason: Some("so".into()) })
            }
            Phase::Acting => Happens::Ticks(60),
            _ => Happens::Moves(Move::Run),
        })
    }

    /// Keeps what an event tells.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Probed(ticket, readings) => {
                let Some((asked, probes)) = self.driven.probing.clone() else { return };
                if asked == *ticket {
                    self.fed = probes.iter().map(|probe| (probe.label(), Fed::Missing)).collect();
                    for (probe, reading) in probes.iter().zip(readings) {
                        self.fed.insert(probe.label(), self.fed_by(probe, reading));
                    }
                    self.driven.probing = None;
                }
            }
            Event::Answered(answer) => {
                let Some(pending) = self.driven.session.pending() else { return };
                if is_right(pending.hash(), &pending.need(), answer) {
                    self.yes = Some(pending.hash().clone());
                }
            }
            // Whatever asks the gates anew forgets what was let through.
            Event::Moved(Move::Run) if !self.driven.walk().is_paused() => {
                let asks = matches!(
                    self.driven.phase(),
                    Phase::Ready | Phase::Denied { .. } | Phase::Failed { may_retry: true, .. }
                );
                if asks {
                    self.overridden.clear();
                }
            }
            Event::Performed { outcome, confirmed, .. } => {
                self.overridden.clear();
                if let (Ending::Done, Some(confirmed)) = (outcome.ending, confirmed) {
                    let step = self.driven.step().to_owned();
                    self.done.push((Some(step), Some(confirmed.hash().to_string())));
                }
            }
            _ => {}
        }
    }

    /// Returns what a reading was fed as.
    fn fed_by(&self, probe: &Probe, reading: &Reading) -> Fed {
        if reading.value.is_unknown() {
            return Fed::Unknown;
        }
        let good = self.driven.readings(std::slice::from_ref(probe), Find::Good).remove(0);
        match (good.value == reading.value, reading.at < at(self.driven.seconds)) {
            (true, false) => Fed::Good,
            (true, true) => Fed::Old,
            (false, _) => Fed::Bad,
        }
    }

    /// Returns how a rule stands by this account; `None`: it holds.
    fn stands(&self, rule: Rule) -> Option<Stands> {
        let fed = match rule {
            Rule::Said => match self.word.as_deref() {
                Some("yes") => Fed::Good,
                Some(_) => Fed::Bad,
                None => Fed::Unknown,
            },
            Rule::Approved if self.is_approved() => Fed::Good,
            Rule::Approved => Fed::Bad,
            rule => {
                let label = rule.probe().expect("it asks one");
                self.fed.get(label).copied().unwrap_or(Fed::Missing)
            }
        };
        // What is old or missing is as unknown as what says so.
        let fed = if matches!(fed, Fed::Old | Fed::Missing) { Fed::Unknown } else { fed };
        (fed != Fed::Good).then_some((rule, fed))
    }

    /// Returns true if what waits is of the current step, and a second person approved it.
    fn is_approved(&self) -> bool {
        let of_here = |one: &&Subject| one.0.as_deref() == Some(self.driven.step());
        self.awaited.as_ref().filter(of_here).is_some_and(|one| self.stood_for(one))
    }

    /// Returns true if a second person, who does not run it now, has approved this.
    fn stood_for(&self, one: &Subject) -> bool {
        !self.handed && self.approved.contains(one)
    }

    /// Returns true if only another plan of the current step's act was approved than the one
    /// that was made last. A procedure is approved with the first of its acts that has to be.
    fn another_plan(&self) -> bool {
        let here = self.driven.step();
        let Some(planned) = self.planned.as_ref().filter(|one| one.0.as_deref() == Some(here))
        else {
            return false;
        };
        let approved = self.approved.iter().any(|one| one.0 == planned.0);
        let stands = self.done.iter().chain([planned]).any(|one| self.stood_for(one));
        approved && !stands && !self.waived.contains(here)
    }

    /// Returns what stands against the current act.
    fn denials(&self) -> BTreeSet<Stands> {
        let Some(Is::Act { gates, .. }) = self.book.step(self.driven.step()).map(|step| &step.is)
        else {
            return BTreeSet::new();
        };
        let denies = |gate: &Gate| {
            let against: Vec<Stands> =
                gate.rules.iter().filter_map(|rule| self.stands(*rule)).collect();
            let allowed =
                if gate.all { against.is_empty() } else { against.len() < gate.rules.len() };
            if allowed { Vec::new() } else { against }
        };
        gates.iter().flat_map(|gate| denies(&self.book.gates[*gate])).collect()
    }

    fn judge(&mut self, effect: Effect, skips: bool, reason: bool, was_over: bool) {
        match effect {
            Effect::Perform { act, step, confirmed } => {
                assert!(!skips, "a skip ran the step");
                assert!(!was_over, "it ran after the end");
                self.judge_perform(act, step.as_deref(), confirmed);
            }
            Effect::Preview(ticket, request) => {
                assert!(!skips && !was_over, "planned by a skip, or after the end");
                let against = self.denials();
                assert!(against.is_subset(&self.overridden), "planned against {against:?}");
                self.asked = Some((ticket, request));
            }
            Effect::Sketch(ticket, request) => {
                assert!(!was_over, "planned for a second person after the end");
                self.sketch = Some((ticket, request));
            }
            Effect::Probe(ticket, probes) => {
                assert!(!was_over, "read after the end");
                self.driven.probing = Some((ticket, probes));
            }
            Effect::Record(entry) => self.judge_record(&entry, reason),
            Effect::Close(_) => self.driven.closed += 1,
            _ => {}
        }
        assert!(self.driven.closed <= 1, "closed twice");
    }

    fn judge_perform(&mut self, act: String, step: Option<&str>, confirmed: Confirmed) {
        assert!(!self.driven.walk().is_paused(), "it ran while paused");
        assert!(self.running.is_none(), "two at once");
        if self.acts.insert(act.clone()) {
            assert_eq!(step, Some(self.driven.step()), "another step's act");
            assert_eq!(self.yes.take().as_ref(), Some(confirmed.hash()), "without a yes to it");
            let against = self.denials();
            assert!(against.is_subset(&self.overridden), "it ran against {against:?}");
            assert!(!self.another_plan(), "somebody approved another plan");
        } else {
            assert!(confirmed.attempt() > 1, "run again without another attempt");
        }
        self.running = Some((act, confirmed));
    }

    fn judge_record(&mut self, entry: &Entry, reason: bool) {
        let own = matches!(entry.kind, Kind::Stop | Kind::Note);
        assert!(own || !self.over, "{entry:?} after the end");
        match entry.kind {
            Kind::Override => {
                assert!(reason, "overridden without a reason");
                assert!(self.denied.iter().all(|(rule, _)| *rule != Rule::Pinned));
                self.overridden.clone_from(&self.denied);
                self.waived.extend(entry.data["waives"].as_str().map(str::to_owned));
            }
            Kind::Step => self.done.clear(),
            Kind::Awaits => self.awaited = Some(subject(entry)),
            Kind::Approved => {
                assert_eq!(entry.data["by"], "lee", "who runs it approved it");
                assert_eq!(Some(subject(entry)), self.awaited, "not what waits");
                self.approved.insert(subject(entry));
            }
            Kind::Lease if entry.data["handover"]["to"] == "lee" => self.handed = true,
            Kind::Answer if entry.data["var"] == "word" => {
                self.word = entry.data["value"].as_str().map(str::to_owned);
            }
            Kind::Ended => self.judge_end(entry),
            _ => {}
        }
    }

    /// What passes was found so: unknown, bad and missing pass nothing.
    fn judge_end(&self, entry: &Entry) {
        let id = entry.step.as_deref().expect("a step ended");
        let Some(step) = self.book.step(id) else { return };
        let status = entry.data["status"].as_str().expect("it has one");
        assert!(status != "skipped" || !step.required, "{id} is required and was skipped");
        if status != "passed" {
            return;
        }
        let found = |label: &str| matches!(self.fed.get(label), Some(Fed::Good | Fed::Old));
        match &step.is {
            Is::Check { counted: true } => assert!(found("select 7"), "{id} passed"),
            Is::Check { .. }
            | Is::Manual { verify: true }
            | Is::Act { verify: true, .. }
            | Is::Watch { until: true } => assert!(found("blocked_sessions"), "{id} passed"),
            _ => {}
        }
    }

    /// Nothing is ever stuck: what the walk waits for is under way.
    fn liveness(&self) {
        if self.over {
            return;
        }
        let session = &self.driven.session;
        match self.driven.phase() {
            Phase::Acting => {
                let retries = session.acting().iter().any(|acting| acting.retry_due().is_some());
                let shown = session.pending().is_some() || session.is_planning();
                assert!(shown || retries || self.running.is_some(), "the act waits for nothing");
            }
            Phase::Probing(purpose) => {
                assert!(self.driven.is_asked(), "nothing is read for {purpose:?}");
                let held = *purpose == Purpose::Yes;
                assert!(!held || self.yes.is_some(), "a yes is waited for that nobody gave");
            }
            _ => {}
        }
    }
}

fn planned(what: u8, request: &Request) -> Previewed {
    match (what, request) {
        (0, _) => Previewed::Nothing("nothing is pending".into()),
        (1, Request::Migrate { .. }) => {
            Previewed::Plan(Box::new(migration(2, Direction::Up, Risk::Destructive)))
        }
        (1, _) => Previewed::Impossible("it cannot be read".into()),
        _ => Previewed::Plan(Box::new(plan_of(request))),
    }
}

fn answer(how: u8, hash: &Hash, need: &Need) -> Answer {
    let token = match need {
        Need::Typed(token) => token.clone(),
        Need::Key | Need::Nothing => return key(how, hash),
    };
    match how {
        0 => Answer::Key(hash.clone()),
        1 => Answer::Typed(hash.clone(), String::new()),
        2 => Answer::Typed(hash.clone(), token.to_uppercase()),
        3 => Answer::Typed(hash.clone(), format!(" {token}")),
        4 => Answer::Typed(Hash::new("0000"), token),
        _ => Answer::Typed(hash.clone(), token),
    }
}

fn key(how: u8, hash: &Hash) -> Answer {
    match how {
        0..=2 => Answer::Key(Hash::new("0000")),
        _ => Answer::Key(hash.clone()),
    }
}

fn is_right(hash: &Hash, need: &Need, answer: &Answer) -> bool {
    match answer {
        Answer::Key(named) => named == hash && !matches!(need, Need::Typed(_)),
        Answer::Typed(named, text) => {
            named == hash && matches!(need, Need::Typed(token) if token == text)
        }
        Answer::Script(named) => named == hash,
    }
}

/// Returns to what the record says that an approval is asked for, or given.
fn subject(entry: &Entry) -> Subject {
    let text = |key: &str| entry.data["subject"][key].as_str().map(str::to_owned);
    (text("step"), text("plan"))
}
