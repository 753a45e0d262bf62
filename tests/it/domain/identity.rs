//! Pins, copies and replicas; and how long to wait for a lost server.

use std::time::Duration;

use lockkeeper::domain::backoff;
use lockkeeper::domain::identity::{
    Class, Identity, Pin, Refused, check_bound, check_pin, effective_class, require_primary,
};
use proptest::prelude::*;

fn production() -> Identity {
    Identity {
        system_identifier: "7412345678901234567".into(),
        database: "shop".into(),
        database_oid: 16384,
        host: "db1".into(),
        port: 5432,
        role: "ann".into(),
        primary: true,
        version_num: 150_020,
        version: "15.20".into(),
    }
}

fn pin() -> Pin {
    Pin {
        system_identifier: "7412345678901234567".into(),
        database: "shop".into(),
        host: Some("db1".into()),
        primary: Some(true),
        certificate: None,
    }
}

#[test]
fn the_pinned_target_passes() {
    assert_eq!(check_pin(&pin(), &production(), None), Ok(()));
}

#[test]
fn another_server_is_refused_with_every_difference() {
    let other =
        Identity { system_identifier: "1".into(), database: "shop2".into(), ..production() };
    let refused = check_pin(&pin(), &other, None).unwrap_err();
    assert!(
        matches!(&refused, Refused::Pinned { mismatches, copy: false } if mismatches.len() == 2)
    );
    let text = refused.to_string();
    assert!(text.contains("database is shop2, pinned is shop"), "{text}");
    assert!(text.contains("doctor --pin"), "{text}");
}

#[test]
fn the_same_identifier_elsewhere_is_called_a_copy_of_production() {
    let copy = Identity { host: "db2".into(), ..production() };
    let refused = check_pin(&pin(), &copy, None).unwrap_err();
    assert!(matches!(refused, Refused::Pinned { copy: true, .. }));
    assert!(refused.to_string().contains("treated as production"));
}

#[test]
fn a_profile_cannot_call_a_copy_of_production_staging() {
    let copy = Identity { host: "staging".into(), ..production() };
    assert_eq!(effective_class(Class::Staging, &copy, &[pin()]), Class::Production);
    let other = Identity { system_identifier: "1".into(), ..production() };
    assert_eq!(effective_class(Class::Staging, &other, &[pin()]), Class::Staging);
}

#[test]
fn a_pinned_certificate_must_be_proved() {
    let pin = Pin { certificate: Some("db1".into()), ..pin() };
    assert_eq!(check_pin(&pin, &production(), Some("db1")), Ok(()));
    let text = check_pin(&pin, &production(), None).unwrap_err().to_string();
    assert!(text.contains("certificate is none: the certificate is not verified"), "{text}");
}

#[test]
fn a_replica_is_refused_where_a_primary_is_needed() {
    assert_eq!(require_primary(&production()), Ok(()));
    let replica = Identity { primary: false, ..production() };
    let text = require_primary(&replica).unwrap_err().to_string();
    assert!(text.starts_with("db1:5432 is a replica"), "{text}");
    assert!(check_pin(&pin(), &replica, None).is_err());
}

/// Every way in which what answers can be another target than the one that was meant.
fn others() -> Vec<(&'static str, Identity)> {
    vec![
        ("system identifier", Identity { system_identifier: "1".into(), ..production() }),
        ("database", Identity { database: "shop2".into(), ..production() }),
        ("the database's OID", Identity { database_oid: 24576, ..production() }),
        ("host", Identity { host: "db2".into(), ..production() }),
        ("port", Identity { port: 5433, ..production() }),
        ("role", Identity { role: "app".into(), ..production() }),
        ("primary", Identity { primary: false, ..production() }),
    ]
}

#[test]
fn one_difference_of_any_kind_makes_another_target() {
    for (what, other) in others() {
        assert!(!production().same_target(&other), "{what}");
        let refused = check_bound(&production(), &other).unwrap_err().to_string();
        assert!(refused.contains(what), "{refused}");
    }
    let upgraded = Identity { version_num: 150_021, version: "15.21".into(), ..production() };
    assert!(production().same_target(&upgraded), "a minor upgrade makes no other database");
    assert_eq!(check_bound(&production(), &upgraded), Ok(()));
}

#[test]
fn a_pinned_host_and_a_pinned_role_in_replication_are_compared_and_others_are_not() {
    let loose = Pin { host: None, primary: None, ..pin() };
    let moved = Identity { host: "db2".into(), primary: false, ..production() };
    assert_eq!(check_pin(&loose, &moved, None), Ok(()));
    assert!(check_pin(&Pin { host: Some("db1".into()), ..loose }, &moved, None).is_err());
}

proptest! {
    #[test]
    fn a_retry_waits_longer_each_time_and_never_too_long(attempt in 0_u32..200, unit in 0.0..=1.0) {
        let wait = backoff::delay(attempt, unit);
        prop_assert!(wait >= Duration::from_millis(125));
        prop_assert!(wait <= Duration::from_secs(10));
        prop_assert!(backoff::delay(attempt + 1, unit) >= wait);
    }
}

#[test]
fn retries_are_scattered() {
    assert_eq!(backoff::delay(1, 0.0), Duration::from_millis(250));
    assert_eq!(backoff::delay(1, 1.0), Duration::from_millis(500));
    assert_eq!(backoff::delay(1, f64::NAN), Duration::from_millis(500));
}
