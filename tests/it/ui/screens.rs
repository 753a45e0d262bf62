//! Header, footer and fallback as they look, at the three sizes and in the three themes.

use insta::assert_snapshot;
use lockkeeper::ui::theme::{Name, Theme};
use lockkeeper::ui::widgets::header::{self, Header};
use lockkeeper::ui::widgets::{footer, small};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::sample;
use crate::support::screen::{self, SIZES};

fn header_and_footer(header: &Header, theme: Theme, width: u16) -> Buffer {
    let mut buf = screen::blank(width, 4);
    let area = buf.area;
    header::render(header, theme, area, &mut buf);
    let groups = sample::groups();
    footer::render(&groups[0].bindings, theme, Rect { y: 3, height: 1, ..area }, &mut buf);
    buf
}

#[test]
fn header_and_footer_keep_what_matters_at_every_size() {
    for (width, _) in SIZES {
        let buf = header_and_footer(&sample::header(), Theme::default(), width);
        assert_snapshot!(format!("header_{width}"), screen::painted(&buf));
    }
}

#[test]
fn a_stale_replica_without_a_run_says_so() {
    for width in [120, 60] {
        let buf = header_and_footer(&sample::stale(), Theme::default(), width);
        assert_snapshot!(format!("stale_{width}"), screen::painted(&buf));
    }
}

#[test]
fn without_colour_words_and_symbols_remain() {
    let mono = Theme::new(Name::Default, true);
    let buf = header_and_footer(&sample::stale(), mono, 120);
    assert_snapshot!("stale_mono", screen::painted(&buf));
    let plain = header_and_footer(&sample::stale(), Theme::default(), 120);
    assert_eq!(screen::text(&buf), screen::text(&plain));
}

#[test]
fn high_contrast_dims_nothing() {
    let theme = Theme::new(Name::HighContrast, false);
    let painted = screen::painted(&header_and_footer(&sample::header(), theme, 120));
    assert!(!painted.contains("dim"), "{painted}");
}

#[test]
fn below_the_minimum_target_alarm_and_step_remain() {
    let mut buf = screen::blank(28, 6);
    let area = buf.area;
    assert!(small::is_too_small(area));
    small::render(&sample::header(), Some("expenses waits 0:42"), Theme::default(), area, &mut buf);
    assert_snapshot!("small_28", screen::painted(&buf));
}

#[test]
fn a_rehearsal_is_told_at_every_size_and_never_in_the_colour_of_production() {
    let real = sample::header();
    let header = Header { rehearsal: true, ..real.clone() };
    let badge = |header: &Header, width| {
        let buf = header_and_footer(header, Theme::default(), width);
        buf.cell((1, 0)).expect("it has a cell").bg
    };
    for (width, _) in SIZES {
        let text = screen::text(&header_and_footer(&header, Theme::default(), width));
        assert!(text.contains(" REHEARSAL of PRODUCTION   shop"), "{text}");
        assert_ne!(badge(&header, width), badge(&real, width));
    }
    let mut buf = screen::blank(28, 6);
    let area = buf.area;
    small::render(&header, None, Theme::default(), area, &mut buf);
    assert!(screen::text(&buf).contains("REHEARSAL of PRODUCTION"));
}

#[test]
fn the_narrowest_header_still_says_all_that_must_always_be_seen() {
    let text = screen::text(&header_and_footer(&sample::header(), Theme::default(), 60));
    for word in
        ["PRODUCTION", "shop", "WATCHING", "4/11", "blocked 16", "data 0.4 s", "rec", "r run"]
    {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
}
