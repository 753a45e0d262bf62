//! The panel Migrations.

use insta::assert_snapshot;
use lockkeeper::domain::graph::{Problem, State, Trouble};
use lockkeeper::domain::plan::{Direction, Risk};
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::panels::migrations::Migrations;
use lockkeeper::panels::{Ask, Command, Panel, Scene, Step};
use lockkeeper::session::effect::{Event, Goal, Request};
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::Session;

use super::{BODIES, fits_everywhere, key, off, painted, press, scene, text};
use crate::support::facts::{World, connecting, identity, migrations, now, plan, running};

fn known(applied: usize) -> Facts {
    let mut facts = World::quiet().facts();
    facts.project.arrived(migrations(applied), now());
    facts
}

/// A project with everything that can be wrong.
fn troubled() -> Facts {
    let mut facts = known(3);
    let mut all = migrations(3);
    all.project.graph.nodes[0].state = State::Orphan;
    all.project.graph.nodes[2].state = State::Dirty;
    all.project.problems = vec![
        Problem::new(
            Trouble::Orphan,
            "5",
            "the database has it and no file does: bring the file back",
        ),
        Problem::new(Trouble::Dirty, "7", "it did not succeed: look at what it did, repair it"),
        Problem::new(Trouble::OutOfOrder, "6", "7 has run already, and sqlx will now run this one"),
        Problem::new(Trouble::Checksum, "6", "was changed after it ran"),
    ];
    facts.project.arrived(all, now());
    facts
}

fn up(direction: Direction) -> Ask {
    Ask::Plan(Request::Migrate { direction, goal: Goal::One, risk: Risk::Safe })
}

#[test]
fn the_list_and_its_detail_at_every_size() {
    let (facts, session) = (known(1), Session::default());
    for size in BODIES {
        let panel = Migrations::default();
        let name = format!("migrations_{}", size.0);
        assert_snapshot!(name, painted(&panel, &scene(&facts, &session), size));
    }
}

#[test]
fn what_is_wrong_stands_on_top() {
    let (facts, session) = (troubled(), Session::default());
    let shown = painted(&Migrations::default(), &scene(&facts, &session), (120, 30));
    assert_snapshot!("migrations_troubled", shown);
}

#[test]
fn what_began_and_did_not_end_counts_neither_as_applied_nor_as_pending() {
    let (facts, session) = (troubled(), Session::default());
    let shown = text(&Migrations::default(), &scene(&facts, &session), (120, 30));
    assert!(shown.contains("2 of 4 applied, 1 pending, 1 dirty"), "{shown}");
}

