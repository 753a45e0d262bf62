//! The panel's keys: what is possible on the step now, and why the rest is not.

use super::answers::{self, Answer};
use crate::domain::runbook::Skip;
use crate::panels::{Command, Scene, migrating};
use crate::session::machine::Session;
use crate::session::walk::{CANNOT_TELL, ESCALATE, Phase, Walk};
use crate::ui::bindings::{Binding, Key, Reason};

/// Keys of the sections that a failure or a trigger offers, in their order; `!` is the
/// person. None of them means something else on another panel.
const OFFERS: [char; 4] = ['w', 'z', 'i', 'a'];

type Bindings = Vec<Binding<Command>>;

/// Returns the keys while nothing is walked.
#[must_use]
pub fn idle(scene: &Scene<'_>) -> Bindings {
    vec![migrating::binding(scene), cancel(scene.session)]
}

/// Returns the keys on the current step of a walk that is not over.
#[must_use]
pub fn walking(walk: &Walk, session: &Session) -> Bindings {
    if walk.ending().is_some() {
        return undoing(walk, session);
    }
    let mut keys = answers(walk);
    keys.extend(give(walk));
    keys.extend(advance(walk));
    keys.extend(over_ride(walk));
    keys.extend(offers(walk));
    keys.extend(aside(walk));
    keys.push(skip(walk));
    keys.push(Binding::new(Key::char('n'), "note", "write a note into the record", Command::Note));
    keys.push(pause(walk));
    keys.push(stop_after(walk));
    keys.push(cancel(session));
    keys.extend(back(walk));
    keys.extend(leaving(walk));
    keys
}

/// Returns the keys while the run waits for what it has opened to be undone.
fn undoing(walk: &Walk, session: &Session) -> Bindings {
    let can = match walk.phase() {
        Phase::Acting => off("it is under way"),
        _ => Ok(()),
    };
    let undo = "plan what undoes it, and ask before it runs";
    let leave = "leave it as it is, with a reason; the report names it";
    vec![
        Binding::new(Key::char('r'), "undo", undo, Command::Advance).when(can.clone()),
        Binding::new(Key::char('s'), "leave it so", leave, Command::Skip).when(can),
        Binding::new(Key::char('n'), "note", "write a note into the record", Command::Note),
        cancel(session),
    ]
}

/// Returns the keys that lead out of the run.
fn leaving(walk: &Walk) -> Bindings {
    let mut keys = vec![
        Binding::new(
            Key::char('A'),
            "abandon",
            "leave the run, with a reason; what was done stays",
            Command::Abandon,
        ),
        Binding::new(
            Key::char('H'),
            "hand over",
            "pause, and hand the run over to somebody, with a note for them",
            Command::HandOver,
        ),
    ];
    if !walk.offers().iter().any(|offer| offer == ESCALATE) {
        let help = "end the run here and hand it to a person, with what they have to know";
        keys.push(Binding::new(Key::char('!'), "escalate", help, Command::Escalate));
    }
    keys
}

/// Returns the key that asks the question before anew, once one was answered.
fn back(walk: &Walk) -> Option<Binding<Command>> {
    walk.path().last()?;
    let can = walk.no_way_back().map_or(Ok(()), off);
    let help = "ask the question before anew; what was done since stays done";
    Some(Binding::new(Key::char('b'), "back", help, Command::Rewind).when(can))
}

/// Returns the key that gives what the step asks for.
fn give(walk: &Walk) -> Option<Binding<Command>> {
    let (label, help) = match walk.phase() {
        Phase::Doing => ("value", "say what came of it; the value is recorded"),
        Phase::CheckFailed { .. } if walk.given().is_some() => {
            ("value", "say anew what came of it; the value is recorded")
        }
        Phase::Asking => ("answer", "type the value, or pick it from what is live"),
        Phase::Approving => ("approve", "the approver types their name; never who runs this"),
        _ => return None,
    };
    Some(Binding::new(Key::char('v'), label, help, Command::Give))
}

fn off(why: impl Into<std::borrow::Cow<'static, str>>) -> Result<(), Reason> {
    Err(Reason::new(why))
}

/// Returns the answers by their own keys, what the evidence speaks for first.
fn answers(walk: &Walk) -> Bindings {
    let can = match walk.phase() {
        _ if walk.is_paused() => off("the run is paused: p goes on"),
        Phase::Deciding => Ok(()),
        _ => off("the evidence is read first: a moment"),
    };
    let key = |one: Answer| {
        let help = match one.id.as_str() {
            CANNOT_TELL => "nobody can tell: the run ends here and goes to a person",
            _ => "give this answer",
        };
        Binding::new(Key::char(one.key), one.label, help, Command::Choose(one.id)).when(can.clone())
    };
    answers::of(walk).into_iter().map(key).collect()
}

