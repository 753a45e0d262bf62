//! What the keys of a walk mean: the same on the panel that walks and on the one that decides.

use crate::domain::runbook::{Kind, Manual, Respond, Skip};
use crate::domain::untrusted::Untrusted;
use crate::panels::{Ask, Command, Wanted};
use crate::session::facts::Facts;
use crate::session::pick;
use crate::session::walk::{CANNOT_TELL, Move, Phase, Walk};

/// Returns what a command means on the step where the walk stands.
#[must_use]
pub fn moved(command: &Command, walk: &Walk, facts: &Facts) -> Ask {
    match command {
        Command::Advance if *walk.phase() == Phase::Notice => Ask::Move(Move::Continue),
        Command::Advance => Ask::Move(Move::Run),
        Command::Choose(offer) if walk.offers().contains(offer) => {
            Ask::Move(Move::Take(offer.clone()))
        }
        Command::Choose(answer) => choose(answer, walk),
        Command::Skip if walk.ending().is_some() => Ask::Text(Wanted::LeaveOpen),
        Command::Skip if walk.current().skip == Skip::Freely => {
            Ask::Move(Move::Skip(String::new()))
        }
        Command::Skip => Ask::Text(Wanted::Skip),
        Command::Override => Ask::Text(Wanted::Override),
        Command::Note => Ask::Text(Wanted::Note),
        Command::PutAside => Ask::Text(Wanted::Aside),
        Command::Pause => Ask::Move(Move::Pause),
        Command::StopAfter => Ask::Move(Move::StopAfter),
        Command::Abandon => Ask::Text(Wanted::Abandon),
        Command::Give => give(walk, facts),
        Command::Rewind => Ask::Move(Move::Back),
        Command::HandOver => Ask::Text(Wanted::HandOver),
        Command::Escalate => Ask::Text(Wanted::Escalate),
        _ => Ask::Nothing,
    }
}

/// An answer against the evidence asks for its reason first.
fn choose(answer: &str, walk: &Walk) -> Ask {
    let against = walk.suggestion().is_some_and(|suggested| suggested != answer);
    if against && answer != CANNOT_TELL {
        return Ask::Text(Wanted::Answer(answer.to_owned()));
    }
    Ask::Move(Move::Choose { answer: answer.to_owned(), reason: None })
}

/// Asks for what the step wants: picked from what is live, or typed.
fn give(walk: &Walk, facts: &Facts) -> Ask {
    let title = Untrusted::from(walk.current().title.as_str()).one_line();
    match &walk.current().kind {
        Kind::Manual(manual) => Ask::Text(Wanted::Value(format!("{title} ({})", form(manual)))),
        Kind::Approve { role } => Ask::Text(Wanted::Approval(role.clone())),
        Kind::Ask(ask) => match pick::choices(&ask.from, facts) {
            Some(choices) => Ask::Pick(Wanted::Value(title), choices),
            None => Ask::Text(Wanted::Value(title)),
        },
        _ => Ask::Nothing,
    }
}

/// Returns what form the answer to a manual item has, in words.
#[must_use]
pub fn form(manual: &Manual) -> &'static str {
    match manual.respond {
        Respond::Count => "a number",
        Respond::Value => "the value that you read",
        Respond::Text => "a few words",
    }
}
