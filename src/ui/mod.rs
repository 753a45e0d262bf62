//! Theme, bindings and widgets.

pub mod bindings;
pub mod picture;
pub mod theme;
pub mod widgets;
