//! One line of parts, of which the least important go when it gets narrow.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::ui::text;

/// A piece of a line that stays or goes as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The text, with whatever separates it from its left neighbour.
    pub text: String,
    /// Its style.
    pub style: Style,
    /// Its importance: 0 stays for ever, the highest goes first, and those of one
    /// rank on one side go together.
    pub rank: u8,
}

impl Part {
    /// Returns a part.
    pub fn new(text: impl Into<String>, style: Style, rank: u8) -> Self {
        Self { text: text.into(), style, rank }
    }

    fn cells(&self) -> usize {
        text::width(&self.text)
    }
}

/// Paints `left` from the left edge and `right` up to the right edge of the
/// first row of `area`: by rank as many parts as leave at least one cell of space
/// between the two.
pub fn render(left: Vec<Part>, right: Vec<Part>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let (left, right) = fit(left, right, usize::from(area.width));
    let end = paint(&left, area.x, area, buf);
    let wanted = area.right().saturating_sub(cells(cells_of(&right)));
    let gap = u16::from(!right.is_empty());
    paint(&right, wanted.max(end.saturating_add(gap)), area, buf);
}

/// Returns the parts that fit into `width`, the important first; parts of one side and rank
/// go together, and what is too long leaves its room to shorter ones.
fn fit(left: Vec<Part>, right: Vec<Part>, width: usize) -> (Vec<Part>, Vec<Part>) {
    let gap = usize::from(!right.is_empty());
    let mut room = width.saturating_sub(gap);
    let mut kept = |parts: &[Part], rank: u8| {
        let cells: usize = parts.iter().filter(|part| part.rank == rank).map(Part::cells).sum();
        let fits = rank == 0 || cells <= room;
        room = if fits { room.saturating_sub(cells) } else { room };
        fits
    };
    let mut ranks: Vec<u8> = left.iter().chain(&right).map(|part| part.rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
    for rank in ranks {
        of_right.extend(kept(&right, rank).then_some(rank));
        of_left.extend(kept(&left, rank).then_some(rank));
    }
    let only = |parts: Vec<Part>, ranks: &[u8]| {
        parts.into_iter().filter(|part| ranks.contains(&part.rank)).collect()
    };
    (only(left, &of_left), only(right, &of_right))
}

fn cells_of(parts: &[Part]) -> usize {
    parts.iter().map(Part::cells).sum()
}

fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// Paints `parts` from `x` on, the one that meets the edge cut with `…`; returns
/// the column after them.
fn paint(parts: &[Part], mut x: u16, area: Rect, buf: &mut Buffer) -> u16 {
    for part in parts {
        let room = usize::from(area.right().saturating_sub(x));
        if room == 0 {
            break;
        }
        (x, _) = buf.set_stringn(x, area.y, text::cut(&part.text, room), room, part.style);
    }
    x
}
