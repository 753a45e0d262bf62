//! The confirmation of one exact plan. Leaving is the default; nothing that a
//! tired hand, a held key, type-ahead or a paste does can say yes.

mod view;

use std::cell::Cell;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::keyboard::{Haste, Keyboard};
use crate::domain::identity::Class;
use crate::domain::plan::{Answer, Hash};
use crate::domain::untrusted::Untrusted;
use crate::ui::bindings::Key;
use crate::ui::theme::Tone;
use crate::ui::widgets::message::Message;
use crate::ui::widgets::pairs::Pair;

/// Keys are ignored for this long after the dialog opened or changed, or the screen became
/// large enough to read it.
pub const DELAY: Duration = Duration::from_millis(500);

/// What is to be confirmed, restated for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The act in a few words, visible text.
    pub title: String,
    /// The class of the target.
    pub class: Class,
    /// Whether it is only a copy of that target.
    pub rehearsal: bool,
    /// Command, target, locks, what is so now, duration, the way back.
    pub rows: Vec<Pair>,
    /// The plan's hash: what a yes is for.
    pub hash: Hash,
    /// What a yes takes.
    pub need: Need,
}

/// What a yes takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// One deliberate press of this character.
    Key(char),
    /// These characters exactly, then Enter; for what can lose something. An
    /// empty token can never be given.
    Typed(String),
}

/// What a key led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The dialog stays.
    Open,
    /// The operator left; nothing runs.
    Left,
    /// The operator said yes to the plan that was shown; said once.
    Yes(Answer),
}

/// The dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    content: Content,
    opened: Instant,
    keyboard: Keyboard,
    typed: String,
    message: Option<Message>,
    /// The first shown row, for content that is higher than the screen.
    top: Cell<usize>,
    /// True once every row was painted: what was never shown cannot be confirmed.
    seen: Cell<bool>,
    /// Since when it has been on a screen that is large enough.
    shown: Cell<Option<Instant>>,
    spent: bool,
}

impl Dialog {
    /// Opens the dialog at `now`, by `opener` if a key opened it; `keyboard` has
    /// noted every key until now.
    ///
    /// If the opener is also the key that would confirm, the word `yes` has to
    /// be typed instead.
    #[must_use]
    pub fn open(
        mut content: Content,
        opener: Option<Key>,
        keyboard: Keyboard,
        now: Instant,
    ) -> Self {
        if matches!(content.need, Need::Key(c) if opener == Some(Key::char(c))) {
            content.need = Need::Typed("yes".to_owned());
        }
        Self {
            content,
            opened: now,
            keyboard,
            typed: String::new(),
            message: None,
            top: Cell::new(0),
            seen: Cell::new(false),
            shown: Cell::new(None),
            spent: false,
        }
    }

    /// Returns what is being confirmed.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Returns what the dialog last said of a key.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// Replaces the content at `now`. New evidence under the same plan is only
    /// shown; another plan disarms the dialog and says so.
    pub fn update(&mut self, content: Content, now: Instant) {
        let same = content.hash == self.content.hash;
        let need = self.content.need.clone();
        self.content = content;
        if same {
            // A dialog that asks for more than the plan needs keeps asking.
            self.content.need = need;
        } else {
            self.look_again("changed, look again", now);
        }
    }

    /// Disarms the dialog at `now` and says `why`: worse evidence, a new plan.
    pub fn look_again(&mut self, why: &str, now: Instant) {
        self.opened = now;
        self.typed.clear();
        self.top.set(0);
        self.seen.set(false);
        self.say(why);
    }

    /// Takes a key that arrived at `at`.
    pub fn on_key(&mut self, event: &KeyEvent, at: Instant) -> Reply {
        let haste = self.keyboard.judge(event, at);
        self.keyboard.note(event, at);
        if self.spent || at < self.opened || event.kind == KeyEventKind::Release {
            return Reply::Open;
        }
        let key = Key::from(event);
        if key == Key::code(KeyCode::Esc) || key == Key::ctrl('c') {
            return Reply::Left;
        }
        if at < self.readable_at() {
            self.say("too early: read it first");
        } else if !self.scrolls(key) {
            return self.take(key, haste);
        }
        Reply::Open
    }

    /// Discards a bracketed paste that arrived at `at`.
    pub fn on_paste(&mut self, at: Instant) {
        self.keyboard.disturb(at);
        self.say("pasted text is not taken here: type it");
    }

