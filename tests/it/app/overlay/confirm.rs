//! The confirmation: only a deliberate yes to the plan that was shown.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use insta::assert_snapshot;
use lockkeeper::app::overlay::confirm::{Content, Dialog, Need, Reply};
use lockkeeper::app::overlay::keyboard::Keyboard;
use lockkeeper::domain::plan::{Answer, Hash};
use lockkeeper::ui::bindings::Key;
use lockkeeper::ui::theme::Theme;

use super::{Driven, HASH, char, content, ms, press};
use crate::support::screen::{self, SIZES};

fn yes() -> Reply {
    Reply::Yes(Answer::Key(Hash::new(HASH)))
}

fn typed_yes(token: &str) -> Reply {
    Reply::Yes(Answer::Typed(Hash::new(HASH), token.into()))
}

fn by_key() -> Driven {
    Driven::open(Need::Key('y'))
}

fn by_typing() -> Driven {
    Driven::open(Need::Typed("shop".into()))
}

#[test]
fn a_deliberate_key_confirms_the_shown_plan() {
    assert_eq!(by_key().key(700, char('y')), yes());
}

#[test]
fn a_second_yes_is_not_heard() {
    let mut driven = by_key();
    assert_eq!(driven.key(700, char('y')), yes());
    assert_eq!(driven.key(3_000, char('y')), Reply::Open);
}

#[test]
fn enter_never_confirms_a_key_dialog() {
    let mut driven = by_key();
    assert_eq!(driven.key(5_000, press(KeyCode::Enter)), Reply::Open);
    assert!(driven.said().starts_with("Enter does nothing here"), "{}", driven.said());
}

#[test]
fn keys_of_the_first_half_second_are_ignored() {
    let mut driven = by_key();
    assert_eq!(driven.key(499, char('y')), Reply::Open);
    assert_eq!(driven.said(), "too early: read it first");
}

#[test]
fn keys_typed_before_the_dialog_opened_are_flushed() {
    let mut driven = by_key();
    let before = driven.opened.checked_sub(ms(10)).expect("the clock began before");
    assert_eq!(driven.dialog.on_key(&char('y'), before), Reply::Open);
    assert_eq!(driven.dialog.on_key(&press(KeyCode::Esc), before), Reply::Open);
    assert_eq!(driven.said(), "");
}

#[test]
fn a_held_key_never_confirms_on_a_terminal_that_reports_no_repeats() {
    for first_pause in [250, 500, 660, 1_000, 1_900] {
        for rate in [10, 33, 90, 500] {
            let mut driven = by_key();
            assert_eq!(driven.key(100, char('y')), Reply::Open);
            let mut replies = vec![driven.key(first_pause, char('y'))];
            replies.extend((0..40).map(|_| driven.key(rate, char('y'))));
            assert!(replies.iter().all(|reply| *reply == Reply::Open), "{first_pause} {rate}");
        }
    }
}

#[test]
fn a_key_held_since_before_the_dialog_opened_never_confirms() {
    let now = Instant::now();
    let mut keyboard = Keyboard::default();
    keyboard.note(&char('y'), now);
    let dialog = Dialog::open(content(Need::Key('y')), None, keyboard, now + ms(100));
    let mut driven = Driven { dialog, ..Driven::open(Need::Key('y')) };
    driven.paint();
    assert_eq!(driven.key(660, char('y')), Reply::Open);
    assert_eq!(driven.key(40, char('y')), Reply::Open);
}

#[test]
fn a_name_that_was_typed_with_a_repeating_key_in_it_is_typed_anew() {
    let mut driven = Driven::open(Need::Typed("shop".into()));
    driven.type_text("sho");
    assert_eq!(driven.key(12, char('o')), Reply::Open);
    assert_eq!(driven.said(), "a repeating key is not taken: let go, then type it anew");
    assert_eq!(driven.key(140, char('p')), Reply::Open);
    assert_eq!(driven.key(140, press(KeyCode::Enter)), Reply::Open, "nobody has typed shop");
    driven.type_text("shop");
    assert!(matches!(driven.key(140, press(KeyCode::Enter)), Reply::Yes(_)));
}

