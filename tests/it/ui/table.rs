//! The table: what it builds, what it drops, and whom it keeps selected.

use std::cell::Cell as Count;

use lockkeeper::ui::theme::Theme;
use lockkeeper::ui::widgets::table::{self, Cell, Column, State, Table};
use proptest::prelude::*;

use crate::support::screen;

const COLUMNS: [Column; 4] = [
    Column::number("pid", 5, 0),
    Column::text("who", 8, 1),
    Column::number("waits", 6, 2),
    Column::text("query", 10, 0).growing(1),
];

fn row(pid: usize) -> Vec<Cell> {
    vec![
        pid.to_string().into(),
        "web".into(),
        "0:41".into(),
        format!("SELECT {pid} FROM expenses").into(),
    ]
}

/// Paints rows of `keys` and returns the text and how many rows were built.
fn painted(keys: &[usize], state: &State<usize>, width: u16, height: u16) -> (String, usize) {
    let built = Count::new(0);
    let build = |at: usize| {
        built.set(built.get() + 1);
        row(keys[at])
    };
    let table = Table { columns: &COLUMNS, keys, row: &build, empty: "no session matches" };
    let mut buf = screen::blank(width, height);
    let area = buf.area;
    table::render(&table, state, Theme::default(), area, &mut buf);
    (screen::text(&buf), built.get())
}

#[test]
fn numbers_stand_right_and_the_last_column_takes_the_rest() {
    let (text, _) = painted(&[7, 4121], &State::default(), 50, 3);
    assert_eq!(
        text,
        "   pid  who        waits  query\n\
         \x20    7  web         0:41  SELECT 7 FROM expenses\n\
         \x20 4121  web         0:41  SELECT 4121 FROM expens…\n"
    );
}

#[test]
fn a_narrow_table_drops_the_least_important_columns() {
    let titles = |width| {
        let (text, _) = painted(&[4121], &State::default(), width, 1);
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(titles(36), ["pid", "who", "waits", "query"]);
    assert_eq!(titles(35), ["pid", "who", "query"]);
    assert_eq!(titles(27), ["pid", "query"]);
    assert_eq!(titles(10), ["pid", "q…"]);
}

#[test]
fn only_the_visible_rows_are_built() {
    let keys: Vec<_> = (0..1_000).collect();
    let mut state = State::default();
    state.select(700);
    let (text, built) = painted(&keys, &state, 60, 11);
    assert_eq!(built, 10);
    assert!(text.contains("SELECT 700 "), "{text}");
}

#[test]
fn the_selection_stays_with_its_key_when_rows_move() {
    let mut state = State::default();
    state.select(3);
    assert_eq!(state.selected(&[1, 2, 3]), Some(&3));
    assert_eq!(state.index(&[3, 9, 2, 1]), Some(0));
}

#[test]
fn a_vanished_selection_is_not_replaced_by_its_neighbour() {
    let mut state = State::default();
    let before = [1, 2, 3, 4];
    state.select(2);
    painted(&before, &state, 60, 6);
    let after = [1, 3, 4];
    assert_eq!(state.selected(&after), None);
    state.step(&after, 1);
    assert_eq!(state.selected(&after), Some(&3));
}

#[test]
fn an_empty_table_says_why() {
    assert!(painted(&[], &State::default(), 60, 4).0.contains(" no session matches"));
}

#[test]
fn scrolling_sideways_moves_growing_text_as_far_as_it_was_cut() {
    let mut state = State::default();
    state.scroll(7);
    assert!(painted(&[4121], &state, 80, 2).0.contains("SELECT"), "all of it is seen already");
    painted(&[4121], &state, 50, 2);
    state.scroll(7);
    let (text, _) = painted(&[4121], &state, 50, 2);
    assert!(text.contains("web") && text.contains("4121 FROM"), "{text}");
    assert!(!text.contains("SELECT"), "{text}");
}

#[test]
fn the_first_row_changes_only_if_it_has_to() {
    let keys: Vec<_> = (0..100).collect();
    let mut state = State::default();
    state.select(50);
    let first = |text: String| text.lines().nth(1).unwrap_or_default().to_owned();
    let before = first(painted(&keys, &state, 60, 11).0);
    state.step(&keys, -3);
    assert_eq!(first(painted(&keys, &state, 60, 11).0), before);
    state.step(&keys, -20);
    assert!(first(painted(&keys, &state, 60, 11).0).contains("SELECT 27 "));
}

proptest! {
    #[test]
    fn a_table_panics_at_no_size_and_with_no_keys(
        width in 0_u16..80, height in 0_u16..12, rows in 0_usize..40,
        moves in proptest::collection::vec(-30_isize..30, 0..8),
    ) {
        let keys: Vec<_> = (0..rows).collect();
        let mut state = State::default();
        for by in moves {
            state.step(&keys, by);
            state.page(&keys, by.signum());
            state.scroll(by);
            painted(&keys, &state, width, height);
        }
        prop_assert_eq!(state.selected(&keys).is_some(), state.index(&keys).is_some());
    }
}
