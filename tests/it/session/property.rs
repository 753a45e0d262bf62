//! Random sequences of everything that can happen to a session, judged by a second
//! account of what was shown, confirmed, stopped and paused.

use std::collections::HashMap;

use lockkeeper::domain::journal::Kind;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Answer, Confirmed, Direction, Hash, Plan, Risk};
use lockkeeper::session::confirm::Origin;
use lockkeeper::session::effect::{Effect, Event, Goal, How, Previewed, Request, Ticket};
use lockkeeper::session::machine::Session;
use lockkeeper::session::walk::{CANNOT_TELL, Move, Phase, Status, Walk};
use proptest::prelude::*;

use super::driver::{Driven, Find, plan_of};
use super::{at, begin, migration, shipped, signal_plan, small, terminate, up};

/// Something that happens; what it refers to is found when it happens.
#[derive(Clone, Debug)]
enum Happens {
    Begins {
        shipped: bool,
    },
    Opens(bool),
    Asks(u8),
    /// A plan comes back: for the last request, or for one so many before.
    Plans {
        back: u64,
        what: u8,
    },
    /// What a second person is to look at is planned, as itself or as something else.
    Sketches(u8),
    Answers(u8),
    Leaves,
    Ends {
        ending: Ending,
        ticket: bool,
    },
    Stops(How),
    Moves(Move),
    Reads {
        back: u64,
        find: Find,
        short: bool,
    },
    FailsToRecord,
    Ticks(i64),
    /// Whatever leads on from here, or random events would hardly ever get anywhere.
    LeadsOn,
}

fn endings() -> impl Strategy<Value = Ending> {
    prop::sample::select(vec![
        Ending::Done,
        Ending::Done,
        Ending::LockTimeout,
        Ending::LockTimeout,
        Ending::LockTimeout,
        Ending::NotRun,
        Ending::RolledBack,
        Ending::Partial,
        Ending::Failed,
        Ending::Stopped,
        Ending::RanElsewhere,
        Ending::Unknown,
    ])
}

fn moves() -> impl Strategy<Value = Move> {
    let choose = |answer: &str, reason: Option<&str>| Move::Choose {
        answer: answer.into(),
        reason: reason.map(str::to_owned),
    };
    let say = |text: &str| text.to_owned();
    prop::sample::select(vec![
        Move::Continue,
        Move::Continue,
        Move::Run,
        Move::Run,
        Move::Run,
        Move::Run,
        choose("keep", None),
        choose("back", Some("because")),
        choose("down", None),
        choose(CANNOT_TELL, None),
        Move::Skip(say("because")),
        Move::Skip(String::new()),
        Move::Override(say("because")),
        Move::Override(String::new()),
        Move::Note(say("note")),
        Move::Pause,
        Move::Pause,
        Move::StopAfter,
        Move::Take(say("mend")),
        Move::Take(say("escalate")),
        Move::Abandon(String::new()),
        Move::Give(say("0")),
        Move::Give(say("not a number")),
        Move::Give(String::new()),
        Move::Approve(say("KIM")),
        Move::Approve(say("lee")),
        Move::Back,
        Move::Back,
        Move::Escalate(String::new()),
        Move::Escalate(say("because")),
        Move::Handover { to: say("lee"), note: say("mind the report") },
        Move::Abandon(say("because")),
    ])
}

fn happens() -> impl Strategy<Value = Happens> {
    let find =
        prop::sample::select(vec![Find::Good, Find::Good, Find::Good, Find::Bad, Find::Unknown]);
    let back = prop::sample::select(vec![0, 0, 0, 0, 1, 2]);
    prop_oneof![
        60 => Just(Happens::LeadsOn),
        1 => any::<bool>().prop_map(|shipped| Happens::Begins { shipped }),
        1 => prop::bool::weighted(0.9).prop_map(Happens::Opens),
        2 => (0u8..4).prop_map(Happens::Asks),
        6 => (back.clone(), 0u8..8).prop_map(|(back, what)| Happens::Plans { back, what }),
        4 => (0u8..8).prop_map(Happens::Sketches),
        6 => (0u8..9).prop_map(Happens::Answers),
        1 => Just(Happens::Leaves),
        6 => (endings(), prop::bool::weighted(0.9))
            .prop_map(|(ending, ticket)| Happens::Ends { ending, ticket }),
        1 => prop::sample::select(vec![How::Cancel, How::Kill]).prop_map(Happens::Stops),
        8 => moves().prop_map(Happens::Moves),
        9 => (back, find, prop::bool::weighted(0.1))
            .prop_map(|(back, find, short)| Happens::Reads { back, find, short }),
        4 => prop::sample::select(vec![0, 1, 3, 60]).prop_map(Happens::Ticks),
    ]
}

