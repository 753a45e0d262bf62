//! One record per key.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use lockkeeper::ui::bindings::{Key, Press, Reason, press};
use lockkeeper::ui::theme::Theme;
use lockkeeper::ui::widgets::footer;

use super::sample;
use crate::support::screen;

fn down(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
}

#[test]
fn a_key_that_is_off_says_why() {
    let groups = sample::groups();
    let meant = |c| press(&groups[0].bindings, &down(c));
    assert_eq!(meant('r'), Press::Command("run"));
    let reason = Reason::new("the step is required by the policy");
    assert_eq!(meant('s'), Press::Off("skip".into(), reason));
    assert_eq!(meant('y'), Press::Unbound);
}

#[test]
fn a_release_presses_nothing() {
    let event = KeyEvent { kind: KeyEventKind::Release, ..down('r') };
    assert_eq!(press(&sample::groups()[0].bindings, &event), Press::Unbound);
}

#[test]
fn shift_is_told_by_the_letter_and_control_by_the_modifier() {
    let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
    assert!(Key::char('G').matches(&shifted));
    assert!(!Key::char('g').matches(&shifted));
    assert!(!Key::char('z').matches(&KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL)));
}

#[test]
fn keys_are_named_as_on_the_keyboard() {
    let names = [Key::char('G'), Key::ctrl('z'), Key::char(' '), Key::code(KeyCode::PageDown)];
    assert_eq!(names.map(|key| key.to_string()), ["G", "Ctrl-Z", "Space", "PgDn"]);
    assert_eq!(Key::code(KeyCode::Up).to_string(), "↑");
    assert_eq!(Key::code(KeyCode::Esc).to_string(), "Esc");
    assert_eq!(Key::code(KeyCode::F(1)).to_string(), "F1");
}

#[test]
fn a_narrow_footer_keeps_the_keys_that_work_and_help() {
    let mut buf = screen::blank(30, 1);
    let area = buf.area;
    footer::render(&sample::groups()[0].bindings, Theme::default(), area, &mut buf);
    assert_eq!(screen::text(&buf), " r run   n note        ? help\n");
}
