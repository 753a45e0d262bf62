//! Pictures of screens.

use lockkeeper::ui::picture;
use lockkeeper::ui::theme::{Theme, Tone};
use lockkeeper::ui::widgets::{frame, header, help};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::sample;
use crate::support::screen;

/// A well-filled screen of 200×50.
fn full() -> Buffer {
    let mut buf = screen::blank(200, 50);
    let theme = Theme::default();
    header::render(&sample::header(), theme, buf.area, &mut buf);
    for y in 3..50 {
        let row = format!("{:>6}  web@shop  active  SELECT id, amount FROM expenses", 4000 + y);
        buf.set_string(1, y, row, theme.style(Tone::Plain));
    }
    let area = frame::centred(86, 24, buf.area);
    let inside = frame::render("Keys", theme.style(Tone::Accent), area, &mut buf);
    let rows = help::rows(&sample::groups(), inside.width);
    help::render(&rows, 0, theme, inside, &mut buf);
    buf
}

#[test]
fn a_full_screen_is_small_and_always_the_same() {
    let svg = picture::svg(&full(), "lockkeeper");
    assert!(svg.len() < 40_000, "{} bytes", svg.len());
    assert_eq!(svg, picture::svg(&full(), "lockkeeper"));
}

#[test]
fn each_glyph_has_its_own_place() {
    let mut buf = Buffer::empty(Rect::new(0, 0, 6, 1));
    buf.set_string(0, 0, "a<語b", Style::new().fg(Color::Red));
    let svg = picture::svg(&buf, "x & y");
    assert!(svg.contains("x=\"0 8 16 32\">a&lt;語b</text>"), "{svg}");
    assert!(svg.contains("<title>x &amp; y</title>"), "{svg}");
    assert!(svg.contains("fill:#c8434b"), "{svg}");
}

#[test]
fn a_badge_has_its_paper() {
    let mut buf = Buffer::empty(Rect::new(0, 0, 4, 1));
    buf.set_string(1, 0, "ab", Style::new().fg(Color::White).bg(Color::Red));
    let svg = picture::svg(&buf, "badge");
    assert!(
        svg.contains("<rect x=\"8\" y=\"0\" width=\"16\" height=\"17\" fill=\"#c8434b\"/>"),
        "{svg}"
    );
}