/// Mostly without a failing journal, which ends all that could be interesting.
fn script() -> impl Strategy<Value = Vec<Happens>> {
    let random = prop::collection::vec(happens(), 20..160);
    (random, prop::option::weighted(0.2, 0usize..100)).prop_map(|(mut all, failing)| {
        if let Some(at) = failing {
            all.insert(at.min(all.len()), Happens::FailsToRecord);
        }
        all.insert(0, Happens::Begins { shipped: false });
        all.insert(1, Happens::Opens(true));
        all
    })
}

/// An act as the account knows it.
struct Act {
    hash: Hash,
    attempts: u32,
    attempt: u32,
    step: Option<String>,
    signal: bool,
    running: Option<Confirmed>,
    last_ending: Option<Ending>,
    stopped: bool,
    /// The run that it belongs to, if a step started it.
    run: usize,
}

/// The account: what happened, kept apart from the session's own state.
#[derive(Default)]
struct Account {
    driven: Driven,
    acts: HashMap<String, Act>,
    previews: u64,
    asked: HashMap<Ticket, Request>,
    newest: Option<Ticket>,
    newest_probe: Option<Ticket>,
    unrecorded: bool,
    runs: usize,
    walk_over: bool,
    /// What got its right answer, and was not started since.
    yes: Option<Hash>,
}

impl Account {
    fn session(&self) -> &Session {
        &self.driven.session
    }

    /// Lets it happen, and judges what the session wants done.
    fn happen(&mut self, what: &Happens) {
        if let Happens::Begins { shipped: long } = what {
            let book = if *long { shipped() } else { small() };
            let effects = self.driven.session.walk_begins(begin(book));
            return self.judge(&Before::of(self, None), effects);
        }
        let Some(event) = self.event(what) else { return };
        let before = Before::of(self, Some(&event));
        self.note(&event);
        self.yes = before.confirms.clone().or(self.yes.take());
        let effects = self.driven.session.update(event);
        self.judge(&before, effects);
        self.liveness();
    }

    fn event(&mut self, what: &Happens) -> Option<Event> {
        Some(match what {
            Happens::Begins { .. } => return None,
            Happens::LeadsOn => return self.leads_on().and_then(|what| self.event(&what)),
            Happens::Opens(true) => Event::Opened(Ok("run".into())),
            Happens::Opens(false) => Event::Opened(Err("read-only".into())),
            Happens::Asks(0) => Event::Asked(terminate()),
            Happens::Asks(1) => Event::Asked(up(Goal::End)),
            Happens::Asks(_) => Event::Asked(up(Goal::One)),
            Happens::Plans { back, what } => {
                let ticket = self.newest?.checked_sub(*back)?;
                let request = self.asked.get(&ticket)?;
                Event::Previewed(ticket, planned(*what, request))
            }
            Happens::Sketches(what) => {
                let (ticket, request) = self.driven.sketch.take()?;
                Event::Previewed(ticket, planned(*what, &request))
            }
            Happens::Answers(how) => {
                Event::Answered(answer(*how, self.session().pending()?.plan()))
            }
            Happens::Leaves => Event::Dismissed,
            Happens::Ends { ending, ticket } => self.ends(*ending, *ticket)?,
            Happens::Stops(how) => Event::StopAsked(*how),
            Happens::Moves(step) => Event::Moved(step.clone()),
            Happens::Reads { back, find, short } => self.reads(*back, *find, *short)?,
            Happens::FailsToRecord => Event::RecordFailed("full".into()),
            Happens::Ticks(seconds) => {
                self.driven.seconds += seconds;
                Event::Ticked(at(self.driven.seconds))
            }
        })
    }

