//! One record per key: dispatch, footer, help page, palette and the reason why
//! a key is off now all read the same [`Binding`].

use std::borrow::Cow;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key with its modifiers, as a binding names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// What is pressed; a letter carries its own case.
    pub code: KeyCode,
    /// What is held with it; never Shift for a character.
    pub modifiers: KeyModifiers,
}

impl Key {
    /// Returns the key that types `c`.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self::code(KeyCode::Char(c))
    }

    /// Returns the key `code` without modifiers.
    #[must_use]
    pub const fn code(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    /// Returns `c` with Ctrl held.
    #[must_use]
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    /// Returns true if `event` is this key going down or repeating.
    #[must_use]
    pub fn matches(self, event: &KeyEvent) -> bool {
        event.kind != KeyEventKind::Release && Self::from(event) == self
    }
}

impl From<&KeyEvent> for Key {
    /// Drops Shift from characters: terminals differ in whether they report it,
    /// and the character's case says it already.
    fn from(event: &KeyEvent) -> Self {
        let mut modifiers = event.modifiers;
        if matches!(event.code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers.remove(KeyModifiers::SHIFT);
        }
        Self { code: event.code, modifiers }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("Ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("Alt-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                write!(f, "{}", c.to_ascii_uppercase())
            }
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            KeyCode::F(n) => write!(f, "F{n}"),
            other => write!(f, "{other}"),
        }
    }
}

/// Why a key does nothing now, in words that say what would enable it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason(Cow<'static, str>);

impl Reason {
    /// Wraps the reason, a sentence fragment without full stop.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key, what it does and whether it can do it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding<C> {
    /// The key.
    pub key: Key,
    /// One or two words for the footer.
    pub label: Cow<'static, str>,
    /// One line for the help page and the palette.
    pub help: &'static str,
    /// What the key asks for.
    pub command: C,
    /// Ok, or why the key is off now.
    pub enabled: Result<(), Reason>,
}

impl<C> Binding<C> {
    /// Returns an enabled binding.
    pub fn new(
        key: Key,
        label: impl Into<Cow<'static, str>>,
        help: &'static str,
        command: C,
    ) -> Self {
        Self { key, label: label.into(), help, command, enabled: Ok(()) }
    }

    /// Returns the binding, enabled or not as `enabled` says.
    #[must_use]
    pub fn when(self, enabled: Result<(), Reason>) -> Self {
        Self { enabled, ..self }
    }
}

/// Bindings under one heading of the help page: a pane's own, or everybody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<C> {
    /// The heading.
    pub title: &'static str,
    /// The bindings, most important first.
    pub bindings: Vec<Binding<C>>,
}

/// What a key press meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press<C> {
    /// A binding that is on: its command.
    Command(C),
    /// A binding that is off: its label and why.
    Off(Cow<'static, str>, Reason),
    /// Nothing is bound to the key.
    Unbound,
}

/// Returns what `event` means under `bindings`, the first that matches winning.
#[must_use]
pub fn press<'a, C: Clone + 'a>(
    bindings: impl IntoIterator<Item = &'a Binding<C>>,
    event: &KeyEvent,
) -> Press<C> {
    match bindings.into_iter().find(|binding| binding.key.matches(event)) {
        Some(Binding { enabled: Ok(()), command, .. }) => Press::Command(command.clone()),
        Some(Binding { enabled: Err(reason), label, .. }) => {
            Press::Off(label.clone(), reason.clone())
        }
        None => Press::Unbound,
    }
}