#[test]
fn a_reported_repeat_never_confirms() {
    let mut driven = by_key();
    assert_eq!(driven.repeat(9_000, 'y'), Reply::Open);
}

#[test]
fn a_release_arms_without_the_long_silence() {
    let mut driven = by_key();
    driven.key(600, char('x'));
    assert_eq!(driven.key(60, char('y')), Reply::Open, "no release was seen");
    driven.release(40, 'y');
    assert_eq!(driven.key(60, char('y')), yes());
}

#[test]
fn the_key_that_opened_cannot_be_the_key_that_confirms() {
    let now = Instant::now();
    let dialog =
        Dialog::open(content(Need::Key('u')), Some(Key::char('u')), Keyboard::default(), now);
    assert_eq!(dialog.content().need, Need::Typed("yes".into()));
}

#[test]
fn the_exact_token_and_enter_confirm() {
    let mut driven = by_typing();
    driven.type_text("shop");
    assert_eq!(driven.key(200, press(KeyCode::Enter)), typed_yes("shop"));
    assert_eq!(driven.key(3_000, press(KeyCode::Enter)), Reply::Open);
}

#[test]
fn near_misses_are_refused_with_what_misses() {
    for (text, why) in [
        ("Shop", "\"Shop\" is not \"shop\" (capitals count)"),
        (" shop", "\" shop\" is not \"shop\" (spaces count)"),
        ("shop ", "\"shop \" is not \"shop\" (spaces count)"),
        ("shopp", "\"shopp\" is not \"shop\""),
        ("sho", "\"sho\" is not \"shop\""),
        ("", "Enter alone does nothing: type shop"),
    ] {
        let mut driven = by_typing();
        driven.type_text(text);
        assert_eq!(driven.key(3_000, press(KeyCode::Enter)), Reply::Open);
        assert_eq!(driven.said(), why);
    }
}

#[test]
fn a_mistake_can_be_corrected() {
    let mut driven = by_typing();
    driven.type_text("shoo");
    driven.key(200, press(KeyCode::Backspace));
    driven.key(200, char('p'));
    assert_eq!(driven.key(200, press(KeyCode::Enter)), typed_yes("shop"));
}

#[test]
fn an_empty_token_can_never_be_given() {
    let mut driven = Driven::open(Need::Typed(String::new()));
    assert_eq!(driven.key(5_000, press(KeyCode::Enter)), Reply::Open);
}

#[test]
fn a_paste_is_discarded_and_said_so() {
    let mut driven = by_typing();
    let at = driven.wait(3_000);
    driven.dialog.on_paste(at);
    assert_eq!(driven.said(), "pasted text is not taken here: type it");
    assert_eq!(driven.key(3_000, press(KeyCode::Enter)), Reply::Open);
}

#[test]
fn a_paste_that_the_terminal_did_not_mark_is_not_confirmed_by_its_line_break() {
    let mut driven = by_typing();
    driven.key(3_000, char('s'));
    for c in "hop".chars() {
        driven.key(0, char(c));
    }
    assert_eq!(driven.key(0, press(KeyCode::Enter)), Reply::Open);
    assert_eq!(driven.said(), "that came faster than a hand: once more");
}

#[test]
fn escape_leaves_at_any_time() {
    assert_eq!(by_key().key(1, press(KeyCode::Esc)), Reply::Left);
    assert_eq!(by_typing().key(3_000, press(KeyCode::Esc)), Reply::Left);
}

#[test]
fn another_plan_disarms_and_says_look_again() {
    let mut driven = by_typing();
    driven.type_text("shop");
    let now = driven.wait(100);
    let changed = Content { hash: Hash::new("ffff"), ..content(Need::Typed("shop".into())) };
    driven.dialog.update(changed, now);
    assert_eq!(driven.said(), "changed, look again");
    assert_eq!(driven.key(10, press(KeyCode::Enter)), Reply::Open);
    assert_eq!(driven.key(3_000, press(KeyCode::Enter)), Reply::Open, "the token is gone too");
    driven.type_text("shop");
    let answer = Answer::Typed(Hash::new("ffff"), "shop".into());
    assert_eq!(driven.key(200, press(KeyCode::Enter)), Reply::Yes(answer));
}

