//! Labelled blocks of lines, of which the least important go when there is no room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::text;
use crate::ui::theme::{Theme, Tone};

/// A piece of text with its meaning.
pub(super) type Piece = (String, Tone);

/// Lines that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Stands before the first line.
    pub label: Piece,
    /// The lines.
    pub lines: Vec<Row>,
    /// Its importance: 0 stays for ever, the highest goes first.
    pub rank: u8,
    /// It follows the block above without a line of space.
    pub close: bool,
}

/// A line of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// Pieces side by side, cut at the edge.
    Cut(Vec<Piece>),
    /// Pieces side by side, those that do not fit on the next row.
    Flowing(Vec<Piece>),
    /// A sentence, on as many rows as it takes.
    Wrapped(Piece),
}

/// Cells of the label's column.
const LABEL: usize = 12;

impl Block {
    /// Returns a block of that importance.
    pub fn new(label: &str, lines: Vec<Row>, rank: u8) -> Self {
        Self { label: (label.to_owned(), Tone::Dim), lines, rank, close: false }
    }

    /// Returns the block right below the one above.
    pub fn close(self) -> Self {
        Self { close: true, ..self }
    }
}

/// Returns a line of one piece.
pub(super) fn said(text: impl Into<String>, tone: Tone) -> Row {
    Row::Cut(vec![(text.into(), tone)])
}

/// Paints the blocks from the top, as many as fit.
pub(super) fn render(blocks: Vec<Block>, theme: Theme, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width).saturating_sub(LABEL + 2).max(1);
    let mut laid: Vec<Laid> = blocks.into_iter().map(|block| Laid::of(block, width)).collect();
    let mut spare = fit(&mut laid, usize::from(area.height));
    let mut y = area.y;
    for (at, block) in laid.iter().enumerate() {
        if at > 0 && spare > 0 && !block.close {
            y = y.saturating_add(1);
            spare -= 1;
        }
        for (at, line) in block.lines.iter().enumerate() {
            if y < area.bottom() {
                let label = if at == 0 { Some(&block.label) } else { None };
                paint(label, line, theme, Rect { y, height: 1, ..area }, buf);
            }
            y = y.saturating_add(1);
        }
    }
}

/// A block laid out for a width: one entry per row of the screen.
struct Laid {
    label: Piece,
    lines: Vec<Vec<Piece>>,
    rank: u8,
    close: bool,
}

impl Laid {
    fn of(block: Block, width: usize) -> Self {
        let mut lines = Vec::new();
        for row in block.lines {
            match row {
                Row::Cut(pieces) => lines.push(pieces),
                Row::Flowing(pieces) => lines.extend(flow(pieces, width)),
                Row::Wrapped((said, tone)) => {
                    lines.extend(
                        text::wrap(&said, width).into_iter().map(|line| vec![(line, tone)]),
                    );
                }
            }
        }
        Self { label: block.label, lines, rank: block.rank, close: block.close }
    }
}

/// Breaks pieces into rows of `width`; a row does not begin with what separates.
fn flow(pieces: Vec<Piece>, width: usize) -> Vec<Vec<Piece>> {
    let mut rows: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut taken = 0;
    for (mut said, tone) in pieces {
        if taken > 0 && taken + text::width(&said) > width {
            rows.push(Vec::new());
            said = bare(&said);
            taken = 0;
        }
        taken += text::width(&said);
        rows.last_mut().expect("there is a row from the beginning").push((said, tone));
    }
    rows
}

/// Returns a piece without what separates it from the one before.
fn bare(said: &str) -> String {
    said.strip_prefix(" ·").unwrap_or(said).trim_start().to_owned()
}

/// Drops blocks by rank until the rest fits. Returns how many rows are left for space
/// between them: space goes before any block does, from below.
fn fit(blocks: &mut Vec<Laid>, height: usize) -> usize {
    loop {
        let rows: usize = blocks.iter().map(|block| block.lines.len()).sum();
        let worst = blocks.iter().map(|block| block.rank).max().unwrap_or(0);
        if rows <= height || worst == 0 {
            return height.saturating_sub(rows);
        }
        let last = blocks.iter().rposition(|block| block.rank == worst);
        last.map(|at| blocks.remove(at));
    }
}

fn paint(label: Option<&Piece>, line: &[Piece], theme: Theme, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width);
    if let Some((label, tone)) = label {
        let label = text::cut(label, width.saturating_sub(1).min(LABEL));
        buf.set_stringn(
            area.x + area.width.min(1),
            area.y,
            label,
            width.saturating_sub(1),
            theme.style(*tone),
        );
    }
    let mut x = area.x + u16::try_from((LABEL + 1).min(width)).unwrap_or(0);
    for (said, tone) in line {
        let room = usize::from(area.right().saturating_sub(x)).saturating_sub(1);
        if room > 0 {
            let said = text::cut(said, room);
            (x, _) = buf.set_stringn(x, area.y, said, room, theme.style(*tone));
        }
    }
}
