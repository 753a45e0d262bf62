//! The panel Runbook.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use lockkeeper::cli::plain::moves::{Choice, parse};
use lockkeeper::domain::evidence::{Reading, Value};
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::{Direction, Risk};
use lockkeeper::domain::runbook::Kind;
use lockkeeper::panels::runbook::Runbook;
use lockkeeper::panels::walk::keys::offered;
use lockkeeper::panels::walk::lines;
use lockkeeper::panels::walk::moves::moved;
use lockkeeper::panels::{Ask, Command, Panel, Scene, Step, Wanted};
use lockkeeper::session::effect::{Event, How};
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::Session;
use lockkeeper::session::walk::{CANNOT_TELL, ESCALATE, Move, Phase};

use super::{BODIES, fits_everywhere, off, painted, press, scene, text};
use crate::session::driver::{Driven, Find};
use crate::session::{approvals, at, book, migration, shipped, small, steps, undo};
use crate::support::facts::World;

fn facts(driven: &Driven) -> Facts {
    let mut facts = World::quiet().facts();
    facts.now = at(driven.seconds + 42);
    facts
}

fn at_step(step: &str) -> Driven {
    let mut driven = Driven::walking(small());
    driven.until(step);
    driven
}

/// The act `up`, running.
fn running() -> Driven {
    let mut driven = Driven::walking(shipped());
    driven.until("up");
    driven.go(Move::Run);
    driven.show(migration(6, Direction::Up, Risk::Safe));
    driven.yes();
    driven
}

/// A question whose evidence speaks for going back.
fn deciding() -> Driven {
    let mut driven = at_step("up");
    driven.go(Move::Run);
    driven.nothing_left();
    driven.find(Find::Good);
    let (ticket, _) = driven.probing.clone().expect("the evidence is read");
    let waiting = Reading { value: Value::Int(4), at: at(driven.seconds) };
    driven.event(Event::Probed(ticket, vec![waiting]));
    driven
}

fn denied() -> Driven {
    let mut driven = at_step("gated");
    driven.go(Move::Run);
    driven.find(Find::Bad);
    driven
}

fn failed() -> Driven {
    let mut driven = at_step("hello");
    driven.go(Move::Continue);
    driven.find(Find::Unknown);
    driven.go(Move::Skip("the replica is being rebuilt".into()));
    driven.find(Find::Good);
    driven.until("up");
    driven.go(Move::Run);
    driven.show(migration(6, Direction::Up, Risk::Safe));
    driven.yes();
    driven.end_saying(Ending::RolledBack, "could not extend file: No space left on device");
    driven
}

fn snapshot(name: &str, driven: &Driven, facts: &Facts) {
    for size in BODIES {
        let shown = painted(&Runbook::default(), &scene(facts, &driven.session), size);
        assert_snapshot!(format!("{name}_{}", size.0), shown);
    }
}

#[test]
fn a_notice_of_the_shipped_runbook() {
    let driven = Driven::walking(shipped());
    snapshot("runbook_notice", &driven, &facts(&driven));
}

#[test]
fn a_running_act_with_its_output() {
    let driven = running();
    let mut facts = facts(&driven);
    for line in 1..=20 {
        facts.output_arrived(
            "a1",
            vec![format!("line {line} of the tool's output").as_str().into()],
            0,
        );
    }
    snapshot("runbook_running", &driven, &facts);
}

#[test]
fn a_question_with_evidence_first_and_the_suggestion_after_it() {
    let driven = deciding();
    snapshot("runbook_deciding", &driven, &facts(&driven));
}

#[test]
fn a_denied_act_and_why() {
    let driven = denied();
    snapshot("runbook_denied", &driven, &facts(&driven));
}

#[test]
fn a_failed_act_a_skipped_step_and_the_ways_on() {
    let driven = failed();
    snapshot("runbook_failed", &driven, &facts(&driven));
}

#[test]
fn before_a_walk_and_after_its_end_it_says_what_can_be_begun() {
    let driven = Driven::new();
    let mut panel = Runbook::default();
    let facts = facts(&driven);
    let scene = scene(&facts, &driven.session);
    assert_snapshot!("runbook_nothing", painted(&panel, &scene, (80, 20)));
    assert_eq!(press(&mut panel, &scene, 'm'), Ask::Begin("migrate".into()));

    let mut driven = at_step("up");
    driven.go(Move::Abandon("the window is over".into()));
    let scene = super::scene(&facts, &driven.session);
    assert_snapshot!("runbook_end", painted(&panel, &scene, (120, 20)));
    assert_eq!(press(&mut panel, &scene, 'm'), Ask::Begin("migrate".into()));
}