#[test]
fn new_evidence_under_the_same_plan_keeps_what_was_typed() {
    let mut driven = by_typing();
    driven.type_text("shop");
    let mut fresher = content(Need::Typed("shop".into()));
    fresher.rows[3].value = "nobody holds a lock on expenses".into();
    let now = driven.wait(50);
    driven.dialog.update(fresher, now);
    driven.paint();
    assert_eq!(driven.key(200, press(KeyCode::Enter)), typed_yes("shop"));
}

#[test]
fn what_was_never_shown_cannot_be_confirmed() {
    let mut driven = by_key();
    let now = driven.wait(1_000);
    driven.dialog.look_again("the probe is worse now", now);
    let at = driven.wait(3_000);
    assert_eq!(driven.dialog.on_key(&char('y'), at), Reply::Open);
    assert_eq!(driven.said(), "there is more: ↓ shows it, then confirm");
}

#[test]
fn rows_below_the_edge_have_to_be_scrolled_to() {
    let mut driven = by_key();
    let now = driven.wait(1_000);
    driven.dialog.look_again("again", now);
    let paint = |driven: &Driven| {
        let mut buf = screen::blank(60, 15);
        let area = buf.area;
        let below = ratatui::layout::Rect { y: 3, height: 8, ..area };
        driven.dialog.view(now, Theme::default(), below, &mut buf);
    };
    paint(&driven);
    let at = driven.wait(3_000);
    assert_eq!(driven.dialog.on_key(&char('y'), at), Reply::Open);
    for _ in 0..20 {
        let at = driven.wait(100);
        driven.dialog.on_key(&press(KeyCode::Down), at);
        paint(&driven);
    }
    let at = driven.wait(3_000);
    assert_eq!(driven.dialog.on_key(&char('y'), at), yes());
}

#[test]
fn control_c_leaves_and_control_letters_type_nothing() {
    let control = |c| KeyEvent { modifiers: crossterm::event::KeyModifiers::CONTROL, ..char(c) };
    let mut driven = by_typing();
    driven.type_text("sho");
    driven.key(200, control('p'));
    assert_eq!(driven.key(200, press(KeyCode::Enter)), Reply::Open);
    assert_eq!(driven.key(200, control('c')), Reply::Left);
}

#[test]
fn the_release_of_the_enter_that_opened_is_no_enter() {
    let mut driven = by_typing();
    driven.type_text("shop");
    let release = KeyEvent { kind: KeyEventKind::Release, ..press(KeyCode::Enter) };
    assert_eq!(driven.key(200, release), Reply::Open);
}

#[test]
fn the_dialog_wakes_once_when_it_arms() {
    let driven = by_key();
    assert_eq!(driven.dialog.wakes_at(driven.opened), Some(driven.opened + ms(500)));
    assert_eq!(driven.dialog.wakes_at(driven.opened + ms(600)), None);
}

#[test]
fn the_dialog_restates_everything_at_every_size() {
    for (width, height) in SIZES {
        let driven = by_typing();
        let mut buf = screen::blank(width, height);
        let area = buf.area;
        driven.dialog.view(driven.opened + ms(600), Theme::default(), area, &mut buf);
        assert_snapshot!(format!("confirm_typed_{width}"), screen::painted(&buf));
    }
}

#[test]
fn the_dialog_looks_unarmed_until_it_is_armed() {
    let mut driven = by_key();
    driven.key(100, char('y'));
    let mut buf = screen::blank(80, 24);
    let area = buf.area;
    driven.dialog.view(driven.opened + ms(200), Theme::default(), area, &mut buf);
    assert_snapshot!("confirm_key_unarmed", screen::painted(&buf));
}
