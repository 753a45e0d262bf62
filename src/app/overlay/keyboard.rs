//! Tells a deliberate press from a held key, from type-ahead and from a paste
//! that the terminal did not mark as one.
//!
//! Where the terminal reports releases they are believed. Elsewhere only the
//! gaps between events tell: a held key repeats after a first pause of up to
//! two seconds (the longest of the common desktops' settings), then quickly.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use crate::ui::bindings::Key;

/// The silence before a press of another key than the last one.
pub const QUIET: Duration = Duration::from_millis(500);
/// The silence before a second press of the same key, if no release was seen.
pub const HELD: Duration = Duration::from_secs(2);
/// No hand is faster than this.
pub const BURST: Duration = Duration::from_millis(30);

/// The last key, as far as it matters to whether the next one is deliberate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyboard {
    last: Option<Stroke>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stroke {
    key: Key,
    at: Instant,
    released: bool,
}

/// Why a press may not be deliberate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// The terminal says that the key repeats, or it came again faster than a hand.
    Repeat,
    /// Right after another key, faster than a hand.
    Burst,
    /// The same key again, with no release and too little silence between.
    Held,
    /// Another key, with too little silence before.
    Busy,
}

impl Keyboard {
    /// Records an event that arrived at `at`; every key goes through here, also
    /// those before a dialog opens.
    pub fn note(&mut self, event: &KeyEvent, at: Instant) {
        let key = Key::from(event);
        if event.kind != KeyEventKind::Release {
            self.last = Some(Stroke { key, at, released: false });
        } else if let Some(last) = self.last.as_mut().filter(|last| last.key == key) {
            last.released = true;
        }
    }

    /// Records something at `at` that was no key, such as a paste.
    pub fn disturb(&mut self, at: Instant) {
        self.last = Some(Stroke { key: Key::code(KeyCode::Null), at, released: false });
    }

    /// Returns whether `event` at `at`, not yet noted, is a deliberate press.
    ///
    /// # Errors
    ///
    /// Returns why it may not be one.
    pub fn judge(&self, event: &KeyEvent, at: Instant) -> Result<(), Haste> {
        if event.kind != KeyEventKind::Press {
            return Err(Haste::Repeat);
        }
        let Some(last) = &self.last else { return Ok(()) };
        let same = last.key == Key::from(event);
        let gap = at.saturating_duration_since(last.at);
        match (same, gap) {
            (true, gap) if gap < BURST => Err(Haste::Repeat),
            (false, gap) if gap < BURST => Err(Haste::Burst),
            _ if last.released => Ok(()),
            (true, gap) if gap < HELD => Err(Haste::Held),
            (false, gap) if gap < QUIET => Err(Haste::Busy),
            _ => Ok(()),
        }
    }

    /// Returns when a press of another key than the last one will be deliberate if nothing comes
    /// before.
    #[must_use]
    pub fn settles_at(&self) -> Option<Instant> {
        let last = self.last.as_ref()?;
        Some(last.at + if last.released { BURST } else { QUIET })
    }

    /// Returns when a press of `key` will be deliberate if nothing comes before.
    #[must_use]
    pub fn quiet_at(&self, key: Key) -> Option<Instant> {
        let last = self.last.as_ref()?;
        let wait = match (last.released, last.key == key) {
            (true, _) => BURST,
            (false, true) => HELD,
            (false, false) => QUIET,
        };
        Some(last.at + wait)
    }
}
