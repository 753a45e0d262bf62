//! What an act has opened is due until it is undone, or refused with a reason: the run does
//! not end before.

use lockkeeper::domain::journal::{Entry, Kind, Record};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Answer, Plan};
use lockkeeper::session::effect::{Event, Request};
use lockkeeper::session::machine::Begin;
use lockkeeper::session::walk::{End, Move, Phase, Status, Walk};

use super::driver::Driven;
use super::{at, begin, book, command_plan, place};

const BOOK: &str = r#"
schema = 1
id = "bracket"
title = "Bracket"

[[section]]
id = "main"
title = "Main"

[[section.step]]
id = "on"
kind = "act"
title = "Maintenance on"
configured = "maintenance_on"
undo = { configured = "maintenance_off" }

[[section.step]]
id = "read"
kind = "notice"
title = "Read"
text = "Read this."

[[section.step]]
id = "off"
kind = "act"
title = "Maintenance off"
undo_of = "on"

[[section.step]]
id = "last"
kind = "notice"
title = "Last"
text = "Read this too."
"#;

fn bracket() -> Begin {
    let mut begin = begin(book(BOOK));
    let commands = &mut begin.place.commands;
    commands.insert("maintenance_on".into(), vec!["switch".into(), "on".into()]);
    commands.insert("maintenance_off".into(), vec!["switch".into(), "off".into()]);
    begin
}

fn walking() -> Driven {
    let mut driven = Driven::new();
    let effects = driven.session.walk_begins(bracket());
    driven.take(effects);
    driven.event(Event::Opened(Ok("run".into())));
    driven
}

fn asked(driven: &Driven) -> Vec<String> {
    match driven.asked.clone().expect("something is to be planned") {
        (_, Request::Command { argv, .. }) => argv,
        (_, other) => panic!("{other:?}"),
    }
}

fn act(driven: &mut Driven, ending: Ending) {
    driven.go(Move::Run);
    driven.show(command_plan());
    driven.yes();
    driven.end(ending);
}

/// The maintenance mode is on, and the notice behind it is shown.
pub fn opened() -> Driven {
    let mut driven = walking();
    driven.go(Move::Run);
    assert_eq!(asked(&driven), ["switch", "on"]);
    driven.show(command_plan());
    driven.yes();
    driven.end(Ending::Done);
    assert_eq!(driven.step(), "read");
    assert_eq!(
        driven.walk().due().map(|due| due.title.as_str()).collect::<Vec<_>>(),
        ["Maintenance on"]
    );
    driven
}

#[test]
fn a_run_that_is_abandoned_ends_only_after_what_it_opened_is_undone() {
    let mut driven = opened();
    assert_eq!(driven.go(Move::Abandon("enough".into())), [""; 0]);
    assert_eq!((driven.phase(), driven.walk().end()), (&Phase::Undo(None), None));
    for other in [Move::Abandon("now".into()), Move::Continue, Move::Pause] {
        assert_eq!(driven.go(other), [""; 0]);
        assert!(driven.said().contains("undo what is due first"), "{}", driven.said());
    }
    driven.go(Move::Run);
    assert_eq!(asked(&driven), ["switch", "off"]);
    driven.show(command_plan());
    driven.yes();
    assert!(driven.end(Ending::Done).contains(&"close"));
    assert_eq!(driven.walk().end(), Some(&End::Abandoned { reason: "enough".into() }));
    assert_eq!((driven.closed, driven.performed), (1, 2));
}

#[test]
fn an_undoing_that_fails_or_is_left_stays_due() {
    let mut driven = opened();
    driven.go(Move::Escalate("cannot tell".into()));
    act(&mut driven, Ending::Failed);
    assert!(matches!(driven.phase(), Phase::Undo(Some(_))), "{:?}", driven.phase());
    driven.go(Move::Run);
    driven.show(command_plan());
    driven.event(Event::Dismissed);
    assert_eq!((driven.phase(), driven.closed), (&Phase::Undo(None), 0));
    act(&mut driven, Ending::Done);
    assert_eq!(driven.closed, 1);
}

#[test]
fn an_undoing_is_refused_for_a_reason_which_is_recorded() {
    let mut driven = opened();
    driven.go(Move::Abandon("enough".into()));
    assert_eq!(driven.go(Move::Skip("  ".into())), [""; 0]);
    assert_eq!((driven.phase(), driven.closed), (&Phase::Undo(None), 0), "no reason, no end");
    let before = driven.recorded.len();
    driven.go(Move::Skip("the night shift keeps it on".into()));
    assert_eq!((driven.closed, driven.performed), (1, 1), "nothing was run");
    assert_eq!(driven.recorded[before..], [Kind::Note]);
}

/// A plan as planning returns one of a command.
fn planned() -> Plan {
    let mut plan = command_plan();
    plan.preview.back = "unknown: the runbook names none".into();
    plan
}

fn back(driven: &Driven) -> &str {
    &driven.session.pending().expect("it is shown").plan().preview.back
}

