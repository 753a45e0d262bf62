//! The chain of records, and what is open in it.

use chrono::DateTime;
use lockkeeper::domain::journal::{Entry, GENESIS, Kind, Reading, Record, VERSION, read};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::sha256_hex;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::act::{SYSTEM, confirmed, plan};

fn line(entry: Entry, seq: u64, prev: &str) -> String {
    let record = Record {
        v: VERSION,
        seq,
        at: DateTime::UNIX_EPOCH,
        mono: 1.5,
        boot: "boot".into(),
        kind: entry.kind,
        run: "run".into(),
        step: entry.step,
        act: entry.act,
        attempt: entry.attempt,
        plan: entry.plan,
        operator: "ann@desk".into(),
        data: entry.data,
        prev: prev.into(),
    };
    serde_json::to_string(&record).expect("a record is JSON")
}

fn journal(entries: Vec<Entry>) -> Vec<u8> {
    let mut prev = GENESIS.to_owned();
    let mut text = String::new();
    for (seq, entry) in (1..).zip(entries) {
        let line = line(entry, seq, &prev);
        prev = sha256_hex(line.as_bytes());
        text += &(line + "\n");
    }
    text.into_bytes()
}

fn intent() -> Entry {
    Entry::intent(&confirmed(plan("true", "/".as_ref())), "1", Some("migrate"))
}

fn outcome(ending: Ending) -> Entry {
    Entry::outcome(&Outcome::new(ending, "said"), "1", 1, Some("migrate"))
}

fn notes(count: usize) -> Vec<u8> {
    journal((0..count).map(|n| Entry::new(Kind::Note, json!({ "note": n }))).collect())
}

#[test]
fn a_journal_as_written_is_intact() {
    let text =
        journal(vec![Entry::new(Kind::Opened, Value::Null), intent(), outcome(Ending::Done)]);
    let reading = read(&text);
    assert_eq!((reading.intact, reading.torn_tail, reading.records.len()), (true, false, 3));
    assert_eq!(reading.whole_bytes, text.len());
    assert_eq!(reading.open(), []);
}

#[test]
fn an_empty_journal_is_intact_and_begins_the_chain() {
    let reading = read(b"");
    assert!(reading.intact);
    assert_eq!(reading.head, GENESIS);
}

#[test]
fn an_intent_without_outcome_is_open_with_its_plan() {
    let open = read(&journal(vec![intent()])).open();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].step.as_deref(), Some("migrate"));
    assert_eq!(open[0].target().expect("the plan is read").system_identifier, SYSTEM);
}

#[test]
fn an_unknown_outcome_leaves_the_intent_open_until_somebody_resolves_it() {
    let unknown = vec![intent(), outcome(Ending::Unknown)];
    let open = read(&journal(unknown.clone())).open();
    assert_eq!(open.len(), 1);
    let resolved = Entry::resolved(&Outcome::new(Ending::Done, "seen"), &open[0]);
    let whole = [unknown, vec![resolved]].concat();
    assert_eq!(read(&journal(whole)).open(), []);
}

#[test]
fn a_second_attempt_is_open_on_its_own() {
    let second = Entry { attempt: Some(2), ..intent() };
    let open = read(&journal(vec![intent(), outcome(Ending::LockTimeout), second])).open();
    assert_eq!(open.iter().map(|open| open.attempt).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_line_without_its_end_is_a_torn_tail_and_no_record() {
    let text = notes(2);
    let reading = read(&text[..text.len() - 1]);
    assert_eq!((reading.intact, reading.torn_tail, reading.records.len()), (true, true, 1));
}

#[test]
fn a_record_left_out_is_found() {
    let text = String::from_utf8(notes(4)).expect("JSON is UTF-8");
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let without = [lines[0], lines[1], lines[3]].concat();
    let reading = read(without.as_bytes());
    assert!(!reading.intact);
    assert_eq!(reading.records.len(), 2);
}

#[test]
fn a_newer_format_is_told_from_damage_even_with_kinds_unknown_here() {
    let newer = json!({ "v": VERSION + 1, "seq": 1, "kind": "teleported" }).to_string() + "\n";
    let reading = read(newer.as_bytes());
    assert_eq!(reading.newer, Some(VERSION + 1));
    assert!(!reading.intact);
    assert_eq!(read(b"{}\n").newer, None);
}

#[test]
fn a_newer_record_is_refused_also_where_all_of_it_could_be_read() {
    let first = line(Entry::new(Kind::Opened, Value::Null), 1, GENESIS);
    let newer = first.replacen(&format!("\"v\":{VERSION}"), &format!("\"v\":{}", VERSION + 1), 1);
    assert_ne!(first, newer);
    let reading = read(format!("{newer}\n").as_bytes());
    assert_eq!((reading.records.len(), reading.newer), (0, Some(VERSION + 1)));
}

#[test]
fn a_record_with_another_number_is_found_though_the_chain_holds() {
    let first = line(Entry::new(Kind::Opened, Value::Null), 1, GENESIS);
    let skipped = line(Entry::new(Kind::Note, Value::Null), 3, &sha256_hex(first.as_bytes()));
    let reading = read(format!("{first}\n{skipped}\n").as_bytes());
    assert!(!reading.intact);
    assert_eq!(reading.fault.as_deref(), Some("record 2 is numbered 3"));
}

fn seen_as_before(before: &Reading, after: &Reading) -> bool {
    after.intact && !after.torn_tail && after.head == before.head
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edited_byte_is_found_by_the_chain_unless_it_is_in_the_last_record(
        at in 0_usize..100_000, bits in 1_u8..=255,
    ) {
        let text = notes(6);
        let last = text[..text.len() - 1].iter().rposition(|b| *b == b'\n').expect("six lines") + 1;
        let mut edited = text.clone();
        edited[at % last] ^= bits;
        prop_assert!(!read(&edited).intact);
    }

    #[test]
    fn an_edited_byte_anywhere_is_found_by_whoever_kept_the_last_hash(
        at in 0_usize..100_000, bits in 1_u8..=255,
    ) {
        let text = notes(3);
        let mut edited = text.clone();
        let at = at % edited.len();
        edited[at] ^= bits;
        prop_assert!(!seen_as_before(&read(&text), &read(&edited)));
    }

    #[test]
    fn a_cut_at_any_byte_leaves_the_whole_records_before_it(at in 0_usize..100_000) {
        let text = notes(5);
        let reading = read(&text[..at % text.len()]);
        prop_assert!(reading.intact);
        prop_assert_eq!(reading.torn_tail, reading.whole_bytes < at % text.len());
    }
}
