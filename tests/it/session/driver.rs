//! A session and the outside that it talks to, as far as tests need one.

use lockkeeper::domain::evidence::{Builtin, Expect, Level, Probe, Reading, Sense, Value, Verdict};
use lockkeeper::domain::gate::Asks;
use lockkeeper::domain::journal::Kind as Recorded;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Answer, Confirmed, Direction, Need, Plan, Risk};
use lockkeeper::domain::runbook::{Kind, Runbook};
use lockkeeper::session::effect::{Effect, Event, Previewed, Request, Ticket, Tone};
use lockkeeper::session::machine::Session;
use lockkeeper::session::walk::{Move, Phase, Status, Walk};

use super::{at, begin, command_plan, migration, signal_plan};

/// What a reading should come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    Good,
    Bad,
    Unknown,
}

/// An act that was started and whose end was not told yet.
#[derive(Debug)]
pub struct Running {
    pub act: String,
    pub confirmed: Confirmed,
}

/// A session, and what it has asked for.
#[derive(Debug, Default)]
pub struct Driven {
    pub session: Session,
    pub seconds: i64,
    /// The request that was asked to be planned last.
    pub asked: Option<(Ticket, Request)>,
    /// The request that was asked to be planned for a second person last.
    pub sketch: Option<(Ticket, Request)>,
    /// The probes that were asked for last.
    pub probing: Option<(Ticket, Vec<Probe>)>,
    pub running: Vec<Running>,
    pub recorded: Vec<Recorded>,
    pub said: Vec<(Tone, String)>,
    pub closed: usize,
    pub performed: usize,
    pub stops: usize,
}

impl Driven {
    pub fn new() -> Self {
        let mut driven = Self::default();
        driven.tick(0);
        driven
    }

    /// Begins to walk `book`; its journal opens.
    pub fn walking(book: Runbook) -> Self {
        let mut driven = Self::new();
        let effects = driven.session.walk_begins(begin(book));
        driven.take(effects);
        driven.event(Event::Opened(Ok("run".into())));
        driven
    }

