//! What a backup is worth, when it may go, what its manifest says, what a proof comes to.

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::backup::manifest::{Manifest, Refused};
use lockkeeper::domain::backup::{Backup, Inventory, Kind, Proof, Retention, Room, Scope, Worth};
use lockkeeper::domain::backup::{by_worth, retention};
use lockkeeper::domain::quantity::Period;
use lockkeeper::domain::verify::{Finding, Level, Report};
use proptest::prelude::*;

use crate::support::facts::{identity, now};

fn hours(n: i64) -> DateTime<Utc> {
    now() - TimeDelta::hours(n)
}

/// A registered, full and complete backup of the tests' database, so many hours old.
fn backup(name: &str, age: i64, levels: &[Level]) -> Backup {
    let identity = identity();
    Backup {
        database: Some(identity.database.into()),
        system_identifier: Some(identity.system_identifier),
        snapshot_started_at: Some(hours(age)),
        scope: Some(Scope::Full),
        complete: Some(true),
        registered: true,
        verified: levels.iter().map(|level| proof(*level, true, age)).collect(),
        ..Backup::at(name, Kind::Custom)
    }
}

fn proof(level: Level, ok: bool, age: i64) -> Proof {
    Proof { level, at: hours(age), ok }
}

#[test]
fn the_one_that_one_would_restore_stands_first() {
    let proven = backup("proven", 30, &[Level::L2, Level::L3]);
    let newer = backup("newer", 1, &[Level::L2]);
    let part = Backup { scope: Some(Scope::Tables), ..backup("part", 0, &[Level::L2]) };
    let adopted = Backup { snapshot_started_at: None, ..backup("adopted", 0, &[Level::L2]) };
    let unknown = Backup { complete: None, ..backup("unknown", 0, &[]) };
    let cut = Backup { complete: Some(false), ..backup("cut", 0, &[Level::L4]) };
    let mut all = vec![cut, unknown, part, adopted, newer, proven];
    by_worth(&mut all);
    let names: Vec<&str> = all.iter().map(|backup| backup.id.as_str()).collect();
    assert_eq!(names, ["proven", "newer", "adopted", "part", "unknown", "cut"]);
}

#[test]
fn a_failed_proof_outweighs_every_passed_one_until_it_is_passed_again() {
    let mut one = backup("one", 9, &[Level::L2, Level::L4]);
    one.verified.push(proof(Level::L1, false, 2));
    assert_eq!((one.level(), Worth::of(&one)), (None, Worth::Bad));
    assert_eq!(one.passed().collect::<Vec<_>>(), [Level::L2, Level::L4]);
    one.verified.push(proof(Level::L1, true, 1));
    assert_eq!((one.level(), Worth::of(&one)), (Some(Level::L4), Worth::Proven));
}

#[test]
fn the_passed_levels_are_a_set() {
    let one = backup("adopted", 1, &[Level::L0, Level::L2]);
    assert_eq!(one.passed().collect::<Vec<_>>(), [Level::L0, Level::L2]);
}

#[test]
fn an_age_that_nobody_wrote_down_is_not_known() {
    let one = Backup {
        snapshot_started_at: None,
        created_local: Some(now().naive_utc()),
        ..backup("adopted", 0, &[])
    };
    assert_eq!(one.age(now()), None);
}

#[test]
fn only_what_enough_newer_and_proven_ones_supersede_may_go() {
    let good = |name, age| backup(name, age, &[Level::L3]);
    let mut all = vec![
        good("a", 1),
        good("b", 2),
        backup("unproven", 3, &[Level::L2]),
        Backup { complete: None, ..good("perhaps cut off", 3) },
        Backup { complete: Some(false), ..good("cut off", 3) },
        Backup { registered: false, ..good("found", 3) },
        good("c", 4),
        Backup { retention: Retention::Pinned, ..good("pinned", 5) },
        Backup { registered: false, ..good("adopted", 5) },
        Backup { snapshot_started_at: None, ..good("ageless", 5) },
        Backup { database: Some("other".into()), ..good("other", 5) },
        good("old", 6),
    ];
    retention::mark(&mut all, 3, Level::L3);
    let gone: Vec<&str> =
        all.iter().filter(|b| b.retention == Retention::Prunable).map(|b| b.id.as_str()).collect();
    assert_eq!(gone, ["old"]);
    let mut last = vec![good("last", 1000)];
    retention::mark(&mut last, 0, Level::L3);
    assert_eq!(last[0].retention, Retention::Keep, "the last one stays, whatever is configured");
}

