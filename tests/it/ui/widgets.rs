//! No widget panics or paints outside its area, at any size; and the small ones.

use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::ui::theme::{Theme, Tone};
use lockkeeper::ui::widgets::pager::{self, Page, State};
use lockkeeper::ui::widgets::pairs::{self, Pair};
use lockkeeper::ui::widgets::tree::{self, Node};
use lockkeeper::ui::widgets::{footer, frame, header, help, message, small, spark};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::sample;
use crate::support::screen;

/// Paints every widget into `area`, which may lie outside of `buf`.
fn paint_all(area: Rect, buf: &mut Buffer) {
    let theme = Theme::default();
    let groups = sample::groups();
    header::render(&sample::header(), theme, area, buf);
    header::render(&sample::stale(), theme, area, buf);
    small::render(&sample::header(), Some("an alarm"), theme, area, buf);
    footer::render(&groups[0].bindings, theme, area, buf);
    message::render(&message::Message::new(Tone::Alarm, "no"), theme, area, buf);
    help::render(&help::rows(&groups, area.width), 1, theme, area, buf);
    let page = Page::new(&Untrusted::new("SELECT 1\n\u{1b}[31m語語語\n\n"));
    pager::render(&page, &State::following(), theme, area, buf);
    pairs::render(&[Pair::new("a label", "語語語 and words")], 0, theme, area, buf);
    frame::render("a title", theme.style(Tone::Alarm), area, buf);
}

proptest! {
    #[test]
    fn no_widget_panics_or_paints_outside_its_area(
        size in (0_u16..90, 0_u16..20),
        x in 0_u16..95, y in 0_u16..25, width in 0_u16..95, height in 0_u16..25,
    ) {
        let mut buf = screen::blank(size.0, size.1);
        let area = Rect::new(x, y, width, height);
        paint_all(area, &mut buf);
        for position in buf.area.positions().filter(|at| !area.contains(*at)) {
            prop_assert_eq!(buf[position].symbol(), " ", "at {:?} outside {:?}", position, area);
        }
    }
}

#[test]
fn output_reaches_the_screen_escaped() {
    let mut buf = screen::blank(40, 2);
    let page = Page::new(&Untrusted::new("\u{1b}[2Jgone\u{202e}\ta"));
    let area = buf.area;
    pager::render(&page, &State::default(), Theme::default(), area, &mut buf);
    assert_eq!(screen::text(&buf).trim_end(), "␛[2Jgone<U+202E>    a");
}

#[test]
fn a_following_pager_shows_the_end_until_it_is_scrolled() {
    let text =
        |lines: usize| (1..=lines).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    let mut state = State::following();
    let shown = |state: &State, lines: usize| {
        let mut buf = screen::blank(20, 3);
        let area = buf.area;
        let page = Page::new(&Untrusted::new(text(lines)));
        pager::render(&page, state, Theme::default(), area, &mut buf);
        screen::text(&buf)
    };
    assert!(shown(&state, 10).contains("line 10"));
    assert!(shown(&state, 20).contains("line 20"));
    state.scroll(-1);
    assert!(shown(&state, 30).starts_with("line 17"), "{}", shown(&state, 30));
}

#[test]
fn an_unknown_value_is_no_low_bar() {
    let values = [Some(0.0), None, Some(4.0), Some(8.0), Some(f64::NAN)];
    assert_eq!(spark::line(&values, 9), "▁·▄█·");
    assert_eq!(spark::line(&values, 2), "█·");
    assert_eq!(spark::line(&[Some(0.0)], 3), "▁");
}

#[test]
fn a_deep_branch_stays_on_the_screen() {
    assert_eq!(tree::branch(1, Node::Open), "  ▾ ");
    assert!(lockkeeper::ui::text::width(&tree::branch(900, Node::Leaf)) < 40);
    assert!(tree::branch(900, Node::Leaf).contains("900"));
}

#[test]
fn a_long_value_wraps_under_itself() {
    let pairs = [Pair::new("runs", "UPDATE in batches"), Pair::new("on", "x")];
    let mut buf = screen::blank(16, 4);
    let area = buf.area;
    pairs::render(&pairs, 0, Theme::default(), area, &mut buf);
    assert_eq!(screen::text(&buf), "runs  UPDATE in\n      batches\non    x\n\n");
    assert_eq!(pairs::height(&pairs, 16), 3);
}
