//! What a round trip says, by nothing but what was observed of it.

use std::collections::BTreeMap;

use chrono::{TimeZone as _, Utc};
use lockkeeper::domain::change::Name;
use lockkeeper::domain::evidence::Verdict as Outcome;
use lockkeeper::domain::fingerprint::{Part, Schema};
use lockkeeper::domain::plan::Digest;
use lockkeeper::domain::rehearsal::sentinel::{self, Picks};
use lockkeeper::domain::rehearsal::{
    Down, Ended, Evidence, Ground, Look, Proof, Rows, Seen, Shape, Slow, Source, Step, Table, Tool,
    Trip, Verdict, Written, judge, together,
};
use proptest::prelude::*;

fn part(kind: &str, owner: &str, name: &str) -> Part {
    Part { kind: kind.into(), space: "public".into(), owner: owner.into(), name: name.into() }
}

/// A schema with these columns of `t`.
fn shape(columns: &[&str]) -> Shape {
    let parts = columns.iter().map(|name| (part("column", "t", name), "text".to_owned()));
    let table = (part("table", "t", ""), String::new());
    let order = columns.iter().map(|name| (*name).to_owned()).collect();
    Shape {
        schema: Schema::new(parts.chain([table])),
        columns: BTreeMap::from([("public.t".to_owned(), order)]),
    }
}

fn rows(count: u64, digest: &str) -> Rows {
    let table = Table { rows: count, digest: digest.into(), ..Table::default() };
    Rows(BTreeMap::from([("public.t".to_owned(), table)]))
}

fn look(columns: &[&str], rows: Rows, revision: &[&str]) -> Look {
    let revision = revision.iter().map(|id| (*id).to_owned()).collect();
    Look { shape: shape(columns), rows, revision }
}

fn step(after: Look) -> Step {
    let expected = after.revision.clone();
    Step { ended: Ended::Well, said: "".into(), took_s: 0.1, expected, after }
}

fn failed(after: Look, on_data: bool) -> Step {
    let said = "it went wrong".into();
    Step { ended: Ended::Failed { on_data }, said, expected: vec!["?".into()], ..step(after) }
}

/// A round trip that adds a column and takes it back, over which nothing was lost.
fn clean() -> Trip {
    let before = look(&["a"], rows(2, "x"), &[]);
    let up = look(&["a", "b"], rows(2, "x"), &["1"]);
    let written = Written { down: step(before.clone()), vanished: vec![], unwritten: vec![] };
    Trip {
        up: step(up.clone()),
        down: Some(Down::Ran(step(before.clone()))),
        again: Some(step(up)),
        written: Some(Ok(written)),
        before,
    }
}

#[track_caller]
fn is(trip: &Trip, verdict: Option<Verdict>, why: &str) {
    let judged = judge(trip);
    assert_eq!(judged.verdict, verdict, "{}", judged.why.raw());
    assert!(judged.why.raw().contains(why), "{}", judged.why.raw());
}

#[test]
fn the_same_schema_and_rows_and_nothing_written_lost_is_reversible() {
    is(&clean(), Some(Verdict::Reversible), "same schema");
}

#[test]
fn the_same_schema_with_other_rows_is_lossy() {
    let mut trip = clean();
    let after = look(&["a"], rows(1, "y"), &[]);
    trip.down = Some(Down::Ran(step(after)));
    is(&trip, Some(Verdict::Lossy), "public.t: 1 row fewer");
}

#[test]
fn what_was_written_and_is_gone_is_lossy() {
    let mut trip = clean();
    if let Some(Ok(written)) = &mut trip.written {
        written.vanished.push("public.t.b: the value that was written".into());
    }
    is(&trip, Some(Verdict::Lossy), "public.t.b");
}

#[test]
fn a_down_that_says_it_worked_and_did_not_is_a_false_down() {
    let mut trip = clean();
    trip.down = Some(Down::Ran(step(look(&["a", "b"], rows(2, "x"), &[]))));
    is(&trip, Some(Verdict::FalseDown), "column b of public.t created");
}

#[test]
fn a_column_at_another_place_is_no_difference_and_is_told_apart() {
    let mut trip = clean();
    trip.before = look(&["a", "c"], rows(2, "x"), &[]);
    let back = look(&["c", "a"], rows(2, "x"), &[]);
    trip.down = Some(Down::Ran(step(back.clone())));
    is(&trip, Some(Verdict::Reversible), "");
    let told = trip.before.shape.reordered(&back.shape);
    assert_eq!(told.len(), 1);
    assert!(told[0].raw().contains("c, a"));
}