#[test]
fn the_newest_verified_is_of_this_database_and_of_a_known_age() {
    let verified = |backup: Backup| Backup { verified: vec![proof(Level::L3, true, 0)], ..backup };
    let other = Backup { system_identifier: Some("1".into()), ..backup("other cluster", 1, &[]) };
    let nameless = Backup { system_identifier: None, ..backup("adopted", 1, &[]) };
    let part = Backup { scope: Some(Scope::Tables), ..backup("part", 1, &[]) };
    let ageless = Backup { snapshot_started_at: None, ..backup("ageless", 1, &[]) };
    let ours = backup("ours", 8, &[]);
    let mut inventory = Inventory::empty(Level::L3, Period::from_mins(60));
    inventory.backups = [other, nameless, part, ageless, ours].map(verified).into();
    let identity = identity();
    let found = inventory.newest_verified(&identity).map(|backup| backup.id.as_str());
    assert_eq!(found, Some("ours"));
    inventory.required = Level::L4;
    assert_eq!(inventory.newest_verified(&identity), None);
}

const MANIFEST: &str = r#"{"schema":1,"id":"x","kind":"custom","sha256":"ab","size":3,"scope":"full",
"snapshot_started_at":"2026-01-01T00:00:00Z","finished_at":"2026-01-01T00:01:00Z",
"source":{"system_identifier":"7","database":"shop","host":"db1:5432","server_version":"15.20"},
"revisions":["a"],"rows":{"public.users":3,"public.big":null},"tool_version":"15.20",
"made_by":{"operator":"ada","run":null},"later":{"deep":[1]}}"#;

#[test]
fn a_manifest_keeps_the_keys_that_it_does_not_know() {
    let manifest = Manifest::read(MANIFEST).expect("it is a manifest");
    assert_eq!(manifest.rows["public.big"], None);
    assert!(manifest.verified.is_empty() && !manifest.pinned);
    let again = Manifest::read(&manifest.text()).expect("it writes what it reads");
    assert_eq!(again, manifest);
    assert!(manifest.text().contains("\"deep\""));
}

#[test]
fn a_manifest_of_a_later_schema_or_without_its_keys_is_refused() {
    let newer = MANIFEST.replacen("\"schema\":1", "\"schema\":2", 1);
    assert_eq!(Manifest::read(&newer), Err(Refused::Newer(2)));
    for text in ["", "{}", "[]", "{\"schema\":1}"] {
        assert!(matches!(Manifest::read(text), Err(Refused::Wrong(_))), "{text}");
    }
}

#[test]
fn a_proof_is_good_only_if_what_was_asked_for_was_passed() {
    let good = |level| Finding::tried(level, true, "");
    let bad = |level| Finding::tried(level, false, "");
    let no_manifest = || Finding::does_not_apply(Level::L1, "");
    let cases = [
        (Level::L2, vec![good(Level::L0), good(Level::L1), good(Level::L2)], Some(true), 0),
        (Level::L2, vec![good(Level::L0), no_manifest(), good(Level::L2)], Some(true), 0),
        (Level::L2, vec![good(Level::L0), bad(Level::L1), good(Level::L2)], Some(false), 1),
        (Level::L1, vec![good(Level::L0), no_manifest()], None, 2),
        (
            Level::L2,
            vec![good(Level::L0), Finding::unknown(Level::L1, ""), good(Level::L2)],
            None,
            2,
        ),
        (Level::L2, vec![good(Level::L0), no_manifest(), Finding::unknown(Level::L2, "")], None, 2),
    ];
    for (asked, findings, ok, code) in cases {
        let report = Report::of("x", asked, findings);
        assert_eq!((report.ok, report.exit_code()), (ok, code), "{report:?}");
    }
    let report = Report::of("x", Level::L2, vec![good(Level::L0), bad(Level::L1), good(Level::L2)]);
    assert_eq!(report.reached, Some(Level::L0), "what follows a failure counts for nothing");
}