    /// Returns when the dialog will look armed, if that is still to come.
    #[must_use]
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        Some(self.armed_at()).filter(|at| *at > now)
    }

    /// Notes that the screen is too small to show it: a key from now until it has been read
    /// again was meant for something else.
    pub fn hidden(&self) {
        self.seen.set(false);
        self.shown.set(None);
    }

    /// Returns when it will have been on the screen for long enough to be read.
    fn readable_at(&self) -> Instant {
        self.shown.get().map_or(self.opened, |shown| shown.max(self.opened)) + DELAY
    }

    /// Returns from when on the next key is taken, if none comes before.
    fn armed_at(&self) -> Instant {
        let open = self.readable_at();
        let key = match &self.content.need {
            Need::Key(c) => Key::char(*c),
            Need::Typed(_) if !self.typed.is_empty() => return open,
            Need::Typed(token) => Key::char(token.chars().next().unwrap_or_default()),
        };
        self.keyboard.quiet_at(key).map_or(open, |quiet| quiet.max(open))
    }

    fn take(&mut self, key: Key, haste: Result<(), Haste>) -> Reply {
        match self.content.need.clone() {
            Need::Key(wanted) => self.take_key(wanted, key, haste),
            Need::Typed(token) => self.take_typed(&token, key, haste),
        }
    }

    fn take_key(&mut self, wanted: char, key: Key, haste: Result<(), Haste>) -> Reply {
        if key != Key::char(wanted) {
            self.say(&format!("{key} does nothing here: {wanted} runs it, Esc leaves"));
            return Reply::Open;
        }
        match haste {
            Ok(()) => self.confirm(Answer::Key(self.content.hash.clone())),
            Err(haste) => self.refuse_haste(haste),
        }
    }

    fn take_typed(&mut self, token: &str, key: Key, haste: Result<(), Haste>) -> Reply {
        match key.code {
            KeyCode::Enter => return self.submit(token, haste),
            KeyCode::Backspace => drop(self.typed.pop()),
            KeyCode::Char('u') if key.modifiers == KeyModifiers::CONTROL => self.typed.clear(),
            KeyCode::Char(c) if key.modifiers.is_empty() => return self.type_char(c, haste),
            _ => {}
        }
        Reply::Open
    }

    /// Appends a character: the first must be deliberate, the others no repeats. A repeat spoils
    /// what was typed: without it the rest could be the token, which nobody has typed.
    fn type_char(&mut self, c: char, haste: Result<(), Haste>) -> Reply {
        match haste {
            Err(Haste::Repeat) if !self.typed.is_empty() => {
                self.typed.clear();
                self.say("a repeating key is not taken: let go, then type it anew");
                Reply::Open
            }
            Err(haste) if self.typed.is_empty() || haste == Haste::Repeat => {
                self.refuse_haste(haste)
            }
            _ => {
                self.message = None;
                self.typed.push(c);
                Reply::Open
            }
        }
    }

    /// Compares what was typed, exactly.
    fn submit(&mut self, token: &str, haste: Result<(), Haste>) -> Reply {
        match haste {
            Err(haste) if haste != Haste::Busy => self.refuse_haste(haste),
            _ if !token.is_empty() && self.typed == token => {
                self.confirm(Answer::Typed(self.content.hash.clone(), token.to_owned()))
            }
            _ => {
                self.say(&mismatch(&self.typed, token));
                Reply::Open
            }
        }
    }

    fn confirm(&mut self, answer: Answer) -> Reply {
        if !self.seen.get() {
            self.say("there is more: ↓ shows it, then confirm");
            return Reply::Open;
        }
        self.spent = true;
        Reply::Yes(answer)
    }

    fn refuse_haste(&mut self, haste: Haste) -> Reply {
        self.say(match haste {
            Haste::Repeat => "a repeating key is not taken: let go",
            Haste::Burst => "that came faster than a hand: once more",
            Haste::Held => "the key may be held: let go for 2 seconds",
            Haste::Busy => "too soon after another key: pause, then once more",
        });
        Reply::Open
    }

    /// Scrolls the rows if `key` is for that.
    fn scrolls(&mut self, key: Key) -> bool {
        let top = self.top.get();
        match key.code {
            KeyCode::Up => self.top.set(top.saturating_sub(1)),
            KeyCode::Down => self.top.set(top.saturating_add(1)),
            KeyCode::PageUp => self.top.set(top.saturating_sub(5)),
            KeyCode::PageDown => self.top.set(top.saturating_add(5)),
            _ => return false,
        }
        true
    }

    fn say(&mut self, text: &str) {
        self.message = Some(Message::new(Tone::Warn, text));
    }
}

/// Says how `typed` misses `token`.
fn mismatch(typed: &str, token: &str) -> String {
    let shown = |text: &str| Untrusted::new(text).visible();
    let why = if typed.is_empty() {
        return format!("Enter alone does nothing: type {}", shown(token));
    } else if typed.trim() == token {
        " (spaces count)"
    } else if typed.to_lowercase() == token.to_lowercase() {
        " (capitals count)"
    } else {
        ""
    };
    format!("\"{}\" is not \"{}\"{why}", shown(typed), shown(token))
}
