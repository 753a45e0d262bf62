//! The panel Backups.

use chrono::TimeDelta;
use insta::assert_snapshot;
use lockkeeper::domain::backup::{
    Backup, Inventory, Judged, Kind, Proof as Passed, Retention, Scope, Tending,
};
use lockkeeper::domain::quantity::Period;
use lockkeeper::domain::restore::{
    Act, Found, Goal, Mark, Order, Preflight, Rights, Standing, State, Stated, World as Left,
};
use lockkeeper::domain::verify::{Finding, Level, Report};
use lockkeeper::panels::backups::Backups;
use lockkeeper::panels::{Ask, Command, Panel, Step};
use lockkeeper::session::effect::Request;
use lockkeeper::session::facts::{Facts, Proof};
use lockkeeper::session::machine::Session;

use std::time::Instant;

use lockkeeper::app::overlay::Overlay;
use lockkeeper::app::overlay::pick::Pick;
use lockkeeper::ui::theme::Theme;

use super::{BODIES, fits_everywhere, off, painted, press, scene, text};
use crate::support::facts::{World, connecting, identity, migrations, now};
use crate::support::screen::{self, SIZES, blank};

fn registered(name: &str, hours: i64, levels: &[Level], revision: &str) -> Backup {
    let identity = identity();
    let at = now() - TimeDelta::hours(hours);
    Backup {
        database: Some(identity.database.into()),
        system_identifier: Some(identity.system_identifier),
        snapshot_started_at: Some(at),
        created_at: Some(at),
        registered: true,
        verified: levels.iter().map(|level| Passed { level: *level, at, ok: true }).collect(),
        ..adopted(name, Kind::Custom, revision)
    }
}

fn adopted(name: &str, kind: Kind, revision: &str) -> Backup {
    Backup {
        created_local: Some((now() - TimeDelta::hours(5)).naive_utc()),
        database: Some(identity().database.into()),
        size: Some(136_000_000),
        server_version: Some("15.20".into()),
        tool_version: Some("15.20".into()),
        scope: Some(Scope::Full),
        revisions: Some(vec![revision.to_owned()]),
        tables: Some(12),
        complete: Some(true),
        verified: [Level::L0, Level::L2].map(|level| Passed { level, at: now(), ok: true }).into(),
        ..Backup::at(format!("/srv/backups/{name}"), kind)
    }
}

fn inventory(backups: Vec<Backup>) -> Inventory {
    let mut inventory = Inventory::empty(Level::L3, Period::from_mins(24 * 60));
    inventory.backups = backups;
    inventory
}

fn known(backups: Vec<Backup>) -> Facts {
    let mut facts = World::quiet().facts();
    facts.project.arrived(migrations(3), now());
    facts.backups.arrived(inventory(backups), now());
    facts
}

fn all() -> Vec<Backup> {
    let cut = Backup {
        complete: Some(false),
        verified: vec![Passed { level: Level::L0, at: now(), ok: true }],
        problems: vec!["cut off in the data".to_owned()],
        ..adopted("nightly-cut.dump", Kind::Custom, "6")
    };
    let unread = Backup {
        complete: None,
        revisions: None,
        database: None,
        verified: Vec::new(),
        problems: vec!["it is encrypted (age): nothing can be told of it".to_owned()],
        ..adopted("vault.age", Kind::Plain, "")
    };
    vec![
        registered("before-7.dump", 3, &[Level::L0, Level::L1, Level::L2, Level::L3], "6"),
        registered("before-6.dump", 40, &[Level::L0, Level::L2], "5"),
        adopted("nightly", Kind::Directory, "7"),
        physical(),
        unread,
        cut,
    ]
}

/// A backup of the cluster that pgBackRest keeps.
fn physical() -> Backup {
    let at = now() - TimeDelta::hours(30);
    let what = "full: no page checksum failed while it was made; `pgbackrest verify` proves the repository";
    Backup {
        system_identifier: Some(identity().system_identifier),
        snapshot_started_at: Some(at),
        complete: Some(true),
        scope: Some(Scope::Full),
        size: Some(250_958_841),
        judged: Some(Judged {
            by: "pgbackrest 2.45".to_owned(),
            ok: None,
            at: Some(at),
            what: what.to_owned(),
        }),
        ..Backup::at("pgbackrest:main/20261120-094102F", Kind::Pgbackrest)
    }
}

fn verdict(facts: &Facts) -> String {
    let session = Session::default();
    let shown = text(&Backups::default(), &scene(facts, &session), (120, 20));
    shown.lines().next().unwrap_or_default().trim().to_owned()
}

