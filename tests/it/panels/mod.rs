//! Tests of the layer `panels`.

mod activity;
mod backups;
mod journal;
mod locks;
mod migrations;
mod rehearsal;
mod rollback;
mod runbook;
mod watch;

use lockkeeper::panels::{Ask, Command, Panel, Scene};
use lockkeeper::session::facts::Facts;
use lockkeeper::session::machine::Session;
use lockkeeper::ui::bindings::Binding;
use lockkeeper::ui::theme::Theme;

use crate::support::screen;

/// The rows that header and footer leave of the three sizes.
const BODIES: [(u16, u16); 3] = [(200, 46), (80, 20), (60, 11)];

/// Returns the scene of `facts` and `session`, unfiltered.
fn scene<'a>(facts: &'a Facts, session: &'a Session) -> Scene<'a> {
    Scene { facts, session, filter: "" }
}

fn painted(panel: &dyn Panel, scene: &Scene<'_>, (width, height): (u16, u16)) -> String {
    let mut buf = screen::blank(width, height);
    let area = buf.area;
    panel.view(scene, Theme::default(), area, &mut buf);
    screen::painted(&buf)
}

fn text(panel: &dyn Panel, scene: &Scene<'_>, (width, height): (u16, u16)) -> String {
    let mut buf = screen::blank(width, height);
    let area = buf.area;
    panel.view(scene, Theme::default(), area, &mut buf);
    screen::text(&buf)
}

/// Paints at every size from nothing on: no panic, nothing outside.
fn fits_everywhere(panel: &dyn Panel, scene: &Scene<'_>) {
    for width in [0, 1, 2, 3, 5, 8, 13, 34, 59, 84, 85, 150] {
        for height in [0, 1, 2, 3, 4, 7, 14, 15] {
            painted(panel, scene, (width, height));
        }
    }
}

fn key(panel: &dyn Panel, scene: &Scene<'_>, key: char) -> Binding<Command> {
    let wanted = lockkeeper::ui::bindings::Key::char(key);
    let all = panel.bindings(scene);
    let found = all.into_iter().find(|binding| binding.key == wanted);
    found.unwrap_or_else(|| panic!("{key} is not bound"))
}

/// Presses a key that is on.
fn press(panel: &mut dyn Panel, scene: &Scene<'_>, c: char) -> Ask {
    let binding = key(panel, scene, c);
    assert_eq!(binding.enabled, Ok(()), "{c} is off");
    panel.on(&binding.command, scene)
}

/// Returns why a key is off.
fn off(panel: &dyn Panel, scene: &Scene<'_>, c: char) -> String {
    key(panel, scene, c).enabled.expect_err("it is on").to_string()
}
