//! Theme, bindings and widgets.

pub mod bindings;
pub mod picture;
pub mod step;
pub mod text;
pub mod theme;
pub mod widgets;