#[test]
fn the_list_and_its_detail_at_every_size() {
    let (mut facts, session) = (known(all()), Session::default());
    let mut inventory = inventory(all());
    inventory.problems =
        vec!["/srv/backups/failed.dump: it is empty: a dump that failed leaves such a file".into()];
    facts.backups.arrived(inventory, now());
    for size in BODIES {
        let name = format!("backups_{}", size.0);
        assert_snapshot!(name, painted(&Backups::default(), &scene(&facts, &session), size));
    }
}

#[test]
fn an_opened_detail_says_what_is_not_proven() {
    let (facts, session) = (known(all()), Session::default());
    let scene = scene(&facts, &session);
    let mut panel = Backups::default();
    panel.on(&Command::Go(Step::Down), &scene);
    panel.on(&Command::Go(Step::Down), &scene);
    panel.on(&Command::Open, &scene);
    assert_snapshot!("backups_adopted", painted(&panel, &scene, (80, 20)));
}

#[test]
fn the_first_line_says_whether_there_is_a_good_and_recent_backup() {
    let four = [Level::L2, Level::L4];
    assert_eq!(
        verdict(&known(vec![registered("a", 3, &four, "6")])),
        "✓ newest good backup: 3 h old, complete, proven to L4"
    );
    assert_eq!(
        verdict(&known(vec![
            registered("a", 3, &[Level::L2], "6"),
            registered("b", 9, &four, "6")
        ])),
        "▲ newest good backup: 3 h old, complete, not proven beyond L2; L3 is asked for"
    );
    assert_eq!(
        verdict(&known(vec![registered("a", 50, &four, "6")])),
        "✖ no backup younger than 24h: the newest good one is 2 days old"
    );
    let text = verdict(&known(vec![adopted("a", Kind::Custom, "6")]));
    assert!(text.starts_with("✖ no backup known to be younger than 24h: 1 complete"), "{text}");
    let cut = Backup { complete: Some(false), ..registered("a", 1, &[], "6") };
    assert_eq!(verdict(&known(vec![cut])), "✖ no backup of this database is known to be complete");
    let other = Backup { system_identifier: Some("1".into()), ..registered("a", 1, &four, "6") };
    assert_eq!(
        verdict(&known(vec![other])),
        "✖ no backup of this database is known to be complete"
    );
    assert!(verdict(&known(Vec::new())).starts_with("✖ there is no backup"));
    let mut facts = connecting();
    assert_eq!(verdict(&facts), "reading the backups");
    facts.backups.failed("permission denied");
    assert!(verdict(&facts).contains("cannot be read: permission denied"));
}

#[test]
fn each_level_says_what_it_proves_and_takes_before_it_is_picked() {
    let (facts, session) = (known(all()), Session::default());
    let asked = press(&mut Backups::default(), &scene(&facts, &session), 'v');
    let Ask::Prove(_, levels) = asked else { panic!("{asked:?}") };
    let pick = Overlay::<Command>::Pick(Pick::new(
        "How far is it proven? Times are estimates by its size",
        levels,
    ));
    for (width, height) in SIZES {
        let mut buf = blank(width, height);
        let area = buf.area;
        pick.view(Instant::now(), Theme::default(), area, &mut buf);
        assert_snapshot!(format!("levels_{width}"), screen::painted(&buf));
    }
}

#[test]
fn what_another_program_keeps_is_proven_by_that_program() {
    let session = Session::default();
    for (kind, words) in [
        (Kind::Pgbackrest, "pgbackrest verify"),
        (Kind::Barman, "barman verify-backup"),
        (Kind::Base, "pg_verifybackup"),
    ] {
        let facts = known(vec![Backup::at("theirs", kind)]);
        let asked = press(&mut Backups::default(), &scene(&facts, &session), 'v');
        let Ask::Prove(_, levels) = asked else { panic!("{asked:?}") };
        let [only] = levels.all.as_slice() else { panic!("{levels:?}") };
        assert!(only.label.starts_with(words), "{}", only.label);
    }
    for kind in [Kind::Walg, Kind::Managed] {
        let facts = known(vec![Backup::at("theirs", kind)]);
        let why = off(&Backups::default(), &scene(&facts, &session), 'v');
        assert_eq!(why, "no program proves it: a restore would");
    }
}

