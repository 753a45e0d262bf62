//! The keys that work on every panel.

use crossterm::event::KeyCode;

use crate::panels::{Command, Id, Step};
use crate::session::effect::How;
use crate::session::machine::Session;
use crate::ui::bindings::{Binding, Group, Key, Reason};

/// Returns the keys that work everywhere, most important first.
#[must_use]
pub fn everywhere() -> Group<Command> {
    let mut bindings = vec![
        Binding::new(Key::char('?'), "help", "the keys of this panel", Command::Help),
        Binding::new(Key::char(':'), "palette", "find a command by its name", Command::Palette),
        Binding::new(Key::char('/'), "filter", "filter the list by a text", Command::Filter),
        Binding::new(
            Key::char('f'),
            "freeze",
            "hold the data still, or let it go on",
            Command::Freeze,
        ),
        Binding::new(Key::ctrl('r'), "reload", "read everything anew", Command::Refresh),
        Binding::new(Key::code(KeyCode::Tab), "next", "the next panel", Command::NextPanel),
        Binding::new(
            Key::code(KeyCode::BackTab),
            "previous",
            "the panel before",
            Command::PreviousPanel,
        ),
        Binding::new(Key::code(KeyCode::Esc), "back", "leave the filter", Command::Back),
        Binding::new(
            Key::char('q'),
            "quit",
            "leave the console; a running act goes on",
            Command::Quit,
        ),
    ];
    bindings.extend(Id::ALL.map(|id| {
        Binding::new(Key::char(id.digit()), id.title(), "go to this panel", Command::Panel(id))
    }));
    Group { title: "Everywhere", bindings }
}

/// Returns the key that ends our own running act: only once cancelling it was tried.
#[must_use]
pub fn kill(session: &Session) -> Binding<Command> {
    let help = "end the tool of our own act, after cancelling it was not enough";
    let enabled = match session.job().map(|job| job.stop) {
        None => Err(Reason::new("nothing of ours is running")),
        Some(None) => Err(Reason::new("cancel its statement first (c)")),
        Some(Some(How::Kill)) => Err(Reason::new("it is being ended, harder by and by")),
        Some(Some(How::Cancel)) => Ok(()),
    };
    Binding::new(Key::char('K'), "end tool", help, Command::KillAct).when(enabled)
}

/// Returns the keys that work everywhere and are worth a place in the footer: the tabs show
/// their own digits, and `?` has its place at the right.
#[must_use]
pub fn footer() -> Vec<Binding<Command>> {
    let shown = |command: &Command| {
        use Command::{Back, Filter, Freeze, Palette, Quit};
        matches!(command, Palette | Filter | Freeze | Back | Quit)
    };
    everywhere().bindings.into_iter().filter(|binding| shown(&binding.command)).collect()
}

/// Keys that mean the same as another one; not listed a second time.
const ALIASES: [(Key, Command); 2] =
    [(Key::code(KeyCode::F(1)), Command::Help), (Key::ctrl('c'), Command::Quit)];

/// Returns what an alias commands.
#[must_use]
pub fn alias(key: Key) -> Option<Command> {
    ALIASES.iter().find(|(alias, _)| *alias == key).map(|(_, command)| command.clone())
}

/// Returns the keys that move in lists: letters as in vi, and arrows.
#[must_use]
pub fn movement() -> Group<Command> {
    let go = |key, label, help, step| Binding::new(key, label, help, Command::Go(step));
    Group {
        title: "Moving",
        bindings: vec![
            go(Key::char('j'), "down", "one down (also ↓)", Step::Down),
            go(Key::char('k'), "up", "one up (also ↑)", Step::Up),
            go(Key::char('h'), "left", "to the left (also ←)", Step::Left),
            go(Key::char('l'), "right", "to the right (also →)", Step::Right),
            go(Key::char('g'), "first", "to the first (also Home)", Step::First),
            go(Key::char('G'), "last", "to the last (also End)", Step::Last),
            go(Key::code(KeyCode::PageUp), "page up", "a page up (also Ctrl-B)", Step::PageUp),
            go(
                Key::code(KeyCode::PageDown),
                "page down",
                "a page down (also Ctrl-F)",
                Step::PageDown,
            ),
        ],
    }
}

/// Returns the movement that a key means besides those of [`movement`].
#[must_use]
pub fn moves(key: Key) -> Option<Command> {
    let step = match key.code {
        KeyCode::Down => Step::Down,
        KeyCode::Up => Step::Up,
        KeyCode::Left => Step::Left,
        KeyCode::Right => Step::Right,
        KeyCode::Home => Step::First,
        KeyCode::End => Step::Last,
        _ if key == Key::ctrl('b') => Step::PageUp,
        _ if key == Key::ctrl('f') => Step::PageDown,
        _ => return None,
    };
    Some(Command::Go(step))
}