#[test]
fn no_way_down_or_one_that_refuses_is_irreversible() {
    let mut trip = clean();
    trip.down = Some(Down::Missing("there is no way down".into()));
    is(&trip, Some(Verdict::Irreversible), "no way down");
    let stays = trip.up.after.clone();
    trip.down = Some(Down::Ran(failed(stays, false)));
    is(&trip, Some(Verdict::Irreversible), "it went wrong");
}

#[test]
fn what_fails_on_rows_is_blocked_and_what_stays_half_done_is_partial() {
    let mut trip = clean();
    trip.up = failed(trip.before.clone(), true);
    is(&trip, Some(Verdict::Blocked), "the way up fails on rows");
    trip.up = failed(look(&["a", "b"], rows(2, "x"), &[]), true);
    is(&trip, Some(Verdict::Partial), "stays");
    let mut trip = clean();
    trip.down = Some(Down::Ran(failed(trip.up.after.clone(), true)));
    is(&trip, Some(Verdict::Blocked), "the way down fails on rows");
    let mut trip = clean();
    if let Some(Ok(written)) = &mut trip.written {
        written.down = failed(look(&["a", "b"], rows(3, "z"), &["1"]), true);
    }
    is(&trip, Some(Verdict::Blocked), "written since");
}

#[test]
fn an_unmoved_version_table_and_whatever_hangs_cannot_be_told() {
    let mut trip = clean();
    trip.up.after.revision = vec![];
    is(&trip, None, "its table does not say that it ran");
    let mut trip = clean();
    trip.up.ended = Ended::CannotTell("it was not done within 60 s".into());
    is(&trip, None, "within 60 s");
    let mut trip = clean();
    trip.again = Some(step(look(&["a", "b", "c"], rows(2, "x"), &["1"])));
    is(&trip, None, "leads elsewhere");
}

#[test]
fn a_touched_table_without_a_written_row_proves_nothing() {
    let mut trip = clean();
    if let Some(Ok(written)) = &mut trip.written {
        written.unwritten.push(("public.other".into(), "no type".into()));
    }
    is(&trip, Some(Verdict::Reversible), "");
    if let Some(Ok(written)) = &mut trip.written {
        written.unwritten.push(("public.t".into(), "no type".into()));
    }
    is(&trip, None, "no type");
}

#[test]
fn a_single_unknown_is_never_good_and_a_single_failure_decides() {
    use Verdict::{FalseDown, Lossy, Reversible};
    assert_eq!(together(&[], false), Outcome::Pass);
    assert_eq!(together(&[Some(Reversible), Some(Lossy)], false), Outcome::Pass);
    assert_eq!(together(&[Some(Reversible), Some(Lossy)], true), Outcome::Fail);
    assert_eq!(together(&[Some(Reversible), None], false), Outcome::Unknown);
    assert_eq!(together(&[None, Some(FalseDown)], false), Outcome::Fail);
}

fn evidence() -> Evidence {
    let proof = |id: &str, from: &[&str], to: &[&str]| Proof {
        id: id.into(),
        files: vec![Digest::of(format!("{id}.sql"), id.as_bytes())],
        verdict: Some(Verdict::Lossy),
        why: String::new(),
        before: shape(from).schema.fingerprint(),
        after: shape(to).schema.fingerprint(),
        up_s: Some(41.0),
        slow: vec![Slow { relation: "public.t".into(), bytes: 1 << 30, took_s: 40.0 }],
        brief: vec![],
        findings: vec![],
        seen: Seen::default(),
    };
    Evidence {
        schema: 1,
        at: Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap(),
        system_identifier: "7".into(),
        database: "shop".into(),
        source: Source::Dump,
        backup: None,
        excluded: vec![],
        bytes: 1 << 30,
        tool: tool(),
        migrations: vec![proof("1", &["a"], &["a", "b"]), proof("2", &["a", "b"], &["b"])],
        digest: String::new(),
    }
    .sealed()
}

fn tool() -> Tool {
    Tool {
        name: "alembic".into(),
        version: Some("1.20.1".into()),
        server: 15,
        lockkeeper: "0.1.0".into(),
        files: vec![Digest::of("env.py", b"x")],
    }
}

fn ground() -> Ground {
    let pending = |id: &str| (id.to_owned(), vec![Digest::of(format!("{id}.sql"), id.as_bytes())]);
    Ground {
        system_identifier: "7".into(),
        database: "shop".into(),
        tool: tool(),
        schema: shape(&["a"]).schema.fingerprint(),
        pending: vec![pending("1"), pending("2")],
    }
}

