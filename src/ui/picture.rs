//! A picture of a screen: an SVG from a buffer, the same bytes for the same buffer.
//!
//! Every glyph gets its own x, so that columns stand under each other in
//! whatever font the reader has.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Size of a cell in the picture's units.
const CELL: (u16, u16) = (8, 17);
/// Margin around the screen.
const MARGIN: u16 = 10;
const INK: &str = "#d3d7de";
const PAPER: &str = "#15181e";
/// The sixteen colours of a terminal, as this picture paints them.
const ANSI: [&str; 16] = [
    "#3b4048", "#c8434b", "#7fb069", "#d9a441", "#5b8fd6", "#b07cc6", "#4fb3bf", "#c9cdd4",
    "#767c88", "#ff6b72", "#a3d98f", "#ffd166", "#82b1ff", "#d7a3ea", "#7fdbe6", "#ffffff",
];

/// Returns the SVG of `buf`, with `title` as its accessible name.
#[must_use]
pub fn svg(buf: &Buffer, title: &str) -> String {
    let mut styles = Styles::default();
    let mut body = String::new();
    for y in 0..buf.area.height {
        papers(buf, y, &mut body);
        glyphs(buf, y, &mut styles, &mut body);
    }
    let width = buf.area.width * CELL.0 + 2 * MARGIN;
    let height = buf.area.height * CELL.1 + 2 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <style>text{{font:13px ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace;fill:{INK}}}{}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{PAPER}\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\">\n{body}</g>\n</svg>\n",
        styles.css(),
        title = escaped(title),
    )
}

/// Paints the backgrounds of row `y`, one rectangle per run of one colour.
fn papers(buf: &Buffer, y: u16, body: &mut String) {
    let mut x = 0;
    while x < buf.area.width {
        let paper = paper(cell(buf, x, y));
        let start = x;
        while x < buf.area.width && self::paper(cell(buf, x, y)) == paper {
            x += 1;
        }
        if let Some(paper) = paper {
            let (left, top, width) = (start * CELL.0, y * CELL.1, (x - start) * CELL.0);
            push(
                body,
                format_args!(
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{}\" fill=\"{paper}\"/>\n",
                    CELL.1
                ),
            );
        }
    }
}

/// Paints the glyphs of row `y`: one `text` per word of one style. Renderers that know no
/// list of positions (librsvg) still place each word rightly.
fn glyphs(buf: &Buffer, y: u16, styles: &mut Styles, body: &mut String) {
    let mut run = Run::default();
    let mut x = 0;
    while x < buf.area.width {
        let cell = cell(buf, x, y);
        let symbol = cell.symbol();
        if symbol.trim().is_empty() {
            run.flush(y, body);
        } else {
            let class = styles.class(cell);
            // A cluster of several code points takes its position alone: an x
            // list counts code points, not clusters.
            let alone = symbol.encode_utf16().count() > 1;
            if run.class != class || alone {
                run.flush(y, body);
                run.class = class;
            }
            run.push(x, symbol);
            if alone {
                run.flush(y, body);
            }
        }
        x += u16::try_from(crate::ui::text::width(symbol).max(1)).unwrap_or(1);
    }
    run.flush(y, body);
}

fn cell(buf: &Buffer, x: u16, y: u16) -> &Cell {
    &buf[(buf.area.x + x, buf.area.y + y)]
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}

/// Glyphs of one style on one row.
#[derive(Default)]
struct Run {
    class: Option<usize>,
    positions: String,
    text: String,
}

impl Run {
    fn push(&mut self, x: u16, symbol: &str) {
        if !self.positions.is_empty() {
            self.positions.push(' ');
        }
        push(&mut self.positions, format_args!("{}", x * CELL.0));
        self.text.push_str(&escaped(symbol));
    }