#[test]
fn r_goes_on_from_a_notice_and_runs_elsewhere() {
    let mut panel = Runbook::default();
    let driven = Driven::walking(small());
    let facts = facts(&driven);
    assert_eq!(press(&mut panel, &scene(&facts, &driven.session), 'r'), Ask::Move(Move::Continue));
    let driven = at_step("up");
    assert_eq!(press(&mut panel, &scene(&facts, &driven.session), 'r'), Ask::Move(Move::Run));
}

#[test]
fn an_answer_against_the_evidence_asks_for_its_reason() {
    let driven = deciding();
    let facts = facts(&driven);
    let scene = scene(&facts, &driven.session);
    let mut panel = Runbook::default();
    assert_eq!(press(&mut panel, &scene, 'k'), Ask::Text(Wanted::Answer("keep".into())));
    let back = Move::Choose { answer: "back".into(), reason: None };
    assert_eq!(press(&mut panel, &scene, 't'), Ask::Move(back));
    let unknown = Move::Choose { answer: CANNOT_TELL.into(), reason: None };
    assert_eq!(press(&mut panel, &scene, 'u'), Ask::Move(unknown));
}

#[test]
fn a_denied_act_is_overridden_only_with_a_reason() {
    let driven = denied();
    let facts = facts(&driven);
    let ask = press(&mut Runbook::default(), &scene(&facts, &driven.session), 'o');
    assert_eq!(ask, Ask::Text(Wanted::Override));

    let mut driven = at_step("keep");
    driven.go(Move::Choose { answer: "back".into(), reason: None });
    driven.go(Move::Run);
    driven.find(Find::Bad);
    let why = off(&Runbook::default(), &scene(&facts, &driven.session), 'o');
    assert!(why.contains("never overridden"), "{why}");
}

#[test]
fn a_failure_offers_its_ways_on_by_keys() {
    let driven = failed();
    let facts = facts(&driven);
    let scene = scene(&facts, &driven.session);
    let mut panel = Runbook::default();
    assert_eq!(press(&mut panel, &scene, 'w'), Ask::Move(Move::Take("mend".into())));
    assert_eq!(press(&mut panel, &scene, '!'), Ask::Move(Move::Take(ESCALATE.into())));
    assert!(off(&panel, &scene, 'r').contains("could repeat"));
    assert_eq!(off(&panel, &scene, 's'), "this step is required");
}

#[test]
fn the_four_ways_to_stop_have_a_key_each() {
    let driven = running();
    let facts = facts(&driven);
    let scene = scene(&facts, &driven.session);
    let mut panel = Runbook::default();
    assert_eq!(press(&mut panel, &scene, 'p'), Ask::Move(Move::Pause));
    assert_eq!(press(&mut panel, &scene, 'x'), Ask::Move(Move::StopAfter));
    assert_eq!(press(&mut panel, &scene, 'c'), Ask::Stop(How::Cancel));
    assert_eq!(press(&mut panel, &scene, 'A'), Ask::Text(Wanted::Abandon));
    assert_eq!(press(&mut panel, &scene, 'n'), Ask::Text(Wanted::Note));
}

#[test]
fn a_paused_run_offers_to_go_on_and_nothing_that_starts() {
    let mut driven = at_step("up");
    driven.go(Move::Pause);
    let facts = facts(&driven);
    let scene = scene(&facts, &driven.session);
    let mut panel = Runbook::default();
    for key in ['r', 's', 'x'] {
        assert!(off(&panel, &scene, key).contains("paused"), "{key}");
    }
    assert_eq!(press(&mut panel, &scene, 'p'), Ask::Move(Move::Pause));
    assert!(text(&panel, &scene, (80, 20)).contains("▲ PAUSED"));
}

#[test]
fn no_key_that_opens_a_plan_is_the_key_that_confirms_it() {
    for driven in [running(), deciding(), denied(), failed(), at_step("up"), Driven::new()] {
        let facts = facts(&driven);
        let bindings = Runbook::default().bindings(&scene(&facts, &driven.session));
        let yes = lockkeeper::ui::bindings::Key::char('y');
        assert!(bindings.iter().all(|binding| binding.key != yes));
    }
}

