//! A panel by itself: painted over facts, told commands.

use lockkeeper::panels::{Command, Panel, Scene};
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::Session;
use lockkeeper::ui::bindings::Binding;
use lockkeeper::ui::theme::Theme;
use ratatui::buffer::Buffer;

use super::screen::{SIZES, blank, text};

/// Rows of the screen that are not a panel's: header and footer.
pub const AROUND: u16 = 4;

/// Returns the scene of `facts` without a run and without a filter.
pub fn scene<'a>(facts: &'a Facts, session: &'a Session) -> Scene<'a> {
    Scene { facts, session, filter: "" }
}

/// Paints `panel` into its part of a screen of that size.
pub fn paint(panel: &dyn Panel, scene: &Scene<'_>, (width, height): (u16, u16)) -> Buffer {
    let mut buf = blank(width, height.saturating_sub(AROUND));
    let area = buf.area;
    panel.view(scene, Theme::default(), area, &mut buf);
    buf
}

/// Paints `panel` at every size from nothing to a wide screen, and in the corner of a
/// buffer that is smaller than what it was promised.
pub fn paint_everywhere(panel: &dyn Panel, scene: &Scene<'_>) {
    for width in [0, 1, 2, 7, 20, 59, 80, 200] {
        for height in [0, 1, 2, 3, 5, 11, 20, 46] {
            paint(panel, scene, (width, height + AROUND));
        }
    }
    let mut small = blank(10, 3);
    let area = blank(80, 20).area;
    panel.view(scene, Theme::default(), area, &mut small);
}

/// Returns the binding of `key`.
pub fn binding(panel: &dyn Panel, scene: &Scene<'_>, command: &Command) -> Binding<Command> {
    let bindings = panel.bindings(scene);
    let found = bindings.into_iter().find(|binding| binding.command == *command);
    found.expect("the panel has such a key")
}

/// Returns why the key of `command` is off; panics if it is on.
pub fn off(panel: &dyn Panel, scene: &Scene<'_>, command: &Command) -> String {
    binding(panel, scene, command).enabled.expect_err("the key is off").to_string()
}

/// Returns the panel's text on the wide screen.
pub fn wide(panel: &dyn Panel, scene: &Scene<'_>) -> String {
    text(&paint(panel, scene, SIZES[0]))
}

/// Panics if a cell holds what a terminal would obey instead of show.
pub fn assert_harmless(buf: &Buffer) {
    for cell in &buf.content {
        let bad = |c: char| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!cell.symbol().contains(bad), "{:?} reached the screen", cell.symbol());
    }
}
