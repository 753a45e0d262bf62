//! The rehearsal on the panel Migrations: its key, while it runs, and afterwards.

use chrono::TimeDelta;
use insta::assert_snapshot;
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::rehearsal::{Leg, Material, OPENING, Told, Verdict};
use lockkeeper::panels::migrations::Migrations;
use lockkeeper::panels::runbook::Runbook;
use lockkeeper::panels::{Ask, Command, Panel, Step};
use lockkeeper::session::effect::{Event, Request};
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::Session;

use super::{BODIES, fits_everywhere, off, painted, press, scene, text};
use crate::session::driver::{Driven, Find};
use crate::session::shipped;
use crate::support::facts::{World, migrations, now, started};
use crate::support::rehearsed::{plan, standing};

fn known(stale: Option<&str>) -> Facts {
    let mut facts = World::quiet().facts();
    let mut all = migrations(1);
    all.rehearsed = Some(standing(stale));
    facts.project.arrived(all, now());
    facts
}

/// A rehearsal that has begun, with its act.
fn begun() -> (Session, String) {
    let mut session = Session::default();
    session.update(Event::Ticked(now()));
    let (act, _) = started(&mut session, plan());
    (session, act)
}

/// Takes what the rehearsal tells, each `after` so many seconds.
fn heard(facts: &mut Facts, act: &str, lines: &[(i64, String)]) {
    for (after, line) in lines {
        facts.now += TimeDelta::seconds(*after);
        facts.output_arrived(act, vec![line.as_str().into()], 0);
    }
}

fn leg(at: usize, leg: Leg, id: &str) -> String {
    Told::Leg { at, of: 3, leg, id: id.to_owned() }.to_string()
}

fn judged(at: usize, verdict: Verdict, id: &str) -> String {
    Told::Judged { at, of: 3, verdict: Some(verdict), id: id.to_owned() }.to_string()
}

fn half_way() -> Vec<(i64, String)> {
    vec![
        (0, OPENING.to_owned()),
        (1, "pg_dump 15.20 reads shop".to_owned()),
        (20, leg(1, Leg::Up, "6")),
        (1, leg(1, Leg::Down, "6")),
        (1, leg(1, Leg::Again, "6")),
        (1, leg(1, Leg::Rows, "6")),
        (1, judged(1, Verdict::Lossy, "6")),
        (0, leg(2, Leg::Up, "7")),
        (41, leg(2, Leg::Down, "7")),
    ]
}

/// What a server keeps for itself is told as not known, and what was seen as a part of it.
#[test]
fn what_could_not_be_measured_stands_where_the_measured_would_stand() {
    use lockkeeper::domain::locks::Mode;
    use lockkeeper::domain::rehearsal::Lock;
    for (sampled, said) in [
        (Vec::new(), "no lock was seen by sampling, which proves nothing"),
        (vec![("public.expenses", Mode::Share)], "perhaps not all: SHARE on public.expenses"),
    ] {
        let (session, mut facts) = (Session::default(), World::quiet().facts());
        let (mut all, mut known) = (migrations(1), standing(None));
        let seen = &mut known.evidence.migrations[0].seen;
        let lock = |(relation, mode): (&str, Mode)| Lock { relation: relation.to_owned(), mode };
        seen.sampled = Some(sampled.into_iter().map(lock).collect());
        seen.statements.clear();
        all.rehearsed = Some(known);
        facts.project.arrived(all, now());
        let shown = text(&Migrations::default(), &scene(&facts, &session), (200, 46));
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains("not measured: the server's log could not be read"), "{shown}");
        assert!(shown.contains(said), "{shown}");
    }
}

#[test]
fn one_that_runs_is_seen_migration_by_migration_at_every_size() {
    let (session, act) = begun();
    let mut facts = World::quiet().facts();
    facts.project.arrived(migrations(1), now());
    heard(&mut facts, &act, &half_way());
    facts.now += TimeDelta::seconds(12);
    let mut panel = Migrations::default();
    let scene = scene(&facts, &session);
    panel.on(&Command::Go(Step::Down), &scene);
    for size in BODIES {
        assert_snapshot!(format!("rehearsal_live_{}", size.0), painted(&panel, &scene, size));
    }
    let shown = text(&panel, &scene, (200, 46));
    assert!(shown.contains("rehearsal 1:18: 2 of 3, 7: down; c ends it"), "{shown}");
    fits_everywhere(&panel, &scene);
}

