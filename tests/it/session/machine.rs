//! One yes, one act: what leads to a `Perform` and what never does.

use lockkeeper::domain::journal::Kind;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Answer, Direction, Hash, Risk, Signal};
use lockkeeper::domain::scenario::Scenario;
use lockkeeper::session::confirm::Pending;
use lockkeeper::session::effect::{Event, Goal, How, Previewed, Request, Tone};
use lockkeeper::session::walk::{End, Move, Phase};

use super::driver::{Driven, Find};
use super::{begin, command_plan, migration, signal_plan, small, terminate, up};

fn safe() -> lockkeeper::domain::plan::Plan {
    migration(6, Direction::Up, Risk::Safe)
}

fn destructive() -> lockkeeper::domain::plan::Plan {
    migration(7, Direction::Up, Risk::Destructive)
}

fn shown(plan: lockkeeper::domain::plan::Plan) -> Driven {
    let mut driven = Driven::new();
    driven.ask(up(Goal::One), plan);
    driven
}

fn running() -> Driven {
    let mut driven = shown(safe());
    assert_eq!(driven.yes(), ["perform"]);
    driven
}

#[test]
fn a_yes_to_the_shown_plan_performs_it_once() {
    let mut driven = shown(safe());
    let answer = driven.right_answer().expect("it is shown");
    assert_eq!(driven.event(Event::Answered(answer.clone())), ["perform"]);
    assert_eq!(driven.event(Event::Answered(answer)), [""; 0]);
    assert_eq!(driven.running[0].confirmed.plan(), &safe());
}

fn worsened() -> Outcome {
    let why = "table users: 7 now, 0 when it was shown";
    Outcome { scenario: Some(Scenario::Worsened), ..Outcome::new(Ending::NotRun, why) }
}

#[test]
fn what_has_become_worse_since_it_was_shown_is_shown_again_and_not_run() {
    let mut driven = running();
    assert_eq!(driven.ends(worsened()), ["preview"]);
    assert!(driven.said().contains("7 now, 0 when it was shown"), "{}", driven.said());
    let (ticket, request) = driven.asked.clone().expect("it is planned again");
    assert!(matches!(request, Request::Migrate { direction: Direction::Up, .. }), "{request:?}");
    let plan = Previewed::Plan(Box::new(safe()));
    assert_eq!(driven.event(Event::Previewed(ticket, plan)), [""; 0]);
    assert_eq!(driven.performed, 1, "nothing runs without another yes");
    assert!(!driven.session.is_fallen());
    assert_eq!(driven.yes(), ["perform"]);
}

#[test]
fn what_was_to_follow_it_still_follows_what_was_shown_again() {
    let mut driven = Driven::new();
    driven.ask(up(Goal::End), safe());
    driven.yes();
    driven.ends(worsened());
    let (ticket, request) = driven.asked.clone().expect("it is planned again");
    assert_eq!(request, up(Goal::End));
    driven.event(Event::Previewed(ticket, Previewed::Plan(Box::new(safe()))));
    driven.yes();
    assert_eq!(driven.ends(Outcome::new(Ending::Done, "")), ["preview"], "the next one");
}

#[test]
fn asking_and_showing_perform_nothing() {
    let driven = shown(safe());
    assert_eq!(driven.performed, 0);
    assert_eq!(driven.session.pending().expect("it is shown").plan(), &safe());
}

#[test]
fn a_yes_to_another_plan_is_refused_and_the_plan_stays_shown() {
    let mut driven = shown(safe());
    let other = Answer::Key(destructive().hash());
    assert_eq!(driven.event(Event::Answered(other)), [""; 0]);
    assert!(driven.said().contains("changed since it was shown"), "{}", driven.said());
    assert!(driven.session.pending().is_some());
}

#[test]
fn near_misses_of_the_name_are_refused() {
    for near in ["Shop", "SHOP", "shop ", " shop", "sho", "shopp", "", "sh op", "ѕhop", "shop\n"] {
        let mut driven = shown(destructive());
        let answer = Answer::Typed(destructive().hash(), near.into());
        assert_eq!(driven.event(Event::Answered(answer)), [""; 0], "{near:?}");
        assert_eq!(driven.yes(), ["perform"], "the exact name still runs it after {near:?}");
    }
}

