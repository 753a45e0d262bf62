//! The one line.

use lockkeeper::domain::activity::{Backend, State};
use lockkeeper::domain::counters::{Counters, Prepared};
use lockkeeper::domain::identity::Identity;
use lockkeeper::domain::locks::{Holder, Id, Mode, Names, Object, Reported, Row};
use lockkeeper::domain::snapshot::document::Document;
use lockkeeper::domain::snapshot::{Reading, Snapshot};
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::domain::verdict::{Level, verdict};

use super::activity::{ago, backend, now};

fn identity() -> Identity {
    Identity {
        system_identifier: "7412".to_owned(),
        database: "shop".to_owned(),
        database_oid: 5,
        host: "db1".to_owned(),
        port: 5432,
        role: "deployer".to_owned(),
        primary: true,
        version_num: 150_020,
        version: "15.20".to_owned(),
    }
}

fn holds(pid: i32, mode: Mode) -> Row {
    let object = Object::relation(5, 1);
    Row { holder: Holder::Session(pid), object, mode, granted: true, waitstart: None }
}

fn wants(pid: i32, mode: Mode, for_s: i64) -> Row {
    Row { granted: false, waitstart: ago(for_s), ..holds(pid, mode) }
}

fn look(backends: Vec<Backend>, locks: Vec<Row>) -> Snapshot {
    look_with(Reading { backends, locks, ..Reading::default() }, false)
}

fn look_with(mut reading: Reading, partial: bool) -> Snapshot {
    reading.counters = Counters { at: now(), max_connections: 100, ..Counters::default() };
    let reading = reading.completed();
    let graph = reading.graph(&Reported::new());
    let names = Names::new(5, [(1, Untrusted::from("public.expenses"))].into(), &reading.locks);
    Snapshot::new(reading, graph, &names, &identity(), partial)
}

fn reporting() -> Backend {
    Backend {
        application: "reporting".into(),
        state: Some(State::IdleInTransaction),
        state_change: ago(270),
        ..backend(3988)
    }
}

fn migration() -> Backend {
    Backend {
        ours: true,
        application: "lockkeeper/migrate".into(),
        query: "ALTER TABLE expenses\n  ALTER COLUMN amount TYPE bigint, ADD x int".into(),
        ..backend(4121)
    }
}

#[test]
fn ours_behind_an_idle_reader_is_told_with_who_and_how_long() {
    let mut locks = vec![holds(3988, Mode::AccessShare), wants(4121, Mode::AccessExclusive, 42)];
    locks.extend((1..16).map(|pid| wants(pid, Mode::AccessShare, 40 - i64::from(pid))));
    let verdict = verdict(&look(vec![reporting(), migration()], locks));
    assert_eq!(verdict.level, Level::Alarm);
    assert_eq!(
        verdict.text,
        "ALTER TABLE expenses ALTER COLUMN amount… (pid 4121, ours) has waited 0:42 for ACCESS \
         EXCLUSIVE behind pid 3988, reporting, idle in transaction 4 min; 15 sessions queue behind us"
    );
    assert_eq!(verdict.culprits, [Id::Session(3988)]);
}

#[test]
fn several_holders_are_all_culprits_and_the_line_does_not_promise_that_one_is_enough() {
    let locks = vec![
        holds(7, Mode::AccessShare),
        holds(3988, Mode::AccessShare),
        wants(4121, Mode::AccessExclusive, 3),
    ];
    let verdict = verdict(&look(vec![reporting(), migration()], locks));
    assert_eq!(verdict.level, Level::Warn, "a short wait that nobody queues behind");
    assert!(verdict.text.ends_with("behind pid 7 and 1 other"), "{}", verdict.text);
    assert_eq!(verdict.culprits, [Id::Session(7), Id::Session(3988)]);
}

#[test]
fn whom_ours_blocks_comes_before_the_troubles_of_others() {
    let locks = vec![
        holds(4121, Mode::AccessExclusive),
        wants(7, Mode::AccessShare, 4),
        Row { object: Object::relation(5, 2), ..holds(1, Mode::AccessExclusive) },
        Row { object: Object::relation(5, 2), ..wants(2, Mode::AccessShare, 500) },
    ];
    let verdict = verdict(&look(vec![migration(), backend(7)], locks));
    assert_eq!(verdict.level, Level::Warn);
    assert_eq!(verdict.culprits, [Id::Session(4121)]);
    assert!(verdict.text.starts_with("1 session waits behind pid 4121, lockkeeper/migrate, ours"));
    assert!(verdict.text.ends_with("the longest for 0:04"), "{}", verdict.text);
}

#[test]
fn an_unconfirmed_cycle_is_only_possible() {
    let on = |relation, row: Row| Row { object: Object::relation(5, relation), ..row };
    let locks = vec![
        on(1, holds(511, Mode::AccessExclusive)),
        on(2, holds(512, Mode::AccessExclusive)),
        on(2, wants(511, Mode::AccessShare, 3)),
        on(1, wants(512, Mode::AccessShare, 2)),
    ];
    let verdict = verdict(&look(vec![], locks));
    assert_eq!(verdict.level, Level::Warn);
    assert!(verdict.text.contains("possible deadlock"), "{}", verdict.text);
    assert_eq!(verdict.culprits, [Id::Cycle(511)]);
}

#[test]
fn quiet_is_ok_and_partial_knowledge_is_not() {
    assert_eq!(verdict(&look(vec![backend(1)], vec![])).level, Level::Ok);
    let partial = verdict(&look_with(Reading::default(), true));
    assert_eq!(partial.level, Level::Warn);
    assert!(partial.text.contains("cannot tell"), "{}", partial.text);
}

#[test]
fn long_idleness_in_a_transaction_is_worth_a_look_before_anybody_waits() {
    let idle = Backend { state_change: ago(720), ..reporting() };
    let verdict = verdict(&look(vec![idle], vec![]));
    assert_eq!(verdict.level, Level::Warn);
    assert_eq!(
        verdict.text,
        "pid 3988, reporting, idle in transaction 12 min; nobody waits for a lock"
    );
}

#[test]
fn names_from_outside_reach_the_line_escaped() {
    let hostile = Backend { application: "\x1b]0;x\x07\u{202e}".into(), ..reporting() };
    let locks = vec![holds(3988, Mode::AccessShare), wants(4, Mode::AccessExclusive, 1)];
    let text = verdict(&look(vec![hostile], locks)).text;
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
    assert!(text.contains("␛]0;x␇<U+202E>"), "{text}");
}

#[test]
fn the_document_has_every_key_of_the_contract() {
    let prepared = Prepared {
        xid: 900,
        gid: "transfer_77".into(),
        prepared: ago(720),
        owner: None,
        database: None,
        xid_age: Some(3),
    };
    let mut locks = vec![wants(4121, Mode::AccessExclusive, 42)];
    locks.push(Row { holder: Holder::Prepared(900), ..holds(0, Mode::RowExclusive) });
    let backends = vec![migration()];
    let reading = Reading { backends, locks, prepared: vec![prepared], ..Reading::default() };
    let document = Document::new(&look_with(reading, false), 0.4);
    let text = serde_json::to_string_pretty(&document).expect("a document is JSON");
    insta::assert_snapshot!(text);
}