    /// Returns what would happen next if all went well.
    fn leads_on(&self) -> Option<Happens> {
        let session = self.session();
        if session.pending().is_some() {
            return Some(Happens::Answers(8));
        }
        if session.is_planning() {
            return Some(Happens::Plans { back: 0, what: 7 });
        }
        if self.acts.values().any(|act| act.running.is_some()) {
            return Some(Happens::Ends { ending: Ending::Done, ticket: true });
        }
        let walk = session.walk().filter(|walk| walk.end().is_none())?;
        Some(match walk.phase() {
            Phase::Notice => Happens::Moves(Move::Continue),
            Phase::Probing(_) => Happens::Reads { back: 0, find: Find::Good, short: false },
            Phase::Held => Happens::Moves(Move::Pause),
            Phase::Doing | Phase::Asking => Happens::Moves(Move::Give("0".into())),
            Phase::Approving if self.driven.sketch.is_some() => Happens::Sketches(7),
            Phase::Approving => Happens::Moves(Move::Approve("lee".into())),
            Phase::Watching => Happens::Ticks(3_600),
            Phase::Acting => Happens::Ticks(60),
            _ => Happens::Moves(Move::Run),
        })
    }

    fn ends(&mut self, ending: Ending, ticket: bool) -> Option<Event> {
        let names: Vec<&String> = self.acts.keys().collect();
        let mut names: Vec<String> = names.into_iter().cloned().collect();
        names.sort();
        let name = names.into_iter().find(|name| self.acts[name].running.is_some())?;
        let act = self.acts.get_mut(&name)?;
        act.last_ending = Some(ending);
        let confirmed = act.running.take().filter(|_| ticket);
        Some(Event::Performed {
            act: name,
            outcome: Outcome::new(ending, "no space left"),
            confirmed,
        })
    }

    fn reads(&self, back: u64, find: Find, short: bool) -> Option<Event> {
        let (ticket, probes) = self.driven.probing.clone()?;
        self.session().walk()?;
        let mut readings = match find {
            // The step may have changed since: what it expects then is anybody's guess.
            _ if self.is_probing() => self.driven.readings(&probes, find),
            _ => Vec::new(),
        };
        if short {
            readings.pop();
        }
        Some(Event::Probed(ticket.checked_sub(back)?, readings))
    }

