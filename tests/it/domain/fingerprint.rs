//! The parts of a schema, compared.

use lockkeeper::domain::fingerprint::{Compared, Part, Schema};
use lockkeeper::domain::untrusted::Untrusted;

fn part(kind: &str, owner: &str, name: &str) -> Part {
    Part { kind: kind.into(), space: "public".into(), owner: owner.into(), name: name.into() }
}

fn schema(parts: &[(&str, &str, &str, &str)]) -> Schema {
    let one = |(kind, owner, name, hash): &(&str, &str, &str, &str)| {
        (part(kind, owner, name), (*hash).to_owned())
    };
    Schema::new(parts.iter().map(one))
}

#[test]
fn a_table_that_came_is_told_once_and_an_invalid_index_by_its_name() {
    let before = schema(&[("table", "t", "", "1"), ("index", "t", "i", "1")]);
    let after = schema(&[
        ("table", "t", "", "2"),
        ("INVALID index", "t", "i", "3"),
        ("table", "u", "", "1"),
        ("constraint", "u", "u_pkey", "1"),
        ("function", "", "f(integer)", "1"),
    ]);
    let told: Vec<String> = before.changes(&after).iter().map(Untrusted::one_line).collect();
    let expected = [
        "INVALID index i of public.t created",
        "function public.f(integer) created",
        "index i of public.t dropped",
        "table public.t changed",
        "table public.u created",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_a_tool_keeps_its_books_in_is_no_part_of_it() {
    let plain = schema(&[("table", "t", "", "1")]);
    let kept = schema(&[
        ("table", "t", "", "1"),
        ("table", "knex_migrations", "", "1"),
        ("table", "knex_migrations_lock", "", "1"),
        ("index", "knex_migrations", "knex_migrations_pkey", "1"),
        ("sequence", "knex_migrations_id_seq", "", "1"),
    ]);
    assert_ne!(plain.fingerprint(), kept.fingerprint());
    assert_eq!(plain.fingerprint(), kept.without("knex_migrations").fingerprint());
    // What only begins so is the application's.
    let versions = schema(&[("table", "versions", "", "1"), ("table", "version_files", "", "1")]);
    assert_eq!(versions.clone().without("version").fingerprint(), versions.fingerprint());
}

#[test]
fn where_only_the_fingerprint_is_left_a_difference_is_told_without_its_parts() {
    let (before, after) = (schema(&[("table", "t", "", "1")]), schema(&[]));
    let compared = Compared::of(&before.fingerprint(), None, &after);
    assert_eq!(compared.told().as_deref(), Some("the schema is not the one from before"));
    assert_eq!(Compared::of(&before.fingerprint(), None, &before).told(), None);
}
