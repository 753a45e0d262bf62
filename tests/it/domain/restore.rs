//! The restore: what it is called, what speaks against it, which act comes next.

use chrono::{TimeZone as _, Utc};
use lockkeeper::domain::backup::{Backup, Kind};
use lockkeeper::domain::restore::{
    Act, Extension, Found, Goal, Grant, Mark, Next, Pooler, Preflight, Properties, Replica, Rights,
    Setting, State, Stated, World, aside, fresh, next,
};

fn world(found: Vec<Found>) -> World {
    World { oid: 10, name: "shop".into(), found, taken: vec!["shop".into()] }
}

fn new(state: State, of: u32) -> Found {
    let mark = Mark::New { of, name: "shop".into(), backup: "/b.dump".into(), state };
    Found { name: "shop_restore_20261121t031500".into(), oid: 20, mark: Some(mark), busy: false }
}

fn backup() -> Backup {
    let at = Utc.with_ymd_and_hms(2026, 11, 21, 3, 15, 0).single();
    Backup { snapshot_started_at: at, ..Backup::at("/b.dump", Kind::Custom) }
}

fn act(found: Vec<Found>) -> Act {
    match next(&Goal::Backup("/b.dump".into()), &world(found)) {
        Next::Act(act, _) => act,
        Next::Impossible(why) => panic!("{why}"),
    }
}

#[test]
fn what_the_server_has_decides_what_comes_next() {
    assert_eq!(act(vec![]), Act::Load);
    assert_eq!(act(vec![new(State::Loading, 10)]), Act::Drop, "half made: it is not gone on with");
    assert_eq!(act(vec![new(State::Loaded, 10)]), Act::Settle);
    assert_eq!(act(vec![new(State::Settled, 10)]), Act::Swap);
    assert_eq!(act(vec![new(State::Settled, 11)]), Act::Load, "it was for another database");
}

#[test]
fn what_was_live_once_is_never_dropped() {
    let at = Utc.with_ymd_and_hms(2026, 11, 21, 3, 15, 0).single().expect("a time");
    let old = Mark::Old { by: 10, name: "shop".into(), at, written: Some(1) };
    let undone = Mark::Undone { name: "shop".into(), at };
    for mark in [old, undone] {
        let found = Found { name: "shop_x".into(), oid: 30, mark: Some(mark), busy: false };
        let dropped = next(&Goal::Drop("shop_x".into()), &world(vec![found]));
        assert!(matches!(dropped, Next::Impossible(why) if why.contains("never dropped")));
    }
    let cut =
        Found { name: "shop_restore_20261121t031500".into(), oid: 30, mark: None, busy: false };
    let dropped = next(&Goal::Drop(cut.name.clone()), &world(vec![cut]));
    assert!(matches!(dropped, Next::Act(Act::Drop, Some(_))), "cut off before its mark");
}

#[test]
fn what_a_living_restore_loads_is_neither_left_over_nor_dropped() {
    let world = world(vec![Found { busy: true, ..new(State::Loading, 10) }]);
    let again = next(&Goal::Backup("/b.dump".into()), &world);
    assert!(matches!(again, Next::Impossible(why) if why.contains("being loaded")));
    let dropped = next(&Goal::Drop(world.found[0].name.clone()), &world);
    assert!(matches!(dropped, Next::Impossible(_)));
    assert_eq!((world.left_over().count(), world.under_way().count()), (0, 1));
}

#[test]
fn a_left_over_of_a_long_name_is_known_unless_it_may_be_anothers() {
    let long = "a_database_whose_name_is_longer_than_what_is_left_of_it";
    let mut world = World { name: long.into(), ..world(vec![]) };
    world.taken = vec![long.into()];
    let name = fresh(&world, Some(&backup()));
    assert_eq!(name.len(), 63);
    world.found.push(Found { name: name.clone(), oid: 30, mark: None, busy: false });
    assert_eq!(world.left_over().count(), 1);
    world.taken.push(format!("{}_too", &long[..45]));
    assert_eq!(world.left_over().count(), 0, "both would give it that name");
    let short = Found { name: "shop_restore_20261121t031500".into(), ..world.found.remove(0) };
    world.found.push(short);
    assert_eq!(world.left_over().count(), 0);
}

