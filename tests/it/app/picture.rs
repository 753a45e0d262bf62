//! The README's picture: painted by the program itself, and always of today's program.

use std::fs;
use std::path::Path;
use std::time::Instant;

use lockkeeper::app::App;
use lockkeeper::session::facts::Lease;
use lockkeeper::ui::picture;
use lockkeeper::ui::theme::Theme;

use crate::support::facts::{self, World};
use crate::support::screen::blank;

/// The size of the picture, in cells.
const SIZE: (u16, u16) = (132, 24);

/// Compares with the picture in `assets`, or writes it where `UPDATE_PICTURES` is set.
fn assert_picture(app: &App, name: &str, title: &str) {
    let mut buf = blank(SIZE.0, SIZE.1);
    let area = buf.area;
    app.view(Instant::now(), area, &mut buf);
    let svg = picture::svg(&buf, title);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name);
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        fs::write(&path, svg).expect("the picture can be written");
        return;
    }
    let shown = fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == svg, "{name} is not today's screen: UPDATE_PICTURES=1 cargo test picture");
}

#[test]
fn the_readme_shows_todays_screen() {
    let mut known = World::blocked().facts();
    known.lease = Lease::Held;
    known.project.arrived(facts::migrations(2), facts::now());
    let mut app = App::new(known, Theme::default(), Vec::new());
    app.session = facts::running(facts::plan());
    assert_picture(&app, "watch.svg", "lockkeeper: a migration waits, and behind whom");
}