    fn is_probing(&self) -> bool {
        matches!(self.session().walk().map(Walk::phase), Some(Phase::Probing(_)))
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::StopAsked(_) => {
                self.acts.values_mut().filter(|act| !act.signal).for_each(|act| act.stopped = true);
            }
            Event::RecordFailed(_) => self.unrecorded = true,
            _ => {}
        }
    }

    fn judge(&mut self, before: &Before, effects: Vec<Effect>) {
        if before.opens && !effects.is_empty() {
            self.runs += 1;
            self.walk_over = false;
        }
        for effect in effects {
            match effect {
                Effect::Perform { act, step, confirmed } => {
                    self.judge_perform(before, act, step, confirmed);
                }
                Effect::Preview(ticket, request) => self.judge_preview(before, ticket, request),
                Effect::Probe(ticket, probes) => {
                    assert!(!before.late, "a late answer asked for probes");
                    assert!(!self.walk_over, "probes after the end");
                    self.newest_probe = Some(ticket);
                    self.driven.probing = Some((ticket, probes));
                }
                Effect::Record(entry) => {
                    let own = entry.step.is_none() || entry.kind == Kind::Stop;
                    assert!(own || !self.walk_over, "{entry:?} after the end");
                }
                Effect::Await(entry) => panic!("no plan here asks for anybody: {entry:?}"),
                Effect::Close(_) => {
                    assert!(!self.walk_over, "closed twice");
                    self.walk_over = true;
                }
                Effect::Stop(_) => {
                    let runs = self.acts.values().any(|act| !act.signal && act.running.is_some());
                    assert!(runs, "nothing runs that could be stopped");
                }
                Effect::Open(_) | Effect::Reopen(_) => assert!(!self.unrecorded),
                Effect::Sketch(ticket, request) => {
                    assert!(!self.walk_over, "something is sketched after the end");
                    self.driven.sketch = Some((ticket, request));
                }
                Effect::Release | Effect::Refresh | Effect::Say(..) => {}
            }
        }
    }

    fn judge_perform(
        &mut self,
        before: &Before,
        act: String,
        step: Option<String>,
        confirmed: Confirmed,
    ) {
        assert!(!self.unrecorded, "performed although nothing can be recorded");
        assert!(!before.skipped, "a skip performed");
        if step.is_some() {
            assert!(!self.walk_over, "performed after the walk's end");
            assert!(!self.session().walk().expect("walked").is_paused(), "performed while paused");
        }
        let signal = confirmed.plan().command.is_none()
            && matches!(confirmed.plan().action, lockkeeper::domain::plan::Action::Signal { .. });
        if !signal {
            let others = self.acts.values().filter(|act| !act.signal && act.running.is_some());
            assert_eq!(others.count(), 0, "two jobs at once");
        }
        match self.acts.get_mut(&act) {
            None => {
                assert_eq!(confirmed.attempt(), 1);
                assert_eq!(self.yes.take().as_ref(), Some(confirmed.hash()), "not what was shown");
                let known = Act {
                    hash: confirmed.hash().clone(),
                    attempts: confirmed.plan().attempts,
                    attempt: 1,
                    step,
                    signal,
                    running: Some(confirmed),
                    last_ending: None,
                    stopped: false,
                    run: self.runs,
                };
                self.acts.insert(act, known);
            }
            Some(known) => {
                assert!(before.ticked, "a retry without time passing");
                assert_eq!(
                    known.last_ending,
                    Some(Ending::LockTimeout),
                    "retried after another end"
                );
                assert_eq!(confirmed.attempt(), known.attempt + 1);
                assert!(confirmed.attempt() <= known.attempts, "more attempts than confirmed");
                assert!(!known.stopped, "retried after a stop");
                assert_eq!(&known.hash, confirmed.hash());
                assert_eq!(known.step, step);
                assert!(known.running.is_none(), "the attempt before still runs");
                assert!(step.is_none() || known.run == self.runs, "retried for a run that is over");
                known.attempt += 1;
                known.last_ending = None;
                known.running = Some(confirmed);
            }
        }
    }

    fn judge_preview(&mut self, before: &Before, ticket: Ticket, request: Request) {
        assert!(!self.unrecorded, "planned although nothing can be recorded");
        assert!(!before.skipped, "a skip planned");
        assert!(!before.late, "a late answer planned");
        if let Request::Command { argv, .. } = &request {
            assert_eq!(argv, &["gated"]);
            assert!(before.gate_allows, "planned before its gate allowed it");
        }
        self.previews += 1;
        self.newest = Some(ticket);
        self.asked.insert(ticket, request);
    }

    /// Nothing is ever stuck: what the walk waits for is under way.
    fn liveness(&self) {
        let session = self.session();
        let Some(walk) = session.walk().filter(|walk| walk.end().is_none()) else { return };
        if *walk.phase() == Phase::Acting {
            let asked = session.is_planning();
            let shown = session.pending().is_some_and(|p| *p.origin() != Origin::Operator);
            let runs = session.acting().iter().any(|acting| acting.step().is_some());
            assert!(asked || shown || runs, "the step waits for nothing");
        }
        let passed = |step| matches!(walk.status(step), Some(Status::Passed { .. }));
        if walk.book().id == "small" && walk.current().id == "gated" {
            assert!(passed("answers"), "a failed required step was passed over");
        }
        if walk.book().id == "small" && walk.current().id == "keep" {
            assert!(passed("up"), "a failed required act was passed over");
        }
    }
}

/// What was so before an event.
struct Before {
    /// The hash that a right answer would confirm.
    confirms: Option<Hash>,
    ticked: bool,
    skipped: bool,
    late: bool,
    gate_allows: bool,
    opens: bool,
}

impl Before {
    fn of(account: &Account, event: Option<&Event>) -> Self {
        let session = account.session();
        let confirms = match event {
            Some(Event::Answered(answer)) => {
                session.pending().filter(|p| is_right(p.plan(), answer)).map(|p| p.hash().clone())
            }
            _ => None,
        };
        let late = match event {
            Some(Event::Previewed(ticket, _)) => Some(*ticket) != account.newest,
            Some(Event::Probed(ticket, _)) => Some(*ticket) != account.newest_probe,
            _ => false,
        };
        let gate_allows = match event {
            Some(Event::Probed(_, readings)) => {
                let zero = |reading: &lockkeeper::domain::evidence::Reading| {
                    reading.value == lockkeeper::domain::evidence::Value::Int(0)
                };
                readings.len() == 1 && readings.iter().all(zero)
            }
            Some(Event::Moved(Move::Override(reason))) => !reason.is_empty(),
            _ => false,
        };
        Self {
            confirms,
            ticked: matches!(event, Some(Event::Ticked(_))),
            skipped: matches!(event, Some(Event::Moved(Move::Skip(_)))),
            late,
            gate_allows,
            opens: matches!(event, Some(Event::Opened(Ok(_)))),
        }
    }
}

