//! Text measured in cells.

use std::time::Duration;

use lockkeeper::ui::text;
use proptest::prelude::*;

#[test]
fn ages_and_clocks_read_as_the_design_writes_them() {
    let clock = |seconds| text::clock(Duration::from_secs(seconds));
    assert_eq!(
        (clock(42), clock(370), clock(3723)),
        ("0:42".into(), "6:10".into(), "1:02:03".into())
    );
    let age = |millis| text::age(Duration::from_millis(millis));
    assert_eq!(age(400), "0.4 s");
    assert_eq!(age(9_999), "9.9 s");
    assert_eq!(age(12_000), "12 s");
    assert_eq!(age(240_000), "4 min");
    assert_eq!(age(3 * 3_600_000), "3 h");
    assert_eq!(age(2 * 86_400_000), "2 days");
    assert_eq!(text::count(201_334), "201,334");
    assert_eq!(text::count(1_000_000), "1,000,000");
    assert_eq!(text::count(12), "12");
}

#[test]
fn a_cut_is_seen() {
    assert_eq!(text::cut("expenses", 5), "expe…");
    assert_eq!(text::cut("語語語", 4), "語…");
    assert_eq!(text::right("42", 5), "   42");
    assert_eq!(text::left("ab", 4), "ab  ");
    assert_eq!(text::shifted("SELECT 1", 7), "1");
}

proptest! {
    #[test]
    fn no_text_is_wider_than_asked_for(line in "\\PC{0,60}", cells in 0_usize..40) {
        prop_assert!(text::width(&text::cut(&line, cells)) <= cells);
        prop_assert_eq!(text::width(&text::left(&line, cells)), cells);
    }

    #[test]
    fn wrapping_loses_nothing_but_spaces(line in "[a-z 語é]{0,80}", cells in 2_usize..30) {
        let lines = text::wrap(&line, cells);
        prop_assert!(lines.iter().all(|line| text::width(line) <= cells), "{:?}", lines);
        prop_assert_eq!(lines.concat().replace(' ', ""), line.replace(' ', ""));
    }
}