#[test]
fn a_plan_says_what_undoes_it_and_that_it_undoes_something() {
    let mut driven = walking();
    driven.go(Move::Run);
    driven.show(planned());
    assert_eq!(back(&driven), "switch off; due until it is done");
    driven.yes();
    driven.end(Ending::Done);
    driven.go(Move::Continue);
    for ends in [false, true] {
        if ends {
            driven.event(Event::Dismissed);
            assert_eq!(driven.said(), "left: this plan is not run");
            driven.go(Move::Abandon("enough".into()));
        }
        driven.go(Move::Run);
        driven.show(planned());
        assert_eq!(back(&driven), "none is needed: it undoes Maintenance on");
    }
}

/// The run is abandoned, and what it has opened is due.
pub fn ending() -> Driven {
    let mut driven = opened();
    driven.go(Move::Abandon("enough for tonight".into()));
    driven
}

/// The same, while it is being undone.
pub fn undoing() -> Driven {
    let mut driven = ending();
    driven.go(Move::Run);
    driven.show(command_plan());
    driven.yes();
    driven
}

/// The same, after the undoing has failed.
pub fn failed() -> Driven {
    let mut driven = undoing();
    driven.end_saying(Ending::Failed, "rm: cannot remove 'maintenance': No such file");
    driven
}

/// The run has ended, and what it has opened was left as it is.
pub fn left() -> Driven {
    let mut driven = ending();
    driven.go(Move::Skip("the night shift keeps it on".into()));
    driven
}

#[test]
fn what_is_left_as_it_is_stays_named() {
    let driven = left();
    assert_eq!(driven.closed, 1);
    let left: Vec<&str> = driven.walk().left_open().collect();
    assert_eq!(left, ["Maintenance on: the night shift keeps it on"]);
}

#[test]
fn a_step_that_undoes_it_leaves_nothing_due() {
    let mut driven = opened();
    driven.go(Move::Continue);
    assert_eq!(driven.step(), "off");
    driven.go(Move::Run);
    assert_eq!(asked(&driven), ["switch", "off"]);
    driven.show(command_plan());
    driven.yes();
    driven.end(Ending::Done);
    assert_eq!(driven.walk().due().count(), 0);
    driven.go(Move::Continue);
    assert_eq!(driven.walk().end(), Some(&End::Completed));
}

#[test]
fn a_step_that_would_undo_what_was_never_done_is_not_here() {
    let mut driven = walking();
    driven.go(Move::Skip("no need".into()));
    driven.go(Move::Continue);
    assert_eq!((driven.step(), driven.status("off")), ("last", Some(&Status::NotHere)));
    driven.go(Move::Continue);
    assert_eq!(driven.walk().end(), Some(&End::Completed));
}

#[test]
fn a_command_that_is_not_configured_is_refused_by_its_name() {
    let mut driven = Driven::walking(book(BOOK));
    driven.go(Move::Run);
    let Phase::Refused(why) = driven.phase() else { panic!("{:?}", driven.phase()) };
    assert!(why.contains("no command maintenance_on") && why.contains("[commands]"), "{why}");
}

/// The records of a run that has opened something and was left while it ended so far.
fn records(ending: bool) -> Vec<Record> {
    let plan = command_plan();
    let confirmed = plan.clone().confirm(&Answer::Script(plan.hash())).expect("it is confirmed");
    let step = |id: &str| {
        Entry::new(Kind::Step, serde_json::json!({ "section": "main", "title": id })).at_step(id)
    };
    let passed = serde_json::json!({ "status": "passed", "means": "acted", "value": "1 act done" });
    let mut entries = vec![
        Entry::new(Kind::Opened, serde_json::Value::Null),
        step("on"),
        Entry::intent(&confirmed, "a1", Some("on")),
        Entry::outcome(&Outcome::new(Ending::Done, "done"), "a1", 1, Some("on")),
        Entry::new(Kind::Ended, passed).at_step("on"),
        step("read"),
    ];
    if ending {
        let data = serde_json::json!({
            "text": "t", "ending": { "end": "abandoned", "reason": "enough" }
        });
        entries.push(Entry::new(Kind::Note, data).at_step("read"));
    }
    let record = |(seq, entry): (usize, Entry)| Record {
        v: 1,
        seq: seq as u64 + 1,
        at: at(1),
        mono: 0.0,
        boot: String::new(),
        kind: entry.kind,
        run: "r".into(),
        step: entry.step,
        act: entry.act,
        attempt: entry.attempt,
        plan: entry.plan,
        operator: "kim@desk".into(),
        data: entry.data,
        prev: String::new(),
    };
    entries.into_iter().enumerate().map(record).collect()
}

#[test]
fn a_resumed_run_still_knows_what_is_due_and_how_it_was_to_end() {
    let begin = bracket();
    let resume = |ending| {
        let library = std::collections::BTreeMap::new();
        let walk = Walk::resume(begin.book.clone(), library, begin.place.clone(), &records(ending));
        let mut walk = walk.expect("it is the same runbook");
        walk.begin();
        walk
    };
    let walk = resume(false);
    assert_eq!((walk.due().count(), walk.phase()), (1, &Phase::Notice));
    let walk = resume(true);
    assert_eq!((walk.due().count(), walk.phase(), walk.end()), (1, &Phase::Undo(None), None));
    assert_eq!(walk.ending(), Some(&End::Abandoned { reason: "enough".into() }));
    assert_eq!(place().executor, walk.place().executor);
}
