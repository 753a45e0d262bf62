//! What the built-in probes of backups say.

use chrono::TimeDelta;
use lockkeeper::domain::backup::{Backup, Inventory, Kind, Proof, Scope};
use lockkeeper::domain::deploy::Deploy;
use lockkeeper::domain::evidence::{Builtin, Level, Value};
use lockkeeper::domain::quantity::Period;
use lockkeeper::session::probe::{Backups, Known, value};

use crate::support::facts::{identity, migrations, now, surroundings};

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
