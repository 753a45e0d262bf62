//! The names of backups' files.

use chrono::{DateTime, Utc};
use lockkeeper::domain::backup::{Scope, name};

fn at() -> DateTime<Utc> {
    "2026-07-21T22:45:03.9Z".parse().expect("a time")
}

#[test]
fn a_name_tells_database_time_and_revision() {
    let revisions = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let of = |ids: &[&str], scope| name::of("shop", at(), Some(&revisions(ids)), scope);
    assert_eq!(of(&["0006"], Scope::Full), "shop-20260721T224503Z-0006.dump");
    assert_eq!(of(&["a", "b"], Scope::Schema), "shop-20260721T224503Z-a_b-schema.dump");
    assert_eq!(of(&[], Scope::Full), "shop-20260721T224503Z-none.dump");
    assert_eq!(name::of("shop", at(), None, Scope::Full), "shop-20260721T224503Z.dump");
    assert_eq!(name::numbered("shop.dump", 1), "shop.dump");
    assert_eq!(name::numbered("shop.dump", 2), "shop.2.dump");
}

#[test]
fn no_name_of_a_database_leads_elsewhere() {
    let long = "x".repeat(300);
    for hostile in ["../../etc/passwd", "-x", ".hidden", "a\nb", "é\u{202e}", "", &long] {
        let name = name::of(hostile, at(), Some(&[hostile.to_owned()]), Scope::Full);
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        assert!(name.chars().all(plain) && name.len() < 200, "{name}");
        assert!(!name.starts_with(['-', '.']) && !name.contains(".."), "{name}");
    }
}