#[test]
fn a_key_is_not_enough_where_something_can_be_lost() {
    let mut driven = shown(destructive());
    assert_eq!(driven.event(Event::Answered(Answer::Key(destructive().hash()))), [""; 0]);
    assert!(driven.said().contains("type shop"), "{}", driven.said());
}

#[test]
fn the_beginning_of_a_hash_confirms_nothing() {
    let mut driven = shown(safe());
    let short = Hash::new(&safe().hash().as_str()[..16]);
    assert_eq!(driven.event(Event::Answered(Answer::Script(short))), [""; 0]);
}

#[test]
fn a_plan_that_was_left_cannot_be_confirmed_any_more() {
    let mut driven = shown(safe());
    let answer = driven.right_answer().expect("it is shown");
    driven.event(Event::Dismissed);
    assert_eq!(driven.event(Event::Answered(answer)), [""; 0]);
}

#[test]
fn a_late_plan_of_an_older_request_is_dropped() {
    let mut driven = Driven::new();
    driven.event(Event::Asked(up(Goal::One)));
    let (old, _) = driven.asked.clone().expect("it is asked");
    driven.event(Event::Asked(terminate()));
    let late = Event::Previewed(old, Previewed::Plan(Box::new(safe())));
    assert_eq!(driven.event(late), [""; 0]);
    assert!(driven.session.pending().is_none());
    driven.show(signal_plan(Signal::Terminate));
    assert!(driven.session.pending().is_some_and(Pending::is_signal));
}

#[test]
fn nothing_new_is_asked_for_while_a_plan_is_shown() {
    let mut driven = shown(safe());
    assert_eq!(driven.event(Event::Asked(terminate())), [""; 0]);
    assert_eq!(driven.session.pending().expect("it stays").plan(), &safe());
}

#[test]
fn a_second_migration_is_refused_while_one_runs_and_a_signal_is_not() {
    let mut driven = running();
    assert_eq!(driven.event(Event::Asked(up(Goal::One))), [""; 0]);
    assert!(driven.said().contains("is running"), "{}", driven.said());
    driven.ask(terminate(), signal_plan(Signal::Terminate));
    assert_eq!(driven.yes(), ["perform"]);
}

#[test]
fn only_a_lock_timeout_is_tried_again_by_itself() {
    for ending in [
        Ending::Done,
        Ending::NotRun,
        Ending::RolledBack,
        Ending::Partial,
        Ending::Failed,
        Ending::Stopped,
        Ending::RanElsewhere,
        Ending::Unknown,
    ] {
        let mut driven = running();
        driven.end(ending);
        assert_eq!(driven.tick(1_000), [""; 0], "{ending:?}");
        assert!(driven.session.acting().is_empty());
    }
}

#[test]
fn retries_end_with_the_attempts_that_were_confirmed() {
    let mut driven = running();
    for attempt in [2, 3] {
        driven.end(Ending::LockTimeout);
        assert_eq!(driven.tick(0), [""; 0], "the queue behind it has to drain first");
        assert_eq!(driven.tick(60), ["perform"]);
        assert_eq!(driven.running[0].confirmed.attempt(), attempt);
    }
    driven.end(Ending::LockTimeout);
    assert_eq!(driven.tick(1_000), [""; 0]);
    assert_eq!(driven.performed, 3);
}

#[test]
fn a_retry_needs_the_ticket_of_this_very_plan() {
    let mut driven = running();
    let act = driven.running[0].act.clone();
    let other = destructive().confirm(&Answer::Script(destructive().hash())).expect("confirmed");
    let outcome = Outcome::new(Ending::LockTimeout, "");
    driven.event(Event::Performed { act, outcome, confirmed: Some(other) });
    assert_eq!(driven.tick(1_000), [""; 0]);
}

#[test]
fn nothing_is_tried_again_after_a_stop() {
    let mut driven = running();
    assert_eq!(driven.event(Event::StopAsked(How::Cancel)), ["stop"]);
    driven.end(Ending::LockTimeout);
    assert_eq!(driven.tick(1_000), [""; 0]);
    assert!(driven.session.acting().is_empty());
}

#[test]
fn a_stop_between_two_attempts_ends_the_act_at_once() {
    let mut driven = running();
    driven.end(Ending::LockTimeout);
    assert_eq!(driven.event(Event::StopAsked(How::Cancel)), [""; 0]);
    assert_eq!(driven.tick(1_000), [""; 0]);
    assert!(driven.session.acting().is_empty());
}