fn advance(walk: &Walk) -> Option<Binding<Command>> {
    use Phase::{Approving, Asking, Doing, Watching};
    if matches!(walk.phase(), Doing | Asking | Approving | Watching) {
        return None;
    }
    let (label, help, can) = advances(walk.phase());
    let can = if walk.is_paused() { off("the run is paused: p goes on") } else { can };
    Some(Binding::new(Key::char('r'), label, help, Command::Advance).when(can))
}

fn advances(phase: &Phase) -> (&'static str, &'static str, Result<(), Reason>) {
    const RUN: &str = "plan the step's act, and ask before it runs";
    const READ: &str = "read the probes again";
    match phase {
        Phase::Notice => ("go on", "it was read: go on", Ok(())),
        Phase::Ready => ("run", RUN, Ok(())),
        Phase::Failed { may_retry: true, .. } => ("try again", RUN, Ok(())),
        Phase::Denied { .. } => ("ask again", "read the gates again", Ok(())),
        Phase::CheckFailed { .. } | Phase::Unproven { .. } | Phase::Deciding => {
            ("read again", READ, Ok(()))
        }
        Phase::Failed { .. } => {
            ("run", RUN, off("trying again could repeat what already happened"))
        }
        Phase::Acting | Phase::Probing(_) => ("run", RUN, off("it is under way")),
        Phase::Undo(_) => ("undo", "plan what undoes it, and ask before it runs", Ok(())),
        Phase::Held => ("go on", "go on with the run", off("the run is paused: p goes on")),
        Phase::Refused(why) => ("run", RUN, off(why.clone())),
        Phase::Doing | Phase::Asking | Phase::Approving | Phase::Watching => {
            ("go on", RUN, off("a person's word is asked for here"))
        }
    }
}

fn over_ride(walk: &Walk) -> Option<Binding<Command>> {
    let overridable = match walk.phase() {
        Phase::Denied { overridable, .. } => *overridable,
        Phase::Approving => true,
        _ => return None,
    };
    let can = match overridable {
        _ if walk.is_paused() => off("the run is paused: p goes on"),
        true => Ok(()),
        false => off("identity, journal and a backup known bad are never overridden"),
    };
    let help = "let the act through for a typed reason, which the report shows in red";
    Some(Binding::new(Key::char('o'), "override", help, Command::Override).when(can))
}

/// Returns the ways on that a failure or a trigger offers, each with its key.
#[must_use]
pub fn offered(walk: &Walk) -> Vec<(char, String)> {
    let mut keys = OFFERS.into_iter();
    let key = |offer: String| match offer.as_str() {
        ESCALATE => Some(('!', offer)),
        _ => keys.next().map(|key| (key, offer)),
    };
    walk.offers().into_iter().filter_map(key).collect()
}

fn offers(walk: &Walk) -> Bindings {
    let can = if walk.is_paused() { off("the run is paused: p goes on") } else { Ok(()) };
    let binding = |(key, offer): (char, String)| {
        let (label, help) = match offer.as_str() {
            ESCALATE => ("escalate", "end the run here and hand it to a person"),
            _ => ("take offer", "go on at the section that is offered here"),
        };
        Binding::new(Key::char(key), label, help, Command::Choose(offer)).when(can.clone())
    };
    offered(walk).into_iter().map(binding).collect()
}

/// Returns the key that puts aside what the triggers of a live view offer.
fn aside(walk: &Walk) -> Option<Binding<Command>> {
    let is_offered = *walk.phase() == Phase::Watching && !walk.offers().is_empty();
    let help = "put the offer aside, with a reason; told again once its trigger was calm";
    is_offered.then(|| Binding::new(Key::char('P'), "put aside", help, Command::PutAside))
}

fn skip(walk: &Walk) -> Binding<Command> {
    let can = match walk.current().skip {
        _ if walk.is_paused() => off("the run is paused: p goes on"),
        Skip::Never => off("this step is required"),
        _ if *walk.phase() == Phase::Acting => off("its act is under way"),
        _ => Ok(()),
    };
    let help = "leave the step out, with a reason; it starts nothing";
    Binding::new(Key::char('s'), "skip", help, Command::Skip).when(can)
}

fn pause(walk: &Walk) -> Binding<Command> {
    let (label, help) = if walk.is_paused() {
        ("go on", "go on with the run")
    } else {
        ("pause", "start nothing more until the run goes on; what runs goes on")
    };
    Binding::new(Key::char('p'), label, help, Command::Pause)
}

fn stop_after(walk: &Walk) -> Binding<Command> {
    let label = if walk.stops_after() { "don't stop" } else { "stop after" };
    let help = "pause when this step is over, or take that back";
    let can = if walk.is_paused() { off("the run is paused already") } else { Ok(()) };
    Binding::new(Key::char('x'), label, help, Command::StopAfter).when(can)
}

fn cancel(session: &Session) -> Binding<Command> {
    let can = session.job().map(|_| ()).ok_or_else(|| Reason::new("nothing of ours is running"));
    let help = "cancel the statement of the act that runs; the tool sees an error and ends";
    Binding::new(Key::char('c'), "cancel", help, Command::CancelAct).when(can)
}
