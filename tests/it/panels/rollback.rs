//! The panel Rollback.

use chrono::TimeDelta;
use insta::assert_snapshot;
use lockkeeper::domain::backup::{Backup, Inventory, Kind, Scope};
use lockkeeper::domain::deploy::Deploy;
use lockkeeper::domain::evidence::{Level, Probe, Reading, Value};
use lockkeeper::domain::quantity::Period;
use lockkeeper::panels::rollback::Rollback;
use lockkeeper::panels::{Ask, Panel, Scene, Wanted};
use lockkeeper::session::effect::Event;
use lockkeeper::session::facts::{Facts, Feed};
use lockkeeper::session::machine::Session;
use lockkeeper::session::walk::{Move, Phase};

use super::{BODIES, fits_everywhere, painted, press, scene, text};
use crate::session::driver::{Driven, Find};
use crate::session::{at, book};
use crate::support::facts::{World, identity, migrations, surroundings};

fn snapshot(name: &str, scene: &Scene<'_>) {
    for size in BODIES {
        assert_snapshot!(format!("{name}_{}", size.0), painted(&Rollback::default(), scene, size));
    }
}

/// What is known with 7 applied and 41 rows written since.
fn facts() -> Facts {
    let mut facts = World::quiet().facts();
    let now = facts.now;
    facts.project.arrived(migrations(3), now);
    let mut slow = surroundings();
    slow.written.insert("public.expenses".to_owned(), 1_000);
    let touches = ["expenses".to_owned()];
    let deployed = now - TimeDelta::seconds(120);
    facts.deploy = Some(Deploy::new("7", &identity(), deployed, &slow.written, &touches));
    slow.written.insert("public.expenses".to_owned(), 1_041);
    facts.slow.arrived(slow, now - TimeDelta::seconds(4));
    facts
}

/// The tree at its last question, two answered.
fn deciding() -> Driven {
    let mut driven = Driven::walking(book(include_str!("../../../runbooks/rollback.toml")));
    driven.until("half_done");
    for _ in 0..2 {
        let reason = Some("as measured".to_owned());
        driven.go(Move::Choose { answer: "no".into(), reason });
        if driven.step() != "reversible" {
            driven.find(Find::Good);
        }
    }
    measured(&mut driven);
    assert_eq!((driven.step(), driven.phase()), ("reversible", &Phase::Deciding));
    driven
}

/// Answers what the last question asks for: a lossy way down, and rows written since.
fn measured(driven: &mut Driven) {
    let (ticket, probes) = driven.probing.clone().expect("it is read");
    let value = |probe: &Probe| match probe.label().as_str() {
        "reversal" => Value::Text("lossy".into()),
        "written_since" => Value::Int(41),
        "deploy_age" => Value::Period(Period::from_secs(120)),
        "backup_level" => Value::Level(Level::L4),
        "backup_age" => Value::Period(Period::from_secs(3 * 3_600)),
        "blocked_sessions" => Value::Int(0),
        _ => Value::unknown("no rehearsal of these migrations is known"),
    };
    let at = at(driven.seconds);
    let read = probes.iter().map(|probe| Reading { value: value(probe), at }).collect();
    driven.event(Event::Probed(ticket, read));
}

#[test]
fn before_a_walk_it_says_what_going_back_would_mean_now() {
    let (facts, session) = (facts(), Session::default());
    let scene = scene(&facts, &session);
    snapshot("rollback_idle", &scene);
    let shown = text(&Rollback::default(), &scene, (200, 46));
    assert!(shown.contains("41 rows since, in public.expenses"), "{shown}");
    assert_eq!(press(&mut Rollback::default(), &scene, 'r'), Ask::Begin("rollback".into()));
}

#[test]
fn what_is_not_known_is_never_shown_as_good() {
    let mut facts = facts();
    facts.deploy = None;
    let session = Session::default();
    let shown = text(&Rollback::default(), &scene(&facts, &session), (200, 46));
    assert!(shown.contains("written   ▲ cannot tell"), "{shown}");
    assert!(shown.contains("backup    ▲ cannot tell"), "{shown}");
}

/// Returns the line with that label.
fn said(facts: &Facts, label: &str) -> String {
    let session = Session::default();
    let shown = text(&Rollback::default(), &scene(facts, &session), (200, 46));
    let line = shown.lines().find(|line| line.trim_start().starts_with(label));
    line.unwrap_or_else(|| panic!("no {label}: {shown}")).to_owned()
}