#[test]
fn one_that_says_nothing_for_long_is_told_as_silent_and_can_be_ended() {
    let (session, act) = begun();
    let mut facts = World::quiet().facts();
    facts.project.arrived(migrations(1), now());
    heard(&mut facts, &act, &half_way());
    facts.now += TimeDelta::seconds(95);
    let scene = scene(&facts, &session);
    let mut panel = Migrations::default();
    let shown = text(&panel, &scene, (200, 46));
    assert!(shown.contains("7: down for 1:35"), "{shown}");
    assert_eq!(off(&panel, &scene, 'r'), "rehearse 3 migrations is running");
    assert!(matches!(press(&mut panel, &scene, 'c'), Ask::Stop(_)));
}

#[test]
fn afterwards_each_verdict_stands_with_what_was_measured_at_every_size() {
    let (facts, session) = (known(None), Session::default());
    let scene = scene(&facts, &session);
    for size in BODIES {
        let panel = Migrations::default();
        assert_snapshot!(format!("rehearsal_done_{}", size.0), painted(&panel, &scene, size));
    }
    let mut panel = Migrations::default();
    panel.on(&Command::Go(Step::Down), &scene);
    panel.on(&Command::Open, &scene);
    assert_snapshot!("rehearsal_finding", painted(&panel, &scene, (120, 30)));
    panel.on(&Command::Open, &scene);
    panel.on(&Command::Go(Step::Last), &scene);
    panel.on(&Command::Open, &scene);
    assert_snapshot!("rehearsal_false_down", painted(&panel, &scene, (120, 30)));
}

#[test]
fn one_that_is_stale_says_why_and_claims_nothing() {
    let (facts, session) = (known(Some("the files of 7 have changed")), Session::default());
    let scene = scene(&facts, &session);
    for size in BODIES {
        let panel = Migrations::default();
        assert_snapshot!(format!("rehearsal_stale_{}", size.0), painted(&panel, &scene, size));
    }
    let shown = text(&Migrations::default(), &scene, (200, 46));
    assert!(!shown.contains("✓ rehearsed") && !shown.contains("▲ rehearsed"), "{shown}");
}

#[test]
fn the_key_asks_what_is_copied_and_is_off_with_a_reason() {
    let (facts, session) = (known(None), Session::default());
    let mut panel = Migrations::default();
    let Ask::Which(_, offers) = press(&mut panel, &scene(&facts, &session), 'r') else {
        panic!("nothing is offered");
    };
    let requests: Vec<&Request> = offers.iter().map(|(_, request)| request).collect();
    assert_eq!(requests, Material::ALL.map(Request::Rehearse).iter().collect::<Vec<_>>());
    assert!(offers[2].0.contains("no row is copied"));
    let mut done = World::quiet().facts();
    done.project.arrived(migrations(4), now());
    assert_eq!(off(&panel, &scene(&done, &session), 'r'), "nothing is pending");
    let mut full = Session::default();
    full.update(Event::RecordFailed("no space left on device".into()));
    assert!(off(&panel, &scene(&facts, &full), 'r').contains("no space left"));
}

#[test]
fn what_another_act_prints_is_no_rehearsal_and_an_ended_one_is_none_that_runs() {
    let (mut session, act) = begun();
    let mut facts = World::quiet().facts();
    facts.project.arrived(migrations(1), now());
    heard(&mut facts, "a9", &half_way());
    let shown = text(&Migrations::default(), &scene(&facts, &session), (200, 46));
    assert!(!shown.contains("c ends it"), "{shown}");
    heard(&mut facts, &act, &half_way());
    let outcome = Outcome::new(Ending::Done, "");
    session.update(Event::Performed { act, outcome, confirmed: None });
    let shown = text(&Migrations::default(), &scene(&facts, &session), (200, 46));
    assert!(!shown.contains("c ends it"), "{shown}");
}

#[test]
fn a_check_of_a_runbook_that_waits_for_one_says_how_far_it_is() {
    let mut driven = Driven::walking(shipped());
    while driven.step() != "rehearsed" {
        driven.along();
    }
    driven.find(Find::Unknown);
    driven.ask(Request::Rehearse(Material::Target), plan());
    driven.yes();
    let act = driven.running[0].act.clone();
    let mut facts = World::quiet().facts();
    heard(&mut facts, &act, &half_way());
    let shown = text(&Runbook::default(), &scene(&facts, &driven.session), (200, 46));
    assert!(
        shown.contains("▶ rehearsal") && shown.contains("2 of 3, 7: down; 4 shows it"),
        "{shown}"
    );
}