/// The rule of confirming, written a second time.
fn is_right(plan: &Plan, answer: &Answer) -> bool {
    match answer {
        Answer::Script(hash) => *hash == plan.hash(),
        Answer::Key(hash) => *hash == plan.hash() && plan.risk <= Risk::Safe,
        Answer::Typed(hash, text) => {
            *hash == plan.hash() && (plan.risk <= Risk::Safe || text == &plan.target.database)
        }
    }
}

fn planned(what: u8, request: &Request) -> Previewed {
    let direction = match request {
        Request::Migrate { direction, .. } => *direction,
        _ => Direction::Up,
    };
    match (what, request) {
        (0, _) => Previewed::Nothing("nothing is pending".into()),
        (1, _) => Previewed::Impossible("it cannot be read".into()),
        (2, Request::Migrate { .. }) => {
            Previewed::Plan(Box::new(migration(2, direction, Risk::Destructive)))
        }
        (3, Request::Signal { signal, .. }) => Previewed::Plan(Box::new(signal_plan(*signal))),
        _ => Previewed::Plan(Box::new(plan_of(request))),
    }
}

fn answer(how: u8, plan: &Plan) -> Answer {
    let other = migration(99, Direction::Up, Risk::Safe).hash();
    let name = plan.target.database.clone();
    match how {
        0 => Answer::Key(other),
        1 => Answer::Typed(other, name),
        2 => Answer::Typed(plan.hash(), name.to_uppercase()),
        3 => Answer::Typed(plan.hash(), format!("{name} ")),
        4 => Answer::Script(Hash::new(&plan.hash().as_str()[..40])),
        5 | 6 => Answer::Key(plan.hash()),
        _ => Answer::Typed(plan.hash(), name),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_happens_an_act_follows_a_shown_and_confirmed_plan(script in script()) {
        let mut account = Account { driven: Driven::new(), ..Account::default() };
        for what in &script {
            account.happen(what);
        }
    }

    #[test]
    fn every_path_of_the_shipped_runbook_ends(choices in prop::collection::vec(0u8..6, 400)) {
        let mut driven = Driven::walking(shipped());
        let mut choices = choices.into_iter();
        while driven.walk().end().is_none() {
            let Some(choice) = choices.next() else {
                return Err(TestCaseError::fail(format!("stuck at {} {:?}", driven.step(), driven.phase())));
            };
            wander(&mut driven, choice);
        }
        prop_assert_eq!(driven.closed, 1);
    }
}

/// Takes one of the ways on that the walk offers where it stands.
fn wander(driven: &mut Driven, choice: u8) {
    let offers = driven.walk().offers();
    match driven.phase().clone() {
        Phase::Probing(_) if choice == 0 => drop(driven.find(Find::Unknown)),
        Phase::Acting if !driven.running.is_empty() && choice == 0 => {
            drop(driven.end(Ending::RolledBack));
        }
        Phase::CheckFailed { .. } | Phase::Failed { .. } | Phase::Unproven { .. } => {
            match (choice, offers.first()) {
                (0, _) => drop(driven.go(Move::Abandon("enough".into()))),
                (1 | 2, Some(offer)) => drop(driven.go(Move::Take(offer.clone()))),
                (3, _) => drop(driven.go(Move::Skip("known".into()))),
                _ => {
                    driven.go(Move::Run);
                }
            }
        }
        Phase::Deciding => {
            let answer = ["keep", "down", CANNOT_TELL][usize::from(choice) % 3].to_owned();
            driven.go(Move::Choose { answer, reason: Some("because".into()) });
        }
        Phase::Refused(_) => drop(driven.go(Move::Skip("known".into()))),
        _ => driven.along(),
    }
}
