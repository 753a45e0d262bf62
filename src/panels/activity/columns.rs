//! The columns of the list, and the mark on the one that it is sorted by.

use crate::domain::activity::sort::{Column as By, Direction};
use crate::ui::widgets::table::Column;

/// A column: what sorts by it, and its titles unsorted, ascending and descending.
type Spec = (Option<By>, [&'static str; 3], Column);

macro_rules! titles {
    ($title:literal) => {
        [$title, concat!("↑", $title), concat!("↓", $title)]
    };
}

const COLUMNS: [Spec; 17] = [
    (Some(By::Ours), titles!("◆"), Column::text("", 2, 0)),
    (Some(By::Pid), titles!("pid"), Column::number("", 7, 0)),
    (None, titles!("leader"), Column::number("", 7, 11)),
    (Some(By::Type), titles!("type"), Column::text("", 8, 10)),
    (Some(By::User), titles!("user"), Column::text("", 9, 3)),
    (Some(By::Application), titles!("application"), Column::text("", 12, 0).growing(1)),
    (Some(By::Client), titles!("client"), Column::text("", 11, 8)),
    (Some(By::Database), titles!("database"), Column::text("", 9, 6)),
    (Some(By::State), titles!("state"), Column::text("", 10, 0)),
    (Some(By::Wait), titles!("wait"), Column::text("", 18, 4)),
    (Some(By::TransactionAge), titles!("xact"), Column::number("", 7, 0)),
    (Some(By::QueryAge), titles!("query"), Column::number("", 7, 5)),
    (Some(By::WaitAge), titles!("waits"), Column::number("", 7, 1)),
    (Some(By::Written), titles!("wrote"), Column::text("", 6, 7)),
    (Some(By::XminAge), titles!("xmin"), Column::number("", 7, 9)),
    (None, titles!("blocked by"), Column::text("", 10, 2)),
    (Some(By::Query), titles!("query"), Column::text("", 10, 0).growing(4)),
];

/// Returns the columns, the one that the list is sorted by marked.
pub(super) fn of(by: By, direction: Direction) -> Vec<Column> {
    let marked = match direction {
        Direction::Ascending => 1,
        Direction::Descending => 2,
    };
    let titled = |(sorts, titles, column): &Spec| Column {
        title: titles[if *sorts == Some(by) { marked } else { 0 }],
        ..*column
    };
    COLUMNS.iter().map(titled).collect()
}

/// Returns the arrow of a direction.
pub(super) fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "↑",
        Direction::Descending => "↓",
    }
}
