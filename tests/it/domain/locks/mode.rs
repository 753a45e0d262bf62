//! The conflict table.

use lockkeeper::domain::locks::{Mode, Modes};

#[test]
fn the_conflict_table_is_that_of_the_documentation() {
    // Rows and columns of table 13.2, weakest first; X marks a conflict.
    let table = [
        ".......X", "......XX", "....XXXX", "...XXXXX", "..XX.XXX", "..XXXXXX", ".XXXXXXX",
        "XXXXXXXX",
    ];
    for (wanted, row) in Mode::ALL.into_iter().zip(table) {
        for (held, mark) in Mode::ALL.into_iter().zip(row.chars()) {
            assert_eq!(wanted.conflicts(held), mark == 'X', "{wanted:?} against {held:?}");
        }
    }
}

#[test]
fn every_name_is_read_back_and_predicate_locks_are_none() {
    for mode in Mode::ALL {
        assert_eq!(Mode::parse(mode.name()), Some(mode));
    }
    assert_eq!(Mode::parse("SIReadLock"), None);
    assert_eq!(Mode::AccessExclusive.short(), "AccessExclusive");
}

#[test]
fn the_strongest_conflicting_mode_is_the_one_named() {
    let mut held = Modes::default();
    held.insert(Mode::AccessShare);
    held.insert(Mode::RowExclusive);
    assert_eq!(held.strongest_against(Mode::Share), Some(Mode::RowExclusive));
    assert_eq!(held.strongest_against(Mode::RowShare), None);
}