#[test]
fn verify_asks_for_the_selected_one_and_says_while_it_runs() {
    let (mut facts, session) = (known(all()), Session::default());
    let mut panel = Backups::default();
    panel.on(&Command::Go(Step::Down), &scene(&facts, &session));
    let place = "/srv/backups/before-6.dump".to_owned();
    let asked = press(&mut panel, &scene(&facts, &session), 'v');
    let Ask::Prove(of, levels) = asked else { panic!("{asked:?}") };
    assert_eq!(of, place);
    let levels: Vec<&str> = levels.all.iter().map(|level| level.value.as_str()).collect();
    assert_eq!(levels, ["L3", "L4", "L5", "L6"]);

    facts.proofs.insert(place.clone(), Proof::Running("decoding 12 of 30 tables".to_owned()));
    assert_eq!(off(&panel, &scene(&facts, &session), 'v'), "it is being verified");
    assert!(text(&panel, &scene(&facts, &session), (120, 30)).contains("●  verifying"));

    let findings = vec![
        Finding::tried(Level::L0, true, "archive version 1.14"),
        Finding::does_not_apply(Level::L1, "does not apply"),
        Finding::tried(Level::L2, false, "cut off in the data"),
    ];
    let report = Report::of(&place, Level::L2, findings);
    facts.proofs.insert(place, Proof::Done(Box::new(report)));
    let shown = text(&panel, &scene(&facts, &session), (120, 30));
    assert!(shown.contains("✖ L2") && shown.contains("cut off in the data"), "{shown}");
}

#[test]
fn without_a_backup_nothing_can_be_verified() {
    let (facts, session) = (known(Vec::new()), Session::default());
    assert_eq!(
        off(&Backups::default(), &scene(&facts, &session), 'v'),
        "there is no backup to verify"
    );
}

#[test]
fn a_backup_that_vanished_is_not_replaced_by_its_neighbour() {
    let (facts, session) = (known(all()), Session::default());
    let mut panel = Backups::default();
    panel.on(&Command::Go(Step::Down), &scene(&facts, &session));
    let less =
        known(all().into_iter().filter(|b| !b.location.ends_with("before-6.dump")).collect());
    assert_eq!(off(&panel, &scene(&less, &session), 'v'), "there is no backup to verify");
}

#[test]
fn where_it_leads_back_to_is_seen_from_the_files() {
    let session = Session::default();
    let shown = |revision: &str| {
        let facts = known(vec![registered("a", 1, &[], revision)]);
        text(&Backups::default(), &scene(&facts, &session), (200, 30))
    };
    assert!(shown("6").contains("before 7 widen amount"), "{}", shown("6"));
    assert!(shown("7").contains("as now"), "{}", shown("7"));
    assert!(shown("8").contains("ahead: it has 8"), "{}", shown("8"));
    assert!(shown("99").contains("a revision that no file has"));
}

#[test]
fn hostile_text_reaches_no_cell() {
    let evil = "a\u{1b}[2J\u{202e}b\u{7}";
    let session = Session::default();
    let mut one = registered(evil, 1, &[], evil);
    one.problems = vec![evil.into()];
    one.server_version = Some(evil.into());
    one.tool_version = Some(evil.into());
    let mut facts = known(vec![one]);
    let mut inventory = facts.backups.value().expect("it was read").clone();
    inventory.problems = vec![evil.into()];
    facts.backups.arrived(inventory, now());
    let shown = text(&Backups::default(), &scene(&facts, &session), (200, 46));
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
}

#[test]
fn it_fits_everywhere() {
    let session = Session::default();
    for facts in [connecting(), known(Vec::new()), known(all())] {
        let scene = scene(&facts, &session);
        let mut panel = Backups::default();
        fits_everywhere(&panel, &scene);
        panel.on(&Command::Open, &scene);
        fits_everywhere(&panel, &scene);
    }
}

#[test]
fn what_another_program_keeps_is_shown_with_what_that_says_of_it() {
    let (facts, session) = (known(vec![physical()]), Session::default());
    let scene = scene(&facts, &session);
    let shown = text(&Backups::default(), &scene, (120, 40));
    assert!(shown.contains("not told") && shown.contains("no page checksum failed"), "{shown}");
    assert_eq!(off(&Backups::default(), &scene, 'p'), "its own program keeps it");
}