#[test]
fn only_the_database_from_before_the_last_swap_comes_back() {
    let at = Utc.with_ymd_and_hms(2026, 11, 21, 3, 15, 0).single().expect("a time");
    let old = |by| Found {
        name: "shop_old_20261121t031500".into(),
        oid: 5,
        mark: Some(Mark::Old { by, name: "shop".into(), at, written: None }),
        busy: false,
    };
    assert!(matches!(next(&Goal::Undo, &world(vec![old(10)])), Next::Act(Act::Undo, Some(_))));
    assert!(matches!(next(&Goal::Undo, &world(vec![old(11)])), Next::Impossible(_)));
}

#[test]
fn a_new_name_fits_and_is_nobodys() {
    let mut all = world(vec![]);
    assert_eq!(fresh(&all, Some(&backup())), "shop_restore_20261121t031500");
    all.taken.push("shop_old_20261121t031500".into());
    let second = fresh(&all, Some(&backup()));
    assert_eq!(second, "shop_restore_20261121t031500_2");
    assert_eq!(aside(Act::Swap, &second), "shop_old_20261121t031500_2");
    assert_eq!(aside(Act::Undo, "shop_old_20261121t031500"), "shop_undone_20261121t031500");
    all.name = "ä".repeat(31);
    let long = fresh(&all, Some(&backup()));
    assert!(long.len() <= 63 && long.ends_with("_restore_20261121t031500"), "{long}");
    let old = aside(Act::Swap, &long);
    assert!(aside(Act::Undo, &old).len() <= 63);
    for taken in [aside(Act::Undo, &old), old] {
        let all = World { taken: vec![all.name.clone(), taken.clone()], ..all.clone() };
        let second = fresh(&all, Some(&backup()));
        assert!(second.ends_with("_2"), "{taken} is somebody's: {second}");
    }
}

#[test]
fn a_mark_reads_as_it_was_written_and_a_comment_is_none() {
    let found = new(State::Loaded, 10);
    let mark = found.mark.expect("it has one");
    assert_eq!(Mark::read(&mark.text()), Some(mark));
    assert_eq!(Mark::read("the shop's database"), None);
    assert_eq!(Mark::read("lockkeeper restore {\"kind\":\"of a later version\"}"), None);
}

#[test]
fn properties_are_quoted_as_the_server_keeps_them() {
    let setting = |role: Option<&str>, text: &str| Setting {
        role: role.map(str::to_owned),
        text: text.to_owned(),
    };
    let properties = Properties {
        owner: "o\"wner".into(),
        encoding: "UTF8".into(),
        collate: "C".into(),
        ctype: "C".into(),
        tablespace: "pg_default".into(),
        connections: 7,
        grants: Some(vec![Grant { role: None, privilege: "CONNECT".into(), grantable: false }]),
        settings: vec![
            setting(None, "search_path=\"$user\", \"a,\"\"b\", public"),
            setting(Some("web"), "my.value=it's \\ 1"),
        ],
        ..Properties::default()
    };
    assert_eq!(
        properties.create("x"),
        "CREATE DATABASE \"x\" TEMPLATE template0 OWNER \"o\"\"wner\" ENCODING E'UTF8' \
         LC_COLLATE E'C' LC_CTYPE E'C'"
    );
    let provided = |provider: &str, locale: Option<&str>| {
        let locale = locale.map(str::to_owned);
        Properties { provider: Some(provider.into()), locale, ..properties.clone() }.create("x")
    };
    assert!(provided("c", None).ends_with(" LC_CTYPE E'C' LOCALE_PROVIDER libc"));
    assert!(provided("i", Some("de")).ends_with(" LOCALE_PROVIDER icu ICU_LOCALE E'de'"));
    let sql = properties.copy_to("x");
    assert!(sql.contains(&"GRANT CONNECT ON DATABASE \"x\" TO PUBLIC".to_owned()));
    assert!(sql.contains(
        &"ALTER DATABASE \"x\" SET \"search_path\" TO E'$user', E'a,\"b', E'public'".to_owned()
    ));
    assert!(sql.contains(
        &"ALTER ROLE \"web\" IN DATABASE \"x\" SET \"my\".\"value\" TO E'it''s \\\\ 1'".to_owned()
    ));
}

fn able() -> Preflight {
    let rights = Rights {
        role: "deployer".into(),
        creates: true,
        owns: true,
        signals: true,
        superuser: false,
    };
    Preflight {
        rights,
        owner: "deployer".into(),
        size: Some(10),
        free: Some(12),
        ..Preflight::default()
    }
}

