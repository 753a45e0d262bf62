//! Which columns are shown, where, and how wide: a pure function of the width,
//! so that columns stand still while their values change.

use crate::ui::text;

/// Cells between two columns.
const GAP: usize = 2;

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

impl Align {
    /// Returns `text` in exactly `cells`.
    #[must_use]
    pub(super) fn fit(self, text: &str, cells: usize) -> String {
        match self {
            Self::Left => text::left(text, cells),
            Self::Right => text::right(text, cells),
        }
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// The cells that it needs at least.
    pub width: usize,
    /// Its share of what is left over; 0 stays at `width`.
    pub grow: usize,
    /// Where its text stands.
    pub align: Align,
    /// Its importance: 0 is never dropped, the highest is dropped first.
    pub rank: u8,
}

impl Column {
    /// Returns a column of text that stays at `width`.
    #[must_use]
    pub const fn text(title: &'static str, width: usize, rank: u8) -> Self {
        Self { title, width, grow: 0, align: Align::Left, rank }
    }

    /// Returns a column of numbers, right-aligned.
    #[must_use]
    pub const fn number(title: &'static str, width: usize, rank: u8) -> Self {
        Self { title, width, grow: 0, align: Align::Right, rank }
    }

    /// Returns the column taking `share` of the cells left over.
    #[must_use]
    pub const fn growing(self, share: usize) -> Self {
        Self { grow: share, ..self }
    }

    /// Returns true if the column's text moves when the table is scrolled sideways.
    pub(super) const fn scrolls(&self) -> bool {
        self.grow > 0
    }
}

/// Where a column is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its index.
    pub column: usize,
    /// Its first cell.
    pub x: usize,
    /// Its cells.
    pub width: usize,
}

/// Returns the columns that fit into `width`, placed, after a margin of one cell.
pub(super) fn layout(columns: &[Column], width: usize) -> Vec<Place> {
    let width = width.saturating_sub(1);
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    while needed(columns, &kept) > width {
        let Some(worst) = kept.iter().copied().max_by_key(|at| (columns[*at].rank, *at)) else {
            break;
        };
        if columns[worst].rank == 0 {
            break;
        }
        kept.retain(|at| *at != worst);
    }
    let spare = width.saturating_sub(needed(columns, &kept));
    let mut places = place(columns, &kept, spare);
    for place in &mut places {
        // Columns that may not be dropped are cut at the edge.
        place.width = place.width.min((width + 1).saturating_sub(place.x));
    }
    places
}

fn needed(columns: &[Column], kept: &[usize]) -> usize {
    let cells: usize = kept.iter().map(|at| columns[*at].width).sum();
    cells + GAP * kept.len().saturating_sub(1)
}

/// Places the `kept` columns; the last growing one takes what division leaves.
fn place(columns: &[Column], kept: &[usize], mut spare: usize) -> Vec<Place> {
    let mut shares: usize = kept.iter().map(|at| columns[*at].grow).sum();
    let mut x = 1;
    let mut places = Vec::with_capacity(kept.len());
    for column in kept.iter().copied() {
        let grow = columns[column].grow;
        let extra = (spare * grow).checked_div(shares).unwrap_or(0);
        spare -= extra;
        shares -= grow;
        let width = columns[column].width + extra;
        places.push(Place { column, x, width });
        x += width + GAP;
    }
    places
}