#[test]
fn pruning_pinning_and_adopting_ask_for_their_plans() {
    let place = |name: &str| Some(format!("/srv/backups/{name}"));
    let session = Session::default();
    let mut old = registered("old.dump", 400, &[Level::L3], "5");
    old.retention = Retention::Prunable;
    let pinned = Backup { retention: Retention::Pinned, ..registered("pinned.dump", 9, &[], "5") };
    let facts = known(vec![old, pinned, adopted("found.dump", Kind::Custom, "5")]);
    let scene = scene(&facts, &session);
    let mut panel = Backups::default();
    let tend = |tending, backup| Ask::Plan(Request::Tend { tending, backup });
    assert_eq!(press(&mut panel, &scene, 'x'), tend(Tending::Prune, None));
    assert_eq!(press(&mut panel, &scene, 'p'), tend(Tending::Pin, place("old.dump")));
    assert_eq!(off(&panel, &scene, 'a'), "it has its manifest");
    panel.on(&Command::Go(Step::Down), &scene);
    assert_eq!(press(&mut panel, &scene, 'p'), tend(Tending::Unpin, place("pinned.dump")));
    panel.on(&Command::Go(Step::Down), &scene);
    assert_eq!(press(&mut panel, &scene, 'a'), tend(Tending::Adopt, place("found.dump")));
    assert!(off(&panel, &scene, 'p').contains("adopt it first"));
    let none = known(Vec::new());
    assert_eq!(
        off(&Backups::default(), &super::scene(&none, &session), 'x'),
        "the rules of retention keep every backup"
    );
}

/// A server on which a full restore is possible, with these databases beside the live one.
fn standing(found: Vec<Found>) -> Standing {
    let rights = Rights {
        role: "deployer".into(),
        creates: true,
        owns: true,
        signals: true,
        superuser: false,
    };
    let preflight =
        Preflight { rights, size: Some(10 << 30), free: Some(50 << 30), ..Preflight::default() };
    let identity = identity();
    let world = Left {
        oid: identity.database_oid,
        name: identity.database.clone(),
        found,
        taken: vec![identity.database],
    };
    Standing { world, preflight }
}

/// A database that a restore of `before-7.dump` has made.
fn beside(stamp: &str, state: State, busy: bool) -> Found {
    let identity = identity();
    let mark = Mark::New {
        of: identity.database_oid,
        name: identity.database.clone(),
        backup: "/srv/backups/before-7.dump".into(),
        state,
    };
    Found {
        name: format!("{}_restore_{stamp}", identity.database),
        oid: 90,
        mark: Some(mark),
        busy,
    }
}

#[test]
fn what_restores_have_left_is_shown_at_every_size() {
    let (mut facts, session) = (known(all()), Session::default());
    let old = Found {
        name: format!("{}_old_20261120t011500", identity().database),
        oid: 91,
        mark: Some(Mark::Old {
            by: identity().database_oid,
            name: identity().database,
            at: now() - TimeDelta::hours(2),
            written: Some(10),
        }),
        busy: false,
    };
    let left = vec![
        beside("20261121t031500", State::Loading, true),
        beside("20261121t021500", State::Settled, false),
        beside("20261121t011500", State::Loading, false),
        old,
    ];
    facts.restore.arrived(standing(left), now());
    for size in BODIES {
        let name = format!("backups_restores_{}", size.0);
        assert_snapshot!(name, painted(&Backups::default(), &scene(&facts, &session), size));
    }
}

#[test]
fn what_no_statement_can_tell_is_asked_before_the_restore_is_planned() {
    let (mut facts, session) = (known(all()), Session::default());
    let order = |stated| {
        let goal = Goal::Backup("/srv/backups/before-7.dump".into());
        Request::Restore(Order { stated, ..Order::to(goal) })
    };
    let mut on = |standing: Standing| {
        facts.restore.arrived(standing, now());
        press(&mut Backups::default(), &scene(&facts, &session), 't')
    };
    assert_eq!(on(standing(Vec::new())), Ask::Plan(order(Stated::default())));
    let mut unknown = standing(Vec::new());
    unknown.preflight.free = None;
    unknown.preflight.standbys = vec!["r1".into()];
    let Ask::Which(_, offered) = on(unknown.clone()) else { panic!("it is asked") };
    let free = Stated { free: Some(12 << 30), drained: false };
    let [(words, said), (_, plain)] = offered.as_slice() else { panic!("{offered:?}") };
    assert!(words.contains("are free where the server keeps it"), "{words}");
    assert!(!words.contains("replicas"), "nobody is cut off by loading: {words}");
    assert_eq!((said, plain), (&order(free), &order(Stated::default())));
    // Before the swap it is the other thing that has to be seen to.
    let mut settled = Standing { preflight: unknown.preflight, ..standing(Vec::new()) };
    settled.world.found = vec![beside("20261121t031500", State::Settled, false)];
    assert!(!settled.preflight.denials(Act::Swap, Stated::default()).is_empty());
    let Ask::Which(_, offered) = on(settled) else { panic!("it is asked") };
    assert_eq!(offered[0].1, order(Stated { free: None, drained: true }));
}