#[test]
fn why_nobody_can_tell_what_was_written_is_said_as_it_is() {
    let reset = "the counters were reset since, or a table of then is gone";
    let counted = |facts: &mut Facts, rows: Option<i64>| {
        let (mut slow, now) = (surroundings(), facts.now);
        slow.written.extend(rows.map(|rows| ("public.expenses".to_owned(), rows)));
        facts.slow.arrived(slow, now);
    };
    let says = |change: &dyn Fn(&mut Facts), why: &str| {
        let mut facts = facts();
        change(&mut facts);
        let said = said(&facts, "written");
        assert!(said.contains(&format!("cannot tell: {why}")), "{said}");
    };
    says(&|facts| facts.slow = Feed::default(), "the counters were not read yet");
    says(
        &|facts| {
            facts.slow = Feed::default();
            facts.slow.failed("permission denied");
        },
        "permission denied",
    );
    says(&|facts| counted(facts, Some(3)), reset);
    says(&|facts| counted(facts, None), reset);
    says(&|facts| facts.deploy = None, "no baseline was taken when the last migration was applied");
}

#[test]
fn a_backup_from_before_every_migration_is_not_one_of_an_unknown_revision() {
    for (revisions, at) in [
        (Some(Vec::new()), "from before every migration"),
        (Some(vec!["5".to_owned()]), "at 5"),
        (None, "its revision is unknown"),
    ] {
        let mut facts = facts();
        let now = facts.now;
        let backup = Backup {
            database: Some(identity().database.into()),
            system_identifier: Some(identity().system_identifier),
            snapshot_started_at: Some(now - TimeDelta::hours(1)),
            scope: Some(Scope::Full),
            revisions,
            ..Backup::at("/srv/backups/first.dump".to_owned(), Kind::Custom)
        };
        let mut inventory = Inventory::empty(Level::L3, Period::from_mins(60));
        inventory.backups = vec![backup];
        facts.backups.arrived(inventory, now);
        let said = said(&facts, "backup");
        assert!(said.contains(&format!(", {at},")), "{said}");
    }
}

#[test]
fn the_question_stands_after_its_path_and_its_evidence_before_any_answer() {
    let driven = deciding();
    let mut facts = facts();
    facts.now = at(driven.seconds + 2);
    let scene = scene(&facts, &driven.session);
    snapshot("rollback_deciding", &scene);
    let mut panel = Rollback::default();
    assert_eq!(press(&mut panel, &scene, 'b'), Ask::Move(Move::Back));
    let ask = press(&mut panel, &scene, 'd');
    let plain = Ask::Move(Move::Choose { answer: "downgrade".into(), reason: None });
    assert!(ask == plain || ask == Ask::Text(Wanted::Answer("downgrade".into())), "{ask:?}");
}

#[test]
fn what_the_evidence_speaks_for_and_that_nobody_can_tell_are_the_first_two_keys() {
    let driven = deciding();
    let mut facts = facts();
    facts.now = at(driven.seconds + 2);
    let scene = scene(&facts, &driven.session);
    let keys: Vec<String> = Rollback::default()
        .bindings(&scene)
        .iter()
        .map(|binding| format!("{} {}", binding.key, binding.label))
        .collect();
    assert_eq!(keys[..3], ["f fix forward", "u cannot tell", "d downgrade one"]);
    for size in BODIES {
        let shown = text(&Rollback::default(), &scene, size);
        for needed in ["suggestion", "fix forward", "u cannot tell", "way down", "keep the state"] {
            assert!(shown.contains(needed) || size.0 == 200, "{needed} at {size:?}: {shown}");
        }
    }
}

#[test]
fn old_evidence_says_its_age_and_which_key_reads_it_again() {
    let driven = deciding();
    let mut facts = facts();
    facts.now = at(driven.seconds + 240);
    let scene = scene(&facts, &driven.session);
    let shown = text(&Rollback::default(), &scene, (200, 46));
    assert!(shown.contains("41 rows · 4 min ago"), "{shown}");
    assert!(shown.contains("▲ 4 min ago: r reads it again"), "{shown}");
}

#[test]
fn it_fits_every_screen() {
    let (facts, session, driven) = (facts(), Session::default(), deciding());
    fits_everywhere(&Rollback::default(), &scene(&facts, &session));
    fits_everywhere(&Rollback::default(), &scene(&facts, &driven.session));
    assert!(!Rollback::default().bindings(&scene(&facts, &driven.session)).is_empty());
}