#[test]
fn evidence_holds_on_exactly_what_was_rehearsed_and_on_its_way() {
    assert_eq!(evidence().stale(&ground()), None);
    let mut later = ground();
    later.pending.remove(0);
    later.schema = shape(&["a", "b"]).schema.fingerprint();
    assert_eq!(evidence().stale(&later), None, "the first has run, and led where it led");
}

type Change = fn(&mut Ground);

#[test]
fn evidence_is_stale_as_soon_as_anything_is_another() {
    let changes: [(&str, Change); 9] = [
        ("another database", |g| g.database = "other".into()),
        ("another database", |g| g.system_identifier = "8".into()),
        ("alembic 1.21", |g| g.tool.version = Some("1.21".into())),
        ("unknown", |g| g.tool.version = None),
        ("PostgreSQL 15", |g| g.tool.server = 16),
        ("env.py has changed", |g| g.tool.files[0] = Digest::of("env.py", b"y")),
        ("the files of 2", |g| g.pending[1].1[0] = Digest::of("2.sql", b"z")),
        ("3 was not rehearsed", |g| g.pending.push(("3".into(), vec![]))),
        ("the schema", |g| g.schema = shape(&["b"]).schema.fingerprint()),
    ];
    for (why, change) in changes {
        let mut now = ground();
        change(&mut now);
        let stale = evidence().stale(&now);
        assert!(stale.as_deref().is_some_and(|said| said.contains(why)), "{why}: {stale:?}");
    }
    let mut forged = evidence();
    forged.migrations[0].verdict = Some(Verdict::Reversible);
    assert!(forged.stale(&ground()).is_some(), "a file that somebody wrote in is no evidence");
}

#[test]
fn only_what_grows_with_a_relation_is_scaled_and_called_an_estimate() {
    let takes = |here: u64| evidence().takes("1", |_| Some(here)).expect("it was measured");
    assert_eq!(takes(9 << 30), "took 0:41 on 1.0 GB of public.t; here 9.0 GB: estimate 6–8 min");
    assert_eq!(takes(1 << 30), "took 0:41 on 1.0 GB of public.t, about as much as here");
    let unknown = evidence().takes("1", |_| None).expect("it was measured");
    assert!(unknown.ends_with("not known"), "{unknown}");
    // It is told of what takes longest here, or of what is not known here.
    let mut two = evidence();
    two.migrations[0].slow.push(Slow {
        relation: "public.small".into(),
        bytes: 1 << 20,
        took_s: 1.0,
    });
    let takes = |small: Option<u64>| {
        let here = |relation: &str| if relation == "public.t" { Some(1 << 30) } else { small };
        two.takes("1", here).expect("it was measured")
    };
    let grown = takes(Some(1 << 30));
    assert!(grown.contains("1.0 MB of public.small; here 1.0 GB: estimate 17–23 min"), "{grown}");
    let unknown = takes(None);
    assert!(unknown.contains("public.small; how large that is here is not known"), "{unknown}");
}

fn column(name: &str, kind: &str) -> sentinel::Column {
    sentinel::Column {
        name: name.into(),
        kind: kind.into(),
        cast: kind.into(),
        not_null: true,
        ..sentinel::Column::default()
    }
}

fn table(oid: u32, columns: Vec<sentinel::Column>, to: &[u32]) -> sentinel::Table {
    let foreign = |to: &u32| sentinel::Foreign {
        columns: vec![format!("to_{to}")],
        to: *to,
        referenced: vec!["id".into()],
    };
    sentinel::Table {
        oid,
        name: Name::within("public", format!("t{oid}")),
        columns,
        key: vec![1],
        foreign: to.iter().map(foreign).collect(),
        checks: BTreeMap::new(),
        wide: vec![],
        is_partition: false,
    }
}