#[test]
fn nothing_is_performed_once_a_record_failed() {
    let full = || Event::RecordFailed("no space left on device".into());
    let mut driven = shown(safe());
    let answer = driven.right_answer().expect("it is shown");
    driven.event(full());
    assert_eq!(driven.event(Event::Answered(answer)), [""; 0]);
    assert_eq!(driven.event(Event::Asked(up(Goal::One))), [""; 0]);

    let mut driven = running();
    driven.event(full());
    driven.end(Ending::LockTimeout);
    assert_eq!(driven.tick(1_000), [""; 0], "the attempt that ran was the last");

    let mut driven = running();
    driven.end(Ending::LockTimeout);
    driven.event(full());
    assert_eq!(driven.tick(1_000), [""; 0], "the next attempt was due already");
    assert!(driven.session.acting().is_empty(), "and it does not look as if it ran");
}

#[test]
fn a_running_act_can_be_stopped_although_nothing_can_be_recorded() {
    let mut driven = running();
    driven.event(Event::RecordFailed("full".into()));
    assert_eq!(driven.event(Event::StopAsked(How::Kill)), ["stop"]);
}

#[test]
fn an_end_that_nobody_waits_for_changes_nothing() {
    let mut driven = running();
    let outcome = Outcome::new(Ending::Done, "");
    let stranger = Event::Performed { act: "a99".into(), outcome, confirmed: None };
    assert_eq!(driven.event(stranger), [""; 0]);
    assert_eq!(driven.session.acting().len(), 1);
}

#[test]
fn an_operators_procedure_plans_its_next_act_and_asks_again() {
    let mut driven = Driven::new();
    driven.ask(up(Goal::End), safe());
    driven.yes();
    assert_eq!(driven.end(Ending::Done), ["preview"]);
    driven.show(destructive());
    assert_eq!(driven.performed, 1, "the second one waits for its own yes");
}

#[test]
fn a_signal_beside_a_procedure_does_not_end_it() {
    let mut driven = Driven::new();
    driven.ask(up(Goal::End), safe());
    driven.yes();
    driven.ask(terminate(), signal_plan(Signal::Terminate));
    driven.yes();
    assert_eq!(driven.end(Ending::Done), [""; 0], "the signal");
    assert_eq!(driven.end(Ending::Done), ["preview"], "the migration");
}

#[test]
fn a_procedure_ends_with_a_failure_a_stop_or_a_no() {
    for ending in [Ending::RolledBack, Ending::Unknown, Ending::RanElsewhere] {
        let mut driven = Driven::new();
        driven.ask(up(Goal::End), safe());
        driven.yes();
        assert_eq!(driven.end(ending), [""; 0], "{ending:?}");
    }
    let mut driven = Driven::new();
    driven.ask(up(Goal::End), safe());
    driven.yes();
    driven.event(Event::StopAsked(How::Cancel));
    assert_eq!(driven.end(Ending::Done), [""; 0], "the stop came too late, and still counts");
    let mut driven = Driven::new();
    driven.ask(up(Goal::End), safe());
    driven.event(Event::Dismissed);
    driven.ask(up(Goal::One), safe());
    driven.yes();
    assert_eq!(driven.end(Ending::Done), [""; 0]);
}

#[test]
fn no_walk_begins_before_its_journal_is_open_nor_without_one() {
    let mut driven = Driven::new();
    let effects = driven.session.walk_begins(begin(small()));
    assert_eq!(driven.take(effects), ["open"]);
    assert!(driven.session.walk().is_none());
    let effects = driven.session.walk_begins(begin(small()));
    assert_eq!(driven.take(effects), [""; 0], "one at a time");
    driven.event(Event::Opened(Err("read-only file system".into())));
    assert!(driven.session.walk().is_none());
    assert!(driven.said().contains("read-only file system"));
}

#[test]
fn no_walk_begins_once_a_record_failed() {
    let mut driven = Driven::new();
    driven.event(Event::RecordFailed("full".into()));
    let effects = driven.session.walk_begins(begin(small()));
    assert_eq!(driven.take(effects), [""; 0]);
}

