//! Walking: what passes a step, what stops there, and what starts nothing.

use lockkeeper::domain::evidence::{Builtin, Reading, Value};
use lockkeeper::domain::journal::Kind;
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Risk};
use lockkeeper::session::effect::{Event, Goal, How};
use lockkeeper::session::walk::{CANNOT_TELL, ESCALATE, End, Means, Move, Phase, Purpose, Status};

use super::driver::{Driven, Find, is};
use super::{at, book, command_plan, migration, shipped, small, terminate, up};

const NONE: [&str; 0] = [];

fn at_step(step: &str) -> Driven {
    let mut driven = Driven::walking(small());
    driven.until(step);
    driven
}

fn choose(answer: &str, reason: Option<&str>) -> Move {
    Move::Choose { answer: answer.into(), reason: reason.map(str::to_owned) }
}

fn skip(driven: &mut Driven) -> Vec<&'static str> {
    driven.go(Move::Skip("known and harmless".into()))
}

/// The act `up`, run and ended.
fn ended(ending: Ending, message: &str) -> Driven {
    let mut driven = at_step("up");
    driven.go(Move::Run);
    driven.show(migration(6, Direction::Up, Risk::Safe));
    driven.yes();
    driven.end_saying(ending, message);
    driven
}

#[test]
fn a_check_passes_on_what_was_found_and_says_it() {
    let mut driven = at_step("hello");
    driven.go(Move::Continue);
    assert_eq!(*driven.phase(), Phase::Probing(Purpose::Check));
    driven.find(Find::Good);
    let passed = Status::Passed { means: Means::Sensed, value: "0".into() };
    assert_eq!(driven.status("calm"), Some(&passed));
}

#[test]
fn what_cannot_be_told_passes_no_check() {
    let mut driven = at_step("hello");
    driven.go(Move::Continue);
    assert_eq!(driven.find(Find::Unknown), NONE);
    assert!(matches!(driven.phase(), Phase::CheckFailed { unknown: true, .. }));
    assert_eq!(driven.step(), "calm");
}

#[test]
fn a_reading_that_does_not_come_back_is_unknown_whatever_was_read_before() {
    let mut driven = at_step("gated");
    driven.go(Move::Run);
    let (ticket, _) = driven.probing.clone().expect("the gate is read");
    assert_eq!(driven.event(Event::Probed(ticket, Vec::new())), NONE);
    assert!(matches!(driven.phase(), Phase::Denied { .. }), "{:?}", driven.phase());
}

#[test]
fn a_failed_check_is_read_again_or_skipped_with_a_reason() {
    let mut driven = at_step("hello");
    driven.go(Move::Continue);
    driven.find(Find::Bad);
    assert_eq!(driven.go(Move::Run), ["probe"]);
    driven.find(Find::Bad);
    assert_eq!(driven.go(Move::Skip("   ".into())), NONE);
    assert_eq!(driven.step(), "calm", "no reason, no skip");
    skip(&mut driven);
    assert_eq!(
        driven.status("calm"),
        Some(&Status::Skipped { reason: "known and harmless".into() })
    );
}

#[test]
fn a_failed_required_step_stops_the_run() {
    let mut driven = at_step("hello");
    driven.go(Move::Continue);
    driven.find(Find::Good);
    driven.find(Find::Bad);
    assert_eq!(driven.step(), "answers");
    let offered = driven.walk().offers();
    for step in [Move::Continue, Move::Skip("hurry".into()), Move::Override("hurry".into())] {
        assert_eq!(driven.go(step), NONE);
    }
    assert_eq!(driven.go(Move::Take("back".into())), NONE, "only what is offered: {offered:?}");
    assert_eq!(driven.step(), "answers");
    assert!(driven.walk().end().is_none());
}

#[test]
fn a_skip_starts_nothing() {
    let mut driven = at_step("gated");
    assert_eq!(skip(&mut driven), NONE);
    assert_eq!(driven.step(), "up");
    assert_eq!(driven.performed, 0);
    assert!(driven.recorded.contains(&Kind::Skip));
}

#[test]
fn a_step_whose_act_is_under_way_is_not_skipped() {
    let mut driven = at_step("gated");
    driven.go(Move::Run);
    driven.find(Find::Good);
    assert_eq!(skip(&mut driven), NONE);
    assert_eq!(driven.step(), "gated");
}

