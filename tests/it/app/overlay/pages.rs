//! Help, palette, filter, reason and detail.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use insta::assert_snapshot;
use lockkeeper::app::overlay::detail::Detail;
use lockkeeper::app::overlay::filter::Filter;
use lockkeeper::app::overlay::help::Help;
use lockkeeper::app::overlay::palette::Palette;
use lockkeeper::app::overlay::reason::Reason;
use lockkeeper::app::overlay::{Outcome, Overlay};
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::ui::theme::Theme;
use lockkeeper::ui::widgets::pairs::Pair;
use proptest::prelude::*;

use super::press;
use crate::support::screen::{self, SIZES};
use crate::ui::sample;

type Command = &'static str;

fn painted(overlay: &Overlay<Command>, width: u16, height: u16) -> String {
    let mut buf = screen::blank(width, height);
    let area = buf.area;
    overlay.view(Instant::now(), Theme::default(), area, &mut buf);
    screen::painted(&buf)
}

fn typed(overlay: &mut Overlay<Command>, text: &str) -> Outcome<Command> {
    let mut last = Outcome::Open;
    for c in text.chars() {
        last = overlay.on_key(&press(KeyCode::Char(c)), Instant::now());
    }
    last
}

fn key(overlay: &mut Overlay<Command>, code: KeyCode) -> Outcome<Command> {
    overlay.on_key(&press(code), Instant::now())
}

fn palette() -> Overlay<Command> {
    Overlay::Palette(Palette::new(sample::groups()))
}

fn detail() -> Overlay<Command> {
    let pairs = vec![Pair::new("pid", "3988"), Pair::new("state", "idle in transaction, 4 min")];
    let query = Untrusted::new("SELECT *\nFROM expenses\nWHERE note = '\u{1b}[2J'");
    Overlay::Detail(Detail::new("Session 3988", pairs, &query))
}

#[test]
fn help_lists_every_key_and_why_one_is_off() {
    for (width, height) in SIZES {
        let help = Overlay::Help(Help::new(sample::groups()));
        assert_snapshot!(format!("help_{width}"), painted(&help, width, height));
    }
}

#[test]
fn help_scrolls_to_its_end_and_closes() {
    let mut help = Overlay::Help(Help::new(sample::groups()));
    key(&mut help, KeyCode::End);
    assert!(painted(&help, 60, 12).contains("Suspend the console"));
    assert_eq!(key(&mut help, KeyCode::Char('?')), Outcome::Closed);
}

#[test]
fn the_palette_finds_a_command_by_a_few_letters() {
    let mut palette = palette();
    typed(&mut palette, "frz");
    assert_eq!(key(&mut palette, KeyCode::Enter), Outcome::Run("freeze"));
}

#[test]
fn the_palette_says_why_a_command_is_off() {
    let mut palette = palette();
    typed(&mut palette, "skip");
    assert_eq!(key(&mut palette, KeyCode::Enter), Outcome::Open);
    let screen = painted(&palette, 80, 24);
    assert!(screen.contains("skip is off: the step is required by the policy"), "{screen}");
    assert_snapshot!("palette", screen);
}

#[test]
fn a_palette_that_finds_nothing_runs_nothing() {
    let mut palette = palette();
    typed(&mut palette, "qqqq");
    assert_eq!(key(&mut palette, KeyCode::Enter), Outcome::Open);
}

#[test]
fn a_filter_works_while_it_is_typed_and_escape_brings_the_old_one_back() {
    let mut filter = Overlay::Filter(Filter::new("web"));
    let shown = |text: &str, open| Outcome::Filtered { text: text.into(), open };
    assert_eq!(typed(&mut filter, "x"), shown("webx", true));
    assert_eq!(filter.on_paste("a\nb", Instant::now()), shown("webxa b", true));
    assert_eq!(key(&mut filter, KeyCode::Esc), shown("web", false));
    assert_eq!(key(&mut filter, KeyCode::Enter), shown("webxa b", false));
}

#[test]
fn a_reason_of_nothing_is_no_reason() {
    let mut reason = Overlay::Reason(Reason::new("Why is the step skipped?"));
    typed(&mut reason, "  ");
    assert_eq!(key(&mut reason, KeyCode::Enter), Outcome::Open);
    typed(&mut reason, "done by hand");
    let held = KeyEvent { kind: KeyEventKind::Repeat, ..press(KeyCode::Enter) };
    assert_eq!(reason.on_key(&held, Instant::now()), Outcome::Open);
    assert_snapshot!("reason", painted(&reason, 80, 24));
    assert_eq!(key(&mut reason, KeyCode::Enter), Outcome::Entered("done by hand".into()));
}

#[test]
fn what_is_typed_or_pasted_is_escaped() {
    let mut reason: Overlay<Command> = Overlay::Reason(Reason::new("Why?"));
    reason.on_paste("a\u{1b}[2J\r\nb", Instant::now());
    typed(&mut reason, "\u{202e}");
    let entered = key(&mut reason, KeyCode::Enter);
    assert_eq!(entered, Outcome::Entered("a␛[2J  b<U+202E>".into()));
}

#[test]
fn a_detail_shows_facts_and_escaped_text() {
    assert_snapshot!("detail", painted(&detail(), 80, 24));
}

fn overlays() -> Vec<Overlay<Command>> {
    vec![
        Overlay::Help(Help::new(sample::groups())),
        palette(),
        Overlay::Filter(Filter::new("x")),
        Overlay::Reason(Reason::new("Why?")),
        detail(),
        Overlay::Confirm(
            super::Driven::open(lockkeeper::app::overlay::confirm::Need::Key('y')).dialog,
        ),
    ]
}

proptest! {
    // Each of them paints every overlay after every key: some thousand screens.
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_overlay_panics_at_any_size_or_key(
        width in 0_u16..100, height in 0_u16..30,
        keys in prop::collection::vec(prop::sample::select(vec![
            KeyCode::Up, KeyCode::Down, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home,
            KeyCode::End, KeyCode::Left, KeyCode::Right, KeyCode::Enter, KeyCode::Esc,
            KeyCode::Tab, KeyCode::Backspace, KeyCode::Delete, KeyCode::Char('語'),
            KeyCode::Char('a'), KeyCode::Char('\u{7}'), KeyCode::F(5), KeyCode::Null,
        ]), 0..12),
    ) {
        for mut overlay in overlays() {
            painted(&overlay, width, height);
            for code in &keys {
                key(&mut overlay, *code);
                painted(&overlay, width, height);
            }
        }
    }
}