    fn flush(&mut self, y: u16, body: &mut String) {
        if self.text.is_empty() {
            return;
        }
        let class = self.class.map(|at| format!(" class=\"s{at}\"")).unwrap_or_default();
        let baseline = y * CELL.1 + 13;
        let (positions, text) = (&self.positions, &self.text);
        push(body, format_args!("<text{class} y=\"{baseline}\" x=\"{positions}\">{text}</text>\n"));
        self.positions.clear();
        self.text.clear();
    }
}

/// The distinct glyph styles, numbered in the order of their appearance.
#[derive(Default)]
struct Styles {
    rules: BTreeMap<String, usize>,
}

impl Styles {
    /// Returns the number of the cell's style, or `None` for the plain one.
    fn class(&mut self, cell: &Cell) -> Option<usize> {
        let rule = rule(cell);
        if rule.is_empty() {
            return None;
        }
        let next = self.rules.len();
        Some(*self.rules.entry(rule).or_insert(next))
    }

    fn css(&self) -> String {
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|(_, at)| **at);
        let mut css = String::new();
        for (rule, at) in rules {
            push(&mut css, format_args!(".s{at}{{{rule}}}"));
        }
        css
    }
}

/// Returns the CSS of the cell's glyph; empty for the plain style.
fn rule(cell: &Cell) -> String {
    let mut rule = String::new();
    let ink = ink(cell);
    if ink != INK {
        push(&mut rule, format_args!("fill:{ink};"));
    }
    for (modifier, css) in [
        (Modifier::BOLD, "font-weight:bold;"),
        (Modifier::DIM, "opacity:.6;"),
        (Modifier::ITALIC, "font-style:italic;"),
        (Modifier::UNDERLINED, "text-decoration:underline;"),
        (Modifier::CROSSED_OUT, "text-decoration:line-through;"),
    ] {
        if cell.modifier.contains(modifier) {
            rule.push_str(css);
        }
    }
    rule
}

fn ink(cell: &Cell) -> String {
    if cell.modifier.contains(Modifier::REVERSED) {
        colour(cell.bg).unwrap_or_else(|| PAPER.to_owned())
    } else {
        colour(cell.fg).unwrap_or_else(|| INK.to_owned())
    }
}

/// Returns the background of a cell, or `None` for the terminal's own.
fn paper(cell: &Cell) -> Option<String> {
    if cell.modifier.contains(Modifier::REVERSED) {
        Some(colour(cell.fg).unwrap_or_else(|| INK.to_owned()))
    } else {
        colour(cell.bg)
    }
}

/// Returns a colour as `#rrggbb`, or `None` for the terminal's own.
fn colour(colour: Color) -> Option<String> {
    let ansi = |at: usize| Some(ANSI[at].to_owned());
    match colour {
        Color::Reset => None,
        Color::Black => ansi(0),
        Color::Red => ansi(1),
        Color::Green => ansi(2),
        Color::Yellow => ansi(3),
        Color::Blue => ansi(4),
        Color::Magenta => ansi(5),
        Color::Cyan => ansi(6),
        Color::Gray => ansi(7),
        Color::DarkGray => ansi(8),
        Color::LightRed => ansi(9),
        Color::LightGreen => ansi(10),
        Color::LightYellow => ansi(11),
        Color::LightBlue => ansi(12),
        Color::LightMagenta => ansi(13),
        Color::LightCyan => ansi(14),
        Color::White => ansi(15),
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(at) => Some(indexed(at)),
    }
}

/// Returns a colour of the 256: the sixteen, a 6×6×6 cube, 24 greys (xterm's scheme).
fn indexed(at: u8) -> String {
    match at {
        0..16 => ANSI[usize::from(at)].to_owned(),
        16..232 => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let at = at - 16;
            let (r, g, b) = (level(at / 36), level(at / 6 % 6), level(at % 6));
            format!("#{r:02x}{g:02x}{b:02x}")
        }
        232.. => {
            let grey = 8 + 10 * (at - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

/// Returns `text` with XML's special characters escaped.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