#[test]
fn a_row_points_to_one_that_is_there_and_a_refused_value_is_followed_by_the_next() {
    let mut status = column("status", "text");
    status.literals = vec!["'open'".into()];
    let mut one = table(2, vec![column("to_1", "int4"), status], &[1]);
    one.checks.insert("known".into(), vec!["status".into()]);
    let parent = |oid: u32| (oid == 1).then(|| "public.t1".to_owned());
    let mut picks = Picks::numbered(7);
    let first = sentinel::insert(&one, &picks, &parent).expect("it can be written");
    assert!(first.contains("(SELECT \"id\" FROM public.t1 LIMIT 1)"), "{first}");
    assert!(first.contains("CAST('7 lockkeeper' AS text)"), "{first}");
    let mut all = vec![first];
    while picks.next(&one, &["status".to_owned()]) {
        all.push(sentinel::insert(&one, &picks, &parent).expect("it can be written"));
    }
    assert!(all.iter().any(|sql| sql.contains("CAST('open' AS text)")), "{all:#?}");
    let odd = table(3, vec![column("x", "geometry")], &[]);
    assert!(sentinel::insert(&odd, &Picks::default(), &parent).is_err());
}

#[test]
fn thousands_of_tables_that_point_to_each_other_are_ordered_at_once() {
    let tables: Vec<_> = (1..=3_000).map(|oid| table(oid, vec![], &[oid + 1])).collect();
    let order = sentinel::order(&tables);
    assert!(order.iter().copied().eq((0..3_000).rev()), "the last one points to nothing");
}

proptest! {
    #[test]
    fn the_verdict_is_reversible_only_if_nothing_at_all_differs(
        down in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..3),
        digest in "[xy]",
        moved in any::<bool>(),
        again in any::<bool>(),
        vanished in any::<bool>(),
    ) {
        let mut trip = clean();
        let mut columns = down;
        columns.sort_unstable();
        columns.dedup();
        let revision: &[&str] = if moved { &[] } else { &["1"] };
        let mut back = step(look(&columns, rows(2, &digest), revision));
        back.expected = vec![];
        trip.down = Some(Down::Ran(back));
        if !again {
            trip.again = None;
        }
        if vanished && let Some(Ok(written)) = &mut trip.written {
            written.vanished.push("gone".into());
        }
        let same = columns == ["a"] && digest == "x" && moved && again && !vanished;
        prop_assert_eq!(judge(&trip).verdict == Some(Verdict::Reversible), same);
        // A down that did not move the table never counts as a success of any kind.
        if !moved {
            prop_assert_eq!(judge(&trip).verdict, None);
        }
    }

    #[test]
    fn every_table_is_written_once_and_after_what_it_points_to(
        edges in prop::collection::vec((1u32..8, 1u32..8), 0..16),
    ) {
        let to = |oid: u32| edges.iter().filter(|(a, b)| *a == oid && b < a).map(|(_, b)| *b).collect::<Vec<_>>();
        let tables: Vec<_> = (1..8).rev().map(|oid| table(oid, vec![], &to(oid))).collect();
        let order = sentinel::order(&tables);
        let mut seen = Vec::new();
        for at in &order {
            for foreign in &tables[*at].foreign {
                prop_assert!(seen.contains(&foreign.to));
            }
            seen.push(tables[*at].oid);
        }
        seen.sort_unstable();
        prop_assert_eq!(seen, (1..8).collect::<Vec<u32>>());
    }

    #[test]
    fn where_a_copy_went_its_original_goes(
        from in prop::collection::btree_map("[a-d]", "[xy]", 0..4),
        to in prop::collection::btree_map("[a-d]", "[xy]", 0..4),
        more in prop::collection::btree_map("[e-g]", "[xy]", 0..3),
    ) {
        let schema = |parts: &BTreeMap<String, String>| {
            Schema::new(parts.iter().map(|(name, text)| (part("index", "t", name), text.clone())))
        };
        let with = |parts: &BTreeMap<String, String>| {
            let all = parts.iter().chain(&more).map(|(k, v)| (k.clone(), v.clone()));
            schema(&all.collect())
        };
        // The original holds more than the copy, and is moved in the same way.
        prop_assert_eq!(with(&from).moved_as(&schema(&from), &schema(&to)), with(&to));
    }
}

#[test]
fn evidence_that_is_read_back_is_whole_whatever_it_took() {
    // Durations that a hasty reading of JSON gives back with another last bit.
    for took in [31.245_270_191_439_438, 121.487_919_511_619_45, 0.1 + 0.2, 5e-324, 1e300] {
        let mut evidence = evidence();
        evidence.migrations[0].up_s = Some(took);
        let text = serde_json::to_string_pretty(&evidence.sealed()).expect("it is JSON");
        let read: Evidence = serde_json::from_str(&text).expect("it reads");
        assert!(read.is_whole(), "{took}");
        let other: Evidence =
            serde_json::from_str(&text.replacen("\"1\"", "\"3\"", 1)).expect("it reads");
        assert!(!other.is_whole());
    }
}
