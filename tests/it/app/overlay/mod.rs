//! What lies over the panels.

mod confirm;
mod pages;
mod property;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use lockkeeper::app::overlay::confirm::{Content, Dialog, Need, Reply};
use lockkeeper::app::overlay::keyboard::Keyboard;
use lockkeeper::domain::identity::Class;
use lockkeeper::domain::plan::Hash;
use lockkeeper::ui::bindings::Key;
use lockkeeper::ui::theme::Theme;
use lockkeeper::ui::widgets::pairs::Pair;

use crate::support::screen;

pub const HASH: &str = "3f9ac1d07be24f10";

pub fn press(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

pub fn char(c: char) -> KeyEvent {
    press(KeyCode::Char(c))
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The plan of the design's picture.
pub fn content(need: Need) -> Content {
    let rows = [
        ("runs", "alembic upgrade 9c2e41d07a55"),
        ("on", "shop @ db1:5432 as deployer · system 7412…903 · primary"),
        ("locks", "expenses AccessExclusive, rewrites 1.2 GB, blocks reads and writes"),
        ("now", "pid 3988 holds AccessShare since 4 min: this would wait, others with it"),
        ("takes", "0:41 in rehearsal (1.1 GB, 2 days ago) · lock_timeout 5 s × 5"),
        ("back", "downgrade LOSSY: 0 rows would be lost now"),
    ];
    Content {
        title: "migrate up one, 0007 widen_amount".into(),
        class: Class::Production,
        rehearsal: false,
        rows: rows.map(|(label, text)| Pair::new(label, text)).into(),
        hash: Hash::new(HASH),
        need,
    }
}

/// A dialog and the time, as the loop would drive it: painted after each event.
pub struct Driven {
    pub dialog: Dialog,
    pub opened: Instant,
    now: Instant,
}

impl Driven {
    /// Opens a dialog by the key `u`, pressed at the same moment.
    pub fn open(need: Need) -> Self {
        let now = Instant::now();
        let mut keyboard = Keyboard::default();
        keyboard.note(&char('u'), now);
        let dialog = Dialog::open(content(need), Some(Key::char('u')), keyboard, now);
        let driven = Self { dialog, opened: now, now };
        driven.paint();
        driven
    }

    pub fn paint(&self) {
        let mut buf = screen::blank(80, 24);
        let area = buf.area;
        self.dialog.view(self.now, Theme::default(), area, &mut buf);
    }

    pub fn wait(&mut self, gap: u64) -> Instant {
        self.now += ms(gap);
        self.now
    }

    /// Feeds `event` after `gap` milliseconds.
    pub fn key(&mut self, gap: u64, event: KeyEvent) -> Reply {
        let at = self.wait(gap);
        let reply = self.dialog.on_key(&event, at);
        self.paint();
        reply
    }

    pub fn repeat(&mut self, gap: u64, c: char) -> Reply {
        self.key(gap, KeyEvent { kind: KeyEventKind::Repeat, ..char(c) })
    }

    pub fn release(&mut self, gap: u64, c: char) -> Reply {
        self.key(gap, KeyEvent { kind: KeyEventKind::Release, ..char(c) })
    }

    /// Types `text` at a hand's pace after a pause.
    pub fn type_text(&mut self, text: &str) {
        for (at, c) in text.chars().enumerate() {
            let gap = if at == 0 { 2_500 } else { 140 };
            assert_eq!(self.key(gap, char(c)), Reply::Open);
        }
    }

    /// What the dialog last said.
    pub fn said(&self) -> &str {
        self.dialog.message().map_or("", |message| message.text.as_str())
    }
}