#[test]
fn a_step_that_is_free_to_skip_needs_no_reason_and_others_do() {
    let mut driven = Driven::walking(shipped());
    driven.go(Move::Skip(String::new()));
    assert_eq!(driven.step(), "connection");
}

#[test]
fn no_act_is_planned_before_its_gates_allow_it() {
    for find in [Find::Bad, Find::Unknown] {
        let mut driven = at_step("gated");
        assert_eq!(driven.go(Move::Run), ["probe"]);
        assert_eq!(driven.find(find), NONE, "{find:?}");
        assert!(matches!(driven.phase(), Phase::Denied { overridable: true, .. }));
    }
    let mut driven = at_step("gated");
    driven.go(Move::Run);
    assert_eq!(driven.find(Find::Good), ["preview"]);
}

#[test]
fn readings_that_are_too_old_deny() {
    let mut driven = at_step("gated");
    driven.go(Move::Run);
    let (ticket, _) = driven.probing.clone().expect("the gate is read");
    let old = Reading { value: Value::Int(0), at: at(driven.seconds - 86_400) };
    assert_eq!(driven.event(Event::Probed(ticket, vec![old])), NONE);
    assert!(matches!(driven.phase(), Phase::Denied { .. }));
}

#[test]
fn an_override_needs_a_reason_and_is_recorded_before_the_plan() {
    let mut driven = at_step("gated");
    driven.go(Move::Run);
    driven.find(Find::Bad);
    assert_eq!(driven.go(Move::Override(" ".into())), NONE);
    assert!(!driven.recorded.contains(&Kind::Override));
    assert_eq!(driven.go(Move::Override("the lead said so".into())), ["preview"]);
    assert!(driven.recorded.contains(&Kind::Override));
}

#[test]
fn identity_is_never_overridden() {
    let mut driven = at_step("keep");
    driven.go(choose("back", None));
    driven.go(Move::Run);
    driven.find(Find::Bad);
    assert!(matches!(driven.phase(), Phase::Denied { overridable: false, .. }));
    assert_eq!(driven.go(Move::Override("I am sure".into())), NONE);
}

/// A gated act whose plan is shown.
fn shown() -> Driven {
    let mut driven = at_step("gated");
    driven.go(Move::Run);
    driven.find(Find::Good);
    driven.show(command_plan());
    driven
}

#[test]
fn the_gates_are_read_once_more_at_the_yes_and_what_they_find_then_decides() {
    for find in [Find::Bad, Find::Unknown] {
        let mut driven = shown();
        assert_eq!(driven.yes(), ["probe"]);
        assert!(driven.walk().holds_a_yes());
        assert_eq!(driven.find(find), NONE, "{find:?}");
        assert!(matches!(driven.phase(), Phase::Denied { .. }), "{:?}", driven.phase());
        assert_eq!(driven.said(), "its gates deny it now: nothing was run");
        assert_eq!(driven.go(Move::Run), ["probe"], "it is asked and planned anew");
        assert_eq!(driven.find(Find::Good), ["preview"], "the yes from before counts no more");
        assert_eq!(driven.performed, 0);
    }
    let mut driven = shown();
    driven.yes();
    assert_eq!(driven.find(Find::Good), ["perform"]);
}

#[test]
fn a_yes_that_waits_for_its_gates_is_withdrawn_by_a_pause_a_signal_and_the_end() {
    let ways: [fn(&mut Driven); 4] = [
        |driven| drop(driven.go(Move::Pause)),
        |driven| drop(driven.event(Event::Asked(terminate()))),
        |driven| drop(driven.go(Move::Abandon("enough".into()))),
        |driven| drop(driven.event(Event::RecordFailed("full".into()))),
    ];
    for way in ways {
        let mut driven = shown();
        driven.yes();
        way(&mut driven);
        assert_eq!(driven.find(Find::Good), NONE);
        assert_eq!(driven.performed, 0);
    }
    let mut driven = shown();
    driven.yes();
    skip(&mut driven);
    assert_eq!(driven.said(), "the step's act is under way: leave its plan, or stop it, first");
    assert_eq!(driven.event(Event::Asked(up(Goal::One))), NONE, "nothing else is planned");
    assert_eq!(driven.find(Find::Good), ["perform"]);
}

