//! What the built-in probes of backups say.

use chrono::TimeDelta;
use lockkeeper::domain::backup::{Backup, Inventory, Kind, Proof, Scope};
use lockkeeper::domain::deploy::Deploy;
use lockkeeper::domain::evidence::{Builtin, Level, Value};
use lockkeeper::domain::quantity::Period;
use lockkeeper::domain::rehearsal::Standing;
use lockkeeper::domain::window::Window;
use lockkeeper::session::facts::Migrations;
use lockkeeper::session::probe::{Backups, Known, value};

use crate::support::facts::{World, identity, migrations, now, surroundings};
use crate::support::rehearsed::standing;

fn ours(hours: i64, levels: &[(Level, bool)]) -> Backup {
    let identity = identity();
    let proof = |(level, ok): &(Level, bool)| Proof { level: *level, at: now(), ok: *ok };
    Backup {
        database: Some(identity.database.into()),
        system_identifier: Some(identity.system_identifier),
        snapshot_started_at: Some(now() - TimeDelta::hours(hours)),
        scope: Some(Scope::Full),
        complete: Some(true),
        verified: levels.iter().map(proof).collect(),
        ..Backup::at(format!("{hours}"), Kind::Custom)
    }
}

fn said(backups: Vec<Backup>) -> [Value; 3] {
    let (mut inventory, identity) =
        (Inventory::empty(Level::L3, Period::from_mins(60)), identity());
    inventory.backups = backups;
    let backups = Backups { inventory: &inventory, identity: &identity, now: now() };
    let known = Known { backups: Some(backups), ..Known::default() };
    let all = [Builtin::BackupAge, Builtin::BackupLevel, Builtin::BackupSound];
    all.map(|builtin| value(builtin, &known))
}

#[test]
fn without_an_inventory_nothing_is_known_of_backups() {
    for builtin in [Builtin::BackupAge, Builtin::BackupLevel, Builtin::BackupSound] {
        assert!(value(builtin, &Known::default()).is_unknown());
    }
    assert!(said(Vec::new()).iter().all(Value::is_unknown));
}

#[test]
fn the_age_is_that_of_the_newest_verified_and_the_level_that_of_the_newest() {
    let old = ours(5, &[(Level::L2, true), (Level::L4, true)]);
    let new = ours(1, &[(Level::L2, true)]);
    let [age, level, sound] = said(vec![old, new]);
    assert_eq!(age, Value::Period(Period::from_mins(5 * 60)));
    assert_eq!((level, sound), (Value::Level(Level::L2), Value::Bool(true)));
}

#[test]
fn a_backup_that_only_has_the_name_of_the_database_counts_for_nothing() {
    let adopted = Backup { system_identifier: None, ..ours(1, &[(Level::L4, true)]) };
    let ageless = Backup { snapshot_started_at: None, ..ours(1, &[(Level::L4, true)]) };
    assert!(said(vec![adopted, ageless]).iter().all(Value::is_unknown));
}

#[test]
fn a_failed_proof_is_unsound_and_no_level() {
    let [age, level, sound] = said(vec![ours(1, &[(Level::L4, true), (Level::L1, false)])]);
    assert!(age.is_unknown() && level.is_unknown());
    assert_eq!(sound, Value::Bool(false));
}

#[test]
fn what_was_written_since_is_told_or_why_it_cannot_be() {
    let migrations = migrations(3);
    let counted = |rows| {
        let mut slow = surroundings();
        slow.written.insert("public.expenses".to_owned(), rows);
        slow
    };
    let deploy = Deploy::new("7", &identity(), now(), &counted(10).written, &[]);
    let of = |deploy, slow| {
        let known = Known { migrations: Some(&migrations), deploy, slow, ..Known::default() };
        value(Builtin::WrittenSince, &known)
    };
    let (more, fewer, none) = (counted(12), counted(3), surroundings());
    assert_eq!(of(Some(&deploy), Some(&more)), Value::Int(2));
    for (deploy, slow, why) in [
        (None, Some(&more), "no baseline was taken"),
        (Some(&deploy), None, "the counters were not read yet"),
        (Some(&deploy), Some(&fewer), "the counters were reset since"),
        (Some(&deploy), Some(&none), "or a table of then is gone"),
    ] {
        let said = of(deploy, slow);
        assert!(said.is_unknown() && said.to_string().contains(why), "{said}");
    }
}

/// Returns what is said with windows, and with what the rehearsal says.
fn windows(windows: &[&str], rehearsed: Option<Standing>) -> [Value; 3] {
    let snapshot = World::quiet().snapshot();
    let migrations = Migrations { rehearsed, ..migrations(1) };
    let windows: Vec<Window> = windows.iter().map(|w| w.parse().expect("a window")).collect();
    let known = Known {
        snapshot: Some(&snapshot),
        migrations: Some(&migrations),
        windows: &windows,
        ..Known::default()
    };
    let all = [Builtin::WindowLeft, Builtin::PendingTakes, Builtin::FitsWindow];
    all.map(|builtin| value(builtin, &known))
}

// The scenes are of a Thursday, 20:26:40 UTC, and what is pending takes 7:34 at most.
#[test]
fn what_is_pending_fits_the_window_if_it_ends_before_it_closes() {
    let takes = Value::Period(Period::from_secs(454));
    for (window, left, fits) in [
        ("Thu 20:00-20:35 Z", 500, true),
        ("Thu 20:00-20:34 Z", 440, false),
        ("Fri 20:00-21:00 Z", 0, false),
    ] {
        let [said_left, said_takes, said_fits] = windows(&[window], Some(standing(None)));
        assert_eq!(said_left, Value::Period(Period::from_secs(left)), "{window}");
        assert_eq!((said_takes, said_fits), (takes.clone(), Value::Bool(fits)), "{window}");
    }
}

#[test]
fn without_a_rehearsal_or_a_window_nothing_is_known_to_fit() {
    let [left, takes, fits] = windows(&[], Some(standing(None)));
    assert!(left.is_unknown() && fits.is_unknown() && !takes.is_unknown());
    for standing in [None, Some(standing(Some("a file changed")))] {
        let [left, takes, fits] = windows(&["Thu 20:00-24:00 Z"], standing.clone());
        assert!(!left.is_unknown() && takes.is_unknown() && fits.is_unknown());
        // What does not fit at all needs no rehearsal.
        let [_, _, fits] = windows(&["Fri 20:00-24:00 Z"], standing);
        assert_eq!(fits, Value::Bool(false));
    }
}

#[test]
fn a_relation_whose_size_is_not_known_leaves_the_time_unknown() {
    let mut standing = standing(None);
    standing.sizes.clear();
    let [_, takes, fits] = windows(&["Thu 20:00-24:00 Z"], Some(standing));
    assert!(takes.is_unknown() && fits.is_unknown());
}
