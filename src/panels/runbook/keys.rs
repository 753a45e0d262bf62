//! The panel's keys: what is possible on the step now, and why the rest is not.

use crate::domain::runbook::{Kind, Skip};
use crate::panels::Command;
use crate::session::facts::Facts;
use crate::session::machine::Session;
use crate::session::walk::{CANNOT_TELL, ESCALATE, Phase, Walk};
use crate::ui::bindings::{Binding, Key, Reason};

/// Keys of the sections that a failure offers, in their order; `e` is the person.
const OFFERS: [char; 4] = ['t', 'v', 'w', 'z'];

type Bindings = Vec<Binding<Command>>;

/// Returns the keys while nothing is walked.
pub(super) fn idle(session: &Session, facts: &Facts) -> Bindings {
    let can = match (session.unrecorded(), session.job()) {
        (Some(why), _) => off(format!("nothing can be recorded: {why}")),
        (_, Some(job)) => off(format!("{} is running", job.plan.preview.title)),
        _ if facts.snapshot.value().is_none() => off("the server has not answered yet"),
        _ => Ok(()),
    };
    let begin = Binding::new(
        Key::char('m'),
        "begin migrate",
        "walk the runbook migrate, one confirmed step at a time",
        Command::Begin("migrate".to_owned()),
    );
    vec![begin.when(can), cancel(session)]
}

/// Returns the keys on the current step of a walk that is not over.
pub(super) fn walking(walk: &Walk, session: &Session) -> Bindings {
    let mut keys = answers(walk);
    keys.push(advance(walk));
    keys.extend(over_ride(walk));
    keys.extend(offers(walk));
    keys.push(skip(walk));
    keys.push(Binding::new(Key::char('n'), "note", "write a note into the record", Command::Note));
    keys.push(pause(walk));
    keys.push(stop_after(walk));
    keys.push(cancel(session));
    keys.push(Binding::new(
        Key::char('A'),
        "abandon",
        "leave the run, with a reason; what was done stays",
        Command::Abandon,
    ));
    keys
}

fn off(why: impl Into<std::borrow::Cow<'static, str>>) -> Result<(), Reason> {
    Err(Reason::new(why))
}

/// Returns the answers by their own keys, and the one that every question has.
fn answers(walk: &Walk) -> Bindings {
    let (Kind::Decide(decide), Phase::Deciding) = (&walk.current().kind, walk.phase()) else {
        return Vec::new();
    };
    let can = if walk.is_paused() { off("the run is paused: p goes on") } else { Ok(()) };
    let answer = |key, label, help, id: &str| {
        let command = Command::Choose(id.to_owned());
        Binding::new(Key::char(key), label, help, command).when(can.clone())
    };
    let mut keys: Bindings = decide
        .answers
        .iter()
        .map(|one| answer(one.key, "answer", "give this answer to the question", &one.id))
        .collect();
    let help = "nobody can tell: the run ends here and goes to a person";
    keys.push(answer('u', "cannot tell", help, CANNOT_TELL));
    keys
}

fn advance(walk: &Walk) -> Binding<Command> {
    let (label, help, can) = advances(walk.phase());
    let can = if walk.is_paused() { off("the run is paused: p goes on") } else { can };
    Binding::new(Key::char('r'), label, help, Command::Advance).when(can)
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
        Phase::Held => ("go on", "go on with the run", off("the run is paused: p goes on")),
        Phase::Unsupported(kind) => {
            ("run", RUN, off(format!("this version cannot walk a step of the kind {kind}")))
        }
    }
}

fn over_ride(walk: &Walk) -> Option<Binding<Command>> {
    let Phase::Denied { overridable, .. } = walk.phase() else { return None };
    let can = match overridable {
        _ if walk.is_paused() => off("the run is paused: p goes on"),
        true => Ok(()),
        false => off("identity, journal and a backup known bad are never overridden"),
    };
    let help = "let the act through for a typed reason, which the report shows in red";
    Some(Binding::new(Key::char('o'), "override", help, Command::Override).when(can))
}

/// Returns the ways on that the failure offers, each with its key.
pub(super) fn offered(walk: &Walk) -> Vec<(char, String)> {
    let mut keys = OFFERS.into_iter();
    let key = |offer: String| match offer.as_str() {
        ESCALATE => Some(('e', offer)),
        _ => keys.next().map(|key| (key, offer)),
    };
    walk.offers().into_iter().filter_map(key).collect()
}

fn offers(walk: &Walk) -> Bindings {
    let can = if walk.is_paused() { off("the run is paused: p goes on") } else { Ok(()) };
    let binding = |(key, offer): (char, String)| {
        let (label, help) = match offer.as_str() {
            ESCALATE => ("escalate", "end the run here and hand it to a person"),
            _ => ("take offer", "go on at the section that this failure offers"),
        };
        Binding::new(Key::char(key), label, help, Command::Choose(offer)).when(can.clone())
    };
    offered(walk).into_iter().map(binding).collect()
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