#[test]
fn the_keys_and_the_walk_agree_on_what_is_possible() {
    let all = [Driven::walking(small()), deciding(), denied(), failed(), running()];
    for mut driven in all {
        let facts = facts(&driven);
        let bindings = Runbook::default().bindings(&scene(&facts, &driven.session));
        let advance = bindings.iter().find(|one| one.command == Command::Advance).expect("r");
        let step = if *driven.phase() == Phase::Notice { Move::Continue } else { Move::Run };
        let before = driven.said.len();
        driven.go(step);
        let refused = driven.said.len() > before;
        assert_eq!(advance.enabled.is_err(), refused, "{:?}", driven.phase());
    }
}

/// The lines of the line mode, and the keys that do the same.
const LINES: [(&str, char); 11] = [
    ("1", 'r'),
    ("2", 's'),
    ("3", 'o'),
    ("4", 'n'),
    ("5", 'p'),
    ("6", 'x'),
    ("9", 'A'),
    ("b", 'b'),
    ("h", 'H'),
    ("v", 'v'),
    ("P", 'P'),
];

/// Compares what each line asks for with what its key does, where that is on; returns the name of
/// the phase.
fn lines_as_keys(driven: &Driven) -> String {
    let facts = facts(driven);
    let scene = scene(&facts, &driven.session);
    let walk = driven.walk();
    let mut pairs: Vec<(String, char)> = LINES.map(|(line, key)| (line.to_owned(), key)).into();
    let offers = offered(walk).into_iter().enumerate();
    pairs.extend(offers.map(|(at, (key, _))| ((12 + at).to_string(), key)));
    if let (Kind::Decide(decide), Phase::Deciding) = (&walk.current().kind, walk.phase()) {
        let keys = decide.answers.iter().map(|answer| answer.key).chain(['u']);
        pairs.extend(keys.map(|key| (key.to_string(), key)));
    }
    let mut panel = Runbook::default();
    for binding in panel.bindings(&scene).into_iter().filter(|binding| binding.enabled.is_ok()) {
        let is_its = |key| binding.key == lockkeeper::ui::bindings::Key::char(key);
        for (line, key) in pairs.iter().filter(|(_, key)| is_its(*key)) {
            let by_line = match parse(walk, line) {
                Some(Choice::Step(command)) => moved(&command, walk, &facts),
                other => panic!("{line} is {other:?}, and {key} {binding:?}"),
            };
            assert_eq!(by_line, panel.on(&binding.command, &scene), "{line} {key}");
            assert_ne!(by_line, Ask::Nothing, "{line} {key}");
        }
    }
    let phase = format!("{:?}", walk.phase());
    phase.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn a_line_of_the_line_mode_moves_as_its_key_does_in_every_phase() {
    let (mut paused, mut undoing) = (at_step("up"), undo::opened());
    paused.go(Move::Pause);
    undoing.go(Move::Abandon("enough".into()));
    let stands = [paused, undoing, deciding(), denied(), failed(), running()];
    let waits = [steps::firing(), approvals::waiting(1)];
    let mut seen: BTreeSet<String> = stands.iter().chain(&waits).map(lines_as_keys).collect();
    for book in [small(), shipped()] {
        let mut driven = Driven::walking(book);
        while driven.walk().end().is_none() && *driven.phase() != Phase::Deciding {
            seen.insert(lines_as_keys(&driven));
            driven.along();
        }
    }
    for phase in
        ["Acting", "Deciding", "Denied", "Failed", "Notice", "Probing", "Ready", "Undo", "Watching"]
    {
        assert!(seen.contains(phase), "{phase} is not in {seen:?}");
    }
}

#[test]
fn a_long_step_scrolls() {
    let driven = Driven::walking(shipped());
    let facts = facts(&driven);
    let scene = scene(&facts, &driven.session);
    let mut panel = Runbook::default();
    let first = text(&panel, &scene, (60, 11));
    panel.on(&Command::Go(Step::Last), &scene);
    assert_ne!(text(&panel, &scene, (60, 11)), first);
    panel.on(&Command::Go(Step::First), &scene);
    assert_eq!(text(&panel, &scene, (60, 11)), first);
}

#[test]
fn hostile_text_reaches_no_cell() {
    let evil = "a\u{1b}[2J\u{202e}b\u{7}";
    let mut driven = at_step("up");
    driven.go(Move::Run);
    driven.show(migration(6, Direction::Up, Risk::Safe));
    driven.yes();
    let mut facts = facts(&driven);
    facts.output_arrived("a2", vec![evil.into()], 0);
    let shown =
        |driven: &Driven| text(&Runbook::default(), &scene(&facts, &driven.session), (200, 46));
    let running = shown(&driven);
    assert!(running.contains("␛[2J"), "{running}");
    driven.end_saying(Ending::RolledBack, evil);
    let failed = shown(&driven);
    driven.go(Move::Abandon(evil.into()));
    for shown in [running, failed, shown(&driven)] {
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
    }
}

#[test]
fn it_fits_everywhere() {
    let ended = || {
        let mut driven = at_step("up");
        driven.go(Move::Abandon("x".into()));
        driven
    };
    for driven in [Driven::new(), running(), deciding(), denied(), failed(), ended()] {
        let facts = facts(&driven);
        fits_everywhere(&Runbook::default(), &scene(&facts, &driven.session));
    }
}

#[test]
fn without_a_walk_its_keys_say_so() {
    let session = Session::default();
    let facts = World::quiet().facts();
    let ask = Runbook::default()
        .on(&Command::Note, &Scene { facts: &facts, session: &session, filter: "" });
    assert!(matches!(ask, Ask::Say(_)));
}

/// Two acts that are due to be undone, the name of one ends like the other's, and the step
/// that undoes the first.
const TWO_DUE: &str = r#"
schema = 1
id = "two"
title = "Two"
[[section]]
id = "main"
title = "Main"
[[section.step]]
id = "maintenance_on"
kind = "act"
title = "Maintenance on"
command = ["touch", "maintenance"]
undo = { command = ["rm", "maintenance"] }
[[section.step]]
id = "x_maintenance_on"
kind = "act"
title = "Maintenance of x on"
command = ["touch", "x"]
undo = { command = ["rm", "x"] }
[[section.step]]
id = "off"
kind = "act"
title = "Maintenance off"
undo_of = "maintenance_on"
"#;

#[test]
fn what_is_to_be_undone_before_the_run_ends() {
    let stands = [
        ("runbook_undo", undo::ending()),
        ("runbook_undo_failed", undo::failed()),
        ("runbook_undoing", undo::undoing()),
        ("runbook_undo_left", undo::left()),
    ];
    for (name, driven) in &stands {
        let facts = facts(driven);
        snapshot(name, driven, &facts);
        fits_everywhere(&Runbook::default(), &scene(&facts, &driven.session));
    }
}

#[test]
fn while_something_is_undone_no_key_of_the_step_is_there() {
    for driven in [undo::ending(), undo::undoing()] {
        let facts = facts(&driven);
        let bindings = Runbook::default().bindings(&scene(&facts, &driven.session));
        let labels: Vec<&str> = bindings.iter().map(|one| one.label.as_ref()).collect();
        assert_eq!(labels, ["undo", "leave it so", "note", "cancel"]);
        let runs = *driven.phase() == Phase::Acting;
        assert!(bindings[..2].iter().all(|one| one.enabled.is_err() == runs));
    }
}

#[test]
fn the_way_so_far_names_the_questions_of_every_runbook_of_the_run() {
    for (driven, later) in [(steps::in_the_tree(), false), (steps::out_of_the_tree(), true)] {
        let way = lines::path(driven.walk()).expect("questions were answered");
        let (first, second) = ("Keep it, or go back? go back: the rollback tree", "Half done? no");
        assert!(way.starts_with(&format!("{first} ▸ {second} ▸ Data damaged?")), "{way}");
        assert_eq!(way.contains("Data damaged? no ▸ Way down safe? fix forward"), later, "{way}");
    }
}

#[test]
fn a_step_that_undoes_another_shows_what_undoes_that_one() {
    let mut driven = Driven::walking(book(TWO_DUE));
    driven.until("off");
    let facts = facts(&driven);
    let shown = text(&Runbook::default(), &scene(&facts, &driven.session), (200, 46));
    let runs = shown.lines().find(|line| line.contains("runs ")).expect("it says what it runs");
    assert!(runs.contains("rm maintenance"), "{shown}");
}