    /// Feeds an event; returns short words for what it led to, the telling left out.
    pub fn event(&mut self, event: Event) -> Vec<&'static str> {
        let effects = self.session.update(event);
        self.take(effects)
    }

    pub fn take(&mut self, effects: Vec<Effect>) -> Vec<&'static str> {
        effects.into_iter().filter_map(|effect| self.effect(effect)).collect()
    }

    fn effect(&mut self, effect: Effect) -> Option<&'static str> {
        match effect {
            Effect::Preview(ticket, request) => {
                self.asked = Some((ticket, request));
                Some("preview")
            }
            Effect::Sketch(ticket, request) => {
                self.sketch = Some((ticket, request));
                Some("sketch")
            }
            Effect::Release => Some("release"),
            Effect::Perform { act, confirmed, .. } => {
                self.performed += 1;
                self.running.push(Running { act, confirmed });
                Some("perform")
            }
            Effect::Stop(_) => {
                self.stops += 1;
                Some("stop")
            }
            Effect::Await(entry) => {
                self.recorded.push(entry.kind);
                Some("await")
            }
            Effect::Open(_) => Some("open"),
            Effect::Reopen(_) => Some("reopen"),
            Effect::Record(entry) => {
                self.recorded.push(entry.kind);
                None
            }
            Effect::Close(_) => {
                self.closed += 1;
                Some("close")
            }
            Effect::Probe(ticket, probes) => {
                self.probing = Some((ticket, probes));
                Some("probe")
            }
            Effect::Refresh => None,
            Effect::Say(tone, text) => {
                self.said.push((tone, text));
                None
            }
        }
    }

    pub fn walk(&self) -> &Walk {
        self.session.walk().expect("a runbook is walked")
    }

    pub fn step(&self) -> &str {
        &self.walk().current().id
    }

    pub fn phase(&self) -> &Phase {
        self.walk().phase()
    }

    pub fn status(&self, step: &str) -> Option<&Status> {
        self.walk().status(step)
    }

    pub fn said(&self) -> &str {
        self.said.last().map_or("", |(_, text)| text)
    }

    pub fn go(&mut self, step: Move) -> Vec<&'static str> {
        self.event(Event::Moved(step))
    }

    pub fn tick(&mut self, seconds: i64) -> Vec<&'static str> {
        self.seconds += seconds;
        self.event(Event::Ticked(at(self.seconds)))
    }

    /// Answers the last request to plan with `plan`.
    pub fn show(&mut self, plan: Plan) -> Vec<&'static str> {
        let (ticket, _) = self.asked.clone().expect("something is to be planned");
        self.event(Event::Previewed(ticket, Previewed::Plan(Box::new(plan))))
    }

    pub fn nothing_left(&mut self) -> Vec<&'static str> {
        let (ticket, _) = self.asked.clone().expect("something is to be planned");
        self.event(Event::Previewed(ticket, Previewed::Nothing("nothing is pending".into())))
    }

    /// Plans what a second person is to look at.
    pub fn sketched(&mut self) -> Vec<&'static str> {
        let (_, request) = self.sketch.clone().expect("something is to be sketched");
        self.sketched_as(plan_of(&request))
    }

    /// Plans it as `plan`.
    pub fn sketched_as(&mut self, plan: Plan) -> Vec<&'static str> {
        let (ticket, _) = self.sketch.take().expect("something is to be sketched");
        self.event(Event::Previewed(ticket, Previewed::Plan(Box::new(plan))))
    }

    /// Asks for `request` and shows `plan` for it.
    pub fn ask(&mut self, request: Request, plan: Plan) {
        assert_eq!(self.event(Event::Asked(request)), ["preview"]);
        assert_eq!(self.show(plan), [""; 0]);
    }

    /// Returns the answer that the shown plan needs.
    pub fn right_answer(&self) -> Option<Answer> {
        let pending = self.session.pending()?;
        let hash = pending.hash().clone();
        Some(match pending.need() {
            Need::Typed(token) => Answer::Typed(hash, token),
            Need::Key | Need::Nothing => Answer::Key(hash),
        })
    }

    pub fn yes(&mut self) -> Vec<&'static str> {
        let answer = self.right_answer().expect("a plan is shown");
        self.event(Event::Answered(answer))
    }

    /// Ends the running act, the ticket given back.
    pub fn end(&mut self, ending: Ending) -> Vec<&'static str> {
        self.end_saying(ending, "as the test says")
    }

    pub fn end_saying(&mut self, ending: Ending, message: &str) -> Vec<&'static str> {
        self.ends(Outcome::new(ending, message))
    }

    /// Ends the running act with an outcome, the ticket given back.
    pub fn ends(&mut self, outcome: Outcome) -> Vec<&'static str> {
        let Running { act, confirmed, .. } = self.running.pop().expect("an act runs");
        self.event(Event::Performed { act, outcome, confirmed: Some(confirmed) })
    }

    /// Answers the probes that were asked for last.
    pub fn find(&mut self, find: Find) -> Vec<&'static str> {
        let (ticket, probes) = self.probing.clone().expect("probes are asked for");
        let readings = self.readings(&probes, find);
        if *self.phase() == Phase::Watching {
            self.probing = None;
        }
        self.event(Event::Probed(ticket, readings))
    }

    pub fn readings(&self, probes: &[Probe], find: Find) -> Vec<Reading> {
        let value = |probe: &Probe| match find {
            Find::Unknown => Value::unknown("timed out"),
            Find::Good => valued(expectation(self.walk(), probe).as_ref(), Verdict::Pass),
            Find::Bad => valued(expectation(self.walk(), probe).as_ref(), Verdict::Fail),
        };
        let now = at(self.seconds);
        probes.iter().map(|probe| Reading { value: value(probe), at: now }).collect()
    }

    /// Walks on with good readings and right answers to the step of that id.
    pub fn until(&mut self, step: &str) {
        for _ in 0..200 {
            if self.step() == step && !matches!(self.phase(), Phase::Probing(_)) {
                return;
            }
            self.along();
        }
        panic!("{step} was never reached: {} {:?}", self.step(), self.phase());
    }

    /// Does what leads on where the walk stands, the way that goes well.
    pub fn along(&mut self) {
        match self.phase().clone() {
            Phase::Notice => drop(self.go(Move::Continue)),
            Phase::Probing(_) => drop(self.find(Find::Good)),
            Phase::Ready => drop(self.go(Move::Run)),
            Phase::Acting if self.session.pending().is_some() => drop(self.yes()),
            Phase::Acting if self.session.is_planning() => self.plan_along(),
            Phase::Acting => drop(self.end(Ending::Done)),
            Phase::Doing | Phase::Asking => drop(self.go(Move::Give("0".into()))),
            Phase::Approving if self.sketch.is_some() => drop(self.sketched()),
            Phase::Approving => drop(self.go(Move::Approve("lee".into()))),
            Phase::Watching if self.is_asked() => drop(self.find(Find::Good)),
            Phase::Watching => drop(self.tick(3_600)),
            other => panic!("nothing leads on from {other:?}"),
        }
    }

    /// Lets what is being read come back well.
    pub fn along_if_probing(&mut self) {
        if matches!(self.phase(), Phase::Probing(_)) {
            self.find(Find::Good);
        }
    }

    /// Returns true if probes were asked for that nobody has answered.
    pub fn is_asked(&self) -> bool {
        self.probing.is_some()
    }

    /// Plans what was asked for; after the third migration nothing is left.
    fn plan_along(&mut self) {
        let (_, request) = self.asked.clone().expect("something is to be planned");
        match request {
            Request::Migrate { .. } if self.walk().acts_done() == 3 => drop(self.nothing_left()),
            request => drop(self.show(plan_of(&request))),
        }
    }
}