#[test]
fn an_opened_detail_shows_the_way_down_and_its_sql() {
    let (facts, session) = (known(1), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = Migrations::default();
    panel.on(&Command::Go(Step::Last), &scene);
    panel.on(&Command::Open, &scene);
    press(&mut panel, &scene, 'd');
    assert_snapshot!("migrations_down", painted(&panel, &scene, (80, 20)));
    panel.on(&Command::Open, &scene);
    assert!(text(&panel, &scene, (80, 20)).contains("add status"), "the list is back");
}

#[test]
fn one_up_and_one_down_are_asked_for_one_at_a_time() {
    let (facts, session) = (known(2), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = Migrations::default();
    assert_eq!(press(&mut panel, &scene, 'u'), up(Direction::Up));
    assert_eq!(press(&mut panel, &scene, 'D'), up(Direction::Down));
}

#[test]
fn a_key_that_is_off_says_what_would_turn_it_on() {
    let session = Session::default();
    let panel = Migrations::default();
    let reason = |facts: &Facts, session: &Session, c| off(&panel, &scene(facts, session), c);
    assert_eq!(reason(&known(4), &session, 'u'), "nothing is pending");
    assert_eq!(reason(&known(0), &session, 'D'), "nothing is applied");
    assert_eq!(reason(&connecting(), &session, 'u'), "the migrations are not read");

    let mut replica = known(1);
    let answers = lockkeeper::domain::identity::Identity { primary: false, ..identity() };
    replica.identity.arrived(answers, now());
    assert!(reason(&replica, &session, 'u').contains("replica"));

    let mut other = known(1);
    other.mismatch = Some("another system identifier".into());
    assert_eq!(reason(&other, &session, 'D'), "this is not the pinned target");

    let mut unread = known(1);
    let mut project = migrations(1);
    project.project.connected = false;
    unread.project.arrived(project, now());
    assert_eq!(reason(&unread, &session, 'u'), "what the database has cannot be read");

    assert_eq!(reason(&known(1), &running(plan()), 'u'), "up 7 widen amount is running");

    let mut full = Session::default();
    full.update(Event::RecordFailed("no space left on device".into()));
    assert!(reason(&known(1), &full, 'u').contains("no space left on device"));
}

#[test]
fn a_migration_without_a_way_down_is_not_taken_back() {
    let session = Session::default();
    let mut facts = known(1);
    let mut all = migrations(1);
    all.project.migrations[0].down = None;
    facts.project.arrived(all, now());
    let why = off(&Migrations::default(), &scene(&facts, &session), 'D');
    assert!(why.contains("has no way down"), "{why}");
}

#[test]
fn a_running_act_can_be_cancelled_from_here() {
    let (facts, session) = (known(1), running(plan()));
    let scene = scene(&facts, &session);
    let mut panel = Migrations::default();
    let ask = press(&mut panel, &scene, 'c');
    assert!(matches!(ask, Ask::Stop(_)));
    let idle = Session::default();
    assert_eq!(off(&panel, &super::scene(&facts, &idle), 'c'), "nothing of ours is running");
}

#[test]
fn an_unreadable_project_says_what_to_do_and_an_old_one_its_age() {
    let session = Session::default();
    let mut facts = connecting();
    facts.project.failed("migrations/: permission denied; give the console read access");
    let shown = text(&Migrations::default(), &scene(&facts, &session), (80, 20));
    assert!(shown.contains("cannot be read: migrations/: permission denied"), "{shown}");
    assert!(shown.contains("Ctrl-R reads them anew"), "{shown}");

    let mut facts = known(1);
    facts.now = now() + chrono::TimeDelta::seconds(130);
    facts.project.failed("the server does not answer");
    let shown = text(&Migrations::default(), &scene(&facts, &session), (80, 20));
    assert!(shown.contains("as of 2 min ago"), "{shown}");
    assert!(shown.contains("add status"), "what was read stays: {shown}");
}

#[test]
fn the_selection_stays_with_its_migration() {
    let (facts, session) = (known(1), Session::default());
    let mut panel = Migrations::default();
    panel.on(&Command::Go(Step::Last), &scene(&facts, &session));
    let later = known(3);
    let shown = text(&panel, &scene(&later, &session), (80, 20));
    assert!(shown.contains("8 drop legacy: the way up"), "{shown}");
}

#[test]
fn a_filter_leaves_what_fits() {
    let (facts, session) = (known(1), Session::default());
    let scene = Scene { facts: &facts, session: &session, filter: "WIDEN" };
    let shown = text(&Migrations::default(), &scene, (80, 11));
    assert!(shown.contains("widen amount") && !shown.contains("drop legacy"), "{shown}");
}

#[test]
fn hostile_text_reaches_no_cell() {
    let evil = "a\u{1b}[2J\u{202e}b\u{7}";
    let session = Session::default();
    let mut all = migrations(1);
    all.project.problems.push(Problem::new(Trouble::Syntax, evil, evil));
    for migration in &mut all.project.migrations {
        migration.up.text = Untrusted::new(evil);
        migration.reversal.why = evil.into();
    }
    all.status.migrations.iter_mut().for_each(|entry| entry.name = evil.into());
    let mut facts = known(1);
    facts.project.arrived(all, now());
    let shown = text(&Migrations::default(), &scene(&facts, &session), (200, 46));
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
    assert!(shown.contains("␛[2J"), "{shown}");
}

#[test]
fn it_fits_everywhere() {
    let session = running(plan());
    for facts in [connecting(), known(1), troubled()] {
        let scene = scene(&facts, &session);
        let mut panel = Migrations::default();
        fits_everywhere(&panel, &scene);
        panel.on(&Command::Open, &scene);
        fits_everywhere(&panel, &scene);
        assert!(key(&panel, &scene, 'd').enabled.is_ok());
    }
}
