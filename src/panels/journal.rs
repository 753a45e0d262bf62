//! The panel Journal.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Ask, Command, Panel, Scene};
use crate::ui::bindings::Binding;
use crate::ui::theme::Theme;

/// The panel's own state.
#[derive(Debug, Default)]
pub struct Journal;

impl Panel for Journal {
    fn bindings(&self, _scene: &Scene<'_>) -> Vec<Binding<Command>> {
        Vec::new()
    }

    fn on(&mut self, _command: &Command, _scene: &Scene<'_>) -> Ask {
        Ask::Nothing
    }

    fn view(&self, _scene: &Scene<'_>, _theme: Theme, _area: Rect, _buf: &mut Buffer) {}
}