#[test]
fn what_was_overridden_stays_so_at_the_yes_unless_it_is_worse() {
    let overridden = |before: Find, at_the_yes: Find| {
        let mut driven = at_step("gated");
        driven.go(Move::Run);
        driven.find(before);
        driven.go(Move::Override("the queue is ours".into()));
        driven.show(command_plan());
        driven.yes();
        driven.find(at_the_yes)
    };
    assert_eq!(overridden(Find::Bad, Find::Bad), ["perform"]);
    assert_eq!(overridden(Find::Unknown, Find::Unknown), ["perform"]);
    assert_eq!(overridden(Find::Bad, Find::Good), ["perform"]);
    assert_eq!(overridden(Find::Unknown, Find::Bad), NONE, "known bad is not what was overridden");
    assert_eq!(overridden(Find::Bad, Find::Unknown), NONE);
}

#[test]
fn a_gate_that_the_runbook_does_not_have_denies_and_is_never_overridden() {
    let mut book = small();
    book.gates.clear();
    let mut driven = Driven::walking(book);
    driven.until("gated");
    assert_eq!(driven.go(Move::Run), NONE);
    assert!(matches!(driven.phase(), Phase::Denied { overridable: false, .. }));
    assert_eq!(driven.go(Move::Override("because".into())), NONE);
}

#[test]
fn a_late_reading_of_an_older_question_is_dropped() {
    let mut driven = at_step("hello");
    driven.go(Move::Continue);
    let (old, probes) = driven.probing.clone().expect("the check is read");
    let readings = driven.readings(&probes, Find::Good);
    skip(&mut driven);
    assert_eq!(driven.event(Event::Probed(old, readings)), NONE);
    assert_eq!(driven.step(), "answers");
}

#[test]
fn each_migration_of_a_procedure_passes_gates_and_a_yes_of_its_own() {
    let mut driven = at_step("up");
    let before = driven.performed;
    driven.go(Move::Run);
    for number in 1..=3 {
        driven.show(migration(number, Direction::Up, Risk::Safe));
        assert_eq!(driven.yes(), ["perform"]);
        assert_eq!(driven.end(Ending::Done), ["preview"]);
        assert_eq!(driven.performed - before, number as usize);
    }
    assert_eq!(driven.nothing_left(), ["probe"], "what must hold afterwards is read");
    assert!(driven.probing.iter().all(|(_, all)| is(&all[0], Builtin::RevisionIsNext)));
    driven.find(Find::Good);
    let passed = Status::Passed { means: Means::Acted, value: "3 acts done".into() };
    assert_eq!(driven.status("up"), Some(&passed));
}

#[test]
fn an_act_whose_checks_do_not_hold_is_never_run_again_but_its_checks_are() {
    for (find, unknown) in [(Find::Bad, false), (Find::Unknown, true)] {
        let mut driven = at_step("up");
        driven.go(Move::Run);
        driven.nothing_left();
        driven.find(find);
        assert!(matches!(driven.phase(), Phase::Unproven { unknown: u, .. } if *u == unknown));
        assert_eq!(driven.go(Move::Run), ["probe"]);
        driven.find(Find::Good);
        assert_eq!(driven.step(), "keep");
    }
}

#[test]
fn what_may_be_half_done_is_not_tried_again() {
    for ending in [Ending::Partial, Ending::Failed, Ending::RanElsewhere, Ending::Unknown] {
        let mut driven = ended(ending, "");
        assert_eq!(driven.go(Move::Run), NONE, "{ending:?}");
        assert!(matches!(driven.phase(), Phase::Failed { may_retry: false, .. }));
    }
}

#[test]
fn a_step_is_retried_no_more_often_than_it_says() {
    let mut driven = ended(Ending::RolledBack, "");
    for _ in 0..2 {
        assert_eq!(driven.go(Move::Run), ["preview"]);
        driven.show(migration(6, Direction::Up, Risk::Safe));
        driven.yes();
        driven.end(Ending::RolledBack);
    }
    assert_eq!(driven.go(Move::Run), NONE);
}

#[test]
fn a_scenario_that_fits_the_error_forbids_the_retry_and_offers_its_way_on() {
    let mut driven = ended(Ending::RolledBack, "could not extend file: No space left on device");
    assert_eq!(driven.go(Move::Run), NONE);
    assert_eq!(driven.walk().offers(), ["mend", ESCALATE]);
    driven.go(Move::Take("mend".into()));
    assert_eq!(driven.step(), "look");
    assert!(
        matches!(driven.status("up"), Some(Status::Failed { why }) if why.contains("No space"))
    );
    assert_eq!(driven.go(Move::Continue), ["close"], "a branch ends the run");
}