/// Returns a plan that fits a request.
pub fn plan_of(request: &Request) -> Plan {
    match request {
        Request::Signal { signal, .. } => signal_plan(*signal),
        Request::Migrate { direction: Direction::Up, .. } => {
            migration(1, Direction::Up, Risk::Safe)
        }
        Request::Migrate { direction, .. } => migration(1, *direction, Risk::Lossy),
        Request::Sql { .. }
        | Request::Bound { .. }
        | Request::Http { .. }
        | Request::Tables(_)
        | Request::Mend(_)
        | Request::Command { .. }
        | Request::Backup { .. }
        | Request::BackupOf(_)
        | Request::VerifyBackup { .. }
        | Request::Rehearse(_)
        | Request::Tend { .. }
        | Request::Restore(_) => command_plan(),
    }
}

/// Returns what the current step expects of a probe.
fn expectation(walk: &Walk, probe: &Probe) -> Option<Expect> {
    let own = match &walk.current().kind {
        Kind::Check(claim) => vec![claim],
        Kind::Manual(manual) => manual.verify.iter().collect(),
        Kind::Watch(watch) => watch.until.iter().collect(),
        Kind::Act(act) => {
            let gates = act.gates.iter().filter_map(|name| walk.book().gates.get(name));
            let asked = gates.flat_map(|gate| &gate.rules).filter_map(|rule| match &rule.asks {
                Asks::Probe(claim) => Some(claim),
                _ => None,
            });
            act.verify.iter().chain(asked).collect()
        }
        _ => Vec::new(),
    };
    let own = own.into_iter().find(|claim| claim.probe == *probe);
    let expect = own.map(|claim| claim.expect.clone()).or_else(|| probe.expected());
    expect.map(|expect| expect.resolved(walk))
}

/// Returns a value of which `expect` comes to `verdict`.
fn valued(expect: Option<&Expect>, verdict: Verdict) -> Value {
    let Some(expect) = expect else { return Value::Int(0) };
    let period = |text: &str| Value::Period(text.parse().expect("it is a period"));
    let lists = [vec![], vec!["i".to_owned()]];
    let mut values: Vec<Value> = [true, false].map(Value::Bool).into();
    values.extend([0, 1, -1].map(Value::Int));
    values.extend(lists.map(Value::List));
    values.extend(["0s", "99h"].map(period));
    values.extend([Level::L0, Level::L6].map(Value::Level));
    values.extend(["reversible", "lossy"].map(|word| Value::Text(word.into())));
    let found = values.into_iter().find(|value| expect.test(value) == verdict);
    found.unwrap_or_else(|| panic!("no value makes {expect} {verdict:?}"))
}

/// Returns true if the probe is this builtin.
pub fn is(probe: &Probe, builtin: Builtin) -> bool {
    probe.sense == Sense::Builtin(builtin)
}