#[test]
fn each_thing_that_speaks_against_it_is_a_denial() {
    let none = Stated::default();
    for act in Act::ALL {
        assert_eq!(able().denials(act, none), [""; 0], "{act:?}");
    }
    let names = || vec!["x".to_owned()];
    let extension = |installed: &str, available: Option<&str>| Extension {
        name: "postgis".into(),
        installed: installed.into(),
        available: available.map(str::to_owned),
    };
    let cases: [(&str, Preflight, Act); 9] = [
        ("slots", Preflight { slots: names(), ..able() }, Act::Swap),
        ("subscriptions", Preflight { subscriptions: names(), ..able() }, Act::Swap),
        ("prepared", Preflight { prepared: names(), ..able() }, Act::Swap),
        ("replicas", Preflight { standbys: names(), ..able() }, Act::Swap),
        ("superusers", Preflight { unkillable: 1, ..able() }, Act::Undo),
        ("1.2", Preflight { free: Some(11), ..able() }, Act::Load),
        ("cannot be told", Preflight { free: None, ..able() }, Act::Load),
        (
            "would install 3.4",
            Preflight { extensions: vec![extension("3.3", Some("3.4"))], ..able() },
            Act::Load,
        ),
        (
            "not available",
            Preflight { extensions: vec![extension("3.3", None)], ..able() },
            Act::Load,
        ),
    ];
    for (why, preflight, act) in cases {
        let denials = preflight.denials(act, none).join("; ");
        assert!(denials.contains(why), "{why}: {denials}");
    }
    let replica = |readers| Replica { name: "r1".into(), dsn: "host=r1".into(), readers };
    let pooler = |paused| Some(Pooler { name: "p".into(), dsn: "host=p".into(), paused });
    let named = Preflight { standbys: names(), replicas: vec![replica(Ok(3))], ..able() };
    assert_eq!(named.denials(Act::Swap, none), [""; 0], "the swap ends them");
    let cut = Err("no answer".to_owned());
    for (why, preflight) in [
        ("r1 cannot be ended: no answer", Preflight { replicas: vec![replica(cut)], ..able() }),
        ("cannot be told: no", Preflight { pooler: pooler(Err("no".into())), ..able() }),
    ] {
        let denials = preflight.denials(Act::Undo, none).join("; ");
        assert!(denials.contains(why), "{why}: {denials}");
        assert_eq!(preflight.denials(Act::Load, none), [""; 0], "nothing is cut off yet");
    }
    let lost = Preflight { size: Some(10), archive: Some(20), free: Some(59), ..able() };
    let denials = lost.denials(Act::Load, none).join("; ");
    assert!(denials.contains("only 59 B are free, and 60 B are needed (3 ×"), "{denials}");
    assert_eq!(Preflight { free: Some(60), ..lost.clone() }.denials(Act::Load, none), [""; 0]);
    let stated = Preflight { free: None, ..lost }.open(Act::Load).and_then(|(_, said)| said.free);
    assert_eq!(stated, Some(60), "more than the database as it is now would take");
    let small = Preflight { archive: Some(9), ..able() };
    assert_eq!(small.denials(Act::Load, none), [""; 0], "it packs the database");
    let unsized_ = Preflight { size: None, free: None, ..able() };
    let denials = unsized_.denials(Act::Load, none).join("; ");
    assert!(denials.contains("GRANT pg_read_all_stats TO deployer"), "{denials}");
    assert!(!denials.contains("--free"), "it would not help: {denials}");
    assert_eq!(unsized_.open(Act::Load), None);
    let pauses = |paused| Preflight { pooler: pooler(Ok(paused)), ..able() };
    for found in [pauses(false), pauses(true)] {
        assert_eq!(found.denials(Act::Swap, none), [""; 0], "the swap pauses it");
    }
    let unread = Preflight { pooler: pooler(Err("no".into())), ..able() };
    assert!(unread.ways()[0].closed.join("; ").contains("cannot be told: no"));
    let said = Stated { free: Some(12), drained: true };
    let unknown = Preflight { free: None, standbys: names(), ..able() };
    assert_eq!(unknown.denials(Act::Load, said), [""; 0]);
    assert_eq!(unknown.denials(Act::Swap, said), [""; 0]);
    assert!(!unknown.ways()[0].closed.is_empty(), "before anybody has said it");
}