#[test]
fn a_failure_can_be_escalated_where_the_step_offers_it() {
    let mut driven = ended(Ending::RolledBack, "");
    assert_eq!(driven.go(Move::Take(ESCALATE.into())), ["close"]);
    assert!(matches!(driven.walk().end(), Some(End::Escalated { .. })));
}

#[test]
fn cannot_tell_is_always_an_answer_and_leads_to_a_person() {
    let mut driven = at_step("keep");
    assert_eq!(driven.go(choose(CANNOT_TELL, None)), ["close"]);
    assert_eq!(driven.walk().end(), Some(&End::Escalated { question: "Keep it?".into() }));
}

#[test]
fn an_answer_against_the_suggestion_needs_a_reason() {
    let mut driven = at_step("up");
    driven.go(Move::Run);
    driven.nothing_left();
    driven.find(Find::Good);
    let (ticket, _) = driven.probing.clone().expect("the evidence is read");
    let waiting = Reading { value: Value::Int(4), at: at(driven.seconds) };
    driven.event(Event::Probed(ticket, vec![waiting]));
    assert_eq!(driven.walk().suggestion(), Some("back"));
    assert_eq!(driven.go(choose("keep", None)), NONE);
    assert_eq!(driven.go(choose("keep", Some("  "))), NONE);
    assert_eq!(driven.go(choose("keep", Some("they wait for the nightly report"))), ["close"]);
}

#[test]
fn an_answer_that_comes_before_its_evidence_is_not_taken_and_nothing_is_stuck() {
    let mut driven = at_step("up");
    driven.go(Move::Run);
    driven.nothing_left();
    driven.find(Find::Good);
    assert_eq!(*driven.phase(), Phase::Probing(Purpose::Evidence));
    assert_eq!(driven.go(choose("keep", None)), NONE);
    driven.find(Find::Good);
    assert_eq!(driven.go(choose("nonsense", None)), NONE);
    assert_eq!(driven.go(choose("keep", None)), ["close"]);
}

#[test]
fn a_pause_starts_nothing_and_holds_before_the_next_step() {
    let mut driven = at_step("hello");
    driven.go(Move::Pause);
    assert_eq!(driven.go(Move::Continue), NONE);
    driven.go(Move::Pause);
    driven.go(Move::Continue);
    driven.go(Move::Pause);
    assert_eq!(driven.find(Find::Good), NONE, "the next check is not read");
    assert_eq!((driven.step(), driven.phase()), ("answers", &Phase::Held));
    assert_eq!(driven.go(Move::Pause), ["probe"]);
}

#[test]
fn a_pause_while_gates_are_read_plans_nothing() {
    let mut driven = at_step("gated");
    driven.go(Move::Run);
    driven.go(Move::Pause);
    assert_eq!(driven.find(Find::Good), NONE);
    assert_eq!(*driven.phase(), Phase::Ready);
}

#[test]
fn stop_after_this_step_lets_it_end_and_pauses_there() {
    let mut driven = at_step("up");
    driven.go(Move::Run);
    driven.show(migration(1, Direction::Up, Risk::Safe));
    driven.yes();
    driven.go(Move::StopAfter);
    assert_eq!(driven.end(Ending::Done), NONE, "the next migration is not planned");
    assert!(driven.walk().is_paused());
    driven.go(Move::Pause);
    assert_eq!(driven.go(Move::Run), ["preview"]);
}

#[test]
fn a_cancelled_act_that_ended_well_all_the_same_plans_no_other() {
    let mut driven = at_step("up");
    driven.go(Move::Run);
    driven.show(migration(1, Direction::Up, Risk::Safe));
    driven.yes();
    driven.event(Event::StopAsked(How::Cancel));
    assert_eq!(driven.end(Ending::Done), NONE);
    assert_eq!(*driven.phase(), Phase::Ready);
}

#[test]
fn a_plan_that_was_left_leaves_the_step_where_it_was() {
    let mut driven = at_step("up");
    driven.go(Move::Run);
    driven.show(migration(1, Direction::Up, Risk::Safe));
    driven.event(Event::Dismissed);
    assert_eq!(*driven.phase(), Phase::Ready);
    assert_eq!(driven.performed, 1, "only the step before");
}

