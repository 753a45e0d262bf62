//! Whatever a person decides, and whatever was read for it, is in the record.

use lockkeeper::domain::journal::Kind;
use lockkeeper::session::walk::Move;

use super::driver::{Driven, Find};
use super::{book, small};

/// Returns what `does` has recorded.
fn records(driven: &mut Driven, does: impl FnOnce(&mut Driven)) -> Vec<Kind> {
    let before = driven.recorded.len();
    does(driven);
    driven.recorded[before..].to_vec()
}

#[test]
fn a_step_that_ends_records_its_end_before_the_next_one_begins() {
    let mut driven = Driven::walking(small());
    assert_eq!(records(&mut driven, |d| drop(d.go(Move::Continue))), [Kind::Ended, Kind::Step]);
}

#[test]
fn a_check_records_what_was_found_whether_it_passes_or_not() {
    for find in [Find::Good, Find::Bad, Find::Unknown] {
        let mut driven = Driven::walking(small());
        driven.go(Move::Continue);
        let recorded = records(&mut driven, |d| drop(d.find(find)));
        assert_eq!(recorded.first(), Some(&Kind::Probe), "{find:?}");
    }
}

#[test]
fn an_answer_a_value_a_pause_and_a_skip_are_recorded() {
    let mut driven = Driven::walking(small());
    driven.until("keep");
    driven.along_if_probing();
    let answer = Move::Choose { answer: "keep".into(), reason: Some("it serves".into()) };
    let recorded = records(&mut driven, |d| drop(d.go(answer)));
    assert_eq!(recorded.first(), Some(&Kind::Answer));

    let manual = "schema = 1\nid = \"t\"\ntitle = \"T\"\n[[section]]\nid = \"main\"\ntitle = \
        \"Main\"\n[[section.step]]\nid = \"m\"\nkind = \"manual\"\ntitle = \"M\"\ndo = \"Do it.\"\n\
        respond = \"count\"\n";
    let mut driven = Driven::walking(book(manual));
    assert_eq!(records(&mut driven, |d| drop(d.go(Move::Pause))), [Kind::Pause]);
    assert_eq!(records(&mut driven, |d| drop(d.go(Move::Pause))), [Kind::Pause]);
    assert_eq!(records(&mut driven, |d| drop(d.go(Move::StopAfter))), [Kind::Pause]);
    let recorded = records(&mut driven, |d| drop(d.go(Move::Give("0".into()))));
    assert_eq!(recorded[..2], [Kind::Answer, Kind::Ended]);

    let mut driven = Driven::walking(small());
    driven.go(Move::Continue);
    let recorded = records(&mut driven, |d| drop(d.go(Move::Skip("seen".into()))));
    assert_eq!(recorded[..2], [Kind::Skip, Kind::Ended]);
}