#[test]
fn an_operators_request_puts_the_steps_own_back_instead_of_losing_it() {
    let mut driven = Driven::walking(small());
    driven.until("gated");
    driven.go(Move::Run);
    assert_eq!(driven.find(Find::Good), ["preview"]);
    driven.ask(terminate(), signal_plan(Signal::Terminate));
    assert_eq!(*driven.phase(), Phase::Ready, "the step is not stuck in its planning");
    driven.event(Event::Dismissed);
    driven.go(Move::Run);
    assert_eq!(driven.find(Find::Good), ["preview"]);
}

#[test]
fn an_open_dialog_does_not_fail_the_step_that_wants_to_go_on() {
    let mut driven = Driven::walking(small());
    driven.until("gated");
    driven.go(Move::Run);
    driven.ask(terminate(), signal_plan(Signal::Terminate));
    assert_eq!(driven.find(Find::Good), [""; 0]);
    assert_eq!(*driven.phase(), Phase::Ready);
    assert!(driven.said().contains("answer the plan that is shown first"));
}

#[test]
fn the_act_of_a_run_that_was_left_passes_no_step_of_the_next_run() {
    let mut driven = Driven::walking(small());
    driven.until("gated");
    driven.go(Move::Run);
    driven.find(Find::Good);
    driven.show(command_plan());
    driven.yes();
    driven.find(Find::Good);
    assert_eq!(driven.go(Move::Abandon("wrong server".into())), [""; 0]);
    assert_eq!(driven.recorded.last(), Some(&Kind::Stop), "that it is over is recorded at once");
    let begins = |driven: &mut Driven| {
        let effects = driven.session.walk_begins(begin(small()));
        driven.take(effects)
    };
    assert_eq!(begins(&mut driven), [""; 0], "what still runs is waited for");
    assert_eq!(driven.end(Ending::Done), ["close"], "the end comes after the last outcome");
    assert_eq!(begins(&mut driven), ["open"]);
    driven.event(Event::Opened(Ok("second".into())));
    assert_eq!(driven.step(), "hello");
    assert_eq!(driven.status("hello"), None);
}

#[test]
fn an_act_of_a_run_that_was_left_is_not_tried_again() {
    let at_up = || {
        let mut driven = Driven::walking(small());
        driven.until("up");
        driven.go(Move::Run);
        driven.show(safe());
        driven.yes();
        driven
    };
    let mut driven = at_up();
    driven.go(Move::Abandon("no".into()));
    driven.end(Ending::LockTimeout);
    assert_eq!(driven.tick(1_000), [""; 0]);

    let mut driven = at_up();
    driven.end(Ending::LockTimeout);
    driven.go(Move::Abandon("no".into()));
    assert_eq!(driven.tick(1_000), [""; 0]);
    assert!(driven.session.acting().is_empty());
    assert!(matches!(driven.walk().end(), Some(End::Abandoned { .. })));
    assert!(!driven.session.is_busy());
}

#[test]
fn a_pause_takes_the_shown_plan_back_and_holds_the_next_attempt() {
    let mut driven = Driven::walking(small());
    driven.until("up");
    driven.go(Move::Run);
    driven.show(safe());
    let answer = driven.right_answer().expect("it is shown");
    driven.go(Move::Pause);
    assert!(driven.session.pending().is_none(), "nothing is left to be said yes to");
    assert_eq!(driven.event(Event::Answered(answer)), [""; 0]);
    driven.go(Move::Pause);
    driven.go(Move::Run);
    driven.show(safe());
    driven.yes();
    driven.end(Ending::LockTimeout);
    driven.go(Move::Pause);
    assert_eq!(driven.tick(1_000), [""; 0]);
    driven.go(Move::Pause);
    assert_eq!(driven.tick(1), ["perform"]);
}

#[test]
fn a_refused_abandon_takes_nothing_back() {
    let mut driven = Driven::walking(small());
    driven.until("up");
    driven.go(Move::Run);
    driven.show(safe());
    driven.go(Move::Abandon("  ".into()));
    assert!(driven.session.pending().is_some());
    assert!(driven.walk().end().is_none());
}