#[test]
fn after_the_end_nothing_happens() {
    let mut driven = at_step("up");
    assert_eq!(driven.go(Move::Abandon(" ".into())), NONE, "not without a reason");
    driven.go(Move::Abandon("lunch".into()));
    let moves = [
        Move::Continue,
        Move::Run,
        Move::Skip("x".into()),
        Move::Override("x".into()),
        Move::Note("x".into()),
        Move::Pause,
        Move::StopAfter,
        Move::Take("mend".into()),
        Move::Abandon("again".into()),
        choose(CANNOT_TELL, None),
    ];
    let recorded = driven.recorded.len();
    for step in moves {
        assert_eq!(driven.go(step), NONE);
    }
    assert_eq!((driven.recorded.len(), driven.closed), (recorded, 1));
}

#[test]
fn what_is_not_here_is_passed_over_and_what_cannot_be_told_is_shown() {
    let text = |when: &str| {
        format!(
            "schema = 1\nid = \"t\"\ntitle = \"t\"\n[[section]]\nid = \"a\"\ntitle = \"a\"\n\
             [[section.step]]\nid = \"one\"\nkind = \"notice\"\ntitle = \"1\"\ntext = \"1\"\n{when}\n\
             [[section.step]]\nid = \"two\"\nkind = \"notice\"\ntitle = \"2\"\ntext = \"2\"\n"
        )
    };
    let driven = Driven::walking(book(&text("when = { class = [\"scratch\"] }")));
    assert_eq!((driven.step(), driven.status("one")), ("two", Some(&Status::NotHere)));
    let driven = Driven::walking(book(&text("when = { tool = [\"alembic\"] }")));
    assert_eq!(driven.step(), "one", "the tool is not known");
}

#[test]
fn an_act_that_cannot_be_planned_is_refused_with_its_reason_and_skipped_or_escalated() {
    let text = "schema = 1\nid = \"t\"\ntitle = \"t\"\n[[section]]\nid = \"a\"\ntitle = \"a\"\n\
                [[section.step]]\nid = \"one\"\nkind = \"act\"\ntitle = \"1\"\nconfigured = \"restart\"\n";
    let refused = || {
        let mut driven = Driven::walking(book(text));
        assert_eq!(driven.go(Move::Run), NONE);
        assert!(
            matches!(driven.phase(), Phase::Refused(why) if why.contains("has no command restart"))
        );
        assert_eq!(driven.walk().offers(), [ESCALATE]);
        driven
    };
    assert_eq!(refused().go(Move::Skip("made by hand".into())), ["close"]);
    let mut driven = refused();
    assert_eq!(driven.go(Move::Take(ESCALATE.into())), ["close"]);
    assert!(matches!(driven.walk().end(), Some(End::Escalated { .. })));
}

/// A look at something, and a command with what was found there.
const FOUND: &str = r#"
schema = 1
id = "t"
title = "t"

[probe.tables]
sql = "SELECT count(*) FROM pg_tables"

[[section]]
id = "a"
title = "a"

[[section.step]]
id = "look"
kind = "check"
title = "look"
probe = "tables"
expect = { min = 1 }

[[section.step]]
id = "use"
kind = "act"
title = "use it"
risk = "safe"
command = ["notify", "{probe.tables}"]
"#;

#[test]
fn what_is_not_known_is_no_argument_of_a_command() {
    let mut driven = Driven::walking(book(FOUND));
    driven.find(Find::Unknown);
    driven.go(Move::Skip("looked at by hand".into()));
    assert_eq!(driven.step(), "use");
    assert_eq!(driven.go(Move::Run), NONE);
    let Phase::Refused(why) = driven.phase() else { panic!("{:?}", driven.phase()) };
    assert_eq!(why, "{probe.tables} is not known: timed out");
}

#[test]
fn the_shipped_runbook_goes_through_its_checks_after_the_migration() {
    let mut driven = Driven::walking(shipped());
    driven.until("keep");
    for step in ["connection", "pending", "up", "revision", "invalid_indexes_after"] {
        assert!(matches!(driven.status(step), Some(Status::Passed { .. })), "{step}");
    }
    driven.go(choose("down", None));
    assert!(
        matches!(driven.phase(), Phase::Refused(why) if why.contains("rollback")),
        "no library"
    );
}
