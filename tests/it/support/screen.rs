//! Screens for tests: a buffer as text with its colours, small enough to be read
//! in a review.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

/// The sizes at which every screen has to work.
pub const SIZES: [(u16, u16); 3] = [(200, 50), (80, 24), (60, 15)];

/// Returns an empty buffer of `width`×`height`.
pub fn blank(width: u16, height: u16) -> Buffer {
    Buffer::empty(Rect::new(0, 0, width, height))
}

/// Returns the text of `buf`, one line per row, without blanks at the end.
pub fn text(buf: &Buffer) -> String {
    (0..buf.area.height).map(|y| row(buf, y).trim_end().to_owned() + "\n").collect()
}

/// Returns the text of `buf` and below it the styled runs of the rows, as
/// `rows: first..end style, …`; rows with the same runs stand together.
pub fn painted(buf: &Buffer) -> String {
    let text = text(buf);
    let mut out = format!("|{}\nstyles\n", text.trim_end().replace('\n', "\n|"));
    let mut y = 0;
    while y < buf.area.height {
        let runs = runs(buf, y);
        let first = y;
        while y < buf.area.height && self::runs(buf, y) == runs {
            y += 1;
        }
        if !runs.is_empty() {
            writeln!(out, "{first:>3}-{}: {runs}", y - 1).expect("a String takes all");
        }
    }
    out
}

fn row(buf: &Buffer, y: u16) -> String {
    let mut out = String::new();
    let mut x = 0;
    while x < buf.area.width {
        let symbol = buf[(buf.area.x + x, buf.area.y + y)].symbol();
        out.push_str(symbol);
        x += u16::try_from(lockkeeper::ui::text::width(symbol).max(1)).unwrap_or(1);
    }
    out
}

/// Returns the runs of row `y` that are not in the terminal's plain style.
fn runs(buf: &Buffer, y: u16) -> String {
    let style = |x: u16| named(&buf[(buf.area.x + x, buf.area.y + y)]);
    let mut runs = Vec::new();
    let mut start = 0;
    for x in 1..=buf.area.width {
        if x == buf.area.width || style(x) != style(start) {
            let name = style(start);
            if !name.is_empty() {
                runs.push(format!("{start}..{x} {name}"));
            }
            start = x;
        }
    }
    runs.join(", ")
}

/// Returns a cell's style in words; empty for the terminal's own.
fn named(cell: &Cell) -> String {
    let mut words = Vec::new();
    if cell.fg != Color::Reset {
        words.push(cell.fg.to_string().to_lowercase());
    }
    if cell.bg != Color::Reset {
        words.push(format!("on {}", cell.bg.to_string().to_lowercase()));
    }
    words.extend(cell.modifier.iter_names().map(|(name, _): (_, Modifier)| name.to_lowercase()));
    words.join(" ")
}
