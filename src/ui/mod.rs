//! Theme, bindings and widgets.

pub mod bindings;
pub mod picture;
pub mod text;
pub mod theme;
pub mod widgets;
