//! Generated runbooks, and whatever may happen on the way through them: judged by a second
//! account that knows what the runbook says and what was fed, and nothing of how the walk
//! comes to what it wants.

mod account;
mod books;

use lockkeeper::domain::outcome::Ending;
use lockkeeper::session::effect::{Event, Goal, Previewed, Request};
use lockkeeper::session::walk::{CANNOT_TELL, End, Move, Phase};
use proptest::prelude::*;

use super::driver::{Driven, Find, plan_of};
use account::{Account, Fed, Happens};
use books::Book;

fn moves() -> impl Strategy<Value = Move> {
    let say = |text: &str| text.to_owned();
    let choose = |answer: &str, reason: Option<&str>| Move::Choose {
        answer: answer.into(),
        reason: reason.map(str::to_owned),
    };
    prop::sample::select(vec![
        Move::Continue,
        Move::Run,
        Move::Run,
        Move::Run,
        choose("a0", None),
        choose("a1", Some("because")),
        choose("a2", Some("because")),
        choose("none of them", None),
        choose(CANNOT_TELL, None),
        Move::Skip(say("because")),
        Move::Skip(String::new()),
        Move::Override(say("because")),
        Move::Override(say("because")),
        Move::Override(String::new()),
        Move::Pause,
        Move::Pause,
        Move::StopAfter,
        Move::Take(say("s1")),
        Move::Take(say("s2")),
        Move::Take(say("escalate")),
        Move::Give(say("yes")),
        Move::Give(say("no")),
        Move::Give(say("0")),
        Move::Give(say("never heard of")),
        Move::Approve(say("kim")),
        Move::Approve(say("Kim@Desk")),
        Move::Approve(say("lee")),
        Move::Back,
        Move::Escalate(say("because")),
        Move::Abandon(say("because")),
        Move::Abandon(String::new()),
        Move::Handover { to: say("lee"), note: say("mind it") },
    ])
}

fn happens() -> impl Strategy<Value = Happens> {
    let fed = prop::sample::select(vec![
        Fed::Good,
        Fed::Good,
        Fed::Good,
        Fed::Good,
        Fed::Bad,
        Fed::Unknown,
        Fed::Old,
        Fed::Missing,
    ]);
    let endings = prop::sample::select(vec![
        Ending::Done,
        Ending::Done,
        Ending::LockTimeout,
        Ending::NotRun,
        Ending::RolledBack,
        Ending::Partial,
        Ending::Failed,
        Ending::Stopped,
        Ending::Unknown,
    ]);
    prop_oneof![
        50 => Just(Happens::LeadsOn),
        12 => prop::collection::vec(fed, 1..6).prop_map(Happens::Reads),
        3 => Just(Happens::ReadsLate),
        4 => (0u8..3).prop_map(Happens::Plans),
        5 => (0u8..6).prop_map(Happens::Answers),
        1 => Just(Happens::Leaves),
        5 => endings.prop_map(Happens::Ends),
        14 => moves().prop_map(Happens::Moves),
        3 => prop::sample::select(vec![1, 20, 600]).prop_map(Happens::Ticks),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_generated_runbook_runs_what_its_gates_a_skip_or_its_end_forbid(
        book in books::all(),
        script in prop::collection::vec(happens(), 20..200),
    ) {
        let mut account = Account::walking(book);
        for what in &script {
            account.happen(what);
        }
    }

    #[test]
    fn a_run_in_which_all_goes_well_ends_whatever_is_answered(
        book in books::all(),
        choices in prop::collection::vec(0u8..8, 30),
    ) {
        let end = walked(&book, &choices, |_| Find::Good);
        prop_assert!(matches!(end, End::Completed | End::Escalated { .. }), "{:?}", end);
    }

    #[test]
    fn every_path_ends_whatever_is_found(
        book in books::all(),
        choices in prop::collection::vec(0u8..8, 30),
    ) {
        let find = |choice| [Find::Good, Find::Bad, Find::Unknown][usize::from(choice) % 3];
        walked(&book, &choices, find);
    }
}

/// Walks to the end, the choices turn by turn, and returns it.
fn walked(book: &Book, choices: &[u8], find: impl Fn(u8) -> Find) -> End {
    let mut driven = Driven::walking(super::book(&book.text()));
    for (turn, choice) in choices.iter().cycle().take(4_000).enumerate() {
        if let Some(end) = driven.walk().end() {
            assert_eq!(driven.closed, 1, "an end closes the run once");
            return end.clone();
        }
        // A live view whose end is never found is left by a person, one day.
        if *driven.phase() == Phase::Watching && turn > 300 {
            fails(&mut driven, None);
            continue;
        }
        wander(&mut driven, *choice, find(*choice));
    }
    panic!("stuck at {} {:?} of\n{}", driven.step(), driven.phase(), book.text());
}

/// Takes one of the ways on that are possible; what goes well is never abandoned.
fn wander(driven: &mut Driven, choice: u8, find: Find) {
    let offers = driven.walk().offers();
    let offer = || offers.get(usize::from(choice) % offers.len().max(1)).cloned();
    match driven.phase().clone() {
        Phase::Held => drop(driven.go(Move::Pause)),
        Phase::Probing(_) => drop(driven.find(find)),
        Phase::Watching if offer().is_some() => {
            driven.go(Move::Take(offer().expect("there is one")));
        }
        Phase::Watching if driven.is_asked() => drop(driven.find(find)),
        Phase::Deciding => {
            let answer = ["a0", "a1", "a2", CANNOT_TELL][usize::from(choice) % 4].to_owned();
            driven.go(Move::Choose { answer, reason: Some("because".into()) });
        }
        Phase::Acting if driven.session.is_planning() => planned(driven),
        Phase::Acting if driven.session.pending().is_none() => {
            driven.end(if find == Find::Good { Ending::Done } else { Ending::Partial });
        }
        Phase::Doing | Phase::Asking => {
            driven.go(Move::Give("yes".into()));
            driven.go(Move::Give("0".into()));
        }
        Phase::Denied { overridable: true, .. } => drop(driven.go(Move::Override("why".into()))),
        Phase::CheckFailed { .. }
        | Phase::Failed { .. }
        | Phase::Unproven { .. }
        | Phase::Refused(_)
        | Phase::Denied { .. } => fails(driven, offer()),
        _ => driven.along(),
    }
}

/// Takes what a failure offers, skips it, or leaves.
fn fails(driven: &mut Driven, offer: Option<String>) {
    if let Some(offer) = offer {
        driven.go(Move::Take(offer));
        return;
    }
    let (step, phase) = (driven.step().to_owned(), driven.phase().clone());
    driven.go(Move::Skip("known".into()));
    if driven.walk().end().is_none() && driven.step() == step && *driven.phase() == phase {
        driven.go(Move::Abandon("nothing else leads on".into()));
    }
}

/// Plans what was asked for; after two migrations of a step nothing is left.
fn planned(driven: &mut Driven) {
    let (ticket, request) = driven.asked.clone().expect("something is to be planned");
    let is_procedure = matches!(request, Request::Migrate { goal: Goal::End, .. });
    let previewed = if is_procedure && driven.walk().acts_done() >= 2 {
        Previewed::Nothing("nothing is pending".into())
    } else {
        Previewed::Plan(Box::new(plan_of(&request)))
    };
    driven.event(Event::Previewed(ticket, previewed));
}