/// Any backup: of one of two databases, of any age or none, proven or not.
fn any_backup() -> impl Strategy<Value = Backup> {
    let scope = prop_oneof![Just(Scope::Full), Just(Scope::Schema), Just(Scope::Tables)];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (proptest::option::weighted(0.9, 0..400i64), 0..3usize, scope, flags, any::<bool>()).prop_map(
        |(age, level, scope, (ours, registered, complete, pinned, held), failed)| {
            let levels = [Level::L2, Level::L3, Level::L4];
            let mut one = backup("", age.unwrap_or(0), &levels[level..=level]);
            one.snapshot_started_at = age.map(hours);
            one.scope = Some(scope);
            one.registered = registered;
            one.complete = Some(complete);
            one.stamp = Some("stamp".to_owned());
            one.run = held.then(|| "open".to_owned());
            if !ours {
                one.database = Some("other".into());
            }
            if pinned {
                one.retention = Retention::Pinned;
            }
            if failed {
                one.verified.push(proof(Level::L3, false, 0));
            }
            one
        },
    )
}

proptest! {
    #[test]
    fn a_plan_to_prune_never_leaves_less_than_the_rules(
        backups in proptest::collection::vec(any_backup(), 0..40),
        keep in 1..5u32,
    ) {
        let mut inventory = Inventory::empty(Level::L3, Period::from_mins(24 * 60));
        inventory.backups = backups;
        inventory.held.insert("open".to_owned());
        for (at, backup) in inventory.backups.iter_mut().enumerate() {
            backup.location = format!("/b/{at}");
        }
        retention::mark(&mut inventory.backups, keep, Level::L3);
        let identity = identity();
        let Ok(gone) = retention::pruned(&inventory, &identity, now()) else {
            let recent = inventory.newest_verified(&identity).and_then(|newest| newest.age(now()));
            prop_assert!(recent.is_none_or(|age| age > TimeDelta::hours(24)), "refused: no gate");
            return Ok(());
        };
        let is_gone = |one: &Backup| gone.iter().any(|gone| gone.location == one.location);
        let good = |one: &&Backup| {
            one.registered && one.complete == Some(true) && one.level() >= Some(Level::L3)
        };
        for gone in &gone {
            prop_assert!(gone.registered && gone.snapshot_started_at.is_some());
            prop_assert!(gone.retention == Retention::Prunable && gone.run.is_none());
            prop_assert_eq!(gone.is_of(&identity), Some(true));
            let stay = inventory.backups.iter().filter(good).filter(|one| {
                one.scope == gone.scope
                    && one.database == gone.database
                    && one.snapshot_started_at > gone.snapshot_started_at
                    && !is_gone(one)
            });
            prop_assert!(stay.count() >= usize::try_from(keep).expect("it is small"));
        }
    }
}

#[test]
fn a_backup_that_would_not_fit_is_refused_by_what_the_last_one_took() {
    const MB: u64 = 1 << 20;
    let room = |free, last| Room { free: Some(free), database: Some(1000 * MB), last };
    let refused = room(109 * MB, Some(100 * MB)).lacks(Scope::Full).expect("it does not fit");
    assert!(refused.contains("the last one, and a tenth more"), "{refused}");
    assert_eq!(room(111 * MB, Some(100 * MB)).lacks(Scope::Full), None);
    // Nobody knows how small it will be: refused only where no database was ever so small.
    assert_eq!(room(51 * MB, None).lacks(Scope::Full), None);
    assert!(room(49 * MB, None).lacks(Scope::Full).is_some_and(|why| why.contains("twentieth")));
    assert_eq!(room(49 * MB, None).lacks(Scope::Schema), None, "a schema is small");
    assert!(room(MB, None).lacks(Scope::Schema).is_some_and(|why| why.contains("the least")));
    assert_eq!(Room::default().lacks(Scope::Full), None, "the system does not tell");
}