#[test]
fn a_failed_migration_says_what_it_left_and_that_there_is_a_way_back() {
    for (ending, left, is_fallen) in [
        (Ending::RolledBack, "nothing of it was kept", false),
        (Ending::Partial, "do not run it again", true),
        (Ending::Unknown, "it may have run", true),
    ] {
        let mut driven = running();
        driven.end(ending);
        let (tone, said) = driven.said.last().expect("it says so");
        assert_eq!(*tone, Tone::Offer, "{said}");
        assert!(said.contains(left), "{said}");
        assert_eq!(driven.session.is_fallen(), is_fallen, "{ending:?}");
    }
    let mut driven = running();
    driven.end(Ending::Done);
    assert_eq!(driven.said.last().expect("it says so").0, Tone::Good);
    assert!(!driven.session.is_fallen());
}

#[test]
fn a_run_that_is_given_up_says_what_stays_of_it() {
    let mut driven = Driven::walking(small());
    driven.go(Move::Abandon("lunch".into()));
    assert_eq!(driven.said(), "the run small is abandoned: nothing was done in it");
    assert!(!driven.session.is_fallen());
    let mut driven = Driven::walking(small());
    driven.until("keep");
    driven.go(Move::Escalate("who knows".into()));
    assert!(driven.said().contains("goes to a person"), "{}", driven.said());
    assert!(driven.said().contains("done, and stay"), "{}", driven.said());
    assert!(driven.session.is_fallen());
}

#[test]
fn a_step_that_found_nothing_to_do_was_not_done() {
    let mut driven = Driven::walking(small());
    driven.until("gated");
    driven.go(Move::Skip("not here".into()));
    driven.go(Move::Run);
    driven.nothing_left();
    driven.find(Find::Good);
    assert_eq!(driven.step(), "keep");
    driven.go(Move::Abandon("lunch".into()));
    assert_eq!(driven.said(), "the run small is abandoned: nothing was done in it");
    assert!(!driven.session.is_fallen());
}

#[test]
fn a_plan_that_comes_after_a_record_failed_is_not_shown() {
    let mut driven = Driven::new();
    driven.event(Event::Asked(up(Goal::One)));
    driven.event(Event::RecordFailed("full".into()));
    assert_eq!(driven.show(safe()), [""; 0]);
    assert!(driven.session.pending().is_none());
    assert!(!driven.session.is_planning());
}

#[test]
fn a_run_makes_no_move_once_a_record_failed_but_can_be_left() {
    let mut driven = Driven::walking(small());
    driven.event(Event::RecordFailed("full".into()));
    assert_eq!(driven.go(Move::Continue), [""; 0]);
    assert_eq!(driven.step(), "hello");
    assert_eq!(driven.said(), "not done, because it cannot be recorded: full");
    driven.go(Move::Abandon("the disk is full".into()));
    assert!(driven.walk().end().is_some());
}

#[test]
fn a_run_that_was_handed_over_takes_no_more_moves_here() {
    let mut driven = Driven::walking(small());
    assert_eq!(driven.go(Move::Handover { to: "lee".into(), note: String::new() }), ["release"]);
    for step in [Move::Pause, Move::Continue, Move::Abandon("mine".into())] {
        assert_eq!(driven.go(step), [""; 0]);
        assert_eq!(driven.said(), "the run is handed over: whoever resumes it goes on");
    }
    assert!(driven.walk().end().is_none());
}

/// The step `up`, whose act runs.
fn running_step() -> Driven {
    let mut driven = Driven::walking(small());
    driven.until("up");
    driven.go(Move::Run);
    driven.show(safe());
    driven.yes();
    driven
}

#[test]
fn a_run_that_is_handed_over_before_or_between_attempts_is_let_go_of_once() {
    let hands_over = || Move::Handover { to: "lee".into(), note: String::new() };
    let mut between = running_step();
    between.end(Ending::LockTimeout);
    assert_eq!(between.go(hands_over()), ["release"]);
    let mut before = running_step();
    assert_eq!(before.go(hands_over()), [""; 0], "its end belongs into the run");
    assert_eq!(before.end(Ending::LockTimeout), ["release"]);
    for mut driven in [between, before] {
        assert!(driven.session.acting().is_empty());
        assert_eq!(driven.tick(1_000), [""; 0], "it is not tried again");
    }
}

#[test]
fn a_run_that_is_handed_over_before_its_act_found_more_to_lose_is_let_go_of_once() {
    let mut driven = running_step();
    driven.go(Move::Handover { to: "lee".into(), note: String::new() });
    assert_eq!(driven.ends(worsened()), ["release"]);
    assert_eq!(driven.tick(1_000), [""; 0]);
}
